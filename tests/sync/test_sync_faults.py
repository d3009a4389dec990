"""Destinations that misbehave, processes that die, and gates that are closed."""

from __future__ import annotations

import itertools
import json
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace

import duckdb
import pytest

from orchestration.core.errors import ConfigError, GateClosed, PermanentError, Throttled, TransientError
from orchestration.core.home import CHECKOUT
from orchestration.destinations.contract import Outcome
from orchestration.sync import copy_state, engine, sync
from orchestration.sync.ledger import Journal, ledger
from orchestration.sync.lock import destination_lock
from tests.sync.sync_doubles import (
    Double,
    FullDouble,
    Killed,
    OnDisk,
    PointDouble,
    at,
    config_with,
    golden,
    opt_in,
    recorded_receipts,
)


def everyone(*names: str):
    return [golden(f"{name}@example.com") for name in names]


def busy() -> TransientError:
    return TransientError("Calling the double", seen="busy")


def test_a_destination_that_accepts_and_forgets_is_found_out(publisher, push, states) -> None:
    crm = FullDouble(forgets={"ann@example.com"})
    publisher.publish(*everyone("ann", "bob"))
    result = push(crm)
    assert (result.accepted, result.verified, result.missing) == (2, 1, 1)
    assert states()["ann@example.com"] == ("missing", True, True, "not_seen_after_put")
    assert any("is not there: this person can still be contacted" in alarm for alarm in result.alarms)
    again = push(crm, as_of=at(1))
    assert again.planned["put:missing"] == 1 and again.missing == 1, "planned again, reported again"
    crm.forgets.clear()
    assert push(crm, as_of=at(2)).missing == 0 and states()["ann@example.com"][0] == "verified"


def test_an_ok_with_errors_inside_is_not_an_ok(publisher, push, states) -> None:
    crm = FullDouble(refuses={"ann@example.com": "invalid_email"})
    publisher.publish(*everyone("ann", "bob"))
    result = push(crm)
    assert (result.accepted, result.rejected, result.verified) == (1, 1, 1)
    assert states()["ann@example.com"] == ("rejected", True, False, "invalid_email")
    assert json.loads(result.receipt.read_text())["errors"] == {"invalid_email": 1}
    assert any("1 row was refused" in alarm for alarm in result.alarms)
    crm.refuses.clear()
    assert push(crm, as_of=at(1)).planned["put:refused_before"] == 1
    assert states()["ann@example.com"] == ("verified", True, True, None)


def test_a_batch_that_one_row_spoils_is_halved_until_that_row_stands_alone(publisher, push, states) -> None:
    crm = FullDouble(spoils={"13@example.com"}, batch_size=64)
    publisher.publish(*everyone(*(str(number) for number in range(64))))
    result = push(crm)
    assert (result.accepted, result.rejected, len(crm.rows)) == (63, 1, 63)
    assert states()["13@example.com"] == ("rejected", True, False, "invalid_email")
    assert len(crm.put_calls) == 13, "1 + 2 for each of the 6 halvings"


def test_when_everything_is_refused_the_push_stops(publisher, push, home) -> None:
    names = [str(number) for number in range(200)]
    crm = FullDouble(spoils={f"{name}@example.com" for name in names}, batch_size=100)
    publisher.publish(*everyone(*names))
    with pytest.raises(PermanentError, match="all of the first 25 new rows were refused"):
        push(crm)
    assert len(crm.put_calls) < 80
    receipt = json.loads((home.outbox / "crm" / "receipts" / "00000001.json").read_text())
    assert (receipt["stopped"], receipt["rejected"], receipt["accepted"]) == ("PermanentError", 25, 0)


def test_rows_that_are_refused_for_good_come_last_and_stop_nobody(publisher, push) -> None:
    bad = [str(number) for number in range(30)]
    crm = FullDouble(refuses={f"{name}@example.com": "invalid_email" for name in bad}, batch_size=20)
    publisher.publish(*everyone(*bad, "ann"))
    assert push(crm).rejected == 30
    again = push(crm, as_of=at(1))
    assert again.planned == {"noop:in_place": 1, "put:refused_before": 30} and again.rejected == 30
    publisher.publish(*everyone(*bad, "ann"), golden("zoe@example.com", last_requested_at=at(-99)))
    crm.put_calls.clear()
    push(crm, as_of=at(2))
    assert crm.put_calls[0][0] == "zoe@example.com"


