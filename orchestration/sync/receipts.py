"""Receipts: one JSON file per push that did something, each holding the hash of the one before. No identifiers.

``outbox/<destination>/receipts/<number>.json``. They are only ever added, and each is recorded on the chain of evidence.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestration.core import chain
from orchestration.core.errors import PermanentError
from orchestration.core.files import canonical_json, sha256_file, write_atomic
from orchestration.core.home import Home

_NAME = re.compile(r"^([0-9]{8})\.json$")


@dataclass(frozen=True)
class Receipt:
    """A receipt as it lies in its file."""

    seq: int
    path: Path
    sha256: str
    body: dict[str, Any]


def receipts_folder(home: Home, destination: str) -> Path:
    """Where a destination's receipts are."""
    return home.outbox / destination / "receipts"


def last_receipt(home: Home, destination: str) -> Receipt | None:
    """The latest, or None before the first push."""
    numbers = _numbers(home, destination)
    return _load(receipts_folder(home, destination), numbers[-1]) if numbers else None


def read_receipt(home: Home, destination: str, seq: int) -> Receipt:
    """The receipt of that number."""
    return _load(receipts_folder(home, destination), seq)


def write_receipt(home: Home, destination: str, seq: int, body: dict[str, Any]) -> Path:
    """Add receipt ``seq``, chained to the one before."""
    before = last_receipt(home, destination)
    path = receipts_folder(home, destination) / f"{seq:08d}.json"
    if path.exists() or seq != (before.seq + 1 if before else 1):
        raise PermanentError(
            f"Writing receipt {seq} of {destination}",
            seen=f"the latest is {before.seq if before else 'none'}",
            allowed="the next number, and only files that do not exist yet",
            next_step="find out what wrote there; receipts are only ever added",
        )
    write_atomic(path, canonical_json({**body, "seq": seq, "previous_sha256": before.sha256 if before else None}) + "\n")
    record_receipt(home, path)
    return path


def record_receipt(home: Home, path: Path) -> None:
    """Put a receipt on the chain, unless it is there: a push killed behind its receipt leaves that to the next."""
    chain.record(home, chain.file_link(home, "receipt", path))


def _numbers(home: Home, destination: str) -> list[int]:
    folder = receipts_folder(home, destination)
    return sorted(int(match[1]) for path in folder.glob("*.json") if (match := _NAME.match(path.name)))


def _load(folder: Path, number: int) -> Receipt:
    path = folder / f"{number:08d}.json"
    return Receipt(number, path, sha256_file(path), json.loads(path.read_text(encoding="utf-8")))
