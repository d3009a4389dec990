"""Executing a job for the command line: progress while it runs, and what it came to."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import dagster as dg
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from orchestration.core.errors import Busy, GateClosed
from orchestration.core.home import Home
from orchestration.core.outcome import RANK, Outcome
from orchestration.core.wording import counted
from orchestration.defs.event_log import StepEventLog
from orchestration.defs.evidence import REPORT
from orchestration.defs.keys import UNKNOWN_VALUES
from orchestration.defs.landing import LANDED
from orchestration.defs.publish import PUBLISHED
from orchestration.defs.sync import PUSH_CHECKS, ROW_STATE, destination_key

BY_COMMAND = "quietlist/by_command"
"""The tag of a run that the command carries out and tells of itself."""


def execute(
    definitions: dg.Definitions,
    home: Home,
    job: str,
    as_of: datetime,
    *,
    show_progress: bool,
    replay: bool,
    only: Sequence[str] = (),
) -> Outcome:
    """Run ``job`` in this process with a persistent instance, so that the web pages show it as well.

    ``only`` names the destinations that are pushed to, if not all; the check of the table stays in.
    """
    logging.getLogger("dagster").setLevel(logging.CRITICAL)  # the outcome says what matters; the instance keeps the log
    given = {"home": str(home.root), "as_of": as_of.isoformat(), "replay": replay}
    config = {"resources": {"quietlist": {"config": given}}}
    with dg.DagsterInstance.get() as instance, _Steps(show_progress) as steps:
        _free_slots_of_the_dead(instance)
        job_def = definitions.resolve_job_def(job)
        if only:
            job_def = job_def.get_subset(
                asset_selection={ROW_STATE, *map(destination_key, only)},
                asset_check_selection={
                    dg.AssetCheckKey(PUBLISHED, "gate_allows_published"),
                    *(dg.AssetCheckKey(destination_key(name), check) for name in only for check in PUSH_CHECKS),
                },
            )
        steps.total(len(job_def.graph.nodes))
        result = job_def.execute_in_process(
            run_config={**config, "loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            instance=instance,
            raise_on_error=False,
            tags={BY_COMMAND: "true"},
        )
        return outcome_of(job, as_of, result.success, result.all_events)


def _free_slots_of_the_dead(instance: dg.DagsterInstance) -> None:
    """A process that was killed in a step keeps its place in the pool, and the next run would wait for it for ever. Whoever
    gets here holds the home's lock, without which no step of any run begins: a place that is taken is a dead one's. But for a
    database, which other homes may share: there Dagster's daemon frees what is left.
    """
    storage = instance.event_log_storage
    if isinstance(storage, StepEventLog):
        for run_id in storage.get_concurrency_run_ids():
            storage.free_concurrency_slots_for_run(run_id)


def outcome_of(job: str, as_of: datetime, success: bool, events: Sequence[dg.DagsterEvent]) -> Outcome:
    """What a run came to, from what it recorded; whoever carried it out."""
    outcome = Outcome(job=job, as_of=as_of, success=success)
    for event in events:
        if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION and not event.asset_check_evaluation_data.passed:
            _add_check(outcome, event.asset_check_evaluation_data)
    for event in events:
        if event.is_step_failure and event.step_failure_data.error is not None:
            _add_failure(outcome, str(event.step_key), event.step_failure_data.error)
        elif event.event_type == dg.DagsterEventType.ENGINE_EVENT and event.engine_event_data.error is not None:
            # What the resource does when the run is over; no step fails by it.
            outcome.alert([_said(_first(event.engine_event_data.error))])
    for event in events:
        # It failed before its first step; else it repeats what a step said.
        if event.event_type == dg.DagsterEventType.RUN_FAILURE and event.job_failure_data.error and not outcome.errors:
            _add_failure(outcome, "the run", event.job_failure_data.error)
    for event in events:
        if event.event_type == dg.DagsterEventType.ASSET_MATERIALIZATION and event.asset_key is not None:
            values = {name: entry.value for name, entry in event.step_materialization_data.materialization.metadata.items()}
            _add_fact(outcome, event.asset_key, values)
    return outcome


def _add_check(outcome: Outcome, evaluation: dg.AssetCheckEvaluation) -> None:
    values = {name: entry.value for name, entry in evaluation.metadata.items()}
    if evaluation.check_name in PUSH_CHECKS:
        return  # what they say in short, the push says in sentences
    outcome.gate_level = max(outcome.gate_level, str(values.get("level", "stop")), key=RANK.index)
    if not {"level", "why", "unmet"} & values.keys():
        outcome.unmet.append(f"stop: the test {evaluation.check_name} failed")
    elif "why" in values:
        outcome.unmet.append(f"stop: {values['why']}")
    else:
        outcome.unmet += [str(sentence) for sentence in cast("list[object]", values.get("unmet") or [])]


def _add_failure(outcome: Outcome, step: str, error: Any) -> None:
    error = _first(error)
    # Another process at work is the whole story only where nothing else went wrong.
    outcome.is_busy = error.cls_name == Busy.__name__ and (outcome.is_busy or not outcome.errors)
    outcome.errors.append(f"{step}: {_said(error)}")
    if error.cls_name == GateClosed.__name__:
        outcome.gate_level = "stop"


def _first(error: Any) -> Any:
    """What it all began with."""
    while error.cause is not None:
        error = error.cause
    return error


def _said(error: Any) -> str:
    """Dagster begins with the class; the sentence is what a person reads."""
    said = re.sub(rf"^[\w.]*{re.escape(error.cls_name)}:?\s+", "", error.message.strip()) if error.cls_name else error.message
    return str(said.strip())


_WHEN_IT_HAPPENED = {
    "not_provable": "accepted, not provable",
    "not_seen_yet": "accepted, not seen yet",
    "missing": "missing",
    "rejected": "rejected",
    "released": "released",
    "blocked": "blocked",
    "found": "found",
}
"""What a push tells only when there is some of it, and in which words."""


def _add_fact(outcome: Outcome, key: dg.AssetKey, values: dict[str, Any]) -> None:
    if key == LANDED:
        # The entry gate holds for what was not read, and says how much; here is where and why.
        outcome.hold([str(sentence) for sentence in cast("list[object]", values["held"])])
        outcome.alert([str(sentence) for sentence in cast("list[object]", values["left"])])
    elif key == UNKNOWN_VALUES:
        outcome.alert([str(sentence) for sentence in cast("list[object]", values["attention"])])
    elif key.path[0] in ("pulled", "registries"):
        outcome.alert([str(sentence) for sentence in cast("list[object]", values.get("attention") or [])])
    elif key == PUBLISHED:
        version = f"version {values['version']}, {counted(values['dagster/row_count'], 'row')}"
        outcome.facts["published"] = version if values["new_version"] else f"{version} (nothing new)"
        outcome.alert(
            [f"{place}. The group is kept out until then." for place in cast("list[str]", values.get("attention") or [])]
        )
    elif key.path[0] == "destinations":
        # What is always worth saying, then what only matters when it happened.
        said = [f"{values['wanted']:,} wanted"]
        if values["seen_there"] or not values["not_provable"]:
            said.append(f"{values['seen_there']:,} seen there")
        said += [f"{values[name]:,} {words}" for name, words in _WHEN_IT_HAPPENED.items() if values.get(name)]
        outcome.facts[key.path[1]] = ", ".join(said)
        outcome.alert([f"{key.path[1]}: {sentence}" for sentence in cast("list[object]", values["attention"])])
        outcome.hold([f"{key.path[1]}: {sentence}" for sentence in cast("list[object]", values["kept_back"])])
    elif key == REPORT:
        outcome.report = Path(str(values["path"]))


class _Steps:
    """A progress line on the terminal that names the step; silent when nobody watches."""

    def __init__(self, shown: bool) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed}/{task.total}"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=not shown,
        )
        self._handler = _StepHandler(self)
        self._task = self._progress.add_task("starting", total=None)

    def __enter__(self) -> _Steps:
        self._progress.start()
        logging.getLogger("dagster").addHandler(self._handler)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("dagster").removeHandler(self._handler)
        self._progress.stop()

    def total(self, steps: int) -> None:
        self._progress.update(self._task, total=steps)

    def advance(self, description: str) -> None:
        self._progress.update(self._task, description=description, advance=1)


class _StepHandler(logging.Handler):
    def __init__(self, steps: _Steps) -> None:
        super().__init__()
        self._steps = steps

    def emit(self, record: logging.LogRecord) -> None:
        meta = getattr(record, "dagster_meta", {})
        if "STEP_SUCCESS" in str(meta.get("dagster_event_type", "")):
            self._steps.advance(str(meta.get("step_key")))