def test_a_busy_system_is_asked_again_with_growing_pauses(publisher, push) -> None:
    crm = FullDouble(failures=[busy(), busy(), busy()])
    publisher.publish(*everyone("ann"))
    assert push(crm).verified == 1 and crm.clock.slept == [1.0, 2.0, 4.0]


def test_a_system_that_asks_for_a_pause_gets_it(publisher, push) -> None:
    crm = FullDouble(failures=[Throttled("Calling the double", retry_after=37)])
    publisher.publish(*everyone("ann"))
    assert push(crm).verified == 1 and crm.clock.slept == [37]


class InParts(FullDouble):
    """Needs a request per row and is cut off after ``steps`` of them, again and again."""

    steps = 3
    lost = False

    def put(self, rows):
        listed = rows.read_all()
        done = listed.slice(0, self.steps)
        super().put(done.to_reader())
        rest = range(done.num_rows, listed.num_rows)
        unknown = frozenset(list(rest)[:1]) if self.lost else frozenset()
        if unknown:  # it was done, and nobody said so
            super().put(listed.slice(done.num_rows, 1).to_reader())
        return Outcome(later=frozenset(rest) - unknown, unknown=unknown, retry_after=7 if rest else None)


@pytest.mark.parametrize("lost", [False, True])
def test_a_batch_that_is_done_in_part_goes_on_with_the_rest(publisher, push, states, lost) -> None:
    names = [str(number) for number in range(20)]
    crm = InParts(batch_size=10)
    crm.lost = lost
    publisher.publish(*everyone(*names))
    result = push(crm)
    assert (result.accepted, result.verified, len(crm.rows)) == (20, 20, 20)
    assert crm.clock.slept == [7] * 6, "three at a time, twice: 3, 3, 3, 1"
    assert {state[:3] for state in states().values()} == {("verified", True, True)}


def test_an_answer_that_did_nothing_and_is_no_failure_ends_the_push(publisher, push) -> None:
    crm = InParts()
    crm.steps = 0
    publisher.publish(*everyone("ann"))
    with pytest.raises(PermanentError, match="one that did nothing and is no failure"):
        push(crm)


def test_rows_that_were_surely_not_taken_are_nobodys_yet(publisher, push, states) -> None:
    crm = InParts(failures=[])
    crm.steps = 1
    publisher.publish(*everyone("ann", "bob"))
    with pytest.raises(TransientError, match="5000 seconds"):
        crm.put, put = (lambda rows: replace(put(rows), retry_after=5000)), crm.put
        push(crm)
    assert sorted(state[:3] for state in states().values()) == [("sent", True, True), ("wanted", True, False)]
    del crm.put
    assert push(crm, as_of=at(1)).planned == {"noop:in_place": 1, "put:new": 1}


def test_a_system_that_lifts_nothing_holds_the_release_and_says_by_whose_hand(publisher, push) -> None:
    crm = FullDouble(lifts=False)
    publisher.publish(*everyone("ann", "bob"))
    push(crm)
    publisher.publish(*everyone("bob"), evidence=[opt_in("ann@example.com")])
    result = push(crm, as_of=at(1))
    assert [held.reason for held in result.held] == ["cannot_release"] and crm.release_calls == []
    assert "lift it by hand there" in result.kept_back[0]


def test_a_pause_that_is_too_long_is_left_to_the_next_push(publisher, push, home) -> None:
    crm = FullDouble(failures=[Throttled("Calling the double", retry_after=3600)])
    publisher.publish(*everyone("ann"))
    with pytest.raises(TransientError):
        push(crm)
    assert (
        crm.clock.slept == []
        and json.loads((home.outbox / "crm" / "receipts" / "00000001.json").read_text())["stopped"] == "Throttled"
    )


def test_a_release_that_was_turned_away_may_be_sent_again_even_where_nobody_can_look(publisher, push) -> None:
    class Turns(Double):
        def release(self, rows):
            if self.failures:
                raise self.failures.pop(0)
            return super().release(rows)

    ads = Turns(read_back="none")
    publisher.publish(*everyone("ann", "bob"))
    push(ads)
    publisher.publish(*everyone("bob"), evidence=[opt_in("ann@example.com")])
    ads.failures = [Throttled("Calling the double", retry_after=3600)]
    with pytest.raises(Throttled):
        push(ads, as_of=at(1))
    assert push(ads, as_of=at(2)).released == 1 and ads.identifiers() == {"bob@example.com"}


