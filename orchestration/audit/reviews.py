"""Reviews: people look through a sample of the list, and say of each suppression and release whether it is right.

A sample is drawn by the hash of the published version's rows, so whoever has that version draws the same one, and nobody can
choose it. What was drawn, and each verdict with its name and day, are lines of ``matters/reviews.jsonl``, on the chain of
evidence. An item is named by a keyed hash and by the ids of requests as people see them: ``quietlist explain`` shows whose it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from orchestration.core.config import Config
from orchestration.core.errors import ConfigError
from orchestration.core.home import Home
from orchestration.core.journal import reviews_log, who_and_why
from orchestration.core.key import home_key, shown_id
from orchestration.core.masks import mask_text
from orchestration.core.wording import counted, listed, moment, told
from orchestration.evidence.reading import evidence_at_hand
from orchestration.evidence.relations import rows
from orchestration.publish.versions import read_published

VERDICTS = ("right", "wrong", "unclear")
# What is kept of an item, in the order in which it is read.
_FACTS = (
    "identifier_hash", "channel", "scope", "reason", "basis", "sources", "suppressed_since", "released_scope", "lifted_from",
    "opt_in_id", "request_id",
)  # fmt: skip


@dataclass(frozen=True)
class Item:
    """One suppression or release of a sample."""

    number: int
    what: str
    """suppression, or release."""
    facts: Mapping[str, Any]
    verdict: str | None = None
    person: str | None = None
    reason: str | None = None
    judged: datetime | None = None


@dataclass(frozen=True)
class Review:
    """One sample, and what was said of it."""

    id: str
    version: int
    rows_sha256: str
    drawn: datetime
    drawn_by: str
    items: tuple[Item, ...]

    @property
    def open_items(self) -> tuple[Item, ...]:
        return tuple(item for item in self.items if item.verdict is None)

    @property
    def is_done(self) -> bool:
        return not self.open_items

    @property
    def ended(self) -> datetime | None:
        """When the last verdict was given; of a sample of nothing, when it was drawn."""
        return max((item.judged for item in self.items if item.judged), default=self.drawn) if self.is_done else None

    @property
    def verdicts(self) -> Mapping[str, int]:
        counts = Counter(item.verdict for item in self.items if item.verdict)
        return {verdict: counts[verdict] for verdict in VERDICTS if counts[verdict]}

    @property
    def people(self) -> tuple[str, ...]:
        return tuple(sorted({item.person for item in self.items if item.person}))

    def as_dict(self) -> dict[str, Any]:
        return {
            "review": self.id,
            "version": self.version,
            "rows_sha256": self.rows_sha256,
            "drawn": self.drawn.isoformat(),
            "drawn_by": self.drawn_by,
            "ended": self.ended and self.ended.isoformat(),
            "verdicts": dict(self.verdicts),
            "items": [
                {
                    "item": f"{self.id}/{item.number}",
                    "what": item.what,
                    **item.facts,
                    "verdict": item.verdict,
                    "person": item.person,
                    "reason": item.reason,
                    "judged": item.judged and item.judged.isoformat(),
                }
                for item in self.items
            ],
        }

    def sentence(self) -> str:
        """One line: of what, by whom, what was said."""
        said = listed([f"{count:,} {verdict}" for verdict, count in self.verdicts.items()]) or "nothing said yet"
        who = f" by {listed([mask_text(person) for person in self.people])}" if self.people else ""
        of = f"{self.id}: {counted(len(self.items), 'item')} of version {self.version}, drawn {moment(self.drawn)}"
        left = "" if self.is_done else f"; {len(self.open_items):,} to go"
        return f"{of}: {said}{who}{left}."

    def lines(self) -> Iterator[str]:
        """For a terminal."""
        yield self.sentence()
        for item in self.items:
            shown = (name for name in _FACTS if item.facts.get(name))
            facts = ", ".join(f"{name.replace('_', ' ')} {item.facts[name]}" for name in shown)
            said = f"{item.verdict} ({mask_text(item.person or '')}: {mask_text(item.reason or '')})" if item.verdict else "open"
            yield f"{self.id}/{item.number}  {said}  {item.what}: {facts}"


def reviews(home: Home) -> tuple[Review, ...]:
    """Every review there was, oldest first.

    Raises:
        PermanentError: a line of the journal was changed or taken out.
    """
    found: dict[str, Review] = {}
    for entry in reviews_log(home).entries():
        if entry["event"] == "drawn":
            items = tuple(Item(number, item.pop("what"), item) for number, item in enumerate(entry["items"], 1))
            found[entry["review"]] = Review(
                entry["review"], entry["version"], entry["rows_sha256"], _moment(entry["as_of"]), entry["person"], items
            )
        else:
            review = found[entry["review"]]
            found[review.id] = replace(
                review, items=tuple(_judged(item, entry) if item.number == entry["item"] else item for item in review.items)
            )
    return tuple(found.values())


def last_done(found: Sequence[Review]) -> Review | None:
    """The last review that every item of was judged."""
    return max((review for review in found if review.is_done), key=lambda review: review.ended or review.drawn, default=None)


def next_due(found: Sequence[Review], config: Config) -> datetime | None:
    """When the next one is due; None: now, for there was none."""
    last = last_done(found)
    return (last.ended or last.drawn) + timedelta(days=config.matters.review_every_days) if last else None


def draw(home: Home, config: Config, *, size: int | None, person: str, now: datetime) -> Review:
    """Draw a sample of the version in force: so many suppressions, and so many releases since the last review.

    Raises:
        ConfigError: no name, nothing published, or a review whose items are not all judged.
        Busy: a run is going on, and none before it exported a set.
    """
    size = size or config.matters.review_size
    problems = who_and_why(person, "drawn")
    earlier = reviews(home)
    problems += [
        f"{review.id} is not done: {told(len(review.open_items), '1 item has', '# items have')} no verdict"
        for review in earlier
        if not review.is_done
    ]
    if problems:
        raise ConfigError("Drawing a sample of the list", problems, next_step="see quietlist review; nothing was drawn")
    published = read_published(home)
    last = last_done(earlier)
    with evidence_at_hand(home, config) as (con, _):
        key = home_key(home)
        sampled = rows(con, _SUPPRESSIONS.format(relation=published.relation), seed=published.rows_sha256, size=size)
        released = rows(con, _RELEASES, seed=published.rows_sha256, size=size, since=last and last.drawn, now=now)
    items = [{"what": "suppression", **_facts(row, key)} for row in sampled]
    items += [{"what": "release", **_facts(row, key)} for row in released]
    journal = reviews_log(home)
    with journal.alone():
        entry = {
            "event": "drawn",
            "review": f"R-{len(reviews(home)) + 1}",
            "version": published.version,
            "rows_sha256": published.rows_sha256,
            "as_of": now.astimezone(UTC).isoformat(),
            "person": person.strip(),
            "items": items,
        }
        journal.add(home, entry)
    return reviews(home)[-1]


def judge(home: Home, item_id: str, verdict: str, *, person: str, reason: str, now: datetime) -> Review:
    """Record what a person says of one item. A second verdict about it takes the place of the first; both stay in the journal.

    Raises:
        ConfigError: there is no such item, or a name or reason is missing.
    """
    problems = who_and_why(person, reason)
    if problems:
        raise ConfigError("Recording a verdict", problems, next_step="give both; nothing was recorded")
    journal = reviews_log(home)
    with journal.alone():
        review, number = _named(reviews(home), item_id)
        journal.add(
            home,
            {
                "event": "judged",
                "review": review.id,
                "item": number,
                "verdict": verdict,
                "person": person.strip(),
                "reason": reason.strip(),
                "recorded_at": now.astimezone(UTC).isoformat(),
            },
        )
    return next(found for found in reviews(home) if found.id == review.id)


def named(found: Sequence[Review], review_id: str | None) -> Review:
    """The review of that id, by default the last one.

    Raises:
        ConfigError: there is none.
    """
    if found and review_id is None:
        return found[-1]
    for review in found:
        if review.id.casefold() == (review_id or "").strip().casefold():
            return review
    raise ConfigError(
        "Looking up a review",
        seen="no sample of that id was ever drawn" if review_id else "no sample was ever drawn",
        allowed=listed([review.id for review in found]) or "none yet",
        next_step="see quietlist review",
    )


def lines(found: Sequence[Review], config: Config, now: datetime) -> Iterator[str]:
    """Where the reviews stand, and what of the last one has no verdict, for a terminal."""
    yield sentence(found, config, now)
    for review in found[-1:]:
        if not review.is_done:
            yield from review.lines()
            yield "quietlist explain HASH shows whose one is; quietlist review judge ITEM records what somebody says of it."


def sentence(found: Sequence[Review], config: Config, now: datetime) -> str:
    """When the list was last reviewed, and when it is due again."""
    last, due = last_done(found), next_due(found, config)
    if last is None or due is None:
        said = "The list was never reviewed"
        return f"{said}; {found[-1].sentence()}" if found else f"{said}: quietlist review draw --by NAME draws a sample."
    said = f"Last reviewed {moment(last.ended)}. {last.sentence()} "
    return said + (f"The next review was due {moment(due)}." if due < now else f"The next review is due {moment(due)}.")


_SUPPRESSIONS = """
    select identifier_hash, channel, scope, reason, basis, sources, suppressed_since, deciding_request_id as request_id
    from {relation}
    order by md5($seed || identifier_hash || channel || scope), identifier_hash, channel, scope
    limit $size
