"""Assets of collecting and loading: the inbox becomes landing, landing becomes raw tables."""

from collections.abc import Iterator, Sequence

import dagster as dg

from orchestration.connectors.pulling import unread
from orchestration.core.warehouse import warehouse
from orchestration.defs.flow import group
from orchestration.defs.run import POOL, QuietlistRun, redact_errors
from orchestration.landing.collecting import Unread, collect
from orchestration.publish.versions import require_inputs
from orchestration.readers import load
from orchestration.readers.feeds import Feed
from orchestration.readers.in_use import feeds_in_use
from orchestration.readers.register import register
from orchestration.reconcile.stages import prepare

LANDED = dg.AssetKey(["raw", "landed_files"])
LOAD_LOG = dg.AssetKey(["raw", "load_log"])
QUARANTINE = dg.AssetKey(["raw", "quarantine"])
SETTINGS = dg.AssetKey(["raw", "source_settings"])


def raw_key(feed: Feed) -> dg.AssetKey:
    """The asset of a feed's raw table."""
    return dg.AssetKey(["raw", feed.table])


def collect_asset(pulled: Sequence[dg.AssetKey]) -> dg.AssetsDefinition:
    """Collecting, after these pulls."""

    @dg.multi_asset(
        name="collect",
        specs=[
            dg.AssetSpec(
                LANDED,
                deps=pulled,
                group_name=group("collect"),
                kinds={"file", "duckdb"},
                description="Every file that arrived, unchanged and addressed by its content, with the manifest's account of it.",
            ),
            dg.AssetSpec(
                SETTINGS,
                group_name=group("collect"),
                kinds={"duckdb"},
                description="Scope, time zone and region of each source, also of sources that left the configuration.",
            ),
        ],
        pool=POOL,
    )
    @redact_errors
    def collect_files(context: dg.AssetExecutionContext, quietlist: QuietlistRun) -> Iterator[dg.MaterializeResult[None]]:
        """Take what is in the inbox."""
        home, config, as_of = quietlist.folder, quietlist.config, quietlist.moment(context)
        require_inputs(home)
        collected = collect(home, config, as_of)
        # What a pull did not fetch, or not yet, is as unread as a file that may not be opened: both hold releases at the entry
        # gate.
        unanswered = [Unread(source, "not_pulled") for source, _ in unread(home, config)]
        with warehouse(home, limits=config.limits) as con:
            prepare(con, home, feeds_in_use(home, config, con))
            register(con, home, config, unread=[*collected.unread, *unanswered])
        for sentence in collected.sentences():
            context.log.info(sentence)
        yield dg.MaterializeResult(
            asset_key=LANDED, metadata={**collected.counts(), "held": collected.held(), "left": collected.left()}
        )
        yield dg.MaterializeResult(asset_key=SETTINGS, metadata={"configured": len(config.sources)})

    return collect_files


def _feed_spec(feed: Feed) -> dg.AssetSpec:
    return dg.AssetSpec(
        raw_key(feed),
        deps=[LANDED],
        group_name=group("load"),
        kinds={"duckdb", feed.reader if feed.reader != "auto" else "csv"},
        description=f"{feed.vendor} {feed.feed}: all text, with file and record number, as it was delivered.",
    )


def load_asset(feeds: tuple[Feed, ...]) -> dg.AssetsDefinition:
    """Loading, with one asset for each of these feeds. What is shown decides nothing: a file of another feed is loaded too."""

    @dg.multi_asset(
        name="load",
        specs=[
            *(_feed_spec(feed) for feed in feeds),
            _account_spec(LOAD_LOG, "What the reader made of each file: records, encoding, what was refused."),
            _account_spec(QUARANTINE, "Records that no reader could read, with the reason."),
        ],
        pool=POOL,
    )
    @redact_errors
    def load_files(context: dg.AssetExecutionContext, quietlist: QuietlistRun) -> Iterator[dg.MaterializeResult[None]]:
        """Read every landed file that is not in its raw table yet."""
        home, config, as_of = quietlist.folder, quietlist.config, quietlist.moment(context)
        with warehouse(home, limits=config.limits) as con:
            loaded = load(con, home, config, as_of)
        for feed in feeds:
            mine = [file for file in loaded if (file.vendor, file.feed) == (feed.vendor, feed.feed)]
            yield dg.MaterializeResult(
                asset_key=raw_key(feed),
                metadata={
                    "files": len(mine),
                    "dagster/row_count": sum(file.loaded for file in mine),
                    "quarantined": sum(file.quarantined for file in mine),
                },
            )
        yield dg.MaterializeResult(asset_key=LOAD_LOG, metadata={"files": len(loaded)})
        yield dg.MaterializeResult(asset_key=QUARANTINE, metadata={"dagster/row_count": sum(file.quarantined for file in loaded)})

    return load_files


def _account_spec(key: dg.AssetKey, description: str) -> dg.AssetSpec:
    return dg.AssetSpec(key, deps=[LANDED], group_name=group("load"), kinds={"duckdb"}, description=description)
