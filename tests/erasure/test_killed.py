"""An erasure that is killed at any of its steps is finished by the next call, and comes to what it would have come to."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from orchestration.audit.verify import look
from orchestration.core.config import Limits, load_config
from orchestration.core.home import Home
from orchestration.core.journal import erasures_log
from orchestration.core.tombstones import Tombstone, new_tombstone
from orchestration.erasure import landed
from orchestration.erasure.points import Point, pattern
from orchestration.landing.collecting import collect
from orchestration.landing.manifest import read_manifest
from orchestration.landing.redactions import now_at
from orchestration.sync.ledger import ROW_STATE, ledger
from orchestration.sync.redact import redact_ledger
from tests.erasure.home import AS_OF, CONFIG, bare_home
from tests.kills import killed_after

POINTS = (Point("email", "ann@example.com"), Point("phone", "+12125550147", "US"))
NAMES = landed.Names({"Ann Doe": f"erased {'0' * 24}"})
STEPS = (
    "orchestration/erasure/",
    "orchestration/landing/",
    "core/files.py",
    "core/journal.py",
    "core/chain.py",
    "sync/redact.py",
)
FILES = {
    "a.csv": "requested_at,action,email,name\n2026-03-01,opt_out,ann@example.com,Ann Doe\n",
    "b.jsonl": '{"requested_at":"2026-03-02","action":"opt_out","phone":"+1 212 555 0147","name":"Ann Doe"}\n',
    "c.csv": "requested_at,action,email\n2026-03-03,opt_out,bob@example.org\n",
}


@pytest.fixture(params=["plain", "encrypted"])
def home(tmp_path: Path, request: pytest.FixtureRequest) -> Home:
    """Two deliveries that name her, one that does not, and a row of hers that was pushed."""
    home = bare_home(tmp_path / "home")
    if request.param == "encrypted":
        pytest.importorskip("pyrage")
        from orchestration.landing.sealing import make_key

        make_key(home.root / "landing.key")
        home.config_file.write_text(f'{CONFIG}\n[encryption]\nlanding = true\nkey_file = "landing.key"\n')
    for name, text in FILES.items():
        (home.inbox / "asks" / name).write_text(text)
    collect(home, load_config(home), AS_OF)
    with ledger(home) as con:
        row = {
            "destination": "crm",
            "identifier_type": "email",
            "identifier": "ann@example.com",
            "channel": "email",
            "scope": "*",
        }
        con.execute(
            f"insert into row_state ({', '.join(row)}) values ({', '.join('?' * len(row))})",
            [*row.values()],
        )
        assert set(row) <= set(ROW_STATE)
    home.erasures_folder.mkdir()
    log = erasures_log(home)
    with log.alone():
        log.add(home, {"entry": "asked", "id": "E1", "points": [stone.as_dict() for stone in _stones(home)]})
    return home


def _stones(home: Home) -> list[Tombstone]:
    email = new_tombstone(home, [], "email", POINTS[0].identifier)
    return [email, new_tombstone(home, [email], "phone", POINTS[1].identifier, region="US")]


def _work(home: Home) -> None:
    stones = _stones(home)
    landed.finish(home)
    for found in landed.find(home, POINTS, lambda entry: False):
        landed.redact(home, load_config(home), found, POINTS, stones, NAMES, "E1")
    redact_ledger(home, Limits(), POINTS, stones)


def _state(home: Home) -> dict[str, object]:
    """What there is in the end, but for the hashes of sealed files, which differ each time."""
    files = sorted(
        path.name for path in home.landing.rglob("*") if path.is_file() and path.name not in ("manifest.jsonl", ".lock")
    )
    journal = [json.loads(line) for line in (home.erasures_folder / "erasures.jsonl").read_bytes().splitlines()]
    redacted = sorted(
        (entry["before"], entry["after"], str(entry["ranges"])) for entry in journal if entry["entry"] == "redacted"
    )
    with ledger(home) as con:
        rows = con.execute("select identifier from row_state").fetchall()
    return {"files": files, "redacted": redacted, "rows": rows}


def test_killed_at_any_step_the_next_call_finishes_it(home: Home, tmp_path: Path) -> None:
    untouched = tmp_path / "untouched"
    shutil.copytree(home.root, untouched)
    _work(home)
    expected = _state(home)
    assert len(expected["redacted"]) == 2 and len(expected["files"]) == 3
    calls, killed = 1, 0
    while True:
        shutil.rmtree(home.root)
        shutil.copytree(untouched, home.root)
        if not killed_after(lambda: _work(home), calls, STEPS):
            break
        killed += 1
        left = look(home, load_config(home))
        assert left.whole, f"killed at call {calls}: {left.sentence()}"
        _work(home)
        assert _state(home) == expected, f"killed at call {calls}"
        calls += max(1, calls // 12)  # each of the first, then ever fewer: they are thousands
    assert killed > 20, "it was killed at many places"
    assert _state(home) == expected


def test_twice_comes_to_the_same(home: Home) -> None:
    _work(home)
    once = _state(home), (home.erasures_folder / "erasures.jsonl").read_bytes()
    _work(home)
    assert (_state(home), (home.erasures_folder / "erasures.jsonl").read_bytes()) == once


def test_nothing_of_hers_is_left_and_the_chain_is_whole(home: Home) -> None:
    _work(home)
    wanted = pattern(POINTS)
    for path in home.root.rglob("*"):
        if path.is_file() and path.name != "landing.key":
            assert wanted.search(path.read_bytes()) is None, path.name
    verified = look(home, load_config(home))
    assert verified.whole, verified.sentence()
    assert not verified.unfinished


def test_an_altered_redacted_file_is_named(home: Home) -> None:
    _work(home)
    first = read_manifest(home)[0]
    after = now_at(home, first.sha256)[0]
    (path,) = (home.landing / after[:2]).glob(f"{after}*")
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    verified = look(home, load_config(home))
    assert not verified.whole and after in verified.sentence()


def test_the_same_bytes_delivered_again_are_what_they_were(home: Home) -> None:
    _work(home)
    home.warehouse_file.write_bytes(b"made of redacted bytes")
    (home.inbox / "asks" / "a.csv").write_text(FILES["a.csv"])
    config = load_config(home)
    collected = collect(home, config, AS_OF)
    assert (collected.delivered_again, collected.taken) == (1, 0)
    first = read_manifest(home)[0]
    assert now_at(home, first.sha256) == (first.sha256, None)
    assert not home.warehouse_file.exists(), "what was made of the redacted bytes is made again"
    verified = look(home, config)
    assert verified.whole and not verified.unfinished, (verified.sentence(), verified.unfinished)
    _work(home)
    assert now_at(home, first.sha256)[0] != first.sha256, "erased again"
    assert look(home, config).whole


def test_an_altered_line_of_the_journal_is_named(home: Home) -> None:
    _work(home)
    log = home.erasures_folder / "erasures.jsonl"
    log.write_bytes(log.read_bytes().replace(b'"entry":"redacted"', b'"entry":"REDACTED"', 1))
    verified = look(home, load_config(home))
    assert not verified.whole and "erasures.jsonl" in verified.sentence()
