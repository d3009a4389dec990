"""``quietlist.toml``: what one company's installation is made of.

Every problem of a file is reported in one go; unknown keys are refused; a secret is only ever named by the
environment variable that holds it.
"""

from __future__ import annotations

import csv
import difflib
import functools
import re
import tomllib
import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from orchestration.core.channels import CHANNELS, SCOPE_FORM, scope_tree
from orchestration.core.clock import is_ahead
from orchestration.core.errors import ConfigError
from orchestration.core.home import CHECKOUT, PACKAGE, Home
from orchestration.core.matters import KINDS as KINDS_OF_MATTERS

Channel = Literal["email", "voice", "sms", "fax", "postal", "ads"]

__all__ = ["CHANNELS", "Channel", "Config", "load_config", "parse_config"]

FOUND_PREFIX = "found__"
THIS_MACHINE = ("localhost", "127.0.0.1", "::1")
"""The only hosts that a secret is sent to without TLS unless the configuration says so."""
ERASURES = "erasure__requests"
"""The source of what an erasure asks for first: a suppression of everything."""
DECISIONS = "decisions"
"""The source of what people decided about records (``quietlist quarantine decide``)."""
OWN_FORMAT = "quietlist"
"""The format of the sources that Quietlist itself fills."""
SCRUB = "scrub"
"""What ``[canaries]`` calls the files of scrubbed campaigns, beside the names of destinations."""

MOST_USUAL_FACTOR = 1_000
"""The largest ``volume_factor``. What differs by more is no question of taste; who wants no report says 0."""

_NAME = re.compile(r"^[a-z][a-z0-9_]{0,62}$")
_SCOPE = re.compile(SCOPE_FORM)
_REGION = re.compile(r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")
_SIZE = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?\s?(KB|MB|GB|TB|KiB|MiB|GiB|TiB)", re.ASCII)
_LARGEST = 1 << 60  # an exbibyte: more than any disk, and well within the integers that DuckDB takes a size in
_OWN_ADDRESS = re.compile(r"[^\s@;]*@[^\s@;]+\.[^\s@;]+")
_ENV = re.compile(r"^[A-Z][A-Z0-9_]*$")
_TIME_OF_DAY = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]", re.ASCII)
_TEAM = re.compile(r"team:[A-Za-z0-9_][A-Za-z0-9_ .-]{0,62}")
_MAILBOX = re.compile(r"[^\s@;,<>]+@[^\s@;,<>]+\.[^\s@;,<>]+")
_CANARY_ADDRESS = re.compile(r"[a-z0-9_.+-]+@[a-z0-9-]+(\.[a-z0-9-]+)+")
_CANARY_NUMBER = re.compile(r"\+[1-9][0-9]{5,14}")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _region(value: str) -> str:
    value = value.upper()
    if not _REGION.match(value):
        raise ValueError(f"'{value}' is not an ISO 3166-1 or 3166-2 code such as US or US-CA")
    return value


def _scope(value: str) -> str:
    value = value.strip().strip("/").lower()
    if not _SCOPE.match(value):
        raise ValueError(f"'{value}' is not a scope: write * or a path such as acme/newsletter")
    return value


@functools.cache
def _zones() -> frozenset[str]:
    """Read once: it walks the system's folder of zones, 20 ms for each source of each reading of the configuration."""
    return frozenset(zoneinfo.available_timezones())


def _timezone(value: str) -> str:
    # "localtime" is the machine's own zone: no name, and DuckDB refuses it.
    if value not in _zones() or value == "localtime":
        close = difflib.get_close_matches(value, _zones(), n=2)
        hint = f"; did you mean {' or '.join(close)}?" if close else ""
        raise ValueError(f"'{value}' is not an IANA time zone such as America/New_York{hint}")
    return value


def owner_list(values: tuple[str, ...]) -> tuple[str, ...]:
    if wrong := [value for value in values if not (_TEAM.fullmatch(value) or _MAILBOX.fullmatch(value))]:
        raise ValueError(f"{', '.join(wrong)}: neither a team such as team:privacy nor an address such as privacy@example.com")
    return tuple(dict.fromkeys(values))


# No list of opt-outs that is kept by machine is older, and none of ours will be younger: another year is a slip of the hand.
_YEARS = range(2000, 2100)


def _first_day(value: object) -> date | datetime:
    """A date or a moment of TOML, or the same as a text."""
    for read in (date.fromisoformat, datetime.fromisoformat):
        try:
            day = value if isinstance(value, date) else read(str(value))
        except ValueError:
            continue
        if day.year not in _YEARS:
            raise ValueError(f"'{value}' is not between {_YEARS[0]} and {_YEARS[-1]}: correct the year")
        return day
    raise ValueError(f"'{value}' is neither a day such as 2026-04-01 nor a moment such as 2026-04-01T09:00:00")


