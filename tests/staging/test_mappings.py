"""mapped_requests: which case a record fits, what becomes of one that fits none, and what a wrong mapping is told.
mapped_registry: what a line says of its number."""

from __future__ import annotations

import csv
from typing import Any

import duckdb
import pytest

from orchestration.core.home import CHECKOUT
from tests.staging.rendered import CompilerError, render

POLICY = CHECKOUT / "dbt_project" / "seeds" / "policy"
COLUMNS = ("_extra", "said", "said_first", "reason", "origin", "stream", "email", "phone")
UNSUBSCRIBED = {"action": "opt_out", "method": "esp_unsubscribe"}
MAPPING: dict[str, Any] = {
    "time": ["said", "said_first"],
    "email": "email",
    "phones": "phone",
    "channels": ["email"],
    "cases": [
        {"when": {"reason": ["Hard Bounce", "dead"]}, "action": "undeliverable", "method": "bounce"},
        {"when": {"reason": "manual", "origin": "Recipient"}, **UNSUBSCRIBED},
        {"when": {"reason": "manual", "origin": None}, "action": "opt_out", "method": "import", "doubt": "who_asked"},
        {"when": {"reason": {"matches": "spam|abuse"}}, "action": "complaint", "method": "spam_complaint", "channels": ["all"]},
        {"when": {"reason": "dropped"}, "echo": "dropped"},
        {"when": {"reason": "odd"}, **UNSUBSCRIBED, "unlisted": "origin"},
        {"when": {"reason": "opened"}, "not_a_request": "opened"},
    ],
}


def meant(
    mapping: dict[str, Any],
    *rows: dict[str, Any],
    scopes: tuple[str, ...] = (),
    name: str = "list.json",
    timezone: str = "America/New_York",
) -> list[Any]:
    """What the records mean, as the rows of a staging model."""
    con = duckdb.connect()
    con.execute("set timezone = 'UTC'; create schema raw")
    con.execute(f"create table raw.one (_file_id varchar, _record_no bigint, {', '.join(f'{c} varchar' for c in COLUMNS)})")
    con.execute(
        "create table stg_quietlist__files as select 'f' as file_id, 'esp' as source, 'one' as vendor, 'one' as feed, "
        f"'acme' as scope, '{timezone}' as timezone, 'US' as region, timestamptz '2026-03-20 00:00:00+00' as received_at, "
        f"timestamptz '2026-03-19 00:00:00+00' as snapshot_at, '{name}' as name"
    )
    for number, row in enumerate(rows, 1):
        values = {"email": "a@example.com", **row}
        con.execute(
            f"insert into raw.one (_file_id, _record_no, {', '.join(values)}) values ('f', ?, {', '.join('?' * len(values))})",
            [number, *values.values()],
        )
    sql = render(f"{{{{ mapped_requests('one', {mapping!r}) }}}}", {"scopes": list(scopes)})
    cursor = con.execute(f"select * from ({sql}) order by record_no")
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


