"""What a file is, from its first bytes: JSON or delimited, and whether it has what a feed requires. Nothing is loaded."""

from __future__ import annotations

import io
import itertools

from orchestration.readers.feeds import Feed
from orchestration.readers.json_fields import Extractor
from orchestration.readers.json_stream import pieces
from orchestration.readers.layout import find_layout
from orchestration.readers.outcome import UnreadableFile
from orchestration.readers.text import head_as_text

HEAD_BYTES = 1 << 20  # a header, or some hundred objects, with room for long preambles
_OBJECTS = 100  # events of one file differ in their keys; a hundred of them show which there are


def reader_of(feed: Feed, start: str) -> str:
    """The reader for a file that begins so: the feed's own, or for ``auto`` what the first letter that is no space says."""
    if feed.reader != "auto":
        return feed.reader
    return "json" if start.lstrip("\ufeff \t\r\n")[:1] in ("{", "[") else "delimited"


def has_required(head: bytes, feed: Feed, *, whole: bool) -> bool:
    """Whether the columns that the feed requires are in the header, or among the keys of the first objects.

    Args:
        whole: ``head`` is all of the file, so its last line is complete.
    """
    if not feed.requires:
        return True
    try:
        text = head_as_text(head)
        if reader_of(feed, text) == "json":
            return _keys(text, feed).issuperset(feed.requires)
        lines = text if whole else text[: max(text.rfind("\n"), text.rfind("\r")) + 1]
        find_layout(lines, feed)
    except UnreadableFile:
        return False
    return True


def _keys(text: str, feed: Feed) -> set[str]:
    extractor = Extractor(feed)
    found = (item for piece in pieces(io.StringIO(text)) for item in extractor.records(piece))
    records = (item.record for item in found if item.record is not None)
    return set().union(*(extractor.present(record) for record in itertools.islice(records, _OBJECTS)))
