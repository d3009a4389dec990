"""Delimited text and plain lines into a raw table: DuckDB for files beyond doubt, a careful reader for all others.

Both ways number records alike (1 is the first record of the file, header and blank lines included, so that it is the row a
spreadsheet shows) and both must account for every record. DuckDB reads strictly and the whole file or not at all; what it
refuses, or what looks doubtful afterwards, is read again record by record, where a bad record costs only itself.

Skipped, because clearly no record: blank lines and records of empty fields; what stands before the header and is mostly
empty or of another width; the header and its repetitions; at the end of the file, counts, rules and "end of file" lines.
Nothing that could hold an address or a number is ever skipped. Quarantined: broken quotation marks; too few or too many
fields, except for empty ones at the end that the header does not name; text that is not clearly a preamble; what is longer
than a record may be.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import itertools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import duckdb
import numpy as np
import pyarrow as pa

from orchestration.core.files import one_file
from orchestration.core.sql import quoted
from orchestration.readers.feeds import Column, Feed
from orchestration.readers.layout import (
    Found,
    Layout,
    find_layout,
    is_contact_point,
    is_header,
    is_preamble,
    is_total,
    layout_of,
    normalised,
)
from orchestration.readers.outcome import CONFLICTING, USUAL_BOUNDS, Bounds, Outcome, Sink, UnreadableFile
from orchestration.readers.split import Dialect, Record, Splitter, bounded_lines
from orchestration.readers.text import Utf8Text

_CHUNK = 1 << 22
_SAMPLE = 1 << 20  # header and delimiter show in far less
_TAIL = 1 << 16
_REJECTS = "delimited_rejects"
_MOST_REJECTS = 100_000  # judged one by one; a file with more is no plain one
_LONGEST_REJECT = 2 << 20  # what DuckDB takes for a record unless told otherwise: nothing longer comes out of its rejects
# Fields past the header's that a record over several lines may have: real ones have a few empty ones.
_MORE_FIELDS = 20
_SEAM = 1 << 10  # of either chunk, looked at together
_BLANK = " \t,;|\0\x1a\ufeff"  # what a line without content may hold; 26 is the end mark of DOS files
_CONFLICT = "_conflict"  # no label begins so: the key under which a record names the column that it answers twice
_NO_DELIMITER = "\x1f"  # for DuckDB, which needs one: the unit separator, which text does not hold


@dataclass(frozen=True)
class Shape:
    """Counts over a file's bytes, independent of any parser."""

    lines: int
    records: int
    """Lines outside quotation marks: exact wherever the marks are balanced."""
    regular: bool
    """Nothing in it that parsers read differently: no lone returns, no zero bytes, every mark has its pair and its place."""
    has_nul: bool
    longest: int
    """Bytes of the longest record, its end included: exact where the marks are balanced, else of the longest line or more."""
    unfinished: bool
    """Its last line has no end: usual with some writers, and what a file that was cut off on its way looks like."""


def shape_of(path: Path, quote: str) -> Shape:
    """Count lines and records in one pass."""
    ends = lone_returns = records = marks = 0
    has_nul = misplaced = False
    last = seam = b""
    at = longest = 0  # where the present record began, counted from the start of the present chunk
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            # No CRLF is cut in two.
            while chunk.endswith(b"\r") and (more := stream.read(1)):
                chunk += more
            data = np.frombuffer(chunk, np.uint8)
            newlines = np.flatnonzero(data == ord("\n"))
            if b"\r" in chunk:
                behind = data[newlines[newlines > 0] - 1]
                lone_returns += chunk.count(b"\r") - int(np.count_nonzero(behind == ord("\r")))
            closing = newlines if marks % 2 == 0 else newlines[:0]
            if quote and quote.encode() in chunk:
                places = np.flatnonzero(data == ord(quote))
                before = np.searchsorted(places, newlines)
                closing = newlines[(before + marks) % 2 == 0]
                marks += len(places)
                misplaced = misplaced or _is_misplaced(quote, chunk) or _is_misplaced(quote, seam + chunk[:_SEAM])
            records += len(closing)
            # The present record's end, and, should a mark that never closes hide all ends, the chunk itself.
            starts = np.concatenate([[at], closing + 1, [len(chunk)]])
            longest = max(longest, int(np.diff(starts).max()))
            at = int(starts[-2]) - len(chunk)
            ends += len(newlines)
            has_nul = has_nul or b"\0" in chunk
            last, seam = chunk[-1:], chunk[-_SEAM:]
    unfinished = last not in (b"", b"\n", b"\r")
    return Shape(
        lines=ends + lone_returns + unfinished,
        records=records + unfinished,
        regular=not (lone_returns or has_nul or marks % 2 or misplaced),
        has_nul=has_nul,
        longest=longest,
        unfinished=unfinished,
    )


