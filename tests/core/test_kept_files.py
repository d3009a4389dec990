"""A file that something else wrote becomes its owner's alone, and gets its name only as a whole."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from orchestration.core import files
from orchestration.core.files import keep_file, put_in_place


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What reaches the disk, in its order: the inode of each file or folder that is synced, and each rename."""
    told: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def synced(handle: int) -> None:
        told.append(f"sync {os.fstat(handle).st_ino}")
        fsync(handle)

    def renamed(path: Path, target: Path) -> Path:
        told.append("rename")
        return replace(path, target)

    monkeypatch.setattr(files.os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", renamed)
    return told


def written(path: Path, text: str) -> int:
    """The file as DuckDB makes it under a usual umask; its inode."""
    path.write_text(text)
    path.chmod(0o644)
    return path.stat().st_ino


def test_a_kept_file_is_private_and_on_the_disk(tmp_path: Path, calls: list[str]) -> None:
    number = written(tmp_path / "rows", "text")
    keep_file(tmp_path / "rows")
    assert stat.S_IMODE((tmp_path / "rows").stat().st_mode) == 0o600
    assert calls == [f"sync {number}"], "the file itself"


def test_a_file_gets_its_name_after_its_bytes_are_safe_and_the_name_is_made_safe_too(tmp_path: Path, calls: list[str]) -> None:
    written(tmp_path / "rows", "old")
    number = written(tmp_path / ".rows.part", "new")
    put_in_place(tmp_path / ".rows.part", tmp_path / "rows")
    assert calls == [f"sync {number}", "rename", f"sync {tmp_path.stat().st_ino}"]
    assert [path.name for path in tmp_path.iterdir()] == ["rows"] and (tmp_path / "rows").read_text() == "new"
    assert stat.S_IMODE((tmp_path / "rows").stat().st_mode) == 0o600
