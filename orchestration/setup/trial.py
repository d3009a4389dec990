"""``quietlist try``: what each record of one file would become, and nothing of it stays.

The file goes through the real steps, collecting to the ledger, in a throw-away home beside the real warehouse (the same disk, the
same permissions) with the configuration as it is. What is known of people outside the file takes no part: whether somebody is on
the list already is ``quietlist explain``.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from orchestration.core.config import Config, is_own_source
from orchestration.core.errors import ConfigError
from orchestration.core.home import PRIVATE_FOLDER, Home
from orchestration.core.masks import mask, mask_label
from orchestration.core.warehouse import warehouse
from orchestration.core.wording import counted, listed, told
from orchestration.day import reconcile
from orchestration.landing import collect
from orchestration.quarantine.unknown_values import unknown_values
from orchestration.readers.feeds import all_feeds
from orchestration.readers.loading import load
from orchestration.readers.register import register
from orchestration.reconcile import stages

# Of a record that is several things the most important one is told: who must not be contacted, then what nobody could use.
_RECORDS = """
with outcomes as (
    select * from ledger.record_outcomes
),

requests as (
    select * from ledger.requests
),

refused as (
    select file_id, record_no, list(distinct reason order by reason) as reasons
    from ledger.quarantine
    group by file_id, record_no
),

contacts_made as (
    select distinct file_id, record_no from staging.int_contacts_made__unioned where outcome <> 'quarantine'
),

contacts as (
    select distinct file_id, record_no from staging.int_contacts__unioned where outcome <> 'quarantine'
),

every as (
    select file_id, record_no from outcomes
    union
    select file_id, record_no from refused
    union
    select file_id, record_no from contacts_made
    union
    select file_id, record_no from contacts
),

final as (
    select
        every.file_id,
        every.record_no,
        outcomes.outcome,
        coalesce(array_to_string(refused.reasons, ', '), outcomes.reason) as reason,
        contacts_made.record_no is not null as is_contact_made,
        contacts.record_no is not null as is_contact,
        requests.action,
        requests.method,
        requests.channels,
        requests.scope,
        requests.time_text,
        requests.emails,
        requests.phones,
        requests.postal_key is not null as has_address,
        requests.customer_id is not null as has_customer,
        requests.doubt
    from every
    left join outcomes on every.file_id = outcomes.file_id and every.record_no = outcomes.record_no
    left join requests on outcomes.request_id = requests.request_id
    left join refused on every.file_id = refused.file_id and every.record_no = refused.record_no
    left join contacts_made on every.file_id = contacts_made.file_id and every.record_no = contacts_made.record_no
    left join contacts on every.file_id = contacts.file_id and every.record_no = contacts.record_no
)
"""
# What keeps an opt-in from lifting anything: `untrusted_opt_ins` says it of the home's own, once there is a golden table.
_WITHOUT_EFFECT = """
with opt_ins as (
    select * from ledger.requests where action = 'opt_in'
),

trusted as (
    select * from staging.stg_quietlist__trusted_methods
),

final as (
    select
        opt_ins.file_id,
        opt_ins.record_no,
        opt_ins.method,
        case
            when opt_ins.method not in (select method from policy.lifting_methods) then 'method_never_lifts'
            when trusted.method is null then 'not_in_may_lift'
            when trusted.scope not in ('*', opt_ins.scope) and not starts_with(opt_ins.scope, trusted.scope || '/') then
                case
                    when opt_ins.scope = '*' or starts_with(trusted.scope, opt_ins.scope || '/') then 'lifts_in_its_scope_only'
                    else 'outside_of_its_scope'
                end
        end as why
    from opt_ins
    left join trusted on opt_ins.source = trusted.source and opt_ins.method = trusted.method
)

