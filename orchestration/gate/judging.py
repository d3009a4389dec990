"""Judging one gate: lay out what is judged, let the expectations speak, keep the verdict and show it.

What is expected stands in ``expectations/``. Beside the warehouse's own tables a suite may name, under ``run.``:

=================== =================================================================================================
run.candidate       exit gate: the golden rows that would be published, from the very files that would go out
run.evidence        exit gate: the evidence for releases that would go out beside them, from its file
run.founded_evidence exit gate: the evidence that the requests and registries give, as it would be written
run.rules           exit gate: the rules of law that would go out beside them, from their file
run.held_back       exit gate: the golden rows that stay at home because they are malformed, and which sentences they break
run.published       exit gate: the rows of the latest published version; none before the first
run.let_go          exit gate: the rows of the newest version whose releases were let go; run.published holds newer ones back
run.limits          how many may leave the list at once: max_leaving, max_leaving_share
run.sources         the configured sources: source, format, expected_every_hours, timezone, region, volume_factor
run.deliveries      entry gate: what each source delivered in the last weeks: source, sha256 of a file, received_at
run.acknowledged    files that a person has acknowledged: file_id
run.snapshot_feeds  the feeds whose every delivery repeats the whole state: vendor, feed
=================== =================================================================================================

No connection to the warehouse may be open in this process meanwhile.

Each run judges, and most days nothing differs: then what was found is kept, and Great Expectations not even imported. A suite's
result follows from its text, its arguments and the rows it is about, so its query is asked again each time, by DuckDB, and the
rows compared with those that were judged. Only when all suites of a gate are about the same rows is the verdict kept, under the
run's own clock; it says so (``kept_from``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Any

import duckdb

from orchestration.core.config import Config, is_own_source
from orchestration.core.errors import ConfigError, PermanentError, QuietlistError, kind_of
from orchestration.core.files import canonical_json, sha256_file, sha256_text
from orchestration.core.home import Home
from orchestration.core.key import create_hmac_function, first_key, home_key
from orchestration.core.masks import HIDDEN, mask_label, mask_text
from orchestration.core.tombstones import tombstones
from orchestration.core.warehouse import warehouse
from orchestration.core.wording import told
from orchestration.gate import engine
from orchestration.gate.data_docs import write_data_docs
from orchestration.gate.engine import Outcome, Prepared
from orchestration.gate.suites import FORM_VALUES, GATES, NAMED, PARTS, Check, Suite, Value, fill, load_suites, names_in, resolve
from orchestration.landing.manifest import read_manifest
from orchestration.publish.candidate import (
    BESIDE,
    EVIDENCE,
    EVIDENCE_FILE,
    ROWS_FILE,
    RULES_FILE,
    candidate_folder,
    parquet_relation,
    read_candidate,
    shown_evidence,
)
from orchestration.publish.rows import rows_sha256
from orchestration.publish.verdicts import Result, Verdict, allows, level_of, overrides, read_verdict, store
from orchestration.publish.versions import is_erased, latest_version, read_published
from orchestration.readers.feeds import all_feeds
from orchestration.reconcile.stages import ledger_state

# What a verdict is about. The ledger is told apart by its account per file: a new file, or a record that ends
# elsewhere, changes it. The clocks are told apart by how many stand in which state. The exit gate's are the candidate's rows.
_JUDGED = {
    "entry": "(select * from ledger.conservation)",
    "clocks": "(select rule_id, destination, channel, is_inherited, state, count(*) as clocks "
    "from deadlines.clocks group by all)",
}
_FILE_ID = re.compile("[0-9a-f]{32}")
# A day of a feed beside what is usual, as expectations/volumes.yml writes it.
_DAY_OF_FEED = re.compile(r"([a-z0-9_]+) ([0-9]+) ([A-Z][a-z]+day [0-9]{4}-[0-9]{2}-[0-9]{2}) ([0-9]+) ([0-9]+)")
# A list of a vendor, as expectations/unmapped_lists.yml writes it.
_LIST = re.compile(r"list ([^\n]+)")
# What a record turned out to be, in words of ours, as expectations/newcomers.yml writes it.
_KIND = re.compile(r"kind ([a-z_]+(?: [a-z_]+)*)")
# The eight weeks that a weekday is compared with, and a day for the zones.
_LATELY = timedelta(weeks=8, days=1)
# A query counts, so it gives a row or a few; what gives more is not kept in this process's memory.
_FEW_ROWS = 100
_AFTER_CLOCK = re.compile(r"\s*select \$as_of \+ interval \d+ (day|hour)s?\s*")
_NAMED_THINGS = 5  # sources or files in one sentence; the lists have them all
# Their messages name tables and columns; those of other errors may quote the value that could not be computed with.
_SAFE_ERRORS = (duckdb.CatalogException, duckdb.BinderException, duckdb.ParserException)


def judge(gate: str, home: Home, config: Config, as_of: datetime) -> Verdict:
    """Judge ``gate`` as of then, keep its verdict in the home's gate folder, and show it in ``reports/data_docs``.

    Raises:
        ConfigError: an expectation is not what it should be; everything wrong is named, and nothing was judged.
        PermanentError: what is to be judged is not there, or the published table does not prove.
    """
    if gate not in GATES:
        raise ConfigError(f"Judging the gate {gate}", allowed=", ".join(GATES), next_step="name one of these")
    suites = [suite for suite in load_suites(problems_of=None) if suite.gate == gate]
    values = run_values(config, as_of)
    recorded = overrides(home)
    with warehouse(home, read_only=True, limits=config.limits) as con:
        lay_out(con, gate, home, config, [str(entry["file_id"]) for entry in recorded if entry["kind"] == "file"])
        judged = _rows(con, gate, home)
        entry = _rows(con, "entry", home) if gate == "exit" else None
        prepared = [prepare(con, suite, values) for suite in suites]
        judged_on = {laid.suite.name: _follows_from(con, laid, home, config, judged, values) for laid in prepared}
        before = _same(home, gate, judged, suites, judged_on, as_of)
        if before is not None:
            results = before.results[
                : len(before.results) - (entry is not None)
            ]  # but for the entry gate's, which is asked below
        else:
            load_suites(problems_of=engine.problems_of)  # what is wrong in any file is told before anything is judged
            found = engine.evaluate(con, prepared)
            results = tuple(
                _result(suite, check, outcome, _found(con, laid, check, outcome))
                for suite, laid, outcomes in zip(suites, prepared, found, strict=True)
                for check, outcome in zip(suite.checks, outcomes, strict=True)
            )
    if entry is not None:
        results += (_entry_result(home, entry, as_of),)
    folder = candidate_folder(home)
    verdict = Verdict(
        gate,
        level_of(results),
        judged,
        as_of,
        results,
        entry_rows_sha256=entry,
        overrides=recorded,
        file_sha256=sha256_file(folder / ROWS_FILE) if gate == "exit" else None,
        beside_sha256={name: sha256_file(folder / name) for name in BESIDE} if gate == "exit" else {},
        judged_on=judged_on,
        kept_from=_found_at(before, as_of) if before else None,
    )
    verdict = store(home, verdict)
    write_data_docs(home, verdict)
    return verdict


def _same(
    home: Home, gate: str, judged: str, suites: Sequence[Suite], judged_on: Mapping[str, str], as_of: datetime
) -> Verdict | None:
    """The newest verdict on these rows, if it would be found again: all its suites are about the same, and all were evaluated."""
    try:
        before = read_verdict(home, gate, judged)
    except PermanentError:
        return None  # whatever is wrong with it, a new judgement is right
    if before is None or before.judged_on != judged_on or not all(judged_on.values()) or as_of < before.as_of:
        return None
    if not all(item.evaluated for item in before.results):
        return None
    # A bound that rises with the clock lets more pass each day: what passed still does, what did not may by now.
    rises = {(suite.name, check.sentence) for suite in suites for check in suite.checks if _rising(suite, check)}
    return None if any((item.suite, item.sentence) in rises and not item.success for item in before.results) else before


def _found_at(before: Verdict, as_of: datetime) -> str | None:
    """When what is kept was found; none for the same judgement once more, which is the one before."""
    return before.kept_from or (before.as_of.isoformat() if before.as_of != as_of else None)


def _rising(suite: Suite, check: Check) -> Sequence[str]:
    """The arguments of a check that are an upper bound made of the run's clock alone."""
    if check.type != "expect_column_values_to_be_between" or "row_condition" in check.arguments:
        return ()
    name = str(check.arguments.get("max_value", "")).removeprefix("$")
    return ("max_value",) if _AFTER_CLOCK.fullmatch(suite.parameters.get(name, "")) else ()


