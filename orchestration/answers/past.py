"""Answers about the past: was this contact point suppressed at a moment, by what is known now, or by what was known at another
one?

The history has two time axes (``golden.suppression_history``): when something was in force, and when it was known here. Both are
read by today's configuration and policy, so that an answer is what a replay of landing up to then says. One thing is not on them:
a request that reaches somebody through the person it belongs to (`basis` person) could not be known before the records were
linked. What was known then is found from the links' own times.

There are three answers, as ``check`` has them, and "nobody knows" is no permission: the moment lies before the history begins or
after the last run, something waits that no run has read, a registry's copy of then could not have shown the number, or it is not
known when two records came to be linked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from orchestration.answers.check import MAY, MAY_NOT, NOBODY_KNOWS, Question
from orchestration.core.channels import TYPES_OF_CHANNEL, ancestry, scope_tree
from orchestration.core.config import Config
from orchestration.core.errors import ConfigError
from orchestration.core.home import Home
from orchestration.core.key import home_key, shown_id
from orchestration.core.masks import mask
from orchestration.core.stamps import read_stamps
from orchestration.core.waiting import waiting
from orchestration.core.wording import listed, moment
from orchestration.evidence.exported import Exported
from orchestration.evidence.reading import evidence_at_hand
from orchestration.evidence.relations import rows
from orchestration.identifiers.lookup import normalise_identifier
from orchestration.publish.versions import inputs_in_force

# A person of more records than this is a chain that went wrong; when its links were known is not followed.
_LONGEST_WAY = 20_000


@dataclass(frozen=True)
class Moment:
    """What is asked about: a moment, and by which knowledge. ``known_at`` None: by what is known now."""

    at: datetime
    known_at: datetime | None = None

    def sentence(self) -> str:
        return f"at {moment(self.at)}, by what {f'was known at {moment(self.known_at)}' if self.known_at else 'is known now'}"


@dataclass(frozen=True)
class Past:
    """The answer on one channel."""

    channel: str
    scope: str | None
    identifier_type: str
    identifier: str | None
    asked: Moment
    held: Sequence[dict[str, Any]]
    """What suppressed it then, as the history has it, ids as they are shown."""
    doubts: tuple[str, ...]
    """Why nobody knows, where nothing suppressed it for certain."""

    @property
    def suppressed(self) -> bool | None:
        return True if self.held else None if self.doubts else False

    @property
    def exit_code(self) -> int:
        return {True: MAY_NOT, False: MAY, None: NOBODY_KNOWS}[self.suppressed]

    def as_dict(self) -> dict[str, Any]:
        return {
            "channel": self.channel,
            "scope": self.scope,
            "identifier": self.identifier,
            "identifier_type": self.identifier_type,
            "at": self.asked.at.isoformat(),
            "known_at": self.asked.known_at.isoformat() if self.asked.known_at else None,
            "suppressed": self.suppressed,
            "rows": list(self.held),
            "nobody_knows_because": list(self.doubts),
            "exit_code": self.exit_code,
        }

    def lines(self) -> Iterator[str]:
        """The identifier is masked, since terminals are logged."""
        who = mask(self.identifier_type, self.identifier) if self.identifier else "this identifier"
        where = f"on {self.channel} {f'at {self.scope}' if self.scope else 'anywhere in the company'}"
        verdict = {True: "Was SUPPRESSED", False: "Was not suppressed", None: "NOBODY KNOWS"}[self.suppressed]
        why = f": {'; '.join(self.doubts)}; treat it as suppressed" if self.suppressed is None else ""
        yield f"{verdict}: {who} {where}, {self.asked.sentence()}{why}."
        for row in self.held:
            by = f"request {row['request_id']}" if row["request_id"] else f"the registry {row['registry']}"
            until = f", until {moment(row['in_force_to'])}" if row["in_force_to"] else ""
            free = f", except {listed(row['released'])}" if row["released"] else ""
            yield (
                f"  {row['action'].replace('_', ' ')} at {row['scope']} by {by} ({row['basis']}), in force since "
                f"{moment(row['in_force_from'])}{until}{free}; known since {moment(row['known_from'])}"
            )


def past(home: Home, config: Config, questions: Sequence[Question], asked: Moment, now: datetime) -> list[Past]:
    """The answers, in the order of the questions.

    Raises:
        ConfigError: an unknown channel or node, or knowledge of before the moment that is asked about.
        Busy: a run is going on, and none before it exported a set.
    """
    _require_possible(config, questions, asked)
    with evidence_at_hand(home, config) as (con, exported):
        limits = _limits(con, home, exported, asked, now)
        return [_answer(con, home, config, question, asked, limits) for question in questions]


def everywhere(identifier: str) -> list[Question]:
    """The questions about a contact point on each channel of its type, anywhere in the company."""
    kind = "email" if "@" in identifier else "postal" if "|" in identifier else "phone"
    return [Question(channel, identifier) for channel, types in TYPES_OF_CHANNEL.items() if kind in types]


def _require_possible(config: Config, questions: Sequence[Question], asked: Moment) -> None:
    tree = scope_tree(config.company.scopes)
    problems = [
        f"the channel is not one of {', '.join(TYPES_OF_CHANNEL)}" for one in questions if one.channel not in TYPES_OF_CHANNEL
    ]
    if config.company.scopes:
        problems += [f"the scope is not one of {', '.join(tree)}" for one in questions if one.scope and one.scope not in tree]
    if asked.known_at and asked.known_at < asked.at:
        problems.append("--known-at: is earlier than --at; of a later moment nothing could be known")
    if problems:
        raise ConfigError("Reading the question", sorted(set(problems)), next_step="ask with other values; nothing was looked up")


def _limits(con: duckdb.DuckDBPyConnection, home: Home, exported: Exported | None, asked: Moment, now: datetime) -> list[str]:
    """Why the history cannot say of this moment that nothing was in force. Empty: it can."""
    clock = exported.as_of if exported else read_stamps(con).clock
    begins = con.execute("select min(received_at) from raw__landed_files").fetchall()[0][0]
    if clock is None or begins is None:
        return ["nothing has been reconciled here yet"]
    found = []
    latest = max(asked.at, asked.known_at or asked.at)
    if latest > now:
        found.append("that moment has not come yet")
    elif latest > clock:
        found.append(f"the last run was as of {moment(clock)}, and what has come since is not known")
    if asked.known_at and asked.known_at < begins:
        found.append(f"nothing was known before {moment(begins)}, when the first file arrived")
    elif asked.at < begins:
        found.append(f"the history here begins at {moment(begins)}; what was lifted before is not known")
    if asked.known_at is None and (unread := waiting(home, inputs_in_force(home)[1])):
        found.append(unread.sentence())
    return found


def _answer(
    con: duckdb.DuckDBPyConnection, home: Home, config: Config, question: Question, asked: Moment, limits: Sequence[str]
) -> Past:
    region = question.region or config.company.default_region
    point = normalise_identifier(question.channel, question.identifier, region)
    if point.identifier is None:
        unread = (f"it cannot be read ({point.reason or 'not readable'})",)
        return Past(question.channel, question.scope, point.identifier_type, None, asked, [], unread)
    about = {"kind": point.identifier_type, "identifier": point.identifier, "channel": question.channel}
    in_force = rows(
        con,
        """
        select suppression_id, request_id, registry, scope, action, basis, released_scope, in_force_from, in_force_to, known_from
        from golden__suppression_history
        where identifier_type = $kind and identifier = $identifier and channel = $channel
            and in_force_from <= $at and (in_force_to is null or in_force_to > $at)
            and ($known::timestamptz is null and known_to is null
                or known_from <= $known::timestamptz and (known_to is null or known_to > $known::timestamptz))
        order by in_force_from, suppression_id, scope, released_scope
        """,
        at=asked.at,
        known=asked.known_at,
        **about,
    )
    released: dict[tuple[str, str], list[str]] = {}
    for row in in_force:
        if row["released_scope"] is not None:
            released.setdefault((row["suppression_id"], row["scope"]), []).append(row["released_scope"])
    held = []
    key = home_key(home)
    for row in in_force:
        free = released.get((row["suppression_id"], row["scope"]), [])
        if row["released_scope"] is not None or not _covers(row["scope"], free, question.scope):
            continue
        known = True
        if asked.known_at and row["basis"] == "person":
            known = _was_linked(con, row["request_id"], point.identifier_type, point.identifier, asked.known_at)
        if known:
            shown = {name: value for name, value in row.items() if name not in ("suppression_id", "released_scope")}
            held.append(shown | {"request_id": row["request_id"] and shown_id(key, row["request_id"]), "released": free})
    doubts = list(limits)
    if point.identifier_type == "phone":
        doubts += _unscreened(con, question, point.identifier, region, asked)
    return Past(question.channel, question.scope, point.identifier_type, point.identifier, asked, held, tuple(doubts))


def _covers(scope: str, released: Sequence[str], node: str | None) -> bool:
    """Whether a row at ``scope`` suppresses the node. Anywhere: each row suppresses at least its own node."""
    if node is None:
        return True
    path = ancestry(node)
    return scope in path and not any(free in path for free in released)


def _was_linked(
    con: duckdb.DuckDBPyConnection, request_id: str, identifier_type: str, identifier: str, known_at: datetime
) -> bool:
    """Whether the records known then joined a request to this contact point.

    Where no link that is held joins them the link was cut since: what it spread before the cut still holds, and the row's own
    time is all there is. So it is for a person of too many records.
    """
    found = con.execute(
        """
        with own as (select person from identity__person_of_node where node = 'r:' || $request),
        links as (
            select links.node, links.link_key from identity__links as links
            inner join identity__person_of_node as persons on links.node = persons.node
            inner join own on persons.person = own.person
            limit $most
        ),
        keys as (
            select points.node, points.first_seen,
                case points.identifier_type
                    when 'phone' then 'phone_and_name:' || points.identifier || chr(31) || points.name_key
                    else points.identifier_type || ':' || points.identifier
                end as link_key
            from identity__node_points as points
            inner join (select distinct node from links) as nodes on points.node = nodes.node
            where points.is_linking
            union all
            select points.node, points.first_seen, 'customer_id:' || points.customer_id as link_key
            from identity__node_points as points
            inner join (select distinct node from links) as nodes on points.node = nodes.node
            where points.customer_id is not null
        )
        select links.node, links.link_key, min(keys.first_seen) as known_from
        from links left join keys on links.node = keys.node and links.link_key = keys.link_key
        group by links.node, links.link_key
        """,
        {"request": request_id, "most": _LONGEST_WAY + 1},
    ).fetchall()
    having = dict(
        con.execute(
            "select node, min(first_seen) from identity__node_points where identifier_type = $kind and identifier = $identifier "
            "group by node",
            {"kind": identifier_type, "identifier": identifier},
        ).fetchall()
    )
    start = f"r:{request_id}"
    now = _reached(start, [(node, key) for node, key, _ in found])
    if len(found) > _LONGEST_WAY or not now & having.keys():
        return True
    then = _reached(start, [(node, key) for node, key, known_from in found if known_from is None or known_from <= known_at])
    return any(having[node] <= known_at for node in then & having.keys())


def _reached(start: str, edges: Sequence[tuple[str, str]]) -> set[str]:
    """All records that shared keys lead to, the first one too."""
    nodes_of: dict[str, set[str]] = {}
    keys_of: dict[str, set[str]] = {}
    for node, key in edges:
        nodes_of.setdefault(key, set()).add(node)
        keys_of.setdefault(node, set()).add(key)
    found, waiting_ = {start}, [start]
    while waiting_:
        for key in keys_of.get(waiting_.pop(), ()):
            new = nodes_of.pop(key, set()) - found
            found |= new
            waiting_ += new
    return found


def _unscreened(
    con: duckdb.DuckDBPyConnection, question: Question, number: str, region: str | None, asked: Moment
) -> Iterator[str]:
    """The registries that had to be consulted for this number then, and whose copies of then could not have shown it."""
    from orchestration.identifiers.phone import normalise_phone
    from orchestration.scrub.registries import Registries

    digits = number[1:]
    country = normalise_phone(question.identifier, region).number_region or ""
    bound = Registries((), (), asked.at).bound(question.channel, digits, country, (region or "").upper())
    is_known = bool(
        con.execute(
            "select 1 from identity__node_points where identifier_type = 'phone' and identifier = $number "
            "and ($known::timestamptz is null or first_seen <= $known::timestamptz) limit 1",
            {"number": number, "known": asked.known_at},
        ).fetchall()
    )
    for policy in bound:
        obtained = con.execute(
            """
            select max(obtained_at) from registries__area_versions
            where registry = $registry and area in ('*', $area) and obtained_at <= $at
                and ($known::timestamptz is null or obtained_at <= $known::timestamptz)
            """,
            {
                "registry": policy.registry,
                "area": digits[1:4] if digits.startswith("1") else "",
                "at": asked.at,
                "known": asked.known_at,
            },
        ).fetchall()[0][0]
        end = policy.usable_until(obtained) if obtained else None
        if obtained is None:
            yield f"no copy of {policy.registry} that was held then could have shown the number"
        elif end is not None and asked.at >= end:
            yield f"the copy of {policy.registry} that was held then was of {moment(obtained)}, which was too old"
        elif not is_known:
            yield f"{policy.registry} of then cannot be asked about a number that the company did not know"
