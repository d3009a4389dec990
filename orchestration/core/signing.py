"""Signatures that somebody outside can check and nobody outside can make: Ed25519 (RFC 8032). What is signed is the caller's.

Each use has a key of its own, derived from the home's key by a text that names the purpose and never stored: there is no second
secret to keep, and a restored home signs as before. A new home key is a new key of each purpose; what was signed before verifies
with the public key of its day.
"""

from __future__ import annotations

import hmac

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from orchestration.core.errors import ConfigError
from orchestration.core.home import Home
from orchestration.core.key import home_key

CERTIFICATES = b"quietlist scrub certificate, ed25519, 1"
PACKS = b"quietlist evidence pack, ed25519, 1"


def public_key(home: Home, purpose: bytes) -> str:
    """What others check this home's signatures with, hex. Hand it over another way than what is signed."""
    return _private_key(home, purpose).public_key().public_bytes_raw().hex()


def sign(home: Home, purpose: bytes, data: bytes) -> bytes:
    """The signature over these bytes, always the same one."""
    return _private_key(home, purpose).sign(data)


def is_signed(data: bytes, signature: bytes, key: str) -> bool:
    """Whether whoever holds the private half of this public key signed exactly these bytes."""
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


def checked_key(text: str, command: str) -> str:
    """A public key as ``command`` prints it.

    Raises:
        ConfigError: it is none.
    """
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(text.strip()))
    except ValueError as error:
        raise ConfigError(
            "Reading --public-key",
            seen="no Ed25519 key",
            allowed=f"64 hex digits, as {command} prints them",
            next_step="ask the issuer for the key",
        ) from error
    return text.strip().lower()


def _private_key(home: Home, purpose: bytes) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(hmac.digest(home_key(home), purpose, "sha256"))
