"""Random JSON files: every object that was written well comes through with its exact values, numbers digit by digit, and
DuckDB and the careful reader agree."""

from __future__ import annotations

import json
import os
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.readers import json_stream
from orchestration.readers.json_records import read_careful, read_json
from orchestration.readers.json_stream import json_shape_of
from orchestration.readers.tables import create_raw_tables
from orchestration.readers.text import as_utf8
from tests.readers.conftest import feed

SEED = int(os.environ.get("QUIETLIST_SEED", "20260401"))
WORLDS = int(os.environ.get("QUIETLIST_WORLDS", "120"))
FEED = feed({"email": ["email"], "event": ["event", "x"], "ts": ["ts"], "ab": ["a.b"]}, reader="json")
KEYS = ("email", "Email", "event", "ts", "a.b", "a", "x", "it's", "ü", " padded ", 'quo"te', "d[0]", "")
TEXTS = ("", "a@example.com", "[x", "{x", "1.50", '"', "\\", "\n", "é🙂", "null", "a,1.5,", "\u2028", "'", "[1.50]")
BROKEN = ('{"email":', '{"email" "x"}', '{"email":"x', '{"email":tru}', "{x}", '{"a":[1,}')


@dataclass
class World:
    text: str
    records: list[tuple[int, dict[str, str]]]
    """Number and source text by key of each object that was written well."""
    refused: list[int]


def number_text(rng: random.Random) -> str:
    whole = rng.choice(("0", "7", "-3", str(rng.randint(1, 10 ** rng.randint(1, 25)))))
    fraction = rng.choice(("", "", ".5", ".50", ".0", f".{rng.randint(0, 10**9)}"))
    return whole + fraction + rng.choice(("", "", "", "e3", "E-7", "e+10"))


def value_text(rng: random.Random, depth: int = 0) -> str:
    kind = rng.random()
    if kind < 0.35:
        return json.dumps(rng.choice(TEXTS) + rng.choice(("", "x", "y@example.com")), ensure_ascii=rng.random() < 0.5)
    if kind < 0.6:
        return number_text(rng)
    if kind < 0.75 or depth > 2:
        return rng.choice(("null", "true", "false"))
    space = rng.choice(("", " "))
    items = [value_text(rng, depth + 1) for _ in range(rng.randint(0, 3))]
    if kind < 0.88:
        return "[" + f",{space}".join(items) + "]"
    return "{" + f",{space}".join(f'"{chr(97 + place)}":{space}{item}' for place, item in enumerate(items)) + "}"


def make_world(rng: random.Random) -> World:
    form = rng.choice(("lines", "lines", "array", "array_lines", "together"))
    simple = rng.random() < 0.6
    keys = [key for key in KEYS if not simple or key in ("email", "event", "ts", "a", "x", "ü")]
    breaks = form == "lines" and rng.random() < 0.3
    records: list[tuple[int, dict[str, str]]] = []
    refused: list[int] = []
    parts: list[str] = []
    for number in range(1, rng.randint(2, 25)):
        if breaks and rng.random() < 0.2:
            parts.append(rng.choice(BROKEN))
            refused.append(number)
            continue
        chosen = rng.sample(keys, rng.randint(0, len(keys)))
        values = {key: value_text(rng) for key in chosen}
        space = rng.choice(("", " ", "  "))
        parts.append("{" + f",{space}".join(f"{json.dumps(key)}:{space}{text}" for key, text in values.items()) + "}")
        if is_contradictory(values):
            refused.append(number)
        else:
            records.append((number, values))
    text = {
        "lines": "\n".join(parts) + "\n",
        "array": "[" + ",".join(parts) + "]",
        "array_lines": "[\n" + ",\n".join(parts) + "\n]\n",
        "together": "".join(parts),
    }[form]
    return World(text, records, refused)


def exact(text: str) -> Any:
    """An independent reading: Python's json with numbers kept as marked texts."""
    return json.loads(text, parse_int=lambda digits: "n:" + digits, parse_float=lambda digits: "n:" + digits)


def as_stored(text: str | None) -> Any:
    """What the raw table should hold for a value's source text, comparable: scalars as text, nested values parsed."""
    if text is None or text == "null":
        return None
    if text[0] == '"':
        return json.loads(text)
    return ("json", exact(text)) if text[0] in "[{" else text


def expected(values: dict[str, str]) -> tuple[tuple[Any, ...], dict[str, Any] | None]:
    """The declared columns and ``_extra`` by the words of the reader's documentation, the slow and obvious way."""
    taken: set[str] = set()

    def find(*labels: str) -> Any:
        same = [key for label in labels for key in sorted(values, key=lambda key: (key != label, key)) if is_named(key, label)]
        taken.update(key for key in same if values[key] == "null")
        there = [key for key in same if values[key] != "null"]
        chosen = next((key for key in there if values[key] != '""'), next(iter(there), None))
        taken.update([chosen] if chosen is not None else [])
        return as_stored(values[chosen]) if chosen is not None else None

    columns = [find("email"), find("event", "x"), find("ts"), find("a.b")]
    if columns[3] is None and "a" in values:
        outer = exact(values["a"])  # no text of TEXTS holds a whole object, so none is looked into
        if isinstance(outer, dict):
            columns[3] = bare(outer.get("b"))
    rest = {key: exact(text) for key, text in values.items() if key not in taken}
    return tuple(columns), rest or None


