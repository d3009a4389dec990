"""What a vendor costs that nobody uses: ``python -m benchmarks.vendors``.

Two copies of the project: one knows three formats (``--configured``), one sixty (``--known``: the real ones, and copies of a
vendor's folder up to that number). Each has a home that configures the same three. Measured is ``quietlist run`` on a day without
anything and on a day with a few records; the first run, which parses the models, is apart.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.measure import Step, Table
from orchestration.core.home import CHECKOUT

_COPIED = ("orchestration", "dbt_project", "expectations", "pyproject.toml")
_ALWAYS = "quietlist"  # its own feeds are no format that anybody configures
_COPY_OF = "mailchimp"
_CONFIG = """
[company]
name = "Benchmark"
default_region = "US"
[limits]
settle_seconds = 0
[destinations.crm]
system = "sql_table"
channels = ["email"]
"""
# Source -> its format, the folder that holds the format, the name of a file, and what is in it on a day.
_SOURCES = {
    "asks": (
        "requests",
        "canonical",
        "asks_{n}.csv",
        "requested_at,action,channels,email\n2026-03-01,opt_out,email,a{n}@example.com\n",
    ),
    "newsletter": (
        "mailchimp",
        "mailchimp",
        "unsubscribed_{n}.csv",
        "Email Address,UNSUB_TIME\nb{n}@example.com,2026-03-01 10:00:00\n",
    ),
    "mail": ("sendgrid", "sendgrid", "suppression_bounces_{n}.csv", "email,created\nc{n}@example.com,1772326800\n"),
    "streams": (
        "postmark",
        "postmark",
        "suppressions_dump_{n}.json",
        '{"Suppressions": [{"EmailAddress": "d{n}@example.com", "SuppressionReason": "ManualSuppression", "Origin": "Recipient", '
        '"CreatedAt": "2026-03-02T09:11:40-05:00"}]}',
    ),
    "texts": (
        "telnyx",
        "telnyx",
        "optouts_{n}.json",
        '{"data": [{"from": "+12025550190", "to": "+1202555016{n}", "messaging_profile_id": "40017fdc", "keyword": "STOP", '
        '"created_at": "2026-03-03 12:00:38.631252+00:00"}]}',
    ),
}


def run(known: int, configured: int) -> Table:
    """Both projects beside each other: one that knows no format but those that are configured, and one that knows ``known``."""
    sources = dict(list(_SOURCES.items())[:configured])
    used = [folder for _, folder, _, _ in sources.values()]
    table = Table(f"A day with {configured} formats configured, of {configured} and of {known} that are known")
    measured: dict[tuple[int, str], float] = {}
    with tempfile.TemporaryDirectory(prefix="quietlist-bench.") as folder:
        for number in (configured, known):
            project = _project(Path(folder) / f"knows_{number}", number, used)
            home = Path(folder) / f"home_{number}"
            (home / "inbox").mkdir(parents=True)
            tables = [f'[sources.{name}]\nformat = "{form}"\n' for name, (form, *_) in sources.items()]
            (home / "quietlist.toml").write_text(_CONFIG + "".join(tables))
            for day, name in enumerate(("first run", "nothing new", "a small day", "nothing new, again"), 1):
                if name in ("first run", "a small day"):
                    _deliver(home, day, sources)
                wall, processor = _quietlist(project, home, Path(folder) / "cache", day)
                measured[number, name] = processor
                note = ""
                if number == known and name != "first run":
                    note = f"{processor / measured[configured, name]:.2f} of what it costs with {configured} known"
                table.steps.append(Step(f"{number} known: {name}", 0, wall, processor, note=note))
    return table


def _project(folder: Path, known: int, used: Sequence[str]) -> Path:
    """A copy of the project that knows so many formats."""
    folder.mkdir()
    for name in _COPIED:
        source = CHECKOUT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", "target", "logs"))
        else:
            shutil.copy(source, folder / name)
    staging = folder / "dbt_project" / "models" / "staging"
    others = sorted(path for path in staging.iterdir() if path.name not in (*used, _ALWAYS))
    for path in others[max(known - len(used), 0) :]:
        shutil.rmtree(path)
    for number in range(known - len(used) - len(others)):
        name = f"copy_{number:02}"
        (staging / name).mkdir()
        for path in (staging / _COPY_OF).iterdir():
            (staging / name / path.name.replace(_COPY_OF, name)).write_text(path.read_text("utf-8").replace(_COPY_OF, name))
    return folder


def _deliver(home: Path, day: int, sources: Mapping[str, tuple[str, str, str, str]]) -> None:
    for name, (_, _, file, text) in sources.items():
        path = home / "inbox" / name / file.replace("{n}", str(day))
        path.parent.mkdir(exist_ok=True)
        path.write_text(text.replace("{n}", str(day)))


def _quietlist(project: Path, home: Path, cache: Path, day: int) -> tuple[float, float]:
    """Wall and processor seconds of one run, in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(project), "QUIETLIST_CACHE": str(cache)}
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "orchestration.cli", "run", "--home", str(home), "--as-of", f"2026-04-0{day}T00:00:00Z"],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"quietlist run ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.monotonic() - started, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--known", type=int, default=60)
    parser.add_argument("--configured", type=int, choices=range(1, len(_SOURCES) + 1), default=3)
    asked = parser.parse_args()
    print("\n".join(run(asked.known, asked.configured).lines()))
