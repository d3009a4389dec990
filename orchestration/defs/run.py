"""The one resource: which home a run works on, and its clock. No stage logic."""

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

import dagster as dg
from pydantic import PrivateAttr

from orchestration.core.clock import require_not_ahead
from orchestration.core.config import Config, load_config
from orchestration.core.errors import Busy, ConfigError, redacted_errors
from orchestration.core.home import Home
from orchestration.core.lock import run_lock
from orchestration.core.outcome import RANK
from orchestration.evidence.exported import export_evidence

AS_OF = "quietlist/as_of"
"""The tag of a run that holds its clock."""
POOL = "warehouse"
"""Everything that opens the warehouse runs in this pool of one: DuckDB has one writing process."""


_WAIT_SECONDS = 3600.0
"""A run that a schedule or the sensor started waits for one that is going on: the files it was started for would otherwise lie
until the next. Far longer than a run takes."""

Step = TypeVar("Step", bound=Callable[..., Any])


def redact_errors(step: Step) -> Step:
    """A step whose failure shows no row: Dagster stores an exception's text, and that of all it was raised from.

    Stands directly above the function of every asset, check and sensor.
    """
    tried = f"Running {step.__name__}"
    if inspect.isgeneratorfunction(step):

        @functools.wraps(step)
        def generating(*args: Any, **kwargs: Any) -> Iterator[Any]:
            with redacted_errors(tried):
                yield from step(*args, **kwargs)

        return generating  # type: ignore[return-value]

    @functools.wraps(step)
    def calling(*args: Any, **kwargs: Any) -> Any:
        with redacted_errors(tried):
            return step(*args, **kwargs)

    return calling  # type: ignore[return-value]


def configured(home: Home) -> Config | None:
    """The home's configuration, None while there is none to read. The definitions must load without it, or Dagster could not
    show what is missing; every run reads it again and fails with its problems.
    """
    try:
        return load_config(home)
    except ConfigError:
        return None


class QuietlistRun(dg.ConfigurableResource[None]):
    """Home and clock of a run. ``as_of`` (ISO 8601 with a zone) empty means: the moment at which the run had the home to itself.

    Not the moment it was created: while it waited, another run may have taken files that arrived after that.
    """

    home: str = ""
    as_of: str = ""
    replay: bool = False
    """Lets ``as_of`` lie in the future, in a copy of a home that pushes nowhere."""
    _began: datetime | None = PrivateAttr(default=None)
    _verdict: str = PrivateAttr(default="")
    _version: int | None = PrivateAttr(default=None)

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Any]:
        """Holds the home for the whole run, whoever started it: the command, the web pages, a schedule or the sensor."""
        if self.as_of:
            require_not_ahead(parse_moment(self.as_of), is_replay=self.replay, sends=self.config.sends)
        with run_lock(self.folder, _WAIT_SECONDS) as got:
            if not got:
                raise Busy(
                    f"Starting a run in {self.folder.root}",
                    seen="another run has been in progress there for an hour",
                    next_step="see what it waits for; nothing was started",
                )
            self._began = datetime.now(UTC).replace(microsecond=0)
            try:
                yield self
            finally:
                if context.instance is not None and context.run is not None:
                    context.instance.add_run_tags(context.run.run_id, self._tags())
            # Here and not as an asset, for a run that a gate stopped leaves its evidence too.
            with redacted_errors("Exporting the evidence"):
                if self.config.publish.evidence:
                    export_evidence(self.folder, self.config.limits, datetime.now(UTC).replace(microsecond=0))

    def note_verdict(self, level: str) -> None:
        """What a gate said: the gravest of a run is the run's."""
        self._verdict = max(self._verdict or RANK[0], level, key=RANK.index)

    def note_version(self, version: int) -> None:
        """The version that was published, or stands because nothing changed."""
        self._version = version

    def _tags(self) -> dict[str, str]:
        """By which the list of runs can be searched. Of gates that were not asked, and of a version that was not, nothing."""
        tags = {AS_OF: self.as_of or (self._began.isoformat() if self._began else "")}
        tags |= {"quietlist/verdict": self._verdict} if self._verdict else {}
        return tags | ({"quietlist/version": str(self._version)} if self._version is not None else {})

    @property
    def folder(self) -> Home:
        return Home.at(self.home or None)

    @property
    def config(self) -> Config:
        return load_config(self.folder)

    def moment(self, context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> datetime:
        """The run's ``as_of`` in UTC, the same for every step of it."""
        if self.as_of:
            return parse_moment(self.as_of)
        assert self._began is not None, "a resource that was never entered"
        return self._began


def parse_moment(text: str) -> datetime:
    """ISO 8601 with a zone to UTC.

    Raises:
        ConfigError: not ISO 8601, or without a zone.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ConfigError(
            "Reading the run's as_of",
            seen=f"'{text}'",
            allowed="ISO 8601 with a zone, such as 2026-04-01T00:00:00Z",
            next_step="give --as-of in that form, or omit it to use the current time",
        )
    return moment.astimezone(UTC)
