"""The sync ledger: what each destination was told, what it answered, and what was seen there.

One DuckDB file that outlives the warehouse, since it is the only memory of which rows we wrote ourselves.
``row_state`` holds one row per destination and key, now. ``journal`` is written around every call (a line before it
leaves, a line when it is answered) and folded into ``row_state`` afterwards, so that a process killed between the two
leaves an unanswered line: that row *may* be there and is sent again; it is ours where that shows (``plan``). ``spent`` holds
the evidence that can no longer lift a row (``plan.spend_evidence``), ``pushes`` the ids of this home's own pushes,
``other_pushes`` those that were met at a destination and are not among them (``writers``), ``releases`` which rows each day's
pushes let go, ``jobs`` what a system took and has not carried out yet (``jobs``), ``canaries`` every row that was ever planted
(``plan.note_planted``), ``unmapped_lists`` the lists of a system that were in no scope at the last look (``note_lists``).
``pushed`` says which published version the rows of a destination were planned from, all of them: the next plan begins there
(``touched``).

Every time in here is the ``as_of`` of the run, but one: ``put_at`` is when a row was put by this machine's clock, because a
vendor's own clock is held against it (``plan``). Planning and sending live elsewhere.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import duckdb
import pyarrow as pa

from orchestration.core.config import Limits
from orchestration.core.errors import Busy
from orchestration.core.home import Home
from orchestration.core.pace import Timer
from orchestration.core.stamps import another, create_stamps, note
from orchestration.core.tombstones import IS_TOKEN
from orchestration.core.warehouse import prepare
from orchestration.destinations.contract import KEY, ReadBack
from orchestration.sync.pieces import WITHIN, bounds, each_piece

_LOCK_WAIT_SECONDS = 30.0  # another process's sync of a small change ends well within; a backfill may not

# The columns that outsiders see as raw.sync__row_state, in their order. The ledger has more.
STATE_COLUMNS: dict[str, str] = {
    "destination": "varchar", "system": "varchar", "channel": "varchar", "identifier_type": "varchar",
    "identifier": "varchar", "scope": "varchar", "wanted": "boolean", "first_wanted_at": "timestamptz",
    "sent_at": "timestamptz", "accepted_at": "timestamptz", "verified_at": "timestamptz", "verify_class": "varchar",
    "state": "varchar", "written_by_us": "boolean", "version": "bigint", "error": "varchar",
}  # fmt: skip

_OWN_COLUMNS: dict[str, str] = {
    "identifier_hash": "varchar", "reason": "varchar", "basis": "varchar", "suppressed_since": "timestamptz",
    "last_requested_at": "timestamptz", "region": "varchar", "deciding_request_id": "varchar",
    "fingerprint": "varchar",        # of what the system was last known to accept; null: never
    "attempted": "boolean",          # a put left and its answer was never read
    "put_at": "timestamptz",         # the latest put that may have made the row that is there: answered, or left unanswered
    "releasing": "varchar",          # id of the evidence under which a release left
    "release_sent_at": "timestamptz", "released_at": "timestamptz", "evidence_id": "varchar", "evidence_kind": "varchar",
    "checked_at": "timestamptz",     # last seen at the system by a look-up of this one row
    "found_since": "timestamptz", "found_at": "timestamptz", "brought_home": "boolean",
    "accepted_seq": "bigint", "verified_seq": "bigint",  # the receipts that tell of these
    "receipt_seq": "bigint",         # the receipt that tells of its latest change
}  # fmt: skip

UNMAPPED_LISTS: dict[str, str] = {"destination": "varchar", "list_name": "varchar", "first_seen_at": "timestamptz"}
"""The columns that outsiders see as raw.sync__unmapped_lists. Without a name: the system does not say which lists it has."""
_LIST_COLUMNS = ", ".join(f"{name} {kind}" for name, kind in UNMAPPED_LISTS.items())

ROW_STATE: dict[str, str] = STATE_COLUMNS | _OWN_COLUMNS
"""All columns of ``row_state``, with their types."""

KEY_LIST = ", ".join(KEY)

OUTDATED = "outdated"
"""Stands for the fingerprint of a row of which another one is wanted and was not accepted yet."""

NOT_TAKEN = "not_taken"
"""What the journal says of rows that surely did not reach the system: as if they had never left."""

SendingCall = Literal["put", "release"]


def same_key(left: str, right: str) -> str:
    """The SQL condition that two relations' rows have one key."""
    return " and ".join(f"{left}.{column} = {right}.{column}" for column in KEY)


