"""Suppression lists behind a vendor's interface: one implementation for all, filled in by each system's table of endpoints.

A list is put to, read page by page, and lifted from; its rows are addresses or numbers. Which list a scope of ours means at the
vendor stands in the settings (``lists``). What a system's requests and answers look like is in ``systems/<system>.py``; what to
send and whether it counted is the engine's.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal, TypeVar
from urllib.parse import urlsplit

import pyarrow as pa
from pydantic import Field, field_validator

from orchestration.core.config import CHANNELS
from orchestration.core.credentials import secret
from orchestration.core.errors import ConfigError, PermanentError, QuietlistError, Throttled, TransientError
from orchestration.core.pace import Timer
from orchestration.core.wording import counted, told
from orchestration.destinations.contract import (
    BatchRejected,
    DestinationSettings,
    Facts,
    JobState,
    Outcome,
    Place,
    Push,
    ReadBack,
)
from orchestration.http.auth import Auth
from orchestration.http.calls import Call
from orchestration.http.client import Answer, Api, Client, Refused, base_url_problem
from orchestration.http.paging import Paging, Whole
from orchestration.identifiers.email_address import normalise_email

Row = Mapping[str, Any]
"""One row as the engine hands it over, by column."""

Ask = Callable[..., Answer]
"""The client's own ``ask``, lent to a system that puts a row in several steps."""

Meaning = TypeVar("Meaning")

_PLAIN_EMAIL = re.compile(r"[a-z0-9_+-][a-z0-9_.+-]*@[a-z0-9-]+(?:\.[a-z0-9-]+)+")  # what is its own normal form, in lower case
_PUNYCODE = "xn--"
_PHONE = re.compile(r"\+[1-9][0-9]{5,14}")
_PORTS = {"https": 443, "http": 80}
NO_SUCH_LIST = "no_such_list"
"""The code of a row whose list the vendor does not have."""
_SHOWN_LISTS = 5  # named in one sentence; more are counted
_NOT_ASKED: Sequence[str] = ("",)  # no list has an empty name


@dataclass(frozen=True)
class Target:
    """Which list a request is about, and in which push."""

    list: str
    scope: str
    channel: str
    push: Push
    kept: Mapping[str, Any] = field(default_factory=dict)
    """By identifier: what a row of less than the list says there (:attr:`Sight.narrower`), so that a put need not lose it."""


@dataclass(frozen=True)
class Sight:
    """One row at the vendor, as its answer shows it."""

    identifier: str
    ours: bool | None = None
    """None: the vendor cannot say who wrote it."""
    asked: bool = True
    """False: blocked there though nobody asked, such as a bounce."""
    since: datetime | None = None
    push: str | None = None
    home: str | None = None
    written_at: datetime | None = None
    """When the row came to be, where the vendor keeps that: not when anything of the person changed."""
    narrower: Any = None
    """Set for a row that keeps somebody from less than the list: no proof that the list leaves them alone."""


@dataclass(frozen=True)
class Job:
    """How a job is followed that a vendor took rows as."""

    call: Call
    id: Callable[[Any], str]
    """Out of the answer that took the rows."""
    state: Callable[[Any], JobState]
    parameter: str = ""
    """The parameter that names the job, where its path (``{job}``) does not."""


