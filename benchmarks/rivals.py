"""Scrubbing a campaign with what one would pick instead: pandas, Polars, SQLite. One function each.

All of them get an easier question than the product: numbers come normalised, a registry is one file, every scope counts, and
the answer is two files. None gives reasons, an order of precedence, unscreened and unreadable records, a certificate, or
checks what it reads.
"""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class World:
    """The files of one question, and the folder for ``allowed.csv`` and ``blocked.csv``."""

    campaign: Path
    golden: Path
    listed: Path
    answer: Path


def with_pandas(world: World) -> None:
    """Read everything, three ``isin``, two files."""
    import pandas as pd

    rows = pd.read_csv(world.campaign, dtype="str")
    golden = pd.read_parquet(world.golden, columns=["channel", "identifier"])
    listed = pd.read_parquet(world.listed)["number"]
    blocked = (
        rows["phone"].isin(golden.loc[golden.channel == "voice", "identifier"])
        | rows["email"].str.strip().str.lower().isin(golden.loc[golden.channel == "email", "identifier"])
        | rows["phone"].str.slice(1).astype("uint64").isin(listed)
    )
    rows[~blocked].to_csv(world.answer / "allowed.csv", index=False)
    rows[blocked].to_csv(world.answer / "blocked.csv", index=False)


def with_polars(world: World) -> None:
    """Lazy scans, anti joins, streamed into both files; its rows come in any order."""
    import polars as pl

    rows = pl.scan_csv(world.campaign, infer_schema=False)
    golden, listed = pl.scan_parquet(world.golden), pl.scan_parquet(world.listed)
    allowed = rows
    for key, list_of in (
        (pl.col("phone"), golden.filter(pl.col("channel") == "voice").select("identifier")),
        (pl.col("email").str.strip_chars().str.to_lowercase(), golden.filter(pl.col("channel") == "email").select("identifier")),
        (pl.col("phone").str.slice(1).cast(pl.UInt64), listed.select("number")),
    ):
        allowed = allowed.join(list_of, left_on=key, right_on=pl.all(), how="anti")
    blocked = rows.join(allowed, on="customer", how="anti")
    files = {"allowed": allowed, "blocked": blocked}
    pl.collect_all([frame.sink_csv(world.answer / f"{kind}.csv", lazy=True) for kind, frame in files.items()], engine="streaming")


def with_sqlite(world: World) -> None:
    """Load all into indexed tables of a database file (without its safety, which costs time), then select."""
    import pyarrow.parquet as pq

    def loaded(file: Path, columns: list[str]) -> Iterator[tuple[object, ...]]:
        for batch in pq.ParquetFile(file).iter_batches(columns=columns):
            yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)

    con = sqlite3.connect(world.answer / "scrub.sqlite")
    con.executescript(
        """
        pragma journal_mode = off;
        pragma synchronous = off;
        create table listed (number integer primary key);
        create table golden (channel text, identifier text, primary key (channel, identifier)) without rowid;
        """
    )
    con.executemany("insert into listed values (?)", loaded(world.listed, ["number"]))
    con.executemany("insert or ignore into golden values (?, ?)", loaded(world.golden, ["channel", "identifier"]))
    with world.campaign.open(newline="") as stream:
        rows = csv.reader(stream)
        heading = next(rows)
        con.execute(f"create table campaign ({', '.join(heading)}, blocked)")
        con.executemany(f"insert into campaign values ({'?, ' * len(heading)}null)", rows)
    con.execute(
        """
        update campaign set blocked = exists (select 1 from golden where channel = 'voice' and identifier = phone)
            or exists (select 1 from golden where channel = 'email' and identifier = lower(trim(email)))
            or exists (select 1 from listed where number = cast(substr(phone, 2) as integer))
        """
    )
    for kind, blocked in (("allowed", 0), ("blocked", 1)):
        with (world.answer / f"{kind}.csv").open("w", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(heading)
            writer.writerows(con.execute(f"select {', '.join(heading)} from campaign where blocked = ?", [blocked]))
    con.close()


RIVALS: dict[str, Callable[[World], None]] = {"pandas": with_pandas, "polars": with_polars, "sqlite3": with_sqlite}
"""By the library each needs."""
