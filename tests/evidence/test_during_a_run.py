"""What people ask while a run has the warehouse: real runs, one of them held in the middle, and the commands as typed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from tests.journeys.home import AS_OF, REQUESTS, first_run, make, quietlist

# The real job, which stops with the warehouse open before the golden table is made, until a line comes in.
_HELD = """
import sys
from datetime import datetime
from orchestration.core.home import Home
from orchestration.core.warehouse import warehouse
from orchestration.reconcile import stages
from orchestration.run import run_job

golden = stages.golden

def held(home, config, as_of):
    with warehouse(home, limits=config.limits):
        print("held", flush=True)
        sys.stdin.readline()
    return golden(home, config, as_of)

stages.golden = held
outcome = run_job(Home.at(sys.argv[1]), "quietlist", datetime.fromisoformat(sys.argv[2]))
sys.exit(outcome.exit_code)
"""
_HEADER = REQUESTS.partition("\n")[0] + "\n"
DORA = "r9,2026-04-01T10:00:00Z,opt_out,web_form,email,acme,dora@example.com,,,,,,US,,\n"
SECOND, THIRD = "2026-04-02T00:00:00Z", "2026-04-03T00:00:00Z"


@contextmanager
def held_run(home: Path, as_of: str, *, ends: bool = False) -> Iterator[None]:
    """A run that goes on as long as the block does, and is killed then, or ends well."""
    run = subprocess.Popen(
        [sys.executable, "-c", _HELD, str(home), as_of], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ
    )
    assert run.stdin and run.stdout
    try:
        assert "held" in iter(lambda: run.stdout.readline().strip() or "it ended", "it ended"), "the run never came there"
        yield
        if ends:
            run.stdin.write("\n")
            run.stdin.flush()
            run.communicate(timeout=300)
    finally:
        run.kill()
        run.wait()


def told(home: Path, *command: str) -> str:
    """What a command prints; it must have an answer."""
    ran = quietlist(home, *command)
    assert ran.returncode == 0, (command, ran.stdout, ran.stderr)
    return ran.stdout


def deliver(home: Path, name: str, text: str) -> None:
    (home / "inbox" / "asks" / name).write_text(_HEADER + text)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home after its first run."""
    return first_run(tmp_path_factory.mktemp("first") / "home")


@pytest.fixture
def home(first: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(first, tmp_path / "home")


def test_the_four_commands_answer_while_a_run_goes_on(home: Path) -> None:
    alone = json.loads(told(home, "explain", "ann@example.com", "--json"))
    assert alone["exported"] is None, "no run is in progress: the warehouse answers"
    destinations = json.loads(told(home, "destinations", "--as-of", AS_OF, "--json"))
    deliver(home, "asks2.csv", DORA)
    with held_run(home, SECOND, ends=True):
        now = json.loads(told(home, "explain", "ann@example.com", "--json"))
        said = now.pop("exported")["said"]
        assert said.startswith("A run is in progress: this is the evidence of ") and said.endswith(
            "when the run as of 1 Apr 2026, 00:00 UTC had ended, with version 1 of the list in force."
        )
        for point in (alone["points"][0], now["points"][0]):
            point.pop("answers")  # a delivery waits now, so the channels that were free are not known to be
        assert now["points"] == alone["points"], "the set says of it what the warehouse said"

        lines = told(home, "explain", "dora@example.com")
        assert "NOBODY KNOWS whether dora@example.com may be contacted on email" in lines, lines
        assert "1 delivery landed and not published yet" in lines and "is not suppressed" not in lines, lines
        assert said in told(home, "explain", alone["points"][0]["requests"][0]["request_id"]), "a request id, as it is shown"
        revealed = told(home, "explain", "carol@example.com", "--reveal")
        assert "The records themselves are in the warehouse, which that run holds" in revealed and "  | " not in revealed

        sources = told(home, "sources", "--as-of", AS_OF).splitlines()
        assert sources[0].startswith(said) and any(line.startswith("asks (requests): last arrival") for line in sources), sources
        assert told(home, "destinations", "--as-of", AS_OF).startswith(said)
        asked = quietlist(home, "destinations", "--as-of", AS_OF, "--json")
        assert json.loads(asked.stdout) == destinations and asked.stderr.strip() == said, "a program is told beside the rows"

        told(home, "report", "--as-of", SECOND)
        page = (home / "reports" / "compliance.html").read_text(encoding="utf-8")
        assert said in page and "chain of evidence is whole" in page
    after = told(home, "explain", "dora@example.com")
    assert "dora@example.com is SUPPRESSED on email" in after and "A run is in progress" not in after
    assert quietlist(home, "verify").returncode == 0
    assert said not in (home / "reports" / "compliance.html").read_text(encoding="utf-8"), "the run wrote its own report"


def test_a_run_that_a_gate_stopped_leaves_its_evidence_and_that_is_said(home: Path) -> None:
    with duckdb.connect(str(home / "warehouse" / "warehouse.duckdb")) as con:
        con.execute("delete from golden.golden_suppression where identifier = 'bob@example.org'")  # somebody's row goes missing
    deliver(home, "asks2.csv", DORA)
    assert quietlist(home, "run", "--as-of", SECOND).returncode == 1, "the exit gate stops a list that lost somebody"
    deliver(home, "asks3.csv", DORA.replace("r9", "r10").replace("dora", "erin"))
    with held_run(home, THIRD):
        lines = told(home, "explain", "dora@example.com")
        assert "the run as of 2 Apr 2026, 00:00 UTC had ended, with version 1 of the list in force" in lines, lines
        assert "stopped before it published: 1 delivery that it ingested is not in force" in lines, lines
        assert "dora@example.com is SUPPRESSED on email" in lines and "NOT PUBLISHED YET: email at acme" in lines, lines
        assert "NOBODY KNOWS whether erin@example.com" in told(home, "explain", "erin@example.com")


def test_an_export_that_fails_is_told_with_the_run(home: Path) -> None:
    (home / "published" / "evidence" / "latest.json").write_text("{}")
    ran = quietlist(home, "run", "--job", "report", "--as-of", AS_OF)
    assert ran.returncode == 0 and "alerts" in ran.stdout, ran.stdout
    assert "Reading the exported evidence. Seen: latest.json does not name a set" in ran.stdout, ran.stdout


def test_before_any_run_has_ended_there_is_nothing_to_answer_from(tmp_path: Path) -> None:
    home = make(tmp_path / "home")
    with held_run(home, AS_OF):
        for command in (("explain", "ann@example.com"), ("sources",), ("destinations",), ("report",)):
            ran = quietlist(home, *command)
            assert ran.returncode == 75 and "no run before it exported the evidence" in ran.stderr, (command, ran.stderr)
