"""Exit codes of a run: 0 done, 1 a gate or guard stopped or held something, 3 failed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pytest

from orchestration.core.outcome import Outcome
from orchestration.defs.execute import _add_fact
from orchestration.sync.engine import SyncResult
from orchestration.sync.guards import Held

NOON = datetime(2026, 4, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("level", "success", "code"),
    [
        ("pass", True, 0),
        ("alert", True, 0),
        ("hold", True, 1),
        ("stop", False, 1),
        ("pass", False, 3),
        ("alert", False, 3),
        ("hold", False, 3),
    ],
)
def test_each_end_has_its_code(level: str, success: bool, code: int) -> None:
    assert Outcome("quietlist", NOON, success, gate_level=level).exit_code == code, f"{level}, {success}"


def pushed(*held: Held) -> dict[str, Any]:
    result = SyncResult("crm", "sql_table", 1, NOON, dry_run=False, verify_class="full", wanted=1, planned={}, held=held)
    return {**result.counts(), "attention": [], "kept_back": list(result.kept_back)}


@pytest.mark.parametrize(
    ("reason", "code"), [("too_many_releases", 1), ("read_back_failed", 1), ("no_evidence", 1), ("no_longer_configured", 0)]
)
def test_releases_that_a_guard_held_are_no_done(reason: str, code: int) -> None:
    outcome = Outcome("quietlist", NOON, success=True)
    _add_fact(outcome, dg.AssetKey(["destinations", "crm"]), pushed(Held(reason, 7, "look at them")))
    assert outcome.exit_code == code, reason
    if code:
        assert outcome.unmet == [f"hold: crm: 7 releases were held ({reason}). Next step: look at them."]


def test_what_could_not_be_read_in_the_inbox_is_no_done() -> None:
    outcome = Outcome("quietlist", NOON, success=True)
    _add_fact(
        outcome, dg.AssetKey(["raw", "landed_files"]), {"held": ["inbox/crm/ of source crm: closed."], "left": ["2 files."]}
    )
    assert outcome.exit_code == 1
    assert outcome.unmet == ["hold: inbox/crm/ of source crm: closed.", "alert: 2 files."]