@dataclass(frozen=True)
class Put:
    """How rows are suppressed."""

    call: Call
    body: Callable[[Sequence[Row], Target], Any] = lambda rows, target: None
    refused: Callable[[Any, Sequence[Row]], Mapping[int, str]] = lambda body, rows: {}
    """Index -> code of the rows that an answer of 2xx refuses."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    one_by_one: bool = False
    """One request per row, whatever the batch."""
    as_form: bool = False
    steps: Callable[[Ask, Row, Target], None] | None = None
    """Where one row takes several requests: asks them in their order, in place of ``call``. Repeated from the start, whichever of
    them was the last, they must leave the same. Rows are then put one by one."""
    job: Job | None = None
    """Set where the answer means no more than that a job has begun."""


@dataclass(frozen=True)
class Read:
    """How a list is read."""

    call: Call
    sight: Callable[[Any, Target], Sight | None]
    items: Callable[[Any], Any] = lambda body: body
    paging: Paging = field(default_factory=Whole)
    parameters: Mapping[str, str] = field(default_factory=dict)
    of_push: Callable[[Target], Mapping[str, str]] = lambda target: {}
    """Parameters that are not always the same, such as a range of days up to now."""
    data: Mapping[str, Any] | None = None
    """Sent as JSON, where the vendor wants its question there, and what asks for the page in it."""
    pages_in_query: bool = False
    """With ``data``: what asks for the page stands in the query all the same."""


@dataclass(frozen=True)
class LookUp:
    """How rows of a list are looked up, where it cannot be read: all of a batch in one body, or one by one."""

    call: Call
    there: Callable[[Any, Sequence[Row], Target], Sequence[bool]]
    """For each row, in order: whether the answer shows it in force. An answer that does not speak of a row does not."""
    body: Callable[[Sequence[Row], Target], Any] = lambda rows, target: None
    parameters: Mapping[str, str] = field(default_factory=dict)
    of_row: Callable[[Row, Target], Mapping[str, str]] | None = None
    """Parameters that name the one row; set, or with ``{identifier}`` in the path, rows are looked up one by one."""
    absent: tuple[int, ...] = ()
    """Statuses by which the vendor says that it knows no such person."""

    @property
    def one_by_one(self) -> bool:
        return self.of_row is not None or "{identifier}" in self.call.path


@dataclass(frozen=True)
class Release:
    """How rows are lifted: one by one where the path holds ``{identifier}``, else all of a batch in one body."""

    call: Call
    body: Callable[[Sequence[Row], Target], Any] = lambda rows, target: None
    refused: Callable[[Any, Sequence[Row]], Mapping[int, str]] = lambda body, rows: {}
    parameters: Mapping[str, str] = field(default_factory=dict)
    row_refused: Mapping[int, str] = field(default_factory=dict)
    """Statuses by which the vendor keeps one row -> the code for it."""
    job: Job | None = None


@dataclass(frozen=True)
class Endpoints:
    """The requests of one kind of list. ``{list}`` and ``{identifier}`` in a path are filled in."""

    put: Put
    read: Read | None = None
    release: Release | None = None
    exists: Call | None = None
    """Answers 2xx for a list that is there, 404 for another. Some vendors put to a wider list when the one named is gone."""
    acts: Callable[[Any], str] = lambda body: ""
    """By the answer of ``exists``: why a row on the list would keep nobody from being mailed; empty where it does."""
    look_up: LookUp | None = None


@dataclass(frozen=True)
class Inventory:
    """How the vendor's lists are listed, so that one nobody mapped is noticed."""

    call: Call
    items: Callable[[Any], Any]
    name: Callable[[Any], str | None]
    """The list as the settings would name it; None for what needs no mapping."""
    paging: Paging = field(default_factory=Whole)
    data: Mapping[str, Any] | None = None
    """Sent as JSON, where the vendor wants its question there."""


@dataclass(frozen=True)
class System:
    """A list-style system: its facts, where it is, who asks, and the requests of each list."""

    facts: Facts
    base_url: str
    auth: Callable[[ListSettings, Any], Auth]
    endpoints: Callable[[str], Endpoints]
    list_form: str
    """What a list's name looks like at the vendor, as a regular expression."""
    only_list: str = ""
    """The one list of a system that has one: no mapping is needed for a single scope."""
    most_rows: int = 10_000
    """The most that ``batch_size`` may be set to."""
    base_of_key: Callable[[str], str | None] | None = None
    """Where the host follows from the key itself."""
    names_are_unique: bool = False
    """The vendor gives each name of a list once, whatever the account."""
    inventory: Inventory | None = None
    every_list: tuple[str, ...] = ()
    """The lists that every account has and that need a mapping, where nobody can make another."""
    unlisted: str | None = None
    """Set where a list is known to be there by the inventory alone: a regular expression of those that no inventory names."""
    reads_at: Callable[[ListSettings], tuple[str, Auth]] | None = None
    """Where rows are read, and by which key, when that is not where they are put."""
    headers: Mapping[str, str] = field(default_factory=dict)
    reset_header: tuple[str, Literal["epoch", "seconds"]] | None = None
    throttled: Callable[[int, Any], bool] = lambda status, body: False
    denied: Callable[[int, Any], bool] = lambda status, body: False
    action_header: str = ""


