"""What must not happen even if the plan says so. A guard that can't be evaluated holds like one that trips.

Guards hold *releases*: letting people be contacted again is what can't be taken back. New suppressions still go out,
because holding them back is what breaks the law. Everything held is named with its reason and what to do about it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import duckdb

from orchestration.core.config import Destination as DestinationConfig
from orchestration.core.wording import told
from orchestration.sync.ledger import KEY_LIST
from orchestration.sync.plan import count_plan, tallied

_DAY = "({} at time zone 'UTC')::date"

# A tenth of what was there before is gone: a wiped list or a read that was cut short. What a vendor's own
# re-subscriptions take between two pushes stays far below a hundredth.
READ_BACK_LOSS = 0.10
# Of a system that is looked up row by row a push sees a thirtieth, of a short list a row or two: one that somebody lifted there
# by hand is half of them, each day anew. A list that was emptied shows within days; what is put back is counted and told.
FEW_LOST = 10
# A share says nothing about a short list: one opt-in among fifteen rows is 7 %. Each release has its evidence anyway. So many
# a day, whatever number of pushes it has.
FEW_RELEASES = 10


@dataclass(frozen=True)
class Held:
    """Rows that were planned, or would have been, and did not leave."""

    reason: str
    rows: int
    next_step: str


@dataclass(frozen=True)
class Circumstances:
    """What the guards are judged by, beside the plan."""

    gate_holds: bool
    """The gate's record lets new suppressions out, but no release."""
    snapshot_rows: int
    read_back_failed: bool
    looks_rows_up: bool
    """Only the rows that were asked for were seen."""
    other_pushes: int
    """Pushes of another home, or of another life of this one, that were met at the destination and nobody took over."""
    as_of: datetime


def hold_releases(
    con: duckdb.DuckDBPyConnection, name: str, config: DestinationConfig, seen: Circumstances
) -> tuple[tuple[Held, ...], tuple[str, ...]]:
    """Turn the plan's releases into blocked rows where a guard says so. Returns what was held, and alarms.

    Rows found to be gone from the destination are held likewise: a read-back that lies would close them wrongly.
    """
    releases, released_today = con.execute(
        f"""
        select
            count(*) filter (where action = 'release') as releases,
            -- One that a push repeats, because nobody answered, is one release.
            (
                select count(*) from (
                    select distinct {KEY_LIST} from releases
                    where destination = $destination and {_DAY.format("releases.as_of")} = {_DAY.format("$as_of")}
                ) as today
                anti join (select * from plan where action = 'release') as planned using ({KEY_LIST})
            ) as released_today
        from plan
        """,
        {"destination": name, "as_of": seen.as_of},
    ).fetchall()[0]
    # Without the canaries, which are wanted whatever was published.
    written, asked, asked_before = tallied(con, "written"), tallied(con, "asked"), tallied(con, "asked_before")
    proved, lost = tallied(con, "proved"), tallied(con, "lost")
    alarms = []
    reasons: list[tuple[str, str]] = []
    if seen.gate_holds:
        reasons.append(("gate_hold", "read the gate's verdict; releases go out once nothing is on hold"))
    if asked_before and (seen.snapshot_rows == 0 or asked == 0):
        reasons.append(("nothing_wanted_any_more", "find out why the published table asks for nothing here"))
        alarms.append(f"nothing is wanted any more, {told(asked_before, '1 row was', '# rows were')} before")
    if lost > (FEW_LOST if seen.looks_rows_up else 0) and lost / proved > READ_BACK_LOSS:
        reasons.append(("read_back_shrank", "find out who emptied the list, or whether its read-back is cut short"))
        alarms.append(
            f"{lost:,} of {told(proved, '1 row that was', '# rows that were')} proved before "
            f"{told(lost, 'is', 'are')} gone from the destination"
        )
    if seen.read_back_failed:
        reasons.append(("read_back_failed", "see the alarm; releases wait for a read-back"))
    if seen.other_pushes:
        reasons.append(("another_home", "find out which of the two homes is the right one, end the other, and take it over"))
    today = released_today + releases
    if today > config.max_releases:
        reasons.append(("too_many_releases", f"look at them, then raise max_releases above {config.max_releases}"))
    if today > FEW_RELEASES and today / max(written + released_today, 1) > config.max_release_share:
        reasons.append(("too_large_a_share", f"look at them, then raise max_release_share above {config.max_release_share:g}"))
    if not reasons:
        return (), tuple(alarms)
    reason = reasons[0][0]  # the gravest is noted with each row; the result names them all
    con.execute(
        "update plan set action = 'blocked', why = $reason where action = 'release' or (action = 'noop' and why = 'gone')",
        {"reason": reason},
    )
    if not releases:
        return (), tuple(alarms)
    return tuple(Held(name, releases, step) for name, step in reasons), tuple(alarms)


def blocked_rows(con: duckdb.DuckDBPyConnection, *, evidence_failed: bool) -> tuple[Held, ...]:
    """The rows we wrote that nothing says may be lifted, by reason."""
    if evidence_failed:
        con.execute("update plan set why = 'evidence_unreadable' where action = 'blocked' and why = 'no_evidence'")
    steps = {
        "evidence_unreadable": "publish again, so that the evidence for releases is written",
        "no_evidence": "a row vanished from the published table without an opt-in: find out why; it stays suppressed",
        "no_longer_configured": "its channel, scope or canary left the configuration; it stays suppressed until it is put back",
        "cannot_release": "this system lets no program lift a row: lift it by hand there, if the opt-in asks for it",
        "put_unseen": "it was put there before anybody looked whether it was there, so it may be somebody else's: look at it by "
        "hand, and lift it there if the opt-in asks for it",
        "not_looked_up": "there was no time to look these up (look_up_minutes), and none is lifted unseen: the next push looks",
        "release_outcome_unknown": "a release left and was never answered; look at the system by hand",
    }
    blocked = [(why, rows) for (action, why), rows in count_plan(con).items() if action == "blocked"]
    return tuple(Held(why, rows, steps[why]) for why, rows in blocked if why in steps)
