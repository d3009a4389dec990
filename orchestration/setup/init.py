"""``quietlist init``: a commented ``quietlist.toml`` for chosen systems, and the inbox folders that go with it.

What a key means stands where it is defined, and is copied from there; nothing that a run would judge is decided here.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pydantic import BaseModel

from orchestration.core.config import CHANNELS, DagsterSettings, Destination, Source, known_formats, known_systems, parse_config
from orchestration.core.errors import ConfigError
from orchestration.core.files import write_atomic
from orchestration.core.home import PRIVATE_FOLDER, Home
from orchestration.core.wording import counted, listed
from orchestration.destinations.contract import facts_of, settings_of
from orchestration.setup.described import first_sentence, keys_with_meaning
from orchestration.setup.formats import format_named

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


@dataclass(frozen=True)
class Wanted:
    """What the configuration is to hold; ``sources`` maps a name to its format, ``destinations`` a name to its system."""

    company: str
    region: str | None
    scopes: Sequence[str]
    sources: Mapping[str, str]
    destinations: Mapping[str, str]
    live_since: date | None = None
    """The first day: what was asked before it is inherited."""
    dagster_db: str | None = None
    """Name of the environment variable with the PostgreSQL URL of Dagster's records, for a server of its own."""


@dataclass(frozen=True)
class Made:
    """The configuration that was written, and what a person has to fill in."""

    file: Path
    folders: Sequence[Path]
    to_fill_in: Sequence[str]

    def as_dict(self) -> dict[str, object]:
        """For a program."""
        return {"file": str(self.file), "folders": [str(folder) for folder in self.folders], "to_fill_in": list(self.to_fill_in)}

    def lines(self) -> list[str]:
        """For a person at a terminal."""
        told = [f"Written: {self.file}"]
        told += [f"  fill in {key}" for key in self.to_fill_in]
        told += [f"  put the files of {folder.name} into {folder}/" for folder in self.folders]
        first = "fill these in, then " if self.to_fill_in else ""
        home = f"--home {self.file.parent}"
        return [*told, f"Next step: {first}quietlist doctor {home}, then quietlist run {home}."]


def init(home: Home, wanted: Wanted) -> Made:
    """Write the configuration; an existing one is never touched.

    Raises:
        ConfigError: there is one already, or a name, format or system is wrong; all problems at once.
    """
    if home.config_file.exists():
        raise ConfigError(
            "Writing a configuration",
            seen=f"{home.config_file} exists",
            next_step="edit that file, or give another folder with --home",
        )
    problems = [
        f"{section}.{name}: a name is lower-case letters, digits and _"
        for section, names in (("sources", wanted.sources), ("destinations", wanted.destinations))
        for name in names
        if not _NAME.fullmatch(name)
    ]
    for section, what, chosen, known in (
        ("sources", "format", wanted.sources, known_formats()),
        ("destinations", "system", wanted.destinations, known_systems()),
    ):
        problems += [
            f"{section}.{name}: '{value}' is no {what}; allowed: {listed(sorted(known))}"
            for name, value in chosen.items()
            if value not in known
        ]
    if problems:
        raise ConfigError("Writing a configuration", problems, next_step="correct these and say it again; nothing was written")
    text, to_fill_in = _text(wanted)
    if not to_fill_in:
        parse_config(text, home.config_file)  # what was given is judged as any configuration is
    folders = [home.inbox / name for name in wanted.sources]
    for folder in folders:
        folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    write_atomic(home.config_file, text)
    return Made(home.config_file, folders, to_fill_in)


def _text(wanted: Wanted) -> tuple[str, list[str]]:
    told = [
        "# What this installation of Quietlist reads, keeps and pushes. Every key: docs/reference/configuration.md.",
        "",
        "[company]",
        f"name = {_quoted(wanted.company)}",
        "# Where a person without a region of their own is taken to be; without it the strictest rule applies.",
        f"default_region = {_quoted(wanted.region)}" if wanted.region else '# default_region = "US"',
        "# The brands and lists that people may leave one by one, as paths. An opt-out of a brand leaves its lists too.",
        f"scopes = [{', '.join(map(_quoted, wanted.scopes))}]",
        "# The first day: what was asked before it, and is delivered later, is counted apart, and its time runs from that day.",
        f"live_since = {wanted.live_since}" if wanted.live_since else "# live_since = ...  (not set)",
    ]
    explained: set[str] = set()
    for name, chosen in wanted.sources.items():
        feeds = format_named(chosen).feeds
        told += ["", *(f"# {line}" for line in _wrapped(f"{first_sentence(feeds[0].description)}"))]
        if len(feeds) > 1:
            told += _comment(f"Reads {counted(len(feeds), 'kind')} of files: {listed([feed.feed for feed in feeds])}.")
        told += [f"[sources.{name}]", f'format = "{chosen}"', *_optional(Source, {"format", "ignored_columns"}, explained)]
    to_fill_in = []
    for name, system in wanted.destinations.items():
        model = settings_of(system)
        told += ["", f"[destinations.{name}]", f'system = "{system}"', *_channels(system)]
        for key, field, meaning in keys_with_meaning(model):
            if field.is_required():
                told += [*_comment(meaning), f'{key} = ""']
                to_fill_in.append(f"destinations.{name}.{key}: {first_sentence(meaning) or 'required'}")
        if lists := facts_of(system).lists:
            told += [*_comment(f"Which list each of scopes means there: {lists}."), 'lists = { "*" = "" }']
            to_fill_in.append(f"destinations.{name}.lists: {lists}")
        told += [*_optional(Destination, {"system", "channels"}, explained)]
    if wanted.dagster_db:
        (storage,) = (meaning for key, _, meaning in keys_with_meaning(DagsterSettings) if key == "storage_url_env")
        told += ["", "[dagster]", *_comment(storage), f"storage_url_env = {_quoted(wanted.dagster_db)}"]
        told += _optional(DagsterSettings, {"storage_url_env"}, explained)
    return "\n".join(told) + "\n", to_fill_in


def _channels(system: str) -> list[str]:
    channels = [channel for channel in CHANNELS if channel in facts_of(system).channels]
    return [f"channels = [{', '.join(map(_quoted, channels))}]"]


def _optional(model: type[BaseModel], given: set[str], explained: set[str]) -> list[str]:
    """The keys that may be omitted, each with its default, as comments; what a key means is told once, above the first."""
    told = []
    for key, field, meaning in keys_with_meaning(model):
        if key in given or field.is_required():
            continue
        if (place := f"{model.__name__}.{key}") not in explained:
            explained.add(place)
            told += _comment(meaning)
        told.append(f"# {key} = {_default(field.default)}")
    return told


def _default(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(map(_quoted, map(str, value)))}]"
    if value is None:
        return "...  (not set)"
    return str(value) if isinstance(value, int | float) else _quoted(str(value))


def _quoted(text: str) -> str:
    """A basic string of TOML."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in _wrapped(text)]


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(" ".join(text.replace("``", "`").split()), 110)
