"""What every kind of folder on another machine promises: each whole file comes, as it lies there, and nothing there changes."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration.audit.doctor import doctor
from orchestration.audit.sources import source_health
from orchestration.connectors import arriving, folder, pulling
from orchestration.connectors.arriving import safe_name
from orchestration.connectors.pulling import unread
from orchestration.core.home import Home
from orchestration.landing import collect
from orchestration.landing.names import list_name
from tests.connectors.conftest import NOON, House
from tests.connectors.far import PASSWORD, came, far_of
from tests.kills import killed_after
from tests.seed import SEED

KINDS = ("sftp", "s3", "http")
_COUNTED = ("/orchestration/connectors/", "/orchestration/core/files.py", "/orchestration/http/")
ASKS = b"requested_at,action,email\n2026-03-01T10:00:00Z,opt_out,ann@example.com\n"


@pytest.fixture(params=KINDS)
def far(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("FAR_PASS", PASSWORD)
    with far_of(request.param, tmp_path / "far") as server:
        yield server


def test_every_file_comes_once_as_it_lies_there(house: House, far: Any) -> None:
    files = {"asks.csv": ASKS, "2026/march/asks (final).csv": ASKS + b"\xff\n", "empty.csv": b"", "größe.csv": b"a\r\nb"}
    for path, content in files.items():
        far.put(path, content)
    house.sources = {"far": far.settings()}
    (outcome,) = house.pull()
    assert (outcome.part, outcome.state, outcome.files) == ("files", "whole", 4), outcome.failure
    assert outcome.sentence() == "far/files: 4 files, whole"
    (health,) = source_health(house.home, house.config, house.now + timedelta(hours=5))
    assert "files pulled whole at 20 Mar 2026, 12:00 UTC (5 h ago)" in health.sentence(), health.sentence()
    assert dict.fromkeys(came(house.home)) == dict.fromkeys(files.items())
    far.asked.clear()
    house.later(days=1)
    (outcome,) = house.pull()
    assert (outcome.state, outcome.files, far.asked.total()) == ("whole", 0, 0), "asked for what it had"
    collect(house.home, house.config, house.now)
    far.put("asks.csv", ASKS + b"2026-03-02T10:00:00Z,opt_out,bob@example.com\n")
    far.put("new.csv", b"new")
    house.later(days=1)
    (outcome,) = house.pull()
    assert (outcome.state, outcome.files, dict(far.asked)) == ("whole", 2, {"asks.csv": 1, "new.csv": 1})
    assert far.changes() == [], "something at the server was changed"
    assert not list((house.home.inbox / "far").rglob(".*")), "an unfinished file is left"


def test_a_version_that_nobody_has_read_yet_is_not_replaced_by_the_next(house: House, far: Any) -> None:
    house.sources = {"far": far.settings()}
    for number in range(3):
        far.put("today.csv", b"only what is new: %d" % number)
        far.put("sub/today.csv", b"only what is new: %d" % number)
        house.later(days=1)
        assert house.pull()[0].files == 2
    names = sorted(name for name, _ in came(house.home))
    assert names == ["sub (2)/today.csv", "sub (3)/today.csv", "sub/today.csv", "today (2).csv", "today (3).csv", "today.csv"]
    assert {list_name(name) for name in names} == {"today.csv"}, "the number says something about what the file is"
    assert {content for _, content in came(house.home)} == {b"only what is new: %d" % number for number in range(3)}


def test_a_file_and_a_folder_of_one_name_both_find_a_place(house: House, far: Any) -> None:
    house.sources = {"far": far.settings()}
    far.put("list", b"a file")
    house.pull()
    far.remove("list")
    far.put("list/list.csv", b"in a folder")
    house.later(days=1)
    (outcome,) = house.pull()
    assert (outcome.state, outcome.files) == ("whole", 1), outcome.failure
    assert set(came(house.home)) == {("list", b"a file"), ("list (2)/list.csv", b"in a folder")}


def test_what_is_still_being_written_waits_and_is_told(house: House, far: Any) -> None:
    far.put("whole.csv", b"whole")
    far.put("upload.csv.part", b"half")
    house.sources = {"far": far.settings()}
    (outcome,) = house.pull()
    assert (outcome.state, outcome.files, outcome.attention) == ("whole", 1, "1 file there is still being written.")
    assert set(came(house.home)) == {("whole.csv", b"whole")}


def test_one_file_that_cannot_be_taken_stops_no_other_and_holds(house: House, far: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.csv", "b.csv", "c.csv"):
        far.put(name, name.encode() * 100)
    far.put("large.csv", b"x" * 2_000)
    far.denied.add("b.csv")
    house.limits = {"max_file": "1KB"}
    house.sources = {"far": far.settings()}
    (outcome,) = house.pull()
    assert (outcome.state, outcome.files) == ("failed", 2), outcome.failure
    assert "1 file may not be read; 1 file is larger than limits.max_file allows" in outcome.failure
    assert "b.csv" not in outcome.failure and "large.csv" not in outcome.failure
    assert [name for name, _ in came(house.home)] == ["a.csv", "c.csv"]
    assert "large.csv" not in far.asked, "what is known to be too large is not fetched"
    ((source, said),) = unread(house.home, house.config)
    assert source == "far" and "may not be read" in said, "releases are not held"
    far.denied.clear()
    far.remove("large.csv")
    far.asked.clear()
    (outcome,) = house.pull()
    assert (outcome.state, outcome.files, dict(far.asked)) == ("whole", 1, {"b.csv": 1}), outcome.failure
    assert unread(house.home, house.config) == []


def test_a_cut_connection_costs_an_attempt_and_no_byte(house: House, far: Any) -> None:
    content = random.Random(SEED).randbytes(3 << 20)
    far.put("a.csv", content)
    far.put("b.csv", b"b")
    far.cuts = 2
    house.sources = {"far": far.settings()}
    (outcome,) = house.pull()
    assert (outcome.state, outcome.files) == ("whole", 2), outcome.failure
    assert set(came(house.home)) == {("a.csv", content), ("b.csv", b"b")}, "not its bytes"
    assert far.cuts == 0 and any(house.fast.slept), "nothing was cut"
    far.put("c.csv", content)
    far.cuts = 10_000
    (outcome,) = house.pull()
    assert outcome.state == "failed" and "no whole answer" in outcome.failure, outcome
    assert len(came(house.home)) == 2 and not list((house.home.inbox / "far").glob(".*")), "a half file is left"
    far.cuts = 0
    assert house.pull()[0].files == 1 and ("c.csv", content) in came(house.home)


def test_a_first_pull_may_begin_later_and_no_later_one_leaves_a_gap(house: House, far: Any) -> None:
    far.put("old.csv", b"old")
    house.sources = {"far": far.settings()}
    (outcome,) = house.pull(since=NOON + timedelta(days=36_500))
    assert (outcome.state, outcome.files) == ("whole", 0)
    far.put("moved here with its old date.csv", b"new here")
    house.later(days=1)
    house.pull(since=NOON + timedelta(days=36_500))
    assert set(came(house.home)) == {("moved here with its old date.csv", b"new here")}
    assert house.pull(from_start=True)[0].files == 2, "everything is asked for when that is wanted"
    assert ("old.csv", b"old") in came(house.home)


def test_what_fits_no_pattern_and_what_lies_below_may_be_left_alone(house: House, far: Any) -> None:
    for path in ("a.csv", "B.CSV", "notes.txt", "below/c.csv"):
        far.put(path, path.encode())
    house.sources = {"far": far.settings(files=["*.csv"], subfolders=False)}
    house.pull()
    assert sorted(name for name, _ in came(house.home)) == ["B.CSV", "a.csv"]


def test_a_first_pull_of_years_goes_on_and_says_how_far_it_is(house: House, far: Any) -> None:
    for number in range(7):
        far.put(f"{number}.csv", b"%d" % number)
    source = far.settings()
    # What a folder waits for what grows, and a moment; objects of a bucket do not grow.
    source["pull"]["max_minutes"] = {"sftp": 2.1, "s3": 0.1, "http": 2.3}[far.kind] / 60
    house.sources = {"far": source}
    tick = house.fast.monotonic

    def slow() -> float:
        house.fast.ahead += 0.01
        return tick()

    house.fast.monotonic = slow  # type: ignore[method-assign]
    states = []
    for _ in range(30):
        (outcome,) = house.pull()
        states.append(outcome.state)
        if outcome.state == "whole":
            break
        (health,) = [row for row in source_health(house.home, house.config, house.now) if row.name == "far"]
        assert "of the one under way" in health.sentence() and "never pulled whole" in health.sentence(), health.sentence()
        assert unread(house.home, house.config)[0][0] == "far", "what is not read to its end holds no release"
    assert states[0] == "under_way" and states[-1] == "whole", states
    assert len(came(house.home)) == 7 and set(far.asked.values()) == {1}, far.asked


def test_a_lost_note_of_how_far_it_was_doubles_nothing(house: House, far: Any) -> None:
    far.put("a.csv", ASKS)
    house.sources = {"far": far.settings()}
    house.pull()
    (house.home.pulls / "far.json").write_text("{ damaged")
    assert house.pull()[0].files == 1
    assert came(house.home).total() == 1
    assert collect(house.home, house.config, house.now).taken == 1


def test_the_notes_hold_no_name_of_a_file(house: House, far: Any) -> None:
    far.put("ann.example.csv", ASKS)
    house.sources = {"far": far.settings()}
    house.pull()
    notes = (house.home.pulls / "far.json").read_text()
    assert "ann" not in notes and len(json.loads(notes)["files"]["place"]) == 24


def test_the_doctor_asks_and_takes_nothing(house: House, far: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    far.put("a.csv", ASKS)
    house.sources = {"far": far.settings()}

    def asked() -> list[tuple[str, str]]:
        return [(found.level, found.said) for found in doctor(house.home, house.config, online=True) if found.topic == "sources"]

    assert asked() == [("ok", "far/files answers")]
    assert far.asked.total() == 0 and far.changes() == [] and came(house.home).total() == 0
    monkeypatch.setenv("FAR_PASS", "of another")
    ((level, said),) = asked()
    assert (level == "broken" and "refused" in said) or "status 403" in said or "status 401" in said, said
    assert "of another" not in said
    monkeypatch.delenv("FAR_PASS")
    assert "FAR_PASS is not set" in asked()[0][1]


# Where it had come to is kept alike for every kind of folder: in the short forms that of one.
SHORT = ["sftp", *(pytest.param(kind, marks=pytest.mark.slow) for kind in KINDS[1:])]


@pytest.mark.parametrize("far", SHORT, indirect=True)
@pytest.mark.parametrize("points", [pytest.param(12, id="short"), pytest.param(100, id="long", marks=pytest.mark.slow)])
def test_a_kill_at_any_step_loses_nothing(
    far: Any, house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, points: int
) -> None:
    monkeypatch.setattr(pulling, "_FILES_BETWEEN", 2)
    files = {f"{number % 3}/{number}.csv": b"%d\n" % number * 50 for number in range(9)}
    for path, content in files.items():
        far.put(path, content)
    source = far.settings()
    steps = 64
    while killed_after(House(Home.at(tmp_path / f"probe{steps}").create(), sources={"far": source}).pull, steps, _COUNTED):
        steps *= 2
    rng = random.Random(SEED)
    died = 0
    for number in sorted(rng.sample(range(1, steps), min(points, steps - 1))):
        one = House(Home.at(tmp_path / f"killed{number}").create(), sources={"far": source})
        died += killed_after(one.pull, number, _COUNTED)
        if rng.random() < 0.5:  # landing takes what is there before the pull goes on
            collect(one.home, one.config, NOON)
        killed_after(one.pull, max(1, number // 2), _COUNTED)
        (outcome,) = one.pull()
        where = f"seed {SEED}, {far.kind}, killed at call {number}"
        assert outcome.state == "whole", f"{where}: {outcome.failure}"
        assert {content for _, content in came(one.home)} == set(files.values()), where
        collect(one.home, one.config, NOON)
        assert not [path for path in (one.home.inbox / "far").rglob("*") if path.is_file()], f"{where}: something is left"
    assert died, "nothing was ever killed"


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(0, 4), st.integers(0, 3)),
        st.tuples(st.just("removed"), st.integers(0, 4), st.just(0)),
        st.tuples(st.just("cut"), st.integers(1, 12), st.just(0)),
        st.tuples(st.just("denied"), st.integers(0, 4), st.just(0)),
        st.tuples(st.just("killed"), st.integers(1, 500), st.just(0)),
        st.tuples(st.just("collected"), st.just(0), st.just(0)),
        st.tuples(st.just("pulled"), st.just(0), st.just(0)),
    ),
    min_size=3,
    max_size=14,
)


@pytest.mark.parametrize("kind", SHORT)
def test_whatever_happens_every_version_that_a_whole_pull_met_has_come(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oracle is what the server held when a pull said that it was whole; names and bytes are made by hypothesis."""
    monkeypatch.setenv("FAR_PASS", PASSWORD)
    monkeypatch.setattr(pulling, "_FILES_BETWEEN", 2)

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(steps=STEPS)
    def holds(steps: list[tuple[str, int, int]]) -> None:
        with tempfile.TemporaryDirectory() as place, far_of(kind, Path(place) / "far") as far:
            house = House(Home.at(Path(place) / "home").create(), sources={"far": far.settings()})
            met: set[bytes] = set()
            made = 0
            for step, number, which in [*steps, ("healed", 0, 0), ("pulled", 0, 0)]:
                path = ("a.csv", "b.csv", "sub/a.csv", "sub/deep/c.csv", "d")[number % 5]
                if step == "put":
                    made += 1
                    far.put(path, b"%d of %s\n" % (made, path.encode()) * (1 + 40 * which))
                elif step == "removed" and path in far.held():
                    far.remove(path)
                elif step == "cut":
                    far.cuts = number
                elif step == "denied":
                    far.denied ^= {path}
                elif step == "healed":
                    far.cuts = 0
                    far.denied.clear()
                elif step == "killed":
                    killed_after(house.pull, number, _COUNTED)
                elif step == "collected":
                    collect(house.home, house.config, house.now)
                elif step == "pulled":
                    (outcome,) = house.pull()
                    if outcome.state == "whole":
                        met |= set(far.held().values())
                house.later(minutes=5)
            assert outcome.state == "whole", outcome.failure
            lost = met - {content for _, content in came(house.home)}
            assert not lost, f"lost: {lost}"
            assert house.pull()[0].files == 0, "asked again for what it had"
            assert far.changes() == []

    holds()


