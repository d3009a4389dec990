"""Proving a pack: a folder or its archive, by itself. No home, no database; for whoever was given it.

What it proves: whoever holds the private half of the key signed this manifest, every file is the one that the manifest names,
nothing is missing and nothing was added, and the chain in it ends where the manifest says and holds the receipts and versions
that it shows. What it cannot prove: whose key it is. That is compared with the key that was handed over another way, with
``--public-key`` or by eye.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any

from orchestration.core.errors import InputError
from orchestration.core.signing import is_signed
from orchestration.core.wording import counted
from orchestration.pack.manifest import (
    CHAIN,
    FORMAT,
    KIND,
    MANIFEST,
    RECEIPTS,
    SIGNATURE,
    SIGNED,
    TABLES,
    names_below,
    write_archive,
)

_CHUNK = 1 << 20
_GENESIS = "0" * 64


@dataclass(frozen=True)
class Proof:
    """What became of proving one."""

    differences: tuple[str, ...]
    """Each names its file first."""
    files: int = 0
    key: str = ""
    key_was_given: bool = False
    statement: dict[str, Any] = field(default_factory=dict)

    @property
    def proven(self) -> bool:
        return not self.differences

    def as_dict(self) -> dict[str, Any]:
        return {
            "proven": self.proven,
            "differences": list(self.differences),
            "files": self.files,
            "public_key": self.key or None,
            "public_key_was_compared": self.key_was_given,
            "pack": self.statement.get("pack"),
            "chain": self.statement.get("chain"),
        }

    def lines(self) -> list[str]:
        """For a terminal."""
        if self.differences:
            return ["NOT PROVEN.", *(f"  {said}" for said in self.differences)]
        pack, chain = self.statement["pack"], self.statement["chain"]
        whose = "which is the key that was given" if self.key_was_given else "compare it with the key that the issuer handed over"
        said = [
            f"Proven: {counted(self.files, 'file')}, each as signed; none is missing, none was added.",
            f"Issuer: {pack['company']}, made {pack['made_at']}, period {pack['period']}"
            + (f", for {pack['made_for']}" if pack["made_for"] else "")
            + ".",
            f"Signed with the key {self.key}: {whose}.",
        ]
        if chain["whole"]:
            said.append(f"Head of the chain of evidence: {chain['head']}, of {counted(chain['entries'], 'entry', 'entries')}.")
        else:
            said.append(f"The chain of evidence was BROKEN when the pack was made: {chain['said']}")
        return said


def verify_pack(path: Path, key: str | None = None) -> Proof:
    """Prove a pack: a folder, or the archive of one.

    Args:
        key: the public key that the issuer handed over; None: the one in the pack, which proves only that nothing changed since.

    Raises:
        InputError: there is neither a folder nor an archive of that name.
    """
    with ExitStack() as stack:
        if path.is_dir():
            names = names_below(path)
            links = [f"{name}: is a link to somewhere else" for name in names if (path / name).is_symlink()]
            return _proved(names, lambda name: (path / name).open("rb"), key, links)
        try:
            archive = stack.enter_context(zipfile.ZipFile(path))
        except (OSError, zipfile.BadZipFile, NotImplementedError) as error:
            if path.is_file():
                return Proof((f"{path.name}: is no archive that can be read",))
            raise InputError(
                f"Reading {path}",
                seen="neither a folder nor an archive",
                allowed="what quietlist evidence made: a folder, or the .zip beside it",
                next_step="name one of them",
            ) from error
        entries = {entry.filename: entry for entry in archive.infolist()}
        twice = [f"{path.name}: holds a name twice"] if len(entries) < len(archive.infolist()) else []
        try:
            proof = _proved(sorted(entries), lambda name: archive.open(entries[name]), key, twice)
            if proof.proven and not _is_as_written(path, archive, sorted(entries)):
                said = (
                    "every file in it is as signed, but the archive is not the one that was written: verify its unpacked folder"
                )
                return Proof((f"{path.name}: {said}",), proof.files, proof.key, proof.key_was_given, proof.statement)
        except (OSError, zipfile.BadZipFile, NotImplementedError, EOFError, RuntimeError, ValueError):
            return Proof((f"{path.name}: an entry of it cannot be read",))
        return proof


def _is_as_written(path: Path, archive: zipfile.ZipFile, names: list[str]) -> bool:
    """Whether the archive is the one that these files make: what no entry holds, nobody signed."""
    with tempfile.TemporaryFile() as again, path.open("rb") as there:
        write_archive(again, ((name, partial(archive.open, name)) for name in names))
        again.seek(0)
        while chunk := again.read(_CHUNK):
            if there.read(_CHUNK) != chunk:
                return False
        return not there.read(1)


def _proved(names: list[str], opened: Callable[[str], IO[bytes]], key: str | None, problems: list[str]) -> Proof:
    there = set(names)
    for name in (MANIFEST, SIGNATURE):
        if name not in there:
            return Proof((*problems, f"{name}: is missing"))
    data, line = _read(opened, MANIFEST), _read(opened, SIGNATURE)
    signature = SIGNED.fullmatch(line)
    if signature is None:
        return Proof((*problems, f"{SIGNATURE}: is no signature of a pack"))
    used = signature[1].decode()
    if key is not None and used != key:
        return Proof((*problems, f"{SIGNATURE}: is of another key ({used}) than the one that was given"), key=used)
    if not is_signed(data, bytes.fromhex(signature[2].decode()), used):
        return Proof((*problems, f"{MANIFEST}: is not what was signed, or {SIGNATURE} was changed"), key=used)
    statement = _statement(data)
    if statement is None:
        return Proof((*problems, f"{MANIFEST}: is no manifest of a pack that this release can read"), key=used)
    listed = {entry["name"]: entry for entry in statement["files"]}
    differences = list(problems)
    for name, entry in listed.items():
        if name not in there:
            differences.append(f"{name}: is missing")
        elif _measured(opened, name) != (entry["bytes"], entry["sha256"]):
            differences.append(f"{name}: is not the file that was signed")
    differences += [
        f"{name}: was added; the manifest does not name it" for name in names if name not in {*listed, MANIFEST, SIGNATURE}
    ]
    if not differences:
        differences += _chain_problems(statement, opened, listed)
    return Proof(tuple(differences), len(listed) + 2, used, key is not None, statement)


def _statement(data: bytes) -> dict[str, Any] | None:
    try:
        statement: dict[str, Any] = json.loads(data)
        known = statement["kind"] == KIND and statement["format"] == FORMAT
        known = known and {"company", "made_at", "period", "made_for"} <= statement["pack"].keys()
        known = known and {"head", "entries", "whole", "said"} <= statement["chain"].keys()
        known = known and all({"name", "bytes", "sha256"} <= entry.keys() for entry in statement["files"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return statement if known else None


def _chain_problems(statement: dict[str, Any], opened: Callable[[str], IO[bytes]], listed: dict[str, Any]) -> Iterator[str]:
    """What does not hold of the chain in the pack: each line names the hash of the line before, the last has the hash of the
    head, and each receipt and version of the pack is named on it by its own hash. A chain that was broken when the pack was made
    says so itself.
    """
    if not statement["chain"]["whole"]:
        return
    on_it: set[tuple[str, str]] = set()
    before, number = _GENESIS, 0
    with opened(CHAIN) as stream:
        for number, line in enumerate(stream, 1):
            try:
                entry = json.loads(line)
                follows = entry["prev"] == before
                on_it.add((entry["subject"], entry["sha256"]))
            except (ValueError, KeyError, TypeError):
                follows = False
            if not follows:
                yield f"{CHAIN}: line {number} does not follow from the line before it"
                return
            before = hashlib.sha256(line.rstrip(b"\n")).hexdigest()
    if (before, number) != (statement["chain"]["head"], statement["chain"]["entries"]):
        yield f"{CHAIN}: does not end at the head that the manifest names"
    hashes = {digest for _, digest in on_it}
    for name, entry in listed.items():
        if name.startswith(f"{RECEIPTS}/") and entry["sha256"] not in hashes:
            yield f"{name}: is not on the chain of evidence"
    versions = f"{TABLES}/versions.csv"
    if versions in listed:
        for row in csv.DictReader(io.StringIO(_read(opened, versions).decode(), newline="")):
            if row["manifest_sha256"] not in hashes:
                yield f"{versions}: version {row['version']} is not on the chain of evidence"


def _read(opened: Callable[[str], IO[bytes]], name: str) -> bytes:
    with opened(name) as stream:
        return stream.read()


def _measured(opened: Callable[[str], IO[bytes]], name: str) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    with opened(name) as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return size, digest.hexdigest()