def is_named(key: str, label: str) -> bool:
    return key.strip().casefold() == label


def is_contradictory(values: dict[str, str]) -> bool:
    """Two different values under one label: of the keys here, only "email" is spelt in two ways."""
    texts = [str(as_stored(values[key]) or "").strip().casefold() for key in ("email", "Email") if key in values]
    return len({text for text in texts if text}) > 1


def bare(value: Any) -> Any:
    if isinstance(value, str):
        return value.removeprefix("n:")
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if value is None else ("json", value)


def stored(con: duckdb.DuckDBPyConnection, world: World) -> list[tuple[int, tuple[Any, ...], dict[str, Any] | None]]:
    found = con.execute("select _record_no, _extra, email, event, ts, ab from raw.acme__optouts order by 1").fetchall()
    return [(row[0], tuple(row[2:]), exact(row[1]) if row[1] is not None else None) for row in found]


def check(con: duckdb.DuckDBPyConnection, world: World, place: str) -> None:
    got = stored(con, world)
    assert [row[0] for row in got] == [number for number, _ in world.records], place
    for (number, columns, extra), (_, values) in zip(got, world.records, strict=True):
        wanted, rest = expected(values)
        for seen, want in zip(columns, wanted, strict=True):
            if isinstance(want, tuple):
                assert exact(seen) == want[1], f"record {number} {place}"
            else:
                assert seen == want, f"record {number} {place}"
        assert extra == rest, f"record {number} {place}"
    refused = [row[0] for row in con.execute("select record_no from raw.quarantine order by 1").fetchall()]
    assert refused == world.refused, place


def test_every_object_of_random_files_comes_through_or_is_accounted_for(tmp_path: Path) -> None:
    print(f"seed {SEED}, {WORLDS} worlds")
    rng = random.Random(SEED)
    ways = {"duckdb": 0, "python": 0}
    with duckdb.connect() as con:
        create_raw_tables(con, (FEED,))
        for number in range(WORLDS):
            world = make_world(rng)
            place = f"seed {SEED}, world {number}: {world.text[:400]!r}"
            path = tmp_path / "file"
            path.write_text(world.text)
            with as_utf8(path, tmp_path) as text:
                con.begin()
                outcome = read_json(con, FEED, "f", text)
                ways[outcome.reader] += 1
                assert outcome.balances, place
                check(con, world, f"{outcome} {place}")
                con.rollback()
                if outcome.reader == "duckdb":
                    con.begin()
                    read_careful(con, FEED, "f", text, json_shape_of(text.path))
                    check(con, world, f"careful {place}")
                    con.rollback()
    assert min(ways.values()) > WORLDS // 10, f"both ways must be tried: {ways}"


def test_cutting_a_file_anywhere_never_loses_a_whole_record(tmp_path: Path) -> None:
    """Whatever byte a transfer stopped at: the records before it come through, and the cut shows."""
    one = feed({"email": ["email"]}, reader="json")
    records = [{"email": f"{number}@example.com", "n": [{"k": "}],{"}]} for number in range(3)]
    path = tmp_path / "file"
    with duckdb.connect() as con:
        create_raw_tables(con, (one,))
        for form in (json.dumps(records), json.dumps(records[:2], indent=1), "\n".join(map(json.dumps, records))):
            for cut in range(1, len(form)):
                path.write_text(form[:cut])
                whole = sum(f'"{number}@example.com"' in form[:cut] and _complete(form, cut, number) for number in range(3))
                with as_utf8(path, tmp_path) as text:
                    con.begin()
                    outcome = read_json(con, one, "f", text)
                    assert outcome.loaded == whole, f"cut at {cut} of {form!r}: {outcome}"
                    assert outcome.quarantined or _between(form, cut), f"cut at {cut} of {form!r}: the cut does not show"
                    con.rollback()


def _complete(form: str, cut: int, number: int) -> bool:
    decoder = json.JSONDecoder()
    start = form.rindex("{", 0, form.index(f'"{number}@example.com"'))
    return decoder.raw_decode(form, start)[1] <= cut


def _between(form: str, cut: int) -> bool:
    """Lines cut exactly between two records are a whole file."""
    if form.startswith("["):
        return False
    try:
        for line in form[:cut].split("\n"):
            json.loads(line or "{}")
    except ValueError:
        return False
    return True


def test_brackets_are_counted_right_across_the_pieces_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The independent count of objects against Python's parser, with pieces so small that every seam is tried."""
    rng = random.Random(SEED + 3)
    path = tmp_path / "file"
    for number in range(WORLDS):
        world = make_world(rng)
        if world.refused:
            continue
        path.write_text(world.text)
        monkeypatch.setattr(json_stream, "_BYTES", rng.choice((1, 2, 3, 5, 17, 1 << 20)))
        shape = json_shape_of(path)
        assert shape.objects == len(world.records), f"seed {SEED}, world {number}: {world.text[:300]!r}"
        assert shape.regular, f"seed {SEED}, world {number}"
