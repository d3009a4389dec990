"""From JSON-ish text to values: arrays, lines, objects one after another, and what is broken between them.

Numbers stay text. A value that can't be parsed is handed on as it stands and reading goes on behind it; every letter of
the file is in exactly one value, one broken piece or a separator. Which value is a record is decided elsewhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import numpy as np

from orchestration.readers.outcome import USUAL_BOUNDS, Bounds

_CHUNK = 1 << 20
_BYTES = 1 << 22
_SEPARATORS = re.compile("[\\s,\ufeff\x1e\x00]*")  # 1e starts records in RFC 7464 sequences
_TOKENS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]"]', re.DOTALL)
_NEXT_OBJECT = re.compile(r"[}\]]\s*,?\s*(?=\{)")
_NEXT_START = re.compile(r"[\n{\[]")


class Number(str):
    """A number, with the digits that were delivered."""

    __slots__ = ()


class Repeated(dict[str, Any]):
    """An object that names a key twice: parsers differ in which one they keep."""

    pairs: list[tuple[str, Any]]


class Piece(NamedTuple):
    """A parsed value, or a broken piece with its reason."""

    value: Any
    text: str
    reason: str | None = None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) == len(pairs):
        return value
    repeated = Repeated(reversed(pairs))
    repeated.pairs = pairs
    return repeated


# strict=False: line ends inside texts are no valid JSON, but there is no doubt about what is meant.
_DECODER = json.JSONDecoder(parse_float=Number, parse_int=Number, parse_constant=Number, object_pairs_hook=_object, strict=False)


def pieces(stream: TextIO, bounds: Bounds = USUAL_BOUNDS) -> Iterator[Piece]:
    """The values of a stream; those of an outermost array one by one."""
    return _Window(stream, bounds).pieces()


class _Window:
    """A stretch of the file, long enough for one value."""

    def __init__(self, stream: TextIO, bounds: Bounds) -> None:
        self._stream, self._bounds = stream, bounds
        self._text = ""
        self._at = 0
        self._ended = False
        self._in_array = False

    def pieces(self) -> Iterator[Piece]:
        while True:
            separator = _SEPARATORS.match(self._text, self._at)
            # The indentation of a value tells where the next one starts, should this one be broken.
            indent = self._text[self._at : separator.end()].rpartition("\n")[2] if separator else ""
            self._at = separator.end() if separator else self._at
            if self._at == len(self._text):
                if self._more():
                    continue
                break
            first = self._text[self._at]
            if first == ("]" if self._in_array else "["):
                self._in_array = not self._in_array
                self._at += 1
                continue
            yield self._one(indent)
        if self._in_array:
            yield Piece(None, "", "truncated")

    def _more(self) -> bool:
        if self._ended:
            return False
        # Twice as much each time, so that a long value is not parsed from its start once per chunk.
        chunk = self._stream.read(max(_CHUNK, len(self._text) - self._at))
        self._ended = not chunk
        if chunk:
            self._text, self._at = self._text[self._at :] + chunk, 0
        return not self._ended

    def _one(self, indent: str) -> Piece:
        while True:
            reason = "not_json"
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except RecursionError:
                reason = "too_deep"
            except ValueError:
                pass
            else:
                if end < len(self._text) or not self._more():  # a number at the edge may go on behind it
                    return self._cut(end, value)
                continue
            if len(self._text) - self._at > self._bounds.json_value or not self._more():
                break
        end = self._end_of_broken(indent)
        if end == len(self._text) and reason == "not_json" and self._text[self._at] in "{[":
            reason = "truncated" if self._ended else "too_long"
        return self._cut(end, None, reason)

    def _cut(self, end: int, value: Any, reason: str | None = None) -> Piece:
        text = self._text[self._at : end]
        self._at = end
        deepest = self._bounds.json_depth
        if reason is None and len(text) > self._bounds.json_value:
            return Piece(None, text, "too_long")
        if reason is None and text.count("{") + text.count("[") > deepest and _depth(value) > deepest:
            return Piece(None, text, "too_deep")
        return Piece(value, text, reason)

    def _end_of_broken(self, indent: str) -> int:
        """Where to go on after a value that can't be parsed.

        Where its brackets close, or at a line that starts as this one did, whichever comes first; if neither is found,
        before the next object that can be parsed.
        """
        text, at = self._text, self._at
        if text[at] not in "{[":
            found = _NEXT_START.search(text, at + 1)
            return found.start() if found else len(text)
        following = None
        if not indent.strip(" \t"):
            following = re.compile(rf"\n(?={re.escape(indent)}[{{\[\]])").search(text, at)
        # Looked for in this value's lines only: over a file of broken lines, each search to its end would take days.
        end = following.start() if following else len(text)
        closed = _close(text, at, end, self._bounds.json_depth)
        if closed is not None:
            return closed
        if following:
            return end
        for found in _NEXT_OBJECT.finditer(text, at):
            try:
                _DECODER.raw_decode(text, found.end())
            except (ValueError, RecursionError):
                continue
            return found.start() + 1
        return len(text)


def _close(text: str, at: int, end: int, deepest: int) -> int | None:
    """The place before ``end`` and behind the bracket that closes the one at ``at``, texts left out of account."""
    depth = 0
    for token in _TOKENS.finditer(text, at, end):
        letter = token[0][0]
        if letter == '"':
            if len(token[0]) == 1:
                return None  # a text that never ends
            continue
        depth += 1 if letter in "{[" else -1
        if depth == 0:
            return token.end()
        if depth > deepest:
            return None  # brackets that never close, one value after the other
    return None


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level:
        depth += 1
        level = [
            child
            for item in level
            for child in (item.values() if isinstance(item, dict) else item)
            if isinstance(child, (dict, list))
        ]
    return depth


def as_text(value: Any) -> str | None:
    """A value as the raw tables hold it: texts and numbers as delivered, nested values as JSON, null as null."""
    if value is None or (isinstance(value, str)):
        return value
    return to_json(value)


def to_json(value: Any) -> str:
    """JSON without spaces, numbers with the digits that were delivered."""
    if isinstance(value, Number):
        return value
    if isinstance(value, dict):
        pairs = value.pairs if isinstance(value, Repeated) else value.items()
        return "{" + ",".join(f"{json.dumps(key, ensure_ascii=False)}:{to_json(item)}" for key, item in pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(to_json, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True)
class JsonShape:
    """Counts over a file's bytes, independent of any parser; exact where the file is well-formed."""

    objects: int
    """Objects that stand at the top or directly in an outermost array."""
    depth: int
    regular: bool
    """Brackets and quotation marks balance, and no text holds a zero character."""


