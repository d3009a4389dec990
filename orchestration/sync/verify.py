"""Looking at a destination: the temp table ``seen``, from a whole read-back or from look-ups.

What the sight means for the ledger is in ``ledger.record_sight``; what it means for the plan in ``plan``.
"""

from __future__ import annotations

from collections.abc import Callable

import duckdb
import pyarrow as pa

from orchestration.core.config import CHANNELS
from orchestration.core.errors import PermanentError
from orchestration.core.pace import Pace
from orchestration.core.tombstones import IS_TOKEN
from orchestration.core.wording import counted
from orchestration.destinations.contract import IDENTIFIER_TYPES, KEY, PAYLOAD, ReadsAll, ReadsPoints
from orchestration.sync.ledger import KEY_LIST, same_key
from orchestration.sync.redact import Erased
from orchestration.sync.send import stream

# How long one push waits for an eventually consistent system. Most show a row within a minute; one that takes a day is
# looked at by the next push, and its rows say "sent" until then.
PATIENCE_SECONDS = 120.0
FIRST_LOOK_SECONDS = 1.0

_SEEN = (
    "channel varchar, identifier_type varchar, identifier varchar, scope varchar, "
    "present boolean, any_ours boolean, any_other boolean, any_unknown boolean, since timestamptz, "
    "any_strange boolean, unmarked_at timestamptz, any_asked boolean, unknown_at timestamptz"
)
_UNPROVED = "destination = $destination and (state = 'sent' or (releasing is not null and state <> 'released'))"
_MOMENT = pa.timestamp("us", tz="UTC")
_READ_COLUMNS = {
    "ours": pa.bool_(),
    "since": _MOMENT,
    "push": pa.string(),
    "written_at": _MOMENT,
    "spent": pa.string(),
    "asked": pa.bool_(),
}


def nothing_seen(con: duckdb.DuckDBPyConnection) -> None:
    """Start ``seen`` empty."""
    con.execute(f"create or replace temp table seen ({_SEEN})")


def read_all(con: duckdb.DuckDBPyConnection, name: str, destination: ReadsAll, pace: Pace, erased: Erased | None = None) -> int:
    """Fill ``seen`` from the whole read-back, and note the evidence that was spent there. Returns the rows that make no sense
    and were left out.

    A read that breaks off leaves ``seen`` empty and is tried again from the start: half a list would look like losses.
    """
    nothing_seen(con)
    pace.call(lambda: _fill_read_back(con, destination))
    if erased is not None:
        erased.rename(con, "read_back")
    sensible = "identifier <> '' and scope <> '' and list_contains($channels, channel) and list_contains($types, identifier_type)"
    known = {"channels": list(CHANNELS), "types": list(IDENTIFIER_TYPES)}
    # What Quietlist wrote by a push that this ledger does not know is somebody else's word, as old as that push.
    con.execute(
        f"""
        insert into seen
        with told as (
            select
                *,
                coalesce(ours, false) as is_quietlists,
                coalesce(ours, false) and coalesce(push, '') <> '' and push not in (select id from pushes) as is_strange
            from read_back
            where {sensible}
        )
        select
            {KEY_LIST}, true, bool_or(is_quietlists and not is_strange), bool_or(not coalesce(ours, true) or is_strange),
            bool_or(ours is null), coalesce(max(written_at) filter (where is_strange), min(since)), bool_or(is_strange),
            max(written_at) filter (where is_quietlists and coalesce(push, '') = ''),
            bool_or(coalesce(asked, true)),
            max(written_at) filter (where ours is null)
        from told
        group by {KEY_LIST}
        """,
        known,
    )
    _keep_spent(con, name)
    left_out = con.execute(f"select count(*) from read_back where not coalesce({sensible}, false)", known).fetchall()
    con.execute("drop table read_back")
    return int(left_out[0][0])


