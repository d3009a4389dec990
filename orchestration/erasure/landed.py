"""Taking contact points out of landed files, byte by byte, so that every record stays the record it was.

In the place of an identifier stands the token of its tombstone, in the place of the name and the street beside it a text that is
the same for the same name. All other bytes stay. The new bytes lie under their own hash; the journal of erasures says what became
of the old ones, and then they go. Which bytes those are is looked for in what was delivered, not in what was understood of it:
also a record that no reader took holds somebody's address.

Files in which single bytes cannot be replaced (archives, workbooks, mail in an encoding) are not touched: whoever holds one is
told before anything is changed.
"""

from __future__ import annotations

import base64
import json
import mmap
import os
import quopri
import re
import tempfile
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestration.core.config import Config
from orchestration.core.files import flush_to_disk, sha256_file, sync_folder
from orchestration.core.home import PRIVATE_FOLDER, Home
from orchestration.core.journal import erasures_log
from orchestration.core.tombstones import Tombstone
from orchestration.erasure.points import Point, pattern
from orchestration.landing import sealing
from orchestration.landing.archives import clear_unpacked, landed_path, open_member
from orchestration.landing.manifest import Entry, Member, read_manifest
from orchestration.landing.redactions import drop, now_at

_WIDE = ("utf-16", "utf-32")
TEXT_START = 1 << 12
_BEFORE_JSON = b"\xef\xbb\xbf \t\r\n"
_ENCODED = re.compile(rb"(?im)^content-transfer-encoding:\s*(?:base64|quoted-printable)|=\?[^?\s]+\?[bq]\?")
_BASE64 = re.compile(rb"(?:^[A-Za-z0-9+/=]{16,}\r?\n)+[A-Za-z0-9+/=]*", re.MULTILINE)
_WORD = re.compile(rb"=\?[^?\s]+\?(?:[bB]\?([^?\s]*)|[qQ]\?([^?\s]*))\?=")
_QUOTED = re.compile(rb"=(?:\r?\n|[0-9A-Fa-f]{2})")
_ADDRESS_BYTES = 512  # on either side: an address has at most 254, each perhaps of three bytes
_MAIL = re.compile(
    rb"From |(?:Received|Return-Path|Delivered-To|Message-ID|Date|Subject|To|From|MIME-Version|DKIM-Signature|X-[\w-]+):",
    re.IGNORECASE,
)
_STRUCTURE = re.compile(
    rb'"(?:[^"\\]|\\.)*"|[{}\[\]]', re.DOTALL
)  # of JSON: strings, in which brackets mean nothing, and brackets
_NEXT_MAIL = b"\n\nFrom "  # in a mailbox
_RECORD = 1 << 16  # bytes around an identifier within which its record is looked for: a record is at most some kilobytes


@dataclass(frozen=True)
class Names:
    """The other things that say who it was, in the records that hold the contact points, and what stands for each."""

    texts: Mapping[str, str]

    def written(self) -> dict[bytes, bytes]:
        """As they may stand in a file: in UTF-8, in one byte a letter, escaped as in JSON."""
        found: dict[bytes, bytes] = {}
        for text, instead in self.texts.items():
            for bytes_ in (text.encode(), text.encode("cp1252", "ignore"), json.dumps(text)[1:-1].encode()):
                if len(bytes_) >= len(text):  # else a letter was left out
                    found.setdefault(bytes_, instead.encode())
        return found


@dataclass(frozen=True)
class Range:
    """Bytes ``start`` to ``stop`` of the file before became ``length`` bytes."""

    start: int
    stop: int
    with_: bytes

    def as_list(self) -> list[int]:
        return [self.start, self.stop, len(self.with_)]


@dataclass(frozen=True)
class Found:
    """A delivery that names one of them."""

    entry: Entry
    members: tuple[str, ...]
    """Titles of the files in it that do."""
    can_redact: bool
    why_not: str = ""


