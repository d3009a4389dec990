"""Contacts that were made against somebody's word or a registry, one by one, and what they may cost. Only looks.

What is a violation is said by the model ``exposure.contacts_made``, and the rules that one broke and what their penalties come to
by the models behind it. A list names its people by masked identifiers, and in full only where it is asked for.
"""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from orchestration.core.config import Config
from orchestration.core.errors import ConfigError
from orchestration.core.files import put_in_place
from orchestration.core.home import Home
from orchestration.core.key import home_key, shown_id
from orchestration.core.masks import mask, mask_text
from orchestration.core.wording import counted, listed, moment, told
from orchestration.evidence.exported import Exported
from orchestration.evidence.reading import evidence_at_hand
from orchestration.evidence.relations import rows

# Columns as a list of them is read: who and what, by which rule, why, and what to do; then where it stands.
COLUMNS = (
    "violation_id", "contacted_at", "is_time_uncertain", "channel", "identifier", "scope", "campaign", "system", "agent",
    "ground", "request_id", "request_source", "request_action", "asked_at", "deadline_at", "registry", "registry_finding",
    "registry_version", "copy_obtained_at", "rule_id", "rule_name", "jurisdiction", "citation", "verification", "root_cause",
    "cause", "answered_by", "fix", "is_inherited", "source", "contact_key", "file_id", "record_no",
)  # fmt: skip
# Of these a list that is masked shows nothing: a key that a system gave may be an address, and an agent is somebody too.
_HIDDEN = ("contact_key", "agent")
_AT_ONCE = 10_000  # rows held at a time while a file is written
# A spreadsheet takes a cell that begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

# A violation of today does not stand behind a thousand of last year.
_NEWEST_FIRST = "contacted_at desc, contact_id"


@dataclass(frozen=True)
class Exposure:
    """What the violations since the first day may cost."""

    by_rule: Sequence[Mapping[str, Any]]
    """Each rule taken alone: the same contact may stand under several, so they are never added up."""
    by_currency: Sequence[Mapping[str, Any]]
    """Each contact once, by the mildest and by the strictest rule that it broke."""


@dataclass(frozen=True)
class Violations:
    """The violations since the first day, the newest first."""

    found: Sequence[Mapping[str, Any]]
    """At most as many as were asked for."""
    total: int
    inherited: int
    """Made before the first day of their source: in no other figure here."""
    outcomes: Mapping[str, int]
    """Outcome -> contacts made since the first day."""
    reasons: Mapping[str, Mapping[str, int]]
    """exempt, not_judged -> why, in words -> contacts."""
    exposure: Exposure
    revealed: bool
    exported: Exported | None

    def as_dict(self) -> dict[str, Any]:
        return {
            "violations": [dict(row) for row in self.found],
            "total": self.total,
            "inherited": self.inherited,
            "contacts": dict(self.outcomes),
            "exempt": dict(self.reasons["exempt"]),
            "not_judged": dict(self.reasons["not_judged"]),
            "exposure_by_rule": [dict(row) for row in self.exposure.by_rule],
            "exposure_by_currency": [dict(row) for row in self.exposure.by_currency],
            "revealed": self.revealed,
            "during_a_run": self.exported and self.exported.as_dict(),
        }

    def lines(self) -> Iterator[str]:
        """For a terminal."""
        if self.exported:
            yield self.exported.sentence()
        yield self.sentence()
        for row in self.found:
            yield from _told(row)
        if len(self.found) < self.total:
            yield f"{self.total - len(self.found):,} older ones are not listed: --limit shows more, --csv writes all."
        yield from cost(self.exposure)
        if self.inherited:
            yield told(
                self.inherited,
                "One more was made before the first day of its source, and is in none of these figures.",
                "# more were made before the first day of their source, and are in none of these figures.",
            )
        if self.found and not self.revealed:
            yield "Identifiers are masked; --reveal shows them."

    def sentence(self) -> str:
        """How many there are, beside what was clean and what nobody can judge."""
        made = sum(self.outcomes.values())
        if not made:
            return "No record of sends, texts or calls was delivered, so nothing can be said about violations."
        parts = [f"{counted(made, 'contact')} made: {counted(self.total, 'violation')}"]
        words = {"clean": "clean", "before_request": "before the request", "in_grace": "within the legal time"}
        parts += [f"{self.outcomes[name]:,} {said}" for name, said in words.items() if self.outcomes.get(name)]
        for name, said in (("exempt", "exempt"), ("not_judged", "that could not be judged")):
            if count := self.outcomes.get(name):
                why = listed([f"{number:,} because {reason}" for reason, number in self.reasons[name].items()])
                parts.append(f"{count:,} {said} ({why})")
        return f"{'; '.join(parts)}."


