"""Measuring one step: wall seconds, processor seconds, peak memory; and printing a table of them."""

from __future__ import annotations

import math
import os
import pickle
import resource
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from typing import Any, TypeVar

Result = TypeVar("Result")


@dataclass
class Step:
    """One measured step. ``rows`` is the work it did, ``note`` what a reader should know."""

    name: str
    rows: int
    wall: float = 0.0
    cpu: float = 0.0
    peak_mb: float = 0.0
    note: str = ""

    @property
    def rate(self) -> float:
        return self.rows / self.wall if self.wall else 0.0


@dataclass
class Table:
    """Steps in the order they ran."""

    title: str
    steps: list[Step] = field(default_factory=list)

    @contextmanager
    def step(self, name: str, rows: int, note: str = "") -> Iterator[Step]:
        """Measure the block. Peak memory is the process's high-water mark so far, so it never falls."""
        measured = Step(name, rows, note=note)
        before, started = _cpu(), time.perf_counter()
        yield measured
        measured.wall = time.perf_counter() - started
        measured.cpu = _cpu() - before
        measured.peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # Linux counts in KiB
        self.steps.append(measured)

    def child(self, name: str, rows: int, work: Callable[[], Result], note: str = "") -> Result:
        """Measure the work in a child process of its own, so that peak memory is the step's alone; returns its result.

        A fork: what this process has imported is there already. It may not hold a DuckDB connection, whose threads would be lost.
        """
        started = time.perf_counter()
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                with os.fdopen(writing, "wb") as stream:
                    stream.write(pickle.dumps(work()))
                status = 0
            except Exception:  # noqa: BLE001  the parent sees the status only: say here what it was
                traceback.print_exc()
            os._exit(status)
        os.close(writing)
        with os.fdopen(reading, "rb") as stream:
            answer = stream.read()
        _, status, usage = os.wait4(pid, 0)
        if status:
            raise RuntimeError(f"the step '{name}' failed in its process; its error stands above")
        wall, cpu = time.perf_counter() - started, usage.ru_utime + usage.ru_stime
        self.steps.append(Step(name, rows, wall, cpu, usage.ru_maxrss / 1024, note))
        result: Result = pickle.loads(answer)
        return result

    def left_out(self, name: str, why: str) -> None:
        """A step that could not be measured, so that nobody takes its absence for an answer."""
        self.steps.append(Step(name, 0, note=f"left out: {why}"))

    def total(self, name: str, steps: list[Step]) -> None:
        self.steps.append(
            Step(
                name,
                max(s.rows for s in steps),
                sum(s.wall for s in steps),
                sum(s.cpu for s in steps),
                max(s.peak_mb for s in steps),
            )
        )

    def lines(self) -> list[str]:
        lines = [self.title, f"  {'step':<44} {'rows':>11} {'wall s':>8} {'cpu s':>8} {'rows/s':>11} {'peak MB':>8}  note"]
        for step in self.steps:
            figures = f"{step.rows:>11,} {step.wall:>8.2f} {step.cpu:>8.2f} {step.rate:>11,.0f} {step.peak_mb:>8,.0f}"
            lines.append(f"  {step.name:<44} {figures}  {step.note}")
        return lines

    def as_dict(self) -> dict[str, Any]:
        return {"title": self.title, "steps": [asdict(step) | {"rate": step.rate} for step in self.steps]}


def missing(library: str) -> str:
    """Why what needs this library is left out; nothing when it is there."""
    return "" if find_spec(library) else f"{library} is not installed (make bench installs it)"


def growth(smaller: Table, larger: Table) -> Table:
    """How each step's processor time grows from one size to the other: 1 is as the rows do, 2 as their square."""
    table = Table(f"Growth exponents of processor time: {larger.title}")
    before = {step.name: step for step in smaller.steps}
    for step in larger.steps:
        first = before.get(step.name)
        if first and first.rows and step.rows > first.rows and first.cpu and step.cpu:
            exponent = math.log(step.cpu / first.cpu) / math.log(step.rows / first.rows)
            table.steps.append(Step(step.name, step.rows, step.wall, step.cpu, step.peak_mb, note=f"exponent {exponent:.2f}"))
    return table


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
