# ruff: noqa: E501  # whole lines of mails stay whole
"""Mails that are no plain answers: reports, bounces, one-tap mails, automatic answers, lists, forwards, odd letters.

Layouts are those of the programs that write them (RFC 5965 and 3464, Outlook's JMRP, SNS, qmail, Exim, Sendmail, Exchange, Apple
Mail, Google Groups); people and addresses are invented.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator

from tests.mail.letters import COMPANY, Letter, mail

ORIGINAL = (
    "Return-Path: <bounce-17@acme.example.com>\nFrom: Acme News <news@acme.example.com>\nTo: {to}\nSubject: unsubscribe from winter\n"
    "Date: Mon, 2 Mar 2026 10:00:00 +0000\nMessage-ID: <n17@acme.example.com>\nList-Unsubscribe: <https://acme.example.com/u/17>\n"
    "Content-Type: text/plain\n\nPlease unsubscribe me. To unsubscribe click here.\n"
)


def arf(kind: str, fields: str, *, to: str = "reader@example.org", original: str = ORIGINAL, boundary: str = "arf") -> bytes:
    """A feedback report as RFC 5965 lays it out."""
    return (
        f"From: fbl@isp.example.net\nTo: abuse@acme.example.com\nSubject: FW: spam\nDate: Tue, 3 Mar 2026 09:00:00 -0500 (EST)\n"
        f'MIME-Version: 1.0\nContent-Type: multipart/report; report-type=feedback-report;\n\tboundary="{boundary}"\n\n'
        f"--{boundary}\nContent-Type: text/plain; charset=US-ASCII\n\nThis is an email abuse report.\n\n"
        f"--{boundary}\nContent-Type: message/feedback-report\n\nFeedback-Type: {kind}\nUser-Agent: Tester/1.0\nVersion: 1\n{fields}\n"
        f"--{boundary}\nContent-Type: message/rfc822\n\n{original.format(to=to)}\n--{boundary}--\n"
    ).encode()


def dsn(
    recipient: str, status: str, diagnosis: str, *, action: str = "failed", sender: str = "MAILER-DAEMON@mx.example.net"
) -> bytes:
    """A delivery status as RFC 3464 lays it out, with the mail that came back."""
    return (
        f"Return-Path: <>\nFrom: {sender}\nTo: bounce-17@acme.example.com\nSubject: Undelivered Mail Returned to Sender\n"
        "Date: Tue, 3 Mar 2026 09:00:00 +0000\nAuto-Submitted: auto-replied\nMIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="dsn"\n\n--dsn\nContent-Type: text/plain\n\n'
        "This is the mail system. I'm sorry to have to inform you that your message could not be delivered.\n\n"
        f"--dsn\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.net\n\nFinal-Recipient: rfc822; {recipient}\n"
        f"Action: {action}\nStatus: {status}\nDiagnostic-Code: smtp; {diagnosis}\n\n--dsn\nContent-Type: message/rfc822\n\n"
        f"{ORIGINAL.format(to=recipient)}\n--dsn--\n"
    ).encode()


def plain_bounce(
    text: str, *, sender: str = "MAILER-DAEMON@mx.example.net", subject: str = "failure notice", more: str = ""
) -> bytes:
    """A bounce that only people can read."""
    return (
        f"Return-Path: <>\nFrom: {sender}\nTo: bounce-17@acme.example.com\nSubject: {subject}\nDate: Tue, 3 Mar 2026 09:00:00 +0000\n{more}"
        f"Content-Type: text/plain\n\n{text}\n"
    ).encode()


def workbook(addresses: list[str]) -> bytes:
    """The part of an .xlsx in which its texts stand."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as book:
        book.writestr("[Content_Types].xml", "<Types/>")
        book.writestr("xl/sharedStrings.xml", "<sst>" + "".join(f"<si><t>{item}</t></si>" for item in addresses) + "</sst>")
    return packed.getvalue()


