"""What a pull does when the other side fails, and where the next one goes on: nothing is lost, nothing is asked twice in vain."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from orchestration.connectors import pulling
from orchestration.connectors.progress import read_progress
from orchestration.connectors.pulling import unread
from orchestration.core.config import size_in_bytes
from orchestration.core.errors import ConfigError
from orchestration.landing import collect, read_manifest
from tests.connectors.conftest import NOON, House
from tests.connectors.shelf import KEY, Shelf, contents, keys, records, settings
from tests.vendors.server import Reply, Request

LIST, DUMP = "/v3/suppression/unsubscribes", "/message-streams/broadcast/suppressions/dump"
TEXTS = "/2010-04-01/Accounts/AC0123456789abcdef0123456789abcdef/Messages.json"


def people(count: int, first: int = 0) -> list[dict[str, Any]]:
    return [{"email": f"person{number}@example.com", "created": 1772326800 + number} for number in range(first, first + count)]


def texts(*days: str) -> list[dict[str, Any]]:
    return [
        {
            "sid": f"SM{number}",
            "from": "+12025550101",
            "to": "+12025550190",
            "body": "STOP",
            "direction": "inbound",
            "status": "received",
            "date_sent": f"{day} 10:00",
        }
        for number, day in enumerate(days)
    ]


def sendgrid(house: House, server: Shelf, **more: Any) -> None:
    house.sources = {"esp": settings("sendgrid", server, feeds=["unsubscribes"], **more)}


def offsets(server: Shelf) -> list[str]:
    return [request.query["offset"] for request in server.requests if request.path == LIST]


def at(offset: int) -> Any:
    def on(request: Request) -> bool:
        return request.query.get("offset") == str(offset)

    return on


@pytest.mark.parametrize(
    ("case", "fault", "slept"),
    [
        ("a server that is busy for a moment", {"kind": "answer", "times": 2, "reply": Reply(503, {})}, [1.0, 2.0]),
        ("a connection that is cut", {"kind": "cut"}, [1.0]),
        ("half of an answer", {"kind": "half"}, [1.0]),
        ("a throttle that says how long", {"kind": "answer", "reply": Reply(429, {}, {"Retry-After": "90"})}, [90.0]),
    ],
)
def test_what_passes_is_waited_for(house: House, case: str, fault: dict[str, Any], slept: list[float]) -> None:
    with Shelf({LIST: people(7)}) as server:
        server.fail(on=at(3), **fault)
        sendgrid(house, server)
        (outcome,) = house.pull()
    assert (outcome.state, outcome.records) == ("whole", 7), f"{case}: {outcome.failure}"
    assert house.fast.slept == slept, case
    assert records(house.home, "esp") == dict.fromkeys(keys(people(7)), 1), case


LASTS = [
    ("a server that stays away", Reply(503, {}), "status 503"),
    ("a throttle longer than a run", Reply(429, {}, {"Retry-After": "7200"}), "status 429"),
    ("a key that was withdrawn", Reply(401, {}), "status 401"),
    ("a key that may not read this", Reply(403, {}), "Suppressions: read"),
    ("a page of a proxy in place of the list", Reply(200, b"<html>log in</html>"), "a page without a list in it"),
    ("an answer that is no list", Reply(200, {"message": "ok"}), "a page without a list in it"),
    ("a path that is gone", Reply(404, {}), "status 404"),
]


@pytest.mark.parametrize(("case", "reply", "said"), LASTS)
def test_a_failure_keeps_what_came_and_the_next_pull_goes_on_there(house: House, case: str, reply: Reply, said: str) -> None:
    with Shelf({LIST: people(7)}) as server:
        fault = server.fail("answer", on=at(3), times=99, reply=reply)
        sendgrid(house, server)
        (outcome,) = house.pull()
        assert (outcome.state, outcome.records, outcome.files) == ("failed", 3, 1), case
        assert said in outcome.failure and "example.com" not in outcome.failure and KEY not in outcome.failure, case
        assert [(source, said in sentence) for source, sentence in unread(house.home, house.config)] == [("esp", True)], case
        server.faults.remove(fault)
        server.requests.clear()
        house.later(hours=1)
        (outcome,) = house.pull()
    assert (outcome.state, outcome.records) == ("whole", 4), f"{case}: {outcome.failure}"
    assert offsets(server) == ["3", "6", "7"], f"{case}: asked again for what it had"
    assert records(house.home, "esp") == dict.fromkeys(keys(people(7)), 1), case
    assert unread(house.home, house.config) == [], case
    moments = {name.split("_")[2] for name, _ in contents(house.home, "esp")}
    assert moments == {"20260320T120000Z"}, f"{case}: the two halves of one list are not one state"


@pytest.mark.parametrize(("case", "reply", "said"), LASTS)
def test_a_first_page_that_fails_is_no_empty_list(house: House, case: str, reply: Reply, said: str) -> None:
    with Shelf({LIST: people(7)}) as server:
        server.fail("answer", times=99, reply=reply)
        sendgrid(house, server)
        (outcome,) = house.pull()
    assert (outcome.state, outcome.files) == ("failed", 0) and said in outcome.failure, case
    assert list(contents(house.home, "esp")) == [], f"{case}: something was delivered"


def test_one_part_that_fails_stops_no_other_part_and_no_other_source(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTHER_KEY", raising=False)
    bounces = "/v3/suppression/bounces"
    rows = [{**row, "reason": "550", "status": "5.1.1"} for row in people(2)]
    with Shelf({LIST: people(7), bounces: rows, DUMP: []}) as server:
        server.fail("answer", on=lambda request: request.path == bounces, times=99, reply=Reply(403, {}))
        house.sources = {
            "a_key": settings("postmark", server, api_key_env="OTHER_KEY"),
            "b_esp": settings("sendgrid", server, feeds=["bounces", "unsubscribes"]),
            "c_mail": settings("postmark", server),
        }
        outcome = house.pull()
    states = {(item.source, item.part): item.state for item in outcome}
    assert states == {
        ("a_key", "suppressions"): "failed",
        ("b_esp", "bounces"): "failed",
        ("b_esp", "unsubscribes"): "whole",
        ("c_mail", "suppressions"): "whole",
    }
    assert "OTHER_KEY is not set" in outcome[0].failure
    assert {source for source, _ in unread(house.home, house.config)} == {"a_key", "b_esp"}
    house.sources["b_esp"] = settings("sendgrid", server, feeds=["unsubscribes"])
    assert {source for source, _ in unread(house.home, house.config)} == {"a_key"}, "a list that is no longer pulled holds on"


def test_a_place_that_the_vendor_forgot_begins_again(house: House) -> None:
    domain = "/v3/mg.example.com/complaints"
    rows = [{"address": f"person{number}@example.com", "count": 1, "created_at": ""} for number in range(7)]
    with Shelf({domain: rows}) as server:
        fault = server.fail("answer", on=lambda request: "token" in request.query, times=99, reply=Reply(503, {}))
        house.sources = {"mg": settings("mailgun", server, feeds=["complaints"])}
        assert house.pull()[0].state == "failed"
        fault.times = 1
        fault.reply = Reply(400, {"message": "page expired"})
        (outcome,) = house.pull()
    assert (outcome.state, outcome.records) == ("whole", 7), outcome.failure
    assert set(records(house.home, "mg")) == keys(rows)


@pytest.mark.parametrize(
    ("case", "link"),
    [
        ("another host", "https://elsewhere.example.com/v3/mg.example.com/complaints?token=3"),
        ("another list", "/v3/other.example.com/complaints/all?token=3"),
    ],
)
def test_the_key_goes_nowhere_else(house: House, case: str, link: str) -> None:
    domain = "/v3/mg.example.com/complaints"
    page = {"items": [{"address": "a@example.com", "count": 1, "created_at": ""}], "paging": {"next": link}}
    with Shelf({domain: []}) as server:
        server.fail("answer", reply=Reply(200, page))
        house.sources = {"mg": settings("mailgun", server, feeds=["complaints"])}
        (outcome,) = house.pull()
        assert (outcome.state, outcome.records) == ("failed", 1), case
        assert "at another place" in outcome.failure and len(server.requests) == 1, case


def test_a_list_is_asked_once_a_day_and_when_somebody_says_so(house: House) -> None:
    with Shelf({LIST: people(2)}) as server:
        sendgrid(house, server)
        said = []
        for hours in (0, 1, 18, 2, 0):
            house.later(hours=hours)
            said.append(house.pull(only_due=True)[0].state)
        assert said == ["whole", "rests", "rests", "whole", "rests"]
        assert house.pull()[0].state == "whole", "somebody who asks is not told to wait"
        sendgrid(house, server)
        house.sources["esp"]["pull"]["every_hours"] = 0
        assert house.pull(only_due=True)[0].state == "whole"
        house.sources["esp"]["pull"]["every_hours"] = 20
        house.later(hours=-5)
        assert house.pull(only_due=True)[0].state == "whole", "a clock that was set back silences a source"


def test_what_failed_or_is_under_way_does_not_rest(house: House) -> None:
    with Shelf({LIST: people(7)}) as server:
        sendgrid(house, server)
        house.pull()
        server.fail("answer", times=5, reply=Reply(503, {}))
        assert house.pull()[0].state == "failed"
        assert house.pull(only_due=True)[0].state == "whole"


def test_each_whole_pull_is_a_state_of_its_own_and_the_same_one_is_the_same_file(house: House) -> None:
    with Shelf({LIST: people(2)}) as server:
        sendgrid(house, server)
        house.pull()
        house.pull()
        assert len(list(contents(house.home, "esp"))) == 1, "pulled twice at one moment: one file"
        house.later(days=1)
        house.pull()
    names = [name for name, _ in contents(house.home, "esp")]
    assert [name[:45] for name in names] == [
        "suppression_unsubscribes_20260320T120000Z_000",
        "suppression_unsubscribes_20260321T120000Z_000",
    ]
    assert names[0][45:] == names[1][45:], "the same bytes have the same letters"
    assert not any(digit in names[0].rpartition("_")[2] for digit in "0123456789"), "digits could pass for a date"


def test_what_is_new_is_asked_for_from_before_the_last_whole_pull_began(house: House) -> None:
    with Shelf({TEXTS: texts("2026-03-01", "2026-03-19")}) as server:
        house.sources = {"sms": settings("twilio", server)}
        house.pull()
        house.later(days=5)
        server.lists[TEXTS] += texts("2026-03-17", "2026-03-24")  # the first came late
        (outcome,) = house.pull()
        # The second pull began on 25 March; a failed one in between moves nothing.
        house.later(days=4)
        server.fail("answer", times=5, reply=Reply(503, {}))
        house.pull()
        house.later(days=1)
        house.pull()
        house.later(days=2)
        house.pull()
    asked = [request.query.get("DateSent>") for request in server.requests if "token" not in request.query]
    assert asked == [None, "2026-03-17", *["2026-03-22"] * 6, "2026-03-26"]
    assert outcome.records == 3
    assert set(records(house.home, "sms")) == keys(server.lists[TEXTS])


def test_an_overlap_of_ones_own(house: House) -> None:
    with Shelf({TEXTS: []}) as server:
        house.sources = {"sms": settings("twilio", server, overlap_hours=240)}
        house.pull()
        house.pull()
        assert [request.query.get("DateSent>") for request in server.requests] == [None, "2026-03-10"]


def test_after_a_clock_that_was_ahead_everything_is_asked_for(house: House) -> None:
    with Shelf({TEXTS: texts("2026-03-19")}) as server:
        house.sources = {"sms": settings("twilio", server)}
        house.later(days=40)
        house.pull()
        house.later(days=-30)
        server.lists[TEXTS] += texts("2026-03-28")
        house.pull()
        house.later(days=1)
        house.pull()
    assert [request.query.get("DateSent>") for request in server.requests] == [None, None, "2026-03-27"]
    assert set(records(house.home, "sms")) == keys(server.lists[TEXTS])


@pytest.mark.parametrize(("path", "source"), [(LIST, "sendgrid"), ("/v2/messaging_optouts", "telnyx")])
def test_a_page_that_comes_again_and_again_is_no_list_without_an_end(house: House, path: str, source: str) -> None:
    """As from a cache that leaves out what stands behind the question mark."""
    rows = [{**row, "to": "+12025550101", "created_at": "2026-03-01T10:00:00Z"} for row in people(7)]
    with Shelf({path: rows}) as server:
        first = server.body(Request("GET", path, {"offset": "0", "page[number]": "1"}, {}, b""), rows)
        server.fail("answer", on=lambda request: request.path == path, times=99, reply=Reply(200, first))
        more = {"feeds": ["unsubscribes"]} if source == "sendgrid" else {}
        house.sources = {"them": settings(source, server, **more)}
        (outcome,) = house.pull()
        assert outcome.state == "failed" and "the same page twice" in outcome.failure, outcome
        assert len(server.requests) == 2 and outcome.records == 3


def answers_after(server: Shelf, house: House, *, seconds: int) -> None:
    """By the test's clock each answer takes so long."""
    answer = server.answer

    def slow(request: Request) -> Reply:
        house.fast.ahead += seconds
        return answer(request)

    server.answer = slow  # type: ignore[method-assign]


