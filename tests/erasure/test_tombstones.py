"""Tombstones: what a token is read as, and what happens when the plain form comes back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from orchestration.core.config import ERASURES, load_config
from orchestration.core.files import canonical_json
from orchestration.core.home import Home
from orchestration.core.key import fingerprint, home_key, known_keys, rotate_key
from orchestration.core.tombstones import IS_TOKEN, Tombstone, by_key, new_tombstone, tombstone_of
from orchestration.identifiers import cache
from orchestration.identifiers.normal_form import FORMS
from orchestration.identifiers.postal import postal_key
from tests.erasure.home import AS_OF, bare_home

KEY = bytes(range(32))
ADDRESS, NUMBER = "ann@example.com", "+12125550147"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return bare_home(tmp_path / "home")


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("create schema staging; create schema raw; create table raw.ledger_files (file_id varchar)")
        connection.execute("create table raw.phones (raw varchar, region varchar); create table raw.emails (raw varchar)")
        connection.execute("create table raw.postal (name varchar, address varchar, postal_code varchar, country varchar)")
        for kind, table in (("phones", "phones"), ("emails", "emails"), ("postal", "postal")):
            connection.execute(f"create view staging.int_{kind}__seen as select * from raw.{table}")
        yield connection


def stones_of(home: Home) -> list[Tombstone]:
    email = new_tombstone(home, [], "email", ADDRESS)
    return [email, new_tombstone(home, [email], "phone", NUMBER, region="US")]


def normalise(con: duckdb.DuckDBPyConnection, home: Home, stones: list[Tombstone]) -> cache.NormaliseCounts:
    return cache.normalise_new(con, home_key(home), stones, {fingerprint(key): key for key in known_keys(home)})


def test_tokens_have_the_form_of_what_they_stand_for_and_are_told_apart(home: Home) -> None:
    import re

    for stone in stones_of(home):
        assert re.fullmatch(FORMS[stone.identifier_type].strip("^$"), stone.token), stone.identifier_type
    token = postal_key(f"erased {'0' * 24}", f"erased {'a' * 24}", "02139", "US")
    points = [(stone.identifier_type, stone.token) for stone in stones_of(home)] + [("postal", token)]
    others = [("email", ADDRESS), ("phone", NUMBER), ("phone", "+998901234567"), ("postal", "erased hope|1 main st|02139|US")]
    with duckdb.connect() as con:
        for expected, cases in ((True, points), (False, others)):
            for kind, identifier in cases:
                query = f"select {IS_TOKEN} from (select ? as identifier_type, ? as identifier)"
                assert con.execute(query, [kind, identifier]).fetchall() == [(expected,)], f"{kind} {expected}"


def test_the_same_contact_point_has_one_tombstone_for_ever(home: Home) -> None:
    first = stones_of(home)
    assert stones_of(home) == first, "made again"
    rotate_key(home, person="Dana", reason="yearly", now=AS_OF)
    assert tombstone_of(home, first, "email", ADDRESS) == first[0], "found with a retired key"
    assert new_tombstone(home, first, "email", ADDRESS) == first[0], "not made anew under the new key"
    assert tombstone_of(home, first, "email", "ann@example.org") is None
    assert [len(stones) for _, stones in _grouped(home, first)] == [2], "all of the retired key"


def _grouped(home: Home, stones: list[Tombstone]) -> list[tuple[bytes, list[Tombstone]]]:
    from orchestration.core.journal import erasures_log

    home.erasures_folder.mkdir()
    log = erasures_log(home)
    with log.alone():
        log.add(home, {"entry": "asked", "id": "E1", "points": [stone.as_dict() for stone in stones]})
    assert [stone for _, mine in by_key(home) for stone in mine] == stones, "as they were written"
    return by_key(home)


def test_two_numbers_never_share_a_token(home: Home) -> None:
    first = new_tombstone(home, [], "phone", NUMBER)
    taken = Tombstone("phone", first.token, "0" * 64, first.key, None)
    assert new_tombstone(home, [taken], "phone", NUMBER).token not in (first.token,), "the next one that is free"


def test_a_token_is_read_as_what_it_stands_for_with_the_hash_of_the_plain_form(
    con: duckdb.DuckDBPyConnection, home: Home
) -> None:
    email, phone = stones = stones_of(home)
    for raw in (email.token, f"Ann <{email.token}>", email.token.upper(), "bob@example.org"):
        con.execute("insert into raw.emails values (?)", [raw])
    for raw in (phone.token, phone.token[1:], f"{phone.token[1:]}.0", f"tel {phone.token}", "+999000000000000"):
        con.execute("insert into raw.phones values (?, 'US')", [raw])
    counts = normalise(con, home, stones)
    assert con.execute("select distinct email from identifiers.email where raw not like 'bob%'").fetchall() == [(email.token,)]
    read = con.execute(
        "select e164, status, number_region, count(*) from identifiers.phone group by all order by 4 desc"
    ).fetchall()
    assert read[0] == (phone.token, "ok", "US", 4), "in each spelling, and whose number it was"
    assert read[1][0] is None, "a number of the code 999 that no tombstone has is none"
    points = dict(con.execute("select identifier, identifier_hash from identifiers.contact_point").fetchall())
    assert points[email.token] == email.identifier_hash and points[phone.token] == phone.identifier_hash
    assert counts.returned == 0
    assert normalise(con, home, stones) == cache.NormaliseCounts(0, 0, 0, 0, 0, 0, ()), "twice"


def test_what_comes_back_makes_its_records_speak_of_it_again(con: duckdb.DuckDBPyConnection, home: Home) -> None:
    email, _ = stones = stones_of(home)
    con.execute("insert into raw.emails values (?)", [email.token])
    con.execute("insert into raw.ledger_files values ('f1')")
    normalise(con, home, stones)
    assert con.execute("select count(*) from raw.ledger_files").fetchall() == [(1,)], "nothing came back yet"
    con.execute("insert into raw.emails values ('ANN@example.com')")
    assert normalise(con, home, stones).returned == 1
    assert con.execute("select distinct email from identifiers.email").fetchall() == [(ADDRESS,)]
    points = con.execute("select identifier, identifier_hash from identifiers.contact_point").fetchall()
    assert points == [(ADDRESS, email.identifier_hash)], "the token is gone, the hash is the same"
    assert con.execute("select count(*) from raw.ledger_files").fetchall() == [(0,)], "the ledger is built anew"
    con.execute("insert into raw.ledger_files values ('f1')")
    normalise(con, home, stones)
    assert con.execute("select count(*) from raw.ledger_files").fetchall() == [(1,)], "and only once"


def test_all_at_once_comes_to_the_same_as_one_after_the_other(con: duckdb.DuckDBPyConnection, home: Home) -> None:
    email, phone = stones = stones_of(home)
    con.execute("insert into raw.emails values (?), ('ann@example.com'), ('bob@example.org')", [email.token])
    con.execute("insert into raw.phones values (?, 'US')", [phone.token])
    normalise(con, home, stones)
    asked = "select identifier_type, identifier, identifier_hash from identifiers.contact_point order by all"
    at_once = con.execute(asked).fetchall()
    assert {row[1] for row in at_once} == {ADDRESS, "bob@example.org", phone.token}


def test_a_rotated_key_leaves_the_hash_of_a_token_and_still_knows_what_comes_back(
    con: duckdb.DuckDBPyConnection, home: Home
) -> None:
    email, _ = stones = stones_of(home)
    con.execute("insert into raw.emails values (?), ('bob@example.org')", [email.token])
    normalise(con, home, stones)
    rotate_key(home, person="Dana", reason="yearly", now=AS_OF)
    normalise(con, home, stones)
    hashes = dict(con.execute("select identifier, identifier_hash from identifiers.contact_point").fetchall())
    assert hashes[email.token] == email.identifier_hash
    con.execute("insert into raw.emails values ('ann@example.com')")
    assert normalise(con, home, stones).returned == 1


def test_the_source_of_erasures_is_there_once_there_was_one(home: Home) -> None:
    assert ERASURES not in load_config(home).sources, "a home that never erased need not read its format"
    home.erasures_folder.mkdir()
    assert load_config(home).sources[ERASURES].format == "requests"


def test_a_tombstone_holds_nothing_plain(home: Home) -> None:
    text = canonical_json([stone.as_dict() for stone in stones_of(home)])
    assert "ann" not in text and "2125550147" not in text