class ListSettings(DestinationSettings):
    """Keys of ``[destinations.<name>]`` beside the common ones, the same for every list-style system."""

    system_table: ClassVar[System]

    api_key_env: str
    """Name of the environment variable that holds the key."""
    base_url: str = ""
    """Another address than the vendor's usual one: its European host, a proxy, a test."""
    allow_plain_http: bool = False
    """Must be true for an address without TLS that is not this machine."""
    lists: dict[str, str] = Field(default_factory=dict)
    """Which list each of ``scopes`` means at the vendor."""
    ignored_lists: tuple[str, ...] = ()
    """Lists at the vendor that need no mapping; every other one that is in no mapping is told of."""
    batch_size: int | None = Field(default=None, ge=1)
    """Rows per call."""
    calls_per_second: float | None = Field(default=None, gt=0, le=1000)
    """The most that the account takes."""
    visible_within_seconds: float | None = Field(default=None, ge=0, le=86_400)
    """How long an accepted row may take to show."""
    timeout_seconds: float = Field(default=30.0, ge=1, le=600)
    """How long one answer may take."""

    @field_validator("lists")
    @classmethod
    def _check_scopes(cls, lists: dict[str, str]) -> dict[str, str]:
        return {scope.strip().strip("/").lower(): name.strip() for scope, name in lists.items()}

    def problems(self, place: Place) -> list[tuple[str, str]]:
        table, found = type(self).system_table, []
        if self.base_url and (wrong := base_url_problem(self.base_url, plain_allowed=self.allow_plain_http)):
            found.append(("base_url", wrong))
        if self.batch_size is not None and self.batch_size > table.most_rows:
            found.append(("batch_size", f"{table.facts.system} takes at most {counted(table.most_rows, 'row')} per call"))
        lists, scopes = self.mapped(place.config.scopes), place.config.scopes
        if missing := [scope for scope in scopes if scope not in lists]:
            example = f'{{ "{missing[0]}" = "{table.facts.list_example}" }}'
            found.append(("lists", f"no list for {', '.join(missing)}; name {table.facts.lists}, such as {example}"))
        if extra := sorted(set(lists) - set(scopes)):
            found.append(("lists", f"{', '.join(extra)} is not in scopes of this destination"))
        if bad := sorted(scope for scope, name in lists.items() if not re.fullmatch(table.list_form, name)):
            found.append(
                ("lists", f"the list of {', '.join(bad)} is not {table.facts.lists}, such as {table.facts.list_example}")
            )
        # One list of two scopes would be lifted for both when one of them lets go.
        if twice := sorted({name for name in lists.values() if list(lists.values()).count(name) > 1}):
            found.append(("lists", f"{', '.join(twice)} stands for several scopes; name the scope above them, or one list each"))
        return found

    def facts_here(self, facts: Facts) -> Facts:
        """The facts as this configuration has them."""
        return facts

    def kept_there(self, place: Place) -> Mapping[str, str]:
        """One list is the same host, the same account and the same name. Two keys of one account are two accounts to us: they
        cannot be told apart without asking the vendor, and only where a name is the vendor's own does it tell.
        """
        table, key = type(self).system_table, os.environ.get(self.api_key_env, "")
        base = urlsplit(self.base_for(key))
        account = hashlib.sha256(key.encode()).hexdigest() if key else f"the value of {self.api_key_env}"
        if table.names_are_unique:
            account = ""
        there = f"{base.hostname} {base.port or _PORTS.get(base.scheme)} {base.path.rstrip('/')} {account}"
        return {f"{there} {name}": name for name in self.mapped(place.config.scopes).values()}

    def base_for(self, key: str) -> str:
        """The address that is asked; empty where neither the settings nor the key say it."""
        table = type(self).system_table
        return self.base_url or (table.base_of_key(key) or "" if table.base_of_key else table.base_url)

    def mapped(self, scopes: Sequence[str]) -> Mapping[str, str]:
        """Scope -> list."""
        only = type(self).system_table.only_list
        return self.lists or ({scopes[0]: only} if only and len(scopes) == 1 else {})


