"""Random registries through the engine against three readings: brute force, what is published, and the models' membership."""

from __future__ import annotations

import json
import random
import shutil
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pytest

from orchestration.core.home import Home
from orchestration.core.numbers import write_numbers
from orchestration.core.warehouse import warehouse
from orchestration.readers.number_lines import plain_file
from orchestration.readers.tables import create_raw_tables
from orchestration.reconcile import dbt
from orchestration.registries import Version, create_registry_tables, latest_of
from orchestration.registries.batches import files_by_registry
from orchestration.registries.known import match_known
from orchestration.registries.publishing import publish_registry
from orchestration.registries.taking import entries_file
from tests.registries.house import CONFIG, START, numbers_of, staged
from tests.seed import SEED

COVERAGES = ("area_code", "whole", "wash")
POINTS = [int(f"1{area}55501{last:02d}") for area in (201, 202, 203) for last in range(5)] + [447700900101, 447700900102]


@dataclass
class File:
    """A landed file of one registry: the numbers it says something about."""

    registry: str
    source: str
    day: int
    is_full: bool
    listed: set[int]
    delisted: set[int]
    plain: set[int] = field(default_factory=set)
    number: int = 0

    @property
    def snapshot_at(self) -> datetime:
        return START + timedelta(days=self.day)

    @property
    def file_id(self) -> str:
        return f"{zlib.crc32(self.registry.encode()):08x}{self.number:024x}"


def area(coverage: str, number: int) -> str:
    if coverage != "area_code":
        return "*"
    return str(number)[1:4] if str(number).startswith("1") else ""


def brute(coverage: str, files: list[File]) -> tuple[set[int], set[str]]:
    """Who is listed after all files, in the order in which they apply, and which areas were ever taken."""
    listed: set[int] = set()
    taken: set[str] = set()

    def key(file: File) -> tuple[int, bool, str]:
        return file.day, not (file.is_full and coverage != "wash"), file.source

    for one in sorted({key(file) for file in files}):
        batch = [file for file in files if key(file) == one]
        said = set().union(*(file.listed | file.plain for file in batch))
        if not one[1]:
            areas = {area(coverage, number) for file in batch for number in file.listed | file.plain | file.delisted}
            listed = {number for number in listed if area(coverage, number) not in areas}
            taken |= areas
        else:
            listed -= set().union(*(file.delisted for file in batch))
        listed |= said
    return listed, taken


def random_files(chosen: random.Random, registry: str) -> list[File]:
    files = []
    for number in range(chosen.randint(1, 9)):
        is_full = chosen.random() < 0.5
        some = set(chosen.sample(POINTS, chosen.randint(1, len(POINTS))))
        if chosen.random() < 0.5:
            some = {point for point in some if str(point)[1:4] == chosen.choice(("201", "202", "203"))} or some
        listed = {point for point in some if is_full or chosen.random() < 0.5}
        plain = {point for point in listed if chosen.random() < 0.7} if chosen.random() < (0.8 if is_full else 0.1) else set()
        files.append(
            File(registry, chosen.choice("ab"), chosen.randint(0, 5), is_full, listed - plain, some - listed, plain, number)
        )
    return files


def take(con: duckdb.DuckDBPyConnection, home: Home, files: list[File], arrived: datetime) -> None:
    """Put files where the engine puts what it has ingested."""
    for file in files:
        con.execute(
            "insert into raw.landed_files (file_id, sha256, source, snapshot_at, received_at) values (?, ?, ?, ?, ?)",
            [file.file_id, file.file_id * 2, file.source, file.snapshot_at, arrived],
        )
        if file.plain:
            write_numbers(iter([np.array(sorted(file.plain), np.uint64)]), plain_file(home, file.file_id))
        rows = [(number, True) for number in file.listed] + [(number, False) for number in file.delisted]
        if rows:
            values = ", ".join(f"({number}, {listed})" for number, listed in rows)
            con.execute(
                f"copy (select '{file.registry}' as registry, {file.is_full} as is_full, number::ubigint as number, is_listed, "
                f"null::date as listed_on from (values {values}) as said(number, is_listed)) "
                f"to '{entries_file(home, file.file_id)}' (format parquet)"
            )
        con.execute(
            "insert into registries.files values (?, ?, ?, ?, ?)",
            [
                file.file_id,
                len(rows) + len(file.plain),
                file.registry if file.plain else None,
                file.is_full if file.plain else None,
                bool(rows),
            ],
        )
        areas: dict[str, int] = {}
        for number in file.plain | file.listed | file.delisted:
            code = area("area_code", number)
            areas[code] = areas.get(code, 0) + 1
        con.executemany(
            "insert into registries.file_areas values (?, ?, ?, ?, ?)",
            [(file.file_id, file.registry, file.is_full, code, count) for code, count in areas.items()],
        )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    home = staged(tmp_path_factory.mktemp("versions") / "home")
    home.registries_folder.mkdir()
    yield home