def with_attachment(words: str, name: str, kind: str, content: bytes, sender: str) -> bytes:
    from base64 import encodebytes

    return (
        (
            f"From: {sender}\nTo: {COMPANY}\nSubject: List\nDate: Tue, 3 Mar 2026 09:00:00 +0000\nMIME-Version: 1.0\n"
            'Content-Type: multipart/mixed; boundary="mix"\n\n--mix\nContent-Type: text/plain; charset=utf-8\n\n'
            f'{words}\n\n--mix\nContent-Type: {kind}; name="{name}"\nContent-Disposition: attachment; filename="{name}"\n'
            "Content-Transfer-Encoding: base64\n\n"
        ).encode()
        + encodebytes(content)
        + b"\n--mix--\n"
    )


def _complaints() -> Iterator[tuple[str, bytes, str]]:
    yield "abuse", arf("abuse", "Original-Rcpt-To: <r1@example.org>\n"), "complaint r1@example.org"
    yield "fraud", arf("fraud", "Original-Rcpt-To: r2@example.org\n"), "complaint r2@example.org"
    yield "opt_out", arf("opt-out", "Removal-Recipient: <r3@example.org>\n"), "opt_out r3@example.org"
    yield "opt_out_list", arf("opt-out-list", "Original-Rcpt-To: r4@example.org\n"), "opt_out r4@example.org"
    yield "attached_to", arf("abuse", "", to='"R. Five" <r5@example.org>'), "complaint r5@example.org"
    yield (
        "verp",
        arf("abuse", "Original-Mail-From: <bounce-17-r6=example.org@acme.example.com>\n", to="undisclosed-recipients:;"),
        "complaint r6@example.org",
    )
    yield (
        "several",
        arf("abuse", "Original-Rcpt-To: r7@example.org\nOriginal-Rcpt-To: r8@example.org\n"),
        "complaint r7@example.org + complaint r8@example.org",
    )
    yield (
        "one_of_two",
        arf("abuse", "", to="r9@example.org, r10@example.org"),
        "doubt complaint r9@example.org + doubt complaint r10@example.org",
    )
    yield "redacted", arf("abuse", "Original-Rcpt-To: redacted@example.org\n", to="redacted@example.org"), "review"
    yield (
        "digest",
        arf("abuse", "Original-Rcpt-To: 0123456789abcdef0123456789abcdef@example.org\n", to="undisclosed-recipients:;"),
        "review",
    )
    yield (
        "hidden_there_shown_here",
        arf("abuse", "Original-Rcpt-To: redacted@example.org\n", to="r22@example.org"),
        "complaint r22@example.org",
    )
    yield "nobody", arf("abuse", "", to="undisclosed-recipients:;"), "review"
    yield "auth_failure", arf("auth-failure", "Original-Rcpt-To: r11@example.org\nAuth-Failure: dmarc\n"), "nothing"
    yield "virus", arf("virus", "Original-Rcpt-To: r12@example.org\n"), "nothing"
    yield "not_spam", arf("not-spam", "Original-Rcpt-To: r13@example.org\n"), "nothing"
    yield "other", arf("other", "Original-Rcpt-To: r14@example.org\n"), "doubt complaint r14@example.org"
    yield (
        "headers_only",
        arf("abuse", "", to="r15@example.org").replace(b"message/rfc822", b"text/rfc822-headers"),
        "complaint r15@example.org",
    )
    yield (
        "loose_type",
        arf("abuse", "Original-Rcpt-To: r16@example.org\n").replace(
            b"report-type=feedback-report", b'report-type="feedback-report"'
        ),
        "complaint r16@example.org",
    )
    yield "packed_report", _packed_arf(), "complaint r17@example.org"
    yield (
        "jmrp",
        (
            b"From: staff@hotmail.com\nTo: abuse@acme.example.com\nSubject: complaint about message from 192.0.2.1\nDate: Tue, 3 Mar 2026 09:00:00 +0000\n"
            b"X-HmXmrOriginalRecipient: r18@example.org\nContent-Type: multipart/mixed; boundary=j\n\n--j\nContent-Type: message/rfc822\n\n"
            + ORIGINAL.format(to="r18@example.org").encode()
            + b"\n--j--\n"
        ),
        "complaint r18@example.org",
    )
    yield (
        "jmrp_inside",
        (
            b"From: staff@hotmail.com\nTo: abuse@acme.example.com\nSubject: complaint\nDate: Tue, 3 Mar 2026 09:00:00 +0000\n"
            b"Content-Type: multipart/mixed; boundary=j\n\n--j\nContent-Type: message/rfc822\n\nX-HmXmrOriginalRecipient: <r19@example.org>\n"
            + ORIGINAL.format(to="r19@example.org").encode()
            + b"\n--j--\n"
        ),
        "complaint r19@example.org",
    )
    said = {
        "notificationType": "Complaint",
        "complaint": {"complainedRecipients": [{"emailAddress": "r20@example.org"}], "complaintFeedbackType": "abuse"},
        "mail": {"destination": ["r20@example.org", "other@example.org"]},
    }
    yield (
        "sns_complaint",
        mail(
            json.dumps(said)
            + "\n\n--\nIf you wish to stop receiving notifications, please click to unsubscribe: https://sns.example.com/x\n",
            sender="no-reply@sns.amazonaws.com",
            subject="AWS Notification Message",
        ),
        "complaint r20@example.org",
    )
    envelope = {
        "Type": "Notification",
        "MessageId": "1",
        "Message": json.dumps(said | {"complaint": {"complainedRecipients": [{"emailAddress": "R <r21@example.org>"}]}}),
    }
    yield (
        "sns_envelope",
        mail(json.dumps(envelope), sender="no-reply@sns.amazonaws.com", subject="AWS Notification"),
        "complaint r21@example.org",
    )
    yield (
        "webhook_as_mail",
        mail('{"event": "unsubscribed", "recipient": "x@example.org"}', sender="hooks@example.net", subject="webhook"),
        "review",
    )
    yield (
        "spamcop",
        mail(
            "[ SpamCop V5.4 ]\nThis message is brief for your comfort.",
            sender="1234@reports.spamcop.net",
            subject="[SpamCop (192.0.2.1) id:1] spam",
        ),
        "review",
    )