def put_unseen(row: str) -> str:
    """The SQL condition that a point-read destination took this row from us, and that nobody knows whether it was there before.

    So it may be somebody else's: it is looked at again and told of like ours, and never released.
    """
    return f"({row}.accepted_at is not null and not {row}.written_by_us and {row}.found_at is null)"


@contextmanager
def ledger(home: Home, limits: Limits | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to the sync ledger, which is created when missing.

    Raises:
        Busy: another process kept it open for 30 seconds.
    """
    home.create()
    started, pause = time.monotonic(), 0.1
    while True:
        try:
            con = duckdb.connect(str(home.sync_ledger_file))
            break
        except duckdb.IOException as error:
            if "lock" not in str(error).lower():
                raise
            if time.monotonic() - started > _LOCK_WAIT_SECONDS:
                raise Busy(
                    f"Opening the sync ledger of {home.root}",
                    seen="another process has been pushing for 30 seconds",
                    next_step="wait for the other push to end, then start this one again",
                ) from error
            time.sleep(pause)
            pause = min(pause * 2, 2.0)
    try:
        prepare(con, home, limits or Limits())
        columns = ", ".join(f"{name} {kind}" for name, kind in ROW_STATE.items())
        con.execute(f"create table if not exists row_state ({columns})")
        key = ", ".join(f"{name} varchar" for name in KEY)
        con.execute(f"create table if not exists spent (destination varchar, {key}, evidence_id varchar)")
        con.execute("create table if not exists pushes (destination varchar, id varchar, seq bigint, as_of timestamptz)")
        con.execute("create table if not exists other_pushes (destination varchar, id varchar, home varchar, met_at timestamptz)")
        con.execute(f"create table if not exists releases (destination varchar, {key}, as_of timestamptz)")
        con.execute(f"create table if not exists canaries (destination varchar, {key})")
        con.execute(f"create table if not exists unmapped_lists ({_LIST_COLUMNS})")
        con.execute("create table if not exists jobs (destination varchar, call varchar, id varchar, sent_at timestamptz)")
        con.execute(
            "create table if not exists pushed (destination varchar, version bigint, rows_sha256 varchar, "
            "evidence_sha256 varchar, made_of varchar)"
        )
        con.execute("create sequence if not exists journal_line")
        con.execute(
            "create table if not exists journal (line bigint default nextval('journal_line'), destination varchar, "
            f"{key}, call varchar, outcome varchar, "
            "happened_at timestamptz, version bigint, fingerprint varchar, looked boolean, evidence_id varchar, "
            "evidence_kind varchar, receipt_seq bigint, put_at timestamptz)"
        )
        _add_put_at(con)
        yield con
    finally:
        con.close()


def _add_put_at(con: duckdb.DuckDBPyConnection) -> None:
    """Give an older ledger the moments of its puts: as of their run, and none where no answer ever came."""
    has = {row[0] for row in con.execute("select table_name from duckdb_columns() where column_name = 'put_at'").fetchall()}
    if has >= {"row_state", "journal"}:
        return
    con.execute("begin transaction")
    con.execute("alter table row_state add column if not exists put_at timestamptz")
    con.execute("alter table journal add column if not exists put_at timestamptz")
    con.execute("update row_state set put_at = sent_at where not attempted")
    con.execute("update journal set put_at = happened_at where outcome is not null")
    con.execute("commit")


@dataclass(frozen=True)
class Planned:
    """What the ledger's rows of a destination were planned from."""

    version: int
    rows_sha256: str
    evidence_sha256: str
    """Of the file with the evidence for releases; empty where the version has none."""
    made_of: str
    """Of everything else that decides what is wanted and how it is written: ``touched.made_of``."""


def planned_from(con: duckdb.DuckDBPyConnection, destination: str) -> Planned | None:
    """What the rows were planned from; None when nobody can say it of all of them."""
    found = con.execute(
        "select version, rows_sha256, evidence_sha256, made_of from pushed where destination = ?", [destination]
    ).fetchall()
    return Planned(*found[0]) if len(found) == 1 else None


def note_planned(con: duckdb.DuckDBPyConnection, destination: str, planned: Planned | None) -> None:
    """Note what all rows were planned from; None before some of them are written, and whenever that is no longer known."""
    con.execute("begin transaction")
    try:
        con.execute("delete from pushed where destination = ?", [destination])
        if planned is not None:
            con.execute(
                "insert into pushed values (?, ?, ?, ?, ?)",
                [destination, planned.version, planned.rows_sha256, planned.evidence_sha256, planned.made_of],
            )
        con.execute("commit")
    except BaseException:
        con.execute("rollback")
        raise


def note_lists(con: duckdb.DuckDBPyConnection, destination: str, unmapped: Sequence[str] | None, as_of: datetime) -> None:
    """Note which lists are there that nobody mapped, each since when; None: the system does not say which there are."""
    named: list[str | None] = [None] if unmapped is None else [*unmapped]
    con.execute(
        """
        create or replace temp table lists_now as
        with named as (
            select unnest($lists::varchar[]) as list_name
        )
        select $destination as destination, named.list_name, coalesce(min(before.first_seen_at), $as_of) as first_seen_at
        from named
        left join unmapped_lists as before
            on before.destination = $destination and before.list_name is not distinct from named.list_name
        group by named.list_name
        """,
        {"destination": destination, "lists": named, "as_of": as_of},
    )
    con.execute("begin transaction")
    con.execute("delete from unmapped_lists where destination = ?", [destination])
    con.execute("insert into unmapped_lists select * from lists_now")
    con.execute("commit")
    con.execute("drop table lists_now")


def follow_key(con: duckdb.DuckDBPyConnection) -> None:
    """Give every row its hash under the key that ``keyed_hash`` has on this connection, if they have another one.

    All of them are of one key, since this is called before anything is written: one row tells.
    """
    other = con.execute(
        "select keyed_hash(identifier) <> identifier_hash from row_state "
        f"where identifier_hash is not null and not {IS_TOKEN} limit 1"
    ).fetchall()
    if other and other[0][0]:
        con.execute(f"update row_state set identifier_hash = keyed_hash(identifier) where not {IS_TOKEN}")


def copy_state(con_warehouse: duckdb.DuckDBPyConnection, home: Home) -> int:
    """Replace ``raw.sync__row_state`` in the warehouse by the ledger's rows that were ever wanted. Returns how many. The lists
    that nobody mapped go along.

    Rows that others wrote and nobody here ever wanted stay in the ledger: they come back in as a source.
    """
    columns = ", ".join(f"{name} {kind}" for name, kind in STATE_COLUMNS.items())
    con_warehouse.execute("create schema if not exists raw")
    con_warehouse.execute("begin transaction")
    try:
        con_warehouse.execute(f"create or replace table raw.sync__row_state ({columns})")
        con_warehouse.execute(f"create or replace table raw.sync__unmapped_lists ({_LIST_COLUMNS})")
        if home.sync_ledger_file.exists():
            with ledger(home) as con:
                # A row that was released keeps the moment it was first wanted; a row only found here never had one.
                rows = con.sql(f"select {', '.join(STATE_COLUMNS)} from row_state where first_wanted_at is not null")
                reader = rows.to_arrow_reader(100_000)
                con_warehouse.register("_sync_rows", reader)
                con_warehouse.execute("insert into raw.sync__row_state select * from _sync_rows")
                con_warehouse.unregister("_sync_rows")
                reader.close()
                lists = con.execute(f"select {', '.join(UNMAPPED_LISTS)} from unmapped_lists order by all").fetchall()
                if lists:
                    con_warehouse.executemany("insert into raw.sync__unmapped_lists values (?, ?, ?)", lists)
        create_stamps(con_warehouse)
        note(con_warehouse, row_state=another())
        con_warehouse.execute("commit")
    except BaseException:
        con_warehouse.execute("rollback")
        raise
    counted = con_warehouse.execute("select count(*) from raw.sync__row_state").fetchall()
    return int(counted[0][0])


class Journal:
    """The journal of one push: what leaves and what is answered, line by line, then folded into ``row_state``."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        destination: str,
        read_back: ReadBack,
        *,
        as_of: datetime,
        version: int,
        seq: int,
        timer: Timer,
    ) -> None:
        self._timer = timer
        self._con, self._destination, self._read_back = con, destination, read_back
        self._as_of, self._version, self._seq = as_of, version, seq

    def attempt(self, call: SendingCall, table: str, first: int, last: int) -> None:
        """Rows ``first`` to ``last - 1`` of a planned table are about to leave."""
        self._write(call, table, first, last, "null", "")

    def answer(self, call: SendingCall, table: str, first: int, last: int, told: Mapping[int, str | None]) -> None:
        """The system answered: all were accepted but the ``told`` (index from ``first`` -> a refusal's code, ``NOT_TAKEN``, or
        None for a row whose answer was lost).
        """
        if not told:
            self._write(call, table, first, last, "'accepted'", "")
            return
        listed = pa.table(
            {
                "position": pa.array([first + index for index in told], pa.int64()),
                "code": pa.array(list(told.values()), pa.string()),
            }
        )
        self._con.register("_told", listed)
        try:
            self._write(
                call,
                table,
                first,
                last,
                "case when _told.position is null then 'accepted' else _told.code end",
                "left join _told on _told.position = planned.position",
            )
        finally:
            self._con.unregister("_told")

    def began(self, call: SendingCall, jobs: Sequence[str]) -> None:
        """The system took rows as these jobs. Kept before the answer is: who dies in between knows of a job too many."""
        for id in jobs:
            self._con.execute("insert into jobs values (?, ?, ?, ?)", [self._destination, call, id, self._as_of])

    def turned_away(self, call: SendingCall, table: str, first: int, last: int) -> None:
        """The system did not take the batch at all: as if it had never left."""
        self._write(call, table, first, last, f"'{NOT_TAKEN}'", "")

    def _write(self, call: str, table: str, first: int, last: int, outcome: str, join: str) -> None:
        key = ", ".join(f"planned.{column}" for column in KEY)
        self._con.execute(
            f"insert into journal (destination, {KEY_LIST}, call, outcome, happened_at, version, fingerprint, looked, "
            "evidence_id, evidence_kind, receipt_seq, put_at) "
            f"select $destination, {key}, $call, {outcome}, $as_of, $version, planned.fingerprint, planned.looked, "
            f"planned.evidence_id, planned.evidence_kind, $seq, $now from {table} as planned {join} "
            "where planned.position >= $first and planned.position < $last order by planned.position",
            {
                "destination": self._destination, "call": call, "as_of": self._as_of, "version": self._version,
                "seq": self._seq, "first": first, "last": last, "now": self._timer.now(),
            },
        )  # fmt: skip

    def fold(self) -> bool:
        """Bring the journal into ``row_state`` and empty it, a piece in one transaction. True when there was anything."""
        where = {"destination": self._destination}
        mine = "(select identifier from journal where destination = $destination)"
        lines = int(self._con.execute(f"select count(*) from {mine}", where).fetchall()[0][0])
        for _ in each_piece(self._con, bounds(self._con, mine, lines, **where)) if lines else ():
            self._con.execute("begin transaction")
            try:
                self._fold_piece()
                self._con.execute(f"delete from journal where destination = $destination and {WITHIN}", where)
                self._con.execute("commit")
            except BaseException:
                self._con.execute("rollback")
                raise
        return lines > 0

    def _fold_piece(self) -> None:
        self._con.execute(
            f"create or replace temp table latest as select {KEY_LIST}, unnest(arg_max({{call: call, outcome: outcome, "
            "happened_at: happened_at, version: version, fingerprint: fingerprint, looked: looked, "
            "evidence_id: evidence_id, evidence_kind: evidence_kind, receipt_seq: receipt_seq, put_at: put_at}, line)) "
            f"from journal where destination = $destination and {WITHIN} group by {KEY_LIST}",
            {"destination": self._destination},
        )
        accepted = "(latest.call = 'put' and coalesce(latest.outcome = 'accepted', false))"
        refused = "(latest.call = 'put' and coalesce(latest.outcome <> 'accepted', false))"
        unanswered = "(latest.call = 'put' and latest.outcome is null)"
        released = "(latest.call = 'release' and coalesce(latest.outcome, 'accepted') = 'accepted')"
        kept = "(latest.call = 'release' and coalesce(latest.outcome, 'accepted') <> 'accepted')"
        # A system that can't be read proves a release by its answer alone; the others must show the row gone.
        gone = f"({released} and $blind and coalesce(latest.outcome = 'accepted', false))"
        columns = {
            "state": f"case when {accepted} then 'sent' when {refused} then 'rejected' when {gone} then 'released' "
            "else row_state.state end",
            "sent_at": f"case when {accepted} or {refused} then latest.happened_at else row_state.sent_at end",
            "accepted_at": f"case when {accepted} then latest.happened_at else row_state.accepted_at end",
            "attempted": f"case when {accepted} or {refused} then false when {unanswered} then latest.looked or $blind "
            "else row_state.attempted end",
            "error": f"case when {unanswered} then row_state.error when {accepted} or {released} then null "
            "else latest.outcome end",
            # A put that nobody had looked before may have met somebody else's row: it makes no row ours, and none younger.
            "put_at": f"case when ({accepted} or {unanswered}) and (latest.looked or $blind) then latest.put_at "
            "else row_state.put_at end",
            "written_by_us": f"row_state.written_by_us or ({accepted} and (row_state.attempted or latest.looked or $blind))",
            "fingerprint": f"case when {accepted} then latest.fingerprint else row_state.fingerprint end",
            "version": f"case when {accepted} then latest.version else row_state.version end",
            "accepted_seq": f"case when {accepted} then latest.receipt_seq else row_state.accepted_seq end",
            "receipt_seq": "latest.receipt_seq",
            "releasing": f"case when {released} then latest.evidence_id when {kept} then null else row_state.releasing end",
            "release_sent_at": f"case when {released} then latest.happened_at when {kept} then null "
            "else row_state.release_sent_at end",
            "evidence_id": f"case when {released} then latest.evidence_id when {kept} then null else row_state.evidence_id end",
            "evidence_kind": f"case when {released} then latest.evidence_kind when {kept} then null "
            "else row_state.evidence_kind end",
            "released_at": f"case when {gone} then latest.happened_at when {released} then null else row_state.released_at end",
        }
        self._con.execute(
            f"create or replace temp table folded as "
            f"select row_state.* replace ({', '.join(f'{value} as {name}' for name, value in columns.items())}) "
            f"from (select * from row_state where destination = $destination and {WITHIN}) as row_state "
            f"join latest on {same_key('row_state', 'latest')} where latest.outcome is distinct from '{NOT_TAKEN}'",
            # What can't be looked at (class receipt, none) is ours as soon as it is accepted. Elsewhere a row is ours only
            # when we had looked and it was not there: unsure, it counts as somebody else's, which can't be released.
            {"destination": self._destination, "blind": self._read_back in (ReadBack.RECEIPT, ReadBack.NONE)},
        )
        _replace(self._con, self._destination, "folded")


def replace_rows(con: duckdb.DuckDBPyConnection, destination: str, rows: str) -> None:
    """Write the rows of the relation ``rows`` (all columns of ``ROW_STATE``) over those with their keys."""
    con.execute("begin transaction")
    try:
        _replace(con, destination, rows)
        con.execute("commit")
    except BaseException:
        con.execute("rollback")
        raise


def _replace(con: duckdb.DuckDBPyConnection, destination: str, rows: str) -> None:
    con.execute(
        f"delete from row_state using {rows} where row_state.destination = $destination and {same_key('row_state', rows)}",
        {"destination": destination},
    )
    con.execute(f"insert into row_state by name select {', '.join(ROW_STATE)} from {rows}")


def record_sight(
    con: duckdb.DuckDBPyConnection,
    destination: str,
    read_back: ReadBack,
    *,
    as_of: datetime,
    seq: int,
    visible_within_seconds: float,
    waited: bool,
    job_since: datetime | None = None,
) -> None:
    """Judge what was sent by what ``seen`` shows: verified, missing, released, or still on its way.

    ``seen`` is the temp table of the read-back; of class ``point`` it holds only what was asked, so rows that were not
    asked are left alone. ``waited`` says that this push itself has waited as long as the system may take. What left at
    ``job_since`` or later may be a job that has not ended, and is not missing.
    """
    waiting = "(select identifier from row_state where destination = $destination and (state = 'sent' or releasing is not null))"
    where: dict[str, object] = {"destination": destination}
    rows = int(con.execute(f"select count(*) from {waiting}", where).fetchall()[0][0])
    for _ in each_piece(con, bounds(con, waiting, rows, **where)):
        _judge_piece(
            con,
            destination,
            read_back,
            as_of=as_of,
            seq=seq,
            visible_within_seconds=visible_within_seconds,
            waited=waited,
            job_since=job_since,
        )
        replace_rows(con, destination, "judged")


def _judge_piece(
    con: duckdb.DuckDBPyConnection,
    destination: str,
    read_back: ReadBack,
    *,
    as_of: datetime,
    seq: int,
    visible_within_seconds: float,
    waited: bool,
    job_since: datetime | None,
) -> None:
    """Make ``judged``: the ledger rows of the piece of now as the sight leaves them."""
    known = {
        "destination": destination,
        "as_of": as_of,
        "seq": seq,
        "waited": waited,
        "settle": timedelta(seconds=visible_within_seconds),
        "job_since": job_since,
    }
    con.execute(_judging("true" if read_back == ReadBack.FULL else "seen.present is not null"), known)


def _judging(asked: str) -> str:
    """The statement that makes ``judged``, of the rows of which the read-back was ``asked``."""
    return f"""
        create or replace temp table judged as
        with own as (
            select * from row_state
            where destination = $destination and (state = 'sent' or releasing is not null) and {WITHIN}
        ),
        sighted as (
            select
                own.*,
                coalesce(seen.present, false) as there,
                coalesce(seen.present and (seen.any_ours or seen.any_unknown), false) as ours_there,
                ($waited or coalesce(own.release_sent_at, own.sent_at) + $settle <= $as_of)
                    and not coalesce(coalesce(own.release_sent_at, own.sent_at) >= $job_since::timestamptz, false) as expired
            from own
            left join (select * from seen where {WITHIN}) as seen on {same_key("own", "seen")}
            where {asked}
        ),
        final as (
            select
                * exclude (there, ours_there, expired) replace (
                    case
                        when releasing is not null and not ours_there then 'released'
                        when releasing is not null then state
                        when there then 'verified'
                        when expired then 'missing'
                        else state
                    end as state,
                    case when releasing is null and there then coalesce(verified_at, $as_of) else verified_at end as verified_at,
                    case when releasing is null and there and verified_at is null then $seq else verified_seq end as verified_seq,
                    case when releasing is not null and not ours_there then $as_of else released_at end as released_at,
                    case when releasing is null and there then $as_of else checked_at end as checked_at,
                    case
                        when releasing is not null and not ours_there then null
                        when releasing is not null and expired then 'release_not_seen'
                        when releasing is null and not there and expired then 'not_seen_after_put'
                        when not wanted then error
                    end as error,
                    case when releasing is not null and not ours_there then null else releasing end as releasing,
                    $seq as receipt_seq
                )
            from sighted
        )
        select * from final
        """
