"""Plain lines: whatever is read as a number is what the staging model and the normaliser read; all else goes their way."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from orchestration.core.home import Home
from orchestration.core.numbers import read_numbers
from orchestration.identifiers.phone_sql import normalise_phones
from orchestration.readers import number_lines
from orchestration.readers.feeds import Feed, all_feeds
from orchestration.readers.number_lines import plain_file, read_number_lines
from orchestration.readers.outcome import USUAL_BOUNDS, Bounds
from orchestration.readers.tables import create_raw_tables
from orchestration.readers.text import Utf8Text
from tests.seed import SEED

AS_OF = datetime(2026, 4, 1, tzinfo=UTC)
FTC = next(feed for feed in all_feeds() if feed.table == "ftc_national_dnc__numbers")
TPS = next(feed for feed in all_feeds() if feed.table == "uk_tps__numbers")
# What the staging models say of a line, in Python: what is left of it is the number that a person would dial.
SAYS = {
    FTC.table: (re.compile(r"\s*([2-9][0-9]{2})[,; ]?([0-9]{7})\s*"), "US"),
    TPS.table: (re.compile(r"(0?[1-9][0-9]{8,9})()"), "GB"),
}


class Desk:
    """A raw table, and files read into it."""

    def __init__(self, folder: Path) -> None:
        self.home = Home.at(folder / "home").create()
        self.con = duckdb.connect()
        create_raw_tables(self.con)
        self._folder = folder
        self._count = 0

    def read(
        self, feed: Feed, content: bytes, *, has_mark: bool = False, bounds: Bounds = USUAL_BOUNDS
    ) -> tuple[dict[int, str], list[int], int]:
        """Text by record number in the raw table, the plain numbers, and the physical records."""
        self._count += 1
        path, scratch = self._folder / f"{self._count}.txt", self._folder / f"{self._count}"
        path.write_bytes(content)
        scratch.mkdir()
        file_id = f"{self._count:032x}"
        self.con.begin()
        text = Utf8Text(path, "utf-8", has_mark)
        outcome, plain = read_number_lines(self.con, self.home, feed, file_id, text, scratch, bounds)
        self.con.commit()
        assert outcome.balances, "the account does not balance"
        rows = self.con.execute(f'select _record_no, line from raw."{feed.table}" where _file_id = ?', [file_id]).fetchall()
        assert len({number for number, _ in rows}) == len(rows)
        file = plain_file(self.home, file_id)
        numbers = [int(number) for chunk in read_numbers(file) for number in chunk] if file.exists() else []
        assert len(numbers) == plain.numbers
        assert outcome.loaded == plain.records + len(rows)
        # Every probe is one of the lines in the raw table, and one of the numbers.
        assert {record for record, _ in plain.probes} <= {number for number, _ in rows}
        assert {number for _, number in plain.probes} <= set(numbers)
        return dict(rows), numbers, outcome.physical


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def lines_of(chosen: random.Random, feed: Feed) -> list[str]:
    """Lines in the feed's forms, near misses and rubbish."""
    near = "0123456789  ,;+-_.eEN\t\u0660\xa0"
    made = []
    for _ in range(chosen.randint(1, 150)):
        if feed is FTC:
            digits = f"{chosen.choice((202, 212, 999, 200, 102))}{chosen.randint(0, 9_999_999):07d}"
            line = chosen.choice(("{0},{1}", "{0}{1}", "{0};{1}", " {0},{1} ", "{0}, {1}")).format(digits[:3], digits[3:])
        else:
            digits = f"{chosen.randint(0, 9_999_999_999):010d}"
            forms = ("0{0} {1}{2}", "0{0}{1} {2}", "0{0}{1}{2} ", "0{0}{1}{2}", "{0}{1}{2}", "0{1}{2}")
            line = chosen.choice(forms).format(digits[:3], digits[3:4], digits[4:])
        kind = chosen.random()
        if kind < 0.15:
            place = chosen.randrange(len(line))
            line = line[:place] + chosen.choice(near) + line[place + chosen.randint(0, 1) :]
        elif kind < 0.2:
            line = chosen.choice(("", "AREA,NUMBER", "2222222222", "222,2222222", "no number", '"202,5550101"', "\0"))
        made.append(line)
    return made


