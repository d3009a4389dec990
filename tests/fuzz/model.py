"""The README's promises in a hundred lines: what was delivered, and who may therefore not be contacted.

It knows files only as what somebody meant by them. Which request suppresses whom is the brute-force oracle's answer.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from tests.reconcile.oracle import Contact, Request, Trust, World
from tests.reconcile.worlds import write_contacts, write_requests

SOURCES = ("asks", "crm", "groups")
TRUST = {"asks": Trust(frozenset({"preference_center", "web_form"}))}
"""What its section says; an opt-in by a keyword in its files is a word in a column."""
LIST_SCOPE = "acme/newsletter"
"""What an address on the undated list has left: the scope of the source ``groups``."""

Delivery = list[Request] | list[Contact] | frozenset[str]


@dataclass
class Model:
    """What waits in the inbox, what was taken, and what it means."""

    inbox: dict[str, dict[str, Delivery]] = field(default_factory=lambda: {source: {} for source in SOURCES})
    """Per source the file that waits under a name: a second one of that name replaces it."""
    taken: list[tuple[str, str, Delivery]] = field(default_factory=list)
    """Every delivery taken, for delivering again."""
    requests: dict[str, Request] = field(default_factory=dict)
    contacts: list[Contact] = field(default_factory=list)
    """Of all snapshots: a link seen once stays, and nobody's deletion ends a suppression."""
    customers: list[Contact] = field(default_factory=list)
    """Of the newest snapshot."""
    listed: frozenset[str] = frozenset()
    """On the undated list when it was last taken."""

    def deliver(self, inbox: Path, source: str, name: str, content: Delivery) -> None:
        """Put a file into the inbox."""
        (inbox / source).mkdir(exist_ok=True)
        path = inbox / source / name
        if source == "asks":
            write_requests(path, content)
        elif source == "crm":
            write_contacts(path, content)
        else:
            path.write_text(json.dumps(sorted(content)))
        self.inbox[source][name] = content

    def collect(self, sources: set[str], moment: datetime) -> None:
        """The files of these sources are taken, at this moment."""
        for source in sorted(sources):
            for name, content in self.inbox[source].items():
                self.taken.append((source, name, content))
                if source == "asks":
                    self.requests |= {request.key: request for request in content}
                elif source == "crm":
                    self.contacts += [contact for contact in content if contact not in self.contacts]
                    self.customers = list(content)
                else:
                    self._take_list(content, moment)
            self.inbox[source].clear()

    def _take_list(self, listed: frozenset[str], moment: datetime) -> None:
        """An address is a new request only when it was absent from the list before; it carries no time but that of arrival."""
        for address in listed - self.listed:
            key = f"list {address} {moment.isoformat()}"
            self.requests[key] = Request(
                key, "opt_out", "esp_unsubscribe", frozenset({"email"}), LIST_SCOPE, moment, moment, frozenset({address})
            )
        self.listed = listed

    def world(self) -> World:
        """What the oracle needs to answer for any contact point."""
        return World(requests=list(self.requests.values()), contacts=self.contacts, trust=TRUST)
