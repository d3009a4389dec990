"""Bytes that a source delivers again: a repetition that says nothing changes nothing, one that says something is not lost."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from orchestration.core.config import Config, load_config
from orchestration.core.home import Home
from orchestration.core.warehouse import warehouse
from orchestration.rebuild import rebuild
from tests.homes import with_policy
from tests.reconcile.test_golden_oracle import golden_rows, reconcile

DAY_1 = datetime(2026, 4, 1, tzinfo=UTC)
CONFIG = """
[company]
name = "Acme"
default_region = "US"
scopes = ["acme", "acme/group-4100", "acme/group-4101"]
[limits]
settle_seconds = 0
[sources.sendgrid_main]
format = "sendgrid"
scope = "acme"
[sources.preferences]
format = "requests"
may_lift = ["preference_center", "web_form"]
scope = "acme"
"""
HEAD = "requested_at,action,method,channels,scope,email\n"
BOTH, ONE = ["ann@example.com", "bob@example.com"], ["bob@example.com"]


class Days:
    """A home to which each day brings some files; one run a day."""

    def __init__(self, root: Path) -> None:
        self.home: Home = with_policy(Home.at(root))
        self.home.config_file.write_text(CONFIG)
        self.config: Config = load_config(self.home)
        self.runs = 0

    def bring(self, group_4100: list[str], group_4101: list[str], *, opt_in: str | None = None) -> dict[str, set[str]]:
        """Deliver two undated lists, and perhaps one opt-in of this day. Returns each address with the groups it left."""
        moment = DAY_1 + timedelta(days=self.runs)
        self.runs += 1
        for group, addresses in (("4100", group_4100), ("4101", group_4101)):
            self._put("sendgrid_main", f"asm_groups_{group}_suppressions.json", json.dumps(addresses))
        if opt_in:
            said = (moment - timedelta(hours=1)).isoformat()
            self._put("preferences", f"day{self.runs}.csv", f"{HEAD}{said},opt_in,preference_center,email,acme,{opt_in}\n")
        reconcile(self.home, self.config, moment)
        found: dict[str, set[str]] = {}
        for row in golden_rows(self.home).values():
            found.setdefault(str(row["identifier"]), set()).add(str(row["scope"]).removeprefix("acme/group-"))
        return found

    def _put(self, source: str, name: str, text: str) -> None:
        (self.home.inbox / source).mkdir(exist_ok=True)
        (self.home.inbox / source / name).write_text(text)


def test_equal_lists_are_all_honoured_and_an_earlier_state_that_returns_is_a_new_request(
    tmp_path: Path, in_long_form: bool
) -> None:
    days = Days(tmp_path / "home")
    bob = {"4100", "4101"}
    assert days.bring(BOTH, BOTH) == {"ann@example.com": {"4100", "4101"}, "bob@example.com": bob}, (
        "two lists of equal content are two lists"
    )
    assert days.bring(BOTH, BOTH, opt_in="ann@example.com") == {"bob@example.com": bob}, (
        "lists that repeat an old row say nothing new against an opt-in"
    )
    assert days.bring(ONE, BOTH) == {"bob@example.com": bob}, "an unchanged list beside a changed one says nothing new"
    again = {"ann@example.com": {"4100"}, "bob@example.com": bob}
    assert days.bring(BOTH, BOTH) == again, "the bytes of the first day, and she has come back to one list"
    assert days.bring(BOTH, BOTH) == again, "and stays there"
    with warehouse(days.home) as con:
        assert con.execute("select count(*) from ledger.conservation where difference <> 0").fetchall() == [(0,)]
    if in_long_form:
        outcome = rebuild(days.home, days.config)
        assert outcome.equal, outcome.lines()
