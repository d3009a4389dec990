"""A registry of N numbers from its text to a version, its change list, its next full list: ``python -m benchmarks.registry``.

Each step runs in a process of its own, so that its peak of memory is its own. Beside them stand the floor (reading the
bytes), and what one would write at first: a Python set, pandas, two anti joins; those at a size where they fit. Numbers are
drawn (seeded) as densely as the American registry's: one in fourteen of an area code's ten million.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np

from benchmarks.measure import Step, Table
from orchestration.core.config import Config, load_config
from orchestration.core.home import CHECKOUT, Home
from orchestration.core.numbers import count_differences, read_numbers
from orchestration.core.warehouse import warehouse
from orchestration.landing import collect
from orchestration.readers import load
from orchestration.readers.register import register
from orchestration.reconcile import dbt, stages
from orchestration.registries import latest_of, update

AS_OF = datetime(2026, 4, 1, tzinfo=UTC)
_PER_AREA = 693_333  # 260 million in 375 area codes
_GAP = 10_000_000 // _PER_AREA
_MOST_NAIVE = 5_000_000  # a set takes some 100 bytes for each number
_CHANGES = 200_000  # of 260 million; fewer of fewer
_CONFIG = """
[company]
name = "Benchmark"
default_region = "US"
[limits]
settle_seconds = 0
memory = "1GB"
[sources.us]
format = "ftc_national_dnc"
"""


def run(size: int, seed: int) -> Table:
    """Measure every step at ``size`` numbers, the naive ways at no more than they bear."""
    changes = changes_of(size)
    table = Table(f"A registry of {size:,} numbers, {changes:,} changes (seed {seed}, DuckDB limited to 1 GB)")
    with tempfile.TemporaryDirectory(prefix="quietlist-bench.") as folder:
        home = Home.at(Path(folder) / "home").create()
        home.config_file.write_text(_CONFIG)
        (home.inbox / "us").mkdir()
        work = Path(folder)

        def step(name: str, label: str, rows: int) -> str:
            finished = subprocess.run(
                [
                    sys.executable,
                    "-m",
                    "benchmarks.registry",
                    "--child",
                    name,
                    "--folder",
                    str(work),
                    "--size",
                    str(size),
                    "--seed",
                    str(seed),
                ],
                capture_output=True,
                text=True,
                check=False,
                cwd=CHECKOUT,
            )
            if finished.returncode:
                raise RuntimeError(f"{name}: {finished.stderr}")
            if not label:
                return ""
            table.steps.append(Step(label, rows, **json.loads(finished.stdout.splitlines()[-1])))
            return table.steps[-1].note

        step("prepare", "", 0)
        step("floor", "floor: reading the bytes of the text", size)
        step("full", "full list from landed text to a version", size)
        step("change", "change list to the next version", changes)
        step("next_full", "next full list to a version, diff included", size)
        step("diff", "diff of two full versions", size)
        few = min(size, _MOST_NAIVE)
        step("set", "naive: Python set from text", few)
        step("pandas", "naive: pandas from text to Parquet", few)
        ours = step("engine_diff", "this engine's diff at the size of the next", few)
        theirs = step("anti_joins", "naive: diff by two anti joins", few)
        if ours != theirs:
            raise AssertionError(f"the difference of two lists is {theirs} by anti joins, {ours} by ours")
    return table


def changes_of(size: int) -> int:
    """How many changes a day brings to a registry of ``size`` numbers."""
    return max(size * _CHANGES // 260_000_000, 10)


def _prepare(work: Path, home: Home, size: int, seed: int) -> None:
    write_full(work / "full.txt", size, seed, 0)
    write_full(work / "next.txt", size, seed, 1)
    write_changes(work / "changes.txt", size, seed)
    config = load_config(home)
    with warehouse(home) as con:
        stages.prepare(con, home)
    dbt.invoke(home, config, AS_OF, "run", "+int_registry__unioned")  # the lines of every registry, which taking in reads


def write_full(path: Path, size: int, seed: int, day: int) -> None:
    """Sorted lines ``AAA,NNNNNNN``; of 1300 numbers one is another on the second day, as many as a change list holds."""
    with path.open("wb") as stream:
        for first in range(0, size, _PER_AREA):
            place = np.arange(min(_PER_AREA, size - first), dtype=np.uint64)
            drawn = np.random.default_rng([seed, first]).integers(0, _GAP - 1, len(place), dtype=np.uint64)
            if day:
                drawn[::1300] += np.uint64(1)
            local = place * np.uint64(_GAP) + drawn
            lines = np.full((len(place), 12), ord("0"), np.uint8)
            lines[:, 3], lines[:, 11] = ord(","), ord("\n")
            lines[:, :3] = np.frombuffer(f"{201 + first // _PER_AREA:03d}".encode(), np.uint8)
            for digit in range(7):
                lines[:, 10 - digit] += (local // np.uint64(10**digit) % np.uint64(10)).astype(np.uint8)
            stream.write(lines.tobytes())


def write_changes(path: Path, size: int, seed: int) -> None:
    """Half deletions of listed numbers, half additions of others."""
    changes = changes_of(size)
    chosen = np.random.default_rng([seed, 7])
    areas = max(size // _PER_AREA, 1)
    with path.open("w") as stream:
        for number in range(changes):
            area, local = 201 + int(chosen.integers(areas)), int(chosen.integers(min(size, _PER_AREA))) * _GAP + number % _GAP
            stream.write(f"{area:03d},{local:07d},2026-04-02,{'AD'[number % 2]}\n")


def _delivered(name: str, to: str, work: Path, home: Home, config: Config, as_of: datetime) -> None:
    """Move a file through the inbox into landing: what follows is measured, not this."""
    (work / name).rename(home.inbox / "us" / to)
    collect(home, config, as_of)
    with warehouse(home, limits=config.limits) as con:
        register(con, home, config)


def _take(home: Home, config: Config, as_of: datetime) -> str:
    with warehouse(home, limits=config.limits) as con:
        load(con, home, config, as_of)
        update(con, home, config, as_of, full_refresh=False)
    version = latest_of(home, "us_ftc")
    assert version is not None
    facts = version.manifest
    return (
        f"version {version.number}: {version.rows:,} rows, +{facts['added']:,} -{facts['removed']:,}, "
        f"{facts['files'][0]['bytes'] / 1e6:,.1f} MB"
    )


def _child(name: str, work: Path, size: int, seed: int) -> None:
    home = Home.at(work / "home")
    config = load_config(home)
    few = min(size, _MOST_NAIVE)
    measured: Callable[[], str]
    if name == "prepare":
        _prepare(work, home, size, seed)
        return
    if name in ("full", "change", "next_full"):
        file, to, day = {
            "full": ("full.txt", "full_2026-04-01.txt", 0),
            "change": ("changes.txt", "change_2026-04-02.txt", 1),
            "next_full": ("next.txt", "full_2026-04-03.txt", 2),
        }[name]
        _delivered(file, to, work, home, config, AS_OF + timedelta(days=day))

        def measured() -> str:
            return _take(home, config, AS_OF + timedelta(days=day))

    elif name == "floor":

        def measured() -> str:
            with (work / "full.txt").open("rb") as stream:
                total = 0
                while piece := stream.read(1 << 20):
                    total += len(piece)
            return f"{total / 1e6:,.1f} MB"

    elif name == "diff":
        files = [home.registries_published / "us_ftc" / f"version={number}" / "numbers.parquet" for number in (1, 3)]

        def measured() -> str:
            tally = count_differences(*(read_numbers(file) for file in files))
            return f"+{tally.added:,} -{tally.removed:,}"

    else:
        measured = _naive(name, work, few, seed)
    before, started = _cpu(), time.perf_counter()
    note = measured()
    wall = time.perf_counter() - started
    print(json.dumps({"wall": wall, "cpu": _cpu() - before, "peak_mb": _peak(), "note": note}))


def _naive(name: str, work: Path, few: int, seed: int) -> Callable[[], str]:
    old, new = work / "naive_old.txt", work / "naive_new.txt"
    write_full(old, few, seed, 0)
    write_full(new, few, seed, 1)

    def python_set() -> str:
        with old.open() as stream:
            return f"{len({'+1' + line.strip().replace(',', '') for line in stream}):,} numbers"

    def pandas() -> str:
        import pandas as pd

        frame = pd.read_csv(old, header=None, dtype=str)
        numbers = ("1" + frame[0] + frame[1]).astype("int64").drop_duplicates().sort_values()
        numbers.to_frame("number").to_parquet(work / "pandas.parquet")
        return f"{(work / 'pandas.parquet').stat().st_size / 1e6:,.1f} MB"

    def as_parquet(path: Path) -> Path:
        from orchestration.core.numbers import write_numbers

        digits = np.fromfile(path, np.uint8).reshape(-1, 12)[:, [0, 1, 2, 4, 5, 6, 7, 8, 9, 10]] - ord("0")
        values = digits.astype(np.uint64) @ np.array([10**power for power in range(9, -1, -1)], np.uint64)
        write_numbers(iter([values + np.uint64(10**10)]), path.with_suffix(".parquet"))
        return path.with_suffix(".parquet")

    if name == "set":
        return python_set
    if name == "pandas":
        return pandas
    files = [as_parquet(old), as_parquet(new)]

    def engine_diff() -> str:
        tally = count_differences(*(read_numbers(file) for file in files))
        return f"+{tally.added:,} -{tally.removed:,}"

    def anti_joins() -> str:
        with duckdb.connect() as con:
            con.execute("set threads = 2")
            added, removed = (
                con.execute(f"select count(*) from '{one}' anti join '{other}' using (number)").fetchall()[0][0]
                for one, other in ((files[1], files[0]), files)
            )
        return f"+{added:,} -{removed:,}"

    return engine_diff if name == "engine_diff" else anti_joins


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _peak() -> float:
    """Megabytes at the most. Not of getrusage, which counts what the parent held when it started this process."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=20260401)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        _child(options.child, options.folder, options.size, options.seed)
    else:
        print("\n".join(run(options.size, options.seed).lines()))


if __name__ == "__main__":
    main()
