"""What every destination module must state, how settings are refused, and what may never leave."""

from __future__ import annotations

import pytest

from orchestration.core.config import known_systems, parse_config
from orchestration.core.credentials import secret
from orchestration.core.errors import ConfigError, PermanentError, error_code
from orchestration.core.home import Home
from orchestration.destinations import contract
from orchestration.destinations.contract import Call, Facts, ReadBack, destination_for, settings_problems


def config(*sections: str):
    return parse_config('[company]\nname = "Acme"\n' + "\n".join(sections), Home.at("/nowhere").config_file)


@pytest.mark.parametrize("system", known_systems())
def test_every_module_states_its_facts_and_connects(system, home) -> None:
    text = f'[destinations.x]\nsystem = "{system}"\nchannels = ["email"]\n'
    module = contract.module_of(system)
    assert module.FACTS.system == system and issubclass(module.Settings, contract.DestinationSettings)
    assert module.__doc__ and callable(module.connect)
    required = [name for name, entry in module.Settings.model_fields.items() if entry.is_required()]
    if not required:
        found = destination_for("x", config(text), home)
        assert found.facts == module.FACTS and set(found.carries) <= {"identifier_hash", *contract.PAYLOAD}


def test_all_problems_of_all_destinations_are_told_at_once(home) -> None:
    settings = config(
        '[destinations.house]\nsystem = "file_drop"\nchannels = ["postal"]',
        'format = "xlsx"\ncolour = "blue"\ncolumns = ["identifier"]',
        '[destinations.table]\nsystem = "sql_table"\nchannels = ["email"]',
        'url = "postgresql://me:hidden@db/x"\ntable = "drop table"',
    )
    problems = settings_problems(settings, home)
    assert [problem.split(": ")[0] for problem in problems] == [
        "destinations.house.columns",
        "destinations.house.format",
        "destinations.house.colour",
        "destinations.table.url",
        "destinations.table.table",
    ]
    assert not any("hidden" in problem for problem in problems), "a password is not repeated"
    with pytest.raises(ConfigError) as caught:
        destination_for("house", settings, home)
    assert len(caught.value.problems) == 3


def test_a_channel_that_the_system_does_not_have_is_refused(home, monkeypatch) -> None:
    from orchestration.destinations import file_drop

    monkeypatch.setattr(file_drop, "FACTS", Facts("file_drop", frozenset({"postal"}), frozenset({"postal"}), ReadBack.FULL, None))
    with pytest.raises(ConfigError, match="file_drop has no channel email; it has postal"):
        destination_for("house", config('[destinations.house]\nsystem = "file_drop"\nchannels = ["email"]\n'), home)


def test_a_destination_that_is_not_configured_is_refused(home) -> None:
    with pytest.raises(ConfigError, match="no such section"):
        destination_for("house", config(), home)


LIST = Facts(
    system="esp",
    channels=frozenset({"email"}),
    identifier_types=frozenset({"email"}),
    read_back=ReadBack.FULL,
    batch_size=1,
    calls=(Call("GET", "/lists/{list}/members"), Call("DELETE", "/lists/{list}/members/{email}")),
)


def test_a_listed_call_gets_its_path_with_every_part_encoded() -> None:
    assert LIST.request_path("GET", "/lists/{list}/members", list="7") == "/lists/7/members"
    path = LIST.request_path("DELETE", "/lists/{list}/members/{email}", list="7", email="a+b/../c?d#e@example.com")
    assert path == "/lists/7/members/a%2Bb%2F..%2Fc%3Fd%23e%40example.com"


@pytest.mark.parametrize(
    ("case", "method", "template", "parts"),
    [
        ("a path that is not listed", "DELETE", "/lists/{list}", {"list": "7"}),
        ("a method that is not listed", "POST", "/lists/{list}/members", {"list": "7"}),
        ("a path that was filled in by hand", "DELETE", "/lists/7/members/", {}),
        ("an empty part", "DELETE", "/lists/{list}/members/{email}", {"list": "7", "email": ""}),
        ("a blank part", "DELETE", "/lists/{list}/members/{email}", {"list": "7", "email": " \t"}),
        ("dots that climb", "DELETE", "/lists/{list}/members/{email}", {"list": "7", "email": ".."}),
        ("a part left out", "DELETE", "/lists/{list}/members/{email}", {"list": "7"}),
        ("a part too many", "GET", "/lists/{list}/members", {"list": "7", "email": "a@example.com"}),
    ],
)
def test_anything_else_is_refused_before_it_leaves(case, method, template, parts) -> None:
    with pytest.raises(PermanentError) as caught:
        LIST.request_path(method, template, **parts)
    assert "example.com" not in str(caught.value), case


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("INVALID_EMAIL", "invalid_email"),
        ("compliance-state", "compliance_state"),
        ("sqlstate_22021", "sqlstate_22021"),
        ("ann@example.com is invalid", "refused_without_a_code"),
        ("+15555550100", "refused_without_a_code"),
        ("number_15555550100", "refused_without_a_code"),
        ("", "refused_without_a_code"),
    ],
)
def test_only_codes_that_hold_no_personal_data_are_kept(text, code) -> None:
    assert error_code(text) == code


def test_a_secret_comes_from_the_environment_and_does_not_show_itself(monkeypatch) -> None:
    monkeypatch.setenv("ACME_KEY", "swordfish")
    assert "swordfish" not in repr(secret("ACME_KEY", "acme")) + str(secret("ACME_KEY", "acme"))
    for value in (None, ""):
        monkeypatch.delenv("ACME_KEY", raising=False)
        if value is not None:
            monkeypatch.setenv("ACME_KEY", value)
        with pytest.raises(ConfigError, match="ACME_KEY is not set or empty"):
            secret("ACME_KEY", "acme")
