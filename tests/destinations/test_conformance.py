"""One suite for every vendor's system: what it does when all goes well, and when nothing does. The real engine, over real HTTP.

A vendor that cannot do something is skipped with the reason that its facts give, so that the list of skips is the list of what
its users must know.
"""

from __future__ import annotations

import logging
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.audit.verify import verify
from orchestration.core.config import known_systems, parse_config
from orchestration.core.errors import ConfigError, PermanentError, QuietlistError, TransientError
from orchestration.core.home import CHECKOUT
from orchestration.destinations.contract import destination_for, facts_of, module_of, settings_problems
from orchestration.http.client import CredentialsRefused
from tests.sync.sync_doubles import NOON, at
from tests.vendors.house import House
from tests.vendors.others import VENDORS
from tests.vendors.server import Reply
from tests.vendors.vendor import KEY, Vendor

OVER_HTTP = [system for system in known_systems() if module_of(system).__name__.rpartition(".")[0].endswith("systems")]


@pytest.fixture(params=VENDORS, ids=lambda kind: kind.system)
def vendor(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Vendor]:
    monkeypatch.setenv("TEST_VENDOR_KEY", KEY)
    with request.param() as running:
        yield running


@pytest.fixture
def house(vendor: Vendor, tmp_path: Path) -> House:
    return House(tmp_path / "home", vendor)


def only_if(holds: bool, otherwise: str) -> None:
    if not holds:
        pytest.skip(otherwise)


def reads(vendor: Vendor) -> None:
    only_if(vendor.reads, "it shows nothing: accepted, not provable")


def reads_all(vendor: Vendor) -> None:
    reads(vendor)
    only_if(vendor.lists_all, "it shows no list, only a row to whoever asks for it")


def releases(vendor: Vendor) -> None:
    only_if(vendor.releases, "it lets no program lift a row")


def proved(vendor: Vendor) -> str:
    return "verified" if vendor.reads else "sent"


def test_every_system_over_http_has_a_vendor_here() -> None:
    assert sorted(kind.system for kind in VENDORS) == OVER_HTTP


def test_a_put_is_there_is_proved_and_is_put_once(vendor: Vendor, house: House) -> None:
    house.publish("ann", "bob")
    result = house.push()
    rows = 2 * len(vendor.lists)
    assert (result.accepted, result.verified, result.alarms) == (rows, rows if vendor.reads else 0, ())
    for scope in vendor.lists:
        assert vendor.there(scope) == house.names("ann", "bob"), scope
        assert house.state("ann", scope)[0] == proved(vendor), scope
    puts = sum(map(vendor.is_put, vendor.requests))
    again = house.push(1)
    assert again.nothing_to_do and sum(map(vendor.is_put, vendor.requests)) == puts
    for push in (result, again):
        shown = (push.seen_there, push.not_provable, push.not_seen_yet)
        assert shown == ((rows, 0, 0) if vendor.reads else (0, rows, 0)), "what nobody can read was never seen there"
    house.publish("ann", "bob", "cy")
    assert house.push(2).accepted == len(vendor.lists), "a day costs a day"
    assert verify(house.home, house.config).kinds["receipt"] == 2


def test_a_scope_goes_to_its_own_list_and_to_no_wider_one(vendor: Vendor, house: House) -> None:
    only_if(len(vendor.lists) > 1, "it has one list")
    house.publish("ann", scope="acme/news")
    house.push()
    assert (vendor.there("*"), vendor.there("acme/news")) == (set(), house.names("ann"))


def test_the_same_call_twice_leaves_the_same(vendor: Vendor, house: House, stream: Any, a_push: Any) -> None:
    destination = destination_for("there", house.config, house.home)
    destination.open(a_push)
    kind = "email" if vendor.channel == "email" else "phone"
    rows = [{"identifier": house.identifier(name), "channel": vendor.channel, "identifier_type": kind} for name in ("ann", "bob")]
    for _ in range(2):
        assert destination.put(stream(*rows)).rejected == {}
        assert vendor.there("*") == house.names("ann", "bob")
    if vendor.releases:
        for _ in range(2):
            assert destination.release(stream(rows[0])).rejected == {}
            assert vendor.there("*") == house.names("bob")
    destination.close()