def _is_misplaced(quote: str, data: bytes) -> bool:
    """Whether DuckDB may take a mark for what it is not: one behind two spaces, and a value that goes on after it closed."""
    mark = quote.encode()
    if b"  " + mark in data:
        return True
    goes_on = rb"(?<!%b)(?:%b%b)*%b +%b" % ((re.escape(mark),) * 5)
    return mark + b" " in data and re.search(goes_on, data) is not None


def read_delimited(
    con: duckdb.DuckDBPyConnection, feed: Feed, file_id: str, text: Utf8Text, bounds: Bounds = USUAL_BOUNDS
) -> Outcome:
    """Load one file. The caller has begun a transaction and rolls back when this raises.

    Raises:
        UnreadableFile: there is no header, or the account does not balance.
    """
    found = find_layout(sample_of(text.path), feed, bounds)
    shape = shape_of(text.path, found.dialect.quote)
    outcome = read_fast(con, feed, file_id, text, found, shape, bounds) or read_careful(
        con, feed, file_id, text, found, shape, bounds
    )
    if not outcome.balances:
        raise UnreadableFile("The records read do not add up to the lines in the file.", "unbalanced")
    if shape.unfinished:
        _name_a_cut(con, file_id, outcome.physical)
    return dataclasses.replace(outcome, has_header=bool(found.header))


def _name_a_cut(con: duckdb.DuckDBPyConnection, file_id: str, last_record: int) -> None:
    """A last record that is not whole says more than that it is broken: what should follow it is missing too."""
    con.execute(
        "update raw.quarantine set reason = 'truncated', detail = ? "
        "where file_id = ? and record_no = ? and reason in ('too_few_fields', 'broken_quoting')",
        ["The file ends within it, so what followed is missing; ask for the file again.", file_id, last_record],
    )


def read_fast(
    con: duckdb.DuckDBPyConnection,
    feed: Feed,
    file_id: str,
    text: Utf8Text,
    found: Found,
    shape: Shape,
    bounds: Bounds = USUAL_BOUNDS,
) -> Outcome | None:
    """Let DuckDB load a file in which every record after the header is a plain one.

    Returns:
        Null when it is not such a file; the transaction was begun again then.
    """
    layout, dialect = found.layout, found.dialect
    if not shape.regular or shape.longest > bounds.record or (text.has_mark and not found.header):
        return None
    with _open(text) as stream:
        first = list(itertools.islice(Splitter(stream, dialect, bounds=bounds), found.header))
    # DuckDB skips lines, and the shape counts marks: up to the header, both must see the records that are there.
    if any(record.lines > 1 or (dialect.quote and record.text.count(dialect.quote) % 2) for record in first):
        return None
    if _ends_with_total(text.path, dialect):
        return None
    if shape.lines > shape.records and _swallows(text.path, dialect, layout.width):
        return None
    numbers = f"range({found.header + 1}, {shape.records + 1})"
    with contextlib.suppress(duckdb.InvalidInputException):  # what a strict reader says about a file it can't read
        loaded = _insert_with_duckdb(con, feed, file_id, text.path, found, numbers)
        rejects = _rejects_of_duckdb(con)
        if rejects is not None and loaded + len(rejects) + found.header == shape.records:
            if rejects:
                _begin_anew(con)
                con.register("refused", pa.table({"range": pa.array(rejects, pa.int64())}))
                numbers = f"(select range from {numbers} anti join refused using (range) order by range)"
                loaded = _insert_with_duckdb(con, feed, file_id, text.path, found, numbers)
                rejects = _rejects_of_duckdb(con) or {}
            reading = _Reading(Sink(con, feed, file_id, bounds), feed, found, shape.has_nul, bounds)
            for record in first:
                reading.take(record)
            if not _looks_doubtful(con, feed, file_id, layout) and reading.take_rejects(rejects):
                outcome = reading.account("duckdb", text.encoding)
                outcome = dataclasses.replace(outcome, physical=shape.records, loaded=outcome.loaded + loaded)
                may_conflict = any(_rivals(*pick, layout) for pick in zip(feed.columns, layout.picks, strict=True))
                return _refuse_conflicts(con, feed, file_id, outcome, bounds) if may_conflict else outcome
    _begin_anew(con)
    return None


