"""How far each source was pulled: one JSON file each in ``pulls/``, written after what it speaks of is durable.

It may say too little and never too much: a file that is gone or damaged means that everything is pulled again, and what comes
again is recognised.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from orchestration.core.errors import PermanentError
from orchestration.core.files import write_atomic
from orchestration.core.home import Home

_MOMENTS = ("began_at", "named_at", "since", "covers", "done_at", "failed_at")


@dataclass
class Progress:
    """One part of a source, such as one list of a vendor's interface."""

    asks: str = ""
    """Hash of whom it asks for what. Another account's place means nothing here."""
    began_at: datetime | None = None
    """When the pull that is under way began, by this machine's clock; none when none is."""
    named_at: datetime | None = None
    """The moment that the files of the pull under way carry in their names, so that all of them are one state."""
    since: datetime | None = None
    """From when on the pull under way asks; none for everything."""
    place: str = ""
    """Where in the list the pull under way goes on, or where the next one does, in the words of its kind. May hold an address."""
    files: int = 0
    """Of the pull under way."""
    records: int = 0
    """Of the pull under way."""
    covers: datetime | None = None
    """When the last whole pull began: what was there before, it saw."""
    done_at: datetime | None = None
    """When the last whole pull ended."""
    last_records: int = 0
    """Of the last whole pull."""
    failed_at: datetime | None = None
    """When the last attempt failed; none when it did not."""
    failure: str = ""
    """Why, in a sentence without personal data."""

    @property
    def is_under_way(self) -> bool:
        return self.began_at is not None


def read_progress(home: Home, source: str) -> dict[str, Progress]:
    """The parts of a source by name; none where nothing is known.

    Raises:
        PermanentError: there is something that may not be read.
    """
    path = home.pulls / f"{source}.json"
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return {name: _progress(part) for name, part in kept.items()}
    except (FileNotFoundError, ValueError, TypeError, AttributeError):
        return {}
    except OSError as error:  # somebody pulled as another user, say
        raise PermanentError(
            f"Reading how far {source} was pulled",
            seen=f"{error.strerror} at {path}",
            next_step="give the user that runs Quietlist the right to it (ls -l, chown), or remove it: all is pulled again",
        ) from None


def write_progress(home: Home, source: str, parts: dict[str, Progress]) -> None:
    """Keep it, so that it survives a power cut."""
    said = {
        name: {key: value.isoformat() if isinstance(value, datetime) else value for key, value in part.__dict__.items() if value}
        for name, part in sorted(parts.items())
    }
    write_atomic(home.pulls / f"{source}.json", json.dumps(said, indent=1, ensure_ascii=False) + "\n")


def _progress(kept: dict[str, Any]) -> Progress:
    moments = {name: datetime.fromisoformat(kept[name]) for name in _MOMENTS if name in kept}
    if any(value.tzinfo is None for value in moments.values()):
        raise ValueError
    return Progress(**{**kept, **moments})
