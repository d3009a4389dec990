"""Is everything there that should be? Sources, destinations and the installation itself, with what to do about it.

Only looks: nothing is mended here. The report, ``quietlist sources``, ``quietlist destinations`` and ``quietlist doctor``
all speak from these rows.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
import zoneinfo
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from importlib.metadata import version as installed_version
from typing import Any

import duckdb

from orchestration.core.clock import is_ahead
from orchestration.core.config import Config, Destination, is_own_source, size_in_bytes
from orchestration.core.errors import QuietlistError, TransientError, kind_of, plain_errors
from orchestration.core.home import PRIVATE_FILE, PRIVATE_FOLDER, Home
from orchestration.core.warehouse import warehouse
from orchestration.core.wording import age, ago, counted, is_checked, moment
from orchestration.destinations.contract import Push, ReadsAll, destination_for, facts_of
from orchestration.evidence.relations import ACCOUNTED, REFUSED, open_relations, rows
from orchestration.landing.manifest import Entry, read_manifest
from orchestration.landing.sealing import landed, require_key
from orchestration.sync.receipts import last_receipt

# Runs come daily: one that is further away had another clock than today's, or stopped coming.
_ANOTHER_CLOCK = timedelta(days=1)


@contextmanager
def evidence_of(home: Home, config: Config | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse, read only, with the views of :mod:`~orchestration.evidence.relations` open."""
    with warehouse(home, read_only=True, limits=config.limits if config else None) as con:
        open_relations(con)
        yield con


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
        return "; ".join([f"{self.name} ({self.format}): {state}", account, *filter(None, faults)])


@dataclass(frozen=True)
class DestinationHealth:
    """One destination: what it should hold, and how much of that is proved."""

    name: str
    system: str
    is_configured: bool
    channels: tuple[str, ...]
    scopes: tuple[str, ...]
    dry_run: bool
    verify_class: str | None
    """full, point, receipt or none; None before the first push."""
    wanted: int
    states: Mapping[str, int]
    """State -> rows, over all rows ever wanted."""
    unprovable: int
    """Accepted by a system that shows nothing: as good as it gets, but not proved."""
    unverified: int
    """Wanted, provable, and not proved."""
    oldest_unverified_at: datetime | None
    """When the longest waiting of them was first wanted."""
    oldest_unverified_for: timedelta | None
    last_push: datetime | None
    last_version: int | None
    held: Mapping[str, int]
    """Reason -> rows that the last push held back."""
    alarms: tuple[str, ...]
    stopped: str | None
    """Kind of the error that ended the last push early."""
    limits: tuple[str, ...] = ()
    """What the system cannot do, whatever is asked of it."""
    unverified_facts: tuple[str, ...] = ()
    """What its module takes to be so without having it from the vendor."""

    @property
    def proof(self) -> str:
        """The class of proof in words (promise 7)."""
        return {
            "full": "read back in full",
            "point": "read back row by row",
            "receipt": "accepted row by row, not provable after",
            "none": "accepted, not provable",
            None: "not pushed yet",
        }.get(self.verify_class, str(self.verify_class))

    def as_dict(self) -> dict[str, Any]:
        waiting = None if self.oldest_unverified_for is None else round(self.oldest_unverified_for / timedelta(hours=1), 2)
        kept = {key: value for key, value in asdict(self).items() if key != "oldest_unverified_for"}
        return kept | {"oldest_unverified_hours": waiting, "proof": self.proof}

    def sentence(self) -> str:
        """One line for a terminal."""
        parts = [f"{self.name} ({self.system})", f"{self.wanted:,} wanted", f"{self.states.get('verified', 0):,} verified"]
        figures = dict(self.states) | {"sent": self.states.get("sent", 0) - self.unprovable}
        parts += [f"{figures[state]:,} {state}" for state in ("sent", "missing", "rejected", "released") if figures.get(state)]
        if self.unprovable:
            parts.append(f"{self.unprovable:,} accepted, not provable")
        if self.unverified:
            parts.append(f"the oldest unproved row waits for {age(self.oldest_unverified_for)}")
        parts += [f"{count:,} held ({reason})" for reason, count in self.held.items()]
        parts.append(f"last push {moment(self.last_push)}" + (f" of version {self.last_version}" if self.last_version else ""))
        if self.stopped:
            parts.append(f"STOPPED by {self.stopped}")
        if self.dry_run:
            parts.append("dry run: nothing is sent")
        if not self.is_configured:
            parts.append("no longer configured")
        parts += self.limits
        if self.unverified_facts:
            known = f"docs/reference/destinations/{self.system}.md"
            parts.append(f"{counted(len(self.unverified_facts), 'fact')} about it not verified ({known})")
        return f"{parts[0]}: {'; '.join(parts[1:])}"


