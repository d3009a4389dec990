"""The hashes of a real Redis server: what is ours, what is somebody else's, and what the server refuses."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from orchestration.core.config import parse_config
from orchestration.core.errors import ConfigError, PermanentError, TransientError
from orchestration.core.home import Home
from orchestration.destinations import redis_hash
from orchestration.destinations.contract import destination_for, settings_problems
from orchestration.http.client import CredentialsRefused
from tests.redis_server import redis_server

pytestmark = pytest.mark.redis
LIST = "quietlist:suppressed:email:email:*"


def config(home: Home, **keys: Any) -> Any:
    lines = "".join(
        f"{key} = {json.dumps(value)}\n" for key, value in {"url_env": "TEST_REDIS", **keys}.items() if value is not None
    )
    text = f'[company]\nname = "Acme"\n[destinations.there]\nsystem = "redis_hash"\nchannels = ["email"]\n{lines}'
    return parse_config(text, home.config_file)


@pytest.fixture
def client(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    import redis

    monkeypatch.setenv("TEST_REDIS", redis_url)
    made = redis.Redis.from_url(redis_url, decode_responses=True)
    yield made
    made.config_set("maxmemory", 0)
    made.config_set("maxmemory-policy", "noeviction")
    made.replicaof("NO", "ONE")
    made.flushall()
    made.close()


def opened(home: Home, a_push: Any, **keys: Any) -> Any:
    found = destination_for("there", config(home, **keys), home)
    found.open(a_push)
    return found


def read(found: Any) -> dict[str, bool]:
    return {row["identifier"]: row["ours"] for batch in found.read() for row in batch.to_pylist()}


def test_opening_and_reading_makes_nothing(client, home, a_push) -> None:
    found = opened(home, a_push)
    assert read(found) == {} and found.writers() == [] and client.keys() == []


def test_a_put_is_one_field_that_says_why_and_a_replay_changes_nothing(client, home, a_push, stream) -> None:
    found = opened(home, a_push)
    rows = [{"identifier": f"{number}@example.com"} for number in range(1_203)]  # several scripts, and a hash of several pages
    assert found.put(stream(*rows)).changed == 1_203
    assert found.put(stream(*rows)).changed == 0
    assert found.put(stream({"identifier": "3@example.com", "reason": "complaint"}, *rows[4:9])).changed == 1
    assert client.hexists(LIST, "7@example.com") and not client.hexists(LIST, "nobody@example.com")
    assert json.loads(client.hget(LIST, "3@example.com")) == {
        "by": "quietlist", "hash": "hash of 3@example.com", "reason": "complaint", "since": "2026-02-01T08:30:00Z",
        "at": "2026-03-01T12:00:00Z", "home": "", "push": "",
    }  # fmt: skip
    assert read(found) == {row["identifier"]: True for row in rows}
    assert {(row["channel"], row["identifier_type"], row["scope"]) for batch in found.read() for row in batch.to_pylist()} == {
        ("email", "email", "*")
    }


def test_no_two_identifiers_are_one_field_however_alike(client, home, a_push, stream) -> None:
    found = opened(home, a_push)
    alike = [
        "ann@example.com",
        "Ann@example.com",
        "ann@example.com ",
        "änn@example.com",
        'say"hi"@example.com',
        "a\\b@example.com",
    ]
    found.put(stream(*({"identifier": text, "reason": text} for text in alike)))
    assert read(found) == dict.fromkeys(alike, True)
    found.release(stream({"identifier": "ann@example.com"}))
    assert read(found) == dict.fromkeys(alike[1:], True)


def test_a_field_of_somebody_else_is_read_and_never_touched(client, home, a_push, stream) -> None:
    found = opened(home, a_push)
    client.hset(
        LIST,
        mapping={"ann@example.com": "1", " Eve@Example.com ": '{"by":"callcenter"}', "cut@example.com": '{"by":"quietlist",'},
    )
    found.put(stream({"identifier": "ann@example.com"}, {"identifier": "bob@example.com"}))
    assert read(found) == {"ann@example.com": False, "eve@example.com": False, "cut@example.com": False, "bob@example.com": True}
    assert found.release(stream({"identifier": "ann@example.com"}, {"identifier": "bob@example.com"})).changed == 1
    assert client.hget(LIST, "ann@example.com") == "1" and read(found).keys() == {
        "ann@example.com",
        "eve@example.com",
        "cut@example.com",
    }


def test_a_field_that_somebody_wrote_over_is_theirs(client, home, a_push, stream) -> None:
    found = opened(home, a_push)
    found.put(stream({"identifier": "ann@example.com"}))
    client.hset(LIST, "ann@example.com", "asked on the phone")
    assert found.put(stream({"identifier": "ann@example.com", "reason": "complaint"})).changed == 0
    assert found.release(stream({"identifier": "ann@example.com"})).changed == 0
    assert client.hget(LIST, "ann@example.com") == "asked on the phone"


def test_evidence_is_spent_once_and_told_when_the_field_comes_back(client, home, a_push, stream) -> None:
    found = opened(home, a_push)
    for evidence in ("opt-in 1", "opt-in 2"):
        found.put(stream({"identifier": "ann@example.com"}))
        assert found.release(stream({"identifier": "ann@example.com", "evidence_id": evidence})).changed == 1
        assert found.release(stream({"identifier": "ann@example.com", "evidence_id": "again"})).changed == 0
    found.put(stream({"identifier": "ann@example.com"}))
    assert [row["spent"] for batch in found.read() for row in batch.to_pylist()] == ["opt-in 1\nopt-in 2"]


def test_what_lies_outside_of_the_prefix_is_nobodys_business(client, home, a_push, stream) -> None:
    client.hset("quietlist2:suppressed:email:email:*", "other@example.com", "1")
    client.set("quietlistX", "1")
    found, other = opened(home, a_push), opened(home, a_push, prefix="acme:marketing")
    found.put(stream({"identifier": "ann@example.com"}))
    other.put(stream({"identifier": "bob@example.com", "scope": "acme/news"}))
    assert (read(found), read(other)) == ({"ann@example.com": True}, {"bob@example.com": True})
    assert client.hkeys("acme:marketing:suppressed:email:email:acme/news") == ["bob@example.com"]


def test_what_makes_no_sense_ends_no_read(client, home, a_push, stream) -> None:
    found = opened(home, a_push)
    found.put(stream({"identifier": "ann@example.com", "suppressed_since": None}))
    client.hset(
        LIST,
        mapping={b"\xff\xfe": "1", "nul\0@example.com": "1", "x" * 5_000: "1", "when@example.com": '{"by":"quietlist","at":7}'},
    )
    client.hset("quietlist:suppressed:odd", "who@example.com", "1")
    rows = [row for batch in found.read() for row in batch.to_pylist()]
    assert len(rows) == 6, "every field is handed over, so that what makes no sense is counted"
    assert {row["identifier"] for row in rows} == {None, "ann@example.com", "when@example.com", "who@example.com"}


def test_a_key_of_ours_that_is_no_hash_is_told(client, home, a_push, stream) -> None:
    found = opened(home, a_push)
    client.sadd(LIST, "ann@example.com")
    with pytest.raises(PermanentError, match="a key below our prefix that is no hash"):
        read(found)
    with pytest.raises(PermanentError, match="wrongtype") as caught:
        found.put(stream({"identifier": "bob@example.com"}))
    assert "example.com" not in str(caught.value)


def test_a_server_that_would_forget_people_is_told_of(client, home, a_push) -> None:
    found = opened(home, a_push)
    assert found.notices() == []
    client.config_set("maxmemory-policy", "allkeys-lru")
    (said,) = found.notices()
    assert "may drop a whole list" in said and "set noeviction" in said
    client.config_set("maxmemory-policy", "volatile-lru")
    assert found.notices() == [], "no key here expires"


def test_a_full_server_and_a_replica_are_worth_another_try(client, home, a_push, stream) -> None:
    found = opened(home, a_push)
    client.config_set("maxmemory", "1")
    with pytest.raises(TransientError, match=r"memory is full.*raise its maxmemory"):
        found.put(stream({"identifier": "ann@example.com"}))
    client.config_set("maxmemory", 0)
    client.replicaof("127.0.0.1", "9")
    with pytest.raises(TransientError, match=r"a replica.*name the primary"):
        found.put(stream({"identifier": "ann@example.com"}))
    client.replicaof("NO", "ONE")
    assert found.put(stream({"identifier": "ann@example.com"})).changed == 1


def test_passwords_and_rights(home, a_push, stream, monkeypatch) -> None:
    import redis

    with redis_server("--requirepass", "swordfish") as url:
        for given in ("", "wrong@"):
            monkeypatch.setenv("TEST_REDIS", url.replace("unix://", f"unix://:{given}") if given else url)
            with pytest.raises(CredentialsRefused) as caught:
                opened(home, a_push)
            assert "wrong@" not in str(caught.value) and "EVAL" in caught.value.allowed
        owner = redis.Redis.from_url(url.replace("unix://", "unix://:swordfish@"))
        owner.acl_setuser(
            "quietlist", enabled=True, passwords=["+tunafish"], keys=["quietlist:*"],
            commands=["+eval", "+hget", "+hset", "+hdel", "+hmget", "+hscan", "+hgetall", "+scan", "+type", "+ping"],
        )  # fmt: skip
        monkeypatch.setenv("TEST_REDIS", url.replace("unix://", "unix://quietlist:tunafish@"))
        found = opened(home, a_push)
        assert found.put(stream({"identifier": "ann@example.com"})).changed == 1 and read(found) == {"ann@example.com": True}
        found.release(stream({"identifier": "ann@example.com"}))
        assert found.writers() and "INFO is not allowed" in found.notices()[0]
        elsewhere = opened(home, a_push, prefix="other")
        with pytest.raises(CredentialsRefused):
            elsewhere.put(stream({"identifier": "ann@example.com"}))


def test_a_server_that_is_away_is_worth_another_try_and_says_no_address(client, home, a_push, stream, monkeypatch) -> None:
    monkeypatch.setenv("TEST_REDIS", "redis://:swordfish@127.0.0.1:9/0")
    with pytest.raises(TransientError) as caught:
        opened(home, a_push)
    assert "swordfish" not in str(caught.value) and caught.value.next_step


def test_nobody_is_in_a_log(client, home, a_push, stream, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("", "redis", "orchestration"):
        caplog.set_level(logging.DEBUG, logger=name)
    found = opened(home, a_push)
    found.put(stream({"identifier": "ann@example.com"}))
    read(found)
    assert "ann" not in caplog.text


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"url": "redis://:hidden@localhost/0"}, "holds a password"),
        ({"url": "redis://localhost/0?password=hidden"}, "holds a password"),
        ({"url": "http://localhost"}, "is not a URL such as"),
        ({"url": "redis://redis.example.com"}, "is not encrypted"),
        ({"url": "redis://localhost", "url_env": "X"}, "exclude each other"),
        ({"prefix": "a*"}, "a prefix is letters"),
        ({"url": "rediss://redis.example.com?ssl_ca_certs=/etc/ca.pem"}, "outside the home"),
        ({"colour": "blue"}, "unknown key"),
    ],
)
def test_what_is_configured_wrongly_is_told(home, keys, said) -> None:
    problems = settings_problems(config(home, **{"url_env": None, **keys}), home)
    assert len(problems) == 1 and said in problems[0] and "hidden" not in problems[0], problems


def test_a_wrong_url_in_the_variable_is_told_without_it(home, a_push, monkeypatch) -> None:
    for url in ("redis://:hidden@redis.example.com:6379/0", "redis://localhost:hidden/0", "redis://localhost/0?colour=hidden"):
        monkeypatch.setenv("TEST_REDIS", url)
        with pytest.raises(ConfigError) as caught:
            opened(home, a_push)
        assert "hidden" not in str(caught.value), url


def test_two_destinations_on_one_prefix_are_refused(home) -> None:
    text = '[company]\nname = "Acme"\n' + "".join(
        f'[destinations.{name}]\nsystem = "redis_hash"\nchannels = ["email"]\nurl = "redis://localhost:6379/0"\n'
        for name in ("one", "two")
    )
    (problem,) = settings_problems(parse_config(text, home.config_file), home)
    assert "keeps the keys below quietlist, as [destinations.one] does" in problem


def test_without_the_package_the_configuration_says_what_to_install(home, monkeypatch) -> None:
    monkeypatch.setattr(redis_hash.importlib.util, "find_spec", lambda name: None)
    assert settings_problems(config(home), home) == [
        "destinations.there.system: redis_hash needs a package that is not installed: pip install 'quietlist[redis]'"
    ]
