"""What an increment changes: literal stories told over several runs, and runs that are killed on the way.

Whatever the story, in the end every merged table is, row for row, what one build of everything gives (``rebuild``), which
costs as much as two days. The first story always ends with it, the others in the long form.
"""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orchestration.core.config import Config, load_config
from orchestration.core.errors import ConfigError
from orchestration.core.home import Home
from orchestration.core.warehouse import warehouse
from orchestration.landing import collect
from orchestration.readers import load
from orchestration.readers.register import register
from orchestration.rebuild import rebuild
from orchestration.reconcile import dbt, stages
from tests.homes import with_policy
from tests.reconcile.oracle import Contact, Request
from tests.reconcile.test_golden_oracle import CONFIG, SEED, reconcile
from tests.reconcile.worlds import make_world, write_contacts, write_requests

DAY_ONE = datetime(2026, 4, 1, tzinfo=UTC)
REGISTRIES = """
[sources.us_dnc]
format = "ftc_national_dnc"
region = "US"
"""


class House:
    """A home to which one delivery a day arrives."""

    def __init__(self, root: Path) -> None:
        self.home = Home.at(root) if root.exists() else with_policy(Home.at(root))
        self.home.config_file.write_text(CONFIG + REGISTRIES)
        self.config: Config = load_config(self.home)
        for source in ("asks", "crm", "us_dnc"):
            (self.home.inbox / source).mkdir(exist_ok=True)
        self.day = DAY_ONE - timedelta(days=1)

    def deliver(self, *things: Request | Contact, registry: dict[str, str] | None = None) -> None:
        """Put a day's files into the inbox."""
        self.day += timedelta(days=1)
        if requests := [thing for thing in things if isinstance(thing, Request)]:
            write_requests(self.home.inbox / "asks" / f"asks_{self.day:%Y-%m-%d}.csv", requests)
        if contacts := [thing for thing in things if isinstance(thing, Contact)]:
            write_contacts(self.home.inbox / "crm" / f"crm_{self.day:%Y-%m-%d}.csv", contacts)
        for name, text in (registry or {}).items():
            (self.home.inbox / "us_dnc" / name).write_text(text)

    def reconcile(self) -> stages.Built:
        return reconcile(self.home, self.config, self.day)

    def blocked(self) -> set[tuple[str, str, str, str]]:
        """(channel, identifier, scope, basis) of every golden row."""
        with warehouse(self.home) as con:
            return set(con.execute("select channel, identifier, scope, basis from golden.golden_suppression").fetchall())

    def unresolved(self) -> set[tuple[str, str]]:
        with warehouse(self.home) as con:
            return set(
                con.execute(
                    "select event_key, channel from golden.unresolved_requests inner join ledger.requests using (request_id)"
                ).fetchall()
            )


def asked(
    key: str, action: str = "opt_out", channels: str = "email", method: str = "web_form", *, hour: int = 9, **who: object
) -> Request:
    at = datetime(2026, 3, 1, hour, tzinfo=UTC)
    return Request(
        key=key,
        action=action,
        method=method,
        channels=frozenset(channels.split(";")),
        scope=str(who.pop("scope", "acme")),
        earliest=at,
        latest=at,
        **{name: frozenset(v) if isinstance(v, set) else v for name, v in who.items()},  # type: ignore[arg-type]
    )


def customer(number: int, *, emails: set[str] = frozenset(), phones: set[str] = frozenset(), name: str = "") -> Contact:  # type: ignore[assignment]
    return Contact(f"c{number}", frozenset(emails), frozenset(phones), name=name)


