"""Work in a child process that is killed at a chosen call into the system: every step of writing is such a call."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from types import FrameType


def killed_after(work: Callable[[], object], calls: int, counted: tuple[str, ...]) -> bool:
    """Do the work in a child that kills itself at so many calls from these files into the system; whether it came so far.

    Args:
        counted: parts of the paths of the files whose calls count.
    """
    child = os.fork()
    if child == 0:
        left = calls

        def count(frame: FrameType, event: str, _: object) -> None:
            nonlocal left
            if event == "c_call" and any(part in frame.f_code.co_filename for part in counted):
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.setprofile(count)
        work()
        sys.setprofile(None)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)
