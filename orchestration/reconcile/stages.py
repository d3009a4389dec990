"""The steps of reconciling in their order, each safe to run again. What a step computes stands in dbt_project/models.

Incremental models take in only files that the ledger does not hold yet (raw.ledger_files). When anything that could
change the meaning of old records has changed (a model, a policy row, the configuration, the normaliser), or a
snapshot arrives that is older than one already ingested, the ledger is built again from the raw tables.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import duckdb

from orchestration.core.canaries import all_canaries
from orchestration.core.config import Config
from orchestration.core.errors import PermanentError
from orchestration.core.files import canonical_json, sha256_text
from orchestration.core.home import Home
from orchestration.core.key import fingerprint, home_key, known_keys
from orchestration.core.stamps import another, create_stamps, note, read_stamps
from orchestration.core.tombstones import tombstones
from orchestration.core.warehouse import one_row, warehouse
from orchestration.identifiers import email_sql, phone_sql, postal
from orchestration.identifiers.cache import NormaliseCounts, create_identifier_tables, normalise_new
from orchestration.readers.feeds import Feed
from orchestration.readers.in_use import feeds_in_use, unused_models
from orchestration.readers.tables import CANARIES, FAILED, create_raw_tables
from orchestration.reconcile import batches, dbt
from orchestration.reconcile.components import Linked, count_persons, create_person_table, link_persons
from orchestration.reconcile.policy import load_policy
from orchestration.registries import Updated, create_registry_tables, is_published, update
from orchestration.sync import copy_state

_NORMALISERS = (phone_sql.NORMALISER, email_sql.NORMALISER, postal.NORMALISER)
# Settings of the company that change no meaning of a record: names, clocks, and the limits of the gate.
_NO_MEANING = ("name", "target_hours", "at_risk_hours", "max_leaving", "max_leaving_share", "owners", "live_since", "timezone")
# Settings of a source that change none either: who answers for it, since when, how its files come, and when it counts as late.
_NO_MEANING_OF_SOURCE = ("owners", "pull", "expected_every_hours", "volume_factor", "live_since")
# Where the vars of a run are wanted without its clock.
_NO_CLOCK = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Built:
    """Result of one stage: every node's outcome, and whether that was a full refresh."""

    nodes: list[dbt.NodeResult]
    full_refresh: bool = False
    unchanged: bool = False
    """True when nothing had to be built: the tables answer for exactly these inputs already."""


def prepare(con: duckdb.DuckDBPyConnection, home: Home, feeds: tuple[Feed, ...] | None = None) -> None:
    """Create every table that a model reads and something else fills; the raw tables of these feeds, by default of all."""
    create_raw_tables(con, feeds)
    create_identifier_tables(con)
    create_person_table(con)
    create_registry_tables(con)
    (exists,) = one_row(con, "select count(*) from duckdb_tables() where schema_name = 'raw' and table_name = 'sync__row_state'")
    if not exists:
        copy_state(con, home)
    create_stamps(con)
    con.execute(batches.TABLE)


def is_standing(home: Home, config: Config) -> bool:
    """Whether every table up to the golden one is made of exactly what the home holds now. Only looks."""
    if not home.warehouse_file.is_file():
        return False
    with warehouse(home, read_only=True, limits=config.limits) as con:
        try:
            return _is_reconciled(con, home, config) and is_published(con, home)
        except duckdb.Error:
            return False  # a warehouse in which no run has come this far, or that does not open as it is


def stand(home: Home, config: Config, as_of: datetime) -> bool:
    """What the steps from ``stage`` to ``golden`` come to when nothing has changed. False, and nothing is done, when it has."""
    with warehouse(home, limits=config.limits) as con:
        if not (_is_reconciled(con, home, config) and is_published(con, home)):
            return False
        note(con, clock=as_of)
        return True


