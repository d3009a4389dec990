"""Killing real runs by SIGKILL at random moments in every step, while a consumer looks on, and running again.

One series is one home: some runs that die, then a plain one. At its end everything must be as if no run had died, and at no
moment may a consumer have seen half of anything.
"""

from __future__ import annotations

import hashlib
import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from orchestration.faults.catalogue import Case
from orchestration.faults.children import Moment, rehearse, run_and_kill
from orchestration.faults.holdings import Holdings, look
from orchestration.faults.pipeline import ABSORBED, run_stages
from orchestration.faults.suite import a_case, base
from orchestration.faults.world import DAYS, World

MOST_IN_A_SERIES = 12  # a home that dies more often in a row than anybody would bear
_POLL_SECONDS = 0.02


@dataclass
class Crashes:
    """What was killed, and what came of it."""

    seed: int
    kills: Counter[str] = field(default_factory=Counter)
    """Runs that died, by the step they died in."""
    series: int = 0
    looks: int = 0
    """How often the consumer looked."""
    wrong: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return not self.wrong

    def as_dict(self) -> dict[str, Any]:
        return {"good": self.good, "killed": self.kills.total(), **asdict(self)}

    def lines(self) -> list[str]:
        steps = ", ".join(f"{step} {count}" for step, count in self.kills.items())
        head = (
            f"{self.kills.total()} runs killed in {self.series} homes, seed {self.seed}; the consumer looked {self.looks} times."
        )
        return [head, f"  by step: {steps}", *(f"  ✗ {sentence}" for sentence in self.wrong)]


def crash(kills: int, seed: int, tell: Callable[[str], None] = lambda _: None) -> Crashes:
    """Kill so many runs, spread evenly over the steps, in series of random length."""
    with base(seed) as (made, root):
        return crash_runs(kills, made, root, seed, tell)


def crash_runs(kills: int, made: World, root: Path, seed: int, tell: Callable[[str], None] = lambda _: None) -> Crashes:
    """The same on a base that is there already."""
    rng = random.Random(seed)  # noqa: S311  moments to die at, no secrets
    done = Crashes(seed)
    with a_case(made, root, seed) as case:
        case.deliver(case.files)
        measured = rehearse(case.home.root, DAYS[1])
        wanted = look(case.home.root)
    moments = _moments(kills, measured, rng)
    while moments:
        series = [moments.pop() for _ in range(min(rng.randint(1, MOST_IN_A_SERIES), len(moments)))]
        tell(f"{done.kills.total()} killed")
        with a_case(made, root, seed) as case:
            case.deliver(case.files)
            _kill_and_run(case, series, wanted, done)
        done.series += 1
    return done


def _kill_and_run(case: Case, series: list[Moment], wanted: Holdings, done: Crashes) -> None:
    with _consumer(case.home.root, done):
        for moment in series:
            if run_and_kill(case.home.root, DAYS[1], moment):
                done.kills[moment.step] += 1
            else:
                done.wrong.append(f"the run that was to die in {moment} did not")
        ran = run_stages(case.home, DAYS[1])
    if ran.ended == ABSORBED:
        done.wrong += _differences(look(case.home.root), wanted, series)
    else:
        done.wrong.append(f"after {series}: {ran.said}")


def _moments(kills: int, measured: dict[str, tuple[int, float]], rng: random.Random) -> list[Moment]:
    """Half of them at a call to the system, half at a random time, where DuckDB writes without Python knowing of it."""
    names = rng.sample(list(measured), len(measured))
    moments = []
    for number in range(kills):
        name = names[number % len(names)]
        calls, seconds = measured[name]
        if calls and rng.random() < 0.5:
            moments.append(Moment(name, call=rng.randint(1, calls)))
        else:
            moments.append(Moment(name, seconds=rng.uniform(0, seconds)))
    rng.shuffle(moments)
    return moments


def _differences(found: Holdings, wanted: Holdings, series: list[Moment]) -> Iterator[str]:
    for name in Holdings.__dataclass_fields__:
        if getattr(found, name) != getattr(wanted, name):
            yield f"after {series}: {name} is not what it is without a kill"


@contextmanager
def _consumer(root: Path, done: Crashes) -> Iterator[None]:
    """Somebody who reads what is published and dropped, all the while."""
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            try:
                _look_on(root)
            except Exception as error:  # noqa: BLE001  whatever the consumer stumbles over is a finding
                done.wrong.append(f"a consumer met {type(error).__name__}: {error}")
                return
            done.looks += 1
            stop.wait(_POLL_SECONDS)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        stop.set()
        watcher.join()


def _look_on(root: Path) -> None:
    """Follow ``latest.json`` to the rows, and the newest control file to its drop, and prove both by their hashes."""
    golden = root / "published" / "golden_suppression"
    pointer = json.loads((golden / "latest.json").read_text())
    folder = golden / f"version={pointer['version']}"
    text = (folder / "manifest.json").read_bytes()
    _must_hash(text, pointer["manifest_sha256"], "the manifest")
    manifest = json.loads(text)
    for file in manifest["files"]:
        _must_hash((folder / file["name"]).read_bytes(), file["sha256"], file["name"])
    rows = sum(pq.ParquetFile(path).metadata.num_rows for path in folder.glob("*.parquet"))
    if rows != manifest["row_count"]:
        raise AssertionError(f"{rows} rows where the manifest says {manifest['row_count']}")
    drops = root / "outbox" / "drop" / "drop"
    for control in drops.glob("*.ctl.json"):
        for file in json.loads(control.read_text())["files"]:
            _must_hash((drops / file["name"]).read_bytes(), file["sha256"], "a dropped file")


def _must_hash(content: bytes, sha256: str, what: str) -> None:
    if hashlib.sha256(content).hexdigest() != sha256:
        raise AssertionError(f"{what} is not what its hash says")
