"""A home, rows as the engine hands them over, and a real PostgreSQL server that the tests start themselves."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from orchestration.core.home import Home
from orchestration.destinations.contract import Push

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
_MOMENT = pa.timestamp("us", tz="UTC")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.at(tmp_path / "home").create()


@pytest.fixture
def a_push() -> Push:
    return Push(version=7, run=3, as_of=NOON)


@pytest.fixture
def stream() -> Callable[..., pa.RecordBatchReader]:
    """Rows as a destination gets them: e-mail opt-outs of the whole company unless told otherwise."""

    def make(*rows: dict[str, Any]) -> pa.RecordBatchReader:
        full = [
            {
                "channel": "email", "identifier_type": "email", "scope": "*", "identifier_hash": f"hash of {row['identifier']}",
                "reason": "opt_out", "basis": "direct", "suppressed_since": datetime(2026, 2, 1, 8, 30, tzinfo=UTC),
                "last_requested_at": datetime(2026, 2, 1, 8, 30, tzinfo=UTC), "region": "US", "deciding_request_id": "request 1",
                "evidence_id": "opt-in 1", "evidence_kind": "opt_in", **row,
            }
            for row in rows
        ]  # fmt: skip
        names = list(full[0]) if full else ["identifier"]
        kinds = {name: _MOMENT if name in ("suppressed_since", "last_requested_at") else pa.string() for name in names}
        table = pa.table({name: pa.array([row[name] for row in full], kinds[name]) for name in names})
        return table.to_reader(max_chunksize=3)

    return make


def _postgres_programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


def _exists(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """URL of an empty PostgreSQL server on a unix socket in a temporary folder; gone afterwards."""
    programs = _postgres_programs()
    if programs is None:
        pytest.skip("no PostgreSQL server programs (initdb, pg_ctl) on this machine: apt-get install postgresql")
    as_user: list[str] = []
    folder = Path(tempfile.mkdtemp(prefix="ql-pg-", dir="/tmp"))  # a socket's path may be 107 bytes: pytest's own is too long
    if os.getuid() == 0:  # the server refuses to run as root
        somebody = next((name for name in ("postgres", "nobody") if _exists(name)), None)
        if somebody is None or not shutil.which("runuser"):
            pytest.skip("PostgreSQL does not run as root, and there is no runuser or nobody to become")
        as_user = ["runuser", "-u", somebody, "--"]
        shutil.chown(folder, somebody)

    def run(*command: str) -> None:
        subprocess.run([*as_user, *command], check=True, capture_output=True, cwd=folder, timeout=60)

    data = folder / "data"
    try:
        run(str(programs / "initdb"), "-D", str(data), "-U", "quietlist", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off -c max_connections=20"
        run(str(programs / "pg_ctl"), "-D", str(data), "-o", options, "-l", str(folder / "log"), "-w", "start")
        try:
            yield f"postgresql://quietlist@/postgres?host={folder}"
        finally:
            run(str(programs / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
