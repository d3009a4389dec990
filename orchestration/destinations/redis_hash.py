"""Redis or Valkey, for whoever looks a person up at the moment of sending.

One hash for each channel, type of identifier and scope, and in it one field for each identifier. A field that is there means:
leave this person alone, whoever wrote it and whatever its value says.

    HEXISTS quietlist:suppressed:email:email:* ann@example.com

The value of a field of ours is JSON that begins with ``{"by":"quietlist"``: why and since when, and which home and push wrote
it. Whoever else suppresses somebody there sets a field with a value of their own; it is read back, ingested as an opt-out, and
never written over or taken away. A release takes our field away and adds its evidence to ``quietlist:spent:...``, so that it
releases that person once. ``quietlist:pushes`` says which pushes of which home wrote there.

Each piece of a batch is carried out by the server as a whole (a script), and what is there already is not touched. The whole
of it is read back by ``HSCAN``, which needs no pause of the server. One server, or one that fails over behind one address: no
cluster.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyarrow as pa
from pydantic import Field, field_validator, model_validator

from orchestration.core.config import CHANNELS, THIS_MACHINE
from orchestration.core.credentials import secret
from orchestration.core.errors import ConfigError, PermanentError, TransientError, error_code
from orchestration.destinations.contract import (
    IDENTIFIER_TYPES,
    KEY,
    DestinationSettings,
    Facts,
    Outcome,
    Place,
    Push,
    ReadBack,
)
from orchestration.http.client import CredentialsRefused

FACTS = Facts(
    system="redis_hash",
    channels=frozenset(CHANNELS),
    identifier_types=frozenset(IDENTIFIER_TYPES),
    read_back=ReadBack.FULL,
    batch_size=10_000,  # some MB of commands; the server carries it out in pieces, see _TOGETHER
    permission="the commands EVAL, HGET, HSET, HDEL, HMGET, HSCAN, SCAN, TYPE, PING and INFO, on the keys below the prefix",
    by_hand=(
        "Let the server forget nobody: maxmemory-policy noeviction (or a volatile one: no key here expires), and appendonly yes.",
        "Look the person up on every channel, type and scope that the message is of; the scope * is the whole company.",
    ),
    unproved=("That whoever sends looks anybody up, or takes no answer for a no: on an error, do not send.",),
)

WRITER = "quietlist"
_OURS = f'{{"by":"{WRITER}"'  # how every value of ours begins
_SAID = ("identifier_hash", "reason", "suppressed_since")
_TOGETHER = 500  # rows in one script: the server does nothing else for some two milliseconds
_SCANNED = 1_000  # fields asked for at a time
_LONGEST_KEY = 1_000  # characters; an address has 254 at most, a postal key some hundred
_OF_THIS_MACHINE = "redis://127.0.0.1:6379/0"
_MOMENT = pa.timestamp("us", tz="UTC")
_FILES_IN_URLS = ("ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile")
_WORD = re.compile(r"^([A-Z]{2,20})\b")  # with which the server begins what it says of an error

# A field of somebody else's stays as it is; one of ours that says the same too.
_PUT = """
local ours, mark, changed = ARGV[1], ARGV[2], 0
for i = 5, #ARGV, 2 do
    local field, said = ARGV[i], ARGV[i + 1]
    local old = redis.call('HGET', KEYS[1], field)
    if not old or (string.sub(old, 1, #ours) == ours and string.sub(old, 1, #said) ~= said) then
        redis.call('HSET', KEYS[1], field, said .. mark)
        changed = changed + 1
    end
end
if changed > 0 then redis.call('HSET', KEYS[2], ARGV[3], ARGV[4]) end
return changed
"""
_RELEASE = """
local ours, changed = ARGV[1], 0
for i = 5, #ARGV, 2 do
    local field, evidence = ARGV[i], ARGV[i + 1]
    local old = redis.call('HGET', KEYS[1], field)
    if old and string.sub(old, 1, #ours) == ours then
        local spent = redis.call('HGET', KEYS[3], field)
        redis.call('HSET', KEYS[3], field, spent and (spent .. '\\n' .. evidence) or evidence)
        redis.call('HDEL', KEYS[1], field)
        changed = changed + 1
    end
end
if changed > 0 then redis.call('HSET', KEYS[2], ARGV[3], ARGV[4]) end
return changed
"""


class Settings(DestinationSettings):
    """Keys of ``[destinations.<name>]`` beside the common ones."""

    url_env: str = ""
    """Name of the environment variable that holds the URL, as any URL with a password must."""
    url: str = Field(default="", examples=["rediss://redis.example.com:6379/0"])
    """A URL without a password: ``rediss://host:port/db``, ``redis://`` on this machine, or ``unix:///path``. With neither: the
    server of this machine, ``redis://127.0.0.1:6379/0``."""
    prefix: str = "quietlist"
    """How the names of all keys begin. Nothing else on the server is read or written."""
    allow_plain: bool = False
    """Must be true for a server without TLS that is not this machine: anyone on the network path could read the list."""
    timeout_seconds: float = Field(default=30.0, ge=1, le=600)
    """How long one answer may take."""

    @field_validator("prefix")
    @classmethod
    def _check_prefix(cls, prefix: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}(:[A-Za-z0-9_.-]{1,64})*", prefix):
            raise ValueError("a prefix is letters, digits, _, . and -, with : between its parts")
        return prefix

    @model_validator(mode="after")
    def _one_url(self) -> Settings:
        if self.url and self.url_env:
            raise ValueError("url and url_env exclude each other")
        if self.url and (wrong := self._problem(self.url)):
            raise ValueError(f"url {wrong}")
        if self.url and (urlsplit(self.url).password or "password" in parse_qs(urlsplit(self.url).query)):
            raise ValueError("url holds a password: put the URL into an environment variable and name it in url_env")
        return self

    def _problem(self, url: str) -> str | None:
        try:
            parts = urlsplit(url)
            _ = parts.port
        except ValueError:
            return "is not a URL"
        if parts.scheme not in ("redis", "rediss", "unix") or not (parts.hostname or parts.path.strip("/")):
            return "is not a URL such as rediss://redis.example.com:6379/0"
        if parts.scheme == "redis" and parts.hostname not in THIS_MACHINE and not self.allow_plain:
            return "is not encrypted: anyone on the network path could read the list. Use rediss, or set allow_plain = true"
        return None

    def address(self, place: Place) -> str:
        """The URL, with its password.

        Raises:
            ConfigError: it is in no variable, or is none.
        """
        if not self.url_env:
            return self.url or _OF_THIS_MACHINE
        url = secret(self.url_env, f"[destinations.{place.name}] url").get_secret_value()
        if wrong := self._problem(url):
            raise ConfigError(f"Reading [destinations.{place.name}]", [f"url_env: what {self.url_env} holds {wrong}"])
        return url

    def problems(self, place: Place) -> list[tuple[str, str]]:
        if importlib.util.find_spec("redis") is None:
            return [("system", "redis_hash needs a package that is not installed: pip install 'quietlist[redis]'")]
        return []

    def paths(self, place: Place) -> list[tuple[str, Path]]:
        named = parse_qs(urlsplit(os.environ.get(self.url_env, "") if self.url_env else self.url).query)
        files = [text for name in _FILES_IN_URLS for text in named.get(name, ())]
        return [("url_env" if self.url_env else "url", (place.home.root / Path(text).expanduser()).resolve()) for text in files]

    def kept_there(self, place: Place) -> Mapping[str, str]:
        parts = urlsplit(os.environ.get(self.url_env, "") if self.url_env else self.url or _OF_THIS_MACHINE)
        there = f"{parts.hostname or ''} {parts.port or 6379} {parts.path} {parts.query if parts.scheme == 'unix' else ''}"
        return {f"{there} {self.prefix}": f"the keys below {self.prefix}"}


def connect(place: Place, settings: Settings) -> RedisHash:
    """The destination for one prefix of one server."""
    return RedisHash(place.name, settings.address(place), settings)


class RedisHash:
    """The hashes below one prefix."""

    facts = FACTS
    carries = _SAID

    def __init__(self, name: str, url: str, settings: Settings) -> None:
        self._tried = f"Talking to the Redis of {name}"
        self._url, self._prefix, self._timeout = url, settings.prefix, settings.timeout_seconds
        self._client: Any = None  # its answers are typed as whatever any server may say
        self._push: Push | None = None

    def open(self, push: Push) -> None:
        """Connect. Changes nothing."""
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        try:
            self._client = redis.Redis.from_url(
                self._url,
                socket_timeout=self._timeout,
                socket_connect_timeout=self._timeout,
                retry=Retry(NoBackoff(), 0),  # the push has its own
                decode_responses=False,
                protocol=2,
            )
            with self._our_errors():
                self._client.ping()
        except (ValueError, TypeError):
            raise ConfigError(
                self._tried, seen="a URL that the client does not take", next_step="correct its database, user and parameters"
            ) from None
        self._push = push

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
        self._client = self._push = None

    def read(self) -> Iterator[pa.RecordBatch]:
        """Every field of every list, whoever wrote it."""
        start = f"{self._prefix}:suppressed:"
        with self._our_errors():
            client = self._opened()
            names = sorted({bytes(name) for name in client.scan_iter(match=f"{start}*", count=_SCANNED)})
            for name in names:
                channel, _, rest = name.decode("utf-8", "replace").removeprefix(start).partition(":")
                kind, _, scope = rest.partition(":")
                if client.type(name) != b"hash":
                    raise PermanentError(
                        self._tried,
                        seen="a key below our prefix that is no hash",
                        allowed=f"only hashes below {start}",
                        next_step="rename or remove it, or set another prefix",
                    )
                cursor = 0
                while True:
                    cursor, found = client.hscan(name, cursor, count=_SCANNED)
                    if found:
                        spent = client.hmget(name.replace(b":suppressed:", b":spent:", 1), list(found))
                        yield self._batch(channel, kind, scope, found, spent)
                    if not cursor:
                        break

    def _batch(
        self, channel: str, kind: str, scope: str, found: dict[bytes, bytes], spent: Sequence[bytes | None]
    ) -> pa.RecordBatch:
        told = [_ours(value) for value in found.values()]
        count = len(found)
        fields = [field.decode("utf-8", "replace") for field in found]
        return pa.record_batch(
            {
                "channel": pa.array([channel] * count, pa.string()),
                "identifier_type": pa.array([kind] * count, pa.string()),
                # Others type as they like; what differs only in case or blanks is one address.
                "identifier": _texts(
                    field if own is not None else field.strip().lower() for field, own in zip(fields, told, strict=True)
                ),
                "scope": pa.array([scope] * count, pa.string()),
                "ours": pa.array([own is not None for own in told], pa.bool_()),
                "written_at": pa.array([_moment((own or {}).get("at")) for own in told], _MOMENT),
                "push": _texts((own or {}).get("push") for own in told),
                "spent": pa.array([None if text is None else text.decode("utf-8", "replace") for text in spent], pa.string()),
            }
        )

    def writers(self) -> list[tuple[str, str]]:
        """Every push that ever wrote there."""
        with self._our_errors():
            found = self._opened().hgetall(f"{self._prefix}:pushes")
            return [(push.decode("utf-8", "replace"), home.decode("utf-8", "replace")) for push, home in found.items()]

    def notices(self) -> list[str]:
        """Whether the server forgets people when its memory is full."""
        try:
            with self._our_errors():
                said = self._opened().info("memory")
        except CredentialsRefused:
            return ["whether the Redis server drops keys when its memory is full is not known: INFO is not allowed"]
        policy = str(said.get("maxmemory_policy", ""))
        if not policy.startswith("allkeys"):
            return []
        return [
            f"the Redis server may drop a whole list when its memory is full (maxmemory-policy {policy}): everybody on it could "
            "be contacted until the next push; set noeviction"
        ]

    def put(self, rows: pa.RecordBatchReader) -> Outcome:
        """Set the fields of these rows. One that says the same already, or is somebody else's, is not touched."""
        return self._carried_out(_PUT, rows, _said)

    def release(self, rows: pa.RecordBatchReader) -> Outcome:
        """Take these fields of ours away, and keep their evidence."""
        return self._carried_out(_RELEASE, rows, lambda row: str(row["evidence_id"]))

    def _carried_out(self, script: str, reader: pa.RecordBatchReader, told: Any) -> Outcome:
        push = self._push
        if push is None:
            raise PermanentError(self._tried, seen="the destination is not open", next_step="call open first")
        mark = json.dumps({"at": _text_of(push.as_of), "home": push.home, "push": push.id}, separators=(",", ":"))[1:]
        lists: dict[str, list[str]] = {}
        for batch in reader:
            for row in batch.to_pylist():
                channel, kind, identifier, scope = (row[name] for name in KEY)
                lists.setdefault(f"{channel}:{kind}:{scope}", []).extend((identifier, told(row)))
        changed = 0
        with self._our_errors():
            pipeline = self._opened().pipeline(transaction=False)
            for name, arguments in lists.items():
                keys = [f"{self._prefix}:suppressed:{name}", f"{self._prefix}:pushes", f"{self._prefix}:spent:{name}"]
                for first in range(0, len(arguments), 2 * _TOGETHER):
                    some = arguments[first : first + 2 * _TOGETHER]
                    pipeline.eval(script, len(keys), *keys, _OURS, mark, push.id, push.home, *some)
            changed = sum(int(answer) for answer in pipeline.execute())
        return Outcome(changed=changed)

    def _opened(self) -> Any:
        if self._client is None:
            raise PermanentError(self._tried, seen="the destination is not open", next_step="call open first")
        return self._client

    @contextmanager
    def _our_errors(self) -> Iterator[None]:
        """The server's own text may quote what it was sent: only its first word is told."""
        import redis

        try:
            yield
        except (redis.AuthenticationError, redis.exceptions.AuthorizationError, redis.exceptions.NoPermissionError):
            raise CredentialsRefused(
                self._tried,
                seen="a login that was refused, or a command that this user may not give",
                allowed=FACTS.permission,
                next_step="see the password in the URL, and the user's rules (ACL LIST)",
            ) from None
        except (redis.exceptions.OutOfMemoryError, redis.exceptions.ReadOnlyError) as error:
            is_full = isinstance(error, redis.exceptions.OutOfMemoryError)
            raise TransientError(
                self._tried,
                seen="the server's memory is full" if is_full else "a replica, which takes no writes",
                next_step="raise its maxmemory, and push again"
                if is_full
                else "name the primary in the URL, or let it fail over",
            ) from None
        except (redis.ConnectionError, redis.TimeoutError):
            raise TransientError(
                self._tried, seen="no whole answer", next_step="check that the server is up and can be reached from here"
            ) from None
        except redis.RedisError as error:
            # A pipeline's error quotes the command before what the server said of it.
            word = _WORD.match(str(error).rpartition("caused error: ")[2])
            raise PermanentError(
                self._tried,
                seen=error_code(word[1] if word else type(error).__name__),
                next_step="look the word up in the manual of Redis; see the server's log, its disk and this user's rights",
            ) from None


def _said(row: dict[str, Any]) -> str:
    """How a value of ours begins: everything but which push wrote it."""
    said = {
        "by": WRITER,
        "hash": row["identifier_hash"],
        "reason": row["reason"],
        "since": _text_of(row["suppressed_since"]),
    }
    return json.dumps(said, separators=(",", ":"))[:-1] + ","


def _ours(value: bytes) -> dict[str, Any] | None:
    """What a value of ours says; None for one of somebody else's."""
    if not value.startswith(_OURS.encode()):
        return None
    try:
        said = json.loads(value)
    except ValueError:
        return None  # begun like ours and changed since: theirs, which is the careful reading
    return said if isinstance(said, dict) else None


def _text_of(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _moment(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None


def _texts(values: Iterable[Any]) -> pa.Array:
    """Texts that anybody may have written; null for what can be no key, so that the row is counted and left alone."""
    return pa.array([text if isinstance(text, str) and _is_key(text) else None for text in values], pa.string())


def _is_key(text: str) -> bool:
    return len(text) <= _LONGEST_KEY and "\0" not in text and "\ufffd" not in text
