"""The normalised identifiers in the warehouse: every distinct raw value is read once per version of the rules.

The views ``staging.int_phones__seen``, ``int_emails__seen`` and ``int_postal__seen`` say which raw values exist; the
tables of the schema ``identifiers`` keep what they mean, and ``contact_point`` the keyed hash of each identifier.
What an identifier is decided by ``phone``, ``email_address`` and ``postal``; whose it is, by the models.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import duckdb

from orchestration.core.key import create_hmac_function
from orchestration.identifiers import email_sql, phone_sql, postal

_TABLES = """
create schema if not exists identifiers;
create table if not exists identifiers.phone (
    raw varchar not null, region varchar not null, e164 varchar, status varchar not null, reason varchar,
    number_region varchar, normaliser varchar not null
);
create table if not exists identifiers.email (
    raw varchar not null, email varchar, status varchar not null, reason varchar, normaliser varchar not null
);
create table if not exists identifiers.postal (
    name varchar, address varchar, postal_code varchar, country varchar, postal_key varchar, normaliser varchar not null
);
create table if not exists identifiers.contact_point (
    identifier_type varchar not null, identifier varchar not null, identifier_hash varchar not null
);
"""


@dataclass(frozen=True)
class NormaliseCounts:
    """What one call did: raw values read, how many of them were rejected, and identifiers met for the first time."""

    phones: int
    phones_rejected: int
    emails: int
    emails_rejected: int
    postal_addresses: int
    contact_points: int
    renormalised: tuple[str, ...]
    """The types that were read again as a whole, because their library, its metadata or a rule changed."""


@dataclass(frozen=True)
class _Kind:
    """One identifier type: its table, the columns that hold the raw value, and how to read new ones."""

    name: str
    raw: tuple[str, ...]
    seen: str
    identifier: str
    normaliser: str
    read: Callable[[duckdb.DuckDBPyConnection, str, str], None]


def _read_postal(con: duckdb.DuckDBPyConnection, source: str, result: str) -> None:
    columns = ("name", "address", "postal_code", "country")
    key = postal.macro("postal_key", *columns)
    con.execute(f"create or replace temp table {result} as select {', '.join(columns)}, {key} as postal_key from {source}")


_KINDS = (
    _Kind(
        "phone",
        ("raw", "region"),
        "select raw, coalesce(region, '') as region from staging.int_phones__seen where raw is not null",
        "e164",
        phone_sql.NORMALISER,
        phone_sql.normalise_phones,
    ),
    _Kind(
        "email",
        ("raw",),
        "select raw from staging.int_emails__seen where raw is not null",
        "email",
        email_sql.NORMALISER,
        email_sql.normalise_emails,
    ),
    _Kind(
        "postal",
        ("name", "address", "postal_code", "country"),
        "select name, address, postal_code, country from staging.int_postal__seen",
        "postal_key",
        postal.NORMALISER,
        _read_postal,
    ),
)


def create_identifier_tables(con: duckdb.DuckDBPyConnection) -> None:
    """Create the tables of the schema ``identifiers`` that are missing."""
    con.execute(_TABLES)


def normalise_new(con: duckdb.DuckDBPyConnection, key: bytes) -> NormaliseCounts:
    """Read every raw value that the cache lacks, or all of them when the rules changed, in one transaction.

    ``key`` is the home's key; a restored or new one gives every known contact point its new hash.
    """
    create_identifier_tables(con)
    create_hmac_function(con, key)
    con.execute("begin transaction")
    try:
        again, read, rejected, points = [], {}, {}, 0
        _refresh_hashes(con)
        for kind in _KINDS:
            if _find_new(con, kind):
                again.append(kind.name)
            kind.read(con, "identifier_new", "identifier_read")
            con.execute(
                f"insert into identifiers.{kind.name} by name select *, ? as normaliser from identifier_read", [kind.normaliser]
            )
            count = f"select count(*), count(*) - count({kind.identifier}) from identifier_read"
            read[kind.name], rejected[kind.name] = _one(con, count)
            points += _add_contact_points(con, kind)
        con.execute("drop table identifier_new")
        con.execute("drop table identifier_read")
        con.execute("commit")
    except BaseException:
        con.execute("rollback")
        raise
    return NormaliseCounts(
        read["phone"], rejected["phone"], read["email"], rejected["email"], read["postal"], points, tuple(again)
    )


def _find_new(con: duckdb.DuckDBPyConnection, kind: _Kind) -> bool:
    """Fill ``identifier_new``; True when all values are to be read again, and then empty the cache of them."""
    table = f"identifiers.{kind.name}"
    columns = ", ".join(kind.raw)
    (stale,) = _one(con, f"select count(*) from {table} where normaliser <> ?", [kind.normaliser])
    if stale:
        # A raw value whose file is gone stays known: a removed source ends no suppression.
        con.execute(f"create or replace temp table identifier_new as {kind.seen} union select {columns} from {table}")
        con.execute(f"delete from {table}")
        return True
    same = " and ".join(f"seen.{column} is not distinct from known.{column}" for column in kind.raw)
    con.execute(
        f"create or replace temp table identifier_new as "
        f"select distinct {columns} from ({kind.seen}) as seen anti join {table} as known on {same}"
    )
    return False


def _add_contact_points(con: duckdb.DuckDBPyConnection, kind: _Kind) -> int:
    (count,) = _one(
        con,
        f"""
        insert into identifiers.contact_point
        select ? as identifier_type, identifier, keyed_hash(identifier) as identifier_hash
        from (select distinct {kind.identifier} as identifier from identifier_read where {kind.identifier} is not null) as found
        anti join (select identifier from identifiers.contact_point where identifier_type = ?) as known using (identifier)
        """,
        [kind.name, kind.name],
    )
    return int(count)


def _refresh_hashes(con: duckdb.DuckDBPyConnection) -> None:
    """The hashes are all of one key: one of them tells whether it is still this one."""
    other = con.execute("select keyed_hash(identifier) <> identifier_hash from identifiers.contact_point limit 1").fetchone()
    if other and other[0]:
        con.execute("update identifiers.contact_point set identifier_hash = keyed_hash(identifier)")


def _one(con: duckdb.DuckDBPyConnection, query: str, parameters: list[str] | None = None) -> tuple[int, ...]:
    row = con.execute(query, parameters or []).fetchone()
    assert row is not None  # an aggregate has one row
    return row
