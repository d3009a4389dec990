"""A small company with known answers: its people, what they asked on two days, and the files in which that arrives.

Addresses are of example.com and numbers are reserved for fiction, so nothing here is anybody's.
"""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from orchestration.faults.truth import SCOPES, Asked, Node, kind_of, suppressed

# The run of each day. Two days, for a fault needs something that was published before; the third shows the repair.
DAYS = tuple(datetime(2026, 3, day, 6, tzinfo=UTC) for day in (10, 11, 12))
PEOPLE = 28  # enough for every kind of request; a run costs seconds whatever its size
_STRANGERS = 4  # the last ones: not customers, one address each
_RETURNING = 4
_LISTED = 40  # numbers in the registry, half of them of people
WEB_ZONE = ZoneInfo("America/New_York")

CONFIG = """\
[company]
name = "Acme"
default_region = "US"
scopes = ["acme", "acme/newsletter", "outlet"]

[limits]
settle_seconds = 0
memory = "1GB"

[sources.asks]
format = "requests"
may_lift = ["preference_center", "web_form", "sms_keyword"]

[sources.web]
format = "requests"
may_lift = ["preference_center", "web_form", "sms_keyword"]
timezone = "America/New_York"

[sources.crm]
format = "contacts"

[sources.news]
format = "mailchimp"
scope = "acme/newsletter"

[sources.dnc]
format = "ftc_national_dnc"
region = "US"

[destinations.table]
system = "sql_table"
channels = ["email", "voice", "sms", "fax", "ads"]
scopes = ["*", "acme", "acme/newsletter", "outlet"]
timeout_seconds = 1

[destinations.drop]
system = "file_drop"
channels = ["email", "voice", "sms"]
scopes = ["*", "acme", "acme/newsletter", "outlet"]
"""
DESTINATIONS = {"table": frozenset({"email", "voice", "sms", "fax", "ads"}), "drop": frozenset({"email", "voice", "sms"})}

ASKS_HEADER = ("request_key", "requested_at", "action", "method", "channels", "scope", "email", "phone", "name", "note")
CRM_HEADER = ("customer_id", "emails", "phones", "name", "region", "updated_at")
NEWS_HEADER = ("Email Address", "First Name", "Last Name", "Phone Number", "UNSUB_TIME", "UNSUB_CAMPAIGN_TITLE", "UNSUB_REASON")
Files = dict[str, bytes]
"""Name below ``inbox/`` -> content."""


@dataclass(frozen=True)
class Person:
    number: int
    emails: tuple[str, ...]
    phones: tuple[str, ...]
    name: str
    is_customer: bool

    @property
    def points(self) -> frozenset[str]:
        return frozenset((*self.emails, *self.phones))


@dataclass(frozen=True)
class Row:
    """A request with the source that brings it and the text of its time there."""

    source: str
    key: str
    said_at: str
    asked: Asked


@dataclass(frozen=True)
class World:
    people: tuple[Person, ...]
    rows: tuple[tuple[Row, ...], tuple[Row, ...]]
    """What arrives on the first day and on the second."""
    listed: tuple[str, ...]

    def truth(self, days: int = 2, *, merged: tuple[int, int] | None = None) -> frozenset[Node]:
        """Every node that may not be contacted after so many days; ``merged``: two customers became one."""
        points_of = {person.number: person.points for person in self.people}
        if merged:
            both = points_of[merged[0]] | points_of[merged[1]]
            points_of |= dict.fromkeys(merged, both)
        return suppressed((row.asked for day in self.rows[:days] for row in day), points_of, self.listed)

    def files(self, day: int) -> Files:
        """The deliveries of a day, 0 or 1."""
        stamp = f"{DAYS[day]:%Y-%m-%d}"
        return {
            f"asks/asks_{day}.csv": asks_csv([row for row in self.rows[day] if row.source == "asks"], self.people),
            f"web/web_{day}.csv": asks_csv([row for row in self.rows[day] if row.source == "web"], self.people),
            f"crm/contacts_{stamp}.csv": crm_csv(self.people),
            f"news/unsubscribed_email_audience_export_{stamp}_1a2b3c.csv": news_csv(
                [row for rows in self.rows[: day + 1] for row in rows if row.source == "news"]
            ),
            # The number of the day's last line differs: a registry's copy is never quite the one before.
            f"dnc/national_dnc_{stamp}.txt": dnc_lines([*self.listed, f"+1303555{100 + day:04d}"]),
        }