def test_a_row_that_is_refused_holds_back_itself_only(vendor: Vendor, house: House) -> None:
    vendor.poison = house.names("bob")
    house.publish("ann", "bob", "cy", "dee")
    result = house.push()
    assert result.rejected == len(vendor.lists) and any("can still be contacted there" in alarm for alarm in result.alarms)
    assert vendor.there("*") == house.names("ann", "cy", "dee")
    state, _, ours, error = house.state("bob")
    assert (state, ours) == ("rejected", False) and error and "bob" not in error and "example" not in error
    vendor.poison = set()
    house.push(1)
    assert vendor.there("*") == house.names("ann", "bob", "cy", "dee")


@pytest.mark.parametrize(
    ("case", "headers", "slept"), [("with a hint", {"Retry-After": "37"}, 37), ("without", {}, 1)], ids=["hint", "no hint"]
)
def test_a_throttle_is_waited_for(vendor: Vendor, house: House, case: str, headers: dict[str, str], slept: float) -> None:
    vendor.fail("answer", on=vendor.is_put, skip=1, times=2, reply=Reply(429, None, headers))
    house.publish(*(f"p{number}" for number in range(5)))
    result = house.push()
    for scope in vendor.lists:
        assert vendor.there(scope) == house.names(*(f"p{number}" for number in range(5))), scope
    assert result.rejected == 0 and (slept in house.timer.slept or len(vendor.faults) == 1), case


def test_a_throttle_that_does_not_end_stops_the_push_and_the_next_one_goes_on(vendor: Vendor, house: House) -> None:
    fault = vendor.fail("answer", on=vendor.is_put, times=999, reply=Reply(429))
    house.publish("ann", "bob")
    with pytest.raises(TransientError):
        house.push()
    assert set(house.states().values()) == {("wanted", True, False, None)}, "nothing was done, and the ledger knows it"
    vendor.faults.remove(fault)
    result = house.push(1)
    assert (result.accepted, result.planned) == (2 * len(vendor.lists), {"put:new": 2 * len(vendor.lists)}), (
        "none counts as tried"
    )
    assert vendor.there("*") == house.names("ann", "bob") and house.state("ann")[2] is True


def test_a_throttle_between_two_lists_or_rows_keeps_what_was_done(vendor: Vendor, house: House) -> None:
    is_several = (len(vendor.lists) > 1 and vendor.system != "webhook") or vendor.system in ("brevo", "ses")
    only_if(is_several, "one request takes a batch")
    reply = Reply(429, None, {"Retry-After": "5000"})
    fault = vendor.fail("answer", on=vendor.is_put, skip=vendor.asked_per_put, times=999, reply=reply)
    house.publish("ann", "bob")
    with pytest.raises(TransientError, match="5000 seconds"):
        house.push()
    vendor.faults.remove(fault)
    done = sum(state == "sent" for state, *_ in house.states().values())
    assert 0 < done < 2 * len(vendor.lists), house.states()
    again = house.push(1)
    assert again.planned.get("put:tried_before") is None and again.accepted == 2 * len(vendor.lists) - done


def test_whatever_happens_to_an_answer_the_state_is_the_plan(vendor: Vendor, house: House) -> None:
    """A busy server; an answer that is lost behind the deed; a connection cut before it, or in the middle; silence."""
    house.configure(timeout_seconds=1, batch_size=2)
    kinds = ("answer", "lost", "cut", "half", "silent", "lost")
    for number, kind in enumerate(kinds):
        vendor.fail(kind, on=vendor.is_put, skip=number)  # each request of the push that one of them did not meet yet
    names = [f"p{number}" for number in range(12)]
    house.publish(*names)
    result = house.push()
    assert vendor.faults == [], "each of them happened"
    for scope in vendor.lists:
        assert vendor.there(scope) == house.names(*names), scope
    assert {state[:3] for state in house.states().values()} == {(proved(vendor), True, True)} and not result.rejected


