"""From which columns a model's columns are made, read out of its compiled SQL. Filters and joins are no part of it."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

Column = tuple[str, str, str]
"""Schema, table, column."""


def column_lineage(con: duckdb.DuckDBPyConnection, sql: str, columns: Mapping[str, object]) -> dict[str, list[Column]]:
    """For each of ``columns`` the columns of other tables that its values come from; nothing of one that can't be followed.

    Args:
        con: the warehouse, which knows what ``select *`` stands for.
    """
    from sqlglot import exp
    from sqlglot.errors import SqlglotError
    from sqlglot.lineage import lineage

    tables: dict[str, dict[str, dict[str, dict[str, str]]]] = {}
    for database, schema, table, column, kind in con.execute(
        "select database_name, schema_name, table_name, column_name, data_type from duckdb_columns() where not internal"
    ).fetchall():
        tables.setdefault(database, {}).setdefault(schema, {}).setdefault(table, {})[column] = kind
    found: dict[str, list[Column]] = {}
    for name in columns:
        try:
            nodes = [node for node in lineage(name, sql, tables, dialect="duckdb").walk() if not node.downstream]
        except SqlglotError:  # syntax that it does not know yet: what is shown is incomplete, and nothing else
            continue
        made_of = {
            (table.db, table.name, exp.to_column(node.name).name) for node in nodes if (table := node.expression.find(exp.Table))
        }
        found[name] = sorted(made_of)
    return found
