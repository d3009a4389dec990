"""Amazon SES: the contacts of a contact list who are unsubscribed from all its topics.

Facts from the service's own model, as botocore has it (version 2 of the interface, 2026). Such a list keeps only mail from
somebody that is sent with it, so receipts still arrive. Whoever changes a contact replaces all its topic preferences: they are
read first and written back as they were.
"""

from __future__ import annotations

from typing import Any, ClassVar

from orchestration.destinations.aws import AwsSettings, signed
from orchestration.destinations.contract import Danger, Facts, ReadBack
from orchestration.destinations.lists import (
    Ask,
    Endpoints,
    Inventory,
    Put,
    Read,
    Row,
    Sight,
    System,
    Target,
    connect_list,
    moment,
    of_epoch,
)
from orchestration.http.calls import Call
from orchestration.http.paging import Cursor

_CONTACT = Call("GET", "/v2/email/contact-lists/{list}/contacts/{identifier}")
_MAKE = Call("POST", "/v2/email/contact-lists/{list}/contacts")
_PUT = Call("PUT", "/v2/email/contact-lists/{list}/contacts/{identifier}")
_READ = Call("POST", "/v2/email/contact-lists/{list}/contacts/list")
_LIST = Call("GET", "/v2/email/contact-lists/{list}")
_LISTS = Call("GET", "/v2/email/contact-lists")
_KEPT = ("TopicPreferences", "AttributesData")

FACTS = Facts(
    system="ses_contacts",
    channels=frozenset({"email"}),
    identifier_types=frozenset({"email"}),
    read_back=ReadBack.FULL,
    batch_size=100,
    calls_per_second=1,
    can_release=False,
    keeps_our_mark=False,
    calls=(_CONTACT, _MAKE, _PUT, _READ, _LIST, _LISTS),
    lists="the name of a contact list",
    list_example="newsletter",
    permission="ses:GetContact, ses:CreateContact, ses:UpdateContact, ses:ListContacts, ses:GetContactList and "
    "ses:ListContactLists",
    by_hand=(
        "A list acts only on mail that is sent with it (ListManagementOptions): name it wherever marketing mail is sent.",
        "A list is of one region: one destination for each region that sends.",
        "Somebody who is no contact yet becomes one, unsubscribed from all topics.",
        "To lift a row: the person subscribes again, or somebody changes the contact by hand, with consent.",
    ),
    unproved=(
        "That a mail names its list: one that names none is sent all the same.",
        "Who unsubscribed: the contact's own click and a program's look the same.",
        "100,000 rows take 56 hours, two calls each at one per second; the newest opt-outs go first.",
    ),
    dangers=(
        Danger(Call("DELETE", "/v2/email/contact-lists/{list}/contacts/{identifier}"), "deletes the contact, opt-out and all"),
        Danger(Call("DELETE", "/v2/email/contact-lists/{list}"), "deletes the list, opt-outs and all"),
        Danger(Call("PUT", "/v2/email/contact-lists/{list}"), "replaces the topics of the list"),
        Danger(Call("POST", "/v2/email/import-jobs"), "takes a file of contacts, and deletes all its rows when told so"),
        Danger(Call("POST", "/v2/email/outbound-emails"), "sends a mail"),
    ),
    unverified=(
        "One call per second, from a copy of the page of quotas (calls_per_second).",
        "1,000 rows in a page; it may give fewer, and the token goes on.",
    ),
)


def _put(ask: Ask, row: Row, target: Target) -> None:
    parts = {"list": target.list, "identifier": row["identifier"]}
    found = ask(_CONTACT, parts, expected=(404,))
    if found.status == 404:
        ask(_MAKE, {"list": target.list}, data={"EmailAddress": row["identifier"], "UnsubscribeAll": True})
    elif not found.body["UnsubscribeAll"]:
        kept = {name: found.body[name] for name in _KEPT if found.body.get(name)}
        ask(_PUT, parts, data={**kept, "UnsubscribeAll": True})


def _sight(item: Any, target: Target) -> Sight | None:
    told = item.get("LastUpdatedTimestamp")
    since = of_epoch(told) or moment(told)  # of whatever was changed last, so no row's age
    if item["UnsubscribeAll"]:
        return Sight(item["EmailAddress"], since=since)
    left = [topic["TopicName"] for topic in item.get("TopicPreferences") or [] if topic["SubscriptionStatus"] == "OPT_OUT"]
    return Sight(item["EmailAddress"], since=since, narrower=left) if left else None


SYSTEM = System(
    facts=FACTS,
    base_url="",
    auth=signed,
    endpoints=lambda name: Endpoints(
        put=Put(_PUT, steps=_put, one_by_one=True),
        read=Read(
            _READ,
            _sight,
            lambda body: body.get("Contacts") or [],
            Cursor(lambda body: body.get("NextToken"), "NextToken"),
            data={"PageSize": 1000},
        ),
        exists=_LIST,
    ),
    list_form=r"[A-Za-z0-9_-]{1,64}",
    inventory=Inventory(
        _LISTS,
        lambda body: body.get("ContactLists") or [],
        lambda item: item["ContactListName"],
        Cursor(lambda body: body.get("NextToken"), "NextToken", fixed={"PageSize": "100"}),
    ),
)


class Settings(AwsSettings):
    """Keys of ``[destinations.<name>]``: those of every list-style system at Amazon."""

    system_table: ClassVar[System] = SYSTEM
    service: ClassVar[str] = "ses"
    host: ClassVar[str] = "email"


connect = connect_list
