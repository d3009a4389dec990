"""``explain``: why somebody is blocked, since when, on whose word, and where that was pushed. Or why not.

Asked about an identifier, or about a request id or a keyed hash as reports show them. Collects the evidence as plain data;
``story`` tells it. Other people's identifiers are masked unless ``reveal``, and so is the one that was asked about by its hash.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from orchestration.answers.check import EXAMPLES, Question, check_many, is_below, published_rows
from orchestration.core.channels import TYPES_OF_CHANNEL
from orchestration.core.config import Config
from orchestration.core.errors import ConfigError, InputError
from orchestration.core.home import Home
from orchestration.core.key import create_hmac_function, home_key, known_keys, shown_id
from orchestration.core.masks import mask, mask_label, mask_text, mask_time
from orchestration.core.sql import quoted_name
from orchestration.core.tombstones import tombstone_of, tombstones
from orchestration.evidence.exported import Exported
from orchestration.evidence.reading import evidence_at_hand, evidence_of
from orchestration.evidence.relations import rows
from orchestration.evidence.shown import as_shown, request_of
from orchestration.identifiers.lookup import normalise_identifier

Fact = dict[str, Any]

_REQUEST_ID = re.compile(r"^[0-9a-f]{32}$")
_HASH = re.compile(r"^[0-9a-f]{64}$")
# A person of more records than this is a chain that went wrong; its links are counted, not followed.
_LONGEST_WAY = 20_000
# What a request reaches is told point by point; beyond these the rest is counted.
_POINTS_TOLD = 10


@dataclass(frozen=True)
class Explanation:
    """The evidence on one question. ``data`` is plain: what ``--json`` prints."""

    data: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        return dict(self.data)

    def lines(self) -> list[str]:
        """The same for a person to read."""
        from orchestration.answers.story import tell

        return tell(self.data)


def explain(home: Home, config: Config, identifier: str, reveal: bool = False) -> Explanation:
    """Everything known about a contact point: an identifier, or the request id or keyed hash that a report shows.

    Raises:
        ConfigError: the text is no identifier, or nothing here has that request id or hash.
        Busy: a run is going on, and none before it exported the evidence.
    """
    text = identifier.strip()
    with evidence_at_hand(home, config) as (con, exported):
        asked, points = subject(con, home, config, text, reveal, exported)
        shown = reveal or asked["by"] == "identifier"
        found = [
            _Point(con, home, _Ledger(con, config, reveal, value, exported), kind, value).explained(shown)
            for kind, value in points[:_POINTS_TOLD]
        ]
    told = {
        "asked": asked,
        "points": found,
        "points_left_out": max(len(points) - _POINTS_TOLD, 0),
        "reveal": reveal,
        "exported": exported and {**exported.as_dict(), "said": exported.sentence()},
    }
    return Explanation(as_shown(told, home_key(home)))


def evidence_record(home: Home, file_id: str, record_no: int) -> Fact:
    """One original record as its file delivered it: the columns that were not empty, with the file it came in.

    Raises:
        InputError: no file or no record of that number was loaded.
    """
    with evidence_of(home) as con:
        return _record(con, file_id, record_no)


def subject(
    con: duckdb.DuckDBPyConnection, home: Home, config: Config, text: str, reveal: bool, exported: Exported | None
) -> tuple[Fact, list[tuple[str, str]]]:
    """What was asked about, and the contact points it comes to."""
    if _REQUEST_ID.match(text):
        ledger = _Ledger(con, config, reveal, exported=exported)
        text = request_of(con, home, text) or text
        found = ledger.requests([text])
        if not found:
            raise ConfigError(
                "Explaining a request", seen="no request in the ledger has that id", next_step="copy the whole id from the report"
            )
        unresolved = con.execute(
            "select distinct channel from golden__unresolved_requests where request_id = $id order by 1", {"id": text}
        ).fetchall()
        rules, clocks = ledger.rules([text]), ledger.clocks([text])
        asked = {
            "by": "request_id",
            "request": found[0],
            "unresolved": [
                {"channel": channel, "rules": rules.get((text, channel), []), "clocks": clocks.get((text, channel), [])}
                for (channel,) in unresolved
            ],
        }
        points = con.execute(
            """
            select identifier_type, identifier from (
                select identifier_type, identifier, min(basis) as basis
                from golden__applied_requests where request_id = $id group by all
                union all
                select identifier_type, identifier, 'direct' from golden__int_opt_ins where request_id = $id
            )
            group by identifier_type, identifier order by min(basis), identifier_type, identifier
            """,
            {"id": text},
        ).fetchall()
        return asked, points
    if _HASH.match(text):
        points = con.execute(
            "select identifier_type, identifier from identifiers__contact_point where identifier_hash = $hash", {"hash": text}
        ).fetchall()
        if not points:
            points = _under_a_retired_key(con, home, text)
        if not points:
            raise ConfigError(
                "Explaining a keyed hash",
                seen="no contact point here has that hash",
                next_step="hashes are those of one home and its key",
            )
        return {"by": "identifier_hash", "identifier_hash": text}, points
    kind = "email" if "@" in text else "postal" if "|" in text else "phone"
    point = normalise_identifier(kind, text, config.company.default_region)
    if point.identifier is None:
        raise ConfigError(
            "Reading what to explain",
            seen=point.reason or "a text that is no identifier",
            allowed=f"{', '.join(EXAMPLES.values())}, a request id or a keyed hash",
            next_step="write a number with its country code; nothing was looked up",
        )
    # Who was erased is in the ledger under a token, until the plain form comes back.
    stone = tombstone_of(home, tombstones(home), point.identifier_type, point.identifier)
    names = [point.identifier, *([stone.token] if stone else [])]
    points = con.execute(
        "select identifier_type, identifier from identifiers__contact_point "
        "where identifier_type = $type and list_contains($names, identifier)",
        {"type": point.identifier_type, "names": names},
    ).fetchall()
    return {"by": "identifier"}, points or [(point.identifier_type, point.identifier)]


def _under_a_retired_key(con: duckdb.DuckDBPyConnection, home: Home, text: str) -> list[tuple[str, str]]:
    """The contact points that had this hash before the key was rotated: what an old report or receipt may show."""
    for key in known_keys(home):
        create_hmac_function(con, key)
        points = con.execute(
            "select identifier_type, identifier from identifiers__contact_point where keyed_hash(identifier) = $hash",
            {"hash": text},
        ).fetchall()
        if points:
            return points
    return []


class _Ledger:
    """Requests with the evidence behind them: file and record, rules and clocks."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        config: Config,
        reveal: bool,
        own: str | None = None,
        exported: Exported | None = None,
    ) -> None:
        self.con, self.config, self.reveal, self.exported = con, config, reveal, exported
        self.own = own
        """The identifier that was asked about: no need to name it again."""

    def of(self, ids: list[str], table: str, order: str) -> list[Fact]:
        """The rows of a table that are about these requests."""
        query = f"select * from {table} where request_id in (select unnest($ids)) order by {order}"
        return rows(self.con, query, ids=ids) if ids else []

    def requests(self, ids: list[str]) -> list[Fact]:
        """The requests, earliest first, each with the file and record that is its first evidence."""
        found = self.of(ids, "ledger__requests", "at_earliest, request_id")
        self.add_files(found)
        for request in found:
            if not self.reveal:
                request["scope_given"] = mask_label(request["scope_given"] or "") or None
                request["time_text"] = mask_time(request["time_text"] or "") or None
            request["also_names"] = self.masked([*request.pop("emails"), *request.pop("phones")])
            del request["postal_key"], request["customer_id"]
            if self.reveal and self.exported is None and request["file"].get("id"):  # a record is in the warehouse only
                request["record"] = _record(self.con, request["file"]["id"], request["file"]["record_no"])["record"]
        return found

    def add_files(self, found: list[Fact]) -> None:
        """Put the file in the place of its id; its name is shown in full only to those who ask for it."""
        files = rows(
            self.con,
            "select file_id as id, name, sha256, received_at from raw__landed_files where file_id in (select unnest($ids))",
            ids=sorted({row["file_id"] for row in found}),
        )
        by_id = {file["id"]: file | {"name": file["name"] if self.reveal else mask_label(file["name"] or "")} for file in files}
        for row in found:
            row["file"] = by_id.get(row.pop("file_id"), {}) | {"record_no": row.pop("record_no")}

    def rules(self, ids: list[str]) -> dict[tuple[Any, ...], list[Fact]]:
        """Request and channel -> its rules, each with its limit as its law counts it; our own promise counts hours."""
        limits = {row["rule_id"]: row for row in rows(self.con, "select * from policy__rules")} if ids else {}
        found = self.of(ids, "deadlines__request_rules", "deadline_at, rule_id")
        for rule in found:
            law = limits.get(rule["rule_id"], {})
            if rule["trigger"] == "company_promise":
                law = law | {"max_value": self.config.company.target_hours, "max_unit": "hour"}
            rule |= {name: law.get(name) for name in ("max_value", "max_unit", "clock_start", "source_url", "status")}
        return _by(found, "request_id", "channel")

    def clocks(self, ids: list[str]) -> dict[tuple[Any, ...], list[Fact]]:
        """Request and channel -> its clocks."""
        return _by(self.of(ids, "deadlines__clocks", "destination, deadline_at, rule_id"), "request_id", "channel")

    def masked(self, identifiers: Iterable[str]) -> list[str]:
        """Other people's identifiers, or the person's others."""
        others = [text for text in identifiers if text != self.own]
        return others if self.reveal else [mask("email" if "@" in text else "phone", text) for text in others]

    def masked_key(self, key: str) -> str:
        """A link's key: a kind, a colon, and the identifier (with the name) or customer that is shared."""
        rule, _, value = key.partition(":")
        point = value.partition("\x1f")[0]
        if self.reveal or point == self.own:
            return value.replace("\x1f", ", ")
        hidden = {
            "email": mask("email", point),
            "phone_and_name": f"{mask('phone', point)} and the same name",
            "postal": mask("postal", point),
        }
        return hidden.get(rule, mask_text(value))


