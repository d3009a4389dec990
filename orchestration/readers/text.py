"""From bytes to UTF-8: which encoding a file is in, and a UTF-8 copy where it is another. No record is known here."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from orchestration.readers.outcome import UnreadableFile

_CHUNK = 1 << 22  # 4 MiB: decoding and counting are at their fastest from here on
_SAMPLE = 1 << 16
_LONGEST_LINE = 1 << 26  # 64 MiB: a longer line is decoded in pieces
# The longer mark first: UTF-32's little-endian one starts with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# In UTF-16 text of most languages nearly every second byte is 0; in no text of one byte per letter is a tenth.
_UTF16_SHARE, _OTHER_SHARE = 0.4, 0.1
# Of ten lines with other than ASCII letters at least one is UTF-8, or the file is taken to be in the other encoding.
_JOINED_SHARE = 10
# Documents that arrive under a name that promises text.
_NOT_TEXT = (
    (b"PK\x03\x04", "a spreadsheet or a ZIP file; export it as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old Office file; export it as CSV"),
    (b"%PDF", "a PDF file; ask for CSV or JSON"),
    (b"PAR1", "a Parquet file; ask for CSV or JSON"),
)
_HTML = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype html|html|head|meta|style|body|div|table)\b", re.IGNORECASE)
# What many systems export under .xls; Excel opens it, after a warning.
_HTML_TABLE = re.compile(rb"<table\b", re.IGNORECASE)
_XML_WORKBOOK = re.compile(rb"(?:\xef\xbb\xbf)?\s*<\?xml.{0,1000}<(?:\w+:)?Workbook\b", re.DOTALL)
_CONTROL = bytes(set(range(32)) - {0, 9, 10, 12, 13, 26, 27, 30})  # 26 ends DOS files, 27 shifts, 30 separates JSON texts


@dataclass(frozen=True)
class Utf8Text:
    """A file that can be read as UTF-8, with what it was before."""

    path: Path
    encoding: str
    has_mark: bool
    """The file at ``path`` starts with a byte order mark."""


@contextmanager
def as_utf8(path: Path, folder: Path, forced: str | None = None) -> Iterator[Utf8Text]:
    """The file as UTF-8: itself where it is that already, else a copy in ``folder`` that is gone when the block ends.

    Tried in this order: the byte order mark; the zero bytes of UTF-16 without one; UTF-8 as a whole. What is none of
    these is decoded line by line: UTF-8 where enough lines are, else cp1252, else latin-1, which accepts any byte.

    Raises:
        UnreadableFile: it is no text, or not in the ``forced`` encoding.
    """
    with path.open("rb") as stream:
        sample = stream.read(_SAMPLE)
    _refuse_what_is_no_text(sample)
    mark, encoding = next(((mark, name) for mark, name in _MARKS if sample.startswith(mark)), (b"", ""))
    encoding = forced or encoding or _utf16_without_mark(sample)
    if encoding in ("", "utf-8") and _is_utf8(path):
        yield Utf8Text(path, "utf-8", bool(mark))
        return
    copy = folder / "utf8"
    try:
        with path.open("rb") as source, copy.open("wb") as target:
            source.seek(len(mark))
            if encoding not in ("", "utf-8"):
                _transcode(source, target, encoding, strict=forced is not None)
            else:
                encoding = _transcode_lines(source, target)
        yield Utf8Text(copy, encoding, has_mark=False)
    finally:
        copy.unlink(missing_ok=True)


def head_as_text(head: bytes) -> str:
    """The start of a file as text, by the same rules; a character cut off at its end is dropped."""
    _refuse_what_is_no_text(head)
    mark, encoding = next(((mark, name) for mark, name in _MARKS if head.startswith(mark)), (b"", ""))
    encoding = encoding or _utf16_without_mark(head) or "utf-8"
    try:
        return codecs.getincrementaldecoder(encoding)().decode(head[len(mark) :])
    except UnicodeDecodeError:
        return head[len(mark) :].decode("cp1252", errors="replace")


def _refuse_what_is_no_text(sample: bytes) -> None:
    for start, what in _NOT_TEXT:
        if sample.startswith(start):
            raise UnreadableFile(f"The file is {what}.")
    if _XML_WORKBOOK.match(sample):
        raise UnreadableFile("The file is a workbook written as XML; open it in Excel and save it as .xlsx or CSV.")
    if _HTML.match(sample):
        if _HTML_TABLE.search(sample):
            raise UnreadableFile("The file is a web page with a table; open it in Excel and save it as .xlsx or CSV.")
        raise UnreadableFile("The file is a web page, probably an error page or a log-in form.")
    controls = len(sample) - len(sample.translate(None, _CONTROL))
    # Real exports hold none; one in twenty is far above any damage and below any binary format.
    if controls > len(sample) // 20 and not sample.startswith(tuple(mark for mark, _ in _MARKS)):
        raise UnreadableFile("The file is no text: more than one in twenty of its first bytes is a control character.")


def _utf16_without_mark(sample: bytes) -> str:
    even, odd = sample[::2], sample[1::2]
    if not odd:
        return ""
    even_share, odd_share = even.count(0) / len(even), odd.count(0) / len(odd)
    if odd_share > _UTF16_SHARE and even_share < _OTHER_SHARE:
        return "utf-16-le"
    if even_share > _UTF16_SHARE and odd_share < _OTHER_SHARE:
        return "utf-16-be"
    return ""


def _is_utf8(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                if decoder.getstate()[0] or not chunk.isascii():
                    decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _transcode(source: BinaryIO, target: BinaryIO, encoding: str, *, strict: bool) -> None:
    try:
        # A character cut off at the end of a UTF-16 file becomes U+FFFD: the record it is in is still worth reading.
        decoder = codecs.getincrementaldecoder(encoding)("strict" if strict else "replace")
        while chunk := source.read(_CHUNK):
            target.write(decoder.decode(chunk).encode())
        target.write(decoder.decode(b"", final=True).encode())
    except (UnicodeError, LookupError) as error:
        raise UnreadableFile(f"The file is not in the encoding {encoding} that its feed says.") from error


def _transcode_lines(source: BinaryIO, target: BinaryIO) -> str:
    start = source.tell()
    as_utf8, as_other = 0, 0
    while line := source.readline(_LONGEST_LINE):
        if not line.isascii():
            is_utf8 = _decoded(line, ("utf-8",))[1] == "utf-8"
            as_utf8, as_other = as_utf8 + is_utf8, as_other + (not is_utf8)
    # A few lines that happen to be valid UTF-8 are no joined file: "ß€" in cp1252 is a letter of N'Ko in UTF-8.
    encodings = ("utf-8", "cp1252") if as_utf8 * _JOINED_SHARE >= as_other else ("cp1252",)
    source.seek(start)
    seen = set()
    while line := source.readline(_LONGEST_LINE):
        text, encoding = _decoded(line, encodings)
        target.write(text.encode())
        if not line.isascii():
            seen.add(encoding)
    return "+".join(sorted(seen))


def _decoded(line: bytes, encodings: tuple[str, ...]) -> tuple[str, str]:
    for encoding in encodings:
        try:
            return line.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    return line.decode("latin-1"), "latin-1"  # which has a letter for every byte
