"""The lock files, the bill of materials and the reasons: what the product is made of is exact, complete and explained."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from orchestration.core.home import CHECKOUT

PROJECT: dict[str, Any] = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
LOCKS = {
    name: (CHECKOUT / name).read_text()
    for name in (
        "requirements.lock",
        "requirements-server.lock",
        "requirements-dev.lock",
        "requirements-bench.lock",
        "requirements-fuzz.lock",
    )
}
HASH = "--hash=sha256:" + "0" * 64


@pytest.fixture(scope="module")
def supply() -> ModuleType:
    spec = importlib.util.spec_from_file_location("supply_chain", CHECKOUT / ".ci" / "supply_chain.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["supply_chain"] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


def test_the_lock_files_are_sound(supply: ModuleType) -> None:
    assert supply.audit(PROJECT, LOCKS) == [], "run make lock, and commit every lock file"


@pytest.mark.parametrize(
    ("lock", "said"),
    [
        (f"click>=8 {HASH}", "click is not pinned to one version"),
        (f"click==8.* {HASH}", "click is not pinned to one version"),
        (f"click @ https://example.com/click.whl {HASH}", "click is not pinned to one version"),
        ("click==8.3.0", "click has no SHA-256"),
        ("click==8.3.0 --hash=md5:" + "0" * 32, "click has no SHA-256"),
        (f"click==8.3.0 {HASH} --hash=sha512:{'0' * 128}", "click has no SHA-256, or another kind of hash"),
        (f"-r other.txt {HASH}", "'-r other.txt' is no requirement"),
        (f"click==7.0 {HASH}", "pyproject.toml asks for click>=8.3,<9, but 7.0 is locked"),
        (f"rich==14.0 {HASH}", "pyproject.toml asks for click>=8.3,<9, which is not locked"),
        (f"click==8.3.0 {HASH}\nClick==8.3.0 {HASH}", "a package is locked twice"),
    ],
)
def test_an_unsound_lock_file_is_named(supply: ModuleType, lock: str, said: str) -> None:
    problems = supply.audit({**PROJECT, "dependencies": ["click>=8.3,<9"]}, {"requirements.lock": lock})
    assert any(said in problem for problem in problems), problems


def test_what_a_locked_package_asks_for_itself_must_be_locked_too(supply: ModuleType) -> None:
    without = re.sub(r"(?m)^packaging==.*\n(?:    .*\n)*", "", LOCKS["requirements.lock"])
    assert without != LOCKS["requirements.lock"]
    problems = supply.audit(PROJECT, {"requirements.lock": without})
    assert any("asks for packaging" in problem and "pyproject.toml" not in problem for problem in problems), problems


def test_all_lock_files_name_the_same_versions(supply: ModuleType) -> None:
    other = re.sub(r"(?m)^click==[^ ]+", "click==8.3.999", LOCKS["requirements-dev.lock"])
    assert any(
        "click is 8.3.999, in another lock file" in problem
        for problem in supply.audit(PROJECT, {**LOCKS, "requirements-dev.lock": other})
    )


def test_what_is_installed_on_top_has_its_own_extra_and_the_versions_of_the_rest(supply: ModuleType) -> None:
    name = "requirements-bench.lock"
    files = {path.name for path in CHECKOUT.glob("requirements*.lock")}
    assert files == LOCKS.keys() == {*supply.EXTRAS, *supply.ON_TOP}, "each lock file is audited"
    older = re.sub(r"(?m)^duckdb==[^ ]+", "duckdb==1.999", LOCKS[name])
    assert any("duckdb is 1.999, in another" in problem for problem in supply.audit(PROJECT, {**LOCKS, name: older}))
    without = re.sub(r"(?m)^polars==.*\n(?:    .*\n)*", "", LOCKS[name])
    assert any("pyproject.toml asks for polars" in problem for problem in supply.audit(PROJECT, {**LOCKS, name: without}))


def test_the_bill_of_materials_is_valid_complete_and_the_same_each_time(supply: ModuleType) -> None:
    text = supply.bill_of_materials(PROJECT, LOCKS["requirements.lock"])
    assert text == supply.bill_of_materials(PROJECT, LOCKS["requirements.lock"])
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    bill = json.loads(text)
    assert bill["metadata"]["component"]["licenses"] == [{"license": {"id": "Apache-2.0"}}]
    locked, _ = supply.read_lock(LOCKS["requirements.lock"])
    parts = {part["name"]: part for part in bill["components"]}
    assert parts.keys() == {entry.name for entry in locked}
    for entry in locked:
        part = parts[entry.name]
        assert (part["version"], part["purl"]) == (entry.version, f"pkg:pypi/{entry.name}@{entry.version}")
        assert {(found["alg"], found["content"]) for found in part["hashes"]} == {("SHA-256", digest) for digest in entry.hashes}
    needs = {entry["ref"]: set(entry.get("dependsOn", ())) for entry in bill["dependencies"]}
    assert parts["duckdb"]["purl"] in needs[bill["metadata"]["component"]["bom-ref"]]
    assert parts["dagster"]["purl"] in needs[parts["dagster-webserver"]["purl"]]
    assert sum("licenses" in part for part in parts.values()) > 0.9 * len(parts), "licences come from the installed packages"


@pytest.mark.parametrize(
    ("printed", "vulnerable", "said"),
    [
        ("", [], "SKIPPED"),
        ({"dependencies": [{"name": "duckdb", "skip_reason": "Dependency not found"}]}, [], "SKIPPED"),
        (
            {"dependencies": [{"name": "duckdb", "version": "2.0.0", "vulns": []}, {"name": "b", "skip_reason": "?"}]},
            [],
            "knows 0 vulnerabilities of 1 packages; 1 could not be looked up",
        ),
        (
            {"dependencies": [{"name": "duckdb", "version": "2.0.0", "vulns": [{"id": "CVE-0"}]}]},
            ["duckdb 2.0.0: CVE-0"],
            "knows 1 vulnerabilities of 1 packages",
        ),
    ],
)
def test_what_pip_audit_could_not_look_up_is_never_called_sound(
    supply: ModuleType, monkeypatch: pytest.MonkeyPatch, printed: object, vulnerable: list[str], said: str
) -> None:
    output = json.dumps(printed) if printed else "Traceback: no network"
    monkeypatch.setattr(supply.subprocess, "run", lambda *args, **keys: subprocess.CompletedProcess(args, 1, output, ""))
    found, sentence = supply.known_vulnerabilities([Path("requirements.lock")])
    assert found == vulnerable and said in sentence


def test_each_direct_dependency_has_its_reason_and_each_reason_its_dependency() -> None:
    stated = [*PROJECT["dependencies"], *(text for extra in PROJECT["optional-dependencies"].values() for text in extra)]
    direct = {canonicalize_name(Requirement(text).name) for text in stated} - {canonicalize_name(PROJECT["name"])}
    rows = re.findall(
        r"^\| (.+?) \| .+ \|$", (CHECKOUT / "docs" / "decisions" / "0002-dependencies.md").read_text(), re.MULTILINE
    )
    explained = set()
    for row in rows[1:]:  # the first is the heading
        names = re.sub(r"^(extra `\w+`|dev): ", "", row)
        explained |= {canonicalize_name(re.match(r"[\w.-]+", name)[0]) for name in names.split(", ")}
    assert direct - explained == set(), "give each a row in docs/decisions/0002-dependencies.md"
    assert explained - direct == set(), "these rows explain what pyproject.toml does not ask for"
