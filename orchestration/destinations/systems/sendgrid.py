"""Twilio SendGrid: the global unsubscribes of an account, and its unsubscribe groups.

Facts from the vendor's own description of the suppressions interface (OpenAPI, January 2026) and its page on rate limits.
Bounces, blocks and spam reports are lists of their own that SendGrid fills; they come in as a source.
"""

from __future__ import annotations

from typing import Any, ClassVar

from orchestration.destinations.contract import Danger, Facts, ReadBack
from orchestration.destinations.lists import (
    Endpoints,
    Inventory,
    ListSettings,
    Put,
    Read,
    Release,
    Sight,
    System,
    Target,
    connect_list,
    emails,
    of_epoch,
)
from orchestration.http.auth import KeyHeader
from orchestration.http.calls import Call
from orchestration.http.paging import Offset

_PUT_GLOBAL = Call("POST", "/v3/asm/suppressions/global")
_READ_GLOBAL = Call("GET", "/v3/suppression/unsubscribes")
_LIFT_GLOBAL = Call("DELETE", "/v3/asm/suppressions/global/{identifier}")
_PUT_GROUP = Call("POST", "/v3/asm/groups/{list}/suppressions")
_READ_GROUPS = Call("GET", "/v3/asm/suppressions")
_LIFT_GROUP = Call("DELETE", "/v3/asm/groups/{list}/suppressions/{identifier}")
_GROUP = Call("GET", "/v3/asm/groups/{list}")
_GROUPS = Call("GET", "/v3/asm/groups")

FACTS = Facts(
    system="sendgrid",
    channels=frozenset({"email"}),
    identifier_types=frozenset({"email"}),
    read_back=ReadBack.FULL,
    batch_size=1000,
    release_batch_size=100,
    keeps_our_mark=False,
    calls=(_PUT_GLOBAL, _READ_GLOBAL, _LIFT_GLOBAL, _PUT_GROUP, _READ_GROUPS, _LIFT_GROUP, _GROUP, _GROUPS),
    lists='"global", or the number of an unsubscribe group',
    list_example="12345",
    permission="Suppressions: full access (asm.groups, asm.suppressions, suppression.unsubscribes); nothing to do with mail",
    by_hand=(
        "A European account: `base_url = \"https://api.eu.sendgrid.com\"`.",
        "A global unsubscribe blocks every mail of the account, receipts and password mails too, unless it is sent with a bypass "
        "filter. Map a brand or a newsletter to an unsubscribe group instead.",
        "A group acts only on mail that is sent with that group's number (asm.group_id).",
        "Subusers have lists of their own: one destination each, with the subuser's key.",
    ),
    unproved=(
        "That a mail names its group: one that names none ignores the group's list.",
        "Groups of more than some 500,000 rows together: they come in one answer, and none of more than 64 MiB is read. Opt-outs "
        "go out all the same; nothing is proved and no release leaves.",
    ),
    dangers=(
        Danger(Call("DELETE", "/v3/suppression/bounces"), "with delete_all clears every bounce of the account"),
        Danger(Call("DELETE", "/v3/suppression/spam_reports"), "with delete_all clears every spam report of the account"),
        Danger(Call("DELETE", "/v3/asm/groups/{list}"), "deletes the group, and everybody in it gets mail again"),
        Danger(Call("PUT", "/v3/marketing/contacts"), "adds people to marketing lists"),
    ),
    unverified=(
        "1,000 addresses per call: SendGrid publishes no number (batch_size).",
        "One bad address makes it refuse the whole call with status 400; the batch is halved until the row stands alone.",
    ),
)  # fmt: skip


def _body(rows: Any, target: Target) -> Any:
    return {"recipient_emails": emails(rows)}


def _sight(item: Any, target: Target) -> Sight:
    created = of_epoch(item.get("created"))
    return Sight(item["email"], since=created, written_at=created)


def _group_sight(item: Any, target: Target) -> Sight | None:
    if str(item["group_id"]) != target.list:
        return None
    created = of_epoch(item["created_at"])
    return Sight(item["email"], since=created, written_at=created)


def _endpoints(name: str) -> Endpoints:
    if name == "global":
        return Endpoints(
            put=Put(_PUT_GLOBAL, _body),
            read=Read(_READ_GLOBAL, _sight, paging=Offset(500)),
            release=Release(_LIFT_GLOBAL),
        )
    return Endpoints(
        put=Put(_PUT_GROUP, _body),
        read=Read(_READ_GROUPS, _group_sight),  # of all groups, since only this one says when a row came to be
        release=Release(_LIFT_GROUP),
        exists=_GROUP,  # put to a group that is gone, SendGrid adds to the global list
    )


SYSTEM = System(
    facts=FACTS,
    base_url="https://api.sendgrid.com",
    auth=lambda settings, key: KeyHeader(key, prefix="Bearer "),
    endpoints=_endpoints,
    list_form=r"global|[0-9]{1,10}",
    reset_header=("X-RateLimit-Reset", "epoch"),
    inventory=Inventory(_GROUPS, lambda body: body, lambda item: str(item["id"])),
)


class Settings(ListSettings):
    """Keys of ``[destinations.<name>]``: those of every list-style system."""

    system_table: ClassVar[System] = SYSTEM


connect = connect_list
