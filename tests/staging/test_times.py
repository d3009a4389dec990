"""read_time against an independent oracle (zoneinfo) and against literal cases. Each random test prints its seed."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from tests.staging.macros import connect, load

RECEIVED = datetime(2026, 4, 1, tzinfo=UTC)
ZONES = (
    "UTC", "America/New_York", "America/Los_Angeles", "America/Havana", "America/Sao_Paulo", "America/St_Johns",
    "Europe/London", "Europe/Lisbon", "Africa/Casablanca", "Africa/Cairo", "Asia/Tehran", "Asia/Kathmandu",
    "Australia/Lord_Howe", "Antarctica/Troll", "Pacific/Apia", "Pacific/Auckland",
)  # fmt: skip
Reading = tuple[str, datetime | None, datetime | None]
Case = tuple[str, str]
"""Text and zone."""


def read(cases: list[Case], received: datetime = RECEIVED) -> list[Reading]:
    """What the macro makes of each case."""
    con = connect()
    # The table and its columns bear the names the macro uses inside: they must not get in its way.
    con.execute("create table p (i bigint, t varchar, zone varchar, year varchar, day varchar, received timestamptz)")
    con.execute(
        "insert into p select i, t, z, '1', '1', ? from (select unnest(?) as i, unnest(?) as t, unnest(?) as z)",
        [received, list(range(len(cases))), [text for text, _ in cases], [zone for _, zone in cases]],
    )
    sql = load().read_time("p.t", "p.zone", "p.received")
    rows = con.execute(f"select (r).quality, (r).earliest, (r).latest from (select i, {sql} as r from p) order by i").fetchall()
    return [(quality, earliest, latest) for quality, earliest, latest in rows]


def compare(cases: list[Case], expected: list[Reading]) -> None:
    wrong = [
        f"{case}: expected {want}, got {got}" for case, want, got in zip(cases, expected, read(cases), strict=True) if want != got
    ]
    assert not wrong, f"{len(wrong)} of {len(cases)} wrong:\n" + "\n".join(wrong[:10])


def instants(local: datetime, zone: str) -> tuple[datetime, datetime]:
    """The earliest and latest instant that ``local`` may stand for, by PEP 495."""
    both = [local.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC) for fold in (0, 1)]
    return min(both), max(both)


def naive(local: datetime, zone: str) -> Reading:
    earliest, latest = instants(local, zone)
    return ("zone_assumed" if earliest == latest else "ambiguous", earliest, latest)


def whole_day(day: date, zone: str) -> Reading:
    first = instants(datetime.combine(day, time()), zone)[0]
    return ("date", first, instants(datetime.combine(day, time(23, 59, 59, 999999)), zone)[1])


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


NY = "America/New_York"
LITERAL: list[tuple[str, str, str, str | None, str | None]] = [
    # text, zone, quality, earliest (UTC), latest (UTC; None when it is the earliest)
    ("1772326800", NY, "instant", "2026-03-01 01:00:00", None),
    ("1772326800.5", NY, "instant", "2026-03-01 01:00:00.5", None),
    ("1377213791.421473", NY, "instant", "2013-08-22 23:23:11.421473", None),
    ("1772326800123", NY, "instant", "2026-03-01 01:00:00.123", None),
    ("1772326800123456", NY, "instant", "2026-03-01 01:00:00.123456", None),
    ("2020-03-20 23:34:15 +00:00", NY, "instant", "2020-03-20 23:34:15", None),
    ("2025-04-28 12:00:38.631252+00:00", NY, "instant", "2025-04-28 12:00:38.631252", None),
    ("2023-05-09 23:17:40.768000 UTC", NY, "instant", "2023-05-09 23:17:40.768", None),
    ("2022-06-05T17:17:32Z", NY, "instant", "2022-06-05 17:17:32", None),
    ("2016-04-27T16:28:50.3963933-04:00", NY, "instant", "2016-04-27 20:28:50.396393", None),
    ("2016-01-14 19:08:17.51258", NY, "zone_assumed", "2016-01-15 00:08:17.51258", None),
    ("2021-06-03 08:32:01.000", NY, "zone_assumed", "2021-06-03 12:32:01", None),
    ("Fri, 21 Oct 2011 11:02:55 GMT", NY, "instant", "2011-10-21 11:02:55", None),
    ("Fri, 21 Oct 2011 11:02:55 UTC", NY, "instant", "2011-10-21 11:02:55", None),
    ("Fri, 24 May 2019 17:44:46 +0000", NY, "instant", "2019-05-24 17:44:46", None),
    ("Thu, 27 Oct 2016 14:51:34", NY, "zone_assumed", "2016-10-27 18:51:34", None),
    ("20110122T111244", NY, "zone_assumed", "2011-01-22 16:12:44", None),
    ("20110122111244", NY, "zone_assumed", "2011-01-22 16:12:44", None),
    ("20110122", NY, "date", "2011-01-22 05:00:00", "2011-01-23 04:59:59.999999"),
    ("05/16/2021", NY, "date", "2021-05-16 04:00:00", "2021-05-17 03:59:59.999999"),
    ("1/27/2014 11:29:31", NY, "zone_assumed", "2014-01-27 16:29:31", None),
    ("1/27/2014 1:29:31 PM", NY, "zone_assumed", "2014-01-27 18:29:31", None),
    ("12/31/2025 12:05 AM", NY, "zone_assumed", "2025-12-31 05:05:00", None),
    ("12/31/2025 12:05 p.m.", NY, "zone_assumed", "2025-12-31 17:05:00", None),
    ("27.01.2014 11:29", "Europe/Berlin", "zone_assumed", "2014-01-27 10:29:00", None),
    ("02.01.2014 11:29", "Europe/Berlin", "zone_assumed", "2014-01-02 10:29:00", None),
    ("2014/01/27 11:29:31 AM GMT+2", NY, "instant", "2014-01-27 09:29:31", None),
    ("Thu, 8 Mar 2005 10:00:00 EST", NY, "instant", "2005-03-08 15:00:00", None),
    ("Tue, 8 Mar 2005 10:00:00 PDT", NY, "instant", "2005-03-08 17:00:00", None),
    ("1 Mar 2020 10:00:00 JST", NY, "instant", "2020-03-01 01:00:00", None),
    ("1 Mar 2020 10:00:00 -0000 (EST)", NY, "instant", "2020-03-01 10:00:00", None),
    ("1-Mar-2026", NY, "date", "2026-03-01 05:00:00", "2026-03-02 04:59:59.999999"),
    ("Mar 1, 2026 10:00 AM", NY, "zone_assumed", "2026-03-01 15:00:00", None),
    ("Sunday, March 1, 2026", NY, "date", "2026-03-01 05:00:00", "2026-03-02 04:59:59.999999"),
    ("2026-03-01\u202f10:00:00", NY, "zone_assumed", "2026-03-01 15:00:00", None),
    (" '2026-03-01 10:00:00' ", NY, "zone_assumed", "2026-03-01 15:00:00", None),
    ("2026-03-01 24:00:00", "UTC", "zone_assumed", "2026-03-02 00:00:00", None),
    ("2016-12-31T23:59:60Z", NY, "instant", "2017-01-01 00:00:00", None),
    # two readings; one when both are the same day, or when the other one had not happened yet when the file came
    ("1/2/2014 11:29:31", NY, "ambiguous", "2014-01-02 16:29:31", "2014-02-01 16:29:31"),
    ("02-01-2014", "UTC", "ambiguous", "2014-01-02 00:00:00", "2014-02-01 23:59:59.999999"),
    ("5/5/2021", NY, "date", "2021-05-05 04:00:00", "2021-05-06 03:59:59.999999"),
    ("03/04/2026", NY, "date", "2026-03-04 05:00:00", "2026-03-05 04:59:59.999999"),
    # an hour that was skipped, one that fell twice, a zone that means several
    ("2026-03-08 02:30:00", NY, "ambiguous", "2026-03-08 06:30:00", "2026-03-08 07:30:00"),
    ("2025-11-02 01:30:00", NY, "ambiguous", "2025-11-02 05:30:00", "2025-11-02 06:30:00"),
    ("1 Mar 2020 10:00:00 BST", NY, "ambiguous", "2020-02-29 20:00:00", "2020-03-01 22:00:00"),
    # nothing to hold on to
    ("", NY, "none", None, None),
    ("  ", NY, "none", None, None),
    ("NULL", NY, "none", None, None),
    ("n/a", NY, "none", None, None),
    ("\\N", NY, "none", None, None),
    ("0000-00-00 00:00:00", NY, "none", None, None),
    ("2026-02-30", NY, "unreadable", None, None),
    ("2026-02-30 10:00:00", NY, "unreadable", None, None),
    ("2026-03-01 25:00", NY, "unreadable", None, None),
    ("2026-03-01 13:00 PM", NY, "unreadable", None, None),
    ("05/03/26", NY, "unreadable", None, None),
    ("13/13/2025", NY, "unreadable", None, None),
    ("yesterday", NY, "unreadable", None, None),
    ("12345", NY, "unreadable", None, None),
    ("-1", NY, "unreadable", None, None),
    ("1994-12-30", NY, "implausible", None, None),
    ("788000000", NY, "implausible", None, None),
    ("2026-04-03 00:00:00Z", NY, "implausible", None, None),
    ("99999999999", NY, "implausible", None, None),
    ("2026-04-01 23:59:59Z", NY, "instant", "2026-04-01 23:59:59", None),
]


def test_each_form_of_time_is_read_as_listed() -> None:
    cases = [(text, zone) for text, zone, *_ in LITERAL]
    expected: list[Reading] = [
        (quality, utc(earliest) if earliest else None, utc(latest or earliest) if earliest else None)
        for _, _, quality, earliest, latest in LITERAL
    ]
    compare(cases, expected)


def test_a_missing_text_is_no_time() -> None:
    con = connect()
    sql = load().read_time("t", "'UTC'", "timestamptz '2026-04-01 00:00:00+00'")
    assert con.execute(f"select ({sql}).quality from (select cast(null as varchar) as t)").fetchall() == [("none",)]


NAIVE_FORMS: tuple[Callable[[datetime], str], ...] = (
    lambda at: at.strftime("%Y-%m-%d %H:%M:%S.%f"),
    lambda at: at.strftime("%Y-%m-%dT%H:%M:%S.%f") + "789",
    lambda at: at.replace(microsecond=0).strftime("%a, %d %b %Y %H:%M:%S.") + f"{at.microsecond:06d}",
    lambda at: at.strftime("%d.%m.%Y %H:%M:%S.%f"),
    lambda at: at.strftime("%b %d, %Y %I:%M:%S.%f %p"),
    lambda at: at.strftime("%Y/%m/%d %I:%M:%S.%f%p"),
)


@functools.cache
def clock_changes(zone: str) -> list[datetime]:
    """Every hour since 1996, in UTC, within which the zone's clocks were changed."""
    hours: list[datetime] = []
    day, place = datetime(1996, 1, 1, tzinfo=UTC), ZoneInfo(zone)
    while day < RECEIVED:
        after = day + timedelta(days=1)
        if day.astimezone(place).utcoffset() != after.astimezone(place).utcoffset():
            steps = [day + timedelta(hours=hour) for hour in range(25)]
            offsets = [step.astimezone(place).utcoffset() for step in steps]
            hours += [step for step, old, new in zip(steps, offsets, offsets[1:], strict=False) if old != new]
        day = after
    return hours


