"""The sheets of one workbook as delimited text: a program of its own, which knows nothing of the rest.

It runs in a process of its own (``workbooks`` starts it), because what a workbook unpacks to is known only by unpacking it: a
parser that dies of a hostile file, or of one cell in the last row and column, must not take the run with it.

A kept parser reads the cells. An ``.xlsx`` is gone through a second time by expat, which counts the filled cells: python-calamine
gives an empty text for a cell that holds an error, for a formula that no program has calculated and for CDATA, and takes a sheet
in UTF-16 for an empty one. An opt-out must not vanish so: counts that differ are an error, and the errors and formulas are put in
as they stand: ``#N/A``, ``=A1&B1``.
"""

from __future__ import annotations

import csv
import datetime as dt
import functools
import json
import posixpath
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.parsers import expat

DAMAGED, PASSWORD, TOO_LARGE = "workbook_damaged", "workbook_password", "workbook_too_large"
_READ = 1 << 20
_CELL_BYTES = 33  # of one place in calamine's table, filled or not, measured
_WORKBOOK = "xl/workbook.xml"
# A double holds more, but Excel keeps 15 significant digits: what is longer was cut when it was typed, so it gets an exponent,
# which no reader of numbers to call takes for one.
_EXACT_BELOW = 10**15
_LONGEST_FORMULA = 200  # shown in the place of the value that it never had
_ERRORS = {0x00: "#NULL!", 0x07: "#DIV/0!", 0x0F: "#VALUE!", 0x17: "#REF!", 0x1D: "#NAME?", 0x24: "#NUM!", 0x2A: "#N/A"}
Rows = Iterator[list[Any]]


class Refused(Exception):
    """The workbook, or one sheet of it, can't be read; the text is the reason code."""


@dataclass
class Cells:
    """What expat saw of one sheet of an ``.xlsx``."""

    filled: int = 0
    rows: int = 0
    columns: int = 0
    put_in: dict[tuple[int, int], str] = field(default_factory=dict)
    """By row and column, from 0: the errors, and the formulas without a value."""


def text_of(value: Any) -> str:
    """A cell as the same table has it as CSV: whole numbers without a point, times as ISO 8601 without a zone."""
    if isinstance(value, str):
        return value.replace("\r\n", "\n").replace("\r", "\n") if "\r" in value else value
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, (int, float)):
        return str(int(value)) if abs(value) < _EXACT_BELOW and value == int(value) else f"{value:.15G}"
    if isinstance(value, dt.timedelta):
        seconds = round(value.total_seconds())
        return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return str(value)  # a day, a time of day, or both with a space between: ISO 8601


def write(rows: Rows, width: int, target: Any, most: int | None = None) -> int:
    """Write the rows down to the last filled one, each under the number that its row has; how many cells are filled.

    Args:
        most: characters after which enough is written.
    """
    writer = csv.writer(target, lineterminator="\n")
    filled = blank = written = 0
    for row in rows:
        texts = [text_of(value) for value in row]
        here = len(texts) - texts.count("")
        if not here:
            blank += 1
            continue
        target.write(("," * (width - 1) + "\n") * blank)
        writer.writerow(texts)
        filled, blank = filled + here, 0
        if most is not None:
            written += sum(map(len, texts))
            if written > most:
                break
    return filled


# ---- .xlsx and .xlsm


@functools.cache  # asked for every tag, of which there are some dozens
def _local(name: str) -> str:
    return name.rpartition("}")[2]


def parts(archive: zipfile.ZipFile) -> dict[str, str]:
    """By the name of each sheet its part in the archive."""
    relations = {
        item.attrib["Id"]: item.attrib["Target"]
        for item in ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))  # noqa: S314  expat bounds entities
        if "Id" in item.attrib and "Target" in item.attrib
    }
    found: dict[str, str] = {}
    for item in ElementTree.fromstring(archive.read(_WORKBOOK)).iter():  # noqa: S314
        if _local(item.tag) == "sheet":
            key = next(value for name, value in item.attrib.items() if _local(name) == "id")
            # Twice the same name: nobody could say which of them a record stood in.
            if item.attrib["name"] in found:
                raise Refused(DAMAGED)
            found[item.attrib["name"]] = posixpath.normpath(posixpath.join("/xl", relations[key])).lstrip("/")
    return found


