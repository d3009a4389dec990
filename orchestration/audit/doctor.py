"""Is this installation healthy? Every finding with its next step. Read only: nothing is repaired here."""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
import zoneinfo
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version as installed_version
from typing import Any

import duckdb

from orchestration.connectors.contract import parts_of, pull_problems, pulled_sources
from orchestration.core.clock import is_ahead
from orchestration.core.config import Config, is_own_source, size_in_bytes
from orchestration.core.errors import QuietlistError, TransientError, redacted_errors
from orchestration.core.home import PRIVATE_FILE, PRIVATE_FOLDER, Home
from orchestration.core.pace import Timer
from orchestration.core.wording import counted, is_checked, moment
from orchestration.destinations.contract import GoesOnInPart, Push, ReadsAll, destination_for
from orchestration.evidence.reading import evidence_of
from orchestration.evidence.relations import ACCOUNTED, rows
from orchestration.landing.manifest import read_manifest
from orchestration.landing.sealing import landed, require_key
from orchestration.publish.sharing import PASSED_THROUGH, group_problems, open_places


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
    """Everything that can be told without running anything, what is broken first; ``online`` asks sources and destinations too.

    Raises nothing for what it finds: a fault is a finding, also when the looking itself fails on purpose.
    """
    looks = (
        ("configuration", _look_at_configuration),
        ("environment", _look_at_environment),
        ("clock", _look_at_clock),
        ("secrets", _look_at_secrets),
        ("permissions", _look_at_permissions),
        ("disk", _look_at_disk),
        ("evidence", _look_at_evidence),
        ("encryption", _look_at_encryption),
        ("warehouse", _look_at_warehouse),
        ("published versions", _look_at_published),
        ("gates", _look_at_gates),
        *((("sources", _ask_sources), ("destinations", _ask_destinations)) if online else ()),
    )
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


def _ask_sources(home: Home, config: Config) -> Findings:
    """Ask each source that is pulled for the beginning of what it holds, and keep nothing of it."""
    for name in pulled_sources(config):
        try:
            for part in parts_of(name, config, Timer()):
                with redacted_errors(f"Asking {name}"):
                    # From now on, where it is asked by time: the first answer is what is wanted, not the history.
                    batches = part.batches("", None if part.is_whole else datetime.now(UTC))
                    next(iter(batches), None)
                yield "ok", f"{name}/{part.name} answers"
        except QuietlistError as error:
            yield _unanswered(name, error)


def _unanswered(name: str, error: QuietlistError) -> tuple[str, str, str]:
    # A time-out is told as what it is, and not as a fault of the installation.
    level = "attention" if isinstance(error, TransientError) else "broken"
    # The problems of a configuration stand in lines of their own behind the sentence.
    seen = error.seen or "; ".join(getattr(error, "problems", []))
    may = f", and may: {error.allowed}" if error.allowed else ""
    return level, f"{name}: {error.tried.rstrip('.')}: {seen.rstrip('.')}", f"{error.next_step.rstrip('.')}{may}"


def _ask_destinations(home: Home, config: Config) -> Findings:
    """Connect to each, see that its lists are there and can be read, and change nothing."""
    for name in sorted(config.destinations):
        try:
            with redacted_errors(f"Asking {name}"):
                destination = destination_for(name, config, home)
                destination.open(Push(version=0, run=0, as_of=datetime.now(UTC)))
                try:
                    if isinstance(destination, GoesOnInPart) and (gone := destination.gone()) is not None:
                        raise gone
                    if isinstance(destination, ReadsAll):
                        next(iter(destination.read()), None)
                finally:
                    destination.close()
        except QuietlistError as error:
            yield _unanswered(name, error)
            continue
        proved = isinstance(destination, ReadsAll)
        yield "ok", f"{name} answers" + ("" if proved else ", as far as it can be asked without writing to it")


def _look_at_configuration(home: Home, config: Config) -> Findings:
    from orchestration.destinations.contract import settings_problems  # imports every configured system's module

    sources = {name: source for name, source in config.sources.items() if not is_own_source(name)}
    problems = [*settings_problems(config, home), *pull_problems(config)]
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
    if config.company.live_since is None:
        yield (
            "attention",
            "no first day: what was asked before anything was delivered here counts as late, in every report",
            "set company.live_since to the day on which this installation began to be answered for",
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
            "correct the machine's clock if it is wrong; else see docs/operations.md, 'A run that lies in the future'",
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
    # Without its variable a source is not pulled, and the run goes on without it: that is broken too.
    named += [
        (name, False, str(value))
        for name in pulled_sources(config)
        for key, value in sorted((getattr(config.sources[name].pull, "model_extra", None) or {}).items())
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
        yield "ok", f"{counted(len(named), 'variable')} named, all set" if named else "nothing needs one"


def _of_alerts(config: Config) -> list[str]:
    mail, hook = config.alerts.email, config.alerts.webhook
    named = (mail.password_env if mail else None, hook.url_env if hook else None, hook.secret_env if hook else None)
    return [variable for variable in named if variable]


def _look_at_permissions(home: Home, config: Config) -> Findings:
    private = {
        path: PRIVATE_FILE if path.is_file() else PRIVATE_FOLDER
        for path in (
            home.root,
            home.landing,
            home.warehouse_folder,
            home.warehouse_file,
            home.published,
            home.reports,
            home.outbox,
            home.pulls,
            home.quarantine,
            home.scrub,
            home.key_file,
            home.chain_file,
            home.manifest_file,
            home.sync_ledger_file,
        )
        if path.exists()
    }
    # A folder in a private home is private with it; only the home itself and the key must be closed on their own.
    group = config.publish.group
    if group:  # which passes through these two; what lies open in them is told below
        private |= dict.fromkeys((home.root, home.published), PASSED_THROUGH)
    root_open = bool(home.root.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO) & ~private[home.root])
    opened = [
        (path, mode)
        for path, mode in private.items()
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO) & ~mode and (root_open or path in (home.root, home.key_file))
    ]
    refused, problems = group_problems(group), open_places(home, group)
    for problem in refused:
        yield "broken", problem, "correct it; a run is refused until then"
    for problem in problems:
        yield "attention", problem, "the group is kept out until then"
    for path, mode in opened:
        where = path.relative_to(home.root) if path != home.root else "the home folder"
        level = "broken" if path == home.key_file else "attention"
        yield level, f"{where} is open to other users of this machine", f"chmod {mode:o} {path}"
    if not opened and not refused and not problems:
        beside = f", the published rows by the group {group} too" if group else ""
        yield "ok", f"the home is readable by its owner only{beside}"
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
    from orchestration.audit.verify import verify  # hashes every file again

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
    from orchestration.audit.gates import last_verdicts
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
