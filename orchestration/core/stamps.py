"""What each step noted of what its tables are made of: one record, kept in ``raw.stamps`` beside them.

A stamp that is as it was means tables that are as they were. A step takes a stamp away before it changes what the stamp speaks of
and sets it when all is built, so that whoever finds none does a full refresh. What the fingerprints are made of stands with the
steps.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

import duckdb

from orchestration.core.files import canonical_json

_TABLE = "create table if not exists raw.stamps (name varchar primary key, value varchar)"


@dataclass(frozen=True, kw_only=True)
class Stamps:
    """Fingerprints, but for the clock. None: never noted, or taken away."""

    policy: str | None = None
    """The policy seeds that are loaded."""
    key: str | None = None
    """The key that the warehouse's keyed hashes were made with."""
    meaning: str | None = None
    """What decides what a record in the ledger means."""
    registries: str | None = None
    """The meaning by which the registries were ingested."""
    persons: str | None = None
    """Set while every link in the ledger is among the persons, or can be added to them."""
    golden: str | None = None
    """What decides, beside the records, what the golden table says."""
    settings: str | None = None
    """The settings in quietlist.toml that the tables up to the golden one are made with."""
    reconciled: str | None = None
    """Everything that the tables up to the golden one are made of."""
    proved: str | None = None
    """Everything but the clock that clocks and violations are made of."""
    by_clock: str | None = None
    """The statements of that step that name the clock, as JSON, with the clock that they name."""
    clocks: str | None = None
    """Another one whenever clocks and violations were built."""
    row_state: str | None = None
    """Another one whenever the sync ledger was copied."""
    clock: datetime | None = None
    """The ``as_of`` of the last reconciliation."""
    files_of: Mapping[str, str] = field(default_factory=dict)
    """By step: the loaded files that it has seen."""
    views_of: Mapping[str, str] = field(default_factory=dict)
    """By step: what its views are made of."""


def create_stamps(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(_TABLE)


def read_stamps(con: duckdb.DuckDBPyConnection) -> Stamps:
    """Every stamp there is; none in a warehouse in which nothing has run."""
    if not con.execute("select 1 from duckdb_tables() where schema_name = 'raw' and table_name = 'stamps'").fetchall():
        return Stamps()
    found: dict[str, Any] = dict(con.execute("select name, value from raw.stamps").fetchall())
    if "clock" in found:
        found["clock"] = datetime.fromisoformat(found["clock"])
    for name in ("files_of", "views_of"):
        found[name] = json.loads(found.get(name, "{}"))
    return Stamps(**{name: value for name, value in found.items() if name in Stamps.__dataclass_fields__})


def note(con: duckdb.DuckDBPyConnection, **changed: Any) -> None:
    """Set these stamps, or take away those that are None; the others stay.

    Raises:
        TypeError: no stamp has that name.
    """
    record = asdict(replace(Stamps(), **changed))
    for name in changed:
        value = record[name]
        if value is None:
            con.execute("delete from raw.stamps where name = ?", [name])
        else:
            con.execute("insert or replace into raw.stamps values (?, ?)", [name, _text(value)])


def another() -> str:
    """A stamp that says only that something was made again."""
    return str(uuid.uuid4())


def _text(value: str | datetime | Mapping[str, str]) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, str) else canonical_json(value)
