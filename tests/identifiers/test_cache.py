"""The cache of normalised identifiers: each value once, all again when the rules change, nothing half done."""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
from collections.abc import Iterator

import duckdb
import pytest

from orchestration.identifiers import cache

KEY = bytes(range(32))
TABLES = ("phone", "email", "postal", "contact_point")


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("create schema staging; create schema raw")
        connection.execute("create table raw.phones (file_id varchar, raw varchar, region varchar)")
        connection.execute("create table raw.emails (raw varchar)")
        connection.execute("create table raw.postal (name varchar, address varchar, postal_code varchar, country varchar)")
        connection.execute("create view staging.int_phones__seen as select distinct raw, region, file_id from raw.phones")
        connection.execute("create view staging.int_emails__seen as select * from raw.emails")
        connection.execute("create view staging.int_postal__seen as select * from raw.postal")
        connection.execute(
            "insert into raw.phones values ('a', '+1 202 555 0123', 'US'), ('b', '+1 202 555 0123', 'US'), "
            "('a', '2025550123', null), ('a', '202-555-0123 x9', 'US'), ('a', '1-800-FLOWERS', 'US'), ('a', null, 'US')"
        )
        connection.execute(
            "insert into raw.emails values ('Jane@Example.com'), ('<jane@example.com>'), ('jane@bücher.test'), ('n/a'), (null)"
        )
        connection.execute(
            "insert into raw.postal values ('Jane Doe', '1 Main St', '12345', 'US'), "
            "('JANE DOE', '1 Main St.', '12345-0001', null), ('Jane Doe', null, '12345', 'US'), ('Jane Doe', null, '12345', 'US')"
        )
        yield connection


def content(con: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[str | None, ...]]]:
    return {table: con.execute(f"select * from identifiers.{table} order by all").fetchall() for table in TABLES}


def test_every_distinct_value_is_read_and_hashed(con: duckdb.DuckDBPyConnection) -> None:
    counts = cache.normalise_new(con, KEY)
    assert counts == cache.NormaliseCounts(4, 1, 4, 1, 3, 6, ())
    phones = con.execute("select raw, region, e164, status, reason, number_region from identifiers.phone order by raw").fetchall()
    assert phones == [
        ("+1 202 555 0123", "US", "+12025550123", "ok", None, "US"),
        ("1-800-FLOWERS", "US", "+18003569377", "ok", None, "US"),
        ("202-555-0123 x9", "US", "+12025550123", "ok", "extension_dropped", "US"),
        ("2025550123", "", None, "rejected", "no_region", None),
    ]
    emails = con.execute("select raw, email, status, reason from identifiers.email order by raw").fetchall()
    assert emails == [
        ("<jane@example.com>", "jane@example.com", "ok", None),
        ("Jane@Example.com", "jane@example.com", "ok", None),
        ("jane@bücher.test", "jane@xn--bcher-kva.test", "ok", None),
        ("n/a", None, "rejected", "no_at"),
    ]
    keys = con.execute("select postal_key from identifiers.postal order by all").fetchall()
    assert keys == [("jane doe|1 main st|12345|",), ("jane doe|1 main st|12345|US",), (None,)]
    points = con.execute("select * from identifiers.contact_point order by all").fetchall()
    expected = [
        ("email", "jane@example.com"),
        ("email", "jane@xn--bcher-kva.test"),
        ("phone", "+12025550123"),
        ("phone", "+18003569377"),
        ("postal", "jane doe|1 main st|12345|"),
        ("postal", "jane doe|1 main st|12345|US"),
    ]
    assert points == [(kind, point, hmac.new(KEY, point.encode(), hashlib.sha256).hexdigest()) for kind, point in expected]


def test_the_tables_are_those_of_the_contract(con: duckdb.DuckDBPyConnection) -> None:
    cache.create_identifier_tables(con)
    cache.create_identifier_tables(con)
    columns = con.execute(
        "select table_name, list(column_name order by ordinal_position) from information_schema.columns "
        "where table_schema = 'identifiers' group by table_name order by table_name"
    ).fetchall()
    assert columns == [
        ("contact_point", ["identifier_type", "identifier", "identifier_hash"]),
        ("email", ["raw", "email", "status", "reason", "normaliser"]),
        ("phone", ["raw", "region", "e164", "status", "reason", "number_region", "normaliser"]),
        ("postal", ["name", "address", "postal_code", "country", "postal_key", "normaliser"]),
    ]


def test_a_second_run_reads_nothing_and_changes_nothing(con: duckdb.DuckDBPyConnection) -> None:
    cache.normalise_new(con, KEY)
    before = content(con)
    assert cache.normalise_new(con, KEY) == cache.NormaliseCounts(0, 0, 0, 0, 0, 0, ())
    assert content(con) == before


def test_only_new_values_are_read(con: duckdb.DuckDBPyConnection) -> None:
    cache.normalise_new(con, KEY)
    con.execute("insert into raw.phones values ('c', '2025550123', 'US'), ('c', '+12025550199', '')")
    assert cache.normalise_new(con, KEY) == cache.NormaliseCounts(2, 0, 0, 0, 0, 1, ())
    assert cache.normalise_new(con, KEY).phones == 0


def test_a_changed_rule_reads_everything_again_and_keeps_what_is_no_longer_delivered(
    con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.normalise_new(con, KEY)
    before = content(con)
    con.execute("delete from raw.phones where raw = '1-800-FLOWERS'")
    changed = tuple(
        dataclasses.replace(kind, normaliser="phone, next rules") if kind.name == "phone" else kind for kind in cache._KINDS
    )
    monkeypatch.setattr(cache, "_KINDS", changed)
    assert cache.normalise_new(con, KEY) == cache.NormaliseCounts(4, 1, 0, 0, 0, 0, ("phone",))
    after = content(con)
    assert [row[:-1] for row in after["phone"]] == [row[:-1] for row in before["phone"]]
    assert {row[-1] for row in after["phone"]} == {"phone, next rules"}
    assert after["contact_point"] == before["contact_point"]
    assert cache.normalise_new(con, KEY).renormalised == ()


def test_a_failure_leaves_the_cache_as_it_was(con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.normalise_new(con, KEY)
    before = content(con)
    con.execute("insert into raw.phones values ('c', '+12025550199', 'US')")

    def broken(*_: object) -> None:
        raise RuntimeError("power cut")

    kinds = cache._KINDS
    monkeypatch.setattr(
        cache,
        "_KINDS",
        tuple(
            dataclasses.replace(kind, normaliser="next", **({"read": broken} if kind.name == "email" else {})) for kind in kinds
        ),
    )
    with pytest.raises(RuntimeError):
        cache.normalise_new(con, KEY)
    assert content(con) == before
    monkeypatch.setattr(cache, "_KINDS", kinds)
    assert cache.normalise_new(con, KEY).phones == 1


def test_another_key_gives_every_contact_point_its_new_hash(con: duckdb.DuckDBPyConnection) -> None:
    cache.normalise_new(con, KEY)
    other = bytes(reversed(range(32)))
    cache.normalise_new(con, other)
    for _, point, digest in con.execute("select * from identifiers.contact_point").fetchall():
        assert digest == hmac.new(other, point.encode(), hashlib.sha256).hexdigest()


def test_nothing_delivered_yet_is_fine(con: duckdb.DuckDBPyConnection) -> None:
    for table in ("phones", "emails", "postal"):
        con.execute(f"delete from raw.{table}")
    assert cache.normalise_new(con, KEY) == cache.NormaliseCounts(0, 0, 0, 0, 0, 0, ())
