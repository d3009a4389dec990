"""What a file is: JSON or delimited, and which of a format's feeds. Nothing is loaded.

What the records say decides: a column that only one feed has (``marks``), lines of a look that only one feed's lines have
(``options.looks``). Only where they do not decide does the name. A name that fits two feeds, or that fits one whose required
columns are not there, or that holds a word which may turn its meaning round ("without", "duplicates"), decides nothing: such
a file is held until a person has said what it is.
"""

from __future__ import annotations

import fnmatch
import io
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from orchestration.readers.callers import refuse_callers
from orchestration.readers.feeds import Feed
from orchestration.readers.json_fields import Extractor
from orchestration.readers.json_stream import pieces
from orchestration.readers.layout import look_for_layout
from orchestration.readers.number_tags import first_lines, is_tagged
from orchestration.readers.outcome import UnreadableFile
from orchestration.readers.text import head_as_text

HEAD_BYTES = 1 << 20  # a header, or some hundred objects, with room for long preambles
_OBJECTS = 100  # events of one file differ in their keys; a hundred of them show which there are
_LINE_END = re.compile("\r\n|\r|\n")  # of a file; str.splitlines knows seven more
_LINES = 100
_WORD = re.compile(r"[^\W\d_]+|\d+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
# Beside the word that names a list they say that it is another one ("events_without_bounces", "duplicates_removed").
_DOUBTFUL = frozenset(
    {"without", "no", "not", "non", "except", "excluding", "excl", "exclude", "excludes", "minus"}
    | {"ohne", "sans", "sin", "senza", "zonder", "sem", "bez"}
    | {"duplicate", "duplicates", "dupe", "dupes", "dups", "dedup", "dedupe", "deduped", "deduplicated"}
)
# What browsers, mail programs and people add to any name.
_ANY_NAME = frozenset(
    {"copy", "of", "kopie", "von", "copie", "de", "copia", "final", "new", "latest", "export"}
    | {"csv", "txt", "tsv", "json", "ndjson", "jsonl", "gz", "zip"}
)


@dataclass(frozen=True)
class Recognised:
    """The feed of a file, or why nobody can say which it is."""

    feed: Feed | None
    reason: str | None = None
    detail: str | None = None
    """A sentence without personal data: it names feeds and columns, and of the file's name nothing but known words."""


def reader_of(feed: Feed, start: str) -> str:
    """The reader for a file that begins so: the feed's own, or for ``auto`` what the first letter that is no space says."""
    if feed.reader != "auto":
        return feed.reader
    return "json" if start.lstrip("\ufeff \t\r\n")[:1] in ("{", "[") else "delimited"


def words_of(name: str) -> tuple[str, ...]:
    """The words and numbers of a file's name, case-folded: what is left of it whatever a person or a browser made of it."""
    base = PurePosixPath(name).name
    return tuple(word.casefold() for word in _WORD.findall(_CAMEL.sub(" ", base)))


def recognise(name: str, head: bytes, feeds: Sequence[Feed], *, whole: bool) -> Recognised:
    """Which of ``feeds`` a file is.

    Args:
        head: its first bytes, as many as :data:`HEAD_BYTES`.
        whole: they are all of it.
    """
    try:
        refuse_callers(head)
    except UnreadableFile as refused:
        return Recognised(None, refused.reason, refused.detail)
    told = [feed for feed in feeds if _tells(head, feed, whole=whole)]
    if len(told) == 1:
        return Recognised(told[0])
    fitting = _most_telling(name, [feed for feed in told or feeds if _pattern_of(name, feed)])
    if told and len(fitting) != 1:
        return _contradiction(f"its records have columns of {_named(told)} alike")
    # The feeds that take any name are asked in their order, each for the columns it requires.
    if all(_is_any(_pattern_of(name, feed)) for feed in fitting):
        having = [feed for feed in fitting if has_required(head, feed, whole=whole)]
        return Recognised(next(iter(having or fitting), None))
    doubt = None if told else _doubt_of(name, fitting)
    if doubt is None and not has_required(head, fitting[0], whole=whole):
        lacking = fitting[0].lacks(present_in(head, fitting[0], whole=whole) or frozenset())
        doubt = f"it has no column for {', '.join(lacking)}"
    return _contradiction(f"its name fits {_named(fitting)}, but {doubt}") if doubt else Recognised(fitting[0])


def _doubt_of(name: str, fitting: Sequence[Feed]) -> str | None:
    """Why a name does not surely say that a file is the feed it fits, where nothing but the name says so."""
    unsaid = "its records do not say which list it is"
    if len(fitting) > 1:
        return unsaid
    (feed,) = fitting
    said = (_pattern_of(name, feed) or "").casefold().split("_")
    words = words_of(name)
    if doubtful := [word for word in words if word in _DOUBTFUL and word not in said]:
        return f"also says '{doubtful[0]}', and {unsaid}"
    known = {*feed.only_words, *_ANY_NAME}
    if feed.only_words and not all(word.isdigit() or len(word) == 1 or word in known for word in words):
        return f"holds words that the name of no such list holds, and {unsaid}"
    return None


def has_required(head: bytes, feed: Feed, *, whole: bool) -> bool:
    """Whether the columns that the feed requires are in the header, or among the keys of the first objects.

    A file without any record has nothing that could be lacking.

    Args:
        whole: ``head`` is all of the file, so its last line is complete.
    """
    if not (feed.requires or feed.requires_any):
        return True
    present = present_in(head, feed, whole=whole)
    return present is None or not feed.lacks(present)


def present_in(head: bytes, feed: Feed, *, whole: bool) -> frozenset[str] | None:
    """The feed's columns that the file has, as far as its first bytes show: none where it can't be read, null where there
    is no record.
    """
    try:
        text = head_as_text(head)
        if not text.strip("\ufeff \t\r\n"):
            return None
        if reader_of(feed, text) == "json":
            return _keys(text, feed)
        lines = text if whole else text[: max(text.rfind("\n"), text.rfind("\r")) + 1]
        layout = look_for_layout(lines, feed).layout
    except UnreadableFile:
        return frozenset()
    return layout.present(feed)


def _tells(head: bytes, feed: Feed, *, whole: bool) -> bool:
    """Whether the records themselves say that they are this feed's."""
    if feed.marks:
        present = present_in(head, feed, whole=whole) or frozenset()
        return not present.isdisjoint(feed.marks) and not feed.lacks(present)
    if looks := feed.options.get("looks"):
        try:
            text = head_as_text(head)
        except UnreadableFile:
            return False
        text = first_lines(text) if is_tagged(feed, text) else text
        lines = [line for line in itertools.islice(_LINE_END.split(text), _LINES) if line.strip()]
        # Most of them: a list may open with a title and hold a damaged line, but it has one layout.
        return sum(bool(re.search(looks, line)) for line in lines) * 2 > len(lines)
    return False


def _pattern_of(name: str, feed: Feed) -> str | None:
    """The feed's first pattern that the name, or the row of its words, fits; the one that says most."""
    base = PurePosixPath(name).name.casefold()
    words = f"_{'_'.join(words_of(name))}_"
    fitting = [glob for glob in feed.files if any(fnmatch.fnmatchcase(text, glob.casefold()) for text in (base, words))]
    return max(fitting, key=lambda glob: len(glob.strip("*_")), default=None)


def _is_any(pattern: str | None) -> bool:
    """Whether a pattern says nothing about which list a file is: at most what its ending is."""
    return pattern is not None and (pattern == "*" or pattern.startswith("*."))


def _most_telling(name: str, fitting: Sequence[Feed]) -> list[Feed]:
    """The feeds whose pattern says more than that of another one: 'group_unsubscribes' is more than 'unsubscribes'."""
    words = {feed: frozenset(re.split(r"[_*]+", (_pattern_of(name, feed) or "").strip("*_").casefold())) for feed in fitting}
    named = [feed for feed in fitting if not _is_any(_pattern_of(name, feed))]
    return [feed for feed in named if not any(words[feed] < words[other] for other in named)] or list(fitting)


def _named(feeds: Sequence[Feed]) -> str:
    return " and ".join(f"{feed.vendor}/{feed.feed}" for feed in feeds)


def _contradiction(why: str) -> Recognised:
    detail = f"Nobody can say which list it is: {why}. Rename it after the list it holds and deliver it again."
    return Recognised(None, "name_contradicts_content", detail)


def _keys(text: str, feed: Feed) -> frozenset[str] | None:
    extractor = Extractor(feed)
    found = (item for piece in pieces(io.StringIO(text)) for item in extractor.records(piece))
    records = list(itertools.islice(found, _OBJECTS))
    if not records:
        return None
    # A bare address is read as the feed's first column, but no key says that it is that.
    names = (
        extractor.present(item.record) - (set() if item.text.lstrip()[:1] == "{" else set(feed.marks))
        for item in records
        if item.record is not None
    )
    return frozenset().union(*names)
