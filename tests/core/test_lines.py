"""Logs of lines: split where their writers end them and nowhere else, however long a line is."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestration.core import chain
from orchestration.core.files import whole_lines
from orchestration.core.home import CHECKOUT, Home

SEPARATORS = {"U+0085": "\x85", "U+2028": "\u2028", "U+2029": "\u2029", "U+000B": "\x0b", "U+000C": "\x0c", "U+001C": "\x1c"}


@pytest.mark.parametrize("name", SEPARATORS)
def test_a_line_ends_at_the_line_feed_alone(tmp_path: Path, name: str) -> None:
    line = f"a{SEPARATORS[name]}b\r"
    (tmp_path / "log").write_bytes(f"{line}\nc\n".encode())
    assert whole_lines(tmp_path / "log") == [line.encode(), b"c"], name


def test_a_line_of_any_length_is_one_and_an_unfinished_one_is_none(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert whole_lines(log) == [], "no file"
    log.write_bytes(b"x" * 3_000_000 + b"\nhalf")
    assert [len(line) for line in whole_lines(log)] == [3_000_000]


def test_the_chain_takes_subjects_with_any_of_them(tmp_path: Path) -> None:
    home = Home.at(tmp_path / "home").create()
    for text in SEPARATORS.values():
        chain.record(home, chain.Link("receipt", f"outbox/{text}{'x' * 70_000}", "a" * 64))
    assert len(list(chain.walk(home))) == len(SEPARATORS)


def test_nobody_splits_a_record_as_a_text() -> None:
    """``str.splitlines`` ends a line at ten signs. Where a text of our own is split for show, it is named here."""
    for_show = {
        "orchestration/cli.py": 2,
        "orchestration/gate/judging.py": 1,
        "orchestration/landing/sealing.py": 1,  # a key file: what is no key there is passed over
        "orchestration/readers/delimited.py": 1,  # bytes, which end at a line feed or a return
        "orchestration/readers/mail/reports.py": 1,  # what a mail server wrote to be read, of which no record is made
        "orchestration/setup/formats.py": 1,
    }
    found = {
        name: count
        for path in (CHECKOUT / "orchestration").rglob("*.py")
        if (count := path.read_text().count(".splitlines("))
        and (name := path.relative_to(CHECKOUT).as_posix())
        and not name.startswith("orchestration/faults/")  # worlds of its own making
    }
    assert found == for_show
