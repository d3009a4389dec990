"""What feeds exist, read from the YAML beside the staging models. Only their description; reading them is elsewhere.

A *feed* is one layout of one vendor (``mailchimp`` / ``unsubscribed``). It is described once, as a dbt source table in
``dbt_project/models/staging/<vendor>/_<vendor>.yml``; the raw table, the load asset and the union of the staging models
are all made from that description, so that a new vendor needs no Python.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from orchestration.core.errors import ConfigError
from orchestration.core.home import CHECKOUT

STAGING = CHECKOUT / "dbt_project" / "models" / "staging"
KINDS = ("requests", "contacts", "contacts_made", "registry")
READERS = ("delimited", "json", "lines", "auto")
# The vendor-neutral formats share one staging folder; a source's ``format`` names the feed, not the folder.
CANONICAL = "canonical"
_META_KEYS = {"vendor", "feed", "kinds", "reader", "files", "requires", "snapshot", "options"}


@dataclass(frozen=True)
class Column:
    """A raw column and the labels it may have in a header or a JSON object, compared case-folded and trimmed."""

    name: str
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Feed:
    """One layout of one vendor."""

    vendor: str
    feed: str
    kinds: tuple[str, ...]
    """What its records can be; the first decides the record's outcome in the conservation account."""
    reader: str
    files: tuple[str, ...]
    """Glob patterns on the file's name, compared case-folded; the first feed of the vendor that matches takes it."""
    requires: tuple[str, ...]
    """Raw columns that must be present in the header for the file to be this feed. Empty: the name decides."""
    snapshot: bool
    """True when every delivery repeats the whole state (DESIGN 4.1)."""
    columns: tuple[Column, ...]
    options: dict[str, Any] = field(default_factory=dict, hash=False)

    @property
    def table(self) -> str:
        """Name of the raw table, without its schema ``raw``."""
        return f"{self.vendor}__{self.feed}"

    @property
    def format(self) -> str:
        """The ``format`` of the sources that deliver this feed."""
        return self.feed if self.vendor == CANONICAL else self.vendor

    def model(self, kind: str) -> str:
        """The staging model that reads this feed as ``kind``."""
        stem = f"stg_{self.vendor}__{self.feed}"
        return stem if kind == self.kinds[0] else f"{stem}__{kind}"


@functools.cache
def all_feeds(staging: Path = STAGING) -> tuple[Feed, ...]:
    """Every feed, in the order of folder and file.

    Raises:
        ConfigError: with every malformed description at once.
    """
    feeds: list[Feed] = []
    problems: list[str] = []
    for path in sorted(staging.glob("*/_*.yml")):
        document = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        for source in document.get("sources", []):
            for table in source.get("tables", []):
                meta = (table.get("config") or {}).get("meta") or {}
                if not meta:
                    continue
                place = f"{path.parent.name}/{path.name}: {table.get('name')}"
                found = _problems(table, meta)
                problems += [f"{place}: {text}" for text in found]
                if not found:
                    feeds.append(_feed(table, meta))
    if problems:
        raise ConfigError("Reading the feeds' descriptions", problems, next_step="see CONTRIBUTING.md, 'Add a source'")
    return tuple(feeds)


def feeds_of_format(name: str) -> tuple[Feed, ...]:
    """The feeds that a source with ``format = name`` may deliver."""
    return tuple(feed for feed in all_feeds() if feed.format == name)


def models_of_kind(kind: str) -> list[str]:
    """The staging models that yield ``kind``, sorted: what the union of that kind is made of."""
    return sorted(feed.model(kind) for feed in all_feeds() if kind in feed.kinds)


def text_models(staging: Path = STAGING) -> list[str]:
    """The staging models that yield what people wrote, sorted: ``stg_<vendor>__<feed>__texts`` of every feed that has one."""
    return sorted(path.stem for path in staging.glob("*/stg_*__texts.sql"))


def _problems(table: dict[str, Any], meta: dict[str, Any]) -> list[str]:
    problems = [f"unknown meta key '{key}' (allowed: {', '.join(sorted(_META_KEYS))})" for key in meta.keys() - _META_KEYS]
    problems += [f"meta.{key} is required" for key in ("vendor", "feed", "kinds", "reader", "files") if key not in meta]
    if meta.get("reader") not in READERS:
        problems.append(f"meta.reader '{meta.get('reader')}' is not one of {', '.join(READERS)}")
    problems += [f"kind '{kind}' is not one of {', '.join(KINDS)}" for kind in meta.get("kinds", []) if kind not in KINDS]
    if table.get("name") != f"{meta.get('vendor')}__{meta.get('feed')}":
        problems.append(f"the table must be named {meta.get('vendor')}__{meta.get('feed')}")
    names = [column["name"] for column in table.get("columns", [])]
    problems += [f"meta.requires names '{name}', which is no column" for name in meta.get("requires", []) if name not in names]
    if not names:
        problems.append("columns are required")
    return problems + _plain_problems(meta)


def _plain_problems(meta: dict[str, Any]) -> list[str]:
    """What is wrong with the pictures of plain lines; see ``readers/number_lines``."""
    options = meta.get("options") or {}
    code, pictures = str(options.get("calling_code", "")), options.get("plain", [])
    problems = []
    if pictures and (meta.get("kinds"), meta.get("reader")) != (["registry"], "lines"):
        problems.append("meta.options.plain is only for registries that are read as lines")
    if pictures and not re.fullmatch("[1-9][0-9]{0,2}", code):
        problems.append("meta.options.plain needs meta.options.calling_code, such as '1'")
    for picture in pictures:
        digits = re.sub("[^NXZ]", "", picture)
        # E.164 has fifteen digits at most, the calling code among them.
        if not re.fullmatch("[NXZ]X+", digits) or len(digits) + len(code) > 15:
            problems.append(f"meta.options.plain: '{picture}' is no picture of a number (digits X, the first also N or Z)")
    return problems


def _feed(table: dict[str, Any], meta: dict[str, Any]) -> Feed:
    columns = tuple(
        Column(column["name"], tuple(((column.get("config") or {}).get("meta") or {}).get("labels", [column["name"]])))
        for column in table["columns"]
        if not column["name"].startswith("_")
    )
    return Feed(
        vendor=meta["vendor"],
        feed=meta["feed"],
        kinds=tuple(meta["kinds"]),
        reader=meta["reader"],
        files=tuple(meta["files"]),
        requires=tuple(meta.get("requires", ())),
        snapshot=bool(meta.get("snapshot", False)),
        columns=columns,
        options=dict(meta.get("options", {})),
    )
