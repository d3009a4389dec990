"""Five9: the do-not-call list of a domain, which every campaign of it heeds.

Facts from the vendor's guide to its Configuration Web Services (copy of 2026): SOAP, two calls on one path. The guide says
that numbers can be added from 23:00 to 6:00 Pacific time alone, and that any other time is an exception. A push tries all the
same, since not every domain is bound so; when the vendor will not have it at such an hour it waits for the night, and nothing
counts as refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import ClassVar
from xml.etree import ElementTree
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

import pyarrow as pa
from pydantic import Field, SecretStr

from orchestration.core.credentials import secret
from orchestration.core.errors import PermanentError, Throttled, TransientError
from orchestration.core.pace import Timer
from orchestration.destinations.contract import BatchRejected, Danger, Facts, Outcome, Place, Push, ReadBack
from orchestration.destinations.lists import Endpoints, ListSettings, Put, System
from orchestration.http.auth import Basic
from orchestration.http.calls import Call
from orchestration.http.client import Api, Client

_PATH = "/wsadmin/v13/AdminWebService"
_PUT, _LOOK = Call("POST", _PATH, "addNumbersToDnc"), Call("POST", _PATH, "checkDncForNumbers")

FACTS = Facts(
    system="five9",
    channels=frozenset({"voice"}),
    identifier_types=frozenset({"phone"}),
    read_back=ReadBack.POINT,
    batch_size=500,
    calls_per_second=1,
    can_release=False,
    keeps_our_mark=False,
    calls=(_PUT, _LOOK),
    lists='"domain", the list of the whole domain',
    list_example="domain",
    permission="a user with the role of administrator and the right to use the Configuration Web Services",
    by_hand=(
        "Let a push run between 23:00 and 6:00 Pacific time: at other hours most domains take nothing, and the numbers wait.",
        "The list holds North American numbers of ten digits. Any other is refused here, and told of: it can still be called.",
        "The list is the domain's: an opt-out of a part of the company stops every campaign. Name the scope that they share.",
        "To lift a row: an administrator takes the number off the list. No program does, since an agent may have put it there "
        "meanwhile, on the person's word, and no call would show that.",
    ),
    unproved=(
        "Who is on the list beside the rows of this home: no call shows it, so others' opt-outs come in as a source only.",
        "A row that was proved is looked up again within a month, not with each push.",
    ),
    dangers=(
        Danger(Call("POST", _PATH, "removeNumbersFromDnc"), "takes numbers off the list, whoever put them there"),
        Danger(Call("POST", _PATH, "addRecordToList"), "adds a record to a list that is dialed"),
        Danger(Call("POST", _PATH, "deleteAllFromList"), "empties a list"),
        Danger(Call("POST", _PATH, "startCampaign"), "starts a campaign"),
    ),
    unverified=(
        "500 numbers in a call to add: what other clients send; the guide bounds the check alone, at 50,000 (batch_size).",
        "One call a second: the vendor counts calls by the minute, hour and day, and says how many in each domain "
        "(calls_per_second).",
        "How it says that a call came at a wrong hour, or was one too many: a fault outside of the hours is read as the first.",
    ),
)

_NAMESPACE = "http://service.admin.ws.five9.com/"
_ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
_PACIFIC = ZoneInfo("America/Los_Angeles")
_OPENS, _CLOSES = 23, 6  # hours
_AMERICAN = re.compile(r"\+1([0-9]{10})")
_FOREIGN = "number_of_another_country"


class Settings(ListSettings):
    """Keys of ``[destinations.<name>]``: those of every list-style system, and who asks. ``api_key_env`` is the password's."""

    system_table: ClassVar[System]

    user: str = Field(min_length=1, examples=["quietlist@example.com"])
    """The user who asks."""


SYSTEM = System(
    facts=FACTS,
    base_url="https://api.five9.com",
    auth=lambda settings, key: Basic(settings.user if isinstance(settings, Settings) else "", key),
    endpoints=lambda name: Endpoints(put=Put(_PUT, lambda rows, target: None)),
    list_form="domain",
    only_list="domain",
    most_rows=5_000,
)
Settings.system_table = SYSTEM


def connect(place: Place, settings: Settings) -> Five9:
    """The destination for one domain."""
    return Five9(settings, secret(settings.api_key_env, f"[destinations.{place.name}] api_key"))


