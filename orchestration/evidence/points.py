"""Which contact point somebody asks about: one text becomes a normalised identifier. What it means is ``identifiers``' to say.

The libraries that read numbers and addresses are loaded when one is to be read: a question costs only its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

EXAMPLES = {
    "email": "an address such as a@example.com",
    "phone": "a number such as +1 202 555 0123",
    "postal": "'name | street | postal code | country'",
}


class Point(NamedTuple):
    """A contact point, or the reason (a stable code) why the text is none."""

    identifier_type: str | None
    identifier: str | None
    reason: str | None = None


def read_point(text: str, region: str | None, types: Sequence[str] = ("email", "phone", "postal")) -> Point:
    """Read ``text`` as one of ``types``: an @ makes it an address, a | a postal key, anything else a number."""
    kind = "email" if "@" in text or "＠" in text else "postal" if "|" in text else "phone"
    if kind not in types:
        # Whoever asks about e-mail and gives no @ meant an address all the same.
        if len(types) > 1:
            return Point(None, None, f"not_{'_or_'.join(types)}")
        kind = types[0]
    if kind == "email":
        from orchestration.identifiers.email_address import normalise_email

        address = normalise_email(text)
        return Point(kind, address.email) if address.status == "ok" and address.email else Point(None, None, address.reason)
    if kind == "postal":
        from orchestration.identifiers.postal import postal_key

        parts = [part.strip() for part in text.split("|")]
        key = postal_key(*parts[:3], parts[3] if len(parts) > 3 else region) if len(parts) in (3, 4) else None
        return Point(kind, key) if key else Point(None, None, "not_a_postal_key")
    from orchestration.identifiers.phone import normalise_phone

    number = normalise_phone(text, region)
    return Point(kind, number.e164) if number.status == "ok" and number.e164 else Point(None, None, number.reason)
