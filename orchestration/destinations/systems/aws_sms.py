"""AWS End User Messaging: the opt-out lists of an account in one region, which stop text messages to a number.

Facts from the service's own model, as botocore has it (pinpoint-sms-voice-v2, 2026). One path for everything: what is asked
for stands in a header. An error is status 400, whatever it is; its kind stands in the answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from orchestration.destinations.aws import AwsSettings, signed
from orchestration.destinations.contract import Danger, Facts, Place, ReadBack
from orchestration.destinations.lists import (
    Endpoints,
    Inventory,
    ListDestination,
    Put,
    Read,
    ReadableList,
    Release,
    Row,
    Sight,
    System,
    Target,
    connect_list,
    moment,
    of_epoch,
)
from orchestration.http.calls import Call
from orchestration.http.client import Refused
from orchestration.http.paging import Cursor

_SERVICE = "PinpointSMSVoiceV2"
_PUT, _READ, _LIFT, _LISTS = (
    Call("POST", "/", f"{_SERVICE}.{name}")
    for name in ("PutOptedOutNumber", "DescribeOptedOutNumbers", "DeleteOptedOutNumber", "DescribeOptOutLists")
)

FACTS = Facts(
    system="aws_sms",
    channels=frozenset({"sms"}),
    identifier_types=frozenset({"phone"}),
    read_back=ReadBack.FULL,
    batch_size=100,
    release_batch_size=1,
    calls_per_second=5,
    keeps_our_mark=False,
    calls=(_PUT, _READ, _LIFT, _LISTS),
    lists="the name of an opt-out list",
    list_example="Default",
    permission="sms-voice:PutOptedOutNumber, sms-voice:DescribeOptedOutNumbers, sms-voice:DeleteOptedOutNumber and "
    "sms-voice:DescribeOptOutLists",
    by_hand=(
        "A list stops the texts of the numbers and pools that it is assigned to alone: see each one's opt-out list.",
        "A list is of one region: one destination for each region that sends.",
        "A number can be taken off a list once in 30 days.",
    ),
    unproved=(
        "That a list is assigned to whatever sends.",
        "Which program wrote a row: of what nobody's own STOP wrote, its age alone tells.",
    ),
    dangers=(
        Danger(Call("POST", "/", f"{_SERVICE}.DeleteOptOutList"), "deletes a list, opt-outs and all"),
        Danger(Call("POST", "/", f"{_SERVICE}.SendTextMessage"), "sends a message"),
        Danger(Call("POST", "/", f"{_SERVICE}.UpdatePhoneNumber"), "assigns another list to a number"),
    ),
    unverified=(
        "Five calls per second (calls_per_second).",
        "Whether a number that is there already keeps its time when it is put again.",
    ),
)


def _kind(body: Any) -> str:
    """``com.amazonaws...#ThrottlingException`` -> ``ThrottlingException``; empty where the answer is no error."""
    return str(body.get("__type", "")).rpartition("#")[2] if isinstance(body, dict) else ""


def _body(rows: Sequence[Row], target: Target) -> Any:
    return {"OptOutListName": target.list, "OptedOutNumber": rows[0]["identifier"]}


def _sight(item: Any, target: Target) -> Sight:
    told = item["OptedOutTimestamp"]
    written = of_epoch(told) or moment(told)
    return Sight(item["OptedOutNumber"], False if item["EndUserOptedOut"] else None, since=written, written_at=written)


def _endpoints(name: str) -> Endpoints:
    tokens = Cursor(lambda body: body.get("NextToken"), "NextToken")
    return Endpoints(
        put=Put(_PUT, _body, one_by_one=True),
        read=Read(_READ, _sight, lambda body: body["OptedOutNumbers"], tokens, data={"OptOutListName": name, "MaxResults": 100}),
        release=Release(_LIFT, _body),
    )


SYSTEM = System(
    facts=FACTS,
    base_url="",
    auth=signed,
    endpoints=_endpoints,
    list_form=r"[A-Za-z0-9_-]{1,64}",
    most_rows=1_000,
    inventory=Inventory(
        _LISTS,
        lambda body: body["OptOutLists"],
        lambda item: str(item["OptOutListName"]),
        Cursor(lambda body: body.get("NextToken"), "NextToken"),
        data={"MaxResults": 100},
    ),
    unlisted="",  # every list is known to be there by the inventory
    headers={"Content-Type": "application/x-amz-json-1.0"},
    action_header="X-Amz-Target",
    throttled=lambda status, body: _kind(body) == "ThrottlingException",
    denied=lambda status, body: (
        _kind(body)
        in ("AccessDeniedException", "UnrecognizedClientException", "InvalidSignatureException", "ExpiredTokenException")
    ),
)


class Settings(AwsSettings):
    """Keys of ``[destinations.<name>]``: those of every list-style system at Amazon."""

    system_table: ClassVar[System] = SYSTEM
    service: ClassVar[str] = "sms-voice"
    host: ClassVar[str] = "sms-voice"


def connect(place: Place, settings: Settings) -> ListDestination:
    """The destination for one account in one region."""
    return connect_list(place, settings, AwsSms)


class AwsSms(ReadableList):
    """One account, whose refusals of a release are told apart by what the answer says."""

    def _release(self, endpoints: Endpoints, target: Target, rows: Sequence[Row]) -> Mapping[int, str]:
        answer = self._opened().ask(_LIFT, data=_body(rows, target), expected=(400,))
        if answer.status != 400 or _kind(answer.body) == "ResourceNotFoundException":  # it is off the list
            return {}
        if _kind(answer.body) == "ConflictException":
            return {0: "lifted_within_30_days"}
        raise Refused(f"Asking {FACTS.system} for {_LIFT}", status=400, code="http_400")
