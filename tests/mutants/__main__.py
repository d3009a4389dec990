"""A small mutation run: ``python -m tests.mutants --seed 1 --size 30 [FOLDER ...]`` (``make mutants``).

Picks ``size`` mutants by the seed, each in a copy of the checkout that is thrown away, and asks the unit tests of the models
that it touches (for a seed also its checks). A survivor is printed: a test is missing there, or the code changes nothing.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.mutants.judge import is_of_a_vendor
from tests.mutants.operators import Mutant, mutants_of

CHECKOUT = Path(__file__).parents[2]
FOLDERS = ("dbt_project/models/staging", "dbt_project/macros", "dbt_project/seeds/policy")
# Written by a library or by a list of the world, and tested against it.
_GENERATED = {"calendar_holidays.csv", "region_zones.csv"}
# A mutant whose SQL never ends is noticed, too. What is asked of a description takes half a minute, on a busy machine several.
_SECONDS = 900
_COPIED = (
    *("orchestration", "dbt_project", "data", "expectations", "tests", "docs"),
    *("pyproject.toml", "workspace.yaml", "Makefile", "README.md"),
)


def main() -> int:
    """Run; 0 also with survivors, for whether one matters is for a person to say."""
    parser = argparse.ArgumentParser(prog="mutants", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--size", type=int, default=30)
    parser.add_argument("folders", nargs="*", default=FOLDERS)
    options = parser.parse_args()
    chosen = pick(options.folders, options.seed, options.size)
    print(f"{len(chosen)} mutants, seed {options.seed}", flush=True)
    survivors: list[Mutant] = []
    with tempfile.TemporaryDirectory(prefix="mutants.") as folder:
        copy, home = Path(folder) / "checkout", Path(folder) / "home"
        copy.mkdir()
        for name in _COPIED:
            source = CHECKOUT / name
            if source.is_dir():
                shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("target", "__pycache__", "node_modules"))
            else:
                shutil.copy(source, copy / name)
        home.mkdir()
        if any(judge(copy, home, changed) != 0 for changed in as_it_is(chosen)):
            print("The checkout as it is does not build: nothing to compare with.")
            return 1
        for number, mutant in enumerate(chosen, 1):
            started, path = time.monotonic(), copy / mutant.path
            original = path.read_text("utf-8")
            path.write_text(mutant.text, "utf-8")
            own_home = shutil.copytree(home, Path(folder) / "of_one")
            verdict = judge(copy, own_home, str(mutant.path))
            path.write_text(original, "utf-8")
            shutil.rmtree(own_home)
            word = {0: "SURVIVED", 1: "noticed", 2: "does not parse"}.get(verdict, "noticed")
            print(f"{number:3} {word:14} {time.monotonic() - started:5.1f} s  {mutant}", flush=True)
            survivors += [mutant] if verdict == 0 else []
    print(f"{len(survivors)} of {len(chosen)} survived")
    for mutant in survivors:
        print(f"  {mutant}")
    return 0


def pick(folders: list[str], seed: int, size: int) -> list[Mutant]:
    """As many mutants of each file as of any other, in an order that the seed decides."""
    chance = random.Random(seed)
    files = sorted(
        path for folder in folders for path in (CHECKOUT / folder).rglob("*") if path.suffix in (".sql", ".yml", ".csv")
    )
    queues = []
    for path in files:
        if path.name not in _GENERATED and not (path.suffix == ".yml" and "seeds" in path.parts):
            found = list(mutants_of(path.relative_to(CHECKOUT), path.read_text("utf-8")))
            chance.shuffle(found)
            queues.append(found)
    chance.shuffle(queues)
    rounds = [queue[place] for place in range(max(map(len, queues), default=0)) for queue in queues if place < len(queue)]
    return rounds[:size]


def as_it_is(chosen: list[Mutant]) -> list[str]:
    """What is asked of the checkout before it is changed: what these mutants will be asked. Only dbt needs a warehouse for it."""
    paths = sorted({str(mutant.path) for mutant in chosen})
    vendors = [path for path in paths if is_of_a_vendor(path)]
    descriptions = [path for path in paths if path.endswith(".yml")]
    return [*vendors, *descriptions[:1], *(["nothing"] if len(paths) > len(vendors) + len(descriptions) else [])]


def judge(copy: Path, home: Path, changed: str) -> int:
    """The exit code of ``tests.mutants.judge`` in the copy."""
    environment = {**os.environ, "PYTHONPATH": str(copy), "DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DO_NOT_TRACK": "1"}
    try:
        return subprocess.run(
            [sys.executable, "-m", "tests.mutants.judge", str(home), changed],
            cwd=copy,
            env=environment,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        ).returncode
    except subprocess.TimeoutExpired:
        return 1


if __name__ == "__main__":
    sys.exit(main())
