"""The plan from changes against the plan of all rows, on random histories: nothing else may come of it.

Two homes live through the same: versions, opt-ins, whatever the destination does, kills. One forgets before each push what its
ledger was planned from, so that it plans all rows; the other one never does.
"""

from __future__ import annotations

import itertools
import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from orchestration.core.errors import OutOfRoom, QuietlistError, Throttled, TransientError
from orchestration.core.home import Home
from orchestration.core.pace import Timer
from orchestration.destinations.contract import KEY, Push
from orchestration.sync import engine, pieces, plan, sync, take_over
from orchestration.sync.plan import prepare_wanted
from tests.sync.sync_doubles import (
    Double,
    FullDouble,
    Killed,
    PointDouble,
    Publisher,
    Row,
    at,
    config_with,
    golden,
    opt_in,
)

PEOPLE = [f"p{number}@example.com" for number in range(8)]
SCOPES = ["*", "acme", "acme/news", "outlet"]
REASONS = ["opt_out", "complaint"]
# None, one for each list, or the address of somebody who may be asked for as well.
CANARIES = ["", 'mailbox = "seed@canaries.example.com"', 'addresses = { crm = "p3@example.com" }']


@dataclass
class Marking(FullDouble):
    """A list that keeps which push wrote a row, and when; or, with ``by_age``, only when."""

    by_age: bool = False
    of_push: dict[tuple[str, ...], tuple[str, datetime]] = field(default_factory=dict)
    push: Push | None = None
    day: float = 0.0

    def open(self, push: Push) -> None:
        super().open(push)
        self.push = push

    def put(self, rows: pa.RecordBatchReader) -> Any:
        had = set(self.rows)
        listed = rows.read_all()
        assert self.push is not None
        try:
            return super().put(listed.to_reader())
        finally:
            for row in listed.to_pylist():
                key = tuple(row[name] for name in KEY)
                if key in self.rows and (not self.by_age or key not in had):
                    self.of_push[key] = (self.push.id, at(self.day))

    def read(self) -> Iterator[pa.RecordBatch]:
        for batch in super().read():
            keys = [tuple(row[name] for name in KEY) for row in batch.to_pylist()]
            known = [self.of_push.get(key, ("", at(self.day - 3))) for key in keys]
            table = pa.Table.from_batches([batch])
            moments = pa.array([moment for _, moment in known], pa.timestamp("us", tz="UTC"))
            table = table.append_column("written_at", moments)
            if not self.by_age:
                ours = [self.rows[key].ours for key in keys]
                table = table.append_column("ours", pa.array(ours, pa.bool_()))
                pushes = [name if own else None for (name, _), own in zip(known, ours, strict=True)]
                table = table.append_column("push", pa.array(pushes, pa.string()))
            yield from table.to_batches()


KINDS: dict[str, Any] = {
    "full, by push": Marking,
    "full, by age": lambda: Marking(by_age=True),
    "full, tells ours": lambda: FullDouble(tells_ours=True),
    "full, tells nothing": FullDouble,
    "point": lambda: PointDouble(read_back="point"),
    "point, little time": lambda: PointDouble(read_back="point", look_up_takes=1.0),
    "receipt": lambda: Double(read_back="receipt"),
    "none": lambda: Double(read_back="none"),
}