def violations(home: Home, config: Config, *, limit: int, reveal: bool = False) -> Violations:
    """The newest violations, and figures of all.

    Raises:
        Busy: a run is going on, and none before it exported a set.
    """
    with evidence_at_hand(home, config) as (con, exported):
        outcomes = {
            str(name): int(count)
            for name, count in con.execute(
                "select outcome, sum(contacts)::bigint as contacts from exposure__summary where not is_inherited "
                "group by outcome order by contacts desc, outcome"
            ).fetchall()
        }
        key = home_key(home)
        return Violations(
            found=[_shown(row, key, reveal=reveal) for row in newest(con, limit)],
            total=outcomes.get("violation", 0),
            inherited=int(con.execute("select count(*) from exposure__violations where is_inherited").fetchall()[0][0]),
            outcomes=outcomes,
            reasons={name: reasons(con, name) for name in ("exempt", "not_judged")},
            exposure=exposure(con),
            revealed=reveal,
            exported=exported,
        )


def newest(con: duckdb.DuckDBPyConnection, limit: int) -> list[dict[str, Any]]:
    """The violations made since the first day, the newest first."""
    return rows(
        con, f"select * from exposure__violations where not is_inherited order by {_NEWEST_FIRST} limit $limit", limit=limit
    )


def reasons(con: duckdb.DuckDBPyConnection, outcome: str) -> dict[str, int]:
    """Why contacts have this outcome, in the policy's words."""
    return {
        str(row["said"]): int(row["contacts"])
        for row in rows(
            con,
            """
            select coalesce(causes.said, summary.root_cause, 'unknown') as said, sum(summary.contacts)::bigint as contacts
            from exposure__summary as summary
            left join policy__causes as causes on summary.root_cause = causes.cause
            where not summary.is_inherited and summary.outcome = $outcome
            group by all
            order by contacts desc, said
            """,
            outcome=outcome,
        )
    }


def exposure(con: duckdb.DuckDBPyConnection) -> Exposure:
    """What the violations made since the first day may cost."""
    return Exposure(
        by_rule=rows(
            con,
            """
            select rule_id, rule_name, jurisdiction, citation, contacts, penalty, currency, penalty_per, penalty_turnover_percent,
                penalty_verification, penalty_source, low, high
            from exposure__exposure_by_rule
            where not is_inherited
            order by currency, high desc, rule_id
            """,
        ),
        by_currency=rows(
            con,
            """
            select currency, contacts, low, high, once_high, turnover_percent, has_unverified_figure
            from exposure__exposure_by_currency
            where not is_inherited
            order by currency
            """,
        ),
    )


def cost(exposure: Exposure) -> Iterator[str]:
    """What they may cost, in sentences."""
    if not exposure.by_rule:
        return
    yield "What they may cost, by each rule taken alone (one contact may break several, so these are alternatives and no sum):"
    for row in exposure.by_rule:
        known = "" if row["penalty_verification"] != "M" else " [M] figure from memory"
        yield f"  {row['rule_id']}: {counted(row['contacts'], 'contact')}, {price(row)}{known}"
    for row in exposure.by_currency:
        yield f"Each contact once, {in_all(row)}"
    yield "A ceiling and no forecast; not legal advice."


def price(row: Mapping[str, Any]) -> str:
    """What one rule's violations may cost: ``USD 1,000 to 3,000``."""
    if row["high"] is None:
        return f"not told by contacts ({row['penalty']})" if row["penalty"] else "no figure is known"
    said = span(row["currency"], row["low"], row["high"])
    share = f", or {row['penalty_turnover_percent']} % of the yearly turnover if that is more" if turnover(row) else ""
    return said + ("" if row["penalty_per"] == "contact" else f", once for all of them{share}")


def in_all(row: Mapping[str, Any]) -> str:
    """What one currency comes to."""
    contacts = counted(row["contacts"], "contact")
    parts = []
    if row["high"] is not None:
        parts.append(f"{span(row['currency'], row['low'], row['high'])}, from the mildest rule to the strictest")
    if row["once_high"] is not None:
        share = f" or {row['turnover_percent']} % of the yearly turnover" if row["turnover_percent"] else ""
        other = "; instead of that, or beside it, " if parts else ""
        parts.append(f"{other}up to {row['currency']} {row['once_high']:,}{share} once for all of them")
    known = " (with a figure from memory)" if row["has_unverified_figure"] else ""
    return f"{contacts}: {''.join(parts) or 'no figure is known'}{known}."