class Five9:
    """One domain's list."""

    carries: tuple[str, ...] = ()  # a list of numbers says nothing else of them

    def __init__(self, settings: Settings, password: SecretStr) -> None:
        own = {
            name: value
            for name in ("batch_size", "calls_per_second", "visible_within_seconds")
            if (value := getattr(settings, name)) is not None
        }
        self.facts, self.timer = replace(FACTS, **own), Timer()
        self._settings, self._auth = settings, Basic(settings.user, password)
        self._client: Client | None = None

    def open(self, push: Push) -> None:
        """Connect, and see that we are let in."""
        self._client = Client(
            Api(FACTS.system, self.facts.calls, {"SOAPAction": '""'}, permission=FACTS.permission),
            self._settings.base_for(""),
            self._auth,
            timer=self.timer,
            calls_per_second=self.facts.calls_per_second,
            timeout_seconds=self._settings.timeout_seconds,
            plain_allowed=self._settings.allow_plain_http,
        )

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
        self._client = None

    def put(self, rows: pa.RecordBatchReader) -> Outcome:
        numbers = _numbers(rows)
        foreign = {index: _FOREIGN for index, number in enumerate(numbers) if number is None}
        asked = [number for number in numbers if number is not None]
        return Outcome(foreign, changed=self._added(self._asked(_PUT, asked)) if asked else 0)

    def release(self, rows: pa.RecordBatchReader) -> Outcome:
        raise PermanentError(
            f"Lifting rows at {FACTS.system}",
            seen="a system from which nothing is lifted",
            next_step="nothing was sent; correct the caller",
        )

    def look_up(self, rows: pa.RecordBatchReader) -> Sequence[bool]:
        numbers = _numbers(rows)
        asked = [number for number in numbers if number is not None]
        there = set(self._asked(_LOOK, asked)) if asked else set()
        return [number in there for number in numbers]

    def _added(self, told: Sequence[str]) -> int:
        """How many are new on the list: none, on a call that came again."""
        if len(told) != 1 or not told[0].isdigit():
            raise self._odd(_PUT)
        return int(told[0])

    def _asked(self, call: Call, numbers: Sequence[str]) -> list[str]:
        """The values that came back."""
        tried = f"Asking {FACTS.system} for {call}"
        if self._client is None:
            raise PermanentError(tried, seen="the destination is not open", next_step="call open first")
        content = ("text/xml; charset=utf-8", envelope(call.action, numbers))
        answer = self._client.ask(call, content=content, expected=(500,))  # a fault is a 500
        body = _body(answer.raw)
        if body is None:
            if answer.status == 500:
                raise TransientError(tried, seen="status 500", next_step="see the system's status page")
            raise self._odd(call)
        if body.tag == f"{{{_ENVELOPE}}}Fault":
            raise self._fault(call)
        if body.tag != f"{{{_NAMESPACE}}}{call.action}Response":
            raise self._odd(call)
        return [(item.text or "").strip() for item in body.iterfind("return")]

    def _fault(self, call: Call) -> Exception:
        tried = f"Asking {FACTS.system} for {call}"
        now = self.timer.now().astimezone(_PACIFIC)
        if call == _PUT and _CLOSES <= now.hour < _OPENS:
            opens = now.replace(hour=_OPENS, minute=0, second=0, microsecond=0)
            return Throttled(
                tried,
                seen=f"a fault at {now:%H:%M} Pacific time: most domains take numbers from {_OPENS}:00 to {_CLOSES}:00 alone",
                retry_after=max((opens - now) / timedelta(seconds=1), 1.0),
                next_step="let a push run at night there; the numbers wait, and can be called until then",
            )
        return BatchRejected(tried, code="fault")

    def _odd(self, call: Call) -> PermanentError:
        return PermanentError(
            f"Reading the answer of {FACTS.system} to {call}",
            seen="an answer that is not written as the vendor documents it",
            next_step="see what the vendor changed, or what answers at base_url in its place; the rows count as unanswered",
        )


def envelope(action: str, numbers: Sequence[str]) -> bytes:
    """The request, as the service's own description has it."""
    inner = "".join(f"<numbers>{escape(number)}</numbers>" for number in numbers)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="{_ENVELOPE}" xmlns:ser="{_NAMESPACE}">'
        f"<soapenv:Body><ser:{action}>{inner}</ser:{action}></soapenv:Body></soapenv:Envelope>"
    ).encode()


def _body(answer: bytes) -> ElementTree.Element | None:
    """What is in the envelope; None where it is none. A document type, and so entities that could grow, it never has."""
    try:
        root = None if b"<!DOCTYPE" in answer else ElementTree.fromstring(answer)  # noqa: S314
    except ElementTree.ParseError:
        return None
    inner = None if root is None or root.tag != f"{{{_ENVELOPE}}}Envelope" else root.find(f"{{{_ENVELOPE}}}Body")
    return None if inner is None or len(inner) != 1 else inner[0]


def _numbers(rows: pa.RecordBatchReader) -> list[str | None]:
    """Ten digits each; None for a number of another country."""
    found = [_AMERICAN.fullmatch(text) for text in rows.read_all().column("identifier").to_pylist()]
    return [match[1] if match else None for match in found]
