"""What each run added to the ledger, by its row hash, so that a row changed afterwards by other hands shows.

A batch is the files that one run ingested. Its rows are those of ``ledger.requests`` whose evidence lies in these files, hashed
as ``publish/rows`` says, without ``records`` and ``last_stated``: those alone go on when the same request arrives again.
"""

from __future__ import annotations

import duckdb

from orchestration.core import chain
from orchestration.core.home import Home
from orchestration.core.warehouse import one_row
from orchestration.publish.rows import rows_sha256

TABLE = "create table if not exists raw.ledger_batches (batch bigint, file_ids varchar[], row_count bigint, rows_sha256 varchar)"


def close_batch(con: duckdb.DuckDBPyConnection, home: Home, *, full_refresh: bool) -> None:
    """Note what the ledger ingested beyond ``raw.ledger_files``, and record it; nothing when it ingested no file.

    Within the caller's transaction, and recorded before its end: what the warehouse says of an older batch is never recorded
    again, so nobody can have a change recorded by changing the warehouse. A kill in between leaves an entry without a batch,
    and the next run closes the batch again.

    A full refresh of the ledger is one batch. So is one in which evidence moved to a newly taken file: of two files that arrived
    at the same moment the first by its id is the evidence, whichever was ingested first.
    """
    con.execute("create or replace temp table taken as select file_id from raw.load_log where reader <> 'failed'")
    if not full_refresh:
        con.execute("delete from taken where file_id in (select file_id from raw.ledger_files)")
        moved = one_row(
            con,
            """
            select exists (
                from ledger.requests as requests
                semi join taken on requests.file_id = taken.file_id
                inner join ledger.record_outcomes as records on requests.request_id = records.request_id
                where records.file_id not in (select file_id from taken)
            )
            """,
        )[0]
        if moved:
            con.execute("insert into taken select unnest(file_ids) from raw.ledger_batches")
            full_refresh = True
    if full_refresh:
        con.execute("delete from raw.ledger_batches")
    if one_row(con, "select count(*) from taken")[0]:
        (number,) = one_row(con, "select coalesce(max(batch), 0) + 1 from raw.ledger_batches")
        con.execute("insert into raw.ledger_batches select ?, list(file_id order by file_id), 0, '' from taken", [number])
        count, digest = batch_rows(con, number)
        con.execute("update raw.ledger_batches set row_count = ?, rows_sha256 = ? where batch = ?", [count, digest, number])
        chain.record(home, batch_links(con)[-1])


def batch_rows(con: duckdb.DuckDBPyConnection, number: int) -> tuple[int, str]:
    """How many rows of the ledger are the batch's, and their hash, as they are now."""
    files = f"select unnest(file_ids) from raw.ledger_batches where batch = {number}"
    relation = f"(select * from ledger.requests where file_id in ({files}))"
    (count,) = one_row(con, f"select count(*) from {relation}")
    return int(count), rows_sha256(con, relation, without=("records", "last_stated"))


def batch_links(con: duckdb.DuckDBPyConnection) -> list[chain.Link]:
    """The batches of the ledger as links of the chain, in order. After a full refresh their hashes and subjects are others."""
    rows = con.execute("select batch, row_count, rows_sha256 from raw.ledger_batches order by batch").fetchall()
    return [chain.Link("ledger", f"ledger batch {number}: {count} rows {digest[:12]}", digest) for number, count, digest in rows]


def files_in_no_batch(con: duckdb.DuckDBPyConnection) -> int:
    """Files that the ledger ingested and no batch covers: none, unless somebody took a batch out."""
    (files,) = one_row(
        con, "select count(*) from raw.ledger_files where file_id not in (select unnest(file_ids) from raw.ledger_batches)"
    )
    return int(files)
