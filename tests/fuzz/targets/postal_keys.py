"""Any texts as name, address, postal code and country, one a line with bars between: SQL answers like Python."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from orchestration.identifiers.postal import fold_name, macro, postal_key
from orchestration.identifiers.regions import country_code

_CON = duckdb.connect(config={"threads": 1})
_QUERY = (
    f"select {macro('postal_key', 'a', 'b', 'c', 'd')}, {macro('fold_name', 'a')}, {macro('country_code', 'd')} "
    "from texts order by place"
)


def check(data: bytes) -> None:
    """Python and SQL make the same keys, and a name's key is its own key."""
    # Zero characters never come this far: the readers refuse them (nul_bytes), and some of DuckDB's functions end at one.
    lines = data.replace(b"\0", b"").decode("utf-8", "replace").split("\n")
    rows = [tuple(part or None for part in (*line.split("|"), "", "", "", "")[:4]) for line in lines]
    arrays = {name: pa.array(values, pa.string()) for name, values in zip("abcd", zip(*rows, strict=True), strict=True)}
    _CON.register("texts", pa.table({"place": range(len(rows)), **arrays}))
    for row, answer in zip(rows, _CON.execute(_QUERY).fetchall(), strict=True):
        expected = (postal_key(*row), fold_name(row[0]), country_code(row[3]))
        assert answer == expected, f"{row!r}: SQL {answer}, Python {expected}"
        assert fold_name(expected[1]) == expected[1], f"{row[0]!r}: {expected[1]!r} becomes {fold_name(expected[1])!r}"
