"""Matters over time: what needs a person, who has it, until when, and what became of it.

Which there are is said by ``statement``, anew in each report. Here a run compares that with the journal
(``matters/matters.jsonl``, each line on the chain of evidence) and writes down what is new, what grew and what is gone; and a
person says who takes one, or that it is dealt with. One that a person closed stays closed while there is no more of it than there
was then; when it grows it is a new one, so closing hides nothing that comes later. No line names a person of the list.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from orchestration.core.config import Config, owner_list
from orchestration.core.errors import ConfigError
from orchestration.core.home import Home
from orchestration.core.journal import matters_log, who_and_why
from orchestration.core.masks import mask_text
from orchestration.core.matters import KINDS
from orchestration.core.wording import age, counted, listed, moment
from orchestration.report.statement import Matter

_DAY = timedelta(days=1)
_LONGEST = 2_000  # letters of a reason: what a person still reads in a table


@dataclass(frozen=True)
class Kept:
    """One matter as the journal has it."""

    id: str
    kind: str
    about: str
    said: str
    next_step: str
    section: str
    count: int
    owners: tuple[str, ...]
    since: datetime
    """Since when it is so; where nobody can say, since the run that found it."""
    opened: datetime
    """The clock of the run that found it."""
    due: datetime
    state: str = "open"
    """open, closed (a person says that it is dealt with), gone (a run did not find it any more, and nobody had closed it)."""
    is_there: bool = True
    """Whether the last run found it, closed or not."""
    ended: datetime | None = None
    ended_by: str | None = None
    reason: str | None = None
    history: tuple[dict[str, Any], ...] = field(default=(), repr=False)

    @property
    def key(self) -> tuple[str, str]:
        return self.kind, self.about

    def is_overdue(self, now: datetime) -> bool:
        return self.state == "open" and self.due < now

    def as_dict(self) -> dict[str, Any]:
        return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in asdict(self).items()}

    def line(self, now: datetime) -> str:
        """For a terminal."""
        if self.state != "open":
            by = f" by {mask_text(self.ended_by)}: {mask_text(self.reason or '')}" if self.ended_by else ""
            return f"{self.id}  {self.state} {moment(self.ended)}{by}. {self.said}"
        due = f"OVERDUE by {age(now - self.due)}" if self.is_overdue(now) else f"due {moment(self.due)}"
        return f"{self.id}  {due}, {', '.join(self.owners)}. {self.said}"


def matters(home: Home) -> tuple[Kept, ...]:
    """Every matter there ever was, oldest first.

    Raises:
        PermanentError: a line of the journal was changed or taken out.
    """
    found: dict[str, Kept] = {}
    for entry in matters_log(home).entries():
        found[entry["matter"]] = _after(found.get(entry["matter"]), entry)
    return tuple(found.values())


def note(home: Home, config: Config, now: Sequence[Matter], as_of: datetime) -> tuple[Kept, ...]:
    """Write down what a run found, and return all matters. A run that finds what the one before it found writes nothing."""
    journal = matters_log(home)
    with journal.alone():
        kept = {matter.key: matter for matter in matters(home)}  # the last one of each key
        number = len({entry["matter"] for entry in journal.entries()})
        entries: list[dict[str, Any]] = []
        wanted = {(matter.kind, matter.about): matter for matter in now}
        for key, matter in wanted.items():
            before = kept.get(key)
            if before is None or not before.is_there or (before.state == "closed" and matter.count > before.count):
                number += 1
                entries.append(_opened(f"M-{number}", matter, config, as_of))
            elif before.state == "open" and (matter.said, matter.count) != (before.said, before.count):
                entries.append(
                    {
                        "event": "changed",
                        "matter": before.id,
                        "said": matter.said,
                        "count": matter.count,
                        "as_of": as_of.isoformat(),
                    }
                )
        # What was closed and is no longer there is gone too: when it comes back it is a new one.
        entries += [
            {"event": "gone", "matter": matter.id, "as_of": as_of.isoformat()}
            for key, matter in kept.items()
            if key not in wanted and matter.is_there
        ]
        if entries:
            journal.add(home, *entries)
    return matters(home)


def assign(home: Home, matter_id: str, owners: Sequence[str], *, person: str, reason: str, now: datetime) -> Kept:
    """Record who takes a matter.

    Raises:
        ConfigError: it is not open, an owner is none, or a name or reason is missing.
    """
    try:
        owners = owner_list(tuple(owners))
    except ValueError as error:
        raise ConfigError("Assigning a matter", [f"to: {error}"], next_step="name another one; nothing was recorded") from error
    return _said(home, matter_id, {"event": "assigned", "owners": list(owners)}, person, reason, now)


def close(home: Home, matter_id: str, *, person: str, reason: str, now: datetime) -> Kept:
    """Record that a matter is dealt with.

    Raises:
        ConfigError: it is not open, or a name or reason is missing.
    """
    return _said(home, matter_id, {"event": "closed"}, person, reason, now)


def ended_since(found: Sequence[Kept], moment: datetime) -> list[Kept]:
    """The matters that a person closed, or that went, since then, the last first."""
    over = [matter for matter in found if matter.ended is not None and matter.ended >= moment]
    return sorted(over, key=lambda matter: (matter.ended or moment, matter.id), reverse=True)


def lines(found: Sequence[Kept], now: datetime, *, ended: bool) -> Iterator[str]:
    """For a terminal: the open ones by when they are due, then those that ended, the last first."""
    still = sorted((matter for matter in found if matter.state == "open"), key=lambda matter: (matter.due, matter.id))
    yield sentence(found, now)
    for matter in still:
        yield matter.line(now)
        yield f"  next   {matter.next_step}"
    if ended:
        yield from (matter.line(now) for matter in ended_since(found, datetime.min.replace(tzinfo=UTC)))
    elif still:
        yield "quietlist matters show ID tells the history of one; assign and close record what a person decides."


def sentence(found: Sequence[Kept], now: datetime) -> str:
    """How many are open, new and overdue."""
    counts = Counter(matter.state for matter in found)
    if not found:
        return "No run has written down a matter yet."
    overdue = sum(matter.is_overdue(now) for matter in found)
    latest = max(matter.opened for matter in found)
    return (
        f"{counted(counts['open'], 'matter')} open, {overdue:,} of them overdue; "
        f"{sum(matter.state == 'open' and matter.opened == latest for matter in found):,} found as of {moment(latest)}; "
        f"{counts['closed']:,} closed by a person, {counts['gone']:,} gone."
    )


def in_short(home: Home, as_of: datetime) -> str:
    """What a run says of them: how many are open, new and overdue, and who closed which since yesterday. Empty: none is."""
    found = matters(home)
    still = [matter for matter in found if matter.state == "open"]
    closed = [f"{matter.id} by {mask_text(matter.ended_by)}" for matter in ended_since(found, as_of - _DAY) if matter.ended_by]
    if not still and not closed:
        return ""
    new, overdue = sum(matter.opened == as_of for matter in still), sum(matter.is_overdue(as_of) for matter in still)
    said = f"{len(still):,} open, {new:,} of them new and {overdue:,} overdue"
    return said + (f"; closed: {listed(closed)}" if closed else "") + " (quietlist matters)"


def story(matter: Kept, now: datetime) -> Iterator[str]:
    """One matter with its history, for a terminal."""
    yield matter.line(now)
    yield f"  kind   {matter.kind}: {KINDS[matter.kind].name}{f' ({matter.about})' if matter.about else ''}"
    yield f"  since  {moment(matter.since)}"
    yield f"  next   {matter.next_step}"
    for entry in matter.history:
        when = moment(datetime.fromisoformat(entry.get("recorded_at") or entry["as_of"]))
        by = f" by {mask_text(entry['person'])}: {mask_text(entry['reason'])}" if entry.get("person") else ""
        what = f" to {', '.join(entry['owners'])}" if entry["event"] == "assigned" else ""
        said = f": {entry['said']}" if entry["event"] in ("opened", "changed") else ""
        yield f"  {when}  {entry['event']}{what}{by}{said}"


def named(found: Sequence[Kept], matter_id: str) -> Kept:
    """The matter of that id.

    Raises:
        ConfigError: there is none.
    """
    for matter in found:
        if matter.id.casefold() == matter_id.strip().casefold():
            return matter
    open_ones = [matter.id for matter in found if matter.state == "open"]
    raise ConfigError(
        f"Looking up the matter {matter_id}",
        seen="no run has written down a matter of that id",
        allowed=listed(open_ones) if open_ones else "no matter is open",
        next_step="see quietlist matters",
    )


def owners_of(matter: Matter, config: Config) -> tuple[str, ...]:
    """Who answers for a matter: by its kind where the configuration says, else whose the source or destination is."""
    if (owners := config.matters.owners.get(matter.kind)) is not None:
        return owners
    source = config.sources.get(matter.about) if KINDS[matter.kind].about == "source" else None
    destination = config.destinations.get(matter.about) if KINDS[matter.kind].about == "destination" else None
    section = source or destination
    return (section.owners if section else ()) or config.company.owners


def _opened(matter_id: str, matter: Matter, config: Config, as_of: datetime) -> dict[str, Any]:
    hours = config.matters.due_hours.get(matter.kind, KINDS[matter.kind].due_hours)
    return {
        "event": "opened",
        "matter": matter_id,
        "kind": matter.kind,
        "about": matter.about,
        "said": matter.said,
        "next_step": matter.next_step,
        "section": matter.section,
        "count": matter.count,
        "owners": list(owners_of(matter, config)),
        "since": (matter.since or as_of).astimezone(UTC).isoformat(),
        "due": (as_of + timedelta(hours=hours)).isoformat(),
        "as_of": as_of.isoformat(),
    }


def _said(home: Home, matter_id: str, entry: dict[str, Any], person: str, reason: str, now: datetime) -> Kept:
    problems = who_and_why(person, reason)
    if len(reason) > _LONGEST:
        problems.append(f"reason: {len(reason):,} letters, and at most {_LONGEST:,} are allowed")
    if problems:
        raise ConfigError("Recording what became of a matter", problems, next_step="give both; nothing was recorded")
    journal = matters_log(home)
    with journal.alone():
        matter = named(matters(home), matter_id)
        if matter.state != "open":
            raise ConfigError(
                f"Recording what became of {matter.id}",
                seen=f"it is {matter.state} since {moment(matter.ended)}",
                allowed="a matter that is open",
                next_step="see quietlist matters; nothing was recorded",
            )
        journal.add(
            home,
            {
                **entry,
                "matter": matter.id,
                "person": person.strip(),
                "reason": reason.strip(),
                "recorded_at": now.astimezone(UTC).isoformat(),
            },
        )
    return named(matters(home), matter.id)


def _after(before: Kept | None, entry: dict[str, Any]) -> Kept:
    """A matter after one more line of its history."""
    event = entry["event"]
    if before is None:
        return Kept(
            id=entry["matter"],
            **{name: entry[name] for name in ("kind", "about", "said", "next_step", "section", "count")},
            owners=tuple(entry["owners"]),
            since=datetime.fromisoformat(entry["since"]),
            opened=datetime.fromisoformat(entry["as_of"]),
            due=datetime.fromisoformat(entry["due"]),
            history=(entry,),
        )
    before = replace(before, history=(*before.history, entry))
    if event == "changed":
        return replace(before, said=entry["said"], count=entry["count"])
    if event == "assigned":
        return replace(before, owners=tuple(entry["owners"]))
    if event == "gone":
        if before.state == "closed":
            return replace(before, is_there=False)
        return replace(before, is_there=False, state="gone", ended=datetime.fromisoformat(entry["as_of"]))
    return replace(
        before,
        state="closed",
        ended=datetime.fromisoformat(entry["recorded_at"]),
        ended_by=entry["person"],
        reason=entry["reason"],
    )
