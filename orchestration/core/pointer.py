"""``latest.json``: the pointer into a folder of numbered versions, whatever they hold. Only what it leads to was published."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestration.core.files import canonical_json


def pointer_text(version: int, manifest_sha256: str, manifest: Mapping[str, Any] | None = None) -> str:
    """What ``latest.json`` holds: the version, its files from there, and the hash of its manifest. Without the manifest, as
    releases wrote it that named no files.
    """
    named = {"files": [f"version={version}/{file['name']}" for file in row_files(manifest)]} if manifest else {}
    return canonical_json({"version": version, "manifest_sha256": manifest_sha256, **named}) + "\n"


def row_files(manifest: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What a manifest says of the files that hold a version's rows: those that lie in its own folder."""
    return [file for file in manifest["files"] if "/" not in file["name"]]
