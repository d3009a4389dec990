"""The same drops as ``file_drop``, on an SFTP server: a mail house's, a dialer's, a gateway's.

A file is written under a ``.part`` name, made durable where the server can (``fsync@openssh.com``), held against its size and
renamed by the rename that writes over nothing; the control file comes last. Nothing is ever written over or taken away but the
unfinished files of a push that died. What is proved is what lies there: each push fetches the latest drop again and holds it
against the hashes in its control file. So leave the latest drop there: take copies. A drop that was touched counts as gone,
and everything is dropped again.

The server is known by the keys that are configured for it. The folder must be there, and the account must be allowed to list,
write, rename and read in it: what it may only write could never be proved.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import Field

from orchestration.core.config import CHANNELS
from orchestration.core.errors import PermanentError
from orchestration.core.home import PRIVATE_FILE, PRIVATE_FOLDER
from orchestration.core.pace import Timer
from orchestration.destinations.contract import IDENTIFIER_TYPES, Facts, Place, ReadBack
from orchestration.destinations.drops import UNFINISHED, Drop, DropSettings, workspace_of
from orchestration.remote.sftp import NOT_INSTALLED, Connection, NotServed, SftpLogin, is_installed

FACTS = Facts(
    system="sftp_drop",
    channels=frozenset(CHANNELS),
    identifier_types=frozenset(IDENTIFIER_TYPES),
    read_back=ReadBack.FULL,
    batch_size=None,  # one drop tells of all changes of a push: a mail house counts files
    permission="listing, writing, renaming and reading in the folder",
    by_hand=(
        "Ask the server's owner for its public keys by another way than this connection, and for a folder of its own.",
        "The receiver takes a drop when its control file is there, takes copies, and leaves the latest one where it is.",
    ),
    unproved=("That the receiver took the drop: what lies on the server is proved, and what is done with it is not.",),
)

_CHUNK = 4 << 20  # the library sends the blocks of one write side by side, so a small one would wait for each
_Value = TypeVar("_Value")


class Settings(SftpLogin, DropSettings):
    """Keys of ``[destinations.<name>]`` beside the common ones."""

    folder: str = "."
    """Where the drops go on the server; the account's own folder if absent."""
    timeout_seconds: float = Field(default=60.0, ge=1, le=600)
    """How long one answer may take."""

    def problems(self, place: Place) -> list[tuple[str, str]]:
        return [] if is_installed() else [("system", f"sftp_drop {NOT_INSTALLED}")]


def connect(place: Place, settings: Settings) -> Drop:
    """The destination for one folder of one server."""
    return Drop(FACTS, place, _Folder(place, settings), settings)


class _Folder:
    """The folder, reached by one connection."""

    def __init__(self, place: Place, settings: Settings) -> None:
        self.where = f"the SFTP folder of {place.name}"
        self.disk = workspace_of(place)
        self.timer = Timer()
        self._section, self._settings = f"[destinations.{place.name}]", settings
        self._tried = f"Using {self.where}"
        self._root = os.fsencode(settings.folder)
        self._connection: Connection | None = None

    def open(self) -> None:
        self._connection = Connection(
            self._tried,
            self._section,
            self._settings,
            self.timer,
            timeout_seconds=self._settings.timeout_seconds,
            allowed=FACTS.permission,
        )

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None
        shutil.rmtree(self.disk, ignore_errors=True)

    def names(self) -> list[str]:
        try:
            found = self._done(self._entries(self._files))
        except NotServed:
            raise PermanentError(
                self._tried,
                seen="no such folder, or none that may be listed",
                allowed=FACTS.permission,
                next_step="correct folder in quietlist.toml, have the folder made, or give the account the right to list it",
            ) from None
        return sorted(os.fsdecode(name) for name in found)

    async def _entries(self, files: Any) -> list[bytes]:
        found: AsyncIterator[Any] = files.scandir(self._root)
        return [entry.filename async for entry in found if entry.filename not in (b".", b"..")]

    def fetch(self, name: str) -> Path | None:
        self.disk.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        path = self.disk / name
        try:
            there = self._done(self._files.open(self._at(name), "rb"))
            with self._closing(there), open(path, "wb", opener=_private) as here:
                while chunk := self._done(there.read(_CHUNK)):
                    here.write(chunk)
        except NotServed as reason:
            if reason.why == "vanished":
                return None
            raise PermanentError(
                self._tried,
                seen="a file of ours that may not be read",
                allowed=FACTS.permission,
                next_step="give the account the right to read what it wrote: else nothing there can be proved",
            ) from None
        return path

    def draft(self, name: str) -> Path:
        return self.disk / name

    def keep(self, name: str, draft: Path) -> None:
        part = self._at(f"{name}{UNFINISHED}")
        try:
            there = self._done(self._files.open(part, "xb"))
            with self._closing(there), draft.open("rb") as here:
                while chunk := here.read(_CHUNK):
                    self._done(there.write(chunk))
                self._flush(there)
            size = self._done(self._files.stat(part)).size
            if size != draft.stat().st_size:
                raise PermanentError(
                    self._tried,
                    seen="a file of another size than was sent",
                    next_step="see whether the server's disk or the account's quota is full; the drop before it is whole",
                )
            self._done(self._files.rename(part, self._at(name)))
        except NotServed:
            raise PermanentError(
                self._tried,
                seen="the server refuses to write or to rename a file",
                allowed=FACTS.permission,
                next_step="see the account's rights, the server's disk and the account's quota, and who else writes there; "
                "the drop before it is whole",
            ) from None

    def keep_text(self, name: str, text: str) -> None:
        draft = self.draft(name)
        with open(draft, "w", opener=_private, encoding="utf-8", newline="") as here:
            here.write(text)
        self.keep(name, draft)

    def discard(self, name: str) -> None:
        with contextlib.suppress(NotServed):  # it keeps its number to itself, and is in nobody's way
            self._done(self._files.remove(self._at(name)))

    def _flush(self, there: Any) -> None:
        assert self._connection is not None
        ssh = self._connection.ssh
        try:
            self._connection.run(there.fsync())
        except (ssh.SFTPOpUnsupported, ssh.SFTPFailure):
            return  # a server that cannot: what it says it wrote is all that can be had

    @contextlib.contextmanager
    def _closing(self, there: Any) -> Any:
        try:
            yield
        finally:
            if self._connection is not None and self._connection.files is not None:
                self._done(there.close())

    @property
    def _files(self) -> Any:
        if self._connection is None:
            raise PermanentError(self._tried, seen="the destination is not open", next_step="call open first")
        self._connection.connect()  # it may have been lost since
        return self._connection.files

    def _done(self, asked: Awaitable[_Value]) -> _Value:
        assert self._connection is not None
        return self._connection.done(asked)

    def _at(self, name: str) -> bytes:
        return self._root.rstrip(b"/") + b"/" + os.fsencode(name)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, PRIVATE_FILE)
