"""What feeds exist, read from the YAML beside the staging models. Only their description; reading them is elsewhere.

A *feed* is one layout of one vendor (``mailchimp`` / ``unsubscribed``). It is described once, as a dbt source table in
``dbt_project/models/staging/<vendor>/_<vendor>.yml``; the raw table, the load asset and the union of the staging models
are all made from that description, so that a new vendor needs no Python.
"""

from __future__ import annotations

import dataclasses
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
READERS = ("delimited", "json", "lines", "mail", "auto")
_COLUMN_KEYS = {"labels", "several"}
_TEXT_OPTIONS = {"encoding", "delimiter", "quote"}
SEVERAL = ("first", "join", "one")
# The vendor-neutral formats share one staging folder; a source's ``format`` names the feed, not the folder.
CANONICAL = "canonical"
# The same in C, where the library has it: ten times as fast, and every process reads every description.
_YAML = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_META_KEYS = {
    "vendor", "feed", "kinds", "reader", "files", "only_words", "marks", "requires", "requires_any", "snapshot", "ignored",
    "options", "verified", "from_memory", "pull",
}  # fmt: skip
_LISTS = ("kinds", "files", "only_words", "marks", "requires", "requires_any", "ignored", "verified", "from_memory")
_OPTIONS = {
    "records_path",  # where the records of a page of JSON are: a dotted path, * for each value of a list or object
    "delimiter", "quote", "encoding",  # how the vendor writes delimited text, where it can't be told from the file
    "header", "min_fields",  # header: false, the columns are told by their places; the fewest that a record may have
    "looks",  # a pattern that most lines of only this feed fit
    "tagged",  # lines that may come as tags: number_tags.py
    "plain", "calling_code",  # how most lines look: number_lines.py
}  # fmt: skip


@dataclass(frozen=True)
class Column:
    """A raw column and the labels it may have in a header or a JSON object, compared by ``layout.normalised``."""

    name: str
    labels: tuple[str, ...]
    several: str = "first"
    """What becomes of several values under its labels: ``join`` all of them with ``;``, ``first`` by the order of the labels,
    or ``one``, a record with two different ones is refused. Values under one and the same label are always ``one`` or joined.
    """
    description: str = field(default="", compare=False)


@dataclass(frozen=True)
class Feed:
    """One layout of one vendor."""

    vendor: str
    feed: str
    kinds: tuple[str, ...]
    """What its records can be. The first has the model without a kind in its name; of a feed that can be requests these are the
    record's outcome in the conservation account.
    """
    reader: str
    files: tuple[str, ...]
    """Glob patterns on the file's name and on its words (``_copy_of_list_2_csv_``), which decide where the records do not."""
    requires: tuple[str, ...]
    """Raw columns without which a file is not read as this feed."""
    snapshot: bool
    """True when every delivery repeats the whole state."""
    columns: tuple[Column, ...]
    options: dict[str, Any] = field(default_factory=dict, hash=False)
    requires_any: tuple[tuple[str, ...], ...] = ()
    """Groups of raw columns, at least one of which must be there as a whole: whom a record is about."""
    marks: tuple[str, ...] = ()
    """Raw columns that no other feed of the vendor has: a file that has one is this feed, whatever it is called."""
    only_words: tuple[str, ...] = ()
    """The words that a name may have for it to mean this feed. Empty: any."""
    ignored: tuple[str, ...] = ()
    """Labels that nothing needs to read, however much their values look like somebody's address or number."""
    description: str = field(default="", compare=False)
    """What its records mean, what was verified, and its traps: paragraphs with empty lines between them."""
    verified: tuple[str, ...] = ()
    """What of this page was seen in the vendor's own page, code or files, and where."""
    from_memory: tuple[str, ...] = ()
    """What of it was not: to be held against a real file before anybody relies on it."""
    pull: dict[str, Any] | None = field(default=None, compare=False)
    """Where the vendor's interface has it, as ``connectors/blocks`` reads it; none where it comes as files only."""

    @property
    def table(self) -> str:
        """Name of the raw table, without its schema ``raw``."""
        return f"{self.vendor}__{self.feed}"

    @property
    def format(self) -> str:
        """The ``format`` of the sources that deliver this feed."""
        return self.feed if self.vendor == CANONICAL else self.vendor

    def in_a_sheet(self) -> Feed:
        """The same layout where it is a sheet of a workbook: how the vendor's own text files are written does not hold there."""
        options = {key: value for key, value in self.options.items() if key not in _TEXT_OPTIONS}
        return dataclasses.replace(
            self, reader="delimited" if self.reader == "auto" else self.reader, options=options | {"delimiter": ","}
        )

    def lacks(self, present: frozenset[str]) -> tuple[str, ...]:
        """What a file with only these columns lacks of what is required, in words; nothing when it is all there."""
        groups = [" with ".join(group) for group in self.requires_any]
        has_any = not groups or any(present.issuperset(group) for group in self.requires_any)
        missing = tuple(name for name in self.requires if name not in present)
        return missing if has_any else (*missing, f"one of {', '.join(groups)}" if len(groups) > 1 else groups[0])

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
    described = {path.parent for path in staging.glob("*/_*.yml")}
    problems = [
        f"{folder.name}: no file describes its feeds (expected _{folder.name}.yml)"
        for folder in sorted({path.parent for path in staging.glob("[!.]*/*")} - described)
    ]
    for path in sorted(staging.glob("*/_*.yml")):
        try:
            document = yaml.load(path.read_text(encoding="utf-8"), _YAML) or {}  # noqa: S506  (both loaders are safe ones)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            problems.append(f"{path.parent.name}/{path.name}{f', line {mark.line + 1}' if mark else ''}: is not YAML")
            continue
        for source in document.get("sources", []):
            for table in source.get("tables", []):
                meta = (table.get("config") or {}).get("meta") or {}
                if not meta and source.get("name") != "raw":
                    continue
                place = f"{path.parent.name}/{path.name}: {table.get('name')}"
                found = _problems(table, meta, path.parent.name)
                if source.get("name") != "raw":
                    found.append(f"it is a table of the source '{source.get('name')}' (expected raw)")
                problems += [f"{place}: {text}" for text in found]
                if not found:
                    feeds.append(_feed(table, meta))
    if problems:
        raise ConfigError("Reading the feeds' descriptions", problems, next_step="see CONTRIBUTING.md, 'Add a vendor'")
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


