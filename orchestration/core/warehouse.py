"""Opening the DuckDB warehouse. DuckDB allows one writing process, so connections are short and never kept."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import duckdb

from orchestration.core.config import Limits
from orchestration.core.errors import TransientError
from orchestration.core.home import Home

SCHEMAS = ("raw", "staging", "identifiers", "ledger", "identity", "registries", "golden", "deadlines", "exposure", "policy")
_LOCK_WAIT_SECONDS = 30.0  # another process's short connection ends well within; a run that holds longer is a fault


@contextmanager
def warehouse(home: Home, *, read_only: bool = False, limits: Limits | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to the home's warehouse, in UTC, without network extensions, closed on exit.

    Raises:
        TransientError: another process kept the file locked for 30 seconds.
    """
    limits = limits or Limits()
    home.create()
    started, pause = time.monotonic(), 0.1
    while True:
        try:
            con = duckdb.connect(str(home.warehouse_file), read_only=read_only and home.warehouse_file.exists())
            break
        except duckdb.IOException as error:
            if "lock" not in str(error).lower():
                raise
            if time.monotonic() - started > _LOCK_WAIT_SECONDS:
                raise TransientError(
                    f"Opening the warehouse of {home.root}",
                    seen="another process has been writing to it for 30 seconds",
                    next_step="wait for the other run to end, then start this one again",
                ) from error
            time.sleep(pause)
            pause = min(pause * 2, 2.0)
    try:
        prepare(con, home, limits)
        if not read_only:
            for schema in SCHEMAS:
                con.execute(f"create schema if not exists {schema}")
        yield con
    finally:
        con.close()


def prepare(con: duckdb.DuckDBPyConnection, home: Home, limits: Limits) -> None:
    """Settings that every connection of this project shares."""
    con.execute("set timezone = 'UTC'")
    con.execute("set autoinstall_known_extensions = false")
    con.execute("set autoload_known_extensions = false")
    con.execute("set memory_limit = ?", [limits.memory])
    con.execute("set temp_directory = ?", [str(home.spill_folder)])
    con.execute("set max_temp_directory_size = ?", [limits.spill])
    con.execute("set preserve_insertion_order = true")


def one_row(con: duckdb.DuckDBPyConnection, query: str, parameters: Sequence[Any] = ()) -> tuple[Any, ...]:
    """The single row of a query. Reads to the end: DuckDB refuses the next statement while a result is half read."""
    (row,) = con.execute(query, list(parameters)).fetchall()
    return tuple(row)