CASES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("a value", {"reason": "dead"}, {"action": "undeliverable", "method": "bounce"}),
    ("folded: case, spaces and hyphens", {"reason": " hard-BOUNCE "}, {"action": "undeliverable"}),
    ("one of a list, as it is written", {"reason": "Hard Bounce"}, {"action": "undeliverable", "channels": ["email"]}),
    ("all columns must fit", {"reason": "Manual", "origin": "recipient"}, {"action": "opt_out", "method": "esp_unsubscribe"}),
    ("a null is blank", {"reason": "manual", "origin": None}, {"method": "import", "doubt": "who_asked"}),
    ("what a database writes for a null is blank", {"reason": "manual", "origin": "NULL"}, {"method": "import"}),
    ("and what pandas does", {"reason": "manual", "origin": "nan"}, {"method": "import"}),
    ("white space is blank", {"reason": "manual", "origin": "  "}, {"method": "import", "doubt": "who_asked"}),
    ("a pattern, on small letters", {"reason": "SPAM report"}, {"action": "complaint", "channels": ["all"]}),
    ("an echo keeps whom it is about", {"reason": "dropped"}, {"outcome": "echo", "outcome_reason": "dropped", "action": None}),
    (
        "nothing names nobody",
        {"reason": "opened"},
        {"outcome": "not_a_request", "outcome_reason": "opened", "emails_raw": [], "method": None, "channels": None},
    ),
    (
        "an unknown value is quarantined and listed",
        {"reason": "Moon"},
        {
            "outcome": "quarantine",
            "outcome_reason": "unknown_value",
            "action": None,
            "unknown_column": "reason",
            "unknown_value": "Moon",
            "emails_raw": ["a@example.com"],
        },
    ),
    (
        "so is a missing one",
        {"reason": None},
        {"outcome": "quarantine", "outcome_reason": "unknown_value", "unknown_column": "reason", "unknown_value": ""},
    ),
    (
        "of two columns the one that nobody knows is named",
        {"reason": "manual", "origin": "Robot"},
        {"outcome": "quarantine", "unknown_column": "origin", "unknown_value": "Robot"},
    ),
    (
        "a case may act and still have a value listed",
        {"reason": "odd", "origin": "?!"},
        {"action": "opt_out", "unknown_column": "origin", "unknown_value": "?!", "doubt": None},
    ),
    (
        "the first filled time counts",
        {"reason": "dead", "said": " ", "said_first": "2026-03-01 10:00:00"},
        {"time_text": "2026-03-01 10:00:00", "time_quality": "zone_assumed"},
    ),
    (
        "a request about nobody is refused",
        {"reason": "dead", "email": " "},
        {"outcome": "quarantine", "outcome_reason": "no_identifier"},
    ),
    (
        "several numbers",
        {"reason": "dead", "phone": "+12025550101; +12025550102"},
        {"phones_raw": ["+12025550101", "+12025550102"]},
    ),
]


@pytest.mark.parametrize(("case", "record", "expected"), CASES, ids=[case for case, *_ in CASES])
def test_a_record_means_what_the_first_case_that_fits_says(case: str, record: dict[str, Any], expected: dict[str, Any]) -> None:
    (row,) = meant(MAPPING, record)
    assert {name: row[name] for name in expected} == expected, case


UNTIMED: list[tuple[str, dict[str, Any], str | None]] = [
    ("no condition fits", {"reason": "odd", "origin": "a"}, "2026-03-01 10:00:00"),
    ("a value", {"reason": "odd", "origin": "The Other"}, None),
    ("a pattern", {"reason": "odd", "stream": "X1"}, None),
    ("all columns of one must fit", {"reason": "odd", "origin": "b"}, "2026-03-01 10:00:00"),
    ("and do", {"reason": "odd", "origin": "b", "phone": None}, None),
]


@pytest.mark.parametrize(("case", "record", "time"), UNTIMED, ids=[case for case, *_ in UNTIMED])
def test_a_record_whose_time_is_that_of_something_else_has_none(case: str, record: dict[str, Any], time: str | None) -> None:
    untimed = [{"origin": ["the other", "another"]}, {"stream": {"matches": "^x"}}, {"origin": "b", "phone": None}]
    (row,) = meant({**MAPPING, "untimed": untimed}, {"said": "2026-03-01 10:00:00", "phone": "+12025550101", **record})
    assert row["time_text"] == time, case


def test_a_value_is_folded_as_a_file_is_whatever_its_letters() -> None:
    mapping = {
        **MAPPING,
        "cases": [{"when": {"reason": "Sì"}, **UNSUBSCRIBED}, {"when": {"reason": "S"}, "not_a_request": "other"}],
    }
    assert [row["outcome"] for row in meant(mapping, {"reason": "SÌ"}, {"reason": "s"})] == ["request", "not_a_request"]


