"""RingCentral: the opt-outs of its high-volume text messages, each of one number that sends.

Facts from the vendor's own definitions of its interface (generated libraries, 2026). Calls of agents and their dialer (RingCX)
have lists of their own, which this interface does not reach.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from pydantic import Field, SecretStr

from orchestration.core.credentials import secret
from orchestration.destinations.contract import Danger, Facts, ReadBack
from orchestration.destinations.lists import (
    Endpoints,
    ListSettings,
    Put,
    Read,
    Release,
    Row,
    Sight,
    System,
    Target,
    connect_list,
)
from orchestration.http.auth import Auth, ClientCredentials
from orchestration.http.calls import Call
from orchestration.http.paging import Cursor

_OPT_OUTS = "/restapi/v1.0/account/~/a2p-sms/opt-outs"
_ASSIGN, _READ = Call("POST", f"{_OPT_OUTS}/bulk-assign"), Call("GET", _OPT_OUTS)

FACTS = Facts(
    system="ringcentral",
    channels=frozenset({"sms"}),
    identifier_types=frozenset({"phone"}),
    read_back=ReadBack.FULL,
    batch_size=100,
    calls_per_second=0.8,  # 50 in a minute: the group "light"
    keeps_our_mark=False,
    calls=(_ASSIGN, _READ),
    lists="the number that sends",
    list_example="+15555550100",
    permission="an app with the permission A2PSMS, and a JWT credential of a user of the account",
    by_hand=(
        "An opt-out is of one number that sends: map every number that texts this scope.",
        "What a recipient's STOP or the carrier wrote is never lifted from here.",
    ),
    unproved=(
        "Texts of people and of teams, and the calls of the dialer: the interface knows the high-volume messages alone.",
        "Which program of the account wrote an opt-out.",
    ),
    dangers=(
        Danger(Call("POST", "/restapi/v1.0/account/~/a2p-sms/batches"), "sends messages"),
        Danger(Call("POST", "/restapi/v1.0/account/~/extension/~/sms"), "sends a message"),
    ),
    unverified=(
        "100 numbers in a call (batch_size), and 50 calls in a minute (calls_per_second).",
        "Whether one bad number spoils a call: what is named as failed counts as refused, and a call with status 400 is halved.",
    ),
)


def _puts(rows: Sequence[Row], target: Target) -> Any:
    return {"from": target.list, "optOuts": [row["identifier"] for row in rows]}


def _lifts(rows: Sequence[Row], target: Target) -> Any:
    """An opt-in is how an opt-out is lifted there. It is sent for rows of ours alone, and only with the person's own opt-in."""
    return {"from": target.list, "optIns": [row["identifier"] for row in rows]}


def _refused(part: str, body: Any, rows: Sequence[Row]) -> Mapping[int, str]:
    failed = {_e164(entry["to"]) for entry in body[part].get("failed") or ()}
    return {index: "failed" for index, row in enumerate(rows) if row["identifier"] in failed}


def _sight(item: Any, target: Target) -> Sight | None:
    if item["status"] != "OptOut":
        return None
    return Sight(_e164(item["to"]), None if item["source"] == "Account" else False)


def _e164(number: str) -> str:
    """The vendor's own examples have numbers with and without the plus."""
    return number if number.startswith("+") else f"+{number}"


class Settings(ListSettings):
    """Keys of ``[destinations.<name>]``: those of every list-style system, and who asks. ``api_key_env`` is the app's secret."""

    system_table: ClassVar[System]

    client_id: str = Field(min_length=1, examples=["AbCdEfGhIjKlMnOpQrStUv"])
    """The app."""
    jwt_env: str
    """Name of the environment variable that holds the JWT credential of the user in whose name it asks."""
    lifts: bool = False
    """Must be true for a push to lift rows, which is an opt-in there. RingCentral keeps no time of an opt-out, and nobody knows
    whether a STOP after our own opt-out shows as the recipient's: only where this home alone writes, and a dry run follows every
    backup."""

    def facts_here(self, facts: Facts) -> Facts:
        return replace(facts, can_release=self.lifts)


def _logged_in(settings: ListSettings, key: SecretStr) -> Auth:
    assert isinstance(settings, Settings)
    base = settings.base_for("")
    assertion = secret(settings.jwt_env, "a destination at RingCentral")
    return ClientCredentials(f"{base}/restapi/oauth/token", settings.client_id, key, assertion=assertion)


SYSTEM = System(
    facts=FACTS,
    base_url="https://platform.ringcentral.com",
    names_are_unique=True,
    auth=_logged_in,
    endpoints=lambda name: Endpoints(
        put=Put(_ASSIGN, _puts, lambda body, rows: _refused("optOuts", body, rows)),
        read=Read(
            _READ,
            _sight,
            lambda body: body["records"],
            Cursor(lambda body: (body.get("paging") or {}).get("nextPageToken"), "pageToken"),
            parameters={"from": name, "status": "OptOut", "perPage": "1000"},
        ),
        release=Release(_ASSIGN, _lifts, lambda body, rows: _refused("optIns", body, rows)),
    ),
    list_form=r"\+[1-9][0-9]{5,14}",
    most_rows=1_000,
)
Settings.system_table = SYSTEM

connect = connect_list
