"""What somebody would write without a pipeline: pandas, phonenumbers and dictionaries over one delivery of the canonical files.

It knows the rules that the generated population needs and gives the rows of the golden table, but no
history, deadlines, evidence or second delivery. Shares no code with the models, so that equal results mean something.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import phonenumbers

Row = tuple[str, str, str]
"""channel, identifier, scope"""

_TYPE = {"email": ("email",), "voice": ("phone",), "sms": ("phone",), "fax": ("phone",), "ads": ("email", "phone")}
_LIFTED_BY_FORM = {"opt_out", "complaint", "undeliverable"}  # of the generated opt-ins' methods only web_form may lift
_LIMIT = 3


class _Persons:
    """Union-find over records."""

    def __init__(self) -> None:
        self.parent: dict[str, str] = {}

    def of(self, node: str) -> str:
        root = node
        while (above := self.parent.get(root, root)) != root:
            root = above
        while self.parent.get(node, node) != root:
            self.parent[node], node = root, self.parent[node]
        return root

    def join(self, left: str, right: str) -> None:
        self.parent[self.of(left)] = self.of(right)


def suppressed(requests_csv: Path, contacts_csv: Path) -> set[Row]:
    """The rows of the golden table."""
    requests = pd.read_csv(requests_csv, dtype=str, keep_default_na=False).to_dict("records")
    contacts = pd.read_csv(contacts_csv, dtype=str, keep_default_na=False).to_dict("records")
    for record in requests:
        record["node"], record["points"] = f"r{record['request_key']}", _points(record["email"], record["phone"])
    for record in contacts:
        record["node"], record["points"] = f"c{record['customer_id']}", _points(record["emails"], record["phones"])

    customers = defaultdict(set)
    for record in contacts:
        for point in record["points"]:
            customers[point].add(record["node"])
    persons, first = _Persons(), {}
    for record in [*contacts, *requests]:
        for kind, value in record["points"]:
            key = (value, "" if kind == "email" else record["name"].casefold())
            if len(customers[kind, value]) <= _LIMIT and (kind == "email" or record["name"]):
                persons.join(record["node"], first.setdefault(key, record["node"]))
    points_of = defaultdict(set)
    for record in [*contacts, *requests]:
        points_of[persons.of(record["node"])] |= record["points"]

    opt_ins = defaultdict(list)
    for request in requests:
        if request["action"] == "opt_in" and request["method"] == "web_form":
            for channel, kinds in _channels(request):
                for kind, value in request["points"]:
                    if kind in kinds:
                        opt_ins[channel, value].append((request["requested_at"], request["scope"]))

    rows = set()
    for request in requests:
        if request["action"] == "opt_in":
            continue
        for channel, kinds in _channels(request):
            for kind in kinds:
                own = {value for of_kind, value in request["points"] if of_kind == kind}
                reached = set(own)
                if request["channels"] == "all" or not own:
                    reached |= {value for of_kind, value in points_of[persons.of(request["node"])] if of_kind == kind}
                for value in reached:
                    lifted = request["action"] in _LIFTED_BY_FORM and any(
                        at > request["requested_at"] and _covers(scope, request["scope"]) for at, scope in opt_ins[channel, value]
                    )
                    if not lifted:
                        rows.add((channel, value, request["scope"]))
    return rows


def _channels(request: dict[str, str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    named = _TYPE if request["channels"] == "all" else request["channels"].split(";")
    return ((channel, _TYPE[channel]) for channel in named)


def _points(email: str, phone: str) -> set[tuple[str, str]]:
    found = {("email", email.lower())} if email else set()
    if phone:
        number = phonenumbers.parse(phone, "US")
        if phonenumbers.is_possible_number(number):
            found.add(("phone", phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)))
    return found


def _covers(scope: str, node: str) -> bool:
    return scope == "*" or node == scope or node.startswith(scope + "/")
