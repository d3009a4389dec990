"""How a list that comes in pages goes on: by offset, by number, by a cursor in the answer, by a link.

Each kind says which parameters ask for a page and what follows from its answer. A place in the list is a text, so that a reader
can keep it and go on from there another day.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol


class Paging(Protocol):
    """One way of turning pages."""

    def parameters(self, place: str) -> Mapping[str, str]:
        """What asks for the page at ``place``; the first one's place is empty."""

    def following(self, place: str, items: int, body: Any) -> str | None:
        """The place behind a page of so many items; None when it was the last."""


@dataclass(frozen=True)
class Whole:
    """Everything in one answer."""

    def parameters(self, place: str) -> Mapping[str, str]:
        return {}

    def following(self, place: str, items: int, body: Any) -> str | None:
        return None


@dataclass(frozen=True)
class Offset:
    """``limit`` and ``offset``. Only an empty page ends the list: a vendor that gives fewer than asked for has not ended it."""

    limit: int
    limit_name: str = "limit"
    offset_name: str = "offset"

    def parameters(self, place: str) -> Mapping[str, str]:
        return {self.limit_name: str(self.limit), self.offset_name: place or "0"}

    def following(self, place: str, items: int, body: Any) -> str | None:
        return str(int(place or "0") + items) if items else None


@dataclass(frozen=True)
class Numbered:
    """Pages by their number. Only an empty page ends the list, as with :class:`Offset`."""

    limit: int
    limit_name: str = "page_size"
    number_name: str = "page"
    first: int = 1

    def parameters(self, place: str) -> Mapping[str, str]:
        return {self.limit_name: str(self.limit), self.number_name: place or str(self.first)}

    def following(self, place: str, items: int, body: Any) -> str | None:
        return str(int(place or self.first) + 1) if items else None


@dataclass(frozen=True)
class Cursor:
    """The answer names what to ask for next: ``find`` takes it out, ``name`` is the parameter that carries it on."""

    find: Callable[[Any], Any]
    name: str
    first: str = ""
    """What the first page is asked for with, where a vendor wants a word for it."""
    fixed: Mapping[str, str] | None = None

    def parameters(self, place: str) -> Mapping[str, str]:
        asked = place or self.first
        return {**(self.fixed or {}), **({self.name: asked} if asked else {})}

    def following(self, place: str, items: int, body: Any) -> str | None:
        return _text(self.find(body))


@dataclass(frozen=True)
class Link:
    """The answer holds the address of the next page. The client follows it only within the same system and call."""

    find: Callable[[Any], Any]
    fixed: Mapping[str, str] | None = None
    """Parameters of the first page; the links carry them on."""
    ends_empty: bool = False
    """The last page links to a next one all the same: an empty page is the end."""
    path: str = ""
    """Of the pages behind the first, where it is not the first one's."""

    def parameters(self, place: str) -> Mapping[str, str]:
        return {} if place else (self.fixed or {})

    def following(self, place: str, items: int, body: Any) -> str | None:
        return None if self.ends_empty and not items else _text(self.find(body))


def _text(value: Any) -> str | None:
    return str(value) if isinstance(value, str | int) and str(value) else None
