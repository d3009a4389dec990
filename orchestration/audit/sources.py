"""What every source delivered, when it last did, whether it is late, and where its records ended. Only looks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

import duckdb

from orchestration.connectors.contract import pulled_sources
from orchestration.connectors.progress import read_progress
from orchestration.core.config import Config, is_own_source
from orchestration.core.home import Home
from orchestration.core.wording import age, ago, counted, moment
from orchestration.evidence.reading import evidence_at_hand
from orchestration.evidence.relations import ACCOUNTED, REFUSED, rows
from orchestration.landing.manifest import Entry, read_manifest


@dataclass(frozen=True)
class SourceHealth:
    """One source: what it delivered, and where its records ended."""

    name: str
    format: str
    is_configured: bool
    expected_every_hours: int | None
    deliveries: int
    last_arrival: datetime | None
    silent_for: timedelta | None
    is_late: bool
    files: int
    """Distinct files: a file delivered twice counts once."""
    unknown_files: int
    """Files whose name no feed of the format knows: landed, not read."""
    refused_files: int
    """Files that were refused as a whole: each counts as one record read and quarantined, whatever it holds."""
    rejected_parts: int
    """Parts of deliveries that could not be unpacked."""
    records_read: int
    entries: int
    duplicates: int
    echoes: int
    not_requests: int
    quarantined: int
    difference: int
    files_with_difference: int
    arrivals: Mapping[date, int]
    """Day (UTC) -> deliveries."""
    pulls: tuple[str, ...] = ()
    """How far each of its parts was pulled, in words."""

    def as_dict(self) -> dict[str, Any]:
        silent = None if self.silent_for is None else round(self.silent_for / timedelta(hours=1), 2)
        kept = {key: value for key, value in asdict(self).items() if key not in ("arrivals", "silent_for")}
        return kept | {"silent_for_hours": silent}

    def sentence(self) -> str:
        """One line for a terminal."""
        if not self.is_configured:
            state = "no longer configured; its requests stand"
        elif self.last_arrival is None:
            state = "LATE: nothing has ever arrived" if self.is_late else "nothing has arrived yet"
        elif self.is_late:
            state = f"LATE: silent for {age(self.silent_for)}, expected every {age(float(self.expected_every_hours or 0))}"
        elif self.silent_for is not None and self.silent_for < timedelta(0):
            state = f"last arrival {moment(self.last_arrival)}, which is after that clock"
        else:
            state = f"last arrival {ago(self.silent_for)}"
        records = counted(self.records_read - self.refused_files, "record")
        account = f"{counted(self.deliveries, 'delivery', 'deliveries')}, {records}"
        single = self.quarantined - self.refused_files
        faults = [
            counted(single, "record") + " in quarantine" if single else "",
            counted(self.refused_files, "file") + " refused as a whole, of nobody knows how many records"
            if self.refused_files
            else "",
            counted(self.unknown_files, "file") + " of unknown name" if self.unknown_files else "",
            counted(self.rejected_parts, "part") + " unreadable" if self.rejected_parts and not self.refused_files else "",
            f"{counted(self.files_with_difference, 'file')} whose account does not add up" if self.files_with_difference else "",
        ]
        return "; ".join([f"{self.name} ({self.format}): {state}", account, *filter(None, faults), *self.pulls])


def source_health(home: Home, config: Config, as_of: datetime) -> list[SourceHealth]:
    """Every configured source, and every other one that ever delivered, the late ones first."""
    with evidence_at_hand(home, config) as (con, _):
        return sources_of(con, home, config, as_of)


def sources_of(con: duckdb.DuckDBPyConnection, home: Home, config: Config, as_of: datetime) -> list[SourceHealth]:
    """:func:`source_health` on an open connection. When something arrived is read from the landing manifest, as of now; what
    became of it, from the connection.
    """
    deliveries: dict[str, list[Entry]] = {}
    for entry in read_manifest(home):
        deliveries.setdefault(entry.source, []).append(entry)
    account = _accounts(con)
    formats = {row["source"]: row["format"] for row in rows(con, "select source, format from raw__source_settings")}
    found = []
    # What Quietlist itself fills is a source of every home; it is told of once something is in it.
    configured_names = {name for name in config.sources if not is_own_source(name)}
    for name in sorted({*configured_names, *deliveries, *account}):
        configured = config.sources.get(name)
        mine = deliveries.get(name, [])
        last = max((entry.received_at for entry in mine), default=None)
        silent = as_of - last if last else None
        every = configured.expected_every_hours if configured else None
        figures = {key: int(value or 0) for key, value in account.get(name, {}).items()}
        found.append(
            SourceHealth(
                name=name,
                format=configured.format if configured else formats.get(name, "unknown"),
                is_configured=configured is not None,
                expected_every_hours=every,
                deliveries=len(mine),
                last_arrival=last,
                silent_for=silent,
                is_late=every is not None and (silent is None or silent > timedelta(hours=every)),
                rejected_parts=sum(len(entry.rejected) for entry in mine),
                arrivals=Counter(entry.received_at.date() for entry in mine),
                pulls=tuple(_pull_said(home, config, name, as_of)),
                **{key: figures.get(key, 0) for key in _ACCOUNT},
            )
        )
    return sorted(found, key=lambda source: (not source.is_late, not source.is_configured, source.name))


def _accounts(con: duckdb.DuckDBPyConnection) -> dict[str, dict[str, Any]]:
    """Source -> what became of its files and their records."""
    return {
        row.pop("source"): row
        for row in rows(
            con,
            f"""
            with files as (
                select
                    landed.source, count(*) as files,
                    -- what could not be unpacked has no feed either, but a line in the log and one in quarantine
                    count(*) filter (where landed.feed is null and log.file_id is null) as unknown_files
                from raw__landed_files as landed
                left join raw__load_log as log on landed.file_id = log.file_id
                group by landed.source
            ),
            records as (
                select
                    source, sum(greatest(records_read, 0))::bigint as records_read, sum(entries)::bigint as entries,
                    sum(duplicates)::bigint as duplicates, sum(echoes)::bigint as echoes,
                    sum(not_requests)::bigint as not_requests, sum(quarantined)::bigint as quarantined,
                    sum(abs(difference))::bigint as difference,
                    count(*) filter (where difference <> 0) as files_with_difference,
                    count(*) filter (where file_id in ({REFUSED})) as refused_files
                from ledger__conservation
                where {ACCOUNTED}
                group by source
            )
            select source, files, unknown_files, columns(* exclude (source, files, unknown_files))
            from files full join records using (source)
            """,
        )
    }


def _pull_said(home: Home, config: Config, name: str, as_of: datetime) -> Iterator[str]:
    """By this machine's clock: how old what was pulled is, and what stands in the way."""
    if name not in pulled_sources(config):
        return
    kept = read_progress(home, name)
    if not kept:
        yield "never pulled"
    for part, progress in sorted(kept.items()):
        said = ["never pulled whole"]
        if progress.covers:
            # A run that plays the past has a clock before this one.
            aged = f" ({ago(as_of - progress.covers)})" if as_of >= progress.covers else ""
            said = [f"pulled whole at {moment(progress.covers)}{aged}"]
        if progress.is_under_way and progress.files:
            had = counted(progress.records, "record") if progress.records else counted(progress.files, "file")
            said.append(f"{had} of the one under way")
        if progress.failed_at:
            said.append(f"FAILED at {moment(progress.failed_at)}")
        yield f"{part} {', '.join(said)}"


_ACCOUNT = (
    "files", "unknown_files", "records_read", "entries", "duplicates", "echoes", "not_requests", "quarantined", "difference",
    "files_with_difference", "refused_files",
)  # fmt: skip
