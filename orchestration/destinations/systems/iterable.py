"""Iterable: the channels and message types of a project, by user.

Facts from the vendor's own library for its interface and public clients (2026). A subscription is ended one by one, which touches
nothing else of the user: the call that takes many at once replaces every list that it names, so that what somebody left meanwhile
would come back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from orchestration.destinations.contract import Danger, Facts, ReadBack
from orchestration.destinations.lists import (
    Ask,
    Endpoints,
    Inventory,
    ListSettings,
    LookUp,
    Put,
    Row,
    System,
    Target,
    connect_list,
)
from orchestration.http.auth import KeyHeader
from orchestration.http.calls import Call

_PUT_CHANNEL = Call("DELETE", "/api/subscriptions/messageChannel/{list}/user/{identifier}")
_PUT_TYPE = Call("DELETE", "/api/subscriptions/messageType/{list}/user/{identifier}")
_USER = Call("GET", "/api/users/{identifier}")
_MAKE = Call("POST", "/api/users/update")
_CHANNELS = Call("GET", "/api/channels")

FACTS = Facts(
    system="iterable",
    channels=frozenset({"email"}),
    identifier_types=frozenset({"email"}),
    read_back=ReadBack.POINT,
    batch_size=100,
    calls_per_second=5,
    visible_within_seconds=60,
    can_release=False,
    keeps_our_mark=False,
    calls=(_PUT_CHANNEL, _PUT_TYPE, _USER, _MAKE, _CHANNELS),
    lists='"channel:" and the number of a marketing channel, or "type:" and the number of a message type',
    list_example="channel:12345",
    permission="a server-side API key of the project",
    by_hand=(
        'A project in Europe: `base_url = "https://api.eu.iterable.com"`.',
        "Map every marketing channel that mails this scope. A transactional channel is not taken: it would keep receipts from "
        "people too.",
        "Somebody whom the project does not know becomes a user, unsubscribed, and users count for the plan.",
        "To lift a row: the person subscribes again, or somebody does it by hand, with consent.",
    ),
    unproved=(
        "Who is unsubscribed beside the rows of this home: the export of events comes in as a source.",
        "A row that was proved is looked up again within a month, not with each push.",
        "100,000 rows take 17 hours at five calls per second, since each is looked up before and after.",
    ),
    dangers=(
        Danger(Call("POST", "/api/users/updateSubscriptions"), "replaces all of a user's channels, types and lists"),
        Danger(Call("POST", "/api/users/bulkUpdateSubscriptions"), "replaces all channels, types and lists of many users"),
        Danger(Call("PATCH", "/api/subscriptions/messageChannel/{list}/user/{identifier}"), "subscribes a user"),
        Danger(Call("PUT", "/api/subscriptions/messageChannel/{list}"), "subscribes many users, by its parameter action"),
        Danger(Call("DELETE", "/api/users/{identifier}"), "deletes the user, who may come back subscribed"),
        Danger(Call("POST", "/api/users/updateEmail"), "changes the address of a user"),
        Danger(Call("POST", "/api/email/target"), "sends a mail"),
    ),
    unverified=(
        "Five calls per second (calls_per_second).",
        "That a user whom the project does not know is answered with status 404, both to an unsubscription and to a look-up.",
        "How its list of channels is written.",
    ),
)


def _is_channel(name: str) -> bool:
    return name.startswith("channel:")


def _call(name: str) -> Call:
    return _PUT_CHANNEL if _is_channel(name) else _PUT_TYPE


def _put(ask: Ask, row: Row, target: Target) -> None:
    parts = {"list": target.list.partition(":")[2], "identifier": row["identifier"]}
    if ask(_call(target.list), parts, expected=(404,)).status == 404:
        ask(_MAKE, data={"email": row["identifier"]})
        ask(_call(target.list), parts)


def _there(body: Any, rows: Sequence[Row], target: Target) -> Sequence[bool]:
    user = body.get("user")
    if not user:
        return [False]
    names = (user.get("dataFields") or {}).get(
        "unsubscribedChannelIds" if _is_channel(target.list) else "unsubscribedMessageTypeIds"
    )
    return [int(target.list.partition(":")[2]) in (names or [])]


SYSTEM = System(
    facts=FACTS,
    base_url="https://api.iterable.com",
    auth=lambda settings, key: KeyHeader(key, name="Api-Key"),
    endpoints=lambda name: Endpoints(
        put=Put(_call(name), steps=_put, one_by_one=True),
        look_up=LookUp(_USER, _there, absent=(404,)),
    ),
    list_form=r"(channel|type):[1-9][0-9]{0,9}",
    unlisted="type:.*",
    inventory=Inventory(
        _CHANNELS,
        lambda body: body["channels"],
        lambda item: f"channel:{item['id']}" if item["messageMedium"] == "Email" and item["channelType"] == "Marketing" else None,
    ),
)


class Settings(ListSettings):
    """Keys of ``[destinations.<name>]``: those of every list-style system."""

    system_table: ClassVar[System] = SYSTEM


connect = connect_list
