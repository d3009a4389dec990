"""Letting a group of this machine read the golden rows and the pointer that leads to them, and nothing else of the home.

The rows' manifest, the evidence for releases and the exported evidence stay their owner's: what a reader needs is named by
``latest.json``. The home itself and ``published/`` can then be passed through by the group, not listed, so everything else that
lies in the home must be closed on its own.
"""

from __future__ import annotations

import grp
import os
import stat
from pathlib import Path

from orchestration.core.errors import ConfigError
from orchestration.core.home import PRIVATE_FOLDER, Home
from orchestration.publish.versions import LATEST, latest_version, version_folder

PASSED_THROUGH = 0o710
LISTED = 0o750
READ = 0o640


def group_id(name: str) -> int | None:
    """The group's number; None when there is none."""
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return None


def group_problems(group: str | None) -> list[str]:
    """Why there is no letting this group in at all; nothing when there is, or none is configured."""
    if group is None:
        return []
    gid = group_id(group)
    if gid is None:
        return [f"publish.group: this machine has no group '{group}'; create it (groupadd {group}), or correct the name"]
    if os.geteuid() != 0 and gid not in (os.getegid(), *os.getgroups()):
        said = f"publish.group: the user that runs Quietlist is not in the group '{group}', so it cannot give it a file"
        return [f"{said}; add it (usermod -aG {group} USER), and start again"]
    return []


def open_places(home: Home, group: str | None) -> list[str]:
    """What else the group could read if it were let into the home, each with what closes it."""
    if group is None:
        return []
    return [
        f"publish.group: {path} would be open to the group '{group}'; chmod {0o700 if path.is_dir() else 0o600:o} {path}"
        for folder, way in ((home.root, home.published), (home.published, home.golden_published))
        for path in sorted(folder.iterdir() if folder.is_dir() else ())
        if path != way and not path.is_symlink() and stat.S_IMODE(path.stat().st_mode) & 0o077
    ]


def share(home: Home, group: str | None) -> list[str]:
    """Give the group the version in force, and close what it may not see again when none is configured any more.

    Called by the publisher, before the pointer leads to a version and after. Where something else lies open, the group is kept
    out of the whole home, and what it is is returned: that one file must not hold up what people asked for.

    Raises:
        ConfigError: there is no such group, or no letting it in.
    """
    if group is None:
        # Only what was opened here: a mode that somebody chose otherwise is theirs.
        if home.golden_published.is_dir() and stat.S_IMODE(home.golden_published.stat().st_mode) == LISTED:
            home.golden_published.chmod(PRIVATE_FOLDER)
        return []
    if problems := group_problems(group):
        raise ConfigError("Sharing the published rows", problems, next_step="correct these and run again; nothing was opened")
    if places := open_places(home, group):
        home.root.chmod(PRIVATE_FOLDER)
        return places
    gid = group_id(group)
    assert gid is not None
    for folder, mode in ((home.root, PASSED_THROUGH), (home.published, PASSED_THROUGH), (home.golden_published, LISTED)):
        _give(folder, gid, mode)
    pointer = home.golden_published / LATEST
    if pointer.is_file():
        _give(pointer, gid, READ)
    if (version := latest_version(home)) is not None:
        share_version(version_folder(home, version), gid)
    return []


def share_version(folder: Path, gid: int) -> None:
    """Give the group the rows of one version: those in the folder itself."""
    for file in folder.glob("*.parquet"):
        _give(file, gid, READ)
    _give(folder, gid, LISTED)


def _give(path: Path, gid: int, mode: int) -> None:
    found = path.stat()
    if found.st_gid != gid:
        os.chown(path, -1, gid)
    if stat.S_IMODE(found.st_mode) != mode:
        path.chmod(mode)
