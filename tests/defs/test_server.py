"""The pages and the daemon as services: both commands on a real home, with Dagster's records in a real PostgreSQL."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from orchestration.audit.preflight import require_ready
from orchestration.core.config import load_config
from orchestration.core.home import Home
from orchestration.definitions import build_defs
from orchestration.publish.versions import latest_version
from orchestration.run import dagster_environment
from tests.journeys.home import make
from tests.postgres_server import postgres_server

QUIETLIST = str(Path(sys.executable).with_name("quietlist"))


def test_the_configuration_switches_schedule_and_sensor_on(tmp_path: Path) -> None:
    home = make(tmp_path / "home")
    plain = build_defs(Home.at(home))
    off = [plain.resolve_schedule_def("daily").default_status.value, plain.resolve_sensor_def("inbox").default_status.value]
    assert off == ["STOPPED", "STOPPED"], "a company that says nothing starts nothing by itself"
    with (home / "quietlist.toml").open("a") as file:
        file.write('[dagster]\ndaily_at = "23:05"\ntimezone = "Europe/Berlin"\nwatch_inbox = true\n')
    said = build_defs(Home.at(home))
    daily = said.resolve_schedule_def("daily")
    assert (daily.default_status.value, daily.cron_schedule, daily.execution_timezone) == (
        "RUNNING",
        "5 23 * * *",
        "Europe/Berlin",
    )
    assert said.resolve_sensor_def("inbox").default_status.value == "RUNNING"


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with postgres_server() as url:
        yield url


@pytest.mark.postgres
@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg2"])
def test_dagster_notes_a_run_in_postgresql_whichever_way_its_url_is_written(
    scheme: str, postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home.at(make(tmp_path / "home"))
    with home.config_file.open("a") as file:
        file.write('[dagster]\nstorage_url_env = "ACME_DB"\n')
    monkeypatch.setenv("ACME_DB", postgres.replace("postgresql", scheme, 1))
    require_ready(home, load_config(home), pushes=False)
    for name, value in dagster_environment(home).items():
        monkeypatch.setenv(name, value)

    @dg.op
    def nothing() -> None: ...

    @dg.job
    def one() -> None:
        nothing()

    with dg.DagsterInstance.get() as instance:
        assert type(instance.run_storage).__name__ == "PostgresRunStorage", "the case is a server"
        run = one.execute_in_process(instance=instance)
        noted = instance.get_run_by_id(run.run_id)
        assert noted is not None and noted.status is dg.DagsterRunStatus.SUCCESS
        assert len(instance.all_logs(run.run_id)) > 3, "and its events"


@contextlib.contextmanager
def process(*command: str, log: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as out:
        started = subprocess.Popen(
            command, env={**os.environ, **environment}, stdout=out, stderr=out, start_new_session=True, cwd=log.parent
        )
    try:
        yield started
    finally:
        os.killpg(started.pid, signal.SIGTERM)
        try:
            started.wait(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(started.pid, signal.SIGKILL)


def runs(port: int) -> list[dict[str, str]]:
    query = {"query": "{ runsOrError { ... on Runs { results { jobName status } } } }"}
    asked = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql", json.dumps(query).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(asked, timeout=30) as answer:
        return json.load(answer)["data"]["runsOrError"]["results"]


@pytest.mark.slow  # two services start, and a whole run goes through them
@pytest.mark.postgres
def test_what_arrives_is_published_by_the_daemon_and_shown_by_the_pages(tmp_path: Path) -> None:
    home = make(tmp_path / "home")
    with (home / "quietlist.toml").open("a") as file:
        file.write('[dagster]\nstorage_url_env = "ACME_DB"\nwatch_inbox = true\n')
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with postgres_server() as url:
        daemon = process(QUIETLIST, "daemon", "--home", str(home), log=tmp_path / "daemon.log", ACME_DB=url)
        pages = process(QUIETLIST, "webserver", "--home", str(home), "--port", str(port), log=tmp_path / "pages.log", ACME_DB=url)
        with daemon as running, pages as serving:
            end = time.monotonic() + 500
            seen: list[dict[str, str]] = []
            while time.monotonic() < end and not any(run["status"] in ("SUCCESS", "FAILURE") for run in seen):
                assert running.poll() is None and serving.poll() is None, (tmp_path / "daemon.log").read_text()[-2000:]
                time.sleep(2)
                with contextlib.suppress(OSError):
                    seen = runs(port)
        assert seen == [{"jobName": "quietlist", "status": "SUCCESS"}], (tmp_path / "daemon.log").read_text()[-2000:]
        assert latest_version(Home.at(home)) is not None, "the files that waited are in a published version"
        assert not list((home / "warehouse" / "dagster").rglob("*.db")), "the records are in PostgreSQL alone"
        done = subprocess.run(
            [QUIETLIST, "run", "--home", str(home)], check=False, env={**os.environ, "ACME_DB": url}, capture_output=True
        )
        assert done.returncode in (0, 1), done.stderr.decode()
        assert not list((home / "warehouse" / "dagster").rglob("*.db")), "those of the command as well"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze on this machine: apt-get install systemd")
def test_the_units_are_sound(tmp_path: Path) -> None:
    """As systemd reads them; the command of a unit is looked for, so this one's stands in for the installed one."""
    units = sorted((Path(__file__).parents[2] / "deploy" / "systemd").iterdir())
    assert len(units) == 4
    for unit in units:
        text = unit.read_text()
        (tmp_path / unit.name).write_text(text.replace("/opt/quietlist/bin/quietlist", "/bin/true"))
        assert unit.suffix == ".timer" or "/opt/quietlist/bin/quietlist" in text, unit.name
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(str(tmp_path / unit.name) for unit in units)],
        check=False,
        capture_output=True,
        text=True,
    )
    said = [line for line in done.stderr.splitlines() if any(unit.name in line for unit in units)]
    assert done.returncode == 0 and not said, done.stderr
