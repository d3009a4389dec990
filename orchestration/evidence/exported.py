"""The exported set: what the last run left of the evidence, as files that anybody may read while the next run goes on.

``published/evidence/version=<n>/`` holds one Parquet file per table and a manifest with their hashes and the hash of the manifest
before; ``latest.json`` leads to the set in force, and every manifest is on the chain. A run writes it when it ends, also when a
gate stopped it, in an order that leaves the same end after a crash at any point: the folder is filled under a temporary name,
renamed, led to, recorded.

A set costs what changed: the file of a table that is as it was is linked from the set before, and a table whose makers say that
they did nothing since is not even looked at. The files of old sets are removed, for a set is as large as the warehouse and each
holds the past too (the history has both time axes). Their manifests stay, so a set restored from a backup can be proved.

It holds what those tables of the warehouse hold, ids as they are there, and is as private: answers key and mask what they show.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from orchestration.core.chain import Link, file_link, record
from orchestration.core.config import Limits
from orchestration.core.errors import PermanentError
from orchestration.core.files import canonical_json, sha256_file, sha256_text, sync_folder, write_atomic
from orchestration.core.home import PRIVATE_FOLDER, Home
from orchestration.core.key import fingerprint, home_key
from orchestration.core.pointer import pointer_text
from orchestration.core.stamps import Stamps, read_stamps
from orchestration.core.waiting import waiting
from orchestration.core.warehouse import prepare, warehouse
from orchestration.core.wording import counted, moment
from orchestration.evidence.relations import RELATIONS
from orchestration.publish.candidate import parquet_relation, write_parquet
from orchestration.publish.versions import (
    LATEST,
    MANIFEST,
    altered,
    inputs_in_force,
)
from orchestration.sync.receipts import Receipt, last_receipt, read_receipt

KEPT = 2
"""Sets whose files stay: the one in force, and the one before for whoever began to read it."""
KIND = "evidence"
# Who asks about single records in quarantine has a list of their own (quarantine/open.parquet), and the records themselves are in
# the warehouse only. Contacts made are by far the most rows of all: a set has those that were violations, and the counts of all.
_NOT_EXPORTED = frozenset(
    {
        "exposure.contacts_made",
        "ledger.open_records",
        "ledger.decisions",
        "staging.stg_quietlist__decided",
        "staging.int_requests__unioned",
    }
)
EXPORTED = {table: columns for table, columns in RELATIONS.items() if table not in _NOT_EXPORTED}
# The text of a refused record is nobody's business here: only whether there is one tells a record from a whole file.
_INSTEAD = {("raw.quarantine", "record_text"): "case when record_text is not null then '' end"}
# By what a run notes in raw.stamps: the tables made when the clocks are proved, the copy of the sync ledger, and all others but
# those that are filled before the first stamp is, which grow with files and not with people.
_LOADED = frozenset({"raw.landed_files", "raw.load_log", "raw.quarantine", "raw.source_settings"})
_PROVED = frozenset(
    {
        "deadlines.clocks", "exposure.canary_contacts", "exposure.exposure_by_currency", "exposure.exposure_by_rule",
        "exposure.summary", "exposure.violation_rules", "exposure.violations", "registries.unscreened",
    }
)  # fmt: skip
_PUSHED = frozenset({"raw.sync__row_state", "raw.sync__unmapped_lists"})
_NUMBERED = re.compile(r"^version=([1-9][0-9]*)$")


@dataclass(frozen=True)
class Exported:
    """A set, its manifest proved by ``latest.json``."""

    folder: Path
    manifest: Mapping[str, Any]
    manifest_sha256: str

    @property
    def version(self) -> int:
        return int(self.manifest["version"])

    @property
    def exported_at(self) -> datetime:
        return datetime.fromisoformat(self.manifest["exported_at"])

    @property
    def as_of(self) -> datetime | None:
        """The clock of the last reconciliation in it."""
        text = self.manifest["as_of"]
        return datetime.fromisoformat(text) if text else None

    @property
    def golden_version(self) -> int | None:
        """The version of the list that was in force then."""
        version = self.manifest["golden_version"]
        return None if version is None else int(version)

    def last_receipt(self, home: Home, destination: str) -> Receipt | None:
        """The receipt of the last push that the set knows of."""
        seq = self.manifest["receipts"].get(destination)
        return read_receipt(home, destination, int(seq)) if seq else None

    def sentence(self) -> str:
        """For everybody who is answered from it."""
        in_force = f"version {self.golden_version} of the list in force" if self.golden_version else "nothing published"
        run = f"the run as of {moment(self.as_of)}" if self.as_of else "a run"
        said = f"A run is in progress: this is the evidence of {moment(self.exported_at)}, when {run} had ended, with {in_force}."
        if delivered := int(self.manifest["unpublished_deliveries"]):
            said += (
                f" That run was stopped before it published: {counted(delivered, 'delivery', 'deliveries')} that it ingested "
                f"{'is' if delivered == 1 else 'are'} not in force."
            )
        return said

    def as_dict(self) -> dict[str, Any]:
        return {
            "version": self.version,
            "exported_at": self.exported_at.isoformat(),
            "as_of": self.manifest["as_of"],
            "golden_version": self.golden_version,
            "unpublished_deliveries": self.manifest["unpublished_deliveries"],
        }


def set_folder(home: Home, version: int) -> Path:
    """Where a set lies."""
    return home.evidence_published / f"version={version}"


def latest_set(home: Home) -> Exported | None:
    """The set in force, or None when no run has exported one.

    Raises:
        PermanentError: ``latest.json`` or the manifest is not what a run wrote, or a file is gone or of another size.
    """
    found = _named(home)
    if found is not None and (problem := altered(found.folder, found.manifest, rehash=False)):
        raise _broken(problem)
    return found


@contextmanager
def opened_set(home: Home, exported: Exported, limits: Limits) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection on which the set's tables have the names that they have in the warehouse.

    Raises:
        PermanentError: the set is from a release that exported other tables.
    """
    tables: Mapping[str, Any] = exported.manifest["tables"]
    if lacking := sorted(EXPORTED.keys() - tables.keys() - set(exported.manifest["not_there"])):
        raise PermanentError(
            "Reading the exported evidence",
            seen=f"it has no {', '.join(lacking)}: an older release exported it",
            next_step="wait for the run in progress, which exports it again",
        )
    with duckdb.connect() as con:
        prepare(con, home, limits)
        for schema in sorted({table.partition(".")[0] for table in tables}):
            con.execute(f"create schema if not exists {schema}")
        for table in tables:
            con.execute(f"create view {table} as select * from {parquet_relation([exported.folder / _file(table)])}")
        yield con


