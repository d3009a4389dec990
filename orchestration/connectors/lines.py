"""A list that a vendor gives as lines in one answer, as many as there are in the time asked for: window by window, as it comes.

Nothing in such an answer says where it could be taken up again, so the place is the beginning of a window. A window that breaks
off is asked for again from its beginning, by this pull or by the next: what came of it already comes twice, and is recognised.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from orchestration.connectors.blocks import PullBlock
from orchestration.connectors.contract import Batch
from orchestration.core.errors import PermanentError, TransientError
from orchestration.core.pace import ATTEMPTS, FIRST_PAUSE_SECONDS, Pace, Timer
from orchestration.http.calls import Call
from orchestration.http.client import Client

_PIECE = 1 << 20
"""Bytes handed on together."""
_LONGEST_LINE = 16 << 20  # a record has some kilobytes; what has no line end at all must not fill the memory
# An account that is new has years of nothing, and a busy one as much in a week as another in a year.
_LITTLE, _MUCH = 1 << 20, 256 << 20
_LONGEST_WINDOW, _SHORTEST_WINDOW = timedelta(days=512), timedelta(hours=6)
_AHEAD = timedelta(days=2)  # no zone and no clock cuts today off


@dataclass(frozen=True)
class Lines:
    """Where they are asked for."""

    client: Client
    call: Call
    parts: Mapping[str, str]
    parameters: Mapping[str, str]
    block: PullBlock
    timer: Timer


def in_windows(lines: Lines, place: str, since: datetime | None) -> Iterator[Batch]:
    """Everything from ``place`` on, or from ``since``, or from the vendor's beginning."""
    asked = lines.block.since
    assert asked is not None, "a block with lines has since"
    earliest = datetime(asked.earliest.year, asked.earliest.month, asked.earliest.day, tzinfo=UTC)
    begins = datetime.fromisoformat(place) if place else since or earliest
    ends = lines.timer.now().replace(microsecond=0) + _AHEAD
    span, anything = timedelta(days=asked.window_days), False
    while begins < ends:
        until, size = min(begins + span, ends), 0
        for content, records in _window(lines, begins, until):
            size += len(content)
            anything = True
            yield Batch(content, records, begins.isoformat())
        if until == ends and not anything:  # an answer all the same: the source is not silent
            yield Batch(b"[]", 0, until.isoformat())
        yield Batch(b"", 0, until.isoformat(), is_last=until == ends)
        begins = until
        span = max(span / 2, _SHORTEST_WINDOW) if size > _MUCH else min(span * 2, _LONGEST_WINDOW) if size < _LITTLE else span


def _window(lines: Lines, begins: datetime, until: datetime) -> Iterator[tuple[bytes, int]]:
    pace = Pace(None, lines.timer)
    for attempt in range(ATTEMPTS):
        try:
            yield from _answer(lines, begins, until)
            return
        except TransientError as error:
            if attempt == ATTEMPTS - 1:
                error.given_up = True
                raise
            pause = FIRST_PAUSE_SECONDS * 2**attempt if error.retry_after is None else error.retry_after
            pace.pause(pause, str(lines.call))


def _answer(lines: Lines, begins: datetime, until: datetime) -> Iterator[tuple[bytes, int]]:
    """The lines of one answer, some at a time."""
    asked = lines.block.since
    assert asked is not None, "a block with lines has since"
    parameters = {**lines.parameters, asked.parameter: asked.value(begins), asked.until: asked.value(until)}
    tried = f"Asking for {lines.call}"
    held: list[bytes] = []
    size, rest = 0, b""
    for chunk in lines.client.stream(lines.call, lines.parts, parameters=parameters):
        *whole, rest = (rest + chunk).split(b"\n")
        for line in filter(None, map(bytes.strip, whole)):
            if not _is_record(line, lines.block.lines):
                raise PermanentError(
                    tried,
                    seen="a line that is no record of it",
                    next_step="see whether the vendor changed its answers, or something between us and it answers in its place",
                )
            held.append(line)
            size += len(line)
        if len(rest) > _LONGEST_LINE:
            raise PermanentError(tried, seen="an answer without lines", next_step="see what answers at this address")
        if size >= _PIECE:
            yield b"\n".join(held), len(held)
            held, size = [], 0
    if last := rest.strip():
        if not _is_record(last, lines.block.lines):
            is_begun = last.startswith(b"{") and not last.endswith(b"}")
            kind = TransientError if is_begun else PermanentError
            seen = "an answer that ends within a record" if is_begun else "a line that is no record of it"
            raise kind(tried, seen=seen, next_step="see what answers at this address")
        held.append(last)
    if held:
        yield b"\n".join(held), len(held)


def _is_record(line: bytes, key: str) -> bool:
    """Whether it looks like one. What it says is the reader's business."""
    return line.startswith(b"{") and line.endswith(b"}") and f'"{key}"'.encode() in line
