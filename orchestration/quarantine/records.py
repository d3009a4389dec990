"""``quietlist quarantine``: what waits for a person, one record of it as it stood, and what a person decides about it.

Three kinds wait: ``refused`` (no reader or no staging model could use the record, so it suppresses nobody), ``doubt`` (it
suppresses, and its words can mean something else) and ``unresolved`` (it suppresses nobody on a channel it names, for nobody was
found). The models say which: ``ledger.open_records`` and ``golden.open_requests``. Each run exports them to
``quarantine/open.parquet``, so that the list can also be read while a run holds the warehouse. Identifiers are masked unless
``reveal``.

A record is named by an id of its file and number, keyed with the home's key: a rebuild gives the same one, and it says nothing
about the person.
"""

from __future__ import annotations

import csv
import difflib
import os
import re
import zoneinfo
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path
from typing import Any

import duckdb

from orchestration.answers.explain import evidence_record
from orchestration.core.channels import CHANNELS
from orchestration.core.config import Config
from orchestration.core.errors import Busy, ConfigError, InputError
from orchestration.core.files import one_file, put_in_place
from orchestration.core.home import CHECKOUT, PRIVATE_FILE, Home
from orchestration.core.key import create_hmac_function, home_key, known_keys
from orchestration.core.lock import is_running
from orchestration.core.masks import HIDDEN, mask, mask_label, mask_text, mask_time
from orchestration.core.sql import quoted
from orchestration.core.wording import age, counted, listed, moment
from orchestration.evidence.reading import evidence_of
from orchestration.evidence.relations import open_relations, rows
from orchestration.identifiers.lookup import normalise_identifier
from orchestration.publish.verdicts import overrides
from orchestration.quarantine.decisions import record_decision, waiting_decisions

Fact = dict[str, Any]

KINDS = ("refused", "doubt", "unresolved")
_MEANING = {
    "refused": "could not be used: nobody is suppressed by it",
    "doubt": "suppressed, and may have meant something else",
    "unresolved": "suppresses nobody on a channel it names: nobody was found",
}
_ID_DIGITS = 12  # 48 bits: among a million records the chance that two share an id is one in five hundred, and it would be told
_ID = re.compile(rf"^[0-9a-f]{{6,{_ID_DIGITS}}}$")
SHOWN = 50
"""How many records a list names where nobody asks for more: what a person works through at a time."""
_TAKEN_OVER = ("name", "address", "postal_code", "country", "region", "customer_id", "scope", "method", "action")
_LISTS = ("channels", "emails_raw", "phones_raw")
VALUES = (
    "requested_at", "action", "method", "channels", "scope", "email", "phone", "name", "address", "postal_code", "country",
    "region", "customer_id",
)  # fmt: skip
"""The columns that a person may correct: those of the canonical feed of requests."""
# Raw columns that say what, where and when and not who: shown also without reveal, unless they look like a person's.
_CODES = frozenset(
    {
        "action", "method", "channels", "channel", "scope", "event", "type", "status", "reason", "direction", "call_type",
        "disposition", "outcome", "region", "country", "opt_out_type", "error_code", "decision",
    }
)  # fmt: skip
_TIMES = frozenset({"timestamp", "created", "last_changed"})

