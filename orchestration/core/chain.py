"""The chain: one line per piece of evidence, in the order it came to be, each line holding the hash of the line before.

``chain.jsonl`` in the home. A piece of evidence is a line of an append-only log (a delivery, an override), a file that is
never changed (a verdict, a version's manifest, a receipt) or a batch of the ledger. Each stage records what it made *after*
that survived a power cut, and again whenever it comes by: a subject is recorded once, so what a killed run left out is caught
up by the next one, and what was altered since is never recorded as it is now. Walking the chain and comparing it with the
files is ``audit/verify``.

A chain alone cannot show that somebody rewrote all of it, or cut off its end together with the evidence named there. Its
head can: noted elsewhere, it must still be a line of the chain later (``quietlist verify --head``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from orchestration.core.errors import PermanentError
from orchestration.core.files import canonical_json, flush_to_disk, sha256_bytes, sha256_file, sync_folder, whole_lines
from orchestration.core.home import Home
from orchestration.core.lock import locked

GENESIS = "0" * 64  # what the first line gives as the hash of the line before it


@dataclass(frozen=True)
class Link:
    """One piece of evidence. ``subject`` says where it is, from the home: a file, a line of one, or a ledger batch."""

    kind: str
    subject: str
    sha256: str

    def line(self, prev: str) -> bytes:
        return canonical_json({"kind": self.kind, "prev": prev, "sha256": self.sha256, "subject": self.subject}).encode()


# The keys of a line are sorted, so these two stand last, and a line is told apart by how it ends.
_HASH, _SUBJECT = b',"sha256":', b',"subject":'


def file_link(home: Home, kind: str, path: Path) -> Link:
    """The link of a file that is never changed."""
    return Link(kind, path.relative_to(home.root).as_posix(), sha256_file(path))


def line_links(home: Home, kind: str, path: Path) -> list[Link]:
    """The links of an append-only log's lines. An unfinished last line is not there yet."""
    name = path.relative_to(home.root).as_posix()
    return [Link(kind, f"{name} line {number}", sha256_bytes(line)) for number, line in enumerate(whole_lines(path), 1)]


def record(home: Home, *links: Link) -> None:
    """Add the links whose subjects are not on the chain yet, in this order, and make them survive a power cut."""
    with locked(home.chain_file, wait_seconds=None), home.chain_file.open("rb+") as stream:
        data = stream.read()
        whole = data.rfind(b"\n") + 1
        known = _endings(data[:whole], _SUBJECT)
        new = [link for link in dict.fromkeys(links) if known.isdisjoint(_endings(link.line(""), _SUBJECT))]
        if not new:
            return
        # A half line is what a power cut left of a write; what it was about is among these links, or recorded again later.
        stream.seek(whole)
        stream.truncate()
        prev = _head(data[:whole])
        for link in new:
            line = link.line(prev)
            stream.write(line + b"\n")
            prev = sha256_bytes(line)
        flush_to_disk(stream)
    if not data:
        sync_folder(home.root)


def holds(home: Home, link: Link) -> bool:
    """Whether exactly this evidence is on the chain."""
    return _endings(link.line(""), _HASH) <= _endings(_complete(home), _HASH)


def names(home: Home, path: Path) -> bool:
    """Whether a file of this name is on the chain, whatever it held."""
    link = Link("", path.relative_to(home.root).as_posix(), "")
    return _endings(link.line(""), _SUBJECT) <= _endings(_complete(home), _SUBJECT)


def head(home: Home) -> str:
    """The hash of the last line, which stands for the whole chain; 64 zeros before the first line."""
    return _head(_complete(home))


def walk(home: Home) -> Iterator[tuple[str, Link]]:
    """Each line's hash and link, from the first on.

    Raises:
        PermanentError: at the first line that does not follow from the one before it, or is no line of a chain.
    """
    data = home.chain_file.read_bytes() if home.chain_file.is_file() else b""
    *lines, rest = data.split(b"\n")
    prev = GENESIS
    for number, line in enumerate(lines, 1):
        try:
            entry = json.loads(line)
            link = Link(entry["kind"], entry["subject"], entry["sha256"])
            is_line = link.line(entry["prev"]) == line
        except (ValueError, KeyError, TypeError, AttributeError):
            is_line = False
        if not is_line:
            raise _broken(home, f"line {number} is not a line of a chain")
        if entry["prev"] != prev:
            raise _broken(
                home, f"line {number} does not follow from the line before it: one of the two was changed, added or taken out"
            )
        prev = sha256_bytes(line)
        yield prev, link
    if rest:
        raise _broken(
            home,
            f"line {len(lines) + 1} is unfinished",
            "if a power cut ended a run, the next quietlist run repairs it; else find out who wrote to it, and restore it",
        )


def _complete(home: Home) -> bytes:
    data = home.chain_file.read_bytes() if home.chain_file.is_file() else b""
    return data[: data.rfind(b"\n") + 1]


def _endings(lines: bytes, key: bytes) -> set[bytes]:
    return {line.rpartition(key)[2] for line in lines.split(b"\n")}


def _head(complete: bytes) -> str:
    return sha256_bytes(complete[:-1].rpartition(b"\n")[2]) if complete else GENESIS


def _broken(home: Home, seen: str, next_step: str = "") -> PermanentError:
    name = home.chain_file.name
    return PermanentError(
        f"Verifying {name}",
        seen=seen,
        allowed="the lines as they were written, in their order",
        next_step=next_step or f"find out who changed {name}, and restore it from its backup",
    )
