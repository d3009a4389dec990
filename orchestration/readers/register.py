"""Which files there are and which feed each one is: ``raw.landed_files`` and ``raw.source_settings``, from the manifest.

Both tables can be thrown away and made again: the manifest and the configuration are the truth. No record is read here.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta

import duckdb
import pyarrow as pa

from orchestration.core.config import Config
from orchestration.core.errors import ConfigError, InputError
from orchestration.core.home import Home
from orchestration.landing.archives import member_head
from orchestration.landing.collecting import Unread
from orchestration.landing.manifest import Entry, Member, read_manifest
from orchestration.landing.names import date_in, list_name, name_with_sheet
from orchestration.landing.redactions import now_at
from orchestration.readers.feeds import Feed, all_feeds
from orchestration.readers.in_use import feeds_in_use
from orchestration.readers.recognise import HEAD_BYTES, Recognised, recognise
from orchestration.readers.tables import create_raw_tables

_A_DAY = timedelta(days=1)
_REFUSED = "archive"  # load_log.reader of what could not be unpacked
_UNCERTAIN = "name"  # load_log.reader of a file whose name and records say different things
_CLOSED_ANYHOW = "The delivered file, or this part of it, can't be opened; ask for it again."
_CLOSED = {
    "workbook_password": "The workbook has a password; have it saved without one, or as CSV, and delivered again.",
    "workbook_damaged": "It is a workbook and can't be read as a whole; have it opened, saved again and redelivered.",
    "workbook_too_large": "The workbook's cells need more memory than one may take; have it saved as CSV and delivered again.",
    "workbook_kind_not_supported": "It is a workbook, but neither .xlsx nor .xls; have it saved as one of them, or as CSV.",
}
# Vendor and feed, or that no feed knows the file.
_FeedName = tuple[str, str] | tuple[None, None]
# Kinds of which a repetition says nothing: links between contacts accumulate, a contact made is one however often it is told.
_STATE_FREE = frozenset({"contacts", "contacts_made"})


@dataclass(frozen=True)
class LandedFile:
    """A row of ``raw.landed_files``, in the order of its columns."""

    file_id: str
    sha256: str
    delivered_sha256: str
    source: str
    format: str
    vendor: str | None
    feed: str | None
    name: str
    delivered_name: str
    size_bytes: int | None
    received_at: datetime
    snapshot_at: datetime
    lies_as: str


def file_id(source: str, sha256: str, *, name: str | None = None, moment: datetime | None = None) -> str:
    """The id of a member: the same bytes from two sources are two files.

    ``name`` and ``moment`` are given for a later delivery of bytes that the source has delivered before, when it says
    something that the earlier one did not.
    """
    parts = [source, sha256, *([name] if name is not None else []), *([moment.isoformat()] if moment else [])]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def landed_files(
    home: Home,
    config: Config,
    *,
    feeds: tuple[Feed, ...] | None = None,
    known: Mapping[str, tuple[str, str]] | None = None,
) -> list[LandedFile]:
    """Every readable file in landing in order of arrival; see :func:`_landed_files`."""
    return _landed_files(home, config, feeds=feeds, known=known)[0]


def _landed_files(
    home: Home,
    config: Config,
    *,
    feeds: tuple[Feed, ...] | None = None,
    known: Mapping[str, tuple[str, str]] | None = None,
) -> tuple[list[LandedFile], dict[str, Recognised]]:
    """Every readable file in landing in order of arrival, and by its id why nobody can say what one of them is.

    Bytes that a source delivers again are the same file, unless they may say something new: under another name, which can
    mean another list; and of a feed that repeats its whole state, at another moment, because a row that was absent in
    between has come back (docs/decisions/0006). A function of the manifest alone, in which a later line changes no earlier file.

    Args:
        feeds: the feeds there are; by default those of the staging folders.
        known: vendor and feed by file id, for files that were loaded: they stay what they were loaded as.
    """
    feeds = all_feeds() if feeds is None else feeds
    known = known or {}
    states = {(feed.vendor, feed.feed) for feed in feeds if feed.snapshot and not _STATE_FREE.issuperset(feed.kinds)}
    rows: dict[str, LandedFile] = {}
    feed_of: dict[tuple[str, str, str], _FeedName] = {}
    doubts: dict[tuple[str, str, str], Recognised] = {}
    uncertain: dict[str, Recognised] = {}
    seen: set[tuple[str, str, str, datetime | None]] = set()
    last_of: dict[tuple[str, str, datetime], str] = {}
    for entry in read_manifest(home):
        source = config.sources.get(entry.source)
        used_format = source.format if source else entry.settings.format
        candidates = tuple(feed for feed in feeds if feed.format == used_format)
        for member in entry.members:
            snapshot_at = date_in(member.title, entry.received_at) or date_in(entry.name, entry.received_at) or entry.received_at
            key, listed = file_id(entry.source, member.sha256), (entry.source, member.sha256, list_name(member.title))
            if listed not in feed_of:
                loaded_as = known.get(key) if key not in rows else None
                found = Recognised(None) if loaded_as else _recognise(home, entry, member, candidates)
                feed_of[listed] = loaded_as or ((found.feed.vendor, found.feed.feed) if found.feed else (None, None))
                if found.reason:
                    doubts[listed] = found
            if feed_of[listed] in states:
                # Another state under the date of one before: the date is only the day, and the arrival tells them apart. Of a day
                # long past it would put the list behind newer ones.
                dated = (entry.source, listed[2], snapshot_at)
                if last_of.setdefault(dated, member.sha256) != member.sha256:
                    last_of[dated] = member.sha256
                    if snapshot_at < entry.received_at < snapshot_at + _A_DAY:
                        snapshot_at = entry.received_at
            moment = snapshot_at if feed_of[listed] in states else None
            if (*listed, moment) in seen:
                continue
            seen.add((*listed, moment))
            if key in rows:
                key = file_id(entry.source, member.sha256, name=listed[2], moment=moment)
            vendor, feed_name = known.get(key) or feed_of[listed]
            if vendor is None and listed in doubts:
                uncertain[key] = doubts[listed]
            rows[key] = LandedFile(
                key,
                member.sha256,
                entry.sha256,
                entry.source,
                used_format,
                vendor,
                feed_name,
                member.title,
                entry.name,
                member.size,
                entry.received_at,
                snapshot_at,
                now_at(home, entry.sha256)[0],
            )
    return list(rows.values()), uncertain


def register(
    con: duckdb.DuckDBPyConnection,
    home: Home,
    config: Config,
    *,
    feeds: tuple[Feed, ...] | None = None,
    unread: Iterable[Unread] = (),
) -> int:
    """Make ``raw.landed_files`` and ``raw.source_settings`` again, and account for archives that can't be opened.

    Args:
        feeds: the feeds there are; by default those that the home has to do with.
        unread: what the collection just before could not read, for the entry gate.

    Returns:
        How many files there are.
    """
    feeds = feeds_in_use(home, config, con) if feeds is None else feeds
    create_raw_tables(con, feeds)
    known = {
        key: (vendor, feed)
        for key, vendor, feed in con.execute(
            "select file_id, vendor, feed from raw.load_log where vendor is not null and reader <> 'failed'"
        ).fetchall()
    }
    files, uncertain = _landed_files(home, config, feeds=feeds, known=known)
    entries = read_manifest(home)
    refused, reasons = _refused_parts(home, entries, config)
    con.begin()
    try:
        con.execute("delete from raw.landed_files")
        _insert(con, "raw.landed_files", [astuple(row) for row in (*files, *refused)])
        # What can't be opened or recognised is one quarantined record, so that its file's account adds up and somebody sees it.
        con.execute(
            "delete from raw.quarantine where file_id in (select file_id from raw.load_log where reader in (?, ?))",
            [_REFUSED, _UNCERTAIN],
        )
        con.execute("delete from raw.load_log where reader in (?, ?)", [_REFUSED, _UNCERTAIN])
        held = [(row, _REFUSED, reasons[row.file_id], _CLOSED.get(reasons[row.file_id], _CLOSED_ANYHOW)) for row in refused]
        held += [
            (row, _UNCERTAIN, str(uncertain[row.file_id].reason), str(uncertain[row.file_id].detail))
            for row in files
            if row.file_id in uncertain
        ]
        _insert(con, "raw.quarantine", [(row.file_id, 1, None, None, reason, text, None) for row, _, reason, text in held])
        _insert(
            con,
            "raw.load_log",
            [(row.file_id, None, None, 1, 0, 1, 0, reader, None, reason, row.received_at) for row, reader, reason, _ in held],
        )
        con.execute("delete from raw.unread_inbox")
        counted = Counter((item.source, item.reason) for item in unread)
        _insert(con, "raw.unread_inbox", [(*key, entries_left) for key, entries_left in sorted(counted.items())])
        settings = _settings(entries, config)
        _require_kept(con, settings)
        con.execute("delete from raw.source_settings")
        _insert(con, "raw.source_settings", settings)
        con.commit()
    except BaseException:
        con.rollback()
        raise
    return len(files)


def _recognise(home: Home, entry: Entry, member: Member, candidates: tuple[Feed, ...]) -> Recognised:
    """Which feed a file is; of a format with one feed its name alone is asked, and the reader says what is wrong with it."""
    head = b""
    name = member.name
    if member.sheet is not None:
        name, candidates = name_with_sheet(name, member.sheet), tuple(feed.in_a_sheet() for feed in candidates)
    if len(candidates) > 1:
        with suppress(InputError):  # loading it says what is wrong with it
            head = member_head(home, entry, member, HEAD_BYTES + 1)
    return recognise(name, head[:HEAD_BYTES], candidates, whole=len(head) <= HEAD_BYTES)


def _refused_parts(home: Home, entries: tuple[Entry, ...], config: Config) -> tuple[list[LandedFile], dict[str, str]]:
    rows: list[LandedFile] = []
    reasons: dict[str, str] = {}
    for entry in entries:
        source = config.sources.get(entry.source)
        used_format = source.format if source else entry.settings.format
        for number, part in enumerate(entry.rejected):
            # No bytes of its own, so its id comes from the delivery and its place there.
            key = file_id(entry.source, f"{entry.sha256}:{number}")
            if key in reasons:
                continue  # delivered again, as unreadable as before
            reasons[key] = part.reason
            row = LandedFile(
                key,
                entry.sha256,
                entry.sha256,
                entry.source,
                used_format,
                None,
                None,
                part.name,
                entry.name,
                None,
                entry.received_at,
                entry.received_at,
                now_at(home, entry.sha256)[0],
            )
            rows.append(row)
    return rows, reasons


def _settings(entries: tuple[Entry, ...], config: Config) -> list[tuple[object, ...]]:
    """The configuration's word; for a source that left it, the newest of the manifest."""
    newest = {entry.source: entry.settings for entry in entries}
    rows: dict[str, tuple[object, ...]] = {
        name: (
            name,
            kept.format,
            kept.scope,
            kept.timezone,
            kept.region,
            False,
            _methods(kept.may_lift),
            _ours(kept.our_addresses),
        )
        for name, kept in newest.items()
    }
    for name, source in config.sources.items():
        rows[name] = (
            name,
            source.format,
            source.scope,
            source.timezone,
            source.region,
            True,
            _methods(source.may_lift),
            _ours(source.our_addresses),
        )
    return [rows[name] for name in sorted(rows)]


