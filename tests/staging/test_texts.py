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
    ("body", "words"),
    [
        ("STOP!!", "stop"),
        ("S.T.O.P.", "s t o p"),
        ("Don't  stop", "dont stop"),
        ("Don’t stop", "dont stop"),
        ("ＳＴＯＰ　１", "stop 1"),
        ("Arrêt", "arret"),
        ("st\u200bop", "stop"),
        ("\U0001f6d1\ufe0f", "stop"),
        ("\U0001f44d", ""),
        ("NO MÁS", "no mas"),
        ("退订。", "退订"),
        (None, None),
    ],
)
def test_a_text_message_becomes_words(body: str | None, words: str | None) -> None:
    assert ask("sms_words", body) == words


@pytest.mark.parametrize(
    ("text", "key"), [("Opt-Out", "opt_out"), (" DNC - Company ", "dnc_company"), ("[None]", "none"), ("*", "*"), (None, None)]
)
def test_a_word_is_compared_without_case_and_marks(text: str | None, key: str | None) -> None:
    assert ask("word_key", text) == key


@pytest.mark.parametrize(
    ("line", "number"),
    [
        ("0207 9460101", "02079460101"),
        ("07700900101 ", "07700900101"),
        ("7700900101  ", "7700900101"),
        ("07700 90010", "0770090010"),
        ("07700 9001", None),
        ("0770090010100", None),
        ("NUMBER", None),
        ("", None),
    ],
)
def test_a_tps_line_is_a_number_or_nothing(line: str, number: str | None) -> None:
    assert ask("tps_number", line) == number


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