def test_a_refusal_that_quotes_the_row_is_not_kept(publisher, push, states) -> None:
    crm = FullDouble(refuses={"ann@example.com": "ann@example.com is on our list"})
    publisher.publish(*everyone("ann"))
    result = push(crm)
    assert states()["ann@example.com"][3] == "refused_without_a_code" and "example" not in result.receipt.read_text()


def test_the_pace_of_the_system_is_kept(publisher, push) -> None:
    crm = FullDouble(batch_size=1, calls_per_second=4)
    publisher.publish(*everyone(*(str(number) for number in range(8))))
    push(crm)
    assert crm.clock.now == pytest.approx((1 + 8 + 1 - 1) / 4), "a read, eight puts and a read, a quarter of a second apart"


def test_a_system_that_stays_down_keeps_what_was_sent_and_goes_on_next_time(publisher, push, states) -> None:
    crm = FullDouble(batch_size=1, down_after=1)
    publisher.publish(*everyone("ann", "bob", "cat"))
    with pytest.raises(TransientError):
        push(crm)
    assert [row[0] for row in states().values()] == ["sent", "wanted", "wanted"]
    assert crm.put_calls == [["ann@example.com"], *[["bob@example.com"]] * 5]
    crm.down_after = None
    crm.put_calls.clear()
    result = push(crm, as_of=at(1))
    assert crm.put_calls == [["bob@example.com"], ["cat@example.com"]] and result.verified == 3
    assert {row[:3] for row in states().values()} == {("verified", True, True)}


def test_a_stray_exception_of_a_module_does_not_quote_rows(publisher, push, states) -> None:
    crm = FullDouble(failures=[KeyError("ann@example.com")])
    publisher.publish(*everyone("ann"))
    with pytest.raises(PermanentError) as caught:
        push(crm)
    assert "key error" in str(caught.value) and "example.com" not in str(caught.value)
    assert caught.value.__suppress_context__, "a traceback would quote it"
    assert push(crm, as_of=at(1)).verified == 1


def test_an_answer_for_a_row_that_was_not_sent_is_not_believed(publisher, push) -> None:
    class Confused(FullDouble):
        def put(self, rows):
            from orchestration.destinations.contract import Outcome

            super().put(rows)
            return Outcome({7: "invalid_email"})

    publisher.publish(*everyone("ann"))
    with pytest.raises(PermanentError, match="a row that was not in the batch"):
        push(Confused())


def test_an_eventually_consistent_system_is_waited_for(publisher, push, states) -> None:
    crm = FullDouble(visible_within=60, appears_after=5)
    publisher.publish(*everyone("ann"))
    assert push(crm).verified == 1 and sum(crm.clock.slept) == 7, "1 + 2 + 4 seconds"


def test_a_row_that_is_not_there_in_time_is_missing_only_then(publisher, push, states) -> None:
    crm = FullDouble(visible_within=3600, appears_after=1e9)
    publisher.publish(*everyone("ann"))
    result = push(crm)
    assert sum(crm.clock.slept) == 120 and (result.missing, result.states) == (0, {"sent": 1}), (
        "patience ends before the system's time does"
    )
    half = push(crm, as_of=at(1 / 48))
    assert half.nothing_to_do and half.planned == {"noop:settling": 1} and len(crm.put_calls) == 1
    late = push(crm, as_of=at(1 / 24))
    assert late.planned == {"put:missing": 1} and len(crm.put_calls) == 2


def test_a_row_that_shows_up_between_pushes_is_verified_by_the_next(publisher, push, states) -> None:
    crm = FullDouble(visible_within=86400, appears_after=600)
    publisher.publish(*everyone("ann"))
    push(crm)
    crm.clock.now += 600
    result = push(crm, as_of=at(0.5))
    assert (result.verified, result.puts) == (1, 0) and result.receipt is not None
    assert states()["ann@example.com"][0] == "verified"