def _follows_from(
    con: duckdb.DuckDBPyConnection, laid: Prepared, home: Home, config: Config, judged: str, values: Mapping[str, Value]
) -> str:
    """The hash of everything this suite's results follow from; empty when that cannot be told without judging."""
    suite = laid.suite
    if laid.problem:
        return ""
    if suite.query is not None:
        rows = [repr(row) for row in con.execute(laid.relation).fetchmany(_FEW_ROWS + 1)]
        if len(rows) > _FEW_ROWS:
            return ""
        about: object = sorted(rows)
    elif suite.table == "run.candidate":
        about = [judged, read_candidate(home).version]  # the number is in the rows, and not in their hash
    else:
        # The step that changes one of these tables takes its stamp away first, and sets it when they are all built.
        about = _state(con, config)
        if about is None or not suite.table or not suite.table.startswith("ledger."):
            return ""
    asked = [
        {key: value for key, value in arguments.items() if key not in _rising(suite, check)}
        for check, arguments in zip(suite.checks, laid.arguments, strict=True)
    ]
    columns = {name: fill(expression, values) for name, expression in suite.columns.items()}
    made_of = [version("great_expectations"), repr(suite), columns, repr(asked), about]
    return sha256_text(canonical_json(made_of))


def _state(con: duckdb.DuckDBPyConnection, config: Config) -> str | None:
    try:
        return ledger_state(con, config)
    except duckdb.CatalogException:
        return None