def _packed_arf() -> bytes:
    from base64 import encodebytes

    plain = b"Feedback-Type: abuse\nVersion: 1\nOriginal-Rcpt-To: r17@example.org\n"
    report = arf("abuse", "", to="other@example.org")
    start = report.index(b"Content-Type: message/feedback-report")
    end = report.index(b"--arf", start)
    head = b"Content-Type: message/feedback-report\nContent-Transfer-Encoding: base64\n\n"
    return report[:start] + head + encodebytes(plain) + b"\n" + report[end:]


def _leaving() -> Iterator[tuple[str, bytes, str]]:
    yield (
        "apple_one_tap",
        mail(
            "",
            sender="Ada <u1@example.org>",
            subject="unsubscribe",
            to="leave+tok17@acme.example.com",
            headers="X-Apple-Unsubscribe: true\nAuto-Submitted: auto-replied\n",
        ),
        "opt_out u1@example.org",
    )
    yield (
        "apple_with_words",
        mail(
            'Apple Mail sent this email to unsubscribe from the message "Spring".',
            sender="u2@example.org",
            subject="Unsubscribe from list",
            headers="X-Apple-Unsubscribe: true\nAuto-Submitted: auto-replied\n",
        ),
        "opt_out u2@example.org",
    )
    yield (
        "gmail_generated",
        mail(
            "This message was automatically generated by Gmail.",
            sender="u3@example.org",
            subject="unsubscribe",
            to="unsubscribe@acme.example.com",
        ),
        "opt_out u3@example.org",
    )
    yield (
        "empty_to_token",
        mail("", sender="u4@example.org", subject="", to="opt-out-100731.abc@acme.example.com"),
        "opt_out u4@example.org",
    )
    yield "empty_to_news", mail("", sender="u5@example.org", subject="Unsubscribe"), "opt_out u5@example.org"
    yield "subject_stop", mail("", sender="u6@example.org", subject="STOP"), "opt_out u6@example.org"
    yield (
        "subject_german",
        mail("", sender="u7@example.org", subject="Bitte abmelden", charset="iso-8859-1"),
        "opt_out u7@example.org",
    )
    yield (
        "subject_japanese",
        mail("", sender="u8@example.org", subject="配信停止", charset="iso-2022-jp"),
        "opt_out u8@example.org",
    )
    yield "subject_answered", mail("", sender="u9@example.org", subject="Re: unsubscribe"), "doubt opt_out u9@example.org"
    yield (
        "our_subject",
        mail("Thanks!", sender="u10@example.org", subject="Re: How to unsubscribe from our winter list"),
        "nothing",
    )
    yield (
        "tool_at_token",
        mail("Please process.", sender="u11@example.org", subject="Request 17", to="unsubscribe+17@acme.example.com"),
        "doubt opt_out u11@example.org",
    )
    yield (
        "away_at_token",
        mail(
            "I am away until Monday.",
            sender="u12@example.org",
            subject="Automatic reply: unsubscribe",
            to="unsubscribe@acme.example.com",
            headers="Auto-Submitted: auto-replied\n",
        ),
        "nothing",
    )
    yield (
        "spam_at_token",
        mail(
            "Buy watches now https://watches.example.net",
            sender="u13@example.net",
            subject="Watches!",
            to="unsubscribe@acme.example.com",
            headers="List-Unsubscribe: <https://watches.example.net/u>\nPrecedence: bulk\n",
        ),
        "nothing",
    )


