"""How a run ended: what the jobs fill in and the command prints. Nothing is run here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

RANK = ("pass", "alert", "hold", "stop")
"""How grave what a gate says is."""
DONE, GATE, FAILED, BUSY = 0, 1, 3, 75


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
    is_busy: bool = False
    """A step found another process at work, and waiting did not help."""

    @property
    def exit_code(self) -> int:
        if self.gate_level == "stop":
            return GATE
        if not self.success:
            return BUSY if self.is_busy else FAILED  # whatever a gate held beside it
        return GATE if self.gate_level == "hold" else DONE

    def alert(self, sentences: Sequence[str]) -> None:
        """What no gate judges and a person must know all the same."""
        self._add("alert", sentences)

    def hold(self, sentences: Sequence[str]) -> None:
        """What a guard kept back, though the gate would have let it go."""
        self._add("hold", sentences)

    def _add(self, level: str, sentences: Sequence[str]) -> None:
        if sentences:
            self.gate_level = max(self.gate_level, level, key=RANK.index)
            self.unmet += [f"{level}: {sentence}" for sentence in sentences]

    def after(self, other: Outcome) -> Outcome:
        """This outcome, of a run that took over from another: what that one told, and this one found no more, is told too."""
        self.unmet = [*(sentence for sentence in other.unmet if sentence not in self.unmet), *self.unmet]
        self.gate_level = max(self.gate_level, other.gate_level, key=RANK.index)
        return self

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
