"""What a day costs on which nothing arrived, and a small one, by component: ``python -m benchmarks.quiet``.

On the demo home, each day in a process of its own. Processor seconds of the parts: looking before anything heavy is imported, the
imports, the job, and of the job its steps and the writing of events.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.measure import Step, Table
from orchestration.core.home import CHECKOUT, Home

_FIRST = datetime(2026, 4, 1, tzinfo=UTC)
_SMALL = "requested_at,action,channels,email\n2026-04-01,opt_out,email,one@example.com\n"


def run() -> Iterator[Table]:
    """The demo home: days without anything, one of them with the steps of the models all the same, and a day of one request."""
    days = (
        ("the first run", False),
        ("the day after it, of which a gate judges what was published", False),
        ("nothing arrived", False),
        ("nothing arrived, with the steps of the models", True),
        ("one request arrived", False),
    )
    with tempfile.TemporaryDirectory(prefix="quietlist-bench.") as folder:
        home, samples = Path(folder) / "home", CHECKOUT / "data" / "samples"
        shutil.copytree(samples, home / "inbox", ignore=shutil.ignore_patterns("quietlist.toml"))
        shutil.copy(samples / "quietlist.toml", home)
        for number, (title, in_full) in enumerate(days):
            if title == "one request arrived":
                (home / "inbox" / "preference_center" / "one.csv").write_text(_SMALL)
            yield _child(home, _FIRST + timedelta(days=number), title, in_full=in_full)


def _child(home: Path, day: datetime, title: str, *, in_full: bool) -> Table:
    command = [
        sys.executable,
        "-m",
        "benchmarks.quiet",
        "--home",
        str(home),
        "--day",
        day.isoformat(),
        *(["--in-full"] if in_full else []),
    ]
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{title}: the run failed:\n{said[-2000:]}")
    parts = json.loads(said.splitlines()[-1])
    table = Table(f"quietlist run: {title}")
    table.steps = [Step(name, 0, cpu=cpu) for name, cpu in parts.items()]
    cpu, peak = usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024
    table.steps.append(Step("all of it, with the start and end of Python", 0, time.perf_counter() - started, cpu, peak))
    return table


def _measured(home: Home, day: datetime, *, in_full: bool) -> dict[str, float]:
    """Run a day in this process, and say how many processor seconds each part took."""
    parts: dict[str, float] = {}

    @contextmanager
    def part(name: str) -> Iterator[None]:
        began = time.process_time()
        yield
        parts[name] = parts.get(name, 0.0) + time.process_time() - began

    with part("look"):
        from orchestration import run as running
        from orchestration.audit.preflight import require_ready
        from orchestration.core.config import load_config

        config = load_config(home)
        require_ready(home, config, pushes=True)
        is_quiet = not in_full and running._nothing_new(home, config)
    os.environ |= {"QUIETLIST_HOME": str(home.root), "DAGSTER_HOME": str(running.prepare_instance(home))}
    with part("import Dagster"):
        from orchestration.defs.event_log import DagsterEventType, EventLogEntry, StepEventLog
    with part("import the definitions"):
        if is_quiet:
            import orchestration.defs.quiet
        else:
            import orchestration.definitions  # noqa: F401

    write, store, began = StepEventLog._write, StepEventLog.store_event, {}

    def writing(self: StepEventLog) -> None:
        with part("of it, writing events"):
            write(self)

    def storing(self: StepEventLog, event: EventLogEntry) -> None:
        kind, step = event.dagster_event_type, event.step_key
        if kind == DagsterEventType.STEP_START:
            began[step] = time.process_time()
        elif kind in (DagsterEventType.STEP_SUCCESS, DagsterEventType.STEP_FAILURE):
            parts[f"step {step}"] = time.process_time() - began[step]
        store(self, event)

    StepEventLog._write, StepEventLog.store_event = writing, storing  # type: ignore[method-assign]
    with part("the job"):
        outcome = running.run_job(home, "quietlist", day, in_full=in_full)
    if not outcome.success:
        raise SystemExit("\n".join(outcome.lines()))
    return parts


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    for hidden in ("--home", "--day"):  # what a child is told
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    parser.add_argument("--in-full", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.day:
        print(json.dumps(_measured(Home.at(options.home), datetime.fromisoformat(options.day), in_full=options.in_full)))
    else:
        for measured in run():
            print("\n".join(measured.lines()), "\n")