# A file of which nothing could be read is one quarantined record without a text, and is acknowledged as a file.
_WAITING = f"""
with landed as (
    select file_id, sha256, source, vendor, feed, name as file_name, received_at from raw__landed_files
),
unresolved as (
    select request_id, list(distinct channel order by channel) as unreached from golden__open_requests group by request_id
),
found as (
    select kind, file_id, record_no, shown_id(request_id) as request_id, stage, reason, cast(null as varchar[]) as unreached
    from ledger__open_records
    union all
    select 'unresolved', requests.file_id, requests.record_no, shown_id(unresolved.request_id), 'request', 'reaches_nobody',
        unresolved.unreached
    from unresolved inner join ledger__requests as requests on unresolved.request_id = requests.request_id
),
decided as (
    select 'decided', file_id, record_no, cast(null as varchar), 'request', decision, cast(null as varchar[])
    from ledger__decisions
),
every as (
    select * from found
    union all
    select * from decided
),
staged as (
    select file_id, record_no, {", ".join((*_TAKEN_OVER, *_LISTS))}, at_earliest, at_latest
    from staging__int_requests__unioned semi join every using (file_id, record_no)
),
whole as (
    select log.file_id from raw__load_log as log
    inner join raw__quarantine as refused on log.file_id = refused.file_id
    where log.loaded = 0 and log.quarantined = 1 and refused.record_text is null
),
settings as (
    select source, any_value(scope) as source_scope, any_value(timezone) as source_zone, any_value(region) as source_region
    from raw__source_settings group by source
)
select
    every.*, landed.* exclude (file_id), staged.* exclude (file_id, record_no),
    every.file_id in (select file_id from whole) as is_whole_file, settings.* exclude (source)
from every
left join landed on every.file_id = landed.file_id
left join staged on every.file_id = staged.file_id and every.record_no = staged.record_no
left join settings on landed.source = settings.source
"""


def export_open(con: duckdb.DuckDBPyConnection, home: Home) -> None:
    """Write what waits for a person beside the quarantined records, for readers that may not wait for the warehouse."""
    open_relations(con)
    path = _export(home)
    part = path.with_name(f".{path.name}.part")
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE))
    create_hmac_function(con, home_key(home))
    con.execute(f"copy ({_WAITING}) to {quoted(part)} (format parquet, use_tmp_file false)")
    put_in_place(part, path)


@dataclass(frozen=True)
class Waiting:
    """What waits, as plain data: ``groups`` count all of it, ``items`` are those shown."""

    groups: Sequence[Fact]
    items: Sequence[Fact]
    undone: int
    """Decisions that no run has taken yet."""
    as_of: datetime
    exported_at: datetime | None
    """Set when a run holds the warehouse and the list is the one that was exported then."""

    @property
    def total(self) -> int:
        return sum(group["records"] for group in self.groups)

    def as_dict(self) -> dict[str, Any]:
        return {
            "waiting": self.total,
            "decisions_waiting_for_the_next_run": self.undone,
            "exported_at": self.exported_at.isoformat() if self.exported_at else None,
            "groups": list(self.groups),
            "items": list(self.items),
        }

    def lines(self) -> list[str]:
        """For a person at a terminal."""
        told = []
        if self.exported_at:
            told.append(f"A run is in progress: this is the list of {moment(self.exported_at)}.")
        if not self.total:
            told.append("Nothing needs a person's decision.")
        else:
            oldest = min((group["oldest"] for group in self.groups if group["oldest"]), default=None)
            for_ = f", the oldest for {age(self.as_of - oldest)}" if oldest else ""
            told.append(f"{counted(self.total, 'record')} {'waits' if self.total == 1 else 'wait'} for a person{for_}.")
        for kind in KINDS:
            mine = [group for group in self.groups if group["kind"] == kind]
            if mine:
                told += ["", f"{kind}: {_MEANING[kind]}"]
                told += [
                    f"  {group['source']}: {group['reason']}, {counted(group['records'], 'record')}"
                    + (f", the oldest for {age(self.as_of - group['oldest'])}" if group["oldest"] else "")
                    for group in mine
                ]
        if self.items:
            told += ["", f"{'id':<{_ID_DIGITS}}  kind        source, reason, age, file and record"]
        for item in self.items:
            for_ = f", {age(self.as_of - item['received_at'])}" if item["received_at"] else ""
            on = f" ({listed(item['unreached'])})" if item["unreached"] else ""
            told.append(
                f"{item['id']}  {item['kind']:<10}  {item['source']}, {item['reason']}{on}{for_}, "
                f"{item['file_name']} record {item['record_no']}"
            )
        if len(self.items) < self.total:
            told.append(f"and {self.total - len(self.items):,} more: --limit, --source, --reason and --kind choose")
        if self.undone:
            told.append(f"{counted(self.undone, 'decision')} recorded, for the next quietlist run to take.")
        if self.total:
            told.append("Next step: quietlist quarantine show ID, then quietlist quarantine decide ID.")
        return told


