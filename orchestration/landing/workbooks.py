"""Excel workbooks as deliveries: which file is one, which sheets it holds, and one sheet as delimited text. No record is read.

Every sheet that holds anything becomes a member of the delivery, as the files in an archive do, hidden ones too: a feed is found
for each, and its records have the numbers that the rows of the sheet have. A sheet is text only while somebody reads it, so that
there is one reader of rows for both; the cells are taken apart by ``sheets``, in a process of its own.
"""

from __future__ import annotations

import json
import mmap
import subprocess
import sys
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from orchestration.core.files import sha256_text
from orchestration.landing import sheets
from orchestration.landing.sheets import DAMAGED, TOO_LARGE

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
STARTS = (b"PK\x03\x04", _OLE)
NOT_SUPPORTED = "workbook_kind_not_supported"
# A full sheet, 1,048,576 rows, of twenty filled columns takes half of it: 100 bytes a cell, measured.
_MEMORY = 4 << 30
_SECONDS = 1800  # a full sheet of twenty columns takes about three minutes on a slow machine
# Of the streams in an OLE file; longer names are met in other documents.
_XLS_STREAMS = ("Workbook\0".encode("utf-16-le"), "Book\0".encode("utf-16-le"))
_ENCRYPTED_STREAM = "EncryptedPackage".encode("utf-16-le")


class WorkbookError(Exception):
    """A workbook can't be read; the text is the reason code."""


def kind_of(path: Path) -> str | None:
    """``xlsx`` or ``xls`` for a workbook, whatever it is called; nothing for any other file.

    Raises:
        WorkbookError: it is one, of a kind that is not read, or it has a password.
    """
    with path.open("rb") as stream:
        head = stream.read(len(_OLE))
        if head == _OLE:
            with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
                if data.find(_ENCRYPTED_STREAM) >= 0:
                    raise WorkbookError(sheets.PASSWORD)
                return "xls" if any(data.find(name) >= 0 for name in _XLS_STREAMS) else None
    if not head.startswith(b"PK\x03\x04"):
        return None
    with suppress(zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, OSError), zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        if "[Content_Types].xml" in names and "xl/workbook.xml" in names:
            return "xlsx"
        if "xl/workbook.bin" in names or ("mimetype" in names and b"opendocument.spreadsheet" in archive.read("mimetype")[:100]):
            raise WorkbookError(NOT_SUPPORTED)
    return None


class Sheet(NamedTuple):
    """One sheet: its number among the tabs, its name, and why it can't be read."""

    number: int
    name: str
    reason: str | None = None


def sheets_of(path: Path, kind: str) -> list[Sheet]:
    """Every sheet that is to be read or told about, in the workbook's order.

    An empty sheet is nothing to tell; of a workbook without any other the first stands for it.

    Raises:
        WorkbookError: none of it can be read.
    """
    found: list[tuple[int, str, int, str | None]] = _ask(path, kind)["sheets"]
    if not found:
        raise WorkbookError(DAMAGED)
    filled = [Sheet(number, name, reason) for number, name, cells, reason in found if cells or reason]
    return filled or [Sheet(*found[0][:2])]


def write_sheet(path: Path, kind: str, sheet: str, target: Path, most: int | None = None) -> None:
    """Write one sheet as comma-separated UTF-8, row for row.

    Args:
        most: characters after which enough is written.

    Raises:
        WorkbookError: it can't be read.
    """
    _ask(path, kind, sheet=sheet, target=str(target), most=most)


def sheet_sha256(workbook: str, sheet: str) -> str:
    """What tells a sheet from every other one: of the workbook's bytes and its name there, for the text is made by a program
    whose next version may write a cell in another way.
    """
    return sha256_text(f"{workbook}\nsheet\n{sheet}")


def _ask(path: Path, kind: str, sheet: str | None = None, target: str | None = None, most: int | None = None) -> dict[str, Any]:
    order = {"book": str(path), "kind": kind, "sheet": sheet, "target": target, "most": most, "memory": _MEMORY}
    try:
        # -I and no environment: nothing of the caller's decides what is run, and a parser of strangers' bytes has no credentials.
        done = subprocess.run(  # noqa: S603  our own program
            [sys.executable, "-I", str(Path(sheets.__file__))],
            input=json.dumps(order).encode(),
            capture_output=True,
            timeout=_SECONDS,
            check=False,
            env={},
        )
    except subprocess.TimeoutExpired as error:
        raise WorkbookError(TOO_LARGE) from error
    if done.returncode or not done.stdout:
        # Rust has no exception for a table that does not fit: it says so and ends.
        raise WorkbookError(TOO_LARGE if b"memory allocation" in done.stderr else DAMAGED)
    said: dict[str, Any] = json.loads(done.stdout)
    if "refused" in said:
        raise WorkbookError(str(said["refused"]))
    return said
