"""Showing that there is an identifier without showing it (promise 9). Deciding who may see more is the caller's."""

from __future__ import annotations

import re

_EMAIL = re.compile(r"[^\s@<>\"',;:()\[\]]+@[^\s@<>\"',;:()\[\]]+")
# Seven digits or more, however they are grouped: the shortest subscriber numbers in use have seven.
_NUMBER = re.compile(r"\+?\(?\d(?:[\s().\-/]{0,2}\d){6,}")
# 2026-03-01, 20260301, 2026-03-01 10:00, 20260301T100000: a date in a title is no number of a person.
_DATE = re.compile(r"^(?:19|20)\d\d[-./ ]?(?:0[1-9]|1[0-2])[-./ ]?(?:0[1-9]|[12]\d|3[01])(?:[ ]?\d{2}\d{2}(?:\d{2})?)?$")

# What systems call their files and scopes: a name of a person that somebody typed has a capital or a blank.
_MACHINE_MADE = re.compile(r"[a-z0-9_.\-/\[\]*]*")
# How a sheet of a workbook is called (``Member.title``).
_SHEET = re.compile(r"(.+)(, sheet \d+) '(.*)'")
# Months, days, zones and halves of the day are three letters at most when they stand in a time.
_LONG_WORD = re.compile(r"[^\W\d_]{4,}")
HIDDEN = "(not shown)"


def mask(identifier_type: str, identifier: str) -> str:
    """``a***@example.com``, ``+1******0123``, ``(postal address)``: enough to recognise one's own, not to use another's."""
    if identifier_type == "email":
        local, _, domain = identifier.rpartition("@")
        return f"{local[:1]}***@{domain}"
    if identifier_type == "phone":
        # +1 and +7 are whole country codes; every other one has two digits or three.
        shown = 2 if identifier[:2] in ("+1", "+7") else 3
        hidden = max(len(identifier) - shown - 4, 4)
        return f"{identifier[:shown]}{'*' * hidden}{identifier[-4:] if len(identifier) > shown + 7 else ''}"
    return "(postal address)"


def mask_text(text: str) -> str:
    """Free text that somebody typed (a campaign's title) without the addresses and numbers that may be in it."""
    text = _EMAIL.sub("[address]", text)
    return _NUMBER.sub(lambda found: found[0] if _DATE.match(found[0]) else "[number]", text)


def mask_label(text: str) -> str:
    """The name of a file or scope, if it looks as a machine would make it; else only a file's ending. Of a workbook's sheet the
    number is always shown.
    """
    if sheet := _SHEET.fullmatch(text):
        name = mask_label(sheet[3])
        return mask_label(sheet[1]) + sheet[2] + (f" '{name}'" if name == sheet[3] else "")
    masked = mask_text(text)
    if _MACHINE_MADE.fullmatch(masked):
        return masked
    ending = re.search(r"\.[a-z][a-z0-9]{0,4}$", text)
    return HIDDEN + (ending[0] if ending else "")


def mask_value(text: str, *, shown: bool) -> str:
    """A value of a column that should hold words of a system. One word in small letters, or one that is ``shown`` for another
    reason, is kept but for addresses and numbers; of any other only the first letters are, because it may be a name.
    """
    masked = mask_text(text)[:60]
    if shown or re.fullmatch(r"[a-z0-9_.\-/\[\]*]*", masked):
        return masked
    return re.sub(r"(\w)\w*", r"\1***", masked)


def mask_time(text: str) -> str:
    """A time as somebody wrote it, unless words stand in it."""
    return HIDDEN if _LONG_WORD.search(text) else mask_text(text)
