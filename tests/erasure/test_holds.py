"""Legal holds: while one stands nothing is erased; they hold nothing plain, and are evidence."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestration.audit.verify import look
from orchestration.core.config import load_config
from orchestration.core.errors import ConfigError
from orchestration.core.home import Home
from orchestration.core.key import rotate_key
from orchestration.erasure import holds
from orchestration.erasure.erasing import erase, plan
from orchestration.erasure.points import read_point
from tests.erasure.home import AS_OF, bare_home

ANN = read_point("Ann@example.com", "US")
NUMBER = read_point("(212) 555-0147", "US")
SAID = {"person": "Dana", "reason": "case 17"}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return bare_home(tmp_path / "home")


def test_a_hold_stops_an_erasure_until_it_is_lifted(home: Home) -> None:
    config = load_config(home)
    (home.inbox / "asks" / "a.csv").write_text("requested_at,action,email\n2026-03-01,opt_out,ann@example.com\n")
    stands = holds.hold(home, [ANN, NUMBER], now=AS_OF, **SAID)
    before = (home.erasures_folder / "erasures.jsonl").read_bytes()
    for what in (lambda: erase(home, config, [NUMBER], as_of=AS_OF, **SAID), lambda: plan(home, config, [ANN])):
        with pytest.raises(holds.Held, match=stands.id) as refused:
            what()
        assert refused.value.exit_code == 1, "a gate, no mistake"
    assert (home.erasures_folder / "erasures.jsonl").read_bytes() == before
    assert not (home.inbox / "erasure__requests").exists(), "nothing was asked"
    rotate_key(home, now=AS_OF, **SAID)
    with pytest.raises(holds.Held):
        plan(home, config, [ANN])
    holds.lift(home, stands.id, now=AS_OF, **SAID)
    assert holds.standing(home) == ()
    begun = erase(home, config, [ANN], as_of=AS_OF, **SAID)
    assert begun.state == "waiting" and (home.inbox / "erasure__requests" / "e1.jsonl").is_file()


def test_a_hold_that_comes_in_the_middle_stops_what_was_begun(home: Home) -> None:
    (home.inbox / "asks" / "a.csv").write_text("requested_at,action,email\n2026-03-01,opt_out,ann@example.com\n")
    erase(home, load_config(home), [ANN], as_of=AS_OF, **SAID)
    holds.hold(home, [ANN], now=AS_OF, **SAID)
    with pytest.raises(holds.Held):
        erase(home, load_config(home), [], as_of=AS_OF, **SAID)


def test_holds_are_recorded_once_and_hold_nothing_plain(home: Home) -> None:
    first = holds.hold(home, [ANN], now=AS_OF, **SAID)
    assert holds.hold(home, [ANN], now=AS_OF, **SAID) == first, "twice"
    assert b"ann@" not in (home.erasures_folder / "erasures.jsonl").read_bytes()
    verified = look(home, load_config(home))
    assert verified.whole and verified.kinds == {"erasure": 1}


def test_an_altered_hold_is_named(home: Home) -> None:
    holds.hold(home, [ANN], now=AS_OF, **SAID)
    log = home.erasures_folder / "erasures.jsonl"
    log.write_bytes(log.read_bytes().replace(b"Dana", b"Dora"))
    verified = look(home, load_config(home))
    assert not verified.whole and "erasures.jsonl" in verified.sentence()


def test_who_it_is_about_must_not_be_named_for_ever(home: Home) -> None:
    for said in ({"person": "Dana", "reason": "ann@example.com asked"}, {"person": "ANN@example.com", "reason": "asked"}):
        with pytest.raises(ConfigError, match="must not name"):
            holds.hold(home, [ANN], now=AS_OF, **said)
        with pytest.raises(ConfigError, match="must not name"):
            erase(home, load_config(home), [ANN], as_of=AS_OF, **said)
    with pytest.raises(ConfigError, match="person: is required"):
        holds.hold(home, [ANN], person=" ", reason="x", now=AS_OF)


def test_a_hold_that_is_not_there_cannot_be_lifted(home: Home) -> None:
    with pytest.raises(ConfigError, match="none stands"):
        holds.lift(home, "H1-00000000", now=AS_OF, **SAID)
