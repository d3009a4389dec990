"""Landed files of which bytes were redacted: which file lies in the place of which.

The landing manifest says for ever what was delivered, and its lines never change. A redaction is an entry of the journal of
erasures: the SHA-256 and the size of the file before and after, and which bytes became which. Whoever opens a delivery asks here
where it is now; the name of a file in landing is the hash of its bytes, before and after. What is redacted, and why, is
``erasure``'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from orchestration.core.files import sync_folder
from orchestration.core.home import Home
from orchestration.core.journal import Journal, erasures_log
from orchestration.landing.sealing import sealed_path


def now_at(home: Home, sha256: str) -> tuple[str, int | None]:
    """The hash of what lies in the place of these bytes now, and its size; the bytes' own hash, and no size, when nothing
    does."""
    known = redactions(home)
    size = None
    while (found := known.get(sha256)) is not None:
        sha256, size = found
        if size is None:
            break  # they came again as they were
    return sha256, size


def redactions(home: Home) -> Mapping[str, tuple[str, int | None]]:
    """By the hash before: the hash after, and the size. Bytes that were delivered again after that stand for themselves.

    Raises:
        PermanentError: the journal was changed.
    """
    log = erasures_log(home)
    if not log.path.is_file():
        return {}
    state = log.path.stat()
    return _read(log.path, log.kind, log.name, log.until_then, state.st_mtime_ns, state.st_size, state.st_ino)


@lru_cache(maxsize=4)  # asked for each landed file, of one home or two
def _read(
    path: Path, kind: str, name: str, until_then: str, _modified: int, _size: int, _inode: int
) -> Mapping[str, tuple[str, int | None]]:
    found: dict[str, tuple[str, int | None]] = {}
    for entry in Journal(path, kind, name, until_then).entries():
        if entry["entry"] == "redacted":
            found[entry["before"]] = (entry["after"], int(entry["size_after"]))
        elif entry["entry"] == "returned":
            found[entry["sha256"]] = (entry["sha256"], None)
    return found


def removed_files(home: Home) -> frozenset[str]:
    """Published files that an erasure removed, from the home."""
    log = erasures_log(home)
    entries = log.entries() if log.path.is_file() else ()
    return frozenset(name for entry in entries if entry["entry"] == "removed" for name in entry["files"])


def note_returned(home: Home, sha256: str, as_of: datetime) -> None:
    """Bytes that were redacted were delivered again: from now on they are what they were.

    Who delivers them holds the plain form, and what is known must be suppressed by it. Everything made of the redacted bytes is
    made again: the warehouse goes first, so that a kill in between leaves nothing half of both.
    """
    left = now_at(home, sha256)[0]
    for path in home.warehouse_folder.glob(f"{home.warehouse_file.name}*"):
        path.unlink()
    log = erasures_log(home)
    with log.alone():
        log.add(home, {"entry": "returned", "at": as_of.isoformat(), "sha256": sha256})
    drop(home, left)


def drop(home: Home, sha256: str) -> None:
    """Remove landed bytes that nothing leads to any more, in whichever form they lie."""
    plain = home.landing / sha256[:2] / sha256
    for path in (plain, sealed_path(plain)):
        if path.exists():
            path.unlink()
            sync_folder(path.parent)
