"""Reading published registries: ``published/registries/<registry>/latest.json`` is the only pointer to their versions.

It holds the hash of the latest manifest; each manifest the hash of the one before it and of its own file. Nothing is written.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from orchestration.core import chain
from orchestration.core.errors import PermanentError
from orchestration.core.files import sha256_file
from orchestration.core.home import Home

LATEST = "latest.json"
MANIFEST = "manifest.json"
NUMBERS = "numbers.parquet"


@dataclass(frozen=True)
class Version:
    """One published version of one registry."""

    folder: Path
    manifest: Mapping[str, Any]
    manifest_sha256: str

    @property
    def number(self) -> int:
        return int(self.manifest["version"])

    @property
    def rows(self) -> int:
        return int(self.manifest["rows"])

    @property
    def obtained_at(self) -> datetime:
        return datetime.fromisoformat(self.manifest["obtained_at"])

    @property
    def numbers_file(self) -> Path:
        """Who is listed, ascending E.164 digits. Not proved: see :meth:`prove`."""
        return self.folder / NUMBERS

    def prove(self) -> Version:
        """This version, once its file is the one that was published.

        Raises:
            PermanentError: the file is gone or was altered.
        """
        for file in self.manifest["files"]:
            path = self.folder / file["name"]
            if not path.is_file() or path.stat().st_size != file["bytes"] or sha256_file(path) != file["sha256"]:
                raise broken(self.folder, f"{file['name']} of version {self.number} is not the file that was published")
        return self


def registry_folder(home: Home, registry: str) -> Path:
    """Where the versions of a registry are."""
    return home.registries_published / registry


def publication_link(home: Home, registry: str, number: int) -> chain.Link:
    """A version as a link of the chain of evidence: its manifest, which holds the hashes of its files."""
    return chain.file_link(home, "publication", registry_folder(home, registry) / f"version={number}" / MANIFEST)


def published_registries(home: Home) -> list[str]:
    """The registries that have a version."""
    return sorted(path.parent.name for path in home.registries_published.glob(f"*/{LATEST}"))


def latest_of(home: Home, registry: str) -> Version | None:
    """The latest version of a registry, its manifest proved; None when it has none.

    Raises:
        PermanentError: the manifest is not the one that was published.
    """
    return next(chain_of(home, registry), None)


def chain_of(home: Home, registry: str) -> Iterator[Version]:
    """Every version from the latest to the first, each manifest proved by what came after it.

    Raises:
        PermanentError: a manifest is gone or was altered.
    """
    folder = registry_folder(home, registry)
    try:
        pointer = json.loads((folder / LATEST).read_text())
        number, digest = int(pointer["version"]), str(pointer["manifest_sha256"])
    except FileNotFoundError:
        return
    except (ValueError, KeyError, TypeError) as error:
        raise broken(folder, f"{LATEST} does not name a version and its manifest") from error
    for version in range(number, 0, -1):
        path = folder / f"version={version}" / MANIFEST
        if not path.is_file() or sha256_file(path) != digest:
            raise broken(folder, f"the {MANIFEST} of version {version} is not the one that was published")
        manifest = json.loads(path.read_text())
        yield Version(path.parent, manifest, digest)
        digest = str(manifest["previous_sha256"])


def verify_registry(home: Home, registry: str) -> int:
    """Prove every version ever published of a registry; returns how many there are.

    Raises:
        PermanentError: names the first that does not hold.
    """
    return len([version.prove() for version in chain_of(home, registry)])


def broken(folder: Path, seen: str) -> PermanentError:
    """What is published is not what was published."""
    return PermanentError(
        f"Reading the published registry in {folder}",
        seen=seen,
        allowed="files exactly as they were published",
        next_step="restore the folder from its backup",
    )
