"""Pushing to destinations: ``python -m benchmarks.push --size 1000000``.

Golden rows of three channels, three tenths of them at the whole company, pushed to five scopes of a folder and of a SQLite file.
Measured are the first push, a push of nothing, and a day on which half a percent of the rows came, went or changed; each in a
process of its own, the published files made before.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from benchmarks.measure import Table
from benchmarks.published import publish_golden
from orchestration.core.config import Limits, parse_config
from orchestration.core.home import Home
from orchestration.core.warehouse import prepare
from orchestration.publish.versions import read_published
from orchestration.sync import sync

SCOPES = ("*", "acme", "acme/newsletter", "acme/offers", "outlet")
SYSTEMS = {"folder": "file_drop", "table": "sql_table"}
_FIRST_DAY = datetime(2026, 3, 1, 12, tzinfo=UTC)
_SHARE_OF_A_DAY = 200  # one row in so many changes on a day: half a percent

_CONFIG = """
[company]
name = "Benchmark"
scopes = ["acme", "acme/newsletter", "acme/offers", "outlet"]
[limits]
memory = "{memory}"
"""
_DESTINATION = """
[destinations.{name}]
system = "{system}"
channels = ["email", "sms", "voice"]
scopes = ["*", "acme", "acme/newsletter", "acme/offers", "outlet"]
"""


@dataclass(frozen=True)
class Permission:
    """What the gate answers, as far as a push looks at it."""

    releases_held: bool = False


def rows(size: int, day: int) -> str:
    """The query of the golden rows of a day: of each day before, some came and some changed since."""
    return f"""
        with numbers as (
            select n, n % 3 as kind, n % {_SHARE_OF_A_DAY} = 7 and n % 2 = 0 as changes
            from range({size + (size // _SHARE_OF_A_DAY // 2) * (day - 1)}) as t(n)
        )
        select
            ['email', 'sms', 'voice'][kind + 1] as channel,
            case when kind = 0 then 'email' else 'phone' end as identifier_type,
            case when kind = 0 then md5(n::varchar)[:12] || '@example.com'
                else '+1555' || lpad((n * 7919 % 10000000000)::varchar, 10, '0')
            end as identifier,
            sha256(identifier) as identifier_hash,
            case when n % 10 < 3 then '*' else ['acme', 'acme/newsletter', 'acme/offers', 'outlet'][n % 4 + 1] end as scope,
            []::varchar[] as except_scopes,
            case when changes and {day} > 1 then 'complaint' else 'opt_out' end as reason,
            'direct' as basis,
            timestamptz '2025-01-01 00:00:00+00' + to_seconds(n % 30000000) as suppressed_since,
            suppressed_since as first_requested_at, suppressed_since as last_requested_at, 1 as request_count,
            md5('request' || n) as deciding_request_id, ['web'] as sources, 'US' as region
        from numbers
    """


def run(size: int, systems: Sequence[str] = tuple(SYSTEMS), memory: str = "4GB") -> Table:
    """All pushes of all systems."""
    table = Table(f"Pushing {size:,} golden rows to {len(SCOPES)} scopes, memory {memory}")
    with tempfile.TemporaryDirectory(prefix="quietlist-bench.") as folder:
        for name in systems:
            home = Home.at(Path(folder) / name).create()
            text = _CONFIG.format(memory=memory) + _DESTINATION.format(name=name, system=SYSTEMS[name])
            home.config_file.write_text(text)
            table.child(f"{name}: publish", size, lambda home=home: _publish(home, size, 1))
            for number, (step, day) in enumerate((("first push", 1), ("nothing", 1), ("a day of 0.5 %", 2)), 1):
                if day == 2:
                    table.child(f"{name}: publish a day", size, lambda home=home: _publish(home, size, 2))
                try:
                    said = table.child(f"{name}: {step}", size, _push(home, text, name, number))
                    table.steps[-1].note = said
                except RuntimeError as error:
                    table.left_out(f"{name}: {step}", str(error))
    return table


def _publish(home: Home, size: int, version: int) -> None:
    with duckdb.connect() as con:
        prepare(con, home, Limits())
        publish_golden(con, home, rows(size, version), _FIRST_DAY, version)


def _push(home: Home, text: str, name: str, day: int) -> Callable[[], str]:
    def push() -> str:
        result = sync(
            home,
            parse_config(text, home.config_file),
            name,
            _FIRST_DAY + timedelta(days=day),
            read_snapshot=read_published,
            read_version=read_published,
            allows=lambda _home, _rows: Permission(),
        )
        return f"{result.wanted:,} wanted, {result.puts:,} put, {result.states}"

    return push


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1_000_000)
    parser.add_argument("--systems", nargs="+", choices=sorted(SYSTEMS), default=sorted(SYSTEMS))
    parser.add_argument("--memory", default="4GB")
    given = parser.parse_args()
    print("\n".join(run(given.size, given.systems, given.memory).lines()))
