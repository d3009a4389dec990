"""A list that comes as lines in one answer, window by window: what is cut is asked for again, and no line of it is lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orchestration.connectors import lines, pulling
from orchestration.connectors.progress import read_progress
from orchestration.connectors.pulling import unread
from tests.connectors.conftest import NOON, House
from tests.connectors.shelf import KEY, Shelf, contents, keys, records, settings
from tests.vendors.server import Reply, Request

PATH = "/api/export/data.json?dataTypeName=emailUnSubscribe"


def left(*years: int) -> list[dict[str, Any]]:
    return [{"email": f"person{year}@example.com", "createdAt": f"{year}-03-05 23:34:15 +00:00"} for year in years]


EVERY_YEAR = left(*range(2013, 2027))


def iterable(house: House, server: Shelf, **more: Any) -> None:
    house.sources = {"esp": settings("iterable", server, feeds=["unsubscribes"], **more)}


def windows(server: Shelf) -> list[tuple[datetime, datetime]]:
    asked = [(request.query["startDateTime"], request.query["endDateTime"]) for request in server.requests]
    return [(moment(begins), moment(ends)) for begins, ends in asked]


def moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)


def with_year(year: int) -> Any:
    def on(request: Request) -> bool:
        return request.query["startDateTime"] <= f"{year}-03-05 23:34:15" < request.query["endDateTime"]

    return on


def test_all_history_is_asked_for_without_a_gap_and_what_is_new_with_an_overlap(house: House) -> None:
    with Shelf({PATH: EVERY_YEAR}) as server:
        iterable(house, server)
        (outcome,) = house.pull()
        assert (outcome.state, outcome.records) == ("whole", 14), outcome
        asked = windows(server)
        assert asked[0][0] == datetime(2013, 1, 1, tzinfo=UTC) and asked[-1][1] == NOON + timedelta(days=2)
        assert [ends for _, ends in asked[:-1]] == [begins for begins, _ in asked[1:]], (
            "between two windows something is left out"
        )
        assert len(asked) < 20, "years of little are asked for in large windows"
        server.requests.clear()
        server.lists[PATH] = [*EVERY_YEAR, {"email": "late@example.com", "createdAt": "2026-03-19 10:00:00 +00:00"}]
        house.later(hours=24)
        (outcome,) = house.pull()
    assert (outcome.state, outcome.records) == ("whole", 1)
    assert windows(server) == [(NOON - timedelta(hours=48), NOON + timedelta(days=3))]
    assert set(records(house.home, "esp")) == keys(server.lists[PATH])


@pytest.mark.parametrize(
    ("case", "fault", "slept"),
    [
        ("a server that is busy", {"kind": "answer", "times": 2, "reply": Reply(503, {})}, [1.0, 2.0]),
        ("a connection that is cut", {"kind": "cut"}, [1.0]),
        ("half of an answer", {"kind": "half"}, [1.0]),
        ("a throttle", {"kind": "answer", "reply": Reply(429, {}, {"Retry-After": "90"})}, [90.0]),
        ("an answer that ends within a record", {"kind": "answer", "reply": Reply(200, b'{"createdAt":"x","em')}, [1.0]),
    ],
)
def test_what_passes_is_waited_for(house: House, case: str, fault: dict[str, Any], slept: list[float]) -> None:
    with Shelf({PATH: EVERY_YEAR}) as server:
        server.fail(on=with_year(2016), **fault)
        iterable(house, server, calls_per_second=1000)
        (outcome,) = house.pull()
    assert (outcome.state, outcome.records) == ("whole", 14), f"{case}: {outcome.failure}"
    assert [pause for pause in house.fast.slept if pause >= 1] == slept, case
    assert records(house.home, "esp") == dict.fromkeys(keys(EVERY_YEAR), 1), case


@pytest.mark.parametrize(
    ("case", "reply", "said"),
    [
        ("a key that was withdrawn", Reply(401, {}), "status 401"),
        ("a page of a proxy", Reply(200, b"<html>\nlog in\n</html>\n"), "a line that is no record"),
        ("an answer that is no list", Reply(200, {"msg": "not today"}), "a line that is no record"),
        ("a server that stays away", Reply(503, {}), "status 503"),
        ("a throttle longer than a run", Reply(429, {}, {"Retry-After": "7200"}), "a pause of 7200 seconds"),
        ("an answer that always ends within a record", Reply(200, b'{"createdAt":"x","em'), "ends within a record"),
    ],
)
def test_a_failure_keeps_what_came_and_the_next_pull_goes_on_with_its_window(
    house: House, case: str, reply: Reply, said: str
) -> None:
    with Shelf({PATH: EVERY_YEAR}) as server:
        fault = server.fail("answer", on=with_year(2020), times=99, reply=reply)
        iterable(house, server, calls_per_second=1000)
        (outcome,) = house.pull()
        assert outcome.state == "failed" and said in outcome.failure, f"{case}: {outcome.failure}"
        assert "example.com" not in outcome.failure and KEY not in outcome.failure, case
        assert [(source, said in sentence) for source, sentence in unread(house.home, house.config)] == [("esp", True)], case
        before = set(records(house.home, "esp"))
        assert keys(left(2013, 2014, 2015, 2016)) <= before < keys(EVERY_YEAR), case
        failed_at = windows(server)[-1][0]
        server.faults.remove(fault)
        server.requests.clear()
        house.later(hours=1)
        (outcome,) = house.pull()
    assert outcome.state == "whole" and windows(server)[0][0] == failed_at, f"{case}: {outcome.failure}"
    assert records(house.home, "esp") == dict.fromkeys(keys(EVERY_YEAR), 1), case


def test_a_pull_whose_time_is_up_goes_on_with_the_window_it_was_in(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "_LONGEST_WINDOW", timedelta(days=64))
    with Shelf({PATH: EVERY_YEAR}) as server:
        iterable(house, server, max_minutes=5)  # four windows in a minute
        states = []
        while len(states) < 99 and (not states or states[-1] == "under_way"):
            (outcome,) = house.pull()
            states.append(outcome.state)
            assert not read_progress(house.home, "esp")["unsubscribes"].failure
    assert states == ["under_way"] * (len(states) - 1) + ["whole"] and 3 < len(states) < 20, states
    assert len(windows(server)) < 100, "windows that were done are asked for again"
    assert records(house.home, "esp") == dict.fromkeys(keys(EVERY_YEAR), 1)


def test_a_large_answer_is_kept_in_files_of_usual_size_and_the_windows_shrink(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "_PIECE", 2_000)  # and what one read from the network brings, which is some 64 KiB
    monkeypatch.setattr(lines, "_MUCH", 20_000)
    monkeypatch.setattr(lines, "_LITTLE", 0)
    monkeypatch.setattr(pulling, "_BUNDLE", 6_000)
    many = [
        {"email": f"person{number}@example.com", "createdAt": f"2026-{1 + number % 2:02}-{1 + number % 28:02} 10:00:00 +00:00"}
        for number in range(10_000)
    ]
    with Shelf({PATH: many}) as server:
        iterable(house, server, calls_per_second=1000)
        (outcome,) = house.pull(since=datetime(2026, 1, 1, tzinfo=UTC))
    assert (outcome.state, outcome.records) == ("whole", 10_000), outcome.failure
    assert set(records(house.home, "esp")) == keys(many)
    sizes = [len(content) for _, content in contents(house.home, "esp")]
    assert len(sizes) > 5 and max(sizes) < 200_000, sizes
    spans = [ends - begins for begins, ends in windows(server)]
    assert [span.days for span in spans[:3]] == [32, 16, 8], spans


def test_an_answer_without_a_line_end_does_not_fill_the_memory(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "_LONGEST_LINE", 10_000)
    with Shelf({PATH: []}) as server:
        server.fail("answer", reply=Reply(200, b"{" + b" " * 2_000_000))
        iterable(house, server)
        (outcome,) = house.pull()
    assert outcome.state == "failed" and "an answer without lines" in outcome.failure
