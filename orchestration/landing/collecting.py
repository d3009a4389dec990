"""Taking files from the inbox into landing: bytes unchanged, one manifest line each, nothing lost at a crash anywhere.

The order per file is the safety: copy to a temporary name in landing and fsync; rename to the content's hash; append the
manifest line and fsync; only then remove the file from the inbox. What is in a file is not looked at here.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from orchestration.core import chain
from orchestration.core.clock import is_ahead
from orchestration.core.config import Config, Source
from orchestration.core.errors import Busy, ConfigError, TransientError, kind_of
from orchestration.core.files import sha256_text, sync_folder
from orchestration.core.home import PRIVATE_FILE, PRIVATE_FOLDER, Home
from orchestration.landing import sealing
from orchestration.landing.archives import JUNK, clear_unpacked, inspect_landed, landed_path
from orchestration.landing.manifest import GENESIS, Entry, Settings, append, delivery_links, mend, read_manifest

_CHUNK = 1 << 20
_EPOCH = datetime.fromtimestamp(0, UTC)
# Names that browsers, SFTP servers and rsync give a file until it is whole.
_TEMPORARY_ENDINGS = (".part", ".tmp", ".crdownload", ".filepart", "~")
_SOURCE_NAME = re.compile(r"^[a-z][a-z0-9_]{0,62}$")
# Kept in empty folders by version control, or left by file managers: never data.
_PLACEHOLDERS = JUNK | {".gitkeep", ".keep"}
_LEFT_IN_INBOX = {
    "files_in_unknown_folders": "files wait in the inbox where no source is configured; move them, or add their source",
    "still_written": "files were still being written and wait for the next run",
    "not_files": "entries of the inbox are no regular files (links, sockets) and were left there",
}


@dataclass(frozen=True)
class Collected:
    """What one run found in the inbox, in counts and names of folders only."""

    taken: int = 0
    bytes_taken: int = 0
    members: int = 0
    delivered_again: int = 0
    """Bytes that this source has delivered before. Recorded all the same: what a repetition means is the register's."""
    still_written: int = 0
    unreadable: int = 0
    """Archives, or files inside them, that can't be opened; they are landed and listed with their reason."""
    skipped_members: int = 0
    """Files that a file manager or an archiver left inside archives."""
    unknown_folders: dict[str, int] = field(default_factory=dict)
    """Files left in place because no source is configured for their folder. Key '': directly in the inbox."""
    not_files: int = 0
    """Symbolic links, sockets and the like, left in place."""

    def counts(self) -> dict[str, int]:
        """For run metadata: no names at all."""
        return {
            "taken": self.taken,
            "bytes_taken": self.bytes_taken,
            "members": self.members,
            "delivered_again": self.delivered_again,
            "still_written": self.still_written,
            "unreadable": self.unreadable,
            "skipped_members": self.skipped_members,
            "unknown_folders": len(self.unknown_folders),
            "files_in_unknown_folders": sum(self.unknown_folders.values()),
            "not_files": self.not_files,
        }

    def sentences(self) -> list[str]:
        """What a person should read, the unusual only after what was done."""
        said = [f"{self.taken} files taken, {self.delivered_again} delivered again with the same bytes."]
        for folder, files in sorted(self.unknown_folders.items()):
            # These sentences are logged: a folder is named when a source could be, not when somebody named it after a person.
            name = folder if _SOURCE_NAME.match(folder) else "NAME"
            where = (
                f"inbox/{name}/, for which no source is configured" if folder else "directly in inbox/, not in a source's folder"
            )
            said.append(f"{files} files left in place: {where}. Next step: move them or add [sources.{name}].")
        if self.still_written:
            said.append(f"{self.still_written} files are still being written and wait for the next run.")
        if self.unreadable:
            said.append(f"{self.unreadable} archives or files in them can't be opened; see quietlist quarantine for the reasons.")
        if self.not_files:
            said.append(f"{self.not_files} entries of the inbox are not regular files and were left in place.")
        return said


def left_in_inbox(counts: Mapping[str, Any]) -> list[str]:
    """What collecting left where it was, in sentences: each may hold opt-outs, and nobody has read it."""
    return [f"{counts[name]} {said}." for name, said in _LEFT_IN_INBOX.items() if counts.get(name)]


@dataclass(frozen=True)
class Waiting:
    """What lies ready in the inbox, for a sensor: the key changes exactly when a ready file does."""

    files: int
    still_written: int
    key: str


