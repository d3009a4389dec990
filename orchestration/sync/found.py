"""Opt-outs that others made at a destination, ingested as a source: never deleted, never left there unknown.

They are written as a file of the canonical ``requests`` format into ``inbox/found__<destination>/`` and take the same
way as everything that arrives.
"""

from __future__ import annotations

import os
from pathlib import Path

import duckdb

from orchestration.core.config import FOUND_PREFIX
from orchestration.core.files import put_in_place, sha256_file
from orchestration.core.home import PRIVATE_FILE, PRIVATE_FOLDER, Home
from orchestration.core.sql import quoted

WAITING = "destination = $destination and brought_home = false and state <> 'released' and identifier_type in ('email', 'phone')"
"""The ledger's rows that were found and are not home yet."""

_NAME_DIGITS = 16  # of the content's SHA-256: enough to tell a home's files apart


def source_name(destination: str) -> str:
    """The inbox folder, and so the source, of what is found at a destination."""
    return f"{FOUND_PREFIX}{destination}"


def bring_home(con: duckdb.DuckDBPyConnection, home: Home, destination: str) -> tuple[Path | None, int]:
    """Write the ledger's found rows that are not home yet. Returns the file, if there were any, and their number.

    The rows were recorded, with the moment they were found, before this is called, and are ticked off after: killed in
    between, the next push writes the same bytes under the same name.
    """
    where = {"destination": destination}
    rows = int(con.execute(f"select count(*) from row_state where {WAITING}", where).fetchall()[0][0])
    if rows == 0:
        return None, 0
    folder = home.inbox / source_name(destination)
    folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    part = folder / ".found.part"
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE))
    con.execute(
        f"""
        create or replace temp table homecoming as
        with final as (
            select
                '' as request_key,
                -- What was found now was not asked later, whatever its writer's clock says.
                strftime(least(found_since, found_at) at time zone 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ') as requested_at,
                'opt_out' as action,
                'import' as method,
                channel as channels,
                scope,
                case when identifier_type = 'email' then identifier else '' end as email,
                case when identifier_type = 'phone' then identifier else '' end as phone,
                destination
            from row_state
            where {WAITING}
            order by channel, identifier_type, identifier, scope
        )
        select * from final
        """,
        where,
    )
    con.execute(f"copy homecoming to {quoted(part)} (format json, use_tmp_file false)")
    target = folder / f"found_{sha256_file(part)[:_NAME_DIGITS]}.jsonl"
    put_in_place(part, target)
    con.execute(f"update row_state set brought_home = true where {WAITING}", where)
    return target, rows
