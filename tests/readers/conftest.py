"""A home with one source, and feeds of its own: what these tests say holds whatever the staging folders say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.core.config import Config
from orchestration.core.home import Home
from orchestration.core.warehouse import warehouse
from orchestration.landing import collect
from orchestration.readers import Loaded, load
from orchestration.readers.feeds import Column, Feed
from orchestration.readers.register import register

AS_OF = datetime(2026, 4, 1, 12, tzinfo=UTC)


def feed(
    columns: dict[str, list[str]],
    reader: str = "delimited",
    requires: tuple[str, ...] = (),
    name: str = "optouts",
    files: tuple[str, ...] = ("*",),
    **options: Any,
) -> Feed:
    """A feed of vendor ``acme`` whose columns have these labels."""
    cut = tuple(Column(column, tuple(labels)) for column, labels in columns.items())
    return Feed("acme", name, ("requests",), reader, files, requires, False, cut, options)


@dataclass
class Desk:
    """One home in which files are delivered, collected, registered and loaded."""

    home: Home
    con: duckdb.DuckDBPyConnection
    runs: int = field(default=0)
    limits: dict[str, Any] = field(default_factory=dict)

    @property
    def config(self) -> Config:
        return Config.model_validate(
            {
                "company": {"name": "Acme"},
                "limits": {"settle_seconds": 0} | self.limits,
                "sources": {"mail": {"format": "acme"}},
            }
        )

    def read(self, one: Feed, content: bytes | str, name: str = "file.csv") -> Loaded:
        """Deliver one file, load it, and check its account. The file must not have been delivered before."""
        (loaded,) = self.deliver((one,), {name: content})
        return loaded

    def deliver(self, feeds: tuple[Feed, ...], files: dict[str, bytes | str]) -> list[Loaded]:
        folder = self.home.inbox / "mail"
        folder.mkdir(exist_ok=True)
        for name, content in files.items():
            (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
        self.runs += 1
        as_of = AS_OF + timedelta(minutes=self.runs)
        collect(self.home, self.config, as_of)
        register(self.con, self.home, self.config, feeds=feeds)
        loaded = load(self.con, self.home, self.config, as_of, feeds=feeds)
        for file in loaded:
            assert file.physical == file.loaded + file.quarantined + file.skipped, f"account of {file} does not balance"
            (rows,) = self.con.execute(
                f'select count(*) from raw."acme__{file.feed}" where _file_id = ?', [file.file_id]
            ).fetchall()
            assert rows == (file.loaded,), f"{file} says loaded {file.loaded}, the table has {rows}"
            assert len(self.quarantine(file)) == file.quarantined, f"{file}: quarantine differs from its account"
        return loaded

    def rows(self, file: Loaded) -> list[dict[str, Any]]:
        """Records in order, ``_extra`` parsed, without the file's id."""
        cursor = self.con.execute(
            f'select * exclude (_file_id) from raw."acme__{file.feed}" where _file_id = ? order by _record_no', [file.file_id]
        )
        names = [column[0] for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        return [row | {"_extra": json.loads(row["_extra"]) if row["_extra"] is not None else None} for row in rows]

    def values(self, file: Loaded) -> list[tuple[Any, ...]]:
        """Only the declared columns."""
        return [tuple(value for key, value in row.items() if not key.startswith("_")) for row in self.rows(file)]

    def quarantine(self, file: Loaded) -> list[tuple[int, str, str | None]]:
        return self.con.execute(
            "select record_no, reason, record_text from raw.quarantine where file_id = ? order by record_no", [file.file_id]
        ).fetchall()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    home = Home.at(tmp_path / "home").create()
    with warehouse(home) as con:
        yield Desk(home, con)
