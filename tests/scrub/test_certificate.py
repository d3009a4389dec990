"""The certificate: whatever is altered afterwards is named, partners need no secret, and the policy's dates are read right."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from benchmarks.published import publish_golden
from orchestration.core.config import Company, Config, load_config
from orchestration.core.errors import ConfigError, InputError
from orchestration.core.files import canonical_json
from orchestration.core.home import Home
from orchestration.core.signing import checked_key
from orchestration.core.warehouse import warehouse
from orchestration.publish.candidate import RULES, RULES_COLUMNS, write_parquet
from orchestration.reconcile import dbt
from orchestration.scrub import policy
from orchestration.scrub.certificate import public_key, sign, verify
from orchestration.scrub.scrubbing import Request, scrub
from tests.deadlines.house import seeded
from tests.scrub.worlds import AS_OF, CONFIG


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, Path]:
    """A home and the folder of a scrub."""
    root = tmp_path_factory.mktemp("certificate")
    home = Home.at(root / "home").create()
    home.config_file.write_text(CONFIG)
    with duckdb.connect() as con:
        rows = "select 'email' as channel, 'email' as identifier_type, 'a@example.com' as identifier, '*' as scope"
        publish_golden(con, home, rows, AS_OF)
    (root / "c.csv").write_text("email\na@example.com\nb@example.com\n")
    scrub(home, load_config(home), root / "c.csv", Request(channels=("email",)), root / "out", AS_OF)
    return home, root


def rewrite(folder: Path, change: Callable[[dict[str, object]], object]) -> None:
    file = folder / "certificate.json"
    content = json.loads(file.read_text())
    change(content)
    file.write_text(canonical_json(content) + "\n")


ALTERATIONS: list[tuple[str, Callable[[Path], object], str | None]] = [
    ("nothing", lambda folder: None, None),
    ("a row of the allowed file", lambda f: (f / "allowed.csv").write_text("email\na@example.com\n"),
     "allowed.csv is not the file"),
    ("a byte that keeps the size", lambda f: (f / "blocked.csv").write_bytes((f / "blocked.csv").read_bytes()[:-2] + b"x\n"),
     "blocked.csv is not the file"),
    ("a file taken away", lambda f: (f / "unscreened.csv").unlink(), "unscreened.csv is not there"),
    ("a later end", lambda f: rewrite(f, lambda c: c.update(valid_until="2030-01-01T00:00:00+00:00")),
     "its text is not what was signed"),
    ("another issuer", lambda f: rewrite(f, lambda c: c.update(issuer="Other")), "its text is not what was signed"),
    ("another key", lambda f: rewrite(f, lambda c: c["signature"].update(public_key="00" * 32)), "signed with another key"),
    ("the page", lambda f: (f / "certificate.html").write_text("<p>valid</p>"), "certificate.html does not show"),
]  # fmt: skip


@pytest.mark.parametrize(("case", "alter", "said"), ALTERATIONS, ids=[case[0] for case in ALTERATIONS])
def test_the_first_difference_is_named(
    made: tuple[Home, Path], tmp_path: Path, case: str, alter: Callable[[Path], object], said: str | None
) -> None:
    home, root = made
    shutil.copytree(root / "out", tmp_path / "out")
    alter(tmp_path / "out")
    found = verify(tmp_path / "out" / "certificate.json", None, public_key(home), AS_OF)
    assert found.proven is (said is None), case
    assert said is None or said in str(found.difference), (case, found.difference)


def test_the_campaign_file_can_be_proved_too(made: tuple[Home, Path], tmp_path: Path) -> None:
    home, root = made
    certificate = root / "out" / "certificate.json"
    assert verify(certificate, None, public_key(home), AS_OF, root / "c.csv").proven
    (tmp_path / "c.csv").write_text("email\n")
    found = verify(certificate, None, public_key(home), AS_OF, tmp_path / "c.csv")
    assert found.difference == "the campaign file is not the one that was scrubbed"


@pytest.mark.parametrize(
    ("moment", "valid"),
    [
        (AS_OF, True),
        (AS_OF + timedelta(hours=23, minutes=59), True),
        (AS_OF + timedelta(hours=24), False),
        (AS_OF - timedelta(1), False),
    ],
)
def test_it_is_valid_from_its_moment_until_its_end(made: tuple[Home, Path], moment: datetime, valid: bool) -> None:
    home, root = made
    found = verify(root / "out" / "certificate.json", None, public_key(home), moment)
    assert found.proven and found.valid_now is valid, moment


def test_whoever_has_another_home_cannot_sign_for_this_one(made: tuple[Home, Path], tmp_path: Path) -> None:
    home, root = made
    shutil.copytree(root / "out", tmp_path / "out")
    other = Home.at(tmp_path / "other")
    forged = json.loads((tmp_path / "out" / "certificate.json").read_text())
    del forged["signature"]
    (tmp_path / "out" / "certificate.json").write_text(canonical_json(sign(other, forged)))
    assert "another key" in str(verify(tmp_path / "out" / "certificate.json", None, public_key(home), AS_OF).difference)


def test_what_is_no_certificate_or_no_key_is_refused(made: tuple[Home, Path], tmp_path: Path) -> None:
    home, _ = made
    for text in ("", "{}", "[1]", '{"signature": {}, "certificate": "x", "format": 1}'):
        (tmp_path / "c.json").write_text(text)
        with pytest.raises(InputError, match="no certificate of a scrub"):
            verify(tmp_path / "c.json", None, public_key(home), AS_OF)
    with pytest.raises(ConfigError, match="no Ed25519 key"):
        checked_key("12ab", "quietlist scrub key")
    assert checked_key(f" {public_key(home).upper()}\n", "quietlist scrub key") == public_key(home)


def test_a_copy_is_usable_to_the_end_of_its_last_day_where_the_registry_is() -> None:
    us = policy.registry_policies()["us_ftc"]
    # 31 days after 1 March in New York is 1 April; summer time has begun, so the day ends at 04:00 UTC.
    assert us.usable_until(datetime(2026, 3, 1, 12, tzinfo=UTC)) == datetime(2026, 4, 2, 4, tzinfo=UTC)
    # Late in the evening UTC it is still the same day there, at night already the day before.
    assert us.usable_until(datetime(2026, 3, 2, 4, tzinfo=UTC)) == datetime(2026, 4, 2, 4, tzinfo=UTC)
    assert policy.registry_policies()["us_tx"].usable_until(AS_OF) is None


@pytest.mark.parametrize(
    ("registry", "moment", "expected"),
    [
        ("za_optout", datetime(2026, 4, 14, 21, tzinfo=UTC), False),
        ("za_optout", datetime(2026, 4, 14, 23, tzinfo=UTC), True),
        ("fr_bloctel", datetime(2026, 8, 10, 12, tzinfo=UTC), True),
        ("fr_bloctel", datetime(2026, 8, 11, 12, tzinfo=UTC), False),
    ],
)
def test_a_registry_is_demanded_only_while_its_law_is_in_force(registry: str, moment: datetime, expected: bool) -> None:
    assert policy.registry_policies()[registry].in_force(moment) is expected


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The rules as a version carries them: of the policy, and of two more whose waiver ends, or ended, on a day."""
    home = seeded(tmp_path_factory.mktemp("rules") / "home")
    with warehouse(home) as con:
        for name, day in (("WAIVER-ENDED", "2026-03-01"), ("WAIVER-ENDS", "2026-06-01")):
            con.execute(
                "insert into policy.rules by name select ? as rule_id, 'US' as jurisdiction, 'email' as channels, "
                "4 as max_value, 'direct_request' as trigger, 'hour' as max_unit, 'waived_until' as status, "
                "?::date as valid_from",
                [name, day],
            )
    dbt.invoke(home, Config(company=Company(name="Test")), AS_OF, "run", "binding_rules")
    with warehouse(home, read_only=True) as con:
        write_parquet(con, f"select {', '.join(RULES_COLUMNS)} from {RULES}", home.root / "rules.parquet")
    return home.root / "rules.parquet"


