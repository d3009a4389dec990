"""One asset per configured destination with its checks, and the state of all for the clocks. How a push works: ``sync/``."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import dagster as dg

from orchestration.core.config import Config
from orchestration.core.warehouse import warehouse
from orchestration.core.wording import age
from orchestration.defs.flow import group
from orchestration.defs.publish import PUBLISHED
from orchestration.defs.run import POOL, QuietlistRun, redact_errors
from orchestration.sync import SyncResult, copy_state, sync

ROW_STATE = dg.AssetKey(["raw", "sync__row_state"])

PUSHED_AS_OF = "as_of"
NOTHING_MISSING, NOTHING_HELD, IN_TIME = "nothing_missing", "nothing_held", "pushed_in_time"
PUSH_CHECKS = {
    NOTHING_MISSING: "Every wanted row was seen at the destination; where that shows nothing, it was accepted there.",
    NOTHING_HELD: "No release was held back by a guard or a gate.",
}
LATE = timedelta(hours=26)
"""Pushes are daily: a day and two hours late is a push that was missed."""


def destination_key(name: str) -> dg.AssetKey:
    return dg.AssetKey(["destinations", name])


def destination_assets(config: Config | None) -> list[dg.AssetsDefinition]:
    """The assets of the configured destinations; none while there is no configuration yet."""
    destinations = config.destinations if config else {}
    return [_destination_asset(name, entry.system) for name, entry in sorted(destinations.items())]


def _destination_asset(name: str, system: str) -> dg.AssetsDefinition:
    key = destination_key(name)

    @dg.asset(
        key=key,
        deps=[PUBLISHED],
        group_name=group("sync"),
        kinds={system},
        description=f"{name} ({system}) kept in sync with the published table: plan, guard, send, verify, receipt.",
        check_specs=[dg.AssetCheckSpec(check, asset=key, description=text) for check, text in PUSH_CHECKS.items()],
        pool=POOL,
    )
    @redact_errors
    def destination(context: dg.AssetExecutionContext, quietlist: QuietlistRun) -> Iterator[dg.MaterializeResult[Any]]:
        as_of = quietlist.moment(context)
        result = sync(quietlist.folder, quietlist.config, name, as_of)
        for sentence in result.alarms:
            context.log.warning(sentence)
        # The alarms go with the result, for the command prints what the result says, not the log.
        said: dict[str, Any] = {
            "attention": list(result.alarms),
            "kept_back": list(result.kept_back),
            PUSHED_AS_OF: as_of.isoformat(),
        }
        yield dg.MaterializeResult(metadata={**result.counts(), **said}, check_results=_judged(key, result))

    return destination


def _judged(key: dg.AssetKey, result: SyncResult) -> list[dg.AssetCheckResult]:
    """Both warn and block nothing: whatever else waits must go out all the same."""
    found: tuple[tuple[str, bool, dict[str, Any]], ...] = (
        (NOTHING_MISSING, result.unproved == 0, {"proof": result.verify_class, **result.states}),
        (NOTHING_HELD, not result.kept_back, {held.reason: held.rows for held in result.held}),
    )
    return [
        dg.AssetCheckResult(
            asset_key=key, check_name=check, passed=passed, severity=dg.AssetCheckSeverity.WARN, metadata=metadata
        )
        for check, passed, metadata in found
    ]


def in_time_check(config: Config | None) -> list[dg.AssetChecksDefinition]:
    """How long ago each destination was last brought in line, asked apart from any push: right after one it is always young."""
    names = sorted(config.destinations) if config else []
    if not names:
        return []
    text = f"The last push ended less than {age(LATE)} ago."
    specs = [dg.AssetCheckSpec(IN_TIME, asset=destination_key(name), description=text) for name in names]

    @dg.multi_asset_check(name=IN_TIME, specs=specs, can_subset=True)  # one destination's button asks of that one
    @redact_errors
    def pushed_in_time(context: dg.AssetCheckExecutionContext, quietlist: QuietlistRun) -> Iterator[dg.AssetCheckResult]:
        now = quietlist.moment(context)
        asked = {key.asset_key for key in context.selected_asset_check_keys}
        for name in (name for name in names if destination_key(name) in asked):
            last = _last_push(context.instance, destination_key(name))
            late = last is None or now - last > LATE
            said = f"{name}: the last push ended {age(now - last)} ago" if last else f"{name}: never pushed"
            yield dg.AssetCheckResult(
                asset_key=destination_key(name),
                check_name=IN_TIME,
                passed=not late,
                severity=dg.AssetCheckSeverity.WARN,
                metadata={"level": "alert", "unmet": [f"alert: {said}. Next step: quietlist sync --only {name}"]} if late else {},
            )

    return [pushed_in_time]


def _last_push(instance: dg.DagsterInstance, key: dg.AssetKey) -> datetime | None:
    event = instance.get_latest_materialization_event(key)
    said = event.asset_materialization.metadata.get(PUSHED_AS_OF) if event and event.asset_materialization else None
    return datetime.fromisoformat(str(said.value)) if said else None


def state_asset(destinations: list[dg.AssetsDefinition]) -> dg.AssetsDefinition:
    """The asset that copies what was sent and verified into the warehouse, after every destination."""

    @dg.asset(
        key=ROW_STATE,
        deps=[asset.key for asset in destinations] or [PUBLISHED],
        group_name=group("sync"),
        kinds={"duckdb"},
        description="State of every row at every destination: wanted, sent, verified, missing, released.",
        pool=POOL,
    )
    @redact_errors
    def row_state(quietlist: QuietlistRun) -> dg.MaterializeResult[Any]:
        with warehouse(quietlist.folder, limits=quietlist.config.limits) as con:
            rows = copy_state(con, quietlist.folder)
        return dg.MaterializeResult(metadata={"dagster/row_count": rows})

    return row_state