FirstDay = Annotated[datetime | date, BeforeValidator(_first_day)]


class Company(_Strict):
    """Whose list this is."""

    name: str = Field(min_length=1)
    """The company's name, as reports give it."""
    default_region: str | None = None
    """ISO 3166-1 or 3166-2; used when neither a record nor its source says. Absent: the strictest rule applies."""
    scopes: tuple[str, ...] = ()
    """The tree of brands and lists, without the root ``*``; parents are implied."""
    live_since: FirstDay | None = None
    """The first day: since when Quietlist is answered for. Requests and contacts of before are inherited: counted apart, never in
    the headline of the report. A day such as ``2026-04-01``, or a moment. Absent: nothing is inherited."""
    timezone: str = "UTC"
    """IANA name of the zone in which the first days (``live_since``) begin."""
    target_hours: Annotated[int, Field(gt=0, le=24 * 366)] = 24
    """The company's own promise, beside the legal deadline, in hours from the request."""
    at_risk_hours: Annotated[int, Field(ge=0, le=24 * 366)] = 24
    """A clock with less than this left, in hours, counts as at risk."""
    shared_point_limit: Annotated[int, Field(ge=1)] = 3
    """A contact point of more customers than this links nobody."""
    record_link_limit: Annotated[int, Field(ge=1)] = 8
    """A record of more addresses and numbers than this links nobody by them: it is a list of people, not a person. Eight leave
    room for a household's four of each."""
    max_leaving: Annotated[int, Field(ge=0)] = 100
    """More people than this leaving the list from one version to the next, each with an opt-in, are held for a person."""
    max_leaving_share: Annotated[float, Field(ge=0, le=1)] = 0.05
    """More than this share of the people on the list, leaving it likewise, is held for a person; a few always may."""

    owners: tuple[str, ...] = Field(default=("team:data-platform",), min_length=1)
    """Who answers for what Dagster shows, as team:name or an address, where no source or destination says otherwise."""

    _check_owners = field_validator("owners")(owner_list)
    _check_zone = field_validator("timezone")(_timezone)
    _check_region = field_validator("default_region")(lambda value: value if value is None else _region(value))

    @field_validator("scopes")
    @classmethod
    def _check_scopes(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(_scope(value) for value in values))


def _no_secrets(keys: dict[str, Any] | None) -> None:
    """Refuse a secret among keys that a module of its own validates: only its variable's name may stand here."""
    for key, value in (keys or {}).items():
        if key.endswith("_env") and not (isinstance(value, str) and _ENV.match(value)):
            raise ValueError(f"{key} names an environment variable such as ACME_API_KEY, never the secret itself")
        if re.search(r"(api_key|password|secret|token)$", key):
            raise ValueError(f"{key} would put a secret in this file: use {key}_env with a variable's name")


class Pull(BaseModel):
    """How a source is asked for what it holds. Keys beyond these belong to its kind, which validates them."""

    model_config = ConfigDict(extra="allow", frozen=True)

    kind: str = "api"
    """``api``: the interface of the format's vendor. ``imap``: a mailbox. ``sftp``, ``s3``, ``http``: a folder of
    an SFTP server, a bucket, a web server. ``sql``: a table of a database."""
    every_hours: Annotated[float, Field(ge=0)] | None = None
    """A run that comes sooner after the last whole pull asks for nothing. Absent: 20 for a list that is read whole, so that a
    daily run asks once, and 0 for one that is asked for what is new."""
    max_minutes: Annotated[float, Field(gt=0, le=24 * 60)] = 30
    """After so long a run goes on with what it has, and the next one continues the pull: years of history must not hold up the
    opt-outs of today."""

    @model_validator(mode="after")
    def _check_secrets(self) -> Pull:
        _no_secrets(self.model_extra)
        return self


