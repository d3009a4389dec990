"""A source that is pulled is an asset before the inbox is collected, in each job that collects; a wrong setting hides none."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from orchestration.core.home import Home
from orchestration.definitions import build_defs
from orchestration.defs.pull import pull_assets
from orchestration.defs.run import QuietlistRun

CONFIG = """
[company]
name = "Acme"
[sources.esp]
format = "sendgrid"
pull = { api_key_env = "ESP_KEY" }
[sources.wrong]
format = "postmark"
pull = { api_key_env = "ESP_KEY", strem = "broadcast" }
[sources.files]
format = "requests"
"""


@pytest.fixture(scope="module")
def defs(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    home = Home.at(tmp_path_factory.mktemp("pulled") / "home").create()
    home.config_file.write_text(CONFIG)
    return build_defs(home)


def test_each_source_that_is_pulled_comes_before_what_landed(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    pulled = {dg.AssetKey(["pulled", "esp"]), dg.AssetKey(["pulled", "wrong"])}
    assert graph.get(dg.AssetKey(["raw", "landed_files"])).parent_keys == pulled
    for key in pulled:
        node = graph.get(key)
        assert (node.group_name, bool(node.owners), node.tags["pii"]) == ("01_collect", True, ""), key
        assert {check.name for check in node.check_keys} == {"answered"}, key
    assert "unsubscribes" in (graph.get(dg.AssetKey(["pulled", "esp"])).description or "")


@pytest.mark.parametrize(("job", "pulls"), [("quietlist", True), ("reconcile", True), ("sync", False), ("report", False)])
def test_what_collects_pulls_and_nothing_else_does(defs: dg.Definitions, job: str, pulls: bool) -> None:
    keys = {key.path[0] for key in defs.resolve_job_def(job).asset_layer.executable_asset_keys}
    assert ("pulled" in keys) == pulls


def test_a_home_without_pulls_has_no_such_asset(tmp_path: Path) -> None:
    home = Home.at(tmp_path / "home").create()
    home.config_file.write_text('[company]\nname = "Acme"\n')
    graph = build_defs(home).resolve_asset_graph()
    assert not [key for key in graph.get_all_asset_keys() if key.path[0] == "pulled"]


@pytest.mark.parametrize(("case", "said"), [("no key", "ESP_KEY is not set"), ("no room for notes", "pulls")])
def test_a_pull_that_failed_is_told_and_holds_also_where_nothing_can_be_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str, said: str
) -> None:
    monkeypatch.delenv("ESP_KEY", raising=False)
    home = Home.at(tmp_path / "home").create()
    home.config_file.write_text(CONFIG)
    if case == "no room for notes":
        home.pulls.write_text("")  # a file where the folder of the notes should be
    assets = [asset for asset in pull_assets(home) if asset.key == dg.AssetKey(["pulled", "esp"])]
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(assets, instance=instance, resources={"quietlist": QuietlistRun(home=str(home.root))})
    assert result.success, "a pull that fails stops no run"
    (check,) = result.get_asset_check_evaluations()
    unmet = check.metadata["unmet"].value
    assert not check.passed and isinstance(unmet, list) and said in str(unmet[0]), unmet
    assert all(str(sentence).startswith("hold: ") for sentence in unmet)