def test_what_is_under_way_is_not_read_to_its_end(house: House) -> None:
    with Shelf({LIST: people(7)}) as server:
        answers_after(server, house, seconds=120)
        sendgrid(house, server)
        house.sources["esp"]["pull"]["max_minutes"] = 2
        server.fail("answer", times=5, reply=Reply(401, {}))
        assert house.pull()[0].state == "failed"
        server.faults.clear()
        assert house.pull()[0].state == "under_way"
        ((source, said),) = unread(house.home, house.config)
        assert source == "esp" and "is not at its end" in said and "failed" not in said, said
        while house.pull()[0].state == "under_way":
            pass
    assert unread(house.home, house.config) == []


@pytest.mark.parametrize("where", ["esp.json", ""])
def test_where_no_note_can_be_read_the_source_fails_and_no_other(house: House, where: str) -> None:
    with Shelf({LIST: people(7), DUMP: []}) as server:
        sendgrid(house, server)
        house.sources["receipts"] = settings("postmark", server)
        if where:
            (house.home.pulls / where).mkdir(parents=True)
        else:
            house.home.pulls.parent.mkdir(exist_ok=True)
            house.home.pulls.rmdir() if house.home.pulls.is_dir() else None
            house.home.pulls.write_text("")
        outcome = {item.source: item.state for item in house.pull()}
    assert outcome == {"esp": "failed", "receipts": "whole" if where else "failed"}
    assert {source for source, _ in unread(house.home, house.config)} == {"esp", *(() if where else ("receipts",))}


