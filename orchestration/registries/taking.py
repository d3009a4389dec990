"""Taking in loaded registry files: from plain numbers and staged lines to one sorted account per file.

What a line means was said by the staging models, what its number is by the normaliser; here both are put together once per
file and written to Parquet, and the lines leave the raw table. A line whose number cannot be read goes to quarantine.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np

from orchestration.core.errors import PermanentError
from orchestration.core.files import keep_file, sync_folder
from orchestration.core.home import PRIVATE_FOLDER, Home
from orchestration.core.numbers import Numbers, read_numbers
from orchestration.core.sql import quoted
from orchestration.identifiers.phone_sql import normalise_phones
from orchestration.readers.feeds import Feed, all_feeds
from orchestration.readers.loading import export_quarantine
from orchestration.readers.number_lines import plain_file

# E.164 numbers of the North American plan are 1, three digits of area code and seven more.
_PLAN_FROM, _PLAN_TO, _PER_AREA = 10_000_000_000, 20_000_000_000, 10_000_000
_AREA = f"case when number >= {_PLAN_FROM} and number < {_PLAN_TO} then (number // {_PER_AREA} - 1000)::varchar else '' end"


@dataclass(frozen=True)
class Taken:
    """Counts of one taking."""

    files: int = 0
    records: int = 0
    quarantined: int = 0


def registry_feeds(con: duckdb.DuckDBPyConnection) -> tuple[Feed, ...]:
    """The feeds in this warehouse whose records are registry entries and nothing else."""
    there = {name for (name,) in con.execute("select table_name from duckdb_tables() where schema_name = 'raw'").fetchall()}
    return tuple(feed for feed in all_feeds() if feed.kinds == ("registry",) and feed.table in there)


def entries_file(home: Home, file_id: str) -> Path:
    """Where the entries of a landed file are that are not plain numbers."""
    return home.registries_folder / f"{file_id}.entries.parquet"


def take(con: duckdb.DuckDBPyConnection, home: Home, default_region: str | None) -> Taken:
    """Ingest every loaded registry file that is not yet, inside the caller's transaction.

    Raises:
        PermanentError: a staging model and the pictures of its feed disagree about a line.
    """
    con.execute(
        """
        create or replace temp table registry_pending as
        select log.file_id, log.vendor, log.feed, landed.source
        from raw.load_log as log inner join raw.landed_files as landed on log.file_id = landed.file_id
        where list_contains(?, log.vendor || '__' || log.feed) and log.reader <> 'failed'
            and log.file_id not in (select file_id from registries.files)
        """,
        [[feed.table for feed in registry_feeds(con)]],
    )
    _read_lines(con, default_region)
    _judge_plain_lines(con)
    refused = _refuse(con, home)
    _write_entries(con, home)
    con.execute(
        f"""
        insert into registries.file_areas by name
        select file_id, registry, is_full, {_AREA} as area, count(*) as row_count from registry_entries group by all
        """
    )
    for file_id, registry, is_full in con.execute(
        "select file_id, registry, is_full from registry_plain order by file_id"
    ).fetchall():
        counts = count_areas(read_numbers(plain_file(home, file_id)))
        rows = [(file_id, registry, is_full, area, count) for area, count in sorted(counts.items())]
        con.executemany("insert into registries.file_areas values (?, ?, ?, ?, ?)", rows)
    con.execute(
        """
        insert into registries.files by name
        select
            pending.file_id,
            coalesce(plain.records, 0) + coalesce(lines.records, 0) as records,
            meaning.registry as plain_registry,
            meaning.is_full as plain_is_full,
            pending.file_id in (select entries.file_id from registry_entries as entries) as has_entries
        from registry_pending as pending
        left join raw.plain_numbers as plain on pending.file_id = plain.file_id
        left join (
            -- A record may list its number in several registries.
            select file_id, count(distinct record_no) as records from registry_lines where status = 'ok' group by file_id
        ) as lines
            on pending.file_id = lines.file_id
        left join registry_plain as meaning on pending.file_id = meaning.file_id
        """
    )
    _clear_raw(con)
    files, records = con.execute(
        "select count(*), coalesce(sum(records), 0) from registries.files where file_id in (select file_id from registry_pending)"
    ).fetchall()[0]
    for table in ("pending", "lines", "entries", "plain"):
        con.execute(f"drop table registry_{table}")
    return Taken(int(files), int(records), refused)


def _read_lines(con: duckdb.DuckDBPyConnection, default_region: str | None) -> None:
    """``registry_lines``: every staged line of the pending files with its number, or the reason why it has none."""
    con.execute(
        """
        create or replace temp table registry_staged as
        select file_id, record_no, vendor, feed, registry, change, is_full, listed_on, phone_raw as raw,
            coalesce(left(region, 2), ?) as region
        from staging.int_registry__unioned
        where outcome = 'registry' and file_id in (select file_id from registry_pending)
        """,
        [(default_region or "")[:2]],
    )
    con.execute("create or replace temp table registry_raw as select distinct raw, region from registry_staged")
    normalise_phones(con, "registry_raw", "registry_read")
    con.execute(
        """
        create or replace temp table registry_lines as
        select staged.*, read.status, read.reason, substr(read.e164, 2)::ubigint as number
        from registry_staged as staged
        inner join registry_read as read on staged.raw = read.raw and staged.region = read.region
        """
    )
    con.execute(
        """
        create or replace temp table registry_entries as
        select file_id, registry, is_full, number,
            -- A file that says both leaves the number listed (promise 3).
            bool_or(change = 'listed') as is_listed,
            min(listed_on) filter (where change = 'listed') as listed_on
        from registry_lines where status = 'ok'
        group by file_id, registry, is_full, number
        """
    )
    for table in ("staged", "raw", "read"):
        con.execute(f"drop table registry_{table}")


def _judge_plain_lines(con: duckdb.DuckDBPyConnection) -> None:
    """``registry_plain``: what the plain lines of each file are, by the line of each picture that the model has judged."""
    con.execute(
        """
        create or replace temp table registry_plain as
        select
            probes.file_id,
            any_value(lines.registry) as registry,
            any_value(lines.is_full) as is_full,
            count(distinct (lines.registry, lines.is_full)) = 1 and bool_and(coalesce(
                lines.number = probes.number and lines.change = 'listed' and lines.listed_on is null, false
            )) as is_agreed,
            any_value(lines.vendor || ' ' || lines.feed) as feed
        from raw.plain_probes as probes
        left join registry_lines as lines on probes.file_id = lines.file_id and probes.record_no = lines.record_no
        where probes.file_id in (select file_id from registry_pending)
        group by probes.file_id
        """
    )
    if wrong := con.execute("select distinct feed from registry_plain where not is_agreed order by all").fetchall():
        raise PermanentError(
            "Ingesting a registry's plain lines",
            seen=f"the feed {', '.join(str(feed) for (feed,) in wrong)}: its staging model reads such a line otherwise",
            allowed="pictures of lines that list exactly the number that the model and the normaliser find in them",
            next_step="correct options.plain in the feed's description, or the model; nothing was ingested",
        )
    # They are in the plain file already.
    con.execute(
        """
        delete from registry_entries using raw.plain_probes as probes, registry_plain as meaning
        where registry_entries.file_id = probes.file_id and registry_entries.number = probes.number
            and registry_entries.file_id = meaning.file_id and registry_entries.registry = meaning.registry
            and registry_entries.is_full = meaning.is_full and registry_entries.is_listed and registry_entries.listed_on is null
        """
    )


def _refuse(con: duckdb.DuckDBPyConnection, home: Home) -> int:
    """Put lines without a readable number into quarantine, as they stood."""
    count = 0
    for feed in registry_feeds(con):
        text = ", ".join(f'raw."{column.name}"' for column in feed.columns)
        rows = con.execute(
            f"""
            insert into raw.quarantine by name
            select distinct lines.file_id, lines.record_no, lines.vendor, lines.feed, 'unreadable_number' as reason,
                'It is no phone number: ' || lines.reason || '.' as detail, concat_ws(',', {text}) as record_text
            from registry_lines as lines
            inner join raw."{feed.table}" as raw on lines.file_id = raw._file_id and lines.record_no = raw._record_no
            where lines.status <> 'ok' and lines.vendor = ? and lines.feed = ?
            """,
            [feed.vendor, feed.feed],
        ).fetchall()
        count += int(rows[0][0])
    if count:
        con.execute(
            """
            update raw.load_log set loaded = loaded - refused.records, quarantined = quarantined + refused.records
            from (
                select file_id, count(distinct record_no) as records from registry_lines where status <> 'ok' group by file_id
            ) as refused
            where load_log.file_id = refused.file_id
            """
        )
        for file_id, source in con.execute(
            "select distinct pending.file_id, pending.source from registry_pending as pending "
            "inner join registry_lines as lines on pending.file_id = lines.file_id where lines.status <> 'ok'"
        ).fetchall():
            export_quarantine(con, home, source, file_id)
    return count


def _write_entries(con: duckdb.DuckDBPyConnection, home: Home) -> None:
    home.registries_folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    for (file_id,) in con.execute("select distinct file_id from registry_entries order by file_id").fetchall():
        path = entries_file(home, file_id)
        draft = path.with_suffix(".tmp")
        con.execute(
            f"""
            copy (
                select registry, is_full, number, is_listed, listed_on from registry_entries
                where file_id = '{file_id}' order by registry, is_full, number
            ) to {quoted(draft)} (format parquet, parquet_version v2, compression zstd)
            """
        )
        keep_file(draft)
        draft.replace(path)
    sync_folder(home.registries_folder)


def count_areas(numbers: Numbers) -> Counter[str]:
    """How many numbers of each area code there are. They come sorted, so each chunk holds few."""
    counts: Counter[str] = Counter()
    for chunk in numbers:
        inside = chunk[np.searchsorted(chunk, _PLAN_FROM) : np.searchsorted(chunk, _PLAN_TO)]
        counts[""] += len(chunk) - len(inside)
        while len(inside):
            area = int(inside[0]) // _PER_AREA
            end = int(np.searchsorted(inside, (area + 1) * _PER_AREA))
            counts[str(area - 1000)] += end
            inside = inside[end:]
    return +counts


def _clear_raw(con: duckdb.DuckDBPyConnection) -> None:
    for feed in registry_feeds(con):
        con.execute(
            f"""
            delete from raw."{feed.table}" using registry_lines as lines
            where "{feed.table}"._file_id = lines.file_id and "{feed.table}"._record_no = lines.record_no
            """
        )
