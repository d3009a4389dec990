"""Which requests a system may be sent: a method and a path template each. Everything else is refused before it leaves.

A vendor's interface has destructive neighbours one typo away: the path that removes one address clears the whole list when
the address is empty. So a call is declared, and its path is filled in here and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from orchestration.core.errors import PermanentError

_DOTS = " .\t\r\n"


@dataclass(frozen=True)
class Call:
    """One permitted request of an HTTP system: a method and a path template such as ``/lists/{list}/members``.

    ``{+name}`` takes a path within it, such as the key of a file with its folders; everything else is one step of the path.
    """

    method: str
    path: str
    action: str = ""
    """What is asked for, where an interface has one path for everything: it is part of what is permitted."""

    def __str__(self) -> str:
        return f"{self.method} {self.path}" + (f" ({self.action})" if self.action else "")

    def matches(self, path: str) -> bool:
        """Whether ``path`` is this call's, filled in; no part of it may be empty."""
        steps = re.sub(r"\\{\\\+\w+\\}", ".+", re.escape(self.path))
        return re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", steps), path) is not None


def request_path(system: str, calls: Collection[Call], call: Call, parts: Mapping[str, str]) -> str:
    """The path of a permitted request, its parts percent-encoded.

    An empty part is the classic way to clear a whole list (``DELETE /unsubscribes/``), and ``..`` climbs to its
    parent, so both are refused like an unlisted call.

    Raises:
        PermanentError: the call is none of ``calls``, or a part is missing, left over, blank or dots.
    """
    if call not in calls:
        raise PermanentError(
            f"Asking {system} for {call}",
            seen="a request that its module does not declare",
            allowed=", ".join(map(str, calls)) or "no requests at all",
            next_step="add it to FACTS.calls only after reading what it can destroy",
        )
    paths = set(re.findall(r"{\+(\w+)}", call.path))
    needed = set(re.findall(r"{(\w+)}", call.path)) | paths
    steps = {name: value.split("/") if name in paths else [value] for name, value in parts.items()}
    empty = {name for name, some in steps.items() if not all(step.strip(_DOTS) for step in some)}
    bad = sorted(needed ^ set(parts)) + sorted(empty)
    if bad:
        raise PermanentError(
            f"Asking {system} for {call}",
            seen=f"no usable value for {', '.join(bad)}",
            allowed="exactly the named parts, none of them empty or only dots",
            next_step="nothing was sent; correct the caller",
        )
    filled = {name: quote(value, safe="/" if name in paths else "", errors="surrogateescape") for name, value in parts.items()}
    return re.sub(r"{\+?(\w+)}", lambda found: filled[found[1]], call.path)
