"""A home that brings a history: what was asked before the first day is told apart by every run, and by a rebuild."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration import run
from orchestration.core.config import load_config
from orchestration.core.home import Home
from orchestration.rebuild import rebuild
from orchestration.reconcile import stages
from tests.journeys.home import CONFIG, make

# The very moment of the first run, so that the first day and the run's clock are one text but for how they are written.
FIRST_DAY = datetime(2026, 3, 10, tzinfo=UTC)
LATER_RUN = datetime(2026, 3, 21, tzinfo=UTC)
SET = 'default_region = "US"\nlive_since = 2026-03-10\n'
# Of the destination that stands before it, which was added two days later.
LATER = "\nlive_since = 2026-03-12\n\n[destinations.mail_house]"
NEW = "requested_at,action,email\n2026-03-11T10:00:00Z,opt_out,new@example.com\n"
CALLED = "contact_key,contacted_at,channel,identifier,campaign\nk3,2026-03-20T15:00:00Z,email,ann@example.com,Summer\n"


def clocks(home: Home) -> list[Any]:
    with duckdb.connect(str(home.warehouse_file), read_only=True) as con:
        con.execute("set timezone = 'UTC'")
        return con.execute("select * from deadlines.clocks order by request_id, channel, rule_id, destination").fetchall()


def asked(home: Home, query: str) -> Any:
    with duckdb.connect(str(home.warehouse_file), read_only=True) as con:
        con.execute("set timezone = 'UTC'")
        return con.execute(query).fetchall()


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A first run on the first day, with a history before it; and later an opt-out of its own."""
    home = Home.at(make(tmp_path_factory.mktemp("first_day") / "home", CONFIG.replace('default_region = "US"\n', SET)))
    outcome = run.run_job(home, "quietlist", FIRST_DAY)
    assert outcome.success, outcome.lines()
    (home.inbox / "asks" / "new.csv").write_text(NEW)
    (home.inbox / "calls" / "new.csv").write_text(CALLED)
    outcome = run.run_job(home, "quietlist", LATER_RUN)
    assert outcome.success, outcome.lines()
    return home


def test_what_was_asked_before_is_inherited_and_what_was_asked_since_is_ours(lived: Home) -> None:
    found = dict(asked(lived, "select is_inherited, count(*) from deadlines.clocks group by all"))
    assert found[True] > 0 and found[False] > 0, found
    assert asked(lived, "select count(*) from deadlines.clocks where is_inherited <> (asked_at < '2026-03-10')") == [(0,)]
    assert asked(lived, "select distinct starts_at from deadlines.clocks where is_inherited") == [(FIRST_DAY,)]
    assert asked(lived, "select count(*) from deadlines.clocks where is_inherited and deadline_at < starts_at") == [(0,)]
    # The clock of the second run is another one: it must not have moved the first day with it.
    assert asked(lived, "select distinct live_from from deadlines.first_days") == [(FIRST_DAY,)]
    assert dict(asked(lived, "select campaign, is_inherited from exposure.contacts_made")) == {"Summer": False, "Winter": True}
    page = (lived.reports / "compliance.html").read_text(encoding="utf-8")
    assert "Quietlist is answered for since 10 Mar 2026, 00:00 UTC." in page


def test_a_quiet_day_leaves_the_first_day_where_it_was(
    lived: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_long_form: bool
) -> None:
    home = Home.at(shutil.copytree(lived.root, tmp_path / "home"))
    before = clocks(home)
    monkeypatch.setattr(run, "_in_full", lambda *_, **__: pytest.fail("the whole job was run"))
    assert run.run_job(home, "quietlist", LATER_RUN + timedelta(hours=1)).success
    assert clocks(home) == before
    if in_long_form:
        rebuilt = rebuild(home, load_config(home), None)
        assert rebuilt.equal, rebuilt.lines()


MOMENT = LATER_RUN + timedelta(hours=1)


@pytest.fixture(scope="module")
def changed(lived: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The same home, whose configuration says another first day since."""
    changed = Home.at(shutil.copytree(lived.root, tmp_path_factory.mktemp("changed") / "home"))
    text = changed.config_file.read_text()
    changed.config_file.write_text(text.replace("\n\n[destinations.mail_house]", LATER))
    config = load_config(changed)
    assert not run._nothing_new(changed, config), "a first day is a setting: the run is like any other"
    with duckdb.connect(str(changed.warehouse_file), read_only=True) as con:
        assert not stages._needs_full_refresh(con, config), "it changes no record's meaning"
    assert run.run_job(changed, "quietlist", MOMENT).success
    return changed


def test_another_first_day_counts_from_the_next_run_on(changed: Home) -> None:
    ours = "select destination, count(*) from deadlines.clocks where not is_inherited group by all"
    assert {name for name, _ in asked(changed, ours)} == {"mail_house"}, "nothing was asked since the destination was added"
    later = asked(changed, "select distinct starts_at from deadlines.clocks where destination = 'crm_table'")
    assert later == [(FIRST_DAY + timedelta(days=2),)], later


@pytest.mark.slow  # two runs more, of which one builds everything again
def test_another_first_day_gives_the_same_clocks_as_if_it_had_been_set_from_the_beginning(
    lived: Home, changed: Home, tmp_path: Path
) -> None:
    refreshed = Home.at(shutil.copytree(changed.root, tmp_path / "refreshed"))
    with duckdb.connect(str(refreshed.warehouse_file)) as con:
        con.execute("delete from raw.stamps")
    assert run.run_job(refreshed, "quietlist", MOMENT + timedelta(hours=1)).success
    assert clocks(refreshed) == clocks(changed)

    back = Home.at(shutil.copytree(changed.root, tmp_path / "back"))
    back.config_file.write_text(lived.config_file.read_text())
    assert run.run_job(back, "quietlist", MOMENT + timedelta(hours=1)).success
    assert clocks(back) == clocks(lived)
