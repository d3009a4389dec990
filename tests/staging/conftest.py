"""A home whose warehouse has the raw tables and the policy seeds, for the tests that run the staging models."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from orchestration.core.config import Config, parse_config
from orchestration.core.home import CHECKOUT, Home
from orchestration.core.warehouse import warehouse
from orchestration.reconcile import stages
from tests.homes import with_policy

AS_OF = datetime(2026, 4, 1, tzinfo=UTC)
SAMPLES = CHECKOUT / "data" / "samples"


@pytest.fixture(scope="session")
def config() -> Config:
    """The demo's configuration."""
    path = SAMPLES / "quietlist.toml"
    return parse_config(path.read_text("utf-8"), path)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """An empty home, every table that a model reads made, every seed loaded."""
    place = with_policy(Home.at(tmp_path_factory.mktemp("staging") / "home"))
    with warehouse(place) as con:
        stages.prepare(con, place)
    yield place