def evidence_link(home: Home, version: int) -> Link:
    """A set as a link of the chain: its manifest, which holds the hashes of its files."""
    return file_link(home, KIND, set_folder(home, version) / MANIFEST)


def export_evidence(home: Home, limits: Limits, now: datetime) -> Exported | None:
    """Export what the warehouse holds now; None when there is no warehouse. Returns the set in force, which stays the one it was
    when it says the same.

    Called under the home's run lock, by which there is one exporter.
    """
    if not home.warehouse_file.is_file():
        return None
    home.evidence_published.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    before = _named(home)
    if before is not None:
        record(home, evidence_link(home, before.version))
    number = before.version + 1 if before else 1
    _clean(home, number)
    with warehouse(home, read_only=True, limits=limits) as con:
        there = _tables(con)
        stamps = read_stamps(con)
        states = {table: _fingerprint(con, table) if table in _LOADED else _made_of(stamps, table) for table in there}
        facts = _facts(home, stamps, there)
        if before is not None and _says(before, facts, states):
            return before
        folder = home.evidence_published / f"version={number}.tmp"
        folder.mkdir(mode=PRIVATE_FOLDER)
        try:
            tables, files = {}, []
            for table in there:
                tables[table], file = _export(con, folder, table, states[table], before)
                files.append(file)
            manifest = {
                **facts,
                "version": number,
                "exported_at": now.isoformat(),
                "tables": tables,
                "files": files,
                "previous_sha256": before.manifest_sha256 if before else None,
            }
            write_atomic(folder / MANIFEST, canonical_json(manifest) + "\n")
            sync_folder(folder)
            folder.rename(set_folder(home, number))
            sync_folder(home.evidence_published)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    write_atomic(
        home.evidence_published / LATEST, pointer_text(number, sha256_file(set_folder(home, number) / MANIFEST), manifest)
    )
    record(home, evidence_link(home, number))
    _remove_old(home, number)
    return _named(home)


