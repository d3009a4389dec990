"""The campaign file as rows that can be read more than once. What its columns mean is ``identifiers``' business.

A CSV file is read in any dialect and encoding that the readers know, once, into a table of the scrub's own: by DuckDB where
that is beyond doubt, else record by record. Parquet is read where it lies and keeps its types. Every record has its number as
its id, so that whatever becomes of it can be counted against the records that were counted apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from orchestration.core.errors import ConfigError, InputError
from orchestration.core.files import one_file
from orchestration.core.sql import quoted
from orchestration.readers.delimited import read_careful, read_plain, sample_of, shape_of
from orchestration.readers.feeds import Column, Feed
from orchestration.readers.layout import find_labels
from orchestration.readers.outcome import Bounds, UnreadableFile
from orchestration.readers.tables import create_raw_tables
from orchestration.readers.text import Utf8Text, as_utf8

_PARQUET = b"PAR1"
# An id is kept in four bytes; a campaign of more records than people live is a mistake anyway.
_MOST_RECORDS = 2**32 - 1
BROKEN = "campaign_broken"
_ROWS = "campaign_rows"


@dataclass(frozen=True)
class Campaign:
    """``relation`` is SQL that yields ``id`` and every field as ``c0``, ``c1`` ... in the order of the file; empty is null."""

    format: str
    """``csv`` or ``parquet``; also the outputs' suffix."""
    labels: tuple[str, ...]
    """The header as delivered; empty texts where there is none."""
    relation: str
    records: int
    """What must be accounted for: records that could be split into fields, and those that could not."""
    skipped: int
    """Lines that are no record: the header, blank lines, totals."""
    delimiter: str
    encoding: str
    has_header: bool

    def label(self, place: int) -> str:
        """How a column is called in the certificate."""
        return self.labels[place].strip() or f"column {place + 1}"


@contextmanager
def open_campaign(con: duckdb.DuckDBPyConnection, path: Path, folder: Path, bounds: Bounds) -> Iterator[Campaign]:
    """Read the file's shape; records that can't be split are in the table ``campaign_broken(id, reason, record)``.

    ``folder`` holds a copy in UTF-8 while the block runs, where the file is in another encoding.

    Raises:
        ConfigError: there is no such file.
        InputError: it is neither CSV nor Parquet, or holds no record.
    """
    if not path.is_file():
        raise ConfigError(
            "Scrubbing a campaign file", seen="no such file", allowed="a CSV or Parquet file", next_step="name one that is there"
        )
    con.execute(f"create or replace temp table {BROKEN} (id uinteger, reason varchar, record varchar)")
    with path.open("rb") as stream:
        is_parquet = stream.read(len(_PARQUET)) == _PARQUET
    try:
        if is_parquet:
            yield _checked(_parquet(path))
        else:
            with as_utf8(path, folder) as text:
                yield _checked(_csv(con, text, bounds))
    except UnreadableFile as error:
        raise InputError(
            "Reading the campaign file",
            seen=error.detail,
            allowed="CSV in any usual dialect, or Parquet",
            next_step="export it again; nothing was written",
        ) from error


def _checked(campaign: Campaign) -> Campaign:
    if campaign.records > _MOST_RECORDS:
        raise UnreadableFile(f"It holds more than {_MOST_RECORDS:,} records.")
    return campaign


def _parquet(path: Path) -> Campaign:
    try:
        footer = pq.ParquetFile(path)
    except (OSError, ValueError) as error:
        raise UnreadableFile("It begins like Parquet but can't be read as such.") from error
    labels = tuple(footer.schema_arrow.names)
    if "file_row_number" in map(str.casefold, labels):
        raise UnreadableFile("One of its columns is called file_row_number, which the reader needs.")
    # By place, not by name: DuckDB takes names that differ in case alone for one, and calls the second of two alike ``phone_1``.
    fields = [f"c{place}" for place in range(len(labels))]
    return Campaign(
        format="parquet",
        labels=labels,
        relation=f"(select row_number + 1 as id, {', '.join(fields)} from read_parquet({quoted(one_file(path))}, "
        f"file_row_number = true, hive_partitioning = false) as file ({', '.join([*fields, 'row_number'])}))",
        records=footer.metadata.num_rows,
        skipped=0,
        delimiter="",
        encoding="",
        has_header=True,
    )


def _csv(con: duckdb.DuckDBPyConnection, text: Utf8Text, bounds: Bounds) -> Campaign:
    found = find_labels(sample_of(text.path), bounds)
    shape = shape_of(text.path, found.dialect.quote)
    labels = found.layout.labels
    relation = read_plain(con, text, found, shape, _ROWS)
    skipped, records = found.header, shape.records - found.header
    if relation is None:
        feed = Feed(
            vendor="scrub",
            feed="campaign",
            kinds=(),
            reader="delimited",
            files=(),
            requires=(),
            snapshot=False,
            columns=tuple(Column(f"c{place}", (label,)) for place, label in enumerate(labels)),
        )
        create_raw_tables(con, (feed,))
        con.begin()
        outcome = read_careful(con, feed, "", text, found, shape, bounds)
        con.commit()
        if not outcome.balances:
            raise UnreadableFile("The records read do not add up to the lines in the file.", "unbalanced")
        con.execute(f"insert into {BROKEN} select record_no, reason, record_text from raw.quarantine")
        fields = ", ".join(f"nullif(c{place}, '') as c{place}" for place in range(len(labels)))
        relation = f'(select _record_no as id, {fields} from raw."{feed.table}")'
        skipped, records = outcome.skipped, outcome.loaded + outcome.quarantined
    return Campaign(
        format="csv",
        labels=labels,
        relation=relation,
        records=records,
        skipped=skipped,
        delimiter=found.dialect.delimiter,
        encoding=text.encoding,
        has_header=found.header > 0,
    )