def _methods(may_lift: tuple[str, ...] | None) -> str | None:
    """None is the format's own word, an empty text is nothing at all."""
    return None if may_lift is None else ";".join(may_lift)


def _ours(addresses: tuple[str, ...]) -> str | None:
    return ";".join(addresses) or None


def _require_kept(con: duckdb.DuckDBPyConnection, settings: list[tuple[object, ...]]) -> None:
    """A source that leaves the configuration is read as its last delivery says. Settings that were corrected since stand nowhere
    else, and without them old suppressions would mean something narrower, or a trust that was withdrawn would come back.
    """
    before = {
        row[0]: row
        for row in con.execute(
            "select source, format, scope, timezone, region, may_lift, our_addresses from raw.source_settings where configured"
        ).fetchall()
    }
    lost = [str(row[0]) for row in settings if not row[5] and before.get(str(row[0])) not in (None, (*row[:5], row[6], row[7]))]
    if lost:
        raise ConfigError(
            "Removing a source",
            seen=f"settings of {', '.join(lost)} were changed after its last delivery, and they stand in its section only",
            allowed="a source that delivers nothing may stay configured",
            next_step=f"put [sources.{lost[0]}] back as it was",
        )


def _insert(con: duckdb.DuckDBPyConnection, table: str, rows: list[tuple[object, ...]]) -> None:
    if rows:
        columns = [pa.array(values) for values in zip(*rows, strict=True)]
        con.register("register_batch", pa.table(columns, names=[f"c{number}" for number in range(len(columns))]))
        con.execute(f"insert into {table} select * from register_batch")
        con.unregister("register_batch")
