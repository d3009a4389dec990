"""Literal stories in which something is uncertain and the opt-out must win: clocks, times that are missing, files that are gone.

In the long form each story ends with a rebuild that is equal, so what was merged day by day is what one build of everything
gives; test_incremental.py asks that of its stories always. Stories that can share a home do (``TALES``).
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Generator
from datetime import datetime, timedelta
from itertools import count
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
from tests.reconcile.oracle import Contact
from tests.reconcile.test_incremental import ANA, BEN, House, asked, customer
from tests.reconcile.worlds import write_contacts

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
def story(tmp_path: Path, begun: Path, in_long_form: bool) -> Story:
    shutil.copytree(begun, tmp_path / "home")
    story = Story(tmp_path / "home")
    story.rebuilds = in_long_form
    return story


def without(text: str, source: str) -> str:
    """The configuration without a source's section."""
    return re.sub(rf"\[sources\.{source}\]\n([^\[].*\n)*", "", text)


def opt_in(at: datetime, who: str = ANA) -> str:
    return f"in,{at:%Y-%m-%dT%H:%M:%SZ},opt_in,email,web_form,acme,{who}"


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


def trusting(story: Story, said: str | None, scope: str = "*", source: str = "asks") -> None:
    """Set what the section of a source says of its opt-ins; None leaves the key out."""
    line = "" if said is None else f"may_lift = {said}\n"
    section = f'[sources.{source}]\nformat = "requests"\nscope = "{scope}"\n{line}'
    story.home.config_file.write_text(without(story.home.config_file.read_text(), source) + section)
    story.config = load_config(story.home)


# What is said of a source's opt-ins, what it speaks for, whether the opt-out stands, and why the opt-in is listed.
TRUST: dict[str, tuple[str | None, str, bool, str | None]] = {
    "nothing is said: canonical requests lift nothing": (None, "*", True, "method_not_trusted"),
    "trusted with another method": ('["preference_center"]', "*", True, "method_not_trusted"),
    "trusted, for another part of the company": ('["web_form"]', "outlet", True, "outside_of_its_source"),
    "trusted, for a part of what it says": ('["web_form"]', "acme/offers", True, "wider_than_its_source"),
    "trusted with it there": ('["web_form"]', "acme", False, None),
}


@pytest.fixture(scope="module")
def trusted(begun: Path, tmp_path_factory: pytest.TempPathFactory) -> Story:
    """One day of a source for each of these cases, each about a person of its own."""
    root = shutil.copytree(begun, tmp_path_factory.mktemp("trusted") / "home")
    story = Story(root)
    for number, (said, scope, _, _) in enumerate(TRUST.values()):
        source, who = f"case_{number}", f"p{number}@example.com"
        trusting(story, said, scope, source)
        (story.home.inbox / source).mkdir()
        lines = (
            f"out,{story.start:%Y-%m-%dT%H:%M:%SZ},opt_out,email,letter,acme,{who}",
            opt_in(story.start + timedelta(hours=1), who),
        )
        (story.home.inbox / source / "a.csv").write_text(HEAD + "".join(f"{line}\n" for line in lines))
    story.run(days=1)
    return story


@pytest.mark.parametrize("case", TRUST)
def test_an_opt_in_lifts_only_what_its_source_is_trusted_with(trusted: Story, case: str) -> None:
    number = list(TRUST).index(case)
    _, _, is_blocked, listed = TRUST[case]
    who = f"p{number}@example.com"
    with warehouse(trusted.home) as con:
        freed = con.execute(
            "select except_scopes from golden.golden_suppression where channel = 'email' and identifier = ?", [who]
        ).fetchall()
        told = con.execute("select reason from golden.untrusted_opt_ins where source = ?", [f"case_{number}"]).fetchall()
        evidence = con.execute("select scope from golden.release_evidence where identifier = ?", [who]).fetchall()
    part = ["acme/offers"] if listed == "wider_than_its_source" else []
    assert told == ([(listed,)] if listed else []), case
    assert freed == ([(part,)] if is_blocked else []), f"{case}: it counts for its source's own part and no more"
    assert evidence == [(node,) for node in (part or ([] if is_blocked else ["acme"]))], case


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


