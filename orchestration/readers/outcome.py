"""What reading one file may take and yields: bounds; rows and rejected records on their way into the raw tables; the account.

Formats do not belong here; both readers write through :class:`Sink`, so a record can only end in one of three places.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from orchestration.core.config import Limits, size_in_bytes
from orchestration.core.errors import InputError
from orchestration.readers.feeds import Feed

CONFLICTING = "conflicting_values"
"""The reason of a record that says two things where one is meant."""
_BATCH = 10_000  # rows per insert: larger batches were slower, for their texts leave the processor's cache
# A rejected record is shown to a person, who reads no megabytes; the whole of it stays in landing.
_MOST_TEXT = 1_000_000


@dataclass(frozen=True)
class Bounds:
    """How large what is read may be: the part of ``[limits]`` that readers need, as numbers."""

    record: int
    json_value: int
    json_depth: int
    columns: int
    quarantine_texts: int

    @classmethod
    def of(cls, limits: Limits) -> Bounds:
        return cls(
            record=size_in_bytes(limits.max_record),
            json_value=size_in_bytes(limits.max_json_value),
            json_depth=limits.max_json_depth,
            columns=limits.max_columns,
            quarantine_texts=limits.max_quarantine_texts,
        )


USUAL_BOUNDS = Bounds.of(Limits())


class UnreadableFile(InputError):
    """A whole file can't be read. ``reason`` is the code it is quarantined under."""

    def __init__(self, detail: str, reason: str = "unreadable_file") -> None:
        self.reason, self.detail = reason, detail
        super().__init__(
            "Reading a landed file", seen=detail, next_step="see quietlist quarantine, correct the file and deliver it"
        )


@dataclass(frozen=True)
class Outcome:
    """The account of one file: ``physical = loaded + quarantined + skipped``, or the file was not read at all."""

    physical: int
    """Records of the file, counted apart from the loading; blank lines, headers and totals are records of no content."""
    loaded: int
    quarantined: int
    skipped: int
    reader: str
    encoding: str
    detail: str = ""
    has_header: bool = False
    """Whether its columns are named once for all records, so that one without a value is named too."""

    @property
    def balances(self) -> bool:
        return self.physical == self.loaded + self.quarantined + self.skipped


class Sink:
    """Collects records of one file and inserts them in batches, inside the caller's transaction."""

    def __init__(self, con: duckdb.DuckDBPyConnection, feed: Feed, file_id: str, bounds: Bounds = USUAL_BOUNDS) -> None:
        self._con, self._feed, self._file_id = con, feed, file_id
        self._texts_left = bounds.quarantine_texts
        self.loaded = self.quarantined = 0
        self._numbers: list[int] = []
        self._rows: list[Sequence[str | None]] = []
        self._rejected: list[tuple[int, str, str, str | None]] = []
        self._selected: dict[str, str] = {}

    def use(self, selected: dict[str, str]) -> None:
        """Say how the values of the records to come, named ``c0`` and so on, fill the raw columns: SQL per column."""
        self._flush_rows()
        self._selected = selected

    def row(self, number: int, values: Sequence[str | None]) -> None:
        """One record that can be read."""
        self._numbers.append(number)
        self._rows.append(values)
        if len(self._rows) >= _BATCH:
            self._flush_rows()

    def reject(self, number: int, reason: str, detail: str, text: str | None) -> None:
        """One record that can't be read, as it stood; past the bound without its text, which stays in landing."""
        kept = None if text is None or self._texts_left == 0 else text[:_MOST_TEXT]
        self._texts_left -= kept is not None
        self._rejected.append((number, reason, detail, kept))
        if len(self._rejected) >= _BATCH:
            self._flush_rejected()

    def done(self) -> None:
        """Insert what is still in memory."""
        self._flush_rows()
        self._flush_rejected()

    def _flush_rows(self) -> None:
        if self._rows:
            columns = [pa.array(values, pa.string()) for values in zip(*self._rows, strict=True)]
            target = ", ".join(f'"{name}"' for name in self._selected)
            self._insert(
                self._numbers,
                columns,
                f'raw."{self._feed.table}" (_file_id, _record_no, {target})',
                f"?, n, {', '.join(self._selected.values())}",
                [self._file_id],
            )
            self.loaded += len(self._rows)
            self._numbers, self._rows = [], []

    def _flush_rejected(self) -> None:
        if self._rejected:
            numbers, *texts = zip(*self._rejected, strict=True)
            self._insert(
                numbers,
                [pa.array(values, pa.string()) for values in texts],
                "raw.quarantine (file_id, vendor, feed, record_no, reason, detail, record_text)",
                "?, ?, ?, n, c0, c1, c2",
                [self._file_id, self._feed.vendor, self._feed.feed],
            )
            self.quarantined += len(self._rejected)
            self._rejected = []

    def _insert(self, numbers: Sequence[int], columns: list[pa.Array], target: str, selected: str, values: list[str]) -> None:
        names = ["n", *(f"c{place}" for place in range(len(columns)))]
        self._con.register("sink_batch", pa.table([pa.array(numbers, pa.int64()), *columns], names=names))
        try:
            self._con.execute(f"insert into {target} select {selected} from sink_batch", values)
        finally:
            self._con.unregister("sink_batch")
