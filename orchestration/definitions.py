"""Everything Dagster shows and runs, assembled. No implementation here: see the modules of ``defs``."""

from __future__ import annotations

import os

# Before Dagster, dbt or Great Expectations are imported: none of them may report anything to anybody.
for _name, _value in (
    ("DAGSTER_DISABLE_TELEMETRY", "1"),
    ("DBT_SEND_ANONYMOUS_USAGE_STATS", "false"),
    ("DO_NOT_TRACK", "1"),
    ("GX_ANALYTICS_ENABLED", "false"),
):
    os.environ.setdefault(_name, _value)

import dagster as dg  # noqa: E402

from orchestration.core.config import DagsterSettings  # noqa: E402
from orchestration.core.home import Home, keep_private  # noqa: E402
from orchestration.defs import (  # noqa: E402
    evidence,
    gate,
    jobs,
    landing,
    publish,
    pull,
    reconcile,
    registries,
    run,
    scrub,
    sync,
    watch,
)
from orchestration.defs.run import QuietlistRun  # noqa: E402
from orchestration.defs.shown import as_shown  # noqa: E402
from orchestration.readers.in_use import feeds_in_use  # noqa: E402


def build_defs(home: Home) -> dg.Definitions:
    """The definitions for one home; its configuration decides which formats and destinations are assets."""
    config = run.configured(home)
    feeds = feeds_in_use(home, config)
    settings = config.dagster if config else DagsterSettings()
    destinations = sync.destination_assets(config)
    in_time = sync.in_time_check(config)
    assets = [
        *pull.pull_assets(home),
        landing.collect_asset(pull.pulled_keys(home)),
        landing.load_asset(feeds),
        reconcile.staging_models(feeds),
        reconcile.normalise_identifiers,
        registries.update_registries,
        reconcile.ledger_models,
        gate.entry_gate(reconcile.ledger_tables()),
        reconcile.person_of_node,
        reconcile.golden_models,
        publish.candidate,
        gate.exit_gate,
        publish.published,
        *destinations,
        sync.state_asset(destinations),
        reconcile.prove_models,
        gate.clocks_gate,
        evidence.compliance_report,
        scrub.scrubbed_campaigns,
    ]
    return dg.Definitions(
        assets=as_shown(assets, config),
        asset_checks=[gate.gate_allows_published, *in_time],
        jobs=[*jobs.all_jobs(in_time), scrub.scrub_job],
        schedules=[jobs.daily_schedule(settings)],
        sensors=[jobs.inbox_sensor(settings), scrub.campaigns, *watch.sensors(config)],
        resources={"quietlist": QuietlistRun(home=str(home.root))},
        executor=jobs.EXECUTOR,
    )


keep_private()  # a run that Dagster's own processes start passes no other entry point of ours
defs = build_defs(Home.at())
