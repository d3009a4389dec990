"""A source that is pulled is an asset before the inbox is collected, in each job that collects; a wrong setting hides none."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from orchestration.core.home import Home
from orchestration.definitions import build_defs

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