def stage(home: Home, config: Config, as_of: datetime) -> Built:
    """Policy seeds when they changed, then the staging models and the lists of raw identifiers seen."""
    with warehouse(home, limits=config.limits) as con:
        prepare(con, home, feeds_in_use(home, config, con))
        if _is_reconciled(con, home, config):
            return Built([], unchanged=True)
        # From here until the golden table is done the tables answer for no inputs as a whole.
        note(con, reconciled=None)
        policy = dbt.policy_hash()
        policy_changed = read_stamps(con).policy != policy
        full_refresh = _needs_full_refresh(con, config)
        if full_refresh:
            con.execute("begin")
            con.execute("delete from raw.ledger_files")
            con.execute("delete from raw.golden_files")
            note(con, meaning=None)
            con.execute("commit")
    nodes: list[dbt.NodeResult] = []
    if policy_changed:
        nodes += load_policy(home, config, as_of)
        with warehouse(home, limits=config.limits) as con:
            note(con, policy=policy)
    nodes += _build(home, config, as_of, "staging", full_refresh=full_refresh)
    with warehouse(home, limits=config.limits) as con:
        _note_files(con, "staging")
    return Built(nodes, full_refresh)


def normalise(home: Home, config: Config) -> NormaliseCounts:
    """Normalise the identifiers never seen before."""
    with warehouse(home, limits=config.limits) as con:
        if _is_reconciled(con, home, config):
            return NormaliseCounts(0, 0, 0, 0, 0, 0, ())
        _require_files(con, "staging")
        key = home_key(home)
        counts = normalise_new(con, key, tombstones(home), {fingerprint(known): known for known in known_keys(home)})
        # After the hashes, and of the key they were made with: killed in between, the next run makes them again.
        note(con, key=fingerprint(key))
        _note_files(con, "normalise")
        return counts


def registries(home: Home, config: Config, as_of: datetime) -> Updated:
    """New versions of the registries, and what they say about the numbers the company knows."""
    with warehouse(home, limits=config.limits) as con:
        if _is_reconciled(con, home, config) and is_published(con, home):
            return Updated()
        meaning = _meaning(config)
        updated = update(con, home, config, as_of, full_refresh=read_stamps(con).registries != meaning)
        note(con, registries=meaning)
        return updated


def ledger(home: Home, config: Config, as_of: datetime) -> Built:
    """The ledger of requests, the account of every record, and the links between records."""
    with warehouse(home, limits=config.limits) as con:
        if _is_reconciled(con, home, config):
            note(con, clock=as_of)
            return Built([], unchanged=True)
        _require_files(con, "normalise")
        # Emptied by stage() when everything is ingested again.
        full_refresh = one_row(con, "select count(*) from raw.ledger_files")[0] == 0 or _needs_full_refresh(con, config)
        if full_refresh:
            # A full refresh does not say what it touched, so whatever is made of it is refreshed in full as well. Also after a
            # first run that found nothing: its golden table is complete, and empty.
            note(con, persons=None, golden=None)
    nodes = _build(home, config, as_of, "ledger", full_refresh=full_refresh)
    with warehouse(home, limits=config.limits) as con:
        con.execute("begin")
        batches.close_batch(con, home, full_refresh=full_refresh)
        con.execute("delete from raw.ledger_files")
        # A file whose bytes were gone is tried again by each run: its records are still to come.
        con.execute(f"insert into raw.ledger_files select file_id from raw.load_log where reader <> '{FAILED}'")
        note(con, meaning=_meaning(config), clock=as_of)
        _note_files(con, "ledger")
        con.execute("commit")
    return Built(nodes, full_refresh)


def identify(home: Home, config: Config) -> Linked:
    """Who is the same person as whom."""
    with warehouse(home, limits=config.limits) as con:
        if _is_reconciled(con, home, config):
            return count_persons(con)
        _require_files(con, "ledger")
        linked = link_persons(con, full_refresh=read_stamps(con).persons is None)
        note(con, persons="linked")
        _note_files(con, "persons")
        return linked


def golden(home: Home, config: Config, as_of: datetime) -> Built:
    """The golden table, its history, and the legal deadline of every request."""
    with warehouse(home, limits=config.limits) as con:
        if _is_reconciled(con, home, config):
            return Built([], unchanged=True)
        _require_files(con, "persons")
        meaning = _golden_meaning(con, config)
        full_refresh = read_stamps(con).golden != meaning
        # Until the last table is done there is no saying which of them hold what: whoever finds no stamp does a full refresh.
        note(con, golden=None)
    nodes = _build(home, config, as_of, "golden", full_refresh=full_refresh)
    with warehouse(home, limits=config.limits) as con:
        con.execute("begin")
        con.execute("delete from raw.golden_files")
        con.execute("insert into raw.golden_files select file_id from raw.ledger_files")
        con.execute("delete from raw.golden_listings")
        con.execute("insert into raw.golden_listings by name select * from golden.int_known_listings")
        note(con, golden=meaning, settings=_settings(config), reconciled=_inputs(con, config, read_stamps(con).key))
        con.execute("commit")
    return Built(nodes, full_refresh)