select * from final where why is not null
"""
_LIFTS_NOTHING = {
    "method_never_lifts": (
        "1 opt-in by {} would lift nothing: nothing that came so ever does",
        "# opt-ins by {} would lift nothing: nothing that came so ever does",
    ),
    "not_in_may_lift": (
        "1 opt-in by {} would lift nothing: may_lift of the source does not name {}, nor is its format trusted with it",
        "# opt-ins by {} would lift nothing: may_lift of the source does not name {}, nor is its format trusted with it",
    ),
    "outside_of_its_scope": (
        "1 opt-in by {} would lift nothing: it lies outside of the source's scope",
        "# opt-ins by {} would lift nothing: they lie outside of the source's scope",
    ),
    "lifts_in_its_scope_only": (
        "1 opt-in by {} would lift within the source's scope only, and says more",
        "# opt-ins by {} would lift within the source's scope only, and say more",
    ),
}
_EFFECT = dict.fromkeys(_LIFTS_NOTHING, "lifts nothing") | {"lifts_in_its_scope_only": "lifts within the source's scope only"}
_MEANING = {
    "request": "would be taken as a request",
    "doubt": "would be taken as a request, suppressed first, and listed for a person",
    "quarantine": "could not be used, and would be listed for a person",
    "contact_made": "is a contact that was made",
    "contact": "is a contact point of a customer",
    "echo": "is a vendor's sign that it holds somebody back",
    "not_a_request": "asks for nothing",
    "duplicate": "says what another record says",
    "listing": "is a listing of a registry",
}


@dataclass(frozen=True)
class Tried:
    """What became of one file. ``records`` are the first of them, without personal data unless they were asked for."""

    source: str
    files: Sequence[dict[str, Any]]
    counts: dict[str, int]
    records: Sequence[dict[str, Any]]
    unread: Sequence[str]
    unknown: Sequence[str]
    held: Sequence[str]
    without_effect: Sequence[str] = ()
    """Opt-ins that would lift nothing, or less than they say, and why."""

    @property
    def is_clean(self) -> bool:
        """Whether every record was used."""
        return not (self.counts.get("quarantine") or self.unknown or self.held) and any(file["feed"] for file in self.files)

    def as_dict(self) -> dict[str, Any]:
        """For a program."""
        return {
            "source": self.source,
            "files": list(self.files),
            "counts": self.counts,
            "records": list(self.records),
            "columns_nobody_reads": list(self.unread),
            "unknown_values": list(self.unknown),
            "held": list(self.held),
            "without_effect": list(self.without_effect),
        }

    def lines(self) -> list[str]:
        """For a person at a terminal."""
        said = []
        for file in self.files:
            known = f"{file['vendor']}, {file['feed']}" if file["feed"] else "no feed of this format knows it"
            said.append(f"{file['name']}: {known}; {counted(file['records'], 'record')}")
        said += list(self.held)
        said += [f"  {number:,} {kind.replace('_', ' ')}: {_MEANING[kind]}" for kind, number in self.counts.items()]
        said += [f"  nobody reads the column {label}" for label in self.unread]
        said += [f"  {sentence}" for sentence in (*self.unknown, *self.without_effect)]
        if self.records:
            said.append("")
        for record in self.records:
            what = [record["kind"].replace("_", " ")]
            if record["action"]:
                on = f"on {listed(record['channels'])}" if record["channels"] else "on every channel"
                what += [f"{record['action']} by {record['method']}", on, f"within {record['scope']}"]
            what += [f"({record['reason']})"] if record["reason"] else []
            what += [f"in doubt: {record['doubt']}"] if record["doubt"] else []
            what += [f"of {listed(record['people'])}"] if record["people"] else []
            what += [_EFFECT[record["lifts"]]] if record["lifts"] else []
            said.append(f"record {record['record_no']}: {', '.join(what)}")
        total = sum(self.counts.values())
        if len(self.records) < total:
            said.append(f"and {total - len(self.records):,} more: --limit shows them")
        said += ["", "Nothing was kept."]
        if any(self.counts.get(kind) for kind in self.counts if kind != "quarantine"):
            said[-1] += f" Next step: put the file into inbox/{self.source}/ and start quietlist run."
        else:
            said[-1] += " Next step: see quietlist formats NAME for what the source's format reads, or give another source."
        return said


def try_file(
    home: Home, config: Config, file: Path, source: str, as_of: datetime, *, limit: int = 20, reveal: bool = False
) -> Tried:
    """Read ``file`` as a delivery of ``source``; identifiers are masked unless ``reveal``.

    Raises:
        ConfigError: there is no such source or file.
    """
    configured = [name for name in config.sources if not is_own_source(name)]
    if source not in configured:
        raise ConfigError(
            "Trying a file",
            seen="a source that is not in quietlist.toml",
            allowed=listed(sorted(configured)),
            next_step="give one of these with --source, or describe the source first (quietlist formats says what can be read)",
        )
    if not file.is_file():
        raise ConfigError("Trying a file", seen="no such file", allowed="one file that can be read", next_step="check its path")
    # Beside the real warehouse where there is one: the same disk, the same permissions.
    beside = home.warehouse_folder if home.warehouse_folder.is_dir() else home.root
    with tempfile.TemporaryDirectory(prefix="try.", dir=beside) as folder:
        trial = _Trial(Path(folder), home).create()
        place = trial.inbox / source
        place.mkdir(mode=PRIVATE_FOLDER)
        shutil.copyfile(file, place / file.name)
        alone = config.model_copy(
            update={
                # A delivery that is still being written is a matter of the inbox.
                "limits": config.limits.model_copy(update={"settle_seconds": 0}),
                "sources": {source: config.sources[source]},
            }
        )
        collected = collect(trial, alone, as_of)
        with warehouse(trial, limits=alone.limits) as con:
            stages.prepare(con, trial)
            register(con, trial, alone, unread=collected.unread)
            load(con, trial, alone, as_of)
        reconcile(trial, alone, as_of, until="ledger")
        with warehouse(trial, limits=alone.limits) as con:
            return _told(con, source, [*collected.held(), *collected.left()], limit, reveal=reveal)


@dataclass(frozen=True)
class _Trial(Home):
    """A home with the configuration and the key of another, and nothing else: no secret is copied."""

    original: Home

    @property
    def key_file(self) -> Path:
        """A home that never ran has no key yet, and does not get one by this."""
        return self.original.key_file if self.original.key_file.exists() else self.root / "home.key"

    @property
    def config_file(self) -> Path:
        return self.original.config_file


def _told(con: duckdb.DuckDBPyConnection, source: str, held: Sequence[str], limit: int, *, reveal: bool) -> Tried:
    kinds = """
        case
            when outcome = 'quarantine' or (reason is not null and outcome is null and not is_contact and not is_contact_made)
                then 'quarantine'
            when outcome = 'entry' and doubt is not null then 'doubt'
            when outcome = 'entry' then 'request'
            when outcome = 'echo' then 'echo'
            when is_contact_made then 'contact_made'
            when is_contact then 'contact'
            else coalesce(outcome, 'quarantine')
        end"""
    every = f"{_RECORDS} select *, {kinds} as kind from final"
    counts = dict(con.execute(f"select kind, count(*) from ({every}) group by kind order by count(*) desc, kind").fetchall())
    registries = {(feed.vendor, feed.feed) for feed in all_feeds() if feed.kinds == ("registry",)}
    files = [
        {
            "name": name if reveal else mask_label(name),
            "vendor": vendor,
            "feed": feed,
            "records": records_read or 0,
            "reader": reader,
            "is_registry": (vendor, feed) in registries,
        }
        for name, vendor, feed, records_read, reader in con.execute(
            """
            select files.name, files.vendor, files.feed, log.physical_records - log.skipped, log.reader
            from raw.landed_files as files
            left join raw.load_log as log on files.file_id = log.file_id
            order by files.name, files.file_id
            """
        ).fetchall()
    ]
    if listed_there := sum(int(file["records"]) for file in files if file["is_registry"]):
        counts["listing"] = listed_there - counts.get("quarantine", 0)
    without = con.execute(_WITHOUT_EFFECT).fetchall()
    effects = {(file_id, record_no): why for file_id, record_no, _, why in without}
    records = [
        _record(dict(zip([column[0] for column in found.description or ()], row, strict=True)), effects, reveal=reveal)
        for found in [con.execute(f"{every} order by file_id, record_no limit {int(limit)}")]
        for row in found.fetchall()
    ]
    unread = [
        f"{label} (its values look like {looks_like})"
        for label, looks_like in con.execute(
            "select label, min(looks_like) from raw.unread_columns group by label order by label"
        ).fetchall()
    ]
    reasons = sorted(Counter((why, method) for _, _, method, why in without).items())
    effect = [told(number, *_LIFTS_NOTHING[why]).replace("{}", method) for (why, method), number in reasons]
    return Tried(source, files, counts, records, unread, unknown_values(con), held, effect)


def _record(row: dict[str, Any], effects: Mapping[tuple[str, int], str], *, reveal: bool) -> dict[str, Any]:
    """One record without what only the queries need."""
    people = [(kind, value) for kind, values in (("email", row["emails"]), ("phone", row["phones"])) for value in values or ()]
    shown = [value if reveal else mask(kind, value) for kind, value in people]
    shown += ["(postal address)"] if row["has_address"] else []
    shown += ["(customer)"] if row["has_customer"] else []
    fields = {name: row[name] for name in ("record_no", "kind", "reason", "action", "method", "channels", "doubt")}
    scope = row["scope"] and (row["scope"] if reveal else mask_label(row["scope"]))
    lifts = effects.get((row["file_id"], row["record_no"]))
    return {**fields, "scope": scope, "people": shown, "lifts": lifts}
