"""How large what arrives may be: at a limit all is read, above it only what is too large goes to quarantine, and is counted."""

from __future__ import annotations

import gzip
import io
import json
import random
from typing import Any

import pytest

from orchestration.readers import split
from tests.readers.conftest import Desk, feed

TWO = feed({"email": ["email"], "note": ["note"]})
LINES = feed({"phone": ["phone"]}, reader="lines")
JSON = feed({"email": ["email"], "note": ["note"]}, reader="json")
PAGES = feed({"email": ["email"]}, reader="json", records_path="items")


def reasons(desk: Desk, content: bytes | str, one: Any = TWO, **limits: Any) -> tuple[int, list[tuple[int, str]]]:
    """Records loaded, and number and reason of those that were not."""
    desk.limits = limits
    file = desk.read(one, content)
    return file.loaded, [(number, reason) for number, reason, _ in desk.quarantine(file)]


@pytest.mark.parametrize(
    ("case", "record"),
    [
        ("plain", "a@example.com,{}"),
        ("quoted", 'a@example.com,"{}"'),
        ("over several lines", 'a@example.com,"x\n{}"'),
        ("with an odd mark, so that the careful reader takes it", 'a@example.com,x"{}'),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("more", [-1, 0, 1])
def test_a_record_may_be_as_long_as_the_limit(desk: Desk, case: str, record: str, end: str, more: int) -> None:
    length = 1000 + more - len(record) + len("{}")
    content = end.join(["email,note", "b@example.com,first", record.format("x" * length), "c@example.com,last", ""])
    loaded, refused = reasons(desk, content, max_record="1KB")
    if more <= 0:
        assert (loaded, refused) == (3, []), f"{case}, {more:+} characters"
    elif case == "over several lines":  # no end of it within the limit: its lines are judged on their own
        assert (loaded, [number for number, _ in refused]) == (2, [3, 4]), f"{case}, {more:+} characters"
    else:
        assert (loaded, refused) == (2, [(3, "too_long")]), f"{case}, {more:+} characters"


def test_a_line_of_a_list_may_be_as_long_as_the_limit(desk: Desk) -> None:
    content = f"2025550101\n{'7' * 1000}\n{'7' * 1001}\n2025550102\n"
    assert reasons(desk, content, LINES, max_record="1KB") == (3, [(3, "too_long")])


def test_a_record_too_long_is_kept_as_far_as_it_may_be_long(desk: Desk) -> None:
    desk.limits = {"max_record": "1KB"}
    file = desk.read(TWO, f"email,note\na@example.com,{'x' * 5_000_000}\nb@example.com,y\n")
    ((number, reason, text),) = desk.quarantine(file)
    assert (number, reason, file.loaded) == (2, "too_long", 1)
    assert text is not None and text.startswith("a@example.com,xxx") and len(text) == 1001, "a beginning, to find it by"


def test_the_lines_of_a_stream_are_cut_and_never_joined_or_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(20260401)
    for number in range(3_000):
        text = "".join(rng.choice(("x", "x", "é", "\n", "\r", "\r\n")) for _ in range(rng.randint(0, 30)))
        longest = rng.randint(1, 8)
        monkeypatch.setattr(split, "_CHUNK", rng.randint(1, 12))
        whole = list(io.StringIO(text, newline=""))
        cut = list(split.bounded_lines(io.StringIO(text, newline=""), longest))
        bodies = [line.rstrip("\r\n")[: longest + 1] for line in whole]
        assert [line.rstrip("\r\n") for line in cut] == bodies, f"seed 20260401, case {number}: {text!r} cut at {longest}"


@pytest.mark.parametrize("more", [-1, 0, 1])
@pytest.mark.parametrize(
    ("case", "form"),
    [("lines", '{"email":"a@example.com"}\n%s\n'), ("array", '[{"email":"a@example.com"},%s]'), ("broken", "%s\n{x}")],
)
def test_a_json_value_may_be_as_long_as_the_limit(desk: Desk, case: str, form: str, more: int) -> None:
    value = '{"email":"b@example.com","note":"%s"}'
    content = form % (value % ("x" * (1000 + more - len(value) + 2)))
    loaded, refused = reasons(desk, content, JSON, max_json_value="1KB")
    whole = 1 if case == "broken" else 2
    assert loaded == whole - (more > 0), f"{case}, {more:+} characters"
    assert ("too_long" in [reason for _, reason in refused]) == (more > 0), f"{case}, {more:+} characters: {refused}"


def test_a_page_counts_as_one_value(desk: Desk) -> None:
    page = json.dumps({"items": [{"email": f"{number}@example.com"} for number in range(100)]})
    assert reasons(desk, page + " ", PAGES, max_json_value=f"{len(page) / 1000}KB") == (100, [])
    assert reasons(desk, page, PAGES, max_json_value=f"{(len(page) - 1) / 1000}KB") == (0, [(1, "too_long")])


@pytest.mark.parametrize("depth", [4, 5, 6])
@pytest.mark.parametrize("form", ["%s", '[%s,{"email":"b@example.com"}]', '%s\n{"email":"b@example.com"}', "%s\n{x}"])
def test_json_may_be_nested_as_deep_as_the_limit(desk: Desk, depth: int, form: str) -> None:
    value = '{"email":"a@example.com","note":' + "[" * (depth - 1) + "]" * (depth - 1) + "}"
    limit = 6 if form.startswith("[") and form != "%s" else 5  # DuckDB counts the outermost array, and then hands over
    loaded, refused = reasons(desk, form % value, JSON, max_json_depth=5)
    good = form.count("b@example.com") + (depth <= 5)
    assert loaded == good, f"{form}, {depth} levels of {limit}: {refused}"
    assert ("too_deep" in [reason for _, reason in refused]) == (depth > 5), f"{form}, {depth} levels: {refused}"


@pytest.mark.parametrize("columns", [4, 5, 6])
def test_a_file_may_have_as_many_columns_as_the_limit(desk: Desk, columns: int) -> None:
    header = ",".join(["email", *(f"c{number}" for number in range(columns - 1))])
    row = ",".join(["a@example.com", *("x" for _ in range(columns - 1))])
    wanted = (1, []) if columns <= 5 else (0, [(1, "too_many_columns")])
    assert reasons(desk, f"{header}\n{row}\n", max_columns=5) == wanted, f"{columns} columns"
    no_header = feed({"email": ["email"], "note": ["note"]}, header=False)
    assert reasons(desk, f"{row}\n{row}\n", no_header, max_columns=5)[0] == (2 if columns <= 5 else 0), f"{columns} columns"


@pytest.mark.parametrize("keys", [4, 5, 6])
@pytest.mark.parametrize("form", ['%s\n{"email":"b@example.com"}', '%s\n{"email":"b@example.com"}\n{x}'])
def test_an_object_may_have_as_many_keys_as_the_limit(desk: Desk, keys: int, form: str) -> None:
    value = json.dumps({"email": "a@example.com"} | {f"k{number}": number for number in range(keys - 1)})
    loaded, refused = reasons(desk, form % value, JSON, max_columns=5)
    assert loaded == 1 + (keys <= 5), f"{keys} keys"
    assert ((1, "too_many_fields") in refused) == (keys > 5), f"{keys} keys: {refused}"


def test_keys_that_are_data_cost_nothing_but_time(desk: Desk) -> None:
    content = "\n".join(json.dumps({"email": f"{number}@example.com", f"key {number}": 1}) for number in range(50))
    assert reasons(desk, content, JSON, max_columns=5) == (50, [])


@pytest.mark.parametrize("kept", [0, 1, 3])
def test_quarantine_keeps_so_many_texts_and_counts_all(desk: Desk, kept: int) -> None:
    desk.limits = {"max_quarantine_texts": kept}
    file = desk.read(TWO, "email,note\na@example.com,x\n" + "b@example.com,x,y\n" * 3)
    assert (file.loaded, file.quarantined) == (1, 3)
    assert [text is not None for _, _, text in desk.quarantine(file)] == [number < kept for number in range(3)]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("more", [-1, 0, 1])
def test_a_file_may_be_as_large_as_the_limit(desk: Desk, packed: bool, more: int) -> None:
    content = b"email\n" + b"a@example.com\n" * 10
    content += b" " * (1000 + more - len(content))
    desk.limits = {"max_file": "1KB"}
    files = desk.deliver((TWO,), {"file.csv": gzip.compress(content) if packed else content})
    assert len(files) == (more <= 0), f"{more:+} bytes"
    refused = desk.con.execute("select reason from raw.quarantine").fetchall()
    assert refused == ([("archive_too_large",)] if packed and more > 0 else []), f"{more:+} bytes"


@pytest.mark.parametrize(
    ("case", "one", "line", "records"),
    [
        ("marks that open in every line and close in the next", TWO, 'x","y\n', 20_000),
        ("objects that never close", JSON, '{"a":1\n', 20_000),
        ("objects that never close, in one line", JSON, '{"a" 1,{"b":1},', 20_000),
        ("texts that never close", JSON, '{"a":"x\n', 20_000),
    ],
)
def test_nothing_is_searched_to_the_end_of_the_file_once_per_record(
    desk: Desk, case: str, one: Any, line: str, records: int
) -> None:
    # Without the bounds each of these takes hours: the test would end in the time-out that all tests have.
    content = ("email,note\n" if one is TWO else "") + line * records
    file = desk.read(one, content)
    assert file.physical > 0 and file.loaded == 0, case
