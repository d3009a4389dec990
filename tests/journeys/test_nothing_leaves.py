"""A golden row with a null identifier: whichever way somebody tries to push, nothing leaves (promise 6)."""

from __future__ import annotations

import shutil
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from orchestration.core.home import CHECKOUT, Home
from orchestration.definitions import build_defs
from orchestration.defs.run import parse_moment
from orchestration.reconcile import dbt
from orchestration.run import prepare_instance, run_job
from tests.journeys.home import AS_OF, make

BREAK = "select * replace (case when channel = 'email' then null else identifier end as identifier) from final"


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home whose golden model is broken on purpose: the models are copied and one line of one of them changed."""
    project = tmp_path / "dbt_project"
    shutil.copytree(CHECKOUT / "dbt_project", project, ignore=shutil.ignore_patterns("target"))
    model = project / "models" / "golden" / "golden_suppression.sql"
    text = model.read_text()
    assert text.rstrip().endswith("select * from final")
    model.write_text(text.rstrip().removesuffix("select * from final") + BREAK + "\n")
    for name, value in (("PROJECT", project), ("TARGET", project / "target"), ("MANIFEST", project / "target" / "manifest.json")):
        monkeypatch.setattr(dbt, name, value)
    monkeypatch.setattr(dbt, "_STAMP", project / "target" / "sources.sha256")
    home = Home.at(make(tmp_path / "home"))
    monkeypatch.setenv("QUIETLIST_HOME", str(home.root))
    monkeypatch.setenv("DAGSTER_HOME", str(prepare_instance(home)))
    return home


def nothing_left(home: Home) -> None:
    assert not (home.golden_published / "latest.json").exists(), "nothing was published"
    assert not [path for path in home.outbox.rglob("*") if path.suffix in (".csv", ".db")], "nothing was pushed"


def test_a_null_identifier_leaves_by_no_door(broken: Home) -> None:
    # By the schedule or by hand: the whole job.
    outcome = run_job(broken, "quietlist", parse_moment(AS_OF))
    assert outcome.exit_code == 1 and outcome.gate_level == "stop", outcome.lines()
    assert any("identifier" in sentence.lower() or "whom" in sentence.lower() for sentence in outcome.unmet), outcome.unmet
    with duckdb.connect(str(broken.warehouse_file), read_only=True) as con:
        assert con.execute("select count(*) from golden.golden_suppression where identifier is null").fetchall()[0][0] > 0
    nothing_left(broken)
    # The sync job alone.
    outcome = run_job(broken, "sync", parse_moment(AS_OF))
    assert outcome.exit_code == 1, outcome.lines()
    nothing_left(broken)
    # One sync asset alone, and the publication alone, as the button in the web page does.
    defs = build_defs(broken)
    config = {"resources": {"quietlist": {"config": {"home": str(broken.root), "as_of": AS_OF}}}}
    for key in (["destinations", "crm_table"], ["destinations", "mail_house"], ["published", "golden_suppression"]):
        with dg.DagsterInstance.get() as instance:
            job = defs.get_implicit_global_asset_job_def()
            result = job.execute_in_process(
                run_config=config, instance=instance, raise_on_error=False, asset_selection=[dg.AssetKey(key)]
            )
        assert not result.success, f"{'/'.join(key)} alone must fail"
        nothing_left(broken)
