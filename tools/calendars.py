"""The committed snapshot of holidays: ``python -m tools.calendars`` writes it again.

Runs only when somebody changes a calendar or takes a new version of ``holidays``, a development dependency: a deadline
must not move because a library was upgraded. What each calendar is stands in ``seeds/policy/calendars.csv``; how days
are counted stands in the models of ``deadlines``.
"""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from pathlib import Path

from orchestration.core.errors import ConfigError
from orchestration.core.files import write_atomic
from orchestration.core.home import CHECKOUT

POLICY = CHECKOUT / "dbt_project" / "seeds" / "policy"
CALENDARS = POLICY / "calendars.csv"
HOLIDAYS = POLICY / "calendar_holidays.csv"

# Requests older than 2015 are judged without holidays, which gives the earlier date; past 2035 the library guesses.
YEARS = range(2015, 2036)

_TRIED = "Writing the calendar of holidays"


def read_calendars(path: Path = CALENDARS) -> dict[str, dict[str, str]]:
    """The rows of the ``calendars`` seed by their id."""
    with path.open(encoding="utf-8", newline="") as stream:
        return {row["calendar_id"]: row for row in csv.DictReader(stream)}


def days_off(calendars: dict[str, dict[str, str]]) -> dict[str, dict[date, str]]:
    """The holidays of every calendar, weekend days among them left out: they are no business days anyway.

    Raises:
        ConfigError: ``holidays`` is missing, or is not the version that the calendars name.
    """
    found = {name: _own_days(name, row) for name, row in calendars.items() if row["is_common"] == "false"}
    for name, row in calendars.items():
        if row["is_common"] == "true":
            family = [found[other] for other, its in calendars.items() if its["family"] == row["family"] and other != name]
            found[name] = {day: family[0][day] for day in set.intersection(*(set(days) for days in family))}
    return {
        name: {
            day: label
            for day, label in sorted(found[name].items())
            if str(day.isoweekday()) not in row["weekend_days"].split(";")
        }
        for name, row in calendars.items()
    }


def _own_days(name: str, row: dict[str, str]) -> dict[date, str]:
    if not row["country"]:
        return {}
    _require_library(name, row["library"])
    import holidays

    days: dict[date, str] = dict(
        holidays.country_holidays(
            row["country"],
            subdiv=row["subdivision"] or None,
            categories=(row["category"] or "public",),
            # The year after too: a New Year's Day on a Saturday is observed on the last day of the last year.
            years=range(YEARS.start, YEARS.stop + 1),
            language="en_US",
        )
    )
    if row["closed_from"]:
        days |= _shutdown(row["closed_from"], row["closed_to"])
    return {day: label for day, label in days.items() if day.year in YEARS}


def _shutdown(first: str, last: str) -> dict[date, str]:
    """Every day from ``first`` to ``last`` (MM-DD) of the year after, for a shutdown that spans the New Year."""
    days: dict[date, str] = {}
    for year in range(YEARS.start - 1, YEARS.stop):
        day, end = date.fromisoformat(f"{year}-{first}"), date.fromisoformat(f"{year + 1}-{last}")
        while day <= end:
            days[day] = "Shutdown"
            day += timedelta(days=1)
    return days


def _require_library(name: str, wanted: str) -> None:
    try:
        import holidays
    except ImportError:
        raise ConfigError(
            _TRIED, seen="the package holidays is not installed", next_step="install the development dependencies"
        ) from None
    installed = f"holidays {holidays.__version__}"
    if installed != wanted:
        raise ConfigError(
            _TRIED,
            seen=f"{installed} is installed, calendar {name} says {wanted or 'nothing'}",
            allowed="one version for the snapshot and its description",
            next_step=f"install {wanted}, or write '{installed}' into {CALENDARS.name} and review what changes",
        )


def render() -> str:
    """The text of the ``calendar_holidays`` seed."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("calendar_id", "day", "name"))
    for name, days in days_off(read_calendars()).items():
        writer.writerows((name, day.isoformat(), label) for day, label in days.items())
    return text.getvalue()


if __name__ == "__main__":
    write_atomic(HOLIDAYS, render())
    HOLIDAYS.chmod(0o644)  # a public seed, unlike what write_atomic is made for
