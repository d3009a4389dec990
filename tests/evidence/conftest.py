"""The homes that these tests look at."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from orchestration.core.home import Home
from tests.evidence.houses import CONFIG, build_house


@pytest.fixture
def empty_home(tmp_path: Path) -> Home:
    """A home with a configuration and nothing else."""
    home = Home.at(tmp_path / "home")
    home.root.mkdir(mode=0o700)
    home.config_file.write_text(CONFIG, encoding="utf-8")
    return home


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home in which everything has happened once. Tests only read it."""
    return build_house(tmp_path_factory.mktemp("house") / "home", people=400)


@pytest.fixture
def own_house(house: Home, tmp_path: Path) -> Home:
    """A copy of it, for tests that break something."""
    shutil.copytree(house.root, tmp_path / "home")
    return Home.at(tmp_path / "home")
