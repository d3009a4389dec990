"""The gates, each an asset with its check. What is expected: ``expectations/``; how it is judged: ``orchestration/gate``."""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from orchestration.core.home import Home
from orchestration.defs.flow import group
from orchestration.defs.keys import ENTRY
from orchestration.defs.publish import CANDIDATE, EXIT, PUBLISHED
from orchestration.defs.run import POOL, QuietlistRun, redact_errors

CLOCKS = dg.AssetKey(["deadlines", "clocks"])
CLOCKS_GATE = dg.AssetKey(["gates", "clocks"])


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


def _gate(
    name: str, key: dg.AssetKey, stage: str, behind: Sequence[dg.AssetKey], text: str, *, blocking: bool
) -> dg.AssetsDefinition:
    """The asset of one gate. Where it is ``blocking``, nothing that depends on it starts when it says stop."""

    @dg.asset(
        key=key,
        deps=behind,
        group_name=group(stage),
        kinds={"greatexpectations"},
        description=text,
        check_specs=[dg.AssetCheckSpec(f"gate_{name}", asset=key, blocking=blocking, description=text)],
        pool=POOL,
    )
    @redact_errors
    def gate(context: dg.AssetExecutionContext, quietlist: QuietlistRun) -> Iterator[dg.MaterializeResult[None]]:
        from orchestration.gate import judge  # imports Great Expectations: seconds, paid only when a gate is judged

        home = quietlist.folder
        verdict = judge(name, home, quietlist.config, quietlist.moment(context))
        quietlist.note_verdict(verdict.level)
        for item in verdict.results:
            if not item.success:
                context.log.warning("%s: not met: %s", item.level, item.sentence)
        yield dg.MaterializeResult(metadata={"verdict": verdict.level}, check_results=[_result(verdict, home)])

    return gate


def entry_gate(ledger: Sequence[dg.AssetKey]) -> dg.AssetsDefinition:
    """The gate in front of the golden table, behind every table of the ledger."""
    text = "Is the ledger whole: every record accounted for, every id and time in order?"
    return _gate("entry", ENTRY, "entry_gate", ledger, text, blocking=True)


exit_gate = _gate(
    "exit",
    EXIT,
    "exit_gate",
    [CANDIDATE],
    "May exactly this table be published: keys, identifiers, evidence, completeness?",
    blocking=True,
)
# Alerts only: what is late must still go out.
clocks_gate = _gate(
    "clocks", CLOCKS_GATE, "prove", [CLOCKS], "Are all legal clocks met, and all registry copies young enough?", blocking=False
)


@dg.asset_check(
    asset=PUBLISHED,
    name="gate_allows_published",
    blocking=True,
    description="Does the stored verdict allow exactly the rows of the published version?",
)
@redact_errors
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
