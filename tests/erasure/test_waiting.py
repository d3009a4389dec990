"""What an erasure waits for at a destination: that the suppression is proved there, as far as its system lets itself be asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orchestration.core.config import load_config
from orchestration.erasure import erasing
from orchestration.erasure.points import Point
from orchestration.sync.ledger import ledger
from tests.erasure.home import bare_home

CONFIG = """
[company]
name = "Acme"
[destinations.there]
system = "sql_table"
channels = ["sms"]
"""
NUMBER = "+12125550147"


@pytest.mark.parametrize(
    ("read_back", "state", "is_accepted", "waits"),
    [
        ("full", "verified", True, []),
        ("full", "sent", True, ["sms"]),
        ("point", "verified", True, []),
        ("point", "sent", True, ["sms"]),
        ("receipt", "sent", True, []),
        ("none", "sent", True, []),
        ("receipt", "wanted", False, ["sms"]),
        ("none", "rejected", True, ["sms"]),
        ("full", "missing", True, ["sms"]),
    ],
)
def test_it_waits_until_the_suppression_is_there_as_far_as_that_can_be_known(
    tmp_path: Path, read_back: str, state: str, is_accepted: bool, waits: list[str]
) -> None:
    home = bare_home(tmp_path / "home", CONFIG)
    config = load_config(home)
    with ledger(home, config.limits) as con:
        con.execute(
            "insert into row_state (destination, channel, identifier_type, identifier, scope, wanted, state, accepted_at, "
            "verify_class, written_by_us) values ('there', 'sms', 'phone', ?, '*', true, ?, ?, ?, true)",
            [NUMBER, state, "2026-03-01 12:00:00+00" if is_accepted else None, read_back],
        )
    begun = erasing._Open("E1", (Point("phone", NUMBER),), {}, {}, "2026-03-01T12:00:00+00:00")
    assert erasing._not_there(home, config, begun, "there") == waits
    assert erasing._not_there(home, config, replace(begun, points=(Point("phone", "+12125550148"),)), "there") == ["sms"]
