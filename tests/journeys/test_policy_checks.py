"""The checks of the policy run when the policy changed, on the rows that are read afterwards, and are told of only then.

That a wrong row stops the run is always tried; the days after it, each with a policy of its own to be parsed, in the long form.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from orchestration.core.home import CHECKOUT, Home
from orchestration.defs.run import parse_moment
from orchestration.reconcile import dbt
from orchestration.run import prepare_instance, run_job
from tests.journeys.home import AS_OF, make


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home, and a copy of the models and seeds that a test may spoil."""
    project = tmp_path / "dbt_project"
    shutil.copytree(CHECKOUT / "dbt_project", project, ignore=shutil.ignore_patterns("target"))
    monkeypatch.setattr(dbt, "PROJECT", project)
    home = Home.at(make(tmp_path / "home", empty=True))
    monkeypatch.setenv("QUIETLIST_HOME", str(home.root))
    monkeypatch.setenv("DAGSTER_HOME", str(prepare_instance(home)))
    return home


def told() -> dict[str, bool]:
    """What the newest run said of each check, by its name."""
    with dg.DagsterInstance.get() as instance:
        run = instance.get_runs(limit=1)[0]
        events = [
            entry.dagster_event for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
        ]
    found = [event.asset_check_evaluation_data for event in events if event is not None]
    return {evaluation.check_name: evaluation.passed for evaluation in found}


def policy_rows(home: Home) -> dict[str, list[tuple[object, ...]]]:
    with duckdb.connect(str(home.warehouse_file), read_only=True) as con:
        names = [
            name for (name,) in con.execute("select table_name from duckdb_tables() where schema_name = 'policy'").fetchall()
        ]
        return {name: con.execute(f'select * from policy."{name}"').fetchall() for name in names}


def spoil(seed: str, old: str, new: str) -> None:
    path = dbt.PROJECT / "seeds" / "policy" / f"{seed}.csv"
    text = path.read_text()
    assert old in text, f"{seed}.csv no longer has {old}"
    path.write_text(text.replace(old, new, 1))


def test_a_check_of_the_policy_is_passed_only_when_it_ran_and_a_wrong_row_stops_the_run(home: Home, in_long_form: bool) -> None:
    policy_checks = {
        node["name"]
        for node in dbt.manifest_nodes().values()
        if node["resource_type"] == "test" and (node.get("attached_node") or "").startswith("seed.")
    }
    assert len(policy_checks) > 80
    # A wrong word, an unknown one in a list, a key twice, and a cell that must not be empty: before the first run.
    spoil("lifting_methods", "preference_center,email,opt_out,", "preference_center,email,opt_outt,")
    spoil("rules", ",email,platform_rule,one_click;esp_unsubscribe,", ",email,platform_rule,one_klick;esp_unsubscribe,")
    spoil("methods", "one_click,true,", "web_form,true,")
    spoil("channels", "voice,phone", ",phone")
    outcome = run_job(home, "quietlist", parse_moment(AS_OF))
    said = "\n".join(outcome.lines())
    assert outcome.exit_code != 0 and "published" not in outcome.facts, said
    for sentence in (
        "lifting_methods.csv, line 2: action is 'opt_outt'; allowed: opt_out, complaint, undeliverable",
        "rules.csv, line 3: methods is 'one_klick;esp_unsubscribe'; allowed: what methods.csv has as method",
        "methods.csv, line 2, line 3: method is 'web_form'; allowed: each value once",
        "channels.csv, line 3: channel is empty; allowed: a value in every row",
    ):
        assert sentence in said, f"{sentence}\n{said}"
    spoilt = told()
    assert policy_rows(home) == {}, "nothing was read with it"
    assert spoilt["unique_methods_method"] is False and spoilt["not_null_methods_method"] is True
    if in_long_form:
        put_right(home, policy_checks)


def put_right(home: Home, policy_checks: set[str]) -> None:
    # Put right, every check ran on these rows.
    for name in ("lifting_methods", "rules", "methods", "channels"):
        shutil.copy(CHECKOUT / "dbt_project" / "seeds" / "policy" / f"{name}.csv", dbt.PROJECT / "seeds" / "policy")
    assert run_job(home, "quietlist", parse_moment(AS_OF)).facts.get("published")
    first = told()
    assert policy_checks <= {name for name, passed in first.items() if passed}
    stood = policy_rows(home)
    # Nothing changed: no check of them ran, so nothing is said of them.
    (home.inbox / "asks" / "more.csv").write_text(
        "requested_at,action,channels,email\n2026-03-20,opt_out,email,new@example.com\n"
    )
    assert run_job(home, "quietlist", parse_moment(AS_OF)).facts.get("published")
    second = told()
    assert not policy_checks & set(second), "a check is told of though it did not run"
    assert {name for name in second if "stg_quietlist__files" in name}, "checks of views run on what they show now"
    run_job(home, "quietlist", parse_moment(AS_OF))
    assert not {name for name in told() if "request_rules" in name or "listings" in name}, "nor of a table that was not built"
    # A later wrong value leaves the policy of before where it is.
    spoil("rules", ",48,hour,", ",soon,hour,")
    outcome = run_job(home, "quietlist", parse_moment(AS_OF))
    said = "\n".join(outcome.lines())
    assert outcome.exit_code != 0 and "rules.csv, line 3" in said and '"soon"' in said, said
    assert policy_rows(home) == stood
    assert not (home.warehouse_folder / "policy_check").exists()