def _begin_anew(con: duckdb.DuckDBPyConnection) -> None:
    con.rollback()
    con.begin()


def read_careful(
    con: duckdb.DuckDBPyConnection,
    feed: Feed,
    file_id: str,
    text: Utf8Text,
    found: Found,
    shape: Shape,
    bounds: Bounds = USUAL_BOUNDS,
) -> Outcome:
    """Load record by record, each judged on its own."""
    reading = _Reading(Sink(con, feed, file_id, bounds), feed, found, shape.has_nul, bounds)
    with _open(text) as stream:
        lines = stream if shape.longest <= bounds.record else bounded_lines(stream, bounds.record)
        for record in Splitter(lines, found.dialect, reading.stands_alone, bounds, found.layout.width + _MORE_FIELDS):
            reading.take(record)
    reading.end()
    outcome = _refuse_conflicts(con, feed, file_id, reading.account("python", text.encoding), bounds)
    # The lines were counted apart from the splitting, so a record that swallowed another one's lines would show.
    return outcome if reading.lines == shape.lines else dataclasses.replace(outcome, physical=-1)


class _Reading:
    """The careful reader's state: where it is, which layout holds, which records wait for the end of the file."""

    def __init__(self, sink: Sink, feed: Feed, found: Found, has_nul: bool, bounds: Bounds) -> None:
        self._sink, self._feed, self._found, self._has_nul, self._bounds = sink, feed, found, has_nul, bounds
        self.number = self.lines = self.skipped = 0
        # Records that are totals if nothing but totals follows.
        self._waiting: list[tuple[int, Record]] = []
        self._use(found.layout)

    def take(self, record: Record) -> None:
        """Put one record where it belongs."""
        self.number += 1
        self.lines += record.lines
        fields = record.fields
        if fields is None:
            self._release()
            self._place(self.number, record)
        elif self._is_plain(fields):
            self._release()
            self._sink.row(self.number, fields)
        elif self._is_no_record(fields, record):
            self.skipped += 1
        elif is_total(fields):
            self._waiting.append((self.number, record))
        else:
            self._release()
            self._place(self.number, record)

    def end(self) -> None:
        """The file is at its end: what waits was clearly no record."""
        self.skipped += len(self._waiting)
        self._waiting.clear()

    def take_rejects(self, rejects: dict[int, str]) -> bool:
        """Judge the records that DuckDB refused for their number of fields.

        Returns:
            False when one of them is no plain record: the whole file needs the careful reader.
        """
        for self.number, text in rejects.items():
            records = list(Splitter(io.StringIO(text, newline=""), self._found.dialect, bounds=self._bounds))
            fields = records[0].fields if len(records) == 1 else None
            if fields is None or self._is_no_record(fields, records[0]) or is_total(fields):
                return False
            self._place(self.number, records[0])
        return True

    def account(self, reader: str, encoding: str) -> Outcome:
        """What was made of the records taken."""
        self._sink.done()
        detail = _described(self._found)
        return Outcome(self.number, self._sink.loaded, self._sink.quarantined, self.skipped, reader, encoding, detail)

    def stands_alone(self, line: str) -> bool:
        """Whether a line would make a whole record by itself, somebody's address included."""
        return _stands_alone(line, self._found.dialect, self._layout.width)

    def _use(self, layout: Layout) -> None:
        self._layout = layout
        self._sink.use(_selected(self._feed, layout))

    def _is_plain(self, fields: list[str]) -> bool:
        """The quick answer for most records: nothing about it needs a second look."""
        layout = self._layout
        return (
            len(fields) == layout.width
            and self.number > self._found.header
            and not self._has_nul
            and fields[0] != ""
            and layout.known.isdisjoint(fields)
            and not is_total(fields)
        )

    def _is_no_record(self, fields: list[str], record: Record) -> bool:
        if not any(fields) or not record.text.strip(_BLANK):
            return True
        if self.number < self._found.header:
            return is_preamble(fields, self._layout.width)
        if self.number == self._found.header:
            return True
        if not self._layout.known.isdisjoint(fields) and is_header(fields, self._layout):
            # Joined exports may change their columns at the seam.
            self._use(layout_of(fields, self._feed))
            return True
        return False

    def _release(self) -> None:
        for number, record in self._waiting:
            self._place(number, record)
        self._waiting.clear()

    def _place(self, number: int, record: Record) -> None:
        """Load a record, or quarantine it with its reason."""
        fields, width = record.fields, self._layout.width
        if record.too_long:
            detail = f"It is longer than {self._bounds.record:,} characters (limits.max_record)."
            self._sink.reject(number, "too_long", detail, record.text)
            return
        if fields is None:
            self._sink.reject(number, "broken_quoting", "Its quotation marks don't close, or close within a value.", record.text)
            return
        if self._has_nul:
            fields = [cell.strip("\0") for cell in fields]  # around a value they are padding
        if any("\0" in cell for cell in fields):
            self._sink.reject(number, "nul_bytes", "A zero byte stands inside a value.", record.text)
        elif number < self._found.header:
            self._sink.reject(number, "before_header", "It stands before the header but may be a record.", record.text)
        elif self._layout.least <= len(fields) and not any(fields[width:]):
            self._sink.row(number, (*fields[:width], *[None] * (width - len(fields))))
        else:
            reason = "too_few_fields" if len(fields) < width else "too_many_fields"
            detail = f"It has {len(fields)} fields where a record of this file has {width}."
            self._sink.reject(number, reason, detail, record.text)


