"""Reading what was published: one version, proved, and what changed between two. Nothing is written.

``published/golden_suppression/latest.json`` is the only pointer: a version that it does not lead to was never published.
It holds the hash of the latest version's manifest; each manifest holds the hash of the one before it and those of its
own files. So whoever trusts ``latest.json`` can prove every byte behind it. That ``latest.json`` itself is the one that was
written is shown by the chain of evidence, on which every manifest is recorded.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from orchestration.core import chain
from orchestration.core.config import Limits
from orchestration.core.errors import PermanentError
from orchestration.core.files import sha256_bytes, sha256_file, whole_lines
from orchestration.core.home import Home
from orchestration.core.pointer import row_files
from orchestration.core.warehouse import prepare
from orchestration.landing.redactions import removed_files
from orchestration.publish.candidate import EVIDENCE_FILE, ROWS_FILE, RULES_FILE, parquet_relation
from orchestration.publish.rows import rows_sha256
from orchestration.publish.verdicts import read_named

LATEST = "latest.json"
MANIFEST = "manifest.json"
# Publications once read the manifest's last 64 KiB only, and of a longer line (a ZIP of hundreds of files) recorded the hash of
# what they had read: this many bytes before its end. Homes hold versions that were published so.
_OLD_TAIL = (1 << 16) - 1
_NUMBERED = re.compile(r"^version=([1-9][0-9]*)$")


@dataclass(frozen=True)
class Snapshot:
    """One published version, its files proved against its manifest. ``files`` hold the golden rows."""

    version: int
    folder: Path
    manifest: Mapping[str, Any]
    manifest_sha256: str

    @property
    def files(self) -> list[Path]:
        return [self.folder / file["name"] for file in row_files(self.manifest)]

    @property
    def evidence_file(self) -> Path:
        """The opt-ins and registry removals that let a row be released."""
        return self.folder / EVIDENCE_FILE

    @property
    def rules_file(self) -> Path | None:
        """The rules of law that this version was judged by; None in a version from before they were published."""
        named = any(file["name"] == RULES_FILE for file in self.manifest["files"])
        return self.folder / RULES_FILE if named else None

    @property
    def relation(self) -> str:
        """What to select the golden rows from, in DuckDB."""
        return parquet_relation(self.files)

    @property
    def rows_sha256(self) -> str:
        return str(self.manifest["rows_sha256"])

    @property
    def row_count(self) -> int:
        return int(self.manifest["row_count"])

    @property
    def as_of(self) -> datetime:
        return datetime.fromisoformat(self.manifest["as_of"])

    @property
    def releases_held(self) -> bool:
        """Whether the gate held releases when this version went out."""
        return bool(self.manifest["releases_held"])


def version_folder(home: Home, version: int) -> Path:
    """Where a version lies."""
    return home.golden_published / f"version={version}"


def latest_version(home: Home) -> int | None:
    """The number of the latest version, or None when nothing was published yet."""
    pointer = _read_pointer(home)
    return None if pointer is None else pointer[0]


def next_version(home: Home) -> int:
    """The number of the version that is published next."""
    return (latest_version(home) or 0) + 1


def read_published(home: Home, version: int | None = None) -> Snapshot:
    """The latest version, or an older one, after proving its manifest and files.

    Raises:
        PermanentError: nothing was published, there is no such version, or something on the way to it was altered.
    """
    pointer = _read_pointer(home)
    if pointer is None:
        raise PermanentError(
            "Reading the published table",
            seen="nothing was published yet",
            next_step="run quietlist run, and read what its gates say",
        )
    for number, manifest, digest in _manifests(home, *pointer):
        if version is None or number == version:
            if problem := altered(version_folder(home, number), manifest):
                raise _broken(problem)
            return Snapshot(number, version_folder(home, number), manifest, digest)
    raise PermanentError(
        f"Reading published version {version}",
        seen=f"the latest is version {pointer[0]}",
        allowed=f"1 to {pointer[0]}",
        next_step="name one of these",
    )


def require_inputs(home: Home) -> None:
    """Refuse a landing manifest that lacks deliveries which the published version was made of.

    A manifest that lost its end is a whole chain all the same. Were anything appended to it, restoring it from its backup
    would lose what was delivered since.

    Raises:
        PermanentError: the line that was the last one at publication is not there.
    """
    number, wanted = inputs_in_force(home)
    if wanted is not None and wanted not in inputs_known(home):
        raise PermanentError(
            f"Going on from the landing manifest {home.manifest_file}",
            seen=f"it lacks deliveries that published version {number} was made of",
            allowed="every line that was ever written",
            next_step="restore the file from its backup; nothing was collected, what waits in the inbox still waits there",
        )


def inputs_in_force(home: Home) -> tuple[int | None, str | None]:
    """The latest version and its ``inputs_sha256``; none before the first.

    Raises:
        PermanentError: its manifest is not the one that was published.
    """
    if (pointer := _read_pointer(home)) is None:
        return None, None
    number, manifest, _ = next(_manifests(home, *pointer))
    return number, manifest["inputs_sha256"]


def inputs_known(home: Home) -> Iterator[str]:
    """What a version's ``inputs_sha256`` may be: the hash of a line of the landing manifest."""
    for line in whole_lines(home.manifest_file):
        yield sha256_bytes(line)
        if len(line) > _OLD_TAIL:
            yield sha256_bytes(line[-_OLD_TAIL:])


