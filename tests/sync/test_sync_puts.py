"""What is wanted, in which order it goes out, and what a second push does."""

from __future__ import annotations

import json

import duckdb
import pytest

from orchestration.sync.plan import prepare_wanted
from tests.sync.sync_doubles import FullDouble, PointDouble, at, golden, recorded_receipts


def test_wanted_rows_are_put_verified_and_receipted(home, publisher, push, states) -> None:
    publisher.publish(golden("ann@example.com"), golden("bob@example.com"))
    crm = FullDouble()
    result = push(crm)
    assert (result.wanted, result.puts, result.accepted, result.verified, result.missing) == (2, 2, 2, 2, 0)
    assert crm.identifiers() == {"ann@example.com", "bob@example.com"}
    assert states() == dict.fromkeys(("ann@example.com", "bob@example.com"), ("verified", True, True, None))
    receipt = json.loads(result.receipt.read_text())
    assert (receipt["seq"], receipt["accepted"], receipt["verified"], receipt["previous_sha256"]) == (1, 2, 2, None)
    assert "example.com" not in result.receipt.read_text(), "a receipt holds no identifier"
    assert crm.opened == crm.closed == 1


def test_a_second_push_has_nothing_to_do_and_says_so(home, publisher, push) -> None:
    publisher.publish(golden("ann@example.com"))
    crm = FullDouble()
    push(crm)
    again = push(crm, as_of=at(1))
    assert again.nothing_to_do and again.receipt is None and again.puts == 0
    assert len(crm.put_calls) == 1
    assert len(list((home.outbox / "crm" / "receipts").iterdir())) == 1


def test_a_new_version_with_the_same_rows_has_nothing_to_do(publisher, push) -> None:
    publisher.publish(golden("ann@example.com"))
    crm = FullDouble()
    push(crm)
    # the person asked again: not what this destination stores
    publisher.publish(golden("ann@example.com", last_requested_at=at(1), request_count=2))
    assert push(crm, as_of=at(2)).nothing_to_do


def test_a_change_in_what_the_destination_stores_is_put_again(publisher, push) -> None:
    publisher.publish(golden("ann@example.com"))
    crm = FullDouble()
    push(crm)
    publisher.publish(golden("ann@example.com", reason="complaint"))
    result = push(crm, as_of=at(1))
    assert result.planned == {"put:changed": 1} and result.verified == 0, "it was verified before, and still is"
    assert next(iter(crm.payloads.values()))["reason"] == "complaint"
    assert push(crm, as_of=at(2)).nothing_to_do


def test_newest_opt_outs_leave_first(publisher, push) -> None:
    publisher.publish(
        *(golden(f"{name}@example.com", last_requested_at=at(-days)) for name, days in (("old", 9), ("new", 1), ("mid", 5)))
    )
    crm = FullDouble(batch_size=1)
    push(crm)
    assert crm.put_calls == [["new@example.com"], ["mid@example.com"], ["old@example.com"]]


CASES = [
    # golden scope, except_scopes, destination scopes, nodes wanted
    ("*", [], ["*"], ["*"]),
    ("*", [], ["acme"], ["acme"]),
    ("*", [], ["*", "acme/news"], ["*", "acme/news"]),
    ("acme", [], ["*"], []),
    ("acme", [], ["acme/news"], ["acme/news"]),
    ("acme/news", [], ["acme"], []),
    ("*", ["acme"], ["*"], ["*"]),
    ("*", ["acme"], ["acme"], []),
    ("*", ["acme"], ["acme/news"], []),
    ("*", ["acme"], ["outlet"], ["outlet"]),
    ("*", ["acme/news"], ["acme"], ["acme"]),
    ("acme", ["acme/news"], ["acme", "acme/news"], ["acme"]),
    # not below the row: it says nothing about the row's own node
    ("acme", ["acme"], ["acme"], ["acme"]),
    ("acme", ["outlet"], ["acme"], ["acme"]),
    # a name that only begins alike is no ancestor
    ("out", [], ["outlet"], []),
    ("*", ["out"], ["outlet"], ["outlet"]),
]


def test_wanted_nodes_are_those_that_the_row_suppresses(publisher) -> None:
    with duckdb.connect() as con:
        for scope, released, nodes, wanted in CASES:
            version = publisher.publish(golden("ann@example.com", scope=scope, except_scopes=released))
            prepare_wanted(con, version.files, FullDouble(), channels=["email"], scopes=nodes)
            got = con.execute("select scope from wanted order by scope").fetchall()
            assert got == [(node,) for node in sorted(wanted)], f"row at {scope} without {released}, destination {nodes}"


def test_two_rows_that_suppress_one_node_are_one_wanted_row_and_the_oldest_speaks(publisher, push) -> None:
    publisher.publish(
        golden("ann@example.com", scope="acme", reason="complaint", suppressed_since=at(-20)),
        golden("ann@example.com", scope="*", reason="opt_out", suppressed_since=at(-5)),
    )
    crm = FullDouble()
    result = push(crm, scopes=["acme"])
    assert result.wanted == 1
    assert crm.payloads[("email", "email", "ann@example.com", "acme")]["reason"] == "complaint"


