"""What a source usually brings: literal histories, and random ones beside a naive reckoning."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pytest

from orchestration.core.config import parse_config
from orchestration.core.errors import ConfigError
from orchestration.core.home import CHECKOUT, Home
from orchestration.core.warehouse import warehouse
from orchestration.gate import judging
from orchestration.gate.suites import NAMED, PARTS, load_suites
from orchestration.landing.manifest import Entry, Member, Settings, append
from tests.gate.house import AS_OF, CONFIG, build_house, config_of, spoil
from tests.seed import SEED

QUERY = next(suite for suite in load_suites() if suite.name == "volumes").query or ""
WEDNESDAY = date(2026, 4, 1)
MONDAY = date(2026, 5, 25)  # Memorial Day
TABLES = """
create schema raw; create schema ledger; create schema run; create schema policy;
create table raw.landed_files (file_id varchar, sha256 varchar, source varchar, vendor varchar, feed varchar);
create table ledger.conservation (file_id varchar, records_read bigint);
create table run.acknowledged (file_id varchar);
create table run.deliveries (source varchar, sha256 varchar, received_at timestamptz);
create table run.sources (source varchar, timezone varchar, region varchar, volume_factor double);
create table run.snapshot_feeds as select 'crm' as vendor, 'contacts' as feed;
"""


@dataclass(frozen=True)
class Came:
    """One file of a source."""

    at: datetime
    records: int | None
    feed: str = "requests"
    source: str = "web"
    vendor: str = "crm"
    sha256: str = ""
    acknowledged: bool = False


@dataclass(frozen=True)
class Source:
    timezone: str = "UTC"
    region: str | None = None
    factor: float = 4.0


def weekly(records: Iterable[int | None], day: date = WEDNESDAY, hour: int = 4, feed: str = "requests") -> list[Came]:
    """One file a week, the last on ``day``; None: none came."""
    counts = list(records)
    days = [day - timedelta(weeks=len(counts) - 1 - number) for number in range(len(counts))]
    return [
        Came(datetime.combine(on, time(hour), UTC), count, feed)
        for on, count in zip(days, counts, strict=True)
        if count is not None
    ]


def said(came: Iterable[Came], sources: Mapping[str, Source]) -> dict[str, list[str]]:
    """What the suite's query says: small and large -> what it names."""
    con = duckdb.connect()
    con.execute("set timezone = 'America/Los_Angeles'")  # what is usual must not depend on the machine's zone
    con.execute(TABLES)
    for seed in ("calendars", "calendar_holidays"):
        con.execute(f"create table policy.{seed} as select * from read_csv('{CHECKOUT}/dbt_project/seeds/policy/{seed}.csv')")
    for name, source in sources.items():
        con.execute("insert into run.sources values (?, ?, ?, ?)", [name, source.timezone, source.region, source.factor])
    files = [(str(number), file.sha256 or str(number), file) for number, file in enumerate(came)]
    landed = {(file.source, sha256): (file_id, sha256, file) for file_id, sha256, file in reversed(files)}.values()
    rows: dict[str, list[tuple[object, ...]]] = {
        "run.deliveries": [(file.source, sha256, file.at.isoformat()) for _, sha256, file in files],
        "raw.landed_files": [(file_id, sha256, file.source, file.vendor, file.feed) for file_id, sha256, file in landed],
        "ledger.conservation": [(file_id, file.records) for file_id, _, file in landed],
        "run.acknowledged": [(file_id,) for file_id, _, file in landed if file.acknowledged],
    }
    for table, some in rows.items():
        columns = list(map(list, zip(*some, strict=True)))
        con.execute(f"insert into {table} select {', '.join(['unnest(?)'] * len(columns))}" if some else "select 1", columns)
    (row,) = con.execute(QUERY).fetchall()
    small, large, small_where, large_where = row
    found = {
        "small": [thing.replace(PARTS, ": ") for thing in (small_where or "").split(NAMED) if thing],
        "large": [thing.replace(PARTS, ": ") for thing in (large_where or "").split(NAMED) if thing],
    }
    assert [small, large] == [len(found["small"]), len(found["large"])], "counted what is not named"
    return found


def is_told(came: Iterable[Came], source: Source | None = None) -> str:
    found = said(came, {"web": source or Source()})
    return "small" if found["small"] else "large" if found["large"] else ""