def _bounces() -> Iterator[tuple[str, bytes, str]]:
    yield (
        "unknown_user",
        dsn("b1@example.org", "5.1.1", "550 5.1.1 <b1@example.org>: User unknown"),
        "undeliverable b1@example.org",
    )
    yield (
        "no_domain",
        dsn("b2@nowhere.example.org", "5.1.2", "Host or domain name not found"),
        "undeliverable b2@nowhere.example.org",
    )
    yield "vague_status", dsn("b3@example.org", "5.0.0", "550 no such user here"), "undeliverable b3@example.org"
    yield (
        "exchange_10",
        dsn("b4@example.org", "5.1.10", "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup"),
        "undeliverable b4@example.org",
    )
    yield "full", dsn("b5@example.org", "5.2.2", "552 5.2.2 mailbox full"), "nothing"
    yield "policy", dsn("b6@example.org", "5.7.1", "550 5.7.1 message blocked, user unknown to our spam policy"), "nothing"
    yield "spam_as_511", dsn("b7@example.org", "5.1.1", "554 5.1.1 rejected as spam"), "nothing"
    yield "later", dsn("b8@example.org", "4.4.1", "connection timed out", action="delayed"), "nothing"
    yield "too_large", dsn("b9@example.org", "5.3.4", "552 message size exceeds fixed limit"), "nothing"
    yield "relay", dsn("b10@example.org", "5.7.1", "550 relaying denied"), "nothing"
    yield "delivered", dsn("b11@example.org", "2.0.0", "250 ok", action="delivered"), "nothing"
    yield (
        "qmail",
        plain_bounce(
            "Hi. This is the qmail-send program at mx.example.net.\nI'm afraid I wasn't able to deliver your message to the following addresses.\n"
            "This is a permanent error; I've given up. Sorry it didn't work out.\n\n<b12@example.org>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n"
            "--- Below this line is a copy of the message.\n\n" + ORIGINAL.format(to="b12@example.org")
        ),
        "undeliverable b12@example.org",
    )
    yield (
        "exim",
        plain_bounce(
            "This message was created automatically by mail delivery software.\n\nA message that you sent could not be delivered to all of its recipients. "
            "The following address(es) failed:\n\n  b13@example.org\n    SMTP error from remote mail server after RCPT TO:<b13@example.org>:\n    550 unrouteable address\n\n"
            "------ This is a copy of the message, including all the headers. ------\n\n" + ORIGINAL.format(to="b13@example.org"),
            more="X-Failed-Recipients: b13@example.org\n",
            subject="Mail delivery failed: returning message to sender",
        ),
        "undeliverable b13@example.org",
    )
    yield (
        "sendmail",
        plain_bounce(
            "The original message was received at Mon, 2 Mar 2026 10:00:01 GMT\nfrom mail.acme.example.com\n\n"
            "   ----- The following addresses had permanent fatal errors -----\n<b14@example.org>\n    (reason: 550 5.1.1 <b14@example.org>... User unknown)\n\n"
            "   ----- Original message follows -----\n\n" + ORIGINAL.format(to="b14@example.org"),
            subject="Returned mail: see transcript for details",
        ),
        "undeliverable b14@example.org",
    )
    yield (
        "exchange",
        plain_bounce(
            "Your message did not reach some or all of the intended recipients.\n\n      Subject:  Spring is here\n      Sent:     3/2/2026 10:00 AM\n\n"
            "The following recipient(s) could not be reached:\n\n      b15@example.org on 3/2/2026 10:00 AM\n            The e-mail account does not exist at the organization this message was sent to.\n"
            "            <mx.example.net #5.1.1>\n",
            sender="System Administrator <postmaster@example.net>",
            subject="Undeliverable: Spring is here",
        ),
        "undeliverable b15@example.org",
    )
    yield (
        "two_fates",
        plain_bounce(
            "Unable to deliver message to the following address(es).\n\n<b16@example.org>:\nThis user doesn't have an example.org account (b16@example.org) [0]\n\n"
            "<b17@example.org>:\nSorry, this account is over quota.\n\n--- Original message follows.\n\n"
            + ORIGINAL.format(to="b16@example.org, b17@example.org")
        ),
        "undeliverable b16@example.org + nothing",
    )
    yield "unclear", plain_bounce("Your message could not be delivered to b18@example.org."), "review"
    yield (
        "old_1996",
        plain_bounce(
            "   ----- The following addresses had delivery problems -----\n<b19@example.org>  (unrecoverable error)\n\n   ----- Original message follows -----\n"
            "Received: by mx\nFrom: someone@example.org\nTo: list-request@acme.example.com\nSubject: unsubscribe\n\nunsubscribe\n",
            subject="Returned mail: Deferred",
        ),
        "review",
    )
    said = {
        "notificationType": "Bounce",
        "bounce": {
            "bounceType": "Permanent",
            "bounceSubType": "General",
            "bouncedRecipients": [{"emailAddress": "b20@example.org", "status": "5.1.1"}],
        },
    }
    yield (
        "sns_bounce",
        mail(json.dumps(said), sender="no-reply@sns.amazonaws.com", subject="AWS Notification"),
        "undeliverable b20@example.org",
    )
    said = {
        "notificationType": "Bounce",
        "bounce": {
            "bounceType": "Permanent",
            "bounceSubType": "OnAccountSuppressionList",
            "bouncedRecipients": [{"emailAddress": "b21@example.org"}],
        },
    }
    yield "sns_echo", mail(json.dumps(said), sender="no-reply@sns.amazonaws.com", subject="AWS Notification"), "echo"
    yield (
        "receipt",
        mail("Your message was read on Tuesday.", sender="b22@example.org", subject="Read: Spring is here").replace(
            b"Content-Type: text/plain; charset=utf-8",
            b"Content-Type: multipart/report; report-type=disposition-notification; boundary=r",
        ),
        "nothing",
    )


