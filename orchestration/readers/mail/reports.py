"""What machines send to a mailbox: complaints (ARF, JMRP), bounces of every make, notifications as JSON. Whom each is about.

Only what the report says is taken out here: whether a bounce means a dead address, or a report a complaint, the staging model
decides. The returned or reported mail is looked at for whom it was sent to, never for what it says.
"""

from __future__ import annotations

import base64
import binascii
import bisect
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from email.message import Message
from typing import Any

from orchestration.readers.mail.letters import ADDRESS, addresses, header_addresses, header_text, payload_of

_MOST_REASON = 1_000
_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")


@dataclass(frozen=True)
class About:
    """One person that a mail is about."""

    address: str
    origin: str
    """Where the address was found."""
    action: str = ""
    status: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Report:
    """What a machine reports."""

    kind: str
    """``feedback``, ``delivery``, ``receipt``, ``notification`` or ``abuse_desk``."""
    about: tuple[About, ...] = ()
    feedback_type: str = ""


@dataclass(frozen=True)
class Parts:
    """A mail taken apart, as far as reports need it."""

    head: Message
    text: str
    """The text of its first part, which is written for people."""
    machine: tuple[Message, ...]
    """Parts that a program wrote for programs."""
    originals: tuple[Message, ...]
    """The mails that it carries."""


def report_of(parts: Parts) -> Report | None:  # noqa: PLR0911  one return for each kind of report
    """What is reported, or nothing when the mail is no report."""
    head = parts.head
    declared = f"{head.get('content-type', '')}".casefold()
    for part in parts.machine:
        if part.get_content_type() == "message/feedback-report":
            return _feedback(parts, _blocks(part))
    if "feedback-report" in declared and (report := _feedback(parts, [_fields(parts.text)])).feedback_type:
        return report
    if junk := _first(head, parts.originals, "x-hmxmroriginalrecipient"):
        return Report("feedback", _people("x_hmxmroriginalrecipient", [junk]), "abuse")
    notification = _notification(parts)
    if notification is not None:
        return notification
    if "disposition-notification" in declared:
        return Report("receipt")
    sender = header_text(head.get("from")).casefold()
    if (
        re.search(r"@(?:reports|.*\.)?spamcop\.net|x-?arf|abuse-?report", sender)
        or "x-spamcop-sourceip" in head
        or "x-xarf" in head
    ):
        return Report("abuse_desk")
    if is_bounce(parts):
        return Report("delivery", tuple(bounced(parts)))
    return None


# Complaints


def _feedback(parts: Parts, blocks: Sequence[dict[str, list[str]]]) -> Report:
    fields: dict[str, list[str]] = {}
    for block in blocks:
        for name, values in block.items():
            fields.setdefault(name, []).extend(values)
    kind = next(iter(fields.get("feedback-type", [])), "").strip().casefold()
    kind = re.sub(r"[^a-z0-9-].*$", "", kind.replace("_", "-"))
    return Report("feedback", _complainers(parts, fields), kind)


def _complainers(parts: Parts, fields: dict[str, list[str]]) -> tuple[About, ...]:
    """Whom a complaint is from: as the report names them, else as the reported mail does. Of ways that lead to somebody whose
    address was taken out the last is told, where no other leads to an address."""
    hidden: tuple[About, ...] = ()
    for origin, values in _ways_to_complainers(parts, fields):
        found = _people(origin, values)
        if shown := tuple(person for person in found if not is_hidden(person.address)):
            return shown
        hidden = hidden or found
    return hidden


def _ways_to_complainers(parts: Parts, fields: dict[str, list[str]]) -> Iterator[tuple[str, list[Any]]]:
    yield "original_rcpt_to", fields.get("original-rcpt-to", [])
    yield "removal_recipient", fields.get("removal-recipient", [])
    yield "x_hmxmroriginalrecipient", [_first(parts.head, parts.originals, "x-hmxmroriginalrecipient")]
    for original in parts.originals:
        sender = {address.casefold() for address in header_addresses(original.get("from"))}
        for name in ("x-original-to", "delivered-to", "x-rcpt-to", "x-envelope-to", "original-recipient", "to", "cc"):
            # Mail to the sender itself went to everybody behind the scenes.
            named = [address for value in original.get_all(name, []) for address in header_addresses(value)]
            yield "attached_to", [address for address in named if address.casefold() not in sender]
    senders = [*fields.get("original-mail-from", []), *(value for mail in parts.originals for value in _returns(mail))]
    yield "verp", list(next((found for value in senders if (found := verp(value))), ()))


