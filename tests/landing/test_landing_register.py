"""The warehouse's view of landing: made again from manifest and configuration each time, and the same each time."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator
from dataclasses import astuple, replace
from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from orchestration.core.warehouse import warehouse
from orchestration.landing.names import date_in, list_name
from orchestration.readers.feeds import Feed
from orchestration.readers.register import file_id, landed_files, register
from tests.landing.conftest import AS_OF, FEED, Inbox, config

FEEDS = (FEED,)


@pytest.fixture
def con(inbox: Inbox) -> Iterator[duckdb.DuckDBPyConnection]:
    with warehouse(inbox.home) as connection:
        yield connection


def dump(con: duckdb.DuckDBPyConnection) -> list[list[tuple[object, ...]]]:
    tables = ("landed_files", "source_settings", "quarantine", "load_log")
    return [con.execute(f"select * from raw.{table} order by all").fetchall() for table in tables]


def test_every_member_is_a_row_with_the_facts_of_its_delivery(inbox: Inbox, con: duckdb.DuckDBPyConnection) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("sub/list.csv", "email\na@example.com\n")
        archive.writestr("readme.txt", "hello")
    inbox.put("mail/export_2026-03-31.zip", buffer.getvalue())
    inbox.collect()
    assert register(con, inbox.home, config(), feeds=FEEDS) == 2
    (entry,) = inbox.entries()
    listed, unknown = entry.members
    sha256 = hashlib.sha256(b"email\na@example.com\n").hexdigest()
    own_id = hashlib.sha256(f"mail\n{sha256}".encode()).hexdigest()[:32]
    day = datetime(2026, 3, 31, tzinfo=UTC)
    facts = ("mail", "acme")
    rows = {row[7]: row for row in con.execute("select * from raw.landed_files").fetchall()}
    assert rows["sub/list.csv"] == (
        own_id,
        sha256,
        entry.sha256,
        *facts,
        "acme",
        "optouts",
        "sub/list.csv",
        entry.name,
        listed.size,
        AS_OF,
        day,
        entry.sha256,
    )
    assert rows["readme.txt"] == (
        file_id("mail", unknown.sha256),
        unknown.sha256,
        entry.sha256,
        *facts,
        None,
        None,
        "readme.txt",
        entry.name,
        unknown.size,
        AS_OF,
        day,
        entry.sha256,
    )
    assert [astuple(row) for row in landed_files(inbox.home, config(), feeds=FEEDS)] == [rows["sub/list.csv"], rows["readme.txt"]]


def test_registering_again_changes_nothing(inbox: Inbox, con: duckdb.DuckDBPyConnection) -> None:
    inbox.put("mail/a.csv")
    inbox.put("mail/broken.zip", b"PK\x03\x04")
    inbox.collect()
    register(con, inbox.home, config(), feeds=FEEDS)
    before = dump(con)
    for _ in range(2):
        register(con, inbox.home, config(), feeds=FEEDS)
        assert dump(con) == before


def files(con: duckdb.DuckDBPyConnection) -> list[tuple[object, ...]]:
    return con.execute("select source, name, received_at from raw.landed_files order by received_at, source, name").fetchall()


DAY = timedelta(days=1)
EVENTS = replace(FEED, feed="events", snapshot=False, files=("*.csv",))
CONTACTS = replace(FEED, feed="contacts", kinds=("contacts",))


def test_equal_bytes_from_two_sources_are_two_files(inbox: Inbox, con: duckdb.DuckDBPyConnection) -> None:
    inbox.put("mail/list.csv")
    inbox.put("crm/list.csv")
    inbox.collect()
    register(con, inbox.home, config(), feeds=FEEDS)
    assert files(con) == [("crm", "list.csv", AS_OF), ("mail", "list.csv", AS_OF)]


def test_equal_bytes_under_another_name_are_another_list(inbox: Inbox, con: duckdb.DuckDBPyConnection) -> None:
    for name in ("asm_groups_4100_suppressions.csv", "asm_groups_4101_suppressions.csv", "asm_groups_4101_suppressions (1).csv"):
        inbox.put(f"mail/{name}")
    inbox.collect()
    for feeds in (FEEDS, (EVENTS,), (CONTACTS,)):
        register(con, inbox.home, config(), feeds=feeds)
        assert [row[1] for row in files(con)] == ["asm_groups_4100_suppressions.csv", "asm_groups_4101_suppressions (1).csv"], (
            feeds
        )


@pytest.mark.parametrize(
    ("feed", "wanted"),
    [
        (FEED, ["a", "b", "a"]),  # a snapshot that returned to an earlier state: its rows have come back
        (EVENTS, ["a", "b"]),  # an event told twice is one event
        (CONTACTS, ["a", "b"]),  # links accumulate, so the state seen before says nothing new
    ],
    ids=lambda value: value.feed if isinstance(value, Feed) else "",
)
def test_a_state_delivered_again_after_another_is_new_where_a_feed_repeats_its_state(
    inbox: Inbox, con: duckdb.DuckDBPyConnection, feed: Feed, wanted: list[str]
) -> None:
    for number, content in enumerate("aba"):
        inbox.put("mail/list.csv", f"email\n{content}@example.com\n")
        inbox.collect(AS_OF + number * DAY)
    register(con, inbox.home, config(), feeds=(feed,))
    hashes = {hashlib.sha256(f"email\n{content}@example.com\n".encode()).hexdigest(): content for content in "ab"}
    found = con.execute("select sha256, received_at, file_id from raw.landed_files order by received_at").fetchall()
    assert [hashes[row[0]] for row in found] == wanted
    assert [row[1] for row in found] == [AS_OF + number * DAY for number in range(len(wanted))]
    assert len({row[2] for row in found}) == len(wanted)


def test_dates_in_names_order_equal_states_of_one_list(inbox: Inbox, con: duckdb.DuckDBPyConnection) -> None:
    for day, content in ((1, "a"), (2, "b"), (3, "a"), (3, "a")):
        inbox.put(f"mail/list_2026-03-0{day}.csv", f"email\n{content}@example.com\n")
        inbox.collect(AS_OF + day * DAY)  # the third is delivered twice: its name says that it is the same state
    register(con, inbox.home, config(), feeds=FEEDS)
    assert [row[1] for row in files(con)] == [f"list_2026-03-0{day}.csv" for day in (1, 2, 3)]


def test_a_later_delivery_changes_no_earlier_file(inbox: Inbox, con: duckdb.DuckDBPyConnection) -> None:
    before: list[object] = []
    for number, (name, content) in enumerate(
        [("x.csv", "a"), ("x.csv", "b"), ("y.csv", "a"), ("x.csv", "a"), ("x_2026-04-01.csv", "b"), ("x.csv", "b")]
    ):
        inbox.put(f"mail/{name}", f"email\n{content}@example.com\n")
        inbox.collect(AS_OF + number * DAY)
        now = landed_files(inbox.home, config(), feeds=FEEDS)
        assert now[: len(before)] == before, f"after delivery {number + 1}"
        assert len(now) == number + 1
        before = list(now)


def test_an_unreadable_archive_delivered_again_is_one_unreadable_archive(inbox: Inbox, con: duckdb.DuckDBPyConnection) -> None:
    for number in range(2):
        inbox.put("mail/broken.zip", b"PK\x03\x04")
        inbox.put("mail/z.csv", f"email\n{number}@example.com\n")  # so that the archive's line is not the last
        inbox.collect(AS_OF + number * DAY)
    assert len(inbox.entries()) == 4
    register(con, inbox.home, config(), feeds=FEEDS)
    assert con.execute("select count(*) from raw.quarantine").fetchall() == [(1,)]


def test_what_cannot_be_opened_is_a_quarantined_record_of_its_own(inbox: Inbox, con: duckdb.DuckDBPyConnection) -> None:
    inbox.put("mail/broken.zip", b"PK\x03\x04")
    inbox.collect()
    register(con, inbox.home, config(), feeds=FEEDS)
    (row,) = con.execute(
        "select files.vendor, files.name, q.record_no, q.reason, log.physical_records, log.loaded, log.quarantined, log.skipped "
        "from raw.landed_files as files join raw.quarantine as q using (file_id) join raw.load_log as log using (file_id)"
    ).fetchall()
    assert row == (None, "broken.zip", 1, "archive_damaged", 1, 0, 1, 0)


def test_the_configuration_decides_and_a_source_that_left_it_keeps_its_files_and_settings(
    inbox: Inbox, con: duckdb.DuckDBPyConnection
) -> None:
    inbox.put("mail/a.csv")
    inbox.put("crm/b.csv", "email\nb@example.com\n")
    first = config({"mail": {"format": "acme", "timezone": "Europe/Paris"}, "crm": {"format": "acme", "region": "US"}})
    inbox.collect(settings=first)
    register(con, inbox.home, first, feeds=FEEDS)
    later = config({"mail": {"format": "acme", "scope": "acme"}, "new": {"format": "acme"}})
    register(con, inbox.home, later, feeds=FEEDS)
    assert con.execute("select * from raw.source_settings order by source").fetchall() == [
        ("crm", "acme", "*", "UTC", "US", False, None, None),
        ("mail", "acme", "acme", "UTC", None, True, None, None),
        ("new", "acme", "*", "UTC", None, True, None, None),
    ]
    assert con.execute("select source, feed from raw.landed_files order by source").fetchall() == [
        ("crm", "optouts"),
        ("mail", "optouts"),
    ]


@pytest.mark.parametrize(
    ("name", "moment"),
    [
        ("unsubscribed_2026-03-01.csv", datetime(2026, 3, 1)),
        ("20260301.csv", datetime(2026, 3, 1)),
        ("list_2026_03_01_final.csv", datetime(2026, 3, 1)),
        ("list2026-03-01T10-11-12Z.csv", datetime(2026, 3, 1, 10, 11, 12)),
        ("list_20260301_101112.csv", datetime(2026, 3, 1, 10, 11, 12)),
        ("list_20260301-1011.csv", datetime(2026, 3, 1, 10, 11)),
        ("list_20260301101112.csv", datetime(2026, 3, 1, 10, 11, 12)),
        ("list_2026-03-01 10.11.12.csv", datetime(2026, 3, 1, 10, 11, 12)),
        ("2026-01-01_to_2026-03-31.csv", datetime(2026, 3, 31)),
        ("2026-03-01/list.csv", None),
        ("list_2026-13-01.csv", None),
        ("list_2026-02-30.csv", None),
        ("list_2026-03_01.csv", None),
        ("list_2027-01-01.csv", None),
        ("list_120260301.csv", None),
        ("list_202603011.csv", None),
        ("asm_groups_4100_suppressions.json", None),
        ("+12015550101.csv", None),
        ("list.csv", None),
    ],
)
def test_the_date_in_a_name(name: str, moment: datetime | None) -> None:
    assert date_in(name, AS_OF) == (moment.replace(tzinfo=UTC) if moment else None)


def test_a_snapshot_is_as_old_as_its_name_else_its_archive_else_its_arrival(inbox: Inbox, con: duckdb.DuckDBPyConnection) -> None:
    for outer, inner in (("a_2026-01-02.zip", "x_2026-01-01.csv"), ("b_2026-01-03.zip", "x.csv"), ("c.zip", "x.csv")):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr(inner, f"email\n{outer}@example.com\n")
        inbox.put(f"mail/{outer}", buffer.getvalue())
    inbox.collect()
    register(con, inbox.home, config(), feeds=FEEDS)
    assert con.execute("select snapshot_at from raw.landed_files order by delivered_name").fetchall() == [
        (datetime(2026, 1, 1, tzinfo=UTC),),
        (datetime(2026, 1, 3, tzinfo=UTC),),
        (AS_OF,),
    ]


def test_names_of_one_list_are_the_same_without_the_marks_of_a_copy() -> None:
    for name in ("list_1.csv", "LIST_1.csv", "list_1 (1).csv", "sub/list_1-copy.csv", "Copy of list_1.csv"):
        assert list_name(name) == "list_1.csv", name
    assert list_name("asm_groups_4100_suppressions.json") != list_name("asm_groups_4101_suppressions.json")
