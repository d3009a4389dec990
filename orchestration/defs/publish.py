"""Assets of publication: the candidate that the gate judges, and the version that consumers read."""

import dagster as dg

from orchestration.core.waiting import note_published
from orchestration.core.warehouse import warehouse
from orchestration.defs.flow import group
from orchestration.defs.keys import GOLDEN, golden_columns, lineage_metadata
from orchestration.defs.run import POOL, QuietlistRun, redact_errors
from orchestration.publish import export_candidate, publish, read_candidate
from orchestration.reconcile import stages
from orchestration.registries import publish_withheld

CANDIDATE = dg.AssetKey(["golden", "candidate"])
EXIT = dg.AssetKey(["gates", "exit"])
PUBLISHED = dg.AssetKey(["published", "golden_suppression"])
_COLUMNS = dg.TableSchema(
    [
        dg.TableColumn(name, type=column["data_type"], description=column["description"])
        for name, column in golden_columns().items()
    ]
)


MADE_OF = ("golden_suppression", "release_evidence", "unresolved_requests", "unmatched_echoes")
"""The tables in ``golden`` that the candidate waits for."""


@dg.asset(
    key=CANDIDATE,
    deps=[dg.AssetKey(["golden", name]) for name in MADE_OF],
    group_name=group("golden"),
    kinds={"parquet"},
    description="The golden table as it would be published, with the hash of its rows: what the exit gate judges.",
    pool=POOL,
)
@redact_errors
def candidate(context: dg.AssetExecutionContext, quietlist: QuietlistRun) -> dg.MaterializeResult[None]:
    """Export the candidate."""
    from orchestration.gate.held_back import rows_to_hold_back  # Great Expectations: imported where it is needed

    home, config = quietlist.folder, quietlist.config
    with warehouse(home, limits=config.limits) as con:
        exported = export_candidate(con, home, quietlist.moment(context), rows_to_hold_back, state=stages.reconciled_state(con))
    if exported.held_back:
        context.log.warning("%s rows of the golden table are malformed and stay at home; the others go on", exported.held_back)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": exported.row_count,
            "rows_sha256": exported.rows_sha256,
            "rows_held_back": exported.held_back,
        }
    )


@dg.asset(
    key=PUBLISHED,
    deps=[EXIT],
    group_name=group("publish"),
    kinds={"parquet"},
    metadata={"dagster/column_schema": _COLUMNS},
    description="The numbered, immutable version that consumers read; nothing new when no row changed.",
)
@redact_errors
def published(context: dg.AssetExecutionContext, quietlist: QuietlistRun) -> dg.MaterializeResult[None]:
    """Publish the candidate that the gate allowed, and the versions of registries that it was made of and that waited for it."""
    home, config = quietlist.folder, quietlist.config
    judged = read_candidate(home)
    result = publish(home, quietlist.moment(context), judged, limits=config.limits, group=config.publish.group)
    quietlist.note_version(result.version)
    note_published(home, judged.held_back)  # also when no row changed: what was delivered until now waits no longer
    with warehouse(home, limits=config.limits) as con:
        registries = publish_withheld(con, home)
    return dg.MaterializeResult(
        metadata={
            "version": result.version,
            "new_version": result.is_new,
            "dagster/row_count": result.row_count,
            "rows_sha256": result.rows_sha256,
            "registries_that_waited": len(registries),
            "attention": list(result.kept_out),
            **lineage_metadata({column.name: [(GOLDEN, column.name)] for column in _COLUMNS.columns}),
        }
    )