def _returns(mail: Message) -> list[str]:
    names = (
        "return-path",
        "x-return-path",
        "errors-to",
        "sender",
        "list-unsubscribe",
        "x-list-unsubscribe",
        "reply-to",
        "message-id",
    )
    return [header_text(value) for name in names for value in mail.get_all(name, [])]


def is_hidden(address: str) -> bool:
    """Whether an address stands for one that was taken out: by a word, by a mask, by a digest."""
    local, _, domain = address.casefold().rpartition("@")
    return (
        re.search(
            r"(?:^|[^a-z])(?:redacted|hashed|hidden|removed|masked|anonymi[sz]ed|suppressed|undisclosed|obfuscated|deleted)(?:[^a-z]|$)",
            f"{local}@{domain}",
        )
        is not None
        or re.fullmatch(r"[x*.#_-]{2,}|.*\*{2,}.*|.*\.{2,}.*|[0-9a-f]{24,}", local) is not None
    )


_VERP_LOCAL = re.compile(r"(?i)([a-z0-9._%~!#$&'*/^`{|}+-]+?)=((?:[a-z0-9-]+\.)+[a-z]{2,24})(?:[-+].*)?$")


def verp(text: str) -> tuple[str, ...]:
    """The address that a variable envelope return path holds (``bounce-17-ada=example.org@lists...``), if one does.

    Several where nobody can tell the sender's marks from the person's name: ``msg-ada+tag=`` is ada+tag or tag.
    """
    text = text.replace("%3D", "=").replace("%3d", "=").replace("%40", "=")
    for token in re.split(r"[\s<>\"(),;:?&]+", text):
        local = token.rpartition("@")[0][-320:]  # an address within one may be as long as an address
        if "=" not in local:
            continue
        found = _VERP_LOCAL.search(local)
        if found is None:
            continue
        name, domain = found.groups()
        if names := _after_marks(name.rpartition("=")[2]):
            return tuple(f"{name}@{domain}" for name in names)
    return ()


_MARK = re.compile(r"(?i)bounces?|bnc|returns?|errors?|verp|fbl|reply|mail|news|list|owner|msg|sg")
_MARK_NUMBER = re.compile(r"(?i)[0-9a-f]*\d[0-9a-f]*")


def _after_marks(name: str) -> list[str]:
    """What may follow the sender's own marks in ``bounce-17-ada``: behind the first of them, and behind the last.

    A number is a mark wherever it stands, with what is before it; a known word only at the beginning.
    """
    pieces = re.split(r"([-+])", name)
    parts, signs = pieces[::2], pieces[1::2]
    starts = []
    place = 0
    while place < len(parts) - 1 and (_MARK.fullmatch(parts[place]) or _MARK_NUMBER.fullmatch(parts[place])):
        place += 1
    numbers = [number for number, part in enumerate(parts[:-1]) if _MARK_NUMBER.fullmatch(part)]
    if place == 0 and numbers:
        place = numbers[0] + 1
    starts.append(place)
    starts += [number + 1 for number in numbers[-1:]]
    # Behind a plus there is a tag of the person's, or the person.
    starts += [number + 1 for number, sign in enumerate(signs) if sign == "+" and number + 1 > place][-1:]
    found = [re.sub(r"^[-+]", "", "".join(pieces[2 * start :])) for start in starts]
    return list(dict.fromkeys(name for name in found if name))


def _people(origin: str, values: Sequence[object]) -> tuple[About, ...]:
    found: dict[str, None] = {}
    for value in values:
        text = re.sub(r"(?i)^\s*(?:rfc822|x-local)\s*;", "", header_text(value))
        for address in header_addresses(text):
            found.setdefault(address)
    return tuple(About(address, origin) for address in found)


