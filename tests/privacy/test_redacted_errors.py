"""No exception carries a person out of a step: neither its text nor anything it was raised from."""

from __future__ import annotations

import ast
import traceback
from collections.abc import Iterator

import pytest

from orchestration.core.errors import InputError, PermanentError, redacted_errors
from orchestration.core.home import CHECKOUT
from orchestration.defs.run import redact_errors
from orchestration.reconcile.dbt import _without_values

NAME = "Quenby Canarywitz"


def fails(as_ours: bool) -> None:
    try:
        int(NAME)
    except ValueError as error:
        raise (InputError("Reading a record") if as_ours else KeyError(NAME)) from error


@redact_errors
def calling(as_ours: bool) -> None:
    fails(as_ours)


@redact_errors
def generating(as_ours: bool) -> Iterator[int]:
    yield 1
    fails(as_ours)


@pytest.mark.parametrize("as_ours", [True, False])
@pytest.mark.parametrize("step", [calling, lambda as_ours: list(generating(as_ours))])
def test_a_step_says_where_it_failed_and_not_on_what(step, as_ours: bool) -> None:
    with pytest.raises(InputError if as_ours else PermanentError) as caught:
        step(as_ours)
    told = "".join(traceback.format_exception(caught.value))
    assert NAME not in told and ("Reading a record" if as_ours else "key error in test_redacted_errors.py line") in told
    assert caught.value.__cause__ is None and caught.value.__suppress_context__


def test_what_a_step_gives_comes_through() -> None:
    @redact_errors
    def step(answer: int) -> Iterator[int]:
        yield answer
        yield answer + 1

    assert list(step(1)) == [1, 2] and step.__name__ == "step"
    with redacted_errors("Nothing"):
        pass


def test_every_asset_check_and_sensor_fails_plainly() -> None:
    made = ("asset", "multi_asset", "asset_check", "sensor", "dbt_assets", "op")
    bare, found = [], 0
    for path in sorted((CHECKOUT / "orchestration" / "defs").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                names = [ast.unparse(item).partition("(")[0].rpartition(".")[2] for item in node.decorator_list]
                if set(names) & set(made):
                    found += 1
                    bare += [f"{path.name}: {node.name}"] if names[-1] != "redact_errors" else []
    assert bare == [], "put @redact_errors directly above the function: Dagster stores an exception's text"
    assert found > 12


@pytest.mark.parametrize(
    ("message", "kept"),
    [
        ("Runtime Error in model m (models/m.sql) Conversion Error: Could not convert 'Quenby Canarywitz'", "Conversion"),
        ('Runtime Error in model m (models/m.sql) Constraint Error: Duplicate key "name: Quenby Canarywitz"', "Constraint"),
        ("Runtime Error in model m (models/m.sql) Invalid Input Error: Quenby Canarywitz", "Invalid Input"),
        ("TransactionContext Error: Failed to commit: Constraint Error: Quenby Canarywitz", "TransactionContext"),
        ("Some New Kind Error: Quenby Canarywitz", "Some New Kind"),
    ],
)
def test_of_an_error_in_a_row_dbt_keeps_the_kind(message: str, kept: str) -> None:
    assert NAME not in _without_values(message) and f"{kept} Error: (its text is left out" in _without_values(message)


@pytest.mark.parametrize(
    "message",
    [
        'Runtime Error in model m (models/m.sql) Binder Error: Referenced column "nme" not found in FROM clause!',
        "Runtime Error in model m (models/m.sql) Catalog Error: Table with name ledger.x does not exist!",
        "Got 3 results, configured to fail if != 0",
        "Compilation Error in model m (models/m.sql) Model 'm' depends on a node named 'n' which was not found",
    ],
)
def test_of_an_error_in_a_model_it_keeps_the_text(message: str) -> None:
    assert _without_values(message) == message
