"""A real Redis server that a test starts itself."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_STARTS_WITHIN = 30  # seconds; it takes a tenth of one on an idle machine


@contextmanager
def redis_server(*more: str) -> Iterator[str]:
    """URL of an empty Redis server on a unix socket in a temporary folder; gone afterwards.

    Args:
        more: its own options, such as ``--requirepass`` and a word.
    """
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        pytest.skip("no Redis server on this machine: apt-get install redis-server")
    redis = pytest.importorskip("redis", reason="the client of Redis is not installed (pip install 'quietlist[redis]')")
    folder = Path(tempfile.mkdtemp(prefix="ql-redis-", dir="/tmp"))  # a socket's path may be 107 bytes: pytest's own is too long
    socket = folder / "socket"
    running = [program, "--port", "0", "--unixsocket", str(socket), "--dir", str(folder), "--save", "", *more]
    try:
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(running, stdout=log, stderr=log)
        try:
            ends = time.monotonic() + _STARTS_WITHIN
            while True:
                try:
                    with redis.Redis(unix_socket_path=str(socket)) as client:
                        client.ping()
                    break
                except redis.AuthenticationError:
                    break  # it is up, and wants its password
                except redis.ConnectionError:
                    assert process.poll() is None and time.monotonic() < ends, (folder / "log").read_text()[-2_000:]
                    time.sleep(0.05)
            yield f"unix://{socket}"
        finally:
            process.kill()
            process.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
