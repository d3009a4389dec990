"""Random histories of registries against a second reading that keeps sets and applies one version after the other."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from orchestration.core.config import Company, Config
from orchestration.core.home import Home
from orchestration.core.warehouse import warehouse
from orchestration.reconcile import dbt
from tests.deadlines.house import AS_OF
from tests.seed import SEED

_TIME = pa.timestamp("us", tz="UTC")
_ENTRIES = pa.schema(
    [
        ("registry", pa.string()),
        ("source", pa.string()),
        ("is_full", pa.bool_()),
        ("snapshot_at", _TIME),
        ("identifier", pa.string()),
        ("area", pa.string()),
        ("is_listed", pa.bool_()),
        ("listed_on", pa.date32()),
        ("received_at", _TIME),
    ]
)
_AREAS = ("201", "202", "203")
_START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Naive:
    """Numbers that are listed, and every listing that has ended."""

    by_area: bool
    open: dict[str, datetime] = field(default_factory=dict)
    closed: list[tuple[str, datetime, datetime]] = field(default_factory=list)

    def area(self, number: str) -> str:
        return number[2:5] if self.by_area else "*"

    def list(self, number: str, at: datetime) -> None:
        self.open.setdefault(number, at)

    def delist(self, number: str, at: datetime) -> None:
        if number in self.open:
            self.closed.append((number, self.open.pop(number), at))

    def apply_full(self, numbers: set[str], at: datetime) -> None:
        for number in set(self.open) - numbers:
            if self.area(number) in {self.area(other) for other in numbers}:
                self.delist(number, at)
        for number in numbers:
            self.list(number, at)


def _history(chosen: random.Random, registry: str, by_area: bool, entries: list[dict[str, Any]]) -> Naive:
    naive = Naive(by_area)
    numbers = [f"+1{area}55501{last:02d}" for area in _AREAS for last in range(6)]
    for day in range(chosen.randint(1, 12)):
        at = _START + timedelta(days=day)
        full, changes = chosen.random() < 0.5, chosen.random() < 0.6
        if full:
            # Some files of a delivery are missing: only some area codes are there.
            areas = chosen.sample(_AREAS, chosen.randint(1, 3)) if by_area else _AREAS
            listed = {number for number in numbers if number[2:5] in areas and chosen.random() < 0.5}
            if listed:
                naive.apply_full(listed, at)
                entries += [_entry(registry, naive.area(number), True, at, number, True) for number in listed]
        if changes:
            for number in chosen.sample(numbers, chosen.randint(1, 4)):
                is_listed = chosen.random() < 0.5
                (naive.list if is_listed else naive.delist)(number, at)
                entries.append(_entry(registry, naive.area(number), False, at, number, is_listed))
    return naive


def _entry(registry: str, area: str, is_full: bool, at: datetime, number: str, is_listed: bool) -> dict[str, Any]:
    return {
        "registry": registry,
        "source": "s",
        "is_full": is_full,
        "snapshot_at": at,
        "identifier": number,
        "area": area,
        "is_listed": is_listed,
        "listed_on": None,
        "received_at": at + timedelta(hours=3),
    }


def test_listings_are_what_applying_every_version_in_turn_gives(policy_home: Home) -> None:
    seed = SEED
    chosen = random.Random(seed)
    entries: list[dict[str, Any]] = []
    worlds = {}
    for number in range(60):
        by_area = number % 2 == 0
        registry = f"{'codes' if by_area else 'whole'}_{number}"
        worlds[registry] = _history(chosen, registry, by_area, entries)
    chosen.shuffle(entries)  # the order in which files were read says nothing
    with warehouse(policy_home) as con:
        con.register("_entries", pa.Table.from_pylist(entries, schema=_ENTRIES))
        con.execute("create or replace table registries.int_registry_entries as select * from _entries")
        con.execute(
            "create or replace table registries.int_registry_areas as "
            "select registry, source, is_full, snapshot_at, area, min(received_at) as received_at, count(*) as row_count "
            "from _entries group by all"
        )
        con.unregister("_entries")
    for _ in range(2):
        dbt.invoke(policy_home, Config(company=Company(name="Test")), AS_OF, "run", "versions area_versions listings membership")
        with warehouse(policy_home, read_only=True) as con:
            found = con.execute("select registry, identifier, listed_from, listed_to from registries.listings").fetchall()
            members = con.execute("select registry, identifier, first_listed_at from registries.membership").fetchall()
        wanted = {(registry, *row) for registry, naive in worlds.items() for row in naive.closed if row[1] < row[2]}
        wanted |= {(registry, number, since, None) for registry, naive in worlds.items() for number, since in naive.open.items()}
        got = {
            (registry, number, since.astimezone(UTC), until and until.astimezone(UTC)) for registry, number, since, until in found
        }
        assert len(found) == len(got), f"seed {seed}: a listing twice"
        assert got == wanted, f"seed {seed}: too many {sorted(got - wanted)[:3]}, missing {sorted(wanted - got)[:3]}"
        assert len(members) == sum(len(naive.open) for naive in worlds.values()), f"seed {seed}"
