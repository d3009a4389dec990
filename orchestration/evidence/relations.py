"""Which tables the evidence is made of, and how a home whose stages have not all run yet still gets an answer.

Each is read through a temporary view named ``<schema>__<table>`` that holds exactly the columns used here; a table that
no run has made yet is an empty view, so "nothing so far" is an answer like any other. A table that exists without one
of the columns is an error: a report must never call a renamed column empty.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import duckdb

from orchestration.core.errors import PermanentError
from orchestration.publish.candidate import COLUMNS
from orchestration.sync.ledger import STATE_COLUMNS, UNMAPPED_LISTS

_TIME = "timestamptz"
_REQUEST = {
    "request_id": "varchar", "source": "varchar", "vendor": "varchar", "feed": "varchar", "action": "varchar",
    "method": "varchar", "channels": "varchar[]", "scope": "varchar", "scope_given": "varchar", "time_text": "varchar",
    "at_earliest": _TIME, "at_latest": _TIME, "time_quality": "varchar", "first_seen": _TIME, "file_id": "varchar",
    "record_no": "bigint", "emails": "varchar[]", "phones": "varchar[]", "postal_key": "varchar",
    "customer_id": "varchar", "region": "varchar", "doubt": "varchar", "records": "bigint",
}  # fmt: skip
_POINT = {"channel": "varchar", "identifier_type": "varchar", "identifier": "varchar"}

RELATIONS: dict[str, dict[str, str]] = {
    "raw.landed_files": {
        "file_id": "varchar", "sha256": "varchar", "delivered_sha256": "varchar", "source": "varchar", "vendor": "varchar",
        "feed": "varchar", "name": "varchar", "size_bytes": "bigint", "received_at": _TIME,
    },
    "raw.quarantine": {"file_id": "varchar", "record_no": "bigint", "reason": "varchar", "record_text": "varchar"},
    "raw.load_log": {
        "file_id": "varchar", "reader": "varchar", "physical_records": "bigint", "loaded": "bigint", "quarantined": "bigint",
    },
    "raw.source_settings": {"source": "varchar", "format": "varchar", "scope": "varchar", "timezone": "varchar",
                            "region": "varchar", "configured": "boolean", "may_lift": "varchar"},
    "raw.sync__row_state": STATE_COLUMNS,
    "raw.sync__unmapped_lists": UNMAPPED_LISTS,
    "ledger.requests": _REQUEST,
    "ledger.conservation": {
        "file_id": "varchar", "source": "varchar", "vendor": "varchar", "feed": "varchar", "received_at": _TIME,
        "records_read": "bigint", "entries": "bigint", "duplicates": "bigint", "echoes": "bigint",
        "not_requests": "bigint", "quarantined": "bigint", "difference": "bigint",
    },
    "ledger.unmapped_lists": {"source": "varchar", "unmapped_list": "varchar", "records": "bigint", "first_received_at": _TIME},
    "ledger.quarantine": {"file_id": "varchar", "record_no": "bigint", "source": "varchar", "stage": "varchar",
                          "reason": "varchar", "decision": "varchar"},
    "ledger.open_records": {"kind": "varchar", "file_id": "varchar", "record_no": "bigint", "request_id": "varchar",
                            "stage": "varchar", "reason": "varchar"},
    "ledger.decisions": {"file_id": "varchar", "record_no": "bigint", "decision": "varchar"},
    "staging.stg_quietlist__decided": {
        "decision": "varchar", "decision_key": "varchar", "decided_at": _TIME, "decided_by": "varchar", "decided_why": "varchar",
        "of_source": "varchar", "of_sha256": "varchar", "of_record_no": "bigint",
    },
    "staging.int_requests__unioned": {
        "file_id": "varchar", "record_no": "bigint", "action": "varchar", "method": "varchar", "channels": "varchar[]",
        "scope": "varchar", "at_earliest": _TIME, "at_latest": _TIME, "emails_raw": "varchar[]", "phones_raw": "varchar[]",
        "name": "varchar", "address": "varchar", "postal_code": "varchar", "country": "varchar", "region": "varchar",
        "customer_id": "varchar",
    },
    "identifiers.contact_point": {"identifier_type": "varchar", "identifier": "varchar", "identifier_hash": "varchar"},
    "identity.node_points": {"node": "varchar", "is_customer": "boolean", "customer_id": "varchar",
                             "identifier_type": "varchar", "identifier": "varchar", "first_seen": _TIME, "name_key": "varchar",
                             "is_linking": "boolean"},
    "identity.links": {"node": "varchar", "link_key": "varchar"},
    "identity.person_of_node": {"node": "varchar", "person": "varchar"},
    "identity.contact_points": {"person": "varchar", "identifier_type": "varchar", "identifier": "varchar",
                                "customer_count": "bigint", "first_seen": _TIME},
    "golden.applied_requests": {"request_id": "varchar", **_POINT, "scope": "varchar", "action": "varchar", "basis": "varchar",
                                "at_earliest": _TIME, "at_latest": _TIME, "known_from": _TIME},
    "golden.int_opt_ins": {"request_id": "varchar", "method": "varchar", "scope": "varchar", "lifts_at": "varchar",
                           "at_earliest": _TIME, "first_seen": _TIME, **_POINT},
    # The published contract. The number of the version says nothing in the warehouse: it is given when the rows are published.
    "golden.golden_suppression": {name: kind for name, kind in COLUMNS.items() if name != "golden_version"},
    "golden.int_lifts": {"suppression_id": "varchar", "request_id": "varchar", "registry": "varchar", **_POINT,
                         "scope": "varchar", "opt_in_id": "varchar", "released_scope": "varchar", "is_whole": "boolean",
                         "lifted_from": _TIME, "lift_known_from": _TIME},
    "golden.unresolved_requests": {"request_id": "varchar", "source": "varchar", "region": "varchar", "at_earliest": _TIME,
                                   "channel": "varchar"},
    "golden.open_requests": {"request_id": "varchar", "channel": "varchar", "source": "varchar", "at_earliest": _TIME},
    "golden.unmatched_echoes": {"file_id": "varchar", "record_no": "bigint", "source": "varchar", "channel": "varchar",
                                "identifier_type": "varchar"},
    "golden.contradictions": {"kind": "varchar", "channel": "varchar", "identifier": "varchar", "source": "varchar",
                              "other_source": "varchar"},
    "golden.suppression_history": {
        "suppression_id": "varchar", "request_id": "varchar", "registry": "varchar", **_POINT, "scope": "varchar",
        "action": "varchar", "basis": "varchar", "released_scope": "varchar", "in_force_from": _TIME, "in_force_to": _TIME,
        "known_from": _TIME, "known_to": _TIME,
    },
    "policy.channels": {"channel": "varchar", "identifier_type": "varchar"},
    "policy.actions": {"action": "varchar", "is_suppressing": "boolean"},
    "policy.lifting_methods": {"method": "varchar", "channel": "varchar", "action": "varchar"},
    "policy.rules": {
        "rule_id": "varchar", "jurisdiction": "varchar", "channels": "varchar", "trigger": "varchar", "max_value": "bigint",
        "max_unit": "varchar", "clock_start": "varchar", "citation": "varchar", "source_url": "varchar",
        "verification": "varchar", "status": "varchar", "name": "varchar",
    },
    "policy.causes": {"cause": "varchar", "outcome": "varchar", "said": "varchar", "answered_by": "varchar", "fix": "varchar"},
    "policy.registries": {"registry": "varchar", "jurisdiction": "varchar", "channels": "varchar", "rule_id": "varchar",
                          "coverage": "varchar", "max_age_days": "bigint", "citation": "varchar", "verification": "varchar"},
    "registries.area_versions": {"registry": "varchar", "area": "varchar", "version_no": "bigint", "version": "varchar",
                                 "obtained_at": _TIME},
    "registries.listings": {"registry": "varchar", "identifier": "varchar", "area": "varchar", "listed_from": _TIME,
                            "listed_to": _TIME, "listed_on": "date", "first_version": "varchar", "last_version": "varchar"},
    "registries.unscreened": {"registry": "varchar", "identifier": "varchar"},
    "deadlines.request_rules": {
        "request_id": "varchar", "channel": "varchar", "rule_id": "varchar", "trigger": "varchar", "jurisdiction": "varchar",
        "is_strictest": "boolean", "starts_at": _TIME, "deadline_at": _TIME, "target_at": _TIME,
        "citation": "varchar", "verification": "varchar",
    },
    "deadlines.clocks": {
        "request_id": "varchar", "channel": "varchar", "rule_id": "varchar", "destination": "varchar", "is_strictest": "boolean",
        "is_unresolved": "boolean", "starts_at": _TIME, "deadline_at": _TIME, "target_at": _TIME, "accepted_at": _TIME,
        "ended_at": _TIME, "ended_by": "varchar", "state": "varchar", "target_state": "varchar",
        "is_inherited": "boolean", "was_in_place": "boolean", "asked_at": _TIME,
    },
    "deadlines.first_days": {"kind": "varchar", "name": "varchar", "live_from": _TIME},
    "exposure.violations": {
        "contact_id": "varchar", "ground": "varchar", "file_id": "varchar", "record_no": "bigint", "source": "varchar",
        "contact_key": "varchar", **_POINT, "scope": "varchar", "campaign": "varchar", "system": "varchar", "agent": "varchar",
        "contacted_at": _TIME, "contacted_by": _TIME, "is_time_uncertain": "boolean", "is_inherited": "boolean",
        "request_id": "varchar", "request_source": "varchar", "request_action": "varchar", "asked_at": _TIME,
        "deadline_at": _TIME, "registry": "varchar", "registry_finding": "varchar", "registry_version": "varchar",
        "copy_obtained_at": _TIME, "rule_id": "varchar", "rule_name": "varchar", "jurisdiction": "varchar", "citation": "varchar",
        "verification": "varchar", "root_cause": "varchar", "cause": "varchar", "answered_by": "varchar", "fix": "varchar",
    },
    # Without who called, and without the key that the system gave: nobody outside is told of either.
    "exposure.contacts_made": {
        "contact_id": "varchar", "source": "varchar", **_POINT, "scope": "varchar", "campaign": "varchar", "system": "varchar",
        "contacted_at": _TIME, "contacted_by": _TIME, "is_inherited": "boolean", "outcome": "varchar", "root_cause": "varchar",
        "request_id": "varchar", "file_id": "varchar", "record_no": "bigint",
    },
    "exposure.violation_rules": {"contact_id": "varchar", "rule_id": "varchar", "is_inherited": "boolean"},
    "exposure.exposure_by_rule": {
        "is_inherited": "boolean", "rule_id": "varchar", "rule_name": "varchar", "jurisdiction": "varchar", "citation": "varchar",
        "contacts": "bigint", "penalty": "varchar", "currency": "varchar", "penalty_per": "varchar",
        "penalty_turnover_percent": "integer", "penalty_verification": "varchar", "penalty_source": "varchar", "low": "bigint",
        "high": "bigint",
    },
    "exposure.exposure_by_currency": {
        "is_inherited": "boolean", "currency": "varchar", "contacts": "bigint", "low": "bigint", "high": "bigint",
        "once_high": "bigint", "turnover_percent": "integer", "has_unverified_figure": "boolean",
    },
    "exposure.canary_contacts": {
        "contact_id": "varchar", "source": "varchar", "place": "varchar", "list_name": "varchar", "channel": "varchar",
        "system": "varchar", "contacted_at": _TIME, "contacted_by": _TIME,
    },
    "exposure.summary": {"day": "date", "source": "varchar", "system": "varchar", "campaign": "varchar", "channel": "varchar",
                         "outcome": "varchar", "root_cause": "varchar", "contacts": "bigint", "is_inherited": "boolean"},
}  # fmt: skip
"""Table -> the columns used here and their types."""

# A file has an account in ledger.conservation when a feed knows its name or a reader logged it. One whose name nobody
# knows was never read, and is listed as that.
ACCOUNTED = "(feed is not null or records_read is not null)"

# Files that were refused as a whole: one line in quarantine without a record's text stands for however many they hold, and the
# account counts that line. Nobody knows how many requests are in them.
REFUSED = """
    select log.file_id from raw__load_log as log
    inner join raw__quarantine as line on log.file_id = line.file_id
    where log.physical_records = 1 and log.loaded = 0 and line.record_no = 1 and line.record_text is null