def source_health(home: Home, config: Config, as_of: datetime) -> list[SourceHealth]:
    """Every configured source, and every other one that ever delivered, the late ones first."""
    with evidence_of(home, config) as con:
        return sources_of(con, home, config, as_of)


def destination_health(home: Home, config: Config, as_of: datetime) -> list[DestinationHealth]:
    """Every configured destination, and every other one that rows were ever pushed to."""
    with evidence_of(home, config) as con:
        return destinations_of(con, home, config, as_of)


def clock_line(home: Home, config: Config, as_of: datetime) -> str:
    """By which clock ages are counted, and by which the last run went: a replay's is not today's."""
    with evidence_of(home, config) as con:
        # no model makes it, and there is none before the first run
        exists = rows(con, "select 1 from duckdb_tables() where schema_name = 'raw' and table_name = 'stamps'")
        found = rows(con, "select value from raw.stamps where name = 'clock'") if exists else []
    last = datetime.fromisoformat(found[0]["value"]) if found else None
    said = (
        f"As of {moment(as_of)}; the last run was as of {moment(last)}." if last else f"As of {moment(as_of)}; no run has ended."
    )
    if last and abs(as_of - last) > _ANOTHER_CLOCK:
        said += f" To count from there: --as-of {last.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return said


def sources_of(con: duckdb.DuckDBPyConnection, home: Home, config: Config, as_of: datetime) -> list[SourceHealth]:
    """:func:`source_health` on an open connection."""
    deliveries: dict[str, list[Entry]] = {}
    for entry in read_manifest(home):
        deliveries.setdefault(entry.source, []).append(entry)
    account = {
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
                **{key: figures.get(key, 0) for key in _ACCOUNT},
            )
        )
    return sorted(found, key=lambda source: (not source.is_late, not source.is_configured, source.name))


_ACCOUNT = (
    "files", "unknown_files", "records_read", "entries", "duplicates", "echoes", "not_requests", "quarantined", "difference",
    "files_with_difference", "refused_files",
)  # fmt: skip


def destinations_of(con: duckdb.DuckDBPyConnection, home: Home, config: Config, as_of: datetime) -> list[DestinationHealth]:
    """:func:`destination_health` on an open connection."""
    figures: dict[str, list[dict[str, Any]]] = {}
    for row in rows(
        con,
        """
        select
            destination, system, verify_class, state, count(*) as rows, count(*) filter (where wanted) as wanted,
            min(first_wanted_at) filter (where wanted and state not in ('verified', 'released')) as oldest
        from raw__sync__row_state
        group by all
        order by all
        """,
    ):
        figures.setdefault(row["destination"], []).append(row)
    found = []
    for name in sorted({*config.destinations, *figures}):
        configured = config.destinations.get(name)
        mine = figures.get(name, [])
        receipt = last_receipt(home, name)
        body = receipt.body if receipt else {}
        classes = {row["verify_class"] for row in mine if row["verify_class"]}
        states: Counter[str] = Counter()
        unprovable = unverified = 0
        oldest: datetime | None = None
        for row in mine:
            states[row["state"]] += row["rows"]
            if row["state"] == "sent" and row["verify_class"] in ("none", "receipt"):
                unprovable += row["wanted"]
            elif row["state"] not in ("verified", "released"):
                unverified += row["wanted"]
                oldest = min(filter(None, (oldest, row["oldest"])), default=None)
        found.append(
            DestinationHealth(
                name=name,
                system=configured.system if configured else next((row["system"] for row in mine), "unknown"),
                is_configured=configured is not None,
                channels=configured.channels if configured else (),
                scopes=configured.scopes if configured else (),
                dry_run=configured.dry_run if configured else False,
                verify_class=body.get("verify_class") or (sorted(classes)[0] if classes else None),
                wanted=sum(row["wanted"] for row in mine),
                states=dict(states),
                unprovable=unprovable,
                unverified=unverified,
                oldest_unverified_at=oldest,
                oldest_unverified_for=as_of - oldest if oldest else None,
                last_push=datetime.fromisoformat(body["as_of"]) if body else None,
                last_version=body.get("version"),
                held={entry["reason"]: int(entry["rows"]) for entry in body.get("held", [])},
                alarms=tuple(body.get("alarms", ())),
                stopped=kind_of(body["stopped"]) if body.get("stopped") else None,
                limits=_limits(configured) if configured else (),
                unverified_facts=facts_of(configured.system).unverified if configured else (),
            )
        )
    return found


