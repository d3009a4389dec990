"""Loading landed files into the raw tables, one transaction per file. Which reader a file needs is decided here, no format.

A file is loaded once: its line in ``raw.load_log`` is written in the transaction that loads it. A kill in between leaves
nothing of it, and the next run loads it.
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from orchestration.core.config import Config
from orchestration.core.errors import InputError
from orchestration.core.files import put_in_place
from orchestration.core.home import PRIVATE_FOLDER, Home
from orchestration.core.terminal import visible
from orchestration.core.warehouse import one_row
from orchestration.landing.archives import clear_unpacked, open_member
from orchestration.landing.manifest import Entry, Member, read_manifest
from orchestration.readers.callers import HEAD_BYTES, refuse_callers
from orchestration.readers.columns import note_columns
from orchestration.readers.delimited import read_delimited
from orchestration.readers.feeds import Feed
from orchestration.readers.in_use import feeds_in_use
from orchestration.readers.json_records import read_json
from orchestration.readers.mail import read_mail
from orchestration.readers.number_lines import pictures_of, read_number_lines
from orchestration.readers.number_tags import as_lines, is_tagged
from orchestration.readers.outcome import Bounds, Outcome, UnreadableFile
from orchestration.readers.recognise import reader_of
from orchestration.readers.tables import FAILED, create_raw_tables
from orchestration.readers.text import Utf8Text, as_utf8
from orchestration.readers.unread import note_unread

_START = 1 << 12  # enough to see past any white space what a file begins with
_FETCHED = 10_000


@dataclass(frozen=True)
class Loaded:
    """What became of one file; the numbers of its line in ``raw.load_log``."""

    file_id: str
    source: str
    vendor: str
    feed: str
    physical: int
    loaded: int
    quarantined: int
    skipped: int
    reader: str
    encoding: str
    detail: str


@dataclass(frozen=True)
class _Pending:
    file_id: str
    source: str
    feed: Feed
    entry: Entry
    member: Member


def load(
    con: duckdb.DuckDBPyConnection,
    home: Home,
    config: Config,
    as_of: datetime,
    feed: Feed | None = None,
    *,
    feeds: tuple[Feed, ...] | None = None,
) -> list[Loaded]:
    """Load every registered file that is not loaded yet.

    Args:
        config: how large a record may be; what a source means was registered.
        as_of: the moment of the run, noted as ``loaded_at``.
        feed: load the files of this feed only.
        feeds: the feeds there are; by default those that the home has to do with.

    Returns:
        One account per file, in order of arrival. A file that can't be read is one quarantined record; the rest goes on.
    """
    feeds = feeds_in_use(home, config, con) if feeds is None else feeds
    create_raw_tables(con, feeds)
    clear_unpacked(home)
    bounds = Bounds.of(config.limits)
    wanted = _pending(con, home, feeds if feed is None else (feed,))
    return [_load_one(con, home, config, as_of, pending, bounds) for pending in wanted]


def _pending(con: duckdb.DuckDBPyConnection, home: Home, feeds: tuple[Feed, ...]) -> list[_Pending]:
    rows = con.execute(
        """
        select files.file_id, files.source, files.vendor, files.feed, files.delivered_sha256,
            files.delivered_name, files.sha256, files.name
        from raw.landed_files as files
        left join raw.load_log as log on files.file_id = log.file_id and log.reader <> ?
        where log.file_id is null and files.vendor is not null
        order by files.received_at, files.delivered_name, files.name, files.file_id
        """,
        [FAILED],
    ).fetchall()
    if not rows:
        return []
    by_name = {(feed.vendor, feed.feed): feed for feed in feeds}
    entries = {(entry.source, entry.sha256, entry.name): entry for entry in read_manifest(home)}
    pending = []
    for file_id, source, vendor, feed_name, delivered, delivered_name, sha256, name in rows:
        feed, entry = by_name.get((vendor, feed_name)), entries.get((source, delivered, delivered_name))
        if feed is not None and entry is not None:
            member = next(item for item in entry.members if (item.sha256, item.title) == (sha256, name))
            pending.append(_Pending(file_id, source, feed, entry, member))
    return pending


def _load_one(
    con: duckdb.DuckDBPyConnection, home: Home, config: Config, as_of: datetime, pending: _Pending, bounds: Bounds
) -> Loaded:
    # What an attempt that failed left; nothing else can be there, for a load is one transaction.
    for table in ("quarantine", "load_log", "plain_numbers", "plain_probes", "unread_columns", "file_columns"):
        con.execute(f"delete from raw.{table} where file_id = ?", [pending.file_id])
    con.begin()
    try:
        try:
            outcome = _read(con, home, pending, bounds)
            source = config.sources.get(pending.source)
            ignored = source.ignored_columns if source else ()
            note_unread(con, pending.feed, pending.file_id, ignored)
            note_columns(con, pending.feed, pending.file_id, outcome, ignored)
        except InputError as error:
            con.rollback()
            con.begin()
            outcome = _quarantine_whole(con, pending, error)
        loaded = Loaded(
            pending.file_id,
            pending.source,
            pending.feed.vendor,
            pending.feed.feed,
            outcome.physical,
            outcome.loaded,
            outcome.quarantined,
            outcome.skipped,
            outcome.reader,
            outcome.encoding,
            outcome.detail,
        )
        con.execute(
            "insert into raw.load_log by name select ? as file_id, ? as vendor, ? as feed, ? as physical_records, ? as loaded, "
            "? as quarantined, ? as skipped, ? as reader, ? as encoding, ? as detail, ? as loaded_at",
            [
                loaded.file_id,
                loaded.vendor,
                loaded.feed,
                loaded.physical,
                loaded.loaded,
                loaded.quarantined,
                loaded.skipped,
                loaded.reader,
                loaded.encoding,
                loaded.detail,
                as_of,
            ],
        )
        # Before the commit: a kill in between repeats both, a kill behind it leaves both.
        export_quarantine(con, home, loaded.source, loaded.file_id)
        con.commit()
    except BaseException:
        con.rollback()
        raise
    return loaded


def _read(con: duckdb.DuckDBPyConnection, home: Home, pending: _Pending, bounds: Bounds) -> Outcome:
    feed = pending.feed if pending.member.sheet is None else pending.feed.in_a_sheet()
    if pending.member.sheet is not None and feed.reader in ("json", "mail"):
        raise UnreadableFile(f"It is a sheet of a workbook, and {feed.vendor}/{feed.feed} comes as {feed.reader} only.")
    if pending.member.size == 0:
        return Outcome(0, 0, 0, 0, feed.reader, "", "The file is empty.")
    if feed.reader == "mail":  # bytes: each part of a mail has an encoding of its own
        with (
            open_member(home, pending.entry, pending.member) as path,
            tempfile.TemporaryDirectory(prefix=f"{os.getpid()}.", dir=_scratch(home)) as folder,
        ):
            return read_mail(con, feed, pending.file_id, path, Path(folder), bounds)
    with (
        open_member(home, pending.entry, pending.member) as path,
        tempfile.TemporaryDirectory(prefix=f"{os.getpid()}.", dir=_scratch(home)) as folder,
        as_utf8(path, Path(folder), feed.options.get("encoding")) as text,
    ):
        with path.open("rb") as original:
            refuse_callers(original.read(HEAD_BYTES))
        with text.path.open(encoding="utf-8", errors="replace", newline="") as stream:
            start = stream.read(_START)
        if len(start) < _START and not start.strip("\ufeff \t\r\n"):
            return Outcome(0, 0, 0, 0, feed.reader, text.encoding, "The file holds nothing but white space.")
        flat = as_lines(text, Path(folder)) if is_tagged(feed, start) else text
        if pictures_of(feed):
            return _read_numbers(con, home, pending, flat, Path(folder), bounds)
        read = read_json if reader_of(feed, start) == "json" else read_delimited
        return read(con, feed, pending.file_id, flat, bounds)


def _read_numbers(
    con: duckdb.DuckDBPyConnection, home: Home, pending: _Pending, text: Utf8Text, folder: Path, bounds: Bounds
) -> Outcome:
    outcome, plain = read_number_lines(con, home, pending.feed, pending.file_id, text, folder, bounds)
    if plain.records or plain.probes:
        con.execute("insert into raw.plain_numbers values (?, ?, ?)", [pending.file_id, plain.records, plain.numbers])
        probes = [(pending.file_id, record, number) for record, number in plain.probes]
        con.executemany("insert into raw.plain_probes values (?, ?, ?)", probes)
    return outcome


def _scratch(home: Home) -> Path:
    folder = home.warehouse_folder / "unpacked"
    folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    return folder


def _quarantine_whole(con: duckdb.DuckDBPyConnection, pending: _Pending, error: InputError) -> Outcome:
    if isinstance(error, UnreadableFile):
        reason, detail, reader = error.reason, error.detail, pending.feed.reader
    else:
        reason, detail, reader = "landing_altered", f"{error.seen.capitalize()}; {error.next_step}.", FAILED
    con.execute(
        "insert into raw.quarantine by name select ? as file_id, 1 as record_no, ? as vendor, ? as feed, "
        "? as reason, ? as detail, null as record_text",
        [pending.file_id, pending.feed.vendor, pending.feed.feed, reason, detail],
    )
    return Outcome(1, 0, 1, 0, reader, "", detail)


def export_quarantine(con: duckdb.DuckDBPyConnection, home: Home, source: str, file_id: str) -> None:
    """Write the file's quarantined records for people, or remove what an earlier attempt wrote."""
    folder = home.quarantine / source
    path = folder / f"{file_id}.jsonl"
    if not one_row(con, "select count(*) from raw.quarantine where file_id = ?", [file_id])[0]:
        path.unlink(missing_ok=True)
        return
    folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=folder)  # mkstemp: mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            cursor = con.execute(
                "select record_no, reason, detail, record_text from raw.quarantine where file_id = ? order by record_no",
                [file_id],
            )
            while rows := cursor.fetchmany(_FETCHED):
                for number, reason, detail, text in rows:
                    line = {"record_no": number, "reason": reason, "detail": detail, "record": text}
                    stream.write(visible(json.dumps(line, ensure_ascii=False)) + "\n")  # people look at it in a terminal
        put_in_place(Path(name), path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
