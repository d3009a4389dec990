"""What Great Expectations found is kept for the same rows and expectations, and for nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestration.core.home import Home
from orchestration.core.stamps import create_stamps, note
from orchestration.core.warehouse import warehouse
from orchestration.gate import engine, judge, judging
from orchestration.gate.held_back import rows_to_hold_back
from orchestration.publish import export_candidate
from orchestration.publish.verdicts import Verdict, acknowledge, read_verdict
from orchestration.reconcile import stages
from tests.gate.house import AS_OF, build_house, config_of, spoil

HOUR = timedelta(hours=1)
OTHER_FILE = "update raw.landed_files set snapshot_at = timestamptz '2026-01-01T00:00:00Z'"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = build_house(tmp_path_factory.mktemp("kept") / "home")
    with warehouse(home) as con:
        create_stamps(con)
        note(con, meaning=stages._meaning(config_of(home)))
        stages._note_files(con, "ledger")
    for gate in judging.GATES:
        judged(gate, home, AS_OF)
    return home


@pytest.fixture
def home(template: Home, tmp_path: Path) -> Home:
    return Home(shutil.copytree(template.root, tmp_path / "home"))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many suites Great Expectations was asked about, each time that it was."""
    times: list[int] = []
    evaluate = engine.evaluate
    monkeypatch.setattr(engine, "evaluate", lambda con, suites: times.append(len(suites)) or evaluate(con, suites))
    return times


def judged(gate: str, home: Home, when: datetime) -> Verdict:
    if gate == "exit":
        with warehouse(home) as con:
            export_candidate(con, home, when, rows_to_hold_back, state="one")
    return judge(gate, home, config_of(home), when)


@pytest.mark.parametrize("gate", judging.GATES)
def test_the_same_rows_are_judged_once_and_told_as_if_judged_again(
    home: Home, asked: list[int], monkeypatch: pytest.MonkeyPatch, gate: str
) -> None:
    first = read_verdict(home, gate, judged(gate, home, AS_OF).rows_sha256)
    assert first is not None and not asked
    kept = judged(gate, home, AS_OF + HOUR)
    assert not asked, "nothing differs"
    assert (kept.kept_from, kept.as_of) == (AS_OF.isoformat(), AS_OF + HOUR)
    assert judged(gate, home, AS_OF + 2 * HOUR).kept_from == AS_OF.isoformat(), "found then, however often it was kept since"
    monkeypatch.setattr(judging, "_same", lambda *_: None)
    found = judged(gate, home, AS_OF + HOUR)
    assert asked, "the oracle"
    assert replace(found, kept_from=kept.kept_from, number=kept.number) == kept


