"""What the columns of a delimited file are: delimiter, header, which column is which. Records are read elsewhere."""

from __future__ import annotations

import difflib
import io
import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from orchestration.readers.feeds import Column, Feed
from orchestration.readers.outcome import USUAL_BOUNDS, Bounds, UnreadableFile
from orchestration.readers.split import Dialect, Splitter

_DELIMITERS = (",", ";", "\t", "|")
_LOOK_FOR_HEADER = 100  # records; the longest preamble seen in an export is some twenty lines
_EMAIL = re.compile(r"\S+@\S+")
# 7 digits are the shortest number that reaches somebody, 15 the longest in the world; dates are not numbers.
_PHONE = re.compile(r"[+(]?[0-9][0-9 ().+/-]*")
_PHONE_DIGITS = range(7, 16)
_DATE = re.compile(r"(?:\d{4}([-/.])\d\d?\1\d\d?|\d\d?([-/.])\d\d?\2\d{4})(?:\D.*)?")
_COUNTED = r"(?:rows?|records?|contacts?|numbers?|entries|results?|subscribers?)"
_TOTAL = re.compile(
    rf"(?:(?:grand|sub|overall)[ -]?)?(?:total|sum|count)s?(?: (?:of )?{_COUNTED})?\s*[:=#]?\s*[\d.,]*"
    rf"|{_COUNTED}\s*[:=]\s*[\d.,]+"
    rf"|\(?[\d.,]+ {_COUNTED}(?: (?:affected|returned|exported|selected))?\)?\.?"
    r"|\W*(?:end of (?:file|report|list|export|data)|eof)\W*"
    r"|\W+",
    re.IGNORECASE,
)
# In no label, but in what names a person: an address or number with words about it, a digest.
_NO_LABEL = re.compile(r"\S@\S|\d(?:[ ().+/-]{0,2}\d){6}|^\s*(?:[0-9A-Fa-f]{64}|[A-Za-z0-9+/_-]{43}=?)\s*$")
_MOST_DIGITS = re.compile(r"(?:\d\D*){5}")
_HAS_LETTER = re.compile(r"[^\W\d_]")


# What people and programs write labels apart with: 'E-mail', 'e_mail' and 'Email *' are one label.
_SEPARATORS = re.compile(r"[\s_\u2010-\u2015:*#-]+")
_NUMBER = re.compile(r"[0-9]+")
_MOST_NAMED = 30  # labels in one sentence


@lru_cache(maxsize=10_000)  # a feed's labels are compared with each cell of a file's first records
def normalised(label: str) -> str:
    """How labels are compared: case-folded, without byte order mark, white space, hyphens and what marks a field as required."""
    return _SEPARATORS.sub("", label.replace("\ufeff", "")).casefold()


def is_label_of(label: str, column: Column, declared: str) -> bool:
    """Whether ``label`` is the column's ``declared`` one; of columns whose values are joined also when it is numbered."""
    given, wanted = normalised(label), normalised(declared)
    return given == wanted or (column.several == "join" and _NUMBER.sub("", given) == wanted != "")


def shown(label: str) -> str:
    """A label as it may stand in a message: one that names somebody is none, but the first record of a file without header."""
    label = "".join(letter if letter.isprintable() else " " for letter in label.replace("\ufeff", "")).strip()
    return "(hidden)" if _NO_LABEL.search(label) or _MOST_DIGITS.search(label) else f"'{label[:40]}'"


def nearest_column(feed: Feed, label: str) -> str | None:
    """The declared column whose labels are most like ``label``."""
    labels = {normalised(known): column.name for column in feed.columns for known in column.labels}
    near = difflib.get_close_matches(normalised(label), list(labels), 1, cutoff=0.5)
    return labels[near[0]] if near else None