def a_local_time(chance: random.Random, zone: str) -> datetime:
    """Any time since 1996; half of them as the clocks showed it within hours of a change."""
    at = datetime(1996, 1, 1) + timedelta(seconds=chance.randrange(30 * 365 * 86400), microseconds=chance.randrange(10**6))
    if clock_changes(zone) and chance.random() < 0.5:
        near = chance.choice(clock_changes(zone)).astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)
        at = near + timedelta(seconds=chance.randrange(-3 * 3600, 4 * 3600), microseconds=at.microsecond)
    return at


@pytest.mark.parametrize("seed", [20260301, 7])
def test_a_time_without_zone_agrees_with_zoneinfo(seed: int) -> None:
    print(f"seed {seed}")
    chance = random.Random(seed)
    cases, expected = [], []
    for _ in range(6000):
        zone, form = chance.choice(ZONES), chance.choice(NAIVE_FORMS)
        at = a_local_time(chance, zone)
        cases.append((form(at), zone))
        expected.append(naive(at, zone))
    assert sum(quality == "ambiguous" for quality, *_ in expected) > 300, "the sample hardly meets a clock change"
    compare(cases, expected)


@pytest.mark.parametrize("seed", [20260302])
def test_a_day_without_time_agrees_with_zoneinfo(seed: int) -> None:
    print(f"seed {seed}")
    chance = random.Random(seed)
    forms = ("%Y-%m-%d", "%Y%m%d", "%d %b %Y", "%d.%m.%Y", "%B %d, %Y", "%A, %d %B %Y")
    cases, expected = [], []
    for _ in range(4000):
        zone = chance.choice(ZONES)
        day = a_local_time(chance, zone).date()
        cases.append((day.strftime(chance.choice(forms)), zone))
        expected.append(whole_day(day, zone))
    compare(cases, expected)


