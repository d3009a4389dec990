"""Reading an Excel workbook, beside the one line of pandas that one would write.

All must find as many rows. pandas makes a number to call into a float and an error into a missing value; with the parser that is
used here it does without the second count.
"""

from __future__ import annotations

import random
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import openpyxl
import pandas as pd

from benchmarks.measure import Table
from orchestration.landing import workbooks
from orchestration.readers.delimited import read_delimited
from orchestration.readers.feeds import feeds_of_format
from orchestration.readers.tables import create_raw_tables
from orchestration.readers.text import as_utf8

_LABELS = ("request_key", "requested_at", "action", "method", "email", "phone", "name", "country", "note", "campaign")
_MOST_ROWS = 1_000_000  # a sheet has 1,048,576


def run(size: int, seed: int) -> Table:
    """Measure a sheet of ``size`` rows and ten columns: texts, numbers to call as numbers, times as times."""
    size = min(size, _MOST_ROWS)
    with tempfile.TemporaryDirectory(prefix="quietlist-bench.") as folder:
        path = Path(folder) / "optouts.xlsx"
        _write(path, size, random.Random(seed))
        table = Table(f"A workbook of {size:,} rows and ten columns, {path.stat().st_size / 1e6:,.1f} MB (seed {seed})")
        found = [
            table.child("workbooks: counted and as text", size, lambda: _as_text(path, Path(folder))),
            table.child("workbooks: into the raw table", size, lambda: _load(path, Path(folder))),
            table.child("for comparison: pandas and openpyxl", size, lambda: len(pd.read_excel(path, engine="openpyxl"))),
            table.child("for comparison: pandas and calamine", size, lambda: len(pd.read_excel(path, engine="calamine"))),
        ]
    if found != [size] * len(found):
        raise AssertionError(f"{size} rows were written; found: {found}")
    return table


def _as_text(path: Path, folder: Path) -> int:
    text = folder / "text"
    workbooks.write_sheet(path, "xlsx", "Optouts", text)
    with text.open(encoding="utf-8") as stream:
        return sum(1 for _ in stream) - 1


def _load(path: Path, folder: Path) -> int:
    (feed,) = feeds_of_format("requests")
    text = folder / "text"
    workbooks.write_sheet(path, "xlsx", "Optouts", text)
    with duckdb.connect() as con, as_utf8(text, folder) as utf8:
        create_raw_tables(con, (feed,))
        return read_delimited(con, feed.in_a_sheet(), "bench", utf8).loaded


def _write(path: Path, size: int, draw: random.Random) -> None:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Optouts")
    sheet.append(_LABELS)
    start = datetime(2026, 1, 1)  # a cell has no zone
    for number in range(size):
        when, phone = start + timedelta(seconds=draw.randrange(7_000_000)), 12_025_550_100 + draw.randrange(100)
        words = ["opt_out", "web_form", f"p{number}@example.com", phone, f"Person {number}", draw.choice(("US", "GB"))]
        sheet.append([f"r-{number}", when, *words, "please stop", draw.randrange(50)])
    book.save(path)
