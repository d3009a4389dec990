"""Assets of pulling: one for each part of a source that says how it is pulled, before the inbox is collected."""

from collections.abc import Iterator

import dagster as dg

from orchestration.connectors.contract import parts_of, pulled_sources
from orchestration.connectors.pulling import Pulled, Wanted, pull, unread
from orchestration.core.config import Config
from orchestration.core.errors import ConfigError
from orchestration.core.home import Home
from orchestration.core.pace import Timer
from orchestration.defs.flow import group
from orchestration.defs.run import QuietlistRun, configured, redact_errors


def pulled_key(source: str) -> dg.AssetKey:
    """The asset of a source that is pulled."""
    return dg.AssetKey(["pulled", source])


def pulled_keys(home: Home) -> list[dg.AssetKey]:
    """What the collection of the inbox waits for."""
    config = configured(home)
    return [pulled_key(name) for name in pulled_sources(config)] if config else []


def pull_assets(home: Home) -> list[dg.AssetsDefinition]:
    """One asset for each source that is pulled; none of them stops what comes after when it fails."""
    config = configured(home)
    return [_asset(name, config) for name in pulled_sources(config)] if config else []


def _asset(name: str, config: Config) -> dg.AssetsDefinition:
    @dg.asset(
        key=pulled_key(name),
        group_name=group("collect"),
        kinds={config.sources[name].format},
        description=f"What {_whom(name, config)} holds, fetched unchanged into the inbox.",
        check_specs=[
            dg.AssetCheckSpec("answered", asset=pulled_key(name), description="Was everything that was asked for answered?")
        ],
    )
    @redact_errors
    def pull_source(context: dg.AssetExecutionContext, quietlist: QuietlistRun) -> Iterator[dg.MaterializeResult[None]]:
        """Fetch what the source holds. A failure is told and holds releases; the run goes on."""
        if quietlist.replay:  # it plays the past, and another system is never asked what it held then
            yield dg.MaterializeResult(metadata={"replay": True}, check_results=[_check(name, [])])
            return
        now = quietlist.moment(context)
        outcome = list(pull(quietlist.folder, quietlist.config, now, Wanted((name,), only_due=True)))
        for item in outcome:
            context.log.info(item.sentence())
        failures = [sentence for source, sentence in unread(quietlist.folder, quietlist.config) if source == name]
        if not failures:  # where nothing could be noted of it
            failures = [item.sentence() for item in outcome if item.state == "failed"]
        yield dg.MaterializeResult(
            metadata={
                "records": sum(item.records for item in outcome),
                "files": sum(item.files for item in outcome),
                "states": {item.part: item.state for item in outcome},
                "attention": [sentence for item in outcome for sentence in _attention(item)],
            },
            check_results=[_check(name, failures)],
        )

    return pull_source


def _whom(name: str, config: Config) -> str:
    try:
        parts = ", ".join(part.name for part in parts_of(name, config, Timer()))
    except ConfigError:
        parts = "its settings are wrong"
    return f"the source {name} ({parts})"


def _attention(item: Pulled) -> Iterator[str]:
    if item.attention:
        yield f"{item.source}/{item.part}: {item.attention}"


def _check(name: str, failures: list[str]) -> dg.AssetCheckResult:
    # The entry gate holds releases for a source that failed; this says which, and why.
    return dg.AssetCheckResult(
        check_name="answered",
        asset_key=pulled_key(name),
        passed=not failures,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"level": "hold", "unmet": [f"hold: {sentence}" for sentence in failures]},
    )
