"""Delivering again what another home holds: the way out of a home that cannot go on, and of a backup that is behind.

Each step puts back the deliveries of one moment, in the order in which they came, as they were: bytes, names and times. A run
takes them, and the next step follows. Nothing of the other home is changed. What was delivered is all that is brought over.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from orchestration.core.clock import is_ahead
from orchestration.core.config import Config
from orchestration.core.errors import ConfigError, InputError
from orchestration.core.files import put_in_place
from orchestration.core.home import PRIVATE_FILE, PRIVATE_FOLDER, Home
from orchestration.core.wording import told
from orchestration.landing.archives import landed_path
from orchestration.landing.collecting import waiting_batch
from orchestration.landing.manifest import Entry, read_manifest
from orchestration.landing.sealing import opened


@dataclass(frozen=True)
class Redelivered:
    """What one step put into the inbox."""

    received_at: datetime | None
    """When the other home took it; none when nothing was left to deliver."""
    files: int
    lost: int
    """Deliveries whose bytes the other home no longer has."""
    left: int
    """Deliveries of later moments, for the steps to come."""

    def as_dict(self) -> dict[str, Any]:
        received_at = self.received_at.isoformat() if self.received_at else None
        return {"received_at": received_at, "files": self.files, "lost": self.lost, "left": self.left}

    def lines(self) -> list[str]:
        if self.received_at is None:
            return ["Every delivery of that home is here."]
        clock = "" if is_ahead(self.received_at) else f" --as-of {self.received_at.isoformat()}"
        lost = (
            told(self.lost, ", 1 is lost: its bytes are", ", # are lost: their bytes are") + " not in its landing"
            if self.lost
            else ""
        )
        came = told(self.files, "1 file that came at {} waits", "# files that came at {} wait").format(
            self.received_at.isoformat()
        )
        return [
            f"{came} in the inbox{lost}; {told(self.left, '1 is', '# are')} left.",
            f"Next step: quietlist run{clock}" + (", then this command again." if self.left else "."),
        ]


def redeliver(home: Home, other: Home, config: Config) -> Redelivered:
    """Put the earliest deliveries of ``other`` that ``home`` does not have into its inbox.

    Raises:
        ConfigError: files wait there already, a source is not configured here, or both are one home.
        PermanentError: a manifest is not as it was written.
    """
    tried = f"Delivering what {other.root} holds"
    if other.root == home.root:
        raise ConfigError(tried, seen="it is this home", next_step="name the other home, or another one with --home")
    other.require()
    home.create()
    waiting = waiting_batch(home, config)
    if waiting.files or waiting.still_written:
        raise ConfigError(
            tried,
            seen="files wait in the inbox",
            allowed="an empty inbox, so that what came at one moment is taken at one",
            next_step="quietlist run first",
        )
    here = Counter(_delivery(entry) for entry in read_manifest(home))
    missing: list[Entry] = []
    for entry in read_manifest(other):
        if here[_delivery(entry)]:
            here[_delivery(entry)] -= 1
        else:
            missing.append(entry)
    if not missing:
        return Redelivered(None, 0, 0, 0)
    moment = min(entry.received_at for entry in missing)
    batch = [entry for entry in missing if entry.received_at == moment]
    unknown = sorted({entry.source for entry in batch} - config.sources.keys())
    if unknown:
        raise ConfigError(
            tried,
            [f"sources.{name}: is not configured here" for name in unknown],
            next_step=f"take [sources.{unknown[0]}] over from the other home's {home.config_file.name}; nothing was delivered",
        )
    delivered = sum(_deliver(home, other, entry) for entry in batch)
    return Redelivered(moment, delivered, len(batch) - delivered, len(missing) - len(batch))


def _delivery(entry: Entry) -> tuple[str, str, str]:
    return entry.source, entry.sha256, entry.name


def _deliver(home: Home, other: Home, entry: Entry) -> bool:
    """One file back into its source's folder; false when its bytes are gone."""
    folder = home.inbox / entry.source
    target = folder / entry.name
    if target.exists() or not target.resolve().is_relative_to(folder.resolve()):
        # Two files of one name came at one moment, or a name that leads elsewhere: a folder of its own keeps the base name.
        target = folder / str(entry.seq) / Path(entry.name).name
    target.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    part = target.with_name(f".{target.name[:200]}.part")
    try:
        with opened(other, landed_path(other, entry.sha256)) as source:
            handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE)
            with os.fdopen(handle, "wb") as stream, source.open("rb") as bytes_:
                shutil.copyfileobj(bytes_, stream)
    except (InputError, FileNotFoundError):
        part.unlink(missing_ok=True)
        return False
    modified = (entry.modified_at - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1) * 1_000
    os.utime(part, ns=(modified, modified))
    put_in_place(part, target)
    return True
