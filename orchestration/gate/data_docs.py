"""Data Docs: what every gate said last, as one page for people who read sentences, not code. No judging here.

Great Expectations' own pages are not used: they load scripts and styles from eight hosts (so opening the page tells
strangers, and offline it is unreadable), they show no level and no reason, and they render values of rows. This page
is one file without scripts, made from verdicts, which hold counts only.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jinja2

from orchestration.core.files import canonical_json, write_atomic
from orchestration.core.home import Home
from orchestration.gate.suites import GATES
from orchestration.gate.verdicts import RANK, Verdict

_WHAT_IT_GUARDS = {
    "entry": "Before the golden table is built: did everything that arrived reach the ledger?",
    "exit": "Before a version is published: is every row right, and is nobody missing?",
    "clocks": "After the pushes: are the legal clocks met, and the registry copies young enough?",
}
_WHAT_FOLLOWS = {
    "pass": "Everything expected is so.",
    "alert": "Everything goes out. A person must look at what failed.",
    "hold": "New suppressions go out. Nothing is released until what failed is mended or acknowledged.",
    "stop": "Nothing is published or pushed until what failed is mended.",
}


def write_data_docs(home: Home, verdict: Verdict) -> Path:
    """Keep ``verdict`` as its gate's last, and write the page of all gates' last verdicts anew."""
    folder = home.reports / "data_docs"
    write_atomic(folder / f"{verdict.gate}.json", canonical_json(verdict.as_dict()) + "\n")
    last = [json.loads(path.read_text()) for gate in GATES if (path := folder / f"{gate}.json").is_file()]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    page = environment.get_template("data_docs.html.j2").render(
        gates=[{**found, "suites": _by_suite(found["results"])} for found in last],
        failed=sorted(
            ({**result, "gate": found["gate"]} for found in last for result in found["results"] if not result["success"]),
            key=lambda result: -RANK.index(result["level"]),
        ),
        overrides=verdict.overrides[::-1],
        guards=_WHAT_IT_GUARDS,
        follows=_WHAT_FOLLOWS,
        figure=_figure,
    )
    index = folder / "index.html"
    write_atomic(index, page)
    return index


def _by_suite(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    suites: dict[str, dict[str, Any]] = {}
    for result in results:
        suite = suites.setdefault(result["suite"], {"name": result["suite"], "title": result["title"], "results": []})
        suite["results"].append(result)
    return list(suites.values())


def _figure(result: dict[str, Any]) -> str:
    """What was counted, in words."""
    counts = result["counts"]
    if not result["evaluated"]:
        return f"could not be evaluated: {result['note']}"
    if "unexpected" in counts:
        rows = f"{counts['rows']:,} rows"
        return f"not so in {counts['unexpected']:,} of {rows}" if counts["unexpected"] else f"so in all {rows}"
    return f"found {counts['observed']:,}" if "observed" in counts else ""
