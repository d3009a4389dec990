"""Ids of what a record says: written out before they are hashed, so that they depend on no engine's way of printing."""

from __future__ import annotations

import hashlib
import itertools

from tests.staging import macros

COLUMNS = ["a", "b", {"list": "c"}, {"list": "d"}, {"instant": "e"}]
# Every pair must differ: null and empty, a text that looks like a separator or like another column, lists cut elsewhere.
ROWS = [
    "null, null, null, null, null",
    "'', null, null, null, null",
    "null, '', null, null, null",
    "'-', null, null, null, null",
    "'0:', null, null, null, null",
    "'a', 'b', ['x'], [], null",
    "'ab', '', ['x'], [], null",
    "'a', 'b', [], ['x'], null",
    "'a', 'b', ['x', 'y'], [], null",
    "'a', 'b', ['x', null], [], null",
    "'a', 'b', ['x', '-'], [], null",
    "'a', 'b', ['x, y'], [], null",
    "'a', 'b', ['x1:y'], [], null",
    "'a', 'b', ['x', ''], [], null",
    "'a', 'b', [''], [], null",
    "'a', 'b', null, [], null",
    "'a', 'b', ['[x]'], [], null",
    "chr(31) || 'a', 'b', ['x'], [], null",
    "'a' || chr(31), 'b', ['x'], [], null",
    "'a', 'b', ['x'], [], timestamptz '2026-03-01 10:00:00+00'",
    "'a', 'b', ['x'], [], timestamptz '2026-03-01 10:00:00.000001+00'",
    "'a', 'b', ['x'], [], timestamptz '1969-12-31 23:59:59+00'",
]


def hashes(setting: str = "set timezone = 'UTC'") -> list[str]:
    """The id of each row."""
    with macros.connect() as con:
        con.execute(setting)
        con.execute("create table said (place integer, a varchar, b varchar, c varchar[], d varchar[], e timestamptz)")
        for place, row in enumerate(ROWS):
            con.execute(f"insert into said values ({place}, {row})")
        sql = macros.load().meaning_hash(COLUMNS)
        return [str(found) for (found,) in con.execute(f"select {sql} from said order by place").fetchall()]


def test_no_two_meanings_have_one_id() -> None:
    found = dict(zip(ROWS, hashes(), strict=True))
    for one, other in itertools.combinations(ROWS, 2):
        assert found[one] != found[other], f"{one} and {other} have one id"


def test_an_id_is_the_md5_of_a_text_that_anybody_can_write() -> None:
    found = dict(zip(ROWS, hashes(), strict=True))
    for row, text in (
        ("null, null, null, null, null", "-----"),
        ("'a', 'b', ['x', null], [], null", "1:a1:b2[1:x-0[-"),
        ("'a', 'b', ['x'], [], timestamptz '2026-03-01 10:00:00.000001+00'", "1:a1:b1[1:x0[1772359200000001;"),
    ):
        assert found[row] == hashlib.md5(text.encode(), usedforsecurity=False).hexdigest(), row


def test_an_id_does_not_depend_on_how_a_time_is_printed() -> None:
    assert hashes("set timezone = 'America/St_Johns'") == hashes()
