"""Values and names as SQL text, for the places where DuckDB takes no parameter: a file's name, a pattern, a column."""

from __future__ import annotations


def quoted(value: object) -> str:
    """A text as a literal."""
    return "'" + str(value).replace("'", "''") + "'"


def quoted_name(name: str) -> str:
    """The name of a column or table, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'
