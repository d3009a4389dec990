"""The home's key: made once, shown by its fingerprint, replaced in one step that a kill cannot cut in half."""

from __future__ import annotations

import hashlib
import hmac
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

from orchestration import cli
from orchestration.answers.explain import explain
from orchestration.core import key
from orchestration.core.errors import ConfigError, TransientError
from orchestration.core.home import Home
from orchestration.core.lock import run_lock
from orchestration.identifiers.cache import normalise_new
from orchestration.reconcile import stages
from tests.journeys.home import CONFIG
from tests.privacy.killed import die_at

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home.at(tmp_path / "home").create()
    home.config_file.write_text(CONFIG)
    return home


def rotate(home: Home, reason: str = "somebody left", days: int = 0) -> key.Rotation:
    return key.rotate_key(home, person="Sam Poole", reason=reason, now=NOW + timedelta(days=days))


def modes(home: Home) -> set[int]:
    return {path.stat().st_mode & 0o777 for path in home.root.glob("home.key*")}


def test_each_rotation_keeps_the_key_before_it(home: Home) -> None:
    keys = [key.home_key(home)]
    for number in (1, 2, 3):
        done = rotate(home, f"reason {number}", days=number)
        assert (done.number, done.retired) == (number, key.fingerprint(keys[-1])), f"rotation {number}"
        keys.append(key.home_key(home))
    assert len(set(keys)) == 4
    assert list(key.known_keys(home)) == keys[::-1]
    told = [(rotation.person, rotation.reason, rotation.rotated_at) for rotation in key.rotations(home)]
    assert told == [("Sam Poole", f"reason {number}", NOW + timedelta(days=number)) for number in (1, 2, 3)]
    assert modes(home) == {0o600}
    for number, old in enumerate(keys):
        made = hmac.new(old, b"a@example.com", hashlib.sha256).hexdigest()
        assert key.key_that_made(home, "a@example.com", made) == old, f"a hash of key {number} is recognised"
    assert key.key_that_made(home, "b@example.com", made) is None


def test_who_and_why_are_required_and_nothing_changes_without_them(home: Home) -> None:
    before = key.home_key(home)
    with pytest.raises(ConfigError) as caught:
        key.rotate_key(home, person=" ", reason="", now=NOW)
    assert len(caught.value.problems) == 2
    assert key.home_key(home) == before and key.rotations(home) == ()


def test_not_while_a_run_is_going_on(home: Home) -> None:
    before = key.home_key(home)
    # In a thread of its own: whoever holds the lock may take it again.
    with run_lock(home), ThreadPoolExecutor(1) as other, pytest.raises(TransientError, match="a run is in progress"):
        other.submit(rotate, home).result()
    assert key.home_key(home) == before and key.rotations(home) == ()


@pytest.mark.parametrize("damage", ["missing", "not ours"])
def test_an_archived_key_that_is_gone_is_said(home: Home, damage: str) -> None:
    rotate(home), rotate(home)
    archived = home.root / "home.key.1"
    archived.unlink() if damage == "missing" else archived.write_text('{"key": "00"}')
    with pytest.raises(ConfigError, match="restore it from its backup"):
        key.rotations(home)


def test_a_key_that_is_gone_after_a_rotation_is_not_replaced_in_silence(home: Home) -> None:
    rotate(home)
    home.key_file.unlink()
    with pytest.raises(ConfigError, match="restore home"):
        key.home_key(home)
    assert not home.key_file.exists()


def test_killed_anywhere_the_key_is_the_old_one_or_the_new_one(home: Home) -> None:
    first = key.home_key(home)
    keys, step, old_ones, new_ones = [first], 1, 0, 0
    while die_at(step, partial(rotate, home, f"killed at step {step}")):
        current, told = key.home_key(home), key.rotations(home)
        if current == keys[-1]:
            old_ones += 1
            assert len(told) == len(keys) - 1, f"step {step}: a rotation that did not happen is not told of"
        else:
            new_ones += 1
            keys.append(current)
            assert told[-1].reason == f"killed at step {step}", "one that did happen is"
        assert list(key.known_keys(home)) == keys[::-1], f"step {step}: every key that ever was in use is kept"
        step += 1
    assert old_ones > 3 and new_ones > 0, (old_ones, new_ones)
    rotate(home, "and once more")
    assert key.rotations(home)[-1].reason == "and once more" and modes(home) == {0o600}
    assert not list(home.root.glob(".home.key*")), "and no key that was never used lies about"


def test_killed_while_the_first_key_is_made_the_next_run_makes_it(tmp_path: Path) -> None:
    for step in range(1, 20):
        home = Home(tmp_path / str(step))
        killed = die_at(step, lambda home=home: key.home_key(home))
        assert len(key.home_key(home)) == 32, f"killed at step {step}"
        if not killed:
            return
    raise AssertionError("it never came to its end")


def test_show_prints_a_fingerprint_and_an_age_and_no_key(home: Home) -> None:
    secret = key.home_key(home)
    rotate(home)
    for arguments in (["key", "show"], ["key", "show", "--json"], ["key", "rotate", "--person", "Sam", "--reason", "again"]):
        result = CliRunner().invoke(cli.main, [*arguments, "--home", str(home.root)])
        assert result.exit_code == 0, result.output
        for known in (secret, *key.known_keys(home)):
            assert known.hex() not in result.output
        assert key.fingerprint(next(key.known_keys(home))) in result.output
    assert len(key.rotations(home)) == 2


def test_an_old_hash_still_finds_the_person(home: Home) -> None:
    with duckdb.connect(str(home.warehouse_file)) as con:
        stages.prepare(con, home)
        for view, columns in (
            ("int_phones__seen", "null::varchar as raw, null::varchar as region"),
            ("int_emails__seen", "'ann@example.com' as raw"),
            (
                "int_postal__seen",
                "null::varchar as name, null::varchar as address, null::varchar as postal_code, null::varchar as country",
            ),
        ):
            con.execute(f"create schema if not exists staging; create view staging.{view} as select {columns}")
        normalise_new(con, key.home_key(home))
        (old,) = con.execute("select identifier_hash from identifiers.contact_point where identifier_type = 'email'").fetchone()
    from orchestration.core.config import load_config

    asked = []
    for _ in range(2):
        rotate(home)
        with duckdb.connect(str(home.warehouse_file)) as con:
            normalise_new(con, key.home_key(home))
            (new,) = con.execute(
                "select identifier_hash from identifiers.contact_point where identifier_type = 'email'"
            ).fetchone()
        assert new != old and new == hmac.new(key.home_key(home), b"ann@example.com", hashlib.sha256).hexdigest()
        for text in (old, new):
            found = explain(home, load_config(home), text).as_dict()
            asked.append([point["identifier"] for point in found["points"]])
    assert asked == [["a***@example.com"]] * 4, "old evidence is matched under the archived key, and stays masked"
    with pytest.raises(ConfigError, match="no contact point here has that hash"):
        explain(home, load_config(home), "0" * 64)