def find(home: Home, points: Sequence[Point], of_registry: Callable[[Entry], bool]) -> list[Found]:
    """Every delivery that names one of the points, each set of bytes once. Copies of registries are their publisher's lists and
    no word of the person's: they are left out.
    """
    wanted, seen, found = pattern(points), set[str](), []
    for entry in read_manifest(home):
        if entry.sha256 in seen or of_registry(entry):
            continue
        seen.add(entry.sha256)
        titles, why = list[str](), ""
        for member in entry.members:
            with open_member(home, entry, member) as path:
                if _names(path, wanted):
                    titles.append(member.title)
                    if not _is_whole(entry, member):
                        why = _IN_AN_ARCHIVE
                    elif _is_hidden(path, wanted):
                        why = _IN_AN_ENCODING
        if not titles and entry.rejected:
            with sealing.opened(home, landed_path(home, entry.sha256)) as path:
                if _names(path, wanted):  # what nobody could open may still show somebody
                    found.append(Found(entry, (entry.name,), can_redact=False, why_not="it could not be read when it came"))
                    continue
        if titles:
            found.append(Found(entry, tuple(titles), can_redact=not why, why_not=why))
    return found


_IN_AN_ARCHIVE = "it is an archive or a workbook, of which single cells cannot be rewritten"
_IN_AN_ENCODING = (
    "it is mail that names them in an encoding (base64, quoted-printable), of which single letters cannot be rewritten"
)


def _is_hidden(path: Path, wanted: re.Pattern[bytes]) -> bool:
    """Whether it names them in an encoding, beside what stands there in plain letters."""
    with mapped(path) as data:
        return not wide(data[:TEXT_START]) and any(
            wanted.search(decoded) is not None and wanted.search(as_it_stands) is None for as_it_stands, decoded in _encoded(data)
        )


def _is_whole(entry: Entry, member: Member) -> bool:
    return member.sheet is None and member.sha256 == entry.sha256


def _names(path: Path, wanted: re.Pattern[bytes]) -> bool:
    with mapped(path) as data:
        return any(wanted.search(part) is not None for part in readable(data))


def readable(data: bytes | mmap.mmap) -> Iterator[Any]:
    """The bytes as a search can read them: as they lie, and what is hidden in them."""
    if codec := wide(data[:TEXT_START]):
        yield bytes(data).decode(codec, "replace").encode()
        return
    yield data
    for _, decoded in _encoded(data):
        yield decoded


def _encoded(data: Any) -> Iterator[tuple[bytes, bytes]]:
    """What mail carries in an encoding, as it stands and decoded: parts in base64 or quoted-printable, and headers of such
    words."""
    if _ENCODED.search(data) is None:
        return
    for block in _BASE64.finditer(data):
        with suppress(ValueError):
            yield b"", base64.b64decode(re.sub(rb"\s", b"", block[0]) + b"==")
    for word in _WORD.finditer(data):
        with suppress(ValueError):
            yield b"", base64.b64decode(word[1] + b"==") if word[1] else quopri.decodestring(word[2], header=True)
    for match in _QUOTED.finditer(data):
        around = bytes(data[max(0, match.start() - _ADDRESS_BYTES) : match.end() + _ADDRESS_BYTES])
        yield around, quopri.decodestring(around)


