"""Tombstones: what stands for a contact point whose plain form was erased.

A tombstone has a *token* of the same type as what it stands for: an address below ``erased.invalid``, a number of the calling
code 999, a postal key of two texts that stand for name and street. None can be anybody's (RFC 2606 keeps ``.invalid`` free, ITU-T
has never assigned 999), and all pass every reader and model as the identifier did, so that a record whose bytes were redacted
stays the record it was. Beside the token stands the keyed
hash of the plain form, by which it is known again when it comes back. The journal of erasures holds them and nothing plain; when
and how something is erased is said in ``erasure/``.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from orchestration.core.home import Home
from orchestration.core.journal import erasures_log
from orchestration.core.key import fingerprint, home_key, known_keys

EMAIL_DOMAIN = "erased.invalid"
PHONE_CODE = "999"
_PHONE_DIGITS = 12  # with the calling code the fifteen that E.164 allows

STAND_IN = "erased"
"""How the text begins that stands for a name or a street; a hash follows."""
STAND_IN_DIGITS = 24  # 96 bits: no two names of a home share one
_STANDING_IN = f"{STAND_IN} [0-9a-f]{{{STAND_IN_DIGITS}}}"

IS_TOKEN = (
    f"((identifier_type = 'email' and ends_with(identifier, '@{EMAIL_DOMAIN}')) "
    f"or (identifier_type = 'phone' and starts_with(identifier, '+{PHONE_CODE}')) "
    rf"or (identifier_type = 'postal' and regexp_matches(identifier, '^{_STANDING_IN}\|{_STANDING_IN}\|')))"
)
"""The SQL condition that an identifier is a token: nothing can be sent for it, and no key made its hash from it."""


@dataclass(frozen=True)
class Tombstone:
    """What is left of one contact point."""

    identifier_type: str
    token: str
    identifier_hash: str
    """HMAC-SHA-256 of the plain normal form."""
    key: str
    """Fingerprint of the home's key that made the hash."""
    region: str | None
    """Of a number: whose it was, which decides what law its clocks run by."""
    digests: tuple[str, ...] = ()
    """Keyed hashes of the forms under which an ad platform knows it, hashed: a campaign of digests is matched by them."""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def tombstones(home: Home) -> tuple[Tombstone, ...]:
    """Every tombstone of this home, one per contact point.

    Raises:
        PermanentError: the journal of erasures was changed.
    """
    log = erasures_log(home)
    if not log.path.is_file():
        return ()
    found: dict[str, Tombstone] = {}
    for entry in log.entries():
        if entry["entry"] == "asked":
            for point in entry["points"]:
                tombstone = Tombstone(**{**point, "digests": tuple(point["digests"])})
                found.setdefault(tombstone.token, tombstone)
    return tuple(found.values())


def tombstone_of(home: Home, known: Iterable[Tombstone], identifier_type: str, identifier: str) -> Tombstone | None:
    """The tombstone of a plain identifier, whichever of the home's keys made its hash."""
    of_type = {(stone.key, stone.identifier_hash): stone for stone in known if stone.identifier_type == identifier_type}
    if not of_type:
        return None
    for key in known_keys(home):
        if stone := of_type.get((fingerprint(key), keyed(key, identifier))):
            return stone
    return None


def by_key(home: Home) -> list[tuple[bytes, list[Tombstone]]]:
    """Every tombstone, by the key that knows them again. Those of a key that is gone know nobody."""
    known = tombstones(home)
    if not known:
        return []
    return [(key, mine) for key in known_keys(home) if (mine := [stone for stone in known if stone.key == fingerprint(key)])]


def new_tombstone(
    home: Home,
    known: Sequence[Tombstone],
    identifier_type: str,
    identifier: str,
    *,
    region: str | None = None,
    digests: Iterable[str] = (),
    postal_token: str = "",
) -> Tombstone:
    """The tombstone that this contact point has or will have. ``digests`` are not keyed yet."""
    if stone := tombstone_of(home, known, identifier_type, identifier):
        return stone
    key = home_key(home)
    digest = keyed(key, identifier)
    forms = tuple(sorted({keyed(key, form) for form in digests}))
    if identifier_type == "postal":
        return Tombstone("postal", postal_token, digest, fingerprint(key), None, forms)
    if identifier_type == "email":
        # 64 letters are as many as a local part may have.
        return Tombstone("email", f"{digest}@{EMAIL_DOMAIN}", digest, fingerprint(key), None, forms)
    taken = {stone.token for stone in known}
    number = int(digest, 16) % 10**_PHONE_DIGITS
    while (token := f"+{PHONE_CODE}{number:0{_PHONE_DIGITS}d}") in taken:
        number = (number + 1) % 10**_PHONE_DIGITS
    return Tombstone("phone", token, digest, fingerprint(key), region, forms)


def stand_in(key: bytes, folded: str) -> str:
    """What is written for a name or a street, from its folded form: the same for the same one, so that one person stays one."""
    return f"{STAND_IN} {keyed(key, f'{STAND_IN} {folded}')[:STAND_IN_DIGITS]}"


def keyed(key: bytes, text: str) -> str:
    """What ``keyed_hash`` of ``core.key.create_hmac_function`` says of a text."""
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
