"""Every expectation has a case in which it, and nothing it should not, fails: a check that can't fail is no check."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import duckdb
import pytest

from orchestration.core.key import create_hmac_function, home_key
from orchestration.core.warehouse import warehouse
from orchestration.gate import engine
from orchestration.gate.held_back import rows_to_hold_back
from orchestration.gate.judging import prepare, run_values
from orchestration.gate.suites import Check, load_suites
from orchestration.publish import export_candidate
from orchestration.publish.candidate import EVIDENCE_FILE, RULES_FILE, parquet_relation
from tests.gate.house import AS_OF, build_house, config_of

SUITES = {suite.name: suite for suite in load_suites()}
ADA = "where identifier = 'ada@example.com'"
R1 = "where request_id = 'r1'"
LISTED = "where basis = 'registry'"

# So many people on the list, by an opt-out of theirs.
GOOD_ROWS = (
    "select 'email' as channel, 'email' as identifier_type, number || '@example.com' as identifier, null, '*' as scope, "
    "[] as except_scopes, 'opt_out' as reason, 'direct' as basis, null, null, null, 1, 'r1', ['web'], 'US', "
    "null, null, null, null from range({}) as people (number)"
)

# A hundred records on each of four Wednesdays, and then so many.
WEEKS = """
    insert into run.deliveries
    select 'web', week::varchar, '2026-02-04 04:00+00'::timestamptz + to_days(week::integer * 7) from range(5) as weeks (week);
    insert into raw.landed_files (file_id, sha256, source, vendor, feed, size_bytes)
    select repeat(sha256, 32), sha256, 'web', 'canonical', 'requests', 1 from run.deliveries;
    insert into ledger.conservation (file_id, records_read)
    select repeat(sha256, 32), case when sha256 = '4' then {today} else 100 end from run.deliveries
"""

# Two files of one vendor's feed, of which the second came today.
TWO_FILES = """
    insert into raw.landed_files (file_id, source, vendor, feed, name, size_bytes, received_at) values
        (repeat('1', 32), 'web', 'acme', 'list', 'one.csv', 1, '2026-03-30 12:00+00'),
        (repeat('2', 32), 'web', 'acme', 'list', 'two.csv', 1, '2026-04-01 12:00+00');
    insert into raw.file_columns values
        (repeat('1', 32), 'email', true, null, {first}, {first}, {header}),
        (repeat('2', 32), 'email', true, null, {second}, {second}, {header})
"""
KINDS = """
    insert into ledger.kinds_of_files values
        (repeat('1', 32), 'web', 'acme', 'list', '2026-03-30 12:00+00', 'opt_out by web_form', 1),
        (repeat('2', 32), 'web', 'acme', 'list', '{}', '{}', 1)
