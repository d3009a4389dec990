"""Reading a mailbox, beside the loop over the standard library that one would write.

Both must find as many mails. The loop takes the plain text of each; it knows no reports, no quotes, no HTML, and one broken
charset ends it, so the mails here have none.
"""

from __future__ import annotations

import mailbox
import random
import tempfile
from email.message import EmailMessage
from pathlib import Path

import duckdb

from benchmarks.measure import Table
from orchestration.readers.feeds import all_feeds
from orchestration.readers.mail import read_mail
from orchestration.readers.mail.containers import messages
from orchestration.readers.mail.message import rows_of
from orchestration.readers.tables import create_raw_tables

_ENVELOPE = b"From bench@example.com Mon Mar  2 10:00:00 2026\n"
_QUOTE = "\n".join(f"> line {number} of what we sent, with an offer and a price" for number in range(40))
_FOOTER = "\n> To unsubscribe click here: https://acme.example.com/u/17\n"


def run(size: int, seed: int) -> Table:
    """Measure a mailbox of ``size`` mails: answers in plain text and HTML, bounces, complaints, newsletters."""
    draw = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="quietlist-bench.") as folder:
        path = Path(folder) / "inbox.mbox"
        with path.open("wb") as stream:
            for number in range(size):
                stream.write(_ENVELOPE + _mail(draw, number) + b"\n")
        table = Table(f"A mailbox of {size:,} mails, {path.stat().st_size / 1e6:,.0f} MB (seed {seed})")
        found = [
            table.child("mails: cut", size, lambda: sum(1 for _ in messages(path))),
            table.child("mails: cut and taken apart", size, lambda: sum(bool(rows_of(raw)) for raw in messages(path))),
            table.child("mails: into the raw table", size, lambda: _load(path, Path(folder))),
            table.child("for comparison: the standard library's loop", size, lambda: _loop(path)),
        ]
    if found != [size] * len(found):
        raise AssertionError(f"{size} mails were written; found: {found}")
    return table


def _load(path: Path, folder: Path) -> int:
    (feed,) = [feed for feed in all_feeds() if feed.format == "mail"]
    with duckdb.connect() as con:
        create_raw_tables(con, (feed,))
        outcome = read_mail(con, feed, "bench", path, folder)
    return outcome.loaded


def _loop(path: Path) -> int:
    seen = 0
    for mail in mailbox.mbox(path):
        seen += 1
        for part in mail.walk():
            if part.get_content_type() == "text/plain" and isinstance(raw := part.get_payload(decode=True), bytes):
                raw.decode(part.get_content_charset() or "utf-8")
    return seen


def _mail(draw: random.Random, number: int) -> bytes:
    """One mail. Each is about one person, so that it is one row."""
    mail = EmailMessage()
    mail["From"], mail["To"] = f"Person {number} <p{number}@example.org>", "news@acme.example.com"
    mail["Date"], mail["Message-ID"] = "Mon, 02 Mar 2026 10:00:00 +0000", f"<{number}@mail.example.org>"
    mail["Received"] = "from mx.example.org by mail.acme.example.com; Mon, 02 Mar 2026 10:00:01 +0000"
    mail["Subject"] = "Re: Spring is here"
    words = draw.choice(("Please take me off your list.", "Thanks, the blue one please.", "When do you open again?"))
    text = f"{words}\n\nOn Mon, 2 Mar 2026 at 09:00, Acme News <news@acme.example.com> wrote:\n{_QUOTE}{_FOOTER}"
    kind = draw.randrange(10)
    mail.set_content(text)
    if kind < 5:
        page = "".join(f"<div>{line}</div>" for line in words.split("\n"))
        quote = "".join(f"<p>{line[2:]}</p>" for line in _QUOTE.split("\n"))
        mail.add_alternative(
            f'<html><body>{page}<div class="gmail_quote"><blockquote>{quote}</blockquote></div></body></html>', subtype="html"
        )
    elif kind == 9:
        return _report(number)
    return mail.as_bytes()


def _report(number: int) -> bytes:
    return (
        f"From: MAILER-DAEMON@mx.example.org\nTo: bounce@acme.example.com\nSubject: Undelivered Mail Returned to Sender\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n--b\nContent-Type: text/plain\n\n'
        "This is the mail system.\n\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.org\n\n"
        f"Final-Recipient: rfc822; p{number}@example.org\nAction: failed\nStatus: 5.1.1\n"
        "Diagnostic-Code: smtp; 550 5.1.1 User unknown\n\n--b\nContent-Type: message/rfc822\n\n"
        f"From: news@acme.example.com\nTo: p{number}@example.org\nSubject: Spring\n\n{_QUOTE}\n--b--\n"
    ).encode()
