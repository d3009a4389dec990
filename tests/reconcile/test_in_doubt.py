"""Literal stories in which something is uncertain and the opt-out must win: clocks, times that are missing, files that are gone.

In the long form each story ends with a rebuild that is equal, so what was merged day by day is what one build of everything
gives; test_incremental.py asks that of its stories always.
"""

from __future__ import annotations

import re
import shutil
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from orchestration.cli import main
from orchestration.core.config import load_config
from orchestration.core.errors import ConfigError, PermanentError
from orchestration.core.warehouse import warehouse
from orchestration.landing import collect
from orchestration.quarantine.decisions import record_decision
from orchestration.readers import load
from orchestration.readers.register import register
from orchestration.rebuild import rebuild
from orchestration.reconcile import stages
from tests.reconcile.test_incremental import ANA, BEN, House, asked, customer

GROUPS = '[sources.groups]\nformat = "sendgrid"\nscope = "acme"\n'
HEAD = "request_key,requested_at,action,channels,method,scope,email\n"


class Story(House):
    """A house whose day has hours, with an undated list beside the requests."""

    rebuilds = False
    """Whether its end is compared with a rebuild, which costs as much as two of its days."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.home.config_file.write_text(self.home.config_file.read_text() + GROUPS)
        self.config = load_config(self.home)
        (self.home.inbox / "groups").mkdir(exist_ok=True)
        self.start = self.day + timedelta(days=1)

    def asks(self, name: str, *lines: str) -> None:
        (self.home.inbox / "asks" / name).write_text(HEAD + "".join(f"{line}\n" for line in lines))

    def groups(self, day: datetime, *people: str) -> None:
        text = "email,group_id,created_at\n" + "".join(f"{who},4100,\n" for who in people)
        (self.home.inbox / "groups" / f"group_suppressions_{day:%Y-%m-%d}.csv").write_text(text)

    def run(self, **after: float) -> set[str]:
        """A run so long after the start; who is suppressed at acme by e-mail."""
        self.day = self.start + timedelta(**after)
        self.reconcile()
        return {row[1] for row in self.blocked() if row[0] == "email"}

    def equal(self) -> None:
        if not self.rebuilds:
            return
        outcome = rebuild(self.home, self.config)
        assert outcome.equal, "\n".join(outcome.lines())


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that ran once before anything arrived: its tables are made and its policy is loaded."""
    story = Story(tmp_path_factory.mktemp("begun") / "home")
    story.reconcile()
    return story.home.root


@pytest.fixture
def story(tmp_path: Path, begun: Path, request: pytest.FixtureRequest) -> Story:
    shutil.copytree(begun, tmp_path / "home")
    story = Story(tmp_path / "home")
    story.rebuilds = "slow" in request.config.option.markexpr
    return story


def without(text: str, source: str) -> str:
    """The configuration without a source's section."""
    return re.sub(rf"\[sources\.{source}\]\n([^\[].*\n)*", "", text)


def opt_in(at: datetime, who: str = ANA) -> str:
    return f"in,{at:%Y-%m-%dT%H:%M:%SZ},opt_in,email,web_form,acme,{who}"


def test_an_opt_in_whose_clock_runs_ahead_does_not_lift_what_was_asked_after_it_arrived(story: Story) -> None:
    story.asks("in.csv", opt_in(story.start + timedelta(hours=9)))  # Tokyo's time, in a source left at UTC
    assert story.run() == set()
    story.asks("out.csv", f"out,{story.start + timedelta(hours=5):%Y-%m-%dT%H:%M:%SZ},opt_out,email,web_form,acme,{ANA}")
    assert story.run(hours=6) == {ANA}, "it had arrived five hours before she asked"
    story.equal()


