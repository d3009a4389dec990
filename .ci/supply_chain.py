"""What the product is made of, from the lock files: a bill of materials (``sbom``), and whether the locks are sound (``audit``).

Neither needs a network. Known vulnerabilities do: ``audit`` asks pip-audit, and says so when its database could not be reached.
A withdrawn (yanked) release is kept out where the locks are made: the resolver of ``make lock`` does not choose one.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.dependency import Dependency
from cyclonedx.model.license import License
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

CHECKOUT = Path(__file__).resolve().parents[1]
PRODUCT, SERVER, TOOLS = "requirements.lock", "requirements-server.lock", "requirements-dev.lock"
# The extras that `make lock` resolves into each file; what else pyproject.toml offers is in the second by its name there.
EXTRAS = {PRODUCT: ("build",), SERVER: ("build", "server", "postgres", "fast", "encryption"), TOOLS: ("dev",)}
# Extras that are installed on top of the second: each file holds its extra and what that needs, and nothing of the product.
ON_TOP = {"requirements-bench.lock": "bench", "requirements-fuzz.lock": "fuzz"}
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})(?=\s|$)")
_LONGEST_NAME = 100  # characters; beyond it a License field holds the licence's whole text
_PATIENCE = 600  # seconds for pip-audit, which asks about each package on its own


@dataclass(frozen=True)
class Locked:
    """One requirement of a lock file."""

    name: str
    version: str
    hashes: tuple[str, ...]
    extras: frozenset[str] = frozenset()


def read_lock(text: str) -> tuple[list[Locked], list[str]]:
    """The requirements of a lock file, and what is wrong with those that are not exact and hashed."""
    found, problems = [], []
    for line in text.replace("\\\n", " ").splitlines():
        said = line.partition("#")[0].strip()
        if not said:
            continue
        words = said.partition(" --hash=")[0].strip()
        try:
            requirement = Requirement(words)
        except InvalidRequirement:
            problems.append(f"'{words}' is no requirement with a name and a version")
            continue
        if requirement.marker is not None and not requirement.marker.evaluate():
            continue
        exact = re.fullmatch(r"==([^*,=<>~!]+)", str(requirement.specifier))
        hashes = tuple(sorted(_HASH.findall(said)))
        if requirement.url or exact is None:
            problems.append(f"{requirement.name} is not pinned to one version")
        if not hashes or len(hashes) != said.count("--hash="):
            problems.append(f"{requirement.name} has no SHA-256, or another kind of hash")
        version = exact[1] if exact else ""
        found.append(Locked(canonicalize_name(requirement.name), version, hashes, frozenset(requirement.extras)))
    return found, problems


def audit(project: Mapping[str, Any], locks: Mapping[str, str]) -> list[str]:
    """What is wrong with the lock files (name -> text) of ``project``, pyproject.toml's table. Nothing: they are sound."""
    problems = []
    versions: dict[str, str] = {}
    for name, text in locks.items():
        entries, wrong = read_lock(text)
        problems += [f"{name}: {problem}" for problem in wrong]
        locked = {entry.name: entry for entry in entries}
        if len(locked) < len(entries):
            problems.append(f"{name}: a package is locked twice")
        for entry in entries:
            if versions.setdefault(entry.name, entry.version) != entry.version:
                problems.append(f"{name}: {entry.name} is {entry.version}, in another lock file {versions[entry.name]}")
        stated = project["optional-dependencies"][ON_TOP[name]] if name in ON_TOP else direct(project, *EXTRAS[name])
        asked = [("pyproject.toml", text) for text in stated]
        asked += [(entry.name, text) for entry in entries for text in _asked_by(entry)]
        for who, wanted in asked:
            if problem := _unmet(wanted, locked):
                problems.append(f"{name}: {who} asks for {problem}")
    return problems


def direct(project: Mapping[str, Any], *extras: str) -> Iterator[str]:
    """The requirements that pyproject.toml states itself, an extra that names other extras unfolded."""
    yield from project["dependencies"]
    for extra in extras:
        for wanted in project["optional-dependencies"][extra]:
            requirement = Requirement(wanted)
            if canonicalize_name(requirement.name) == canonicalize_name(project["name"]):
                yield from (text for other in sorted(requirement.extras) for text in project["optional-dependencies"][other])
            else:
                yield wanted


def _unmet(wanted: str, locked: Mapping[str, Locked]) -> str | None:
    requirement = Requirement(wanted)
    entry = locked.get(canonicalize_name(requirement.name))
    if entry is None:
        return f"{wanted}, which is not locked"
    if not requirement.specifier.contains(entry.version, prereleases=True):
        return f"{wanted}, but {entry.version} is locked"
    return None


def _asked_by(entry: Locked) -> Iterator[str]:
    """What the installed package asks for itself, here and with its locked extras."""
    installed = _installed(entry)
    for text in (installed.requires or []) if installed else []:
        requirement = Requirement(text)
        if requirement.marker is None or any(requirement.marker.evaluate({"extra": extra}) for extra in ("", *entry.extras)):
            yield f"{requirement.name}{requirement.specifier}"