def _limits(configured: Destination) -> tuple[str, ...]:
    facts = facts_of(configured.system)
    lifts = facts.can_release or (configured.model_extra or {}).get("lifts") is True
    said = ((not lifts, "it lifts nothing"), (not facts.keeps_our_mark, "it does not tell who wrote a row"))
    return tuple(sentence for holds, sentence in said if holds)


@dataclass(frozen=True)
class Finding:
    """One thing the doctor looked at. ``level``: ok, attention (works, but look), broken (a run will fail or mislead)."""

    topic: str
    level: str
    said: str
    next_step: str = ""

    @property
    def is_broken(self) -> bool:
        return self.level == "broken"

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def sentence(self) -> str:
        """One line for a terminal."""
        return f"{self.level.upper():<9}  {self.topic}: {self.said}." + (
            f" Next step: {self.next_step}." if self.next_step else ""
        )


# Below this a run's own logs and the dagster storage alone may fill the disk within days.
_LEAST_FREE = 1 << 30


def doctor(home: Home, config: Config, *, online: bool = False) -> list[Finding]:
    """Everything that can be told without running anything, what is broken first; ``online`` asks the destinations too.

    Raises nothing for what it finds: a fault is a finding, also when the looking itself fails on purpose.
    """
    looks = (
        ("configuration", _look_at_configuration), ("environment", _look_at_environment), ("clock", _look_at_clock),
        ("secrets", _look_at_secrets),
        ("permissions", _look_at_permissions), ("disk", _look_at_disk), ("evidence", _look_at_evidence),
        ("encryption", _look_at_encryption),
        ("warehouse", _look_at_warehouse), ("published versions", _look_at_published), ("gates", _look_at_gates),
        *((("destinations", _ask_destinations),) if online else ()),
    )  # fmt: skip
    found: list[Finding] = []
    for topic, look in looks:
        try:
            found += [Finding(topic, *finding) for finding in look(home, config)]
        except TransientError as error:
            found.append(Finding(topic, "attention", f"{error.tried.rstrip('.')}: {error.seen}".rstrip(": ."), error.next_step))
        except QuietlistError as error:
            found.append(Finding(topic, "broken", f"{error.tried.rstrip('.')}: {error.seen}".rstrip(": ."), error.next_step))
    order = ("broken", "attention", "ok")
    return sorted(found, key=lambda finding: order.index(finding.level))


Findings = Iterator[tuple[str, str] | tuple[str, str, str]]


def _ask_destinations(home: Home, config: Config) -> Findings:
    """Connect to each, see that its lists are there and can be read, and change nothing."""
    for name in sorted(config.destinations):
        try:
            with plain_errors(f"Asking {name}"):
                destination = destination_for(name, config, home)
                destination.open(Push(version=0, run=0, as_of=datetime.now(UTC)))
                try:
                    if isinstance(destination, ReadsAll):
                        next(iter(destination.read()), None)
                finally:
                    destination.close()
        except QuietlistError as error:
            # A time-out is told as what it is, and not as a fault of the installation.
            level = "attention" if isinstance(error, TransientError) else "broken"
            # The problems of a configuration stand in lines of their own behind the sentence.
            seen = error.seen or "; ".join(getattr(error, "problems", []))
            may = f", and may: {error.allowed}" if error.allowed else ""
            yield level, f"{name}: {error.tried.rstrip('.')}: {seen.rstrip('.')}", f"{error.next_step.rstrip('.')}{may}"
            continue
        proved = isinstance(destination, ReadsAll)
        yield "ok", f"{name} answers" + ("" if proved else ", as far as it can be asked without writing to it")


def _look_at_configuration(home: Home, config: Config) -> Findings:
    from orchestration.destinations.contract import settings_problems  # imports every configured system's module

    sources = {name: source for name, source in config.sources.items() if not is_own_source(name)}
    problems = settings_problems(config, home)
    for problem in problems:
        yield "broken", problem, f"correct {home.config_file.name}"
    if not problems:
        yield (
            "ok",
            f"valid, {counted(len(sources), 'source')}, {counted(len(config.destinations), 'destination')}, "
            f"{counted(len(config.scope_tree), 'scope')}",
        )
    if config.company.default_region is None:
        yield (
            "attention",
            "no default_region: a number without a country is unreadable and the strictest rule applies",
            "set company.default_region",
        )
    unwatched = sorted(name for name, source in sources.items() if source.expected_every_hours is None)
    if unwatched:
        yield "attention", f"never reported late: {', '.join(unwatched)}", "set expected_every_hours, so that silence is noticed"


