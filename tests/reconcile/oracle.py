"""A brute-force reading of the rules for requests and lifts, written from the text and sharing no code with the models.

It answers one question by going through everything: is this node suppressed on this channel for this identifier?
"""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import networkx as nx

TYPES_OF_CHANNEL = {
    "email": {"email"},
    "voice": {"phone"},
    "sms": {"phone"},
    "fax": {"phone"},
    "postal": {"postal"},
    "ads": {"email", "phone"},
}
# Lifting methods: method -> (channels, actions it lifts).
LIFTS = {
    "preference_center": (set(TYPES_OF_CHANNEL), {"opt_out", "complaint", "undeliverable"}),
    "web_form": (set(TYPES_OF_CHANNEL), {"opt_out", "complaint", "undeliverable"}),
    "written_consent": (set(TYPES_OF_CHANNEL), {"opt_out", "complaint", "undeliverable"}),
    "sms_keyword": ({"sms"}, {"opt_out"}),
    "esp_resubscribe": ({"email"}, {"opt_out"}),
}


@dataclass(frozen=True)
class Request:
    """A request as it was meant: times are its two readings, equal when it carried a time of day."""

    key: str
    action: str
    method: str
    channels: frozenset[str]
    scope: str
    earliest: datetime
    latest: datetime
    emails: frozenset[str] = frozenset()
    phones: frozenset[str] = frozenset()
    name: str = ""
    address: str = ""
    postal_code: str = ""
    country: str = ""
    customer_id: str = ""
    source: str = "asks"


@dataclass(frozen=True)
class Contact:
    customer_id: str
    emails: frozenset[str] = frozenset()
    phones: frozenset[str] = frozenset()
    name: str = ""
    address: str = ""
    postal_code: str = ""
    country: str = ""


@dataclass(frozen=True)
class Trust:
    """By which methods a source may lift, and the part of the company it speaks for."""

    methods: frozenset[str]
    scope: str = "*"


EVERYTHING = {"asks": Trust(frozenset(LIFTS))}


@dataclass
class World:
    requests: list[Request]
    contacts: list[Contact]
    shared_point_limit: int = 3
    trust: Mapping[str, Trust] = field(default_factory=lambda: EVERYTHING)
    """By source; one that is not here lifts nothing."""
    persons: dict[str, set[tuple[str, str]]] = field(default_factory=dict)
    """Contact points of the person that each request (by key) belongs to."""

    def __post_init__(self) -> None:
        self._find_persons()

    def _find_persons(self) -> None:
        owners: dict[tuple[str, str], set[str]] = {}
        for contact in self.contacts:
            for point in points(contact):
                owners.setdefault(point, set()).add(contact.customer_id)
        nodes: list[tuple[str, Request | Contact]] = [(f"r{r.key}", r) for r in self.requests]
        nodes += [(f"c{index}", c) for index, c in enumerate(self.contacts)]
        graph = nx.Graph()
        graph.add_nodes_from(name for name, _ in nodes)
        for (left_name, left), (right_name, right) in itertools.combinations(nodes, 2):
            shared = {point for point in points(left) & points(right) if len(owners.get(point, ())) <= self.shared_point_limit}
            same_name = fold(left.name) != "" and fold(left.name) == fold(right.name)
            linked = any(kind in ("email", "postal") or (kind == "phone" and same_name) for kind, _ in shared) or (
                left.customer_id != "" and left.customer_id == right.customer_id
            )
            if linked:
                graph.add_edge(left_name, right_name)
        members = dict(nodes)
        for component in nx.connected_components(graph):
            everything = set().union(*(points(members[name]) for name in component))
            for name in component:
                if name.startswith("r"):
                    self.persons[name[1:]] = everything

    def reaches(self, request: Request, channel: str, identifier: tuple[str, str]) -> str | None:
        """``direct``, ``person`` or None: does the request suppress this identifier on this channel (4.2)?"""
        if request.action == "opt_in" or not request.channels & {"all", channel}:
            return None
        kind = identifier[0]
        if kind not in TYPES_OF_CHANNEL[channel]:
            return None
        own = {point for point in points(request) if point[0] == kind}
        if identifier in own:
            return "direct"
        if ("all" in request.channels or not own) and identifier in self.persons[request.key]:
            return "person"
        return None

    def lifted(self, request: Request, channel: str, identifier: tuple[str, str], node: str) -> bool:
        """Is there a later opt-in that covers the node, of a source trusted with it there, that may lift the request (4.1)?"""
        for opt_in in self.requests:
            if opt_in.action != "opt_in" or not opt_in.channels & {"all", channel}:
                continue
            channels, actions = LIFTS.get(opt_in.method, (set(), set()))
            trusted = self.trust.get(opt_in.source)
            if trusted is None or opt_in.method not in trusted.methods or not covers(trusted.scope, node):
                continue
            if (
                channel in channels
                and request.action in actions
                and identifier in points(opt_in)
                and covers(opt_in.scope, node)
                and opt_in.earliest > request.latest
            ):
                return True
        return False

    def standing(self, channel: str, identifier: tuple[str, str], node: str) -> list[Request]:
        """The requests that suppress the node and have not been lifted there."""
        return [
            request
            for request in self.requests
            if self.reaches(request, channel, identifier)
            and covers(request.scope, node)
            and not self.lifted(request, channel, identifier, node)
        ]


def points(holder: Request | Contact) -> set[tuple[str, str]]:
    found = {("email", value) for value in holder.emails} | {("phone", value) for value in holder.phones}
    if holder.name and holder.address and holder.postal_code:
        key = (fold(holder.name), fold(holder.address), holder.postal_code.replace(" ", "").upper(), holder.country)
        found.add(("postal", "|".join(key)))
    return found


def fold(name: str) -> str:
    """Case-folded, without accents, punctuation read as a space, white space collapsed (4.2)."""
    decomposed = unicodedata.normalize("NFKD", name.casefold())
    kept = "".join(c if c.isalnum() else " " for c in decomposed if not unicodedata.combining(c))
    return " ".join(kept.split())


def covers(scope: str, node: str) -> bool:
    """A request at a node covers the nodes below it."""
    return scope == "*" or node == scope or node.startswith(scope + "/")
