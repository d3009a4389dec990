"""JSON into a raw table: DuckDB for objects beyond doubt, Python for the values that need a second look.

Records are numbered from 1 in the order of the file, and both ways must account for every one.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import duckdb

from orchestration.core.sql import quoted
from orchestration.readers.feeds import Column, Feed
from orchestration.readers.json_fields import Extractor, Found, ways_to
from orchestration.readers.json_stream import JsonShape, json_shape_of, pieces
from orchestration.readers.layout import described, normalised
from orchestration.readers.outcome import CONFLICTING, USUAL_BOUNDS, Bounds, Outcome, Sink, UnreadableFile
from orchestration.readers.text import Utf8Text

_DETAILS = {
    "not_json": "It is not valid JSON.",
    "truncated": "The file ends within it, so what followed is missing; ask for the file again.",
    "too_long": "It is longer than {0.json_value:,} characters (limits.max_json_value).",
    "too_deep": "It is nested more than {0.json_depth} levels deep (limits.max_json_depth).",
    "too_many_fields": "It has more than {0.columns:,} keys (limits.max_columns).",
    "not_an_object": "It is neither an object nor a value that a record can be.",
    "records_path_missing": "It has nothing at the path where its feed says the records are.",
    "unknown_envelope": "It is no record but a page with {2:,} of them at {1}; deliver those, or describe the page as a feed.",
    "repeated_key": "It names a key twice, and readers differ in which of the two they believe.",
    "invalid_unicode": "It holds half of a character pair.",
    CONFLICTING: "It holds different values for {1}, which can have only one; correct it and deliver it again.",
    "nul_bytes": "A zero character stands inside a value.",
}
# A number that DuckDB would write in other digits than it was delivered in; the second pattern matches those it keeps:
# no exponent, no zero at the end, and few enough digits for a double.
_FRACTION = r"[:,\[]\s*(?:-0|-?[0-9]+[.eE])"
_KEPT_FRACTION = r"[:,\[]\s*-?(?:[1-9][0-9]{0,8}|1[0-9]{9})\.(?:0|[0-9]{0,5}[1-9])\s*[,\]}]"
_MOST_LABELS = 100  # kept for the message about what is missing
_PAGE = 10_000  # documents that Python looks at, held in memory at a time
_UNNAMEABLE = frozenset('"\\*[]$')  # letters of a key that DuckDB's paths give another meaning


def read_json(con: duckdb.DuckDBPyConnection, feed: Feed, file_id: str, text: Utf8Text, bounds: Bounds = USUAL_BOUNDS) -> Outcome:
    """Load one file. The caller has begun a transaction and rolls back when this raises.

    Raises:
        UnreadableFile: the account does not balance.
    """
    shape = json_shape_of(text.path)
    outcome = read_fast(con, feed, file_id, text, shape, bounds) or read_careful(con, feed, file_id, text, shape, bounds)
    if not outcome.balances:
        raise UnreadableFile("The records read do not add up to the objects in the file.", "unbalanced")
    return outcome


def read_careful(
    con: duckdb.DuckDBPyConnection,
    feed: Feed,
    file_id: str,
    text: Utf8Text,
    shape: JsonShape,
    bounds: Bounds = USUAL_BOUNDS,
) -> Outcome:
    """Load value by value, each judged on its own."""
    putter = _Putter(con, feed, file_id, bounds)
    number = skipped = objects = 0
    broken = False
    with text.path.open(encoding="utf-8-sig" if text.has_mark else "utf-8", newline="") as stream:
        for piece in pieces(stream, bounds):
            broken = broken or piece.reason is not None
            objects += isinstance(piece.value, dict)
            before = number
            for number, found in enumerate(putter.extractor.records(piece), start=number + 1):  # noqa: B020
                putter.put(number, found)
            if number == before:  # a page without records
                number += 1
                skipped += 1
    putter.sink.done()
    if putter.sink.loaded:
        _require(feed, putter.lacking, putter.labels)
    # Where nothing was broken, the brackets counted apart from the parsing must agree.
    physical = number if broken or not shape.regular or objects == shape.objects else -1
    return Outcome(physical, putter.sink.loaded, putter.sink.quarantined, skipped, "python", text.encoding)


def read_fast(
    con: duckdb.DuckDBPyConnection,
    feed: Feed,
    file_id: str,
    text: Utf8Text,
    shape: JsonShape,
    bounds: Bounds = USUAL_BOUNDS,
) -> Outcome | None:
    """Let DuckDB load a file of nothing but well-formed objects; single ones of them may still go through Python.

    Returns:
        Null when it is not such a file; the transaction was begun again then.
    """
    if not shape.regular or not shape.objects or text.has_mark or feed.options.get("records_path"):
        return None
    if shape.depth > bounds.json_depth:
        return None
    try:
        plan = _plan(con, feed, bounds) if _documents(con, text, shape, bounds) else None
        if plan is not None:
            return _load_documents(con, feed, file_id, plan, text.encoding, bounds)
    except duckdb.InvalidInputException:  # what its parser says about a file it can't read
        pass
    con.rollback()
    con.begin()
    return None


class _Putter:
    """Puts records into the raw table or into quarantine."""

    def __init__(self, con: duckdb.DuckDBPyConnection, feed: Feed, file_id: str, bounds: Bounds) -> None:
        self._bounds, self.feed = bounds, feed
        self.seen: set[str] = set()
        self.labels: dict[str, None] = {}
        self.lacking = feed.lacks(frozenset())
        self.extractor, self.sink = Extractor(feed, bounds), Sink(con, feed, file_id, bounds)
        names = [*(column.name for column in feed.columns), "_extra"]
        self.sink.use({name: f"c{place}" for place, name in enumerate(names)})

    def put(self, number: int, found: Found) -> None:
        deeper = self._deeper(found)
        if deeper is not None:
            detail = _DETAILS["unknown_envelope"].format(self._bounds, *deeper)
            self.sink.reject(number, "unknown_envelope", detail, found.text)
            return
        if found.record is None:
            reason: str | None = found.reason or "not_an_object"
        else:
            self.present(found.record)
            values = self.extractor.extract(found.record)
            if (twice := self.extractor.conflict(found.record)) is not None:
                self.sink.reject(number, CONFLICTING, _DETAILS[CONFLICTING].format(self._bounds, twice), found.text)
                return
            # Zero characters and halves of pairs can only come from an escape, or from a zero byte.
            doubtful = "\\u" in found.text or "\0" in found.text
            values, reason = _storable(values) if doubtful else (values, None)
            if reason is None:
                self.sink.row(number, values)
        if reason is not None:
            self.sink.reject(number, reason, _DETAILS[reason].format(self._bounds), found.text)

    def _deeper(self, found: Found) -> tuple[str, int] | None:
        if found.record is not None:
            is_plain = not any(isinstance(value, (dict, list)) for value in found.record.values())
            return None if is_plain else self.extractor.deeper(found.record)
        if found.reason == "records_path_missing":
            return self.extractor.deeper(next(iter(pieces(io.StringIO(found.text), self._bounds))).value)
        return None

    def present(self, record: dict[str, Any]) -> None:
        """Note which columns there are, until all are seen that the feed requires."""
        if self.lacking:
            self.seen |= self.extractor.present(record)
            self.labels.update(dict.fromkeys(record) if len(self.labels) < _MOST_LABELS else {})
            self.lacking = self.feed.lacks(frozenset(self.seen))


def _require(feed: Feed, lacking: tuple[str, ...], labels: Iterable[str]) -> None:
    """Raise when no record of the file has what the feed requires: then it is another kind of file."""
    if lacking:
        raise UnreadableFile(described(feed, lacking, list(labels)), "missing_columns")


def _storable(values: Iterable[str | None]) -> tuple[tuple[str | None, ...], str | None]:
    """The values without zero characters around them, and the reason why they can't be stored if there is one."""
    stripped = tuple(value.strip("\0") if value else value for value in values)
    joined = "".join(value for value in stripped if value)
    if "\0" in joined:
        return stripped, "nul_bytes"
    try:
        joined.encode()
    except UnicodeEncodeError:
        return stripped, "invalid_unicode"
    return stripped, None


