"""The staging models without dbt: a model's SQL rendered by Jinja alone and run in DuckDB, in milliseconds instead of a minute.

For whoever writes a vendor and wants an answer at once. It is no second dbt: test_unit_tests.py runs the same unit tests through
dbt itself, and whatever the two disagree about is wrong here.
"""

from __future__ import annotations

import csv
import functools
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest import mock

import duckdb
import jinja2
import yaml
from jinja2.runtime import Macro

from orchestration.core.home import CHECKOUT
from orchestration.readers.feeds import STAGING, all_feeds
from orchestration.readers.tables import create_raw_tables

_PROJECT = CHECKOUT / "dbt_project"
_REFERENCE = re.compile(r"^(?:source\('(\w+)', '(\w+)'\)|ref\('(\w+)'\))$")
# What a staging model may join beside its files and seeds, with the columns that models/texts/readings.sql yields.
_JOINED = {"readings": ("place", "text", "meaning", "certainty", "doubt", "phrase")}


class CompilerError(Exception):
    """What dbt would raise for ``exceptions.raise_compiler_error``."""


class _Returned(Exception):
    """How dbt, too, ends a macro early."""

    def __init__(self, value: Any) -> None:
        self.value = value


def _return(value: Any) -> None:
    raise _Returned(value)


@contextmanager
def _macros_return() -> Iterator[None]:
    plain = Macro._invoke

    def invoke(self: Macro, *arguments: Any) -> Any:
        try:
            return plain(self, *arguments)
        except _Returned as returned:
            return returned.value

    with mock.patch.object(Macro, "_invoke", invoke):
        yield


class _Exceptions:
    @staticmethod
    def raise_compiler_error(message: str) -> None:
        raise CompilerError(message)


class _Types:
    @staticmethod
    def type_string() -> str:
        return "varchar"


class _Adapter:
    module: Any = None

    def dispatch(self, name: str, *_: str) -> Any:
        return getattr(self.module, f"duckdb__{name}")


_variables: dict[str, Any] = {}


@functools.cache
def _environment() -> tuple[jinja2.Environment, dict[str, Any]]:
    adapter = _Adapter()
    names = {
        "adapter": adapter,
        "return": _return,
        "exceptions": _Exceptions(),
        "dbt": _Types(),
        "var": lambda name, default=None: _variables.get(name, default),
        "ref": lambda name: f'"{name}"',
        "source": lambda schema, table: f'"{schema}"."{table}"',
        "config": lambda **_: "",
        "execute": False,
        "is_incremental": lambda: False,
    }
    environment = jinja2.Environment(autoescape=False, extensions=["jinja2.ext.do"])
    text = "".join(path.read_text("utf-8") for path in sorted((_PROJECT / "macros").glob("*.sql")))
    # Tests and materialisations are blocks of dbt's own.
    text = re.sub(r"\{%-? (test|materialization) .*?\{%-? end\1 -?%\}", "", text, flags=re.DOTALL)
    with _macros_return():
        adapter.module = environment.from_string(text, globals=names).module
    return environment, {**names, **{name: value for name, value in vars(adapter.module).items() if not name.startswith("_")}}


def render(text: str, variables: dict[str, Any] | None = None) -> str:
    """The SQL of a model's text.

    Raises:
        CompilerError: the model's own macros refuse it.
    """
    environment, names = _environment()
    snapshots = sorted(feed.table for feed in all_feeds() if feed.snapshot)
    _variables.clear()
    _variables.update({"as_of": "2026-04-01T00:00:00+00:00", "scopes": [], "default_region": "", "snapshot_feeds": snapshots})
    _variables.update(variables or {})
    with _macros_return():
        return environment.from_string(text, globals=names).render()


def unit_tests(folder: Path) -> list[dict[str, Any]]:
    """The unit tests in a staging folder's description."""
    return [
        test
        for path in sorted(folder.glob("_*.yml"))
        for test in (yaml.safe_load(path.read_text("utf-8")) or {}).get("unit_tests", [])
    ]


def failure(folder: Path, test: dict[str, Any]) -> str:
    """What is wrong with the model, or with the test; empty where it holds."""
    if missing := [key for key in ("model", "given", "expect") if key not in test]:
        return f"the unit test has no {', '.join(missing)}"
    try:
        lacking, unexpected = _difference(folder, test)
    except CompilerError as error:
        return str(error)
    except duckdb.Error as error:
        feeds = [feed for feed in all_feeds() if feed.vendor == folder.name]
        return "\n".join(
            [str(error), *(f"{feed.table} has the columns {', '.join(c.name for c in feed.columns)}" for feed in feeds)]
        )
    return "\n".join(
        [*(f"expected, and not found: {row}" for row in lacking), *(f"found, and not expected: {row}" for row in unexpected)]
    )


def _difference(folder: Path, test: dict[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows that the test expects and the model does not yield, and the other way round."""
    con = duckdb.connect()
    con.execute("set timezone = 'UTC'; set threads = 1")
    create_raw_tables(con, tuple(feed for feed in all_feeds() if feed.vendor == folder.name))
    con.execute(f'create table "stg_quietlist__files" as {_files()}')
    for given in test["given"]:
        _give(con, given)
    sql = render((folder / f"{test['model']}.sql").read_text("utf-8"), (test.get("overrides") or {}).get("vars"))
    con.execute(f"create table found as {sql}")
    types = {name: kind for name, kind, *_ in con.execute("describe found").fetchall()}
    rows = test["expect"]["rows"]
    columns = list(rows[0])
    selected = ", ".join(f'"{name}"' for name in columns)
    con.execute(f"create table wanted as select {selected} from found limit 0")
    for row in rows:
        casts = ", ".join(f"cast(? as {types[name]})" for name in columns)
        con.execute(f"insert into wanted select {casts}", [row.get(name) for name in columns])
    lacking = con.execute(f"select * from wanted except all select {selected} from found order by all").fetchall()
    unexpected = con.execute(f"select {selected} from found except all select * from wanted order by all").fetchall()
    return [_written(columns, row) for row in lacking], [_written(columns, row) for row in unexpected]


def _written(columns: list[str], row: tuple[Any, ...]) -> dict[str, Any]:
    """A row as the unit test writes it."""
    return {name: str(value) if isinstance(value, datetime) else value for name, value in zip(columns, row, strict=True)}


@functools.cache
def _files() -> str:
    text = (STAGING / "quietlist" / "stg_quietlist__files.sql").read_text("utf-8")
    return render(text.replace("source('bookkeeping'", "source('raw'"))


def _give(con: duckdb.DuckDBPyConnection, given: dict[str, Any]) -> None:
    found = _REFERENCE.match(given["input"])
    assert found, f"{given['input']} is neither a source nor a model"
    table = f'"{found[1]}"."{found[2]}"' if found[1] else f'"{found[3]}"'
    seed = next((_PROJECT / "seeds").rglob(f"{found[3]}.csv"), None)
    if seed:
        con.execute(f"create table {table} as from read_csv('{seed}', header = true)")
    elif found[3] in _JOINED:
        con.execute(f"create table {table} ({', '.join(f'{name} varchar' for name in _JOINED[found[3]])})")
    if "rows" not in given:
        return
    con.execute(f"delete from {table}")
    rows = given["rows"] if isinstance(given["rows"], list) else list(csv.DictReader(given["rows"].splitlines()))
    for row in rows:
        names = ", ".join(f'"{name}"' for name in row)
        con.execute(f"insert into {table} ({names}) values ({', '.join('?' * len(row))})", list(row.values()))
