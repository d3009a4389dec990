"""What a run needs and can be checked in a second, before anything is ingested or sent: everything missing is reported at once.

Read only, like ``quietlist doctor``, which reports more and takes longer. What still goes wrong later is reported by its step.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from orchestration.audit.doctor import lost_time_zones
from orchestration.connectors.contract import pull_problems
from orchestration.core.config import Config
from orchestration.core.errors import ConfigError, QuietlistError
from orchestration.core.home import Home
from orchestration.destinations.contract import folders_of, settings_problems
from orchestration.landing.sealing import require_key
from orchestration.publish.sharing import group_problems

_LEAST_FREE = 16_000_000
"""Less than this, and the run's own records may not find room; how much the files of the day need, nobody knows before."""
_URL = re.compile(r"^[a-z][a-z0-9+.\-]*://\S*$")


def require_ready(home: Home, config: Config, *, pushes: bool) -> None:
    """Refuse to start a run that could not end.

    Args:
        pushes: the job sends to destinations, so what they need is looked at too.

    Raises:
        ConfigError: with everything that is missing.
    """
    problems = [*settings_problems(config, home), *pull_problems(config)]
    if pushes and not problems:
        problems += [*_secrets(config), *_destination_folders(home, config)]
    problems += [*_folders(home, config), *_room(home), *_files(home)]
    problems += _dagster_records(config)
    if lost := lost_time_zones(config):
        problems.append(f"no rules for the time zone {', '.join(lost)}: install tzdata, or correct the source's timezone")
    problems += group_problems(config.publish.group)
    if config.encryption.landing:
        try:
            require_key(home, config)
        except QuietlistError as error:
            problems.append(f"{error.tried.rstrip('.')}: {error.seen}")
    if problems:
        next_step = "correct these and run again; nothing was started"
        raise ConfigError(f"Starting a run in {home.root}", problems, next_step=next_step)


def _secrets(config: Config) -> Iterator[str]:
    for name in config.sends:
        for key, value in sorted((config.destinations[name].model_extra or {}).items()):
            if not key.endswith("_env") or not value:
                continue
            place, held = f"destinations.{name}.{key}: the environment variable {value}", os.environ.get(str(value), "")
            if not held:
                yield f"{place} is not set in this process; set it where the runs start"
            elif key.endswith("url_env") and not _URL.match(held):
                yield f"{place} holds no URL such as postgresql://host/database"  # what it holds may be a secret


def _dagster_records(config: Config) -> Iterator[str]:
    if (variable := config.dagster.storage_url_env) is None:
        return
    place, held = f"dagster.storage_url_env: the environment variable {variable}", os.environ.get(variable, "")
    if not held:
        yield f"{place} is not set in this process; set it where the runs start"
    elif not held.startswith(("postgresql://", "postgres://", "postgresql+psycopg2://")):
        yield f"{place} holds no URL such as postgresql://user@host/database"  # what it holds may be a secret
    if importlib.util.find_spec("dagster_postgres") is None:
        yield "dagster.storage_url_env: needs the package dagster-postgres; install quietlist[server]"


def _destination_folders(home: Home, config: Config) -> Iterator[str]:
    for name in config.sends:
        for key, folder in folders_of(name, config, home):
            if problem := _not_writable(folder):
                yield f"destinations.{name}.{key}: {problem}"


def _folders(home: Home, config: Config) -> Iterator[str]:
    own = (
        home.root,
        home.inbox,
        home.landing,
        home.warehouse_folder,
        home.spill_folder,
        home.gate_folder,
        home.dagster_folder,
        home.published,
        home.golden_published,
        home.reports,
        home.quarantine,
        home.outbox,
    )
    # A file that was taken is removed from its source's folder.
    for folder in (*own, *(home.inbox / name for name in sorted(config.sources))):
        if (folder.exists() or folder.is_symlink()) and (problem := _not_writable(folder)):
            yield problem


def _files(home: Home) -> Iterator[str]:
    for path in (home.manifest_file, home.chain_file, home.warehouse_file, home.sync_ledger_file):
        if path.exists() and not path.is_file():
            yield f"{path} is no file: move away what is in its place"
        elif path.exists() and not os.access(path, os.R_OK | os.W_OK):
            yield f"{path} may not be written by this user: correct its owner or mode"


def _room(home: Home) -> Iterator[str]:
    free = shutil.disk_usage(home.root).free
    if free < _LEAST_FREE:
        yield f"the disk of {home.root} is full: {free / 1e6:.0f} MB free; make room, nothing is lost"


def _not_writable(folder: Path) -> str:
    """Why nothing can be put into a folder, or into the nearest one above it that is there; empty when something can."""
    while not folder.exists() and not folder.is_symlink() and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        return f"{folder} is no folder: move away what is in its place"
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        return f"{folder} may not be read and written by this user: correct its owner, mode or mount"
    return ""
