"""The macros of the dbt project as plain functions, so that a test can ask one of them about many values at once.

Only Jinja is imitated here (``adapter.dispatch``, ``return``, ``var``); the SQL is the macros' own.
"""

from __future__ import annotations

from typing import Any

import duckdb
import jinja2

from orchestration.core.home import CHECKOUT

FILES = ("ids", "lists", "policy", "scopes", "texts", "times", "vendors")


class _Adapter:
    module: Any = None

    def dispatch(self, name: str, *_: str) -> Any:
        return getattr(self.module, f"duckdb__{name}")


def load(variables: dict[str, Any] | None = None) -> Any:
    """The macros of ``FILES``; each returns its SQL."""
    known = {"as_of": "2026-04-01T00:00:00+00:00", "scopes": [], "default_region": "", **(variables or {})}
    adapter = _Adapter()
    folder = CHECKOUT / "dbt_project" / "macros"
    source = "".join((folder / f"{name}.sql").read_text("utf-8") for name in FILES)
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False, extensions=["jinja2.ext.do"])
    names = {"adapter": adapter, "return": lambda value: value, "var": lambda name, default=None: known.get(name, default)}
    adapter.module = environment.from_string(source, globals=names).module
    return adapter.module


def connect() -> duckdb.DuckDBPyConnection:
    """An empty database set up like the warehouse."""
    con = duckdb.connect()
    con.execute("set timezone = 'UTC'; set threads = 2")
    return con
