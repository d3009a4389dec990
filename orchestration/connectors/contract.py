"""What a kind of pull brings, and the keys of ``[sources.<name>.pull]``, which its module validates."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import ModuleType
from typing import Protocol

from pydantic import BaseModel, ConfigDict, ValidationError

from orchestration.core.config import Config, Pull, Source, is_own_source, keys_of, unknown_key
from orchestration.core.errors import ConfigError
from orchestration.core.pace import Timer

KINDS = ("api", "imap", "sftp", "s3", "http", "sql")
"""The modules that are a kind of pull."""


@dataclass(frozen=True)
class Batch:
    """Something that was fetched, unchanged, and where the pull goes on behind it."""

    content: bytes
    records: int
    place: str
    apart: str = ""
    """The ending of a file of its own, for what is not put together with others."""
    is_last: bool = False
    """Nothing follows."""
    told: str = ""
    """What a person should know of the pull, in a sentence without names."""


@dataclass(frozen=True)
class Arriving:
    """A file of another machine, which is kept under its own name. Its bytes are not held in memory."""

    name: str
    """As it is there, with its folders; it is made safe for this machine."""
    size: int
    modified_at: datetime | None
    read: Callable[[], Iterator[bytes]]
    """Its bytes, from the first, each time it is called."""
    landed: Callable[[], str]
    """Called once it is durable. Returns the place behind it."""


class NotWhole(Exception):
    """Raised while a file is read: nothing of it counts. The part that reads it tells why, at its end; others are not stopped."""


class Part(Protocol):
    """One list, mailbox or folder of a source."""

    name: str
    """Tells it from the other parts of the source."""
    saves_as: str
    """What its files are called: lower-case letters and ``_``."""
    ending: str
    """Of its files, such as ``.json``."""
    asks: str
    """Hash of whom it asks for what."""
    is_whole: bool
    """Each pull reads everything there is."""
    goes_on: bool
    """Its place stands when a pull is whole, and the next one goes on from there."""
    overlap_hours: float
    """How far a pull reaches back behind the start of the last whole one, where it asks by time."""

    counts_records: bool
    """It knows how many records it fetched, and not only how many files."""

    def batches(self, place: str, since: datetime | None) -> Iterator[Batch | Arriving]:
        """What lies behind ``place``, of ``since`` and later where it asks by time."""


class PullSettings(BaseModel):
    """Keys of one kind beside those of every pull."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def problems(self, source: Source) -> list[tuple[str, str]]:
        """What is wrong with them together: the key, and why."""
        return []


def pulled_sources(config: Config) -> list[str]:
    """The sources that say how they are pulled."""
    return sorted(name for name, source in config.sources.items() if source.pull and not is_own_source(name))


def pull_problems(config: Config) -> list[str]:
    """What is wrong with the pulls of all configured sources, for a check before anything runs."""
    return [problem for name in pulled_sources(config) for problem in _read(name, config.sources[name])[1]]


def parts_of(name: str, config: Config, timer: Timer) -> Sequence[Part]:
    """The parts of a source that has a pull.

    Raises:
        ConfigError: its keys are wrong.
    """
    source = config.sources[name]
    settings, problems = _read(name, source)
    if source.pull is None or settings is None:
        raise ConfigError(f"Reading [sources.{name}.pull]", problems, next_step="correct them in quietlist.toml")
    made: Sequence[Part] = module_of(source.pull.kind).parts(name, config, settings, timer)
    return made


def module_of(kind: str) -> ModuleType:
    """The module of a kind of pull."""
    return importlib.import_module(f"orchestration.connectors.{kind}")


def settings_of(kind: str) -> type[PullSettings]:
    """The keys that a kind takes beside those of every pull."""
    found: type[PullSettings] = module_of(kind).Settings
    return found


def _read(name: str, source: Source) -> tuple[PullSettings | None, list[str]]:
    pull, section = source.pull, f"sources.{name}.pull"
    assert pull is not None
    if pull.kind not in KINDS:
        return None, [f"{section}.kind: '{pull.kind}' is not one of {', '.join(KINDS)}"]
    model = settings_of(pull.kind)
    try:
        settings = model.model_validate(pull.model_extra or {})
    except ValidationError as error:
        problems = []
        for item in error.errors():
            where = ".".join([section, *(str(part) for part in item["loc"])])
            if item["type"] == "extra_forbidden":
                problems.append(f"{where}: {unknown_key(str(item['loc'][-1]), [*keys_of(Pull), *keys_of(model)])}")
            else:
                said = "is required" if item["type"] == "missing" else item["msg"].removeprefix("Value error, ")
                problems.append(f"{where}: {said}")
        return None, problems
    problems = [f"{section}.{key}: {why}" for key, why in settings.problems(source)]
    return (None if problems else settings), problems
