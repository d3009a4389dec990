"""The lock of a file, against another process that holds it, lets go of it, or dies with it."""

from __future__ import annotations

import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestration.core.lock import locked

_HOLDER = """
import sys, time
from pathlib import Path
from orchestration.core.lock import locked
with locked(Path(sys.argv[1])) as got:
    print(got, flush=True)
    sys.stdin.readline()
print("let go", flush=True)
time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", _HOLDER, str(tmp_path / ".lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "True\n"
        yield process
        process.kill()


def test_nobody_else_has_it(tmp_path: Path) -> None:
    for _ in range(2):
        with locked(tmp_path / ".lock") as got:
            assert got
    assert stat.S_IMODE((tmp_path / ".lock").stat().st_mode) == 0o600


def test_a_lock_that_another_holds_is_refused_at_once_or_after_the_wait(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    for seconds in (0.0, 0.5):
        began = time.monotonic()
        with locked(tmp_path / ".lock", seconds) as got:
            assert not got, seconds
        assert time.monotonic() - began >= seconds, seconds


def test_it_is_free_while_its_process_lives_on_once_the_block_has_ended(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    assert holder.stdin is not None and holder.stdout is not None
    holder.stdin.write("\n")
    holder.stdin.flush()
    assert holder.stdout.readline() == "let go\n" and holder.poll() is None
    with locked(tmp_path / ".lock") as got:
        assert got


@pytest.mark.parametrize("seconds", [30.0, None])
def test_it_is_free_when_its_process_is_killed(tmp_path: Path, holder: subprocess.Popen[str], seconds: float | None) -> None:
    holder.send_signal(signal.SIGKILL)
    with locked(tmp_path / ".lock", seconds) as got:
        assert got, seconds
