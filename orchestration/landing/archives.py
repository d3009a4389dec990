"""Looking into ZIP and gzip deliveries without trusting them, and giving out one member's bytes at a time.

Nothing is unpacked for keeping: the delivered bytes are the only copy, a member exists on disk while somebody reads it.
"""

from __future__ import annotations

import errno
import gzip
import hashlib
import lzma
import os
import re
import shutil
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import IO

from orchestration.core.config import Limits, size_in_bytes
from orchestration.core.errors import InputError
from orchestration.core.files import sha256_file
from orchestration.core.home import PRIVATE_FOLDER, Home
from orchestration.landing import sealing
from orchestration.landing.manifest import Entry, Member, Rejected

_CHUNK = 1 << 20
# A small file may compress any amount without harm; the ratio is looked at only past this.
_RATIO_MATTERS_FROM = 1 << 20
_ZIP, _EMPTY_ZIP, _GZIP = b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b"
# Packed forms that nobody here opens: as a delivery and inside an archive alike.
_OTHER_PACKED = (b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd")
_TAR_MARK, _TAR_MARK_AT = b"ustar", 257
_HEAD = 512  # a tar header, the longest of the marks above
# Left by file managers and by the systems' own archivers: never data.
JUNK = frozenset({".ds_store", "thumbs.db", "desktop.ini"})
_DRIVE = re.compile(r"^[A-Za-z]:")
# What zipfile, gzip and the decompressors raise on bytes that are not what they claim to be.
_DAMAGED = (zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, ValueError)


class _Refused(Exception):
    """A delivery or a member can't be used; the text is the reason code."""


@contextmanager
def _unpacking() -> Iterator[None]:
    """Tells damaged bytes (refused, the run goes on) from trouble of this machine such as a full disk (raised)."""
    try:
        yield
    except _DAMAGED as error:
        raise _Refused("archive_damaged") from error
    except NotImplementedError as error:
        raise _Refused("archive_compression_not_supported") from error
    except OSError as error:
        if error.errno in (None, errno.EINVAL):  # bz2 gives no number; a forged offset makes seek answer EINVAL
            raise _Refused("archive_damaged") from error
        raise


def inspect(path: Path, name: str, sha256: str, limits: Limits) -> tuple[tuple[Member, ...], tuple[Rejected, ...], int]:
    """What can be read in the delivered file at ``path``.

    Returns:
        The members, the rejected parts with their reasons, and how many members were junk of a file manager.
    """
    size = path.stat().st_size
    head = _head(path)
    if head.startswith((_ZIP, _EMPTY_ZIP)) and not _is_office_document(path):
        return _inspect_zip(path, name, size, limits)
    if head.startswith(_GZIP):
        return _inspect_gzip(path, name, size, limits)
    if head.startswith(_OTHER_PACKED) or head[_TAR_MARK_AT:].startswith(_TAR_MARK):
        return (), (Rejected(name, "archive_kind_not_supported"),), 0
    return (Member(name, sha256, size),), (), 0


def inspect_landed(home: Home, name: str, sha256: str, limits: Limits) -> tuple[tuple[Member, ...], tuple[Rejected, ...], int]:
    """:func:`inspect` of the delivered bytes with this hash, as they lie in landing."""
    with sealing.opened(home, landed_path(home, sha256)) as path:
        return inspect(path, name, sha256, limits)


@contextmanager
def open_member(home: Home, entry: Entry, member: Member) -> Iterator[Path]:
    """The member's bytes as a file, verified against the manifest; one that was unpacked or decrypted is gone when the
    block ends.

    Raises:
        InputError: the bytes in landing are missing or no longer those of the manifest.
    """
    with _delivered(home, entry) as delivered:
        if member.sha256 == entry.sha256:
            if sha256_file(delivered) != entry.sha256:
                raise _altered(entry, "other bytes")
            yield delivered
        else:
            with _unpacked(home, entry, delivered, member) as path:
                yield path


@contextmanager
def _delivered(home: Home, entry: Entry) -> Iterator[Path]:
    """The delivered bytes, unverified."""
    path = landed_path(home, entry.sha256)
    if not sealing.is_landed(path):
        raise _altered(entry, "the file is missing")
    with sealing.opened(home, path) as delivered:
        yield delivered


@contextmanager
def _unpacked(home: Home, entry: Entry, delivered: Path, member: Member) -> Iterator[Path]:
    parent = home.warehouse_folder / "unpacked"
    parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    # The process id in the name lets clear_unpacked tell what a killed process left from what is being read.
    with tempfile.TemporaryDirectory(prefix=f"{os.getpid()}.", dir=parent) as folder:
        path = Path(folder) / "member"
        try:
            with _unpacking(), _member_stream(delivered, member) as stream, path.open("wb") as target:
                seen = _copy(stream, target.write)
        except _Refused as refusal:
            raise _altered(entry, str(refusal)) from refusal
        if seen != member.sha256:
            raise _altered(entry, "other bytes in a member")
        yield path


def member_head(home: Home, entry: Entry, member: Member, length: int) -> bytes:
    """The member's first bytes, unverified: enough to recognise what it is.

    Raises:
        InputError: the bytes in landing are missing or can no longer be unpacked.
    """
    with _delivered(home, entry) as delivered:
        if member.sha256 == entry.sha256:
            with delivered.open("rb") as plain:
                return plain.read(length)
        try:
            with _unpacking(), _member_stream(delivered, member) as stream:
                return stream.read(length)
        except _Refused as refusal:
            raise _altered(entry, str(refusal)) from refusal


def clear_unpacked(home: Home) -> None:
    """Remove what processes that are gone left unpacked."""
    parent = home.warehouse_folder / "unpacked"
    for folder in parent.iterdir() if parent.is_dir() else ():
        owner = folder.name.partition(".")[0]
        try:
            os.kill(int(owner), 0)
        except (ValueError, ProcessLookupError):
            shutil.rmtree(folder, ignore_errors=True)
        except PermissionError:
            continue  # alive, and somebody else's


def landed_path(home: Home, sha256: str) -> Path:
    """Where the bytes with this hash are kept."""
    return home.landing / sha256[:2] / sha256


def _inspect_zip(path: Path, name: str, size: int, limits: Limits) -> tuple[tuple[Member, ...], tuple[Rejected, ...], int]:
    try:
        with _unpacking():
            archive = zipfile.ZipFile(path)
    except _Refused as refusal:
        return (), (Rejected(name, str(refusal)),), 0
    with archive:
        infos = [info for info in archive.infolist() if not _is_folder(info)]
        reason = _refuse_whole(infos, size, limits)
        if reason:
            return (), (Rejected(name, reason),), 0
        data = [info for info in infos if not _is_junk(info.filename)]
        members: list[Member] = []
        rejected: list[Rejected] = []
        for info in data:
            clean = _clean_name(info.filename)
            try:
                members.append(Member(*_inspect_zip_member(archive, info, clean)))
            except _Refused as refusal:
                rejected.append(Rejected(clean or "(a name that leaves the archive)", str(refusal)))
    return tuple(members), tuple(rejected), len(infos) - len(data)


def _refuse_whole(infos: list[zipfile.ZipInfo], size: int, limits: Limits) -> str | None:
    unpacked = sum(info.file_size for info in infos)
    if not infos:
        return "archive_empty"  # nobody delivers nothing; a damaged list of contents reads so
    if len(infos) > limits.max_archive_entries:
        return "archive_too_many_entries"
    if unpacked > size_in_bytes(limits.max_file):
        return "archive_too_large"
    # Over the whole archive, since entries may share the same packed bytes.
    if unpacked > max(_RATIO_MATTERS_FROM, size * limits.max_archive_ratio):
        return "archive_ratio"
    return None


def _inspect_zip_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, clean: str | None) -> tuple[str, str, int]:
    if clean is None:
        raise _Refused("archive_unsafe_path")
    if stat.S_ISLNK(info.external_attr >> 16):
        raise _Refused("archive_symbolic_link")
    if info.flag_bits & 0x1:
        raise _Refused("archive_encrypted")
    with _unpacking(), archive.open(info) as stream:  # never reads past the size the entry claims
        return clean, _copy(stream, _refuse_nested()), info.file_size


