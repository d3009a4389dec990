"""The samples through the real entry points: collected, loaded, staged. They are the demo, so each story must come out."""

from __future__ import annotations

import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestration.core.config import Config, load_config
from orchestration.core.home import Home
from orchestration.core.warehouse import warehouse
from orchestration.landing import collect
from orchestration.readers import load
from orchestration.readers.register import register
from orchestration.reconcile import dbt, stages
from tests.homes import with_policy
from tests.staging.conftest import AS_OF, SAMPLES

FORMATS = SAMPLES.parent / "formats"
Account = dict[tuple[str, str], int]

EXPECTED: dict[str, Account] = {
    # per source: (kind of record, outcome) -> records
    "crm": {("contacts", "contact"): 62, ("contacts", "quarantine"): 1},
    "preference_center": {("requests", "request"): 45, ("requests", "quarantine"): 3},
    "privacy_inbox": {("requests", "request"): 14, ("requests", "quarantine"): 1},
    "support_mailbox": {("requests", "request"): 6, ("requests", "not_a_request"): 3, ("requests", "quarantine"): 2},
    "outlet_store": {("requests", "request"): 16},
    "mailchimp_newsletter": {("requests", "request"): 22, ("requests", "not_a_request"): 56, ("requests", "quarantine"): 1},
    "sendgrid_main": {
        ("requests", "request"): 21,
        ("requests", "echo"): 4,
        ("requests", "not_a_request"): 15,
        ("requests", "quarantine"): 1,
    },
    "twilio_sms": {
        ("requests", "request"): 15,
        ("requests", "echo"): 4,
        ("requests", "not_a_request"): 16,
        ("requests", "quarantine"): 4,
        ("contacts_made", "contact_made"): 13,
        ("contacts_made", "not_a_request"): 22,
    },
    "five9_calls": {
        ("requests", "request"): 6,
        ("requests", "not_a_request"): 19,
        ("contacts_made", "contact_made"): 22,
        ("contacts_made", "not_a_request"): 3,
    },
    "campaign_log": {
        ("contacts_made", "contact_made"): 43,
        ("contacts_made", "not_a_request"): 2,
        ("contacts_made", "quarantine"): 1,
        ("requests", "not_a_request"): 46,
    },
    "us_dnc": {("registry", "registry"): 141, ("registry", "quarantine"): 1},
    "uk_tps": {("registry", "registry"): 43},
}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Home, Config]]:
    home = with_policy(Home.at(tmp_path_factory.mktemp("samples") / "home"))
    shutil.copy(SAMPLES / "quietlist.toml", home.config_file)
    for folder in SAMPLES.iterdir():
        if folder.is_dir():
            shutil.copytree(folder, home.inbox / folder.name)
    config = load_config(home)
    # Copies carry the samples' own times, so nothing looks as if it were still being written.
    config = config.model_copy(update={"limits": config.limits.model_copy(update={"settle_seconds": 0.0})})
    collect(home, config, AS_OF)
    with warehouse(home) as con:
        stages.prepare(con, home)
        register(con, home, config)
        load(con, home, config, AS_OF)
    dbt.invoke(home, config, AS_OF, "build", "tag:staging")
    yield home, config


def test_every_sample_is_recognised_and_every_record_read_or_refused_with_a_reason(demo: tuple[Home, Config]) -> None:
    with warehouse(demo[0]) as con:
        files = con.execute("select name, feed from raw.landed_files").fetchall()
        unbalanced = con.execute(
            "select file_id from raw.load_log where physical_records <> loaded + quarantined + skipped or reader = 'failed'"
        ).fetchall()
        refused = con.execute("select vendor, feed, record_no, reason from raw.quarantine").fetchall()
    assert [name for name, feed in files if feed is None] == []
    assert len(files) == 39
    assert unbalanced == []
    assert refused == [("canonical", "requests", 14, "not_json")]


def test_every_record_of_the_samples_ends_where_its_story_says(demo: tuple[Home, Config]) -> None:
    found: dict[str, Account] = {}
    with warehouse(demo[0]) as con:
        for kind in ("requests", "contacts", "contacts_made", "registry"):
            for source, outcome, records in con.execute(
                f"select source, outcome, count(*) from staging.int_{kind}__unioned group by all"
            ).fetchall():
                found.setdefault(source, {})[(kind, outcome)] = records
        # Lines that are nothing but a number never become text; the staging model judges the first of them for all.
        for source, records in con.execute(
            "select source, sum(records)::bigint from raw.plain_numbers join raw.landed_files using (file_id) group by source"
        ).fetchall():
            found[source][("registry", "registry")] += records
    assert found == EXPECTED


