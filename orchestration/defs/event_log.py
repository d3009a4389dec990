"""Dagster's event log of a home: SQLite as Dagster writes it, with the events of a step in one transaction.

As shipped every event is a connection and a commit of its own, two or three for one about an asset, and a day announces and
reports hundreds of assets: on a small home that was most of a run's time. Here what comes in numbers waits in memory until an
event that a person looks for (a step began, ended or failed, a message, the run's state), and goes into the file with it.
Whoever reads in this process writes what waits first. A killed process loses at most what its last step said of single assets.

Two files stay open: the index of all runs and that of the run at hand. SQLite empties its write-ahead log, and waits for the
disk, whenever the last connection closes, and Dagster asks for an asset's last event before each that is made of it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from dagster import DagsterEventType, EventLogEntry
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Engine, QueuePool, create_engine
from sqlalchemy.engine import Connection

# One for each asset or check of a step, told before it begins or when it ends.
_WAITING = frozenset(
    {
        DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
        DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED,
        DagsterEventType.ASSET_MATERIALIZATION,
        DagsterEventType.ASSET_CHECK_EVALUATION,
        DagsterEventType.STEP_OUTPUT,
        DagsterEventType.STEP_INPUT,
        DagsterEventType.HANDLED_OUTPUT,
        DagsterEventType.LOADED_INPUT,
    }
)


class StepEventLog(SqliteEventLogStorage):
    """The event log below ``DAGSTER_HOME``, where Dagster's own stands: the same files, read by either."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._waiting: list[EventLogEntry] = []
        self._open: dict[str, Connection] | None = None
        self._stack = ExitStack()
        self._writing = threading.RLock()
        self._tables: set[str] = set()
        self._indexes: set[str] = set()
        self._engines: dict[str, Engine] = {}
        super().__init__(base_dir, inst_data)
        self._db_lock = threading.RLock()  # type: ignore[assignment]  # writing to a run's file and the index holds it twice

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> StepEventLog:
        # Not a setting: the path of a home that was moved or copied would still lead to the old one.
        return cls(str(Path(os.environ["DAGSTER_HOME"]) / "history" / "runs"), inst_data)

    def store_event(self, event: EventLogEntry) -> None:
        """Keep the event, and write all that waits unless it is one of those that come in numbers."""
        with self._writing:
            self._waiting.append(event)
            if event.dagster_event_type not in _WAITING:
                self._write()

    def dispose(self) -> None:
        self._write()
        self._close()
        super().dispose()

    def wipe(self) -> None:
        self._write()
        self._close()  # it removes the runs' files
        super().wipe()

    def _close(self) -> None:
        with self._writing:
            while self._engines:
                self._engines.popitem()[1].dispose()

    def has_table(self, table_name: str) -> bool:
        # Asked for each event, each time with an engine and a connection of its own; a table that is there stays.
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    def has_secondary_index(self, name: str) -> bool:
        # Asked with each look at an asset; a migration that was done stays done.
        if name not in self._indexes and super().has_secondary_index(name):
            self._indexes.add(name)
        return name in self._indexes

    def _write(self) -> None:
        with self._writing:
            events, self._waiting = self._waiting, []
            if not events:
                return
            try:
                self._write_together(events)
            except Exception:
                if len(events) == 1:
                    raise
                self._write_singly(events)

    def _write_together(self, events: list[EventLogEntry]) -> None:
        with ExitStack() as self._stack:
            self._open = {}
            try:
                for event in events:
                    super().store_event(event)
            finally:
                self._open = None

    def _write_singly(self, events: list[EventLogEntry]) -> None:
        """An event that can't be stored takes no other with it."""
        failure: Exception | None = None
        for event in events:
            try:
                self._write_together([event])
            except Exception as error:  # noqa: BLE001  raised below, once the others are safe
                failure = failure or error
        if failure is not None:
            raise failure

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._writing:
            if self._open is None:
                self._write()
                with self._engine(shard).begin() as con:
                    yield con
                return
            if shard not in self._open:
                self._open[shard] = self._stack.enter_context(self._engine(shard).begin())
            yield self._open[shard]

    def _engine(self, shard: str) -> Engine:
        if shard not in self._engines:
            for other in self._engines.keys() - {INDEX_SHARD_NAME, shard}:
                self._engines.pop(other).dispose()  # of another run: a server that shows many must not keep them all open
            engine = create_engine(
                self.conn_string_for_shard(shard),
                poolclass=QueuePool,
                # One thread at a time: whoever holds a connection holds the lock.
                connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
            )
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            self._engines[shard] = engine
        return self._engines[shard]
