"""Any bytes as a delimited file, under every option a feed can have."""

from __future__ import annotations

import itertools
from typing import Any

from orchestration.readers.delimited import read_careful, read_delimited, sample_of, shape_of
from orchestration.readers.feeds import Column, Feed
from orchestration.readers.layout import find_layout
from orchestration.readers.split import Splitter
from orchestration.readers.text import Utf8Text
from tests.fuzz.targets import files


def _feed(number: int, columns: dict[str, tuple[str, ...]], requires: tuple[str, ...] = (), **options: Any) -> Feed:
    cut = tuple(Column(name, labels) for name, labels in columns.items())
    return Feed("acme", f"feed{number}", ("requests",), "delimited", ("*",), requires, False, cut, options)


_TWO = {"email": ("email", "e-mail"), "note": ("note",)}
_DESK = files.Desk(
    (
        _feed(0, _TWO),
        _feed(1, _TWO, requires=("email",)),
        _feed(2, {"email": ("email",), "phone": ("phone",), "day": ("date",)}),
        _feed(3, _TWO, header=False),
        _feed(4, {"area": (), "number": ()}, header=False, min_fields=2),
        _feed(5, _TWO, delimiter=";", quote="'"),
        _feed(6, {"email": ("email",)}),
        _feed(7, _TWO, encoding="utf-16"),
    )
)


def _in_header(feed: Feed, text: Utf8Text) -> int:
    found = find_layout(sample_of(text.path), feed)
    with text.path.open(encoding="utf-8-sig", newline="") as stream:
        records = list(itertools.islice(Splitter(stream, found.dialect), found.header))
    return len(files._ADDRESS.findall(records[-1].text)) if records else 0


def _careful(con: Any, feed: Feed, file_id: str, text: Utf8Text) -> Any:
    found = find_layout(sample_of(text.path), feed)
    return read_careful(con, feed, file_id, text, found, shape_of(text.path, found.dialect.quote))


def check(data: bytes) -> None:
    """The account of the file balances, both ways agree, and no address is lost."""
    _DESK.check(data, read_delimited, _careful, _in_header)
