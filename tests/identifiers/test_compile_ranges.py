"""The committed ranges are those of the installed metadata, and say what the library says."""

from __future__ import annotations

import random
from typing import Any

import phonenumbers
import pyarrow.parquet as pq
import pytest

from orchestration.identifiers.phone_sql import RANGES_FILE
from tests.seed import SEED
from tools import compile_ranges


@pytest.fixture(scope="module")
def committed() -> list[dict[str, Any]]:
    return pq.read_table(RANGES_FILE).to_pylist()


def test_the_only_file_is_the_installed_version_s() -> None:
    files = [path.name for path in RANGES_FILE.parent.glob("phone_ranges_*.parquet")]
    assert files == [RANGES_FILE.name], "run python -m tools.compile_ranges and commit its file"
    assert pq.read_schema(RANGES_FILE).metadata[b"phonenumbers"].decode() == phonenumbers.__version__


def test_every_plan_is_in_it(committed: list[dict[str, Any]]) -> None:
    assert {(row["kind"], row["plan"]) for row in committed} == set(compile_ranges.plans())


def test_compiling_again_gives_the_same_ranges(committed: list[dict[str, Any]]) -> None:
    print(f"seed {SEED}")
    fixed = [("national", "US"), ("national", "IT"), ("international", "52"), ("numbering", "44")]
    for kind, plan in fixed + random.Random(SEED).sample(compile_ranges.plans(), 12):
        stored = [row for row in committed if (row["kind"], row["plan"]) == (kind, plan)]
        assert stored == list(compile_ranges.compile_plan(kind, plan)), f"{kind} {plan}, seed {SEED}"


def test_ranges_say_what_the_library_says(committed: list[dict[str, Any]]) -> None:
    print(f"seed {SEED}")
    rnd = random.Random(SEED)
    for row in rnd.sample(committed, 4_000):
        compile_ranges.check(row, *(rnd.randint(row["low"], row["high"]) for _ in range(2)))


def test_ranges_of_one_plan_and_length_do_not_overlap(committed: list[dict[str, Any]]) -> None:
    last: dict[tuple[Any, ...], int] = {}
    for row in committed:
        place = row["kind"], row["plan"], row["digits"]
        assert last.get(place, -1) < row["low"] <= row["high"] < 10 ** row["digits"], row
        last[place] = row["high"]


def test_a_wrong_range_is_found(committed: list[dict[str, Any]]) -> None:
    valid = next(row for row in committed if row["kind"] == "numbering" and row["valid"])
    dialled = next(row for row in committed if row["kind"] == "national" and row["dropped"])
    for wrong in (valid | {"valid": False}, valid | {"region": "ZZ"}, dialled | {"dropped": 0}, dialled | {"calling_code": 999}):
        with pytest.raises(AssertionError):
            compile_ranges.check(wrong)


@pytest.mark.slow
def test_compiling_everything_again_gives_the_same_file() -> None:
    assert compile_ranges.compile_all().equals(pq.read_table(RANGES_FILE))