def waiting(
    home: Home,
    config: Config,
    as_of: datetime,
    *,
    source: str | None = None,
    reason: str | None = None,
    kind: str | None = None,
    limit: int = SHOWN,
) -> Waiting:
    """What waits for a person, the oldest first.

    Raises:
        Busy: a run holds the warehouse, and no run has exported a list before.
    """
    with _open_list(home, config) as (con, exported_at):
        # What is decided and not taken yet waits for a run, not for a person.
        undone = [found for found in waiting_decisions(home) if found.get("decision") != "link_cut"]
        con.execute("create or replace temp table undone (source varchar, sha256 varchar, record_no varchar)")
        for line in undone:
            con.execute(
                "insert into undone values (?, ?, ?)", [line.get(f"of_{name}") for name in ("source", "sha256", "record_no")]
            )
        con.execute("create or replace temp table looked_at as select unnest(?::varchar[]) as file_id", [_acknowledged(home)])
        con.execute(
            """
            create or replace temp view chosen as
            select waiting.* from waiting
            where kind <> 'decided' and not (is_whole_file and file_id in (select file_id from looked_at))
                and not exists (select 1 from undone
                    where undone.source = waiting.source and undone.sha256 = waiting.sha256
                        and undone.record_no = waiting.record_no::varchar)
            """
        )
        asked = {"source": source, "reason": reason, "kind": kind}
        where = " and ".join(f"{name} = ${name}" for name, value in asked.items() if value) or "true"
        given = {name: value for name, value in asked.items() if value}
        groups = rows(
            con,
            f"select kind, source, reason, count(*) as records, min(received_at) as oldest from chosen where {where} "
            "group by all order by kind, records desc, source, reason",
            **given,
        )
        found = rows(
            con,
            f"select {_SHOWN_COLUMNS} from chosen where {where} "
            f"order by received_at, file_id, record_no, kind limit {int(limit)}",
            **given,
        )
        return Waiting(groups, [_masked_item(item) for item in found], len(undone), as_of, exported_at)


def told_in_short(home: Home, config: Config, as_of: datetime) -> str:
    """What waits, by source, for the last lines of a run; empty when nothing does. Of the run that holds the home it is told what
    it exported itself.
    """
    try:
        groups = waiting(home, config, as_of, limit=0).groups
    except Busy:
        return ""  # it ended before it could tell
    by_source: dict[str, int] = {}
    for group in groups:
        by_source[group["source"]] = by_source.get(group["source"], 0) + group["records"]
    said = [f"{number:,} of {source}" for source, number in sorted(by_source.items(), key=lambda item: (-item[1], item[0]))]
    return f"{counted(sum(by_source.values()), 'record')}: {listed(said)} (quietlist quarantine)" if said else ""


_SHOWN_COLUMNS = (
    "record_id(file_id, record_no) as id, kind, source, vendor, feed, stage, reason, unreached, received_at, file_id, file_name, "
    "sha256, record_no, request_id, is_whole_file"
)


@dataclass(frozen=True)
class Shown:
    """One record as it stood."""

    data: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        return dict(self.data)

    def lines(self) -> list[str]:
        found = self.data
        told = [f"{found['id']}: {listed([f'{kind} ({reason})' for kind, reason in found['why']])}"]
        place = f"{found['file_name']}, record {found['record_no']}"
        told.append(f"  from {found['source']}, in {place}, arrived {moment(found['received_at'])}")
        told.append(f"  file id {found['file_id']}, sha-256 {found['sha256']}")
        told += [f"  {kind}: {_MEANING[kind]}" for kind, _ in found["why"] if kind in _MEANING]
        for name, value in found["record"].items():
            told.append(f"  | {name}: {value}")
        if not found["revealed"]:
            told.append("  (masked; --reveal shows the record as delivered)")
        for past in found["decisions"]:
            told.append(
                f"  decided {moment(past['decided_at'])} by {past['decided_by']}: {past['decision'].replace('_', ' ')}, "
                f"because {past['decided_why']}"
            )
        told.append(f"Next step: {found['next_step']}")
        return told


