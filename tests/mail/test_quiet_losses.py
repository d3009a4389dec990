"""Requests that were once dropped without a word: each is acted on, or listed for a person, and never ordinary mail."""

from __future__ import annotations

import pytest

from orchestration.core.warehouse import warehouse
from tests.mail.conftest import staged

TO_LEAVE = "unsubscribe+tok17@acme.example.com"
GROUP = "List-ID: <service.groups.example.net>\nList-Unsubscribe: <mailto:x@groups.example.net>\nPrecedence: list\n"
MACHINE = "Auto-Submitted: auto-generated\n"
UNREAD = "Klaar met die gemors, haal my van julle lys af asseblief"  # Afrikaans is none of the twelve languages


def letter(
    text: str,
    *,
    subject: str = "Hello",
    sender: str = "Ada <ada@example.org>",
    to: str = "news@acme.example.com",
    headers: str = "",
    kind: str = "plain",
) -> bytes:
    return (
        f"From: {sender}\nTo: {to}\nSubject: {subject}\nDate: Mon, 2 Mar 2026 10:00:00 +0000\nMIME-Version: 1.0\n{headers}"
        f"Content-Type: text/{kind}; charset=utf-8\n\n{text}\n"
    ).encode()


# The case, the mail, and what becomes of it: "opt_out", "doubt opt_out", or the reason why it is listed or none.
CASES = (
    ("a wrong number in the subject, words that nobody reads", letter(UNREAD, subject="wrong number"), "perhaps_wrong_person"),
    ("a wrong number in the subject, words that ask", letter("Please stop contacting me", subject="wrong number"), "opt_out"),
    ("a wrong number in the subject of an answer", letter("Thanks!", subject="Re: wrong number"), "ordinary_mail"),
    ("made to leave, by a program, no subject", letter("", to=TO_LEAVE, subject="", headers=MACHINE), "opt_out"),
    ("made to leave, by a program, a token", letter("", to=TO_LEAVE, subject="unsubscribe tok17", headers=MACHINE), "doubt opt_out"),
    ("made to leave, by a program, other words", letter("Sent by your mail program.", to=TO_LEAVE, subject="List removal", headers=MACHINE), "doubt opt_out"),
    ("made to leave, auto-replied, no subject", letter("", to=TO_LEAVE, subject="", headers="Auto-Submitted: auto-replied\n"), "opt_out"),
    ("made to leave, bulk", letter("", to=TO_LEAVE, subject="tok17", headers="Precedence: bulk\n"), "doubt opt_out"),
    ("made to leave, bulk, no subject", letter("", to=TO_LEAVE, subject="", headers="Precedence: bulk\n"), "opt_out"),
    ("made to leave, through somebody's list", letter("", to=TO_LEAVE, subject="tok17", headers=GROUP), "list_mail_asks"),
    ("somebody is away, to the leaving address", letter("I am back on Monday", to=TO_LEAVE, subject="Out of office", headers=MACHINE), "automatic_answer"),
    ("a program answers the leaving address", letter("We have got your mail.", to=TO_LEAVE, subject="Thank you for your message", headers="Auto-Submitted: auto-replied\n"), "automatic_answer"),
    ("a program answers our confirmation", letter("Back on Monday", to=TO_LEAVE, subject="Re: Your settings", headers=MACHINE), "automatic_answer"),
    ("a clear subject through somebody's group", letter("Thanks, Ada", subject="unsubscribe", headers=GROUP), "list_mail_asks"),
    ("a newsletter stays one", letter("Spring is here", subject="Spring", headers=GROUP), "newsletter"),
)  # fmt: skip


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What each mail was read as, the people it is about in their order."""
    files = {f"{place:03}.eml": content for place, (_, content, _) in enumerate(CASES)}
    home, _ = staged(tmp_path_factory.mktemp("losses") / "home", files)
    with warehouse(home) as con:
        rows = con.execute(
            "select landed_files.name, outcome, outcome_reason, action, doubt, emails_raw from staging.stg_mail__messages "
            "join raw.landed_files using (file_id) order by 1, record_no"
        ).fetchall()
        assert con.execute(
            "select count(*) from staging.stg_mail__messages where outcome <> 'request' and outcome_reason is null"
        ).fetchone() == (0,), "what is no request says why"
    found: dict[str, list[str]] = {}
    for name, outcome, reason, action, doubt, emails in rows:
        others = "" if emails in ([], ["ada@example.org"]) else f" {';'.join(emails)}"
        asked = f"{'doubt ' if doubt else ''}{action}{others}" if outcome == "request" else reason
        found.setdefault(name, []).append(asked)
    return {case: " + ".join(found[f"{place:03}.eml"]) for place, (case, _, _) in enumerate(CASES)}


@pytest.mark.parametrize(
    ("case", "expected"), [(case, expected) for case, _, expected in CASES], ids=[case for case, _, _ in CASES]
)
def test_a_request_is_acted_on_or_listed(read: dict[str, str], case: str, expected: str) -> None:
    assert read[case] == expected, case