def prove(home: Home, config: Config, as_of: datetime) -> Built:
    """Clocks and violations, which need to know what each destination has verified.

    When only the run's clock has moved since they were built, only what names the clock is built again, without dbt: the same
    statements, with another time in them.
    """
    with warehouse(home, limits=config.limits) as con:
        _lay_out_canaries(con, config)
        made_of = _proved_inputs(con, home, config)
        if made_of is not None and read_stamps(con).proved == made_of and (told := _clock_moved(con, as_of)) is not None:
            return Built(told)
        # Both: a build that fails half-way leaves some of the tables replaced, and whoever keeps a copy of them looks again.
        note(con, proved=None, clocks=None)
    nodes = _build(home, config, as_of, "prove")
    by_clock = _named_by_clock(nodes, as_of)
    with warehouse(home, limits=config.limits) as con:
        _note_clocks(con)
    # A check that warns is asked, and told, in every run.
    if made_of is not None and by_clock is not None and all(node.status in ("success", "pass") for node in nodes):
        with warehouse(home, limits=config.limits) as con:
            con.execute("begin")
            note(con, by_clock=canonical_json({"as_of": as_of.isoformat(), "nodes": by_clock}), proved=made_of)
            con.execute("commit")
    return Built(nodes)


def _proved_inputs(con: duckdb.DuckDBPyConnection, home: Home, config: Config) -> str | None:
    """Fingerprint of everything but the clock that clocks and violations are made of; None while the tables before them are not
    made of what they should be.
    """
    if not _is_reconciled(con, home, config):
        return None
    canaries = one_row(
        con, "select md5(coalesce(string_agg(c::varchar, chr(10) order by c::varchar), '')) from raw.canaries as c"
    )
    # Not cryptographic, as the rows are our own: this tells a change, and it is asked of the whole table in every run.
    rows = one_row(con, "select count(*), sum(hash(s)), bit_xor(hash(s)) from raw.sync__row_state as s")
    return sha256_text(canonical_json([read_stamps(con).reconciled, [str(figure) for figure in rows], canaries[0]]))


def _lay_out_canaries(con: duckdb.DuckDBPyConnection, config: Config) -> None:
    """Make ``raw.canaries`` what the configuration says."""
    rows = [(canary.place, canary.list, canary.identifier_type, canary.identifier) for canary in all_canaries(config)]
    if config.canaries.mailbox:
        rows.append(("mailbox", "", "email", config.canaries.mailbox))
    con.execute("create schema if not exists raw")  # a warehouse of before there were any has no such table
    con.execute(CANARIES)
    if con.execute("select * from raw.canaries order by all").fetchall() == sorted(rows):
        return
    con.execute("begin")
    con.execute("delete from raw.canaries")
    if rows:
        con.executemany("insert into raw.canaries values (?, ?, ?, ?)", rows)
    con.execute("commit")


def _named_by_clock(nodes: list[dbt.NodeResult], as_of: datetime) -> list[dict[str, str]] | None:
    """The tables whose statement names the run's clock, and what is made of them, tests included, in their order; None when one
    of them is no plain table.
    """
    clock, found = _literal(as_of), []
    moved: set[str] = set()
    for result in nodes:
        node, sql = result.node, str(result.node.compiled_code or "")
        if clock not in sql and moved.isdisjoint(node.depends_on_nodes):
            continue
        is_test = node.resource_type == "test"
        if not sql or not (is_test or node.config.materialized == "table"):
            return None
        moved.add(result.unique_id)
        found.append({"id": result.unique_id, "table": "" if is_test else str(node.relation_name), "sql": sql})
    return found


