"""What every vendor that stands in has in common: a key, lists with rows, and how a test looks at them and meddles with them."""

from __future__ import annotations

import json
from abc import abstractmethod
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar

from tests.vendors.server import Reply, Request, Server

KEY = "SG.swordfish-key-of-the-account-us6"


NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Entry:
    """One row at the vendor."""

    by_api: bool = True
    """Written by somebody's program; else by the recipient's own click, or the vendor itself."""
    more: dict[str, Any] = field(default_factory=dict)
    at: datetime = NEW_YEAR
    """When it came to be, by the vendor's clock."""
    seen_from: int = 0
    """Shows from the so-manieth read on."""


class Vendor(Server):
    """A vendor's account."""

    system: ClassVar[str]
    lists: ClassVar[dict[str, str]]
    """Scope -> list, as a configuration maps them."""
    channel: ClassVar[str] = "email"
    pages: ClassVar[bool] = False
    """Its lists come in pages; a page is small here, so that a short list has several."""
    releases: ClassVar[bool] = True
    reads: ClassVar[bool] = True
    asked_per_put: ClassVar[int] = 1
    """Requests that suppress one row there which is new."""
    looks_first: ClassVar[bool] = False
    """Whoever puts there looks first, and so learns what became of a put that was not answered."""
    lists_all: ClassVar[bool] = True
    """It shows whole lists; else only whether one row is there, to whoever asks for it."""
    extra: ClassVar[dict[str, Any]] = {}
    page: ClassVar[int] = 3
    keeps_some: ClassVar[bool] = False
    """There are rows that it lets no program lift (``compliance``)."""
    tells: ClassVar[str] = ""
    """What tells there that a row is not the one that we wrote: its ``mark``, its ``age``, or nothing."""
    times_read: ClassVar[int] = 1
    gone: ClassVar[str] = ""
    """A list that is not there."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[str, dict[str, Entry]] = {name: {} for name in self.lists.values()}
        self.poison: set[str] = set()
        self.now = NEW_YEAR
        self.looked = 0
        self.shows_after = 0
        """Reads until what was put shows."""
        self.forgets: set[str] = set()
        self.compliance: set[str] = set()
        """Rows that no program may lift."""

    # what a test does

    def there(self, scope: str) -> set[str]:
        return set(self.rows[self.lists[scope]])

    def somebody_puts(self, scope: str, identifier: str, *, by_api: bool = False) -> None:
        self.rows[self.lists[scope]][identifier] = Entry(by_api, at=self.now)

    def loses(self, scope: str, identifier: str) -> None:
        del self.rows[self.lists[scope]][identifier]

    def toml(self, name: str, **changes: Any) -> str:
        entry = {
            "system": self.system,
            "channels": [self.channel],
            "scopes": list(self.lists),
            "api_key_env": "TEST_VENDOR_KEY",
            "base_url": self.url,
            "max_release_share": 1.0,
            **self.extra,
            **changes,
        }
        lines = [f"{key} = {json.dumps(value)}" for key, value in entry.items() if not isinstance(value, dict)]
        lists = changes.get("lists", self.lists)
        lines.append("lists = { " + ", ".join(f"{json.dumps(scope)} = {json.dumps(to)}" for scope, to in lists.items()) + " }")
        return f'[company]\nname = "Acme"\nscopes = ["acme", "acme/news", "outlet"]\n[destinations.{name}]\n' + "\n".join(lines)

    # what the vendor does

    def answer(self, request: Request) -> Reply:
        if not self.knows(request):
            return Reply(401, {"errors": [{"message": "The provided authorization grant is invalid"}]})
        return self.route(request) or Reply(404, {"error": "not found"})

    def knows(self, request: Request) -> bool:
        """Whether the key is right. Most take it as a bearer token."""
        return request.headers.get("authorization") == f"Bearer {KEY}"

    @abstractmethod
    def route(self, request: Request) -> Reply | None:
        """The answer; None for a path that is not there."""

    def is_put(self, request: Request) -> bool:
        return request.method == "POST"

    def is_read(self, request: Request) -> bool:
        return request.method == "GET"

    def keep(self, name: str, identifier: str, **more: Any) -> None:
        """A program suppresses a row; again makes no difference, but for what ``more`` says."""
        if identifier in self.forgets:
            return
        entry = self.rows[name].setdefault(identifier, Entry(seen_from=self.looked + self.shows_after, at=self.now))
        entry.more |= more

    def visible(self, name: str) -> dict[str, Entry]:
        return {identifier: entry for identifier, entry in sorted(self.rows[name].items()) if entry.seen_from <= self.looked}