class Source(_Strict):
    """One folder under ``inbox/``: who sends the files and what they mean there."""

    format: str
    """A folder under ``dbt_project/models/staging/``."""
    scope: str = "*"
    """What an opt-out without a scope of its own means here."""
    timezone: str = "UTC"
    """IANA name, for times without a zone. Vendors rarely say; see the source's documentation."""
    region: str | None = None
    """ISO 3166-1 or 3166-2 code of the people whose record does not say where they are. Absent: the company's."""
    may_lift: tuple[str, ...] | None = None
    """The methods by which an opt-in of this source ends a suppression, within ``scope``. Absent: the format's own
    (``policy/format_trust.csv``), which is none for canonical requests: a word in a column is no proof of who wrote it."""
    expected_every_hours: Annotated[int, Field(gt=0)] | None = None
    """A source silent for longer is reported late. Absent: never late."""
    volume_factor: Annotated[float, Field(ge=0)] = 4.0
    """A day that brings less than the usual of its weekday divided by this, or more than the usual times this, is reported; 0
    reports nothing. Four: a large campaign trebles a day's opt-outs, a filter or a broken export leaves a tenth."""
    live_since: FirstDay | None = None
    """The source's own first day, for one that was connected after the company's: what it says of the time before is inherited.
    Absent: the company's."""

    our_addresses: tuple[str, ...] = ()
    """The company's own addresses (news@example.com) and domains (@example.com): in a mailbox, what they send is no request and
    what a letter says of them names nobody."""

    ignored_columns: tuple[str, ...] = ()
    """Labels that nobody needs to read, though their values look like addresses, numbers or times ("order number")."""

    pull: Pull | None = None
    """How to fetch what the source holds: a section ``[sources.NAME.pull]`` (docs/pulling.md). Absent: somebody else puts its
    files into the folder."""

    owners: tuple[str, ...] = ()
    """Who answers for the tables of this source's format, as team:name or an address. Empty: the company's owners."""

    _check_owners = field_validator("owners")(owner_list)
    _check_scope = field_validator("scope")(_scope)
    _check_region = field_validator("region")(lambda value: value if value is None else _region(value))

    @field_validator("volume_factor")
    @classmethod
    def _check_factor(cls, value: float) -> float:
        if value and not (MOST_USUAL_FACTOR >= value > 1):  # also of a value that is no number (nan), which TOML can say
            raise ValueError(f"is above 1 and up to {MOST_USUAL_FACTOR:,}, or 0 for never")
        return value

    @field_validator("may_lift")
    @classmethod
    def _check_methods(cls, values: tuple[str, ...] | None) -> tuple[str, ...] | None:
        known = lifting_methods()
        if unknown := sorted(set(values or ()) - set(known)):
            raise ValueError(f"{', '.join(unknown)}: not one of {', '.join(known)}")
        return values if values is None else tuple(sorted(set(values)))

    @field_validator("our_addresses")
    @classmethod
    def _check_addresses(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        if wrong := [value for value in values if not _OWN_ADDRESS.fullmatch(value.strip())]:
            raise ValueError(f"{', '.join(wrong)}: neither an address such as news@example.com nor a domain such as @example.com")
        return tuple(sorted({value.strip().lower() for value in values}))

    _check_zone = field_validator("timezone")(_timezone)


class Destination(BaseModel):
    """One system that is kept in line. Keys beyond these belong to its module, which validates them."""

    model_config = ConfigDict(extra="allow", frozen=True)

    system: str
    """A module under ``orchestration/destinations/``."""
    channels: tuple[Channel, ...] = Field(min_length=1)
    """The channels that this system contacts people on, of those that it can hold."""
    scopes: tuple[str, ...] = ("*",)
    """A golden row is wanted here when it suppresses any of these nodes."""
    dry_run: bool = False
    """Plan and report, but send nothing."""
    live_since: FirstDay | None = None
    """The destination's own first day, for one that was added after the company's: its clocks of older requests run from then,
    counted as inherited. Absent: the company's."""
    max_releases: Annotated[int, Field(ge=0)] = 100
    """More releases than this in one push, or in all pushes of one day (UTC), are held for a person."""
    max_release_share: Annotated[float, Field(ge=0, le=1)] = 0.05
    """More than this share of the rows we wrote, released in one push or on one day (UTC), is held for a person."""
    look_up_minutes: Annotated[float, Field(gt=0)] = 30.0
    """How long one push may look rows up at a system that shows no list, half of it before it sends. What there was no time
    for is sent all the same, and looked up by a later push."""
    owners: tuple[str, ...] = ()
    """Who answers for this destination, as team:name or an address. Empty: the company's owners."""

    _check_owners = field_validator("owners")(owner_list)

    @field_validator("scopes")
    @classmethod
    def _check_scopes(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(_scope(value) for value in values))

    @model_validator(mode="after")
    def _check_secrets(self) -> Destination:
        _no_secrets(self.model_extra)
        return self


class Limits(_Strict):
    """How much of the machine a run may use, and how large what arrives may be.

    What is too large costs only itself: a record goes to quarantine, a file only where no record of it can be told apart.
    """

    memory: str = "4GB"
    """DuckDB's memory limit; the process needs some hundred MB beside it."""
    spill: str = "50GB"
    """Cap of the temporary folder that DuckDB spills to."""
    spill_folder: str = ""
    """Absolute path of a folder to spill to, for a disk of its own. Empty: warehouse/spill in the home."""
    max_file: str = "20GB"
    """Largest single file, after unpacking."""
    max_record: str = "2MiB"
    """Largest record of a delimited or line file, a character counting as a byte; real ones stay below some hundred kB."""
    max_json_value: str = "16MiB"
    """Largest JSON value that is read as a whole, a character counting as a byte: a record, or the page that holds records."""
    max_json_depth: Annotated[int, Field(gt=0, le=200)] = 64
    """Levels of nesting; the deepest webhook seen has 9. Past 200 Python's own stack is near."""
    max_columns: Annotated[int, Field(gt=0)] = 2_000
    """Columns of a delimited file, keys of a JSON object; the widest CRM exports seen have several hundred."""
    max_quarantine_texts: Annotated[int, Field(ge=0)] = 100_000
    """Quarantined records per file that are kept with their text; later ones with number and reason, their text in landing."""
    max_archive_entries: Annotated[int, Field(gt=0)] = 10_000
    """Files in one archive."""
    max_archive_ratio: Annotated[int, Field(gt=0)] = 200
    """Unpacked size over packed size; real CSV exports stay below 30, bombs start at 1000."""
    settle_seconds: Annotated[float, Field(ge=0, le=3600)] = 2.0
    """A file in the inbox whose size or time changed within this is still being written."""

    @field_validator("spill_folder")
    @classmethod
    def _check_folder(cls, value: str) -> str:
        if value and (not Path(value).is_absolute() or "\0" in value):
            raise ValueError(f"'{value}' is not an absolute path")
        return value

    @field_validator("memory", "spill", "max_file", "max_record", "max_json_value")
    @classmethod
    def _check_size(cls, value: str) -> str:
        if not _SIZE.fullmatch(value) or not 1 <= size_in_bytes(value) <= _LARGEST:
            raise ValueError(f"'{value}' is not a size such as 4GB or 512MiB")
        return value


class Encryption(_Strict):
    """What Quietlist itself encrypts at rest; the rest is the operating system's (docs/decisions/0007)."""

    landing: bool = False
    """Seal the landed files; see ``orchestration/landing/sealing.py``."""
    key_env: str | None = None
    """Name of the environment variable that holds the key."""
    key_file: str | None = None
    """The file that holds the key; relative to the home."""
    allow_outside_home: bool = False
    """Must be true for a key file outside the home, which is the better place for one: apart from what it opens."""

    @model_validator(mode="after")
    def _check_key(self) -> Encryption:
        if self.key_env is not None and not _ENV.match(self.key_env):
            raise ValueError("key_env names an environment variable such as QUIETLIST_LANDING_KEY, never the key itself")
        if self.key_env and self.key_file:
            raise ValueError("key_env and key_file exclude each other")
        if self.landing and not (self.key_env or self.key_file):
            raise ValueError("landing = true needs key_env or key_file")
        return self

    def key_path(self, root: Path) -> Path:
        """Where the key file lies, links followed."""
        return (root / Path(self.key_file or "").expanduser()).resolve()


class DagsterSettings(_Strict):
    """Where Dagster keeps its records of runs, and what its daemon starts by itself."""

    storage_url_env: str | None = None
    """Name of the environment variable with a PostgreSQL URL, for a web server and a daemon of their own (the extra
    ``server``). Absent: SQLite in the home, which is enough for one machine."""
    daily_at: str | None = None
    """Time of day, such as ``04:00``, at which the daemon runs the whole job. Absent: the schedule stands ready at 04:00 and is
    off until somebody switches it on in Dagster's pages."""
    timezone: str = "UTC"
    """IANA zone of ``daily_at``."""
    watch_inbox: bool = False
    """The daemon looks into the inbox twice a minute and runs the whole job for files that have come to rest."""

    @field_validator("storage_url_env")
    @classmethod
    def _check_env(cls, value: str | None) -> str | None:
        if value is not None and not _ENV.match(value):
            raise ValueError("names an environment variable such as QUIETLIST_DAGSTER_DB, never the URL itself")
        return value

    @field_validator("daily_at")
    @classmethod
    def _check_time(cls, value: str | None) -> str | None:
        if value is not None and not _TIME_OF_DAY.fullmatch(value):
            raise ValueError(f"'{value}' is not a time of day such as 04:00")
        return value

    _check_timezone = field_validator("timezone")(_timezone)


class Publish(_Strict):
    """Who may read what is published."""

    group: Annotated[str, Field(min_length=1)] | None = None
    """A group of this machine that may read the golden rows and ``latest.json``, and nothing else. Absent: their owner alone."""
    evidence: bool = True
    """Export the evidence when a run ends, so that ``explain``, ``sources``, ``destinations`` and ``report`` answer while the
    next one goes on. It costs seconds for each million requests on a day that changed something; see docs/performance.md."""


class MailAlerts(_Strict):
    """Alerts by e-mail, through a mail server of the company's."""

    host: str = Field(min_length=1, examples=["smtp.example.com"])
    """The mail server that takes the messages."""
    port: Annotated[int, Field(gt=0, lt=65536)] = 587
    """Its port: usually 587 with starttls, 465 with tls, 25 without either."""
    security: Literal["starttls", "tls", "none"] = "starttls"
    """How the connection is encrypted. ``none`` only without a password, or to this machine."""
    sender: str = Field(examples=["quietlist@example.com"])
    """The address that the messages come from."""
    recipients: tuple[str, ...] = Field(min_length=1, examples=[["privacy-team@example.com"]])
    """The addresses that get them: the company's own people."""
    user: str = ""
    """The name to sign in with. Empty: the server asks for none."""
    password_env: str | None = None
    """Name of the environment variable that holds the password of ``user``."""
    timeout_seconds: Annotated[float, Field(ge=1, le=300)] = 30.0
    """How long one answer of the server may take."""

    @field_validator("sender", "recipients")
    @classmethod
    def _check_addresses(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        if wrong := [text for text in ((value,) if isinstance(value, str) else value) if not _MAILBOX.fullmatch(text)]:
            raise ValueError(f"{', '.join(wrong)}: not an address such as privacy-team@example.com")
        return value

    @model_validator(mode="after")
    def _check_password(self) -> MailAlerts:
        if self.password_env is not None and not _ENV.match(self.password_env):
            raise ValueError("password_env names an environment variable such as SMTP_PASSWORD, never the password itself")
        if bool(self.user) != bool(self.password_env):
            raise ValueError("user and password_env belong together: give both or neither")
        if self.security == "none" and self.user and self.host not in THIS_MACHINE:
            raise ValueError("security = none would send the password in plain text: use starttls or tls")
        return self


class WebhookAlerts(_Strict):
    """Alerts posted as JSON to one address: a chat's incoming webhook, or a receiver of the company's."""

    url_env: str = Field(examples=["ALERT_WEBHOOK_URL"])
    """Name of the environment variable that holds the address: chats put their secret into it."""
    secret_env: str | None = None
    """Name of the environment variable that holds a secret to sign with (Standard Webhooks). Absent: not signed."""
    allow_plain_http: bool = False
    """Must be true for an address without TLS that is not this machine."""
    timeout_seconds: Annotated[float, Field(ge=1, le=300)] = 30.0
    """How long one answer may take."""

    @field_validator("url_env", "secret_env")
    @classmethod
    def _check_variables(cls, value: str | None) -> str | None:
        if value is not None and not _ENV.match(value):
            raise ValueError("names an environment variable such as ALERT_WEBHOOK_URL, never what it holds")
        return value


class Alerts(_Strict):
    """Who is told when a run finds something, or fails. Without a channel nobody is."""

    at_least: Literal["alert", "hold", "stop"] = "alert"
    """The lowest level that is told: ``alert`` (somebody must look), ``hold`` (releases wait), ``stop`` (nothing was published).
    A run that failed is always told."""
    repeat_hours: Annotated[int, Field(ge=1, le=24 * 31)] = 20
    """A finding that lasts is told again after this. A little less than a day, so that a daily run tells it daily."""
    email: MailAlerts | None = None
    """Absent: no e-mail."""
    webhook: WebhookAlerts | None = None
    """Absent: no webhook."""


class Matters(_Strict):
    """Who answers for what needs a person, by when, and how often the list is reviewed."""

    owners: dict[str, tuple[str, ...]] = {}
    """Kind of matter -> who answers for it, as team:name or an address. Absent: the owners of the source or destination it is
    about, else the company's."""
    due_hours: dict[str, Annotated[int, Field(gt=0, le=24 * 366)]] = {}
    """Kind of matter -> hours until it is due, from when a run first finds it. Absent: see ``quietlist matters --kinds``."""
    review_every_days: Annotated[int, Field(gt=0, le=366)] = 90
    """A sample of the list is reviewed at least so often; a matter says when it is due."""
    review_size: Annotated[int, Field(gt=0, le=1000)] = 20
    """How many suppressions, and how many releases, a sample holds."""

    @field_validator("owners", "due_hours")
    @classmethod
    def _check_kinds(cls, value: dict[str, Any]) -> dict[str, Any]:
        if unknown := sorted(set(value) - set(KINDS_OF_MATTERS)):
            raise ValueError(f"{', '.join(unknown)}: not one of {', '.join(KINDS_OF_MATTERS)}")
        return value

    @field_validator("owners")
    @classmethod
    def _check_owners(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        return {kind: owner_list(owners) for kind, owners in value.items()}


class Canaries(_Strict):
    """Addresses and numbers of the company's own that stand in each list as if they had opted out (docs/canaries.md)."""

    mailbox: str = Field(default="", examples=["seed@canaries.example.com"])
    """A mailbox of which ``seed+tag@`` reaches the same one: each list of a destination, and each scrubbed campaign, gets a tag
    of its own. Empty: no addresses but those of ``addresses``."""
    addresses: dict[str, str] = {}
    """Destination, or ``scrub`` -> an address of its own, where a vendor takes no plus sign."""
    numbers: dict[str, str] = {}
    """Destination, or ``scrub`` -> a number of its own, with its country and without blanks."""

    @field_validator("mailbox")
    @classmethod
    def _check_mailbox(cls, value: str) -> str:
        value = value.strip().lower()
        if value and (not _CANARY_ADDRESS.fullmatch(value) or "+" in value):
            raise ValueError("is no plain address such as seed@canaries.example.com, without a plus sign")
        return value

    @field_validator("addresses")
    @classmethod
    def _check_addresses(cls, values: dict[str, str]) -> dict[str, str]:
        values = {name: value.strip().lower() for name, value in values.items()}
        return _apart(values, _CANARY_ADDRESS, "no plain address such as seed-17@example.com")

    @field_validator("numbers")
    @classmethod
    def _check_numbers(cls, values: dict[str, str]) -> dict[str, str]:
        return _apart(values, _CANARY_NUMBER, "no number such as +12125550100, with its country and without blanks")


def _apart(values: dict[str, str], form: re.Pattern[str], wrong: str) -> dict[str, str]:
    """One canary in two lists would not say which of them it came from."""
    if bad := sorted(name for name, value in values.items() if not form.fullmatch(value)):
        raise ValueError(f"of {', '.join(bad)}: {wrong}")
    if twice := sorted(name for name, value in values.items() if list(values.values()).count(value) > 1):
        raise ValueError(f"of {', '.join(twice)}: the same one; give each list its own")
    return values


@dataclass(frozen=True)
class Live:
    """The first day of the company, of a source or of a destination, as it counts."""

    kind: Literal["company", "source", "destination"]
    name: str
    """Empty for the company."""
    since: datetime | None
    """None: no first day is set, here or for the company."""


class Config(_Strict):
    """The whole of ``quietlist.toml``."""

    company: Company
    sources: dict[str, Source] = {}
    destinations: dict[str, Destination] = {}
    limits: Limits = Limits()
    publish: Publish = Publish()
    encryption: Encryption = Encryption()
    dagster: DagsterSettings = DagsterSettings()
    alerts: Alerts = Alerts()
    matters: Matters = Matters()
    canaries: Canaries = Canaries()

    @property
    def scope_tree(self) -> tuple[str, ...]:
        """Every node: ``*``, then each configured path and its ancestors, sorted."""
        return scope_tree(self.company.scopes)

    def live_from(self, day: date | None) -> datetime | None:
        """The moment at which a first day begins, in the company's zone where it names none. Of a moment that the clock shows
        twice, or never, the earlier."""
        if day is None:
            return None
        moment = day if isinstance(day, datetime) else datetime.combine(day, time())
        return (moment if moment.tzinfo else moment.replace(tzinfo=zoneinfo.ZoneInfo(self.company.timezone))).astimezone(UTC)

    @property
    def first_days(self) -> tuple[Live, ...]:
        """The first day of everything, the company's first. What a sync finds at a destination is as old as the destination."""
        company = self.live_from(self.company.live_since)
        destinations = {name: self.live_from(entry.live_since) or company for name, entry in self.destinations.items()}
        sources = {name: self.live_from(entry.live_since) or company for name, entry in self.sources.items()}
        sources |= {f"{FOUND_PREFIX}{name}": since for name, since in destinations.items()}
        return (
            Live("company", "", company),
            *(Live("source", name, since) for name, since in sorted(sources.items())),
            *(Live("destination", name, since) for name, since in sorted(destinations.items())),
        )

    @property
    def sends(self) -> tuple[str, ...]:
        """The destinations that something leaves to, sorted."""
        return tuple(sorted(name for name, destination in self.destinations.items() if not destination.dry_run))


def size_in_bytes(text: str) -> int:
    """``4GB`` -> 4_000_000_000, ``1MiB`` -> 1_048_576."""
    number, unit = re.match(r"^([0-9.]+)\s?([A-Za-z]+)$", text).groups()  # type: ignore[union-attr]
    power = "KMGT".index(unit[0]) + 1
    return int(float(number) * (1024 if "i" in unit else 1000) ** power)


def outside(root: Path, section: str, paths: Sequence[tuple[str, Path]]) -> list[str]:
    """A problem for each of a section's paths (its key, and where it leads, links followed) that leaves the home.

    A configuration that somebody else may edit must not make a run read or write elsewhere on the machine unnoticed.
    """
    return [
        f"{section}.{key}: {path} lies outside the home; set allow_outside_home = true in [{section}] if that is meant"
        for key, path in paths
        if not path.is_relative_to(root.resolve())
    ]


# Staging folders that are no vendor's: the vendor-neutral feeds, and what Quietlist itself writes.
_OUR_FOLDERS = ("canonical", "quietlist", "identifiers", "identity")


def known_formats() -> tuple[str, ...]:
    """The staging folders, which are the formats a source may have."""
    staging = CHECKOUT / "dbt_project" / "models" / "staging"
    canonical = ("requests", "contacts", "contacts_made")
    vendors = (folder.name for folder in staging.iterdir() if folder.is_dir() and folder.name not in _OUR_FOLDERS)
    return (*canonical, *sorted(vendors))


@functools.cache
def lifting_methods() -> tuple[str, ...]:
    """The methods that can end a suppression at all, which are what a source may be trusted with."""
    with (CHECKOUT / "dbt_project" / "seeds" / "policy" / "lifting_methods.csv").open(encoding="utf-8", newline="") as stream:
        return tuple(sorted({row["method"] for row in csv.DictReader(stream)}))


# What the systems' modules have in common, beside them.
_NO_SYSTEMS = ("aws", "contract", "drops", "lists")


def known_systems() -> tuple[str, ...]:
    """The destination modules, which are the systems a destination may have."""
    folder = PACKAGE / "destinations"
    modules = [*folder.glob("*.py"), *(folder / "systems").glob("*.py")]
    return tuple(sorted(path.stem for path in modules if not path.stem.startswith("_") and path.stem not in _NO_SYSTEMS))


def load_config(home: Home) -> Config:
    """Read and validate the home's ``quietlist.toml``.

    Raises:
        ConfigError: with every problem found, each naming its place in the file.
    """
    home.require()
    try:
        text = home.config_file.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        line = home.config_file.read_bytes()[: error.start].count(b"\n") + 1
        problem = f"not UTF-8: line {line} holds a letter in another encoding"
        raise ConfigError(f"Reading {home.config_file}", [problem], next_step="save the file as UTF-8 and run again") from error
    return parse_config(text, home.config_file)


def parse_config(text: str, path: Path) -> Config:
    """Validate the text of a configuration file; ``path`` is only named in errors."""
    tried = f"Reading {path}"
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(tried, [f"not valid TOML: {error}"], next_step="correct the line and run again") from error
    problems: list[str] = []
    config: Config | None = None
    try:
        config = Config.model_validate(data)
    except ValidationError as error:
        problems += [_problem(item) for item in error.errors()]
    problems += _cross_checks(data, config)
    if config is not None and config.encryption.key_file and not config.encryption.allow_outside_home:
        problems += outside(path.parent, "encryption", [("key_file", config.encryption.key_path(path.parent))])
    if problems or config is None:
        raise ConfigError(tried, problems, next_step="correct these and run again; nothing was started")
    return config.model_copy(update={"sources": {**config.sources, **_own_sources(config, path.parent)}})


def is_own_source(name: str) -> bool:
    """Whether Quietlist itself fills the source: nobody configures it, and nobody waits for it."""
    return name.startswith(FOUND_PREFIX) or name in (DECISIONS, ERASURES)


def _own_sources(config: Config, root: Path) -> dict[str, Source]:
    """What people decide, one source per destination for the opt-outs that a sync finds there and brings home, and what erasures
    ask for, once there was one: until then a home need not read that format."""
    names = (DECISIONS, *(f"{FOUND_PREFIX}{name}" for name in sorted(config.destinations)))
    erasures = {ERASURES: Source(format="requests")} if Home(root).erasures_folder.is_dir() else {}
    return {name: Source(format=OWN_FORMAT) for name in names} | erasures


def _problem(item: Any) -> str:
    place = ".".join(str(part) for part in item["loc"]) or "(top level)"
    if item["type"] == "extra_forbidden":
        return f"{place}: {unknown_key(str(item['loc'][-1]), keys_of(_model_at(item['loc'])))}"
    if item["type"] == "missing":
        return f"{place}: is required"
    return f"{place}: {item['msg'].removeprefix('Value error, ')}"


def unknown_key(key: str, allowed: Sequence[str]) -> str:
    """What is said of a key that nothing reads: what is allowed there, and what it is most like."""
    close = difflib.get_close_matches(key, allowed, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    return f"unknown key; allowed: {', '.join(sorted(allowed))}{hint}"


def keys_of(model: type[BaseModel]) -> list[str]:
    """The keys that a section may have, as they are written."""
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_at(loc: tuple[str | int, ...]) -> type[BaseModel]:
    """The section that a key stands in; of sources and destinations, the model of each."""
    model: type[BaseModel] = Config
    path = iter(loc[:-1])
    for part in path:
        field = model.model_fields.get(str(part))
        kinds = get_args(field.annotation) or (field.annotation,) if field else ()
        model = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), model)
        if field is not None and get_origin(field.annotation) is dict:
            next(path, None)  # the name of one of them
    return model


def _cross_checks(data: dict[str, Any], config: Config | None) -> list[str]:
    """Names that must exist elsewhere, checked on the raw data so that they show beside pydantic's findings."""
    problems = []
    for section, key, known in (("sources", "format", known_formats()), ("destinations", "system", known_systems())):
        entries = data.get(section)
        for name, entry in entries.items() if isinstance(entries, dict) else ():
            if not _NAME.match(name) or is_own_source(name):
                problems.append(
                    f"{section}.{name}: a name is lower-case letters, digits and _, and not {FOUND_PREFIX}... or {DECISIONS}, "
                    "which Quietlist fills itself"
                )
            value = entry.get(key) if isinstance(entry, dict) else None
            if isinstance(value, str) and value not in known:
                close = difflib.get_close_matches(value, known, n=1)
                hint = f"; did you mean {close[0]}?" if close else ""
                problems.append(f"{section}.{name}.{key}: '{value}' is not one of {', '.join(known)}{hint}")
    if config is not None:
        problems += [*_of_first_days(config), *_of_canaries(config)]
    if config is not None and config.company.scopes:
        tree = set(config.scope_tree)
        places = [(f"sources.{name}.scope", source.scope) for name, source in config.sources.items()]
        places += [(f"destinations.{name}.scopes", s) for name, dest in config.destinations.items() for s in dest.scopes]
        problems += [
            f"{place}: '{scope}' is not in company.scopes ({', '.join(config.company.scopes)})"
            for place, scope in places
            if scope not in tree
        ]
    return problems


def _of_canaries(config: Config) -> list[str]:
    """Canaries of lists that there are not, and of ones that could not be told apart."""
    given = config.canaries
    allowed = {*config.destinations, SCRUB}
    problems = [
        f"canaries.{key}.{name}: there is no such destination; allowed: {', '.join(sorted(allowed))}"
        for key, names in (("addresses", given.addresses), ("numbers", given.numbers))
        for name in sorted(set(names) - allowed)
    ]
    if SCRUB in config.destinations and given != Canaries():
        problems.append(f"destinations.{SCRUB}: call it something else; [canaries] means scrubbed campaigns by that name")
    local, _, domain = given.mailbox.partition("@")
    problems += [
        f"canaries.addresses.{name}: an address of canaries.mailbox; leave it out, each list gets one of those by itself"
        for name, address in given.addresses.items()
        if given.mailbox and address.endswith(f"@{domain}") and address.removesuffix(f"@{domain}").partition("+")[0] == local
    ]
    return problems


def _of_first_days(config: Config) -> list[str]:
    """First days that cannot be: still to come, or before the company's own."""
    company = config.live_from(config.company.live_since)
    given = [("company", config.company.live_since)]
    given += [(f"sources.{name}", source.live_since) for name, source in config.sources.items()]
    given += [(f"destinations.{name}", destination.live_since) for name, destination in config.destinations.items()]
    problems = []
    for section, day in given:
        since = config.live_from(day)
        if since is None:
            continue
        place = f"{section}.live_since: {day}"
        if is_ahead(since):
            problems.append(f"{place} is still to come: leave it out until that day, or nothing would count as ours")
        elif company is not None and since < company and not is_ahead(company):
            problems.append(
                f"{place} is before company.live_since ({config.company.live_since}): the company's first day is that of its "
                "first source and destination"
            )
    return problems
