"""Running one of Dagster's jobs in this process, and saying how it ended. The jobs themselves stand in ``defs/jobs``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from orchestration.core.errors import TransientError
from orchestration.core.files import write_atomic
from orchestration.core.home import Home

DONE, GATE, FAILED = 0, 1, 3

# Telemetry and the first-run questions are off; one writer to the warehouse, one run at a time (DESIGN 7).
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


@dataclass
class Outcome:
    """How a run ended: counts and sentences, nothing personal."""

    job: str
    as_of: datetime
    success: bool
    gate_level: str = "pass"
    errors: list[str] = field(default_factory=list)
    unmet: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    report: Path | None = None

    @property
    def exit_code(self) -> int:
        if self.gate_level in ("stop", "hold"):
            return GATE
        return DONE if self.success else FAILED

    def as_dict(self) -> dict[str, Any]:
        return {
            "job": self.job,
            "as_of": self.as_of.isoformat(),
            "success": self.success,
            "exit_code": self.exit_code,
            "gate": self.gate_level,
            "unmet": self.unmet,
            "errors": self.errors,
            "report": str(self.report) if self.report else None,
            **self.facts,
        }

    def lines(self) -> list[str]:
        words = {"pass": "Done", "alert": "Done, with alerts", "hold": "Held", "stop": "Stopped by a gate"}
        head = words[self.gate_level] if self.success or self.gate_level == "stop" else "Failed"
        lines = [f"{head}: {self.job} as of {self.as_of.isoformat()}"]
        lines += [f"  {name}: {value}" for name, value in self.facts.items()]
        lines += [f"  ! not met ({sentence.partition(': ')[0]}): {sentence.partition(': ')[2]}" for sentence in self.unmet]
        lines += [f"  ✗ {sentence}" for sentence in self.errors]
        if self.report:
            lines.append(f"Report: {self.report}")
        return lines


_LEFT_IN_INBOX = {
    "files_in_unknown_folders": "files wait in the inbox where no source is configured; move them, or add their source",
    "still_written": "files were still being written and wait for the next run",
    "not_files": "entries of the inbox are no regular files (links, sockets) and were left there",
}


def left_in_inbox(counts: Mapping[str, Any]) -> list[str]:
    """What collecting left where it was, in sentences: each may hold opt-outs, and nobody has read it."""
    return [f"{counts[name]} {said}." for name, said in _LEFT_IN_INBOX.items() if counts.get(name)]


def prepare_instance(home: Home) -> Path:
    """Dagster's own folder in the home, with its settings; also what ``dagster dev`` is pointed at."""
    home.create()
    settings = home.dagster_folder / "dagster.yaml"
    if not settings.exists() or settings.read_text() != _INSTANCE:
        write_atomic(settings, _INSTANCE)
    return home.dagster_folder


def run_job(home: Home, job: str, as_of: datetime, *, show_progress: bool = False) -> Outcome:
    """Run ``job`` on ``home`` with ``as_of`` as its clock.

    Raises:
        TransientError: another run is going on in this home.
    """
    os.environ["QUIETLIST_HOME"] = str(home.root)
    os.environ["DAGSTER_HOME"] = str(prepare_instance(home))
    from orchestration.core.lock import run_lock
    from orchestration.definitions import build_defs
    from orchestration.defs.execute import execute

    with run_lock(home) as got:
        if not got:
            raise TransientError(
                f"Starting a run in {home.root}",
                seen="another run is going on there",
                next_step="wait for it to end; nothing was started",
            )
        return execute(build_defs(home), home, job, as_of, show_progress=show_progress)
