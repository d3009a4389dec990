"""What `make run` adds to the samples: a workbook, and vendors that are pulled from and pushed to while the demo runs."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import openpyxl
import pytest

from orchestration.connectors.pulling import Wanted, pull
from orchestration.core.config import OWN_FORMAT, load_config
from orchestration.core.home import CHECKOUT, Home
from orchestration.core.warehouse import warehouse
from orchestration.landing import collect
from orchestration.readers import load
from orchestration.readers.register import register
from tests.staging.conftest import AS_OF
from tools import demo

ASKED = "http://127.0.0.1:47811"
DUMP = "/message-streams/broadcast/suppressions/dump"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """The demo's home, by the recipe of `make run`."""
    folder = tmp_path / "home"
    subprocess.run(["make", "-s", f"HOME_DIR={folder}", str(folder / "quietlist.toml")], cwd=CHECKOUT, check=True)
    return Home.at(folder)


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("DEMO_WEBSHOP_KEY", "demo")
    with demo.answering(port=0) as url:
        assert url is not None
        yield url


def test_the_demo_reads_both_sheets_of_its_workbook_and_what_its_vendor_answers(home: Home, vendor: str) -> None:
    config_text = home.config_file.read_text("utf-8")
    assert config_text.count(ASKED) == 1
    home.config_file.write_text(config_text.replace(ASKED, vendor), encoding="utf-8")
    config = load_config(home)
    configured = {name for name, source in config.sources.items() if source.format != OWN_FORMAT}
    assert {path.name for path in home.inbox.iterdir()} == configured - {"webshop_mail"}
    first = [(pulled.state, pulled.records) for pulled in pull(home, config, AS_OF, Wanted(only_due=True))]
    again = [pulled.state for pulled in pull(home, config, AS_OF, Wanted(only_due=True))]
    assert (first, again) == ([("whole", 3)], ["rests"])
    collect(home, config, AS_OF)
    with warehouse(home) as con:
        register(con, home, config)
        load(con, home, config, AS_OF)
        rows = con.execute(
            "select source, name, loaded, quarantined from raw.landed_files join raw.load_log using (file_id) "
            "where source in ('trade_fairs', 'webshop_mail') order by source, name"
        ).fetchall()
    assert [(*row[:1], re.sub(r"_\d{8}T.*", "", row[1]), *row[2:]) for row in rows] == [
        ("trade_fairs", "visitors_2026-03-31.xlsx, sheet 1 'Chicago'", 3, 0),
        ("trade_fairs", "visitors_2026-03-31.xlsx, sheet 2 'Leeds'", 2, 0),
        ("webshop_mail", "suppressions_dump", 3, 0),
    ]


def test_the_demos_vendor_answers_whoever_has_its_key_and_nobody_else(vendor: str) -> None:
    key = {"X-Postmark-Server-Token": "demo"}
    assert httpx.get(vendor + DUMP, headers=key).status_code == 200
    assert httpx.get(vendor + DUMP).status_code == 401
    assert httpx.get(vendor + "/", headers=key).status_code == 404


def test_the_demos_vendor_answers_while_its_command_runs_and_ends_with_its_status(capfd: pytest.CaptureFixture[str]) -> None:
    with demo.answering(port=0) as url:
        taken = int(str(url).rpartition(":")[2])
        with demo.answering(port=taken) as second:
            assert second is None
        assert "is taken" in capfd.readouterr().out
    assert demo.main([sys.executable, "-c", "raise SystemExit(1)"]) == 1


def test_the_vendors_that_are_pushed_to_are_those_of_the_demos_configuration(home: Home) -> None:
    config = load_config(home)
    configured = {name: entry for name, entry in config.destinations.items() if name not in ("crm", "mail_house")}
    assert {name: entry.system for name, entry in configured.items()} == {name: one.system for name, one in demo.VENDORS.items()}
    for name, kind in demo.VENDORS.items():
        assert configured[name].model_extra is not None and configured[name].model_extra["lists"] == kind.lists, name


def test_what_was_pushed_is_there_for_the_next_command(home: Home, capfd: pytest.CaptureFixture[str]) -> None:
    with demo.pushed_to(home.root, AS_OF, port=0) as vendors:
        assert list(vendors) == list(demo.VENDORS)
        vendors["campaign_mail"].keep("global", "ann@example.com")
        taken = int(vendors["offers_mail"].url.rpartition(":")[2])
        with demo.pushed_to(home.root, AS_OF, port=taken) as others:
            assert others == {}
        assert capfd.readouterr().out.count("is taken") == len(demo.VENDORS)
    kept = home.root / demo.KEPT
    assert kept.stat().st_mode & 0o777 == 0o600, "addresses"
    with demo.pushed_to(home.root, AS_OF, port=0) as vendors:
        assert vendors["campaign_mail"].there("*") == {"ann@example.com"}
        assert vendors["campaign_mail"].rows["global"]["ann@example.com"].at == AS_OF, "by the vendor's clock"


def test_the_vendors_stay_up_by_themselves_until_somebody_stops_them(tmp_path: Path) -> None:
    command = [sys.executable, "-u", "-m", "tools.demo", "--home", str(tmp_path), "--as-of", "2026-04-01T00:00:00Z"]
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None
            said = [running.stdout.readline() for _ in range(len(demo.VENDORS) + 1)]
            assert "campaign_mail: sendgrid at http://127.0.0.1:47812\n" in said and "DEMO_VENDORS_KEY" in said[-1], said
            answer = httpx.get("http://127.0.0.1:47812/v3/asm/groups")
            assert answer.status_code == 401, "it answers whoever has its key"
        finally:
            running.send_signal(signal.SIGINT)
        assert running.wait(timeout=20) == 0


def test_the_demos_files_hold_nobodys_address() -> None:
    book = openpyxl.load_workbook(demo.DEMO / "inbox" / "trade_fairs" / "visitors_2026-03-31.xlsx")
    cells = [str(cell) for sheet in book for row in sheet.iter_rows(values_only=True) for cell in row if cell is not None]
    page = (demo.DEMO / "webshop_mail" / "suppressions_dump.json").read_text("utf-8")
    hosts = {host for text in (*cells, page) for host in re.findall(r"@([\w.-]+)", text)}
    assert hosts == {"example.com", "example.org"}
    numbers = {re.sub(r"\D", "", cell) for cell in cells if re.fullmatch(r"\+?[\d -]{10,}", cell) and "2026" not in cell}
    assert numbers and all(re.fullmatch(r"120255501\d\d", number) for number in numbers)
