"""Which columns each file has, kept by file in ``raw.file_columns``.

A function of the file alone: what a source never had before, or has no longer, is asked of all files together when the entry gate
judges (expectations/newcomers.yml), so that neither the order of loading nor a rebuild changes the answer.
"""

from __future__ import annotations

import duckdb

from orchestration.readers.feeds import Feed
from orchestration.readers.layout import nearest_column, normalised, shown
from orchestration.readers.outcome import Outcome
from orchestration.readers.unread import LOOKED_AT

# An object whose keys are data would have as many labels as records; nobody reads a hundred.
_MOST_LABELS = 100


def note_columns(
    con: duckdb.DuckDBPyConnection, feed: Feed, file_id: str, outcome: Outcome, ignored: tuple[str, ...] = ()
) -> None:
    """Fill ``raw.file_columns`` for one loaded file, inside the caller's transaction.

    Args:
        ignored: labels that the source's configuration says nobody needs to read.
    """
    if outcome.loaded == 0 or feed.reader in ("mail", "lines"):  # neither has labels
        return
    table = f'raw."{feed.table}"'
    counts = ", ".join(f'count("{column.name}")' for column in feed.columns)
    ((extras, *there),) = con.execute(f"select count(_extra), {counts} from {table} where _file_id = ?", [file_id]).fetchall()
    rows: list[tuple[str, bool, str | None, int]] = [
        (column.name, True, None, count) for column, count in zip(feed.columns, there, strict=True) if count
    ]
    if extras:
        step = max(1, outcome.loaded // LOOKED_AT)
        found = con.execute(
            f"""
            with labels as (
                select unnest(json_keys(_extra)) as label from {table}
                where _file_id = ? and _extra is not null and (_record_no % ? = 0 or _record_no < 10)
            )
            select label, count(*) from labels group by label order by count(*) desc, label limit ?
            """,
            [file_id, step, _MOST_LABELS],
        ).fetchall()
        skipped = {normalised(label) for label in (*feed.ignored, *ignored)}
        rows += [
            (shown(label), False, nearest_column(feed, label), count)
            for label, count in found
            if normalised(label.partition("#")[0]) not in skipped
        ]
    for label, is_declared, nearest, records in rows:
        con.execute(
            "insert into raw.file_columns values (?, ?, ?, ?, ?, ?, ?)",
            [file_id, label, is_declared, nearest, records, outcome.loaded, outcome.has_header],
        )
