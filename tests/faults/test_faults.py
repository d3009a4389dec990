"""The short form of the lost-opt-out suite, and that it would notice: a loss, a wrong release, an unexplained stop."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from click.testing import CliRunner

from orchestration.cli import main
from orchestration.faults.catalogue import FAULTS, Case, Fault
from orchestration.faults.pipeline import ABSORBED, ALERTED
from orchestration.faults.suite import Result, Seen, chosen, run_suite

SEED = int(os.environ.get("QUIETLIST_SEED", "1"))


def loses_a_file(case: Case) -> None:
    """The requests of the day never arrive and nothing says so: what the suite is there to see."""
    del case.files["asks/asks_1.csv"]


def test_no_fault_of_the_short_form_loses_an_opt_out_and_a_loss_would_be_seen() -> None:
    # One world for all of them: making it is a good part of what this costs.
    result = run_suite((*chosen((), short=True), Fault("loss", "a file is lost in silence", ABSORBED, "", loses_a_file)), SEED)
    *faults, loss = result.faults
    assert len(faults) >= 3
    for seen in faults:
        assert seen.is_as_expected, f"seed {SEED}: {seen}"
    assert loss.lost > 0 and not loss.is_as_expected and not result.good, f"seed {SEED}: {loss}"


@pytest.mark.slow
def test_no_fault_loses_an_opt_out() -> None:
    for seen in run_suite(FAULTS, SEED).faults:
        assert seen.is_as_expected, f"seed {SEED}: {seen}"


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
