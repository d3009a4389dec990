"""A folder on another machine: which of its files are new or changed, and that only whole ones are taken. Nothing there changes.

How a folder is looked into and a file is read, the kinds say (``sftp``, ``s3``, ``http``). A file is known by its name, its size
and what its server says of its version; the place is the list of the ones that came. So nothing depends on a clock, or on the
order in which files appear.
"""

from __future__ import annotations

import fnmatch
import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pydantic import Field

from orchestration.connectors.contract import Arriving, Batch, NotWhole, PullSettings
from orchestration.core.config import Limits, size_in_bytes
from orchestration.core.errors import PermanentError
from orchestration.core.files import canonical_json, sha256_text
from orchestration.core.pace import Timer
from orchestration.core.wording import told
from orchestration.landing.collecting import is_placeholder, is_unfinished

_TOGETHER = 1_000  # files looked at before any of them is taken, so that memory does not grow with the folder
_LEAST_WAIT = 2.0  # seconds: a server tells times in whole ones, so within one a file may change and look the same
_MARK = 24  # hex digits that stand for a file and its version: 96 bits

_TROUBLE = {
    "not_allowed": ("1 file may not be read", "# files may not be read", "give the account the right to read them"),
    "folder_not_allowed": (
        "1 folder may not be opened",
        "# folders may not be opened",
        "give the account the right to read them",
    ),
    "too_large": (
        "1 file is larger than limits.max_file allows",
        "# files are larger than limits.max_file allows",
        "have them delivered in parts, or raise limits.max_file in quietlist.toml",
    ),
    "link": (
        "1 symbolic link, which is not followed",
        "# symbolic links, which are not followed",
        "have the files themselves put there",
    ),
    "not_a_file": (
        "1 entry that is no file (a pipe, a socket, a device)",
        "# entries that are no files (pipes, sockets, devices)",
        "have them removed",
    ),
    "vanished": (
        "1 file vanished while it was taken",
        "# files vanished while they were taken",
        "find out who removes or renames files there",
    ),
    "not_to_be_named": (
        "1 file has a name that cannot be asked for",
        "# files have names that cannot be asked for",
        "have them renamed",
    ),
}


_OF_THE_PLACE = ("folder_not_allowed", "not_to_be_named")  # whatever its name would say, and whatever lies in it


class FolderSettings(PullSettings):
    """Keys of every kind of folder."""

    files: tuple[str, ...] = ("*",)
    """Patterns of the names of the files that are taken, such as ``*.csv``. What fits none of them is left alone and not told."""
    subfolders: bool = True
    """Also what lies in folders below. ``false``: what lies there is left alone and not told."""
    timeout_seconds: float = Field(default=60.0, ge=1, le=600)
    """How long one answer may take."""


@dataclass(frozen=True)
class Remote:
    """A file as its server lists it."""

    path: str
    """Below the folder."""
    size: int = 0
    version: str = ""
    """Changes when the file does. Empty where the server says nothing of it: then it is fetched each time, and recognised."""
    modified_at: datetime | None = None
    trouble: str = ""
    """Why it cannot be taken, a key of ``_TROUBLE``."""


class NotTaken(NotWhole):
    """The file cannot be taken; ``trouble`` is a key of ``_TROUBLE``, or empty where it is still being written."""

    def __init__(self, trouble: str = "") -> None:
        super().__init__(trouble)
        self.trouble = trouble


class Server(Protocol):
    """One connection to where the folder is."""

    def listing(self) -> Iterator[Remote]:
        """Every file of the folder, and whatever else there is a trouble with."""

    def read(self, file: Remote) -> Iterator[bytes]:
        """Its bytes.

        Raises:
            NotTaken: it cannot be taken, or is no longer what was listed.
        """

    def close(self) -> None: ...


