"""Published files as the pipeline leaves them, made directly: the suppression table and registries of any size.

For measuring, and for tests that need a published world without running a pipeline. Only the published contract is kept to.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from orchestration.core.files import canonical_json, sha256_file, write_atomic
from orchestration.core.home import CHECKOUT, Home
from orchestration.publish.candidate import COLUMNS, write_parquet
from orchestration.publish.versions import MANIFEST, version_folder


def publish_golden(con: duckdb.DuckDBPyConnection, home: Home, rows: str, as_of: datetime, version: int = 1) -> None:
    """Publish what the query ``rows`` yields; columns it lacks are null, and the hash of an identifier is its SHA-256."""
    folder = home.golden_published / f"version={version}"
    folder.mkdir(parents=True, exist_ok=True)
    present = {name for name, *_ in con.execute(f"describe {rows}").fetchall()}
    values = {name: f"{name}::{kind}" if name in present else f"null::{kind}" for name, kind in COLUMNS.items()}
    values["golden_version"] = f"{version}::bigint"
    selected = ", ".join(f"{value} as {name}" for name, value in values.items())
    order = "order by channel, identifier, scope, identifier_type"
    write_parquet(con, f"select {selected} from ({rows}) {order}", folder / "part-0.parquet")
    ((count,),) = con.execute("select count(*) from read_parquet(?)", [str(folder / "part-0.parquet")]).fetchall()
    manifest = {
        "version": version,
        "as_of": as_of.isoformat(),
        "row_count": count,
        "rows_sha256": sha256_file(folder / "part-0.parquet"),
        "files": [_described(folder / "part-0.parquet")],
        "releases_held": False,
        "previous_sha256": sha256_file(before) if (before := version_folder(home, version - 1) / MANIFEST).exists() else None,
    }
    _write_pointer(home.golden_published, folder, version, manifest)


def publish_registry(
    con: duckdb.DuckDBPyConnection,
    home: Home,
    registry: str,
    numbers: str,
    obtained_at: datetime,
    area_codes: Sequence[str] = (),
    version: int = 1,
) -> None:
    """Publish the query ``numbers`` (sorted, distinct, one column) as a version of a registry that the policy knows."""
    with (CHECKOUT / "dbt_project" / "seeds" / "policy" / "registries.csv").open(encoding="utf-8", newline="") as stream:
        policy = next(row for row in csv.DictReader(stream) if row["registry"] == registry)
    folder = home.registries_published / registry / f"version={version}"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "numbers.parquet"
    con.execute(f"copy ({numbers}) to '{file}' (format parquet, compression zstd, parquet_version v2)")
    ((count,),) = con.execute("select count(*) from read_parquet(?)", [str(file)]).fetchall()
    moment = obtained_at.isoformat()
    manifest = {
        "registry": registry,
        "version": version,
        "label": f"{obtained_at:%Y-%m-%d}",
        "kind": "full",
        "source": registry,
        "snapshot_at": moment,
        "obtained_at": moment,
        "received_at": moment,
        "rows": count,
        "added": count,
        "removed": 0,
        "coverage": policy["coverage"],
        "area_codes": list(area_codes),
        "policy": policy,
        "files": [_described(file)],
        "inputs": [],
        "previous_sha256": None,
    }
    _write_pointer(folder.parent, folder, version, manifest)


def _described(file: Path) -> dict[str, Any]:
    return {"name": file.name, "sha256": sha256_file(file), "bytes": file.stat().st_size}


def _write_pointer(place: Path, folder: Path, version: int, manifest: dict[str, Any]) -> None:
    write_atomic(folder / "manifest.json", canonical_json(manifest) + "\n")
    digest = sha256_file(folder / "manifest.json")
    write_atomic(place / "latest.json", canonical_json({"version": version, "manifest_sha256": digest}) + "\n")