def test_an_undated_opt_out_that_comes_again_after_an_opt_in_holds(story: Story) -> None:
    story.asks("monday.csv", f",,opt_out,email,web_form,acme,{ANA}")
    assert story.run() == {ANA}
    story.asks("in.csv", opt_in(story.start + timedelta(hours=22)))
    assert story.run(days=1) == set()
    story.asks("friday.csv", f",,opt_out,email,web_form,acme,{ANA}", f",,opt_out,email,web_form,acme,{BEN}")
    assert story.run(days=2) == {ANA, BEN}, "nothing says that it is Monday's: she may have asked since"
    story.asks("later.csv", opt_in(story.start + timedelta(days=2, hours=12)))
    assert story.run(days=3) == {BEN}
    story.equal()
    with warehouse(story.home) as con:
        records = con.execute("select records from ledger.requests where list_contains(emails, ?) and action = 'opt_out'", [ANA])
        assert records.fetchall() == [(2,)], "one request, stated twice"


def test_a_list_whose_bytes_are_gone_ends_nobodys_request(story: Story) -> None:
    story.groups(story.start, ANA, BEN)
    story.run()
    story.groups(story.start + timedelta(days=2), ANA, BEN, "x@example.com")
    story.run(days=2)
    story.day = story.start + timedelta(days=3)
    story.groups(story.start + timedelta(days=1), ANA, BEN, "y@example.com")
    before = set(story.home.landing.rglob("*"))
    collect(story.home, story.config, story.day)
    (landed,) = (path for path in set(story.home.landing.rglob("*")) - before if path.is_file())
    landed.rename(story.home.root / "aside")
    story.run(days=3)
    story.equal()
    story.asks("in.csv", opt_in(story.start + timedelta(days=1, hours=12)))
    story.run(days=3, hours=12)
    story.groups(story.start + timedelta(days=4), ANA, BEN, "z@example.com")
    story.run(days=4)
    story.equal()


def test_whoever_comes_back_to_a_list_on_the_same_day_is_suppressed_again(story: Story) -> None:
    story.groups(story.start, ANA, BEN)
    assert story.run(hours=8) == {ANA, BEN}
    story.asks("in.csv", opt_in(story.start + timedelta(hours=10)))
    story.groups(story.start, BEN)
    assert story.run(hours=12) == {BEN}
    story.groups(story.start, ANA, BEN)
    assert story.run(hours=18) == {ANA, BEN}, "the bytes of the morning, but she was gone in between"
    story.groups(story.start + timedelta(days=1), ANA, BEN)
    assert story.run(days=1) == {ANA, BEN}
    story.equal()


def test_a_source_whose_settings_were_corrected_may_not_leave_the_configuration(story: Story) -> None:
    text = story.home.config_file.read_text()
    narrow = text.replace('[sources.asks]\nformat = "requests"', '[sources.asks]\nformat = "requests"\nscope = "acme/offers"')
    story.home.config_file.write_text(narrow)
    story.config = load_config(story.home)
    (story.home.inbox / "asks" / "a.csv").write_text(
        f"request_key,requested_at,action,channels,email\nk,2026-03-01,opt_out,email,{ANA}\n"
    )
    story.run()
    assert {row[2] for row in story.blocked() if row[0] == "email"} == {"acme/offers"}
    story.home.config_file.write_text(text)
    story.config = load_config(story.home)
    story.run(days=1)
    assert {row[2] for row in story.blocked() if row[0] == "email"} == {"*"}
    story.home.config_file.write_text(without(text, "asks"))
    story.config = load_config(story.home)
    with pytest.raises(ConfigError, match=r"put \[sources.asks\] back"):
        story.run(days=2)
    assert {row[2] for row in story.blocked() if row[0] == "email"} == {"*"}, "it says what it said"


def trusting(story: Story, said: str | None, scope: str = "*") -> None:
    """Set what the section of ``asks`` says of its opt-ins; None leaves the key out."""
    line = "" if said is None else f"may_lift = {said}\n"
    section = f'[sources.asks]\nformat = "requests"\nscope = "{scope}"\n{line}'
    story.home.config_file.write_text(without(story.home.config_file.read_text(), "asks") + section)
    story.config = load_config(story.home)


def untrusted(story: Story) -> list[tuple[str, str]]:
    with warehouse(story.home) as con:
        return con.execute("select source, reason from golden.untrusted_opt_ins order by all").fetchall()


