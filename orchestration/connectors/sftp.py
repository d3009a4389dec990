"""A folder of an SFTP server: its new and changed files, as they lie there. Nothing on the server is changed.

The server is known by the keys that are configured for it: none is trusted because it answers first.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import importlib.util
import logging
import os
import stat
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import Field, field_validator, model_validator

from orchestration.connectors.contract import Part
from orchestration.connectors.folder import Folder, FolderSettings, NotTaken, Remote
from orchestration.core.config import Config, Source
from orchestration.core.credentials import secret
from orchestration.core.errors import ConfigError, PermanentError, TransientError, kind_of
from orchestration.core.pace import Pace, Timer
from orchestration.http.client import CredentialsRefused

if TYPE_CHECKING:
    import asyncssh

_CHUNK = 4 << 20  # the library asks for the blocks of one read side by side, so a small one would wait for each
_DEEPEST = 64  # folders within folders; deeper is a folder that is mounted within itself
_Value = TypeVar("_Value")


class Settings(FolderSettings):
    """Keys of ``[sources.<name>.pull]`` with ``kind = "sftp"``."""

    host: str = Field(min_length=1)
    """The server."""
    port: int = Field(default=22, ge=1, le=65535)
    """Where it listens."""
    user: str = Field(min_length=1)
    """Who logs in."""
    password_env: str = ""
    """Name of the environment variable that holds the password."""
    key_env: str = ""
    """Name of the environment variable that holds the private key, all lines of it, as ``ssh-keygen`` writes it."""
    passphrase_env: str = ""
    """Name of the environment variable that holds the passphrase of the key, if it has one."""
    host_keys: tuple[str, ...] = Field(min_length=1)
    """The server's own public keys, as its owner gives them, such as ``ssh-ed25519 AAAA...``. Two while a key is replaced."""
    folder: str = "."
    """Where the files lie; the account's own folder if absent."""

    @field_validator("host_keys")
    @classmethod
    def _check_keys(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        for key in keys:
            kind, _, rest = key.strip().partition(" ")
            try:
                content = base64.b64decode(rest.split(" ")[0], validate=True)
            except binascii.Error:
                content = b""
            if not content or kind.encode() not in content[:64]:  # a key begins with its own kind (RFC 4253, 6.6)
                raise ValueError("a key is written as its kind and its letters: ssh-ed25519 AAAA... (without the host before it)")
        return keys

    @model_validator(mode="after")
    def _check_login(self) -> Settings:
        if bool(self.password_env) == bool(self.key_env):
            raise ValueError("needs exactly one of password_env and key_env")
        if self.passphrase_env and not self.key_env:
            raise ValueError("passphrase_env is of no use without key_env")
        return self

    def problems(self, source: Source) -> list[tuple[str, str]]:
        if importlib.util.find_spec("asyncssh") is None:
            return [("kind", "sftp needs a package that is not installed: pip install 'quietlist[sftp]'")]
        return []


def parts(name: str, config: Config, settings: Settings, timer: Timer) -> Sequence[Part]:
    """One part: the folder."""
    asks = [settings.host, settings.port, settings.user, settings.folder]
    return [Folder(name, settings, config.limits, timer, lambda: _Server(name, settings, timer), asks=asks)]


class _Server:
    """One connection, driven from a loop of its own."""

    def __init__(self, source: str, settings: Settings, timer: Timer) -> None:
        import asyncssh

        logging.getLogger("asyncssh").setLevel(logging.CRITICAL)  # it would write the names of files
        self._ssh = asyncssh
        self._source, self._settings = source, settings
        self._tried = f"Reading the SFTP folder of source {source}"
        self._loop = asyncio.new_event_loop()
        self._root = os.fsencode(settings.folder)
        self._connection: asyncssh.SSHClientConnection | None = None
        self._files: Any = None
        try:
            Pace(None, timer).call(self._connect)
        except BaseException:
            self._loop.close()
            raise

    def close(self) -> None:
        self._disconnect()
        self._loop.run_until_complete(asyncio.sleep(0))  # what was cancelled ends in one turn of the loop
        self._loop.close()

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
        if self._files is None:
            self._connect()
        path = os.fsencode(file.path)
        stream = self._done(self._files.open(self._at(path), "rb"))
        try:
            self._same(file, _remote(path, self._done(stream.stat())))
            count = 0
            while chunk := self._done(stream.read(_CHUNK)):
                count += len(chunk)
                yield chunk
        finally:
            self._put_down(stream)
        # Named again: it may have been replaced by another under its name while this one was read.
        now = _remote(path, self._done(self._files.lstat(self._at(path))))
        self._same(file, now)
        if count != file.size:
            raise NotTaken

    @staticmethod
    def _same(listed: Remote, now: Remote) -> None:
        if (now.size, now.version) != (listed.size, listed.version):
            raise NotTaken

    def _put_down(self, stream: Any) -> None:
        if self._files is not None:
            self._done(stream.close())

    async def _entries(self, folder: bytes) -> list[tuple[bytes, Any]]:
        found: AsyncIterator[Any] = self._files.scandir(self._at(folder))
        return [(entry.filename, entry.attrs) async for entry in found if entry.filename not in (b".", b"..")]

    def _at(self, path: bytes) -> bytes:
        return self._root.rstrip(b"/") + b"/" + path if path else self._root

    def _connect(self) -> None:
        import asyncssh as ssh

        settings = self._settings
        section = f"[sources.{self._source}.pull]"
        login: dict[str, Any] = {"client_keys": None}
        if settings.password_env:
            login["password"] = secret(settings.password_env, f"{section} password").get_secret_value()
        else:
            passphrase = None
            if settings.passphrase_env:
                passphrase = secret(settings.passphrase_env, f"{section} passphrase").get_secret_value()
            try:
                text = secret(settings.key_env, f"{section} key").get_secret_value()
                login["client_keys"] = [ssh.import_private_key(text, passphrase)]
            except (ssh.KeyImportError, ssh.KeyEncryptionError):
                raise ConfigError(
                    self._tried,
                    seen=f"no private key in {settings.key_env}, or another passphrase than its own",
                    allowed="all lines of the file that ssh-keygen wrote, from -----BEGIN to -----END",
                    next_step="set the variable, and passphrase_env where the key has one",
                ) from None
        shown: list[str] = []

        class Checked(ssh.SSHClient):
            def validate_host_public_key(self, host: str, addr: str, port: int, key: Any) -> bool:
                shown.append(f"{key.get_algorithm()} {key.get_fingerprint()}")
                return False

        trusted = [ssh.import_public_key(key) for key in settings.host_keys]
        try:
            with self._talking():
                self._connection = self._run(
                    ssh.connect(
                        settings.host,
                        settings.port,
                        username=settings.user,
                        client_factory=Checked,
                        known_hosts=(trusted, [], []),
                        config=None,
                        agent_path=None,
                        gss_host=None,
                        connect_timeout=settings.timeout_seconds,
                        login_timeout=settings.timeout_seconds,
                        keepalive_interval=settings.timeout_seconds,
                        **login,
                    )
                )
                self._files = self._run(self._connection.start_sftp_client(path_encoding=None))
        except ssh.HostKeyNotVerifiable:
            raise PermanentError(
                self._tried,
                seen="a server that shows another key than those of host_keys" + (f": {shown[0]}" if shown else ""),
                next_step="ask its owner which keys it has, by another way than this connection, and correct host_keys; "
                "no password was sent",
            ) from None
        except ssh.PermissionDenied:
            raise CredentialsRefused(
                self._tried,
                seen="a login that was refused",
                allowed="reading the folder",
                next_step=f"see that {settings.password_env or settings.key_env} holds what the server knows of this user",
            ) from None

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.abort()
        self._connection = self._files = None

    def _run(self, asked: Awaitable[_Value]) -> _Value:
        return self._loop.run_until_complete(asyncio.wait_for(asked, self._settings.timeout_seconds))

    def _done(self, asked: Awaitable[_Value]) -> _Value:
        with self._talking():
            return self._run(asked)

    @contextmanager
    def _talking(self) -> Iterator[None]:
        """A server's own words may name a file: only the kind of what went wrong is told."""
        ssh = self._ssh
        try:
            yield
        except (ssh.SFTPNoSuchFile, ssh.SFTPNoSuchPath):
            raise NotTaken("vanished") from None
        except (ssh.SFTPPermissionDenied, ssh.SFTPFailure, ssh.SFTPFileIsADirectory, ssh.SFTPNotADirectory):
            raise NotTaken("not_allowed") from None
        except (ssh.HostKeyNotVerifiable, ssh.PermissionDenied):
            raise
        except (TimeoutError, OSError, ssh.Error, ssh.SFTPError) as error:
            self._disconnect()
            raise TransientError(
                self._tried, seen=f"{kind_of(error)}, no whole answer", next_step="check that the server can be reached from here"
            ) from None


def _remote(path: bytes, attributes: Any) -> Remote:
    """A link in a file's place has another size and time than what it leads to."""
    seconds = attributes.mtime or 0
    # The part of a second, where the server tells one, distinguishes more; it is the version and no moment.
    version = f"{seconds}.{attributes.mtime_ns or 0}"
    return Remote(os.fsdecode(path), attributes.size or 0, version, datetime.fromtimestamp(seconds, UTC))
