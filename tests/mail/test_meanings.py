"""What each mail of the corpus is read as: answers of six programs in twelve languages, reports, bounces, odd letters."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from orchestration.core.home import Home
from orchestration.core.warehouse import warehouse
from tests.mail.conftest import mbox, staged
from tests.mail.letters import CLIENTS, TONGUES, letters
from tests.mail.others import others

ALL = [*letters(), *others()]
Read = dict[str, str]


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, Read]:
    """The whole corpus as one mbox, and what each mail was read as, by its name."""
    home, _ = staged(tmp_path_factory.mktemp("mail") / "home", {"inbox.mbox": mbox(ALL)})
    return home, _by_letter(home)


def _by_letter(home: Home) -> Read:
    """The readings in the order of the mails; a mail begins where its place is 0 or 1 and the one before it ended."""
    with warehouse(home) as con:
        rows = con.execute(
            "select raw.about_place, raw.report, staged.outcome, staged.action, staged.emails_raw, staged.doubt "
            "from staging.stg_mail__messages as staged join raw.mail__messages as raw "
            "on staged.file_id = raw._file_id and staged.record_no = raw._record_no order by staged.record_no"
        ).fetchall()
    found: list[list[str]] = []
    for place, report, outcome, action, emails, doubt in rows:
        if place == "0" or (report and place == "1"):
            found.append([])
        asked = f"{'doubt ' if doubt else ''}{action} {';'.join(emails)}" if outcome == "request" else outcome
        found[-1].append({"quarantine": "review", "not_a_request": "nothing"}.get(asked, asked))
    assert len(found) == len(ALL), "as many mails came out as went in"
    return {letter.name: " + ".join(parts) for letter, parts in zip(ALL, found, strict=True)}


def test_the_corpus_is_wide() -> None:
    assert len(ALL) >= 240
    assert len({letter.name for letter in ALL}) == len(ALL)
    assert (len(TONGUES), len(CLIENTS)) == (12, 6)


def test_every_mail_is_read_as_a_person_would(delivered: tuple[Home, Read]) -> None:
    _, found = delivered
    wrong = {
        letter.name: f"expected {letter.expected}, read as {found[letter.name]}"
        for letter in others()
        if letter.expected not in (found[letter.name], "any")
    }
    assert wrong == {}


def test_every_answer_that_asks_is_found_and_no_other_is(delivered: tuple[Home, Read]) -> None:
    _, found = delivered
    wrong = {
        letter.name: f"expected {letter.expected}, read as {found[letter.name]}"
        for letter in letters()
        if found[letter.name].removeprefix("doubt ") != letter.expected
    }
    assert wrong == {}
    doubted = [name for name, read in found.items() if read.startswith("doubt ") and name.endswith("_asks")]
    assert len(doubted) <= len(TONGUES), f"most of them are clear enough to act on: {doubted}"


def test_an_opt_in_by_mail_lifts_nothing(delivered: tuple[Home, Read]) -> None:
    home, _ = delivered
    with warehouse(home) as con:
        (lifting,) = con.execute(
            "select count(*) from policy.lifting_methods where method in "
            "(select distinct method from staging.stg_mail__messages where action = 'opt_in')"
        ).fetchall()
    assert lifting == (0,)


def test_two_files_with_the_same_words_are_two_records(tmp_path: Path) -> None:
    """The only feed with texts, and each text in several files: every text must be read once, or records would be doubled."""
    asks = next(letter for letter in letters() if letter.name == "en_gmail_asks")
    other = asks.content.replace(b"asks.en.gmail@", b"another@")
    _, rows = staged(tmp_path / "home", {"a.eml": asks.content, "b.eml": other, "c.eml": asks.content + b"\n"})
    assert rows == [
        ("a.eml", 1, "opt_out asks.en.gmail@example.org"),
        ("b.eml", 1, "opt_out another@example.org"),
        ("c.eml", 1, "opt_out asks.en.gmail@example.org"),
    ]


def test_line_ends_and_containers_change_no_answer(tmp_path: Path, delivered: tuple[Home, Read]) -> None:
    _, expected = delivered
    picked = [letter for letter in ALL if letter.name in expected][::9]
    files: dict[str, bytes] = {}
    for place, letter in enumerate(picked):
        lf = letter.content.replace(b"\r\n", b"\n")
        end = (b"\n", b"\r\n", b"\r", b"\r\r\n")[place % 4]
        files[f"{letter.name}.eml"] = lf.replace(b"\n", end)
    _, rows = staged(tmp_path / "home", files)
    found = defaultdict(list)
    for name, _, read in rows:
        found[name.removesuffix(".eml")].append(read)
    assert {name: " + ".join(parts) for name, parts in found.items()} == {letter.name: expected[letter.name] for letter in picked}
