"""The manifest of a pack: every file with its size and SHA-256, what the pack is, the head of the chain; and its signature.

``manifest.json`` is JSON for people and programs. ``manifest.sig`` is one line: ``ed25519``, the public key and the signature
over the bytes of ``manifest.json`` (RFC 8032), both in hex. ``chain.jsonl`` is the chain of evidence as it was, byte for byte,
and its last line has the hash that the manifest names as the head. Nothing here reads a home.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import IO, Any

MANIFEST = "manifest.json"
SIGNATURE = "manifest.sig"
CHAIN = "chain.jsonl"
PAGE = "index.html"
LETTER = "letter.html"
RECEIPTS = "receipts"
TABLES = "tables"
KIND = "quietlist evidence pack"
FORMAT = 1
SIGNED = re.compile(rb"ed25519 ([0-9a-f]{64}) ([0-9a-f]{128})\n")
# The day that a zip cannot go below. With it, no compression and no attributes, the same files are the same archive, byte for
# byte, so
# that nothing can hide in one.
_DATE = (1980, 1, 1, 0, 0, 0)
_CHUNK = 1 << 20


def manifest_bytes(statement: Mapping[str, Any]) -> bytes:
    """As it lies in the pack."""
    return (json.dumps(statement, sort_keys=True, indent=1, ensure_ascii=False) + "\n").encode()


def signature_bytes(key: str, signature: bytes) -> bytes:
    """The line beside it."""
    return f"ed25519 {key} {signature.hex()}\n".encode()


def write_archive(target: IO[bytes], files: Iterable[tuple[str, Callable[[], IO[bytes]]]]) -> None:
    """The archive of these files, in the order of their names; the same bytes each time."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name, opened in files:
            entry = zipfile.ZipInfo(name, _DATE)
            entry.create_system, entry.external_attr = 3, 0o600 << 16  # as Unix writes it, its owner's alone
            with opened() as stream, archive.open(entry, "w", force_zip64=True) as part:
                while chunk := stream.read(_CHUNK):
                    part.write(chunk)


def names_below(folder: Path) -> list[str]:
    """Everything in a folder that is no folder, by its name from there, sorted; links are among them."""
    found = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    return sorted(path.relative_to(folder).as_posix() for path in found)
