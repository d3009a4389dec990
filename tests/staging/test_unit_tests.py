"""Runs the dbt unit tests, which state one meaning each. They are no part of a production run.

Those of vendors run in test_vendors.py too, in milliseconds each and without dbt; through dbt with the long forms.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestration.core.config import Config
from orchestration.core.home import CHECKOUT, Home
from orchestration.readers.feeds import all_feeds
from orchestration.readers.in_use import unused_models
from orchestration.reconcile import dbt
from tests.staging.conftest import AS_OF
from tests.staging.rendered import unit_tests

MODELS = CHECKOUT / "dbt_project" / "models"
# The folders of staging models that every home has; the others are vendors'.
OWN = ("canonical", "quietlist")


def written(folder: Path) -> int:
    return sum(len(unit_tests(path)) for path in (folder, *folder.rglob("*")) if path.is_dir())


def failing(home: Home, config: Config, unused: list[str]) -> tuple[list[str], int]:
    """The unit tests that do not hold, and how many ran."""
    # A unit test asks for the columns of what its model reads, so that is built once, on no data.
    dbt.invoke(home, config, AS_OF, "run", "+test_type:unit", unused=unused)
    results = dbt.invoke(home, config, AS_OF, "test", "test_type:unit", unused=unused)
    return [result.unique_id for result in results if not result.ok], len(results)


def test_every_unit_test_of_what_all_vendors_share_holds(home: Home, config: Config) -> None:
    own = tuple(feed for feed in all_feeds() if feed.vendor in OWN)
    vendors = sum(written(path) for path in (MODELS / "staging").iterdir() if path.is_dir() and path.name not in OWN)
    failed, ran = failing(home, config, unused_models(own))
    assert failed == []
    assert ran == written(MODELS) - vendors > 0, f"{written(MODELS)} unit tests are written, {vendors} of vendors; {ran} ran"


@pytest.mark.slow
def test_every_unit_test_of_the_models_holds(home: Home, config: Config) -> None:
    failed, ran = failing(home, config, [])
    assert failed == []
    assert ran == written(MODELS) > 0, f"{written(MODELS)} unit tests are written, {ran} ran"
