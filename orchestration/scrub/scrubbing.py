"""``scrub``: one campaign file in, four files and a certificate out, or nothing at all.

Everything is written into a hidden folder beside the target and renamed into place at the end. What is decided, and how, stands
in the modules this one calls.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb

from orchestration.core.channels import CHANNELS
from orchestration.core.config import Config
from orchestration.core.errors import ConfigError, PermanentError
from orchestration.core.files import canonical_json, keep_file, sha256_file, sync_folder, write_atomic
from orchestration.core.home import PRIVATE_FOLDER, Home
from orchestration.core.masks import mask_text
from orchestration.core.sql import quoted, quoted_name
from orchestration.core.tombstones import by_key
from orchestration.core.waiting import waiting
from orchestration.core.warehouse import prepare
from orchestration.core.wording import counted, told
from orchestration.publish import Snapshot, read_published
from orchestration.readers.outcome import Bounds
from orchestration.scrub import certificate as certificates
from orchestration.scrub.campaign import BROKEN, Campaign, open_campaign
from orchestration.scrub.contact_points import HASHES, Columns, find_columns, read_points
from orchestration.scrub.planting import Planting, met, planting, with_canaries
from orchestration.scrub.policy import Clock, clocks, registry_policies
from orchestration.scrub.registries import Registries, RegistryCopy, published_registries
from orchestration.scrub.screening import Screened, aside, screen

KINDS = ("allowed", "blocked", "unscreened", "unreadable")
# The columns that are added behind the file's own; the names keep clear of anything a campaign file has.
_ADDED = {
    "blocked": {
        "quietlist_column": "label",
        "quietlist_channel": "channel",
        "quietlist_reason": "reason",
        "quietlist_basis": "basis",
        "quietlist_scope": "scope",
        "quietlist_rule": "nullif(rule_id, '')",
        "quietlist_registry": "nullif(registry, '')",
        "quietlist_registry_version": "nullif(registry_version, '')",
        "quietlist_all_reasons": "reasons.said",
    },
    "unscreened": {
        "quietlist_column": "first.label",
        "quietlist_channel": "first.channel",
        "quietlist_registry": "first.registry",
        "quietlist_reason": "first.why",
    },
    "unreadable": {
        "quietlist_record": "why.id",
        "quietlist_column": "label",
        "quietlist_reason": "reason",
        "quietlist_text": "record",
    },
}


@dataclass(frozen=True)
class Request:
    """What a campaign is to be scrubbed for. Empty means: see the file, in doubt the stricter way."""

    channels: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    """The campaign's nodes; none means any: a suppression at whatever node blocks."""
    columns: tuple[str, ...] = ()
    region: str | None = None
    hashed: str | None = None
    without: tuple[str, ...] = ()
    """Registries that are left out on purpose; the certificate names them."""


@dataclass(frozen=True)
class Scrubbed:
    """What a scrub came to."""

    folder: Path
    certificate: dict[str, Any]

    @property
    def valid(self) -> bool:
        return bool(self.certificate["valid"])

    def as_dict(self) -> dict[str, Any]:
        return {"folder": str(self.folder), "certificate": self.certificate}

    def lines(self) -> list[str]:
        counts = {output["kind"]: output["records"] for output in self.certificate["outputs"]}
        said = ", ".join(f"{counts[kind]:,} {kind}" for kind in KINDS)
        read = self.certificate["input"]["records"]
        state = f"valid until {self.certificate['valid_until']}" if self.valid else "NOT VALID"
        return [
            f"Scrubbed {counted(read, 'record')}: {said}.",
            *(f"  ! {warning}" for warning in self.certificate["warnings"]),
            f"Certificate ({state}): {self.folder / certificates.PAGE}",
        ]


