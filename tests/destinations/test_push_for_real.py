"""The whole way, from a published version to the real folder, server or database and back, with nothing standing in for them."""

from __future__ import annotations

import json
import random
import subprocess
import sys

import pytest

from orchestration.core.config import parse_config
from orchestration.core.home import CHECKOUT
from orchestration.sync import copy_state, sync
from tests.destinations.stores import KINDS, in_short, store_of
from tests.seed import SEED
from tests.sync.sync_doubles import Publisher, at, golden, opt_in


class Rig:
    """One configured destination, the version that is published for it, and a look at it from outside."""

    def __init__(self, home, store) -> None:
        self.home, self.store, self.publisher = home, store, Publisher(home)
        home.config_file.write_text(store.toml())
        self.config = parse_config(store.toml(), home.config_file)

    def push(self, day: float):
        access = {
            "read_snapshot": self.publisher.read,
            "read_version": self.publisher.read_version,
            "allows": self.publisher.allows,
        }
        return sync(self.home, self.config, "there", at(day), **access)

    def there(self) -> set[tuple[str, str, str]]:
        return self.store.there()


@pytest.fixture(params=KINDS)
def rig(request, home, tmp_path, monkeypatch):
    with store_of(request.param, tmp_path, request, monkeypatch) as store:
        yield Rig(home, store)


def test_from_first_push_to_release(rig) -> None:
    ann, bob, phone = golden("ann@example.com"), golden("bob@example.com"), golden("+15555550100")
    rig.publisher.publish(ann, bob, phone)
    first = rig.push(0)
    assert (first.accepted, first.verified, first.verify_class) == (3, 3, "full")
    everyone = {
        ("email", "ann@example.com", "opt_out"),
        ("email", "bob@example.com", "opt_out"),
        ("voice", "+15555550100", "opt_out"),
    }
    assert rig.there() == everyone
    assert rig.push(1).nothing_to_do

    rig.publisher.publish({**ann, "reason": "complaint"}, phone, evidence=[opt_in("bob@example.com")])
    second = rig.push(2)
    assert second.planned == {"noop:in_place": 1, "put:changed": 1, "release:evidence": 1}
    assert (second.accepted, second.released, second.held, second.alarms) == (1, 1, (), ())
    assert rig.there() == {("email", "ann@example.com", "complaint"), ("voice", "+15555550100", "opt_out")}
    assert rig.push(3).nothing_to_do

    rig.publisher.publish({**ann, "reason": "complaint"})
    third = rig.push(4)
    assert [held.reason for held in third.held] == ["no_evidence"] and len(rig.there()) == 2
    assert "example.com" not in "".join(path.read_text() for path in (rig.home.outbox / "there" / "receipts").iterdir())


def test_what_somebody_takes_out_by_hand_is_put_back(rig) -> None:
    rows = [golden(f"{number}@example.com") for number in range(20)]
    rig.publisher.publish(*rows)
    rig.push(0)
    before = rig.there()
    lost = rig.store.loses("7@example.com")
    result = rig.push(1)
    assert result.planned["put:missing"] == lost and result.missing == 0 and rig.there() == before


def test_another_teams_row_comes_home_and_stays(rig) -> None:
    if rig.store.is_drop:
        pytest.skip("nobody else writes into a drop")
    rig.publisher.publish(golden("ann@example.com"))
    rig.push(0)
    rig.store.somebody_puts("Eve@Example.com")
    assert rig.push(1).found == 1
    (file,) = (rig.home.inbox / "found__there").iterdir()
    assert json.loads(file.read_text())["email"] == "eve@example.com"
    assert rig.push(2).nothing_to_do
    rig.publisher.publish(golden("ann@example.com"), golden("eve@example.com"))
    assert rig.push(3).puts == 0, "it is suppressed there already"
    rig.publisher.publish(golden("ann@example.com"), evidence=[opt_in("eve@example.com")])
    assert rig.push(4).releases == 0 and len(rig.there()) == 2, "not ours to lift"