@pytest.mark.parametrize("feed", [FTC, TPS], ids=lambda feed: feed.vendor)
def test_a_plain_line_is_the_number_that_model_and_normaliser_find_and_no_other_line_is_lost(
    desk: Desk, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed = SEED
    chosen = random.Random(seed)
    plain_lines: dict[str, int] = {}
    for case in range(12):
        said = f"seed {seed}, case {case}"
        # Chunks of some lines, and of all lines.
        monkeypatch.setattr(number_lines, "_CHUNK", 64 if case % 2 else 1 << 20)
        lines, end = lines_of(chosen, feed), chosen.choice(("\n", "\r\n"))
        if chosen.random() < 0.3:
            lines = sorted(lines)
        content = end.join(lines) + chosen.choice((end, ""))
        rows, numbers, physical = desk.read(feed, content.encode())
        assert physical == content.count("\n") + (not content.endswith("\n")), said
        assert numbers == sorted(set(numbers)), said
        read_apart = {}
        for number, line in enumerate(lines, 1):
            if number in rows:
                assert rows[number] == line, f"{said}: record {number} is another line"
            elif line.strip(" \t,;|\0\x1a\ufeff\r"):
                read_apart[line] = number
        plain_lines |= read_apart
        # The file holds the numbers of exactly the lines that left, and of those that stayed to be judged.
        expected = {code_and_digits(feed, line) for line in read_apart}
        assert expected <= set(numbers), said
        assert set(numbers) <= expected | {code_and_digits(feed, line) for line in rows.values()}, said
    desk.con.execute("create table written (raw varchar, region varchar)")
    rule, region = SAYS[feed.table]
    for line in plain_lines:
        match = rule.fullmatch(line.replace(" ", "") if feed is TPS else line)
        assert match, f"seed {seed}: the staging model refuses a line that was read as plain"
        desk.con.execute("insert into written values (?, ?)", ["".join(match.groups()), region])
    normalise_phones(desk.con, "(select distinct * from written)", "read")
    found = desk.con.execute("select raw, e164 from read").fetchall()
    wrong = [raw for raw, e164 in found if e164 != f"+{code_and_digits(feed, raw)}"]
    assert len(plain_lines) > 60, f"seed {seed}: too few plain lines to say anything"
    assert not wrong, f"seed {seed}: {len(wrong)} lines were read as another number than the normaliser reads"


def code_and_digits(feed: Feed, line: str) -> int:
    digits = re.sub("[^0-9]", "", line)
    return int(("1" if feed is FTC else "44") + (digits if feed is FTC else digits.removeprefix("0")) or 0)


def test_numbers_out_of_order_are_sorted_and_repeated_ones_counted_once(desk: Desk) -> None:
    rows, numbers, _ = desk.read(FTC, b"202,5550103\n202,5550101\n202,5550103\n202,5550102\n202,5550101\n")
    assert numbers == [12025550101, 12025550102, 12025550103]
    assert rows == {1: "202,5550103"}, "the first line stays to be judged"


def test_a_byte_order_mark_costs_no_line(desk: Desk) -> None:
    content = "\ufeff202,5550101\n202,5550102\n202,5550103\n".encode()
    rows, numbers, _ = desk.read(FTC, content, has_mark=True)
    assert (rows, numbers) == ({1: "202,5550101", 2: "202,5550102"}, [12025550102, 12025550103])


def test_a_file_with_an_endless_line_is_left_to_the_ordinary_reader(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(number_lines, "_CHUNK", 64)
    content = b"202,5550101\n202,5550102\n" + b"x" * 500 + b"\n202,5550103\n"
    rows, numbers, physical = desk.read(FTC, content, bounds=replace(USUAL_BOUNDS, record=200))
    assert (sorted(rows), numbers, physical) == ([1, 2, 4], [], 4), "which quarantines the line that is too long"


def test_a_file_without_a_plain_line_is_read_as_any_other(desk: Desk) -> None:
    rows, numbers, _ = desk.read(FTC, b"AREA,NUMBER\n202;5550101\n\n")
    assert (rows, numbers) == ({1: "AREA,NUMBER", 2: "202;5550101"}, [])
    assert list(desk.home.registries_folder.glob("*")) == []


def test_reading_a_file_again_gives_the_same(desk: Desk) -> None:
    content = b"202,5550101\r\n202,5550102\r\nx\r\n212,5550101\r\n"
    first, second = desk.read(FTC, content), desk.read(FTC, content)
    assert first == second
    assert first[0] == {1: "202,5550101", 3: "x"}
