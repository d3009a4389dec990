"""One push to one destination, from the published table to a receipt.

The order of the steps is here, and nothing else: each step is a module beside this one. A push reads only the
published, gated snapshot, never the warehouse, so that what was judged is what is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import duckdb

from orchestration.core.canaries import planted_at
from orchestration.core.config import Config
from orchestration.core.errors import ConfigError, GateClosed, PermanentError, TransientError, redacted_errors
from orchestration.core.home import Home
from orchestration.core.home_id import home_id
from orchestration.core.key import create_hmac_function, fingerprint, home_key, key_that_made
from orchestration.core.pace import Pace, Timer
from orchestration.core.warehouse import in_room
from orchestration.core.wording import counted, told
from orchestration.destinations.contract import (
    Destination,
    GoesOnInPart,
    KnowsWriters,
    ListsItsLists,
    Notices,
    Push,
    ReadBack,
    ReadsAll,
    ReadsPoints,
    RunsJobs,
    destination_for,
)
from orchestration.publish import Snapshot, read_gated, read_published
from orchestration.publish.verdicts import Permission
from orchestration.publish.verdicts import allows as gate_allows
from orchestration.sync import found, guards, jobs, plan, receipts, touched, verify, writers
from orchestration.sync.guards import Held
from orchestration.sync.ledger import (
    KEY_LIST,
    Journal,
    Planned,
    follow_key,
    ledger,
    note_lists,
    note_planned,
    planned_from,
    record_sight,
    replace_rows,
)
from orchestration.sync.lock import LOCK_WAIT_SECONDS, destination_lock
from orchestration.sync.pieces import bounds, each_piece
from orchestration.sync.redact import Erased, follow_erasures
from orchestration.sync.send import Sender


@dataclass(frozen=True)
class SyncResult:
    """What a push planned, did and proved. Counts only: safe to log."""

    destination: str
    system: str
    version: int
    as_of: datetime
    dry_run: bool
    verify_class: str
    """How well this system can prove anything: full, point, receipt or none."""
    wanted: int
    planned: dict[str, int]
    """``action:why`` -> rows, as the plan stood after the guards."""
    canaries: int = 0
    """How many of the wanted rows are canaries."""
    states: dict[str, int] = field(default_factory=dict)
    """State -> rows of this destination that are wanted, or that we wrote, after the push."""
    standing: dict[str, int] = field(default_factory=dict)
    """State -> wanted rows after the push, whoever wrote them."""
    accepted: int = 0
    """Rows that the system accepted in this push."""
    verified: int = 0
    """Rows whose sight in this push proved them for the first time."""
    missing: int = 0
    """Rows that should be there and were not, at the last look; they are put again by the next push."""
    rejected: int = 0
    released: int = 0
    found: int = 0
    """Opt-outs of others that this push found."""
    held: tuple[Held, ...] = ()
    alarms: tuple[str, ...] = ()
    receipt: Path | None = None

    @property
    def nothing_to_do(self) -> bool:
        """True when the destination was in line already: nothing was written, there or here."""
        return self.receipt is None and not self.dry_run

    @property
    def unproved(self) -> int:
        """Rows whose people may still be contacted there, as far as is known: missing, refused, not sent because nothing is, or
        taken by a system that can be read and not seen in it yet.
        """
        open_states = ("missing", "rejected") + (("sent",) if self.can_show else ())
        return sum(self.states.get(state, 0) for state in open_states) + (self.puts if self.dry_run else 0)

    @property
    def seen_there(self) -> int:
        """Wanted rows that were read at the destination."""
        return self.standing.get("verified", 0)

    @property
    def not_provable(self) -> int:
        """Wanted rows that were accepted by a system that shows nothing: as good as it gets there, and no sight (promise 7)."""
        return 0 if self.can_show else self.standing.get("sent", 0)

    @property
    def not_seen_yet(self) -> int:
        """Wanted rows that were accepted by a system that can be read, and not read in it so far."""
        return self.standing.get("sent", 0) if self.can_show else 0

    @property
    def can_show(self) -> bool:
        """True where what is in the system can be read."""
        return self.verify_class in (ReadBack.FULL, ReadBack.POINT)

    @property
    def kept_back(self) -> tuple[str, ...]:
        """Releases that did not leave though somebody may wait for them, in sentences. What the configuration itself takes out
        stays out on purpose.
        """
        return tuple(
            f"{told(held.rows, '1 release was', '# releases were')} held ({held.reason}). Next step: {held.next_step}."
            for held in self.held
            if held.reason != "no_longer_configured"
        )

    @property
    def puts(self) -> int:
        return self._of("put")

    @property
    def releases(self) -> int:
        return self._of("release")

    @property
    def blocked(self) -> int:
        return self._of("blocked")

    def counts(self) -> dict[str, int | str]:
        """Everything of it that is a figure or a word, flat, for a log or a table."""
        return {
            "system": self.system, "version": self.version, "verify_class": self.verify_class, "dry_run": str(self.dry_run),
            "nothing_to_do": str(self.nothing_to_do), "wanted": self.wanted, "canaries": self.canaries, "planned_puts": self.puts,
            "planned_releases": self.releases, "blocked": self.blocked, "seen_there": self.seen_there,
            "not_provable": self.not_provable, "not_seen_yet": self.not_seen_yet, "accepted": self.accepted,
            "verified": self.verified, "missing": self.missing, "rejected": self.rejected, "released": self.released,
            "found": self.found, "held": "; ".join(f"{held.rows} {held.reason}" for held in self.held) or "nothing",
            "alarms": len(self.alarms), "receipt": self.receipt.name if self.receipt else "none",
        }  # fmt: skip

    def sentence(self) -> str:
        """What would happen, or did, and why, in one line of figures."""
        parts = []
        for action in ("put", "release", "found", "blocked"):
            reasons = {key.partition(":")[2]: rows for key, rows in self.planned.items() if key.startswith(f"{action}:")}
            if reasons:
                why = ", ".join(f"{rows:,} {reason.replace('_', ' ')}" for reason, rows in sorted(reasons.items()))
                parts.append(f"{action} {sum(reasons.values()):,} ({why})")
        planted = f" ({self.canaries:,} canaries among them)" if self.canaries else ""
        return f"{self.destination} ({self.system}): {self.wanted:,} wanted{planted}; {'; '.join(parts) or 'nothing to do'}"

    def _of(self, action: str) -> int:
        return sum(rows for key, rows in self.planned.items() if key.startswith(f"{action}:"))


def sync(
    home: Home,
    config: Config,
    destination_name: str,
    as_of: datetime,
    *,
    dry_run: bool = False,
    read_snapshot: Callable[[Home], Snapshot] | None = None,
    read_version: Callable[[Home, int], Snapshot] = read_published,
    allows: Callable[[Home, str], Permission] | None = None,
    destination: Destination | None = None,
    timer: Timer | None = None,
    lock_wait_seconds: float = LOCK_WAIT_SECONDS,
) -> SyncResult:
    """Bring one destination in line with the published table, and prove it.

    ``dry_run`` (or the configuration's) plans and reports, and sends nothing. The arguments after it are for tests; left
    alone they are the published snapshot, the older versions, the gate's record, the configured destination and the machine's
    clock.

    Raises:
        GateClosed: the gate's record does not allow this version, or a newer one was pushed already.
        ConfigError: the destination or its settings are wrong, or ``as_of`` lies before the last push.
        TransientError, PermanentError: the system failed; what left before is in the ledger and the receipt.
    """
    if destination is None:
        destination = destination_for(destination_name, config, home)
    push = _Push(home, config, destination_name, destination, as_of, dry_run, timer or Timer(), read_version)
    with destination_lock(home, destination_name, lock_wait_seconds):
        snapshot = read_snapshot(home) if read_snapshot else read_gated(home, config.limits)
        # Asked now, by the hash of these very rows: what the gate says today, not what it said when they were published.
        permission = (allows or gate_allows)(home, snapshot.rows_sha256)
        with ledger(home, config.limits) as con:
            return push.carry_out(con, snapshot, permission)


class _Push:
    """The state of one push while it runs."""

    def __init__(
        self,
        home: Home,
        config: Config,
        name: str,
        destination: Destination,
        as_of: datetime,
        dry_run: bool,
        timer: Timer,
        read_version: Callable[[Home, int], Snapshot],
    ) -> None:
        self.home, self.name, self.destination, self.as_of, self.timer = home, name, destination, as_of, timer
        self.config, self.limits = config.destinations[name], config.limits
        self.dry_run = dry_run or self.config.dry_run
        self.facts = destination.facts
        held = self.facts.identifier_types
        self.canaries = [canary for canary in planted_at(config, name) if canary.identifier_type in held]
        self.pace = Pace(self.facts.calls_per_second, timer)
        self.alarms: list[str] = []
        self.read_back_failed = False
        self.read_version = read_version
        self.from_changes = False
        """Whether only the contact points in ``touched`` are planned."""
        self.push, self.home_id = "", home_id(home)
        self.seconds_looked_up = 0.0
        self.erased: Erased | None = None
        """Who was erased here, and so is in the ledger under a token."""

    def carry_out(self, con: duckdb.DuckDBPyConnection, snapshot: Snapshot, permission: Permission) -> SyncResult:
        before = receipts.last_receipt(self.home, self.name)
        if before is not None:
            receipts.record_receipt(self.home, before.path)
        seq = before.seq + 1 if before else 1
        self._check_order(snapshot, before)
        journal = Journal(
            con, self.name, self.facts.read_back, as_of=self.as_of, version=snapshot.version, seq=seq, timer=self.timer
        )
        # A push that died before its receipt left answers in the journal, or rows that no receipt tells of yet.
        unfinished = (
            journal.fold()
            or _count(con, f"{_OURS} and receipt_seq >= $seq", destination=self.name, seq=seq) > 0
            or _count(con, f"row_state where {found.WAITING}", destination=self.name) > 0
        )
        with redacted_errors(f"Pushing to {self.name}"), in_room(self.limits, f"Pushing to {self.name}"):
            self.push = writers.new_push()
            push = Push(version=snapshot.version, run=seq, as_of=self.as_of, id=self.push, home=self.home_id)
            self.destination.open(push)
            try:
                result = self._pushed(con, snapshot, permission, journal, seq, unfinished)
                gone = self.destination.gone() if isinstance(self.destination, GoesOnInPart) else None
                if gone is not None and not self.dry_run:
                    # Only now: what can be suppressed is. What else the push found is told with it, or nobody would hear of it.
                    problems = [*gone.problems, *result.alarms, *result.kept_back]
                    raise ConfigError(gone.tried, problems, next_step=gone.next_step)
                return result if gone is None else replace(result, alarms=(*result.alarms, str(gone)))
            finally:
                self.destination.close()

    def _check_order(self, snapshot: Snapshot, before: receipts.Receipt | None) -> None:
        if before is None:
            return
        if snapshot.version < int(before.body["version"]):
            raise GateClosed(
                f"Pushing version {snapshot.version} to {self.name}",
                seen=f"version {before.body['version']} was pushed already",
                allowed="the same version or a newer one",
                next_step="publish a new version; going back would lift suppressions without an opt-in",
            )
        if not self.dry_run and self.as_of < datetime.fromisoformat(before.body["as_of"]):
            raise ConfigError(
                f"Pushing to {self.name} as of {self.as_of.isoformat()}",
                seen=f"the last push was as of {before.body['as_of']}",
                allowed="the same moment or a later one: a receipt must not be dated before an earlier one",
                next_step="leave out --as-of, or use a dry run or another home to replay the past",
            )

    def _pushed(
        self,
        con: duckdb.DuckDBPyConnection,
        snapshot: Snapshot,
        permission: Permission,
        journal: Journal,
        seq: int,
        unfinished: bool,
    ) -> SyncResult:
        task = plan.Task(
            self.name,
            self.destination,
            snapshot.files,
            self.config.channels,
            self.config.scopes,
            self.as_of,
            canaries=self.canaries,
        )
        key = self._use_key_of_version(con, snapshot)
        self.erased = follow_erasures(con, self.home, snapshot.files, key)
        evidence_failed = False
        try:
            plan.prepare_evidence(con, snapshot.evidence_file)
        except PermanentError as error:
            evidence_failed = True
            self.alarms.append(str(error))
        now = Planned(
            snapshot.version,
            snapshot.rows_sha256,
            touched.evidence_sha256(snapshot.evidence_file),
            touched.made_of(self.config, self.destination, fingerprint(key), self.canaries),
        )
        self.from_changes = not evidence_failed and touched.begin(
            con,
            self.destination,
            self.config,
            before=planned_from(con, self.name),
            now=now,
            snapshot=snapshot,
            read_version=lambda version: self.read_version(self.home, version),
        )
        self._look_and_plan(con, task, snapshot)
        other_pushes, homes = writers.others(con, self.home_id, self.name)
        if other_pushes:
            pushes = counted(other_pushes, "push", "pushes")
            self.alarms.append(
                f"{homes} wrote to this destination as Quietlist does ({pushes} that this home knows nothing of): "
                "no release leaves until one of the two has ended and somebody takes it over (quietlist takeover)"
            )
        held, alarms = guards.hold_releases(
            con,
            self.name,
            self.config,
            guards.Circumstances(
                gate_holds=permission.releases_held,
                snapshot_rows=snapshot.row_count,
                read_back_failed=self.read_back_failed,
                looks_rows_up=self.facts.read_back == ReadBack.POINT,
                other_pushes=other_pushes,
                as_of=self.as_of,
            ),
        )
        held += guards.blocked_rows(con, evidence_failed=evidence_failed)
        self.alarms += alarms
        planned = plan.count_plan(con)
        for why, (one, many) in _WORTH_AN_ALARM.items():
            if count := sum(rows for (_, reason), rows in planned.items() if reason == why):
                self.alarms.append(told(count, one, many))
        if left_there := plan.tallied(con, "left_there"):
            said = told(left_there, "1 postal opt-out of others is", "# postal opt-outs of others are")
            self.alarms.append(f"{said} at the destination and must be entered by hand")
        changes = plan.count_changes(con, task)
        result = SyncResult(
            destination=self.name,
            system=self.facts.system,
            version=snapshot.version,
            as_of=self.as_of,
            dry_run=self.dry_run,
            verify_class=str(self.facts.read_back),
            wanted=plan.tallied(con, "wanted"),
            canaries=plan.tallied(con, "wanted") - plan.tallied(con, "asked"),
            held=held,
            alarms=tuple(self.alarms),
            planned={f"{action}:{why}": rows for (action, why), rows in planned.items()},
        )
        origin = None if evidence_failed else now
        if not self.dry_run and not changes and origin != planned_from(con, self.name):
            note_planned(con, self.name, origin)
        if self.dry_run or not (changes or unfinished):
            return replace(result, states=_states(con, self.name), standing=_standing(con, self.name))
        return self._carried_out(con, snapshot, journal, task, seq, changes, origin, result)

    def _carried_out(
        self,
        con: duckdb.DuckDBPyConnection,
        snapshot: Snapshot,
        journal: Journal,
        task: plan.Task,
        seq: int,
        changes: int,
        origin: Planned | None,
        result: SyncResult,
    ) -> SyncResult:
        began = self.timer.monotonic()
        plan_sha256 = plan.rows_hash(con, "plan", "action", "why", "evidence_id")
        batches = plan.make_batches(con)
        writers.remember_push(con, self.name, self.push, seq=seq, as_of=self.as_of)
        con.execute(
            f"insert into releases select $destination, {KEY_LIST}, $as_of from planned_release",
            {"destination": self.name, "as_of": self.as_of},
        )
        self._note_changes(con, task, seq, changes, origin)
        home_file, brought_home = found.bring_home(con, self.home, self.name)
        stopped: Exception | None = None
        sender = Sender(con, self.destination, journal, self.pace)
        try:
            for call, rows in batches.items():  # releases last, and only when every put was answered
                if rows:
                    sender.send(call, rows)
                    journal.fold()
                    self._settle(con, seq)
        except Exception as error:  # noqa: BLE001  whatever it was: what left before must reach the ledger and the receipt
            stopped = error
            journal.fold()
        moved = f"{_OURS} and receipt_seq = $seq"
        known: dict[str, object] = {"destination": self.name, "seq": seq}
        result = replace(
            result,
            states=_states(con, self.name),
            standing=_standing(con, self.name),
            accepted=_count(con, f"{_OURS} and accepted_seq = $seq", **known),
            verified=_count(con, f"{_OURS} and verified_seq = $seq", **known),
            missing=_count(con, f"{_OURS} and state = 'missing'", destination=self.name),
            rejected=_count(con, f"{moved} and state = 'rejected'", **known),
            released=_count(con, f"{moved} and state = 'released' and written_by_us", **known),
            found=brought_home,
        )
        system = self.facts.system
        for rows, one, many in (
            (result.missing, f"was accepted by {system} and is not there", f"were accepted by {system} and are not there"),
            (result.rejected, f"was refused by {system}", f"were refused by {system}"),
        ):
            if rows:
                said = told(rows, f"1 row {one}: this person", f"# rows {many}: these people")
                self.alarms.append(f"{said} can still be contacted there")
        if rows := _count(con, f"{moved} and error = 'release_not_seen'", **known):
            self.alarms.append(told(rows, "1 row was released and is still there", "# rows were released and are still there"))
        result = replace(result, alarms=tuple(self.alarms))
        touched_rows = f"(select * from {moved})"
        path = receipts.write_receipt(
            self.home,
            self.name,
            seq,
            {
                "destination": self.name,
                "system": self.facts.system,
                "verify_class": result.verify_class,
                "as_of": self.as_of.isoformat(),
                "home": self.home_id,
                "push": self.push,
                "seconds": round(self.timer.monotonic() - began, 3),
                "version": snapshot.version,
                "published_rows_sha256": snapshot.rows_sha256,
                "plan_sha256": plan_sha256,
                "rows_sha256": plan.rows_hash(con, touched_rows, "state", "evidence_id", **known),
                "rows": _count(con, touched_rows, **known),
                "planned": result.planned,
                "accepted": result.accepted,
                "changed_there": sender.changed,
                "verified": result.verified,
                "missing": result.missing,
                "rejected": result.rejected,
                "released": result.released,
                "found": result.found,
                "found_file": home_file.name if home_file else None,
                "errors": _errors(con, touched_rows, known),
                "held": [{"reason": entry.reason, "rows": entry.rows} for entry in result.held],
                "alarms": list(result.alarms),
                "stopped": type(stopped).__name__ if stopped else None,
            },
        )
        if stopped:
            raise stopped
        return replace(result, receipt=path)

    def _note_changes(
        self, con: duckdb.DuckDBPyConnection, task: plan.Task, seq: int, changes: int, origin: Planned | None
    ) -> None:
        """Write what was planned into the ledger, a piece at a time, and then what it was planned from.

        From then on the ledger holds what the version asks for: what of it is not done is in rows that are not final. A push that
        is killed before that leaves no such note, so that the next one plans all rows.
        """
        note_planned(con, self.name, None)
        for _ in each_piece(con, bounds(con, "plan", changes)):
            plan.make_changes(con, task, seq=seq)
            replace_rows(con, self.name, "changes")
        note_planned(con, self.name, origin)

    def _use_key_of_version(self, con: duckdb.DuckDBPyConnection, snapshot: Snapshot) -> bytes:
        """Hash with the key that the published rows were hashed with, so that one push never mixes two. Returns it.

        After a rotation that is a retired key until the next run has published anew. The ledger follows it.
        """
        sample = plan.one_published_hash(con, snapshot.files)
        found_key = key_that_made(self.home, *sample) if sample else home_key(self.home)
        key = found_key or home_key(self.home)
        create_hmac_function(con, key)
        if found_key is not None:
            follow_key(con)
        return key

    def _look_and_plan(self, con: duckdb.DuckDBPyConnection, task: plan.Task, snapshot: Snapshot) -> None:
        """Look at the destination as far as it lets itself be looked at, and plan by what is there."""

        def make(looked_at_all: bool) -> None:
            plan.make_plan(
                con,
                task,
                self._cut(con, snapshot),
                looked_at_all=looked_at_all,
                touched=self.from_changes,
                spends=not self.dry_run,
            )

        verify.nothing_seen(con)
        if not self.dry_run:
            self._await_jobs(con)
        task = replace(task, job_since=jobs.open_since(con, self.name))
        if self.from_changes:
            touched.touch_open_rows(con, self.name, self.destination, self.as_of)
        try:
            if isinstance(self.destination, ReadsAll):
                if left_out := verify.read_all(con, self.name, self.destination, self.pace, self.erased):
                    said = told(left_out, "1 row there makes no sense", "# rows there make no sense")
                    self.alarms.append(f"{said} (no identifier, unknown channel or type)")
                if self.from_changes:
                    touched.touch_differences(con, task)
                make(True)
                self._notice_others(con)
                self._hear_notices(con)
                return
            make(False)
            if isinstance(self.destination, ReadsPoints):
                minutes = self.config.look_up_minutes
                if left := self._look_up(con, self.destination, plan.rows_to_look_up(con), minutes * 60 * _LOOKED_UP_BEFORE):
                    self.alarms.append(
                        f"{told(left, '1 row was', '# rows were')} not looked up in the time there is (look_up_minutes "
                        f"= {minutes:g}): what is new is sent, nothing of it is released, and the next push looks on"
                    )
                make(False)
                plan.hold_unlooked(con)
                self._hear_notices(con)
        except (TransientError, PermanentError) as error:
            # Without a read-back releases are held (guards), but new suppressions still go out on what the ledger knows.
            self.read_back_failed = True
            self.alarms.append(f"the read-back failed, so nothing can be proved: {error}")
            verify.nothing_seen(con)
            make(False)

    def _look_up(self, con: duckdb.DuckDBPyConnection, destination: ReadsPoints, rows: int, until_seconds: float) -> int:
        """Ask for the rows of ``asked`` until so much of the push's time has gone into asking. Returns the rows left over."""
        began = self.timer.monotonic() - self.seconds_looked_up
        try:
            return verify.look_up(con, destination, rows, self.pace, lambda: self.timer.monotonic() - began < until_seconds)
        finally:
            self.seconds_looked_up = self.timer.monotonic() - began

    def _hear_notices(self, con: duckdb.DuckDBPyConnection) -> None:
        """What the destination saw beside its rows. Its lists that are in no scope are kept: a push that has nothing to send
        leaves no receipt that could tell of them."""
        if isinstance(self.destination, Notices):
            self.alarms += self.destination.notices()
        if isinstance(self.destination, ListsItsLists) and not self.dry_run:
            note_lists(con, self.name, self.destination.unmapped(), self.as_of)

    def _await_jobs(self, con: duckdb.DuckDBPyConnection) -> None:
        """Ask after the jobs that earlier pushes began. One that lifts rows is waited for: it may overtake what is put now."""
        if not isinstance(self.destination, RunsJobs) or jobs.open_since(con, self.name) is None:
            return
        waited, pause = 0.0, verify.FIRST_LOOK_SECONDS
        try:
            while True:
                self.alarms += jobs.follow(con, self.name, self.destination, self.pace, self.as_of)
                if waited >= verify.PATIENCE_SECONDS or not jobs.releases_open(con, self.name):
                    return
                self.timer.sleep(pause)
                waited, pause = waited + pause, pause * 2
        except (TransientError, PermanentError) as error:
            self.alarms.append(f"what became of the jobs of earlier pushes could not be asked: {error}")

    def _cut(self, con: duckdb.DuckDBPyConnection, snapshot: Snapshot) -> list[str]:
        """Where the pieces of the plan end."""
        scopes = len(self.config.scopes)
        if self.from_changes:
            return bounds(con, "touched", touched.finish(con) * scopes)
        published = "read_parquet($files, hive_partitioning = false)"
        ours = f"(select identifier from {_OURS})"
        return bounds(
            con,
            f"(select identifier from {published} union all select identifier from {ours})",
            snapshot.row_count * scopes + _count(con, ours, destination=self.name),
            files=[str(file) for file in snapshot.files],
            destination=self.name,
        )

    def _notice_others(self, con: duckdb.DuckDBPyConnection) -> None:
        """Note who else wrote there as Quietlist does, from what the destination keeps of it and from the rows themselves."""
        met: list[tuple[str, str]] = []
        if isinstance(self.destination, KnowsWriters):
            met += self.pace.call(self.destination.writers)
        if plan.tallied(con, "newer"):
            met.append((writers.UNMARKED, ""))
        writers.notice(con, self.name, met, self.as_of)

    def _settle(self, con: duckdb.DuckDBPyConnection, seq: int) -> None:
        """Look again after sending, as long as the system may take or patience lasts, and judge what is seen."""
        if self.read_back_failed or not isinstance(self.destination, ReadsAll | ReadsPoints):
            return
        limit = min(self.facts.visible_within_seconds, verify.PATIENCE_SECONDS)
        waited, pause, left = 0.0, verify.FIRST_LOOK_SECONDS, 0
        verify.nothing_seen(con)
        try:
            while True:
                if waited and isinstance(self.destination, RunsJobs):
                    self.alarms += jobs.follow(con, self.name, self.destination, self.pace, self.as_of)
                if isinstance(self.destination, ReadsAll):
                    verify.read_all(con, self.name, self.destination, self.pace, self.erased)
                elif isinstance(self.destination, ReadsPoints):
                    rows = verify.ask_for_unproved(con, self.name)
                    left = self._look_up(con, self.destination, rows, self.config.look_up_minutes * 60)
                if left:
                    break
                if not verify.unproved(con, self.name):
                    jobs.forget(con, self.name)
                    break
                most = limit if jobs.open_since(con, self.name) is None else verify.PATIENCE_SECONDS
                if waited >= most:
                    break
                pause = min(pause, most - waited)
                self.timer.sleep(pause)
                waited, pause = waited + pause, pause * 2
        except (TransientError, PermanentError) as error:
            self.alarms.append(f"what was sent could not be read back and stays unproved: {error}")
            return
        record_sight(
            con,
            self.name,
            self.facts.read_back,
            as_of=self.as_of,
            seq=seq,
            visible_within_seconds=self.facts.visible_within_seconds,
            waited=waited >= self.facts.visible_within_seconds,
            job_since=jobs.open_since(con, self.name),
        )


_OURS = "row_state where destination = $destination"

# Of the time for looking rows up: as much is left for seeing what was sent.
_LOOKED_UP_BEFORE = 0.5

_WORTH_AN_ALARM = {
    "erased_missing": (
        "1 row of a person who was erased here is gone there, and nobody can put it again: this person can be contacted there",
        "# rows of people who were erased here are gone there, and nobody can put them again: they can be contacted there",
    ),
    "missing": ("1 row that should be there is not, and is put again", "# rows that should be there are not, and are put again"),
    "refused_before": ("1 row was refused before and is tried again", "# rows were refused before and are tried again"),
    "release_outcome_unknown": (
        "1 row was to be released when a push died; nobody knows whether it was",
        "# rows were to be released when a push died; nobody knows whether they were",
    ),
}


def _count(con: duckdb.DuckDBPyConnection, relation: str, **known: object) -> int:
    return int(con.execute(f"select count(*) from {relation}", known).fetchall()[0][0])


def _states(con: duckdb.DuckDBPyConnection, name: str) -> dict[str, int]:
    """Of every row that was ever wanted."""
    return _by_state(con, name, "first_wanted_at is not null")


def _standing(con: duckdb.DuckDBPyConnection, name: str) -> dict[str, int]:
    """Of the rows that are wanted now."""
    return _by_state(con, name, "wanted")


def _by_state(con: duckdb.DuckDBPyConnection, name: str, which: str) -> dict[str, int]:
    rows = con.execute(
        f"select state, count(*) from {_OURS} and {which} group by state order by state", {"destination": name}
    ).fetchall()
    return {row[0]: int(row[1]) for row in rows}


def _errors(con: duckdb.DuckDBPyConnection, rows_told: str, known: Mapping[str, object]) -> dict[str, int]:
    rows = con.execute(
        f"select error, count(*) from {rows_told} where error is not null group by error order by error", known
    ).fetchall()
    return {row[0]: int(row[1]) for row in rows}
