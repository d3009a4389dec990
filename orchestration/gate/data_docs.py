"""Data Docs: what every gate said last, as one page for people who read sentences, not code. No judging here.

Great Expectations' own pages are not used: they load scripts and styles from eight hosts (so opening the page tells
strangers, and offline it is unreadable), they show no level and no reason, and they render values of rows. This page
is one file without scripts, made from verdicts, which hold counts only.
"""

from __future__ import annotations

import json
from pathlib import Path

from orchestration.core.files import canonical_json, write_atomic
from orchestration.core.home import Home
from orchestration.core.outcome import RANK
from orchestration.core.pages import page_environment
from orchestration.gate.suites import GATES
from orchestration.publish.verdicts import Verdict

_WHAT_IT_GUARDS = {
    "entry": "Before the golden table is built: did everything that arrived reach the ledger?",
    "exit": "Before a version is published: is every row right, and is nobody missing?",
    "clocks": "After the pushes: are the legal clocks met, and the registry copies young enough?",
}
_WHAT_FOLLOWS = {
    "pass": "Everything expected is so.",
    "alert": "Everything goes out. A person must look at what failed.",
    "hold": "New suppressions go out. Nothing is released until what failed is fixed or acknowledged.",
    "stop": "Nothing is published or pushed until what failed is fixed.",
}


def write_data_docs(home: Home, verdict: Verdict) -> Path:
    """Keep ``verdict`` as its gate's last, and write the page of all gates' last verdicts again."""
    folder = home.reports / "data_docs"
    write_atomic(folder / f"{verdict.gate}.json", canonical_json(verdict.as_dict()) + "\n")
    last = [Verdict.from_dict(json.loads(path.read_text())) for gate in GATES if (path := folder / f"{gate}.json").is_file()]
    environment = page_environment(Path(__file__).parent)
    page = environment.get_template("data_docs.html.j2").render(
        verdicts=last,
        failed=sorted(
            ((verdict.gate, result) for verdict in last for result in verdict.failed), key=lambda pair: -RANK.index(pair[1].level)
        ),
        overrides=verdict.overrides[::-1],
        guards=_WHAT_IT_GUARDS,
        follows=_WHAT_FOLLOWS,
    )
    index = folder / "index.html"
    write_atomic(index, page)
    return index
