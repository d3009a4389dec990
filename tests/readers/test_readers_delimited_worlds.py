"""Random delimited files written by Python's csv module: every record that was written well comes through with its exact
values, every other one is accounted for, and DuckDB and the careful reader agree."""

from __future__ import annotations

import csv
import io
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from orchestration.readers.delimited import read_careful, read_delimited, read_fast, shape_of
from orchestration.readers.layout import find_layout
from orchestration.readers.tables import create_raw_tables
from orchestration.readers.text import as_utf8
from tests.readers.conftest import feed

SEED = int(os.environ.get("QUIETLIST_SEED", "20260401"))
WORLDS = int(os.environ.get("QUIETLIST_WORLDS", "120"))
LETTERS = "abcXYZ019 -_.@äß€ж漢🙂"
FEED = feed({f"col{number}": [f"Label {number}"] for number in range(6)})
AWKWARD = (
    "",
    " ",
    "NULL",
    "N/A",
    "=1+1",
    "+15551230101",
    "@x",
    "'quoted'",
    "a@example.com",
    "2026-04-01 10:00:00",
    "0",
    "\\N",
    "\\",
)


@dataclass
class World:
    """One file and what must come out of it."""

    width: int
    content: bytes
    records: list[tuple[int, tuple[str, ...]]]
    """Number and values of the records that were written well."""
    refused: list[int]
    physical: int


def make_world(rng: random.Random) -> World:
    width = rng.randint(2, len(FEED.columns))
    labels = [column.labels[0] for column in FEED.columns[:width]]
    delimiter, end = rng.choice(",;\t|"), rng.choice(("\n", "\r\n"))
    quoting = rng.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC))
    encoding = rng.choice(("utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"))
    letters = LETTERS if encoding != "cp1252" else "abcXYZ019 -_.@äßé"
    multiline = rng.random() < 0.5

    def cell() -> str:
        kind = rng.random()
        if kind < 0.2:
            return rng.choice(AWKWARD)
        text = "".join(rng.choice(letters) for _ in range(rng.randint(0, 12)))
        if kind < 0.35:
            text += rng.choice(",;\t|") + text[:2]
        if kind < 0.42:
            text = f'say "{text}"'
        if kind < 0.5 and multiline:
            text += rng.choice(("\n", "\r\n")) + "more"
        return text

    def line(cells: list[str]) -> str:
        out = io.StringIO()
        csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator=end).writerow(cells)
        return out.getvalue()

    parts = [line(labels)]
    # One file in two is clean, so that the quick way is taken often.
    junk = rng.random() < 0.5
    records, refused = [], []
    for _ in range(rng.randint(1, 30)):
        number = len(parts) + 1
        kind = rng.random() if junk else 1.0
        if kind < 0.04:
            parts.append(end)
        elif kind < 0.08:
            parts.append(line(labels))
        elif kind < 0.12 and width > 2:
            refused.append(number)
            parts.append(line(["x"] * (width - 1)))
        elif kind < 0.16:
            refused.append(number)
            parts.append(line(["x"] * (width + 2)))
        elif kind < 0.2:
            refused.append(number)
            parts.append(f'x{delimiter}"closed"within{end}')
        else:
            # The first cell holds a letter, so that no record is blank or reads like a total.
            values = ("r" + cell(), *(cell() for _ in range(width - 1)))
            records.append((number, values))
            parts.append(line(list(values)))
    physical = len(parts)
    text = "".join(parts)
    if rng.random() < 0.3 and text.endswith(end) and text != end:
        text = text.removesuffix(end)
        physical -= text.endswith(end) and parts[-1] == end
    return World(width, text.encode(encoding), records, refused, physical)


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def rows(con: duckdb.DuckDBPyConnection, world: World) -> list[tuple[int, tuple[str, ...]]]:
    names = ", ".join(column.name for column in FEED.columns[: world.width])
    found = con.execute(f"select _record_no, {names} from raw.acme__optouts order by 1").fetchall()
    return [(row[0], row[1:]) for row in found]


def refused(con: duckdb.DuckDBPyConnection) -> list[int]:
    return [row[0] for row in con.execute("select record_no from raw.quarantine order by 1").fetchall()]


