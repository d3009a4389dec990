"""Answers of a registry about several registers at once, and lists that come as tags, through the real entry points."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestration.core.home import Home
from orchestration.core.warehouse import warehouse
from tests.registries.house import LATER, START, copy_of, deliver, numbers_of, run, staged

RESULTS = (
    "Number,No Voice Call,No Text Message,No Fax Message\n"
    "80000101,Y,N,N\n80000102,Y,Y,N\n80000103,N,N,N\n80000104,N,registered,\n12,Y,Y,N\n"
)
TAGS = "<list type='full' level='ac' val='416' /> <ac val='416'>\n{}\n</ac> </list>\n"


def tags(*numbers: str) -> str:
    return TAGS.format(" ".join(f"<ph val='{number}' />" for number in numbers))


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return staged(tmp_path_factory.mktemp("answers") / "home")


@pytest.fixture
def home(template: Home, tmp_path: Path) -> Home:
    return copy_of(template, tmp_path / "home")


def account(home: Home) -> tuple[int, ...]:
    with warehouse(home, read_only=True) as con:
        query = "select physical_records, skipped, loaded, quarantined from raw.load_log"
        (found,) = con.execute(query).fetchall()
        (records,) = con.execute("select records from registries.files").fetchall()
    return (*found, *records)


def test_a_number_is_listed_in_each_register_that_its_row_names(home: Home) -> None:
    deliver(home, "sg", "20260301101500_results.csv", RESULTS)
    run(home, START)
    assert numbers_of(home, "sg_dnc_voice") == [6580000101, 6580000102]
    assert numbers_of(home, "sg_dnc_text") == [6580000102, 6580000104]
    assert numbers_of(home, "sg_dnc_fax") == []


def test_a_row_of_two_registers_is_one_record_and_one_refusal(home: Home) -> None:
    deliver(home, "sg", "20260301101500_results.csv", RESULTS)
    run(home, START)
    # A header; five rows, of which one has no readable number; three of the others are listed somewhere.
    assert account(home) == (6, 1, 4, 1, 3)
    with warehouse(home, read_only=True) as con:
        refused = con.execute("select record_no, reason from raw.quarantine").fetchall()
    assert refused == [(6, "unreadable_number")]


def test_an_answer_that_leaves_a_number_out_releases_nobody(home: Home) -> None:
    deliver(home, "sg", "20260301101500_results.csv", RESULTS)
    run(home, START)
    deliver(
        home, "sg", "20260308101500_results.csv", RESULTS.replace("80000101,Y,N,N\n", "").replace("80000102,Y,Y", "80000102,N,Y")
    )
    run(home, LATER)
    assert numbers_of(home, "sg_dnc_voice") == [6580000101, 6580000102]


def test_a_list_of_tags_is_the_same_list_as_flat_text(home: Home) -> None:
    deliver(home, "ca", "416_2026-03-01.xml", tags("5550101", "5550102"))
    run(home, START)
    assert numbers_of(home, "ca_dncl") == [14165550101, 14165550102]
    deliver(home, "ca", "416_2026-03-08.txt", "416,5550102\n416,5550103\n")
    run(home, LATER)
    assert numbers_of(home, "ca_dncl") == [14165550102, 14165550103]


def test_a_list_of_tags_that_was_cut_off_takes_nobody_off(home: Home) -> None:
    deliver(home, "ca", "416_2026-03-01.xml", tags("5550101", "5550102"))
    run(home, START)
    whole = tags("5550101", "5550102", "5550103")
    deliver(home, "ca", "416_2026-03-08.xml", whole[: whole.index("5550102")])
    run(home, LATER)
    assert numbers_of(home, "ca_dncl") == [14165550101, 14165550102]
    with warehouse(home, read_only=True) as con:
        assert con.execute("select reason from raw.quarantine").fetchall() == [("truncated",)]
