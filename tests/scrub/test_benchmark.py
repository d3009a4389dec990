"""The benchmark of the scrub runs, and its rivals let the same customers through (else it raises)."""

from __future__ import annotations

from benchmarks import scrub
from benchmarks.measure import missing


def test_a_small_run_measures_the_scrub_and_its_rivals() -> None:
    floor, ours, pandas, polars, sqlite = scrub.run(2_000, seed=5).steps
    assert (floor.rows, ours.rows, pandas.rows, sqlite.rows) == (2_000, 2_000, 2_000, 2_000)
    assert "allowed" in ours.note and ours.peak_mb > 0
    for rival in (pandas, sqlite) if missing("polars") else (pandas, polars, sqlite):
        assert "x the wall time" in rival.note, rival.name
