"""``check``: may this contact point be contacted? One question or thousands, answered from the published files alone.

The warehouse is never opened, so an answer comes also while a run is going on, and it is the answer that consumers of
the files get: a node is suppressed when a row names it or an ancestor, unless ``except_scopes`` of that
row names it or an ancestor of it below the row. Without a node the question is "anywhere in the company", and any row answers
it. Beside the rows stands what the published registries say of a number, known to the company or not: ``scrub`` blocks by both,
and leaves no number unscreened unsaid. There are three answers, and "nobody knows" is no permission: nothing is published yet,
the identifier names nobody, a registry could not have shown the number, or files wait that no run has read.

This module loads in a fraction of a second, which is why it reads the pointer to the published files itself: the stage
that owns them brings libraries along that a single question does not need. It proves the manifest, not the files'
hashes (``quietlist doctor`` does); hashing them would take longer than the answer.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from orchestration.core.asked import Asked, asked
from orchestration.core.channels import TYPES_OF_CHANNEL, ancestry
from orchestration.core.errors import ConfigError, PermanentError
from orchestration.core.home import Home
from orchestration.core.masks import mask
from orchestration.core.waiting import Waiting, waiting
from orchestration.identifiers.lookup import Identifier, normalise_identifier

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from orchestration.core.config import Config

# Which of several rows is told first: the person's own word about this very contact point, then what was said about
# another of theirs, then a registry.
_BASIS_ORDER = ("direct", "person", "registry")
_BASIS_WORDS = {
    "direct": "asked for this contact point itself",
    "person": "asked for another contact point of the same person",
    "registry": "listed in a registry",
}
EXAMPLES = {
    "email": "an address such as a@example.com",
    "phone": "a number such as +1 202 555 0123",
    "postal": "'name | street | postal code | country'",
}
MAY, MAY_NOT, NOBODY_KNOWS = 0, 4, 5
"""Exit codes of ``quietlist check``. 1, 2 and 3 mean what they mean everywhere: no answer was given."""
_UNPUBLISHED = "nothing is published yet"
_POINTER = "latest.json"
_QUESTIONS_NAMED = 5  # in an error's one line; whoever fixes the first ones sees what is wrong with the rest
_FILE_COLUMNS = ("channel", "identifier", "scope", "region")


@dataclass(frozen=True)
class Question:
    """One contact point, one channel, one node; without a node: anywhere in the company."""

    channel: str
    identifier: str
    scope: str | None = None
    region: str | None = None


@dataclass(frozen=True)
class Row:
    """A published row that suppresses the node asked about."""

    scope: str
    except_scopes: tuple[str, ...]
    reason: str
    basis: str
    suppressed_since: datetime
    deciding_request_id: str | None
    registry: str | None
    registry_version: str | None

    def as_dict(self) -> dict[str, Any]:
        return {**self.__dict__, "except_scopes": list(self.except_scopes)}


@dataclass(frozen=True)
class Listing:
    """A registry that lists the number, whole, not only for numbers the company knows."""

    registry: str
    version: str
    rule_id: str


@dataclass(frozen=True)
class Answer:
    """What the published table says to one question, and the registries beside it.

    ``suppressed`` is None when the table says nothing (``problem`` says why): that is no permission.
    """

    question: Question
    identifier_type: str | None
    identifier: str | None
    """Normalised, as the table has it."""
    suppressed: bool | None
    rows: tuple[Row, ...]
    """Every row that suppresses what was asked about, the deciding one first."""
    version: int | None
    as_of: datetime | None
    """None of both before the first publication."""
    problem: str | None = None
    listed: tuple[Listing, ...] = ()
    """Registries that bind the channel and list the number."""
    unscreened: tuple[str, ...] = ()
    """Registries that bind the channel and could not have shown the number, each with the reason."""
    elsewhere: tuple[str, ...] = ()
    """Where rows of this channel stand that do not cover the node asked about: they hold for other parts of the company."""
    waiting: Waiting = field(default_factory=Waiting)

    @property
    def may_contact(self) -> bool | None:
        """False when a row or a registry stands against it. True only when the identifier was read, every registry that binds
        it was seen not to list it, and nothing waits to be read. Else None: nobody knows, and that is no permission."""
        if self.suppressed or self.listed:
            return False
        return None if self.suppressed is None or self.unscreened or self.waiting else True

    @property
    def exit_code(self) -> int:
        """For a script: 0 may be contacted, 4 may not, 5 nobody knows."""
        return {True: MAY, False: MAY_NOT, None: NOBODY_KNOWS}[self.may_contact]

    @property
    def deciding(self) -> Row | None:
        return self.rows[0] if self.rows else None

    @property
    def note(self) -> str | None:
        """What stands beside the answer of the table."""
        said = [
            "quietlist scrub blocks it too, whatever consent there is." if self.listed and not self.rows else "",
            f"Not screened against {'; '.join(self.unscreened)}: that is not clear, and quietlist scrub sets it apart."
            if self.unscreened and self.may_contact is None
            else "",
            f"Other parts of the company may not contact it: there is a row at {', '.join(self.elsewhere)}."
            if self.elsewhere
            else "",
            f"Not the last word: {said}." if (said := self.waiting.sentence()) else "",
        ]
        return " ".join(filter(None, said)) or None

    def as_dict(self) -> dict[str, Any]:
        """For a program. Holds the identifier that was asked about, and nobody else's. A ``scope`` of null: anywhere."""
        return {
            "channel": self.question.channel,
            "scope": self.question.scope,
            "identifier": self.identifier if self.identifier is not None else self.question.identifier,
            "identifier_type": self.identifier_type,
            "may_contact": self.may_contact,
            "suppressed": self.suppressed,
            "deciding": self.deciding.as_dict() if self.deciding else None,
            "rows": [row.as_dict() for row in self.rows],
            "version": self.version,
            "as_of": self.as_of,
            "registries": [listing.__dict__ for listing in self.listed],
            "unscreened": list(self.unscreened),
            "suppressed_elsewhere": list(self.elsewhere),
            "waiting": self.waiting.__dict__,
            "problem": self.problem,
            "note": self.note,
            "exit_code": self.exit_code,
        }

    def sentence(self) -> str:
        """For a person: whether one may contact comes first. The identifier is masked, since terminals are logged."""
        verdict = {True: "May be contacted", False: "May not be contacted", None: "Nobody knows"}[self.may_contact]
        node = f"at {self.question.scope}" if self.question.scope else "anywhere in the company"
        where = f"on {self.question.channel} {node}"
        who = mask(self.identifier_type, self.identifier) if self.identifier and self.identifier_type else "this identifier"
        source = f"Published version {self.version}, as of {self.as_of:%Y-%m-%d %H:%M} UTC." if self.as_of else ""
        return " ".join(filter(None, (f"{verdict}: {who} {where}: {self._why}.", source, self.note)))

    @property
    def _why(self) -> str:
        if self.deciding is not None:
            row = self.deciding
            others = [f"{other.reason} at {other.scope}" for other in self.rows[1:]]
            listed = [f"listed in {self._registries}"] if self.listed else []
            more = f"; also {', '.join([*others, *listed])}" if others or listed else ""
            whose = (
                f"{row.registry}, version {row.registry_version}"
                if row.basis == "registry"
                else f"request {row.deciding_request_id}"
            )
            return (
                f"suppressed since {row.suppressed_since:%Y-%m-%d %H:%M} UTC: {row.reason}, "
                f"{_BASIS_WORDS.get(row.basis, row.basis)} ({whose}, row at {row.scope}){more}"
            )
        if self.listed:
            return f"on a registry, {self._registries}"
        if self.problem == _UNPUBLISHED:
            return f"{_UNPUBLISHED}; treat it as suppressed, and run quietlist run"
        if self.problem:
            return f"it cannot be read ({self.problem}); treat it as suppressed"
        said = "no row of the table covers it"
        return said if self.may_contact else f"{said}, but that is not all there is; treat it as suppressed"

    @property
    def _registries(self) -> str:
        return ", ".join(f"{listing.registry}, version {listing.version}" for listing in self.listed)


