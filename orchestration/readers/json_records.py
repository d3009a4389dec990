"""JSON into a raw table: DuckDB for objects beyond doubt, Python for the values that need a second look.

Records are numbered from 1 in the order of the file. A record is an object: at the top, in an outermost array, one per
line, behind ``options.records_path``, or within a text that holds JSON itself. A bare text or number in an array is a
record of one value, labelled ``value``; where no column has that label it is the first column's.

A column's label is a key, compared without case and outer white space, or a dotted path, which also goes through arrays
(by number) and through texts that hold JSON. The first of a column's labels that has a value counts. ``_extra`` holds every
top-level key that no column took as a whole.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import duckdb

from orchestration.readers.feeds import Feed
from orchestration.readers.json_stream import (
    MOST_DEPTH,
    JsonShape,
    Number,
    Piece,
    Repeated,
    as_text,
    json_shape_of,
    pieces,
    to_json,
)
from orchestration.readers.layout import normalised
from orchestration.readers.outcome import Outcome, Sink, UnreadableFile
from orchestration.readers.text import Utf8Text

_MOST_WRAPPED = 3  # texts in texts: SNS wraps once, a queue around it twice
_DETAILS = {
    "not_json": "It is not valid JSON.",
    "truncated": "The file ends within it, so what followed is missing; ask for the file again.",
    "too_long": "It is longer than 16 MiB.",
    "too_deep": f"It is nested more than {MOST_DEPTH} levels deep.",
    "not_an_object": "It is neither an object nor a value that a record can be.",
    "records_path_missing": "It has nothing at the path where its feed says the records are.",
    "repeated_key": "It names a key twice, and readers differ in which of the two they believe.",
    "invalid_unicode": "It holds half of a character pair.",
    "nul_bytes": "A zero character stands inside a value.",
}
# A number that DuckDB would write in other digits than it was delivered in; the second pattern matches those it keeps:
# no exponent, no zero at the end, and few enough digits for a double.
_FRACTION = r"[:,\[]\s*(?:-0|-?[0-9]+[.eE])"
_KEPT_FRACTION = r"[:,\[]\s*-?(?:[1-9][0-9]{0,8}|1[0-9]{9})\.(?:0|[0-9]{0,5}[1-9])\s*[,\]}]"
_NEVER = "false"


class _Broken(Exception):
    """A record can't be used; the text is the reason code."""


class Extractor:
    """Takes a feed's columns out of records."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        labels = {normalised(label) for column in feed.columns for label in column.labels}
        self._scalar = "value" if "value" in labels else feed.columns[0].labels[0]
        # By the keys of an object, in their order: an export's records have few different sets of them.
        self._plans: dict[tuple[str, ...], list[list[tuple[str | None, tuple[str, ...]]]]] = {}

    def record_of(self, value: Any) -> dict[str, Any]:
        """The record that a value is.

        Raises:
            _Broken: it is none.
        """
        if isinstance(value, Repeated):
            raise _Broken("repeated_key")
        if isinstance(value, dict):
            return value
        if isinstance(value, str):
            return {self._scalar: value}
        raise _Broken("not_an_object")

    def extract(self, record: dict[str, Any], text: str) -> tuple[str | None, ...]:
        """The columns' values in the feed's order, and ``_extra``.

        Raises:
            _Broken: a text in it can't be stored.
        """
        taken: set[str] = set()
        values: list[str | None] = []
        for ways in self._plan(tuple(record)):
            found = None
            for key, path in ways:
                found = record[key] if key is not None else _walk(record, path)
                if key is not None and (found is not None or len(ways) == 1):
                    taken.add(key)
                if found is not None:
                    break
            values.append(as_text(found))
        rest = {key: value for key, value in record.items() if key not in taken}
        values.append(to_json(rest) if rest else None)
        return _storable(values) if "\\u" in text or "\0" in text else tuple(values)

    def has(self, record: dict[str, Any], names: tuple[str, ...]) -> bool:
        """Whether these columns have a place in the record, empty or not."""
        plan = self._plan(tuple(record))
        return all(
            any(key is not None or _walk(record, path) is not None for key, path in ways)
            for column, ways in zip(self._feed.columns, plan, strict=True)
            if column.name in names
        )

    def _plan(self, keys: tuple[str, ...]) -> list[list[tuple[str | None, tuple[str, ...]]]]:
        """Per column, the ways to its value in the order of its labels: a key that is there, or a path to try."""
        plan = self._plans.get(keys)
        if plan is None:
            by_name: dict[str, list[str]] = {}
            for key in keys:
                by_name.setdefault(normalised(key), []).append(key)
            plan = []
            for column in self._feed.columns:
                ways: list[tuple[str | None, tuple[str, ...]]] = []
                for label in column.labels:
                    same = by_name.get(normalised(label), [])
                    ways += [(key, ()) for key in sorted(same, key=lambda key: (key != label, key))]
                    if not same and "." in label:
                        ways.append((None, tuple(label.split("."))))
                plan.append(ways)
            if len(self._plans) < 10_000:  # objects whose keys are data would fill the memory with plans used once
                self._plans[keys] = plan
        return plan
