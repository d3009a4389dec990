"""The id of a request says nothing to who has not the key: nobody can try telephone numbers until one has the id of a report."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from orchestration.answers.check import check
from orchestration.answers.explain import explain
from orchestration.core import key
from orchestration.core.config import load_config
from orchestration.core.errors import ConfigError
from orchestration.core.home import Home
from orchestration.defs.run import parse_moment
from orchestration.publish.candidate import EVIDENCE_FILE, ROWS_FILE
from orchestration.run import run_job
from tests.journeys.home import AS_OF, make, version_folder

PHONE = "+12025550123"
UNRESOLVED = "r9,2026-03-09T10:00:00Z,opt_out,agent_note,sms,,dora@example.com,,,,,,US,,\n"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home after its first run."""
    root = make(tmp_path_factory.mktemp("shown") / "home")
    with (root / "inbox" / "asks" / "asks.csv").open("a") as stream:
        stream.write(UNRESOLVED)
    home = Home.at(root)
    run_job(home, "quietlist", parse_moment(AS_OF))
    return home


def own_ids(home: Home) -> list[str]:
    with duckdb.connect(str(home.warehouse_file), read_only=True) as con:
        return [row[0] for row in con.execute("select request_id from ledger.requests order by 1").fetchall()]


def written(home: Home) -> dict[str, str]:
    """Every text that leaves the warehouse: reports, versions, receipts, what was pushed, and Dagster's own store."""
    told: dict[str, str] = {}
    # The exported evidence is the warehouse's tables, the contact points among them, and as private (tests/evidence).
    inside = {home.warehouse_file, home.sync_ledger_file, *home.evidence_published.rglob("*.parquet")}
    assert len(inside) > 20, "a run exported it"
    for path in sorted(path for path in home.root.rglob("*") if path.is_file() and path not in inside):
        if path.is_relative_to(home.landing) or path.is_relative_to(home.inbox):
            continue
        if path.suffix == ".parquet":
            told[str(path)] = str(duckdb.sql(f"select * from read_parquet('{path}')").fetchall())
        else:
            told[str(path)] = path.read_bytes().decode("latin-1")
    return told


def test_no_id_that_leaves_the_warehouse_can_be_made_again_without_the_key(home: Home) -> None:
    ids = own_ids(home)
    assert len(ids) > 6
    texts = written(home)
    for who in ("ann@example.com", "bob@example.org", "carol@example.com", "dora@example.com", PHONE):
        told = explain(home, load_config(home), who)
        texts[who] = json.dumps(told.as_dict(), default=str) + "\n".join(told.lines())
    texts["explain"] = json.dumps(explain(home, load_config(home), PHONE).as_dict(), default=str)
    texts["check"] = json.dumps(check(home, "email", "bob@example.org").as_dict(), default=str)
    assert sum(name.endswith((".html", ".parquet", ".json")) for name in texts) > 5, sorted(texts)
    # What somebody who guesses a number can make of it: the request's own id, and any plain hash of that.
    for request in ids:
        makeable = {
            request,
            hashlib.md5(request.encode(), usedforsecurity=False).hexdigest(),
            hashlib.sha256(request.encode()).hexdigest()[:32],
            hashlib.sha256(f"request {request}".encode()).hexdigest()[:32],
        }
        for name, text in texts.items():
            assert not [one for one in makeable if one in text], f"{name} shows an id that a guess can be tried against"
    shown = {key.shown_id(key.home_key(home), request) for request in ids}
    unresolved = next(text for name, text in texts.items() if name.endswith(".html") and "compliance" in name)
    for name, text in (("explain", texts["explain"]), ("check", texts["check"]), ("the report", unresolved)):
        assert any(one in text for one in shown), f"{name} shows the keyed id"
    with duckdb.connect() as con:
        named = {
            row[0]
            for row in con.execute(
                "select deciding_request_id from read_parquet(?) where deciding_request_id is not null",
                [str(version_folder(home.root) / ROWS_FILE)],
            ).fetchall()
        }
    assert named and named <= shown, "the published table names its requests as the report does"


def test_sql_and_python_make_the_same_id_and_another_key_makes_another() -> None:
    first, second = b"a" * 32, b"b" * 32
    with duckdb.connect() as con:
        key.create_hmac_function(con, first)
        made = con.execute("select shown_id('one'), shown_id(null)").fetchone()
    assert made == (key.shown_id(first, "one"), None)
    assert key.shown_id(first, "one") != key.shown_id(second, "one")
    assert len(key.shown_id(first, "one")) == 32


def evidence_ids(home: Home) -> set[str]:
    with duckdb.connect() as con:
        file = home.warehouse_folder / "candidate" / EVIDENCE_FILE
        return {row[0] for row in con.execute("select evidence_id from read_parquet(?)", [str(file)]).fetchall()}


def test_a_link_of_before_a_rotation_is_followed_by_who_holds_the_retired_key(home: Home, tmp_path: Path) -> None:
    config, request = load_config(home), own_ids(home)[0]
    before, evidence = key.shown_id(key.home_key(home), request), evidence_ids(home)
    assert evidence, "somebody opted in again"
    text = "\n".join(explain(home, config, before).lines())
    key.rotate_key(home, person="Sam Poole", reason="somebody left", now=datetime(2026, 4, 1, tzinfo=UTC))
    after = key.shown_id(key.home_key(home), request)
    assert after != before
    for link in (before, after):
        told = "\n".join(explain(home, config, link).lines())
        assert after in told and before not in told, "told by the id of the key in use"
        assert told.replace(after, before).splitlines()[0] == text.splitlines()[0]
    run_job(home, "quietlist", parse_moment(AS_OF) + timedelta(hours=1))
    assert evidence_ids(home) == evidence, "what released somebody once is recognised under any later key, and spent"
    # Somebody who lost the retired key cannot follow the old link, and nothing else stops.
    (home.key_file.with_name("home.key.1")).rename(tmp_path / "home.key.1")
    with pytest.raises(ConfigError, match="no request in the ledger has that id"):
        explain(home, config, before)
