"""One request, from a declared call to a judged answer; and lists that come in pages.

What goes wrong leaves here as one of five: :class:`TransientError` (try again), :class:`Throttled` (wait; nothing was done),
:class:`Refused` (these data are not taken), :class:`CredentialsRefused`, or :class:`PermanentError`. None of them, and no line of
a log, holds an address, a key, or a path that was filled in: a call is named by its template, a refusal by the vendor's
code where that is one that ``codes`` knows, else by the status.

A write is asked once: whoever sends decides about sending again. A page that is read is asked again here, from where it stopped.
"""

from __future__ import annotations

import functools
import json
import logging
import os
import ssl
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit

from pydantic import SecretStr

from orchestration.core.config import THIS_MACHINE
from orchestration.core.errors import ConfigError, PermanentError, Throttled, TransientError, kind_of
from orchestration.core.files import sha256_file
from orchestration.core.pace import Pace, Timer
from orchestration.http.auth import Auth, Outgoing
from orchestration.http.calls import Call, request_path
from orchestration.http.codes import codes_in
from orchestration.http.paging import Link, Numbered, Offset, Paging

if TYPE_CHECKING:
    import httpx

_LOG = logging.getLogger(__name__)
# The library's own loggers write whole addresses of requests, people's included, and at debug level the key.
_TALKATIVE = ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.http2", "httpcore.proxy", "httpcore.socks")

_MOST_BYTES = 64 << 20  # of one answer, unpacked; a page of ten thousand rows has some MB
_WHOLE_ANSWER = 4  # times the time-out: a large page over a slow line, but not a server that sends a byte a minute
_CHUNK = 1 << 20  # of a file that is sent
_LEAST_BYTES = 64 << 10  # of a file in that time
_MOST_PAGES = 1_000_000  # a list of ten million in pages of ten; more is a circle
_TRANSIENT = (408, 425, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529)  # the 52x are a proxy's words for a lost server
_OF_THE_DATA = (400, 413, 422)
_LONGEST_SCALED = 10**11  # an epoch above this is in milliseconds


class Refused(PermanentError):
    """The system does not take what was sent; ``code`` says why, in the vendor's word."""

    def __init__(self, tried: str, *, status: int, code: str) -> None:
        super().__init__(tried, seen=f"status {status}, {code}")
        self.status, self.code = status, code


class CredentialsRefused(PermanentError):
    """The system does not know us, or does not let us do this."""

    nothing_done = True


@dataclass(frozen=True)
class Api:
    """What the client must know of a system."""

    system: str
    calls: tuple[Call, ...]
    headers: Mapping[str, str] = field(default_factory=dict)
    """Sent with every request."""
    reset_header: tuple[str, Literal["epoch", "seconds"]] | None = None
    """Where the vendor tells of the end of a throttle other than by Retry-After."""
    throttled: Callable[[int, Any], bool] = lambda status, body: False
    """Answers beside 429 that mean a throttle: some vendors say it with 403 or even with 200."""
    permission: str = ""
    """What the key must be allowed to do, for the error of one that is not."""
    denied: Callable[[int, Any], bool] = lambda status, body: False
    """Answers beside 401 and 403 that mean that we are not let in: some vendors say it with 400."""
    action_header: str = ""
    """Under which a call's ``action`` is sent."""


@dataclass(frozen=True)
class Answer:
    """What came back: a status that was expected, the body if it was JSON, and its bytes as they came."""

    status: int
    body: Any
    raw: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """By name in small letters."""


@dataclass(frozen=True)
class Page:
    """Some items of a list, and the place behind them: None behind the last."""

    items: list[Any]
    following: str | None
    raw: bytes = field(default=b"", repr=False)
    """The answer as it came."""


