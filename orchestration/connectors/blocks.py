"""The ``pull:`` block beside a feed's description: where the vendor's interface has it, and how it is asked. Asks nothing."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from orchestration.core.config import keys_of, unknown_key
from orchestration.core.errors import ConfigError
from orchestration.http.paging import Cursor, Link, Numbered, Offset, Paging, Whole
from orchestration.readers.feeds import Feed, feeds_of_format

_PART = re.compile(r"{(\w+)}")
_STEP = re.compile(r"(?P<key>[^\[\]]+)(?:\[(?P<name>\w+)=(?P<value>\w+)\])?")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AuthBlock(_Strict):
    """How the vendor is told who asks."""

    header: str = ""
    """The header that carries the key."""
    prefix: str = ""
    """What is written before the key there."""
    basic: str = ""
    """HTTP Basic with this user and the key as the password; ``{name}`` is filled in from ``needs``."""
    aws: str = ""
    """Amazon's signature for this service, with the key as the secret one; ``needs`` has ``access_key_id`` and ``region``."""
    token_path: str = ""
    """Where below the vendor's address a token is fetched, with the key as the client's secret; ``needs`` has ``client_id``."""

    @model_validator(mode="after")
    def _check(self) -> AuthBlock:
        if sum(map(bool, (self.header, self.basic, self.aws, self.token_path))) != 1:
            raise ValueError("needs exactly one of header, basic, aws and token_path")
        return self

    def needs(self) -> set[str]:
        """What it takes from the configuration beside the key."""
        named = {"access_key_id", "region"} if self.aws else {"client_id"} if self.token_path else set()
        return {*named, *_PART.findall(self.basic)}


class PagingBlock(_Strict):
    """How the list goes on: one of ``offset``, ``number``, ``cursor`` and ``link``; none of them where one answer is all."""

    offset: str = ""
    """The parameter of the offset."""
    number: str = ""
    """The parameter of the page's number."""
    limit: str = "limit"
    """The parameter of the page's size, with ``offset`` and ``number``."""
    size: int = Field(default=0, ge=0)
    """The most that the vendor gives in a page."""
    cursor: str = ""
    """Where in the answer the cursor of the next page stands."""
    parameter: str = ""
    """The parameter that carries the cursor on."""
    link: str = ""
    """Where in the answer the address of the next page stands."""
    link_path: str = ""
    """With ``link``: the path of the pages behind the first, where it is another one; what varies in it is a ``{part}``."""
    ends_empty: bool = False
    """With ``link``: the last page links to a next one all the same."""
    in_query: bool = False
    """With ``body``: what asks for the next page stands in the address all the same."""

    @model_validator(mode="after")
    def _check(self) -> PagingBlock:
        if sum(map(bool, (self.offset, self.number, self.cursor, self.link))) > 1:
            raise ValueError("has more than one of offset, number, cursor and link")
        if (self.offset or self.number) and not self.size:
            raise ValueError("needs a size with offset and number")
        if self.link_path and not self.link:
            raise ValueError("needs link with link_path")
        if bool(self.cursor) != bool(self.parameter):
            raise ValueError("needs cursor and parameter together")
        return self

    def paging(self) -> Paging:
        if self.offset:
            return Offset(self.size, self.limit, self.offset)
        if self.number:
            return Numbered(self.size, self.limit, self.number)
        if self.cursor:
            return Cursor(lambda body: value_at(body, self.cursor), self.parameter)
        if self.link:
            return Link(lambda body: value_at(body, self.link), ends_empty=self.ends_empty, path=self.link_path)
        return Whole()


class SinceBlock(_Strict):
    """How the vendor is asked for what is new only."""

    parameter: str
    form: Literal["iso", "date", "epoch", "plain"]
    """``plain`` is a date and a time of UTC with a blank between them, and no zone."""
    overlap_hours: float = Field(default=48, gt=0)
    """How far a pull reaches back behind the start of the one before: a record may show hours after its own time."""
    until: str = ""
    """The parameter of the end, where the vendor wants one: two days from now, so that no zone and no clock cuts today off."""
    window_days: float = Field(default=0, ge=0)
    """With ``lines``: how much time is asked for at once, at first. A pull that stops goes on with the window it was in."""
    earliest: date = date(2010, 1, 1)
    """With ``lines``: where a first pull of all history begins."""

    def value(self, moment: datetime) -> str:
        if self.form == "epoch":
            return str(int(moment.timestamp()))
        if self.form == "plain":
            return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
        return f"{moment:%Y-%m-%d}" if self.form == "date" else f"{moment:%Y-%m-%dT%H:%M:%S}+00:00"


