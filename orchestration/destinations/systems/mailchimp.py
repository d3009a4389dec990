"""Mailchimp Marketing: the unsubscribed members of each audience.

Facts from the vendor's own Python library (3.0.80) and what public clients quote of its pages. Nothing here subscribes anybody
again: the only lawful way back is the recipient's own, so what is suppressed stays until they, or a person at Mailchimp, lift it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from orchestration.destinations.contract import Danger, Facts, ReadBack
from orchestration.destinations.lists import (
    Endpoints,
    Inventory,
    ListSettings,
    Put,
    Read,
    Row,
    Sight,
    System,
    Target,
    by_identifier,
    connect_list,
    emails,
    moment,
)
from orchestration.http.auth import Basic
from orchestration.http.calls import Call
from orchestration.http.codes import known_code
from orchestration.http.paging import Offset

_PUT = Call("POST", "/3.0/lists/{list}")
_READ = Call("GET", "/3.0/lists/{list}/members")
_AUDIENCE = Call("GET", "/3.0/lists/{list}")
_AUDIENCES = Call("GET", "/3.0/lists")

FACTS = Facts(
    system="mailchimp",
    channels=frozenset({"email"}),
    identifier_types=frozenset({"email"}),
    read_back=ReadBack.FULL,
    batch_size=500,
    keeps_our_mark=False,
    can_release=False,
    calls=(_PUT, _READ, _AUDIENCE, _AUDIENCES),
    lists="the id of an audience",
    list_example="a1b2c3d4e5",
    permission="an API key of a user who may manage audiences (Manager); Mailchimp's keys may do everything that user may",
    by_hand=(
        "An unsubscription is of one audience: map every audience that mails this scope.",
        "Somebody who is no member becomes one, unsubscribed; members count for the plan.",
        "To lift a row: the person signs up again by the audience's form, or somebody re-subscribes them by hand, with consent.",
    ),
    unproved=(
        "Who unsubscribed: the member's own click and a program's look the same.",
        "Cleaned members (bounces) get no mail and are not read back; they come in as a source.",
    ),
    dangers=(
        Danger(
            Call("PUT", "/3.0/lists/{list}/members/{identifier}"),
            "subscribes, or sends a mail that asks to confirm, by its status",
        ),
        Danger(Call("POST", "/3.0/lists/{list}/members"), "adds a member, who may get a mail that asks to confirm"),
        Danger(Call("DELETE", "/3.0/lists/{list}/members/{identifier}"), "archives the member, opt-out and all"),
        Danger(
            Call("POST", "/3.0/lists/{list}/members/{identifier}/actions/delete-permanent"),
            "forgets the member for ever, who can never be suppressed again",
        ),
        Danger(Call("DELETE", "/3.0/lists/{list}"), "deletes the audience"),
    ),
    unverified=("Which codes its refusals of single members carry; whatever it says is kept if all its words are known.",),
)


def _body(rows: Sequence[Row], target: Target) -> Any:
    members = [{"email_address": address, "status": "unsubscribed"} for address in emails(rows)]
    return {"members": members, "update_existing": True}


def _refused(body: Any, rows: Sequence[Row]) -> Mapping[int, str]:
    """The answer is 200 even when members of it were refused."""
    return by_identifier(
        rows, {item["email_address"].lower(): known_code(item.get("error_code")) or "" for item in body["errors"]}
    )


def _base(key: str) -> str | None:
    """A key ends in the data centre that it is for."""
    found = re.search(r"-([a-z]{2}[0-9]{1,3})$", key)
    return f"https://{found[1]}.api.mailchimp.com" if found else None


SYSTEM = System(
    facts=FACTS,
    base_url="",
    names_are_unique=True,
    base_of_key=_base,
    auth=lambda settings, key: Basic("quietlist", key),
    endpoints=lambda name: Endpoints(
        # Required fields of an audience hold back nobody's opt-out.
        put=Put(_PUT, _body, _refused, parameters={"skip_merge_validation": "true", "skip_duplicate_check": "true"}),
        read=Read(
            _READ,
            lambda item, target: Sight(item["email_address"], since=moment(item.get("last_changed"))),
            lambda body: body["members"],
            Offset(1000, limit_name="count"),
            {"status": "unsubscribed", "fields": "members.email_address,members.last_changed,total_items"},
        ),
        exists=_AUDIENCE,
    ),
    list_form=r"[a-z0-9]{6,20}",
    most_rows=500,
    inventory=Inventory(_AUDIENCES, lambda body: body["lists"], lambda item: item["id"], Offset(1000, limit_name="count")),
    # A throttled call gets 429, or a page of the proxy before it with status 403.
    throttled=lambda status, body: status == 403 and body is None,
)


class Settings(ListSettings):
    """Keys of ``[destinations.<name>]``: those of every list-style system."""

    system_table: ClassVar[System] = SYSTEM


connect = connect_list
