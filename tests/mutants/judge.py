"""Runs in a copy of the checkout: do the unit tests of the models that a change touches still hold, and the seeds' own checks?

A vendor's staging model is asked without dbt, as tests/staging/test_vendors.py asks it: in seconds.

Exit code 0: everything held, so the change was not noticed. 1: a test failed. 2: the change does not even parse.
"""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from orchestration.core.config import parse_config
from orchestration.core.errors import ConfigError, QuietlistError
from orchestration.core.home import CHECKOUT, Home
from orchestration.core.warehouse import warehouse
from orchestration.reconcile import dbt, policy, stages
from tests.staging.rendered import failure, unit_tests

_AS_OF = datetime(2026, 4, 1, tzinfo=UTC)
# A unit test brings its own policy and no description of a feed: what they say is tested by these.
_PYTEST = {
    ".csv": ["tests/policy/test_seeds.py", "tests/deadlines/test_rules.py", "tests/staging/test_samples.py"],
    ".yml": ["tests/house/test_conventions.py", "tests/staging/test_conformance.py"],
}
_WITHOUT_UNIT_TESTS = ["tests/staging/test_contract.py", "tests/staging/test_samples.py"]


def is_of_a_vendor(changed: str) -> bool:
    """Whether the changed file is a staging model whose unit tests need no dbt."""
    path = Path(changed)
    return path.suffix == ".sql" and path.parent.parent == Path("dbt_project/models/staging") and path.parent.name != "quietlist"


def main(place: str, changed: str) -> int:
    if is_of_a_vendor(changed):
        return _of_a_vendor(Path(changed))
    home = Home.at(Path(place)).create()
    samples = CHECKOUT / "data" / "samples" / "quietlist.toml"
    config = parse_config(samples.read_text("utf-8"), samples)
    if changed == "nothing":
        # A unit test asks for the columns of what its model reads, so that is built once, on no data.
        with warehouse(home) as con:
            stages.prepare(con, home)
        policy.load_policy(home, config, _AS_OF)
        dbt.invoke(home, config, _AS_OF, "run", "+test_type:unit")
        return 0
    try:
        if changed.endswith(".csv"):
            policy.load_policy(home, config, _AS_OF)
        if tests := _PYTEST.get(Path(changed).suffix):
            return _ask([*tests, "-k", Path(changed).parent.name] if changed.endswith(".yml") else tests)
        selected = " ".join(_tests(changed))
        results = dbt.invoke(home, config, _AS_OF, "test", selected) if selected else []
    except (ConfigError, dbt.DbtFailed):
        return 1
    except QuietlistError:
        return 2
    if not results:
        return _ask(_WITHOUT_UNIT_TESTS)
    return 0 if all(result.ok for result in results) else 1


def _of_a_vendor(changed: Path) -> int:
    folder = CHECKOUT / changed.parent
    tests = [test for test in unit_tests(folder) if test["model"] == changed.stem]
    return int(any(failure(folder, test) for test in tests)) if tests else _ask(_WITHOUT_UNIT_TESTS)


def _ask(tests: list[str]) -> int:
    """0 when these files of tests notice nothing. In a process of its own: dbt keeps the manifest of this one."""
    return min(1, subprocess.run([sys.executable, "-m", "pytest", "-x", "-q", *tests], check=False).returncode)


def _tests(changed: str) -> list[str]:
    """The unit tests of the models that the changed file touches: the model itself, or those that use a macro of the file."""
    nodes = dbt.manifest_nodes()
    path = changed.removeprefix("dbt_project/")
    if path.startswith("models/") and path.endswith(".sql"):
        return [f"{Path(path).stem},test_type:unit"]
    known = json.loads(dbt.ensure_manifest().read_text("utf-8"))["macros"]
    macros = {key for key, macro in known.items() if macro["original_file_path"] == path and macro["package_name"] == "quietlist"}
    while grown := {key for key, macro in known.items() if macros & set(macro["depends_on"]["macros"])} - macros:
        macros |= grown
    users = {node["name"] for node in nodes.values() if macros & set(node["depends_on"].get("macros", ()))}
    return [f"{name},test_type:unit" for name in sorted(users)]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
