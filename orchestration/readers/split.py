"""From lines to records of fields: RFC 4180 with the deviations met in exports, and never losing a line.

What a column means is not known here. A record that can't be split is handed on as its first line alone, and reading goes
on at the next line: one quotation mark too many must not swallow the rest of a file.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, TextIO

from orchestration.readers.outcome import USUAL_BOUNDS, Bounds

_CHUNK = 1 << 20
_END_OF_LINE = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True)
class Dialect:
    """Delimiter and quotation mark; an empty text means there is none."""

    delimiter: str
    quote: str


class Record(NamedTuple):
    """One physical record. ``fields`` is null when its quotation marks make no sense, or when it is too long to be split."""

    fields: list[str] | None
    text: str
    lines: int
    too_long: bool = False
    """``text`` is only its beginning."""


def bounded_lines(stream: TextIO, longest: int) -> Iterator[str]:
    """The lines of a stream; of one that is longer only its first ``longest`` letters and one more, so that it shows.

    Slower than going over the stream itself, which would take a line of any size into memory.
    """
    begun = held = ""
    more = True
    while more:
        chunk = stream.read(_CHUNK)
        more = bool(chunk)
        text = held + chunk
        held = "\r" if more and text.endswith("\r") else ""  # perhaps the first half of a CRLF
        text = text[: len(text) - len(held)]
        at = 0
        for end in _END_OF_LINE.finditer(text):
            yield _cut(begun + text[at : end.end()], longest)
            begun, at = "", end.end()
        begun = (begun + text[at:])[: longest + 1]
    if begun:
        yield begun


def _cut(line: str, longest: int) -> str:
    body = without_end(line)
    return line if len(body) <= longest else body[: longest + 1]


class Splitter:
    """Iterates over the records of a file.

    Args:
        lines: the file's lines, each with its end (LF, CRLF or CR).
        stands_alone: asked of each further line of a record that spans several: would it make a whole record by itself?
            Then the quotation mark that joined them is a stray one, and the lines are records of their own.
        most_fields: what a record that spans lines may have. One with more was joined by stray marks; without a bound, each
            of its lines would be searched to the end of the longest record.
    """

    def __init__(
        self,
        lines: Iterator[str],
        dialect: Dialect,
        stands_alone: Callable[[str], bool] | None = None,
        bounds: Bounds = USUAL_BOUNDS,
        most_fields: int | None = None,
    ) -> None:
        self._lines, self._dialect, self._stands_alone = lines, dialect, stands_alone
        self._longest, self._most_fields = bounds.record, most_fields or bounds.columns
        self._back: deque[str] = deque()
        self._size = 0  # of the lines taken for the record that is being tried

    def __iter__(self) -> Iterator[Record]:
        delimiter, quote = self._dialect.delimiter, self._dialect.quote
        while (line := self._next()) is not None:
            body = without_end(line)
            if len(body) > self._longest:
                yield Record(None, body, 1, too_long=True)
            elif quote and quote in body:
                yield self._quoted(line)
            else:
                yield Record(body.split(delimiter) if delimiter else [body], body, 1)

    def _next(self) -> str | None:
        return self._back.popleft() if self._back else next(self._lines, None)

    def _quoted(self, line: str) -> Record:
        record = self._whole(line) or self._try(line, escape="")
        if record is None and f"\\{self._dialect.quote}" in line:
            record = self._try(line, escape="\\")  # as MySQL writes
        return record or Record(None, without_end(line), 1)

    def _whole(self, line: str) -> Record | None:
        """A record that one line holds and whose marks are as RFC 4180 has them, the common case, split in C."""
        delimiter, quote = self._dialect.delimiter, self._dialect.quote
        body = without_end(line)
        if f" {quote}" in body or body.startswith(" "):  # spaces before a mark may be decoration
            return None
        try:
            return Record(next(csv.reader((body,), delimiter=delimiter, quotechar=quote, strict=True)), body, 1)
        except csv.Error:
            return None

    def _try(self, line: str, escape: str) -> Record | None:
        """The record that starts with ``line``, or null, and then every line taken beyond it is given back."""
        taken = [line]
        fields = self._fields(taken, escape)
        if fields is not None and self._stands_alone and any(map(self._stands_alone, taken[1:])):
            fields = None
        if fields is None:
            self._back.extendleft(reversed(taken[1:]))
            return None
        return Record(fields, without_end("".join(taken)), len(taken))

    def _fields(self, taken: list[str], escape: str) -> list[str] | None:
        """Split the record that starts with the only line in ``taken``; further lines it needs are added there."""
        delimiter, quote = self._dialect.delimiter, self._dialect.quote
        fields: list[str] = []
        body = without_end(taken[0])
        self._size = len(taken[0])
        at = 0
        while True:
            start = at
            while body.startswith(" ", start):  # spaces around a quoted field are decoration
                start += 1
            if not body.startswith(quote, start):
                end = body.find(delimiter, at)
                fields.append(body[at:] if end < 0 else body[at:end])
                if end < 0:
                    return fields
                at = end + 1
                continue
            closed = self._close(body, start + 1, taken, escape)
            if closed is None:
                return None
            value, body, at = closed
            fields.append(value)
            if len(taken) > 1 and len(fields) > self._most_fields:
                return None
            while body.startswith(" ", at):
                at += 1
            if at == len(body):
                return fields
            if not body.startswith(delimiter, at):
                return None
            at += 1

    def _close(self, body: str, at: int, taken: list[str], escape: str) -> tuple[str, str, int] | None:
        """Read a quoted field from behind its opening mark, over further lines if need be.

        Returns:
            Its value, the line it ended in, and the place behind its closing mark; null when it never closes.
        """
        quote = self._dialect.quote
        parts: list[str] = []
        while True:
            mark = body.find(quote, at)
            if mark < 0:
                parts.append(body[at:] + taken[-1][len(without_end(taken[-1])) :])
                line = self._next()
                if line is None:
                    return None
                taken.append(line)
                body, at = without_end(line), 0
                self._size += len(line)
                if self._size - (len(line) - len(body)) > self._longest:
                    return None
            elif escape and (mark - len(body[at:mark].rstrip(escape)) - at) % 2:
                parts.append(body[at : mark - 1] + quote)
                at = mark + 1
            elif body.startswith(quote, mark + 1):
                parts.append(body[at : mark + 1])
                at = mark + 2
            else:
                parts.append(body[at:mark])
                value = "".join(parts)
                return value.replace(escape * 2, escape) if escape else value, body, mark + 1


def without_end(line: str) -> str:
    """A line without the one end of line that closes it."""
    if line.endswith("\r\n"):
        return line[:-2]
    return line[:-1] if line.endswith(("\n", "\r")) else line
