"""Sensors that look after runs: they alert whom the configuration names, and push again where a destination failed for a while.

What is told, and how often: ``orchestration/alerts``. A run that the command carries out tells of itself, without any sensor.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from orchestration.core.config import Config, load_config
from orchestration.core.errors import Busy, Throttled, TransientError
from orchestration.core.home import Home
from orchestration.defs.execute import BY_COMMAND, outcome_of
from orchestration.defs.jobs import SYNC, WHOLE
from orchestration.defs.publish import PUBLISHED
from orchestration.defs.run import AS_OF, redact_errors
from orchestration.defs.sync import PUSH_CHECKS, ROW_STATE, destination_key

# A vendor's outage takes minutes or hours: four attempts within four hours, and the next day's run is a fifth.
_PAUSES = tuple(timedelta(minutes=minutes) for minutes in (15, 30, 60, 120))
_LOOKS_BACK = timedelta(days=1)
_WORTH_TRYING = {error.__name__ for error in (TransientError, Throttled, Busy)}


def sensors(config: Config | None) -> list[dg.SensorDefinition]:
    """The sensors; those that alert are on where somebody is to be alerted."""
    is_told = config is not None and (config.alerts.email or config.alerts.webhook)
    status = dg.DefaultSensorStatus.RUNNING if is_told else dg.DefaultSensorStatus.STOPPED

    @dg.run_failure_sensor(
        name="alert_failed", default_status=status, description="Alerts whom [alerts] names to a run that failed."
    )
    @redact_errors
    def alert_failed(context: dg.RunFailureSensorContext) -> None:
        _tell(context)

    @dg.run_status_sensor(
        name="alert_ended",
        run_status=dg.DagsterRunStatus.SUCCESS,
        default_status=status,
        description="Alerts whom [alerts] names to what a run that ended had to say: what is held, overdue, late or missing.",
    )
    @redact_errors
    def alert_ended(context: dg.RunStatusSensorContext) -> None:
        _tell(context)

    return [alert_failed, alert_ended, push_again]


def _tell(context: dg.RunStatusSensorContext) -> None:
    from orchestration.alerts import tell

    run, home = context.dagster_run, Home.at()
    if BY_COMMAND in run.tags:
        return
    entries = context.instance.all_logs(run.run_id)
    events = [entry.dagster_event for entry in entries if entry.dagster_event is not None]
    as_of = datetime.fromisoformat(run.tags[AS_OF]) if AS_OF in run.tags else _moment(entries[-1].timestamp)
    outcome = outcome_of(run.job_name, as_of, run.is_success, events)
    for sentence in tell(home, load_config(home), outcome, datetime.now(UTC)):
        context.log.warning(sentence)


@dataclass
class _Failures:
    """How often in a row a destination failed, and when and in which run last."""

    count: int
    at: datetime
    run_id: str


@dg.sensor(
    job_name=SYNC,
    minimum_interval_seconds=300,
    description="Pushes again to a destination that failed for a reason that passes, after 15, 30, 60 and 120 minutes.",
)
@redact_errors
def push_again(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """One run per failure. What failed for good, a person must put right."""
    now = datetime.now(UTC)
    requests = []
    for name, failed in sorted(_failing(context.instance, load_config(Home.at()), now)):
        if failed.count <= len(_PAUSES) and now - failed.at >= _PAUSES[failed.count - 1]:
            key = destination_key(name)
            checks = [
                dg.AssetCheckKey(PUBLISHED, "gate_allows_published"),
                *(dg.AssetCheckKey(key, check) for check in PUSH_CHECKS),
            ]
            requests.append(
                dg.RunRequest(
                    run_key=f"{name} {failed.run_id}",
                    asset_selection=[key, ROW_STATE],
                    asset_check_keys=checks,
                    tags={"quietlist/again": name},
                )
            )
    return dg.SensorResult(run_requests=requests) if requests else dg.SkipReason("No destination waits for another attempt.")


def _failing(instance: dg.DagsterInstance, config: Config, now: datetime) -> Iterator[tuple[str, _Failures]]:
    """The configured destinations whose last push failed for a reason that passes."""
    steps = {destination_key(name).to_python_identifier(): name for name in config.sends}
    ended: set[str] = set()
    failing: dict[str, _Failures] = {}
    wanted = dg.RunsFilter(statuses=[dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE], updated_after=now - _LOOKS_BACK)
    for record in instance.get_run_records(wanted):  # the newest first
        if record.dagster_run.job_name not in (WHOLE, SYNC):
            continue
        for step, error, at in _pushes(instance, record.dagster_run.run_id, set(steps) - ended):
            name = steps[step]
            if error is None or error not in _WORTH_TRYING:
                ended.add(step)  # what went before it is past
            elif name in failing:
                failing[name].count += 1
            else:
                failing[name] = _Failures(1, at, record.dagster_run.run_id)
    yield from failing.items()


def _pushes(instance: dg.DagsterInstance, run_id: str, steps: set[str]) -> Iterator[tuple[str, str | None, datetime]]:
    """Each of these steps that a run carried out, with the class of the error that ended it, None where it ended well."""
    of_type = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.STEP_SUCCESS}
    for entry in instance.all_logs(run_id, of_type=of_type) if steps else ():
        event = entry.dagster_event
        if event is None or event.step_key not in steps:
            continue
        yield event.step_key, _class_of(event), _moment(entry.timestamp)


def _class_of(event: Any) -> str | None:
    if not event.is_step_failure:
        return None
    error = event.step_failure_data.error
    while error is not None and error.cause is not None:
        error = error.cause
    return (error.cls_name if error is not None else None) or "unknown"


def _moment(timestamp: float) -> datetime:
    return datetime.fromtimestamp(timestamp, UTC).replace(microsecond=0)
