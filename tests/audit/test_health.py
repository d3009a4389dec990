"""Healths of sources and destinations, and the doctor: each fault has a sentence and a next step."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from orchestration.audit.clock import evidence_with_clock
from orchestration.audit.destinations import destination_health
from orchestration.audit.doctor import Finding, doctor
from orchestration.audit.gates import last_verdicts
from orchestration.audit.sources import source_health
from orchestration.core.config import Config, load_config
from orchestration.core.home import Home
from orchestration.core.stamps import create_stamps, note
from orchestration.core.warehouse import warehouse
from orchestration.publish.verdicts import store
from tests.evidence.houses import AS_OF


def findings(home: Home) -> dict[str, Finding]:
    """Topic -> its gravest finding."""
    found: dict[str, Finding] = {}
    for finding in doctor(home, load_config(home)):
        found.setdefault(finding.topic, finding)
    return found


def clock_line(home: Home, config: Config, as_of: datetime) -> str:
    with evidence_with_clock(home, config, as_of) as (_, exported, line):
        assert exported is None, "no run is in progress"
        return line


def test_a_silent_source_is_late_and_stands_first(house: Home) -> None:
    sources = source_health(house, load_config(house), AS_OF)
    late = [source.name for source in sources if source.is_late]
    assert late == ["crm", "shop"] == [source.name for source in sources][:2]
    shop = sources[1]
    assert shop.silent_for == timedelta(hours=60) and shop.sentence().startswith(
        "shop (requests): LATE: silent for 60 h, expected every 12 h"
    )
    assert next(source for source in sources if source.name == "dialler").is_late is False, "nobody said how often it comes"


@pytest.mark.parametrize(("minutes", "is_late"), [(-1, False), (0, False), (1, True)])
def test_a_source_is_late_only_after_its_whole_time(house: Home, minutes: int, is_late: bool) -> None:
    config = load_config(house)
    newest = next(source.last_arrival for source in source_health(house, config, AS_OF) if source.name == "newsletter")
    moment = newest + timedelta(hours=24, minutes=minutes)
    assert next(source.is_late for source in source_health(house, config, moment) if source.name == "newsletter") is is_late


def test_a_source_that_left_the_configuration_is_still_told_of(own_house: Home) -> None:
    text = own_house.config_file.read_text().replace('[sources.letters]\nformat = "requests"\nexpected_every_hours = 720\n', "")
    own_house.config_file.write_text(text)
    letters = next(source for source in source_health(own_house, load_config(own_house), AS_OF) if source.name == "letters")
    assert not letters.is_configured and letters.entries > 0 and "its requests stand" in letters.sentence()


def test_the_account_of_a_source_adds_up_to_what_was_read(house: Home) -> None:
    for source in source_health(house, load_config(house), AS_OF):
        ended = source.entries + source.duplicates + source.echoes + source.not_requests + source.quarantined
        assert source.records_read == ended, source.name
        json.dumps(source.as_dict(), default=str)


def test_what_cannot_be_read_back_is_accepted_and_not_provable(house: Home) -> None:
    found = {entry.name: entry for entry in destination_health(house, load_config(house), AS_OF)}
    silent = found["dialler_list"]
    assert silent.unprovable == silent.wanted > 0 and silent.unverified == 0 and silent.oldest_unverified_for is None
    assert "accepted, not provable" in silent.sentence() and f"{silent.wanted:,} sent" not in silent.sentence()
    assert found["mail_system"].held == {"too_many_releases": 7} and found["ads_audience"].stopped == "transient error"


def test_the_oldest_unproved_row_counts_from_when_it_was_first_wanted(house: Home) -> None:
    mail = next(entry for entry in destination_health(house, load_config(house), AS_OF) if entry.name == "mail_system")
    with warehouse(house, read_only=True) as con:
        oldest, rows = con.execute(
            "select min(first_wanted_at), count(*) from raw.sync__row_state "
            "where destination = 'mail_system' and wanted and state in ('wanted', 'sent', 'missing', 'rejected')"
        ).fetchone()
    assert (mail.oldest_unverified_at, mail.unverified) == (oldest, rows)
    assert mail.oldest_unverified_for == AS_OF - oldest


def test_healths_of_an_empty_home(empty_home: Home) -> None:
    config = load_config(empty_home)
    assert {source.name for source in source_health(empty_home, config, AS_OF)} == {
        "newsletter",
        "shop",
        "hotline",
        "crm",
        "dialler",
        "letters",
    }
    assert all(entry.wanted == 0 and entry.proof == "not pushed yet" for entry in destination_health(empty_home, config, AS_OF))


def test_a_sound_house_has_nothing_broken(own_house: Home) -> None:
    with warehouse(own_house) as con:
        con.execute("update ledger.conservation set difference = 0")
    found = doctor(own_house, load_config(own_house))
    assert not [finding.sentence() for finding in found if finding.is_broken]
    assert {finding.topic for finding in found} == {
        "configuration", "environment", "clock", "secrets", "permissions", "disk", "evidence", "encryption", "warehouse",
        "published versions", "gates",
    }  # fmt: skip


def test_a_new_home_is_not_broken(empty_home: Home) -> None:
    assert not [finding.sentence() for finding in doctor(empty_home, load_config(empty_home)) if finding.is_broken]


def break_manifest(home: Home) -> None:
    home.manifest_file.write_text(home.manifest_file.read_text().replace('"source":"shop"', '"source":"shed"', 1))


def lose_bytes(home: Home) -> None:
    next(path for path in sorted(home.landing.rglob("*")) if path.is_file() and len(path.name) == 64).unlink()


def alter_version(home: Home) -> None:
    part = home.golden_published / "version=1" / "part-0.parquet"
    part.write_bytes(part.read_bytes() + b"\0")


def alter_receipt(home: Home) -> None:
    path = home.outbox / "mail_system" / "receipts" / "00000001.json"
    path.rename(path.with_name("00000002.json"))


def open_key(home: Home) -> None:
    home.key_file.chmod(0o644)


def rename_column(home: Home) -> None:
    with warehouse(home) as con:
        con.execute("alter table ledger.requests rename column method to how")


def stop_gate(home: Home) -> None:
    verdict = next(verdict for verdict in last_verdicts(home) if verdict.gate == "exit")
    first, *others = verdict.results
    store(home, replace(verdict, level="stop", results=(replace(first, success=False), *others)))


@pytest.mark.parametrize(
    ("topic", "damage", "said"),
    [
        ("evidence", break_manifest, "does not match its hash"),
        ("evidence", lose_bytes, ": the file is gone"),
        ("evidence", alter_version, "part-0.parquet of version 1 is not the file that was published"),
        ("evidence", alter_receipt, "outbox/mail_system/receipts/00000001.json: the file is gone"),
        ("permissions", open_key, "home.key is open to other users"),
        ("warehouse", rename_column, "no column ledger.requests.method"),
        ("gates", stop_gate, "the exit gate said stop"),
    ],
)
def test_each_fault_is_found_with_a_next_step(own_house: Home, topic: str, damage: Callable[[Home], None], said: str) -> None:
    damage(own_house)
    finding = findings(own_house)[topic]
    assert finding.is_broken and said in finding.said and finding.next_step, finding.sentence()


def test_an_open_home_is_noticed_and_an_open_folder_in_a_closed_one_is_not(own_house: Home) -> None:
    own_house.reports.chmod(0o755)
    assert findings(own_house)["permissions"].level == "ok"
    own_house.root.chmod(0o755)
    finding = findings(own_house)["permissions"]
    assert finding.level == "attention" and "chmod 700" in finding.next_step


def test_a_secret_that_is_not_set_is_named_by_its_variable(own_house: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    own_house.config_file.write_text(own_house.config_file.read_text() + 'url_env = "QUIET_TEST_URL"\n')
    monkeypatch.delenv("QUIET_TEST_URL", raising=False)
    finding = findings(own_house)["secrets"]
    assert finding.is_broken and "ads_audience needs the environment variable QUIET_TEST_URL" in finding.said
    monkeypatch.setenv("QUIET_TEST_URL", "sqlite://")
    assert findings(own_house)["secrets"].level == "ok"


def test_an_alert_that_could_not_leave_is_named_and_breaks_nothing(own_house: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    own_house.config_file.write_text(own_house.config_file.read_text() + '\n[alerts.webhook]\nurl_env = "QUIET_TEST_HOOK"\n')
    monkeypatch.delenv("QUIET_TEST_HOOK", raising=False)
    finding = findings(own_house)["secrets"]
    assert finding.level == "attention" and "alerts need the environment variable QUIET_TEST_HOOK" in finding.said
    monkeypatch.setenv("QUIET_TEST_HOOK", "https://hooks.example.com/T0")
    assert findings(own_house)["secrets"].level == "ok"


def test_the_doctor_says_nothing_about_anybody(own_house: Home) -> None:
    for damage in (break_manifest, alter_version, stop_gate, rename_column):
        damage(own_house)
    text = " ".join(finding.sentence() for finding in doctor(own_house, load_config(own_house)))
    assert "canary" not in text.lower() and "2015550" not in text


def test_looking_changes_nothing(own_house: Home) -> None:
    def state() -> dict[Path, tuple[int, bytes]]:
        return {
            path: (path.stat().st_mode, path.read_bytes())
            for path in sorted(own_house.root.rglob("*"))
            if path.is_file() and path != own_house.warehouse_file
        }

    before = state()
    doctor(own_house, load_config(own_house))
    source_health(own_house, load_config(own_house), AS_OF)
    assert state() == before


def test_ages_are_counted_by_the_clock_that_is_given_and_the_last_runs_is_named(own_house: Home) -> None:
    config = load_config(own_house)
    assert clock_line(own_house, config, AS_OF) == "As of 23 Nov 2026, 22:00 UTC; no run has ended."
    with warehouse(own_house) as con:
        create_stamps(con)
        note(con, clock=AS_OF)
    assert clock_line(own_house, config, AS_OF).endswith("the last run was as of 23 Nov 2026, 22:00 UTC.")
    assert clock_line(own_house, config, AS_OF + timedelta(days=90)).endswith("To count from there: --as-of 2026-11-23T22:00:00Z")
    name = source_health(own_house, config, AS_OF)[-1].name
    for moment, said in ((AS_OF + timedelta(days=90), " days"), (AS_OF - timedelta(days=80), "which is after that clock")):
        sentence = next(row.sentence() for row in source_health(own_house, config, moment) if row.name == name)
        assert said in sentence, (moment, sentence)