def test_what_is_published_is_what_brute_force_and_the_models_say_in_whatever_order_files_arrive(home: Home) -> None:
    seed = SEED
    chosen = random.Random(seed)
    worlds = {}
    for number in range(24):
        coverage = COVERAGES[number % 3]
        registry = f"{coverage}_{number}"
        files = random_files(chosen, registry)
        chosen.shuffle(files)  # late files, changes before any full file, two sources of one registry
        worlds[registry] = (coverage, files)
    policy = {registry: {"registry": registry, "coverage": coverage} for registry, (coverage, _) in worlds.items()}
    with warehouse(home) as con:
        con.executemany(
            "insert into policy.registries (registry, coverage) values (?, ?)", [tuple(p.values()) for p in policy.values()]
        )
        # Half of the numbers are known from the beginning, the others become known in the middle.
        known = chosen.sample(POINTS, len(POINTS))
        for step in range(4):
            con.executemany(
                "insert into identifiers.phone (raw, region, e164, status, normaliser) values (?, 'US', ?, 'ok', 'test')",
                [(str(point), f"+{point}") for point in known[step::4]],
            )
            for _, files in worlds.values():
                take(con, home, files[step::4], START + timedelta(days=20 + step))
            for _ in range(2):  # the second time there is nothing to do
                published = [
                    publish_registry(con, home, registry, files, policy[registry], full_refresh=False, may_shrink=True)
                    for registry, files in files_by_registry(con).items()
                ]
                con.begin()
                match_known(con, home)
                con.commit()
            assert published == [None] * len(published), f"seed {seed}: the same files again made a version"
            for registry, (coverage, files) in worlds.items():
                arrived = [file for place in range(step + 1) for file in files[place::4]]
                if arrived:
                    listed, taken = brute(coverage, arrived)
                    said = f"seed {seed}, {registry}, step {step}"
                    assert numbers_of(home, registry) == sorted(listed), said
                    version = latest_of(home, registry)
                    assert isinstance(version, Version)
                    codes = sorted(code for code in taken if code) if coverage == "area_code" else []
                    assert version.manifest["area_codes"] == codes, said
    dbt.invoke(home, CONFIG, START, "run", "path:models/registries")
    with warehouse(home, read_only=True) as con:
        members: dict[str, set[int]] = {}
        for registry, identifier in con.execute("select registry, identifier from registries.membership").fetchall():
            members.setdefault(registry, set()).add(int(identifier[1:]))
        labels = dict(
            con.execute("select registry, max_by(version, version_no) from registries.versions group by registry").fetchall()
        )
        ages = dict(
            con.execute(
                "select registry, min(age) from (select registry, area, max_by(obtained_at, version_no) as age "
                "from registries.area_versions group by registry, area) group by registry"
            ).fetchall()
        )
    for registry, (coverage, files) in worlds.items():
        said = f"seed {seed}, {registry}"
        assert members.get(registry, set()) == brute(coverage, files)[0], said
        version = latest_of(home, registry)
        assert version is not None
        assert version.manifest["label"] == labels[registry], said
        if registry in ages:
            assert version.obtained_at == ages[registry], said
    # All at once, published by a home that has lost its versions: the same numbers. Made again from all files: nothing new.
    with warehouse(home) as con:
        for registry, files in files_by_registry(con).items():
            before = numbers_of(home, registry)
            assert publish_registry(con, home, registry, files, policy[registry], full_refresh=True, may_shrink=True) is None, (
                f"seed {seed}, {registry}"
            )
            shutil.rmtree(home.registries_published / registry)
            assert publish_registry(con, home, registry, files, policy[registry], full_refresh=False, may_shrink=True) is not None
            assert numbers_of(home, registry) == before, f"seed {seed}, {registry}"
            manifest = json.loads((home.registries_published / registry / "version=1" / "manifest.json").read_text())
            assert (manifest["added"], manifest["removed"]) == (len(before), 0)


def test_added_and_removed_count_what_a_version_is_to_the_one_before(tmp_path: Path) -> None:
    seed = SEED
    chosen = random.Random(seed)
    other = Home.at(tmp_path / "home").create()
    other.registries_folder.mkdir()
    with duckdb.connect() as con:
        create_raw_tables(con)
        create_registry_tables(con)
        for number in range(6):
            coverage = COVERAGES[number % 3]
            registry, before = f"{coverage}_{number}", set[int]()
            for file in random_files(chosen, registry):
                take(con, other, [file], START + timedelta(days=20 + file.number))
                files = files_by_registry(con)[registry]
                version = publish_registry(
                    con, other, registry, files, {"coverage": coverage}, full_refresh=False, may_shrink=True
                )
                assert isinstance(version, Version)
                after = set(numbers_of(other, registry))
                seen = (version.manifest["added"], version.manifest["removed"], version.number)
                assert seen == (len(after - before), len(before - after), file.number + 1), f"seed {seed}, {registry}"
                before = after