def _problems(table: dict[str, Any], meta: dict[str, Any], folder: str) -> list[str]:
    if not meta:
        return ["config.meta, which describes the feed, is missing"]
    if misshapen := _misshapen(table, meta):
        return misshapen
    problems = [f"unknown meta key '{key}' (allowed: {', '.join(sorted(_META_KEYS))})" for key in meta.keys() - _META_KEYS]
    problems += [f"meta.{key} is required" for key in ("vendor", "feed", "kinds", "reader", "files") if key not in meta]
    if meta.get("reader") not in READERS:
        problems.append(f"meta.reader '{meta.get('reader')}' is not one of {', '.join(READERS)}")
    problems += [f"kind '{kind}' is not one of {', '.join(KINDS)}" for kind in meta.get("kinds", []) if kind not in KINDS]
    if {"vendor", "feed"} <= meta.keys() and table.get("name") != f"{meta['vendor']}__{meta['feed']}":
        problems.append(f"the table must be named {meta.get('vendor')}__{meta.get('feed')}")
    if meta.get("vendor", folder) != folder:
        problems.append(f"meta.vendor '{meta['vendor']}' is not the name of its folder")
    problems += [
        f"unknown key '{key}' of meta.options (allowed: {', '.join(sorted(_OPTIONS))})"
        for key in (meta.get("options") or {}).keys() - _OPTIONS
    ]
    names = [column["name"] for column in table.get("columns") or []]
    problems += [f"meta.requires names '{name}', which is no column" for name in meta.get("requires", []) if name not in names]
    if not names:
        problems.append("columns are required")
    for column in table.get("columns") or []:
        given = (column.get("config") or {}).get("meta") or {}
        problems += [
            f"unknown meta key '{key}' of {column['name']} (allowed: labels, several)" for key in given.keys() - _COLUMN_KEYS
        ]
        several = given.get("several", "first")
        if several not in SEVERAL:
            problems.append(f"meta.several '{several}' of {column['name']} is not one of {', '.join(SEVERAL)}")
    groups = [meta.get("marks", []), *meta.get("requires_any", [])]
    problems += [f"'{name}' is no column of it" for group in groups for name in group if name not in names]
    return problems + _plain_problems(meta)


def _misshapen(table: dict[str, Any], meta: dict[str, Any]) -> list[str]:
    """What is no list, no mapping or no name where one is expected; the letters of a word must not be taken for a list."""
    problems = [f"meta.{key} is not a list" for key in _LISTS if not isinstance(meta.get(key, []), list)]
    if not problems and not all(isinstance(group, list) for group in meta.get("requires_any", [])):
        problems.append("meta.requires_any is not a list of lists")
    if not isinstance(meta.get("snapshot", False), bool):
        problems.append(f"meta.snapshot '{meta['snapshot']}' is neither true nor false")
    if not isinstance(meta.get("options") or {}, dict):
        problems.append("meta.options is not a mapping")
    for number, column in enumerate(table.get("columns") or [], 1):
        if not isinstance(column, dict) or "name" not in column:
            problems.append(f"column {number} has no name")
        elif not isinstance(((column.get("config") or {}).get("meta") or {}).get("labels", []), list):
            problems.append(f"the labels of {column['name']} are not a list")
    return problems


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
        Column(
            column["name"],
            tuple(meta_of.get("labels", [column["name"]])),
            meta_of.get("several", "first"),
            str(column.get("description") or "").strip(),
        )
        for column in table["columns"]
        if not column["name"].startswith("_")
        for meta_of in [(column.get("config") or {}).get("meta") or {}]
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
        requires_any=tuple(tuple(group) for group in meta.get("requires_any", ())),
        marks=tuple(meta.get("marks", ())),
        only_words=tuple(meta.get("only_words", ())),
        ignored=tuple(meta.get("ignored", ())),
        description=str(table.get("description") or "").strip(),
        verified=tuple(meta.get("verified", ())),
        from_memory=tuple(meta.get("from_memory", ())),
        pull=meta.get("pull"),
    )
