"""The engine's tables in the warehouse: facts per file, and the entries of known numbers. They hold no whole registry."""

from __future__ import annotations

import duckdb

_TABLES = """
create schema if not exists registries;
create table if not exists registries.files (       -- registry files ingested
    file_id varchar,
    records bigint,             -- its records that were ingested, repeated ones counted each time
    plain_registry varchar,     -- what its plain lines are entries of; null when it has none
    plain_is_full boolean,
    has_entries boolean         -- other entries are in <file_id>.entries.parquet
);
create table if not exists registries.file_areas (  -- what each of them is about
    file_id varchar, registry varchar, is_full boolean,
    area varchar,               -- area code of the North American plan, '' outside of it
    row_count bigint
);
create table if not exists registries.known_entries (
    file_id varchar, registry varchar, is_full boolean, identifier varchar, is_listed boolean, listed_on date
);
create table if not exists registries.known_points (number ubigint);    -- looked up in every file of matched_files
create table if not exists registries.matched_files (file_id varchar);
create table if not exists registries.withheld (    -- versions that would lose too many numbers: for the exit gate to judge
    registry varchar, rows_before bigint, rows_after bigint, removed bigint
);
"""
_NAMES = ("files", "file_areas", "known_entries", "known_points", "matched_files")


def create_registry_tables(con: duckdb.DuckDBPyConnection) -> None:
    """Create what is missing."""
    con.execute(_TABLES)


def empty_registry_tables(con: duckdb.DuckDBPyConnection) -> None:
    """Forget everything, inside the caller's transaction: every landed file is ingested again."""
    for name in _NAMES:
        con.execute(f"delete from registries.{name}")