def _installed(entry: Locked) -> Distribution | None:
    """The package in this environment, if it is there in the locked version."""
    try:
        found = distribution(entry.name)
    except PackageNotFoundError:
        return None
    return found if found.version == entry.version else None


def known_vulnerabilities(locks: Iterable[Path]) -> tuple[list[str], str]:
    """What pip-audit knows of, and a sentence about how far it could look."""
    arguments = [word for path in locks for word in ("-r", str(path))]
    command = [sys.executable, "-m", "pip_audit", "--no-deps", "--disable-pip", "--progress-spinner", "off", "-f", "json"]
    try:
        done = subprocess.run(  # noqa: S603  our own words and file names
            [*command, *arguments], capture_output=True, text=True, timeout=_PATIENCE, check=False
        )
        entries = json.loads(done.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError, KeyError):
        return [], "SKIPPED: known vulnerabilities were not looked up, because pip-audit cannot reach its database from here."
    # It calls a package that the database does not know skipped, and all of them skipped a success.
    seen = [entry for entry in entries if "skip_reason" not in entry]
    found = [f"{entry['name']} {entry['version']}: {fault['id']}" for entry in seen for fault in entry["vulns"]]
    if not seen:
        return [], "SKIPPED: known vulnerabilities were not looked up, because pip-audit's database answered for no package."
    missed = len(entries) - len(seen)
    return found, f"pip-audit knows {len(found)} vulnerabilities of {len(seen)} packages; {missed} could not be looked up."


def bill_of_materials(project: Mapping[str, Any], lock: str) -> str:
    """CycloneDX 1.6 in JSON, byte for byte the same for the same lock file and environment."""
    entries, problems = read_lock(lock)
    if problems:
        raise SystemExit("No bill of materials of an unsound lock file: " + "; ".join(problems))
    parts = {entry.name: _component(entry) for entry in entries}
    purl = PackageURL("pypi", name=canonicalize_name(project["name"]), version=project["version"])
    product = Component(
        name=project["name"],
        version=project["version"],
        type=ComponentType.APPLICATION,
        purl=purl,
        bom_ref=purl.to_string(),
        description=project["description"],
        licenses=[LicenseFactory().make_from_string(project["license"])],
    )
    bom = Bom(components=parts.values(), dependencies=[_needs(product, direct(project, *EXTRAS[PRODUCT]), parts)])
    for entry in entries:
        bom.dependencies.add(_needs(parts[entry.name], _asked_by(entry), parts))
    bom.metadata.component = product
    bom.metadata.timestamp = None  # type: ignore[assignment]  # a moment would make each one another file
    bom.serial_number = uuid5(NAMESPACE_URL, f"{purl} {lock}")
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"


def _component(entry: Locked) -> Component:
    purl = PackageURL("pypi", name=entry.name, version=entry.version)
    said = _licence(entry)
    return Component(
        name=entry.name,
        version=entry.version,
        type=ComponentType.LIBRARY,
        purl=purl,
        bom_ref=purl.to_string(),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=content) for content in entry.hashes],
        licenses=[said] if said is not None else [],
    )


def _licence(entry: Locked) -> License | Any | None:
    """What the installed package says of itself: an expression, else its classifier, else a name."""
    installed = _installed(entry)
    if installed is None:
        return None
    metadata = installed.metadata
    classified = [text.rpartition(" :: ")[2] for text in metadata.get_all("Classifier", []) if text.startswith("License :: ")]
    said = [text for field in ("License-Expression", "License") for text in metadata.get_all(field, [])]
    names = [text for text in (*said, *classified) if text and "\n" not in text and len(text) <= _LONGEST_NAME]
    return LicenseFactory().make_from_string(names[0]) if names else None


def _needs(part: Component, wanted: Iterable[str], parts: Mapping[str, Component]) -> Dependency:
    names = {canonicalize_name(Requirement(text).name) for text in wanted} & parts.keys()
    return Dependency(part.bom_ref, dependencies=[Dependency(parts[name].bom_ref) for name in sorted(names)])


def main() -> int:
    """The command line that the Makefile uses."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", choices=("sbom", "audit"))
    parser.add_argument("--out", type=Path, default=CHECKOUT / "build" / "quietlist.cdx.json")
    given = parser.parse_args()
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    if given.task == "sbom":
        given.out.parent.mkdir(parents=True, exist_ok=True)
        text = bill_of_materials(project, (CHECKOUT / PRODUCT).read_text())
        given.out.write_text(text)
        parts = json.loads(text)["components"]
        silent = [part["name"] for part in parts if "licenses" not in part]
        sys.stdout.write(
            f"{given.out}: {len(parts)} components; without a licence of their own word: {', '.join(silent) or 'none'}\n"
        )
        return 0
    problems = audit(project, {name: (CHECKOUT / name).read_text() for name in (*EXTRAS, *ON_TOP)})
    vulnerable, said = known_vulnerabilities([CHECKOUT / TOOLS])
    for line in (*problems, *vulnerable):
        sys.stdout.write(f"  - {line}\n")
    sys.stdout.write(f"The lock files are {'NOT sound' if problems else 'sound'}: {len(problems)} problems. {said}\n")
    return 1 if problems or vulnerable else 0


if __name__ == "__main__":
    sys.exit(main())
