"""Workbooks: every sheet is read as the same table as CSV would be, and what cannot be read is told with its reason."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import random
import struct
import zipfile
from collections.abc import Callable
from typing import Any

import openpyxl
import pytest
import xlwt

from orchestration.landing import read_manifest, sheets, workbooks
from orchestration.readers.feeds import Feed
from tests.readers.conftest import Desk, feed
from tests.seed import SEED
from tests.workbooks import as_csv, by_hand, packed, xls, xlsx

OPTOUTS = feed({"email": ["email"], "phone": ["phone"], "at": ["at"]}, requires=("email",))
HEADER = ["email", "phone", "at"]
A, B, C = (
    ["a@example.com", "+12025550101", "2026-03-01"],
    ["b@example.com", "", "2026-03-02"],
    ["c@example.com", "x", "2026-03-03"],
)


def text(place: str, value: str) -> str:
    return f'<c r="{place}" t="inlineStr"><is><t>{value}</t></is></c>'


HEADER_ROW = f'<row r="1">{text("A1", "email")}{text("B1", "phone")}{text("C1", "at")}</row>'


def refused(desk: Desk) -> list[tuple[str, str]]:
    """What was told of files, or of sheets, that are not read at all: name and reason."""
    return desk.con.execute(
        "select landed.name, quarantine.reason from raw.quarantine join raw.landed_files as landed using (file_id) "
        "where landed.vendor is null order by all"
    ).fetchall()


def read(desk: Desk, content: bytes, name: str = "list.xlsx", one: Feed = OPTOUTS) -> list[tuple[int, tuple[Any, ...]]]:
    """Number and values of every record of a workbook's only sheet."""
    (loaded,) = desk.deliver((one,), {name: content})
    return [(row["_record_no"], values) for row, values in zip(desk.rows(loaded), desk.values(loaded), strict=True)]


@pytest.mark.parametrize(("name", "write"), [("list.xlsx", xlsx), ("list.xls", xls), ("list.csv", xlsx), ("list", xls)])
def test_a_workbook_is_known_by_its_content_and_its_records_have_the_numbers_of_their_rows(
    desk: Desk, name: str, write: Callable[..., bytes]
) -> None:
    content = write({"Optouts": [["Opt-outs of March"], [], HEADER, A, [], B, C]})
    assert read(desk, content, name) == [(4, tuple(A)), (6, tuple(B)), (7, tuple(C))]
    assert desk.con.execute("select name, delivered_name from raw.landed_files").fetchall() == [
        (f"{name}, sheet 1 'Optouts'", name)
    ]


def test_every_sheet_is_read_hidden_ones_too_and_each_as_its_own_feed(desk: Desk) -> None:
    calls = feed({"caller": ["caller"], "when": ["when"]}, requires=("caller",), name="calls")
    book = xlsx(
        {"Optouts": [HEADER, A], "Empty": [], "Calls": [["caller", "when"], ["+12025550102", "x"]], "Old": [HEADER, B]},
        lambda book: [
            setattr(book["Old"], "sheet_state", "veryHidden"),
            setattr(book["Calls"], "sheet_state", "hidden"),
            book["Optouts"].row_dimensions[2].__setattr__("hidden", True),
        ],
    )
    loaded = desk.deliver((OPTOUTS, calls), {"book.xlsx": book})
    assert sorted((file.feed, *desk.values(file)) for file in loaded) == [
        ("calls", ("+12025550102", "x")),
        ("optouts", tuple(A)),
        ("optouts", tuple(B)),
    ]
    assert refused(desk) == [], "an empty sheet is nothing to tell"


def test_a_sheet_that_no_feed_knows_is_quarantined_by_its_name_as_such_a_file_would_be(desk: Desk) -> None:
    book = {"Optouts": [HEADER, A], "Notes": [["who", "what"], ["x", "y"]]}
    reasons = [
        (file.quarantined, file.detail) for file in desk.deliver((OPTOUTS,), {"book.xlsx": xlsx(book)}) if file.quarantined
    ]
    as_file = desk.read(OPTOUTS, as_csv(book["Notes"]), "notes.csv")
    assert reasons == [(1, as_file.detail)], "the same word for both"
    assert desk.con.execute(
        "select name from raw.landed_files semi join raw.quarantine using (file_id) order by name"
    ).fetchall() == [("book.xlsx, sheet 2 'Notes'",), ("notes.csv",)]


