"""A day on which nothing arrived, against the whole job on a copy of the same home: by the clock, by drift, by a kill.

The oracle takes every step in full: all models by dbt, every gate by Great Expectations. Always at the last of the steps of the
clock, in the long form at each, with a rebuild behind them.
"""

from __future__ import annotations

import json
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration import run
from orchestration.audit.verify import verify
from orchestration.core.config import load_config
from orchestration.core.errors import PermanentError
from orchestration.core.home import Home
from orchestration.core.outcome import Outcome
from orchestration.core.stamps import note
from orchestration.gate import judging
from orchestration.rebuild import rebuild
from orchestration.reconcile import stages
from tests.journeys.home import CONFIG, REQUESTS, make

AS_OF = datetime(2026, 3, 10, tzinfo=UTC)
# What a clock alone can bring: a source that is late after a week, a copy of a registry that is too old after a month, a
# request whose channel reaches nobody and whose deadlines run out one after the other.
CLOCKED = f"""{CONFIG}
[sources.weekly]
format = "requests"
expected_every_hours = 168

[sources.us_dnc]
format = "ftc_national_dnc"
region = "US"
"""
STEPS = {"the next day": 1, "eleven days later": 11, "forty days later": 40}
_HASH = re.compile(rb"[0-9a-f]{64}")


def ran(home: Home, day: datetime, *, in_full: bool = False) -> Outcome:
    """One run in this process: the oracle's in full, with nothing kept; else one that may not take the steps of the models."""
    with pytest.MonkeyPatch.context() as patch:
        if in_full:
            patch.setattr(judging, "_same", lambda *_: None)
            patch.setattr(stages, "_clock_moved", lambda *_: None)
        else:
            patch.setattr(run, "_in_full", lambda *_, **__: pytest.fail("the whole job was run"))
        return run.run_job(home, "quietlist", day, in_full=in_full)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Home:
    root = make(tmp_path_factory.mktemp("quiet") / "home", CLOCKED)
    more = "r9,2026-03-09T10:00:00Z,opt_out,agent_note,voice,,zed@example.com,,,,,,US,,\n"
    requests = "".join(line for line in REQUESTS.splitlines(keepends=True) if line[:2] not in ("r8",)) + more
    (root / "inbox" / "asks" / "asks.csv").write_text(requests)
    for source, name, text in (
        ("weekly", "weekly.csv", "requested_at,action,email\n2026-03-09T10:00:00Z,opt_out,dora@example.com\n"),
        ("us_dnc", "national_dnc_2026-03-02.txt", "212,5550147\n212,5550148\n"),
    ):
        (root / "inbox" / source).mkdir()
        (root / "inbox" / source / name).write_text(text)
    home = Home.at(root)
    outcome = ran(home, AS_OF, in_full=True)
    assert outcome.success and outcome.gate_level == "alert", outcome.lines()
    return home


def copied(home: Home, folder: Path) -> Home:
    return Home.at(shutil.copytree(home.root, folder))


def said(outcome: Outcome) -> dict[str, Any]:
    facts = {name: value for name, value in outcome.facts.items() if name != "chain_head"}
    return {**replace(outcome, facts=facts, report=None).as_dict(), "report": outcome.report is not None}


def left_behind(home: Home) -> dict[str, Any]:
    """Everything that somebody may read after a run, but for the hashes of verdicts, which say whether they were kept."""
    verdicts = {}
    for path in home.gate_folder.glob("*.json"):
        stored = json.loads(path.read_text())
        stored.pop("kept_from")
        verdicts[path.name] = stored
    tables = {}
    with duckdb.connect(str(home.warehouse_file), read_only=True) as con:
        con.execute("set timezone = 'UTC'")
        for schema, table in con.execute(
            "select schema_name, table_name from duckdb_tables() where schema_name in ('deadlines', 'exposure', 'golden', 'raw') "
            "and table_name not in ('stamps')"
        ).fetchall():
            tables[f"{schema}.{table}"] = Counter(map(repr, con.execute(f"select * from {schema}.{table}").fetchall()))
    return {
        "verdicts": verdicts,
        "published": {
            path.name: _HASH.sub(b"", path.read_bytes()) for path in home.golden_published.rglob("*") if path.is_file()
        },
        "tables": tables,
        "report": _HASH.sub(b"", (home.reports / "compliance.html").read_bytes()),
        "receipts": sorted(path.name for path in home.outbox.rglob("*.json")),
        "chain": Counter(json.loads(line)["kind"] for line in home.chain_file.read_text().splitlines()),
    }


