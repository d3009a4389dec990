"""Killed anywhere and run again: the same manifest and the same landed bytes as if nothing had happened."""

from __future__ import annotations

import io
import os
import random
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from orchestration.core.home import Home
from tests.kills import killed_after
from tests.landing.conftest import AS_OF, Inbox, config

SEED = int(os.environ.get("QUIETLIST_SEED", "20260401"))
POINTS = 40  # places to be killed at, spread over the whole run
ROOT = Path(__file__).parents[2]


_COUNTED = ("/orchestration/landing/", "/orchestration/core/chain.py")


def fill(inbox: Inbox) -> None:
    # The manifest says when each file was last written, and the manifests are compared.
    inbox.put("mail/a.csv", modified_at=AS_OF)
    inbox.put("mail/again.csv", modified_at=AS_OF)
    inbox.put("crm/b.csv", "email\nb@example.com\n", modified_at=AS_OF)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        # ZipInfo: the time of day would make each home's archive another file.
        archive.writestr(zipfile.ZipInfo("one.csv"), "email\n1@example.com\n")
        archive.writestr(zipfile.ZipInfo("../two.csv"), "email\n2@example.com\n")
    inbox.put("mail/c.zip", buffer.getvalue(), modified_at=AS_OF)


def state(inbox: Inbox) -> tuple[bytes, dict[str, bytes], list[str]]:
    """The manifest with its entries on the chain of evidence, the landed bytes, and what is left over."""
    left = [path.name for path in inbox.home.landing.iterdir() if path.name.startswith(".incoming")]
    records = inbox.home.manifest_file.read_bytes() + inbox.home.chain_file.read_bytes()
    return records, inbox.landed(), inbox.waiting() + left


def test_a_kill_at_any_step_of_collecting_changes_nothing_in_the_end(tmp_path: Path) -> None:
    untouched = Inbox(Home.at(tmp_path / "untouched").create())
    fill(untouched)
    untouched.collect()
    wanted = state(untouched)
    assert wanted[2] == []
    steps, survived = [1], False
    while not survived:  # how many steps there are, by doubling
        inbox = Inbox(Home.at(tmp_path / f"probe{steps[-1]}").create())
        fill(inbox)
        survived = not killed_after(inbox.collect, steps[-1], _COUNTED)
        steps.append(steps[-1] * 2)
    rng = random.Random(SEED)
    print(f"seed {SEED}")
    for number in sorted(rng.sample(range(1, steps[-2]), min(POINTS, steps[-2] - 1))):
        inbox = Inbox(Home.at(tmp_path / f"killed{number}").create())
        fill(inbox)
        killed_after(inbox.collect, number, _COUNTED)
        killed_after(inbox.collect, max(1, number // 2), _COUNTED)  # and once more, while it repairs
        inbox.collect()
        assert state(inbox) == wanted, f"seed {SEED}, killed at call {number}"
        again = inbox.collect()
        assert (again.taken, again.delivered_again) == (0, 0), f"killed at call {number}"
        assert state(inbox) == wanted, f"seed {SEED}, killed at call {number}, run once more"


_COLLECTOR = """
import sys
from orchestration.core.home import Home
from tests.landing.conftest import AS_OF, config
from orchestration.landing import collect
print("ready", flush=True)
collect(Home.at(sys.argv[1]), config(), AS_OF)
"""


@pytest.mark.parametrize("landed", [1, 100])
def test_a_kill_from_outside_at_any_moment_loses_nothing(tmp_path: Path, landed: int) -> None:
    inbox = Inbox(Home.at(tmp_path / "home").create())
    names = [f"mail/{number}.csv" for number in range(1_000)]  # far more than are landed between two looks
    for number, name in enumerate(names):
        inbox.put(name, f"email\n{number}@example.com\n")
    process = subprocess.Popen(
        [sys.executable, "-c", _COLLECTOR, str(inbox.home.root)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert process.stdout is not None
    process.stdout.readline()
    # By what it has done, not by the clock: a busy machine is no reason to come too early or too late.
    while process.poll() is None and len(inbox.entries()) < landed:
        time.sleep(0.001)
    process.kill()
    process.wait()
    process.stdout.close()
    assert inbox.waiting(), "the kill came too late to try anything"
    inbox.collect(AS_OF, config())
    entries = inbox.entries()
    assert sorted(entry.name for entry in entries) == sorted(Path(name).name for name in names)
    assert {f"{entry.sha256[:2]}/{entry.sha256}" for entry in entries} == set(inbox.landed())
    assert inbox.waiting() == []
