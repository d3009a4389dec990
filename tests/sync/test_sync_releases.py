"""Lifting at a destination: only with evidence, only what we wrote, last, and never under a doubt."""

from __future__ import annotations

import json

import pytest

from tests.sync.sync_doubles import Double, FullDouble, Killed, PointDouble, at, golden, opt_in

NAMES = ("ann", "bob", "cat")


def everyone(*names: str):
    return [golden(f"{name}@example.com") for name in names or NAMES]


def test_a_row_that_vanished_without_evidence_is_blocked_and_stays(publisher, push, states) -> None:
    crm = FullDouble()
    publisher.publish(*everyone())
    push(crm)
    publisher.publish(*everyone("ann", "bob"))
    result = push(crm, as_of=at(1))
    assert (result.releases, result.blocked) == (0, 1) and crm.release_calls == []
    assert [(held.reason, held.rows) for held in result.held] == [("no_evidence", 1)]
    assert json.loads(result.receipt.read_text())["held"] == [{"reason": "no_evidence", "rows": 1}]
    assert states()["cat@example.com"] == ("verified", False, True, "no_evidence")
    assert "cat@example.com" in crm.identifiers()
    later = push(crm, as_of=at(2))
    assert later.nothing_to_do and later.blocked == 1, "still blocked, still said, nothing new to write"


def test_a_blocked_row_that_the_destination_loses_is_put_back(publisher, push) -> None:
    crm = FullDouble()
    publisher.publish(*everyone())
    push(crm)
    publisher.publish(*everyone("ann", "bob"))
    push(crm, as_of=at(1))
    del crm.rows[("email", "email", "cat@example.com", "*")]
    result = push(crm, as_of=at(2))
    assert result.planned["put:missing"] == 1 and "cat@example.com" in crm.identifiers()
    assert crm.payloads[("email", "email", "cat@example.com", "*")]["reason"] == "opt_out", "the ledger kept what it says"


def test_a_row_with_an_opt_in_is_released_once_with_its_id(publisher, push, states) -> None:
    crm = FullDouble()
    publisher.publish(*everyone())
    push(crm)
    publisher.publish(*everyone("ann", "bob"), evidence=[opt_in("cat@example.com")])
    result = push(crm, as_of=at(1))
    assert (result.releases, result.released, result.held) == (1, 1, ())
    assert crm.evidence == ["opt-in of cat@example.com"] and "cat@example.com" not in crm.identifiers()
    assert states()["cat@example.com"] == ("released", False, True, None)
    assert push(crm, as_of=at(2)).nothing_to_do and len(crm.release_calls) == 1


def test_releases_leave_after_all_puts(publisher, push) -> None:
    order = []

    class Ordered(FullDouble):
        def put(self, rows):
            order.append("put")
            return super().put(rows)

        def release(self, rows):
            order.append("release")
            return super().release(rows)

    crm = Ordered(batch_size=1)
    publisher.publish(*everyone("ann"))
    push(crm)
    publisher.publish(*everyone("bob", "cat"), evidence=[opt_in("ann@example.com")])
    order.clear()
    push(crm, as_of=at(1))
    assert order == ["put", "put", "release"]


EVIDENCE = [
    ("its own node", {"scope": "acme"}, True),
    ("above it", {"scope": "*"}, True),
    ("below it", {"scope": "acme/news"}, False),
    ("beside it", {"scope": "outlet"}, False),
    ("another channel", {"channel": "voice"}, False),
    ("another address", {"identifier": "eve@example.com"}, False),
    ("the registry dropped it", {"evidence_kind": "registry", "evidence_id": "us_ftc 2026-02"}, True),
    ("a kind nobody knows", {"evidence_kind": "import"}, False),
    ("no id", {"evidence_id": ""}, False),
]


def test_evidence_lifts_only_its_own_rows(publisher, push) -> None:
    crm = FullDouble()
    names = [f"{number}@example.com" for number in range(len(EVIDENCE))]
    publisher.publish(*(golden(name, scope="acme") for name in (*names, "eve@example.com")))
    push(crm, scopes=["acme"])
    evidence = [opt_in(name, **changes) for name, (_, changes, _) in zip(names, EVIDENCE, strict=True)]
    publisher.publish(golden("eve@example.com", scope="acme"), evidence=evidence)
    push(crm, as_of=at(1), scopes=["acme"])
    for name, (case, _, lifts) in zip(names, EVIDENCE, strict=True):
        assert (name not in crm.identifiers()) is lifts, case


