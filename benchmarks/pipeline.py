"""The reconciling of N requests from raw CSV files, then a day's increment on top, stage by stage as a run does it."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from benchmarks.measure import Step, Table
from orchestration.core.config import Config, load_config
from orchestration.core.home import Home
from orchestration.core.warehouse import warehouse
from orchestration.landing import collect, register
from orchestration.readers import load
from orchestration.reconcile import dbt, stages

AS_OF = datetime(2026, 4, 1, tzinfo=UTC)
_CONFIG = """
[company]
name = "Benchmark"
default_region = "US"
scopes = ["acme", "acme/newsletter", "acme/offers", "outlet"]
[limits]
settle_seconds = 0
[sources.asks]
format = "requests"
[sources.crm]
format = "contacts"
"""


def run(size: int, increment: int, seed: int) -> Table:
    """Measure a first build of ``size`` requests (and a third as many contacts), then ``increment`` more."""
    table = Table(f"Reconciling {size:,} requests and {size // 3:,} contacts, then {increment:,} more requests (seed {seed})")
    with tempfile.TemporaryDirectory(prefix="quietlist-bench.") as folder:
        home = Home.at(Path(folder) / "home").create()
        home.config_file.write_text(_CONFIG)
        config = load_config(home)
        for source in ("asks", "crm"):
            (home.inbox / source).mkdir()
        _write_contacts(home.inbox / "crm" / "contacts.csv", size // 3, size, seed)
        _write_requests(home.inbox / "asks" / "requests.csv", 0, size, size, seed)
        dbt.ensure_manifest()
        # The first call of a process imports dbt: paid once per run, not part of any stage.
        stages_of(home, config, AS_OF - timedelta(days=1), Table("warm"), 0, "", empty=True)
        table.total("first build, all stages", stages_of(home, config, AS_OF, table, size, "first: "))
        _write_requests(home.inbox / "asks" / "more.csv", size, size + increment, size, seed)
        table.total("increment, all stages", stages_of(home, config, AS_OF + timedelta(days=1), table, increment, "then: "))
        table.total("nothing new, all stages", stages_of(home, config, AS_OF + timedelta(days=2), Table(""), 0, ""))
    return table


def stages_of(
    home: Home, config: Config, as_of: datetime, table: Table, rows: int, prefix: str, *, empty: bool = False
) -> list[Step]:
    """Run every stage up to the golden table once, measuring each."""
    begun = len(table.steps)
    hidden = [(path, path.with_suffix(".part")) for path in home.inbox.rglob("*.csv")] if empty else []
    for path, aside in hidden:
        path.rename(aside)
    with table.step(f"{prefix}collect", rows):
        collect(home, config, as_of)
    with table.step(f"{prefix}load", rows), warehouse(home) as con:
        stages.prepare(con, home)
        register(con, home, config)
        load(con, home, config, as_of)
    with table.step(f"{prefix}stage", rows):
        stages.stage(home, config, as_of)
    with table.step(f"{prefix}normalise identifiers", rows):
        stages.normalise(home, config)
    with table.step(f"{prefix}registries", rows):
        stages.registries(home, config, as_of)
    with table.step(f"{prefix}ledger", rows):
        stages.ledger(home, config, as_of)
    with table.step(f"{prefix}persons", rows):
        stages.identify(home, config)
    with table.step(f"{prefix}golden, history, deadlines", rows):
        stages.golden(home, config, as_of)
    for path, aside in hidden:
        aside.rename(path)
    return table.steps[begun:]


def _write_requests(path: Path, first: int, last: int, people: int, seed: int) -> None:
    with duckdb.connect() as con:
        con.execute("set timezone = 'UTC'")
        con.execute(
            f"""
            copy (
                select
                    'k' || i as request_key,
                    strftime(timestamp '2025-10-01' + to_seconds(h(i, 1) % 15000000), '%Y-%m-%dT%H:%M:%SZ') as requested_at,
                    case when h(i, 2) % 100 < 4 then 'opt_in' when h(i, 2) % 100 < 9 then 'complaint' else 'opt_out' end
                        as action,
                    case h(i, 3) % 3 when 0 then 'web_form' when 1 then 'esp_unsubscribe' else 'agent_note' end as method,
                    case h(i, 4) % 4 when 0 then 'all' when 1 then 'email' when 2 then 'email;sms' else 'voice' end as channels,
                    ['*', 'acme', 'acme/newsletter', 'acme/offers', 'outlet'][1 + (h(i, 5) % 5)::bigint] as scope,
                    case when h(i, 6) % 10 < 8 then 'U' || (h(i, 7) % {people}) || '@Example.com' end as email,
                    case when h(i, 6) % 10 >= 6
                        then '(' || (201 + h(i, 8) % 700) || ') 555-' || lpad((h(i, 9) % 10000)::varchar, 4, '0') end as phone
                from range({first}, {last}) numbers(i)
            ) to '{path}' (header, delimiter ',')
            """.replace("h(i, ", f"hash(i + {seed}::bigint * 1000003, ")
        )


def _write_contacts(path: Path, count: int, people: int, seed: int) -> None:
    with duckdb.connect() as con:
        con.execute(
            f"""
            copy (
                select
                    'c' || i as customer_id,
                    'u' || (h(i, 11) % {people}) || '@example.com' as emails,
                    '(' || (201 + h(i, 12) % 700) || ') 555-' || lpad((h(i, 13) % 10000)::varchar, 4, '0') as phones,
                    'Person ' || (h(i, 14) % {people}) as name
                from range({count}) numbers(i)
            ) to '{path}' (header, delimiter ',')
            """.replace("h(i, ", f"hash(i + {seed}::bigint * 1000003, ")
        )
