"""``quietlist try``: each record of a file is told as it would end, nobody is named, and nothing of it stays."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from orchestration import cli
from orchestration.core.config import parse_config
from orchestration.core.errors import ConfigError
from orchestration.core.home import Home
from orchestration.setup.trial import Tried, try_file

AS_OF = datetime(2026, 4, 1, tzinfo=UTC)
CONFIG = """
[company]
name = "Acme"
scopes = ["acme", "acme/newsletter"]
[sources.asks]
format = "requests"
scope = "acme"
region = "US"
[sources.dnc]
format = "ftc_national_dnc"
region = "US"
"""
ASKS = """\
requested_at,action,method,channels,scope,email,phone,Beeper
2026-03-01T10:00:00Z,opt_out,web_form,email,acme/newsletter,jane.doe@example.com,,+1 202 555 0133
2026-03-01T10:00:00Z,opt_out,agent_note,voice,,,202-555-0101,+1 202 555 0142
2026-03-01T10:00:00Z,please stop all mail,letter,all,,john.roe@example.com,,+1 202 555 0143
2026-03-01T10:00:00Z,moved to mars,letter,all,,ann.poe@example.com,,+1 202 555 0144
2026-03-01T10:00:00Z,opt_out,web_form,email,,broken@@example..com,,+1 202 555 0145
2026-03-01T10:00:00Z,opt_out,web_form,email,acme/newsletter,jane.doe@example.com,,+1 202 555 0133
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    place = Home.at(tmp_path / "home").create()
    place.config_file.write_text(CONFIG)
    return place


def tried(home: Home, name: str, text: str, source: str, **options: bool) -> Tried:
    file = home.root.parent / name
    file.write_text(text)
    return try_file(home, parse_config(CONFIG, home.config_file), file, source, AS_OF, **options)


def test_each_record_is_told_as_it_would_end_and_nothing_stays(home: Home) -> None:
    before = {path for path in home.root.rglob("*") if path != home.key_file}
    found = tried(home, "asks.csv", ASKS, "asks")
    kinds = {record["record_no"]: record["kind"] for record in found.records}
    wanted = {
        2: "request",
        3: "request",
        4: "request",
        5: "quarantine",
        6: "quarantine",
        7: "duplicate",
    }  # the header is record 1
    assert kinds == wanted, found.records
    assert sum(found.counts.values()) == 6
    first = found.records[0]
    assert (first["action"], first["channels"], first["scope"], first["people"]) == (
        "opt_out",
        ["email"],
        "acme/newsletter",
        ["j***@example.com"],
    )
    said = "\n".join(found.lines())
    assert "Beeper" in said, "the column that nobody reads is named"
    assert "unknown action" in said and "Nothing was kept" in said
    assert not found.is_clean
    for secret in ("jane.doe", "john.roe", "ann.poe", "broken@@", "5550133", "555 0133", "555-0101", "5550101"):
        assert secret not in said + str(found.as_dict()), secret
    made = {path for path in home.root.rglob("*") if path not in {home.key_file, home.warehouse_folder}}
    assert made <= before, "nothing of it stays"
    assert "jane.doe@example.com" in str(tried(home, "asks.csv", ASKS, "asks", reveal=True).as_dict())


IN = """\
requested_at,action,method,channels,scope,email
2026-03-02T10:00:00Z,opt_in,preference_center,email,acme/newsletter,jane.doe@example.com
2026-03-02T10:00:00Z,opt_in,preference_center,email,acme/newsletter,john.roe@example.com
2026-03-02T10:00:00Z,opt_in,web_form,email,acme/newsletter,jane.doe@example.com
2026-03-02T10:00:00Z,opt_in,web_form,email,*,john.roe@example.com
2026-03-02T10:00:00Z,opt_in,web_form,email,outlet,ann.poe@example.com
2026-03-02T10:00:00Z,opt_in,import,email,acme,ann.poe@example.com
2026-03-02T10:00:00Z,opt_out,web_form,email,acme,ann.poe@example.com
"""


def test_an_opt_in_that_would_lift_nothing_says_why(home: Home) -> None:
    trusted = CONFIG.replace('scopes = ["acme", "acme/newsletter"]', 'scopes = ["acme", "acme/newsletter", "outlet"]').replace(
        'format = "requests"', 'format = "requests"\nmay_lift = ["web_form"]'
    )
    home.config_file.write_text(trusted)
    file = home.root.parent / "in.csv"
    file.write_text(IN)
    found = try_file(home, parse_config(trusted, home.config_file), file, "asks", AS_OF)
    assert [record["lifts"] for record in found.records] == [
        "not_in_may_lift",
        "not_in_may_lift",
        None,
        "lifts_in_its_scope_only",
        "outside_of_its_scope",
        "method_never_lifts",
        None,
    ]
    assert found.without_effect == [
        "1 opt-in by web_form would lift within the source's scope only, and says more",
        "1 opt-in by import would lift nothing: nothing that came so ever does",
        "2 opt-ins by preference_center would lift nothing: "
        "may_lift of the source does not name preference_center, nor is its format trusted with it",
        "1 opt-in by web_form would lift nothing: it lies outside of the source's scope",
    ]
    said = found.lines()
    assert sum(line.endswith(", lifts nothing") for line in said) == 4 and f"  {found.without_effect[2]}" in said


def test_a_registry_is_counted_and_a_file_that_no_feed_knows_is_said_to_be_one(home: Home) -> None:
    listed = tried(home, "national_dnc_2026-03-02.txt", "202,5550101\n202,5550102\n202,55501\n", "dnc")
    assert listed.counts == {"listing": 2, "quarantine": 1}, listed
    unknown = tried(home, "notes.csv", "colour,size\nred,4\n", "asks")
    assert not unknown.is_clean and unknown.counts.get("request") is None, unknown


def test_a_wrong_source_or_path_is_an_error_that_names_neither_file_nor_person(home: Home) -> None:
    config = parse_config(CONFIG, home.config_file)
    with pytest.raises(ConfigError, match="Allowed: asks and dnc"):
        try_file(home, config, home.config_file, "crm", AS_OF)
    with pytest.raises(ConfigError, match="no such file"):
        try_file(home, config, home.root / "jane.doe@example.com.csv", "asks", AS_OF)
    result = CliRunner().invoke(cli.main, ["try", "jane.doe@example.com.csv", "--source", "asks", "--home", str(home.root)])
    assert result.exit_code == 2 and "jane.doe" not in result.output
