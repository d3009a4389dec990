"""A home in which the wordings of the corpus were delivered, each by a feed that has such a column, and read by the models."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestration.core.config import Config, parse_config
from orchestration.core.home import CHECKOUT, Home
from orchestration.core.warehouse import warehouse
from orchestration.reconcile import dbt, stages
from tests.homes import with_policy

AS_OF = datetime(2026, 4, 1, tzinfo=UTC)
SAMPLES = CHECKOUT / "data" / "samples"
# Where a text of each place is delivered.
COLUMNS = {
    "text": ("twilio__messages", "body"),
    "mail": ("mail__messages", "message_text"),
    "note": ("canonical__requests", "note"),
    "disposition": ("five9__call_log", "disposition"),
    "action": ("canonical__requests", "action"),
}


@dataclass(frozen=True)
class Wording:
    """One line of the corpus: what somebody wrote, and how a person would read it."""

    wording: str
    place: str
    language: str
    meaning: str
    certainty: str


@dataclass(frozen=True)
class Reading:
    """What the models made of it."""

    meaning: str
    certainty: str | None
    doubt: str | None
    phrase: str | None


def corpus(name: str) -> list[Wording]:
    path = Path(__file__).with_name(f"{name}.csv")
    with path.open(encoding="utf-8", newline="") as lines:
        return [Wording(**row) for row in csv.DictReader(lines)]


def deliver(home: Home, file_id: str, texts: Iterable[tuple[str, str]]) -> None:
    """Texts with their places, as the records of landed files, one of each feed."""
    with warehouse(home) as con:
        tables = {place: (f"{file_id} in {table}", table, column) for place, (table, column) in COLUMNS.items()}
        for own_id, table in sorted({(own_id, table) for own_id, table, _ in tables.values()}):
            vendor, feed = table.split("__")
            con.execute(
                "insert into raw.landed_files (file_id, source, format, vendor, feed, name, received_at, snapshot_at) "
                "values (?, 'texts', ?, ?, ?, 'texts.csv', ?, ?)",
                [own_id, vendor, vendor, feed, AS_OF, AS_OF],
            )
        for number, (place, text) in enumerate(texts, 1):
            own_id, table, column = tables[place]
            con.execute(f"insert into raw.{table} (_file_id, _record_no, {column}) values (?, ?, ?)", [own_id, number, text])
        con.execute("update raw.twilio__messages set direction = 'inbound'")


def read(home: Home, config: Config, *, full_refresh: bool = False) -> dict[tuple[str, str], Reading]:
    """Build the models of texts and say what each text means."""
    dbt.invoke(home, config, AS_OF, "run", "+readings", full_refresh=full_refresh)
    with warehouse(home) as con:
        rows = con.execute("select place, text, meaning, certainty, doubt, phrase from texts.readings").fetchall()
    found = {(place, text): Reading(*rest) for place, text, *rest in rows}
    assert len(found) == len(rows), "a text was read twice"
    return found


@pytest.fixture(scope="session")
def config() -> Config:
    path = SAMPLES / "quietlist.toml"
    return parse_config(path.read_text("utf-8"), path)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """An empty home with the policy."""
    place = with_policy(Home.at(tmp_path_factory.mktemp("texts") / "home"))
    with warehouse(place) as con:
        stages.prepare(con, place)
    yield place