"""


def open_relations(con: duckdb.DuckDBPyConnection, tables: Iterable[str] = RELATIONS) -> frozenset[str]:
    """Make the temporary views, of these tables; returns the names of those that exist.

    Raises:
        PermanentError: a table lacks a column; every such column is named.
    """
    found: dict[str, set[str]] = {}
    for table, column in con.execute(
        "select table_schema || '.' || table_name, column_name from information_schema.columns "
        "where table_catalog = current_database()"
    ).fetchall():
        found.setdefault(table, set()).add(column)
    wanted = {table: RELATIONS[table] for table in tables}
    lacking = [
        f"{table}.{column}"
        for table, columns in wanted.items()
        if table in found
        for column in columns
        if column not in found[table]
    ]
    if lacking:
        raise PermanentError(
            "Reading the warehouse for the evidence",
            seen=f"no column {', '.join(lacking)}",
            next_step="run the pipeline once with this version of the models",
        )
    for table, columns in wanted.items():
        view = table.replace(".", "__")
        if table in found:
            con.execute(f"create or replace temp view {view} as select {', '.join(columns)} from {table}")
        else:
            nothing = ", ".join(f"cast(null as {kind}) as {column}" for column, kind in columns.items())
            con.execute(f"create or replace temp view {view} as select {nothing} where false")
    return frozenset(found) & frozenset(wanted)


def rows(con: duckdb.DuckDBPyConnection, query: str, **parameters: Any) -> list[dict[str, Any]]:
    """All rows of a query as dictionaries; ``$name`` in the query is bound to the keyword."""
    result = con.execute(query, parameters) if parameters else con.execute(query)
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, values, strict=True)) for values in result.fetchall()]
