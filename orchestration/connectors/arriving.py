"""A file of another machine on its way into the inbox: a name that this machine can keep, and bytes that are whole and durable.

It lies there as if somebody had dropped it: its own name in its own folders. Another version of a file that nobody has read yet
is put beside it and never in its place, for a file may hold only what is new.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import re
import shutil
import tempfile
from pathlib import Path, PurePosixPath

from orchestration.connectors.contract import Arriving
from orchestration.core.errors import OutOfRoom
from orchestration.core.files import put_in_place, sha256_file, sha256_text, sync_folder
from orchestration.core.home import PRIVATE_FOLDER
from orchestration.core.room import NEXT_STEP, size

_RESERVE = 64 << 20  # what must stay free: landing keeps 32 MiB for its own lines, and the run writes beside this
_LONGEST_PART = 200  # bytes of a name or folder; file systems take 255, and a number may be put behind it
_LONGEST = 1_000  # bytes of all of it; systems take 4,096 with the folder before it
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\\]")  # a line feed would break a list of names; a backslash is a folder elsewhere


def keep_arriving(inbox: Path, arriving: Arriving, prefix: str) -> None:
    """Read the file into the source's folder of the inbox.

    Args:
        prefix: how its name begins until it is whole; with a dot, so that nobody takes it before.

    Raises:
        NotWhole: nothing of it was kept, and the part knows why.
        OutOfRoom: there is no room for it.
    """
    free = shutil.disk_usage(inbox).free
    if arriving.size + _RESERVE > free:
        raise OutOfRoom(
            "Fetching a file", seen=f"{size(arriving.size + _RESERVE)} needed, {size(free)} free", next_step=NEXT_STEP
        )
    digest = hashlib.sha256()
    handle, name = tempfile.mkstemp(prefix=prefix, suffix=".tmp", dir=inbox)
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            for chunk in arriving.read():
                digest.update(chunk)
                stream.write(chunk)
        if arriving.modified_at is not None:  # so that the same file, fetched again after a kill, is the same delivery
            moment = arriving.modified_at.timestamp()
            os.utime(part, (moment, moment))
        target = _place_for(inbox, safe_name(arriving.name), digest.hexdigest())
        _make_folders(inbox, target.parent)
        put_in_place(part, target)
    finally:
        part.unlink(missing_ok=True)


def safe_name(path: str) -> str:
    """A path below a folder, as this machine can keep it: no way out of the folder, no control characters, not too long."""
    parts = [_UNSAFE.sub("_", part) for part in path.split("/") if part not in ("", ".", "..")] or ["unnamed"]
    parts = [_shortened(part, path) for part in parts]
    if len(os.fsencode("/".join(parts))) > _LONGEST:
        parts = [_marked(path), parts[-1]]
    return "/".join(parts)


def _shortened(part: str, path: str) -> str:
    if len(os.fsencode(part)) <= _LONGEST_PART:
        return part
    ending = PurePosixPath(part).suffix
    ending = ending if len(os.fsencode(ending)) <= 16 else ""  # of a real kind of file; a longer one is a part of the name
    stem = os.fsencode(part)[: _LONGEST_PART - 32].decode("utf-8", "ignore")
    return f"{stem}_{_marked(path)}{ending}"


def _marked(path: str) -> str:
    """Letters that tell this path from others; no digits, which could pass for a date."""
    mark = sha256_text(path.encode("utf-8", "surrogateescape").hex())[:12]
    return mark.translate(str.maketrans("0123456789abcdef", "abcdefghijklmnop"))


def _place_for(inbox: Path, name: str, sha256: str) -> Path:
    """Where the file goes: its own name, or one with a number where another file, or a folder, is in its place."""
    for number in itertools.count(1):
        target = inbox / (name if number == 1 else _numbered(name, number))
        between = [folder for folder in target.parents if folder.is_relative_to(inbox) and folder != inbox]
        if any(folder.is_symlink() or (folder.exists() and not folder.is_dir()) for folder in between):
            continue
        if not os.path.lexists(target) or (target.is_file() and not target.is_symlink() and sha256_file(target) == sha256):
            return target
    raise AssertionError("numbers do not end")


def _numbered(name: str, number: int) -> str:
    """As a browser numbers a second copy, which says nothing about which list a file holds (``landing/names.py``)."""
    first, slash, rest = name.partition("/")
    if slash:
        return f"{first} ({number})/{rest}"
    path = PurePosixPath(name)
    return f"{path.stem} ({number}){path.suffix}"


def _make_folders(inbox: Path, folder: Path) -> None:
    for made in reversed([folder, *folder.parents]):
        if made.is_relative_to(inbox) and not made.is_dir():
            made.mkdir(mode=PRIVATE_FOLDER)
            sync_folder(made.parent)
