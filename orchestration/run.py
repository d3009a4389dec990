"""Running one of Dagster's jobs in this process, and saying how it ended. The jobs themselves stand in ``defs/jobs``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.core import chain
from orchestration.core.errors import Busy, QuietlistError
from orchestration.core.files import write_atomic
from orchestration.core.home import Home, keep_private
from orchestration.core.outcome import Outcome

if TYPE_CHECKING:
    from orchestration.core.config import Config

# Telemetry and the first-run questions are off; one writer to the warehouse, one run at a time (DESIGN 7); the events of a step
# are one transaction.
_INSTANCE = """\
telemetry:
  enabled: false
nux:
  enabled: false
concurrency:
  pools:
    default_limit: 1
    granularity: op
  runs:
    max_concurrent_runs: 1
event_log_storage:
  module: orchestration.defs.event_log
  class: StepEventLog
  config: {}
"""


def prepare_instance(home: Home) -> Path:
    """Dagster's own folder in the home, with its settings; also what ``dagster dev`` is pointed at."""
    home.create()
    settings = home.dagster_folder / "dagster.yaml"
    if not settings.exists() or settings.read_text() != _INSTANCE:
        write_atomic(settings, _INSTANCE)
    return home.dagster_folder


def run_job(
    home: Home,
    job: str,
    as_of: datetime,
    *,
    show_progress: bool = False,
    replay: bool = False,
    only: Sequence[str] = (),
    in_full: bool = False,
) -> Outcome:
    """Run ``job`` on ``home`` with ``as_of`` as its clock, which may be ahead of the machine's only in a ``replay``.

    ``only`` names the destinations that are pushed to, if not all. ``in_full`` takes the steps of the models also on a day on
    which nothing has arrived, when they build nothing.

    Raises:
        ConfigError: the clock is ahead.
        Busy: another run is going on in this home.
    """
    keep_private()
    os.environ["QUIETLIST_HOME"] = str(home.root)
    os.environ["DAGSTER_HOME"] = str(prepare_instance(home))
    from orchestration.core.clock import require_not_ahead
    from orchestration.core.config import load_config
    from orchestration.core.lock import run_lock
    from orchestration.evidence.quarantine import told_in_short

    config = load_config(home)
    require_not_ahead(as_of, is_replay=replay, sends=config.sends)
    with run_lock(home) as got:
        if not got:
            raise Busy(
                f"Starting a run in {home.root}",
                seen="another run is going on there",
                next_step="wait for it to end; nothing was started",
            )
        # Looked at before dbt's definitions are imported, which takes longer than all the steps of such a day.
        if job == "quietlist" and not in_full and _nothing_new(home, config):
            from orchestration.defs.execute import execute
            from orchestration.defs.quiet import STANDING
            from orchestration.defs.quiet import build_defs as build_quiet

            outcome = execute(build_quiet(home), home, job, as_of, show_progress=show_progress, replay=replay)
            if any(error.startswith(f"{STANDING}: ") for error in outcome.errors):
                # Something arrived since it was looked for. What was told of the inbox is told once.
                outcome = _in_full(home, job, as_of, show_progress=show_progress, replay=replay, only=only).after(outcome)
        else:
            outcome = _in_full(home, job, as_of, show_progress=show_progress, replay=replay, only=only)
        if waits := told_in_short(home, config, as_of):
            outcome.facts["needs_a_person"] = waits
        outcome.facts["chain_head"] = chain.head(home)  # to be noted where nobody who writes here can
        return outcome


def _in_full(home: Home, job: str, as_of: datetime, *, show_progress: bool, replay: bool, only: Sequence[str]) -> Outcome:
    from orchestration.definitions import build_defs
    from orchestration.defs.execute import execute

    return execute(build_defs(home), home, job, as_of, show_progress=show_progress, replay=replay, only=only)


def _nothing_new(home: Home, config: Config) -> bool:
    """Whether the inbox is empty and every table up to the golden one stands. In doubt it is a day like any other: whatever is
    wrong, the step that stumbles over it tells.
    """
    from orchestration.landing.collecting import is_empty
    from orchestration.reconcile.stages import is_standing

    try:
        return is_empty(home, config) and is_standing(home, config)
    except QuietlistError:
        return False
