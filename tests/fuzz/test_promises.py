"""A random history of deliveries, runs, kills and changed settings keeps the promises of the README, whatever its order.

Steps are drawn by Hypothesis and compared with ``model.py`` after each run: nobody who may not be contacted is missing from
the golden table, nobody is in it without a request, accounts add up, a second run changes nothing, a rebuild equals.
``make fuzz`` runs many; the seed is printed and taken from QUIETLIST_SEED.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, note, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from orchestration.audit.verify import verify
from orchestration.core.config import Config, parse_config
from orchestration.core.home import Home
from orchestration.core.warehouse import warehouse
from orchestration.landing import collect
from orchestration.readers import load
from orchestration.readers.register import register
from orchestration.rebuild import rebuild
from orchestration.reconcile import stages
from tests.fuzz.model import LIST_SCOPE, SOURCES, Model
from tests.reconcile.oracle import TYPES_OF_CHANNEL, Contact, Request, covers
from tests.reconcile.test_golden_oracle import golden_rows

SEED = int(os.environ.get("QUIETLIST_SEED", "20260401"))
# A run is four invocations of dbt and costs seconds; a history has two or three of them, and a rebuild at its end.
HISTORIES = int(os.environ.get("QUIETLIST_HISTORIES", "2"))
STEPS = int(os.environ.get("QUIETLIST_STEPS", "8"))
START = datetime(2026, 4, 1, tzinfo=UTC)
NODES = ("*", "acme", "acme/newsletter", "acme/offers", "outlet")
EMAILS = tuple(f"{name}@example.com" for name in ("ann", "bob", "cy"))
PHONES = ("+12125550147", "+12125550148")
NAMES = ("Ann Doe", "Bob Roe", "")
CUSTOMERS = ("c1", "c2", "c3")  # not more than shared_point_limit: every contact point links
COMPANY = """
[company]
name = "Acme"
default_region = "US"
scopes = ["acme", "acme/newsletter", "acme/offers", "outlet"]
target_hours = {target_hours}
shared_point_limit = {shared_point_limit}
[limits]
settle_seconds = 0
"""
SOURCE_LINES = {
    "asks": '[sources.asks]\nformat = "requests"\nmay_lift = ["preference_center", "web_form"]\n',
    "crm": '[sources.crm]\nformat = "contacts"\n',
    "groups": f'[sources.groups]\nformat = "sendgrid"\nscope = "{LIST_SCOPE}"\n',
}
LIST_NAME = "asm_groups_7_suppressions.json"

some_emails = st.sets(st.sampled_from(EMAILS), max_size=2).map(frozenset)
some_phones = st.sets(st.sampled_from(PHONES), max_size=1).map(frozenset)
points = st.tuples(some_emails, some_phones).filter(lambda pair: bool(pair[0] | pair[1]))
channels = st.one_of(st.just(frozenset({"all"})), st.sampled_from(("email", "voice", "sms", "ads")).map(lambda c: frozenset({c})))
opt_outs = st.tuples(
    st.sampled_from(("opt_out", "opt_out", "complaint", "erasure", "undeliverable")), st.sampled_from(("web_form", "agent_note"))
)
opt_ins = st.tuples(st.just("opt_in"), st.sampled_from(("preference_center", "web_form", "sms_keyword", "import")))
asked_things = st.tuples(
    st.one_of(opt_outs, opt_ins),
    points,
    channels,
    st.sampled_from(NODES),
    st.sampled_from(("", "10", "11")),
    st.sampled_from(NAMES),
)
customer_snapshots = st.dictionaries(st.sampled_from(CUSTOMERS), st.tuples(some_emails, some_phones, st.sampled_from(NAMES)))


def configuration(home: Home, sources: set[str], **company: int) -> Config:
    text = COMPANY.format(**{"target_hours": 24, "shared_point_limit": 3} | company)
    home.config_file.write_text(text + "".join(SOURCE_LINES[source] for source in sorted(sources)))
    return parse_config(home.config_file.read_text(), home.config_file)


def reconcile(home: Home, config: Config, as_of: datetime, reached: Callable[[str], None] = lambda step: None) -> list[bool]:
    """The steps of a run in their order. Returns of each stage whether it found nothing to do."""
    collect(home, config, as_of)
    reached("collected")
    with warehouse(home) as con:
        stages.prepare(con, home)
        register(con, home, config)
        load(con, home, config, as_of)
    reached("loaded")
    staged = stages.stage(home, config, as_of)
    reached("staged")
    stages.normalise(home, config)
    stages.registries(home, config, as_of)
    reached("normalised")
    ledger = stages.ledger(home, config, as_of)
    reached("ledger")
    stages.identify(home, config)
    reached("identified")
    golden = stages.golden(home, config, as_of)
    return [staged.unchanged, ledger.unchanged, golden.unchanged]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home that was run once, empty: the policy seeds are in it."""
    home = Home.at(tmp_path_factory.mktemp("promises") / "home").create()
    reconcile(home, configuration(home, set(SOURCES)), START)
    return home