def show(home: Home, config: Config, record_id: str, *, reveal: bool = False) -> Shown:
    """One record with its file and number, and every decision about it.

    Raises:
        ConfigError: no record that waits, or was decided, has that id.
        Busy: a run holds the warehouse, where the record is.
    """
    if is_running(home):
        raise Busy(
            "Showing a record",
            seen="a run holds the warehouse, where the record is",
            next_step="wait for the run to end, and ask again",
        )
    with _open_list(home, config) as (con, _):
        found = _the_record(con, home, record_id)
        past = rows(
            con,
            "select decision, decided_at, decided_by, decided_why from staging__stg_quietlist__decided "
            "where of_source = $source and of_sha256 = $sha256 and of_record_no = $record_no order by decided_at, decision_key",
            **{name: found[0][name] for name in ("source", "sha256", "record_no")},
        )
    try:
        record = evidence_record(home, found[0]["file_id"], found[0]["record_no"])["record"]
    except InputError:
        record = {}  # a part of an archive that could not be opened has no record
    if not reveal:
        record = {name: _masked(name, value) for name, value in record.items()}
        past = [one | {name: mask_text(one[name]) for name in ("decided_by", "decided_why")} for one in past]
    first = found[0]
    return Shown(
        {
            "id": first["id"],
            "why": [(item["kind"], item["reason"]) for item in found],
            **{name: first[name] for name in ("source", "vendor", "feed", "record_no", "file_id", "sha256", "received_at")},
            "file_name": (first["file_name"] if reveal else mask_label(first["file_name"] or "")),
            "record": record,
            "revealed": reveal,
            "decisions": past,
            "next_step": _next_step(found),
        }
    )


@dataclass(frozen=True)
class Answer:
    """What a person says about a record: exactly one of the first four."""

    values: Mapping[str, str] | None = None
    opt_out: str | None = None
    nothing: bool = False
    confirm: bool = False
    channels: tuple[str, ...] = ()
    scope: str | None = None

    @property
    def decision(self) -> str:
        said = [
            name
            for name, given in (
                ("value", self.values),
                ("opt_out", self.opt_out),
                ("nothing", self.nothing),
                ("confirm", self.confirm),
            )
            if given
        ]
        return said[0] if len(said) == 1 else ""


@dataclass(frozen=True)
class Decided:
    """A recorded decision, in words that name nobody."""

    record_id: str
    decision: str
    person: str
    file: Path

    def as_dict(self) -> dict[str, Any]:
        return {"id": self.record_id, "decision": self.decision, "by": self.person, "file": str(self.file)}

    def lines(self) -> list[str]:
        what = {
            "value": "its corrected values are a request of their own",
            "opt_out": "it is an opt-out of the one you named",
            "nothing": "it asks for nothing",
            "confirm": "it was meant as it was read, and the suppression stands",
        }[self.decision]
        return [
            f"Recorded: {self.person} says of record {self.record_id} that {what}.",
            "Next step: quietlist run, which applies the decision and records it on the chain of evidence.",
        ]


def decide(home: Home, config: Config, record_id: str, answer: Answer, *, person: str, reason: str, now: datetime) -> Decided:
    """Record what a person says about a record. Nothing is released by any decision.

    Raises:
        ConfigError: with everything that is missing, contradictory or not allowed for this record; nothing was recorded.
        Busy: a run holds the warehouse, and no list was exported before.
    """
    problems = [] if answer.decision else ["exactly one of --value, --opt-out, --nothing and --confirm is needed"]
    problems += [f"--{name}: is required" for name, text in (("by", person), ("reason", reason)) if not text.strip()]
    if answer.decision != "opt_out" and (answer.channels or answer.scope):
        problems.append("--channel and --scope go with --opt-out")
    if problems:
        raise ConfigError(
            "Deciding about a record", problems, next_step="see quietlist quarantine decide --help; nothing was recorded"
        )
    with _open_list(home, config) as (con, _):
        found = _the_record(con, home, record_id)
    refusal = _refusal(found, answer.decision)
    if refusal:
        seen, allowed, next_step = refusal
        raise ConfigError(f"Deciding about record {found[0]['id']}", seen=seen, allowed=allowed, next_step=next_step)
    first = found[0]
    about: dict[str, str | None] = {
        "of_source": first["source"],
        "of_sha256": first["sha256"],
        "of_record_no": str(first["record_no"]),
        "first_seen": first["received_at"].astimezone(UTC).isoformat() if first["received_at"] else None,
    }
    if answer.decision in ("value", "opt_out"):
        request, problems = _request(config, first, answer, now)
        if problems:
            raise ConfigError(
                f"Deciding about record {first['id']}", problems, next_step="correct these and run it again; nothing was recorded"
            )
        about |= request
    file = record_decision(home, answer.decision, about, person=person, reason=reason, now=now)
    return Decided(first["id"], answer.decision, mask_text(person.strip()), file)


