"""A home with one destination at a vendor, and pushes to it by the real engine."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

from orchestration.core.config import parse_config
from orchestration.core.home import Home
from orchestration.core.pace import Timer
from orchestration.destinations.contract import destination_for
from orchestration.sync import SyncResult, sync
from tests.sync.sync_doubles import Publisher, at, golden
from tests.vendors.server import FastTimer
from tests.vendors.vendor import Vendor


class House:
    """One home and its destination ``there``."""

    def __init__(self, folder: Path, vendor: Vendor, **changes: Any) -> None:
        self.vendor, self.home, self.timer = vendor, Home.at(folder).create(), FastTimer()
        self.publisher = Publisher(self.home)
        self._numbers: dict[str, int] = {}
        self.configure(**changes)

    def configure(self, **changes: Any) -> None:
        text = self.vendor.toml("there", **changes)
        self.home.config_file.write_text(text)
        self.config = parse_config(text, self.home.config_file)

    def person(self, name: str, scope: str = "*", **changes: Any) -> dict[str, Any]:
        """A golden row in the vendor's channel, by a name or a number of two digits."""
        return golden(self.identifier(name), channel=self.vendor.channel, scope=scope, **changes)

    def identifier(self, name: str) -> str:
        if self.vendor.channel == "email":
            return f"{name}@example.com"
        return f"+1555555{self._numbers.setdefault(name, 100 + len(self._numbers)):04d}"

    def publish(self, *names: str, lifted: tuple[str, ...] = (), scope: str = "*") -> None:
        proof = [
            {
                "channel": self.vendor.channel,
                "identifier": self.identifier(name),
                "scope": "*",
                "evidence_kind": "opt_in",
                "identifier_type": "email" if self.vendor.channel == "email" else "phone",
                "evidence_id": f"opt-in of {name}",
            }
            for name in lifted
        ]
        self.publisher.publish(*(self.person(name, scope) for name in names), evidence=proof)

    def copied(self, name: str) -> House:
        """The same home, file by file, as a backup of the machine is."""
        target = self.home.root.parent / name
        shutil.copytree(self.home.root, target)
        other = House(target, self.vendor)
        other.publisher.version, other._numbers = self.publisher.version, dict(self._numbers)
        return other

    def push(self, day: float = 0, **how: Any) -> SyncResult:
        self.vendor.now = at(day)
        destination: Any = destination_for("there", self.config, self.home)
        timer = Timer(self.timer.monotonic, self.timer.sleep, lambda: self.vendor.now)
        destination.timer = timer
        access = {
            "read_snapshot": self.publisher.read,
            "read_version": self.publisher.read_version,
            "allows": self.publisher.allows,
        }
        return sync(
            self.home, self.config, "there", at(day), destination=destination, timer=timer, lock_wait_seconds=0, **access, **how
        )

    def states(self) -> dict[tuple[str, str], tuple[Any, ...]]:
        """(identifier, scope) -> (state, wanted, ours, error), as the ledger has it."""
        with duckdb.connect(str(self.home.sync_ledger_file)) as con:
            rows = con.execute("select identifier, scope, state, wanted, written_by_us, error from row_state").fetchall()
        return {(row[0], row[1]): row[2:] for row in rows}

    def unmapped_lists(self) -> dict[str | None, Any]:
        """List that is in no scope -> since when it is known, as the ledger has it."""
        with duckdb.connect(str(self.home.sync_ledger_file)) as con:
            con.execute("set timezone = 'UTC'")
            return dict(con.execute("select list_name, first_seen_at from unmapped_lists").fetchall())

    def state(self, name: str, scope: str = "*") -> tuple[Any, ...]:
        return self.states()[self.identifier(name), scope]

    def brought_home(self) -> list[dict[str, str]]:
        files = sorted((self.home.inbox / "found__there").glob("*.jsonl"))
        return [json.loads(line) for file in files for line in file.read_text().split("\n") if line]

    def names(self, *names: str) -> set[str]:
        return {self.identifier(name) for name in names}


Open = Callable[..., House]
"""Starts a vendor of a kind, and makes a home with one destination there."""
