"""A system that shows no list, and more rows than there is time to look up: what is new leaves all the same, what nobody looked
at is never lifted, and each row is looked at by and by.
"""

from __future__ import annotations

from typing import Any

import pytest

from orchestration.core.errors import TransientError
from tests.sync.sync_doubles import PointDouble, at, golden, opt_in

PEOPLE = [f"{number:02}@example.com" for number in range(40)]
# Ten rows before sending, and ten after.
TIME = {"look_up_minutes": 20 / 60}


def crm() -> PointDouble:
    return PointDouble(read_back="point", batch_size=5, look_up_takes=1.0)


def newest_last(*people: str) -> list[dict[str, Any]]:
    return [golden(who, last_requested_at=at(int(who[:2]) / 1000)) for who in people]


def test_a_first_push_sends_all_and_looks_at_the_newest(publisher: Any, push: Any, states: Any) -> None:
    system = crm()
    publisher.publish(*newest_last(*PEOPLE))
    result = push(system, **TIME)
    assert system.identifiers() == set(PEOPLE), "nobody waits for a look-up"
    assert system.looked_up[:10] == PEOPLE[:29:-1] and system.looked_up[10:] == PEOPLE[:29:-1], "before and after, newest first"
    assert (result.accepted, result.verified, result.states) == (40, 10, {"sent": 30, "verified": 10})
    assert [alarm for alarm in result.alarms if "30 rows were not looked up" in alarm], "and it is told"
    assert {who for who, (_, _, ours, _) in states().items() if ours} == set(PEOPLE[30:]), "ours is what was not there before"


def test_later_pushes_look_at_the_rest_and_put_back_what_is_missing(publisher: Any, push: Any, states: Any) -> None:
    system = crm()
    system.somebody_else_puts(PEOPLE[3])
    publisher.publish(*newest_last(*PEOPLE))
    push(system, **TIME)
    system.rows.pop(("email", "email", PEOPLE[7], "*"))
    looked = [push(system, as_of=at(day), **TIME).verified for day in (1, 2, 3, 4)]
    assert sum(looked) == 30 and looked[-1] == 0, looked
    assert system.identifiers() == set(PEOPLE) and set(system.looked_up) == set(PEOPLE)
    assert {state for state, *_ in states().values()} == {"verified"}
    ours = {who for who, (_, _, written, _) in states().items() if written}
    assert ours == {*PEOPLE[30:], PEOPLE[7]}, "what was seen to be gone and put back is ours"


def test_what_was_put_unseen_is_looked_at_each_month_like_ours(publisher: Any, push: Any) -> None:
    system = crm()
    publisher.publish(*newest_last(*PEOPLE))
    for day in range(5):
        push(system, as_of=at(day), **TIME)
    system.rows.pop(("email", "email", PEOPLE[0], "*"))
    for day in range(5, 45):
        push(system, as_of=at(day), **TIME)
    assert PEOPLE[0] in system.identifiers(), "put back, once its turn came"


@pytest.mark.parametrize("seen_since", [False, True], ids=["not looked at since", "looked at since"])
def test_what_was_put_unseen_is_never_lifted_and_that_is_told(publisher: Any, push: Any, states: Any, seen_since: bool) -> None:
    system = crm()
    publisher.publish(*newest_last(*PEOPLE))
    for day in range(5 if seen_since else 1):
        push(system, as_of=at(day), **TIME)
    unseen, ours = PEOPLE[0], PEOPLE[39]
    publisher.publish(*newest_last(*PEOPLE[1:39]), evidence=[opt_in(unseen), opt_in(ours)])
    result = push(system, as_of=at(6), **TIME)
    assert (result.released, [(held.reason, held.rows) for held in result.held]) == (1, [("put_unseen", 1)])
    assert unseen in system.identifiers() and ours not in system.identifiers()
    again = push(system, as_of=at(7), **TIME)
    assert [(held.reason, held.rows) for held in again.held] == [("put_unseen", 1)], "each day, until somebody acts"
    system.rows.pop(("email", "email", unseen, "*"))
    for day in range(8, 45):
        result = push(system, as_of=at(day), **TIME)
    assert states()[unseen][0] == "released" and result.held == (), "a person lifted it there, and it was seen to be gone"
    assert sum(call.count(unseen) for call in system.put_calls) == 1, "and it is not put again"


