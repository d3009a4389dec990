"""A small house in which every gate passes, for tests to spoil. Tables are filled directly: no dbt, no files landed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import duckdb

from orchestration.core.config import Config, parse_config
from orchestration.core.home import CHECKOUT, Home
from orchestration.core.key import create_hmac_function, home_key
from orchestration.core.warehouse import warehouse
from orchestration.readers.tables import create_raw_tables

AS_OF = datetime(2026, 4, 1, 12, tzinfo=UTC)
CONFIG = """
[company]
name = "Acme"
scopes = ["acme", "acme/newsletter", "outlet"]

[sources.web]
format = "requests"
may_lift = ["preference_center", "web_form"]
expected_every_hours = 48
"""
SEEDS = (
    "actions", "methods", "channels", "lifting_methods", "format_trust", "registries", "rules", "calendars", "calendar_holidays",
)  # fmt: skip

TABLES = """
create table ledger.requests (
    request_id varchar, source varchar, vendor varchar, feed varchar, event_key varchar, action varchar, method varchar,
    channels varchar[], scope varchar, at_earliest timestamptz, at_latest timestamptz, time_quality varchar,
    first_seen timestamptz, file_id varchar, record_no bigint, emails varchar[], phones varchar[],
    postal_key varchar, name_key varchar, customer_id varchar, region varchar, records bigint
);
create table ledger.conservation (
    file_id varchar, source varchar, vendor varchar, feed varchar, received_at timestamptz, records_read bigint,
    entries bigint, duplicates bigint, echoes bigint, not_requests bigint, quarantined bigint, difference bigint,
    decided bigint default 0, file_name varchar default 'asks.csv'
);
create table ledger.unknown_values (
    file_id varchar, source varchar, vendor varchar, feed varchar, column_name varchar, value_given varchar, outcome varchar,
    records bigint, people bigint, received_at timestamptz
);
create table ledger.unmapped_lists (
    source varchar, vendor varchar, feed varchar, unmapped_list varchar, records bigint, first_received_at timestamptz
);
create table exposure.canary_contacts (place varchar, list_name varchar, received_at timestamptz);
create table ledger.kinds_of_files (
    file_id varchar, source varchar, vendor varchar, feed varchar, received_at timestamptz, kind varchar, records bigint
);
create table golden.unresolved_requests (request_id varchar, channel varchar, at_earliest timestamptz, region varchar);
create table identity.refused_links (node varchar, file_id varchar, source varchar, identifiers bigint);
create table golden.untrusted_opt_ins (request_id varchar, source varchar, reason varchar);
create table golden.contradictions (
    kind varchar, channel varchar, identifier_type varchar, identifier varchar, source varchar, other_source varchar
);
create table golden.open_requests (request_id varchar, source varchar, channel varchar);
create table golden.unmatched_echoes (
    file_id varchar, record_no bigint, source varchar, channel varchar, identifier_type varchar
);
create table golden.applied_requests (
    request_id varchar, channel varchar, identifier_type varchar, identifier varchar, scope varchar, action varchar,
    basis varchar, at_earliest timestamptz, at_latest timestamptz, source varchar, region varchar
);
create table golden.release_evidence (
    channel varchar, identifier_type varchar, identifier varchar, scope varchar, evidence_id varchar, evidence_kind varchar
);
create table golden.golden_suppression (
    channel varchar, identifier_type varchar, identifier varchar, identifier_hash varchar, scope varchar,
    except_scopes varchar[], reason varchar, basis varchar, suppressed_since timestamptz, first_requested_at timestamptz,
    last_requested_at timestamptz, request_count bigint, deciding_request_id varchar, sources varchar[], region varchar,
    rule_id varchar, registry varchar, registry_version varchar, golden_version bigint
);
create table deadlines.binding_rules (
    rule_id varchar, jurisdiction varchar, channels varchar, trigger varchar, hours bigint, citation varchar, valid_from date,
    valid_to date
);
create table deadlines.clocks (
    request_id varchar, channel varchar, rule_id varchar, destination varchar, state varchar, target_state varchar,
    is_inherited boolean
);
create table registries.versions (
    registry varchar, version varchar, is_full boolean, obtained_at timestamptz, row_count bigint
);
create table registries.area_versions (
    registry varchar, area varchar, version_no bigint, version varchar, obtained_at timestamptz
);
create table registries.file_areas (file_id varchar, registry varchar, is_full boolean, area varchar, row_count bigint);
create table registries.withheld (registry varchar, rows_before bigint, rows_after bigint, removed bigint);
create table registries.listings (registry varchar, identifier varchar, listed_from timestamptz, listed_to timestamptz);
"""

# request, action, method, channel, scope, time, email, phone
REQUESTS = [
    ("r1", "opt_out", "web_form", "email", "*", "2026-03-01 10:00+00", "ada@example.com", None),
    ("r2", "opt_out", "sms_keyword", "voice", "acme", "2026-03-02 10:00+00", None, "+12025550101"),
    ("r3", "complaint", "spam_complaint", "email", "*", "2026-03-03 10:00+00", "eve@example.com", None),
    ("r4", "opt_in", "preference_center", "email", "acme/newsletter", "2026-03-20 10:00+00", "eve@example.com", None),
    ("r5", "opt_out", "letter", "email", "*", "2026-03-05 10:00+00", "bob@example.com", None),
    ("r6", "opt_in", "preference_center", "email", "*", "2026-03-21 10:00+00", "bob@example.com", None),
]


def build_house(root: Path) -> Home:
    """A home whose tables every gate passes."""
    home = Home(root).create()
    home.config_file.write_text(CONFIG)
    with warehouse(home) as con:
        create_raw_tables(con, feeds=())
        con.execute(TABLES)
        for seed in SEEDS:
            path = CHECKOUT / "dbt_project" / "seeds" / "policy" / f"{seed}.csv"
            con.execute(f"create table policy.{seed} as select * from read_csv('{path}')")
        con.execute(
            "insert into raw.source_settings "
            "values ('web', 'requests', '*', 'UTC', 'US', true, 'preference_center;web_form', null)"
        )
        con.execute(
            "insert into raw.landed_files (file_id, source, feed, size_bytes, received_at) "
            "values (repeat('a', 32), 'web', 'requests', 600, ?)",
            [AS_OF],
        )
        con.execute(
            "insert into raw.load_log (file_id, feed, physical_records, loaded, quarantined, skipped) "
            "values (repeat('a', 32), 'requests', 6, 6, 0, 0)"
        )
        con.execute(
            "insert into ledger.conservation "
            "values (repeat('a', 32), 'web', 'canonical', 'requests', ?, 6, 6, 0, 0, 0, 0, 0, 0, 'asks.csv')",
            [AS_OF],
        )
        for number, (request, action, method, channel, scope, at, email, phone) in enumerate(REQUESTS, 1):
            con.execute(
                """
                insert into ledger.requests by name
                select
                    ? as request_id, 'web' as source, ? as action, ? as method, [?] as channels, ? as scope,
                    ?::timestamptz as at_earliest, ?::timestamptz as at_latest, 'instant' as time_quality,
                    ?::timestamptz as first_seen, repeat('a', 32) as file_id, ? as record_no,
                    list_filter([?], lambda x: x is not null) as emails,
                    list_filter([?], lambda x: x is not null) as phones,
                    1 as records
                """,
                [request, action, method, channel, scope, at, at, AS_OF, number, email, phone],
            )
        con.execute(
            """
            insert into golden.applied_requests
            select
                request_id, channels[1], case when channels[1] = 'email' then 'email' else 'phone' end,
                coalesce(emails[1], phones[1]), scope, action, 'direct', at_earliest, at_latest, source, region
            from ledger.requests where action <> 'opt_in'
            """
        )
        create_hmac_function(con, home_key(home))
        con.execute(
            """
            insert into golden.golden_suppression
            select
                channel, identifier_type, identifier, keyed_hash(identifier), scope,
                case when request_id = 'r3' then ['acme/newsletter'] else [] end,
                action, basis, at_earliest, at_earliest, at_latest, 1, request_id, [source], 'US', 'us_can_spam', null, null, null
            from golden.applied_requests where request_id <> 'r5'
            """
        )
        con.execute(
            """
            insert into golden.golden_suppression
            select
                'voice', 'phone', '+12025550102', keyed_hash('+12025550102'), '*', [], 'registry', 'registry',
                '2026-01-01 00:00+00', null, null, 0, null, ['us_ftc'], 'US', null, 'us_ftc', '2026-03-30', null
            """
        )
        con.execute(
            "insert into golden.release_evidence values ('email', 'email', 'eve@example.com', 'acme/newsletter', 'r4', 'opt_in')"
        )
        con.execute("insert into golden.release_evidence values ('email', 'email', 'bob@example.com', '*', 'r6', 'opt_in')")
        # An opt-in that lifts nothing is listed, and alerts by itself to nothing.
        con.execute(
            "insert into golden.contradictions (kind, channel, identifier, other_source) "
            "values ('opted_in', 'email', 'bob@example.com', 'web')"
        )
        con.execute("insert into deadlines.clocks values ('r1', 'email', 'us_can_spam', 'esp', 'on_time', 'on_time', false)")
        con.execute("insert into registries.versions values ('us_ftc', '2026-03-30', true, ?, 100)", [AS_OF])
        con.execute(
            "insert into registries.area_versions select 'us_ftc', unnest(['202', '212']), 1, '2026-03-30', ?::timestamptz",
            [AS_OF],
        )
        # A hundred numbers since January; the newest copy left out ten of them, which is what a registry may do.
        con.execute(
            "insert into registries.listings select 'us_ftc', 'number ' || number, '2026-01-01 00:00+00', "
            "case when number < 10 then ?::timestamptz end from range(100) as numbers (number)",
            [AS_OF],
        )
    return home


def config_of(home: Home) -> Config:
    """The house's configuration, without asking which formats exist in this checkout."""
    return parse_config(home.config_file.read_text(), home.config_file)


def spoil(home: Home, sql: str) -> None:
    """Change the house's tables."""
    with warehouse(home) as con:
        for statement in duckdb.extract_statements(sql):
            con.execute(statement)
