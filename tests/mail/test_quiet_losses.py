# ruff: noqa: E501  # whole mails stay on their lines
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


COMPLAINT = b"""From: fbl@provider.example.net
To: fbl@acme.example.com
Subject: complaint
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary=b

--b
Content-Type: message/feedback-report

Feedback-Type: abuse
Version: 1
Original-Mail-From: <msg-ada+tag=example.org@lists.acme.example.com>

--b--
"""


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
    ("no intended recipient, and asks", letter("Hello,\n\nI am not the intended recipient of these mails. Please remove me from your mailing list.\n\nAda"), "doubt opt_out"),
    ("no intended recipient, and asks, in German", letter("Ich bin nicht der richtige Empfänger, bitte nehmen Sie mich aus dem Verteiler."), "doubt opt_out"),
    ("no intended recipient, and asks, in French", letter("Je ne suis pas la destinataire de ces mails, merci de me désinscrire."), "doubt opt_out"),
    ("confidential, and asks", letter("Please keep this message confidential and delete all my data."), "erasure"),
    ("no intended recipient, above a quote", letter("Hi,\nI am not the intended recipient, please remove me from your list.\n\n> offers", subject="Re: Spring"), "doubt opt_out"),
    ("no recipient, and asks, in Spanish", letter("Este correo no es del destinatario. Quiero darme de baja, por favor."), "opt_out"),
    ("no recipient, and a word for leaving without a person", letter("This is not for the intended recipient. Unsubscribe now."), "taken_text_asks"),
    ("a disclaimer in Italian below thanks", letter("Grazie!\n\nSe non è il destinatario di questo messaggio, La preghiamo di cancellarlo."), "ordinary_mail"),
    ("a disclaimer below thanks", letter("Thanks!\n\nThis e-mail is confidential. If you are not the intended recipient, please notify me and delete it and all copies."), "ordinary_mail"),
    ("a disclaimer in German below thanks", letter("Danke!\n\nDiese E-Mail enthält vertrauliche Informationen. Wenn Sie nicht der richtige Adressat sind, informieren Sie bitte mich und löschen Sie diese Mail."), "ordinary_mail"),
    ("this address, nobody works here", letter("Please unsubscribe this address, nobody works here anymore."), "opt_out"),
    ("this address, in German", letter("Bitte diese Adresse abmelden, hier arbeitet niemand mehr."), "doubt opt_out"),
    ("this address, in French", letter("Merci de désabonner cette adresse, plus personne ici."), "doubt opt_out"),
    ("this address, below a greeting and above a quote", letter("Hi,\nPlease unsubscribe, nobody by that name here.\n\n> offers", subject="Re: Spring"), "opt_out"),
    ("the button does not work", letter("Unsubscribe please, the click on the button does not work."), "doubt opt_out"),
    ("this account, by its link", letter("Please unsubscribe this account: https://shop.example.com/users/17"), "doubt opt_out"),
    ("this account, by its link, below a greeting", letter("Hello,\n\nPlease unsubscribe this account: https://shop.example.com/users/17"), "doubt opt_out"),
    ("in Spanish, nobody here", letter("Por favor cancelar la suscripción, aquí nadie la quiere."), "opt_out"),
    ("a footer below thanks", letter("Thanks!\n\nIf you wish to unsubscribe please click here: https://acme.example.com/u"), "ordinary_mail"),
    ("a web form with a name, a subject and a date", letter("You have a new message from the contact form\n\nFrom: Ada\nSubject: unsubscribe\nDate: 2 March 2026\n\nPlease take me off your mailing list.",
        sender="Shop <web@acme.example.com>", headers="Reply-To: ada@example.org\n", subject="Contact form"), "doubt opt_out"),
    ("a web form with an address", letter("New enquiry\n\nName: Ada\nFrom: ada@example.org\nDate: 2026-03-02\nSubject: Newsletter\n\nPlease remove me from your mailing list",
        sender="web@acme.example.com", headers="Reply-To: ada@example.org\n", subject="New enquiry"), "taken_text_asks"),
    ("Outlook's head without addresses", letter("Thanks!\n\nFrom: Acme News\nSent: Monday\nTo: Ada\nSubject: Spring\n\nTo unsubscribe from our list click here", subject="Re: Spring"), "ordinary_mail"),
    ("a head that does not end", letter("<html><head><title>x</title><body><p>Please unsubscribe me from this list.</p></body></html>", kind="html"), "opt_out"),
    ("a title that does not end", letter("<html><head><meta charset=utf-8><body>Stop emailing me</body></html>", kind="html"), "opt_out"),
    ("what is hidden does not end", letter("<html><body><div style='display:none'>pre<p>Please unsubscribe me from this list.</p></body></html>", kind="html"), "opt_out"),
    ("an object", letter("<p>Hi</p><p><object data=x><p>Unsubscribe me from this list please</p>", kind="html"), "opt_out"),
    ("a page without a word", letter("<html><body><script>x</script></body></html>", kind="html"), "picture_or_attachment_only"),
    ("a parcel that was not delivered", letter("My parcel for ada.shop@example.net was not delivered. I want a full refund and stop emailing me.", subject="Delivery problem"), "doubt opt_out + doubt opt_out ada.shop@example.net"),
    ("a parcel, through a form", letter("My parcel was not delivered. Please unsubscribe me from this list.", subject="Delivery failed", sender="web@acme.example.com",
        headers="Auto-Submitted: auto-generated\nReply-To: ada@example.org\n"), "automatic_asks"),
    ("returned shoes", letter("The shoes could not be delivered. Never mind: please unsubscribe me from this list, quota exceeded.", subject="Returned mail order"), "doubt opt_out"),
    ("a server under a department's name", letter("Your message could not be delivered.\n\nbea@example.net: 550 5.1.1 user unknown", subject="Undeliverable: Spring", sender="IT <it@example.net>"), "undeliverable bea@example.net"),
    ("a device that goes on", letter("Sent from my phone: unsubscribe me please"), "opt_out"),
    ("a device that does not", letter("Thanks!\n\nSent from my iPhone"), "ordinary_mail"),
    ("below an attribution without marks", letter("Thanks!\n\nOn Mon, Mar 2, 2026 at 10:00 AM Acme News <news@acme.example.com> wrote:\nHi Ada\nspring offers\n\nPlease unsubscribe me from this list.", subject="Re: Spring"), "taken_text_asks"),
    ("said before, without a quote", letter("As I wrote to you on 2 March from ada@example.org:\nPlease unsubscribe me from this list."), "taken_text_asks"),
    ("a complaint whose return path may name two", COMPLAINT, "doubt complaint ada+tag@example.org + doubt complaint tag@example.org"),
    ("in a signature", letter("Hello there\n-- \nPlease unsubscribe me from this list."), "taken_text_asks"),
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
