"""A mailbox behind IMAP: every mail of its folders, once, as it lies there. Nothing on the server is changed.

A mail is known by its UID within the folder's UIDVALIDITY (RFC 3501, 2.3.1.1): UIDs only grow, so the place is the last one. A
folder with another UIDVALIDITY is another folder, and is read whole; mails that were known are recognised by what they are.
"""

from __future__ import annotations

import base64
import imaplib
import json
import re
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from orchestration.connectors.contract import Batch, Part, PullSettings
from orchestration.core.config import THIS_MACHINE, Config, Source
from orchestration.core.credentials import secret
from orchestration.core.errors import PermanentError, TransientError, kind_of
from orchestration.core.files import canonical_json, sha256_text
from orchestration.core.pace import Pace, Timer
from orchestration.http.auth import ClientCredentials
from orchestration.http.client import Api, Client, CredentialsRefused, base_url_problem

_FORMATS = ("mail", "canary_mailbox")  # those whose reader takes mails apart
_PORTS = {"implicit": 993, "starttls": 143, "none": 143}
_SEARCHED = 50_000  # UIDs asked about in one search: its answer is one line, and the library takes none of more than a megabyte
_TOGETHER = 100  # mails asked for in one go, and
_TOGETHER_BYTES = 8 << 20  # no more bytes than this, so that memory does not grow with the mailbox
_PACKED = 8 << 20  # a larger mail is a file of its own: packed it would pass what the reader takes for one JSON value
_NUMBER = re.compile(rb"UID (\d+)")
_SIZE = re.compile(rb"RFC822\.SIZE (\d+)")


class Settings(PullSettings):
    """Keys of ``[sources.<name>.pull]`` with ``kind = "imap"``."""

    host: str = Field(min_length=1)
    """The mail server."""
    port: int | None = Field(default=None, ge=1, le=65535)
    """Absent: 993, or 143 without TLS from the start."""
    tls: Literal["implicit", "starttls", "none"] = "implicit"
    """``none`` only on this machine."""
    user: str = Field(min_length=1)
    """Who logs in."""
    password_env: str = ""
    """Name of the environment variable that holds the password; with two-step logins, a password for this program."""
    token_url: str = ""
    """Instead of a password: where a token is fetched by OAuth, with ``client_id`` and ``client_secret_env``."""
    client_id: str = ""
    """The application that is registered with the provider."""
    client_secret_env: str = ""
    """Name of the environment variable that holds the application's secret."""
    refresh_token_env: str = ""
    """Name of the environment variable that holds a refresh token, where the application acts for a person and not for itself."""
    oauth_scope: str = ""
    """What the token is asked for, if the provider wants that said."""
    folders: tuple[str, ...] = ("INBOX",)
    """Which folders are read. Name every one that mails may be moved to before a run has seen them."""
    timeout_seconds: float = Field(default=60.0, ge=1, le=600)
    """How long one answer may take."""

    @model_validator(mode="after")
    def _check_login(self) -> Settings:
        oauth = (self.token_url, self.client_id, self.client_secret_env)
        if any((*oauth, self.refresh_token_env, self.oauth_scope)) and not all(oauth):
            raise ValueError("needs token_url, client_id and client_secret_env together")
        if bool(self.password_env) == all(oauth):
            raise ValueError("needs password_env, or token_url with client_id and client_secret_env")
        if self.token_url and (why := base_url_problem(self.token_url)):
            raise ValueError(f"token_url {why}")
        if not self.user.isprintable():
            raise ValueError("user is not a name")
        return self

    @field_validator("folders")
    @classmethod
    def _check_folders(cls, folders: tuple[str, ...]) -> tuple[str, ...]:
        if not folders or len(set(folders)) < len(folders):
            raise ValueError("name each folder once")
        if wrong := [name for name in folders if not name or not name.isascii() or not name.isprintable()]:
            raise ValueError(f"{', '.join(wrong)}: write a folder's name as IMAP does, such as Entw&APw-rfe for Entwürfe")
        return folders

    def problems(self, source: Source) -> list[tuple[str, str]]:
        found = []
        if source.format not in _FORMATS:
            found.append(("kind", f"a mailbox is read with format = {' or '.join(_FORMATS)}, not {source.format}"))
        if self.tls == "none" and self.host not in THIS_MACHINE:
            found.append(
                (
                    "tls",
                    "without TLS anyone on the network path could read the mails and the password; none is only for this machine",
                )
            )
        return found


def parts(name: str, config: Config, settings: Settings, timer: Timer) -> Sequence[Part]:
    """One part for each folder."""
    return [_Folder(name, folder, settings, timer) for folder in settings.folders]