def _first(head: Message, originals: Sequence[Message], name: str) -> str:
    return next((header_text(mail[name]) for mail in (head, *originals) if mail.get(name)), "")


def _blocks(part: Message) -> list[dict[str, list[str]]]:
    """The groups of fields in a machine-readable part."""
    payload = payload_of(part)
    inner = [block for block in payload if isinstance(block, Message)] if isinstance(payload, list) else []
    # A blank line where none should be leaves fields in the body of the group before.
    texts = [text for block in inner if isinstance(text := payload_of(block), str)]
    blocks = [*map(_names, inner), *(fields for text in texts if (fields := _fields(text)))]
    if any(blocks):
        return [block for block in blocks if block]
    text = "\n\n".join(texts) if inner else str(payload)
    if str(part.get("content-transfer-encoding", "")).strip().casefold() == "base64":
        with suppress(binascii.Error, ValueError):
            text = base64.b64decode("".join(text.split())).decode("utf-8", "replace")
    return [fields for group in re.split(r"\n[ \t]*\n", text) if (fields := _fields(group))]


def _names(block: Message) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in block.items():
        found.setdefault(name.casefold().strip(), []).append(header_text(value))
    return found


def _fields(text: str) -> dict[str, list[str]]:
    """Lines of ``Name: value`` in a text, folded ones joined."""
    found: dict[str, list[str]] = {}
    last: list[str] | None = None
    for line in text[:_MOST_TOLD].splitlines():
        if line[:1] in (" ", "\t") and last is not None:
            last[-1] += " " + line.strip()
        elif match := re.match(r"\s*([A-Za-z][A-Za-z0-9-]{1,40})\s*:\s*(.*)$", line):
            last = found.setdefault(match[1].casefold(), [])
            last.append(match[2].strip())
        else:
            last = None
    return found


# Notifications of Amazon SNS and of webhooks, forwarded to a mailbox


def _notification(parts: Parts) -> Report | None:
    text = parts.text.strip()
    from_sns = "sns.amazonaws.com" in header_text(parts.head.get("from")).casefold()
    looks = text.startswith(("{", "[")) and re.search(
        r'(?i)\\?"(?:notificationType|eventType|event|Type|RecordType|msys)\\?"\s*:', text[:20_000]
    )
    if not looks and not from_sns:
        return None
    message = _inner(text)
    found = _told(message) if isinstance(message, dict) else None
    return found or Report("notification")


def _inner(text: str, depth: int = 0) -> Any:
    """The innermost notification of a text: SNS holds it as text, and some forwarders escape it once more."""
    start = text.find("{")
    if start < 0 or depth > 3:
        return None
    for attempt in (text[start:], text[start:].replace("\n", ""), text[start:].replace('\\"', '"')):
        try:
            value, _ = json.JSONDecoder(strict=False).raw_decode(attempt)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict) and isinstance(value.get("Message"), str):
            return _inner(value["Message"], depth + 1) or value
        return value
    return None


def _told(message: dict[str, Any]) -> Report | None:
    kind = str(message.get("notificationType") or message.get("eventType") or "").casefold()
    if kind == "complaint" and isinstance(said := message.get("complaint"), dict):
        people = _json_people(said.get("complainedRecipients"))
        about = tuple(About(item["emailAddress"], "notification") for item in people)
        return Report("feedback", about, str(said.get("complaintFeedbackType") or "abuse").casefold())
    if kind == "bounce" and isinstance(said := message.get("bounce"), dict):
        type_of = f"{said.get('bounceType', '')} {said.get('bounceSubType', '')}"
        return Report(
            "delivery",
            tuple(
                About(
                    item["emailAddress"],
                    "notification",
                    str(item.get("action") or ""),
                    str(item.get("status") or ""),
                    f"{type_of} {item.get('diagnosticCode') or ''}".strip()[:_MOST_REASON],
                )
                for item in _json_people(said.get("bouncedRecipients"))
            ),
        )
    return None


def _json_people(value: Any) -> Iterator[dict[str, Any]]:
    for item in value if isinstance(value, list) else []:
        if isinstance(item, dict) and (found := header_addresses(item.get("emailAddress"))):
            yield item | {"emailAddress": found[0]}


