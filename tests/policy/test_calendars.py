"""The committed calendars: what the command writes, and what the laws say of days that are easily got wrong."""

from __future__ import annotations

from datetime import date

import pytest

from orchestration.core.errors import ConfigError
from tools import calendars


def test_the_committed_days_are_what_the_command_writes() -> None:
    assert calendars.HOLIDAYS.read_text(encoding="utf-8") == calendars.render(), (
        "run `python -m tools.calendars` and review what changes"
    )


@pytest.fixture(scope="module")
def days_off() -> dict[str, set[date]]:
    return {name: set(days) for name, days in calendars.days_off(calendars.read_calendars()).items()}


@pytest.mark.parametrize(
    ("calendar", "day", "is_off", "why"),
    [
        ("US-FED", "2026-07-03", True, "4 July 2026 is a Saturday, observed the day before"),
        ("US-FED", "2027-12-31", True, "New Year's Day 2028 is a Saturday, observed in the year before"),
        ("US-FED", "2020-06-19", False, "Juneteenth is a federal holiday since 2021"),
        ("US-FED", "2026-11-27", False, "the day after Thanksgiving is none"),
        ("CA-FED", "2026-05-18", True, "Victoria Day, which the library's default leaves out"),
        ("CA-FED", "2026-12-28", True, "Boxing Day is a Saturday, observed on Monday"),
        ("CA-FED", "2026-08-03", False, "the civic holiday is provincial"),
        ("AU", "2026-12-25", True, "a holiday everywhere"),
        ("AU", "2026-10-05", False, "Labour Day in New South Wales is none in Victoria"),
        ("AU-NSW", "2026-10-05", True, "Labour Day"),
        ("GB", "2026-11-30", False, "Saint Andrew's Day is Scottish"),
        ("GB-SCT", "2026-11-30", True, "Saint Andrew's Day"),
        ("NZ", "2026-12-30", True, "the shutdown"),
        ("NZ", "2027-01-04", True, "2 January 2027 is a Saturday, observed on Monday"),
        ("NZ", "2027-01-05", False, "the longer shutdown of older texts would give a later date"),
        ("HK", "2026-12-26", True, "the first weekday after Christmas, a Saturday, which is a weekday there"),
        ("SG", "2026-02-18", True, "the second day of Chinese New Year"),
    ],
)
def test_days_that_are_easily_got_wrong(days_off: dict[str, set[date]], calendar: str, day: str, is_off: bool, why: str) -> None:
    assert (date.fromisoformat(day) in days_off[calendar]) is is_off, f"{calendar} {day}: {why}"


def test_no_day_off_is_a_weekend_day(days_off: dict[str, set[date]]) -> None:
    for name, row in calendars.read_calendars().items():
        weekend = row["weekend_days"].split(";")
        assert not [day for day in days_off[name] if str(day.isoweekday()) in weekend], name


def test_another_version_of_the_library_is_refused() -> None:
    rows = calendars.read_calendars()
    rows["US-FED"] = {**rows["US-FED"], "library": "holidays 0.1"}
    with pytest.raises(ConfigError, match=r"calendar US-FED says holidays 0\.1"):
        calendars.days_off(rows)
