"""A configuration names files inside the home, or says that it means others; links count as what they lead to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from orchestration import cli
from orchestration.core.config import parse_config
from orchestration.core.errors import ConfigError
from orchestration.core.home import Home
from orchestration.destinations.contract import destination_for, settings_problems

HEAD = '[company]\nname = "Acme"\n'


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home.at(tmp_path / "home").create()
    (home.root / "inside").mkdir()
    (home.root / "link").symlink_to(tmp_path, target_is_directory=True)
    (home.root / "file.db").symlink_to(tmp_path / "elsewhere.db")
    (home.root / "back").symlink_to(home.root / "inside", target_is_directory=True)
    return home


def section(system: str, **keys: object) -> str:
    lines = [f"{key} = {json.dumps(value)}" for key, value in keys.items()]
    return f'[destinations.there]\nsystem = "{system}"\nchannels = ["email"]\n' + "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("system", "keys", "inside"),
    [
        ("file_drop", {}, True),
        ("file_drop", {"folder": "inside"}, True),
        ("file_drop", {"folder": "back/deeper"}, True),
        ("file_drop", {"folder": ".."}, False),
        ("file_drop", {"folder": "inside/../../x"}, False),
        ("file_drop", {"folder": "link"}, False),
        ("file_drop", {"folder": "/etc"}, False),
        ("file_drop", {"folder": "~/drops"}, False),
        ("sql_table", {}, True),
        ("sql_table", {"url": "sqlite:///inside/a.db"}, True),
        ("sql_table", {"url": "sqlite:///back/a.db"}, True),
        ("sql_table", {"url": "sqlite:///../a.db"}, False),
        ("sql_table", {"url": "sqlite:///link/a.db"}, False),
        ("sql_table", {"url": "sqlite:///file.db"}, False),
        ("sql_table", {"url": "sqlite:////etc/a.db"}, False),
        ("sql_table", {"url_env": "SQLITE_ELSEWHERE"}, False),
        ("sql_table", {"url": "postgresql://me@db/x"}, True),
        ("sql_table", {"url": "postgresql://me@db/x?sslrootcert=system"}, True),
        ("sql_table", {"url": "postgresql://me@db/x?sslrootcert=inside/ca.pem"}, True),
        ("sql_table", {"url": "postgresql://me@db/x?sslkey=/root/.ssh/id_rsa"}, False),
        ("sql_table", {"url": "postgresql://me@db/x?sslcert=inside/a.pem&passfile=../.pgpass"}, False),
    ],
)
def test_outside_only_when_it_says_so(home: Home, system: str, keys: dict, inside: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQLITE_ELSEWHERE", "sqlite:////var/lib/a.db")
    config = parse_config(HEAD + section(system, **keys), home.config_file)
    problems = settings_problems(config, home)
    assert [problem.partition(": ")[0] for problem in problems] == (
        [] if inside else [f"destinations.there.{next(iter(keys))}"]
    ), problems
    if not inside:
        with pytest.raises(ConfigError, match="outside the home"):
            destination_for("there", config, home)
        allowed = parse_config(HEAD + section(system, **keys, allow_outside_home=True), home.config_file)
        assert settings_problems(allowed, home) == []


def test_all_of_them_are_told_at_once_and_nothing_is_started(home: Home) -> None:
    home.config_file.write_text(
        HEAD
        + section("file_drop", folder="..", colour="blue")
        + section("sql_table", url="sqlite:////etc/a.db").replace("there", "table")
        + section("file_drop", folder="link").replace("there", "other")
    )
    result = CliRunner().invoke(cli.main, ["run", "--home", str(home.root)])
    assert result.exit_code == 2
    for said in ("there.colour: unknown key", "table.url:", "other.folder:", "nothing was started"):
        assert said in result.stderr, result.stderr
    assert not home.warehouse_file.exists()


def test_the_key_file_is_told_with_the_rest_of_the_file(home: Home) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(HEAD + '[encryption]\nkey_file = "../key"\n[sources.x]\nformat = "mailchump"\n', home.config_file)
    assert len(caught.value.problems) == 2, caught.value.problems