@pytest.mark.parametrize("times", [1, 3])
def test_when_the_vendor_did_it_and_never_answers_the_row_is_ours_and_is_put_again(
    vendor: Vendor, house: House, times: int
) -> None:
    """However often: the row there is as old as the first of the puts, and the later ones make it nobody else's."""
    provable = not vendor.reads or vendor.tells != ""
    only_if(not vendor.looks_first, "a put there looks first, and so is answered after all")
    only_if(times == 1 or provable, "what is there counts as somebody else's, so that it is not put a second time")
    fault = vendor.fail("lost", on=vendor.is_put, skip=vendor.asked_per_put - 1, times=999)
    house.publish("ann")
    for day in range(times):
        with pytest.raises(TransientError):
            house.push(day)
    vendor.faults.remove(fault)
    house.push(times)
    assert house.state("ann")[:3] == (proved(vendor), True, provable)
    house.publish("bob", lifted=("ann",))
    lists = len(vendor.lists) if provable else len(vendor.lists) - 1  # what was lost is the answer about the first
    assert house.push(times + 1).released == (lists if vendor.releases else 0)
    assert (house.identifier("ann") in vendor.there("*")) == (not vendor.releases or not provable)


@pytest.mark.parametrize(
    ("day", "is_wanted_again"),
    [(3, False), (3, True), (-1, False)],
    ids=["the next push lifts her", "one push more wants her first", "her row is older and had not shown"],
)
def test_a_push_that_failed_does_not_lift_somebodys_own_opt_out(
    vendor: Vendor, house: House, day: float, is_wanted_again: bool
) -> None:
    """Day 0: nothing is taken. Day 3: she unsubscribes there herself. Then the home has an older opt-in of hers."""
    releases(vendor)
    reads(vendor)
    fault = vendor.fail("answer", on=vendor.is_put, times=999)
    house.publish("ann", "bob")
    with pytest.raises(TransientError):
        house.push(0)
    vendor.faults.remove(fault)
    assert not vendor.there("*"), "nothing was put"
    vendor.now = at(day)
    for scope in vendor.lists:
        vendor.somebody_puts(scope, house.identifier("ann"))
    if is_wanted_again:
        house.push(3.5)
    house.publish("bob", lifted=("ann",))
    assert house.push(4).released == 0
    house.push(5)
    for scope in vendor.lists:
        assert vendor.there(scope) == house.names("ann", "bob"), f"{scope}: her own word was lifted"
    if not is_wanted_again:
        assert len(house.brought_home()) == len(vendor.lists), "it comes home"


@pytest.mark.parametrize("outcome", ["no answer", "throttled", "refused"])
def test_a_row_that_was_lost_and_could_not_be_put_again_is_not_ours_when_somebody_else_writes_it(
    vendor: Vendor, house: House, outcome: str
) -> None:
    releases(vendor)
    reads(vendor)
    house.publish("ann", "bob")
    house.push(0)
    for scope in vendor.lists:
        vendor.loses(scope, house.identifier("ann"))
    reply = {"no answer": Reply(503), "throttled": Reply(429, headers={"Retry-After": "9999"}), "refused": Reply(400)}[outcome]
    fault = vendor.fail("answer", on=vendor.is_put, times=999, reply=reply)
    try:
        house.push(1)
    except QuietlistError:
        assert outcome != "refused"
    vendor.faults.remove(fault)
    vendor.now = at(3)
    for scope in vendor.lists:
        vendor.somebody_puts(scope, house.identifier("ann"))
    house.publish("bob", lifted=("ann",))
    assert house.push(4).released == 0
    assert house.identifier("ann") in vendor.there("*") and house.brought_home()