@dataclass(frozen=True)
class _Candidate:
    path: Path
    source: str
    name: str
    state: tuple[int, int, int]
    """Inode, size and time of change: what must not move while the file is taken."""

    @property
    def modified_at(self) -> datetime:
        """When the file says it was last written, to the microsecond, UTC."""
        return _EPOCH + timedelta(microseconds=self.state[2] // 1_000)  # exact, as a float of seconds is not


@dataclass
class _Scan:
    candidates: list[_Candidate] = field(default_factory=list)
    still_written: int = 0
    unknown: dict[str, int] = field(default_factory=dict)
    not_files: int = 0


def collect(home: Home, config: Config, as_of: datetime) -> Collected:
    """Take every file that has come to rest in a source's inbox folder.

    Args:
        as_of: the moment of the run, which becomes ``received_at`` of what it takes.

    Raises:
        ConfigError: ``as_of`` lies before an earlier delivery, so the order of arrival would be false.
        PermanentError: the manifest's chain is broken.
        Busy: another process is collecting.
    """
    home.create()
    with _collecting_alone(home):
        mend(home)
        entries = read_manifest(home)
        _require_later(home, entries, as_of)
        for leftover in home.landing.glob(f"{sealing.INCOMING}*"):
            leftover.unlink()  # a killed run's unfinished copy; its original is still in the inbox
        clear_unpacked(home)  # decrypted by a process that was killed
        sealing.migrate(home, config)
        scan = _scan(home, config)
        ready = _settled(scan.candidates, config.limits.settle_seconds)
        landing = _Landing(home, config, as_of, entries)
        changed = sum(not landing.take(candidate) for candidate in ready)
        chain.record(home, *delivery_links(home))
        return Collected(
            taken=landing.taken,
            bytes_taken=landing.bytes_taken,
            members=landing.members,
            delivered_again=landing.again,
            still_written=scan.still_written + len(scan.candidates) - len(ready) + changed,
            unreadable=landing.unreadable,
            skipped_members=landing.junk,
            unknown_folders=scan.unknown,
            not_files=scan.not_files,
        )


def waiting_batch(home: Home, config: Config) -> Waiting:
    """What a run would take now, without waiting and without taking it."""
    scan = _scan(home, config)
    now = time.time()
    ready = [item for item in scan.candidates if not _is_young(item, now, config.limits.settle_seconds)]
    facts = sorted(f"{item.source}/{item.name}:{item.state}" for item in ready)
    return Waiting(len(ready), scan.still_written + len(scan.candidates) - len(ready), sha256_text("\n".join(facts)))


class _Landing:
    """The writing side of one run: what is known already, and the counts so far."""

    def __init__(self, home: Home, config: Config, as_of: datetime, entries: tuple[Entry, ...]) -> None:
        self._home, self._config, self._as_of = home, config, as_of
        self._known = {(entry.source, entry.sha256) for entry in entries}
        self._last = self._at_start = entries[-1] if entries else None
        self.taken = self.bytes_taken = self.members = self.again = self.unreadable = self.junk = 0

    def take(self, item: _Candidate) -> bool:
        """Land one file and remove it from the inbox.

        Returns:
            False when it changed meanwhile: it is still being written, and was left alone.
        """
        temporary, sha256, size = self._copy(item)
        try:
            if _state(item.path) != item.state or size != item.state[1]:
                return False
            # Also when the bytes are known: a delivery repeated on purpose mends a landing that lost or damaged them.
            self._place(temporary, sha256)
            if not self._is_recorded(item, sha256):
                self._record(item, sha256, size)
        finally:
            temporary.unlink(missing_ok=True)
        # A file put in its place since the check above is a new delivery: leave that one for the next run.
        if _state(item.path) == item.state:
            item.path.unlink()
        return True

    def _is_recorded(self, item: _Candidate, sha256: str) -> bool:
        """Whether a killed run wrote this very file's line and was killed before it could remove the file."""
        last = self._at_start
        return last is not None and (last.source, last.name, last.sha256, last.modified_at) == (
            item.source, item.name, sha256, item.modified_at,
        )  # fmt: skip

    def _copy(self, item: _Candidate) -> tuple[Path, str, int]:
        digest, size = hashlib.sha256(), 0
        handle, name = tempfile.mkstemp(prefix=sealing.INCOMING, dir=self._home.landing)
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as target, item.path.open("rb") as source:
                while chunk := source.read(_CHUNK):
                    digest.update(chunk)
                    target.write(chunk)
                    size += len(chunk)
                target.flush()
                os.fsync(target.fileno())
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise TransientError(
                f"Copying a file of source {item.source} to landing",
                seen=error.strerror or kind_of(error),
                next_step="make room or correct the permissions, then run again; the file is still in the inbox",
            ) from error
        return temporary, digest.hexdigest(), size

    def _place(self, temporary: Path, sha256: str) -> None:
        target = landed_path(self._home, sha256)
        if not target.parent.is_dir():
            target.parent.mkdir(mode=PRIVATE_FOLDER)
            sync_folder(self._home.landing)
        sealing.place(self._home, self._config, temporary, target)

    def _record(self, item: _Candidate, sha256: str, size: int) -> None:
        source: Source = self._config.sources[item.source]
        members, rejected, junk = inspect_landed(self._home, item.name, sha256, self._config.limits)
        entry = Entry(
            seq=self._last.seq + 1 if self._last else 1,
            sha256=sha256,
            size=size,
            source=item.source,
            settings=Settings(source.format, source.scope, source.timezone, source.region, source.may_lift),
            name=item.name,
            received_at=self._as_of.astimezone(UTC),
            modified_at=item.modified_at,
            members=members,
            rejected=rejected,
            prev=self._last.hash if self._last else GENESIS,
        )
        self._last = append(self._home, entry)
        if (item.source, sha256) in self._known:
            self.again += 1
        else:
            self._known.add((item.source, sha256))
            self.taken += 1
            self.bytes_taken += size
        self.members += len(members)
        self.unreadable += len(rejected)
        self.junk += junk


@contextmanager
def _collecting_alone(home: Home) -> Iterator[None]:
    # Two writers would each continue the chain from the same line.
    handle = os.open(home.landing / ".lock", os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy(
                f"Collecting into {home.landing}",
                seen="another process is collecting",
                next_step="wait for it to end, then start again",
            ) from None
        yield
    finally:
        os.close(handle)


def _require_later(home: Home, entries: tuple[Entry, ...], as_of: datetime) -> None:
    newest = max((entry.received_at for entry in entries), default=as_of)
    if as_of < newest:
        raise ConfigError(
            f"Collecting files as of {as_of.isoformat()}",
            seen=f"{home.manifest_file.name} holds a delivery received at {newest.isoformat()}",
            allowed="the same moment or later: snapshots are told apart by the order in which they arrived",
            next_step="see docs/operations.md, 'A run that lies in the future'"
            if is_ahead(newest)
            else "run with a later --as-of, or look at a past day with a report instead of a run",
        )


def _scan(home: Home, config: Config) -> _Scan:
    scan = _Scan()
    for entry in sorted(home.inbox.iterdir()):
        if not entry.is_dir():
            if entry.name.casefold() not in _PLACEHOLDERS:
                scan.unknown[""] = scan.unknown.get("", 0) + 1
        elif entry.name in config.sources:
            _scan_source(scan, entry)
        else:
            files = sum(1 for path in _files_below(entry) if path.name.casefold() not in _PLACEHOLDERS)
            if files:
                scan.unknown[entry.name] = files
    return scan


def _scan_source(scan: _Scan, folder: Path) -> None:
    for path in _files_below(folder):
        inside = path.relative_to(folder)
        if path.name.casefold() in _PLACEHOLDERS:
            continue
        # A folder can be temporary too: rsync and some SFTP servers collect under a hidden one.
        if any(part.startswith(".") for part in inside.parts) or path.name.casefold().endswith(_TEMPORARY_ENDINGS):
            scan.still_written += 1
            continue
        state = _state(path)
        if state is None:
            scan.not_files += path.is_symlink() or path.exists()
            continue
        # A name that is no UTF-8 is kept readable: the manifest is text.
        name = inside.as_posix().encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        scan.candidates.append(_Candidate(path, folder.name, re.sub(r"[\r\n]", " ", name), state))


def _files_below(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):  # pathlib has no walk before Python 3.12
        folders.sort()
        yield from (Path(parent) / name for name in sorted(files))


def _settled(candidates: list[_Candidate], seconds: float) -> list[_Candidate]:
    """Those that nobody is writing: untouched for a while, or the same after one common wait."""
    now = time.time()
    if any(_is_young(item, now, seconds) for item in candidates):
        time.sleep(seconds)
    return [item for item in candidates if not _is_young(item, now, seconds) or _state(item.path) == item.state]


def _is_young(item: _Candidate, now: float, seconds: float) -> bool:
    # Compared with the machine's clock, never with as_of: this is about the writing process, not about meaning.
    # A time in the future (another machine's clock) says nothing, so it counts as young.
    age = now - item.state[2] / 1e9
    return seconds > 0 and age < seconds


def _state(path: Path) -> tuple[int, int, int] | None:
    try:
        facts = path.lstat()
    except OSError:
        return None
    return (facts.st_ino, facts.st_size, facts.st_mtime_ns) if stat.S_ISREG(facts.st_mode) else None