def test_since_limits_the_first_pull_and_never_leaves_a_gap_later(house: House) -> None:
    with Shelf({TEXTS: texts("2026-01-01", "2026-03-19")}) as server:
        house.sources = {"sms": settings("twilio", server)}
        house.pull(since=NOON - timedelta(days=10))
        house.later(days=30)
        house.pull(since=house.now)  # what the last pull did not see lies before it
        house.pull(since=NOON - timedelta(days=50))
        house.pull(from_start=True)
        asked = [request.query.get("DateSent>") for request in server.requests]
    assert asked == ["2026-03-10", "2026-03-17", "2026-01-29", None]


def test_a_history_is_read_in_more_than_one_go(house: House) -> None:
    """Each answer takes a minute by the test's clock; so a pull of two minutes has two or three pages."""
    with Shelf({LIST: people(20)}) as server:
        answers_after(server, house, seconds=60)
        sendgrid(house, server)
        house.sources["esp"]["pull"]["max_minutes"] = 2
        outcome = [house.pull(only_due=True)[0] for _ in range(4)]
    assert [item.state for item in outcome] == ["under_way", "under_way", "under_way", "whole"]
    assert offsets(server) == ["0", "3", "6", "9", "12", "15", "18", "20"], "asked again for what it had"
    assert records(house.home, "esp") == dict.fromkeys(keys(people(20)), 1)


