"""A clock that is typed into the future is refused before it shuts the home, and a home that is shut has a way out."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from orchestration.audit.doctor import doctor
from orchestration.cli import main
from orchestration.core.clock import AHEAD, is_ahead, require_not_ahead
from orchestration.core.config import load_config
from orchestration.core.errors import ConfigError
from orchestration.core.home import Home
from orchestration.core.warehouse import warehouse
from orchestration.landing import collect
from orchestration.landing.manifest import read_manifest
from tests.homes import with_policy
from tests.reconcile.test_golden_oracle import CONFIG, reconcile

FAR = "2097-01-01T00:00:00Z"
HEAD = "request_key,requested_at,action,channels,method,scope,email\n"
PUSHING = '[destinations.crm]\nsystem = "sql_table"\nchannels = ["email"]\n'


def home_at(root: Path, config: str = CONFIG) -> Home:
    home = Home.at(root).create()
    home.config_file.write_text(config)
    (home.inbox / "asks").mkdir()
    return home


def ask(home: Home, name: str, who: str, day: str, action: str = "opt_out") -> None:
    (home.inbox / "asks" / name).write_text(f"{HEAD}{who}{day},{day}T09:00:00Z,{action},email,web_form,acme,{who}@example.com\n")


def suppressed(home: Home) -> set[str]:
    with warehouse(home) as con:
        return {
            row[0] for row in con.execute("select identifier from golden.golden_suppression where channel = 'email'").fetchall()
        }


def test_a_clock_is_ahead_from_five_minutes_on() -> None:
    now = datetime(2026, 4, 1, tzinfo=UTC)
    assert timedelta(minutes=5) == AHEAD
    assert [is_ahead(now + timedelta(seconds=seconds), now) for seconds in (-86_400, 0, 300, 301)] == [False, False, False, True]


def test_a_run_in_the_future_is_refused_unless_it_is_a_replay_that_pushes_nowhere() -> None:
    ahead = datetime.now(UTC) + timedelta(minutes=6)
    require_not_ahead(datetime.now(UTC) + timedelta(minutes=4))
    require_not_ahead(ahead, is_replay=True)
    with pytest.raises(ConfigError, match="correct --as-of"):
        require_not_ahead(ahead)
    with pytest.raises(ConfigError, match="this home pushes to crm"):
        require_not_ahead(ahead, is_replay=True, sends=("crm",))


@pytest.mark.parametrize("more", [[], ["--replay"]], ids=["mistyped", "replayed where it pushes"])
def test_the_command_refuses_before_anything_is_taken(tmp_path: Path, more: list[str]) -> None:
    home = home_at(tmp_path / "home", CONFIG + PUSHING)
    ask(home, "day.csv", "ann", "2026-03-01")
    result = CliRunner().invoke(main, ["run", "--home", str(home.root), "--as-of", FAR, *more])
    assert result.exit_code == 2 and "2097" in result.output, result.output
    assert read_manifest(home) == () and len(list((home.inbox / "asks").iterdir())) == 1


def test_a_mistyped_clock_of_a_decision_is_refused_too(tmp_path: Path) -> None:
    home = home_at(tmp_path / "home")
    result = CliRunner().invoke(
        main,
        ["quarantine", "decide", "abcdef", "--nothing", "--by", "I", "--reason", "r", "--as-of", FAR, "--home", str(home.root)],
    )
    assert result.exit_code == 2 and "2097" in result.output, result.output


# The longer way takes the same commands twice more.
@pytest.mark.parametrize("has_backup", [True, pytest.param(False, marks=pytest.mark.slow)], ids=["from a backup", "from nothing"])
def test_a_home_whose_last_run_lies_in_the_future_is_seen_and_has_a_way_out(tmp_path: Path, has_backup: bool) -> None:
    """As docs/operations.md tells it: the way out loses nobody, and keeps when everything came."""
    shut, config = with_policy(home_at(tmp_path / "shut")), None
    config = load_config(shut)
    first, second = datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 4, 2, tzinfo=UTC)
    ask(shut, "one.csv", "ann", "2026-03-01")
    reconcile(shut, config, first)
    ask(shut, "two.csv", "ben", "2026-03-02")
    reconcile(shut, config, second)
    if has_backup:
        shutil.copytree(shut.root, tmp_path / "new")
    assert [item.level for item in doctor(shut, config) if item.topic == "clock"] == ["ok"]

    ask(shut, "three.csv", "cleo", "2026-03-03")
    ask(shut, "three_in.csv", "ann", "2026-03-04", "opt_in")
    reconcile(shut, config, datetime.fromisoformat(FAR))  # a machine whose clock was wrong
    (found,) = [item for item in doctor(shut, config) if item.topic == "clock"]
    assert found.level == "broken" and "A run that lies in the future" in found.next_step
    with pytest.raises(ConfigError, match="A run that lies in the future"):
        collect(shut, config, datetime.now(UTC))

    new = Home.at(tmp_path / "new") if has_backup else home_at(tmp_path / "new")
    shutil.copy(shut.config_file, new.config_file)
    steps = []
    while "Every delivery" not in (
        said := CliRunner().invoke(main, ["redeliver", str(shut.root), "--home", str(new.root)]).output
    ):
        again = CliRunner().invoke(main, ["redeliver", str(shut.root), "--home", str(new.root)])
        assert again.exit_code == 2 and "quietlist run first" in again.output, "two moments would be taken as one"
        clock = said.partition("--as-of ")[2].partition(",")[0].strip(".\n ") or None
        reconcile(new, load_config(new), datetime.fromisoformat(clock) if clock else datetime.now(UTC))
        steps.append(clock)
        assert len(steps) < 5, said
    expected = [None] if has_backup else [first.isoformat(), second.isoformat(), None]
    assert steps == expected
    assert suppressed(new) == suppressed(shut) == {"ben@example.com", "cleo@example.com"}
    came = {entry.name: entry.received_at for entry in read_manifest(new)}
    assert (came["one.csv"], came["two.csv"]) == (first, second) and came["three.csv"] <= datetime.now(UTC)
    assert {entry.name: entry.modified_at for entry in read_manifest(new)} == {
        entry.name: entry.modified_at for entry in read_manifest(shut)
    }


def test_what_can_not_be_delivered_again_is_told(tmp_path: Path) -> None:
    old, new = home_at(tmp_path / "old"), home_at(tmp_path / "new")
    ask(old, "one.csv", "ann", "2026-03-01")
    ask(old, "two.csv", "ben", "2026-03-01")
    collect(old, load_config(old), datetime(2026, 4, 1, tzinfo=UTC))
    lost = read_manifest(old)[0]
    (old.landing / lost.sha256[:2] / lost.sha256).unlink()
    arguments = ["redeliver", str(old.root), "--home", str(new.root)]
    new.config_file.write_text(CONFIG.replace("[sources.asks]", "[sources.others]"))
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2 and "sources.asks: is not configured here" in result.output, result.output
    new.config_file.write_text(CONFIG)
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0 and "1 file that came" in result.output and "1 is lost: its bytes" in result.output, (
        result.output
    )
    assert CliRunner().invoke(main, ["redeliver", str(new.root), "--home", str(new.root)]).exit_code == 2
