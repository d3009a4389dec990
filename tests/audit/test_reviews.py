"""Reviews: the sample is the version's own, a verdict is kept with its name, and the report says when the next is due."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest
from click.testing import CliRunner, Result

from orchestration.audit.reviews import draw, judge, last_done, next_due, reviews
from orchestration.audit.verify import verify
from orchestration.cli import main
from orchestration.core.config import load_config
from orchestration.core.errors import ConfigError
from orchestration.core.home import Home
from orchestration.core.warehouse import warehouse
from orchestration.report.gather import gather
from orchestration.report.page import write_report
from orchestration.report.statement import state
from tests.evidence.houses import AS_OF, CANARIES

RELEASED = """
    insert into golden.int_lifts by name
    select request_id as suppression_id, request_id, 'email' as channel, 'email' as identifier_type, emails[1] as identifier,
        '*' as scope, md5('opt-in') as opt_in_id, '*' as released_scope, true as is_whole,
        timestamptz '2026-11-01 00:00:00+00' as lifted_from, timestamptz '{known}' as lift_known_from
    from ledger.requests where len(emails) > 0 order by request_id limit {count}
"""


def judged(home: Home, verdict: str = "right", now: datetime = AS_OF) -> None:
    review = reviews(home)[-1]
    for item in review.items:
        judge(home, f"{review.id}/{item.number}", verdict, person="Jo", reason="looked at its letter", now=now)


def test_the_same_version_gives_the_same_sample_whoever_draws_it_and_nobody_is_named(own_house: Home) -> None:
    config = load_config(own_house)
    with warehouse(own_house) as con:
        con.execute("delete from golden.int_lifts")
        con.execute(RELEASED.format(known="2026-11-02 00:00:00+00", count=30))
    first = draw(own_house, config, size=5, person="Jo", now=AS_OF)
    assert [item.what for item in first.items] == ["suppression"] * 5 + ["release"] * 5
    assert len({json.dumps(item.facts) for item in first.items}) == 10, "ten different ones"
    judged(own_house, now=AS_OF - timedelta(days=60))
    with warehouse(own_house) as con:  # other order, same rows
        con.execute("create or replace table golden.int_lifts as from golden.int_lifts order by random()")
        con.execute("update golden.int_lifts set lift_known_from = timestamptz '2026-11-23 21:00:00+00'")
    second = draw(own_house, config, size=5, person="Kim", now=AS_OF + timedelta(days=1))
    assert [item.facts for item in second.items[:5]] == [item.facts for item in first.items[:5]]
    assert second.rows_sha256 == first.rows_sha256
    text = (own_house.matters_folder / "reviews.jsonl").read_text(encoding="utf-8").lower()
    assert not any(canary in text for canary in CANARIES)


def test_releases_are_those_since_the_last_review(own_house: Home) -> None:
    config = load_config(own_house)
    with warehouse(own_house) as con:
        con.execute("delete from golden.int_lifts")
        con.execute(RELEASED.format(known="2026-11-02 00:00:00+00", count=3))
    assert sum(item.what == "release" for item in draw(own_house, config, size=9, person="Jo", now=AS_OF).items) == 3
    judged(own_house)
    assert not any(item.what == "release" for item in draw(own_house, config, size=9, person="Jo", now=AS_OF).items)


def test_a_verdict_is_kept_with_name_and_reason_a_second_replaces_it_and_both_are_evidence(own_house: Home) -> None:
    config = load_config(own_house)
    draw(own_house, config, size=1, person="Jo", now=AS_OF)
    judge(own_house, "R-1/1", "wrong", person="Jo", reason="no letter found", now=AS_OF)
    item = judge(own_house, "r-1/1", "right", person="Kim", reason="here it is", now=AS_OF).items[0]
    assert (item.verdict, item.person, item.reason) == ("right", "Kim", "here it is")
    assert verify(own_house, config).kinds["review"] == 3
    with pytest.raises(ConfigError, match="reason: is required"):
        judge(own_house, "R-1/1", "right", person="Kim", reason="", now=AS_OF)
    for wrong in ("R-1/0", "R-1/99", "R-2/1", "1", "R-1/x"):
        with pytest.raises(ConfigError, match="no review has an item"):
            judge(own_house, wrong, "right", person="Kim", reason="x", now=AS_OF)


def test_no_sample_is_drawn_while_one_is_not_done(own_house: Home) -> None:
    config = load_config(own_house)
    draw(own_house, config, size=2, person="Jo", now=AS_OF)
    with pytest.raises(ConfigError, match="R-1 is not done"):
        draw(own_house, config, size=2, person="Jo", now=AS_OF)
    assert last_done(reviews(own_house)) is None and next_due(reviews(own_house), config) is None


def test_the_report_tells_the_last_review_and_when_the_next_is_due_and_what_was_not_right(own_house: Home) -> None:
    config = load_config(own_house)
    kinds = {matter.kind for matter in state(gather(own_house, config, AS_OF)).matters}
    assert "review_due" in kinds, "never reviewed"
    draw(own_house, config, size=2, person="Jo", now=AS_OF)
    judge(own_house, "R-1/1", "right", person="Jo", reason="x", now=AS_OF)
    assert "review_due" in {matter.kind for matter in state(gather(own_house, config, AS_OF)).matters}, "half a review is none"
    judged(own_house)
    evidence = gather(own_house, config, AS_OF)
    assert not {"review_due", "review_wrong"} & {matter.kind for matter in state(evidence).matters}
    assert evidence.review_due == AS_OF + timedelta(days=90)
    page = write_report(own_house, config, AS_OF).read_text(encoding="utf-8")
    assert "Last reviewed 23 Nov 2026, 22:00 UTC." in page and "The next review is due 21 Feb 2027, 22:00 UTC." in page
    later = state(gather(own_house, config, AS_OF + timedelta(days=91))).matters
    assert [matter.said for matter in later if matter.kind == "review_due"] == [
        "The review of the list was due 21 Feb 2027, 22:00 UTC."
    ]
    judge(own_house, "R-1/2", "wrong", person="Jo", reason="x", now=AS_OF)
    found = [matter for matter in state(gather(own_house, config, AS_OF)).matters if matter.kind == "review_wrong"]
    assert [(matter.said, matter.count) for matter in found] == [("R-1: one item is not right.", 1)]


def asked(home: Home, *words: str) -> Result:
    return CliRunner().invoke(main, ["review", *words, "--home", str(home.root), "--as-of", "2026-11-25T22:00:00Z"])


def test_the_command_draws_shows_and_records(own_house: Home) -> None:
    assert "The list was never reviewed: quietlist review draw --by NAME draws a sample." in asked(own_house).output
    drawn = asked(own_house, "draw", "--size", "2", "--by", "Jo")
    assert drawn.exit_code == 0 and "R-1/1  open  suppression: identifier hash " in drawn.output, drawn.output
    assert asked(own_house, "judge", "R-1/1", "--by", "Jo", "--reason", "x").exit_code == 2, "a verdict is wanted"
    said = asked(own_house, "judge", "R-1/1", "--unclear", "--by", "Jo", "--reason", "no letter")
    assert said.exit_code == 0 and "1 unclear by Jo" in said.output, said.output
    assert "R-1/1  unclear (Jo: no letter)" in CliRunner().invoke(main, ["review", "show", "--home", str(own_house.root)]).output
    assert json.loads(asked(own_house, "--json").output)[0]["verdicts"] == {"unclear": 1}
