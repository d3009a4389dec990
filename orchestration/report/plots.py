"""Pictures of counts as inline SVG: no script, no font, no file beside the page. What is counted is not decided here.

Every shape that means something differs by pattern or place as well as by colour, so that a black-and-white print says
the same; every picture carries its figures as text (``title`` and ``desc``) for those who cannot see it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import ceil, floor, log10

from markupsafe import Markup, escape

from orchestration.core.wording import counted

# Drawn at the width of the printed column of a page (A4 less its margins, at 96 dpi, is about 700) so that text in a
# picture has the size of text beside it; on a screen it scales with the column.
WIDTH = 720
_INK, _MUTED, _RULE, _ACCENT = "#16191d", "#565d66", "#c9ced4", "#24507a"


@dataclass(frozen=True)
class Series:
    """One kind of count: its key, the word for it, and the fill defined in :data:`DEFINITIONS`."""

    key: str
    label: str
    fill: str


STATES = (
    Series("on_time", "on time", "url(#fill-on_time)"),
    Series("lifted", "lifted", "url(#fill-lifted)"),
    Series("late", "late", "url(#fill-late)"),
    Series("accepted", "accepted", "url(#fill-accepted)"),
    Series("open", "open", "url(#fill-open)"),
    Series("at_risk", "at risk", "url(#fill-at_risk)"),
    Series("overdue", "overdue", "url(#fill-overdue)"),
)
# Solid is done well, hatched is wrong, pale is undecided. Colours are those told apart by people who see red and green
# alike (Okabe and Ito), darkened for print.
DEFINITIONS = Markup(
    """<svg width="0" height="0" aria-hidden="true" focusable="false" style="position:absolute"><defs>
<pattern id="fill-on_time" width="8" height="8" patternUnits="userSpaceOnUse">
<rect width="8" height="8" fill="#24507a"/></pattern>
<pattern id="fill-lifted" width="8" height="8" patternUnits="userSpaceOnUse"><rect width="8" height="8" fill="#8aa9c4"/></pattern>
<pattern id="fill-accepted" width="6" height="6" patternUnits="userSpaceOnUse"><rect width="6" height="6" fill="#fff"/>
<path d="M0 1.5H6M0 4.5H6" stroke="#24507a" stroke-width="1.2"/></pattern>
<pattern id="fill-late" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
<rect width="7" height="7" fill="#f0c9a0"/><rect width="3" height="7" fill="#a34a00"/></pattern>
<pattern id="fill-open" width="8" height="8" patternUnits="userSpaceOnUse"><rect width="8" height="8" fill="#cfdbe6"/></pattern>
<pattern id="fill-at_risk" width="6" height="6" patternUnits="userSpaceOnUse"><rect width="6" height="6" fill="#f6df9c"/>
<circle cx="3" cy="3" r="1.4" fill="#7a5b00"/></pattern>
<pattern id="fill-overdue" width="6" height="6" patternUnits="userSpaceOnUse"><rect width="6" height="6" fill="#8f1d14"/>
<path d="M0 6 6 0M-1 1 1 -1M5 7 7 5" stroke="#fff" stroke-width="1.1"/></pattern>
</defs></svg>"""
)


def legend(series: Sequence[Series]) -> Markup:
    """The fills and their words, once for all pictures of one kind."""
    items = Markup("").join(
        Markup(
            '<span class="key"><svg width="22" height="12" aria-hidden="true">'
            '<rect width="22" height="12" fill="{}"/></svg>{}</span>'
        ).format(entry.fill, entry.label)
        for entry in series
    )
    return Markup('<p class="legend">{}</p>').format(items)


def share_bar(counts: Mapping[str, int], series: Sequence[Series] = STATES) -> Markup:
    """One bar of a table's row, the whole width being all of that row. Decoration: the figures stand beside it."""
    total = sum(counts.get(entry.key, 0) for entry in series)
    width, parts, left = 160, Markup(""), 0.0
    for entry in series:
        count = counts.get(entry.key, 0)
        # Whatever exists must be seen: the smallest part is two units wide.
        size = max(width * count / total, 2.0) if total and count else 0.0
        if size:
            parts += Markup('<rect x="{}" width="{}" height="12" fill="{}"/>').format(
                _n(left), _n(min(size, width - left)), entry.fill
            )
            left += size
    return Markup('<svg class="bar" viewBox="0 0 {} 12" preserveAspectRatio="none" aria-hidden="true">{}</svg>').format(
        width, parts
    )


