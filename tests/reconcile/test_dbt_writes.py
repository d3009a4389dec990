"""Where dbt writes: into the home and the cache, never into the project, which belongs to root where the package is installed."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestration.core.config import parse_config
from orchestration.core.home import Home
from orchestration.reconcile import dbt


def test_the_project_stays_as_it_was_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = tmp_path / "installed"
    shutil.copytree(dbt.PROJECT, project, ignore=shutil.ignore_patterns("target", "logs"))
    monkeypatch.setattr(dbt, "PROJECT", project)
    monkeypatch.setattr(dbt, "_loaded", {})
    monkeypatch.setenv("QUIETLIST_CACHE", str(tmp_path / "cache"))
    before = sorted(project.rglob("*"))
    home = Home.at(tmp_path / "home").create()
    config = parse_config('[company]\nname = "Acme"\n', home.config_file)
    assert dbt.ensure_manifest().is_relative_to(tmp_path / "cache"), "the parsed project lies in the cache"
    results = dbt.build_seeds(home, config, datetime(2026, 4, 1, tzinfo=UTC), home.warehouse_file)
    assert results and all(result.ok for result in results), [result.message for result in results if not result.ok]
    assert sorted(project.rglob("*")) == before, f"dbt made {set(project.rglob('*')) - set(before)} in the project"
