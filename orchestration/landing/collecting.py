"""Taking files from the inbox into landing: bytes unchanged, one manifest line each, nothing lost at a crash anywhere.

The order per file is the safety: copy to a temporary name in landing and fsync; rename to the content's hash; append the
manifest line and fsync; only then remove the file from the inbox. What is in a file is not looked at here.

Each file stands alone: one that cannot be taken stays where it is, is told with its source and its reason, and stops no other.
Nor is there silence about a folder that cannot be looked into: it is no empty one.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import stat
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from orchestration.core import chain
from orchestration.core.clock import is_ahead
from orchestration.core.config import Config, Source, size_in_bytes
from orchestration.core.errors import Busy, ConfigError, OutOfRoom, TransientError
from orchestration.core.files import flush_to_disk, sha256_text, sync_folder
from orchestration.core.home import PRIVATE_FOLDER, Home
from orchestration.core.lock import locked
from orchestration.core.room import NEXT_STEP, NO_ROOM, full, size
from orchestration.core.wording import counted, told
from orchestration.landing import sealing
from orchestration.landing.archives import JUNK, clear_unpacked, inspect_landed
from orchestration.landing.manifest import (
    GENESIS,
    Entry,
    Member,
    Rejected,
    Settings,
    append,
    delivery_links,
    read_manifest,
    repair,
)
from orchestration.landing.redactions import note_returned, now_at

_CHUNK = 1 << 20
_EPOCH = datetime.fromtimestamp(0, UTC)
# Names that browsers, SFTP servers and rsync give a file until it is whole.
_TEMPORARY_ENDINGS = (".part", ".tmp", ".crdownload", ".filepart", "~")
_SOURCE_NAME = re.compile(r"^[a-z][a-z0-9_]{0,62}$")
# Kept in empty folders by version control, or left by file managers: never data.
_PLACEHOLDERS = JUNK | {".gitkeep", ".keep"}
# A folder that is named like one of these and holds nothing is what a failed download or unpacking left.
_FILE_NAME = re.compile(r"\.(csv|tsv|txt|json|jsonl|ndjson|xml|xlsx?|eml|mbox|parquet|zip|gz|age)$", re.IGNORECASE)
# What must stay free on landing's disk: manifest line, chain and the warehouse's next commit are some MB together.
_RESERVE = 32 << 20
_FIGURES = 3  # in one sentence; the rest is seen in the folder

_UNREAD = {
    "folder_not_allowed": (
        "1 of its folders may not be opened by the user that runs Quietlist",
        "# of its folders may not be opened by the user that runs Quietlist",
        "give that user the right to read and write there (ls -ld, chown, chmod)",
    ),
    "folder_is_link": (
        "its folder is a symbolic link, and links are not followed",
        "its folder is a symbolic link, and links are not followed",
        "put a folder in its place, or mount the other folder there",
    ),
    "folder_is_file": (
        "a file lies where its folder should be",
        "a file lies where its folder should be",
        "put a folder in its place, and the file into that",
    ),
    "folder_for_file": (
        "1 empty folder has the name of a file",
        "# empty folders have the names of files",
        "remove them, and have the files delivered again",
    ),
    "link": (
        "1 symbolic link, which is not followed",
        "# symbolic links, which are not followed",
        "put the files themselves there, and remove the links",
    ),
    "not_a_file": (
        "1 entry that is no file (a pipe, a socket, a device)",
        "# entries that are no files (pipes, sockets, devices)",
        "remove them, or put files in their place",
    ),
    "not_allowed": (
        "1 file may not be opened by the user that runs Quietlist",
        "# files may not be opened by the user that runs Quietlist",
        "give that user the right to read them (ls -l, chown, chmod)",
    ),
    "damaged": (
        "1 file cannot be read from its disk",
        "# files cannot be read from their disk",
        "see what the system's log says of that disk, and copy them again",
    ),
    "vanished": (
        "1 file vanished while it was taken",
        "# files vanished while they were taken",
        "find out who removes files there, and have them delivered again",
    ),
    "too_large": (
        "1 file is larger than limits.max_file allows",
        "# files are larger than limits.max_file allows",
        "have them delivered in parts, or raise limits.max_file in quietlist.toml",
    ),
    "no_room": (
        "there is no room for 1 file on the disk of landing/",
        "there is no room for # files on the disk of landing/",
        "make room there and run again",
    ),
    "not_understood": (
        "1 file cannot be looked into",
        "# files cannot be looked into",
        "have them exported again, or report them to the makers of Quietlist",
    ),
    "not_removed": (
        "1 file was taken and cannot be removed from the inbox",
        "# files were taken and cannot be removed from the inbox",
        "give the user that runs Quietlist the right to write to the folder they are in",
    ),
}


@dataclass(frozen=True)
class Unread:
    """Something in a source's folder of the inbox that nobody has read, or that could not be cleared away."""

    source: str
    reason: str
    """A key of ``_UNREAD``."""
    seen: str = ""
    """Figures that belong to the reason."""