def cut_link(
    home: Home, config: Config, identifier: str, *, region: str | None = None, person: str, reason: str, now: datetime
) -> Path:
    """Record that a contact point makes nobody one person with anybody, such as a switchboard or a shared mailbox.

    What it is asked on itself stands, and so does what was asked of the joined person before (docs/architecture.md). Returns the
    decision's file.

    Raises:
        ConfigError: the identifier names nobody, or no person or reason is given; nothing was recorded.
    """
    found = normalise_identifier(
        "ads", identifier, region or config.company.default_region
    )  # ads has both types: number and address
    if found.identifier is None:
        raise ConfigError(
            f"Cutting the links of {mask_text(identifier)}",
            seen=f"it cannot be read ({found.reason})",
            allowed="an e-mail address or a telephone number",
            next_step="give one, a number with its country code or with --region; nothing was recorded",
        )
    about = {"identifier_type": found.identifier_type, "identifier": found.identifier}
    return record_decision(home, "link_cut", about, person=person, reason=reason, now=now)


@contextmanager
def _open_list(home: Home, config: Config) -> Iterator[tuple[duckdb.DuckDBPyConnection, datetime | None]]:
    """``waiting`` as a view, and ``record_id(file_id, record_no)``; with the export's moment when a run holds the warehouse."""
    if is_running(home):
        path = _export(home)
        if not path.is_file():
            raise Busy(
                "Listing what needs a person's decision",
                seen="a run holds the warehouse, and no run before it exported a list",
                next_step="wait for the run to end, and ask again",
            )
        exported_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        with duckdb.connect() as con:
            con.execute("set timezone = 'UTC'")
            con.execute(f"create temp view waiting as select * from read_parquet({quoted(one_file(path))})")
            _name_records(con, home_key(home))
            yield con, exported_at
        return
    with evidence_of(home, config) as con:
        create_hmac_function(con, home_key(home))
        con.execute(f"create or replace temp table waiting as {_WAITING}")  # asked several times
        _name_records(con, home_key(home))
        yield con, None


def _name_records(con: duckdb.DuckDBPyConnection, key: bytes) -> None:
    create_hmac_function(con, key)
    con.execute(
        "create or replace temp macro record_id(file, number) as "
        f"substr(keyed_hash('record' || chr(10) || file || chr(10) || number), 1, {_ID_DIGITS})"
    )


def _the_record(con: duckdb.DuckDBPyConnection, home: Home, record_id: str) -> list[Fact]:
    """Every row of the record with that id: why it waits, and that it was decided."""
    asked = record_id.strip().lower()
    found: list[Fact] = []
    if _ID.match(asked):
        for key in known_keys(home):  # an id from before the key was rotated still names its record
            _name_records(con, key)
            found = rows(
                con,
                "select record_id(file_id, record_no) as id, * from waiting where starts_with(id, $asked) "
                "order by id, case kind when 'decided' then 1 else 0 end, kind",
                asked=asked,
            )
            if found:
                break
    if not found:
        raise ConfigError(
            "Looking for a record",
            seen="no record with that id needs a decision, and none was decided"
            if _ID.match(asked)
            else "something else",  # not repeated: it may be a name, which nothing can mask
            allowed=f"an id as quietlist quarantine lists them: {_ID_DIGITS} hex digits, or at least the first 6",
            next_step="see quietlist quarantine; a record that was delivered again in another file has another id",
        )
    if len({item["id"] for item in found}) > 1:
        raise ConfigError(
            "Looking for a record", seen=f"{len({item['id'] for item in found})} ids begin so", next_step="give the whole id"
        )
    return found


