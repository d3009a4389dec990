"""The HTTP client against a real server: what it sends, how it waits, what it refuses, and what it never says."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from orchestration.core.errors import ConfigError, PermanentError, Throttled, TransientError
from orchestration.core.pace import Timer
from orchestration.http.auth import Basic, ClientCredentials, KeyHeader, Outgoing, Signed
from orchestration.http.calls import Call
from orchestration.http.client import Api, Client, CredentialsRefused, Refused, base_url_problem
from orchestration.http.paging import Cursor, Link, Offset, Whole
from tests.vendors.server import FastTimer, Reply, Request, Server

MEMBERS, MEMBER, DROP = Call("GET", "/lists/{list}/members"), Call("GET", "/lists/{list}/members/{email}"), Call("POST", "/drop")
REMOVE = Call("DELETE", "/lists/{list}/members/{email}")
ANN, KEY = "ann+a@example.com", "swordfish-1234567"
API = Api("esp", (MEMBERS, MEMBER, DROP, REMOVE), permission="lists: read and write")


class Scripted(Server):
    """Answers by a function."""

    script: Callable[[Request], Reply] = staticmethod(lambda request: Reply(200, {"ok": True}))

    def answer(self, request: Request) -> Reply:
        return self.script(request)


@pytest.fixture
def server() -> Iterator[Scripted]:
    with Scripted() as running:
        yield running


@pytest.fixture
def timer() -> FastTimer:
    return FastTimer()


@pytest.fixture
def client(server: Scripted, timer: FastTimer) -> Iterator[Client]:
    made = make(server, timer)
    yield made
    made.close()


def make(server: Server, timer: FastTimer, api: Api = API, auth: Any = None, **how: Any) -> Client:
    auth = auth or KeyHeader(SecretStr(KEY), prefix="Bearer ")
    return Client(api, server.url, auth, timer=Timer(timer.monotonic, timer.sleep), **{"timeout_seconds": 2.0, **how})


def test_a_declared_call_is_sent_with_its_key_and_everything_encoded(server: Scripted, client: Client) -> None:
    answer = client.ask(MEMBER, {"list": "a b", "email": "a+b/../c?d#e@example.com"}, parameters={"f": "x&y=z+1"})
    assert (answer.status, answer.body) == (200, {"ok": True})
    request = server.requests[0]
    assert request.path == "/lists/a%20b/members/a%2Bb%2F..%2Fc%3Fd%23e%40example.com"
    assert request.query == {"f": "x&y=z+1"} and request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["user-agent"] == "quietlist"
    client.ask(DROP, data={"emails": ["ä@example.com"]})
    assert server.requests[1].json == {"emails": ["ä@example.com"]}
    client.ask(DROP, form=[("Items", '{"a":1}'), ("Items", '{"a":2}')])
    assert server.requests[2].form == [("Items", '{"a":1}'), ("Items", '{"a":2}')]


@pytest.mark.parametrize(
    ("case", "call", "parts"),
    [
        ("a call that is not declared", Call("DELETE", "/lists/{list}"), {"list": "7"}),
        ("a path filled in by hand", Call("DELETE", "/lists/7/members/"), {}),
        ("an empty part", REMOVE, {"list": "7", "email": ""}),
        ("a blank part", REMOVE, {"list": "7", "email": " \t"}),
        ("dots that climb", REMOVE, {"list": "7", "email": ".."}),
        ("a part left out", REMOVE, {"list": "7"}),
        ("a part too many", MEMBERS, {"list": "7", "email": ANN}),
    ],
)
def test_anything_else_never_leaves(server: Scripted, client: Client, case: str, call: Call, parts: dict[str, str]) -> None:
    with pytest.raises(PermanentError):
        client.ask(call, parts)
    with pytest.raises(PermanentError):
        list(client.pages(call, Whole(), lambda body: body, parts))
    assert server.requests == [], case


def date(seconds: int) -> str:
    return formatdate(seconds, usegmt=True)


DATE = {"Date": date(1_000_000_000)}


@pytest.mark.parametrize(
    ("case", "reply", "kind", "pause"),
    [
        ("seconds", Reply(429, None, {"Retry-After": "7"}), Throttled, 7),
        ("a date, by the server's own clock", Reply(429, None, {**DATE, "Retry-After": date(1_000_000_090)}), Throttled, 90),
        ("a date that is past", Reply(429, None, {**DATE, "Retry-After": date(999_999_000)}), Throttled, 0),
        ("an epoch in the vendor's header", Reply(429, None, {**DATE, "X-RateLimit-Reset": "1000000042"}), Throttled, 42),
        ("an epoch in milliseconds", Reply(429, None, {**DATE, "X-RateLimit-Reset": "1000000042000"}), Throttled, 42),
        ("no hint", Reply(429), Throttled, None),
        ("nonsense", Reply(429, None, {"Retry-After": "soon"}), Throttled, None),
        ("not a number", Reply(429, None, {"Retry-After": "nan"}), Throttled, None),
        ("minus", Reply(429, None, {"Retry-After": "-5"}), Throttled, None),
        ("busy with a hint", Reply(503, None, {"Retry-After": "7"}), TransientError, 7),
        ("busy", Reply(502, b"<html>"), TransientError, None),
        ("a lost server behind a proxy", Reply(522), TransientError, None),
    ],
)
def test_what_can_be_tried_again_says_so_and_when(
    server: Scripted, timer: FastTimer, case: str, reply: Reply, kind: type[TransientError], pause: float | None
) -> None:
    client = make(server, timer, Api("esp", (DROP,), reset_header=("X-RateLimit-Reset", "epoch")))
    server.fail("answer", reply=reply)
    with pytest.raises(TransientError) as caught:
        client.ask(DROP)
    assert type(caught.value) is kind, case
    assert caught.value.retry_after == (None if pause is None else pytest.approx(pause, abs=2)), case
    client.close()


@pytest.mark.parametrize(
    ("case", "reply", "kind", "code"),
    [
        ("no such key", Reply(401, {"errors": [{"message": f"bad key {KEY}"}]}), CredentialsRefused, "http_401"),
        ("a key that may not", Reply(403, {"code": "forbidden"}), CredentialsRefused, "forbidden"),
        (
            "bad data",
            Reply(400, {"errors": [{"field": "recipient_emails.0", "message": f"{ANN} is bad"}]}),
            Refused,
            "recipient_emails_0",
        ),
        ("bad data with a code", Reply(422, {"ErrorCode": 300, "Message": ANN}), Refused, "code_300"),
        ("an error object", Reply(400, {"error": {"code": "INVALID_EMAIL"}}), Refused, "invalid_email"),
        ("no such list", Reply(404, {"title": "Resource Not Found"}), PermanentError, "resource_not_found"),
        ("moved", Reply(302, None, {"Location": "http://127.0.0.1:1/"}), PermanentError, "http_302"),
        ("an address for a code", Reply(400, {"code": ANN}), Refused, "http_400"),
        ("a number for a code", Reply(400, {"code": "+15555550100"}), Refused, "http_400"),
        ("a number in parts", Reply(400, {"code": "1 555 555 0100"}), Refused, "http_400"),
        ("a name in a title", Reply(400, {"title": "Ada Lovelace opted out"}), Refused, "http_400"),
        ("a name for a field", Reply(400, {"field": "ada.lovelace"}), Refused, "http_400"),
        ("a name of words", Reply(400, {"title": "Grant Field"}), Refused, "http_400"),
        ("a name for a code", Reply(400, {"code": "ada_lovelace"}), Refused, "http_400"),
        ("a name among known words", Reply(400, {"error": "invalid-recipient-lovelace"}), Refused, "http_400"),
        (
            "a name before a code",
            Reply(400, {"error": "lovelace", "errors": [{"code": "invalid_email"}]}),
            Refused,
            "invalid_email",
        ),
    ],
)
def test_what_cannot_be_tried_again_names_the_vendors_code_and_nobody(
    server: Scripted, client: Client, case: str, reply: Reply, kind: type[PermanentError], code: str
) -> None:
    server.fail("answer", reply=reply)
    with pytest.raises(PermanentError) as caught:
        client.ask(MEMBER, {"list": "7", "email": ANN})
    assert type(caught.value) is kind and code in str(caught.value), case
    assert len(server.requests) == 1, "nothing is followed or asked again"
    said = str(caught.value).lower()
    assert not any(word.lower() in said for word in (ANN, "ann%2B", KEY, "15555550100", "555_0100", "lovelace", "grant")), case


def test_a_status_that_is_an_answer_is_returned(server: Scripted, client: Client) -> None:
    server.fail("answer", reply=Reply(404, {"message": "not found"}))
    assert client.ask(REMOVE, {"list": "7", "email": ANN}, expected=(404,)).status == 404


def test_a_vendor_may_say_throttled_in_its_own_way(server: Scripted, timer: FastTimer) -> None:
    api = Api("mc", (DROP,), throttled=lambda status, body: status == 403 and body is None)
    client = make(server, timer, api)
    server.fail("answer", reply=Reply(403, b"<html>denied</html>"))
    with pytest.raises(Throttled):
        client.ask(DROP)
    server.fail("answer", reply=Reply(403, {"title": "Forbidden"}))
    with pytest.raises(CredentialsRefused):
        client.ask(DROP)
    client.close()


@pytest.mark.parametrize("kind", ["lost", "cut", "half", "silent"])
def test_no_whole_answer_is_transient_and_says_nothing_of_what_was_sent(server: Scripted, timer: FastTimer, kind: str) -> None:
    client = make(server, timer, timeout_seconds=0.3)
    server.script = lambda request: Reply(200, {"some": "text that is long enough to be cut in two"})
    server.fail(kind)
    with pytest.raises(TransientError) as caught:
        client.ask(MEMBER, {"list": "7", "email": ANN})
    assert type(caught.value) is TransientError and "{email}" in str(caught.value) and "ann" not in str(caught.value)
    assert caught.value.__suppress_context__, "Dagster keeps what an error was raised from"
    client.close()


def test_a_server_that_is_not_there_is_transient(timer: FastTimer) -> None:
    client = Client(API, "http://127.0.0.1:9", KeyHeader(SecretStr(KEY)), timer=Timer(timer.monotonic, timer.sleep))
    with pytest.raises(TransientError, match="connect error"):
        client.ask(DROP)
    client.close()


def test_an_answer_without_an_end_and_one_that_is_too_large_are_given_up(server: Scripted, timer: FastTimer, monkeypatch) -> None:
    from orchestration.http import client as module

    monkeypatch.setattr(module, "_MOST_BYTES", 1000)
    client = make(server, timer)
    server.script = lambda request: Reply(200, b"[" + b"1," * 2000 + b"1]")
    with pytest.raises(PermanentError, match="an answer of more than"):
        client.ask(DROP)
    server.script = lambda request: Reply(200, b"[1]")
    assert client.ask(DROP).body == [1]
    monkeypatch.setattr(module, "_WHOLE_ANSWER", 0)
    with pytest.raises(TransientError, match="does not end"):
        client.ask(DROP)
    client.close()


def test_what_only_looks_is_asked_again_with_pauses_and_not_for_ever(server: Scripted, client: Client, timer: FastTimer) -> None:
    server.fail("answer", times=2)
    assert client.ask_again(MEMBERS, {"list": "7"}).body == {"ok": True} and timer.slept == [1.0, 2.0]
    server.fail("answer", times=99)
    before = len(server.requests)
    with pytest.raises(TransientError) as caught:
        client.ask_again(MEMBERS, {"list": "7"})
    assert len(server.requests) - before == 5 and caught.value.given_up, "an outer pace does not multiply the attempts"
    with pytest.raises(TransientError):
        client.ask(DROP)
    assert len(server.requests) - before == 6, "a write is asked once"


def test_calls_keep_the_pace(server: Scripted, timer: FastTimer) -> None:
    client = make(server, timer, calls_per_second=4)
    for _ in range(4):
        client.ask(DROP)
    assert 0.5 < sum(timer.slept) <= 0.75
    client.close()


PEOPLE = [f"{number}@example.com" for number in range(7)]


def by_offset(request: Request) -> Reply:
    first, limit = int(request.query["offset"]), min(int(request.query["limit"]), 2)  # gives fewer than asked for
    return Reply(200, PEOPLE[first : first + limit])


def by_cursor(request: Request) -> Reply:
    place = request.query["cursor"]
    first = 0 if place == "initial" else int(place.removeprefix("/c="))
    following = f"/c={first + 3}" if first + 3 < len(PEOPLE) else ""
    return Reply(200, {"results": PEOPLE[first : first + 3], "next": following})


def by_link(request: Request) -> Reply:
    first = int(request.query.get("page", "0"))
    host = request.headers["host"]
    return Reply(
        200, {"items": PEOPLE[first : first + 3], "paging": {"next": f"http://{host}{request.path}?page={first + 3}&limit=3"}}
    )


PAGINGS = {
    "offset": (Offset(3), lambda body: body, by_offset),
    "cursor": (Cursor(lambda body: body["next"], "cursor", first="initial"), lambda body: body["results"], by_cursor),
    "link": (Link(lambda body: body["paging"]["next"], {"limit": "3"}, ends_empty=True), lambda body: body["items"], by_link),
}


@pytest.mark.parametrize("name", PAGINGS)
def test_a_list_is_read_to_its_end_and_goes_on_where_a_page_failed(server: Scripted, client: Client, name: str) -> None:
    paging, items, server.script = PAGINGS[name]
    server.fail("answer", skip=1, times=2)
    pages = list(client.pages(MEMBERS, paging, items, {"list": "7"}))
    assert [item for page in pages for item in page.items] == PEOPLE and pages[-1].following is None
    asked = [(request.path, tuple(request.query.items())) for request in server.requests]
    assert len(asked) == len(set(asked)) + 2, "only the page that failed is asked for again"
    # Another day, from where the first page ended.
    again = client.pages(MEMBERS, paging, items, {"list": "7"}, place=pages[0].following or "")
    assert [item for page in again for item in page.items] == PEOPLE[len(pages[0].items) :]


@pytest.mark.parametrize(
    ("case", "link"),
    [
        ("another host", "https://evil.example.com/lists/7/members?page=1"),
        ("another port", "http://127.0.0.1:1/lists/7/members?page=1"),
        ("another path", "/lists/7/members/ann%40example.com"),
        ("an empty part", "/lists//members"),
        ("without TLS", "http://user@127.0.0.1/lists/7/members"),
    ],
)
def test_a_link_to_elsewhere_is_not_followed(server: Scripted, client: Client, case: str, link: str) -> None:
    server.script = lambda request: Reply(200, {"items": ["a"], "next": link})
    with pytest.raises(PermanentError, match="a next page at another place"):
        list(client.pages(MEMBERS, Link(lambda body: body["next"]), lambda body: body["items"], {"list": "7"}))
    assert len(server.requests) == 1, case


@pytest.mark.parametrize(
    ("case", "body", "said"),
    [
        ("no list", {"items": None}, "without a list"),
        ("a text", b'"maintenance"', "without a list"),
        ("a page of somebody in between", b"<html>sign in</html>", "without a list"),
        ("deep nesting", b"[" * 100_000, "without a list"),
        ("a circle", {"items": [1], "next": "a"}, "form a loop"),
    ],
)
def test_a_page_that_is_no_page_is_no_end_of_the_list(server: Scripted, client: Client, case: str, body: Any, said: str) -> None:
    server.script = lambda request: Reply(200, body)
    with pytest.raises(PermanentError, match=said):
        list(client.pages(MEMBERS, Cursor(lambda body: body["next"], "c"), lambda body: body.get("items"), {"list": "7"}))


def test_user_and_password(server: Scripted, timer: FastTimer) -> None:
    client = make(server, timer, auth=Basic("api", SecretStr(KEY)))
    client.ask(DROP)
    assert base64.b64decode(server.requests[0].headers["authorization"].removeprefix("Basic ")) == f"api:{KEY}".encode()
    client.close()


def test_a_token_is_fetched_kept_and_renewed_when_it_ends_or_is_refused(server: Scripted, timer: FastTimer) -> None:
    tokens = iter(f"token-{number}" for number in range(9))
    refused: set[str] = set()

    def script(request: Request) -> Reply:
        if request.path == "/token":
            assert dict(request.form) == {"grant_type": "client_credentials", "scope": "lists"}
            assert base64.b64decode(request.headers["authorization"].removeprefix("Basic ")) == b"me:swordfish"
            return Reply(200, {"access_token": next(tokens), "expires_in": 3600})
        return Reply(401 if request.headers["authorization"] in refused else 200, {})

    def asked() -> list[str]:
        return [request.headers["authorization"][:14] for request in server.requests if request.path == "/drop"]

    server.script = script
    auth = ClientCredentials(f"{server.url}/token", "me", SecretStr("swordfish"), "lists", timer.monotonic)
    client = make(server, timer, auth=auth)
    client.ask(DROP)
    client.ask(DROP)
    assert asked() == ["Bearer token-0"] * 2, "kept"
    timer.sleep(3600)
    client.ask(DROP)
    assert asked()[2:] == ["Bearer token-1"], "ended"
    refused.add("Bearer token-1")
    client.ask(DROP)
    assert asked()[3:] == ["Bearer token-1", "Bearer token-2"], "refused before its end"
    refused.update(f"Bearer token-{number}" for number in range(9))
    with pytest.raises(CredentialsRefused):
        client.ask(DROP)
    assert len(asked()) == 7, "once more, not for ever"
    assert "token-" not in repr(auth)
    auth.renew()
    server.script = lambda request: Reply(400, {"error": "invalid_client"})
    with pytest.raises(CredentialsRefused, match="invalid_client"):
        client.ask(DROP)
    client.close()


def test_a_signature_is_what_the_specification_says(server: Scripted, timer: FastTimer) -> None:
    key = base64.b64encode(b"0123456789abcdef01234567").decode()
    client = make(server, timer, auth=Signed(SecretStr(f"whsec_{key}"), lambda: 1_700_000_000.5))
    for _ in range(2):
        client.ask(DROP, data={"a": 1})
    first, again = server.requests
    signed = f"{first.headers['webhook-id']}.1700000000.".encode() + first.body
    right = base64.b64encode(hmac.new(b"0123456789abcdef01234567", signed, hashlib.sha256).digest()).decode()
    assert first.headers["webhook-timestamp"] == "1700000000" and first.headers["webhook-signature"] == f"v1,{right}"
    assert again.headers["webhook-id"] == first.headers["webhook-id"], "the same request has the same id"
    # The vector of the specification's own libraries.
    vector = Signed(SecretStr("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), lambda: 1614265330).headers(
        Outgoing("POST", "https://hooks.example.com", b'{"test": 2432232314}'), None
    )
    assert len(base64.b64decode(vector["webhook-signature"].removeprefix("v1,"))) == 32
    with pytest.raises(ConfigError, match="no base64"):
        Signed(SecretStr("whsec_###")).headers(Outgoing("POST", "https://hooks.example.com"), None)
    client.close()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://api.example.com", None),
        ("https://api.example.com:8443/v3", None),
        ("http://localhost:8000", None),
        ("http://127.0.0.1:8000", None),
        ("http://[::1]:8000", None),
        ("http://api.example.com", "not encrypted"),
        ("http://localhost.example.com", "not encrypted"),
        ("ftp://api.example.com", "is not a URL such as"),
        ("api.example.com", "is not a URL such as"),
        ("https://", "is not a URL such as"),
        ("https://me:hidden@api.example.com", "holds more than"),
        ("https://api.example.com?key=hidden", "holds more than"),
        ("https://api.example.com:port", "is not a URL"),
    ],
)
def test_only_an_encrypted_address_without_secrets_is_a_base(url: str, said: str | None) -> None:
    problem = base_url_problem(url)
    assert (problem is None) if said is None else (said in (problem or "") and "hidden" not in (problem or "")), url
    if said == "not encrypted":
        assert base_url_problem(url, plain_allowed=True) is None


def made_certificate(folder: Path) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
         "subjectAltName=DNS:localhost", "-keyout", str(folder / "key"), "-out", str(folder / "cert")],
        check=True, capture_output=True,
    )  # fmt: skip


def test_whom_to_believe_is_read_once_and_again_where_the_company_names_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def believed(url: str) -> Any:
        client = Client(API, url, KeyHeader(SecretStr(KEY)))
        client.close()
        return client._http._transport._pool._ssl_context  # type: ignore[attr-defined]

    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    far = "https://api.example.com"
    first = believed(far)
    assert believed(far) is first and len(first.get_ca_certs()) > 50
    made_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert"))
    (own,) = believed(far).get_ca_certs()
    assert own["subject"] == ((("commonName", "localhost"),),)
    assert len(believed("https://localhost").get_ca_certs()) > 50, "a company's certificates are not for this machine"
    monkeypatch.delenv("SSL_CERT_FILE")
    assert believed(far) is first


def test_a_certificate_that_proves_nothing_is_refused_before_the_key_leaves(tmp_path: Path, timer: FastTimer) -> None:
    made_certificate(tmp_path)
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.append(self.headers["Authorization"])

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    running = HTTPServer(("127.0.0.1", 0), Handler)
    running.socket = context.wrap_socket(running.socket, server_side=True)
    threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    client = Client(API, f"https://localhost:{running.server_address[1]}", KeyHeader(SecretStr(KEY)), timeout_seconds=5)
    with pytest.raises(PermanentError, match="a certificate that could not be verified"):
        client.ask(DROP)
    assert seen == []
    client.close()
    running.shutdown()
    running.server_close()


def test_no_log_of_whatever_level_holds_an_address_or_a_key(
    server: Scripted, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("", "httpx", "httpcore", "httpcore.connection", "httpcore.http11", "orchestration"):
        caplog.set_level(logging.DEBUG, logger=name)
    server.fail("answer", skip=1)
    for _ in range(2):
        try:
            client.ask(MEMBER, {"list": "7", "email": ANN}, parameters={"email": ANN})
        except TransientError as error:
            logging.getLogger("somewhere").warning("failed", exc_info=error)
    client.ask(DROP, data=[ANN])
    assert "esp GET /lists/{list}/members/{email}: 200" in caplog.text
    for word in (ANN, "ann%2B", "ann", KEY, "swordfish"):
        assert word not in caplog.text, word
    assert json.loads(server.requests[-1].body) == [ANN], "it was sent"


def test_the_clock_of_this_test_costs_no_time() -> None:
    began = time.monotonic()
    FastTimer().sleep(100)
    assert time.monotonic() - began < 1