class _NotTaken(Exception):
    """This file cannot be taken; the text is the reason."""

    def __init__(self, reason: str, seen: str = "") -> None:
        super().__init__(reason)
        self.reason, self.seen = reason, seen


@dataclass(frozen=True)
class Collected:
    """What one run found in the inbox, in counts and names of folders only."""

    taken: int = 0
    bytes_taken: int = 0
    members: int = 0
    delivered_again: int = 0
    """Bytes that this source has delivered before. Recorded all the same: what a repetition means is the register's."""
    still_written_in: dict[str, int] = field(default_factory=dict)
    """By source: files that wait for the next run."""
    unreadable: int = 0
    """Archives, or files inside them, that can't be opened; they are landed and listed with their reason."""
    skipped_members: int = 0
    """Files that a file manager or an archiver left inside archives."""
    unknown_folders: dict[str, int] = field(default_factory=dict)
    """Files left in place because no source is configured for their folder. Key '': directly in the inbox."""
    unread: tuple[Unread, ...] = ()
    """What lay in sources' folders and was not read."""

    @property
    def still_written(self) -> int:
        return sum(self.still_written_in.values())

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
            "unread": len(self.unread),
        }

    def sentences(self) -> list[str]:
        """What a person should read, the unusual only after what was done."""
        said = [f"{counted(self.taken, 'file')} taken, {self.delivered_again} delivered again with the same bytes."]
        if self.unreadable:
            closed = counted(self.unreadable, "archive, or file in one,", "archives, or files in them,")
            said.append(f"{closed} can't be opened; see quietlist quarantine for the reasons.")
        return [*said, *self.held(), *self.left()]

    def held(self) -> list[str]:
        """What was not read and holds releases, by source. No names of files: they may be people's."""
        said = []
        for (source, reason), entries in sorted(Counter((item.source, item.reason) for item in self.unread).items()):
            *what, next_step = _UNREAD[reason]
            figures = sorted({item.seen for item in self.unread if (item.source, item.reason) == (source, reason) and item.seen})
            seen = f" ({'; '.join(figures[:_FIGURES])})" if figures else ""
            said.append(f"inbox/{source}/ of source {source}: {told(entries, *what)}{seen}. Next step: {next_step}.")
        return said

    def left(self) -> list[str]:
        """What was left in the inbox and waits: each may hold opt-outs, and nobody has read it."""
        said = []
        for folder, files in sorted(self.unknown_folders.items()):
            # These sentences are logged: a folder is named when a source could be, not when somebody named it after a person.
            name = folder if _SOURCE_NAME.match(folder) else "NAME"
            where = (
                f"inbox/{name}/, for which no source is configured" if folder else "directly in inbox/, not in a source's folder"
            )
            said.append(f"{counted(files, 'file')} left in place: {where}. Next step: move them or add [sources.{name}].")
        for source, files in sorted(self.still_written_in.items()):
            still = told(
                files,
                "1 file of source {} is still being written and waits",
                "# files of source {} are still being written and wait",
            )
            said.append(f"{still.format(source)} for the next run.")
        return said


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
    still_written: Counter[str] = field(default_factory=Counter)
    unknown: dict[str, int] = field(default_factory=dict)
    unread: list[Unread] = field(default_factory=list)


