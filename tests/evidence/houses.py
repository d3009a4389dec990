"""A house built without running the pipeline: a warehouse with the columns the evidence reads, deliveries, verdicts, a version.

The rows are made in SQL from their number alone, so every run sees the same ones. Each person carries a canary (an address, a
number, a name) that no report may show.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from orchestration.core.chain import record
from orchestration.core.files import canonical_json, sha256_text, write_atomic
from orchestration.core.home import CHECKOUT, Home
from orchestration.core.key import create_hmac_function, home_key
from orchestration.core.warehouse import warehouse
from orchestration.evidence.relations import RELATIONS
from orchestration.gate.held_back import rows_to_hold_back
from orchestration.landing.manifest import GENESIS, Entry, Member, Rejected, Settings, append, delivery_links
from orchestration.publish import export_candidate, publish
from orchestration.publish.candidate import RULES, RULES_COLUMNS
from orchestration.publish.verdicts import Result, Verdict, level_of, store
from orchestration.reconcile import batches
from orchestration.sync.receipts import write_receipt

AS_OF = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)
# What no report may hold, in any spelling.
CANARIES = ("canary", "canaria", "+1201555", "2015550", "201-555", "quiet lane")

CONFIG = """
[company]
name = "Acme & Söhne <Ltd>"
default_region = "US"
scopes = ["acme", "acme/newsletter", "acme/offers", "outlet"]
target_hours = 24

[sources.newsletter]
format = "requests"
scope = "acme/newsletter"
timezone = "America/New_York"
expected_every_hours = 24

[sources.shop]
format = "requests"
expected_every_hours = 12

[sources.hotline]
format = "requests"
region = "GB"
expected_every_hours = 48

[sources.crm]
format = "contacts"
expected_every_hours = 168

[sources.dialler]
format = "contacts_made"

[sources.letters]
format = "requests"
expected_every_hours = 720

[destinations.mail_system]
system = "sql_table"
channels = ["email"]
scopes = ["*", "acme/newsletter"]

[destinations.dialler_list]
system = "file_drop"
channels = ["voice", "sms"]

[destinations.ads_audience]
system = "sql_table"
channels = ["ads"]
"""


def make_tables(con: duckdb.DuckDBPyConnection) -> None:
    """Every table the evidence reads, empty, and those that publication needs."""
    for table, columns in RELATIONS.items():
        schema = table.split(".")[0]
        con.execute(f"create schema if not exists {schema}")
        # A table has more columns than the evidence reads; golden_version is one that publication adds.
        con.execute(f"create table {table} ({', '.join(f'{name} {kind}' for name, kind in columns.items())})")
    con.execute(
        "create table golden.release_evidence (channel varchar, identifier_type varchar, identifier varchar, scope varchar, "
        "evidence_id varchar, evidence_kind varchar)"
    )
    con.execute(f"create table {RULES} ({', '.join(f'{name} {kind}' for name, kind in RULES_COLUMNS.items())})")


def fill_causes(con: duckdb.DuckDBPyConnection) -> None:
    """The policy's words for why a contact was made, as they are."""
    file = CHECKOUT / "dbt_project" / "seeds" / "policy" / "causes.csv"
    con.execute("insert into policy.causes by name select * from read_csv(?, header = true, all_varchar = true)", [str(file)])


def build_house(root: Path, people: int, days: int = 90) -> Home:
    """Fill a home: ``people`` persons with a request each, deliveries of so many days, and everything that follows from it."""
    home = Home.at(root)
    home.root.mkdir(mode=0o700, parents=True)
    home.config_file.write_text(CONFIG, encoding="utf-8")
    home.create()
    deliver(home, days)
    with warehouse(home) as con:
        make_tables(con)
        create_hmac_function(con, home_key(home))
        fill_causes(con)
        fill(con, people)
        take_in(con, home)
        export_candidate(con, home, AS_OF - timedelta(days=1), rows_to_hold_back)
    judge_and_publish(home, AS_OF - timedelta(days=1))
    with warehouse(home) as con:
        # The second version lost a row to an opt-in; its evidence is there.
        con.execute("delete from golden.golden_suppression where identifier = 'canary4@example.com' and channel = 'email'")
        export_candidate(con, home, AS_OF, rows_to_hold_back)
    judge_and_publish(home, AS_OF, hold=True)
    for name, body in RECEIPTS.items():
        write_receipt(home, name, 1, {"as_of": (AS_OF - timedelta(hours=2)).isoformat(), "version": 2, **body})
    (home.reports / "data_docs" / "index.html").write_text("<!doctype html><title>docs</title>")
    return home


RECEIPTS: dict[str, dict[str, object]] = {
    "mail_system": {
        "verify_class": "full",
        "held": [{"reason": "too_many_releases", "rows": 7}],
        "alarms": ["3 rows were accepted by sql_table and are not there: these people can still be contacted"],
        "stopped": None,
    },
    "dialler_list": {"verify_class": "none", "held": [], "alarms": [], "stopped": None},
    "ads_audience": {"verify_class": "point", "held": [], "alarms": [], "stopped": "TransientError"},
}


