"""What a person decides about a record, written down so that it outlives the warehouse.

A decision is a file of one JSON line in ``inbox/decisions/``. It lands as any delivered file does: the next run takes it, puts it
on the chain of evidence and reconciles it, and a rebuild from landing finds it again. It names its record by source, SHA-256 of
the file and number. The columns stand in ``dbt_project/models/staging/quietlist/_quietlist.yml``. Whether a decision may be made
about a record is ``quarantine/records``'s; what becomes of it the models'.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from orchestration.core.config import DECISIONS
from orchestration.core.errors import ConfigError
from orchestration.core.files import sha256_text, write_atomic
from orchestration.core.home import Home

KINDS = ("value", "opt_out", "nothing", "confirm", "link_cut")
_KEY_BYTES = 16
_NAME_DIGITS = 16  # of the content's SHA-256: enough to tell a home's files apart
_LONGEST = 4_000  # letters of a name or reason: a page, which a person still reads
_STALE_SECONDS = 3600  # nobody takes an hour to write a line: what is that old was left by a process that was killed


def record_decision(
    home: Home, decision: str, about: Mapping[str, str | None], *, person: str, reason: str, now: datetime
) -> Path:
    """Write one decision into the inbox and make it survive a power cut. Returns its file.

    Args:
        decision: one of :data:`KINDS`.
        about: the other columns of the feed; what is null or empty is left out.
        now: when it was decided. Of two decisions about one record the later one counts.

    Raises:
        ConfigError: no person or no reason is named, or one of them is longer than a page.
    """
    problems = [f"{name}: is required" for name, text in (("by", person), ("reason", reason)) if not text.strip()]
    problems += [
        f"{name}: {len(text):,} letters, and at most {_LONGEST:,} are allowed"
        for name, text in (("by", person), ("reason", reason))
        if len(text) > _LONGEST
    ]
    if problems:
        raise ConfigError("Recording a decision", problems, next_step="give both; nothing was recorded")
    line = {
        "decision": decision,
        "decision_key": secrets.token_hex(_KEY_BYTES),
        "decided_at": now.astimezone(UTC).isoformat(),
        "decided_by": _storable(person),
        "decided_why": _storable(reason),
        **{name: _storable(text) for name, text in about.items() if text},
    }
    # ASCII: U+2028 and its like end a line for some readers, and half a character pair is no text for any.
    text = json.dumps(line, ensure_ascii=True, sort_keys=True) + "\n"
    folder = home.inbox / DECISIONS
    _clear(folder)
    path = folder / f"decision_{sha256_text(text)[:_NAME_DIGITS]}.jsonl"
    write_atomic(path, text)
    return path


def waiting_decisions(home: Home) -> Iterator[dict[str, str]]:
    """The decisions that no run has taken yet, oldest first where their files are. What is no decision is passed over: the run
    that takes it says so.
    """
    folder = home.inbox / DECISIONS
    for path in sorted(folder.glob("*.jsonl")) if folder.is_dir() else ():
        try:
            lines = path.read_bytes().split(b"\n")
        except OSError:
            continue  # a run took it in this moment
        for line in lines:
            try:
                found = json.loads(line)
            except ValueError:
                continue
            if isinstance(found, dict) and found.get("decision") in KINDS:
                yield {str(name): str(value) for name, value in found.items()}


def _storable(text: str) -> str:
    """Without what no database keeps: zero characters, and halves of character pairs that a wrong encoding left."""
    return text.strip().replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def _clear(folder: Path) -> None:
    for left in folder.glob(".decision_*.tmp"):
        if left.stat().st_mtime < time.time() - _STALE_SECONDS:
            left.unlink(missing_ok=True)
