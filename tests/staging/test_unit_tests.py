"""Runs the dbt unit tests, which state one meaning each. They are no part of a production run."""

from __future__ import annotations

import yaml

from orchestration.core.config import Config
from orchestration.core.home import CHECKOUT, Home
from orchestration.reconcile import dbt
from tests.staging.conftest import AS_OF


def test_every_unit_test_of_the_models_holds(home: Home, config: Config) -> None:
    # A unit test asks for the columns of what its model reads, so that is built once, on no data.
    dbt.invoke(home, config, AS_OF, "run", "+test_type:unit")
    results = dbt.invoke(home, config, AS_OF, "test", "test_type:unit")
    files = (CHECKOUT / "dbt_project" / "models").rglob("*.yml")
    written = sum(len((yaml.safe_load(path.read_text("utf-8")) or {}).get("unit_tests", [])) for path in files)
    assert [result.unique_id for result in results if not result.ok] == []
    assert len(results) == written > 0, f"{written} unit tests are written, {len(results)} ran"
