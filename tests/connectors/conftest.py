"""A home and a vendor's lists, and short ways to pull."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestration.connectors.pulling import Pulled, Wanted, pull
from orchestration.core.config import Config
from orchestration.core.home import Home
from orchestration.core.pace import Timer
from tests.connectors.shelf import KEY, FastTimer

NOON = datetime(2026, 3, 20, 12, tzinfo=UTC)


@dataclass
class House:
    """A home whose clock is the test's."""

    home: Home
    now: datetime = NOON
    fast: FastTimer = field(default_factory=FastTimer)
    sources: dict[str, dict[str, Any]] = field(default_factory=dict)
    limits: dict[str, Any] = field(default_factory=dict)

    @property
    def config(self) -> Config:
        said = {
            "company": {"name": "Acme", "scopes": ["acme"]},
            "limits": {"settle_seconds": 0, **self.limits},
            "sources": {name: {"scope": "acme", **source} for name, source in self.sources.items()},
        }
        return Config.model_validate(said)

    def timer(self) -> Timer:
        return Timer(self.fast.monotonic, self.fast.sleep, lambda: self.now)

    def pull(self, *names: str, **wanted: Any) -> list[Pulled]:
        return list(pull(self.home, self.config, self.now, Wanted(names, **wanted), self.timer()))

    def later(self, **span: float) -> None:
        self.now += timedelta(**span)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setenv("SHELF_KEY", KEY)
    yield House(Home.at(tmp_path / "home").create())
