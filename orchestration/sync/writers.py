"""Who else writes to a destination as Quietlist: another home, a copy of this one, or this one before a backup came back.

Every push has an id that the ledger keeps before anything leaves and that the destination keeps with what it was told, where it
can. An id that is met there and is not in the ledger belongs to somebody who knows what this home does not: an opt-out that came
after an opt-in, say. From then on no release leaves for that destination, what such a push wrote is ingested as an opt-out, and
the run says so, until a named person has found out which home is the right one and takes the destination over.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import duckdb

from orchestration.core import chain
from orchestration.core.config import Config
from orchestration.core.errors import ConfigError
from orchestration.core.files import canonical_json, flush_to_disk, sync_folder
from orchestration.core.home import PRIVATE_FOLDER, Home
from orchestration.core.home_id import home_id
from orchestration.core.lock import locked
from orchestration.sync.ledger import ledger
from orchestration.sync.lock import LOCK_WAIT_SECONDS, destination_lock

UNMARKED = "unmarked"
"""Stands for the push of a row that was written by a version of Quietlist that did not mark its rows yet."""
_SHOWN = 8  # digits of a home's id in a sentence: enough to tell two homes apart


def new_push() -> str:
    """An id for the push that begins."""
    return secrets.token_hex(16)


def remember_push(con: duckdb.DuckDBPyConnection, destination: str, push: str, *, seq: int, as_of: datetime) -> None:
    """Keep the id of this push, before anything of it leaves."""
    con.execute("insert into pushes values (?, ?, ?, ?)", [destination, push, seq, as_of])


def notice(con: duckdb.DuckDBPyConnection, destination: str, met: Sequence[tuple[str, str]], as_of: datetime) -> None:
    """Keep those of ``met`` (push, home) that are not of this ledger: once noticed they stay so, even if they are overwritten."""
    known = {row[0] for row in con.execute("select id from pushes").fetchall()}
    kept = con.execute("select id from other_pushes where destination = ?", [destination]).fetchall()
    known |= {row[0] for row in kept}
    for push, home in sorted({(push, home) for push, home in met if push and push not in known}):
        con.execute("insert into other_pushes values (?, ?, ?, ?)", [destination, push, home, as_of])


def others(con: duckdb.DuckDBPyConnection, mine: str, destination: str) -> tuple[int, str]:
    """How many pushes of others than the home ``mine`` were met at a destination, and by whom, in words."""
    rows = con.execute(
        "select home, count(*) from other_pushes where destination = ? group by home order by home", [destination]
    ).fetchall()
    said = [
        f"a copy or an earlier state of this home ({writer[:_SHOWN]})"
        if writer == mine
        else f"the home {writer[:_SHOWN]}"
        if writer
        else "a home that did not mark its rows yet"
        for writer, _ in rows
    ]
    return sum(int(count) for _, count in rows), " and ".join(said)


def take_over(home: Home, config: Config, destination: str, *, person: str, reason: str, now: datetime) -> int:
    """Let this home be the one that keeps a destination, on the word of a named person. Returns the pushes that were adopted.

    What they wrote and what was ingested from there stays suppressed by its own request; releases begin again with evidence that
    comes later. Whoever still pushes from the other home is noticed again.

    Raises:
        ConfigError: no such destination, nobody else wrote there, or somebody or something is not named.
    """
    tried = f"Taking over {destination}"
    problems = [f"{name}: is required" for name, text in (("person", person), ("reason", reason)) if not text.strip()]
    if destination not in config.destinations:
        problems.append(f"destination: {destination} is none of {', '.join(sorted(config.destinations)) or 'nothing configured'}")
    if problems:
        raise ConfigError(tried, problems, next_step="give all of them; nothing was changed")
    with destination_lock(home, destination, LOCK_WAIT_SECONDS), ledger(home, config.limits) as con:
        met = con.execute("select id, home from other_pushes where destination = ? order by id", [destination]).fetchall()
        if not met:
            raise ConfigError(
                tried,
                seen="no other home was met there",
                allowed="a destination at which a push has met another home",
                next_step="nothing is to be taken over; releases are held for another reason, if they are",
            )
        # First the evidence: killed after it, the same command is given again.
        _record(
            home,
            destination,
            {
                "destination": destination, "home": home_id(home), "others": sorted({writer for _, writer in met}),
                "pushes": len(met), "person": person.strip(), "reason": reason.strip(), "recorded_at": now.isoformat(),
            },
        )  # fmt: skip
        con.execute("begin transaction")
        con.execute(
            "insert into pushes select destination, id, null, $now from other_pushes where destination = $destination",
            {"now": now, "destination": destination},
        )
        con.execute("delete from other_pushes where destination = ?", [destination])
        # Everything is put again, so that every row there is this home's: its hash, its push.
        con.execute("update row_state set fingerprint = null where destination = ?", [destination])
        con.execute("delete from pushed where destination = ?", [destination])
        con.execute("commit")
    return len(met)


def takeover_log(home: Home, destination: str) -> Path:
    """Who took a destination over, when and why: JSON lines, each recorded on the chain."""
    return home.outbox / destination / "takeovers.jsonl"


def _record(home: Home, destination: str, entry: dict[str, object]) -> None:
    path = takeover_log(home, destination)
    path.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    with locked(path, wait_seconds=None), path.open("rb+") as stream:
        data = stream.read()
        whole = data.rfind(b"\n") + 1
        stream.seek(whole)
        stream.truncate()  # half a line is what a power cut left
        stream.write(canonical_json(entry).encode() + b"\n")
        flush_to_disk(stream)
    sync_folder(path.parent)
    chain.record(home, *chain.line_links(home, "takeover", path))
