"""Figures as people read them: counts, ages, moments. The same words in the report, in ``explain`` and on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta


def counted(number: int, one: str, many: str | None = None) -> str:
    """``1 clock``, ``2,300 clocks``, ``no clocks``."""
    many = many or f"{one}s"
    return f"1 {one}" if number == 1 else f"{number:,} {many}" if number else f"no {many}"


def told(number: int, one: str, many: str) -> str:
    """The sentence for one, or the sentence for many with ``#`` as the number."""
    return one if number == 1 else many.replace("#", f"{number:,}")


def listed(words: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def moment(value: datetime | None, missing: str = "never") -> str:
    """``3 Nov 2026, 22:20 UTC``."""
    return f"{value.astimezone(UTC):%d %b %Y, %H:%M} UTC".lstrip("0") if value else missing


def age(span: timedelta | float | None, missing: str = "") -> str:
    """``40 min``, ``5 h``, ``4 days``: as fine as somebody acts on it. Hours when given a number."""
    if span is None:
        return missing
    hours = abs(span / timedelta(hours=1) if isinstance(span, timedelta) else span)
    if hours < 1:
        return f"{hours * 60:.0f} min"
    if hours < 72:  # up to three days, hours decide whether something is still in time
        return f"{hours:.0f} h"
    return f"{hours / 24:,.0f} days"


def ago(span: timedelta | None) -> str:
    """How long before the report something was: ``5 h ago``, ``just now``."""
    return "" if span is None else "just now" if span < timedelta(minutes=1) else f"{age(span)} ago"


def percent(part: int, whole: int) -> str:
    """A share that never says 100 % of something that is not all, nor 0 % of something."""
    if not whole:
        return "–"
    share = 100 * part / whole
    if part < whole and share > 99.9:
        return "> 99.9 %"
    if part and share < 0.1:
        return "< 0.1 %"
    return f"{share:.0f} %" if share in (0.0, 100.0) else f"{share:.1f} %"


def limit(value: int | None, unit: str | None, start: str | None) -> str:
    """A rule's time as its law counts it: ``10 business days from receipt``."""
    if unit == "immediate":
        return "at once"
    if not value or not unit:
        return "no limit of its own"
    word = {"hour": "hour", "calendar_day": "calendar day", "business_day": "business day", "calendar_month": "month"}.get(
        unit, unit
    )
    starts = {
        "request_sent": "sending",
        "request_received": "receipt",
        "request_made": "the request",
        "number_listed": "the listing",
        "registry_file_obtained": "obtaining the file",
        "list_published": "publication of the list",
    }
    return counted(value, word) + (f" from {starts[start]}" if start in starts else "")


def figure(value: float) -> str:
    """A counted or computed number: whole ones in full, others to three digits that count."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:.3g}"


def is_checked(verification: str | None) -> bool:
    """Whether somebody read the law itself (V) or at least a source about it (S); from memory (M) is neither."""
    return (verification or "M")[:1] in ("V", "S")
