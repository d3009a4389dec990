"""How a contact point is written: in files of any format, as people and systems spell it.

An address is found in any case, and escaped as in URLs and JSON. A number is found with its country code and any plain
punctuation, and in every spelling in which this home has read it. Nothing is found within a longer word or number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from orchestration.core.errors import ConfigError
from orchestration.core.masks import mask
from orchestration.identifiers.email_address import normalise_email
from orchestration.identifiers.lookup import normalise_identifier
from orchestration.identifiers.phone import normalise_phone

# Between two digits of a number: what people type, and the non-breaking space in UTF-8 and in one byte.
_BETWEEN = rb"(?:[ ().\-/]|\xc2?\xa0){0,3}"
# What an address may be inside of: its own letters would make it another address.
_BEFORE_ADDRESS = rb"(?<![A-Za-z0-9._%+\-])"
_AFTER_ADDRESS = rb"(?![A-Za-z0-9\-]|\.[A-Za-z0-9])"
_AT = rb"(?:@|%40|\\u0040|&#64;)"
_ADDRESS_IN = re.compile(r"[^\s<>\"',;:()\[\]]+@[^\s<>\"',;()\[\]]+")
_FEWEST_DIGITS = 7  # shorter texts are parts of anything


@dataclass(frozen=True)
class Point:
    """One contact point in plain form. Never logged."""

    identifier_type: str
    identifier: str
    region: str | None = None
    spellings: tuple[str, ...] = ()
    """Other texts that this home has read as it."""

    @property
    def masked(self) -> str:
        return mask(self.identifier_type, self.identifier)

    def as_dict(self) -> dict[str, Any]:
        return {**self.__dict__, "spellings": list(self.spellings)}

    @classmethod
    def of(cls, said: dict[str, Any]) -> Point:
        return cls(**{**said, "spellings": tuple(said["spellings"])})


def read_point(text: str, region: str | None) -> Point:
    """What a person names on the command line.

    Raises:
        ConfigError: it is neither an address nor a number.
    """
    kind = "email" if "@" in text else "phone"
    found = normalise_identifier(kind, text, region)
    if found.identifier is None:
        raise ConfigError(
            "Reading whom to erase",
            seen=found.reason or "a text that is no identifier",
            allowed="an address such as a@example.com, or a number with its country code such as +1 202 555 0123",
            next_step="write it in one of these forms; nothing was changed",
        )
    whose = normalise_phone(text, region).number_region if kind == "phone" else None
    return Point(kind, found.identifier, whose)


def pattern(points: Iterable[Point]) -> re.Pattern[bytes]:
    """Finds any of them. The group ``<type><index>`` says which."""
    parts = []
    for index, point in enumerate(points):
        written: list[bytes] = sorted(_WRITTEN[point.identifier_type](point), key=len, reverse=True)
        parts.append(b"(?P<%s%d>%s)" % (point.identifier_type.encode(), index, b"|".join(written)))
    return re.compile(b"|".join(parts), re.IGNORECASE)


def _addresses(point: Point) -> set[bytes]:
    spelt = {point.identifier}
    for text in point.spellings:
        spelt |= {found for found in _ADDRESS_IN.findall(text) if normalise_email(found).email == point.identifier}
    return {_address(text) for text in spelt}


def _address(text: str) -> bytes:
    local, _, domain = text.rpartition("@")
    return _BEFORE_ADDRESS + re.escape(local.encode()) + _AT + re.escape(domain.encode()) + _AFTER_ADDRESS


def _numbers(point: Point) -> set[bytes]:
    digits = point.identifier.removeprefix("+")
    found = {rb"(?<![0-9])(?:(?:\+|00|011)" + _BETWEEN + rb")?" + _spread(digits) + rb"(?![0-9])"}
    for text in point.spellings:
        read = "".join(filter(str.isdigit, text))
        if len(read) < _FEWEST_DIGITS:
            continue
        # With a plus the digits of a national number are another country's.
        plus = rb"(?<![0-9])\+" + _BETWEEN if "+" in text else rb"(?<![0-9+])"
        found |= {plus + _spread(read) + rb"(?![0-9])", rb"(?<![0-9+])" + re.escape(text.strip().encode()) + rb"(?![0-9])"}
    return found


def _spread(digits: str) -> bytes:
    return _BETWEEN.join(digit.encode() for digit in digits)


_WRITTEN: dict[str, Callable[[Point], set[bytes]]] = {
    "email": _addresses,
    "phone": _numbers,
    "postal": lambda point: {re.escape(point.identifier.encode())},  # as tables and lists have it; files have its parts
}
