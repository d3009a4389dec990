"""Constant Contact: the unsubscribed contacts of an account, who get none of its mail.

Facts from the vendor's own guide to its interface (version 3, 2026). Whoever changes a contact replaces it: it is read first and
written back as it was, but for the permission. The token comes from a refresh token of the account's owner.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field, SecretStr

from orchestration.core.credentials import secret
from orchestration.core.errors import PermanentError
from orchestration.destinations.contract import Danger, Facts, ReadBack
from orchestration.destinations.lists import (
    Ask,
    Endpoints,
    ListSettings,
    Put,
    Read,
    Row,
    Sight,
    System,
    Target,
    connect_list,
    moment,
)
from orchestration.http.auth import Auth, ClientCredentials
from orchestration.http.calls import Call
from orchestration.http.paging import Link

_READ = Call("GET", "/v3/contacts")
_MAKE = Call("POST", "/v3/contacts")
_PUT = Call("PUT", "/v3/contacts/{contact}")

# What the vendor lets somebody write of a contact; what else it shows is its own.
_PARTS = ("custom_fields", "list_memberships", "phone_numbers", "street_addresses", "taggings", "notes")
_OWN = (
    "first_name", "last_name", "job_title", "company_name", "birthday_month", "birthday_day", "anniversary", *_PARTS,
)  # fmt: skip

FACTS = Facts(
    system="constant_contact",
    channels=frozenset({"email"}),
    identifier_types=frozenset({"email"}),
    read_back=ReadBack.FULL,
    batch_size=100,
    calls_per_second=4,
    can_release=False,
    keeps_our_mark=False,
    calls=(_READ, _MAKE, _PUT),
    lists='"account", all mail of the account',
    list_example="account",
    permission="an application of the account with the scopes contact_data and offline_access (its secret in api_key_env, and "
    "the owner's refresh token in refresh_token_env); the owner's role must allow contacts:read and contacts:write",
    by_hand=(
        "Give the application long-lived refresh tokens: one that is replaced with every use is of no use here.",
        "Somebody who is no contact yet becomes one, unsubscribed.",
        "To lift a row: the person signs up again. The vendor's terms forbid anybody else to do it.",
    ),
    unproved=(
        "What changes of a contact between our reading it and our writing it back, some tenths of a second later, is lost.",
        "100,000 rows take 14 hours at four calls per second, and a daily quota may stop it sooner; the newest go first.",
    ),
    dangers=(
        Danger(Call("POST", "/v3/contacts/sign_up_form"), "subscribes somebody as if they had signed up"),
        Danger(Call("POST", "/v3/activities/contacts_json_import"), "subscribes many, by the permission that it assumes"),
        Danger(Call("DELETE", "/v3/contacts/{contact}"), "deletes the contact, opt-out and all"),
        Danger(Call("PUT", "/v3/contacts/resubscribe/{contact}"), "subscribes somebody who unsubscribed"),
    ),
    unverified=(
        "Four calls per second (calls_per_second), and 10,000 in a day.",
        "That every field which a contact has can be written back as it was read.",
        "Whether a contact that was deleted is found by its address.",
    ),
)


def _put(ask: Ask, row: Row, target: Target) -> None:
    address, left = row["identifier"], {"permission_to_send": "unsubscribed"}
    named = {"email": address, "status": "all", "include": ",".join(_PARTS)}
    found = ask(_READ, parameters=named).body["contacts"]
    if not found:
        ask(_MAKE, data={"email_address": {"address": address, **left}, "create_source": "Account"})
        return
    if len(found) > 1 or found[0]["email_address"]["address"].lower() != address.lower():
        raise PermanentError(
            "Looking for a contact at constant_contact",
            seen="an answer about somebody else",
            next_step="see what the vendor changed; nothing was written",
        )
    contact = found[0]
    if contact["email_address"].get("permission_to_send") != "unsubscribed":
        kept = {name: contact[name] for name in _OWN if contact.get(name) is not None}
        said = {"email_address": {"address": contact["email_address"]["address"], **left}, "update_source": "Account"}
        ask(_PUT, {"contact": contact["contact_id"]}, data={**kept, **said})


def _sight(item: Any, target: Target) -> Sight | None:
    told = item.get("email_address") or {}
    if not told.get("address"):
        return None
    since = moment(told.get("opt_out_date"))
    by_owner = told.get("opt_out_source") == "Account"
    return Sight(told["address"], None if by_owner else False, since=since, written_at=since if by_owner else None)


class Settings(ListSettings):
    """Keys of ``[destinations.<name>]``: those of every list-style system, and how its token is fetched."""

    client_id: str = Field(min_length=1, examples=["01234567-89ab-cdef-0123-456789abcdef"])
    """The id of the application that ``api_key_env`` holds the secret of."""
    refresh_token_env: str
    """Name of the environment variable with the owner's refresh token."""
    token_url: str = "https://authz.constantcontact.com/oauth2/default/v1/token"  # noqa: S105  an address
    """Where the token is fetched."""


def _auth(settings: ListSettings, key: SecretStr) -> Auth:
    assert isinstance(settings, Settings)
    token = secret(settings.refresh_token_env, "a destination of the system constant_contact")
    return ClientCredentials(settings.token_url, settings.client_id, key, refresh_token=token)


SYSTEM = System(
    facts=FACTS,
    base_url="https://api.cc.email",
    auth=_auth,
    endpoints=lambda name: Endpoints(
        put=Put(_PUT, steps=_put, one_by_one=True),
        read=Read(
            _READ,
            _sight,
            lambda body: body["contacts"],
            Link(
                lambda body: ((body.get("_links") or {}).get("next") or {}).get("href"),
                {"status": "unsubscribed", "limit": "500"},
            ),
        ),
    ),
    list_form="account",
    only_list="account",
)
Settings.system_table = SYSTEM

connect = connect_list