# Stories that share nothing but a home and its days: each has people of its own, and adds sources of its own where its lists are
# about somebody. Told together they cost a run for each moment at which any of them goes on.
Tale = Generator[timedelta | None, set[str], None]
TALES: dict[str, Callable[[Part], Tale]] = {}


def tale(told: Callable[[Part], Tale]) -> Callable[[Part], Tale]:
    """A story that yields a moment, delivers what comes before the run of that moment, and yields nothing to have it run."""
    TALES[told.__name__] = told
    return told


class Part:
    """What a story sees of the home: its own people."""

    def __init__(self, story: Story, number: int) -> None:
        self.story, self.home, self.start = story, story.home, story.start
        self.number, self._files = number, count()

    def who(self, name: str) -> str:
        return f"{name}@t{self.number}.example.com"

    def rows(self) -> set[tuple[str, str, str, str]]:
        """Its golden rows of addresses: channel, identifier, scope and basis."""
        return {row for row in self.story.blocked() if row[1].endswith(self.who(""))}

    def asks(self, *lines: str) -> None:
        self.story.asks(f"t{self.number}_{next(self._files)}.csv", *lines)

    def customers(self, *customers: Contact) -> None:
        write_contacts(self.home.inbox / "crm" / f"t{self.number}_{next(self._files)}.csv", list(customers))


@pytest.fixture(scope="module")
def ends(begun: Path, tmp_path_factory: pytest.TempPathFactory, in_long_form: bool) -> dict[str, BaseException | None]:
    """All of them told in one home; how each ended."""
    root = shutil.copytree(begun, tmp_path_factory.mktemp("tales") / "home")
    story = Story(root)
    story.rebuilds = in_long_form
    (story.home.inbox / "letter").mkdir()
    story.home.config_file.write_text(story.home.config_file.read_text() + LETTER)
    story.config = load_config(story.home)
    parts = {name: Part(story, number) for number, name in enumerate(TALES)}
    tales = {name: TALES[name](part) for name, part in parts.items()}
    due = {name: next(told) for name, told in tales.items()}
    ended: dict[str, BaseException | None] = dict.fromkeys(TALES)
    while due:
        moment = min(due.values())
        now = [name for name in due if due[name] == moment]
        for name in now:
            next(tales[name])
        story.run(seconds=moment.total_seconds())
        story.equal()
        for name in now:
            try:
                due[name] = tales[name].send({row[1] for row in parts[name].rows() if row[0] == "email"})
            except StopIteration:
                del due[name]
            except AssertionError as error:
                ended[name] = error
                del due[name]
    return ended


@tale
def an_opt_in_whose_clock_runs_ahead_does_not_lift_what_was_asked_after_it_arrived(story: Part) -> Tale:
    ana = story.who("ana")
    yield timedelta()
    story.asks(opt_in(story.start + timedelta(hours=9), ana))  # Tokyo's time, in a source left at UTC
    assert (yield) == set()
    yield timedelta(hours=6)
    story.asks(f"out-ahead,{story.start + timedelta(hours=5):%Y-%m-%dT%H:%M:%SZ},opt_out,email,web_form,acme,{ana}")
    assert (yield) == {ana}, "it had arrived five hours before she asked"


@tale
def an_undated_opt_out_that_comes_again_after_an_opt_in_holds(story: Part) -> Tale:
    ana, ben = story.who("ana"), story.who("ben")
    yield timedelta()
    story.asks(f",,opt_out,email,web_form,acme,{ana}")
    assert (yield) == {ana}
    yield timedelta(days=1)
    story.asks(opt_in(story.start + timedelta(hours=22), ana))
    assert (yield) == set()
    yield timedelta(days=2)
    story.asks(f",,opt_out,email,web_form,acme,{ana}", f",,opt_out,email,web_form,acme,{ben}")
    assert (yield) == {ana, ben}, "nothing says that it is Monday's: she may have asked since"
    yield timedelta(days=3)
    story.asks(opt_in(story.start + timedelta(days=2, hours=12), ana))
    assert (yield) == {ben}
    with warehouse(story.home) as con:
        records = con.execute("select records from ledger.requests where list_contains(emails, ?) and action = 'opt_out'", [ana])
        assert records.fetchall() == [(2,)], "one request, stated twice"


