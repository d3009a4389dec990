"""Reading files into the raw table, each reader beside the loop that one would write: ``python -m benchmarks.readers``.

Both must find as many records. The loops stop at the first line that is broken, keep nothing of what they do not expect, and know
one encoding; the tidy files here have nothing of that, and the untidy one shows what a file costs that is read record by record.
Workbooks and mails have benchmarks of their own (``workbooks``, ``mail``).
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from benchmarks.measure import Table
from orchestration.core.home import Home
from orchestration.readers.delimited import read_delimited
from orchestration.readers.feeds import Feed, feeds_of_format
from orchestration.readers.json_records import read_json
from orchestration.readers.number_lines import read_number_lines
from orchestration.readers.outcome import Outcome
from orchestration.readers.tables import create_raw_tables
from orchestration.readers.text import as_utf8

_LABELS = ("request_key", "requested_at", "action", "method", "channels", "scope", "email", "phone", "name", "note")
_UNTIDY = 1_000  # of so many records one is broken: enough that the whole file is read record by record


def run(size: int, seed: int) -> Iterator[Table]:
    """One table for each reader, files of ``size`` records."""
    (requests,) = feeds_of_format("requests")
    with tempfile.TemporaryDirectory(prefix="quietlist-bench.") as folder:
        place = Path(folder)
        records = [_record(random.Random(seed + number), number) for number in range(size)]
        files = {
            "csv": _written(place / "tidy.csv", _csv(records)),
            "untidy": _written(place / "untidy.csv", _untidy(_csv(records))),
            "lines": _written(place / "lines.ndjson", (json.dumps(record) for record in records)),
            "page": _written(place / "page.json", iter([json.dumps(records)])),
            "numbers": _written(
                place / "numbers.txt", (f"{202 + n // 8_000_000},{2_000_000 + n % 8_000_000}" for n in range(size))
            ),
        }
        del records

        def bytes_of(name: str) -> str:
            return f"{files[name].stat().st_size / 1e6:,.1f} MB"

        table = Table(f"Delimited text, {size:,} records of ten columns, {bytes_of('csv')} (seed {seed})")
        found = [
            table.child("delimited: into the raw table", size, lambda: _load(read_delimited, requests, files["csv"])),
            table.child("for comparison: csv.DictReader", size, lambda: _dict_reader(files["csv"])),
            table.child("for comparison: pandas.read_csv", size, lambda: len(pd.read_csv(files["csv"], dtype=str))),
        ]
        untidy = table.child(
            "delimited: one record in a thousand broken", size, lambda: _load(read_delimited, requests, files["untidy"])
        )
        _same(found, size)
        _same([untidy], size - sum(1 for number in range(size) if _is_broken(number)))
        yield _with_bytes(table, files["csv"])

        table = Table(f"JSON, {size:,} records of ten keys, {bytes_of('lines')} (seed {seed})")
        found = [
            table.child("JSON lines: into the raw table", size, lambda: _load(read_json, requests, files["lines"])),
            table.child("JSON, one array: into the raw table", size, lambda: _load(read_json, requests, files["page"])),
            table.child("for comparison: json.loads, line by line", size, lambda: _json_lines(files["lines"])),
            table.child(
                "for comparison: pandas.read_json", size, lambda: len(pd.read_json(files["lines"], lines=True, dtype=False))
            ),
        ]
        _same(found, size)
        yield _with_bytes(table, files["lines"])

        table = Table(f"Number lines, {size:,} of them, {bytes_of('numbers')}")
        found = [
            table.child("number lines: into a sorted file", size, lambda: _numbers(files["numbers"], place)),
            table.child("for comparison: a Python set", size, lambda: _number_set(files["numbers"])),
        ]
        _same(found, size)
        yield _with_bytes(table, files["numbers"])


def _same(found: list[int], wanted: int) -> None:
    if found != [wanted] * len(found):
        raise AssertionError(f"{wanted} records were written; found: {found}")


def _with_bytes(table: Table, path: Path) -> Table:
    for step in table.steps:
        # Of the processor, for a machine that does other work makes nothing of a second of the clock.
        step.note = f"{step.rows / step.cpu:,.0f} records, {path.stat().st_size / 1e6 / step.cpu:,.0f} MB a processor second"
    return table


def _load(read: Callable[..., Outcome], feed: Feed, path: Path) -> int:
    with duckdb.connect() as con, tempfile.TemporaryDirectory(dir=path.parent) as folder, as_utf8(path, Path(folder)) as text:
        create_raw_tables(con, (feed,))
        con.begin()
        outcome = read(con, feed, "bench", text)
        con.commit()
    return outcome.loaded


def _numbers(path: Path, folder: Path) -> int:
    (feed,) = [feed for feed in feeds_of_format("ftc_national_dnc") if feed.snapshot]
    home = Home.at(folder / "home").create()
    with duckdb.connect() as con, tempfile.TemporaryDirectory(dir=folder) as scratch, as_utf8(path, Path(scratch)) as text:
        create_raw_tables(con, (feed,))
        con.begin()
        _, plain = read_number_lines(con, home, feed, "bench", text, Path(scratch))
        con.commit()
    return plain.numbers


def _dict_reader(path: Path) -> int:
    with path.open(encoding="utf-8", newline="") as stream:
        return len(list(csv.DictReader(stream)))


def _json_lines(path: Path) -> int:
    with path.open(encoding="utf-8") as stream:
        return len([json.loads(line) for line in stream])


def _number_set(path: Path) -> int:
    with path.open(encoding="ascii") as stream:
        return len({int("1" + line.replace(",", "")) for line in stream})


def _record(draw: random.Random, number: int) -> dict[str, Any]:
    said = (
        f"r-{number}",
        f"2026-03-{1 + number % 28:02}T{number % 24:02}:00:00Z",
        draw.choice(("opt_out", "complaint")),
        draw.choice(("web_form", "import")),
        "email",
        draw.choice(("acme", "acme/newsletter")),
        f"p{number}@example.com",
        f"+1202555{100 + number % 100:04}",
        f"Person {number}",
        draw.choice(("", "please stop", "no more, thank you")),
    )
    return dict(zip(_LABELS, said, strict=True))


def _csv(records: list[dict[str, Any]]) -> Iterator[str]:
    yield ",".join(_LABELS)
    for record in records:
        yield ",".join(f'"{value}"' if "," in value else value for value in record.values())


def _is_broken(number: int) -> bool:
    return number % _UNTIDY == _UNTIDY // 2


def _untidy(lines: Iterator[str]) -> Iterator[str]:
    yield next(lines)
    for number, line in enumerate(lines):
        yield f'x,"broken" quotes,{line}' if _is_broken(number) else line


def _written(path: Path, lines: Iterator[str]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as stream:
        stream.writelines(f"{line}\n" for line in lines)
    return path


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=20260401)
    options = parser.parse_args()
    for one in run(options.size, options.seed):
        print("\n".join(one.lines()) + "\n", flush=True)