# Bounces

_MACHINE_SENDER = re.compile(
    r"(?i)mailer[-_.]?daemon|postmaster|mail[-_ ]?delivery|mdaemon|<>|mailadmin|mail[-_]?system|bounce[sd]?[-_.@+]"
    r"|delivery[-_.]?(?:agent|subsystem|reports?)"
    r"|amavis|content[-_ ]?filter|majordomo|listserv|virus|mailerdaemon|microsoftexchange"
    r"|mail\s+administrator|system\s+administrator"
)
_BOUNCE_SUBJECT = re.compile(
    r"(?i)undeliver|not\s+deliver|delivery\s+(?:status|fail|report|problem|notification|has\s+fail|error|incomplete|delayed)|returned\s+(?:mail|message|to\s+sender|e-?mail)"
    r"|(?:mail|message)\s+(?:could\s+not|system\s+error|status|not\s+sent|error|undeliverable|delayed|returned|rejected)|failure\s+(?:notice|notification|delivery)"
    r"|mail\s+delivery|delivery\s+fail|nondeliverable|non[- ]?delivery|unzustellbar|nicht\s+zustellbar|zustell|non\s+remis"
    r"|remise\s+du\s+message|échec\s+de\s+(?:la\s+)?remise"
    r"|no\s+se\s+puede\s+entregar|no\s+entregado|mancato\s+recapito|impossibile\s+recapitare|não\s+(?:foi\s+)?entreg|kan\s+niet\s+worden\s+bezorgd|onbestelbaar"
    r"|niedostarcz|nie\s+dostarczono|teslim\s+edileme|配信不能|配達不能|エラー|未達|退信|投递失败|投遞失敗|반송|전송\s*실패|unknown\s+(?:user|recipient)|user\s+unknown"
    r"|address\s+(?:change|not\s+found)|rejected\s+(?:mail|message|posting)|blocked\s+by|banned\s+|considered\s+unsolicited|\bdsn\b|warning:\s+(?:could|message)"
)
_BOUNCE_TEXT = re.compile(
    r"(?i)this\s+(?:is|message\s+was\s+created)\s+(?:the\s+mail|automatically\s+by\s+mail)|could\s+not\s+be\s+delivered|was\s+not\s+delivered|undeliverable|qmail-send"
    r"|permanent\s+(?:fatal\s+)?error|did\s+not\s+reach|delivery\s+to\s+the\s+following|unable\s+to\s+deliver|delivery\s+(?:has\s+)?failed|fatal\s+errors|couldn'?t\s+be\s+delivered"
    r"|user\s+unknown|no\s+such\s+user|\b5\d\d[ -]5\.\d\.\d|not\s+be\s+delivered|nicht\s+zugestellt"
    r"|returned\s+because|не\s+доставлен|无法发送|can\s*not\s+be\s+delivered|mailbox\s+(?:unavailable|is\s+full|not\s+found)"
)
_ORIGINAL_BELOW = re.compile(
    r"(?im)^[ \t>*+_=-]{0,80}(?:(?:below|here)\s+(?:this\s+line\s+)?is\s+a\s+copy|this\s+is\s+a\s+copy\s+of\s+(?:the|your)"
    r"|original\s+(?:message|mail)\s*(?:follows|headers?|text)?"
    r"|the\s+(?:original\s+)?message\s+(?:headers|follows|was\s+received\s+at)|(?:returned|unsent|undelivered)\s+(?:message|mail)\s*(?:follows|below)?|message\s+(?:header|text|contents?|follows)"
    r"|start\s+of\s+(?:returned|original)|copy\s+of\s+(?:the\s+|your\s+)?(?:message|mail)|included\s+is\s+a\s+copy|headers?\s+of\s+(?:the\s+)?(?:original|message)|received:\s+(?:from|by)\s"
    r"|return-path:|ursprüngliche\s+nachricht|message\s+d'origine)[^\n]*$"
)


