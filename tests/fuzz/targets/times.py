"""Any text as a time, one a line: never an exception; what is read lies in order, and no quality promises what is not there."""

from __future__ import annotations

import re

import pyarrow as pa

from tests.staging.macros import connect, load

_ZONES = ("UTC", "America/New_York", "Europe/London", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia")
_READ = {"instant", "zone_assumed", "date", "ambiguous"}
_CON = connect()
_CON.execute("set threads = 1")
_TIME = load().read_time("t.text", "t.zone", "timestamptz '2026-04-01 00:00:00+00'")
_QUERY = f"select (r).quality, (r).earliest, (r).latest from (select place, {_TIME} as r from t) order by place"
# How many lines are asked about at once: see phone_numbers.
batch = 1
_waiting: list[str] = []
# The forms with a short way of their own, and how to say the same so that the general way reads it.
_FAST = re.compile(r"\d{9,10}|\d{4}-\d\d-\d\d[ T]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?", re.ASCII)


def check(data: bytes) -> None:
    """Each line has a reading, or a reason why it has none."""
    _waiting.extend(data.decode("utf-8", "replace").split("\n"))
    if len(_waiting) >= batch:
        lines = list(dict.fromkeys(_waiting))
        _waiting.clear()
        _check(lines, _ZONES[len(data) % len(_ZONES)])


def _check(lines: list[str], a_zone: str) -> None:
    fast = [line for line in lines if _FAST.fullmatch(line)]
    slow = [line + (".0" if line.isdigit() else " ()") for line in fast]
    for zone in (a_zone, "UTC"):
        answers = _read([*lines, *slow], zone)
        for line in lines:
            quality, earliest, latest = answers[line]
            assert (quality in _READ) == (earliest is not None) == (latest is not None), f"{line!r}: {answers[line]}"
            if earliest is None or latest is None:
                assert quality in ("none", "unreadable", "implausible"), f"{line!r}: {quality}"
            else:
                assert earliest <= latest, f"{line!r} in {zone}: {answers[line]}"
                assert quality not in ("instant", "zone_assumed") or earliest == latest, f"{line!r} in {zone}: {answers[line]}"
        for quick, general in zip(fast, slow, strict=True):
            assert answers[quick] == answers[general], f"{quick!r} in {zone}: {answers[quick]}, in general {answers[general]}"


def _read(texts: list[str], zone: str) -> dict[str, tuple[object, ...]]:
    columns = {"place": range(len(texts)), "text": pa.array(texts, pa.string()), "zone": [zone] * len(texts)}
    _CON.register("t", pa.table(columns))
    rows = _CON.execute(_QUERY).fetchall()
    return dict(zip(texts, rows, strict=True))