def stray_version(home: Home, latest: int | None) -> int | None:
    """A version above those that were published and the one that an interrupted publication may have left, if any."""
    numbers = [int(match[1]) for path in home.golden_published.glob("version=*") if (match := _NUMBERED.match(path.name))]
    highest = max(numbers, default=0)
    return highest if highest > (latest or 0) + 1 else None


def read_gated(home: Home, limits: Limits | None = None) -> Snapshot:
    """The latest version for a push: recorded by its publication, and its rows those that the gate judged.

    Raises:
        PermanentError: as :func:`read_published`, or the rows are others than its manifest says, or nobody published them.
    """
    snapshot = read_published(home)
    if not _is_judged_file(home, snapshot):
        files = tuple((str(snapshot.folder / file["name"]), file["sha256"]) for file in row_files(snapshot.manifest))
        if _rows_in(home, limits or Limits(), files) != snapshot.rows_sha256:
            raise _broken(f"the rows of version {snapshot.version} are not those that its {MANIFEST} says were judged")
    if problem := unjudged(home, snapshot.manifest):
        raise _broken(problem)
    if not chain.holds(home, publication_link(home, snapshot.version)):
        raise _broken(
            f"version {snapshot.version} is not recorded on the chain as it is now",
            "run quietlist run, which records a version that a killed run published; refused again, it was altered: restore "
            "the published folder from its backup",
        )
    return snapshot


def unjudged(home: Home, manifest: Mapping[str, Any]) -> str | None:
    """What is wrong when a file beside a version's rows is not the one that the exit gate judged. Begins with the file's name.

    A verdict that is gone says nothing here: whether the rows may leave, the gate's newest verdict says. Nor does one from before
    verdicts covered those files.
    """
    try:
        judged = read_named(home, manifest["gate"]["verdict"]).beside_sha256
    except PermanentError:
        return None
    published = {file["name"]: file["sha256"] for file in manifest["files"]}
    for name, sha256 in judged.items():
        if published.get(name) != sha256:
            return f"{name} of version {manifest['version']} is not the file that the exit gate judged"
    return None


def _is_judged_file(home: Home, snapshot: Snapshot) -> bool:
    """Whether the version's file, which was just proved, is the very one that the gate judged. The verdict is on the chain with
    the file's hash beside that of its rows, and the same bytes hold the same rows: hashing them again takes thirty times as long.
    """
    try:
        verdict = read_named(home, snapshot.manifest["gate"]["verdict"])
    except PermanentError:
        return False  # what is altered or gone vouches for nothing; whether the rows may leave, the gate's newest verdict says
    golden = [file["sha256"] for file in row_files(snapshot.manifest)]
    return verdict.gate == "exit" and verdict.rows_sha256 == snapshot.rows_sha256 and golden == [verdict.file_sha256]


