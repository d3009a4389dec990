"""Delimited text and plain lines: what real exports look like, and what must never be lost or made up."""

from __future__ import annotations

import pytest

from tests.readers.conftest import Desk, feed

OPT_OUTS = feed({"email": ["Email Address", "Email"], "phone": ["Phone"], "reason": ["Reason"]})
A, B = ("a@example.com", "+15551230101", "x"), ("b@example.com", "+15551230102", "")
PLAIN = "Email,Phone,Reason\na@example.com,+15551230101,x\nb@example.com,+15551230102,\n"


@pytest.mark.parametrize(
    ("case", "content"),
    [
        ("plain", PLAIN),
        ("crlf", PLAIN.replace("\n", "\r\n")),
        ("carriage returns only", PLAIN.replace("\n", "\r")),
        ("crlf and lf mixed", PLAIN.replace("\n", "\r\n", 1)),
        ("no end of line at the end", PLAIN.rstrip("\n")),
        ("semicolons", PLAIN.replace(",", ";")),
        ("tabs", PLAIN.replace(",", "\t")),
        ("bars", PLAIN.replace(",", "|")),
        (
            "everything quoted",
            '"Email","Phone","Reason"\n"a@example.com","+15551230101","x"\n"b@example.com","+15551230102",""\n',
        ),
        (
            "spaces around quotes",
            '"Email", "Phone" ,"Reason"\n"a@example.com", "+15551230101", "x"\nb@example.com,+15551230102,""\n',
        ),
        ("utf-8 mark", "\ufeff" + PLAIN),
        ("utf-8 mark before a quoted label", "\ufeff" + PLAIN.replace("Email", '"Email"', 1)),
        ("labels in other case and padded", PLAIN.replace("Email,Phone", " EMAIL ADDRESS ,phone\u00a0")),
        ("other order of columns", "Reason,Phone,Email\nx,+15551230101,a@example.com\n,+15551230102,b@example.com\n"),
        ("delimiter at the end of the header and all records", PLAIN.replace("\n", ",\n")),
        ("delimiter at the end of the header only", PLAIN.replace("Reason\n", "Reason,\n")),
        ("delimiters at the end of records only", PLAIN.replace("x\n", "x,,\n")),
    ],
)
def test_two_records_come_through_exactly(desk: Desk, case: str, content: str) -> None:
    file = desk.read(OPT_OUTS, content)
    assert desk.values(file) == [A, B], case
    assert (file.loaded, file.quarantined, file.skipped) == (2, 0, 1), case


