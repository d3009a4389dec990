"""Assets of the registries: their published versions, and what the models need of them. How both are made: ``registries/``."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from orchestration.core.warehouse import one_row, warehouse
from orchestration.core.wording import counted
from orchestration.defs.flow import group
from orchestration.defs.reconcile import PHONES
from orchestration.defs.run import POOL, QuietlistRun, redact_errors
from orchestration.reconcile import stages
from orchestration.registries import latest_of, published_registries

PUBLISHED_REGISTRIES = dg.AssetKey(["published", "registries"])
FILES = dg.AssetKey(["registries", "files"])
FILE_AREAS = dg.AssetKey(["registries", "file_areas"])
KNOWN_ENTRIES = dg.AssetKey(["registries", "known_entries"])

_TEXTS = {
    PUBLISHED_REGISTRIES: "Every registry as numbered, immutable versions of sorted numbers.",
    FILES: "Registry files that were ingested, with the account of their records.",
    FILE_AREAS: "Which registry and area codes each file is about, and how many numbers it holds of each.",
    KNOWN_ENTRIES: "What each version of a registry says about the numbers that the company knows.",
}


@dg.multi_asset(
    name="update_registries",
    specs=[
        dg.AssetSpec(
            key,
            deps=[dg.AssetKey(["staging", "int_registry__unioned"]), PHONES],
            group_name=group("registries"),
            kinds={"parquet"} if key == PUBLISHED_REGISTRIES else {"duckdb", "python"},
            description=text,
        )
        for key, text in _TEXTS.items()
    ],
    pool=POOL,
)
@redact_errors
def update_registries(context: dg.AssetExecutionContext, quietlist: QuietlistRun) -> Iterator[dg.MaterializeResult[None]]:
    """Ingest what was loaded, publish what is new."""
    home, config, as_of = quietlist.folder, quietlist.config, quietlist.moment(context)
    updated = stages.registries(home, config, as_of)
    facts: dict[str, int | float | str] = {"new_versions": len(updated.published), "withheld": len(updated.withheld)}
    for registry in published_registries(home):
        version = latest_of(home, registry)
        assert version is not None  # it is listed because it has one
        facts[f"{registry}/version"] = version.number
        facts[f"{registry}/rows"] = version.rows
        facts[f"{registry}/age_days"] = round((as_of - version.obtained_at).total_seconds() / 86400, 1)
    yield dg.MaterializeResult(asset_key=PUBLISHED_REGISTRIES, metadata=facts)
    taken, hashed = updated.taken, updated.hashed
    counts: dict[str, Any] = {"files": taken.files, "dagster/row_count": taken.records, "quarantined": taken.quarantined}
    if hashed.listed:
        counts |= {"hashes": hashed.listed, "hashes_matched": hashed.matched, "hashes_unmatched": hashed.listed - hashed.matched}
    if hashed.found_now:
        found = counted(hashed.found_now, "known contact point is", "known contact points are")
        counts["attention"] = [f"{found} on a list of hashes (ca_drop): delivered to its source, and suppressed by the next run."]
    yield dg.MaterializeResult(asset_key=FILES, metadata=counts)
    with warehouse(home, read_only=True) as con:
        for key in (FILE_AREAS, KNOWN_ENTRIES):
            (rows,) = one_row(con, f"select count(*) from {'.'.join(key.path)}")
            yield dg.MaterializeResult(asset_key=key, metadata={"dagster/row_count": rows})