def run_values(config: Config, as_of: datetime) -> dict[str, Value]:
    """What the names of a run stand for (``suites.RUN_PARAMETERS``)."""
    return {"as_of": as_of, "scope_tree": list(config.scope_tree), **FORM_VALUES}


def lay_out(con: duckdb.DuckDBPyConnection, gate: str, home: Home, config: Config, acknowledged: list[str]) -> None:
    """Make ``run``, in memory beside the warehouse, with everything this gate's suites may name."""
    con.execute("attach ':memory:' as run (read_write)")  # else it would inherit that the warehouse may only be read
    con.execute("create schema run.judged")
    con.execute(
        "create table run.sources (source varchar, format varchar, expected_every_hours bigint, timezone varchar, "
        "region varchar, volume_factor double)"
    )
    for name, source in config.sources.items():
        region = source.region or config.company.default_region
        # What Quietlist itself fills comes when somebody acts: no day of it is like another.
        factor = 0 if is_own_source(name) else source.volume_factor
        settings = [name, source.format, source.expected_every_hours, source.timezone, region, factor]
        con.execute("insert into run.sources values (?, ?, ?, ?, ?, ?)", settings)
    con.execute("create table run.snapshot_feeds (vendor varchar, feed varchar)")
    for feed in all_feeds():
        if feed.snapshot:
            con.execute("insert into run.snapshot_feeds values (?, ?)", [feed.vendor, feed.feed])
    con.execute("create table run.acknowledged as select unnest(?::varchar[]) as file_id", [acknowledged])
    if gate == "entry":
        _lay_out_deliveries(con, home)
    if gate == "exit":
        create_hmac_function(con, first_key(home))
        with suppress(duckdb.CatalogException):  # what needs it can't be evaluated then, and fails at its level
            con.execute(f"create table run.founded_evidence as {shown_evidence(EVIDENCE)}")
        create_hmac_function(con, home_key(home))  # the candidate names its requests by their keyed ids
        con.execute(f"create view run.candidate as select * from {read_candidate(home).relation}")
        con.execute(f"create view run.held_back as select * from {read_candidate(home).held_back_relation}")
        published = read_published(home).relation if latest_version(home) else f"{read_candidate(home).relation} limit 0"
        evidence = parquet_relation([read_candidate(home).folder / EVIDENCE_FILE])
        con.execute(f"create view run.evidence as select * from {evidence}")
        con.execute(f"create view run.rules as select * from {parquet_relation([read_candidate(home).folder / RULES_FILE])}")
        _lay_out_tombstones(con, home)
        con.execute(f"create view run.published as {_by_their_names_of_now(published)}")
        let_go = read_published(home, number).relation if (number := _last_let_go(home)) else published
        con.execute(f"create view run.let_go as {_by_their_names_of_now(let_go)}")
        con.execute("create table run.limits (max_leaving bigint, max_leaving_share double)")
        con.execute("insert into run.limits values (?, ?)", [config.company.max_leaving, config.company.max_leaving_share])


