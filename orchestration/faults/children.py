"""Runs in processes of their own, for faults that are about the process: killed, without room on the disk, two at once.

The processes are forked from a server that has imported everything and opened nothing (``multiprocessing``'s forkserver), so
each costs a fraction of a second and none inherits a thread or an open database.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from orchestration.core.config import load_config
from orchestration.core.home import Home
from orchestration.faults.pipeline import STOPPED, Ran, run_stages, run_whole, steps

_FORKS = multiprocessing.get_context("forkserver")
# The gate's engine and Dagster's definitions import what takes seconds; nothing is opened by importing them.
_FORKS.set_forkserver_preload(["orchestration.faults.pipeline", "orchestration.gate.engine", "orchestration.definitions"])
_PAGE = 4096  # bytes: what a file takes at least on a tmpfs
_SECONDS = 1800.0  # a run takes ten, on a busy machine many times that; one that takes this long hangs
# What a process asks of the system in Python; DuckDB's own writes are met by the kills at a random time.
_COUNTED = ("open", "os.", "fcntl.", "shutil.", "tempfile.", "sqlite3.")


class _Child:
    """A process and what it says."""

    def __init__(self, target: Callable[..., None], *arguments: Any) -> None:
        self._mouth, mouth = _FORKS.Pipe(duplex=False)
        self.process = _FORKS.Process(target=target, args=(mouth, *arguments), daemon=True)
        self.process.start()
        mouth.close()

    def hear(self) -> Any:
        """The next thing it says; None when it died without a word."""
        if not self._mouth.poll(_SECONDS):
            self.process.kill()
            raise AssertionError(f"a run said nothing for {_SECONDS:g} seconds")
        try:
            return self._mouth.recv()
        except EOFError:
            return None

    def end(self) -> None:
        self.process.join()
        self._mouth.close()


def _answer(child: _Child) -> Ran:
    ran = child.hear()
    child.end()
    return ran if isinstance(ran, Ran) else Ran(STOPPED, ["the process died without a word"])


def run_with_full_disk(root: Path, as_of: datetime, most_bytes: int) -> Ran:
    """A run in which no file may grow past ``most_bytes``."""
    return _answer(_Child(_full_disk, root, as_of, most_bytes))


def _full_disk(mouth: Connection, root: Path, as_of: datetime, most_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))
    mouth.send(run_stages(Home(root), as_of))


def may_mount() -> str:
    """Why no small file system can be mounted here; nothing when one can."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        return "only root may mount one, with mount(8)"
    with tempfile.TemporaryDirectory() as folder:
        tried = _mount(Path(folder), 1 << 20)
        if tried.returncode == 0:
            _unmount(Path(folder))
    return tried.stderr.strip()


@contextmanager
def small_disk(folder: Path, room: int) -> Iterator[None]:
    """A folder on a file system of its own, with so many bytes left beside what is in it; afterwards as it was left."""
    aside = folder.with_name(f"{folder.name}.aside")
    folder.rename(aside)
    folder.mkdir(mode=0o700)
    pages = sum(-(-max(path.lstat().st_size, 1) // _PAGE) for path in aside.rglob("*"))
    mounted = _mount(folder, pages * _PAGE + room)
    if mounted.returncode != 0:
        raise AssertionError(f"no small file system could be mounted: {mounted.stderr}")
    try:
        shutil.copytree(aside, folder, dirs_exist_ok=True)
        yield
        shutil.rmtree(aside)
        shutil.copytree(folder, aside)
    finally:
        _unmount(folder)
        folder.rmdir()
        aside.rename(folder)


def run_on_small_disk(root: Path, as_of: datetime, room: int) -> Ran:
    """A run of a home that lies on such a file system."""
    with small_disk(root, room):
        return _answer(_Child(_staged, root, as_of))


def _mount(folder: Path, size: int) -> subprocess.CompletedProcess[str]:
    options = f"size={size},mode=700"
    command = [_program("mount"), "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  two programs and folders of ours


def _unmount(folder: Path) -> None:
    subprocess.run([_program("umount"), str(folder)], capture_output=True, check=True)  # noqa: S603


def _program(name: str) -> str:
    return shutil.which(name) or name


def _staged(mouth: Connection, root: Path, as_of: datetime) -> None:
    os.environ["QUIETLIST_HOME"] = str(root)  # as the command sets it
    mouth.send(run_stages(Home(root), as_of))


def run_two(root: Path, as_of: datetime) -> list[Ran]:
    """The daily job, started twice at once."""
    children = [_Child(_whole, root, as_of) for _ in range(2)]
    return [_answer(child) for child in children]


def _whole(mouth: Connection, root: Path, as_of: datetime) -> None:
    mouth.send(run_whole(Home(root), as_of))


@dataclass(frozen=True)
class Moment:
    """When a run is killed: in which step, and there at the n-th call to the system, else after so many seconds."""

    step: str
    call: int = 0
    seconds: float = 0.0


def rehearse(root: Path, as_of: datetime) -> dict[str, tuple[int, float]]:
    """A whole run that nobody kills: per step its calls to the system and its seconds."""
    child = _Child(_steps, root, as_of, None)
    measured = {}
    while (said := child.hear()) is not None:
        _, step, calls, seconds = said
        measured[step] = calls, seconds
    child.end()
    return measured


def run_and_kill(root: Path, as_of: datetime, moment: Moment) -> bool:
    """A run that dies by SIGKILL at that moment.

    Returns:
        False when it ended before: there was nothing to do at that step.
    """
    child = _Child(_steps, root, as_of, moment)
    while (said := child.hear()) is not None:
        if said == ("at", moment.step) and not moment.call:
            time.sleep(moment.seconds)
            child.process.kill()
    child.end()
    return child.process.exitcode == -signal.SIGKILL


def _steps(mouth: Connection, root: Path, as_of: datetime, moment: Moment | None) -> None:
    calls = 0
    deadly = 0

    def count(event: str, _: object) -> None:
        nonlocal calls
        if event.startswith(_COUNTED):
            calls += 1
            if calls == deadly:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    ran = Ran()
    home = Home(root)
    for name, step in steps(home, load_config(home), as_of, ran):
        here = moment is not None and name == moment.step
        calls, deadly = 0, moment.call if moment and here else 0
        if here:
            mouth.send(("at", name))
        began = time.monotonic()
        step()
        if moment is None:
            mouth.send(("done", name, calls, time.monotonic() - began))
        elif here:
            # It was faster than in rehearsal: it dies at its end all the same.
            if moment.call:
                os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(_SECONDS)