def test_a_failed_read_back_lets_new_suppressions_out_unproved_and_unowned(publisher, push, states) -> None:
    crm = FullDouble(read_failures=[busy() for _ in range(5)])
    publisher.publish(*everyone("ann"))
    result = push(crm)
    assert (result.accepted, result.verified) == (1, 0) and any("read-back failed" in alarm for alarm in result.alarms)
    assert states()["ann@example.com"] == ("sent", True, False, None), "it may have been there before: not ours to lift"
    assert push(crm, as_of=at(1)).verified == 1


def test_a_read_back_that_fails_after_sending_proves_nothing_yet(publisher, push, states) -> None:
    class Fails(FullDouble):
        def put(self, rows):
            self.read_failures = [busy() for _ in range(5)]
            return super().put(rows)

    crm = Fails()
    publisher.publish(*everyone("ann"))
    result = push(crm)
    assert result.verified == 0 and any("stays unproved" in alarm for alarm in result.alarms)
    assert push(crm, as_of=at(1)).verified == 1 and len(crm.put_calls) == 1


@pytest.mark.parametrize(
    ("kind", "marks"),
    [(FullDouble, True), (FullDouble, False), (PointDouble, False), (Double, False)],
    ids=["full, tells who wrote a row", "full", "point", "none"],
)
def test_a_process_that_dies_between_put_and_note_ends_in_the_same_state(publisher, push, states, kind, marks) -> None:
    read_back = {FullDouble: "full", PointDouble: "point", Double: "none"}[kind]
    crm = kind(read_back=read_back, batch_size=2, dies_after_put=2, tells_ours=marks)
    publisher.publish(*everyone("ann", "bob", "cat", "dan", "eve"))
    with pytest.raises(Killed):
        push(crm)
    crm.dies_after_put = None
    result = push(crm, as_of=at(1))
    assert len(crm.rows) == 5 and result.receipt is not None and result.accepted == 5, (
        "the receipt tells of the dead push's rows too"
    )
    unanswered = {"cat@example.com", "dan@example.com"}
    for identifier, state in states().items():
        ours = identifier not in unanswered or marks or read_back == "none"
        assert state == ("sent" if read_back == "none" else "verified", True, ours, None), identifier
    assert crm.put_calls[2:] == [["cat@example.com", "dan@example.com"], ["eve@example.com"]], "only what was not answered"
    assert push(crm, as_of=at(1.1)).nothing_to_do


@pytest.mark.parametrize("marks", [True, False], ids=["the system tells who wrote a row", "it does not"])
def test_rows_of_a_dead_push_that_are_no_longer_wanted_are_ours_where_that_can_be_proved(publisher, push, marks) -> None:
    crm = FullDouble(dies_after_put=1, tells_ours=marks)
    publisher.publish(*everyone("ann", "bob"))
    with pytest.raises(Killed):
        push(crm)
    crm.dies_after_put = None
    publisher.publish(*everyone("bob"))
    result = push(crm, as_of=at(1))
    assert (result.found, [held.reason for held in result.held]) == ((0, ["no_evidence"]) if marks else (1, []))
    publisher.publish(*everyone("bob"), evidence=[opt_in("ann@example.com")])
    assert push(crm, as_of=at(2)).released == (1 if marks else 0)


def test_a_ledger_of_before_the_moments_of_puts_gets_them_and_calls_no_unanswered_row_ours(home, publisher, push) -> None:
    crm = FullDouble(batch_size=1, dies_after_put=2)
    publisher.publish(*everyone("ann", "bob"))
    with pytest.raises(Killed):
        push(crm)
    with duckdb.connect(str(home.sync_ledger_file)) as con:
        con.execute("alter table row_state drop column put_at")
        con.execute("alter table journal drop column put_at")
        con.execute(
            "update row_state set sent_at = $at, state = 'sent', attempted = identifier = 'bob@example.com'", {"at": at()}
        )
    for _ in range(2):
        with ledger(home) as con:
            moments = dict(con.execute("select identifier, put_at from row_state").fetchall())
            assert con.execute("select outcome, put_at from journal where outcome is not null").fetchall() == [("accepted", at())]
        assert moments == {"ann@example.com": at(), "bob@example.com": None}
    crm.dies_after_put = None
    assert push(crm, as_of=at(1)).accepted == 2