def json_shape_of(path: Path) -> JsonShape:
    """Count objects and depth in one pass."""
    step = np.zeros(256, np.int32)
    step[[ord("{"), ord("[")]] = 1
    step[[ord("}"), ord("]")]] = -1
    objects = depth = deepest = marks = 0
    outermost = 0  # the bracket that is open at the top
    regular = True
    with path.open("rb") as stream:
        while chunk := stream.read(_BYTES):
            while chunk.endswith(b"\\") and (more := stream.read(1)):
                chunk += more
            if b"\\" in chunk:
                regular = regular and b"\\u0000" not in chunk
                chunk = chunk.replace(b"\\\\", b"  ").replace(b'\\"', b"  ")
            data = np.frombuffer(chunk, np.uint8)
            places = np.flatnonzero(step[data])
            quotes = np.flatnonzero(data == ord('"'))
            places = places[(np.searchsorted(quotes, places) + marks) % 2 == 0]
            marks += len(quotes)
            if not len(places):
                continue
            brackets = data[places]
            steps = step[brackets]
            after = np.cumsum(steps) + depth
            opens = steps == 1
            tops = np.flatnonzero(opens & (after == 1))
            # Per bracket the one that is open at the top around it: the last top before it, or the chunk's before.
            around = np.concatenate([[outermost], brackets[tops]])[np.searchsorted(tops, np.arange(len(places)), side="right")]
            curly = opens & (brackets == ord("{"))
            objects += int(np.count_nonzero(curly & ((after == 1) | ((after == 2) & (around == ord("["))))))
            deepest = max(deepest, int(after.max()))
            regular = regular and int(after.min()) >= 0
            depth, outermost = int(after[-1]), int(around[-1])
    return JsonShape(objects, deepest, regular and depth == 0 and marks % 2 == 0)
