"""What the import checks of ``make check`` cannot see: modules imported by a name made at run time, and what is not asked for.

The layers are one list in ``pyproject.toml`` (``lint-imports``), the places of Dagster, dbt and Great Expectations are ruff's
(``banned-api``).
"""

from __future__ import annotations

import ast
import itertools
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from orchestration.core.home import CHECKOUT

PYTHON = sorted((CHECKOUT / "orchestration").rglob("*.py"))
# Modules imported by a name made at run time: where, and how the name begins. No tool can follow them, so each is a decision.
BY_NAME = {
    ("connectors/contract.py", "orchestration.connectors."),
    ("destinations/contract.py", "orchestration.destinations"),
    ("identifiers/phone_sql.py", "rphonenumbers"),
}


def imported_by_name(source: str) -> Iterator[str]:
    """The first words of every module that is imported by a call; ``?`` where nobody can tell."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in ("import_module", "__import__") and node.args:
                given = node.args[0]
                first = given.values[0] if isinstance(given, ast.JoinedStr) else given
                yield str(first.value) if isinstance(first, ast.Constant) else "?"


def test_modules_are_imported_by_name_only_where_that_was_decided() -> None:
    found = {
        (path.relative_to(CHECKOUT / "orchestration").as_posix(), name)
        for path in PYTHON
        for name in imported_by_name(path.read_text(encoding="utf-8"))
    }
    assert found == BY_NAME


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("import importlib\nimportlib.import_module('orchestration.defs.jobs')", "orchestration.defs.jobs"),
        ("import_module(f'orchestration.destinations.{name}')", "orchestration.destinations."),
        ("__import__(name)", "?"),
        ("importlib.import_module(f'{name}.x')", "?"),
    ],
)
def test_each_way_of_importing_by_name_is_seen(source: str, name: str) -> None:
    assert list(imported_by_name(source)) == [name]


def _modules(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield node.module


def test_what_the_product_imports_is_what_it_asks_for() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    asked = {
        canonicalize_name(Requirement(text).name)
        for text in itertools.chain(
            project["dependencies"],
            *(extras[name] for name in ("postgres", "mariadb", "redis", "fast", "encryption", "sftp")),
        )
    }
    makers = packages_distributions()
    for path in PYTHON:
        name = path.relative_to(CHECKOUT / "orchestration").as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for first in {module.partition(".")[0] for module in _modules(node)} - sys.stdlib_module_names - {"orchestration"}:
                named = {canonicalize_name(maker) for maker in makers.get(first, ())}
                assert named & asked, f"{name} imports {first}: add it to pyproject.toml"
