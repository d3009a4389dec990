"""``check``: may this contact point be contacted? One question or thousands, answered from the published files alone.

The warehouse is never opened, so an answer comes also while a run is going on, and it is the answer that consumers of
the files get (DESIGN 5.3): a node is suppressed when a row names it or an ancestor, unless ``except_scopes`` of that
row names it or an ancestor of it below the row. Beside it stands what the published registries say of a number, known to the
company or not: ``scrub`` blocks by both, and leaves no number unscreened unsaid.

This module loads in a fraction of a second, which is why it reads the door to the published files itself: the stage
that owns them brings libraries along that a single question does not need. It proves the manifest, not the files'
hashes (``quietlist doctor`` does); hashing them would take longer than the answer.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration.core.asked import Asked, asked
from orchestration.core.channels import TYPES_OF_CHANNEL, ancestry
from orchestration.core.errors import ConfigError, PermanentError
from orchestration.core.home import Home
from orchestration.evidence.masks import mask
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
_COLUMNS = (
    "channel", "identifier_type", "identifier", "scope", "except_scopes", "reason", "basis", "suppressed_since",
    "deciding_request_id", "registry", "registry_version",
)  # fmt: skip
EXAMPLES = {
    "email": "an address such as a@example.com",
    "phone": "a number such as +1 202 555 0123",
    "postal": "'name | street | postal code | country'",
}
_DOOR = "latest.json"
_QUESTIONS_NAMED = 5  # in an error's one line; whoever mends the first ones sees what is wrong with the rest
_FILE_COLUMNS = ("channel", "identifier", "scope", "region")


@dataclass(frozen=True)
class Question:
    """One contact point, one channel, one node."""

    channel: str
    identifier: str
    scope: str = "*"
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

    ``suppressed`` is None when the identifier can't be read (``problem`` says why): that is no permission.
    """

    question: Question
    identifier_type: str | None
    identifier: str | None
    """Normalised, as the table has it."""
    suppressed: bool | None
    rows: tuple[Row, ...]
    """Every row that suppresses the node, the deciding one first."""
    version: int
    as_of: datetime
    problem: str | None = None
    listed: tuple[Listing, ...] = ()
    """Registries that bind the channel and list the number."""
    unscreened: tuple[str, ...] = ()
    """Registries that bind the channel and could not have shown the number, each with the reason."""

    @property
    def may_contact(self) -> bool | None:
        """True only when the identifier was read, no row suppresses it, and every registry that binds it was seen not to
        list it. None when one could not be seen: nobody knows, and that is no permission."""
        if self.suppressed is not False or self.listed:
            return False
        return None if self.unscreened else True

    @property
    def deciding(self) -> Row | None:
        return self.rows[0] if self.rows else None

    @property
    def note(self) -> str | None:
        """What the answer does not cover."""
        if self.suppressed is False and self.listed:
            names = ", ".join(f"{listing.registry}, version {listing.version}" for listing in self.listed)
            return f"REGISTRY: it is listed in {names}; quietlist scrub blocks it, whatever consent there is."
        if self.suppressed is False and self.unscreened:
            return f"Not screened against {'; '.join(self.unscreened)}: that is not clear, and quietlist scrub sets it apart."
        return None

    def as_dict(self) -> dict[str, Any]:
        """For a program. Holds the identifier that was asked about, and nobody else's."""
        return {
            "channel": self.question.channel,
            "scope": self.question.scope,
            "identifier": self.identifier if self.identifier is not None else self.question.identifier,
            "identifier_type": self.identifier_type,
            "suppressed": self.suppressed,
            "may_contact": self.may_contact,
            "deciding": self.deciding.as_dict() if self.deciding else None,
            "rows": [row.as_dict() for row in self.rows],
            "version": self.version,
            "as_of": self.as_of,
            "registries": [listing.__dict__ for listing in self.listed],
            "unscreened": list(self.unscreened),
            "problem": self.problem,
            "note": self.note,
        }

    def sentence(self) -> str:
        """For a person; the identifier is masked, since terminals are logged."""
        where = f"on {self.question.channel} at {self.question.scope}"
        source = f"Published version {self.version}, as of {self.as_of:%Y-%m-%d %H:%M} UTC."
        if self.identifier is None or self.identifier_type is None:
            return f"Not answered {where}: {self.problem}. Treat it as suppressed. {source}"
        who = mask(self.identifier_type, self.identifier)
        if self.deciding is None:
            return " ".join(filter(None, (f"Not suppressed: {who} {where}: no row covers it. {source}", self.note)))
        row = self.deciding
        whose = (
            f"{row.registry}, version {row.registry_version}" if row.basis == "registry" else f"request {row.deciding_request_id}"
        )
        return (
            f"SUPPRESSED: {who} {where} since {row.suppressed_since:%Y-%m-%d %H:%M} UTC: "
            f"{row.reason}, {_BASIS_WORDS.get(row.basis, row.basis)} ({whose}, row at {row.scope}). {source}"
        )


