"""One run at a time in a home: a lock that the operating system lets go of when its process dies, however it dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from orchestration.core.home import PRIVATE_FILE, Home


@contextmanager
def run_lock(home: Home) -> Iterator[bool]:
    """Yields True when this process holds the home's run lock, False when another one does."""
    home.create()
    handle = os.open(home.warehouse_folder / "run.lock", os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(handle)


def is_running(home: Home) -> bool:
    """Whether a process holds the home's run lock. Nothing is created; the lock is tried for an instant and let go."""
    path = home.warehouse_folder / "run.lock"
    if not path.is_file():
        return False
    with path.open("rb") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
