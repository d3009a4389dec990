"""A home pays for the formats that it configures or ever received, and forgets none of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from orchestration.core.config import load_config
from orchestration.core.home import Home
from orchestration.core.warehouse import warehouse
from orchestration.definitions import build_defs
from orchestration.landing import collect
from orchestration.readers import load
from orchestration.readers.in_use import feeds_in_use
from orchestration.readers.register import register
from orchestration.reconcile import stages
from tests.homes import with_policy

AS_OF = datetime(2026, 4, 1, tzinfo=UTC)
COMPANY = """
[company]
name = "Acme"
default_region = "US"
[limits]
settle_seconds = 0
"""
ASKS = '[sources.asks]\nformat = "requests"\n'
NEWSLETTER = '[sources.newsletter]\nformat = "mailchimp"\n'
TPS = '[sources.tps]\nformat = "uk_tps"\n'
HEAD = "requested_at,action,channels,email\n"


class House:
    def __init__(self, root: Path) -> None:
        self.home = with_policy(Home.at(root))

    def day(self, number: int, config: str, files: dict[str, str]) -> None:
        """One day's run up to the ledger, as the job has it."""
        as_of = AS_OF + timedelta(days=number)
        self.home.config_file.write_text(COMPANY + config)
        self.config = load_config(self.home)
        for name, text in files.items():
            path = self.home.inbox / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        collect(self.home, self.config, as_of)
        with warehouse(self.home) as con:
            stages.prepare(con, self.home, feeds_in_use(self.home, self.config, con))
            register(con, self.home, self.config)
            load(con, self.home, self.config, as_of)
        self.full_refresh = stages.stage(self.home, self.config, as_of).full_refresh
        stages.normalise(self.home, self.config)
        stages.registries(self.home, self.config, as_of)
        stages.ledger(self.home, self.config, as_of)

    def emails(self) -> set[str]:
        with warehouse(self.home, read_only=True) as con:
            return {row[0] for row in con.execute("select unnest(emails) from ledger.requests").fetchall()}

    def relations(self, schema: str) -> set[str]:
        """Formats that have a raw table, or a staging view."""
        with warehouse(self.home, read_only=True) as con:
            names = con.execute("select table_name from information_schema.tables where table_schema = ?", [schema]).fetchall()
        found = {name.removeprefix("stg_").split("__")[0] for (name,) in names if "__" in name and not name.startswith("int_")}
        return found - {"sync", "identifiers", "registries"}  # what Quietlist keeps beside the formats

    def shown(self) -> set[str]:
        keys = build_defs(self.home).resolve_asset_graph().materializable_asset_keys
        return {key.path[1].split("__")[0] for key in keys if key.path[0] == "raw" and "__" in key.path[1]} - {"sync"}


def test_what_ever_landed_stays_in_use_and_what_is_configured_later_is_taken_in(tmp_path: Path, in_long_form: bool) -> None:
    house = House(tmp_path / "home")
    house.day(0, ASKS, {"asks/a.csv": HEAD + "2026-03-01,opt_out,email,ann@example.com\n"})
    only = {"canonical", "quietlist"}
    assert house.relations("raw") == only, "raw tables of formats that nobody configured"
    assert house.relations("staging") == only
    assert house.shown() == only

    unsubscribed = "Email Address,UNSUB_TIME\nbob@example.com,2026-03-01 10:00:00\n"
    house.day(1, ASKS + NEWSLETTER + TPS, {"newsletter/unsubscribed_x.csv": unsubscribed, "tps/tps_full.txt": "0207 9460101\r\n"})
    assert house.emails() == {"ann@example.com", "bob@example.com"}, "a format that was configured later is not ingested"
    with warehouse(house.home, read_only=True) as con:
        listed = con.execute("select count(*) from registries.file_areas").fetchone()
    assert listed == (1,), "the registry's view is the one of before its format was configured"

    # The source leaves the configuration, and with it the word that there is such a format.
    house.day(2, ASKS, {"asks/b.csv": HEAD + "2026-03-02,opt_out,email,cat@example.com\n"})
    everybody = {"ann@example.com", "bob@example.com", "cat@example.com"}
    assert house.emails() == everybody
    assert house.shown() == only | {"mailchimp", "uk_tps"}

    # Everything is read again, first in this warehouse, and in the long form in an empty one.
    changed = ASKS.replace('requests"', 'requests"\nregion = "GB"')
    house.day(3, changed, {})
    assert house.full_refresh
    assert house.emails() == everybody
    if in_long_form:
        house.home.warehouse_file.unlink()
        house.day(4, changed, {})
        assert house.emails() == everybody