def _look_at_environment(home: Home, config: Config) -> Findings:
    version = ".".join(str(part) for part in sys.version_info[:3])
    if (3, 11) <= sys.version_info[:2] < (3, 13):  # pyproject.toml, requires-python
        yield (
            "ok",
            f"Python {version}, DuckDB {duckdb.__version__}, dbt {installed_version('dbt-core')}, "
            f"Dagster {installed_version('dagster')}",
        )
    else:
        yield "broken", f"Python {version}", "use Python 3.11 or 3.12"
    if lost := lost_time_zones(config):
        yield "broken", f"no rules for the time zone {', '.join(lost)}", "install tzdata, or correct the source's timezone"
    else:
        yield "ok", f"time zone rules for {', '.join(_time_zones(config))}"


def lost_time_zones(config: Config) -> list[str]:
    """The configured zones that DuckDB or Python has no rules for."""
    with duckdb.connect() as con:
        known = {row[0] for row in con.execute("select name from pg_timezone_names()").fetchall()}
    return [zone for zone in _time_zones(config) if zone not in known or zone not in zoneinfo.available_timezones()]


def _time_zones(config: Config) -> list[str]:
    return sorted({source.timezone for source in config.sources.values()} | {"UTC"})


def _look_at_clock(home: Home, config: Config) -> Findings:
    from orchestration.publish.versions import latest_version, version_folder

    dated = [entry.received_at for entry in read_manifest(home)]
    if (latest := latest_version(home)) is not None:
        manifest = version_folder(home, latest) / "manifest.json"
        dated.append(datetime.fromisoformat(json.loads(manifest.read_text(encoding="utf-8"))["as_of"]))
    last = max(dated, default=None)
    if last is not None and is_ahead(last):
        yield (
            "broken",
            f"the last run here is dated {moment(last)}, still to come by this machine's clock: no run is possible before",
            "set the machine's clock right if it is wrong; else see docs/operations.md, 'A run that lies in the future'",
        )
    else:
        yield "ok", "no run here lies in the future"


def _look_at_secrets(home: Home, config: Config) -> Findings:
    named = [
        (name, entry.dry_run, str(value))
        for name, entry in sorted(config.destinations.items())
        for key, value in sorted((entry.model_extra or {}).items())
        if key.endswith("_env")
    ]
    unset = [(name, dry_run, variable) for name, dry_run, variable in named if not os.environ.get(variable)]
    # An alert that cannot leave keeps no run from ending, and says so.
    alerts = [variable for variable in _of_alerts(config) if not os.environ.get(variable)]
    for variable in alerts:
        yield (
            "attention",
            f"alerts need the environment variable {variable}, which is not set in this process",
            "set it where the runs start (this shell may not be that place)",
        )
    for name, dry_run, variable in unset:
        yield (
            "attention" if dry_run else "broken",
            f"{name} needs the environment variable {variable}, which is not set in this process",
            "set it where the runs start (this shell may not be that place)",
        )
    if not unset and not alerts:
        yield "ok", f"{counted(len(named), 'variable')} named, all set" if named else "no destination needs one"


def _of_alerts(config: Config) -> list[str]:
    mail, hook = config.alerts.email, config.alerts.webhook
    named = (mail.password_env if mail else None, hook.url_env if hook else None, hook.secret_env if hook else None)
    return [variable for variable in named if variable]


def _look_at_permissions(home: Home, config: Config) -> Findings:
    private = {
        path: PRIVATE_FILE if path.is_file() else PRIVATE_FOLDER
        for path in (home.root, home.landing, home.warehouse_folder, home.warehouse_file, home.published, home.reports,
                     home.outbox, home.quarantine, home.scrub, home.key_file, home.chain_file, home.manifest_file,
                     home.sync_ledger_file)
        if path.exists()
    }  # fmt: skip
    # A folder in a private home is private with it; only the home itself and the key must be closed on their own.
    root_open = bool(home.root.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))
    opened = [
        (path, mode)
        for path, mode in private.items()
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO) and (root_open or path in (home.root, home.key_file))
    ]
    for path, mode in opened:
        where = path.relative_to(home.root) if path != home.root else "the home folder"
        level = "broken" if path == home.key_file else "attention"
        yield level, f"{where} is open to other users of this machine", f"chmod {mode:o} {path}"
    if not opened:
        yield "ok", "the home is readable by its owner only"
    if not home.key_file.exists():
        yield "ok", "no key yet; the first run makes it"
    else:
        yield "ok", f"the key is there; keep a copy of {home.key_file.name} apart from the other backups"


