"""Assets of reconciling: the dbt models in four steps, with identifiers and persons between them.

Each step is one ``@dbt_assets`` over the models of one tag, so that a gate can stand between two of them.
"""

from collections.abc import Callable, Iterator, Mapping
from graphlib import TopologicalSorter
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, dbt_assets

from orchestration.core.config import OWN_FORMAT
from orchestration.core.warehouse import warehouse
from orchestration.defs.flow import CARRIED_OVER, LAID_OUT, group, group_of_node
from orchestration.defs.keys import (
    ENTRY,
    GOLDEN,
    LEDGER_SCHEMA,
    MADE_BY,
    UNKNOWN_VALUES,
    golden_columns,
    last_lineage,
    lineage_metadata,
)
from orchestration.defs.run import POOL, QuietlistRun, redact_errors
from orchestration.quarantine.records import export_open
from orchestration.quarantine.unknown_values import unknown_values
from orchestration.readers.feeds import Feed, all_feeds
from orchestration.readers.in_use import unused_models
from orchestration.reconcile import dbt, stages
from orchestration.reconcile.columns import column_lineage
from orchestration.reconcile.policy import PolicyRefused

PHONES = dg.AssetKey(["identifiers", "phone"])
EMAILS = dg.AssetKey(["identifiers", "email"])
CONTACT_POINTS = dg.AssetKey(["identifiers", "contact_point"])
PERSONS = dg.AssetKey(["identity", "person_of_node"])
BEHIND_THE_ENTRY_GATE = "golden"
"""The tag of the models of the step that the entry gate opens."""

_EVENT = dg.Output[Any] | dg.AssetMaterialization | dg.AssetCheckResult


class Translator(DagsterDbtTranslator):
    """A model's key is its address: schema, then name. Sources meet the Python assets of the same address."""

    def __init__(self) -> None:
        super().__init__(settings=DagsterDbtTranslatorSettings(enable_source_tests_as_checks=True))

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: Any) -> dg.AssetSpec:
        spec = super().get_asset_spec(manifest, unique_id, project)
        node = manifest["nodes"].get(unique_id)
        if node is None:
            return spec  # a source: an asset of another module
        deps = [dep for dep in spec.deps if tuple(dep.asset_key.path) not in CARRIED_OVER | LAID_OUT]
        if BEHIND_THE_ENTRY_GATE in node["tags"]:
            # What it reads of the ledger it reads through the gate.
            kept = [dep for dep in deps if dep.asset_key.path[0] != LEDGER_SCHEMA]
            deps = [*kept, dg.AssetDep(ENTRY)] if len(kept) < len(deps) else deps
        return spec.replace_attributes(
            deps=deps,
            group_name=group_of_node(node, manifest),
            metadata={**spec.metadata, MADE_BY: node["original_file_path"]},
        )

    def get_tags(self, dbt_resource_props: Mapping[str, Any]) -> Mapping[str, str]:
        return {}  # dbt's tag is the step that builds it; what Dagster shows is the stage (defs/shown.py)

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        return dg.AssetKey([dbt_resource_props["schema"], dbt_resource_props["name"]])


# After the ledger, for a gate may stand behind it, and after the golden table, which knows whom each request reaches.
_TELLS_WHAT_WAITS = ("ledger_models", "golden_models")
_TRANSLATOR = Translator()
# What comes after staging knows no vendor, so it is read without any.
_MANIFEST = dbt.manifest_without(unused_models(tuple(feed for feed in all_feeds() if feed.vendor == OWN_FORMAT)))


def _step(name: str, select: str, build: Callable[..., stages.Built], manifest: Mapping[str, Any]) -> dg.AssetsDefinition:
    """The models of one step, run in this process."""

    @dbt_assets(manifest=manifest, select=select, name=name, dagster_dbt_translator=_TRANSLATOR, pool=POOL)
    @redact_errors
    def models(context: dg.AssetExecutionContext, quietlist: QuietlistRun) -> Iterator[Any]:
        home, config, as_of = quietlist.folder, quietlist.config, quietlist.moment(context)
        try:
            built = build(home, config, as_of)
        except (dbt.DbtFailed, PolicyRefused) as failure:
            # What was built before the failure stays visible; the failure itself stops the run. A refused policy left nothing.
            refused = isinstance(failure, PolicyRefused)
            results = [node for node in failure.results if not (refused and node.unique_id.startswith("seed."))]
            yield from _events(context, quietlist, results, failed=True)
            raise
        if name in _TELLS_WHAT_WAITS and not built.unchanged:
            with warehouse(home, read_only=True, limits=config.limits) as con:
                export_open(con, home)
        yield from _events(context, quietlist, built.nodes)

    return models


