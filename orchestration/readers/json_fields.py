"""What is a record in a JSON value, and which of its fields is which column. Neither parsing nor the database.

A record is an object: at the top, in an outermost array, behind ``options.records_path``, or within a text that holds JSON
itself. A bare text or number is a record of one value, labelled ``value``; where no column has that label it is the first
column's.

A column's label is a key, compared as labels of a header are, or a dotted path, which also goes through texts that hold JSON and
through arrays: by number, or by ``*`` into each of their items (or each value of an object), which gives an array of what is
there. What becomes of several values is said by the column (``feeds.Column``). ``_extra`` holds every top-level key that no
column took as a whole.

Where a webhook's form was kept as it came (``type=unsubscribe&data%5Bemail%5D=...``), its fields are the record's keys.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from orchestration.readers.feeds import Column, Feed
from orchestration.readers.json_stream import Number, Piece, Repeated, as_text, pieces, to_json
from orchestration.readers.layout import is_label_of, normalised, shown
from orchestration.readers.outcome import USUAL_BOUNDS, Bounds

_MOST_WRAPPED = 3  # texts in texts: SNS wraps once, a queue around it twice
_MOST_ENVELOPES = 4  # objects within objects around the records of a page
# A body of application/x-www-form-urlencoded: names and values without a blank, several of them, or one that holds JSON.
_FORM = re.compile(r"[\w.%\[\]-]+=(?:(?:%5B|%7B)[^&\s]*|[^&\s]*(?:&[\w.%\[\]-]+=[^&\s]*)+)\s*", re.ASCII | re.IGNORECASE)
_MOST_PLANS = 10_000  # objects whose keys are data would fill the memory with plans that are used once


class Found(NamedTuple):
    """A record, or what stands in its place with a reason code."""

    record: dict[str, Any] | None
    text: str
    reason: str | None


class Way(NamedTuple):
    """How to reach a value: by a key of the object, or along a path."""

    key: str | None
    path: tuple[str, ...] = ()


class Extractor:
    """Takes records out of values, and a feed's columns out of records."""

    def __init__(self, feed: Feed, bounds: Bounds = USUAL_BOUNDS) -> None:
        self._feed, self._bounds = feed, bounds
        path = feed.options.get("records_path")
        self._path = tuple(str(path).split(".")) if path else ()
        labels = {normalised(label) for column in feed.columns for label in column.labels}
        self._scalar = "value" if "value" in labels else feed.columns[0].labels[0]
        # By the keys of an object, in their order: an export's records have few different sets of them.
        self._plans: dict[tuple[str, ...], list[list[Way]]] = {}

    def records(self, piece: Piece) -> Iterator[Found]:
        """The records within one value of a file, in order."""
        return self._unwrap(piece, self._path, 0)

    def extract(self, record: dict[str, Any]) -> tuple[str | None, ...]:
        """The columns' values in the feed's order, then ``_extra``."""
        taken: set[str] = set()
        values: list[str | None] = []
        for column, ways in zip(self._feed.columns, self._plan(tuple(record)), strict=True):
            there = [(key, walk(record, path) if key is None else record[key]) for key, path in ways]
            there = [item for item in there if item[1] is not None]
            filled = [item for item in there if item[1] != ""]
            if column.several == "join":
                values.append(_joined([value for _, value in filled or there]))
                used = there
            else:
                used = (filled or there)[:1]
                values.append(as_text(used[0][1]) if used else None)
            taken.update(key for key, _ in used if key is not None)
            taken.update(key for key, _ in ways if key is not None and record[key] is None)
        rest = {key: value for key, value in record.items() if key not in taken}
        values.append(to_json(rest) if rest else None)
        return tuple(values)

    def conflict(self, record: dict[str, Any]) -> str | None:
        """The column for which the record holds two different values although it can have only one."""
        for column, ways in zip(self._feed.columns, self._plan(tuple(record)), strict=True):
            if column.several == "join" or len(ways) < 2:
                continue
            said: dict[str, str] = {}
            for key, path in ways:
                text = (as_text(walk(record, path) if key is None else record[key]) or "").strip().casefold()
                label = "" if column.several == "one" else normalised(key) if key is not None else "/".join(path)
                if text and said.setdefault(label, text) != text:
                    return column.name
        return None

    def deeper(self, value: Any) -> tuple[str, int] | None:
        """Where in a page that is no record records lie, and how many: the array whose objects have more of the columns."""
        if not isinstance(value, dict):
            return None
        best, most = None, len(self.present(value))
        waiting: list[tuple[str, Any]] = [("", value)]
        for path, item in waiting:
            inner = item.items() if isinstance(item, dict) else ()
            for key, below in inner:
                place = f"{path}.{shown(key)}" if path else shown(key)
                if isinstance(below, list) and below and isinstance(below[0], dict):
                    here = len(self.present(below[0]))
                    if here > most:
                        best, most = (place, len(below)), here
                elif isinstance(below, dict) and place.count(".") < _MOST_ENVELOPES:
                    waiting.append((place, below))
        return best

    def present(self, record: dict[str, Any]) -> set[str]:
        """Names of the columns that have a place in the record, be it empty."""
        plan = zip(self._feed.columns, self._plan(tuple(record)), strict=True)
        return {
            column.name for column, ways in plan if any(key is not None or walk(record, path) is not None for key, path in ways)
        }

    def _unwrap(self, piece: Piece, path: tuple[str, ...], wrapped: int) -> Iterator[Found]:
        value = piece.value
        if piece.reason == "not_json" and _FORM.fullmatch(piece.text):
            yield from self._unwrap(Piece(_form(piece.text), piece.text), path, wrapped)
        elif piece.reason:
            yield Found(None, piece.text, piece.reason)
        elif holds_json(value) and wrapped < _MOST_WRAPPED:
            for inner in pieces(io.StringIO(value), self._bounds):
                yield from self._unwrap(inner, path, wrapped + 1)
        elif path and isinstance(value, dict):
            yield from self._behind(piece, path, wrapped)
        elif isinstance(value, list) and all(isinstance(item, dict) for item in value):
            for item in value:
                yield from self._unwrap(Piece(item, to_json(item)), path, wrapped)
        else:
            yield self._alone(piece)

    def _behind(self, piece: Piece, path: tuple[str, ...], wrapped: int) -> Iterator[Found]:
        """The records at ``path``: several, one, or none on an empty page."""
        found = walk(piece.value, path)
        if found is None and not _leads(piece.value, path):
            # An object that has what the feed requires is a record that came without its wrapping.
            is_record = bool(self._feed.requires) and self.present(piece.value).issuperset(self._feed.requires)
            yield self._alone(piece) if is_record else Found(None, piece.text, "records_path_missing")
        elif found is not None:
            for item in found if isinstance(found, list) else [found]:
                yield from self._unwrap(Piece(item, to_json(item)), (), wrapped)

    def _alone(self, piece: Piece) -> Found:
        if isinstance(piece.value, Repeated):
            return Found(None, piece.text, "repeated_key")
        if isinstance(piece.value, dict):
            too_many = len(piece.value) > self._bounds.columns
            return Found(None, piece.text, "too_many_fields") if too_many else Found(piece.value, piece.text, None)
        if isinstance(piece.value, str):
            return Found({self._scalar: piece.value}, piece.text, None)
        return Found(None, piece.text, "not_an_object")

    def _plan(self, keys: tuple[str, ...]) -> list[list[Way]]:
        plan = self._plans.get(keys)
        if plan is None:
            plan = [ways_to(column, keys) for column in self._feed.columns]
            if len(self._plans) < _MOST_PLANS:
                self._plans[keys] = plan
        return plan


