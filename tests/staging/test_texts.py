"""The cleaning macros, case by case."""

from __future__ import annotations

from typing import Any

import pytest

from tests.staging.macros import connect, load


def ask(macro: str, *values: Any) -> Any:
    """What a macro makes of bound values."""
    names = [f"v{number}" for number in range(len(values))]
    columns = ", ".join(f"? as {name}" for name in names)
    sql = getattr(load(), macro)(*names)
    row = connect().execute(f"select {sql} from (select {columns})", list(values)).fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a@example.com; b@example.com;;", ["a@example.com", "b@example.com"]),
        ('["a@example.com", " b@example.com "]', ["a@example.com", "b@example.com"]),
        ('["broken', ['["broken']),
        ("one", ["one"]),
        ("a@example.com ::: b@example.com", ["a@example.com", "b@example.com"]),
        ("o&#39;moss@example.com", ["o'moss@example.com"]),
        ("r&amp;d@example.com;b@example.com", ["r&d@example.com", "b@example.com"]),
        ("&lt;a@example.com&gt;", ["<a@example.com>"]),
        ("ren&eacute;e@example.com", ["ren&eacute e@example.com"]),
        ("r&d@example.com;b@example.com", ["r&d@example.com", "b@example.com"]),
        ("  ", []),
        ("", []),
        (None, []),
    ],
)
def test_a_cell_of_several_values_is_split(text: str | None, parts: list[str]) -> None:
    assert ask("split_list", text) == parts


@pytest.mark.parametrize(
    ("region", "country", "expected"),
    [
        ("US-CA", None, "US-CA"),
        ("us-ca", "GB", "US-CA"),
        ("CA", "US", "US-CA"),  # California, not Canada
        ("CA", None, "CA"),
        ("CA", "CA", "CA"),
        (None, "uk", "GB"),
        ("USA", "US", "US"),
        (None, "USA", "US"),
        ("75", "FR", "FR-75"),
        ("New York", "US", "US"),
        ("Bavaria", None, None),
        (None, "Germany", None),
        ("", "", None),
        (None, None, None),
    ],
)
def test_a_region_is_a_code_or_nothing(region: str | None, country: str | None, expected: str | None) -> None:
    assert ask("clean_region", region, country) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("STOP!!", "stop"),
        ("Don't  stop", "dont stop"),
        ("Don’t stop", "dont stop"),
        ("ＳＴＯＰ\u3000１", "stop 1"),
        ("Arrêt", "arret"),
        ("NO MÁS", "no mas"),
        ("Wypisz ŁÓDŹ", "wypisz lodz"),
        ("İptal", "iptal"),
        ("Straße", "strasse"),
        ("st\u200bop", "stop"),
        ("st\ufe0f\u034f\u3164op", "stop"),
        ("s\u0336t\u0336o\u0336p\u0336", "stop"),
        ("\U0001f6d1\ufe0f", "stop"),
        ("\U0001f44d", ""),
        ("S.T.O.P.", "stop"),
        ("S T O P please", "stop please"),
        ("S-T-O-P", "stop"),
        ("a b", "a b"),  # two letters are no word that was taken apart
        ("STOOOOP", "stop"),
        ("stoop", "stoop"),
        ("ST0P", "stop"),
        ("5top", "stop"),
        ("$TOP", "stop"),
        ("$5 off", "5 off"),
        ("2025550101", "2025550101"),
        ("wrong #", "wrong number"),
        ("\U0001d412\U0001d413\U0001d40e\U0001d40f", "stop"),  # mathematical bold
        ("\U0001f182\U0001f183\U0001f17e\U0001f17f", "stop"),  # squared
        ("ЅТОР", "stop"),  # Cyrillic letters drawn the same
        ("退订。", "退订"),
        ("TD回复", "td 回复"),
        ("ﾒｰﾙ停止", "メール停止"),  # half width
        (None, None),
    ],
)
def test_a_text_is_folded_to_its_words(text: str | None, words: str | None) -> None:
    macros = load()
    sql = f"with given as (select ?::varchar as text), folded as ({macros.folding_of('given')}) select words from folded"
    assert connect().execute(sql, [text]).fetchone() == (words,), text


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("Did you stop?", " "),
        ("Who is this? STOP", "  STOP"),
        ("STOP. Who is this?", "STOP. "),
        ("停止了吗？", " "),
        ("no question", "no question"),
    ],
)
def test_a_question_is_taken_out_and_what_is_none_stays(text: str, rest: str) -> None:
    assert str(ask("without_questions", text)).split() == rest.split(), text


@pytest.mark.parametrize(
    ("word", "other", "near"),
    [
        ("sotp", "stop", True),
        ("stp", "stop", True),
        ("sttop", "stop", True),
        ("stip", "stop", True),
        ("stpo", "stop", True),
        ("step", "stop", True),
        ("spot", "stop", False),
        ("shops", "stop", False),
    ],
)
def test_spellings_meet_exactly_where_words_are_a_letter_apart(word: str, other: str, near: bool) -> None:
    macros = load()
    meet = f"len(list_intersect({macros.near_spellings('a')}, {macros.near_spellings('b')})) > 0"
    row = connect().execute(
        f"select {meet} and {macros.letters_apart('a', 'b')} <= 1 from (select ? as a, ? as b)", [word, other]
    )
    assert row.fetchone() == (near,), f"{word}, {other}"


@pytest.mark.parametrize(
    ("text", "key"), [("Opt-Out", "opt_out"), (" DNC - Company ", "dnc_company"), ("[None]", "none"), ("*", "*"), (None, None)]
)
def test_a_word_is_compared_without_case_and_marks(text: str | None, key: str | None) -> None:
    assert ask("word_key", text) == key


@pytest.mark.parametrize(
    ("kind", "direction"),
    [
        ("Outbound", "outbound"),
        ("Autodial", "outbound"),
        ("Queue Callback", "outbound"),
        ("INBOUND", "inbound"),
        ("Internal", "internal"),
        ("3rd party transfer", None),
        (None, None),
    ],
)
def test_a_call_type_says_who_called_or_nothing(kind: str | None, direction: str | None) -> None:
    assert ask("five9_direction", kind) == direction
