"""Sorted files of phone numbers, E.164 digits as integers: written, read, joined and compared as streams of chunks.

A registry of 260 million numbers fits no laptop's memory as objects, but sorted it is 156 MB of Parquet and one pass. So a
list of numbers is never held: it is a stream of ascending, distinct, non-empty uint64 arrays, and every operation takes and
yields streams. Which numbers belong together is decided by the stages.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.core.files import flush_to_disk, sync_folder
from orchestration.core.home import PRIVATE_FOLDER

Chunk = npt.NDArray[np.uint64]
Numbers = Iterator[Chunk]

SCHEMA = pa.schema([pa.field("number", pa.uint64(), nullable=False)])
# Rows of a row group, and of a chunk that is read: 8 MB, so that several streams stay in the hundreds of megabytes.
ROW_GROUP = 1 << 20
# zstd's fast level: differences packed to 5 bits leave it little to find, and level 1 took twice the time for 0.1 % less.
_LEVEL = -1
# As few of many are cut in or out piece by piece, which copies at the speed of memory; more are merged number by number.
_FEW = 512
_NONE: Chunk = np.empty(0, np.uint64)


@dataclass
class Tally:
    """What a change did: numbers that were not there before it, and numbers that no longer are."""

    added: int = 0
    removed: int = 0


class NumberWriter:
    """A file in the making, mode 0600. It has its name only once all of it is on the disk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        handle, self._name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)  # mode 0600
        self._stream = os.fdopen(handle, "wb")
        self._writer = pq.ParquetWriter(
            self._stream,
            SCHEMA,
            version="2.6",
            data_page_version="2.0",
            use_dictionary=False,
            column_encoding={"number": "DELTA_BINARY_PACKED"},
            compression="zstd",
            compression_level=_LEVEL,
        )
        self.rows = 0

    def add(self, chunk: Chunk) -> None:
        """Append numbers, in whatever order they are."""
        self._writer.write_batch(pa.record_batch([pa.array(chunk)], schema=SCHEMA), row_group_size=ROW_GROUP)
        self.rows += len(chunk)

    def finish(self) -> None:
        """Make the file durable and give it its name."""
        self._writer.close()
        flush_to_disk(self._stream)
        self._stream.close()
        Path(self._name).replace(self._path)
        sync_folder(self._path.parent)

    def discard(self) -> None:
        """Leave nothing. After :meth:`finish` there is nothing to discard."""
        with suppress(OSError):  # the disk that is full now was full before, and that error is on its way already
            self._writer.close()
            self._stream.close()
        Path(self._name).unlink(missing_ok=True)


def write_numbers(numbers: Numbers, path: Path) -> int:
    """Write a stream whole or not at all; returns how many numbers it held.

    Raises:
        ValueError: the stream is not ascending and distinct; what is built on it would lose numbers silently.
    """
    writer = NumberWriter(path)
    try:
        for chunk in _ahead(_ascending(numbers)):
            writer.add(chunk)
        writer.finish()
    finally:
        writer.discard()
    return writer.rows


def _ascending(numbers: Numbers) -> Numbers:
    """The same stream, looked at by whoever makes its chunks: writing them is the longer half of the work."""
    last = -1
    for chunk in numbers:
        if int(chunk[0]) <= last or not bool(np.all(chunk[1:] > chunk[:-1])):
            raise ValueError("a stream of numbers is not in ascending order")
        last = int(chunk[-1])
        yield chunk


def move_numbers(source: Path, target: Path) -> int:
    """Give a finished file, whose numbers are known to be in order, its place; returns how many it holds."""
    target.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    source.replace(target)
    sync_folder(target.parent)
    return int(pq.read_metadata(target).num_rows)


def read_numbers(path: Path) -> Numbers:
    """The numbers of a file."""
    return _ahead(_row_groups(path))


def read_all(paths: Iterable[Path]) -> Numbers:
    """The numbers of several files: one after the other where their ranges lie apart, merged where they overlap."""
    ranges = sorted((*_range(path), path) for path in paths)
    group: list[Path] = []
    end = -1
    for first, last, path in ranges:
        if first > end and group:
            yield from reduce(union, map(read_numbers, group))
            group = []
        group.append(path)
        end = max(end, last)
    if group:
        yield from reduce(union, map(read_numbers, group))


def distinct(numbers: Numbers) -> Numbers:
    """An ascending stream without its repetitions."""
    last: Chunk = _NONE
    for chunk in numbers:
        joined = np.concatenate([last, chunk])
        is_new = np.empty(len(joined), bool)
        is_new[0] = len(last) == 0
        np.not_equal(joined[1:], joined[:-1], out=is_new[1:])
        last = joined[-1:]
        if (left := joined[is_new]).size:
            yield left


def from_batches(batches: Iterable[pa.RecordBatch]) -> Numbers:
    """The first column of Arrow batches as a stream."""
    for batch in batches:
        if batch.num_rows:
            yield batch.column(0).to_numpy()


