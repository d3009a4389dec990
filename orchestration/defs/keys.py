"""What the modules of the assets call each other's by: keys, and names of metadata. Imports neither dbt nor an asset."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import dagster as dg

from orchestration.reconcile import dbt

LEDGER_SCHEMA = "ledger"
REQUESTS = dg.AssetKey([LEDGER_SCHEMA, "requests"])
UNKNOWN_VALUES = dg.AssetKey([LEDGER_SCHEMA, "unknown_values"])
"""The list that the command tells of."""
ENTRY = dg.AssetKey(["gates", "entry"])
GOLDEN = dg.AssetKey(["golden", "golden_suppression"])
COLUMN_LINEAGE = "dagster/column_lineage"
MADE_BY = "file"
"""The metadata of a model or seed that names its file in the dbt project."""


@cache
def golden_columns() -> dict[str, dict[str, Any]]:
    """The columns of the golden table as its contract has them."""
    return dict(next(node for node in dbt.manifest_nodes().values() if node["name"] == GOLDEN.path[1])["columns"])


def lineage_metadata(made_of: Mapping[str, list[tuple[dg.AssetKey, str]]]) -> dict[str, Any]:
    """Column lineage as Dagster shows it."""
    deps = {
        name: [dg.TableColumnDep(asset_key=key, column_name=column) for key, column in columns]
        for name, columns in made_of.items()
    }
    return {COLUMN_LINEAGE: dg.TableColumnLineage(deps_by_column=deps)}


def last_lineage(context: dg.AssetExecutionContext) -> dict[str, Any]:
    """What was last recorded of the golden table's columns. Dagster shows what the last event says, so a run that built nothing
    repeats it.
    """
    last = context.instance.get_latest_materialization_event(GOLDEN)
    said = last.asset_materialization.metadata.get(COLUMN_LINEAGE) if last and last.asset_materialization else None
    return {COLUMN_LINEAGE: said} if said is not None else {}
