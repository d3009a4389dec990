"""One connection to an SFTP server. The server is known by the keys that are configured for it: none is trusted because it
answers first.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import importlib.util
import logging
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from orchestration.core.credentials import secret
from orchestration.core.errors import ConfigError, PermanentError, TransientError, kind_of
from orchestration.core.pace import Pace, Timer
from orchestration.http.client import CredentialsRefused

if TYPE_CHECKING:
    import asyncssh

_Value = TypeVar("_Value")

_A_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
NOT_INSTALLED = "needs a package that is not installed: pip install 'quietlist[sftp]'"


def is_installed() -> bool:
    """Whether the library is there."""
    return importlib.util.find_spec("asyncssh") is not None


class SftpLogin(BaseModel):
    """Keys by which a server is found and known, and by which it knows us."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field(min_length=1, examples=["sftp.example.com"])
    """The server."""
    port: int = Field(default=22, ge=1, le=65535)
    """Where it listens."""
    user: str = Field(min_length=1, examples=["acme"])
    """Who logs in."""
    password_env: str = ""
    """Name of the environment variable that holds the password."""
    key_env: str = Field(default="", examples=["SFTP_KEY"])
    """Name of the environment variable that holds the private key, all lines of it, as ``ssh-keygen`` writes it."""
    passphrase_env: str = ""
    """Name of the environment variable that holds the passphrase of the key, if it has one."""
    host_keys: tuple[str, ...] = Field(min_length=1, examples=[[_A_KEY]])
    """The server's own public keys, as its owner gives them, such as ``ssh-ed25519 AAAA...``. Two while a key is replaced."""

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
    def _check_login(self) -> SftpLogin:
        if bool(self.password_env) == bool(self.key_env):
            raise ValueError("needs exactly one of password_env and key_env")
        if self.passphrase_env and not self.key_env:
            raise ValueError("passphrase_env is of no use without key_env")
        return self


class NotServed(Exception):
    """What was asked of one file or folder is not to be had; the connection is as good as before."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why
        """``vanished`` or ``not_allowed``."""


class Connection:
    """One connection, driven from a loop of its own."""

    def __init__(self, tried: str, section: str, login: SftpLogin, timer: Timer, *, timeout_seconds: float, allowed: str) -> None:
        """
        Args:
            tried: what is being done, for errors.
            section: of the configuration, for errors about a secret.
            allowed: what the account must be allowed to do.
        """
        import asyncssh

        logging.getLogger("asyncssh").setLevel(logging.CRITICAL)  # it would write the names of files
        self.ssh = asyncssh
        self.files: Any = None
        """The client of the library; None where the connection was lost."""
        self._tried, self._section, self._login, self._allowed = tried, section, login, allowed
        self._timeout = timeout_seconds
        self._loop = asyncio.new_event_loop()
        self._connection: asyncssh.SSHClientConnection | None = None
        try:
            Pace(None, timer).call(self.connect)
        except BaseException:
            self._loop.close()
            raise

    def close(self) -> None:
        self._disconnect()
        self._loop.run_until_complete(asyncio.sleep(0))  # what was cancelled ends in one turn of the loop
        self._loop.close()

    def connect(self) -> None:
        """Log in, unless we are."""
        if self.files is not None:
            return
        import asyncssh as ssh

        login = self._login
        says: dict[str, Any] = {"client_keys": None}
        if login.password_env:
            says["password"] = secret(login.password_env, f"{self._section} password").get_secret_value()
        else:
            passphrase = None
            if login.passphrase_env:
                passphrase = secret(login.passphrase_env, f"{self._section} passphrase").get_secret_value()
            try:
                text = secret(login.key_env, f"{self._section} key").get_secret_value()
                says["client_keys"] = [ssh.import_private_key(text, passphrase)]
            except (ssh.KeyImportError, ssh.KeyEncryptionError):
                raise ConfigError(
                    self._tried,
                    seen=f"no private key in {login.key_env}, or another passphrase than its own",
                    allowed="all lines of the file that ssh-keygen wrote, from -----BEGIN to -----END",
                    next_step="set the variable, and passphrase_env where the key has one",
                ) from None
        shown: list[str] = []

        class Checked(ssh.SSHClient):
            def validate_host_public_key(self, host: str, addr: str, port: int, key: Any) -> bool:
                shown.append(f"{key.get_algorithm()} {key.get_fingerprint()}")
                return False

        trusted = [ssh.import_public_key(key) for key in login.host_keys]
        try:
            with self._talking():
                self._connection = self._run(
                    ssh.connect(
                        login.host,
                        login.port,
                        username=login.user,
                        client_factory=Checked,
                        known_hosts=(trusted, [], []),
                        config=None,
                        agent_path=None,
                        gss_host=None,
                        connect_timeout=self._timeout,
                        login_timeout=self._timeout,
                        keepalive_interval=self._timeout,
                        **says,
                    )
                )
                self.files = self._run(self._connection.start_sftp_client(path_encoding=None))
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
                allowed=self._allowed,
                next_step=f"see that {login.password_env or login.key_env} holds what the server knows of this user",
            ) from None

    def done(self, asked: Awaitable[_Value]) -> _Value:
        """What was asked, once it is answered.

        Raises:
            NotServed: the server says no.
            TransientError: no answer.
        """
        with self._talking():
            return self._run(asked)

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.abort()
        self._connection = self.files = None

    def run(self, asked: Awaitable[_Value]) -> _Value:
        """The same, with what the library itself raises."""
        return self._run(asked)

    def _run(self, asked: Awaitable[_Value]) -> _Value:
        return self._loop.run_until_complete(asyncio.wait_for(asked, self._timeout))

    @contextmanager
    def _talking(self) -> Iterator[None]:
        """A server's own words may name a file: only the kind of what went wrong is told."""
        ssh = self.ssh
        try:
            yield
        except (ssh.SFTPNoSuchFile, ssh.SFTPNoSuchPath):
            raise NotServed("vanished") from None
        except (ssh.SFTPPermissionDenied, ssh.SFTPFailure, ssh.SFTPFileIsADirectory, ssh.SFTPNotADirectory):
            raise NotServed("not_allowed") from None
        except (ssh.HostKeyNotVerifiable, ssh.PermissionDenied):
            raise
        except (TimeoutError, OSError, ssh.Error, ssh.SFTPError) as error:
            self._disconnect()
            raise TransientError(
                self._tried, seen=f"{kind_of(error)}, no whole answer", next_step="check that the server can be reached from here"
            ) from None
