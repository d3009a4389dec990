"""Scrubbing a campaign file, beside the floor (reading the bytes) and beside what one would write with pandas, Polars or SQLite.

Each runs in a process of its own, so that its peak memory is its own. The rivals (``benchmarks/rivals.py``) get worlds in which
they fit, and must let exactly the customers through that the scrub lets through.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path

import duckdb

from benchmarks.measure import Step, Table, missing
from benchmarks.published import publish_golden, publish_registry
from benchmarks.rivals import RIVALS, World
from orchestration.core.files import sha256_file
from orchestration.core.home import CHECKOUT, Home
from orchestration.scrub.contact_points import nanp_areas

AS_OF = datetime(2026, 4, 1, tzinfo=UTC)
_CONFIG = """
[company]
name = "Benchmark"
default_region = "US"
scopes = ["acme", "acme/newsletter"]
[limits]
memory = "1500MB"
"""
# As many registry numbers and golden rows for each campaign row as the full size has: 260 M and 20 M for 10 M.
_LISTED, _GOLDEN = 26, 2
# Rows of the campaign; there are 26 times as many numbers, which take SQLite minutes already.
_AT_MOST = {"pandas": 10_000_000, "polars": 10_000_000, "sqlite3": 1_000_000}

_TITLES = {"pandas": "pandas", "polars": "Polars", "sqlite3": "SQLite"}


def run(size: int, seed: int) -> Table:
    """Measure a campaign of ``size`` rows, each with a number and an address."""
    listed, golden = size * _LISTED, size * _GOLDEN
    table = Table(f"Scrubbing {size:,} rows against {listed:,} registry numbers and {golden:,} suppressions (seed {seed})")
    with tempfile.TemporaryDirectory(prefix="quietlist-bench.") as folder:
        home, campaign = _world(Path(folder), size, seed)
        with table.step("floor: hash every byte that is read", size) as floor:
            for file in (campaign, *home.published.rglob("*.parquet")):
                sha256_file(file)
        floor.note = f"{sum(f.stat().st_size for f in (campaign, *home.published.rglob('*.parquet'))) / 1e6:,.0f} MB"
        step = _measured(home, campaign, "ours")
        table.steps.append(step)
        answer = _answer(campaign.parent / "out")
        for library in RIVALS:
            name = f"{_TITLES[library]}, without reasons or certificate"
            why = missing(library) or ("" if size <= _AT_MOST[library] else f"more than {_AT_MOST[library]:,} rows")
            if why:
                table.left_out(name, why)
                continue
            (campaign.parent / library).mkdir()
            rival = _measured(home, campaign, library)
            rival.name, rival.rows = name, size
            rival.note = f"{rival.wall / step.wall:.1f} x the wall time, {rival.peak_mb / step.peak_mb:.1f} x the memory"
            table.steps.append(rival)
            if (other := _answer(campaign.parent / library)) != answer:
                raise AssertionError(f"{library} and the scrub let different customers through: {other}, {answer}")
    return table


def _measured(home: Home, campaign: Path, who: str) -> Step:
    program = [sys.executable, "-m", "benchmarks.scrub", "--home", str(home.root), "--campaign", str(campaign), "--who", who]
    done = subprocess.run(program, capture_output=True, text=True, check=False, cwd=CHECKOUT)
    if done.returncode:
        raise RuntimeError(f"{who}: {done.stderr}")
    return Step(**json.loads(done.stdout.splitlines()[-1]))


def _answer(folder: Path) -> dict[str, tuple[int, int]]:
    """How many customers are in each file, and a hash of which."""
    with duckdb.connect() as con:
        return {
            kind: con.execute(
                "select count(*), bit_xor(hash(customer)) from read_csv(?, all_varchar = true)", [str(folder / f"{kind}.csv")]
            ).fetchall()[0]
            for kind in ("allowed", "blocked")
        }


def _world(folder: Path, size: int, seed: int) -> tuple[Home, Path]:
    home = Home.at(folder / "home").create()
    home.config_file.write_text(_CONFIG)
    areas = sorted(nanp_areas())
    campaign = folder / "campaign.csv"
    people = size * 3  # a third of them is suppressed on one of the channels
    with duckdb.connect() as con:
        con.execute("set timezone = 'UTC'")
        con.execute("set memory_limit = '3GB'")
        con.execute("set enable_progress_bar = false")
        con.execute("set temp_directory = ?", [str(folder / "spill")])
        # Sorted as it is made: one number in every stretch of equal length over all area codes.
        stretch = max(len(areas) * 8_000_000 // (size * _LISTED), 1)
        jitter = _hash("i", seed, 1)
        publish_registry(
            con,
            home,
            "us_ftc",
            f"select (10000000000 + {areas}[1 + x // 8000000]::bigint * 10000000 + 2000000 + x % 8000000)::ubigint as number "
            f"from (select i * {stretch} + {jitter} % {stretch} as x from range({size * _LISTED}) numbers(i)) "
            f"where x < {len(areas) * 8_000_000}",
            AS_OF,
            areas,
        )
        publish_golden(
            con,
            home,
            f"""
            select 'email' as channel, 'email' as identifier_type, 'user' || i * 3 || '@example.com' as identifier,
                sha256('e' || i) as identifier_hash, case when i % 5 = 0 then 'acme/newsletter' else '*' end as scope,
                []::varchar[] as except_scopes, 'opt_out' as reason, 'direct' as basis,
                timestamptz '2026-01-01 00:00:00+00' + to_seconds(i % 5000000) as suppressed_since, 1 as request_count,
                'r' || i as deciding_request_id, ['asks'] as sources, 'US' as region, 'US-CANSPAM' as rule_id
            from range({size * _GOLDEN // 2}) numbers(i)
            union all
            select 'voice', 'phone', {_number("i", areas, seed, 2)}, sha256('p' || i), '*', [], 'opt_out', 'direct',
                timestamptz '2026-01-01 00:00:00+00' + to_seconds(i % 5000000), 1, 'q' || i, ['asks'], 'US', 'US-FCC-INTERNAL'
            from range({size * _GOLDEN // 2}) numbers(i)
            """,
            AS_OF,
        )
        con.execute(
            f"""
            copy (
                select 'c' || i as customer, 'Person ' || i % 1000003 as name, {_number("i", areas, seed, 3)} as phone,
                    'User' || {_hash("i", seed, 4)} % {people} || '@Example.com' as email, 'Spring' as campaign
                from range({size}) numbers(i)
            ) to '{campaign}' (header)
            """
        )
    return home, campaign


def _hash(name: str, seed: int, salt: int) -> str:
    return f"(hash({name} + {seed}::bigint * 1000003, {salt}) >> 1)::bigint"


def _number(name: str, areas: list[str], seed: int, salt: int) -> str:
    area = f"{areas}[1 + {_hash(name, seed, salt)} % {len(areas)}]"
    return f"'+1' || {area} || (2000000 + {_hash(name, seed, salt + 10)} % 8000000)"


def _scrub(home: Home, campaign: Path) -> Step:
    from orchestration.core.config import load_config
    from orchestration.scrub.scrubbing import Request, scrub

    table = Table("")
    request = Request(channels=("voice", "email"), scopes=("acme/newsletter",), without=("ca_dncl",))
    with table.step("scrub: four files and the certificate", 0) as step:
        result = scrub(home, load_config(home), campaign, request, campaign.parent / "out", AS_OF + timedelta(hours=1))
    counts = {output["kind"]: output["records"] for output in result.certificate["outputs"]}
    step.rows = sum(counts.values())
    step.note = ", ".join(f"{count:,} {kind}" for kind, count in counts.items())
    return step


def _rival(library: str, home: Home, campaign: Path) -> Step:
    import_module(library)  # starting is not scrubbing; ours is imported by now as well
    world = World(
        campaign,
        home.golden_published / "version=1" / "part-0.parquet",
        home.registries_published / "us_ftc" / "version=1" / "numbers.parquet",
        campaign.parent / library,
    )
    table = Table("")
    with table.step(library, 0) as step:
        RIVALS[library](world)
    return step


def main() -> None:
    """Measure one of them in this process, for :func:`run`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", required=True)
    parser.add_argument("--campaign", type=Path, required=True)
    parser.add_argument("--who", choices=("ours", *RIVALS), default="ours")
    options = parser.parse_args()
    home, campaign = Home.at(options.home), options.campaign
    step = _scrub(home, campaign) if options.who == "ours" else _rival(options.who, home, campaign)
    step.peak_mb = _high_water_mb()
    print(json.dumps(step.__dict__))


def _high_water_mb() -> float:
    """Of this process alone; what ``getrusage`` says begins with the memory of the process that started it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) / 1024


if __name__ == "__main__":
    main()
