"""What every test needs before anything of the project is imported: no telemetry, no home but the test's own."""

from __future__ import annotations

import os
import random
import tempfile
from pathlib import Path

import pytest

# Where it is set, as images of containers have it, each process that a test starts would compile all of the product anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ.update(
    DAGSTER_DISABLE_TELEMETRY="1",
    DBT_SEND_ANONYMOUS_USAGE_STATS="false",
    DO_NOT_TRACK="1",
    GX_ANALYTICS_ENABLED="false",
    # A test that forgets to name a home must not find somebody's real one.
    QUIETLIST_HOME=str(Path(tempfile.gettempdir()) / "quietlist-tests-without-a-home"),
)
# Drawn before the processes that share the tests begin: each must collect the same cases, and some are named by their seed.
os.environ.setdefault("QUIETLIST_TEST_SEED", str(random.SystemRandom().randrange(2**32)))


@pytest.fixture(scope="session")
def in_long_form(pytestconfig: pytest.Config) -> bool:
    """Whether the long forms were asked for: then a story also ends with what costs as much as all of it, such as a rebuild."""
    return "slow" in pytestconfig.option.markexpr


def pytest_make_parametrize_id(val: object) -> str | None:
    """Bytes are named by their length: the processes that share the tests must call each by one name, and an archive that
    is made while the tests are collected holds the time.
    """
    return f"{len(val)} bytes" if isinstance(val, bytes) else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The long seeded forms run only when asked for: ``make test-all``, or ``pytest -m slow`` and a folder."""
    for item in items:
        if not item.get_closest_marker("slow"):
            continue
        if "slow" not in config.option.markexpr:
            item.add_marker(pytest.mark.skip(reason="minutes long: ask for it with -m slow"))
        elif not item.get_closest_marker("timeout"):
            # Ten minutes are enough on two quiet cores, and not beside other work: a form that hangs is found after an hour too.
            item.add_marker(pytest.mark.timeout(3600))
