"""A gate from the warehouse to its verdict: what it refuses, what it keeps to itself, and what it leaves behind."""

from __future__ import annotations

import gc
import json
import logging
import shutil
import stat
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from orchestration.core.errors import GateClosed, PermanentError
from orchestration.core.home import Home
from orchestration.core.warehouse import warehouse
from orchestration.gate import judge, judging
from orchestration.gate.held_back import rows_to_hold_back
from orchestration.gate.suites import Suite
from orchestration.publish import Candidate, export_candidate, rows_sha256
from orchestration.publish.verdicts import Verdict, allows, read_verdict, store
from tests.gate.house import AS_OF, build_house, config_of, spoil

CANARY = "Wren.Sings@example.com"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_house(tmp_path_factory.mktemp("judging") / "home").root


@pytest.fixture
def home(template: Path, tmp_path: Path) -> Home:
    return Home(shutil.copytree(template, tmp_path / "home"))


def export(home: Home) -> Candidate:
    with warehouse(home) as con:
        return export_candidate(con, home, AS_OF, rows_to_hold_back)


def entered(home: Home) -> None:
    """Leave what the entry gate would have said, for tests that are about another gate."""
    with warehouse(home, read_only=True) as con:
        rows = rows_sha256(con, "ledger.conservation")
    store(home, Verdict("entry", "pass", rows, AS_OF, ()))


def judged(gate: str, home: Home) -> Verdict:
    return judge(gate, home, config_of(home), AS_OF)


def test_a_good_house_passes_every_gate_and_may_publish(home: Home) -> None:
    entry = judged("entry", home)
    candidate = export(home)
    verdicts = [entry, judged("exit", home), judged("clocks", home)]
    assert [(verdict.level, [item.sentence for item in verdict.failed]) for verdict in verdicts] == [("pass", [])] * 3
    permission = allows(home, candidate.rows_sha256)
    assert (permission.level, permission.releases_held) == ("pass", False)
    assert read_verdict(home, "exit", candidate.rows_sha256) == verdicts[1]


def test_a_row_without_an_identifier_stops_the_exit_gate(home: Home) -> None:
    entered(home)
    spoil(home, "update golden.golden_suppression set identifier = null where scope = 'acme'")
    candidate = export(home)
    verdict = judged("exit", home)
    assert verdict.level == "stop"
    assert "Every suppressed row names whom it suppresses." in [item.sentence for item in verdict.failed]
    with pytest.raises(GateClosed, match=r"'Every suppressed row names whom it suppresses' \(.*not so in 1 of 4 rows\)"):
        allows(home, candidate.rows_sha256)


def test_a_verdict_says_what_was_found_in_which_source_and_file_and_the_next_command(home: Home) -> None:
    told = {result.sentence: result.told for result in judged("entry", home).results}
    assert not any("Next step" in said for said in told.values()), "what is met has nothing to be done about"
    spoil(home, "update ledger.conservation set difference = 1, records_read = 7, quarantined = 1")
    spoil(home, "insert into raw.quarantine (file_id, reason) values (repeat('a', 32), 'truncated')")
    spoil(home, "update raw.landed_files set name = 'List of Ada Moss.csv'")
    told = {result.sentence: result.told for result in judged("entry", home).failed}
    file_id = "a" * 32
    assert told["In every file the records read and the records accounted for are the same number."].startswith(
        f"One file has records that are not accounted for: web (asks.csv, file id {file_id}). Next step: quietlist doctor"
    )
    assert told["No file ends in the middle of a record."] == (
        f"One file is cut off: web ((not shown).csv, file id {file_id}). "
        "Next step: ask for the whole file, then quietlist acknowledge FILE_ID --person NAME --reason WHY"
    )
    share = told["Of the records of the last seven days at most one in a hundred could not be used."]
    assert share.endswith("could not be used: web: 1. Next step: quietlist quarantine")
    # One that has no words of its own says its sentence and what was found.
    spoil(home, "update ledger.requests set request_id = null where request_id = 'r1'")
    assert judged("entry", home).failed[0].told == "Every request has an id (not so in 1 of 6 rows)"


