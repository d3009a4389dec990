"""Whatever kind of file somebody is named in, it is found; and nobody else is taken for them."""

from __future__ import annotations

import gzip
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from orchestration.core.config import load_config
from orchestration.erasure.points import Point
from orchestration.erasure.traces import traces
from orchestration.landing.collecting import collect
from tests.erasure.home import AS_OF, CONFIG, bare_home

POINTS = (Point("email", "ann@example.com"), Point("phone", "+12125550147"), Point("postal", "ann doe|1 main st|02139|US"))
OTHERS = "joann@example.com, ann@example.com.au, 121255501470, bob doe|1 main st|02139|US"


def _sqlite(path: Path, text: str, *, delete: bool = False) -> None:
    with sqlite3.connect(path) as con:
        con.execute("pragma secure_delete = off")  # else it writes zeros over what is deleted
        con.execute("create table t (a text, b text, c text)")
        con.executemany("insert into t values ('email', ?, '*')", [(text,), ("x" * 50,)])
        con.commit()
        if delete:
            con.execute("delete from t where b = ?", [text])
    con.close()


def _duckdb(path: Path, text: str) -> None:
    with duckdb.connect(str(path)) as con:
        con.execute("create schema s; create table s.t as select ['a', ?] as list from range(3000)", [text])


def _parquet(path: Path, text: str) -> None:
    with duckdb.connect() as con:
        con.execute(
            f"copy (select {{'within': ?}} as packed from range(3000)) to '{path}' (format parquet, compression zstd)", [text]
        )


def _zip(path: Path, text: str) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("within.csv", f"{text}\n" * 50)


