"""The rules as people read them: a list of those in force, and a page about one. Read from the policy; no home is needed."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

from orchestration.core.errors import ConfigError
from orchestration.core.home import CHECKOUT
from orchestration.core.wording import counted, limit, listed

FOLDER = CHECKOUT / "dbt_project" / "seeds" / "policy"
RULES_FILE = FOLDER / "rules.csv"

KINDS = {
    "request": ("direct_request",),
    "erasure": ("erasure_request",),
    "platform": ("platform_rule",),
    "registry": ("registry_listing",),
    "consent": ("statutory_default",),
    "promise": ("company_promise",),
}
"""What somebody may ask for by word -> the triggers it means."""

_TRIGGERS = {
    "direct_request": "somebody asks to be left alone",
    "erasure_request": "somebody asks to be erased",
    "platform_rule": "a mailbox provider or carrier demands it when somebody asks",
    "registry_listing": "somebody is on a registry",
    "statutory_default": "the law asks for consent before any contact; it sets no clock",
    "company_promise": "no law that we know sets a limit",
}
_VERIFICATION = {
    "V": "the law itself, or its regulator's own text, was read",
    "S": "a secondary source was read, not the law itself",
    "M": "written down from memory and NOT VERIFIED: have counsel confirm it",
}
_STATUS = {
    "in_force": "in force",
    "waived_until": "waived until it begins",
    "enacted_not_in_force": "enacted, not in force; it sets no clock",
    "contested": "contested in court: the strict reading is taken",
    "unverified": "unverified",
}
_PER = {
    "contact": "for each contact",
    "infringement": "once for all contacts",
    "request_day": "for each request and day",
}
_FIGURES = {
    "V": "read there",
    "S": "as a secondary source tells it",
    "M": "figures from memory: have counsel confirm them",
}
_EVER = {"any", "*"}


@dataclass(frozen=True)
class Rule:
    """One row of ``rules.csv``; empty cells are empty texts."""

    rule_id: str
    name: str
    jurisdiction: str
    channels: str
    trigger: str
    methods: str
    max_value: str
    max_unit: str
    clock_start: str
    calendar_id: str
    scope_entity: str
    scope_channel: str
    scope_purpose: str
    lasts_value: str
    lasts_unit: str
    override_by: str
    exceptions: str
    confirmation_minutes: str
    penalty: str
    penalty_low: str
    penalty_high: str
    penalty_currency: str
    penalty_per: str
    penalty_turnover_percent: str
    penalty_verification: str
    penalty_source: str
    citation: str
    source_url: str
    verification: str
    verified_on: str
    valid_from: str
    valid_to: str
    status: str

    @property
    def begins(self) -> date | None:
        return date.fromisoformat(self.valid_from) if self.valid_from else None

    @property
    def ends(self) -> date | None:
        return date.fromisoformat(self.valid_to) if self.valid_to else None

    def is_in_force(self, day: date) -> bool:
        """Whether a request of that day is judged by it."""
        begun = self.begins is None or self.begins <= day
        return begun and (self.ends is None or day <= self.ends) and self.status != "enacted_not_in_force"

    @property
    def time(self) -> str:
        """What it allows, in words."""
        if self.trigger == "company_promise":
            return "company.target_hours of quietlist.toml"
        return limit(int(self.max_value) if self.max_value else None, self.max_unit or None, self.clock_start or None)

    @property
    def figures(self) -> str:
        """The penalty as it is counted, and how well that is known."""
        if not self.penalty_high:
            return ""
        low = f"{int(self.penalty_low):,} to " if self.penalty_low else "up to "
        share = f", or {self.penalty_turnover_percent} % of the yearly turnover" if self.penalty_turnover_percent else ""
        return (
            f"{self.penalty_currency} {low}{int(self.penalty_high):,}{share}, {_PER[self.penalty_per]}; "
            f"from {self.penalty_source} ({_FIGURES[self.penalty_verification]})"
        )

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def read_rules() -> list[Rule]:
    """Every rule of the policy in its order."""
    with RULES_FILE.open(encoding="utf-8", newline="") as stream:
        return [Rule(**row) for row in csv.DictReader(stream)]


def chosen(day: date | None, *, region: str | None = None, channel: str | None = None, kind: str | None = None) -> list[Rule]:
    """The rules in force on a day (None: all there ever were), for people of a region, on a channel, of a kind."""
    places = _places(region) if region else None
    return [
        rule
        for rule in read_rules()
        if (day is None or rule.is_in_force(day))
        and (places is None or rule.jurisdiction in places)
        and (channel is None or _EVER & set(rule.channels.split(";")) or channel in rule.channels.split(";"))
        and (kind is None or rule.trigger in KINDS[kind])
    ]


def rule_named(rule_id: str) -> Rule:
    """The rule of that id, in any case.

    Raises:
        ConfigError: there is none; those like it are named.
    """
    rules = {rule.rule_id: rule for rule in read_rules()}
    if (found := rules.get(rule_id.strip().upper())) is not None:
        return found
    close = difflib.get_close_matches(rule_id.upper(), rules, n=3, cutoff=0.4)
    raise ConfigError(
        f"Looking up the rule {rule_id}",
        seen="no rule of the policy has that name",
        allowed=listed(close) if close else "what quietlist policy list --all shows",
        next_step="name one of these",
    )


def table_of(rules: Sequence[Rule], day: date | None) -> list[str]:
    """One line each, for a terminal."""
    width = max((len(rule.rule_id) for rule in rules), default=0)
    told = []
    for rule in rules:
        place = "everywhere" if rule.jurisdiction == "*" else rule.jurisdiction
        # Of some rules it was read that there is one, and not what it gives.
        marks = "  [M] not verified" if rule.verification == "M" else "  unverified" if rule.status == "unverified" else ""
        if day is not None and rule.ends is not None:
            marks += f"  until {rule.valid_to}"
        elif day is None and (rule.valid_from or rule.valid_to):
            marks += f"  {rule.valid_from or '...'} to {rule.valid_to or '...'}"
        told.append(f"{rule.rule_id:<{width}}  {place}, {rule.channels.replace(';', ', ')}: {rule.name}; {rule.time}{marks}")
    when = f"in force on {day}" if day is not None else "that are, were or will be in force"
    return [*told, f"{counted(len(told), 'rule')} {when}. quietlist policy show RULE explains one."]


def page_of(rule: Rule, day: date) -> Iterator[str]:
    """All that the policy says about a rule, for a terminal."""
    yield f"{rule.rule_id}: {rule.name}"
    place = "everywhere" if rule.jurisdiction == "*" else rule.jurisdiction
    begins, ends = rule.valid_from or "as far back as requests go", rule.valid_to or "no end known"
    facts = {
        "law": rule.citation,
        "source": rule.source_url or "no page was noted",
        "proof": f"{_VERIFICATION[rule.verification]}{f', on {rule.verified_on}' if rule.verified_on else ''}",
        "when": _TRIGGERS[rule.trigger],
        "who": f"people of {place}, on {rule.channels.replace(';', ', ')}",
        "asked by": rule.methods.replace(";", ", ").replace("_", " ") or "any method",
        "time": rule.time + (f", by the calendar {rule.calendar_id}" if rule.calendar_id else ""),
        "binds": rule.scope_entity,
        "covers": "; ".join(filter(None, (rule.scope_channel, rule.scope_purpose))),
        "lasts": f"{rule.lasts_value} {rule.lasts_unit}, by the law; here it does not expire"
        if rule.lasts_value
        else "without end",
        "lifted by": rule.override_by,
        "exceptions": rule.exceptions,
        "confirmed": f"one text within {rule.confirmation_minutes} minutes may confirm it" if rule.confirmation_minutes else "",
        "penalty": rule.penalty,
        "figures": rule.figures,
        "in force": f"{begins} to {ends} ({_STATUS[rule.status]})" + ("" if rule.is_in_force(day) else f"; not on {day}"),
    }
    width = max(map(len, facts))
    for name, said in facts.items():
        if said:
            yield f"  {name:<{width}}  {said}"
    for word, other in _neighbours(rule):
        yield f"  {word:<{width}}  {other.rule_id} ({other.name}), {other.valid_from or '...'} to {other.valid_to or '...'}"
    yield "Not legal advice: a company's counsel signs each rule off."


def _neighbours(rule: Rule) -> Iterator[tuple[str, Rule]]:
    """What held before it and what holds after: of the same place, with a channel in common, a day apart."""
    channels = set(rule.channels.split(";"))
    for other in read_rules():
        if other.jurisdiction != rule.jurisdiction or not channels & set(other.channels.split(";")):
            continue
        if rule.begins and other.ends and other.ends + timedelta(days=1) == rule.begins:
            yield "before it", other
        if rule.ends and other.begins and rule.ends + timedelta(days=1) == other.begins:
            yield "after it", other


def _places(region: str) -> set[str]:
    """The jurisdictions whose rules protect the people of a region: itself, its country, their unions, and no place at all."""
    region = region.strip().upper()
    own = {region, region.partition("-")[0]}
    with (FOLDER / "jurisdictions.csv").open(encoding="utf-8", newline="") as stream:
        unions = {row["jurisdiction"] for row in csv.DictReader(stream) if row["region"] in own}
    return own | unions | {"*"}
