"""Somebody who was erased here stays left alone there: nothing is sent for a token, what is read back is known as theirs."""

from __future__ import annotations

import duckdb
import pytest

from orchestration.core.config import Limits
from orchestration.core.home import Home
from orchestration.core.journal import erasures_log
from orchestration.core.key import rotate_key
from orchestration.core.tombstones import Tombstone, new_tombstone
from orchestration.erasure.points import Point
from orchestration.sync.redact import redact_ledger
from tests.sync.sync_doubles import FullDouble, PointDouble, at, golden

ANN = Point("email", "ann@example.com")
ERASED = {"reason": "erasure", "deciding_request_id": "0" * 32}


def tombstone(home: Home) -> Tombstone:
    """Ann's, as the journal of erasures has it."""
    stone = new_tombstone(home, [], "email", ANN.identifier)
    home.erasures_folder.mkdir()
    log = erasures_log(home)
    with log.alone():
        log.add(home, {"entry": "asked", "id": "E1", "points": [stone.as_dict()]})
    return stone


def plain(stone: Tombstone):
    return golden(ANN.identifier, identifier_hash=stone.identifier_hash, **ERASED)


def token(stone: Tombstone, **changes):
    return golden(stone.token, identifier_hash=stone.identifier_hash, **ERASED, **changes)


@pytest.fixture
def erased(home, publisher, push, states):
    """Ann was pushed, proved and erased. Gives the destination, the tombstone and what the ledger said of her."""

    def erase(kind, **keys):
        made = {}
        crm, stone = kind(**keys), tombstone(home)
        publisher.publish(plain(stone), golden("bob@example.com"))
        push(crm)
        made[stone.token] = states()[ANN.identifier]
        assert redact_ledger(home, Limits(), [ANN], [stone]) > 0
        publisher.publish(token(stone), golden("bob@example.com"))
        return crm, stone, made

    return erase


@pytest.mark.parametrize("kind", [FullDouble, PointDouble])
@pytest.mark.parametrize("tells_ours", [False, True], ids=["marks nothing", "marks ours"])
def test_nothing_is_sent_and_the_row_stays_there(kind, tells_ours, erased, push, states) -> None:
    crm, stone, before = erased(kind, tells_ours=tells_ours)
    for day in (1, 2, 40):
        result = push(crm, as_of=at(day))
        assert (result.puts, result.releases, result.found) == (0, 0, 0), f"day {day}"
        assert not result.alarms and not result.held, f"day {day}: {result.alarms} {result.held}"
    assert len(crm.put_calls) == 1 and not crm.release_calls
    assert crm.identifiers() == {"ann@example.com", "bob@example.com"}, "the destination goes on leaving her alone"
    assert states()[stone.token] == before[stone.token], "as it was before"
    assert stone.token not in crm.looked_up, "nobody there knows a token"


def test_no_byte_of_the_plain_form_stays_in_the_ledger(home, erased) -> None:
    erased(FullDouble)
    for path in home.outbox.rglob("*"):
        assert not path.is_file() or b"ann@example" not in path.read_bytes(), path.name


def test_the_ledger_goes_on_counting_its_journal(home, erased, push, publisher) -> None:
    crm, stone, _ = erased(FullDouble)
    publisher.publish(token(stone), golden("bob@example.com"), golden("carol@example.com"))
    assert push(crm, as_of=at(1)).verified == 1
    with duckdb.connect(str(home.sync_ledger_file)) as con:
        assert con.execute("select count(distinct line) = count(*) from journal").fetchall() == [(True,)]


def test_what_a_destination_lost_is_said_and_not_put(erased, push, states) -> None:
    crm, stone, _ = erased(FullDouble)
    crm.rows.pop(next(key for key in crm.rows if key[2] == ANN.identifier))
    result = push(crm, as_of=at(1))
    assert result.puts == 0 and any("who was erased here is gone there" in alarm for alarm in result.alarms)
    assert states()[stone.token] == ("missing", True, True, "not_seen_at_read_back")


def test_a_destination_that_never_held_her_is_sent_nothing(home, publisher, push) -> None:
    stone = tombstone(home)
    publisher.publish(token(stone), golden("bob@example.com"))
    crm = FullDouble()
    result = push(crm)
    assert (result.wanted, result.puts) == (1, 1) and crm.identifiers() == {"bob@example.com"}
    assert push(crm, as_of=at(1)).nothing_to_do


def test_another_s_row_of_hers_there_comes_home_under_her_token(home, erased, push) -> None:
    crm, _, _ = erased(FullDouble)
    crm.somebody_else_puts(ANN.identifier, channel="ads")
    push(crm, as_of=at(1))
    files = list((home.inbox / "found__crm").glob("*.jsonl"))
    texts = "".join(path.read_text() for path in files)
    assert ANN.identifier not in texts, "what was erased is not written anew"


@pytest.mark.parametrize("rotated", [False, True], ids=["the same key", "another key since"])
def test_what_comes_back_is_hers_again_and_nothing_is_put_twice(rotated, home, publisher, erased, push, states) -> None:
    crm, stone, _ = erased(FullDouble)
    push(crm, as_of=at(1))
    if rotated:
        rotate_key(home, person="Dana", reason="yearly", now=at(1))
        publisher.publish(golden(ANN.identifier, **ERASED), golden("bob@example.com"))
    else:
        publisher.publish(plain(stone), golden("bob@example.com"))
    result = push(crm, as_of=at(2))
    assert (result.puts, result.releases, result.found) == (0, 0, 0)
    assert states()[ANN.identifier][0] == "verified" and stone.token not in states()


def test_a_release_of_a_token_never_leaves(publisher, erased, push, states) -> None:
    crm, stone, _ = erased(FullDouble)
    opt_in = {"channel": "email", "identifier_type": "email", "scope": "*", "evidence_id": "o1", "evidence_kind": "opt_in"}
    publisher.publish(golden("bob@example.com"), evidence=[{**opt_in, "identifier": stone.token}])
    result = push(crm, as_of=at(1))
    assert result.releases == 0 and not crm.release_calls
    assert ANN.identifier in crm.identifiers()
