"""Running one of Dagster's jobs in this process, saying how it ended, and alerting whom it concerns. The jobs: ``defs/jobs``."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from orchestration.core import chain
from orchestration.core.config import Config, load_config
from orchestration.core.errors import Busy, QuietlistError, place_of
from orchestration.core.files import write_atomic
from orchestration.core.home import Home, keep_private
from orchestration.core.outcome import Outcome

# Telemetry and the first-run questions are off; one writer to the warehouse, one run at a time.
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
"""


# Below this folder, the events of a step in one transaction.
_SQLITE = """\
event_log_storage:
  module: orchestration.defs.event_log
  class: StepEventLog
  config: {}
"""
# Runs, events and schedules in one PostgreSQL database; Dagster reads the URL from the environment, so it is in no file.
_POSTGRES = """\
storage:
  postgres:
    postgres_url:
      env: {variable}
"""
# Dagster's statements for PostgreSQL are written for psycopg2. SQLAlchemy 2.1 takes psycopg for a URL that names no driver, and
# with that one Dagster starts, shows its pages, and fails to note the first run.
_RECORDS_SCHEME = re.compile(r"^postgres(ql)?(?=://)")
_RECORDS_DRIVER = "postgresql+psycopg2"


def prepare_instance(home: Home) -> Path:
    """Dagster's own folder in the home, with its settings: what every process of Dagster's is pointed at.

    Raises:
        ConfigError: the configuration cannot be read.
    """
    home.create()
    variable = load_config(home).dagster.storage_url_env if home.config_file.exists() else None
    wanted = _INSTANCE + (_POSTGRES.format(variable=variable) if variable else _SQLITE)
    settings = home.dagster_folder / "dagster.yaml"
    if not settings.exists() or settings.read_text() != wanted:
        write_atomic(settings, wanted)
    return home.dagster_folder


def dagster_environment(home: Home) -> dict[str, str]:
    """The environment in which a process of Dagster's works on this home.

    The folder that it is started in is no place to import from: a file there may have the name of a module.
    """
    own = {"QUIETLIST_HOME": str(home.root), "DAGSTER_HOME": str(prepare_instance(home)), "PYTHONSAFEPATH": "1"}
    variable = load_config(home).dagster.storage_url_env if home.config_file.exists() else None
    if variable and variable in os.environ:
        own[variable] = _RECORDS_SCHEME.sub(_RECORDS_DRIVER, os.environ[variable])
    return {**os.environ, **own}


def dagster_command(process: Literal["webserver", "daemon"], arguments: Sequence[str]) -> list[str]:
    """The command line of one of Dagster's long-running processes, with this interpreter and these definitions."""
    module = {"webserver": ["dagster_webserver"], "daemon": ["dagster._daemon", "run"]}[process]
    return [sys.executable, "-m", *module, "-m", "orchestration.definitions", *arguments]


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
    os.environ.update(dagster_environment(home))
    from orchestration.core.clock import require_not_ahead
    from orchestration.core.lock import run_lock
    from orchestration.quarantine.records import told_in_short
    from orchestration.report.matters import in_short

    config = load_config(home)
    require_not_ahead(as_of, is_replay=replay, sends=config.sends)
    with run_lock(home) as got:
        if not got:
            raise Busy(
                f"Starting a run in {home.root}",
                seen="another run is in progress there",
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
        if said := in_short(home, as_of):
            outcome.facts["matters"] = said
        outcome.facts["chain_head"] = chain.head(home)  # to be noted where nobody who writes here can
    if not replay:  # a copy that looks into the future concerns nobody yet
        tell_of(home, config, outcome)
    return outcome


def tell_of(home: Home, config: Config, outcome: Outcome) -> None:
    """Alert whom ``[alerts]`` names to what a run found. A channel that failed stands among what the run found."""
    if config.alerts.email is None and config.alerts.webhook is None:
        return  # and nothing of it is imported
    from orchestration.alerts import tell

    outcome.alert(tell(home, config, outcome, datetime.now(UTC)))


@contextmanager
def alerting(home: Home, config: Config, job: str) -> Iterator[None]:
    """Tells as well of a run that could not be started, and of a fault in one: nobody reads the output of a schedule."""
    try:
        yield
    except Busy:
        raise  # another run does what this one would have done
    except Exception as error:
        said = str(error) if isinstance(error, QuietlistError) else f"a bug in Quietlist: {place_of(error)}"
        tell_of(home, config, Outcome(job, datetime.now(UTC).replace(microsecond=0), success=False, errors=[said]))
        raise


def _in_full(home: Home, job: str, as_of: datetime, *, show_progress: bool, replay: bool, only: Sequence[str]) -> Outcome:
    from orchestration.definitions import build_defs
    from orchestration.defs.execute import execute

    return execute(build_defs(home), home, job, as_of, show_progress=show_progress, replay=replay, only=only)


def _nothing_new(home: Home, config: Config) -> bool:
    """Whether the inbox is empty, nothing is pulled, and every table up to the golden one stands. In doubt it is a day like any
    other: whatever is wrong, the step that stumbles over it tells.
    """
    from orchestration.connectors.contract import pulled_sources
    from orchestration.landing.collecting import is_empty
    from orchestration.reconcile.stages import is_standing

    try:
        return not pulled_sources(config) and is_empty(home, config) and is_standing(home, config)
    except QuietlistError:
        return False
