"""``quietlist violations``: each with rule, cause and fix, nobody named unless asked for, and what they may cost."""

from __future__ import annotations

import csv
import json
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from orchestration.audit.violations import COLUMNS, in_all, price, violations
from orchestration.cli import main
from orchestration.core.config import load_config
from orchestration.core.home import Home
from orchestration.core.warehouse import warehouse
from tests.evidence.houses import CANARIES


def asked(home: Home, *options: str) -> Result:
    result = CliRunner().invoke(main, ["violations", "--home", str(home.root), *options])
    assert result.exit_code == 0, result.output
    return result


def test_the_newest_come_first_and_nobody_is_named_unless_asked_for(house: Home) -> None:
    found = violations(house, load_config(house), limit=7)
    assert found.total == 45 and len(found.found) == 7, "15 times three in the house"
    moments = [row["contacted_at"] for row in found.found]
    assert moments == sorted(moments, reverse=True)
    masked = asked(house).output
    for canary in (*CANARIES, "canary agent"):
        assert canary not in masked.lower(), canary
    assert "voice to +1******0000" in masked and "Identifiers are masked; --reveal shows them." in masked
    revealed = asked(house, "--reveal", "--limit", "60").output
    assert "voice to +12015550040" in revealed and "--reveal" not in revealed


def test_each_says_what_it_went_against_by_which_rule_why_and_what_to_do(house: Home) -> None:
    text = asked(house, "--limit", "60").output
    assert "1,800 contacts made: 45 violations; " in text, "beside what was clean"
    assert "against request " in text and "of shop, made " in text and ", to be honoured by " in text
    assert "against the registry us_ftc, the copy of " in text
    assert "rule   US-CANSPAM: A law (§ 1 of it)" in text
    assert "cause  it was not pushed yet" in text and "fix    Push more often (pipeline)" in text
    assert "older ones are not listed" not in text
    assert "25 older ones are not listed" in asked(house).output


def test_a_program_reads_the_same(house: Home) -> None:
    said = json.loads(asked(house, "--json", "--limit", "3").stdout)
    assert said["total"] == 45 and len(said["violations"]) == 3 and said["contacts"]["violation"] == 45
    with warehouse(house, read_only=True) as con:
        own = {row[0] for row in con.execute("select contact_id from exposure.violations").fetchall()}
    assert not own & {row["violation_id"] for row in said["violations"]}, "an id of a hash of a number would give the number away"


def test_the_file_holds_all_of_them_and_nothing_that_a_spreadsheet_would_calculate(own_house: Home, tmp_path: Path) -> None:
    with warehouse(own_house) as con:
        con.execute("update exposure.violations set campaign = '=1+1' where record_no = 1")
        con.execute("update exposure.violations set is_inherited = true where record_no = 2")
    file = tmp_path / "violations.csv"
    assert "Written: 45 to" in asked(own_house, "--csv", str(file)).output
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with file.open(encoding="utf-8", newline="") as stream:
        found = list(csv.DictReader(stream))
    assert len(found) == 45 and tuple(found[0]) == COLUMNS
    assert {row["campaign"] for row in found if row["record_no"] == "1"} == {"'=1+1"}
    assert [row["is_inherited"] for row in found].count("True") == 1, "inherited ones too"
    assert not any(canary in file.read_text(encoding="utf-8").lower() for canary in CANARIES)
    again = CliRunner().invoke(main, ["violations", "--home", str(own_house.root), "--csv", str(file)])
    assert again.exit_code == 2 and "there is a file of that name already" in again.output
    asked(own_house, "--reveal", "--csv", str(tmp_path / "revealed.csv"))
    assert "'+12015550040" in (tmp_path / "revealed.csv").read_text(encoding="utf-8")


def test_without_a_contact_nothing_is_said_to_be_clean(empty_home: Home) -> None:
    text = asked(empty_home).output
    assert text == "No record of sends, texts or calls was delivered, so nothing can be said about violations.\n"


RULE = {
    "currency": "USD",
    "penalty": "in words",
    "penalty_per": "contact",
    "penalty_turnover_percent": None,
    "low": 0,
    "high": None,
}
ALL = {
    "currency": "USD", "contacts": 2, "low": None, "high": None, "once_high": None, "turnover_percent": None,
    "has_unverified_figure": False,
}  # fmt: skip


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (RULE | {"low": 1000, "high": 3000}, "USD 1,000 to 3,000"),
        (RULE | {"high": 53088}, "up to USD 53,088"),
        (RULE | {"low": 200, "high": 200}, "USD 200"),
        (RULE | {"high": 10_000_000, "penalty_per": "infringement"}, "up to USD 10,000,000, once for all of them"),
        (
            RULE | {"high": 20, "penalty_per": "infringement", "penalty_turnover_percent": 4},
            "up to USD 20, once for all of them, or 4 % of the yearly turnover if that is more",
        ),
        (RULE | {"penalty_per": "request_day"}, "not told by contacts (in words)"),
        (RULE | {"penalty": None}, "no figure is known"),
    ],
)
def test_what_a_rule_may_cost_is_said_as_its_law_counts(row: dict[str, object], said: str) -> None:
    assert price(row) == said


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (ALL | {"low": 500, "high": 54588}, "2 contacts: USD 500 to 54,588, from the mildest rule to the strictest."),
        (
            ALL | {"low": 0, "high": 1500, "once_high": 9000},
            "2 contacts: up to USD 1,500, from the mildest rule to the strictest; "
            "instead of that, or beside it, up to USD 9,000 once for all of them.",
        ),
        (
            ALL | {"contacts": 1, "once_high": 9000, "turnover_percent": 4, "has_unverified_figure": True},
            "1 contact: up to USD 9,000 or 4 % of the yearly turnover once for all of them (with a figure from memory).",
        ),
        (ALL, "2 contacts: no figure is known."),
    ],
)
def test_what_is_decided_once_is_said_beside_what_each_contact_costs_and_never_added(row: dict[str, object], said: str) -> None:
    assert in_all(row) == said
