"""What a source never had before is told once: a column, a kind of record; and a column that was always there and is gone."""

from __future__ import annotations

import re
from datetime import timedelta

from orchestration.core.warehouse import warehouse
from orchestration.gate.judging import judge
from orchestration.rebuild import rebuild
from tests.reconcile.test_in_doubt import Story, begun, story
from tests.reconcile.test_incremental import ANA, BEN

__all__ = ["begun", "story"]  # fixtures

EVE = "eve@example.com"


def told(story: Story) -> list[str]:
    """What the entry gate says of newcomers, without the files' ids."""
    verdict = judge("entry", story.home, story.config, story.day)
    assert all(item.evaluated for item in verdict.results if item.suite == "newcomers")
    found = [item.told.partition(". Next step")[0] for item in verdict.failed if item.suite == "newcomers"]
    return [re.sub("[0-9a-f]{32}", "ID", item) for item in found]


def groups(story: Story, day: int, text: str) -> None:
    moment = story.start + timedelta(days=day)
    (story.home.inbox / "groups" / f"group_suppressions_{moment:%Y-%m-%d}.csv").write_text(text)


def test_what_was_not_there_before_is_told_on_its_day_only(story: Story, in_long_form: bool) -> None:
    at = f"{story.start - timedelta(days=9):%Y-%m-%dT%H:%M:%SZ}"
    groups(story, 0, f"email,group_id,group_name,created_at,mood\n{ANA},4100,News,,calm\n")
    story.asks("first.csv", f"one,{at},opt_out,email,web_form,acme,{ANA}")
    assert story.run() == {ANA}
    assert told(story) == [], "the first files of a source are compared with nothing"

    groups(story, 1, f"email,group_id,created_at,mood,grup_name\n{ANA},4100,,calm,News\n{BEN},4100,,,News\n")
    story.asks(
        "second.csv", f"two,{at},complaint,email,spam_complaint,acme,{EVE}", f"three,{at},opt_out,email,web_form,acme,{BEN}"
    )
    assert story.run(days=1) == {ANA, BEN, EVE}
    name = f"group_suppressions_{story.day:%Y-%m-%d}.csv"
    first_day = told(story)
    assert first_day == [
        f"One column was not there before: groups (column 'grup_name' of {name}, most like group_name, file id ID)",
        f"One column that was always there is gone: groups (column group_name of {name}, file id ID)",
        "One kind of record came for the first time: asks (complaint, first in file id ID)",
    ]

    if in_long_form:
        outcome = rebuild(story.home, story.config)
        assert outcome.equal, "\n".join(outcome.lines())
        assert told(story) == first_day, "made again from landing"

    groups(story, 2, f"email,group_id,created_at,mood,grup_name\n{ANA},4100,,,News\n{BEN},4100,,,News\n{EVE},4100,,,\n")
    story.asks("third.csv", f"four,{at},complaint,email,spam_complaint,acme,{BEN}")
    story.run(days=2, minutes=1)
    assert told(story) == [], "it was told"


def test_files_of_one_day_are_compared_with_those_before_and_not_with_each_other(story: Story) -> None:
    at = f"{story.start - timedelta(days=9):%Y-%m-%dT%H:%M:%SZ}"
    head = "request_key,requested_at,action,channels,email"
    for name, label in (("a", "shade"), ("b", "tint")):
        (story.home.inbox / "asks" / f"{name}.csv").write_text(f"{head},{label}\n{name},{at},opt_out,email,{ANA},red\n")
    story.run()
    assert told(story) == [], "two files on the first day"
    for name, label in (("d", "tint"), ("c", "shade"), ("e", "qqq")):
        (story.home.inbox / "asks" / f"{name}.csv").write_text(f"{head},{label}\n{name},{at},opt_out,email,{ANA},red\n")
    story.run(days=1)
    assert told(story) == ["One column was not there before: asks (column 'qqq' of e.csv, file id ID)"]
    with warehouse(story.home) as con:
        kept = con.execute("select distinct label from raw.file_columns where not is_declared order by all").fetchall()
    assert kept == [("'qqq'",), ("'shade'",), ("'tint'",)]
