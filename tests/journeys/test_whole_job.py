"""The whole job as a user runs it, on canonical CSV files only: published, pushed, read back, asked, rebuilt."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from pathlib import Path

import duckdb
import pytest

from orchestration.audit.verify import verify
from orchestration.core.config import load_config
from orchestration.core.home import Home
from tests.journeys.home import (
    AS_OF,
    CONFIG,
    REQUESTS,
    first_run,
    first_run_said,
    latest,
    make,
    quietlist,
    started,
    version_folder,
)

# channel, identifier, scope, except_scopes, reason, basis
EXPECTED = {
    ("email", "ann@example.com", "acme/newsletter", (), "opt_out", "direct"),
    ("voice", "+12125550147", "*", (), "opt_out", "person"),
    ("email", "bob@example.org", "*", (), "erasure", "direct"),
    ("voice", "+442079460018", "*", (), "erasure", "person"),
    ("sms", "+442079460018", "*", (), "erasure", "person"),
    ("fax", "+442079460018", "*", (), "erasure", "person"),
    ("ads", "bob@example.org", "*", (), "erasure", "direct"),
    ("ads", "+442079460018", "*", (), "erasure", "person"),
    ("email", "carol@example.com", "acme", ("acme/offers",), "opt_out", "direct"),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return first_run(tmp_path_factory.mktemp("journey") / "home")


def rows(home: Path) -> list[tuple[object, ...]]:
    with duckdb.connect() as con:
        return con.execute(
            "select * exclude (identifier_hash) from read_parquet(?) order by all", [str(version_folder(home) / "*.parquet")]
        ).fetchall()


def test_the_published_table_is_what_the_people_asked_for(home: Path) -> None:
    with duckdb.connect() as con:
        found = con.execute(
            "select channel, identifier, scope, except_scopes, reason, basis from read_parquet(?)"
            " where identifier_type <> 'postal'",
            [str(version_folder(home) / "*.parquet")],
        ).fetchall()
        postal = con.execute(
            "select count(*) from read_parquet(?) where channel = 'postal' and reason = 'erasure'",
            [str(version_folder(home) / "*.parquet")],
        ).fetchall()
    assert {(c, i, s, tuple(e), r, b) for c, i, s, e, r, b in found} == EXPECTED
    assert postal == [(1,)], "erasure reaches the postal address of the same person"


def test_the_summary_ends_with_the_report_and_names_the_head_of_the_chain() -> None:
    assert "compliance.html" in first_run_said().splitlines()[-1], first_run_said()
    assert re.search(r"chain_head: [0-9a-f]{64}\n", first_run_said()), "the head can be noted elsewhere"


def test_a_second_run_writes_publishes_and_pushes_nothing_new(home: Path) -> None:
    def state() -> tuple[object, ...]:
        written = (home / "warehouse" / "candidate" / "part-0.parquet").stat().st_mtime_ns
        return latest(home), sorted(path.name for path in (home / "outbox").rglob("*.json")), written

    before = state()
    result = quietlist(home, "run", "--as-of", AS_OF)
    assert result.returncode == 0, result.stdout + result.stderr
    assert state() == before


@pytest.mark.slow  # a whole first run more; tests/reconcile/test_golden_oracle.py asks it of the golden table always
def test_the_same_files_by_other_names_in_another_order_publish_the_same_rows(home: Path, tmp_path: Path) -> None:
    # Nothing but sources: a company may want the table alone.
    other = make(tmp_path / "other", CONFIG.partition("[destinations.")[0])
    shutil.copy2(home / "home.key", other / "home.key")  # ids that leave the warehouse are keyed
    head, *lines = REQUESTS.splitlines(keepends=True)
    (other / "inbox" / "asks" / "asks.csv").unlink()
    (other / "inbox" / "asks" / "b.csv").write_text(head + "".join(lines[4:]))
    (other / "inbox" / "asks" / "a.csv").write_text(head + "".join(reversed(lines[:4])))
    result = quietlist(other, "run", "--as-of", AS_OF)
    assert result.returncode == 0, result.stdout + result.stderr
    assert rows(other) == rows(home)


def test_what_was_pushed_can_be_read_where_it_was_pushed(home: Path) -> None:
    with sqlite3.connect(next((home / "outbox" / "crm_table").rglob("*.db"))) as con:
        tables = "select name from sqlite_master where type = 'table' and name not like 'sqlite_%' limit 1"
        (table,) = next(con.execute(tables))
        (count,) = next(con.execute(f'select count(*) from "{table}"'))
    assert count >= len(EXPECTED) - 1
    assert list((home / "outbox" / "mail_house").rglob("*.csv")), "the mail house has its files"
    state = json.loads(quietlist(home, "destinations", "--json", "--as-of", AS_OF).stdout)
    assert {row["name"] for row in state} == {"crm_table", "mail_house"}
    for row in state:
        assert row["states"]["verified"] == row["wanted"] > 0, f"{row['name']}: everything wanted there was seen there"


@pytest.mark.parametrize(
    ("channel", "identifier", "scope", "suppressed", "code"),
    [
        ("email", "ANN@example.com ", "acme/newsletter", True, 4),
        ("email", "ann@example.com", "acme/offers", False, 0),
        ("email", "ann@example.com", None, True, 4),
        ("sms", "202-555-0123", "acme", False, 5),  # no copy of the registry is held
        ("email", "carol@example.com", "acme/offers", False, 0),
        ("email", "carol@example.com", "acme/newsletter", True, 4),
        ("voice", "+44 20 7946 0018", "outlet", True, 4),
        ("email", "nobody@example.com", "*", False, 0),
        ("email", "nobody@example.com", None, False, 0),
    ],
)
def test_check_answers_rightly(home: Path, channel: str, identifier: str, scope: str | None, suppressed: bool, code: int) -> None:
    where = ["--scope", scope] if scope else []
    result = quietlist(home, "check", "--channel", channel, "--identifier", identifier, *where, "--json")
    assert result.returncode == code, (identifier, scope, result.stdout, result.stderr)
    assert json.loads(result.stdout)["suppressed"] is suppressed, f"{channel} {scope}: {result.stdout}"


def test_explain_names_the_request_and_its_record(home: Path) -> None:
    result = started(home, "explain", "ann@example.com")
    assert result.returncode == 0, result.stderr
    assert "asks.csv" in result.stdout and "acme/newsletter" in result.stdout


def test_rebuild_equals(home: Path) -> None:
    result = quietlist(home, "rebuild")
    assert result.returncode == 0 and result.stdout.startswith("Equal"), result.stdout + result.stderr


def test_the_chain_of_evidence_of_both_runs_is_whole_and_any_byte_more_is_named(home: Path, tmp_path: Path) -> None:
    own = Home.at(shutil.copytree(home, tmp_path / "home"))
    config = load_config(own)
    verified = verify(own, config)
    assert verified.whole and verified.unfinished == (), verified.lines()
    assert {"delivery", "ledger", "verdict", "publication", "receipt"} <= verified.kinds.keys()
    for path in [path for folder in (own.landing, own.published) for path in folder.rglob("*") if path.is_file()]:
        honest = path.read_bytes()
        path.write_bytes(honest + b"x")
        assert verify(own, config).sentence().startswith(f"{path.relative_to(own.root)}: ")
        path.write_bytes(honest)
    # The report is a piece of a run: its head may be followed by what the run did after it.
    page = (own.reports / "compliance.html").read_text(encoding="utf-8")
    (shown,) = set(re.findall(r"Head of the chain of evidence</th><td[^>]*><code>([0-9a-f]{64})", page))
    assert verify(own, config, noted_head=shown).noted
    assert verify(own, config).whole


def test_every_record_ended_in_one_place(home: Path) -> None:
    with duckdb.connect(str(home / "warehouse" / "warehouse.duckdb"), read_only=True) as con:
        assert con.execute("select sum(difference), sum(quarantined) from ledger.conservation").fetchall() == [(0, 1)]


def test_a_wrong_configuration_is_told_all_at_once(tmp_path: Path) -> None:
    root = make(tmp_path / "home", '[company]\nname = ""\nscopez = []\n[sources.x]\nformat = "mailchump"\n')
    result = started(root, "run")
    assert result.returncode == 2
    assert all(word in result.stderr for word in ("scopez", "mailchump", "company.name")), result.stderr