def test_a_workbook_of_empty_sheets_is_an_empty_file(desk: Desk) -> None:
    (loaded,) = desk.deliver((OPTOUTS,), {"book.xlsx": xlsx({"One": [], "Two": []})})
    assert (loaded.physical, loaded.quarantined, loaded.detail) == (0, 0, "The file holds nothing but white space.")


_STYLED = {"number_format": "yyyy-mm-dd hh:mm:ss"}
CELLS: list[tuple[str, Any, str]] = [
    ("a number to call", 15551234567, "15551234567"),
    ("a number to call with a point", 15551234567.0, "15551234567"),
    ("fifteen digits", 999_999_999_999_999, "999999999999999"),
    ("sixteen digits, of which Excel keeps fifteen", 1234567890123456, "1.23456789012346E+15"),
    ("an exponent that was text", "1.5551E+10", "1.5551E+10"),
    ("a small number", 0.1, "0.1"),
    ("below zero", -3, "-3"),
    ("yes", True, "TRUE"),
    ("no", False, "FALSE"),
    ("a day", dt.date(2026, 3, 1), "2026-03-01"),
    ("midnight, which a cell cannot tell from the day", dt.datetime(2026, 3, 1), "2026-03-01"),
    ("a second", dt.datetime(2026, 3, 1, 9, 30, 15), "2026-03-01 09:30:15"),
    ("a day before March 1900, of which Excel knows one too many", dt.datetime(1900, 1, 15), "1900-01-15"),
    ("the last second of a day", dt.datetime(2026, 3, 1, 23, 59, 59), "2026-03-01 23:59:59"),
    ("a time of day", dt.time(9, 30, 15), "09:30:15"),
    ("letters of other languages", "Ünïcödé 東京", "Ünïcödé 東京"),
    ("line breaks", "one\ntwo", "one\ntwo"),
    ("marks, commas", 'say "no", please', 'say "no", please'),
    ("spaces around", "  x  ", "  x  "),
]


@pytest.mark.parametrize("write", ["xlsx", "xls", "xlsx of 1904", "xls of 1904"])
def test_each_kind_of_cell_is_the_text_that_a_person_would_export(desk: Desk, write: str) -> None:
    cells = [cell for cell in CELLS if "1904" not in write or "1900" not in cell[0]]
    table = [["email", "phone"], *[[f"{number}@example.com", cell] for number, (_, cell, _) in enumerate(cells)]]
    if write.startswith("xlsx"):
        content = xlsx({"S": table}, lambda book: setattr(book, "epoch", dt.datetime(1904, 1, 1)) if "1904" in write else None)
        if "1904" in write:  # openpyxl counts the days from the epoch at the moment a cell is set
            book = openpyxl.Workbook()
            book.epoch = dt.datetime(1904, 1, 1)
            for row in table:
                book.active.append(row)
            buffer = io.BytesIO()
            book.save(buffer)
            content = buffer.getvalue()
    else:
        book = xlwt.Workbook(encoding="utf-8")
        book.dates_1904 = "1904" in write
        sheet = book.add_sheet("S")
        style = {
            dt.date: xlwt.easyxf(num_format_str="YYYY-MM-DD"),
            dt.datetime: xlwt.easyxf(num_format_str="YYYY-MM-DD HH:MM:SS"),
            dt.time: xlwt.easyxf(num_format_str="HH:MM:SS"),
        }
        for number, row in enumerate(table):
            for place, value in enumerate(row):
                sheet.write(number, place, value, style.get(type(value), xlwt.Style.default_style))
        buffer = io.BytesIO()
        book.save(buffer)
        content = buffer.getvalue()
    got = read(desk, content, one=feed({"email": ["email"], "phone": ["phone"]}))
    for (number, (_, value)), (case, _, expected) in zip(got, cells, strict=True):
        assert value == expected, f"{write}: {case}, in row {number}"


