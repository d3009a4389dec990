"""``publish.group``: what a group may read of a home, as the system sees it, and what stays its owner's."""

from __future__ import annotations

import grp
import json
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from orchestration.audit.doctor import doctor
from orchestration.audit.preflight import require_ready
from orchestration.core.config import load_config
from orchestration.core.errors import ConfigError
from orchestration.core.home import Home
from orchestration.publish import publish, read_published
from orchestration.publish.sharing import group_problems
from tests.gate.house import AS_OF, build_house
from tests.publish.test_publish import change, export, walked

LATER = AS_OF + timedelta(days=1)


def mine() -> str:
    """A group that this user is in. Root is in none that somebody else could be taken for."""
    if os.geteuid() == 0:
        return next(entry.gr_name for entry in grp.getgrall() if entry.gr_gid not in (0, 65534))
    return grp.getgrgid(os.getegid()).gr_name


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_house(tmp_path_factory.mktemp("sharing") / "home").root


@pytest.fixture
def home(template: Path) -> Iterator[Home]:
    """Where another user can come to: pytest's own folders are closed."""
    folder = Path(tempfile.mkdtemp(prefix="quietlist-sharing-"))
    folder.chmod(0o711)
    home = Home(shutil.copytree(template, folder / "home"))
    for path in (home.root, *home.root.rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)
    mask = os.umask(0o077)  # as every process of Quietlist has it
    yield home
    os.umask(mask)
    shutil.rmtree(folder)


def modes(home: Home) -> dict[str, str]:
    """Everything that the group, or anybody, may do something with."""
    paths = [home.root, *home.root.rglob("*")]
    found = {str(path.relative_to(home.root)): stat.S_IMODE(path.stat().st_mode) for path in paths}
    return {name: f"{mode:o}" for name, mode in found.items() if mode & 0o077}


GOLDEN = "published/golden_suppression"
OPENED = {
    ".": "710",
    "published": "710",
    GOLDEN: "750",
    f"{GOLDEN}/latest.json": "640",
    f"{GOLDEN}/version=1": "750",
    f"{GOLDEN}/version=1/part-0.parquet": "640",
}


def test_without_a_group_everything_is_its_owners(home: Home) -> None:
    export(home)
    publish(home, AS_OF)
    assert modes(home) == {}


def test_the_group_reads_the_rows_and_the_pointer_and_nothing_else(home: Home) -> None:
    export(home)
    publish(home, AS_OF, group=mine())
    assert modes(home) == OPENED
    gid = grp.getgrnam(mine()).gr_gid
    assert {(home.root / name).stat().st_gid for name in OPENED} == {gid}
    change(home, 1)
    export(home, LATER)
    publish(home, LATER, group=mine())
    second = {name.replace("version=1", "version=2"): mode for name, mode in OPENED.items()}
    assert modes(home) == OPENED | second, "every version from then on"
    assert walked(home).whole


def test_a_version_that_is_there_is_opened_and_closed_again(home: Home) -> None:
    export(home)
    publish(home, AS_OF)
    assert not publish(home, AS_OF, group=mine()).is_new, "the same rows"
    assert modes(home) == OPENED
    publish(home, AS_OF)
    assert f"{GOLDEN}" not in modes(home), "nobody passes there any more"
    home.golden_published.chmod(0o755)
    publish(home, AS_OF)
    assert modes(home)[GOLDEN] == "755", "a mode that somebody chose is theirs"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may look at it as somebody else")
