"""What a destination is: the facts it declares, the calls it makes, how its settings are read and how it is found.

Here belong the types that ``orchestration/sync`` and the modules beside this one share. Not here: anything about one
system (its module), and anything about what to send or when (``orchestration/sync``).

To add a system, write one module in ``systems/`` with

- ``FACTS``: a :class:`Facts`,
- ``Settings``: a :class:`DestinationSettings` with the keys of its own in ``[destinations.<name>]``,
- ``connect(place, settings)``: returns an object with the calls of :class:`Destination`, and of :class:`ReadsAll` or
  :class:`ReadsPoints` as its ``FACTS.read_back`` says.

The engine reacts to what a call raises: :class:`~orchestration.core.errors.TransientError` (tried again with pauses),
:class:`~orchestration.core.errors.Throttled` (the same, and nothing was done), :class:`BatchRejected` (the batch is halved
until the row that spoils it stands alone), any other error (the push stops here and says so).
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from types import ModuleType
from typing import Literal, Protocol, runtime_checkable

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, ValidationError

from orchestration.core.config import CHANNELS, Config, keys_of, known_systems, outside, unknown_key
from orchestration.core.config import Destination as DestinationConfig
from orchestration.core.errors import ConfigError, PermanentError, error_code
from orchestration.core.home import Home
from orchestration.http.calls import Call, request_path

IDENTIFIER_TYPES = ("email", "phone", "postal")

KEY = ("channel", "identifier_type", "identifier", "scope")
"""What makes a row one row, at every destination and in the ledger. ``scope`` is a node of the destination's ``scopes``."""

PAYLOAD = ("reason", "basis", "suppressed_since", "last_requested_at", "region", "deciding_request_id")
"""What else is known of a row; a destination that stores some of it names them in ``carries``."""


class ReadBack(StrEnum):
    """How what was pushed can be proved."""

    FULL = "full"
    """The whole set can be read."""
    POINT = "point"
    """One row, or a handful, can be looked up."""
    RECEIPT = "receipt"
    """The system answers per row once, and cannot be asked again."""
    NONE = "none"
    """It takes rows and shows nothing: accepted, not provable."""


@dataclass(frozen=True)
class Danger:
    """A request that must never leave, though the system has it, and what it would do."""

    call: Call
    does: str


@dataclass(frozen=True)
class Facts:
    """What is true of a system, whoever uses it. Each number's source stands beside it in the system's module."""

    system: str
    channels: frozenset[str]
    identifier_types: frozenset[str]
    read_back: ReadBack
    batch_size: int | None
    """Rows per call; None: all rows in one call, as a stream."""
    calls_per_second: float | None = None
    """None: no limit is known or needed."""
    visible_within_seconds: float = 0.0
    """How long the system may take until an accepted row shows at read-back. Later than this it is missing."""
    calls: tuple[Call, ...] = ()
    """Everything an HTTP system may be asked. What is not here is refused before it leaves."""
    mapping_version: int = 1
    """Raise it when the module starts to write rows differently: every row is then put again."""
    release_batch_size: int | None = None
    """Rows per release; None: as ``batch_size``. Many systems put a thousand at once and lift one by one."""
    can_release: bool = True
    """False: what is suppressed there stays so until somebody lifts it by hand, and the releases are held."""
    keeps_our_mark: bool = True
    """False: the system cannot say who wrote a row. One is ours then only when we had looked, it was not there, and we put it;
    and another home that writes to the same list goes unnoticed."""
    lists: str = ""
    """What one list of the system is, for the setting that maps scopes to lists; empty: it has none."""
    list_example: str = ""
    permission: str = ""
    """What the key must be allowed to do, and nothing more."""
    by_hand: tuple[str, ...] = ()
    """What a person must set up or know at the vendor's."""
    unproved: tuple[str, ...] = ()
    """What a read-back there does not prove."""
    dangers: tuple[Danger, ...] = ()
    unverified: tuple[str, ...] = ()
    """What was not read in the vendor's own documentation; each is a setting, or errs to the careful side."""

    def __post_init__(self) -> None:
        unknown = sorted((self.channels - set(CHANNELS)) | (self.identifier_types - set(IDENTIFIER_TYPES)))
        if unknown or not self.channels or not self.identifier_types:
            raise ValueError(f"{self.system}: unknown or no channels and identifier types: {unknown}")
        if self.batch_size is not None and self.batch_size < 1:
            raise ValueError(f"{self.system}: a batch holds at least one row")

    def request_path(self, method: str, template: str, **parts: str) -> str:
        """The path of a permitted request, its parts percent-encoded (see :func:`~orchestration.http.calls.request_path`)."""
        return request_path(self.system, self.calls, Call(method, template), parts)


