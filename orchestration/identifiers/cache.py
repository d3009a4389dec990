"""The normalised identifiers in the warehouse: every distinct raw value is read once per version of the rules.

The views ``staging.int_phones__seen``, ``int_emails__seen`` and ``int_postal__seen`` say which raw values exist; the
tables of the schema ``identifiers`` keep what they mean, and ``contact_point`` the keyed hash of each identifier.
What an identifier is decided by ``phone``, ``email_address`` and ``postal``; whose it is, by the models.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from orchestration.core.key import create_hmac_function
from orchestration.core.tombstones import EMAIL_DOMAIN, IS_TOKEN, PHONE_CODE, Tombstone
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
    returned: int = 0
    """Contact points that were erased and came back in plain form: from here on their records speak of them by it."""


@dataclass(frozen=True)
class _Kind:
    """One identifier type: its table, the columns that hold the raw value, and how to read new ones."""

    name: str
    raw: tuple[str, ...]
    seen: str
    identifier: str
    normaliser: str
    read: Callable[[duckdb.DuckDBPyConnection, str, str], None]
    token: str | None = None
    """The SQL of the token of a tombstone within ``raw``, null where there is none."""


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
        # Without its plus where it stands in the place of a plain number, as in JSON.
        f"'+' || nullif(regexp_extract(raw, '(?:^|[^0-9])({PHONE_CODE}[0-9]{{12}})(?:[^0-9]|$)', 1), '')",
    ),
    _Kind(
        "email",
        ("raw",),
        "select raw from staging.int_emails__seen where raw is not null",
        "email",
        email_sql.NORMALISER,
        email_sql.normalise_emails,
        f"nullif(regexp_extract(lower(raw), '[0-9a-f]{{64}}@{EMAIL_DOMAIN}'), '')",
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


def normalise_new(
    con: duckdb.DuckDBPyConnection, key: bytes, stones: Sequence[Tombstone] = (), keys: Mapping[str, bytes] | None = None
) -> NormaliseCounts:
    """Read every raw value that the cache lacks, or all of them when the rules changed, in one transaction.

    ``key`` is the home's key; a restored or new one gives every known contact point its new hash. ``stones`` are the tombstones
    of what was erased, ``keys`` the keys that made their hashes, by fingerprint.
    """
    create_identifier_tables(con)
    create_hmac_function(con, key)
    _lay_out(con, stones)
    con.execute("begin transaction")
    try:
        again, read, rejected, points = [], {}, {}, 0
        _refresh_hashes(con)
        for kind in _KINDS:
            if _find_new(con, kind):
                again.append(kind.name)
            kind.read(con, "identifier_new", "identifier_read")
            if stones and kind.token:
                _read_tokens(con, kind)
            con.execute(
                f"insert into identifiers.{kind.name} by name select *, ? as normaliser from identifier_read", [kind.normaliser]
            )
            count = f"select count(*), count(*) - count({kind.identifier}) from identifier_read"
            read[kind.name], rejected[kind.name] = _one(con, count)
            points += _add_contact_points(con, kind)
        returned = _return_erased(con, key, keys or {}) if stones else 0
        con.execute("drop table identifier_new")
        con.execute("drop table identifier_read")
        con.execute("commit")
    except BaseException:
        con.execute("rollback")
        raise
    return NormaliseCounts(
        read["phone"], rejected["phone"], read["email"], rejected["email"], read["postal"], points, tuple(again), returned
    )


def _lay_out(con: duckdb.DuckDBPyConnection, stones: Sequence[Tombstone]) -> None:
    """``tombstone``: what was erased, and under which token."""
    columns = ("identifier_type", "token", "identifier_hash", "key", "region")
    con.register(
        "_stones", pa.table({name: pa.array([getattr(stone, name) for stone in stones], pa.string()) for name in columns})
    )
    con.execute("create or replace temp table tombstone as select * from _stones")
    con.unregister("_stones")


def _read_tokens(con: duckdb.DuckDBPyConnection, kind: _Kind) -> None:
    """A token is no address and no number, so the readers refuse it: here it is read as what it stands for."""
    more = ", number_region = tombstone.region" if kind.name == "phone" else ""
    con.execute(
        f"update identifier_read set {kind.identifier} = tombstone.token, status = 'ok', reason = null{more} from tombstone "
        f"where tombstone.identifier_type = '{kind.name}' and tombstone.token = {kind.token}"
    )


def _return_erased(con: duckdb.DuckDBPyConnection, key: bytes, keys: Mapping[str, bytes]) -> int:
    """Let the records of who was erased and whose plain form arrived again speak of them by it. Returns how many newly do.

    The company holds the plain form again, so what it may not be used for must be told by it. What the ledger ingested names the
    tokens: it is ingested again as a whole.
    """
    con.execute("create or replace temp table back (identifier_type varchar, token varchar, identifier varchar)")
    for name in con.execute("select distinct key from tombstone").fetchall():
        made_by = keys.get(name[0])
        if made_by is None:
            continue  # of a key that is gone: nothing can be told to be the same any more
        create_hmac_function(con, made_by)
        digest = "identifier_hash" if made_by == key else "keyed_hash(identifier)"
        con.execute(
            f"""
            insert into back
            with plain as (
                select identifier_type, identifier, {digest} as digest from identifiers.contact_point where not {IS_TOKEN}
            )
            select tombstone.identifier_type, tombstone.token, min(plain.identifier)
            from plain inner join tombstone
                on plain.identifier_type = tombstone.identifier_type and plain.digest = tombstone.identifier_hash
            where tombstone.key = ? and tombstone.identifier_type <> 'postal'
            group by tombstone.identifier_type, tombstone.token
            """,
            [name[0]],
        )
    create_hmac_function(con, key)
    (known,) = _one(
        con, f"select count(*) from identifiers.contact_point where {IS_TOKEN} and identifier in (select token from back)"
    )
    changed = 0
    for kind in _KINDS:
        if kind.token:
            (named,) = _one(
                con, f"select count(*) from identifiers.{kind.name} where {kind.identifier} in (select token from back)"
            )
            con.execute(
                f"update identifiers.{kind.name} as cached set {kind.identifier} = back.identifier from back "
                f"where back.identifier_type = '{kind.name}' and cached.{kind.identifier} = back.token"
            )
            changed += named
    con.execute(f"delete from identifiers.contact_point where {IS_TOKEN} and identifier in (select token from back)")
    con.execute(
        "update identifiers.contact_point set identifier_hash = stone.digest "
        "from (select token, identifier_hash as digest from tombstone) as stone "
        f"where {IS_TOKEN} and identifier = stone.token and identifier_hash <> stone.digest"
    )
    con.execute("drop table back")
    if changed:
        con.execute("delete from raw.ledger_files")
    return known


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
    other = con.execute(
        f"select keyed_hash(identifier) <> identifier_hash from identifiers.contact_point where not {IS_TOKEN} limit 1"
    ).fetchone()
    if other and other[0]:
        con.execute(f"update identifiers.contact_point set identifier_hash = keyed_hash(identifier) where not {IS_TOKEN}")


def _one(con: duckdb.DuckDBPyConnection, query: str, parameters: list[str] | None = None) -> tuple[int, ...]:
    row = con.execute(query, parameters or []).fetchone()
    assert row is not None  # an aggregate has one row
    return row
