"""What a consumer and each destination hold at the end, read as an outsider reads it: with no code of the product."""

from __future__ import annotations

import csv
import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from orchestration.faults.truth import SCOPES, Node, covers

_VERSIONED = ("golden_version",)
"""Columns that may differ between two ways to the same state."""
PLACES = ("published", "table", "drop")


@dataclass(frozen=True)
class Holdings:
    """The nodes that each place keeps from being contacted."""

    published: frozenset[Node]
    table: frozenset[Node]
    drop: frozenset[Node]
    rows: frozenset[tuple[Any, ...]]
    """The published rows in full, but for the number of their version."""
    releases: tuple[int, int, int]
    """Rows that were ever released: in the table, in the drops, and in the drops more than once on the same evidence."""


def look(root: Path) -> Holdings:
    """Look at everything a home gave out."""
    rows = published_rows(root)
    table, released = _table(root / "outbox" / "table" / "suppression.db")
    drops = root / "outbox" / "drop" / "drop"
    dropped = Counter(key for path in _told_of(drops, "releases") for key in _release_keys(path))
    whole = frozenset(tuple(_plain(value) for name, value in row.items() if name not in _VERSIONED) for row in rows)
    return Holdings(_nodes(rows), table, _latest_drop(drops), whole, (released, len(dropped), dropped.total() - len(dropped)))


def published_rows(root: Path) -> list[dict[str, Any]]:
    """The rows behind ``latest.json``, found as the contract says."""
    pointer = root / "published" / "golden_suppression" / "latest.json"
    if not pointer.exists():
        return []
    folder = pointer.parent / f"version={json.loads(pointer.read_text())['version']}"
    return [row for path in sorted(folder.glob("*.parquet")) for row in pq.ParquetFile(path).read().to_pylist()]


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _nodes(rows: list[dict[str, Any]]) -> frozenset[Node]:
    return frozenset(
        (row["channel"], row["identifier"], node)
        for row in rows
        for node in SCOPES
        if covers(row["scope"], node) and not any(covers(left_out, node) for left_out in row["except_scopes"] or ())
    )


def _table(path: Path) -> tuple[frozenset[Node], int]:
    if not path.exists():
        return frozenset(), 0
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as con:
        if not con.execute("select 1 from sqlite_master where name = 'suppression'").fetchall():
            return frozenset(), 0
        rows = con.execute("select channel, identifier, scope from suppression where released_at is null").fetchall()
        ((released,),) = con.execute("select count(*) from suppression where released_at is not null").fetchall()
    con.close()
    return frozenset(rows), released


def _latest_drop(folder: Path) -> frozenset[Node]:
    controls = sorted(folder.glob("*.ctl.json"), key=lambda path: path.name.split("_")[-1])
    if not controls:
        return frozenset()
    (full,) = [file for file in json.loads(controls[-1].read_text())["files"] if file["kind"] == "full"]
    path = folder / full["name"]
    if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != full["sha256"]:
        return frozenset()
    return frozenset((row["channel"], row["identifier"], row["scope"]) for row in _csv_rows(path))


def _told_of(folder: Path, kind: str) -> Iterator[Path]:
    """The files of a kind that a control file names. What a push that died left without one was never dropped."""
    for control in sorted(folder.glob("*.ctl.json")):
        yield from (folder / file["name"] for file in json.loads(control.read_text())["files"] if file["kind"] == kind)


def _release_keys(path: Path) -> Iterator[tuple[str, ...]]:
    for row in _csv_rows(path):
        yield row["channel"], row["identifier"], row["scope"], row["evidence_id"]


def _csv_rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream)
