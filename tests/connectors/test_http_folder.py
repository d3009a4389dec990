"""What is a web server's own: links, one file, servers that say little, who asks, and pages that are no list."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestration.connectors.contract import pull_problems
from orchestration.landing import collect
from tests.connectors.conftest import House
from tests.connectors.far import PASSWORD, HttpFar, came, far_of
from tests.vendors.server import Reply, Request


@pytest.fixture
def far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpFar]:
    monkeypatch.setenv("FAR_PASS", PASSWORD)
    with far_of("http", tmp_path / "far") as server:
        yield server


def test_one_file_comes_when_it_changed(house: House, far: HttpFar) -> None:
    far.put("a list.csv", b"one")
    far.put("other.csv", b"not asked for")
    house.sources = {"far": far.settings(url=f"{far.url}/exports/a%20list.csv")}
    assert (house.pull()[0].files, house.pull()[0].files) == (1, 0)
    far.put("a list.csv", b"two")
    assert house.pull()[0].files == 1
    assert set(came(house.home)) == {("a list.csv", b"one"), ("a list (2).csv", b"two")}
    far.remove("a list.csv")
    (outcome,) = house.pull()
    assert outcome.state == "failed", "a file that is not there is no empty one"


@pytest.mark.parametrize(("tells", "knows_head"), [(False, True), (True, False), (False, False)])
def test_a_server_that_says_little_is_asked_each_time_and_nothing_is_doubled(
    house: House, far: HttpFar, tells: bool, knows_head: bool
) -> None:
    far.tells, far.knows_head = tells, knows_head
    far.put("a.csv", b"one")
    house.sources = {"far": far.settings()}
    for _ in range(2):
        (outcome,) = house.pull()
        assert (outcome.state, outcome.files) == ("whole", 1), outcome.failure
    assert came(house.home).total() == 1
    collect(house.home, house.config, house.now)
    house.pull()
    assert collect(house.home, house.config, house.now).taken == 0, "the same bytes are another delivery"


def test_a_file_whose_size_nobody_says_is_not_read_past_what_a_file_may_have(house: House, far: HttpFar) -> None:
    far.knows_head = False
    far.put("a.csv", b"a")
    far.put("large.csv", b"x" * 2_000)
    house.limits = {"max_file": "1KB"}
    house.sources = {"far": far.settings()}
    (outcome,) = house.pull()
    assert outcome.state == "failed" and "1 file is larger than limits.max_file allows" in outcome.failure, outcome
    assert set(came(house.home)) == {("a.csv", b"a")} and not list((house.home.inbox / "far").glob(".*"))


def test_only_links_below_the_address_are_followed(house: House, far: HttpFar) -> None:
    far.put("a.csv", b"a")
    links = (
        '<a href="../">up</a><a href="a.csv">a</a><a href="/exports/a.csv#top">again</a><a href="/etc/passwd">no</a>'
        '<a href="//other.example.com/exports/b.csv">no</a><a href="?C=N">no</a><a href="http://[bad">no</a>'
        '<a href="../exports-of-others/c.csv">no</a><a href="%2e%2e/d.csv">no</a><a>no</a><a href="javascript:x()">no</a>'
    )
    far.index = lambda folder: links  # type: ignore[method-assign]
    house.sources = {"far": far.settings()}
    (outcome,) = house.pull()
    assert (outcome.state, outcome.files) == ("whole", 1), outcome.failure
    assert {request.path for request in far.requests} == {"/exports/", "/exports/a.csv"}


@pytest.mark.parametrize(
    ("case", "page"),
    [
        ("a page to log in at", '<a href="/">Home</a><form><input name="p" type="password"></form>'),
        ("another program's page", "<h1>Welcome</h1><a href='https://other.example.com/'>x</a>"),
        ("no page at all", ""),
        ("an answer in JSON", '{"files": []}'),
    ],
)
def test_a_page_that_is_no_list_is_no_empty_list(house: House, far: HttpFar, case: str, page: str) -> None:
    far.index = lambda folder: page  # type: ignore[method-assign]
    house.sources = {"far": far.settings()}
    (outcome,) = house.pull()
    assert outcome.state == "failed" and "a page that lists no files" in outcome.failure, f"{case}: {outcome}"


def test_an_empty_folder_is_one(house: House, far: HttpFar) -> None:
    house.sources = {"far": far.settings()}
    (outcome,) = house.pull()
    assert (outcome.state, outcome.files) == ("whole", 0), outcome.failure


def test_a_redirect_is_not_followed(house: House, far: HttpFar) -> None:
    far.put("a.csv", b"a")
    far.fail("answer", reply=Reply(302, None, {"Location": "https://other.example.com/"}))
    house.sources = {"far": far.settings()}
    (outcome,) = house.pull()
    assert outcome.state == "failed" and "status 302" in outcome.failure


def test_a_file_that_is_replaced_before_it_is_read_waits(house: House, far: HttpFar) -> None:
    far.put("a.csv", b"first")
    rest = house.fast.sleep

    def sleep(seconds: float) -> None:
        if not far.asked:
            far.put("a.csv", b"newer")
        rest(seconds)

    house.fast.sleep = sleep  # type: ignore[method-assign]
    house.sources = {"far": far.settings()}
    (outcome,) = house.pull()
    assert (outcome.state, outcome.files, outcome.attention) == ("whole", 0, "1 file there is still being written.")
    house.fast.sleep = rest  # type: ignore[method-assign]
    assert house.pull()[0].files == 1 and set(came(house.home)) == {("a.csv", b"newer")}


@pytest.mark.parametrize("status", [429, 500, 503])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_busy_server_is_waited_for(house: House, far: HttpFar, status: int, method: str) -> None:
    far.put("a.csv", b"a")
    far.fail("answer", times=2, on=lambda request: request.method == method, reply=Reply(status, {}, {"Retry-After": "3"}))
    house.sources = {"far": far.settings()}
    (outcome,) = house.pull()
    assert (outcome.state, outcome.files) == ("whole", 1), outcome.failure
    assert house.fast.slept.count(3.0) == 2, f"Retry-After was not heeded: {house.fast.slept}"


WAYS: list[tuple[str, dict[str, Any], str]] = [
    ("Basic", {}, "Basic YWNtZTpzd29yZGZpc2gtMTIzNDU2Nw=="),
    ("a key", {"user": None, "password_env": None, "key_env": "FAR_PASS"}, f"Bearer {PASSWORD}"),
    ("a bare key", {"user": None, "password_env": None, "key_env": "FAR_PASS", "prefix": ""}, PASSWORD),
    ("nobody", {"user": None, "password_env": None}, ""),
]


@pytest.mark.parametrize(("case", "change", "said"), WAYS)
def test_the_server_is_told_who_asks(house: House, far: HttpFar, case: str, change: dict[str, Any], said: str) -> None:
    plain = far.answer

    def answer(request: Request) -> Reply:
        given = request.headers.pop("authorization", "")
        request.headers["authorization"] = "Basic YWNtZTpzd29yZGZpc2gtMTIzNDU2Nw==" if given == said else "another"
        return plain(request)

    far.answer = answer  # type: ignore[method-assign]
    far.put("a.csv", b"a")
    house.sources = {"far": far.settings(**change)}
    (outcome,) = house.pull()
    assert (outcome.state, outcome.files) == ("whole", 1), f"{case}: {outcome.failure}"


def test_a_token_is_fetched_and_fetched_again_when_it_ends(house: House, far: HttpFar) -> None:
    plain, tokens = far.answer, []

    def answer(request: Request) -> Reply:
        if request.path == "/token":
            tokens.append(request.form)
            return Reply(200, {"access_token": f"t{len(tokens)}", "expires_in": 3600})
        if request.headers.get("authorization") != f"Bearer t{max(len(tokens), 2)}":  # the first one has ended
            return Reply(401, {})
        request.headers["authorization"] = "Basic YWNtZTpzd29yZGZpc2gtMTIzNDU2Nw=="
        return plain(request)

    far.answer = answer  # type: ignore[method-assign]
    far.put("a.csv", b"a")
    oauth = {"token_url": f"{far.url}/token", "client_id": "acme", "client_secret_env": "FAR_PASS", "oauth_scope": "files"}
    house.sources = {"far": far.settings(user=None, password_env=None, **oauth)}
    (outcome,) = house.pull()
    assert (outcome.state, outcome.files, len(tokens)) == ("whole", 1, 2), outcome.failure
    assert ("scope", "files") in tokens[0] and PASSWORD not in str(tokens)


@pytest.mark.parametrize(
    ("case", "change", "said"),
    [
        ("no address", {"url": "ftp://files.example.com/"}, "url is not a URL"),
        ("no TLS to elsewhere", {"url": "http://files.example.com/"}, "url is not encrypted"),
        ("a key in the address", {"url": "https://files.example.com/?key=17"}, "keys belong into environment variables"),
        ("half of a login", {"user": None}, "needs user and password_env together"),
        ("half of OAuth", {"user": None, "password_env": None, "client_id": "acme"}, "needs token_url, client_id and"),
        ("two ways", {"key_env": "FAR_PASS"}, "more than one way to say who asks"),
        ("an unknown key", {"ulr": "x"}, "did you mean url?"),
    ],
)
def test_what_is_configured_wrongly_is_told(house: House, far: HttpFar, case: str, change: dict[str, Any], said: str) -> None:
    house.sources = {"far": far.settings(**change)}
    problems = pull_problems(house.config)
    assert len(problems) == 1 and said in problems[0], f"{case}: {problems}"