def test_every_record_of_random_files_comes_through_or_is_accounted_for(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    print(f"seed {SEED}, {WORLDS} worlds")
    rng = random.Random(SEED)
    ways = {"duckdb": 0, "python": 0}
    create_raw_tables(con, (FEED,))
    for number in range(WORLDS):
        world = make_world(rng)
        place = f"seed {SEED}, world {number}: {world.content[:300]!r}"
        path = tmp_path / "file"
        path.write_bytes(world.content)
        with as_utf8(path, tmp_path) as text:
            con.begin()
            outcome = read_delimited(con, FEED, "f", text)
            ways[outcome.reader] += 1
            assert outcome.balances, place
            assert outcome.physical == world.physical, f"{outcome} {place}"
            assert rows(con, world) == world.records, f"{outcome} {place}"
            assert refused(con) == world.refused, place
            assert (outcome.loaded, outcome.quarantined) == (len(world.records), len(world.refused)), place
            con.rollback()
            if outcome.reader == "duckdb":  # the careful reader is the oracle of the quick one
                found = find_layout(text.path.read_text("utf-8-sig"), FEED)
                con.begin()
                careful = read_careful(con, FEED, "f", text, found, shape_of(text.path, '"'))
                assert rows(con, world) == world.records, place
                assert (careful.physical, careful.loaded, careful.skipped) == (
                    outcome.physical,
                    outcome.loaded,
                    outcome.skipped,
                ), place
                con.rollback()
    assert min(ways.values()) > WORLDS // 10, f"both ways must be tried: {ways}"


def test_random_letters_never_make_a_line_vanish(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """Not files but noise: whatever stands there, each line is loaded, quarantined or skipped, and an address is never
    skipped."""
    print(f"seed {SEED}")
    rng = random.Random(SEED + 1)
    one = feed({"email": ["email"], "note": ["note"]})
    create_raw_tables(con, (one,))
    for number in range(WORLDS):
        noise = "".join(
            rng.choice(('"', '"', ",", ",", "\n", "\n", "\r\n", "\r", "x", " ", "\\", "7@example.com", "é"))
            for _ in range(rng.randint(0, 60))
        )
        marks = [f"{index}@example.com" for index in range(rng.randint(1, 4))]
        content = "email,note\n" + "\n".join([noise, *(f"{mark},x" for mark in marks), ""])
        place = f"seed {SEED}, noise {number}: {content!r}"
        path = tmp_path / "file"
        path.write_bytes(content.encode())
        with as_utf8(path, tmp_path) as text:
            con.begin()
            outcome = read_delimited(con, one, "f", text)
            assert outcome.balances, place
            kept = con.execute(
                "select coalesce(string_agg(concat_ws(' ', email, note, _extra), ' '), '') from raw.acme__optouts"
            ).fetchall()[0][0]
            kept += con.execute("select coalesce(string_agg(record_text, ' '), '') from raw.quarantine").fetchall()[0][0]
            for mark in (*marks, "7@example.com"):
                assert kept.count(mark) == content.count(mark), f"{outcome} {place}"
            con.rollback()


def test_the_numbers_of_a_large_file_are_those_of_its_records(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """Large enough for DuckDB to read it in several pieces at once, with refused records and line ends within values."""
    rng = random.Random(SEED + 2)
    one = feed({"n": ["n"], "note": ["note"], "more": ["more"]})
    lines, refused_numbers = ["n,note,more\r\n"], []
    for number in range(2, 120_000):
        if rng.random() < 0.001:
            lines.append(f'{number},"two\nlines, of text"\r\n')
            refused_numbers.append(number)
        else:
            note = "plain text to fill it" if number % 7 else '"over\nlines"'
            lines.append(f'{number},{note},"a, b"\r\n')
    path = tmp_path / "large"
    path.write_text("".join(lines), newline="")
    create_raw_tables(con, (one,))
    with as_utf8(path, tmp_path) as text:
        con.begin()
        found = find_layout("".join(lines[:100]), one)
        outcome = read_fast(con, one, "f", text, found, shape_of(path, '"'))
        assert outcome is not None, "DuckDB should read this"
        assert refused(con) == refused_numbers
        wrong = con.execute("select count(*) from raw.acme__optouts where _record_no <> n::bigint").fetchall()
        assert wrong == [(0,)]
        assert outcome.balances
        con.rollback()
