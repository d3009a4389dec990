"""The inbox sensor starts one run for each batch of files that have come to rest, and none twice."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from orchestration.defs.jobs import waiting_files
from tests.journeys.home import make


def test_one_run_for_each_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = make(tmp_path / "home")
    monkeypatch.setenv("QUIETLIST_HOME", str(home))
    first = waiting_files(dg.build_sensor_context())
    assert isinstance(first, dg.RunRequest), "three files wait: one run"
    again = waiting_files(dg.build_sensor_context(cursor=first.run_key))
    assert isinstance(again, dg.SkipReason), "the same files have a run already"
    (home / "inbox" / "asks" / "more.csv").write_text("requested_at,action,email\n2026-03-01,opt_out,d@example.com\n")
    more = waiting_files(dg.build_sensor_context(cursor=first.run_key))
    assert isinstance(more, dg.RunRequest) and more.run_key != first.run_key, "another file makes another batch"
    for path in (home / "inbox").rglob("*.csv"):
        path.unlink()
    assert isinstance(waiting_files(dg.build_sensor_context(cursor=more.run_key)), dg.SkipReason), "nothing waits"
