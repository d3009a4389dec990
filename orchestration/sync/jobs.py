"""Jobs: a system that takes rows and carries them out later. Their ids are in the ledger from its answer on.

Until a job has ended, none of its rows is missing: it is looked for, and not put again. That holds over a crash, since the next
push reads the ids from the ledger and asks. What a job did is judged by the read-back; what it says of itself is told of.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import duckdb

from orchestration.core.pace import Pace
from orchestration.core.wording import counted, told
from orchestration.destinations.contract import JobState, RunsJobs

LONGEST_JOB = timedelta(days=1)  # no vendor's queue is meant to be longer; what has not ended then is looked for and put again


def open_since(con: duckdb.DuckDBPyConnection, name: str) -> datetime | None:
    """As of when the oldest open job of a destination was begun; None where none is open."""
    found: datetime | None = con.execute("select min(sent_at) from jobs where destination = ?", [name]).fetchall()[0][0]
    return found


def releases_open(con: duckdb.DuckDBPyConnection, name: str) -> bool:
    """Whether a job that lifts rows has not ended."""
    found = con.execute("select 1 from jobs where destination = ? and call = 'release' limit 1", [name])
    return found.fetchone() is not None


def forget(con: duckdb.DuckDBPyConnection, name: str) -> None:
    """Drop the jobs of a destination: everything that was sent to it was seen."""
    con.execute("delete from jobs where destination = ?", [name])


def follow(con: duckdb.DuckDBPyConnection, name: str, destination: RunsJobs, pace: Pace, as_of: datetime) -> list[str]:
    """Ask after the open jobs of a destination and forget those that have ended. Returns what a person should know of them."""
    system = destination.facts.system
    skipped = failed = late = 0
    rows = con.execute("select call, id, sent_at from jobs where destination = ? order by sent_at, id", [name]).fetchall()
    for call, id, sent_at in rows:

        def ask(call: str = call, id: str = id) -> JobState:
            return destination.job("put" if call == "put" else "release", id)

        state = pace.call(ask)
        is_late = not state.ended and sent_at <= as_of - LONGEST_JOB
        if state.ended or is_late:
            con.execute("delete from jobs where destination = ? and call = ? and id = ?", [name, call, id])
        skipped, failed, late = skipped + state.skipped, failed + state.failed, late + is_late
    said = []
    if skipped:
        left_out = told(skipped, "1 row was left out", "# rows were left out")
        said.append(f"{left_out} by jobs at {system}, which does not say which: the read-back shows which")
    if failed:
        said.append(f"{counted(failed, 'job')} at {system} ended without being carried out: what is not there is put again")
    if late:
        said.append(
            f"{counted(late, 'job')} at {system} did not end within a day: what is not there is put again; ask the vendor"
        )
    return said
