"""A world and its home, shared by the tests of faults."""

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
