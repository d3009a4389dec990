"""A home that holds nothing but a quietlist.toml and canonical CSV files, and the command run as a user would."""

from __future__ import annotations

import atexit
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from orchestration.core.home import Home
from tests.homes import with_policy

AS_OF = "2026-04-01T00:00:00Z"
CONFIG = """
[company]
name = "Acme"
default_region = "US"
scopes = ["acme", "acme/newsletter", "acme/offers", "outlet"]

[limits]
settle_seconds = 0

[sources.asks]
format = "requests"
may_lift = ["preference_center", "web_form", "sms_keyword"]

[sources.crm]
format = "contacts"

[sources.calls]
format = "contacts_made"

[destinations.crm_table]
system = "sql_table"
channels = ["email", "voice", "sms", "fax", "postal", "ads"]

[destinations.mail_house]
system = "file_drop"
channels = ["email", "voice", "sms", "postal"]
"""
REQUESTS = """\
request_key,requested_at,action,method,channels,scope,email,phone,name,address,postal_code,country,region,customer_id,note
r1,2026-03-01T10:00:00Z,opt_out,web_form,email,acme/newsletter,Ann@Example.com,,,,,,US,,
r2,2026-03-02T10:00:00Z,opt_out,agent_note,voice,,ann@example.com,,Ann Doe,,,,US,,stop calling me
r3,2026-03-03T10:00:00Z,opt_out,sms_keyword,sms,acme,,(202) 555-0123,,,,,US,,
r4,2026-03-04T10:00:00Z,opt_in,sms_keyword,sms,acme,,+12025550123,,,,,US,,
r5,2026-03-05,erasure,letter,all,*,bob@example.org,,,,,,GB,,
r6,2026-03-06T10:00:00Z,opt_out,web_form,email,acme,carol@example.com,,,,,,US,,
r7,2026-03-07T10:00:00Z,opt_in,preference_center,email,acme/offers,carol@example.com,,,,,,US,,
r8,2026-03-08T10:00:00Z,opt_out,agent_note,voice,,,1.5551E+10,,,,,US,,irrecoverable
"""
CONTACTS = """\
customer_id,emails,phones,name,address,postal_code,country,region,updated_at
c1,ann@example.com,+1 212 555 0147,Ann Doe,1 Main St,02139,US,US-MA,2026-02-01
c2,bob@example.org,020 7946 0018,Bob Roe,2 High St,SW1A 1AA,GB,GB,2026-02-01
"""
CALLS = """\
contact_key,contacted_at,channel,identifier,scope,campaign,system,agent,registry_version,outcome
k1,2026-03-20T15:00:00Z,email,ann@example.com,acme/newsletter,Spring,mailer,,,delivered
k2,2026-02-20T15:00:00Z,email,ann@example.com,acme/newsletter,Winter,mailer,,,delivered
"""


# Forked from a server that has imported what a run needs and opened nothing: importing it costs more than a quiet day does.
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["orchestration.faults.pipeline", "orchestration.gate.engine", "orchestration.definitions"])


def make(root: Path, config: str = CONFIG, *, empty: bool = False) -> Path:
    """A home with the three canonical files waiting in its inbox, and in its warehouse the policy, or nothing at all."""
    root.mkdir(parents=True)
    if not empty:
        with_policy(Home.at(root))
    (root / "quietlist.toml").write_text(config)
    for source, text in (("asks", REQUESTS), ("crm", CONTACTS), ("calls", CALLS)):
        (root / "inbox" / source).mkdir(parents=True)
        (root / "inbox" / source / f"{source}.csv").write_text(text)
    return root


def quietlist(home: Path, *arguments: str, seconds: int = 300, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, which is as a user's but for having imported everything before."""
    command = [*arguments, "--home", str(home)]
    with tempfile.TemporaryDirectory() as folder:
        said = Path(folder) / "stdout", Path(folder) / "stderr"
        for path in said:
            path.touch(mode=0o600)
        process = _FORKS.Process(target=_command, args=(command, {**os.environ, **environment}, str(Path.cwd()), *said))
        process.start()
        try:
            process.join(seconds)
            if process.exitcode is None:
                raise subprocess.TimeoutExpired(command, seconds)
        finally:
            process.kill()
            process.join()
        return subprocess.CompletedProcess(command, process.exitcode, *(path.read_text(encoding="utf-8") for path in said))


def _command(arguments: Sequence[str], environment: dict[str, str], folder: str, stdout: Path, stderr: Path) -> None:
    """The command in a process that was forked: what ``exec`` would have set, set by hand."""
    for descriptor, path in ((1, stdout), (2, stderr)):
        file = os.open(path, os.O_WRONLY | os.O_APPEND)
        os.dup2(file, descriptor)
        os.close(file)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["quietlist", *arguments]
    from orchestration.cli import main

    main()


def started(home: Path, *arguments: str, seconds: int = 600) -> subprocess.CompletedProcess[str]:
    """The command as a user starts it, imports and all: for what is about the command itself."""
    command = [sys.executable, "-m", "orchestration.cli", *arguments, "--home", str(home)]
    return subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)


def first_run(root: Path) -> Path:
    """A copy of a home that was empty and has run once, at ``AS_OF``."""
    return shutil.copytree(_first_run()[0], root)


def first_run_said() -> str:
    """What that run printed."""
    return _first_run()[1]


@cache
def _first_run() -> tuple[Path, str]:
    folder = Path(tempfile.mkdtemp(prefix="quietlist-home."))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    root = make(folder / "home", empty=True)
    ran = started(root, "run", "--as-of", AS_OF)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return root, ran.stdout


def latest(home: Path) -> dict[str, object]:
    return dict(json.loads((home / "published" / "golden_suppression" / "latest.json").read_text()))


def version_folder(home: Path) -> Path:
    return home / "published" / "golden_suppression" / f"version={latest(home)['version']}"