def test_a_place_is_kept_as_soon_as_what_lies_before_it_is_durable(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulling, "_BUNDLE", 1)
    seen = []
    with Shelf({LIST: people(7)}) as server:
        answer = server.answer

        def looking(request: Request) -> Reply:
            known = read_progress(house.home, "esp").get("unsubscribes")
            files = len(list(contents(house.home, "esp")))
            seen.append((request.query["offset"], known.place if known else "", files))
            return answer(request)

        server.answer = looking  # type: ignore[method-assign]
        sendgrid(house, server)
        house.pull()
    assert seen == [("0", "", 0), ("3", "3", 1), ("6", "6", 2), ("7", "7", 3)]


def test_a_key_that_is_refused_loses_no_place(house: House) -> None:
    with Shelf({LIST: people(7)}) as server:
        fault = server.fail("answer", on=at(3), times=99, reply=Reply(401, {}))
        sendgrid(house, server)
        assert [house.pull()[0].state for _ in range(3)] == ["failed"] * 3
        server.faults.remove(fault)
        house.pull()
    assert offsets(server) == ["0", "3", "3", "3", "3", "6", "7"]


def test_no_vendor_holds_up_a_run_for_longer_than_it_may(house: House) -> None:
    with Shelf({LIST: people(7)}) as server:
        server.fail("answer", on=at(3), times=99, reply=Reply(429, {}, {"Retry-After": "240"}))
        sendgrid(house, server)
        house.sources["esp"]["pull"]["max_minutes"] = 10
        (outcome,) = house.pull()
    assert (outcome.state, outcome.records) == ("failed", 3) and "longer than max_minutes leaves" in outcome.failure
    assert house.fast.slept == [240.0, 240.0], "ten minutes are two pauses of four"


