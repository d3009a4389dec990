"""Turning an allowed candidate into the next version. Reading versions is ``versions``; allowing them is the gate.

Every write is in an order that leaves the same end after a crash at any point:

1. ``version=<n>.tmp/`` is filled and made durable; what is in it does not count and is removed by the next publication;
2. it is renamed to ``version=<n>/``, complete with its manifest, and still does not count;
3. ``latest.json`` is replaced: only now does the version exist;
4. the version is recorded on the chain of evidence, by the next publication if this one was killed before.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from orchestration.core.chain import record
from orchestration.core.config import Limits
from orchestration.core.errors import Busy, GateClosed, PermanentError
from orchestration.core.files import canonical_json, sha256_bytes, sha256_file, sync_folder, whole_lines, write_atomic
from orchestration.core.home import PRIVATE_FOLDER, Home
from orchestration.core.lock import locked
from orchestration.core.pointer import pointer_text
from orchestration.core.warehouse import prepare
from orchestration.publish.candidate import (
    BESIDE,
    ROWS_FILE,
    RULES_FILE,
    Candidate,
    copy_parquet,
    parquet_relation,
    read_candidate,
    write_parquet,
)
from orchestration.publish.rows import rows_sha256
from orchestration.publish.sharing import group_id, share, share_version
from orchestration.publish.verdicts import Permission, allows, read_verdict
from orchestration.publish.versions import (
    LATEST,
    MANIFEST,
    Snapshot,
    latest_version,
    next_version,
    publication_link,
    read_published,
    stray_version,
    version_folder,
)


@dataclass(frozen=True)
class Published:
    """The version that now holds the candidate's rows. ``is_new`` is False when it held them already."""

    snapshot: Snapshot
    is_new: bool
    permission: Permission
    kept_out: tuple[str, ...] = ()
    """What lies open in the home, so that the group that may read the rows was not let in."""

    @property
    def version(self) -> int:
        return self.snapshot.version

    @property
    def row_count(self) -> int:
        return self.snapshot.row_count

    @property
    def rows_sha256(self) -> str:
        return self.snapshot.rows_sha256


def publish(
    home: Home, as_of: datetime, candidate: Candidate | None = None, *, limits: Limits | None = None, group: str | None = None
) -> Published:
    """Publish the candidate (the one exported last, when none is given) if the gate allows exactly its rows.

    Args:
        group: who may read the rows beside their owner.

    Raises:
        ConfigError: that group can't be let in; nothing was published.
        GateClosed: the stored verdicts do not allow these rows; nothing was published.
        PermanentError: there is no candidate, it is older than what is published, or that does not prove.
        Busy: another process is publishing.
    """
    candidate = candidate or read_candidate(home)
    with _only_publisher(home):
        kept_out = tuple(share(home, group))
        gid = group_id(group) if group and not kept_out else None
        latest = latest_version(home)
        before = read_published(home) if latest else None
        if before is not None:
            record(home, publication_link(home, before.version))
            _renew_pointer(home, before, gid)
        version = next_version(home)
        _clean(home, version)
        # The same rows once more, in the file that the gate judged: there is nothing to write for it.
        is_again = before is not None and before.rows_sha256 == candidate.rows_sha256 and _same_rules(before, candidate)
        if before is not None and is_again and _is_judged(home, candidate, candidate.folder / ROWS_FILE):
            return Published(before, is_new=False, permission=allows(home, before.rows_sha256), kept_out=kept_out)
        folder = home.golden_published / f"version={version}.tmp"
        try:
            # What is hashed is the very file that goes out, so nothing can come between judgement and publication.
            rows, count = _write_rows(home, candidate, folder, version, limits or Limits())
            permission = allows(home, rows)
            _require_judged(folder, permission)
            if before is not None and before.rows_sha256 == rows and _same_rules(before, candidate):
                return Published(before, is_new=False, permission=permission, kept_out=kept_out)
            _refuse_the_past(candidate, before)
            manifest = {
                "version": version,
                "as_of": candidate.as_of.isoformat(),
                "published_as_of": as_of.isoformat(),
                "row_count": count,
                "rows_sha256": rows,
                "files": [_described(folder, name) for name in (ROWS_FILE, *BESIDE)],
                "inputs_sha256": _inputs_sha256(home),
                "gate": permission.record(),
                "releases_held": permission.releases_held,
                "previous_sha256": before.manifest_sha256 if before else None,
            }
            write_atomic(folder / MANIFEST, canonical_json(manifest) + "\n")
            sync_folder(folder)
            if gid is not None:
                share_version(folder, gid)
            folder.rename(version_folder(home, version))
            sync_folder(home.golden_published)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        digest = sha256_file(version_folder(home, version) / MANIFEST)
        write_atomic(home.golden_published / LATEST, pointer_text(version, digest, manifest), group=gid)
        record(home, publication_link(home, version))
        return Published(read_published(home), is_new=True, permission=permission, kept_out=kept_out)