"""


def column(file: int, label: str, records: int = 5, *, of: int = 5, declared: bool = False, header: bool = True) -> str:
    return f"; insert into raw.file_columns values (repeat('{file}', 32), '{label}', {declared}, null, {records}, {of}, {header})"


# suite -> sentence -> (what spoils it, other sentences that rightly fail with it)
CASES: dict[str, dict[str, str | tuple[str, ...]]] = {
    "ledger": {
        "The ledger holds one request for every record that was counted as one.": f"delete from ledger.requests {R1}",
        "Every request has an id.": f"update ledger.requests set request_id = null {R1}",
        "No two requests share an id.": f"update ledger.requests set request_id = 'r2' {R1}",
        "Every request names the file it came from.": f"update ledger.requests set file_id = null {R1}",
        "Every request names the record it came from.": f"update ledger.requests set record_no = null {R1}",
        "Every request names its source.": f"update ledger.requests set source = null {R1}",
        "Every request says what was asked.": f"update ledger.requests set action = null {R1}",
        "What was asked is one of the known actions.": f"update ledger.requests set action = 'shout' {R1}",
        "Every request says how it reached us.": f"update ledger.requests set method = null {R1}",
        "The way it reached us is one of the known methods.": f"update ledger.requests set method = 'telepathy' {R1}",
        "Every request names at least one channel.": f"update ledger.requests set channels = [] {R1}",
        "Every request says how many channels it names.": f"update ledger.requests set channels = null {R1}",
        "Every request names a part of the company.": f"update ledger.requests set scope = null {R1}",
        "The part of the company is the whole of it or a path in it.": f"update ledger.requests set scope = 'Acme/' {R1}",
        "Every request has an earliest time.": f"update ledger.requests set at_earliest = null {R1}",
        "Every request has a latest time.": f"update ledger.requests set at_latest = null {R1}",
        "The earliest reading of a time is not after its latest.":
            f"update ledger.requests set at_earliest = at_latest + interval 1 hour {R1}",
        "No request lies in the future.":
            f"update ledger.requests set at_earliest = '2026-04-02 12:00:01+00', at_latest = '2026-04-02 12:00:01+00' {R1}",
        "How well a time is known is one of the known grades.": f"update ledger.requests set time_quality = 'hunch' {R1}",
        "Every request says how well its time is known.": f"update ledger.requests set time_quality = null {R1}",
        "No opt-in rests on a time that could not be read.":
            "update ledger.requests set time_quality = 'unreadable' where request_id = 'r4'",
        "Every request has a moment at which we first saw it.": f"update ledger.requests set first_seen = null {R1}",
        "Every request names somebody.": f"update ledger.requests set emails = [] {R1}",
    },
    "conservation": {
        "In every file the records read and the records accounted for are the same number.":
            "update ledger.conservation set difference = 1, entries = 5",
        "Every file that arrived has an account of its records.": "delete from ledger.conservation",
        "Every file that arrived is of a kind that somebody described.": "update raw.landed_files set feed = null",
        "No file was wholly unreadable.": "update raw.load_log set loaded = 0, quarantined = 6",
        "Of the records of the last seven days at most one in a hundred could not be used.":
            "update ledger.conservation set quarantined = 1, entries = 5",
        "No file was without a single byte.": "update raw.landed_files set size_bytes = 0",
        "No file ends in the middle of a record.":
            "insert into raw.quarantine (file_id, reason) values (repeat('a', 32), 'truncated')",
        "In no file a quarter or more of the records could not be used.": (
            "update ledger.conservation set quarantined = 5, entries = 1",
            "Of the records of the last seven days at most one in a hundred could not be used.",
        ),
        "No file was waved through by a person.": "insert into run.acknowledged values (repeat('b', 32))",
    },
    "unknown_values": {
        "Every disposition, action, status, channel and event is one that somebody has given a meaning.":
            "insert into ledger.unknown_values (file_id, records) values (repeat('a', 32), 1)",
    },
    "unmapped_lists": {
        "Every list, group and type of a vendor that came for the first time is a part of the company's tree.":
            "insert into ledger.unmapped_lists (source, unmapped_list, first_received_at) "
            "values ('web', 'acme/type-7', '2026-03-31 12:00:01+00')",
    },
    "canaries": {
        "Nobody contacted an address or a number that stands in a list only to show what becomes of the list.":
            "insert into exposure.canary_contacts values ('esp', 'acme/news', '2026-03-31 12:00:01+00')",
    },
    "newcomers": {
        "Every column of a file is one that its source has brought before.":
            TWO_FILES.format(first=5, second=5, header=True) + column(2, "mood"),
        "Every column that the files of a source have always had is there.":
            TWO_FILES.format(first=5, second=5, header=True) + column(1, "name", declared=True),
        "Every kind of request, echo or other record is one that its source has brought before.":
            KINDS.format("2026-04-01 12:00+00", "complaint by spam_complaint"),
    },
    "snapshots": {
        "No list that repeats everything came with half of its rows or fewer.": """
            insert into ledger.conservation
            select
                repeat(day::varchar, 32), 'crm', 'canonical', 'contacts',
                '2026-03-01 00:00+00'::timestamptz + to_days(day::integer), records, 0, 0, 0, records, 0, 0, 0, 'crm.csv'
            from (values (1, 4), (2, 20), (3, 10)) as deliveries (day, records)
        """,
    },
    "columns": {
        "In the files of our own formats no column of addresses, numbers, times or answers is under a label that nobody reads.":
            "insert into raw.unread_columns (file_id, is_canonical) values (repeat('a', 32), true)",
        "In the files of vendors no column of addresses, numbers, times or answers is under a label that nobody reads.":
            "insert into raw.unread_columns (file_id, is_canonical) values (repeat('a', 32), false)",
    },
    "registry_shrink": {
        "No copy and no list of removals took a tenth or more of a registry's numbers out of it.":
            "update registries.listings set listed_to = '2026-04-01 12:00+00' where identifier = 'number 10'",
    },
    "volumes": {
        "No feed brought far less than it usually does on that weekday.": WEEKS.format(today=24),
        "No feed brought far more than it usually does on that weekday.": WEEKS.format(today=401),
    },
    "sources": {
        "No source is silent for longer than its entry in quietlist.toml allows.":
            "update raw.landed_files set received_at = received_at - interval 49 hour",
    },
    "golden_suppression": {
        "The table is not empty while anybody asked to be left alone.": "delete from run.candidate",
        "The columns are those that consumers rely on, in their order.": "alter table run.candidate drop column region",
        "Every suppressed row names whom it suppresses.": f"update run.candidate set identifier = null {ADA}",
        "Every row names its channel.": f"update run.candidate set channel = null {ADA}",
        "Every row says what kind of identifier it holds.": f"update run.candidate set identifier_type = null {ADA}",
        "Every row names the part of the company it holds for.": f"update run.candidate set scope = null {ADA}",
        "Channel and kind of identifier go together.": f"update run.candidate set channel = 'fax' {ADA}",
        "Every e-mail address is in its one normal form.": f"update run.candidate set identifier = 'Ada@example.com' {ADA}",
        "Every number is a plus sign and up to fifteen digits (E.164).":
            f"update run.candidate set identifier = '2025550102' {LISTED}",
        "Every postal key is a name, an address, a postal code and a country in their one normal form.":
            f"update run.candidate set channel = 'postal', identifier_type = 'postal', identifier = ' ada, 1 road' {ADA}",
        "There is one row per channel, identifier and part of the company.":
            f"insert into run.candidate select * from run.candidate {ADA}",
        "The part of the company is the whole of it or a path in it.":
            (f"update run.candidate set scope = 'Acme/' {ADA}", "The part of the company is one that quietlist.toml names."),
        "The part of the company is one that quietlist.toml names.": f"update run.candidate set scope = 'acme/no' {ADA}",
        "Every row says why it is there.": f"update run.candidate set reason = null {ADA}",
        "The reason is one of the known ones.": f"update run.candidate set reason = 'whim' {ADA}",
        "Every row says on whose word it rests.": f"update run.candidate set basis = null {ADA}",
        "It rests on the person's own word, on that about the same person, or on a registry.":
            f"update run.candidate set basis = 'hearsay' {ADA}",
        "Every row says since when it holds.": f"update run.candidate set suppressed_since = null {ADA}",
        "No row begins in the future.": f"update run.candidate set suppressed_since = '2026-04-02 12:00:01+00' {ADA}",
        "Every row that rests on a request names that request.": f"update run.candidate set deciding_request_id = null {ADA}",
        "Every row that rests on a request counts at least that one.": f"update run.candidate set request_count = 0 {ADA}",
        "Every row says how many requests are behind it.": f"update run.candidate set request_count = null {ADA}",
        "Every row that rests on a registry names the registry.": f"update run.candidate set registry = null {LISTED}",
        "Every row that rests on a registry names the registry's version.":
            f"update run.candidate set registry_version = null {LISTED}",
        "Every row names at least one source.": f"update run.candidate set sources = [] {ADA}",
        "Every row has a list of sources.": f"update run.candidate set sources = null {ADA}",
        "The first request of a row is not after its last.":
            f"update run.candidate set first_requested_at = last_requested_at + interval 1 second {ADA}",
        "Every row has the keyed hash of its identifier.": f"update run.candidate set identifier_hash = null {ADA}",
        "The keyed hash is 64 hexadecimal digits.": f"update run.candidate set identifier_hash = identifier {ADA}",
    },
    "completeness": {
        "Every request that suppresses reached a contact point or is listed as unresolved.":
            f"delete from golden.applied_requests {R1}",
        "Everybody who asked, and did not opt in again by a way that counts, is in the table.":
            f"delete from run.candidate {ADA}",
        "Every part of the company that a row leaves out was opted into.":
            f"update run.candidate set except_scopes = ['acme/newsletter'] {ADA}",
        "Every row that rests on a request rests on one that is in the ledger.":
            f"update run.candidate set deciding_request_id = 'r99' {ADA}",
        "Every request reached at least one contact point on each channel it names.":
            "insert into golden.open_requests (request_id) values ('r2')",
        "Every suppression that a vendor told us of is one that we know.":
            "insert into golden.unmatched_echoes (file_id) values ('f')",
        "No list still has somebody as subscribed two days after it was known that they opted out.":
            "insert into golden.contradictions (kind, channel, identifier, other_source) "
            "values ('listed_as_subscribed', 'email', 'ada@example.com', 'web')",
        "Every opt-in by a way that lifts came from a source that is trusted with it.":
            "insert into golden.untrusted_opt_ins values ('r4', 'web', 'method_not_trusted')",
        "No record names more addresses and numbers than one person has.":
            "insert into identity.refused_links values ('r:r4', repeat('a', 32), 'web', 200)",
    },
    "leaving": {
        "No more people leave the list at once than the company expects.": f"""
            insert into run.let_go {GOOD_ROWS.format(3000)};
            insert into run.candidate {GOOD_ROWS.format(3000)} where number >= 101
        """,
        "No larger share of the list leaves it at once than the company expects.": f"""
            insert into run.let_go {GOOD_ROWS.format(100)};
            insert into run.candidate {GOOD_ROWS.format(100)} where number >= 11
        """,
    },
    "release_evidence": {
        "All evidence for releases that would go out is what the requests and registries say.":
            "insert into run.evidence values ('email', 'email', 'ada@example.com', '*', 'r9', 'opt_in')",
        "No evidence for releases is left out.": "delete from run.evidence",
    },
    "rules": {
        "The rules of law that would go out are those that the deadlines were judged by.":
            "insert into run.rules (rule_id, jurisdiction, hours) values ('SLOW-LAW', 'US', 9000)",
    },
    "inbox": {
        "Everything that lay in a source's folder of the inbox could be read, and every pull was answered.":
            "insert into raw.unread_inbox values ('web', 'not_allowed', 1)",
    },
    "held_back": {
        "No row of the table is malformed and had to be held back.":
            f"insert into run.held_back select *, [] from run.candidate {ADA}",
    },
    "shrink": {
        "Nobody leaves the list without an opt-in of theirs, or a registry that dropped the number.":
            f"insert into run.published select * from run.candidate; delete from run.candidate {ADA}",
    },
    "clocks": {
        "No legal deadline that has passed is still without proof that the request was honoured.":
            "update deadlines.clocks set state = 'overdue', target_state = 'overdue'",
        "What was asked before the first day is honoured everywhere within the legal time from that day.":
            "update deadlines.clocks set state = 'overdue', target_state = 'overdue', is_inherited = true",
        "No legal deadline is about to pass.": "update deadlines.clocks set state = 'at_risk', target_state = 'overdue'",
        "No clock of the company's own promise is overdue, or about to be.":
            "update deadlines.clocks set state = 'open', target_state = 'overdue'",
        "Every clock is in one of the known states.": "update deadlines.clocks set state = null",
    },
    "registries": {
        "No registry copy in use is older than its law allows.":
            "update registries.area_versions set obtained_at = obtained_at - interval 32 day where area = '202'",
        "No registry copy in use is one that the policy does not know.":
            "update registries.area_versions set registry = 'xx_unheard_of'",
    },
}  # fmt: skip

TOUCHED = (
    "raw.unread_columns", "registries.withheld", "run.deliveries",
    "ledger.requests", "ledger.conservation", "raw.landed_files", "raw.load_log", "run.acknowledged", "run.candidate",
    "run.published", "run.held_back", "run.let_go", "raw.source_settings", "golden.untrusted_opt_ins", "identity.refused_links",
    "golden.contradictions", "ledger.unmapped_lists", "raw.file_columns", "ledger.kinds_of_files",
    "golden.applied_requests", "golden.unresolved_requests", "golden.open_requests", "golden.unmatched_echoes",
    "golden.release_evidence", "deadlines.clocks", "registries.versions", "registries.area_versions",
    "registries.listings", "registries.file_areas", "raw.quarantine", "raw.unread_inbox", "run.evidence", "run.rules",
    "exposure.canary_contacts",
)  # fmt: skip

Judge = Callable[..., dict[str, str]]


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Judge:
    """A function that spoils the good house, in memory, judges one suite and repairs the house again."""
    home = build_house(tmp_path_factory.mktemp("gate") / "home")
    with warehouse(home) as con:
        candidate = export_candidate(con, home, AS_OF, rows_to_hold_back)
    con = duckdb.connect()
    con.execute("set timezone = 'UTC'")
    con.execute(f"attach '{home.warehouse_file}' as stored (read_only)")
    con.execute("copy from database stored to memory")
    con.execute("detach stored")
    con.execute("attach ':memory:' as run; create schema run.judged")
    con.execute(
        "create table run.sources as select 'web' as source, 'requests' as format, 48::bigint as expected_every_hours, "
        "'UTC' as timezone, 'US' as region, 4.0::double as volume_factor"
    )
    con.execute("create table run.deliveries (source varchar, sha256 varchar, received_at timestamptz)")
    con.execute("create table run.acknowledged (file_id varchar)")
    con.execute("create table run.snapshot_feeds as select 'canonical' as vendor, 'contacts' as feed")
    con.execute(f"create table run.candidate as select * from {candidate.relation}")
    con.execute(f"create table run.evidence as select * from {parquet_relation([candidate.folder / EVIDENCE_FILE])}")
    con.execute("create table run.founded_evidence as from run.evidence")
    con.execute(f"create table run.rules as select * from {parquet_relation([candidate.folder / RULES_FILE])}")
    con.execute("create table run.published as select * from run.candidate limit 0")
    con.execute("create table run.let_go as select * from run.candidate limit 0")
    con.execute("create table run.limits as select 100::bigint as max_leaving, 0.05::double as max_leaving_share")
    con.execute(f"create table run.held_back as select * from {candidate.held_back_relation}")
    create_hmac_function(con, home_key(home))
    con.execute("attach ':memory:' as good")
    names = {table: f"good.{table.replace('.', '_')}" for table in TOUCHED}
    for table, copy in names.items():
        con.execute(f"create table {copy} as select * from {table}")
    values = run_values(config_of(home), AS_OF)

    spoilt: list[str] = []

    def judge(name: str, sql: str = "", only: Callable[[Check], bool] = lambda check: True) -> dict[str, str]:
        """Sentence -> level of everything that failed. What could not be evaluated fails the test."""
        while spoilt:
            table = spoilt.pop()
            con.execute(f"create or replace table {table} as select * from {names[table]}")
        con.execute(f'drop table if exists run.judged."{name}"')
        spoilt.extend(table for table in TOUCHED if table in sql)
        for statement in filter(str.strip, sql.split(";")):
            con.execute(statement)
        suite = replace(SUITES[name], checks=tuple(filter(only, SUITES[name].checks)))
        (outcomes,) = engine.evaluate(con, [prepare(con, suite, values)])
        pairs = list(zip(suite.checks, outcomes, strict=True))
        assert all(outcome.evaluated for _, outcome in pairs), [outcome.note for _, outcome in pairs if not outcome.evaluated]
        return {check.sentence: check.level for check, outcome in pairs if not outcome.success}

    return judge


def test_every_expectation_has_a_failing_case() -> None:
    """A new expectation without a case below fails here: add the row that it is there to catch."""
    written = {(name, check.sentence) for name, suite in SUITES.items() for check in suite.checks}
    cased = {(name, sentence) for name, cases in CASES.items() for sentence in cases}
    assert written == cased


@pytest.mark.parametrize("suite", sorted(SUITES))
def test_the_good_house_meets_everything(judged: Judge, suite: str) -> None:
    assert judged(suite) == {}


@pytest.mark.parametrize(("suite", "sentence"), [(suite, sentence) for suite, cases in CASES.items() for sentence in cases])
def test_what_is_spoilt_fails_at_its_level_and_at_no_other(judged: Judge, suite: str, sentence: str) -> None:
    """Judged beside every check of another level. All checks of a suite at once take too long for each of the cases."""
    case = CASES[suite][sentence]
    sql, *others = (case,) if isinstance(case, str) else case
    levels = {check.sentence: check.level for check in SUITES[suite].checks}
    failed = judged(suite, sql, lambda check: check.sentence == sentence or check.level != levels[sentence])
    assert failed == {name: levels[name] for name in (sentence, *others)}, sql


@pytest.mark.parametrize(
    "sentence", ["Every suppressed row names whom it suppresses.", "The keyed hash is 64 hexadecimal digits."]
)
def test_one_bad_value_fails_one_expectation(judged: Judge, sentence: str) -> None:
    assert judged("golden_suppression", CASES["golden_suppression"][sentence]) == {sentence: "stop"}


LEGAL = "No legal deadline that has passed is still without proof that the request was honoured."
SOON = "No legal deadline is about to pass."
PROMISE = "No clock of the company's own promise is overdue, or about to be."
INHERITED = "What was asked before the first day is honoured everywhere within the legal time from that day."


@pytest.mark.parametrize(
    ("why", "rule", "state", "target", "unmet"),
    [
        ("in time by both", "us_can_spam", "on_time", "on_time", set()),
        ("in time by law, late by the promise: that is past, and counted in the report", "us_can_spam", "on_time", "late", set()),
        ("open, and the promise missed", "us_can_spam", "open", "overdue", {PROMISE}),
        ("overdue by both", "us_can_spam", "overdue", "overdue", {LEGAL, PROMISE}),
        ("about to be, by law", "us_can_spam", "at_risk", "overdue", {SOON, PROMISE}),
        ("overdue by nothing but the promise", "COMPANY-PROMISE", "overdue", "overdue", {PROMISE}),
        ("about to be, by nothing but the promise", "COMPANY-PROMISE", "at_risk", "at_risk", {PROMISE}),
    ],
)
def test_the_law_and_the_promise_are_told_apart(
    judged: Judge, why: str, rule: str, state: str, target: str, unmet: set[str]
) -> None:
    sql = f"update deadlines.clocks set rule_id = '{rule}', state = '{state}', target_state = '{target}'"
    assert set(judged("clocks", sql)) == unmet, why


@pytest.mark.parametrize(
    ("rule", "state", "unmet"),
    [
        ("us_can_spam", "overdue", {INHERITED}),
        ("us_can_spam", "at_risk", {INHERITED}),
        ("us_can_spam", "late", set()),
        ("COMPANY-PROMISE", "overdue", set()),
        ("us_can_spam", "nobody_knows", {"Every clock is in one of the known states."}),
    ],
)
def test_a_clock_from_before_the_first_day_is_a_finding_of_its_own(judged: Judge, rule: str, state: str, unmet: set[str]) -> None:
    sql = f"update deadlines.clocks set rule_id = '{rule}', state = '{state}', target_state = 'overdue', is_inherited = true"
    assert set(judged("clocks", sql)) == unmet, (rule, state)


# What may and what may not explain that somebody left the list that was published before.
PUBLISHED = "insert into run.published select * from run.candidate"
GONE = f"delete from run.candidate {ADA}"
ERASED = f"update run.published set reason = 'erasure' {ADA}"
BELOW = f"update run.published set scope = 'acme/newsletter' {ADA}"
EXCEPT = f"update run.candidate set except_scopes = ['acme'] {ADA}"
NARROW = "update raw.source_settings set scope = 'acme'"
DROPPED = "insert into golden.release_evidence values ({point}, '*', 'registry:us_ftc', 'registry')"


def opted_in(
    method: str = "preference_center",
    scope: str = "*",
    at: str = "2026-03-30 00:00+00",
    email: str = "ada@example.com",
    source: str = "web",
) -> str:
    return f"""
        insert into ledger.requests by name
        select 'r9' as request_id, '{source}' as source, 'opt_in' as action, '{method}' as method,
            ['email'] as channels, '{scope}' as scope,
            timestamptz '{at}' as at_earliest, timestamptz '{at}' as at_latest, ['{email}'] as emails, []::varchar[] as phones
    """


@pytest.mark.parametrize(
    ("why", "happened", "is_explained"),
    [
        ("an opt-in of the address after its last request", [GONE, opted_in()], True),
        ("an opt-in at a node above", [BELOW, GONE, opted_in(scope="acme")], True),
        ("an opt-in at a node below", [GONE, opted_in(scope="acme")], False),
        ("an opt-in of a source that is not trusted", [GONE, opted_in(source="shop")], False),
        ("an opt-in by a method that its source is not trusted with", [GONE, opted_in(method="written_consent")], False),
        ("an opt-in of a source that speaks for a part", [GONE, NARROW, opted_in()], False),
        ("an opt-in of the source that speaks for the part", [BELOW, GONE, NARROW, opted_in()], True),
        ("an opt-in before the request", [GONE, opted_in(at="2026-02-01 00:00+00")], False),
        ("an opt-in at the very time of the request", [GONE, opted_in(at="2026-03-01 10:00+00")], False),
        ("an opt-in by a method that lifts nothing", [GONE, opted_in(method="import")], False),
        (
            "an opt-in by a method that does not lift a complaint",
            ["delete from run.candidate where reason = 'complaint'", opted_in("esp_resubscribe", email="eve@example.com")],
            False,
        ),
        ("an opt-in of another address", [GONE, opted_in(email="someone@example.com")], False),
        ("an opt-in against an erasure", [ERASED, GONE, opted_in()], False),
        ("a row at a node above that still covers it", [BELOW], True),
        ("a row at a node above that leaves it out", [BELOW, EXCEPT], False),
        ("a new exception with its opt-in", [EXCEPT, opted_in(scope="acme")], True),
        ("a new exception without one", [EXCEPT], False),
        ("an exception that was there before", [], True),
        (
            "a registry that dropped the number",
            [f"delete from run.candidate {LISTED}", DROPPED.format(point="'voice', 'phone', '+12025550102'")],
            True,
        ),
        ("a registry row that vanished while the number is still listed", [f"delete from run.candidate {LISTED}"], False),
        (
            "a registry that dropped the address of somebody who asked",
            [GONE, DROPPED.format(point="'email', 'email', 'ada@example.com'")],
            False,
        ),
    ],
)
def test_leaving_the_list_needs_an_explanation(judged: Judge, why: str, happened: list[str], is_explained: bool) -> None:
    failed = judged("shrink", ";".join([PUBLISHED, *happened]))
    assert (failed == {}) is is_explained, why


def test_a_version_that_was_held_back_stops_the_table_made_of_it(judged: Judge) -> None:
    """No number of it is known to the company: what it lost was measured where versions are made."""
    assert judged("registry_shrink", "insert into registries.withheld values ('us_ftc', 100, 50, 50)") != {}


@pytest.mark.parametrize(
    ("why", "happened", "is_missing"),
    [
        ("lifted by a later opt-in", [opted_in()], False),
        ("an opt-in at the same time", [opted_in(at="2026-03-01 10:00+00")], True),
        ("an opt-in below", [opted_in(scope="acme")], True),
        ("an opt-in by import", [opted_in(method="import")], True),
        ("an erasure", [f"update golden.applied_requests set action = 'erasure' {R1}", opted_in()], True),
    ],
)
def test_who_may_be_absent(judged: Judge, why: str, happened: list[str], is_missing: bool) -> None:
    sentence = "Everybody who asked, and did not opt in again by a way that counts, is in the table."
    assert (sentence in judged("completeness", ";".join([GONE, *happened]))) is is_missing, why


def test_a_list_is_told_on_the_day_it_first_comes_and_never_again(judged: Judge) -> None:
    day_before = "insert into ledger.unmapped_lists (source, unmapped_list, first_received_at) values ('web', 'acme/a', '{}')"
    assert judged("unmapped_lists", day_before.format("2026-03-31 12:00:00+00")) == {}, "the run of the day before told it"
    assert list(judged("unmapped_lists", day_before.format("2026-04-01 12:00:00+00")).values()) == ["alert"]


def test_a_contact_to_a_canary_is_told_on_the_day_its_record_comes(judged: Judge) -> None:
    day_before = "insert into exposure.canary_contacts values ('esp', null, '{}')"
    assert judged("canaries", day_before.format("2026-03-31 12:00:00+00")) == {}, "the run of the day before told it"
    assert list(judged("canaries", day_before.format("2026-04-01 12:00:00+00")).values()) == ["alert"]


NEW_COLUMN = "Every column of a file is one that its source has brought before."
GONE_COLUMN = "Every column that the files of a source have always had is there."
NEW_KIND = "Every kind of request, echo or other record is one that its source has brought before."


@pytest.mark.parametrize(
    ("case", "header", "sizes", "columns", "failed"),
    [
        ("a label of the first file", True, (5, 5), [(1, "mood", 5, False), (2, "mood", 5, False)], []),
        ("a new label", True, (5, 5), [(2, "mood", 5, False)], [NEW_COLUMN]),
        ("a new key of one record", False, (5, 5), [(2, "mood", 1, False)], [NEW_COLUMN]),
        ("a described column that the header names now", True, (5, 5), [(2, "name", 5, True)], [NEW_COLUMN]),
        ("a described key that was empty until now", False, (5, 5), [(2, "name", 5, True)], []),
        ("a label that nobody reads is gone", True, (5, 5), [(1, "mood", 5, False)], []),
        ("a described column is gone", True, (5, 5), [(1, "name", 5, True)], [GONE_COLUMN]),
        ("a key of every one of 99 records, of none of ten", False, (99, 10), [(1, "name", 99, True)], []),
        ("of every one of 100, of none of nine", False, (100, 9), [(1, "name", 100, True)], []),
        ("of every one of 100, of none of ten", False, (100, 10), [(1, "name", 100, True)], [GONE_COLUMN]),
        ("of 99 of 100, of none of ten", False, (100, 10), [(1, "name", 99, True)], []),
        ("of every one of 100, of one of ten", False, (100, 10), [(1, "name", 100, True), (2, "name", 1, True)], []),
    ],
)
def test_what_counts_as_new_and_as_gone(
    judged: Judge,
    case: str,
    header: bool,
    sizes: tuple[int, int],
    columns: list[tuple[int, str, int, bool]],
    failed: list[str],
) -> None:
    lines = [
        column(file, label, records, of=sizes[file - 1], declared=declared, header=header)
        for file, label, records, declared in columns
    ]
    begin = TWO_FILES.format(first=sizes[0], second=sizes[1], header=header)
    assert list(judged("newcomers", begin + "".join(lines))) == failed, case


@pytest.mark.parametrize(
    ("case", "sql", "failed"),
    [
        ("the day before told it", KINDS.format("2026-03-31 12:00:00+00", "complaint by spam_complaint"), []),
        ("today", KINDS.format("2026-03-31 12:00:01+00", "complaint by spam_complaint"), [NEW_KIND]),
        ("nothing new", KINDS.format("2026-04-01 12:00+00", "opt_out by web_form"), []),
        (
            "acknowledged",
            KINDS.format("2026-04-01 12:00+00", "echo") + "; insert into run.acknowledged values (repeat('2', 32))",
            [],
        ),
        (
            "told as a column that nobody reads",
            TWO_FILES.format(first=5, second=5, header=True)
            + column(2, "reach")
            + "; insert into raw.unread_columns (file_id, label, is_canonical) values (repeat('2', 32), 'reach', false)",
            [],
        ),
    ],
)
def test_what_is_told_once_and_not_twice(judged: Judge, case: str, sql: str, failed: list[str]) -> None:
    assert list(judged("newcomers", sql)) == failed, case


def test_two_layouts_in_turn_lose_no_column(judged: Judge) -> None:
    files = ", ".join(
        f"(lpad('{day}', 32, '0'), 'web', 'acme', 'list', 'f.csv', 1, '2026-04-01 12:00+00'::timestamptz - to_days({10 - day}))"
        for day in range(11)
    )
    columns = ", ".join(
        f"(lpad('{day}', 32, '0'), '{'name' if day % 2 else 'email'}', true, null, 5, 5, true)" for day in range(11)
    )
    told = judged(
        "newcomers",
        "insert into raw.landed_files (file_id, source, vendor, feed, name, size_bytes, received_at) "
        f"values {files}; insert into raw.file_columns values {columns}",
    )
    assert told == {}


def test_an_acknowledged_file_no_longer_holds(judged: Judge) -> None:
    lost = "update raw.landed_files set feed = null; update ledger.conservation set difference = -1"
    acknowledged = "insert into run.acknowledged values (repeat('a', 32))"
    assert judged("conservation", f"{lost}; {acknowledged}") == {"No file was waved through by a person.": "alert"}


@pytest.mark.parametrize(
    ("case", "listed", "stay_from", "changed", "failed"),
    [
        ("ten of a short list", 20, 10, "", 0),
        ("eleven of a short list", 20, 11, "", 1),
        ("eleven of a long one", 300, 11, "", 0),
        ("a hundred of a long one", 3000, 100, "", 0),
        ("a hundred and one", 3000, 101, "", 1),
        ("most of a list", 3000, 2000, "", 2),
        ("what a registry dropped", 3000, 2000, "update run.let_go set reason = 'registry'", 0),
        ("released at a part of the company", 3000, 0, "update run.candidate set except_scopes = ['acme']", 2),
        ("suppressed at a part all the same", 3000, 2000,
         "insert into run.candidate select * replace ('acme' as scope) from run.let_go; update run.let_go set scope = 'acme'", 0),
        ("one person on three channels is one", 20, 11,
         "insert into run.let_go select * replace ('ads' as channel) from run.let_go; "
         "insert into run.candidate select * replace ('ads' as channel) from run.candidate", 1),
    ],
)  # fmt: skip
def test_how_many_may_leave_at_once(judged: Judge, case: str, listed: int, stay_from: int, changed: str, failed: int) -> None:
    rows = f"""
        insert into run.let_go {GOOD_ROWS.format(listed)};
        insert into run.candidate {GOOD_ROWS.format(listed)} where number >= {stay_from}; {changed}
    """
    assert len(judged("leaving", rows)) == failed, case


def test_an_empty_table_is_right_when_everybody_opted_in_again(judged: Judge) -> None:
    assert judged("golden_suppression", "delete from run.candidate; update ledger.requests set action = 'opt_in'") == {}