STORIES = [
    (
        "Ada left the newsletter",
        "source = 'mailchimp_newsletter' and emails_raw = ['ada.moss@example.com']",
        "opt_out",
        "acme/newsletter",
    ),
    ("Ben mailed 'stop calling me' without a number", "event_key = 'PRV-1'", "opt_out", "*"),
    ("Chloe texted STOP", "phones_raw = ['+12025550103'] and action = 'opt_out'", "opt_out", "acme"),
    ("Chloe texted START", "phones_raw = ['+12025550103'] and method = 'sms_keyword' and action = 'opt_in'", "opt_in", "acme"),
    (
        "Dmitri reported spam",
        "source = 'sendgrid_main' and emails_raw = ['dmitri.volkov@example.com'] and action is not null",
        "complaint",
        "acme",
    ),
    ("Frank has died", "feed = 'call_log' and phones_raw = ['2025550106']", "deceased", "*"),
    ("Grace wants to be forgotten", "event_key = 'PRV-2'", "erasure", "*"),
    ("Hugo wrote a letter", "event_key = 'PRV-4' and name = 'Hugo Brandt' and time_quality = 'date'", "opt_out", "*"),
    ("Noah wrote it in words", "phones_raw = ['+12125550114'] and feed = 'messages' and outcome = 'request'", "opt_out", "acme"),
    (
        "Pavel came back to one group only",
        "action = 'opt_in' and emails_raw = ['pavel.horak@example.com']",
        "opt_in",
        "acme/group-4100",
    ),
    ("A WhatsApp message is a text", "phones_raw = ['whatsapp:+447700900126']", "opt_out", "acme"),
]


@pytest.mark.parametrize(("story", "where", "action", "scope"), STORIES, ids=[story for story, *_ in STORIES])
def test_a_story_of_the_samples_comes_out(demo: tuple[Home, Config], story: str, where: str, action: str, scope: str) -> None:
    with warehouse(demo[0]) as con:
        rows = con.execute(f"select distinct action, scope from staging.int_requests__unioned where {where}").fetchall()
    assert rows == [(action, scope)], story


def sample_texts() -> Iterator[tuple[str, str]]:
    for path in sorted([*SAMPLES.rglob("*"), *FORMATS.rglob("*")]):
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                for member in archive.namelist():
                    yield f"{path.name}/{member}", archive.read(member).decode()
        elif path.is_file():
            yield path.name, path.read_text("utf-8")


# An American or British number as anybody would write it, not part of a longer word such as an id.
_NUMBER = re.compile(r"(?<![\w.:/-])(?:[0-9]{3},[0-9]{7}|(?:\+|00)?[0-9(][0-9() .-]{7,16}[0-9])(?![\w:/-])")
# What each country keeps for fiction: 555-01xx of any area, Ofcom's, ACMA's, Arcep's and the Bundesnetzagentur's; in Italy
# nobody has 300.
_FICTION = re.compile(
    r"1?(?:202|212|310|317|416)55501\d\d|(?:44)?0?7700900\d{3}|(?:44)?0?2079460\d{3}"
    r"|0491570(?:006|110|15[6-9]|313|737)|063998\d{4}|03023125\d{3}|30000001\d\d"
)
_EPOCH = re.compile(r"1[67]\d{8}(?:\.\d+)?")  # seconds of 2020 to 2027, which may have a fraction; ten digits too


def test_the_samples_hold_no_address_or_number_that_could_be_somebodys() -> None:
    checked = 0
    for name, text in sample_texts():
        hosts = [host.lower() for host in re.findall(r"[\w.+-]+@([\w-]+(?:\.[\w-]+)+)", text)]
        assert [host for host in hosts if not re.search(r"(^|\.)example\.(com|org)$", host)] == [], name
        digits = [re.sub(r"\D", "", found) for found in _NUMBER.findall(text) if not _EPOCH.fullmatch(found)]
        phones = [number for number in digits if len(number) in (10, 11, 12)]
        checked += len(phones)
        assert [number for number in phones if not _FICTION.fullmatch(number)] == [], name
    assert checked > 200, "the pattern no longer finds the numbers"


def test_the_home_of_the_samples_is_copied_whole_by_make_run() -> None:
    makefile = Path(SAMPLES.parents[1] / "Makefile").read_text("utf-8")
    assert "data/samples/*/" in makefile
    assert "data/samples/quietlist.toml" in makefile
    configured = set(re.findall(r"^\[sources\.(\w+)\]", (SAMPLES / "quietlist.toml").read_text("utf-8"), re.MULTILINE))
    assert configured == {folder.name for folder in SAMPLES.iterdir() if folder.is_dir()}