def check(
    home: Home, channel: str, identifier: str, scope: str = "*", region: str | None = None, config: Config | None = None
) -> Answer:
    """Whether ``identifier`` is suppressed on ``channel`` at ``scope``.

    ``region`` is the country of a number written without one; the company's when it is left out.

    Raises:
        ConfigError: unknown channel or scope, or an identifier that can't be read.
        PermanentError: nothing was published yet, or the published files do not prove.
    """
    answer = check_many(home, [Question(channel, identifier, scope, region)], config)[0]
    if answer.problem:
        raise ConfigError(
            f"Reading the identifier to check on {channel}",
            seen=answer.problem,
            allowed=" or ".join(EXAMPLES[kind] for kind in TYPES_OF_CHANNEL[channel]),
            next_step="write it in full; a national number needs --region",
        )
    return answer


def check_many(home: Home, questions: Sequence[Question], config: Config | None = None) -> list[Answer]:
    """Answers in the order of the questions; an identifier that can't be read spoils only its own.

    Raises:
        ConfigError: an unknown channel or scope; every one is named.
        PermanentError: nothing was published yet, or the published files do not prove.
    """
    company = Asked.of(config) if config else asked(home)
    _require_known(questions, company)
    published = _published(home)
    regions = [question.region or company.default_region for question in questions]
    read = [
        normalise_identifier(question.channel, question.identifier, region)
        for question, region in zip(questions, regions, strict=True)
    ]
    wanted = {
        (question.channel, point.identifier_type, point.identifier)
        for question, point in zip(questions, read, strict=True)
        if point.identifier
    }
    with _connection() as con:
        found = _look_up(con, published.files, sorted(wanted))
        registries = _ask_registries(con, home, questions, read, regions, published.as_of)
    answers = []
    for question, point, (listed, unscreened) in zip(questions, read, registries, strict=True):
        if not point.identifier:
            answers.append(
                Answer(question, None, None, None, (), published.version, published.as_of, problem=point.reason or "not readable")
            )
            continue
        rows = suppressing(found.get((question.channel, point.identifier_type, point.identifier), ()), question.scope)
        answers.append(
            Answer(
                question, point.identifier_type, point.identifier, bool(rows), rows, published.version, published.as_of,
                listed=listed, unscreened=unscreened,
            )
        )  # fmt: skip
    return answers


def published_rows(home: Home, identifier_type: str, identifier: str) -> tuple[int, dict[str, list[Row]]] | None:
    """The version in force and, per channel, its rows of one contact point; None when nothing was published yet."""
    if not (home.golden_published / _DOOR).is_file():
        return None
    published = _published(home)
    channels = [channel for channel, types in TYPES_OF_CHANNEL.items() if identifier_type in types]
    with _connection() as con:
        found = _look_up(con, published.files, [(channel, identifier_type, identifier) for channel in channels])
    return published.version, {channel: rows for (channel, _, _), rows in found.items()}


def check_file(home: Home, config: Config | None, lines: Iterable[str], *, region: str | None = None) -> list[Answer]:
    """The answers to a CSV with a header: ``channel`` and ``identifier``, and if wanted ``scope`` and ``region``.

    Raises:
        ConfigError: the header is another one, a row is too short, or what :func:`check_many` refuses.
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
                row["channel"].strip().lower(), row["identifier"], (row.get("scope") or "").strip() or "*",
                (row.get("region") or "").strip() or region,
            )
        )  # fmt: skip
    if problems:
        raise ConfigError("Reading the file of questions", problems, next_step="quote fields that hold a comma")
    return check_many(home, questions, config)


def suppressing(rows: Iterable[Row], node: str) -> tuple[Row, ...]:
    """Those of a contact point's rows on one channel that suppress ``node``, the deciding one first."""
    path = ancestry(node)
    hits = [
        row for row in rows
        if row.scope in path and not any(free in path and is_below(free, row.scope) for free in row.except_scopes)
    ]  # fmt: skip
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
    scopes = [number for number, question in enumerate(questions, 1) if bounded and question.scope not in tree]
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


def _published(home: Home) -> _Published:
    """The latest version by the one door to it, its manifest proved."""
    door_file = home.golden_published / _DOOR
    if not door_file.is_file():
        raise PermanentError(
            "Answering from the published table",
            seen="nothing was published yet",
            next_step="run quietlist run, and read what its gates say",
        )
    door = json.loads(door_file.read_text(encoding="utf-8"))
    folder = home.golden_published / f"version={door['version']}"
    text = (folder / "manifest.json").read_bytes() if (folder / "manifest.json").is_file() else b""
    manifest = json.loads(text) if hashlib.sha256(text).hexdigest() == door["manifest_sha256"] else None
    files = tuple(folder / entry["name"] for entry in manifest["files"] if "/" not in entry["name"]) if manifest else ()
    sizes = {folder / entry["name"]: entry["bytes"] for entry in manifest["files"]} if manifest else {}
    if manifest is None or any(not file.is_file() or file.stat().st_size != sizes[file] for file in files):
        raise PermanentError(
            "Answering from the published table",
            seen=f"version {door['version']} is not as it was published",
            next_step="run quietlist doctor; restore the published folder from its backup",
        )
    return _Published(int(manifest["version"]), datetime.fromisoformat(manifest["as_of"]), files)


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
        select {", ".join(_COLUMNS)}
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
    con: DuckDBPyConnection, home: Home, questions: Sequence[Question], read: Sequence[Identifier],
    regions: Sequence[str | None], as_of: datetime,
) -> list[tuple[tuple[Listing, ...], tuple[str, ...]]]:  # fmt: skip
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
