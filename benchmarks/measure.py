"""Measuring one step: wall seconds, processor seconds, peak memory; and printing a table of them."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any


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


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
