"""The compliance report: one page that a compliance officer signs and a regulator reads. Only how it is shown.

What is counted is in ``figures``, what it amounts to in ``statement``, the pictures in ``plots``, the words and the layout in
``templates/``. The page is one file without script, font or picture from elsewhere, says nothing that identifies a person
(counts, request ids and file ids only), and is the same byte for byte when it is made again from the same evidence.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from orchestration.core import wording
from orchestration.core.config import Config
from orchestration.core.files import write_atomic
from orchestration.core.home import Home
from orchestration.report import figures, plots
from orchestration.report.gather import Evidence, gather
from orchestration.report.statement import OBSTACLES, state

NAME = "compliance.html"
_TEMPLATES = Path(__file__).parent / "templates"
# What the picture of arrivals shows: a quarter, in which a monthly source is seen three times.
_ARRIVAL_DAYS = 91

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
    "violation": "against a suppression or a registry",
    "not_judged": "not judged: nobody knows",
}
CAUSES = {
    "arrived_late": "the request reached us too late",
    "unreadable": "a record of that source could not be read meanwhile: perhaps this request",
    "unresolved": "nobody knew yet whom the request concerned",
    "gate_stopped": "a gate held it back, or no run ended",
    "not_pushed": "it was not pushed yet",
    "push_not_verified": "it was pushed, but not yet seen there",
    "ignored_by_system": "the system had it and made the contact anyway",
    "no_destination": "no destination covers that system",
    "registry_listed": "the number was in a registry",
    "registry_too_old": "the registry copy was too old",
    "registry_unscreened": "no registry copy covered the number",
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


def write_report(home: Home, config: Config, as_of: datetime) -> Path:
    """Write ``reports/compliance.html`` and a copy that carries its moment in its name; returns the former.

    Works on an empty home: then it says what is not there yet.

    Raises:
        PermanentError: the landing manifest, a verdict or the list of overrides is not what was written.
        TransientError: a run holds the warehouse.
    """
    page = render(gather(home, config, as_of), has_data_docs=(home.reports / "data_docs" / "index.html").is_file())
    write_atomic(home.reports / f"compliance_{as_of.astimezone(UTC):%Y-%m-%dT%H%M%SZ}.html", page)
    write_atomic(home.reports / NAME, page)
    return home.reports / NAME


def render(evidence: Evidence, *, has_data_docs: bool = False) -> str:
    """The page as text."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
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
    return environment.get_template("compliance.html").render(
        evidence=evidence,
        state=state(evidence),
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
        causes=CAUSES,
        obstacles=OBSTACLES,
        outcomes=OUTCOMES,
        bases=BASES,
        qualities=QUALITIES,
        doubts=DOUBTS,
        longest=figures.LIST,
        most=figures.WORST,
        has_data_docs=has_data_docs,
    )


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
