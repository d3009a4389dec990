"""What a gate's verdict does to a run: stop ends it there, hold and alert let it go on, and each says so."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from orchestration.alerts.telling import findings_of
from orchestration.core.home import Home
from orchestration.defs.execute import outcome_of
from orchestration.defs.gate import CLOCKS_GATE, clocks_gate, entry_gate, exit_gate, gate_allows_published
from orchestration.defs.publish import EXIT, PUBLISHED
from orchestration.defs.reconcile import ENTRY
from orchestration.defs.run import QuietlistRun
from orchestration.publish.verdicts import Result, Verdict

AS_OF = datetime(2026, 4, 1, tzinfo=UTC)
GATES = {
    "entry": (ENTRY, entry_gate([dg.AssetKey(["ledger", "requests"])])),
    "exit": (EXIT, exit_gate),
    "clocks": (CLOCKS_GATE, clocks_gate),
}


@pytest.mark.parametrize("gate", list(GATES))
@pytest.mark.parametrize(
    ("level", "code", "goes_on"), [("pass", 0, True), ("alert", 0, True), ("hold", 1, True), ("stop", 1, False)]
)
def test_what_stands_behind_a_gate_runs_only_where_the_verdict_lets_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gate: str, level: str, code: int, goes_on: bool
) -> None:
    home = Home.at(tmp_path / "home").create()
    home.config_file.write_text('[company]\nname = "Acme"\n')

    def judged(name: str, *_: object) -> Verdict:
        sentence = Result(
            "suite", "Suite", "Every record is accounted for.", level, "", "", "", level == "pass", True, {"observed": 3}
        )
        return Verdict(name, level, "0" * 64, AS_OF, (sentence,))

    monkeypatch.setattr("orchestration.gate.judge", judged)
    key, asset = GATES[gate]

    @dg.asset(name="behind", deps=[key])
    def behind() -> None: ...

    resources = {"quietlist": QuietlistRun(home=str(home.root), as_of=AS_OF.isoformat())}
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([asset, behind], instance=instance, resources=resources, raise_on_error=False)
        run = instance.get_run_by_id(result.run_id)
        assert run is not None and run.tags["quietlist/verdict"] == level
    ran = {event.asset_key.to_user_string() for event in result.get_asset_materialization_events() if event.asset_key}
    blocks = gate != "clocks"  # what is late must still go out
    assert ("behind" in ran) == (goes_on or not blocks)
    outcome = outcome_of("quietlist", AS_OF, result.success, result.all_events)
    assert outcome.exit_code == code and outcome.gate_level == level
    assert outcome.unmet == ([] if level == "pass" else [f"{level}: Every record is accounted for (found: 3)"])


def test_a_published_table_that_does_not_prove_stops_the_run_and_is_told_as_that(tmp_path: Path) -> None:
    home = Home.at(tmp_path / "home").create()
    home.config_file.write_text('[company]\nname = "Acme"\n')

    @dg.asset(key=PUBLISHED)
    def published() -> dg.MaterializeResult[None]:
        return dg.MaterializeResult(metadata={"version": 1, "new_version": False, "dagster/row_count": 1})

    result = dg.materialize(
        [published, gate_allows_published],
        resources={"quietlist": QuietlistRun(home=str(home.root), as_of=AS_OF.isoformat())},
        raise_on_error=False,
    )
    outcome = outcome_of("quietlist", AS_OF, result.success, result.all_events)
    assert outcome.gate_level == "stop" and outcome.exit_code == 1
    stops = [item.said for item in findings_of(outcome) if item.level == "stop"]
    assert len(stops) == 1 and "published" in stops[0], "whoever is to be alerted is not"
    assert any(line.startswith("  ! not met (stop): ") for line in outcome.lines()), outcome.lines()
