"""Canaries from the configuration to the report: planted in each list, and a contact to one names the list it came from."""

from __future__ import annotations

import csv
import sqlite3
from datetime import UTC, datetime

import duckdb
import pytest

from orchestration import run
from orchestration.core.canaries import canaries_of
from orchestration.core.config import load_config
from orchestration.core.home import Home
from orchestration.core.outcome import Outcome
from orchestration.report.matters import matters
from orchestration.report.page import write_report
from tests.journeys.home import AS_OF, CALLS, CONFIG, make

CANARIES = """
[sources.seeds]
format = "canary_mailbox"

[canaries]
mailbox = "seed@canaries.example.com"
numbers = { mail_house = "+12125550191" }
"""
MAIL = """\
Delivered-To: {to}
Received: from mail.shop.example.com by mx.canaries.example.com; Fri, 20 Mar 2026 10:00:00 +0000
From: Shop <news@shop.example.com>
To: everybody@shop.example.com
Subject: Spring offers
Message-ID: <{name}@shop.example.com>
Date: Fri, 20 Mar 2026 09:59:58 +0000

Everything is cheaper this week.
"""
CALLED = "k9,2026-03-21T15:00:00Z,voice,(212) 555-0191,,Winback,dialler,,,answered\n"


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, Outcome]:
    home = Home.at(make(tmp_path_factory.mktemp("canaries") / "home", CONFIG + CANARIES))
    (crm,) = (canary for canary in canaries_of(load_config(home), "crm_table"))
    (home.inbox / "seeds").mkdir()
    reached = {"crm": crm.identifier, "scrubbed": "seed+1a2b3c@canaries.example.com", "own": "seed@canaries.example.com"}
    for name, to in reached.items():
        (home.inbox / "seeds" / f"{name}.eml").write_text(MAIL.format(to=to, name=name))
    (home.inbox / "calls" / "calls.csv").write_text(CALLS + CALLED)
    return home, run.run_job(home, "quietlist", datetime.fromisoformat(AS_OF))


def dropped(home: Home) -> set[tuple[str, str]]:
    (full,) = (path for path in (home.outbox / "mail_house").rglob("*_full.csv"))
    rows = csv.DictReader(full.read_text().splitlines())
    return {(row["channel"], row["identifier"].removeprefix("'")) for row in rows}


def test_each_list_holds_its_own_canary_and_no_other(lived: tuple[Home, Outcome]) -> None:
    home, outcome = lived
    assert outcome.success, outcome.lines()
    config = load_config(home)
    (crm,), (post, number) = canaries_of(config, "crm_table"), canaries_of(config, "mail_house")
    there = dropped(home)
    assert {("email", post.identifier), ("voice", number.identifier), ("sms", number.identifier)} <= there
    assert crm.identifier not in {identifier for _, identifier in there}
    with sqlite3.connect(home.outbox / "crm_table" / "suppression.db") as con:
        held = {row[0] for row in con.execute("select identifier from suppression")}
    assert crm.identifier in held and not held & {post.identifier, number.identifier}


def test_what_was_published_holds_no_canary(lived: tuple[Home, Outcome]) -> None:
    files = [str(path) for path in lived[0].golden_published.rglob("part-*.parquet")]
    with duckdb.connect() as con:
        found = con.execute("select count(*), count_if(identifier like 'seed+%') from read_parquet($files)", {"files": files})
        rows, canaries = found.fetchall()[0]
    assert rows > 0 and canaries == 0


def test_a_contact_names_the_list_that_it_came_from(lived: tuple[Home, Outcome]) -> None:
    home, outcome = lived
    with duckdb.connect(str(home.warehouse_file), read_only=True) as con:
        con.execute("set timezone = 'UTC'")
        found = con.execute(
            "select place, list_name, channel, source, system, contacted_at from exposure.canary_contacts order by place"
        ).fetchall()
    mailed = datetime(2026, 3, 20, 10, tzinfo=UTC)
    assert found == [
        ("crm_table", "*", "email", "seeds", "shop.example.com", mailed),
        ("mail_house", None, "voice", "calls", "dialler", datetime(2026, 3, 21, 15, tzinfo=UTC)),
        ("scrub", "1a2b3c", "email", "seeds", "shop.example.com", mailed),
    ]
    said = "\n".join(outcome.lines())
    assert "3 contacts were made to canaries: crm_table (list *), mail_house (list any), scrub (list 1a2b3c)" in said
    write_report(home, load_config(home), datetime.fromisoformat(AS_OF), notes=True)
    told = {matter.about: matter.said for matter in matters(home) if matter.kind == "canary_contacted"}
    assert told == {
        "crm_table": "One contact was made to a canary of the list of crm_table, by shop.example.com.",
        "mail_house": "One contact was made to a canary of the list of mail_house, by dialler.",
        "scrub": "One contact was made to a canary of a scrubbed list, by shop.example.com.",
    }
    page = (home.reports / "compliance.html").read_text(encoding="utf-8")
    assert "Contacts made to canaries" in page and "seed+" not in page and "555-0191" not in page
