"""What was asked and is in no published answer yet: files in the inbox, deliveries that were landed since, rows held back.

Asked by ``check``, ``explain`` and ``scrub``, so it is quick: no file is opened but the landing manifest's last lines, and no
configuration is read. What is in the files nobody knows before a run has read them: one of them may hold an opt-out.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from orchestration.core.files import sha256_bytes, write_atomic
from orchestration.core.home import Home

_NOTE = "published_inputs.json"
# Left by version control and file managers, never data; the collector leaves them too.
_PLACEHOLDERS = frozenset({".gitkeep", ".keep", ".ds_store", "thumbs.db", "desktop.ini"})


@dataclass(frozen=True)
class Waiting:
    """Counts only: a file's name may be somebody's."""

    files: int = 0
    """In the inbox, also in folders of no source and half written: no run has taken them."""
    deliveries: int = 0
    """Landed, and not in what the published version was made of."""
    held_back: int = 0
    """Malformed rows of the table that were not published (``gate/held_back.py``): somebody asked, and nobody sees it there."""

    def __bool__(self) -> bool:
        return bool(self.files or self.deliveries or self.held_back)

    def sentence(self) -> str:
        """What waits, in words; empty when nothing does."""
        said = [
            told
            for number, told in (
                (self.files, _counted(self.files, "file waits", "files wait") + " in the inbox"),
                (self.deliveries, _counted(self.deliveries, "delivery", "deliveries") + " landed and not published yet"),
                (self.held_back, _counted(self.held_back, "malformed row is", "malformed rows are") + " held back"),
            )
            if number
        ]
        return f"{' and '.join(said)}: the answer may change with the next quietlist run" if said else ""


def waiting(home: Home, inputs_sha256: str | None = None) -> Waiting:
    """What waits in this home.

    Args:
        inputs_sha256: what the published version says it was made of; used when no later run noted that it found the same.
    """
    noted = _noted(home)
    held_back = noted.get("held_back")
    return Waiting(
        _files(home),
        _deliveries(home, {inputs_sha256, _text(noted.get("inputs_sha256"))} - {None}),
        held_back if isinstance(held_back, int) else 0,
    )


def note_published(home: Home, held_back: int = 0) -> None:
    """Remember up to where deliveries are in the version in force, also when a run found nothing new in them, and how many of
    its rows stayed at home.
    """
    lines = _lines(home)
    note = {"inputs_sha256": sha256_bytes(lines[-1]) if lines else None, "held_back": held_back}
    write_atomic(home.warehouse_folder / _NOTE, json.dumps(note))


def _files(home: Home) -> int:
    hidden: list[OSError] = []  # a folder that cannot be looked into may hold anything
    found = 0
    for parent, folders, files in os.walk(home.inbox, onerror=hidden.append):
        # A link to a folder is not walked into, neither here nor by a run.
        found += sum(os.path.islink(os.path.join(parent, folder)) for folder in folders)  # noqa: PTH118, PTH114  one per file
        found += sum(name.casefold() not in _PLACEHOLDERS for name in files)
    return found + sum(not isinstance(error, FileNotFoundError) for error in hidden)


def _deliveries(home: Home, known: Collection[str | None]) -> int:
    lines = _lines(home)
    since = 0
    for line in reversed(lines):
        if known and sha256_bytes(line) in known:
            break
        since += 1
    return since


def _lines(home: Home) -> list[bytes]:
    """The manifest's lines. An unfinished last one is no delivery yet: its file is still in the inbox."""
    try:
        return home.manifest_file.read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return []


def _noted(home: Home) -> dict[str, Any]:
    try:
        note = json.loads((home.warehouse_folder / _NOTE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # no note, or one that a crash or a person spoilt: then the version's own word counts
    return note if isinstance(note, dict) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _counted(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
