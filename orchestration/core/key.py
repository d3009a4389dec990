"""The home's secret key, from which keyed hashes of identifiers are made, and the keys it had before.

A plain SHA-256 of a phone number is reversed in minutes (10^10 possibilities), so identifiers leave the warehouse
only as HMAC-SHA-256 under a key that never does.

A rotation writes ``home.key.<number>`` (the old key, with who retired it, when and why) and then replaces ``home.key``:
that one rename is the rotation. Killed before it, the archived file holds the key that still is in use, which is how
:func:`rotations` knows that it tells of nothing yet, and the next rotation writes it again.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from orchestration.core.errors import Busy, ConfigError
from orchestration.core.files import canonical_json, sync_folder, write_atomic
from orchestration.core.home import Home
from orchestration.core.lock import run_lock

_KEY_BYTES = 32  # the digest size of SHA-256: RFC 2104 gains nothing from more
_BLOCK = 64  # SHA-256's block size in bytes, which HMAC pads its key to
_ARCHIVED = re.compile(r"^home\.key\.([1-9][0-9]*)$")
# Before the id of a request, so that the key says the same of no identifier.
_REQUEST = b"request "
_SHOWN_DIGITS = 32  # 128 bits, as long as the id it stands for: no two of 10^9 requests share one
_FINGERPRINT_DIGITS = 16  # 64 bits: enough to tell a home's keys apart, and no help in finding one


@dataclass(frozen=True)
class Rotation:
    """One key that was replaced. Fingerprints only: safe to show."""

    number: int
    retired: str
    """Fingerprint of the key that was in use until then."""
    rotated_at: datetime
    person: str
    reason: str


def home_key(home: Home) -> bytes:
    """The key of ``home``, created at first use with mode 0600.

    Raises:
        ConfigError: the file does not hold 64 hex digits, or is gone although there were rotations.
    """
    path = home.key_file
    if not path.exists():
        if _archive(home, 1).exists():
            raise ConfigError(
                f"Reading the home key {path}",
                seen="it is missing, although keys before it were archived",
                next_step="restore home.key from its backup; a new one made now would be a rotation that nobody recorded",
            )
        # Whole or not at all, and never over one that another process made meanwhile: a link fails where a file is.
        new = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        write_atomic(new, secrets.token_hex(_KEY_BYTES) + "\n")
        with suppress(FileExistsError):
            os.link(new, path)
        new.unlink()
        sync_folder(path.parent)
    text = path.read_text().strip()
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise ConfigError(
            f"Reading the home key {path}",
            seen=f"{len(text)} characters that are not a key",
            allowed=f"{_KEY_BYTES * 2} hex digits",
            next_step="restore home.key from its backup; quietlist key rotate is the way to a new one",
        )
    return key


def fingerprint(key: bytes) -> str:
    """A name for a key that says nothing about it."""
    return hashlib.sha256(b"quietlist home key\n" + key).hexdigest()[:_FINGERPRINT_DIGITS]


def rotate_key(home: Home, *, person: str, reason: str, now: datetime) -> Rotation:
    """Give ``home`` a new key and archive the one it had. The next run makes every keyed hash again.

    Raises:
        ConfigError: no person or no reason is named.
        Busy: a run is going on, which would mix hashes of two keys.
    """
    problems = [f"{name}: is required" for name, text in (("person", person), ("reason", reason)) if not text.strip()]
    if problems:
        raise ConfigError("Rotating the home key", problems, next_step="give both; the key was not changed")
    with run_lock(home) as got:
        if not got:
            raise Busy(
                "Rotating the home key",
                seen="a run is in progress in this home",
                next_step="wait for it to end; nothing was changed",
            )
        old = home_key(home)
        for left in home.key_file.parent.glob(f".{home.key_file.name}*.tmp"):
            left.unlink()  # a key that a killed rotation never came to use
        number = len(rotations(home)) + 1
        record = {
            "key": old.hex(),
            "rotated_at": now.astimezone(UTC).isoformat(),
            "person": person.strip(),
            "reason": reason.strip(),
        }
        write_atomic(_archive(home, number), canonical_json(record) + "\n")
        write_atomic(home.key_file, secrets.token_hex(_KEY_BYTES) + "\n")
        return rotations(home)[-1]


def rotations(home: Home) -> tuple[Rotation, ...]:
    """Every rotation there was, oldest first.

    Raises:
        ConfigError: an archived key is missing, or is not what a rotation wrote.
    """
    return tuple(rotation for rotation, _ in _retired(home))


def known_keys(home: Home) -> Iterator[bytes]:
    """The key in use, then the retired ones, the newest first: for evidence that was made under an older key."""
    yield home_key(home)
    yield from (key for _, key in reversed(_retired(home)))


def key_that_made(home: Home, identifier: str, identifier_hash: str) -> bytes | None:
    """Which of the home's keys gave this identifier this hash."""
    for key in known_keys(home):
        if hmac.compare_digest(hmac.new(key, identifier.encode(), hashlib.sha256).hexdigest(), identifier_hash):
            return key
    return None


