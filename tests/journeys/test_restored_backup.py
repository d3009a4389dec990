"""What docs/deployment.md names for a backup is enough: a home made of nothing else runs, proves, and suppresses the same.

Always: it holds the whole chain of evidence, with every byte that landed. That its tables are the same again, of which
test_whole_job.py asks a rebuild, is run in the long form.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import duckdb

from orchestration.core.home import CHECKOUT
from tests.journeys.home import first_run, quietlist, version_folder


def named_in_the_page() -> list[str]:
    """The first column of the table of backups."""
    text = (CHECKOUT / "docs" / "deployment.md").read_text(encoding="utf-8")
    table = text.partition("## Backups")[2].partition("## Upgrading")[0]
    return [name for row in re.findall(r"(?m)^\| (`.+?) \|", table) for name in re.findall(r"`([^`]+)`", row)]


def rows(home: Path) -> list[tuple[object, ...]]:
    file = version_folder(home) / "*.parquet"
    asked = "select channel, identifier, scope, reason, suppressed_since from read_parquet(?) order by all"
    return duckdb.execute(asked, [str(file)]).fetchall()


def test_a_home_made_of_its_backup_runs_and_proves(tmp_path: Path, in_long_form: bool) -> None:
    home, restored = first_run(tmp_path / "home"), tmp_path / "restored"
    before = rows(home)
    names = named_in_the_page()
    assert "landing/" in names and "home.key" in names and "outbox/" in names, names
    restored.mkdir(mode=0o700)
    for name in names:
        for path in home.glob(name.rstrip("/")):
            there = restored / path.relative_to(home)
            there.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            shutil.copytree(path, there) if path.is_dir() else shutil.copy2(path, there)
    assert not (restored / "warehouse" / "warehouse.duckdb").exists(), "the tables are not in the backup"
    assert before and rows(restored) == before, "what is in force is"
    if in_long_form:
        ran = quietlist(restored, "run")
        assert ran.returncode in (0, 1), ran.stdout + ran.stderr
        assert rows(restored) == before
    proved = quietlist(restored, "verify")
    assert proved.returncode == 0, proved.stdout + proved.stderr