def test_a_value_that_names_somebody_is_not_listed() -> None:
    mapping = {**MAPPING, "cases": [{"when": {"email": {"matches": "^x"}, "reason": "a", "_extra": "z"}, **UNSUBSCRIBED}]}
    (row,) = meant(mapping, {"reason": "Moon"})
    assert (row["outcome_reason"], row["unknown_column"], row["unknown_value"]) == ("unknown_value", "reason", "Moon")


def test_values_that_are_known_alone_and_not_together_are_listed_together() -> None:
    mapping = {
        **MAPPING,
        "cases": [
            {"when": {"reason": "a", "origin": "x"}, **UNSUBSCRIBED},
            {"when": {"reason": "b", "origin": "y"}, **UNSUBSCRIBED},
        ],
    }
    (row,) = meant(mapping, {"reason": "a", "origin": "y"})
    assert (row["outcome"], row["unknown_column"], row["unknown_value"]) == ("quarantine", "reason / origin", "a / y")


def test_a_condition_that_many_cases_share_is_asked_once_of_what_nobody_knows() -> None:
    """DuckDB took six seconds to plan Salesforce's twenty cases while each repeated the conditions of the others."""
    cases = [{"when": {"reason": "manual", "origin": origin}, **UNSUBSCRIBED} for origin in "abcdefgh"]
    sql = render(f"{{{{ mapped_requests('one', {MAPPING | {'cases': cases}!r}) }}}}")
    # Once in each case; and for the column and for the value that is unknown, each for filled columns and for any.
    assert sql.count("word_reason in ('manual')") == len(cases) + 2 * 2, sql


def test_in_a_list_of_people_who_opted_out_what_nobody_knows_is_an_opt_out_in_doubt() -> None:
    mapping = {**MAPPING, "otherwise": {"action": "opt_out", "method": "import"}}
    (row,) = meant(mapping, {"reason": "Moon"})
    found = (row["outcome"], row["action"], row["method"], row["doubt"], row["unknown_column"], row["unknown_value"])
    assert found == ("request", "opt_out", "import", "unknown_reason", "reason", "Moon")


LISTS: list[tuple[str, dict[str, Any], tuple[str, ...], dict[str, Any]]] = [
    (
        "a list in the company's tree",
        {"reason": "out", "stream": "News"},
        ("acme", "acme/stream-news"),
        {"scope": "acme/stream-news"},
    ),
    ("a list that nobody configured is the whole source", {"reason": "out", "stream": "other"}, ("acme",), {"scope": "acme"}),
    (
        "several lists are the whole source",
        {"reason": "out", "stream": "news;x"},
        ("acme", "acme/stream-news"),
        {"scope": "acme"},
    ),
    ("everything is the whole source", {"reason": "out", "stream": "*"}, ("acme", "acme/stream-news"), {"scope": "acme"}),
    ("a case of its own place", {"reason": "all", "stream": "news"}, ("acme", "acme/stream-news"), {"scope": "acme"}),
    ("the dead are dead to every brand", {"reason": "dead", "stream": "news"}, ("acme", "acme/stream-news"), {"scope": "*"}),
    (
        "coming back is at the list's own node",
        {"reason": "in", "stream": "other"},
        ("acme",),
        {"scope": "acme/stream-other", "action": "opt_in"},
    ),
    (
        "coming back to no list lifts nothing",
        {"reason": "in", "stream": ""},
        ("acme",),
        {"outcome": "quarantine", "outcome_reason": "no_list"},
    ),
    (
        "nor does coming back to several",
        {"reason": "in", "stream": "a;b"},
        ("acme",),
        {"outcome": "quarantine", "outcome_reason": "no_list"},
    ),
    (
        "nor to one whose id is no path",
        {"reason": "in", "stream": "a b"},
        ("acme",),
        {"outcome": "quarantine", "outcome_reason": "unreadable_scope"},
    ),
]


