"""Customer.io: the attribute ``unsubscribed`` of each person in a workspace, which keeps all its mail from them.

Facts from the vendor's own description of its interfaces (2026). Rows are written by the Track interface and read by the App
interface, at another host and with another key. The vendor's call that is named suppress is not what it seems: it deletes the
person for good.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from orchestration.core.credentials import secret
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
)
from orchestration.http.auth import Auth, Basic, KeyHeader
from orchestration.http.calls import Call
from orchestration.http.codes import known_code
from orchestration.http.paging import Cursor

_PUT = Call("POST", "/api/v2/batch")
_READ = Call("POST", "/v1/customers")

FACTS = Facts(
    system="customer_io",
    channels=frozenset({"email"}),
    identifier_types=frozenset({"email"}),
    read_back=ReadBack.FULL,
    batch_size=1000,  # some 150 kB; a call may have 500
    calls_per_second=10,  # of the App interface; the other takes 100
    visible_within_seconds=120,
    can_release=False,
    keeps_our_mark=False,
    calls=(_PUT, _READ),
    lists='"workspace", all mail of the workspace',
    list_example="workspace",
    permission="a Track API key with its site id (api_key_env, site_id), and an App API key that may read people (app_key_env)",
    by_hand=(
        'A workspace in Europe: `base_url = "https://track-eu.customer.io"` and `app_url = "https://api-eu.customer.io"`.',
        "The workspace must know people by their address (Settings, Workspace, Identifiers: email).",
        "Somebody who is no person there yet becomes one, unsubscribed, and people count for the plan.",
        "A message that is sent to unsubscribed people too, by its own setting, is sent all the same.",
        "To lift a row: the person subscribes again, or somebody changes the attribute by hand, with consent.",
    ),
    unproved=(
        "Who unsubscribed: the recipient's own click and a program's look the same.",
        "Topics of the subscription centre: an opt-out of one topic is not read back here.",
    ),
    dangers=(
        Danger(Call("POST", "/api/v1/customers/{identifier}/suppress"), "deletes the person for good, and blocks the id alone"),
        Danger(Call("POST", "/api/v1/customers/{identifier}/unsuppress"), "lets a deleted person come back, who gets mail again"),
        Danger(Call("DELETE", "/api/v1/customers/{identifier}"), "deletes the person, who may come back subscribed"),
        Danger(Call("POST", "/v1/send/email"), "sends a mail"),
    ),
    unverified=(
        "How long a written attribute may take to be found (visible_within_seconds).",
        "That a filter for unsubscribed = true finds whoever clicked to unsubscribe as well.",
    ),
)


def _body(rows: Sequence[Row], target: Target) -> Any:
    said = {"type": "person", "action": "identify", "attributes": {"unsubscribed": True}}
    return {"batch": [{**said, "identifiers": {"email": address}} for address in emails(rows)]}


def _refused(body: Any, rows: Sequence[Row]) -> Mapping[int, str]:
    """200: all taken; 207: all but those that are named by their place."""
    errors = (body or {}).get("errors") or []
    return {int(error["batch_index"]): known_code(error.get("reason")) or "" for error in errors}


class Settings(ListSettings):
    """Keys of ``[destinations.<name>]``: those of every list-style system, and what the two interfaces want beside them."""

    site_id: str = Field(pattern=r"^[0-9a-f]{8,40}$", examples=["0123456789abcdef0123"])
    """The id of the workspace's Track API key."""
    app_key_env: str
    """Name of the environment variable with the App API key, by which rows are read back."""
    app_url: str = "https://api.customer.io"
    """The address of the App interface."""


def _track(settings: ListSettings, key: Any) -> Auth:
    return Basic(settings.site_id if isinstance(settings, Settings) else "", key)


def _app(settings: ListSettings) -> tuple[str, Auth]:
    assert isinstance(settings, Settings)
    return settings.app_url, KeyHeader(secret(settings.app_key_env, "a destination of the system customer_io"), prefix="Bearer ")


SYSTEM = System(
    facts=FACTS,
    base_url="https://track.customer.io",
    auth=_track,
    reads_at=_app,
    endpoints=lambda name: Endpoints(
        put=Put(_PUT, _body, _refused),
        read=Read(
            _READ,
            lambda item, target: Sight(item["email"]) if item.get("email") else None,
            lambda body: body["identifiers"],
            Cursor(lambda body: body.get("next"), "start", fixed={"limit": "1000"}),
            data={"filter": {"attribute": {"field": "unsubscribed", "operator": "eq", "value": "true"}}},
            pages_in_query=True,
        ),
    ),
    list_form="workspace",
    only_list="workspace",
    most_rows=2000,
)
Settings.system_table = SYSTEM

connect = connect_list