def collect(home: Home, config: Config, as_of: datetime) -> Collected:
    """Take every file that has come to rest in a source's inbox folder.

    Args:
        as_of: the moment of the run, which becomes ``received_at`` of what it takes.

    Raises:
        ConfigError: ``as_of`` lies before an earlier delivery, so the order of arrival would be false.
        PermanentError: the manifest's chain is broken.
        Busy: another process is collecting.
        TransientError: the inbox or landing itself cannot be used.
        OutOfRoom: the disk has no room for a line of the manifest.
    """
    home.create()
    with _collecting_alone(home):
        repair(home)
        entries = read_manifest(home)
        _require_later(home, entries, as_of)
        for leftover in home.landing.glob(f"{sealing.INCOMING}*"):
            leftover.unlink()  # a killed run's unfinished copy; its original is still in the inbox
        clear_unpacked(home)  # decrypted by a process that was killed
        sealing.migrate(home, config)
        scan = _scan(home, config)
        ready = _settled(scan.candidates, config.limits.settle_seconds)
        landing = _Landing(home, config, as_of, entries)
        waiting = scan.still_written + Counter(item.source for item in set(scan.candidates) - set(ready))
        for candidate in ready:
            try:
                waiting[candidate.source] += not landing.take(candidate)
            except _NotTaken as refusal:
                scan.unread.append(Unread(candidate.source, refusal.reason, refusal.seen))
        chain.record(home, *delivery_links(home))
        return Collected(
            taken=landing.taken,
            bytes_taken=landing.bytes_taken,
            members=landing.members,
            delivered_again=landing.again,
            still_written_in={source: files for source, files in waiting.items() if files},
            unreadable=landing.unreadable,
            skipped_members=landing.junk,
            unknown_folders=scan.unknown,
            unread=tuple(scan.unread),
        )


def waiting_batch(home: Home, config: Config) -> Waiting:
    """What a run would take now, without waiting and without taking it."""
    scan = _scan(home, config)
    now = time.time()
    ready = [item for item in scan.candidates if not _is_young(item, now, config.limits.settle_seconds)]
    facts = sorted(f"{item.source}/{item.name}:{item.state}" for item in ready)
    return Waiting(len(ready), scan.still_written.total() + len(scan.candidates) - len(ready), sha256_text("\n".join(facts)))


def is_empty(home: Home, config: Config) -> bool:
    """Whether nothing at all lies in the inbox: no file, whole or not, and nothing that could not be looked into."""
    scan = _scan(home, config)
    return not (scan.candidates or scan.still_written or scan.unknown or scan.unread)


