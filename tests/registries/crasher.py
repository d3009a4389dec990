"""Run in a process of its own: brings homes up to date, each killed at the durable step that is given before it.

Prints, for each home, whether the process was killed. The parent forks before it ever opens DuckDB.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from orchestration.core import numbers
from orchestration.core.home import Home
from orchestration.registries import engine, publishing, taking
from tests.registries.house import LATER, run

STEPS = (
    (numbers, ("sync_folder",)),
    (taking, ("sync_folder",)),
    (engine, ("take", "match_known", "files_by_registry", "publish_registry")),
    (publishing, ("write_numbers", "write_atomic", "sync_folder", "sha256_file", "latest_of")),
)


def run_and_die(home: Home, step: int) -> None:
    left = [step]

    def dying(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **kwargs)

        return call

    for module, names in STEPS:
        for name in names:
            setattr(module, name, dying(getattr(module, name)))
    Path.rename = dying(Path.rename)  # type: ignore[method-assign]
    run(home, LATER)


def main() -> None:
    for step, folder in zip(sys.argv[1::2], sys.argv[2::2], strict=True):
        child = os.fork()
        if child == 0:
            run_and_die(Home(Path(folder)), int(step))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print("killed" if os.WIFSIGNALED(status) else "done" if status == 0 else "failed", flush=True)


main()
