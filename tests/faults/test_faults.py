"""The short form of the lost-opt-out suite, and that it would notice: a loss, a wrong release, an unexplained stop."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from orchestration.cli import main
from orchestration.faults import holdings
from orchestration.faults.catalogue import FAULTS, Case, Fault
from orchestration.faults.pipeline import ABSORBED, ALERTED
from orchestration.faults.suite import Result, Seen, chosen, run_faults
from orchestration.faults.world import World, make


def loses_a_file(case: Case) -> None:
    """The requests of the day never arrive and nothing says so: what the suite is there to see."""
    del case.files["asks/asks_1.csv"]


def test_no_fault_of_the_short_form_loses_an_opt_out(ready: tuple[World, Path, int]) -> None:
    result = run_faults(chosen((), short=True), *ready)
    assert result.faults
    for seen in result.faults:
        assert seen.is_as_expected, f"seed {ready[2]}: {seen}"


def test_a_loss_would_be_seen(ready: tuple[World, Path, int]) -> None:
    result = run_faults([Fault("loss", "a file is lost in silence", ABSORBED, "", loses_a_file)], *ready)
    (loss,) = result.faults
    assert loss.lost > 0 and not loss.is_as_expected and not result.good, f"seed {ready[2]}: {loss}"


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_no_fault_loses_an_opt_out(ready: tuple[World, Path, int]) -> None:
    for seen in run_faults(FAULTS, *ready).faults:
        assert seen.is_as_expected, f"seed {ready[2]}: {seen}"


GOOD = Seen("a fault", "happens", ALERTED, ALERTED, "it says so", 0, 0, 0, 0)


@pytest.mark.parametrize(
    "bad",
    [{"lost": 1}, {"wrong_releases": 1}, {"unexplained_stops": 1}, {"too_many": 1}, {"seen": ABSORBED}],
    ids=lambda bad: next(iter(bad)),
)
def test_any_difference_fails_the_suite(bad: dict[str, object]) -> None:
    assert GOOD.is_as_expected
    assert not Result(1, (GOOD, replace(GOOD, **bad))).good, bad


def test_every_fault_has_its_own_name_and_says_what_it_expects() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
    for fault in FAULTS:
        assert bool(fault.says) == (fault.expected != ABSORBED), f"{fault.name}: words for what is not absorbed, and only then"


def test_an_unknown_fault_is_named_with_those_that_there_are() -> None:
    result = CliRunner().invoke(main, ["faults", "--fault", "rain"])
    assert result.exit_code == 2 and "rain" in result.output and "truncated file" in result.output, result.output


def test_no_world_brings_a_kind_of_request_on_the_second_day_that_its_source_had_none_of() -> None:
    """That is news in every run, so each fault of such a seed would end with one alert more than is expected of it."""
    for seed in range(1, 60):
        first, second = make(seed).rows
        news = {(row.source, row.asked.action) for row in second} - {(row.source, row.asked.action) for row in first}
        assert news == set(), f"seed {seed}"


def test_a_release_counts_once_its_control_file_names_it(tmp_path: Path) -> None:
    """A push that died before its control file dropped nothing; the next one drops the same rows under another number."""
    drops = tmp_path / "outbox" / "drop" / "drop"
    drops.mkdir(parents=True)
    row = "channel,identifier,scope,evidence_id\nemail,ann@example.com,*,e1\n"
    for number in (3, 4):
        (drops / f"drop_v000002_0000000{number}_releases.csv").write_text(row)
    control = {"files": [{"kind": "releases", "name": "drop_v000002_00000004_releases.csv"}]}
    for number, expected in ((4, (0, 1, 0)), (3, (0, 1, 1))):
        text = json.dumps(control).replace("00000004", f"0000000{number}")
        (drops / f"drop_v000002_0000000{number}.ctl.json").write_text(text)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(holdings, "_latest_drop", lambda folder: frozenset())
            assert holdings.look(tmp_path).releases == expected, f"control file {number}"