def _events(
    context: dg.AssetExecutionContext, quietlist: QuietlistRun, nodes: list[dbt.NodeResult], *, failed: bool = False
) -> Iterator[Any]:
    """dbt's results as Dagster's: one output per model, one check result per test, counts and nothing else.

    A model that dbt was not asked to build stands as it did: nothing that it is made of has changed.
    """
    manifest = dbt.manifest_nodes()
    counts = _row_counts(quietlist)
    specs = {spec.metadata["dagster_dbt/unique_id"]: spec for spec in context.assets_def.specs}
    by_id = {node.unique_id: node for node in nodes}
    # Dagster asks for the order of the dependencies. A step always runs whole (it takes seconds, and its models belong
    # together); only what was asked for is reported.
    order = TopologicalSorter({key: set(manifest[key]["depends_on"].get("nodes", ())) & specs.keys() for key in specs})
    for unique_id in order.static_order():
        spec, node = specs[unique_id], by_id.get(unique_id)
        stands = node.ok if node else not failed
        if not stands or spec.key not in context.selected_asset_keys:
            continue
        metadata: dict[str, Any] = {"seconds": node.seconds} if node else {"unchanged": True}
        rows = counts.get(tuple(spec.key.path))
        if rows is not None:
            metadata["dagster/row_count"] = rows
        if spec.key == GOLDEN:
            metadata |= _golden_columns(context, quietlist, node)
        if spec.key == UNKNOWN_VALUES:
            metadata["attention"] = _unknown_values(quietlist)
        yield dg.Output(None, output_name=spec.key.to_python_identifier(), metadata=metadata)
    # Only what ran is said: a check that did not run keeps what Dagster holds of its last time.
    for key in context.selected_asset_check_keys:
        node = by_id.get(_test_id(manifest, key))
        if node is not None and node.status in ("pass", "fail", "warn", "error"):
            yield dg.AssetCheckResult(
                asset_key=key.asset_key,
                check_name=key.name,
                passed=node.status == "pass",
                severity=dg.AssetCheckSeverity.WARN if node.status == "warn" else dg.AssetCheckSeverity.ERROR,
                metadata={"failing_rows": node.failures or 0},
            )


def _test_id(manifest: Mapping[str, Any], key: dg.AssetCheckKey) -> str:
    return next((unique_id for unique_id, node in manifest.items() if node["name"] == key.name), "")


def _golden_columns(context: dg.AssetExecutionContext, quietlist: QuietlistRun, node: dbt.NodeResult | None) -> Mapping[str, Any]:
    """From which columns each column of the golden table is made."""
    if node is not None and (sql := getattr(node.node, "compiled_code", None)):
        with warehouse(quietlist.folder, read_only=True) as con:
            found = column_lineage(con, sql, golden_columns())
        return lineage_metadata(
            {
                name: [(dg.AssetKey([schema, table]), column) for schema, table, column in made_of]
                for name, made_of in found.items()
            }
        )
    return last_lineage(context)


def _unknown_values(quietlist: QuietlistRun) -> list[str]:
    with warehouse(quietlist.folder, read_only=True) as con:
        return unknown_values(con)


def _row_counts(quietlist: QuietlistRun) -> dict[tuple[str, ...], int]:
    """Rows of every table, from DuckDB's own statistics: no table is scanned for it."""
    with warehouse(quietlist.folder, read_only=True) as con:
        rows = con.execute("select schema_name, table_name, estimated_size from duckdb_tables()").fetchall()
    return {(schema, table): int(size) for schema, table, size in rows}


def staging_models(feeds: tuple[Feed, ...]) -> dg.AssetsDefinition:
    """The policy and the staging models of these feeds; what the home has nothing to do with is not shown."""
    manifest = dbt.manifest_without(unused_models(feeds))
    return _step("staging_models", "tag:staging resource_type:seed", stages.stage, manifest)


ledger_models = _step("ledger_models", "tag:ledger", stages.ledger, _MANIFEST)
golden_models = _step("golden_models", "tag:golden", stages.golden, _MANIFEST)
prove_models = _step("prove_models", "tag:prove", stages.prove, _MANIFEST)


def ledger_tables() -> list[dg.AssetKey]:
    """What the entry gate judges: every table of the ledger."""
    return sorted(key for key in ledger_models.keys if key.path[0] == LEDGER_SCHEMA)


@dg.multi_asset(
    name="normalise_identifiers",
    specs=[
        dg.AssetSpec(
            key,
            deps=[dg.AssetKey(["staging", name]) for name in ("int_phones__seen", "int_emails__seen", "int_postal__seen")],
            group_name=group("normalise"),
            kinds={"duckdb", "python"},
            description=text,
        )
        for key, text in (
            (PHONES, "Each distinct phone number ever delivered, as E.164 or refused with a reason."),
            (EMAILS, "Each distinct e-mail address ever delivered, normalised or refused with a reason."),
            (CONTACT_POINTS, "Every normalised identifier with its keyed hash."),
        )
    ],
    pool=POOL,
)
@redact_errors
def normalise_identifiers(quietlist: QuietlistRun) -> Iterator[dg.MaterializeResult[None]]:
    """Normalise what was never seen before."""
    counts = stages.normalise(quietlist.folder, quietlist.config)
    yield dg.MaterializeResult(asset_key=PHONES, metadata={"new": counts.phones, "refused": counts.phones_rejected})
    yield dg.MaterializeResult(asset_key=EMAILS, metadata={"new": counts.emails, "refused": counts.emails_rejected})
    yield dg.MaterializeResult(asset_key=CONTACT_POINTS, metadata={"new": counts.contact_points})


@dg.asset(
    key=PERSONS,
    deps=[dg.AssetKey(["identity", "links"])],
    group_name=group("identity"),
    kinds={"duckdb", "python"},
    description="Which records are the same person: connected components of the links.",
    pool=POOL,
)
@redact_errors
def person_of_node(quietlist: QuietlistRun) -> dg.MaterializeResult[None]:
    """Find the persons."""
    linked = stages.identify(quietlist.folder, quietlist.config)
    return dg.MaterializeResult(metadata={"linked_records": linked.linked_records, "persons": linked.persons})