def connect_list(place: Place, settings: ListSettings, made: type[ListDestination] | None = None) -> ListDestination:
    """The destination for one configured account of a list-style system, as a class of its own where it needs one."""
    table = type(settings).system_table
    key = secret(settings.api_key_env, f"[destinations.{place.name}] api_key")
    base = settings.base_for(key.get_secret_value())
    if not base:
        raise ConfigError(
            f"Connecting [destinations.{place.name}]",
            seen=f"a key in {settings.api_key_env} that does not say which host it is for",
            next_step="copy the key whole, or set base_url",
        )
    set_here = {
        name: value
        for name in ("batch_size", "calls_per_second", "visible_within_seconds")
        if (value := getattr(settings, name)) is not None
    }
    kinds: Mapping[str, type[ListDestination]] = {ReadBack.FULL: ReadableList, ReadBack.POINT: PointList}
    made = made or kinds.get(table.facts.read_back, ListDestination)
    return made(
        table,
        settings.facts_here(replace(table.facts, **set_here)),
        base,
        table.auth(settings, key),
        settings,
        place.config.scopes,
    )


class ListDestination:
    """One account at a vendor; the lists that are mapped, and what can be done to them."""

    carries: tuple[str, ...] = ()  # a list of addresses says nothing else of them

    def __init__(
        self, table: System, facts: Facts, base_url: str, auth: Auth, settings: ListSettings, scopes: Sequence[str]
    ) -> None:
        self.facts, self.timer = facts, Timer()
        self._table, self._base, self._auth, self._settings = table, base_url, auth, settings
        self._lists = settings.mapped(scopes)
        self._channel = next(channel for channel in CHANNELS if channel in facts.channels)
        self._kind = next(iter(facts.identifier_types))
        self._kept: dict[str, dict[str, Any]] = {}
        self._client: Client | None = None
        self._reader: Client | None = None
        self._push: Push | None = None
        self._jobs: list[str] = []
        self._unmapped: Sequence[str] | None = _NOT_ASKED
        self._gone: dict[str, str] = {}
        """Scope -> why nothing can be put to its list: the vendor does not have it, mostly."""

    def open(self, push: Push) -> None:
        """See which lists of the settings are there, and so that the key is right.

        Raises:
            ConfigError: none of them is. Where one is missing its own rows are refused, and the others go out.
        """
        self._client = self._reader = self._client_at(self._base, self._auth)
        if self._table.reads_at is not None:
            self._reader = self._client_at(*self._table.reads_at(self._settings))
        self._push, self._unmapped = push, _NOT_ASKED
        self._gone = {scope: problem for scope, name in self._lists.items() if (problem := self._problem_of(scope, name))}
        if self._gone and len(self._gone) == len(self._lists):
            raise self._without_lists("correct them; nothing was sent")

    def gone(self) -> ConfigError | None:
        return self._without_lists("correct them; what belongs on the other lists went out") if self._gone else None

    def _without_lists(self, next_step: str) -> ConfigError:
        return ConfigError(f"Looking for the lists at {self.facts.system}", list(self._gone.values()), next_step=next_step)

    def _client_at(self, base: str, auth: Auth) -> Client:
        facts, table = self.facts, self._table
        return Client(
            Api(
                facts.system,
                facts.calls,
                table.headers,
                table.reset_header,
                table.throttled,
                facts.permission,
                table.denied,
                table.action_header,
            ),
            base,
            auth,
            calls_per_second=facts.calls_per_second,
            timer=self.timer,
            timeout_seconds=self._settings.timeout_seconds,
            plain_allowed=self._settings.allow_plain_http,
        )

    def _problem_of(self, scope: str, name: str) -> str:
        """Why nothing can be put to a list; empty where it can."""
        system, endpoints = self.facts.system, self._table.endpoints(name)
        gone = f"lists.{scope}: {system} has no list {name}"
        if endpoints.exists is not None:
            answer = self._opened().ask_again(endpoints.exists, _named(endpoints.exists, name), expected=(404,))
            if answer.status == 404:
                return gone
            return f"lists.{scope}: {said}" if (said := self._understood(endpoints.acts, answer.body)) else ""
        if self._table.unlisted is not None and not re.fullmatch(self._table.unlisted, name):
            return "" if name in self._listed() else gone
        return ""

    def _listed(self) -> set[str]:
        """The lists at the vendor, as the settings would name them."""
        how = self._table.inventory
        assert how is not None, "a system whose lists cannot be listed"
        pages = self._looking().pages(how.call, how.paging, how.items, data=how.data)
        return self._understood(lambda: {name for page in pages for item in page.items if (name := how.name(item))})

    def close(self) -> None:
        for client in (self._client, self._reader):  # one and the same, where rows are read where they are put
            if client is not None:
                client.close()
        self._client = self._reader = self._push = None

    def job(self, call: Literal["put", "release"], id: str) -> JobState:
        """How far a job is, as the vendor has it."""
        endpoints = self._table.endpoints(next(iter(self._lists.values())))
        how = endpoints.put if call == "put" else endpoints.release
        job = how.job if how is not None else None
        if job is None:  # begun by another version of the module, which nobody can ask after it
            return JobState(ended=True)
        parts, parameters = ({}, {job.parameter: id}) if job.parameter else ({"job": id}, {})
        answer = self._opened().ask_again(job.call, parts, parameters=parameters, expected=(404,))
        return JobState(ended=True) if answer.status == 404 else self._understood(job.state, answer.body)

    def notices(self) -> Sequence[str]:
        """Lists that nobody mapped, and opt-outs of less than a list."""
        said = []
        if narrower := sum(map(len, self._kept.values())):
            said.append(
                told(
                    narrower,
                    f"1 row at {self.facts.system} opts out of a part of a list only: it stays as it is, and is",
                    f"# rows at {self.facts.system} opt out of a part of a list only: they stay as they are, and are",
                )
                + " not ingested this way; ingest the vendor's export"
            )
        unmapped = self.unmapped()
        if unmapped is None and self._table.inventory is not None:
            said.append(f"the lists at {self.facts.system} could not be listed: whether one is in no scope, nobody knows")
        if unmapped:
            shown = ", ".join(unmapped[:_SHOWN_LISTS]) + (", ..." if len(unmapped) > _SHOWN_LISTS else "")
            said.append(
                told(
                    len(unmapped),
                    f"1 list at {self.facts.system} is in no scope of this destination, so nothing is suppressed on it: ",
                    f"# lists at {self.facts.system} are in no scope of this destination, so nothing is suppressed on them: ",
                )
                + f"{shown}; map each in lists, or name it in ignored_lists"
            )
        return said

    def unmapped(self) -> Sequence[str] | None:
        """Asked once while it is open: another list may be made any day, and not between two questions of one push."""
        if self._unmapped is _NOT_ASKED:
            self._unmapped = self._without_scope()
        return self._unmapped

    def _without_scope(self) -> Sequence[str] | None:
        table, known = self._table, {*self._lists.values(), *self._settings.ignored_lists}
        if table.only_list or table.every_list:
            return sorted({*table.every_list} - known)
        if table.inventory is None:
            return None
        try:
            return sorted(self._listed() - known)
        except QuietlistError:  # a key that may do no more than it must, or a vendor that is down
            return None

    def put(self, rows: pa.RecordBatchReader) -> Outcome:
        return self._by_list(rows, self._put, lambda endpoints: endpoints.put.one_by_one)

    def release(self, rows: pa.RecordBatchReader) -> Outcome:
        return self._by_list(
            rows, self._release, lambda endpoints: endpoints.release is None or "{identifier}" in endpoints.release.call.path
        )

    def _by_list(
        self,
        reader: pa.RecordBatchReader,
        ask: Callable[[Endpoints, Target, Sequence[Row]], Mapping[int, str]],
        one_by_one: Callable[[Endpoints], bool],
    ) -> Outcome:
        """Ask for the rows of each list, and for each row by itself where the vendor wants it so.

        The first request that fails ends it: if it was the first of all it is the whole call that failed.
        """
        rows = reader.read_all().to_pylist()
        self._jobs = []
        parts: list[tuple[Target, list[int]]] = []
        # Not even asked: some vendors put to a wider list when the one named is gone.
        rejected = {index: NO_SUCH_LIST for index, row in enumerate(rows) if row["scope"] in self._gone}
        for scope in dict.fromkeys(row["scope"] for row in rows if row["scope"] not in self._gone):
            target, indexes = self._target(scope), [index for index, row in enumerate(rows) if row["scope"] == scope]
            apart = one_by_one(self._table.endpoints(target.list))
            parts += [(target, [index]) for index in indexes] if apart else [(target, indexes)]
        for number, (target, indexes) in enumerate(parts):
            rest = frozenset(index for _, later in parts[number + 1 :] for index in later)
            try:
                refused = ask(self._table.endpoints(target.list), target, [rows[index] for index in indexes])
            except Refused as error:
                if len(indexes) > 1:
                    raise BatchRejected(error.tried, code=error.code) from None
                refused = {0: error.code}
            except Throttled as error:
                if number == 0:
                    raise
                later = rest | frozenset(indexes)
                return Outcome(rejected, later=later, retry_after=error.retry_after, jobs=tuple(self._jobs))
            except TransientError as error:
                if number == 0:
                    raise
                lost = frozenset(indexes)
                return Outcome(rejected, later=rest, unknown=lost, retry_after=error.retry_after, jobs=tuple(self._jobs))
            rejected |= {indexes[index]: code for index, code in refused.items()}
        return Outcome(rejected, jobs=tuple(self._jobs))

    def _put(self, endpoints: Endpoints, target: Target, rows: Sequence[Row]) -> Mapping[int, str]:
        put = endpoints.put
        if put.steps is not None:
            self._understood(put.steps, self._opened().ask, rows[0], target)
            return {}
        body, parts = put.body(rows, target), _named(put.call, target.list)
        answer = self._opened().ask(
            put.call,
            parts,
            parameters=put.parameters,
            data=None if put.as_form else body,
            form=body if put.as_form else None,
        )
        return self._taken(put.job, put.refused, answer.body, rows)

    def _release(self, endpoints: Endpoints, target: Target, rows: Sequence[Row]) -> Mapping[int, str]:
        how = endpoints.release
        if how is None:
            raise PermanentError(
                f"Lifting rows at {self.facts.system}",
                seen="a system that lifts nothing",
                next_step="nothing was sent; correct the caller",
            )
        parts = _named(how.call, target.list)
        if "{identifier}" in how.call.path:
            parts["identifier"] = rows[0]["identifier"]
        answer = self._opened().ask(
            how.call, parts, parameters=how.parameters, data=how.body(rows, target), expected=(404, *how.row_refused)
        )
        if answer.status in how.row_refused:
            return {0: how.row_refused[answer.status]}
        return self._taken(how.job, how.refused, answer.body, rows)

    def _taken(
        self, job: Job | None, refused: Callable[[Any, Sequence[Row]], Mapping[int, str]], body: Any, rows: Sequence[Row]
    ) -> Mapping[int, str]:
        if job is not None:
            self._jobs.append(self._understood(job.id, body))
        return self._understood(refused, body, rows)

    def _understood(self, read: Callable[..., Meaning], *said: Any) -> Meaning:
        """What an answer of 2xx says; where it says nothing that can be read, its rows count as unanswered."""
        try:
            return read(*said)
        except (KeyError, TypeError, AttributeError, ValueError):
            raise PermanentError(
                f"Reading the answer of {self.facts.system}",
                seen="an answer that is not written as the vendor documents it",
                next_step="see what the vendor changed; the read-back shows what it did",
            ) from None

    def _target(self, scope: str) -> Target:
        assert self._push is not None
        return Target(self._lists[scope], scope, self._channel, self._push, self._kept.get(scope, {}))

    def _opened(self) -> Client:
        return self._connected(self._client)

    def _looking(self) -> Client:
        """The client that reads."""
        return self._connected(self._reader)

    def _connected(self, client: Client | None) -> Client:
        if client is None:
            raise PermanentError(f"Asking {self.facts.system}", seen="the destination is not open", next_step="call open first")
        return client


