"""Killed anywhere between a page and its place, any number of times: what landed is what the vendor held."""

from __future__ import annotations

import json
import os
import random
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx  # noqa: F401  what a child imports after it was forked it would import each time
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration.connectors import lines, pulling
from orchestration.core.home import Home
from orchestration.landing import collect
from tests.connectors.conftest import NOON, House
from tests.connectors.shelf import KEY, Shelf, contents, keys, records
from tests.connectors.shelf import settings as pulled_from
from tests.kills import killed_after
from tests.seed import SEED
from tests.vendors.server import Reply

LIST = "/v3/suppression/unsubscribes"
LINES = "/api/export/data.json?dataTypeName=emailUnSubscribe"
TEXTS = "/2010-04-01/Accounts/AC0123456789abcdef0123456789abcdef/Messages.json"
POINTS = [pytest.param(20, id="short"), pytest.param(100, id="long", marks=pytest.mark.slow)]
_COUNTED = ("/orchestration/connectors/", "/orchestration/core/files.py", "/orchestration/http/client.py")


@pytest.mark.parametrize("points", POINTS)
@pytest.mark.parametrize(
    ("format_name", "path"),
    # Windows of pages are told apart by what is asked for, and come as pages do.
    [("sendgrid", LIST), pytest.param("twilio", TEXTS, marks=pytest.mark.slow), ("iterable", LINES)],
)
def test_a_kill_at_any_step_loses_nothing_and_doubles_nothing(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format_name: str, path: str, points: int
) -> None:
    monkeypatch.setattr(pulling, "_BUNDLE", 300)  # a file for every page or two
    monkeypatch.setattr(lines, "_PIECE", 100)  # and several pieces of a window
    rows = {
        "sendgrid": people(14),
        "twilio": [text(number, "2026-03-19") for number in range(14)],
        "iterable": [left(number, year) for number, year in enumerate([*range(2014, 2026, 2), *[2026] * 8])],
    }[format_name]
    feeds = {"sendgrid": ["unsubscribes"], "twilio": ["messages"], "iterable": ["unsubscribes"]}[format_name]
    with Shelf({path: rows}) as server:
        source = pulled_from(format_name, server, feeds=feeds, calls_per_second=1000)
        whole = House(Home.at(tmp_path / "untouched").create(), sources={"them": source})
        whole.pull()
        wanted = dict(contents(whole.home, "them"))
        assert len(wanted) > 2, "too few files to be killed between"
        steps = 64
        while killed_after(House(Home.at(tmp_path / f"probe{steps}").create(), sources={"them": source}).pull, steps, _COUNTED):
            steps *= 2
        rng = random.Random(SEED)
        for number in sorted(rng.sample(range(1, steps), min(points, steps - 1))):
            one = House(Home.at(tmp_path / f"killed{number}").create(), sources={"them": source})
            died = killed_after(one.pull, number, _COUNTED)
            if died and rng.random() < 0.5:  # landing takes what is there before the pull goes on
                collect(one.home, one.config, NOON)
            killed_after(one.pull, max(1, number // 2), _COUNTED)  # and once more, while it goes on
            one.pull()
            where = f"seed {SEED}, killed at call {number}"
            assert set(records(one.home, "them")) == keys(rows), where
            # Where it stopped may lie between two pages, so the files differ; but a page that came whole comes once, unless
            # the kill was between its file and its place.
            assert max(records(one.home, "them").values()) <= 3, where
            collect(one.home, one.config, NOON)
            assert not [entry for entry in (one.home.inbox / "them").iterdir() if entry.suffix == ".tmp"], where


def people(count: int, first: int = 0) -> list[dict[str, Any]]:
    return [{"email": f"person{number}@example.com", "created": 1772326800 + number} for number in range(first, first + count)]


def left(number: int, year: int) -> dict[str, Any]:
    return {"email": f"person{number}@example.com", "createdAt": f"{year}-03-05 23:34:15 +00:00"}


def text(number: int, day: str) -> dict[str, Any]:
    return {
        "sid": f"SM{number}",
        "from": "+12025550101",
        "to": "+12025550190",
        "body": "STOP",
        "direction": "inbound",
        "status": "received",
        "date_sent": f"{day} 10:00",
    }


FAULTS = [
    {"kind": "answer", "reply": Reply(503, {})},
    {"kind": "answer", "reply": Reply(401, {})},
    {"kind": "answer", "reply": Reply(200, b"<html></html>")},
    {"kind": "cut"},
    {"kind": "half"},
]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("comes"), st.integers(1, 8), st.integers(0, 2)),  # so many, so many days late
        st.tuples(st.just("fails"), st.integers(0, 3), st.integers(0, len(FAULTS) - 1)),  # behind so many pages
        st.tuples(st.just("killed"), st.integers(1, 400), st.just(0)),
        st.tuples(st.just("pulled"), st.just(0), st.just(0)),
        st.tuples(st.just("collected"), st.just(0), st.just(0)),
        st.tuples(st.just("passes"), st.integers(1, 60), st.just(0)),  # hours
    ),
    max_size=14,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=STEPS, bundle=st.sampled_from([1, 700, 8 << 20]), is_list=st.booleans())
def test_whatever_happens_what_landed_is_what_the_vendor_held(
    steps: list[tuple[str, int, int]], bundle: int, is_list: bool
) -> None:
    """Records come late, by as much as the overlap allows; pages fail, processes die, landing takes what is there."""
    os.environ["SHELF_KEY"] = KEY
    kept, pulling._BUNDLE = pulling._BUNDLE, bundle
    path = LIST if is_list else TEXTS
    ever: list[dict[str, Any]] = []
    try:
        with tempfile.TemporaryDirectory() as folder, Shelf({path: []}) as server:
            name, feed = ("sendgrid", "unsubscribes") if is_list else ("twilio", "messages")
            house = House(Home.at(Path(folder) / "home").create(), sources={"them": pulled_from(name, server, feeds=[feed])})
            for step, number, which in steps:
                if step == "comes":
                    day = f"{house.now - timedelta(days=which):%Y-%m-%d}"
                    made = [text(len(ever) + index, day) for index in range(number)]
                    ever += made
                    server.lists[path] += made if not is_list else [{"email": row["sid"], "created": 1} for row in made]
                elif step == "fails":
                    fault = server.fail(skip=number, times=99, **FAULTS[which])
                    house.pull()
                    if fault in server.faults:
                        server.faults.remove(fault)
                elif step == "killed":
                    killed_after(house.pull, number, _COUNTED)
                elif step == "pulled":
                    house.pull()
                elif step == "collected":
                    collect(house.home, house.config, house.now)
                else:
                    house.later(hours=number)
            assert {item.state for item in house.pull()} == {"whole"}
            found = records(house.home, "them")
            assert set(found) == keys(server.lists[path]), "not what the vendor holds"
            house.pull()  # in one go, where the one before may have gone on with what was interrupted
            before = sum(records(house.home, "them").values())
            house.pull()
            if is_list:
                assert sum(records(house.home, "them").values()) == before, "the same list at the same moment is another delivery"
            notes = json.loads((house.home.pulls / "them.json").read_text())[feed]
            assert "place" not in notes and "failed_at" not in notes and notes["covers"] == house.now.isoformat()
    finally:
        pulling._BUNDLE = kept
