"""A large table in pieces, each a range of identifiers, so that what is worked out for one piece fits the memory whatever the
whole is.

All rows of a contact point lie in one piece. The published files and the ledger are written in this order, so that a piece
is read without reading the rest. Where a piece ends stands in two variables of the connection: an identifier is in no SQL.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import duckdb

PIECE_ROWS = 250_000  # of a destination: planning one takes some 1.6 kB, so a piece some 400 MB
_SAMPLES = 32  # looked at for each bound: pieces then differ by a fifth or so

WITHIN = (
    "(getvariable('piece_first') is null or identifier >= getvariable('piece_first')) "
    "and (getvariable('piece_end') is null or identifier < getvariable('piece_end'))"
)
"""The SQL condition that a row is in the piece of now; true for every row outside of :func:`each_piece`."""


def bounds(con: duckdb.DuckDBPyConnection, relation: str, rows: int, **known: object) -> list[str]:
    """Identifiers that cut some ``rows`` rows into pieces, each the first of the next piece; none where one piece will do.

    ``relation`` holds the identifiers; ``known`` are the parameters of its SQL.
    """
    pieces = -(-rows // PIECE_ROWS)
    if pieces < 2:
        return []
    # The same for the same identifiers, and for each identifier whatever the others are.
    one_in = max(rows // (pieces * _SAMPLES), 1)
    sample = [
        str(row[0])
        for row in con.execute(
            f"select distinct identifier from {relation} "
            f"where identifier is not null and hash(identifier) % {one_in} = 0 order by identifier",
            known,
        ).fetchall()
    ]
    if not sample:
        return []
    return sorted({sample[len(sample) * piece // pieces] for piece in range(1, pieces)})


def each_piece(con: duckdb.DuckDBPyConnection, cut: Sequence[str]) -> Iterator[None]:
    """Let ``WITHIN`` mean one piece after the other, and all rows again afterwards."""
    try:
        for first, end in zip([None, *cut], [*cut, None], strict=True):
            con.execute("set variable piece_first = ?", [first])
            con.execute("set variable piece_end = ?", [end])
            yield
    finally:
        con.execute("reset variable piece_first")
        con.execute("reset variable piece_end")