def named(*asked: Any) -> list[str]:
    return [clock.rule_id for clock in policy.clocks(*asked)]


def test_the_shortest_clock_of_the_channels_and_regions_comes_first(rules: Path) -> None:
    found = [clock for clock in policy.clocks(rules, ["email"], ["US"], AS_OF) if not clock.rule_id.startswith("WAIVER")]
    assert (found[0].rule_id, found[0].hours) == ("MBX-GMAIL-YAHOO", 48)
    assert not any(rule.rule_id.startswith("UK-") for rule in found)
    assert policy.clocks(rules, ["voice"], ["GB"], AS_OF)[0].hours == 0
    everywhere = set(named(rules, ["email"], [], AS_OF))
    assert {rule.rule_id for rule in found} < everywhere, "an unknown region is under every law"
    for regions in (["AQ"], ["US", "AQ"]):
        assert set(named(rules, ["email"], regions, AS_OF)) == everywhere, "so is one whose law nobody has put into the policy"


def test_a_rule_whose_waiver_has_ended_binds_a_scrub(rules: Path) -> None:
    assert "WAIVER-ENDED" in named(rules, ["email"], ["US"], AS_OF)
    assert "WAIVER-ENDS" not in named(rules, ["email"], ["US"], AS_OF)
    for moment, said in ((datetime(2026, 5, 31, 9, tzinfo=UTC), False), (datetime(2026, 5, 31, 11, tzinfo=UTC), True)):
        assert ("WAIVER-ENDS" in named(rules, ["email"], ["US"], moment)) is said, "it binds where it is that day already"


def test_of_a_version_without_its_rules_the_strictest_is_said() -> None:
    assert [clock.hours for clock in policy.clocks(None, ["email"], ["US"], AS_OF)] == [0]