class World:
    """One home and its destination."""

    def __init__(self, folder: Path, kind: str, *, plans_all: bool) -> None:
        self.home, self.plans_all = Home.at(folder).create(), plans_all
        self.home.key_file.write_text("5" * 64 + "\n")  # both hash alike
        self.home.key_file.chmod(0o600)
        self.publisher, self.crm = Publisher(self.home), KINDS[kind]()
        self.crm.batch_size = 3
        self.keys = {"look_up_minutes": 0.2} if self.crm.look_up_takes else {}  # twelve rows a push

    def push(self, day: float, keys: dict[str, Any]) -> Any:
        crm, timer = self.crm, Timer(self.crm.clock.monotonic, self.crm.clock.sleep, lambda: at(day))
        crm.day = day
        if self.plans_all and self.home.sync_ledger_file.exists():
            with duckdb.connect(str(self.home.sync_ledger_file)) as con:
                con.execute("delete from pushed")
        try:
            done = sync(
                self.home,
                config_with("crm", **keys, **self.keys),
                "crm",
                at(day),
                read_snapshot=self.publisher.read,
                read_version=self.publisher.read_version,
                allows=self.publisher.allows,
                destination=crm,
                timer=timer,
                lock_wait_seconds=0,
            )
        except (QuietlistError, Killed) as error:
            return type(error).__name__
        return (
            done.planned, done.wanted, done.states, done.accepted, done.verified, done.missing, done.rejected, done.released,
            done.found, done.held, done.alarms, done.nothing_to_do, done.canaries,
        )  # fmt: skip

    def back_up_or_restore(self, event: str) -> None:
        """The ledger alone, as a backup that was not of the whole home."""
        backup = self.home.root / "ledger.backup"
        if event == "backup" and self.home.sync_ledger_file.exists():
            shutil.copyfile(self.home.sync_ledger_file, backup)
        elif event == "restore" and backup.exists():
            shutil.copyfile(backup, self.home.sync_ledger_file)

    def ledger(self) -> dict[str, list[Any]]:
        """Everything that the next push goes by, as it does not differ by chance."""
        if not self.home.sync_ledger_file.exists():
            return {}
        with duckdb.connect(str(self.home.sync_ledger_file)) as con:
            return {
                table: con.execute(f"select * from {table} order by all").fetchall()
                for table in ("row_state", "spent", "releases", "canaries")
            }

    def there(self) -> tuple[Any, ...]:
        return (
            {key: (row.ours, row.since) for key, row in self.crm.rows.items()},
            self.crm.payloads,
            self.crm.put_calls,
            self.crm.release_calls,
            self.crm.evidence,
        )


