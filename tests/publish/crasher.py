"""Run in a process of its own: publishes once per home given, and is killed at the n-th durable step of the n-th home.

Prints, for each home, whether the process was killed. The parent forks before it ever opens DuckDB.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from orchestration.core.home import Home
from orchestration.publish import publishing

STEPS = ("write_parquet", "write_atomic", "sync_folder", "sha256_file", "record")


def publish_and_die(home: Home, as_of: datetime, step: int) -> None:
    left = [step]

    def dying(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **kwargs)

        return call

    for name in STEPS:
        setattr(publishing, name, dying(getattr(publishing, name)))
    Path.rename = dying(Path.rename)  # type: ignore[method-assign]
    publishing.publish(home, as_of)


def main() -> None:
    as_of = datetime.fromisoformat(sys.argv[1])
    for step, folder in enumerate(sys.argv[2:], 1):
        child = os.fork()
        if child == 0:
            publish_and_die(Home(Path(folder)), as_of, step)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print("killed" if os.WIFSIGNALED(status) else "done" if status == 0 else "failed", flush=True)


main()
