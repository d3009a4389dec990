"""A published version made by hand, and a destination that can be told to misbehave. For the tests of the engine only."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.core import chain
from orchestration.core.config import CHANNELS, parse_config
from orchestration.core.errors import PermanentError, TransientError
from orchestration.core.home import Home
from orchestration.destinations.contract import KEY, PAYLOAD, BatchRejected, Facts, Outcome, Push, ReadBack

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(days: float = 0) -> datetime:
    """Noon of 1 March 2026, and so many days later."""
    return NOON + timedelta(days=days)


@dataclass(frozen=True)
class Version:
    """What ``read_published`` returns, as far as a push looks at it."""

    version: int
    files: list[Path]
    evidence_file: Path
    row_count: int

    @property
    def rows_sha256(self) -> str:
        return f"rows of version {self.version}"


@dataclass(frozen=True)
class Permission:
    """What the gate answers, as far as a push looks at it."""

    releases_held: bool = False


# The published columns.
COLUMNS = {
    "channel": "varchar", "identifier_type": "varchar", "identifier": "varchar", "identifier_hash": "varchar", "scope": "varchar",
    "except_scopes": "varchar[]", "reason": "varchar", "basis": "varchar", "suppressed_since": "timestamptz",
    "first_requested_at": "timestamptz", "last_requested_at": "timestamptz", "request_count": "bigint",
    "deciding_request_id": "varchar", "sources": "varchar[]", "region": "varchar", "rule_id": "varchar", "registry": "varchar",
    "registry_version": "varchar", "golden_version": "bigint",
}  # fmt: skip


ARROW = {
    "varchar": pa.string(),
    "varchar[]": pa.list_(pa.string()),
    "bigint": pa.int64(),
    "timestamptz": pa.timestamp("us", tz="UTC"),
}


def _to_parquet(rows: Sequence[dict[str, Any]], kinds: dict[str, str], file: Path) -> None:
    columns = {name: pa.array([row.get(name) for row in rows], ARROW[kind]) for name, kind in kinds.items()}
    pq.write_table(pa.table(columns), file)


def golden(identifier: str, **changes: Any) -> dict[str, Any]:
    """One golden row; an e-mail opt-out of the whole company unless changed."""
    kind = "phone" if identifier.startswith("+") else "email" if "@" in identifier else "postal"
    row = {
        "channel": {"phone": "voice", "email": "email", "postal": "postal"}[kind],
        "identifier_type": kind,
        "identifier": identifier,
        "identifier_hash": f"hash of {identifier}",
        "scope": "*",
        "except_scopes": [],
        "reason": "opt_out",
        "basis": "direct",
        "suppressed_since": at(-10),
        "first_requested_at": at(-10),
        "last_requested_at": at(-10),
        "request_count": 1,
        "deciding_request_id": f"request of {identifier}",
        "sources": ["web"],
        "region": "US",
    }
    return {name: {**row, **changes}.get(name) for name in COLUMNS}


class Publisher:
    """Publishes versions into a home, newest last, and stands for the gate."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.version = 0
        self.current: Version | None = None
        self.releases_held = False

    @classmethod
    def reopen(cls, home: Home, version: int, *, rows: int) -> Publisher:
        """The publisher of a version that another process published."""
        publisher = cls(home)
        folder = home.golden_published / f"version={version}"
        publisher.current = Version(version, [folder / "part-0.parquet"], folder / "evidence" / "releases.parquet", rows)
        return publisher

    def read_version(self, home: Home, version: int) -> Version:
        """A version that was published before."""
        folder = home.golden_published / f"version={version}"
        file = folder / "part-0.parquet"
        if not file.exists():
            raise PermanentError("Reading a published version", seen="there is none of that number")
        return Version(version, [file], folder / "evidence" / "releases.parquet", pq.read_metadata(file).num_rows)

    def publish(self, *rows: dict[str, Any], evidence: Sequence[dict[str, Any]] | None = None) -> Version:
        self.version += 1
        folder = self.home.golden_published / f"version={self.version}"
        folder.mkdir(parents=True)
        file = folder / "part-0.parquet"
        _to_parquet(rows, COLUMNS, file)
        if evidence is not None:
            (folder / "evidence").mkdir()
            kinds = dict.fromkeys((*KEY, "evidence_id", "evidence_kind"), "varchar")
            _to_parquet(evidence, kinds, folder / "evidence" / "releases.parquet")
        self.current = Version(self.version, [file], folder / "evidence" / "releases.parquet", len(rows))
        return self.current

    def read(self, _home: Home) -> Version:
        assert self.current is not None
        return self.current

    def allows(self, _home: Home, rows_sha256: str) -> Permission:
        assert self.current is not None and rows_sha256 == self.current.rows_sha256
        return Permission(self.releases_held)