class History:
    """What happens to both worlds, as a seed has it."""

    def __init__(self, seed: str) -> None:
        self.chance = random.Random(seed)
        self.rows: dict[tuple[str, str], dict[str, Any]] = {}
        self.evidence: dict[str, dict[str, Any]] = {}
        self.day, self.keys = 0.0, {"channels": ["email"], "scopes": SCOPES}
        for _ in range(10):
            self.opts_out()

    def opts_out(self) -> None:
        who, scope = self.chance.choice(PEOPLE), self.chance.choice(SCOPES)
        below = [node for node in ("acme", "acme/news", "outlet") if node != scope]
        self.rows[who, scope] = golden(
            who,
            scope=scope,
            reason=self.chance.choice(REASONS),
            last_requested_at=at(self.day + self.chance.random()),
            except_scopes=self.chance.sample(below, self.chance.choice([0, 0, 1])),
        )

    def opts_in(self) -> None:
        who, scope, number = self.chance.choice(PEOPLE), self.chance.choice(SCOPES), len(self.evidence)
        self.evidence[f"opt-in {number}"] = opt_in(who, scope=scope, evidence_id=f"opt-in {number}")
        if self.chance.random() < 0.8:
            self.vanishes(who)

    def vanishes(self, who: str | None = None) -> None:
        left = [key for key in self.rows if who in (None, key[0])]
        for key in left if who else self.chance.sample(left, min(1, len(left))):
            del self.rows[key]

    def happens(self, worlds: list[World]) -> str:
        """One thing that happens, to all alike; in a word."""
        chance, who, scope = self.chance, self.chance.choice(PEOPLE), self.chance.choice(SCOPES)
        key = ("email", "email", who, scope)
        event = chance.choice(
            ["out", "out", "out", "in", "in", "vanish", "others", "others", "lose", "forget", "keep", "refuse", "spoil", "busy",
             "down", "no read", "die at put", "die at release", "slow", "heal", "heal", "scopes", "guard", "backup", "restore",
             "another home", "canaries"]
        )  # fmt: skip
        if event == "out":
            self.opts_out()
        elif event == "in":
            self.opts_in()
        elif event == "vanish":
            self.vanishes()
        elif event == "scopes":
            self.keys = self.keys | {"scopes": chance.choice([SCOPES, SCOPES, SCOPES[:3], ["*", "outlet"]])}
        elif event == "canaries":
            self.keys = self.keys | {"canaries": chance.choice(CANARIES)}
        elif event == "guard":
            self.keys = self.keys | {"max_releases": chance.choice([0, 1, 100])}
        for world in worlds:
            world.back_up_or_restore(event)
        number, since = chance.randrange(1, 4), chance.choice([None, at(self.day - 1), at(self.day + 1)])
        for crm in (world.crm for world in worlds):
            if event == "others":
                crm.rows[key] = Row(ours=False, since=since)
                if isinstance(crm, Marking):
                    crm.of_push[key] = ("", at(self.day))
            elif event == "another home" and isinstance(crm, Marking):
                crm.rows[key], crm.of_push[key] = Row(ours=True), ("of another home", at(self.day))
            elif event == "lose":
                crm.rows.pop(key, None)
            elif event in ("forget", "keep", "spoil"):
                {"forget": crm.forgets, "keep": crm.keeps, "spoil": crm.spoils}[event].add(who)
            elif event == "refuse":
                crm.refuses[who] = "invalid_email"
            elif event in ("busy", "down"):
                crm.failures = [TransientError("Calling the double", seen="busy") for _ in range(2 if event == "busy" else 99)]
            elif event == "no read":
                crm.read_failures = [TransientError("Reading the double", seen="busy") for _ in range(5)]
            elif event == "die at put":
                crm.dies_after_put = len(crm.put_calls) + number
            elif event == "die at release":
                crm.dies_after_release = len(crm.release_calls) + 1
            elif event == "slow":
                crm.visible_within, crm.appears_after = 7200.0, 300.0
            elif event == "heal":
                for those in (crm.forgets, crm.keeps, crm.spoils, crm.refuses, crm.failures, crm.read_failures):
                    those.clear()
                crm.dies_after_put = crm.dies_after_release = None
                crm.visible_within = crm.appears_after = 0.0
        return event


def live(folder: Path, kind: str, seed: str, steps: int) -> None:
    history = History(seed)
    worlds = [World(folder / "changes", kind, plans_all=False), World(folder / "all", kind, plans_all=True)]
    told: list[str] = []
    for step in range(steps):
        told.append(", ".join(history.happens(worlds) for _ in range(history.chance.randrange(4))))
        if step == 0 or history.chance.random() < 0.7:
            for world in worlds:
                world.publisher.publish(*history.rows.values(), evidence=list(history.evidence.values()))
        case = f"seed {seed!r}, step {step}: {told}"
        changes, everything = (world.push(history.day, history.keys) for world in worlds)
        assert changes == everything, case
        for table, rows in worlds[1].ledger().items():
            assert worlds[0].ledger()[table] == rows, f"{case}: {table}"
        assert worlds[0].there() == worlds[1].there(), case
        for world in worlds:  # who died once is not killed again by the same
            world.crm.dies_after_put = world.crm.dies_after_release = None
        history.day += history.chance.choice([0.01, 0.2, 1, 1, 3, 31])


