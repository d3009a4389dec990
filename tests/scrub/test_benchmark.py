"""The benchmark of the scrub runs, and both of its programs count the same rows."""

from __future__ import annotations

from benchmarks import scrub


def test_a_small_run_measures_the_scrub_and_its_rivals() -> None:
    floor, ours, pandas = scrub.run(2_000, seed=5).steps
    assert (floor.rows, ours.rows, pandas.rows) == (2_000, 2_000, 2_000)
    assert "allowed" in ours.note and ours.peak_mb > 0 and "x the wall time" in pandas.note
