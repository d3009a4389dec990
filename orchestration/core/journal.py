"""Journals: what people said and what became of it, as lines of JSON that are added and never changed.

Each line holds the hash of the line before it, and each is on the chain of evidence. The overrides of a gate, the matters, the
reviews and the packs of evidence are such files; what a line means is their modules' business.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestration.core import chain
from orchestration.core.errors import PermanentError
from orchestration.core.files import canonical_json, sha256_bytes, whole_lines, write_atomic
from orchestration.core.home import PRIVATE_FOLDER, Home
from orchestration.core.lock import locked


@dataclass(frozen=True)
class Journal:
    """One of them."""

    path: Path
    kind: str
    """Its lines' kind on the chain."""
    name: str
    """As an error names it: ``the overrides``."""
    until_then: str
    """What does not go on while it does not prove."""
    has_batches: bool = False
    """Whether several lines are written at once, so that a killed run may leave several that are not on the chain yet."""

    def entries(self) -> tuple[dict[str, Any], ...]:
        """All that was ever written into it, oldest first.

        Raises:
            PermanentError: a line was changed or taken out.
        """
        before = None
        found = []
        for number, line in enumerate(whole_lines(self.path), 1):
            try:
                entry = json.loads(line)
            except ValueError:
                entry = {}
            if not isinstance(entry, dict) or "previous_sha256" not in entry or entry["previous_sha256"] != before:
                raise PermanentError(
                    f"Reading {self.name}",
                    seen=f"line {number} of {self.path.name} does not follow from the line before it",
                    next_step=f"restore {self.path.name} from its backup; until then {self.until_then}",
                )
            found.append(entry)
            before = sha256_bytes(line)
        return tuple(found)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Two people who write at once would otherwise follow the same line, and the journal would no longer prove."""
        self.path.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        with locked(self.path.parent / ".lock", None):
            yield

    def add(self, home: Home, *entries: dict[str, Any]) -> None:
        """Write lines, and record them on the chain. Called within :meth:`alone`; each entry is given its ``previous_sha256``.

        Raises:
            PermanentError: nothing is added to a journal that does not prove.
        """
        self.entries()
        lines = whole_lines(self.path)
        for entry in entries:
            entry["previous_sha256"] = sha256_bytes(lines[-1]) if lines else None
            lines.append(canonical_json(entry).encode())
        write_atomic(self.path, b"".join(line + b"\n" for line in lines))
        chain.record(home, *self.links(home))

    def links(self, home: Home) -> list[chain.Link]:
        """Its lines as links of the chain."""
        return chain.line_links(home, self.kind, self.path)


def matters_log(home: Home) -> Journal:
    """What needs a person, who has it, and what became of it; see ``report/matters``."""
    return Journal(
        home.matters_folder / "matters.jsonl", "matter", "the matters", "no matter is opened or closed", has_batches=True
    )


def reviews_log(home: Home) -> Journal:
    """Samples of the list that people looked through; see ``audit/reviews``."""
    return Journal(home.matters_folder / "reviews.jsonl", "review", "the reviews", "no review goes on")


def packs_log(home: Home) -> Journal:
    """Packs of evidence that were made for somebody; see ``pack``."""
    return Journal(home.matters_folder / "packs.jsonl", "pack", "the packs of evidence", "no pack is made")


def erasures_log(home: Home) -> Journal:
    """Who was erased when and why, by keyed hashes alone, what of which file was redacted, and legal holds; see ``erasure/``."""
    return Journal(home.erasures_folder / "erasures.jsonl", "erasure", "the erasures", "nothing is erased, and nothing is read")


def who_and_why(person: str, reason: str) -> list[str]:
    """What is missing of a name and a reason."""
    return [f"{name}: is required" for name, text in (("person", person), ("reason", reason)) if not text.strip()]
