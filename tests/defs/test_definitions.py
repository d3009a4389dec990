"""What Dagster shows: the exact assets, checks and jobs, and that no job can push without the gate."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from orchestration.core.config import load_config
from orchestration.core.home import Home
from orchestration.day import ORDER, reconciling, steps
from orchestration.definitions import build_defs
from orchestration.defs.flow import group, stage_of
from orchestration.defs.reconcile import golden_models
from orchestration.defs.sync import destination_key
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


AS_OF = datetime(2026, 4, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home.at(tmp_path_factory.mktemp("defs") / "home").create()
    home.config_file.write_text(CONFIG)
    return home


@pytest.fixture(scope="module")
def defs(home: Home) -> dg.Definitions:
    return build_defs(home)


def keys_of(defs: dg.Definitions) -> set[str]:
    return {key.to_user_string() for key in defs.resolve_asset_graph().materializable_asset_keys}


def test_the_assets_are_exactly_the_stages_and_the_configured_destinations(defs: dg.Definitions) -> None:
    python = {
        "raw/landed_files", "raw/source_settings", "raw/load_log", "raw/quarantine", "raw/sync__row_state",
        "identifiers/phone", "identifiers/email", "identifiers/contact_point", "identity/person_of_node",
        "registries/files", "registries/file_areas", "registries/known_entries", "published/registries",
        "golden/candidate", "gates/entry", "gates/exit", "gates/clocks",
        "published/golden_suppression", "destinations/crm", "destinations/mail_house", "reports/compliance",
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


def test_the_groups_stand_in_the_order_of_the_flow_and_no_edge_goes_back(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    assert not (external := graph.get_all_asset_keys() - graph.materializable_asset_keys), (
        f"{sorted(key.to_user_string() for key in external)} are made by no asset, so they stand in the group 'default'"
    )
    place = {key: ORDER.index(stage_of(graph.get(key).group_name or "")) for key in graph.materializable_asset_keys}
    back = [
        f"{graph.get(parent).group_name} {parent.to_user_string()} -> {graph.get(key).group_name} {key.to_user_string()}"
        for key in place
        for parent in graph.get(key).parent_keys
        # Vendors stand side by side: between two of them an edge is as wrong as one that goes back.
        if graph.get(parent).group_name != graph.get(key).group_name and place[parent] >= place[key]
    ]
    assert not back, f"give the later one a later group in defs/flow.py, or see whether it is an edge of this run: {back}"
    assert {ORDER[number] for number in place.values()} == set(ORDER), "a stage without an asset"


# What each step of day.py makes, in the order of a day. The evidence is exported when a run ends, however it ends: no asset.
MADE_BY_STEP = {
    "collect": "raw/landed_files",
    "load": "raw/load_log",
    "stage": "staging/stg_mailchimp__unsubscribed",
    "normalise": "identifiers/phone",
    "registries": "published/registries",
    "ledger": "ledger/requests",
    "identify": "identity/person_of_node",
    "entry gate": "gates/entry",
    "golden": "golden/golden_suppression",
    "candidate": "golden/candidate",
    "exit gate": "gates/exit",
    "publish": "published/golden_suppression",
    "push crm": "destinations/crm",
    "push mail_house": "destinations/mail_house",
    "row state": "raw/sync__row_state",
    "prove": "deadlines/clocks",
    "report": "reports/compliance",
}


def test_the_steps_that_run_without_dagster_come_in_the_order_that_dagster_finds(home: Home, defs: dg.Definitions) -> None:
    graph, found = defs.resolve_asset_graph(), steps(home, load_config(home), AS_OF)
    assert [step.name for step in found] == [*MADE_BY_STEP, "evidence"]
    made = [dg.AssetKey.from_user_string(MADE_BY_STEP[step.name]) for step in found if step.name != "evidence"]
    for number, key in enumerate(made):
        behind = dg.AssetSelection.assets(key).upstream(include_self=False).resolve(graph)
        assert not (wrong := behind & set(made[number:])), f"{key.to_user_string()} is made before what it reads: {wrong}"
        if number:
            assert behind & set(made[:number]), f"{key.to_user_string()} reads nothing of the steps before it"
        stage = stage_of(graph.get(key).group_name or "")
        assert stage == found[number].stage, f"the step '{found[number].name}' belongs to another stage in Dagster"


def test_reconciling_is_the_part_of_a_day_between_the_raw_tables_and_the_golden_one(home: Home) -> None:
    part = [step.name for step in reconciling(home, load_config(home), AS_OF)]
    assert part == ["stage", "normalise", "registries", "ledger", "identify", "golden"]
    whole = [step.name for step in steps(home, load_config(home), AS_OF)]
    assert part == [name for name in whole if name in part]


@pytest.mark.parametrize(
    ("key", "check", "behind", "before"),
    [
        ("gates/entry", "gate_entry", "ledger/requests", "golden/applied_requests"),
        ("gates/exit", "gate_exit", "golden/candidate", "published/golden_suppression"),
        ("gates/clocks", "gate_clocks", "deadlines/clocks", None),
        ("published/golden_suppression", "gate_allows_published", "gates/exit", "destinations/crm"),
    ],
)
def test_every_gate_is_a_node_with_its_check(defs: dg.Definitions, key: str, check: str, behind: str, before: str | None) -> None:
    graph = defs.resolve_asset_graph()
    node = graph.get(dg.AssetKey.from_user_string(key))
    assert [item.name for item in node.check_keys] == [check]
    assert graph.get(dg.AssetCheckKey(node.key, check)).blocking == (check != "gate_clocks")
    assert dg.AssetKey.from_user_string(behind) in node.parent_keys
    assert before is None or node.key in graph.get(dg.AssetKey.from_user_string(before)).parent_keys


def test_each_destination_has_its_checks_and_a_run_that_pushes_does_not_ask_how_old_the_push_is(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    for name in ("crm", "mail_house"):
        checks = {item.name for item in graph.get(destination_key(name)).check_keys}
        assert checks == {"nothing_missing", "nothing_held", "pushed_in_time"}, name
        for job, expected in (
            ("quietlist", checks - {"pushed_in_time"}),
            ("sync", checks - {"pushed_in_time"}),
            ("report", {"pushed_in_time"}),
            ("reconcile", set()),
        ):
            mine = defs.resolve_job_def(job).asset_layer.asset_graph.asset_check_keys
            assert {item.name for item in mine if item.asset_key == destination_key(name)} == expected, f"{job}, {name}"


def test_nothing_of_the_golden_step_reads_the_ledger_but_through_the_gate(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    golden = {key for key in graph.materializable_asset_keys if key in golden_models.keys}
    around = {(key.to_user_string(), parent.to_user_string()) for key in golden for parent in graph.get(key).parent_keys}
    assert len(golden) > 20 and not [pair for pair in around if pair[1].startswith("ledger/")]


def test_each_vendor_in_use_has_a_group_of_its_own_and_no_other_vendor(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    groups = {graph.get(key).group_name for key in graph.materializable_asset_keys}
    assert {name for name in groups if name and stage_of(name) == "stage"} == {
        group("stage", "mailchimp"),
        group("stage", "quietlist"),
    }


def test_what_dagster_shows_says_whose_it_is_where_its_code_stands_and_whether_it_is_about_people(tmp_path: Path) -> None:
    home = Home.at(tmp_path / "home").create()
    home.config_file.write_text(
        CONFIG.replace('name = "Acme"', 'name = "Acme"\nowners = ["team:privacy"]')
        .replace('format = "mailchimp"', 'format = "mailchimp"\nowners = ["team:marketing", "list-owner@example.com"]')
        .replace('system = "file_drop"', 'system = "file_drop"\nowners = ["team:print"]')
    )
    graph = build_defs(home).resolve_asset_graph()
    marketing = ["team:marketing", "list-owner@example.com"]
    for key, owners, stage, private, code in (
        ("raw/mailchimp__cleaned", marketing, "load", True, ["landing.py"]),
        ("staging/stg_mailchimp__cleaned", marketing, "stage", True, ["stg_mailchimp__cleaned.sql", "reconcile.py"]),
        ("raw/load_log", ["team:privacy"], "load", False, ["landing.py"]),
        ("policy/rules", ["team:privacy"], "deadlines", False, ["rules.csv", "reconcile.py"]),
        ("golden/golden_suppression", ["team:privacy"], "golden", True, ["golden_suppression.sql", "reconcile.py"]),
        ("destinations/mail_house", ["team:print"], "sync", True, ["sync.py"]),
        ("destinations/crm", ["team:privacy"], "sync", True, ["sync.py"]),
    ):
        node = graph.get(dg.AssetKey.from_user_string(key))
        assert sorted(node.owners) == sorted(owners), key
        assert node.tags["stage"] == stage and ("pii" in node.tags) == private, f"{key}: {node.tags}"
        references = node.metadata["dagster/code_references"].code_references
        assert [Path(item.file_path).name for item in references] == code, key
        assert all(Path(item.file_path).is_file() for item in references), key


def test_a_campaign_is_scrubbed_by_its_own_job_and_no_other(defs: dg.Definitions) -> None:
    for job in ("quietlist", "reconcile", "sync", "report", "scrub"):
        keys = {key.to_user_string() for key in defs.resolve_job_def(job).asset_layer.executable_asset_keys}
        assert ("scrub/campaigns" in keys) == (job == "scrub") and (job != "scrub" or len(keys) == 1), job


def test_schedule_and_sensor_start_the_whole_job(defs: dg.Definitions) -> None:
    assert [schedule.job_name for schedule in defs.schedules or []] == ["quietlist"]
    found = {sensor.name: [target.job_name for target in sensor.targets] for sensor in defs.sensors or []}
    starts = {"inbox": ["quietlist"], "campaigns": ["scrub"], "push_again": ["sync"]}
    assert found == {**starts, "alert_failed": [], "alert_ended": []}
