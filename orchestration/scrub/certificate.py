"""The certificate of a scrub: what it says, its signature, its page, and proving all of it again. No screening here.

Signed with Ed25519, so that a partner who holds the public key (``quietlist scrub key``) can check it without any secret; an
HMAC would let whoever checks it forge it as well (``core/signing``). What the signature proves: this home made this certificate,
and the files have these bytes. Not: that the published table was right.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from orchestration.core import signing
from orchestration.core.errors import InputError
from orchestration.core.files import canonical_json, sha256_file
from orchestration.core.home import Home

CERTIFICATE = "certificate.json"
PAGE = "certificate.html"
KIND = "quietlist scrub certificate"
FORMAT = 1


def public_key(home: Home) -> str:
    """What a partner needs to check this home's certificates, hex. Hand it over another way than the certificate."""
    return signing.public_key(home, signing.CERTIFICATES)


def sign(home: Home, statement: Mapping[str, Any]) -> dict[str, Any]:
    """The statement with its signature over its canonical JSON (UTF-8, sorted keys, no spaces)."""
    value = signing.sign(home, signing.CERTIFICATES, canonical_json(statement).encode())
    signature = {"algorithm": "Ed25519", "public_key": public_key(home), "value": base64.b64encode(value).decode()}
    return {**statement, "signature": signature}


def page(certificate: Mapping[str, Any]) -> str:
    """The certificate for people: one file, no script, nothing from elsewhere, the same bytes each time."""
    from orchestration.core.pages import page_environment  # Jinja: paid for only when a page is made

    environment = page_environment(Path(__file__).parent / "templates")
    environment.filters.update(moment=_moment, number="{:,}".format, size=_size, chunks=_chunks)
    digest = hashlib.sha256(canonical_json(certificate).encode()).hexdigest()
    return environment.get_template("certificate.html.j2").render(c=certificate, digest=digest)


@dataclass(frozen=True)
class Verification:
    """What became of proving a certificate. ``difference`` is the first thing that does not hold."""

    difference: str | None
    valid_now: bool
    as_of: datetime
    why: str

    @property
    def proven(self) -> bool:
        return self.difference is None

    def as_dict(self) -> dict[str, Any]:
        return {
            "proven": self.proven,
            "difference": self.difference,
            "valid": self.proven and self.valid_now,
            "as_of": self.as_of.isoformat(),
            "why": self.why,
        }

    def lines(self) -> list[str]:
        if self.difference:
            return [f"NOT PROVEN: {self.difference}."]
        return [
            "Proven: the signature and every file are as the certificate says.",
            f"{'Valid' if self.valid_now else 'NOT VALID'} as of {_moment(self.as_of.isoformat())}: {self.why}.",
        ]


def verify(path: Path, folder: Path | None, key: str, as_of: datetime, original: Path | None = None) -> Verification:
    """Prove a certificate: its signature by this public key, its page, and the bytes of every file in ``folder``.

    Args:
        folder: where the outputs are; by default beside the certificate.
        original: the campaign file as it was scrubbed, to be proved too.

    Raises:
        InputError: the file is no certificate.
    """
    try:
        certificate = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_said_once)
        signature = certificate.pop("signature")
        known = certificate["certificate"] == KIND and certificate["format"] == FORMAT
        difference = _difference(certificate, signature, path.parent, folder or path.parent, key, original) if known else ""
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _no_certificate(path) from error
    if difference == "":
        raise _no_certificate(path)
    until = datetime.fromisoformat(certificate["valid_until"])
    begun = datetime.fromisoformat(certificate["as_of"])
    if not certificate["valid"]:
        return Verification(difference, False, as_of, "it was not valid when it was made: see its warnings")
    if as_of < begun:
        return Verification(difference, False, as_of, f"it was made later, as of {_moment(certificate['as_of'])}")
    valid = as_of < until
    return Verification(
        difference, valid, as_of, f"it {'is' if valid else 'was'} valid until {_moment(certificate['valid_until'])}"
    )


def _said_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object in which nothing is said twice: a reader might see the first, and the signature covers the last."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def _difference(
    statement: Mapping[str, Any], signature: Mapping[str, str], beside: Path, folder: Path, key: str, original: Path | None
) -> str | None:
    if problem := _unsigned(statement, signature, key):
        return problem
    for output in statement["outputs"]:
        file = folder / output["name"]
        if not file.is_file():
            return f"{output['name']} is not there"
        if file.stat().st_size != output["bytes"] or sha256_file(file) != output["sha256"]:
            return f"{output['name']} is not the file that was certified"
    whole = {**statement, "signature": dict(signature)}
    if (beside / PAGE).is_file() and (beside / PAGE).read_text(encoding="utf-8") != page(whole):
        return f"{PAGE} does not show what the certificate says"
    if original is not None and (not original.is_file() or sha256_file(original) != statement["input"]["sha256"]):
        return "the campaign file is not the one that was scrubbed"
    return None


def _unsigned(statement: Mapping[str, Any], signature: Mapping[str, str], key: str) -> str | None:
    if signature["algorithm"] != "Ed25519" or signature["public_key"] != key:
        return "it is signed with another key than the one it was checked with"
    try:
        value = base64.b64decode(signature["value"], validate=True)
    except ValueError:
        value = b""
    return None if signing.is_signed(canonical_json(statement).encode(), value, key) else "its text is not what was signed"


def _no_certificate(path: Path) -> InputError:
    return InputError(
        f"Reading {path.name}",
        seen="no certificate of a scrub",
        allowed=f"the {CERTIFICATE} that a scrub wrote",
        next_step="name that file",
    )


def _moment(text: str) -> str:
    return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M} UTC"


def _size(count: int) -> str:
    power = max(0, min(3, (count.bit_length() - 1) // 10))
    return f"{count:,} bytes" if power == 0 else f"{count / 1024**power:,.1f} {('KiB', 'MiB', 'GiB')[power - 1]}"


def _chunks(digest: str) -> list[str]:
    """Eight digits at a time, so that a person can compare them."""
    return [digest[start : start + 8] for start in range(0, len(digest), 8)]