CHILD = """
import sys
from orchestration.core.home import Home
from orchestration.sync import sync
from tests.sync.sync_doubles import OnDisk, Publisher, at, config_with

home = Home.at(sys.argv[1])
publisher = Publisher.reopen(home, int(sys.argv[2]), rows=int(sys.argv[3]))
crm = OnDisk(home.root / "system.json", dies_at=sys.argv[4])
access = {"read_snapshot": publisher.read, "read_version": publisher.read_version, "allows": publisher.allows}
sync(home, config_with("crm"), "crm", at(int(sys.argv[2])), destination=crm, **access)
"""


def test_kill_minus_9_while_pushing_then_again_ends_with_the_same_rows_and_one_release(home, publisher, push) -> None:
    names = [str(number) for number in range(10)]

    def killed(version: int, rows: int, dies_at: str) -> OnDisk:
        """The system as a push that was killed leaves it, in the hands of the next one."""
        arguments = [str(home.root), str(version), str(rows), dies_at]
        done = subprocess.run(
            [sys.executable, "-c", CHILD, *arguments], cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == -signal.SIGKILL, done.stderr
        return OnDisk(home.root / "system.json")

    publisher.publish(*everyone(*names))
    crm = killed(1, 10, "put 2")
    assert len(crm.rows) == 4
    assert push(crm, as_of=at(1.5)).states == {"verified": 10} and len(crm.rows) == 10
    publisher.publish(*everyone(*names[1:]), evidence=[opt_in("0@example.com")])
    crm = killed(2, 9, "release 1")
    assert push(crm, as_of=at(2.5)).states == {"released": 1, "verified": 9}
    assert crm.released == 1 and crm.identifiers() == {f"{name}@example.com" for name in names[1:]}
    assert push(crm, as_of=at(3)).nothing_to_do


# Which step, and at its how manieth time; dying after one step is dying before the next.
STEPS = [
    (engine, "replace_rows", 1), (engine.found, "bring_home", 1),
    (Journal, "attempt", 1), (FullDouble, "put", 1), (Journal, "answer", 1), (Journal, "fold", 2), (engine, "record_sight", 1),
    (Journal, "attempt", 2), (FullDouble, "release", 1), (Journal, "answer", 2), (Journal, "fold", 3),
    (engine, "record_sight", 2),
    (engine.receipts, "write_receipt", 1),
]  # fmt: skip


def test_whatever_step_a_push_dies_at_the_next_one_ends_the_same(home, publisher, push, states, monkeypatch, tmp_path) -> None:
    publisher.publish(*everyone(*(str(number) for number in range(10))))
    first = FullDouble()
    push(first)
    publisher.publish(*everyone(*(str(number) for number in range(1, 12))), evidence=[opt_in("0@example.com")])
    shutil.copytree(home.root, tmp_path / "before")
    ends = []
    for owner, name, time_of_death in STEPS:
        shutil.rmtree(home.root)
        shutil.copytree(tmp_path / "before", home.root)
        crm = FullDouble(rows=dict(first.rows), tells_ours=True)
        crm.somebody_else_puts("eve@example.com")
        step, times = getattr(owner, name), itertools.count(1)

        def dying(*args, _step=step, _times=times, _last=time_of_death, **keys):
            done = _step(*args, **keys)
            if next(_times) == _last:
                raise Killed
            return done

        case = f"killed after {name}, time {time_of_death}"
        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(owner, name, dying)
            push(crm, as_of=at(1))
        push(crm, as_of=at(2))
        written = [path.name for path in sorted((home.outbox / "crm" / "receipts").glob("*.json"))]
        assert len(crm.release_calls) == 1 and recorded_receipts(home, "crm") == written, case
        homecoming = [path.read_text().count("\n") for path in (home.inbox / "found__crm").iterdir()]
        assert homecoming == [1], f"{case}: the found row came home once"
        ends.append((crm.identifiers(), states()))
        assert ends[-1] == ends[0], case
    assert push(crm, as_of=at(3)).nothing_to_do


def test_a_shut_gate_lets_nothing_out_and_the_destination_is_not_even_opened(home, publisher) -> None:
    crm = FullDouble()
    publisher.publish(*everyone("ann"))

    def shut(_home, _rows):
        raise GateClosed("Pushing version 1", seen="no verdict for these rows")

    for dry_run in (False, True):
        with pytest.raises(GateClosed):
            sync(
                home, config_with("crm"), "crm", at(), read_snapshot=publisher.read, allows=shut, destination=crm, dry_run=dry_run
            )
    assert crm.opened == 0 and not crm.put_calls and not home.sync_ledger_file.exists()


def test_the_gate_is_asked_for_exactly_the_rows_that_would_go_out(home, publisher) -> None:
    asked = []
    publisher.publish(*everyone("ann"))

    def allows(_home, rows_sha256):
        asked.append(rows_sha256)
        return publisher.allows(_home, rows_sha256)

    sync(home, config_with("crm"), "crm", at(), read_snapshot=publisher.read, allows=allows, destination=FullDouble())
    assert asked == ["rows of version 1"]


def test_an_older_version_than_the_last_pushed_one_is_refused(publisher, push) -> None:
    crm = FullDouble()
    first = publisher.publish(*everyone("ann"))
    publisher.publish(*everyone("ann", "bob"))
    push(crm)
    publisher.current = first
    with pytest.raises(GateClosed, match="version 2 was pushed already"):
        push(crm, as_of=at(1))
    assert len(crm.rows) == 2


def test_a_push_dated_before_the_last_one_is_refused_but_may_be_tried_dry(publisher, push) -> None:
    crm = FullDouble()
    publisher.publish(*everyone("ann"))
    push(crm)
    with pytest.raises(ConfigError, match="the last push was as of 2026-03-01"):
        push(crm, as_of=at(-1))
    assert push(crm, as_of=at(-1), dry_run=True).dry_run


def test_only_one_push_per_destination_at_a_time(home, publisher, push) -> None:
    publisher.publish(*everyone("ann"))
    crm = FullDouble()
    with destination_lock(home, "crm"), pytest.raises(TransientError, match="another process has been pushing"):
        push(crm)
    with destination_lock(home, "other"):
        assert push(crm).verified == 1


def test_a_second_process_waits_for_the_first(home) -> None:
    code = """
import sys, time
from orchestration.core.home import Home
from orchestration.sync.lock import destination_lock
with destination_lock(Home.at(sys.argv[1]), 'crm'):
    print('held', flush=True)
    time.sleep(0.5)
"""
    with subprocess.Popen([sys.executable, "-c", code, str(home.root)], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None and other.stdout.readline().strip() == "held"
        started = time.monotonic()
        with pytest.raises(TransientError), destination_lock(home, "crm", wait_seconds=0):
            pass
        with destination_lock(home, "crm", wait_seconds=20):
            assert time.monotonic() - started > 0.2


def test_somebody_elses_opt_out_comes_home_once(home, publisher, push, states) -> None:
    crm = FullDouble()
    publisher.publish(*everyone("ann"))
    push(crm)
    crm.somebody_else_puts("eve@example.com", since=at(0.25))
    crm.somebody_else_puts("+15555550100", channel="sms")
    result = push(crm, as_of=at(1))
    assert (result.found, result.puts) == (2, 0) and "eve@example.com" in crm.identifiers()
    (file,) = (home.inbox / "found__crm").iterdir()
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    common = {"request_key": "", "action": "opt_out", "method": "import", "scope": "*", "destination": "crm"}
    assert lines == [
        {**common, "requested_at": "2026-03-01T18:00:00.000000Z", "channels": "email", "email": "eve@example.com", "phone": ""},
        {**common, "requested_at": "2026-03-02T12:00:00.000000Z", "channels": "sms", "email": "", "phone": "+15555550100"},
    ]
    assert file.stat().st_mode & 0o077 == 0 and "example.com" not in file.name
    assert push(crm, as_of=at(2)).nothing_to_do
    file.unlink()  # collected
    publisher.publish(*everyone("ann", "eve"))
    assert push(crm, as_of=at(3)).planned == {"noop:already_there": 1, "noop:in_place": 1, "noop:no_longer_wanted": 1}
    assert states()["eve@example.com"] == ("verified", True, False, None)
    assert list((home.inbox / "found__crm").iterdir()) == []


def test_a_found_row_that_went_away_and_came_back_is_a_new_opt_out(home, publisher, push) -> None:
    crm = FullDouble()
    publisher.publish(*everyone(*(str(number) for number in range(10))))
    crm.somebody_else_puts("eve@example.com")
    push(crm)
    row = crm.rows.pop(("email", "email", "eve@example.com", "*"))
    push(crm, as_of=at(1))
    crm.rows[("email", "email", "eve@example.com", "*")] = row
    assert push(crm, as_of=at(2)).found == 1 and len(list((home.inbox / "found__crm").iterdir())) == 2


def test_a_person_who_opts_out_at_the_destination_after_a_release_comes_home(home, publisher, push) -> None:
    crm = FullDouble()
    publisher.publish(*everyone("ann", "bob"))
    push(crm)
    publisher.publish(*everyone("bob"), evidence=[opt_in("ann@example.com")])
    push(crm, as_of=at(1))
    crm.somebody_else_puts("ann@example.com")
    result = push(crm, as_of=at(2))
    assert result.found == 1 and len(crm.release_calls) == 1, "the old opt-in does not lift the new opt-out"


def test_a_push_that_dies_before_the_homecoming_was_ticked_off_writes_the_same_file(home, publisher, push) -> None:
    crm = FullDouble()
    publisher.publish(*everyone("ann"))
    crm.somebody_else_puts("eve@example.com")
    push(crm)
    (file,) = (home.inbox / "found__crm").iterdir()
    with duckdb.connect(str(home.sync_ledger_file)) as con:
        con.execute("update row_state set brought_home = false where found_at is not null")
    push(crm, as_of=at(5))
    assert list((home.inbox / "found__crm").iterdir()) == [file]


def test_a_lost_ledger_is_rebuilt_from_what_the_system_says_is_ours(home, publisher, push, states) -> None:
    crm = FullDouble(tells_ours=True)
    publisher.publish(*everyone("ann", "bob"))
    push(crm)
    crm.somebody_else_puts("eve@example.com")
    home.sync_ledger_file.unlink()
    publisher.publish(*everyone("bob"))
    result = push(crm, as_of=at(1))
    assert states()["ann@example.com"] == ("verified", False, True, "no_evidence"), "ours, unexplained: blocked"
    assert states()["bob@example.com"] == ("verified", True, True, None)
    assert result.found == 1 and states()["eve@example.com"][2] is False


def test_rows_that_make_no_sense_are_counted_and_postal_ones_are_for_a_person(home, publisher, push) -> None:
    crm = FullDouble()
    publisher.publish(*everyone("ann"))
    crm.somebody_else_puts("eve street 1", channel="postal")
    crm.somebody_else_puts("", channel="email")
    crm.somebody_else_puts("eve@example.com", channel="telegraph")
    result = push(crm)
    assert any("2 rows there make no sense" in alarm for alarm in result.alarms)
    assert any("1 postal opt-out of others is" in alarm for alarm in result.alarms) and result.found == 0
    again = push(crm, as_of=at(1))
    assert again.nothing_to_do and any("1 postal opt-out of others is" in alarm for alarm in again.alarms)


def test_the_state_is_copied_into_the_warehouse_with_the_columns_agreed(home, publisher, push) -> None:
    with duckdb.connect() as warehouse:
        assert copy_state(warehouse, home) == 0, "no ledger yet: an empty table"
        crm = FullDouble(forgets={"bob@example.com"})
        publisher.publish(*everyone("ann", "bob"))
        crm.somebody_else_puts("eve@example.com")
        push(crm)
        for _ in range(2):
            assert copy_state(warehouse, home) == 2, "rows that nobody here wanted stay out"
        rows = warehouse.execute("select * from raw.sync__row_state order by identifier").fetchall()
        names = [column[0] for column in warehouse.description]
    assert names == [
        "destination", "system", "channel", "identifier_type", "identifier", "scope", "wanted", "first_wanted_at", "sent_at",
        "accepted_at", "verified_at", "verify_class", "state", "written_by_us", "version", "error",
    ]  # fmt: skip
    common = ("crm", "double", "email", "email")
    assert rows == [
        (*common, "ann@example.com", "*", True, at(), at(), at(), at(), "full", "verified", True, 1, None),
        (*common, "bob@example.com", "*", True, at(), at(), at(), None, "full", "missing", True, 1, "not_seen_after_put"),
    ]