def test_more_than_five_files_are_counted_and_not_named(home: Home) -> None:
    spoil(
        home,
        "insert into raw.landed_files (file_id, source, feed, size_bytes, received_at, name) "
        "select lpad(n::varchar, 32, '0'), 'web', null, 1, received_at, n || '.csv' from raw.landed_files, range(7) as seven (n)",
    )
    (said,) = [result.told for result in judged("entry", home).failed if "somebody described" in result.sentence]
    assert said.startswith("7 files are of a kind that nobody described: web (0.csv, file id 0") and " and 2 more. Next" in said


def test_of_more_than_five_files_each_source_is_named(home: Home) -> None:
    spoil(
        home,
        "insert into raw.landed_files (file_id, source, feed, size_bytes, received_at, name) "
        "select lpad(n::varchar, 32, '0'), 'web' || n, null, 1, received_at, n || '.csv' "
        "from raw.landed_files, range(7) as seven (n)",
    )
    (said,) = [result.told for result in judged("entry", home).failed if "somebody described" in result.sentence]
    assert " and 2 more, of web5, web6. Next" in said


def test_an_unread_column_is_named_as_it_stands_in_the_file(home: Home) -> None:
    spoil(
        home,
        "update raw.landed_files set name = 'crm.csv'; "
        "insert into raw.unread_columns (file_id, label, nearest, is_canonical) "
        "select file_id, '''HasOptedOutOfEmail''', 'email', true from raw.landed_files limit 1",
    )
    (said,) = [result.told for result in judged("entry", home).failed if "our own formats no column" in result.sentence]
    assert "(column 'HasOptedOutOfEmail' of crm.csv, most like email, file id " in said


def test_a_kind_of_record_is_named_in_our_words_only(home: Home) -> None:
    spoil(
        home,
        "insert into ledger.kinds_of_files values "
        "('1', 'web', 'v', 'f', '2026-03-01 00:00+00', 'opt_out by import', 1), "
        "(repeat('b', 32), 'web', 'v', 'f', '2026-04-01 11:00+00', 'not_a_request unsubscribe_page', 1), "
        "(repeat('c', 32), 'web', 'v', 'f', '2026-04-01 11:00+00', 'echo eve@example.com', 1)",
    )
    (said,) = [result.told for result in judged("entry", home).failed if result.suite == "newcomers"]
    assert (
        "web (not a request unsubscribe page, first in file id bbbb" in said and "eve@" not in said and "example" not in said
    ), said


@pytest.mark.parametrize("separator", ["\x1e", "\x1f\x1f\x1f"], ids=["between things", "between parts"])
def test_a_name_that_holds_our_own_separators_stops_nobody(home: Home, separator: str) -> None:
    spoil(
        home,
        "insert into raw.landed_files (file_id, source, feed, size_bytes, received_at, name) "
        f"select repeat('e', 32), 'web', null, 1, received_at, 'a{separator}b.csv' from raw.landed_files limit 1",
    )
    (said,) = [result.told for result in judged("entry", home).failed if "somebody described" in result.sentence]
    assert said.startswith("One file is of a kind that nobody described: web")


def test_a_row_in_another_spelling_is_held_back_alone_and_holds_releases(home: Home) -> None:
    entered(home)
    spoil(home, "update golden.golden_suppression set identifier = '2025550101' where scope = 'acme'")
    candidate = export(home)
    verdict = judged("exit", home)
    assert (candidate.row_count, candidate.held_back) == (3, 1)
    assert [(item.level, item.sentence, item.figure) for item in verdict.failed] == [
        ("hold", "No row of the table is malformed and had to be held back.", "rows held back: 1")
    ]
    assert allows(home, candidate.rows_sha256).releases_held


