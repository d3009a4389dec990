"""``quietlist init``: what it writes is a configuration that loads, for every format and every system; it overwrites nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from orchestration import cli
from orchestration.core.config import known_formats, known_systems, load_config, parse_config
from orchestration.core.errors import ConfigError
from orchestration.core.home import Home
from orchestration.setup.init import Made, Wanted, init


def wanted(**changes: object) -> Wanted:
    given = {"company": "Acme", "region": "US", "scopes": ("acme/newsletter",), "sources": {}, "destinations": {}} | changes
    return Wanted(**given)  # type: ignore[arg-type]


def filled_in(made: Made) -> str:
    """The text with something in every key that a person has to fill in."""
    text = made.file.read_text(encoding="utf-8")
    for line in made.to_fill_in:
        key = line.partition(":")[0].rpartition(".")[2]
        text = text.replace(f'{key} = ""', f'{key} = "FILLED_IN"')
    return text


def test_every_format_and_every_system_comes_out_as_a_configuration_that_loads(tmp_path: Path) -> None:
    sources = {f"from_{name}": name for name in known_formats()}
    destinations = {f"to_{name}": name for name in known_systems()}
    made = init(Home.at(tmp_path / "home"), wanted(sources=sources, destinations=destinations))
    config = parse_config(filled_in(made), made.file)
    assert {name: config.sources[name].format for name in sources} == sources
    assert {name: entry.system for name, entry in config.destinations.items()} == destinations
    assert all((made.file.parent / "inbox" / name).is_dir() for name in sources)
    assert all(not line.startswith("#  ") for line in made.file.read_text(encoding="utf-8").splitlines())


def test_a_server_keeps_its_records_where_it_was_told(tmp_path: Path) -> None:
    made = init(Home.at(tmp_path / "home"), wanted(dagster_db="ACME_DB"))
    assert parse_config(made.file.read_text(encoding="utf-8"), made.file).dagster.storage_url_env == "ACME_DB"
    plain = init(Home.at(tmp_path / "other"), wanted())
    assert parse_config(plain.file.read_text(encoding="utf-8"), plain.file).dagster.storage_url_env is None


def test_the_first_day_is_todays_unless_another_is_named(tmp_path: Path) -> None:
    for option, wants in (((), datetime.now(UTC).date()), (("--live-since", "2025-02-28"), date(2025, 2, 28))):
        home = tmp_path / f"home{len(option)}"
        result = CliRunner().invoke(cli.main, ["init", "--home", str(home), "--company", "Acme", *option])
        assert result.exit_code == 0, result.output
        assert load_config(Home.at(home)).company.live_since == wants, option
    late = CliRunner().invoke(
        cli.main, ["init", "--home", str(tmp_path / "x"), "--company", "Acme", "--live-since", "2098-01-01"]
    )
    assert late.exit_code == 2 and not (tmp_path / "x").exists(), late.output


@pytest.mark.parametrize("company", ['Acme "Co"', "Back\\slash", "Ünïcode 株式会社", "hash # sign"])
def test_a_name_is_written_as_it_was_given(company: str, tmp_path: Path) -> None:
    made = init(Home.at(tmp_path), wanted(company=company))
    assert parse_config(made.file.read_text(encoding="utf-8"), made.file).company.name == company


def test_a_key_that_is_commented_out_takes_its_default_when_it_is_not(tmp_path: Path) -> None:
    """What stands behind the # is valid: somebody removes the sign and nothing changes."""
    made = init(Home.at(tmp_path), wanted(sources={"crm": "contacts"}, destinations={"crm": "file_drop"}))
    text = made.file.read_text(encoding="utf-8")
    keys = [line for line in text.splitlines() if line.startswith("# ") and " = " in line and "(not set)" not in line]
    assert len(keys) >= 6, keys
    bare = "\n".join(line.removeprefix("# ") if line in keys else line for line in text.splitlines())
    assert parse_config(bare, made.file) == parse_config(text, made.file)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sources": {"Crm": "contacts"}}, "sources.Crm: a name is"),
        ({"sources": {"crm": "contact"}}, "sources.crm: 'contact' is no format"),
        ({"destinations": {"crm": "sqltable"}}, "destinations.crm: 'sqltable' is no system"),
        ({"region": "Atlantis"}, "company.default_region"),
        ({"scopes": ("no such/thing!",)}, "company.scopes"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_written(changes: dict[str, object], said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=said.replace(".", r"\.")):
        init(Home.at(tmp_path), wanted(**changes))
    assert list(tmp_path.iterdir()) == []


def test_a_configuration_that_is_there_is_never_touched(tmp_path: Path) -> None:
    home = Home.at(tmp_path)
    home.config_file.write_text("mine")
    with pytest.raises(ConfigError, match="exists"):
        init(home, wanted())
    assert home.config_file.read_text() == "mine"


def test_the_command_says_what_comes_next(tmp_path: Path) -> None:
    arguments = [
        "init",
        "--home",
        str(tmp_path / "h"),
        "--company",
        "Acme",
        "--source",
        "crm=contacts",
        "--destination",
        "d=file_drop",
    ]
    result = CliRunner().invoke(cli.main, arguments)
    assert result.exit_code == 0, result.output
    assert "inbox/crm/" in result.output and "quietlist doctor" in result.output
    assert (
        CliRunner().invoke(cli.main, ["init", "--home", str(tmp_path / "i"), "--company", "A", "--source", "crm"]).exit_code == 2
    )
    assert not (tmp_path / "i").exists()
