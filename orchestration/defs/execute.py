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
from orchestration.defs.event_log import StepEventLog
from orchestration.defs.evidence import REPORT
from orchestration.defs.landing import LANDED
from orchestration.defs.publish import PUBLISHED
from orchestration.defs.run import UNKNOWN_VALUES
from orchestration.defs.sync import ROW_STATE, destination_key


def execute(
    definitions: dg.Definitions, home: Home, job: str, as_of: datetime, *, show_progress: bool, replay: bool,
    only: Sequence[str] = (),
) -> Outcome:  # fmt: skip
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
                asset_check_selection={dg.AssetCheckKey(PUBLISHED, "gate_allows_published")},
            )
        steps.total(len(job_def.graph.nodes))
        result = job_def.execute_in_process(
            run_config={**config, "loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            instance=instance,
            raise_on_error=False,
        )
        return _outcome(job, as_of, result)


def _free_slots_of_the_dead(instance: dg.DagsterInstance) -> None:
    """A process that was killed in a step keeps its place in the pool, and the next run would wait for it for ever. Whoever
    gets here holds the home's lock, without which no step of any run begins: a place that is taken is a dead one's. But for a
    database, which other homes may share: there Dagster's daemon frees what is left.
    """
    storage = instance.event_log_storage
    if isinstance(storage, StepEventLog):
        for run_id in storage.get_concurrency_run_ids():
            storage.free_concurrency_slots_for_run(run_id)


def _outcome(job: str, as_of: datetime, result: dg.ExecuteInProcessResult) -> Outcome:
    outcome = Outcome(job=job, as_of=as_of, success=result.success)
    for evaluation in result.get_asset_check_evaluations():
        if not evaluation.passed:
            _add_check(outcome, evaluation)
    for event in result.all_events:
        if event.is_step_failure and event.step_failure_data.error is not None:
            _add_failure(outcome, str(event.step_key), event.step_failure_data.error)
    for event in result.get_asset_materialization_events():
        if event.asset_key is not None:
            values = {name: entry.value for name, entry in event.step_materialization_data.materialization.metadata.items()}
            _add_fact(outcome, event.asset_key, values)
    return outcome


def _add_check(outcome: Outcome, evaluation: dg.AssetCheckEvaluation) -> None:
    values = {name: entry.value for name, entry in evaluation.metadata.items()}
    outcome.gate_level = max(outcome.gate_level, str(values.get("level", "stop")), key=RANK.index)
    if not evaluation.check_name.startswith("gate_"):
        outcome.unmet.append(f"stop: the test {evaluation.check_name} failed")
    elif "why" in values:
        outcome.unmet.append(str(values["why"]))
    else:
        outcome.unmet += [str(sentence) for sentence in cast("list[object]", values.get("unmet") or [])]


def _add_failure(outcome: Outcome, step: str, error: Any) -> None:
    while error.cause is not None:
        error = error.cause
    # Another process at work is the whole story only where nothing else went wrong.
    outcome.is_busy = error.cls_name == Busy.__name__ and (outcome.is_busy or not outcome.errors)
    # Dagster begins with the class; the sentence is what a person reads.
    said = (
        re.sub(rf"^[\w.]*{re.escape(error.cls_name or '')}:?\s+", "", error.message.strip()) if error.cls_name else error.message
    )
    outcome.errors.append(f"{step}: {said.strip()}")
    if error.cls_name == GateClosed.__name__:
        outcome.gate_level = "stop"


def _add_fact(outcome: Outcome, key: dg.AssetKey, values: dict[str, Any]) -> None:
    if key == LANDED:
        # The entry gate holds for what was not read, and says how much; here is where and why.
        _hold(outcome, [str(sentence) for sentence in cast("list[object]", values["held"])])
        _alert(outcome, [str(sentence) for sentence in cast("list[object]", values["left"])])
    elif key == UNKNOWN_VALUES:
        _alert(outcome, [str(sentence) for sentence in cast("list[object]", values["attention"])])
    elif key == PUBLISHED:
        version = f"version {values['version']}, {values['dagster/row_count']:,} rows"
        outcome.facts["published"] = version if values["new_version"] else f"{version} (nothing new)"
    elif key.path[0] == "destinations":
        # What is always worth saying, then what only matters when it happened.
        said = [f"{values['wanted']:,} wanted", f"{values['verified'] + values['in_place']:,} seen there"]
        said += [
            f"{values[name]:,} {name}" for name in ("missing", "rejected", "released", "blocked", "found") if values.get(name)
        ]
        outcome.facts[key.path[1]] = ", ".join(said)
        _alert(outcome, [f"{key.path[1]}: {sentence}" for sentence in cast("list[object]", values["attention"])])
        _hold(outcome, [f"{key.path[1]}: {sentence}" for sentence in cast("list[object]", values["kept_back"])])
    elif key == REPORT:
        outcome.report = Path(str(values["path"]))


def _alert(outcome: Outcome, sentences: list[str]) -> None:
    """What no gate judges and a person must know all the same."""
    if sentences:
        outcome.gate_level = max(outcome.gate_level, "alert", key=RANK.index)
        outcome.unmet += [f"alert: {sentence}" for sentence in sentences]


def _hold(outcome: Outcome, sentences: list[str]) -> None:
    """What a guard kept back, though the gate would have let it go."""
    if sentences:
        outcome.gate_level = max(outcome.gate_level, "hold", key=RANK.index)
        outcome.unmet += [f"hold: {sentence}" for sentence in sentences]


class _Steps:
    """A progress line on the terminal that names the step; silent when nobody watches."""

    def __init__(self, shown: bool) -> None:
        self._progress = Progress(
            SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"),
            TimeElapsedColumn(), console=Console(stderr=True), transient=True, disable=not shown,
        )  # fmt: skip
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
