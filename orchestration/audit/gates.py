"""What the gates said last, read back for people. Judging, and what a verdict permits, is ``orchestration/gate``."""

from __future__ import annotations

import json

from orchestration.core.home import Home
from orchestration.publish.verdicts import Verdict, read_verdict

# In the order a run meets them.
GATES = ("entry", "exit", "clocks")


def last_verdicts(home: Home) -> list[Verdict]:
    """The newest verdict of each gate that ever judged here.

    Raises:
        PermanentError: a verdict is not what was written.
    """
    found = []
    for gate in GATES:
        pointer = home.reports / "data_docs" / f"{gate}.json"  # the gate's last verdict, kept beside the page it is shown on
        if pointer.is_file():
            verdict = read_verdict(home, gate, str(json.loads(pointer.read_text(encoding="utf-8")).get("rows_sha256")))
            if verdict is not None:
                found.append(verdict)
    return found
