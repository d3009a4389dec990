"""By which clock the ages of sources and destinations are counted, and of which evidence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import duckdb

from orchestration.core.config import Config
from orchestration.core.home import Home
from orchestration.core.stamps import read_stamps
from orchestration.core.wording import moment
from orchestration.evidence.exported import Exported
from orchestration.evidence.reading import evidence_at_hand

# Runs come daily: one that is further away had another clock than today's, or stopped coming.
_ANOTHER_CLOCK = timedelta(days=1)


@contextmanager
def evidence_with_clock(
    home: Home, config: Config, as_of: datetime
) -> Iterator[tuple[duckdb.DuckDBPyConnection, Exported | None, str]]:
    """The available evidence, and the line that says by which clock ages are counted and by which the last run went."""
    with evidence_at_hand(home, config) as (con, exported):
        yield con, exported, _line(con, exported, as_of)


def _line(con: duckdb.DuckDBPyConnection, exported: Exported | None, as_of: datetime) -> str:
    """A replay's clock is not today's."""
    last = exported.as_of if exported else read_stamps(con).clock
    said = (
        f"As of {moment(as_of)}; the last run was as of {moment(last)}." if last else f"As of {moment(as_of)}; no run has ended."
    )
    if last and abs(as_of - last) > _ANOTHER_CLOCK:
        said += f" To count from there: --as-of {last.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return f"{exported.sentence()} {said}" if exported else said
