"""The home's secret key, from which keyed hashes of identifiers are made.

A plain SHA-256 of a phone number is reversed in minutes (10^10 possibilities), so identifiers leave the warehouse
only as HMAC-SHA-256 under a key that never does.
"""

from __future__ import annotations

import os
import secrets

import duckdb

from orchestration.core.errors import ConfigError
from orchestration.core.files import sync_folder
from orchestration.core.home import PRIVATE_FILE, Home

_KEY_BYTES = 32  # the digest size of SHA-256: RFC 2104 gains nothing from more
_BLOCK = 64  # SHA-256's block size in bytes, which HMAC pads its key to


def home_key(home: Home) -> bytes:
    """The key of ``home``, created at first use with mode 0600.

    Raises:
        ConfigError: the file is there but does not hold 64 hex digits.
    """
    path = home.key_file
    if not path.exists():
        home.root.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
        except FileExistsError:
            return home_key(home)
        with os.fdopen(handle, "w") as stream:
            stream.write(secrets.token_hex(_KEY_BYTES) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
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
            next_step="restore home.key from its backup; a new key changes every identifier_hash",
        )
    return key


def create_hmac_function(con: duckdb.DuckDBPyConnection, key: bytes) -> None:
    """Define ``keyed_hash(text)`` on this connection: HMAC-SHA-256 (RFC 2104), hex, computed inside DuckDB.

    The padded keys live in connection variables bound as parameters, so no query text, log or plan holds them.
    """
    padded = key.ljust(_BLOCK, b"\0")
    con.execute("set variable hmac_inner = ?::blob", [bytes(byte ^ 0x36 for byte in padded)])
    con.execute("set variable hmac_outer = ?::blob", [bytes(byte ^ 0x5C for byte in padded)])
    con.execute(
        "create or replace temp macro keyed_hash(value) as sha256(getvariable('hmac_outer') "
        "|| unhex(sha256(getvariable('hmac_inner') || encode(value))))"
    )