@dataclass(frozen=True)
class Push:
    """Which push a destination is opened for; it may name its files or rows after it."""

    version: int
    """Of the published table."""
    run: int
    """Number of the receipt this push will write."""
    as_of: datetime
    id: str = ""
    """Tells this push from every other one, of whichever home: a row that carries an id which the ledger does not know was
    written by another home, or by another life of this one."""
    home: str = ""
    """The id of the home that pushes."""


@dataclass(frozen=True)
class Outcome:
    """What the system answered to one batch: every row was accepted, but those listed.

    A call that needs several requests may have done some of them when one fails. If it had done none it raises; else it says
    which rows are still to do, and they are sent again at once.
    """

    rejected: Mapping[int, str] = field(default_factory=dict)
    """Index in the batch -> the system's error code (see :func:`~orchestration.core.errors.error_code`)."""
    later: frozenset[int] = frozenset()
    """Indexes of rows that surely were not taken."""
    unknown: frozenset[int] = frozenset()
    """Indexes of rows that left and were not answered: they may be there."""
    retry_after: float | None = None
    """Seconds that the system asked for before the rest is sent."""
    changed: int | None = None
    """Rows that the system says it changed, where it counts them; a repeated call changes none."""
    jobs: tuple[str, ...] = ()
    """Ids of the jobs as which the system took the rows. The engine keeps them, also over a crash, and asks after them
    (:class:`RunsJobs`): until one has ended, none of its rows is missing."""


@dataclass(frozen=True)
class JobState:
    """What a system says of a job."""

    ended: bool
    failed: bool = False
    """It ended, and not all of it was carried out."""
    skipped: int = 0
    """Rows that it left out without saying which: the read-back finds them."""


class BatchRejected(PermanentError):
    """The whole batch was refused because of some row in it. ``code`` is kept for the row that turns out to be the one."""

    def __init__(self, tried: str, *, code: str, seen: str = "") -> None:
        super().__init__(tried, seen=seen or code)
        self.code = error_code(code)


@runtime_checkable
class Destination(Protocol):
    """The calls every destination makes.

    Rows come as a stream of Arrow batches with the columns of ``KEY``, ``identifier_hash`` and ``PAYLOAD``; releases
    also carry ``evidence_id`` and ``evidence_kind``. Both calls must leave the same end state when repeated.
    """

    facts: Facts
    carries: tuple[str, ...]
    """Those of ``PAYLOAD``, and ``identifier_hash``, that this destination stores: a change in one of them is a new put. With
    the hash among them, a rotation of the home key puts every row again, so that it never holds hashes of two keys."""

    def open(self, push: Push) -> None:
        """Connect. Changes nothing at the system: a dry run comes this far too."""

    def close(self) -> None:
        """Let go of everything; called once after :meth:`open`, whatever happened."""

    def put(self, rows: pa.RecordBatchReader) -> Outcome:
        """Suppress these rows."""

    def release(self, rows: pa.RecordBatchReader) -> Outcome:
        """Lift these rows. Touches only rows that Quietlist wrote, where the system can tell."""


