"""A home, rows as the engine hands them over, and a real PostgreSQL server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from orchestration.core.home import Home
from orchestration.destinations.contract import Push
from tests.mariadb_server import mariadb_server
from tests.postgres_server import postgres_server
from tests.redis_server import redis_server
from tests.vendors.house import House, Open
from tests.vendors.vendor import KEY, Vendor

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
_MOMENT = pa.timestamp("us", tz="UTC")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.at(tmp_path / "home").create()


@pytest.fixture
def at_vendor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Opens a home with one destination at a vendor."""
    monkeypatch.setenv("TEST_VENDOR_KEY", KEY)
    running: list[Vendor] = []

    def start(kind: type[Vendor], **changes: Any) -> House:
        vendor = kind()
        vendor.__enter__()
        running.append(vendor)
        return House(tmp_path / "home", vendor, **changes)

    yield start
    for vendor in running:
        vendor.__exit__()


@pytest.fixture
def a_push() -> Push:
    return Push(version=7, run=3, as_of=NOON)


@pytest.fixture
def stream() -> Callable[..., pa.RecordBatchReader]:
    """Rows as a destination gets them: e-mail opt-outs of the whole company unless told otherwise."""

    def make(*rows: dict[str, Any]) -> pa.RecordBatchReader:
        full = [
            {
                "channel": "email",
                "identifier_type": "email",
                "scope": "*",
                "identifier_hash": f"hash of {row['identifier']}",
                "reason": "opt_out",
                "basis": "direct",
                "suppressed_since": datetime(2026, 2, 1, 8, 30, tzinfo=UTC),
                "last_requested_at": datetime(2026, 2, 1, 8, 30, tzinfo=UTC),
                "region": "US",
                "deciding_request_id": "request 1",
                "evidence_id": "opt-in 1",
                "evidence_kind": "opt_in",
                **row,
            }
            for row in rows
        ]
        names = list(full[0]) if full else ["identifier"]
        kinds = {name: _MOMENT if name in ("suppressed_since", "last_requested_at") else pa.string() for name in names}
        table = pa.table({name: pa.array([row[name] for row in full], kinds[name]) for name in names})
        return table.to_reader(max_chunksize=3)

    return make


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    with postgres_server() as url:
        yield url


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    with redis_server() as url:
        yield url


@pytest.fixture(scope="session")
def mariadb() -> Iterator[str]:
    with mariadb_server() as url:
        yield url
