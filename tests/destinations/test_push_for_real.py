"""The whole way, from a published version to the real folder or database and back, with nothing standing in for them."""

from __future__ import annotations

import csv
import json
import os

import pytest
import sqlalchemy as sa

from orchestration.core.config import parse_config
from orchestration.sync import copy_state, sync
from tests.sync.sync_doubles import Publisher, at, golden, opt_in

KINDS = ["file_drop", "sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


class Rig:
    """One configured destination, the version that is published for it, and a look at it from outside."""

    def __init__(self, home, kind: str, keys: dict[str, object]) -> None:
        self.home, self.kind, self.publisher = home, kind, Publisher(home)
        system = "file_drop" if kind == "file_drop" else "sql_table"
        entry = {"system": system, "channels": ["email", "voice"], "scopes": ["*"], "max_release_share": 1.0} | keys
        lines = "\n".join(f"{key} = {json.dumps(value)}" for key, value in entry.items())
        self.config = parse_config(f'[company]\nname = "Acme"\n[destinations.there]\n{lines}\n', home.config_file)
        if kind != "file_drop":
            url = (
                os.environ["TEST_DATABASE_URL"] if kind == "postgres" else f"sqlite:///{home.outbox / 'there' / 'suppression.db'}"
            )
            self.engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))

    def push(self, day: float):
        access = {"read_snapshot": self.publisher.read, "allows": self.publisher.allows}
        return sync(self.home, self.config, "there", at(day), **access)

    def there(self) -> set[tuple[str, str, str]]:
        """Channel, identifier and reason of what is in force, as somebody who uses the list would find it."""
        if self.kind == "file_drop":
            controls = sorted((self.home.outbox / "there" / "drop").glob("*.ctl.json"))
            control = json.loads(controls[-1].read_text())
            with (controls[-1].parent / control["files"][0]["name"]).open(newline="") as stream:
                return {(row["channel"], row["identifier"], row["reason"]) for row in csv.DictReader(stream)}
        with self.engine.connect() as con:
            rows = con.execute(sa.text("select channel, identifier, reason from suppression where released_at is null"))
            return {(row.channel, row.identifier, row.reason) for row in rows}


@pytest.fixture(params=KINDS)
def rig(request, home, monkeypatch):
    keys = {}
    if request.param == "postgres":
        monkeypatch.setenv("TEST_DATABASE_URL", request.getfixturevalue("postgres"))
        keys = {"url_env": "TEST_DATABASE_URL"}
    made = Rig(home, request.param, keys)
    yield made
    if request.param != "file_drop":
        if request.param == "postgres":
            with made.engine.begin() as con:
                con.execute(sa.text("drop table if exists suppression"))
        made.engine.dispose()


def test_from_first_push_to_release(rig) -> None:
    ann, bob, phone = golden("ann@example.com"), golden("bob@example.com"), golden("+15555550100")
    rig.publisher.publish(ann, bob, phone)
    first = rig.push(0)
    assert (first.accepted, first.verified, first.verify_class) == (3, 3, "full")
    everyone = {
        ("email", "ann@example.com", "opt_out"),
        ("email", "bob@example.com", "opt_out"),
        ("voice", "+15555550100", "opt_out"),
    }
    assert rig.there() == everyone
    assert rig.push(1).nothing_to_do

    rig.publisher.publish({**ann, "reason": "complaint"}, phone, evidence=[opt_in("bob@example.com")])
    second = rig.push(2)
    assert second.planned == {"noop:in_place": 1, "put:changed": 1, "release:evidence": 1}
    assert (second.accepted, second.released, second.held, second.alarms) == (1, 1, (), ())
    assert rig.there() == {("email", "ann@example.com", "complaint"), ("voice", "+15555550100", "opt_out")}
    assert rig.push(3).nothing_to_do

    rig.publisher.publish({**ann, "reason": "complaint"})
    third = rig.push(4)
    assert [held.reason for held in third.held] == ["no_evidence"] and len(rig.there()) == 2
    assert "example.com" not in "".join(path.read_text() for path in (rig.home.outbox / "there" / "receipts").iterdir())


def test_what_somebody_takes_out_by_hand_is_put_back(rig) -> None:
    rows = [golden(f"{number}@example.com") for number in range(20)]
    rig.publisher.publish(*rows)
    rig.push(0)
    before = rig.there()
    if rig.kind == "file_drop":
        for path in (rig.home.outbox / "there" / "drop").glob("*_full.csv"):
            path.unlink()
        lost = 20
    else:
        with rig.engine.begin() as con:
            con.execute(sa.text("delete from suppression where identifier = '7@example.com'"))
        lost = 1
    result = rig.push(1)
    assert result.planned["put:missing"] == lost and result.missing == 0 and rig.there() == before


def test_another_teams_row_in_the_table_comes_home_and_stays(rig) -> None:
    if rig.kind == "file_drop":
        pytest.skip("nobody else writes into a drop")
    rig.publisher.publish(golden("ann@example.com"))
    rig.push(0)
    with rig.engine.begin() as con:
        con.execute(
            sa.text(
                "insert into suppression (channel, identifier_type, identifier, scope, written_by) "
                "values ('email', 'email', 'Eve@Example.com', '*', 'callcenter')"
            )
        )
    assert rig.push(1).found == 1
    (file,) = (rig.home.inbox / "found__there").iterdir()
    assert json.loads(file.read_text())["email"] == "eve@example.com"
    assert rig.push(2).nothing_to_do
    rig.publisher.publish(golden("ann@example.com"), golden("eve@example.com"))
    assert rig.push(3).puts == 0, "it is suppressed there already"
    rig.publisher.publish(golden("ann@example.com"), evidence=[opt_in("eve@example.com")])
    assert rig.push(4).releases == 0 and len(rig.there()) == 2, "not ours to lift"


def test_the_warehouse_gets_the_same_account_as_the_ledger(rig) -> None:
    import duckdb

    rig.publisher.publish(golden("ann@example.com"), golden("+15555550100"))
    rig.push(0)
    with duckdb.connect() as warehouse:
        assert copy_state(warehouse, rig.home) == 2
        rows = warehouse.execute("select distinct destination, state, verify_class, written_by_us from raw.sync__row_state")
        assert rows.fetchall() == [("there", "verified", "full", True)]