def test_only_the_channels_of_the_destination_are_wanted(publisher, push) -> None:
    publisher.publish(golden("ann@example.com"), golden("+15555550100"), golden("+15555550100", channel="sms"))
    crm = FullDouble()
    push(crm, channels=["sms", "email"])
    assert {key[:3] for key in crm.rows} == {("email", "email", "ann@example.com"), ("sms", "phone", "+15555550100")}


def test_a_row_that_went_missing_there_is_put_again_and_reported(publisher, push, states) -> None:
    publisher.publish(*(golden(f"{n}@example.com") for n in range(20)))
    crm = FullDouble()
    push(crm)
    del crm.rows[("email", "email", "7@example.com", "*")]
    result = push(crm, as_of=at(1))
    assert result.planned == {"noop:in_place": 19, "put:missing": 1}
    assert any("1 row that should be there is not" in alarm for alarm in result.alarms)
    assert crm.put_calls[-1] == ["7@example.com"] and len(crm.rows) == 20
    assert states()["7@example.com"] == ("verified", True, True, None)


def test_a_row_that_the_vendor_captured_first_is_left_alone_and_is_not_ours(publisher, push, states) -> None:
    crm = FullDouble()
    crm.somebody_else_puts("ann@example.com")
    publisher.publish(golden("ann@example.com"))
    result = push(crm)
    assert result.planned == {"noop:already_there": 1} and not crm.put_calls
    assert result.verified == 1 and states()["ann@example.com"] == ("verified", True, False, None)
    assert push(crm, as_of=at(1)).nothing_to_do
    crm.rows.clear()
    again = push(crm, as_of=at(2))
    assert again.planned == {"put:missing": 1} and crm.identifiers() == {"ann@example.com"}
    assert states()["ann@example.com"] == ("verified", True, True, None), "now it is ours"


def test_a_dry_run_plans_and_writes_nothing(home, publisher, push, states) -> None:
    publisher.publish(golden("ann@example.com"))
    crm = FullDouble()
    for dry in (push(crm, dry_run=True), push(crm, **{"dry_run": True})):
        assert dry.dry_run and dry.puts == 1 and dry.receipt is None and not dry.nothing_to_do
    assert not crm.rows and not crm.put_calls and states() == {}
    assert not (home.outbox / "crm" / "receipts").exists()


def test_receipts_are_recorded_on_the_chain_and_a_changed_one_shows(home, publisher, push) -> None:
    crm = FullDouble()
    for day in range(3):
        publisher.publish(*(golden(f"{known}@example.com") for known in ("ann", "bob", "cat")[: day + 1]))
        push(crm, as_of=at(day))
    folder = home.outbox / "crm" / "receipts"
    assert [path.name for path in sorted(folder.iterdir())] == ["00000001.json", "00000002.json", "00000003.json"]
    assert recorded_receipts(home, "crm") == ["00000001.json", "00000002.json", "00000003.json"]
    second = folder / "00000002.json"
    honest = second.read_text()
    second.write_text(honest.replace('"accepted":1', '"accepted":9'))
    assert recorded_receipts(home, "crm") == ["00000001.json", "00000003.json"]
    third = folder / "00000003.json"
    third.write_text(third.read_text().replace('"accepted":1', '"accepted":9'))
    push(crm, as_of=at(3))
    assert recorded_receipts(home, "crm") == ["00000001.json"], "what was changed is never recorded as it is now"


def test_a_point_read_destination_is_asked_before_and_after_and_sampled_monthly(publisher, push, states) -> None:
    crm = PointDouble(read_back="point")
    crm.somebody_else_puts("bob@example.com")
    publisher.publish(*(golden(f"{name}@example.com") for name in ("ann", "bob", "cat")))
    result = push(crm)
    assert result.verify_class == "point" and result.verified == 3
    assert sorted(name for call in crm.put_calls for name in call) == ["ann@example.com", "cat@example.com"]
    assert states()["bob@example.com"][2] is False and states()["ann@example.com"][2] is True
    crm.looked_up.clear()
    assert push(crm, as_of=at(0.5)).nothing_to_do and crm.looked_up == [], "seen half a day ago"
    crm.rows.pop(("email", "email", "cat@example.com", "*"))
    for day in (1, 2, 20, 31):
        push(crm, as_of=at(day))
    assert crm.identifiers() == {"ann@example.com", "bob@example.com", "cat@example.com"}, "a month's checks find the loss"
    assert {"ann@example.com", "cat@example.com"} <= set(crm.looked_up)


@pytest.mark.parametrize("read_back", ["receipt", "none"])
def test_what_cannot_be_read_back_is_accepted_never_verified(publisher, push, states, home, read_back) -> None:
    from tests.sync.sync_doubles import Double

    publisher.publish(golden("ann@example.com"))
    ads = Double(read_back=read_back)
    result = push(ads)
    assert (result.accepted, result.verified, result.verify_class) == (1, 0, read_back)
    assert states()["ann@example.com"] == ("sent", True, True, None)
    with duckdb.connect(str(home.sync_ledger_file)) as con:
        assert con.execute("select accepted_at is not null, verified_at from row_state").fetchall() == [(True, None)]
    assert push(ads, as_of=at(1)).nothing_to_do
