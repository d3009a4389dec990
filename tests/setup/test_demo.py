"""What `make run` adds to the samples: a workbook, and a vendor that is pulled from while the demo runs."""

from __future__ import annotations

import re
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


def test_the_demos_files_hold_nobodys_address() -> None:
    book = openpyxl.load_workbook(demo.DEMO / "inbox" / "trade_fairs" / "visitors_2026-03-31.xlsx")
    cells = [str(cell) for sheet in book for row in sheet.iter_rows(values_only=True) for cell in row if cell is not None]
    page = (demo.DEMO / "webshop_mail" / "suppressions_dump.json").read_text("utf-8")
    hosts = {host for text in (*cells, page) for host in re.findall(r"@([\w.-]+)", text)}
    assert hosts == {"example.com", "example.org"}
    numbers = {re.sub(r"\D", "", cell) for cell in cells if re.fullmatch(r"\+?[\d -]{10,}", cell) and "2026" not in cell}
    assert numbers and all(re.fullmatch(r"120255501\d\d", number) for number in numbers)
