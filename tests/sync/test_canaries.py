"""Canaries in a push: planted as rows like any other, never a reason to let anybody go, and never taken out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import duckdb
import pytest

from orchestration.core.canaries import planted_at
from orchestration.core.home import Home
from orchestration.destinations.contract import KEY, Facts
from orchestration.sync import SyncResult
from tests.sync.sync_doubles import FullDouble, PointDouble, Publisher, at, config_with, golden, opt_in

MAILBOX = 'mailbox = "seed@canaries.example.com"'
SCOPES = ["*", "acme/news"]
CANARIES = [row.identifier for row in planted_at(config_with("crm", scopes=SCOPES, canaries=MAILBOX), "crm")]

Pushes = Callable[..., SyncResult]


def there(double: Any) -> set[tuple[str, str]]:
    return {(key[KEY.index("identifier")], key[KEY.index("scope")]) for key in double.rows}


@pytest.mark.parametrize("kind", [FullDouble, PointDouble])
def test_each_list_gets_its_own_canary_and_nothing_tells_it_from_a_person(
    kind: type[Any], publisher: Publisher, push: Pushes, home: Home
) -> None:
    publisher.publish(golden("ann@example.com"))
    double = kind()
    result = push(double, scopes=SCOPES, canaries=MAILBOX)
    assert there(double) == {
        ("ann@example.com", "*"),
        ("ann@example.com", "acme/news"),
        (CANARIES[0], "*"),
        (CANARIES[1], "acme/news"),
    }
    assert (result.wanted, result.canaries, result.accepted) == (4, 2, 4)
    assert "4 wanted (2 canaries among them)" in result.sentence()
    with duckdb.connect(str(home.sync_ledger_file)) as con:
        told = con.execute(
            "select distinct reason, basis, region, length(deciding_request_id), suppressed_since < last_requested_at, "
            "suppressed_since < timestamptz '2026-01-01 00:00:00+00', length(identifier_hash) > 0 "
            "from row_state where identifier like 'seed+%'"
        ).fetchall()
    assert told == [("opt_out", "direct", None, 32, False, True, True)]
    again = push(double, as_of=at(1), scopes=SCOPES, canaries=MAILBOX)
    assert again.nothing_to_do and again.canaries == 2, again.planned


def test_a_canary_that_comes_later_is_planted_at_once_and_people_are_put_first(publisher: Publisher, push: Pushes) -> None:
    publisher.publish(golden("ann@example.com"))
    double = FullDouble()
    push(double)
    publisher.publish(golden("ann@example.com"), golden("bob@example.com"))
    result = push(double, as_of=at(1), canaries=MAILBOX)
    assert result.planned["put:new"] == 2
    assert double.put_calls[-1] == ["bob@example.com", CANARIES[0]]


def test_a_canary_that_was_lost_is_put_again(publisher: Publisher, push: Pushes) -> None:
    publisher.publish(*(golden(f"p{number}@example.com") for number in range(20)))
    double = FullDouble()
    push(double, canaries=MAILBOX)
    (lost,) = (key for key in double.rows if key[KEY.index("identifier")] == CANARIES[0])
    del double.rows[lost]
    result = push(double, as_of=at(1), canaries=MAILBOX)
    assert result.planned["put:missing"] == 1 and lost in double.rows


@pytest.mark.parametrize("left", ["", 'mailbox = "other@canaries.example.com"'])
def test_a_canary_that_leaves_the_configuration_stays_suppressed_and_is_no_alarm(
    left: str, publisher: Publisher, push: Pushes
) -> None:
    publisher.publish(golden("ann@example.com"))
    double = FullDouble()
    push(double, canaries=MAILBOX)
    # Whatever evidence there is: nobody opted in by taking a line out of the configuration.
    publisher.publish(golden("ann@example.com"), evidence=[opt_in(CANARIES[0])])
    for day in (1, 2):
        result = push(double, as_of=at(day), canaries=left)
        assert (CANARIES[0], "*") in there(double)
        assert {held.reason: held.rows for held in result.held} == {"no_longer_configured": 1}, day
        assert result.kept_back == result.alarms == ()
        assert result.releases == 0
    # Back again, it is wanted like before.
    assert push(double, as_of=at(3), canaries=MAILBOX).planned["noop:in_place"] >= 2


def test_canaries_do_not_hide_that_nothing_is_wanted_any_more(publisher: Publisher, push: Pushes) -> None:
    publisher.publish(golden("ann@example.com"), golden("bob@example.com"))
    double = FullDouble()
    push(double, canaries=MAILBOX)
    publisher.publish(
        golden("cid@example.com", channel="voice", identifier_type="phone"),
        evidence=[opt_in("ann@example.com"), opt_in("bob@example.com")],
    )
    result = push(double, as_of=at(1), canaries=MAILBOX)
    assert "nothing is wanted any more, 2 rows were before" in result.alarms
    assert "nothing_wanted_any_more" in {held.reason for held in result.held}
    assert ("ann@example.com", "*") in there(double)


def test_a_dry_run_plants_nothing_and_notes_nothing(publisher: Publisher, push: Pushes, home: Home) -> None:
    publisher.publish(golden("ann@example.com"))
    double = FullDouble()
    result = push(double, dry_run=True, canaries=MAILBOX)
    assert result.planned["put:new"] == 2 and not double.rows
    with duckdb.connect(str(home.sync_ledger_file)) as con:
        assert con.execute("select * from canaries").fetchall() == []


def test_a_system_that_holds_no_numbers_gets_none(publisher: Publisher, push: Pushes) -> None:
    publisher.publish(golden("ann@example.com"))

    class OfAddresses(FullDouble):
        @property
        def facts(self) -> Facts:
            return replace(super().facts, identifier_types=frozenset({"email"}))

    double = OfAddresses()
    result = push(double, channels=["email", "voice"], canaries='numbers = { crm = "+12125550101" }')
    assert result.canaries == 0 and there(double) == {("ann@example.com", "*")}
