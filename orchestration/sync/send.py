"""Carrying out a plan: batches, pace, pauses, and halving a batch that one row spoils.

What is sent and whether it may be was decided before; whether it counted is decided by the read-back afterwards.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from orchestration.core.errors import PermanentError, QuietlistError, TransientError, error_code
from orchestration.core.pace import Pace
from orchestration.destinations.contract import KEY, PAYLOAD, BatchRejected, Destination, Outcome
from orchestration.sync.ledger import NOT_TAKEN, Journal, SendingCall

ALL_REFUSED_AFTER = 25  # so many new rows refused and none accepted: it is the request that is wrong, not a row
_STREAM_ROWS = 100_000  # rows per Arrow batch of a stream; some ten MB


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
        facts = self._destination.facts
        size = (facts.release_batch_size if call == "release" else None) or facts.batch_size or max(rows, 1)
        fresh = self._con.execute(f"select count(*) from planned_{call} where not refused_before").fetchall()
        self._fresh = int(fresh[0][0])
        for first in range(0, rows, size):
            waiting = [(first, min(first + size, rows))]
            while waiting:
                waiting = [*self._send(call, *waiting.pop(0)), *waiting]

    def _send(self, call: SendingCall, first: int, last: int) -> list[tuple[int, int]]:
        """Send the rows from ``first`` to before ``last``. Returns what of them is to be sent again, in parts."""
        table, lost = f"planned_{call}", False

        def ask() -> Outcome:
            nonlocal lost
            try:
                return self._ask(call, table, first, last)
            except TransientError as error:
                lost = lost or not error.nothing_done
                raise

        self._journal.attempt(call, table, first, last)
        try:
            outcome = self._pace.call(ask)
        except BatchRejected as refusal:
            if last - first > 1:
                middle = (first + last) // 2
                return [(first, middle), (middle, last)]
            self._answered(call, table, first, last, Outcome({0: refusal.code}))
            return []
        except QuietlistError as error:
            if error.nothing_done and not lost:
                self._journal.turned_away(call, table, first, last)
            raise
        if outcome.changed is not None:
            self.changed = (self.changed or 0) + outcome.changed
        self._answered(call, table, first, last, outcome)
        rest = sorted(outcome.later | outcome.unknown)
        if rest:
            self._pace.pause(outcome.retry_after, f"Sending to {self._destination.facts.system}")
        return [(first + start, first + end) for start, end in _runs(rest)]

    def _ask(self, call: SendingCall, table: str, first: int, last: int) -> Outcome:
        reader = stream(self._con, table, first, last)
        try:
            return self._destination.put(reader) if call == "put" else self._destination.release(reader)
        finally:
            reader.close()  # an open stream would keep the ledger's connection to itself

    def _answered(self, call: SendingCall, table: str, first: int, last: int, outcome: Outcome) -> None:
        waiting = outcome.later | outcome.unknown
        named = {*outcome.rejected, *waiting}
        if any(not 0 <= index < last - first for index in named) or len(waiting) == last - first:
            raise PermanentError(
                f"Reading the answer of {self._destination.facts.system}",
                seen="an answer about a row that was not in the batch, or one that did nothing and is no failure",
                next_step="correct how the module maps answers to rows; the batch counts as unanswered",
            )
        # Codes only, whatever the module handed over: a vendor's text may quote the row.
        told: dict[int, str | None] = {index: error_code(code) for index, code in outcome.rejected.items()}
        told |= dict.fromkeys(outcome.later, NOT_TAKEN)
        told |= dict.fromkeys(outcome.unknown, None)
        self._journal.began(call, outcome.jobs)
        self._journal.answer(call, table, first, last, told)
        self._refused += sum(first + index < self._fresh for index in outcome.rejected)
        self._accepted += last - first - len(named)
        if self._refused >= ALL_REFUSED_AFTER and not self._accepted:
            raise PermanentError(
                f"Sending to {self._destination.facts.system}",
                seen=f"all of the first {self._refused} new rows were refused",
                next_step="correct the module or the settings; the refusals' codes are in the ledger and the receipt",
            )


def _runs(indexes: list[int]) -> list[tuple[int, int]]:
    """Ascending numbers as ranges without gaps, each from its first to behind its last."""
    runs: list[tuple[int, int]] = []
    for index in indexes:
        if runs and runs[-1][1] == index:
            runs[-1] = (runs[-1][0], index + 1)
        else:
            runs.append((index, index + 1))
    return runs


def stream(con: duckdb.DuckDBPyConnection, table: str, first: int, last: int) -> pa.RecordBatchReader:
    """Rows ``first`` to ``last - 1`` of a numbered table, in order, with the columns a destination is given."""
    names = [*KEY, "identifier_hash", *PAYLOAD]
    if table == "planned_release":
        names += ["evidence_id", "evidence_kind"]
    rows = con.sql(f"select {', '.join(names)} from {table} where position >= {first} and position < {last} order by position")
    return rows.to_arrow_reader(_STREAM_ROWS)
