"""One asset per configured destination, and the state of all of them for the clocks. How a push works: ``sync/``."""

from typing import Any

import dagster as dg

from orchestration.core.home import Home
from orchestration.core.warehouse import warehouse
from orchestration.defs.publish import PUBLISHED
from orchestration.defs.run import OWNERS, POOL, QuietlistRun, configured, plainly
from orchestration.sync import copy_state, sync

ROW_STATE = dg.AssetKey(["raw", "sync__row_state"])


def destination_key(name: str) -> dg.AssetKey:
    return dg.AssetKey(["destinations", name])


def destination_assets(home: Home) -> list[dg.AssetsDefinition]:
    """The assets of the destinations in the home's configuration; none while there is no home yet."""
    config = configured(home)
    destinations = config.destinations if config else {}
    return [_destination_asset(name, entry.system) for name, entry in sorted(destinations.items())]


def _destination_asset(name: str, system: str) -> dg.AssetsDefinition:
    @dg.asset(
        key=destination_key(name),
        deps=[PUBLISHED],
        group_name="sync",
        owners=OWNERS,
        kinds={system},
        description=f"{name} ({system}) kept in line with the published table: plan, guard, send, verify, receipt.",
        pool=POOL,
    )
    @plainly
    def destination(context: dg.AssetExecutionContext, quietlist: QuietlistRun) -> dg.MaterializeResult[Any]:
        result = sync(quietlist.folder, quietlist.config, name, quietlist.moment(context))
        for sentence in result.alarms:
            context.log.warning(sentence)
        # The alarms go with the result, for the command prints what the result says, not the log.
        said = {"attention": list(result.alarms), "kept_back": list(result.kept_back)}
        return dg.MaterializeResult(metadata={**result.counts(), **said})

    return destination


def state_asset(destinations: list[dg.AssetsDefinition]) -> dg.AssetsDefinition:
    """The asset that copies what was sent and verified into the warehouse, after every destination."""

    @dg.asset(
        key=ROW_STATE,
        deps=[asset.key for asset in destinations] or [PUBLISHED],
        group_name="sync",
        owners=OWNERS,
        kinds={"duckdb"},
        description="State of every row at every destination: wanted, sent, verified, missing, released.",
        pool=POOL,
    )
    @plainly
    def row_state(quietlist: QuietlistRun) -> dg.MaterializeResult[Any]:
        with warehouse(quietlist.folder, limits=quietlist.config.limits) as con:
            rows = copy_state(con, quietlist.folder)
        return dg.MaterializeResult(metadata={"dagster/row_count": rows})

    return row_state