def _parse(archive: zipfile.ZipFile, part: str, start: Callable[..., None], end: Callable[..., None], text: Any) -> None:
    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text

    def refuse(*_: object) -> None:
        raise Refused(DAMAGED)  # no program writes a document type into a sheet

    parser.StartDoctypeDeclHandler = refuse
    with archive.open(part) as stream:
        while chunk := stream.read(_READ):
            parser.Parse(chunk, False)
    parser.Parse(b"", True)


def empty_strings(archive: zipfile.ZipFile) -> frozenset[str]:
    """The numbers of the shared strings that are empty texts: a cell that names one is empty."""
    part = next((name for name in archive.namelist() if name.casefold() == "xl/sharedstrings.xml"), None)
    if part is None:
        return frozenset()
    empty: set[str] = set()
    number, length = -1, 0
    is_text = in_phonetic = False

    def start(name: str, _: dict[str, str]) -> None:
        nonlocal number, length, is_text, in_phonetic
        tag = _local(name)
        if tag == "si":
            number, length = number + 1, 0
        in_phonetic = in_phonetic or tag == "rPh"
        is_text = tag == "t" and not in_phonetic

    def text(data: str) -> None:
        nonlocal length
        length += len(data) if is_text else 0

    def end(name: str) -> None:
        nonlocal is_text, in_phonetic
        tag = _local(name)
        is_text = False
        in_phonetic = in_phonetic and tag != "rPh"
        if tag == "si" and not length:
            empty.add(str(number))

    _parse(archive, part, start, end, text)
    return frozenset(empty)


def cells_of(archive: zipfile.ZipFile, part: str, empty: frozenset[str]) -> Cells:
    """Go through the cells of a sheet without keeping any."""
    cells = Cells()
    row = column = -1
    kind, value, formula = "", "", None
    reading, in_phonetic = "", False

    def start(name: str, given: dict[str, str]) -> None:
        nonlocal row, column, kind, value, formula, reading, in_phonetic
        tag = _local(name)
        if tag == "row":
            row, column = (int(given["r"]) - 1 if "r" in given else row + 1), -1
        elif tag == "c":
            place = given.get("r", "")
            letters = place.rstrip("0123456789")
            if place:
                row, column = int(place[len(letters) :]) - 1, _column(letters)
            else:
                column += 1
            kind, value, formula = given.get("t", ""), "", None
        elif tag == "f":
            formula, reading = "", "f"
        elif tag == "rPh":
            in_phonetic = True
        elif tag == "v" or (tag == "t" and not in_phonetic):
            reading = "v"

    def text(data: str) -> None:
        nonlocal value, formula
        if reading == "v":
            value += data
        elif reading == "f" and formula is not None and len(formula) < _LONGEST_FORMULA:
            formula += data

    def end(name: str) -> None:
        nonlocal reading, in_phonetic
        tag = _local(name)
        if tag == "rPh":
            in_phonetic = False
        elif tag in ("v", "f", "t"):
            reading = ""
        elif tag == "c":
            if kind == "e" and value:
                cells.put_in[row, column] = value
            elif value and not (kind == "s" and value.strip() in empty):
                cells.filled += 1
            elif formula is not None and kind != "str":  # an empty text is a value: it is what the formula came to
                cells.put_in[row, column] = f"={formula or '?'}"[:_LONGEST_FORMULA]
            else:
                return
            cells.rows, cells.columns = max(cells.rows, row + 1), max(cells.columns, column + 1)

    _parse(archive, part, start, end, text)
    return cells


@functools.cache  # asked for every cell
def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number - 1