HOSTILE_CELLS: list[tuple[str, str, str | None]] = [
    ("an error", '<c r="B2" t="e"><v>#N/A</v></c>', "#N/A"),
    ("an error that a formula came to", '<c r="B2" t="e"><f>A9</f><v>#REF!</v></c>', "#REF!"),
    ("a formula and its value", '<c r="B2" t="str"><f>A1</f><v>+12025550101</v></c>', "+12025550101"),
    ("a formula that came to an empty text", '<c r="B2" t="str"><f>A1</f><v></v></c>', ""),
    ("a formula that nobody has calculated", '<c r="B2"><f>A1&amp;B1</f><v/></c>', "=A1&B1"),
    ("one that shares another's text", '<c r="B2"><f t="shared" si="0"/></c>', "=?"),
    ("rich text", '<c r="B2" t="inlineStr"><is><r><t>+1202</t></r><r><t>5550101</t></r></is></c>', "+12025550101"),
    (
        "how a text is pronounced",
        '<c r="B2" t="inlineStr"><is><t>abc</t><rPh sb="0" eb="1"><t>ZZ</t></rPh></is></c>',
        "abc",
    ),
    ("only that", '<c r="B2" t="inlineStr"><is><t></t><rPh sb="0" eb="1"><t>ZZ</t></rPh></is></c>', ""),
    ("only that in the shared table", '<c r="B2" t="s"><v>2</v></c>', ""),
    ("a text of the shared table", '<c r="B2" t="s"><v>0</v></c>', "shared"),
    ("an empty text of the shared table", '<c r="B2" t="s"><v>1</v></c>', ""),
    ("a return written as Excel does", text("B2", "one_x000D_\ntwo"), "one\ntwo"),
    ("a day of the strict kind", '<c r="B2" t="d"><v>2026-03-01T09:30:15</v></c>', "2026-03-01 09:30:15"),
    ("cells without places", "<c><v>5</v></c>", "5"),
    ("a text that the table lacks", '<c r="B2" t="s"><v>7</v></c>', None),
    ("a kind that nobody knows", '<c r="B2" t="new"><v>5</v></c>', None),
    ("characters that the parser would leave out", '<c r="B2" t="str"><v><![CDATA[+12025550101]]></v></c>', None),
    ("two cells in one place", '<c r="B2"><v>5</v></c><c r="B2"><v>6</v></c>', None),
    ("a sheet that is cut off", '<c r="B2"><v>5', None),
]


@pytest.mark.parametrize(("case", "cell", "expected"), HOSTILE_CELLS, ids=[case for case, _, _ in HOSTILE_CELLS])
def test_what_a_parser_may_leave_out_is_there_or_is_told(desk: Desk, case: str, cell: str, expected: str | None) -> None:
    rows = f'{HEADER_ROW}<row r="2">{text("A2", "a@example.com")}{cell}</row>'
    book = by_hand(rows, strings="<si><t>shared</t></si><si><t></t></si><si><t></t><rPh><t>ZZ</t></rPh></si>")
    loaded = desk.deliver((OPTOUTS,), {"book.xlsx": book})
    if expected is None:
        assert (loaded, refused(desk)) == ([], [("book.xlsx, sheet 1 'Sheet1'", "workbook_damaged")]), case
    else:
        assert [desk.values(file)[0][:2] for file in loaded] == [("a@example.com", expected)], case


def test_a_row_that_holds_nothing_but_an_error_is_no_blank_one(desk: Desk) -> None:
    one = feed({"email": ["email"]})
    cell = '<c r="A{0}" t="e"><v>#N/A</v></c>'
    rows = f'<row r="1">{text("A1", "email")}</row><row r="2">{cell.format(2)}</row>'
    assert read(desk, by_hand(rows), one=one) == [(2, ("#N/A",))], ".xlsx"
    book = xlwt.Workbook()
    book.add_sheet("S").write(0, 0, "email")
    book.get_sheet(0).row(1).set_cell_error(0, "#N/A!")  # as xlwt spells it
    buffer = io.BytesIO()
    book.save(buffer)
    assert read(desk, buffer.getvalue(), "b.xls", one) == [(2, ("#N/A",))], ".xls"


