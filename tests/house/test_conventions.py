"""Conventions of the house as tests: a failing one says what to do."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from orchestration.cli import main
from orchestration.core.home import CHECKOUT
from orchestration.readers.feeds import all_feeds

STAGES = (
    "landing", "connectors", "readers", "identifiers", "reconcile", "gate", "publish", "sync", "destinations", "evidence",
    "scrub",
)  # fmt: skip
PYTHON = sorted((CHECKOUT / "orchestration").rglob("*.py"))
# Outside libraries that only one place may know.
ONLY = {
    "dagster": ("defs", "definitions.py"),
    "dagster_dbt": ("defs",),
    "great_expectations": ("gate",),
    "dbt": ("reconcile",),
}


def place(path: Path) -> str:
    return path.relative_to(CHECKOUT / "orchestration").parts[0]


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_a_module_opens_with_what_belongs_in_it(path: Path) -> None:
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert text, f"{path}: begin the module with a docstring that says what belongs here and what does not"


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_only_one_place_knows_each_engine(path: Path) -> None:
    for module in imports(path):
        allowed = ONLY.get(module.split(".")[0])
        assert allowed is None or place(path) in allowed, f"{path} imports {module}: that belongs in {' or '.join(allowed)}"


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_imports_go_from_definitions_to_core_and_never_back(path: Path) -> None:
    here = place(path)
    for module in imports(path):
        parts = module.split(".")
        if parts[0] != "orchestration" or len(parts) < 2:
            continue
        if here == "core":
            assert parts[1] == "core", f"{path} imports {module}: core knows no stage"
        elif here in STAGES:
            assert parts[1] not in ("defs", "definitions", "cli", "run", "rebuild"), (
                f"{path} imports {module}: a stage knows no door"
            )


def test_dagster_and_dg_load_the_same_module_under_the_same_name() -> None:
    workspace = yaml.safe_load((CHECKOUT / "workspace.yaml").read_text())["load_from"][0]["python_module"]
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]["dg"]["project"]
    assert workspace["module_name"] == project["code_location_target_module"]
    assert workspace["location_name"] == project["code_location_name"]


def test_every_command_has_help_and_stands_in_the_documentation() -> None:
    documented = (CHECKOUT / "README.md").read_text() + (CHECKOUT / "docs" / "operations.md").read_text()
    for name, command in main.commands.items():
        assert command.help, f"quietlist {name} has no help"
        assert f"quietlist {name}" in documented, f"quietlist {name} stands neither in README.md nor in docs/operations.md"
        result = CliRunner().invoke(main, [name, "--help"])
        assert result.exit_code == 0, f"quietlist {name} --help failed"


def test_every_make_target_has_help() -> None:
    text = (CHECKOUT / "Makefile").read_text()
    targets = re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE).group(1).split()
    for target in targets:
        assert re.search(rf"^{target}:.*## \w", text, re.MULTILINE), f"make {target} has no '## help' behind it"


def test_every_feed_has_a_sample_and_every_column_of_it_a_place() -> None:
    for feed in all_feeds():
        if feed.vendor == "quietlist":
            continue
        folder = CHECKOUT / "dbt_project" / "models" / "staging" / feed.vendor
        for kind in feed.kinds:
            model = folder / f"{feed.model(kind)}.sql"
            assert model.exists(), f"{feed.table} says it is {kind}, but {model.name} does not exist"


def test_environment_variables_in_the_configuration_example_stand_in_env_example() -> None:
    named = set(re.findall(r'_env = "([A-Z0-9_]+)"', (CHECKOUT / "data" / "samples" / "quietlist.toml").read_text()))
    listed = (CHECKOUT / ".env.example").read_text()
    assert not {name for name in named if name not in listed}, "add them to .env.example"


FORBIDDEN = re.compile(r"/(?:work|root|home/\w+)/|pypi\.org|registry\.npmjs|files\.pythonhosted")


def test_no_file_names_a_machine_or_a_package_registry() -> None:
    for path in (
        *PYTHON,
        *CHECKOUT.glob("*.md"),
        *CHECKOUT.glob("docs/**/*.md"),
        CHECKOUT / "Makefile",
        *CHECKOUT.glob("*.lock"),
    ):
        match = FORBIDDEN.search(path.read_text(encoding="utf-8"))
        assert match is None, f"{path.relative_to(CHECKOUT)} holds {match.group(0)!r}"


def test_samples_and_tests_hold_no_real_address_or_number() -> None:
    """example.com, example.org and their like, and numbers reserved for fiction, are all that may be committed."""
    allowed = re.compile(r"(?:^|[.@])(?:example\.(?:com|org|net)|[\w-]+\.(?:test|example|invalid))$")
    for path in sorted((CHECKOUT / "data" / "samples").rglob("*")):
        if path.is_file() and path.suffix != ".zip":
            text = path.read_bytes().decode("utf-8", errors="replace")
            for domain in re.findall(r"[\w.+-]+@([\w.-]+\.\w+)", text):
                assert allowed.search(domain.lower().rstrip(".")), f"{path.name}: @{domain} is not reserved for examples"
