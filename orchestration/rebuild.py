"""Building everything again from the landed files beside the real warehouse, and comparing row for row (promise 4)."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from orchestration.core.config import Config
from orchestration.core.errors import Busy, ConfigError
from orchestration.core.home import Home
from orchestration.core.lock import run_lock
from orchestration.core.sql import quoted
from orchestration.core.warehouse import one_row, warehouse
from orchestration.core.wording import told
from orchestration.day import reconcile
from orchestration.readers import load
from orchestration.readers.register import register
from orchestration.reconcile import stages

# What must be the same: the ledger and everything derived from it that is merged, leaves the house or is evidence.
COMPARED = (
    ("ledger", "requests"),
    ("ledger", "conservation"),
    ("identity", "links"),
    ("identity", "person_of_node"),
    ("identity", "contact_points"),
    ("deadlines", "request_rules"),
    ("golden", "applied_requests"),
    ("golden", "golden_suppression"),
    ("golden", "suppression_history"),
    ("golden", "release_evidence"),
    ("golden", "unresolved_requests"),
)


@dataclass(frozen=True)
class Rebuilt:
    """Per table: rows now, rows rebuilt, rows only on one side."""

    as_of: datetime
    tables: dict[str, dict[str, int]]

    @property
    def equal(self) -> bool:
        return all(row["only_now"] == 0 and row["only_rebuilt"] == 0 for row in self.tables.values())

    def as_dict(self) -> dict[str, Any]:
        return {"equal": self.equal, "as_of": self.as_of.isoformat(), "tables": self.tables}

    def lines(self) -> list[str]:
        head = "Equal: the rebuilt tables hold the same rows." if self.equal else "DIFFERENT: the rebuilt tables differ."
        lines = [f"{head} As of {self.as_of.isoformat()}."]
        for name, row in self.tables.items():
            lines.append(
                f"  {name}: {told(row['now'], '1 row', '# rows')}, rebuilt {row['rebuilt']}; "
                f"only now {row['only_now']}, only rebuilt {row['only_rebuilt']}"
            )
        if not self.equal:
            lines.append("Next step: keep both states (copy the home), then see docs/operations.md, 'rebuild differs'.")
        return lines


def rebuild(home: Home, config: Config, as_of: datetime | None = None) -> Rebuilt:
    """Load, stage and reconcile everything landed into a throw-away warehouse, and compare it with the real one.

    ``as_of`` defaults to the clock of the last reconciliation, so that nothing but the way of building differs.

    Raises:
        ConfigError: nothing was ever reconciled here, or the key or the settings were changed since.
        Busy: a run is going on.
    """
    with run_lock(home) as got:
        if not got:
            raise Busy("Rebuilding", seen="a run is in progress in this home", next_step="wait for it to end, then rebuild")
        with warehouse(home, limits=config.limits) as con:
            stages.prepare(con, home)
            reconciled = stages.last_clock(con)
            is_of_this_key = stages.is_of_this_key(con, home)
            is_of_these_settings = stages.is_of_these_settings(con, config)
        if reconciled is not None and not is_of_this_key:
            raise ConfigError(
                "Rebuilding",
                seen="the key was rotated and no run has made the keyed hashes again since",
                next_step="run quietlist run first, then rebuild",
            )
        if reconciled is None:
            raise ConfigError("Rebuilding", seen="nothing was ever reconciled in this home", next_step="start with quietlist run")
        if not is_of_these_settings:
            # The difference would be the change itself, and look like a fault of the tables.
            raise ConfigError(
                "Rebuilding",
                seen="settings of the company or of a source were changed and no run has built the tables with them since",
                next_step="run quietlist run first, then rebuild",
            )
        clock = as_of or reconciled
        # Beside the real warehouse: the same disk, and the same permissions.
        with tempfile.TemporaryDirectory(prefix="rebuild.", dir=home.warehouse_folder) as folder:
            other = _Twin(Path(folder), home).create()
            with warehouse(other, limits=config.limits) as con:
                stages.prepare(con, other)
                register(con, other, config)
                # What was collected since waits for the next run, as it does in the real warehouse.
                con.execute("delete from raw.landed_files where received_at > ?", [reconciled])
                load(con, other, config, clock)
            reconcile(other, config, clock)
            with warehouse(home, limits=config.limits) as con:
                return Rebuilt(clock, _compare(con, other))


@dataclass(frozen=True)
class _Twin(Home):
    """A home with the landing and its redactions, the key and the configuration of another, and nothing else: no secret is
    copied."""

    original: Home

    @property
    def landing(self) -> Path:
        return self.original.landing

    @property
    def erasures_folder(self) -> Path:
        return self.original.erasures_folder

    @property
    def key_file(self) -> Path:
        return self.original.key_file

    @property
    def config_file(self) -> Path:
        return self.original.config_file


def _compare(con: duckdb.DuckDBPyConnection, other: Home) -> dict[str, dict[str, int]]:
    # DuckDB names a catalogue after its file, and both files have the same name: attach under another.
    con.execute(f"attach {quoted(other.warehouse_file)} as rebuilt (read_only)")
    tables = {}
    for schema, table in COMPARED:
        now, again = f"{schema}.{table}", f"rebuilt.{schema}.{table}"
        row = one_row(
            con,
            f"""
            select
                (select count(*) from {now}),
                (select count(*) from {again}),
                (select count(*) from (select * from {now} except all select * from {again})),
                (select count(*) from (select * from {again} except all select * from {now}))
            """,
        )
        tables[f"{schema}.{table}"] = dict(zip(("now", "rebuilt", "only_now", "only_rebuilt"), row, strict=True))
    con.execute("detach rebuilt")
    return tables