def _export(
    con: duckdb.DuckDBPyConnection, folder: Path, table: str, state: str | None, before: Exported | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The file of one table, linked from the set before when the table is as it was; what the manifest says of both."""
    name = _file(table)
    was: Mapping[str, Any] | None = before.manifest["tables"].get(table) if before else None
    same = was is not None and state is not None and was["state"] == state
    shape = _shape(table)
    if was is not None and was["shape"] == shape:
        seen = was["fingerprint"] if same else _fingerprint(con, table)
        if seen == was["fingerprint"] and before is not None and _linked(before.folder / name, folder / name):
            file = next(file for file in before.manifest["files"] if file["name"] == name)
            return {**was, "state": state}, file
    else:
        seen = _fingerprint(con, table)
    write_parquet(con, _query(table), folder / name)
    path = folder / name
    return (
        {"state": state, "shape": shape, "fingerprint": seen},
        {"name": name, "sha256": sha256_file(path), "bytes": path.stat().st_size},
    )


def _linked(file: Path, name: Path) -> bool:
    """Give a file a second name. False where it is gone, or the file system has no more links for it, or none at all."""
    try:
        os.link(file, name)
    except OSError:
        return False
    return True


def _query(table: str) -> str:
    columns = ", ".join(f"{_INSTEAD[table, name]} as {name}" if (table, name) in _INSTEAD else name for name in EXPORTED[table])
    return f"select {columns} from {table}"


def _shape(table: str) -> str:
    """Which columns a file has, and of what."""
    return sha256_text(_query(table))[:16]


def _fingerprint(con: duckdb.DuckDBPyConnection, table: str) -> str:
    """Says whether a table holds the rows that it held, in any order. A release of DuckDB that hashes otherwise only means that
    the file is written again.
    """
    rows, either, total = con.execute(
        f"select count(*), bit_xor(hash(found)), sum(hash(found)::hugeint) from ({_query(table)}) as found"
    ).fetchall()[0]
    return f"{rows}-{either or 0:x}-{total or 0:x}"


def _tables(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Which of the tables a run has made so far."""
    found = con.execute(
        "select table_schema || '.' || table_name from information_schema.tables where table_catalog = current_database()"
    ).fetchall()
    return sorted({table for (table,) in found} & EXPORTED.keys())


def _made_of(stamps: Stamps, table: str) -> str | None:
    """The stamp that is another one when the table may be: of the registries and requests, it is gone while they are made."""
    return stamps.clocks if table in _PROVED else stamps.row_state if table in _PUSHED else stamps.reconciled


def _facts(home: Home, stamps: Stamps, there: list[str]) -> dict[str, Any]:
    """What the manifest says of the moment, beside the tables."""
    version, inputs = inputs_in_force(home)
    return {
        "as_of": stamps.clock.isoformat() if stamps.clock else None,
        "golden_version": version,
        "unpublished_deliveries": waiting(home, inputs).deliveries,
        "receipts": {
            folder.parent.name: receipt.seq
            for folder in sorted(home.outbox.glob("*/receipts"))
            if (receipt := last_receipt(home, folder.parent.name))
        },
        "key": fingerprint(home_key(home)),
        "not_there": sorted(EXPORTED.keys() - set(there)),
    }


def _says(before: Exported, facts: Mapping[str, Any], states: Mapping[str, str | None]) -> bool:
    """Whether the set in force says all of this already, by what the tables' makers say alone."""
    tables: Mapping[str, Any] = before.manifest["tables"]
    return (
        all(before.manifest.get(name) == value for name, value in facts.items())
        and all(was["shape"] == _shape(table) for table, was in tables.items() if table in EXPORTED)
        and tables.keys() <= EXPORTED.keys()
        and all(states.get(table) is not None and was["state"] == states[table] for table, was in tables.items())
        and altered(before.folder, before.manifest, rehash=False) is None
    )


def _named(home: Home) -> Exported | None:
    """The set that ``latest.json`` leads to, its manifest proved, its files not looked at."""
    path = home.evidence_published / LATEST
    try:
        pointer = json.loads(path.read_text(encoding="utf-8"))
        version, digest = int(pointer["version"]), str(pointer["manifest_sha256"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise _broken(f"{LATEST} does not name a set and its manifest") from error
    file = set_folder(home, version) / MANIFEST
    if not file.is_file() or sha256_file(file) != digest:
        raise _broken(f"the {MANIFEST} of set {version} is not the one that was exported")
    return Exported(file.parent, json.loads(file.read_text(encoding="utf-8")), digest)


def _clean(home: Home, number: int) -> None:
    """Remove what an interrupted export of this set left: nothing leads to it, and nothing was recorded of it."""
    for path in home.evidence_published.glob("version=*.tmp"):
        shutil.rmtree(path)
    if (left := set_folder(home, number)).is_dir():
        shutil.rmtree(left)


def _remove_old(home: Home, latest: int) -> None:
    """Remove the files of sets that nobody reads any more, and leave their manifests."""
    for path in home.evidence_published.glob("version=*"):
        if (match := _NUMBERED.match(path.name)) and int(match[1]) <= latest - KEPT:
            for file in path.glob("*.parquet"):
                file.unlink()


def _file(table: str) -> str:
    return f"{table}.parquet"


def _broken(what: str) -> PermanentError:
    return PermanentError(
        "Reading the exported evidence",
        seen=what,
        allowed="files exactly as a run exported them",
        next_step="restore published/evidence from its backup (quietlist verify names what was altered)",
    )