def _lay_out_tombstones(con: duckdb.DuckDBPyConnection, home: Home) -> None:
    """Who was erased, and by which identifier the candidate speaks of each: a token, or the plain form that came back."""
    con.execute("create table run.tombstones (identifier_type varchar, identifier_hash varchar)")
    if stones := tombstones(home):
        con.execute(
            "insert into run.tombstones select distinct unnest(?::varchar[]), unnest(?::varchar[])",
            [[stone.identifier_type for stone in stones], [stone.identifier_hash for stone in stones]],
        )
    con.execute(
        "create table run.erased as select identifier_type, identifier_hash, min(identifier) as named from run.candidate "
        "semi join run.tombstones using (identifier_type, identifier_hash) group by identifier_type, identifier_hash"
    )


def _by_their_names_of_now(relation: str) -> str:
    """The query of published rows in which who was erased since, or came back, has the identifier of the candidate: that a row is
    named otherwise is no release.
    """
    return (
        "select published.* replace (coalesce(erased.named, published.identifier) as identifier) "
        f"from (select * from {relation}) as published left join run.erased as erased "
        "on published.identifier_type = erased.identifier_type and published.identifier_hash = erased.identifier_hash"
    )


def _lay_out_deliveries(con: duckdb.DuckDBPyConnection, home: Home) -> None:
    """What came lately, and came again: the warehouse knows equal bytes as one file, and when they came first."""
    deliveries = read_manifest(home)
    begin = max((entry.received_at for entry in deliveries), default=datetime.max.replace(tzinfo=UTC)) - _LATELY
    recent = [(entry, member) for entry in deliveries if entry.received_at >= begin for member in entry.members]
    con.execute("create table run.deliveries (source varchar, sha256 varchar, received_at timestamptz)")
    con.execute(
        "insert into run.deliveries select unnest(?::varchar[]), unnest(?::varchar[]), unnest(?::timestamptz[])",
        [
            [entry.source for entry, _ in recent],
            [member.sha256 for _, member in recent],
            [entry.received_at for entry, _ in recent],
        ],
    )


def _last_let_go(home: Home) -> int | None:
    """The newest version whose releases the destinations were allowed. Those that a hold keeps back wait in every version since:
    they are counted until a person has let them go, else a hold would end by itself with the next run. None before the first.
    """
    overridden = {entry["rows_sha256"] for entry in overrides(home) if entry["kind"] == "rows"}
    latest = latest_version(home)
    for number in range(latest or 0, 0, -1):
        rows = read_published(home, number).rows_sha256
        try:
            if rows in overridden or not allows(home, rows).releases_held:
                return number
        except QuietlistError:
            continue  # nothing leaves for a version whose verdict is closed or does not prove
    # Of versions that an erasure removed nothing can be compared: the oldest that is there stands for them.
    return next((number for number in range(1, latest or 1) if not is_erased(home, number)), latest)


def _rows(con: duckdb.DuckDBPyConnection, gate: str, home: Home) -> str:
    """The hash of what ``gate`` judges."""
    try:
        if gate == "exit":
            candidate = read_candidate(home)
            return candidate.rows_of(con, candidate.folder / ROWS_FILE)
        return rows_sha256(con, _JUDGED[gate])
    except duckdb.Error as error:
        raise PermanentError(
            f"Judging the {gate} gate", seen=_plain(error), next_step="build the models before the gate (quietlist run)"
        ) from None


def prepare(con: duckdb.DuckDBPyConnection, suite: Suite, values: Mapping[str, Value]) -> Prepared:
    """Compute the suite's parameters and its query; what can't be computed fails the suite, not the gate."""
    try:
        mine = {**values, **{name: _value(con, fill(sql, values)) for name, sql in suite.parameters.items()}}
        relation = suite.relation(mine)
        if suite.query is not None:
            kept = f'run.judged."{suite.name}"'
            con.execute(f"create table {kept} as {relation}")
            relation = f"select * from {kept}"
        first = con.execute(f"select 1 from ({relation}) limit 1").fetchall()
    except duckdb.Error as error:
        return Prepared(suite, problem=_plain(error))
    if suite.query is not None and not first:
        return Prepared(suite, problem="its query returned no row, so it judges nothing")
    nulls = {name for check in suite.checks for name in names_in(check.arguments) if mine[name] is None}
    if nulls:
        return Prepared(suite, problem=f"${', $'.join(sorted(nulls))} has no value")
    return Prepared(suite, relation, [resolve(check.arguments, mine) for check in suite.checks])


