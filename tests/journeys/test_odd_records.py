"""Records that the world sends and nobody expects: each ends alone, and everybody else's opt-outs are published all the same.

One home, one run. What is certain is suppressed under the spelling that mail systems and telephones use; what is not is in
quarantine; what would once have stopped the gate stops nothing.
"""

from __future__ import annotations

import csv
import json

import duckdb
import pytest

from orchestration.core.home import Home
from orchestration.defs.run import parse_moment
from orchestration.publish import read_published
from orchestration.run import prepare_instance, run_job
from tests.homes import with_policy

AT = "2026-03-01T10:00:00Z"
CONFIG = """
[company]
name = "Acme"
default_region = "GB"

[limits]
settle_seconds = 0

[sources.asks]
format = "requests"
scope = "acme"

[sources.groups]
format = "sendgrid"
scope = "acme"

[sources.crm]
format = "contacts"

[sources.tps]
format = "uk_tps"
"""
COLUMNS = ("requested_at", "action", "method", "channels", "scope", "email", "phone", "name", "address", "postal_code", "country")

# Each: why, what was written, how it is suppressed.
ADDRESSES = [
    ("an ordinary one", "ben@example.com", "ben@example.com"),
    ("Turkish capital I", "AL\u0130@EXAMPLE.COM", "ali@example.com"),
    ("Turkish capital I in the domain", "VEL\u0130@\u0130ST.EXAMPLE.COM", "veli@ist.example.com"),
    ("Arabic letter mark", "alm\u061c@example.com", "alm@example.com"),
    ("grapheme joiner", "cgj\u034f@example.com", "cgj@example.com"),
    ("Hangul filler", "hf\u3164@example.com", "hf@example.com"),
    ("blank braille cell", "br\u2800@example.com", "br@example.com"),
    ("tag character", "tag\U000e0041@example.com", "tag@example.com"),
    ("Mongolian vowel separator", "mvs\u180e@example.com", "mvs@example.com"),
    ("full-width letters", "ｖｗide@example.com", "vwide@example.com"),
    ("ligature", "lig\ufb01@example.com", "ligfi@example.com"),
    ("Kelvin sign", "kelvin\u212a@example.com", "kelvink@example.com"),
    ("long s", "long\u017f@example.com", "longs@example.com"),
    ("two dots", "a..b@example.ne.jp", "a..b@example.ne.jp"),
    ("a dot before the @", "abc.@example.ne.jp", "abc.@example.ne.jp"),
]
NUMBERS = [
    ("an ordinary one", "020 7946 0018", "+442079460018"),
    ("full-width digits", "０２０７９４６００１９", "+442079460019"),
]
QUARANTINED = [
    ("a machine's own name", "cron@localhost", ""),
    ("dotless i", "\u0131rmak@example.com", ""),
    ("l for 1", "", "07700 900l01"),
    ("O for 0", "", "0207 946 O018"),
    ("O for 0 without spaces", "", "0207946O019"),
    ("sixteen digits", "", "+49 30 12345678901234"),
    ("a range of two", "", "+49 30 1234567/68"),
    ("an extension before a hash", "", "+11234567890-6#"),
]
SCOPES = ("Weird Scope!", "a//b", "**", "acme/*", "acme\\b", "acme/'; drop", "..", "acme/\u00e9")
TIMES = ("0001-01-01", "9999-12-31T23:59:59Z", "infinity", "-infinity", "1e400", "99999999999999999999", "290309-12-22 (BC)")
PLACES = [
    ("\u3164", "1 Main", "12345", "US"),
    ("Jane\u2028Doe", "1 Main\x85 St", "12 345", "U\u0130S"),
    ("Ja|ne", "1|2", "3|4", "U|S"),
    ("J\u1680d", "\u0660", "\u0661\u0662", "\u00c9TAT"),
    ("x" * 10_000, "y" * 1_000, "z" * 1_000, "q" * 1_000),
]