# Every destination asks for the same version; files proved to have these hashes have the same rows.
@functools.lru_cache(maxsize=1)
def _rows_in(home: Home, limits: Limits, files: tuple[tuple[str, str], ...]) -> str:
    with duckdb.connect() as con:
        prepare(con, home, limits)
        return rows_sha256(con, parquet_relation([Path(name) for name, _ in files]))


def publication_link(home: Home, version: int) -> chain.Link:
    """A version as a link of the chain: its manifest, which holds the hashes of its files."""
    return chain.file_link(home, "publication", version_folder(home, version) / MANIFEST)


def diff(con: duckdb.DuckDBPyConnection, old: Snapshot | None, new: Snapshot) -> duckdb.DuckDBPyRelation:
    """What changed between two versions, one row per key: ``change`` (added, removed, changed) and the key.

    Changed means that other nodes are excepted from the row. The relation is computed when it is read; no version
    before (``old`` is None) makes every row an added one.
    """
    key = "channel, identifier_type, identifier, scope"
    before = old.relation if old else f"{new.relation} limit 0"
    return con.sql(
        f"""
        with before as (select {key}, except_scopes from {before}),
        after as (select {key}, except_scopes from {new.relation}),
        joined as (
            select {key}, before.except_scopes as before_except, after.except_scopes as after_except,
                before.channel is not null as was, after.channel is not null as is_there
            from before full join after using ({key})
        ),
        final as (
            select case when not was then 'added' when not is_there then 'removed' else 'changed' end as change, {key}
            from joined
            where was <> is_there or before_except is distinct from after_except
        )
        select * from final
        """
    )


def _read_pointer(home: Home) -> tuple[int, str] | None:
    """The latest version and the hash of its manifest."""
    path = home.golden_published / LATEST
    try:
        pointer = json.loads(path.read_text())
        return int(pointer["version"]), str(pointer["manifest_sha256"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise _broken(f"{LATEST} does not name a version and its manifest") from error


def _manifests(home: Home, version: int, digest: str) -> Iterator[tuple[int, dict[str, Any], str]]:
    """Every manifest from ``version`` down to the first, each proved by what came after it."""
    for number in range(version, 0, -1):
        path = version_folder(home, number) / MANIFEST
        if not path.is_file():
            raise _broken(f"version {number} has no {MANIFEST}")
        if sha256_file(path) != digest:
            raise _broken(f"the {MANIFEST} of version {number} is not the one that was published")
        manifest = json.loads(path.read_text())
        yield number, manifest, digest
        digest = str(manifest["previous_sha256"])


def altered(folder: Path, manifest: Mapping[str, Any], *, rehash: bool = True) -> str | None:
    """What is not as a version's manifest says, if anything. Without ``rehash`` only the files' sizes are looked at."""
    for file in manifest["files"]:
        path = folder / file["name"]
        if not path.is_file():
            return f"{file['name']} of version {manifest['version']} is gone"
        if path.stat().st_size != file["bytes"] or (rehash and sha256_file(path) != file["sha256"]):
            return f"{file['name']} of version {manifest['version']} is not the file that was published"
    return None


def is_erased(home: Home, version: int) -> bool:
    """Whether an erasure removed the rows of a version, of which the manifest is left."""
    folder = version_folder(home, version)
    return any((folder / name).relative_to(home.root).as_posix() in removed_files(home) for name in (ROWS_FILE, EVIDENCE_FILE))


def _broken(what: str, next_step: str = "") -> PermanentError:
    return PermanentError(
        "Proving the published table",
        seen=what,
        allowed="files exactly as they were published",
        next_step=next_step or "restore the published folder from its backup; nothing is pushed until it verifies again",
    )