def test_a_table_of_which_many_rows_are_malformed_stops_the_exit_gate(home: Home) -> None:
    entered(home)
    spoil(
        home,
        "insert into golden.golden_suppression select golden.* replace ('9' || n as identifier) "
        "from golden.golden_suppression as golden, range(11) as r (n) where scope = 'acme'",
    )
    candidate = export(home)
    assert (candidate.row_count, candidate.held_back) == (15, 0)
    verdict = judged("exit", home)
    assert verdict.level == "stop"
    sentence = "Every number is a plus sign and up to fifteen digits (E.164)."
    assert sentence in [item.sentence for item in verdict.failed]
    with pytest.raises(GateClosed, match=r"'Every number is a plus sign .*' \(.*not so in 11 of 13 rows\)"):
        allows(home, candidate.rows_sha256)


def test_judging_twice_says_the_same(home: Home) -> None:
    entered(home)
    export(home)
    assert judged("exit", home) == judged("exit", home)
    assert len(list(home.gate_folder.glob("exit-*.json"))) == 1


@pytest.mark.parametrize("gate", ["entry", "exit"])
def test_a_hold_and_an_alert_do_not_block_publication(home: Home, gate: str) -> None:
    spoil(
        home,
        "update ledger.conservation set difference = 1, records_read = 7"
        if gate == "entry"
        else "insert into golden.unmatched_echoes (file_id) values ('f')",
    )
    judged("entry", home)
    candidate = export(home)
    judged("exit", home)
    permission = allows(home, candidate.rows_sha256)
    assert (permission.level, permission.releases_held) == (("hold", True) if gate == "entry" else ("alert", False))


def test_the_exit_gate_stops_without_the_entry_gate_of_the_same_run(home: Home) -> None:
    export(home)
    assert judged("exit", home).level == "stop"
    judge("entry", home, config_of(home), AS_OF - timedelta(days=1))
    assert judged("exit", home).level == "stop", "the entry gate of another run"
    judged("entry", home)
    assert judged("exit", home).level == "pass"
    spoil(home, "update ledger.conservation set duplicates = 1, records_read = 7")
    assert judged("exit", home).level == "stop", "the ledger changed after the entry gate"


@pytest.mark.parametrize(
    ("gate", "sql", "level"),
    [
        ("entry", "drop table raw.load_log", "hold"),
        ("entry", "drop table ledger.requests", "stop"),
        ("entry", "drop table policy.methods", "stop"),
        ("exit", "drop table golden.unmatched_echoes", "stop"),
        ("exit", "drop table golden.release_evidence", "stop"),
        ("clocks", "drop table registries.area_versions", "alert"),
    ],
)
def test_what_can_not_be_evaluated_fails_at_its_level(home: Home, gate: str, sql: str, level: str) -> None:
    entered(home)
    export(home)
    spoil(home, sql)
    verdict = judged(gate, home)
    assert verdict.level == level
    assert not any(item.evaluated for item in verdict.failed)
    assert all("does not exist" in item.note for item in verdict.failed), {item.note for item in verdict.failed}


def test_an_exception_inside_great_expectations_is_a_failure(home: Home) -> None:
    spoil(home, "alter table ledger.requests drop column time_quality")
    failed = judged("entry", home).failed
    assert len(failed) == 3, "the three expectations about that column, and only they"
    assert {(item.evaluated, item.note) for item in failed} == {(False, failed[0].note)}
    assert "Great Expectations could not compute it" in failed[0].note