def scrub(home: Home, config: Config, file: Path, request: Request, out: Path, as_of: datetime) -> Scrubbed:
    """Scrub ``file`` into ``out``, which must not exist or be empty.

    Raises:
        ConfigError: the question, the columns or the folder are not as they must be.
        InputError: the file can't be read.
        PermanentError: what was published does not prove, or the records do not add up. Nothing is left in ``out``.
    """
    _require_question(config, request)
    out = out.absolute()
    _require_empty(out)
    region = (request.region or config.company.default_region or "").strip().upper() or None
    before = file.stat() if file.is_file() else None
    with _workplace(out) as (place, scratch), duckdb.connect() as con, ThreadPoolExecutor(2) as pool:
        prepare(con, home, config.limits)
        con.execute("set temp_directory = ?", [str(scratch / "spill")])  # the run's own one may be in use
        con.execute("set enable_progress_bar = false")  # it would print into what --json says
        # What is on the right of a join is what is built: published files and the campaign stream through, which costs a third
        # less than the other choice, and keeps the order of the file in what is written.
        con.execute("set disabled_optimizers = 'build_side_probe_side'")
        # Hashing takes one thread, and so does seeing how the campaign is written: the one goes on beside the other.
        published = pool.submit(read_published, home)
        with open_campaign(con, file, scratch, Bounds.of(config.limits)) as campaign:
            digest = pool.submit(sha256_file, file)
            golden = published.result()
            _require_now(golden, as_of)
            copies = published_registries(home)
            columns = find_columns(con, campaign, request.columns, request.channels, request.hashed)
            registries = Registries(copies, request.without, as_of)
            proofs = [pool.submit(copy.prove) for copy in registries.binding(columns.channels)]
            read_points(con, campaign, columns, region, request.hashed)
            erased = by_key(home)
            rows = with_canaries(con, config, golden.relation)
            screened = screen(con, columns, rows, request.scopes or None, registries, request.hashed, erased)
            canaries = met(con, columns)
            con.execute("drop table reading")
            sha256 = digest.result()
            planted = planting(con, config, columns, sha256)
            counts = _write(con, campaign, columns, place, planted)
            for proof in proofs:
                proof.result()
            _require_sum(campaign, counts)
            _require_unchanged(file, before)
            statement = _statement(
                home,
                config,
                file,
                request,
                campaign,
                columns,
                golden,
                registries,
                screened,
                counts,
                sha256,
                place,
                as_of,
                planted,
                canaries,
            )
        certificate = certificates.sign(home, statement)
        write_atomic(place / certificates.CERTIFICATE, canonical_json(certificate) + "\n")
        write_atomic(place / certificates.PAGE, certificates.page(certificate))
        _require_empty(out)
        place.rename(out)
        sync_folder(out.parent)
    return Scrubbed(out, certificate)


def _require_question(config: Config, request: Request) -> None:
    tree, bounded = set(config.scope_tree), bool(config.company.scopes)
    problems = [f"channel '{name}' is not one of {', '.join(CHANNELS)}" for name in request.channels if name not in CHANNELS]
    problems += [
        f"scope '{scope}' is not one of {', '.join(config.scope_tree)}"
        for scope in request.scopes
        if bounded and scope not in tree
    ]
    problems += [
        f"registry '{name}' is not one of {', '.join(registry_policies())}"
        for name in request.without
        if name not in registry_policies()
    ]
    if request.hashed not in (None, *HASHES):
        problems.append(f"hash '{request.hashed}' is not one of {', '.join(HASHES)}")
    if problems:
        raise ConfigError("Reading the question", problems, next_step="ask with one of these; scopes stand in quietlist.toml")