def make(seed: int) -> World:
    """The world of a seed."""
    rng = random.Random(seed)  # noqa: S311  a test world, no secret
    people = tuple(_person(number) for number in range(PEOPLE))
    spare = [f"+1303555{number:04d}" for number in range(150, 199)]
    phones = [person.phones[0] for person in people if person.is_customer]
    listed = (*rng.sample(phones, _LISTED // 4), *rng.sample(spare, _LISTED - _LISTED // 4))
    first = [row for person in people for row in _requests(person, rng, 0)] + _of_a_skipped_hour(people[0])
    second = _of_known_kinds([row for person in people for row in _requests(person, rng, 1)], first)
    second += _changes_of_mind(people, first)
    return World(people, (tuple(first), tuple(second)), listed)


def _of_known_kinds(rows: list[Row], before: list[Row]) -> list[Row]:
    """A kind of request that a source never brought is told as news, in every run with or without a fault: they are opt-outs."""
    known = {(row.source, row.asked.action) for row in before}
    return [
        row
        if (row.source, row.asked.action) in known
        else replace(row, asked=replace(row.asked, action="opt_out", method="web_form"))
        for row in rows
    ]


def _person(number: int) -> Person:
    if number >= PEOPLE - _STRANGERS:
        return Person(number, (f"stranger{number}@example.com",), (), f"Stranger Number{number}", is_customer=False)
    emails = [f"person{number}@example.com"] + ([f"other{number}@example.com"] if number % 3 == 0 else [])
    return Person(number, tuple(emails), (f"+1202555{100 + number:04d}",), f"Zoë Núñez{number}", is_customer=True)


def _requests(person: Person, rng: random.Random, day: int) -> list[Row]:
    """Up to three; on the second day everybody who asks has a record that nothing of the first day says already."""
    # The first day is a month of history. Whole seconds, never the same twice for one person: ties are tested elsewhere.
    began, span = (DAYS[0] - timedelta(days=30), 29 * 86_400) if day == 0 else (DAYS[0] + timedelta(hours=1), 22 * 3_600)
    rows = []
    for number, second in enumerate(sorted(rng.sample(range(span), rng.choice((0, 1, 1, 2, 3))))):
        at = began + timedelta(seconds=second)
        source = rng.choice(("asks", "asks", "web", "news"))
        key = f"d{day}p{person.number}n{number}"
        if source == "news":
            asked = Asked(
                person.number,
                "opt_out",
                "esp_unsubscribe",
                frozenset({"email"}),
                "acme/newsletter",
                at,
                at,
                frozenset({person.emails[0]}),
            )
            rows.append(Row("news", key, f"{at:%Y-%m-%d %H:%M:%S}", asked))
            continue
        action = rng.choice(("opt_out", "opt_out", "opt_out", "complaint", "erasure", "opt_in", "opt_in"))
        methods = ("preference_center", "web_form", "sms_keyword", "import") if action == "opt_in" else ("web_form", "agent_note")
        # A stranger has no number: a request for calls would stay unresolved, and every run would alert.
        some = ("email", "voice", "sms", "fax", "ads") if person.phones else ("email", "ads")
        channels = {"all"} if rng.random() < 0.4 else set(rng.sample(some, rng.randint(1, 2)))
        asked = Asked(
            person.number,
            action,
            rng.choice(methods),
            frozenset(channels),
            rng.choice(SCOPES),
            at,
            at,
            frozenset(_carried(person, rng)),
        )
        local = at.astimezone(WEB_ZONE)
        rows.append(Row(source, key, f"{at:%Y-%m-%dT%H:%M:%SZ}" if source == "asks" else f"{local:%Y-%m-%d %H:%M:%S}", asked))
    return rows


def _carried(person: Person, rng: random.Random) -> tuple[str, ...]:
    if not person.phones:
        return person.emails
    return rng.choice((person.emails[:1], person.emails, person.phones, (person.emails[0], *person.phones)))


def _of_a_skipped_hour(person: Person) -> list[Row]:
    """02:30 did not exist in New York on 8 March 2026; an opt-in between its two readings does not lift it."""
    early, late = datetime(2026, 3, 8, 6, 30, tzinfo=UTC), datetime(2026, 3, 8, 7, 30, tzinfo=UTC)
    opt_in_at = datetime(2026, 3, 8, 7, 0, tzinfo=UTC)
    point, fax = frozenset({person.phones[0]}), frozenset({"fax"})
    return [
        Row(
            "web",
            "skipped1",
            "2026-03-08 02:30:00",
            Asked(person.number, "opt_out", "web_form", fax, "outlet", early, late, point),
        ),
        Row(
            "asks",
            "skipped2",
            "2026-03-08T07:00:00Z",
            Asked(person.number, "opt_in", "preference_center", fax, "outlet", opt_in_at, opt_in_at, point),
        ),
    ]


def _changes_of_mind(people: tuple[Person, ...], before: list[Row]) -> list[Row]:
    """True releases, so that a hold has something to hold: some who opted out are back, by their own hand, on all channels."""
    back = sorted({row.asked.person for row in before if row.asked.action in ("opt_out", "complaint")})[:_RETURNING]
    at = DAYS[1] - timedelta(minutes=20)
    return [
        Row(
            "asks",
            f"back{number}",
            f"{at:%Y-%m-%dT%H:%M:%SZ}",
            Asked(number, "opt_in", "preference_center", frozenset({"all"}), "*", at, at, people[number].points),
        )
        for number in back
    ]


def table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> bytes:
    """A CSV file."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(header)
    writer.writerows(rows)
    return stream.getvalue().encode()


def asks_csv(rows: list[Row], people: tuple[Person, ...]) -> bytes:
    """The canonical feed of requests."""
    return table(
        ASKS_HEADER,
        [
            (
                row.key,
                row.said_at,
                row.asked.action,
                row.asked.method,
                ";".join(sorted(row.asked.channels)),
                row.asked.scope,
                *(";".join(sorted(point for point in row.asked.points if kind_of(point) == kind)) for kind in ("email", "phone")),
                people[row.asked.person].name,
                "as told",
            )
            for row in rows
        ],
    )


def crm_csv(people: tuple[Person, ...]) -> bytes:
    """The canonical feed of customers."""
    return table(
        CRM_HEADER,
        [
            (f"c{person.number}", ";".join(person.emails), ";".join(person.phones), person.name, "US", "2026-02-01")
            for person in people
            if person.is_customer
        ],
    )


def news_csv(rows: list[Row]) -> bytes:
    """A Mailchimp export of those who left; it repeats all of them every day."""
    return table(NEWS_HEADER, [(*row.asked.points, "", "", "", row.said_at, "March news", "None given") for row in rows])


def dnc_lines(numbers: list[str]) -> bytes:
    """The registry's full list: area code, number."""
    return "".join(f"{number[2:5]},{number[5:]}\n" for number in sorted(numbers)).encode()
