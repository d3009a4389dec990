"""``quietlist policy list`` and ``show``: which rules are in force, where, and what is said of one."""

from __future__ import annotations

import json
from datetime import date

import pytest
from click.testing import CliRunner

from orchestration import cli
from orchestration.core.errors import ConfigError
from orchestration.policy.rules import KINDS, chosen, page_of, read_rules, rule_named, table_of

TODAY = date(2026, 11, 30)


@pytest.mark.parametrize(
    ("why", "day", "filters", "listed", "left_out"),
    [
        ("the last day of Bloctel", date(2026, 8, 10), {"region": "FR"}, {"FR-TEL-BLOCTEL"}, {"FR-TEL-OPTIN"}),
        ("and the day after", date(2026, 8, 11), {"region": "FR"}, {"FR-TEL-OPTIN", "EU-GDPR-21"}, {"FR-TEL-BLOCTEL"}),
        ("the waiver of revoke-all still runs", date(2027, 1, 30), {"region": "US"}, {"US-TCPA-REVOKE"}, {"US-TCPA-REVOKEALL"}),
        ("it has ended", date(2027, 1, 31), {"region": "US"}, {"US-TCPA-REVOKEALL"}, set()),
        (
            "a state has its own law and its country's",
            TODAY,
            {"region": "us-va"},
            {"US-VA-SMS", "US-CANSPAM", "MBX-GMAIL-YAHOO"},
            {"US-FL-FTSA", "UK-OBJECT"},
        ),
        ("a rule for any channel binds each", TODAY, {"channel": "postal"}, {"UK-OBJECT", "UK-MPS"}, {"US-CANSPAM"}),
        ("a kind", TODAY, {"kind": "registry"}, {"UK-TPS", "US-FCC-NATDNC"}, {"US-CANSPAM", "DE-UWG"}),
        ("all there ever were", None, {"region": "FR"}, {"FR-TEL-BLOCTEL", "FR-TEL-OPTIN"}, set()),
    ],
)
def test_the_rules_of_a_day_and_a_place(
    why: str, day: date | None, filters: dict[str, str], listed: set[str], left_out: set[str]
) -> None:
    found = {rule.rule_id for rule in chosen(day, **filters)}
    assert listed <= found and not left_out & found, (why, found)


def test_every_rule_has_a_line_and_a_page_and_every_kind_a_word() -> None:
    rules = read_rules()
    assert {trigger for triggers in KINDS.values() for trigger in triggers} == {rule.trigger for rule in rules}
    lines = table_of(rules, None)
    assert len(lines) == len(rules) + 1
    for rule, line in zip(rules, lines, strict=False):
        page = "\n".join(page_of(rule, TODAY))
        assert line.startswith(rule.rule_id) and rule.name in line, rule.rule_id
        for said in (rule.name, rule.citation, rule.exceptions, rule.penalty, rule.source_url):
            assert said in page, f"{rule.rule_id}: {said}"
        assert ("NOT VERIFIED" in page) == (rule.verification == "M") == ("[M]" in line), rule.rule_id
        assert (rule.status == "unverified") == (" not verified" in line or " unverified" in line), rule.rule_id


def test_a_page_says_what_held_before_and_what_holds_after() -> None:
    assert "after it    FR-TEL-OPTIN" in "\n".join(page_of(rule_named("fr-tel-bloctel"), TODAY))
    assert "before it   FR-TEL-BLOCTEL" in "\n".join(page_of(rule_named("FR-TEL-OPTIN"), TODAY))
    assert "; not on 2026-11-30" in "\n".join(page_of(rule_named("US-TCPA-REVOKEALL"), TODAY))


def test_a_rule_that_is_not_there_is_answered_with_those_like_it() -> None:
    with pytest.raises(ConfigError, match="US-CANSPAM"):
        rule_named("US-CAN-SPAM")


def test_the_command_needs_no_home_and_answers_a_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUIETLIST_HOME", "/nonexistent")
    shown = CliRunner().invoke(cli.main, ["policy", "list", "--as-of", "2026-08-10T12:00:00Z", "--region", "FR", "--json"])
    assert shown.exit_code == 0, shown.output
    assert "FR-TEL-BLOCTEL" in {rule["rule_id"] for rule in json.loads(shown.output)}
    assert CliRunner().invoke(cli.main, ["policy"]).output.endswith("quietlist policy show RULE explains one.\n")
    assert "15 USC 7704" in CliRunner().invoke(cli.main, ["policy", "show", "us-canspam"]).output
    assert CliRunner().invoke(cli.main, ["policy", "show", "nothing"]).exit_code == 2
