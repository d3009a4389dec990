"""The published copies of registries, by their one pointer ``published/registries/<registry>/latest.json``, and their gaps.

``version=<n>/numbers.parquet`` holds one column ``number`` (E.164 digits without the plus), sorted and distinct; its
``manifest.json`` says where the copy comes from, how old it is and what it covers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from orchestration.core.errors import PermanentError, kind_of
from orchestration.core.home import Home
from orchestration.scrub.policy import RegistryPolicy, jurisdictions_of, registry_policies

NUMBERS = "numbers.parquet"


@dataclass(frozen=True)
class RegistryCopy:
    """One version of a registry. ``policy`` is today's row for it, or the one it was published with."""

    registry: str
    version: int
    folder: Path
    manifest: Mapping[str, Any]
    manifest_sha256: str
    policy: RegistryPolicy

    @property
    def label(self) -> str:
        return str(self.manifest["label"])

    @property
    def obtained_at(self) -> datetime:
        return datetime.fromisoformat(self.manifest["obtained_at"])

    @property
    def rows(self) -> int:
        return int(self.manifest["rows"])

    @property
    def coverage(self) -> str:
        return str(self.manifest["coverage"])

    @property
    def area_codes(self) -> frozenset[str]:
        return frozenset(map(str, self.manifest["area_codes"] or ()))

    @property
    def files(self) -> list[Path]:
        return [self.folder / entry["name"] for entry in self.manifest["files"]]

    @property
    def numbers(self) -> Path:
        return self.folder / NUMBERS

    def covers(self, area: str) -> bool:
        """Whether a number of this area code (empty outside North America) that is not listed is clear."""
        if self.coverage == "wash" or not self.rows:
            return False  # a washed list holds only what was asked about, and an empty registry is a fault, no all-clear
        return self.coverage == "whole" or area in self.area_codes

    def prove(self) -> None:
        """Hash the files.

        Raises:
            PermanentError: one is not as its manifest says.
        """
        from orchestration.core.files import sha256_file  # a single question proves sizes only

        for entry in self.manifest["files"]:
            path = self.folder / entry["name"]
            if path.stat().st_size != entry["bytes"] or sha256_file(path) != entry["sha256"]:
                raise _broken(self.registry, f"{entry['name']} of version {self.version} is not the file that was published")


@dataclass(frozen=True)
class Gap:
    """A registry that binds a channel and could not have shown a number. ``why`` is a sentence without personal data."""

    registry: str
    why: str


class Registries:
    """The copies a scrub uses and the policy it judges them by, at one moment. ``waived`` are left out on purpose."""

    def __init__(self, copies: Sequence[RegistryCopy], waived: Collection[str], as_of: datetime) -> None:
        self._as_of, self.waived = as_of, frozenset(waived)
        self.copies = {copy.registry: copy for copy in copies}
        policies = {**registry_policies(), **{copy.registry: copy.policy for copy in copies}}
        self._policies = [policies[name] for name in sorted(policies)]

    def binding(self, channels: Collection[str]) -> list[RegistryCopy]:
        """The copies whose listings block on any of these channels."""
        return [copy for _, copy in sorted(self.copies.items()) if copy.policy.channels & set(channels)]

    def demanded(self, channel: str) -> list[RegistryPolicy]:
        """Every registry that must have been consulted somewhere for this channel, and is not waived."""
        return [
            policy
            for policy in self._policies
            if channel in policy.channels and policy.in_force(self._as_of) and policy.registry not in self.waived
        ]

    def bound(self, channel: str, number: str, country: str, hint: str) -> list[RegistryPolicy]:
        """The registries that must have been consulted for this number on this channel.

        Args:
            number: E.164 digits without the plus, or as many of them as tell its calling code and area code.
            country: whose number it is; empty where no plan says.
            hint: the person's own region, where it is known.
        """
        regions = {country} if country else _regions_of_calling_code(number)
        where = {place for region in regions for place in jurisdictions_of(region)}
        if "-" in hint and hint.split("-", maxsplit=1)[0] in where:
            where.add(hint)
        return [policy for policy in self.demanded(channel) if policy.jurisdiction in where]

    def gap(self, policy: RegistryPolicy, number: str) -> Gap | None:
        """Why a number that this registry does not list is not clear."""
        copy = self.copies.get(policy.registry)
        area = number[1:4] if number.startswith("1") else ""
        if copy is None:
            return Gap(policy.registry, "no copy of it is held")
        if copy.covers(area):
            return None
        if copy.coverage == "wash":
            return Gap(policy.registry, "it is washed and never handed out: a number it does not list was not asked about")
        return Gap(policy.registry, "no number is in it" if not copy.rows else f"area code {area or 'unknown'} was never taken")

    def stale(self, policy: RegistryPolicy) -> Gap | None:
        """Why a copy that is held may not be used any more: what a scrub says of the whole file, of a single number."""
        copy = self.copies.get(policy.registry)
        end = policy.usable_until(copy.obtained_at) if copy else None
        if end is None or self._as_of < end:
            return None
        return Gap(policy.registry, f"its copy may be at most {policy.max_age_days} days old")


def published_registries(home: Home) -> list[RegistryCopy]:
    """The version in force of every registry, by name, its manifest proved and its files there in their size.

    Raises:
        PermanentError: something is not as it was published.
    """
    return [_read(pointer.parent) for pointer in sorted(home.registries_published.glob("*/latest.json"))]


def _read(folder: Path) -> RegistryCopy:
    name = folder.name
    try:
        pointer = json.loads((folder / "latest.json").read_text(encoding="utf-8"))
        version = int(pointer["version"])
        place = folder / f"version={version}"
        text = (place / "manifest.json").read_bytes()
        if hashlib.sha256(text).hexdigest() != pointer["manifest_sha256"]:
            raise _broken(name, f"the manifest of version {version} is not the one that was published")
        manifest = json.loads(text)
        policy = registry_policies().get(name) or RegistryPolicy.of(manifest["policy"])
        copy = RegistryCopy(name, version, place, manifest, pointer["manifest_sha256"], policy)
        sizes = {entry["name"]: entry["bytes"] for entry in manifest["files"]}
        if NUMBERS not in sizes or any((place / file).stat().st_size != size for file, size in sizes.items()):
            raise _broken(name, f"a file of version {version} is not the one that was published")
        if copy.obtained_at.tzinfo is None:
            raise _broken(name, "obtained_at has no zone")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _broken(name, f"latest.json does not lead to a version that can be read ({kind_of(error)})") from error
    return copy


def _broken(registry: str, seen: str) -> PermanentError:
    return PermanentError(
        f"Reading the published registry {registry}",
        seen=seen,
        allowed="files exactly as they were published",
        next_step="restore published/registries from its backup, or load the registry again with quietlist run",
    )


def _regions_of_calling_code(number: str) -> set[str]:
    """Where no plan says whose number it is, it may be anybody's who shares the calling code."""
    import phonenumbers

    heads = (number[:length] for length in (1, 2, 3))
    return {region for head in heads for region in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(head or 0), ())}