@runtime_checkable
class ReadsAll(Destination, Protocol):
    """A destination of class ``full``."""

    def read(self) -> Iterator[pa.RecordBatch]:
        """Every row in force at the system: the columns of ``KEY``, identifiers in our normal form; also, where the
        system knows, ``ours`` (bool: did Quietlist write it) and ``since`` (timestamp: when it was suppressed), and of a
        row of Quietlist's ``push`` (text: the id of the push that wrote it), ``written_at`` (timestamp: as of when; of a row
        whose writer nobody knows, when it was written, which tells whether it can be the one that we wrote) and
        ``spent`` (text: the evidence that released it before, one id a line). ``asked`` (bool, true where left out) is false
        for what the system blocks though nobody asked for it, such as a bounce: it is in force, and no opt-out to bring home."""


@runtime_checkable
class KnowsWriters(Destination, Protocol):
    """A destination that keeps by whom it was written."""

    def writers(self) -> Sequence[tuple[str, str]]:
        """Every push of Quietlist's that still shows there, also in what it released: its id and its home's."""


@runtime_checkable
class RunsJobs(Destination, Protocol):
    """A destination that takes rows and carries them out later."""

    def job(self, call: Literal["put", "release"], id: str) -> JobState:
        """How far a job is that a call of this kind began. One that the system no longer knows has ended."""


@runtime_checkable
class Notices(Destination, Protocol):
    """A destination that sees more than its rows: a list that nobody mapped, an opt-out of less than a list."""

    def notices(self) -> Sequence[str]:
        """What a person should know of it, in sentences without personal data; asked after the read-back."""


@runtime_checkable
class ListsItsLists(Destination, Protocol):
    """A destination that has lists, of which somebody there may make another one any day."""

    def unmapped(self) -> Sequence[str] | None:
        """The lists there that are in no scope of the settings and not ignored; None: it does not say which lists it has."""


@runtime_checkable
class GoesOnInPart(Destination, Protocol):
    """A destination that does what it can when a part of what is configured is not there."""

    def gone(self) -> ConfigError | None:
        """What is not there; asked after ``open``. Its rows were refused, all others are served."""


@runtime_checkable
class ReadsPoints(Destination, Protocol):
    """A destination of class ``point``."""

    def look_up(self, rows: pa.RecordBatchReader) -> Sequence[bool]:
        """For each row, in order: is it in force at the system? At most ``batch_size`` rows are asked at once."""


class DestinationSettings(BaseModel):
    """Base of a module's own keys: unknown keys are refused, secrets are named by environment variable only."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    allow_outside_home: bool = False
    """Must be true for a file or folder outside the home: everyone who can read it there can read the list."""

    def paths(self, place: Place) -> list[tuple[str, Path]]:
        """Each key that names a file or folder of this machine, and where that leads, links followed."""
        return []

    def problems(self, place: Place) -> list[tuple[str, str]]:
        """What is wrong with a key where it meets the common ones (channels, scopes): the key, and what is wrong."""
        return []

    def kept_there(self, place: Place) -> Mapping[str, str]:
        """What no second destination may keep, as a text that tells one from the others, and its name for people.

        Each destination knows what itself wrote: of two on one list, one would lift what the other still wants.
        """
        return {}


@dataclass(frozen=True)
class Place:
    """Where one configured destination lives."""

    name: str
    home: Home
    config: DestinationConfig


def destination_for(name: str, config: Config, home: Home) -> Destination:
    """The destination called ``name`` in the configuration, not yet opened.

    Raises:
        ConfigError: no such destination, or its keys are wrong; all problems at once.
    """
    if name not in config.destinations:
        raise ConfigError(
            f"Looking for the destination {name}",
            seen="no such section in quietlist.toml",
            allowed=", ".join(sorted(config.destinations)) or "none is configured",
            next_step=f"add [destinations.{name}]",
        )
    entry = config.destinations[name]
    module, settings, problems = _read(Place(name, home, entry))
    if problems or settings is None:
        raise ConfigError(f"Reading [destinations.{name}]", problems, next_step="correct these; nothing was sent")
    found: Destination = module.connect(Place(name, home, entry), settings)
    wanted = {ReadBack.FULL: ReadsAll, ReadBack.POINT: ReadsPoints}.get(found.facts.read_back, Destination)
    if not isinstance(found, wanted):
        raise ConfigError(
            f"Connecting the destination {name}",
            seen=f"the module {entry.system} declares read-back {found.facts.read_back} but lacks a call of {wanted.__name__}",
            next_step=f"correct {module.__name__}",
        )
    return found


def facts_of(system: str) -> Facts:
    """The facts that the module of a system declares."""
    facts: Facts = module_of(system).FACTS
    return facts


def module_of(system: str) -> ModuleType:
    """The module of a system: vendors' interfaces are in ``systems/``, our own files and tables beside it."""
    package = "" if (Path(__file__).parent / f"{system}.py").exists() else ".systems"
    return importlib.import_module(f"orchestration.destinations{package}.{system}")