def first_key(home: Home) -> bytes:
    """The key the home was made with: for what must be recognised for good, whichever key is in use."""
    return [*known_keys(home)][-1]


def shown_id(key: bytes, request_id: str) -> str:
    """The id of a request as people see it. Without the key nobody can try whether a guessed request has it."""
    return hmac.new(key, _REQUEST + request_id.encode(), hashlib.sha256).hexdigest()[:_SHOWN_DIGITS]


def _archive(home: Home, number: int) -> Path:
    return home.key_file.with_name(f"{home.key_file.name}.{number}")


def _retired(home: Home) -> list[tuple[Rotation, bytes]]:
    numbers = sorted(int(match[1]) for path in home.key_file.parent.glob("home.key.*") if (match := _ARCHIVED.match(path.name)))
    found = []
    for number, there in enumerate(numbers, start=1):
        path = _archive(home, number)
        try:
            record = json.loads(path.read_text())
            key = bytes.fromhex(record["key"])
            moment = datetime.fromisoformat(record["rotated_at"])
            rotation = Rotation(number, fingerprint(key), moment, str(record["person"]), str(record["reason"]))
        except (OSError, ValueError, KeyError, TypeError):
            key = b""
        if number != there or len(key) != _KEY_BYTES:
            raise ConfigError(
                f"Reading the archived key {path}",
                seen="no file that a rotation wrote",
                allowed=f"home.key.1 to home.key.{numbers[-1]}, as they were written",
                next_step="restore it from its backup; evidence from before that rotation can't be matched without it",
            )
        found.append((rotation, key))
    if found and home.key_file.exists() and found[-1][1] == home_key(home):
        found.pop()  # a rotation that was cut short before it happened
    return found


def create_hmac_function(con: duckdb.DuckDBPyConnection, key: bytes) -> None:
    """Define ``keyed_hash(text)`` on this connection, HMAC-SHA-256 (RFC 2104) as hex, computed inside DuckDB; and
    ``shown_id(request_id)``, which is :func:`shown_id`.

    The padded keys live in connection variables bound as parameters, so no query text, log or plan holds them.
    """
    padded = key.ljust(_BLOCK, b"\0")
    con.execute("set variable hmac_inner = ?::blob", [bytes(byte ^ 0x36 for byte in padded)])
    con.execute("set variable hmac_outer = ?::blob", [bytes(byte ^ 0x5C for byte in padded)])
    con.execute(
        "create or replace temp macro keyed_hash(value) as sha256(getvariable('hmac_outer') "
        "|| unhex(sha256(getvariable('hmac_inner') || encode(value))))"
    )
    con.execute(
        f"create or replace temp macro shown_id(value) as left(keyed_hash('{_REQUEST.decode()}' || value), {_SHOWN_DIGITS})"
    )
