"""Braze: the text message subscription groups of a workspace, by number.

Facts from the vendor's pages of its interface (2026). A number's state in a group is looked up number by number; no call lists a
group. Mail is the system ``braze``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field

from orchestration.destinations.contract import Danger, Facts, ReadBack
from orchestration.destinations.lists import Endpoints, ListSettings, LookUp, Put, Row, System, Target, connect_list
from orchestration.http.auth import KeyHeader
from orchestration.http.calls import Call

_PUT = Call("POST", "/v2/subscription/status/set")
_LOOK = Call("GET", "/subscription/status/get")

FACTS = Facts(
    system="braze_sms",
    channels=frozenset({"sms"}),
    identifier_types=frozenset({"phone"}),
    read_back=ReadBack.POINT,
    batch_size=50,
    calls_per_second=80,  # 5,000 in a minute, which both calls share
    can_release=False,
    keeps_our_mark=False,
    calls=(_PUT, _LOOK),
    lists="the id of a subscription group",
    list_example="0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0",
    permission="a REST key with subscription.status.set and subscription.status.get",
    by_hand=(
        "The instance stands in the address of the workspace's dashboard; one in Europe is `https://rest.fra-01.braze.eu`.",
        "Map every subscription group that texts this scope.",
        "A number that no user has is looked for with every push, and told of as missing until one has.",
    ),
    unproved=(
        "Who is opted out of a group beside the rows of this home: no call lists it.",
        "A row that was proved is looked up again within a month, not with each push.",
    ),
    dangers=(
        Danger(Call("POST", "/subscription/status/set"), "is the older call, for one group and a number or two"),
        Danger(Call("POST", "/sms/invalid_phone_numbers/remove"), "takes numbers off the list of invalid ones"),
        Danger(Call("POST", "/users/delete"), "deletes users"),
        Danger(Call("POST", "/messages/send"), "sends messages"),
    ),
    unverified=(
        "What it answers of a number that no user has.",
        "One bad number makes it refuse the whole call with status 400; the batch is halved until the row stands alone.",
    ),
)


def _body(rows: Sequence[Row], target: Target) -> Any:
    numbers = [row["identifier"] for row in rows]
    said = {"subscription_group_id": target.list, "subscription_state": "unsubscribed", "phones": numbers}
    return {"subscription_groups": [said]}


def _refused(body: Any, rows: Sequence[Row]) -> Mapping[int, str]:
    if body["message"] != "success":
        raise ValueError("an answer of another kind")
    return {}


def _there(body: Any, rows: Sequence[Row], target: Target) -> Sequence[bool]:
    return [body["status"].get(row["identifier"]) == "Unsubscribed" for row in rows]


SYSTEM = System(
    facts=FACTS,
    base_url="",
    auth=lambda settings, key: KeyHeader(key, prefix="Bearer "),
    endpoints=lambda name: Endpoints(
        put=Put(_PUT, _body, _refused),
        look_up=LookUp(
            _LOOK, _there, of_row=lambda row, target: {"subscription_group_id": target.list, "phone": row["identifier"]}
        ),
    ),
    list_form=r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    most_rows=50,
    names_are_unique=True,
    reset_header=("X-RateLimit-Reset", "epoch"),
)


class Settings(ListSettings):
    """Keys of ``[destinations.<name>]``: those of every list-style system, and which instance it is."""

    system_table: ClassVar[System] = SYSTEM

    base_url: str = Field(min_length=1, examples=["https://rest.iad-01.braze.com"])
    """The address of the instance, which nothing else tells."""


connect = connect_list
