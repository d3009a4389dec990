"""A real PostgreSQL server that a test starts itself."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


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


@contextmanager
def postgres_server() -> Iterator[str]:
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
