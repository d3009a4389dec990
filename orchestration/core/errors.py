"""The errors Quietlist raises on purpose.

Each says what was tried, what was seen, what is allowed and the next step, in words that hold no personal data;
each is by its class either the user's to correct, worth retrying, or final. Exit codes are those of the command line.
"""

from __future__ import annotations

import errno
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestration.core.room import NEXT_STEP, full_disk


class QuietlistError(Exception):
    """Base of every error raised on purpose. ``exit_code`` 3: the work failed."""

    exit_code = 3
    nothing_done = False
    """Whether the other side surely did nothing of what it was asked."""

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

    given_up = False
    """Whether all attempts that are worth while were made already (``core/pace.py``)."""

    def __init__(self, tried: str, *, retry_after: float | None = None, **parts: str) -> None:
        super().__init__(tried, **parts)
        self.retry_after = retry_after
        """Seconds that the other side asked us to wait; None where it did not say."""


class Throttled(TransientError):
    """The other side asks us to wait."""

    nothing_done = True


class Busy(TransientError):
    """Another process of Quietlist works on the home. Exit code 75, sysexits' EX_TEMPFAIL: whatever started this may simply
    start it again later.
    """

    exit_code = 75


class PermanentError(QuietlistError):
    """Trying again cannot work: the request itself is being rejected."""


_CODE = re.compile(r"^[a-z][a-z0-9_]{0,59}$")
_LONG_NUMBER = re.compile(r"[0-9]{6}")  # six digits in a row could be part of a phone number; no vendor's code needs them


def error_code(text: str) -> str:
    """``text`` if it is a stable code that can't hold personal data, else a code that says there was none.

    A vendor's message often quotes the address it refuses; only codes reach the ledger, receipts and reports.
    """
    code = text.strip().lower().replace("-", "_").replace(" ", "_").replace(".", "_")
    return code if _CODE.match(code) and not _LONG_NUMBER.search(code) else "refused_without_a_code"


def kind_of(error: BaseException | str) -> str:
    """The kind of an exception, or of its class's name, in words: ``key error``, ``conversion error``, ``OS error``."""
    name = error if isinstance(error, str) else type(error).__name__
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name).split()
    said = [word if word.isupper() else word.lower() for word in words]
    return " ".join("error" if word == "exception" else word for word in said)


def place_of(error: BaseException) -> str:
    """Kind and place of an exception, and nothing of its text."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" in {Path(frames[-1].filename).name} line {frames[-1].lineno}" if frames else ""
    return f"{kind_of(error)}{where}"


# What the operating system refuses and an operator can put right, with what to do about it.
_CORRECTABLE = {
    errno.EACCES: "give the user that runs Quietlist the right to it",
    errno.EPERM: "make the user that runs Quietlist its owner",
    errno.EROFS: "mount it for writing, or name another home",
    errno.ENOTDIR: "put a folder where that file is",
    errno.EISDIR: "put a file where that folder is",
    errno.EEXIST: "move away what is in its place",
    errno.ELOOP: "correct the links, which form a loop",
    errno.ENAMETOOLONG: "shorten the name",
}
_AGAIN = "run again; what was done is kept, nothing is lost"
# A name that a person's could not be: what is in a home is named by Quietlist, what is in an inbox by anybody.
_PLAIN_NAME = re.compile(r"(?!.*\d{7})[a-z0-9_.\-]*")


def of_system(error: OSError) -> QuietlistError | None:
    """What the operating system refused, as a sentence; None where it is no matter of the operator's.

    Its text is the system's own and names a place at most: the folder, where the file's name may be somebody's.
    """
    if error.errno is None:
        return None
    place = Path(str(error.filename)) if error.filename else None
    if place is not None and not _PLAIN_NAME.fullmatch(place.name):
        place = place.parent
    seen = (error.strerror or "an error of the operating system").lower()
    tried = f"Using {place}" if place else "Using the disk"
    if full := full_disk(error):
        return OutOfRoom(tried, seen=full, next_step=NEXT_STEP)
    if error.errno in _CORRECTABLE:
        return ConfigError(tried, seen=seen, next_step=f"{_CORRECTABLE[error.errno]}, then {_AGAIN}")
    if error.errno == errno.EIO:
        return PermanentError(
            tried, seen="the disk could not be read or written", next_step=f"have the disk checked, then {_AGAIN}"
        )
    return None


@contextmanager
def redacted_errors(tried: str) -> Iterator[None]:
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
        sentence = of_system(error) if isinstance(error, OSError) else None
        raise sentence or _unexplained(tried, error) from None


def _unexplained(tried: str, error: Exception) -> PermanentError:
    return PermanentError(
        tried,
        seen=place_of(error),
        next_step="its text is left out because it may hold personal data; run the tests of that module",
    )
