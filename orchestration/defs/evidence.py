"""The compliance report as an asset."""

import dagster as dg

from orchestration.defs.flow import group
from orchestration.defs.run import POOL, QuietlistRun, redact_errors

REPORT = dg.AssetKey(["reports", "compliance"])


@dg.asset(
    key=REPORT,
    deps=[dg.AssetKey(["deadlines", "clocks"]), dg.AssetKey(["exposure", "contacts_made"])],
    group_name=group("prove"),
    kinds={"html"},
    description="The page a compliance officer reads: clocks, sources, destinations, gates, what needs a person.",
    pool=POOL,
)
@redact_errors
def compliance_report(context: dg.AssetExecutionContext, quietlist: QuietlistRun) -> dg.MaterializeResult[None]:
    """Write the report."""
    from orchestration.report.page import write_report

    path = write_report(quietlist.folder, quietlist.config, quietlist.moment(context), notes=True)
    return dg.MaterializeResult(metadata={"path": dg.MetadataValue.path(str(path)), "bytes": path.stat().st_size})
