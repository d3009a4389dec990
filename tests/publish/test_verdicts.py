"""Permission: for exactly these rows, from both gates, and overridden only by name, with a reason, for a while."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orchestration.core import chain
from orchestration.core.errors import ConfigError, GateClosed, PermanentError
from orchestration.core.home import Home
from orchestration.publish.verdicts import Result, Verdict, acknowledge, allows, override, overrides, read_verdict, store

NOW = datetime(2026, 4, 1, 12, tzinfo=UTC)
ROWS, OTHERS, LEDGER = "a" * 64, "b" * 64, "c" * 64


def verdict(gate: str, level: str, rows: str = ROWS) -> Verdict:
    result = Result(
        suite="golden",
        title="T",
        sentence="Every row is right.",
        level=level if level != "pass" else "stop",
        reason="Because.",
        type="expect",
        arguments="",
        success=level == "pass",
        evaluated=True,
        counts={"rows": 4, "unexpected": 1},
    )
    return Verdict(gate, level, rows, NOW, (result,), entry_rows_sha256=LEDGER if gate == "exit" else None)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home").create()


def store_both(home: Home, exit_level: str = "pass", entry_level: str = "pass") -> None:
    store(home, verdict("exit", exit_level))
    store(home, verdict("entry", entry_level, LEDGER))


@pytest.mark.parametrize("exit_level", ["pass", "alert", "hold", "stop"])
@pytest.mark.parametrize("entry_level", ["pass", "alert", "hold", "stop"])
def test_the_worse_gate_decides(home: Home, exit_level: str, entry_level: str) -> None:
    store_both(home, exit_level, entry_level)
    worse = max(exit_level, entry_level, key=["pass", "alert", "hold", "stop"].index)
    if worse == "stop":
        with pytest.raises(GateClosed):
            allows(home, ROWS)
    else:
        permission = allows(home, ROWS)
        assert (permission.level, permission.releases_held) == (worse, worse == "hold")


def test_rows_that_nobody_judged_are_refused(home: Home) -> None:
    store_both(home)
    with pytest.raises(GateClosed, match="the exit gate never judged exactly these rows"):
        allows(home, OTHERS)


def test_rows_without_an_entry_verdict_are_refused(home: Home) -> None:
    store(home, verdict("exit", "pass"))
    with pytest.raises(GateClosed, match="the entry gate never judged the ledger"):
        allows(home, ROWS)


def test_a_verdict_under_another_name_is_refused(home: Home) -> None:
    store_both(home)
    others = home.gate_folder / store(home, verdict("exit", "pass", OTHERS)).file_name
    others.rename(home.gate_folder / f"exit-{ROWS}-2.json")
    with pytest.raises(PermanentError, match="one on other rows"):
        allows(home, ROWS)


@pytest.mark.parametrize("change", [{"level": "pass"}, {"results": "none"}, {"rows_sha256": OTHERS}])
def test_a_verdict_written_by_hand_is_refused(home: Home, change: dict[str, str]) -> None:
    store_both(home, "stop")
    path = home.gate_folder / f"exit-{ROWS}-1.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(PermanentError, match="a verdict is never written by hand"):
        allows(home, ROWS)


def test_a_later_verdict_on_the_same_rows_counts_and_the_earlier_one_is_kept(home: Home) -> None:
    store_both(home)
    store_both(home)
    assert len(list(home.gate_folder.glob("exit-*.json"))) == 1, "the same judgement twice is one"
    assert store(home, verdict("exit", "stop")).number == 2
    with pytest.raises(GateClosed):
        allows(home, ROWS)
    assert store(home, verdict("exit", "pass")).number == 3
    assert allows(home, ROWS).level == "pass"
    assert len(list(home.gate_folder.glob("exit-*.json"))) == 3


@pytest.mark.parametrize("how", ["copied over the newest", "copied behind it", "forged whole", "forged behind it"])
def test_an_earlier_or_forged_verdict_permits_nothing_again(home: Home, how: str) -> None:
    store_both(home)
    store(home, verdict("exit", "stop"))
    first, second, third = (home.gate_folder / f"exit-{ROWS}-{number}.json" for number in (1, 2, 3))
    if how == "copied over the newest":
        second.write_bytes(first.read_bytes())
    if how == "copied behind it":
        third.write_bytes(first.read_bytes())
    if how == "forged whole":
        second.write_text(first.read_text().replace('"number":1', '"number":2'))
    if how == "forged behind it":
        third.write_text(first.read_text().replace('"number":1', '"number":3'))
    with pytest.raises(PermanentError, match="a verdict is never written by hand"):
        allows(home, ROWS)
    store_both(home, "stop")
    with pytest.raises(GateClosed):
        allows(home, ROWS)


def test_a_verdict_that_a_killed_run_could_not_record_counts_for_nothing_until_the_rows_are_judged_again(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_both(home, "stop")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(chain, "record", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        store(home, verdict("exit", "pass"))
    with pytest.raises(PermanentError, match="or was never recorded"):
        allows(home, ROWS)
    store(home, verdict("exit", "pass"))
    assert allows(home, ROWS).level == "pass"


def test_verdicts_that_were_lost_are_judged_again_at_once(home: Home) -> None:
    for level in ("pass", "alert", "pass"):
        store_both(home, level, level)
    for path in home.gate_folder.glob("*.json"):
        path.unlink()  # a home restored without them
    store_both(home, "hold", "pass")
    assert allows(home, ROWS).releases_held, "as it was judged last, not as the lost ones said"


def test_an_override_lowers_the_verdict_by_one_level_until_it_ends(home: Home) -> None:
    until = NOW + timedelta(days=7)
    store_both(home, "stop")
    override(home, ROWS, person="Jo Officer", reason="Ticket 12", until=until, now=NOW)
    permission = allows(home, ROWS, now=until - timedelta(seconds=1))
    assert (permission.level, permission.releases_held) == ("hold", True), "nothing that failed a stop is ever released"
    assert permission.record()["override"]["person"] == "Jo Officer"
    assert permission.record()["judged_level"] == "stop"
    with pytest.raises(GateClosed):
        allows(home, ROWS, now=until)
    store_both(home, "hold")
    assert allows(home, ROWS, now=NOW).level == "alert"
    store_both(home, "alert")
    assert allows(home, ROWS, now=NOW).override is None, "an alert needs no override"


def test_an_override_answers_for_what_stopped_the_rows_then_and_for_nothing_new(home: Home) -> None:
    """A registry that is withheld a day later stops the same rows."""
    store_both(home, "stop")
    override(home, ROWS, person="Jo Officer", reason="Ticket 12", until=NOW + timedelta(days=7), now=NOW)
    assert allows(home, ROWS, now=NOW).override is not None
    first = verdict("exit", "stop")
    new = replace(first.results[0], suite="registry_shrink", sentence="No registry lost a tenth.")
    store(home, replace(first, results=(*first.results, new)))
    with pytest.raises(GateClosed, match="No registry lost a tenth"):
        allows(home, ROWS, now=NOW)


def test_an_override_of_other_rows_does_not_count(home: Home) -> None:
    store_both(home, "stop")
    store(home, verdict("exit", "stop", OTHERS))
    override(home, OTHERS, person="Jo Officer", reason="Ticket 12", until=NOW + timedelta(days=1), now=NOW)
    with pytest.raises(GateClosed):
        allows(home, ROWS, now=NOW)


@pytest.mark.parametrize(
    ("why", "change", "expected"),
    [
        ("nobody's name", {"person": " "}, "person: is required"),
        ("no reason", {"reason": ""}, "reason: is required"),
        ("eight days", {"until": NOW + timedelta(days=7, seconds=1)}, "is not within 7 days"),
        ("already over", {"until": NOW}, "is not within 7 days"),
        ("no zone", {"until": datetime(2026, 4, 2)}, "until: has no time zone"),
        ("rows that nobody judged", {"rows_sha256": OTHERS}, "never judged these rows"),
        ("no row hash", {"rows_sha256": "all"}, "not a row hash"),
    ],
)
def test_an_override_needs_all_of_it(home: Home, why: str, change: dict[str, object], expected: str) -> None:
    store_both(home, "stop")
    given = {"rows_sha256": ROWS, "person": "Jo", "reason": "Ticket 12", "until": NOW + timedelta(days=1), "now": NOW, **change}
    with pytest.raises(ConfigError, match=expected):
        override(home, **given)
    assert overrides(home) == (), why


def test_what_was_recorded_stays_and_follows_line_from_line(home: Home) -> None:
    store_both(home, "stop")
    first = acknowledge(home, "d" * 32, person="Jo", reason="A readme", now=NOW)
    second = override(home, ROWS, person="Jo", reason="Ticket 12", until=NOW + timedelta(days=1), now=NOW)
    assert overrides(home) == (first, second)
    log = home.gate_folder / "overrides.jsonl"
    lines = log.read_text().splitlines(keepends=True)
    for forged in (lines[1:], [lines[0].replace("Jo", "Al"), lines[1]], ["{}\n", lines[1]], ["nonsense\n"]):
        log.write_text("".join(forged))
        with pytest.raises(PermanentError, match="does not follow from the line before it"):
            allows(home, ROWS, now=NOW)


@pytest.mark.parametrize("separator", ["\x85", "\u2028", "\u2029", "\x0b", "\x0c", "\x1c", "\r", "\n"])
def test_a_reason_may_hold_any_sign_and_be_of_any_length(home: Home, separator: str) -> None:
    store_both(home, "stop")
    reason = f"Ticket 12{separator}see there" + "x" * 100_000
    first = acknowledge(home, "d" * 32, person=f"Jo{separator}Officer", reason=reason, now=NOW)
    second = override(home, ROWS, person="Jo", reason=reason, until=NOW + timedelta(days=1), now=NOW)
    third = acknowledge(home, "e" * 32, person="Jo", reason="A readme", now=NOW)
    assert overrides(home) == (first, second, third), repr(separator)
    assert first["reason"] == reason and allows(home, ROWS, now=NOW).level == "hold", repr(separator)


def test_only_a_file_id_can_be_acknowledged(home: Home) -> None:
    with pytest.raises(ConfigError, match="not a file id"):
        acknowledge(home, "everything", person="Jo", reason="Because", now=NOW)


def test_a_stored_verdict_reads_back_as_it_was(home: Home) -> None:
    for gate in ("entry", "exit"):
        written = verdict(gate, "alert")
        store(home, written)
        assert read_verdict(home, gate, ROWS) == written