def margin_histogram(counts: Mapping[str, Sequence[int]]) -> Markup:
    """How much of the legal time clocks used, in tenths and beyond it (the last column of the eleven)."""
    columns = [
        _Column(
            f"{tenth * 10}–{tenth * 10 + 10}",
            f"{tenth * 10} to {tenth * 10 + 10} %",
            _at(counts, tenth),
            ("on_time", "accepted", "open"),
        )
        for tenth in range(10)
    ]
    columns.append(_Column("over", "more than all of it", _at(counts, 10), _TOO_LATE, gap=0.5))
    parts, x = _columns(columns)
    line = x - _GAP * 1.6
    parts += Markup('<path d="M{x} {a}V{b}" stroke="#8f1d14" stroke-width="1.5" stroke-dasharray="5 3"/>').format(
        x=_n(line), a=_TOP - 10, b=_BASE + 4
    )
    parts += _text(line - 5, _TOP - 4, "legal deadline", anchor="end", size=10, fill="#8f1d14")
    parts += _text(_LEFT + 4, _BASE + 33, "share of the legal time used, in percent", size=10, fill=_MUTED)
    return _picture("How much of the legal time was used", _spoken(columns), _BASE + 40, parts)


def duration_histogram(labels: Sequence[str], counts: Mapping[str, Sequence[int]]) -> Markup:
    """How long it took where a rule allows no time at all."""
    columns = [_Column(label, label, _at(counts, index), _TOO_LATE) for index, label in enumerate(labels)]
    parts, _ = _columns(columns)
    return _picture("How long it took under rules that allow no time", _spoken(columns), _BASE + 24, parts)


_KINDS = ("ended", "accepted", "running")
_TOO_LATE = ("late", "accepted", "overdue")


@dataclass(frozen=True)
class _Column:
    label: str
    spoken: str
    counts: tuple[int, ...]
    fills: tuple[str, ...]
    gap: float = 0.0
    """Space before it, in columns."""


def _at(counts: Mapping[str, Sequence[int]], index: int) -> tuple[int, ...]:
    return tuple(counts[kind][index] for kind in _KINDS)


_LEFT, _TOP, _BASE, _GAP = 46.0, 18.0, 150.0, 5.0


def _columns(columns: Sequence[_Column]) -> tuple[Markup, float]:
    """The columns on their grid, and where the last one begins."""
    step = (WIDTH - _LEFT - 6) / sum(1 + column.gap for column in columns)
    ceiling = _ceiling(max(sum(column.counts) for column in columns))
    scale = (_BASE - _TOP) / ceiling
    parts, x = _grid(ceiling, _LEFT, _TOP, _BASE), _LEFT + 4
    for index, column in enumerate(columns):
        x += step * (column.gap + (1 if index else 0))
        y = _BASE
        for count, fill in zip(column.counts, column.fills, strict=True):
            size = max(count * scale, 1.5) if count else 0.0
            y -= size
            if count:
                parts += Markup('<rect x="{}" y="{}" width="{}" height="{}" fill="url(#fill-{})"/>').format(
                    _n(x), _n(y), _n(step - _GAP), _n(size), fill
                )
        middle = x + (step - _GAP) / 2
        if any(column.counts):
            parts += _text(middle, y - 4, f"{sum(column.counts):,}", anchor="middle", size=10)
        parts += _text(middle, _BASE + 15, column.label, anchor="middle", size=10, fill=_MUTED)
    return parts, x