@tale
def whoever_comes_back_to_a_list_on_the_same_day_is_suppressed_again(story: Part) -> Tale:
    ana, ben = story.who("ana"), story.who("ben")
    yield timedelta(hours=8)
    story.story.groups(story.start, ana, ben)
    assert (yield) == {ana, ben}
    yield timedelta(hours=12)
    story.asks(opt_in(story.start + timedelta(hours=10), ana))
    story.story.groups(story.start, ben)
    assert (yield) == {ben}
    yield timedelta(hours=18)
    story.story.groups(story.start, ana, ben)
    assert (yield) == {ana, ben}, "the bytes of the morning, but she was gone in between"
    yield timedelta(days=1)
    story.story.groups(story.start + timedelta(days=1), ana, ben)
    assert (yield) == {ana, ben}


@tale
def a_record_that_names_a_list_of_people_makes_them_no_person(story: Part) -> Tale:
    people = [story.who(f"p{number}") for number in range(12)]
    yield timedelta(days=1)
    story.customers(*(customer(100 + number, emails={who}) for number, who in enumerate(people)))
    story.asks(
        f"list,2026-03-01T10:00:00Z,opt_in,email,import,acme,{';'.join(people)}",
        f"out-list,2026-03-02T10:00:00Z,opt_out,all,letter,acme,{people[0]}",
    )
    assert (yield) == {people[0]}, "the opt-out of one is not that of twelve"
    with warehouse(story.home) as con:
        assert con.execute("select identifiers from identity.refused_links").fetchall() == [(12,)], "somebody must see it"
        assert con.execute("select count(*) from identity.person_of_node where node = 'c:c101'").fetchall() == [(0,)]
    yield timedelta(days=2)
    # The list itself is honoured: everybody it names is suppressed, by their own row.
    story.asks(f"all,2026-03-03T10:00:00Z,opt_out,email,letter,acme,{';'.join(people)}")
    assert (yield) == set(people)
    assert {row[3] for row in story.rows() if row[0] == "email"} == {"direct"}


@tale
def a_link_that_a_named_person_cuts_is_none_for_what_is_asked_after_it(story: Part) -> Tale:
    """Eight addresses in one record, just as many as one person may have, made eight customers one."""
    people = [story.who(f"p{number}") for number in range(8)]
    yield timedelta(days=1)
    story.customers(*(customer(200 + number, emails={who}) for number, who in enumerate(people)))
    story.asks(
        f"eight,2026-03-01T10:00:00Z,opt_in,email,import,acme,{';'.join(people)}",
        f"out-eight,2026-03-02T10:00:00Z,opt_out,all,letter,acme/offers,{people[0]}",
    )
    assert (yield) == set(people)
    before = story.rows()
    with warehouse(story.home) as con:
        (sha256, record_no) = con.execute(
            "select files.sha256, records.record_no from ledger.record_outcomes as records "
            "inner join raw.landed_files as files using (file_id) inner join ledger.requests as requests using (request_id) "
            "where requests.event_key = 'eight'"
        ).fetchall()[0]
    yield timedelta(days=2)
    record_decision(
        story.home,
        "link_cut",
        {"of_source": "asks", "of_sha256": sha256, "of_record_no": str(record_no)},
        person="Ines",
        reason="an old campaign list in one record",
        now=story.start,
    )
    assert (yield) == set(people) and story.rows() == before, "only an opt-in ends a suppression; a cut is none"
    yield timedelta(days=3)
    story.asks(f"later-eight,2026-03-05T10:00:00Z,opt_out,all,letter,outlet,{people[1]}")
    story.customers(*(customer(200 + number, emails={who}) for number, who in enumerate([*people, story.who("new")])))
    yield
    assert {row[1] for row in story.rows() if row[0] == "email" and row[2] == "outlet"} == {people[1]}, "nobody else any more"
    assert {row for row in story.rows() if row[2] == "acme/offers"} == before