def assert_same(light: Home, full: Home, outcomes: tuple[Outcome, Outcome], when: str) -> None:
    assert said(outcomes[0]) == said(outcomes[1]), when
    found, wanted = left_behind(light), left_behind(full)
    for name, value in wanted.items():
        if isinstance(value, dict):
            assert found[name].keys() == value.keys(), (when, name)
            for key in value:
                assert found[name][key] == value[key], (when, name, key)
        assert found[name] == value, (when, name)


def test_as_the_clock_goes_on_a_quiet_day_says_what_the_whole_job_says(first: Home, tmp_path: Path, in_long_form: bool) -> None:
    light, full = copied(first, tmp_path / "light"), copied(first, tmp_path / "full")
    alerts = []
    steps = STEPS if in_long_form else dict([list(STEPS.items())[-1]])
    for when, days in steps.items():
        moment = AS_OF + timedelta(days=days)
        outcomes = ran(light, moment), ran(full, moment, in_full=True)
        assert_same(light, full, outcomes, when)
        alerts.append(set(outcomes[0].unmet))
    assert len(set(map(frozenset, alerts))) == len(steps), f"each step of the clock brings something of its own: {alerts}"
    last = " ".join(outcomes[0].unmet)
    for sentence in ("source is late", "legal deadlines have passed", "registry copy is too old"):
        assert sentence in last, f"{sentence}: {last}"
    config = load_config(light)
    assert verify(light, config).whole, verify(light, config).lines()
    if in_long_form:
        rebuilt = rebuild(light, config, None)
        assert rebuilt.equal, rebuilt.lines()


def test_when_nothing_moved_every_verdict_is_kept(first: Home, tmp_path: Path) -> None:
    home = copied(first, tmp_path / "home")
    for hours in (1, 2):
        ran(home, AS_OF + timedelta(hours=hours))
    # The first run had nothing published to compare with, so the exit gate judged once more in the next.
    found = {"entry": AS_OF, "exit": AS_OF + timedelta(hours=1), "clocks": AS_OF}
    newest = {
        gate: max(home.gate_folder.glob(f"{gate}-*.json"), key=lambda path: path.stat().st_mtime_ns) for gate in judging.GATES
    }
    for gate, path in newest.items():
        stored = json.loads(path.read_text())
        assert stored["as_of"] == (AS_OF + timedelta(hours=2)).isoformat(), f"{gate}: judged in this very run"
        assert stored["kept_from"] == found[gate].isoformat(), f"{gate}: by what was found then"


def test_drift_at_a_destination_is_found_and_told_on_a_quiet_day(first: Home, tmp_path: Path) -> None:
    light, full = copied(first, tmp_path / "light"), copied(first, tmp_path / "full")
    for home in (light, full):
        with sqlite3.connect(next((home.outbox / "crm_table").rglob("*.db"))) as con:
            assert con.execute("delete from suppression where identifier = 'bob@example.org'").rowcount > 0
    moment = AS_OF + timedelta(days=1)
    outcomes = ran(light, moment), ran(full, moment, in_full=True)
    assert any("should be there are not" in sentence for sentence in outcomes[0].unmet), outcomes[0].unmet
    assert said(outcomes[0]) == said(outcomes[1])
    found, wanted = left_behind(light), left_behind(full)
    for table in ("deadlines.clocks", "exposure.contacts_made", "exposure.summary"):
        assert found["tables"][table] == wanted["tables"][table], table


@pytest.mark.slow  # what is looked at is asked below by itself, and the run of what is found between by the one after
def test_what_is_found_in_the_inbox_makes_a_day_like_any_other(first: Home, tmp_path: Path) -> None:
    home = copied(first, tmp_path / "home")
    late = home.inbox / "asks" / "more.csv"
    late.write_text("requested_at,action,email\n2026-03-10T10:00:00Z,opt_out,ed@example.com\n")
    with pytest.raises(pytest.fail.Exception, match="the whole job was run"):
        ran(home, AS_OF + timedelta(days=1))
    outcome = run.run_job(home, "quietlist", AS_OF + timedelta(days=1))
    assert outcome.facts["published"].startswith("version 2, "), outcome.lines()
    assert not late.exists()


