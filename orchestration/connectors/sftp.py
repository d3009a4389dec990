"""A folder of an SFTP server: its new and changed files, as they lie there. Nothing on the server is changed."""

from __future__ import annotations

import os
import stat
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from orchestration.connectors.contract import Part
from orchestration.connectors.folder import Folder, FolderSettings, NotTaken, Remote
from orchestration.core.config import Config, Source
from orchestration.core.errors import PermanentError
from orchestration.core.pace import Timer
from orchestration.remote.sftp import NOT_INSTALLED, Connection, NotServed, SftpLogin, is_installed

_CHUNK = 4 << 20  # the library asks for the blocks of one read side by side, so a small one would wait for each
_DEEPEST = 64  # folders within folders; deeper is a folder that is mounted within itself
_Value = TypeVar("_Value")


class Settings(SftpLogin, FolderSettings):
    """Keys of ``[sources.<name>.pull]`` with ``kind = "sftp"``."""

    folder: str = "."
    """Where the files lie; the account's own folder if absent."""

    def problems(self, source: Source) -> list[tuple[str, str]]:
        return [] if is_installed() else [("kind", f"sftp {NOT_INSTALLED}")]


def parts(name: str, config: Config, settings: Settings, timer: Timer) -> Sequence[Part]:
    """One part: the folder."""
    asks = [settings.host, settings.port, settings.user, settings.folder]
    return [Folder(name, settings, config.limits, timer, lambda: _Server(name, settings, timer), asks=asks)]


class _Server:
    """The folder, reached by one connection."""

    def __init__(self, source: str, settings: Settings, timer: Timer) -> None:
        self._settings = settings
        self._tried = f"Reading the SFTP folder of source {source}"
        self._root = os.fsencode(settings.folder)
        self._connection = Connection(
            self._tried,
            f"[sources.{source}.pull]",
            settings,
            timer,
            timeout_seconds=settings.timeout_seconds,
            allowed="reading the folder",
        )

    def close(self) -> None:
        self._connection.close()

    def _done(self, asked: Awaitable[_Value]) -> _Value:
        try:
            return self._connection.done(asked)
        except NotServed as reason:
            raise NotTaken(reason.why) from None

    def listing(self) -> Iterator[Remote]:
        waiting = [b""]
        while waiting:
            folder = waiting.pop()
            try:
                entries = self._done(self._entries(folder))
            except NotTaken as reason:
                if not folder:
                    raise PermanentError(
                        self._tried,
                        seen="no such folder, or none that may be read",
                        next_step="correct folder in quietlist.toml, or give the account the right to read it",
                    ) from None
                if reason.trouble != "vanished":
                    yield Remote(os.fsdecode(folder), trouble="folder_not_allowed")
                continue
            for name, attributes in sorted(entries, key=lambda entry: entry[0]):
                path = folder + b"/" + name if folder else name
                mode = attributes.permissions or 0
                if stat.S_ISDIR(mode):
                    # What is hidden is what rsync and some servers collect under until it is whole, or no data at all.
                    if self._settings.subfolders and not name.startswith(b"."):
                        if path.count(b"/") >= _DEEPEST:
                            yield Remote(os.fsdecode(path), trouble="folder_not_allowed")
                        else:
                            waiting.append(path)
                elif stat.S_ISREG(mode) or not stat.S_IFMT(mode):  # a server need not say what it is: reading it will
                    yield _remote(path, attributes)
                else:
                    yield Remote(os.fsdecode(path), trouble="link" if stat.S_ISLNK(mode) else "not_a_file")

    def read(self, file: Remote) -> Iterator[bytes]:
        self._connection.connect()
        path = os.fsencode(file.path)
        stream = self._done(self._connection.files.open(self._at(path), "rb"))
        try:
            self._same(file, _remote(path, self._done(stream.stat())))
            count = 0
            while chunk := self._done(stream.read(_CHUNK)):
                count += len(chunk)
                yield chunk
        finally:
            self._put_down(stream)
        # Named again: it may have been replaced by another under its name while this one was read.
        now = _remote(path, self._done(self._connection.files.lstat(self._at(path))))
        self._same(file, now)
        if count != file.size:
            raise NotTaken

    @staticmethod
    def _same(listed: Remote, now: Remote) -> None:
        if (now.size, now.version) != (listed.size, listed.version):
            raise NotTaken

    def _put_down(self, stream: Any) -> None:
        if self._connection.files is not None:
            self._done(stream.close())

    async def _entries(self, folder: bytes) -> list[tuple[bytes, Any]]:
        found: AsyncIterator[Any] = self._connection.files.scandir(self._at(folder))
        return [(entry.filename, entry.attrs) async for entry in found if entry.filename not in (b".", b"..")]

    def _at(self, path: bytes) -> bytes:
        return self._root.rstrip(b"/") + b"/" + path if path else self._root


def _remote(path: bytes, attributes: Any) -> Remote:
    """A link in a file's place has another size and time than what it leads to."""
    seconds = attributes.mtime or 0
    # The part of a second, where the server tells one, distinguishes more; it is the version and no moment.
    version = f"{seconds}.{attributes.mtime_ns or 0}"
    return Remote(os.fsdecode(path), attributes.size or 0, version, datetime.fromtimestamp(seconds, UTC))