@pytest.mark.parametrize(("case", "record", "scopes", "expected"), LISTS, ids=[case for case, *_ in LISTS])
def test_a_vendors_list_is_a_node_of_the_tree(
    case: str, record: dict[str, Any], scopes: tuple[str, ...], expected: dict[str, Any]
) -> None:
    mapping = {
        "time": "said",
        "email": "email",
        "channels": ["email"],
        "list": {"column": "stream", "kind": "stream", "everything": ["*"]},
        "cases": [
            {"when": {"reason": "out"}, **UNSUBSCRIBED},
            {"when": {"reason": "all"}, **UNSUBSCRIBED, "at": "source"},
            {"when": {"reason": "dead"}, "action": "deceased", "method": "agent_note", "at": "company"},
            {"when": {"reason": "in"}, "action": "opt_in", "method": "esp_resubscribe"},
        ],
    }
    (row,) = meant(mapping, {"said": "2026-03-01T10:00:00Z", **record}, scopes=scopes)
    assert {name: row[name] for name in expected} == expected, case


def test_the_files_name_may_say_which_list_it_is() -> None:
    mapping = {
        "email": "email",
        "channels": ["email"],
        "cases": [UNSUBSCRIBED],
        "list": {"column": "stream", "kind": "stream", "in_name": "dump_([a-z]+)"},
    }
    rows = meant(
        mapping, {"stream": None}, {"stream": "own"}, scopes=("acme/stream-news", "acme/stream-own"), name="dump_news.json"
    )
    assert [row["scope"] for row in rows] == ["acme/stream-news", "acme/stream-own"]


@pytest.mark.parametrize(
    ("case", "stream", "scope"),
    [
        ("the one that was left", '[{"topic":"news","status":"out"},{"topic":"x","status":"in"}]', "acme/topic-news"),
        ("left twice over", '[{"topic":"news","status":"out"},{"topic":"news","status":"out"}]', "acme/topic-news"),
        ("several", '[{"topic":"news","status":"out"},{"topic":"x","status":"out"}]', "acme"),
        ("none", '[{"topic":"news","status":"in"}]', "acme"),
        ("written in another way", '[{"status":"out","topic":"news"}]', "acme"),
        ("nothing", None, "acme"),
    ],
)
def test_a_pattern_finds_the_lists_where_the_column_says_more_than_them(case: str, stream: str | None, scope: str) -> None:
    lists = {"column": "stream", "kind": "topic", "ids": '"topic":"([^"]+)","status":"out"'}
    mapping = {"email": "email", "channels": ["email"], "cases": [UNSUBSCRIBED], "list": lists}
    (row,) = meant(mapping, {"stream": stream}, scopes=("acme", "acme/topic-news"))
    assert row["scope"] == scope, case


@pytest.mark.parametrize(
    ("said", "at"), [("UTC", "16:00"), ("Etc/UTC", "10:00"), ("America/New_York", "15:00")], ids=["nobody", "UTC", "another"]
)
def test_a_vendors_usual_zone_counts_unless_the_source_says_another(said: str, at: str) -> None:
    mapping = {"time": "said", "usual_zone": "Etc/GMT+6", "email": "email", "channels": ["email"], "cases": [UNSUBSCRIBED]}
    (row,) = meant(mapping, {"said": "2026-03-01 10:00:00"}, timezone=said)
    assert f"{row['at_latest']:%H:%M}" == at


def test_the_number_that_a_vendor_gives_somebody_is_not_the_number_of_a_customer() -> None:
    mapping = {"customer_id": "stream", "customer_prefix": "esp", "channels": ["email"], "cases": [UNSUBSCRIBED]}
    known, unknown = meant(mapping, {"stream": " 501 "}, {"stream": " "})
    assert (known["customer_id"], known["outcome"]) == ("esp-501", "request")
    assert (unknown["customer_id"], unknown["outcome_reason"]) == (None, "no_identifier")


