"""Postmark: the suppressions of each message stream of one server.

Facts from the vendor's page of the suppressions interface and its own Python library (2026). A stream's list also holds its hard
bounces, which nobody asked for, and its spam complaints, which nothing lifts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    by_identifier,
    connect_list,
    emails,
    moment,
)
from orchestration.http.auth import KeyHeader
from orchestration.http.calls import Call

_PUT = Call("POST", "/message-streams/{list}/suppressions")
_READ = Call("GET", "/message-streams/{list}/suppressions/dump")
_LIFT = Call("POST", "/message-streams/{list}/suppressions/delete")
_STREAM = Call("GET", "/message-streams/{list}")
_STREAMS = Call("GET", "/message-streams")

FACTS = Facts(
    system="postmark",
    channels=frozenset({"email"}),
    identifier_types=frozenset({"email"}),
    read_back=ReadBack.FULL,
    batch_size=50,
    keeps_our_mark=False,
    visible_within_seconds=60,  # "processed asynchronously and can take a minute"
    calls=(_PUT, _READ, _LIFT, _STREAM, _STREAMS),
    lists="the id of a message stream",
    list_example="newsletter",
    permission="a server's own token (Servers, your server, API Tokens); an account token is not needed and not taken",
    by_hand=(
        "Map broadcast streams. The stream outbound is transactional: a row there blocks receipts and password mails too.",
        "Each server has streams, tokens and lists of its own: one destination each.",
    ),
    unproved=(
        "Which of several senders of the account suppressed an address: the origin says only Customer.",
        "A stream of more than some 500,000 rows: it comes in one answer, and none of more than 64 MiB is read. Opt-outs go out "
        "all the same; nothing is proved and no release leaves.",
    ),
    dangers=(
        Danger(Call("POST", "/email"), "sends a mail"),
        Danger(Call("POST", "/message-streams/{list}/archive"), "archives the stream, and its list with it"),
    ),
    unverified=("How many calls it accepts per second: Postmark publishes no number (calls_per_second).",),
)


def _body(rows: Sequence[Row], target: Target) -> Any:
    return {"Suppressions": [{"EmailAddress": address} for address in emails(rows)]}


def _refused(body: Any, rows: Sequence[Row]) -> Mapping[int, str]:
    """The answer is 200 even when every row of it failed."""
    failed = {item["EmailAddress"].lower(): "failed" for item in body["Suppressions"] if item["Status"] == "Failed"}
    return by_identifier(rows, failed)


def _sight(item: Any, target: Target) -> Sight:
    reason = item["SuppressionReason"]
    by_customer = item["Origin"] == "Customer" and reason == "ManualSuppression"
    created = moment(item.get("CreatedAt"))
    ours = None if by_customer else False
    return Sight(item["EmailAddress"], ours, asked=reason != "HardBounce", since=created, written_at=created)


SYSTEM = System(
    facts=FACTS,
    base_url="https://api.postmarkapp.com",
    auth=lambda settings, key: KeyHeader(key, name="X-Postmark-Server-Token"),
    endpoints=lambda name: Endpoints(
        put=Put(_PUT, _body, _refused),
        read=Read(_READ, _sight, items=lambda body: body["Suppressions"]),
        release=Release(_LIFT, _body, _refused),
        exists=_STREAM,
    ),
    list_form=r"[a-z0-9][a-z0-9_-]{0,29}",
    most_rows=50,
    inventory=Inventory(
        _STREAMS,
        lambda body: body["MessageStreams"],
        lambda item: item["ID"] if item["MessageStreamType"] == "Broadcasts" else None,
    ),
)


class Settings(ListSettings):
    """Keys of ``[destinations.<name>]``: those of every list-style system."""

    system_table: ClassVar[System] = SYSTEM


connect = connect_list