def _refusal(found: list[Fact], decision: str) -> tuple[str, str, str] | None:
    """Why this decision may not be made about this record: what was seen, what is allowed, the next step."""
    kinds, first = {item["kind"] for item in found}, found[0]
    if first["is_whole_file"]:
        return (
            "it stands for a whole file that could not be read",
            "a file is acknowledged, not decided",
            f"ask for the file again, then quietlist acknowledge {first['file_id']} --person NAME --reason WHY",
        )
    if decision == "nothing" and "doubt" in kinds:
        return (
            "it suppresses somebody, in doubt",
            "--confirm; a suppression ends only by an opt-in of the person, not by the word of somebody else",
            "ask the person: an opt-in by a way that counts lifts it. Or confirm that it was meant so",
        )
    if decision == "confirm" and "doubt" not in kinds:
        return (
            "it is not read in doubt, so there is nothing to confirm",
            "--value, --opt-out or --nothing",
            "see quietlist quarantine decide --help",
        )
    if decision == "value" and first["stage"] in ("contact", "contact_made", "registry"):
        return (
            "it is no request, and only a request can be corrected here",
            "--opt-out, where it is one all the same, or --nothing",
            "correct the record where it comes from and have it delivered again",
        )
    return None


def _next_step(found: list[Fact]) -> str:
    first, decide_it = found[0], f"quietlist quarantine decide {found[0]['id']}"
    who = "--by NAME --reason WHY"
    if first["is_whole_file"]:
        return f"ask for the file again, then quietlist acknowledge {first['file_id']} --person NAME --reason WHY"
    if all(item["kind"] == "decided" for item in found):
        return "nothing; a later decision would count instead of the last one"
    if any(item["kind"] == "doubt" for item in found):
        return f"{decide_it} --confirm {who}; or --opt-out IDENTIFIER, if it is somebody else's too"
    return f"{decide_it} --opt-out IDENTIFIER (or --value COLUMN=TEXT, or --nothing) {who}"


def _request(config: Config, item: Fact, answer: Answer, now: datetime) -> tuple[dict[str, str | None], list[str]]:
    """The request that the decision states, in the columns of the canonical feed, and what is wrong with it."""
    problems: list[str] = []
    staged = {name: item[name] for name in _TAKEN_OVER} | {name: list(item[name] or ()) for name in _LISTS}
    region = staged["region"] or item["source_region"] or config.company.default_region
    request: dict[str, str | None] = {
        "method": staged["method"],
        "scope": staged["scope"] or item["source_scope"] or "*",
        "region": region,
        "requested_at": item["at_earliest"].astimezone(UTC).isoformat() if item["at_earliest"] else None,
        "requested_until": item["at_latest"].astimezone(UTC).isoformat() if item["at_latest"] else None,
        "channels": ";".join(staged["channels"]) or None,
    }
    if answer.decision == "opt_out":
        request |= {"action": "opt_out", "channels": ";".join(answer.channels) or request["channels"]}
        given = {"scope": answer.scope} if answer.scope else {}
        kind = "email" if "@" in (answer.opt_out or "") else "phone"
        given[kind] = answer.opt_out or ""
    else:
        request |= {name: staged[name] for name in ("action", "name", "address", "postal_code", "country", "customer_id")}
        for name, raw in (("email", staged["emails_raw"]), ("phone", staged["phones_raw"])):
            # What nobody can read is what was to be corrected.
            readable = [text for text in raw if normalise_identifier(name, text, region).identifier]
            request[name] = ";".join(readable) or None
        given = dict(answer.values or {})
    for name, text in given.items():
        value, problem = _value(config, item, name, text.strip(), given.get("region") or region, now)
        request |= value
        problems += [f"{mask_text(name)}: {problem}"] if problem else []
    if not request.get("action"):
        problems.append("action: nobody knows what the record asks for; give --value action=opt_out, or what it is")
    elif request["action"] not in _suppressing():
        problems.append(
            "action: a decision lifts nothing, so it is no opt_in; have the opt-in delivered again, with what it lacks"
        )
    if not any(request.get(name) for name in ("email", "phone", "customer_id")) and not all(
        request.get(name) for name in ("name", "address", "postal_code")
    ):
        problems.append("email, phone, customer_id, or name with address and postal_code: one is needed, or it names nobody")
    return request, problems


