"""What Dagster shows of an asset beside what it is and does: owners, tags, where its code stands, how old it may become."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Sequence
from typing import Any

import dagster as dg

from orchestration.core.config import Company, Config
from orchestration.defs.flow import stage_of
from orchestration.defs.freshness import freshness_of
from orchestration.defs.keys import MADE_BY
from orchestration.readers.feeds import all_feeds
from orchestration.reconcile import dbt

# What holds no word, address, number or name of a person. Everything else is marked: in doubt it does.
_NO_PERSONS = frozenset({"policy", "gates", "reports"})
_NO_PERSON = frozenset(
    {
        "deadlines/binding_rules", "deadlines/business_days", "deadlines/int_rules_by_region",
        "exposure/summary", "ledger/conservation", "raw/load_log", "registries/area_versions", "registries/file_areas",
        "registries/files", "registries/int_registry_areas", "registries/int_registry_lifting_methods", "registries/versions",
        "staging/stg_quietlist__golden_files", "staging/stg_quietlist__ledger_files", "staging/stg_quietlist__load_log",
        "staging/stg_quietlist__trusted_methods", "staging/stg_registries__file_areas", "staging/stg_registries__files",
        "texts/int_phrases",
    }
)  # fmt: skip
PII = "pii"


def as_shown(assets: Sequence[dg.AssetsDefinition], config: Config | None) -> list[dg.AssetsDefinition]:
    """The assets as a person looks at them; ``config`` is None while it can't be read."""
    company = config.company.owners if config else Company.model_fields["owners"].default
    own = _owners(config) if config else {}

    def shown(asset: dg.AssetsDefinition) -> dg.AssetsDefinition:
        place = _place_of_function(asset)

        def dressed(spec: dg.AssetSpec) -> dg.AssetSpec:
            return spec.replace_attributes(
                owners=list(own.get(_about(spec), company)),
                tags={**spec.tags, **_tags(spec)},
                metadata={**spec.metadata, **_code(spec, place)},
                freshness_policy=freshness_of(spec),
            )

        return asset.map_asset_specs(dressed)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # code references; one warning for each asset
        return [shown(asset) for asset in assets]


def _owners(config: Config) -> dict[str, tuple[str, ...]]:
    """Whose a destination, a pulled source, or the tables of a vendor, are where the configuration says it."""
    vendors: dict[str, set[str]] = {}
    for feed in all_feeds():
        for source in config.sources.values():
            if source.format == feed.format:
                vendors.setdefault(feed.vendor, set()).update(source.owners)
    of_vendors = {f"vendor {name}": tuple(sorted(owners)) for name, owners in vendors.items() if owners}
    destinations = {f"destination {name}": entry.owners for name, entry in config.destinations.items() if entry.owners}
    sources = {f"source {name}": entry.owners for name, entry in config.sources.items() if entry.owners}
    return {**of_vendors, **sources, **destinations}


def _about(spec: dg.AssetSpec) -> str:
    """The destination, source or vendor that an asset is about, empty for what is everybody's."""
    schema, name = spec.key.path
    if schema == "destinations":
        return f"destination {name}"
    if schema == "pulled":
        return f"source {name}"
    if schema == "raw" or (spec.group_name and stage_of(spec.group_name) == "stage"):
        return f"vendor {name.removeprefix('stg_').partition('__')[0]}"
    return ""


def _tags(spec: dg.AssetSpec) -> dict[str, str]:
    assert spec.group_name is not None, f"{spec.key.to_user_string()} has no group"
    stands_for_nobody = spec.key.path[0] in _NO_PERSONS or spec.key.to_user_string() in _NO_PERSON
    return {"stage": stage_of(spec.group_name)} | ({} if stands_for_nobody else {PII: ""})


def _place_of_function(asset: dg.AssetsDefinition) -> dg.LocalFileCodeReference:
    function: Any = asset.op.compute_fn
    code = inspect.unwrap(function.decorated_fn).__code__  # below the decorator that keeps rows out of errors
    return dg.LocalFileCodeReference(file_path=code.co_filename, line_number=code.co_firstlineno, label="the step")


def _code(spec: dg.AssetSpec, step: dg.LocalFileCodeReference) -> dict[str, Any]:
    """Where to read what makes it: the model's SQL or the seed's rows, if it is one, then the step that runs it."""
    file = spec.metadata.get(MADE_BY)
    references = [dg.LocalFileCodeReference(file_path=str(dbt.PROJECT / str(file)), label="the model")] if file else []
    return {"dagster/code_references": dg.CodeReferencesMetadataValue(code_references=[*references, step])}