def _clock_moved(con: duckdb.DuckDBPyConnection, as_of: datetime) -> list[dbt.NodeResult] | None:
    """Build again what names the run's clock. None, and nothing is changed, when a statement or a test fails: dbt tells of it."""
    known = json.loads(read_stamps(con).by_clock or "{}")
    if not known:
        return None
    before, told = _literal(datetime.fromisoformat(known["as_of"])), []
    con.execute("begin")
    try:
        for node in known["nodes"]:
            began, sql = time.monotonic(), node["sql"].replace(before, _literal(as_of))
            if node["table"]:
                con.execute(f"create or replace table {node['table']} as ({sql})")
            elif one_row(con, f"select count(*) from ({sql})")[0]:
                con.execute("rollback")
                return None
            status, failures = ("success", None) if node["table"] else ("pass", 0)
            told.append(dbt.NodeResult(node["id"], status, round(time.monotonic() - began, 3), failures, ""))
        _note_clocks(con)
    except duckdb.Error:
        con.execute("rollback")
        return None
    con.execute("commit")
    return told


def _note_clocks(con: duckdb.DuckDBPyConnection) -> None:
    """Clocks and violations were built: whoever keeps a copy of them makes it again."""
    note(con, clocks=another())


def _literal(as_of: datetime) -> str:
    """The run's clock as it stands in a compiled statement (the macro ``as_of``)."""
    return f"'{as_of.isoformat()}'"


def _build(home: Home, config: Config, as_of: datetime, tag: str, *, full_refresh: bool = False) -> list[dbt.NodeResult]:
    """The models of one step. Its views only when what they are made of changed: they hold no rows, and no clock."""
    with warehouse(home, limits=config.limits) as con:
        unused = unused_models(feeds_in_use(home, config, con))
        wanted = _views(config, unused)
        views = full_refresh or read_stamps(con).views_of.get(tag) != wanted
    try:
        nodes = dbt.invoke(home, config, as_of, "build", f"tag:{tag}", full_refresh=full_refresh, views=views, unused=unused)
    except dbt.DbtFailed:
        with warehouse(home, limits=config.limits) as con:
            _note_views(con, tag, "")  # a view that somebody dropped comes back with the next run
        raise
    if views:
        with warehouse(home, limits=config.limits) as con:
            _note_views(con, tag, wanted)
    return nodes


def is_of_this_key(con: duckdb.DuckDBPyConnection, home: Home) -> bool:
    """False when the key was rotated since the hashes in the warehouse were made."""
    return read_stamps(con).key == fingerprint(home_key(home))


def is_of_these_settings(con: duckdb.DuckDBPyConnection, config: Config) -> bool:
    """False when settings that decide what the tables say were changed since they were built."""
    built_with = read_stamps(con).settings
    return built_with is None or built_with == _settings(config)


def reconciled_state(con: duckdb.DuckDBPyConnection) -> str | None:
    """What the tables up to the golden one are made of, as one fingerprint; None while they are not made of one thing."""
    return read_stamps(con).reconciled


def ledger_state(con: duckdb.DuckDBPyConnection, config: Config) -> str | None:
    """What the ledger is made of, as one fingerprint, also before the golden table is made of the same; None while it is not made
    of one thing.
    """
    stamps = read_stamps(con)
    if stamps.files_of.get("ledger") != _loaded_files(con) or stamps.meaning != _meaning(config):
        return None
    return _inputs(con, config, stamps.key)


def last_clock(con: duckdb.DuckDBPyConnection) -> datetime | None:
    """The ``as_of`` of the last reconciliation, or None when there was none."""
    return read_stamps(con).clock


def _meaning(config: Config) -> str:
    """Fingerprint of everything that decides what a record already ingested means."""
    made_of = [dbt.models_hash(), dbt.model_vars(), dbt.policy_hash(), *_NORMALISERS, *_said_of_records(config)]
    return sha256_text(canonical_json(made_of))