class _Folder:
    """One folder of the mailbox."""

    saves_as, ending, is_whole, goes_on, overlap_hours, counts_records = "mailbox", ".jsonl", False, True, 0.0, True

    def __init__(self, source: str, folder: str, settings: Settings, timer: Timer) -> None:
        self.name = folder
        self._source, self._settings, self._timer = source, settings, timer
        self.asks = sha256_text(canonical_json([settings.host, settings.port, settings.user, folder]))
        self._tried = f"Reading the mailbox of source {source}"

    def batches(self, place: str, since: datetime | None) -> Iterator[Batch]:
        with self._talking():
            server = Pace(None, self._timer).call(self._connected)
            try:
                validity = self._opened(server)
                known, _, last = place.partition(":")
                following = self._next_uid(server)
                first = int(last) + 1 if known == validity and last.isdigit() else 1
                if first > following:
                    first = 1  # a folder that was made again by a server that gives each the same UIDVALIDITY
                for low in range(first, following, _SEARCHED):
                    asked = ["UID", f"{low}:{low + _SEARCHED - 1}"]
                    if since is not None:
                        # By the day on which the server got it; the day before, for its zone is its own.
                        day = since - timedelta(days=1)
                        asked += ["SINCE", f"{day:%d}-{_MONTHS[day.month - 1]}-{day:%Y}"]
                    found = _uids(self._answered(server.uid("SEARCH", *asked), "search"))
                    yield from self._mails(server, validity, found)
            finally:
                self._goodbye(server)

    def _next_uid(self, server: imaplib.IMAP4) -> int:
        """The UID that the next mail will get, as the folder was opened: those that come later are the next pull's."""
        _, answered = server.response("UIDNEXT")
        value = answered[0] if answered else None
        if not isinstance(value, bytes) or not value.isdigit():
            raise self._unnumbered()
        return int(value)

    def _mails(self, server: imaplib.IMAP4, validity: str, uids: Sequence[int]) -> Iterator[Batch]:
        for start in range(0, len(uids), _TOGETHER):
            some = uids[start : start + _TOGETHER]
            for group in _in_bytes(some, self._sizes(server, some)):
                numbers = ",".join(map(str, group))
                answered = self._answered(server.uid("FETCH", numbers, "(UID BODY.PEEK[])"), "fetch")
                mails = dict(_bodies(answered))
                there = self._still_there(server, [uid for uid in group if uid not in mails])
                for uid in group:
                    if (content := mails.get(uid)) is not None:
                        yield _batch(content, f"{validity}:{uid}")
                    elif uid in there:
                        # It costs no other mail its turn: its number comes, and is quarantined as a record without a mail.
                        yield Batch(json.dumps({"raw": "", "uid": uid}).encode(), 1, f"{validity}:{uid}")

    def _still_there(self, server: imaplib.IMAP4, uids: Sequence[int]) -> set[int]:
        """Which of these the folder holds, though the server did not hand them over: a damaged mail, say. The others are gone,
        moved or deleted by somebody meanwhile, and there is nothing to take.
        """
        if not uids:
            return set()
        server.noop()  # only now is a server free to tell what others deleted (RFC 3501, 7.4.1)
        found = _uids(self._answered(server.uid("SEARCH", "UID", ",".join(map(str, uids))), "search"))
        return set(found).intersection(uids)

    def _sizes(self, server: imaplib.IMAP4, uids: Sequence[int]) -> dict[int, int]:
        answered = self._answered(server.uid("FETCH", ",".join(map(str, uids)), "(UID RFC822.SIZE)"), "fetch")
        lines = [line for line in answered if isinstance(line, bytes)]
        return {int(uid[1]): int(size[1]) for line in lines if (uid := _NUMBER.search(line)) and (size := _SIZE.search(line))}

    def _connected(self) -> imaplib.IMAP4:
        settings = self._settings
        login = self._login()
        port, trusted = settings.port or _PORTS[settings.tls], ssl.create_default_context()
        with self._talking():
            if settings.tls == "implicit":
                server: imaplib.IMAP4 = imaplib.IMAP4_SSL(
                    settings.host, port, ssl_context=trusted, timeout=settings.timeout_seconds
                )
            else:
                server = imaplib.IMAP4(settings.host, port, timeout=settings.timeout_seconds)
            if settings.tls == "starttls":
                server.starttls(ssl_context=trusted)
        try:
            login(server)
        except imaplib.IMAP4.abort:
            raise TransientError(self._tried, seen="a connection that was cut", next_step="check that the server is up") from None
        except imaplib.IMAP4.error:
            raise CredentialsRefused(
                self._tried,
                seen="a login that was refused",
                allowed="reading the folders",
                next_step=f"see that {settings.password_env} holds the password of this user, and that IMAP is allowed for it"
                if settings.password_env
                else "see that the application may read this user's mailbox by IMAP",
            ) from None
        return server

    def _login(self) -> Callable[[imaplib.IMAP4], object]:
        """What proves who we are. A token is fetched for each connection, which is one for each folder."""
        settings, section = self._settings, f"[sources.{self._source}.pull]"
        if settings.password_env:
            password = secret(settings.password_env, f"{section} password").get_secret_value()
            return lambda server: server.login(settings.user, password)
        refresh = settings.refresh_token_env
        auth = ClientCredentials(
            settings.token_url,
            settings.client_id,
            secret(settings.client_secret_env, f"{section} client_secret"),
            settings.oauth_scope,
            refresh_token=secret(refresh, f"{section} refresh_token") if refresh else None,
        )
        client = Client(
            Api(f"the provider of source {self._source}", (), permission="reading this mailbox by IMAP"),
            settings.token_url,
            auth,
            timeout_seconds=settings.timeout_seconds,
            timer=self._timer,
        )
        try:
            token = client.token().get_secret_value()
        finally:
            client.close()
        # Google's and Microsoft's form; a refusal is explained in a challenge, which wants an empty answer.
        said = iter([f"user={settings.user}\x01auth=Bearer {token}\x01\x01".encode()])
        return lambda server: server.authenticate("XOAUTH2", lambda _: next(said, b""))

    def _opened(self, server: imaplib.IMAP4) -> str:
        """Open the folder for reading only. Returns its UIDVALIDITY."""
        quoted = '"' + self.name.replace("\\", "\\\\").replace('"', '\\"') + '"'
        status, _ = server.select(quoted, readonly=True)
        if status != "OK":
            raise PermanentError(
                self._tried, seen="no such folder, or none that may be read", next_step="correct folders in quietlist.toml"
            )
        _, answered = server.response("UIDVALIDITY")
        value = answered[0] if answered else None
        if not isinstance(value, bytes) or not value.isdigit():
            raise self._unnumbered()
        return value.decode()

    def _unnumbered(self) -> PermanentError:
        return PermanentError(
            self._tried, seen="a server that does not number its mails", next_step="have it deliver files instead"
        )

    def _answered(self, answer: tuple[str, list[Any]], what: str) -> list[Any]:
        status, data = answer
        if status != "OK":
            raise TransientError(self._tried, seen=f"a {what} that was refused", next_step="the next run asks again")
        return data

    @contextmanager
    def _talking(self) -> Iterator[None]:
        """A server's own words may quote a mail: only the kind of what went wrong is told."""
        try:
            yield
        except ssl.SSLCertVerificationError:
            raise PermanentError(
                self._tried,
                seen="a certificate that could not be verified",
                next_step="correct host, or install your own authority's certificate (SSL_CERT_FILE); no password was sent",
            ) from None
        except (imaplib.IMAP4.error, OSError) as error:
            raise TransientError(
                self._tried,
                seen=f"{kind_of(error)}, no whole answer",
                next_step="check that the server can be reached from here",
            ) from None

    @staticmethod
    def _goodbye(server: imaplib.IMAP4) -> None:
        try:
            server.logout()
        except (imaplib.IMAP4.error, OSError):
            server.shutdown()


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")  # IMAP's own, in any locale


