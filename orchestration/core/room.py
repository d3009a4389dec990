"""A full disk, told from the errors of Python, DuckDB and SQLite in the same words wherever it shows.

None of them says which disk, or how much is free; and what is raised last is often not about the disk at all: a rollback that
found nothing to roll back, a database that shut itself after a failed write. So all that an error was raised from is asked.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""No space on the device, none in the user's quota, a limit of the process or of the file system."""
# The words of the system, of DuckDB (a quota, a limit of the process), of SQLite and of PostgreSQL.
_WORDS = re.compile(
    "No space left on device|Could not write file|Could not write all bytes|database or disk is full|Disk quota exceeded"
    "|File too large"
)
_PATH = re.compile(r'"(/[^"\n]+)"')
NEXT_STEP = "make room there and run again; what was done is kept, nothing is lost"


def says_full(text: str) -> bool:
    """Whether a message is about a full disk."""
    return _WORDS.search(text) is not None


def full_disk(error: BaseException) -> str | None:
    """Which disk is full and how much is free, when this error or one it was raised from says so."""
    for cause in _causes(error):
        if isinstance(cause, OSError) and cause.errno in NO_ROOM:
            return full(Path(str(cause.filename)) if cause.filename else None)
        if says_full(str(cause)):
            return full_by(str(cause))
    return None


def full_by(message: str) -> str:
    """:func:`full` of the file that a message of DuckDB names."""
    named = _PATH.search(message)
    return full(Path(named[1]) if named else None)


def full(place: Path | None) -> str:
    """The sentence: the disk of this file or folder, with what is free of it and what the home takes; no name of a file."""
    home = os.environ.get("QUIETLIST_HOME")
    folder = (place.parent if place is not None else None) or (Path(home) if home else None)
    while folder is not None and not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    if folder is None or folder == folder.parent:
        return "the disk is full"
    usage = shutil.disk_usage(folder)
    said = f"the disk of {folder} is full: {size(usage.free)} of {size(usage.total)} are free"
    warehouse = next((parent / "warehouse" for parent in (folder, *folder.parents) if (parent / "warehouse").is_dir()), None)
    if warehouse is None or warehouse.stat().st_dev != folder.stat().st_dev:
        return said  # the disk of somebody else
    taken = sum(path.stat().st_size for path in warehouse.glob("*.duckdb*"))
    # DuckDB keeps the old pages until a change is durable, so a run may take as much again as the database has.
    return f"{said}, and a run may need as much as the warehouse has now, {size(taken)}"


def size(count: int) -> str:
    """A number of bytes for people."""
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.1f} MB" if count >= 1e6 else f"{count / 1e3:,.1f} kB"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        # What was being handled when this was raised counts also where "from None" hides it from people.
        error = error.__cause__ or error.__context__