@tale
def a_shared_mailbox_that_a_person_unlinked_joins_nobody_for_what_is_asked_after(story: Part) -> Tale:
    ana, ben, office = (story.who(name) for name in ("ana", "ben", "office"))
    yield timedelta(days=1)
    story.customers(customer(301, emails={ana, office}), customer(302, emails={ben, office}))
    story.asks(f"out-office,2026-03-02T10:00:00Z,opt_out,all,letter,acme/offers,{ana}")
    assert (yield) == {ana, ben, office}
    before = story.rows()
    yield timedelta(days=2)
    said = CliRunner().invoke(
        main, ["quarantine", "unlink", office, "--by", "Ines Roe", "--reason", "a shop's mailbox", "--home", str(story.home.root)]
    )
    assert said.exit_code == 0 and office not in said.output, said.output
    assert (yield) == {ana, ben, office} and story.rows() == before, "only an opt-in ends a suppression"
    yield timedelta(days=3)
    story.asks(f"later-office,2026-03-05T10:00:00Z,opt_out,voice,letter,acme,{ana}")
    story.customers(
        customer(301, emails={ana, office}, phones={"+12025550101"}), customer(302, emails={ben, office}, phones={"+12025550102"})
    )
    yield
    assert {row[1] for row in story.story.blocked() if row[0] == "voice"} == {"+12025550101"}, (
        "Ben's number is not Ana's any more"
    )


LETTER = '[sources.letter]\nformat = "mailchimp"\nscope = "acme/newsletter"\n'


@tale
def a_list_that_still_has_somebody_who_opted_out_elsewhere_is_told_and_changes_nothing(story: Part) -> Tale:
    ana, ben = story.who("ana"), story.who("ben")

    def subscribed(day: int, *people: str) -> None:
        text = "Email Address,MEMBER_RATING,OPTIN_TIME,LAST_CHANGED,LEID,EUID,NOTES,TAGS\n"
        text += "".join(f"{who},2,,2026-02-01 10:00:00,{day}{number},a{number},,\n" for number, who in enumerate(people))
        moment = story.start + timedelta(days=day)
        (story.home.inbox / "letter" / f"subscribed_audience_export_{moment:%Y-%m-%d}.csv").write_text(text)

    def told() -> list[tuple[str, ...]]:
        with warehouse(story.home) as con:
            return con.execute(
                "select kind, identifier, source, other_source, other_scope from golden.contradictions order by all"
            ).fetchall()

    yield timedelta()
    subscribed(0, ana.upper(), ben)
    story.asks(f"out,{story.start - timedelta(days=9):%Y-%m-%dT%H:%M:%SZ},opt_out,email,web_form,acme,{ana}")
    assert ((yield), told()) == ({ana}, []), "it had no time to hear of it"
    yield timedelta(days=3)
    subscribed(3, f" {ana.upper()} ", ben)
    assert ((yield), told()) == ({ana}, [("listed_as_subscribed", ana, "asks", "letter", "acme/newsletter")])
    with warehouse(story.home) as con:
        kept = con.execute("select emails_raw from staging.int_requests__unioned where listed_hash is not null").fetchall()
    assert kept == [([],)] * 4, "of a subscriber nothing but the hash is kept here"
    yield timedelta(days=4)
    subscribed(4, ben)
    assert ((yield), told()) == ({ana}, [])


@pytest.mark.parametrize("sentence", TALES)
def test_in_doubt_the_opt_out_wins(ends: dict[str, BaseException | None], sentence: str) -> None:
    if (error := ends[sentence]) is not None:
        raise error
