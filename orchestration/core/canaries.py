"""Canaries: addresses and numbers of our own that stand in a list as if they had opted out, another one in each list.

Nobody has a reason to contact one, so a contact made to it says that a list is used for what it must not be used for, or is not
heeded; and since no two lists hold the same one, it says which. Here: which canary stands where. Planting them is the business of
``sync`` and ``scrub``, finding them that of ``exposure.canary_contacts``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from orchestration.core.channels import TYPES_OF_CHANNEL
from orchestration.core.config import SCRUB, Canaries, Config

# Letters only, so that no tag looks like one of a scrubbed campaign, nor like a number.
_LETTERS = str.maketrans("0123456789", "ghijklmnop")
_TAG_LETTERS = 8
SCRUB_TAG = 6
"""Hexadecimal digits of a campaign file's SHA-256: enough to tell campaigns apart, and too few to be taken for a number."""
_ONE_YEAR = 365 * 24 * 3600
_EARLIEST = datetime(2025, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, order=True)
class Canary:
    """One canary, and the list it stands in."""

    place: str
    """The destination, or ``scrub``."""
    list: str
    """The node of the destination's ``scopes``; empty for a number, which all lists of the place share, and for ``scrub``."""
    identifier_type: str
    identifier: str


@dataclass(frozen=True)
class Planted:
    """A row of a destination that is a canary."""

    channel: str
    identifier_type: str
    identifier: str
    scope: str
    since: datetime
    """A moment like any other, and always the same of one canary: the clock of a push would make it another row each time."""


def canaries_of(config: Config, destination: str) -> list[Canary]:
    """The canaries of one destination's lists."""
    settings, scopes = config.canaries, config.destinations[destination].scopes
    types = {kind for channel in config.destinations[destination].channels for kind in TYPES_OF_CHANNEL[channel]}
    found = []
    if "email" in types:
        if address := settings.addresses.get(destination):
            found.append(Canary(destination, "", "email", address))
        elif settings.mailbox:
            found += [Canary(destination, scope, "email", _tagged(settings, _tag(destination, scope))) for scope in scopes]
    if "phone" in types and (number := settings.numbers.get(destination)):
        found.append(Canary(destination, "", "phone", number))
    return found


def all_canaries(config: Config) -> list[Canary]:
    """Those of every list, but for the addresses of scrubbed campaigns that their tag tells (:func:`scrub_canary`)."""
    found = [canary for name in sorted(config.destinations) for canary in canaries_of(config, name)]
    settings = config.canaries
    own = {"email": settings.addresses.get(SCRUB, ""), "phone": settings.numbers.get(SCRUB, "")}
    return found + [Canary(SCRUB, "", kind, identifier) for kind, identifier in own.items() if identifier]


def planted_at(config: Config, destination: str) -> list[Planted]:
    """The rows that a destination's canaries are: each on every channel that is reached by it."""
    entry = config.destinations[destination]
    return [
        Planted(channel, canary.identifier_type, canary.identifier, scope, _since(canary.identifier))
        for canary in canaries_of(config, destination)
        for channel in entry.channels
        if canary.identifier_type in TYPES_OF_CHANNEL[channel]
        for scope in entry.scopes
        if canary.list in ("", scope)
    ]


def scrub_canary(config: Config, identifier_type: str, campaign_sha256: str) -> str:
    """The canary of the files that a campaign is scrubbed into; empty where the configuration has none of this type."""
    settings = config.canaries
    if identifier_type == "phone":
        return settings.numbers.get(SCRUB, "")
    if identifier_type != "email":
        return ""
    own = settings.addresses.get(SCRUB, "")
    return own or (_tagged(settings, campaign_sha256[:SCRUB_TAG]) if settings.mailbox else "")


def _tag(destination: str, scope: str) -> str:
    digest = hashlib.sha256(f"{destination} {scope}".encode()).hexdigest()
    return digest.translate(_LETTERS)[:_TAG_LETTERS]


def _tagged(settings: Canaries, tag: str) -> str:
    local, _, domain = settings.mailbox.partition("@")
    return f"{local}+{tag}@{domain}"


def _since(identifier: str) -> datetime:
    return _EARLIEST + timedelta(seconds=int(hashlib.sha256(identifier.encode()).hexdigest()[:8], 16) % _ONE_YEAR)
