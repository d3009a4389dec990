"""Drops: what a folder of files and its siblings on other machines have in common, wherever the files lie.

A drop is the full list, the change (``adds`` or ``releases``), a ``.sha256`` beside each, and last of all the control file,
whose presence says that the drop is complete. Where and how a file is kept is said by a :class:`Shelf`; what is in it, which
drop is the latest, and whether it can be trusted, is said here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

import duckdb
import pyarrow as pa
from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from orchestration.core.config import Limits
from orchestration.core.errors import OutOfRoom, PermanentError
from orchestration.core.files import canonical_json, one_file, sha256_file
from orchestration.core.home import PRIVATE_FILE, PRIVATE_FOLDER
from orchestration.core.room import NEXT_STEP, full, full_disk
from orchestration.core.sql import quoted
from orchestration.core.warehouse import prepare
from orchestration.destinations.contract import KEY, PAYLOAD, DestinationSettings, Facts, Outcome, Place, Push

_EVIDENCE = ("evidence_id", "evidence_kind")
_MOMENTS = ("suppressed_since", "last_requested_at")
_READ_ROWS = 100_000  # rows per Arrow batch: some ten MB
_GUARD = r"^[=+\-@\t\r\n'＝＋－＠]"  # the last four are the full-width forms, which spreadsheets take for the same
_SYSTEM_SAID = re.compile("Permission denied|Read-only file system|No such file or directory|Not a directory|Is a directory")
_E164 = r"^\+[0-9]{3,15}$"
_MOMENT_FORM = "%Y-%m-%dT%H:%M:%SZ"
_MOST_OF_CONTROL = 1 << 20  # bytes; one has some hundred
UNFINISHED = ".part"


class DropSettings(DestinationSettings):
    """Keys of every kind of drop."""

    columns: tuple[str, ...] = (*KEY, "reason", "suppressed_since", "region")
    """Columns of the full list and the adds, in order. The key columns are what a row is read back by."""
    format: Literal["csv", "parquet"] = "csv"
    """``csv``, guarded for people who open it in a spreadsheet, or ``parquet``, with every value as it is and moments as such."""

    @field_validator("columns")
    @classmethod
    def _check_columns(cls, columns: tuple[str, ...]) -> tuple[str, ...]:
        allowed = (*KEY, *PAYLOAD)
        if unknown := [name for name in columns if name not in allowed]:
            raise ValueError(f"{', '.join(unknown)} is not one of {', '.join(allowed)}")
        if missing := [name for name in KEY if name not in columns]:
            raise ValueError(f"{', '.join(missing)} is needed to read a row back")
        if len(set(columns)) != len(columns):
            raise ValueError("a column is named twice")
        return columns


class Shelf(Protocol):
    """Where the files of drops lie."""

    where: str
    """For people."""
    disk: Path
    """The folder of this machine that files are written into first."""

    def open(self) -> None: ...

    def close(self) -> None: ...

    def names(self) -> Iterable[str]:
        """The names of all that lies there, finished or not."""

    def fetch(self, name: str) -> Path | None:
        """A file of this machine with the bytes that lie there under this name now; None where there is none, or none that may be
        read."""

    def draft(self, name: str) -> Path:
        """Where on this machine a file is written before it is kept."""

    def keep(self, name: str, draft: Path) -> None:
        """Let the draft be there under its name, durable and whole or not at all. Nothing is ever written over."""

    def keep_text(self, name: str, text: str) -> None:
        """The same for a small file."""

    def discard(self, name: str) -> None:
        """Take away what a push that died left unfinished."""


def workspace_of(place: Place) -> Path:
    """Where the files of a drop on another machine lie while they are written, or fetched to be looked at. Gone with the push."""
    return place.home.outbox / place.name / "under_way"


class _File(BaseModel):
    kind: Literal["full", "adds", "releases"]
    name: str = Field(pattern=r"^[^/]+$")
    sha256: str
    rows: int


class _Control(BaseModel):
    """The control file: what a complete drop consists of."""

    destination: str
    sequence: int
    version: int
    run: int
    as_of: datetime
    home: str = ""
    push: str = ""
    """Of whom this drop is; empty in drops of before they said so."""
    columns: tuple[str, ...]
    format: Literal["csv", "parquet"] = "csv"
    text_guard: str = "one leading ' is not part of a value"
    files: tuple[_File, ...]

    @model_validator(mode="after")
    def _check(self) -> _Control:
        if not set(KEY) <= set(self.columns) <= {*KEY, *PAYLOAD} or [file.kind for file in self.files].count("full") != 1:
            raise ValueError("not a control file of this module")
        return self


class Drop:
    """Writes and reads drops on one shelf."""

    def __init__(self, facts: Facts, place: Place, shelf: Shelf, settings: DropSettings) -> None:
        self.facts, self.name, self.columns, self.shelf = facts, place.name, settings.columns, shelf
        self._format = settings.format
        self._home = place.home
        self.carries = tuple(column for column in self.columns if column in PAYLOAD)
        self._push: Push | None = None

    def open(self, push: Push) -> None:
        self.shelf.open()
        self._push = push

    def close(self) -> None:
        self._push = None
        self.shelf.close()

    def read(self) -> Iterator[pa.RecordBatch]:
        """The rows of the latest drop, if its files are still what its control file says."""
        with self._workspace() as con:
            control = self._load_latest(con)
            if control is not None:
                # The whole list is written each time, so all of it is the word of whoever dropped it last.
                dropped = {"push": control.push or None, "at": control.as_of if control.push else None}
                rows = con.sql(
                    f"select {', '.join(KEY)}, true as ours, $push::varchar as push, $at::timestamptz as written_at from state",
                    params=dropped,
                )
                yield from rows.to_arrow_reader(_READ_ROWS)

    def writers(self) -> list[tuple[str, str]]:
        """Who dropped the latest list."""
        control = self._latest()
        return [(control.push, control.home)] if control is not None and control.push else []

    def put(self, rows: pa.RecordBatchReader) -> Outcome:
        """Drop the latest full list with these rows in it, and these rows as ``adds``."""
        with self._workspace() as con:
            self._take(con, rows, self.columns)
            self._load_latest(con)
            con.execute(f"delete from state using change where {_SAME_KEY}")
            con.execute(f"insert into state select {', '.join(self.columns)} from change")
            self._drop(con, "adds", self.columns)
        return Outcome()

    def release(self, rows: pa.RecordBatchReader) -> Outcome:
        """Drop the latest full list without these rows, and these rows with their evidence as ``releases``."""
        with self._workspace() as con:
            columns = (*self.columns, *_EVIDENCE)
            self._take(con, rows, columns)
            if self._load_latest(con) is None:
                raise PermanentError(
                    f"Releasing rows in {self.shelf.where}",
                    seen="no complete drop to take them out of",
                    next_step="push again: the full list is dropped again first",
                )
            con.execute(f"delete from state using change where {_SAME_KEY}")
            self._drop(con, "releases", columns)
        return Outcome()

    @contextmanager
    def _workspace(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with self._our_errors(), duckdb.connect() as con:
            prepare(con, self._home, Limits())  # else it would spill next to wherever the process was started
            con.execute(f"create table state ({', '.join(f'{name} varchar' for name in self.columns)})")
            yield con

    @contextmanager
    def _our_errors(self) -> Iterator[None]:
        """The folder is on somebody's disk, in somebody's hands: what it refuses is said with its name."""
        tried = f"Writing a drop in {self.shelf.disk}"
        try:
            yield
        except (OSError, duckdb.IOException) as error:
            if full_disk(error):
                raise OutOfRoom(tried, seen=full(self.shelf.disk / "drop"), next_step=NEXT_STEP) from None
            # DuckDB's text of such an error names files and what the system said, and no row; the names stay out all the same.
            words = [error.strerror] if isinstance(error, OSError) and error.strerror else _SYSTEM_SAID.findall(str(error))
            raise PermanentError(
                tried,
                seen=(words or ["the folder cannot be used"])[0].lower(),
                allowed="a folder that the user who runs Quietlist can read and write",
                next_step="correct its owner, mode or mount, or put the folder back, and run again",
            ) from None

    def _take(self, con: duckdb.DuckDBPyConnection, rows: pa.RecordBatchReader, columns: tuple[str, ...]) -> None:
        texts = ", ".join(f"strftime({name}, '{_MOMENT_FORM}') as {name}" if name in _MOMENTS else name for name in columns)
        con.register("arriving", rows)
        con.execute(f"create table change as select {texts} from arriving")
        con.unregister("arriving")

    def _load_latest(self, con: duckdb.DuckDBPyConnection) -> _Control | None:
        """Fill ``state`` from the latest drop. None, and an empty ``state``, when there is none that can be trusted."""
        control = self._latest()
        if control is None:
            return None
        fetched: dict[str, Path] = {}
        for file in control.files:
            try:
                path = self.shelf.fetch(file.name)
                is_same = path is not None and sha256_file(path) == file.sha256
            except OSError:
                is_same = False  # it may no longer be opened: as good as gone
            if path is None or not is_same:
                return None
            fetched[file.kind] = path
        full = next(file for file in control.files if file.kind == "full")
        if control.format == "parquet":
            values = ", ".join(_as_text(name) if name in control.columns else "null" for name in self.columns)
            held = "read_parquet($file)"
        else:
            types = ", ".join(f"'{name}': 'varchar'" for name in control.columns)
            values = ", ".join(_unguarded(name) if name in control.columns else "null" for name in self.columns)
            held = "read_csv($file, auto_detect = false, header = true, delim = ',', "
            held += f"quote = '\"', escape = '\"', columns = {{{types}}})"
        con.execute(f"insert into state select {values} from {held}", {"file": one_file(fetched["full"])})
        return control if int(con.execute("select count(*) from state").fetchall()[0][0]) == full.rows else None

    def _drop(self, con: duckdb.DuckDBPyConnection, kind: Literal["adds", "releases"], columns: tuple[str, ...]) -> None:
        if self._push is None:
            raise PermanentError(
                f"Writing a drop in {self.shelf.where}", seen="the destination is not open", next_step="call open first"
            )
        self.shelf.disk.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        ours = list(self._ours())
        # The highest number of any file: a drop that a crash cut short keeps its number to itself.
        sequence = max((number for number, _ in ours), default=0) + 1
        for _, name in ours:
            if name.endswith(UNFINISHED):  # of a push that died
                self.shelf.discard(name)
        stem = f"{self.name}_v{self._push.version:06d}_{sequence:08d}"
        files = (
            self._write(con, "full", f"{stem}_full.{self._format}", "state", self.columns),
            self._write(con, kind, f"{stem}_{kind}.{self._format}", "change", columns),
        )
        control = _Control(
            destination=self.name,
            sequence=sequence,
            version=self._push.version,
            run=self._push.run,
            as_of=self._push.as_of,
            home=self._push.home,
            push=self._push.id,
            columns=self.columns,
            format=self._format,
            **({} if self._format == "csv" else {"text_guard": "none"}),
            files=files,
        )
        self.shelf.keep_text(f"{stem}.ctl.json", canonical_json(control.model_dump(mode="json")) + "\n")

    def _write(
        self,
        con: duckdb.DuckDBPyConnection,
        kind: Literal["full", "adds", "releases"],
        name: str,
        table: str,
        columns: tuple[str, ...],
    ) -> _File:
        """One file with its checksum file; what the control file says of it."""
        draft = self.shelf.draft(name)
        # Made before DuckDB fills it, so that no moment exists in which others could open it.
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE))
        shown, how = _guarded, "format csv, header, delimiter ',', quote '\"', escape '\"'"
        if self._format == "parquet":
            shown, how = _as_value, "format parquet, compression zstd"
        values = ", ".join(f"{shown(column)} as {column}" for column in columns)
        con.execute(
            f"copy (select {values} from {table} order by {', '.join(KEY)}) to {quoted(draft)} ({how}, use_tmp_file false)"
        )
        digest = sha256_file(draft)
        self.shelf.keep(name, draft)
        self.shelf.keep_text(f"{name}.sha256", f"{digest}  {name}\n")
        rows = con.execute(f"select count(*) from {table}").fetchall()[0][0]
        return _File(kind=kind, name=name, sha256=digest, rows=rows)

    def _latest(self) -> _Control | None:
        controls = [(number, name) for number, name in self._ours() if name.endswith(".ctl.json")]
        if not controls:
            return None
        number, name = max(controls)
        try:
            path = self.shelf.fetch(name)
            if path is None or path.stat().st_size > _MOST_OF_CONTROL:
                return None
            control = _Control.model_validate_json(path.read_bytes())
        except (OSError, ValidationError):
            return None
        return control if (control.destination, control.sequence) == (self.name, number) else None

    def _ours(self) -> Iterator[tuple[int, str]]:
        """This destination's files and their numbers, finished or not; the folder may hold others'."""
        pattern = re.compile(rf"^{re.escape(self.name)}_v\d+_(\d{{8,18}})[_.]")  # more than 8 once others took high numbers
        for name in self.shelf.names():
            if match := pattern.match(name):
                yield int(match[1]), name


_SAME_KEY = " and ".join(f"state.{column} = change.{column}" for column in KEY)


def _as_value(column: str) -> str:
    """The SQL of a column in a file that has types."""
    return f"{column}::timestamptz" if column in _MOMENTS else column


def _as_text(column: str) -> str:
    """The SQL that takes :func:`_as_value` back."""
    return f"strftime({column} at time zone 'UTC', '{_MOMENT_FORM}')" if column in _MOMENTS else column


def _unguarded(column: str) -> str:
    """The SQL that takes the guard off again."""
    return f"case when {column}[1] = '''' then {column}[2:] else {column} end"


def _guarded(column: str) -> str:
    """The SQL that makes a value safe to open in a spreadsheet, so that :func:`_unguarded` can undo it."""
    risky = f"regexp_matches({column}, {quoted(_GUARD)})"
    if column == "identifier":
        risky = f"({risky} and not (identifier_type = 'phone' and regexp_matches(identifier, '{_E164}')))"
    return f"case when {risky} then '''' || {column} else {column} end"
