"""Where in a home somebody is named: every file of it is looked through, whatever it is. Only looks.

Text and bytes are searched as they lie; tables (Parquet, DuckDB) are asked, since they pack their texts; archives and sealed
files are opened. Nothing is trusted to be free of names because of what it is meant to hold, and what cannot be opened is told
as such. Links are not followed: what they lead to lies outside of the home.
"""

from __future__ import annotations

import functools
import gzip
import re
import sqlite3
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration.core.config import Config
from orchestration.core.files import one_file
from orchestration.core.home import Home
from orchestration.core.sql import quoted
from orchestration.destinations.contract import folders_of
from orchestration.erasure.landed import TEXT_START, mapped, readable, wide
from orchestration.erasure.points import Point, pattern
from orchestration.landing import sealing
from orchestration.readers.feeds import all_feeds

_TABLES = (".parquet", ".duckdb")
_ROWS = 1_000  # looked at in one go
_SQLITE = b"SQLite format 3\0"
_PACKED = (b"PK\x03\x04", b"\x1f\x8b")


@dataclass(frozen=True)
class Trace:
    """A file of the home that names one of them, or may."""

    path: Path
    name: str
    """Its name, for people; with what is personal in it left out."""
    kept_by: str | None
    """The destination whose own list it is: that list must go on naming whom it leaves alone."""
    is_closed: bool = False
    """It, or a part of it, cannot be opened as what it is; what could be read names nobody."""


def traces(home: Home, config: Config, points: Sequence[Point], leave_out: Sequence[Path] = ()) -> Iterator[Trace]:
    """Every file below the home that names one of them, and every one into which nobody could look."""
    wanted = pattern(points)
    texts = sorted({text.lower() for point in points for text in (point.identifier, point.identifier.removeprefix("+"))})
    lists = [
        (folder, name)
        for name in sorted(config.destinations)
        for folder in (home.outbox / name, *(folder for _, folder in folders_of(name, config, home)))
        if folder not in (home.root, home.outbox)
    ]
    for path in sorted(home.root.rglob("*")):
        if path.is_symlink() or not path.is_file() or any(path == left or left in path.parents for left in leave_out):
            continue
        name = path.relative_to(home.root).as_posix().lower()
        found = True if any(text in name for text in texts) else _names(home, path, wanted, texts)
        if found is not False:
            # A receipt is ours, and names nobody.
            is_list = path.parent.name != "receipts"
            owner = next((name for folder, name in lists if is_list and folder in path.parents), None)
            yield Trace(path, path.relative_to(home.root).parent.as_posix(), owner, is_closed=found is None)


def _names(home: Home, path: Path, wanted: re.Pattern[bytes], texts: Sequence[str]) -> bool | None:
    """Whether a file names them; None where it does not open, and its bytes, which may be packed, do not say so."""
    if path.suffix in _TABLES:
        asked = _table_names(path, wanted, texts)
        return asked if asked is not None else (_bytes_name(path, wanted, texts) or None)
    if path.name.endswith(sealing.SUFFIX) and home.landing in path.parents:
        with sealing.opened(home, path.with_name(path.name.removesuffix(sealing.SUFFIX))) as plain:
            return _bytes_name(plain, wanted, texts)
    return _bytes_name(path, wanted, texts)


def _bytes_name(path: Path, wanted: re.Pattern[bytes], texts: Sequence[str]) -> bool | None:
    with mapped(path) as data:
        if any(wanted.search(part) is not None for part in readable(data)):
            return True
        start = bytes(data[: len(_SQLITE)])
        # No letter parts the values of a binary file, so what stands before and behind them says nothing.
        is_binary = b"\0" in data[:TEXT_START] and wide(data[:TEXT_START]) is None
        found = is_binary and re.search(b"|".join(re.escape(text.encode()) for text in texts), data, re.IGNORECASE) is not None
    if found and start == _SQLITE:
        return _sqlite_names(path, wanted, texts)
    if found or not start.startswith(_PACKED):
        return found
    is_closed = False
    for part in _unpacked(path, start):
        if part is None:
            is_closed = True
        elif any(wanted.search(text) is not None for text in readable(part)):
            return True
    return None if is_closed else False


def _sqlite_names(path: Path, wanted: re.Pattern[bytes], texts: Sequence[str]) -> bool:
    """Whether a row of it names them, or a page that no row is in any more: what is in no row at all was deleted."""
    within = False
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as con:
            con.text_factory = lambda value: value.decode("utf-8", "replace")
            tables = [name for (name,) in con.execute("select name from sqlite_master where type = 'table'")]
            for table in tables:
                for row in con.execute('select * from "{}"'.format(table.replace('"', '""'))):
                    for value in row:
                        text = value if isinstance(value, bytes) else str(value).encode()
                        if wanted.search(text) is not None:
                            return True
                        within = within or any(plain in text.lower().decode("utf-8", "replace") for plain in texts)
    except sqlite3.Error:
        return True  # it does not open, and the bytes are there
    return not within


def _unpacked(path: Path, start: bytes) -> Iterator[bytes | None]:
    """What is packed in an archive, part by part; None for each that cannot be read: broken, encrypted, of an unknown method."""
    if start.startswith(_PACKED[1]):
        yield _read_or_none(lambda: gzip.decompress(path.read_bytes()))
        return
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError):
        yield None
        return
    with archive:
        for info in archive.infolist():
            yield _read_or_none(functools.partial(archive.read, info))


def _read_or_none(read: Callable[[], bytes]) -> bytes | None:
    try:
        return read()
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError):
        return None


def _is_registry_s(schema: str, table: str) -> bool:
    """Whether a table of the warehouse holds what registries list: their publishers' word, which is not the person's to erase."""
    of_registries = {feed.table for feed in all_feeds() if feed.kinds == ("registry",)}
    return schema == "registries" or table in of_registries | {"plain_probes", "plain_numbers"}


def _table_names(path: Path, wanted: re.Pattern[bytes], texts: Sequence[str]) -> bool | None:
    """Whether a row of it names them; None where it is no table that can be asked."""
    conditions = " or ".join(f"contains(lower(line), {quoted(text)})" for text in texts)
    try:
        with closing(duckdb.connect()) as con:
            if path.suffix == ".parquet":
                relations = [f"read_parquet({quoted(one_file(path))}, hive_partitioning = false)"]
            else:
                con.execute(f"attach {quoted(path)} as looked_at (read_only)")
                relations = [
                    f'looked_at."{schema}"."{table}"'
                    for schema, table in con.execute(
                        "select schema_name, table_name from duckdb_tables() where database_name = 'looked_at'"
                    ).fetchall()
                    if not _is_registry_s(schema, table)
                ]
            for relation in relations:
                rows = con.execute(
                    f"select line from (select whole::varchar as line from {relation} as whole) where {conditions}"
                )
                while batch := rows.fetchmany(_ROWS):
                    if any(wanted.search(line.encode()) is not None for (line,) in batch):
                        return True
            return False
    except duckdb.Error:
        return None