@pytest.mark.parametrize(
    ("case", "record", "emails", "phones"),
    [
        ("as the mapping says", {"reason": "a"}, ["a@example.com"], ["+12025550101"]),
        ("a number where others have an address", {"reason": "b", "stream": "+12025550102"}, [], ["+12025550102"]),
        (
            "several addresses",
            {"reason": "c", "stream": '["x@example.com","y@example.com"]'},
            ["x@example.com", "y@example.com"],
            [],
        ),
        ("nobody", {"reason": "b", "stream": " "}, [], []),
        ("what no case knows", {"reason": "?"}, ["a@example.com"], ["+12025550101"]),
    ],
)
def test_a_case_may_be_about_whom_another_column_names(
    case: str, record: dict[str, Any], emails: list[str], phones: list[str]
) -> None:
    mapping = {
        "email": "email",
        "phone": "phone",
        "channels": ["email"],
        "cases": [
            {"when": {"reason": "a"}, **UNSUBSCRIBED},
            {"when": {"reason": "b"}, **UNSUBSCRIBED, "phone": "stream"},
            {"when": {"reason": "c"}, **UNSUBSCRIBED, "emails": "stream"},
        ],
    }
    (row,) = meant(mapping, {"phone": "+12025550101", **record})
    assert (row["emails_raw"], row["phones_raw"]) == (emails, phones), case
    assert row["unknown_column"] in (None, "reason"), "whom a record is about is not listed as a value"


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"tme": "said"}, "unknown key 'tme' (allowed: time, untimed, zone, usual_zone, key"),
    ({"cases": []}, "'cases' is required"),
    ({"channels": []}, "'channels' is required"),
    ({"channels": ["pigeon"]}, "has the channel 'pigeon' (allowed: email, voice"),
    ({"channels": "email"}, "the channels are a list"),
    ({"cases": [{"when": {"reason": "a"}}]}, "case 1 needs exactly one of action, not_a_request, echo and quarantine"),
    ({"cases": [{"action": "opt_out", "method": "import", "echo": "x"}]}, "case 1 needs exactly one of action"),
    ({"cases": [{"action": "optout", "method": "import"}]}, "case 1 has the action 'optout' (allowed: opt_out"),
    ({"cases": [{"action": "opt_out", "method": "mail"}]}, "case 1 has the method 'mail' (allowed: web_form"),
    ({"cases": [{"action": "opt_out"}]}, "case 1 needs a method beside its action"),
    ({"cases": [{"echo": "x", "method": "bounce"}]}, "case 1 needs a method beside its action, and only there"),
    ({"cases": [{**UNSUBSCRIBED, "wen": {}}]}, "case 1 has an unknown key 'wen' (allowed: when, action"),
    ({"cases": [{**UNSUBSCRIBED, "channels": ["pigeon"]}]}, "case 1 has the channel 'pigeon'"),
    ({"cases": [{**UNSUBSCRIBED, "at": "list"}]}, "case 1 is at 'list'"),
    (
        {"cases": [{**UNSUBSCRIBED, "at": "moon"}]},
        "case 1 is at 'moon' (allowed: list, where the mapping has one, source, company)",
    ),
    ({"cases": [UNSUBSCRIBED, {"when": {"reason": "a"}, **UNSUBSCRIBED}]}, "case 1 fits every record, so no case after it"),
    ({"cases": [{"when": {"reason": {"like": "a"}}, **UNSUBSCRIBED}]}, "case 1 asks of 'reason' what nobody knows"),
    ({"cases": [{"when": {"reason": []}, **UNSUBSCRIBED}]}, "case 1 names no value of 'reason'"),
    ({"email": None, "phones": None}, "case 1 is a request, but no key says whose"),
    ({"untimed": {"reason": "odd"}}, "'untimed' is a list of conditions"),
    ({"international": True, "phones": "phone"}, "'international' is for the number of 'phone'"),
    ({"list": {"column": "stream"}}, "'list' needs 'kind'"),
    ({"list": {"column": "stream", "kind": "s", "name": "x"}}, "unknown key 'name' of 'list'"),
    ({"otherwise": {"action": "opt_in", "method": "import"}}, "'otherwise' is for a list of people who opted out"),
    ({"otherwise": {"not_a_request": "x"}}, "'otherwise' is for a list of people who opted out"),
]


