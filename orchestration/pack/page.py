"""The pages of a pack: ``index.html`` for whoever reads it, and the letter to a person. Only how it looks; counted in
``figures``.

One file each, without script, font or picture from elsewhere. The page names requests by their keyed id and contact points as the
tables show them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from orchestration.core import wording
from orchestration.core.pages import page_environment
from orchestration.pack.figures import SHOWN, Figures
from orchestration.report.page import ACTIONS, OUTCOMES, labelled

_TEMPLATES = Path(__file__).parent / "templates"
# One look for all that leaves the house: the report's.
_STYLE = Path(__file__).parents[1] / "report" / "templates" / "compliance.css"

# Contact points that a headline names one by one.
_NAMED = 3

STATES = {
    "on_time": "stopped in time",
    "lifted": "taken back by the person",
    "late": "stopped late",
    "overdue": "overdue",
    "at_risk": "running, soon due",
    "open": "running",
}


def render_page(pack: Mapping[str, Any], chain: Mapping[str, Any], tables: Sequence[Mapping[str, Any]], found: Figures) -> str:
    """``index.html``. ``tables`` are those of the manifest."""
    text = (
        _environment()
        .get_template("pack.html")
        .render(
            pack=pack,
            chain=chain,
            tables=tables,
            found=found,
            states=STATES,
            actions=ACTIONS,
            outcomes=OUTCOMES,
            shown=SHOWN,
            css=Markup(_STYLE.read_text(encoding="utf-8").replace('"Compliance report"', '"Evidence pack"')),  # noqa: S704  # our own
        )
    )
    return labelled(text)


def render_letter(pack: Mapping[str, Any], points: Sequence[Mapping[str, Any]]) -> str:
    """``letter.html``, about one contact point or several."""
    return (
        _environment()
        .get_template("letter.html")
        .render(
            pack=pack,
            points=points,
            css=Markup(_STYLE.read_text(encoding="utf-8").replace('"Compliance report"', '"Your data"')),  # noqa: S704  # our own
        )
    )


def _environment() -> jinja2.Environment:
    environment = page_environment(_TEMPLATES)
    environment.filters |= {
        "moment": wording.moment,
        "number": "{:,}".format,
        "hours": lambda hours: "–" if hours is None else wording.age(timedelta(hours=hours)),
        "words": lambda text: str(text).replace("_", " "),
        "counted": wording.counted,
        "stamp": lambda text: wording.moment(datetime.fromisoformat(text)),
        "pair": lambda row, key, value: (row[key], row[value]),
        "way": lambda channel, ways: ways.get(channel, channel),
        "counted_points": lambda points: (
            wording.listed(points) if len(points) <= _NAMED else wording.counted(len(points), "contact point")
        ),
    }
    environment.globals |= {
        "limit": wording.limit,
        "is_checked": wording.is_checked,
        "told": wording.told,
        "listed": wording.listed,
    }
    return environment
