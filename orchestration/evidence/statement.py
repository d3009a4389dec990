"""What the evidence amounts to: what is proven, what is not, and what a person must look at. No figures are made here.

The three lists are the report's first page, so each sentence says what, how many and (by its link) where it is shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from orchestration.evidence.gather import Evidence
from orchestration.evidence.wording import age, counted, listed, percent, told


@dataclass(frozen=True)
class Line:
    """One sentence and the section that shows its figures."""

    said: str
    section: str


@dataclass(frozen=True)
class Matter:
    """Something a person must look at, and what to do about it."""

    said: str
    section: str
    next_step: str
    since: datetime | None = None


@dataclass(frozen=True)
class Statement:
    """The state of the house in one sentence and three lists. The matters stand gravest first."""

    headline: str
    proven: tuple[Line, ...]
    unproven: tuple[Line, ...]
    matters: tuple[Matter, ...]


def state(evidence: Evidence) -> Statement:
    """Judge the evidence."""
    matters = (
        *_of_gates(evidence, "stop", "hold"),
        *_of_clocks(evidence),
        *_of_destinations(evidence),
        *_of_sources(evidence),
        *_of_gates(evidence, "alert"),
    )
    return Statement(_headline(evidence, len(matters)), tuple(_proven(evidence)), tuple(_unproven(evidence)), matters)


def _headline(evidence: Evidence, matters: int) -> str:
    if evidence.published_problem:
        first = "The published list does not prove: it is not as it was published."
    elif evidence.published is None:
        first = "Nothing has been published yet, so no system is kept in line."
    else:
        rows = counted(evidence.published.row_count, "suppression")
        first = f"Version {evidence.published.version} of the list is in force, with {rows}."
    clocks = evidence.clocks
    ended, overdue = clocks.of("on_time", "late"), clocks.of("overdue")
    if not clocks.total:
        second = "No legal clock runs."
    else:
        met = f"{percent(clocks.of('on_time'), ended)} of the legal clocks that have ended were met; " if ended else ""
        second = met + (told(overdue, "one is overdue now.", "# are overdue now.") if overdue else "none is overdue now.")
        second = second[0].upper() + second[1:]
    third = told(matters, "One matter needs a person.", "# matters need a person.") if matters else "Nothing waits for a person."
    return f"{first} {second} {third}"


def _proven(evidence: Evidence) -> Iterator[Line]:
    if evidence.chain.whole and evidence.chain.entries:
        yield Line(f"The chain of evidence is whole: {evidence.chain.sentence()}.", "about")
    if evidence.published:
        yield Line(
            f"The files of version {evidence.published.version} are those that were published: hashed again for this page.",
            "about",
        )
    met = [verdict for verdict in evidence.verdicts if verdict.level == "pass"]
    if met:
        gates = listed([verdict.gate for verdict in met])
        checks = sum(len(verdict.results) for verdict in met)
        yield Line(f"All {checks:,} expectations of the {gates} {'gate' if len(met) == 1 else 'gates'} are met.", "gates")
    if evidence.files.files and evidence.files.files == evidence.files.whole:
        read = sum(source.records_read for source in evidence.sources)
        yield Line(f"Each of {counted(read, 'record')} in {counted(evidence.files.files, 'file')} is accounted for.", "sources")
    if on_time := evidence.clocks.of("on_time"):
        yield Line(told(on_time, "One legal clock ended in time.", "# legal clocks ended in time."), "clocks")
    if verified := sum(destination.states.get("verified", 0) for destination in evidence.destinations):
        yield Line(
            told(
                verified, "One pushed row was read back at its destination.", "# pushed rows were read back at their destination."
            ),
            "destinations",
        )
    if evidence.exposure.total and not evidence.exposure.violations:
        yield Line(f"None of {counted(evidence.exposure.total, 'contact')} made went against a suppression.", "contacts")


def _unproven(evidence: Evidence) -> Iterator[Line]:
    if not evidence.verdicts:
        yield Line("No gate has judged anything yet.", "gates")
    silent = [destination for destination in evidence.destinations if destination.unprovable]
    unprovable = sum(destination.unprovable for destination in silent)
    if unprovable:
        who = listed([destination.name for destination in silent])
        yield Line(
            told(
                unprovable,
                f"One row is accepted, not provable: {who} shows nothing.",
                f"# rows are accepted, not provable: {who} cannot be read back.",
            ),
            "destinations",
        )
    waiting = sum(
        destination.states.get("wanted", 0) + destination.states.get("sent", 0) for destination in evidence.destinations
    )
    if (waiting := waiting - unprovable) > 0:
        yield Line(
            told(
                waiting,
                "One row is on its way: not seen at the destination yet.",
                "# rows are on their way: not seen at the destination yet.",
            ),
            "destinations",
        )
    if accepted := evidence.clocks.of("accepted"):
        yield Line(
            told(accepted, "One legal clock has an acceptance only.", "# legal clocks have an acceptance only, and no proof."),
            "clocks",
        )
    if running := evidence.clocks.of("open", "at_risk"):
        yield Line(told(running, "One legal clock still runs.", "# legal clocks still run."), "clocks")
    if open_law := evidence.clocks.unverified:
        yield Line(
            told(open_law, "One clock rests on an unverified citation.", "# clocks rest on an unverified citation."), "clocks"
        )
    if not evidence.exposure.total:
        yield Line("No record of sends, texts or calls was delivered, so nothing can be said about violations.", "contacts")
    if unscreened := sum(row["unscreened"] or 0 for row in evidence.registries):
        yield Line(
            told(
                unscreened,
                "One known number is unscreened, which is not clear.",
                "# known numbers are unscreened, which is not clear.",
            ),
            "registries",
        )


def _of_gates(evidence: Evidence, *levels: str) -> Iterator[Matter]:
    broken = evidence.chain.first_break
    if broken is not None and "stop" in levels:
        yield Matter(
            f"The chain of evidence is broken at {evidence.chain.sentence()}.",
            "about",
            f"{broken.next_step[0].upper()}{broken.next_step[1:]}; then run quietlist verify.",
        )
    elif evidence.published_problem and "stop" in levels:
        yield Matter(
            f"The published list is not as it was published: {evidence.published_problem}.",
            "about",
            "Restore published/ from its backup, then run quietlist verify.",
        )
    follows = {
        "stop": "nothing is published or pushed",
        "hold": "releases wait while new suppressions go out",
        "alert": "everything goes out",
    }
    for verdict in evidence.verdicts:
        if verdict.level in levels:
            failed = told(len(verdict.failed), "one expectation is not met", "# expectations are not met")
            yield Matter(
                f"The {verdict.gate} gate says {verdict.level}: {failed}; {follows[verdict.level]}.",
                "gates",
                "Read what was found, mend the cause and run again.",
            )


def _of_clocks(evidence: Evidence) -> Iterator[Matter]:
    clocks, violations = evidence.clocks, evidence.exposure.violations
    yield from _counts(
        "contacts",
        (
            violations,
            "One contact was made",
            "# contacts were made",
            " against a suppression.",
            "Stop the cause first; it is named for each.",
        ),
    )
    yield from _counts(
        "clocks",
        (clocks.of("overdue"), "One legal clock is", "# legal clocks are", " overdue.",
         "The worst are listed; look at their destination first."),
        (clocks.promised.get("overdue", 0), "One clock of our own promise is", "# clocks of our own promise are", " overdue.",
         "No law that we know sets a limit there; we did."),
        (clocks.of("at_risk"), "One legal clock is", "# legal clocks are", " at risk.", "They run out next: push and read back."),
        (clocks.of("late"), "One legal clock", "# legal clocks", " ended late.", "Nothing mends them; be ready to explain them."),
    )  # fmt: skip


def _of_destinations(evidence: Evidence) -> Iterator[Matter]:
    for destination in evidence.destinations:
        name = destination.name
        if missing := destination.states.get("missing", 0):
            yield Matter(
                f"{name}: " + told(missing, "one accepted row is not there.", "# accepted rows are not there."), "destinations",
                "These people can still be contacted; the next push puts them again.", destination.oldest_unverified_at,
            )  # fmt: skip
        if rejected := destination.states.get("rejected", 0):
            yield Matter(
                f"{name}: " + told(rejected, "one row was refused.", "# rows were refused."), "destinations",
                "These people can still be contacted; the receipt holds the system's codes.", destination.oldest_unverified_at,
            )  # fmt: skip
        if destination.stopped:
            yield Matter(
                f"{name}: the last push stopped before its end ({destination.stopped}).",
                "destinations",
                "Read its alarm, then run again.",
            )
        for reason, count in destination.held.items():
            held = told(count, "one row is held", "# rows are held")
            yield Matter(
                f"{name}: {held} ({reason.replace('_', ' ')}).", "destinations", "Look at them; the receipt names the next step."
            )
    for row in evidence.registries:
        if row["is_too_old"]:
            yield Matter(
                f"The copy of {row['registry']} is {age(row['age'])} old; {row['max_age_days']} days are allowed.", "registries",
                "Obtain a new copy before the next call.", row["obtained_at"],
            )  # fmt: skip


def _of_sources(evidence: Evidence) -> Iterator[Matter]:
    files, requests, sources = evidence.files, evidence.requests, evidence.sources
    yield from _counts(
        "sources",
        (files.files - files.whole, "One file has", "# files have", " records that ended nowhere.",
         "A reader lost them: report it, and rebuild after the repair."),
    )  # fmt: skip
    for source in sources:
        if source.is_late:
            silence = f"silent for {age(source.silent_for)}" if source.silent_for else "nothing has ever arrived"
            yield Matter(
                f"{source.name} is late: {silence}, expected every {age(float(source.expected_every_hours or 0))}.",
                "sources",
                "Ask the sender. A missing file releases nobody.",
                source.last_arrival,
            )
    if unresolved := sum(row["requests"] for row in evidence.unresolved):
        yield Matter(
            told(
                unresolved, "One request reaches nobody on a channel it names.", "# requests reach nobody on a channel they name."
            ),
            "person",
            "Find out whom they concern; a later contact snapshot may resolve them.",
            min(row["oldest"] for row in evidence.unresolved),
        )
    yield from _counts(
        "person",
        (sum(row["echoes"] for row in evidence.echoes), "One send was", "# sends were",
         " dropped for a suppression unknown here.", "An opt-out may be lost on its way: ask the vendor for its whole list."),
        (sum(row["records"] for row in files.quarantine), "One record is", "# records are", " in quarantine.",
         "Mend the record and deliver it again."),
        (sum(source.unknown_files for source in sources), "One file has a name", "# files have names", " that no feed knows.",
         "Rename it and deliver it again, or add the name to the feed."),
        (sum(row["requests"] for row in requests.unknown_scopes), "One request names", "# requests name",
         " a scope that the company's tree does not have.", "Each is taken as the nearest node above; add it to company.scopes."),
        (sum(row["requests"] for row in requests.doubts), "One request was", "# requests were", " read in doubt.",
         "Each counts as a suppression until somebody has read its words."),
        (sum(row["requests"] for row in requests.untimed), "One request has", "# requests have", " no certain time.",
         "They are read in the way that contacts fewer people; check the source's time zone."),
    )  # fmt: skip


def _counts(section: str, *kinds: tuple[int, str, str, str, str]) -> Iterator[Matter]:
    """A matter for each kind that there is any of: how many, its words for one and for many, the rest, the next step."""
    for number, one, many, rest, next_step in kinds:
        if number:
            yield Matter(told(number, one, many) + rest, section, next_step)
