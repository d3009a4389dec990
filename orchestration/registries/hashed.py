"""Lists of hashes: whom the company knows is hashed as the list does it, and compared with all of them in each run.

So far one list is kept so, California's DROP (``ca_drop``). Whoever is found is delivered to the list's own source as a file,
which the next run takes like any other: with a landed file as its evidence, whatever becomes of the warehouse. A hash that finds
nobody stays in its raw table, and finds whoever becomes known later.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import duckdb

from orchestration.core.config import Config
from orchestration.core.files import put_in_place, sha256_file
from orchestration.core.home import PRIVATE_FILE, PRIVATE_FOLDER, Home
from orchestration.core.sql import quoted
from orchestration.core.warehouse import one_row

FORMAT = "ca_drop"
_TABLES = ("ca_drop__emails", "ca_drop__phones", "ca_drop__removed", "ca_drop__matched")
_LETTERS = str.maketrans("0123456789abcdef", "abcdefghijklmnop")  # digits in a name could pass for a date
_NAME_LETTERS = 16
_HASH = "to_base64(unhex(sha256({})))"


@dataclass(frozen=True)
class Hashed:
    """What is known of the lists of hashes: counts of distinct ones."""

    listed: int = 0
    matched: int = 0
    found_now: int = 0
    """Contact points that this run delivered to their source."""


def match_hashes(con: duckdb.DuckDBPyConnection, home: Home, config: Config) -> Hashed:
    """Deliver the known contact points that the lists name and that were not delivered yet. Reads the warehouse only.

    Killed at any point, the next call writes the same bytes under the same name, or the same people once more.
    """
    there = {name for (name,) in con.execute("select table_name from duckdb_tables() where schema_name = 'raw'").fetchall()}
    if not there.issuperset(_TABLES):
        return Hashed()
    _find(con)
    _leave_out_delivered(con)
    now = sum(_deliver(con, home, source) for source in sorted(config.sources) if config.sources[source].format == FORMAT)
    listed, matched = one_row(
        con,
        "select count(distinct (source, identifier_type, hash)), "
        "count(distinct (source, identifier_type, hash)) filter (where identifier is not null) from hashes_found",
    )
    for table in ("found", "new"):
        con.execute(f"drop table hashes_{table}")
    return Hashed(int(listed), int(matched), now)


def _find(con: duckdb.DuckDBPyConnection) -> None:
    """``hashes_found``: every listed hash, with the known contact point that it names, where there is one."""
    con.execute(
        f"""
        create or replace temp table hashes_found as
        with files as (
            select * from raw.landed_files where format = ?
        ),
        listed as (
            select files.source, lists.identifier_type, trim(lists.hash) as hash, files.received_at
            from (
                select 'email' as identifier_type, _file_id, hash from raw.ca_drop__emails
                union all
                select 'phone', _file_id, hash from raw.ca_drop__phones
            ) as lists
            inner join files on lists._file_id = files.file_id
        ),
        removed as (
            select files.source, trim(lists.hash) as hash, max(files.received_at) as received_at
            from raw.ca_drop__removed as lists inner join files on lists._file_id = files.file_id
            group by all
        ),
        -- A list that names it again, after it was taken off, counts.
        standing as (
            select listed.source, listed.identifier_type, listed.hash, min(listed.received_at) as listed_at
            from listed left join removed on listed.source = removed.source and listed.hash = removed.hash
            where removed.received_at is null or listed.received_at > removed.received_at
            group by all
        ),
        points as (
            select distinct 'email' as identifier_type, email as identifier, {_HASH.format("lower(trim(email))")} as hash
            from identifiers.email where status = 'ok'
            union all
            select distinct 'phone', e164, {_HASH.format("right(regexp_replace(e164, '[^0-9]', '', 'g'), 10)")}
            from identifiers.phone where status = 'ok'
        )
        select standing.source, standing.identifier_type, standing.hash, standing.listed_at, points.identifier
        from standing left join points on standing.identifier_type = points.identifier_type and standing.hash = points.hash
        """,
        [FORMAT],
    )


def _leave_out_delivered(con: duckdb.DuckDBPyConnection) -> None:
    """``hashes_new``: whom a hash names and no file of its source told yet."""
    con.execute(
        """
        create or replace temp table hashes_new as
        select found.* from hashes_found as found
        anti join (
            select files.source, coalesce(told.email, told.phone) as identifier
            from raw.ca_drop__matched as told inner join raw.landed_files as files on told._file_id = files.file_id
        ) as told on found.source = told.source and found.identifier = told.identifier
        where found.identifier is not null
        """
    )


def _deliver(con: duckdb.DuckDBPyConnection, home: Home, source: str) -> int:
    (count,) = one_row(con, "select count(*) from hashes_new where source = ?", [source])
    if not count:
        return 0
    folder = home.inbox / source
    folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    part = folder / ".matched.part"
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE))
    con.execute(
        f"""
        copy (
            select
                strftime(listed_at at time zone 'UTC', '%Y-%m-%dT%H:%M:%SZ') as listed_at,
                case when identifier_type = 'email' then identifier end as email,
                case when identifier_type = 'phone' then identifier end as phone
            from hashes_new where source = {quoted(source)}
            order by identifier_type, identifier
        ) to {quoted(part)} (format json, use_tmp_file false)
        """
    )
    put_in_place(part, folder / f"drop_matched_{sha256_file(part)[:_NAME_LETTERS].translate(_LETTERS)}.jsonl")
    return int(count)
