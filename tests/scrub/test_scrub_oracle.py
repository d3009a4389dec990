"""The scrub against a naive reading, row by row, and against check and explain, on random worlds with the seed printed."""

from __future__ import annotations

import csv
import random
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orchestration.answers.check import Question, check_many
from orchestration.answers.explain import explain
from orchestration.core.config import load_config
from orchestration.core.home import Home
from orchestration.scrub.scrubbing import Request, scrub
from tests.scrub.worlds import AS_OF, BINDS, EMAILS, EMPTY_WORDS, NUMBERS, World, naive, publish, random_world, write_csv
from tests.seed import SEED

DIALECTS = [
    (",", "\n", csv.QUOTE_MINIMAL, "utf-8"),
    (";", "\r\n", csv.QUOTE_ALL, "utf-8-sig"),
    ("\t", "\n", csv.QUOTE_MINIMAL, "utf-16"),
    ("|", "\r\n", csv.QUOTE_MINIMAL, "cp1252"),
]


def read_back(folder: Path, kind: str, delimiter: str) -> list[dict[str, Any]]:
    if (parquet := folder / f"{kind}.parquet").exists():
        return [{k: "" if v is None else str(v) for k, v in row.items()} for row in pq.read_table(parquet).to_pylist()]
    with (folder / f"{kind}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, delimiter=delimiter))


def reason_of(text: str) -> tuple[str | None, ...]:
    """One of all the reasons, as the parts that the naive reading gives."""
    parts = re.fullmatch(r"(\w+) (\w+)(?: (\w+) \S+)? at (\S+) \((\w+)(?:, \S+)?\) in (.+)", text)
    assert parts, f"not the form of a reason: {text}"
    channel, reason, registry, scope, basis, column = parts.groups()
    return column, channel, reason, basis, scope, registry


def outcome_of(world: World, folder: Path, delimiter: str) -> dict[str, tuple[Any, ...]]:
    """Per customer what became of them, as the files say it."""
    found: dict[str, tuple[Any, ...]] = {}
    rows_before = dict(zip([row[0] for row in world.rows], world.rows, strict=True))
    for kind in ("allowed", "blocked", "unscreened", "unreadable"):
        for row in read_back(folder, kind, delimiter):
            key = row["customer"]
            assert key not in found, f"{key} is in two files"
            assert [row[label] for label in world.header] == rows_before[key], f"a value of {key} was changed"
            said = {
                name.removeprefix("quietlist_"): value or None for name, value in row.items() if name.startswith("quietlist_")
            }
            if kind == "blocked":
                assert (said["registry_version"] is not None) == (said["registry"] is not None)
                decided = tuple(said[name] for name in ("column", "channel", "reason", "basis", "scope", "registry"))
                found[key] = (kind, *decided, frozenset(map(reason_of, (said["all_reasons"] or "").split("; "))))
            elif kind == "unreadable":
                found[key] = (kind, None if said["reason"] == "empty" else said["column"], said["reason"])
            else:
                found[key] = (kind,)
    return found


def scrubbed(world: World, tmp_path: Path, luck: random.Random) -> tuple[Home, dict[str, tuple[Any, ...]]]:
    home = Home.at(tmp_path / "home")
    publish(world, home)
    delimiter, end, quoting, encoding = luck.choice(DIALECTS)
    if luck.random() < 0.25:
        file = tmp_path / "campaign.parquet"
        columns = dict(zip(world.header, zip(*world.rows, strict=True), strict=True))
        pq.write_table(pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()}), file)
    else:
        file = tmp_path / "campaign.csv"
        if luck.random() < 0.3:
            world.rows[-1][-1] = "first line\nsecond line"
        write_csv(world, file, delimiter, end, quoting, encoding)
    request = Request(channels=tuple(world.channels), scopes=tuple(world.nodes))
    result = scrub(home, load_config(home), file, request, tmp_path / "out", AS_OF)
    assert sum(output["records"] for output in result.certificate["outputs"]) == len(world.rows)
    return home, outcome_of(world, tmp_path / "out", delimiter)


def compare(seed: int, tmp_path: Path) -> None:
    luck = random.Random(seed)
    world = random_world(luck)
    home, found = scrubbed(world, tmp_path, luck)
    expected = dict(zip([row[0] for row in world.rows], naive(world), strict=True))
    for row in world.rows:
        assert found[row[0]] == expected[row[0]], f"seed {seed}: {world.channels} at {world.nodes}: {row}"
    compare_with_check(seed, world, home, found)
    compare_with_explain(seed, luck, world, home)


def compare_with_explain(seed: int, luck: random.Random, world: World, home: Home) -> None:
    """What explain says of a contact point is what check says of it anywhere in the company, and what the rows say."""
    config = load_config(home)
    for identifier in luck.sample(NUMBERS, 2) + luck.sample(EMAILS, 2):
        explanation = explain(home, config, identifier)
        (point,) = explanation.as_dict()["points"]
        said = {answer["channel"]: answer["may_contact"] for answer in point["answers"]}
        answers = check_many(home, [Question(channel, identifier) for channel in said], config)
        assert said == {answer.question.channel: answer.may_contact for answer in answers}, f"seed {seed}: {identifier}"
        rows = {row["channel"] for row in world.golden if row["identifier"] == identifier}
        listing = {
            channel
            for name, (numbers, _) in world.registries.items()
            for channel in BINDS[name][0]
            if "@" not in identifier and int(identifier[1:]) in numbers
        }
        assert {channel for channel, may in said.items() if may is False} == rows | listing, f"seed {seed}: {identifier}"
        first = explanation.lines()[0]
        assert first.endswith("is not suppressed") is all(said.values()), f"seed {seed}: {first}"
        assert ("SUPPRESSED" in first or "may NOT" in first) is bool(rows | listing), f"seed {seed}: {first}"


def compare_with_check(seed: int, world: World, home: Home, found: dict[str, tuple[Any, ...]]) -> None:
    """Whatever may be contacted by check on every channel and node is not blocked, and the other way round."""
    asked = [
        (row[0], Question(channel, cells[column], node, cells["country"].strip() or None))
        for row in world.rows
        for cells in [dict(zip(world.header, row, strict=True))]
        for channel in world.channels
        for column, kind in world.kinds.items()
        for node in world.nodes or [None]
        if kind in {"email": ["email"], "ads": ["email", "phone"]}.get(channel, ["phone"])
        if cells[column].strip() not in ("", *EMPTY_WORDS)
        if channel != "ads" or ("@" in cells[column]) == (kind == "email")
    ]
    answers = check_many(home, [question for _, question in asked], load_config(home))
    stopped = {key for (key, _), answer in zip(asked, answers, strict=True) if answer.may_contact is False}
    unknown = {key for (key, _), answer in zip(asked, answers, strict=True) if answer.may_contact is None and not answer.problem}
    for row in world.rows:
        assert (row[0] in stopped) == (found[row[0]][0] == "blocked"), f"seed {seed}: {row} is {found[row[0]]}"
        if found[row[0]][0] in ("allowed", "unscreened"):
            assert (row[0] in unknown) == (found[row[0]][0] == "unscreened"), f"seed {seed}: {row} is {found[row[0]]}"


@pytest.mark.parametrize("turn", range(6))
def test_every_record_ends_where_a_naive_reading_puts_it(turn: int, tmp_path: Path) -> None:
    compare(SEED + turn, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("turn", range(200))
def test_every_record_ends_where_a_naive_reading_puts_it_many_times(turn: int, tmp_path: Path) -> None:
    compare(SEED + 1_000 + turn, tmp_path)