def test_a_sheet_in_another_encoding_is_never_taken_for_an_empty_one(desk: Desk) -> None:
    sheet = f'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{HEADER_ROW}</sheetData></worksheet>'
    whole = f'<?xml version="1.0" encoding="UTF-16"?>{sheet}'.encode("utf-16")
    assert desk.deliver((OPTOUTS,), {"book.xlsx": by_hand(whole)}) == []
    assert refused(desk) == [("book.xlsx, sheet 1 'Sheet1'", "workbook_damaged")]


def test_a_damaged_sheet_costs_only_itself(desk: Desk) -> None:
    good = f'{HEADER_ROW}<row r="2">{text("A2", "a@example.com")}</row>'
    loaded = desk.deliver((OPTOUTS,), {"book.xlsx": by_hand(good, "<row><c><v>5", names=("Good", "Bad"))})
    assert [desk.values(file)[0][0] for file in loaded] == ["a@example.com"]
    assert refused(desk) == [("book.xlsx, sheet 2 'Bad'", "workbook_damaged")]


def _with_password() -> bytes:
    """What of an encrypted workbook is asked for: an OLE file that says in its list of streams what it is."""
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 1000 + "EncryptedPackage".encode("utf-16-le") + b"\0" * 1000


def _xls_with_password() -> bytes:
    """An ``.xls`` whose stream begins as one that is encrypted (record 47, FILEPASS, behind the first one)."""
    content = bytearray(xls({"S": [HEADER, A]}))
    begin = content.index(struct.pack("<HH", 0x809, 16))
    at = begin + 20
    content[at : at + 4] = struct.pack("<HH", 0x2F, struct.unpack_from("<H", content, at + 2)[0])
    return bytes(content)


def _bomb() -> bytes:
    return by_hand(HEADER_ROW + f'<row r="2">{text("A2", "a" * 30_000_000)}</row>')


def _lying_bomb() -> bytes:
    """A bomb whose entries say that they unpack to a hundred bytes."""
    data = bytearray(_bomb())
    for mark, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = data.index(mark)
        while at >= 0:
            if struct.unpack_from("<I", data, at + place)[0] > 1_000_000:
                struct.pack_into("<I", data, at + place, 100)
            at = data.find(mark, at + 4)
    return bytes(data)


def _far_cell() -> bytes:
    """One cell in the last row and column: a table of 17 billion places."""
    return by_hand(HEADER_ROW + f'<row r="1048576">{text("XFD1048576", "x")}</row>')


def _twice_the_same_name() -> bytes:
    return by_hand(HEADER_ROW, HEADER_ROW, names=("S", "S"))


