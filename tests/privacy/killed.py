"""Killing a process of our own at one durable step after the other."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from orchestration.core import files


def die_at(step: int, act: Callable[[], object]) -> bool:
    """Whether ``act``, in a process of its own, was killed at its ``step``-th durable step."""
    child = os.fork()
    if child == 0:
        left = [step]

        def dying(function: Callable[..., Any]) -> Callable[..., Any]:
            def call(*args: Any, **kwargs: Any) -> Any:
                left[0] -= 1
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return function(*args, **kwargs)

            return call

        os.fsync, os.link = dying(os.fsync), dying(os.link)
        Path.replace, Path.chmod, Path.unlink = dying(Path.replace), dying(Path.chmod), dying(Path.unlink)  # type: ignore[method-assign]
        files.sync_folder = dying(files.sync_folder)
        try:
            act()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)