@pytest.mark.parametrize(
    "what",
    [
        "a file of a source",
        "a folder without a source",
        "a file that is being written",
        "a setting",
        "a folder of registries",
        "a source that is pulled",
    ],
)
def test_in_doubt_it_is_a_day_like_any_other(first: Home, tmp_path: Path, what: str) -> None:
    home = copied(first, tmp_path / "home")
    match what:
        case "a file of a source":
            (home.inbox / "asks" / "more.csv").write_text("requested_at,action,email\n")
        case "a folder without a source":
            (home.inbox / "unknown").mkdir()
            (home.inbox / "unknown" / "a.csv").write_text("email\n")
        case "a file that is being written":
            (home.inbox / "asks" / "a.csv.part").write_text("email\n")
        case "a setting":
            home.config_file.write_text(home.config_file.read_text().replace('scopes = ["acme",', 'scopes = ["other", "acme",'))
        case "a folder of registries":
            shutil.rmtree(home.registries_published)
        case "a source that is pulled":  # nobody knows what it holds until it was asked
            pulled = 'expected_every_hours = 168\npull = { api_key_env = "NOT_SET" }\n'
            home.config_file.write_text(home.config_file.read_text().replace("expected_every_hours = 168\n", pulled))
    assert run._nothing_new(first, load_config(first))
    assert not run._nothing_new(home, load_config(home)), what


def test_what_arrives_between_the_look_and_the_run_is_not_left_behind(
    first: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = copied(first, tmp_path / "home")
    looked = iter([True])
    nothing_new = run._nothing_new
    monkeypatch.setattr(run, "_nothing_new", lambda *given: next(looked, None) or nothing_new(*given))
    (home.inbox / "asks" / "more.csv").write_text("requested_at,action,email\n2026-03-10T10:00:00Z,opt_out,ed@example.com\n")
    outcome = run.run_job(home, "quietlist", AS_OF + timedelta(days=1))
    assert outcome.success and outcome.facts["published"].startswith("version 2, "), outcome.lines()


_KILLED = """
import os, signal, sys
from datetime import datetime
from orchestration import run
from orchestration.core.home import Home
from orchestration.defs import {module}
def die(*_, **__): os.kill(os.getpid(), signal.SIGKILL)
{module}.{name} = die
run.run_job(Home.at(sys.argv[1]), "quietlist", datetime.fromisoformat(sys.argv[2]))
"""


@pytest.mark.parametrize(
    ("module", "name"),
    [pytest.param("quiet", "unknown_values", marks=pytest.mark.slow), ("sync", "sync")],
    ids=["before the gate", "before a push"],
)
def test_a_quiet_day_that_is_killed_leaves_nothing_wrong(first: Home, tmp_path: Path, module: str, name: str) -> None:
    home, untouched = copied(first, tmp_path / "home"), copied(first, tmp_path / "untouched")
    moment = AS_OF + timedelta(days=11)
    script = _KILLED.format(module=module, name=name)
    killed = subprocess.run(
        [sys.executable, "-c", script, str(home.root), moment.isoformat()],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, (module, name, killed.stderr)
    outcomes = ran(home, moment), ran(untouched, moment)
    assert said(outcomes[0]) == said(outcomes[1]), (module, name)
    assert verify(home, load_config(home)).whole


def test_tables_that_do_not_stand_are_not_taken_as_they_are(first: Home, tmp_path: Path) -> None:
    home = copied(first, tmp_path / "home")
    config = load_config(home)
    assert stages.stand(home, config, AS_OF)
    with duckdb.connect(str(home.warehouse_file)) as con:
        note(con, reconciled=None)
    assert not stages.stand(home, config, AS_OF)
    from orchestration.defs import execute, quiet

    outcome = execute.execute(quiet.build_defs(home), home, "quietlist", AS_OF, show_progress=False, replay=False)
    assert not outcome.success and "not made of what has arrived" in str(outcome.errors), outcome.lines()
    assert PermanentError.__name__ not in str(outcome.errors)
