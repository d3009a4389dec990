"""Carrying out a plan: batches, pace, pauses, and halving a batch that one row spoils.

What is sent and whether it may be was decided before; whether it counted is decided by the read-back afterwards.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import duckdb
import pyarrow as pa

from orchestration.core.errors import PermanentError, TransientError
from orchestration.destinations.contract import KEY, PAYLOAD, BatchRejected, Destination, Facts, Outcome, Throttled, error_code
from orchestration.sync.ledger import Journal, SendingCall

ATTEMPTS = 5  # with the pauses below: 15 seconds of trying, which outlasts a restart of a server behind a balancer
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 900.0  # 15 minutes, the longest window vendors count by; longer is the next run's business
ALL_REFUSED_AFTER = 25  # so many new rows refused and none accepted: it is the request that is wrong, not a row
_STREAM_ROWS = 100_000  # rows per Arrow batch of a stream; some ten MB

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Timer:
    """The two things asked of time while sending; tests bring their own."""

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


class Pace:
    """Calls one system no faster than it allows, and again when it is busy."""

    def __init__(self, facts: Facts, timer: Timer) -> None:
        self._gap = 1 / facts.calls_per_second if facts.calls_per_second else 0.0
        self._timer = timer
        self._next_turn = timer.monotonic()

    def call(self, ask: Callable[[], Answer]) -> Answer:
        """Ask, waiting for a turn first; on a transient error pause and ask again, up to ``ATTEMPTS`` times."""
        for attempt in range(ATTEMPTS):
            now = self._timer.monotonic()
            if self._next_turn > now:
                self._timer.sleep(self._next_turn - now)
            self._next_turn = max(now, self._next_turn) + self._gap
            try:
                return ask()
            except TransientError as error:
                pause = error.retry_after if isinstance(error, Throttled) else FIRST_PAUSE_SECONDS * 2**attempt
                if attempt == ATTEMPTS - 1 or pause > LONGEST_PAUSE_SECONDS:
                    raise
                self._timer.sleep(max(pause, 0.0))
        raise AssertionError("the last attempt returns or raises")


class Sender:
    """Sends the numbered rows of a planned table and journals each batch before it leaves and when it is answered."""

    def __init__(self, con: duckdb.DuckDBPyConnection, destination: Destination, journal: Journal, pace: Pace) -> None:
        self._con, self._destination, self._journal, self._pace = con, destination, journal, pace
        self._accepted = self._refused = 0
        self._fresh = 0  # rows before this position were never refused
        self.changed: int | None = None
        """Rows that the system says it changed; None where it does not count."""

    def send(self, call: SendingCall, rows: int) -> None:
        """Send ``planned_<call>``, which has ``rows`` rows."""
        size = self._destination.facts.batch_size or max(rows, 1)
        fresh = self._con.execute(f"select count(*) from planned_{call} where not refused_before").fetchall()
        self._fresh = int(fresh[0][0])
        for first in range(0, rows, size):
            self._send(call, first, min(first + size, rows))

    def _send(self, call: SendingCall, first: int, last: int) -> None:
        table = f"planned_{call}"
        self._journal.attempt(call, table, first, last)
        try:
            outcome = self._pace.call(lambda: self._ask(call, table, first, last))
        except BatchRejected as refusal:
            if last - first > 1:
                middle = (first + last) // 2
                self._send(call, first, middle)
                self._send(call, middle, last)
            else:
                self._answered(call, table, first, last, {0: refusal.code})
            return
        except Throttled:  # the one failure that says nothing was done
            self._journal.turned_away(call, table, first, last)
            raise
        if outcome.changed is not None:
            self.changed = (self.changed or 0) + outcome.changed
        # Codes only, whatever the module handed over: a vendor's text may quote the row.
        self._answered(call, table, first, last, {index: error_code(code) for index, code in outcome.rejected.items()})

    def _ask(self, call: SendingCall, table: str, first: int, last: int) -> Outcome:
        reader = stream(self._con, table, first, last)
        try:
            return self._destination.put(reader) if call == "put" else self._destination.release(reader)
        finally:
            reader.close()  # an open stream would keep the ledger's connection to itself

    def _answered(self, call: SendingCall, table: str, first: int, last: int, rejected: dict[int, str]) -> None:
        if any(not 0 <= index < last - first for index in rejected):
            raise PermanentError(
                f"Reading the answer of {self._destination.facts.system}",
                seen="a refusal of a row that was not in the batch",
                next_step="correct how the module maps answers to rows; the batch counts as unanswered",
            )
        self._journal.answer(call, table, first, last, rejected)
        self._refused += sum(first + index < self._fresh for index in rejected)
        self._accepted += last - first - len(rejected)
        if self._refused >= ALL_REFUSED_AFTER and not self._accepted:
            raise PermanentError(
                f"Sending to {self._destination.facts.system}",
                seen=f"all of the first {self._refused} new rows were refused",
                next_step="correct the module or the settings; the refusals' codes are in the ledger and the receipt",
            )


def stream(con: duckdb.DuckDBPyConnection, table: str, first: int, last: int) -> pa.RecordBatchReader:
    """Rows ``first`` to ``last - 1`` of a numbered table, in order, with the columns a destination is given."""
    names = [*KEY, "identifier_hash", *PAYLOAD]
    if table == "planned_release":
        names += ["evidence_id", "evidence_kind"]
    rows = con.sql(f"select {', '.join(names)} from {table} where position >= {first} and position < {last} order by position")
    return rows.to_arrow_reader(_STREAM_ROWS)
