"""The kinds of matters: what they are called, by whom each is answered where nobody says otherwise, and how soon.

A matter is something that needs a person. Which there are now is said by ``report/statement``; what became of each by
``report/matters``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Kind:
    """One kind of matter."""

    name: str
    due_hours: int
    """How long a person has, from when a run first finds it. None of these is a law's: they say what can't wait."""
    about: Literal["", "source", "destination", "registry", "gate"] = ""
    """Whether there is one for each source, destination, registry or gate, by whose owners it is answered."""


# At once is a working hour; a day, what harms somebody while it waits; three days, what a weekend may lie before; a week and a
# month, what only wears the evidence.
_NOW, _DAY, _DAYS, _WEEK, _MONTH = 1, 24, 72, 168, 720

KINDS = {
    "chain_broken": Kind("the chain of evidence is broken", _NOW),
    "list_altered": Kind("the published list was altered", _NOW),
    "gate_stop": Kind("a gate stops", _DAY, "gate"),
    "gate_hold": Kind("a gate holds releases", _DAYS, "gate"),
    "gate_alert": Kind("a gate alerts", _DAYS, "gate"),
    "violations": Kind("contacts against a request or a registry", _DAY),
    "canary_contacted": Kind("contacts to a canary", _DAY, "destination"),
    "overdue": Kind("legal clocks are overdue", _NOW),
    "at_risk": Kind("legal clocks are at risk", _NOW),
    "late": Kind("legal clocks ended late", _WEEK),
    "accepted_late": Kind("accepted after the deadline, without proof", _DAYS),
    "promise_overdue": Kind("clocks of our own promise are overdue", _DAY),
    "promise_late": Kind("clocks of our own promise ended late", _MONTH),
    "inherited_overdue": Kind("inherited clocks are overdue", _DAY),
    "rows_missing": Kind("accepted rows are gone from a destination", _DAY, "destination"),
    "rows_rejected": Kind("a destination refused rows", _DAY, "destination"),
    "lists_unmapped": Kind("lists of a destination are in no scope", _DAY, "destination"),
    "push_stopped": Kind("a push stopped before its end", _DAY, "destination"),
    "rows_held": Kind("rows are held back from a destination", _DAYS, "destination"),
    "registry_too_old": Kind("a registry's copy is too old", _NOW, "registry"),
    "records_lost": Kind("records are not accounted for", _DAY),
    "source_late": Kind("a source is late", _DAY, "source"),
    "first_day": Kind("no first day is set", _WEEK),
    "unresolved": Kind("requests reach nobody", _DAYS),
    "unknown_echoes": Kind("sends dropped for an unknown suppression", _DAYS),
    "contradictions": Kind("sources contradict each other", _WEEK),
    "files_refused": Kind("files were refused", _DAY),
    "quarantined": Kind("records are in quarantine", _DAYS),
    "unknown_names": Kind("files with unknown names", _DAY),
    "unknown_scopes": Kind("scopes that the tree does not have", _WEEK),
    "doubts": Kind("requests read in doubt", _WEEK),
    "untimed": Kind("requests without a certain time", _WEEK),
    "review_due": Kind("a review of the list is due", _WEEK),
    "review_wrong": Kind("a review found something wrong", _DAY),
}