def _open(text: Utf8Text) -> TextIO:
    return text.path.open(encoding="utf-8-sig" if text.has_mark else "utf-8", newline="")


def _selected(feed: Feed, layout: Layout) -> dict[str, str]:
    """Per raw column, which place of the record fills it, in SQL."""
    columns = list(zip(feed.columns, layout.picks, strict=True))
    selected = {column.name: _value(column, places) for column, places in columns if places}
    if layout.extras:
        pairs = ", ".join(f"{quoted(key)}, c{place}" for place, key in layout.extras)
        selected["_extra"] = f"json_object({pairs})::varchar"
    conflicts = {column.name: rivals for column, places in columns if (rivals := _rivals(column, places, layout))}
    if conflicts:
        # Found again by :func:`_refuse_conflicts`, which takes such a record out of the table, whole.
        whole = ", ".join(f"{quoted(f'{place + 1} {label.strip()}')}, c{place}" for place, label in enumerate(layout.labels))
        tests = " ".join(f"when {' or '.join(tests)} then {quoted(name)}" for name, tests in conflicts.items())
        selected["_extra"] = f"""case when (case {tests} end) is not null
            then json_object({quoted(_CONFLICT)}, case {tests} end, 'record', json_object({whole}))::varchar
            else {selected.get("_extra", "null")} end"""
    return selected


def _value(column: Column, places: tuple[int, ...]) -> str:
    """The column's value in SQL: the only one, all of them, or the first that is not blank."""
    if len(places) == 1:
        return f"c{places[0]}"
    if column.several == "join":
        texts = ", ".join(f"nullif(trim(c{place}), '')" for place in places)
        return f"nullif(concat_ws(';', {texts}), '')"
    filled = ", ".join(f"case when trim(c{place}) <> '' then c{place} end" for place in places)
    return f"coalesce({filled}, c{places[0]})"


def _rivals(column: Column, places: tuple[int, ...], layout: Layout) -> list[str]:
    """In SQL, what would be two answers to one question: different values under one label, or under any of a column's own."""
    if column.several == "join":
        return []
    return [
        f"(trim(c{one}) <> '' and trim(c{other}) <> '' and lower(trim(c{one})) <> lower(trim(c{other})))"
        for one, other in itertools.combinations(places, 2)
        if column.several == "one" or normalised(layout.labels[one]) == normalised(layout.labels[other])
    ]