def check(
    home: Home, channel: str, identifier: str, scope: str | None = None, region: str | None = None, config: Config | None = None
) -> Answer:
    """Whether ``identifier`` may be contacted on ``channel`` at ``scope``; without one, anywhere in the company.

    ``region`` is the country of a number written without one; the company's when it is left out.

    Raises:
        ConfigError: unknown channel or scope.
        PermanentError: the published files do not prove.
    """
    return check_many(home, [Question(channel, identifier, scope, region)], config)[0]


def check_many(home: Home, questions: Sequence[Question], config: Config | None = None) -> list[Answer]:
    """Answers in the order of the questions; an identifier that can't be read spoils only its own.

    Raises:
        ConfigError: an unknown channel or scope; every one is named.
        PermanentError: the published files do not prove.
    """
    company = Asked.of(config) if config else asked(home)
    _require_known(questions, company)
    published = _published(home)
    unread = waiting(home, published.inputs_sha256 if published else None)
    regions = [question.region or company.default_region for question in questions]
    read = [
        normalise_identifier(question.channel, question.identifier, region)
        for question, region in zip(questions, regions, strict=True)
    ]
    # Who was erased stands in the table under a token, known by the keyed hash alone.
    tokens = _tokens(home, read)
    wanted = {
        (question.channel, point.identifier_type, name)
        for question, point in zip(questions, read, strict=True)
        if point.identifier
        for name in (point.identifier, *tokens.get(point, ()))
    }
    if published is None:
        return [
            Answer(question, point.identifier_type, point.identifier, None, (), None, None, _UNPUBLISHED, waiting=unread)
            for question, point in zip(questions, read, strict=True)
        ]
    with _connection() as con:
        found = _look_up(con, published.files, sorted(wanted))
        registries = _ask_registries(con, home, questions, read, regions, published.as_of)
    answers = []
    for question, point, (listed, unscreened) in zip(questions, read, registries, strict=True):
        if not point.identifier:
            problem = point.reason or "not readable"
            answers.append(Answer(question, None, None, None, (), published.version, published.as_of, problem, waiting=unread))
            continue
        names = (point.identifier, *tokens.get(point, ()))
        known = [row for name in names for row in found.get((question.channel, point.identifier_type, name), ())]
        rows = suppressing(known, question.scope)
        answers.append(
            Answer(
                question,
                point.identifier_type,
                point.identifier,
                bool(rows),
                rows,
                published.version,
                published.as_of,
                listed=listed,
                unscreened=unscreened,
                elsewhere=tuple(sorted(row.scope for row in known if row not in rows)),
                waiting=unread,
            )
        )
    return answers