STEADY = [100, 110, 90, 100, 105, 95, 100, 100]
LITERAL: list[tuple[str, list[Came], Source, str]] = [
    ("a day like all others", weekly([*STEADY, 100]), Source(), ""),
    ("a quarter is still usual", weekly([*STEADY, 25]), Source(), ""),
    ("less than a quarter", weekly([*STEADY, 24]), Source(), "small"),
    ("a file with nothing but its header", weekly([*STEADY, 0]), Source(), "small"),
    ("four times as many is still usual", weekly([*STEADY, 400]), Source(), ""),
    ("more than four times", weekly([*STEADY, 401]), Source(), "large"),
    ("what the company calls unusual", weekly([*STEADY, 49]), Source(factor=2), "small"),
    ("and a source that nobody wants to hear of", weekly([*STEADY, 0]), Source(factor=0), ""),
    ("a new source: three weeks are no history", weekly([100, 100, 100, 0]), Source(), ""),
    ("four weeks are", weekly([100, 100, 100, 100, 0]), Source(), "small"),
    ("the first load of years, in a history", weekly([900_000, 100, 100, 100, 100, 380]), Source(), ""),
    ("one wild week among eight moves nothing", weekly([100, 100, 9_000, 100, 0, 100, 100, 100, 401]), Source(), "large"),
    ("few are few by chance", weekly([3, 5, 4, 6, 3, 4, 5, 2, 0]), Source(), ""),
    ("twenty more are chance", weekly([3, 5, 4, 6, 3, 4, 5, 2, 24]), Source(), ""),
    ("twenty-one more are not", weekly([3, 5, 4, 6, 3, 4, 5, 2, 25]), Source(), "large"),
    ("a feed with nothing on most days that is full at once", weekly([0, 0, 0, 0, 0, 0, 0, 0, 21]), Source(), "large"),
    ("eight weeks ago counts, and nine does not", weekly([100, None, None, None, None, None, 100, 100, 100, 0]), Source(), ""),
    ("another weekday's usual is not this one's",
     weekly([10] * 8, WEDNESDAY - timedelta(days=1)) + weekly([*STEADY, 100]), Source(), ""),
    ("Tuesday's little on a Wednesday",
     weekly([10] * 8, WEDNESDAY - timedelta(days=1)) + weekly([*STEADY, 10]), Source(), "small"),
    ("a feed that comes every other week, and does",
     weekly([100, None] * 4 + [100]) + weekly([50] * 9, feed="other"), Source(), ""),
    ("a feed that comes every other week, and does not",
     weekly([None, 100] * 4 + [None]) + weekly([50] * 9, feed="other"), Source(), ""),
    ("a feed that did not come, while another did", weekly([*STEADY, None]) + weekly([50] * 9, feed="other"), Source(), "small"),
    ("a source that did not come at all is silent, not small", weekly([*STEADY, None]), Source(), ""),
    ("a holiday is quiet", weekly([*STEADY, 2], MONDAY), Source(region="US"), ""),
    ("the day after it too", weekly([*STEADY, 2], MONDAY + timedelta(days=1)), Source(region="US-CA"), ""),
    ("not where it is none", weekly([*STEADY, 2], MONDAY), Source(region="SG"), "small"),
    ("and a holiday is no excuse for much", weekly([*STEADY, 401], MONDAY), Source(region="US"), "large"),
    ("a holiday of a part of the country", weekly([*STEADY, 2], date(2026, 11, 30)), Source(region="GB-SCT"), ""),
    ("which is none of the other part", weekly([*STEADY, 2], date(2026, 11, 30)), Source(region="GB-ENG"), "small"),
    ("holidays are no history: with the third one left out there are three weeks",
     weekly([100, 2, 100, 100, 2], MONDAY + timedelta(weeks=3)), Source(region="US"), ""),
    ("a holiday in a history is no low week",
     weekly([100, 100, 100, 100, 2, 2, 2, 2, 380], MONDAY + timedelta(weeks=4)), Source(region="US"), ""),
    ("a day that is not over is beside what had come by then",
     weekly(STEADY)[:-1] + weekly([450] * 8, hour=16)[:-1] + weekly([None, 100]), Source(), ""),
    ("a day with both beside days with both",
     weekly(STEADY)[:-1] + weekly(STEADY, hour=16)[:-1] + weekly([None, 20]) + weekly([None, 20], hour=16), Source(), "small"),
    ("an hour later than usual is no other hour", weekly(STEADY, hour=5)[:-1] + weekly([None, 0]), Source(), "small"),
    ("the same bytes twice on one day are one file",
     [*weekly([*STEADY]), *[Came(datetime(2026, 4, 8, hour, tzinfo=UTC), 250, sha256="same") for hour in (3, 4)]], Source(), ""),
    ("which came when it first did",
     [Came(file.at + timedelta(hours=more), 100, sha256=f"{file.at}") for file in weekly(STEADY)[:-1] for more in (0, 16)]
     + weekly([None, 0]), Source(), "small"),
    ("the same bytes on another day say that nothing changed",
     [Came(file.at, 100, sha256="unchanged") for file in weekly([*STEADY, 0])], Source(), ""),
    ("each delivery of a list that repeats everything is all of it",
     weekly(STEADY, feed="contacts") + weekly([None] * 7 + [90], feed="contacts", hour=3)
     + [Came(datetime(2026, 4, 8, hour, tzinfo=UTC), 390, "contacts") for hour in (1, 2, 3, 4)], Source(), ""),
    ("and of another feed a part of it",
     weekly(STEADY) + [Came(datetime(2026, 4, 8, hour, tzinfo=UTC), 390) for hour in (1, 2, 3, 4)], Source(), "large"),
    ("a file that a person has seen is no longer told",
     [*weekly([*STEADY, None]), Came(datetime(2026, 4, 1, 4, tzinfo=UTC), 0, acknowledged=True)], Source(), ""),
    ("a file without an account is not read, and told elsewhere",
     [*weekly(STEADY), Came(datetime(2026, 4, 8, 4, tzinfo=UTC), None)], Source(), ""),
    ("the day is the source's own: 23 hours on Tuesday are Wednesday in Berlin",
     [Came(datetime(2026, 1, 27, 23, 30, tzinfo=UTC) + timedelta(weeks=week), 100) for week in range(8)]
     + [Came(datetime(2026, 3, 25, 0, tzinfo=UTC), 10)], Source("Europe/Berlin"), "small"),
]  # fmt: skip