def _value(con: duckdb.DuckDBPyConnection, sql: str) -> Any:
    rows = con.execute(sql).fetchall()
    return rows[0][0] if rows else None


def _plain(error: duckdb.Error) -> str:
    """An error in words that can't hold a value of a row."""
    if isinstance(error, _SAFE_ERRORS):
        return str(error).splitlines()[0]
    return f"{kind_of(error)} in its SQL"


def _found(con: duckdb.DuckDBPyConnection, laid: Prepared, check: Check, outcome: Outcome) -> str:
    """What was found, where, and what to do about it, in the words of the expectation; empty where it has none."""
    number = outcome.counts.get("observed", outcome.counts.get("unexpected"))
    if outcome.success or not outcome.evaluated or not check.found or number is None:
        return ""
    said = told(int(number), *check.found)
    where = con.execute(f'select "{check.where}" from ({laid.relation})').fetchall()[0][0] if check.where else ""
    # No more parts than there are: a file's name may hold the character that stands between them.
    things = [_thing(*thing.split(PARTS)[:5]) for thing in (where or "").split(NAMED) if thing]
    if things:
        named, rest = things[:_NAMED_THINGS], things[_NAMED_THINGS:]
        # Whose they are is said of each, for a source that is never named looks well.
        whose = [dict.fromkeys(re.split(r" \(|: ", thing)[0] for thing in some) for some in (named, rest)]
        unnamed = [source for source in whose[1] if source not in whose[0]]
        more = f" and {len(rest):,} more" if rest else ""
        said += ": " + ", ".join(named) + more + (f", of {', '.join(unnamed)}" if unnamed else "")
    return f"{said}. Next step: {check.next_step}" if check.next_step else said


def _thing(source: str, more: str = "", file_id: str = "", label: str = "", nearest: str = "") -> str:
    """A source or destination, with a number of things in it, a day of its, a kind of record, or a file, and in it a column. Each
    part only if it looks as ours do.
    """
    place = mask_label(source)
    if not file_id and (day := _DAY_OF_FEED.fullmatch(more)):
        feed, records, weekday, least, most = day.groups()
        return f"{place} ({feed}: {int(records):,} on {weekday}, usually {int(least):,} to {int(most):,})"
    if not file_id and (named := _LIST.fullmatch(more)):
        return f"{place} (list {mask_label(named[1])})"
    if kind := _KIND.fullmatch(more):
        return f"{place} ({kind[1].replace('_', ' ')}, first in file id {file_id if _FILE_ID.fullmatch(file_id) else HIDDEN})"
    if file_id:
        column = f"column {mask_text(label)} of " if label else ""
        like = f", most like {nearest}" if nearest else ""
        return f"{place} ({column}{mask_label(more)}{like}, file id {file_id if _FILE_ID.fullmatch(file_id) else HIDDEN})"
    return f"{place}: {int(more):,}" if more.isdecimal() else place


def _result(suite: Suite, check: Check, outcome: Outcome, found: str) -> Result:
    return Result(
        suite=suite.name,
        title=suite.title,
        sentence=check.sentence,
        level=check.level,
        reason=check.reason,
        type=check.type,
        arguments=", ".join(f"{key} = {value}" for key, value in check.arguments.items()),
        success=outcome.success,
        evaluated=outcome.evaluated,
        counts=outcome.counts,
        note=outcome.note,
        measure=str(check.arguments.get("column", "rows")).replace("_", " "),
        found=found,
    )


def _entry_result(home: Home, entry: str, as_of: datetime) -> Result:
    """The exit gate passes only a table whose ledger passed the entry gate in the same run."""
    verdict = read_verdict(home, "entry", entry)
    return Result(
        suite="entry_gate",
        title="The entry gate",
        sentence="The ledger that this table was made of went through the entry gate in this run.",
        level="stop",
        reason="Without it nobody knows whether every record that arrived is accounted for.",
        type="the entry gate's verdict on this ledger",
        arguments=f"as_of = {as_of.isoformat()}",
        success=verdict is not None and verdict.as_of == as_of and verdict.level != "stop",
        evaluated=True,
        counts={},
    )
