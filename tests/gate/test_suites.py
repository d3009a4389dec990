"""Expectation files: everything that is wrong is named together, and nothing is dropped in silence."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from orchestration.core.errors import ConfigError
from orchestration.gate import engine
from orchestration.gate.engine import Prepared
from orchestration.gate.suites import Check, Suite, fill, load_suites, resolve

GOOD = """
gate: {gate}
title: A title
table: ledger.requests
expectations:
  - sentence: There are rows.
    type: expect_table_row_count_to_be_between
    arguments: {{min_value: 1}}
    level: stop
    reason: Because.
"""


def write(folder: Path, **files: str) -> Path:
    for gate in ("entry", "exit", "clocks"):
        (folder / f"good_{gate}.yml").write_text(GOOD.format(gate=gate))
    for name, text in files.items():
        (folder / f"{name}.yml").write_text(text)
    return folder


def problems(folder: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_suites(folder, problems_of=engine.problems_of)
    return caught.value.problems


def test_the_suites_of_this_checkout_are_sound() -> None:
    suites = load_suites(problems_of=engine.problems_of)
    assert {suite.gate for suite in suites} == {"entry", "exit", "clocks"}
    assert sum(len(suite.checks) for suite in suites) > 70, "expectations were lost on the way"


def test_every_problem_of_every_file_is_named_at_once(tmp_path: Path) -> None:
    bad = """
gate: exit
title: A title
table: run.candidate
colums: {a: b}
parameters: {floor: select $nowhere}
expectations:
  - sentence: There are rows.
    type: expect_table_row_count_to_be_between
    arguments: {min_value: $flor}
    level: grave
    reason: Because.
  - sentence: Rows are right.
    type: expect_row_to_be_right
    arguments: {column: a}
    level: stop
    reason: Because.
  - sentence: Values are there.
    type: expect_column_values_to_not_be_null
    arguments: {colum: a, column: a}
    level: stop