@dataclass(frozen=True)
class _Plan:
    """How DuckDB takes the feed's columns out of a document: SQL over ``json`` and ``found``, the values at ``paths``."""

    paths: tuple[str, ...]
    values: tuple[str, ...]
    present: frozenset[str]
    """The columns that some document has a place for."""
    keys: tuple[str, ...]
    extra: str
    odd: str
    """True for documents that Python must look at."""


def _documents(con: duckdb.DuckDBPyConnection, text: Utf8Text, shape: JsonShape, bounds: Bounds) -> bool:
    """Fill ``json_documents`` with the file's numbered values and say whether they are the objects that were counted.

    DuckDB refuses values of more than 16 MiB unless told otherwise; where more is allowed, the careful way reads them.
    """
    with text.path.open("rb") as stream:
        kind = "array" if stream.read(1 << 16).lstrip().startswith(b"[") else "unstructured"
    # The positional join numbers in the order of the file; it fills the shorter side with nulls.
    con.execute(
        "create or replace temp table json_documents as select range as n, json "
        f"from read_json_objects(?, format = '{kind}') positional join range(1, {shape.objects + 1})",
        [str(text.path)],
    )
    counted = con.execute(
        "select count(*) filter (where n is not null and json_type(json) = 'OBJECT' and strlen(json) <= ?), count(*) "
        "from json_documents",
        [bounds.json_value],
    ).fetchall()
    return counted == [(shape.objects, shape.objects)]


