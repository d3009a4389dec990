"""`make bench` runs, writes what it says, and its comparisons fail when answers differ. No figure is judged here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from benchmarks import naive_sql, persons, plain, population, scrub
from benchmarks.measure import Step, Table, growth, missing
from orchestration.core.home import CHECKOUT

SIZE = 200
_REGISTRY = 9  # no tenth of it is measured: a registry costs seconds at any size


@pytest.mark.slow  # CI runs `make bench` itself, which fails as this does
def test_every_benchmark_runs_and_writes_its_tables(tmp_path: Path) -> None:
    """First builds only: the days after cost as much again, and CI runs `make bench` with them."""
    command = [sys.executable, "-m", "benchmarks.run", "--size", str(SIZE), "--increment", "0"]
    command += ["--registry", str(_REGISTRY), "--results", str(tmp_path)]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (file,) = tmp_path.iterdir()
    tables = {table["title"]: table["steps"] for table in json.loads(file.read_text())["tables"]}
    assert all(tables.values()), {title: len(steps) for title, steps in tables.items()}
    assert all(title in done.stdout for title in tables)

    assert any(title.startswith(f"A registry of {_REGISTRY}") for title in tables)
    for kind in ("The whole job", "Persons of a chain", f"Persons of {SIZE}", "Scrubbing"):
        grown = [steps for title, steps in tables.items() if title.startswith(f"Growth exponents of processor time: {kind}")]
        assert len(grown) == 1 and all(step["note"].startswith("exponent ") for step in grown[0]), f"{kind} has no exponents"
    steps = {step["name"]: step for title, steps in tables.items() if not title.startswith("Growth") for step in steps}
    for name, library in (
        ("for comparison: pandas and phonenumbers", "pandas"),
        ("for comparison: one SQL script", "duckdb"),
        ("floor: reading the links", "duckdb"),
        ("networkx", "networkx"),
        ("naive SQL: labels until nothing changes", "duckdb"),
        ("Splink: cluster_pairwise_predictions", "splink"),
        ("floor: hash every byte that is read", "duckdb"),
        ("scrub: four files and the certificate", "duckdb"),
        ("pandas, without reasons or certificate", "pandas"),
        ("Polars, without reasons or certificate", "polars"),
        ("SQLite, without reasons or certificate", "sqlite3"),
    ):
        if why := missing(library):
            assert steps[name]["rows"] == 0 and steps[name]["note"] == f"left out: {why}", name
        else:
            assert steps[name]["rows"] == SIZE and steps[name]["wall"] > 0, name


def test_a_library_that_is_not_there_is_named() -> None:
    assert missing("no_such_library_at_all") == "no_such_library_at_all is not installed (make bench installs it)"
    assert missing("duckdb") == ""


def test_growth_is_of_what_ran_at_both_sizes() -> None:
    small = Table("small", [Step("a", 10, cpu=1.0), Step("b", 10, cpu=1.0), Step("same", 5, cpu=1.0), Step("late", 0)])
    large = Table(
        "large", [Step("a", 100, cpu=10.0), Step("b", 100, cpu=100.0), Step("same", 5, cpu=2.0), Step("late", 9, cpu=1.0)]
    )
    assert [(step.name, step.note) for step in growth(small, large).steps] == [("a", "exponent 1.00"), ("b", "exponent 2.00")]


@pytest.mark.parametrize(("requests", "seed"), [(40, 1), (1_500, 2), (1_500, 3)])
def test_both_naive_scripts_give_the_same_rows(tmp_path: Path, requests: int, seed: int) -> None:
    asks, crm, contacts = tmp_path / "asks.csv", tmp_path / "crm.csv", requests // 2
    population.write_requests(asks, 0, requests, requests=requests, contacts=contacts, seed=seed)
    population.write_contacts(crm, 0, contacts, contacts=contacts, seed=seed)
    rows = plain.suppressed(asks, crm)
    assert rows and naive_sql.suppressed(asks, crm) == rows


@pytest.mark.parametrize(
    ("found", "why"),
    [
        ({"a": 1, "b": 1, "c": 1, "d": 1}, "two persons became one"),
        ({"a": 1, "b": 2, "c": 3, "d": 3}, "one person became two"),
        ({"a": 1, "b": 2, "c": 1, "d": 2}, "as many persons, other members"),
        ({"a": 1, "b": 1, "c": 2}, "a record was lost"),
        ({"a": 1, "b": 1, "c": 2, "d": 2, "e": 2}, "a record came from nowhere"),
    ],
)
def test_another_partition_is_an_error(tmp_path: Path, found: dict[str, int], why: str) -> None:
    _labels(tmp_path / "expected", {"a": 7, "b": 7, "c": 8, "d": 8})
    _labels(tmp_path / "same", {"a": 2, "b": 2, "c": 1, "d": 1})
    _labels(tmp_path / "found", found)
    assert persons._same_partition("same", tmp_path / "same", tmp_path / "expected") == "2 persons"
    with pytest.raises(AssertionError, match="wrong way"):
        persons._same_partition(f"wrong way: {why}", tmp_path / "found", tmp_path / "expected")


def test_answers_of_the_same_size_but_other_customers_differ(tmp_path: Path) -> None:
    answers = []
    for name, allowed, blocked in (("one", "ab", "c"), ("same", "ba", "c"), ("other", "ac", "b")):
        (tmp_path / name).mkdir()
        for kind, customers in (("allowed", allowed), ("blocked", blocked)):
            (tmp_path / name / f"{kind}.csv").write_text("\n".join(["customer,campaign", *(f"{who},x" for who in customers), ""]))
        answers.append(scrub._answer(tmp_path / name))
    one, same, other = answers
    assert one == same != other


def _labels(file: Path, persons_of: dict[str, int]) -> None:
    with duckdb.connect() as con:
        con.execute(
            f"copy (select unnest($nodes) as node, unnest($persons) as person) to '{file}' (format parquet)",
            {"nodes": list(persons_of), "persons": list(persons_of.values())},
        )
