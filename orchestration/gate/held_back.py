"""Rows of the golden table that may not go out as they are: each is held back alone, and the others are published.

The exit gate's expectations about single rows, at level ``stop``, are asked here as SQL, before the table is judged: what they
find stays at home. The gate then judges what is left, by Great Expectations and from the same file, and holds releases while
anything was held back (``expectations/held_back.yml``). Expectations about the whole table (keys, columns, a shrink) are no
matter of one row, and stop it as ever; so does one about rows of a type that is not known here, and a row that does not say whom
it protects: nobody could tell who is missing from the list without it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import duckdb

from orchestration.gate.suites import FORM_VALUES, Check, Suite, fill, load_suites, names_in, resolve, sql_literal

TABLE = "run.candidate"
# More than these are not rows that went wrong but a table that did, and that stops: a row in a hundred, of a short list ten, and
# never half of it.
_SHARE, _FEW = 100, 10
_NOBODY = ("expect_column_values_to_not_be_null", "identifier")
_CONDITION = re.compile(r'col\("([a-z_]+)"\) (==|!=) ("[a-z_]+")')


def rows_to_hold_back(con: duckdb.DuckDBPyConnection, table: str, as_of: datetime) -> int:
    """Make the temporary table ``held_back``, the rows of ``table`` that break an expectation, with the sentences in ``unmet``.

    Returns how many they are; 0, and then no such table, when there are none or so many that the whole table is wrong.
    """
    (suite,) = (suite for suite in load_suites() if suite.table == TABLE)
    added = "".join(f", {expression} as {name}" for name, expression in suite.columns.items())
    judged = f"(select *{added} from {table})"
    conditions = offences(con, suite, as_of)
    is_malformed = f"identifier is not null and ({' or '.join(f'coalesce({offence}, false)' for offence in conditions.values())})"
    count = con.execute(f"select count(*) filter (where {is_malformed}), count(*) from {judged}").fetchall()
    malformed, rows = count[0]
    if malformed == 0 or malformed > max(_FEW, rows // _SHARE) or malformed * 2 >= rows:
        return 0
    sentences = ", ".join(f"case when {condition} then {sql_literal(sentence)} end" for sentence, condition in conditions.items())
    con.execute(
        f"create or replace temp table held_back as select * exclude ({', '.join(suite.columns)}), "
        f"list_filter([{sentences}], lambda sentence: sentence is not null) as unmet from {judged} where {is_malformed}"
    )
    return int(malformed)


def offences(con: duckdb.DuckDBPyConnection, suite: Suite, as_of: datetime) -> dict[str, str]:
    """Per sentence of the suite that is about single rows and stops: the SQL condition of a row that breaks it."""
    values: dict[str, Any] = {"as_of": as_of, **FORM_VALUES}
    found = {}
    for check in suite.checks:
        if check.level != "stop" or check.type not in _OFFENCES or (check.type, check.arguments.get("column")) == _NOBODY:
            continue
        for name in names_in(check.arguments) - set(values):
            values |= {name: con.execute(fill(suite.parameters[name], values)).fetchall()[0][0]}
        found[check.sentence] = _offence(check, resolve(check.arguments, values))
    return found


def _offence(check: Check, arguments: Mapping[str, Any]) -> str:
    offence = _OFFENCES[check.type](arguments)
    if "row_condition" not in arguments:
        return offence
    match = _CONDITION.fullmatch(arguments["row_condition"])
    assert match is not None, f"a row_condition that only Great Expectations can read: {arguments['row_condition']}"
    column, operator, value = match.groups()
    return f"({column} {'=' if operator == '==' else '<>'} {sql_literal(value.strip(chr(34)))} and {offence})"


def _not_between(arguments: Mapping[str, Any]) -> str:
    sides = {"<": arguments.get("min_value"), ">": arguments.get("max_value")}
    return " or ".join(f"{arguments['column']} {sign} {sql_literal(value)}" for sign, value in sides.items() if value is not None)


def _not_a_pair(arguments: Mapping[str, Any]) -> str:
    pairs = ", ".join(f"({sql_literal(first)}, {sql_literal(second)})" for first, second in arguments["value_pairs_set"])
    first, second = arguments["column_A"], arguments["column_B"]
    return f"({first} is not null and {second} is not null and ({first}, {second}) not in ({pairs}))"


# By type of expectation: the condition of a row that breaks it. A null breaks none but the first, as in Great Expectations.
_OFFENCES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "expect_column_values_to_not_be_null": lambda given: f"{given['column']} is null",
    "expect_column_values_to_match_regex": lambda given: f"not regexp_matches({given['column']}, {sql_literal(given['regex'])})",
    "expect_column_values_to_be_in_set": lambda given: (
        f"{given['column']} not in ({', '.join(map(sql_literal, given['value_set']))})"
    ),
    "expect_column_values_to_be_between": _not_between,
    "expect_column_pair_values_to_be_in_set": _not_a_pair,
    "expect_column_pair_values_a_to_be_greater_than_b": lambda given: f"{given['column_A']} < {given['column_B']}",
}