def _document_type() -> bytes:
    """One that changes nothing: whoever writes a document type into a sheet may write entities into it."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    rows = f'{HEADER_ROW}<row r="2">{text("A2", "a@example.com")}</row>'
    return by_hand(f'<!DOCTYPE worksheet><worksheet xmlns="{main}"><sheetData>{rows}</sheetData></worksheet>'.encode())


def _ods() -> bytes:
    return packed({"mimetype": "application/vnd.oasis.opendocument.spreadsheet", "content.xml": "<x/>"})


BOOKS: list[tuple[str, str, Callable[[], bytes], tuple[str, str]]] = [
    ("a password", "b.xlsx", _with_password, ("b.xlsx", "workbook_password")),
    ("a password, old", "b.xls", _xls_with_password, ("b.xls", "workbook_password")),
    ("a bomb", "b.xlsx", _bomb, ("b.xlsx", "archive_ratio")),
    ("a bomb that lies", "b.xlsx", _lying_bomb, ("b.xlsx", "archive_damaged")),
    ("a cell far away", "b.xlsx", _far_cell, ("b.xlsx, sheet 1 'Sheet1'", "workbook_too_large")),
    ("two sheets of one name", "b.xlsx", _twice_the_same_name, ("b.xlsx", "workbook_damaged")),
    ("a name without end", "b.xlsx", lambda: by_hand(HEADER_ROW, names=("S" * 256,)), ("b.xlsx", "workbook_damaged")),
    ("a document type", "b.xlsx", _document_type, ("b.xlsx, sheet 1 'Sheet1'", "workbook_damaged")),
    ("an open document", "b.ods", _ods, ("b.ods", "workbook_kind_not_supported")),
    ("binary parts", "b.xlsb", lambda: packed({"[Content_Types].xml": "", "xl/workbook.bin": b"x"}),
     ("b.xlsb", "workbook_kind_not_supported")),
    ("no sheets", "b.xlsx", lambda: packed({"[Content_Types].xml": "", "xl/workbook.xml": "<workbook/>"}),
     ("b.xlsx", "workbook_damaged")),
    ("in an archive", "b.zip", lambda: packed({"in/b.xlsx": _twice_the_same_name()}), ("in/b.xlsx", "workbook_damaged")),
    ("with a password in an archive", "b.zip", lambda: packed({"b.xlsx": _with_password()}), ("b.xlsx", "workbook_password")),
    ("a bomb in an archive", "b.zip", lambda: packed({"b.xlsx": _bomb()}), ("b.xlsx", "archive_ratio")),
]  # fmt: skip


@pytest.mark.parametrize(("case", "name", "make", "told"), BOOKS, ids=[case for case, *_ in BOOKS])
def test_a_workbook_that_cannot_be_read_is_told_with_its_reason_and_the_run_goes_on(
    desk: Desk, case: str, name: str, make: Callable[[], bytes], told: tuple[str, str]
) -> None:
    loaded = desk.deliver((OPTOUTS,), {name: make(), "good.csv": as_csv([HEADER, A])})
    assert [desk.values(file) for file in loaded] == [[tuple(A)]], case
    assert refused(desk) == [told], case


def test_a_workbook_may_have_as_many_sheets_as_an_archive_may_have_files(desk: Desk) -> None:
    desk.limits["max_archive_entries"] = 12
    book = zipfile.ZipFile(io.BytesIO(by_hand(HEADER_ROW)))
    contents = {info.filename: book.read(info) for info in book.infolist()}
    main = contents["xl/workbook.xml"].decode()
    more = "".join(f'<sheet name="T{number}" sheetId="{number + 9}" r:id="r1"/>' for number in range(20))
    contents["xl/workbook.xml"] = main.replace("</sheets>", f"{more}</sheets>").encode()
    assert desk.deliver((OPTOUTS,), {"b.xlsx": packed(dict(contents))}) == []
    assert refused(desk) == [("b.xlsx", "archive_too_many_entries")]


def test_a_sheet_that_does_not_fit_its_memory_costs_only_itself(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.limits["max_archive_ratio"] = 10_000
    table = [HEADER, *[[f"{number}@example.com", "x" * 3000, number] for number in range(20_000)]]
    content = xlsx({"Large": table})
    # Less than the program itself needs with this sheet in it, and more than the area of the sheet asks for.
    monkeypatch.setattr(workbooks, "_MEMORY", 60 << 20)
    assert desk.deliver((OPTOUTS,), {"b.xlsx": content}) == []
    assert [reason for _, reason in refused(desk)] == ["workbook_too_large"]


TEXTS: list[tuple[str, str, bytes, str]] = [
    (
        "a table of a web page",
        "list.xls",
        b"<html><body><table><tr><td>email</td></tr></table></body></html>",
        "web page with a table",
    ),
    ("a table alone", "list.xls", b"\xef\xbb\xbf\n<table border=1><tr><td>email</td></tr></table>", "web page with a table"),
    (
        "the XML of 2003",
        "list.xls",
        b'<?xml version="1.0"?>\n<?mso-application progid="Excel.Sheet"?>\n<Workbook xmlns="x"/>',
        "workbook written as XML",
    ),
]


@pytest.mark.parametrize(("case", "name", "content", "told"), TEXTS, ids=[case for case, *_ in TEXTS])
def test_what_is_only_called_a_workbook_is_held_with_a_clear_sentence(
    desk: Desk, case: str, name: str, content: bytes, told: str
) -> None:
    loaded = desk.read(OPTOUTS, content, name)
    assert (loaded.quarantined, told in loaded.detail) == (1, True), f"{case}: {loaded.detail}"


def test_text_that_is_called_a_workbook_is_read_as_text(desk: Desk) -> None:
    loaded = desk.read(OPTOUTS, "email\tphone\tat\n" + "\t".join(A) + "\n", "list.xls")
    assert desk.values(loaded) == [tuple(A)]


@pytest.mark.parametrize("name", ["books.zip", "book.xlsx.gz"])
def test_workbooks_in_archives_are_read_and_are_no_archives(desk: Desk, name: str) -> None:
    content = xlsx({"One": [HEADER, A], "Two": [HEADER, B]})
    delivered = packed({"in/book.xlsx": content, "plain.csv": as_csv([HEADER, C])}) if "zip" in name else gzip.compress(content)
    loaded = desk.deliver((OPTOUTS,), {name: delivered})
    expected = [tuple(A), tuple(B), *([tuple(C)] if "zip" in name else [])]
    assert sorted(value for file in loaded for value in desk.values(file)) == expected
    assert refused(desk) == []


def test_two_workbooks_of_one_name_and_size_in_an_archive_are_two(desk: Desk) -> None:
    books = {letter: by_hand(HEADER_ROW + f'<row r="2">{text("A2", f"{letter}@example.com")}</row>') for letter in "abcdefgh"}
    size = max({len(book) for book in books.values()}, key=[len(book) for book in books.values()].count)
    letters = [letter for letter, book in books.items() if len(book) == size][:2]
    pair = [books[letter] for letter in letters]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
        for content in pair:
            archive.writestr("b.xlsx", content)
    loaded = desk.deliver((OPTOUTS,), {"b.zip": buffer.getvalue()})
    assert sorted(desk.values(file)[0][0] for file in loaded) == [f"{letter}@example.com" for letter in letters]


def test_another_kind_of_document_is_no_workbook(desk: Desk) -> None:
    letter = packed({"[Content_Types].xml": "", "word/document.xml": "<x/>"})
    loaded = desk.read(OPTOUTS, letter, "list.docx")
    assert (loaded.quarantined, "a spreadsheet or a ZIP file" in loaded.detail) == (1, True)
    assert read_manifest(desk.home)[0].members[0].sheet is None


def test_a_sheet_where_json_is_expected_is_told(desk: Desk) -> None:
    loaded = desk.read(feed({"email": ["email"]}, reader="json"), xlsx({"S": [["email"], ["a@example.com"]]}), "b.xlsx")
    assert (loaded.quarantined, loaded.detail) == (1, "It is a sheet of a workbook, and acme/optouts comes as json only.")


def test_a_vendor_s_own_delimiter_encoding_and_marks_do_not_hold_for_its_sheets(desk: Desk) -> None:
    one = feed({"email": ["email"], "phone": ["phone"]}, reader="auto", delimiter="|", encoding="utf-16-le", quote="'")
    assert read(desk, xlsx({"S": [["email", "phone"], ["a@example.com", "Ü, 'x'"]]}), one=one) == [
        (2, ("a@example.com", "Ü, 'x'"))
    ]


def test_which_list_a_sheet_is_may_stand_in_the_name_of_the_file_or_of_the_sheet(desk: Desk) -> None:
    gone = feed({"email": ["email"]}, name="unsubscribed", files=("*_unsubscribed_*",))
    there = feed({"email": ["email"]}, name="subscribed", files=("*_subscribed_*",))
    table = [["email"], ["a@example.com"]]
    cases: list[tuple[str, str, str, list[str]]] = [
        ("the sheet's", "members.xlsx", "Unsubscribed", ["unsubscribed"]),
        ("the file's, where the sheet has none of its own", "unsubscribed_export.xlsx", "Tabelle1", ["unsubscribed"]),
        ("both the same", "subscribed.xlsx", "Subscribed", ["subscribed"]),
        ("two that differ", "subscribed_2.xlsx", "Unsubscribed", []),
    ]
    for number, (case, name, sheet, expected) in enumerate(cases):
        book = xlsx({sheet: [*table, [f"{number}@example.com"]]})
        assert [file.feed for file in desk.deliver((gone, there), {name: book})] == expected, case
    assert refused(desk) == [("subscribed_2.xlsx, sheet 1 'Unsubscribed'", "name_contradicts_content")]


def test_a_workbook_delivered_twice_is_read_once_and_one_cut_off_anywhere_is_told(desk: Desk) -> None:
    content = xlsx({"S": [HEADER, A, B]})
    assert len(desk.deliver((OPTOUTS,), {"b.xlsx": content})) == 1
    assert desk.deliver((OPTOUTS,), {"b.xlsx": content}) == []
    for kind, whole in (("xlsx", content), ("xls", xls({"S": [HEADER, *[[f"{n}@example.com", "", ""] for n in range(2000)]]}))):
        for tenth in range(1, 10):
            name = f"cut{tenth}.{kind}"
            loaded = desk.deliver((OPTOUTS,), {name: whole[: len(whole) * tenth // 10]})
            told = [reason for title, reason in refused(desk) if title.startswith(name)]
            assert told or any(file.quarantined for file in loaded), f"{name} vanished"
            assert told or not any(file.loaded for file in loaded), f"{name} was read as if it were whole"


@pytest.mark.parametrize("number", range(6))
def test_a_workbook_and_the_csv_of_one_table_give_the_same_records(desk: Desk, number: int) -> None:
    """The oracle is openpyxl, which reads the same workbook in its own way."""
    rng = random.Random(SEED + number)
    words = [
        "",
        None,
        "a@example.com",
        "+1 202-555-0101",
        "x,y",
        'a "b"',
        "Zoë",
        "two\nlines",
        "0044",
        " x ",
        15551234567,
        -2,
        True,
    ]
    table = [HEADER, *[[f"{n}@example.com", rng.choice(words), rng.choice(words)] for n in range(rng.randrange(1, 60))]]
    table += [[] for _ in range(rng.randrange(3))]
    body = table[1:]
    rng.shuffle(body)
    content = xlsx({"S": [table[0], *body]})
    read_back = [
        [{True: "TRUE", False: "FALSE"}.get(cell, cell) if isinstance(cell, bool) else cell for cell in row]
        for row in openpyxl.load_workbook(io.BytesIO(content))["S"].iter_rows(values_only=True)
    ]
    book = desk.read(OPTOUTS, content, "b.xlsx")
    plain = desk.read(OPTOUTS, as_csv(read_back), "b.csv")
    assert desk.rows(book) == desk.rows(plain), f"seed {SEED + number}"
    assert desk.quarantine(book) == desk.quarantine(plain), f"seed {SEED + number}"


def test_the_program_that_opens_workbooks_gets_no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    seen: dict[str, Any] = {}
    run = workbooks.subprocess.run

    def spy(*given: Any, **more: Any) -> Any:
        seen.update(more)
        return run(*given, **more)

    monkeypatch.setattr(workbooks.subprocess, "run", spy)
    path = tmp_path / "b.xlsx"
    path.write_bytes(xlsx({"S": [HEADER, A]}))
    assert workbooks.sheets_of(path, "xlsx") == [(1, "S", None)]
    assert seen["env"] == {}


def test_a_sheet_is_told_apart_by_the_bytes_of_its_workbook_and_its_name() -> None:
    # A constant: it stands in manifests, and another one would make every sheet that was landed unreadable.
    assert workbooks.sheet_sha256("ab" * 32, "S") == "283aa33b3d62493c6f67c773d988545ecb6a17a74ab39c3dd996512626545504"
    assert len({workbooks.sheet_sha256(book, name) for book in ("a" * 64, "b" * 64) for name in ("S", "T")}) == 4


def test_a_value_that_no_cell_should_hold_stops_no_file() -> None:
    assert [sheets.text_of(value) for value in (float("nan"), float("inf"))] == ["NAN", "INF"]


@pytest.mark.parametrize(("where", "table"), [("below", [["a"], ["b"]]), ("beside", [["a", "b"]])])
def test_a_cell_that_only_the_parser_sees_holds_the_sheet(
    where: str, table: list[list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """Outside of what was counted no cell is written, so as many are filled as were counted."""
    path = tmp_path / "b.xlsx"
    path.write_bytes(xlsx({"S": table}))
    monkeypatch.setattr(sheets, "cells_of", lambda *_: sheets.Cells(filled=1, rows=1, columns=1))
    with pytest.raises(sheets.Refused, match=sheets.DAMAGED):
        sheets.Xlsx(path, 1 << 30).write("S", io.StringIO(), None)
