"""Carrying pulls out: what is fetched is written durably into the inbox first, then how far it came is kept.

Killed between the two, the same is fetched again: the same bytes get the same name, so they are one file, or a delivery that
landing recognises. Other bytes get another name under the same moment: both are read, as one state. A pull that fails costs its
own part only, keeps what it has, and is told; the next one goes on where it stopped.

A file of another machine (``Arriving``) keeps its own name and comes as a stream, as a dropped one would lie there.

Pages are bundled until a file is worth its line in the manifest, for a list of ten million must not become twenty thousand files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from orchestration.connectors.arriving import keep_arriving
from orchestration.connectors.contract import Arriving, Batch, NotWhole, Part, parts_of, pulled_sources
from orchestration.connectors.progress import Progress, read_progress, write_progress
from orchestration.core.config import Config, Pull
from orchestration.core.errors import ConfigError, PermanentError, QuietlistError, TransientError, redacted_errors
from orchestration.core.files import sha256_bytes, write_atomic
from orchestration.core.home import PRIVATE_FOLDER, Home
from orchestration.core.pace import Pace, Timer
from orchestration.core.wording import counted, listed, moment
from orchestration.http.client import CredentialsRefused

_BUNDLE = 8 << 20
"""Bytes of one file. What is not yet written when a process is killed is fetched again, so it must not be hours of work."""
_FILES_BETWEEN = 100
"""Small files that may be fetched again after a kill, for how far a folder came is written whole each time: a hundred thousand
names are two megabytes."""
_WHOLE_EVERY_HOURS = 20.0
"""A list that is read whole, by default: once for each daily run, also when one starts somewhat early."""
_SHRUNK = 0.5
"""A list with fewer than this share of its last records is told of: it may be the answer of another account, or of a filter."""
_TURN_SECONDS = 60.0
"""A wait of no more is taken for the vendor's usual pace (some take a call in fifteen seconds), a longer one for a throttle."""
_DIGITS = str.maketrans("0123456789abcdef", "abcdefghijklmnop")
_NAME_LETTERS = 16  # 64 bits of the content's SHA-256; letters, since digits in a name could pass for a date


class _TimeIsUp(TransientError):
    """The next turn comes after the end of this pull: as if the time had run out a moment later."""


@dataclass(frozen=True)
class Pulled:
    """What became of one part of a source in one go."""

    source: str
    part: str
    records: int = 0
    files: int = 0
    state: str = "whole"
    """``whole``, ``under_way`` (goes on next time), ``rests`` (asked not long ago), ``failed``."""
    failure: str = ""
    attention: str = ""
    counts_records: bool = True
    """Whether ``records`` says anything; of a folder only the files are known."""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def sentence(self) -> str:
        """One line for a terminal."""
        had = (f"{counted(self.records, 'record')} in " if self.counts_records else "") + counted(self.files, "file")
        said = {
            "whole": f"{had}, whole",
            "under_way": f"{had} so far; the next pull goes on",
            "rests": "asked not long ago",
            "failed": f"FAILED: {self.failure}" + (f" {had} are kept; the next pull goes on." if self.files else ""),
        }[self.state]
        return f"{self.source}/{self.part}: {said}" + (f" {self.attention}" if self.attention else "")


@dataclass(frozen=True)
class Wanted:
    """What is asked of a pull."""

    names: Sequence[str] = ()
    """Sources; all that say how they are pulled, if none is named."""
    since: datetime | None = None
    """Where a vendor is asked by time: the first pull begins here and not with all history; a later one reaches back at least so
    far. It never leaves out what the last pull did not see."""
    from_start: bool = False
    """From the beginning, whatever is known."""
    only_due: bool = False
    """Leave out what was asked not long ago."""


def pull(home: Home, config: Config, as_of: datetime, wanted: Wanted, timer: Timer | None = None) -> Iterator[Pulled]:
    """Pull sources into the inbox, part by part. What fails is told, and stops no other part.

    Args:
        as_of: the clock of the run, which the files are named after. Where a list goes on is counted by this machine's clock.

    Raises:
        ConfigError: a source is not configured, or not to be pulled.
    """
    there = pulled_sources(config)
    if unknown := sorted(set(wanted.names) - set(there)):
        raise ConfigError(
            "Pulling",
            [f"sources.{name}: {'has no pull' if name in config.sources else 'is not configured'}" for name in unknown],
            next_step=f"name {listed(there)}" if there else "give a source a pull = { ... } (docs/pulling.md)",
        )
    for name in wanted.names or there:
        try:
            with redacted_errors(f"Pulling {name}"):
                home.pulls.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
                yield from _pull_source(home, config, name, as_of, wanted, timer or Timer())
        except QuietlistError as error:
            yield Pulled(name, "pull", state="failed", failure=str(error))


