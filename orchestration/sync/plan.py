"""What a destination should hold, what it holds, and so what to do: all of it as set operations in DuckDB.

Here: the wanted set, the evidence for releases, the plan and its hash. Not here: which contact points have to be planned at all
(``touched``), whether the plan may be carried out (``guards``), carrying it out (``send``) or judging what came of it
(``ledger.record_sight``).

The plan is made a piece at a time (``pieces``), and only what something is to be done or said about is kept of it. Temp tables of
one push, all but the last keyed by (channel, identifier_type, identifier, scope):

=========== ==============================================================================================
wanted      what the published table asks for, one row per destination scope, and the canaries; of the piece of now
known       what the ledger knows; of the piece of now
seen        what the destination shows (``verify``); ``present`` is null for rows that were not looked at
canary      the rows that are planted there (``core.canaries``), with the moment since when they seem to be suppressed
planted     every row that ever was one of those
evidence    the opt-ins and registry versions that may lift a row, as published
planned     every row any of these knows, with its ``action`` and ``why``; of the piece of now
plan        of all pieces, the rows that something is to be done or noted about
tally       how many rows there are of each ``action`` and ``why``, those that are not in ``plan`` too
=========== ==============================================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa

from orchestration.core.canaries import Planted
from orchestration.core.errors import PermanentError
from orchestration.core.tombstones import IS_TOKEN
from orchestration.destinations.contract import KEY, PAYLOAD, Destination, ReadBack
from orchestration.sync.ledger import KEY_LIST, OUTDATED, ROW_STATE, SendingCall, put_unseen, same_key
from orchestration.sync.pieces import WITHIN, each_piece

POINT = "channel, identifier_type, identifier"
"""What makes a contact point one. Whatever decides about a row of it is on a row of the same contact point."""

_EVIDENCE_COLUMNS = {*KEY, "evidence_id", "evidence_kind"}
_EVIDENCE_KINDS = ("opt_in", "registry")

# A point-read destination is looked at row by row, so old rows are checked again a thirtieth a day: each monthly.
_RECHECK_DAYS = 30

# How far a vendor's clock and ours may be apart, and how long a request may be on its way: clocks that are kept in time are off
# by seconds, and an answer is waited for some minutes. How late a vendor shows its rows comes on top.
CLOCKS_APART = timedelta(minutes=15)

_SPEAKS_OF = (
    "{row}.channel = evidence.channel and {row}.identifier_type = evidence.identifier_type "
    "and {row}.identifier = evidence.identifier and covers(evidence.scope, {row}.scope)"
)

_PARQUET = "read_parquet($file, hive_partitioning = false)"  # else the folder's version=<n> becomes a column

_COVERS = "create or replace temp macro covers(a, n) as a = '*' or n = a or starts_with(n, a || '/')"


@dataclass(frozen=True)
class Task:
    """What a plan is made for, beside what the ledger knows and the destination shows."""

    name: str
    destination: Destination
    files: Sequence[Path]
    """The golden rows, as published."""
    channels: Sequence[str]
    scopes: Sequence[str]
    as_of: datetime
    job_since: datetime | None = None
    """What left then or later may be a job that has not ended."""
    canaries: Sequence[Planted] = ()


def prepare_wanted(
    con: duckdb.DuckDBPyConnection,
    files: Sequence[Path],
    destination: Destination,
    *,
    channels: Sequence[str],
    scopes: Sequence[str],
    canaries: Sequence[Planted] = (),
    touched: bool = False,
) -> int:
    """Make ``wanted`` from the published Parquet and the canaries, of the piece of now. Returns its rows.

    A node is suppressed when a row names it or an ancestor, unless that row's ``except_scopes`` name it or an ancestor of
    it below the row. Several rows may suppress one node: the oldest suppression speaks for them.
    """
    con.execute(_COVERS)
    _make_nodes(con, scopes)
    _make_canaries(con, canaries)
    golden = _part_of(
        "read_parquet($files, hive_partitioning = false)",
        touched,
        "list_contains($channels, channel)",
        "list_contains($identifier_types, identifier_type)",
    )
    con.execute(
        _wanting(golden, _part_of("canary", touched), _fingerprint(destination, "speaker")),
        {
            "files": [str(path) for path in files],
            "channels": list(channels),
            "identifier_types": sorted(destination.facts.identifier_types),
            "mapping": str(destination.facts.mapping_version),
        },
    )
    return _count(con, "wanted")


def _wanting(golden: str, canaries: str, fingerprint: str) -> str:
    """The statement that makes ``wanted`` of the published rows that ``golden`` selects, and of ``canaries``.

    A canary looks like anybody who opted out: whoever reads the list can't take it out.
    """
    return f"""
        create or replace temp table wanted as
        with golden as (
            {golden}
        ),
        suppressing as (
            select golden.*, node.node
            from golden
            join node on covers(golden.scope, node.node)
            where not coalesce(list_bool_or(list_transform(
                golden.except_scopes,
                lambda e: e <> golden.scope and covers(golden.scope, e) and covers(e, node.node)
            )), false)
        ),
        spoken_for as (
            select
                {POINT}, node as scope,
                max(last_requested_at) as last_requested_at,
                arg_min(
                    {{identifier_hash: identifier_hash, reason: reason, basis: basis, suppressed_since: suppressed_since,
                      last_requested_at: last_requested_at, region: region, deciding_request_id: deciding_request_id}},
                    (suppressed_since, length(scope), scope, deciding_request_id)
                ) as speaker
            from suppressing
            group by {POINT}, node
        ),
        planted as (
            select
                {KEY_LIST}, since as last_requested_at,
                {{identifier_hash: identifier_hash, reason: 'opt_out', basis: 'direct', suppressed_since: since,
                  last_requested_at: since, region: null::varchar, deciding_request_id: md5(identifier)}} as speaker
            from ({canaries}) as canary
            anti join spoken_for using ({KEY_LIST})
        ),
        speaking as (
            select * from spoken_for
            union all by name
            select * from planted
        ),
        final as (
            select
                {KEY_LIST},
                speaker.identifier_hash, speaker.reason, speaker.basis, speaker.suppressed_since::timestamptz as suppressed_since,
                last_requested_at::timestamptz as last_requested_at, speaker.region, speaker.deciding_request_id,
                {fingerprint} as fingerprint
            from speaking
        )
        select * from final
        """


def _make_nodes(con: duckdb.DuckDBPyConnection, scopes: Sequence[str]) -> None:
    """Make ``node``: the scopes that the destination is configured for."""
    con.register("_nodes", pa.table({"node": pa.array(list(scopes), pa.string())}))
    try:
        con.execute("create or replace temp table node as select node from _nodes")
    finally:
        con.unregister("_nodes")


def _make_canaries(con: duckdb.DuckDBPyConnection, canaries: Sequence[Planted]) -> None:
    """Make ``canary``: the rows that are planted at the destination."""
    columns = {column: [getattr(canary, column) for canary in canaries] for column in KEY}
    rows = {column: pa.array(values, pa.string()) for column, values in columns.items()}
    rows["since"] = pa.array([canary.since for canary in canaries], pa.timestamp("us", tz="UTC"))
    con.register("_canaries", pa.table(rows))
    hashed = "keyed_hash(identifier)" if canaries else "null::varchar"
    try:
        con.execute(f"create or replace temp table canary as select *, {hashed} as identifier_hash from _canaries")
    finally:
        con.unregister("_canaries")


def note_planted(con: duckdb.DuckDBPyConnection, task: Task, *, keeps: bool) -> None:
    """Make ``planted``, and with ``keeps`` note in the ledger what of it is new.

    A canary that leaves the configuration stays suppressed where it is, like a scope that does: nobody opted in.
    """
    _make_canaries(con, task.canaries)
    if keeps:
        con.execute(
            f"insert into canaries select $destination, {KEY_LIST} from canary "
            f"anti join (select * from canaries where destination = $destination) as known using ({KEY_LIST})",
            {"destination": task.name},
        )
    con.execute(
        f"create or replace temp table planted as "
        f"select {KEY_LIST} from canaries where destination = $destination union select {KEY_LIST} from canary",
        {"destination": task.name},
    )


def _part_of(relation: str, touched: bool, *conditions: str) -> str:
    """The SQL of a relation's rows of the piece of now; with ``touched`` only of the contact points in the table of that name."""
    rows = f"select * from {relation} where {' and '.join((WITHIN, *conditions))}"
    return f"select part.* from ({rows}) as part semi join touched using ({POINT})" if touched else rows


