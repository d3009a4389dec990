"""The unit tests of the vendors, one by one and without dbt: ``pytest tests/staging/test_vendors.py -k postmark``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestration.readers.feeds import STAGING
from tests.staging.rendered import difference, unit_tests

FOLDERS = sorted(path for path in STAGING.iterdir() if path.is_dir() and path.name != "quietlist")
TESTS = [(folder, test) for folder in FOLDERS for test in unit_tests(folder)]


@pytest.mark.parametrize(("folder", "test"), TESTS, ids=[f"{folder.name}-{test['name']}" for folder, test in TESTS])
def test_a_vendor_means(folder: Path, test: dict[str, Any]) -> None:
    lacking, unexpected = difference(folder, test)
    assert (lacking, unexpected) == ([], []), f"{test['model']}: {test['name']}"