def test_another_user_of_the_group_finds_the_rows_by_the_pointer_and_a_stranger_nothing(home: Home) -> None:
    export(home)
    publish(home, AS_OF, group=mine())

    def read_by(group: int, *command: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(command, capture_output=True, check=False, cwd="/", user=65534, group=group, extra_groups=[])

    gid = grp.getgrnam(mine()).gr_gid
    pointer = read_by(gid, "cat", str(home.golden_published / "latest.json")).stdout
    for name in json.loads(pointer)["files"]:
        rows = read_by(gid, "cat", str(home.golden_published / name)).stdout
        assert rows == (home.golden_published / name).read_bytes(), name
        assert read_by(65534, "cat", str(home.golden_published / name)).returncode != 0, "whoever is not in the group"
    closed = (
        "home.key",
        "chain.jsonl",
        "quietlist.toml",
        f"{GOLDEN}/version=1/manifest.json",
        "published/.lock",
        f"{GOLDEN}/version=1/evidence/releases.parquet",
        f"{GOLDEN}/version=1/policy/rules.parquet",
    )
    there = [name for name in closed if (home.root / name).is_file()]
    assert len(there) >= 5 and not [name for name in there if read_by(gid, "cat", str(home.root / name)).returncode == 0]
    for folder in (home.root, home.published, home.warehouse_folder):
        assert read_by(gid, "ls", str(folder)).returncode != 0, folder


def test_a_group_that_cannot_be_let_in_is_named_before_anything_starts(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    export(home)
    home.config_file.write_text(home.config_file.read_text() + '\n[publish]\ngroup = "no-such-group"\n')
    with pytest.raises(ConfigError, match=r"publish\.group: this machine has no group 'no-such-group'"):
        require_ready(home, load_config(home), pushes=False)
    with pytest.raises(ConfigError, match="no group 'no-such-group'"):
        publish(home, AS_OF, group="no-such-group")
    assert not (home.golden_published / "latest.json").exists(), "nothing was published"
    findings = [finding for finding in doctor(home, load_config(home)) if "no-such-group" in finding.said]
    assert [(finding.topic, finding.level) for finding in findings] == [("permissions", "broken")]

    group = mine()
    monkeypatch.setattr(os, "geteuid", lambda: 4242)
    monkeypatch.setattr(os, "getegid", lambda: 4242)
    monkeypatch.setattr(os, "getgroups", lambda: [4243])
    assert "is not in the group" in group_problems(group)[0]


@pytest.mark.parametrize("name", ["quietlist.toml", "inbox", "published/registries"])
def test_where_something_else_lies_open_the_rows_are_published_and_the_group_kept_out(home: Home, name: str) -> None:
    export(home)
    publish(home, AS_OF, group=mine())
    path = home.root / name
    if not path.suffix:
        path.mkdir(exist_ok=True)
    path.chmod(0o755 if path.is_dir() else 0o644)
    require_ready(home, load_config(home), pushes=False)
    (said,) = publish(home, AS_OF, group=mine()).kept_out
    assert f"{name} would be open to the group" in said and "chmod" in said
    assert stat.S_IMODE(home.root.stat().st_mode) == 0o700, "nobody passes through the home"
    path.chmod(0o700 if path.is_dir() else 0o600)
    assert publish(home, AS_OF, group=mine()).kept_out == ()
    assert stat.S_IMODE(home.root.stat().st_mode) == 0o710, "closed as it should be, it lets the group in again"


def test_the_doctor_calls_a_shared_home_sound_and_one_that_is_open_to_all_not(home: Home) -> None:
    export(home)
    home.config_file.write_text(home.config_file.read_text() + f'\n[publish]\ngroup = "{mine()}"\n')
    publish(home, AS_OF, group=mine())

    def said() -> list[tuple[str, str]]:
        return [(each.level, each.said) for each in doctor(home, load_config(home)) if each.topic == "permissions"]

    assert ("ok", f"the home is readable by its owner only, the published rows by the group {mine()} too") in said()
    home.root.chmod(0o711)
    assert ("attention", "the home folder is open to other users of this machine") in said()


def test_the_pointer_names_the_files_of_its_version(home: Home) -> None:
    export(home)
    publish(home, AS_OF)
    pointer = json.loads((home.golden_published / "latest.json").read_text())
    assert pointer["files"] == ["version=1/part-0.parquet"], "golden rows and nothing else"
    assert [home.golden_published / name for name in pointer["files"]] == read_published(home).files
    assert list((home.golden_published / "version=1").glob("*.parquet")) == read_published(home).files, "as by a pattern"


def test_a_pointer_of_an_older_release_proves_and_comes_to_name_its_files(home: Home) -> None:
    export(home)
    publish(home, AS_OF)
    pointer = home.golden_published / "latest.json"
    now = json.loads(pointer.read_text())
    older = {name: now[name] for name in ("manifest_sha256", "version")}
    pointer.write_text(json.dumps(older, sort_keys=True, separators=(",", ":")) + "\n")
    assert walked(home).whole and read_published(home).version == 1, "as it was written then"
    assert not publish(home, AS_OF).is_new and json.loads(pointer.read_text()) == now
    pointer.write_text(json.dumps(now | {"files": ["version=1/other.parquet"]}, sort_keys=True, separators=(",", ":")) + "\n")
    assert "does not name the last version" in walked(home).sentence(), "another file is another pointer"
