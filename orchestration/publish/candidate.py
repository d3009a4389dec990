"""The candidate: the golden table as files, before anybody decided whether it may go out.

The exit gate judges these files and the publication copies them, so both speak of exactly the same rows, and neither
of them depends on the warehouse standing still. They lie in ``warehouse/candidate/``: nothing of them is published yet.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from orchestration.core.errors import PermanentError
from orchestration.core.files import canonical_json, keep_file, one_file, sha256_file, sha256_text, write_atomic
from orchestration.core.home import PRIVATE_FOLDER, Home
from orchestration.core.key import create_hmac_function, first_key, home_key
from orchestration.core.sql import quoted
from orchestration.publish.rows import rows_sha256
from orchestration.publish.verdicts import read_verdict

# Of a table at a moment: makes the temporary table ``held_back``, and says how many rows are in it.
HoldBack = Callable[[duckdb.DuckDBPyConnection, str, datetime], int]

GOLDEN = "golden.golden_suppression"
# The published contract: a change here is a change for every consumer, and needs a changelog entry.
COLUMNS: dict[str, str] = {
    "channel": "varchar",
    "identifier_type": "varchar",
    "identifier": "varchar",
    "identifier_hash": "varchar",
    "scope": "varchar",
    "except_scopes": "varchar[]",
    "reason": "varchar",
    "basis": "varchar",
    "suppressed_since": "timestamptz",
    "first_requested_at": "timestamptz",
    "last_requested_at": "timestamptz",
    "request_count": "bigint",
    "deciding_request_id": "varchar",
    "sources": "varchar[]",
    "region": "varchar",
    "rule_id": "varchar",
    "registry": "varchar",
    "registry_version": "varchar",
    "golden_version": "bigint",
}
EVIDENCE = "golden.release_evidence"
# What a push needs to tell a destination that somebody may be contacted again: the opt-in, or the registry's removal.
EVIDENCE_COLUMNS: dict[str, str] = {
    "channel": "varchar",
    "identifier_type": "varchar",
    "identifier": "varchar",
    "scope": "varchar",
    "evidence_id": "varchar",
    "evidence_kind": "varchar",
}
RULES = "deadlines.binding_rules"
# What the law asks for, as the deadlines were judged by it: what a scrub of this version says about clocks is read from here.
RULES_COLUMNS: dict[str, str] = {
    "rule_id": "varchar",
    "jurisdiction": "varchar",
    "channels": "varchar",
    "trigger": "varchar",
    "hours": "bigint",
    "citation": "varchar",
    "valid_from": "date",
    "valid_to": "date",
}
ROWS_FILE = "part-0.parquet"
# What stays at home: malformed rows, which no consumer may take for golden ones.
HELD_BACK_FILE = "held_back/rows.parquet"
# In a folder of its own: the contract lets a consumer read version=<n>/*.parquet, and that must be golden rows only.
EVIDENCE_FILE = "evidence/releases.parquet"
RULES_FILE = "policy/rules.parquet"
BESIDE = (EVIDENCE_FILE, RULES_FILE)
_RECORD = "candidate.json"
_LEVEL = 1  # zstd's third, its default, takes a third more time for 3 % less


@dataclass(frozen=True)
class Candidate:
    """Rows that wait for a judgement. ``counts``: rows per channel; ``version``: the number the rows carry; ``held_back``: how
    many rows of the golden table are not among them, because they are malformed (``gate/held_back.py``).
    """

    folder: Path
    version: int
    rows_sha256: str
    file_sha256: str
    row_count: int
    as_of: datetime
    counts: dict[str, int]
    held_back: int

    @property
    def held_back_relation(self) -> str:
        """What to select the rows from that stay at home."""
        return parquet_relation([self.folder / HELD_BACK_FILE])

    @property
    def relation(self) -> str:
        """What to select the rows from, in DuckDB."""
        return parquet_relation([self.folder / ROWS_FILE])

    def rows_of(self, con: duckdb.DuckDBPyConnection, file: Path) -> str:
        """The row hash of a file that should hold the candidate's rows. The same bytes hold the same rows: only a file that is
        not the one exported, byte for byte, has its rows hashed again, which takes ten times as long.
        """
        return self.rows_sha256 if sha256_file(file) == self.file_sha256 else rows_sha256(con, parquet_relation([file]))


def candidate_folder(home: Home) -> Path:
    """Where the candidate lies."""
    return home.warehouse_folder / "candidate"


def parquet_relation(files: Sequence[Path]) -> str:
    """A DuckDB table function over these files, and nothing that a folder's name might add to them."""
    names = ", ".join(quoted(one_file(file)) for file in files)
    return f"read_parquet([{names}], hive_partitioning = false)"


