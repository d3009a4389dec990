"""The channels there are, what each is reached by, and the tree of scopes. So little that a question loads at once.

``policy.channels`` says the same to the models, and ``config.Channel`` to the configuration; a test holds the three together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

TYPES_OF_CHANNEL: Mapping[str, tuple[str, ...]] = {
    "email": ("email",),
    "voice": ("phone",),
    "sms": ("phone",),
    "fax": ("phone",),
    "postal": ("postal",),
    "ads": ("email", "phone"),
}
CHANNELS = tuple(TYPES_OF_CHANNEL)


def ancestry(node: str) -> tuple[str, ...]:
    """The node and everything above it: ``a/b`` -> ``a/b``, ``a``, ``*``."""
    if node == "*":
        return ("*",)
    parts = node.split("/")
    return (*("/".join(parts[:depth]) for depth in range(len(parts), 0, -1)), "*")


# The whole company, or a path in it. Here for the configuration and the gate; the models have it in macros/scopes.sql.
SCOPE_FORM = r"^(?:[*]|[a-z0-9][a-z0-9_.-]*(?:/[a-z0-9][a-z0-9_.-]*)*)$"


def scope_tree(scopes: Iterable[str]) -> tuple[str, ...]:
    """Every node: ``*``, then each configured path and its ancestors, sorted."""
    return ("*", *sorted({node for path in scopes for node in ancestry(path)} - {"*"}))
