"""One pass of the engine: ingest what was loaded, publish what is new, keep the entries of known numbers up to date."""

from __future__ import annotations

from dataclasses import astuple, dataclass, field
from datetime import datetime

import duckdb

from orchestration.core.config import Config
from orchestration.core.errors import PermanentError
from orchestration.core.home import Home
from orchestration.core.warehouse import one_row
from orchestration.readers.loading import load
from orchestration.readers.number_lines import plain_file
from orchestration.registries.batches import UNKNOWN, files_by_registry, read_policies
from orchestration.registries.hashed import Hashed, match_hashes
from orchestration.registries.known import match_known
from orchestration.registries.publishing import Withheld, publish_registry
from orchestration.registries.tables import create_registry_tables, empty_registry_tables
from orchestration.registries.taking import Taken, entries_file, registry_feeds, take
from orchestration.registries.versions import Version, published_registries

__all__ = ["Updated", "create_registry_tables", "is_published", "publish_withheld", "update"]


@dataclass(frozen=True)
class Updated:
    """What one pass did."""

    taken: Taken = field(default_factory=Taken)
    published: list[Version] = field(default_factory=list)
    known_entries: int = 0
    withheld: list[Withheld] = field(default_factory=list)
    hashed: Hashed = field(default_factory=Hashed)


def update(con: duckdb.DuckDBPyConnection, home: Home, config: Config, as_of: datetime, *, full_refresh: bool) -> Updated:
    """Bring files, published versions and known entries up to date with what was loaded and normalised.

    Args:
        full_refresh: the meaning of a record may have changed, so every landed file is read and ingested again.
    """
    create_registry_tables(con)
    full_refresh = full_refresh or not _is_whole(con, home)
    if full_refresh and one_row(con, "select count(*) from registries.files")[0]:
        _load_again(con, home, config, as_of)
    con.begin()
    try:
        if full_refresh:
            empty_registry_tables(con)
        taken = take(con, home, config.company.default_region)
        known = match_known(con, home)
        con.commit()
    except BaseException:
        con.rollback()
        raise
    made = _publish(con, home, full_refresh=full_refresh, may_shrink=False)
    withheld = [item for item in made if isinstance(item, Withheld)]
    con.execute("delete from registries.withheld")
    for item in withheld:
        con.execute("insert into registries.withheld values (?, ?, ?, ?)", [*astuple(item)])
    hashed = match_hashes(con, home, config)
    return Updated(taken, [item for item in made if isinstance(item, Version)], known, withheld, hashed)


def publish_withheld(con: duckdb.DuckDBPyConnection, home: Home) -> list[Version]:
    """Publish what was withheld, once the gate has allowed the table that was made of it: somebody took it on themselves."""
    if not one_row(con, "select count(*) from registries.withheld")[0]:
        return []
    # Anew, for it may have been what the files mean that changed, and no file of its own would say so again.
    made = _publish(con, home, full_refresh=True, may_shrink=True)
    con.execute("delete from registries.withheld")
    return [item for item in made if isinstance(item, Version)]


def _publish(con: duckdb.DuckDBPyConnection, home: Home, *, full_refresh: bool, may_shrink: bool) -> list[Version | Withheld]:
    policies = read_policies()
    made = (
        publish_registry(
            con, home, registry, files, policies.get(registry, UNKNOWN), full_refresh=full_refresh, may_shrink=may_shrink
        )
        for registry, files in files_by_registry(con).items()
    )
    return [item for item in made if item]


def is_published(con: duckdb.DuckDBPyConnection, home: Home) -> bool:
    """Whether every registry that was ingested has a version; somebody may have removed the folder."""
    taken = con.execute("select distinct registry from registries.file_areas").fetchall()
    return {registry for (registry,) in taken} <= set(published_registries(home))


def _is_whole(con: duckdb.DuckDBPyConnection, home: Home) -> bool:
    """Whether what was ingested is still there. It is made of landed files, so it may be thrown away like the warehouse."""
    files = con.execute("select file_id, plain_registry is not null, has_entries from registries.files").fetchall()
    return all(
        (not is_plain or plain_file(home, file_id).is_file()) and (not has_entries or entries_file(home, file_id).is_file())
        for file_id, is_plain, has_entries in files
    )


def _load_again(con: duckdb.DuckDBPyConnection, home: Home, config: Config, as_of: datetime) -> None:
    """Read every landed registry file again.

    Raises:
        PermanentError: one can't be read any more. What it listed would be gone, so nothing is ingested.
    """
    failed = 0
    for feed in registry_feeds(con):
        con.execute(f'delete from raw."{feed.table}"')
        con.execute("delete from raw.load_log where vendor = ? and feed = ?", [feed.vendor, feed.feed])
        failed += sum(file.reader == "failed" for file in load(con, home, config, as_of, feed))
    if failed:
        raise PermanentError(
            "Reading the registries' landed files again",
            seen=f"{failed} of them are missing or were altered",
            allowed="the bytes that the manifest recorded",
            next_step="restore landing from its backup and run again; the published versions stay as they are",
        )