def described(feed: Feed, lacking: Sequence[str], labels: Sequence[str]) -> str:
    """What a file lacks, what it has instead, and which of its labels may be meant: never a value."""
    filled = [label for label in labels if normalised(label)]
    seen = ", ".join(map(shown, filled[:_MOST_NAMED])) + (", ..." if len(filled) > _MOST_NAMED else "")
    text = f"It lacks what {feed.vendor}/{feed.feed} requires: {', '.join(lacking)}. Its labels: {seen or 'none'}."
    near = []
    for column in feed.columns:
        if any(column.name in item.replace(",", " ").split() for item in lacking):
            close = difflib.get_close_matches(normalised(column.name), [normalised(label) for label in filled], 1)
            near += [f"{shown(label)} is nearest to {column.name}" for label in filled if normalised(label) in close][:1]
    return text + (f" {'; '.join(near)}." if near else "")


@dataclass(frozen=True)
class Layout:
    """Where each declared column stands in a record, and what the other columns are called."""

    labels: tuple[str, ...]
    """The header as delivered; empty texts where the file has no header."""
    picks: tuple[tuple[int, ...], ...]
    """Per declared column its places in the record, in the order of its labels; none where the file has none."""
    extras: tuple[tuple[int, str], ...]
    """Places nobody declared, with the key they get in ``_extra``."""
    least: int
    """Fewest fields of a whole record: columns at the end of the header without a name may be missing."""
    known: frozenset[str]
    """Cells that only a header holds, in their usual spellings: a cheap first test for a repeated header."""

    @cached_property
    def compared(self) -> frozenset[str]:
        """``known`` as labels are compared. A value such as ``email`` is a label too, so some files ask this of every record."""
        return frozenset(map(normalised, self.known))

    @property
    def width(self) -> int:
        """Fields of a whole record."""
        return len(self.labels)

    @property
    def found(self) -> int:
        """How many declared columns the file has."""
        return sum(bool(places) for places in self.picks)

    def present(self, feed: Feed) -> frozenset[str]:
        """The declared columns that are there."""
        return frozenset(column.name for column, places in zip(feed.columns, self.picks, strict=True) if places)


@dataclass(frozen=True)
class Found:
    """How to read a file."""

    dialect: Dialect
    header: int
    """Number of the header's record, 0 when the file has none."""
    layout: Layout


def layout_of(cells: Sequence[str], feed: Feed) -> Layout:
    """The layout that a header states.

    Every place counts whose label a column declares. Where several columns declare one label, each takes one place of it, in
    their order, and the last one all that are left.
    """
    claims = Counter(label for column in feed.columns for label in {normalised(label) for label in column.labels})
    free = [place for place, cell in enumerate(cells) if normalised(cell)]
    picks = []
    for column in feed.columns:
        mine: list[int] = []
        for label in column.labels:
            found = [place for place in free if place not in mine and is_label_of(cells[place], column, label)]
            claims[normalised(label)] -= 1
            mine += found[:1] if claims[normalised(label)] > 0 else found
        free = [place for place in free if place not in mine]
        picks.append(tuple(mine))
    taken = {place for places in picks for place in places}
    extras: list[tuple[int, str]] = []
    used = Counter(normalised(cells[place]) for place in taken)
    for place, cell in enumerate(cells):
        if place in taken:
            continue
        key = cell.replace("\ufeff", "").strip()
        if not key:
            extras.append((place, f"column_{place + 1}"))
            continue
        used[normalised(cell)] += 1
        extras.append((place, key if used[normalised(cell)] == 1 else f"{key}#{used[normalised(cell)]}"))
    named = max((place + 1 for place, cell in enumerate(cells) if normalised(cell)), default=0)
    # Unnamed columns at the end are kept only while a record has something in them.
    return Layout(tuple(cells), tuple(picks), tuple(extras), max(named, 1), _spellings(cells, feed))


