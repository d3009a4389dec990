"""The gates as asset checks. What is expected stands in ``expectations/``; how it is judged in ``orchestration/gate``."""

from typing import Any

import dagster as dg

from orchestration.core.home import Home
from orchestration.defs.publish import CANDIDATE, PUBLISHED
from orchestration.defs.run import POOL, QuietlistRun, plainly

LEDGER = dg.AssetKey(["ledger", "requests"])
CLOCKS = dg.AssetKey(["deadlines", "clocks"])


def _result(verdict: Any, home: Home) -> dg.AssetCheckResult:
    """A failed ``stop`` is an error and blocks; ``hold`` and ``alert`` are warnings that the run says loudly."""
    rows = [f"| {item.level} | {'passed' if item.success else '**failed**'} | {item.sentence} |" for item in verdict.results]
    return dg.AssetCheckResult(
        passed=verdict.level == "pass",
        severity=dg.AssetCheckSeverity.ERROR if verdict.level == "stop" else dg.AssetCheckSeverity.WARN,
        metadata={
            "level": verdict.level,
            "failed": sum(not item.success for item in verdict.results),
            "expectations": len(verdict.results),
            "unmet": [f"{item.level}: {item.told}" for item in verdict.results if not item.success],
            "results": dg.MetadataValue.md("\n".join(["| level | result | expectation |", "|---|---|---|", *rows])),
            "data_docs": dg.MetadataValue.path(str(home.reports / "data_docs" / "index.html")),
        },
    )


def _judge(gate: str, context: dg.AssetCheckExecutionContext, quietlist: QuietlistRun) -> dg.AssetCheckResult:
    from orchestration.gate import judge  # imports Great Expectations: seconds, paid only when a gate is judged

    home = quietlist.folder
    verdict = judge(gate, home, quietlist.config, quietlist.moment(context))
    for item in verdict.results:
        if not item.success:
            context.log.warning("%s: not met: %s", item.level, item.sentence)
    return _result(verdict, home)


@dg.asset_check(asset=LEDGER, name="gate_entry", blocking=True, pool=POOL,
                description="Is the ledger whole: every record accounted for, every id and time in order?")  # fmt: skip
@plainly
def gate_entry(context: dg.AssetCheckExecutionContext, quietlist: QuietlistRun) -> dg.AssetCheckResult:
    """The door into the golden table."""
    return _judge("entry", context, quietlist)


@dg.asset_check(asset=CANDIDATE, name="gate_exit", blocking=True, pool=POOL,
                description="May exactly this table be published: keys, identifiers, evidence, completeness?")  # fmt: skip
@plainly
def gate_exit(context: dg.AssetCheckExecutionContext, quietlist: QuietlistRun) -> dg.AssetCheckResult:
    """The door out of the house."""
    return _judge("exit", context, quietlist)


@dg.asset_check(asset=CLOCKS, name="gate_clocks", pool=POOL,
                description="Are all legal clocks met, and all registry copies young enough?")  # fmt: skip
@plainly
def gate_clocks(context: dg.AssetCheckExecutionContext, quietlist: QuietlistRun) -> dg.AssetCheckResult:
    """Alerts only: what is late must still go out."""
    return _judge("clocks", context, quietlist)


@dg.asset_check(asset=PUBLISHED, name="gate_allows_published", blocking=True,
                description="Does the stored verdict allow exactly the rows of the published version?")  # fmt: skip
@plainly
def gate_allows_published(quietlist: QuietlistRun) -> dg.AssetCheckResult:
    """The check that every job with a sync contains, also one that publishes nothing itself."""
    from orchestration.core.errors import QuietlistError
    from orchestration.publish import read_gated
    from orchestration.publish.verdicts import allows

    home = quietlist.folder
    try:
        snapshot = read_gated(home, quietlist.config.limits)
        allows(home, snapshot.rows_sha256)
    except QuietlistError as error:
        return dg.AssetCheckResult(passed=False, severity=dg.AssetCheckSeverity.ERROR, metadata={"why": str(error)})
    return dg.AssetCheckResult(passed=True, metadata={"version": snapshot.version})