ANA, BEN, CAT = "ana@example.com", "ben@example.com", "cat@example.com"
PHONE, OTHER_PHONE, LISTED = "+12025550101", "+12025550102", "+12025550103"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The first day: strangers and two customers that nobody knows to be one."""
    house = House(tmp_path_factory.mktemp("incremental") / "home")
    rng = random.Random(SEED + 5)
    worlds = [make_world(number, rng) for number in range(24)]
    house.deliver(
        customer(1, emails={ANA}, name="Ana"),
        customer(2, emails={BEN}, phones={PHONE}, name="Ben"),
        *(thing for world in worlds for thing in (*world.requests, *world.contacts)),
        asked("of-ana", channels="all", emails={ANA}),
        asked("of-ben", channels="sms", emails={BEN}),
        asked("of-cat", channels="voice", emails={CAT}),
        asked("early-opt-in", "opt_in", hour=12, emails={"dan@example.com"}),
        asked("below", channels="email", scope="acme", emails={"eve@example.com"}),
    )
    assert house.reconcile().full_refresh, "the first run has nothing to merge into"
    yield house


def test_each_day_touches_only_what_it_is_about_and_in_the_end_a_rebuild_is_equal(house: House) -> None:
    assert {row for row in house.blocked() if row[1] == ANA} == {("email", ANA, "acme", "direct"), ("ads", ANA, "acme", "direct")}
    assert ("sms", PHONE, "acme", "person") in house.blocked(), "Ben's number, for he asked by e-mail about text messages"
    assert ("of-cat", "voice") in house.unresolved(), "nobody knows Cat's number"

    house.deliver(
        # A late link: a third record shows that Ana and Ben are one, after requests of both.
        customer(3, emails={ANA, BEN}, name="Ana"),
        # A contact point that appears later resolves a request; a number turns up that a registry lists from today.
        customer(4, emails={CAT}, phones={OTHER_PHONE}, name="Cat"),
        customer(5, phones={LISTED}, name="Lee"),
        registry={"national_dnc_2026-04-02.txt": "202,5550103\n202,5550101\n"},
    )
    assert not house.reconcile().full_refresh
    assert {("email", BEN, "acme", "person"), ("voice", PHONE, "acme", "person")} <= house.blocked(), (
        "what Ana asked for all channels reaches what was Ben's"
    )
    assert ("of-cat", "voice") not in house.unresolved()
    assert {("voice", OTHER_PHONE, "acme", "person"), ("voice", LISTED, "*", "registry")} <= house.blocked()

    house.deliver(
        # The opt-out that an opt-in which came before it lifts; one that an opt-in of today lifts below its node; one as a whole.
        asked("late-opt-out", hour=10, emails={"dan@example.com"}),
        asked("after-all", hour=13, emails={"dan@example.com"}, scope="outlet"),
        asked("opt-in-below", "opt_in", hour=12, scope="acme/offers", emails={"eve@example.com"}),
        asked("opt-in-ana", "opt_in", channels="ads", hour=12, emails={ANA}),
        # Customers three to five of a switchboard: from now on it links nobody, what was linked stays.
        *(customer(10 + n, emails={BEN}, phones={f"+1202555016{n}"}) for n in range(3)),
        # The registry drops one number and lists another of ours.
        registry={"national_dnc_changes_2026-04-03.txt": "202,5550103,2026-04-03,D\n202,5550102,2026-04-03,A\n"},
    )
    assert not house.reconcile().full_refresh
    assert {row[2] for row in house.blocked() if row[1] == "dan@example.com"} == {"outlet"}
    assert ("ads", ANA, "acme", "direct") not in house.blocked(), "a row that was lifted goes, though nothing replaces it"
    with warehouse(house.home) as con:
        excepted = con.execute(
            "select except_scopes from golden.golden_suppression where identifier = 'eve@example.com'"
        ).fetchall()
    assert excepted == [(["acme/offers"],)]
    assert ("voice", LISTED, "*", "registry") not in house.blocked()
    assert ("voice", OTHER_PHONE, "*", "registry") in house.blocked()
    assert not {row for row in house.blocked() if row[1].startswith("+1202555016")}, "a shared address links nobody"
    assert ("voice", PHONE, "acme", "person") in house.blocked(), "what was linked before stays linked"

    outcome = rebuild(house.home, house.config)
    assert outcome.equal, outcome.lines()
    assert all(row["now"] > 0 for row in outcome.tables.values()), "an empty table would equal anything"


def test_a_file_whose_bytes_were_gone_for_a_day_is_taken_in_when_they_are_back(house: House) -> None:
    house.deliver(asked("gone-for-a-day", emails={"fay@example.com"}))
    before = set(house.home.landing.rglob("*"))
    collect(house.home, house.config, house.day)
    (landed,) = (path for path in set(house.home.landing.rglob("*")) - before if path.is_file())
    aside = landed.rename(house.home.root / "aside")
    house.reconcile()
    house.deliver(asked("of-the-next-day", emails={"gus@example.com"}))
    house.reconcile()
    aside.rename(landed)
    assert house.reconcile().full_refresh, "it arrived before one that was ingested, so it may be the first evidence of anything"
    assert {row[1] for row in house.blocked()} >= {"fay@example.com", "gus@example.com"}
    with warehouse(house.home) as con:
        records, distinct = con.execute(
            "select count(*), count(distinct (file_id, record_no)) from ledger.int_requests__keyed"
        ).fetchone()
    assert records == distinct, "after a full refresh no record may be there twice"


def test_another_scope_tree_or_target_builds_anew_what_it_decides(house: House) -> None:
    company = house.config.company
    targets = house.config.model_copy(update={"company": company.model_copy(update={"target_hours": company.target_hours + 1})})
    assert not stages.stage(house.home, targets, house.day).full_refresh, "the ledger knows nothing of the company's target"
    stages.ledger(house.home, targets, house.day)
    assert stages.golden(house.home, targets, house.day).full_refresh, "the deadlines do"
    narrower = house.config.model_copy(update={"company": company.model_copy(update={"scopes": ("acme",)})})
    assert stages.stage(house.home, narrower, house.day).full_refresh, "another tree widens other scopes"


def test_a_home_that_ran_before_anything_arrived_takes_in_its_first_files(tmp_path: Path, in_long_form: bool) -> None:
    house = House(tmp_path / "home")
    house.reconcile()
    house.deliver(asked("of-ana", emails={ANA}), customer(1, emails={ANA, BEN}))
    house.reconcile()
    assert {row[1] for row in house.blocked()} == {ANA}
    house.deliver(asked("of-ben", channels="all", emails={BEN}))
    assert not house.reconcile().full_refresh
    assert {row[1] for row in house.blocked()} == {ANA, BEN}
    if in_long_form:
        outcome = rebuild(house.home, house.config)
        assert outcome.equal, outcome.lines()


@pytest.fixture(scope="module")
def of_ana(tmp_path_factory: pytest.TempPathFactory) -> House:
    """A home after the day on which Ana asked."""
    house = House(tmp_path_factory.mktemp("of_ana") / "home")
    house.deliver(asked("of-ana", emails={ANA}))
    house.reconcile()
    return house


def test_what_was_collected_since_the_last_run_is_no_difference_to_a_rebuild(of_ana: House) -> None:
    of_ana.deliver(asked("of-ben", emails={BEN}))
    collect(of_ana.home, of_ana.config, of_ana.day)
    assert (outcome := rebuild(of_ana.home, of_ana.config)).equal, outcome.lines()


def test_changed_settings_are_no_difference_to_a_rebuild_but_wait_for_a_run(of_ana: House, in_long_form: bool) -> None:
    # Found by a random history: another target_hours, and the rebuild told of a fault in deadlines.request_rules.
    house = of_ana
    company = house.config.company.model_copy(update={"target_hours": house.config.company.target_hours + 1})
    house.config = house.config.model_copy(update={"company": company})
    with pytest.raises(ConfigError, match="run quietlist run first, then rebuild"):
        rebuild(house.home, house.config)
    if in_long_form:
        house.reconcile()
        assert (outcome := rebuild(house.home, house.config)).equal, outcome.lines()


def test_files_of_one_moment_are_accounted_for_alike_in_whatever_order_they_are_taken_in(
    tmp_path: Path, in_long_form: bool
) -> None:
    house = House(tmp_path / "home")
    house.deliver()
    # Which of them is the evidence is a matter of their ids, so of chance: that each of six comes after all before it is one in
    # 720. The second comes before the first.
    for number in range(6 if in_long_form else 3):
        asks = [asked("the-same", emails={ANA}), asked(f"its-own-{number}", emails={f"p{number}@example.com"})]
        write_requests(house.home.inbox / "asks" / f"asks_{number}.csv", asks)
        house.reconcile()
        with warehouse(house.home) as con:
            found = con.execute(
                "select outcome, count(*) from ledger.record_outcomes "
                "where request_id in (select request_id from ledger.requests where event_key = 'the-same') group by outcome"
            ).fetchall()
        assert dict(found) == {"entry": 1} | ({"duplicate": number} if number else {})
    if in_long_form:
        outcome = rebuild(house.home, house.config)
        assert outcome.equal, outcome.lines()


def killed(work: Callable[[], object]) -> None:
    """Run in a child that kills itself when the work is done."""
    child = os.fork()
    if child == 0:
        work()
        os.kill(os.getpid(), signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL, "the child did not get as far as its death"


@pytest.mark.slow  # tests/faults/test_crashes.py always kills in some of the steps, and looks at the end alike
def test_a_run_that_is_killed_between_two_tables_is_never_taken_for_a_whole_one(tmp_path: Path) -> None:
    house = House(tmp_path / "home")
    rng = random.Random(SEED + 6)
    print(f"seed {SEED + 6}")
    worlds = [make_world(number, rng) for number in range(40)]

    def part_of(run: int) -> None:
        house.deliver(
            *(
                t
                for number, world in enumerate(worlds)
                for t in (*world.requests, *world.contacts)
                if (hash_of(t) + number) % 3 == run
            )
        )

    def prepared() -> None:
        collect(house.home, house.config, house.day)
        with warehouse(house.home) as con:
            stages.prepare(con, house.home)
            register(con, house.home, house.config)
            load(con, house.home, house.config, house.day)
        stages.stage(house.home, house.config, house.day)
        stages.normalise(house.home, house.config)

    def some(models: str) -> None:
        dbt.invoke(house.home, house.config, house.day, "run", models)

    part_of(0)
    house.reconcile()

    part_of(1)  # killed in the ledger: half of its tables hold the new records
    prepared()
    killed(lambda: some("int_requests__keyed int_requests__streaks int_requests__identified requests node_points"))
    # Once more, and killed after the persons: the run after it finds nothing new in the ledger, and must know what was.
    prepared()
    stages.ledger(house.home, house.config, house.day)
    killed(lambda: stages.identify(house.home, house.config))
    assert not house.reconcile().full_refresh, "what is new follows from tables that stand, so there is no full refresh"

    part_of(2)  # killed in the golden step: what the old rows touched can't be known any more
    prepared()
    stages.ledger(house.home, house.config, house.day)
    stages.identify(house.home, house.config)
    invoke = dbt.invoke

    def half(*arguments: object, **named: object) -> None:
        some("tag:golden,int_touched_person_nodes+1 int_new_requests int_touched_requests applied_requests")
        os.kill(os.getpid(), signal.SIGKILL)

    def build() -> None:
        stages.dbt.invoke = lambda *a, **n: half() if a[3:5] == ("build", "tag:golden") else invoke(*a, **n)  # type: ignore[assignment]
        stages.golden(house.home, house.config, house.day)

    killed(build)
    assert house.reconcile().full_refresh, "half an increment is not believed"

    outcome = rebuild(house.home, house.config)
    assert outcome.equal, outcome.lines()


def hash_of(thing: Request | Contact) -> int:
    """The same number in every process."""
    return sum((thing.key if isinstance(thing, Request) else thing.customer_id).encode())
