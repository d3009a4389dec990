"""Braze: the mail subscription of a workspace's users, by address.

Facts from the vendor's pages of its interface (2026). An address that no user has keeps its state, and a user who appears with
it has that. The other call that blocks an address (/email/blocklist) marks it as bounced as well, so it is none of ours. Text
messages have groups of their own: the system ``braze_sms``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from pydantic import Field

from orchestration.destinations.contract import Danger, Facts, ReadBack
from orchestration.destinations.lists import (
    Endpoints,
    ListSettings,
    Put,
    Read,
    Row,
    Sight,
    System,
    Target,
    connect_list,
    emails,
    moment,
)
from orchestration.http.auth import KeyHeader
from orchestration.http.calls import Call
from orchestration.http.paging import Offset

_PUT = Call("POST", "/email/status")
_READ = Call("GET", "/email/unsubscribes")

FACTS = Facts(
    system="braze",
    channels=frozenset({"email"}),
    identifier_types=frozenset({"email"}),
    read_back=ReadBack.FULL,
    batch_size=50,
    calls_per_second=60,  # 250,000 in an hour, which all calls of the account share
    can_release=False,
    keeps_our_mark=False,
    calls=(_PUT, _READ),
    lists='"workspace", the mail subscription of all its users',
    list_example="workspace",
    permission="a REST key with email.status and email.unsubscribe",
    by_hand=(
        "The instance stands in the address of the workspace's dashboard; one in Europe is `https://rest.fra-01.braze.eu`.",
        "Map the scope of the whole workspace: a subscription group of mail is less than that and is not written here.",
        "To lift a row: the person opts in again, or somebody changes the state by hand, with consent.",
    ),
    unproved=(
        "That nobody subscribed an address again: what is read back is when an address last unsubscribed.",
        "Who unsubscribed: the recipient's own click and a program's look the same.",
    ),
    dangers=(
        Danger(Call("POST", "/email/blocklist"), "unsubscribes an address and marks it as bounced"),
        Danger(Call("POST", "/email/bounce/remove"), "takes a bounce off, and mail goes there again"),
        Danger(Call("POST", "/email/spam/remove"), "takes a spam report off, and mail goes there again"),
        Danger(Call("POST", "/users/delete"), "deletes users"),
        Danger(Call("POST", "/users/track"), "writes any attribute of any user"),
        Danger(Call("POST", "/messages/send"), "sends messages"),
    ),
    unverified=(
        "How long a range of days may be asked for, and whether an address that was subscribed again still shows in it.",
        "One bad address makes it refuse the whole call with status 400; the batch is halved until the row stands alone.",
    ),
)

_FIRST_DAY = "2011-01-01"  # the vendor's first year


def _body(rows: Sequence[Row], target: Target) -> Any:
    return {"email": emails(rows), "subscription_state": "unsubscribed"}


def _refused(body: Any, rows: Sequence[Row]) -> Mapping[int, str]:
    if body["message"] != "success":
        raise ValueError("an answer of another kind")
    return {}


def _days(target: Target) -> Mapping[str, str]:
    """The end is a midnight by UTC, so tomorrow's is the first that holds today; a day more for clocks that are apart."""
    latest = max(target.push.as_of, datetime.now(UTC)) + timedelta(days=2)
    return {"start_date": _FIRST_DAY, "end_date": f"{latest:%Y-%m-%d}"}


SYSTEM = System(
    facts=FACTS,
    base_url="",
    auth=lambda settings, key: KeyHeader(key, prefix="Bearer "),
    endpoints=lambda name: Endpoints(
        put=Put(_PUT, _body, _refused),
        read=Read(
            _READ,
            lambda item, target: Sight(item["email"], since=moment(item.get("unsubscribed_at"))),
            lambda body: body["emails"],
            Offset(500),
            {"sort_direction": "asc"},  # what comes meanwhile stands behind
            of_push=_days,
        ),
    ),
    list_form="workspace",
    only_list="workspace",
    most_rows=50,
    reset_header=("X-RateLimit-Reset", "epoch"),
)


class Settings(ListSettings):
    """Keys of ``[destinations.<name>]``: those of every list-style system, and which instance it is."""

    system_table: ClassVar[System] = SYSTEM

    base_url: str = Field(min_length=1, examples=["https://rest.iad-01.braze.com"])
    """The address of the instance, which nothing else tells."""


connect = connect_list
