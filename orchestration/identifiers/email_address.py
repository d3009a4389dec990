"""The authority on e-mail addresses: what one text means, with ``email-validator`` deciding (:func:`normalise_email`).

``email_sql`` gives the same answers by the million and asks this module for the rest. No network is asked: whether
mail arrives says nothing about whether somebody asked for it to stop.

The whole address is case-folded, although the part before ``@`` may in theory tell cases apart: no mailbox provider
does, and a request must match the address however a campaign file writes it. Dots and ``+tag`` stay, because they
do name different mailboxes somewhere. An international domain has one form here, its ASCII one.
"""

from __future__ import annotations

import re
import unicodedata
import urllib.parse
from typing import Literal, NamedTuple

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

# Part of the normaliser's version: raise it when a rule of this module changes.
RULES = 1

REASONS: dict[str, str] = {
    "empty": "nothing in it",
    "no_at": "no @",
    "hashed": "an MD5, SHA-1 or SHA-256 digest: it matches other digests, never an address",
    "several_addresses": "more than one @",
    "space_inside": "a space inside the address",
    "too_long": "more than 254 characters, the most that mail can carry",
    "incomplete_domain": "no dot after the @ (a typo, or a placeholder such as none@none)",
    "not_an_address": "not written like an address",
}

MAX_LENGTH = 254  # RFC 5321, erratum 1690
# Names that no public mail server has (.test, .local, localhost): whoever writes from inside may still ask to be left
# alone. email-validator refuses them in any mode, so their syntax is checked in a place where it allows it.
_INSIDE = ".example.com"

_INVISIBLE = re.compile("[\x00-\x08\x0e-\x1b\x7f\u00ad\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
_WIDE = str.maketrans("＠．", "@.")
_BRACKETED = re.compile(r"(.*)<([^<>]*)>[\s;,.'\")\]]*", re.DOTALL)
_SCHEME = re.compile(r"(?:mailto|smtp|e-?mail):\s*", re.IGNORECASE)
_DOT = re.compile("[.\u3002\uff61]")  # IDNA reads the ideographic ones as dots
_HASH = re.compile(r"[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}", re.IGNORECASE)


class EmailResult(NamedTuple):
    """One address read."""

    email: str | None
    status: Literal["ok", "rejected"]
    reason: str | None


def normalise_email(raw: str | None) -> EmailResult:
    """Read one e-mail address as it was written."""
    text = _INVISIBLE.sub("", raw or "").translate(_WIDE).strip()
    if not text:
        return _rejected("empty")
    if match := _BRACKETED.fullmatch(text):
        name, address = match.groups()
        if "@" in name and _bare(name).casefold() != _bare(address).casefold():
            return _rejected("several_addresses")
        text = address
    text = _bare(text)
    if text.count("@") != 1:
        return _rejected("several_addresses" if "@" in text else "hashed" if _HASH.fullmatch(text) else "no_at")
    if re.search(r"\s", text):
        return _rejected("space_inside")
    if len(text) > MAX_LENGTH:
        return _rejected("too_long")
    return _validated(text)


def _bare(text: str) -> str:
    """Without what exports wrap around an address: a scheme, quotes, a formula's ``=``, a list's last separator."""
    text = _unwrapped(text)
    if match := _SCHEME.match(text):
        text = _unwrapped(urllib.parse.unquote(text[match.end() :].partition("?")[0]))
    return text


def _unwrapped(text: str) -> str:
    quoted_local_part = '"@' in text
    return text.strip().lstrip("([<" if quoted_local_part else "([<='\" \t").rstrip("\t\r\n )]>'\";,.")


def _validated(text: str) -> EmailResult:
    domain = text.rpartition("@")[2].casefold()
    inside = _INSIDE if domain.rpartition(".")[2] in SPECIAL_USE_DOMAIN_NAMES else ""
    if not _DOT.search(domain + inside):
        return _rejected("incomplete_domain")
    try:
        valid = validate_email(text + inside, check_deliverability=False, allow_quoted_local=True)
    except EmailNotValidError:
        return _rejected("not_an_address")
    local = unicodedata.normalize("NFC", valid.local_part.casefold())
    return EmailResult(f"{local}@{valid.ascii_domain.removesuffix(inside)}", "ok", None)


def _rejected(reason: str) -> EmailResult:
    return EmailResult(None, "rejected", reason)