"""
    found = problems(write(tmp_path, bad=bad, worse="gate: [", worst="- just a list", empty=""))
    for expected in (
        "bad.yml: unknown key colums",
        "bad.yml: unknown name $nowhere; a parameter's SQL may use $as_of, $scope_tree, $scope_form,",
        "bad.yml #1: level is 'grave', not one of stop, hold, alert",
        "bad.yml #1: unknown name $flor",
        "bad.yml #2: unknown expectation type expect_row_to_be_right",
        "bad.yml #3: has no reason",
        "bad.yml #3: expect_column_values_to_not_be_null takes no argument colum",
        "worst.yml: is empty, or not a mapping of",
        "empty.yml: is empty, or not a mapping of",
        "worse.yml: not valid YAML",
    ):
        assert any(problem.startswith(expected) for problem in found), f"{expected} is not among {found}"


@pytest.mark.parametrize(
    ("why", "text", "expected"),
    [
        ("no expectations", "gate: exit\ntitle: T\ntable: t\nexpectations: []", "has no expectations, so it would always pass"),
        ("no gate", GOOD.format(gate="exit").replace("gate: exit", "gate: garden"), "bad.yml: gate is 'garden'"),
        ("both table and query", GOOD.format(gate="exit") + "query: select 1", "bad.yml: names one of table and query"),
        ("neither", GOOD.format(gate="exit").replace("table: ledger.requests\n", ""), "bad.yml: names one of table and query"),
        (
            "no row count first",
            GOOD.format(gate="exit")
            .replace("expect_table_row_count_to_be_between", "expect_column_values_to_not_be_null")
            .replace("min_value: 1", "column: a"),
            "bad.yml: a suite on a table opens with expect_table_row_count_to_be_between",
        ),
        ("a sentence twice", GOOD.format(gate="exit") + GOOD.format(gate="exit").split("expectations:\n")[1], "stands twice"),
        ("a wrong value", GOOD.format(gate="exit").replace("min_value: 1", "min_value: [a]"), "#1: expect_table_row_count"),
        (
            "a condition nobody can read",
            GOOD.format(gate="exit").replace("min_value: 1", "min_value: 1, row_condition: basis = 'direct'"),
            "bad.yml #1: expect_table_row_count_to_be_between: unable to parse condition",
        ),
    ],
)
def test_a_file_that_could_not_fail_is_refused(tmp_path: Path, why: str, text: str, expected: str) -> None:
    found = problems(write(tmp_path, bad=text))
    assert any(expected in problem for problem in found), f"{why}: {found}"


def test_a_gate_without_a_suite_is_refused(tmp_path: Path) -> None:
    (tmp_path / "only.yml").write_text(GOOD.format(gate="exit"))
    assert problems(tmp_path) == ["no suite for the entry gate", "no suite for the clocks gate"]


def test_names_become_literals_in_sql_and_values_in_arguments() -> None:
    values = {"as_of": datetime(2026, 4, 1, tzinfo=UTC), "scope_tree": ["*", "o'hara"], "n": 3, "none": None, "yes": True}
    assert fill("select $as_of, $scope_tree, $n, $none, $yes", values) == (
        "select timestamptz '2026-04-01T00:00:00+00:00', ['*', 'o''hara']::varchar[], 3, null, true"
    )
    assert resolve({"a": "$n", "regex": "^x$", "b": "costs $n"}, values) == {"a": 3, "regex": "^x$", "b": "costs $n"}


def test_a_value_that_an_expectation_does_not_take_is_refused_before_judging() -> None:
    check = Check("There are rows.", "expect_table_row_count_to_be_between", {"min_value": "$floor"}, "stop", "Because.")
    suite = Suite("rows", "exit", "Rows", (check,), table="t")
    with pytest.raises(ConfigError, match=r"rows.yml #1: expect_table_row_count_to_be_between.min_value"):
        engine._build(engine._import(), [Prepared(suite, "select 1", [{"min_value": ["a"]}])])


def test_a_check_that_great_expectations_loses_is_refused() -> None:
    """It drops what it does not know, and the emptied suite passes: lengths are compared after loading."""

    class Forgetful:
        class ExpectationSuite:
            def __init__(self, name: str, expectations: list[object]) -> None:
                self.expectations = expectations[1:]

    check = Check("There are rows.", "expect_table_row_count_to_be_between", {"min_value": 1}, "stop", "Because.")
    suite = Suite("rows", "exit", "Rows", (check,), table="t")
    engine._import()
    with pytest.raises(ConfigError, match="took 0 of 1 expectations"):
        engine._build(Forgetful, [Prepared(suite, "select 1", [{"min_value": 1}])])


def evaluated(sql: str, type_: str, **arguments: object) -> tuple[bool, bool]:
    """Success and whether it could be evaluated, of one expectation on the rows of ``sql``."""
    check = Check("It is so.", type_, arguments, "stop", "Because.")
    with duckdb.connect() as con:
        ((outcome,),) = engine.evaluate(con, [Prepared(Suite("rows", "exit", "Rows", (check,), query=sql), sql, [arguments])])
    return outcome.success, outcome.evaluated


@pytest.mark.parametrize(
    ("why", "sql", "type_", "arguments", "expected"),
    [
        ("a pattern may match anywhere, as everywhere else", "select 'xay' as a", "match_regex", {"regex": "a"}, True),
        ("an anchored pattern may not", "select 'xay' as a", "match_regex", {"regex": "^a"}, False),
        ("a forbidden pattern is found anywhere", "select 'xay' as a", "not_match_regex", {"regex": "a"}, False),
        ("a forbidden pattern that is not there", "select 'xay' as a", "not_match_regex", {"regex": "^a"}, True),
        (
            "one of several patterns",
            "select 'xay' as a",
            "match_regex_list",
            {"regex_list": ["b", "y$"], "match_on": "any"},
            True,
        ),
        ("a pattern with a quote", "select 'o''hara' as a", "match_regex", {"regex": "^o'h"}, True),
    ],
)
def test_patterns_mean_what_they_mean_elsewhere(
    why: str, sql: str, type_: str, arguments: dict[str, object], expected: bool
) -> None:
    """DuckDB's ~ matches whole texts only; left so, an unanchored pattern would fail every row, or forbid nothing."""
    assert evaluated(sql, f"expect_column_values_to_{type_}", column="a", **arguments) == (expected, True), why


def test_a_count_that_is_null_fails() -> None:
    """A query that sums over nothing gives null, and null is not zero."""
    success, _ = evaluated("select null::bigint as a", "expect_column_max_to_be_between", column="a", min_value=0, max_value=0)
    assert not success
