"""Mailgun: the unsubscribes of each sending domain of an account.

Facts from the vendor's own description of its interface (July 2026). A row is there for a tag; the tag ``*`` blocks every
mail of the domain, and that is what is put, read and lifted here. Rows of other tags are opt-outs of less than the domain.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, ClassVar

from orchestration.destinations.contract import Danger, Facts, ReadBack
from orchestration.destinations.lists import (
    Endpoints,
    Inventory,
    ListSettings,
    Put,
    Read,
    Release,
    Row,
    Sight,
    System,
    Target,
    connect_list,
    emails,
)
from orchestration.http.auth import Basic
from orchestration.http.calls import Call
from orchestration.http.paging import Link, Offset

_PUT = Call("POST", "/v3/{list}/unsubscribes")
_READ = Call("GET", "/v3/{list}/unsubscribes")
_LIFT = Call("DELETE", "/v3/{list}/unsubscribes/{identifier}")
_DOMAINS = Call("GET", "/v3/domains")

FACTS = Facts(
    system="mailgun",
    channels=frozenset({"email"}),
    identifier_types=frozenset({"email"}),
    read_back=ReadBack.FULL,
    batch_size=999,  # "Batch size should be less than 1000"
    release_batch_size=100,
    keeps_our_mark=False,
    calls=(_PUT, _READ, _LIFT, _DOMAINS),
    lists="a sending domain",
    list_example="news.example.com",
    permission="an account key (a domain's sending key may not touch suppressions)",
    by_hand=(
        'An account in Europe: `base_url = "https://api.eu.mailgun.net"`.',
        "A list is of one sending domain, never of the account: map every domain that mails this scope.",
        "The tag * blocks every mail of the domain, receipts and password mails too. Send those from another domain.",
    ),
    unproved=("The complaints and bounces of a domain are lists of their own; its allow-list goes before the bounces.",),
    dangers=(
        Danger(Call("DELETE", "/v3/{list}/unsubscribes"), "without an address clears the whole list of the domain"),
        Danger(Call("DELETE", "/v3/{list}/complaints"), "clears every complaint of the domain"),
        Danger(Call("POST", "/v3/{list}/unsubscribes/import"), "takes a file and never says what became of it"),
        Danger(Call("POST", "/v3/{list}/messages"), "sends a mail"),
    ),
    unverified=(
        "How many calls it accepts per second: Mailgun publishes no number (calls_per_second).",
        "The list of domains (GET /v3/domains) goes on by limit and skip.",
    ),
)


def _body(rows: Sequence[Row], target: Target) -> Any:
    # The tags that an address has go along: nobody's opt-out of one of them is lost when ours is lifted.
    return [{"address": address, "tags": ["*", *target.kept.get(address, [])]} for address in emails(rows)]


def _sight(item: Any, target: Target) -> Sight:
    created = _moment(item.get("created_at"))
    narrower = None if "*" in item["tags"] else sorted(item["tags"])
    return Sight(item["address"], since=created, written_at=created, narrower=narrower)


def _moment(text: Any) -> datetime | None:
    """``Fri, 21 Oct 2011 11:02:55 UTC``"""
    try:
        read: datetime = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)


SYSTEM = System(
    facts=FACTS,
    base_url="https://api.mailgun.net",
    names_are_unique=True,
    auth=lambda settings, key: Basic("api", key),
    endpoints=lambda name: Endpoints(
        put=Put(_PUT, _body),
        # Every page names a next one; the one behind the last is empty.
        read=Read(
            _READ,
            _sight,
            lambda body: body["items"],
            Link(lambda body: body["paging"]["next"], {"limit": "1000"}, ends_empty=True),
        ),
        release=Release(_LIFT, parameters={"tag": "*"}),
        exists=_READ,
    ),
    list_form=r"[a-z0-9-]+(\.[a-z0-9-]+)+",
    most_rows=999,
    inventory=Inventory(_DOMAINS, lambda body: body["items"], lambda item: item["name"], Offset(100, offset_name="skip")),
)


class Settings(ListSettings):
    """Keys of ``[destinations.<name>]``: those of every list-style system."""

    system_table: ClassVar[System] = SYSTEM


connect = connect_list
