"""The homes that these tests look at, and a pack made of one."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from orchestration.core.config import load_config
from orchestration.core.home import Home
from orchestration.pack.asked import asked
from orchestration.pack.making import Made, make_pack
from tests.evidence.houses import AS_OF, build_house, empty_home, house, own_house  # noqa: F401

FROM, TO = "2026-10-01", "2026-11-24"


def made(home: Home, out: Path | None, **question: object) -> Made:
    """A pack of eight weeks, unless the question says otherwise."""
    config = load_config(home)
    options: dict[str, object] = {"start": FROM, "end": TO, **question}
    return make_pack(home, config, asked(config, **options), AS_OF + timedelta(hours=1), out)


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A masked pack. Tests only read it."""
    root = tmp_path_factory.mktemp("pack")
    return made(build_house(root / "home", people=120), root / "pack")


@pytest.fixture
def pack(written: Made, tmp_path: Path) -> Path:
    """A copy of its folder, for tests that change something."""
    return shutil.copytree(written.folder, tmp_path / "pack")
