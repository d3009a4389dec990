"""The errors Quietlist raises on purpose.

Each says what was tried, what was seen, what is allowed and the next step, in words that hold no personal data;
each is by its class either the user's to correct, worth retrying, or final. Exit codes are those of the command line.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestration.core.room import NEXT_STEP, full_disk


class QuietlistError(Exception):
    """Base of every error raised on purpose. ``exit_code`` 3: the work failed."""

    exit_code = 3

    def __init__(self, tried: str, *, seen: str = "", allowed: str = "", next_step: str = "") -> None:
        self.tried, self.seen, self.allowed, self.next_step = tried, seen, allowed, next_step
        parts = [tried.rstrip(".") + "."]
        if seen:
            parts.append(f"Seen: {seen.rstrip('.')}.")
        if allowed:
            parts.append(f"Allowed: {allowed.rstrip('.')}.")
        if next_step:
            parts.append(f"Next step: {next_step.rstrip('.')}.")
        super().__init__(" ".join(parts))


class ConfigError(QuietlistError):
    """Configuration or usage is wrong. All problems of one reading are raised together. Exit code 2."""

    exit_code = 2

    def __init__(self, tried: str, problems: list[str] | None = None, **parts: str) -> None:
        self.problems = list(problems or [])
        super().__init__(tried, **parts)
        if self.problems:
            self.args = (str(self) + "\n" + "\n".join(f"  - {problem}" for problem in self.problems),)


class OutOfRoom(QuietlistError):
    """Memory, spill folder or disk is used up. Nothing is lost: the same run with more room ends well."""


class InputError(QuietlistError):
    """One arriving file or record can't be used. The caller quarantines it and goes on."""


class GateClosed(QuietlistError):
    """A gate stopped publication or a push. Exit code 1."""

    exit_code = 1


class TransientError(QuietlistError):
    """Trying again later may work: a time-out, a throttle, a busy server."""


class PermanentError(QuietlistError):
    """Trying again cannot work: the request itself is being rejected."""


def place_of(error: BaseException) -> str:
    """Kind and place of an exception, and nothing of its text."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" in {Path(frames[-1].filename).name} line {frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{where}"


@contextmanager
def plain_errors(tried: str) -> Iterator[None]:
    """Let no exception out that may quote a row.

    A driver's, a parser's or DuckDB's own text may hold the value it stumbled over, and Dagster keeps every exception with
    everything it was raised from. So a stray one becomes its kind and place, and one raised on purpose goes out alone.
    """
    try:
        yield
    except QuietlistError as error:
        raise error from None
    except Exception as error:  # noqa: BLE001  any of them may quote a row
        if full := full_disk(error):
            raise OutOfRoom(tried, seen=full, next_step=NEXT_STEP) from None
        raise PermanentError(
            tried,
            seen=place_of(error),
            next_step="its text is left out because it may hold personal data; run the tests of that module",
        ) from None
