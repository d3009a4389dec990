"""Brevo: the blocklist of an account, which is a mark on each contact.

Facts from the vendor's own Python library (2026). Somebody who is no contact yet becomes one, blocklisted from the start: the
call that takes many contacts at once takes only those that exist.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

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
from orchestration.http.auth import KeyHeader
from orchestration.http.calls import Call
from orchestration.http.paging import Offset

_PUT = Call("POST", "/v3/contacts")
_READ = Call("GET", "/v3/contacts")
_LIFT = Call("PUT", "/v3/contacts/{identifier}")

FACTS = Facts(
    system="brevo",
    channels=frozenset({"email"}),
    identifier_types=frozenset({"email"}),
    read_back=ReadBack.FULL,
    batch_size=100,
    calls_per_second=10,
    keeps_our_mark=False,
    can_release=False,
    calls=(_PUT, _READ, _LIFT),
    lists='"account", the one blocklist that an account has',
    list_example="account",
    permission="an API key of the account (Brevo's keys may do everything: keep it apart)",
    by_hand=(
        "Everybody on the list becomes a contact, and contacts count for the plan.",
        "Changing the address of a blocklisted contact lifts the mark: do not let a form or an import do that.",
        "Transactional mail has a list of blocked contacts of its own; it comes in as a source.",
    ),
    unproved=(
        "Who set the mark: the recipient's own click and a program's look the same.",
        "100,000 rows take three hours at ten calls per second; the newest opt-outs go first.",
    ),
    dangers=(
        Danger(Call("POST", "/v3/contacts/doubleOptinConfirmation"), "sends a mail that asks to confirm"),
        Danger(Call("DELETE", "/v3/contacts/{identifier}"), "forgets the contact, mark and all"),
        Danger(Call("POST", "/v3/contacts/lists/{list}/contacts/add"), "adds people to a list"),
        Danger(Call("POST", "/v3/contacts/import"), "applies one mark to a whole file"),
        Danger(Call("POST", "/v3/smtp/email"), "sends a mail"),
    ),
    unverified=("10 calls per second, from a page of another date (calls_per_second).",),
)


def _body(rows: Sequence[Row], target: Target) -> Any:
    return {"email": rows[0]["identifier"], "emailBlacklisted": True, "updateEnabled": True}


SYSTEM = System(
    facts=FACTS,
    base_url="https://api.brevo.com",
    auth=lambda settings, key: KeyHeader(key, name="api-key"),
    endpoints=lambda name: Endpoints(
        put=Put(_PUT, _body, one_by_one=True),
        read=Read(
            _READ,
            lambda item, target: Sight(item["email"]) if item["emailBlacklisted"] and item.get("email") else None,
            lambda body: body["contacts"],
            Offset(1000),
        ),
        release=Release(_LIFT, lambda rows, target: {"emailBlacklisted": False}, parameters={"identifierType": "email_id"}),
    ),
    list_form="account",
    only_list="account",
    reset_header=("x-sib-ratelimit-reset", "seconds"),
)


class Settings(ListSettings):
    """Keys of ``[destinations.<name>]``: those of every list-style system, and whether rows are lifted."""

    system_table: ClassVar[System] = SYSTEM

    lifts: bool = False
    """Must be true for a push to lift rows. Brevo keeps neither who set a mark nor when, so a home that came back from a backup
    could lift somebody who opted out since: only where this home alone writes, and a dry run follows every backup."""

    def facts_here(self, facts: Facts) -> Facts:
        return replace(facts, can_release=self.lifts)


connect = connect_list