@pytest.mark.parametrize("seed", [20260303])
def test_a_slash_date_takes_both_orders_unless_one_is_impossible(seed: int) -> None:
    print(f"seed {seed}")
    chance = random.Random(seed)
    cases, expected = [], []
    for _ in range(4000):
        first, second, year, zone = chance.randint(1, 31), chance.randint(1, 31), chance.randint(1996, 2025), chance.choice(ZONES)
        clock = f"{chance.randrange(24)}:{chance.randrange(60):02d}"
        mark = chance.choice("/-")
        cases.append((f"{first}{mark}{second}{mark}{year} {clock}", zone))
        spans = set()
        for month, day in ((first, second), (second, first)):
            try:
                local = datetime(year, month, day, *map(int, clock.split(":")))
            except ValueError:
                continue
            spans.add(instants(local, zone))
        if not spans:
            expected.append(("unreadable", None, None))
            continue
        earliest, latest = min(span[0] for span in spans), max(span[1] for span in spans)
        expected.append(("zone_assumed" if earliest == latest else "ambiguous", earliest, latest))
    compare(cases, expected)


@pytest.mark.parametrize("seed", [20260304])
def test_a_time_with_an_offset_is_that_instant(seed: int) -> None:
    print(f"seed {seed}")
    chance = random.Random(seed)
    cases, expected = [], []
    for _ in range(4000):
        minutes = chance.randrange(-12 * 60, 14 * 60 + 1, 15)
        at = a_local_time(chance, NY).replace(tzinfo=timezone(timedelta(minutes=minutes)))
        sign, hours, rest = "-" if minutes < 0 else "+", *divmod(abs(minutes), 60)
        offset = chance.choice((f"{sign}{hours:02d}:{rest:02d}", f"{sign}{hours:02d}{rest:02d}", f" GMT{sign}{hours}:{rest:02d}"))
        stem = chance.choice(("%Y-%m-%dT%H:%M:%S.%f", "%a, %d %b %Y %H:%M:%S.%f ", "%Y-%m-%d %I:%M:%S.%f %p "))
        cases.append((at.strftime(stem) + offset, "Asia/Kathmandu"))
        expected.append(("instant", at.astimezone(UTC), at.astimezone(UTC)))
    compare(cases, expected)


