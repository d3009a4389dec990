"""Bytes that no mail should hold: nothing raises, nothing is lost, nothing takes long."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Iterator

import pytest

from orchestration.readers.mail.containers import Raw
from orchestration.readers.mail.message import FIELDS, NoMail, rows_of
from orchestration.readers.mail.words import new_words, text_of_html
from tests.mail.letters import letters
from tests.mail.others import others
from tests.seed import SEED

BROKEN = (
    b"\n\n", b"\n--arf\n", b"\0", b"=?utf-8?q?", b'; charset="', b"\nContent-Type: multipart/mixed; boundary=x\n",
    b"charset*=x'y'z",
    b"\nFrom ", b"<", b"\x1b$B", b"\nContent-Transfer-Encoding: base64\n", b"name*0*=x", b"\nContent-Type: message/rfc822\n",
)  # fmt: skip
# A mail is a few kilobytes and takes a fraction of a millisecond; a second is what a quadratic step would take.
SECONDS = 2.0


def mutated(content: bytes, draw: random.Random) -> bytes:
    data = bytearray(content)
    for _ in range(draw.choice((1, 1, 3, 10, 50))):
        place = draw.randrange(len(data) or 1)
        match draw.randrange(6):
            case 0 if data:
                data[place] = draw.randrange(256)
            case 1:
                del data[place : place + draw.randrange(1, 200)]
            case 2:
                data[place:place] = bytes(draw.randrange(256) for _ in range(draw.randrange(1, 30)))
            case 3:
                data[place:place] = draw.choice(BROKEN)
            case 4 if len(data) > 10:
                data = data[:place]
            case _:
                data[place : place + 1] = data[place : place + 1] * draw.randrange(2, 400)
    return bytes(data)


def test_mutated_mails_never_raise_and_never_vanish() -> None:
    seed = SEED
    draw = random.Random(seed)
    for letter in [*letters(), *others()]:
        for _ in range(8):
            content = mutated(letter.content, draw)
            begun = time.perf_counter()
            try:
                rows = rows_of(Raw(content))
            except NoMail:  # the loader quarantines it
                continue
            taken = time.perf_counter() - begun
            assert rows and all(len(row) == len(FIELDS) for row in rows), f"seed {seed}, {letter.name}: {content!r}"
            assert all(value is None or "\0" not in value for row in rows for value in row), f"seed {seed}, {letter.name}"
            assert taken < SECONDS, f"seed {seed}, {letter.name}: {taken:.1f} s for {len(content)} bytes"


def _long() -> Iterator[tuple[str, bytes]]:
    size = 300_000
    head = b"From: a@example.com\nSubject: x\n"
    yield "a line without end", head + b"\n" + b"x" * size
    yield "at signs", head + b"\n" + b"@" * size
    yield "a header without end", b"From: " + b"a" * size + b"\n\nx"
    yield "brackets", b"From: " + b"<" * size + b"\n\nx"
    yield "commas", b"To: " + b"a," * (size // 2) + b"\n\nx"
    yield "equal signs", b"From: MAILER-DAEMON@x.example.com\nReturn-Path: <" + b"a=" * (size // 2) + b"@x.example.com>\n\nx"
    yield "empty lines", head + b"Return-Path: <>\n\n" + b"\n" * size
    yield (
        "empty lines of a bounce",
        b"From: MAILER-DAEMON@x.example.com\nSubject: failure notice\n\n550 a@example.org not \n" + b" \n" * (size // 2),
    )
    yield "quoted words", b"Subject: " + b"=?utf-8?q?a" * (size // 11) + b"\n\nx"
    yield "wrote", head + b"\n" + b"On , b wrote " * (size // 13)
    yield "addresses", head + b"\n" + b"a@b.example.com " * (size // 16)
    yield "addresses of a bounce", b"From: MAILER-DAEMON@x.example.com\n\n" + b"<a@b.example.com>: unknown\n" * (size // 27)
    yield "tags without end", head + b"Content-Type: text/html\n\n" + b"<a " * (size // 3)
    yield "tags with quotes", head + b"Content-Type: text/html\n\n" + b'<a b="' * (size // 6)
    yield "comments", head + b"Content-Type: text/html\n\n" + b"<!--" * (size // 4)
    yield "open tags", head + b"Content-Type: text/html\n\n" + b"<div>" * (size // 5)
    yield "nested parts", b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i) for i in range(200))
    yield "many parts", head + b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 5_000
    yield "folded lines", head + b"X-Long: a\n" + b" a\n" * (size // 3) + b"\nx"
    yield "envelope words", head + b"\nFrom " + b"Mon Mar 10:00 2026 " * (size // 19)


@pytest.mark.parametrize(("case", "content"), list(_long()), ids=[name for name, _ in _long()])
def test_length_takes_no_more_than_its_share(case: str, content: bytes) -> None:
    begun = time.perf_counter()
    rows = rows_of(Raw(content))
    taken = time.perf_counter() - begun
    assert rows, case
    assert taken < SECONDS, f"{case}: {taken:.1f} s"


def test_a_deeply_nested_mail_is_a_row_or_raises_what_the_loader_quarantines() -> None:
    content = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i) for i in range(3_000))
    with contextlib.suppress(RecursionError):
        assert rows_of(Raw(content))


@pytest.mark.parametrize("piece", ["<a ", "<!--", "</", '<a b="', "<", "<!", "<a/", "<p<"])
def test_pages_of_broken_tags_take_no_longer_than_their_length(piece: str) -> None:
    begun = time.perf_counter()
    text_of_html(piece * (200_000 // len(piece)))
    assert time.perf_counter() - begun < SECONDS, piece


def test_new_words_of_a_long_text_are_cut_and_said_to_be() -> None:
    words = new_words("word " * 10_000)
    assert words.is_cut and len(words.text) == 20_000
    assert not new_words("word").is_cut
