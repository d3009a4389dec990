"""What the pages of a pack say: counted from its own tables, so that whoever has the pack can count it again. No layout here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from orchestration.core.wording import counted, is_checked, listed, moment, told
from orchestration.evidence.relations import rows

Rows = Sequence[Mapping[str, Any]]

SHOWN = 25
"""Rows of a list on the page: what somebody reads through. All of them are in the tables."""
_MADE = "list_contains(string_split(in_pack_because, '; '), 'made in the period')"
# What the law asks for, from the first day on: our own promise is no law, and what came with the first day is told apart.
_LEGAL = "is_strictest and not is_inherited and rule_id not in (select rule_id from rules where trigger = 'company_promise')"


_RULES = """
    with judged as (
        select rule_id, count(*) as clocks, count(*) filter (where state in ('on_time', 'lifted')) as met,
            count(*) filter (where state = 'late') as late, count(*) filter (where state = 'overdue') as overdue,
            count(*) filter (where state in ('open', 'at_risk')) as running
        from clocks where not is_inherited group by rule_id
    )
    select rules.*, coalesce(clocks, 0) as clocks, coalesce(met, 0) as met, coalesce(late, 0) as late,
        coalesce(overdue, 0) as overdue, coalesce(running, 0) as running
    from rules left join judged using (rule_id)
    order by clocks desc, rule_id
"""
_DESTINATIONS = f"""
    select destination, count(distinct request_id) as requests, count(*) as clocks,
        count(*) filter (where state in ('on_time', 'lifted')) as met, count(*) filter (where state = 'late') as late,
        count(*) filter (where state = 'overdue') as overdue,
        count(*) filter (where state in ('open', 'at_risk')) as running,
        count(*) filter (where stopped_at is null and accepted_at is not null) as accepted,
        median(hours_start_to_stopped) as median_hours, max(hours_start_to_stopped) as longest_hours,
        max(stopped_at) as last_stopped
    from clocks where {_LEGAL} and destination is not null
    group by destination order by destination
