"""The row hash: the same rows always have it, other rows never."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from orchestration.core.errors import PermanentError
from orchestration.publish import rows_sha256

DDL = "create or replace table {name} (a varchar, n bigint, l varchar[], t timestamptz, golden_version bigint)"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Row = tuple[str | None, int | None, list[str | None] | None, datetime | None, int | None]
BASE: list[Row] = [
    ("ada@example.com", 1, ["crm", "web"], datetime(2026, 3, 1, tzinfo=UTC), 1),
    ("bob@example.com", 2, [], None, 1),
    (None, None, None, datetime(1969, 1, 1, tzinfo=UTC), 1),
]


@pytest.fixture(scope="module")
def con() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


def hashed(con: duckdb.DuckDBPyConnection, rows: list[Row], name: str = "t") -> str:
    con.execute(DDL.format(name=name))
    con.executemany(f"insert into {name} values (?, ?, ?, ?, ?)", rows) if rows else None
    return rows_sha256(con, name)


def by_hand(rows: list[Row]) -> str:
    """What the docstring of ``rows`` says, without DuckDB."""

    def sized(text: str | None) -> str:
        return "-" if text is None else f"{len(text.encode())}:{text}"

    def text(row: Row) -> str:
        a, n, items, at, _ = row
        parts = [
            sized(a),
            "-" if items is None else f"{len(items)}[" + "".join(sized(item) for item in items),
            "-" if n is None else f"{n};",
            "-" if at is None else f"{(at - EPOCH) // timedelta(microseconds=1)};",
        ]
        return "".join(parts)

    columns = [["a", "VARCHAR"], ["l", "VARCHAR[]"], ["n", "BIGINT"], ["t", "TIMESTAMP WITH TIME ZONE"]]
    head = json.dumps(columns, separators=(",", ":")) + "\n"
    digests = sorted(hashlib.sha256(text(row).encode()).digest() for row in rows)
    return hashlib.sha256(head.encode() + b"".join(digests)).hexdigest()


@pytest.mark.parametrize("rows", [[], BASE[:1], BASE, BASE + BASE])
def test_it_is_what_its_description_says(con: duckdb.DuckDBPyConnection, rows: list[Row]) -> None:
    assert hashed(con, rows) == by_hand(rows)


@pytest.mark.parametrize("seed", [1, 2])
def test_any_rows_in_any_order_hash_as_by_hand(con: duckdb.DuckDBPyConnection, seed: int) -> None:
    chance = random.Random(seed)
    texts = [None, "", "-", "1:a", "a", "é", "\n", "0:", "[", "a;b"]
    rows: list[Row] = [
        (
            chance.choice(texts),
            chance.choice([None, 0, -1, 2**62]),
            chance.choice([None, [chance.choice(texts) for _ in range(chance.randrange(3))]]),
            chance.choice([None, EPOCH + timedelta(microseconds=chance.randrange(10**15))]),
            chance.randrange(5),
        )
        for _ in range(200)
    ]
    expected = by_hand(rows)
    chance.shuffle(rows)
    assert hashed(con, rows) == expected, f"seed {seed}"


@pytest.mark.parametrize(
    ("why", "change"),
    [
        ("a null is not an empty text", lambda row: ("", *row[1:]) if row[0] is None else row),
        ("a null is not the sign for null", lambda row: ("-", *row[1:]) if row[0] is None else row),
        ("an empty list is not null", lambda row: (*row[:2], None, *row[3:]) if row[2] == [] else row),
        ("an empty list is not a list of an empty text", lambda row: (*row[:2], [""], *row[3:]) if row[2] == [] else row),
        ("a list of two is not one joined", lambda row: (*row[:2], ["crm,web"], *row[3:]) if row[2] else row),
        ("an order within a list is part of it", lambda row: (*row[:2], row[2][::-1], *row[3:]) if row[2] else row),
        ("a microsecond counts", lambda row: (*row[:3], row[3] + timedelta(microseconds=1), row[4]) if row[3] else row),
        ("a number counts", lambda row: (row[0], 3, *row[2:]) if row[1] == 2 else row),
        ("text may not flow into the next column", lambda row: (row[0] + "1;", None, *row[2:]) if row[1] == 1 else row),
    ],
)
def test_other_rows_have_another_hash(con: duckdb.DuckDBPyConnection, why: str, change: Callable[[Row], Row]) -> None:
    changed = [change(row) for row in BASE]
    assert changed != BASE
    assert hashed(con, changed) != hashed(con, BASE), why


def test_a_row_twice_is_not_the_row_once(con: duckdb.DuckDBPyConnection) -> None:
    """A sum or an exclusive or of hashes would not see it."""
    assert len({hashed(con, BASE + [BASE[0]] * times) for times in range(4)}) == 4


def test_layout_order_zone_and_version_do_not_count(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    expected = hashed(con, BASE)
    con.execute(f"copy (select * from t order by a desc nulls first) to '{tmp_path}/one.parquet' (compression zstd)")
    con.execute(f"copy (select t, l, a, n, golden_version from t where n = 1) to '{tmp_path}/two_a.parquet' (compression snappy)")
    con.execute(f"copy (select t, l, a, n, golden_version from t where n is distinct from 1) to '{tmp_path}/two_b.parquet'")
    assert rows_sha256(con, f"read_parquet('{tmp_path}/one.parquet')") == expected
    assert rows_sha256(con, f"read_parquet('{tmp_path}/two_*.parquet')") == expected
    assert rows_sha256(con, "(select * replace (7::bigint as golden_version) from t)") == expected
    con.execute("set timezone = 'Asia/Tokyo'")
    assert rows_sha256(con, "t") == expected
    con.execute("set timezone = 'UTC'")


def test_columns_are_part_of_it(con: duckdb.DuckDBPyConnection) -> None:
    hashed(con, BASE)
    selections = ["*", "* exclude n", "* exclude n, n as m", "* replace (n::integer as n)"]
    assert len({rows_sha256(con, f"(select {columns} from t)") for columns in selections}) == len(selections)


def test_more_rows_than_a_batch_hash_as_by_hand(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(DDL.format(name="many"))
    con.execute("insert into many select 'a' || i, i, [], null, 1 from range(130000) as numbers (i)")
    assert rows_sha256(con, "many") == by_hand([(f"a{i}", i, [], None, 1) for i in range(130_000)])


def test_a_type_without_one_plain_text_is_refused(con: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(PermanentError, match="column x of type DOUBLE"):
        rows_sha256(con, "(select 0.1::double as x)")