class PullBlock(_Strict):
    """One list of a vendor's interface."""

    base_url: str = ""
    """Where the vendor is; its ``{parts}`` are filled in from ``needs``. Absent: ``base_url_of_key`` says it."""
    base_url_of_key: dict[str, str] = Field(default_factory=dict)
    """A regular expression on the end of the key, and the address that its group is filled into."""
    auth: AuthBlock
    path: str
    """Its ``{parts}`` are filled in from ``needs``."""
    parameters: dict[str, str] = Field(default_factory=dict)
    """Their ``{parts}`` are filled in from ``needs``."""
    body: dict[str, Any] | None = None
    """Given, the list is asked for by POST with this as JSON, and with what asks for the next page."""
    headers: dict[str, str] = Field(default_factory=dict)
    """Sent with every request: the version of its interface that the vendor wants to be told."""
    items: str = ""
    """Where in the answer the records lie. Absent: the answer is the list."""
    lines: str = ""
    """Given, the answer is no page but records, one a line, each with this key, as many as there are in the time asked for."""
    paging: PagingBlock = Field(default_factory=PagingBlock)
    since: SinceBlock | None = None
    """Absent: each pull reads the whole list, as a feed that is a snapshot must be read."""
    saves_as: str = Field(pattern=r"^[a-z][a-z_]*$")
    """What the files are called, by which the feed knows them."""
    needs: dict[str, str] = Field(default_factory=dict)
    """What the configuration must say beside the key, and what it means."""
    calls_per_second: float | None = Field(default=None, gt=0)
    reset_header: tuple[str, Literal["epoch", "seconds"]] | None = None
    """Where the vendor tells of the end of a throttle other than by Retry-After."""
    permission: str = ""
    """What the key must be allowed to do."""
    verified: tuple[str, ...] = ()
    """What of this block was seen in the vendor's own description, and where."""
    from_memory: tuple[str, ...] = ()
    """What of it was not."""

    @model_validator(mode="after")
    def _check(self) -> PullBlock:
        if not self.path.startswith("/"):
            raise ValueError("path does not begin with /")
        filled = (self.path, self.base_url, *self.parameters.values())
        named = {part for text in filled for part in _PART.findall(text)} | self.auth.needs()
        if missing := sorted(named - self.needs.keys()):
            raise ValueError(f"needs does not explain {', '.join(missing)}")
        if self.lines and not (self.since and self.since.until and self.since.window_days):
            raise ValueError("needs since with until and window_days, with lines")
        if self.lines and (self.body is not None or self.items or self.paging != PagingBlock()):
            raise ValueError("has lines, and so no body, items and paging")
        if self.paging.in_query and self.body is None:
            raise ValueError("needs body with paging.in_query")
        if bool(self.base_url) == bool(self.base_url_of_key):
            raise ValueError("needs exactly one of base_url and base_url_of_key")
        return self

    def base_for(self, key: str) -> str:
        """The vendor's address for this key; empty where the key does not say it."""
        for pattern, address in self.base_url_of_key.items():
            if found := re.search(pattern, key):
                return address.replace("{}", found[1])
        return self.base_url

    def filled(self, text: str, given: Mapping[str, str]) -> str:
        return _PART.sub(lambda found: given.get(found[1], ""), text)


def value_at(body: Any, path: str) -> Any:
    """What stands at a dotted path; ``links[rel=next].href`` takes the first of a list whose ``rel`` is ``next``."""
    for step in path.split("."):
        found = _STEP.fullmatch(step)
        if not isinstance(body, dict) or found is None:
            return None
        body = body.get(found["key"])
        if found["name"]:
            items = body if isinstance(body, list) else []
            body = next((item for item in items if isinstance(item, dict) and item.get(found["name"]) == found["value"]), None)
    return body


@functools.cache
def pulled_feeds(format_name: str) -> tuple[tuple[Feed, PullBlock], ...]:
    """The feeds of a format that its vendor's interface has.

    Raises:
        ConfigError: with every malformed block at once.
    """
    found, problems = [], []
    for feed in feeds_of_format(format_name):
        if feed.pull is None:
            continue
        try:
            block = PullBlock.model_validate(feed.pull)
        except ValidationError as error:
            problems += [f"{feed.table}: pull{_said(item)}" for item in error.errors()]
            continue
        if block.since and feed.snapshot:
            problems.append(f"{feed.table}: pull.since: a snapshot is read whole, or whoever is not new counts as gone")
        found.append((feed, block))
    if problems:
        raise ConfigError("Reading the feeds' descriptions", problems, next_step="see CONTRIBUTING.md, 'Add an API pull'")
    return tuple(found)


def _said(item: Any) -> str:
    place = "".join(f".{part}" for part in item["loc"])
    if item["type"] == "extra_forbidden":
        models: dict[str, type[BaseModel]] = {"auth": AuthBlock, "paging": PagingBlock, "since": SinceBlock}
        model = models[str(item["loc"][0])] if len(item["loc"]) > 1 else PullBlock
        return f"{place}: {unknown_key(str(item['loc'][-1]), keys_of(model))}"
    return f"{place}: {item['msg'].removeprefix('Value error, ')}"
