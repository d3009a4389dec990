"""ActiveCampaign: the unsubscribed contacts of each list of an account.

Facts from the vendor's pages of its interface (version 3, 2026). Contacts are taken as a job, of whose end the vendor says which
addresses failed; the read-back has the last word. The list of addresses that the whole account excludes can be read there and not
written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from pydantic import Field

from orchestration.destinations.contract import Danger, Facts, JobState, ReadBack
from orchestration.destinations.lists import (
    Endpoints,
    Inventory,
    Job,
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
from orchestration.http.auth import KeyHeader
from orchestration.http.calls import Call
from orchestration.http.paging import Offset

_PUT = Call("POST", "/api/3/import/bulk_import")
_PUTTING = Call("GET", "/api/3/import/info")
_READ = Call("GET", "/api/3/contacts")
_LIST = Call("GET", "/api/3/lists/{list}")
_LISTS = Call("GET", "/api/3/lists")
_AT_WORK = ("waiting", "claimed", "active")

FACTS = Facts(
    system="activecampaign",
    channels=frozenset({"email"}),
    identifier_types=frozenset({"email"}),
    read_back=ReadBack.FULL,
    batch_size=250,
    calls_per_second=5,  # which all keys of an account share
    visible_within_seconds=120,  # once its job has ended
    can_release=False,
    keeps_our_mark=False,
    calls=(_PUT, _PUTTING, _READ, _LIST, _LISTS),
    lists="the number of a list",
    list_example="12",
    permission="the API key of a user who may manage contacts and lists (Settings, Developer)",
    by_hand=(
        "An unsubscription is of one list: map every list that mails this scope.",
        "Somebody who is no contact yet becomes one, unsubscribed from the list; contacts count for the plan.",
        "To lift a row: the person subscribes again by a form, or somebody does it by hand, with consent.",
    ),
    unproved=(
        "Who unsubscribed: the contact's own click and a program's look the same.",
        "The account's exclusion list and bounces: they come in as a source.",
    ),
    dangers=(
        Danger(Call("POST", "/api/3/contactLists"), "with status 1 subscribes somebody who unsubscribed by themselves"),
        Danger(Call("DELETE", "/api/3/contacts/{identifier}"), "deletes the contact, opt-outs and all"),
        Danger(Call("DELETE", "/api/3/lists/{list}"), "deletes the list, opt-outs and all"),
        Danger(Call("PUT", "/api/3/contacts/{identifier}"), "changes the address of a contact"),
    ),
    unverified=(
        "That contacts are read by list and status (listid, status=2).",
        "An import does not start the account's automations (exclude_automations).",
    ),
)


def _body(rows: Sequence[Row], target: Target) -> Any:
    left = [{"listid": int(target.list)}]
    return {"contacts": [{"email": address, "unsubscribe": left} for address in emails(rows)], "exclude_automations": True}


def _state(body: Any) -> JobState:
    """``false`` in the first second: the job has no status yet."""
    status = body["status"]
    ended = bool(status) and status not in _AT_WORK
    return JobState(ended, failed=ended and status != "completed", skipped=len(body.get("failure") or []) if ended else 0)


SYSTEM = System(
    facts=FACTS,
    base_url="",
    auth=lambda settings, key: KeyHeader(key, name="Api-Token"),
    endpoints=lambda name: Endpoints(
        put=Put(_PUT, _body, job=Job(_PUTTING, lambda body: str(body["batchId"]), _state, parameter="batchId")),
        read=Read(
            _READ,
            lambda item, target: Sight(item["email"]) if item.get("email") else None,
            lambda body: body["contacts"],
            Offset(100),
            of_push=lambda target: {"listid": target.list, "status": "2", "orders[id]": "ASC"},
        ),
        exists=_LIST,
    ),
    list_form=r"[1-9][0-9]{0,8}",
    most_rows=250,
    inventory=Inventory(_LISTS, lambda body: body["lists"], lambda item: str(item["id"]), Offset(100)),
)


class Settings(ListSettings):
    """Keys of ``[destinations.<name>]``: those of every list-style system, and which account it is."""

    system_table: ClassVar[System] = SYSTEM

    base_url: str = Field(min_length=1, examples=["https://acme.api-us1.com"])
    """The address of the account, which nothing else tells."""


connect = connect_list
