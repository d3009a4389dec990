"""``quietlist formats``: what can be read, from the descriptions beside the staging models. Nothing here is written twice."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from orchestration.connectors.blocks import pulled_feeds
from orchestration.core.config import OWN_FORMAT
from orchestration.core.errors import ConfigError
from orchestration.core.wording import listed
from orchestration.readers.feeds import Feed, all_feeds

_KINDS = {
    "requests": "requests to be left alone, or to be contacted again",
    "contacts": "contact points and whose they are",
    "contacts_made": "contacts that were made",
    "registry": "listings of a registry",
}
_READERS = {
    "delimited": "delimited text (comma, semicolon, tab or bar; any usual encoding; packed or not) or the sheets of a workbook "
    "(`.xlsx`, `.xls`)",
    "json": "JSON (an array, a page with its records inside, one object per line or one after the other)",
    "lines": "plain lines, or the rows of a workbook's sheets (`.xlsx`, `.xls`)",
    "auto": "delimited text, the sheets of a workbook (`.xlsx`, `.xls`) or JSON",
}


@dataclass(frozen=True)
class Format:
    """What a source with ``format = name`` may deliver."""

    name: str
    feeds: Sequence[Feed]

    @property
    def kinds(self) -> list[str]:
        """What its records can be, each kind once."""
        return list(dict.fromkeys(kind for feed in self.feeds for kind in feed.kinds))

    def as_dict(self) -> dict[str, Any]:
        """For a program."""
        return {
            "format": self.name,
            "kinds": self.kinds,
            "feeds": [
                {
                    "feed": feed.feed,
                    "kinds": list(feed.kinds),
                    "reader": feed.reader,
                    "files": list(feed.files),
                    "snapshot": feed.snapshot,
                    "requires": [*feed.requires, *(" with ".join(group) for group in feed.requires_any)],
                    "columns": [
                        {
                            "column": column.name,
                            "labels": list(column.labels),
                            "several": column.several,
                            "description": column.description,
                        }
                        for column in feed.columns
                    ],
                    "description": feed.description,
                    "verified": list(feed.verified),
                    "from_memory": list(feed.from_memory),
                }
                for feed in self.feeds
            ],
        }


def all_formats() -> list[Format]:
    """Every format that a source may have, by name; not those that Quietlist itself fills."""
    feeds = sorted((feed for feed in all_feeds() if feed.format != OWN_FORMAT), key=lambda feed: feed.format)
    return [Format(name, list(mine)) for name, mine in groupby(feeds, key=lambda feed: feed.format)]


def format_named(name: str) -> Format:
    """The format of that name.

    Raises:
        ConfigError: there is none.
    """
    known = {found.name: found for found in all_formats()}
    if name not in known:
        close = difflib.get_close_matches(name, known, n=2)
        raise ConfigError(
            "Looking for a format",
            seen="no format of that name",
            allowed=listed(sorted(known)),
            next_step=f"did you mean {' or '.join(close)}" if close else "choose one; requests takes a table of your own",
        )
    return known[name]


def table_of_formats() -> list[str]:
    """One line for each format, for a terminal."""
    formats = all_formats()
    width = max(len(found.name) for found in formats)
    told = [
        f"{found.name:<{width}}  {listed([kind.replace('_', ' ') for kind in found.kinds])}: "
        f"{listed([feed.feed for feed in found.feeds])}"
        for found in formats
    ]
    return [
        *told,
        "",
        "Next step: quietlist formats NAME says what is read from it; quietlist try FILE --source NAME tries a file.",
    ]


def page_of(found: Format) -> str:
    """The format as a page of Markdown: what the docs hold, and what ``quietlist formats NAME`` prints."""
    return "\n".join([f"# {found.name}", "", *(line for feed in found.feeds for line in _section(feed))]).rstrip() + "\n"


def _section(feed: Feed) -> list[str]:
    whole = (
        "Each delivery is the whole state: who is no longer in it was not released by that."
        if feed.snapshot
        else "Each delivery adds to the ones before."
    )
    facts = [
        f"- Holds {listed([_KINDS[kind] for kind in feed.kinds])}.",
        f"- Read as {_READERS.get(feed.reader, feed.reader)}.",
        f"- Known by its columns; where they leave it open, by names like {', '.join(f'`{name}`' for name in feed.files)}.",
        f"- {whole}",
    ]
    needed = [f"`{name}`" for name in feed.requires]
    groups = [" with ".join(f"`{name}`" for name in group) for group in feed.requires_any]
    if needed:
        facts.append(f"- Needs {listed(needed)}.")
    if groups:
        facts.append(f"- Needs {'one of ' if len(groups) > 1 else ''}{', '.join(groups)}.")
    told = [
        f"## {feed.feed}",
        "",
        *feed.description.splitlines(),
        "",
        *facts,
        "",
        "| column | labels it is read from | |",
        "|---|---|---|",
    ]
    for column in feed.columns:
        several = {"join": "all values are kept", "one": "two different values are refused"}.get(column.several, "")
        notes = " ".join(filter(None, (" ".join(column.description.split()), several)))
        told.append(f"| `{column.name}` | {', '.join(f'`{label}`' for label in column.labels)} | {notes} |")
    told += _facts_by("Verified", feed.verified) + _facts_by(
        "From memory, to be held against a real file first", feed.from_memory
    )
    told += _pull(feed)
    if feed.ignored:
        told += ["", f"Not read, on purpose: {', '.join(f'`{label}`' for label in feed.ignored)}."]
    return [*told, ""]


def _pull(feed: Feed) -> list[str]:
    """How the feed is pulled, with a section that is complete: a test reads it as a configuration."""
    block = next((block for one, block in pulled_feeds(feed.format) if one == feed), None)
    if block is None:
        return []
    asked = (
        f"what is new, by `{block.since.parameter}`, from {block.since.overlap_hours:g} hours before the last whole pull began"
        if block.since
        else "the whole list each time"
    )
    pace = f" At most {block.calls_per_second:g} calls in a second." if block.calls_per_second else ""
    needs = [f'{name} = "{meaning.rpartition("such as ")[2]}"  # {meaning}' for name, meaning in block.needs.items()]
    key = f'api_key_env = "{feed.vendor.upper()}_API_KEY"  # {block.permission}'
    return [
        "",
        f"Can be pulled (docs/pulling.md): `{'GET' if block.body is None else 'POST'} {block.path}`, {asked}.{pace}",
        "",
        "```toml",
        f"[sources.{feed.vendor}_main]",
        f'format = "{feed.format}"',
        f"[sources.{feed.vendor}_main.pull]",
        key,
        *needs,
        f'feeds = ["{feed.feed}"]',
        "```",
        *_facts_by("Verified of the pull", block.verified),
        *_facts_by("From memory of the pull: watch the first one", block.from_memory),
    ]


def _facts_by(title: str, facts: Sequence[str]) -> list[str]:
    return ["", f"{title}:", "", *(f"- {' '.join(fact.split())}" for fact in facts)] if facts else []
