"""Homes for the registry tests: files delivered, loaded and ingested through the real entry points, and brute force beside it."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from orchestration.core.config import Company, Config, Limits, Source
from orchestration.core.home import Home
from orchestration.core.warehouse import warehouse
from orchestration.identifiers.cache import normalise_new
from orchestration.landing import collect
from orchestration.readers import load
from orchestration.readers.register import register
from orchestration.reconcile import dbt, stages
from orchestration.registries import Updated, latest_of, update
from tests.homes import with_policy

START = datetime(2026, 3, 1, tzinfo=UTC)
LATER = datetime(2026, 3, 8, tzinfo=UTC)
CONFIG = Config(
    company=Company(name="Test", default_region="US"),
    limits=Limits(settle_seconds=0, memory="1GB"),
    sources={
        "us": Source(format="ftc_national_dnc", timezone="America/New_York"),
        "us_two": Source(format="ftc_national_dnc"),
        "uk": Source(format="uk_tps"),
        "ca": Source(format="ca_dncl"),
        "sg": Source(format="sg_dnc"),
        "crm": Source(format="contacts"),
        "drop": Source(format="ca_drop"),
    },
)


def staged(root: Path) -> Home:
    """A home whose warehouse has the policy and the staging models: to be copied."""
    home = with_policy(Home.at(root))
    with warehouse(home) as con:
        stages.prepare(con, home)
    dbt.invoke(home, CONFIG, START, "run", "tag:staging")
    return home


def copy_of(home: Home, root: Path) -> Home:
    return Home.at(shutil.copytree(home.root, root))


def deliver(home: Home, source: str, name: str, content: str | bytes) -> None:
    folder = home.inbox / source
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)


def run(home: Home, as_of: datetime, *, full_refresh: bool = False) -> Updated:
    """From the inbox to the published versions and known entries, without the models behind them."""
    collect(home, CONFIG, as_of)
    with warehouse(home, limits=CONFIG.limits) as con:
        register(con, home, CONFIG)
        load(con, home, CONFIG, as_of)
        normalise_new(con, b"k" * 32)
        return update(con, home, CONFIG, as_of, full_refresh=full_refresh)


def numbers_of(home: Home, registry: str) -> list[int]:
    """Who is listed in the latest version, in the order of the file."""
    version = latest_of(home, registry)
    if version is None:
        return []
    with duckdb.connect() as con:
        path = str(version.prove().numbers_file)
        found = [row[0] for row in con.execute("select number from read_parquet(?)", [path]).fetchall()]
    assert found == sorted(set(found)), "a version is sorted and holds each number once"
    assert len(found) == version.rows
    return found