class Folder:
    """The folder of one source."""

    name, saves_as, ending, is_whole, goes_on, overlap_hours, counts_records = "files", "file", "", False, True, 0.0, False

    def __init__(
        self,
        source: str,
        settings: FolderSettings,
        limits: Limits,
        timer: Timer,
        connect: Callable[[], Server],
        *,
        asks: Sequence[object],
        settles: bool = True,
    ) -> None:
        """
        Args:
            asks: what tells this folder from others.
            settles: whether a file may be seen there before it is whole.
        """
        self.asks = sha256_text(canonical_json([*asks, settings.files, settings.subfolders]))
        self._settings, self._timer, self._connect = settings, timer, connect
        self._largest = size_in_bytes(limits.max_file)
        self._wait = max(limits.settle_seconds, _LEAST_WAIT) if settles else 0.0
        self._tried = f"Fetching the files of source {source}"

    def batches(self, place: str, since: datetime | None) -> Iterator[Batch | Arriving]:
        known = dict.fromkeys(place[start : start + _MARK] for start in range(0, len(place), _MARK))
        seen: set[str] = set()
        trouble: Counter[str] = Counter()
        unfinished = 0
        with closing(self._connect()) as server:
            listing = server.listing()
            while some := list(itertools.islice(listing, _TOGETHER)):
                new: list[Remote] = []
                for file in some:
                    parts = file.path.split("/")
                    if file.trouble in _OF_THE_PLACE:
                        trouble[file.trouble] += 1
                        continue
                    if is_placeholder(parts[-1]) or not self._is_asked_for(parts):
                        continue
                    if is_unfinished(parts):
                        unfinished += 1
                        continue
                    mark = _mark(file)
                    seen.add(mark)
                    if file.trouble or file.size > self._largest:
                        trouble[file.trouble or "too_large"] += 1
                    elif mark in known:
                        continue
                    elif since and not place and file.modified_at and file.modified_at < since:
                        # Known from the first look on. One with as old a date that is put there later is new all the same.
                        known[mark] = None
                    else:
                        new.append(file)
                if new and self._wait:
                    self._timer.sleep(self._wait)
                for file in new:
                    failed: list[str] = []
                    yield Arriving(
                        file.path, file.size, file.modified_at, self._reader(server, file, failed), _lander(known, file)
                    )
                    unfinished += failed.count("")
                    trouble.update(filter(None, failed))
        if trouble:
            raise PermanentError(
                self._tried,
                seen="; ".join(told(count, *_TROUBLE[reason][:2]) for reason, count in sorted(trouble.items())),
                next_step="; ".join(dict.fromkeys(_TROUBLE[reason][2] for reason in sorted(trouble))),
            )
        # What is gone there need not be remembered; should it come back, it is recognised.
        remembered = "".join(mark for mark in known if mark in seen)
        waits = told(unfinished, "1 file there is still being written.", "# files there are still being written.")
        yield Batch(b"", 0, remembered, is_last=True, told=waits if unfinished else "")

    def _is_asked_for(self, parts: Sequence[str]) -> bool:
        if len(parts) > 1 and not self._settings.subfolders:
            return False
        return any(fnmatch.fnmatchcase(parts[-1].casefold(), pattern.casefold()) for pattern in self._settings.files)

    def _reader(self, server: Server, file: Remote, failed: list[str]) -> Callable[[], Iterator[bytes]]:
        def read() -> Iterator[bytes]:
            count = 0
            try:
                for chunk in server.read(file):
                    count += len(chunk)
                    if count > self._largest:
                        raise NotTaken("too_large")
                    yield chunk
            except NotTaken as reason:
                failed.append(reason.trouble)
                raise

        return read


def _lander(known: dict[str, None], file: Remote) -> Callable[[], str]:
    def landed() -> str:
        if file.version:
            known[_mark(file)] = None
        return "".join(known)

    return landed


def _mark(file: Remote) -> str:
    # A name may be no UTF-8; and it may be somebody's, so it is not kept in words.
    path = file.path.encode("utf-8", "surrogateescape").hex()
    return sha256_text(canonical_json([path, file.size, file.version]))[:_MARK]
