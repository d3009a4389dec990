"""``make bench``: every benchmark, as a table for people and as JSON for comparing days."""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks import full, identifiers, mail, persons, pipeline, push, readers, registry, scrub, workbooks
from benchmarks.measure import Table, growth

RESULTS = Path(__file__).parent / "results"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--size", type=int, default=1_000_000, help="requests of the first build, identifiers, records, rows of the campaign"
    )
    parser.add_argument(
        "--increment",
        type=int,
        help="requests and contacts of the day after (default: a two-hundredth, as 100,000 are of 20 million); "
        "0 measures first builds only",
    )
    parser.add_argument("--registry", type=int, help="numbers of the registry (default: as many; 260000000 is the American one)")
    parser.add_argument(
        "--command",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="whether quietlist run itself is measured as well (not where --increment is 0)",
    )
    parser.add_argument("--seed", type=int, default=20260401)
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder for the JSON (default: benchmarks/results)")
    options = parser.parse_args(arguments)
    now = datetime.now(UTC)
    machine = f"{platform.machine()}, Python {platform.python_version()}, DuckDB {version('duckdb')}, dbt {version('dbt-core')}"
    print(f"{now:%Y-%m-%d}, {machine}\n")
    tables = []
    for table in _tables(options):
        tables.append(table)
        print("\n".join(table.lines()) + "\n", flush=True)
    options.results.mkdir(parents=True, exist_ok=True)
    target = options.results / f"{now:%Y%m%dT%H%M%SZ}.json"
    target.write_text(json.dumps({"machine": machine, "size": options.size, "tables": [t.as_dict() for t in tables]}, indent=1))
    print(f"JSON: {target}")


def _tables(options: argparse.Namespace) -> Iterator[Table]:
    size, seed = options.size, options.seed
    increment = max(size // 200, 1) if options.increment is None else options.increment
    # Those that start processes by forking come first: a child begins with the memory of its parent.
    # The days after bring the same rows at both sizes, which says nothing of growth: the tenth is a first build only.
    yield from _growing(lambda rows: pipeline.run(rows, increment if rows == size else 0, seed), size)
    for graph in (persons.chain, persons.customers):
        yield from _growing(lambda rows, graph=graph: graph(rows, seed), size)
    yield from _growing(lambda rows: registry.run(rows, seed), options.registry or size)
    yield from _growing(lambda rows: scrub.run(rows, seed), size)
    yield from _growing(push.run, size)
    # Four kilobytes each: a twentieth of the rows is as many bytes as they are.
    yield mail.run(max(size // 20, 10), seed)
    # A fifth: it is all held by the loops beside the readers.
    yield from readers.run(max(size // 5, 10), seed)
    # pandas takes minutes for as many rows, and a tenth shows how many times as long.
    yield workbooks.run(max(size // 10, 10), seed)
    yield from identifiers.run(size, seed)
    if options.command and increment:
        yield full.run(size, options.registry or size, increment, seed)


def _growing(measured: Callable[[int], Table], size: int) -> Iterator[Table]:
    """A tenth first, if there is one: two sizes show how each step grows."""
    if size < 10:
        yield measured(size)
        return
    yield (small := measured(size // 10))
    yield (large := measured(size))
    yield growth(small, large)


if __name__ == "__main__":
    main()
