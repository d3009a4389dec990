"""``explain``: from a contact point to every word, file, rule and push behind its state, and to nobody else's identifier."""

from __future__ import annotations

import hashlib
import json
import random
import re
from typing import Any

import duckdb
import networkx as nx
import pytest

from benchmarks.published import publish_registry
from orchestration.answers.explain import _shortest, evidence_record, explain
from orchestration.core.config import load_config
from orchestration.core.errors import ConfigError, InputError
from orchestration.core.home import Home
from orchestration.core.key import home_key, shown_id
from orchestration.core.warehouse import warehouse
from tests.evidence.houses import AS_OF


def request_id(number: int) -> str:
    return hashlib.md5(f"request {number}".encode(), usedforsecurity=False).hexdigest()


def shown(home: Home, request_id: str) -> str:
    """The id as a report shows it."""
    return shown_id(home_key(home), request_id)


def explained(home: Home, identifier: str, *, reveal: bool = False) -> tuple[dict[str, Any], str]:
    """The first contact point's facts, and the whole text."""
    explanation = explain(home, load_config(home), identifier, reveal)
    json.dumps(explanation.as_dict(), default=str)
    return explanation.as_dict()["points"][0], "\n".join(explanation.lines())


def test_a_suppression_is_told_with_its_request_file_record_rule_and_push(house: Home) -> None:
    point, text = explained(house, "Canary21@Example.com")
    with warehouse(house, read_only=True) as con:
        known = con.execute(
            "select request_id, requests.source, file_id, record_no, sha256 from ledger.requests as requests "
            "inner join raw.landed_files using (file_id) where request_id = ?",
            [request_id(21)],
        ).fetchone()
    number, source, file_id, record_no, sha256 = known
    number = shown(house, number)
    assert point["is_suppressed"] and point["suppressions"][0]["deciding_request_id"] == number
    for said in (
        "canary21@example.com is SUPPRESSED on email",
        number,
        f"from {source} (",
        f"record {record_no}, file id {file_id}",
        f"sha-256 {sha256}",
        "email at *: stands and decides; US-CANSPAM (15 USC 7704(a)(3)-(5); 16 CFR 316.5): 10 business days from receipt, by ",
        "clock at mail_system: ",
        "mail_system (sql_table), email at *: ",
        "(read back in full",
        "E-mail address of 1 customer",
        "Version 2, which is in force, says the same.",
        " to now: email at *, opt out (known ",
    ):
        assert said in text, said


def test_an_opt_in_that_may_not_lift_is_told_with_the_reason(house: Home) -> None:
    point, text = explained(house, "canary21@example.com")
    assert point["opt_ins"][0]["method"] == "import"
    assert f"request {shown(house, request_id(21))} at *: did not lift it: an opt-in by import lifts nothing" in text


def test_somebody_who_came_back_is_told_by_which_opt_in(house: Home) -> None:
    with warehouse(house, read_only=True) as con:
        identifier, opt_in = con.execute(
            "select identifier, opt_in_id from golden.int_lifts where is_whole order by identifier limit 1"
        ).fetchone()
    point, text = explained(house, identifier)
    opt_in = shown(house, opt_in)
    assert not point["is_suppressed"] and point["opt_ins"][0]["request_id"] == opt_in
    assert f"{identifier} is not suppressed" in text
    assert "email at *: lifted; US-CANSPAM" in text
    assert f"lifted by opt-in {opt_in}, from " in text and ": lifted it" in text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            "update golden.int_opt_ins set scope = 'outlet'; update golden.applied_requests set scope = 'acme'",
            "are different parts of the company",
        ),
        ("update ledger.requests set action = 'erasure' where action <> 'opt_in'", "nothing automatic lifts erasure"),
        (
            "update ledger.requests set action = 'complaint' where action <> 'opt_in'",
            "an opt-in by web_form does not lift complaint on email",
        ),
        ("select 1", "it is not later than the request, and at equal times the opt-out stands"),
    ],
)
def test_every_reason_not_to_lift_has_its_words(own_house: Home, change: str, said: str) -> None:
    with warehouse(own_house) as con:
        identifier = con.execute("select identifier from golden.int_lifts order by identifier limit 1").fetchall()[0][0]
        con.execute("delete from golden.int_lifts")
        for statement in change.split(";"):
            con.execute(statement)
    assert said in explained(own_house, identifier)[1]


