"""What the readers promise about any file: shared by the targets that read one. The first byte chooses the feed.

A file is refused as a whole (``InputError``) or every record of it is accounted for: the table and the quarantine hold what
the account says, no record has two places, DuckDB's way and the careful way agree, and no address is lost between the lines.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

from orchestration.core.errors import InputError
from orchestration.readers.feeds import Feed
from orchestration.readers.outcome import Outcome
from orchestration.readers.recognise import has_required
from orchestration.readers.tables import create_raw_tables
from orchestration.readers.text import Utf8Text, as_utf8

# Counted before and after reading. Letters that no format gives a meaning, so that no unquoting takes them apart; what
# follows a backslash may be an escape.
_ADDRESS = re.compile(r"(?<!\\)[0-9a-z]@example\.com")
Read = Callable[[duckdb.DuckDBPyConnection, Feed, str, Utf8Text], Outcome]
Rows = list[tuple[Any, ...]]


class Desk:
    """One database and one scratch folder for all inputs of a target."""

    def __init__(self, feeds: tuple[Feed, ...]) -> None:
        self.feeds = feeds
        self.con = duckdb.connect()
        self.con.execute("set threads = 1; set timezone = 'UTC'")
        create_raw_tables(self.con, feeds)
        self._scratch = tempfile.TemporaryDirectory(prefix="quietlist-fuzz.")
        self.folder = Path(self._scratch.name)

    def check(self, data: bytes, read: Read, read_careful: Read, may_skip: Callable[[Feed, Utf8Text], int | None]) -> None:
        """Read ``data`` both ways.

        Args:
            may_skip: how many addresses stand where nobody looks for records (a header); null when that can't be said.
        """
        feed, content = self.feeds[data[0] % len(self.feeds) if data else 0], data[1:]
        has_required(content, feed, whole=True)
        path = self.folder / "file"
        path.write_bytes(content)
        try:
            with as_utf8(path, self.folder, feed.options.get("encoding")) as text:
                outcome, rows, refused = self._read(read, feed, text)
                skipped = may_skip(feed, text)
                if skipped is not None:
                    there = len(_ADDRESS.findall(text.path.read_text("utf-8"))) - skipped
                    kept = sum(len(_ADDRESS.findall(cell)) for row in (*rows, *refused) for cell in row if isinstance(cell, str))
                    assert kept >= there, f"{there} addresses in the file, {kept} after reading: {outcome}"
                if outcome.reader == "duckdb":
                    careful, same_rows, same_refused = self._read(read_careful, feed, text)
                    assert (careful.physical, careful.loaded, careful.skipped) == (
                        outcome.physical,
                        outcome.loaded,
                        outcome.skipped,
                    ), f"the two ways count differently: {outcome}, {careful}"
                    assert list(map(_comparable, rows)) == list(map(_comparable, same_rows)), "the two ways read other values"
                    assert [row[:2] for row in refused] == [row[:2] for row in same_refused], "the two ways refuse others"
        except InputError:
            pass

    def _read(self, read: Read, feed: Feed, text: Utf8Text) -> tuple[Outcome, Rows, Rows]:
        self.con.begin()
        try:
            outcome = read(self.con, feed, "f", text)
            rows = self.con.execute(f'select * exclude (_file_id) from raw."{feed.table}" order by _record_no').fetchall()
            refused = self.con.execute("select record_no, reason, record_text from raw.quarantine order by 1").fetchall()
        finally:
            self.con.rollback()
        assert outcome.balances, f"the account does not add up: {outcome}"
        assert (len(rows), len(refused)) == (outcome.loaded, outcome.quarantined), f"the tables hold other counts: {outcome}"
        numbers = [row[0] for row in (*rows, *refused)]
        assert len(set(numbers)) == len(numbers), f"a record in two places: {numbers}"
        assert all(1 <= number <= outcome.physical for number in numbers), f"a record that is not there: {numbers}, {outcome}"
        return outcome, rows, refused


def _comparable(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Nested values as parsed JSON: the two ways may put spaces into them differently."""
    return tuple(_parsed(cell) if isinstance(cell, str) and cell[:1] in ("{", "[") else cell for cell in row)


def _parsed(cell: str) -> Any:
    try:
        return json.loads(cell, parse_int=lambda digits: "n:" + digits, parse_float=lambda digits: "n:" + digits, strict=False)
    except (ValueError, RecursionError):
        return cell