def ways_to(column: Column, keys: tuple[str, ...]) -> list[Way]:
    """How a column's values can be reached in an object with these keys, each way once."""
    return list(dict.fromkeys(way for label in column.labels for way in _ways(column, label, keys)))


def _ways(column: Column, label: str, keys: tuple[str, ...]) -> list[Way]:
    """By one label: the key spelt exactly so first, a path last."""
    same = [key for key in keys if is_label_of(key, column, label)]
    found = [Way(key) for key in sorted(same, key=lambda key: (key != label, key))]
    return [*found, Way(None, tuple(label.split(".")))] if "." in label else found


def _joined(values: list[Any]) -> str | None:
    """All of them as one text; an array among several gives its items."""
    if len(values) < 2:
        return as_text(values[0]) if values else None
    texts = [as_text(item) for value in values for item in (value if isinstance(value, list) else [value])]
    return ";".join(text for text in texts if text)


def walk(value: Any, path: tuple[str, ...]) -> Any:
    """The value at the end of a path, null where it leads nowhere."""
    for place, part in enumerate(path):
        if holds_json(value):
            value = next(iter(pieces(io.StringIO(value)))).value
        if part == "*" and isinstance(value, (dict, list)):
            items = value if isinstance(value, list) else value.values()
            found = [walk(item, path[place + 1 :]) for item in items]
            return [item for item in found if item is not None] or None
        if isinstance(value, dict):
            key = part if part in value else next((key for key in value if normalised(key) == normalised(part)), None)
            value = value[key] if key is not None else None
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value


def _form(body: str) -> dict[str, Any]:
    """The fields of a form; one that is named twice with two values is told like a key that is."""
    pairs = parse_qsl(body.strip(), keep_blank_values=True)
    value = dict(pairs)
    if len(value) == len(set(pairs)):
        return value
    repeated = Repeated(reversed(pairs))
    repeated.pairs = list(pairs)
    return repeated


def holds_json(value: Any) -> bool:
    """Whether a value is a text that holds an object or an array, as queues and forms wrap them."""
    return isinstance(value, str) and not isinstance(value, Number) and value.lstrip()[:1] in ("{", "[")


def _leads(value: Any, path: tuple[str, ...]) -> bool:
    """Whether a path that ends at null leads to a null that is there."""
    parent = walk(value, path[:-1])
    if path[-1] == "*":
        return isinstance(parent, (dict, list))
    return isinstance(parent, dict) and any(normalised(key) == normalised(path[-1]) for key in parent)
