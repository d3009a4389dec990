"""Mbox files as programs write them, single mails, JSON pages: every mail comes out, whole, once."""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from pathlib import Path

import pytest

from orchestration.readers.mail.containers import messages, raw_of
from orchestration.readers.mail.message import FIELDS, rows_of
from tests.mail.letters import mail
from tests.readers.conftest import Desk, desk, feed

__all__ = ["desk"]  # the fixture of the readers' tests, used here as it is there
MAIL = feed({name: [name] for name in FIELDS}, reader="mail")
ONE = b"From: a@example.com\nSubject: one\n\nfirst\n"
TWO = b"From: b@example.com\nSubject: two\n\nsecond\n"
GMAIL = "From 1772@xxx Mon Mar 02 10:00:00 +0000 2026"


def bodies(path: Path, content: bytes) -> list[str]:
    """The text of each mail in a file."""
    path.write_bytes(content)
    return [raw.content.partition(b"\n\n")[2].decode().strip() for raw in messages(path)]


@pytest.mark.parametrize(
    ("case", "envelope"),
    [
        ("mboxo", "From a@example.com Mon Mar  2 10:00:00 2026"),
        ("Thunderbird", "From - Mon Mar 02 10:00:00 2026"),
        ("Gmail Takeout", GMAIL),
        ("with a zone", "From a@example.com Mon Mar  2 10:00:00 2026 +0100"),
        ("RFC 2822 date", "From a@example.com Mon, 2 Mar 2026 10:00:00 +0000"),
        ("no weekday", "From a@example.com 2026-03-02 10:00"),
        ("MAILER-DAEMON", "From MAILER-DAEMON Mon Mar  2 10:00:00 2026"),
    ],
)
def test_an_envelope_of_any_program_starts_a_mail(tmp_path: Path, case: str, envelope: str) -> None:
    line = envelope.encode() + b"\n"
    assert bodies(tmp_path / "x", line + ONE + b"\n" + line + TWO) == ["first", "second"], case
    assert bodies(tmp_path / "x", (line + ONE + b"\n" + line + TWO).replace(b"\n", b"\r\n")) == ["first", "second"], (
        f"{case}, CRLF"
    )
    assert bodies(tmp_path / "x", (line + ONE + b"\n" + line + TWO).replace(b"\n", b"\r")) == ["first", "second"], f"{case}, CR"


def test_words_that_begin_with_from_start_no_mail(tmp_path: Path) -> None:
    prose = (
        b"hello\n\nFrom Monday on we open at 10:00.\nFrom here it is not far.\n\n"
        b"From: is a word\n\nFrom 2026 to 2027\nno header\n"
    )
    content = GMAIL.encode() + b"\n" + ONE + prose + b"\n" + GMAIL.encode() + b"\n" + TWO
    assert len(bodies(tmp_path / "x", content)) == 2
    assert prose.decode().strip() in bodies(tmp_path / "x", content)[0]


def test_quoted_from_lines_lose_one_mark(tmp_path: Path) -> None:
    content = GMAIL.encode() + b"\n" + ONE + b">From me to you\n>>From afar\n> From a quote\n"
    assert bodies(tmp_path / "x", content) == ["first\nFrom me to you\n>From afar\n> From a quote"]


def test_a_single_mail_is_one_mail_whatever_stands_in_it(tmp_path: Path) -> None:
    content = ONE + b"\n" + GMAIL.encode() + b"\n" + TWO
    assert len(bodies(tmp_path / "x", content)) == 1
    assert bodies(tmp_path / "x", b"\n\n" + ONE) == ["first"]


def test_a_mail_without_a_blank_line_before_it_is_a_mail(tmp_path: Path) -> None:
    line = b"From a@example.com Mon Mar  2 10:00:00 2026\n"
    assert bodies(tmp_path / "x", line + ONE + line + TWO) == ["first", "second"]


