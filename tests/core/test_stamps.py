"""What a step notes is read as it was noted, by whichever step comes next."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import duckdb
import pytest

from orchestration.core.stamps import Stamps, another, create_stamps, note, read_stamps

CLOCK = datetime(2026, 4, 1, 6, 30, tzinfo=UTC)
EVERY = Stamps(
    policy="p",
    key="k",
    meaning="m",
    registries="r",
    persons="linked",
    golden="g",
    settings="t",
    reconciled="x",
    proved="v",
    by_clock='{"nodes":[]}',
    clocks="c",
    row_state="s",
    clock=CLOCK,
    files_of={"staging": "a", "ledger": "b"},
    views_of={"golden": ""},
)


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute("create schema raw")
    return con


def test_a_warehouse_without_the_table_has_none(con: duckdb.DuckDBPyConnection) -> None:
    assert read_stamps(con) == Stamps()
    create_stamps(con)
    assert read_stamps(con) == Stamps()


def test_every_stamp_is_read_as_it_was_noted(con: duckdb.DuckDBPyConnection) -> None:
    create_stamps(con)
    note(con, **vars(EVERY))
    create_stamps(con)
    assert read_stamps(con) == EVERY
    assert all(vars(EVERY).values()), "a stamp without a value here is one that this test says nothing about"


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"golden": "other"}, ("other", "x", CLOCK)),
        ({"golden": None}, (None, "x", CLOCK)),
        ({"golden": None, "reconciled": "y", "clock": None}, (None, "y", None)),
        ({}, ("g", "x", CLOCK)),
    ],
)
def test_what_is_not_named_stays(con: duckdb.DuckDBPyConnection, change: dict[str, Any], wanted: tuple[Any, ...]) -> None:
    create_stamps(con)
    note(con, **vars(EVERY))
    for _ in range(2):
        note(con, **change)
        found = read_stamps(con)
        assert (found.golden, found.reconciled, found.clock) == wanted, change
        assert found.files_of == EVERY.files_of, change


def test_a_change_is_undone_with_the_transaction_that_it_stands_in(con: duckdb.DuckDBPyConnection) -> None:
    create_stamps(con)
    note(con, golden="g", meaning="m")
    con.execute("begin")
    note(con, golden=None, meaning="other")
    con.execute("rollback")
    assert (read_stamps(con).golden, read_stamps(con).meaning) == ("g", "m")


def test_a_name_that_no_stamp_has_is_refused_and_one_of_another_release_is_passed_over(con: duckdb.DuckDBPyConnection) -> None:
    create_stamps(con)
    with pytest.raises(TypeError, match="reconcild"):
        note(con, reconcild="x")
    con.execute("insert into raw.stamps values ('files of ledger', 'x')")
    assert read_stamps(con) == Stamps()


def test_another_is_never_the_same() -> None:
    assert len({another() for _ in range(100)}) == 100