def _inspect_gzip(path: Path, name: str, size: int, limits: Limits) -> tuple[tuple[Member, ...], tuple[Rejected, ...], int]:
    inner = re.sub(r"\.(gz|gzip)$", "", name, flags=re.IGNORECASE)
    largest = size_in_bytes(limits.max_file)
    nested = _refuse_nested()
    total = 0

    def look(chunk: bytes) -> None:
        nonlocal total
        total += len(chunk)
        if total > largest:
            raise _Refused("archive_too_large")
        if total > max(_RATIO_MATTERS_FROM, size * limits.max_archive_ratio):
            raise _Refused("archive_ratio")
        nested(chunk)

    try:
        with _unpacking(), gzip.open(path) as stream:
            digest = _copy(stream, look)
    except _Refused as refusal:
        return (), (Rejected(inner, str(refusal)),), 0
    return (Member(inner, digest, total),), (), 0


def _refuse_nested() -> Callable[[bytes], object]:
    """A consumer that looks at the first chunk only: an archive within an archive is refused."""
    first = True

    def look(chunk: bytes) -> None:
        nonlocal first
        if first:
            first = False
            packed = (_ZIP, _EMPTY_ZIP, _GZIP, *_OTHER_PACKED)
            if chunk.startswith(packed) or chunk[_TAR_MARK_AT:].startswith(_TAR_MARK):
                raise _Refused("archive_in_archive")

    return look


