"""Campaign Monitor: the suppression list of each client of an account.

Facts from public clients of the vendor's interface (version 3.3, 2026). A client's list keeps every mail of all that client's
lists from an address. Its dates are in the client's own time zone and without it, so no row's age is told by them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from pydantic import SecretStr

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
    connect_list,
    emails,
)
from orchestration.http.auth import Basic
from orchestration.http.calls import Call
from orchestration.http.paging import Cursor

_PUT = Call("POST", "/api/v3.3/clients/{list}/suppress.json")
_READ = Call("GET", "/api/v3.3/clients/{list}/suppressionlist.json")
_CLIENT = Call("GET", "/api/v3.3/clients/{list}.json")
_CLIENTS = Call("GET", "/api/v3.3/clients.json")

FACTS = Facts(
    system="campaign_monitor",
    channels=frozenset({"email"}),
    identifier_types=frozenset({"email"}),
    read_back=ReadBack.FULL,
    batch_size=500,
    can_release=False,
    keeps_our_mark=False,
    calls=(_PUT, _READ, _CLIENT, _CLIENTS),
    lists="the id of a client",
    list_example="0123456789abcdef0123456789abcdef",
    permission="the account's API key (Account settings, API keys), or that of a client",
    by_hand=(
        "A client's suppression list keeps every mail of all its lists from an address: map the scope of the whole client.",
        "An opt-out of one list alone is not written here.",
        "To lift a row: the person subscribes again, or somebody takes them off the list by hand, with consent.",
    ),
    unproved=(
        "Who suppressed an address: a person, a program and an unsubscription look alike.",
        "Whether transactional mail heeds the list.",
    ),
    dangers=(
        Danger(Call("PUT", "/api/v3.3/clients/{list}/unsuppress.json"), "takes an address off the list"),
        Danger(
            Call("POST", "/api/v3.3/subscribers/{list}.json"), "subscribes an address, and may send a mail that asks to confirm"
        ),
        Danger(
            Call("POST", "/api/v3.3/subscribers/{list}/import.json"), "subscribes many, those who unsubscribed too when told so"
        ),
        Danger(Call("DELETE", "/api/v3.3/subscribers/{list}.json"), "deletes a subscriber, opt-out and all"),
        Danger(Call("DELETE", "/api/v3.3/clients/{list}.json"), "deletes the client with all its lists"),
    ),
    unverified=(
        "500 addresses per call (batch_size); it publishes no number of calls per second (calls_per_second).",
        "The words of its reasons: what says Bounced counts as nobody's opt-out, everything else as one.",
        "One bad address makes it refuse the whole call with status 400; the batch is halved until the row stands alone.",
    ),
)


def _body(rows: Sequence[Row], target: Target) -> Any:
    return {"EmailAddresses": emails(rows)}


def _sight(item: Any, target: Target) -> Sight:
    is_bounce = item["SuppressionReason"] == "Bounced"
    return Sight(item["EmailAddress"], False if is_bounce else None, asked=not is_bounce)


def _next_page(body: Any) -> int | None:
    number: int = body["PageNumber"]
    return number + 1 if number < body["NumberOfPages"] else None


SYSTEM = System(
    facts=FACTS,
    base_url="https://api.createsend.com",
    names_are_unique=True,
    auth=lambda settings, key: Basic(key.get_secret_value(), SecretStr("x")),
    endpoints=lambda name: Endpoints(
        put=Put(_PUT, _body),
        read=Read(
            _READ,
            _sight,
            lambda body: body["Results"],
            Cursor(
                _next_page,
                "page",
                first="1",
                fixed={"pagesize": "1000", "orderfield": "email", "orderdirection": "asc"},
            ),
        ),
        exists=_CLIENT,
    ),
    list_form=r"[0-9a-f]{32}",
    most_rows=1000,
    inventory=Inventory(_CLIENTS, lambda body: body, lambda item: item["ClientID"]),
)


class Settings(ListSettings):
    """Keys of ``[destinations.<name>]``: those of every list-style system."""

    system_table: ClassVar[System] = SYSTEM


connect = connect_list
