"""One run at a time in a home: a lock that the operating system lets go of when its process dies, however it dies.

A thread that holds the lock may take it again: the command takes it to refuse at once, and the job that it then runs takes it
as every job does, however it was started.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from orchestration.core.home import PRIVATE_FILE, Home

_POLL_SECONDS = 1.0
_held: set[tuple[str, int]] = set()  # (home, thread)


@contextmanager
def run_lock(home: Home, wait_seconds: float = 0.0) -> Iterator[bool]:
    """Yields True when this thread holds the home's run lock, False when another run held it for ``wait_seconds``."""
    home.create()
    holder = str(home.root), threading.get_ident()
    if holder in _held:
        yield True
        return
    handle = os.open(home.warehouse_folder / "run.lock", os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
    try:
        if not _taken(handle, wait_seconds):
            yield False
            return
        _held.add(holder)
        try:
            yield True
        finally:
            _held.discard(holder)
    finally:
        os.close(handle)


def _taken(handle: int, wait_seconds: float) -> bool:
    started = time.monotonic()
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() - started >= wait_seconds:
                return False
            time.sleep(_POLL_SECONDS)
        else:
            return True


def runs_elsewhere(home: Home) -> bool:
    """Whether a run is going on in another process: then the warehouse is its own."""
    return not any(root == str(home.root) for root, _ in _held) and is_running(home)


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
