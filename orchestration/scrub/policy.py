"""Which registry binds which number, how old a copy may be, and how long a scrubbed list may be used.

Read from the policy seeds. No file of a campaign is known here; the certificate quotes what is said here.
"""

from __future__ import annotations

import csv
import functools
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from orchestration.core.home import CHECKOUT

_SEEDS = CHECKOUT / "dbt_project" / "seeds" / "policy"
# What a person asked of us, and what a mailbox provider demands: clocks that a list grows stale by. Registry rules have
# an age of their own, and an erasure is a request like any other here.
_TRIGGERS = ("direct_request", "platform_rule")
_HOURS = {"hour": 1, "calendar_day": 24, "business_day": 24}  # a business day is at least a day: the earliest is taken


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
    country = region.split("-", maxsplit=1)[0]
    return frozenset({region, country, *(row["jurisdiction"] for row in _seed("jurisdictions") if row["region"] == country)})


def clocks(channels: Collection[str], regions: Iterable[str], as_of: datetime) -> list[Clock]:
    """The request clocks of these channels and regions, the shortest first; without any region those of every law."""
    wanted = {jurisdiction for region in regions for jurisdiction in jurisdictions_of(region)}
    today = as_of.date()
    found = []
    for row in _seed("rules"):
        bound = set(row["channels"].split(";")) & {*channels, "any"} and row["trigger"] in _TRIGGERS
        here = not wanted or row["jurisdiction"] == "*" or row["jurisdiction"] in wanted
        then = (_day(row["valid_from"]) or date.min) <= today <= (_day(row["valid_to"]) or date.max)
        if bound and here and then and row["status"] in ("in_force", "contested", "unverified") and row["max_unit"]:
            hours = 0 if row["max_unit"] == "immediate" else int(row["max_value"] or 0) * _HOURS.get(row["max_unit"], 24 * 28)
            found.append(Clock(row["rule_id"], hours, row["citation"]))
    return sorted(found, key=lambda clock: (clock.hours, clock.rule_id))


@functools.cache
def _seed(name: str) -> tuple[dict[str, str], ...]:
    with (_SEEDS / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
        return tuple(csv.DictReader(stream))


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