def test_mails_are_cut_alike_wherever_the_pieces_of_a_file_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = b"".join(GMAIL.encode() + b"\r\n" + (ONE if i % 2 else TWO).replace(b"\n", b"\r\n") + b"\r\n" for i in range(7))
    whole = bodies(tmp_path / "x", content)
    assert len(whole) == 7
    for size in (1, 2, 3, 7, 50, 64, 201):
        monkeypatch.setattr("orchestration.readers.mail.containers._CHUNK", size)
        assert bodies(tmp_path / "x", content) == whole, f"pieces of {size} bytes"


@pytest.mark.parametrize(
    ("case", "record"),
    [
        ("Gmail's raw", {"id": "1", "raw": urlsafe_b64encode(ONE).decode().rstrip("=")}),
        ("base64", {"raw": b64encode(ONE).decode()}),
        ("base64 in lines", {"Raw": "\n".join(b64encode(ONE * 3).decode()[i : i + 76] for i in range(0, 160, 76))}),
        ("text", {"body-mime": ONE.decode()}),
        ("text with CRLF", {"email": ONE.decode().replace("\n", "\r\n")}),
        ("within", {"message": {"raw": b64encode(ONE).decode()}}),
        ("SES", {"notificationType": "Received", "content": ONE.decode()}),
    ],
)
def test_a_record_of_a_page_holds_a_mail(case: str, record: dict[str, object]) -> None:
    assert raw_of(record).content.startswith(b"From: a@example.com\nSubject: one\n\nfirst"), case


def test_pages_are_read_record_by_record_and_what_holds_no_mail_is_listed(desk: Desk) -> None:
    good, bad = {"raw": b64encode(ONE).decode()}, {"id": "no mail in it"}
    for name, content, expected in (
        ("page.json", json.dumps({"messages": [good, bad, good]}), (2, 1)),
        ("list.json", json.dumps([good, bad]), (1, 1)),
        ("lines.jsonl", f"{json.dumps(good)}\n{json.dumps(bad)}\n{{broken\n", (1, 2)),
        ("texts.json", json.dumps([ONE.decode(), "hello"]), (1, 1)),
    ):
        file = desk.read(MAIL, content, name)
        assert (file.loaded, file.quarantined) == expected, name


def test_a_mail_that_breaks_the_reader_is_quarantined_alone(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(raw: object) -> list[tuple[str | None, ...]]:
        if b"second" in raw.content:  # type: ignore[attr-defined]
            raise RecursionError
        return rows_of(raw)  # type: ignore[arg-type]

    monkeypatch.setattr("orchestration.readers.mail.loading.rows_of", broken)
    line = GMAIL.encode() + b"\n"
    file = desk.read(MAIL, line + ONE + b"\n" + line + TWO + b"\n" + line + ONE, "x.mbox")
    assert (file.physical, file.loaded, file.quarantined) == (3, 2, 1)
    ((number, reason, text),) = desk.quarantine(file)
    assert (number, reason) == (2, "unreadable_mail")
    assert text is not None and "second" in text


def test_what_has_no_header_is_no_mail_and_is_listed(desk: Desk) -> None:
    line = GMAIL.encode() + b"\n"
    file = desk.read(MAIL, line + ONE + b"\n" + b"From a@example.com Mon Mar  2 10:00:00 2026\n#?\n\n" + line + TWO, "x.mbox")
    assert (file.physical, file.loaded, file.quarantined) == (3, 2, 1)
    assert [reason for _, reason, _ in desk.quarantine(file)] == ["no_headers"]


def test_every_report_and_every_named_address_is_a_row_and_a_mail_is_one(desk: Desk) -> None:
    file = desk.read(MAIL, mail("Remove bob@example.org and ann@example.org", sender="c@example.com"), "a.eml")
    rows = [(row["about_place"], row["about"]) for row in desk.rows(file)]
    assert rows == [("0", None), ("1", "bob@example.org"), ("2", "ann@example.org")]


def test_an_empty_file_and_one_of_white_space_hold_no_mail(desk: Desk) -> None:
    assert [desk.read(MAIL, content, name).physical for content, name in ((b"", "a"), (b"\n\r\n \n", "b"))] == [0, 0]
