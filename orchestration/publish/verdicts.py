"""What a gate said, for exactly which rows, and what that permits. Nothing is judged here, and nothing is imported for it.

A verdict is a file ``<gate>-<rows_sha256>-<number>.json`` in the home's gate folder, written once and then recorded on the
chain; judging the same rows again adds the next number. A version goes out, and is pushed, only while the newest verdicts on
its rows permit it: no verdict, one on other rows, one that is not on the chain, or a failed ``stop`` permits nothing.

A person may override a verdict: named, with a reason, for these very rows and at most seven days. An override lowers the
verdict by one level (stop counts as hold, hold as alert), so nothing that failed a stop is ever *released*. A person may
also acknowledge one landed file that can't be fixed, so that it does not hold releases for ever. Both are lines of
``overrides.jsonl``, never taken back, each with the hash of the line before, and every verdict after shows them.
They are acts of a person on that person's day: this is the one module that asks the clock.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from orchestration.core import chain
from orchestration.core.errors import ConfigError, GateClosed, PermanentError
from orchestration.core.files import canonical_json, sha256_file, write_atomic
from orchestration.core.home import Home
from orchestration.core.journal import Journal, who_and_why
from orchestration.core.outcome import RANK
from orchestration.core.wording import told

# Long enough for a weekend and the repair after it; whoever needs more has a fault to fix, not a verdict to override.
OVERRIDE_DAYS = 7
_NAMED_FAILURES = 5  # in an error's one sentence; Data Docs have them all
_FILE_ID = re.compile(r"^[0-9a-f]{32}$")
_ROWS = re.compile(r"^[0-9a-f]{64}$")
_NUMBERED = re.compile(r"-([1-9][0-9]*)\.json$")


@dataclass(frozen=True)
class Result:
    """What became of one expectation. Counts only: nothing here can hold a value of a row."""

    suite: str
    title: str
    sentence: str
    level: str
    reason: str
    type: str
    arguments: str
    success: bool
    evaluated: bool
    """False: it could not be evaluated, which counts as failed at its level."""
    counts: Mapping[str, int | float]
    """``rows``, ``unexpected``, ``missing``, ``observed``: those that the expectation gives."""
    note: str = ""
    """Why it could not be evaluated."""
    measure: str = ""
    """The name of what ``observed`` counts."""
    found: str = ""
    """What was found and what to do about it, in words, where the expectation has some."""

    @property
    def figure(self) -> str:
        """What was found, in words."""
        if not self.evaluated:
            return f"could not be evaluated: {self.note}"
        if "unexpected" in self.counts:
            rows = told(int(self.counts.get("rows", 0)), "1 row", "# rows")
            return f"not so in {self.counts['unexpected']:,} of {rows}" if self.counts["unexpected"] else f"so in all {rows}"
        if "observed" not in self.counts:
            return "so" if self.success else "not so"
        observed = self.counts["observed"]
        number = f"{observed:.3f}" if isinstance(observed, float) else f"{observed:,}"
        return f"{self.measure or 'found'}: {number}"

    @property
    def told(self) -> str:
        """What a run says of it when it is not met."""
        return self.found or f"{self.sentence.rstrip('.')} ({self.figure})"


@dataclass(frozen=True)
class Verdict:
    """What one gate says of one state of the data."""

    gate: str
    level: str
    rows_sha256: str
    as_of: datetime
    results: tuple[Result, ...]
    entry_rows_sha256: str | None = None
    """Exit gate only: the ledger that these rows were made of, as the entry gate must have judged it."""
    file_sha256: str | None = None
    """Exit gate only: the file that held these rows. The same bytes need no second look at their rows."""
    beside_sha256: Mapping[str, str] = field(default_factory=dict)
    """Exit gate only: the files that go out beside these rows, by name. Empty: from before a verdict covered them."""
    overrides: tuple[Mapping[str, Any], ...] = ()
    """Every override and acknowledgement recorded in this home, however long ago."""
    number: int = 1
    """The how manyth judgement on these rows this is."""
    judged_on: Mapping[str, str] = field(default_factory=dict)
    """By suite: the hash of all that its results follow from. Empty for a suite of which that cannot be said."""
    kept_from: str | None = None
    """When these results were found (an as_of), where they were kept because nothing that they follow from has changed."""

    @property
    def failed(self) -> tuple[Result, ...]:
        """What is not met, most severe first."""
        return tuple(sorted((item for item in self.results if not item.success), key=lambda item: -RANK.index(item.level)))

    @property
    def file_name(self) -> str:
        return f"{self.gate}-{self.rows_sha256}-{self.number}.json"

    def as_dict(self) -> dict[str, Any]:
        """What is stored."""
        return {**asdict(self), "as_of": self.as_of.isoformat()}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Verdict:
        """What was stored. Anything else raises ValueError, KeyError or TypeError."""
        return cls(
            **{
                **stored,
                "as_of": datetime.fromisoformat(stored["as_of"]),
                "results": tuple(Result(**item) for item in stored["results"]),
                "overrides": tuple(stored["overrides"]),
            }
        )


@dataclass(frozen=True)
class Permission:
    """Leave to publish and push exactly the rows of one hash."""

    rows_sha256: str
    level: str
    """The worse of both gates, lowered by an override if there is one."""
    exit_verdict: Verdict
    entry_verdict: Verdict
    verdict_sha256: str
    override: Mapping[str, Any] | None = None

    @property
    def releases_held(self) -> bool:
        """New suppressions go out, releases wait."""
        return RANK.index(self.level) >= RANK.index("hold")

    def record(self) -> dict[str, Any]:
        """What a manifest keeps of it."""
        return {
            "level": self.level,
            "judged_level": _worst(self.exit_verdict, self.entry_verdict),
            "verdict": self.exit_verdict.file_name,
            "verdict_sha256": self.verdict_sha256,
            "entry_verdict": self.entry_verdict.file_name,
            "rows_sha256": self.rows_sha256,
            "failed": [f"{item.level}: {item.sentence}" for item in (*self.exit_verdict.failed, *self.entry_verdict.failed)],
            "override": self.override,
        }


def store(home: Home, verdict: Verdict) -> Verdict:
    """Keep a verdict beside the earlier ones on the same rows, and record it. Returns it as it was kept, numbered."""
    home.create()
    with overrides_log(home).alone():
        newest = _newest(home, verdict.gate, verdict.rows_sha256)
        last = replace(verdict, number=newest)
        # The same judgement once more (a run repeated with its clock) is kept once.
        is_kept = newest > 0 and (home.gate_folder / last.file_name).read_bytes() == _stored(last)
        verdict = last if is_kept else replace(verdict, number=newest + 1)
        # The name of one that was lost stays its own: under it this one would never prove.
        while not is_kept and chain.names(home, home.gate_folder / verdict.file_name):
            verdict = replace(verdict, number=verdict.number + 1)
        path = home.gate_folder / verdict.file_name
        if not is_kept:
            write_atomic(path, _stored(verdict))
        # The log too: a process killed while somebody recorded an override left that to others.
        chain.record(home, *overrides_log(home).links(home), chain.file_link(home, "verdict", path))
    return verdict


def read_verdict(home: Home, gate: str, rows_sha256: str) -> Verdict | None:
    """The newest verdict of ``gate`` on these rows, or None when it never judged them.

    Raises:
        PermanentError: the file under that name is no verdict, one on other rows, or not the one that was recorded.
    """
    number = _newest(home, gate, rows_sha256)
    return read_named(home, f"{gate}-{rows_sha256}-{number}.json") if number else None


def read_named(home: Home, name: str) -> Verdict:
    """The verdict in the file of that name.

    Raises:
        PermanentError: there is none, or it is not the one that was recorded.
    """
    path = home.gate_folder / name
    seen = ""
    try:
        verdict = Verdict.from_dict(json.loads(path.read_text()))
        if verdict.level != level_of(verdict.results) or verdict.file_name != path.name:
            seen = f"{path.name} is one on other rows, or does not say what its results say"
        elif not chain.holds(home, chain.file_link(home, "verdict", path)):
            seen = f"{path.name} is not as it was recorded, or was never recorded"
    except FileNotFoundError:
        seen = f"{path.name} is gone"
    except (ValueError, KeyError, TypeError):
        seen = f"{path.name} is no verdict"
    if seen:
        raise PermanentError(
            f"Reading the verdict {name[:17]}…",
            seen=seen,
            next_step="judge again (quietlist run); a verdict is never written by hand",
        )
    return verdict


def _stored(verdict: Verdict) -> bytes:
    return (canonical_json(verdict.as_dict()) + "\n").encode()


def _newest(home: Home, gate: str, rows_sha256: str) -> int:
    """The number of the newest verdict of ``gate`` on these rows; 0 when there is none."""
    names = (_NUMBERED.search(path.name) for path in home.gate_folder.glob(f"{gate}-{rows_sha256}-*.json"))
    return max((int(name[1]) for name in names if name), default=0)


def level_of(results: tuple[Result, ...]) -> str:
    """The gravest level at which an expectation failed; pass when none did."""
    return max((item.level for item in results if not item.success), key=RANK.index, default="pass")


def allows(home: Home, rows_sha256: str, *, now: datetime | None = None) -> Permission:
    """Leave to publish and push these rows. ``now`` (the present moment) decides whether an override still runs.

    Raises:
        GateClosed: a gate never judged these rows, or stopped them; names what failed and the next step.
        PermanentError: a verdict or an override is not what was written.
    """
    tried = f"Asking for the verdict on rows {rows_sha256[:12]}…"
    again = "judge and publish in one run (quietlist run)"
    exit_verdict = read_verdict(home, "exit", rows_sha256)
    if exit_verdict is None:
        raise GateClosed(tried, seen="the exit gate never judged exactly these rows", next_step=again)
    entry_verdict = read_verdict(home, "entry", exit_verdict.entry_rows_sha256 or "")
    if entry_verdict is None:
        raise GateClosed(tried, seen="the entry gate never judged the ledger these rows were made of", next_step=again)
    level = _worst(exit_verdict, entry_verdict)
    causes = _causes(exit_verdict, entry_verdict)
    override = _running_override(home, rows_sha256, causes, now or datetime.now(UTC)) if level in ("hold", "stop") else None
    if override is not None:
        level = RANK[RANK.index(level) - 1]
    if level == "stop":
        stops = [item for item in (*exit_verdict.failed, *entry_verdict.failed) if item.level == "stop"]
        raise GateClosed(
            tried,
            seen="; ".join(f"'{item.sentence.rstrip('.')}' ({item.suite}: {item.figure})" for item in stops[:_NAMED_FAILURES])
            + (f"; and {len(stops) - _NAMED_FAILURES} more" if len(stops) > _NAMED_FAILURES else ""),
            allowed="rows at which no expectation of level stop failed",
            next_step=f"open {home.reports / 'data_docs' / 'index.html'}, fix the cause and run again; "
            f"or a named person takes it on themselves for at most {OVERRIDE_DAYS} days (quietlist override)",
        )
    verdict_sha256 = sha256_file(home.gate_folder / exit_verdict.file_name)
    return Permission(rows_sha256, level, exit_verdict, entry_verdict, verdict_sha256, override)


def override(
    home: Home, rows_sha256: str, *, person: str, reason: str, until: datetime, now: datetime | None = None
) -> dict[str, Any]:
    """Record that ``person`` takes these rows on themselves until then. Returns what was recorded.

    Raises:
        ConfigError: with everything that is missing or too much.
    """
    now = now or datetime.now(UTC)
    problems = who_and_why(person, reason)
    if not _ROWS.match(rows_sha256):
        problems.append("rows: not a row hash of 64 hex digits")
    elif read_verdict(home, "exit", rows_sha256) is None:
        problems.append("rows: the exit gate never judged these rows, and only a verdict can be overridden")
    if until.tzinfo is None:
        problems.append("until: has no time zone")
    elif not now < until <= now + timedelta(days=OVERRIDE_DAYS):
        problems.append(f"until: {until.isoformat()} is not within {OVERRIDE_DAYS} days from now ({now.isoformat()})")
    if problems:
        raise ConfigError("Recording an override", problems, next_step="give all of them; nothing was recorded")
    exit_verdict = read_verdict(home, "exit", rows_sha256)
    assert exit_verdict is not None, "looked at above"
    causes = sorted(_causes(exit_verdict, read_verdict(home, "entry", exit_verdict.entry_rows_sha256 or "")))
    entry = {"kind": "rows", "rows_sha256": rows_sha256, "causes": causes, "until": until.isoformat()}
    return _record(home, entry, person, reason, now)


def acknowledge(home: Home, file_id: str, *, person: str, reason: str, now: datetime | None = None) -> dict[str, Any]:
    """Record that ``person`` looked at a landed file that can't be fixed; it no longer holds releases.

    Raises:
        ConfigError: with everything that is missing.
    """
    problems = who_and_why(person, reason)
    if not _FILE_ID.match(file_id):
        problems.append("file: not a file id of 32 hex digits")
    if problems:
        raise ConfigError("Acknowledging a file", problems, next_step="give all of them; nothing was recorded")
    return _record(home, {"kind": "file", "file_id": file_id}, person, reason, now or datetime.now(UTC))


def overrides(home: Home) -> tuple[dict[str, Any], ...]:
    """Every override and acknowledgement ever recorded here, oldest first.

    Raises:
        PermanentError: a line was changed or taken out.
    """
    return overrides_log(home).entries()


def _causes(*verdicts: Verdict | None) -> set[str]:
    """What stops these rows, each with what was found: the same rows may be stopped by something new tomorrow."""
    return {f"{item.suite}: {item.told}" for verdict in verdicts if verdict for item in verdict.failed if item.level == "stop"}


def _running_override(home: Home, rows_sha256: str, causes: set[str], now: datetime) -> dict[str, Any] | None:
    """The override on these rows that runs longest, if one runs. It holds for the causes that its person saw, and for no other: a
    registry that is withheld leaves the rows as they are, and nobody has answered for it yet.
    """
    running = [
        entry
        for entry in overrides(home)
        if entry["kind"] == "rows"
        and entry["rows_sha256"] == rows_sha256
        and causes <= set(entry["causes"])
        and now < datetime.fromisoformat(entry["until"])
    ]
    return max(running, key=lambda entry: datetime.fromisoformat(entry["until"]), default=None)


def _record(home: Home, what: dict[str, Any], person: str, reason: str, now: datetime) -> dict[str, Any]:
    entry = {**what, "person": person.strip(), "reason": reason.strip(), "recorded_at": now.isoformat()}
    home.create()
    log = overrides_log(home)
    with log.alone():
        log.add(home, entry)
    return entry


def overrides_log(home: Home) -> Journal:
    """The journal of overrides and acknowledgements."""
    return Journal(home.gate_folder / "overrides.jsonl", "override", "the overrides", "nothing that needs an override goes out")


def _worst(*verdicts: Verdict) -> str:
    return max((verdict.level for verdict in verdicts), key=RANK.index)