@pytest.mark.parametrize(("case", "came", "source", "told"), LITERAL, ids=[case for case, *_ in LITERAL])
def test_what_is_usual(case: str, came: list[Came], source: Source, told: str) -> None:
    assert is_told(came, source) == told, case


def test_the_sentence_names_the_feed_the_count_the_range_and_the_weekday() -> None:
    came = weekly([*STEADY, 3]) + [Came(file.at, file.records, source="crm") for file in weekly([*STEADY, 5_000])]
    assert said(came, {"web": Source(), "crm": Source(factor=2)}) == {
        "small": ["web: requests 3 Wednesday 2026-04-01 25 400"],
        "large": ["crm: requests 5000 Wednesday 2026-04-01 50 200"],
    }


def naive(came: list[Came], sources: Mapping[str, Source], holidays: Mapping[str, set[date]]) -> dict[str, list[str]]:
    """The same by hand: for each source, day by day."""
    found: dict[str, list[str]] = {"small": [], "large": []}
    for name, source in sources.items():
        if not source.factor:
            continue
        zone = ZoneInfo(source.timezone)
        first: dict[tuple[date, str], tuple[datetime, Came]] = {}
        for number, file in enumerate(came):
            if file.source != name:
                continue
            local = file.at.astimezone(zone).replace(tzinfo=None)
            key = (local.date(), file.sha256 or str(number))
            if key not in first or local < first[key][0]:
                first[key] = (local, file)
        if not first:
            continue
        newest = max(local for local, _ in first.values())
        until = newest - datetime.combine(newest.date(), time()) + timedelta(minutes=90)
        moments: dict[str, dict[date, dict[datetime, int]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(int)))
        for (day, _), (local, file) in first.items():
            weeks, rest = divmod((newest.date() - day).days, 7)
            if not rest and weeks <= 8 and local - datetime.combine(day, time()) <= until:
                moments[file.feed][day][local] += file.records or 0
        closed = {day + timedelta(days=more) for day in holidays.get(source.region or "", ()) for more in (0, 1)}
        before = {day for days in moments.values() for day in days if day < newest.date() and day not in closed}
        for feed in sorted(moments):
            pick = max if feed == "contacts" else sum
            on = {day: pick(parts.values()) for day, parts in moments[feed].items()}
            its = sorted(on[day] for day in before if day in on)
            if len(its) < 4:
                continue
            every = sorted(on.get(day, 0) for day in before)
            low, high = every[math.ceil(len(every) / 2) - 1], its[math.ceil(len(its) / 2) - 1]
            least = math.ceil(max(0, min(low / source.factor, low - 20)))
            most = math.floor(max(high * source.factor, high + 20))
            count = on.get(newest.date(), 0)
            sentence = f"{name}: {feed} {count} {newest:%A %Y-%m-%d} {least} {most}"
            if count < least and newest.date() not in closed:
                found["small"].append(sentence)
            if count > most:
                found["large"].append(sentence)
    return found


