"""How old each stage's assets may become before Dagster calls them stale."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import dagster as dg

# The schedule is daily: a day and two hours late is a missed run, and half a day more leaves time to act within the
# shortest legal clock the policy holds (48 hours, mailbox providers).
_WARN = timedelta(hours=26)
_FAIL = timedelta(hours=36)
_GROUPS = {"collect", "load", "publish", "sync", "evidence"}


def with_freshness(assets: Sequence[dg.AssetsDefinition]) -> list[dg.AssetsDefinition]:
    """The assets, those that a daily run must touch with a freshness policy."""
    policy = dg.FreshnessPolicy.time_window(fail_window=_FAIL, warn_window=_WARN)

    def apply(spec: dg.AssetSpec) -> dg.AssetSpec:
        return spec.replace_attributes(freshness_policy=policy) if spec.group_name in _GROUPS else spec

    return [asset.map_asset_specs(apply) for asset in assets]
