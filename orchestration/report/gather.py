"""Everything one report says, collected at one moment from the warehouse and the files beside it. Nothing is judged here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from orchestration.audit.destinations import DestinationHealth, destinations_of
from orchestration.audit.gates import last_verdicts
from orchestration.audit.reviews import Review, next_due, reviews
from orchestration.audit.sources import SourceHealth, sources_of
from orchestration.audit.verify import Verified, look
from orchestration.core.config import Config
from orchestration.core.errors import Busy, PermanentError
from orchestration.core.home import Home
from orchestration.core.key import Rotation, home_key, rotations, shown_id
from orchestration.core.lock import runs_elsewhere
from orchestration.core.waiting import Waiting, waiting
from orchestration.evidence.exported import Exported
from orchestration.evidence.reading import evidence_at_hand
from orchestration.evidence.shown import as_shown
from orchestration.landing.manifest import read_manifest
from orchestration.publish.verdicts import Verdict, overrides
from orchestration.publish.versions import Snapshot, latest_version, read_published, version_folder
from orchestration.report import figures

# A year of daily versions: what a picture of growth can show.
_VERSIONS_SHOWN = 366


@dataclass(frozen=True)
class Evidence:
    """What is known at ``as_of``."""

    company: str
    as_of: datetime
    target_hours: int
    published: Snapshot | None
    published_problem: str | None
    """Why the published version could not be proved; then ``published`` is None although there is one."""
    versions: tuple[tuple[datetime, int], ...]
    """When each version was published and with how many rows, the oldest first."""
    verdicts: tuple[Verdict, ...]
    overrides: tuple[Mapping[str, Any], ...]
    rotations: tuple[Rotation, ...]
    """Every time the key of the keyed hashes was replaced."""
    clocks: figures.Clocks
    inherited: figures.Inherited
    requests: figures.Requests
    files: figures.Files
    exposure: figures.Exposure
    sources: tuple[SourceHealth, ...]
    destinations: tuple[DestinationHealth, ...]
    registries: figures.Rows
    unresolved: figures.Rows
    unresolved_requests: int
    echoes: figures.Rows
    contradictions: figures.Rows
    unmapped_lists: figures.Rows
    canaries: figures.Rows
    """Contacts made to canaries."""
    composition: Mapping[str, Mapping[str, int]]
    manifest_sha256: str | None
    """The last line's hash of the landing manifest, which stands for every file that ever arrived."""
    chain: Verified
    """The chain of evidence, walked for this page without hashing large files again."""
    reviews: tuple[Review, ...]
    """Samples of the list that people looked through."""
    review_due: datetime | None
    """When the list has to be reviewed again; None: it never was."""
    waiting: Waiting
    """What has arrived and is in no published version."""
    exported: Exported | None
    """The set that this is made of while a run has the warehouse; None: the warehouse."""

    def verdict(self, gate: str) -> Verdict | None:
        return next((verdict for verdict in self.verdicts if verdict.gate == gate), None)

    @property
    def is_overridden(self) -> bool:
        """Whether the version in force passed its gates on a person's word."""
        return self.published is not None and bool(self.published.manifest["gate"].get("override"))

    @property
    def is_latest_published(self) -> bool:
        """False when the table that was judged last is another one than the version in force."""
        last = self.verdict("exit")
        return self.published is None or last is None or last.rows_sha256 == self.published.rows_sha256


def gather(home: Home, config: Config, as_of: datetime) -> Evidence:
    """Collect the evidence. The warehouse is opened once, read only; while another process runs, the set that the last run left.

    Raises:
        Busy: a run is going on, and none before it exported a set; or it was writing while the chain was walked.
    """
    problem, published = None, None
    try:
        published = read_published(home) if latest_version(home) else None
    except PermanentError as error:
        problem = error.seen
    deliveries = read_manifest(home)
    chain, reviewed = walked(home, config), reviews(home)
    with evidence_at_hand(home, config) as (con, exported):
        figures.prepare(con, as_of)
        key, clocks, exposure = home_key(home), figures.clocks(con, as_of), figures.exposure(con)
        return Evidence(
            company=config.company.name,
            as_of=as_of,
            target_hours=config.company.target_hours,
            published=published,
            published_problem=problem,
            versions=_versions(home, published),
            verdicts=tuple(last_verdicts(home)),
            overrides=overrides(home),
            rotations=rotations(home),
            clocks=replace(clocks, worst=as_shown(clocks.worst, key)),
            inherited=figures.inherited(con),
            requests=figures.requests(con, as_of),
            files=figures.files(con),
            exposure=replace(exposure, violations_listed=as_shown(exposure.violations_listed, key)),
            sources=tuple(sources_of(con, home, config, as_of)),
            destinations=tuple(destinations_of(con, home, config, as_of, exported)),
            registries=figures.registries(con, as_of),
            unresolved=[row | {"example": shown_id(key, row["example"])} for row in figures.unresolved(con)],
            unresolved_requests=figures.unresolved_requests(con),
            echoes=figures.unmatched_echoes(con),
            contradictions=figures.contradictions(con),
            unmapped_lists=figures.unmapped_lists(con),
            canaries=figures.canaries(con),
            composition=figures.composition(con, published.relation if published else "golden__golden_suppression"),
            manifest_sha256=deliveries[-1].hash if deliveries else None,
            chain=chain,
            reviews=reviewed,
            review_due=next_due(reviewed, config),
            waiting=waiting(home, published.manifest.get("inputs_sha256") if published else None),
            exported=exported,
        )


def walked(home: Home, config: Config) -> Verified:
    """The chain of evidence, without hashing large files again.

    Raises:
        Busy: a run was writing to it meanwhile.
    """
    is_alone = not runs_elsewhere(home)
    chain = look(home, config, rehash=False, has_warehouse=is_alone)
    if not chain.whole and not is_alone:  # it may be that run, between a file and its entry
        raise Busy(
            "Walking the chain of evidence",
            seen="a run was writing to it meanwhile",
            next_step="ask again; if it stays so, verify when the run has ended",
        )
    return chain


def _versions(home: Home, published: Snapshot | None) -> tuple[tuple[datetime, int], ...]:
    """As the manifests say it; proving them is ``verify``."""
    found = []
    for number in range(max(1, published.version - _VERSIONS_SHOWN + 1), published.version + 1) if published else ():
        file = version_folder(home, number) / "manifest.json"
        if file.is_file():
            manifest = json.loads(file.read_text(encoding="utf-8"))
            found.append((datetime.fromisoformat(manifest["as_of"]), int(manifest["row_count"])))
    return tuple(found)
