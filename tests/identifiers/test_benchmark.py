"""The benchmark runs, and its plain answers are of the size it says."""

from __future__ import annotations

import json

import pytest

from benchmarks import identifiers


def test_the_benchmark_measures_both_types(capsys: pytest.CaptureFixture[str]) -> None:
    identifiers.main(["--size", "3000", "--json"])
    phones, emails = json.loads(capsys.readouterr().out)
    for table, loop, ours in (
        (phones, "loop over phonenumbers", "normalise_phones, in the warehouse"),
        (emails, "loop over email-validator", "normalise_emails, in the warehouse"),
    ):
        rows = {step["name"]: step["rows"] for step in table["steps"]}
        assert rows[loop] == rows[ours] == 3000, table["title"]


def test_the_texts_are_the_same_for_the_same_seed() -> None:
    assert identifiers.messy_phones(500, 1).equals(identifiers.messy_phones(500, 1))
    assert identifiers.messy_emails(500, 1).equals(identifiers.messy_emails(500, 1))
