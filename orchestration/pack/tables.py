"""The tables of a pack: which rows belong to it, and what each table tells. SQL on the evidence; nothing is written here.

Which requests belong: those made in the period by any reading of their time, or first seen in it; those of which a clock began,
was due or ended in it, or was overdue by its end; and those that a contact made in it went against. Which contact points: those
that these requests reach or name, and those of the violations. Of a pack about a person: the requests that reach or name the
contact points asked about, and these alone; the others that such a request names stay masked, for who owns one address may not
own both.

Each id is keyed, and each contact point has its keyed hash, by which rows of several tables can be told to be about the same one.
Free text that somebody typed (a campaign, a file's name) is masked in Python, once for each text there is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from orchestration.core.config import Config
from orchestration.core.home import Home
from orchestration.core.key import create_hmac_function, home_key
from orchestration.core.masks import mask_label, mask_text
from orchestration.pack.asked import Asked

# orchestration.core.masks.mask, as a macro: a list of millions is not masked row by row. A test holds the two together.
_MASKED = """
    case
        when value is null then null
        when kind = 'email' and contains(value, '@') then left(value, 1) || '***@' || regexp_extract(value, '[^@]*$')
        when kind = 'phone' then
            left(value, if(left(value, 2) in ('+1', '+7'), 2, 3))
            || repeat('*', greatest(length(value) - if(left(value, 2) in ('+1', '+7'), 2, 3) - 4, 4))
            || if(length(value) > if(left(value, 2) in ('+1', '+7'), 2, 3) + 7, right(value, 4), '')
        when kind = 'postal' then '(postal address)'
        else '***'
    end