def unread(home: Home, config: Config) -> list[tuple[str, str]]:
    """The parts of configured sources that were not read to their end: the source, and a sentence. They cannot be pulled, could
    not at the last attempt, or their pull is still under way: whoever opted out last may stand in the rest.
    """
    found = []
    for name in pulled_sources(config):
        try:
            parts = {part.name for part in parts_of(name, config, Timer())}
            known = read_progress(home, name)
        except QuietlistError as error:
            found.append((name, str(error)))
            continue
        for part, progress in sorted(known.items()):
            if part not in parts:
                continue
            if progress.failed_at:
                said = f"the last attempt to pull it, at {moment(progress.failed_at)}, failed: {progress.failure}"
                found.append((name, f"{name}/{part}: {said}"))
            elif progress.began_at:
                said = f"the pull that began at {moment(progress.began_at)} is not at its end; the next run goes on with it"
                found.append((name, f"{name}/{part}: {said}"))
    return found


def _pull_source(home: Home, config: Config, name: str, as_of: datetime, wanted: Wanted, timer: Timer) -> Iterator[Pulled]:
    pull_of = config.sources[name].pull
    assert pull_of is not None
    ends = timer.monotonic() + pull_of.max_minutes * 60
    timer = _until(ends, timer)
    try:
        parts = parts_of(name, config, timer)
    except ConfigError as error:
        yield Pulled(name, "pull", state="failed", failure=str(error))
        return
    kept = read_progress(home, name)
    for part in parts:
        progress = kept.setdefault(part.name, Progress())
        if progress.asks != part.asks or wanted.from_start:
            progress = kept[part.name] = Progress(asks=part.asks)
        if wanted.only_due and _rests(part, progress, pull_of, timer.now()):
            yield Pulled(name, part.name, state="rests")
            continue
        yield _Going(home, name, part, progress, lambda: write_progress(home, name, kept), timer).pull(as_of, wanted, ends)


def _until(ends: float, timer: Timer) -> Timer:
    """A timer whose pauses end when the time of the pull does: one vendor that asks for patience must not hold up the others."""

    def sleep(seconds: float) -> None:
        if timer.monotonic() + seconds > ends:
            raise (_TimeIsUp if seconds <= _TURN_SECONDS else TransientError)(
                "Waiting for the other side",
                seen=f"a pause of {seconds:.0f} seconds is asked for, longer than max_minutes leaves",
                next_step="the next run goes on where this one stopped",
            )
        timer.sleep(seconds)

    return Timer(timer.monotonic, sleep, timer.now)


def _rests(part: Part, progress: Progress, pull_of: Pull, now: datetime) -> bool:
    if progress.is_under_way or progress.failed_at or progress.done_at is None or progress.covers is None:
        return False
    hours = pull_of.every_hours if pull_of.every_hours is not None else (_WHOLE_EVERY_HOURS if part.is_whole else 0.0)
    # A clock that was set back must not silence a source.
    return timedelta(0) <= now - progress.covers < timedelta(hours=hours)


