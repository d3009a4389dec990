"""Jobs, the daily schedule and the inbox sensor: when the assets run, and which together."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from orchestration.core.config import DagsterSettings, load_config
from orchestration.core.home import Home
from orchestration.defs.evidence import REPORT
from orchestration.defs.flow import group
from orchestration.defs.gate import CLOCKS_GATE
from orchestration.defs.publish import PUBLISHED
from orchestration.defs.reconcile import prove_models
from orchestration.defs.run import redact_errors
from orchestration.landing import waiting_batch

# One process: DuckDB has one writer, and a fresh process per step would spend most of a run importing.
EXECUTOR = dg.in_process_executor
WHOLE, SYNC = "quietlist", "sync"
_PROVE = dg.AssetSelection.assets(prove_models) | dg.AssetSelection.assets(REPORT)
_GATE = dg.AssetSelection.checks(dg.AssetCheckKey(PUBLISHED, "gate_allows_published"))


def all_jobs(in_time: Sequence[dg.AssetChecksDefinition]) -> list[Any]:
    """Every job but the scrubbing of campaigns. ``in_time`` asks how old the pushes are, which right after one says nothing."""
    ages = dg.AssetSelection.checks(*in_time)
    return [
        dg.define_asset_job(
            WHOLE,
            selection=dg.AssetSelection.all()
            - dg.AssetSelection.groups(group("scrub"))
            - ages,  # a campaign waits for no schedule
            description="Everything: collect, reconcile, check, publish, push, read back, report.",
            executor_def=EXECUTOR,
        ),
        dg.define_asset_job(
            "reconcile",
            selection=dg.AssetSelection.assets(PUBLISHED).upstream().required_multi_asset_neighbors(),
            description="From the inbox to a published version; pushes nothing.",
            executor_def=EXECUTOR,
        ),
        dg.define_asset_job(
            SYNC,
            selection=(dg.AssetSelection.groups(group("sync")) | _GATE) - ages,
            description="Push the published version again to every destination and read it back.",
            executor_def=EXECUTOR,
        ),
        dg.define_asset_job(
            "report",
            selection=_PROVE | dg.AssetSelection.assets(CLOCKS_GATE) | ages,
            description="Clocks, violations, the age of the pushes and the compliance report from what is known now.",
            executor_def=EXECUTOR,
        ),
    ]


# Before working hours in Europe and overnight in America, so that a day's opt-outs are pushed before its sends.
_USUAL_TIME = "04:00"


def daily_schedule(settings: DagsterSettings) -> dg.ScheduleDefinition:
    """The whole job, once a day; on from the start where the configuration names a time."""
    hour, minute = (settings.daily_at or _USUAL_TIME).split(":")
    return dg.ScheduleDefinition(
        name="daily",
        job_name=WHOLE,
        cron_schedule=f"{int(minute)} {int(hour)} * * *",
        execution_timezone=settings.timezone,
        description="The whole job, once a day.",
        default_status=dg.DefaultScheduleStatus.RUNNING if settings.daily_at else dg.DefaultScheduleStatus.STOPPED,
    )


def inbox_sensor(settings: DagsterSettings) -> dg.SensorDefinition:
    """Watches the inbox; on from the start where the configuration says so."""
    return dg.SensorDefinition(
        name="inbox",
        job_name=WHOLE,
        evaluation_fn=waiting_files,
        minimum_interval_seconds=30,
        description="Watches the inbox; starts one run for each batch of files that have come to rest.",
        default_status=dg.DefaultSensorStatus.RUNNING if settings.watch_inbox else dg.DefaultSensorStatus.STOPPED,
    )


@redact_errors
def waiting_files(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """One run per batch: the key is a hash of what waits, so the same files never start two runs."""
    home = Home.at()
    batch = waiting_batch(home, load_config(home))
    if not batch.files:
        return dg.SkipReason(f"Nothing is waiting in the inbox ({batch.still_written} still being written).")
    if batch.key == context.cursor:
        return dg.SkipReason("The files that wait have a run already.")
    context.update_cursor(batch.key)
    return dg.RunRequest(run_key=batch.key, tags={"quietlist/files": str(batch.files)})
