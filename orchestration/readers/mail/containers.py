"""From a delivered file to single messages: mbox, one mail, JSON pages of raw mails. What a mail says is read elsewhere.

A file is cut while it is read, so memory holds one message. Line ends are made one kind first (CRLF, CR and CR CR LF, which
double conversion leaves), so that the same mail is the same whatever wrote it. A mail's own "From " lines: a line of an mbox
starts a message when it looks like an envelope (a sender, then a date or a clock) and a header follows; ``>From `` gets its mark
taken off, as mboxrd says and as mboxo's readers do.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_CHUNK = 1 << 20
# Servers take 25 to 50 MB with attachments; of a longer mail this much is read, and it is said that it was cut.
MOST_READ = 1 << 26
_HEADER = re.compile(rb"[!-9;-~]{1,80}[ \t]*:")
_CLOCK = re.compile(rb"\d{1,2}:\d\d|\b(?:19|20)\d\d\b")
# An envelope as programs write it: to its end nothing but a weekday, a date, a clock and a zone.
_ENVELOPE = re.compile(
    rb"From (?:\S.*?)?\s*\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),?\s+"
    rb"(?=[^\n]*\d:\d\d)(?=[^\n]*(?:19|20)\d\d)[A-Za-z0-9:+, ()-]{12,60}\s*$"
)
_LONGEST_ENVELOPE = 400
_QUOTED_FROM = re.compile(rb"(?m)^>(>*From )")
_RAW_KEYS = (
    "raw", "rawemail", "rawmessage", "bodymime", "mime", "eml", "rfc822", "message", "email", "content", "source", "data", "body",
)  # fmt: skip
_STARTS_LIKE_MAIL = re.compile(r"(?:From [^\n]*\n)?[!-9;-~]{1,80}[ \t]*:[^\n]*\n")


@dataclass(frozen=True)
class Raw:
    """One message as bytes with LF line ends, or why there is none."""

    content: bytes
    envelope: str = ""
    """The rest of its ``From `` line."""
    reason: str = ""
    detail: str = ""
    shown: str | None = None
    is_cut: bool = False


def _lf(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The chunks with LF for every kind of line end; what may be half of one waits for the next chunk."""
    held = b""
    for chunk in chunks:
        data = held + chunk
        ends = len(data) - len(data.rstrip(b"\r"))
        data, held = (data[:-ends], data[-ends:]) if ends else (data, b"")
        yield _as_lf(data)
    if held:
        yield _as_lf(held)


def _as_lf(data: bytes) -> bytes:
    if b"\r" not in data:
        return data
    return data.replace(b"\r\r\n", b"\n").replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            yield chunk


def _is_separator(line: bytes, following: bytes, *, after_blank: bool) -> bool:
    """Whether a line that begins with ``From `` starts a message."""
    has_header = _HEADER.match(following) is not None or following.startswith(b">From ")
    line = line[:_LONGEST_ENVELOPE]
    if _ENVELOPE.match(line):
        return after_blank or has_header
    return after_blank and has_header and _CLOCK.search(line) is not None


def messages(path: Path) -> Iterator[Raw]:
    """The messages of an mbox file, or the one of a file that holds a mail."""
    parts: list[bytes] = []
    size = 0
    envelope, is_mbox, seen, after_blank = "", False, False, True
    held = b""  # a "From " line that may start a message, until the next line is known

    def done() -> Raw:
        content = b"".join(parts)
        if is_mbox and b"From " in content:
            content = _QUOTED_FROM.sub(rb"\1", content)
        return Raw(content, envelope, is_cut=size > MOST_READ)

    def take(line: bytes) -> None:
        nonlocal size
        if size <= MOST_READ:
            parts.append(line)
        size += len(line)

    for line in _lines(_lf(_chunks(path))):
        if held:
            if _is_separator(held, line, after_blank=after_blank) and (is_mbox or not seen):
                if seen:
                    yield done()
                parts, size = [], 0
                envelope, is_mbox, seen = held[5:].decode("utf-8", "replace").strip(), True, True
            else:
                seen = True
                take(held)
            held = b""
            after_blank = False
        if line.startswith(b"From ") and (is_mbox or not seen):
            held = line
            continue
        after_blank = line == b"\n" or line.endswith(b"\n\n")
        if seen or line.strip():
            seen = True
            take(line)
    if held:
        seen = True
        take(held)
    if seen:
        yield done()


def _lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Runs of lines: a line that begins with ``From ``, and the line before and behind it, alone; the rest in one piece."""
    held = b""
    for chunk in chunks:
        data = held + chunk
        end = data.rfind(b"\n") + 1
        if not end and len(data) < MOST_READ:
            held = data
            continue
        end = end or len(data)
        yield from _runs(data[:end])
        held = data[end:]
    if held:
        yield from _runs(held)


def _runs(data: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(data):
        # The line that begins here goes alone: it may follow a "From " line of the piece before.
        first = data.find(b"\n", start) + 1 or len(data)
        yield data[start:first]
        start = first
        if data.startswith(b"From ", start):
            continue
        at = data.find(b"\nFrom ", start - 1 if start else 0)
        end = len(data) if at < 0 else at + 1
        if end <= start:
            continue
        # The last line before it goes alone, so that one sees whether it is blank.
        last = data.rfind(b"\n", start, end - 1) + 1 or start
        if last > start:
            yield data[start:last]
        yield data[last:end]
        start = end


def raw_of(record: Any) -> Raw:
    """The message that an object of a JSON page carries: as text, or in base64 of either alphabet."""
    if isinstance(record, dict):
        by_key = {re.sub("[^a-z0-9]", "", str(key).casefold()): value for key, value in record.items()}
        for key in _RAW_KEYS:
            value = by_key.get(key)
            if isinstance(value, dict):
                found = raw_of(value)
                if found.content:
                    return found
            if isinstance(value, str) and (content := _content_of(value)):
                return Raw(content, is_cut=len(content) > MOST_READ)
    elif isinstance(record, str) and (content := _content_of(record)):
        return Raw(content, is_cut=len(content) > MOST_READ)
    return Raw(b"", reason="no_raw_message", detail="It holds no raw mail: none of its values is one, as text or in base64.")


def _content_of(value: str) -> bytes:
    text = value.lstrip("\ufeff \t\r\n")
    if _STARTS_LIKE_MAIL.match(text.replace("\r\n", "\n").replace("\r", "\n")):
        return _as_lf(text.encode("utf-8", "surrogatepass"))
    packed = "".join(text.split())
    if not re.fullmatch(r"[A-Za-z0-9+/_-]{16,}={0,2}", packed):
        return b""
    try:
        content = base64.b64decode(packed.rstrip("=").translate({45: 43, 95: 47}) + "=" * (-len(packed.rstrip("=")) % 4))
    except (binascii.Error, ValueError):
        return b""
    content = _as_lf(content)
    return content if _STARTS_LIKE_MAIL.match(content[:4096].decode("latin-1")) else b""
