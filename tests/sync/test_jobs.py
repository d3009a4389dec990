"""A system that takes rows as jobs: their ids are kept over a crash, and until one has ended none of its rows is missing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import duckdb
import pytest

from orchestration.core.errors import TransientError
from orchestration.destinations.contract import JobState, Outcome
from tests.sync.sync_doubles import FullDouble, Killed, at, golden, opt_in


@dataclass
class Queue(FullDouble):
    """It takes every call as a job, and carries out none before it is told to."""

    works: bool = False
    """Whether jobs end when somebody asks,"""
    asks: int = 1
    """and how often they must be asked after."""
    at_once: bool = False
    """Whether a job has ended before anybody can ask."""
    tells: dict[str, JobState] = field(default_factory=dict)
    """What it says of a job, whatever became of it."""
    asked: list[tuple[str, str]] = field(default_factory=list)
    taken: dict[str, Any] = field(default_factory=dict)
    dies_when_read: bool = False

    def put(self, rows: Any) -> Outcome:
        return self._take("put", rows.read_all().to_reader())

    def release(self, rows: Any) -> Outcome:
        return self._take("release", rows.read_all().to_reader())

    def _take(self, call: str, rows: Any) -> Outcome:
        name = f"job-{len(self.taken) + 1}"
        self.taken[name] = (call, rows)
        if self.at_once:
            self.work(name)
        return Outcome(jobs=(name,))

    def job(self, call: str, id: str) -> JobState:
        self.asked.append((call, id))
        if self.works and self.asked.count((call, id)) >= self.asks:
            self.work(id)
        return self.tells.get(id) or JobState(ended=self.taken[id] is None)

    def work(self, name: str) -> None:
        """Carry a job out."""
        if self.taken[name] is not None:
            call, rows = self.taken[name]
            self.taken[name] = None
            (super().put if call == "put" else super().release)(rows)

    def read(self) -> Any:
        if self.dies_when_read and self.taken:
            raise Killed
        return super().read()


def open_jobs(home: Any) -> list[tuple[str, str]]:
    with duckdb.connect(str(home.sync_ledger_file)) as con:
        return con.execute("select call, id from jobs order by id").fetchall()


def test_a_job_that_ends_while_the_push_waits_is_proved_and_forgotten(home, publisher, push, states) -> None:
    publisher.publish(golden("ann@example.com"), golden("bob@example.com"))
    crm = Queue(works=True)
    result = push(crm)
    assert (result.accepted, result.verified, result.missing, result.alarms) == (2, 2, 0, ())
    assert crm.asked == [("put", "job-1")] and open_jobs(home) == []
    assert {state[0] for state in states().values()} == {"verified"}


def test_what_is_there_at_once_is_not_asked_after_and_not_kept(home, publisher, push) -> None:
    publisher.publish(golden("ann@example.com"))
    crm = Queue(at_once=True)
    assert push(crm).verified == 1
    assert crm.asked == [] and open_jobs(home) == []


def test_an_open_job_excuses_no_row_that_left_before_it(publisher, push, states) -> None:
    publisher.publish(golden("ann@example.com"))
    crm = Queue()
    push(crm)
    crm.tells["job-1"] = JobState(ended=True, skipped=1)
    publisher.publish(golden("ann@example.com"), golden("bob@example.com"))
    crm.forgets.add("ann@example.com")
    result = push(crm, as_of=at(0.5))
    assert result.planned == {"put:missing": 1, "put:new": 1}, "the job of one has ended, and she is not there"
    assert {name: state[0] for name, state in states().items()} == {"ann@example.com": "sent", "bob@example.com": "sent"}
    assert result.missing == 0, "both are in the job that is open"


def test_until_a_job_has_ended_its_rows_are_neither_missing_nor_put_again(home, publisher, push, states) -> None:
    publisher.publish(golden("ann@example.com"))
    crm = Queue()
    for hours in (0, 3, 23):
        result = push(crm, as_of=at(hours / 24))
        assert (result.missing, states()["ann@example.com"][0]) == (0, "sent"), f"after {hours} hours"
        assert result.unproved == 1, "and nobody calls it proved"
    assert list(crm.taken) == ["job-1"], "put once"
    crm.work("job-1")
    assert push(crm, as_of=at(0.97)).verified == 1 and open_jobs(home) == []


def test_the_id_of_a_job_outlives_the_process_that_began_it(home, publisher, push, states) -> None:
    publisher.publish(golden("ann@example.com"))
    crm = Queue(dies_when_read=True)
    with pytest.raises(Killed):
        push(crm)
    assert open_jobs(home) == [("put", "job-1")]
    crm.dies_when_read, crm.asked = False, []
    push(crm, as_of=at(0.1))
    assert crm.asked[0] == ("put", "job-1"), "the next push asks after it"
    assert list(crm.taken) == ["job-1"] and states()["ann@example.com"][0] == "sent"
    crm.work("job-1")
    push(crm, as_of=at(0.2))
    assert states()["ann@example.com"][:3] == ("verified", True, True)


@pytest.mark.parametrize(
    ("case", "state", "said"),
    [
        ("it skipped rows", JobState(ended=True, skipped=3), "3 rows were left out by jobs at double, which does not say which"),
        ("it was cancelled", JobState(ended=True, failed=True), "1 job at double ended without being carried out"),
    ],
)
def test_what_a_job_says_of_its_end_is_told_and_the_read_back_decides(publisher, push, case: str, state: Any, said: str) -> None:
    publisher.publish(golden("ann@example.com"))
    crm = Queue(tells={"job-1": state})
    result = push(crm)
    assert [alarm for alarm in result.alarms if said in alarm], f"{case}: {result.alarms}"
    assert result.missing == 1, "its end is known, and she is not there"
    assert push(crm, as_of=at(0.1)).planned == {"put:missing": 1}, case


def test_a_job_that_never_ends_is_given_up_after_a_day_and_told_of(home, publisher, push) -> None:
    publisher.publish(golden("ann@example.com"))
    crm = Queue()
    push(crm)
    result = push(crm, as_of=at(1))
    assert [alarm for alarm in result.alarms if "1 job at double did not end within a day" in alarm], result.alarms
    assert result.planned == {"put:missing": 1} and list(crm.taken) == ["job-1", "job-2"]
    assert open_jobs(home) == [("put", "job-2")]


def test_a_job_that_lifts_is_waited_for_before_anything_is_put(publisher, push) -> None:
    ann, bob, proof = golden("ann@example.com"), golden("bob@example.com"), [opt_in("ann@example.com")]
    publisher.publish(ann, bob)
    crm = Queue(works=True)
    push(crm)
    crm.works = False
    publisher.publish(bob, evidence=proof)
    push(crm, as_of=at(1))
    assert list(crm.taken) == ["job-1", "job-2"] and "ann@example.com" in crm.identifiers(), "its lifting is on its way"
    crm.works, crm.asks, crm.asked = True, 3, []
    publisher.publish({**ann, "last_requested_at": at(1.5)}, bob, evidence=proof)
    result = push(crm, as_of=at(1.9))
    assert crm.asked == [("release", "job-2")] * 3 + [("put", "job-3")] * 3, "it has ended before the plan is made"
    assert "ann@example.com" in crm.identifiers() and result.unproved == 0, "her later word stands"


def test_a_system_that_cannot_be_asked_after_a_job_holds_back_no_opt_out(publisher, push) -> None:
    class Mute(Queue):
        def job(self, call: str, id: str) -> JobState:
            raise TransientError("Asking after a job", seen="no answer")

    publisher.publish(golden("ann@example.com"))
    crm = Mute()
    push(crm)
    publisher.publish(golden("ann@example.com"), golden("bob@example.com"))
    result = push(crm, as_of=at(0.5))
    assert [alarm for alarm in result.alarms if "what became of the jobs of earlier pushes could not be asked" in alarm]
    assert result.accepted == 1 and list(crm.taken) == ["job-1", "job-2"]


def test_a_dry_run_asks_after_no_job_and_plans_none_of_its_rows(home, publisher, push) -> None:
    publisher.publish(golden("ann@example.com"))
    crm = Queue()
    push(crm)
    crm.asked = []
    assert push(crm, as_of=at(0.5), dry_run=True).puts == 0
    assert crm.asked == [] and open_jobs(home) == [("put", "job-1")]