def one_published_hash(con: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> tuple[str, str] | None:
    """An identifier of the published table and its keyed hash; None when the table is empty."""
    found = con.execute(
        "select identifier, identifier_hash from read_parquet($files, hive_partitioning = false) "
        f"where identifier is not null and identifier_hash is not null and not {IS_TOKEN} limit 1",
        {"files": [str(path) for path in files]},
    ).fetchall()
    return (str(found[0][0]), str(found[0][1])) if found else None


def prepare_evidence(con: duckdb.DuckDBPyConnection, file: Path) -> None:
    """Make ``evidence`` from the file that was published with the version. No file: nothing may be lifted.

    Raises:
        PermanentError: the file is there but is not what was agreed.
    """
    con.execute(
        "create or replace temp table evidence (channel varchar, identifier_type varchar, identifier varchar, scope varchar, "
        "evidence_id varchar, evidence_kind varchar)"
    )
    if not file.exists():
        return
    tried = "Reading the evidence for releases"
    try:
        described = con.execute(f"describe select * from {_PARQUET}", {"file": str(file)}).fetchall()
    except duckdb.Error:
        raise PermanentError(tried, seen=f"{file.name} is not a readable Parquet file", next_step="publish again") from None
    columns = {row[0] for row in described}
    if missing := sorted(_EVIDENCE_COLUMNS - columns):
        raise PermanentError(tried, seen=f"{file.name} lacks {', '.join(missing)}", next_step="publish again")
    con.execute(
        f"insert into evidence select {KEY_LIST}, evidence_id, evidence_kind from {_PARQUET} "
        "where evidence_id <> '' and list_contains($kinds, evidence_kind)",
        {"file": str(file), "kinds": list(_EVIDENCE_KINDS)},
    )


def spend_evidence(con: duckdb.DuckDBPyConnection, name: str) -> None:
    """Note the evidence that is there while a row of ``wanted`` is wanted all the same, which did not lift that row and never
    will.

    An opt-in stays in the published evidence after a later opt-out. Without this note it would let that opt-out be
    lifted, should the row ever vanish by a fault.
    """
    con.execute(
        f"""
        insert into spent
        with known as (
            select * from spent where destination = $destination and {WITHIN}
        ),
        final as (
            select distinct
                $destination as destination, wanted.channel, wanted.identifier_type, wanted.identifier, wanted.scope,
                evidence.evidence_id
            from wanted
            join (select * from evidence where {WITHIN}) as evidence on {_SPEAKS_OF.format(row="wanted")}
        )
        select final.* from final anti join known using (evidence_id, {KEY_LIST})
        """,
        {"destination": name},
    )


def spend_used_evidence(con: duckdb.DuckDBPyConnection, name: str) -> None:
    """Note the evidence that released a row, which has done its work."""
    con.execute(
        f"""
        insert into spent
        with known as (
            select * from spent where destination = $destination
        ),
        final as (
            select destination, {KEY_LIST}, evidence_id from row_state
            where destination = $destination and state = 'released' and evidence_id is not null
        )
        select final.* from final anti join known using (evidence_id, {KEY_LIST})
        """,
        {"destination": name},
    )


def make_plan(
    con: duckdb.DuckDBPyConnection, task: Task, cut: Sequence[str], *, looked_at_all: bool, touched: bool, spends: bool
) -> None:
    """Make ``plan`` and ``tally``: an ``action`` and its ``why`` for every row. ``cut``: where the pieces end (``pieces``).

    With ``touched`` only the contact points of that table are planned, and the others counted as the ledger has them: whoever
    filled it vouches that nothing is to be done or noted about any other. With ``spends`` the evidence is noted that can
    lift nothing any more.

    - ``put``: suppress it there. ``why``: new, changed, missing, tried_before, refused_before.
    - ``noop``: nothing to send. ``why``: in_place, already_there (others wrote it), settling (too early to judge),
      gone (lifted or dropped there, with evidence or not ours), no_longer_wanted (others wrote it, another home of
      Quietlist's among them), erased and erased_missing (what would be put was erased here).
    - ``release``: lift it there, with its evidence.
    - ``blocked``: we wrote it, it is no longer wanted, and nothing says that it may be lifted. ``why``: no_evidence,
      no_longer_configured, release_outcome_unknown; cannot_release where the system lets nobody lift a row; put_unseen where we
      put it before anybody looked whether it was there, so that it may be somebody else's.
    - ``found``: others wrote it and nobody here knows it (not_ours), or somebody else, another home, or another life of this
      one, wrote it after we last did or instead of us (newer_than_ours): an opt-out to bring home.
    """
    con.execute("drop table if exists plan")
    con.execute("drop table if exists tally")
    note_planted(con, task, keeps=spends)
    if spends:
        spend_used_evidence(con, task.name)
    for _ in each_piece(con, cut):
        prepare_wanted(
            con,
            task.files,
            task.destination,
            channels=task.channels,
            scopes=task.scopes,
            canaries=task.canaries,
            touched=touched,
        )
        con.execute(
            f"create or replace temp table known as {_part_of('row_state', touched, 'destination = $destination')}",
            {"destination": task.name},
        )
        # Nothing can be put for who was erased: the rows that were there before are all that is wanted of them.
        con.execute(f"delete from wanted where {IS_TOKEN} and not exists (from known where {same_key('known', 'wanted')})")
        if spends:
            spend_evidence(con, task.name)
        _plan_piece(con, task, looked_at_all=looked_at_all, touched=touched)
        _keep_piece(con)
        if touched:
            _tally_known(con, "known", task, sign=-1, looked=looked_at_all)
    if touched:
        _tally_known(con, "row_state", task, sign=1, looked=looked_at_all)
    for table in ("wanted", "known", "planned", "canary", "planted"):
        con.execute(f"drop table {table}")


def _plan_piece(con: duckdb.DuckDBPyConnection, task: Task, *, looked_at_all: bool, touched: bool) -> None:
    """Make ``planned`` from ``wanted``, ``known`` and what was seen of them."""
    con.execute(
        f"""
        create or replace temp table planned as
        with sights as ({_part_of("seen", touched)}),
        proof as ({_PROOF}),
        everything as ({_EVERYTHING}),
        owned as ({_OWNED}),
        placed as ({_placed(task.destination)}),
        decided as ({_DECIDED}),
        told as ({_told()}),
        final as (
            select *, action in ('put', 'release', 'found') or {_says_something_new("known")} as tells, {_DUE} as due from told
        )
        select * from final
        """,
        {
            "mapping": str(task.destination.facts.mapping_version),
            "looked_at_all": looked_at_all,
            "settle": timedelta(seconds=task.destination.facts.visible_within_seconds),
            "as_of": task.as_of,
            "channels": list(task.channels),
            "scopes": list(task.scopes),
            "can_release": task.destination.facts.can_release,
            "apart": CLOCKS_APART,
            "point": task.destination.facts.read_back == ReadBack.POINT,
            "job_since": task.job_since,
        },
    )


# A row's evidence stands at its node or above it; of several any will do, so the same one each time.
_PROOF = f"""
    select
        known.channel, known.identifier_type, known.identifier, known.scope,
        min_by({{id: evidence.evidence_id, kind: evidence.evidence_kind}}, evidence.evidence_id) as speaker
    from known
    join (select * from evidence where {WITHIN}) as evidence on {_SPEAKS_OF.format(row="known")}
    left join (select * from spent where {WITHIN}) as spent
        on spent.destination = known.destination
        and spent.evidence_id = evidence.evidence_id
        and {same_key("spent", "known")}
    where spent.evidence_id is null
    group by all
"""

_EVERYTHING = f"""
    select
        {KEY_LIST},
        desired.fingerprint is not null as is_wanted,
        known.destination is not null and known.state <> 'released' as active,
        known.destination is not null as is_known,
        -- A table of before rows carried their push: what was written there after we last wrote, we did not write.
        coalesce(
            known.destination is not null and not known.attempted
            and sights.unmarked_at > greatest(known.sent_at, known.released_at, known.release_sent_at), false
        ) as is_newer,
        -- Nobody there says who wrote it. A row that is younger than our put was not made by it. Where no put is known
        -- to have made a row (no answer came, or it was gone or refused since), its age must say that ours did.
        coalesce(sights.any_unknown, false) and case
            when (known.attempted and not known.written_by_us) or known.state in ('missing', 'rejected')
                then not coalesce(
                    sights.unknown_at between known.put_at - $apart and known.put_at + $apart + $settle, false
                )
            else coalesce(sights.unknown_at > known.put_at + $apart + $settle, false)
        end as is_anothers,
        is_anothers and sights.unknown_at is null and not coalesce(sights.any_other, false) as cannot_tell,
        $looked_at_all or sights.present is not null as looked,
        coalesce(sights.present, false) as there,
        coalesce(sights.any_ours, false) and not is_newer as any_ours,
        coalesce(sights.any_other, false) or is_newer or is_anothers as any_other,
        coalesce(sights.any_unknown, false) and not is_anothers as any_unknown,
        coalesce(sights.any_strange, false) or is_newer as strange_there,
        coalesce(sights.any_asked, true) as any_asked,
        case when is_newer then sights.unmarked_at else sights.since end as since,
        desired.fingerprint as wanted_fingerprint,
        proof.speaker as proof,
        planted.scope is not null as is_planted,
        list_contains($channels, channel) and list_contains($scopes, scope) and not is_planted as configured,
        known,
        desired
    from wanted as desired
    full join known using ({KEY_LIST})
    full join sights using ({KEY_LIST})
    left join proof using ({KEY_LIST})
    left join planted using ({KEY_LIST})
"""

_OWNED = f"""
    select
        *,
        -- Ours is gone, or never came to be, and somebody else's opt-out stands in its place. A release of ours that is
        -- on its way is judged first.
        there and active and any_other and any_asked and not any_ours and not any_unknown
            and known.releasing is null as taken_over,
        any_ours or (active and (known.written_by_us or known.attempted) and not taken_over) as ours,
        active and not is_wanted and known.releasing is not null
            and (known.release_sent_at + $settle > $as_of or coalesce(known.release_sent_at >= $job_since::timestamptz, false))
            as release_settling,
        $point and active and not ours and {put_unseen("known")} as put_unseen
    from everything
"""


def _placed(destination: Destination) -> str:
    return f"""
    select
        *,
        there and (any_ours or (any_unknown and ours)) as ours_there,
        there and (any_other or (any_unknown and not ours)) as other_there,
        -- The age of what is there says that a put of ours made it, of which no answer came. That is noted before it is
        -- put again: the next put is younger than the row, which would then look like somebody else's.
        there and any_unknown and not any_other and active and known.attempted as shown_by_age,
        active and known.state = 'sent' and looked and not there
            and (known.sent_at + $settle > $as_of or coalesce(known.sent_at >= $job_since::timestamptz, false)) as settling,
        coalesce(wanted_fingerprint, case when active then {_fingerprint(destination, "known")} end) as fingerprint,
        known.fingerprint is distinct from wanted_fingerprint as differs,
        -- it stays there although nothing asks for it any more, so it must follow a new key like the others
        active and not is_wanted and known.state in ('sent', 'verified') and known.releasing is null
            and known.fingerprint <> {_fingerprint(destination, "known")} as stale
    from owned
"""


_DECIDED = """
    select
        *,
        case
            when strange_there and is_wanted then 'noop:already_there'
            when strange_there and active and known.found_at is not null and coalesce(since <= known.found_since, false)
                then 'noop:no_longer_wanted'
            when strange_there then 'found:newer_than_ours'
            -- It was ingested as somebody else's word: taking over who wrote it makes it no evidence for a release.
            when there and not is_wanted and active and known.found_at is not null and not known.written_by_us
                then 'noop:no_longer_wanted'
            when taken_over and not is_wanted and (known.written_by_us or known.attempted) then 'found:newer_than_ours'
            -- It may be ours and half written, so it is put again; whose it is, that does not say (make_batches).
            when taken_over and is_wanted and cannot_tell and known.attempted then 'put:tried_before'
            when is_wanted and settling then 'noop:settling'
            when is_wanted and ours and active and known.attempted then 'put:tried_before'
            when is_wanted and ours and looked and not ours_there and not other_there
                then case when active and known.state = 'rejected' then 'put:refused_before' else 'put:missing' end
            when is_wanted and ours and differs then 'put:changed'
            when is_wanted and ours and looked then 'noop:in_place'
            when is_wanted and put_unseen and differs then 'put:changed'
            when is_wanted and other_there then 'noop:already_there'
            when is_wanted and active and known.state = 'rejected' then 'put:refused_before'
            when is_wanted and active and not looked and known.state in ('sent', 'verified') then 'noop:in_place'
            when is_wanted and active and looked and known.state in ('sent', 'verified', 'missing') then 'put:missing'
            when is_wanted then 'put:new'
            when (ours or put_unseen) and (settling or release_settling) then 'noop:settling'
            when ours and looked and not ours_there and coalesce(proof.id, known.releasing) is not null then 'noop:gone'
            when ours and looked and not ours_there then 'put:missing'
            when put_unseen and looked and not there and proof is not null then 'noop:gone'
            when put_unseen and looked and not there then 'put:missing'
            when ours and proof is null and stale then 'put:changed'
            -- Whatever evidence there is: taking a scope or a canary out of the configuration is nobody's opt-in.
            when (ours or put_unseen) and not configured then 'blocked:no_longer_configured'
            when (ours or put_unseen) and proof is null then 'blocked:no_evidence'
            when ours and not looked and known.releasing is not null then 'blocked:release_outcome_unknown'
            when (ours or put_unseen) and not $can_release then 'blocked:cannot_release'
            when ours then 'release:evidence'
            when put_unseen then 'blocked:put_unseen'
            when other_there and active then 'noop:no_longer_wanted'
            when other_there and any_asked then 'found:not_ours'
            when active and looked then 'noop:gone'
            when active then 'noop:no_longer_wanted'
        end as decision
    from placed
"""


# Of who was erased the ledger has a token: it can be neither put nor lifted, but that it was lost there is said.
_NOTHING_LEAVES = f"""
    case
        when {IS_TOKEN} and decision = 'put:missing' then 'noop:erased_missing'
        when {IS_TOKEN} and (starts_with(decision, 'put:') or starts_with(decision, 'release:')) then 'noop:erased'
        else decision
    end
"""


def _told() -> str:
    payload = ", ".join(f"case when is_wanted then desired.{name} else known.{name} end as {name}" for name in PAYLOAD)
    return f"""
    select
        {KEY_LIST},
        split_part(decision, ':', 1) as action,
        split_part(decision, ':', 2) as why,
        is_wanted, is_planted, active, is_known, looked, there, ours, put_unseen, any_ours, shown_by_age, is_newer, taken_over,
        since,
        fingerprint, known,
        coalesce(proof.id, known.releasing) as evidence_id,
        coalesce(proof.kind, known.evidence_kind) as evidence_kind,
        coalesce(desired.identifier_hash, known.identifier_hash, keyed_hash(identifier)) as identifier_hash,
        {payload}
    from (select * replace ({_NOTHING_LEAVES} as decision) from decided) as decided
    -- ours, but never in this ledger and for other channels or scopes: another destination's rows in one table
    where decision is not null and not (any_ours and not is_known and not is_wanted and not configured)
"""


def checked_long_ago(row: str, identifier_hash: str) -> str:
    """The SQL condition that a point-read destination is to be asked for a row again: never was, not for a month, or it is its
    day of the month.
    """
    return f"""(
        {row}.checked_at is null
        or {row}.checked_at <= $as_of - to_days({_RECHECK_DAYS})
        or (
            {row}.checked_at <= $as_of - to_days(1)
            and ('0x' || md5({identifier_hash})[:8])::bigint % {_RECHECK_DAYS}
                = date_diff('day', timestamptz '1970-01-01 00:00:00+00', $as_of) % {_RECHECK_DAYS}
        )
    )"""


# What a point-read destination should be asked before anything is sent to it: what would be put or lifted (is it there already?
# still?), what is not yet proved, and a daily share of the rest.
_DUE = f"""
    $point and (
        action in ('put', 'release')
        or (active and known.state = 'sent')
        or (active and known.releasing is not null)
        or (action in ('noop', 'blocked') and (ours or put_unseen) and {checked_long_ago("known", "identifier_hash")})
    )
"""


def _keep_piece(con: duckdb.DuckDBPyConnection) -> None:
    """Count the rows of ``planned``, and keep those of them that something is to be done, said or noted about."""
    for table, rows in (
        (
            "tally",
            """
            select
                action, why, kept, count(*) as rows,
                count_if(active and ours) as written,
                count_if(is_wanted) as wanted,
                count_if(is_wanted and not is_planted) as asked,
                count_if(active and known.wanted and not is_planted) as asked_before,
                count_if(active and known.state = 'verified' and known.releasing is null and looked) as proved,
                count_if(active and known.state = 'verified' and known.releasing is null and looked and not there) as lost,
                count_if(is_newer) as newer,
                -- a postal key can't be turned back into an address, so no file can carry these home
                count_if(
                    identifier_type = 'postal' and (action = 'found' or (active and not is_wanted and known.found_at is not null))
                ) as left_there
            from kept group by action, why, kept
            """,
        ),
        ("plan", "select * exclude (kept) from kept where kept"),
    ):
        query = f"with kept as (select *, tells or due or action = 'blocked' or why = 'gone' as kept from planned) {rows}"
        con.execute(f"create temp table if not exists {table} as select * from ({query}) limit 0")
        con.execute(f"insert into {table} {query}")


def _tally_known(con: duckdb.DuckDBPyConnection, rows: str, task: Task, *, sign: int, looked: bool) -> None:
    """Count ledger rows as a plan of all would, were nothing to be done or noted about them; with ``sign`` -1 take that back."""
    con.execute(
        f"""
        insert into tally
        with classed as (
            select
                case
                    when wanted and (written_by_us or not $looked) then 'noop:in_place'
                    when wanted then 'noop:already_there'
                    when written_by_us or ($point and {put_unseen("rows")}) then 'blocked:no_longer_configured'
                    else 'noop:no_longer_wanted'
                end as decision,
                planted.scope is null as is_asked,
                written_by_us, wanted, state, releasing, identifier_type, found_at
            from {rows} as rows
            left join planted using ({KEY_LIST})
            where destination = $destination and state <> 'released'
        ),
        final as (
            select
                split_part(decision, ':', 1) as action, split_part(decision, ':', 2) as why, false as kept,
                {sign} * count(*) as rows,
                {sign} * count_if(written_by_us) as written,
                {sign} * count_if(wanted) as wanted,
                {sign} * count_if(wanted and is_asked) as asked,
                {sign} * count_if(wanted and is_asked) as asked_before,
                {sign} * count_if(state = 'verified' and releasing is null and $looked) as proved,
                0 as lost, 0 as newer,
                {sign} * count_if(identifier_type = 'postal' and not wanted and found_at is not null) as left_there
            from classed
            group by decision
        )
        select * from final
        """,
        {"looked": looked, "destination": task.name, "point": task.destination.facts.read_back == ReadBack.POINT},
    )


def _ledger_columns() -> dict[str, str]:
    """Each column of the ledger, as a row of the plan makes it before anything is sent."""
    kept = [column for column in ROW_STATE if column not in (*KEY, "identifier_hash", *PAYLOAD)]
    columns = {column: column for column in ROW_STATE} | {column: f"case when active then known.{column} end" for column in kept}
    lifted = "action = 'noop' and why = 'gone'"
    forgotten = f"{lifted} or is_wanted or action = 'found'"
    proved = "action = 'noop' and why in ('in_place', 'already_there') and looked"
    return columns | {
        "destination": "$destination",
        "system": "$system",
        "verify_class": "$read_back",
        "wanted": "is_wanted",
        "first_wanted_at": "case when active and known.first_wanted_at is not null then known.first_wanted_at "
        "when is_wanted then $as_of end",
        "state": f"case when {lifted} then 'released' when {proved} then 'verified' when action = 'found' then 'verified' "
        "when why in ('missing', 'erased_missing') then 'missing' when active then known.state "
        "when any_ours then 'verified' else 'wanted' end",
        # the first sight counts: a row that was lost later and put back was in place when its clock ran
        "verified_at": "case when active and known.verified_at is not null then known.verified_at "
        f"when {proved} or action = 'found' or (there and any_ours) then $as_of end",
        "written_by_us": "action <> 'found' "
        "and (any_ours or shown_by_age or (active and known.written_by_us and not taken_over))",
        "attempted": "action <> 'found' and active and known.attempted and not taken_over",
        "error": "case when why in ('missing', 'erased_missing') then 'not_seen_at_read_back' when action = 'blocked' then why "
        "when action = 'put' and active then known.error end",
        "released_at": f"case when {lifted} then $as_of end",
        "releasing": f"case when {forgotten} then null when active then known.releasing end",
        "release_sent_at": f"case when {forgotten} then null when active then known.release_sent_at end",
        "accepted_seq": "case when active then known.accepted_seq end",
        "verified_seq": f"case when active and known.verified_at is not null then known.verified_seq when {proved} then $seq end",
        "evidence_id": f"case when {lifted} then evidence_id else known.evidence_id end",
        "evidence_kind": f"case when {lifted} then evidence_kind else known.evidence_kind end",
        "checked_at": f"case when {proved} and $point then $as_of when active then known.checked_at end",
        "found_since": "case when action = 'found' then since when active then known.found_since end",
        "found_at": "case when action = 'found' then $as_of when active then known.found_at end",
        "brought_home": "case when action = 'found' then false when active then known.brought_home end",
        "receipt_seq": "$seq",
        # What stands there is no longer what is wanted: so it stays until the system accepted what is, whatever happens.
        "fingerprint": "case when active and known.fingerprint is not null and ((is_wanted and known.fingerprint <> fingerprint) "
        f"or (action = 'put' and why = 'changed')) then '{OUTDATED}' when active then known.fingerprint end",
    }


_TELLING = (
    "wanted", "state", "verified_at", "error", "releasing", "checked_at", "written_by_us", "attempted", "fingerprint",
)  # fmt: skip


def _says_something_new(before: str) -> str:
    """The SQL condition that a row of the plan makes its ledger row another one."""
    columns = _ledger_columns()
    return "(" + " or ".join(f"{columns[name]} is distinct from {before}.{name}" for name in _TELLING) + ")"


# Asked of the plan again: a guard may have turned an action into another one since the row was planned.
_TELLS = f"(action in ('put', 'release', 'found') or {_says_something_new('known')})"


def count_changes(con: duckdb.DuckDBPyConnection, task: Task) -> int:
    """The ledger rows that a plan changes before anything is sent; with none of them there is nothing to do."""
    return int(
        con.execute(
            f"select count(*) from plan where {_TELLS}",
            {"as_of": task.as_of, "point": task.destination.facts.read_back == ReadBack.POINT},
        ).fetchall()[0][0]
    )


def make_changes(con: duckdb.DuckDBPyConnection, task: Task, *, seq: int) -> None:
    """Make ``changes``: ledger rows of the piece of now as they stand before anything is sent, where that says something new."""
    columns = _ledger_columns()
    con.execute(
        f"create or replace temp table changes as "
        f"select {', '.join(f'{columns[column]} as {column}' for column in ROW_STATE)} from plan where {WITHIN} and {_TELLS}",
        {
            "destination": task.name,
            "system": task.destination.facts.system,
            "read_back": str(task.destination.facts.read_back),
            "as_of": task.as_of,
            "seq": seq,
            "point": task.destination.facts.read_back == ReadBack.POINT,
        },
    )


def make_batches(con: duckdb.DuckDBPyConnection) -> dict[SendingCall, int]:
    """Number the rows that leave, in ``planned_put`` and ``planned_release``. Returns the rows of each.

    The newest opt-outs first, since the legal clocks of the older ones were met by earlier pushes or are lost already;
    rows that the system refused before come last, where they hold up nobody. A row that may be somebody else's leaves as one
    that nobody looked at, so that a put over it does not make it ours.
    """
    counts: dict[SendingCall, int] = {}
    calls: tuple[SendingCall, ...] = ("put", "release")
    for action in calls:
        con.execute(
            f"create or replace temp table planned_{action} as "
            "select row_number() over (order by why = 'refused_before', last_requested_at desc nulls last, "
            f"{KEY_LIST}) - 1 as position, {KEY_LIST}, identifier_hash, {', '.join(PAYLOAD)}, fingerprint, "
            "looked and not taken_over and not (put_unseen and there) as looked, "
            "evidence_id, evidence_kind, why = 'refused_before' as refused_before "
            f"from plan where action = '{action}' order by position"
        )
        counts[action] = _count(con, f"planned_{action}")
    return counts


def rows_to_look_up(con: duckdb.DuckDBPyConnection) -> int:
    """Make ``asked``, numbered: what a point-read destination should be asked before anything is sent to it (``_DUE``).

    There may be no time for all of them. First what is to be lifted, since it waits for its sight; then what is to be put, the
    newest opt-outs first; then what was sent and never seen; then what was seen longest ago.
    """
    con.execute(
        f"""
        create or replace temp table asked as
        with ranked as (
            select
                *,
                case
                    when action = 'release' or known.releasing is not null then 0
                    when action = 'put' then 1
                    when known.state = 'sent' then 2
                    else 3
                end as turn
            from plan
            where due and not {IS_TOKEN}
        ),
        final as (
            select
                row_number() over (
                    order by turn, case when turn = 3 then known.checked_at end nulls first, last_requested_at desc nulls last,
                    {KEY_LIST}
                ) - 1 as position,
                {KEY_LIST}, identifier_hash, {", ".join(PAYLOAD)}
            from ranked
        )
        select * from final order by position
        """
    )
    return _count(con, "asked")


def hold_unlooked(con: duckdb.DuckDBPyConnection) -> None:
    """Block the releases of rows that a point-read destination was not asked for, as there was no time: the next push asks."""
    con.execute("update plan set action = 'blocked', why = 'not_looked_up' where action = 'release' and not looked")


def rows_hash(con: duckdb.DuckDBPyConnection, rows: str, *columns: str, **known: object) -> str:
    """SHA-256 of a relation's rows by keyed hash, whatever their order. It shows no identifier, and pins them all.

    Hashed in buckets, so that no text of the whole table is ever built.
    """
    told = ("identifier_hash", "channel", "identifier_type", "scope", *columns)
    line = ", ".join(f"coalesce({column}::varchar, '')" for column in told)
    result = con.execute(
        f"""
        with lines as (select sha256(concat_ws(chr(31), {line})) as line from {rows}),
        buckets as (select line[:3] as bucket, sha256(string_agg(line, '' order by line)) as hash from lines group by bucket),
        final as (select sha256(coalesce(string_agg(hash, '' order by bucket), '')) as hash from buckets)
        select hash from final
        """,
        known,
    ).fetchall()
    return str(result[0][0])


def count_plan(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], int]:
    """Rows per (action, why), sorted, as the plan stands now."""
    rows = con.execute(
        """
        with counted as (
            select action, why, sum(rows) as rows from tally where not kept group by action, why
            union all
            select action, why, count(*) as rows from plan group by action, why
        ),
        final as (
            select action, why, sum(rows) as rows from counted group by action, why having sum(rows) <> 0
        )
        select * from final order by all
        """
    ).fetchall()
    return {(action, why): int(count) for action, why, count in rows}


def tallied(con: duckdb.DuckDBPyConnection, figure: str) -> int:
    """One figure of ``tally`` over all rows, those that nothing is to be done about too."""
    return int(con.execute(f"select coalesce(sum({figure}), 0) from tally").fetchall()[0][0])


def _fingerprint(destination: Destination, row: str) -> str:
    """The SQL of a fingerprint of what the destination stores of a row; ``$mapping`` is the module's version of doing so."""
    carried = [f"coalesce({row}.{name}::varchar, '')" for name in destination.carries]
    return f"md5(concat_ws(chr(31), {', '.join(['$mapping', *carried])}))"


def _count(con: duckdb.DuckDBPyConnection, table: str) -> int:
    return int(con.execute(f"select count(*) from {table}").fetchall()[0][0])