def export_candidate(
    con: duckdb.DuckDBPyConnection, home: Home, as_of: datetime, hold_back: HoldBack, *, state: str | None = None
) -> Candidate:
    """Write the golden table of ``con``, and the evidence for releases, replacing the candidate before it.

    The rows carry the number of the version that they will be if they are published next; their hash leaves it out.

    Args:
        hold_back: the gate's word on single rows, ``gate.held_back.rows_to_hold_back``: it judges, and this room publishes.
        state: what the golden table was made of (``stages.reconciled_state``). A candidate of the same state whose files
            the gate has judged is kept when it would be published as it is or not at all; None writes it in any case.

    Raises:
        PermanentError: a table is missing, or lacks a column of the contract.
    """
    from orchestration.publish.versions import next_version  # here: reading versions needs this module's names

    folder = candidate_folder(home)
    folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    version = next_version(home)
    made_of = sha256_text(canonical_json([state, COLUMNS, EVIDENCE_COLUMNS, RULES_COLUMNS, HELD_BACK_FILE])) if state else None
    if made_of and (kept := _kept(home, made_of, version)):
        write_atomic(folder / _RECORD, canonical_json({**kept, "as_of": as_of.isoformat()}) + "\n")
        return read_candidate(home)
    # The record goes first and comes back last: without it there is no candidate, so a crash leaves none.
    (folder / _RECORD).unlink(missing_ok=True)
    _require_columns(con, GOLDEN, {name: kind for name, kind in COLUMNS.items() if name != "golden_version"})
    _require_columns(con, EVIDENCE, EVIDENCE_COLUMNS)
    _require_columns(con, RULES, RULES_COLUMNS)
    # What leaves the warehouse names a request by its keyed id. Evidence by the one of the home's first key: what lifted a row
    # once is recognised after a rotation too, and lifts nothing again.
    create_hmac_function(con, home_key(home))
    names = ", ".join(COLUMNS)
    made = {"deciding_request_id": "shown_id(deciding_request_id)", "golden_version": f"{version}::bigint"}
    as_shown = ", ".join(f"{made[name]} as {name}" if name in made else name for name in COLUMNS)
    con.execute(f"create or replace temp view named as select {as_shown} from {GOLDEN}")
    held_back = hold_back(con, "named", as_of)
    golden, evidence = _well_formed(con, home) if held_back else ("named", EVIDENCE)
    columns = ", ".join(f"{version}::bigint as golden_version" if name == "golden_version" else name for name in COLUMNS)
    rows = folder / ROWS_FILE
    write_parquet(con, f"select {columns} from {golden} order by channel, identifier, scope, identifier_type", rows)
    malformed = "held_back" if held_back else "(select *, []::varchar[] as unmet from named limit 0)"
    write_parquet(con, f"select {names}, unmet from {malformed} order by all", folder / HELD_BACK_FILE)
    create_hmac_function(con, first_key(home))
    write_parquet(con, f"{shown_evidence(evidence)} order by all", folder / EVIDENCE_FILE)
    write_parquet(con, f"select {', '.join(RULES_COLUMNS)} from {RULES} order by all", folder / RULES_FILE)
    relation = parquet_relation([rows])
    counts = con.execute(f"select coalesce(channel, 'none'), count(*) from {relation} group by 1 order by 1").fetchall()
    record = {
        "version": version,
        "rows_sha256": rows_sha256(con, relation),
        "file_sha256": sha256_file(rows),
        "beside_sha256": {name: sha256_file(folder / name) for name in BESIDE},
        # Whether a row is still malformed, and what it leaves standing, is looked at again in each run.
        "made_of": None if held_back else made_of,
        "held_back": held_back,
        "row_count": sum(count for _, count in counts),
        "as_of": as_of.isoformat(),
        "counts": dict(counts),
    }
    write_atomic(folder / _RECORD, canonical_json(record) + "\n")
    return read_candidate(home)


def _well_formed(con: duckdb.DuckDBPyConnection, home: Home) -> tuple[str, str]:
    """What goes out while the rows of ``held_back`` stay at home: the others, and of the published ones those that it stands for.

    Nobody may be released because a row of theirs went wrong: as it was published, it stays; and what would let a destination
    release it, stays at home too.
    """
    from orchestration.publish.versions import latest_version, read_published  # here: they need this module's names

    columns = ", ".join(COLUMNS)
    con.execute(
        f"create or replace temp table well_formed as select {columns} from named as golden anti join held_back "
        "on golden.channel is not distinct from held_back.channel "
        "and golden.identifier_type is not distinct from held_back.identifier_type "
        "and golden.identifier is not distinct from held_back.identifier and golden.scope is not distinct from held_back.scope"
    )
    if latest_version(home):
        con.execute(
            f"""
            insert into well_formed
            with left_out as (
                select published.* from {read_published(home).relation} as published
                anti join well_formed using (channel, identifier_type, identifier, scope)
            )
            select {columns} from left_out
            where (channel, identifier) in (select (channel, identifier) from held_back)
                or (channel, deciding_request_id) in (
                    select (channel, deciding_request_id) from held_back where deciding_request_id is not null
                )
            """
        )
    return (
        "well_formed",
        f"(select evidence.* from {EVIDENCE} as evidence anti join held_back using (channel, identifier))",
    )