def _load_documents(
    con: duckdb.DuckDBPyConnection, feed: Feed, file_id: str, plan: _Plan, encoding: str, bounds: Bounds
) -> Outcome:
    # All paths in one call: each call parses the document again.
    source = f"(select n, json, json_extract_string(json, [{', '.join(map(quoted, plan.paths))}]) as found from json_documents)"
    con.execute(f"create or replace temp table json_odd as select n from {source} where {plan.odd}")
    names = ", ".join(f'"{column.name}"' for column in feed.columns)
    plain = con.execute(
        f'insert into raw."{feed.table}" (_file_id, _record_no, {names}, _extra) '
        f"select ?, n, {', '.join(plan.values)}, {plan.extra} from {source} anti join json_odd using (n)",
        [file_id],
    ).fetchall()[0][0]
    putter = _Putter(con, feed, file_id, bounds)
    last = odd = 0
    while page := con.execute(
        f"select n, json from json_documents semi join json_odd using (n) where n > ? order by n limit {_PAGE}", [last]
    ).fetchall():
        for last, document in page:
            for piece in pieces(io.StringIO(document), bounds):
                for found in putter.extractor.records(piece):
                    putter.put(last, found)
        odd += len(page)
    putter.sink.done()
    if plain + putter.sink.loaded:
        _require(feed, feed.lacks(plan.present), plan.keys)
    con.execute("drop table json_documents")
    con.execute("drop table json_odd")
    return Outcome(plain + odd, plain + putter.sink.loaded, putter.sink.quarantined, 0, "duckdb", encoding)


def _plan(con: duckdb.DuckDBPyConnection, feed: Feed, bounds: Bounds) -> _Plan | None:
    """Null where only Python can follow."""
    keys = tuple(_texts(con, "select distinct unnest(json_keys(json)) from json_documents"))
    # With more keys than one object may have, all of them together, keys are data and no plan would fit many objects.
    if len(keys) > bounds.columns or any(_UNNAMEABLE & set(key) for key in keys):
        return None
    odd = [
        "len(json_keys(json)) <> len(list_distinct(json_keys(json)))",
        f"len(regexp_extract_all(json, '{_FRACTION}')) <> len(regexp_extract_all(json, '{_KEPT_FRACTION}'))",
    ]
    top = {_step("$", key): key for key in keys}
    used: dict[str, str] = {}  # SQL of the value by its path
    values: list[str] = []
    present: list[str] = []
    for column in feed.columns:
        paths = _paths(con, column, keys)
        if paths is None:
            return None
        for path in paths:
            used.setdefault(path, f"found[{len(used) + 1}]")
        present += [column.name] if paths else []
        values.append(f"coalesce({', '.join(used[path] for path in paths)})" if paths else "null")
        if len(paths) > 1:  # Python joins them, refuses the record, or keeps what it does not take in _extra
            odd.append(" + ".join(f"({used[path]} is not null)::int" for path in paths) + " > 1")
    # An object that holds objects in an array may be a page, and no record: a dotted label may lead through any of them.
    odd.append("regexp_matches(json, '\\[\\s*\\{')")
    extra = "null"
    if top.keys() - used.keys():
        patch = json.dumps(dict.fromkeys(sorted(top[path] for path in top.keys() & used.keys())), ensure_ascii=False)
        extra = f"nullif(json_merge_patch(json, {quoted(patch)})::varchar, '{{}}')"
    # Where no column has a place, the root stands in: the list of paths must not be empty.
    return _Plan(tuple(used) or ("$",), tuple(values), frozenset(present), keys, extra, " or ".join(f"({test})" for test in odd))


def _paths(con: duckdb.DuckDBPyConnection, column: Column, keys: tuple[str, ...]) -> list[str] | None:
    """DuckDB's paths to a column's value, in the order in which they count; null where only Python can follow."""
    paths: list[str] = []
    for way in ways_to(column, keys):
        found = [_step("$", way.key)] if way.key is not None else _resolve(con, way.path)
        if found is None:
            return None
        paths += [path for path in found if path not in paths]
    return paths


def _resolve(con: duckdb.DuckDBPyConnection, parts: tuple[str, ...]) -> list[str] | None:
    """The one path, as it is spelt in this file, along which a dotted label leads; none where it leads nowhere."""
    path = "$"
    for part in parts:
        kinds = set(_texts(con, f"select distinct json_type(json, {quoted(path)}) from json_documents"))
        wrapped = f"select 1 from json_documents where regexp_matches(ltrim({_at(path)}), '^[{{\\[]') limit 1"
        if "VARCHAR" in kinds and con.execute(wrapped).fetchall():
            return None
        if part == "*" and kinds & {"ARRAY", "OBJECT"}:
            return None
        if "ARRAY" in kinds and part.isdigit():
            if "OBJECT" in kinds:
                return None
            path = f"{path}[{part}]"
            continue
        found = _texts(con, f"select distinct unnest(json_keys(json, {quoted(path)})) from json_documents")
        same = [key for key in found if normalised(key) == normalised(part)]
        if len(same) > 1 or any(_UNNAMEABLE & set(key) for key in same):
            return None
        if not same:
            return []
        path = _step(path, same[0])
    return [path]


def _texts(con: duckdb.DuckDBPyConnection, query: str) -> list[str]:
    return sorted(row[0] for row in con.execute(query).fetchall() if row[0] is not None)


def _step(path: str, key: str) -> str:
    return f'{path}."{key}"'


def _at(path: str) -> str:
    return f"json_extract_string(json, {quoted(path)})"
