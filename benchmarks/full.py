"""What a user waits for: ``quietlist run`` on raw files, through Dagster, dbt and the gates; the next day's run; one question.

``python -m benchmarks.full --size 20000000 --registry 260000000`` is the size the product is meant for. Each command is a process
of its own, started as a user starts it, so the figures include every import; collecting copies and hashes the files as always.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from benchmarks import population, registry
from benchmarks.measure import Step, Table
from orchestration.core.home import Home

AS_OF = datetime(2026, 4, 1, tzinfo=UTC)
_CONFIG = f"""
[company]
name = "Benchmark"
default_region = "US"
scopes = {json.dumps(population.SCOPES)}
[limits]
settle_seconds = 0
memory = "%s"
[sources.asks]
format = "requests"
may_lift = ["preference_center", "web_form", "written_consent", "sms_keyword", "esp_resubscribe"]
[sources.crm]
format = "contacts"
[sources.us]
format = "ftc_national_dnc"
"""
# How a command may end: a day without a hitch, or one on which a gate held something; a person who may be contacted, who may
# not, or of whom nobody knows. What is measured is the same.
_ENDS = {"run": (0, 1), "check": (0, 4, 5)}


def run(size: int, listed: int, increment: int, seed: int, memory: str = "4GB") -> Table:
    """A first run over ``size`` requests, half as many contacts and ``listed`` registry numbers; then a day; then a question."""
    contacts = max(size // 2, 1)
    changes = registry.changes_of(listed)
    table = Table(
        f"quietlist run: {size:,} requests, {contacts:,} contacts, a registry of {listed:,}; then {increment:,} of each "
        f"and {changes:,} changes (seed {seed}, DuckDB limited to {memory})"
    )
    with tempfile.TemporaryDirectory(prefix="quietlist-bench.") as folder:
        home = Home.at(Path(folder) / "home").create()
        home.config_file.write_text(_CONFIG % memory)
        for source in ("asks", "crm", "us"):
            (home.inbox / source).mkdir()
        _deliver(home, 0, size, 0, contacts, size, contacts, seed)
        registry.write_full(home.inbox / "us" / "full_2026-03-31.txt", listed, seed, 0)
        floor = sum(path.stat().st_size for path in home.inbox.rglob("*") if path.is_file())
        _command(table, "first run", size, "run", home, AS_OF)
        table.steps[-1].note = f"{floor / 1e6:,.0f} MB of files; {_said(home)}"
        _deliver(home, size, size + increment, contacts, contacts + increment, size, contacts, seed)
        registry.write_changes(home.inbox / "us" / "change_2026-04-01.txt", listed, seed)
        _command(table, "the next day", increment, "run", home, AS_OF + timedelta(days=1))
        table.steps[-1].note = _said(home)
        _command(table, "a day without anything", 0, "run", home, AS_OF + timedelta(days=2))
        _command(table, "check of one identifier", 1, "check", home, AS_OF, "--channel", "email", "--identifier", _anybody(home))
        batch = Path(folder) / "batch.csv"
        batch.write_text("channel,identifier,scope\n" + "".join(f"voice,+1202555{n:04},*\n" for n in range(1000)))
        _command(table, "check of a thousand", 1000, "check", home, AS_OF, "--file", str(batch))
    return table


def _command(table: Table, name: str, rows: int, verb: str, home: Home, as_of: datetime, *more: str) -> None:
    program = [str(Path(sys.executable).with_name("quietlist")), verb, "--home", str(home.root), *more]
    if verb == "run":
        program += ["--as-of", as_of.isoformat()]
    started = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(program, stdout=said, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - started
        if process.returncode not in _ENDS[verb]:
            said.seek(0)
            raise RuntimeError(f"{name} ended with {process.returncode}: {said.read().decode(errors='replace')[-2000:]}")
    print(f"{name}: {wall:.1f} s", file=sys.stderr, flush=True)  # a size that takes half an hour is watched
    table.steps.append(Step(name, rows, wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024))


def _deliver(
    home: Home, first: int, last: int, first_contact: int, last_contact: int, size: int, contacts: int, seed: int
) -> None:
    asks, crm = home.inbox / "asks" / f"requests_{first}.csv", home.inbox / "crm" / f"contacts_{first_contact}.csv"
    population.write_contacts(crm, first_contact, last_contact, contacts=contacts, seed=seed)
    population.write_requests(asks, first, last, requests=size, contacts=contacts, seed=seed)


def _published(home: Home) -> tuple[dict[str, object], list[Path]]:
    pointer = json.loads((home.golden_published / "latest.json").read_text())
    folder = home.golden_published / f"version={pointer['version']}"
    return json.loads((folder / "manifest.json").read_text()), sorted(folder.glob("*.parquet"))


def _said(home: Home) -> str:
    manifest, files = _published(home)
    written = sum(path.stat().st_size for path in files)
    held = sum(path.stat().st_size for path in home.root.rglob("*") if path.is_file())
    return (
        f"version {manifest['version']}, {manifest['row_count']:,} rows, {written / 1e6:,.0f} MB; the home {held / 1e9:,.1f} GB"
    )


def _anybody(home: Home) -> str:
    with duckdb.connect() as con:
        found = con.execute(
            "select identifier from read_parquet(?) where channel = 'email' limit 1",
            [[str(path) for path in _published(home)[1]]],
        ).fetchall()
    return str(found[0][0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1_000_000)
    parser.add_argument("--registry", type=int)
    parser.add_argument("--increment", type=int, help="requests and contacts of the next day (default: a two-hundredth)")
    parser.add_argument("--seed", type=int, default=20260401)
    parser.add_argument("--memory", default="4GB", help="the limit given to DuckDB (limits.memory)")
    options = parser.parse_args()
    increment = options.increment or max(options.size // 200, 1)
    print("\n".join(run(options.size, options.registry or options.size, increment, options.seed, options.memory).lines()))


if __name__ == "__main__":
    main()