class _Point:
    """Collects what is known about one contact point."""

    def __init__(
        self, con: duckdb.DuckDBPyConnection, home: Home, ledger: _Ledger, identifier_type: str, identifier: str
    ) -> None:
        self.con, self.home, self.ledger = con, home, ledger
        self.type, self.identifier = identifier_type, identifier

    def explained(self, shown: bool) -> Fact:
        golden = self._rows("select * from golden__golden_suppression where {this} order by channel, scope")
        for row in golden:
            del row["identifier"], row["identifier_type"]
        requests = self._requests(golden)
        answers = self._answers(golden)
        return {
            "identifier": self.identifier if shown else mask(self.type, self.identifier),
            "identifier_type": self.type,
            "is_suppressed": any(answer["may_contact"] is False for answer in answers),
            "answers": answers,
            "known": self._known(),
            "published": self._published(golden),
            "suppressions": golden,
            "requests": requests,
            "opt_ins": self._opt_ins(requests),
            "registry_listings": self._listings(),
            "pushes": self._rows(
                "select destination, system, channel, scope, wanted, state, verify_class, first_wanted_at, sent_at, accepted_at, "
                "verified_at, version, error from raw__sync__row_state where {this} order by destination, channel, scope"
            ),
            "history": self._rows(
                "select channel, scope, action, basis, request_id, registry, released_scope, in_force_from, in_force_to, "
                "known_from, known_to from golden__suppression_history where {this} "
                "order by in_force_from, channel, scope, known_from"
            ),
        }

    def _rows(self, query: str) -> list[Fact]:
        """The rows of a query that names this contact point as ``{this}``, or by ``$type`` and ``$identifier``."""
        filled = query.replace("{this}", "identifier_type = $type and identifier = $identifier")
        known = {"type": self.type, "identifier": self.identifier}
        return rows(self.con, filled, **{name: value for name, value in known.items() if f"${name}" in filled})

    def _known(self) -> Fact:
        found = self._rows(
            "select sum(customer_count)::bigint as customers, min(first_seen) as first_seen, count(distinct person) as persons "
            "from identity__contact_points where {this}"
        )[0]
        return {"customers": int(found["customers"] or 0), "first_seen": found["first_seen"], "persons": found["persons"]}

    def _listings(self) -> list[Fact]:
        return self._rows(
            """
            select
                listings.registry, listed_from, listed_to, listed_on, first_version, last_version,
                policy.citation, policy.channels, policy.verification
            from registries__listings as listings
            left join policy__registries as policy on listings.registry = policy.registry
            where $type = 'phone' and listings.identifier = $identifier
            order by listed_from, listings.registry
            """
        )

    def _requests(self, golden: list[Fact]) -> list[Fact]:
        """Every suppressing request on this contact point, standing or lifted; ``on`` says where it suppresses."""
        applied = _by(self._rows("select * from golden__applied_requests where {this} order by channel, scope"), "request_id")
        ids = sorted(key[0] for key in applied)
        rules, clocks = self.ledger.rules(ids), self.ledger.clocks(ids)
        lifts = _by(
            self._rows("select * from golden__int_lifts where {this} order by lifted_from, opt_in_id"),
            "suppression_id",
            "channel",
            "scope",
        )
        decided = {(row["channel"], row["scope"]): row["deciding_request_id"] for row in golden}
        ways = self._ways([key[0] for key, places in applied.items() if any(place["basis"] == "person" for place in places)])
        found = self.ledger.requests(ids)
        for request in found:
            number = request["request_id"]
            request["on"] = [
                {
                    "channel": row["channel"],
                    "scope": row["scope"],
                    "basis": row["basis"],
                    "is_deciding": decided.get((row["channel"], row["scope"])) == number,
                    "lifts": (mine := lifts.get((number, row["channel"], row["scope"]), [])),
                    "is_lifted": any(lift["is_whole"] for lift in mine),
                    "rules": rules.get((number, row["channel"]), []),
                    "clocks": clocks.get((number, row["channel"]), []),
                }
                for row in applied[(number,)]
            ]
            request["linked_by"] = ways.get(number, [])
        return found

    def _opt_ins(self, requests: list[Fact]) -> list[Fact]:
        """Every opt-in that names this contact point, and what it did to each request on its channel."""
        found = self._rows(
            """
            select opt_ins.channel, opt_ins.scope, opt_ins.lifts_at, opt_ins.method, opt_ins.request_id, opt_ins.at_earliest,
                opt_ins.first_seen, requests.source, requests.time_quality, requests.file_id, requests.record_no
            from golden__int_opt_ins as opt_ins
            inner join ledger__requests as requests on opt_ins.request_id = requests.request_id
            where {this}
            order by opt_ins.at_earliest, opt_ins.channel, opt_ins.request_id
            """
        )
        self.ledger.add_files(found)
        may = {
            (row["method"], row["channel"], row["action"])
            for row in rows(self.con, "select method, channel, action from policy__lifting_methods")
        }
        for opt_in in found:
            opt_in["effects"] = [
                {"request_id": request["request_id"], "scope": place["scope"], "effect": _effect(opt_in, request, place, may)}
                for request in requests
                for place in request["on"]
                if place["channel"] == opt_in["channel"]
            ]
        return found

    def _answers(self, golden: list[Fact]) -> list[Fact]:
        """Per channel whether it may be contacted, as ``check`` says of the version in force; what the warehouse knows beyond
        that stands against a contact too."""
        taken = {row["channel"] for row in golden}
        channels = [channel for channel, types in TYPES_OF_CHANNEL.items() if self.type in types]
        found = []
        for answer in check_many(self.home, [Question(channel, self.identifier) for channel in channels], self.ledger.config):
            channel = answer.question.channel
            found.append(
                {
                    "channel": channel,
                    "may_contact": False if channel in taken else answer.may_contact,
                    "has_row": channel in taken or bool(answer.rows),
                    "since": min((row.suppressed_since for row in answer.rows), default=None),
                    "registries": [listing.__dict__ for listing in answer.listed],
                    "unscreened": list(answer.unscreened),
                    "waiting": answer.waiting.sentence(),
                    "is_published": answer.version is not None,
                }
            )
        return found

    def _published(self, golden: list[Fact]) -> Fact | None:
        """Whether the version in force says what the warehouse says; a gate or a crash may lie between."""
        published = published_rows(self.home, self.type, self.identifier)
        if published is None:
            return None
        version, by_channel = published
        there = {(channel, row.scope) for channel, found in by_channel.items() for row in found}
        here = {(row["channel"], row["scope"]) for row in golden}
        exported = self.ledger.exported
        return {
            "version": version,
            # published by the run that goes on: it knows what the evidence does not, and may have lifted what that still holds
            "is_newer": exported is not None and exported.golden_version != version,
            "only_published": [list(key) for key in sorted(there - here)],
            "not_published_yet": [list(key) for key in sorted(here - there)],
        }

    def _ways(self, request_ids: list[str]) -> dict[str, list[Fact]]:
        """For each request: the shortest chain of shared keys from its own record to one that has this contact point."""
        if not request_ids:
            return {}
        people = self.con.execute(
            "select node, person from identity__person_of_node where node in (select unnest($nodes))",
            {"nodes": [f"r:{request_id}" for request_id in request_ids]},
        ).fetchall()
        edges = self.con.execute(
            """
            select persons.person, links.node, links.link_key from identity__links as links
            inner join identity__person_of_node as persons on links.node = persons.node
            where persons.person in (select unnest($people))
            limit $most
            """,
            {"people": sorted({person for _, person in people}), "most": _LONGEST_WAY + 1},
        ).fetchall()
        if len(edges) > _LONGEST_WAY:
            unfollowed = [{"rule": "chain", "key": None, "to": f"one of more than {_LONGEST_WAY:,} linked records"}]
            return dict.fromkeys(request_ids, unfollowed)
        key_in_use = home_key(self.home)
        having = {row["node"] for row in self._rows("select distinct node from identity__node_points where {this}")}
        links: dict[str, list[tuple[str, str]]] = {}
        for person, node, key in edges:
            links.setdefault(person, []).append((node, key))
        return {
            start.removeprefix("r:"): [
                {"rule": key.partition(":")[0], "key": self.ledger.masked_key(key), "to": _record_name(node, key_in_use)}
                for key, node in _shortest(start, having, links.get(person, []))
            ]
            for start, person in people
        }