"""
_RELEASES = """
    with released as (
        select distinct
            lifts.channel, lifts.scope, lifts.released_scope, lifts.opt_in_id, lifts.request_id, lifts.lifted_from,
            points.identifier_hash
        from golden__int_lifts as lifts
        left join identifiers__contact_point as points
            on lifts.identifier_type = points.identifier_type and lifts.identifier = points.identifier
        where lifts.lift_known_from <= $now and ($since is null or lifts.lift_known_from > $since)
    )
    select * from released
    order by
        md5($seed || coalesce(identifier_hash, '') || channel || scope || released_scope || coalesce(opt_in_id, '')),
        identifier_hash, channel, scope, released_scope, opt_in_id, request_id
    limit $size
"""


def _facts(row: Mapping[str, Any], key: bytes) -> dict[str, Any]:
    """What is kept of a row: no identifier, and ids as people see them."""
    facts: dict[str, Any] = {}
    for name, value in row.items():
        if name in ("request_id", "opt_in_id"):
            facts[name] = shown_id(key, value) if value else None
        else:
            facts[name] = value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
    return facts


def _judged(item: Item, entry: Mapping[str, Any]) -> Item:
    return replace(
        item, verdict=entry["verdict"], person=entry["person"], reason=entry["reason"], judged=_moment(entry["recorded_at"])
    )


def _named(found: Sequence[Review], item_id: str) -> tuple[Review, int]:
    review_id, _, number = item_id.strip().partition("/")
    for review in found:
        if review.id.casefold() == review_id.casefold() and number.isdecimal() and 1 <= int(number) <= len(review.items):
            return review, int(number)
    last = found[-1] if found else None
    raise ConfigError(
        f"Looking up the item {item_id}",
        seen="no review has an item of that id",
        allowed=f"{last.id}/1 to {last.id}/{len(last.items)}" if last else "no sample was ever drawn",
        next_step="see quietlist review; nothing was recorded",
    )


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def wrong_of(found: Sequence[Review]) -> tuple[Review, int] | None:
    """The last review and how much of it is not right, when some is."""
    last = last_done(found)
    count = sum(number for verdict, number in last.verdicts.items() if verdict != "right") if last else 0
    return (last, count) if last and count else None


def found_wrong(review: Review, count: int) -> str:
    """As a matter says it."""
    return told(count, f"{review.id}: one item is not right.", f"{review.id}: # items are not right.")
