"""Making the next version of a registry: sorted, immutable, complete before it counts.

The order leaves the same end after a crash at any point: ``version=<n>.tmp/`` is filled and made durable, renamed to
``version=<n>/``, and only then does ``latest.json`` lead to it. What a version holds follows from the landed files that its
manifest and those before it name (``inputs``), so nothing beside the published files remembers where a registry stands.
"""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from orchestration.core.chain import record
from orchestration.core.files import canonical_json, keep_file, sha256_file, sync_folder, write_atomic
from orchestration.core.home import PRIVATE_FOLDER, Home
from orchestration.core.numbers import Tally, count_differences, differences, read_numbers, write_numbers
from orchestration.core.pointer import pointer_text
from orchestration.readers.number_lines import plain_file
from orchestration.registries.batches import (
    UNKNOWN,
    Batch,
    LandedFile,
    ages_of,
    apply_all,
    batches_of,
    label_of,
    whole_file,
    without_what_is_replaced,
)
from orchestration.registries.taking import count_areas, entries_file
from orchestration.registries.versions import (
    LATEST,
    MANIFEST,
    NUMBERS,
    Version,
    broken,
    chain_of,
    latest_of,
    publication_link,
    registry_folder,
)

# A registry loses less than a hundredth between two copies. Of ten numbers or fewer a share says nothing.
_LOST_SHARE, _LOST_FEW = 0.1, 10
_NUMBERED = re.compile(r"^version=([1-9][0-9]*)$")


@dataclass(frozen=True)
class Withheld:
    """A version that was not published, because it would lose a tenth of the registry or more, or all of it."""

    registry: str
    rows_before: int
    rows_after: int
    removed: int


def publish_registry(
    con: duckdb.DuckDBPyConnection,
    home: Home,
    registry: str,
    files: Sequence[LandedFile],
    policy: Mapping[str, str],
    *,
    full_refresh: bool,
    may_shrink: bool = False,
) -> Version | Withheld | None:
    """Publish one version with what the files say and no version does yet; nothing when the versions say it all.

    A version that would lose too many numbers is not published: whoever screens a campaign reads versions directly, so it must
    not be there before somebody has said that it may. The one before stays the latest until then.

    A file that comes before something published changes the registry's past: its present is then made from the last
    version that the file comes after.

    Args:
        files: every file of the registry that was ingested, in order of arrival.
        full_refresh: what the files mean may have changed: make the present from all of them, and publish it if it is another.
        may_shrink: the gate, or a person in its place, allowed what it would lose.
    """
    coverage = policy["coverage"] or UNKNOWN["coverage"]
    batches = batches_of(files, coverage)
    chain = list(chain_of(home, registry))
    latest = chain[0] if chain else None
    if latest:
        record(home, publication_link(home, registry, latest.number))
    included = _included(chain, files)
    pending = [file for file in files if file not in included]
    if not pending and not (full_refresh and latest):
        return None
    base, known = (None, []) if full_refresh else _base(chain, files, batches, coverage)
    rest = batches[len(known) :] if base else without_what_is_replaced(batches, coverage)
    facts = _facts(registry, dict(policy), batches, coverage)
    parent = registry_folder(home, registry)
    number = latest.number + 1 if latest else 1
    _clean(parent, number)
    folder = parent / f"version={number}.tmp"
    for place in (home.registries_published, parent, folder):
        place.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)  # parents=True would make them as the umask says
    try:
        # Areas of whose numbers some may be left after a full file of others.
        areas = frozenset[str]().union(*(batch.areas for batch in batches[:-1] if base or batch in rest))
        tally = _write(con, home, registry, coverage, folder / NUMBERS, rest, base, latest, areas)
        if latest and not pending and not (tally.added or tally.removed) and _says(latest, facts):
            return None
        if not may_shrink and (loss := _loss(con, home, registry, coverage, folder / NUMBERS, rest, pending, latest, tally)):
            return loss
        manifest = {
            **facts,
            "version": number,
            "rows": pq.read_metadata(folder / NUMBERS).num_rows,
            "added": tally.added,
            "removed": tally.removed,
            "files": [{"name": NUMBERS, "sha256": sha256_file(folder / NUMBERS), "bytes": (folder / NUMBERS).stat().st_size}],
            "inputs": [file.sha256 for file in pending],
            "previous_sha256": latest.manifest_sha256 if latest else None,
        }
        write_atomic(folder / MANIFEST, canonical_json(manifest) + "\n")
        sync_folder(folder)
        folder.rename(parent / f"version={number}")
        sync_folder(parent)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    digest = sha256_file(parent / f"version={number}" / MANIFEST)
    write_atomic(parent / LATEST, pointer_text(number, digest, manifest))
    record(home, publication_link(home, registry, number))
    return latest_of(home, registry)


def _base(
    chain: Sequence[Version], files: Sequence[LandedFile], batches: Sequence[Batch], coverage: str
) -> tuple[Version | None, Sequence[Batch]]:
    """The newest version all of whose batches come before all others, and its batches; if need be, all is made again."""
    for place, version in enumerate(chain):
        known = batches_of(_included(chain[place:], files), coverage)
        if batches[: len(known)] == known and version.numbers_file.is_file():
            return version, known
    return None, []


