"""Ledger batches on the real models: one per run that took something in, and their rows stay as they were recorded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from orchestration.core import chain
from orchestration.core.config import load_config
from orchestration.core.files import sha256_text
from orchestration.core.home import Home
from orchestration.core.warehouse import warehouse
from orchestration.landing import collect
from orchestration.landing.archives import landed_path
from orchestration.readers import load
from orchestration.readers.register import file_id, register
from orchestration.reconcile import batches, stages
from tests.homes import with_policy

AS_OF = datetime(2026, 4, 1, tzinfo=UTC)
HEAD = "request_key,requested_at,action,method,channels,scope,email,note\n"
CONFIG = """
[company]
name = "Acme"
default_region = "US"
[limits]
settle_seconds = 0
[sources.asks]
format = "requests"
"""


def request(name: str, note: str = "") -> str:
    return f"{name},2026-03-01T10:00:00Z,opt_out,web_form,email,*,{name}@example.com,{note}\n"


class House:
    def __init__(self, root: Path) -> None:
        self.home = with_policy(Home.at(root))
        self.home.config_file.write_text(CONFIG)
        self.config = load_config(self.home)

    def land(self, name: str, text: str, as_of: datetime) -> Path:
        """Deliver and collect one file; returns where its bytes lie."""
        folder = self.home.inbox / "asks"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(text)
        collect(self.home, self.config, as_of)
        return landed_path(self.home, sha256_text(text))

    def take_in(self, as_of: datetime) -> list[int]:
        """Load, stage and bring into the ledger what is landed. Returns the rows of each batch, all proved."""
        with warehouse(self.home) as con:
            stages.prepare(con, self.home)
            register(con, self.home, self.config)
            load(con, self.home, self.config, as_of)
        stages.stage(self.home, self.config, as_of)
        stages.normalise(self.home, self.config)
        stages.registries(self.home, self.config, as_of)
        stages.ledger(self.home, self.config, as_of)
        with warehouse(self.home, read_only=True) as con:
            links = batches.batch_links(con)
            found = [batches.batch_rows(con, number) for number in range(1, len(links) + 1)]
            assert [digest for _, digest in found] == [link.sha256 for link in links], "rows are as they were recorded"
            assert all(chain.holds(self.home, link) for link in links)
            assert batches.files_in_no_batch(con) == 0
        return [count for count, _ in found]

    def emails(self) -> set[str]:
        with warehouse(self.home, read_only=True) as con:
            return {row[0] for row in con.execute("select unnest(emails) from ledger.requests").fetchall()}


def test_each_run_adds_one_batch_and_an_altered_file_is_ingested_once_it_is_repaired(tmp_path: Path) -> None:
    house = House(tmp_path / "home")
    house.land("a.csv", HEAD + request("ann") + request("bob"), AS_OF)
    assert house.take_in(AS_OF) == [2]
    # Bytes that were altered before they were loaded.
    later = AS_OF + timedelta(days=1)
    landed = house.land("b.csv", HEAD + request("cat"), later)
    honest = landed.read_bytes()
    landed.write_bytes(honest + b"x")
    assert house.take_in(later) == [2] and house.emails() == {"ann@example.com", "bob@example.com"}
    landed.write_bytes(honest)
    assert house.take_in(later) == [2, 1] and "cat@example.com" in house.emails(), "a repaired file must not lose an opt-out"
    # Two files of the same moment that hold the same request: the one whose id is lower is the evidence, however late it comes.
    texts = (HEAD + request("cat", f"note {number}") for number in range(100))
    text = next(text for text in texts if file_id("asks", sha256_text(text)) < file_id("asks", sha256_text(honest.decode())))
    house.land("c.csv", text, later)
    assert house.take_in(later) == [3], "evidence moved from one batch to another, so all are one"