class _HasCode(Protocol):
    @property
    def exit_code(self) -> int: ...


def worst(answers: Iterable[_HasCode]) -> int:
    """The exit code of many answers: 0 only when every one of them may be contacted, 4 when one may not."""
    codes = {answer.exit_code for answer in answers}
    return next((code for code in (MAY_NOT, NOBODY_KNOWS) if code in codes), MAY)


def published_rows(home: Home, identifier_type: str, identifier: str) -> tuple[int, dict[str, list[Row]]] | None:
    """The version in force and, per channel, its rows of one contact point; None when nothing was published yet."""
    published = _published(home)
    if published is None:
        return None
    channels = [channel for channel, types in TYPES_OF_CHANNEL.items() if identifier_type in types]
    point = Identifier(identifier_type, identifier, None)
    names = (identifier, *_tokens(home, [point]).get(point, ()))
    with _connection() as con:
        found = _look_up(con, published.files, [(channel, identifier_type, name) for channel in channels for name in names])
    by_channel: dict[str, list[Row]] = {}
    for (channel, _, _), rows in found.items():
        by_channel.setdefault(channel, []).extend(rows)
    return published.version, by_channel


def _tokens(home: Home, points: Iterable[Identifier]) -> dict[Identifier, tuple[str, ...]]:
    """By contact point that was erased, the token that it may stand under."""
    if not home.erasures_folder.is_dir():
        return {}
    from orchestration.core.tombstones import tombstone_of, tombstones

    known = tombstones(home)
    stones = {
        point: tombstone_of(home, known, point.identifier_type, point.identifier)
        for point in dict.fromkeys(points)
        if point.identifier
    }
    return {point: (stone.token,) for point, stone in stones.items() if stone}


