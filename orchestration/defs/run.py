"""The one resource: which home a run works on, and its clock. No stage logic."""

import functools
import inspect
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, TypeVar

import dagster as dg

from orchestration.core.config import Config, load_config
from orchestration.core.errors import ConfigError, plain_errors
from orchestration.core.home import Home

POOL = "warehouse"
"""Everything that opens the warehouse runs in this pool of one: DuckDB has one writing process."""
OWNERS = ["team:data-platform"]


Step = TypeVar("Step", bound=Callable[..., Any])


def plainly(step: Step) -> Step:
    """A step whose failure shows no row: Dagster stores an exception's text, and that of all it was raised from.

    Stands directly above the function of every asset, check and sensor.
    """
    tried = f"Running {step.__name__}"
    if inspect.isgeneratorfunction(step):

        @functools.wraps(step)
        def generating(*args: Any, **kwargs: Any) -> Iterator[Any]:
            with plain_errors(tried):
                yield from step(*args, **kwargs)

        return generating  # type: ignore[return-value]

    @functools.wraps(step)
    def calling(*args: Any, **kwargs: Any) -> Any:
        with plain_errors(tried):
            return step(*args, **kwargs)

    return calling  # type: ignore[return-value]


class QuietlistRun(dg.ConfigurableResource[None]):
    """Home and clock of a run. ``as_of`` (ISO 8601 with a zone) empty means: the moment the run was created."""

    home: str = ""
    as_of: str = ""

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
        return _created(context.instance, context.run.run_id)


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
            next_step="give --as-of in that form, or leave it away for now",
        )
    return moment.astimezone(UTC)


@functools.lru_cache(maxsize=8)
def _created(instance: dg.DagsterInstance, run_id: str) -> datetime:
    record = instance.get_run_record_by_id(run_id)
    if record is None:
        raise ConfigError("Reading the run's clock", seen="a run without a record", next_step="give as_of in the run's config")
    return record.create_timestamp.astimezone(UTC).replace(microsecond=0)
