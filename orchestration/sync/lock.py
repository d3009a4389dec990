"""One push per destination at a time, across processes. The kernel lets go of the lock when a process dies."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from orchestration.core.errors import Busy
from orchestration.core.home import PRIVATE_FILE, PRIVATE_FOLDER, Home

LOCK_WAIT_SECONDS = 30.0  # a push without work ends well within; one that sends for longer should not be queued behind
_POLL_SECONDS = 0.1


@contextmanager
def destination_lock(home: Home, destination: str, wait_seconds: float = LOCK_WAIT_SECONDS) -> Iterator[None]:
    """Hold the right to push to ``destination``.

    Raises:
        Busy: another push held it for ``wait_seconds``.
    """
    folder = home.outbox / destination
    folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
    try:
        started = time.monotonic()
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() - started >= wait_seconds:
                    raise Busy(
                        f"Pushing to {destination}",
                        seen=f"another process has been pushing to it for {wait_seconds:g} seconds",
                        next_step="wait for the other push to end; this one sent nothing",
                    ) from error
                time.sleep(_POLL_SECONDS)
        yield
    finally:
        os.close(handle)  # closing lets go of the lock