@pytest.mark.parametrize("seed", [SEED, SEED + 1, SEED + 2])
def test_random_histories_are_judged_as_by_hand(seed: int) -> None:
    rng = random.Random(seed)
    federal = {
        date.fromisoformat(line.split(",")[1])
        for line in (CHECKOUT / "dbt_project/seeds/policy/calendar_holidays.csv").read_text().splitlines()
        if line.startswith("US-FED,")
    }
    told = 0
    for _ in range(10):
        zones = ("UTC", "America/New_York", "Asia/Kolkata", "Pacific/Auckland", "Europe/Berlin")
        sources = {
            name: Source(rng.choice(zones), rng.choice(["US", None, "ZZ"]), rng.choice([0, 1.5, 2, 3, 4]))
            for name in ("a", "b", "c")
        }
        begin = datetime(2026, rng.randint(1, 10), rng.randint(1, 28), tzinfo=UTC)
        came = []
        for source in sources:
            for feed in ("contacts", "requests", "stops"):
                usual, often = rng.choice([0, 5, 30, 300]), rng.choice([0.5, 0.9, 1])
                days = rng.choice([10, 30, 75])
                for day in range(days):
                    wild = rng.choice([0, 0.1, 1, 10]) if day == days - 1 else 1
                    for hour in rng.sample((0, 3, 4, 5, 12, 23), rng.choice([1, 1, 2, 3])):
                        if rng.random() < often:
                            records = int(usual * wild * rng.choice([1, 1, 1, 0.9, 1.2, 0, 0.2, 5]))
                            same = rng.choice(["", "", "", f"{feed}-{usual}-{records}"])
                            at = begin + timedelta(days=day, hours=hour, minutes=rng.randint(0, 59))
                            came.append(Came(at, records, feed, source, sha256=same))
        found = said(came, sources)
        told += sum(map(len, found.values()))
        assert found == naive(came, sources, {"US": federal}), f"seed {seed}: {sources}, from {begin}"
    assert told > 2, f"seed {seed}: hardly anything was unusual, so hardly anything was compared"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Four Wednesdays with a hundred records, and one with 7; each came with a run that the manifest knows."""
    home = build_house(tmp_path_factory.mktemp("volumes") / "home")
    prev, sql = "0" * 64, ""
    for week, records in enumerate([100, 100, 100, 100, 7]):
        at, sha256 = AS_OF - timedelta(weeks=4 - week), f"{week:064d}"
        member = Member(f"asks-{week}.csv", sha256, 600)
        settings = Settings("requests", "*", "UTC", "US")
        prev = append(home, Entry(week + 1, sha256, 600, "web", settings, member.name, at, at, (member,), (), prev)).hash
        sql += f"""
            insert into raw.landed_files (file_id, sha256, source, vendor, feed, name, size_bytes, received_at)
            values (repeat('{week}', 32), '{sha256}', 'web', 'canonical', 'requests', '{member.name}', 600, '{at.isoformat()}');
            insert into ledger.conservation (file_id, source, received_at, records_read, entries, difference, quarantined)
            values (repeat('{week}', 32), 'web', '{at.isoformat()}', {records}, 0, 0, 0);
        """
    spoil(home, sql)
    return home


def test_a_run_says_what_is_unusual_and_goes_on(home: Home) -> None:
    verdict = judging.judge("entry", home, config_of(home), AS_OF)
    (told,) = [result for result in verdict.results if result.suite == "volumes" and not result.success]
    assert told.level == "alert"
    assert told.found == (
        "One feed brought far less than usual: web (requests: 7 on Wednesday 2026-04-01, usually 25 to 400). "
        "Next step: ask who delivers whether it is all, and for the rest; sources.NAME.volume_factor says how much may differ"
    )


def test_the_factor_is_the_sources_own_and_what_quietlist_fills_has_none(home: Home, tmp_path: Path) -> None:
    config = parse_config(CONFIG.replace("[sources.web]\n", "[sources.web]\nvolume_factor = 20\n"), tmp_path / "quietlist.toml")
    verdict = judging.judge("entry", home, config, AS_OF)
    assert [result for result in verdict.results if result.suite == "volumes" and not result.success] == []
    with warehouse(home, read_only=True) as con:
        judging.lay_out(con, "entry", home, config, [])
        assert con.execute("select source, volume_factor from run.sources order by source").fetchall() == [
            ("decisions", 0),
            ("web", 20),
        ]


@pytest.mark.parametrize("factor", ["1", "-4", "0.5", "1001", "nan", "'four'"])
def test_a_factor_that_can_mean_nothing_is_refused(factor: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"sources\.web\.volume_factor"):
        parse_config(CONFIG.replace("[sources.web]\n", f"[sources.web]\nvolume_factor = {factor}\n"), tmp_path / "quietlist.toml")
