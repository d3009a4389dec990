"""What a mutant is: one small wrong change to a staging model, a macro, a feed's description or a seed of the policy."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# A word of a meaning, and the wrong one that does most harm in its place.
_WRONG = {
    "request": "not_a_request", "not_a_request": "request", "echo": "request", "quarantine": "not_a_request",
    "contact_made": "not_a_request", "contact": "quarantine", "registry": "not_a_request", "listed": "unlisted",
    "unlisted": "listed", "opt_out": "opt_in", "opt_in": "opt_out", "complaint": "undeliverable", "undeliverable": "opt_out",
    "erasure": "opt_out", "deceased": "opt_out", "all": "email", "email": "voice", "voice": "sms", "sms": "voice",
    "sms_keyword": "web_form", "esp_unsubscribe": "import", "spam_complaint": "import", "esp_resubscribe": "import",
    "call_disposition": "import", "stop": "start", "start": "stop",
}  # fmt: skip
_LITERAL = re.compile(r"'([a-z_]+)'")
_EXCHANGED = [
    (" <> ", " = "),
    (" = ", " <> "),
    (" is not null", " is null"),
    (" is null", " is not null"),
    (" >= ", " < "),
    (" <= ", " > "),
    (" not in ", " in "),
]
_CONDITION = re.compile(r"^\s*(and|or) [^\n]*$", re.MULTILINE)
# Columns of the seeds that decide something. The rest is text for people.
_DECIDING = {
    "method", "channel", "action", "is_enabled", "identifier_type", "is_suppressing", "spreads_to_person", "priority", "triggers",
    "reason", "max_value", "max_unit", "trigger", "channels", "methods", "calendar_id", "status", "valid_from", "valid_to",
    "jurisdiction", "coverage", "max_age_days", "consent_survives_listing", "lifted_by_methods", "meaning", "weekend_days",
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One change. ``path`` is relative to the checkout."""

    path: Path
    line: int
    was: str
    became: str
    text: str
    """The whole file as it is then."""

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.was.strip()[:100]!r} became {self.became.strip()[:100]!r}"


def mutants_of(path: Path, text: str) -> Iterator[Mutant]:
    """Every mutant of one file."""
    changes = {".sql": _of_sql, ".yml": _of_description, ".csv": _of_seed}[path.suffix]
    for start, end, became in changes(text):
        whole = text[:start] + became + text[end:]
        if whole != text:
            yield Mutant(path, text.count("\n", 0, start) + 1, text[start:end], became, whole)


def _of_sql(text: str) -> Iterator[tuple[int, int, str]]:
    comments = [match.span() for match in re.finditer(r"--[^\n]*|\{#.*?#\}", text, re.DOTALL)]

    def is_code(start: int) -> bool:
        return not any(begin <= start < end for begin, end in comments)

    for match in _LITERAL.finditer(text):
        if is_code(match.start()) and match[1] in _WRONG:
            yield match.start(), match.end(), f"'{_WRONG[match[1]]}'"
    for old, new in _EXCHANGED:
        for match in re.finditer(re.escape(old), text):
            # A join's own condition without its equality is no small change; a macro's `set` is no comparison.
            line = text[text.rfind("\n", 0, match.start()) + 1 : text.find("\n", match.end())]
            if is_code(match.start()) and "{%" not in line and "_file_id" not in line:
                yield match.start(), match.end(), new
    for match in _CONDITION.finditer(text):
        if is_code(match.start()) and match[0].count("(") == match[0].count(")"):
            yield match.start(), match.end(), ""


def _of_description(text: str) -> Iterator[tuple[int, int, str]]:
    for match in re.finditer(r"snapshot: true", text):
        if "is_snapshot" not in text[match.start() - 3 : match.end()]:
            yield match.start(), match.end(), "snapshot: false"
    for match in re.finditer(r"kinds: \[(\w+), (\w+)\]", text):
        yield match.start(), match.end(), f"kinds: [{match[1]}]"


def _of_seed(text: str) -> Iterator[tuple[int, int, str]]:
    """A cell of a deciding column gets another row's value."""
    rows = list(csv.DictReader(io.StringIO(text)))
    if "\n" in text.strip() and len(rows) + 1 != len(text.strip().splitlines()):
        return  # a cell with a line's end in it: its rows are not lines
    lines = text.splitlines(keepends=True)
    start = len(lines[0])
    for row, line in zip(rows, lines[1:], strict=True):
        for column in _DECIDING & row.keys():
            others = sorted({other[column] for other in rows} - {row[column]})
            if others:
                buffer = io.StringIO()
                csv.writer(buffer, lineterminator="\n").writerow({**row, column: others[len(line) % len(others)]}.values())
                yield start, start + len(line), buffer.getvalue()
        start += len(line)
