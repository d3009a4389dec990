"""A warehouse with the policy and a ledger that the tests write, in which the models of deadlines are built."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from orchestration.core.config import Company, Config
from orchestration.core.home import Home
from orchestration.core.warehouse import warehouse
from orchestration.reconcile import dbt
from tests.deadlines.oracle import Asked, Clock
from tests.homes import with_policy

AS_OF = datetime(2026, 11, 23, 12, tzinfo=UTC)
_MODELS = (
    "first_days int_first_day_moments int_asked binding_rules int_rules_by_region rule_deadlines request_rules request_deadlines"
)
_TIME = pa.timestamp("us", tz="UTC")
_LEDGER = pa.schema(
    [
        ("request_id", pa.string()),
        ("action", pa.string()),
        ("method", pa.string()),
        ("channels", pa.list_(pa.string())),
        ("scope", pa.string()),
        ("at_earliest", _TIME),
        ("at_latest", _TIME),
        ("first_seen", _TIME),
        ("region", pa.string()),
    ]
)


def seeded(root: Path) -> Home:
    """A home whose warehouse holds the policy and nothing else."""
    return with_policy(Home.at(root))


@cache
def shared(folder: Path) -> Home:
    """One such home for all tests of a session, which write over each other's tables."""
    return seeded(folder / "policy_home")


def judge(home: Home, asked: Iterable[Asked], *, default_region: str | None = None) -> dict[tuple[str, str], list[Clock]]:
    """What the models say: the clocks of each request and channel, the strictest first."""
    ledger = pa.Table.from_pylist([_row(one) for one in asked], schema=_LEDGER)
    with warehouse(home) as con:
        con.register("_ledger", ledger)
        con.execute("create or replace table ledger.requests as select * from _ledger")
        con.unregister("_ledger")
    config = Config(company=Company(name="Test", default_region=default_region))
    dbt.invoke(home, config, AS_OF, "run", _MODELS, full_refresh=True)
    with warehouse(home, read_only=True) as con:
        found = con.execute(
            "select request_id, channel, rule_id, deadline_at from deadlines.request_rules "
            "order by not is_strictest, deadline_at, rule_id"
        ).fetchall()
    clocks: dict[tuple[str, str], list[Clock]] = {}
    for request_id, channel, rule_id, deadline_at in found:
        clocks.setdefault((request_id, channel), []).append(Clock(rule_id, deadline_at.astimezone(UTC)))
    return clocks


def _row(asked: Asked) -> dict[str, Any]:
    at = asked.at or asked.first_seen  # as the ledger does for a record without a time
    return {
        "request_id": asked.key,
        "action": asked.action,
        "method": asked.method,
        "channels": list(asked.channels),
        "scope": "*",
        "at_earliest": at,
        "at_latest": at,
        "first_seen": asked.first_seen,
        "region": asked.region,
    }


def seen_later(at: datetime) -> datetime:
    """When a record of that time is usually first seen."""
    return at + timedelta(days=1)