@pytest.mark.parametrize(("change", "sentence"), WRONG, ids=[sentence for _, sentence in WRONG])
def test_a_wrong_mapping_is_a_compile_error_that_says_what_is_allowed(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(CompilerError) as error:
        meant({**MAPPING, **change}, {})
    assert sentence in str(error.value)


def test_every_fault_of_a_mapping_is_told_at_once() -> None:
    with pytest.raises(CompilerError) as error:
        meant({**MAPPING, "tme": "said", "channels": ["pigeon"], "cases": [{"action": "optout", "method": "mail"}]}, {})
    message = str(error.value)
    assert message.startswith("The mapping of one: ")
    assert [part in message for part in ("'tme'", "'pigeon'", "'optout'", "'mail'")] == [True] * 4


@pytest.mark.parametrize(
    ("macro", "seed", "wanted"),
    [("known_actions", "actions", "is_request"), ("known_methods", "methods", None), ("known_registries", "registries", None)],
)
def test_a_mapping_may_name_what_the_policy_knows(macro: str, seed: str, wanted: str | None) -> None:
    with (POLICY / f"{seed}.csv").open(encoding="utf-8", newline="") as stream:
        words = {next(iter(row.values())) for row in csv.DictReader(stream) if wanted is None or row[wanted] == "true"}
    assert set(render(f"{{{{ {macro}() | join(',') }}}}").split(",")) == words


REGISTRY: dict[str, Any] = {"registry": "uk_fps", "region": "GB", "change": "listed", "number": "^(0[0-9]+)$"}


def lines(mapping: dict[str, Any], *texts: str | None, name: str = "full.txt", snapshots: tuple[str, ...] = ()) -> list[Any]:
    """What the lines of a registry's file say, as the rows of a staging model."""
    con = duckdb.connect()
    con.execute("create schema raw; create table raw.one (_file_id varchar, _record_no bigint, line varchar)")
    con.execute(
        "create table stg_quietlist__files as select 'f' as file_id, 'fps' as source, 'one' as vendor, 'one' as feed, "
        "null as region, timestamptz '2026-03-20 00:00:00+00' as received_at, "
        f"timestamptz '2026-03-19 00:00:00+00' as snapshot_at, '{name}' as name"
    )
    for number, text in enumerate(texts, 1):
        con.execute("insert into raw.one values ('f', ?, ?)", [number, text])
    sql = render(f"{{{{ mapped_registry('one', {mapping!r}) }}}}", {"snapshot_feeds": list(snapshots)})
    cursor = con.execute(f"select * from ({sql}) order by record_no")
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


@pytest.mark.parametrize(
    ("case", "change", "line", "expected"),
    [
        ("a number", {}, "0123", {"outcome": "registry", "outcome_reason": None, "phone_raw": "0123", "area_code": None}),
        ("no number", {}, "NUMBER", {"outcome": "quarantine", "outcome_reason": "unreadable_number", "phone_raw": None}),
        ("nothing at all", {}, None, {"outcome": "quarantine", "outcome_reason": "unreadable_number"}),
        ("blanks count unless they are padding", {}, "01 23", {"outcome": "quarantine"}),
        ("padding", {"blanks": "padding"}, " 01 23 ", {"outcome": "registry", "phone_raw": "0123"}),
        (
            "an area code apart",
            {"area_code": "^([0-9]{3}),", "number": ",([0-9]{4})$"},
            "012,3456",
            {"outcome": "registry", "area_code": "012", "phone_raw": "0123456"},
        ),
        (
            "half of a number apart",
            {"area_code": "^([0-9]{3}),", "number": ",([0-9]{4})$"},
            "012,345",
            {"outcome": "quarantine", "phone_raw": None},
        ),
        ("who is off the list", {"change": "delisted"}, "0123", {"outcome": "registry", "change": "delisted"}),
        ("whose numbers", {}, "0123", {"registry": "uk_fps", "region": "GB", "change": "listed", "is_full": False}),
    ],
)
def test_a_line_of_a_registry_says(case: str, change: dict[str, Any], line: str | None, expected: dict[str, Any]) -> None:
    (row,) = lines({**REGISTRY, **change}, line)
    assert {name: row[name] for name in expected} == expected, case


def test_which_registry_it_is_may_stand_in_the_files_name() -> None:
    mapping = {**REGISTRY, "registry": {"in_name": {"ctps": "uk_ctps", "fax": "uk_fps"}, "otherwise": "uk_tps"}}
    found = [lines(mapping, "0123", name=name)[0]["registry"] for name in ("TPS.txt", "daily/CTPS_1.txt", "Fax.txt")]
    assert found == ["uk_tps", "uk_ctps", "uk_fps"]


def test_a_registry_is_whole_where_its_description_says_so() -> None:
    assert [lines(REGISTRY, "0123", snapshots=names)[0]["is_full"] for names in ((), ("one",), ("two",))] == [False, True, False]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"nmber": "x"}, "unknown key 'nmber' (allowed: registry, registries"),
        ({"number": None}, "'number' is required"),
        ({"registry": None}, "one of 'registry' and 'registries' is required"),
        ({"registries": {"uk_fps": "line"}}, "one of 'registry' and 'registries' is required"),
        ({"cases": [{"when": {"line": "x"}}]}, "case 1 has a 'when' and exactly one of listed and not_a_request"),
        ({"cases": [{"listed": True, "echo": "x"}]}, "case 1 has a 'when' and exactly one of"),
        (
            {"registry": None, "registries": {"uk_fps": "line"}, "cases": [{"listed": True}]},
            "a row that speaks of several registries lists its number, and has no 'cases'",
        ),
        ({"registry": None, "registries": {"uk_xyz": "line"}}, "the registry 'uk_xyz'"),
        ({"change": "added"}, "the change is 'added' (allowed: listed, delisted)"),
        ({"blanks": "no"}, "the blanks are 'no' (allowed: padding)"),
        ({"registry": "uk_xyz"}, "the registry 'uk_xyz' (allowed: us_ftc"),
        ({"registry": {"in_name": {"a": "uk_xyz"}, "otherwise": "uk_tps"}}, "the registry 'uk_xyz'"),
        ({"registry": {"in_name": {"a": "uk_tps"}}}, "the registry is a name, or {'in_name'"),
    ],
)
def test_a_registrys_mapping_that_is_wrong_is_a_compile_error(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(CompilerError) as error:
        lines({**REGISTRY, **change}, "0123")
    assert sentence in str(error.value)


@pytest.mark.parametrize(
    ("macro", "mapping", "sentence"),
    [
        ("texted_requests", {"phone": "sender", "body": "text", "bdoy": "x"}, "unknown key 'bdoy' (allowed: time, untimed, zone"),
        ("texted_requests", {"body": "text"}, "'phone' is required"),
        ("texted_requests", {"phone": "sender"}, "'body' is required"),
        ("texted_requests", {"phone": "a", "body": "b", "inbound": [{"type": "in"}]}, "'event' is required"),
        ("texted_requests", {"phone": "a", "body": "b", "words": ["c"]}, "unknown key 'words'"),
        ("called_requests", {"phone": "a", "to": "b"}, "'words' is required"),
        ("called_requests", {"phone": "a", "words": ["c"]}, "'to' is required"),
        ("called_contacts", {"to": "a", "outbound": [{}]}, "'system' is required"),
        ("called_contacts", {"to": "a", "system": "b"}, "'outbound' is required"),
    ],
)
def test_a_mapping_of_words_that_is_wrong_is_a_compile_error(macro: str, mapping: dict[str, Any], sentence: str) -> None:
    with pytest.raises(CompilerError) as error:
        render(f"{{{{ {macro}('one', {mapping!r}) }}}}", {"snapshot_feeds": []})
    assert sentence in str(error.value)
