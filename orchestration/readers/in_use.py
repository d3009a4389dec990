"""Which of the feeds that are known a home has to do with: those of a format that it configures, or that ever landed in it.

Only for these are there raw tables, load assets and staging views, so that a home pays for what it uses and not for every vendor
that is known. What landed once stays in use for ever: its source may leave the configuration, its records stay in the ledger.
"""

from __future__ import annotations

import re

import duckdb

from orchestration.core.config import OWN_FORMAT, Config
from orchestration.core.home import Home
from orchestration.readers.feeds import Feed, all_feeds, text_models

# Of a line of the manifest (landing/manifest.py), whose keys stand in the order of the alphabet. Many times faster than
# parsing it, and asked at every start.
_FORMAT = re.compile(rb'"settings":\{"format":"([^"]+)"')


def feeds_in_use(home: Home, config: Config | None, con: duckdb.DuckDBPyConnection | None = None) -> tuple[Feed, ...]:
    """The feeds that this home has to do with.

    Args:
        config: None while it can't be read; what landed is in use all the same.
        con: the home's warehouse, where it is open: what it holds is in use, whatever the manifest calls its format.
    """
    formats = {OWN_FORMAT} | _landed_formats(home) | ({source.format for source in config.sources.values()} if config else set())
    held = _held_tables(con) if con else set()
    return tuple(feed for feed in all_feeds() if feed.format in formats or feed.table in held)


def unused_models(feeds: tuple[Feed, ...]) -> list[str]:
    """The staging models of the feeds that are not among ``feeds``, sorted; their texts' models too."""
    unused = [feed for feed in all_feeds() if feed not in feeds]
    texts = {f"stg_{feed.table}__texts" for feed in unused}
    return sorted({feed.model(kind) for feed in unused for kind in feed.kinds} | texts.intersection(text_models()))


def _landed_formats(home: Home) -> set[str]:
    """From the manifest's lines as they stand, unverified: a line that was altered is told by whoever takes files in."""
    if not home.manifest_file.exists():
        return set()
    with home.manifest_file.open("rb") as stream:
        return {name.decode() for line in stream for name in _FORMAT.findall(line)}


def _held_tables(con: duckdb.DuckDBPyConnection) -> set[str]:
    there = {name for (name,) in con.execute("select table_name from duckdb_tables() where schema_name = 'raw'").fetchall()}
    known = " union ".join(
        f"select vendor || '__' || feed from raw.{name} where vendor is not null"
        for name in ("landed_files", "load_log")
        if name in there
    )
    return {str(table) for (table,) in con.execute(known).fetchall()} if known else set()
