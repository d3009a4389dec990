"""Which contact points a push has to plan: those of which something changed since the ledger was planned, or is not final.

The temp table ``touched`` holds them. Of every other contact point the published rows and the evidence are what they were, the
ledger's rows are final, and the destination shows them as the ledger has them: planning them would do and note nothing. That is
what the plan of all rows is held against in ``tests/sync/test_plan_from_changes.py``; whatever makes the plan decide something
else has to be looked at here too.

Without a version to begin with (the first push, another configuration, mapping or key, a version that is gone or altered, a push
that was killed while it noted what it had planned, a takeover) there is no ``touched``, and all rows are planned.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from importlib.metadata import version as installed_version
from pathlib import Path

import duckdb

from orchestration.core.canaries import Planted
from orchestration.core.config import Destination as DestinationConfig
from orchestration.core.errors import PermanentError
from orchestration.core.files import canonical_json, sha256_file, sha256_text
from orchestration.destinations.contract import KEY, PAYLOAD, Destination, ReadBack
from orchestration.publish import Snapshot
from orchestration.sync.ledger import OUTDATED, Planned, put_unseen
from orchestration.sync.pieces import WITHIN, bounds, each_piece
from orchestration.sync.plan import CLOCKS_APART, POINT, Task, checked_long_ago

ReadVersion = Callable[[int], Snapshot]
"""An older version, proved like the latest one."""

# Of a published row, what can make another wanted row of it.
_DECIDES = ("except_scopes", "identifier_hash", *PAYLOAD)


def made_of(config: DestinationConfig, destination: Destination, key_fingerprint: str, canaries: Sequence[Planted] = ()) -> str:
    """What decides, beside the published rows and the evidence, what is wanted and how it is written, as one hash.

    The version of Quietlist is in it: another one may plan otherwise.
    """
    facts = destination.facts
    return sha256_text(
        canonical_json(
            {
                "quietlist": installed_version("quietlist"), "key": key_fingerprint, "system": facts.system,
                "channels": sorted(config.channels), "scopes": sorted(config.scopes),
                "identifier_types": sorted(facts.identifier_types), "mapping": facts.mapping_version,
                "carries": list(destination.carries), "read_back": str(facts.read_back), "can_release": facts.can_release,
                "canaries": sorted(str(canary) for canary in canaries),
            }
        )
    )  # fmt: skip


def evidence_sha256(file: Path) -> str:
    """Of a version's evidence for releases; empty where it has none."""
    return sha256_file(file) if file.exists() else ""


def begin(
    con: duckdb.DuckDBPyConnection,
    destination: Destination,
    config: DestinationConfig,
    *,
    before: Planned | None,
    now: Planned,
    snapshot: Snapshot,
    read_version: ReadVersion,
) -> bool:
    """Make ``touched`` of what changed in the published version since ``before``. False when all rows must be planned."""
    con.execute(f"create or replace temp table touched ({', '.join(f'{column} varchar' for column in POINT.split(', '))})")
    if before is None or before.made_of != now.made_of:
        return False
    if (before.rows_sha256, before.evidence_sha256) == (now.rows_sha256, now.evidence_sha256):
        return True
    try:
        old = read_version(before.version)
    except PermanentError:
        return False  # what is gone or altered is nothing to compare with
    if old.rows_sha256 != before.rows_sha256 or evidence_sha256(old.evidence_file) != before.evidence_sha256:
        return False
    if old.rows_sha256 != now.rows_sha256:
        types = sorted(destination.facts.identifier_types)
        _touch_changed_rows(con, old.files, snapshot.files, config.channels, types, old.row_count + snapshot.row_count)
    if before.evidence_sha256 != now.evidence_sha256:
        _touch_new_evidence(con, old.evidence_file)
    return True


def _touch_changed_rows(
    con: duckdb.DuckDBPyConnection,
    old: Sequence[Path],
    new: Sequence[Path],
    channels: Sequence[str],
    types: Sequence[str],
    rows: int,
) -> None:
    """The contact points of which a published row came, went or changed."""
    known = {"new": [str(path) for path in new]}
    key = ", ".join(KEY)
    # The key is compared as it is, so that a row that came or went can't be missed. What a row of the same key says is compared
    # by 64 bits: one change in 10^19 would go unseen, and none that suppresses or releases a contact point of its own.
    said = f"hash({', '.join(_DECIDES)}) as said"

    def part(files: str) -> str:
        return (
            f"select {key}, {said} from read_parquet({files}, hive_partitioning = false) "
            f"where {WITHIN} and list_contains($channels, channel) and list_contains($types, identifier_type)"
        )

    for _ in each_piece(con, bounds(con, "read_parquet($new, hive_partitioning = false)", rows, **known)):
        con.execute(
            f"""
            insert into touched
            with before as ({part("$old")}),
            after as ({part("$new")}),
            final as (
                select distinct {POINT} from before full join after using ({key})
                where before.said is distinct from after.said
            )
            select * from final
            """,
            {**known, "old": [str(path) for path in old], "channels": list(channels), "types": types},
        )


