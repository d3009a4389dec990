"""Loading the policy: the seeds go into a database of their own, their checks run there, and only a policy that passed every one
of them replaces the one in the warehouse. So nothing is ever read with a row that no check has seen, and after a wrong one
the warehouse still has the policy before it.
"""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from orchestration.core.config import Config
from orchestration.core.errors import ConfigError
from orchestration.core.home import Home
from orchestration.core.sql import quoted
from orchestration.core.warehouse import warehouse
from orchestration.reconcile import dbt

_FOLDER = "policy_check"
# Enough to see what went wrong; whoever put a wrong word into every row sees it in these.
_ROWS_NAMED = 5
_CONVERSION = re.compile(r"CSV Error on Line: (\d+).*?(Error when converting[^\n]*)", re.DOTALL)
# What a check of two columns or a rule between columns wants is said by the name of the check; of the others, here.
_NO_ALLOWED_WORDS = {"not_null": "a value in every row", "unique": "each value once", "unique_together": "each combination once"}


class PolicyRefused(ConfigError):
    """A seed of the policy holds what its checks don't allow. Carries every result."""

    def __init__(self, results: list[dbt.NodeResult], problems: list[str]) -> None:
        self.results = results
        super().__init__(
            "Loading the policy",
            problems,
            seen="rows of the policy seeds that their checks do not allow",
            next_step="correct the rows named and run again; nothing was read with them, and the policy of before still stands",
        )


def load_policy(home: Home, config: Config, as_of: datetime) -> list[dbt.NodeResult]:
    """Check the seeds and take them over into the warehouse. Returns what dbt said of each seed and check.

    Raises:
        PolicyRefused: a seed can't be loaded, or a check of one failed; names each row, what it holds and what is allowed.
    """
    folder = home.warehouse_folder / _FOLDER
    shutil.rmtree(folder, ignore_errors=True)  # of a run that was killed
    folder.mkdir(mode=0o700, parents=True)
    checked = folder / home.warehouse_file.name  # the compiled checks name the warehouse by its file's name
    try:
        results = dbt.build_seeds(home, config, as_of, checked)
        if not all(result.ok for result in results):
            with duckdb.connect(str(checked)) as con:
                raise PolicyRefused(results, [problem for result in results for problem in _problems(con, result)])
        seeds = [result.node.name for result in results if result.node.resource_type == "seed"]
        with warehouse(home, limits=config.limits) as con:
            con.execute(f"attach {quoted(checked)} as checked (read_only)")
            con.execute("begin")
            con.execute("create schema if not exists policy")
            for name in seeds:
                con.execute(f'create or replace table policy."{name}" as from checked.policy."{name}"')
            con.execute("commit")
            con.execute("detach checked")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return results


def _problems(con: duckdb.DuckDBPyConnection, result: dbt.NodeResult) -> Iterator[str]:
    """What one result has to say, as sentences: seed, row, value, allowed."""
    if result.ok or result.status == "skipped":
        return
    node = result.node
    if node.resource_type == "seed":
        found = _CONVERSION.search(result.message)
        said = f"line {found[1]}: {found[2]}" if found else " ".join(result.message.split())
        yield f"{node.name}.csv, {said}"
        return
    yield from problems_of(con, node, node.compiled_code, dbt.PROJECT / "seeds" / "policy" / f"{_seed_of(node)}.csv")


def _seed_of(node: Any) -> str:
    return str(node.attached_node.rsplit(".", 1)[-1])


def problems_of(con: duckdb.DuckDBPyConnection, node: Any, sql: str, file: Path) -> Iterator[str]:
    """What one check of a seed finds by this statement, as sentences: file, line, value, allowed. ``file`` holds the rows."""
    metadata = node.test_metadata
    rows = con.execute(f"select * from ({sql}) limit {_ROWS_NAMED + 1}")
    names = [str(column[0]) for column in rows.description or ()]
    failing = [dict(zip(names, values, strict=True)) for values in rows.fetchall()]
    for found_row in failing[:_ROWS_NAMED]:
        # dbt's own checks give the value under a name of theirs.
        is_renamed = node.column_name and node.column_name not in found_row
        row = {node.column_name: next(iter(found_row.values()))} if is_renamed else found_row
        where = ", ".join(_lines(file, row)) or "a row"
        yield f"{file.name}, {where}: {_value(row, node.column_name)}; allowed: {_allowed(metadata, node.name)}"
    if len(failing) > _ROWS_NAMED:
        yield f"{file.name}: and more rows like these ({node.name})"


def _lines(file: Path, failing: dict[str, object]) -> list[str]:
    """The lines of the seed's file that hold these values."""
    found = []
    with file.open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream)
        wanted = {name: _text(value) for name, value in failing.items() if name in (reader.fieldnames or ())}
        for row in reader:
            if wanted and all((row[name] or "").casefold() == value.casefold() for name, value in wanted.items()):
                found.append(f"line {reader.line_num}")
    return found[:_ROWS_NAMED]


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _value(row: dict[str, object], column: str | None) -> str:
    if column:
        return f"{column} is {'empty' if row[column] is None else repr(_text(row[column]))}"
    return ", ".join(f"{name} {_text(value)!r}" for name, value in list(row.items())[:_ROWS_NAMED] if name != "found")


def _allowed(metadata: object, name: str) -> str:
    kind, arguments = metadata.name, metadata.kwargs  # type: ignore[attr-defined]
    if kind == "accepted_values":
        return ", ".join(map(str, arguments["values"]))
    if kind in ("relationships", "words_of"):
        other = re.search(r"ref\('(\w+)'\)", str(arguments["to"]))
        also = "".join(f", or {word}" for word in arguments.get("also", []))
        return f"what {other[1] if other else arguments['to']}.csv has as {arguments['field']}{also}"
    return _NO_ALLOWED_WORDS.get(kind, name.replace("_", " "))
