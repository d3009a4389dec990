"""How old what a daily run must touch may become before Dagster calls it stale."""

from __future__ import annotations

from datetime import timedelta

import dagster as dg

from orchestration.defs.evidence import REPORT
from orchestration.defs.flow import stage_of
from orchestration.defs.sync import LATE

# The schedule is daily: a day and two hours late is a missed run, and half a day more leaves time to act within the
# shortest legal clock the policy holds (48 hours, mailbox providers).
_WARN = LATE
_FAIL = timedelta(hours=36)
_STAGES = ("collect", "load", "exit_gate", "publish", "sync")
_POLICY = dg.FreshnessPolicy.time_window(fail_window=_FAIL, warn_window=_WARN)


def freshness_of(spec: dg.AssetSpec) -> dg.FreshnessPolicy | None:
    """The policy of what a daily run touches; None for tables and views of dbt, which stand while nothing changes."""
    is_model = "dagster_dbt/unique_id" in spec.metadata
    touched = spec.key == REPORT or (spec.group_name is not None and stage_of(spec.group_name) in _STAGES)
    return _POLICY if touched and not is_model else None
