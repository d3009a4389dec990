"""Encrypted landing: no byte of a delivery in it, every byte back, on and off for a home that is in use, killed anywhere."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import zipfile
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pyrage
import pytest
from click.testing import CliRunner

from orchestration import cli
from orchestration.audit.doctor import doctor
from orchestration.audit.verify import verify
from orchestration.core.config import load_config
from orchestration.core.errors import ConfigError, InputError
from orchestration.core.home import Home
from orchestration.landing import collect, member_head, open_member, read_manifest
from orchestration.landing.archives import clear_unpacked, landed_path
from orchestration.landing.sealing import landed, sealed_path
from orchestration.rebuild import _Twin
from tests.privacy.killed import die_at

AS_OF = datetime(2026, 3, 1, 12, tzinfo=UTC)
PLAIN = "email\n" + "".join(f"canary{number}@example.com\n" for number in range(20_000))  # more than a chunk of 64 KiB
BASE = '[company]\nname = "Acme"\n[limits]\nsettle_seconds = 0\n[sources.asks]\nformat = "requests"\n'
ON = BASE + '[encryption]\nlanding = true\nkey_env = "LANDING_KEY"\n'
OFF = ON.replace("true", "false")


def zipped(text: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("inside.csv", text)
    return packed.getvalue()


DELIVERIES = {
    "plain.csv": PLAIN.encode(),
    "packed.zip": zipped("email\nzipped-canary@example.com\n"),
    "packed.csv.gz": gzip.compress(b"email\ngzipped-canary@example.com\n"),
    "a file of age.csv": b"age-encryption.org/v1\nemail\ncanary@example.com\n",
}


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> str:
    key = str(pyrage.x25519.Identity.generate())
    monkeypatch.setenv("LANDING_KEY", key)
    return key


@pytest.fixture
def home(tmp_path: Path, key: str) -> Home:
    return make(tmp_path / "home", ON)


def make(root: Path, config: str) -> Home:
    home = Home.at(root).create()
    home.config_file.write_text(config)
    return deliver(home)


def deliver(home: Home) -> Home:
    folder = home.inbox / "asks"
    folder.mkdir(exist_ok=True)
    for name, content in DELIVERIES.items():
        (folder / name).write_bytes(content)
        os.utime(folder / name, (AS_OF.timestamp(), AS_OF.timestamp()))  # the manifest says it, and manifests are compared
    return home


def taken(home: Home, days: int = 0) -> Home:
    collect(home, load_config(home), AS_OF + timedelta(days=days))
    return home


def contents(home: Home) -> list[tuple[str, bytes, bytes]]:
    """Every member: its name, its bytes, its first five as ``member_head`` gives them."""
    clear_unpacked(home)  # of processes that were killed
    found = []
    for entry in read_manifest(home):
        for member in entry.members:
            with open_member(home, entry, member) as path:
                found.append((member.name, path.read_bytes(), member_head(home, entry, member, 5)))
    assert not list((home.warehouse_folder / "unpacked").glob("*")), "what was decrypted for reading is gone"
    return found


def forms(home: Home) -> tuple[int, int]:
    """How many files of landing are plain, and how many sealed."""
    there = list(landed(home))
    return sum(path.is_file() for path in there), sum(sealed_path(path).is_file() for path in there)


def test_nothing_delivered_can_be_read_in_landing_and_everything_comes_back(home: Home, tmp_path: Path) -> None:
    plain = taken(make(tmp_path / "plain", BASE))
    taken(home)
    assert forms(home) == (0, 4) and forms(plain) == (4, 0)
    held = b"".join(path.read_bytes() for path in home.landing.rglob("*") if path.is_file())
    assert b"canary" not in held and b"inside.csv" not in held.replace(home.manifest_file.read_bytes(), b"")
    assert home.manifest_file.read_bytes() == plain.manifest_file.read_bytes(), "the evidence is the same either way"
    assert contents(home) == contents(plain) and len(contents(home)) == 4
    modes = {path.stat().st_mode & 0o777 for path in home.landing.rglob("*") if path.is_file()}
    assert modes == {0o600}


@pytest.mark.parametrize("where", ['key_env = "LANDING_KEY"', 'key_file = "landing.key"'])
def test_a_rebuild_reads_sealed_files_and_copies_no_key(home: Home, tmp_path: Path, key: str, where: str) -> None:
    (home.root / "landing.key").write_text(key)
    home.config_file.write_text(ON.replace('key_env = "LANDING_KEY"', where))
    before = contents(taken(home))
    twin = _Twin(tmp_path / "twin", home).create()
    assert contents(twin) == before and len(before) == 4
    assert not [path for path in twin.root.rglob("*") if path.is_file()], "neither key nor configuration nor landing"


def test_the_files_are_of_the_age_format(home: Home, key: str) -> None:
    taken(home)
    path = next(home.landing.rglob("*.age"))
    assert path.read_bytes().startswith(b"age-encryption.org/v1\n"), "so that any age opens them, without this program"
    assert pyrage.decrypt(path.read_bytes(), [pyrage.x25519.Identity.from_str(key)]) in DELIVERIES.values()


def test_switched_on_and_off_for_a_home_in_use(home: Home) -> None:
    home.config_file.write_text(BASE)
    before = contents(taken(home))
    for days, (config, expected) in enumerate(((ON, (0, 4)), (ON, (0, 4)), (OFF, (4, 0)), (OFF, (4, 0)), (ON, (0, 4))), 1):
        home.config_file.write_text(config)
        assert contents(home) == before, "what is there stays readable before anything is turned"
        taken(home, days)
        assert forms(home) == expected and contents(home) == before, f"day {days}"


@pytest.mark.parametrize("config", [ON, OFF])
def test_what_was_altered_is_not_turned_and_takes_no_place(home: Home, config: str) -> None:
    before = contents(taken(home))
    entry = next(entry for entry in read_manifest(home) if entry.name == "plain.csv")
    plain = landed_path(home, entry.sha256)
    plain.write_bytes(b"email\nsomething else\n")
    home.config_file.write_text(config)
    taken(home, 1)
    assert plain.read_bytes() == b"email\nsomething else\n" and sealed_path(plain).is_file(), "both are left for a person to see"
    plain.unlink()
    assert contents(home) == before, "and the whole one is whole"


@pytest.mark.parametrize(("first", "then"), [(BASE, ON), (ON, OFF)])
def test_killed_anywhere_while_it_is_turned_nothing_is_lost(tmp_path: Path, key: str, first: str, then: str) -> None:
    made = taken(make(tmp_path / "made", first))
    before = contents(made)
    made.config_file.write_text(then)
    step = 1
    while True:
        home = Home(shutil.copytree(made.root, tmp_path / str(step)))
        killed = die_at(step, partial(taken, home, 1))
        assert contents(home) == before, f"killed at step {step}"
        taken(home, 1)
        assert forms(home) == ((0, 4) if then == ON else (4, 0)) and contents(home) == before
        assert not list(home.landing.glob(".incoming.*")), "and nothing half is left"
        if not killed:
            break
        step += 1
    assert step > 12, "it was killed at every step of four files"


def test_killed_anywhere_while_files_are_taken_none_is_lost(tmp_path: Path, key: str) -> None:
    whole = sorted(contents(taken(make(tmp_path / "whole", ON))))
    for step in (1, 3, 5, 7, 9, 12, 16, 22):
        home = make(tmp_path / str(step), ON)
        assert die_at(step, partial(taken, home))
        assert sorted(contents(taken(home))) == whole, f"killed at step {step}"
        assert forms(home) == (0, 4)


def test_a_new_key_on_top_of_the_old_one(home: Home, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = contents(taken(home))
    new = str(pyrage.x25519.Identity.generate())
    monkeypatch.setenv("LANDING_KEY", f"{new}\n{key}")
    (home.inbox / "asks" / "later.csv").write_bytes(b"email\nlater@example.com\n")
    taken(home, 1)
    assert contents(home)[:4] == before and len(contents(home)) == 5
    monkeypatch.setenv("LANDING_KEY", new)
    entries = read_manifest(home)
    with open_member(home, entries[-1], entries[-1].members[0]) as path:
        assert path.read_bytes() == b"email\nlater@example.com\n", "what came later needs the new key alone"
    with (
        pytest.raises(InputError, match="none of the configured keys opens it"),
        open_member(home, entries[0], entries[0].members[0]),
    ):
        pass


@pytest.mark.parametrize("damage", ["altered", "cut", "cut at a chunk", "another file's", "gone"])
def test_a_damaged_file_does_not_open_and_a_repeated_delivery_repairs_it(home: Home, damage: str) -> None:
    before = contents(taken(home))
    entry = next(entry for entry in read_manifest(home) if entry.name == "plain.csv")
    path = sealed_path(landed_path(home, entry.sha256))
    data = path.read_bytes()
    other = next(one for one in home.landing.rglob("*.age") if one != path).read_bytes()
    header = len(data) - len(PLAIN) - 16 * (len(PLAIN) // 65536 + 1)
    changed = {
        "altered": data[:-100] + bytes([data[-100] ^ 1]) + data[-99:],
        "cut": data[:-1],
        "cut at a chunk": data[: header + 65536 + 16],
        "another file's": other,
    }
    path.write_bytes(changed[damage]) if damage in changed else path.unlink()
    with pytest.raises(InputError), open_member(home, entry, entry.members[0]):
        pass
    deliver(home)
    taken(home, 1)
    assert set(contents(home)) == set(before)


def test_a_missing_key_stops_before_anything_is_taken_and_says_so(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    before = contents(taken(home))
    monkeypatch.delenv("LANDING_KEY")
    (home.inbox / "asks" / "later.csv").write_bytes(b"email\nlater@example.com\n")
    with pytest.raises(ConfigError, match="no key in the environment variable LANDING_KEY"):
        taken(home, 1)
    assert (home.inbox / "asks" / "later.csv").exists() and len(read_manifest(home)) == 4
    home.config_file.write_text(BASE)
    with pytest.raises(ConfigError, match="names no key"):
        taken(home, 1)
    assert any(finding.topic == "encryption" and finding.is_broken for finding in doctor(home, load_config(home)))
    monkeypatch.undo()
    assert len(before) == 4 and forms(home) == (0, 4)


def test_a_key_file_is_made_once_and_read(home: Home) -> None:
    file = home.root / "landing.key"
    for expected in (0, 2):
        result = CliRunner().invoke(cli.main, ["key", "landing", str(file)])
        assert result.exit_code == expected and "AGE-SECRET-KEY" not in result.output, result.output
    assert file.stat().st_mode & 0o777 == 0o600
    home.config_file.write_text(ON.replace('key_env = "LANDING_KEY"', 'key_file = "landing.key"'))
    assert len(contents(taken(home))) == 4 and forms(home) == (0, 4)
    told = {finding.level: finding.said for finding in doctor(home, load_config(home)) if finding.topic == "encryption"}
    assert list(told) == ["ok"] and "4 files" in told["ok"] and "operating system" in told["ok"]
    file.chmod(0o644)
    assert any(finding.topic == "encryption" and finding.is_broken for finding in doctor(home, load_config(home)))


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ("landing = true", "needs key_env or key_file"),
        ('key_env = "AGE-SECRET-KEY-1XYZ"', "never the key itself"),
        ('key_env = "A"\nkey_file = "b"', "exclude each other"),
        ('key_file = "../landing.key"', "outside the home"),
        ('key_file = "/etc/landing.key"', "outside the home"),
        ("landings = true", "unknown key"),
    ],
)
def test_a_wrong_section_is_refused(home: Home, section: str, said: str) -> None:
    home.config_file.write_text(BASE + f"[encryption]\n{section}\n")
    with pytest.raises(ConfigError, match=said):
        load_config(home)


def test_a_key_file_elsewhere_must_be_meant(home: Home, tmp_path: Path) -> None:
    (home.root / "link").symlink_to(tmp_path / "elsewhere")
    for file in ("link/landing.key", str(tmp_path / "landing.key")):
        home.config_file.write_text(BASE + f'[encryption]\nlanding = true\nkey_file = "{file}"\n')
        with pytest.raises(ConfigError, match="outside the home"):
            load_config(home)
        home.config_file.write_text(home.config_file.read_text() + "allow_outside_home = true\n")
        assert load_config(home).encryption.landing


def test_verify_proves_the_plain_bytes_behind_a_sealed_file_and_names_one_that_was_altered(home: Home) -> None:
    config = load_config(home)
    collect(home, config, AS_OF)
    assert verify(home, config).whole
    sealed = sealed_path(landed_path(home, read_manifest(home)[0].sha256))
    with sealed.open("ab") as stream:
        stream.write(b"x")
    verified = verify(home, config)
    assert not verified.whole and sealed.name in verified.sentence(), verified.sentence()