def test_a_person_who_asked_elsewhere_is_shown_the_way_and_nobody_elses_address(house: Home) -> None:
    point, text = explained(house, "+1 201 555 0003")
    assert {row["basis"] for row in point["suppressions"]} == {"person"}
    assert "linked by email c***@example.com to customer C3" in text
    assert "also names c***@example.com" in text
    assert "canary3@example.com" not in text and "canary3@example.com" not in json.dumps(point, default=str)
    assert "stands and decides, for another contact point of the same person" in text


def test_reveal_shows_the_others_and_the_original_record(house: Home) -> None:
    point, text = explained(house, "+12015550003", reveal=True)
    assert "linked by email canary3@example.com to customer C3" in text
    assert point["requests"][0]["record"] == {
        "requested_at": point["requests"][0]["at_earliest"].strftime("%Y-%m-%d"),
        "action": "opt_out",
        "email": "canary3@example.com",
        "_extra": '{"clerk":"K"}',
    }
    assert "| email: canary3@example.com" in text


def test_a_registry_listing_names_registry_version_and_law(house: Home) -> None:
    point, text = explained(house, "+12015559901")
    assert point["registry_listings"][0]["registry"] == "us_ftc"
    assert "listed in a registry (us_ftc, version 2026-10-14-full)" in text
    assert "us_ftc (47 CFR 64.1200(c)(2)): from version 2026-10-14-full" in text and "still listed" in text


def test_somebody_unknown_gets_an_answer_too(house: Home) -> None:
    point, text = explained(house, "nobody@example.com")
    assert not point["is_suppressed"] and not point["requests"]
    assert "E-mail address that nothing here has ever named" in text
    assert "No request to be left alone was ever reconciled for it." in text


def test_a_request_id_from_the_report_is_explained_without_showing_whom_it_is_about(house: Home) -> None:
    number = shown(house, request_id(3))
    explanation = explain(house, load_config(house), number)
    text = "\n".join(explanation.lines())
    assert f"Request {number}: opt out by letter, for all at *" in text
    assert "c***@example.com is SUPPRESSED on email and ads" in text and "+1******0003 is SUPPRESSED" in text
    for secret in ("canary3@", "+12015550003", request_id(3)):
        assert secret not in text and secret not in json.dumps(explanation.as_dict(), default=str)
    assert "canary3@example.com" in "\n".join(explain(house, load_config(house), number, reveal=True).lines())


def test_a_keyed_hash_from_a_receipt_is_explained(house: Home) -> None:
    with warehouse(house, read_only=True) as con:
        keyed = con.execute(
            "select identifier_hash from golden.golden_suppression where identifier = 'canary1@example.com'"
        ).fetchone()[0]
    text = explained(house, keyed)[1]
    assert "c***@example.com is SUPPRESSED on email" in text and "canary1@" not in text


def test_an_unresolved_request_says_so(house: Home) -> None:
    with warehouse(house, read_only=True) as con:
        number = con.execute("select request_id from golden.unresolved_requests order by 1").fetchone()[0]
    assert "UNRESOLVED on sms: nobody knows a contact point there" in "\n".join(
        explain(house, load_config(house), number).lines()
    )


def test_what_the_published_version_does_not_say_yet_is_told(own_house: Home) -> None:
    with warehouse(own_house) as con:
        con.execute("delete from golden.golden_suppression where identifier = 'canary1@example.com'")
        con.execute("update golden.golden_suppression set scope = 'acme' where identifier = 'canary5@example.com'")
    assert "STILL SUPPRESSED by the version in force (2): email at *" in explained(own_house, "canary1@example.com")[1]
    assert "NOT PUBLISHED YET: email at acme; version 2 is in force" in explained(own_house, "canary5@example.com")[1]