@pytest.mark.parametrize(
    ("case", "said", "scope", "blocked", "listed"),
    [
        ("nothing is said: canonical requests lift nothing", None, "*", {ANA}, "method_not_trusted"),
        ("trusted with another method", '["preference_center"]', "*", {ANA}, "method_not_trusted"),
        ("trusted, for another part of the company", '["web_form"]', "outlet", {ANA}, "outside_of_its_source"),
        ("trusted, for a part of what it says", '["web_form"]', "acme/offers", {ANA}, "wider_than_its_source"),
        ("trusted with it there", '["web_form"]', "acme", set(), None),
    ],
)
def test_an_opt_in_lifts_only_what_its_source_is_trusted_with(
    story: Story, case: str, said: str | None, scope: str, blocked: set[str], listed: str | None
) -> None:
    trusting(story, said, scope)
    story.asks(
        "a.csv", f"out,{story.start:%Y-%m-%dT%H:%M:%SZ},opt_out,email,letter,acme,{ANA}", opt_in(story.start + timedelta(hours=1))
    )
    assert story.run(days=1) == blocked, case
    assert untrusted(story) == ([("asks", listed)] if listed else []), case
    with warehouse(story.home) as con:
        freed = con.execute("select except_scopes from golden.golden_suppression where channel = 'email'").fetchall()
        evidence = con.execute("select scope from golden.release_evidence").fetchall()
    part = ["acme/offers"] if listed == "wider_than_its_source" else []
    assert freed == ([(part,)] if blocked else []), f"{case}: it counts for its source's own part and no more"
    assert evidence == [(node,) for node in (part or ([] if blocked else ["acme"]))], case


def test_trust_that_is_withdrawn_takes_back_what_it_lifted_and_does_not_come_back_with_the_last_delivery(story: Story) -> None:
    trusting(story, '["web_form"]')
    story.asks(
        "a.csv", f"out,{story.start:%Y-%m-%dT%H:%M:%SZ},opt_out,email,letter,acme,{ANA}", opt_in(story.start + timedelta(hours=1))
    )
    assert story.run(days=1) == set()
    text = without(story.home.config_file.read_text(), "asks")
    story.home.config_file.write_text(text)
    story.config = load_config(story.home)
    assert story.run(days=2) == set(), "a source that left speaks as it was trusted when it last delivered"
    story.equal()
    trusting(story, "[]")
    assert story.run(days=3) == {ANA}, "what it lifted is suppressed again"
    story.equal()
    story.home.config_file.write_text(text)
    story.config = load_config(story.home)
    with pytest.raises(ConfigError, match=r"put \[sources.asks\] back"):
        story.run(days=4)
    assert {row[1] for row in story.blocked() if row[0] == "email"} == {ANA}


def test_a_record_that_names_a_list_of_people_makes_them_no_person(story: Story) -> None:
    people = [f"p{number}@example.com" for number in range(12)]
    story.deliver(*(customer(number, emails={who}) for number, who in enumerate(people)))
    story.asks("list.csv", f"list,2026-03-01T10:00:00Z,opt_in,email,import,acme,{';'.join(people)}")
    story.asks("out.csv", f"out,2026-03-02T10:00:00Z,opt_out,all,letter,acme,{people[0]}")
    assert story.run(days=1) == {people[0]}, "the opt-out of one is not that of twelve"
    with warehouse(story.home) as con:
        assert con.execute("select identifiers from identity.refused_links").fetchall() == [(12,)], "somebody must see it"
        assert con.execute("select count(*) from identity.person_of_node where node = 'c:c1'").fetchall() == [(0,)]
    # The list itself is honoured: everybody it names is suppressed, by their own row.
    story.asks("all.csv", f"all,2026-03-03T10:00:00Z,opt_out,email,letter,acme,{';'.join(people)}")
    assert story.run(days=2) == set(people)
    assert {row[3] for row in story.blocked() if row[0] == "email"} == {"direct"}
    story.equal()