def _spoken(columns: Sequence[_Column]) -> str:
    return "; ".join(
        f"{column.spoken}: {', '.join(f'{count:,} {kind}' for count, kind in zip(column.counts, _KINDS, strict=True))}"
        for column in columns
    )


def small_multiples(weeks: Sequence[date], counts: Mapping[str, Sequence[int]], labels: Mapping[str, str]) -> Markup:
    """One row of columns per kind over the same weeks; every row has its own scale, its highest week is written out."""
    left, right, row = 118, 64, 46
    step = (WIDTH - left - right) / max(len(weeks), 1)
    parts, texts = Markup(""), []
    for index, (kind, values) in enumerate(counts.items()):
        base = 36 + index * row
        highest = max([*values, 1])
        parts += _text(0, base - 8, labels.get(kind, kind), size=12)
        parts += Markup('<path d="M{} {}H{}" stroke="{}"/>').format(left, base + 0.5, WIDTH - right, _RULE)
        peak = values.index(highest) if highest in values else None
        for week, value in enumerate(values):
            size = max(30 * value / highest, 1.2) if value else 0.0
            parts += Markup('<rect x="{}" y="{}" width="{}" height="{}" fill="{}"/>').format(
                _n(left + week * step + 1),
                _n(base - size),
                _n(max(step - 2, 1)),
                _n(size),
                _ACCENT if week == peak else "#7d9bb8",
            )
        parts += _text(WIDTH - right + 8, base - 8, f"{sum(values):,}", size=12)
        texts.append(f"{labels.get(kind, kind)}: {sum(values):,} in all, at most {max(values, default=0):,} in a week")
    bottom = 36 + (len(counts) - 1) * row
    for week, monday in enumerate(weeks):
        # A label every fourth week: they are nine characters wide.
        if week % 4 == 0:
            parts += _text(left + week * step + 1, bottom + 16, f"{monday:%d %b}", size=10, fill=_MUTED)
            parts += Markup('<path d="M{x} {a}v4" stroke="{c}"/>').format(x=_n(left + week * step + 1), a=bottom + 1, c=_MUTED)
    return _picture("Requests per week, by what was asked", "; ".join(texts), bottom + 24, parts)


def arrivals(names: Sequence[str], days: Mapping[str, Mapping[date, int]], first: date, last: date) -> Markup:
    """A dot for every day on which a source delivered, one row per source, up to the day of the report."""
    left, row, top = 190, 22, 8
    span = max((last - first).days, 1)
    width = WIDTH - left - 14

    def x(day: date) -> float:
        return left + width * (day - first).days / span

    parts, texts = Markup(""), []
    for index, name in enumerate(names):
        y = top + index * row + 10
        parts += _text(0, y + 4, name if len(name) <= 28 else name[:27] + "…", size=11)
        parts += Markup('<path d="M{} {}H{}" stroke="{}"/>').format(left, y, WIDTH - 14, _RULE)
        seen = days.get(name, {})
        for day, files in sorted(seen.items()):
            if day >= first:
                radius = 3 if files == 1 else 4.2
                parts += Markup('<circle cx="{}" cy="{}" r="{}" fill="{}"/>').format(_n(x(day)), y, radius, _ACCENT)
        latest = max(seen, default=None)
        texts.append(f"{name}: {f'last on {latest:%d %b %Y}' if latest else 'nothing'}")
    bottom = top + len(names) * row
    # Marks on the first of each month, or every week when the span is short.
    for day in (first + timedelta(days=offset) for offset in range(span + 1)):
        if day.day == 1 or (span <= 45 and day.weekday() == 0):
            anchor = "end" if x(day) > WIDTH - 24 else "middle"  # half a label: it would be cut at the edge
            parts += _text(x(day), bottom + 16, f"{day:%d %b}", anchor=anchor, size=10, fill=_MUTED)
            parts += Markup('<path d="M{x} {a}v4" stroke="{c}"/>').format(x=_n(x(day)), a=bottom + 1, c=_MUTED)
    parts += Markup('<path d="M{x} {a}V{b}" stroke="#16191d" stroke-dasharray="2 3"/>').format(
        x=_n(x(last)), a=top - 4, b=bottom + 2
    )
    return _picture("Days on which files arrived", "; ".join(texts), bottom + 24, parts)