def layout_of_positions(width: int, feed: Feed) -> Layout:
    """The layout of a file without header: the declared columns in their order, further ones unnamed."""
    declared = len(feed.columns)
    full = max(width, declared)
    least = int(feed.options.get("min_fields", min(width, declared)))
    extras = tuple((place, f"column_{place + 1}") for place in range(declared, full))
    return Layout(("",) * full, tuple((place,) for place in range(declared)), extras, least, _spellings((), feed))


def find_layout(sample: str, feed: Feed, bounds: Bounds = USUAL_BOUNDS) -> Found:
    """:func:`look_for_layout`, where what is required is there.

    Raises:
        UnreadableFile: it is not, or there is no header at all, or there are too many columns.
    """
    found = look_for_layout(sample, feed, bounds)
    if found.header and (lacking := feed.lacks(found.layout.present(feed))):
        raise UnreadableFile(described(feed, lacking, found.layout.labels), "missing_columns")
    return found


def look_for_layout(sample: str, feed: Feed, bounds: Bounds = USUAL_BOUNDS) -> Found:
    """Delimiter, header and columns of a file, from its first lines.

    The header is the record that names the most declared columns under any delimiter, the first of equals, so that
    lines before it and unknown columns do not matter.

    Raises:
        UnreadableFile: no record names a declared column, or there are too many.
    """
    quote = str(feed.options.get("quote", '"'))
    forced = feed.options.get("delimiter")
    dialects = [Dialect(delimiter, quote) for delimiter in ((forced,) if forced else _DELIMITERS)]
    if feed.reader == "lines":
        return Found(Dialect("", ""), 0, layout_of_positions(1, feed))
    if feed.options.get("header") is False:
        return _by_width(sample, feed, dialects, bounds)
    best: tuple[tuple[bool, int, int], Found] | None = None
    widest = 0
    for dialect in dialects:
        for number, cells in _first_records(sample, dialect, bounds):
            widest = max(widest, len(cells))
            if len(cells) > bounds.columns:
                continue
            layout = layout_of(cells, feed)
            score = (not feed.lacks(layout.present(feed)), layout.found, -number)
            if layout.found and (best is None or score > best[0]):
                best = score, Found(dialect, number, layout)
    if best is None and widest > bounds.columns:
        raise _too_wide(widest, bounds)
    if best is None:
        raise UnreadableFile(
            f"None of its first {_LOOK_FOR_HEADER} records is a header: none names a column of {feed.vendor}/{feed.feed}.",
            "no_known_columns",
        )
    return best[1]


def find_labels(sample: str, bounds: Bounds) -> Found:
    """How to read a file of columns that nobody described: they are declared as ``c0``, ``c1`` ... by their places.

    The delimiter is the one that cuts the most records alike into more than one field. The first such record is the header,
    unless a cell of it could be somebody's address or number: then there is none.

    Raises:
        UnreadableFile: no record in it, or more columns than ``bounds`` allow.
    """
    best: tuple[tuple[bool, int, int], Dialect, int] | None = None
    for delimiter in _DELIMITERS:
        dialect = Dialect(delimiter, '"')
        widths = Counter(len(cells) for _, cells in _first_records(sample, dialect, bounds))
        for width, records in widths.items():
            score = width > 1, records, width
            if best is None or score > best[0]:
                best = score, dialect, width
    if best is None:
        raise UnreadableFile("It holds no record.", "no_records")
    _, dialect, width = best
    if width > bounds.columns:
        raise _too_wide(width, bounds)
    number, cells = next((number, cells) for number, cells in _first_records(sample, dialect, bounds) if len(cells) == width)
    if any(is_contact_point(cell) or _NO_LABEL.search(cell) for cell in cells):
        number, cells = 0, [""] * width
    labels = [cell.replace("\ufeff", "") for cell in cells]
    named = max((place + 1 for place, cell in enumerate(labels) if normalised(cell)), default=width)
    spellings = frozenset(form for label in labels if normalised(label) for form in _forms(label))
    return Found(dialect, number, Layout(tuple(labels), tuple((place,) for place in range(width)), (), named, spellings))