class PointList(ListDestination):
    """One account at a vendor that shows a row to whoever asks for it, and no list."""

    def look_up(self, rows: pa.RecordBatchReader) -> Sequence[bool]:
        """For each row: is it in force on its list?"""
        asked = rows.read_all().to_pylist()
        found = [False] * len(asked)
        for scope in dict.fromkeys(row["scope"] for row in asked if row["scope"] not in self._gone):
            target, indexes = self._target(scope), [index for index, row in enumerate(asked) if row["scope"] == scope]
            how = self._table.endpoints(target.list).look_up
            assert how is not None, "facts and endpoints disagree"
            for part in [[index] for index in indexes] if how.one_by_one else [indexes]:
                some = [asked[index] for index in part]
                for index, there in zip(part, self._look_up(how, some, target), strict=True):
                    found[index] = there
        return found

    def _look_up(self, how: LookUp, rows: Sequence[Row], target: Target) -> Sequence[bool]:
        parts = _named(how.call, target.list)
        if "{identifier}" in how.call.path:
            parts["identifier"] = rows[0]["identifier"]
        named = how.of_row(rows[0], target) if how.of_row is not None else {}
        answer = self._looking().ask_again(
            how.call, parts, parameters={**how.parameters, **named}, data=how.body(rows, target), expected=how.absent
        )
        if answer.status in how.absent:
            return [False] * len(rows)
        return self._understood(how.there, answer.body, rows, target)


