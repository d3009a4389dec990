"""The interface of a format's vendor, as the ``pull:`` blocks beside its feeds describe it. Only what reads is ever asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import ConfigDict, Field, SecretStr, model_validator

from orchestration.connectors.blocks import PullBlock, pulled_feeds, value_at
from orchestration.connectors.contract import Batch, Part, PullSettings
from orchestration.connectors.lines import Lines, in_windows
from orchestration.core.config import Config, Pull, Source, keys_of, unknown_key
from orchestration.core.credentials import secret
from orchestration.core.errors import ConfigError
from orchestration.core.files import canonical_json, sha256_text
from orchestration.core.pace import Timer
from orchestration.http.auth import Auth, AwsSigned, Basic, ClientCredentials, KeyHeader
from orchestration.http.calls import Call
from orchestration.http.client import Api, Client, base_url_problem


class Settings(PullSettings):
    """Keys of ``[sources.<name>.pull]`` with ``kind = "api"``. A vendor may need more; the page of its format says which."""

    model_config = ConfigDict(extra="allow", frozen=True)

    api_key_env: str
    """Name of the environment variable that holds the key."""
    feeds: tuple[str, ...] = ()
    """Which of the format's lists are pulled. Absent: all that its vendor's interface has."""
    base_url: str = ""
    """Another address than the vendor's usual one: its European host, a proxy, a test."""
    allow_plain_http: bool = False
    """Must be true for an address without TLS that is not this machine."""
    overlap_hours: float | None = Field(default=None, gt=0)
    """How far each pull reaches back behind the start of the last whole one, where the vendor is asked for what is new. Absent:
    what the format's page says. More is safer and costs pages; what comes again is recognised."""
    calls_per_second: float | None = Field(default=None, gt=0, le=1000)
    """The most that the account takes."""
    timeout_seconds: float = Field(default=30.0, ge=1, le=600)
    """How long one answer may take."""

    @model_validator(mode="after")
    def _check_texts(self) -> Settings:
        for key, value in (self.model_extra or {}).items():
            if not isinstance(value, str) or not value.strip() or not value.isprintable():
                raise ValueError(f"{key} is not a text")
        return self

    @property
    def given(self) -> Mapping[str, str]:
        """What the vendor needs beside the key."""
        return self.model_extra or {}

    def problems(self, source: Source) -> list[tuple[str, str]]:
        there = pulled_feeds(source.format)
        if not there:
            return [("kind", f"no interface is known from which {source.format} could be pulled; deliver its files")]
        found = []
        names = [feed.feed for feed, _ in there]
        if wrong := sorted(set(self.feeds) - set(names)):
            found.append(("feeds", f"{', '.join(wrong)}: not one of {', '.join(names)}"))
        if self.base_url and (why := base_url_problem(self.base_url, plain_allowed=self.allow_plain_http)):
            found.append(("base_url", why))
        needs = {key: meaning for _, block in self._chosen(source) for key, meaning in block.needs.items()}
        found += [(key, f"is required: {meaning}") for key, meaning in needs.items() if key not in self.given]
        allowed = [*keys_of(Pull), *keys_of(Settings), *needs]
        found += [(key, unknown_key(key, allowed)) for key in self.given if key not in needs]
        return found

    def _chosen(self, source: Source) -> list[tuple[Any, PullBlock]]:
        return [(feed, block) for feed, block in pulled_feeds(source.format) if not self.feeds or feed.feed in self.feeds]


def parts(name: str, config: Config, settings: Settings, timer: Timer) -> Sequence[Part]:
    """One part for each of the lists."""
    source = config.sources[name]
    return [
        _List(name, feed.feed, block, settings, timer, is_whole=block.since is None) for feed, block in settings._chosen(source)
    ]


class _List:
    """One list of the vendor's."""

    ending, goes_on, counts_records = ".json", False, True

    def __init__(self, source: str, feed: str, block: PullBlock, settings: Settings, timer: Timer, *, is_whole: bool) -> None:
        self.name, self.saves_as, self.is_whole = feed, block.saves_as, is_whole
        self.overlap_hours = settings.overlap_hours or (block.since.overlap_hours if block.since else 0)
        self._source, self._block, self._settings, self._timer = source, block, settings, timer
        # Not the key, which may be replaced; but the variable, as two accounts have two of them.
        asked = [
            settings.api_key_env,
            settings.base_url,
            dict(settings.given),
            block.path,
            block.parameters,
            *filter(None, [block.body, block.headers]),
        ]
        self.asks = sha256_text(canonical_json(asked))

    def batches(self, place: str, since: datetime | None) -> Iterator[Batch]:
        block, settings = self._block, self._settings
        call = Call("GET" if block.body is None else "POST", block.path)
        key = secret(settings.api_key_env, f"[sources.{self._source}.pull] api_key")
        base = settings.base_url or block.filled(block.base_for(key.get_secret_value()), settings.given)
        if not base:
            raise ConfigError(
                f"Connecting [sources.{self._source}.pull]",
                seen=f"a key in {settings.api_key_env} that does not say which host it is for",
                next_step="copy the key whole, or set base_url",
            )
        client = Client(
            Api(
                f"source {self._source}",
                (call,),
                headers=block.headers,
                reset_header=block.reset_header,
                permission=block.permission,
            ),
            base,
            _auth(block, key, base, settings.given),
            calls_per_second=settings.calls_per_second or block.calls_per_second,
            timeout_seconds=settings.timeout_seconds,
            plain_allowed=settings.allow_plain_http,
            timer=self._timer,
        )
        parameters = {name: block.filled(value, settings.given) for name, value in block.parameters.items()}
        if since is not None and block.since and not block.lines:
            parameters[block.since.parameter] = block.since.value(since)
        if block.since and block.since.until and not block.lines:
            parameters[block.since.until] = block.since.value(self._timer.now() + timedelta(days=2))
        in_path = {name: value for name, value in settings.given.items() if f"{{{name}}}" in block.path}
        try:
            if block.lines:
                yield from in_windows(Lines(client, call, in_path, parameters, block, self._timer), place, since)
                return
            pages = client.pages(
                call,
                block.paging.paging(),
                lambda body: value_at(body, block.items) if block.items else body,
                in_path,
                parameters=parameters,
                data=block.body,
                pages_in_query=block.paging.in_query,
                place=place,
            )
            for page in pages:
                yield Batch(page.raw, len(page.items), page.following or "", is_last=page.following is None)
        finally:
            client.close()


def _auth(block: PullBlock, key: SecretStr, base: str, given: Mapping[str, str]) -> Auth:
    said = block.auth
    if said.basic:
        return Basic(block.filled(said.basic, given), key)
    if said.aws:
        return AwsSigned(SecretStr(given["access_key_id"]), key, given["region"], said.aws)
    if said.token_path:
        return ClientCredentials(base.rstrip("/") + said.token_path, given["client_id"], key)
    return KeyHeader(key, said.header, said.prefix)
