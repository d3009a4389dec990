"""The authority on e-mail addresses: what one text means, with ``email-validator`` deciding (:func:`normalise_email`).

``email_sql`` gives the same answers by the million and asks this module for the rest. No network is asked: whether
mail arrives says nothing about whether somebody asked for it to stop.

Three rules, in this order. What is certainly the same is folded: case, although the part before ``@`` may in theory tell
cases apart (no mailbox provider does); width, ligatures and other compatibility forms; characters that nobody sees; an
international domain to its ASCII form. What mail systems accept is kept as they write it, also where the standards do not
allow it: ``a..b@``, ``abc.@``, an underscore in the domain. Dots and ``+tag`` stay, because they do name different mailboxes
somewhere. What may mean two addresses is rejected, for a person to look at: a folded guess would suppress, or with an opt-in
release, somebody else.
"""

from __future__ import annotations

import re
import unicodedata
import urllib.parse
from collections.abc import Callable
from typing import Literal, NamedTuple

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

from orchestration.identifiers.normal_form import CONTROL, INVISIBLE, JOINERS, MAX_EMAIL, class_of, is_normal

# Part of the normaliser's version: raise it when a rule of this module changes.
RULES = 3

REASONS: dict[str, str] = {
    "empty": "nothing in it",
    "no_at": "no @",
    "hashed": "an MD5, SHA-1 or SHA-256 digest: it matches other digests, never an address",
    "several_addresses": "more than one @",
    "space_inside": "a space inside the address",
    "too_long": "more than 254 characters, the most that mail can carry",
    "incomplete_domain": "no dot after the @ (a typo, a placeholder such as none@none, or a machine's own name: root@localhost)",
    "ambiguous_letter": "a dotless i among plain letters: what a Turkish system makes of a capital I, or a letter of its own",
    "not_an_address": "not written like an address",
}

# Names that no public mail server has (.test, .local): whoever writes from inside may still ask to be left alone.
# email-validator refuses them in any mode, so their syntax is checked in a place where it allows it.
_INSIDE = ".example.com"

_REMOVED = re.compile(f"[{class_of(f'{CONTROL} {INVISIBLE}')}]")
_JOINERS = re.compile(f"[{class_of(JOINERS)}]")
_BRACKETED = re.compile(r"(.*)<([^<>]*)>[\s;,.'\")\]]*", re.DOTALL)
_SCHEME = re.compile(r"(?:mailto|smtp|e-?mail):\s*", re.IGNORECASE)
_HASH = re.compile(r"[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}", re.IGNORECASE)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
# As the standards' dot-atom, but with dots wherever people got them: Japan's carriers gave away a..b@ and abc.@ for years.
_DOTTED = re.compile(r"\.*[a-z0-9_!#$%&'*+/=?^`{|}~-][a-z0-9_!#$%&'*+/=?^`{|}~.-]*")
# As DNS and mail servers take it: with underscores, two hyphens anywhere, and what only looks like Punycode.
_DOMAIN = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+(?:[a-z0-9][a-z0-9-]{0,61})?[a-z]")
_DOTLESS = "\u0131"
_DOT_ABOVE = "i\u0307"  # what lower-casing makes of the Turkish capital I with its dot


class EmailResult(NamedTuple):
    """One address read."""

    email: str | None
    status: Literal["ok", "rejected"]
    reason: str | None


def normalise_email(raw: str | None) -> EmailResult:
    """Read one e-mail address as it was written."""
    # IDNA reads the ideographic full stop as a dot, and who writes with it writes all dots so.
    text = unicodedata.normalize("NFKC", _REMOVED.sub("", raw or "")).replace("\u3002", ".").strip()
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
    local, domain = text.split("@")
    return _validated(_folded(local, str.casefold), _folded(domain, str.lower))


def _bare(text: str) -> str:
    """Without what exports wrap around an address: a scheme, quotes, a formula's ``=``, a list's last separator."""
    text = _unwrapped(text)
    if match := _SCHEME.match(text):
        text = _unwrapped(urllib.parse.unquote(text[match.end() :].partition("?")[0]))
    return text


def _unwrapped(text: str) -> str:
    quoted_local_part = '"@' in text
    return text.strip().lstrip("([<;, \t" if quoted_local_part else "([<='\";, \t").rstrip("\t\r\n )]>'\";,.")


def _folded(part: str, lower: Callable[[str], str]) -> str:
    """One side of an address without what makes no difference. A domain is lowered by ``str.lower``: its ß is no ss."""
    for _ in range(2):  # a compatibility form may turn out to be a capital, and its small letter a form again; no more do
        part = unicodedata.normalize("NFKC", lower(part.replace("\u0130", "i"))).replace(_DOT_ABOVE, "i")
    bare = _JOINERS.sub("", part)
    return bare if bare.isascii() else part


def _validated(local: str, domain: str) -> EmailResult:
    if "." not in domain.strip("."):
        return _rejected("incomplete_domain")
    plain = (local + domain).replace(_DOTLESS, "")
    if plain.isascii() and _DOTLESS in local + domain:
        return _rejected("ambiguous_letter")
    local, domain = _local_part(local), _domain(domain)
    email = f"{local}@{domain}"
    if not local or not domain or not is_normal("email", email):
        return _rejected("not_an_address")
    return EmailResult(email, "ok", None) if len(email) <= MAX_EMAIL else _rejected("too_long")


def _local_part(text: str) -> str:
    """The part before the @ in its one form: without quotes that it does not need; empty when it is none."""
    if (quoted := _QUOTED.fullmatch(text)) and _DOTTED.fullmatch(bare := re.sub(r"\\(.)", r"\1", quoted[1])):
        text = bare
    if _DOTTED.fullmatch(text):
        return text
    try:
        valid = validate_email(text + "@" + _INSIDE[1:], check_deliverability=False, allow_quoted_local=True)
    except EmailNotValidError:
        return ""
    return valid.local_part


def _domain(text: str) -> str:
    """The domain in its ASCII form; empty when it is none."""
    if text.isascii():
        return text if _DOMAIN.fullmatch(text) else ""
    inside = _INSIDE if text.rpartition(".")[2] in SPECIAL_USE_DOMAIN_NAMES else ""
    try:
        valid = validate_email("a@" + text + inside, check_deliverability=False)
    except EmailNotValidError:
        return ""
    return valid.ascii_domain.removesuffix(inside)


def _rejected(reason: str) -> EmailResult:
    return EmailResult(None, "rejected", reason)