def recorded_receipts(home: Home, destination: str) -> list[str]:
    """The names of a destination's receipts that are on the chain of evidence as they are now."""
    found = sorted((home.outbox / destination / "receipts").glob("*.json"))
    return [path.name for path in found if chain.holds(home, chain.file_link(home, "receipt", path))]


def opt_in(identifier: str, /, **changes: Any) -> dict[str, Any]:
    """The evidence of one opt-in."""
    entry = {
        "channel": "email",
        "identifier_type": "email",
        "identifier": identifier,
        "scope": "*",
        "evidence_id": f"opt-in of {identifier}",
        "evidence_kind": "opt_in",
    }
    return entry | changes


def config_with(name: str, **keys: Any) -> Any:
    """A configuration with one destination of that name; unguarded releases unless ``keys`` say otherwise. ``canaries``: the
    text of that section."""
    canaries = keys.pop("canaries", "")
    entry = {"system": "file_drop", "channels": ["email"], "scopes": ["*"], "max_release_share": 1.0} | keys
    lines = [f"{key} = {json.dumps(value)}" for key, value in entry.items()]
    text = '[company]\nname = "Acme"\nscopes = ["acme", "acme/news", "outlet"]\n' + f"[destinations.{name}]\n" + "\n".join(lines)
    return parse_config(text + (f"\n[canaries]\n{canaries}" if canaries else ""), Path("quietlist.toml"))


class StoppedClock:
    """A clock that only moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class Killed(BaseException):
    """Stands for a process that dies: nothing in the engine may catch it."""


@dataclass
class Row:
    """One row at the double."""

    ours: bool
    since: datetime | None = None
    visible_at: float = 0.0


@dataclass
class Double:
    """A destination in memory, of any class, that misbehaves as told. Implements the contract's calls."""

    read_back: ReadBack = ReadBack.FULL
    batch_size: int | None = 1000
    carries: tuple[str, ...] = ("reason",)
    tells_ours: bool = False
    lifts: bool = True
    calls_per_second: float | None = None
    visible_within: float = 0.0
    clock: StoppedClock = field(default_factory=StoppedClock)
    rows: dict[tuple[str, ...], Row] = field(default_factory=dict)
    payloads: dict[tuple[str, ...], dict[str, Any]] = field(default_factory=dict)
    # faults
    forgets: set[str] = field(default_factory=set)  # answers OK and does not keep it
    keeps: set[str] = field(default_factory=set)  # answers OK to a release and keeps the row
    refuses: dict[str, str] = field(default_factory=dict)  # identifier -> code, told per row inside an OK
    spoils: set[str] = field(default_factory=set)  # makes the whole batch fail
    failures: list[Exception] = field(default_factory=list)  # raised by the next calls, one each
    down_after: int | None = None  # answers so many puts, then none
    read_failures: list[Exception] = field(default_factory=list)
    dies_after_put: int | None = None  # the process dies when this put was carried out
    dies_after_release: int | None = None
    appears_after: float = 0.0  # seconds until a row shows
    look_up_takes: float = 0.0  # seconds for each row that is asked for
    # what happened
    put_calls: list[list[str]] = field(default_factory=list)
    release_calls: list[list[str]] = field(default_factory=list)
    evidence: list[str] = field(default_factory=list)
    reads: int = 0
    looked_up: list[str] = field(default_factory=list)
    opened: int = 0
    closed: int = 0

    @property
    def facts(self) -> Facts:
        return Facts(
            system="double",
            channels=frozenset(CHANNELS),
            identifier_types=frozenset(("email", "phone", "postal")),
            read_back=self.read_back,
            batch_size=self.batch_size,
            calls_per_second=self.calls_per_second,
            visible_within_seconds=self.visible_within,
            can_release=self.lifts,
        )

    def open(self, push: Push) -> None:
        self.opened += 1

    def close(self) -> None:
        self.closed += 1

    def put(self, rows: pa.RecordBatchReader) -> Outcome:
        listed = rows.read_all().to_pylist()
        self.put_calls.append([row["identifier"] for row in listed])
        if self.failures:
            raise self.failures.pop(0)
        if self.down_after is not None and len(self.put_calls) > self.down_after:
            raise TransientError("Putting a batch", seen="no answer")
        if any(row["identifier"] in self.spoils for row in listed):
            raise BatchRejected("Putting a batch", code="invalid_email")
        rejected = {}
        for index, row in enumerate(listed):
            if row["identifier"] in self.refuses:
                rejected[index] = self.refuses[row["identifier"]]
                continue
            key = tuple(row[name] for name in KEY)
            if row["identifier"] not in self.forgets:
                self.rows[key] = Row(ours=True, visible_at=self.clock.now + self.appears_after)
                self.payloads[key] = {name: row[name] for name in PAYLOAD}
        if self.dies_after_put is not None and len(self.put_calls) >= self.dies_after_put:
            raise Killed
        return Outcome(rejected)

    def release(self, rows: pa.RecordBatchReader) -> Outcome:
        listed = rows.read_all().to_pylist()
        self.release_calls.append([row["identifier"] for row in listed])
        self.evidence += [row["evidence_id"] for row in listed]
        rejected = {}
        for index, row in enumerate(listed):
            if row["identifier"] in self.refuses:
                rejected[index] = self.refuses[row["identifier"]]
            elif row["identifier"] not in self.keeps:
                self.rows.pop(tuple(row[name] for name in KEY), None)
        if self.dies_after_release is not None and len(self.release_calls) >= self.dies_after_release:
            raise Killed
        return Outcome(rejected)

    def identifiers(self) -> set[str]:
        return {key[2] for key in self.rows}

    def somebody_else_puts(
        self, identifier: str, *, channel: str = "email", scope: str = "*", since: datetime | None = None
    ) -> None:
        kind = "phone" if identifier.startswith("+") else "email" if "@" in identifier else "postal"
        self.rows[(channel, kind, identifier, scope)] = Row(ours=False, since=since)


