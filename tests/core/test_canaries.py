"""Which canary stands where: another one in each list, and never one that could not be told apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestration.core.canaries import Canary, all_canaries, canaries_of, planted_at, scrub_canary
from orchestration.core.config import Config, parse_config
from orchestration.core.errors import ConfigError

SHA256 = "1a2b3c4d" + "0" * 56
ROOM = """
[company]
name = "Acme"
scopes = ["acme", "acme/news"]
[destinations.esp]
system = "file_drop"
channels = ["email"]
scopes = ["*", "acme/news"]
[destinations.dialer]
system = "file_drop"
channels = ["voice", "sms"]
[destinations.mail_house]
system = "file_drop"
channels = ["postal"]
"""


def config_with(section: str) -> Config:
    return parse_config(f"{ROOM}\n[canaries]\n{section}", Path("quietlist.toml"))


def test_without_a_section_nothing_is_planted() -> None:
    config = parse_config(ROOM, Path("quietlist.toml"))
    assert all_canaries(config) == []
    assert scrub_canary(config, "email", SHA256) == scrub_canary(config, "phone", SHA256) == ""


def test_each_list_of_each_destination_has_an_address_of_its_own() -> None:
    config = config_with('mailbox = "Seed@canaries.example.com"')
    found = all_canaries(config)
    assert [(canary.place, canary.list) for canary in found] == [("esp", "*"), ("esp", "acme/news")]
    assert len({canary.identifier for canary in found}) == 2
    for canary in found:
        tag = canary.identifier.removeprefix("seed+").removesuffix("@canaries.example.com")
        assert len(tag) == 8 and tag.isalpha() and tag.islower(), f"{tag} could be a campaign's"


def test_an_address_stays_what_it_is_when_other_lists_come() -> None:
    before = canaries_of(config_with('mailbox = "seed@canaries.example.com"'), "esp")
    other = ROOM.replace(
        "[destinations.dialer]", '[destinations.crm]\nsystem = "file_drop"\nchannels = ["email"]\n[destinations.dialer]'
    )
    after = parse_config(f'{other}\n[canaries]\nmailbox = "seed@canaries.example.com"', Path("quietlist.toml"))
    assert canaries_of(after, "esp") == before
    assert not {canary.identifier for canary in before} & {canary.identifier for canary in canaries_of(after, "crm")}


def test_a_number_stands_on_every_channel_that_it_is_reached_by() -> None:
    config = config_with('numbers = { dialer = "+12125550101", scrub = "+12125550102" }')
    assert all_canaries(config) == [
        Canary("dialer", "", "phone", "+12125550101"),
        Canary("scrub", "", "phone", "+12125550102"),
    ]
    rows = planted_at(config, "dialer")
    assert [(row.channel, row.identifier, row.scope) for row in rows] == [
        ("voice", "+12125550101", "*"),
        ("sms", "+12125550101", "*"),
    ]
    assert planted_at(config, "mail_house") == [], "a postal address is no canary"
    assert planted_at(config, "dialer") == rows, "the same moment each time"


def test_an_address_of_its_own_goes_before_the_mailbox() -> None:
    config = config_with(
        'mailbox = "seed@canaries.example.com"\naddresses = { esp = "anna@example.org", scrub = "bert@example.org" }'
    )
    assert {canary.identifier for canary in canaries_of(config, "esp")} == {"anna@example.org"}
    assert [row.scope for row in planted_at(config, "esp")] == ["*", "acme/news"]
    assert scrub_canary(config, "email", SHA256) == "bert@example.org"


def test_a_scrubbed_campaign_is_told_by_the_first_digits_of_its_file() -> None:
    config = config_with('mailbox = "seed@canaries.example.com"\nnumbers = { scrub = "+12125550102" }')
    assert scrub_canary(config, "email", SHA256) == "seed+1a2b3c@canaries.example.com"
    assert scrub_canary(config, "phone", SHA256) == "+12125550102"
    assert scrub_canary(config, "postal", SHA256) == ""


@pytest.mark.parametrize(
    ("case", "section", "said"),
    [
        ("a plus in the mailbox", 'mailbox = "seed+1@example.com"', "canaries.mailbox: is no plain address"),
        ("no address", 'mailbox = "seed"', "canaries.mailbox: is no plain address"),
        ("no address of its own", 'addresses = { esp = "anna" }', "canaries.addresses: of esp: no plain address"),
        ("a number with blanks", 'numbers = { dialer = "+1 212 555 0101" }', "canaries.numbers: of dialer: no number"),
        (
            "one number in two lists",
            'numbers = { dialer = "+12125550101", scrub = "+12125550101" }',
            "canaries.numbers: of dialer, scrub: the same one",
        ),
        (
            "no such destination",
            'numbers = { dialler = "+12125550101" }',
            "canaries.numbers.dialler: there is no such destination",
        ),
        (
            "an address of the mailbox by hand",
            'mailbox = "seed@example.com"\naddresses = { esp = "seed+x@example.com" }',
            "canaries.addresses.esp: an address of canaries.mailbox",
        ),
        ("an unknown key", 'mail = "seed@example.com"', "canaries.mail: unknown key; allowed: addresses, mailbox, numbers"),
    ],
)
def test_canaries_that_could_not_be_told_apart_are_refused(case: str, section: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        config_with(section)
    assert said in str(refused.value), case


def test_no_destination_is_called_scrub_where_canaries_are_planted() -> None:
    text = ROOM.replace("[destinations.esp]", "[destinations.scrub]")
    parse_config(text, Path("quietlist.toml"))
    with pytest.raises(ConfigError, match=r"destinations\.scrub: call it something else"):
        parse_config(f'{text}\n[canaries]\nmailbox = "seed@example.com"', Path("quietlist.toml"))