def _machines() -> Iterator[tuple[str, bytes, str]]:
    away = "Auto-Submitted: auto-replied\nX-Auto-Response-Suppress: All\n"
    yield (
        "away",
        mail(
            "I am out of the office until 9 March and will stop by my mail then.",
            sender="a1@example.org",
            subject="Automatic reply: Spring is here",
            headers=away,
        ),
        "nothing",
    )
    yield (
        "away_german",
        mail(
            "Ich bin bis 9. März nicht im Büro.",
            sender="a2@example.org",
            subject="Abwesenheitsnotiz: Der Frühling ist da",
            charset="iso-8859-1",
        ),
        "nothing",
    )
    yield (
        "left",
        mail(
            "Bob no longer works here. Please contact info@example.org.",
            sender="a3@example.org",
            subject="Automatic reply: Spring is here",
            headers=away,
        ),
        "review + nothing",
    )
    yield (
        "away_asks",
        mail(
            "This address is closed. Please remove me from your mailing list.",
            sender="a4@example.org",
            subject="Auto: Spring",
            headers=away,
        ),
        "review",
    )
    yield (
        "newsletter",
        mail(
            "",
            sender="deals@shop.example.net",
            subject="Stop paying too much",
            plain=False,
            headers="List-Unsubscribe: <https://shop.example.net/u>\n",
            html='<html><body><img src="a.png" width="600"><p><a href="https://shop.example.net/u">Unsubscribe</a></p></body></html>',
        ),
        "nothing",
    )
    yield (
        "bulk_no_header",
        mail(
            "Please unsubscribe from boredom: buy our new watches. Stop at nothing. Visit https://shop.example.net today and save. To unsubscribe click here: https://x.example.net",
            sender="deals2@shop.example.net",
            subject="Watches",
            headers="Precedence: bulk\n",
        ),
        "nothing",
    )
    yield (
        "through_our_group",
        mail(
            'Please take me off your list.\n\n-- \nYou received this message because you are subscribed to the Google Groups "privacy" group.\n'
            "To unsubscribe from this group, send an email to privacy+unsubscribe@acme.example.com.",
            sender="a5@example.org",
            subject="Hello",
            to="privacy@acme.example.com",
            headers="Precedence: list\nList-ID: <privacy.acme.example.com>\nList-Unsubscribe: <mailto:googlegroups-manage+1+unsubscribe@googlegroups.com>\n",
        ),
        "opt_out a5@example.org",
    )
    yield (
        "alias_of_our_group",
        mail(
            "Please take me off your list.",
            sender="a10@example.org",
            subject="Hello",
            to="hello@brand.example.net",
            headers="Precedence: list\nList-ID: <privacy.acme.example.com>\nList-Unsubscribe: <mailto:x+unsubscribe@example.net>\n",
        ),
        "opt_out a10@example.org",
    )
    yield (
        "list_of_others",
        mail(
            "Please take me off your list.",
            sender="a11@example.org",
            subject="Hello",
            to="hello@brand.example.net",
            headers="Precedence: list\nList-ID: <talk.lists.example.net>\nList-Unsubscribe: <mailto:x+unsubscribe@example.net>\n",
        ),
        "review",
    )
    yield (
        "group_rewritten",
        mail(
            "Please take me off your list.",
            sender="\"'A Six' via Privacy\" <privacy@acme.example.com>",
            subject="Hello",
            to="privacy@acme.example.com",
            headers="Reply-To: A Six <a6@example.org>\nList-ID: <privacy.acme.example.com>\n",
        ),
        "opt_out a6@example.org",
    )
    yield (
        "web_form",
        mail(
            "Message: please unsubscribe me",
            sender="website@acme.example.com",
            subject="Contact form",
            headers="Reply-To: a7@example.org\n",
        ),
        "opt_out a7@example.org",
    )
    yield (
        "own_newsletter",
        mail(
            "Spring is here. To unsubscribe click here: https://acme.example.com/u",
            sender="news@acme.example.com",
            subject="Spring is here",
            to="a8@example.org",
        ),
        "nothing",
    )
    yield (
        "own_words",
        mail("Please unsubscribe me", sender="colleague@acme.example.com", subject="Test", to="news@acme.example.com"),
        "nothing",
    )
    yield (
        "colleague_forwards",
        mail(
            "Please handle.\n\n---------- Forwarded message ---------\nFrom: Ada <a9@example.org>\nDate: Mon\nSubject: x\nTo: <shop@acme.example.com>\n\nunsubscribe me!",
            sender="colleague@acme.example.com",
            subject="Fwd: x",
        ),
        "review",
    )