class FullDouble(Double):
    def read(self) -> Iterator[pa.RecordBatch]:
        self.reads += 1
        if self.read_failures:
            raise self.read_failures.pop(0)
        visible = [(key, row) for key, row in self.rows.items() if row.visible_at <= self.clock.now]
        for first in range(0, len(visible), 16):  # small pages
            part = visible[first : first + 16]
            columns: dict[str, Any] = {name: [key[place] for key, _ in part] for place, name in enumerate(KEY)}
            columns["since"] = pa.array([row.since for _, row in part], pa.timestamp("us", tz="UTC"))
            if self.tells_ours:
                columns["ours"] = pa.array([row.ours for _, row in part], pa.bool_())
            yield pa.record_batch(columns)


class PointDouble(Double):
    def look_up(self, rows: pa.RecordBatchReader) -> Sequence[bool]:
        listed = rows.read_all().to_pylist()
        self.looked_up += [row["identifier"] for row in listed]
        self.clock.now += self.look_up_takes * len(listed)
        if self.read_failures:
            raise self.read_failures.pop(0)
        found = [self.rows.get(tuple(row[name] for name in KEY)) for row in listed]
        return [row is not None and row.visible_at <= self.clock.now for row in found]


class OnDisk(FullDouble):
    """A system outside the process: it keeps what it was told, whoever dies. ``dies_at`` kills after that call."""

    def __init__(self, store: Path, dies_at: str = "never") -> None:
        super().__init__(batch_size=2)
        self.store, self.dies_at = store, dies_at
        state = json.loads(store.read_text()) if store.exists() else {"rows": [], "released": 0}
        self.rows = {tuple(key): Row(ours=True) for key in state["rows"]}
        self.released = state["released"]

    def put(self, rows: pa.RecordBatchReader) -> Outcome:
        outcome = super().put(rows)
        self._keep(f"put {len(self.put_calls)}")
        return outcome

    def release(self, rows: pa.RecordBatchReader) -> Outcome:
        outcome = super().release(rows)
        self.released += len(self.release_calls[-1])
        self._keep(f"release {len(self.release_calls)}")
        return outcome

    def _keep(self, step: str) -> None:
        self.store.write_text(json.dumps({"rows": [list(key) for key in self.rows], "released": self.released}))
        if step == self.dies_at:
            os.kill(os.getpid(), signal.SIGKILL)
