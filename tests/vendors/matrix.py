"""``make conformance``: the suite of all vendors' systems, and what came of it as a table of cases and systems.

A case that a system cannot have is shown by a number, and its reason stands below: what its users must know.
"""

from __future__ import annotations

import sys
from collections import defaultdict

import pytest
from rich.console import Console
from rich.table import Table

from orchestration.core.home import CHECKOUT
from tests.vendors.others import VENDORS


class Results:
    """Collects what came of each case at each system."""

    def __init__(self) -> None:
        self.cells: dict[str, dict[str, str]] = defaultdict(dict)
        self.reasons: list[str] = []
        self.failed = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        name, _, parameters = report.nodeid.rpartition("::")[2].partition("[")
        system = next((kind.system for kind in VENDORS if kind.system in parameters.rstrip("]").split("-")), None)
        if report.failed:
            self.failed = True
        if system is None or not (report.when == "call" or report.skipped or report.failed):
            return
        before = self.cells[name].get(system, "ok")
        self.cells[name][system] = "FAILED" if report.failed or before == "FAILED" else self._skipped(report) or before

    def _skipped(self, report: pytest.TestReport) -> str:
        if not report.skipped:
            return ""
        reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr).removeprefix("Skipped: ")
        if reason not in self.reasons:
            self.reasons.append(reason)
        return f"({self.reasons.index(reason) + 1})"

    def show(self, console: Console) -> None:
        table = Table("case", *(kind.system for kind in VENDORS))
        for name, cells in self.cells.items():
            table.add_row(name.removeprefix("test_").replace("_", " "), *(cells.get(kind.system, "") for kind in VENDORS))
        console.print(table)
        for number, reason in enumerate(self.reasons, 1):
            console.print(f"({number}) {reason}", highlight=False)


def main(arguments: list[str]) -> int:
    """Run the suite, with what else pytest is to be told, and print the table."""
    results = Results()
    suite = str(CHECKOUT / "tests" / "destinations" / "test_conformance.py")
    ended = pytest.main(["-q", "--no-header", "-m", "not slow", suite, *arguments], plugins=[results])
    results.show(Console(width=200 if not sys.stdout.isatty() else None))
    return int(ended)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
