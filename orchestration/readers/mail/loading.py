"""Filling the raw table of mails from one landed file. A mail that can't be taken apart is quarantined, and the rest goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb

from orchestration.readers.feeds import Feed
from orchestration.readers.json_stream import pieces
from orchestration.readers.mail.containers import Raw, messages, raw_of
from orchestration.readers.mail.message import FIELDS, NoMail, Row, rows_of
from orchestration.readers.outcome import USUAL_BOUNDS, Bounds, Outcome, Sink, UnreadableFile
from orchestration.readers.text import as_utf8

_SHOWN = 20_000  # of a mail that can't be read, a person sees this much
_START = 1 << 12


def read_mail(
    con: duckdb.DuckDBPyConnection, feed: Feed, file_id: str, path: Path, folder: Path, bounds: Bounds = USUAL_BOUNDS
) -> Outcome:
    """Load one file of mails. The caller has begun a transaction and rolls back when this raises.

    Args:
        folder: where a copy may lie while it is read.
    """
    with path.open("rb") as stream:
        start = stream.read(_START)
    is_json = start.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[")
    sink = Sink(con, feed, file_id, bounds)
    kept = {column.name for column in feed.columns}  # what nobody asks of these mails, such as their words, is not kept
    sink.use({name: f"c{place}" for place, name in enumerate(FIELDS) if name in kept})
    if is_json:
        with (
            as_utf8(path, folder) as text,
            text.path.open(encoding="utf-8-sig" if text.has_mark else "utf-8", newline="") as page,
        ):
            found = (raw for piece in pieces(page, bounds) for raw in _records(piece.value, piece.reason, piece.text))
            records = _put_all(found, sink)
    else:
        records = _put_all(messages(path), sink)
    sink.done()
    outcome = Outcome(records, sink.loaded, sink.quarantined, 0, "mail", "json" if is_json else "mime")
    if not outcome.balances:
        raise UnreadableFile("The mails read do not add up to those in the file.", "unbalanced")
    return outcome


def _records(value: object, reason: str | None, shown: str) -> Iterator[Raw]:
    """The mails of one JSON value: itself, or those in the lists of a page."""
    if reason is not None:
        yield Raw(b"", reason=reason, detail="It is no JSON that holds a mail; correct it and deliver it again.", shown=shown)
        return
    raw = raw_of(value)
    if raw.content:
        yield raw
        return
    inner = value if isinstance(value, list) else None
    if isinstance(value, dict):
        lists = [
            item for item in value.values() if isinstance(item, list) and any(isinstance(part, (dict, str)) for part in item)
        ]
        inner = lists[0] if len(lists) == 1 and not {"payload", "headers"} & value.keys() else None
    if inner is None or not inner:
        # A page without mails still counts as what it is, and shows itself.
        yield Raw(b"", reason=raw.reason, detail=raw.detail, shown=shown)
        return
    for item in inner:
        yield from _records(item, None, shown if len(inner) == 1 else str(item))


def _put_all(found: Iterator[Raw], sink: Sink) -> int:
    number = 0
    for raw in found:
        if raw.reason:
            number += 1
            sink.reject(number, raw.reason, raw.detail, raw.shown)
            continue
        rows: list[Row] = []
        reason, detail = "", ""
        try:
            rows = rows_of(raw)
        except NoMail:
            reason, detail = (
                "no_headers",
                "It has none of the headers that a mail has; read it in landing and decide what it asks.",
            )
        except Exception as error:  # noqa: BLE001  whatever a hostile mail breaks in the standard parser costs this mail alone
            reason = "unreadable_mail"
            detail = f"Nothing can take this mail apart ({type(error).__name__}); read it in landing and decide what it asks."
        if reason:
            number += 1
            sink.reject(number, reason, detail, raw.content[:_SHOWN].decode("utf-8", "replace").replace("\0", ""))
        for row in rows:
            number += 1
            sink.row(number, row)
    return number
