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
from orchestration.defs import evidence, gate, jobs, landing, publish, reconcile, registries, run, scrub, sync  # noqa: E402
from orchestration.defs.freshness import with_freshness  # noqa: E402
from orchestration.defs.run import QuietlistRun  # noqa: E402
from orchestration.readers.in_use import feeds_in_use  # noqa: E402


def build_defs(home: Home) -> dg.Definitions:
    """The definitions for one home; its configuration decides which formats and destinations are assets."""
    config = run.configured(home)
    feeds = feeds_in_use(home, config)
    settings = config.dagster if config else DagsterSettings()
    destinations = sync.destination_assets(home)
    assets = [
        landing.collect_files,
        landing.load_asset(feeds),
        reconcile.staging_models(feeds),
        reconcile.normalise_identifiers,
        registries.update_registries,
        reconcile.ledger_models,
        reconcile.person_of_node,
        reconcile.golden_models,
        publish.candidate,
        publish.published,
        *destinations,
        sync.state_asset(destinations),
        reconcile.prove_models,
        evidence.compliance_report,
        scrub.scrubbed_campaigns,
    ]
    return dg.Definitions(
        assets=with_freshness(assets),
        asset_checks=[gate.gate_entry, gate.gate_exit, gate.gate_clocks, gate.gate_allows_published],
        jobs=[jobs.whole_job, jobs.reconcile_job, jobs.sync_job, jobs.report_job, scrub.scrub_job],
        schedules=[jobs.daily_schedule(settings)],
        sensors=[jobs.inbox_sensor(settings), scrub.campaigns],
        resources={"quietlist": QuietlistRun(home=str(home.root))},
        executor=jobs.EXECUTOR,
    )


keep_private()  # a run that Dagster's own processes start goes through no other door of ours
defs = build_defs(Home.at())
