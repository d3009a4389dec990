"""DuckDB as SQLAlchemy, and so Great Expectations, sees it. Loaded by SQLAlchemy when the first gate is judged.

Great Expectations has no DuckDB of its own, but supports PostgreSQL, whose SQL DuckDB speaks; so this dialect gives
itself out as PostgreSQL and corrects the one difference that would change a judgement: in PostgreSQL ``~`` finds a
pattern anywhere in a text, in DuckDB it must match the whole of it.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import duckdb
from sqlalchemy.dialects.postgresql.base import PGCompiler, PGDialect

NAME = "quietlist"
URL = f"{NAME}://"


class _Compiler(PGCompiler):
    def visit_custom_op_binary(self, element: Any, operator: Any, **kw: Any) -> str:
        if operator.opstring not in ("~", "!~"):
            return str(super().visit_custom_op_binary(element, operator, **kw))  # type: ignore[no-untyped-call]
        found = f"regexp_matches({self.process(element.left, **kw)}, {self.process(element.right, **kw)})"
        return found if operator.opstring == "~" else f"(not {found})"


class DuckDBDialect(PGDialect):
    """Transactions are no concern of a judge that only reads; a connection is whatever ``creator`` hands out."""

    driver = NAME
    default_paramstyle = "qmark"
    supports_statement_cache = False
    statement_compiler = _Compiler

    @classmethod
    def import_dbapi(cls) -> ModuleType:
        return duckdb

    def initialize(self, connection: Any) -> None:
        self.default_schema_name = "main"

    def do_begin(self, dbapi_connection: Any) -> None: ...

    def do_commit(self, dbapi_connection: Any) -> None: ...

    def do_rollback(self, dbapi_connection: Any) -> None: ...