@pytest.mark.parametrize("seed", [20260305])
def test_an_epoch_is_that_instant_in_seconds_milliseconds_and_microseconds(seed: int) -> None:
    print(f"seed {seed}")
    chance = random.Random(seed)
    cases, expected = [], []
    for _ in range(4000):
        microseconds = chance.randrange(790_000_000_000_000, 1_775_000_000_000_000)
        form = chance.choice(("s", "s.f", "ms", "ms.f", "us"))
        unit = {"s": 10**6, "s.f": 1, "ms": 1000, "ms.f": 1, "us": 1}[form]
        microseconds -= microseconds % unit
        texts = {
            "s": f"{microseconds // 10**6}",
            "s.f": f"{microseconds // 10**6}.{microseconds % 10**6:06d}",
            "ms": f"{microseconds // 1000}",
            "ms.f": f"{microseconds // 1000}.{microseconds % 1000:03d}",
            "us": f"{microseconds}",
        }
        at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
        cases.append((texts[form], "Asia/Kathmandu"))
        expected.append(("instant", at, at))
    compare(cases, expected)


@pytest.mark.parametrize("seed", [20260306])
def test_the_fast_forms_give_what_the_general_reading_gives(seed: int) -> None:
    print(f"seed {seed}")
    chance = random.Random(seed)
    fast: list[Case] = []
    for _ in range(4000):
        zone = chance.choice(ZONES)
        at = a_local_time(chance, zone) + timedelta(days=chance.choice((0, 0, -2000, 3000)))
        text = at.strftime(chance.choice(("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f")))
        if chance.random() < 0.3:
            text = str(chance.randrange(700_000_000, 2_000_000_000))
        elif chance.random() < 0.1:
            text = text[:8] + "31" + text[10:]
        if "-" in text and chance.random() < 0.4:
            text += "Z"
        fast.append((text, zone))
    # Any comment, or a fraction of zero, takes a text off the fast way without changing what it says.
    general = [(text + (".0" if text.isdigit() else " ()"), zone) for text, zone in fast]
    compare(fast, read(general))


def test_a_time_is_held_against_the_arrival_of_its_file() -> None:
    received = datetime(2026, 2, 10, 12, tzinfo=UTC)
    assert [quality for quality, *_ in read([("2026-02-11T12:00:00Z", "UTC"), ("2026-02-11T12:00:01Z", "UTC")], received)] == [
        "instant",
        "implausible",
    ]
