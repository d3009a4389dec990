"""A golden row with a null identifier: whichever way somebody tries to push, nothing leaves (promise 6).

The same broken home then breaks in two more ways, in a reader and in a model that stumbles over a row; and of all of it
nothing that was written names the people in it (promise 9).

A long form: three whole jobs, and the models parsed three times. tests/sync/test_sync_gate.py and tests/defs/test_gates.py hold
the gate's promise by parts, tests/privacy the other.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from orchestration.core.home import CHECKOUT, Home
from orchestration.definitions import build_defs
from orchestration.defs.run import parse_moment
from orchestration.readers import loading
from orchestration.reconcile import dbt
from orchestration.run import prepare_instance, run_job
from tests.journeys.home import AS_OF, make
from tests.privacy.canaries import ADDRESS, EMAIL, NAME, PHONE, leaks, traces

BREAK = "select * replace (case when channel = 'email' then null else identifier end as identifier) from final"
STUMBLE = "select * replace (cast(cast(identifier as integer) as varchar) as identifier) from final"
ASKS = f"""\
request_key,requested_at,action,method,channels,scope,email,phone,name,address,postal_code,country
z1,2026-03-01T10:00:00Z,opt_out,web_form,all,*,{EMAIL},{PHONE},{NAME},{ADDRESS},02139,US
"""


def break_model(line: str) -> None:
    """Put another last line in the copied golden model."""
    model = dbt.PROJECT / "models" / "golden" / "golden_suppression.sql"
    text = model.read_text().rstrip()
    model.write_text(text[: text.rindex("\n") + 1] + line + "\n")


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home whose golden model is broken on purpose: the models are copied and one line of one of them changed."""
    project = tmp_path / "dbt_project"
    shutil.copytree(CHECKOUT / "dbt_project", project, ignore=shutil.ignore_patterns("target"))
    monkeypatch.setattr(dbt, "PROJECT", project)
    break_model(BREAK)
    home = Home.at(make(tmp_path / "home"))
    (home.inbox / "asks" / "people.csv").write_text(ASKS)
    monkeypatch.setenv("QUIETLIST_HOME", str(home.root))
    monkeypatch.setenv("DAGSTER_HOME", str(prepare_instance(home)))
    return home


def nothing_left(home: Home) -> None:
    assert not (home.golden_published / "latest.json").exists(), "nothing was published"
    assert not [path for path in home.outbox.rglob("*") if path.suffix in (".csv", ".db")], "nothing was pushed"


@pytest.mark.slow
def test_a_null_identifier_leaves_nowhere(
    broken: Home, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
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
    said = [*outcome.lines(), *broken_reader(broken, monkeypatch), *broken_row(broken)]
    nothing_left(broken)
    out, err = capfd.readouterr()
    assert not traces("\n".join((*said, out, err)).encode()), "nobody is named on the terminal"
    assert leaks([broken.root, dbt.PROJECT], broken.root) == {}


def broken_reader(home: Home, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A reader with a bug, which tells of the record it stumbled over."""

    def breaks(*_: object) -> None:
        try:
            int(ASKS)
        except ValueError as error:
            raise KeyError(ASKS) from error

    (home.inbox / "asks" / "more.csv").write_text(ASKS.replace("z1", "z2"))
    with monkeypatch.context() as patch:
        patch.setattr(loading, "read_delimited", breaks)
        outcome = run_job(home, "reconcile", parse_moment(AS_OF))
    assert outcome.exit_code == 3 and "key error in test_nothing_leaves.py" in "".join(outcome.errors), outcome.lines()
    assert "orchestration.core.errors" not in "".join(outcome.errors), "a class of Python is no sentence"
    return outcome.lines()


def broken_row(home: Home) -> list[str]:
    """A model that fails on what is in a row: DuckDB's words for it quote the value."""
    break_model(STUMBLE)
    outcome = run_job(home, "reconcile", parse_moment(AS_OF))
    assert outcome.exit_code == 3 and "Conversion Error: (its text is left out" in "".join(outcome.errors), outcome.lines()
    return outcome.lines()
