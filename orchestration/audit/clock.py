"""By which clock the ages of sources and destinations are counted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from orchestration.core.config import Config
from orchestration.core.home import Home
from orchestration.core.wording import moment
from orchestration.evidence.reading import evidence_of
from orchestration.evidence.relations import rows

# Runs come daily: one that is further away had another clock than today's, or stopped coming.
_ANOTHER_CLOCK = timedelta(days=1)


def clock_line(home: Home, config: Config, as_of: datetime) -> str:
    """By which clock ages are counted, and by which the last run went: a replay's is not today's."""
    with evidence_of(home, config) as con:
        # no model makes it, and there is none before the first run
        exists = rows(con, "select 1 from duckdb_tables() where schema_name = 'raw' and table_name = 'stamps'")
        found = rows(con, "select value from raw.stamps where name = 'clock'") if exists else []
    last = datetime.fromisoformat(found[0]["value"]) if found else None
    said = (
        f"As of {moment(as_of)}; the last run was as of {moment(last)}." if last else f"As of {moment(as_of)}; no run has ended."
    )
    if last and abs(as_of - last) > _ANOTHER_CLOCK:
        said += f" To count from there: --as-of {last.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return said