def test_an_opt_in_lifts_once_a_new_opt_out_needs_a_new_one(publisher, push) -> None:
    crm = FullDouble()
    first, second = opt_in("ann@example.com"), opt_in("ann@example.com", evidence_id="second")
    publisher.publish(*everyone("ann", "bob"))
    push(crm)
    publisher.publish(*everyone("bob"), evidence=[first])
    push(crm, as_of=at(1))
    publisher.publish(*everyone("ann", "bob"), evidence=[first])
    assert push(crm, as_of=at(2)).planned["put:new"] == 1
    publisher.publish(*everyone("bob"), evidence=[first])
    result = push(crm, as_of=at(3))
    assert [held.reason for held in result.held] == ["no_evidence"] and "ann@example.com" in crm.identifiers()
    publisher.publish(*everyone("bob"), evidence=[first, second])
    assert push(crm, as_of=at(4)).released == 1 and crm.evidence == ["opt-in of ann@example.com", "second"]


def test_an_opt_in_that_was_known_while_the_row_was_wanted_did_not_lift_it_and_never_will(publisher, push) -> None:
    crm = FullDouble()
    evidence = [opt_in("ann@example.com")]  # followed by the opt-out that is wanted
    publisher.publish(*everyone("ann", "bob"), evidence=evidence)
    push(crm)
    publisher.publish(*everyone("bob"), evidence=evidence)  # the row vanishes by a fault
    assert [held.reason for held in push(crm, as_of=at(1)).held] == ["no_evidence"]
    assert crm.release_calls == [] and "ann@example.com" in crm.identifiers()


def test_a_row_that_others_wrote_is_never_released(publisher, push, states) -> None:
    crm = FullDouble()
    crm.somebody_else_puts("ann@example.com")
    publisher.publish(*everyone("ann", "bob"))
    push(crm)
    publisher.publish(*everyone("bob"), evidence=[opt_in("ann@example.com")])
    result = push(crm, as_of=at(1))
    assert result.planned["noop:no_longer_wanted"] == 1 and crm.release_calls == []
    assert "ann@example.com" in crm.identifiers()
    assert result.found == 0, "it was known at home before it was lifted there: not a new opt-out"


def test_a_release_that_the_destination_does_not_carry_out_is_not_released(publisher, push, states) -> None:
    crm = FullDouble(keeps={"ann@example.com"})
    publisher.publish(*everyone("ann", "bob"))
    push(crm)
    publisher.publish(*everyone("bob"), evidence=[opt_in("ann@example.com")])
    result = push(crm, as_of=at(1))
    assert result.released == 0 and states()["ann@example.com"] == ("verified", False, True, "release_not_seen")
    assert any("1 row was released and is still there" in alarm for alarm in result.alarms)
    crm.keeps.clear()
    assert push(crm, as_of=at(2)).released == 1


def test_a_refused_release_is_tried_again_by_the_next_push(publisher, push, states) -> None:
    crm = FullDouble()
    publisher.publish(*everyone("ann", "bob"))
    push(crm)
    crm.refuses["ann@example.com"] = "compliance_state"
    publisher.publish(*everyone("bob"), evidence=[opt_in("ann@example.com")])
    push(crm, as_of=at(1))
    assert states()["ann@example.com"] == ("verified", False, True, "compliance_state")
    crm.refuses.clear()
    assert push(crm, as_of=at(2)).released == 1


def test_on_hold_new_suppressions_go_out_and_releases_do_not(publisher, push) -> None:
    crm = FullDouble()
    publisher.publish(*everyone("ann", "bob"))
    push(crm)
    publisher.publish(*everyone("bob", "cat"), evidence=[opt_in("ann@example.com")])
    publisher.releases_held = True
    result = push(crm, as_of=at(1))
    assert (result.puts, result.releases, result.released) == (1, 0, 0)
    assert [(held.reason, held.rows) for held in result.held] == [("gate_hold", 1)]
    assert crm.identifiers() == {f"{name}@example.com" for name in NAMES} and crm.release_calls == []
    publisher.releases_held = False
    assert push(crm, as_of=at(2)).released == 1