def take_in(con: duckdb.DuckDBPyConnection, home: Home) -> None:
    """Close a ledger batch over every file of the ledger that is in none yet."""
    con.execute(batches.TABLE)
    con.execute("create table if not exists raw.ledger_files (file_id varchar)")
    con.execute("create table if not exists ledger.record_outcomes (file_id varchar, request_id varchar)")
    con.execute("begin")
    con.execute(
        "insert into raw.load_log by name select distinct file_id, 'delimited' as reader from ledger.requests "
        "where file_id not in (select file_id from raw.load_log)"
    )
    batches.close_batch(con, home, full_refresh=False)
    con.execute("delete from raw.ledger_files")
    con.execute("insert into raw.ledger_files select file_id from raw.load_log where reader <> 'failed'")
    con.execute("commit")


def deliver(home: Home, days: int) -> None:
    """Deliveries of so many days, the newest hours ago, in the landing manifest with their bytes."""
    previous = GENESIS
    schedule = [("crm", 7, 300), ("newsletter", 1, 20), ("shop", 2, 60), ("hotline", 2, 30), ("letters", 30, 200)]
    moments = sorted(
        (AS_OF - timedelta(days=day, hours=lag % 24), source)
        for source, every, lag in schedule
        for day in range(lag // 24, days, every)
    )
    for seq, (moment, source) in enumerate(moments, start=1):
        data = f"{source} {moment}".encode()
        digest = hashlib.sha256(data).hexdigest()
        write_atomic(home.landing / digest[:2] / digest, data)
        entry = append(
            home,
            Entry(
                seq=seq,
                sha256=digest,
                size=len(data),
                source=source,
                name=f"canary {source}.csv",
                received_at=moment,
                modified_at=moment,
                settings=Settings("requests", "*", "UTC", None),
                members=(Member("canary.csv", digest, len(data)),),
                rejected=(Rejected("canary.zip", "encrypted"),) if seq == 40 else (),
                prev=previous,
            ),
        )
        previous = entry.hash
    record(home, *delivery_links(home))


def judge_and_publish(home: Home, as_of: datetime, *, hold: bool = False) -> None:
    """Store verdicts as the gates would, and publish the candidate."""
    candidate = json.loads((home.warehouse_folder / "candidate" / "candidate.json").read_text())
    entry_rows = sha256_text(as_of.isoformat())

    def result(sentence: str, level: str, success: bool, **counts: int) -> Result:
        return Result(
            "suite", "A suite", sentence, level, "Because somebody would be contacted.", "expect", "", success, True, counts
        )

    entry = (
        result("Every record of every file is accounted for.", "hold", not hold, observed=3),
        result("Every request names a source.", "stop", True, rows=10, unexpected=0),
    )
    leave = (
        result("Every row names whom it suppresses.", "stop", True),
        result("No two rows have the same key.", "stop", True),
        result("Every row has a request or a registry behind it.", "stop", True),
        result("The list did not shrink more than opt-ins explain.", "stop", True),
    )
    clocks = (
        result("No legal clock is overdue.", "alert", False, rows=300, unexpected=12),
        result("Every registry copy is young enough <b>today</b>.", "alert", True),
    )
    for gate, rows_hash, results in (
        ("entry", entry_rows, entry),
        ("exit", candidate["rows_sha256"], leave),
        ("clocks", sha256_text("clocks"), clocks),
    ):
        verdict = Verdict(
            gate,
            level_of(results),
            rows_hash,
            as_of,
            results,
            entry_rows_sha256=entry_rows if gate == "exit" else None,
            beside_sha256=candidate["beside_sha256"] if gate == "exit" else {},
        )
        store(home, verdict)
        write_atomic(home.reports / "data_docs" / f"{gate}.json", canonical_json(verdict.as_dict()) + "\n")
    publish(home, as_of)


def fill(con: duckdb.DuckDBPyConnection, people: int) -> None:
    """The rows. Person i has canary<i>@example.com and +1 201 555 01xx; what they asked follows from i."""
    con.execute("set variable as_of = ?::timestamptz", [AS_OF])
    con.execute("set variable people = ?", [people])
    for statement in (Path(__file__).parent / "house.sql").read_text(encoding="utf-8").split(";\n"):
        if statement.strip():
            con.execute(statement)


@pytest.fixture
def empty_home(tmp_path: Path) -> Home:
    """A home with a configuration and nothing else."""
    home = Home.at(tmp_path / "home")
    home.root.mkdir(mode=0o700)
    home.config_file.write_text(CONFIG, encoding="utf-8")
    return home


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home in which everything has happened once. Tests only read it."""
    return build_house(tmp_path_factory.mktemp("house") / "home", people=400)


@pytest.fixture
def own_house(house: Home, tmp_path: Path) -> Home:
    """A copy of it, for tests that break something."""
    shutil.copytree(house.root, tmp_path / "home")
    return Home.at(tmp_path / "home")
