"""One home, one publisher, and a push that reads what it published."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import duckdb
import pytest

from orchestration.core.home import Home
from orchestration.core.pace import Timer
from orchestration.sync import SyncResult, sync
from tests.sync.sync_doubles import Publisher, at, config_with


@pytest.fixture
def home(tmp_path: Any) -> Home:
    return Home.at(tmp_path / "home").create()


@pytest.fixture
def publisher(home: Home) -> Publisher:
    return Publisher(home)


@pytest.fixture
def push(home: Home, publisher: Publisher) -> Callable[..., SyncResult]:
    def run(destination: Any, *, as_of: datetime | None = None, dry_run: bool = False, **keys: Any) -> SyncResult:
        return sync(
            home,
            config_with("crm", **keys),
            "crm",
            as_of or at(),
            dry_run=dry_run,
            read_snapshot=publisher.read,
            read_version=publisher.read_version,
            allows=publisher.allows,
            destination=destination,
            timer=Timer(destination.clock.monotonic, destination.clock.sleep),
            lock_wait_seconds=0,
        )

    return run


@pytest.fixture
def states(home: Home) -> Callable[[], dict[str, tuple[Any, ...]]]:
    """Identifier -> (state, wanted, written by us, error), as the ledger has it."""

    def read() -> dict[str, tuple[Any, ...]]:
        with duckdb.connect(str(home.sync_ledger_file)) as con:
            rows = con.execute(
                "select identifier, state, wanted, written_by_us, error from row_state order by identifier"
            ).fetchall()
        return {row[0]: row[1:] for row in rows}

    return read
