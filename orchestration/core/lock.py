"""Locks of a file, which the operating system lets go of when their process dies, however it dies; and one run at a time in a
home.

A thread that holds a run's lock may take it again: the command takes it to refuse at once, and the job that it then runs takes it
as every job does, however it was started.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestration.core.home import PRIVATE_FILE, Home

_POLL_SECONDS = 0.1  # a try costs microseconds
_held: set[tuple[str, int]] = set()  # (home, thread)


@contextmanager
def locked(path: Path, wait_seconds: float | None = 0.0) -> Iterator[bool]:
    """Holds the lock of a file, which is made if need be: True, or False when another held it for ``wait_seconds``.

    Args:
        wait_seconds: None waits for as long as it takes.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
    try:
        yield _taken(handle, wait_seconds)
    finally:
        os.close(handle)  # closing lets go of the lock


@contextmanager
def run_lock(home: Home, wait_seconds: float = 0.0) -> Iterator[bool]:
    """Yields True when this thread holds the home's run lock, False when another run held it for ``wait_seconds``."""
    home.create()
    holder = str(home.root), threading.get_ident()
    if holder in _held:
        yield True
        return
    with locked(home.warehouse_folder / "run.lock", wait_seconds) as got:
        if got:
            _held.add(holder)
        try:
            yield got
        finally:
            if got:
                _held.discard(holder)


def _taken(handle: int, wait_seconds: float | None) -> bool:
    if wait_seconds is None:
        fcntl.flock(handle, fcntl.LOCK_EX)
        return True
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
