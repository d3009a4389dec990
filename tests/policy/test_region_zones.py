"""Every region has every zone its people may live in, and both the tests and the warehouse know them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files

import duckdb

from tests.deadlines import oracle

# Twice a day for thirty years: enough to tell any two behaviours apart, few enough to be quick.
_MOMENTS = [datetime(1995, 1, 1, 7, tzinfo=UTC) + timedelta(days=3 * step) for step in range(30 * 365 // 3)]
_ZONES = {(row["region"], row["zone"]) for row in oracle.rows("region_zones")}


@cache
def behaviour(zone: str) -> tuple[timedelta | None, ...]:
    """Its offset from UTC at each moment."""
    return tuple(moment.astimezone(oracle.zone(zone)).utcoffset() for moment in _MOMENTS)


def test_every_zone_of_every_country_is_covered() -> None:
    ours: dict[str, set[tuple[timedelta | None, ...]]] = {}
    for region, zone in _ZONES:
        ours.setdefault(region, set()).add(behaviour(zone))
    table = files("tzdata").joinpath("zoneinfo", "zone1970.tab").read_text(encoding="utf-8")
    missing = []
    for line in table.splitlines():
        if not line.startswith("#"):
            countries, _, zone = line.split("\t")[:3]
            missing += [(country, zone) for country in countries.split(",") if behaviour(zone) not in ours.get(country, set())]
    assert not missing, f"add to region_zones.csv: {missing}"


def test_nowhere_in_particular_has_every_offset_on_earth() -> None:
    everywhere = {offset for zone in {zone for _, zone in _ZONES} for offset in behaviour(zone)}
    nowhere = {offset for region, zone in _ZONES if region == "*" for offset in behaviour(zone)}
    assert nowhere == everywhere


def test_a_subdivision_has_no_zone_that_its_country_lacks() -> None:
    # A territory (US-PR) is also a country of its own, and its people do not live by the clocks of the mainland.
    territories = {(row["region"], row["jurisdiction"]) for row in oracle.rows("jurisdictions")}
    for region, zone in sorted(_ZONES):
        country, _, part = region.partition("-")
        if part and (part, country) not in territories:
            assert behaviour(zone) in {behaviour(other) for place, other in _ZONES if place == country}, (region, zone)


def test_the_warehouse_knows_every_zone() -> None:
    known = {name for (name,) in duckdb.sql("select name from pg_timezone_names()").fetchall()}
    assert {zone for _, zone in _ZONES} <= known


def test_every_place_a_rule_is_made_for_has_zones_of_its_own() -> None:
    regions = {region for region, _ in _ZONES}
    for rule_id, rule in oracle.RULES.items():
        place = rule["jurisdiction"]
        assert place in regions or place.split("-")[0] in regions, rule_id
