"""``quietlist policy diff`` says of a changed policy what a run says once somebody adopted it, and writes nothing.

The run that adopts it is made in the long form; always, some of each kind of difference is told, and nothing is written.
"""

from __future__ import annotations

import csv
import hashlib
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.core.config import load_config
from orchestration.core.errors import ConfigError
from orchestration.core.home import CHECKOUT, Home
from orchestration.defs.run import parse_moment
from orchestration.policy.whatif import Difference, difference
from orchestration.reconcile import dbt
from orchestration.run import run_job
from tests.journeys.home import AS_OF, CALLS, make

# Two days after Ann left the newsletter by e-mail: within the ten business days of the law as it is.
CALLED = CALLS + "k3,2026-03-03T15:00:00Z,email,ann@example.com,acme/newsletter,Early,mailer,,,delivered\n"


PROJECT = CHECKOUT / "dbt_project"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    root = make(tmp_path_factory.mktemp("diff") / "home")
    (root / "inbox" / "calls" / "calls.csv").write_text(CALLED)
    home = Home.at(root)
    assert run_job(home, "quietlist", parse_moment(AS_OF)).success
    return home


def rules() -> list[dict[str, str]]:
    with (PROJECT / "seeds" / "policy" / "rules.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def write(file: Path, found: list[dict[str, str]]) -> Path:
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(found[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(found)
    return file


def changed() -> list[dict[str, str]]:
    """A rule that gives less time, one that ended before anybody asked, and one that is new."""
    by_id = {row["rule_id"]: row for row in rules()}
    quicker = by_id["US-CANSPAM"] | {"max_value": "1", "max_unit": "calendar_day", "calendar_id": ""}
    ended = by_id["US-TSR-ENTITY"] | {"valid_to": "2020-12-31"}
    new = by_id["US-FAX"] | {"rule_id": "US-NEW", "name": "A new law", "channels": "any", "max_value": "3", "max_unit": "hour"}
    return [quicker, ended, new]


def bytes_of(home: Home) -> dict[str, str]:
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in home.root.rglob("*") if path.is_file()}


def said_by_tables(home: Home) -> dict[str, dict[Any, Any]]:
    with duckdb.connect(str(home.warehouse_file), read_only=True) as con:
        con.execute("set timezone = 'UTC'")
        asked = {
            "requests": "select request_id, channel, rule_id, deadline_at from deadlines.request_deadlines",
            "clocks": "select request_id, channel, rule_id, destination, state from deadlines.clocks",
            "contacts": "select contact_id, outcome from exposure.contacts_made",
            "golden": "select channel, identifier, scope, rule_id from golden.golden_suppression",
        }
        keys = {"requests": 2, "clocks": 4, "contacts": 1, "golden": 3}
        return {
            name: {row[: keys[name]]: row[keys[name] :] for row in con.execute(query).fetchall()} for name, query in asked.items()
        }


def test_it_says_what_a_run_says_once_it_is_adopted_and_writes_nothing(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_long_form: bool
) -> None:
    untouched = bytes_of(home)
    found = difference(home, load_config(home), write(tmp_path / "changed.csv", changed()))
    assert bytes_of(home) == untouched, "a what-if writes nothing"
    assert found.changed["US-CANSPAM"] == {
        "max_value": ("10", "1"),
        "max_unit": ("business_day", "calendar_day"),
        "calendar_id": ("US-FED", ""),
    }
    assert found.changed["US-TSR-ENTITY"] == {"valid_to": ("", "2020-12-31")}
    assert found.changed["US-NEW"]["name"] == ("", "A new law")
    assert {row["moved"] for row in found.requests} >= {"earlier", "later"}, found.requests
    assert found.clocks and found.contacts and found.golden_rows > 0
    if in_long_form:
        as_a_run_says(found, home, tmp_path, monkeypatch)


def as_a_run_says(found: Difference, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was told is what differs once a copy of the home has run with the changed policy."""
    adopted = Home.at(shutil.copytree(home.root, tmp_path / "adopted"))
    new = tmp_path / "dbt_project"
    shutil.copytree(PROJECT, new, ignore=shutil.ignore_patterns("target"))
    rows = {row["rule_id"]: row for row in [*rules(), *changed()]}
    write(new / "seeds" / "policy" / "rules.csv", list(rows.values()))
    monkeypatch.setattr(dbt, "PROJECT", new)
    before = said_by_tables(adopted)
    assert run_job(adopted, "quietlist", parse_moment(AS_OF)).success
    after = said_by_tables(adopted)

    assert before["golden"].keys() == after["golden"].keys(), "nobody is added, and nobody leaves"
    differs = {key: (before["requests"][key], now) for key, now in after["requests"].items() if before["requests"][key] != now}
    moved = Counter(
        (was[0], now[0], "earlier" if now[1] < was[1] else "later" if now[1] > was[1] else "same deadline")
        for was, now in differs.values()
    )
    told: Counter[tuple[str, str, str]] = Counter()
    for row in found.requests:
        told[row["rule_before"], row["rule_after"], row["moved"]] += row["requests"]
    assert told == moved and {how for _, _, how in moved} >= {"earlier", "later"}, (told, moved)
    for kind, name, shown in (("clocks", "state", found.clocks), ("contacts", "outcome", found.contacts)):
        where = (lambda key: (key[3],)) if kind == "clocks" else (lambda _: ())
        expected = Counter(
            (*where(key), (before[kind].get(key) or (None,))[0], (after[kind].get(key) or (None,))[0])
            for key in before[kind].keys() | after[kind].keys()
            if before[kind].get(key) != after[kind].get(key)
        )
        counted = {
            (*((row["destination"],) if kind == "clocks" else ()), row[f"{name}_before"], row[f"{name}_after"]): row[kind]
            for row in shown
        }
        assert counted == expected and expected, (kind, counted, expected)
    golden = sum(before["golden"][key] != now for key, now in after["golden"].items())
    assert found.golden_rows == golden > 0


def test_the_rows_as_they_are_change_nothing(home: Home, tmp_path: Path) -> None:
    found = difference(home, load_config(home), write(tmp_path / "same.csv", rules()))
    assert (found.changed, found.requests, found.clocks, found.contacts, found.golden_rows) == ({}, [], [], [], 0)
    assert list(found.lines()) == ["The rows say what the policy of the last run says: nothing would change."]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"trigger": "direct_reqest"}, "changed.csv, line 2: trigger is 'direct_reqest'; allowed: direct_request"),
        ({"channels": "email;pigeon"}, "channels is 'email;pigeon'; allowed: what channels.csv has as channel, or any"),
        ({"max_value": "soon"}, "US-CANSPAM: max_value is 'soon'; allowed: integer"),
        ({"valid_from": "2026-02-30"}, "US-CANSPAM: valid_from is '2026-02-30'; allowed: date"),
        ({"citation": ""}, "citation is empty; allowed: a value in every row"),
        ({"colour": "red"}, "unknown column colour"),
    ],
)
def test_what_no_policy_may_hold_is_refused_as_a_run_would(home: Home, tmp_path: Path, change: dict[str, str], said: str) -> None:
    row = next(row for row in rules() if row["rule_id"] == "US-CANSPAM")
    with pytest.raises(ConfigError) as caught:
        difference(home, load_config(home), write(tmp_path / "changed.csv", [row | change]))
    assert said in str(caught.value), caught.value
