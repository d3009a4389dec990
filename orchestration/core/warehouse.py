"""Opening the DuckDB warehouse. DuckDB allows one writing process, so connections are short and never kept."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from orchestration.core.config import Limits
from orchestration.core.errors import Busy, ConfigError, OutOfRoom, PermanentError, kind_of
from orchestration.core.files import sha256_text
from orchestration.core.home import PRIVATE_FOLDER, Home
from orchestration.core.room import NEXT_STEP, full_by, full_disk, says_full

SCHEMAS = (
    "raw", "staging", "texts", "identifiers", "ledger", "identity", "registries", "golden", "deadlines", "exposure", "policy",
)  # fmt: skip
_LOCK_WAIT_SECONDS = 30.0  # another process's short connection ends well within; a run that holds longer is a fault


@contextmanager
def warehouse(home: Home, *, read_only: bool = False, limits: Limits | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to the home's warehouse, in UTC, without network extensions, closed on exit.

    Raises:
        Busy: another process kept the file locked for 30 seconds.
        OutOfRoom: memory, spill folder or disk was used up.
    """
    limits = limits or Limits()
    with in_room(limits, "Working on the warehouse"):
        con = _open(home, read_only)
        try:
            prepare(con, home, limits)
            if not read_only:
                for schema in SCHEMAS:
                    con.execute(f"create schema if not exists {schema}")
            yield con
        finally:
            con.close()


def _open(home: Home, read_only: bool) -> duckdb.DuckDBPyConnection:
    home.create()
    started, pause = time.monotonic(), 0.1
    while True:
        try:
            return duckdb.connect(str(home.warehouse_file), read_only=read_only and home.warehouse_file.exists())
        except duckdb.IOException as error:
            if "lock" not in str(error).lower():
                raise _not_opened(home, str(error)) from error
            if time.monotonic() - started > _LOCK_WAIT_SECONDS:
                raise Busy(
                    f"Opening the warehouse of {home.root}",
                    seen="another process has been writing to it for 30 seconds",
                    next_step="wait for the other run to end, then start this one again",
                ) from error
            time.sleep(pause)
            pause = min(pause * 2, 2.0)


def _not_opened(home: Home, message: str) -> Exception:
    """Why the file does not open, in a sentence. DuckDB's text names the file and what the system said, and no row."""
    tried = f"Opening the warehouse {home.warehouse_file}"
    if "Permission denied" in message or "Read-only file system" in message:
        return ConfigError(
            tried,
            seen="the system does not let this user write there",
            next_step="correct the owner, the mode or the mount of that folder, then run again; nothing is lost",
        )
    if "Is a directory" in message:
        return ConfigError(tried, seen="a folder stands in its place", next_step="move it away, then run again; nothing is lost")
    if (lack := shortage(message, Limits())) is not None:
        return OutOfRoom(tried, seen=lack[0], next_step=lack[1])
    return PermanentError(
        tried,
        seen="it is no file that this DuckDB can read",
        next_step="see docs/operations.md, 'A lost warehouse': it is made again from landing",
    )


def prepare(con: duckdb.DuckDBPyConnection, home: Home, limits: Limits) -> None:
    """Settings that every connection of this project shares."""
    con.execute("set timezone = 'UTC'")
    con.execute("set autoinstall_known_extensions = false")
    con.execute("set autoload_known_extensions = false")
    con.execute("set memory_limit = ?", [limits.memory])
    con.execute("set temp_directory = ?", [str(spill_folder(home, limits))])
    con.execute("set max_temp_directory_size = ?", [limits.spill])
    con.execute("set preserve_insertion_order = true")


def spill_folder(home: Home, limits: Limits) -> Path:
    """Where DuckDB spills to. What it spills is as private as the warehouse, so the folder must be its owner's alone.

    Raises:
        ConfigError: ``limits.spill_folder`` can't be made, or others may read it.
    """
    if not limits.spill_folder:
        return home.spill_folder
    folder = Path(limits.spill_folder)
    try:
        folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        facts = folder.stat()
        seen = "" if facts.st_uid == os.getuid() and not facts.st_mode & 0o077 else "a folder that others may read or own"
    except OSError as error:
        seen = error.strerror or kind_of(error)
    if seen:
        raise ConfigError(
            f"Spilling to {folder}",
            seen=seen,
            allowed="a folder of the user that runs Quietlist, mode 0700",
            next_step="correct limits.spill_folder, or the folder's owner and mode",
        )
    # One per home, made and removed by DuckDB: two processes may not spill to one folder.
    return folder / f"quietlist-{sha256_text(str(home.root))[:12]}"


@contextmanager
def in_room(limits: Limits, tried: str) -> Iterator[None]:
    """Say what DuckDB used up, memory or disk, and what to do about it.

    Raises:
        OutOfRoom: in place of DuckDB's own error.
    """
    try:
        yield
    except duckdb.Error as error:
        full = full_disk(error)
        lack = (full, NEXT_STEP) if full else shortage(str(error), limits)
        if lack is None:
            raise
        seen, next_step = lack
        raise OutOfRoom(tried, seen=seen, next_step=next_step) from error


def shortage(message: str, limits: Limits) -> tuple[str, str] | None:
    """What DuckDB ran out of and what to do, by its error message; null when it says something else."""
    if says_full(message):
        return full_by(message), NEXT_STEP
    if "Out of Memory Error" not in message:
        return None
    again = "in quietlist.toml and run again; what was done is kept, nothing is lost"
    if "max_temp_directory_size" in message:
        return f"DuckDB spilled {limits.spill} and needed more", f"raise limits.spill (or limits.memory) {again}"
    return f"DuckDB used up its memory of {limits.memory}", f"raise limits.memory {again}"


def one_row(con: duckdb.DuckDBPyConnection, query: str, parameters: Sequence[Any] = ()) -> tuple[Any, ...]:
    """The single row of a query. Reads to the end: DuckDB refuses the next statement while a result is half read."""
    (row,) = con.execute(query, list(parameters)).fetchall()
    return tuple(row)