def _write(
    con: duckdb.DuckDBPyConnection,
    home: Home,
    registry: str,
    coverage: str,
    path: Path,
    batches: Sequence[Batch],
    base: Version | None,
    latest: Version | None,
    areas: frozenset[str],
) -> Tally:
    """Write the numbers of ``base`` with the batches applied; returns what they are to those of the latest version."""
    last = batches[-1]
    if (whole := whole_file(last)) and (coverage != "area_code" or areas <= last.areas):
        _copy(plain_file(home, whole.file_id), path)
    else:
        listed = read_numbers(base.prove().numbers_file) if base else iter(())
        tally = Tally()
        write_numbers(apply_all(con, home, registry, coverage, batches, listed, tally), path)
        if base is latest and len(batches) == 1 and not (last.is_full or last.is_plain):
            return tally
    if latest is None:
        return Tally(added=pq.read_metadata(path).num_rows)
    return count_differences(read_numbers(latest.prove().numbers_file), read_numbers(path))


def _loss(
    con: duckdb.DuckDBPyConnection,
    home: Home,
    registry: str,
    coverage: str,
    path: Path,
    batches: Sequence[Batch],
    pending: Sequence[LandedFile],
    latest: Version | None,
    tally: Tally,
) -> Withheld | None:
    """What the version in the making lost, by a shorter copy or by removals alike, where that is too much."""
    rows = pq.read_metadata(path).num_rows
    if latest is None:
        # The first version has none to be compared with; a list of removals among its files is measured by what it names.
        worst = max((_delisted(con, home, registry, batch) for batch in batches if not batch.is_full), default=0)
        is_lost = _is_too_much(worst, rows + worst) or (worst > 0 and rows == 0)
        return Withheld(registry, rows + worst, rows, worst) if is_lost else None
    lost = Withheld(registry, latest.rows, rows, tally.removed)
    if _is_too_much(tally.removed, latest.rows) or (latest.rows > 0 and rows == 0):
        return lost
    delivered = frozenset[str]().union(*(file.areas for file in pending if file.is_full))
    if coverage != "area_code" or tally.removed <= _LOST_FEW or not delivered:
        return None
    # Half of one area is little of a nation: what was delivered is measured by what was there of it.
    before = count_areas(read_numbers(latest.numbers_file))
    gone = count_areas(gone for _, gone in differences(read_numbers(latest.numbers_file), read_numbers(path)))
    removed, there = (sum(counts[area] for area in delivered) for counts in (gone, before))
    return Withheld(registry, there, there - removed, removed) if _is_too_much(removed, there) else None


def _is_too_much(removed: int, before: int) -> bool:
    return removed > _LOST_FEW and removed >= before * _LOST_SHARE


def _delisted(con: duckdb.DuckDBPyConnection, home: Home, registry: str, batch: Batch) -> int:
    """How many numbers a batch takes out of the registry, if all of them were in it."""
    paths = [str(entries_file(home, file.file_id)) for file in batch.files if file.has_entries]
    if not paths:
        return 0
    query = "select count(*) from read_parquet(?) where registry = ? and not is_listed and not is_full"
    return int(con.execute(query, [paths, registry]).fetchall()[0][0])


def _facts(registry: str, policy: dict[str, str], batches: Sequence[Batch], coverage: str) -> dict[str, Any]:
    """What a manifest says of the batches that it stands for; of the newest where only one can be meant."""
    newest, ages = batches[-1], ages_of(batches, coverage)
    return {
        "registry": registry,
        "label": label_of(newest, batches),
        "kind": "full" if newest.is_full else "change",
        "source": newest.source,
        "snapshot_at": _text(newest.snapshot_at),
        # The oldest of its areas: a full file of one area makes no copy of another younger.
        "obtained_at": _text(min(ages.values(), default=newest.obtained_at)),
        "received_at": _text(newest.received_at),
        "coverage": coverage,
        "area_codes": sorted(area for area in ages if area) if coverage == "area_code" else [],
        "policy": policy,
    }


def _included(chain: Sequence[Version], files: Sequence[LandedFile]) -> list[LandedFile]:
    """The files that the versions name. The same bytes from two sources are two files, ingested as they arrived."""
    named = Counter(digest for version in chain for digest in version.manifest["inputs"])
    found = []
    for file in files:
        if named[file.sha256]:
            named[file.sha256] -= 1
            found.append(file)
    return found


def _says(latest: Version, facts: Mapping[str, Any]) -> bool:
    return all(latest.manifest[name] == value for name, value in facts.items())


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    keep_file(target)


def _clean(folder: Path, version: int) -> None:
    """Remove what an interrupted publication left; refuse to touch anything that may be history."""
    numbers = [int(match[1]) for path in folder.glob("version=*") if (match := _NUMBERED.match(path.name))]
    if (stray := max(numbers, default=0)) > version:
        raise broken(folder, f"version {stray} is there, but {LATEST} does not lead to it")
    for path in (*folder.glob("version=*.tmp"), folder / f"version={version}"):
        shutil.rmtree(path, ignore_errors=True)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
