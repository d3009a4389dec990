"""SparkPost (Bird): the suppression list of an account, which has a row per address and kind of mail.

Facts from the vendor's help pages and public clients (2026). The description of a row is ours to write, so a row says which home
and which push wrote it: the only vendor's list here that does.
"""

from __future__ import annotations

from collections.abc import Sequence
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
    emails,
    moment,
)
from orchestration.http.auth import KeyHeader
from orchestration.http.calls import Call
from orchestration.http.paging import Link

_PUT = Call("PUT", "/api/v1/suppression-list")
_READ = Call("GET", "/api/v1/suppression-list")
_LIFT = Call("DELETE", "/api/v1/suppression-list/{identifier}")
_MARK = "quietlist"

FACTS = Facts(
    system="sparkpost",
    channels=frozenset({"email"}),
    identifier_types=frozenset({"email"}),
    read_back=ReadBack.FULL,
    batch_size=10_000,
    release_batch_size=100,
    visible_within_seconds=60,  # "about a minute"
    calls=(_PUT, _READ, _LIFT),
    lists='"non_transactional" (marketing mail), or "transactional" (all other mail)',
    list_example="non_transactional",
    permission="Suppression Lists: Read/Write",
    by_hand=(
        'An account in Europe: `base_url = "https://api.eu.sparkpost.com"`.',
        "An address has a row for marketing mail and one for all other mail; only non_transactional spares receipts.",
        "The list holds a million rows; more are refused.",
        "Subaccounts have lists of their own: one destination each, with the subaccount's key.",
    ),
    unproved=("That a mail was sent as marketing: the option transactional of the mail decides which row is looked at.",),
    dangers=(
        Danger(Call("POST", "/api/v1/transmissions"), "sends mail"),
        Danger(Call("DELETE", "/api/v1/suppression-list"), "is the path of one row with the address left out"),
    ),
    unverified=(
        "10,000 addresses per call, from a public client (batch_size).",
        "A row that the vendor's compliance put is refused with status 403, from a public client.",
    ),
)


def _body(rows: Sequence[Row], target: Target) -> Any:
    mark = f"{_MARK} {target.push.home} {target.push.id}"
    return {"recipients": [{"recipient": address, "type": target.list, "description": mark} for address in emails(rows)]}


def _sight(item: Any, target: Target) -> Sight | None:
    if item["type"] != target.list:
        return None
    name, since = item["recipient"], moment(item.get("created"))
    mark = (item.get("description") or "").split(" ")
    if item["source"] == "Manually Added" and len(mark) == 3 and mark[0] == _MARK:
        return Sight(name, ours=True, since=since, home=mark[1], push=mark[2], written_at=moment(item.get("updated")))
    # What its rule for bounces put, nobody asked for.
    return Sight(name, ours=False, asked=item["source"] != "Bounce Rule", since=since)


def _next(body: Any) -> Any:
    return next((link["href"] for link in body.get("links", []) if link["rel"] == "next"), None)


SYSTEM = System(
    facts=FACTS,
    base_url="https://api.sparkpost.com",
    auth=lambda settings, key: KeyHeader(key),
    endpoints=lambda name: Endpoints(
        put=Put(_PUT, _body),
        read=Read(_READ, _sight, lambda body: body["results"], Link(_next, {"cursor": "initial", "per_page": "10000"})),
        release=Release(_LIFT, lambda rows, target: {"type": target.list}, row_refused={403: "kept_by_the_vendor"}),
    ),
    list_form="non_transactional|transactional",
    every_list=("non_transactional",),  # the other one is of mail that nobody opts out of
    only_list="non_transactional",
)


class Settings(ListSettings):
    """Keys of ``[destinations.<name>]``: those of every list-style system."""

    system_table: ClassVar[System] = SYSTEM


connect = connect_list