"""
_IN_PERIOD = "({at} >= getvariable('pack_from') and {at} < getvariable('pack_to'))"
# Made at a moment that is only known to lie between two.
_MAY_BE_IN_PERIOD = "({last} >= getvariable('pack_from') and {first} < getvariable('pack_to'))"
_EARLIEST, _LATEST = "0001-01-01 00:00:00+00", "9999-12-31 00:00:00+00"
_POINTS = "(identifier_type, identifier) in (select identifier_type, identifier from pack_points)"
_ABOUT = "inner join pack_requests using (request_id)"


@dataclass(frozen=True)
class Table:
    """One table of a pack."""

    name: str
    title: str
    said: str
    """What a row is, for somebody who has never seen the pipeline."""
    query: str
    about_people: bool = True
    """False: counts and names of systems, which are left out where somebody gets what is about them."""


_WHO = "keyed_hash(identifier) as contact_point, identifier_type, pack_shown(identifier_type, identifier) as identifier"

TABLES: tuple[Table, ...] = (
    Table(
        "requests",
        "Requests",
        "One row for each thing that somebody asked, with why it is in this pack and the record that is its first evidence.",
        f"""
        select
            shown_id(request_id) as request_id, array_to_string(why, '; ') as in_pack_because, source, vendor, feed, action,
            method, array_to_string(channels, '; ') as channels, scope, region, at_earliest as made_at,
            case when at_latest <> at_earliest then at_latest end as made_by_latest, time_quality, first_seen, doubt,
            records as delivered_times,
            array_to_string(
                list_concat(
                    list_transform(coalesce(emails, []), lambda one: pack_shown('email', one)),
                    list_transform(coalesce(phones, []), lambda one: pack_shown('phone', one)),
                    case when postal_key is not null then [pack_shown('postal', postal_key)] else [] end
                ), '; '
            ) as names, file_id, record_no
        from ledger__requests {_ABOUT}
        order by at_earliest, request_id
        """,
    ),
    Table(
        "reached",
        "Contact points reached",
        "One row for each contact point that a request suppresses: asked for itself (direct), or as another of the same "
        "person's.",
        f"""
        select shown_id(request_id) as request_id, channel, {_WHO}, scope, action, basis, at_earliest as made_at, known_from
        from golden__applied_requests {_ABOUT}
        where pack_is_person() = false or {_POINTS}
        order by at_earliest, request_id, channel, identifier_type, identifier, scope
        """,
    ),
    Table(
        "opt_ins",
        "Opt-ins",
        "One row for each opt-in and contact point that it names. What it released, if anything, is in releases.",
        f"""
        select shown_id(request_id) as request_id, channel, {_WHO}, scope, method, lifts_at as trusted_at, at_earliest as made_at,
            first_seen
        from golden__int_opt_ins {_ABOUT}
        where pack_is_person() = false or {_POINTS}
        order by at_earliest, request_id, channel, identifier_type, identifier, scope
        """,
    ),
    Table(
        "releases",
        "Releases",
        "One row for each request that a later opt-in lifted, wholly or at a part of the company, with the id of the opt-in.",
        f"""
        select shown_id(request_id) as request_id, channel, {_WHO}, scope, shown_id(opt_in_id) as opt_in_id, registry,
            released_scope, is_whole, lifted_from, lift_known_from as known_from
        from golden__int_lifts {_ABOUT}
        where pack_is_person() = false or {_POINTS}
        order by lifted_from, request_id, channel, identifier_type, identifier, scope, opt_in_id
        """,
    ),
    Table(
        "clocks",
        "Clocks",
        "One row for each request, channel, rule and destination: from when to when the law allows, when the destination had "
        "verifiably stopped, and every time between. Hours between two times that are both known; the next version is the first "
        "that was published as of a moment not before the request was first seen.",
        """
        with wanted as (
            select applied.request_id, applied.channel, state.destination, max(state.first_wanted_at) as wanted_at
            from golden__applied_requests as applied
            inner join pack_requests using (request_id)
            inner join raw__sync__row_state as state
                on applied.channel = state.channel and applied.identifier_type = state.identifier_type
                and applied.identifier = state.identifier and applied.scope = state.scope
            group by all
        ),
        asked as (
            select requests.request_id, requests.at_earliest, requests.first_seen, files.received_at,
                versions.as_of as published_at
            from ledger__requests as requests
            inner join pack_requests using (request_id)
            left join raw__landed_files as files using (file_id)
            asof left join pack_versions as versions on requests.first_seen <= versions.as_of
        )
        select
            shown_id(clocks.request_id) as request_id, clocks.channel, clocks.destination, clocks.rule_id, clocks.is_strictest,
            clocks.state, clocks.is_inherited, clocks.was_in_place, clocks.is_unresolved, clocks.starts_at, clocks.deadline_at,
            clocks.ended_at as stopped_at, clocks.ended_by as stopped_by, asked.at_earliest as made_at,
            asked.received_at as landed_at, asked.first_seen, asked.published_at as next_version_as_of, wanted.wanted_at,
            clocks.accepted_at, clocks.target_at as own_promise_at, clocks.target_state as own_promise,
            pack_hours(asked.at_earliest, asked.received_at) as hours_made_to_landed,
            pack_hours(asked.first_seen, asked.published_at) as hours_seen_to_version,
            pack_hours(asked.published_at, clocks.accepted_at) as hours_version_to_accepted,
            pack_hours(clocks.accepted_at, clocks.ended_at) as hours_accepted_to_stopped,
            pack_hours(clocks.starts_at, clocks.ended_at) as hours_start_to_stopped
        from deadlines__clocks as clocks
        inner join pack_requests using (request_id)
        left join asked using (request_id)
        left join wanted using (request_id, channel, destination)
        where pack_destination(clocks.destination)
        order by clocks.deadline_at, clocks.request_id, clocks.channel, clocks.destination, clocks.rule_id
        """,
    ),
    Table(
        "deadlines",
        "Deadlines",
        "One row for each request, channel and rule that applied, whether or not a destination serves the channel.",
        f"""
        select shown_id(request_id) as request_id, channel, rule_id, jurisdiction, trigger, is_strictest, starts_at, deadline_at,
            citation, verification
        from deadlines__request_rules {_ABOUT}
        order by deadline_at, request_id, channel, rule_id
        """,
    ),
    Table(
        "rules",
        "Rules that applied",
        "One row for each rule that set a deadline here or that a contact went against, with the law and where it was read.",
        """
        with applied as (
            select rule_id from deadlines__request_rules inner join pack_requests using (request_id)
            union select rules.rule_id from exposure__violation_rules as rules inner join pack_violations using (contact_id)
            union select rule_id from exposure__violations inner join pack_violations using (contact_id)
        )
        select rule_id, name, jurisdiction, channels, trigger, max_value, max_unit, clock_start, citation, source_url,
            verification, status
        from policy__rules inner join applied using (rule_id)
        order by rule_id
        """,
        about_people=False,
    ),
    Table(
        "suppressions",
        "The list",
        "The rows of the golden table about these contact points, as it is now: what may not be contacted, since when, on whose "
        "word.",
        f"""
        select channel, {_WHO}, scope, array_to_string(except_scopes, '; ') as except_scopes, reason, basis, suppressed_since,
            first_requested_at, last_requested_at, request_count, shown_id(deciding_request_id) as deciding_request_id,
            array_to_string(sources, '; ') as sources, region, rule_id, registry, registry_version
        from golden__golden_suppression
        where {_POINTS}
        order by channel, identifier_type, identifier, scope
        """,
    ),
    Table(
        "history",
        "The list in the period",
        "What was suppressed at any moment of the period: in force from and to (as people asked), and known from and to (as it "
        "arrived here). A row with a released scope says that this part was free again.",
        f"""
        select channel, {_WHO}, scope, action, basis, released_scope,
            case when request_id is not null then shown_id(request_id) end as request_id, registry, in_force_from, in_force_to,
            known_from, known_to
        from golden__suppression_history
        where {_POINTS} and in_force_from < getvariable('pack_to') and coalesce(in_force_to > getvariable('pack_from'), true)
        order by in_force_from, channel, identifier_type, identifier, scope, known_from, request_id, released_scope
        """,
    ),
    Table(
        "pushes",
        "What each system was told",
        "One row for each destination and row of the list: when it was first to be told, when it was sent, accepted, and seen "
        "there again. Verified means read back; where a system cannot be read, accepted is all that can be said.",
        f"""
        select destination, system, channel, {_WHO}, scope, wanted as is_wanted_now, state, verify_class, first_wanted_at,
            sent_at, accepted_at, verified_at, version, error
        from raw__sync__row_state
        where {_POINTS} and pack_destination(destination)
        order by destination, channel, identifier_type, identifier, scope
        """,
    ),
    Table(
        "receipts",
        "Receipts of pushes",
        "One row for each push from the beginning of the period to the last stop of a clock in this pack. Each receipt lies in "
        "receipts/ and stands on the chain of evidence.",
        "select * from pack_receipts order by destination, seq",
        about_people=False,
    ),
    Table(
        "contacts",
        "Contacts made",
        "The sends, texts and calls of the period to these contact points, each with what it was judged to be.",
        f"""
        select shown_id(contact_id) as contact_id, contacted_at, case when contacted_by <> contacted_at then contacted_by end as
            contacted_by_latest, channel, {_WHO}, scope, pack_text('campaign', campaign) as campaign, system, outcome, root_cause,
            is_inherited, case when request_id is not null then shown_id(request_id) end as request_id, source, file_id, record_no
        from {{contacts}}
        where {_MAY_BE_IN_PERIOD.format(first="contacted_at", last="contacted_by")}
            and {_POINTS}
        order by contacted_at, contact_id
        """,
    ),
    Table(
        "violations",
        "Violations",
        "The contacts of the period that went against a request after its time, or against a registry: rule, cause, and what "
        "makes it stop.",
        """
        select shown_id(contact_id) as contact_id, contacted_at, case when is_time_uncertain then contacted_by end as
            contacted_by_latest, channel, keyed_hash(identifier) as contact_point, identifier_type,
            pack_shown(identifier_type, identifier) as identifier, scope, pack_text('campaign', campaign) as campaign, system,
            ground, case when request_id is not null then shown_id(request_id) end as request_id, request_source, request_action,
            asked_at, deadline_at, registry, registry_finding, registry_version, copy_obtained_at, rule_id, rule_name,
            jurisdiction, citation, verification, root_cause, cause, answered_by, fix, is_inherited, source, file_id, record_no
        from exposure__violations inner join pack_violations using (contact_id)
        order by contacted_at, contact_id
        """,
    ),
    Table(
        "contact_counts",
        "Contacts made, counted",
        "All contacts made on the days of the period, UTC, by source, system, channel, result and cause; also those to contact "
        "points that no request of this pack is about.",
        """
        select day, source, system, channel, outcome, root_cause, is_inherited, sum(contacts)::bigint as contacts
        from exposure__summary
        where day::timestamp >= timezone('UTC', getvariable('pack_from'))
            and day::timestamp < timezone('UTC', getvariable('pack_to'))
        group by all
        order by all
        """,
        about_people=False,
    ),
    Table(
        "unresolved",
        "Requests that reach nobody",
        "One row for each request and channel for which no contact point is known. Its clock keeps running.",
        f"""
        select shown_id(request_id) as request_id, channel, source, region, at_earliest as made_at
        from golden__unresolved_requests {_ABOUT}
        order by at_earliest, request_id, channel
        """,
    ),
    Table(
        "files",
        "Files",
        "The files that brought these requests or contacts, and all that arrived in the period, each with the SHA-256 of what "
        "was delivered and what became of its records.",
        """
        with brought as (
            select file_id from ledger__requests inner join pack_requests using (request_id)
            union select file_id from exposure__violations inner join pack_violations using (contact_id)
            union select file_id from raw__landed_files
            where received_at >= getvariable('pack_from') and received_at < getvariable('pack_to') and not pack_is_person()
        )
        select files.file_id, files.source, files.vendor, files.feed, pack_text('file', files.name) as name, files.size_bytes,
            files.sha256, files.delivered_sha256, files.received_at, account.records_read::bigint as records_read,
            account.entries::bigint as requests,
            account.duplicates::bigint as duplicates, account.echoes::bigint as echoes,
            account.not_requests::bigint as not_requests, account.quarantined::bigint as quarantined,
            account.difference::bigint as unaccounted
        from raw__landed_files as files
        inner join brought using (file_id)
        left join ledger__conservation as account using (file_id)
        order by files.received_at, files.file_id
        """,
    ),
    Table(
        "quarantine",
        "Records that could not be used",
        "Counts, by file of this pack, of records in quarantine, with the reason and what was decided.",
        """
        select quarantine.file_id, quarantine.source, quarantine.stage, quarantine.reason, quarantine.decision,
            count(*)::bigint as records
        from ledger__quarantine as quarantine
        inner join raw__landed_files as files using (file_id)
        where files.received_at >= getvariable('pack_from') and files.received_at < getvariable('pack_to')
        group by all
        order by all
        """,
        about_people=False,
    ),
    Table(
        "registry_copies",
        "Registries held",
        "The copies of registries that had been obtained by the end of the period, with the number of areas in each.",
        """
        select registry, version, min(obtained_at) as obtained_at, count(*)::bigint as areas
        from registries__area_versions
        where obtained_at < getvariable('pack_to')
        group by registry, version
        order by registry, obtained_at, version
        """,
        about_people=False,
    ),
    Table(
        "registry_listings",
        "Registry listings",
        "Registries that list a number of this pack, from and to when as this company's copies show it.",
        """
        select registry, keyed_hash(identifier) as contact_point, pack_shown('phone', identifier) as identifier, listed_from,
            listed_to,
            listed_on, first_version, last_version
        from registries__listings
        where identifier in (select identifier from pack_points where identifier_type = 'phone')
        order by registry, listed_from, identifier
        """,
    ),
    Table(
        "sources",
        "Sources",
        "Each source as it is configured: its format, the part of the company it speaks for, its zone and region, what it may "
        "lift.",
        "select source, format, scope, timezone, region, configured, may_lift from raw__source_settings order by source",
        about_people=False,
    ),
    Table(
        "versions",
        "Versions of the list",
        "Each published version of the list up to the last stop of a clock in this pack, with the hash of its rows and of its "
        "manifest, which stands on the chain of evidence.",
        """
        select version, as_of, rows, rows_sha256, manifest_sha256, level, is_overridden, releases_held
        from pack_versions
        where as_of < getvariable('pack_to') or as_of <= getvariable('pack_last_stop')
        order by version
        """,
        about_people=False,
    ),
)


def open_pack(
    con: duckdb.DuckDBPyConnection,
    home: Home,
    config: Config,
    asked: Asked,
    points: Sequence[tuple[str, str]],
    *,
    has_contacts: bool,
) -> list[Table]:
    """Choose the rows of a pack on this connection, which has the evidence open; returns its tables, ready to be read.

    ``pack_versions`` and ``pack_receipts``, which come from files, are filled by the caller before they are read.

    Args:
        points: the contact points that the pack is about, as they are in the evidence; none: about a period.
        has_contacts: whether contacts made can be read one by one; else the violations alone can.
    """
    create_hmac_function(con, home_key(home))
    _macros(con, config, asked, points)
    _choose(con, asked, points)
    for kind, table, column, shown in (
        ("campaign", "exposure__violations inner join pack_violations using (contact_id)", "campaign", mask_text),
        ("file", "raw__landed_files", "name", mask_label),
        *([("campaign", f"exposure__contacts_made where {_POINTS}", "campaign", mask_text)] if has_contacts else []),
    ):
        _texts(con, kind, table, column, str if asked.revealed else shown)
    contacts = "exposure__contacts_made" if has_contacts else "(select *, 'violation' as outcome from exposure__violations)"
    chosen = [table for table in TABLES if table.about_people or not points or table.name == "rules"]
    return [Table(table.name, table.title, table.said, _filled(table.query, contacts), table.about_people) for table in chosen]


def _filled(query: str, contacts: str) -> str:
    return query.replace("{contacts}", contacts)


def _macros(con: duckdb.DuckDBPyConnection, config: Config, asked: Asked, points: Sequence[tuple[str, str]]) -> None:
    con.execute("set variable pack_from = ?::timestamptz", [asked.start or _EARLIEST])
    con.execute("set variable pack_to = ?::timestamptz", [asked.end or _LATEST])
    con.execute("set variable pack_destination = ?::varchar", [asked.destination])
    con.execute("set variable pack_own = ?::varchar[]", [[identifier for _, identifier in points]])
    channels = config.destinations[asked.destination].channels if asked.destination else []
    con.execute("set variable pack_channels = ?::varchar[]", [list(channels)])
    if not asked.revealed:
        shown = _MASKED
    elif points:
        shown = f"case when list_contains(getvariable('pack_own'), value) then value else {_MASKED} end"
    else:
        shown = "value"
    con.execute(f"create or replace temp macro pack_shown(kind, value) as {shown}")
    con.execute(f"create or replace temp macro pack_is_person() as {'true' if points else 'false'}")
    con.execute(
        "create or replace temp macro pack_destination(name) as getvariable('pack_destination') is null "
        "or name = getvariable('pack_destination')"
    )
    con.execute("create or replace temp macro pack_hours(first, last) as round(epoch(last - first) / 3600, 2)")
    con.execute("create or replace temp table pack_texts (kind varchar, text varchar, shown varchar)")
    con.execute(
        "create or replace temp macro pack_text(of_kind, value) as (select any_value(shown) from pack_texts where kind = "
        "of_kind and text = value)"
    )


def _choose(con: duckdb.DuckDBPyConnection, asked: Asked, points: Sequence[tuple[str, str]]) -> None:
    """Which requests, violations and contact points are in it."""
    con.execute("create or replace temp table pack_points (identifier_type varchar, identifier varchar)")
    con.execute("insert into pack_points select unnest(?::varchar[]), unnest(?::varchar[])", [*_columns(points)])
    whose = f" and {_POINTS}" if points else ""
    served = " and list_contains(getvariable('pack_channels'), channel)" if asked.destination else ""
    con.execute(
        f"""
        create or replace temp table pack_violations as
        select contact_id from exposure__violations
        where {_MAY_BE_IN_PERIOD.format(first="contacted_at", last="contacted_by")}{whose}{served}
        """
    )
    found = " union all ".join(f"select request_id, '{why}' as why from ({query}) as found" for why, query in _reasons().items())
    con.execute(
        f"""
        create or replace temp table pack_requests as
        select request_id, list_sort(list(distinct why)) as why from ({found}) as found
        where {" and ".join(_narrowed(asked, points)) or "true"}
        group by request_id
        """
    )
    con.execute(
        "set variable pack_last_stop = (select max(greatest(accepted_at, ended_at)) from deadlines__clocks inner join "
        "pack_requests using (request_id) where pack_destination(destination))"
    )
    if not points:
        con.execute(
            """
            insert into pack_points
            select identifier_type, identifier from golden__applied_requests inner join pack_requests using (request_id)
            union select identifier_type, identifier from golden__int_opt_ins inner join pack_requests using (request_id)
            union select identifier_type, identifier from exposure__violations inner join pack_violations using (contact_id)
            where identifier is not null
            """
        )


def _reasons() -> Mapping[str, str]:
    """Why a request belongs to a period -> the query that finds those that do."""
    return {
        "made in the period": "select request_id from ledger__requests where "
        + _MAY_BE_IN_PERIOD.format(first="at_earliest", last="at_latest"),
        "first seen in the period": f"select request_id from ledger__requests where {_IN_PERIOD.format(at='first_seen')}",
        "a clock of it began, was due, ended or was overdue in the period": f"""
            select request_id from deadlines__clocks
            where pack_destination(destination) and (
                {" or ".join(_IN_PERIOD.format(at=at) for at in ("starts_at", "deadline_at", "ended_at"))}
                or (state = 'overdue' and deadline_at < getvariable('pack_to'))
            )
        """,
        "a contact made in the period went against it": "select request_id from exposure__violations inner join pack_violations "
        "using (contact_id) where request_id is not null",
    }


def _narrowed(asked: Asked, points: Sequence[tuple[str, str]]) -> list[str]:
    """What else must hold of a request: it is about these contact points, or concerns this destination."""
    limits = []
    if points:
        limits.append(
            f"""
            request_id in (
                select request_id from golden__applied_requests where {_POINTS}
                union select request_id from golden__int_opt_ins where {_POINTS}
                union select request_id from ledger__requests
                where list_has_any(
                    list_concat(coalesce(emails, []), coalesce(phones, []), [postal_key]), getvariable('pack_own')
                )
            )
            """
        )
    if asked.destination:
        limits.append(
            """
            request_id in (
                select request_id from deadlines__clocks where destination = getvariable('pack_destination')
                union select opt_in_id from golden__int_lifts where list_contains(getvariable('pack_channels'), channel)
                union select request_id from exposure__violations inner join pack_violations using (contact_id)
            )
            """
        )
    return limits


def _texts(con: duckdb.DuckDBPyConnection, kind: str, table: str, column: str, shown: Callable[[str], str]) -> None:
    """How each text of a column is shown."""
    found: list[tuple[Any, ...]] = con.execute(f"select distinct {column} from {table}").fetchall()
    pairs = [(text, shown(text)) for (text,) in found if text]
    con.execute("insert into pack_texts select ?, unnest(?::varchar[]), unnest(?::varchar[])", [kind, *_columns(pairs)])


def _columns(pairs: Sequence[tuple[str, str]]) -> tuple[list[str], list[str]]:
    return [left for left, _ in pairs], [right for _, right in pairs]