def _said_of_records(config: Config) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the configuration says of sources and company that decides what a record means."""
    sources = {name: entry.model_dump(mode="json", exclude=set(_NO_MEANING_OF_SOURCE)) for name, entry in config.sources.items()}
    return sources, config.company.model_dump(mode="json", exclude=set(_NO_MEANING))


def _settings(config: Config) -> str:
    return sha256_text(canonical_json([*_said_of_records(config), config.company.target_hours]))


def _golden_meaning(con: duckdb.DuckDBPyConnection, config: Config) -> str:
    """Fingerprint of everything but the records that decides what the golden table and the deadlines say. The key is among
    it, the one that the identifiers were hashed with: every row holds its keyed hash.
    """
    return sha256_text(canonical_json([_meaning(config), config.company.target_hours, read_stamps(con).key]))


def _without_clock(config: Config) -> dict[str, object]:
    return {name: value for name, value in dbt.run_vars(config, _NO_CLOCK).items() if name != "as_of"}


def _views(config: Config, unused: list[str]) -> str:
    """Fingerprint of everything a view's definition is made of, and of which views there are."""
    return sha256_text(canonical_json([dbt.models_hash(), _without_clock(config), unused]))


def _inputs(con: duckdb.DuckDBPyConnection, config: Config, key: str | None) -> str:
    """Fingerprint of everything the tables up to the golden one are made of, the key of their hashes included. The run's
    clock is not among it: only the deadlines' states depend on it, and those are built by every run (promise 5).
    """
    files = one_row(
        con,
        """
        select md5(coalesce(string_agg(concat_ws('|', landed.file_id, landed.lies_as, landed.feed, landed.snapshot_at,
            log.loaded, log.quarantined, log.skipped), chr(10) order by landed.file_id), ''))
        from raw.landed_files as landed left join raw.load_log as log on landed.file_id = log.file_id
        """,
    )[0]
    settings = one_row(
        con, "select md5(coalesce(string_agg(s::varchar, chr(10) order by s::varchar), '')) from raw.source_settings as s"
    )
    return sha256_text(canonical_json([_meaning(config), _without_clock(config), files, settings[0], key]))


def _is_reconciled(con: duckdb.DuckDBPyConnection, home: Home, config: Config) -> bool:
    return read_stamps(con).reconciled == _inputs(con, config, fingerprint(home_key(home)))


def _needs_full_refresh(con: duckdb.DuckDBPyConnection, config: Config) -> bool:
    if read_stamps(con).meaning != _meaning(config):
        return True
    # A link that a person cut takes persons apart: which records that touches is asked of all of them.
    (cut,) = one_row(
        con,
        "select exists (select 1 from raw.quietlist__decisions where decision = 'link_cut' "
        "and _file_id not in (select file_id from raw.ledger_files))",
    )
    if cut:
        return True
    # A late snapshot changes what "absent from the snapshot before" means for undated rows after it; and a file that arrived
    # before one that was ingested (its bytes were gone for a while, say) may be the first evidence of what is known already.
    (late,) = one_row(
        con,
        f"""
        with taken as (
            select * from raw.landed_files where file_id in (select file_id from raw.ledger_files)
        )
        select count(*) from raw.landed_files as late
        where late.file_id not in (select file_id from taken)
          and late.file_id in (select file_id from raw.load_log where reader <> '{FAILED}')
          and (
            exists (
                select 1 from taken
                where taken.source = late.source and taken.feed = late.feed and taken.snapshot_at > late.snapshot_at
            )
            or late.received_at < (select max(received_at) from taken)
          )
        """,
    )
    return bool(late)


def _note_files(con: duckdb.DuckDBPyConnection, step: str) -> None:
    note(con, files_of={**read_stamps(con).files_of, step: _loaded_files(con)})


def _note_views(con: duckdb.DuckDBPyConnection, tag: str, made_of: str) -> None:
    note(con, views_of={**read_stamps(con).views_of, tag: made_of})


def _require_files(con: duckdb.DuckDBPyConnection, step: str) -> None:
    """A step takes in every loaded file, so the step before it must have seen them all: somebody may start one alone.

    Raises:
        PermanentError: it has not.
    """
    if read_stamps(con).files_of.get(step) != _loaded_files(con):
        raise PermanentError(
            "Reconciling",
            seen=f"loaded files that the step '{step}' has not seen",
            allowed="the steps in their order",
            next_step="run the whole job (quietlist run, or the job reconcile); nothing was changed",
        )


def _loaded_files(con: duckdb.DuckDBPyConnection) -> str:
    return str(one_row(con, "select md5(coalesce(string_agg(file_id || reader, ',' order by file_id), '')) from raw.load_log")[0])