def base_url_problem(url: str, *, plain_allowed: bool = False) -> str | None:
    """What is wrong with the address of a system, if anything."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return "is not a URL"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "is not a URL such as https://api.example.com"
    if parts.username or parts.password or parts.query or parts.fragment:
        return "holds more than a host and a path: keys belong into environment variables"
    if parts.scheme == "http" and parts.hostname not in THIS_MACHINE and not plain_allowed:
        return "is not encrypted: anyone on the network path could read the list. Use https, or set allow_plain_http = true"
    return None


@functools.lru_cache(maxsize=4)
def _certificates(is_far: bool, *_of_the_company: str | None) -> ssl.SSLContext:
    """Whom to believe over TLS: read once in a process, for reading it costs as much as a dozen requests."""
    import httpx

    return httpx.create_ssl_context(trust_env=is_far)


class Client:
    """Asks one system. Close it."""

    def __init__(
        self,
        api: Api,
        base_url: str,
        auth: Auth,
        *,
        calls_per_second: float | None = None,
        timeout_seconds: float = 30.0,
        plain_allowed: bool = False,
        timer: Timer | None = None,
    ) -> None:
        import httpx

        if problem := base_url_problem(base_url, plain_allowed=plain_allowed):
            raise ConfigError(f"Connecting to {api.system}", [f"base_url: {problem}"])
        for name in _TALKATIVE:
            logging.getLogger(name).disabled = True
        self._api, self._base, self._auth = api, base_url.rstrip("/"), auth
        self._pace = Pace(calls_per_second, timer or Timer())
        self._timeout = timeout_seconds
        self._plain_allowed = plain_allowed
        is_far = urlsplit(base_url).hostname not in THIS_MACHINE  # then a company's proxy and certificates count
        self._http = httpx.Client(
            timeout=timeout_seconds,
            follow_redirects=False,  # would carry the key to wherever the answer points
            trust_env=is_far,
            verify=_certificates(is_far, os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")),
            headers={"User-Agent": "quietlist", "Accept": "application/json"},
        )

    def close(self) -> None:
        self._http.close()

    def token(self) -> SecretStr:
        """The token that the next request would carry, for a protocol that is no HTTP."""
        said = self._pace.call(lambda: self._auth.headers(Outgoing("GET", self._base), self._fetch))
        return SecretStr(said["Authorization"].removeprefix("Bearer "))

    def ask(
        self,
        call: Call,
        parts: Mapping[str, str] | None = None,
        *,
        parameters: Mapping[str, str] | None = None,
        data: Any = None,
        form: Collection[tuple[str, str]] | None = None,
        content: tuple[str, bytes] | None = None,
        expected: Collection[int] = (),
    ) -> Answer:
        """Ask once.

        Args:
            data: sent as JSON.
            form: sent as a form instead; a name may stand there several times.
            content: sent as it is instead, behind its kind.
            expected: statuses beside 2xx that are an answer and no failure.
        """
        path = request_path(self._api.system, self._api.calls, call, parts or {})
        self._pace.wait_for_turn()
        return self._ask(call, path, parameters or {}, data, form, expected, content)

    def ask_again(
        self,
        call: Call,
        parts: Mapping[str, str] | None = None,
        *,
        parameters: Mapping[str, str] | None = None,
        data: Any = None,
        expected: Collection[int] = (),
    ) -> Answer:
        """Ask, and ask again while the system is busy: for what only looks."""
        path = request_path(self._api.system, self._api.calls, call, parts or {})
        return self._pace.call(lambda: self._ask(call, path, parameters or {}, data, None, expected))

    def stream(
        self,
        call: Call,
        parts: Mapping[str, str] | None = None,
        *,
        parameters: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        begins: Callable[[Mapping[str, str]], None] = lambda headers: None,
    ) -> Iterator[bytes]:
        """The bytes of a file, as they are sent and never held together. Asked once: who asks again begins with the first byte.

        Args:
            begins: is given the headers of the answer before the first byte, and may raise.
        """
        url = self._url(request_path(self._api.system, self._api.calls, call, parts or {}), parameters or {})
        self._pace.wait_for_turn()
        for attempt in range(2):
            said = {"Accept-Encoding": "identity", **self._api.headers, **(headers or {})}
            said |= self._auth.headers(Outgoing(call.method, url), self._fetch)
            with self._answered(call, url, b"", said) as response:
                if response.status_code == 401 and attempt == 0 and self._auth.renew():
                    continue
                answered = {name.lower(): value for name, value in response.headers.items()}
                if not 200 <= response.status_code < 300:
                    body = _json(self._read(response, self._tried(call)))
                    self._judge(call, response.status_code, answered, body, ())
                begins(answered)
                yield from self._flowing(response, self._tried(call))
                return

    def send_file(
        self,
        call: Call,
        parts: Mapping[str, str],
        file: Path,
        *,
        headers: Mapping[str, str] | None = None,
        expected: Collection[int] = (),
    ) -> Answer:
        """Send a file's bytes, as they are read and never held together. Asked once."""
        url = self._url(request_path(self._api.system, self._api.calls, call, parts), {})
        outgoing = Outgoing(call.method, url, digest=sha256_file(file))
        self._pace.wait_for_turn()
        said = {"Content-Length": str(file.stat().st_size), **self._api.headers, **(headers or {})}
        said |= self._auth.headers(outgoing, self._fetch)
        with file.open("rb") as stream:
            status, answered, told = self._sent(call, url, iter(lambda: stream.read(_CHUNK), b""), said)
        body = _json(answered)
        self._judge(call, status, told, body, expected)
        return Answer(status, body, answered, told)

    def _flowing(self, response: httpx.Response, tried: str) -> Iterator[bytes]:
        """As long as the file is, but not from a server that sends a byte a minute."""
        ends, size = time.monotonic() + self._timeout * _WHOLE_ANSWER, 0
        for part in response.iter_raw():
            size += len(part)
            if size >= _LEAST_BYTES:
                ends, size = time.monotonic() + self._timeout * _WHOLE_ANSWER, 0
            elif time.monotonic() > ends:
                raise TransientError(
                    tried, seen="an answer that does not end", next_step="check the proxies and networks in between"
                )
            yield part

    def pages(
        self,
        call: Call,
        paging: Paging,
        items: Callable[[Any], Any],
        parts: Mapping[str, str] | None = None,
        *,
        parameters: Mapping[str, str] | None = None,
        data: Mapping[str, Any] | None = None,
        place: str = "",
        pages_in_query: bool = False,
    ) -> Iterator[Page]:
        """A list, page by page, from ``place`` on. A page that fails is asked for again; those before it are not.

        Args:
            data: sent as JSON, and what asks for the page in it.
            pages_in_query: what asks for the page stands in the query all the same.
        """
        path = request_path(self._api.system, self._api.calls, call, parts or {})
        been, before = {place}, None
        for _ in range(_MOST_PAGES):
            here, asked = path, {**(parameters or {}), **paging.parameters(place)}
            if place and isinstance(paging, Link):
                here, asked = self._followed(call, place, paging)
            in_query = data is None or pages_in_query
            sent = data if data is None or pages_in_query else {**data, **asked}
            answer = self._page(call, here, asked if in_query else {}, sent)
            body = answer.body
            found = items(body) if isinstance(body, dict | list) else None
            if not isinstance(found, list):
                raise PermanentError(
                    self._tried(call),
                    seen="a page without a list in it",
                    next_step="see whether the vendor changed its answers, or something between us and it answers in its place",
                )
            if found and found == before and isinstance(paging, Offset | Numbered):
                raise PermanentError(
                    self._tried(call),
                    seen="the same page twice: what asks for the next one is not heeded",
                    next_step="see whether something between us and the vendor answers from its memory, or the vendor changed it",
                )
            before = found
            following = paging.following(place, len(found), body)
            if following in been:
                raise PermanentError(
                    self._tried(call), seen="pages that form a loop", next_step="ask the vendor; nothing was kept"
                )
            yield Page(found, following, answer.raw)
            if following is None:
                return
            been.add(following)
            place = following
        raise PermanentError(self._tried(call), seen=f"more than {_MOST_PAGES} pages", next_step="ask the vendor")

    def _page(self, call: Call, path: str, parameters: Mapping[str, str], data: Any) -> Answer:
        return self._pace.call(lambda: self._ask(call, path, parameters, data, None, ()))

    def _followed(self, call: Call, link: str, paging: Link) -> tuple[str, dict[str, str]]:
        """Path and parameters of a link to the next page, which must stay where we are: it is asked for with our key."""
        target, base = urlsplit(urljoin(self._base + "/", link)), urlsplit(self._base)
        path = target.path.removeprefix(base.path.rstrip("/"))
        expected = Call(call.method, paging.path or call.path)
        if (target.scheme, target.netloc) != (base.scheme, base.netloc) or not expected.matches(path):
            raise PermanentError(
                self._tried(call),
                seen="a next page at another place than this list's",
                allowed="the same host and path",
                next_step="correct base_url if the vendor moved; the key was not sent there",
            )
        return path, dict(parse_qsl(target.query, keep_blank_values=True))

    def _ask(
        self,
        call: Call,
        path: str,
        parameters: Mapping[str, str],
        data: Any,
        form: Collection[tuple[str, str]] | None,
        expected: Collection[int],
        content: tuple[str, bytes] | None = None,
    ) -> Answer:
        body, kind = b"", ""
        if content is not None:
            kind, body = content
        elif form is not None:
            body, kind = urlencode(list(form)).encode(), "application/x-www-form-urlencoded"
        elif data is not None:
            body, kind = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode(), "application/json"
        headers = {**({"Content-Type": kind} if kind else {}), **self._api.headers}
        if self._api.action_header:
            headers[self._api.action_header] = call.action
        set_already = {name.lower(): value for name, value in headers.items()}
        request = Outgoing(call.method, self._url(path, parameters), body, set_already)
        status, answered, said = self._sent(call, request.url, body, {**headers, **self._auth.headers(request, self._fetch)})
        if status == 401 and self._auth.renew():
            status, answered, said = self._sent(call, request.url, body, {**headers, **self._auth.headers(request, self._fetch)})
        told = _json(answered)
        self._judge(call, status, said, told, expected)
        return Answer(status, told, answered, said)

    def _url(self, path: str, parameters: Mapping[str, str]) -> str:
        # A blank as %20 and not as +, which a signature reads as the sign itself.
        return f"{self._base}{path}" + (f"?{urlencode(parameters, quote_via=quote)}" if parameters else "")

    def _sent(
        self, call: Call, url: str, body: bytes | Iterator[bytes], headers: Mapping[str, str]
    ) -> tuple[int, bytes, Mapping[str, str]]:
        """Status, body and headers of the answer, whatever they are; what is no answer at all is an error."""
        with self._answered(call, url, body, headers) as response:
            data = self._read(response, self._tried(call))
        return response.status_code, data, {name.lower(): value for name, value in response.headers.items()}

    @contextmanager
    def _answered(
        self, call: Call, url: str, body: bytes | Iterator[bytes], headers: Mapping[str, str]
    ) -> Iterator[httpx.Response]:
        """The answer while it is read."""
        import httpx

        tried = self._tried(call)
        try:
            request = self._http.build_request(call.method, url, content=body or None, headers=dict(headers))
            response = self._http.send(request, stream=True)
            try:
                yield response
            finally:
                response.close()
        except httpx.TimeoutException as error:
            raise TransientError(
                tried,
                seen=f"{kind_of(error)} after {self._timeout:g} seconds: what was asked may have been done",
                next_step="check that the system is up; the next read-back looks for what was sent",
            ) from None
        except httpx.TransportError as error:
            if _is_untrusted(error):
                raise PermanentError(
                    tried,
                    seen="a certificate that could not be verified",
                    next_step="correct base_url, or install your own authority's certificate (SSL_CERT_FILE); nothing was sent",
                ) from None
            raise TransientError(
                tried, seen=f"{kind_of(error)}, no whole answer", next_step="check that the system can be reached from here"
            ) from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise TransientError(tried, seen=kind_of(error), next_step="check the proxies and networks in between") from None
        _LOG.debug("%s %s: %s", self._api.system, call, response.status_code)

    def _read(self, response: httpx.Response, tried: str) -> bytes:
        """The body, if it comes within bounds. The time-out of the library is between two bytes; this one is for all."""
        ends = time.monotonic() + self._timeout * _WHOLE_ANSWER
        parts, size = [], 0
        for part in response.iter_bytes():
            parts.append(part)
            size += len(part)
            if size > _MOST_BYTES:
                raise PermanentError(
                    tried, seen=f"an answer of more than {_MOST_BYTES >> 20} MiB", next_step="ask for smaller pages"
                )
            if time.monotonic() > ends:
                raise TransientError(
                    tried, seen="an answer that does not end", next_step="check the proxies and networks in between"
                )
        return b"".join(parts)

    def _judge(self, call: Call, status: int, headers: Mapping[str, str], body: Any, expected: Collection[int]) -> None:
        if self._api.throttled(status, body) or status == 429:
            raise Throttled(
                self._tried(call),
                seen=f"status {status}: the system asks for a pause",
                retry_after=self._pause(headers),
                next_step="let it rest; the next run goes on where this one stopped",
            )
        is_denied = self._api.denied(status, body)
        if not is_denied and (200 <= status < 300 or status in expected):
            return
        code = next(codes_in(body), f"http_{status}")
        tried = self._tried(call)
        if status in _TRANSIENT:
            raise TransientError(
                tried, seen=f"status {status}, {code}", retry_after=self._pause(headers), next_step="see the system's status page"
            )
        if status in (401, 403) or is_denied:
            raise CredentialsRefused(
                tried,
                seen=f"status {status}, {code}",
                allowed=self._api.permission,
                next_step="see that the environment variable holds the key of this account, and what the key may do",
            )
        if status in _OF_THE_DATA:
            raise Refused(tried, status=status, code=code)
        raise PermanentError(
            tried,
            seen=f"status {status}, {code}",
            next_step="correct base_url and the lists in quietlist.toml, or see what the vendor changed",
        )

    def _pause(self, headers: Mapping[str, str]) -> float | None:
        """Seconds to wait as the answer has it, by the answer's own clock where it shows one; None where it says nothing."""
        now = time.time()
        if (shown := _http_date(headers.get("date", ""))) is not None:
            now = shown
        if (text := headers.get("retry-after", "").strip()) != "":
            if (seconds := _number(text)) is not None:
                return seconds
            if (moment := _http_date(text)) is not None:
                return max(moment - now, 0.0)
        if self._api.reset_header is not None:
            name, meaning = self._api.reset_header
            if (value := _number(headers.get(name.lower(), ""))) is not None:
                if meaning == "epoch":
                    value = max((value / 1000 if value > _LONGEST_SCALED else value) - now, 0.0)
                return value
        return None

    def _fetch(self, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> Mapping[str, object]:
        """Fetch a token, for :class:`ClientCredentials`."""
        if problem := base_url_problem(url, plain_allowed=self._plain_allowed):
            raise ConfigError(f"Fetching a token for {self._api.system}", [f"token_url: {problem}"])
        call = Call("POST", "the token")
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        status, answered, said = self._sent(call, url, urlencode(dict(form)).encode(), {**kind, **headers})
        body = _json(answered)
        if status in _OF_THE_DATA:  # OAuth's word for a wrong secret is 400 invalid_client
            status = 401
        self._judge(call, status, said, body, ())
        return body if isinstance(body, dict) else {}

    def _tried(self, call: Call) -> str:
        return f"Asking {self._api.system} for {call}"


def _is_untrusted(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY_FAILED" in str(cause):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def _json(data: bytes) -> Any:
    try:
        return json.loads(data) if data else None
    except (ValueError, RecursionError):
        return None


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value < float("inf") else None


def _http_date(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp() if text else None
    except (ValueError, TypeError, OverflowError):
        return None