_WRONG = re.compile(r"(?i)\b[45]\d\d\b|\b[45]\.\d\.\d|unknown|not |n['’]t |fail|full|reject|quota|unable|return|error")
# "550 5.1.1", "5.1.1", "SMTP error 550", or the names of a report's fields.
_SERVERS_CODE = re.compile(
    r"(?i)(?<![\d.])[245]\.\d{1,3}\.\d{1,3}(?![\d.])|\b(?:smtp|error|code|said|server|status|response)\W{1,12}(?:\w{1,20}\W{1,3}){0,3}[45]\d\d\b"
    r"|\b[45]\d\d[ -](?:user|mailbox|recipient|unknown|no\s|address|account|requested"
    r"|delivery|invalid|rejected|sorry|permanent|domain|host|relay|message|<)"
    r"|final-recipient|x-failed-recipients|\bmailer-daemon\b|mail\s+delivery\s+(?:sub)?system"
)
_MOST_TOLD = 40_000  # characters: a bounce about five hundred people


def is_bounce(parts: Parts) -> bool:
    """Whether a mail tells that another one was not, or not yet, delivered."""
    head = parts.head
    declared = str(head.get("content-type", "")).casefold()
    if "delivery-status" in declared or any(part.get_content_type() == "message/delivery-status" for part in parts.machine):
        return True
    if "x-failed-recipients" in head:
        return True
    sender = header_text(head.get("from")) or header_text(head.get("sender"))
    if re.search(r"(?i)\bmailer[-_.]?daemon\s*(?:@|$|>)", sender):
        return True
    no_return = str(head.get("return-path", "")).replace(" ", "").startswith("<>")
    subject = header_text(head.get("subject"))
    if re.match(r"(?i)\s*(?:re|aw|sv|ant|odp|ynt|fwd?|wg|tr|回复|답장)\s*[:：]", subject):
        return False
    said, told = _BOUNCE_SUBJECT.search(subject) is not None, _BOUNCE_TEXT.search(parts.text[:4_000]) is not None
    by_machine = no_return or _MACHINE_SENDER.search(sender) is not None or not sender
    # A server under a person's or a department's name says it both in the subject and in the text, and gives its code. "My parcel
    # was not delivered" is a customer's letter, through a form that says of itself that it is a program too.
    return (by_machine and (said or told)) or (said and told and _SERVERS_CODE.search(parts.text[:_MOST_TOLD]) is not None)


def bounced(parts: Parts) -> list[About]:
    """Whom a bounce says it could not reach: as its fields name them, else as its text does, else as the returned mail does."""
    found: dict[str, About] = {}
    sent_to = _sent_to(parts)
    for part in parts.machine:
        if part.get_content_type() in ("message/delivery-status", "message/global-delivery-status", "text/rfc822-status"):
            for block in _blocks(part):
                for item in _recipients(block, sent_to):
                    found.setdefault(item.address.casefold(), item)
    told = _text_before_original(parts.text)
    if not found and "final-recipient" in told.casefold():
        for group in re.split(r"\n[ \t]*\n", told):
            for item in _recipients(_fields(group), sent_to):
                found.setdefault(item.address.casefold(), item)
    for value in parts.head.get_all("x-failed-recipients", []):
        for item in _people("x_failed_recipients", [value]):
            found.setdefault(item.address.casefold(), replace(item, action="failed"))
    if not found:
        found = {item.address.casefold(): item for item in _from_text(parts, told, sent_to)}
    if not found and len(sent_to) == 1:
        (only,) = sent_to.values()
        found[only.casefold()] = About(only, "attached_to")
    # What a field leaves out the text may say.
    return _with_reasons(list(found.values()), told)


def _sent_to(parts: Parts) -> dict[str, str]:
    values = [value for mail in parts.originals for name in ("to", "cc") for value in mail.get_all(name, [])]
    if not values:
        below = parts.text[len(_text_before_original(parts.text)) :]
        values = re.findall(r"(?im)^[ \t>|]*(?:to|x-original-to)\s*:\s*(.+)$", below)[:3]
    return {address.casefold(): address for value in values for address in header_addresses(value)}


