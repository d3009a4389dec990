"""Who must be suppressed, by brute force from what the people of a world asked. No code of the product.

A *node* is (channel, identifier, scope): the smallest thing that is suppressed or not. The persons are known by construction,
so nothing has to be linked; times are two instants, equal when they are certain.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

Node = tuple[str, str, str]

SCOPES = ("*", "acme", "acme/newsletter", "outlet")
KINDS_OF_CHANNEL = {"email": ("email",), "voice": ("phone",), "sms": ("phone",), "fax": ("phone",), "ads": ("email", "phone")}
REGISTRY_CHANNELS = ("voice", "sms")
"""What the US registry binds."""
_BY_HAND = {"opt_out", "complaint", "undeliverable"}
_LIFTED = {
    "preference_center": (set(KINDS_OF_CHANNEL), _BY_HAND),
    "web_form": (set(KINDS_OF_CHANNEL), _BY_HAND),
    "sms_keyword": ({"sms"}, {"opt_out"}),
    "esp_resubscribe": ({"email"}, {"opt_out"}),
}
"""The lifting methods that the world uses: method -> channels, actions. Any other method lifts nothing."""


@dataclass(frozen=True)
class Asked:
    """One request of one person, as it was meant."""

    person: int
    action: str
    method: str
    channels: frozenset[str]
    scope: str
    earliest: datetime
    latest: datetime
    points: frozenset[str]
    """The addresses and numbers that it carries."""


def kind_of(point: str) -> str:
    return "email" if "@" in point else "phone"


def covers(scope: str, node: str) -> bool:
    return scope in ("*", node) or node.startswith(scope + "/")


def suppressed(asked: Iterable[Asked], points_of: dict[int, frozenset[str]], listed: Iterable[str]) -> frozenset[Node]:
    """Every node that may not be contacted.

    Args:
        points_of: each person's addresses and numbers, as far as the company ever heard of them.
        listed: the numbers in the registry's newest copy.
    """
    everything = list(asked)
    nodes: set[Node] = set()
    known = frozenset().union(*points_of.values())
    for channel, kinds in KINDS_OF_CHANNEL.items():
        for request in everything:
            if request.action == "opt_in" or not request.channels & {"all", channel}:
                continue
            for point in _reached(request, kinds, points_of):
                nodes |= {
                    (channel, point, node)
                    for node in SCOPES
                    if covers(request.scope, node) and not _lifted(request, channel, point, node, everything)
                }
    # No consent in this world is of the kind that outweighs the registry (a signed agreement).
    nodes |= {(channel, number, node) for channel in REGISTRY_CHANNELS for number in known & set(listed) for node in SCOPES}
    return frozenset(nodes)


def _reached(request: Asked, kinds: tuple[str, ...], points_of: dict[int, frozenset[str]]) -> set[str]:
    reached: set[str] = set()
    for kind in kinds:
        own = {point for point in request.points if kind_of(point) == kind}
        reached |= own
        if "all" in request.channels or not own:
            reached |= {point for point in points_of[request.person] if kind_of(point) == kind}
    return reached


def _lifted(request: Asked, channel: str, point: str, node: str, everything: list[Asked]) -> bool:
    for opt_in in everything:
        channels, actions = _LIFTED.get(opt_in.method, (set(), set()))
        if (
            opt_in.action == "opt_in"
            and opt_in.channels & {"all", channel}
            and channel in channels
            and request.action in actions
            and point in opt_in.points
            and covers(opt_in.scope, node)
            and opt_in.earliest > request.latest
        ):
            return True
    return False
