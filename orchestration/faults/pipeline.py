"""One run in a home, in one of two ways: the stages called in their order, or the real job through Dagster.

The first costs half the time of the second and stops where the second stops; a fault that is about the process, the job or
what the command says goes through the second. The suite itself proves that both end in the same state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from orchestration.core.config import Config, load_config
from orchestration.core.errors import QuietlistError, kind_of, redacted_errors
from orchestration.core.home import Home
from orchestration.core.outcome import BUSY, FAILED
from orchestration.core.warehouse import warehouse
from orchestration.destinations.contract import Destination
from orchestration.evidence.exported import export_evidence
from orchestration.gate import judge
from orchestration.gate.held_back import rows_to_hold_back
from orchestration.landing import collect
from orchestration.landing.collecting import Unread
from orchestration.publish import export_candidate, publish
from orchestration.publish.versions import require_inputs
from orchestration.readers import load
from orchestration.readers.in_use import feeds_in_use
from orchestration.readers.register import register
from orchestration.reconcile import stages
from orchestration.report.page import write_report
from orchestration.run import run_job
from orchestration.sync import copy_state, sync

ABSORBED, ALERTED, HELD, STOPPED = "absorbed", "alerted", "held", "stopped"
_OF_LEVEL = {"pass": ABSORBED, "alert": ALERTED, "hold": HELD, "stop": STOPPED}
_GRAVITY = (ABSORBED, ALERTED, HELD, STOPPED)


@dataclass
class Ran:
    """What a run told whoever started it."""

    ended: str = ABSORBED
    said: list[str] = field(default_factory=list)

    def tell(self, ended: str, sentence: str) -> None:
        self.ended = max(self.ended, ended, key=_GRAVITY.index)
        self.said.append(sentence)

    def judged(self, level: str, unmet: list[str]) -> None:
        for sentence in unmet:
            self.tell(_OF_LEVEL[level], sentence)


class _Stopped(QuietlistError):
    """A gate said stop: nothing after it runs."""


Step = tuple[str, Callable[[], None]]


def steps(
    home: Home, config: Config, as_of: datetime, ran: Ran, *, prove: bool = True, instead: Mapping[str, Destination] | None = None
) -> list[Step]:
    """Every stage of the daily job in its order, by name.

    Args:
        prove: the clocks, the report and the exported evidence as well.
        instead: destinations that stand in for configured ones.
    """

    unread: list[Unread] = []

    def collecting() -> None:
        require_inputs(home)
        collected = collect(home, config, as_of)
        unread.extend(collected.unread)
        ran.said += collected.held()  # the entry gate holds for it
        for sentence in collected.left():
            ran.tell(ALERTED, sentence)

    def loading() -> None:
        with warehouse(home, limits=config.limits) as con:
            stages.prepare(con, home, feeds_in_use(home, config, con))
            register(con, home, config, unread=unread)
            load(con, home, config, as_of)

    def candidate() -> None:
        with warehouse(home, limits=config.limits) as con:
            export_candidate(con, home, as_of, rows_to_hold_back)

    def gate(name: str) -> Callable[[], None]:
        def judging() -> None:
            verdict = judge(name, home, config, as_of)
            ran.judged(verdict.level, [f"{item.level}: {item.sentence}" for item in verdict.failed])
            if verdict.level == "stop":
                raise _Stopped("Passing the gate")

        return judging

    def push(name: str) -> Callable[[], None]:
        def pushing() -> None:
            try:
                result = sync(home, config, name, as_of, destination=(instead or {}).get(name))
                for sentence in result.alarms:
                    ran.tell(ALERTED, sentence)
                for sentence in result.kept_back:
                    ran.tell(HELD, sentence)
            except QuietlistError as error:  # the others are pushed all the same, as in the job
                ran.tell(STOPPED, str(error))

        return pushing

    def row_state() -> None:
        with warehouse(home, limits=config.limits) as con:
            copy_state(con, home)

    daily: list[Step] = [
        ("collect", collecting),
        ("load", loading),
        ("stage", lambda: _ignore(stages.stage(home, config, as_of))),
        ("normalise", lambda: _ignore(stages.normalise(home, config))),
        ("registries", lambda: _ignore(stages.registries(home, config, as_of))),
        ("ledger", lambda: _ignore(stages.ledger(home, config, as_of))),
        ("entry gate", gate("entry")),
        ("identify", lambda: _ignore(stages.identify(home, config))),
        ("golden", lambda: _ignore(stages.golden(home, config, as_of))),
        ("candidate", candidate),
        ("exit gate", gate("exit")),
        ("publish", lambda: _ignore(publish(home, as_of, group=config.publish.group))),
        *((f"push {name}", push(name)) for name in sorted(config.destinations)),
        ("row state", row_state),
    ]
    proving: list[Step] = [
        ("prove", lambda: _ignore(stages.prove(home, config, as_of))),
        ("report", lambda: _ignore(write_report(home, config, as_of))),
        ("evidence", lambda: _ignore(export_evidence(home, config.limits, as_of))),
    ]
    return daily + (proving if prove else [])


def _ignore(_: object) -> None:
    """The steps answer with counts that nobody asks for here."""


def run_stages(home: Home, as_of: datetime, instead: Mapping[str, Destination] | None = None) -> Ran:
    """Run the stages in this process, up to what the destinations hold."""
    ran = Ran()
    try:
        for name, step in steps(home, load_config(home), as_of, ran, prove=False, instead=instead):
            with redacted_errors(f"Running {name}"):  # as every step of Dagster does
                step()
    except _Stopped:
        pass
    except Exception as error:  # noqa: BLE001  whatever ends a run, Dagster reports it and so do we
        ran.tell(STOPPED, f"{kind_of(error)}: {error}")
    return ran


def run_whole(home: Home, as_of: datetime, job: str = "quietlist") -> Ran:
    """Run a job as ``quietlist run`` does, and take its word for how it ended."""
    ran = Ran()
    try:
        outcome = run_job(home, job, as_of)
    except QuietlistError as error:
        ran.tell(STOPPED, str(error))
        return ran
    if outcome.exit_code in (FAILED, BUSY):
        ran.tell(STOPPED, "the run failed")
    ran.said += outcome.lines()
    ran.judged(outcome.gate_level, outcome.unmet)
    return ran
