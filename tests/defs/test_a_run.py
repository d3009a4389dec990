"""What one real run of the command leaves in Dagster's records, and whom it alerts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from orchestration.core.home import Home
from orchestration.definitions import build_defs
from orchestration.defs.reconcile import GOLDEN
from orchestration.run import prepare_instance
from tests.journeys.home import AS_OF, CONFIG, make, quietlist
from tests.vendors.server import Reply, Request, Server


class Chat(Server):
    def answer(self, request: Request) -> Reply:
        return Reply(200, b"ok")


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Home, dg.DagsterInstance, list[Request]]]:
    with Chat() as chat, pytest.MonkeyPatch.context() as patch:
        patch.setenv("ALERT_URL", f"{chat.url}/hook")
        root = make(tmp_path_factory.mktemp("run") / "home")
        (root / "quietlist.toml").write_text(CONFIG + '\n[alerts.webhook]\nurl_env = "ALERT_URL"\n')
        for _ in range(2):
            result = quietlist(root, "run", "--as-of", AS_OF)
            assert result.returncode == 0, result.stdout + result.stderr
        home = Home.at(root)
        patch.setenv("DAGSTER_HOME", str(prepare_instance(home)))
        with dg.DagsterInstance.get() as instance:
            yield home, instance, chat.requests


def test_a_run_is_tagged_with_its_clock_its_version_and_its_verdict(ran: tuple[Home, dg.DagsterInstance, list[Request]]) -> None:
    for run in ran[1].get_runs():
        assert run.tags["quietlist/as_of"] == "2026-04-01T00:00:00+00:00"
        assert run.tags["quietlist/version"] == "1" and run.tags["quietlist/verdict"] == "alert"


def test_the_command_alerts_once_to_what_it_printed(ran: tuple[Home, dg.DagsterInstance, list[Request]]) -> None:
    (request,) = ran[2]
    said = [item["said"] for item in request.json["findings"]]
    assert request.json["level"] == "alert" and any("could not be used" in sentence for sentence in said), said
    assert "@" not in request.body.decode() and "555" not in request.body.decode(), "an alert names nobody"


def test_gates_and_destinations_have_their_verdicts(ran: tuple[Home, dg.DagsterInstance, list[Request]]) -> None:
    for key, name, passed in (
        ("gates/entry", "gate_entry", False),  # one record is in quarantine: an alert
        ("gates/exit", "gate_exit", True),
        ("gates/clocks", "gate_clocks", True),
        ("published/golden_suppression", "gate_allows_published", True),
        ("destinations/crm_table", "nothing_missing", True),
        ("destinations/crm_table", "nothing_held", True),
        ("destinations/mail_house", "nothing_missing", True),
    ):
        check = dg.AssetCheckKey(dg.AssetKey.from_user_string(key), name)
        (record,) = ran[1].event_log_storage.get_asset_check_execution_history(check, limit=1)
        assert record.evaluation.passed == passed, f"{key} {name}: {record.evaluation.metadata}"


def test_the_golden_table_tells_of_its_columns_and_what_they_are_made_of(
    ran: tuple[Home, dg.DagsterInstance, list[Request]],
) -> None:
    home, instance, _ = ran
    for key, expected in (
        (
            GOLDEN,
            {
                "identifier_hash": [("staging/stg_identifiers__contact_point", "identifier_hash")],
                "rule_id": [("deadlines/request_deadlines", "rule_id")],
                "except_scopes": [("golden/int_released_scopes", "except_scopes")],
                "basis": [("golden/int_standing", "basis"), ("golden/int_standing", "is_standing")],
                "golden_version": [],
            },
        ),
        (dg.AssetKey(["published", "golden_suppression"]), {"identifier": [("golden/golden_suppression", "identifier")]}),
    ):
        event = instance.get_latest_materialization_event(key)
        assert event is not None and event.asset_materialization is not None
        lineage = event.asset_materialization.metadata["dagster/column_lineage"].value.deps_by_column
        found = {name: [(dep.asset_key.to_user_string(), dep.column_name) for dep in lineage[name]] for name in expected}
        assert found == expected, key.to_user_string()
        columns = {
            column.name for column in build_defs(home).resolve_asset_graph().get(key).metadata["dagster/column_schema"].columns
        }
        assert columns == lineage.keys() and len(columns) == 19, "each column is shown, the second run's too, which built nothing"


def test_no_table_that_is_not_marked_holds_an_address_a_number_or_a_name(
    ran: tuple[Home, dg.DagsterInstance, list[Request]],
) -> None:
    home = ran[0]
    graph = build_defs(home).resolve_asset_graph()
    words = ("ann@", "bob@", "carol@", "ann doe", "bob roe", "025550123", "555-0123", "125550147", "79460018", "main st")
    holds: dict[str, bool] = {}
    with duckdb.connect(str(home.warehouse_file), read_only=True) as con:
        there = {f"{s}.{t}" for s, t in con.execute("select table_schema, table_name from information_schema.tables").fetchall()}
        for key in graph.materializable_asset_keys:
            if (table := ".".join(key.path)) in there:
                rows = con.execute(f"select lower(to_json(t)::varchar) from {table} as t").fetchall()
                holds[key.to_user_string()] = any(word in row[0] for row in rows for word in words)
    marked = {key.to_user_string() for key in graph.materializable_asset_keys if "pii" in graph.get(key).tags}
    assert not (open_ones := sorted(name for name, found in holds.items() if found and name not in marked)), (
        f"mark them: take them out of _NO_PERSON in defs/shown.py: {open_ones}"
    )
    assert holds["ledger/requests"] and holds["golden/golden_suppression"] and not holds["policy/rules"], "the words do occur"
    assert {"raw/load_log", "ledger/conservation", "deadlines/business_days"} <= holds.keys() - marked


def test_every_name_that_is_said_to_hold_nobody_is_an_asset(ran: tuple[Home, dg.DagsterInstance, list[Request]]) -> None:
    from orchestration.defs.shown import _NO_PERSON

    keys = {key.to_user_string() for key in build_defs(ran[0]).resolve_asset_graph().materializable_asset_keys}
    assert not _NO_PERSON - keys


def test_a_run_that_cannot_be_started_alerts_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Chat() as chat:
        monkeypatch.setenv("ALERT_URL", f"{chat.url}/hook")
        root = make(tmp_path / "home")
        (root / "quietlist.toml").write_text(
            CONFIG.replace('system = "sql_table"', 'system = "sql_table"\nurl_env = "NO_SUCH_DATABASE"')
            + '\n[alerts.webhook]\nurl_env = "ALERT_URL"\n'
        )
        result = quietlist(root, "run", "--as-of", AS_OF)
        assert result.returncode == 2 and "NO_SUCH_DATABASE" in result.stderr
        (finding,) = chat.requests[0].json["findings"]
        assert finding["level"] == "failed" and "NO_SUCH_DATABASE is not set" in finding["said"]
        assert json.loads((root / "warehouse" / "alerts.json").read_text())["webhook"]
