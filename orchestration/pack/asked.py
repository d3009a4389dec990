"""What a pack is asked to hold: a period, a person, a destination; for whom; and whether people are named in it.

A period is half open and in UTC: its first moment belongs to it, its last one does not, so that two periods that meet share
nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from orchestration.core.config import Config
from orchestration.core.errors import ConfigError
from orchestration.core.home import Home
from orchestration.core.wording import moment


@dataclass(frozen=True)
class Asked:
    """One question, checked."""

    start: datetime | None
    """The first moment of the period. None: from the first record on. Only a pack about a person may say so."""
    end: datetime | None
    """The moment at which it is over. None: until now."""
    persons: tuple[str, ...] = ()
    """Contact points as they were given: an address, a number, a postal address, a request id or a keyed hash."""
    destination: str | None = None
    revealed: bool = False
    made_for: str | None = None

    def period(self) -> str:
        """``1 Mar 2026, 00:00 UTC to 1 Apr 2026, 00:00 UTC``."""
        if self.start is None and self.end is None:
            return "everything that is known"
        if self.start is None:
            return f"everything before {moment(self.end)}"
        return f"{moment(self.start)} to {moment(self.end, 'now')}"

    def spans_whole_days(self) -> bool:
        """Whether it begins and ends at midnight, UTC: what is counted by the day then is counted exactly."""
        return all(at is None or (at.hour, at.minute, at.second, at.microsecond) == (0, 0, 0, 0) for at in (self.start, self.end))


def asked(
    config: Config,
    *,
    start: str | None,
    end: str | None,
    persons: tuple[str, ...] = (),
    destination: str | None = None,
    revealed: bool = False,
    made_for: str | None = None,
) -> Asked:
    """The question that these options ask.

    Raises:
        ConfigError: everything that is wrong with them, at once.
    """
    problems: list[str] = []
    first, last = (_bound(name, text, problems) for name, text in (("--from", start), ("--to", end)))
    if not persons:
        problems += [
            f"{name}: is required, unless --person is given" for name, text in (("--from", start), ("--to", end)) if not text
        ]
    if first and last and first >= last:
        problems.append("--to: is not later than --from; --to is the first moment that does not belong to the period")
    if destination is not None and destination not in config.destinations:
        there = ", ".join(sorted(config.destinations)) or "none is configured"
        problems.append(f"--destination: none has this name; there are: {there}")
    who = (made_for or "").strip()
    if revealed and not who:
        problems.append("--for: is required with --reveal; say who is to have it, for it is noted on the chain of evidence")
    if problems:
        raise ConfigError("Reading what the pack is to hold", problems, next_step="quietlist evidence --help; nothing was made")
    return Asked(first, last, persons, destination, revealed, who or None)


def require_outside(home: Home, folder: Path) -> None:
    """A pack that names people does not lie in the home.

    Raises:
        ConfigError: it would.
    """
    if folder.resolve().is_relative_to(home.root):
        raise ConfigError(
            f"Making a pack in {folder}",
            seen="a folder of the home, for a pack that names people",
            allowed="with --reveal a folder outside the home: an erasure there would not know what became of it",
            next_step="name one with --out; nothing was made",
        )


def _bound(name: str, text: str | None, problems: list[str]) -> datetime | None:
    """A day is its first moment in UTC."""
    if not text:
        return None
    try:
        if len(text) == len("2026-03-01"):
            day = date.fromisoformat(text)
            return datetime(day.year, day.month, day.day, tzinfo=UTC)
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        problems.append(f"{name}: is neither a day such as 2026-03-01 nor a moment with a zone such as 2026-03-01T12:00:00Z")
        return None
    return at.astimezone(UTC)