def changed_sentence(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    load = judging.load_suites

    def other(**given: Any) -> Any:
        first, *rest = load(**given)
        return (*rest, replace(first, checks=(replace(first.checks[0], level="hold"), *first.checks[1:])))

    monkeypatch.setattr(judging, "load_suites", other)


def unread_column(home: Home, _: pytest.MonkeyPatch) -> None:
    spoil(
        home,
        "insert into raw.unread_columns (file_id, label, nearest, is_canonical) "
        "select file_id, 'Opted', 'email', true from raw.landed_files limit 1",
    )


def unknown_value(home: Home, _: pytest.MonkeyPatch) -> None:
    spoil(
        home,
        "insert into ledger.unknown_values (file_id, source, column_name, value_given, records) "
        "select file_id, source, 'action', 'odd', 1 from raw.landed_files limit 1",
    )


def other_scopes(home: Home, _: pytest.MonkeyPatch) -> None:
    home.config_file.write_text(home.config_file.read_text().replace('"outlet"]', '"outlet", "new"]'))


CHANGES: dict[str, tuple[str, Callable[[Home, pytest.MonkeyPatch], None]]] = {
    "a record without an account": ("entry", lambda home, _: spoil(home, "update ledger.conservation set difference = 1")),
    "a column that nobody reads": ("entry", unread_column),
    "a value that nobody knows": ("entry", unknown_value),
    "tables made of something else": ("entry", lambda home, _: spoil(home, OTHER_FILE)),
    "tables of which nobody knows what they are made of": ("entry", lambda home, _: spoil(home, "delete from raw.stamps")),
    "a scope more in the configuration": ("exit", other_scopes),
    "an echo that nobody knows": (
        "exit",
        lambda home, _: spoil(home, "insert into golden.unmatched_echoes (file_id, source) values ('f', 'web')"),
    ),
    "a clock in another state": ("clocks", lambda home, _: spoil(home, "update deadlines.clocks set state = 'overdue'")),
    "a clock that is inherited now": ("clocks", lambda home, _: spoil(home, "update deadlines.clocks set is_inherited = true")),
    "an expectation of another level": ("clocks", changed_sentence),
    "another release of Great Expectations": (
        "clocks",
        lambda _, monkeypatch: monkeypatch.setattr(judging, "version", lambda _: "other"),
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_differs_is_judged_again(home: Home, asked: list[int], monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    gate, make = CHANGES[change]
    make(home, monkeypatch)
    verdict = judged(gate, home, AS_OF + HOUR)
    assert asked and verdict.kept_from is None, change


def test_a_source_that_becomes_late_by_the_clock_alone_is_found(home: Home, asked: list[int]) -> None:
    verdict = judged("entry", home, AS_OF + timedelta(hours=100))
    assert asked and any("late" in item.told for item in verdict.failed), [item.told for item in verdict.failed]


def test_a_clock_that_went_back_keeps_nothing(home: Home, asked: list[int]) -> None:
    assert judged("clocks", home, AS_OF - HOUR).kept_from is None
    assert asked


def test_an_upper_bound_that_rises_with_the_clock_keeps_what_passed_and_asks_again_about_what_did_not(
    home: Home, asked: list[int]
) -> None:
    spoil(home, f"update ledger.requests set at_earliest = timestamptz '{AS_OF + timedelta(days=2)}' where request_id = 'r1'")
    spoil(home, OTHER_FILE)
    sentence = "No request lies in the future."
    for hours, lies_ahead in ((0, True), (1, True), (30, False)):
        asked.clear()
        verdict = judged("entry", home, AS_OF + hours * HOUR)
        assert (sentence in [item.sentence for item in verdict.failed]) is lies_ahead, hours
        assert asked, f"{hours} hours on it may have come to pass"
    asked.clear()
    assert judged("entry", home, AS_OF + 31 * HOUR).kept_from == (AS_OF + 30 * HOUR).isoformat()
    assert not asked, "what passed, passes"


def test_what_could_not_be_evaluated_is_asked_again(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    spoil(home, "update deadlines.clocks set state = 'at_risk'")
    evaluate = engine.evaluate

    def short_of_memory(con: Any, suites: Any) -> list[list[engine.Outcome]]:
        return [[replace(outcome, success=False, evaluated=False) for outcome in found] for found in evaluate(con, suites)]

    monkeypatch.setattr(engine, "evaluate", short_of_memory)
    assert not any(item.evaluated for item in judged("clocks", home, AS_OF + HOUR).results)
    monkeypatch.setattr(engine, "evaluate", evaluate)
    again = judged("clocks", home, AS_OF + 2 * HOUR)
    assert again.kept_from is None and all(item.evaluated for item in again.results)


def test_a_suite_whose_query_fails_is_never_kept(home: Home, asked: list[int]) -> None:
    spoil(home, "drop table policy.rules")
    for hours in (1, 2):
        asked.clear()
        assert not all(item.evaluated for item in judged("clocks", home, AS_OF + hours * HOUR).results), hours
        assert asked, hours


def test_an_acknowledged_file_counts_no_more(home: Home, asked: list[int]) -> None:
    unread_column(home, pytest.MonkeyPatch())
    assert judged("entry", home, AS_OF + HOUR).level == "hold"
    with warehouse(home, read_only=True) as con:
        ((file_id,),) = con.execute("select file_id from raw.unread_columns").fetchall()
    acknowledge(home, file_id, person="Ada", reason="looked at it", now=AS_OF)
    asked.clear()
    assert judged("entry", home, AS_OF + 2 * HOUR).level != "hold"
    assert asked