NAMES = [f"{number}@example.com" for number in range(30)]


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many wanted rows each plan looked at."""
    counted: list[int] = []

    def count(*arguments: Any, **keys: Any) -> int:
        counted.append(prepare_wanted(*arguments, **keys))
        return counted[-1]

    monkeypatch.setattr(plan, "prepare_wanted", count)
    return counted


def test_a_day_costs_a_day_and_nothing_costs_nothing(publisher: Any, push: Any, planned: list[int]) -> None:
    crm = FullDouble()
    publisher.publish(*map(golden, NAMES))
    push(crm)
    assert planned == [30], "the first push plans all"
    planned.clear()
    assert push(crm, as_of=at(1)).planned == {"noop:in_place": 30} and planned == [0], "nothing changed"
    publisher.publish(*map(golden, NAMES[1:]), golden("new@example.com"), evidence=[opt_in(NAMES[0])])
    planned.clear()
    result = push(crm, as_of=at(2))
    assert (result.puts, result.released, result.wanted) == (1, 1, 30) and planned == [1], "one came, one went"
    planned.clear()
    del crm.rows[("email", "email", NAMES[7], "*")]
    crm.somebody_else_puts("eve@example.com")
    assert push(crm, as_of=at(3)).planned == {"found:not_ours": 1, "noop:in_place": 29, "put:missing": 1} and planned == [1]


def test_a_release_that_was_planned_and_not_reached_is_sent_by_the_next_push(publisher: Any, push: Any) -> None:
    """Puts leave first: the system was down for them, so that no release left, and the ledger says nothing of why."""
    crm = FullDouble()
    publisher.publish(*map(golden, NAMES))
    push(crm)
    publisher.publish(*map(golden, NAMES[1:]), golden("new@example.com"), evidence=[opt_in(NAMES[0])])
    crm.failures = [Throttled("Calling the double", retry_after=3600)]
    with pytest.raises(Throttled):
        push(crm, as_of=at(1))
    result = push(crm, as_of=at(2))
    assert (result.released, result.held, result.puts) == (1, (), 1) and NAMES[0] not in crm.identifiers()


def test_a_row_of_others_that_another_home_writes_over_comes_home_again(home: Home, publisher: Any, push: Any) -> None:
    crm, key = Marking(), ("email", "email", "eve@example.com", "*")
    publisher.publish(*map(golden, NAMES))
    crm.rows[key], crm.of_push[key] = Row(ours=False, since=at(-1)), ("", at(-1))
    assert push(crm).found == 1
    crm.rows[key], crm.of_push[key] = Row(ours=True), ("of another home", at(1))
    assert push(crm, as_of=at(2)).found == 1 and len(list((home.inbox / "found__crm").iterdir())) == 2


def forget(home: Home) -> None:
    with duckdb.connect(str(home.sync_ledger_file)) as con:
        con.execute("delete from pushed")


def took_over(home: Home) -> None:
    with duckdb.connect(str(home.sync_ledger_file)) as con:
        con.execute("insert into other_pushes values ('crm', 'a push', 'another home', ?)", [at()])
    take_over(home, config_with("crm"), "crm", person="Ines", reason="the old machine is gone", now=at(0.5))


def test_an_opt_in_that_comes_while_the_row_stays_wanted_is_spent_though_no_row_changed(publisher: Any, push: Any) -> None:
    """Only the evidence is new. Were that not looked at, it would lift the row when it vanishes by a fault."""
    crm, late = FullDouble(), [opt_in(NAMES[0])]
    publisher.publish(*map(golden, NAMES), evidence=[])
    push(crm)
    publisher.publish(*map(golden, NAMES), evidence=late)
    push(crm, as_of=at(1))
    publisher.publish(*map(golden, NAMES[1:]), evidence=late)
    result = push(crm, as_of=at(2))
    assert (result.released, [held.reason for held in result.held]) == (0, ["no_evidence"]) and NAMES[0] in crm.identifiers()


def test_a_row_whose_change_did_not_leave_is_changed_by_the_next_push_though_nothing_changed_since(
    publisher: Any, push: Any
) -> None:
    crm = FullDouble()
    publisher.publish(*map(golden, NAMES))
    push(crm)
    publisher.publish(golden(NAMES[0], reason="complaint"), *map(golden, NAMES[1:]))
    crm.failures = [Throttled("Calling the double", retry_after=3600)]  # surely not taken
    with pytest.raises(Throttled):
        push(crm, as_of=at(1))
    assert push(crm, as_of=at(2)).planned["put:changed"] == 1
    assert crm.payloads["email", "email", NAMES[0], "*"]["reason"] == "complaint"


WHOLE = [
    ("another configuration", lambda home: None, {"scopes": ["*", "outlet"]}),
    ("a lost note of what was planned", forget, {}),
    ("a lost version", lambda home: (home.golden_published / "version=1" / "part-0.parquet").unlink(), {}),
    ("a takeover", took_over, {}),
]


@pytest.mark.parametrize(("case", "change", "keys"), WHOLE, ids=[case for case, *_ in WHOLE])
def test_without_a_version_to_begin_with_all_rows_are_planned(
    home: Home, publisher: Any, push: Any, planned: list[int], case: str, change: Any, keys: dict[str, Any]
) -> None:
    crm = FullDouble()
    publisher.publish(*map(golden, NAMES))
    push(crm)
    publisher.publish(*map(golden, NAMES))
    change(home)
    planned.clear()
    push(crm, as_of=at(1), **keys)
    assert planned[0] >= 30, case
    planned.clear()
    push(crm, as_of=at(2), **keys)
    assert planned == [0], f"{case}: once"


def test_a_version_that_was_altered_since_is_nothing_to_begin_with(
    home: Home, publisher: Any, push: Any, planned: list[int]
) -> None:
    crm = FullDouble()
    publisher.publish(*map(golden, NAMES), evidence=[])
    push(crm)
    publisher.publish(*map(golden, NAMES), evidence=[])
    file = home.golden_published / "version=1" / "evidence" / "releases.parquet"
    file.write_bytes(b"others")
    planned.clear()
    push(crm, as_of=at(1))
    assert planned == [30]


def test_a_push_killed_while_it_notes_its_plan_is_planned_as_a_whole_and_goes_on(
    home: Home, publisher: Any, push: Any, planned: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between two pieces: the version that half of the ledger was planned from may never be published again."""
    monkeypatch.setattr(pieces, "PIECE_ROWS", 10)
    crm = FullDouble(batch_size=7)
    publisher.publish(*map(golden, NAMES))
    write, pieces_written = engine.replace_rows, itertools.count(1)

    def dying(*arguments: Any) -> None:
        write(*arguments)
        if next(pieces_written) == 2:
            raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(engine, "replace_rows", dying)
        push(crm)
    assert not crm.put_calls
    publisher.publish(*map(golden, NAMES[5:]))
    planned.clear()
    result = push(crm, as_of=at(1))
    assert sum(planned) == 25 and result.states["verified"] == 25 and crm.identifiers() == set(NAMES[5:])
    planned.clear()
    # Killed while sending: what was accepted is not sent again, and nothing is planned that is done.
    publisher.publish(*map(golden, [*NAMES[5:], *(f"new{number}@example.com" for number in range(20))]))
    crm.dies_after_put = len(crm.put_calls) + 2
    with pytest.raises(Killed):
        push(crm, as_of=at(2))
    crm.dies_after_put, sent = None, len(crm.put_calls)
    planned.clear()
    push(crm, as_of=at(3))
    assert sum(planned) == 20 and sum(map(len, crm.put_calls[sent:])) == 13, "7 of 20 were answered"
    assert len(crm.rows) == 45


def test_a_push_that_runs_out_of_memory_says_which_limit_to_raise(
    publisher: Any, push: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise duckdb.OutOfMemoryException(
            "Out of Memory Error: could not allocate block of size 256.0 KiB (3.7 GiB/3.7 GiB used)"
        )

    monkeypatch.setattr(plan, "make_plan", full)
    publisher.publish(golden(NAMES[0]))
    with pytest.raises(OutOfRoom, match=r"(?s)Pushing to crm.*raise limits\.memory"):
        push(FullDouble())


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "PIECE_ROWS", 20)


@pytest.mark.parametrize("kind", KINDS)
def test_the_plan_from_changes_does_what_the_plan_of_all_rows_does(tmp_path: Path, small_pieces: None, kind: str) -> None:
    live(tmp_path, kind, f"{kind} 1", 9)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(2, 22))
@pytest.mark.parametrize("kind", KINDS)
def test_the_same_at_length(tmp_path: Path, small_pieces: None, kind: str, number: int) -> None:
    live(tmp_path, kind, f"{kind} {number}", 25)
