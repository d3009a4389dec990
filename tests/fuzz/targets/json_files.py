"""Any bytes as JSON: objects, arrays, lines, texts that hold JSON, and what is broken between them."""

from __future__ import annotations

from typing import Any

from orchestration.readers.feeds import Column, Feed
from orchestration.readers.json_records import read_careful, read_json
from orchestration.readers.json_stream import json_shape_of
from orchestration.readers.text import Utf8Text
from tests.fuzz.targets import files


def _feed(number: int, columns: dict[str, tuple[str, ...]], requires: tuple[str, ...] = (), **options: Any) -> Feed:
    cut = tuple(Column(name, labels) for name, labels in columns.items())
    return Feed("acme", f"feed{number}", ("requests",), "json", ("*",), requires, False, cut, options)


_DESK = files.Desk(
    (
        _feed(0, {"email": ("email",), "event": ("event", "x"), "ts": ("ts",), "ab": ("a.b",)}),
        _feed(1, {"email": ("email", "items.0.email"), "event": ("event",)}, requires=("email",), records_path="data.items"),
        _feed(2, {"value": ("value",)}),
        _feed(3, {"email": ("email", "mail.address"), "deep": ("a.b.c.d",)}, requires=("email",)),
    )
)


def _careful(con: Any, feed: Feed, file_id: str, text: Utf8Text) -> Any:
    return read_careful(con, feed, file_id, text, json_shape_of(text.path))


def check(data: bytes) -> None:
    """The account of the file balances, both ways agree, and no address is lost."""
    # What stands beside the records of a page is nobody's record.
    _DESK.check(data, read_json, _careful, lambda feed, text: None if feed.options.get("records_path") else 0)