def test_what_was_put_unseen_is_changed_like_ours_and_does_not_become_ours_by_that(
    publisher: Any, push: Any, states: Any
) -> None:
    system, unseen = crm(), PEOPLE[0]
    publisher.publish(*newest_last(*PEOPLE))
    for day in range(5):
        push(system, as_of=at(day), **TIME)
    publisher.publish(golden(unseen, reason="complaint"), *newest_last(*PEOPLE[1:]))
    assert push(system, as_of=at(5), **TIME).planned["put:changed"] == 1
    assert system.payloads["email", "email", unseen, "*"]["reason"] == "complaint" and states()[unseen][2] is False


def test_what_was_put_unseen_stays_when_its_scope_leaves_the_configuration_whatever_the_evidence(
    publisher: Any, push: Any
) -> None:
    system, scopes = crm(), ["*", "outlet"]
    people = [golden(who, scope="outlet", last_requested_at=at(int(who[:2]) / 1000)) for who in PEOPLE]
    publisher.publish(*people)
    push(system, scopes=scopes, **TIME)
    publisher.publish(*people[1:], evidence=[opt_in(PEOPLE[0], scope="outlet")])
    result = push(system, as_of=at(1), **TIME)
    assert ("no_longer_configured", 40) in [(held.reason, held.rows) for held in result.held], result.held


def test_what_was_put_unseen_and_vanished_from_the_table_without_an_opt_in_stays(publisher: Any, push: Any) -> None:
    system = crm()
    publisher.publish(*newest_last(*PEOPLE))
    push(system, **TIME)
    publisher.publish(*newest_last(*PEOPLE[1:]))
    result = push(system, as_of=at(1), **TIME)
    assert [(held.reason, held.rows) for held in result.held] == [("no_evidence", 1)]
    system.rows.pop(("email", "email", PEOPLE[0], "*"))
    for day in range(2, 6):
        push(system, as_of=at(day), **TIME)
    assert PEOPLE[0] in system.identifiers(), "nothing says that it may be lifted, so it is put back"


def test_a_row_is_lifted_only_when_it_was_looked_at_in_this_push(publisher: Any, push: Any) -> None:
    system = crm()
    publisher.publish(*newest_last(*PEOPLE))
    push(system)  # with time for all: every row is ours
    lifted = PEOPLE[:15]
    publisher.publish(*newest_last(*PEOPLE[15:]), evidence=[opt_in(who) for who in lifted])
    result = push(system, as_of=at(1), **TIME)
    assert (result.released, [(held.reason, held.rows) for held in result.held]) == (10, [("not_looked_up", 5)])
    system.looked_up.clear()
    result = push(system, as_of=at(2), **TIME)
    assert (result.released, result.held, system.identifiers()) == (5, (), set(PEOPLE[15:]))


def test_what_was_seen_after_sending_is_not_forgotten_while_the_others_are_waited_for(publisher: Any, push: Any) -> None:
    system = crm()
    system.visible_within = 60
    publisher.publish(*newest_last(*PEOPLE[:8]))
    system.forgets.add(PEOPLE[5])
    result = push(system, look_up_minutes=1)
    assert (result.verified, result.states) == (7, {"missing": 1, "verified": 7})
    assert system.looked_up.count(PEOPLE[5]) > 2 and system.looked_up.count(PEOPLE[6]) == 2, "only what is missing is asked again"


def test_a_row_put_while_nothing_could_be_looked_up_is_no_row_of_ours_and_is_told_of(publisher: Any, push: Any) -> None:
    system = crm()
    system.read_failures = [TransientError("Reading the double", seen="down") for _ in range(5)]
    publisher.publish(*newest_last(*PEOPLE[:3]))
    assert push(system).accepted == 3
    publisher.publish(*newest_last(*PEOPLE[1:3]), evidence=[opt_in(PEOPLE[0])])
    result = push(system, as_of=at(1))
    assert [(held.reason, held.rows) for held in result.held] == [("put_unseen", 1)] and PEOPLE[0] in system.identifiers()


def test_a_list_that_was_emptied_holds_what_looks_lifted(publisher: Any, push: Any) -> None:
    """Fifteen of those that were looked at are gone. Their opt-ins are no reason to believe that each was lifted there."""
    system = crm()
    publisher.publish(*newest_last(*PEOPLE))
    push(system)
    system.rows.clear()
    publisher.publish(*newest_last(*PEOPLE[15:]), evidence=[opt_in(who) for who in PEOPLE[:15]])
    result = push(system, as_of=at(1))
    assert any("gone from the destination" in alarm for alarm in result.alarms), result.alarms
    assert result.released == 0
