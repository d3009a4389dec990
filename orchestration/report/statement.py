"""What the evidence amounts to: what is proven, what is not, and what a person must look at. No figures are made here.

The three lists are the report's first page, so each sentence says what, how many and (by its link) where it is shown. A sentence
claims what was looked at and no more: what could not be judged, and what was never asked, stands among the unproven.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from orchestration.audit.reviews import found_wrong, wrong_of
from orchestration.core.wording import age, counted, listed, moment, percent, told
from orchestration.report.gather import Evidence


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
    kind: str
    """One of ``core.matters.KINDS``."""
    count: int = 1
    """How much of it there is: when it grows after somebody closed it, it is a new matter."""
    about: str = ""
    """The source, destination, registry or gate, where there is one for each."""
    since: datetime | None = None


@dataclass(frozen=True)
class Statement:
    """The state of the house in one sentence and three lists. The matters stand gravest first."""

    headline: str
    proven: tuple[Line, ...]
    unproven: tuple[Line, ...]
    matters: tuple[Matter, ...]


def state(evidence: Evidence, closed: frozenset[tuple[str, str]] = frozenset()) -> Statement:
    """Judge the evidence. ``closed``: kind and subject of the matters that a person says are dealt with."""
    matters = (
        *_of_gates(evidence, "stop", "hold"),
        *_of_clocks(evidence),
        *_of_canaries(evidence),
        *_of_destinations(evidence),
        *_of_sources(evidence),
        *_of_first_day(evidence),
        *_of_reviews(evidence),
        *_of_gates(evidence, "alert"),
    )
    still = sum((matter.kind, matter.about) not in closed for matter in matters)
    return Statement(_headline(evidence, still), tuple(_proven(evidence)), tuple(_unproven(evidence)), matters)


def _headline(evidence: Evidence, matters: int) -> str:
    if evidence.published_problem:
        first = "The published list is not verified: it differs from what was published."
    elif evidence.published is None:
        first = "Nothing has been published yet, so no system is in sync."
    else:
        rows = counted(evidence.published.row_count, "suppression")
        first = f"Version {evidence.published.version} of the list is in force, with {rows}."
    second = _clocks_in_short(evidence)
    third = (
        told(matters, "One matter needs a person.", "# matters need a person.")
        if matters
        else "Nothing needs a person's decision."
    )
    return f"{first} {second} {third}"


def _clocks_in_short(evidence: Evidence) -> str:
    clocks = evidence.clocks
    met, ended, overdue = clocks.of("on_time"), clocks.of("on_time", "late"), clocks.of("overdue")
    if not clocks.total:
        if evidence.inherited.total and not clocks.unserved:
            return "No legal clock has begun since the first day."
        return "Legal clocks run that no destination ends." if clocks.unserved else "No legal clock runs."
    said = [
        f"{percent(met, ended)} of {counted(ended, 'legal clock')} that ended {_were(ended)} met" if ended else "",
        told(accepted, "one legal clock rests on an acceptance alone", "# legal clocks rest on an acceptance alone")
        if (accepted := clocks.of("accepted"))
        else "",
        told(overdue, "one legal clock is overdue now", "# legal clocks are overdue now")
        if overdue
        else f"no legal clock{' that a destination could end' if clocks.unserved else ''} is overdue now",
    ]
    text = "; ".join(filter(None, said)) + "."
    return text[0].upper() + text[1:]


def _proven(evidence: Evidence) -> Iterator[Line]:
    if evidence.chain.whole and evidence.chain.entries:
        yield Line(f"The chain of evidence is whole: {evidence.chain.sentence()}.", "about")
    if evidence.published:
        yield Line(
            f"The files of version {evidence.published.version} are those that were published: hashed again for this page.",
            "about",
        )
    for verdict in evidence.verdicts:
        if verdict.level == "pass" and verdict.results and _looked_at_something(evidence, verdict.gate):
            met = told(len(verdict.results), "The one expectation", "All # expectations")
            yield Line(
                f"{met} of the {verdict.gate} gate {_were(len(verdict.results))} met, as of {moment(verdict.as_of)}.", "gates"
            )
    files = evidence.files
    readable = files.files - files.refused
    if readable and files.files == files.whole:
        read = sum(source.records_read for source in evidence.sources) - files.refused
        apart = (
            f"; {files.quarantined:,} of them {'is' if files.quarantined == 1 else 'are'} in quarantine"
            if files.quarantined
            else ""
        )
        yield Line(
            f"Each of {counted(read, 'record')} in {counted(readable, 'file')} that could be read is accounted for{apart}.",
            "sources",
        )
    if on_time := evidence.clocks.of("on_time"):
        yield Line(told(on_time, "One legal clock ended in time.", "# legal clocks ended in time."), "clocks")
    if verified := sum(destination.states.get("verified", 0) for destination in evidence.destinations):
        yield Line(
            told(
                verified,
                "One row was read back at its destination when that was last looked at.",
                "# rows were read back at their destination when that was last looked at.",
            ),
            "destinations",
        )
    exposure = evidence.exposure
    if exposure.judged and not exposure.violations:
        grace = exposure.outcomes.get("in_grace", 0)
        within = f"; {grace:,} of them came after the request and within the legal time" if grace else ""
        yield Line(f"None of the {counted(exposure.judged, 'contact')} that could be judged was a violation{within}.", "contacts")


def _looked_at_something(evidence: Evidence, gate: str) -> bool:
    """Whether a gate that is met says anything: without files, rows or clocks there was nothing to look at, and of a table that
    was not published it says nothing about the version in force."""
    if gate == "entry":
        return evidence.files.files > 0
    if gate == "exit":
        return evidence.is_latest_published and (evidence.published is None or evidence.published.row_count > 0)
    clocks = evidence.clocks.total + sum(evidence.clocks.promised.values()) + evidence.inherited.total
    return clocks + len(evidence.registries) > 0


def _were(number: int) -> str:
    return "was" if number == 1 else "were"


def _unproven(evidence: Evidence) -> Iterator[Line]:
    if not evidence.verdicts:
        yield Line("No gate has judged anything yet.", "gates")
    if held_back := evidence.waiting.held_back:
        yield Line(
            told(
                held_back,
                "One malformed row of the table was held back: whom it protects is in no published list.",
                "# malformed rows of the table were held back: whom they protect is in no published list.",
            ),
            "gates",
        )
    if waits := replace(evidence.waiting, held_back=0).sentence():
        yield Line(
            f"{waits[0].upper()}{waits[1:].partition(':')[0]}: what is asked there is in none of these figures.", "sources"
        )
    if refused := evidence.files.refused:
        yield Line(
            told(
                refused,
                "One file was refused as a whole: nobody knows how many requests are in it.",
                "# files were refused as a whole: nobody knows how many requests are in them.",
            ),
            "person",
        )
    if cut_off := evidence.files.cut_off:
        yield Line(
            told(
                cut_off,
                "One file ends in the middle of a record: nobody knows what would have followed.",
                "# files end in the middle of a record: nobody knows what would have followed.",
            ),
            "person",
        )
    if unknown := sum(source.unknown_files for source in evidence.sources):
        yield Line(
            told(
                unknown,
                "One file was not read, because no feed knows its name: nobody knows what is in it.",
                "# files were not read, because no feed knows their names: nobody knows what is in them.",
            ),
            "person",
        )
    yield from _not_there(evidence)
    if unserved := sum(row["requests"] for row in evidence.clocks.unserved):
        channels = listed([row["channel"] for row in evidence.clocks.unserved])
        yield Line(
            told(
                unserved,
                "One legal clock runs where no destination could end it",
                "# legal clocks run where no destination could end them",
            )
            + f" ({channels}): what is honoured there is in no figure.",
            "clocks",
        )
    if accepted := evidence.clocks.of("accepted"):
        yield Line(
            told(accepted, "One legal clock has an acceptance only.", "# legal clocks have an acceptance only, and no proof."),
            "clocks",
        )
    if running := evidence.clocks.of("open", "at_risk"):
        yield Line(told(running, "One legal clock still runs.", "# legal clocks still run."), "clocks")
    if unproven := evidence.inherited.of("open", "at_risk", "accepted"):
        yield Line(
            told(
                unproven,
                "One clock of a request from before the first day has no proof yet.",
                "# clocks of requests from before the first day have no proof yet.",
            ),
            "inherited",
        )
    if open_law := evidence.clocks.unverified:
        yield Line(
            told(open_law, "One clock rests on an unverified citation.", "# clocks rest on an unverified citation."), "clocks"
        )
    yield from _not_judged(evidence)
    if unscreened := sum(row["unscreened"] or 0 for row in evidence.registries):
        yield Line(
            told(
                unscreened,
                "One known number is unscreened, which is not clear.",
                "# known numbers are unscreened, which is not clear.",
            ),
            "registries",
        )


def _not_there(evidence: Evidence) -> Iterator[Line]:
    """What nobody has seen at a destination."""
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
    configured = [destination for destination in evidence.destinations if destination.is_configured]
    if dry := [destination.name for destination in configured if destination.dry_run]:
        yield Line(f"{listed(dry)}: a dry run, nothing is sent there.", "destinations")
    if never := [item.name for item in configured if not item.dry_run and item.verify_class is None and not item.states]:
        yield Line(f"{listed(never)}: nothing was ever pushed there.", "destinations")
    if not configured and evidence.published:
        yield Line("No destination is configured: no system is shown to hold the list.", "destinations")


def _not_judged(evidence: Evidence) -> Iterator[Line]:
    """Contacts made of which nothing can be said."""
    exposure, refused = evidence.exposure, evidence.files.contacts_refused
    if exposure.unjudged:
        reasons = listed(
            [f"{count:,} because {exposure.words.get(why, why.replace('_', ' '))}" for why, count in exposure.obstacles.items()]
        )
        yield Line(
            told(exposure.unjudged, "One contact made could not be judged", "# contacts made could not be judged")
            + f": {reasons}.",
            "contacts",
        )
    if refused:
        yield Line(
            told(
                refused,
                "One record of a contact made is in quarantine, and was compared with nothing.",
                "# records of contacts made are in quarantine, and were compared with nothing.",
            ),
            "contacts",
        )
    if not exposure.total and not refused:
        yield Line("No record of sends, texts or calls was delivered, so nothing can be said about violations.", "contacts")


def _of_gates(evidence: Evidence, *levels: str) -> Iterator[Matter]:
    broken = evidence.chain.first_break
    if broken is not None and "stop" in levels:
        yield Matter(
            f"The chain of evidence is broken at {evidence.chain.sentence()}.",
            "about",
            f"{broken.next_step[0].upper()}{broken.next_step[1:]}; then run quietlist verify.",
            "chain_broken",
        )
    elif evidence.published_problem and "stop" in levels:
        yield Matter(
            f"The published list is not as it was published: {evidence.published_problem}.",
            "about",
            "Restore published/ from its backup, then run quietlist verify.",
            "list_altered",
        )
    follows = {
        "stop": "nothing new is published or pushed",
        "hold": "releases are held while new suppressions go out",
        "alert": "this alone holds nothing",
    }
    if evidence.is_overridden and evidence.is_latest_published:
        follows["stop"] = "a person's override let it pass, with releases held"
        follows["hold"] = "a person's override let it pass, or another gate decides"
    for verdict in evidence.verdicts:
        if verdict.level in levels:
            failed = told(len(verdict.failed), "one expectation is not met", "# expectations are not met")
            yield Matter(
                f"The {verdict.gate} gate says {verdict.level}: {failed}; {follows[verdict.level]}.",
                "gates",
                "Read what was found, fix the cause and run again.",
                f"gate_{verdict.level}",
                len(verdict.failed),
                verdict.gate,
            )


def _of_clocks(evidence: Evidence) -> Iterator[Matter]:
    clocks, inherited, violations = evidence.clocks, evidence.inherited, evidence.exposure.violations
    yield from _counts(
        "contacts",
        (
            "violations",
            violations,
            "One contact made was",
            "# contacts made were",
            " against a suppression or a registry.",
            "Stop the cause first: quietlist violations names it.",
        ),
    )
    yield from _counts(
        "clocks",
        (
            "overdue",
            clocks.of("overdue"),
            "One legal clock is",
            "# legal clocks are",
            " overdue.",
            "The worst are listed; look at their destination first.",
        ),
        (
            "promise_overdue",
            clocks.promised.get("overdue", 0),
            "One clock of our own promise is",
            "# clocks of our own promise are",
            " overdue.",
            "No law that we know sets a limit there; we did.",
        ),
        (
            "at_risk",
            clocks.of("at_risk"),
            "One legal clock is",
            "# legal clocks are",
            " at risk.",
            "Push and read back before the deadline.",
        ),
        ("late", clocks.of("late"), "One legal clock", "# legal clocks", " ended late.", "Be ready to explain why."),
        (
            "promise_late",
            clocks.promised.get("late", 0),
            "One clock of our own promise",
            "# clocks of our own promise",
            " ended late.",
            "No law that we know sets a limit there; we did.",
        ),
        (
            "accepted_late",
            clocks.accepted_late,
            "One legal clock was",
            "# legal clocks were",
            " accepted after its deadline, with no proof since.",
            "The system cannot be read back: ask its owner for a proof, and be ready to explain.",
        ),
    )
    yield from _counts(
        "inherited",
        (
            "inherited_overdue",
            inherited.of("overdue"),
            "One legal clock of a request from before the first day is",
            "# legal clocks of requests from before the first day are",
            " overdue.",
            "Whoever asked can still be contacted there: push, and read back.",
        ),
    )


def _of_first_day(evidence: Evidence) -> Iterator[Matter]:
    inherited = evidence.inherited
    if inherited.lacks_first_day:
        yield Matter(
            f"{percent(inherited.late_and_older, inherited.late)} of the late and overdue clocks are of requests from before the "
            "first delivery.",
            "inherited",
            "Set live_since in the section [company] of quietlist.toml, so that they are counted apart.",
            "first_day",
        )


def _of_reviews(evidence: Evidence) -> Iterator[Matter]:
    due = evidence.review_due
    if evidence.published and (due is None or due < evidence.as_of):
        yield Matter(
            f"The review of the list was due {moment(due)}." if due else "The list was never reviewed.",
            "list",
            "quietlist review draw --by NAME draws a sample for a person to look through.",
            "review_due",
            since=due or (evidence.versions[0][0] if evidence.versions else None),
        )
    if (wrong := wrong_of(evidence.reviews)) is not None:
        yield Matter(
            found_wrong(*wrong), "list", "See quietlist review show; correct what is behind it.", "review_wrong", wrong[1]
        )


def _of_canaries(evidence: Evidence) -> Iterator[Matter]:
    for place in dict.fromkeys(row["place"] for row in evidence.canaries):
        mine = [row for row in evidence.canaries if row["place"] == place]
        contacts, by = sum(row["contacts"] for row in mine), listed(sorted({row["made_by"] for row in mine}))
        whose = {"scrub": "a scrubbed list", "unknown": "a list that is no longer configured"}.get(place, f"the list of {place}")
        yield Matter(
            told(contacts, "One contact was made", "# contacts were made") + f" to a canary of {whose}, by {by}.",
            "contacts",
            "Find out who used that list, and what else was sent to it.",
            "canary_contacted",
            contacts,
            place,
            min(row["first"] for row in mine),
        )


def _of_destinations(evidence: Evidence) -> Iterator[Matter]:
    for destination in evidence.destinations:
        name = destination.name
        if missing := destination.states.get("missing", 0):
            yield Matter(
                f"{name}: " + told(missing, "one accepted row is not there.", "# accepted rows are not there."),
                "destinations",
                "These people can still be contacted; the next push puts them again.",
                "rows_missing",
                missing,
                name,
                destination.oldest_unverified_at,
            )
        if rejected := destination.states.get("rejected", 0):
            yield Matter(
                f"{name}: " + told(rejected, "one row was refused.", "# rows were refused."),
                "destinations",
                "These people can still be contacted; the receipt holds the system's codes.",
                "rows_rejected",
                rejected,
                name,
                destination.oldest_unverified_at,
            )
        if unmapped := destination.unmapped_lists:
            yield Matter(
                f"{name}: {told(len(unmapped), 'one list there is', '# lists there are')} in no scope of it "
                f"({destination.shown}).",
                "destinations",
                "Nothing is suppressed on them: map them in lists, or name them in ignored_lists.",
                "lists_unmapped",
                len(unmapped),
                name,
                destination.unmapped_since,
            )
        if destination.stopped:
            yield Matter(
                f"{name}: the last push stopped before its end ({destination.stopped}).",
                "destinations",
                "Read its alarm, then run again.",
                "push_stopped",
                about=name,
            )
        if held := sum(destination.held.values()):
            why = listed([f"{count:,} for {reason.replace('_', ' ')}" for reason, count in destination.held.items()])
            yield Matter(
                f"{name}: {told(held, 'one row is held', '# rows are held')} ({why}).",
                "destinations",
                "Look at them; the receipt names the next step.",
                "rows_held",
                held,
                name,
            )
    for row in evidence.registries:
        if row["is_too_old"]:
            yield Matter(
                f"The copy of {row['registry']} is {age(row['age'])} old; {row['max_age_days']} days are allowed.",
                "registries",
                "Obtain a new copy before the next call.",
                "registry_too_old",
                about=row["registry"],
                since=row["obtained_at"],
            )


def _of_sources(evidence: Evidence) -> Iterator[Matter]:
    files, requests, sources = evidence.files, evidence.requests, evidence.sources
    yield from _counts(
        "sources",
        (
            "records_lost",
            files.files - files.whole,
            "One file has",
            "# files have",
            " records that are not accounted for.",
            "A reader lost them: report it, and rebuild after the repair.",
        ),
    )
    for source in sources:
        if source.is_late:
            silence = f"silent for {age(source.silent_for)}" if source.silent_for else "nothing has ever arrived"
            yield Matter(
                f"{source.name} is late: {silence}, expected every {age(float(source.expected_every_hours or 0))}.",
                "sources",
                "Ask the sender. A missing file releases nobody.",
                "source_late",
                about=source.name,
                since=source.last_arrival,
            )
    if unresolved := evidence.unresolved_requests:
        yield Matter(
            told(
                unresolved, "One request reaches nobody on a channel it names.", "# requests reach nobody on a channel they name."
            ),
            "person",
            "Find out who asked: quietlist quarantine --kind unresolved. A later contact snapshot may resolve it.",
            "unresolved",
            unresolved,
            since=min(row["oldest"] for row in evidence.unresolved),
        )
    yield from _counts(
        "person",
        (
            "unknown_echoes",
            sum(row["echoes"] for row in evidence.echoes),
            "One send was",
            "# sends were",
            " dropped for a suppression unknown here.",
            "An opt-out may be lost on its way: ask the vendor for its whole list.",
        ),
        (
            "contradictions",
            sum(row["people"] for row in evidence.contradictions),
            "Of one contact point that opted out",
            "Of # contact points that opted out",
            " another source says otherwise.",
            "Tell that list of them, or find out whether they came back.",
        ),
        (
            "files_refused",
            files.refused,
            "One file was",
            "# files were",
            " refused as a whole, with all that is asked in it.",
            "Ask for it again in a form that can be read.",
        ),
        (
            "quarantined",
            files.quarantined,
            "One record is",
            "# records are",
            " in quarantine.",
            "See quietlist quarantine: decide it, or have it delivered again, corrected.",
        ),
        (
            "unknown_names",
            sum(source.unknown_files for source in sources),
            "One file has a name",
            "# files have names",
            " that no feed knows.",
            "Rename it and deliver it again, or add the name to the feed.",
        ),
        (
            "unknown_scopes",
            sum(row["requests"] for row in requests.unknown_scopes),
            "One request names",
            "# requests name",
            " a scope that the company's tree does not have.",
            "Each is taken as the nearest node above; add it to company.scopes.",
        ),
        (
            "doubts",
            sum(row["requests"] for row in requests.doubts),
            "One request was",
            "# requests were",
            " read in doubt.",
            "Each counts as a suppression; somebody has to read its words.",
        ),
        (
            "untimed",
            sum(row["requests"] for row in requests.untimed),
            "One request has",
            "# requests have",
            " no certain time.",
            "Read in the way that contacts fewer people; check the source's time zone.",
        ),
    )


def _counts(section: str, *kinds: tuple[str, int, str, str, str, str]) -> Iterator[Matter]:
    """A matter for each kind that there is any of: how many, its words for one and for many, the rest, the next step."""
    for kind, number, one, many, rest, next_step in kinds:
        if number:
            yield Matter(told(number, one, many) + rest, section, next_step, kind, number)