def test_a_query_that_returns_no_row_fails(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for suite in judging.load_suites():
        if suite.gate == "entry":
            break
    empty = Suite(suite.name, "clocks", suite.title, suite.checks, query="select 0 as files_off where false")
    monkeypatch.setattr(judging, "load_suites", lambda problems_of: (empty,))
    verdict = judged("clocks", home)
    assert len(verdict.failed) == len(empty.checks)
    assert verdict.failed[0].note == "its query returned no row, so it judges nothing"


def test_what_is_to_be_judged_must_be_there(home: Home) -> None:
    spoil(home, "drop table ledger.conservation")
    with pytest.raises(PermanentError, match="Table with name conservation does not exist"):
        judged("entry", home)
    with pytest.raises(PermanentError, match="none was exported"):
        judged("exit", home)


def test_no_value_of_any_row_leaves_the_gate(
    home: Home, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A canary stands in every text column, so that it breaks almost every expectation and is quoted by every error."""
    caplog.set_level(logging.DEBUG)
    ours = ("ledger.requests", "ledger.conservation", "golden.golden_suppression", "golden.applied_requests", "deadlines.clocks")
    for table in ours:
        with warehouse(home) as con:
            texts = [row[0] for row in con.execute(f"describe {table}").fetchall() if row[1] == "VARCHAR"]
        spoil(home, f"update {table} set {', '.join(f'{name} = {CANARY!r}' for name in texts)}")
    spoil(home, f"alter table ledger.conservation alter difference type varchar using '{CANARY}'")
    suites = judging.load_suites()
    floor, most = suites[0].checks[0], "expect_column_max_to_be_between"
    aggregate = replace(floor, sentence="The greatest address.", type=most, arguments={"column": "identifier", "max_value": 1})
    between = replace(
        floor, sentence="A number.", type="expect_column_values_to_be_between", arguments={"column": "n", "min_value": 1}
    )
    converting = Suite(
        "converting", "exit", "T", (aggregate, between), table="run.candidate", columns={"n": "identifier::bigint"}
    )
    monkeypatch.setattr(judging, "load_suites", lambda problems_of: (*suites, converting))
    verdicts = [judged("entry", home)]
    candidate = export(home)
    verdicts += [judged("exit", home), judged("clocks", home)]
    assert not [record.name for record in caplog.records if record.name.startswith("great_expectations")]
    notes = {item.note for verdict in verdicts for item in verdict.failed}
    assert {"conversion error in its SQL", "Great Expectations could not compute it (conversion error)"} <= notes
    with pytest.raises(GateClosed) as caught:
        allows(home, candidate.rows_sha256)
    said = {"the error": str(caught.value), "the log": caplog.text, "the terminal": "".join(capfd.readouterr())}
    for folder in (home.gate_folder, home.reports):
        said |= {str(path): path.read_text() for path in folder.rglob("*") if path.is_file()}
    assert len(said) >= 3 + 3 + 4, "three verdicts, and Data Docs with its three"
    for place, text in said.items():
        for part in ("wren", "sings"):
            assert part not in text.lower(), f"{place} holds a value of a row"


def test_the_warehouse_is_free_for_another_process_after_judging(home: Home) -> None:
    script = f"import duckdb; duckdb.connect({str(home.warehouse_file)!r}).execute('select 1')"
    gc.disable()  # what only the garbage collector would close must be closed before it comes
    try:
        judged("entry", home)
        subprocess.run([sys.executable, "-c", script], check=True, timeout=60)  # a leftover cursor would keep the lock
    finally:
        gc.enable()
    with duckdb.connect(str(home.warehouse_file)) as con:
        assert con.execute("select count(*) from ledger.requests").fetchall() == [(6,)]


def test_data_docs_show_the_last_verdict_of_every_gate(home: Home) -> None:
    judged("entry", home)
    spoil(home, "update deadlines.clocks set state = 'overdue'")
    export(home)
    verdicts = [judged("entry", home), judged("exit", home), judged("clocks", home)]
    page = (home.reports / "data_docs" / "index.html").read_text()
    for verdict in verdicts:
        assert f'<section id="{verdict.gate}">' in page
        for item in verdict.results:
            assert item.sentence.replace("'", "&#39;") in page, item.sentence
    assert "Everything goes out. A person must look at what failed." in page
    assert "<script" not in page
    assert "http:" not in page and "https:" not in page, "the page must open nothing from anywhere"


def test_what_a_gate_writes_is_private(home: Home) -> None:
    judged("entry", home)
    written = [*home.gate_folder.glob("*.json"), *(home.reports / "data_docs").iterdir()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in written} == {0o600}
    assert stat.S_IMODE((home.reports / "data_docs").stat().st_mode) == 0o700


def test_a_verdict_holds_counts_and_sentences_only(home: Home) -> None:
    verdict = judged("entry", home)
    stored = json.loads((home.gate_folder / verdict.file_name).read_text())
    for result in stored["results"]:
        assert set(result["counts"]) <= {"rows", "unexpected", "missing", "observed"}
        assert all(isinstance(count, int | float) for count in result["counts"].values())
