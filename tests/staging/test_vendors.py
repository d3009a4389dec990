"""The unit tests of the vendors, one by one and without dbt: ``pytest tests/staging/test_vendors.py -k postmark``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestration.readers.feeds import STAGING
from tests.staging.rendered import failure, unit_tests

FOLDERS = sorted(path for path in STAGING.iterdir() if path.is_dir() and path.name != "quietlist")
TESTS = [(folder, test) for folder in FOLDERS for test in unit_tests(folder)]


@pytest.mark.parametrize(("folder", "test"), TESTS, ids=[f"{folder.name}-{test['name']}" for folder, test in TESTS])
def test_a_vendor_means(folder: Path, test: dict[str, Any]) -> None:
    # What is wrong stands in these lines; where pytest was when it noticed says nothing to whoever wrote the mapping.
    if found := failure(folder, test):
        pytest.fail(f"{test['model']}: {test['name']}\n{found}", pytrace=False)


WRONG = {
    "a column that the feed has not": (
        "'keyword': none",
        "'key_word': none",
        "telnyx__opt_outs has the columns consumer, profile, keyword",
    ),
    "a method that nobody knows": ("'import'", "'upload'", "case 1 has the method 'upload' (allowed: web_form, "),
    "another meaning": ("'import'", "'letter'", "expected, and not found: {'record_no': 2, "),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_mapping_is_told_in_its_own_words(tmp_path: Path, name: str) -> None:
    right, wrong, said = WRONG[name]
    folder = tmp_path / "telnyx"
    folder.mkdir()
    text = (STAGING / "telnyx" / "stg_telnyx__opt_outs.sql").read_text("utf-8")
    (folder / "stg_telnyx__opt_outs.sql").write_text(text.replace(right, wrong))
    found = [failure(folder, test) for test in unit_tests(STAGING / "telnyx")]
    assert any(said in text for text in found), f"{name}: {found}"


def test_every_model_of_a_vendor_has_a_unit_test() -> None:
    # What a person wrote is read in models/texts, and tested there.
    models = {path.stem for folder in FOLDERS for path in folder.glob("stg_*.sql") if not path.stem.endswith("__texts")}
    assert models - {test["model"] for _, test in TESTS} == set(), (
        "write a unit test in the vendor's YAML (CONTRIBUTING.md, 'Add a vendor')"
    )