def settings_of(system: str) -> type[DestinationSettings]:
    """The keys that the module of a system takes beside the common ones."""
    settings: type[DestinationSettings] = module_of(system).Settings
    return settings


def settings_problems(config: Config, home: Home) -> list[str]:
    """What is wrong with the keys of all configured destinations, for a check before anything runs."""
    problems: list[str] = []
    keepers: dict[tuple[str, str], str] = {}
    for name, entry in config.destinations.items():
        place = Place(name, home, entry)
        _, settings, found = _read(place)
        problems += found
        for key, said in (settings.kept_there(place) if settings is not None else {}).items():
            first = keepers.setdefault((entry.system, key), name)
            if first != name:
                problems.append(
                    f"destinations.{name}: keeps {said}, as [destinations.{first}] does; one list, one destination: else one of "
                    "them lifts what the other wants kept"
                )
    return problems


def folders_of(name: str, config: Config, home: Home) -> list[tuple[str, Path]]:
    """The folders that a destination writes into, each with the key that names it; none where its keys are wrong."""
    place = Place(name, home, config.destinations[name])
    _, settings, problems = _read(place)
    if settings is None or problems:
        return []
    return [(key, path if key == "folder" else path.parent) for key, path in settings.paths(place)]


def _read(place: Place) -> tuple[ModuleType, DestinationSettings | None, list[str]]:
    entry, section = place.config, f"destinations.{place.name}"
    if entry.system not in known_systems():
        raise ConfigError(f"Reading [{section}]", [f"{section}.system: is not one of {', '.join(known_systems())}"])
    module = module_of(entry.system)
    problems = [
        f"{section}.channels: {entry.system} has no channel {channel}; it has {', '.join(sorted(module.FACTS.channels))}"
        for channel in entry.channels
        if channel not in module.FACTS.channels
    ]
    settings: DestinationSettings | None = None
    try:
        settings = module.Settings.model_validate(entry.model_extra or {})
    except ValidationError as error:
        for item in error.errors():
            where = ".".join([section, *(str(part) for part in item["loc"])])
            if item["type"] == "extra_forbidden":
                allowed = [*keys_of(type(entry)), *keys_of(module.Settings)]
                problems.append(f"{where}: {unknown_key(str(item['loc'][-1]), allowed)}")
                continue
            what = {"missing": "is required"}.get(item["type"], item["msg"])
            problems.append(f"{where}: {what.removeprefix('Value error, ')}")
    if settings is not None:
        problems += [f"{section}.{key}: {what}" for key, what in settings.problems(place)]
    if settings is not None and not settings.allow_outside_home:
        problems += outside(place.home.root, section, settings.paths(place))
    return module, settings, problems