def _too_wide(columns: int, bounds: Bounds) -> UnreadableFile:
    return UnreadableFile(f"It has {columns:,} columns, more than {bounds.columns:,} (limits.max_columns).", "too_many_columns")


def _by_width(sample: str, feed: Feed, dialects: list[Dialect], bounds: Bounds) -> Found:
    """Without a header the delimiter is the one that yields as many fields as the feed has columns.

    For a feed of one column any delimiter does that which is not in the file, so there one counts that cuts every record.
    """
    declared = len(feed.columns)
    ranked = []
    for dialect in dialects:
        widths = Counter(len(cells) for _, cells in _first_records(sample, dialect, bounds))
        if widths:
            width, records = max(widths.items(), key=lambda item: (item[0] == declared, item[1]))
            fits = width == declared > 1, width > 1 and len(widths) == 1, records
            ranked.append((fits, width, dialect))
    if not ranked:
        return Found(dialects[0], 0, layout_of_positions(declared, feed))
    _, width, dialect = max(ranked, key=lambda item: item[0])
    if width > bounds.columns:
        raise _too_wide(width, bounds)
    return Found(dialect, 0, layout_of_positions(width, feed))


def _first_records(sample: str, dialect: Dialect, bounds: Bounds) -> Iterator[tuple[int, list[str]]]:
    splitter = Splitter(io.StringIO(sample, newline=""), dialect, bounds=bounds)
    for number, record in enumerate(itertools.islice(splitter, _LOOK_FOR_HEADER), start=1):
        if record.fields is not None and any(record.fields):
            yield number, record.fields


def _spellings(cells: Sequence[str], feed: Feed) -> frozenset[str]:
    labels = {cell for cell in cells if normalised(cell)}
    labels |= {label for column in feed.columns for label in column.labels}
    return frozenset(form for label in labels for form in _forms(label))


def _forms(label: str) -> tuple[str, ...]:
    return label, label.strip(), label.lower(), label.upper(), label.title()


def is_header(fields: Sequence[str], layout: Layout) -> bool:
    """Whether a record within the file is a header again, perhaps of another layout: files get joined by hand."""
    filled = [cell for cell in fields if cell.strip()]
    hits = sum(normalised(cell) in layout.compared for cell in filled)
    # Two labels in one record, and most of it labels, are no coincidence; one alone counts where there is only one.
    return hits >= min(2, layout.width) and hits * 2 >= len(filled) and not any(map(is_contact_point, filled))


def is_total(fields: Sequence[str]) -> bool:
    """Whether a record at the end of a file is clearly none: a count, an "end of file", a rule of dashes.

    Its first filled cell says so, no other holds a letter, and none could be an address or a number to call.
    """
    first = next((cell for cell in map(str.strip, fields) if cell), "")
    if not first or _TOTAL.fullmatch(first) is None:
        return False
    filled = [cell.strip() for cell in fields if cell.strip()]
    return not any(_HAS_LETTER.search(cell) for cell in filled[1:]) and not any(map(is_contact_point, filled))


def is_preamble(fields: Sequence[str], width: int) -> bool:
    """Whether a record before the header is clearly none: mostly empty or of another width, and nobody's address in it."""
    filled = [cell for cell in fields if cell.strip()]
    if any(map(is_contact_point, filled)):
        return False
    return len(fields) != width or width == 1 or len(filled) * 2 <= width


def is_contact_point(cell: str) -> bool:
    """Whether a cell as a whole could be an e-mail address or a telephone number. In doubt it is."""
    cell = cell.strip().strip("\"'").strip()
    if _EMAIL.fullmatch(cell):
        return True
    digits = sum(letter.isdigit() for letter in cell)
    return digits in _PHONE_DIGITS and _PHONE.fullmatch(cell) is not None and _DATE.fullmatch(cell) is None
