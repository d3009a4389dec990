"""A real MariaDB server that a test starts itself."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_PROGRAMS = ("/usr/sbin", "/usr/bin", "/usr/local/bin")
_STARTS_WITHIN = 60  # seconds; it takes three on an idle machine


def _program(*names: str) -> str | None:
    found = [shutil.which(name, path=":".join(_PROGRAMS)) for name in names]
    return next(filter(None, found), None)


@contextmanager
def mariadb_server() -> Iterator[str]:
    """URL of an empty database of a MariaDB server on a unix socket in a temporary folder; gone afterwards.

    The server's own collation is the one that Debian's has: it takes capitals, accents and blanks at the end for nothing.
    """
    server, install = _program("mariadbd", "mysqld"), _program("mariadb-install-db", "mysql_install_db")
    if server is None or install is None or _program("my_print_defaults") is None:
        pytest.skip(
            "no MariaDB server programs (mariadbd, mariadb-install-db): apt-get install mariadb-server-core mariadb-client-core"
        )
    pytest.importorskip("pymysql", reason="the driver for MariaDB is not installed (pip install 'quietlist[mariadb]')")
    import pymysql

    folder = Path(tempfile.mkdtemp(prefix="ql-my-", dir="/tmp"))  # a socket's path may be 107 bytes: pytest's own is too long
    data, socket = folder / "data", folder / "socket"
    try:
        common = ["--no-defaults", f"--datadir={data}", "--user=root"]
        making = [install, *common, "--auth-root-authentication-method=normal", "--skip-test-db"]
        subprocess.run(making, check=True, capture_output=True, timeout=120)
        running = [server, *common, f"--socket={socket}", "--skip-networking", f"--pid-file={folder / 'pid'}"]
        running += ["--innodb-flush-method=nosync", "--innodb-buffer-pool-size=64M", "--max-connections=40"]
        running += ["--character-set-server=utf8mb4", "--collation-server=utf8mb4_general_ci"]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(running, stdout=log, stderr=log)
        try:
            ends = time.monotonic() + _STARTS_WITHIN
            while True:
                try:
                    con = pymysql.connect(unix_socket=str(socket), user="root")
                    break
                except pymysql.err.OperationalError:
                    assert process.poll() is None and time.monotonic() < ends, (folder / "log").read_text()[-2_000:]
                    time.sleep(0.1)
            with con, con.cursor() as cursor:
                cursor.execute("create database lists character set latin1")  # what a table inherits if it says nothing
            yield f"mariadb://root@localhost/lists?unix_socket={socket}"
        finally:
            process.kill()
            process.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