def span(currency: str, low: int | None, high: int) -> str:
    """``up to USD 53,088``, ``USD 500 to 1,500``."""
    if not low:
        return f"up to {currency} {high:,}"
    return f"{currency} {low:,}" if low == high else f"{currency} {low:,} to {high:,}"


def turnover(row: Mapping[str, Any]) -> bool:
    """Whether the law takes a share of the turnover where that is more."""
    return row["penalty_turnover_percent"] is not None


def write_csv(home: Home, config: Config, file: Path, *, reveal: bool = False) -> int:
    """Write all violations, inherited ones too, into a file for a spreadsheet; returns how many. Only its owner may read it.

    Raises:
        ConfigError: there is a file of that name already, or no folder for it.
    """
    if file.exists() or not file.parent.is_dir():
        raise ConfigError(
            f"Writing {file}",
            seen="there is a file of that name already" if file.exists() else "there is no such folder",
            allowed="the name of a new file in a folder that exists",
            next_step="name another one; nothing was written",
        )
    key, written = home_key(home), 0
    handle, name = tempfile.mkstemp(prefix=f".{file.name}.", suffix=".tmp", dir=file.parent)
    try:
        with (
            os.fdopen(handle, "w", encoding="utf-8", newline="") as stream,
            evidence_at_hand(home, config) as (con, _),
        ):
            writer = csv.DictWriter(stream, fieldnames=COLUMNS, extrasaction="ignore", lineterminator="\r\n")
            writer.writeheader()
            cursor = con.execute(f"select * from exposure__violations order by {_NEWEST_FIRST}")
            columns = [column[0] for column in cursor.description or ()]
            while batch := cursor.fetchmany(_AT_ONCE):
                writer.writerows(_cells(_shown(dict(zip(columns, values, strict=True)), key, reveal=reveal)) for values in batch)
                written += len(batch)
        put_in_place(Path(name), file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return written


def _cells(row: Mapping[str, Any]) -> dict[str, Any]:
    """As a spreadsheet may open it: a number keeps its plus, and nothing that somebody typed is calculated."""
    cells = {}
    for name, value in row.items():
        text = "" if value is None else value.isoformat() if hasattr(value, "isoformat") else str(value)
        cells[name] = f"'{text}" if text.startswith(_FORMULA) else text
    return cells


def _shown(row: Mapping[str, Any], key: bytes, *, reveal: bool) -> dict[str, Any]:
    """One violation as people see it: keyed ids, and without ``reveal`` a masked identifier and no text that may name people."""
    kept = {name: value for name, value in row.items() if name != "contact_id"}
    kept |= {
        "violation_id": shown_id(key, row["contact_id"]),
        "request_id": shown_id(key, row["request_id"]) if row["request_id"] else None,
    }
    if not reveal:
        kept |= dict.fromkeys(_HIDDEN)
        kept["identifier"] = mask(row["identifier_type"], row["identifier"])
        kept["campaign"] = mask_text(row["campaign"]) if row["campaign"] else None
    return kept


def _told(row: Mapping[str, Any]) -> Iterator[str]:
    what = "by " + " ".join(filter(None, (row["system"] or row["source"], f"({row['campaign']})" if row["campaign"] else "")))
    sure = ", at the earliest" if row["is_time_uncertain"] else ""
    yield f"{row['violation_id']}  {moment(row['contacted_at'])}{sure}: {row['channel']} to {row['identifier']}, {what}"
    yield f"  against {against(row)}"
    yield f"  rule   {row['rule_id']}: {row['rule_name']} ({row['citation']})"
    yield f"  cause  {row['cause']}"
    yield f"  fix    {row['fix']} ({row['answered_by']})"
    yield f"  record {row['file_id']}:{row['record_no']} of {row['source']}"


def against(row: Mapping[str, Any]) -> str:
    """What a violation went against: the request and its time, or the registry and its copy."""
    if row["ground"] == "request":
        beside = f"; {row['registry']} spoke against it too" if row["registry"] else ""
        return (
            f"request {row['request_id']} of {row['request_source']}, made {moment(row['asked_at'])}, "
            f"to be honoured by {moment(row['deadline_at'])}{beside}"
        )
    copy = f"the copy of {moment(row['copy_obtained_at'])}" if row["copy_obtained_at"] else "no copy"
    return f"the registry {row['registry']}, {copy}"