class _Going:
    """One part while it is pulled."""

    def __init__(self, home: Home, source: str, part: Part, progress: Progress, keep: Callable[[], None], timer: Timer) -> None:
        self._source, self._part, self._progress, self._keep, self._timer = source, part, progress, keep, timer
        self._folder = home.inbox / source
        self._held: list[Batch] = []
        self._held_bytes = 0
        self._files = self._records = 0
        self._unkept_files = self._unkept_bytes = 0
        self._told: list[str] = []

    def pull(self, as_of: datetime, wanted: Wanted, ends: float) -> Pulled:
        progress, part = self._progress, self._part
        state, failure = "whole", ""
        try:
            with redacted_errors(f"Pulling {self._source}/{part.name}"):
                self._folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
                for leftover in self._folder.glob(f".{part.saves_as}_*.tmp"):
                    leftover.unlink(missing_ok=True)  # a killed pull's unfinished file
                further_back = wanted.since and progress.since and wanted.since < progress.since
                if not progress.is_under_way or further_back:
                    self._begin(as_of, wanted)
                if self._go(ends):
                    self._finish()
                else:
                    state = "under_way"
        except QuietlistError as error:
            state, failure = "failed", str(error)
            self._fail(error)
        attention, counts = " ".join(self._told), part.counts_records
        return Pulled(self._source, part.name, self._records, self._files, state, failure, attention, counts)

    def _begin(self, as_of: datetime, wanted: Wanted) -> None:
        progress, now = self._progress, self._timer.now().replace(microsecond=0)
        since = None if self._part.is_whole else wanted.since
        if progress.covers is not None and self._part.goes_on:
            since = None  # it goes on at its place
        elif progress.covers is not None and progress.covers > now:
            since = None  # the clock was ahead then, nobody knows how far: nothing that is counted by it was surely seen
        elif progress.covers is not None and not self._part.is_whole:
            due = progress.covers - timedelta(hours=self._part.overlap_hours)
            since = min(since or due, due)
        # The run's clock names the files, for they are read as of it; by this machine's the vendor's records are counted.
        progress.began_at, progress.named_at, progress.since = now, as_of.astimezone(UTC).replace(microsecond=0), since
        progress.files = progress.records = 0
        if not self._part.goes_on:
            progress.place = ""

    def _go(self, ends: float) -> bool:
        """Fetch until the end, or until the time is up: whether it was the end."""
        progress = self._progress
        started = progress.place
        try:
            for batch in self._part.batches(progress.place, progress.since):
                if isinstance(batch, Arriving):
                    self._land(batch)
                else:
                    self._take(batch)
                is_last = isinstance(batch, Batch) and batch.is_last
                if not is_last and self._timer.monotonic() >= ends:
                    self._write()
                    progress.failed_at, progress.failure = None, ""
                    self._keep()
                    return False
        except _TimeIsUp:
            if progress.place == started and not self._records:
                raise  # it would stand still from run to run, and nobody be told
            self._write()
            progress.failed_at, progress.failure = None, ""
            self._keep()
            return False
        except PermanentError as error:
            # The vendor no longer knows the place at which a pull of another day stopped: then it begins again.
            if not started or self._part.goes_on or self._records or isinstance(error, CredentialsRefused):
                raise
            progress.place = ""
            return self._go(ends)
        return True

    def _land(self, arriving: Arriving) -> None:
        """Take in a file of its own, whole and durable or not at all."""
        try:
            Pace(None, self._timer).call(lambda: keep_arriving(self._folder, arriving, f".{self._part.saves_as}_"))
        except NotWhole:
            return
        self._progress.place = arriving.landed()
        self._progress.files += 1
        self._files += 1
        self._unkept_files += 1
        self._unkept_bytes += arriving.size
        if self._unkept_files >= _FILES_BETWEEN or self._unkept_bytes >= _BUNDLE:
            self._keep()
            self._unkept_files = self._unkept_bytes = 0

    def _take(self, batch: Batch) -> None:
        if batch.told:
            self._told.append(batch.told)
        if not batch.content and not batch.apart:  # nothing more was there: only the place has moved
            self._write()
            self._progress.place = batch.place
            self._keep()
            return
        if batch.apart:
            self._write()
        self._held.append(batch)
        self._held_bytes += len(batch.content)
        self._records += batch.records
        if batch.apart or self._held_bytes >= _BUNDLE:
            self._write()
            self._keep()

    def _write(self) -> None:
        """Make what is held durable; only then does the place behind it count."""
        if not self._held:
            return
        progress, part = self._progress, self._part
        content = b"\n".join(held.content for held in self._held)
        letters = sha256_bytes(content)[:_NAME_LETTERS].translate(_DIGITS)
        assert progress.named_at is not None, "a pull that never began"
        ending = self._held[0].apart or part.ending
        name = f"{part.saves_as}_{progress.named_at:%Y%m%dT%H%M%SZ}_{progress.files:06d}_{letters}{ending}"
        # With the time of the pull, the same bytes under the same name are the same delivery; and nobody waits for it to settle.
        write_atomic(self._folder / name, content, modified_at=progress.named_at)
        progress.place = self._held[-1].place
        progress.files += 1
        progress.records += sum(held.records for held in self._held)
        self._files += 1
        self._held.clear()
        self._held_bytes = 0

    def _finish(self) -> None:
        self._write()
        progress = self._progress
        if self._part.is_whole and progress.records < progress.last_records * _SHRUNK:
            self._told.append(
                f"It held {counted(progress.last_records, 'record')} before: nobody is released by that; see whether the key is "
                "still of this account."
            )
        progress.covers, progress.done_at = progress.began_at, self._timer.now().replace(microsecond=0)
        progress.last_records = progress.records
        progress.began_at = progress.named_at = progress.since = progress.failed_at = None
        progress.failure = ""
        if not self._part.goes_on:
            progress.place = ""
        self._keep()

    def _fail(self, error: QuietlistError) -> None:
        """Keep what was fetched before it, and say so."""
        progress = self._progress
        progress.failed_at, progress.failure = self._timer.now().replace(microsecond=0), str(error)
        try:
            with redacted_errors(f"Keeping what was pulled of {self._source}"):
                self._write()
                self._keep()
        except QuietlistError:
            # The disk itself: what was fetched is fetched again, and the first failure is the one that is told.
            self._held.clear()
            self._held_bytes = 0