@pytest.mark.parametrize("day", [0.02, 0.9], ids=["half an hour later", "most of a day later"])
def test_a_row_that_was_lifted_by_hand_and_came_back_by_her_own_word_stays(vendor: Vendor, house: House, day: float) -> None:
    releases(vendor)
    only_if(vendor.tells != "", "it keeps neither who wrote a row nor when, so nobody can tell: see its facts")
    house.publish("ann", "bob")
    house.push(0)
    vendor.now = at(day)
    for scope in vendor.lists:
        vendor.loses(scope, house.identifier("ann"))
        vendor.somebody_puts(scope, house.identifier("ann"))
    house.publish("bob", lifted=("ann",))
    assert house.push(1).released == 0
    assert house.identifier("ann") in vendor.there("*") and len(house.brought_home()) == len(vendor.lists)


def test_a_key_that_changes_or_a_takeover_makes_no_row_of_somebody_else_ours(vendor: Vendor, house: House) -> None:
    """Her own row stands where ours was lifted by hand; putting everything again must not make it ours."""
    releases(vendor)
    only_if(vendor.tells != "", "it keeps neither who wrote a row nor when, so nobody can tell: see its facts")
    house.publish("ann", "bob")
    house.push(0)
    vendor.now = at(1)
    for scope in vendor.lists:
        vendor.loses(scope, house.identifier("ann"))
        vendor.somebody_puts(scope, house.identifier("ann"))
    with duckdb.connect(str(house.home.sync_ledger_file)) as con:
        con.execute("update row_state set fingerprint = null")
    house.push(2)
    house.publish("bob", lifted=("ann",))
    assert house.push(3).released == 0 and house.identifier("ann") in vendor.there("*")


def test_a_page_that_fails_in_the_middle_is_asked_for_again_and_no_row_counts_as_lost(vendor: Vendor, house: House) -> None:
    only_if(vendor.pages, "its list comes in one answer")
    names = [f"p{number}" for number in range(8)]
    house.publish(*names)
    house.push()
    before = len(vendor.requests)
    vendor.fail("answer", on=vendor.is_read, skip=1, times=2)
    assert house.push(1).nothing_to_do
    read = [request for request in vendor.requests[before:] if vendor.is_read(request)]
    asked = [(request.path, tuple(request.query.items()), request.body) for request in read]
    assert len(asked) == len(set(asked)) * vendor.times_read + 2 and len(asked) > 4, "only that page"
    # It does not come back: half a list is no list, so nothing counts as missing, and releases wait.
    vendor.fail("answer", on=vendor.is_read, skip=1, times=999)
    house.publish(*names[1:], "new", lifted=("p0",))
    result = house.push(2)
    assert any("the read-back failed" in alarm for alarm in result.alarms) and result.missing == 0
    assert result.accepted == len(vendor.lists) and result.released == 0
    assert [held.reason for held in result.held if held.reason == "read_back_failed"] or not vendor.releases
    assert vendor.there("*") == house.names(*names, "new")