class ReadableList(ListDestination):
    """One account at a vendor that shows its lists."""

    def __init__(self, *made_of: Any) -> None:
        super().__init__(*made_of)
        self._writers: set[tuple[str, str]] = set()

    def read(self) -> Iterator[pa.RecordBatch]:
        """Every row in force on the mapped lists."""
        self._kept.clear()
        for scope in (scope for scope in self._lists if scope not in self._gone):
            target = self._target(scope)
            read = self._table.endpoints(target.list).read
            assert read is not None, "facts and endpoints disagree"
            pages = self._looking().pages(
                read.call,
                read.paging,
                read.items,
                _named(read.call, target.list),
                parameters={**read.parameters, **read.of_push(target)},
                data=read.data,
                pages_in_query=read.pages_in_query,
            )
            for page in pages:
                try:
                    sights = [sight for item in page.items if (sight := read.sight(item, target)) is not None]
                except (KeyError, TypeError, AttributeError, ValueError):
                    raise PermanentError(
                        f"Reading a list of {self.facts.system}",
                        seen="a row that is not written as the vendor documents it",
                        next_step="see what the vendor changed; nothing of this list was kept",
                    ) from None
                kept = {sight.identifier.lower(): sight.narrower for sight in sights if sight.narrower is not None}
                self._kept.setdefault(scope, {}).update(kept)
                yield self._batch(target, [sight for sight in sights if sight.narrower is None])

    def writers(self) -> Sequence[tuple[str, str]]:
        return sorted(self._writers)

    def _batch(self, target: Target, sights: Sequence[Sight]) -> pa.RecordBatch:
        moment = pa.timestamp("us", tz="UTC")
        self._writers |= {(sight.push, sight.home or "") for sight in sights if sight.push}
        count = len(sights)
        return pa.record_batch(
            {
                "channel": pa.array([target.channel] * count, pa.string()),
                "identifier_type": pa.array([self._kind] * count, pa.string()),
                "identifier": pa.array([_normal(self._kind, sight.identifier) for sight in sights], pa.string()),
                "scope": pa.array([target.scope] * count, pa.string()),
                "ours": pa.array([sight.ours for sight in sights], pa.bool_()),
                "asked": pa.array([sight.asked for sight in sights], pa.bool_()),
                "since": pa.array([sight.since for sight in sights], moment),
                "push": pa.array([sight.push for sight in sights], pa.string()),
                "written_at": pa.array([sight.written_at for sight in sights], moment),
            }
        )


