"""The report's figures: what is counted, in SQL, and nothing about how it looks.

Each table of requests or clocks is read once, into small counts; the figures of all sections are made from those, so
that a report over twenty million requests takes seconds. No figure holds an identifier, a name or a file's name: counts,
request ids and file ids only (promise 9).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import duckdb

from orchestration.audit import violations
from orchestration.core.masks import mask_label, mask_text
from orchestration.core.wording import is_checked
from orchestration.evidence.relations import ACCOUNTED, REFUSED, rows

Rows = list[dict[str, Any]]

# Half a year of weeks: long enough to see a season, short enough to see a week.
WEEKS = 26
# The worst clocks are a list to act on, and a page is about this long.
WORST = 15
# Violations are told one by one: so many fill two pages, and a longer list is a file (quietlist violations --csv).
VIOLATIONS = 20
# Longer lists of kinds (quarantine reasons, campaigns) are cut here, and the page says how many were left out.
LIST = 12
# Text that somebody typed (a scope, a campaign's title) is shown when at least so many records carry it: then it is the name of
# a list or a campaign. A rarer one may be about one person.
RARE = 5
# Share of the legal time used, in tenths; the eleventh is beyond the deadline.
TENTHS = 11
# From this share of the late clocks on, in per cent, it is worth a person's minute that they are older than the installation.
OLD_SHARE = 10
# Where a rule allows no time at all a share means nothing; what tells is how long it took. Upper bounds in hours.
DURATIONS: tuple[tuple[float, str], ...] = (
    (1, "within 1 h"),
    (4, "1 to 4 h"),
    (24, "4 to 24 h"),
    (48, "1 to 2 days"),
    (168, "2 to 7 days"),
    (720, "7 to 30 days"),
    (float("inf"), "over 30 days"),
)


# Contacts made since the first day of their source.
_OURS = "(select * from exposure__summary where not is_inherited)"
# What a clock can be: ended (on time, lifted by the person before anything was due, late), running (open, at risk, overdue),
# or accepted by a system that shows nothing, which ends it for nobody who asks for proof.
STATES = ("on_time", "lifted", "late", "accepted", "open", "at_risk", "overdue")


def prepare(con: duckdb.DuckDBPyConnection, as_of: datetime) -> None:
    """Make ``clock_counts`` and ``request_counts``: one pass over the clocks, one over the requests."""
    _see_clocks(con)
    _count_clocks(con, as_of)
    _find_inherited_requests(con)
    _count_requests(con)


def _see_clocks(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        """
        create or replace temp view all_clocks as
        with unreadable as (
            select distinct destination from raw__sync__row_state where verify_class in ('none', 'receipt')
        ),
        promises as (
            select rule_id from policy__rules where trigger = 'company_promise'
        ),
        final as (
            select
                clocks.* exclude (state),
                promises.rule_id is null as is_legal,
                -- Such a clock never ends, because nothing can be read back; that it was accepted is all there is (promise 7).
                case
                    when clocks.ended_at is null and clocks.accepted_at is not null and unreadable.destination is not null
                        then 'accepted'
                    else clocks.state
                end as state
            from deadlines__clocks as clocks
            left join unreadable on clocks.destination = unreadable.destination
            left join promises on clocks.rule_id = promises.rule_id
        )
        select * from final
        """
    )
    # What was asked before the first day is in none of these figures: it has its own (`inherited`).
    con.execute("create or replace temp view clocks_seen as select * from all_clocks where not is_inherited")


def _count_clocks(con: duckdb.DuckDBPyConnection, as_of: datetime) -> None:
    # how many bounds a time lies beyond is the place of its column
    durations = " + ".join(f"(used > {round(hours * 3_600_000_000)})::integer" for hours, _ in DURATIONS[:-1])
    con.execute(
        f"""
        create or replace temp table clock_counts as
        with clocks as (
            select
                rule_id, channel, destination, state, target_state, is_legal,
                ended_at is not null as has_ended,
                state = 'accepted' and accepted_at > deadline_at as is_accepted_late,
                epoch_us(coalesce(ended_at, if(state = 'accepted', accepted_at, null), $as_of)) - epoch_us(starts_at) as used,
                epoch_us(deadline_at) - epoch_us(starts_at) as allowed
            from clocks_seen
        ),
        final as (
            select
                rule_id, channel, destination, state, target_state, has_ended, is_accepted_late, is_legal,
                coalesce(allowed, 0) <= 0 as allows_no_time,
                case
                    when coalesce(allowed, 0) <= 0 then {durations}
                    when used > allowed then 10
                    else greatest(least(10 * used // allowed, 9), 0)
                end::integer as bin,
                count(*) as clocks
            from clocks
            group by all
        )
        select * from final
        """,
        {"as_of": as_of},
    )


def _find_inherited_requests(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        """
        create or replace temp table inherited_requests as
        with company as (
            select live_from from deadlines__first_days where kind = 'company'
        ),
        final as (
            select
                requests.request_id, requests.source, requests.at_earliest,
                coalesce(of_source.live_from, (select live_from from company)) as live_from
            from ledger__requests as requests
            left join deadlines__first_days as of_source on of_source.kind = 'source' and requests.source = of_source.name
            where least(requests.at_latest, requests.first_seen) < coalesce(of_source.live_from, (select live_from from company))
        )
        select * from final
        """
    )


def _count_requests(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        """
        create or replace temp table request_counts as
        select
            action, source, scope, time_quality,
            case when scope_given is distinct from scope and action <> 'opt_in' then scope_given end as unknown_scope,
            -- Weeks are counted (604,800,000 ms each, from Monday 5 January 1970, which is 345,600,000 ms on), because
            -- calendar arithmetic on instants takes ten times as long.
            date '1970-01-05' + (7 * ((epoch_ms(at_earliest) - 345600000) // 604800000))::integer as week,
            count(*) as requests, sum(records)::bigint as records
        from ledger__requests
        group by all
        """
    )


@dataclass(frozen=True)
class Clocks:
    """The state of the clocks: one per request, rule and destination. Legal ones, except where it says otherwise."""

    states: Mapping[str, int]
    promised: Mapping[str, int]
    """State -> clocks of our own promise, where no law that we know sets a limit."""
    by_rule: Rows
    by_channel: Rows
    by_destination: Rows
    targets: Mapping[str, int]
    """State -> all clocks, measured by our own promise instead of their rule."""
    tenths: Mapping[str, list[int]]
    """ended, accepted, running -> clocks by the share of their legal time they used."""
    durations: Mapping[str, list[int]]
    """ended, accepted, running -> clocks of rules that allow no time, by how long it took (see DURATIONS)."""
    worst: Rows
    """Requests, each with the strictest of its clocks that are late or overdue."""
    lost_before_arrival: int
    """Of the late and overdue ones, those whose deadline had passed before the request reached us."""
    accepted_late: int
    """Of the accepted ones, those accepted after the deadline."""
    unresolved: int
    """Overdue clocks of requests that reach nobody: no push can end them."""
    unverified: int
    """Clocks judged by a rule whose citation nobody has checked at its source."""
    unserved: Rows
    """Channel -> requests that a legal rule binds there, and that no destination serves: their clocks are in no count."""

    @property
    def total(self) -> int:
        return sum(self.states.values())

    def of(self, *states: str) -> int:
        return sum(self.states.get(state, 0) for state in states)


def clocks(con: duckdb.DuckDBPyConnection, as_of: datetime) -> Clocks:
    """Everything the report says about clocks. Needs :func:`prepare`."""
    pivot = ", ".join(f"sum(clocks) filter (where state = '{state}') as {state}" for state in STATES) + ", sum(clocks) as total"
    bins = rows(
        con,
        """
        select
            allows_no_time, bin,
            case when has_ended then 'ended' when state = 'accepted' then 'accepted' else 'running' end as kind,
            sum(clocks)::bigint as clocks
        from clock_counts where is_legal
        group by all
        """,
    )
    by_rule = _clocks_by_rule(con, pivot)
    return Clocks(
        states=_counts(con, "select state, sum(clocks)::bigint from clock_counts where is_legal group by state"),
        promised=_counts(con, "select state, sum(clocks)::bigint from clock_counts where not is_legal group by state"),
        by_rule=by_rule,
        by_channel=_whole(
            rows(con, f"select channel, {pivot} from clock_counts where is_legal group by channel order by total desc, channel")
        ),
        by_destination=_whole(
            rows(
                con,
                f"select destination, {pivot} from clock_counts where is_legal group by destination "
                "order by total desc, destination",
            )
        ),
        targets=_counts(
            con, "select target_state, sum(clocks)::bigint from clock_counts where target_state is not null group by target_state"
        ),
        tenths=_binned(bins, TENTHS, allows_no_time=False),
        durations=_binned(bins, len(DURATIONS), allows_no_time=True),
        worst=_worst(con, as_of),
        lost_before_arrival=_one(
            con,
            """
            select count(*) from clocks_seen as clocks
            inner join ledger__requests as requests on clocks.request_id = requests.request_id
            where clocks.state in ('late', 'overdue') and clocks.is_legal and requests.first_seen > clocks.deadline_at
            """,
        ),
        accepted_late=_one(con, "select coalesce(sum(clocks), 0)::bigint from clock_counts where is_accepted_late and is_legal"),
        unresolved=_one(con, "select count(*) from clocks_seen where state = 'overdue' and is_legal and is_unresolved"),
        unverified=sum(row["total"] for row in by_rule if not is_checked(row["verification"])),
        unserved=_unserved(con),
    )


def _clocks_by_rule(con: duckdb.DuckDBPyConnection, pivot: str) -> Rows:
    return _whole(
        rows(
            con,
            f"""
            select clock_counts.rule_id, any_value(rules.jurisdiction) as jurisdiction, any_value(rules.citation) as citation,
                any_value(rules.name) as name,
                any_value(rules.verification) as verification, any_value(rules.status) as status,
                any_value(rules.max_value) as max_value, any_value(rules.max_unit) as max_unit,
                any_value(rules.clock_start) as clock_start, any_value(rules.trigger) as trigger, {pivot}
            from clock_counts
            left join policy__rules as rules on clock_counts.rule_id = rules.rule_id
            where is_legal
            group by clock_counts.rule_id
            order by coalesce(overdue, 0) desc, coalesce(late, 0) desc, total desc, clock_counts.rule_id
            """,
        )
    )


def _unserved(con: duckdb.DuckDBPyConnection) -> Rows:
    return rows(
        con,
        """
        with applied as (
            select distinct request_id, channel from golden__applied_requests
        ),
        clocked as (
            select distinct request_id, channel from deadlines__clocks
        ),
        bound as (
            select distinct request_id, channel from deadlines__request_rules where trigger <> 'company_promise'
        )
        select channel, count(*) as requests from bound
        semi join applied using (request_id, channel)
        anti join clocked using (request_id, channel)
        anti join inherited_requests using (request_id)
        group by channel order by requests desc, channel
        """,
    )


@dataclass(frozen=True)
class Inherited:
    """What was there before the first day, and what is known about it: in no other figure of clocks or contacts."""

    since: datetime | None
    """The company's first day; None: nobody has set one."""
    is_set: bool
    """Whether anybody has: the company, a source or a destination."""
    requests: int
    by_source: Rows
    states: Mapping[str, int]
    """State -> legal clocks."""
    by_destination: Rows
    """Each with its first day, the clocks that the system's own unsubscribes met, those that other rows in place met, and the
    states of the rest."""
    outcomes: Mapping[str, int]
    """Outcome -> contacts made before the first day."""
    unserved: int
    """Requests that a legal rule binds on a channel that no destination serves."""
    late: int
    """Late and overdue legal clocks that are not inherited."""
    late_and_older: int
    """Of these, those of requests that were made before anything was ever delivered here."""

    @property
    def total(self) -> int:
        return sum(self.states.values())

    @property
    def in_place(self) -> int:
        return sum(row["own"] + row["in_place"] for row in self.by_destination)

    @property
    def own(self) -> int:
        return sum(row["own"] for row in self.by_destination)

    @property
    def contacts(self) -> int:
        return sum(self.outcomes.values())

    @property
    def lacks_first_day(self) -> bool:
        """Whether so much of what is late is older than this installation that somebody should set a first day."""
        return not self.is_set and self.late_and_older * 100 >= OLD_SHARE * max(self.late, 1)

    def of(self, *states: str) -> int:
        return sum(self.states.get(state, 0) for state in states)


def inherited(con: duckdb.DuckDBPyConnection) -> Inherited:
    """Everything the report says about the time before the first day. Needs :func:`prepare`."""
    (since, is_set), *_ = con.execute(
        "select max(live_from) filter (where kind = 'company'), count(live_from) > 0 from deadlines__first_days"
    ).fetchall() or [(None, False)]
    late, older = con.execute(
        """
        select count(*), count(*) filter (where asked_at < (select min(received_at) from raw__landed_files))
        from clocks_seen where is_legal and state in ('late', 'overdue')
        """
    ).fetchall()[0]
    return Inherited(
        since=since,
        is_set=is_set,
        requests=_one(con, "select count(*) from inherited_requests"),
        by_source=rows(
            con,
            """
            select source, max(live_from) as live_from, count(*) as requests, min(at_earliest) as oldest
            from inherited_requests
            group by source
            order by requests desc, source
            """,
        ),
        states=_counts(con, "select state, count(*) from all_clocks where is_inherited and is_legal group by state"),
        by_destination=_inherited_by_destination(con),
        outcomes=_counts(con, "select outcome, sum(contacts)::bigint from exposure__summary where is_inherited group by outcome"),
        unserved=_one(
            con,
            """
            select count(*) from (
                select distinct request_id, channel from deadlines__request_rules where trigger <> 'company_promise'
            )
            semi join (select distinct request_id, channel from golden__applied_requests) using (request_id, channel)
            anti join (select distinct request_id, channel from deadlines__clocks) using (request_id, channel)
            semi join inherited_requests using (request_id)
            """,
        ),
        late=late,
        late_and_older=older,
    )


def _inherited_by_destination(con: duckdb.DuckDBPyConnection) -> Rows:
    pushed = ", ".join(f"count(*) filter (where state = '{state}' and not was_in_place) as {state}" for state in STATES)
    return rows(
        con,
        f"""
        with systems as (
            select destination, any_value(system) as system from raw__sync__row_state group by destination
        ),
        final as (
            select
                clocks.destination, max(clocks.starts_at) as live_from,
                -- The record came from the very system that was found to hold it.
                count(*) filter (where was_in_place and requests.vendor = systems.system) as own,
                count(*) filter (where was_in_place and requests.vendor is distinct from systems.system) as in_place,
                {pushed}, count(*) as total
            from all_clocks as clocks
            left join ledger__requests as requests on clocks.request_id = requests.request_id
            left join systems on clocks.destination = systems.destination
            where clocks.is_inherited and clocks.is_legal
            group by clocks.destination
        )
        select final.* replace (coalesce(first_days.live_from, final.live_from) as live_from)
        from final
        left join deadlines__first_days as first_days
            on first_days.kind = 'destination' and final.destination = first_days.name
        order by total desc, final.destination
        """,
    )


def _worst(con: duckdb.DuckDBPyConnection, as_of: datetime) -> Rows:
    """The requests that are most overdue, then those that were most late: what can still be helped comes first."""
    return rows(
        con,
        f"""
        with worst_clocks as (
            select
                request_id, rule_id, channel, destination, is_unresolved, starts_at, deadline_at, state,
                epoch_us(coalesce(ended_at, $as_of)) - epoch_us(deadline_at) as over
            from clocks_seen
            where state in ('overdue', 'late') and is_legal and is_strictest
            order by state = 'late', over desc, request_id, destination
            -- a request has a clock for each of its channels and destinations, so more are taken than are shown
            limit {WORST * 20}
        ),
        worst as (
            select
                request_id, state, max(over) as over, max_by(rule_id, (over, rule_id)) as rule_id, min(starts_at) as starts_at,
                min(deadline_at) as deadline_at, list_sort(list(distinct channel)) as channels,
                list_sort(list(distinct destination)) as destinations, bool_or(is_unresolved) as is_unresolved
            from worst_clocks
            group by request_id, state
            order by state = 'late', over desc, request_id
            limit {WORST}
        ),
        final as (
            select worst.* replace (to_microseconds(worst.over) as over), requests.source, requests.action, requests.method,
                rules.name as rule_name
            from worst
            left join ledger__requests as requests on worst.request_id = requests.request_id
            left join policy__rules as rules on worst.rule_id = rules.rule_id
        )
        select * from final
        order by state = 'late', over desc, request_id
        """,
        as_of=as_of,
    )


@dataclass(frozen=True)
class Requests:
    """The ledger in figures."""

    total: int
    records: int
    weeks: list[date]
    per_week: Mapping[str, list[int]]
    earlier: int
    """Requests made before the first of the weeks."""
    untimed: Rows
    """Source and time quality -> requests whose moment is not certain."""
    unknown_scopes: Rows
    doubts: Rows
    """Source and doubt -> requests whose words can mean several things, with one record as an example."""


def requests(con: duckdb.DuckDBPyConnection, as_of: datetime) -> Requests:
    """Everything the report says about requests. Needs :func:`prepare`."""
    this_week = as_of.date() - timedelta(days=as_of.weekday())
    weeks = [this_week - timedelta(weeks=back) for back in range(WEEKS - 1, -1, -1)]
    position = {week: index for index, week in enumerate(weeks)}
    per_week: dict[str, list[int]] = {}
    for action, week, count in con.execute(
        "select action, week, sum(requests)::bigint from request_counts where week >= $first group by all order by all",
        {"first": weeks[0]},
    ).fetchall():
        if week in position:
            per_week.setdefault(action, [0] * WEEKS)[position[week]] = count
    totals = rows(
        con,
        """
        select coalesce(sum(requests), 0)::bigint as total, coalesce(sum(records), 0)::bigint as records,
            coalesce(sum(requests) filter (where week < $first), 0)::bigint as earlier
        from request_counts
        """,
        first=weeks[0],
    )[0]
    return Requests(
        weeks=weeks,
        per_week=dict(sorted(per_week.items(), key=lambda item: (-sum(item[1]), item[0]))),
        untimed=rows(
            con,
            """
            select source, time_quality, sum(requests)::bigint as requests from request_counts
            where time_quality in ('ambiguous', 'none', 'unreadable', 'implausible')
            group by all order by requests desc, source, time_quality
            """,
        ),
        unknown_scopes=_unknown_scopes(con),
        doubts=_doubts(con),
        **totals,
    )


def _unknown_scopes(con: duckdb.DuckDBPyConnection) -> Rows:
    return [
        row | {"given": mask_text(row["given"])[:80] if row["given"] else None}
        for row in rows(
            con,
            """
            with unknown as (
                select source, unknown_scope, scope, sum(requests)::bigint as requests from request_counts
                where unknown_scope is not null
                group by all
            )
            select source, case when requests >= $rare then unknown_scope end as given, scope as taken_as,
                sum(requests)::bigint as requests
            from unknown
            group by all order by requests desc, source, given, taken_as
            """,
            rare=RARE,
        )
    ]


def _doubts(con: duckdb.DuckDBPyConnection) -> Rows:
    return rows(
        con,
        """
        select source, doubt, count(*) as requests, min(file_id) as example_file,
            min_by(record_no, (file_id, record_no)) as example_record
        from ledger__requests
        where doubt is not null
        group by source, doubt
        order by requests desc, source, doubt
        """,
    )


@dataclass(frozen=True)
class Files:
    """Conservation: where the records of all files ended."""

    files: int
    whole: int
    """Files whose account adds up."""
    refused: int
    """Of these, files that were refused as a whole: nobody knows how many records they hold."""
    cut_off: int
    """Files that end in the middle of a record: nobody knows what would have followed."""
    with_difference: Rows
    quarantine: Rows
    """Stage, reason and source -> records; where ``is_whole``, files that were refused as a whole."""

    @property
    def quarantined(self) -> int:
        """Single records in quarantine."""
        return sum(row["records"] for row in self.quarantine if not row["is_whole"])

    @property
    def contacts_refused(self) -> int:
        """Records of contacts made that could not be used, so that nothing can be said of these contacts."""
        return sum(row["records"] for row in self.quarantine if row["stage"] == "contact_made")


def files(con: duckdb.DuckDBPyConnection) -> Files:
    """The account of promise 1."""
    counted = rows(
        con,
        f"""
        select count(*) as files, count(*) filter (where difference = 0) as whole,
            count(*) filter (where file_id in ({REFUSED})) as refused,
            count(*) filter (where file_id in (select file_id from raw__quarantine where reason = 'truncated')) as cut_off
        from ledger__conservation where {ACCOUNTED}
        """,
    )[0]
    return Files(
        with_difference=rows(
            con,
            f"""
            select file_id, source, feed, received_at, records_read, difference from ledger__conservation
            where {ACCOUNTED} and difference <> 0
            order by abs(difference) desc, file_id limit {LIST}
            """,
        ),
        quarantine=rows(
            con,
            f"""
            select stage, reason, source, stage = 'reader' and file_id in ({REFUSED}) as is_whole, count(*) as records,
                count(distinct file_id) as files, min(file_id) as example_file,
                min_by(record_no, (file_id, record_no)) as example_record
            from ledger__quarantine
            where decision is null
            group by stage, reason, source, is_whole
            order by is_whole desc, records desc, stage, reason, source
            """,
        ),
        **counted,
    )


def unresolved(con: duckdb.DuckDBPyConnection) -> Rows:
    """Requests that reach nobody on a channel they name and about which nobody has decided, by channel and source."""
    return rows(
        con,
        """
        select
            channel, source, count(*) as requests, min(at_earliest) as oldest,
            min_by(request_id, (at_earliest, request_id)) as example
        from golden__open_requests
        group by channel, source
        order by requests desc, channel, source
        """,
    )


def unresolved_requests(con: duckdb.DuckDBPyConnection) -> int:
    """How many requests that are; one that reaches nobody on two channels is one."""
    return _one(con, "select count(distinct request_id) from golden__unresolved_requests")


def unmatched_echoes(con: duckdb.DuckDBPyConnection) -> Rows:
    """Sends that a vendor dropped for a suppression nobody here knows, by source and channel."""
    return rows(
        con,
        """
        select source, channel, count(*) as echoes, min_by(file_id, (file_id, record_no)) as example_file,
            min_by(record_no, (file_id, record_no)) as example_record
        from golden__unmatched_echoes
        group by source, channel
        order by echoes desc, source, channel
        """,
    )


def unmapped_lists(con: duckdb.DuckDBPyConnection) -> Rows:
    """Vendors' lists that the company's tree does not have, and since when they come."""
    found = rows(
        con,
        """
        select source, unmapped_list, sum(records)::bigint as records, min(first_received_at) as since
        from ledger__unmapped_lists
        group by source, unmapped_list
        order by records desc, source, unmapped_list
        """,
    )
    return [{**row, "unmapped_list": mask_label(row["unmapped_list"])} for row in found]


def canaries(con: duckdb.DuckDBPyConnection) -> Rows:
    """Contacts made to canaries: the list each came from, and who made them."""
    return rows(
        con,
        """
        select place, list_name, channel, coalesce(system, source) as made_by, count(*) as contacts,
            min(contacted_at) as first, max(contacted_at) as last
        from exposure__canary_contacts
        group by place, list_name, channel, made_by
        order by last desc, place, list_name, channel, made_by
        """,
    )


def contradictions(con: duckdb.DuckDBPyConnection) -> Rows:
    """Contact points of whom one source says that they opted out, and another that they did not, by both."""
    return rows(
        con,
        """
        select source, other_source, kind, channel, count(distinct identifier) as people
        from golden__contradictions
        group by all
        order by people desc, source, other_source, kind, channel
        """,
    )


@dataclass(frozen=True)
class Exposure:
    """Contacts that were made, against what applied at their second."""

    outcomes: Mapping[str, int]
    causes: Mapping[str, int]
    """Root cause -> violations."""
    obstacles: Mapping[str, int]
    """Why nobody can judge a contact -> contacts."""
    exemptions: Mapping[str, int]
    """What exempts a contact -> contacts."""
    worst: Rows
    """Campaign, system and channel -> violations."""
    violations_listed: Rows
    """The newest violations."""
    cost: violations.Exposure
    words: Mapping[str, str]
    """Cause, obstacle or exemption -> how it is said."""

    @property
    def total(self) -> int:
        return sum(self.outcomes.values())

    @property
    def exempt(self) -> int:
        return self.outcomes.get("exempt", 0)

    @property
    def violations(self) -> int:
        return self.outcomes.get("violation", 0)

    @property
    def unjudged(self) -> int:
        return self.outcomes.get("not_judged", 0)

    @property
    def judged(self) -> int:
        return self.total - self.unjudged


def exposure(con: duckdb.DuckDBPyConnection) -> Exposure:
    """Everything the report says about contacts made since the first day."""
    return Exposure(
        outcomes=_counts(con, f"select outcome, sum(contacts)::bigint from {_OURS} group by outcome"),
        causes=_caused(con, "violation"),
        obstacles=_caused(con, "not_judged"),
        exemptions=_caused(con, "exempt"),
        words={str(cause): str(said) for cause, said in con.execute("select cause, said from policy__causes").fetchall()},
        violations_listed=_violations_listed(con),
        cost=violations.exposure(con),
        worst=[
            row | {"campaign": mask_text(row["campaign"])[:80] if row["campaign"] else None}
            for row in rows(
                con,
                f"""
                with titles as (
                    select campaign from exposure__summary group by campaign having sum(contacts) >= {RARE}
                )
                select titles.campaign, system, channel, source, sum(contacts)::bigint as violations, min(day) as first_day,
                    max(day) as last_day
                from {_OURS} as summary
                left join titles on summary.campaign = titles.campaign
                where outcome = 'violation'
                group by titles.campaign, system, channel, source
                order by violations desc, titles.campaign, system, channel, source
                limit {LIST}
                """,
            )
        ],
    )


def _caused(con: duckdb.DuckDBPyConnection, outcome: str) -> dict[str, int]:
    return _counts(
        con,
        f"""
        select coalesce(root_cause, 'unknown') as cause, sum(contacts)::bigint from {_OURS}
        where outcome = '{outcome}' group by cause
        """,
    )


def _violations_listed(con: duckdb.DuckDBPyConnection) -> Rows:
    """The newest violations, without a word of who was contacted; rare titles of campaigns are left out."""
    found = violations.newest(con, VIOLATIONS)
    named = {row["campaign"] for row in found if row["campaign"]}
    titles = {
        str(title)
        for (title,) in con.execute(
            f"select campaign from exposure__summary where list_contains($named, campaign) group by campaign "
            f"having sum(contacts) >= {RARE}",
            {"named": sorted(named)},
        ).fetchall()
    }
    hidden = ("identifier", "contact_key", "agent")
    return [
        {name: value for name, value in row.items() if name not in hidden}
        | {"campaign": mask_text(row["campaign"])[:80] if row["campaign"] in titles else None}
        for row in found
    ]


def registries(con: duckdb.DuckDBPyConnection, as_of: datetime) -> Rows:
    """Every registry that a copy was ever obtained of: its age against its limit, its coverage, and what it misses.

    A copy taken by area code is as old as its oldest area. ``unscreened`` counts the company's numbers of the registry's
    country in area codes that were never taken: nobody asked about them, which is not the same as clear.
    """
    found = rows(
        con,
        """
        with areas as (
            select registry, area, max(obtained_at) as obtained_at, max_by(version, version_no) as version
            from registries__area_versions
            group by registry, area
        ),
        copies as (
            select
                registry, min(obtained_at) as obtained_at, max_by(version, (obtained_at, version)) as version,
                count(*) filter (where area <> '*') as area_codes
            from areas
            group by registry
        ),
        listed as (
            select registry, count(*) as numbers from registries__listings where listed_to is null group by registry
        ),
        -- in area codes that were never taken
        missed as (
            select registry, count(*) as numbers from registries__unscreened group by registry
        ),
        final as (
            select
                copies.registry, copies.version, copies.obtained_at, copies.area_codes, coalesce(listed.numbers, 0) as numbers,
                policy.jurisdiction, policy.channels, policy.coverage, policy.max_age_days, policy.citation, policy.verification,
                case when policy.coverage = 'area_code' then coalesce(missed.numbers, 0) end as unscreened
            from copies
            left join listed on copies.registry = listed.registry
            left join missed on copies.registry = missed.registry
            left join policy__registries as policy on copies.registry = policy.registry
        )
        select * from final order by registry
        """,
    )
    for row in found:
        row["age"] = as_of - row["obtained_at"]
        row["is_too_old"] = row["max_age_days"] is not None and row["age"] > timedelta(days=row["max_age_days"])
    return found


def composition(con: duckdb.DuckDBPyConnection, relation: str) -> dict[str, dict[str, int]]:
    """The golden rows of ``relation`` by channel, reason, basis and scope, and how many have an exception."""
    counted = con.execute(
        f"""
        select channel, reason, basis, scope, len(except_scopes) > 0, count(*)
        from {relation}
        group by all
        """
    ).fetchall()
    found: dict[str, dict[str, int]] = {"channel": {}, "reason": {}, "basis": {}, "scope": {}, "released below": {}}
    for channel, reason, basis, scope, is_excepted, count in counted:
        for kind, value in (("channel", channel), ("reason", reason), ("basis", basis), ("scope", scope)):
            found[kind][value] = found[kind].get(value, 0) + count
        if is_excepted:
            found["released below"]["yes"] = found["released below"].get("yes", 0) + count
    return {kind: dict(sorted(values.items(), key=lambda item: (-item[1], item[0]))) for kind, values in found.items()}


def _whole(found: Rows) -> Rows:
    """Sums as whole numbers: DuckDB gives null for none and a wide integer otherwise."""
    return [{key: int(value or 0) if key in (*STATES, "total") else value for key, value in row.items()} for row in found]


def _counts(con: duckdb.DuckDBPyConnection, query: str) -> dict[str, int]:
    """What the two columns of a query say, the most first, so that the page is the same every time."""
    found = {row[0]: int(row[1]) for row in con.execute(query).fetchall()}
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _one(con: duckdb.DuckDBPyConnection, query: str) -> int:
    return int(con.execute(query).fetchall()[0][0])


def _binned(found: Rows, length: int, *, allows_no_time: bool) -> dict[str, list[int]]:
    counts = {kind: [0] * length for kind in ("ended", "accepted", "running")}
    for row in found:
        if row["allows_no_time"] is allows_no_time:
            counts[row["kind"]][row["bin"]] += row["clocks"]
    return counts