def test_the_warehouse_gets_the_same_account_as_the_ledger(rig) -> None:
    import duckdb

    rig.publisher.publish(golden("ann@example.com"), golden("+15555550100"))
    rig.push(0)
    with duckdb.connect() as warehouse:
        assert copy_state(warehouse, rig.home) == 2
        rows = warehouse.execute("select distinct destination, state, verify_class, written_by_us from raw.sync__row_state")
        assert rows.fetchall() == [("there", "verified", "full", True)]


_CHILD = """
import os, signal, sys
from orchestration.core.config import parse_config
from orchestration.core.home import Home
from orchestration.sync import sync
from tests.sync.sync_doubles import Publisher, at
home = Home.at(sys.argv[1])
config = parse_config(home.config_file.read_text(), home.config_file)
publisher = Publisher.reopen(home, int(sys.argv[2]), rows=int(sys.argv[3]))
left = int(sys.argv[5])
counted = ("/orchestration/destinations/", "/orchestration/remote/", "/orchestration/sync/", "/orchestration/core/files.py")
def count(frame, event, _):
    global left
    if event == "c_call" and any(part in frame.f_code.co_filename for part in counted):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
sys.setprofile(count)
sync(home, config, "there", at(float(sys.argv[4])), read_snapshot=publisher.read, read_version=publisher.read_version,
     allows=publisher.allows)
sys.setprofile(None)
print(int(sys.argv[5]) - left)
"""


def push_apart(rig, day: float, calls: int) -> int | None:
    """A push in a process that dies at so many calls into the system. The calls it made; None when it died."""
    current = rig.publisher.current
    asked = [str(rig.home.root), str(current.version), str(current.row_count), str(day), str(calls)]
    child = subprocess.run([sys.executable, "-c", _CHILD, *asked], capture_output=True, check=False, cwd=CHECKOUT, timeout=120)
    assert child.returncode in (0, -9), child.stderr.decode()
    return int(child.stdout) if child.returncode == 0 else None


# In the short form one of each way to write: a file put in place, the same on another machine, a transaction, a script.
@pytest.mark.parametrize("rig", in_short("file_drop", "sftp_drop", "sqlite", "redis"), indirect=True)
@pytest.mark.parametrize("kills", [pytest.param(3, id="short"), pytest.param(25, id="long", marks=pytest.mark.slow)])
def test_killed_at_a_random_call_the_next_push_ends_where_the_plan_says(rig, kills) -> None:
    """What is there after each kill is what was there before or what was to come, for whoever uses the list meanwhile."""
    chance = random.Random(f"{SEED} {rig.store.kind}")
    everyone = [golden(f"{number}@example.com") for number in range(30)]
    rig.publisher.publish(*everyone[:20])
    calls = push_apart(rig, 0, 10**9)
    assert calls and rig.store.identifiers() == {f"{number}@example.com" for number in range(20)}
    day, lifted, wanted = 0.0, 0, 20
    for number in range(kills):
        rows, evidence = everyone[lifted + 1 : wanted + 1], [opt_in(f"{lifted}@example.com", evidence_id=f"of {lifted}")]
        if wanted >= len(everyone):
            break
        rig.publisher.publish(*rows, evidence=evidence)
        before, at_call = rig.store.identifiers(), chance.randrange(calls // 3, calls)
        day += 0.1
        push_apart(rig, day, at_call)
        meanwhile, seed = rig.store.identifiers(), f"seed {SEED}, kill {number} at call {at_call}"
        after = {f"{name}@example.com" for name in range(lifted + 1, wanted + 1)}
        assert before & after <= meanwhile <= before | after, seed
        day += 0.1
        rig.push(day)
        assert rig.store.identifiers() == after, seed
        assert rig.push(day + 0.05).nothing_to_do, seed
        lifted, wanted = lifted + 1, wanted + 1
    held = rig.store.held() if rig.store.is_drop else {}
    assert not [name for name in held if name.endswith(".part")], "what was cut short was cleared away"
