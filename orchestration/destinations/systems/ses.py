"""Amazon SES: the suppression list of an account in one region.

Facts from the service's own model, as botocore has it (version 2 of the interface, 2026). The list knows two reasons, bounce and
complaint, and none for somebody who asked: an opt-out is written as a complaint, which nobody's later bounce looks like. For
marketing mail alone there are contact lists: the system ``ses_contacts``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from orchestration.destinations.aws import AwsSettings, signed
from orchestration.destinations.contract import Danger, Facts, ReadBack
from orchestration.destinations.lists import (
    Endpoints,
    Put,
    Read,
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
from orchestration.http.paging import Cursor

_PUT = Call("PUT", "/v2/email/suppression/addresses")
_READ = Call("GET", "/v2/email/suppression/addresses")
_LIFT = Call("DELETE", "/v2/email/suppression/addresses/{identifier}")
_ACCOUNT = Call("GET", "/v2/email/account")

FACTS = Facts(
    system="ses",
    channels=frozenset({"email"}),
    identifier_types=frozenset({"email"}),
    read_back=ReadBack.FULL,
    batch_size=100,
    calls_per_second=1,
    keeps_our_mark=False,
    calls=(_PUT, _READ, _LIFT, _ACCOUNT),
    lists='"account", the suppression list of the account in this region',
    list_example="account",
    permission="ses:PutSuppressedDestination, ses:ListSuppressedDestinations, ses:DeleteSuppressedDestination and ses:GetAccount",
    by_hand=(
        "The list blocks every mail of the account, receipts and password mails too: use it for opt-outs of everything, and send "
        "transactional mail from an account or a region of its own; or use the system ses_contacts.",
        "A list is of one region: one destination for each region that sends.",
        "The reason COMPLAINT must be switched on for the account's list; else the push stops, since no row would be heeded. A "
        "configuration set may switch it off again for its own mail.",
    ),
    unproved=(
        "That a mail's configuration set heeds the list.",
        "Whether a program or a complaint of the recipient's wrote a row: both have the reason COMPLAINT; its age alone tells.",
        "100,000 rows take 28 hours at one call per second; the newest opt-outs go first.",
    ),
    dangers=(
        Danger(Call("POST", "/v2/email/outbound-emails"), "sends a mail"),
        Danger(Call("PUT", "/v2/email/account/suppression"), "switches the reasons of the list on and off"),
        Danger(Call("POST", "/v2/email/import-jobs"), "takes a file, and deletes all its rows from the list when told so"),
        Danger(
            Call("PUT", "/v2/email/contact-lists/{list}/contacts/{identifier}"),
            "drops the topic preferences that are not repeated",
        ),
        Danger(Call("DELETE", "/v2/email/contact-lists/{list}"), "deletes a contact list, opt-outs and all"),
    ),
    unverified=(
        "One call per second, from a copy of the page of quotas (calls_per_second).",
        "1,000 rows in a page; it may give fewer, and the token goes on.",
        "That a list is of one region, and that the reasons switched on decide whether a row is heeded.",
    ),
)


def _body(rows: Sequence[Row], target: Target) -> Any:
    return {"EmailAddress": rows[0]["identifier"], "Reason": "COMPLAINT"}


def _sight(item: Any, target: Target) -> Sight:
    told = item.get("LastUpdateTime")
    written = of_epoch(told) or moment(told)
    by_bounce = item["Reason"] == "BOUNCE"
    return Sight(item["EmailAddress"], False if by_bounce else None, asked=not by_bounce, since=written, written_at=written)


def _acts(body: Any) -> str:
    reasons = (body.get("SuppressionAttributes") or {}).get("SuppressedReasons") or []
    if "COMPLAINT" in reasons:
        return ""
    return (
        "the account does not heed the reason COMPLAINT, so a row on its list keeps nobody from being mailed: switch it on "
        "(Configuration, Suppression list, Account-level settings)"
    )


SYSTEM = System(
    facts=FACTS,
    base_url="",
    auth=signed,
    endpoints=lambda name: Endpoints(
        put=Put(_PUT, _body, one_by_one=True),
        read=Read(
            _READ,
            _sight,
            lambda body: body.get("SuppressedDestinationSummaries") or [],
            Cursor(lambda body: body.get("NextToken"), "NextToken", fixed={"PageSize": "1000"}),
        ),
        release=Release(_LIFT),
        exists=_ACCOUNT,
        acts=_acts,
    ),
    list_form="account",
    only_list="account",
)


class Settings(AwsSettings):
    """Keys of ``[destinations.<name>]``: those of every list-style system at Amazon."""

    system_table: ClassVar[System] = SYSTEM
    service: ClassVar[str] = "ses"
    host: ClassVar[str] = "email"


connect = connect_list