def test_a_list_that_shrank_is_told_of(house: House) -> None:
    with Shelf({LIST: people(10)}) as server:
        sendgrid(house, server)
        assert house.pull()[0].attention == ""
        for rows, told in ((5, False), (2, True), (2, False), (0, True)):
            server.lists[LIST] = people(rows)
            house.later(days=1)
            assert bool(house.pull()[0].attention) == told, f"{rows} rows"


def test_another_account_is_another_list(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEW_KEY", KEY)
    with Shelf({TEXTS: texts("2026-03-19")}) as server:
        house.sources = {"sms": settings("twilio", server)}
        house.pull()
        house.sources = {"sms": settings("twilio", server, api_key_env="NEW_KEY")}
        house.pull()
        assert [request.query.get("DateSent>") for request in server.requests] == [None, None]


@pytest.mark.parametrize(
    "damage", ["", "{", "[1]", '{"messages": 7}', '{"messages": {"covers": "2026-03-20"}}', '{"messages": {"x": 1}}']
)
def test_without_its_notes_everything_is_pulled_again(house: House, damage: str) -> None:
    with Shelf({TEXTS: texts("2026-03-19")}) as server:
        house.sources = {"sms": settings("twilio", server)}
        house.pull()
        (house.home.pulls / "sms.json").write_text(damage)
        (outcome,) = house.pull()
        assert (outcome.state, outcome.records) == ("whole", 1), damage
        assert "DateSent>" not in server.requests[-1].query, damage


def test_many_pages_are_one_file_and_many_bytes_several(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    with Shelf({LIST: people(300)}) as server:
        sendgrid(house, server)
        assert house.pull()[0].files == 1
        house.later(days=1)
        monkeypatch.setattr(pulling, "_BUNDLE", 2000)
        assert house.pull()[0].files > 5
    assert all(len(content) < 2600 for name, content in contents(house.home, "esp") if "20260321" in name)
    assert set(records(house.home, "esp").values()) == {2}
    assert size_in_bytes("8MiB") == 8 << 20


def test_what_is_pulled_is_the_owners_alone_and_waits_for_nobody(house: House) -> None:
    with Shelf({LIST: people(2)}) as server:
        sendgrid(house, server)
        house.pull()
    (path,) = (house.home.inbox / "esp").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    assert (house.home.pulls / "esp.json").stat().st_mode & 0o777 == 0o600
    assert path.stat().st_mtime == NOON.timestamp(), "a time of now would make landing wait for it"
    collected = collect(house.home, house.config, NOON)
    assert collected.taken == 1 and collected.still_written == 0
    assert [entry.source for entry in read_manifest(house.home)] == ["esp"]


def test_a_killed_pulls_unfinished_file_is_cleared_away(house: House) -> None:
    folder = house.home.inbox / "esp"
    folder.mkdir()
    (folder / ".suppression_unsubscribes_20260319T120000Z_000000_abc.json.x1y2.tmp").write_bytes(b"[")
    (folder / ".somebody_elses.csv.tmp").write_bytes(b"email\n")
    with Shelf({LIST: []}) as server:
        sendgrid(house, server)
        house.pull()
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == [".somebody_elses.csv.tmp"]


def test_only_what_is_configured_to_be_pulled_is(house: House) -> None:
    house.sources = {"files": {"format": "requests"}, "esp": {"format": "sendgrid", "pull": {"api_key_env": "SHELF_KEY"}}}
    with pytest.raises(ConfigError) as raised:
        house.pull("files", "nobody")
    assert raised.value.problems == ["sources.files: has no pull", "sources.nobody: is not configured"]


def test_the_notes_say_how_far_it_is(house: House) -> None:
    with Shelf({LIST: people(7)}) as server:
        server.fail("answer", on=at(6), times=99, reply=Reply(503, {}))
        sendgrid(house, server)
        house.pull()
    progress = read_progress(house.home, "esp")["unsubscribes"]
    assert (progress.place, progress.records, progress.files, progress.is_under_way) == ("6", 6, 1, True)
    assert json.loads((house.home.pulls / "esp.json").read_text())["unsubscribes"]["place"] == "6"
