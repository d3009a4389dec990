"""The whole job at size: first build, a day's increment, a day without anything, from raw files to the published version.

Each step runs as a run does it, in a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import json
import tempfile
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import import_module
from pathlib import Path

from benchmarks import naive_sql, plain, population
from benchmarks.measure import Step, Table
from orchestration import day
from orchestration.core.config import Config, load_config
from orchestration.core.home import Home
from orchestration.core.warehouse import warehouse
from orchestration.reconcile import dbt, stages

AS_OF = datetime(2026, 4, 1, tzinfo=UTC)
_CONFIG = f"""
[company]
name = "Benchmark"
default_region = "US"
scopes = {json.dumps(population.SCOPES)}
[limits]
settle_seconds = 0
[sources.asks]
format = "requests"
may_lift = ["preference_center", "web_form", "written_consent", "sms_keyword", "esp_resubscribe"]
[sources.crm]
format = "contacts"
"""
# The plain script keeps every request as Python objects, and the answers are compared as such: gigabytes for a million.
_NAIVE_AT_MOST = 200_000
_NAIVE = {"pandas and phonenumbers": plain.suppressed, "one SQL script": naive_sql.suppressed}


def run(size: int, increment: int, seed: int) -> Table:
    """A first build of ``size`` requests and half as many contacts; then ``increment`` more of each, and nothing new.

    An increment of nothing leaves out both days after the first build.
    """
    contacts = max(size // 2, 1)
    then = f", then {increment:,} more of each" if increment else ""
    table = Table(f"The whole job: {size:,} requests and {contacts:,} contacts{then} (seed {seed})")
    with tempfile.TemporaryDirectory(prefix="quietlist-bench.") as folder:
        home = Home.at(Path(folder) / "home").create()
        home.config_file.write_text(_CONFIG)
        config = load_config(home)
        asks, crm = home.inbox / "asks", home.inbox / "crm"
        for inbox in (asks, crm):
            inbox.mkdir()
        dbt.ensure_manifest()
        for heavy in ("dbt.cli.main", "orchestration.gate.held_back"):  # a run imports them once, not in every step
            import_module(heavy)
        table.child("generate", size, lambda: _deliver(asks, crm, 0, size, 0, contacts, size, contacts, seed))
        naive = _beside(home, size, table)
        table.total("first build, all steps", _job(home, config, AS_OF, table, size, "first: "))
        for name, rows in naive.items():
            _must_be_equal(home, name, rows)
        if not increment:
            return table
        last = contacts + increment
        table.child(
            "generate more", increment, lambda: _deliver(asks, crm, size, size + increment, contacts, last, size, contacts, seed)
        )
        table.total("increment, all steps", _job(home, config, AS_OF + timedelta(days=1), table, increment, "then: "))
        table.total("nothing new, all steps", _job(home, config, AS_OF + timedelta(days=2), Table(""), 0, ""))
    return table


def _job(home: Home, config: Config, as_of: datetime, table: Table, rows: int, prefix: str) -> list[Step]:
    """Every step of a run up to the published version, each measured."""
    begun = len(table.steps)

    for step in day.steps(home, config, as_of):
        slowest = table.child(f"{prefix}{step.name}", rows, partial(_told, step))
        if slowest:
            table.steps[-1].note = slowest
        if step.stage == "publish":
            break
    return table.steps[begun:]


def _told(step: day.Step) -> str:
    """Where a step builds models, its slowest: the rest of what it answers stays in its process."""
    result = step.work()
    return _node_seconds(result) if isinstance(result, stages.Built) else ""


def _node_seconds(built: stages.Built) -> str:
    """The three slowest models of a step."""
    slowest = sorted(built.nodes, key=lambda node: -node.seconds)[:3]
    return ", ".join(f"{node.unique_id.split('.')[-1]} {node.seconds:.1f} s" for node in slowest)


def _deliver(
    asks: Path, crm: Path, first: int, last: int, first_contact: int, last_contact: int, requests: int, contacts: int, seed: int
) -> None:
    population.write_contacts(crm / f"contacts_{first_contact}.csv", first_contact, last_contact, contacts=contacts, seed=seed)
    population.write_requests(asks / f"requests_{first}.csv", first, last, requests=requests, contacts=contacts, seed=seed)


def _beside(home: Home, size: int, table: Table) -> dict[str, set[plain.Row]]:
    """The same answer by the scripts that one would write, each with its name."""
    asks, crm = home.inbox / "asks" / "requests_0.csv", home.inbox / "crm" / "contacts_0.csv"
    answers = {}
    for name, suppressed in _NAIVE.items():
        title = f"for comparison: {name}"
        if size > _NAIVE_AT_MOST:
            table.left_out(title, f"more than {_NAIVE_AT_MOST:,} requests")
        else:
            answers[name] = table.child(title, size, partial(suppressed, asks, crm))
    return answers


def _must_be_equal(home: Home, name: str, rows: set[plain.Row]) -> None:
    with warehouse(home, read_only=True) as con:
        golden = set(con.execute("select channel, identifier, scope from golden.golden_suppression").fetchall())
    if golden != rows:
        raise AssertionError(f"only in the golden table {len(golden - rows)}, only by {name} {len(rows - golden)}")
