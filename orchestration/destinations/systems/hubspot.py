"""HubSpot: the communication preferences of each address, by subscription type or for all marketing mail of the account.

Facts from the vendor's public description of its interface (v4) and the libraries it makes from it (2026). A preference is tied
to the address, contact or not. It is looked up address by address; no call lists who is opted out. Version 4 can subscribe
somebody again, which version 3 refused: nothing here ever does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from orchestration.destinations.contract import Danger, Facts, ReadBack
from orchestration.destinations.lists import (
    Endpoints,
    Inventory,
    ListSettings,
    LookUp,
    Put,
    Row,
    System,
    Target,
    connect_list,
    emails,
)
from orchestration.http.auth import KeyHeader
from orchestration.http.calls import Call
from orchestration.http.codes import known_code

_BATCH = "/communication-preferences/v4/statuses/batch"
_PUT_ALL = Call("POST", f"{_BATCH}/unsubscribe-all")
_READ_ALL = Call("POST", f"{_BATCH}/unsubscribe-all/read")
_PUT_TYPE = Call("POST", f"{_BATCH}/write")
_READ_TYPE = Call("POST", f"{_BATCH}/read")
_TYPES = Call("GET", "/communication-preferences/v4/definitions")

FACTS = Facts(
    system="hubspot",
    channels=frozenset({"email"}),
    identifier_types=frozenset({"email"}),
    read_back=ReadBack.POINT,
    batch_size=100,
    calls_per_second=10,  # 100 in ten seconds, the least of its plans
    can_release=False,
    keeps_our_mark=False,
    calls=(_PUT_ALL, _READ_ALL, _PUT_TYPE, _READ_TYPE, _TYPES),
    lists='"all" (every marketing mail of the account), or the number of a subscription type',
    list_example="123456",
    permission="a private app's token with communication_preferences.read_write, communication_preferences.statuses.batch.read "
    "and communication_preferences.statuses.batch.write",
    by_hand=(
        "Map each subscription type that mails this scope; all is for an opt-out of everything.",
        "Where business units are used, an opt-out of all here is one of the account's own unit.",
        "To lift a row: the person opts in again by HubSpot's own form, or somebody changes it by hand, with consent.",
    ),
    unproved=(
        "Who is opted out there beside the rows of this home: no call lists it, so others' opt-outs come in as a source only.",
        "A row that was proved is looked up again within a month, not with each push.",
        "Texts and calls: the interface knows the channel EMAIL alone.",
    ),
    dangers=(
        Danger(
            Call("POST", "/communication-preferences/v4/statuses/{identifier}"),
            "sets one address to any status, subscribed among them",
        ),
        Danger(Call("POST", "/communication-preferences/v3/subscribe"), "subscribes an address"),
        Danger(Call("POST", "/crm/v3/objects/contacts/gdpr-delete"), "deletes a contact for good and blocks its address"),
    ),
    unverified=(
        "100 addresses per call, the rule for its other batches (batch_size).",
        "How an error names its address: where a call tells of errors, every address without a result counts as refused.",
        "How the list of subscription types is written (results, each with an id).",
    ),
)


def _body_all(rows: Sequence[Row], target: Target) -> Any:
    return {"inputs": emails(rows)}


def _body_type(rows: Sequence[Row], target: Target) -> Any:
    said = {"subscriptionId": int(target.list), "channel": "EMAIL", "statusState": "UNSUBSCRIBED"}
    return {"inputs": [{"subscriberIdString": address, **said} for address in emails(rows)]}


def _refused(body: Any, rows: Sequence[Row]) -> Mapping[int, str]:
    """200 or 207, some rows done and others not: an error does not surely say whose it is, a result does."""
    errors = body.get("errors") or []
    if not errors and not body.get("numErrors"):
        return {}
    code = next((code for error in errors if (code := known_code(error.get("category")))), None) or "refused_without_a_code"
    done = {item["subscriberIdString"].lower() for item in body["results"]}
    return {index: code for index, address in enumerate(emails(rows)) if address.lower() not in done}


def _all_there(body: Any, rows: Sequence[Row], target: Target) -> Sequence[bool]:
    """No status at all: not opted out. One of a business unit alone leaves the others' mail."""
    out = {
        item["subscriberIdString"].lower()
        for item in body["results"]
        for status in item["wideStatuses"]
        if status["status"] == "UNSUBSCRIBED" and status["wideStatusType"] == "PORTAL_WIDE"
    }
    return [address.lower() in out for address in emails(rows)]


def _type_there(body: Any, rows: Sequence[Row], target: Target) -> Sequence[bool]:
    out = {
        item["subscriberIdString"].lower()
        for item in body["results"]
        for status in item["statuses"]
        if status["status"] == "UNSUBSCRIBED" and str(status["subscriptionId"]) == target.list
    }
    return [address.lower() in out for address in emails(rows)]


def _endpoints(name: str) -> Endpoints:
    channel = {"channel": "EMAIL"}
    if name == "all":
        return Endpoints(
            # Without verbose the answer names no address, and an error could be anybody's.
            put=Put(_PUT_ALL, _body_all, _refused, parameters={**channel, "verbose": "true"}),
            look_up=LookUp(_READ_ALL, _all_there, _body_all, channel),
        )
    return Endpoints(put=Put(_PUT_TYPE, _body_type, _refused), look_up=LookUp(_READ_TYPE, _type_there, _body_all, channel))


SYSTEM = System(
    facts=FACTS,
    base_url="https://api.hubapi.com",
    auth=lambda settings, key: KeyHeader(key, prefix="Bearer "),
    endpoints=_endpoints,
    list_form=r"all|[1-9][0-9]{0,14}",
    most_rows=100,
    inventory=Inventory(_TYPES, lambda body: body["results"], lambda item: str(item["id"])),
    unlisted="all",
)


class Settings(ListSettings):
    """Keys of ``[destinations.<name>]``: those of every list-style system."""

    system_table: ClassVar[System] = SYSTEM


connect = connect_list