@pytest.mark.parametrize(
    ("encoding", "named"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("utf-16", "utf-16-le"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("utf-32", "utf-32-le"),
        ("cp1252", "cp1252"),
    ],
)
def test_the_encoding_is_found_and_noted(desk: Desk, encoding: str, named: str) -> None:
    content = "Email,Reason\nzoé@example.com,“désabonner” – 5 €\n".encode(encoding)
    file = desk.read(OPT_OUTS, content)
    assert desk.values(file) == [("zoé@example.com", None, "“désabonner” – 5 €")]
    assert file.encoding == named


def test_bytes_that_cp1252_lacks_are_latin_1(desk: Desk) -> None:
    file = desk.read(OPT_OUTS, b"Email,Reason\na@example.com,caf\xe9 \x81\n")
    assert desk.values(file) == [("a@example.com", None, "café \x81")]
    assert file.encoding == "latin-1"


def test_joined_files_of_two_encodings_are_decoded_line_by_line(desk: Desk) -> None:
    content = "Email,Reason\na@example.com,é\n".encode() + "b@example.com,é\n".encode("cp1252")
    file = desk.read(OPT_OUTS, content)
    assert [row[2] for row in desk.values(file)] == ["é", "é"]
    assert file.encoding == "cp1252+utf-8"


def test_a_value_stays_exactly_as_it_was_delivered(desk: Desk) -> None:
    values = [
        "  padded  ",
        "NULL",
        "\\N",
        "+15551234567",
        "=1+1",
        "00123",
        "1.50",
        'said "no"',
        "two\nlines",
        "two\r\nlines",
        "ⓤ🙂",
        "#",
    ]
    lines = "".join('a@example.com,,"{}"\n'.format(value.replace('"', '""')) for value in values)
    file = desk.read(OPT_OUTS, "Email,Phone,Reason\n" + lines)
    assert [row[2] for row in desk.values(file)] == values
    assert {row[1] for row in desk.values(file)} == {""}, "an empty field is an empty text"


def test_a_column_the_file_lacks_is_null_and_an_undeclared_one_is_kept(desk: Desk) -> None:
    file = desk.read(OPT_OUTS, "Email,Notes,,Notes\na@example.com,n,u,m\n")
    (row,) = desk.rows(file)
    assert (row["email"], row["phone"]) == ("a@example.com", None)
    assert row["_extra"] == {"Notes": "n", "column_3": "u", "Notes#2": "m"}


def test_no_undeclared_column_means_no_extra(desk: Desk) -> None:
    (row, _) = desk.rows(desk.read(OPT_OUTS, PLAIN))
    assert row["_extra"] is None


def test_a_label_that_occurs_twice_goes_to_the_columns_that_declare_it_in_turn(desk: Desk) -> None:
    rejections = feed(
        {"email": ["email"], "expires_at": ["expires_at"], "last_event_at": ["last_event_at"], "expires_again": ["expires_at"]}
    )
    file = desk.read(rejections, "email,expires_at,last_event_at,expires_at\na@example.com,1,2,3\n")
    assert desk.values(file) == [("a@example.com", "1", "2", "3")]


def test_records_are_numbered_like_the_rows_of_a_spreadsheet(desk: Desk) -> None:
    content = 'Unsubscribe report\n\nEmail,Phone,Reason\na@example.com,,"two\nlines"\n\nb@example.com,,\n'
    file = desk.read(OPT_OUTS, content)
    assert [(row["_record_no"], row["email"]) for row in desk.rows(file)] == [(4, "a@example.com"), (6, "b@example.com")]
    assert (file.physical, file.skipped) == (6, 4)


def test_too_few_and_too_many_fields_are_quarantined_and_the_rest_goes_on(desk: Desk) -> None:
    content = "Email,Phone,Reason\na@example.com,1\nb@example.com,,\nc@example.com,,stop, please\nd@example.com,,\n"
    file = desk.read(OPT_OUTS, content)
    assert desk.quarantine(file) == [
        (2, "too_few_fields", "a@example.com,1"),
        (4, "too_many_fields", "c@example.com,,stop, please"),
    ]
    assert [(row["_record_no"], row["email"]) for row in desk.rows(file)] == [(3, "b@example.com"), (5, "d@example.com")]


@pytest.mark.parametrize(
    ("case", "broken", "kept"),
    [
        ("never closed", 'a@example.com,"abc,x', 2),
        ("closed within the value", 'a@example.com,"abc"d,x', 2),
        ("closed by a later record's stray mark", 'a@example.com,"abc,x\nb@example.com,,\nc@example.com,abc",x', 4),
    ],
)
def test_a_stray_quotation_mark_costs_its_own_line_only(desk: Desk, case: str, broken: str, kept: int) -> None:
    file = desk.read(OPT_OUTS, f'Email,Phone,Reason\n{broken}\ny@example.com,"1",\nz@example.com,,""\n')
    assert desk.quarantine(file) == [(2, "broken_quoting", broken.partition("\n")[0])], case
    emails = [row["email"] for row in desk.rows(file)]
    assert emails == ["b@example.com", "c@example.com", "y@example.com", "z@example.com"][-kept:], case


def test_an_inch_mark_within_a_value_is_just_a_letter(desk: Desk) -> None:
    file = desk.read(OPT_OUTS, 'Email,Phone,Reason\na@example.com,,5" pipe\nb@example.com,,x\n')
    assert [row[2] for row in desk.values(file)] == ['5" pipe', "x"]


def test_a_letter_quoted_over_lines_may_hold_commas_and_addresses(desk: Desk) -> None:
    note = "Dear all,\nplease stop, I mean it,\nwrite to me@example.com or call\nBob, Jr."
    file = desk.read(OPT_OUTS, f'Email,Phone,Reason\na@example.com,,"{note}"\nb@example.com,,x\n')
    assert [row[2] for row in desk.values(file)] == [note, "x"]


def test_quotation_marks_escaped_with_a_backslash_are_understood(desk: Desk) -> None:
    file = desk.read(OPT_OUTS, 'Email,Phone,Reason\na@example.com,,"He said \\"stop\\" \\\\ now"\nb@example.com,,x\n')
    assert [row[2] for row in desk.values(file)] == ['He said "stop" \\ now', "x"]


def test_a_feed_without_quotation_marks_takes_them_as_letters(desk: Desk) -> None:
    calls = feed({"phone": ["phone"], "name": ["name"]}, quote="", delimiter="\t")
    file = desk.read(calls, 'phone\tname\n2015550101\t"Bob\n2015550102\tAnn"\n')
    assert desk.values(file) == [("2015550101", '"Bob'), ("2015550102", 'Ann"')]


@pytest.mark.parametrize(
    ("case", "before", "skipped", "quarantined"),
    [
        ("a title", "Unsubscribe report\n", 2, []),
        ("title, blank line, padded date", "Report\n\nFrom,2026-01-01,\n,,\n", 4, ["From,2026-01-01,"]),
        ("padded by a spreadsheet", "Report,,\nAccount 12,,\n", 3, []),
        ("an address by itself", "a@example.com\n", 1, ["a@example.com"]),
        ("a number by itself", "Who,+1 (555) 123-0101\n", 1, ["Who,+1 (555) 123-0101"]),
        ("a whole record", "a@example.com,,x\n", 1, ["a@example.com,,x"]),
    ],
)
def test_what_stands_before_the_header_is_skipped_only_if_it_is_clearly_no_record(
    desk: Desk, case: str, before: str, skipped: int, quarantined: list[str]
) -> None:
    file = desk.read(OPT_OUTS, before + "Email,Phone,Reason\nz@example.com,,x\n")
    assert [(reason, text) for _, reason, text in desk.quarantine(file)] == [("before_header", text) for text in quarantined], (
        case
    )
    assert desk.values(file) == [("z@example.com", "", "x")], case
    assert file.skipped + file.quarantined == before.count("\n") + 1, case


@pytest.mark.parametrize(
    ("case", "after", "skipped"),
    [
        ("total", "Total,,2\n", True),
        ("total with a label", "Total records: 2\n", True),
        ("count of a database", "(2 rows affected)\n", True),
        ("blank line and a rule", "\n-----\nGrand total,2,\n", True),
        ("end of file", "*** END OF REPORT ***\n", True),
        ("end mark of DOS", "\x1a", True),
        ("rows of nothing but delimiters", ",,\n,,\n", True),
        ("total of somebody", "Total,c@example.com,\n", False),
        ("a person who counts", "Count Example,,1 Main Street\n", False),
        ("a number of enough digits to be called", "Total,2015550101,\n", False),
        ("a remark", "Generated by Ann\n", False),
        ("a count that a record follows", "Total,,2\nc@example.com,,x\n", False),
    ],
)
def test_what_stands_after_the_records_is_skipped_only_if_it_is_clearly_no_record(
    desk: Desk, case: str, after: str, skipped: bool
) -> None:
    file = desk.read(OPT_OUTS, PLAIN + after)
    more = file.loaded - 2 + file.quarantined
    assert (more == 0) == skipped, f"{case}: {file}"


def test_a_repeated_header_is_skipped_also_when_the_columns_change_at_the_seam(desk: Desk) -> None:
    content = PLAIN + "Email,Phone,Reason\nc@example.com,,\n" + "Reason,Email,Campaign\nx,d@example.com,spring\n"
    file = desk.read(OPT_OUTS, content)
    assert [row["email"] for row in desk.rows(file)] == ["a@example.com", "b@example.com", "c@example.com", "d@example.com"]
    assert desk.rows(file)[-1] == {
        "_record_no": 7,
        "_extra": {"Campaign": "spring"},
        "email": "d@example.com",
        "phone": None,
        "reason": "x",
    }
    assert file.skipped == 3


def test_a_record_that_holds_one_label_is_a_record(desk: Desk) -> None:
    file = desk.read(OPT_OUTS, "Email,Phone,Reason\na@example.com,,phone\nb@example.com,Phone,x\n")
    assert (file.loaded, file.skipped) == (2, 1)


def test_zero_bytes_around_a_value_are_padding_and_within_one_nobody_knows(desk: Desk) -> None:
    file = desk.read(OPT_OUTS, "Email,Phone,Reason\na@example.com\0\0,\0,x\nb\0b@example.com,,\n\0\0\0\n")
    assert desk.values(file) == [("a@example.com", "", "x")]
    assert [(number, reason) for number, reason, _ in desk.quarantine(file)] == [(3, "nul_bytes")]
    assert file.skipped == 2


def test_a_file_without_header_is_read_by_position(desk: Desk) -> None:
    numbers = feed({"area": ["area"], "number": ["number"]}, header=False)
    file = desk.read(numbers, "201,5550101\n202,5550102\n", "numbers.txt")
    assert desk.values(file) == [("201", "5550101"), ("202", "5550102")]
    assert [row["_record_no"] for row in desk.rows(file)] == [1, 2]


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        ("b@example.com,1\n", ["too_few_fields"]),
        ("b@example.com,1", ["truncated"]),
        ('b@example.com,,"sto', ["truncated"]),
        ("b@example.com,,stop", []),  # whole, only without its last end of line, as some writers leave it
        ("b@example.com,1\nc@example.com,,stop", ["too_few_fields"]),
    ],
)
def test_a_file_that_ends_within_a_record_says_so(desk: Desk, end: str, reason: list[str]) -> None:
    for head in ("", '"quoted, so read with care\n",,\n'):
        file = desk.read(OPT_OUTS, f"Email,Phone,Reason\n{head}a@example.com,,\n{end}")
        assert [found for _, found, _ in desk.quarantine(file)] == reason, (head, end)


