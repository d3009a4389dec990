"""Opening the evidence for somebody who asks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from orchestration.core.config import Config
from orchestration.core.home import Home
from orchestration.core.warehouse import warehouse
from orchestration.evidence.relations import open_relations


@contextmanager
def evidence_of(home: Home, config: Config | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse, read only, with the views of :mod:`~orchestration.evidence.relations` open."""
    with warehouse(home, read_only=True, limits=config.limits if config else None) as con:
        open_relations(con)
        yield con