KINDS: dict[str, tuple[str, Callable[[Path, str], object]]] = {
    "text": ("reports/a.html", lambda path, text: path.write_text(f"<p>{text}</p>")),
    "UTF-16": ("reports/a.csv", lambda path, text: path.write_text(text, encoding="utf-16")),
    "an unknown binary file": ("reports/a.bin", lambda path, text: path.write_bytes(b"\0\1x" + text.encode() + b"y\0")),
    "SQLite": ("warehouse/dagster/a.db", _sqlite),
    "DuckDB": ("outbox/a.duckdb", _duckdb),
    "Parquet": ("published/a.parquet", _parquet),
    "gzip": ("scrub/a.gz", lambda path, text: path.write_bytes(gzip.compress(f"{text}\n".encode() * 50))),
    "zip": ("scrub/a.zip", _zip),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("point", POINTS, ids=[point.identifier_type for point in POINTS])
def test_a_file_of_any_kind_is_found(kind: str, point: Point, tmp_path: Path) -> None:
    home = bare_home(tmp_path / "home")
    name, write = KINDS[kind]
    (home.root / name).parent.mkdir(parents=True, exist_ok=True)
    write(home.root / name, OTHERS if kind != "an unknown binary file" else "bob@example.org")
    assert list(traces(home, load_config(home), POINTS)) == [], "others are not taken for them"
    (home.root / name).unlink()
    write(home.root / name, point.identifier)
    (found,) = traces(home, load_config(home), POINTS)
    assert found.path == home.root / name and found.kept_by is None


def test_what_was_deleted_from_a_database_and_still_lies_in_its_pages_is_found(tmp_path: Path) -> None:
    home = bare_home(tmp_path / "home")
    _sqlite(home.root / "reports" / "a.db", "ann@example.com", delete=True)
    assert b"ann@example.com" in (home.root / "reports" / "a.db").read_bytes(), "it lies there"
    assert len(list(traces(home, load_config(home), POINTS))) == 1


def test_a_file_s_name_names_too(tmp_path: Path) -> None:
    home = bare_home(tmp_path / "home")
    (home.scrub / "ann@example.com.csv").write_text("nobody")
    assert len(list(traces(home, load_config(home), POINTS))) == 1


def test_a_destination_s_own_list_is_told_apart(tmp_path: Path) -> None:
    for system, name in (("sql_table", "suppression.db"), ("file_drop", "drop/full.csv")):
        home = bare_home(tmp_path / system, f'{CONFIG}\n[destinations.crm]\nsystem = "{system}"\nchannels = ["email"]\n')
        path = home.outbox / "crm" / name
        path.parent.mkdir(parents=True)
        _sqlite(path, "ann@example.com") if system == "sql_table" else path.write_text("ann@example.com")
        (home.outbox / "crm" / "receipts").mkdir()
        (found,) = traces(home, load_config(home), POINTS)
        assert found.kept_by == "crm", system


def test_what_registries_list_is_not_looked_at(tmp_path: Path) -> None:
    from orchestration.erasure.erasing import _left_out

    home = bare_home(tmp_path / "home", f'{CONFIG}\n[sources.tps]\nformat = "uk_tps"\n')
    (home.inbox / "tps").mkdir()
    (home.inbox / "tps" / "TPS_2026-03-01.txt").write_text("+12125550147\n")
    collect(home, load_config(home), AS_OF)
    with duckdb.connect(str(home.warehouse_file)) as con:
        con.execute("create schema raw; create table raw.plain_probes as select 12125550147::ubigint as number")
        con.execute("create schema registries; create table registries.known_entries as select '+12125550147' as number")
    assert list(traces(home, load_config(home), POINTS, _left_out(home))) == []
    with duckdb.connect(str(home.warehouse_file)) as con:
        con.execute("create table raw.canonical__requests as select '+12125550147' as phone")
    assert len(list(traces(home, load_config(home), POINTS, _left_out(home)))) == 1, "what people said is"


def _with_one_that_does_not_open(path: Path, text: str) -> None:
    """A ZIP whose first entry has another checksum than the archive says, before one that is whole."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("broken.csv", "something else")
        archive.writestr("whole.csv", text)
    path.write_bytes(path.read_bytes().replace(b"something else", b"something ELSE", 1))


CLOSED: dict[str, tuple[str, Callable[[Path, str], object]]] = {
    "a ZIP with an entry that is broken": ("scrub/a.zip", _with_one_that_does_not_open),
    "a ZIP without its end": ("scrub/a.zip", lambda path, text: path.write_bytes(b"PK\x03\x04" + b"x" * 200)),
    "a gzip file that is cut off": (
        "scrub/a.gz",
        lambda path, text: path.write_bytes(gzip.compress(f"{text}\n".encode() * 50)[:-12]),
    ),
    "Parquet that is none": ("published/a.parquet", lambda path, text: path.write_bytes(b"PAR1" + b"\1" * 50)),
    "DuckDB that is none": ("outbox/a.duckdb", lambda path, text: path.write_bytes(b"\1" * 5000)),
}


@pytest.mark.parametrize("kind", CLOSED)
def test_a_file_that_does_not_open_is_told_and_not_passed_over(kind: str, tmp_path: Path) -> None:
    home = bare_home(tmp_path / "home")
    name, write = CLOSED[kind]
    (home.root / name).parent.mkdir(parents=True, exist_ok=True)
    write(home.root / name, "bob@example.org")
    (found,) = traces(home, load_config(home), POINTS)
    assert (found.path, found.is_closed) == (home.root / name, True)


def test_what_stands_behind_an_entry_that_does_not_open_is_found(tmp_path: Path) -> None:
    home = bare_home(tmp_path / "home")
    home.scrub.mkdir(exist_ok=True)
    _with_one_that_does_not_open(home.scrub / "a.zip", "ann@example.com")
    (found,) = traces(home, load_config(home), POINTS)
    assert not found.is_closed, "it names her, whatever else is in it"


def test_letters_of_two_bytes_within_an_archive_are_read(tmp_path: Path) -> None:
    home = bare_home(tmp_path / "home")
    home.scrub.mkdir(exist_ok=True)
    with zipfile.ZipFile(home.scrub / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("within.csv", "email\nann@example.com\n".encode("utf-16"))
    assert [trace.is_closed for trace in traces(home, load_config(home), POINTS)] == [False]