def _refuse_conflicts(con: duckdb.DuckDBPyConnection, feed: Feed, file_id: str, outcome: Outcome, bounds: Bounds) -> Outcome:
    """Take the records out of the table that say two things where one is meant: nobody can tell which holds."""
    moved = con.execute(
        f"""
        insert into raw.quarantine (file_id, vendor, feed, record_no, reason, detail, record_text)
        select _file_id, ?, ?, _record_no, '{CONFLICTING}',
            'It holds different values for ' || json_extract_string(_extra, '$."{_CONFLICT}"')
            || ', which can have only one; correct it and deliver it again.',
            case when row_number() over (order by _record_no) <= ? then json_extract(_extra, '$.record')::varchar end
        from raw."{feed.table}" where _file_id = ? and starts_with(_extra, ?)
        """,
        [feed.vendor, feed.feed, bounds.quarantine_texts, file_id, f'{{"{_CONFLICT}"'],
    ).fetchall()[0][0]
    if not moved:
        return outcome
    con.execute(f'delete from raw."{feed.table}" where _file_id = ? and starts_with(_extra, ?)', [file_id, f'{{"{_CONFLICT}"'])
    return dataclasses.replace(outcome, loaded=outcome.loaded - moved, quarantined=outcome.quarantined + moved)


def read_plain(con: duckdb.DuckDBPyConnection, text: Utf8Text, found: Found, shape: Shape, table: str) -> str | None:
    """Read the file into the temporary ``table``; SQL that selects ``id`` (the record's number) and ``c0``, ``c1`` ... from it.

    An empty field is null.

    Returns:
        Null, and no table, unless each record after the header is a plain one: the file then needs :func:`read_careful`.
    """
    if not shape.regular or found.header > 1 or (text.has_mark and not found.header):
        return None
    if _ends_with_total(text.path, found.dialect) or shape.records == found.header:
        return None
    if shape.lines > shape.records and _swallows(text.path, found.dialect, found.layout.width):
        return None
    fields = [f"c{place}" for place in range(found.layout.width)]
    # What begins with a printed sign is not blank, which is seen at once.
    blank = _all([f"(coalesce({field}, '') < '!' and trim(coalesce({field}, ''), ' ' || chr(9)) = '')" for field in fields])
    again = _all([f"{field} = {quoted(label)}" for field, label in zip(fields, found.layout.labels, strict=True)])
    try:
        # Kept, not read again for each question: numbering records while they are read takes one thread, and a table whose rows
        # stand in the order of the file has their numbers already. What exceeds the memory limit goes to the spill.
        con.execute(f"create or replace temp table {table} as select * from {_read_csv(found, '?')}", [one_file(text.path)])
        ((records, doubtful),) = con.execute(
            f"select count(*), coalesce(bool_or({blank} or {again if found.header else 'false'}), false) from {table}"
        ).fetchall()
    except duckdb.InvalidInputException:  # what a strict reader says about a file it can't read
        return None
    if doubtful or records + found.header != shape.records:
        con.execute(f"drop table {table}")
        return None
    return f"(select rowid + {found.header + 1} as id, {', '.join(fields)} from {table})"


def _all(conditions: list[str]) -> str:
    """All of them, each looked at only where those before it hold: an AND in a select computes every one for every row."""
    return f"case when {conditions[0]} then {_all(conditions[1:])} else false end" if conditions else "true"


def _read_csv(found: Found, path: str, more: str = "") -> str:
    """DuckDB's reader, strict, every field a text named ``c0``, ``c1`` ...; ``path`` is SQL."""
    dialect = found.dialect
    names = [f"c{place}" for place in range(found.layout.width)]
    return f"""read_csv(
            {path}, auto_detect = false, strict_mode = true, header = false, skip = {found.header},
            delim = {quoted(dialect.delimiter or _NO_DELIMITER)},
            quote = {quoted(dialect.quote)}, escape = {quoted(dialect.quote)},
            columns = {{{", ".join(f"{name}: 'varchar'" for name in names)}}}{more}
        )"""


