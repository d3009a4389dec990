"""One push per destination at a time, across processes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from orchestration.core.errors import Busy
from orchestration.core.home import PRIVATE_FOLDER, Home
from orchestration.core.lock import locked

LOCK_WAIT_SECONDS = 30.0  # a push without work ends well within; one that sends for longer should not be queued behind


@contextmanager
def destination_lock(home: Home, destination: str, wait_seconds: float = LOCK_WAIT_SECONDS) -> Iterator[None]:
    """Hold the right to push to ``destination``.

    Raises:
        Busy: another push held it for ``wait_seconds``.
    """
    folder = home.outbox / destination
    folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    with locked(folder / ".lock", wait_seconds) as got:
        if not got:
            raise Busy(
                f"Pushing to {destination}",
                seen=f"another process has been pushing to it for {wait_seconds:g} seconds",
                next_step="wait for the other push to end; this one sent nothing",
            )
        yield
