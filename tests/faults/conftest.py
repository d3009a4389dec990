"""The long seeded forms of these tests run only when asked for: ``pytest -m slow tests/faults``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestration.faults.suite import base
from orchestration.faults.world import World

SEED = int(os.environ.get("QUIETLIST_SEED", "1"))


@pytest.fixture(scope="session")
def ready() -> Iterator[tuple[World, Path, int]]:
    """A world, its home after the first day, and its seed: made once, for it is a good part of what these tests cost."""
    with base(SEED) as (made, root):
        yield made, root, SEED


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "slow" in config.option.markexpr:
        return
    for item in items:
        if Path(__file__).parent in item.path.parents and item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.skip(reason="minutes long: ask for it with -m slow"))
