"""``make bench``: every benchmark, as a table for people and as JSON for comparing days."""

from __future__ import annotations

import argparse
import json
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks import identifiers, pipeline, registry, scrub
from benchmarks.measure import growth

RESULTS = Path(__file__).parent / "results"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1_000_000, help="requests in the first build, and identifiers normalised")
    parser.add_argument(
        "--increment",
        type=int,
        help="requests and contacts of the day after (default: a two-hundredth, as 100,000 are of 20 million)",
    )
    parser.add_argument("--registry", type=int, help="numbers of the registry (default: as many; 260000000 is the American one)")
    parser.add_argument("--seed", type=int, default=20260401)
    options = parser.parse_args()
    machine = f"{platform.machine()}, Python {platform.python_version()}, DuckDB {version('duckdb')}, dbt {version('dbt-core')}"
    print(f"{datetime.now(UTC):%Y-%m-%d}, {machine}\n")
    # A tenth first: two sizes show how each step grows.
    increment = options.increment or max(options.size // 200, 1)
    small = pipeline.run(max(options.size // 10, 1), increment, options.seed)
    large = pipeline.run(options.size, increment, options.seed)
    tables = [
        *identifiers.run(options.size, options.seed),
        registry.run(options.registry or options.size, options.seed),
        small,
        large,
        growth(small, large),
        pipeline.identity(options.size),
        scrub.run(options.size, options.seed),
    ]
    for table in tables:
        print("\n".join(table.lines()) + "\n")
    RESULTS.mkdir(exist_ok=True)
    target = RESULTS / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    target.write_text(json.dumps({"machine": machine, "size": options.size, "tables": [t.as_dict() for t in tables]}, indent=1))
    print(f"JSON: {target}")


if __name__ == "__main__":
    main()
