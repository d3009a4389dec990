"""One run in a home, in one of two ways: the stages called in their order, or the real job through Dagster.

The first costs half the time of the second and stops where the second stops; a fault that is about the process, the job or
what the command says goes through the second. The suite itself proves that both end in the same state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from orchestration import day
from orchestration.core.config import Config, load_config
from orchestration.core.errors import QuietlistError, kind_of, redacted_errors
from orchestration.core.home import Home
from orchestration.core.outcome import BUSY, FAILED
from orchestration.destinations.contract import Destination
from orchestration.landing import Collected
from orchestration.publish.verdicts import Verdict
from orchestration.run import run_job
from orchestration.sync import SyncResult

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


def steps(
    home: Home, config: Config, as_of: datetime, ran: Ran, *, prove: bool = True, instead: Mapping[str, Destination] | None = None
) -> list[tuple[str, Callable[[], None]]]:
    """Every step of the day in its order, by name, each telling ``ran`` what it would tell a person.

    Args:
        prove: the clocks, the report and the exported evidence as well.
        instead: destinations that stand in for configured ones.
    """
    of_the_day = day.steps(home, config, as_of, instead=instead)
    return [(step.name, partial(_carry_out, step, ran)) for step in of_the_day if prove or step.stage != "prove"]


def _carry_out(step: day.Step, ran: Ran) -> None:
    try:
        result = step.work()
    except QuietlistError as error:
        if not step.name.startswith("push "):
            raise
        ran.tell(STOPPED, str(error))  # the others are pushed all the same, as in the job
        return
    match result:
        case Collected():
            ran.said += result.held()  # the entry gate holds for it
            for sentence in result.left():
                ran.tell(ALERTED, sentence)
        case Verdict():
            ran.judged(result.level, [f"{item.level}: {item.sentence}" for item in result.failed])
            if result.level == "stop":
                raise _Stopped("Passing the gate")
        case SyncResult():
            for sentence in result.alarms:
                ran.tell(ALERTED, sentence)
            for sentence in result.kept_back:
                ran.tell(HELD, sentence)


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