@pytest.mark.parametrize(
    ("case", "path", "name"),
    [
        ("a plain one", "asks.csv", "asks.csv"),
        ("in folders", "2026/03/asks.csv", "2026/03/asks.csv"),
        ("out of the folder", "../../etc/passwd", "etc/passwd"),
        ("from the root", "/etc//passwd", "etc/passwd"),
        ("nothing but dots", "../..", "unnamed"),
        ("a line feed", "a\nb\x00c.csv", "a_b_c.csv"),
        ("another system's folder", "a\\b.csv", "a_b.csv"),
        ("no UTF-8", "caf\udce9.csv", "caf\udce9.csv"),
        ("a long one", "x" * 300 + ".csv", "x" * 168 + "_ekmcjhbmhaog.csv"),
    ],
)
def test_a_name_is_made_safe(case: str, path: str, name: str) -> None:
    made = safe_name(path)
    assert made == name, f"{case}: {made!r}"
    assert len(made.encode("utf-8", "surrogateescape")) <= 200, case


def test_two_long_names_stay_two_and_a_very_deep_one_is_kept_flat() -> None:
    assert safe_name("x" * 300 + "a.csv") != safe_name("x" * 300 + "b.csv")
    deep = safe_name("/".join(["d" * 100] * 30 + ["asks.csv"]))
    assert deep.count("/") == 1 and deep.endswith("/asks.csv")


def test_a_file_that_the_disk_has_no_room_for_is_not_begun(house: House, far: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    far.put("a.csv", ASKS)
    house.sources = {"far": far.settings()}
    monkeypatch.setattr(arriving, "_RESERVE", 1 << 62)
    (outcome,) = house.pull()
    assert outcome.state == "failed" and " needed, " in outcome.failure and far.asked.total() == 0, outcome
    monkeypatch.setattr(arriving, "_RESERVE", 0)
    assert house.pull()[0].files == 1


def test_many_files_are_looked_at_in_parts(house: House, far: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "_TOGETHER", 2)
    for number in range(5):
        far.put(f"{number}.csv", b"%d" % number)
    house.sources = {"far": far.settings()}
    assert (house.pull()[0].files, house.pull()[0].files) == (5, 0)
