"""Writing files so that a reader, or a crash, never sees half of one."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import tempfile
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from orchestration.core.home import PRIVATE_FILE, PRIVATE_FOLDER

_CHUNK = 1 << 20  # 1 MiB: past it, larger reads made hashing no faster


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's bytes, hex, read in chunks."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def whole_lines(path: Path) -> list[bytes]:
    """The lines of an append-only log, without their ends; none when there is no file. An unfinished last line is not there yet.

    Split where their writers end them, at the line feed alone: ``str.splitlines`` also splits at U+0085, U+2028 and U+2029, which
    JSON leaves as they are in a name or a reason. And the whole file, for nothing bounds how long a line is.
    """
    return path.read_bytes().split(b"\n")[:-1] if path.is_file() else []


def flush_to_disk(stream: IO[bytes]) -> None:
    """Let what was written to ``stream`` survive a power cut; a new file also needs its place in the folder."""
    stream.flush()
    os.fsync(stream.fileno())


def sync_folder(folder: Path) -> None:
    """Make a rename or a new entry in ``folder`` survive a power cut."""
    _sync(folder)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def keep_file(path: Path) -> None:
    """Make a file that something else wrote its owner's alone, and let it survive a power cut; not yet its place in the folder.

    Until here only the folder that it lies in hides it: DuckDB and copying make a file as the umask says.
    """
    path.chmod(PRIVATE_FILE)
    _sync(path)


def put_in_place(part: Path, path: Path) -> None:
    """Give a file that was written under another name its own, so that nobody ever meets half of it."""
    keep_file(part)
    part.replace(path)
    sync_folder(path.parent)


def write_atomic(path: Path, data: bytes | str, *, modified_at: datetime | None = None, group: int | None = None) -> None:
    """Write a whole file: temporary name in the same folder, fsync, rename, fsync of the folder. Mode 0600.

    Args:
        modified_at: when the file shall say it was last written, if not now.
        group: the number of a group that may read it too, with mode 0640.
    """
    payload = data.encode() if isinstance(data, str) else data
    path.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(payload)
            flush_to_disk(stream)
        if group is not None:
            os.chown(name, -1, group)
        Path(name).chmod(PRIVATE_FILE if group is None else PRIVATE_FILE | stat.S_IRGRP)
        if modified_at is not None:
            os.utime(name, (modified_at.timestamp(), modified_at.timestamp()))
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def canonical_json(value: Any) -> str:
    """One text per value: sorted keys, no spaces, so that its hash means something."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


def sha256_text(text: str) -> str:
    return sha256_bytes(text.encode())


def sha256_bytes(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def one_file(path: object) -> str:
    """The path for DuckDB, which takes ``*``, ``?`` and ``[`` for patterns and would read other files than this one."""
    return re.sub(r"([*?\[])", r"[\1]", str(path))
