"""Carrying out the faults and counting: who is contacted wrongly, who is released wrongly, what stopped without a reason."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from orchestration.core.errors import ConfigError
from orchestration.core.home import Home
from orchestration.faults import world
from orchestration.faults.catalogue import BY_NAME, FAULTS, Case, Fault
from orchestration.faults.holdings import PLACES, Holdings, look
from orchestration.faults.pipeline import ABSORBED, STOPPED, Ran, run_stages
from orchestration.faults.truth import Node
from orchestration.faults.world import DAYS, DESTINATIONS, World


@dataclass(frozen=True)
class Seen:
    """What became of one fault."""

    fault: str
    text: str
    expected: str
    seen: str
    said: str
    """The sentence that names the fault."""
    lost: int
    """Nodes that must be suppressed and are not: at the end, or before it without a word from the run."""
    wrong_releases: int
    """Nodes that were suppressed, must be, and were let go at any moment."""
    unexplained_stops: int
    too_many: int
    """Nodes that are suppressed at the end and nobody asked for."""

    @property
    def is_as_expected(self) -> bool:
        counts = self.lost, self.wrong_releases, self.unexplained_stops, self.too_many
        return self.seen == self.expected and not any(counts)


@dataclass(frozen=True)
class Result:
    """The whole suite."""

    seed: int
    faults: tuple[Seen, ...]

    @property
    def good(self) -> bool:
        return all(seen.is_as_expected for seen in self.faults)

    def as_dict(self) -> dict[str, Any]:
        return {"good": self.good, "seed": self.seed, "faults": [asdict(seen) for seen in self.faults]}

    def table(self) -> Table:
        shown = Table(title=f"Faults, seed {self.seed}")
        for column in ("fault", "expected", "seen", "lost", "wrong releases", "unexplained", "it said"):
            shown.add_column(column, overflow="fold")
        for seen in self.faults:
            figures = [str(figure) for figure in (seen.lost, seen.wrong_releases, seen.unexplained_stops)]
            style = None if seen.is_as_expected else "bold red"
            shown.add_row(seen.fault, seen.expected, seen.seen, *figures, seen.said, style=style)
        return shown

    def markdown(self) -> str:
        """The table as ``docs/reliability.md`` holds it."""
        lines = ["| fault | what happens | expected | seen | lost | wrong releases |", "|---|---|---|---|---|---|"]
        lines += [
            f"| {seen.fault} | {seen.text} | {seen.expected} | {seen.seen} | {seen.lost} | {seen.wrong_releases} |"
            for seen in self.faults
        ]
        return "\n".join(lines)


def chosen(names: Sequence[str], *, short: bool) -> tuple[Fault, ...]:
    """The faults of these names; all of them, or the short form, when none is named.

    Raises:
        ConfigError: no such fault.
    """
    if unknown := [name for name in names if name not in BY_NAME]:
        raise ConfigError(
            "Choosing faults", seen=", ".join(unknown), allowed=", ".join(BY_NAME), next_step="name one of these with --fault"
        )
    return tuple(BY_NAME[name] for name in names) or tuple(fault for fault in FAULTS if fault.is_short or not short)


@contextmanager
def base(seed: int) -> Iterator[tuple[World, Path]]:
    """A world, and a home of it in which the first day is published and pushed."""
    with tempfile.TemporaryDirectory(prefix="quietlist-faults.") as folder:
        made, root = world.make(seed), Path(folder) / "base"
        home = Home(root).create()
        home.config_file.write_text(world.CONFIG)
        Case(home, made, seed, {}).deliver(made.files(0))
        ran = run_stages(home, DAYS[0])
        assert ran.ended == ABSORBED, f"seed {seed}: the day before any fault already said {ran.said}"
        must_be(made.truth(1), look(root), f"seed {seed}: before any fault")
        yield made, root


@contextmanager
def a_case(made: World, root: Path, seed: int) -> Iterator[Case]:
    """A copy of the base home, and what the second day would deliver."""
    copy = root.with_name("case")
    shutil.copytree(root, copy)
    try:
        yield Case(Home(copy), made, seed, made.files(1))
    finally:
        shutil.rmtree(copy)


def run_suite(faults: Sequence[Fault], seed: int, tell: Callable[[str], None] = lambda _: None) -> Result:
    """Carry out these faults, one at a time, on the world of ``seed``."""
    with base(seed) as (made, root):
        return run_faults(faults, made, root, seed, tell)


def run_faults(
    faults: Sequence[Fault], made: World, root: Path, seed: int, tell: Callable[[str], None] = lambda _: None
) -> Result:
    """The same on a base that is there already."""
    results = []
    for fault in faults:
        tell(fault.name)
        with a_case(made, root, seed) as case:
            results.append(_carry_out(fault, case))
    return Result(seed, tuple(results))


def _carry_out(fault: Fault, case: Case) -> Seen:
    before, truth = look(case.home.root), fault.truth(case.world)
    fault.inject(case)
    case.deliver(case.files)
    with fault.during(case):
        ran = fault.run(case)
    after = look(case.home.root)
    wrong = _wrong_releases(before, after, truth)
    lost = 0 if ran.ended != ABSORBED else _lost(after, truth)
    if fault.repair is not None:
        fault.repair(case)
        third_day = run_stages(case.home, DAYS[2])
        if third_day.ended == STOPPED:
            ran = Ran(STOPPED, [*ran.said, *(f"after the repair: {sentence}" for sentence in third_day.said)])
        end = look(case.home.root)
        wrong += _wrong_releases(after, end, truth)
    else:
        end = after
    lost = max(lost, _lost(end, truth))
    named = [sentence for sentence in ran.said if fault.says and re.search(fault.says, sentence)]
    unexplained = (ran.ended != ABSORBED and not named) or any(sentence.startswith("after the repair") for sentence in ran.said)
    return Seen(
        fault.name,
        fault.text,
        fault.expected,
        ran.ended,
        (named or ran.said or [""])[0],
        lost,
        wrong,
        int(unexplained),
        sum(len(_of(end, place) - _wanted(truth, place)) for place in PLACES),
    )


def _wanted(truth: frozenset[Node], place: str) -> frozenset[Node]:
    """What of the truth belongs to a place: a destination takes some channels only."""
    channels = DESTINATIONS.get(place)
    return truth if channels is None else frozenset(node for node in truth if node[0] in channels)


def _of(holdings: Holdings, place: str) -> frozenset[Node]:
    nodes: frozenset[Node] = getattr(holdings, place)
    return nodes


def _lost(holdings: Holdings, truth: frozenset[Node]) -> int:
    return sum(len(_wanted(truth, place) - _of(holdings, place)) for place in PLACES)


def _wrong_releases(before: Holdings, after: Holdings, truth: frozenset[Node]) -> int:
    return sum(len((_of(before, place) & _wanted(truth, place)) - _of(after, place)) for place in PLACES)


def must_be(truth: frozenset[Node], holdings: Holdings, when: str) -> None:
    for place in PLACES:
        wanted, found = _wanted(truth, place), _of(holdings, place)
        assert wanted == found, f"{when}: {place} lacks {len(wanted - found)} nodes and has {len(found - wanted)} too many"
