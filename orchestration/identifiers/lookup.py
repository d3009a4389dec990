"""One identifier at a time, for ``check`` and ``explain``: no warehouse, and no library that its type does not need."""

from __future__ import annotations

from typing import NamedTuple

from orchestration.core.channels import TYPES_OF_CHANNEL
from orchestration.core.errors import ConfigError


class Identifier(NamedTuple):
    """``identifier`` is null, and ``reason`` says why, when the text names no contact point."""

    identifier_type: str
    identifier: str | None
    reason: str | None


def normalise_identifier(channel_or_type: str, raw: str, region: str | None = None) -> Identifier:
    """Read ``raw`` as an identifier of a channel or of a type (``email``, ``phone``, ``postal``).

    ``ads`` uses addresses and numbers: a text with ``@`` is an address. A postal identifier is written
    ``name|address|postal code|country``, normalised or not.

    Raises:
        ConfigError: no such channel or type.
    """
    types = TYPES_OF_CHANNEL.get(channel_or_type, (channel_or_type,))
    chosen = types[0] if len(types) == 1 or "@" in raw else types[-1]
    if chosen == "email":
        from orchestration.identifiers.email_address import normalise_email

        address = normalise_email(raw)
        return Identifier(chosen, address.email, address.reason)
    if chosen == "phone":
        from orchestration.identifiers.phone import normalise_phone

        number = normalise_phone(raw, region)
        return Identifier(chosen, number.e164, number.reason)
    if chosen == "postal":
        from orchestration.identifiers.postal import postal_key

        parts = raw.split("|")
        key = postal_key(*parts, *[None] * (4 - len(parts))) if len(parts) <= 4 else None
        return Identifier(chosen, key, None if key else "incomplete_address")
    raise ConfigError(
        "Reading an identifier",
        [f"'{channel_or_type}' is neither a channel nor a type"],
        allowed=", ".join([*TYPES_OF_CHANNEL, "phone"]),
        next_step="name the channel with --channel",
    )
