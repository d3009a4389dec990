"""What every staging model promises, whatever its vendor: its columns, one row per raw record, and outcomes that hold together.

The raw tables are filled with seeded nonsense built from words that occur in real files, so that every branch is met.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import duckdb
import pyarrow as pa
import pytest

from orchestration.core.config import Config
from orchestration.core.home import Home
from orchestration.core.warehouse import warehouse
from orchestration.readers.feeds import Feed, all_feeds
from orchestration.readers.in_use import unused_models
from orchestration.reconcile import dbt, stages
from tests.homes import with_policy
from tests.staging.conftest import AS_OF

SEED = 20260401
RECORDS = 400
COMMON = {"file_id": "VARCHAR", "record_no": "BIGINT", "source": "VARCHAR", "vendor": "VARCHAR", "feed": "VARCHAR"} | {
    "outcome": "VARCHAR",
    "outcome_reason": "VARCHAR",
}
TIMES = {"at_earliest": "TIMESTAMP WITH TIME ZONE", "at_latest": "TIMESTAMP WITH TIME ZONE", "time_quality": "VARCHAR"}
ARRIVAL = {"received_at": "TIMESTAMP WITH TIME ZONE"}
POSTAL = dict.fromkeys(("name", "address", "postal_code", "country", "region"), "VARCHAR")
LISTS = {"emails_raw": "VARCHAR[]", "phones_raw": "VARCHAR[]"}
CONTRACT: dict[str, dict[str, str]] = {
    "requests": COMMON
    | {"event_key": "VARCHAR", "action": "VARCHAR", "method": "VARCHAR", "channels": "VARCHAR[]", "scope": "VARCHAR"}
    | {"time_text": "VARCHAR"}
    | TIMES
    | LISTS
    | POSTAL
    | {"customer_id": "VARCHAR", "is_snapshot": "BOOLEAN", "snapshot_at": "TIMESTAMP WITH TIME ZONE"}
    | ARRIVAL
    | {"doubt": "VARCHAR", "unknown_column": "VARCHAR", "unknown_value": "VARCHAR"}
    | {"listed_hash": "VARCHAR", "unmapped_list": "VARCHAR"},
    "contacts": COMMON | {"customer_id": "VARCHAR"} | LISTS | POSTAL | {"updated_at_text": "VARCHAR"} | ARRIVAL,
    "contacts_made": COMMON
    | {"contact_key": "VARCHAR"}
    | TIMES
    | dict.fromkeys(("channel", "identifier_raw", "scope", "campaign", "system", "agent", "registry_version"), "VARCHAR")
    | dict.fromkeys(("region", "call_outcome"), "VARCHAR")
    | ARRIVAL,
    "registry": COMMON
    | {"registry": "VARCHAR", "change": "VARCHAR", "is_full": "BOOLEAN", "phone_raw": "VARCHAR", "region": "VARCHAR"}
    | {"area_code": "VARCHAR", "listed_on": "DATE"}
    | ARRIVAL
    | {"snapshot_at": "TIMESTAMP WITH TIME ZONE"},
}
OUTCOMES = {
    "requests": {"request", "echo", "not_a_request", "quarantine"},
    "contacts": {"contact", "quarantine"},
    "contacts_made": {"contact_made", "not_a_request", "quarantine"},
    "registry": {"registry", "quarantine", "not_a_request"},
}
UNION = {kind: f"int_{kind}__unioned" for kind in OUTCOMES}
CELLS: dict[str, tuple[str | None, ...]] = {
    "time": (
        "2026-03-01T10:00:00Z",
        "2026-03-01",
        "03/04/2026",
        "1772326800",
        "Thu, 05 Mar 2026 14:51:34",
        "",
        "soon",
        "2031-01-01",
        None,
    ),
    "email": ("a@example.com", "A@Example.com; b@example.org", "not an address", "", " ", None),
    "phone": ("+12025550101", "2025550101;(212) 555-0102", "07700 900101", "anonymous", "", None),
    "word": (
        "opt_out",
        "Opt-In",
        "erasure",
        "deceased",
        "email",
        "email;sms",
        "pigeon",
        "all",
        "import",
        "preference_center",
        "",
        None,
    ),
    "event": ("unsubscribe", "group_resubscribe", "spamreport", "bounce", "dropped", "delivered", "mystery", "", None),
    "body": (
        "STOP",
        "Start",
        "YES",
        "don't stop",
        "please stop texting",
        "wrong number",
        "the end",
        "hi",
        "",
        None,
        "🛑",
        "'; drop",
    ),
    "direction": ("inbound", "outbound-api", "sideways", "Outbound", "Inbound", "Internal", "", None),
    "disposition": ("Do Not Call", "Deceased", "Wrong Number", "Not Interested", "???", "", None),
    "line": (
        "202,5550101",
        "2025550101",
        "202,5550101,2026-03-01,A",
        "202,5550102,D",
        "0207 9460101",
        "07700900101 ",
        "x",
        "",
        None,
    ),
    "any": ("x", "Ada Moss", "12 Elm Street", "20001", "US", "GB", "CA", "acme/newsletter", "4100", "{}", "ü\u200b", "", None),
}
COLUMNS_OF_KIND = {
    "time": "requested_at contacted_at updated_at unsub_time clean_time last_changed created created_at timestamp sent_at "
    "consent_at",
    "email": "email emails identifier",
    "phone": "phone phones ani dnis from_number to_number",
    "word": "action channels channel method status",
    "event": "event",
    "body": "body opt_out_type",
    "direction": "direction call_type",
    "disposition": "disposition",
    "line": "line",
}
KIND_OF_COLUMN = {name: kind for kind, names in COLUMNS_OF_KIND.items() for name in names.split()}


def fill(con: duckdb.DuckDBPyConnection, feed: Feed, chance: random.Random, file_id: str) -> None:
    """One landed file of nonsense for a feed."""
    con.execute(
        "insert into raw.landed_files (file_id, source, format, vendor, feed, name, received_at, snapshot_at) "
        "values (?, ?, ?, ?, ?, ?, timestamptz '2026-03-20 00:00:00+00', timestamptz '2026-03-19 00:00:00+00')",
        [file_id, f"source_{feed.table}", feed.format, feed.vendor, feed.feed, "asm_groups_4100_suppressions.json"],
    )
    names = [column.name for column in feed.columns]
    rows = [
        [file_id, number, None, *(chance.choice(CELLS[KIND_OF_COLUMN.get(name, "any")]) for name in names)]
        for number in range(1, RECORDS + 1)
    ]
    columns = ", ".join(f'"{name}"' for name in ("_file_id", "_record_no", "_extra", *names))
    con.register(
        "nonsense", pa.table([pa.array(values) for values in zip(*rows, strict=True)], [f"c{n}" for n in range(len(names) + 3)])
    )
    con.execute(f'insert into raw."{feed.table}" ({columns}) select * from nonsense')
    con.unregister("nonsense")


@pytest.fixture(scope="module")
def staged(home: Home, config: Config) -> Home:
    """Nonsense in every raw table, staged."""
    print(f"seed {SEED}")
    chance = random.Random(SEED)
    with warehouse(home) as con:
        for feed in all_feeds():
            fill(con, feed, chance, f"file of {feed.table}")
    dbt.invoke(home, config, AS_OF, "build", "tag:staging")
    return home


MODELS = [(feed, kind) for feed in all_feeds() for kind in feed.kinds]


@dataclass(frozen=True)
class Shown:
    """What a staging model yields of the nonsense."""

    columns: list[tuple[str, str]]
    counts: tuple[int, ...]
    """Rows too many, distinct records, the first and the last number of a record."""
    outcomes: set[str]
    unnamed: int
    """Records in quarantine without a reason."""
    of_snapshots: set[bool]


def show(con: duckdb.DuckDBPyConnection, feed: Feed, kind: str) -> Shown:
    model = f"staging.{feed.model(kind)}"
    # A record may say that several registries list a number.
    row = "(record_no, registry)" if kind == "registry" else "record_no"
    of_snapshots = "list(distinct is_snapshot)" if kind == "requests" else "[]"
    *counts, outcomes, unnamed, snapshots = con.execute(
        f"select count(*) - count(distinct {row}), count(distinct record_no), min(record_no), max(record_no), "
        "list(distinct outcome), count(*) filter (outcome = 'quarantine' and outcome_reason is null), "
        f"{of_snapshots} from {model} where file_id = ?",
        [f"file of {feed.table}"],
    ).fetchall()[0]
    columns = [(str(name), str(kind)) for name, kind, *_ in con.execute(f"describe {model}").fetchall()]
    return Shown(columns, tuple(counts), set(outcomes), unnamed, set(snapshots))


@pytest.fixture(scope="module")
def shown(staged: Home) -> dict[str, Shown]:
    """By model; read at once, since every opening of a warehouse with all feeds costs as much as a dozen models."""
    with warehouse(staged, read_only=True) as con:
        return {feed.model(kind): show(con, feed, kind) for feed, kind in MODELS}


@pytest.mark.parametrize(("feed", "kind"), MODELS, ids=[feed.model(kind) for feed, kind in MODELS])
def test_a_staging_model_keeps_its_columns_and_every_record(shown: dict[str, Shown], feed: Feed, kind: str) -> None:
    model = feed.model(kind)
    found = shown[model]
    assert found.columns == list(CONTRACT[kind].items()), model
    assert found.counts == (0, RECORDS, 1, RECORDS), f"{model} doubled or lost records: {found.counts}"
    assert found.outcomes <= OUTCOMES[kind], f"{model}: {found.outcomes}"
    assert found.unnamed == 0, f"{model} quarantines without a reason"


@pytest.mark.parametrize("feed", [feed for feed in all_feeds() if "requests" in feed.kinds], ids=lambda feed: feed.table)
def test_a_record_is_one_of_a_snapshot_where_the_description_of_its_feed_says_so(shown: dict[str, Shown], feed: Feed) -> None:
    model = feed.model("requests")
    assert shown[model].of_snapshots == {feed.snapshot}, f"{model} and the description of its feed differ"


@pytest.mark.parametrize(
    ("model", "broken"),
    [
        ("int_requests__unioned", "(outcome = 'request') <> (action is not null)"),
        (
            "int_requests__unioned",
            "outcome = 'request' and (len(channels) = 0 or channels is null or method is null or scope is null)",
        ),
        ("int_requests__unioned", "outcome = 'request' and outcome_reason is not null"),
        (
            "int_requests__unioned",
            "outcome = 'request' and len(emails_raw) + len(phones_raw) = 0 and customer_id is null "
            "and (name is null or address is null or postal_code is null)",
        ),
        ("int_requests__unioned", "action = 'opt_in' and at_earliest is null"),
        ("int_requests__unioned", "outcome = 'not_a_request' and len(emails_raw) + len(phones_raw) > 0"),
        ("int_requests__unioned", "(unknown_column is null) <> (unknown_value is null)"),
        (
            "int_requests__unioned",
            "outcome_reason in ('unknown_disposition', 'unknown_action', 'unknown_outcome') and unknown_value is null",
        ),
        ("int_requests__unioned", "emails_raw is null or phones_raw is null or is_snapshot is null"),
        ("int_requests__unioned", "list_contains(channels, 'all') and len(channels) > 1"),
        (
            "int_requests__unioned",
            "at_earliest > at_latest or (at_earliest is null) <> (time_quality in ('none', 'unreadable', 'implausible'))",
        ),
        ("int_requests__unioned", "time_quality in ('instant', 'zone_assumed') and at_earliest <> at_latest"),
        ("int_requests__unioned", "region is not null and not regexp_full_match(region, '[A-Z]{2}(-[A-Z0-9]{1,3})?')"),
        ("int_contacts__unioned", "outcome = 'contact' and customer_id is null"),
        (
            "int_contacts_made__unioned",
            "outcome = 'contact_made' and (at_earliest is null or channel is null or identifier_raw is null)",
        ),
        ("int_registry__unioned", "outcome = 'registry' and (phone_raw is null or region is null or change is null)"),
    ],
)
def test_no_row_of_a_union_contradicts_itself(staged: Home, model: str, broken: str) -> None:
    with warehouse(staged) as con:
        total = con.execute(f"select count(*) from staging.{model}").fetchone()
        found = con.execute(f"select count(*) from staging.{model} where {broken}").fetchone()
    assert total is not None and total[0] > 0
    assert found == (0,), f"{model}: rows where {broken}"


def contents(home: Home) -> dict[str, list[tuple[object, ...]]]:
    with warehouse(home) as con:
        return {
            table: con.execute(f"select * from staging.{table} order by all").fetchall()
            for table in (*UNION.values(), "int_emails__seen", "int_phones__seen", "int_postal__seen")
        }


def test_the_unions_hold_every_record_once(staged: Home) -> None:
    whole = contents(staged)
    expected = {kind: RECORDS * sum(kind in feed.kinds for feed in all_feeds()) for kind in UNION}
    assert {kind: len({row[:2] for row in whole[table]}) for kind, table in UNION.items()} == expected
    # The test of each model says that a registry's rows are one for each registry.
    assert all(len(whole[table]) == expected[kind] for kind, table in UNION.items() if kind != "registry")


def test_the_unions_hold_the_same_in_whatever_steps_they_are_built(
    tmp_path_factory: pytest.TempPathFactory, config: Config
) -> None:
    # How a union goes on is the same for every feed: those of three vendors and our own, between them of every kind.
    feeds = [feed for feed in all_feeds() if feed.vendor in ("canonical", "mailchimp", "ftc_national_dnc", "quietlist")]
    assert {kind for feed in feeds for kind in feed.kinds} == set(UNION)
    unused = unused_models(tuple(feeds))
    chance = random.Random(SEED)
    home = with_policy(Home.at(tmp_path_factory.mktemp("steps") / "home"))
    with warehouse(home) as con:
        stages.prepare(con, home, tuple(feeds))
        for feed in feeds:
            fill(con, feed, chance, f"file of {feed.table}")
    dbt.invoke(home, config, AS_OF, "run", "tag:staging", unused=unused)
    whole = contents(home)

    tables = " ".join(UNION.values())  # the views of the step need no second building
    dbt.invoke(home, config, AS_OF, "run", tables, unused=unused)
    assert contents(home) == whole, "building twice changed something"

    # As if the ledger had ingested all files but one, and then one more came.
    canonical = next(feed for feed in feeds if feed.table == "canonical__requests")
    with warehouse(home) as con:
        con.execute(
            "insert into raw.ledger_files select file_id from raw.landed_files where file_id not like '%mailchimp__cleaned'"
        )
        fill(con, canonical, random.Random(SEED + 1), "one more file")
    dbt.invoke(home, config, AS_OF, "run", tables, unused=unused)
    stepwise = contents(home)
    assert len(stepwise["int_requests__unioned"]) == len(whole["int_requests__unioned"]) + RECORDS
    assert len(stepwise["int_emails__seen"]) < len(whole["int_emails__seen"]), "files in the ledger are looked at again"

    with warehouse(home) as con:
        con.execute("delete from raw.ledger_files")
    dbt.invoke(home, config, AS_OF, "run", tables, full_refresh=True, unused=unused)
    again = contents(home)
    assert [again[table] for table in UNION.values()] == [stepwise[table] for table in UNION.values()]


def test_every_raw_identifier_of_a_request_is_seen_by_the_normaliser(staged: Home) -> None:
    with warehouse(staged) as con:
        con.execute("delete from raw.ledger_files")
        for column, table in (("emails_raw", "int_emails__seen"), ("phones_raw", "int_phones__seen")):
            missing = con.execute(
                f"select count(*) from (select unnest({column}) as raw from staging.int_requests__unioned union "
                f"select unnest({column}) from staging.int_contacts__unioned) where raw not in (select raw from staging.{table})"
            ).fetchone()
            assert missing == (0,), f"{table} misses raw texts of {column}"
