"""Who may know whom (DESIGN 3): imports go down, ``cli → run → definitions → defs → stages → core``, and never back.

Each import of each module is judged, also one inside a function or for types only: a module may know its own layer and those
below. So no chain of imports can lead back either. ``make check`` runs this file.
"""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from orchestration.core.home import CHECKOUT

PYTHON = sorted((CHECKOUT / "orchestration").rglob("*.py"))
STAGES = frozenset(
    path.name for path in (CHECKOUT / "orchestration").iterdir() if (path / "__init__.py").is_file()
) - {"core", "defs", "faults"}  # fmt: skip
# From the top down. A folder that is not named here is a stage; a module beside the folders must be named.
LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"cli"}),
    frozenset({"run", "rebuild", "faults"}),  # the faults carry out whole runs
    frozenset({"definitions"}),
    frozenset({"defs"}),
    STAGES,
    frozenset({"core", "__init__"}),
)
# Outside libraries that only one place may know: how the place's files begin, and where the code belongs instead.
ONLY = {
    "dagster": (("defs/", "definitions.py"), "orchestration/defs wires the step; the step itself belongs in its stage"),
    "dagster_dbt": (("defs/",), "orchestration/defs wires the models; running dbt is orchestration/reconcile/dbt.py"),
    "great_expectations": (("gate/",), "only orchestration/gate judges; a check is a few lines in expectations/*.yml"),
    "dbt": (("reconcile/dbt.py",), "only orchestration/reconcile/dbt.py runs dbt"),
}
# What makes data for the repository, and is not run in a home, may use a developer's tool.
TOOLS_ONLY = {"holidays": "reconcile/calendars.py"}


def problems_of(name: str, source: str) -> Iterator[str]:
    """What is wrong with the imports of a module; ``name`` is its path below orchestration/."""
    here = _layer(name.partition("/")[0].removesuffix(".py"))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.level:
            yield f"{name}: write 'from orchestration...' in full, so that a reader sees which layer it is"
        for module in _modules(node):
            first, _, rest = module.partition(".")
            if first == "orchestration":
                there = _layer(rest.partition(".")[0] or "__init__")
                if here is None or there is None:
                    yield f"{name} imports {module}: give both a place in LAYERS of tests/house/test_imports.py"
                elif there < here:
                    yield f"{name} imports {module}: that lies above it; move what both need down, or pass it in"
            elif first in ONLY and not name.startswith(ONLY[first][0]):
                yield f"{name} imports {module}: {ONLY[first][1]}"


def _layer(part: str) -> int | None:
    return next((number for number, layer in enumerate(LAYERS) if part in layer), None)


def _modules(node: ast.AST) -> Iterator[str]:
    """What one node of a module imports, by any of the ways there are."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        # "from orchestration import defs" and "from orchestration.defs import jobs" both name a module only together.
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.Call):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if called in ("import_module", "__import__") and node.args:
            given = node.args[0]
            if isinstance(given, ast.JoinedStr):
                given = given.values[0]  # its beginning says which package it is
            # A name that can't be read here could be any module: it is judged as the top one.
            yield given.value if isinstance(given, ast.Constant) else "orchestration.cli"


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_imports_go_down_and_each_engine_has_one_place(path: Path) -> None:
    name = path.relative_to(CHECKOUT / "orchestration").as_posix()
    assert list(problems_of(name, path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    ("name", "source", "said"),
    [
        ("core/files.py", "from orchestration.landing import collect", "lies above it"),
        ("core/files.py", "def f():\n    import orchestration.publish.rows", "lies above it"),
        ("sync/plan.py", "from orchestration import defs", "lies above it"),
        ("sync/plan.py", "from orchestration import definitions", "lies above it"),
        ("sync/plan.py", "if TYPE_CHECKING:\n    from orchestration.run import run_job", "lies above it"),
        ("defs/jobs.py", "from orchestration.definitions import defs", "lies above it"),
        ("definitions.py", "from orchestration.run import run_job", "lies above it"),
        ("run.py", "from orchestration.cli import main", "lies above it"),
        ("sync/plan.py", "import importlib\nimportlib.import_module('orchestration.defs.jobs')", "lies above it"),
        ("sync/plan.py", "__import__(name)", "lies above it"),
        ("sync/plan.py", "from ..defs import jobs", "in full"),
        ("sync/plan.py", "from orchestration.helpers import f", "give both a place"),
        ("helpers.py", "from orchestration.core.files import f", "give both a place"),
        ("sync/plan.py", "import dagster as dg", "orchestration/defs wires the step"),
        ("cli.py", "def f():\n    from dagster import job", "orchestration/defs wires the step"),
        ("evidence/report.py", "from great_expectations.core import x", "only orchestration/gate judges"),
        ("reconcile/stages.py", "from dbt.cli.main import dbtRunner", "only orchestration/reconcile/dbt.py"),
        ("sync/plan.py", "from orchestration.publish import rows\nfrom orchestration.core import chain\nimport duckdb", None),
        ("defs/jobs.py", "import dagster\nfrom orchestration.landing import collect", None),
        ("destinations/contract.py", "importlib.import_module(f'orchestration.destinations.{name}')", None),
        ("identifiers/phone.py", "importlib.import_module('rphonenumbers')", None),
    ],
)
def test_each_way_of_importing_upwards_is_named(name: str, source: str, said: str | None) -> None:
    found = list(problems_of(name, source))
    assert (len(found), all(said in problem for problem in found)) == (1, True) if said else found == [], found


def test_what_the_product_imports_is_what_it_asks_for() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    asked = {
        canonicalize_name(Requirement(text).name)
        for text in (*project["dependencies"], *extras["postgres"], *extras["fast"], *extras["encryption"])
    }
    makers = packages_distributions()
    for path in PYTHON:
        name = path.relative_to(CHECKOUT / "orchestration").as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for first in {module.partition(".")[0] for module in _modules(node)} - sys.stdlib_module_names - {"orchestration"}:
                named = {canonicalize_name(maker) for maker in makers.get(first, ())}
                assert named & asked or TOOLS_ONLY.get(first) == name, f"{name} imports {first}: add it to pyproject.toml"
