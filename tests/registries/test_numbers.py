"""Streams of sorted numbers against Python's sets: same answers however the streams are cut into chunks."""

from __future__ import annotations

import random
import stat
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest

from orchestration.core import numbers as engine
from orchestration.core.numbers import Chunk, Numbers, Tally
from tests.seed import SEED


def stream(values: set[int], chosen: random.Random) -> Numbers:
    """The values in ascending order, cut at random."""
    ordered = sorted(values)
    while ordered:
        cut = chosen.randint(1, max(1, min(len(ordered), chosen.choice((1, 3, 200)))))
        yield np.array(ordered[:cut], np.uint64)
        ordered = ordered[cut:]


def listed(numbers: Numbers) -> list[int]:
    found: list[int] = []
    for chunk in numbers:
        assert chunk.dtype == np.uint64 and len(chunk), "an empty chunk, or of another type"
        found += chunk.tolist()
    return found


def test_every_operation_gives_what_sets_give(monkeypatch: pytest.MonkeyPatch) -> None:
    seed = SEED
    chosen = random.Random(seed)
    for case in range(400):
        said = f"seed {seed}, case {case}"
        # Few beside many are cut in and out, others merged: both with short chunks too.
        monkeypatch.setattr(engine, "_FEW", chosen.choice((1, 4, 512)))
        top = chosen.choice((5, 60, 5_000, 2**63))
        left = {chosen.randint(0, top) for _ in range(chosen.choice((0, 1, 8, 300)))}
        right = {chosen.randint(0, top) for _ in range(chosen.choice((0, 1, 8, 300)))}
        if chosen.random() < 0.5:
            right |= {value for value in left if chosen.random() < 0.9}
        tally = Tally()
        assert listed(engine.union(stream(left, chosen), stream(right, chosen), tally)) == sorted(left | right), said
        assert listed(engine.minus(stream(left, chosen), stream(right, chosen), tally)) == sorted(left - right), said
        assert (tally.added, tally.removed) == (len(right - left), len(left & right)), said
        pairs = list(engine.differences(stream(left, chosen), stream(right, chosen)))
        assert sorted(int(value) for added, _ in pairs for value in added) == sorted(right - left), said
        assert sorted(int(value) for _, removed in pairs for value in removed) == sorted(left - right), said
        counted = engine.count_differences(stream(left, chosen), stream(right, chosen))
        assert (counted.added, counted.removed) == (len(right - left), len(left - right)), said
        repeated = iter([np.sort(np.array([*left, *left], np.uint64))] if left else [])
        assert listed(engine.distinct(repeated)) == sorted(left), said


def test_a_file_is_private_sorted_parquet_that_duckdb_reads_and_read_all_puts_files_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "ROW_GROUP", 100)
    seed = SEED
    chosen = random.Random(seed)
    values = {chosen.randint(0, 10**12) for _ in range(2_000)}
    ordered = sorted(values)
    # Two ranges apart, the second of them in two files that overlap.
    parts = [set(ordered[:700]), {v for v in ordered[700:] if v % 3}, {v for v in ordered[700:] if v % 3 != 1}]
    paths = [tmp_path / f"{number}.parquet" for number in (2, 0, 1)]
    for part, path in zip(parts, paths, strict=True):
        assert engine.write_numbers(stream(part, chosen), path) == len(part)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert listed(engine.read_all(paths)) == ordered, f"seed {seed}"
    assert listed(engine.read_numbers(paths[1])) == sorted(parts[1]), f"seed {seed}"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.parquet", "1.parquet", "2.parquet"]
    column = pq.read_metadata(paths[0]).row_group(0).column(0)
    assert (column.compression, "DELTA_BINARY_PACKED" in column.encodings) == ("ZSTD", True)
    with duckdb.connect() as con:
        assert con.execute("describe from read_parquet(?)", [str(paths[0])]).fetchall()[0][:2] == ("number", "UBIGINT")


@pytest.mark.parametrize("chunks", [([5, 4],), ([1, 2], [2, 3]), ([7], [3]), ([1, 1],)], ids=str)
def test_what_is_not_in_order_is_refused_and_leaves_nothing(tmp_path: Path, chunks: tuple[list[int], ...]) -> None:
    with pytest.raises(ValueError, match="ascending"):
        engine.write_numbers((np.array(chunk, np.uint64) for chunk in chunks), tmp_path / "n.parquet")
    assert list(tmp_path.iterdir()) == []


def test_a_stream_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def failing() -> Iterator[Chunk]:
        yield np.array([1, 2], np.uint64)
        raise RuntimeError("the disk is gone")

    with pytest.raises(RuntimeError, match="the disk is gone"):
        engine.write_numbers(failing(), tmp_path / "n.parquet")
    assert list(tmp_path.iterdir()) == []