def test_a_link_that_a_named_person_cuts_is_none_for_what_is_asked_after_it(story: Story) -> None:
    """Eight addresses in one record, just as many as one person may have, made eight customers one."""
    people = [f"p{number}@example.com" for number in range(8)]
    story.deliver(*(customer(number, emails={who}) for number, who in enumerate(people)))
    story.asks("list.csv", f"list,2026-03-01T10:00:00Z,opt_in,email,import,acme,{';'.join(people)}")
    story.asks("out.csv", f"out,2026-03-02T10:00:00Z,opt_out,all,letter,acme/offers,{people[0]}")
    assert story.run(days=1) == set(people)
    before = story.blocked()
    with warehouse(story.home) as con:
        (sha256, record_no) = con.execute(
            "select files.sha256, records.record_no from ledger.record_outcomes as records "
            "inner join raw.landed_files as files using (file_id) inner join ledger.requests as requests using (request_id) "
            "where requests.event_key = 'list'"
        ).fetchall()[0]
    record_decision(
        story.home,
        "link_cut",
        {"of_source": "asks", "of_sha256": sha256, "of_record_no": str(record_no)},
        person="Ines",
        reason="an old campaign list in one record",
        now=story.start,
    )
    assert story.run(days=2) == set(people) and story.blocked() == before, "only an opt-in ends a suppression; a cut is none"
    story.asks("later.csv", f"later,2026-03-05T10:00:00Z,opt_out,all,letter,outlet,{people[1]}")
    story.deliver(*(customer(number, emails={who}) for number, who in enumerate([*people, "new@example.com"])))
    story.run(days=3)
    assert {row[1] for row in story.blocked() if row[0] == "email" and row[2] == "outlet"} == {people[1]}, "nobody else any more"
    assert {row for row in story.blocked() if row[2] == "acme/offers"} == before
    story.equal()


def test_a_shared_mailbox_that_a_person_unlinked_joins_nobody_for_what_is_asked_after(story: Story) -> None:
    office = "office@example.com"
    story.deliver(customer(1, emails={ANA, office}), customer(2, emails={BEN, office}))
    story.asks("out.csv", f"out,2026-03-02T10:00:00Z,opt_out,all,letter,acme/offers,{ANA}")
    assert story.run(days=1) == {ANA, BEN, office}
    before = story.blocked()
    said = CliRunner().invoke(
        main, ["quarantine", "unlink", office, "--by", "Ines Roe", "--reason", "a shop's mailbox", "--home", str(story.home.root)]
    )
    assert said.exit_code == 0 and office not in said.output, said.output
    assert story.run(days=2) == {ANA, BEN, office} and story.blocked() == before, "only an opt-in ends a suppression"
    story.asks("later.csv", f"later,2026-03-05T10:00:00Z,opt_out,voice,letter,acme,{ANA}")
    story.deliver(
        customer(1, emails={ANA, office}, phones={"+12025550101"}), customer(2, emails={BEN, office}, phones={"+12025550102"})
    )
    story.run(days=3)
    assert {row[1] for row in story.blocked() if row[0] == "voice"} == {"+12025550101"}, "Ben's number is not Ana's any more"
    story.equal()


def test_a_step_started_alone_takes_in_nothing_that_the_step_before_has_not_seen(story: Story) -> None:
    story.deliver(asked("of-ben", emails={BEN}))
    story.reconcile()
    story.deliver(asked("of-ana", channels="all", emails={ANA}), customer(1, emails={ANA, "zoe@example.com"}))
    home, config, day = story.home, story.config, story.day
    collect(home, config, day)
    with warehouse(home) as con:
        stages.prepare(con, home)
        register(con, home, config)
        load(con, home, config, day)
    for step in (stages.ledger, stages.golden):
        with pytest.raises(PermanentError, match="has not seen"):
            step(home, config, day)
    for step in (stages.normalise, stages.identify):
        with pytest.raises(PermanentError, match="has not seen"):
            step(home, config)
    story.reconcile()
    assert {row[1] for row in story.blocked() if row[0] == "email"} == {ANA, BEN, "zoe@example.com"}
    story.equal()