@pytest.mark.parametrize("text", ["canary by name", "0" * 32, "f" * 64, "", "12"])
def test_what_is_nothing_is_refused_without_quoting_it(house: Home, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        explain(house, load_config(house), text)
    assert "canary" not in str(caught.value)


def test_before_the_first_version_nobody_is_called_not_suppressed(empty_home: Home) -> None:
    point, text = explained(empty_home, "a@example.com")
    assert text.startswith("NOBODY KNOWS whether a@example.com may be contacted on email and ads: nothing is published yet")
    assert "not suppressed" not in text.lower() and not point["is_suppressed"]
    assert [answer["may_contact"] for answer in point["answers"]] == [None, None]


def test_what_the_warehouse_knows_suppresses_before_the_first_version_too(own_house: Home) -> None:
    (own_house.golden_published / "latest.json").unlink()
    assert explained(own_house, "canary1@example.com")[1].startswith("canary1@example.com is SUPPRESSED on email")


def test_while_files_wait_nobody_is_called_not_suppressed(own_house: Home) -> None:
    assert explained(own_house, "nobody@example.com")[1].startswith("nobody@example.com is not suppressed")
    (own_house.inbox / "shop").mkdir()
    (own_house.inbox / "shop" / "asks.csv").write_text("email\n")
    point, text = explained(own_house, "nobody@example.com")
    assert text.startswith("NOBODY KNOWS whether nobody@example.com may be contacted on email and ads: 1 file waits in the inbox")
    assert "not suppressed" not in text.lower() and not point["is_suppressed"]
    suppressed = explained(own_house, "canary1@example.com")[1]
    assert suppressed.startswith("canary1@example.com is SUPPRESSED on email, since ")
    assert "NOBODY KNOWS on ads: 1 file waits in the inbox" in suppressed and "Not the last word: 1 file waits" in suppressed


def test_a_number_that_only_a_registry_knows_is_not_called_not_suppressed(own_house: Home) -> None:
    with duckdb.connect() as con:
        publish_registry(con, own_house, "us_ftc", "select 12025550147::ubigint as number", AS_OF, ["202"])
    point, text = explained(own_house, "+1 202 555 0147")
    assert (
        text.startswith("+12025550147 may NOT be contacted on voice and sms: listed in us_ftc, version")
        and point["is_suppressed"]
    )
    assert "Not suppressed on fax and ads" in text
    assert explained(own_house, "+1 202 555 0148")[1].startswith("+12025550148 is not suppressed")
    unscreened = explained(own_house, "+1 415 555 0148")[1]
    assert unscreened.startswith(
        "NOBODY KNOWS whether +14155550148 may be contacted on voice and sms: not screened against us_ftc"
    )


def test_one_original_record_by_file_and_number(house: Home) -> None:
    file_id = hashlib.md5(b"file 1", usedforsecurity=False).hexdigest()
    found = evidence_record(house, file_id, 1)
    assert found["record"]["email"] == "canary1@example.com" and found["file"]["sha256"]
    assert evidence_record(house, file_id, 900) | {"file": None} == {
        "file": None,
        "record_no": 900,
        "record": {"text": "canary1@example.com;;;"},
        "reason": "ragged_row",
    }
    with pytest.raises(InputError, match="no such record"):
        evidence_record(house, file_id, 12345)
    with pytest.raises(InputError, match="no such file"):
        evidence_record(house, "0" * 32, 1)


def test_the_way_between_records_is_a_shortest_one() -> None:
    """Against networkx on random graphs of records and shared keys."""
    seed = random.randrange(2**32)
    luck = random.Random(seed)
    for _ in range(200):
        edges = [(f"n{luck.randrange(12)}", f"k{luck.randrange(10)}") for _ in range(luck.randint(1, 25))]
        graph = nx.Graph(edges)
        goals = {f"n{luck.randrange(12)}" for _ in range(2)}
        start = luck.choice(edges)[0]
        steps = _shortest(start, goals, edges)
        reachable = [
            nx.shortest_path_length(graph, start, goal) // 2
            for goal in goals
            if goal in graph and nx.has_path(graph, start, goal)
        ]
        assert len(steps) == (min(reachable) if reachable else 0), f"seed {seed}"
        here = start
        for key, node in steps:
            assert (here, key) in edges and (node, key) in edges, f"seed {seed}: no such link"
            here = node
        assert not steps or here in goals


def test_no_line_is_made_of_python(house: Home) -> None:
    """No None, no datetime, no list in brackets reaches a reader."""
    for identifier in ("canary3@example.com", "+12015550003", "canary21@example.com", "+12015559901", request_id(40)):
        text = explained(house, identifier)[1]
        assert not re.search(r"\bNone\b|datetime\.|\[\]|\{\}|  +\(\)", text), text
