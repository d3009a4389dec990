"""What the policy says, against what the design says, and its rows against each other."""

from __future__ import annotations

import itertools
import re

import pytest

from orchestration.core.config import CHANNELS, Company, Config
from orchestration.core.home import CHECKOUT, Home
from orchestration.reconcile import dbt
from tests.deadlines.house import AS_OF
from tests.deadlines.oracle import RULES, rows

REGISTRIES = {row["registry"]: row for row in rows("registries")}
METHODS = {row["method"] for row in rows("methods")}


def test_the_seeds_own_tests_hold(policy_home: Home) -> None:
    results = dbt.invoke(policy_home, Config(company=Company(name="Test")), AS_OF, "test", "path:seeds/policy")
    assert len(results) > 60, "the seeds have lost their tests"


def test_channels_are_those_of_the_configuration() -> None:
    found = {(row["channel"], row["identifier_type"]) for row in rows("channels")}
    assert {channel for channel, _ in found} == set(CHANNELS)
    assert ("ads", "email") in found and ("ads", "phone") in found


def test_only_what_the_design_names_lifts_anything() -> None:
    """The table of lifting methods, written down once more."""
    own_words, requests = ("preference_center", "web_form", "written_consent"), ("opt_out", "complaint", "undeliverable")
    anything = set(itertools.product(own_words, CHANNELS, requests))
    wanted = anything | {("sms_keyword", "sms", "opt_out"), ("esp_resubscribe", "email", "opt_out")}
    assert {(row["method"], row["channel"], row["action"]) for row in rows("lifting_methods")} == wanted


def test_the_gravest_reason_comes_first() -> None:
    ranked = sorted((int(row["priority"]), row["action"]) for row in rows("actions") if row["is_suppressing"] == "true")
    assert [action for _, action in ranked] == [
        "erasure",
        "deceased",
        "opt_out",
        "complaint",
        "litigator",
        "undeliverable",
        "registry",
    ]


@pytest.mark.parametrize("table", [RULES, REGISTRIES], ids=["rules", "registries"])
def test_lists_in_cells_hold_known_words(table: dict[str, dict[str, str]]) -> None:
    for name, row in table.items():
        channels = row["channels"].split(";")
        assert channels == ["any"] or set(channels) <= set(CHANNELS), f"{name}: {row['channels']}"
        methods = (row.get("methods") or row.get("lifted_by_methods") or "").split(";")
        assert methods == [""] or set(methods) <= METHODS, f"{name}: {methods}"
        assert row["source_url"] == "" or row["source_url"].startswith(("https://", "http://")), name


def test_periods_of_validity_are_not_turned_round() -> None:
    for name, row in {**RULES, **REGISTRIES}.items():
        assert not (row["valid_from"] and row["valid_to"]) or row["valid_from"] <= row["valid_to"], name


def test_a_registrys_age_is_the_one_of_its_rule() -> None:
    for name, row in REGISTRIES.items():
        rule = RULES[row["rule_id"]]
        if rule["max_unit"] == "calendar_day" and rule["clock_start"] in ("registry_file_obtained", "number_listed"):
            assert rule["max_value"] in (row["max_age_days"], row["wait_value"]), name
        if rule["valid_to"]:
            assert row["valid_to"] == rule["valid_to"], f"{name} ends with its rule"


def test_every_cause_that_the_models_give_has_its_words_and_no_other_has() -> None:
    models = CHECKOUT / "dbt_project" / "models" / "exposure"
    text = "".join((models / f"{name}.sql").read_text(encoding="utf-8") for name in ("contacts_made", "int_contact_registries"))
    outcomes = {"clean", "before_request", "in_grace", "exempt", "violation", "not_judged", "registry_waiting"}
    assert {row["cause"] for row in rows("causes")} == set(re.findall(r"(?:then|else) '(\w+)'", text)) - outcomes


def test_every_row_says_how_well_it_is_known() -> None:
    for rule_id, rule in RULES.items():
        assert bool(rule["verified_on"]) == (rule["verification"] != "M"), rule_id