def _effect(  # noqa: PLR0911  one sentence for each way in which an opt-in can fail
    opt_in: Fact, request: Fact, place: Fact, may: set[tuple[str, str, str]]
) -> str:
    """What an opt-in did to a request at a place on the same channel, in words."""
    for lift in place["lifts"]:
        if lift["opt_in_id"] == opt_in["request_id"]:
            return "lifted it" if lift["is_whole"] else f"lifted it at {lift['released_scope']}"
    action, method, channel = request["action"], opt_in["method"], opt_in["channel"]
    here, there = opt_in["scope"], place["scope"]
    if not (here == there or is_below(here, there) or is_below(there, here)):
        return f"did not touch it: {here} and {there} are different parts of the company"
    if not any(lifted == action for _, _, lifted in may):
        return f"did not lift it: nothing automatic lifts {action}"
    if not any(by == method for by, _, _ in may):
        return f"did not lift it: an opt-in by {method} lifts nothing"
    if (method, channel, action) not in may:
        return f"did not lift it: an opt-in by {method} does not lift {action} on {channel}"
    trusted = opt_in["lifts_at"]
    if trusted is None or not (trusted == there or is_below(trusted, there) or is_below(there, trusted)):
        return f"did not lift it: {opt_in['source']} is not trusted with {method} at {there} (may_lift and scope of its section)"
    return "did not lift it: it is not later than the request, and at equal times the opt-out stands"