@pytest.mark.parametrize(
    ("keys", "reason"),
    [({"max_releases": 1}, "too_many_releases"), ({"max_release_share": 0.19}, "too_large_a_share")],
)
def test_too_many_releases_are_held_for_a_person(publisher, push, keys, reason) -> None:
    crm = FullDouble()
    names = [str(number) for number in range(60)]
    publisher.publish(*everyone(*names))
    push(crm)
    evidence = [opt_in(f"{name}@example.com") for name in names[:12]]
    publisher.publish(*everyone(*names[12:]), evidence=evidence)
    result = push(crm, as_of=at(1), **keys)
    assert [(held.reason, held.rows) for held in result.held] == [(reason, 12)] and crm.release_calls == []
    assert "raise max_release" in result.held[0].next_step
    assert push(crm, as_of=at(2), max_releases=12, max_release_share=0.2).released == 12, "at the limit is not above it"


def test_a_few_releases_of_a_short_list_go_out_whatever_their_share(publisher, push) -> None:
    crm = FullDouble()
    publisher.publish(*everyone("ann", "bob"))
    push(crm)
    publisher.publish(*everyone("bob"), evidence=[opt_in("ann@example.com")])
    assert push(crm, as_of=at(1), max_release_share=0.01).released == 1


def test_nothing_wanted_any_more_holds_every_release(publisher, push) -> None:
    crm = FullDouble()
    publisher.publish(*everyone())
    push(crm)
    publisher.publish(evidence=[opt_in(f"{name}@example.com") for name in NAMES])
    result = push(crm, as_of=at(1))
    assert [(held.reason, held.rows) for held in result.held] == [("nothing_wanted_any_more", 3)]
    assert len(crm.rows) == 3 and any("nothing is wanted any more" in alarm for alarm in result.alarms)


def test_a_read_back_far_smaller_than_before_holds_releases_puts_again_and_alarms(publisher, push) -> None:
    crm = FullDouble()
    names = [str(number) for number in range(10)]
    publisher.publish(*everyone(*names))
    push(crm)
    crm.rows = {key: row for key, row in crm.rows.items() if key[2] in ("0@example.com", "1@example.com")}
    publisher.publish(*everyone(*names[1:]), evidence=[opt_in("0@example.com")])
    result = push(crm, as_of=at(1))
    assert ("read_back_shrank", 1) in [(held.reason, held.rows) for held in result.held] and crm.release_calls == []
    assert result.planned["put:missing"] == 8 and len(crm.rows) == 10
    assert any("8 of 10 rows that were proved before are gone" in alarm for alarm in result.alarms)
    assert push(crm, as_of=at(2)).released == 1, "once the read-back is whole again"


def test_unreadable_evidence_holds_releases_and_lets_puts_out(publisher, push) -> None:
    crm = FullDouble()
    publisher.publish(*everyone("ann", "bob"))
    push(crm)
    version = publisher.publish(*everyone("bob", "cat"), evidence=[opt_in("ann@example.com")])
    version.evidence_file.write_bytes(b"half a file")
    result = push(crm, as_of=at(1))
    assert "cat@example.com" in crm.identifiers() and crm.release_calls == []
    assert any("not a readable Parquet file" in alarm for alarm in result.alarms)
    assert [(held.reason, held.rows) for held in result.held] == [("evidence_unreadable", 1)]


def test_a_channel_or_scope_taken_out_of_the_configuration_releases_nothing(publisher, push) -> None:
    crm = FullDouble()
    publisher.publish(golden("ann@example.com"), golden("+15555550100"))
    push(crm, channels=["email", "voice"])
    result = push(crm, as_of=at(1), channels=["email"])
    assert [(held.reason, held.rows) for held in result.held] == [("no_longer_configured", 1)] and len(crm.rows) == 2


def test_a_push_killed_between_release_and_note_does_not_release_twice(publisher, push, states) -> None:
    crm = FullDouble()
    publisher.publish(*everyone("ann", "bob"))
    push(crm)
    publisher.publish(*everyone("bob"), evidence=[opt_in("ann@example.com")])
    crm.dies_after_release = 1
    with pytest.raises(Killed):
        push(crm, as_of=at(1))
    crm.dies_after_release = None
    result = push(crm, as_of=at(2))
    assert len(crm.release_calls) == 1 and result.released == 1 and result.receipt is not None
    assert states()["ann@example.com"] == ("released", False, True, None)
    assert push(crm, as_of=at(3)).nothing_to_do


