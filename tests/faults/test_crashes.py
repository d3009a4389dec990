"""Runs killed by SIGKILL at seeded moments, and a plain run after them: nothing is lost, released twice or seen in half."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestration.faults import crashes
from orchestration.faults.world import World


def test_a_few_kills_change_nothing(ready: tuple[World, Path, int]) -> None:
    done = crashes.crash_runs(4, *ready)
    assert done.good, done.lines()
    assert done.kills.total() == 4 and done.looks > 0, done.lines()


@pytest.mark.slow
@pytest.mark.timeout(7200)  # 20 minutes quiet; an hour was not enough beside six other processes
def test_two_hundred_kills_change_nothing(ready: tuple[World, Path, int]) -> None:
    done = crashes.crash_runs(200, *ready)
    assert done.good, done.lines()
    assert done.kills.total() == 200 and len(done.kills) > 12, "every step was killed"


def test_a_consumer_that_sees_half_of_something_says_so(tmp_path: Path) -> None:
    golden = tmp_path / "published" / "golden_suppression"
    (golden / "version=1").mkdir(parents=True)
    (golden / "version=1" / "manifest.json").write_text('{"half": ')
    (golden / "latest.json").write_text('{"version": 1, "manifest_sha256": "0"}')
    done = crashes.Crashes(1)
    with crashes._consumer(tmp_path, done):
        while not done.looks and not done.wrong:
            pass
    assert done.wrong == ["a consumer met AssertionError: the manifest is not what its hash says"] and not done.good
