"""What nobody knows, as sentences for the end of a run: source, column, value (masked where it may be somebody's) and count."""

from __future__ import annotations

import duckdb

from orchestration.core.masks import mask_value

_MOST = 20
"""Sentences of one run. A column that was swapped has a value per record; the first ones show what happened."""
# A word of a system stands beside several people; a name that slipped into the column stands beside one, or two of a family.
_SEVERAL = 3


def unknown_values(con: duckdb.DuckDBPyConnection) -> list[str]:
    """One sentence per source, column and value, the most frequent first; none before the first ledger."""
    if not con.execute("select 1 from duckdb_tables() where schema_name = 'ledger' and table_name = 'unknown_values'").fetchall():
        return []
    rows = con.execute(
        """
        select source, column_name, value_given, sum(records)::bigint, max(people)
        from ledger.unknown_values
        group by source, column_name, value_given
        order by sum(records) desc, source, column_name, value_given
        """
    ).fetchall()
    said = [
        f"{source}: unknown {column.replace('_', ' ')} {mask_value(value, shown=people >= _SEVERAL)!r} "
        f"({records:,} record{'s' if records != 1 else ''})"
        for source, column, value, records, people in rows[:_MOST]
    ]
    if len(rows) > _MOST:
        said.append(f"{len(rows) - _MOST:,} more values that nobody knows, in ledger.unknown_values")
    return said