def test_a_release_that_nobody_can_look_at_is_sent_at_most_once(publisher, push, states) -> None:
    ads = Double(read_back="none")
    publisher.publish(*everyone("ann", "bob"))
    push(ads)
    publisher.publish(*everyone("bob"), evidence=[opt_in("ann@example.com")])
    ads.dies_after_release = 1
    with pytest.raises(Killed):
        push(ads, as_of=at(1))
    ads.dies_after_release = None
    result = push(ads, as_of=at(2))
    assert len(ads.release_calls) == 1, "the person may have objected again in between"
    assert [held.reason for held in result.held] == ["release_outcome_unknown"]


@pytest.mark.parametrize("read_back", ["point", "none"])
def test_other_classes_release_too(publisher, push, states, read_back) -> None:
    crm = PointDouble(read_back="point") if read_back == "point" else Double(read_back="none")
    publisher.publish(*everyone("ann", "bob"))
    push(crm)
    publisher.publish(*everyone("bob"), evidence=[opt_in("ann@example.com")])
    assert push(crm, as_of=at(1)).released == 1
    assert states()["ann@example.com"] == ("released", False, True, None) and crm.identifiers() == {"bob@example.com"}
    assert push(crm, as_of=at(1.2)).nothing_to_do


def test_a_person_who_opts_out_again_is_put_again(publisher, push, states) -> None:
    crm = FullDouble()
    publisher.publish(*everyone("ann", "bob"))
    push(crm)
    publisher.publish(*everyone("bob"), evidence=[opt_in("ann@example.com")])
    push(crm, as_of=at(1))
    publisher.publish(
        golden("ann@example.com", last_requested_at=at(1.5)), *everyone("bob"), evidence=[opt_in("ann@example.com")]
    )
    result = push(crm, as_of=at(2))
    assert result.planned["put:new"] == 1 and result.verified == 1
    assert states()["ann@example.com"] == ("verified", True, True, None)


def test_a_day_of_small_pushes_releases_no_more_than_one_push_may(publisher, push) -> None:
    """Five pushes of six releases a day stay below the ten of a short list each; together they do not."""
    crm, people = FullDouble(), [f"{number}@example.com" for number in range(40)]
    publisher.publish(*map(golden, people))
    push(crm, as_of=at(0), max_release_share=0.05)
    gone: list[int] = []
    for number in range(1, 6):
        left = people[6 * number :]
        publisher.publish(*map(golden, left), evidence=[opt_in(who) for who in people[: 6 * number]])
        result = push(crm, as_of=at(1 + number / 100), max_release_share=0.05)
        gone.append(result.released)
        assert not result.held or [held.reason for held in result.held] == ["too_large_a_share"]
    assert gone == [6, 0, 0, 0, 0], "the second push of the day would make it twelve"
    assert push(crm, as_of=at(2), max_release_share=0.05).released == 0, "thirty at once are too many on any day"
    assert push(crm, as_of=at(3), max_release_share=1.0).released == 24


def test_the_number_of_releases_counts_the_day_too_and_begins_anew_with_the_next(publisher, push) -> None:
    crm, people = FullDouble(), [f"{number}@example.com" for number in range(8)]
    publisher.publish(*map(golden, people))
    push(crm, as_of=at(0))
    for day, left, expected in ((1, 5, (3, [])), (1.1, 3, (0, ["too_many_releases"])), (2, 3, (2, []))):
        publisher.publish(*map(golden, people[-left:]), evidence=[opt_in(who) for who in people[:-left]])
        result = push(crm, as_of=at(day), max_releases=4)
        assert (result.released, [held.reason for held in result.held]) == expected, f"day {day}"


def test_a_scope_that_leaves_the_configuration_with_the_first_sight_of_an_opt_in_releases_nobody(publisher, push) -> None:
    """The row stands in the published table, so the opt-in was outweighed; its scope is only no longer asked for."""
    crm = FullDouble()
    publisher.publish(golden("ann@example.com", scope="acme"))
    push(crm, as_of=at(0), scopes=["acme"])
    publisher.publish(golden("ann@example.com", scope="acme"), evidence=[opt_in("ann@example.com", scope="acme")])
    result = push(crm, as_of=at(1), scopes=["outlet"])
    assert (result.released, [held.reason for held in result.held]) == (0, ["no_longer_configured"])
    assert crm.identifiers() == {"ann@example.com"}