def test_a_file_without_header_may_have_fields_at_the_end_or_lack_some(desk: Desk) -> None:
    calls = feed(
        {"src": ["src"], "dst": ["dst"], "uniqueid": ["uniqueid"], "userfield": ["userfield"]}, header=False, min_fields=2
    )
    file = desk.read(calls, "1,2\n1,2,3,4\n1,2,3,4,5\n1\n")
    assert desk.values(file) == [("1", "2", None, None), ("1", "2", "3", "4")]
    assert [reason for _, reason, _ in desk.quarantine(file)] == ["too_many_fields", "too_few_fields"]
    wide = feed({"phone": ["phone"]}, header=False, name="wide")
    (file,) = desk.deliver((wide,), {"wide.csv": "2015550101,2026-01-01\n2015550102,2026-01-02\n"})
    assert [(row["phone"], row["_extra"]) for row in desk.rows(file)] == [
        ("2015550101", {"column_2": "2026-01-01"}),
        ("2015550102", {"column_2": "2026-01-02"}),
    ]


def test_one_column_needs_no_delimiter(desk: Desk) -> None:
    file = desk.read(OPT_OUTS, "Email\na@example.com\n\nb@example.com\n")
    assert [row["email"] for row in desk.rows(file)] == ["a@example.com", "b@example.com"]


