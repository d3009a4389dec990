"""Two homes that keep one list: a backup that came back, a copy, another installation. Nobody is released on half the story.

The list lies outside of the homes and is real: each kind of our own stores.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestration.audit.verify import verify
from orchestration.core.config import parse_config
from orchestration.core.errors import ConfigError
from orchestration.core.home import Home
from orchestration.sync import SyncResult, sync, take_over
from orchestration.sync.ledger import ledger
from tests.destinations.stores import SqlStore, in_short, store_of
from tests.sync.sync_doubles import Publisher, at, golden, opt_in

ANN, BOB = "ann@example.com", "bob@example.com"


class World:
    """One list, and any number of homes that are configured to keep it."""

    def __init__(self, folder: Path, store: Any) -> None:
        self.folder, self.store = folder, store
        self.text = store.toml(channels=["email"])

    def home(self, name: str) -> One:
        return One(self, Home.at(self.folder / name).create())

    def there(self) -> set[str]:
        """Who is suppressed, as somebody who uses the list would find it."""
        return self.store.identifiers()


class One:
    """A home, and the versions published in it."""

    def __init__(self, world: World, home: Home) -> None:
        self.world, self.home, self.publisher = world, home, Publisher(home)
        home.config_file.write_text(world.text)
        self.config = parse_config(world.text, home.config_file)

    def push(self, day: float) -> SyncResult:
        access = {
            "read_snapshot": self.publisher.read,
            "read_version": self.publisher.read_version,
            "allows": self.publisher.allows,
        }
        return sync(self.home, self.config, "there", at(day), **access)

    def copied(self, name: str) -> One:
        """The same home, file by file, as a backup or a copy of the machine is."""
        target = self.home.root.parent / name
        shutil.copytree(self.home.root, target)
        other = One(self.world, Home.at(target))
        other.publisher.version = self.publisher.version
        return other

    def brought_home(self) -> list[dict[str, str]]:
        files = sorted((self.home.inbox / "found__there").glob("*.jsonl"))
        return [json.loads(line) for file in files for line in file.read_text().split("\n") if line]

    def take_over(self) -> int:
        return take_over(self.home, self.config, "there", person="Ines", reason="the old machine is gone", now=at(9))


# A drop far away is that drop's pushes and this one's rules, and so is a table of another database: test_push_for_real.py always
# holds each of them to its own.
@pytest.fixture(params=in_short("file_drop", "sqlite", "redis"))
def world(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with store_of(request.param, tmp_path, request, monkeypatch) as store:
        yield World(tmp_path, store)


def others(result: SyncResult) -> list[str]:
    return [alarm for alarm in result.alarms if "wrote to this destination as Quietlist does" in alarm]


@pytest.mark.parametrize("was_released", [False, True], ids=["before it was lifted there", "after it was lifted there"])
def test_a_backup_that_comes_back_releases_nobody_who_opted_out_since(world: World, was_released: bool) -> None:
    """Day 1 out, day 2 in, backup, day 3 out again at the live home; then the restored home runs."""
    live = world.home("live")
    ann, bob, back = golden(ANN), golden(BOB), [opt_in(ANN)]
    live.publisher.publish(ann, bob)
    live.push(1)
    live.publisher.publish(bob, evidence=back)
    if was_released:
        assert live.push(2).released == 1 and world.there() == {BOB}
    restored = live.copied("restored")
    if not was_released:
        assert live.push(2.1).released == 1, "the live home lifts it after the backup"
    live.publisher.publish({**ann, "suppressed_since": at(3), "last_requested_at": at(3)}, bob, evidence=back)
    live.push(3)
    assert world.there() == {ANN, BOB}

    restored.publisher.publish(bob, evidence=back)
    result = restored.push(4)
    assert world.there() == {ANN, BOB}, "who opted out on day 3 stays suppressed"
    assert (result.releases, result.released, result.found) == (0, 0, 1)
    assert len(others(result)) == 1 and "a copy or an earlier state of this home" in others(result)[0]
    (found,) = restored.brought_home()
    assert found["email"] == ANN and found["requested_at"].startswith(f"{at(3):%Y-%m-%dT%H:%M}"), (
        "it comes home as old as the push that said so, so that the opt-in of day 2 cannot lift it at home either"
    )
    # Again and again: nothing more happens, and the run goes on saying so.
    again = restored.push(5)
    assert (again.releases, again.found, len(others(again))) == (0, 0, 1) and world.there() == {ANN, BOB}


def test_a_restored_home_releases_again_after_a_named_person_took_the_list_over(world: World) -> None:
    live = world.home("live")
    ann, bob = golden(ANN), golden(BOB)
    live.publisher.publish(ann, bob)
    live.push(1)
    restored = live.copied("restored")
    live.publisher.publish(ann, bob, golden("cy@example.com"))
    live.push(2)

    restored.publisher.publish(ann, evidence=[opt_in(BOB)])
    held = restored.push(3)
    assert ([entry.reason for entry in held.held], held.released, held.found) == (
        (["another_home"], 0, 1) if not world.store.is_drop else ([], 0, 2)
    ), "of a drop the whole list is the other's word; of a table its rows are"
    assert restored.take_over() == 1
    # What came home is no evidence for anybody's release, also before the next run has read it.
    assert restored.push(4).released == (1 if not world.store.is_drop else 0)
    assert "cy@example.com" in world.there()
    restored.publisher.publish(ann, golden("cy@example.com"), evidence=[opt_in(BOB)])
    restored.push(5)
    restored.publisher.publish(ann, evidence=[opt_in(BOB), opt_in("cy@example.com", evidence_id="later")])
    assert restored.push(6).released == 1 and "cy@example.com" not in world.there(), "evidence that came later counts"
    assert not restored.push(7).alarms
    assert verify(restored.home, restored.config).kinds["takeover"] == 1
    # The live home is the other one now.
    live.publisher.publish(bob, golden("cy@example.com"), evidence=[opt_in(ANN)])
    assert live.push(8).released == 0 and ANN in world.there()


def test_two_copies_that_both_run_release_nobody(world: World) -> None:
    first = world.home("first")
    ann, bob = golden(ANN), golden(BOB)
    first.publisher.publish(ann, bob)
    first.push(1)
    second = first.copied("second")
    for one in (first, second):
        one.publisher.publish(ann, bob, golden(f"{one.home.root.name}@example.com"))
    first.push(2)
    assert others(second.push(3)) and others(first.push(4)), "each meets what the other wrote"
    for day, one in enumerate((first, second, first), 5):
        one.publisher.publish(bob, evidence=[opt_in(ANN)])
        assert one.push(day).released == 0, one.home.root.name
    assert ANN in world.there()


def test_a_second_home_on_one_list_is_noticed_by_both_and_lifts_nothing(world: World) -> None:
    first, second = world.home("first"), world.home("second")
    ann, bob = golden(ANN), golden(BOB)
    first.publisher.publish(ann, bob)
    first.push(1)
    second.publisher.publish(ann, golden("cy@example.com"))
    result = second.push(2)
    assert "the home " in others(result)[0] and result.found == 1
    assert [row["email"] for row in second.brought_home()] == [BOB], "the other's opt-outs come home"
    first.publisher.publish(bob, evidence=[opt_in(ANN)])
    result = first.push(3)
    assert others(result) and result.released == 0
    # Once noticed it stays noticed, even when the other's rows are gone from sight.
    if not world.store.is_drop:
        world.store.loses("cy@example.com")
    first.publisher.publish(bob, golden("dee@example.com"), evidence=[opt_in(ANN)])
    result = first.push(4)
    assert others(result) and result.released == 0 and {ANN, BOB, "dee@example.com"} <= world.there()


def test_evidence_that_released_once_is_spent_in_the_ledger_and_at_the_table(world: World) -> None:
    if world.store.is_drop:
        pytest.skip("a drop keeps no row that was released")
    live = world.home("live")
    live.publisher.publish(golden(ANN), golden(BOB))
    live.push(1)
    assert world.there() == {ANN, BOB}
    live.publisher.publish(golden(BOB), evidence=[opt_in(ANN)])
    assert live.push(2).released == 1
    # Somebody puts the row back by hand, as a restored database does: the opt-in of then is no reason to lift it again.
    world.store.restores(ANN)
    for day in (3, 4):
        result = live.push(day)
        assert (result.released, [held.reason for held in result.held]) == (0, ["no_evidence"]), f"day {day}"
    # The ledger forgets it; the table does not.
    with ledger(live.home) as con:
        con.execute("delete from spent")
        con.execute("update row_state set state = 'verified', evidence_id = null, written_by_us = true, wanted = false")
    result = live.push(5)
    assert (result.released, [held.reason for held in result.held]) == (0, ["no_evidence"])
    assert world.there() == {ANN, BOB}


def test_a_table_of_before_rows_were_marked_is_changed_and_what_was_written_since_the_backup_comes_home(world: World) -> None:
    if not isinstance(world.store, SqlStore):
        pytest.skip("only tables are that old")
    live = world.home("live")
    live.publisher.publish(golden(ANN), golden(BOB))
    live.push(1)
    for column in ("home_id", "push_id", "spent_evidence"):
        world.store.ask(f"alter table suppression drop column {column}")
    restored = live.copied("restored")
    zone = "" if world.store.kind == "mariadb" else "Z"  # which keeps moments of no zone
    world.store.ask(f"update suppression set written_at = '{at(3):%Y-%m-%dT%H:%M:%S}.000000{zone}' where identifier = '{ANN}'")
    with ledger(restored.home) as con:
        con.execute("update row_state set fingerprint = 'of the mapping before'")
        con.execute("delete from pushed")  # a ledger of then does not say what it was planned from
    restored.publisher.publish(golden(BOB), evidence=[opt_in(ANN)])
    result = restored.push(4)
    assert (result.released, result.found) == (0, 1) and "a home that did not mark its rows yet" in others(result)[0]
    assert world.there() == {ANN, BOB}
    marked = world.store.ask("select identifier from suppression where push_id is not null")
    assert [row[0] for row in marked] == [BOB], "what this home puts, it marks"


def test_a_takeover_names_who_and_why_and_only_where_somebody_was_met(world: World) -> None:
    one = world.home("one")
    one.publisher.publish(golden(ANN))
    one.push(1)
    with pytest.raises(ConfigError, match="no other home was met"):
        one.take_over()
    with pytest.raises(ConfigError, match=r"(?s)person: is required.*reason: is required.*elsewhere is none of there"):
        take_over(one.home, one.config, "elsewhere", person=" ", reason="", now=at(2))
