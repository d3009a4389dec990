"""Which entries of which file are about a number that the company knows: all that the models need of a registry.

Kept up to date from both sides: an ingested file meets every number known, a number that became known meets every file ever
ingested. So a number known today has the history that it would have had, had it been known from the start.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import pyarrow as pa

from orchestration.core.home import Home
from orchestration.core.warehouse import one_row
from orchestration.readers.number_lines import plain_file
from orchestration.registries.taking import entries_file


def match_known(con: duckdb.DuckDBPyConnection, home: Home) -> int:
    """Add what is missing to ``registries.known_entries``, inside the caller's transaction; returns how many there are."""
    con.execute(
        """
        create or replace temp table registry_points as
        select distinct substr(e164, 2)::ubigint as number from identifiers.phone where status = 'ok'
        """
    )
    con.execute(
        "create or replace temp table registry_points_new as "
        "select number from registry_points anti join registries.known_points using (number)"
    )
    old = [row[0] for row in con.execute("select file_id from registries.matched_files order by file_id").fetchall()]
    new = [
        row[0]
        for row in con.execute(
            "select file_id from registries.files anti join registries.matched_files using (file_id) order by file_id"
        ).fetchall()
    ]
    if old and one_row(con, "select count(*) from registry_points_new")[0]:
        _match(con, home, old, "registry_points_new")
    con.execute("insert into registries.known_points select number from registry_points_new")
    if new:
        # Every number ever known, also those whose raw value has left the normaliser's cache since.
        _match(con, home, new, "registries.known_points")
        con.executemany("insert into registries.matched_files values (?)", [(file_id,) for file_id in new])
    for table in ("registry_points", "registry_points_new"):
        con.execute(f"drop table {table}")
    return int(one_row(con, "select count(*) from registries.known_entries")[0])


def _match(con: duckdb.DuckDBPyConnection, home: Home, file_ids: Sequence[str], points: str) -> None:
    paths = pa.table(
        {
            "file_id": pa.array(file_ids, pa.string()),
            "plain": pa.array([str(plain_file(home, file_id)) for file_id in file_ids], pa.string()),
            "entries": pa.array([str(entries_file(home, file_id)) for file_id in file_ids], pa.string()),
        }
    )
    con.register("registry_paths", paths)
    files = "registry_paths as paths inner join registries.files as files on paths.file_id = files.file_id"
    plain = [row[0] for row in con.execute(f"select plain from {files} where files.plain_registry is not null").fetchall()]
    entries = [row[0] for row in con.execute(f"select entries from {files} where files.has_entries").fetchall()]
    if plain:
        con.execute(
            f"""
            insert into registries.known_entries by name
            select files.file_id, files.plain_registry as registry, files.plain_is_full as is_full,
                '+' || found.number as identifier, true as is_listed, null::date as listed_on
            from (
                select number, filename from read_parquet(?, filename = true) semi join {points} using (number)
            ) as found
            inner join registry_paths as paths on found.filename = paths.plain
            inner join registries.files as files on paths.file_id = files.file_id
            """,
            [plain],
        )
    if entries:
        con.execute(
            f"""
            insert into registries.known_entries by name
            select paths.file_id, found.registry, found.is_full, '+' || found.number as identifier,
                found.is_listed, found.listed_on
            from (
                select * from read_parquet(?, filename = true) semi join {points} using (number)
            ) as found
            inner join registry_paths as paths on found.filename = paths.entries
            """,
            [entries],
        )
    con.unregister("registry_paths")
