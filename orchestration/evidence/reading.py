"""Opening the evidence for somebody who asks: the warehouse, and while a run has that to itself the set that the last run left.

The warehouse where it can be had, for it is what there is: after a run that was killed it says more than the set does.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import duckdb

from orchestration.core.config import Config
from orchestration.core.errors import Busy
from orchestration.core.home import Home
from orchestration.core.lock import runs_elsewhere
from orchestration.core.warehouse import warehouse
from orchestration.evidence.exported import EXPORTED, Exported, latest_set, opened_set
from orchestration.evidence.relations import open_relations


@contextmanager
def evidence_of(home: Home, config: Config | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse, read only, with the views of :mod:`~orchestration.evidence.relations` open."""
    with warehouse(home, read_only=True, limits=config.limits if config else None) as con:
        open_relations(con)
        yield con


@contextmanager
def evidence_at_hand(home: Home, config: Config) -> Iterator[tuple[duckdb.DuckDBPyConnection, Exported | None]]:
    """The same, and while another process runs the set that the last run exported, which comes with it.

    Raises:
        Busy: a run is going on, and no run before it exported a set; or another process works on the warehouse.
    """
    with ExitStack() as stack:
        con, exported = None, None
        if not runs_elsewhere(home):
            try:
                con = stack.enter_context(evidence_of(home, config))
            except Busy:
                if not runs_elsewhere(home):  # it began meanwhile
                    raise
        if con is None:
            exported = latest_set(home)
            if exported is None:
                raise Busy(
                    "Reading the evidence",
                    seen="a run holds the warehouse, and no run before it exported the evidence",
                    next_step="wait for the run to end, and ask again",
                )
            con = stack.enter_context(opened_set(home, exported, config.limits))
            open_relations(con, EXPORTED)
        yield con, exported