def _insert_with_duckdb(con: duckdb.DuckDBPyConnection, feed: Feed, file_id: str, path: Path, found: Found, numbers: str) -> int:
    """Insert what DuckDB accepts, the n-th record under the n-th of ``numbers``, and say how many there were."""
    selected = _selected(feed, found.layout)
    fields = (f"c{place}" for place in range(found.layout.width))
    more = f""",
            force_not_null = [{", ".join(map(quoted, fields))}],
            store_rejects = true, rejects_limit = 0, rejects_line_size_limit = {_LONGEST_REJECT},
            rejects_table = '{_REJECTS}', rejects_scan = '{_REJECTS}_scans'"""
    # A positional join numbers in the order of the file three times as fast as row_number() does; it fills the shorter
    # side with nulls, and a record that was read has none.
    query = f"""
        insert into raw."{feed.table}" (_file_id, _record_no, {", ".join(f'"{name}"' for name in selected)})
        select ?, range, {", ".join(selected.values())}
        from {_read_csv(found, "?", more)} positional join {numbers}
        where c0 is not null
    """
    return int(con.execute(query, [file_id, str(path)]).fetchall()[0][0])


def _rejects_of_duckdb(con: duckdb.DuckDBPyConnection) -> dict[int, str] | None:
    """Text by record number of what DuckDB refused; null when it was not just for too few or too many fields."""
    found = con.execute(
        f"select line, any_value(csv_line), bool_and(error_type in ('MISSING COLUMNS', 'TOO MANY COLUMNS')) "
        f"from {_REJECTS} group by line order by line limit {_MOST_REJECTS + 1}"
    ).fetchall()
    con.execute(f"drop table {_REJECTS}")
    con.execute(f"drop table {_REJECTS}_scans")
    if len(found) > _MOST_REJECTS or not all(only_width for _, _, only_width in found):
        return None
    # After a CRLF, DuckDB's text starts with the end of the line before.
    return {int(number): text.removeprefix("\r").removeprefix("\n") for number, text, _ in found}


def _looks_doubtful(con: duckdb.DuckDBPyConnection, feed: Feed, file_id: str, layout: Layout) -> bool:
    """Whether a record just loaded is blank, or may be a header again: the careful reader then decides."""
    present = [f'"{column.name}"' for column, places in zip(feed.columns, layout.picks, strict=True) if places]
    blank = " and ".join(f"trim({column}, ' ' || chr(9)) = ''" for column in present)
    known = ", ".join(quoted(label) for label in sorted(layout.known))
    labels = " + ".join(f"({column} in ({known}))::int" for column in present)
    rows = con.execute(
        f'select 1 from raw."{feed.table}" where _file_id = ? and (({blank}) or {labels} >= {min(2, len(present))}) limit 1',
        [file_id],
    ).fetchall()
    return bool(rows)


def _swallows(path: Path, dialect: Dialect, width: int) -> bool:
    """Whether a quoted value that spans lines holds a line that would be a whole record by itself."""
    mark, delimiter = dialect.quote.encode(), dialect.delimiter.encode()
    inside = False
    with path.open("rb") as stream:
        for line in stream:
            if inside and line.count(delimiter) >= width - 1 and _stands_alone(line.decode(), dialect, width):
                return True
            inside ^= bool(line.count(mark) & 1)
    return False


def _stands_alone(line: str, dialect: Dialect, width: int) -> bool:
    cells = line.split(dialect.delimiter)
    # A mark in the first cell closes a value that began further up: then the line is the end of that record.
    return len(cells) == width and dialect.quote not in cells[0] and any(map(is_contact_point, cells))


def _ends_with_total(path: Path, dialect: Dialect) -> bool:
    with path.open("rb") as stream:
        skipped = max(0, stream.seek(0, io.SEEK_END) - _TAIL)
        stream.seek(skipped)
        # As bytes, which end a line at a line feed or a return only; and not what begins before the tail, which is no total.
        lines = stream.read().splitlines()[1 if skipped else 0 :]
    last = next((line for line in reversed(lines) if line.strip()), b"").decode("utf-8", "replace")
    return is_total([cell.strip(dialect.quote) for cell in (last.split(dialect.delimiter) if dialect.delimiter else [last])])


def sample_of(path: Path) -> str:
    """The first lines, whole ones only where there are more."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        sample = stream.read(_SAMPLE)
        more = stream.read(1)
    cut = max(sample.rfind("\n"), sample.rfind("\r")) + 1
    return sample[:cut] if more and cut else sample


def _described(found: Found) -> str:
    names = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", "": "none"}
    delimiter = names.get(found.dialect.delimiter, found.dialect.delimiter)
    header = f"header in record {found.header}" if found.header else "no header"
    return f"delimiter {delimiter}, {header}, {found.layout.found} of {len(found.layout.picks)} columns"
