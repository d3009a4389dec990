"""When the parsed project is used again, and when it must not be: yesterday's models would read today's records wrongly."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from orchestration.reconcile import dbt


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The one model of a small project."""
    project = tmp_path / "project"
    path = project / "models" / "ledger" / "requests.sql"
    path.parent.mkdir(parents=True)
    path.write_text("select 1 as one\n")
    monkeypatch.setattr(dbt, "PROJECT", project)
    monkeypatch.setenv("QUIETLIST_CACHE", str(tmp_path / "cache"))
    return path


def test_a_model_that_was_written_again_is_another_model_even_if_it_is_as_long(model: Path) -> None:
    before, folder = dbt.models_hash(), dbt.manifest_folder()
    model.write_text("select 2 as one\n")
    os.utime(model, ns=(1, 1))  # a moment of its own, however coarse the clock of the file system is
    assert dbt.models_hash() != before, "the same number of letters"
    assert dbt.manifest_folder() != folder


def test_a_model_that_was_replaced_within_one_tick_is_another_model(model: Path) -> None:
    before, written = dbt.models_hash(), model.stat().st_mtime_ns
    other = model.with_name("other")
    other.write_text("select 2 as one\n")
    os.utime(other, ns=(written, written))
    other.replace(model)
    assert model.stat().st_mtime_ns == written, "the case is that the time says nothing"
    assert dbt.models_hash() != before


def test_a_model_that_moved_or_is_gone_changes_the_manifest(model: Path) -> None:
    before = dbt.manifest_folder()
    moved = model.rename(model.with_name("asked.sql"))
    renamed = dbt.manifest_folder()
    moved.unlink()
    assert len({before, renamed, dbt.manifest_folder()}) == 3


def test_the_feeds_that_a_process_knows_name_the_manifest_it_makes(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that began before a description changed knows the old feeds beside the new files."""
    monkeypatch.setattr(dbt, "model_vars", lambda: {"request_models": ["stg_one"], "snapshot_feeds": []})
    old = dbt.manifest_folder()
    monkeypatch.setattr(dbt, "model_vars", lambda: {"request_models": ["stg_one"], "snapshot_feeds": ["one__rows"]})
    assert dbt.manifest_folder() != old


def test_the_same_files_and_feeds_are_parsed_once(model: Path) -> None:
    folder = dbt.manifest_folder()
    os.utime(model, ns=(1, 1))
    assert dbt.manifest_folder() == folder, "only its time changed"
