"""The groups that Dagster draws, in the order of the stages (``day.ORDER``), and which of them a dbt model or seed stands in.

A group reads only from itself and from groups before it, so that the lineage page reads from left to right. What a run reads of
the run before it (``CARRIED_OVER``, opt-outs that a destination sent home) is no edge: it would close a circle. Which asset
is made by which step stands in the modules beside this one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestration.day import ORDER

CARRIED_OVER = frozenset(
    {("raw", "ledger_files"), ("raw", "golden_files"), ("raw", "golden_listings"), ("identity", "person_before_cuts")}
)
"""Tables in which a run leaves to the next what it has ingested."""

LAID_OUT = frozenset({("raw", "canaries")})
"""Tables that a step makes of the configuration for its own models."""

# A folder of models is a group, but for these.
_GROUP_OF_FOLDER = {"texts": "words", "exposure": "prove"}
# A view of what another step made stands with that step: by the dbt source that it reads.
_GROUP_OF_SOURCE = {"identifiers": "normalise", "identity": "identity", "registries": "registries"}
_GROUP_OF_MODEL = {"int_new_requests": "deadlines"}  # the golden table's, but the deadlines ask for it first


def group(stage: str, vendor: str = "") -> str:
    """The group's name: short, for Dagster cuts off what is longer, and its place first, for Dagster sorts groups by name."""
    return f"{ORDER.index(stage) + 1:02d}_{vendor or stage}"


def stage_of(group_name: str) -> str:
    """The stage of a group: ``stage`` of ``04_twilio``."""
    return ORDER[int(group_name[:2]) - 1]


def group_of_node(node: Mapping[str, Any], manifest: Mapping[str, Any]) -> str:
    """The group of a dbt model or seed.

    A seed stands with the first that reads it, or is loaded like a file where vendors read it: as a group of its own the policy
    would be tied to every other.
    """
    if node["resource_type"] != "seed":
        return _group_of_model(node)
    readers = (manifest["nodes"].get(name) for name in manifest["child_map"].get(node["unique_id"], ()))
    groups = [_group_of_model(reader) for reader in readers if reader and reader["resource_type"] == "model"]
    first = min(groups, default=group("load"))
    return group("load") if stage_of(first) == "stage" else first


def _group_of_model(node: Mapping[str, Any]) -> str:
    name, folder = node["name"], node["fqn"][1]
    if name in _GROUP_OF_MODEL:
        return group(_GROUP_OF_MODEL[name])
    if name.endswith("__texts"):
        return group("words")
    sources = {parent.split(".")[2] for parent in node["depends_on"]["nodes"] if parent.startswith("source.")}
    if name.startswith("stg_") and (made := sources & _GROUP_OF_SOURCE.keys()):
        return group(_GROUP_OF_SOURCE[min(made)])
    if folder != "staging":
        return group(_GROUP_OF_FOLDER.get(folder, folder))
    if "bookkeeping" in sources:
        return group("load")  # a view of what collecting and loading noted
    return group("normalise") if name.startswith("int_") else group("stage", node["fqn"][2])
