"""Campaign files made so that somebody suppressed could come out as allowed: columns, headers and names that mislead."""

from __future__ import annotations

import csv
from datetime import timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.published import publish_golden
from orchestration.core.config import load_config
from orchestration.core.home import Home
from orchestration.scrub.scrubbing import Request, Scrubbed, scrub
from tests.scrub.worlds import AS_OF, CONFIG

SUPPRESSED, FREE = "+12025550101", "+12125550111"
VOICE = Request(channels=("voice",), without=("us_ftc", "ca_dncl", "uk_tps", "uk_ctps"))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home.at(tmp_path_factory.mktemp("slips") / "home").create()
    home.config_file.write_text(CONFIG)
    rows = f"('voice', 'phone', '{SUPPRESSED}'), ('voice', 'phone', '+13025550101'), ('email', 'email', 'ann@example.com')"
    with duckdb.connect() as con:
        con.execute("set timezone = 'UTC'")
        publish_golden(
            con,
            home,
            "select channel, kind as identifier_type, identifier, '*' as scope, []::varchar[] as except_scopes, "
            "'opt_out' as reason, 'direct' as basis, timestamptz '2026-03-01 00:00:00+00' as suppressed_since, "
            "'US-CANSPAM' as rule_id "
            f"from (values {rows}) as listed (channel, kind, identifier)",
            AS_OF - timedelta(hours=2),
        )
    return home


def scrubbed(home: Home, file: Path, request: Request) -> tuple[Scrubbed, dict[str, int]]:
    result = scrub(home, load_config(home), file, request, file.parent / "out", AS_OF)
    return result, {output["kind"]: output["records"] for output in result.certificate["outputs"]}


@pytest.mark.parametrize("names", [("phone", "phone"), ("Phone", "phone")], ids=["the same", "but for their case"])
def test_parquet_columns_of_one_name_are_each_their_own(home: Home, tmp_path: Path, names: tuple[str, str]) -> None:
    pq.write_table(pa.Table.from_arrays([pa.array([FREE]), pa.array([SUPPRESSED])], names=list(names)), tmp_path / "c.parquet")
    assert scrubbed(home, tmp_path / "c.parquet", VOICE)[1]["blocked"] == 1


def test_a_folders_name_adds_nothing_to_a_parquet_file(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / f"phone={FREE}"
    folder.mkdir()
    pq.write_table(pa.table({"phone": [SUPPRESSED]}), folder / "c.parquet")
    assert scrubbed(home, folder / "c.parquet", VOICE)[1]["blocked"] == 1


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_the_file_that_is_named_is_read(home: Home, tmp_path: Path, ending: str) -> None:
    for name, number in (("a[1]", SUPPRESSED), ("a1", FREE)):
        if ending == "csv":
            (tmp_path / f"{name}.csv").write_text(f"phone\n{number}\n")
        else:
            pq.write_table(pa.table({"phone": [number]}), tmp_path / f"{name}.parquet")
    assert scrubbed(home, tmp_path / f"a[1].{ending}", VOICE)[1]["blocked"] == 1


@pytest.mark.parametrize("first", ["Ann Doe <ann@example.com>", "ann@example.com (home)"])
def test_the_first_record_of_a_file_without_header_is_a_record(home: Home, tmp_path: Path, first: str) -> None:
    (tmp_path / "c.csv").write_text(f"{first}\nbob@example.com\ncy@example.com\n")
    result, counts = scrubbed(home, tmp_path / "c.csv", Request(channels=("email",)))
    assert sum(counts.values()) == 3 and counts["allowed"] == 2
    assert "@" not in str(result.certificate["asked"]), "nor is anybody the label of a column"
    with (result.folder / "allowed.csv").open() as stream:
        assert not any("ann@example.com" in cell for row in csv.reader(stream) for cell in row)


@pytest.mark.parametrize(
    ("why", "text", "request_"),
    [
        ("a digit glued to the word", f"phone,phone2\n2125550111,{SUPPRESSED[2:]}\n2125550112,n/a\n", VOICE),
        ("a column for both", f"mobile,Phone/Fax\n2125550111,{SUPPRESSED[2:]}\n", VOICE),
        ("Delaware, not Germany", "phone,region\n3025550101,DE\n5135550101,OH\n2125550111,NY\n", VOICE),
    ],
)
def test_a_contact_point_is_found_where_it_stands(home: Home, tmp_path: Path, why: str, text: str, request_: Request) -> None:
    (tmp_path / "c.csv").write_text(text)
    assert scrubbed(home, tmp_path / "c.csv", request_)[1]["blocked"] == 1, why


@pytest.mark.parametrize(
    "text",
    [
        "phone,mobilephone\n2125550111,(202) 555-0101\n2125550112,n/a\n2125550113,none\n",
        "email,emailaddress2\nbob@example.com,ann@example.com\ncy@example.com,n/a\ndi@example.com,n/a\n",
    ],
    ids=["numbers", "addresses"],
)
def test_a_sparse_column_that_may_be_one_is_told(home: Home, tmp_path: Path, text: str) -> None:
    (tmp_path / "c.csv").write_text(text)
    result, counts = scrubbed(home, tmp_path / "c.csv", Request(without=VOICE.without))
    assert counts["blocked"] or any(warning.startswith("Not screened by") for warning in result.certificate["warnings"])


def test_a_state_is_a_state_in_small_letters_too(home: Home, tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text(f"phone\n{FREE}\n")
    request = Request(channels=("voice",), without=VOICE.without, region="us-tx")
    assert scrubbed(home, tmp_path / "c.csv", request)[1]["unscreened"] == 1, "no copy of the Texan list is held"