class Xlsx:
    """A workbook of the XML kind."""

    def __init__(self, path: Path, memory: int) -> None:
        from python_calamine import CalamineWorkbook, SheetTypeEnum

        self._archive, self._memory = zipfile.ZipFile(path), memory
        self._parts = parts(self._archive)
        self._empty = empty_strings(self._archive)
        self._book = CalamineWorkbook.from_path(str(path))
        tables = (SheetTypeEnum.WorkSheet, SheetTypeEnum.MacroSheet)  # the others hold pictures of data, no cells
        self.names = {n: sheet.name for n, sheet in enumerate(self._book.sheets_metadata, start=1) if sheet.typ in tables}
        if not {sheet.name for sheet in self._book.sheets_metadata} <= self._parts.keys():
            raise Refused(DAMAGED)

    def write(self, name: str, target: Any, most: int | None) -> int:
        """Write a sheet; how many cells of it are filled."""
        cells = cells_of(self._archive, self._parts[name], self._empty)
        if cells.rows * cells.columns * _CELL_BYTES > self._memory:
            raise Refused(TOO_LARGE)
        filled = write(self._rows(name, cells), max(cells.columns, 1), target, most)
        if most is None and filled != cells.filled + len(cells.put_in):
            raise Refused(DAMAGED)
        return filled

    def _rows(self, name: str, cells: Cells) -> Rows:
        put_in: dict[int, dict[int, str]] = {}
        for (row, column), text in cells.put_in.items():
            put_in.setdefault(row, {})[column] = text
        read = self._book.get_sheet_by_name(name).iter_rows()
        for number in range(cells.rows):
            values = next(read, [])
            if any(value != "" for value in values[cells.columns :]):
                raise Refused(DAMAGED)
            values = values[: cells.columns] + [""] * (cells.columns - len(values))
            for column, text in put_in.get(number, {}).items():
                values[column] = text
            yield values
        if any(value != "" for values in read for value in values):
            raise Refused(DAMAGED)


class Xls:
    """A workbook of the kind that Excel wrote before 2007."""

    def __init__(self, path: Path) -> None:
        import xlrd

        self._xlrd = xlrd
        # What it has to say of odd files would stand in the answer of this program.
        self._book = xlrd.open_workbook(path, logfile=sys.stderr, on_demand=True)
        self.names = dict(enumerate(self._book.sheet_names(), start=1))

    def write(self, name: str, target: Any, most: int | None) -> int:
        """Write a sheet; how many cells of it are filled."""
        sheet = self._book.sheet_by_name(name)
        rows = ([self._value(cell) for cell in sheet.row(number)] for number in range(sheet.nrows))
        filled = write(rows, max(sheet.ncols, 1), target, most)
        self._book.unload_sheet(name)
        return filled

    def _value(self, cell: Any) -> Any:
        if cell.ctype == self._xlrd.XL_CELL_BOOLEAN:
            return bool(cell.value)
        if cell.ctype == self._xlrd.XL_CELL_ERROR:
            return _ERRORS.get(cell.value, "#ERROR!")
        if cell.ctype == self._xlrd.XL_CELL_DATE:
            with suppress(self._xlrd.xldate.XLDateError, OverflowError, ValueError):
                return self._date(cell.value)
        return cell.value

    def _date(self, value: float) -> Any:
        moment = self._xlrd.xldate.xldate_as_datetime(value, self._book.datemode)
        if 0 <= value < 1:
            return moment.time()
        return moment.date() if moment.time() == dt.time() else moment


def answer(order: dict[str, Any]) -> dict[str, Any]:
    """Carry out one order: write one sheet, or say of each whether it holds anything and can be read."""
    path = Path(order["book"])
    book = Xlsx(path, order["memory"]) if order["kind"] == "xlsx" else Xls(path)
    if order["sheet"] is not None:
        with Path(order["target"]).open("w", encoding="utf-8", newline="") as target:
            book.write(order["sheet"], target, order["most"])
        return {}
    said = []
    for number, name in book.names.items():
        with Path("/dev/null").open("w", encoding="utf-8", newline="") as nowhere:
            try:
                said.append([number, name, book.write(name, nowhere, None), None])
            except Exception as error:  # noqa: BLE001  a damaged sheet costs only itself
                said.append([number, name, 0, _reason(error)])
    return {"sheets": said}


def _reason(error: BaseException) -> str:
    if isinstance(error, Refused):
        return str(error)
    if isinstance(error, MemoryError):
        return TOO_LARGE
    # The two parsers say it each in its way, and neither shares a class with the other.
    is_locked = type(error).__name__ == "PasswordError" or "encrypted" in str(error).casefold()
    return PASSWORD if is_locked else DAMAGED


def main() -> None:
    """Read an order from the standard input, carry it out within its bound of memory, and print what came of it."""
    order = json.load(sys.stdin)
    with suppress(ImportError, OSError, ValueError):  # a system without such a bound has the check of the area alone
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (order["memory"], order["memory"]))
    try:
        said = answer(order)
    except BaseException as error:  # noqa: BLE001  also what a parser written in Rust raises where it gives up
        said = {"refused": _reason(error)}
    json.dump(said, sys.stdout)


if __name__ == "__main__":
    main()
