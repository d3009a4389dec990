"""In which order the files of a registry apply, and which numbers they list then, as passes over sorted files.

A batch is what one source delivered of one registry for one moment, in one file or in many. The order and the meaning are
those of ``models/registries``, which say them for the numbers the company knows; the tests hold both to each other.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby

import duckdb
import numpy as np

from orchestration.core.home import CHECKOUT, Home
from orchestration.core.numbers import Chunk, Numbers, Tally, from_batches, minus, read_all, union
from orchestration.readers.number_lines import plain_file
from orchestration.registries.taking import entries_file

POLICY = CHECKOUT / "dbt_project" / "seeds" / "policy" / "registries.csv"
# A registry without a row of policy is taken as a whole: it lists, and a full file of it ends what it does not list.
UNKNOWN = {"coverage": "whole"}
_ROWS = 1 << 20


@dataclass(frozen=True)
class LandedFile:
    """A file with entries of one registry. ``is_full`` as it was delivered."""

    file_id: str
    sha256: str
    source: str
    snapshot_at: datetime
    received_at: datetime
    is_full: bool
    is_plain: bool
    """It has plain numbers of this registry."""
    has_entries: bool
    areas: frozenset[str]


@dataclass(frozen=True)
class Batch:
    """Files that apply together."""

    source: str
    is_full: bool
    """It says everything about the areas it holds."""
    snapshot_at: datetime
    files: tuple[LandedFile, ...]

    @property
    def is_plain(self) -> bool:
        return any(file.is_plain for file in self.files)

    @property
    def received_at(self) -> datetime:
        return min(file.received_at for file in self.files)

    @property
    def obtained_at(self) -> datetime:
        """A copy is as old as its content: a file dated before it arrived was obtained then."""
        return min(self.snapshot_at, self.received_at)

    @property
    def areas(self) -> frozenset[str]:
        return frozenset[str]().union(*(file.areas for file in self.files))


def read_policies() -> dict[str, dict[str, str]]:
    """The rows of the ``registries`` seed by registry."""
    with POLICY.open(encoding="utf-8", newline="") as stream:
        return {row["registry"]: row for row in csv.DictReader(stream)}


def files_by_registry(con: duckdb.DuckDBPyConnection) -> dict[str, list[LandedFile]]:
    """Every file ingested, in order of arrival."""
    found: dict[str, list[LandedFile]] = defaultdict(list)
    for registry, *fields, areas in con.execute(
        """
        select areas.registry, areas.file_id, landed.sha256, landed.source, landed.snapshot_at, landed.received_at, areas.is_full,
            coalesce(files.plain_registry = areas.registry and files.plain_is_full = areas.is_full, false) as is_plain,
            files.has_entries, list(areas.area)
        from registries.file_areas as areas
        inner join registries.files as files on areas.file_id = files.file_id
        inner join raw.landed_files as landed on areas.file_id = landed.file_id
        group by all
        order by areas.registry, landed.received_at, areas.file_id, areas.is_full
        """
    ).fetchall():
        found[registry].append(LandedFile(*(*fields, frozenset(areas))))
    return dict(found)


def batches_of(files: Iterable[LandedFile], coverage: str) -> list[Batch]:
    """The batches of one registry in the order in which they apply."""

    def key(file: LandedFile) -> tuple[datetime, bool, str]:
        # A full file first: the changes of the same moment are changes to it. A washed list never speaks for numbers
        # that it does not name.
        return file.snapshot_at, not (file.is_full and coverage != "wash"), file.source

    return [
        Batch(source, not is_change, snapshot_at, tuple(sorted(group, key=lambda file: (file.file_id, file.is_full))))
        for (snapshot_at, is_change, source), group in groupby(sorted(files, key=key), key=key)
    ]


def label_of(batch: Batch, among: Sequence[Batch]) -> str:
    """The version's text, the date first, so that a version a dialler names by its day is found."""
    moment = f"{batch.snapshot_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}-{'full' if batch.is_full else 'change'}"
    same = [other for other in among if (other.snapshot_at, other.is_full) == (batch.snapshot_at, batch.is_full)]
    return f"{moment}-{batch.source}" if len(same) > 1 else moment


