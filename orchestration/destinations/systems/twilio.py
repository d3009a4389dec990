"""Twilio: the consents of its Compliance Toolkit, by which a sender's text messages to a number stop.

Facts from the vendor's own description (OpenAPI, April 2026) and its page of limits. It answers for every row once and shows
nothing afterwards; that a number is blocked shows only when a message to it fails with error 21610.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from orchestration.destinations.contract import Danger, Facts, ReadBack
from orchestration.destinations.lists import Endpoints, ListSettings, Put, Row, System, Target, connect_list
from orchestration.http.auth import Basic
from orchestration.http.calls import Call

_PUT = Call("POST", "/v1/Consents/Bulk")

FACTS = Facts(
    system="twilio",
    channels=frozenset({"sms"}),
    identifier_types=frozenset({"phone"}),
    read_back=ReadBack.RECEIPT,
    batch_size=25,
    calls_per_second=1.6,  # 100 in a minute
    can_release=False,
    keeps_our_mark=False,
    calls=(_PUT,),
    lists="a messaging service (MG...) or the number that sends (+1...)",
    list_example="MG0123456789abcdef0123456789abcdef",
    permission="the account's SID and its auth token, or an API key of the account",
    by_hand=(
        "The interface is a pilot: ask Twilio to switch the Compliance Toolkit on.",
        "A consent is of one sender: map every messaging service that texts this scope.",
        "To lift a row: the person texts START to the sender.",
    ),
    unproved=("That the row is still there: Twilio answers for each row once, and nothing reads it back.",),
    dangers=(
        Danger(Call("POST", "/2010-04-01/Accounts/{account}/Messages.json"), "sends a message"),
        Danger(Call("POST", "/v1/Contacts/Bulk"), "writes contacts"),
    ),
    unverified=(
        "25 rows per call, from a translated page (batch_size).",
        "An opt-in by this interface overrides a person's STOP, so none is ever sent.",
    ),
)


def _body(rows: Sequence[Row], target: Target) -> Any:
    return [("Items", json.dumps(_item(row, target), separators=(",", ":"))) for row in rows]


def _item(row: Row, target: Target) -> Mapping[str, str]:
    since = row["suppressed_since"]
    return {
        "contact_id": row["identifier"],
        "correlation_id": _correlation(row, target),
        "sender_id": target.list,
        "status": "opt-out",
        "source": "others",
        **({"date_of_consent": since.strftime("%Y-%m-%dT%H:%M:%SZ")} if since else {}),
    }


def _correlation(row: Row, target: Target) -> str:
    """32 hexadecimal digits, by which the answer names a row."""
    return hashlib.sha256(f"{target.list} {row['identifier']}".encode()).hexdigest()[:32]


def _endpoints(name: str) -> Endpoints:
    def refused(body: Any, rows: Sequence[Row]) -> Mapping[int, str]:
        failed = {
            item["correlation_id"]: str((item.get("error_messages") or ["refused"])[0])
            for item in body["items"]
            if item["error_code"]
        }
        names = [hashlib.sha256(f"{name} {row['identifier']}".encode()).hexdigest()[:32] for row in rows]
        return {index: failed[which] for index, which in enumerate(names) if which in failed}

    return Endpoints(put=Put(_PUT, _body, refused, as_form=True))


class Settings(ListSettings):
    """Keys of ``[destinations.<name>]``: those of every list-style system, and whose account it is."""

    account_sid: str = Field(pattern=r"^(AC|SK)[0-9a-f]{32}$", examples=["AC0123456789abcdef0123456789abcdef"])
    """The SID of the account, or of the API key that ``api_key_env`` holds the secret of."""


SYSTEM = System(
    facts=FACTS,
    base_url="https://accounts.twilio.com",
    names_are_unique=True,
    auth=lambda settings, key: Basic(settings.account_sid if isinstance(settings, Settings) else "", key),
    endpoints=_endpoints,
    list_form=r"MG[0-9a-f]{32}|\+[1-9][0-9]{5,14}",
    most_rows=25,
)
Settings.system_table = SYSTEM

connect = connect_list
