"""Looking into ZIP, gzip and Excel deliveries without trusting them, and giving out one member's bytes at a time.

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
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path, PurePosixPath
from typing import IO

from orchestration.core.config import Limits, size_in_bytes
from orchestration.core.errors import InputError
from orchestration.core.files import sha256_file
from orchestration.core.home import PRIVATE_FOLDER, Home
from orchestration.landing import sealing, workbooks
from orchestration.landing.manifest import Entry, Member, Rejected
from orchestration.landing.redactions import now_at
from orchestration.landing.sheets import PASSWORD

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


# Members, and what can't be read.
_Found = tuple[tuple[Member, ...], tuple[Rejected, ...]]


def inspect(
    path: Path, name: str, sha256: str, limits: Limits, scratch: Path
) -> tuple[tuple[Member, ...], tuple[Rejected, ...], int]:
    """What can be read in the delivered file at ``path``.

    Args:
        scratch: where a workbook in an archive may lie while it is looked into.

    Returns:
        The members, the rejected parts with their reasons, and how many members were junk of a file manager.
    """
    size = path.stat().st_size
    head = _head(path)
    try:
        if kind := workbooks.kind_of(path):
            return (*_inspect_workbook(path, kind, name, sha256, limits), 0)
    except workbooks.WorkbookError as error:
        return (), (Rejected(name, str(error)),), 0
    if head.startswith((_ZIP, _EMPTY_ZIP)) and not _is_office_document(path):
        return _inspect_zip(path, name, size, limits, scratch)
    if head.startswith(_GZIP):
        return (*_inspect_gzip(path, name, size, limits, scratch), 0)
    if head.startswith(_OTHER_PACKED) or head[_TAR_MARK_AT:].startswith(_TAR_MARK):
        return (), (Rejected(name, "archive_kind_not_supported"),), 0
    return (Member(name, sha256, size),), (), 0


def inspect_landed(home: Home, name: str, sha256: str, limits: Limits) -> tuple[tuple[Member, ...], tuple[Rejected, ...], int]:
    """:func:`inspect` of the delivered bytes with this hash, as they lie in landing."""
    with sealing.opened(home, landed_path(home, sha256)) as path:
        return inspect(path, name, sha256, limits, home.warehouse_folder / "unpacked")


@contextmanager
def open_member(home: Home, entry: Entry, member: Member) -> Iterator[Path]:
    """The member's bytes as a file, verified against the manifest; one that was unpacked or decrypted is gone when the
    block ends. A sheet of a workbook is comma-separated text.

    Raises:
        InputError: the bytes in landing are missing or no longer those of the manifest.
    """
    with _delivered(home, entry) as delivered:
        is_whole = _is_of(member, entry.sha256)
        if is_whole and sha256_file(delivered) != now_at(home, entry.sha256)[0]:
            raise _altered(entry, "other bytes")
        with nullcontext(delivered) if is_whole else _unpacked(home, entry, delivered, member) as path:
            if member.sheet is None:
                yield path
            else:
                with _written(home, entry, path, member.sheet) as text:
                    yield text


def _is_of(member: Member, sha256: str) -> bool:
    """Whether the bytes with this hash are the member, or the workbook whose sheet it is."""
    return member.sha256 == (sha256 if member.sheet is None else workbooks.sheet_sha256(sha256, member.sheet))


@contextmanager
def _written(home: Home, entry: Entry, book: Path, sheet: str, most: int | None = None) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix=f"{os.getpid()}.", dir=_unpacked_folder(home)) as folder:
        text = Path(folder) / "sheet"
        try:
            kind = workbooks.kind_of(book)
            if kind is None:
                raise _altered(entry, "no workbook any more")
            workbooks.write_sheet(book, kind, sheet, text, most)
        except workbooks.WorkbookError as error:
            # It could be when it was landed, so the file is as good as it was.
            raise InputError(
                f"Reading a sheet of landed file {entry.sha256[:12]} of source {entry.source}",
                seen=f"the workbook can no longer be read ({error})",
                next_step="have it saved as CSV and deliver that",
            ) from error
        yield text


def _unpacked_folder(home: Home) -> Path:
    folder = home.warehouse_folder / "unpacked"
    folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    return folder


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
    # The process id in the name lets clear_unpacked tell what a killed process left from what is being read.
    with tempfile.TemporaryDirectory(prefix=f"{os.getpid()}.", dir=_unpacked_folder(home)) as folder:
        path = Path(folder) / "member"
        try:
            with _unpacking(), _member_stream(delivered, member) as stream, path.open("wb") as target:
                seen = _copy(stream, target.write)
        except _Refused as refusal:
            raise _altered(entry, str(refusal)) from refusal
        if not _is_of(member, seen):
            raise _altered(entry, "other bytes in a member")
        yield path


def member_head(home: Home, entry: Entry, member: Member, length: int) -> bytes:
    """The member's first bytes, unverified: enough to recognise what it is.

    Raises:
        InputError: the bytes in landing are missing or can no longer be unpacked.
    """
    with _delivered(home, entry) as delivered:
        is_whole = _is_of(member, entry.sha256)
        if member.sheet is not None:
            with (
                nullcontext(delivered) if is_whole else _unpacked(home, entry, delivered, member) as book,
                _written(home, entry, book, member.sheet, length) as text,
                text.open("rb") as plain,
            ):
                return plain.read(length)
        if is_whole:
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
    """Where the bytes with this hash are kept; where they were redacted, what is left of them."""
    now, _ = now_at(home, sha256)
    return home.landing / now[:2] / now


def _inspect_zip(
    path: Path, name: str, size: int, limits: Limits, scratch: Path
) -> tuple[tuple[Member, ...], tuple[Rejected, ...], int]:
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
                good, bad = _inspect_zip_member(archive, info, clean, limits, scratch)
                members += good
                rejected += bad
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


def _inspect_zip_member(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, clean: str | None, limits: Limits, scratch: Path
) -> _Found:
    if clean is None:
        raise _Refused("archive_unsafe_path")
    if stat.S_ISLNK(info.external_attr >> 16):
        raise _Refused("archive_symbolic_link")
    if info.flag_bits & 0x1:
        raise _Refused("archive_encrypted")
    with _unpacking(), archive.open(info) as stream:  # never reads past the size the entry claims
        return _inspect_part(stream, clean, limits, scratch)


def _inspect_gzip(path: Path, name: str, size: int, limits: Limits, scratch: Path) -> _Found:
    inner = re.sub(r"\.(gz|gzip)$", "", name, flags=re.IGNORECASE)
    largest = size_in_bytes(limits.max_file)

    def look(total: int) -> None:
        if total > largest:
            raise _Refused("archive_too_large")
        if total > max(_RATIO_MATTERS_FROM, size * limits.max_archive_ratio):
            raise _Refused("archive_ratio")

    try:
        with _unpacking(), gzip.open(path) as stream:
            return _inspect_part(stream, inner, limits, scratch, look)
    except _Refused as refusal:
        return (), (Rejected(inner, str(refusal)),)


def _inspect_part(
    stream: IO[bytes] | gzip.GzipFile, name: str, limits: Limits, scratch: Path, look: Callable[[int], None] = lambda _: None
) -> _Found:
    """One file of an archive: itself, or the sheets of a workbook. An archive within an archive is refused.

    Args:
        look: told how many bytes there were so far; it raises when that is too many.
    """
    total = 0
    start: bytes | None = None
    with ExitStack() as stack:
        copy: IO[bytes] | None = None

        def take(chunk: bytes) -> None:
            nonlocal copy, start, total
            total += len(chunk)
            look(total)
            if start is None:
                start = chunk[:_HEAD]
                if start.startswith((_EMPTY_ZIP, _GZIP, *_OTHER_PACKED)) or start[_TAR_MARK_AT:].startswith(_TAR_MARK):
                    raise _Refused("archive_in_archive")
                if start.startswith(workbooks.STARTS):  # only a whole file shows what it is
                    scratch.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
                    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix=f"{os.getpid()}.", dir=scratch))
                    copy = stack.enter_context((Path(folder) / "part").open("wb"))
            if copy is not None:
                copy.write(chunk)

        digest = _copy(stream, take)
        if copy is not None:
            copy.flush()
            path = Path(copy.name)
            try:
                if kind := workbooks.kind_of(path):
                    return _inspect_workbook(path, kind, name, digest, limits)
            except workbooks.WorkbookError as error:
                raise _Refused(str(error)) from error
            if start is not None and start.startswith(_ZIP):
                raise _Refused("archive_in_archive")
    return (Member(name, digest, total),), ()


def _inspect_workbook(path: Path, kind: str, name: str, sha256: str, limits: Limits) -> _Found:
    size = path.stat().st_size
    try:
        if kind == "xlsx":
            _unpack_all(path, size, limits)
        found = workbooks.sheets_of(path, kind)
        if len(found) > limits.max_archive_entries:  # several sheets may share one part
            raise _Refused("archive_too_many_entries")
    except (_Refused, workbooks.WorkbookError) as refusal:
        return (), (Rejected(name, str(refusal)),)
    told = [
        (Member(name, workbooks.sheet_sha256(sha256, sheet.name), size, sheet.name, sheet.number), sheet.reason)
        for sheet in found
    ]
    return (
        tuple(member for member, reason in told if reason is None),
        tuple(Rejected(member.title, reason) for member, reason in told if reason is not None),
    )


def _unpack_all(path: Path, size: int, limits: Limits) -> None:
    """The same bounds as of any archive, asked before another program unpacks it: one that may not ask them itself.

    Raises:
        _Refused: it is too much, or not what it says it is.
    """
    with _unpacking(), zipfile.ZipFile(path) as archive:
        infos = archive.infolist()
        if reason := _refuse_whole(infos, size, limits):
            raise _Refused(reason)
        if any(info.flag_bits & 0x1 for info in infos):
            raise _Refused(PASSWORD)
        for info in infos:
            with archive.open(info) as stream:  # never reads past the size the entry claims, and fails where there is more
                _copy(stream, len)


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
                if _is_of(member, _copy(candidate, len)):
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
