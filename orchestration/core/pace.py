"""How fast and how often another system is asked: turns, pauses and attempts, the same for every kind of system.

What is asked, and what an answer means, stands with whoever asks.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from orchestration.core.errors import TransientError

ATTEMPTS = 5  # with the pauses below: 15 seconds of trying, which outlasts a restart of a server behind a balancer
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 900.0  # 15 minutes, the longest window vendors count by; longer is the next run's business

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Timer:
    """What is asked of time while sending; tests bring their own."""

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    """By this machine's clock: for what is compared with another machine's, and for nothing else."""


class Pace:
    """Calls one system no faster than it allows, and again when it is busy."""

    def __init__(self, calls_per_second: float | None, timer: Timer) -> None:
        self._gap = 1 / calls_per_second if calls_per_second else 0.0
        self._timer = timer
        self._next_turn = timer.monotonic()

    def wait_for_turn(self) -> None:
        """Sleep until the next call may leave."""
        now = self._timer.monotonic()
        if self._next_turn > now:
            self._timer.sleep(self._next_turn - now)
        self._next_turn = max(now, self._next_turn) + self._gap

    def call(self, ask: Callable[[], Answer]) -> Answer:
        """Ask, waiting for a turn first; on a transient error pause and ask again, up to ``ATTEMPTS`` times.

        Within another pace's call, which asks again itself, the attempts are not multiplied: what was given up once is
        given up.
        """
        for attempt in range(ATTEMPTS):
            self.wait_for_turn()
            try:
                return ask()
            except TransientError as error:
                pause = FIRST_PAUSE_SECONDS * 2**attempt if error.retry_after is None else error.retry_after
                if error.given_up or attempt == ATTEMPTS - 1 or pause > LONGEST_PAUSE_SECONDS:
                    error.given_up = True
                    raise
                self._timer.sleep(max(pause, 0.0))
        raise AssertionError("the last attempt returns or raises")

    def pause(self, seconds: float | None, tried: str) -> None:
        """Rest as long as the other side asked for, or a moment.

        Raises:
            TransientError: that would be too long for this run.
        """
        if seconds is not None and seconds > LONGEST_PAUSE_SECONDS:
            raise TransientError(
                tried, seen=f"a pause of {seconds:.0f} seconds is asked for", next_step="the next run goes on here"
            )
        self._timer.sleep(FIRST_PAUSE_SECONDS if seconds is None else max(seconds, 0.0))