def _require_empty(out: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigError(
            "Writing the scrubbed files",
            seen="the folder given with --out holds something already",
            allowed="a new or an empty folder: what was certified is never overwritten",
            next_step="name another folder",
        )


def _require_now(golden: Snapshot, as_of: datetime) -> None:
    if as_of < golden.as_of:
        raise ConfigError(
            f"Scrubbing as of {as_of.isoformat()}",
            seen=f"published version {golden.version} is as of {golden.as_of.isoformat()}",
            allowed="the same moment or a later one",
            next_step="omit --as-of, or scrub in a home as it was then",
        )


def _require_sum(campaign: Campaign, counts: dict[str, int]) -> None:
    if sum(counts.values()) != campaign.records:
        raise PermanentError(
            "Scrubbing a campaign file",
            seen=f"{counted(sum(counts.values()), 'record')} in the four files, {campaign.records:,} in the campaign",
            allowed="every record in exactly one file",
            next_step="nothing was written; report this with the file's layout",
        )


def _require_unchanged(file: Path, before: os.stat_result | None) -> None:
    after = file.stat()
    if before is None or (before.st_size, before.st_mtime_ns, before.st_ino) != (after.st_size, after.st_mtime_ns, after.st_ino):
        raise PermanentError(
            "Scrubbing a campaign file", seen="it was changed meanwhile", next_step="scrub it again when nobody writes to it"
        )


@contextmanager
def _workplace(out: Path) -> Iterator[tuple[Path, Path]]:
    """The folder that becomes ``out``, and one for what is only needed meanwhile. What a killed scrub left is removed."""
    out.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    for left in out.parent.glob(f".{out.name}.scrub.*"):
        owner = re.search(r"\.scrub\.([0-9]+)$", left.name)
        if owner and not Path(f"/proc/{owner[1]}").exists():
            shutil.rmtree(left, ignore_errors=True)
    work = out.parent / f".{out.name}.scrub.{os.getpid()}"
    place, scratch = work / "out", work / "scratch"
    for folder in (work, place, scratch):
        folder.mkdir(mode=PRIVATE_FOLDER)
    try:
        yield place, scratch
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _write(
    con: duckdb.DuckDBPyConnection, campaign: Campaign, columns: Columns, place: Path, planted: Planting | None
) -> dict[str, int]:
    aside(con)
    con.execute("create or replace temp table point_label (point utinyint, label varchar)")
    labels = [(point.number, point.label) for point in columns.points]
    con.executemany("insert into point_label values (?, ?)", [*labels, (0, ", ".join(label for _, label in labels))])
    why = (
        "(select id, reason, label, null as record from unreadable_record inner join point_label using (point) "
        f"union all select id, reason, null, record from {BROKEN})"
    )
    rows = f"{campaign.relation} as campaign"
    sources = {
        "allowed": f"{rows} anti join aside using (id)",
        # Two small tables are built: the verdict's eight texts are fetched for a record when it is written, not kept for each.
        "blocked": f"{rows} inner join blocked as why using (id) inner join verdict using (no) "
        "inner join reasons using (reasons)",
        "unscreened": f"{rows} inner join unscreened as why on campaign.id = why.id",
        # A record that can't be split is not among the rows: it comes with its text alone.
        "unreadable": f"{rows} right join {why} as why on campaign.id = why.id",
    }
    return {kind: _write_one(con, campaign, kind, sources[kind], place, planted if kind == "blocked" else None) for kind in KINDS}


def _write_one(
    con: duckdb.DuckDBPyConnection, campaign: Campaign, kind: str, source: str, place: Path, planted: Planting | None
) -> int:
    """Write one of the files. Returns how many of the campaign's records are in it, which a planted row is not."""
    file = place / f"{kind}.{campaign.format}"
    places = range(len(campaign.labels))
    added = {_free_name(name, campaign.labels): value for name, value in _ADDED.get(kind, {}).items()}
    # What is few is sorted; the many keep their order by themselves.
    order = "order by why.id" if kind in ("unscreened", "unreadable") else ""
    if campaign.format == "parquet":
        fields = [f"campaign.c{n} as {quoted_name(label)}" for n, label in enumerate(campaign.labels)]
        fields += [f"{value} as {name}" for name, value in added.items()]
        query, options = f"select {', '.join(fields)} from {source} {order}", "format parquet, compression zstd"
        if planted is not None:
            query = f"({query}) union all select {', '.join(_planted(planted, campaign, places, 'null'))}"
    else:
        # Every value is a text here, so the header is one more row, whatever its labels are.
        fields = [f"campaign.c{n} as f{n}" for n in places]
        fields += [f"({value})::varchar as a{n}" for n, value in enumerate(added.values())]
        names = [*(f"f{n}" for n in places), *(f"a{n}" for n in range(len(added)))]
        query = f"select {', '.join(names)} from (select {', '.join(fields)} from {source} {order})"
        if planted is not None:
            query = f"{query} union all select {', '.join(_planted(planted, campaign, places, 'null::varchar'))}"
        if campaign.has_header:
            header = ", ".join(f"{quoted(label)}" for label in (*campaign.labels, *added))
            query = f"select {header} union all {query}"
        delimiter = campaign.delimiter or ","
        options = f"format csv, header false, delimiter {quoted(delimiter)}, quote '\"', escape '\"', null ''"
    ((written,),) = con.execute(f"copy ({query}) to {quoted(file)} ({options})").fetchall()
    keep_file(file)
    return int(written) - (campaign.format == "csv" and campaign.has_header) - (planted is not None)


def _planted(planted: Planting, campaign: Campaign, places: range, empty: str) -> list[str]:
    """The values of a planted row, in the order of the file's columns."""
    added = planted.added()
    own = [quoted(planted.fields[n]) if n in planted.fields else empty for n in places]
    return own + [added.get(name, empty) for name in _ADDED["blocked"]]


def _free_name(name: str, labels: Sequence[str]) -> str:
    """A file that was scrubbed before has our columns already."""
    taken = {label.casefold() for label in labels}
    return next(candidate for n in range(1, len(labels) + 2) if (candidate := name if n == 1 else f"{name}_{n}") not in taken)


def _statement(
    home: Home,
    config: Config,
    file: Path,
    request: Request,
    campaign: Campaign,
    columns: Columns,
    golden: Snapshot,
    registries: Registries,
    screened: Screened,
    counts: dict[str, int],
    digest: str,
    place: Path,
    as_of: datetime,
    planted: Planting | None,
    canaries: Sequence[tuple[str, int]],
) -> dict[str, Any]:
    """What the certificate says: facts and counts only, nothing personal."""
    used = [copy for copy in registries.binding(columns.channels) if _is_used(copy, screened)]
    regions = screened.countries | ({region} if (region := request.region or config.company.default_region) else set())
    rules = clocks(golden.rules_file, columns.channels, regions, as_of)
    limits = _limits(config, golden, used, rules, as_of)
    until, because = min(limits, key=lambda limit: limit[0])
    warnings = _warnings(golden, registries, screened, columns, counts, rules, limits, as_of)
    unread = waiting(home, golden.manifest.get("inputs_sha256"))
    warnings += [f"Not the last word: {said}"] if (said := unread.sentence()) else []
    warnings += [
        told(records, "One record of the campaign stands", "# records of the campaign stand")
        + f" in no list but one of people who want to be left alone ({whose}): find out where the campaign was taken from"
        for whose, records in canaries
    ]
    return {
        "certificate": certificates.KIND,
        "format": certificates.FORMAT,
        "tool": f"quietlist {version('quietlist')}",
        "issuer": config.company.name,
        "as_of": as_of.isoformat(),
        "valid_until": until.isoformat(),
        "valid_until_because": because,
        "valid": as_of < until,
        "warnings": warnings,
        "asked": {
            "channels": list(columns.channels),
            "scopes": list(request.scopes) or ["every scope"],
            "region": request.region or config.company.default_region,
            "hashed": request.hashed,
            "columns": [
                {"column": point.label, "kind": point.kind, "channels": list(point.channels)} for point in columns.points
            ],
            "country_column": None if columns.country is None else campaign.label(columns.country),
            "without_registries": sorted(request.without),
        },
        "input": {
            "name": mask_text(file.name),
            "sha256": digest,
            "bytes": file.stat().st_size,
            "format": campaign.format,
            "encoding": campaign.encoding,
            "records": campaign.records,
            "lines_that_are_no_record": campaign.skipped,
        },
        "outputs": [_described(place, kind, campaign, counts, planted if kind == "blocked" else None) for kind in KINDS],
        "golden": {
            "version": golden.version,
            "as_of": golden.as_of.isoformat(),
            "age_hours": round((as_of - golden.as_of).total_seconds() / 3600, 1),
            "rows": golden.row_count,
            "manifest_sha256": golden.manifest_sha256,
        },
        "registries": [_registry(copy, screened, as_of) for copy in used],
        "clocks": [{"rule": rule.rule_id, "hours": rule.hours, "citation": rule.citation} for rule in rules],
    }


def _is_used(copy: RegistryCopy, screened: Screened) -> bool:
    """Only registries that speak of somebody in the file make it older: a British list does not age an American campaign."""
    return copy.registry in screened.consulted or screened.listed.get(copy.registry, 0) > 0


def _limits(
    config: Config, golden: Snapshot, used: Sequence[RegistryCopy], rules: Sequence[Clock], as_of: datetime
) -> list[tuple[datetime, str]]:
    """Every moment from which the result may no longer be used, with its reason."""
    hours = config.company.target_hours
    age = f"the suppression table is of {golden.as_of:%Y-%m-%d %H:%M} UTC"
    limits = [
        (golden.as_of + timedelta(hours=hours), f"the company honours a request within {counted(hours, 'hour')}, and {age}")
    ]
    limits += [
        (golden.as_of + timedelta(hours=rule.hours), f"{rule.rule_id} gives {counted(rule.hours, 'hour')} from a request")
        for rule in rules
        if rule.hours
    ]
    for copy in used:
        end = copy.policy.usable_until(copy.obtained_at) if copy.policy.in_force(as_of) else None
        if end is not None:
            age = f"{copy.policy.max_age_days} days old ({copy.policy.rule_id}); it is of {copy.obtained_at:%Y-%m-%d}"
            limits.append((end.astimezone(as_of.tzinfo), f"the copy of {copy.registry} may be at most {age}"))
    return limits


def _warnings(
    golden: Snapshot,
    registries: Registries,
    screened: Screened,
    columns: Columns,
    counts: dict[str, int],
    rules: Sequence[Clock],
    limits: Sequence[tuple[datetime, str]],
    as_of: datetime,
) -> list[str]:
    passed = [f"TOO OLD: {because}. This result may not be used" for end, because in limits if end <= as_of]
    without = [
        f"{name} binds numbers of this file and no copy of it is held: they were not screened against it"
        for name in sorted(screened.consulted - set(registries.copies))
    ]
    at_once = sorted({rule.rule_id for rule in rules if not rule.hours})
    waived = [f"{name} was left out on purpose" for name in sorted(registries.waived)]
    said = [
        f"Not screened by {', '.join(map(mask_text, columns.doubtful))}, which look like contact points too: "
        "name them with --column if they are"
        if columns.doubtful
        else "",
        f"{told(counts['unscreened'], '1 record is', '# records are')} unscreened: that is not the same as clear"
        if counts["unscreened"]
        else "",
        f"{told(counts['unreadable'], '1 record names', '# records name')} nobody that could be looked up"
        if counts["unreadable"]
        else "",
        "The checks held releases when the table was published: it may block somebody who may be contacted again"
        if golden.releases_held
        else "",
        f"{', '.join(at_once)}: a request counts at once. What was asked since the table was made is not in this result; "
        "scrub again right before the send"
        if at_once
        else "",
    ]
    return [*passed, *without, *waived, *filter(None, said)]


def _registry(copy: RegistryCopy, screened: Screened, as_of: datetime) -> dict[str, Any]:
    end = copy.policy.usable_until(copy.obtained_at)
    return {
        "registry": copy.registry,
        "version": copy.version,
        "label": copy.label,
        "obtained_at": copy.obtained_at.isoformat(),
        "age_days": (as_of - copy.obtained_at).days,
        "max_age_days": copy.policy.max_age_days,
        "usable_until": end.astimezone(as_of.tzinfo).isoformat() if end else None,
        "rows": copy.rows,
        "coverage": copy.coverage,
        "area_codes": sorted(copy.area_codes),
        "listed_records": screened.listed.get(copy.registry, 0),
        "rule": copy.policy.rule_id,
        "citation": copy.policy.citation,
        "verification": copy.policy.verification,
        "manifest_sha256": copy.manifest_sha256,
    }


def _described(place: Path, kind: str, campaign: Campaign, counts: dict[str, int], planted: Planting | None) -> dict[str, Any]:
    file = place / f"{kind}.{campaign.format}"
    facts = {"name": file.name, "kind": kind, "records": counts[kind], "sha256": sha256_file(file), "bytes": file.stat().st_size}
    return facts | ({"rows_of_the_issuer": 1} if planted is not None else {})