def _value(
    config: Config, item: Fact, name: str, text: str, region: str | None, now: datetime
) -> tuple[dict[str, str | None], str]:
    """One corrected value as it is recorded, and what is wrong with it."""
    if name not in VALUES:
        close = difflib.get_close_matches(name, VALUES, n=1)
        return {}, f"is no column; allowed: {', '.join(VALUES)}" + (f"; did you mean {close[0]}?" if close else "")
    if not text:
        return {name: None}, ""
    if name in ("email", "phone"):
        said = [normalise_identifier(name, part, region) for part in text.split(";") if part.strip()]
        bad = sorted({str(one.reason) for one in said if one.identifier is None})
        return {name: ";".join(str(one.identifier) for one in said)}, f"cannot be read ({', '.join(bad)})" if bad else ""
    if name == "requested_at":
        return _times(text, item["source_zone"] or "UTC", now)
    allowed: Sequence[str] = ()
    if name == "channels":
        allowed = (*CHANNELS, "all")
    elif name == "action":
        allowed = _suppressing()
    elif name == "method":
        allowed = _column("methods")
    elif name == "scope":
        allowed = config.scope_tree if config.company.scopes else ()
    wrong = [part for part in (text.split(";") if name == "channels" else [text]) if allowed and part not in allowed]
    if wrong:
        return {}, f"'{mask_text(wrong[0])}' is not one of {', '.join(allowed)}"
    return {name: text}, ""


def _times(text: str, zone: str, now: datetime) -> tuple[dict[str, str | None], str]:
    """A day is the whole of it in the source's zone; a time without a zone is in that zone too."""
    place = zoneinfo.ZoneInfo(zone)
    try:
        if len(text) == len("2026-03-01"):
            day = date.fromisoformat(text)
            first = datetime.combine(day, time_of_day.min, place)
            last = datetime.combine(day + timedelta(days=1), time_of_day.min, place) - timedelta(microseconds=1)
        else:
            first = datetime.fromisoformat(text)
            first = last = first if first.tzinfo else first.replace(tzinfo=place)
        found: dict[str, str | None] = {
            "requested_at": first.astimezone(UTC).isoformat(),
            "requested_until": last.astimezone(UTC).isoformat(),
        }
    except (ValueError, OverflowError):
        return {}, "is no time; write 2026-03-01 or 2026-03-01T10:00:00, with a zone or in the source's"
    return found, "lies in the future" if first > now else ""


def _suppressing() -> tuple[str, ...]:
    return tuple(row["action"] for row in _seed("actions") if row["is_suppressing"] == "true")


def _column(seed: str) -> tuple[str, ...]:
    return tuple(next(iter(row.values())) for row in _seed(seed))


def _seed(name: str) -> list[dict[str, str]]:
    """A policy seed, from its file: the warehouse may be held by a run."""
    with (CHECKOUT / "dbt_project" / "seeds" / "policy" / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _acknowledged(home: Home) -> list[str]:
    return [str(entry["file_id"]) for entry in overrides(home) if entry["kind"] == "file"]


def _masked_item(item: Fact) -> Fact:
    return item | {"file_name": mask_label(item["file_name"] or "")}


def _masked(name: str, value: Any) -> str:
    """A value of a raw record: an address or number as a mask, a code or a time as it is, of everything else only its length."""
    text = str(value or "")
    if re.fullmatch(r"[^@\s;,]+@[^@\s;,]+", text):
        return mask("email", text)
    if name in _CODES:
        return mask_label(text)
    if name in _TIMES or name.endswith(("_at", "_time", "_date")):
        return mask_time(text)
    if re.fullmatch(r"\+?\(?\d[\d\s().\-/]{6,}", text):
        return mask("phone", re.sub(r"[^+\d]", "", text))
    return f"{HIDDEN[:-1]}, {counted(len(text), 'character')})"


def _export(home: Home) -> Path:
    return home.quarantine / "open.parquet"