def _odd() -> Iterator[tuple[str, bytes, str]]:
    yield (
        "late_father",
        mail("Stop mailing my late father, old@example.com. He died in March.", sender="o1@example.org", subject="Please"),
        "review + doubt deceased old@example.com",
    )
    yield (
        "father_unnamed",
        mail("My husband has passed away, please remove him from your list.", sender="o2@example.org", subject="Please"),
        "doubt deceased o2@example.org",
    )
    yield (
        "names_own_other",
        mail("Please remove me. My other address is o3b@example.com.", sender="o3@example.org", subject="Hi"),
        "doubt opt_out o3@example.org + doubt opt_out o3b@example.com",
    )
    yield (
        "names_other",
        mail("Please unsubscribe bob@example.com from your list.", sender="o4@example.org", subject="Hi"),
        "review + doubt opt_out bob@example.com",
    )
    yield (
        "names_us",
        mail("Please stop sending me mail from offers@acme.example.com.", sender="o5@example.org", subject="Hi"),
        "doubt opt_out o5@example.org + nothing",
    )
    yield (
        "names_a_sender",
        mail("Please stop sending me mail from offers@brand.example.net.", sender="o36@example.org", subject="Hi"),
        "doubt opt_out o36@example.org + review",
    )
    yield (
        "html_only",
        mail("", plain=False, html="<p>Please <b>unsub</b>scribe&nbsp;me</p>", sender="o6@example.org", subject="Hi"),
        "opt_out o6@example.org",
    )
    yield (
        "hidden_words",
        mail(
            "",
            plain=False,
            html='<p>Thanks for the parcel</p><div style="display:none">please unsubscribe me</div><style>.stop{}</style>',
            sender="o7@example.org",
            subject="Hi",
        ),
        "nothing",
    )
    yield (
        "picture_only",
        mail(
            "", plain=False, html='<html><body><img src="cid:1" width="400"></body></html>', sender="o8@example.org", subject="Hi"
        ),
        "review",
    )
    yield (
        "csv_list",
        with_attachment(
            "Please remove these from your list.",
            "remove.csv",
            "text/csv",
            b"email\nx1@example.org\nx2@example.org\n",
            "o9@example.org",
        ),
        "review",
    )
    yield (
        "xlsx_list",
        with_attachment(
            "Please delete these people",
            "people.xlsx",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            workbook(["x3@example.org", "x4@example.org", "x5@example.org"]),
            "o10@example.org",
        ),
        "review",
    )
    yield (
        "forwarded_newsletter",
        mail(
            "\n-------- Forwarded Message --------\nSubject: Spring\nFrom: Acme <news@acme.example.com>\nTo: o11@example.org\n\nunsubscribe here",
            sender="o11@example.org",
            subject="Fwd: Spring",
        ),
        "review",
    )
    yield (
        "forward_with_words",
        mail(
            "Take me off this list!\n\n-------- Forwarded Message --------\nSubject: Spring\nFrom: Acme <news@acme.example.com>\n\nunsubscribe here",
            sender="o12@example.org",
            subject="Fwd: Spring",
        ),
        "opt_out o12@example.org",
    )
    yield (
        "interleaved",
        mail(
            "On Mon, 2 Mar 2026, Acme News wrote:\n> Do you like our news?\nNo.\n> Shall we go on?\nPlease unsubscribe me.\n> To unsubscribe click here: https://acme.example.com/u\n",
            sender="o13@example.org",
        ),
        "opt_out o13@example.org",
    )
    yield (
        "quote_says_stop",
        mail("I agree!\n\n> Please unsubscribe me, he said\n> stop emailing me\n", sender="o14@example.org"),
        "nothing",
    )
    yield (
        "bar_quote",
        mail(
            "Nice one.\n\n| To unsubscribe from this list, visit https://acme.example.com/u\n| unsubscribe me\n",
            sender="o15@example.org",
        ),
        "nothing",
    )
    yield "only_quote", mail("\n> Spring is here\n> unsubscribe\n", sender="o16@example.org"), "review"
    yield (
        "calls_and_mail",
        mail("Stop calling me and stop sending me emails.", sender="o17@example.org", subject="Hi"),
        "opt_out o17@example.org",
    )
    yield (
        "erasure",
        mail("Please delete all my personal data under the GDPR.", sender="o18@example.org", subject="Request"),
        "erasure o18@example.org",
    )
    yield "erasure_in_subject", mail("Thank you.", sender="o19@example.org", subject="Delete my data"), "erasure o19@example.org"
    yield "not_a_stop", mail("Please don't unsubscribe me, I love it", sender="o20@example.org", subject="Hi"), "review"
    yield "misspelt", mail("unsubscrbe", sender="o21@example.org", subject="Hi"), "doubt opt_out o21@example.org"
    yield "wrong_goods", mail("This is not what I ordered", sender="o22@example.org", subject="Order"), "review"
    yield "no_from", mail("unsubscribe", sender="x", subject="Hi").replace(b"From: x\n", b""), "review"
    yield (
        "reply_to_only",
        mail("unsubscribe", sender="x", subject="Hi", headers="Reply-To: o23@example.org\n").replace(b"From: x\n", b""),
        "opt_out o23@example.org",
    )
    yield "quoted_local", mail("unsubscribe me", sender='"Ann B" <o24@example.org>', subject="Hi"), "opt_out o24@example.org"
    yield (
        "name_is_address",
        mail("unsubscribe me", sender='"boss@example.net" <o25@example.org>', subject="Hi"),
        "opt_out o25@example.org",
    )
    yield (
        "old_style_from",
        mail("unsubscribe me", sender="o26@example.org (Ada Lovelace)", subject="Hi"),
        "opt_out o26@example.org",
    )
    yield (
        "wrong_charset",
        mail("désabonnez-moi", sender="o27@example.org", subject="Hi", charset="iso-8859-1").replace(
            b"charset=iso-8859-1", b"charset=uft-8"
        ),
        "opt_out o27@example.org",
    )
    yield (
        "unknown_charset",
        mail("désabonnez-moi", sender="o28@example.org", subject="Hi", charset="utf-8").replace(
            b"charset=utf-8", b"charset=x-mars"
        ),
        "opt_out o28@example.org",
    )
    yield (
        "raw_8bit_subject",
        mail("", sender="o29@example.org", subject="x").replace(b"Subject: x", "Subject: désabonnez-moi".encode("latin-1")),
        "opt_out o29@example.org",
    )
    yield (
        "no_headers_of_mime",
        b"From: o30@example.org\nTo: news@acme.example.com\nSubject: Hi\n\nunsubscribe\n",
        "opt_out o30@example.org",
    )
    yield (
        "broken_multipart",
        b"From: o31@example.org\nTo: news@acme.example.com\nSubject: Hi\nContent-Type: multipart/mixed; boundary=zz\n\nunsubscribe me\n",
        "opt_out o31@example.org",
    )
    yield (
        "mistyped_multipart",
        (
            b"From: o32@example.org\nSubject: Hi\nContent-Type: multipart/mx6d; boundary=zz\n\n--zz\nContent-Type: text/plain\n\nunsubscribe me\n--zz--\n"
        ),
        "opt_out o32@example.org",
    )
    yield "with_zeros", b"From: o33@example.org\nSubject: Hi\n\nunsub\x00scribe\x00\n", "opt_out o33@example.org"
    yield (
        "broken_base64",
        b"From: o34@example.org\nSubject: unsubscribe\nContent-Type: text/plain\nContent-Transfer-Encoding: base64\n\n%%%not base64%%%\n",
        "opt_out o34@example.org",
    )
    yield "opt_in", mail("subscribe", sender="o35@example.org", subject="Hi"), "any"


def others() -> Iterator[Letter]:
    """All of them, each under its own name."""
    for prefix, found in (
        ("arf", _complaints()),
        ("leave", _leaving()),
        ("bounce", _bounces()),
        ("auto", _machines()),
        ("odd", _odd()),
    ):
        for name, content, expected in found:
            yield Letter(f"{prefix}_{name}", content, expected)
