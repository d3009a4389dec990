"""The columns that the evidence reads are columns that the other stages make: a renamed one shows here, before a run."""

from __future__ import annotations

import csv
import re

import duckdb
import pytest

from orchestration.answers.check import TYPES_OF_CHANNEL
from orchestration.core.home import CHECKOUT
from orchestration.evidence.relations import RELATIONS
from orchestration.identifiers.cache import create_identifier_tables
from orchestration.readers.tables import create_raw_tables
from orchestration.reconcile.components import create_person_table
from orchestration.sync.ledger import STATE_COLUMNS, UNMAPPED_LISTS

MODELS = {path.stem: path for path in (CHECKOUT / "dbt_project" / "models").rglob("*.sql")}
POLICY = CHECKOUT / "dbt_project" / "seeds" / "policy"
CONTRACTS = CHECKOUT / "dbt_project" / "macros" / "sources.sql"


@pytest.fixture(scope="module")
def made_in_python() -> dict[str, set[str]]:
    """Tables that the orchestration fills itself -> their columns."""
    with duckdb.connect() as con:
        create_raw_tables(con, feeds=())
        con.execute("create schema if not exists identifiers")
        create_identifier_tables(con)
        create_person_table(con)
        found = {"raw.sync__row_state": set(STATE_COLUMNS), "raw.sync__unmapped_lists": set(UNMAPPED_LISTS)}
        for table, column in con.execute(
            "select table_schema || '.' || table_name, column_name from information_schema.columns"
        ).fetchall():
            found.setdefault(table, set()).add(column)
    return found


@pytest.mark.parametrize("table", RELATIONS)
def test_every_column_has_a_maker(table: str, made_in_python: dict[str, set[str]]) -> None:
    schema, name = table.split(".")
    if table in made_in_python:
        columns = made_in_python[table]
    elif schema == "policy":
        with (POLICY / f"{name}.csv").open(newline="", encoding="utf-8") as stream:
            columns = set(next(csv.reader(stream)))
    else:
        assert name in MODELS, f"no model makes {table}"
        text = MODELS[name].read_text(encoding="utf-8")
        # The union of the feeds has the columns of its kind's contract, which stand in a macro.
        text += CONTRACTS.read_text(encoding="utf-8") if "union_of(" in text else ""
        columns = set(re.findall(r"\w+", text))
    assert not set(RELATIONS[table]) - columns, f"nobody makes these columns of {table}"


def test_channels_have_the_identifier_types_of_the_policy() -> None:
    with (POLICY / "channels.csv").open(newline="", encoding="utf-8") as stream:
        pairs = {(row["channel"], row["identifier_type"]) for row in csv.DictReader(stream)}
    assert pairs == {(channel, kind) for channel, kinds in TYPES_OF_CHANNEL.items() for kind in kinds}
