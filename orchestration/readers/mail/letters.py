"""Bytes of a mail as text: charsets, encoded words, addresses. Nothing here raises, whatever the bytes claim to be."""

from __future__ import annotations

import base64
import binascii
import quopri
import re
from email.message import Message

# Names that mails carry and Python does not know, and encodings that are labelled as the smaller one they grew from.
_KNOWN_AS = {
    "uft-8": "utf-8", "utf8": "utf-8", "utf-8mb4": "utf-8", "unicode": "utf-8", "unicode-1-1-utf-7": "utf-7",
    "x-unknown": "utf-8",
    "ks_c_5601-1987": "cp949", "euc-kr": "cp949", "gb2312": "gb18030", "gbk": "gb18030", "x-gbk": "gb18030",
    "shift_jis": "cp932", "shift-jis": "cp932", "x-sjis": "cp932", "iso-2022-jp": "iso2022_jp_ext", "iso-8859-8-i": "iso8859-8",
    "iso-8859-1": "cp1252", "us-ascii": "utf-8", "ascii": "utf-8", "ansi_x3.4-1968": "utf-8", "default": "utf-8", "8bit": "utf-8",
}  # fmt: skip
# Codecs that rewrite text rather than letters: no mail program writes them, and a hostile one may.
_NO_CHARSETS = re.compile("(?i)(?:escape|idna|punycode|undefined|hex|rot|zip|zlib|bz2|base64|uu|quopri)")
_ENCODED_WORD = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?\n]*)\?=")
_BETWEEN_WORDS = re.compile(r"(\?=)[ \t\n]+(?==\?)")
# RFC 5321 has 64 letters of a name and 254 of an address; without a bound a long run of letters takes quadratic time.
_ATOM = r"(?<![^\s<>()\[\],;:\"@\\])[^\s<>()\[\],;:\"@\\]{1,64}"
ADDRESS = re.compile(rf"(?:\"[^\"\n@]{{1,64}}\"|{_ATOM})@(?:[^\s<>()\[\],;:\"@\\'`*|=]{{1,253}})")
_AT_THE_ENDS = ".,;:!?'\"`*_~|<>()[]{}&=/\\"


def decoded(raw: bytes, charset: str | None) -> str:
    """The bytes in their charset; in UTF-8 or Windows-1252 where it is unknown or they are not in it."""
    name = (charset or "utf-8").strip().strip("\"'").casefold()
    name = _KNOWN_AS.get(name, name)
    if b"\x1b$" in raw or b"\x1b(" in raw:  # the shifts of ISO-2022, whatever the label
        name = name if name.startswith(("iso2022", "iso-2022")) else "iso2022_jp_ext"
    for attempt in (name, "utf-8"):
        if attempt == "utf-7" and not raw.isascii():
            continue
        try:
            if not _NO_CHARSETS.search(attempt):
                return raw.decode(attempt)
        except (LookupError, ValueError):
            continue
    # Damage within a charset of several bytes costs its own letters only.
    if name not in ("utf-8", "utf-7", "cp1252") and not _NO_CHARSETS.search(name):
        try:
            text = raw.decode(name, "replace")
        except (LookupError, ValueError):
            text = ""
        if text and text.count("\ufffd") * 10 <= len(text):
            return text
    text = raw.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    whole = len(text) - broken - sum(map(str.isascii, text))
    # More letters of UTF-8 than pieces of them: damaged UTF-8. Else it never was any.
    return text if whole > broken else raw.decode("cp1252", "replace")


def _word(match: re.Match[str]) -> str:
    charset, kind, text = match.groups()
    try:
        if kind in "bB":
            data = "".join(text.split())
            raw = base64.b64decode(data + "=" * (-len(data) % 4))
        else:
            raw = quopri.decodestring(text.replace("_", " ").encode("ascii", "replace"), header=True)
    except (binascii.Error, ValueError):
        return text
    return decoded(raw, charset.partition("*")[0])


def header_text(value: object) -> str:
    """A header as people see it: unfolded, encoded words decoded, bare 8-bit letters read as what they most likely are."""
    text = str(value or "")
    if not text.isascii():
        text = decoded(text.encode("utf-8", "surrogateescape"), None)
    if "=?" in text:
        text = _ENCODED_WORD.sub(_word, _BETWEEN_WORDS.sub(r"\1", text))
    return clean(" ".join(text.split()))


def clean(text: str) -> str:
    """Text that every table stores: no zero characters, no halves of pairs."""
    text = text.replace("\0", "")
    return text.encode("utf-8", "replace").decode("utf-8") if not text.isascii() else text


def addresses(text: str) -> list[str]:
    """The e-mail addresses in a text, each once, in their order."""
    found: dict[str, None] = {}
    for match in ADDRESS.finditer(text):
        address = match[0].strip(_AT_THE_ENDS) if not match[0].startswith('"') else match[0].rstrip(_AT_THE_ENDS)
        address = re.sub(r"(?i)^(?:mailto:|(?:smtp|rfc822)[=:])", "", address)
        local, _, domain = address.rpartition("@")
        domain = domain.partition("..")[0]
        address = f"{local}@{domain}"
        if local and len(address) <= 254 and ("." in domain or domain.casefold() == "localhost"):
            found.setdefault(address)
    return list(found)


def header_addresses(value: object) -> list[str]:
    """Those of a header: what stands in angle brackets goes before what only looks like an address in a name."""
    text = header_text(value)
    if "<" not in text:
        return addresses(text)
    pieces = re.split(r"<([^<>]*)>", text)
    bracketed = [found for part in pieces[1::2] for found in addresses(part)]
    # Between the brackets' mails there may be bare ones: "a@x.org, B <b@x.org>". A name like an address has brackets behind it.
    names = [re.sub(r"[^,;]*$", "", piece) for piece in pieces[:-1:2]]
    outside = " ".join([*(re.sub(r'"[^"]*"', " ", name) for name in names), pieces[-1]])
    return list(dict.fromkeys([*bracketed, *addresses(outside)])) or addresses(text)


def payload_of(part: Message) -> list[Message | str] | str:
    """What a part holds: parts, or text as it was sent. The standard method raises where the charset is no name of one."""
    try:
        payload = part.get_payload()
    except (LookupError, ValueError, TypeError):
        raw = part.get_payload(decode=True)
        return raw.decode("latin-1") if isinstance(raw, bytes) else ""
    return payload if isinstance(payload, (list, str)) else ""