@pytest.mark.parametrize(
    ("case", "content", "reason"),
    [
        ("no header", "x,y\n1,2\n", "no_known_columns"),
        ("a required column is missing", "Phone,Reason\n1,2\n", "missing_columns"),
        ("a web page", "<!DOCTYPE html><html><body>Log in</body></html>", "unreadable_file"),
        ("a spreadsheet", b"PK\x03\x04 [Content_Types].xml", "unreadable_file"),
        ("binary", bytes(range(256)) * 20, "unreadable_file"),
        ("a PDF file", b"%PDF-1.7\n", "unreadable_file"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_quarantined_record_and_the_next_is_loaded(
    desk: Desk, case: str, content: bytes | str, reason: str
) -> None:
    strict = feed({"email": ["Email"], "phone": ["Phone"]}, requires=("email",))
    if case == "a spreadsheet":
        # Only what opens as a spreadsheet is kept as one; bytes that merely start like a ZIP are a damaged archive.
        import io
        import zipfile

        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("[Content_Types].xml", "<Types/>")
        content = buffer.getvalue()
    bad, good = desk.deliver((strict,), {"1.csv": content, "2.csv": "Email\na@example.com\n"})
    assert [(number, why) for number, why, _ in desk.quarantine(bad)] == [(1, reason)], case
    assert (bad.physical, bad.loaded, bad.quarantined) == (1, 0, 1), case
    assert good.loaded == 1, case
    assert desk.con.execute("select count(*) from raw.quarantine where detail is null").fetchall() == [(0,)]


@pytest.mark.parametrize(("case", "content"), [("nothing", ""), ("a mark only", "\ufeff"), ("blank lines", "\n\r\n  \n")])
def test_an_empty_file_is_loaded_with_no_records_and_noted(desk: Desk, case: str, content: str) -> None:
    file = desk.read(OPT_OUTS, content)
    assert (file.physical, file.loaded, file.quarantined) == (0, 0, 0), case
    assert file.detail, case


def test_a_file_of_a_header_only_has_no_records(desk: Desk) -> None:
    file = desk.read(OPT_OUTS, "Email,Phone,Reason\n")
    assert (file.physical, file.loaded, file.skipped) == (1, 0, 1)


def test_lines_keep_their_blanks(desk: Desk) -> None:
    registry = feed({"line": ["line"]}, reader="lines")
    lines = ["0207 3787244", "01635 506160", "0191 5657153", "020794604  \t", '"quoted, text"', "tab\tand,comma;bar|"]
    file = desk.read(registry, "\r\n".join(lines) + "\r\n\r\n", "tps.txt")
    assert [row["line"] for row in desk.rows(file)] == lines
    assert (file.loaded, file.skipped) == (6, 1)


def test_auto_tells_json_from_delimited_by_content(desk: Desk) -> None:
    either = feed({"email": ["email"]}, reader="auto")
    files = {
        "1.csv": "email,x\na@example.com,1\n",
        "2.csv": '\ufeff \n{"email": "b@example.com"}\n',
        "3.csv": '[{"email": "c@example.com"}]',
        "4.json": '"email","x"\n"d@example.com","1"\n',
    }
    loaded = desk.deliver((either,), files)
    assert [desk.values(file) for file in loaded] == [[(f"{letter}@example.com",)] for letter in "abcd"]


def test_a_clean_file_goes_through_duckdb_and_so_does_one_with_wrong_widths(desk: Desk) -> None:
    clean = desk.read(OPT_OUTS, PLAIN)
    dirty = desk.read(OPT_OUTS, PLAIN + "c@example.com,1\n", "dirty.csv")
    doubtful = desk.read(OPT_OUTS, PLAIN + "Total,,2\n", "total.csv")
    assert [clean.reader, dirty.reader, doubtful.reader] == ["duckdb", "duckdb", "python"]


def test_a_home_whose_path_holds_pattern_letters_works(tmp_path_factory: pytest.TempPathFactory) -> None:
    from orchestration.core.home import Home
    from orchestration.core.warehouse import warehouse

    home = Home.at(tmp_path_factory.mktemp("odd") / "a[b]*'c").create()
    with warehouse(home) as con:
        desk = Desk(home, con)
        file = desk.read(OPT_OUTS, PLAIN)
        objects = feed({"email": ["email"]}, reader="json", name="objects")
        (more,) = desk.deliver((objects,), {"more.json": '{"email":"a@example.com"}'})
        assert (file.loaded, more.loaded) == (2, 1)


def test_a_value_that_goes_on_behind_its_closing_mark_is_quarantined_however_the_file_is_read(desk: Desk) -> None:
    # Found by fuzzing: DuckDB joined the two values into one, without the marks.
    one = feed({"email": ["email"], "note": ["note"]})
    file = desk.read(one, 'email,note\na@example.com, "x"  "b@example.com" \nc@example.com,"x"\n')
    assert [(number, reason) for number, reason, _ in desk.quarantine(file)] == [(2, "broken_quoting")]
    assert desk.values(file) == [("c@example.com", "x")]


def test_a_quoted_value_behind_several_spaces_is_read_without_marks(desk: Desk) -> None:
    # Found by fuzzing: behind two spaces both ways kept the marks, behind one they dropped them.
    one = feed({"email": ["email"], "note": ["note"]})
    assert desk.values(desk.read(one, 'email,note\na@example.com,  "x"\n')) == [("a@example.com", "x")]


def test_an_odd_mark_before_the_header_leaves_no_record_out(desk: Desk) -> None:
    # Found by fuzzing: the mark joined two lines of the preamble for one count and not for the other.
    one = feed({"email": ["email"]})
    file = desk.read(one, 'xa "\nb@xam.com"", "\nb@eil,noteil,lote\nnute,email\nz,"@ "a')
    assert (file.reader, file.physical) == ("python", 5)
    assert [number for number, _, text in desk.quarantine(file) if "@" in str(text)] == [2, 3, 5]


def test_a_line_of_one_mark_at_the_end_of_a_list_is_a_rule_and_no_value(desk: Desk) -> None:
    # Found by fuzzing: one way of reading loaded it, the other skipped it.
    file = desk.read(feed({"phone": ["phone"]}, reader="lines"), '2025550101\n"\n')
    assert (file.loaded, file.skipped) == (1, 1)
