"""The raw tables: where landed files become rows, all text, with their file and record number. No reading here."""

from __future__ import annotations

import duckdb

from orchestration.readers.feeds import Feed, all_feeds

FAILED = "failed"
"""``load_log.reader`` of a file whose landed bytes are gone or altered: tried again at each run."""

CANARIES = """
create table if not exists raw.canaries (
    place varchar,              -- a destination, scrub, or mailbox for the address whose tagged ones are canaries
    list_name varchar,          -- a node of the destination's scopes; empty: all of them
    identifier_type varchar,
    identifier varchar
);
"""

BOOKKEEPING = """
create table if not exists raw.landed_files (
    file_id varchar,            -- first 32 hex digits of sha256(source || chr(10) || sha256 of the member's bytes)
    sha256 varchar,             -- of the member's bytes, after unpacking
    delivered_sha256 varchar,   -- of the file as it was delivered
    source varchar,
    format varchar,
    vendor varchar,             -- null when no feed knows the name
    feed varchar,
    name varchar,               -- the member's name; empty path parts removed
    delivered_name varchar,
    size_bytes bigint,
    received_at timestamptz,    -- the as_of of the run that took it
    snapshot_at timestamptz,    -- the date in its name, else received_at: orders the snapshots of one source
    lies_as varchar             -- of the delivered file as it lies in landing: another where bytes of it were redacted
);
alter table raw.landed_files add column if not exists lies_as varchar;
create table if not exists raw.load_log (
    file_id varchar, vendor varchar, feed varchar,
    physical_records bigint,    -- counted apart from the loading
    loaded bigint, quarantined bigint,
    skipped bigint,             -- lines that are no record: preamble, repeated header, totals, blank
    reader varchar, encoding varchar, detail varchar, loaded_at timestamptz
);
create table if not exists raw.quarantine (
    file_id varchar, record_no bigint, vendor varchar, feed varchar,
    reason varchar,             -- a stable snake_case code
    detail varchar,             -- a sentence without personal data
    record_text varchar         -- the record as it stood, so that a person can fix it
);
create table if not exists raw.unread_columns (
    file_id varchar, vendor varchar, feed varchar,
    label varchar,              -- quoted; '(hidden)' where it may be somebody's address or number
    looks_like varchar,         -- e-mail addresses, telephone numbers, times or answers
    nearest varchar,            -- the declared column whose labels are most like it
    is_canonical boolean        -- of a feed of our own: the file lacks what its label promises, and holds releases
);
create table if not exists raw.file_columns (   -- what each file has, so that what is new or gone can be told
    file_id varchar,
    label varchar,              -- a declared column's name; else the label, quoted, '(hidden)' where it may be somebody's
    is_declared boolean,
    nearest varchar,            -- of a label that nobody declared: the declared column whose labels are most like it
    records bigint,             -- that have it; of a file with a header all of them, filled or not
    of_records bigint,
    has_header boolean
);
create table if not exists raw.ledger_files (file_id varchar);   -- the ledger has ingested
create table if not exists raw.golden_files (file_id varchar);   -- the golden table has ingested
create table if not exists raw.golden_listings (   -- golden.int_known_listings as the golden table has taken it in
    registry varchar, registry_version varchar, channel varchar, identifier varchar, listed_from timestamptz,
    listed_to timestamptz, region varchar, known_from timestamptz, end_known_from timestamptz
);
create table if not exists raw.plain_numbers (
    file_id varchar,
    records bigint,             -- lines read into <file_id>.plain.parquet and not into a raw table
    numbers bigint              -- distinct numbers in it
);
create table if not exists raw.plain_probes (
    file_id varchar,
    record_no bigint,           -- a line in the raw table that the staging model judges for all like it
    number ubigint              -- the number it was read as
);
create table if not exists raw.unread_inbox (   -- what the last collection found in a source's inbox and could not read
    source varchar,
    reason varchar,             -- a stable snake_case code
    entries bigint
);
create table if not exists raw.source_settings (
    source varchar, format varchar, scope varchar, timezone varchar, region varchar, configured boolean
);
-- Methods joined by ;, null where the format's own stand. Apart, for the table of an older version lacks it.
alter table raw.source_settings add column if not exists may_lift varchar;
-- Addresses and @domains joined by ;, null where none was said.
alter table raw.source_settings add column if not exists our_addresses varchar;
"""


def create_raw_tables(con: duckdb.DuckDBPyConnection, feeds: tuple[Feed, ...] | None = None) -> None:
    """Create what is missing: bookkeeping, and one table per feed (a feed's new column is added to an old table)."""
    con.execute("create schema if not exists raw")
    con.execute(BOOKKEEPING)
    con.execute(CANARIES)
    for feed in all_feeds() if feeds is None else feeds:
        table = f'raw."{feed.table}"'
        con.execute(f"create table if not exists {table} (_file_id varchar, _record_no bigint, _extra varchar)")
        for column in feed.columns:
            con.execute(f'alter table {table} add column if not exists "{column.name}" varchar')
