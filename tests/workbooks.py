"""Workbooks for tests: by the libraries that people write them with, and by hand for what those do not write."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

import openpyxl
import xlwt

Table = Sequence[Sequence[Any]]
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def xlsx(sheets: dict[str, Table], prepare: Callable[[Any], None] | None = None) -> bytes:
    """As openpyxl writes it.

    Args:
        prepare: a last change to the workbook before it is saved.
    """
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, table in sheets.items():
        sheet = book.create_sheet(name)
        for row in table:
            sheet.append(list(row))
    if prepare is not None:
        prepare(book)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def xls(sheets: dict[str, Table]) -> bytes:
    """As xlwt writes it, in the form of Excel 97."""
    book = xlwt.Workbook(encoding="utf-8")
    for name, table in sheets.items():
        sheet = book.add_sheet(name)
        for number, row in enumerate(table):
            for place, value in enumerate(row):
                if value is not None:
                    sheet.write(number, place, value)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def by_hand(*sheets: str | bytes, strings: str | None = None, names: Sequence[str] = ()) -> bytes:
    """An ``.xlsx`` from the XML of its rows; bytes are a whole sheet as it stands."""
    names = names or [f"Sheet{number}" for number in range(1, len(sheets) + 1)]
    parts: dict[str, str | bytes] = {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types"/>',
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="r" Type="{_OFFICE}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
        + "".join(f'<sheet name="{name}" sheetId="{n}" r:id="r{n}"/>' for n, name in enumerate(names, start=1))
        + "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
        + "".join(
            f'<Relationship Id="r{n}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{n}.xml"/>'
            for n in range(1, len(sheets) + 1)
        )
        + "</Relationships>",
    }
    for number, rows in enumerate(sheets, start=1):
        whole = f'<worksheet xmlns="{_MAIN}"><sheetData>{rows}</sheetData></worksheet>' if isinstance(rows, str) else rows
        parts[f"xl/worksheets/sheet{number}.xml"] = whole
    if strings is not None:
        parts["xl/sharedStrings.xml"] = f'<sst xmlns="{_MAIN}">{strings}</sst>'
    return packed(parts)


def packed(parts: dict[str, str | bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def as_csv(table: Table) -> bytes:
    """The same table as CSV: what a person would have exported."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows([["" if value is None else value for value in row] for row in table])
    return buffer.getvalue().encode()