def _copy(stream: IO[bytes] | gzip.GzipFile, consume: Callable[[bytes], object]) -> str:
    """Feed the stream to ``consume`` and return its SHA-256."""
    digest = hashlib.sha256()
    while chunk := stream.read(_CHUNK):
        digest.update(chunk)
        consume(chunk)
    return digest.hexdigest()


@contextmanager
def _member_stream(delivered: Path, member: Member) -> Iterator[IO[bytes] | gzip.GzipFile]:
    if _head(delivered).startswith(_GZIP):
        with gzip.open(delivered) as stream:
            yield stream
        return
    with zipfile.ZipFile(delivered) as archive:
        same = [
            info
            for info in archive.infolist()
            if not _is_folder(info) and _clean_name(info.filename) == member.name and info.file_size == member.size
        ]
        # Names may repeat inside one archive; then the hash says which entry is meant.
        for info in same[:-1]:
            with archive.open(info) as candidate:
                if _copy(candidate, len) == member.sha256:
                    same = [info]
                    break
        if not same:
            raise _Refused("archive_without_that_member")
        with archive.open(same[-1]) as stream:
            yield stream


def _is_folder(info: zipfile.ZipInfo) -> bool:
    return info.filename.endswith("/")  # ZipInfo.is_dir fails on an entry without a name


def _clean_name(name: str) -> str | None:
    """The member's path with its empty parts removed; null when it would leave the folder it is unpacked into."""
    name = name.replace("\\", "/")
    parts = [part for part in PurePosixPath(name).parts if part not in ("", ".")]
    if name.startswith("/") or _DRIVE.match(name) or ".." in parts or not parts or "\0" in name:
        return None
    return "/".join(parts)


def _is_junk(name: str) -> bool:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return "__MACOSX" in parts or (bool(parts) and parts[-1].casefold() in JUNK)


def _is_office_document(path: Path) -> bool:
    """A spreadsheet or text document is a ZIP too, but a document, not a delivery of files."""
    with suppress(_Refused), _unpacking(), zipfile.ZipFile(path) as archive:
        return not {"[Content_Types].xml", "mimetype"}.isdisjoint(archive.namelist())
    return False


def _head(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(_HEAD)


def _altered(entry: Entry, seen: str) -> InputError:
    return InputError(
        f"Reading landed file {entry.sha256[:12]} of source {entry.source}",
        seen=seen,
        allowed="the bytes that the manifest recorded",
        next_step="restore landing from its backup and run again",
    )