class _Landing:
    """The writing side of one run: what is known already, and the counts so far."""

    def __init__(self, home: Home, config: Config, as_of: datetime, entries: tuple[Entry, ...]) -> None:
        self._home, self._config, self._as_of = home, config, as_of
        self._known = {(entry.source, entry.sha256) for entry in entries}
        self._recorded = {_identity(entry) for entry in entries}
        self._last = self._at_start = entries[-1] if entries else None
        self.taken = self.bytes_taken = self.members = self.again = self.unreadable = self.junk = 0

    def take(self, item: _Candidate) -> bool:
        """Land one file and remove it from the inbox.

        Returns:
            False when it changed meanwhile: it is still being written, and was left alone.

        Raises:
            _NotTaken: it cannot be taken, and was left alone.
        """
        self._ask_for_room(item)
        temporary, sha256, count = self._copy(item)
        try:
            if _state(item.path) != item.state or count != item.state[1]:
                return False
            # Also when the bytes are known: a delivery repeated on purpose repairs a landing that lost or damaged them.
            self._place(temporary, sha256)
            if not self._is_recorded(item, sha256):
                self._record(item, sha256, count)
        finally:
            temporary.unlink(missing_ok=True)
        # A file put in its place since the check above is a new delivery: leave that one for the next run.
        if _state(item.path) == item.state:
            try:
                item.path.unlink()
            except OSError as error:
                raise _NotTaken("not_removed") from error
        return True

    def _ask_for_room(self, item: _Candidate) -> None:
        """Before a byte is copied: a file that says it is larger than the disk would fill it for everybody, and in vain."""
        there = item.state[1]
        if there > size_in_bytes(self._config.limits.max_file):
            raise _NotTaken("too_large", f"{size(there)}, allowed are {self._config.limits.max_file}")
        # Sealed, the plain copy and the sealed one lie side by side for a moment.
        needed = there * (2 if self._config.encryption.landing else 1) + _RESERVE
        free = shutil.disk_usage(self._home.landing).free
        if needed > free:
            raise _NotTaken("no_room", f"{size(needed)} needed, {size(free)} free")

    def _is_recorded(self, item: _Candidate, sha256: str) -> bool:
        """Whether a killed run wrote this very file's line and was killed before it could remove the file."""
        last = self._at_start
        if last is not None and _identity(last) == (item.source, item.name, sha256, item.modified_at):
            return True
        # Where nothing can be removed, what lies there is what lay there before, however many files were taken since.
        is_stuck = not os.access(item.path.parent, os.W_OK | os.X_OK)
        return is_stuck and (item.source, item.name, sha256, item.modified_at) in self._recorded

    def _copy(self, item: _Candidate) -> tuple[Path, str, int]:
        digest, count = hashlib.sha256(), 0
        with _opened(item.path) as source, self._landing_written():
            handle, name = tempfile.mkstemp(prefix=sealing.INCOMING, dir=self._home.landing)
            temporary = Path(name)
            try:
                with os.fdopen(handle, "wb") as target:
                    while chunk := _read(source):
                        digest.update(chunk)
                        target.write(chunk)
                        count += len(chunk)
                    flush_to_disk(target)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
        return temporary, digest.hexdigest(), count

    def _place(self, temporary: Path, sha256: str) -> None:
        target = self._home.landing / sha256[:2] / sha256
        with self._landing_written():
            if not target.parent.is_dir():
                target.parent.mkdir(mode=PRIVATE_FOLDER)
                sync_folder(self._home.landing)
            sealing.place(self._home, self._config, temporary, target)
            if now_at(self._home, sha256)[0] != sha256:
                note_returned(self._home, sha256, self._as_of)

    @contextmanager
    def _landing_written(self) -> Iterator[None]:
        """Tells a full disk, on which a smaller file may still find room, from a landing that takes nothing at all."""
        try:
            yield
        except OSError as error:
            if error.errno in NO_ROOM:
                free = shutil.disk_usage(self._home.landing).free
                raise _NotTaken("no_room", f"{size(free)} free") from error
            raise TransientError(
                f"Writing to {self._home.landing}",
                seen=error.strerror or type(error).__name__,
                allowed="a folder that the user who runs Quietlist can write to",
                next_step="correct its owner, mode or mount and run again; nothing is lost, the files are still in the inbox",
            ) from error

    def _record(self, item: _Candidate, sha256: str, count: int) -> None:
        source: Source = self._config.sources[item.source]
        members, rejected, junk = self._inspect(item, sha256)
        entry = Entry(
            seq=self._last.seq + 1 if self._last else 1,
            sha256=sha256,
            size=count,
            source=item.source,
            settings=Settings(source.format, source.scope, source.timezone, source.region, source.may_lift, source.our_addresses),
            name=item.name,
            received_at=self._as_of.astimezone(UTC),
            modified_at=item.modified_at,
            members=members,
            rejected=rejected,
            prev=self._last.hash if self._last else GENESIS,
        )
        try:
            self._last = append(self._home, entry)
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            raise OutOfRoom(
                f"Recording a delivery in {self._home.manifest_file}", seen=full(self._home.manifest_file), next_step=NEXT_STEP
            ) from error
        if (item.source, sha256) in self._known:
            self.again += 1
        else:
            self._known.add((item.source, sha256))
            self.taken += 1
            self.bytes_taken += count
        self.members += len(members)
        self.unreadable += len(rejected)
        self.junk += junk

    def _inspect(self, item: _Candidate, sha256: str) -> tuple[tuple[Member, ...], tuple[Rejected, ...], int]:
        try:
            with self._landing_written():  # a sealed file is opened into a folder of the home
                return inspect_landed(self._home, item.name, sha256, self._config.limits)
        except (_NotTaken, ConfigError, TransientError):
            raise  # of this machine, or of the key: not of this file
        except Exception as error:
            raise _NotTaken("not_understood") from error


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    """The file, if it is one: it may have been replaced by a link or a pipe since it was seen."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        reasons = {errno.ENOENT: "vanished", errno.ELOOP: "link", errno.EACCES: "not_allowed", errno.EPERM: "not_allowed"}
        raise _NotTaken(reasons.get(error.errno or 0, "damaged")) from error
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise _NotTaken("not_a_file")
        yield handle
    finally:
        os.close(handle)


def _read(handle: int) -> bytes:
    try:
        return os.read(handle, _CHUNK)
    except OSError as error:
        raise _NotTaken("damaged") from error


def _identity(entry: Entry) -> tuple[str, str, str, datetime]:
    return entry.source, entry.name, entry.sha256, entry.modified_at


@contextmanager
def _collecting_alone(home: Home) -> Iterator[None]:
    # Two writers would each continue the chain from the same line.
    with locked(home.landing / ".lock") as got:
        if not got:
            raise Busy(
                f"Collecting into {home.landing}",
                seen="another process is collecting",
                next_step="wait for it to end, then start again",
            )
        yield


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
    try:
        entries = sorted(os.scandir(home.inbox), key=lambda entry: entry.name)
    except OSError as error:
        raise TransientError(
            f"Reading {home.inbox}",
            seen=error.strerror or type(error).__name__,
            allowed="a folder that the user who runs Quietlist can read and write",
            next_step="correct its owner, mode or mount and run again; nothing was collected",
        ) from error
    for entry in entries:
        is_source, is_folder = entry.name in config.sources, entry.is_dir(follow_symlinks=False)
        if is_source and is_folder:
            _scan_source(scan, Path(entry.path))
        elif is_source:
            scan.unread.append(Unread(entry.name, "folder_is_link" if entry.is_symlink() else "folder_is_file"))
        elif is_folder or entry.is_dir():
            found, closed = _below(Path(entry.path))
            # A folder that may not be opened counts as one file: nobody knows what is in it.
            files = closed + sum(not is_placeholder(path.name) for path in found)
            if files or not is_folder:
                scan.unknown[entry.name] = max(files, 1)
        elif not is_placeholder(entry.name):
            scan.unknown[""] = scan.unknown.get("", 0) + 1
    return scan


def _scan_source(scan: _Scan, folder: Path) -> None:
    paths, closed = _below(folder)
    scan.unread += [Unread(folder.name, "folder_not_allowed")] * closed
    for path in paths:
        inside = path.relative_to(folder)
        if is_placeholder(path.name):
            continue
        if is_unfinished(inside.parts):
            scan.still_written[folder.name] += 1
            continue
        state = _state(path)
        if state is None:
            if reason := _no_file(path):
                scan.unread.append(Unread(folder.name, reason))
            continue
        # A name that is no UTF-8 is kept readable: the manifest is text.
        name = inside.as_posix().encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        scan.candidates.append(_Candidate(path, folder.name, re.sub(r"[\r\n]", " ", name), state))


def is_placeholder(name: str) -> bool:
    """Whether a file of this name never holds data."""
    return name.casefold() in _PLACEHOLDERS


def is_unfinished(parts: Sequence[str]) -> bool:
    """Whether folders and name say that the file is still being written."""
    # A folder can be temporary too: rsync and some SFTP servers collect under a hidden one.
    return any(part.startswith(".") for part in parts) or parts[-1].casefold().endswith(_TEMPORARY_ENDINGS)


def _below(folder: Path) -> tuple[list[Path], int]:
    """Everything below a folder that is no folder to go into, and how many folders may not be opened."""
    paths: list[Path] = []
    closed: list[OSError] = []
    for parent, folders, files in os.walk(folder, onerror=closed.append):  # pathlib has no walk before Python 3.12
        folders.sort()
        here = Path(parent)
        # Links to folders stand among the folders, and are not gone into.
        links = [name for name in folders if (here / name).is_symlink()]
        paths += [here / name for name in sorted([*files, *links])]
        if not folders and not files and here != folder and _FILE_NAME.search(here.name):
            paths.append(here)
    return paths, len(closed)


def _no_file(path: Path) -> str:
    """Why something in a source's folder is not a file; nothing when it is gone."""
    try:
        mode = path.lstat().st_mode
    except OSError as error:
        return "" if error.errno == errno.ENOENT else "not_allowed"
    return "link" if stat.S_ISLNK(mode) else "folder_for_file" if stat.S_ISDIR(mode) else "not_a_file"


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