def _write_rows(home: Home, candidate: Candidate, folder: Path, version: int, limits: Limits) -> tuple[str, int]:
    """Fill the folder with the candidate's rows, numbered, and its evidence. Returns their row hash and count."""
    folder.mkdir(mode=PRIVATE_FOLDER)
    with duckdb.connect() as con:
        prepare(con, home, limits)
        rows = folder / ROWS_FILE
        if candidate.version == version:
            copy_parquet(candidate.folder / ROWS_FILE, rows)
        else:
            write_parquet(con, f"select * replace ({version}::bigint as golden_version) from {candidate.relation}", rows)
        for name in BESIDE:
            copy_parquet(candidate.folder / name, folder / name)
            sync_folder((folder / name).parent)
        counted = con.execute(f"select count(*) from {parquet_relation([rows])}").fetchone()
        assert counted is not None
        is_judged = _is_judged(home, candidate, rows)
        return candidate.rows_sha256 if is_judged else rows_sha256(con, parquet_relation([rows])), int(counted[0])


def _is_judged(home: Home, candidate: Candidate, file: Path) -> bool:
    """Whether the file is, byte for byte, what the gate judged as the candidate's rows: only others are looked at again, which
    takes ten times as long. The candidate's own record is not asked, for nobody vouches for it.
    """
    verdict = read_verdict(home, "exit", candidate.rows_sha256)
    return verdict is not None and verdict.file_sha256 == sha256_file(file)


def _require_judged(folder: Path, permission: Permission) -> None:
    """Evidence lifts suppressions at destinations, and by the rules a scrub says how long its lists may be used: both go out only
    as the exit gate judged them.
    """
    judged = permission.exit_verdict.beside_sha256
    if others := [name for name in BESIDE if sha256_file(folder / name) != judged.get(name)]:
        raise GateClosed(
            "Publishing what goes out beside the rows",
            seen=f"{' and '.join(others)} of the candidate is not the file that the exit gate judged",
            allowed="the files as they were exported and judged",
            next_step="find out who changed it, then judge and publish in one run (quietlist run), which exports it again",
        )


def _same_rules(before: Snapshot, candidate: Candidate) -> bool:
    """Whether the version says of the law what the candidate says: if not, the same rows are a new version."""
    published = [file["sha256"] for file in before.manifest["files"] if file["name"] == RULES_FILE]
    return published == [sha256_file(candidate.folder / RULES_FILE)]


def _renew_pointer(home: Home, before: Snapshot, gid: int | None) -> None:
    """Let ``latest.json`` name the files of a version that was published before it did."""
    pointer, text = home.golden_published / LATEST, pointer_text(before.version, before.manifest_sha256, before.manifest)
    if pointer.read_text(encoding="utf-8") != text:
        write_atomic(pointer, text, group=gid)


def _refuse_the_past(candidate: Candidate, before: Snapshot | None) -> None:
    """A replay of a past day is for looking at: published, it would lift what was asked since."""
    if before is not None and candidate.as_of < before.as_of:
        raise PermanentError(
            f"Publishing the table as of {candidate.as_of.isoformat()}",
            seen=f"version {before.version} is published as of {before.as_of.isoformat()}",
            allowed="the same moment or a later one",
            next_step="omit --as-of, or replay the past in another home",
        )


def _described(folder: Path, name: str) -> dict[str, Any]:
    return {"name": name, "sha256": sha256_file(folder / name), "bytes": (folder / name).stat().st_size}


def _clean(home: Home, version: int) -> None:
    """Remove what an interrupted publication of ``version`` left; refuse to touch anything that may be history."""
    for path in home.golden_published.glob("version=*.tmp"):
        shutil.rmtree(path)
    if (stray := stray_version(home, version - 1)) is not None:
        raise PermanentError(
            f"Publishing version {version}",
            seen=f"version {stray} is there, but {LATEST} does not lead to it",
            allowed=f"at most version {version}, left by an interrupted publication",
            next_step=f"restore {LATEST} from its backup; publishing over history is refused",
        )
    if (left := version_folder(home, version)).is_dir():
        shutil.rmtree(left)


def _inputs_sha256(home: Home) -> str | None:
    """Hash of the landing manifest's last line, which by its own chain stands for every file that ever arrived."""
    lines = whole_lines(home.manifest_file)
    return sha256_bytes(lines[-1]) if lines else None


@contextmanager
def _only_publisher(home: Home) -> Iterator[None]:
    """One publication at a time."""
    home.create()
    with locked(home.published / ".lock") as got:
        if not got:
            raise Busy("Publishing", seen="another process is publishing", next_step="wait for it to end, then run again")
        yield
