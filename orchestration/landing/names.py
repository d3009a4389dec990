"""What a file's name says: a date, and which list it is."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath

# 2026-04-01, 2026_04_01 or 20260401, with an optional time: 20260401T101112, 2026-04-01_10-11-12, 2026-04-01-1011.
_DATE = re.compile(
    r"(?<![0-9])(?P<year>(?:19|20)\d\d)(?P<dash>[-_.]?)(?P<month>\d\d)(?P=dash)(?P<day>\d\d)"
    r"(?:[T_ -]?(?P<hour>[01]\d|2[0-3])(?P<colon>[-_.:]?)(?P<minute>[0-5]\d)(?:(?P=colon)(?P<second>[0-5]\d))?Z?)?"
    r"(?![0-9])"
)
# What browsers and people add to the name of a second copy.
_COPY = re.compile(r"(^copy of )|([ _-]?\(\d+\))|([ _-]copy)", re.IGNORECASE)
# What spreadsheet programs call a sheet that nobody has named, in the languages they come in: it says nothing of what is in it.
_UNNAMED_SHEET = re.compile(
    r"(?:work)?sheet|tabelle|feuil(?:le)?|hoja|foglio|planilha|plan|folha|blad|ark|taul|arkusz|list|munka|sayfa|лист|シート|工作表",
    re.IGNORECASE,
)
# A clock that is a little ahead still says when; more than a day ahead, the digits mean something else.
_AHEAD = timedelta(days=1)


def date_in(name: str, received_at: datetime) -> datetime | None:
    """The moment that a file's name carries, read as UTC; the last one when there are several (a range's end)."""
    found = None
    for match in _DATE.finditer(PurePosixPath(name).name):
        parts = [int(match[part] or 0) for part in ("year", "month", "day", "hour", "minute", "second")]
        try:
            moment = datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]
        except ValueError:
            continue
        if moment <= received_at + _AHEAD:
            found = moment
    return found


def list_name(name: str) -> str:
    """The base name without the marks of a second copy: what of a name may say which list a file holds."""
    return _COPY.sub("", PurePosixPath(name).name).casefold()


def name_with_sheet(name: str, sheet: str) -> str:
    """A workbook's name and its sheet's as the one name of a delimited file, for either may say which list it is."""
    path = PurePosixPath(name)
    told = "" if _UNNAMED_SHEET.fullmatch(re.sub(r"[\s\d()_-]+", "", sheet)) else f"_{sheet.replace('/', ' ')}"
    return str(path.with_name(f"{path.stem}{told}.csv"))
