"""Erased contact points in the sync ledger: their rows stay, under the tokens of their tombstones.

What a destination holds it keeps, in plain form, since that is how it leaves them alone. So what is read back from there is
told in the ledger's words before anybody compares the two; nothing is ever sent for a token. When a plain form comes back (it is
published again), so do the ledger's rows.

A database keeps what was deleted in its free blocks, so the ledger is written into a new file, which takes the place of the old
one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import duckdb

from orchestration.core.config import Limits
from orchestration.core.files import put_in_place
from orchestration.core.home import Home
from orchestration.core.key import create_hmac_function
from orchestration.core.sql import quoted
from orchestration.core.tombstones import IS_TOKEN, Tombstone, by_key
from orchestration.sync.ledger import ledger

_TABLES = ("row_state", "journal", "spent", "releases")


class Plain(Protocol):
    """A contact point in plain form."""

    @property
    def identifier_type(self) -> str: ...

    @property
    def identifier(self) -> str: ...


def redact_ledger(home: Home, limits: Limits, points: Sequence[Plain], stones: Sequence[Tombstone]) -> int:
    """Put the tokens in the place of the points. Returns how many rows named them."""
    if not home.sync_ledger_file.is_file():
        return 0
    changed = 0
    with ledger(home, limits) as con:
        con.execute("begin transaction")
        for point, stone in zip(points, stones, strict=True):
            for table in _TABLES:
                where = f"{table}.identifier_type = ? and {table}.identifier = ?"
                known = [point.identifier_type, point.identifier]
                changed += int(con.execute(f"select count(*) from {table} where {where}", known).fetchall()[0][0])
                con.execute(f"update {table} set identifier = ? where {where}", [stone.token, *known])
        con.execute("commit")
    _copy(home)  # also when nothing changed: a call that was killed here may have left the free blocks
    return changed


def _copy(home: Home) -> None:
    part = home.outbox / "sync_ledger.new"
    part.unlink(missing_ok=True)
    with duckdb.connect(str(home.sync_ledger_file)) as con:
        con.execute(f"attach {quoted(part)} as fresh")
        (name,) = con.execute("select current_database()").fetchall()[0]
        con.execute(f"copy from database {name} to fresh")
        con.execute("detach fresh")
    put_in_place(part, home.sync_ledger_file)


@dataclass(frozen=True)
class Erased:
    """Who was erased and did not come back, on one connection of a push whose ``keyed_hash`` has the key ``in_use``."""

    stones: tuple[tuple[bytes, tuple[Tombstone, ...]], ...]
    in_use: bytes

    def rename(self, con: duckdb.DuckDBPyConnection, table: str) -> None:
        """Put the tokens in the place of their plain forms in a table of what a destination shows."""
        for key, stones in self.stones:
            _lay_out(con, stones)
            create_hmac_function(con, key)
            con.execute(
                f"update {table} set identifier = stone.token from stone "
                f"where {table}.identifier_type = stone.of_type and keyed_hash({table}.identifier) = stone.digest"
            )
        if self.stones:
            create_hmac_function(con, self.in_use)


def follow_erasures(con: duckdb.DuckDBPyConnection, home: Home, files: Sequence[Path], in_use: bytes) -> Erased:
    """Give the ledger's rows of those who came back their plain form, as it is published; and say who did not."""
    left = []
    for key, stones in by_key(home):
        _lay_out(con, stones)
        create_hmac_function(con, key)
        digest = "identifier_hash" if key == in_use else "keyed_hash(identifier)"
        con.execute(
            f"""
            create or replace temp table back as
            with plain as (
                select distinct identifier_type, identifier, {digest} as digest
                from read_parquet($files, hive_partitioning = false) where not {IS_TOKEN}
            )
            select stone.token, min(plain.identifier) as identifier
            from plain inner join stone on plain.identifier_type = stone.of_type and plain.digest = stone.digest
            group by stone.token
            """,
            {"files": [str(file) for file in files]},
        )
        for table in _TABLES:
            con.execute(f"update {table} set identifier = back.identifier from back where {table}.identifier = back.token")
        returned = {token for (token,) in con.execute("select token from back").fetchall()}
        con.execute("drop table back")
        if mine := tuple(stone for stone in stones if stone.token not in returned):
            left.append((key, mine))
    create_hmac_function(con, in_use)
    return Erased(tuple(left), in_use)


def _lay_out(con: duckdb.DuckDBPyConnection, stones: Sequence[Tombstone]) -> None:
    rows = [(stone.identifier_type, stone.token, stone.identifier_hash) for stone in stones]
    con.execute("create or replace temp table stone (of_type varchar, token varchar, digest varchar)")
    con.executemany("insert into stone values (?, ?, ?)", rows)