def _fill_read_back(con: duckdb.DuckDBPyConnection, destination: ReadsAll) -> None:
    """Make ``read_back`` of all that the destination shows."""
    key = ", ".join(f"{name} varchar" for name in KEY)
    told = "ours boolean, since timestamptz, push varchar, written_at timestamptz, spent varchar, asked boolean"
    con.execute(f"create or replace temp table read_back ({key}, {told})")
    for batch in destination.read():
        rows = pa.Table.from_batches([batch])
        if missing := [name for name in KEY if name not in rows.column_names]:
            raise PermanentError(
                f"Reading back {destination.facts.system}",
                seen=f"rows without {', '.join(missing)}",
                next_step="correct the module's read",
            )
        for column, kind in _READ_COLUMNS.items():
            if column not in rows.column_names:
                rows = rows.append_column(column, pa.nulls(rows.num_rows, kind))
        con.register("_read", rows)
        try:
            con.execute(f"insert into read_back select {KEY_LIST}, {', '.join(_READ_COLUMNS)} from _read")
        finally:
            con.unregister("_read")


def _keep_spent(con: duckdb.DuckDBPyConnection, name: str) -> None:
    """Note the evidence that the rows of ``read_back`` say was spent there."""
    con.execute(
        f"""
        insert into spent
        with told as (
            select distinct $destination as destination, {KEY_LIST}, unnest(string_split(spent, chr(10))) as evidence_id
            from read_back
            where ours and coalesce(spent, '') <> ''
        ),
        known as (
            select * from spent where destination = $destination
        )
        select told.* from told anti join known using ({KEY_LIST}, evidence_id)
        """,
        {"destination": name},
    )


def look_up(con: duckdb.DuckDBPyConnection, destination: ReadsPoints, rows: int, pace: Pace, is_time: Callable[[], bool]) -> int:
    """Add to ``seen`` by asking for the ``rows`` rows of the numbered temp table ``asked``, in their order and as long as there
    is time, which is always enough for one batch. Returns the rows that were not asked for.
    """
    size = destination.facts.batch_size or max(rows, 1)
    for first in range(0, rows, size):
        if first and not is_time():
            return rows - first
        last = min(first + size, rows)

        def ask(first: int = first, last: int = last) -> list[bool]:
            reader = stream(con, "asked", first, last)
            try:
                return list(destination.look_up(reader))
            finally:
                reader.close()

        answers = pace.call(ask)
        if len(answers) != last - first:
            raise PermanentError(
                f"Looking rows up at {destination.facts.system}",
                seen=f"{counted(len(answers), 'answer')} for {counted(last - first, 'row')}",
                next_step="correct the module's look_up",
            )
        told = pa.table({"position": pa.array(range(first, last), pa.int64()), "present": pa.array(answers, pa.bool_())})
        con.register("_answers", told)
        try:
            con.execute(
                "delete from seen using (select asked.* from asked join _answers using (position)) as asked "
                f"where {same_key('seen', 'asked')}"
            )
            con.execute(
                f"insert into seen select {KEY_LIST}, present, false, false, present, null, false, null, true, null "
                "from asked join _answers using (position)"
            )
        finally:
            con.unregister("_answers")
    return 0


def ask_for_unproved(con: duckdb.DuckDBPyConnection, destination: str) -> int:
    """Make ``asked`` from what was sent and ``seen`` does not prove, in the order in which it is asked for while there is time:
    what nobody looked for yet, and of that the newest opt-outs. Returns its rows.
    """
    con.execute(
        f"""
        create or replace temp table asked as
        with unproved as (
            select row_state.*, seen.present
            from (select * from row_state where {_UNPROVED}) as row_state
            left join seen using ({KEY_LIST})
            where (present is null or present = (releasing is not null)) and not {IS_TOKEN}
        ),
        final as (
            select
                row_number() over (order by present is not null, last_requested_at desc nulls last, {KEY_LIST}) - 1 as position,
                {KEY_LIST}, identifier_hash, {", ".join(PAYLOAD)}
            from unproved
        )
        select * from final order by position
        """,
        {"destination": destination},
    )
    return int(con.execute("select count(*) from asked").fetchall()[0][0])


def unproved(con: duckdb.DuckDBPyConnection, destination: str) -> int:
    """Rows that were sent and that ``seen`` does not show as they should be: not there yet, or not gone yet."""
    counted = con.execute(
        f"select count(*) from (select * from row_state where {_UNPROVED}) as row_state left join seen using ({KEY_LIST}) "
        "where coalesce(present, false) = (releasing is not null)",
        {"destination": destination},
    ).fetchall()
    return int(counted[0][0])
