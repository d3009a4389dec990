"""How well words are read: a labelled corpus, its recall and its precision.

``tuned.csv`` is what the phrases were tuned on; ``held_out.csv`` was written before, and shows how they do on what nobody looked
at. ``meaning`` is the family that a person would read: stop, wrong_number (undeliverable), erasure, deceased, complaint; start;
or what asks for nothing. ``certainty``: whether one would act without asking.
"""

from __future__ import annotations

from collections import Counter

import pytest

from orchestration.core.config import Config
from orchestration.core.home import Home
from orchestration.core.warehouse import warehouse
from tests.texts.conftest import Reading, Wording, corpus, deliver, read

FAMILIES = {
    "stop": "stop",
    "stop_calls": "stop",
    "stop_everything": "stop",
    "complaint": "stop",
    "wrong_number": "wrong_number",
    "disconnected": "wrong_number",
    "undeliverable": "wrong_number",
    "erasure": "erasure",
    "deceased": "deceased",
}
SETS = ("tuned", "held_out")
Read = list[tuple[Wording, Reading]]


@pytest.fixture(scope="module")
def readings(home: Home, config: Config) -> dict[str, Read]:
    wordings = {name: corpus(name) for name in SETS}
    deliver(home, "the corpus", {(item.place, item.wording) for name in SETS for item in wordings[name]})
    found = read(home, config)
    return {name: [(item, found[item.place, item.wording]) for item in wordings[name]] for name in SETS}


def suppresses(reading: Reading) -> bool:
    return reading.meaning in FAMILIES


def asks(wording: Wording) -> bool:
    return wording.meaning in FAMILIES


def said(found: Read) -> list[str]:
    return [f"{item.wording!r} ({item.place}, {item.language}): {reading}" for item, reading in found]


def test_the_corpus_is_large_and_speaks_twelve_languages() -> None:
    wordings = [item for name in SETS for item in corpus(name)]
    assert len(wordings) >= 600
    assert len({(item.wording, item.place) for item in wordings}) == len(wordings), "a wording stands there twice"
    asked = Counter(item.language for item in wordings if asks(item) and item.certainty == "clear")
    assert set(asked) == {"en", "es", "fr", "de", "it", "pt", "nl", "pl", "tr", "zh", "ja", "ko"}
    assert min(asked.values()) >= 15, asked
    assert {item.certainty for item in wordings} == {"clear", "ambiguous", ""}


@pytest.mark.parametrize("name", SETS)
def test_precision_and_recall(readings: dict[str, Read], name: str) -> None:
    found = readings[name]
    clear = [pair for pair in found if asks(pair[0]) and pair[0].certainty == "clear"]
    ambiguous = [pair for pair in found if asks(pair[0]) and pair[0].certainty == "ambiguous"]
    harmless = [pair for pair in found if not asks(pair[0])]
    recall = sum(suppresses(reading) for _, reading in clear) / len(clear)
    recall_in_doubt = sum(suppresses(reading) for _, reading in ambiguous) / len(ambiguous)
    wrongly = [pair for pair in harmless if suppresses(pair[1])]
    right = sum(suppresses(reading) for _, reading in clear + ambiguous)
    precision = right / (right + len(wrongly))
    as_clear = sum(reading.certainty == "clear" for _, reading in clear) / len(clear)
    print(
        f"{name}: {len(found)} wordings. Recall of the {len(clear)} clear ones {recall:.1%} ({as_clear:.1%} without doubt), "
        f"of the {len(ambiguous)} ambiguous ones {recall_in_doubt:.1%}; precision {precision:.1%} "
        f"({len(wrongly)} of {len(harmless)} harmless ones suppressed, all in doubt)"
    )
    assert said([pair for pair in clear if not suppresses(pair[1])]) == [], "a clear request was lost"
    assert said([pair for pair in wrongly if pair[1].certainty == "clear"]) == [], "harmless words acted without doubt"
    assert recall_in_doubt >= 0.97, said([pair for pair in ambiguous if not suppresses(pair[1])])
    assert precision >= 0.98, said(wrongly)
    assert as_clear >= 0.98, said([pair for pair in clear if pair[1].certainty != "clear"])


def test_what_was_asked_is_read_as_what_it_is(readings: dict[str, Read]) -> None:
    other = [
        (item, reading)
        for name in SETS
        for item, reading in readings[name]
        if asks(item) and FAMILIES.get(reading.meaning) != FAMILIES[item.meaning]
    ]
    assert said(other) == []


def test_everything_in_doubt_carries_its_doubt_and_nothing_else_does(readings: dict[str, Read]) -> None:
    found = [pair for name in SETS for pair in readings[name]]
    broken = [pair for pair in found if (pair[1].doubt is not None) != (pair[1].certainty == "ambiguous")]
    broken += [pair for pair in found if (pair[1].certainty is not None) != (suppresses(pair[1]) or pair[1].meaning == "start")]
    assert said(broken) == []


def test_an_opt_in_is_only_ever_a_clear_whole_text(readings: dict[str, Read]) -> None:
    found = [pair for name in SETS for pair in readings[name]]
    assert said([pair for pair in found if (pair[1].meaning == "start") != (pair[0].meaning == "start")]) == []


def test_a_value_that_nobody_knows_is_unknown_where_values_are_chosen_and_nowhere_else(readings: dict[str, Read]) -> None:
    found = [pair for name in SETS for pair in readings[name]]
    assert said([pair for pair in found if (pair[1].meaning == "unknown") != (pair[0].meaning == "unknown")]) == []


def test_a_new_wording_is_one_row(home: Home, config: Config, readings: dict[str, Read]) -> None:
    assert readings
    texts = [("text", "Flumox me please"), ("disposition", "FLUMOX ME"), ("text", "could you flumox me tomorrow?")]
    deliver(home, "new words", texts)
    before = read(home, config)
    assert [before[text].meaning for text in texts] == ["nothing", "unknown", "nothing"]
    with warehouse(home) as con:
        con.execute("insert into policy.phrases values ('flumox me', 'en', 'any', 'within', 'stop', 'clear', 'test')")
    after = read(home, config, full_refresh=True)
    assert [(after[text].meaning, after[text].certainty) for text in texts] == [
        ("stop", "clear"),
        ("stop", "clear"),
        ("stop", "ambiguous"),
    ]


def test_a_text_is_read_once_however_often_it_comes(home: Home, config: Config, readings: dict[str, Read]) -> None:
    before = read(home, config)
    with warehouse(home) as con:
        con.execute("insert into raw.ledger_files select distinct file_id from raw.landed_files")
    deliver(home, "again", [("text", "STOP"), ("text", "never delivered before, stop")])
    after = read(home, config)
    assert after.keys() - before.keys() == {("text", "never delivered before, stop")}
    assert {key: after[key] for key in before} == before
    with warehouse(home) as con:
        row = con.execute("select count(*) from texts.int_texts__folded").fetchone()
    assert row == (2,), "texts of files that were taken in are folded again"
