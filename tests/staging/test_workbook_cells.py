"""What stands in the odd cells of a workbook: a request that counts, or a record that is told; never silence."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from orchestration.core.config import load_config
from orchestration.core.home import Home
from orchestration.core.warehouse import warehouse
from tests.staging.test_conformance import COMPANY, deliver, run
from tests.workbooks import as_csv, xls, xlsx

_DAY = dt.date(2026, 3, 1)
# The row, and why it is told; nothing where it is a request that counts.
ROWS = [
    ("a number that is a number", [None, 12025550101, _DAY, "opt out"], None),
    ("an error for an address, and a number", ["#N/A", 12025550102, _DAY, "opt out"], None),
    ("nothing but an error", ["#N/A", None, _DAY, "opt out"], "no_usable_identifier"),
    ("a formula that nobody has calculated", ["=A1&B1", None, _DAY, "opt out"], "no_usable_identifier"),
    ("a number of which Excel kept a part", [None, 1202555010100123456, _DAY, "opt out"], "no_usable_identifier"),
    ("an exponent", [None, "1.2025E+10", _DAY, "opt out"], "no_usable_identifier"),
    ("a time", [None, "+12025550103", dt.datetime(2026, 3, 1, 9, 30, 15), "opt out"], None),
]


def test_odd_cells_are_requests_or_are_told(tmp_path: Path) -> None:
    home = Home.at(tmp_path / "home").create()
    table = [["email", "phone", "requested_at", "action"], *[row for _, row, _ in ROWS]]
    # What a person would export of it; and an old workbook, with its days as texts.
    texts = [[f"{cell:.15G}" if isinstance(cell, int) and cell > 10**15 else cell for cell in row] for row in table]
    old = [[str(cell) if isinstance(cell, dt.date) else cell for cell in row] for row in table]
    files = {"book": ("a.xlsx", xlsx({"S": table})), "plain": ("a.csv", as_csv(texts)), "old_book": ("a.xls", xls({"S": old}))}
    sources = "".join(
        f'[sources.{name}]\nformat = "requests"\nscope = "acme"\nregion = "US"\ntimezone = "America/New_York"\n' for name in files
    )
    home.config_file.write_text(COMPANY + sources)
    config = load_config(home)
    deliver(home, files)
    run(home, config, 0)
    with warehouse(home, read_only=True) as con:
        said = {
            source: con.execute(
                "select record_no, emails_raw, phones_raw, at_earliest, at_latest, time_quality, quarantine.reason "
                "from staging.int_requests__unioned as staged "
                "left join ledger.quarantine as quarantine using (source, record_no) where source = ? order by record_no",
                [source],
            ).fetchall()
            for source in files
        }
    for (case, _, reason), got in zip(ROWS, said["book"], strict=True):
        assert got[-1] == reason, f"{case}: {got}"
    assert said["book"] == said["plain"] == said["old_book"]
    by_day, at_second = said["book"][0], said["book"][-1]
    # New York is five hours behind; a day without a time is all of that day.
    assert (by_day[3].hour, by_day[4] - by_day[3] > dt.timedelta(hours=23)) == (5, True)
    assert (at_second[3].hour, at_second[3].minute, at_second[3] == at_second[4]) == (14, 30, True)
