"""Klaviyo: the profiles of an account that are suppressed, which get no marketing mail.

Facts from the vendor's own description of its interface (2026-04-15 and 2026-07-15). It takes addresses as a job and says later
how many it skipped, never which: the read-back tells. Opt-outs of one list are not written here: the call that takes them
unsubscribes somebody who is not on the list from everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from orchestration.destinations.contract import Danger, Facts, JobState, ReadBack
from orchestration.destinations.lists import (
    Endpoints,
    Job,
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

_PUT = Call("POST", "/api/profile-suppression-bulk-create-jobs")
_PUTTING = Call("GET", "/api/profile-suppression-bulk-create-jobs/{job}")
_LIFT = Call("POST", "/api/profile-suppression-bulk-delete-jobs")
_LIFTING = Call("GET", "/api/profile-suppression-bulk-delete-jobs/{job}")
_READ = Call("GET", "/api/profiles")

_OURS = "USER_SUPPRESSED"  # by a person or a program of the account; the only one that a job lifts
_UNASKED = ("HARD_BOUNCE", "INVALID_EMAIL")
_JSON_API = "application/vnd.api+json"

FACTS = Facts(
    system="klaviyo",
    channels=frozenset({"email"}),
    identifier_types=frozenset({"email"}),
    read_back=ReadBack.FULL,
    batch_size=100,
    calls_per_second=12,  # 750 in a minute, and 75 in one second
    visible_within_seconds=120,  # once its job has ended; a job may take longer, and is waited for
    keeps_our_mark=False,
    calls=(_PUT, _PUTTING, _LIFT, _LIFTING, _READ),
    lists='"account", the one list of suppressed profiles that an account has',
    list_example="account",
    permission="a private key with profiles:read, profiles:write and subscriptions:write",
    by_hand=(
        "A suppression keeps every marketing mail of the account from somebody: map the scope of the whole account, and give a "
        "brand that must be apart an account of its own.",
        "A suppressed profile still gets text messages: those have consents of their own.",
    ),
    unproved=(
        "Opt-outs of one list (list_suppressions) are not read back here; they come in as a source.",
        "Who suppressed a profile: a person at Klaviyo and a program look the same (USER_SUPPRESSED).",
        "Which rows a job skipped: it only counts them, and the push says so.",
        "Whose a row is that a job wrote more than a quarter of an hour after it was begun: it passes for somebody else's, and "
        "nothing lifts it.",
    ),
    dangers=(
        Danger(
            Call("POST", "/api/profile-subscription-bulk-delete-jobs"),
            "with a list unsubscribes from everything whoever is not on that list",
        ),
        Danger(
            Call("POST", "/api/profile-subscription-bulk-create-jobs"),
            "subscribes people, and sends a mail that asks to confirm where the list wants one",
        ),
        Danger(Call("POST", "/api/data-privacy-deletion-jobs"), "deletes the person, suppression and all"),
        Danger(Call("PATCH", "/api/profiles/{identifier}"), "changes the address of a profile"),
        Danger(Call("POST", "/api/profile-merge"), "merges two profiles into one"),
    ),
    unverified=(
        "An address that nobody knows becomes a profile, suppressed from the start; should it not, it is told of as missing.",
        "One bad address makes it refuse the whole call with status 400; the batch is halved until the row stands alone.",
        "Reading with additional-fields is said to have a stricter limit than is published; it is heeded when it is met.",
    ),
)


def _body(kind: str) -> Any:
    def body(rows: Sequence[Row], target: Target) -> Any:
        # Never with a list or segment in it: that would be a suppression of all its members.
        profiles = [{"type": "profile", "attributes": {"email": address}} for address in emails(rows)]
        return {"data": {"type": kind, "attributes": {"profiles": {"data": profiles}}}}

    return body


def _state(body: Any) -> JobState:
    told = body["data"]["attributes"]
    ended = told["status"] not in ("queued", "processing")
    return JobState(ended, failed=ended and told["status"] != "complete", skipped=int(told.get("skipped_count") or 0))


def _sight(item: Any, target: Target) -> Sight | None:
    if not item["attributes"].get("email"):
        return None
    told = item["attributes"]["subscriptions"]["email"]["marketing"]["suppression"]
    reasons = {entry["reason"]: moment(entry.get("timestamp")) for entry in told}
    asked = sorted(reason for reason in reasons if reason not in _UNASKED)
    # Where somebody unsubscribed or complained as well, it is theirs: a job would not lift that, and must not seem to.
    ours = asked == [_OURS]
    since = reasons[_OURS] if ours else min((at for at in reasons.values() if at), default=None)
    return Sight(
        item["attributes"]["email"], None if ours else False, asked=bool(asked), since=since, written_at=since if ours else None
    )


def _job(call: Call) -> Job:
    return Job(call, lambda body: str(body["data"]["id"]), _state)


SYSTEM = System(
    facts=FACTS,
    base_url="https://a.klaviyo.com",
    auth=lambda settings, key: KeyHeader(key, prefix="Klaviyo-API-Key "),
    endpoints=lambda name: Endpoints(
        put=Put(_PUT, _body("profile-suppression-bulk-create-job"), job=_job(_PUTTING)),
        read=Read(
            _READ,
            _sight,
            lambda body: body["data"],
            Link(
                lambda body: body["links"].get("next"),
                {
                    "additional-fields[profile]": "subscriptions",
                    "fields[profile]": "email,subscriptions.email.marketing.suppression",
                    "filter": "greater-than(subscriptions.email.marketing.suppression.timestamp,1970-01-01T00:00:00Z)",
                    "page[size]": "100",
                },
            ),
        ),
        release=Release(_LIFT, _body("profile-suppression-bulk-delete-job"), job=_job(_LIFTING)),
    ),
    list_form="account",
    only_list="account",
    most_rows=100,
    headers={"revision": "2026-07-15", "Accept": _JSON_API, "Content-Type": _JSON_API},
)


class Settings(ListSettings):
    """Keys of ``[destinations.<name>]``: those of every list-style system."""

    system_table: ClassVar[System] = SYSTEM


connect = connect_list
