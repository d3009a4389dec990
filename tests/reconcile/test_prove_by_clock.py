"""Clocks and violations when only the run's clock has moved: the statements that name it, run again without dbt."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

from orchestration.core.config import Config
from orchestration.core.errors import PermanentError
from orchestration.core.files import canonical_json
from orchestration.core.home import Home
from orchestration.core.stamps import create_stamps, note
from orchestration.core.warehouse import warehouse
from orchestration.reconcile import dbt, stages

BEFORE, NOW = datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC)
CLOCK = f"cast('{BEFORE.isoformat()}' as timestamptz)"


def node(name: str, sql: str, *parents: str, kind: str = "model", materialized: str = "table") -> dbt.NodeResult:
    of_dbt = SimpleNamespace(
        resource_type=kind,
        compiled_code=sql,
        depends_on_nodes=[f"model.{parent}" for parent in parents],
        config=SimpleNamespace(materialized=materialized),
        relation_name=f'"memory"."main"."{name}"',
    )
    return dbt.NodeResult(f"{kind}.{name}", "success" if kind == "model" else "pass", 0.0, None, "", node=of_dbt)


def by_clock(*nodes: dbt.NodeResult) -> Any:
    found = stages._named_by_clock(list(nodes), BEFORE)
    return None if found is None else [entry["id"] for entry in found]


def test_what_names_the_clock_is_built_again_and_what_is_made_of_it_and_nothing_else() -> None:
    clocked = node("clocks", f"select {CLOCK} as moment")
    assert by_clock(
        node("contacts", "select 1"),
        clocked,
        node("made_of_it", "select * from clocks", "clocks"),
        node("made_of_that", "select * from made_of_it", "made_of_it"),
        node("of_contacts", "select * from contacts", "contacts"),
        node("unique", "select * from clocks where false", "clocks", kind="test"),
        node("unique_of_contacts", "select * from contacts where false", "contacts", kind="test"),
    ) == ["model.clocks", "model.made_of_it", "model.made_of_that", "test.unique"]
    assert by_clock(clocked, node("shown", "select * from clocks", "clocks", materialized="view")) is None, "no plain table"
    assert by_clock(clocked, node("merged", "select * from clocks", "clocks", materialized="incremental")) is None
    assert by_clock(node("contacts", "select 1")) == []


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute("set timezone = 'UTC'; create schema raw")
    create_stamps(con)
    con.execute(f"create table clocks as select {CLOCK} as moment")
    return con


def remember(con: duckdb.DuckDBPyConnection, *nodes: dbt.NodeResult) -> None:
    found = stages._named_by_clock(list(nodes), BEFORE)
    note(con, by_clock=canonical_json({"as_of": BEFORE.isoformat(), "nodes": found}))


def test_the_statement_is_the_same_with_another_time_in_it(con: duckdb.DuckDBPyConnection) -> None:
    unmoved = "'2026-04-01' as a_date_of_the_law"
    remember(
        con,
        node("clocks", f"select {CLOCK} as moment, {unmoved}"),
        node("moment_is_set", "select 1 from clocks where moment is null", "clocks", kind="test"),
    )
    told = stages._clock_moved(con, NOW)
    assert told is not None
    assert [(item.unique_id, item.status, item.ok) for item in told] == [
        ("model.clocks", "success", True),
        ("test.moment_is_set", "pass", True),
    ]
    assert con.execute("select * from clocks").fetchall() == [(NOW, "2026-04-01")]
    assert stages._clock_moved(con, BEFORE) is not None
    assert con.execute("select moment from clocks").fetchall() == [(BEFORE,)], "and back: what was kept names the first time"


def test_a_test_that_fails_is_left_to_dbt_and_changes_nothing(con: duckdb.DuckDBPyConnection) -> None:
    remember(
        con,
        node("clocks", f"select {CLOCK} as moment"),
        node("no_clock_in_may", "select 1 from clocks where month(moment) = 5", "clocks", kind="test"),
    )
    assert stages._clock_moved(con, NOW) is None
    assert con.execute("select moment from clocks").fetchall() == [(BEFORE,)]


def test_a_statement_that_fails_is_left_to_dbt_too(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("create table more as select 1 as n")
    remember(con, node("clocks", f"select {CLOCK} as moment"), node("of_more", f"select {CLOCK} as moment, n from more"))
    con.execute("drop table more")
    assert stages._clock_moved(con, NOW) is None
    assert con.execute("select moment from clocks").fetchall() == [(BEFORE,)]


def test_tables_of_a_build_that_failed_half_way_are_not_taken_for_those_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home.at(tmp_path / "home").create()
    config = Config.model_validate({"company": {"name": "Acme"}})
    with warehouse(home) as con:
        con.execute("create schema if not exists raw")
        create_stamps(con)
        stages._note_clocks(con)
        note(con, proved="of these inputs")

    def fails(*_: object, **__: object) -> Any:
        raise PermanentError("Building")

    monkeypatch.setattr(stages, "_proved_inputs", lambda *_: None)
    monkeypatch.setattr(stages, "_build", fails)
    with pytest.raises(PermanentError):
        stages.prove(home, config, NOW)
    with warehouse(home) as con:
        assert con.execute("select name from raw.stamps").fetchall() == [], "an export would keep the files it has"


def test_nothing_is_known_before_the_first_proof(con: duckdb.DuckDBPyConnection) -> None:
    assert stages._clock_moved(con, NOW) is None


def test_clocks_and_violations_read_what_the_stamps_speak_of_and_nothing_else() -> None:
    """A source that neither stamp covers could change unseen."""
    nodes = dbt.manifest_nodes()
    proving = [key for key, item in nodes.items() if item["resource_type"] == "model" and "prove" in item["tags"]]
    reached, waiting = set(), list(proving)
    while waiting:
        key = waiting.pop()
        # A table of an earlier step is as the stamp of the reconciliation says; a view shows what it reads, now.
        stands = key in nodes and key not in proving and nodes[key]["config"]["materialized"] != "view"
        if key not in reached:
            reached.add(key)
            waiting += [] if stands or key not in nodes else nodes[key]["depends_on"]["nodes"]
    assert {key.removeprefix("source.quietlist.") for key in reached if key.startswith("source.")} == {
        "bookkeeping.sync__row_state",  # the fingerprint of its rows
        "bookkeeping.canaries",  # likewise
        "bookkeeping.source_settings",  # in the stamp of the reconciliation, as the identifiers' normalisers are
        "identifiers.email",
        "identifiers.phone",
    }