def _recipients(block: dict[str, list[str]], sent_to: dict[str, str]) -> Iterator[About]:
    """The person of one group of a delivery status: as we wrote them before what a server made of them."""
    for name in ("original-recipient", "final-recipient", "x-actual-recipient"):
        people = _people(name.replace("-", "_"), block.get(name, []))
        if people:
            break
    else:
        if not ({"final-recipient", "original-recipient", "action"} & block.keys()) or len(sent_to) != 1:
            return
        people = (About(next(iter(sent_to.values())), "attached_to"),)
    action = next(iter(block.get("action", [])), "").casefold().split("(")[0].strip()
    status = _STATUS.search(" ".join(block.get("status", [])))
    reason = " ".join(
        [*block.get("diagnostic-code", []), *block.get("x-supplementary-info", []), *block.get("x-display-name", [])]
    )
    for person in people:
        address = re.sub(r"\+(2[Bb]|3[Dd]|40)", lambda match: chr(int(match[1], 16)), person.address)
        yield replace(person, address=address, action=action, status=status[1] if status else "", reason=reason[:_MOST_REASON])


def _text_before_original(text: str) -> str:
    """What the machine itself says, up to the mail that it returns."""
    text = text[:_MOST_TOLD]
    # "The original message was received at ..." stands above what is wrong; a mark counts when both came before.
    named, wrong = ADDRESS.search(text), _WRONG.search(text)
    if named and wrong:
        for match in _ORIGINAL_BELOW.finditer(text, max(named.end(), wrong.end())):
            return text[: match.start()]
    return text


def _from_text(parts: Parts, told: str, sent_to: dict[str, str]) -> list[About]:
    names = ("to", "from", "sender", "cc", "reply-to", "return-path")
    heads = [value for name in names for value in parts.head.get_all(name, [])]
    ours = {address.casefold() for value in heads for address in header_addresses(value)}
    ours |= {address.casefold() for mail in parts.originals for address in header_addresses(mail.get("from"))}
    candidates: dict[str, str] = {}
    repeated: dict[str, str] = {}
    for match in ADDRESS.finditer(told):
        for address in addresses(match[0]):
            start = max(told.rfind("\n", 0, match.start()) + 1, match.start() - 200)
            line = told[start : match.end() + 200].partition("\n")[0]
            is_about_mail = re.search(
                r"(?i)message-?id|^\s*from\b|sender|contact|postmaster|please\s+(?:send|mail|write)|help|mailto|reporting|received:|\bid\s*<",
                line,
            )
            if (
                address.casefold() in ours
                or is_about_mail
                or re.match(r"(?i)postmaster|mailer-daemon|abuse|support|admin|help", address)
            ):
                continue
            # The head of our own mail, repeated: "Your message To: list@... did not reach the following recipients".
            repeats = re.match(r"(?i)[\s>]*(?:your\s+message\s*)?(?:to|cc)\s*:", line) is not None
            (repeated if repeats else candidates).setdefault(address.casefold(), address)
    candidates = candidates or repeated
    if both := [address for key, address in candidates.items() if key in sent_to]:
        return [About(address, "text") for address in both]
    return [About(address, "text") for address in candidates.values()]


def _with_reasons(people: Sequence[About], told: str) -> list[About]:
    """The people with the words about each: of several those that stand between an address and the next one's."""
    folded = told.casefold()
    places = [folded.find(person.address.casefold()) for person in people]
    ordered = sorted(place for place in places if place >= 0)
    reasoned = []
    for person, place in zip(people, places, strict=True):
        near = told
        if len(people) > 1 and place >= 0:
            following = bisect.bisect_right(ordered, place)
            near = told[place : ordered[following] if following < len(ordered) else place + 400][:400]
        text = " ".join(near.split())
        codes = _STATUS.findall(person.reason) + _STATUS.findall(text)
        status = person.status or next((found for found in codes if found[0] in "45"), "")
        reason = person.reason if _telling(person.reason) else f"{person.reason} {text}".strip()
        reasoned.append(replace(person, status=status, reason=reason[:_MOST_REASON]))
    return reasoned


def _telling(reason: str) -> bool:
    """Whether a diagnosis says more than a code."""
    return len(re.sub(r"(?i)smtp|x-\w+|[\d.;:\-\s]", "", reason)) > 8
