"""The compliance report: one page that a compliance officer signs and a regulator reads. Only how it is shown.

What is counted is in ``figures``, what it amounts to in ``statement``, the pictures in ``plots``, the words and the layout in
``templates/``. The page is one file without script, font or picture from elsewhere, says nothing that identifies a person
(counts, request ids and file ids only), and is the same byte for byte when it is made again from the same evidence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from markupsafe import Markup

from orchestration.audit import reviews, violations
from orchestration.core import wording
from orchestration.core.config import Config
from orchestration.core.files import write_atomic
from orchestration.core.home import Home
from orchestration.core.masks import mask_text
from orchestration.core.matters import KINDS
from orchestration.core.pages import page_environment
from orchestration.report import figures, matters, plots
from orchestration.report.gather import Evidence, gather, walked
from orchestration.report.statement import state

NAME = "compliance.html"
_TEMPLATES = Path(__file__).parent / "templates"
# The page's own tables, which the template writes in one way.
_TABLE = re.compile(r"<table\b.*?</table>", re.DOTALL)
_ROW = re.compile(r"<tr>(?!<th scope=\"col\").*?</tr>", re.DOTALL)
_HEAD = re.compile(r'<th scope="col"[^>]*>(.*?)</th>', re.DOTALL)
_CELL = re.compile(r"<(td|th)\b([^>]*)>")
# What the picture of arrivals shows: a quarter, in which a monthly source is seen three times.
_ARRIVAL_DAYS = 91
# How long a matter that ended still stands on the page: a month, after which its journal tells it.
_ENDED_DAYS = 31

ACTIONS = {
    "opt_out": "Opt-outs",
    "complaint": "Spam complaints",
    "erasure": "Erasures",
    "deceased": "Deceased",
    "litigator": "Litigators",
    "undeliverable": "Undeliverable",
    "opt_in": "Opt-ins",
}
OUTCOMES = {
    "clean": "clean: nothing stood against it",
    "before_request": "before the request",
    "in_grace": "after the request, within the legal time",
    "exempt": "exempt: it would be a violation",
    "violation": "against a suppression or a registry",
    "not_judged": "not judged: nobody knows",
}
BASES = {
    "direct": "the person's, about this contact point",
    "person": "the person's, about another of theirs",
    "registry": "a registry's",
}
QUALITIES = {
    "ambiguous": "has several readings",
    "none": "none: the moment it was first seen",
    "unreadable": "unreadable: the moment it was first seen",
    "implausible": "implausible: the moment it was first seen",
}
DOUBTS = {
    "free_text": "a reply in free words that may ask to stop",
    "unknown_channel": "a channel that nobody knows: taken as all",
    "misspelt": "a word one letter away from one that asks to stop",
    "unclear_words": "a call result or an action in words that may ask to stop",
    "read_from_note": "asked for in a note, where the action says nothing",
    "note_against_opt_in": "a note that speaks against the opt-in beside it",
    "names_another": "a letter that asks for its writer and names somebody else",
    "named_by_another": "an address that somebody else's letter names",
    "about_another": "a letter about somebody who has died, from who reads their mail",
    "to_unsubscribe_address": "a mail of other words to an address that is written to in order to leave",
    "by_subject_only": "asked for by the subject alone",
    "through_a_list": "asked for in a mail that came through a list",
    "one_of_several": "a complaint that names several people, of whom one complained",
    "several_addresses": "several addresses where a vendor's list has one: all are taken",
    "unclear_feedback": "a feedback report of a type that nobody knows",
    "attached_list_of_addresses": "a letter that asks for its writer and attaches a list of people",
    "unknown_call_type": "a call that may have gone in or out: both numbers are taken",
    "unknown_reason": "on a list of people who opted out, for a reason that nobody knows",
    "one_subscription_type": "left one type of mail of several: taken as all of the source's",
}


def write_report(home: Home, config: Config, as_of: datetime, *, notes: bool = False) -> Path:
    """Write ``reports/compliance.html`` and a copy that carries its moment in its name; returns the former.

    Works on an empty home: then it says what is not there yet.

    Args:
        notes: what needs a person is written down as a matter: a run's report does that, and one that somebody asks for does not.

    Raises:
        PermanentError: the landing manifest, a verdict or a journal is not what was written.
        TransientError: a run holds the warehouse.
    """
    evidence = gather(home, config, as_of)
    kept = matters.note(home, config, state(evidence).matters, as_of) if notes else matters.matters(home)
    if notes:  # which is on the chain, and the page tells its head
        evidence = replace(evidence, chain=walked(home, config))
    page = render(evidence, kept, has_data_docs=(home.reports / "data_docs" / "index.html").is_file())
    write_atomic(home.reports / f"compliance_{as_of.astimezone(UTC):%Y-%m-%dT%H%M%SZ}.html", page)
    write_atomic(home.reports / NAME, page)
    return home.reports / NAME


def render(evidence: Evidence, kept: Sequence[matters.Kept] = (), *, has_data_docs: bool = False) -> str:
    """The page as text.

    Args:
        kept: the matters as the journal has them.
    """
    last = {matter.key: matter for matter in kept if matter.is_there}
    closed = frozenset(key for key, matter in last.items() if matter.state == "closed")
    stated = state(evidence, closed)
    environment = page_environment(_TEMPLATES)
    environment.filters |= {
        "moment": wording.moment,
        "day": _day,
        "time": "{:%H:%M} UTC".format,
        "age": wording.age,
        "ago": wording.ago,
        "number": "{:,}".format,
        "figure": wording.figure,
        "words": lambda text: str(text).replace("_", " "),
    }
    text = environment.get_template("compliance.html").render(
        evidence=evidence,
        state=stated,
        still=[matter for matter in stated.matters if (matter.kind, matter.about) not in closed],
        kept=last,
        ended=matters.ended_since(kept, evidence.as_of - timedelta(days=_ENDED_DAYS)),
        names={kind: entry.name for kind, entry in KINDS.items()},
        last_review=reviews.last_done(evidence.reviews),
        mask_text=mask_text,
        counted=wording.counted,
        told=wording.told,
        percent=wording.percent,
        limit=wording.limit,
        is_checked=wording.is_checked,
        share_bar=plots.share_bar,
        legend=plots.legend,
        definitions=plots.DEFINITIONS,
        plots=_pictures(evidence),
        css=Markup((_TEMPLATES / "compliance.css").read_text(encoding="utf-8")),  # noqa: S704  # our own file
        actions=ACTIONS,
        states=[
            series
            for series in plots.STATES
            if evidence.clocks.states.get(series.key) or series.key in ("on_time", "late", "overdue")
        ],
        all_states=plots.STATES,
        said_of=evidence.exposure.words,
        against=violations.against,
        price=violations.price,
        in_all=violations.in_all,
        outcomes=OUTCOMES,
        bases=BASES,
        qualities=QUALITIES,
        doubts=DOUBTS,
        longest=figures.LIST,
        most=figures.WORST,
        most_violations=figures.VIOLATIONS,
        has_data_docs=has_data_docs,
    )
    return labelled(text)


def labelled(page: str) -> str:
    """The page with tables whose cells name the head of their column, by which a narrow screen shows a row as a card."""
    return _TABLE.sub(lambda table: _labelled(table[0]), page)


def _labelled(table: str) -> str:
    heads = [re.sub(r"<[^>]+>", "", head).strip() for head in _HEAD.findall(table)]

    def row(found: re.Match[str]) -> str:
        place = 0

        def cell(tag: re.Match[str]) -> str:
            nonlocal place
            label = heads[place] if place < len(heads) else ""
            span = re.search(r'colspan="(\d+)"', tag[0])
            place += int(span[1]) if span else 1
            return f'<td data-label="{label}"{tag[2]}>' if tag[1] == "td" and label else tag[0]

        return _CELL.sub(cell, found[0])

    return _ROW.sub(row, table)


def _pictures(evidence: Evidence) -> Mapping[str, Markup]:
    """The pictures that have something to show."""
    found: dict[str, Markup] = {}
    clocks, requests = evidence.clocks, evidence.requests
    if any(map(sum, clocks.tenths.values())):
        found["margins"] = plots.margin_histogram(clocks.tenths)
    if any(map(sum, clocks.durations.values())):
        found["durations"] = plots.duration_histogram([label for _, label in figures.DURATIONS], clocks.durations)
    if requests.per_week:
        found["weeks"] = plots.small_multiples(requests.weeks, requests.per_week, ACTIONS)
    if any(source.arrivals for source in evidence.sources):
        today = evidence.as_of.date()
        found["arrivals"] = plots.arrivals(
            [source.name for source in sorted(evidence.sources, key=lambda source: source.name)],
            {source.name: source.arrivals for source in evidence.sources},
            today - timedelta(days=_ARRIVAL_DAYS),
            today,
        )
    if len(evidence.versions) > 1:
        found["growth"] = plots.growth(evidence.versions)
    return found


def _day(value: Any) -> str:
    return f"{value:%d %b %Y}".lstrip("0") if value else "–"
