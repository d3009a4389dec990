"""Files as other people make them, each with what must become of the people in it: every case a source of one home.

What is expected is a line of words:

=========== =========================================================================================================
S:email:a   the contact point may not be contacted on this channel, at the source's own node
N:voice:+1  the contact point is not in the table: nobody asked for it
R:+44       the number is in the published registry
asks=3      so many records ask to be left alone, and each is suppressed, in quarantine, or listed as unresolved
listed      the run names the source, and does not end with "done"
=========== =========================================================================================================
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from orchestration.core.home import Home
from tests.homes import with_policy
from tests.journeys.home import quietlist

AS_OF = "2026-04-01T00:00:00Z"
SECONDS = 1800  # for a home of twenty sources and two runs: a minute on a quiet machine
CONFIG = """
[company]
name = "Acme"
default_region = "US"
scopes = [{scopes}]

[limits]
settle_seconds = 0
max_file = "20MB"
"""


@dataclass(frozen=True)
class Case:
    """One source: what it delivers, and what must be seen afterwards."""

    name: str
    format: str
    files: dict[str, str | bytes]
    expected: str
    region: str = "US"
    settings: str = ""
    """More lines of its section."""
    later: dict[str, str | bytes] = field(default_factory=dict)
    """What it delivers behind the first run."""
    prepare: Callable[[Path], object] = lambda _: None
    """Puts into the inbox folder what is no file."""

    @property
    def scope(self) -> str:
        return f"t/{self.name}"


@dataclass(frozen=True)
class Told:
    """What the command ended with, and all it printed."""

    exit_code: int
    output: str


def make_home(root: Path, cases: Sequence[Case]) -> Path:
    """A home with one source per case, their files waiting."""
    scopes = ", ".join(json.dumps(scope) for scope in ("t", *(case.scope for case in cases)))
    sections = [
        f'[sources.{case.name}]\nformat = "{case.format}"\nscope = "{case.scope}"\nregion = "{case.region}"\n{case.settings}\n'
        for case in cases
    ]
    with_policy(Home.at(root))
    (root / "quietlist.toml").write_text("\n".join([CONFIG.format(scopes=scopes), *sections]))
    for case in cases:
        deliver(root, case.name, case.files)
        case.prepare(root / "inbox" / case.name)
    return root


def deliver(root: Path, source: str, files: dict[str, str | bytes]) -> None:
    folder = root / "inbox" / source
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)


def run(root: Path, as_of: str = AS_OF) -> Told:
    ran = quietlist(root, "run", "--as-of", as_of, seconds=SECONDS // 3)
    return Told(ran.returncode, ran.stdout + ran.stderr)


class Seen:
    """What a run left: the published table, the registries, and what became of each source's records."""

    def __init__(self, root: Path, told: Told) -> None:
        self.root, self.told = root, told
        pointer = root / "published" / "golden_suppression" / "latest.json"
        folder = pointer.parent / f"version={json.loads(pointer.read_text())['version']}" if pointer.exists() else None
        self.rows = pq.ParquetFile(folder / "part-0.parquet").read().to_pylist() if folder else []

    def is_suppressed(self, channel: str, identifier: str, scope: str | None = None) -> bool:
        return any(
            (row["channel"], row["identifier"]) == (channel, identifier)
            and (
                scope is None or (_covers(row["scope"], scope) and not any(_covers(e, scope) for e in row["except_scopes"] or ()))
            )
            for row in self.rows
        )

    def listed_numbers(self) -> set[str]:
        found = set()
        for pointer in (self.root / "published" / "registries").glob("*/latest.json"):
            numbers = pointer.parent / f"version={json.loads(pointer.read_text())['version']}" / "numbers.parquet"
            found |= {f"+{number}" for number in pq.ParquetFile(numbers).read().column(0).to_pylist()}
        return found

    def asked(self, source: str) -> int:
        """Records of the source that are suppressed, in quarantine, or listed as unresolved."""
        with duckdb.connect(str(self.root / "warehouse" / "warehouse.duckdb"), read_only=True) as con:
            found = con.execute(
                """
                with reached as (
                    select request_id from golden.applied_requests union select request_id from golden.unresolved_requests
                )
                select count(*) from (
                    select outcomes.file_id, outcomes.record_no
                    from ledger.record_outcomes as outcomes
                    join raw.landed_files as files using (file_id)
                    join ledger.requests as requests using (request_id)
                    join reached using (request_id)
                    where files.source = $source and requests.action <> 'opt_in'
                    union
                    select file_id, record_no from ledger.quarantine where source = $source
                )
                """,
                {"source": source},
            ).fetchall()
        return int(found[0][0])

    def names(self, source: str) -> bool:
        """Whether the run's own output names the source."""
        return re.search(rf"\b{re.escape(source)}\b", self.told.output) is not None

    def missing(self, case: Case) -> list[str]:
        """What the case expects and is not so."""
        return [word for word in case.expected.split() if not self._holds(word, case)]

    def _holds(self, word: str, case: Case) -> bool:
        kind, _, rest = word.partition(":")
        if word == "listed":
            return self.names(case.name) and self.told.exit_code != 0
        if word.startswith("asks="):
            return self.asked(case.name) >= int(word.removeprefix("asks="))
        if kind == "R":
            return rest in self.listed_numbers()
        channel, _, identifier = rest.partition(":")
        return self.is_suppressed(channel, identifier, case.scope) if kind == "S" else not self.is_suppressed(channel, identifier)


def _covers(scope: str, node: str) -> bool:
    return scope in ("*", node) or node.startswith(scope + "/")
