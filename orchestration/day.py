"""The order of the stages, and the steps of a day in that order as plain functions: no Dagster.

The faults, the benchmarks and the rebuilding run these. Dagster's job is put together in ``defs/`` and finds its order from what
reads what: its groups are the stages of ``ORDER``, and a test holds its edges to the steps below.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from orchestration.core.config import Config
from orchestration.core.home import Home
from orchestration.core.warehouse import warehouse
from orchestration.destinations.contract import Destination
from orchestration.landing import Collected, collect
from orchestration.landing.collecting import Unread
from orchestration.publish import Candidate, export_candidate, publish
from orchestration.publish.versions import require_inputs
from orchestration.readers import load
from orchestration.readers.in_use import feeds_in_use
from orchestration.readers.register import register
from orchestration.reconcile import stages
from orchestration.sync import copy_state, sync

ORDER = (
    "collect",
    "load",
    "words",
    "stage",  # one group for each vendor, with its name: 04_twilio
    "normalise",
    "registries",
    "ledger",
    "identity",
    "entry_gate",
    "deadlines",
    "golden",
    "exit_gate",
    "publish",
    "sync",
    "scrub",
    "prove",
)
"""What a run does, first to last."""


@dataclass(frozen=True)
class Step:
    """One function of a day. It answers with what the stage's own function answers."""

    stage: str
    name: str
    work: Callable[[], Any]


def steps(home: Home, config: Config, as_of: datetime, *, instead: Mapping[str, Destination] | None = None) -> list[Step]:
    """Every step of the daily job, in order.

    Args:
        instead: destinations that stand in for configured ones.
    """
    unread: list[Unread] = []
    found = [
        Step("collect", "collect", lambda: _collect(home, config, as_of, unread)),
        Step("load", "load", lambda: _load(home, config, as_of, unread)),
        *reconciling(home, config, as_of),
        Step("entry_gate", "entry gate", lambda: _judge("entry", home, config, as_of)),
        Step("golden", "candidate", lambda: _export(home, config, as_of)),
        Step("exit_gate", "exit gate", lambda: _judge("exit", home, config, as_of)),
        Step("publish", "publish", lambda: publish(home, as_of, group=config.publish.group)),
        *(
            Step("sync", f"push {name}", partial(sync, home, config, name, as_of, destination=(instead or {}).get(name)))
            for name in sorted(config.destinations)
        ),
        Step("sync", "row state", lambda: _copy_state(home, config)),
        Step("prove", "prove", lambda: stages.prove(home, config, as_of)),
        Step("prove", "report", lambda: _report(home, config, as_of)),
        Step("prove", "evidence", lambda: _evidence(home, config, as_of)),
    ]
    return _in_order(found)


def reconciling(home: Home, config: Config, as_of: datetime) -> list[Step]:
    """The steps that make the golden table of the raw tables, in order."""
    return _in_order(
        [
            Step("stage", "stage", lambda: stages.stage(home, config, as_of)),
            Step("normalise", "normalise", lambda: stages.normalise(home, config)),
            Step("registries", "registries", lambda: stages.registries(home, config, as_of)),
            Step("ledger", "ledger", lambda: stages.ledger(home, config, as_of)),
            Step("identity", "identify", lambda: stages.identify(home, config)),
            Step("golden", "golden", lambda: stages.golden(home, config, as_of)),
        ]
    )


def reconcile(home: Home, config: Config, as_of: datetime, *, until: str = ORDER[-1]) -> None:
    """Do them, up to and with the stage ``until``."""
    for step in reconciling(home, config, as_of):
        if ORDER.index(step.stage) <= ORDER.index(until):
            step.work()


def _in_order(found: list[Step]) -> list[Step]:
    """By stage; within a stage as they are written here."""
    return sorted(found, key=lambda step: ORDER.index(step.stage))


def _collect(home: Home, config: Config, as_of: datetime, unread: list[Unread]) -> Collected:
    require_inputs(home)
    collected = collect(home, config, as_of)
    unread.extend(collected.unread)
    return collected


def _load(home: Home, config: Config, as_of: datetime, unread: list[Unread]) -> None:
    with warehouse(home, limits=config.limits) as con:
        stages.prepare(con, home, feeds_in_use(home, config, con))
        register(con, home, config, unread=unread)
        load(con, home, config, as_of)


def _export(home: Home, config: Config, as_of: datetime) -> Candidate:
    from orchestration.gate.held_back import rows_to_hold_back  # Great Expectations: imported where it is needed

    with warehouse(home, limits=config.limits) as con:
        return export_candidate(con, home, as_of, rows_to_hold_back)


def _judge(gate: str, home: Home, config: Config, as_of: datetime) -> Any:
    from orchestration.gate import judge  # imports Great Expectations: seconds, paid only when a gate is judged

    return judge(gate, home, config, as_of)


def _copy_state(home: Home, config: Config) -> None:
    with warehouse(home, limits=config.limits) as con:
        copy_state(con, home)


def _report(home: Home, config: Config, as_of: datetime) -> None:
    from orchestration.report.page import write_report

    write_report(home, config, as_of, notes=True)


def _evidence(home: Home, config: Config, as_of: datetime) -> None:
    from orchestration.evidence.exported import export_evidence

    export_evidence(home, config.limits, as_of)