def growth(points: Sequence[tuple[datetime, int]]) -> Markup:
    """Rows per published version over time, as steps: a version holds until the next."""
    height, base, top, left = 150, 118, 14, 60
    start, end = points[0][0], points[-1][0]
    seconds = max((end - start).total_seconds(), 1.0)
    highest = max([rows for _, rows in points] + [1])
    ceiling = _ceiling(highest)
    width = WIDTH - left - 60

    def place(moment: datetime, rows: int) -> tuple[float, float]:
        share = (moment - start).total_seconds() / seconds if len(points) > 1 else 1.0
        return left + width * share, base - (base - top) * rows / ceiling

    parts = _grid(ceiling, left, top, base)
    path, last_y = "", 0.0
    for index, (moment, rows) in enumerate(points):
        px, py = place(moment, rows)
        path += f"M{_n(px)} {_n(py)}" if index == 0 else f"H{_n(px)}V{_n(py)}"
        last_y = py
    parts += Markup('<path d="{}" fill="none" stroke="{}" stroke-width="2"/>').format(path, _ACCENT)
    last_x = place(*points[-1])[0]
    parts += Markup('<circle cx="{}" cy="{}" r="3.5" fill="{}"/>').format(_n(last_x), _n(last_y), _ACCENT)
    parts += _text(last_x + 8, last_y + 4, f"{points[-1][1]:,}", size=12)
    parts += _text(left, base + 16, f"{start:%d %b %Y}", size=10, fill=_MUTED)
    if len(points) > 1:
        parts += _text(last_x, base + 16, f"{end:%d %b %Y}", anchor="end", size=10, fill=_MUTED)
    said = f"{counted(len(points), 'version')}, from {points[0][1]:,} to {counted(points[-1][1], 'row')}, at most {highest:,}"
    return _picture("Rows of the published versions", said, height, parts)


def _grid(ceiling: int, left: float, top: float, base: float) -> Markup:
    parts = Markup("")
    for share in (0, 0.5, 1) if ceiling > 1 else (0, 1):
        y = base - (base - top) * share
        value = ceiling * share
        parts += Markup('<path d="M{} {}H{}" stroke="{}"/>').format(left, _n(y + 0.5), WIDTH, _RULE)
        if value == floor(value):
            parts += _text(left - 6, y + 4, f"{int(value):,}", anchor="end", size=10, fill=_MUTED)
    return parts


def _picture(title: str, description: str, height: float, parts: Markup) -> Markup:
    return Markup('<svg class="picture" viewBox="0 0 {} {}" role="img"><title>{}</title><desc>{}</desc>{}</svg>').format(
        WIDTH, _n(height), title, description, parts
    )


def _text(x: float, y: float, text: str, *, anchor: str = "start", size: int = 11, fill: str = _INK) -> Markup:
    # the white outline keeps a figure readable where a line of the grid passes behind it
    return Markup(
        '<text x="{}" y="{}" text-anchor="{}" font-size="{}" fill="{}" '
        'stroke="#fff" stroke-width="3" paint-order="stroke">{}</text>'
    ).format(_n(x), _n(y), anchor, size, fill, escape(text))


def _ceiling(highest: int) -> int:
    """The next round number (1, 2, 5 times a power of ten) at or above."""
    power = 10 ** floor(log10(highest))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= highest) if highest > 1 else ceil(highest)


def _n(value: float) -> str:
    """A coordinate: one decimal is a fifth of a printed point."""
    return f"{value:.1f}".removesuffix(".0")
