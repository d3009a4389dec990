"""What a push's figures make of the checks of its destination."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from orchestration.defs.sync import NOTHING_HELD, NOTHING_MISSING, _judged, destination_key
from orchestration.sync import Held, SyncResult


@pytest.mark.parametrize(
    ("case", "proof", "states", "planned", "dry_run", "held", "missing_passes", "held_passes"),
    [
        ("all were seen", "full", {"verified": 3}, {"noop:in_place": 3}, False, (), True, True),
        ("one is not there", "full", {"verified": 2, "missing": 1}, {}, False, (), False, True),
        ("one was refused", "full", {"verified": 2, "rejected": 1}, {}, False, (), False, True),
        ("taken, and not seen yet", "full", {"verified": 2, "sent": 1}, {}, False, (), False, True),
        ("taken, and asked one by one", "point", {"sent": 1}, {}, False, (), False, True),
        ("taken by a system that shows nothing", "receipt", {"sent": 3}, {}, False, (), True, True),
        ("a dry run sends nothing", "full", {}, {"put:new": 3}, True, (), False, True),
        ("a dry run of what is there", "full", {"verified": 3}, {}, True, (), True, True),
        ("a release was held", "full", {"verified": 3}, {}, False, ("too_many_releases",), True, False),
        ("taken out by the configuration", "full", {"verified": 3}, {}, False, ("no_longer_configured",), True, True),
    ],
)
def test_a_check_fails_where_somebody_can_still_be_reached_or_waits_for_a_release(
    case: str,
    proof: str,
    states: dict[str, int],
    planned: dict[str, int],
    dry_run: bool,
    held: tuple[str, ...],
    missing_passes: bool,
    held_passes: bool,
) -> None:
    result = SyncResult(
        destination="crm",
        system="sql_table",
        version=1,
        as_of=datetime(2026, 4, 1, tzinfo=UTC),
        dry_run=dry_run,
        verify_class=proof,
        wanted=3,
        planned=planned,
        states=states,
        held=tuple(Held(reason, 1, "see why") for reason in held),
    )
    found = {check.check_name: check.passed for check in _judged(destination_key("crm"), result)}
    assert found == {NOTHING_MISSING: missing_passes, NOTHING_HELD: held_passes}, case
