"""A malformed row is held back alone: what it was published as stays, nobody is released by it, and it is listed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from orchestration.core.home import Home
from orchestration.core.warehouse import warehouse
from orchestration.gate import judge
from orchestration.gate.held_back import TABLE, offences, rows_to_hold_back
from orchestration.gate.suites import load_suites
from orchestration.publish import Candidate, export_candidate, publish, read_published
from orchestration.publish.candidate import EVIDENCE_FILE, HELD_BACK_FILE
from tests.gate.house import AS_OF, build_house, config_of, spoil
from tests.gate.test_expectations import CASES

(SUITE,) = (suite for suite in load_suites() if suite.table == TABLE)
# What is no matter of one row: how many there are, their columns, their keys; and whom a row protects, which nothing else says.
OF_THE_TABLE = {
    "Every suppressed row names whom it suppresses.",
    "The table is not empty while anybody asked to be left alone.",
    "The columns are those that consumers rely on, in their order.",
    "There is one row per channel, identifier and part of the company.",
}
ACME = "where scope = 'acme'"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_house(tmp_path_factory.mktemp("held") / "home").root


@pytest.fixture
def home(template: Path, tmp_path: Path) -> Home:
    return Home(shutil.copytree(template, tmp_path / "home"))


@pytest.fixture(scope="module")
def golden(template: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with warehouse(Home(template), read_only=True) as con:
        con.execute("attach ':memory:' as run (read_write)")
        yield con


def judged(home: Home) -> Candidate:
    """Export and judge as a run does."""
    with warehouse(home) as con:
        candidate = export_candidate(con, home, AS_OF, rows_to_hold_back)
    judge("entry", home, config_of(home), AS_OF)
    judge("exit", home, config_of(home), AS_OF)
    return candidate


def keys(relation: str) -> list[tuple[str, ...]]:
    return duckdb.sql(f"select channel, identifier, scope from {relation} order by all").fetchall()


def test_every_stop_about_single_rows_is_known_here() -> None:
    stops = {check.sentence for check in SUITE.checks if check.level == "stop"}
    with duckdb.connect() as con:
        assert set(offences(con, SUITE, AS_OF)) == stops - OF_THE_TABLE


@pytest.mark.parametrize("sentence", sorted({check.sentence for check in SUITE.checks if check.level == "stop"} - OF_THE_TABLE))
def test_what_spoils_a_row_for_the_gate_holds_it_back(golden: duckdb.DuckDBPyConnection, sentence: str) -> None:
    """The very cases by which the gate's own expectations are tested."""
    case = CASES["golden_suppression"][sentence]
    sql = case if isinstance(case, str) else case[0]
    golden.execute(f"create or replace table {TABLE} as select * from golden.golden_suppression")
    assert rows_to_hold_back(golden, TABLE, AS_OF) == 0, "a good row was held back"
    golden.execute(sql)
    assert rows_to_hold_back(golden, TABLE, AS_OF) == 1, sentence
    assert golden.execute("select unmet from held_back").fetchall() == [([sentence],)]


def test_half_of_a_list_is_not_held_back(golden: duckdb.DuckDBPyConnection) -> None:
    golden.execute(f"create or replace table {TABLE} as select * from golden.golden_suppression")
    golden.execute(f"update {TABLE} set reason = null where scope = '*'")
    assert golden.execute(f"select count(*) filter (where reason is null), count(*) from {TABLE}").fetchall() == [(3, 4)]
    assert rows_to_hold_back(golden, TABLE, AS_OF) == 0, "the table is wrong, not a row"
    golden.execute(f"update {TABLE} set reason = 'opt_out' where identifier_type = 'email'")
    assert rows_to_hold_back(golden, TABLE, AS_OF) == 1


def test_a_row_that_names_nobody_is_not_held_back(golden: duckdb.DuckDBPyConnection) -> None:
    golden.execute(f"create or replace table {TABLE} as select * from golden.golden_suppression")
    golden.execute(f"update {TABLE} set identifier = null, reason = null {ACME}")
    assert rows_to_hold_back(golden, TABLE, AS_OF) == 0, "nobody could tell who is missing"


def test_the_others_go_out_and_the_row_is_listed(home: Home) -> None:
    spoil(home, f"update golden.golden_suppression set reason = null {ACME}")
    candidate = judged(home)
    publish(home, AS_OF)
    assert candidate.held_back == 1
    assert ("voice", "+12025550101", "acme") not in keys(read_published(home).relation)
    assert len(keys(read_published(home).relation)) == 3
    listed = duckdb.sql(f"select identifier, unmet from read_parquet('{candidate.folder / HELD_BACK_FILE}')").fetchall()
    assert listed == [("+12025550101", ["Every row says why it is there."])]
    assert (candidate.folder / HELD_BACK_FILE).stat().st_mode & 0o077 == 0, "the list is private"
    assert read_published(home).releases_held


@pytest.mark.parametrize("spoilt", ["reason = null", "identifier = '2025550101'", "scope = 'Acme/'"])
def test_what_was_published_of_a_row_stays_when_the_row_goes_wrong(home: Home, spoilt: str) -> None:
    judged(home)
    publish(home, AS_OF)
    before = keys(read_published(home).relation)
    spoil(
        home,
        f"update golden.golden_suppression set {spoilt} {ACME}; "
        "update golden.golden_suppression set region = 'CA' where scope = '*'",
    )
    assert judged(home).held_back == 1
    assert publish(home, AS_OF).version == 2, "the others are published"
    assert keys(read_published(home).relation) == before, spoilt


def test_no_release_goes_out_for_an_identifier_whose_row_is_held_back(home: Home) -> None:
    spoil(
        home,
        "update golden.golden_suppression set basis = 'hearsay' where identifier = 'eve@example.com'; "
        "insert into golden.golden_suppression select * replace ('2025550101' as identifier) from golden.golden_suppression "
        "where scope = 'acme'",
    )
    candidate = judged(home)
    evidence = duckdb.sql(f"select identifier from read_parquet('{candidate.folder / EVIDENCE_FILE}')").fetchall()
    assert evidence == [("bob@example.com",)]


def test_the_same_state_is_looked_at_anew_and_a_repaired_row_goes_out(home: Home) -> None:
    spoil(home, f"update golden.golden_suppression set suppressed_since = '2026-04-03' {ACME}")
    first, second = judged(home), judged(home)
    assert (first.held_back, first.rows_sha256) == (second.held_back, second.rows_sha256) == (1, first.rows_sha256)
    spoil(home, f"update golden.golden_suppression set suppressed_since = '2026-03-02' {ACME}")
    repaired = judged(home)
    assert (repaired.held_back, repaired.row_count) == (0, 4)
    publish(home, AS_OF)
    assert not read_published(home).releases_held