def wide(start: bytes) -> str | None:
    """The codec of a text whose letters have several bytes each."""
    for mark, codec in (
        (b"\xff\xfe\0\0", "utf-32"),
        (b"\0\0\xfe\xff", "utf-32"),
        (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"),
    ):
        if start.startswith(mark):
            return codec
    # Of letters of two bytes one is zero, and always the same of the two; a database is full of zeros.
    first, second = start[0::2], start[1::2]
    for zeros, letters, codec in ((second, first, "utf-16-le"), (first, second, "utf-16-be")):
        if len(letters) >= 2 and zeros.count(b"\0") * 2 > len(zeros) and letters.count(b"\0") * 20 < len(letters):
            return codec
    return None


class mapped:
    """A file's bytes without reading it into memory; an empty file cannot be mapped."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Any:
        self._stream = self._path.open("rb")
        size = os.fstat(self._stream.fileno()).st_size
        self._map = mmap.mmap(self._stream.fileno(), 0, access=mmap.ACCESS_READ) if size else None
        return self._map if self._map is not None else b""

    def __exit__(self, *_: object) -> None:
        if self._map is not None:
            self._map.close()
        self._stream.close()


def redact(
    home: Home,
    config: Config,
    found: Found,
    points: Sequence[Point],
    stones: Sequence[Tombstone],
    names: Names,
    erasure: str,
) -> bool:
    """Rewrite one landed file without them. False when nothing of them is in it any more.

    The new file is whole and durable before the journal says so, and the old one goes after that: killed in between, the next
    call finds the old one again, or removes what nothing leads to.
    """
    sha256 = now_at(home, found.entry.sha256)[0]
    plain = home.landing / sha256[:2] / sha256
    with sealing.opened(home, plain) as path, mapped(path) as data:
        ranges = ranges_of(data, points, stones, names)
        if not ranges:
            return False
        size_before = len(data)
        temporary = _written(home, data, ranges)
    try:
        after, size_after = sha256_file(temporary), temporary.stat().st_size
        target = home.landing / after[:2] / after
        target.parent.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
        sync_folder(home.landing)
        sealing.place(home, config, temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    log = erasures_log(home)
    with log.alone():
        log.add(
            home,
            {
                "entry": "redacted",
                "id": erasure,
                "delivery": found.entry.seq,
                "before": sha256,
                "after": after,
                "size_before": size_before,
                "size_after": size_after,
                "ranges": [item.as_list() for item in ranges],
            },
        )
    drop(home, sha256)
    return True


def finish(home: Home) -> None:
    """Remove what a killed redaction left: bytes that it had replaced, and its own unfinished ones."""
    for leftover in home.landing.glob(f"{sealing.INCOMING}*"):
        leftover.unlink()
    clear_unpacked(home)
    for entry in erasures_log(home).entries():
        if entry["entry"] == "redacted" and now_at(home, entry["before"])[0] != entry["before"]:
            drop(home, entry["before"])


def ranges_of(data: Any, points: Sequence[Point], stones: Sequence[Tombstone], names: Names) -> list[Range]:
    """What of the bytes is replaced by what, in order and without overlap."""
    codec = wide(data[:TEXT_START])
    if codec is not None:
        # Letters of two or four bytes: the whole file is written again.
        text = bytes(data).decode(codec, "surrogatepass")
        narrow = text.encode("utf-8", "surrogatepass")
        inner = ranges_of(narrow, points, stones, names)
        if not inner:
            return []
        again = _applied(narrow, inner).decode("utf-8", "surrogatepass")
        return [Range(0, len(data), _in_codec(again, codec, bytes(data[:4])))]
    instead = names.written()
    others = _other_texts(instead)
    ranges: list[Range] = []
    for match in pattern(points).finditer(data):
        index = next(number for number in range(len(points)) if match[f"{points[number].identifier_type}{number}"] is not None)
        start, stop = match.span()
        ranges.append(Range(start, stop, _token(data, start, stop, stones[index])))
    spans: list[Range] = []
    if others is not None and ranges:
        for first, last in set(_records_around(data, [(item.start, item.stop) for item in ranges])):
            spans += [
                Range(first + name.start(), first + name.end(), instead[name[0]]) for name in others.finditer(data[first:last])
            ]
    # A name within an address is a part of it; and a record of two contact points was looked through twice.
    taken = sorted(ranges, key=lambda item: item.start)
    ranges += [item for item in set(spans) if not _overlaps(item, taken)]
    return sorted(ranges, key=lambda item: item.start)


def _overlaps(item: Range, taken: Sequence[Range]) -> bool:
    at = bisect_left(taken, item.stop, key=lambda other: other.start)
    return at > 0 and taken[at - 1].stop > item.start


def _in_codec(text: str, codec: str, start: bytes) -> bytes:
    if codec in _WIDE:  # its mark says which of the two orders
        little = start.startswith(b"\xff\xfe")
        return (
            text.encode(f"{codec}-{'le' if little else 'be'}", "surrogatepass")
            if text.startswith("\ufeff")
            else (("\ufeff" + text).encode(f"{codec}-{'le' if little else 'be'}", "surrogatepass"))
        )
    return text.encode(codec, "surrogatepass")


def _token(data: Any, start: int, stop: int, stone: Tombstone) -> bytes:
    token = stone.token.encode()
    if stone.identifier_type == "email":
        return token
    before = bytes(data[max(0, start - 16) : start]).rstrip()
    # A number of JSON's has no quotes, and no plus either.
    return token[1:] if before.endswith((b":", b"[")) and data[start : start + 1].isdigit() else token


def _other_texts(instead: Mapping[bytes, bytes]) -> re.Pattern[bytes] | None:
    """Finds names and streets as they were read. One of several words is found anywhere in the record; a single word, which may
    be any word, only where it is all of a cell or of a text.
    """
    parts = []
    for text in sorted(instead, key=len, reverse=True):  # the whole name before its parts
        if b" " in text:
            parts.append(rb"(?<![\w@+\-.])" + re.escape(text) + rb"(?![\w@+\-]|\.\w)")
        else:
            parts.append(rb"(?:\A|(?<=[\",;|\t\n\r'])|(?<=[,;|] ))" + re.escape(text) + rb"(?=[\",;|\t\n\r']|\Z)")
    return re.compile(b"|".join(parts)) if parts else None


def _records_around(data: Any, spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Where the record of each identifier begins and ends: its object, its mail, else its line."""
    start = bytes(data[:TEXT_START]).lstrip(_BEFORE_JSON)
    if start.startswith((b"{", b"[")):
        objects = _objects_around(data, [first for first, _ in spans])
        return [found or _line_around(data, *span) for found, span in zip(objects, spans, strict=True)]
    around = _mail_around if _MAIL.match(data) else _line_around
    return [around(data, *span) for span in spans]


def _line_around(data: Any, start: int, stop: int) -> tuple[int, int]:
    low, high = max(0, start - _RECORD), min(len(data), stop + _RECORD)
    before, after = data[low:start].rfind(b"\n"), data[stop:high].find(b"\n")
    return low + before + 1, stop + after if after >= 0 else high


def _mail_around(data: Any, start: int, stop: int) -> tuple[int, int]:
    low, high = max(0, start - _RECORD), min(len(data), stop + _RECORD)
    before, after = data[low:start].rfind(_NEXT_MAIL), data[stop:high].find(_NEXT_MAIL)
    return low + max(before, 0), stop + after if after >= 0 else high


def _objects_around(data: Any, starts: Sequence[int]) -> list[tuple[int, int] | None]:
    """The record's object around each position: where a line is a value of its own the whole of it, else the item of the
    outermost list of objects.
    """
    line = bytes(data[: data[:_RECORD].find(b"\n") + 1]).lstrip(_BEFORE_JSON[:3])
    try:
        is_lines = isinstance(json.loads(line), dict)
    except ValueError:
        is_lines = False
    found: list[tuple[int, int] | None] = [None] * len(starts)
    open_: list[tuple[bytes, int]] = []
    waiting: list[tuple[int, int]] = []  # how deep the record's object opens, and which position it is of
    at = 0
    for token in _STRUCTURE.finditer(data):
        while at < len(starts) and starts[at] < token.end():
            if (depth := _depth_of_record([sign for sign, _ in open_], is_lines)) is not None:
                waiting.append((depth, at))
            at += 1
        sign = token[0][:1]
        if sign in (b"{", b"["):
            open_.append((sign, token.start()))
        elif sign in (b"}", b"]") and open_:
            _, began = open_.pop()
            for depth, index in waiting:
                if depth == len(open_):
                    found[index] = began, token.end()
            waiting = [(depth, index) for depth, index in waiting if depth != len(open_)]
        if at == len(starts) and not waiting:
            break
    return found


def _depth_of_record(signs: Sequence[bytes], is_lines: bool) -> int | None:
    if not signs:
        return None
    if not is_lines:
        for depth in range(len(signs) - 1):
            if signs[depth] == b"[" and signs[depth + 1] == b"{":
                return depth + 1
    return 0 if signs[0] == b"{" else None


def _applied(data: Any, ranges: Sequence[Range]) -> bytes:
    return b"".join(_pieces(data, ranges))


def _pieces(data: Any, ranges: Sequence[Range]) -> Iterator[bytes]:
    at = 0
    for item in ranges:
        while at < item.start:
            step = min(item.start, at + (1 << 20))
            yield bytes(data[at:step])
            at = step
        yield item.with_
        at = item.stop
    while at < len(data):
        yield bytes(data[at : at + (1 << 20)])
        at += 1 << 20


def _written(home: Home, data: Any, ranges: Sequence[Range]) -> Path:
    handle, name = tempfile.mkstemp(prefix=sealing.INCOMING, dir=home.landing)
    with os.fdopen(handle, "wb") as stream:
        for piece in _pieces(data, ranges):
            stream.write(piece)
        flush_to_disk(stream)
    return Path(name)