def _shortest(start: str, goals: set[str], edges: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The steps (shared key, next record) from ``start`` to the nearest of ``goals``; empty when there are none."""
    keys_of: dict[str, list[str]] = {}
    nodes_of: dict[str, list[str]] = {}
    for node, key in sorted(edges):
        keys_of.setdefault(node, []).append(key)
        nodes_of.setdefault(key, []).append(node)
    came: dict[str, tuple[str, str] | None] = {start: None}
    waiting = deque([start])
    while waiting:
        node = waiting.popleft()
        if node in goals:
            steps: list[tuple[str, str]] = []
            step = came[node]
            while step is not None:
                before, key = step
                steps.append((key, node))
                node, step = before, came[before]
            return steps[::-1]
        for key in keys_of.get(node, ()):
            for other in nodes_of.pop(key, ()):
                if other not in came:
                    came[other] = (node, key)
                    waiting.append(other)
    return []


def _record_name(node: str, key: bytes) -> str:
    kind, _, name = node.partition(":")
    return f"request {shown_id(key, name)}" if kind == "r" else f"customer {mask_text(name)}"


def _record(con: duckdb.DuckDBPyConnection, file_id: str, record_no: int) -> Fact:
    """An original record, from the feed's raw table or from quarantine."""
    files = rows(
        con,
        "select file_id, name, sha256, source, vendor, feed, received_at from raw__landed_files where file_id = $id",
        id=file_id,
    )
    if files and files[0]["feed"] is not None:
        table = f"{files[0]['vendor']}__{files[0]['feed']}"
        exists = con.execute(
            "select 1 from information_schema.tables where table_schema = 'raw' and table_name = $name", {"name": table}
        ).fetchall()
        found = (
            rows(
                con, f"select * from raw.{quoted_name(table)} where _file_id = $id and _record_no = $no", id=file_id, no=record_no
            )
            if exists
            else []
        )
        if found:
            return {"file": files[0], "record_no": record_no, "record": _filled(found[0])}
    refused = rows(
        con, "select record_text, reason from raw__quarantine where file_id = $id and record_no = $no", id=file_id, no=record_no
    )
    if refused:
        return {
            "file": files[0] if files else {},
            "record_no": record_no,
            "record": {"text": refused[0]["record_text"]},
            "reason": refused[0]["reason"],
        }
    raise InputError(
        f"Reading record {record_no} of file {file_id}",
        seen="no such record in the raw tables" if files else "no such file",
        next_step="file ids and record numbers stand in the report and in explain",
    )


def _filled(record: Fact) -> Fact:
    """The columns of a raw row that hold something; ``_extra`` has those that no feed declares."""
    return {
        name: value for name, value in record.items() if value not in (None, "", "{}") and name not in ("_file_id", "_record_no")
    }


def _by(found: list[Fact], *names: str) -> dict[tuple[Any, ...], list[Fact]]:
    grouped: dict[tuple[Any, ...], list[Fact]] = {}
    for row in found:
        grouped.setdefault(tuple(row[name] for name in names), []).append(row)
    return grouped
