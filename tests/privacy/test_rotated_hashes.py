"""A destination that stores keyed hashes, across rotations: every row follows the key, none is released, none is lost."""

from __future__ import annotations

import hashlib
import hmac
import sqlite3
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.core.config import parse_config
from orchestration.core.home import Home
from orchestration.core.key import home_key, rotate_key
from orchestration.sync import SyncResult, sync
from tests.sync.sync_doubles import Publisher, at, golden, opt_in, recorded_receipts

PEOPLE = ("ann@example.com", "bob@example.com", "cat@example.com", "dan@example.com")


class Rig:
    """A SQL table and a file drop in one home, and versions published under whatever key the home has."""

    def __init__(self, root: Path) -> None:
        self.home = Home.at(root).create()
        self.publisher = Publisher(self.home)
        text = '[company]\nname = "Acme"\n'
        for name, system in (("there", "sql_table"), ("drop", "file_drop")):
            text += f'[destinations.{name}]\nsystem = "{system}"\nchannels = ["email"]\nmax_release_share = 1.0\n'
        self.config = parse_config(text, self.home.config_file)

    def hash_of(self, identifier: str) -> str:
        return hmac.new(home_key(self.home), identifier.encode(), hashlib.sha256).hexdigest()

    def publish(self, *people: str, evidence: Any = None) -> None:
        self.publisher.publish(*(golden(name, identifier_hash=self.hash_of(name)) for name in people), evidence=evidence)

    def push(self, day: float, name: str = "there") -> SyncResult:
        return sync(self.home, self.config, name, at(day), read_snapshot=self.publisher.read, allows=self.publisher.allows)

    def rotate(self) -> None:
        rotate_key(self.home, person="Sam", reason="test", now=at())

    def there(self) -> dict[str, str]:
        """Identifier -> hash of what is in force."""
        with sqlite3.connect(self.home.outbox / "there" / "suppression.db") as con:
            return dict(con.execute("select identifier, identifier_hash from suppression where released_at is null"))

    def ledger(self) -> set[tuple[str, str]]:
        with duckdb.connect(str(self.home.sync_ledger_file), read_only=True) as con:
            return set(con.execute("select identifier, identifier_hash from row_state").fetchall())


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path / "home")


def of(rig: Rig, *people: str) -> dict[str, str]:
    return {name: rig.hash_of(name) for name in people}


def test_two_rotations_leave_one_keys_hashes_and_release_nobody(rig: Rig) -> None:
    rig.publish(*PEOPLE)
    for name in ("there", "drop"):
        assert rig.push(0, name).accepted == 4
    drops = sorted(path.name for path in (rig.home.outbox / "drop" / "drop").iterdir())
    for day in (1, 3):
        before = of(rig, *PEOPLE)
        rig.rotate()
        early = rig.push(day)
        assert early.nothing_to_do and rig.there() == before, "before the next version, the table keeps the hashes of its version"
        rig.publish(*PEOPLE)
        result = rig.push(day + 1)
        assert result.planned == {"put:changed": 4} and (result.verified, result.released, result.missing) == (0, 0, 0)
        assert result.states == {"verified": 4}, "and no clock starts again"
        assert rig.there() == of(rig, *PEOPLE), "every row has the new hash"
        assert rig.push(day + 1).nothing_to_do
        assert rig.push(day + 1, "drop").nothing_to_do, "a drop holds no hash: nothing is dropped again"
        assert rig.ledger() == set(of(rig, *PEOPLE).items()), "the ledger has one key's hashes"
    assert sorted(path.name for path in (rig.home.outbox / "drop" / "drop").iterdir()) == drops
    receipts = sorted(path.name for path in (rig.home.outbox / "there" / "receipts").glob("*.json"))
    assert receipts and recorded_receipts(rig.home, "there") == receipts


def test_a_row_that_may_not_be_released_follows_the_key_too(rig: Rig) -> None:
    rig.publish(*PEOPLE)
    rig.push(0)
    rig.publish(*PEOPLE[1:])  # Ann vanished without an opt-in: she stays suppressed there
    assert rig.push(1).planned["blocked:no_evidence"] == 1
    rig.rotate()
    rig.publish(*PEOPLE[1:])
    result = rig.push(2)
    assert result.planned == {"put:changed": 4} and result.released == 0
    assert rig.there() == of(rig, *PEOPLE), "whoever matches by hash still finds her"
    again = rig.push(3)
    assert again.planned == {"blocked:no_evidence": 1, "noop:in_place": 3}, "and she is still held, and told of"
    assert rig.there() == of(rig, *PEOPLE)


def test_a_release_in_the_version_of_a_new_key_lifts_the_row_it_names_and_no_other(rig: Rig) -> None:
    rig.publish(*PEOPLE)
    rig.push(0)
    rig.rotate()
    rig.publish(*PEOPLE[1:], evidence=[opt_in(PEOPLE[0])])
    result = rig.push(1)
    assert result.planned == {"put:changed": 3, "release:evidence": 1} and result.released == 1
    assert rig.there() == of(rig, *PEOPLE[1:])
    rig.publish(*PEOPLE)
    assert rig.push(2).planned["put:new"] == 1
    assert rig.there() == of(rig, *PEOPLE), "asked again, she is back with the new hash"


def test_a_push_that_fails_half_way_is_finished_by_the_next(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    from orchestration.core.errors import PermanentError
    from orchestration.destinations import sql_table

    rig.publish(*PEOPLE)
    rig.push(0)
    rig.rotate()
    rig.publish(*PEOPLE)

    def fails(*_: object) -> None:
        raise PermanentError("Putting")

    with monkeypatch.context() as patch:
        patch.setattr(sql_table.SqlTable, "put", fails)
        with pytest.raises(PermanentError):
            rig.push(1)
    assert rig.push(2).states == {"verified": 4}
    assert rig.there() == of(rig, *PEOPLE) and rig.ledger() == set(of(rig, *PEOPLE).items())


def test_an_empty_version_after_a_rotation_lifts_nobody(rig: Rig) -> None:
    rig.publish(*PEOPLE)
    rig.push(0)
    rig.rotate()
    rig.publisher.publish()
    result = rig.push(1)
    assert result.alarms and result.released == 0
    assert rig.there() == of(rig, *PEOPLE), "an empty version lifts nobody, and they have the hashes of the key in use"
    assert rig.ledger() == set(of(rig, *PEOPLE).items())