def _look_at_disk(home: Home, config: Config) -> Findings:
    free = shutil.disk_usage(home.root).free
    held = sum(path.stat().st_size for path in (home.warehouse_file, home.sync_ledger_file) if path.exists())
    # A run may rewrite the warehouse beside the old one, and spill as much as the configuration lets it.
    wanted = 2 * held + size_in_bytes(config.limits.spill)
    said = f"{free / 1e9:.1f} GB free"
    if free < max(_LEAST_FREE, 2 * held):
        yield (
            "broken",
            f"{said}, and a rewrite of the warehouse takes up to {2 * held / 1e9:.1f} GB",
            "free some before the next run",
        )
    elif free < wanted:
        yield "attention", f"{said}; a large run may spill up to {config.limits.spill}", "free some, or lower limits.spill"
    else:
        yield "ok", said


def _look_at_evidence(home: Home, config: Config) -> Findings:
    from orchestration.evidence.verify import verify  # hashes every file again

    verified = verify(home, config)
    broken = verified.first_break
    if broken is not None:
        yield "broken", verified.sentence(), broken.next_step
    else:
        yield "ok", f"{verified.sentence()}; head {verified.head}"
    for sentence in verified.unfinished:
        yield "attention", f"unfinished: {sentence}", "the next quietlist run finishes or removes what a killed one left"


def _look_at_encryption(home: Home, config: Config) -> Findings:
    there = list(landed(home))
    plain = sum(path.is_file() for path in there)
    rest = "the warehouse, published, reports, quarantine and outbox are not: the disk must be encrypted by the operating system"
    if config.encryption.key_file:
        path = config.encryption.key_path(home.root)
        if path.is_file() and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            yield "broken", f"the key file {path} is open to other users of this machine", f"chmod {PRIVATE_FILE:o} {path}"
    if config.encryption.landing:
        require_key(home, config)
        yield "ok", f"landed files are encrypted by Quietlist (age, {counted(len(there) - plain, 'file')}); {rest}"
        if plain:
            yield "attention", f"{counted(plain, 'landed file')} not encrypted yet", "run quietlist run, which encrypts them"
    else:
        yield "ok", "nothing is encrypted by Quietlist: the disk must be encrypted by the operating system"
        if plain < len(there):
            require_key(home, config)
            said = f"{counted(len(there) - plain, 'landed file')} still encrypted, although landing = false"
            yield "attention", said, "run quietlist run, which decrypts them"


def _look_at_warehouse(home: Home, config: Config) -> Findings:
    if not home.warehouse_file.exists():
        yield "attention", "no warehouse yet", "run quietlist run"
        return
    with evidence_of(home, config) as con:
        rules = rows(con, "select verification from policy__rules")
        faults = len(rows(con, f"select file_id from ledger__conservation where {ACCOUNTED} and difference <> 0"))
    yield "ok", "opens, and has the columns that the evidence needs"
    if faults:
        yield "broken", f"{counted(faults, 'file')} whose account does not add up", "see the sources in the compliance report"
    unverified = sum(not is_checked(rule["verification"]) for rule in rules)
    if unverified:
        yield (
            "attention",
            f"{unverified} of {counted(len(rules), 'deadline rule')} rest on an unverified citation",
            "have them checked, then change their verification in dbt_project/seeds/policy",
        )


def _look_at_published(home: Home, config: Config) -> Findings:
    from orchestration.publish.versions import latest_version

    latest = latest_version(home)
    if latest is None:
        yield "attention", "nothing was published yet", "run quietlist run, and read what its gates say"
    else:
        yield "ok", f"version {latest} is the latest"


def _look_at_gates(home: Home, config: Config) -> Findings:
    from orchestration.evidence.gates import last_verdicts
    from orchestration.publish.verdicts import overrides

    levels = {"pass": "ok", "alert": "attention", "hold": "attention", "stop": "broken"}
    for verdict in last_verdicts(home):
        failed = verdict.failed
        said = f"the {verdict.gate} gate said {verdict.level}, as of {moment(verdict.as_of)}"
        if failed:
            yield levels[verdict.level], f"{said}: {failed[0].sentence.rstrip('.')}", "open reports/data_docs/index.html"
        else:
            yield levels[verdict.level], said
    recorded = overrides(home)
    if recorded:
        yield (
            "attention",
            f"{counted(len(recorded), 'override or acknowledgement', 'overrides and acknowledgements')} on record",
            "see the compliance report",
        )
