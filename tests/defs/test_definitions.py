"""What Dagster shows: the exact assets, checks and jobs, and that no job can push without the gate."""

from __future__ import annotations

import dagster as dg
import pytest

from orchestration.core.home import Home
from orchestration.definitions import build_defs
from orchestration.readers.feeds import all_feeds, models_of_kind
from orchestration.reconcile import dbt

CONFIG = """
[company]
name = "Acme"
[sources.newsletter]
format = "mailchimp"
[destinations.crm]
system = "sql_table"
channels = ["email"]
[destinations.mail_house]
system = "file_drop"
channels = ["postal"]
"""


@pytest.fixture(scope="module")
def defs(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    home = Home.at(tmp_path_factory.mktemp("defs") / "home").create()
    home.config_file.write_text(CONFIG)
    return build_defs(home)


def keys_of(defs: dg.Definitions) -> set[str]:
    return {key.to_user_string() for key in defs.resolve_asset_graph().materializable_asset_keys}


def test_the_assets_are_exactly_the_stages_and_the_configured_destinations(defs: dg.Definitions) -> None:
    python = {
        "raw/landed_files", "raw/source_settings", "raw/load_log", "raw/quarantine", "raw/sync__row_state",
        "identifiers/phone", "identifiers/email", "identifiers/contact_point", "identity/person_of_node",
        "registries/files", "registries/file_areas", "registries/known_entries", "published/registries",
        "golden/candidate", "published/golden_suppression", "destinations/crm", "destinations/mail_house", "reports/compliance",
        "scrub/campaigns",
    }  # fmt: skip
    mine = [feed for feed in all_feeds() if feed.vendor in ("quietlist", "mailchimp")]
    raw = {f"raw/{feed.table}" for feed in mine}
    others = {f"stg_{feed.table}" for feed in all_feeds() if feed not in mine}
    models = {
        f"{node['schema']}/{node['name']}"
        for node in dbt.manifest_nodes().values()
        if node["resource_type"] in ("model", "seed") and "__".join(node["name"].split("__")[:2]) not in others
    }
    assert keys_of(defs) == python | raw | models
    assert {"staging/stg_mailchimp__cleaned", "staging/stg_quietlist__found", "policy/rules"} <= models


def test_nothing_depends_on_what_is_not_shown(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    named = {key.to_user_string() for key in graph.get_all_asset_keys() - graph.materializable_asset_keys}
    unused = {f"{schema}{feed.table}" for feed in all_feeds() for schema in ("raw/", "staging/stg_")}
    assert named & unused == set(), "formats that the home has nothing to do with stand in its lineage"


def test_every_model_belongs_to_exactly_one_step() -> None:
    for node in dbt.manifest_nodes().values():
        if node["resource_type"] == "model":
            steps = set(node["tags"]) & {"staging", "ledger", "golden", "prove"}
            assert len(steps) == 1, f"{node['name']} has the steps {sorted(steps)}: give its folder one tag in dbt_project.yml"


def test_every_staging_model_of_requests_is_in_the_union() -> None:
    union = next(n for n in dbt.manifest_nodes().values() if n["name"] == "int_requests__unioned")
    assert {name.split(".")[-1] for name in union["depends_on"]["nodes"]} >= set(models_of_kind("requests"))


@pytest.mark.parametrize("job", ["quietlist", "reconcile", "sync", "report", "scrub"])
def test_every_job_resolves(defs: dg.Definitions, job: str) -> None:
    assert defs.resolve_job_def(job).graph.nodes


@pytest.mark.parametrize("job", ["quietlist", "sync"])
def test_every_job_that_pushes_contains_the_check_of_the_table_it_pushes(defs: dg.Definitions, job: str) -> None:
    job_def = defs.resolve_job_def(job)
    checks = {key.name for key in job_def.asset_layer.asset_graph.asset_check_keys}
    assert {"gate_allows_published"} <= checks
    assert ({"gate_entry", "gate_exit"} <= checks) == (job == "quietlist")


def test_every_asset_says_what_it_is_and_whose(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    for key in graph.materializable_asset_keys:
        node = graph.get(key)
        assert node.description, f"{key.to_user_string()} has no description"
        assert node.owners, f"{key.to_user_string()} has no owner"
        assert node.group_name != "default", f"{key.to_user_string()} has no group"


def test_a_campaign_is_scrubbed_by_its_own_job_and_no_other(defs: dg.Definitions) -> None:
    for job in ("quietlist", "reconcile", "sync", "report", "scrub"):
        keys = {key.to_user_string() for key in defs.resolve_job_def(job).asset_layer.executable_asset_keys}
        assert ("scrub/campaigns" in keys) == (job == "scrub") and (job != "scrub" or len(keys) == 1), job


def test_schedule_and_sensor_start_the_whole_job(defs: dg.Definitions) -> None:
    assert [schedule.job_name for schedule in defs.schedules or []] == ["quietlist"]
    assert [sensor.job_name for sensor in defs.sensors or []] == ["quietlist", "scrub"]
