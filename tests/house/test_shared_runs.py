"""A run of the tests that several processes share, as ``make test-all`` is: each has to collect the same cases."""

from __future__ import annotations

import os
import subprocess
import sys

from orchestration.core.home import CHECKOUT


def test_two_processes_collect_the_same_cases_though_nobody_gave_a_seed() -> None:
    """With a seed of each process's own the cases have other names there, and pytest-xdist runs none of them."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name != "QUIETLIST_TEST_SEED" and not name.startswith(("PYTEST_", "COV_"))
    }
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "tests/gate/test_volumes.py", "-k", "random_histories"]
    done = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
