"""Scrubbing as an asset: campaign files dropped into ``scrub/inbox/`` become folders in ``scrub/out/``."""

import dagster as dg

from orchestration.core.config import load_config
from orchestration.core.home import Home
from orchestration.defs.flow import group
from orchestration.defs.publish import PUBLISHED
from orchestration.defs.run import QuietlistRun, redact_errors
from orchestration.scrub.inbox import scrub_inbox, waiting

SCRUBBED = dg.AssetKey(["scrub", "campaigns"])


@dg.asset(
    key=SCRUBBED,
    deps=[PUBLISHED],
    group_name=group("scrub"),
    kinds={"csv", "parquet"},
    description="Campaign files sorted into allowed, blocked, unscreened and unreadable, each with its certificate.",
)
@redact_errors
def scrubbed_campaigns(context: dg.AssetExecutionContext, quietlist: QuietlistRun) -> dg.MaterializeResult[None]:
    """Scrub what waits. Reads published files only; as a Dagster run it takes its turn like every other, the command does not."""
    done = scrub_inbox(quietlist.folder, quietlist.config, quietlist.moment(context))
    for sentence in done.sentences():
        context.log.info(sentence)
    done.raise_failures()
    return dg.MaterializeResult(metadata=done.counts())


scrub_job = dg.define_asset_job(
    "scrub",
    selection=dg.AssetSelection.assets(SCRUBBED),
    description="Scrub the campaign files that wait in scrub/inbox.",
    executor_def=dg.in_process_executor,
)


@dg.sensor(
    job=scrub_job,
    minimum_interval_seconds=30,
    description="Watches scrub/inbox; starts one run for each batch of campaign files that have come to rest.",
)
@redact_errors
def campaigns(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """One run per batch; a file that could not be scrubbed waits until it is changed."""
    home = Home.at()
    batch = waiting(home, load_config(home).limits.settle_seconds)
    if not batch.files:
        return dg.SkipReason("No campaign file is waiting.")
    if batch.key == context.cursor:
        return dg.SkipReason("The campaign files that wait have a run already.")
    context.update_cursor(batch.key)
    return dg.RunRequest(run_key=batch.key, tags={"quietlist/files": str(len(batch.files))})