def _batch(content: bytes, place: str) -> Batch:
    """The mail in base64, as a line of JSON, which keeps its bytes and lets thousands be one file; a large one as it is."""
    if len(content) > _PACKED:
        return Batch(content, 1, place, apart=".eml")
    return Batch(json.dumps({"raw": base64.b64encode(content).decode()}).encode(), 1, place)


def _uids(answered: list[Any]) -> list[int]:
    return sorted(int(number) for line in answered if isinstance(line, bytes) for number in line.split() if number.isdigit())


def _in_bytes(uids: Sequence[int], sizes: dict[int, int]) -> Iterator[list[int]]:
    """Groups of mails that are small enough together; one that is large comes alone."""
    group: list[int] = []
    held = 0
    for uid in uids:
        size = sizes.get(uid, _TOGETHER_BYTES)
        if group and held + size > _TOGETHER_BYTES:
            yield group
            group, held = [], 0
        group.append(uid)
        held += size
    if group:
        yield group


def _bodies(answered: list[Any]) -> Iterator[tuple[int, bytes]]:
    """UID and bytes of each mail. The UID stands before the mail or behind it, as the server likes."""
    for place, item in enumerate(answered):
        if isinstance(item, tuple):
            behind = answered[place + 1] if place + 1 < len(answered) and isinstance(answered[place + 1], bytes) else b""
            if found := _NUMBER.search(item[0]) or _NUMBER.search(behind):
                yield int(found[1]), item[1]