class Crash(BaseException):
    """The process is gone: nothing may catch it."""


class History(RuleBasedStateMachine):
    """One home and its model."""

    template: Home
    checked: Counter[str]
    """Of all histories: runs compared, and contact points at a node by the model's answer."""

    @initialize(asked=st.lists(asked_things, min_size=3, max_size=5), customers=customer_snapshots)
    def start(self, asked: list[Any], customers: dict[str, Any]) -> None:
        self.scratch = tempfile.TemporaryDirectory(prefix="quietlist-history.")
        self.home = Home.at(Path(self.scratch.name) / "home")
        shutil.copytree(self.template.root, self.home.root)
        self.model, self.sources, self.company = Model(), set(SOURCES), {}
        self.clock, self.number, self.runs = START, 0, 0
        # Something to lose from the first step on.
        self.somebody_asks(asked)
        self.a_contact_snapshot(customers)

    @property
    def config(self) -> Config:
        return configuration(self.home, self.sources, **self.company)

    # -- deliveries
    @rule(asked=st.lists(asked_things, min_size=1, max_size=3))
    def somebody_asks(self, asked: list[Any]) -> None:
        requests = []
        for (action, method), (emails, phones), on, scope, hour, name in asked:
            day = datetime(2026, 3, 2, tzinfo=UTC)
            early = day + timedelta(hours=int(hour)) if hour else day
            late = early if hour else day + timedelta(days=1, microseconds=-1)
            requests.append(Request(self._key(), action, method, on, scope, early, late, emails, phones, name=name, country="US"))
        self.model.deliver(self.home.inbox, "asks", f"asks{self.number}.csv", requests)

    @rule(who=points, on=channels, scope=st.sampled_from(NODES))
    def somebody_comes_back_now(self, who: tuple[frozenset[str], frozenset[str]], on: frozenset[str], scope: str) -> None:
        # Later than all that was taken: only what the undated list says at this very run is newer.
        now = self.clock + timedelta(minutes=30)
        request = Request(self._key(), "opt_in", "preference_center", on, scope, now, now, *who, country="US")
        self.model.deliver(self.home.inbox, "asks", f"back{self.number}.csv", [request])

    @rule(customers=customer_snapshots)
    def a_contact_snapshot(self, customers: dict[str, Any]) -> None:
        snapshot = [Contact(key, *parts, country="US") for key, parts in sorted(customers.items())]
        self.model.deliver(self.home.inbox, "crm", f"contacts{self._count()}.csv", snapshot)

    @precondition(lambda self: len(self.model.customers) > 1)
    @rule()
    def two_customers_are_merged(self) -> None:
        kept, gone, *others = self.model.customers
        merged = Contact(kept.customer_id, kept.emails | gone.emails, kept.phones | gone.phones, kept.name, country="US")
        self.model.deliver(self.home.inbox, "crm", f"contacts{self._count()}.csv", [merged, *others])

    @rule(listed=st.sets(st.sampled_from(EMAILS)).map(frozenset))
    def an_undated_list(self, listed: frozenset[str]) -> None:
        self.model.deliver(self.home.inbox, "groups", LIST_NAME, listed)

    @precondition(lambda self: any(source != "groups" for source, _, _ in self.model.taken))
    @rule(data=st.data(), renamed=st.booleans())
    def the_same_file_again(self, data: st.DataObject, renamed: bool) -> None:
        # An undated list delivered again says that it has returned to that state: that is an_undated_list.
        known = [item for item in self.model.taken if item[0] != "groups"]
        source, name, content = data.draw(st.sampled_from(known))
        customers = self.model.customers
        self.model.deliver(self.home.inbox, source, f"again{self._count()}-{name}" if renamed else name, content)
        self.model.customers = customers

    # -- settings
    @rule(setting=st.sampled_from(("target_hours", "shared_point_limit")), value=st.integers(3, 9))
    def a_setting_changes(self, setting: str, value: int) -> None:
        self.company[setting] = value

    @rule(source=st.sampled_from(SOURCES))
    def a_source_leaves_the_configuration_or_returns(self, source: str) -> None:
        self.sources ^= {source}

    # -- work. A run costs seconds, so none without something to take; that a run without anything changes nothing is
    # looked at after each.
    def something_waits(self) -> bool:
        return any(self.model.inbox[source] for source in self.sources)

    @precondition(something_waits)
    @rule()
    def collect_only(self) -> None:
        collect(self.home, self.config, self._tick())
        self.model.collect(self.sources, self.clock)

    @precondition(something_waits)
    @rule()
    def run(self) -> None:
        self._finish(self._tick())

    @precondition(something_waits)
    @rule(step=st.sampled_from(("collected", "loaded", "staged", "normalised", "ledger", "identified")))
    def a_run_stops_between_two_steps(self, step: str) -> None:
        def crash(reached: str) -> None:
            if reached == step:
                raise Crash

        moment = self._tick()
        with contextlib.suppress(Crash):
            reconcile(self.home, self.config, moment, crash)
        self._finish(moment)

    @precondition(something_waits)
    @rule(milliseconds=st.integers(1, 6000))
    def a_run_is_killed(self, milliseconds: int) -> None:
        moment, config = self._tick(), self.config
        child = os.fork()
        if child == 0:
            try:
                reconcile(self.home, config, moment)
            finally:
                os._exit(0)
        deadline = time.monotonic() + milliseconds / 1000
        while time.monotonic() < deadline:
            if os.waitpid(child, os.WNOHANG)[0]:
                break
            time.sleep(0.001)
        else:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        self._finish(moment)

    # -- promises
    def _finish(self, moment: datetime) -> None:
        config = self.config
        reconcile(self.home, config, moment)
        self.model.collect(self.sources, moment)
        self.runs += 1
        self.checked["runs"] += 1
        rows = golden_rows(self.home)
        self._nobody_is_missing_and_nobody_is_too_many(rows)
        with warehouse(self.home) as con:
            unbalanced = con.execute("select count(*) from ledger.conservation where difference <> 0").fetchall()
            unread = con.execute(
                "select count(*) from raw.landed_files as files anti join raw.load_log using (file_id)"
            ).fetchall()
        assert (unbalanced, unread) == ([(0,)], [(0,)]), "every record of every file is in exactly one place"
        assert all(reconcile(self.home, config, moment)), "a run without a new file finds nothing to do"
        assert golden_rows(self.home) == rows, "a run without a new file changes nothing"

    def _nobody_is_missing_and_nobody_is_too_many(self, rows: dict[Any, dict[str, Any]]) -> None:
        world = self.model.world()
        for kind, identifiers in (("email", EMAILS), ("phone", PHONES)):
            for channel in (channel for channel, kinds in TYPES_OF_CHANNEL.items() if kind in kinds):
                for identifier in identifiers:
                    here = [row for key, row in rows.items() if key[:3] == (channel, kind, identifier)]
                    for node in NODES:
                        wanted = world.standing(channel, (kind, identifier), node)
                        seen = any(covers(row["scope"], node) and not _released(row, node) for row in here)
                        self.checked["suppressed" if wanted else "free"] += 1
                        place = f"{channel} {identifier} at {node} after {self.runs} runs"
                        assert seen or not wanted, f"LOST: {place}, asked by {[request.key for request in wanted]}"
                        assert wanted or not seen, f"suppressed without a request: {place}"

    def teardown(self) -> None:
        if not hasattr(self, "home"):
            return
        try:
            if self.runs:
                note("a last run, with the settings as they are now, and rebuilding")
                config = self.config
                self._finish(self._tick())
                outcome = rebuild(self.home, config)
                assert outcome.equal, "\n".join(outcome.lines())
                assert verify(self.home, config).first_break is None, "the chain of evidence is whole"
        finally:
            self.scratch.cleanup()

    def _tick(self) -> datetime:
        self.clock += timedelta(hours=1)
        return self.clock

    def _count(self) -> int:
        self.number += 1
        return self.number

    def _key(self) -> str:
        return f"r{self._count()}"


def _released(row: dict[str, Any], node: str) -> bool:
    return any(covers(released, node) for released in row["except_scopes"])


def histories(template: Home, count: int, steps: int) -> None:
    checked: Counter[str] = Counter()
    print(f"seed {SEED}, {count} histories of {steps} steps")
    machine = seed(SEED)(type("History", (History,), {"template": template, "checked": checked}))
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=count,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            # Shrinking runs a failing history hundreds of times, each taking half a minute: the steps are printed as they are.
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )
    print(dict(checked))
    assert checked["runs"] >= count and checked["suppressed"] and checked["free"], (
        "the histories ask too little to prove anything"
    )


def test_random_histories_keep_the_promises(template: Home) -> None:
    histories(template, HISTORIES, STEPS)


@pytest.mark.slow
@pytest.mark.timeout(24 * 3600)
def test_many_long_histories_keep_the_promises(template: Home) -> None:
    # A dozen take half an hour on a quiet core; `make fuzz` asks for more.
    histories(template, int(os.environ.get("QUIETLIST_HISTORIES", "12")), int(os.environ.get("QUIETLIST_STEPS", "25")))