def test_a_key_that_is_refused_stops_the_push_and_says_what_it_must_be_allowed(
    vendor: Vendor, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_VENDOR_KEY", "a-wrong-key-us6")
    house.publish("ann")
    with pytest.raises(CredentialsRefused) as caught:
        house.push()
    assert facts_of(vendor.system).permission[:20] in str(caught.value) and "a-wrong-key" not in str(caught.value)
    assert vendor.there("*") == set()
    monkeypatch.delenv("TEST_VENDOR_KEY")
    with pytest.raises(ConfigError, match="TEST_VENDOR_KEY is not set"):
        house.push()


def test_a_row_that_vanished_there_is_put_again(vendor: Vendor, house: House) -> None:
    reads(vendor)
    names = [f"p{number}" for number in range(20)]
    house.publish(*names)
    house.push()
    vendor.loses("*", house.identifier("p3"))
    result = house.push(1 if vendor.lists_all else 31)  # looked up one by one, each row is asked for once a month
    assert result.planned["put:missing"] == 1 and vendor.there("*") == house.names(*names)
    assert any("1 row that should be there is not, and is put again" in alarm for alarm in result.alarms)


def test_a_vendor_that_accepts_and_forgets_is_found_out(vendor: Vendor, house: House) -> None:
    reads(vendor)
    vendor.forgets = house.names("ann")
    house.publish("ann", "bob")
    result = house.push()
    assert result.missing == len(vendor.lists) and house.state("ann")[0] == "missing"
    vendor.forgets = set()
    assert house.push(1).missing == 0 and house.state("ann")[0] == "verified"


def test_what_shows_late_is_waited_for(vendor: Vendor, house: House) -> None:
    reads(vendor)
    house.configure(visible_within_seconds=30)
    vendor.shows_after = 3
    house.publish("ann")
    result = house.push()
    assert result.missing == 0 and house.state("ann")[0] == "verified", result.alarms


@pytest.mark.parametrize("by_api", [False, True], ids=["the recipient", "another program"])
def test_what_others_put_comes_home_and_nothing_lifts_it(vendor: Vendor, house: House, by_api: bool) -> None:
    reads_all(vendor)
    vendor.somebody_puts("*", house.identifier("ann"), by_api=by_api)
    vendor.somebody_puts("*", house.identifier("eve"), by_api=by_api)
    house.publish("eve")
    result = house.push()
    assert result.found == 1 and [row["scope"] for row in house.brought_home()] == ["*"]
    assert house.identifier("ann") in str(house.brought_home()[0])
    house.publish("bob", lifted=("ann", "eve"))
    released = len(vendor.lists) - 1 if vendor.releases else 0
    assert house.push(1).released == released, "eve's row on the other list is ours"
    assert vendor.there("*") == house.names("ann", "bob", "eve"), "they are not ours to lift"


def test_a_release_needs_evidence_and_touches_only_its_row(vendor: Vendor, house: House) -> None:
    house.publish("ann", "bob", "cy")
    house.push()
    house.publish("bob", "cy")
    result = house.push(1)
    assert [held.reason for held in result.held] == ["no_evidence"] and vendor.there("*") == house.names("ann", "bob", "cy")
    house.publish("bob", "cy", lifted=("ann",))
    before = len(vendor.requests)
    result = house.push(2)
    if not vendor.releases:
        assert [held.reason for held in result.held] == ["cannot_release"] and result.kept_back
        assert vendor.there("*") == house.names("ann", "bob", "cy")
        asked = [request for request in vendor.requests[before:] if request.writes and not vendor.is_read(request)]
        looked = [request for request in asked if request.path.endswith(("/read", "/contacts/list", "/token"))]
        assert asked == looked, "nothing is even asked"
        return
    assert result.released == len(vendor.lists) and result.held == ()
    for scope in vendor.lists:
        assert vendor.there(scope) == house.names("bob", "cy"), scope
    assert house.push(3).nothing_to_do
    house.publish("ann", "bob", "cy", lifted=("ann",))
    house.push(4)
    assert vendor.there("*") == house.names("ann", "bob", "cy"), "a later opt-out stands against the old opt-in"


def test_a_release_that_the_vendor_refuses_leaves_the_row_and_says_so(vendor: Vendor, house: House) -> None:
    releases(vendor)
    only_if(vendor.keeps_some, "no row is beyond lifting there")
    house.publish("ann", "bob")
    house.push()
    vendor.compliance = house.names("ann")
    house.publish("bob", lifted=("ann",))
    result = house.push(1)
    assert result.released == 0 and house.identifier("ann") in vendor.there("*")
    assert house.state("ann")[0] != "released" and house.state("ann")[3]


def test_a_guard_holds_releases_and_lets_opt_outs_through(vendor: Vendor, house: House) -> None:
    releases(vendor)
    house.publish("ann", "bob")
    house.push()
    house.configure(max_releases=0)
    house.publish("bob", "cy", lifted=("ann",))
    result = house.push(1)
    assert [held.reason for held in result.held] == ["too_many_releases"]
    assert vendor.there("*") == house.names("ann", "bob", "cy")


def test_a_backup_that_comes_back_releases_nobody_who_opted_out_since(vendor: Vendor, house: House) -> None:
    """Day 1 out, backup, day 2 in, day 4 out again; on day 5 the restored home runs, and knows of the opt-in alone."""
    releases(vendor)
    only_if(vendor.tells != "", "it keeps neither who wrote a row nor when, so nobody can tell: see its facts")
    house.publish("ann", "bob")
    house.push(1)
    restored = house.copied("restored")
    house.publish("bob", lifted=("ann",))
    assert house.push(2).released == len(vendor.lists)
    house.publish("ann", "bob", lifted=("ann",))
    house.push(4)
    assert house.identifier("ann") in vendor.there("*")
    restored.publish("bob", lifted=("ann",))
    restored.push(5)
    restored.push(6)
    for scope in vendor.lists:
        assert house.identifier("ann") in vendor.there(scope), f"{scope}: she was lifted against her later word"
    assert any(house.identifier("ann") in str(row) for row in restored.brought_home()), "and her opt-out comes home"


def test_a_dry_run_sends_nothing(vendor: Vendor, house: House) -> None:
    house.publish("ann")
    assert house.push(dry_run=True).puts == len(vendor.lists)
    assert not any(vendor.is_put(request) for request in vendor.requests)


def test_calls_that_destroy_are_refused_before_they_leave(vendor: Vendor, house: House, a_push: Any) -> None:
    facts = facts_of(vendor.system)
    destination: Any = destination_for("there", house.config, house.home)
    destination.open(a_push)
    before = len(vendor.requests)
    assert facts.dangers, f"{vendor.system} names no danger"
    for danger in facts.dangers:
        parts = dict.fromkeys(re.findall(r"{(\w+)}", danger.call.path), "1")
        with pytest.raises(PermanentError, match="a request that its module does not declare"):
            destination._client.ask(danger.call, parts)
    for call in facts.calls:
        for empty in ("", " ", "..", "."):
            parts = dict.fromkeys(re.findall(r"{(\w+)}", call.path), "1")
            for name in parts:
                with pytest.raises(PermanentError, match="no usable value"):
                    destination._client.ask(call, {**parts, name: empty})
    assert len(vendor.requests) == before, "nothing reached the vendor"
    destination.close()


def test_a_list_that_is_not_there_holds_back_its_own_rows_and_fails_loudly(vendor: Vendor, house: House) -> None:
    reads(vendor)
    only_if(len(vendor.lists) > 1, "it has one list")
    only_if(vendor.gone != "", "its lists are always the same two")
    house.configure(lists={**vendor.lists, "acme/news": vendor.gone})
    house.publish("ann")
    problem = f"lists.acme/news: {vendor.system} has no list {vendor.gone}"
    for day in range(2):
        with pytest.raises(ConfigError) as caught:
            house.push(day)
        assert caught.value.problems[0] == problem
        assert any("can still be contacted there" in said for said in caught.value.problems[1:]), "nor is that lost"
        assert vendor.there("*") == house.names("ann"), "what belongs on the other list went out, and nowhere else"
        assert vendor.there("acme/news") == set()
        assert house.state("ann")[0] == "verified"
        assert house.state("ann", "acme/news") == ("rejected", True, house.state("ann", "acme/news")[2], "no_such_list"), day
    planned = house.push(2, dry_run=True)
    assert any(problem in alarm for alarm in planned.alarms) and planned.puts == 1, "the plan says it and shows the rest"
    house.configure()
    house.push(3)
    assert vendor.there("acme/news") == house.names("ann"), "put right by the next push"
    assert house.push(4).alarms == ()


def test_lists_of_which_none_is_there_stop_the_push_before_anything_is_put(vendor: Vendor, house: House) -> None:
    reads(vendor)
    only_if(vendor.gone != "", "its lists are always the same two")
    house.configure(scopes=["acme/news"], lists={"acme/news": vendor.gone})
    house.publish("ann")
    with pytest.raises(ConfigError) as caught:
        house.push()
    assert not any(map(vendor.is_put, vendor.requests)) and "nothing was sent" in str(caught.value)


def test_a_list_that_nobody_mapped_is_told_of(vendor: Vendor, house: House) -> None:
    reads(vendor)
    only_if(len(vendor.lists) > 1, "it has one list")
    only_if(module_of(vendor.system).SYSTEM.inventory is not None, "its lists cannot be listed")
    house.configure(scopes=["*"], lists={"*": vendor.lists["*"]})
    house.publish("ann")
    alarms = house.push().alarms
    assert [alarm for alarm in alarms if "in no scope of this destination, so" in alarm and vendor.lists["acme/news"] in alarm], (
        alarms
    )
    assert vendor.lists["acme/news"] in house.unmapped_lists()
    # With nothing to send no receipt tells of it: it stays known, and since when.
    known = house.unmapped_lists()
    assert house.push(0.5).nothing_to_do and house.unmapped_lists() == known
    house.configure(scopes=["*"], lists={"*": vendor.lists["*"]}, ignored_lists=[vendor.lists["acme/news"]])
    assert house.push(1).alarms == ()
    assert house.unmapped_lists() == {}


def test_neither_key_nor_anybody_is_in_a_log_an_error_or_a_receipt(
    vendor: Vendor, house: House, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("", "httpx", "httpcore", "httpcore.connection", "httpcore.http11", "orchestration"):
        caplog.set_level(logging.DEBUG, logger=name)
    vendor.poison = house.names("bob")
    vendor.fail("answer", on=vendor.is_put, reply=Reply(500, {"error": f"{house.identifier('ann')} {KEY}"}))
    house.publish("ann", "bob")
    house.push()
    house.publish("bob", "cy", lifted=("ann",))
    vendor.fail("answer", on=vendor.is_put, times=99, reply=Reply(418, {"code": house.identifier("ann"), "title": KEY}))
    with pytest.raises(QuietlistError) as caught:
        house.push(1)
    out, err = capfd.readouterr()
    receipts = "".join(path.read_text() for path in (house.home.outbox / "there" / "receipts").glob("*.json"))
    said = caplog.text + out + err + receipts + str(caught.value) + repr(caught.value)
    for word in (*house.names("ann", "bob", "cy"), "ann%40", house.identifier("ann").lstrip("+"), KEY, "swordfish"):
        assert word not in said, word
    assert f"{vendor.system} " in caplog.text


def test_all_problems_of_the_settings_are_told_at_once(vendor: Vendor, house: House) -> None:
    only_if(vendor.system != "webhook", "its settings are its own, see test_systems.py")
    lists = {"*": "no such / form", "outlet": vendor.lists["*"]}
    text = vendor.toml("there", base_url="http://api.example.com", lists=lists, batch_size=10**6, colour="blue")
    problems = settings_problems(parse_config(text, house.home.config_file), house.home)
    keys = sorted({problem.split(": ")[0].removeprefix("destinations.there.") for problem in problems})
    assert keys == ["colour"], problems
    text = vendor.toml("there", base_url="http://api.example.com", lists=lists, batch_size=10**6)
    problems = settings_problems(parse_config(text, house.home.config_file), house.home)
    keys = sorted({problem.split(": ")[0].removeprefix("destinations.there.") for problem in problems})
    assert keys == ["base_url", "batch_size", "lists"], problems


_CHILD = """
import sys
from pathlib import Path
from orchestration.core.config import parse_config
from orchestration.core.home import Home
from orchestration.core.pace import Timer
from orchestration.destinations.contract import destination_for
from orchestration.sync import sync
from tests.sync.sync_doubles import Publisher, at
home = Home.at(sys.argv[1])
config = parse_config(home.config_file.read_text(), home.config_file)
publisher = Publisher.reopen(home, int(sys.argv[2]), rows=int(sys.argv[3]))
timer = Timer(sleep=lambda seconds: None, now=lambda: at(float(sys.argv[4])))
destination = destination_for("there", config, home)
destination.timer = timer
print("ready", flush=True)
sys.stdin.readline()
sync(home, config, "there", at(float(sys.argv[4])), destination=destination, read_snapshot=publisher.read,
     read_version=publisher.read_version, allows=publisher.allows, timer=timer)
"""


def killed_at(house: House, step: int, phase: str, day: float) -> bool:
    """A push in a process that dies at the so-manieth request. False when the push had ended before."""
    current = house.publisher.current
    assert current is not None
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(house.home.root), str(current.version), str(current.row_count), str(day)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=CHECKOUT,
    )
    assert child.stdin is not None and child.stdout is not None
    house.vendor.now = at(day)  # the two clocks go together, as those of two machines do
    assert child.stdout.readline() == b"ready\n", child.communicate()[1].decode()
    fault = house.vendor.fail(phase, skip=step, pid=child.pid)
    child.stdin.write(b"go\n")
    _, said = child.communicate(timeout=60)
    if fault in house.vendor.faults:
        house.vendor.faults.remove(fault)
    assert child.returncode in (0, -9), said.decode()
    return child.returncode == -9


def kill_and_see(house: House, chance: random.Random, seed: str) -> None:
    """Kill pushes at random requests until one ends; then the state is the plan, no release was repeated, and none was lost."""
    vendor = house.vendor
    names = [f"p{number}" for number in range(8)]
    house.configure(batch_size=3)
    house.publish(*names)
    day = 0.0
    for _ in range(4):
        day += 0.01
        if not killed_at(house, chance.randrange(14), chance.choice(["kill_before", "kill_after"]), day):
            break
    day += 1
    house.push(day)
    for scope in vendor.lists:
        assert vendor.there(scope) == house.names(*names), f"{seed}: {scope}"
    # Where nothing tells whose a row is, what an unanswered put may have met stays somebody else's: no program lifts it, and of
    # somebody who is no longer wanted there it is an opt-out to bring home.
    is_unsure = vendor.reads and not vendor.tells
    ours, anothers = (proved(vendor), True, True), (proved(vendor), True, False)
    assert {state[:3] for state in house.states().values()} <= {ours, anothers if is_unsure else ours}, seed
    house.publish(*names[2:], "new", lifted=("p0", "p1"))
    for _ in range(3):
        day += 0.01
        if not killed_at(house, chance.randrange(14), chance.choice(["kill_before", "kill_after"]), day):
            break
    day += 1
    house.push(day)
    house.push(day + 1)
    wanted, lifted = house.names(*names[2:], "new"), house.names(*names[:2])
    for scope in vendor.lists:
        # Where nothing can be read back, a release whose answer is unknown is never sent again: it waits for a person.
        may_stay = is_unsure or not vendor.reads
        kept = lifted if not vendor.releases else vendor.there(scope) & lifted if may_stay else set()
        assert vendor.there(scope) == wanted | kept, f"{seed}: {scope}"
    home = {row["email"] for row in house.brought_home()} if is_unsure else house.brought_home()
    assert not home or home <= lifted, f"{seed}: nothing of ours was taken for somebody else's"
    with duckdb.connect(str(house.home.sync_ledger_file)) as con:
        assert con.execute("select count(*) from journal").fetchall() == [(0,)], seed


@pytest.mark.parametrize(
    "vendor",
    [kind for kind in VENDORS if kind.system in ("postmark", "webhook", "klaviyo", "hubspot")],
    indirect=True,
    ids=lambda kind: kind.system,
)
def test_killed_at_a_random_request_the_next_push_ends_where_the_plan_says(vendor: Vendor, house: House) -> None:
    """One vendor that shows its lists, one that does not, one that runs jobs, and one that is asked row by row; all of them, a
    hundred times, is the long form.
    """
    seed = f"{vendor.system} 1"
    kill_and_see(house, random.Random(seed), seed)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(2, 30))  # some four kills each: a hundred per system
def test_killed_a_hundred_times(vendor: Vendor, house: House, number: int) -> None:
    seed = f"{vendor.system} {number}"
    kill_and_see(house, random.Random(seed), seed)


def test_noon_is_when_these_pushes_are() -> None:
    assert NOON.year == 2026
