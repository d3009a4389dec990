"""What a block may say: a wrong key or a word too few is an error that names what is allowed, all of them at once."""

from __future__ import annotations

from typing import Any

import pytest

from orchestration.connectors import blocks
from orchestration.connectors.blocks import pulled_feeds, value_at
from orchestration.core.errors import ConfigError
from orchestration.readers.feeds import Column, Feed

GOOD: dict[str, Any] = {
    "base_url": "https://api.example.com",
    "auth": {"header": "Key"},
    "path": "/v1/{list}/members",
    "saves_as": "members",
    "needs": {"list": "the list, such as 7"},
    "paging": {"offset": "offset", "size": 100},
    "verified": ["seen"],
}


def problems(monkeypatch: pytest.MonkeyPatch, block: dict[str, Any], *, snapshot: bool = True) -> list[str]:
    feed = Feed("esp", "members", ("requests",), "json", ("*",), (), snapshot, (Column("email", ("email",)),), pull=block)
    monkeypatch.setattr(blocks, "feeds_of_format", lambda name: (feed,))
    pulled_feeds.cache_clear()
    try:
        return [] if pulled_feeds("esp") else ["nothing"]
    except ConfigError as error:
        return error.problems
    finally:
        pulled_feeds.cache_clear()


@pytest.mark.parametrize(
    ("case", "change", "said"),
    [
        ("nothing wrong", {}, None),
        ("an unknown key", {"pth": "/v1"}, "pull.pth: unknown key; allowed: auth, base_url"),
        ("an unknown key within", {"paging": {"ofset": "o"}}, "pull.paging.ofset: unknown key; allowed: cursor, ends_empty"),
        ("two ways of paging", {"paging": {"offset": "o", "size": 5, "link": "next"}}, "more than one of offset, number"),
        ("pages of no size", {"paging": {"offset": "offset"}}, "needs a size"),
        ("a cursor that nothing carries", {"paging": {"cursor": "next"}}, "needs cursor and parameter together"),
        ("two ways of asking", {"auth": {"header": "A", "basic": "b"}}, "exactly one of header, basic, aws and token_path"),
        ("nobody asks", {"auth": {}}, "exactly one of header, basic, aws and token_path"),
        ("a signature by nobody", {"auth": {"aws": "ses"}}, "needs does not explain access_key_id, region"),
        ("a token for nobody", {"auth": {"token_path": "/token"}}, "needs does not explain client_id"),
        ("an address that nobody gives", {"base_url": "https://{host}.example.com"}, "needs does not explain host"),
        ("a part that nobody gives", {"needs": {}}, "needs does not explain list"),
        ("a user that nobody gives", {"auth": {"basic": "{account}"}}, "needs does not explain account"),
        ("a path of no host", {"path": "v1/{list}"}, "path does not begin with /"),
        ("no address", {"base_url": ""}, "exactly one of base_url and base_url_of_key"),
        ("a path of links that are none", {"paging": {"link_path": "/v1/{page}"}}, "needs link with link_path"),
        ("a parameter that nobody gives", {"parameters": {"q": "from {object}"}}, "needs does not explain object"),
        ("a name that is none", {"saves_as": "Members-1"}, "pull.saves_as"),
        ("a snapshot that is asked for what is new", {"since": {"parameter": "s", "form": "iso"}}, "a snapshot is read whole"),
        ("no overlap at all", {"since": {"parameter": "s", "form": "iso", "overlap_hours": 0}}, "pull.since.overlap_hours"),
        ("a moment in no form", {"since": {"parameter": "s", "form": "local"}}, "pull.since.form"),
    ],
)
def test_a_block_that_is_wrong_says_so(
    monkeypatch: pytest.MonkeyPatch, case: str, change: dict[str, Any], said: str | None
) -> None:
    found = problems(monkeypatch, {**GOOD, **change})
    assert (found == []) if said is None else (len(found) == 1 and said in found[0]), f"{case}: {found}"


def test_all_that_is_wrong_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    found = problems(monkeypatch, {**GOOD, "pth": "/", "auth": {}, "paging": {"offset": "offset"}})
    assert len(found) == 3, found


def test_events_may_be_asked_for_what_is_new(monkeypatch: pytest.MonkeyPatch) -> None:
    assert problems(monkeypatch, {**GOOD, "since": {"parameter": "since", "form": "epoch"}}, snapshot=False) == []


@pytest.mark.parametrize(
    ("case", "path", "value"),
    [
        ("at the top", "next", "A"),
        ("within", "paging.next", "B"),
        ("the first of its kind", "links[rel=next].href", "C"),
        ("none of its kind", "links[rel=last].href", None),
        ("not there", "paging.nowhere.next", None),
        ("below what is no object", "next.next", None),
        ("a list that is none", "paging[rel=next].href", None),
    ],
)
def test_a_place_in_an_answer(case: str, path: str, value: object) -> None:
    body = {"next": "A", "paging": {"next": "B"}, "links": ["x", {"rel": "first", "href": "A"}, {"rel": "next", "href": "C"}]}
    assert value_at(body, path) == value, case


def test_where_a_vendor_is_may_stand_in_the_key() -> None:
    block = blocks.PullBlock.model_validate(
        {
            **{key: value for key, value in GOOD.items() if key != "base_url"},
            "base_url_of_key": {"-([a-z]+[0-9]+)$": "https://{}.example.com"},
        }
    )
    assert block.base_for("0123456789abcdef-us7") == "https://us7.example.com"
    assert block.base_for("0123456789abcdef") == ""
