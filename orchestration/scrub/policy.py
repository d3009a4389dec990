"""Which registry binds which number, how old a copy may be, and how long a scrubbed list may be used.

Which rules bind a request is said by the model ``deadlines.binding_rules`` alone, and read from what was published with the
version. Registries are read from the policy seeds. No file of a campaign is known here; the certificate quotes what is said here.
"""

from __future__ import annotations

import csv
import functools
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb

from orchestration.core.home import CHECKOUT

_SEEDS = CHECKOUT / "dbt_project" / "seeds" / "policy"
# What a person asked of us, and what a mailbox provider demands: clocks that a list grows stale by. Registry rules have
# an age of their own, and an erasure is a request like any other here.
_TRIGGERS = ("direct_request", "platform_rule")
# The furthest that a day on earth is ahead of UTC's, and behind it: a rule counts on each day that it is somewhere.
_AHEAD, _BEHIND = timedelta(hours=14), timedelta(hours=12)


@dataclass(frozen=True)
class RegistryPolicy:
    """One row of ``policy/registries``: what a listing binds, and how old a copy may be."""

    registry: str
    jurisdiction: str
    channels: frozenset[str]
    rule_id: str
    coverage: str
    max_age_days: int | None
    zone: str
    valid_from: date | None
    valid_to: date | None
    citation: str
    verification: str

    @classmethod
    def of(cls, row: Mapping[str, str]) -> RegistryPolicy:
        """From a row of the seed, or from the copy of it that a registry's manifest keeps."""
        return cls(
            registry=row["registry"],
            jurisdiction=row["jurisdiction"],
            channels=frozenset(row["channels"].split(";")),
            rule_id=row["rule_id"],
            coverage=row["coverage"],
            max_age_days=int(row["max_age_days"]) if row.get("max_age_days") else None,
            zone=row.get("zone") or "UTC",
            valid_from=_day(row.get("valid_from")),
            valid_to=_day(row.get("valid_to")),
            citation=row.get("citation") or "",
            verification=row.get("verification") or "",
        )

    def in_force(self, as_of: datetime) -> bool:
        """Whether the law demands screening then. A listing suppresses beyond that: its numbers stay in the golden table too."""
        today = as_of.astimezone(ZoneInfo(self.zone)).date()
        return (self.valid_from or date.min) <= today <= (self.valid_to or date.max)

    def usable_until(self, obtained_at: datetime) -> datetime | None:
        """The first moment at which a copy obtained then is too old: midnight after its last day, where the registry is."""
        if self.max_age_days is None:
            return None
        zone = ZoneInfo(self.zone)
        last = obtained_at.astimezone(zone).date() + timedelta(days=self.max_age_days)
        return datetime.combine(last + timedelta(days=1), time.min, zone)


@dataclass(frozen=True)
class Clock:
    """A rule that says how soon a request must be honoured. ``hours`` 0: at once."""

    rule_id: str
    hours: int
    citation: str


@functools.cache
def registry_policies() -> Mapping[str, RegistryPolicy]:
    """Every registry the policy knows, by name."""
    return {row["registry"]: RegistryPolicy.of(row) for row in _seed("registries")}


@functools.cache
def jurisdictions_of(region: str) -> frozenset[str]:
    """The region, its country, and what it belongs to: ``PR`` -> ``PR``, ``US``; ``US-TX`` -> ``US-TX``, ``US``."""
    own = {region, region.split("-", maxsplit=1)[0]}
    return frozenset({*own, *(row["jurisdiction"] for row in _seed("jurisdictions") if row["region"] in own)})


def clocks(rules_file: Path | None, channels: Collection[str], regions: Iterable[str], as_of: datetime) -> list[Clock]:
    """The request clocks of these channels and regions, the shortest first. Without any region, or in one whose law nobody has
    put into the policy, those of every law. Of a version that was published without its rules nothing is known: the
    certificate warns that they may ask for "at once".
    """
    if rules_file is None:
        return [Clock("unknown rules", 0, "the version was published without its rules; run quietlist run")]
    from orchestration.publish.candidate import parquet_relation  # here: check reads this module, and answers in no time

    with duckdb.connect() as con:
        rules = con.execute(
            f"""
            select rule_id, jurisdiction, string_split(channels, ';') as channels, hours, citation
            from {parquet_relation([rules_file])}
            where list_contains($triggers, trigger)
                and coalesce(valid_from <= $last_day, true) and coalesce(valid_to >= $first_day, true)
            """,
            {
                "triggers": list(_TRIGGERS),
                "first_day": (as_of.astimezone(UTC) - _BEHIND).date(),
                "last_day": (as_of.astimezone(UTC) + _AHEAD).date(),
            },
        ).fetchall()
        lawful = {row[0] for row in con.execute(f"select jurisdiction from {parquet_relation([rules_file])}").fetchall()}
    places = [jurisdictions_of(region) for region in regions]
    wanted = {"*"}.union(*places) if places and all(place & lawful for place in places) else None
    return sorted(
        (
            Clock(rule_id, hours, citation)
            for rule_id, jurisdiction, bound, hours, citation in rules
            if {*bound} & {*channels, "any"} and (wanted is None or jurisdiction in wanted)
        ),
        key=lambda clock: (clock.hours, clock.rule_id),
    )


@functools.cache
def _seed(name: str) -> tuple[dict[str, str], ...]:
    with (_SEEDS / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
        return tuple(csv.DictReader(stream))


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