def asks() -> list[dict[str, str]]:
    rows = [{"channels": "email", "email": raw} for _, raw, _ in ADDRESSES]
    rows += [{"channels": "voice", "phone": raw} for _, raw, _ in NUMBERS]
    rows += [{"channels": "email" if email else "voice", "email": email, "phone": phone} for _, email, phone in QUARANTINED]
    rows.append({"channels": "email", "email": "pigeon@example.com", "method": "carrier pigeon"})
    for number, scope in enumerate(SCOPES):
        rows.append({"channels": "email", "email": f"scope{number}@example.com", "scope": scope})
        rows.append({"channels": "email", "email": "ben@example.com", "scope": scope, "action": "opt_in", "method": "web_form"})
    for number, time in enumerate(TIMES):
        rows.append({"channels": "email", "email": f"time{number}@example.com", "requested_at": time})
        rows.append(
            {"channels": "email", "email": "ben@example.com", "requested_at": time, "action": "opt_in", "method": "web_form"}
        )
    rows += [dict(zip(COLUMNS[7:], place, strict=True)) | {"channels": "postal"} for place in PLACES]
    return [{"requested_at": AT, "action": "opt_out"} | row for row in rows]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = with_policy(Home.at(tmp_path_factory.mktemp("odd") / "home"))
    home.config_file.write_text(CONFIG)
    folders = {name: home.inbox / name for name in ("asks", "groups", "crm", "tps")}
    for folder in folders.values():
        folder.mkdir(exist_ok=True)
    with (folders["asks"] / "asks.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows(asks())
    (folders["groups"] / "events.json").write_text(
        json.dumps(
            [
                {
                    "email": "ben@example.com",
                    "timestamp": 1772359200,
                    "event": "group_resubscribe",
                    "asm_group_id": "we ird!",
                    "sg_event_id": "1",
                },
                {"email": "eve@example.com", "timestamp": 1772359200, "event": "unsubscribe", "sg_event_id": "2"},
            ]
        )
    )
    (folders["crm"] / "contacts.csv").write_text(
        "customer_id,emails,phones,name,address,postal_code,country,region,updated_at\n"
        "c1,eve@example.com;cron@localhost,+49301234567890123,Eve,1 Road,1,GB,,9999-12-31\n"
    )
    (folders["tps"] / "tps_full_20260301.txt").write_text("020 7946 0020\n+49301234567890123\n07700 900l01\n")
    return home


@pytest.fixture(scope="module")
def published(home: Home) -> set[tuple[str, str]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QUIETLIST_HOME", str(home.root))
        patch.setenv("DAGSTER_HOME", str(prepare_instance(home)))
        outcome = run_job(home, "quietlist", parse_moment("2026-04-01T00:00:00Z"))
    assert outcome.gate_level != "stop", f"odd records stopped everybody: {outcome.lines()}"
    rows = duckdb.sql(f"select channel, identifier from {read_published(home).relation}").fetchall()
    return {(channel, identifier) for channel, identifier in rows}


@pytest.mark.parametrize(("why", "raw", "expected"), ADDRESSES, ids=[case[0] for case in ADDRESSES])
def test_an_odd_address_is_suppressed_as_mail_systems_write_it(
    published: set[tuple[str, str]], why: str, raw: str, expected: str
) -> None:
    assert ("email", expected) in published, why


@pytest.mark.parametrize(("why", "raw", "expected"), NUMBERS, ids=[case[0] for case in NUMBERS])
def test_a_number_is_suppressed(published: set[tuple[str, str]], why: str, raw: str, expected: str) -> None:
    assert ("voice", expected) in published, why


def test_no_number_and_no_address_is_invented(published: set[tuple[str, str]]) -> None:
    emails = {expected for _, _, expected in ADDRESSES} | {f"scope{number}@example.com" for number in range(len(SCOPES))}
    emails |= {f"time{number}@example.com" for number in range(len(TIMES))} | {"eve@example.com", "pigeon@example.com"}
    assert {identifier for channel, identifier in published if channel == "email"} == emails
    assert {identifier for channel, identifier in published if channel == "voice"} == {expected for _, _, expected in NUMBERS}


def test_every_record_is_accounted_for_and_the_odd_ones_are_listed(home: Home, published: set[tuple[str, str]]) -> None:
    with duckdb.connect(str(home.warehouse_file), read_only=True) as con:
        assert con.execute("select count(*) from ledger.conservation where difference <> 0").fetchall() == [(0,)]
        reasons = dict(con.execute("select reason, count(*) from ledger.quarantine group by all").fetchall())
        doubts = dict(con.execute("select doubt, count(*) from ledger.requests where doubt is not null group by all").fetchall())
    # A name of nothing but a filler names nobody, so that its address has no key.
    assert reasons["no_usable_identifier"] == len(QUARANTINED) + 1, reasons
    # Each odd scope of an opt-in, and that of the vendor's group.
    assert reasons["unreadable_scope"] == len(SCOPES) + 1, reasons
    assert reasons["opt_in_without_time"] == len(TIMES), reasons
    assert reasons["unreadable_number"] == 2, reasons
    assert doubts == {"unreadable_scope": len(SCOPES), "unknown_method": 1}


def test_an_odd_scope_suppresses_in_the_whole_company(home: Home, published: set[tuple[str, str]]) -> None:
    rows = duckdb.sql(
        f"select distinct scope from {read_published(home).relation} where starts_with(identifier, 'scope')"
    ).fetchall()
    assert rows == [("*",)]