def check_file(home: Home, config: Config | None, lines: Iterable[str], *, region: str | None = None) -> list[Answer]:
    """The answers to a CSV with a header: ``channel``, ``identifier``, if wanted ``scope`` (empty: anywhere) and ``region``.

    Raises:
        ConfigError: the header is another one, a row is too short, there is none, or what :func:`check_many` refuses.
    """
    reader = csv.DictReader(lines)
    header = [name.strip().lower() for name in reader.fieldnames or ()]
    if not {"channel", "identifier"} <= set(header) or set(header) - set(_FILE_COLUMNS):
        raise ConfigError(
            "Reading the file of questions",
            seen=f"a header of {len(header)} columns that are not the ones allowed",  # a file without header shows a person's row
            allowed=f"{', '.join(_FILE_COLUMNS)} (the last two may be left out)",
            next_step="give the file that header line",
        )
    reader.fieldnames = header
    questions, problems = [], []
    for number, row in enumerate(reader, start=1):
        if None in row or None in row.values():
            problems.append(f"row {number} has not as many columns as the header")
            continue
        questions.append(
            Question(
                row["channel"].strip().lower(),
                row["identifier"],
                (row.get("scope") or "").strip() or None,
                (row.get("region") or "").strip() or region,
            )
        )
    if not (questions or problems):
        problems.append("there is no question below the header")
    if problems:
        raise ConfigError("Reading the file of questions", problems, next_step="quote fields that hold a comma")
    return check_many(home, questions, config)


def suppressing(rows: Iterable[Row], node: str | None) -> tuple[Row, ...]:
    """Those of a contact point's rows on one channel that suppress ``node``, the deciding one first. Anywhere: all of them, for
    each suppresses at least the node it names."""
    path = ancestry(node) if node else ()
    hits = [
        row
        for row in rows
        if not node or (row.scope in path and not any(free in path and is_below(free, row.scope) for free in row.except_scopes))
    ]
    return tuple(sorted(hits, key=lambda row: (_BASIS_ORDER.index(row.basis), row.suppressed_since, row.scope)))


def is_below(node: str, scope: str) -> bool:
    """True when ``node`` lies strictly below ``scope``."""
    return node != scope and scope in ancestry(node)


def _require_known(questions: Sequence[Question], company: Asked) -> None:
    tree = set(company.tree)
    # Without a configured tree any path is a scope (config.py); then only its form could be wrong, and finds no row.
    bounded = bool(company.scopes)
    # Named by their number and not quoted: in a file whose columns are swapped they are somebody's address.
    channels = [number for number, question in enumerate(questions, 1) if question.channel not in TYPES_OF_CHANNEL]
    scopes = [number for number, question in enumerate(questions, 1) if bounded and question.scope and question.scope not in tree]
    problems = [
        f"the {name} of question {_numbers(wrong)} is not one of {', '.join(allowed)}"
        for name, wrong, allowed in (("channel", channels, TYPES_OF_CHANNEL), ("scope", scopes, company.tree))
        if wrong
    ]
    if problems:
        raise ConfigError("Reading the question", problems, next_step="ask with one of these; scopes stand in quietlist.toml")


def _numbers(found: Sequence[int]) -> str:
    more = len(found) - _QUESTIONS_NAMED
    return ", ".join(map(str, found[:_QUESTIONS_NAMED])) + (f" and {more:,} more" if more > 0 else "")


@dataclass(frozen=True)
class _Published:
    version: int
    as_of: datetime
    files: tuple[Path, ...]
    inputs_sha256: str | None
    """The last delivery that it was made of."""


def _published(home: Home) -> _Published | None:
    """The latest version by the one pointer to it, its manifest proved; None when there is none yet."""
    pointer_file = home.golden_published / _POINTER
    if not pointer_file.is_file():
        return None
    pointer = json.loads(pointer_file.read_text(encoding="utf-8"))
    folder = home.golden_published / f"version={pointer['version']}"
    text = (folder / "manifest.json").read_bytes() if (folder / "manifest.json").is_file() else b""
    manifest = json.loads(text) if hashlib.sha256(text).hexdigest() == pointer["manifest_sha256"] else None
    files = tuple(folder / entry["name"] for entry in manifest["files"] if "/" not in entry["name"]) if manifest else ()
    sizes = {folder / entry["name"]: entry["bytes"] for entry in manifest["files"]} if manifest else {}
    if manifest is None or any(not file.is_file() or file.stat().st_size != sizes[file] for file in files):
        raise PermanentError(
            "Answering from the published table",
            seen=f"version {pointer['version']} is not as it was published",
            next_step="run quietlist doctor; restore the published folder from its backup",
        )
    as_of = datetime.fromisoformat(manifest["as_of"])
    return _Published(int(manifest["version"]), as_of, files, manifest.get("inputs_sha256"))


