"""A home with two sources whose format one feed describes, and short ways to deliver, collect and look."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestration.core.config import Config
from orchestration.core.home import Home
from orchestration.landing import Collected, Entry, collect, read_manifest
from orchestration.readers.feeds import Column, Feed

AS_OF = datetime(2026, 4, 1, 12, tzinfo=UTC)
FEED = Feed("acme", "optouts", ("requests",), "delimited", ("*.csv",), (), True, (Column("email", ("email",)),))


def config(sources: dict[str, dict[str, Any]] | None = None, **limits: Any) -> Config:
    """Sources ``mail`` and ``crm`` unless others are given; nothing waits for files to settle unless told to."""
    return Config.model_validate(
        {
            "company": {"name": "Acme", "scopes": ["acme", "acme/newsletter"]},
            "limits": {"settle_seconds": 0} | limits,
            "sources": sources if sources is not None else {"mail": {"format": "acme"}, "crm": {"format": "acme"}},
        }
    )


@dataclass
class Inbox:
    """One home seen from its inbox."""

    home: Home

    def put(self, name: str, content: bytes | str = "email\na@example.com\n", *, modified_at: datetime | None = None) -> Path:
        """A file below inbox/, last written now or at the moment given."""
        path = self.home.inbox / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        if modified_at is not None:
            nanoseconds = (modified_at - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1) * 1_000
            os.utime(path, ns=(nanoseconds, nanoseconds))
        return path

    def collect(self, as_of: datetime = AS_OF, settings: Config | None = None) -> Collected:
        return collect(self.home, settings or config(), as_of)

    def entries(self) -> tuple[Entry, ...]:
        return read_manifest(self.home)

    def waiting(self) -> list[str]:
        """What is still in the inbox."""
        return sorted(str(path.relative_to(self.home.inbox)) for path in self.home.inbox.rglob("*") if not path.is_dir())

    def landed(self) -> dict[str, bytes]:
        """What is in landing beside the manifest, by path."""
        files = (path for path in self.home.landing.rglob("*") if path.is_file() and not path.name.startswith("."))
        return {str(path.relative_to(self.home.landing)): path.read_bytes() for path in files if path != self.home.manifest_file}


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    return Inbox(Home.at(tmp_path / "home").create())