def shown_evidence(relation: str) -> str:
    """The query of the evidence for releases as it leaves the warehouse, on a connection whose ``shown_id`` has the first key."""
    made = {"evidence_id": "case when evidence_kind = 'opt_in' then shown_id(evidence_id) else evidence_id end"}
    columns = ", ".join(f"{made[name]} as {name}" if name in made else name for name in EVIDENCE_COLUMNS)
    return f"select {columns} from {relation}"


def _kept(home: Home, made_of: str, version: int) -> dict[str, Any] | None:
    """The record of the last candidate if it was made of the same, the gate's verdict vouches for its files as they are, and they
    would be published as they are or not at all: the rows carry the number of the next version, or are those of the latest.

    The record alone would not do. Nobody but the run that wrote it can say that its hash is that of the rows in the file.
    """
    from orchestration.publish.versions import read_published  # here: reading versions needs this module's names

    folder = candidate_folder(home)
    try:
        record: dict[str, Any] = json.loads((folder / _RECORD).read_text())
        if record["made_of"] != made_of:
            return None
        verdict = read_verdict(home, "exit", record["rows_sha256"])
        is_whole = (
            verdict is not None
            and verdict.file_sha256 == record["file_sha256"] == sha256_file(folder / ROWS_FILE)
            and verdict.beside_sha256 == record["beside_sha256"] == {name: sha256_file(folder / name) for name in BESIDE}
        )
    except (OSError, ValueError, KeyError, TypeError, PermanentError):
        return None  # whatever is wrong with it, a new one is right
    is_of_use = record["version"] == version or (version > 1 and read_published(home).rows_sha256 == record["rows_sha256"])
    return record if is_whole and is_of_use else None


def read_candidate(home: Home) -> Candidate:
    """The candidate that was exported last.

    Raises:
        PermanentError: there is none.
    """
    folder = candidate_folder(home)
    if not (folder / _RECORD).is_file():
        raise PermanentError(
            "Reading the candidate for publication",
            seen="none was exported, or its export was interrupted",
            next_step="build the golden table and export it again (quietlist run)",
        )
    record = json.loads((folder / _RECORD).read_text())
    return Candidate(
        folder=folder,
        version=record["version"],
        rows_sha256=record["rows_sha256"],
        file_sha256=record["file_sha256"],
        row_count=record["row_count"],
        as_of=datetime.fromisoformat(record["as_of"]),
        counts=record["counts"],
        held_back=record.get("held_back", 0),  # exported by a release that knew of none
    )


def write_parquet(con: duckdb.DuckDBPyConnection, query: str, file: Path) -> None:
    """Write a query's rows, in its order, to a file that only its owner can read and that survives a power cut."""
    file.parent.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
    con.execute(f"copy ({query}) to {quoted(file)} (format parquet, compression zstd, compression_level {_LEVEL})")
    keep_file(file)


def copy_parquet(source: Path, file: Path) -> None:
    """Copy a file's bytes to one that only its owner can read and that survives a power cut."""
    file.parent.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
    shutil.copyfile(source, file)
    keep_file(file)


def _require_columns(con: duckdb.DuckDBPyConnection, table: str, wanted: Mapping[str, str]) -> None:
    """Refuse a table that is not as agreed. Casting it instead would fail with a message that quotes a row's value."""
    try:
        present = {row[0]: row[1] for row in con.execute(f"describe {table}").fetchall()}
    except duckdb.CatalogException as error:
        raise PermanentError(f"Exporting {table}", seen="no such table", next_step="build the golden models first") from error
    wrong = [
        f"{name} {present.get(name, 'is missing')}"
        for name, kind in wanted.items()
        if present.get(name) != kind.upper().replace("TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE")
    ]
    if wrong:
        raise PermanentError(
            f"Exporting {table}",
            seen=", ".join(wrong),
            allowed=f"the published contract: {', '.join(f'{name} {kind}' for name, kind in wanted.items())}",
            next_step="fix the golden model; consumers rely on every one of these columns",
        )