def _touch_new_evidence(con: duckdb.DuckDBPyConnection, old: Path) -> None:
    """The contact points that ``evidence`` speaks of as it did not before."""
    before = "read_parquet($old, hive_partitioning = false)" if old.exists() else "evidence limit 0"
    columns = f"{', '.join(KEY)}, evidence_id, evidence_kind"
    con.execute(
        f"insert into touched select distinct {POINT} "
        f"from (select {columns} from evidence except select {columns} from {before})",
        {"old": str(old)} if old.exists() else {},
    )


def touch_open_rows(con: duckdb.DuckDBPyConnection, name: str, destination: Destination, as_of: datetime) -> None:
    """The contact points of ledger rows that are not final: not done, not proved, not explained, or due for another look."""
    read_back = destination.facts.read_back
    is_read = read_back in (ReadBack.FULL, ReadBack.POINT)
    unproved = " or state = 'sent' or (state = 'verified' and verified_at is null)" if is_read else ""
    ours = f"(written_by_us or {put_unseen('row_state')})" if read_back == ReadBack.POINT else "written_by_us"
    due = f" or ({ours} and {checked_long_ago('row_state', 'identifier_hash')})" if read_back == ReadBack.POINT else ""
    con.execute(
        f"""
        insert into touched
        select distinct {POINT} from row_state
        where destination = $destination and (
            (state = 'released' and wanted)
            or (state <> 'released' and (
                state not in ('sent', 'verified')
                or attempted
                or releasing is not null
                -- No longer wanted, and ours: evidence may come any day. Not where the configuration took it out.
                or (not wanted and {ours} and error is distinct from 'no_longer_configured')
                or (error is not null and (wanted or error <> 'no_longer_configured'))
                or (written_by_us and coalesce(fingerprint, '{OUTDATED}') = '{OUTDATED}')
                {unproved}{due}
            ))
        )
        """,
        {"destination": name} | ({"as_of": as_of} if due else {}),
    )


def touch_differences(con: duckdb.DuckDBPyConnection, task: Task) -> None:
    """The contact points that the destination shows otherwise than the ledger's rows are, from a whole read-back in ``seen``."""
    rows = int(con.execute("select count(*) from seen").fetchall()[0][0])
    for _ in each_piece(con, bounds(con, "seen", rows)):
        con.execute(
            f"""
            insert into touched
            with known as (
                select
                    {", ".join(KEY)}, state <> 'released' as active, written_by_us, put_at,
                    greatest(sent_at, released_at, release_sent_at) as written_at
                from row_state
                where destination = $destination and {WITHIN}
            ),
            shown as (
                select * from seen where {WITHIN}
            ),
            compared as (
                select
                    {", ".join(KEY)}, known.active, known.written_by_us, shown.present, shown.any_ours,
                    coalesce(shown.any_strange, false) or coalesce(shown.unmarked_at > known.written_at, false) as is_strange,
                    shown.any_unknown
                        and not coalesce(shown.unknown_at > known.put_at + $apart + $settle, false) as may_be_ours,
                    shown.any_other or shown.any_unknown as may_be_anothers, shown.any_other,
                    list_contains($channels, channel) and list_contains($scopes, scope) as configured
                from known full join shown using ({", ".join(KEY)})
            ),
            final as (
                select distinct {POINT} from compared
                where case
                    -- Ours, never in this ledger, and for other channels or scopes: another destination's.
                    when active is null then not (any_ours and not is_strange and not configured)
                    when not active then coalesce(present, false)
                    when not coalesce(present, false) or is_strange then true
                    when written_by_us then not (any_ours or (may_be_ours and not any_other))
                    else any_ours or not may_be_anothers
                end
            )
            select * from final
            """,
            {
                "destination": task.name,
                "channels": list(task.channels),
                "scopes": list(task.scopes),
                "apart": CLOCKS_APART,
                "settle": timedelta(seconds=task.destination.facts.visible_within_seconds),
            },
        )


def finish(con: duckdb.DuckDBPyConnection) -> int:
    """Make every contact point of ``touched`` one row. Returns how many there are."""
    con.execute(f"create or replace temp table touched as select distinct {POINT} from touched")
    return int(con.execute("select count(*) from touched").fetchall()[0][0])