@contextmanager
def _connection() -> Iterator[DuckDBPyConnection]:
    import duckdb

    with duckdb.connect() as con:
        con.execute("set timezone = 'UTC'")
        con.execute("set enable_progress_bar = false")  # it would print into what --json says
        con.execute("set autoinstall_known_extensions = false")
        con.execute("set autoload_known_extensions = false")
        yield con


def _look_up(
    con: DuckDBPyConnection, files: Sequence[Path], wanted: Sequence[tuple[str, str, str]]
) -> dict[tuple[str, str, str], list[Row]]:
    """All rows of these contact points. The files are sorted by channel and identifier, so most of them is skipped."""
    if not wanted:
        return {}
    from orchestration.core.files import one_file

    channels, types, identifiers = ([point[index] for point in wanted] for index in range(3))
    found = con.execute(
        f"""
        with wanted as (
            select unnest($channels) as channel, unnest($types) as identifier_type, unnest($identifiers) as identifier
        )
        select channel, identifier_type, identifier, {", ".join(field.name for field in fields(Row))}
        from read_parquet($files, hive_partitioning = false)
        inner join wanted using (channel, identifier_type, identifier)
        """,
        {"channels": channels, "types": types, "identifiers": identifiers, "files": [one_file(file) for file in files]},
    ).fetchall()
    by_point: dict[tuple[str, str, str], list[Row]] = {}
    for channel, identifier_type, identifier, scope, except_scopes, *rest in found:
        by_point.setdefault((channel, identifier_type, identifier), []).append(Row(scope, tuple(except_scopes or ()), *rest))
    return by_point


def _ask_registries(
    con: DuckDBPyConnection,
    home: Home,
    questions: Sequence[Question],
    read: Sequence[Identifier],
    regions: Sequence[str | None],
    as_of: datetime,
) -> list[tuple[tuple[Listing, ...], tuple[str, ...]]]:
    """Per question who lists its number, and who could not have shown it; only telephone numbers are in registries."""
    numbers = {int(point.identifier[1:]) for point in read if point.identifier_type == "phone" and point.identifier}
    if not numbers:
        return [((), ())] * len(questions)
    from orchestration.core.files import one_file
    from orchestration.identifiers.phone import normalise_phone
    from orchestration.scrub.registries import Registries, published_registries

    registries = Registries(published_registries(home), (), as_of)
    binding = registries.binding({question.channel for question in questions})
    # Literals, unlike a join, let the reader skip what can't hold any of them; they are digits and nothing else.
    literals = ", ".join(map(str, sorted(numbers)))
    members = {
        copy.registry: {
            number
            for (number,) in con.execute(
                f"select number from read_parquet(?) where number in ({literals})", [one_file(copy.numbers)]
            ).fetchall()
        }
        for copy in binding
    }
    answers: list[tuple[tuple[Listing, ...], tuple[str, ...]]] = []
    for question, point, region in zip(questions, read, regions, strict=True):
        if point.identifier_type != "phone" or not point.identifier:
            answers.append(((), ()))
            continue
        number = point.identifier[1:]
        listed = tuple(
            Listing(copy.registry, copy.label, copy.policy.rule_id)
            for copy in binding
            if question.channel in copy.policy.channels and int(number) in members[copy.registry]
        )
        country = normalise_phone(question.identifier, region).number_region or ""
        bound = registries.bound(question.channel, number, country, (region or "").upper())
        gaps = [gap for policy in bound if (gap := registries.gap(policy, number) or registries.stale(policy))]
        answers.append((listed, tuple(f"{gap.registry} ({gap.why})" for gap in gaps)))
    return answers