def ages_of(batches: Sequence[Batch], coverage: str) -> dict[str, datetime]:
    """Per area taken, when its newest copy was obtained; a registry that is not taken by area is the area ``*``."""
    ages: dict[str, datetime] = {}
    for batch in batches:
        if coverage != "area_code":
            ages["*"] = batch.obtained_at
        elif batch.is_full:
            ages.update(dict.fromkeys(batch.areas, batch.obtained_at))
        else:
            # Changes are changes to every area taken.
            ages.update(dict.fromkeys(ages, batch.obtained_at))
    return ages


def without_what_is_replaced(batches: Sequence[Batch], coverage: str) -> list[Batch]:
    """The batches from the last one on that says everything there was to say before it."""
    seen: frozenset[str] = frozenset()
    start = 0
    for place, batch in enumerate(batches):
        seen |= batch.areas
        if batch.is_full and (coverage != "area_code" or batch.areas == seen):
            start = place
    return list(batches[start:])


def whole_file(batch: Batch) -> LandedFile | None:
    """The one file whose plain numbers are all that a full batch lists, if there is one."""
    only = batch.files[0]
    return only if batch.is_full and len(batch.files) == 1 and only.is_plain and not only.has_entries else None


def apply_all(
    con: duckdb.DuckDBPyConnection,
    home: Home,
    registry: str,
    coverage: str,
    batches: Iterable[Batch],
    listed: Numbers,
    tally: Tally,
) -> Numbers:
    """Who is listed after the batches, if ``listed`` were before them, in one pass; ``tally`` counts as it goes."""
    # A year of change lists is one step: of each number only the last word counts.
    for is_changes, run in groupby(batches, key=lambda batch: not batch.is_full and not batch.is_plain):
        for several in [list(run)] if is_changes else [[batch] for batch in run]:
            plain = [plain_file(home, file.file_id) for batch in several for file in batch.files if file.is_plain]
            batch = several[0]
            if batch.is_full:
                # What is outside of the batch's areas stays. Of a registry taken as a whole, nothing does.
                listed = _outside(listed, batch.areas) if coverage == "area_code" else iter(())
            else:
                listed = minus(listed, _last_words(con, home, registry, several, listed=False), tally)
            listed = union(listed, _last_words(con, home, registry, several, listed=True), tally)
            if plain:
                # Beside what the same batch delists: one that says both leaves the number listed (promise 3).
                listed = union(listed, read_all(plain), tally)
    return listed


def _last_words(con: duckdb.DuckDBPyConnection, home: Home, registry: str, batches: Sequence[Batch], *, listed: bool) -> Numbers:
    """The numbers, among those not in plain files, that the batches list or delist in the end."""
    placed = [
        (str(entries_file(home, file.file_id)), place, file.is_full)
        for place, batch in enumerate(batches)
        for file in batch.files
        if file.has_entries
    ]
    if not placed:
        return
    paths, places, are_full = (list(column) for column in zip(*placed, strict=True))
    # A cursor of its own, for several of these are read at once. DuckDB sorts within its memory limit.
    with con.cursor() as cursor:
        query = cursor.sql(
            """
            with files as (select unnest(?::varchar[]) as path, unnest(?::int[]) as place, unnest(?::boolean[]) as is_full),
            words as (
                select entries.number, files.place, bool_or(entries.is_listed) as is_listed
                from read_parquet(?, filename = true) as entries
                inner join files on entries.filename = files.path and entries.is_full = files.is_full
                where entries.registry = ?
                group by entries.number, files.place
            )
            select number from words group by number having arg_max(is_listed, place) = ? order by number
            """,
            params=[paths, places, are_full, sorted(set(paths)), registry, listed],
        )
        yield from from_batches(query.to_arrow_reader(_ROWS))


def _outside(listed: Numbers, areas: frozenset[str]) -> Iterator[Chunk]:
    """The numbers of a stream that are in none of the areas."""
    is_replaced = np.zeros(1000, bool)
    is_replaced[[int(area) for area in areas if area]] = True
    for chunk in listed:
        code = (chunk // np.uint64(10_000_000)).astype(np.int64) - 1000
        in_plan = (code >= 0) & (code < 1000)
        kept = chunk[~np.where(in_plan, is_replaced[np.where(in_plan, code, 0)], "" in areas)]
        if len(kept):
            yield kept
