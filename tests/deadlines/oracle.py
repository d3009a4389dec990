"""The rules of deadlines a second time, the slow way: one request after the other, one day after the other.

Shares nothing with the models but the policy's rows: holidays come from the library instead of the committed snapshot, zones from
the tzdata package instead of DuckDB, months from dateutil.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

import holidays
from dateutil.relativedelta import relativedelta

from tools.calendars import POLICY

CHANNELS = ("ads", "email", "fax", "postal", "sms", "voice")
TARGET_HOURS = 24


@dataclass(frozen=True)
class Asked:
    """One request, as far as deadlines care."""

    key: str
    at: datetime | None
    first_seen: datetime
    region: str | None
    channels: tuple[str, ...]
    action: str = "opt_out"
    method: str = "letter"


@dataclass(frozen=True)
class Clock:
    rule_id: str
    deadline: datetime


def rows(seed: str) -> list[dict[str, str]]:
    with (POLICY / f"{seed}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


RULES = {row["rule_id"]: row for row in rows("rules")}
TRIGGERS = {row["action"]: row["triggers"].split(";") for row in rows("actions") if row["is_suppressing"] == "true"}
_UNIONS = [(row["region"], row["jurisdiction"]) for row in rows("jurisdictions")]
_ZONES: dict[str, list[str]] = {}
for _row in rows("region_zones"):
    _ZONES.setdefault(_row["region"], []).append(_row["zone"])


@cache
def zone(name: str) -> ZoneInfo:
    """A zone of the pinned tzdata package, whatever the machine has."""
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as stream:
        return ZoneInfo.from_file(stream, key=name)


@cache
def day_end(day: date, name: str) -> datetime:
    # Where midnight falls twice or never, fold=0 is the first instant of the new day.
    midnight = datetime.combine(day + timedelta(days=1), time(0), tzinfo=zone(name))
    return midnight.astimezone(UTC) - timedelta(microseconds=1)


def zones_of(region: str) -> list[str]:
    return _ZONES.get(region) or _ZONES.get(region.partition("-")[0]) or _ZONES["*"]


def jurisdictions_of(region: str) -> set[str]:
    own = {region, region.partition("-")[0]}
    return own | {union for member, union in _UNIONS if member in own}


@cache
def off(calendar: str, year: int) -> frozenset[date]:
    """The days off of a calendar that the library knows, by what its law says."""
    if not 2015 <= year <= 2035:
        return frozenset()  # the snapshot's years; outside them only weekends count
    states = ("ACT", "NSW", "NT", "QLD", "SA", "TAS", "VIC", "WA")
    if calendar == "WEEKENDS-ONLY":
        return frozenset()
    if calendar == "US-FED":
        return frozenset(holidays.UnitedStates(years=year))
    if calendar == "CA-FED":
        return frozenset(holidays.Canada(years=year, categories=("government",)))
    if calendar == "AU":
        return frozenset.intersection(*(frozenset(holidays.Australia(years=year, subdiv=state)) for state in states))
    if calendar.startswith("AU-"):
        return frozenset(holidays.Australia(years=year, subdiv=calendar[3:]))
    if calendar == "NZ":
        shutdown = {date(year, 12, day) for day in range(25, 32)} | {date(year, 1, 1), date(year, 1, 2)}
        return frozenset(holidays.NewZealand(years=year)) | shutdown
    if calendar == "SG":
        return frozenset(holidays.Singapore(years=year))
    if calendar == "HK":
        return frozenset(holidays.HongKong(years=year))
    raise KeyError(calendar)


def is_business_day(day: date, calendar: str) -> bool:
    weekend = (7,) if calendar == "HK" else (6, 7)
    return day.isoweekday() not in weekend and day not in off(calendar, day.year)


@cache
def due_day(day: date, value: int, unit: str, calendar: str) -> date:
    if unit == "calendar_day":
        return day + timedelta(days=value)
    if unit == "calendar_month":
        return day + relativedelta(months=value)
    while value:
        day += timedelta(days=1)
        value -= is_business_day(day, calendar)
    return day


def starts_at(asked: Asked) -> datetime:
    return asked.first_seen if asked.at is None else min(asked.at, asked.first_seen)


def deadline(rule: dict[str, str], start: datetime, region: str) -> datetime:
    unit = rule["max_unit"]
    if unit == "immediate":
        return start
    if unit == "hour":
        return start + timedelta(hours=int(rule["max_value"]))
    calendar = rule["calendar_id"]
    if calendar == "AU" and region.startswith("AU-"):
        calendar = region
    ends = []
    for name in zones_of(region):
        local_day = start.astimezone(zone(name)).date()
        ends.append(day_end(due_day(local_day, int(rule["max_value"]), unit, calendar), name))
    return min(ends)


def holds(rule: dict[str, str], asked: Asked, channel: str, start: datetime, region: str) -> bool:
    """Whether the rule is one for this request, its place left aside."""
    days = [start.astimezone(zone(name)).date() for name in zones_of(region)]
    return (
        rule["trigger"] in TRIGGERS[asked.action]
        and rule["status"] != "enacted_not_in_force"
        and (rule["channels"] == "any" or channel in rule["channels"].split(";"))
        and (not rule["methods"] or asked.method in rule["methods"].split(";"))
        and (not rule["valid_from"] or date.fromisoformat(rule["valid_from"]) <= max(days))
        and (not rule["valid_to"] or date.fromisoformat(rule["valid_to"]) >= min(days))
    )


def clocks(asked: Asked, channel: str, default_region: str = "") -> list[Clock]:
    """Every clock of one request on one channel, the strictest first."""
    region = asked.region or default_region or "*"
    start = starts_at(asked)
    of_requests = [rule for rule in RULES.values() if rule["trigger"] in ("direct_request", "erasure_request", "platform_rule")]
    places = jurisdictions_of(region)
    own = [rule for rule in of_requests if rule["jurisdiction"] in places - {"*"}]
    is_known = bool(own)
    candidates = [rule for rule in of_requests if rule in own or rule["jurisdiction"] == "*"] if is_known else of_requests
    found = [
        (deadline(rule, start, region), "VSM".index(rule["verification"]), rule["rule_id"])
        for rule in candidates
        if holds(rule, asked, channel, start, region)
    ]
    if not found:
        return [Clock("COMPANY-PROMISE", start + timedelta(hours=TARGET_HOURS))]
    found.sort()
    return [Clock(rule_id, due) for due, _, rule_id in (found if is_known else found[:1])]
