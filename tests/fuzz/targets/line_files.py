"""Any bytes as a file of lines that each are one value, as registries deliver numbers."""

from __future__ import annotations

from typing import Any

from orchestration.readers.delimited import read_careful, read_delimited, sample_of, shape_of
from orchestration.readers.feeds import Column, Feed
from orchestration.readers.layout import find_layout
from orchestration.readers.text import Utf8Text
from tests.fuzz.targets import files

_DESK = files.Desk((Feed("acme", "numbers", ("registry",), "lines", ("*",), (), True, (Column("phone", ("phone",)),)),))


def _careful(con: Any, feed: Feed, file_id: str, text: Utf8Text) -> Any:
    return read_careful(con, feed, file_id, text, find_layout(sample_of(text.path), feed), shape_of(text.path, ""))


def check(data: bytes) -> None:
    """The account of the file balances, both ways agree, and no address is lost."""
    _DESK.check(data, read_delimited, _careful, lambda feed, text: 0)
