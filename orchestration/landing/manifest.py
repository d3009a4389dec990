"""The manifest: one line per delivered file, each holding the hash of the line before, so that a change shows.

Reading, verifying, appending and repairing after a crash belong here; deciding what is delivered does not.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from orchestration.core.chain import Link, line_links
from orchestration.core.errors import PermanentError
from orchestration.core.files import canonical_json, flush_to_disk, sha256_text, sync_folder
from orchestration.core.home import PRIVATE_FILE, Home

GENESIS = "0" * 64  # what the first line gives as the hash of the line before it


@dataclass(frozen=True)
class Member:
    """One readable file of a delivery, or one sheet of a workbook in it; a plain file is its own only member."""

    name: str
    sha256: str
    """Of its bytes; of a sheet see ``workbooks.sheet_sha256``."""
    size: int
    """In bytes; of a sheet its whole workbook's."""
    sheet: str | None = None
    """The sheet's name, where it is one."""
    sheet_no: int | None = None
    """And its number among the tabs: a name may be a person's, which is not shown to everybody (``core/masks``)."""

    @property
    def title(self) -> str:
        """What people are told it is called."""
        if self.sheet is None:
            return self.name
        sheet = "".join(letter if letter.isprintable() and letter != "/" else " " for letter in self.sheet)
        return f"{self.name}, sheet {self.sheet_no} '{sheet}'"


@dataclass(frozen=True)
class Rejected:
    """A part of a delivery that can't be read, with a stable reason code."""

    name: str
    reason: str


@dataclass(frozen=True)
class Settings:
    """What the source was configured to mean at the moment of the delivery."""

    format: str
    scope: str
    timezone: str
    region: str | None
    may_lift: tuple[str, ...] | None = None
    """None: nothing was said, so the format's own methods. Lines of before it could be said have none."""
    our_addresses: tuple[str, ...] = ()


@dataclass(frozen=True)
class Entry:
    """One delivered file: the bytes are at ``landing/<sha256[:2]>/<sha256>``."""

    seq: int
    sha256: str
    size: int
    source: str
    settings: Settings
    name: str
    received_at: datetime
    modified_at: datetime
    """When the delivered file says it was last written. Tells a file that a killed run left behind from a new delivery."""
    members: tuple[Member, ...]
    rejected: tuple[Rejected, ...]
    prev: str
    hash: str = ""

    def line(self) -> str:
        """The manifest line, hash included."""
        return canonical_json(self._body() | {"hash": self.computed_hash()})

    def computed_hash(self) -> str:
        """SHA-256 over every other field, so over the hash of the line before too."""
        return sha256_text(canonical_json(self._body()))

    def _body(self) -> dict[str, Any]:
        body = asdict(self) | {"received_at": self.received_at.isoformat(), "modified_at": self.modified_at.isoformat()}
        del body["hash"]
        for member in body["members"]:
            if member["sheet"] is None:  # as in the lines of before workbooks were read
                del member["sheet"], member["sheet_no"]
        if self.settings.may_lift is None:  # as in the lines, and so in the hashes, of before it could be said
            del body["settings"]["may_lift"]
        if not self.settings.our_addresses:
            del body["settings"]["our_addresses"]
        return body


def read_manifest(home: Home) -> tuple[Entry, ...]:
    """Every delivery in order of arrival, after verifying the chain. An unfinished last line is not there yet.

    Raises:
        PermanentError: a line was changed, removed or inserted; it names the line.
    """
    return tuple(walk_manifest(home))


def walk_manifest(home: Home) -> Iterator[Entry]:
    """:func:`read_manifest`, one by one: what stands before a break can still be looked at."""
    prev = GENESIS
    for number, line in _complete_lines(home):
        entry = _parse(line)
        if entry is None:
            raise _broken(home, number, "a line that is not a manifest line")
        if entry.prev != prev:
            raise _broken(home, number, "a line that does not continue the one before it")
        if entry.computed_hash() != entry.hash:
            raise _broken(home, number, "a line whose content does not match its hash")
        if entry.seq != number:
            raise _broken(home, number, f"sequence number {entry.seq}")
        yield entry
        prev = entry.hash


def delivery_links(home: Home) -> list[Link]:
    """The deliveries as links of the chain: the manifest's lines, each of which holds the hash of its file."""
    return line_links(home, "delivery", home.manifest_file)


def repair(home: Home) -> bool:
    """Cut off a last line that a crash left unfinished. Its file is still in the inbox, so nothing is lost.

    Returns:
        True when something was cut.
    """
    path = home.manifest_file
    if not path.exists():
        return False
    with path.open("rb+") as stream:
        data = stream.read()
        whole = data.rfind(b"\n") + 1
        if whole == len(data):
            return False
        stream.truncate(whole)
        flush_to_disk(stream)
    return True


def append(home: Home, entry: Entry) -> Entry:
    """Add one line and make it survive a power cut.

    Returns:
        The entry with its hash.
    """
    line = entry.line() + "\n"
    new = not home.manifest_file.exists()
    handle = os.open(home.manifest_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, PRIVATE_FILE)
    with os.fdopen(handle, "ab") as stream:
        stream.write(line.encode())
        flush_to_disk(stream)
    if new:
        sync_folder(home.landing)
    return Entry(**{**entry.__dict__, "hash": entry.computed_hash()})


def _complete_lines(home: Home) -> Iterator[tuple[int, bytes]]:
    if not home.manifest_file.exists():
        return
    with home.manifest_file.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            if line.endswith(b"\n"):
                yield number, line


def _parse(line: bytes) -> Entry | None:
    try:
        data = json.loads(line)
        return Entry(
            **data
            | {
                "settings": _settings(data["settings"]),
                "received_at": datetime.fromisoformat(data["received_at"]),
                "modified_at": datetime.fromisoformat(data["modified_at"]),
                "members": tuple(Member(**member) for member in data["members"]),
                "rejected": tuple(Rejected(**member) for member in data["rejected"]),
            }
        )
    except (ValueError, TypeError, KeyError):
        return None


def _settings(said: dict[str, Any]) -> Settings:
    methods = said.get("may_lift")
    ours = tuple(said.get("our_addresses", ()))
    return Settings(**{**said, "may_lift": None if methods is None else tuple(methods), "our_addresses": ours})


def _broken(home: Home, number: int, seen: str) -> PermanentError:
    return PermanentError(
        f"Verifying the landing manifest {home.manifest_file}",
        seen=f"line {number}: {seen}",
        allowed="lines exactly as they were written, in their order",
        next_step="restore the file from its backup; the landed bytes are not affected",
    )
