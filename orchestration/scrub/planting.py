"""Canaries and scrubbed campaigns: one is planted in the file of those who may not be contacted, and one in a campaign is told.

A campaign that holds a canary was made from a list of people who want to be left alone: nobody else has that address. Which
canary stands where is said by ``core.canaries``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

from orchestration.core.canaries import all_canaries, scrub_canary
from orchestration.core.channels import TYPES_OF_CHANNEL
from orchestration.core.config import Config
from orchestration.core.sql import quoted
from orchestration.scrub.contact_points import Columns

_CANARIES = "campaign_canary"


@dataclass(frozen=True)
class Planting:
    """One row that is added to the file of the blocked, and looks like any other there."""

    fields: Mapping[int, str]
    """Place of a column -> what stands in it; every other one is empty."""
    label: str
    channel: str
    rule: str
    """The rule that most of the blocked are blocked by there; empty where nobody is."""

    def added(self) -> dict[str, str]:
        """The columns that a blocked record has behind its own, as SQL."""
        basis = ", ".join(filter(None, ("direct", self.rule)))
        said = f"{self.channel} opt_out at * ({basis}) in {self.label}"
        told = {
            "quietlist_column": self.label, "quietlist_channel": self.channel, "quietlist_reason": "opt_out",
            "quietlist_basis": "direct", "quietlist_scope": "*", "quietlist_rule": self.rule, "quietlist_all_reasons": said,
        }  # fmt: skip
        return {name: quoted(value) for name, value in told.items() if value}


def planting(con: duckdb.DuckDBPyConnection, config: Config, columns: Columns, campaign_sha256: str) -> Planting | None:
    """The row for this campaign: a canary in the first column of each type that has one. Digests are contacted by nobody."""
    fields: dict[int, str] = {}
    first: tuple[str, str] | None = None
    types: set[str] = set()
    for point in columns.points:
        channels = [channel for channel in columns.channels if channel in point.channels]
        canary = scrub_canary(config, point.kind, campaign_sha256)
        if canary and channels and point.kind not in types:
            types.add(point.kind)
            fields[point.places[0]] = canary
            first = first or (point.label, channels[0])
    if first is None:
        return None
    ((rule,),) = con.execute(
        "select coalesce(mode(rule_id), '') from verdict where channel = ? and basis = 'direct' and rule_id <> ''", [first[1]]
    ).fetchall()
    return Planting(fields, *first, str(rule))


def with_canaries(con: duckdb.DuckDBPyConnection, config: Config, golden: str) -> str:
    """The published rows as SQL, and every canary of today beside them, suppressed on whatever it is reached by."""
    canaries = all_canaries(config)
    con.execute(
        f"create or replace temp table {_CANARIES} (place varchar, channel varchar, identifier_type varchar, identifier varchar)"
    )
    rows = [
        (canary.place, channel, canary.identifier_type, canary.identifier)
        for canary in canaries
        for channel, types in TYPES_OF_CHANNEL.items()
        if canary.identifier_type in types
    ]
    if not rows:
        return golden
    con.executemany(f"insert into {_CANARIES} values (?, ?, ?, ?)", rows)
    return (
        f"(select * from {golden} union all by name select channel, identifier_type, identifier, '*' as scope, "
        f"'opt_out' as reason, 'direct' as basis from {_CANARIES})"
    )


def met(con: duckdb.DuckDBPyConnection, columns: Columns) -> list[tuple[str, int]]:
    """Whose canaries the campaign holds, and in how many records."""
    points = [point for point in columns.points if point.kind in ("email", "phone")]
    value = {"email": "identifier", "phone": "try_cast(substr(identifier, 2) as ubigint)"}
    queries = [
        f"select point.id, canary.place from {point.table} as point inner join {_CANARIES} as canary "
        f"on canary.identifier_type = {quoted(point.kind)} and {value[point.kind]} = point.value"
        for point in points
    ]
    if not queries:
        return []
    found = con.execute(
        f"select place, count(distinct id) from ({' union all '.join(queries)}) group by place order by place"
    ).fetchall()
    return [(str(place), int(records)) for place, records in found]
