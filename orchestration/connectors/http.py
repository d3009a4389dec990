"""Files behind a web address: a page that links to them, or one file. Only GET and HEAD are asked, and nothing outside it.

A file is known by its ETag, or by when it was last changed. A server that says neither is asked for the file in each pull; the
same bytes are recognised where they land.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC
from email.utils import parsedate_to_datetime
from html.parser import HTMLParser
from urllib.parse import quote, unquote, urljoin, urlsplit

from pydantic import Field, model_validator

from orchestration.connectors.contract import Part
from orchestration.connectors.folder import Folder, FolderSettings, NotTaken, Remote
from orchestration.core.config import Config
from orchestration.core.credentials import secret
from orchestration.core.errors import PermanentError
from orchestration.core.pace import Timer
from orchestration.http.auth import Auth, Basic, ClientCredentials, KeyHeader, Nobody
from orchestration.http.calls import Call
from orchestration.http.client import Answer, Api, Client, CredentialsRefused, base_url_problem

_PAGE, _GET, _HEAD = Call("GET", "/"), Call("GET", "/{+path}"), Call("HEAD", "/{+path}")
_FOLDER = Call("GET", "/{+path}/")
# A packed answer would have another size and ETag than the file.
_HEADERS = {"Accept": "*/*", "Accept-Encoding": "identity"}
_NO_HEAD = (404, 405, 501)  # what servers say that know GET alone
_DEEPEST = 32  # folders within folders; deeper are pages that link to themselves under ever longer names


class Settings(FolderSettings):
    """Keys of ``[sources.<name>.pull]`` with ``kind = "http"``."""

    url: str
    """A page that links to the files, with ``/`` at its end, or one file."""
    user: str = ""
    """The user of HTTP Basic, with ``password_env``."""
    password_env: str = ""
    """Name of the environment variable that holds the user's password."""
    key_env: str = ""
    """Name of the environment variable that holds a key that goes into a header."""
    header: str = Field(default="Authorization", pattern=r"^[A-Za-z0-9-]+$")
    """The header that carries the key."""
    prefix: str = "Bearer "
    """What is written before the key there."""
    token_url: str = ""
    """Where a token is fetched by OAuth client credentials, with ``client_id`` and ``client_secret_env``."""
    client_id: str = ""
    """Who fetches the token."""
    client_secret_env: str = ""
    """Name of the environment variable that holds the client's secret."""
    oauth_scope: str = ""
    """What the token is asked for, if the server wants that said."""
    allow_plain_http: bool = False
    """Must be true for an address without TLS that is not this machine."""
    calls_per_second: float | None = Field(default=None, gt=0, le=1000)
    """The most that the server takes."""

    @model_validator(mode="after")
    def _check(self) -> Settings:
        for key, url in (("url", self.url), ("token_url", self.token_url)):
            if url and (why := base_url_problem(url, plain_allowed=self.allow_plain_http)):
                raise ValueError(f"{key} {why}")
        ways = {
            "user and password_env": (self.user, self.password_env),
            "token_url, client_id and client_secret_env": (self.token_url, self.client_id, self.client_secret_env),
            "key_env": (self.key_env,),
        }
        if half := [way for way, values in ways.items() if any(values) and not all(values)]:
            raise ValueError(f"needs {half[0]} together")
        if len(chosen := [way for way, values in ways.items() if all(values)]) > 1:
            raise ValueError(f"has more than one way to say who asks: {'; '.join(chosen)}")
        return self


def parts(name: str, config: Config, settings: Settings, timer: Timer) -> Sequence[Part]:
    """One part: the address."""
    asks = [settings.url]
    return [Folder(name, settings, config.limits, timer, lambda: _Site(name, settings, timer), asks=asks)]


