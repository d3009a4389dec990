"""The whole job on a day on which nothing arrived: the same steps, but for the models that stand as they are.

On such a day each step of the models looks, finds its tables made of exactly these inputs, and builds nothing. Here they are
left out, and with them dbt and its manifest, which cost more than the rest of the day. Every other step is the very asset of
``definitions``: what is late, too old, overdue or gone from a destination is found, told and recorded as on any day.
"""

from collections.abc import Iterator

import dagster as dg

from orchestration.core.errors import PermanentError
from orchestration.core.home import Home
from orchestration.core.warehouse import warehouse
from orchestration.defs import evidence, gate, landing, publish, run, sync
from orchestration.defs.flow import group
from orchestration.defs.keys import ENTRY, GOLDEN, REQUESTS, UNKNOWN_VALUES, last_lineage
from orchestration.defs.run import POOL, QuietlistRun, redact_errors
from orchestration.defs.shown import as_shown
from orchestration.quarantine.unknown_values import unknown_values
from orchestration.readers.in_use import feeds_in_use
from orchestration.reconcile import stages

STANDING = "standing_ledger"
"""The step that fails when it is no such day after all."""
_CONTACTS_MADE = dg.AssetKey(["exposure", "contacts_made"])


def _spec(stage: str, key: dg.AssetKey, *deps: dg.AssetKey) -> dg.AssetSpec:
    return dg.AssetSpec(key, deps=deps, group_name=group(stage))


@dg.multi_asset(
    name=STANDING,
    specs=[_spec("ledger", key, landing.LOAD_LOG, landing.QUARANTINE) for key in (REQUESTS, UNKNOWN_VALUES)],
    pool=POOL,
)
@redact_errors
def standing_ledger(context: dg.AssetExecutionContext, quietlist: QuietlistRun) -> Iterator[dg.MaterializeResult[None]]:
    """Everything up to the golden table, which stands."""
    home, config = quietlist.folder, quietlist.config
    if not stages.stand(home, config, quietlist.moment(context)):
        raise PermanentError(
            "Taking the tables as they stand",
            seen="they are not made of what has arrived",
            allowed="a day on which nothing has changed",
            next_step="run the whole job (quietlist run)",
        )
    yield dg.MaterializeResult(asset_key=REQUESTS, metadata={"unchanged": True})
    with warehouse(home, read_only=True) as con:
        attention = unknown_values(con)
    yield dg.MaterializeResult(asset_key=UNKNOWN_VALUES, metadata={"unchanged": True, "attention": attention})


@dg.multi_asset(
    name="standing_golden",
    specs=[_spec("golden", dg.AssetKey(["golden", name]), ENTRY) for name in publish.MADE_OF],
)
@redact_errors
def standing_golden(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
    """The golden table, which waits for the entry gate as on any day."""
    for name in publish.MADE_OF:
        key = dg.AssetKey(["golden", name])
        lineage = last_lineage(context) if key == GOLDEN else {}
        yield dg.MaterializeResult(asset_key=key, metadata={"unchanged": True, **lineage})


@dg.multi_asset(
    name="prove_models", specs=[_spec("prove", key, sync.ROW_STATE) for key in (gate.CLOCKS, _CONTACTS_MADE)], pool=POOL
)
@redact_errors
def proof(context: dg.AssetExecutionContext, quietlist: QuietlistRun) -> Iterator[dg.MaterializeResult[None]]:
    """Clocks and violations, by dbt after all when a push has changed what is at a destination."""
    built = stages.prove(quietlist.folder, quietlist.config, quietlist.moment(context))
    for key in (gate.CLOCKS, _CONTACTS_MADE):
        yield dg.MaterializeResult(asset_key=key, metadata={"models_built": len(built.nodes)})


def build_defs(home: Home) -> dg.Definitions:
    """The definitions of such a day, for one home."""
    config = run.configured(home)
    destinations = sync.destination_assets(config)
    assets = [
        landing.collect_asset([]),
        landing.load_asset(feeds_in_use(home, config)),
        standing_ledger,
        gate.entry_gate([REQUESTS, UNKNOWN_VALUES]),
        standing_golden,
        publish.candidate,
        gate.exit_gate,
        publish.published,
        *destinations,
        sync.state_asset(destinations),
        proof,
        gate.clocks_gate,
        evidence.compliance_report,
    ]
    return dg.Definitions(
        assets=as_shown(assets, config),
        asset_checks=[gate.gate_allows_published],
        jobs=[dg.define_asset_job("quietlist", selection=dg.AssetSelection.all(), executor_def=dg.in_process_executor)],
        resources={"quietlist": QuietlistRun(home=str(home.root))},
        executor=dg.in_process_executor,
    )