def emails(rows: Sequence[Row]) -> list[str]:
    """The identifiers of the rows, in order."""
    return [row["identifier"] for row in rows]


def by_identifier(rows: Sequence[Row], refused: Mapping[str, str]) -> Mapping[int, str]:
    """Refusals that the vendor tells by address, as indexes. A case of its own makes no other address of it."""
    return {index: refused[row["identifier"].lower()] for index, row in enumerate(rows) if row["identifier"].lower() in refused}


def moment(text: Any) -> datetime | None:
    """An ISO 8601 moment as vendors write it; None for what is none. Without a zone it is UTC."""
    try:
        read = datetime.fromisoformat(text)
    except (ValueError, TypeError):
        return None
    return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)


def of_epoch(seconds: Any) -> datetime | None:
    """A moment in seconds since 1970; None for what is none."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, TypeError, OverflowError, OSError):
        return None


def _named(call: Call, name: str) -> dict[str, str]:
    return {"list": name} if "{list}" in call.path else {}


def _normal(kind: str, text: Any) -> str | None:
    """A vendor's address or number in our form; None for what is none, so that the row is counted and left alone."""
    if not isinstance(text, str):
        return None
    text = text.strip().lower()
    if kind == "phone":
        return text if _PHONE.fullmatch(text) else None
    return text if _PLAIN_EMAIL.fullmatch(text) and _PUNYCODE not in text else normalise_email(text).email
