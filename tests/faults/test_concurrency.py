"""Two runs at once: one refuses or waits, however each was started, and nothing is lost on the way."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from orchestration.core.errors import TransientError
from orchestration.core.home import CHECKOUT, Home
from orchestration.core.lock import run_lock
from orchestration.defs import run as defs_run
from orchestration.defs.run import QuietlistRun
from orchestration.faults import world
from orchestration.faults.holdings import look
from orchestration.faults.suite import must_be
from orchestration.run import prepare_instance, run_job


@contextmanager
def somebody_holds(home: Home, seconds: float = 600.0) -> Iterator[None]:
    """Another run, in a thread of its own, for so long or until the block ends."""
    began, done = threading.Event(), threading.Event()

    def hold() -> None:
        with run_lock(home) as got:
            assert got
            began.set()
            done.wait(seconds)

    thread = threading.Thread(target=hold)
    thread.start()
    assert began.wait(30)
    try:
        yield
    finally:
        done.set()
        thread.join()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home.at(tmp_path / "home").create()
    home.config_file.write_text(world.CONFIG)
    return home


def test_the_lock_is_one_run_s_and_may_be_taken_again_by_it_alone(home: Home) -> None:
    with run_lock(home) as outer, run_lock(home) as inner:
        assert outer and inner, "the command and the job that it runs"
    with somebody_holds(home), run_lock(home) as got:
        assert not got
    with run_lock(home) as got:
        assert got, "free again"


def test_a_second_command_refuses_at_once_and_starts_nothing(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUIETLIST_HOME", str(home.root))
    monkeypatch.setenv("DAGSTER_HOME", str(home.dagster_folder))
    with somebody_holds(home), pytest.raises(TransientError, match="another run is in progress"):
        run_job(home, "quietlist", datetime(2026, 3, 10, tzinfo=UTC))
    assert not home.warehouse_file.exists() and not home.manifest_file.exists()


def test_a_run_that_dagster_starts_waits_for_its_turn_and_then_has_its_clock(home: Home) -> None:
    waiting = datetime.now(UTC).replace(microsecond=0)
    with (
        somebody_holds(home, seconds=2.5),
        QuietlistRun(home=str(home.root)).yield_for_execution(dg.build_init_resource_context()) as run,
    ):
        assert (run.moment(None) - waiting).total_seconds() >= 1, "not the moment at which it began to wait"


def test_a_run_that_waited_too_long_says_what_for(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(defs_run, "_WAIT_SECONDS", 0.0)
    resource = QuietlistRun(home=str(home.root))
    with (
        somebody_holds(home),
        pytest.raises(TransientError, match="another run has been in progress"),
        resource.yield_for_execution(dg.build_init_resource_context()),
    ):
        pass


class Pages:
    """A real ``dagster dev``, asked as its web pages ask."""

    def __init__(self, home: Home) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self._url = f"http://127.0.0.1:{port}/graphql"
        environment = {**os.environ, "QUIETLIST_HOME": str(home.root), "DAGSTER_HOME": str(prepare_instance(home))}
        self._log = (home.root / "dagster_dev.log").open("w")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "dagster", "dev", "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(port)],
            cwd=CHECKOUT,
            env=environment,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(self._url, body, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=120) as answer:
            data = json.loads(answer.read())
        assert "errors" not in data, data["errors"]
        return data["data"]

    def until(self, what: str, query: str, is_so: Any, seconds: float = 500) -> Any:
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            try:
                if answer := is_so(self.ask(query)):
                    return answer
            except OSError:
                assert self._process.poll() is None, "dagster dev died"
            time.sleep(1)
        raise AssertionError(f"{what}: not within {seconds:g} seconds")

    def close(self) -> None:
        os.killpg(self._process.pid, signal.SIGINT)
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._log.close()


LAUNCH = """
mutation Launch($selector: JobOrPipelineSelector!) {
  launchRun(executionParams: {selector: $selector}) { __typename ... on LaunchRunSuccess { run { runId } } }
}
"""
SENSOR = """
mutation Sensor($selector: SensorSelector!) { startSensor(sensorSelector: $selector) { __typename } }
"""
PLACE = {"repositoryLocationName": "quietlist", "repositoryName": "__repository__"}


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_dagster_dev_the_sensor_and_a_command_at_once_end_where_one_run_ends(home: Home) -> None:
    made = world.make(1)
    for name, content in {**made.files(0), **made.files(1)}.items():
        path = home.inbox / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    pages = Pages(home)
    try:
        locations = "{ workspaceOrError { ... on Workspace { locationEntries { loadStatus } } } }"
        pages.until("loading", locations, lambda data: data["workspaceOrError"]["locationEntries"][0]["loadStatus"] == "LOADED")
        by_hand = subprocess.Popen(
            [sys.executable, "-m", "orchestration.cli", "run", "--home", str(home.root)],
            cwd=CHECKOUT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started = pages.ask(SENSOR, selector={**PLACE, "sensorName": "inbox"})
        assert started["startSensor"]["__typename"] == "Sensor", started
        launched = pages.ask(LAUNCH, selector={**PLACE, "jobName": "quietlist"})
        assert launched["launchRun"]["__typename"] == "LaunchRunSuccess", launched
        said, _ = by_hand.communicate(timeout=900)
        runs = "{ runsOrError { ... on Runs { results { status } } } }"
        ended = pages.until(
            "every run",
            runs,
            lambda data: (found := {run["status"] for run in data["runsOrError"]["results"]}) <= {"SUCCESS", "FAILURE"} and found,
        )
    finally:
        pages.close()
    assert ended == {"SUCCESS"}, "what Dagster started waited for its turn"
    assert by_hand.returncode == 0 or re.search("another run is in progress", said), said
    must_be(made.truth(2), look(home.root), "after all of them")