def union(left: Numbers, right: Numbers, tally: Tally | None = None) -> Numbers:
    """Everything that is in one of both; ``tally`` counts what ``right`` adds."""
    for ours, theirs in _aligned(left, right):
        joined = _joined(ours, theirs)
        if tally is not None:
            tally.added += len(joined) - len(ours)
        yield joined


def minus(left: Numbers, right: Numbers, tally: Tally | None = None) -> Numbers:
    """What is in ``left`` only; ``tally`` counts what ``right`` removes."""
    for ours, theirs in _aligned(left, right):
        kept = _without(ours, theirs)
        if tally is not None:
            tally.removed += len(ours) - len(kept)
        if len(kept):
            yield kept


def differences(old: Numbers, new: Numbers) -> Iterator[tuple[Chunk, Chunk]]:
    """What is new and what is gone, range by range: (added, removed)."""
    for ours, theirs in _aligned(old, new):
        if not len(ours) or not len(theirs):
            yield theirs, ours
        elif not np.array_equal(ours, theirs):
            # Two sorted runs: the stable sort only merges them, in one pass.
            merged = np.concatenate([ours, theirs])
            merged.sort(kind="stable")
            is_twice = np.zeros(len(merged) + 1, bool)
            np.equal(merged[1:], merged[:-1], out=is_twice[1:-1])
            once = merged[~(is_twice[1:] | is_twice[:-1])]
            is_ours = _is_in(once, ours)
            yield once[~is_ours], once[is_ours]


def count_differences(old: Numbers, new: Numbers) -> Tally:
    """How many numbers are new, and how many are gone."""
    tally = Tally()
    for added, removed in differences(old, new):
        tally.added += len(added)
        tally.removed += len(removed)
    return tally


def _row_groups(path: Path) -> Numbers:
    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            column = file.read_row_group(group, columns=["number"], use_threads=False).column(0)
            for piece in column.chunks:
                if len(piece):
                    yield piece.to_numpy()


def _range(path: Path) -> tuple[int, int]:
    """The first and the last number of a file, from its statistics."""
    metadata = pq.read_metadata(path)
    groups = [metadata.row_group(place).column(0).statistics for place in range(metadata.num_row_groups)]
    return int(groups[0].min), int(groups[-1].max)


def _ahead(numbers: Numbers) -> Numbers:
    """The same stream, its next chunk made while this one is being used: two cores for one pass."""
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(_next, numbers)
        while (chunk := waiting.result()) is not None:
            waiting = pool.submit(_next, numbers)
            yield chunk


def _next(numbers: Numbers) -> Chunk | None:
    return next((chunk for chunk in numbers), None)


def _aligned(left: Numbers, right: Numbers) -> Iterator[tuple[Chunk, Chunk]]:
    """Pairs of chunks that cover the same range of numbers, in ascending order; one of a pair may be empty."""
    ours = _next(left)
    theirs = _next(right)
    while ours is not None and theirs is not None:
        end = min(ours[-1], theirs[-1])
        mine, its = int(np.searchsorted(ours, end, side="right")), int(np.searchsorted(theirs, end, side="right"))
        yield ours[:mine], theirs[:its]
        ours = ours[mine:] if mine < len(ours) else _next(left)
        theirs = theirs[its:] if its < len(theirs) else _next(right)
    while ours is not None:
        yield ours, _NONE
        ours = _next(left)
    while theirs is not None:
        yield _NONE, theirs
        theirs = _next(right)


def _is_in(few: Chunk, many: Chunk) -> npt.NDArray[np.bool_]:
    place = np.searchsorted(many, few)
    place[place == len(many)] = 0
    found: npt.NDArray[np.bool_] = many[place] == few
    return found


def _joined(ours: Chunk, theirs: Chunk) -> Chunk:
    if not len(ours) or not len(theirs):
        return ours if len(ours) else theirs
    if len(theirs) * _FEW < len(ours):
        new = theirs[~_is_in(theirs, ours)]
        places = [0, *np.searchsorted(ours, new).tolist(), len(ours)]
        pieces = [ours[start:end] for start, end in pairwise(places)]
        return np.concatenate([part for place, piece in enumerate(pieces) for part in (piece, new[place : place + 1])])
    merged = np.concatenate([ours, theirs])
    merged.sort(kind="stable")
    is_new = np.ones(len(merged), bool)
    np.not_equal(merged[1:], merged[:-1], out=is_new[1:])
    return merged[is_new]


def _without(ours: Chunk, theirs: Chunk) -> Chunk:
    if not len(ours) or not len(theirs):
        return ours
    found = np.searchsorted(ours, theirs[_is_in(theirs, ours)])
    if len(found) * _FEW < len(ours):
        places = [-1, *found.tolist(), len(ours)]
        return np.concatenate([ours[before + 1 : place] for before, place in pairwise(places)])
    is_kept = np.ones(len(ours), bool)
    is_kept[found] = False
    return ours[is_kept]