class _Site:
    """What lies at the address and below it."""

    def __init__(self, source: str, settings: Settings, timer: Timer) -> None:
        self._settings = settings
        self._tried = f"Reading the web folder of source {source}"
        address = urlsplit(settings.url)
        # One file is asked for below the folder that it lies in, so that one client serves both.
        folder, _, self._single = address.path.rpartition("/")
        self._base = f"{address.scheme}://{address.netloc}{folder}"
        self._client = Client(
            Api(f"source {source}", (_PAGE, _GET, _HEAD, _FOLDER), headers=_HEADERS, permission="reading these files"),
            self._base,
            self._auth(f"[sources.{source}.pull]"),
            calls_per_second=settings.calls_per_second,
            timeout_seconds=settings.timeout_seconds,
            plain_allowed=settings.allow_plain_http,
            timer=timer,
        )

    def close(self) -> None:
        self._client.close()

    def _auth(self, section: str) -> Auth:
        settings = self._settings
        if settings.password_env:
            return Basic(settings.user, secret(settings.password_env, f"{section} password"))
        if settings.client_secret_env:
            client_secret = secret(settings.client_secret_env, f"{section} client_secret")
            return ClientCredentials(settings.token_url, settings.client_id, client_secret, settings.oauth_scope)
        if settings.key_env:
            return KeyHeader(secret(settings.key_env, f"{section} key"), settings.header, settings.prefix)
        return Nobody()

    def listing(self) -> Iterator[Remote]:
        if self._single:
            # One that is refused, or not there, is the source's failure and no file's.
            yield self._looked_at(unquote(self._single), is_all=True)
            return
        waiting, been = [""], {""}
        while waiting:
            folder = waiting.pop()
            for path in self._links(folder):
                if path in been:
                    continue
                been.add(path)
                if not path.endswith("/"):
                    yield self._looked_at(path)
                elif self._settings.subfolders:
                    if path.count("/") > _DEEPEST:
                        yield Remote(path, trouble="folder_not_allowed")
                    else:
                        waiting.append(path)

    def _links(self, folder: str) -> list[str]:
        """What a page links to that lies below it."""
        call, parts = (_FOLDER, {"path": folder.rstrip("/")}) if folder else (_PAGE, {})
        answer = self._client.ask_again(call, parts)
        page = _Page()
        page.feed(answer.raw.decode("utf-8", "replace"))
        here = f"{self._base}/"
        base = urlsplit(here)
        found, leads_up = [], False
        for link in page.links:
            try:
                target = urlsplit(urljoin(here + _quoted(folder), link))
            except ValueError:
                continue
            if (target.scheme, target.netloc) != (base.scheme, base.netloc) or target.query:
                continue  # elsewhere, or the same page sorted by another column
            there, this = unquote(target.path, errors="surrogateescape"), unquote(base.path, errors="surrogateescape") + folder
            leads_up = leads_up or this.startswith(there)
            below = there.removeprefix(this)
            if there.startswith(this) and below and all(step.strip(" .") for step in below.rstrip("/").split("/")):
                found.append(folder + below)
        # An index without files links to the folder above it; a page that asks who one is links to anything.
        if page.asks or not (found or leads_up):
            raise PermanentError(
                self._tried,
                seen="a page that lists no files: one to log in at, or another program's",
                next_step="see that url is the address of the list of files, and that whoever asks may see it",
            )
        return found

    def _looked_at(self, path: str, *, is_all: bool = False) -> Remote:
        try:
            answer = self._client.ask_again(_HEAD, {"path": path}, expected=_NO_HEAD)
        except CredentialsRefused:
            if is_all:
                raise
            return Remote(path, trouble="not_allowed")
        if answer.status in _NO_HEAD:
            return Remote(path)  # asking for the file itself will say
        return _remote(path, answer)

    def read(self, file: Remote) -> Iterator[bytes]:
        def begins(headers: Mapping[str, str]) -> None:
            now = _remote(file.path, Answer(200, None, headers=headers))
            if file.version and now.version and (now.version, now.size) != (file.version, file.size):
                raise NotTaken

        try:
            yield from self._client.stream(_GET, {"path": file.path}, begins=begins)
        except CredentialsRefused:
            raise NotTaken("not_allowed") from None
        except PermanentError as error:
            if "status 404" in error.seen or "status 410" in error.seen:
                raise NotTaken("vanished") from None
            raise


class _Page(HTMLParser):
    """The links of a page, and whether it asks for something."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.asks = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        if tag == "a" and said.get("href"):
            self.links.append(said["href"] or "")
        self.asks = self.asks or (tag == "input" and said.get("type") == "password")


def _remote(path: str, answer: Answer) -> Remote:
    tag, changed, length = (answer.headers.get(name, "") for name in ("etag", "last-modified", "content-length"))
    try:
        modified_at = parsedate_to_datetime(changed).astimezone(UTC) if changed else None
    except (ValueError, OverflowError):
        modified_at = None
    return Remote(path, int(length) if length.isdigit() else 0, tag or changed, modified_at)


def _quoted(folder: str) -> str:
    return quote(folder, safe="/", errors="surrogateescape")