"""


@dataclass(frozen=True)
class Figures:
    """What is told, in the order of the page."""

    requests: int
    actions: Rows
    sources: Rows
    listed: Rows
    rules: Rows
    states: Mapping[str, int]
    """State -> strictest legal clocks since the first day."""
    destinations: Rows
    late: Rows
    stopped: Rows
    contacts: Rows
    """Result -> contacts of the period to these contact points."""
    contact_days: Rows
    """Result -> all contacts of the days of the period."""
    violations: int
    """Since the first day of their source, as in every figure of contacts; those from before are told apart."""
    inherited_violations: int
    violations_listed: Rows
    list: Rows
    limits: Sequence[str]


def figures(con: duckdb.DuckDBPyConnection, said: Sequence[str]) -> Figures:
    """Count everything. The pack's tables are views of their names on this connection.

    Args:
        said: the limits that no table shows.
    """
    one = _counter(con)
    return Figures(
        requests=one("select count(*) from requests"),
        actions=rows(
            con,
            f"""
            select action, count(*) as requests, count(*) filter (where {_MADE}) as made, min(made_at) as first_made,
                max(made_at) as last_made
            from requests group by action order by requests desc, action
            """,
        ),
        sources=rows(con, "select source, count(*) as requests from requests group by source order by requests desc, source"),
        listed=rows(
            con,
            f"select * from requests order by {_MADE} desc, made_at, request_id limit {SHOWN}",
        ),
        rules=rows(
            con,
            _RULES,
        ),
        states={
            row["state"]: row["clocks"]
            for row in rows(con, f"select state, count(*) as clocks from clocks where {_LEGAL} group by state order by state")
        },
        destinations=rows(
            con,
            _DESTINATIONS,
        ),
        late=rows(
            con,
            f"""
            select * from clocks where {_LEGAL} and state in ('late', 'overdue')
            order by state = 'overdue' desc, deadline_at, request_id, channel, destination limit {SHOWN}
            """,
        ),
        stopped=rows(
            con,
            f"""
            select * from clocks where {_LEGAL} and destination is not null
            order by made_at, request_id, channel, destination, rule_id limit {SHOWN}
            """,
        ),
        contacts=rows(
            con,
            "select outcome, count(*) as contacts from contacts where not is_inherited group by outcome order by contacts desc, "
            "outcome",
        ),
        contact_days=_if_there(
            con,
            "contact_counts",
            "select outcome, sum(contacts)::bigint as contacts from contact_counts where not is_inherited group by outcome "
            "order by contacts desc, outcome",
        ),
        violations=one("select count(*) from violations where not is_inherited"),
        inherited_violations=one("select count(*) from violations where is_inherited"),
        violations_listed=rows(con, f"select * from violations order by is_inherited, contacted_at, contact_id limit {SHOWN}"),
        list=rows(
            con,
            "select channel, reason, count(*) as rows, min(suppressed_since) as since from suppressions group by channel, "
            "reason order by channel, reason",
        ),
        limits=[*said, *_limits(con)],
    )


def _limits(con: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """What could not be judged, or not be proved, as the tables have it."""
    one = _counter(con)
    if number := one("select count(distinct request_id) from unresolved"):
        yield told(
            number,
            "One request reaches no contact point on a channel that it names; its clock keeps running.",
            "# requests reach no contact point on a channel that they name; their clocks keep running.",
        )
    if number := one(f"select count(*) from clocks where {_LEGAL} and stopped_at is null and accepted_at is not null"):
        yield told(
            number,
            "One clock has no verifiable end: the system accepted the row and it was not seen there again.",
            "# clocks have no verifiable end: the system accepted the row and it was not seen there again.",
        )
    if number := one(
        "select count(*) from (select request_id, channel from deadlines anti join clocks using (request_id, channel) group by "
        "all)"
    ):
        yield told(
            number,
            "For one request and channel no destination of this pack serves the channel, so nothing shows when contacts ended.",
            "For # pairs of request and channel no destination of this pack serves the channel, so nothing shows when contacts "
            "ended.",
        )
    if number := one("select count(*) from clocks where is_inherited"):
        yield told(
            number,
            "One clock is inherited: asked before the first day of its source or destination, and in no figure above.",
            "# clocks are inherited: asked before the first day of their source or destination, and in no figure above.",
        )
    if number := one("select count(*) from contacts where is_inherited"):
        yield told(
            number,
            "One contact to these contact points was made before the first day of its source, and is in no figure of contacts "
            "above.",
            "# contacts to these contact points were made before the first day of their source, and are in no figure of "
            "contacts above.",
        )
    if number := one("select count(*) from requests where time_quality in ('none', 'unreadable', 'implausible', 'ambiguous')"):
        yield told(
            number,
            "Of one request the time is not certain; the reading that protects the person was taken.",
            "Of # requests the time is not certain; the reading that protects the person was taken.",
        )
    if number := one("select count(*) from requests where doubt is not null"):
        yield told(
            number,
            "One request was read in doubt, and suppresses all the same.",
            "# requests were read in doubt, and suppress all the same.",
        )
    yield from _uncounted(con)
    if doubtful := [
        row["rule_id"] for row in rows(con, "select * from rules order by rule_id") if not is_checked(row["verification"])
    ]:
        yield f"The citation of {listed(doubtful)} was written down from memory and is not verified; have counsel confirm it."


def _uncounted(con: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """What is known of records and contacts that nobody could use or judge. Not in a pack about a person."""
    if _has(con, "quarantine"):
        number = _counter(con)("select coalesce(sum(records), 0) from quarantine where decision is null")
        if number:
            yield (
                f"{counted(int(number), 'record')} of files that arrived in the period could not be used and "
                f"{'waits' if number == 1 else 'wait'} for a decision; nobody knows whether a request is among them."
            )
    if not _has(con, "contact_counts"):
        return
    unjudged = rows(
        con,
        "select root_cause, sum(contacts)::bigint as contacts from contact_counts where outcome = 'not_judged' and not "
        "is_inherited group by root_cause order by contacts desc, root_cause",
    )
    if unjudged:
        why = listed([f"{row['contacts']:,} {(row['root_cause'] or 'unknown').replace('_', ' ')}" for row in unjudged])
        yield f"Contacts that could not be judged: {why}."
    if not _counter(con)("select count(*) from contact_counts"):
        yield "No record of sends, texts or calls on the days of the period was delivered, so their absence here proves nothing."


def span_of(con: duckdb.DuckDBPyConnection) -> str | None:
    """Since when there are records at all, in a sentence; None before the first."""
    first = con.execute("select min(received_at) from raw__landed_files").fetchall()[0][0]
    return (
        f"The first file arrived here at {moment(first)}; of what was before nothing is known but what the files say."
        if first
        else None
    )


def _counter(con: duckdb.DuckDBPyConnection) -> Any:
    return lambda query: con.execute(query).fetchall()[0][0]


def _has(con: duckdb.DuckDBPyConnection, view: str) -> bool:
    return bool(con.execute("select 1 from duckdb_views() where view_name = ? and not internal", [view]).fetchall())


def _if_there(con: duckdb.DuckDBPyConnection, view: str, query: str) -> Rows:
    return rows(con, query) if _has(con, view) else []
