"""Loading: once, one transaction per file, one bad file never the others' problem, and the refused records for people."""

from __future__ import annotations

import json
import signal
import stat
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from orchestration.core.home import Home
from orchestration.core.warehouse import warehouse
from orchestration.landing import collect
from orchestration.landing.archives import landed_path
from orchestration.readers import load
from orchestration.readers.register import register
from tests.readers.conftest import AS_OF, Desk, feed

OPT_OUTS = feed({"email": ["email"]}, files=("optouts*",))
BOUNCES = feed({"email": ["email"]}, name="bounces", files=("bounces*",))
BOTH = (OPT_OUTS, BOUNCES)
FILES: dict[str, bytes | str] = {
    "optouts_1.csv": "email\na@example.com\nb@example.com,2\n",
    "bounces_1.csv": "email\nc@example.com\n",
}


def counts(con: duckdb.DuckDBPyConnection) -> list[tuple[int, ...]]:
    return con.execute(
        "select (select count(*) from raw.acme__optouts), (select count(*) from raw.acme__bounces), "
        "(select count(*) from raw.quarantine), (select count(*) from raw.load_log), (select count(*) from raw.landed_files)"
    ).fetchall()


def test_loading_again_loads_nothing(desk: Desk) -> None:
    assert len(desk.deliver(BOTH, FILES)) == 2
    before = counts(desk.con)
    assert before == [(1, 1, 1, 2, 2)]
    for _ in range(2):
        register(desk.con, desk.home, desk.config, feeds=BOTH)
        assert load(desk.con, desk.home, desk.config, AS_OF, feeds=BOTH) == []
        assert counts(desk.con) == before


def test_loading_one_feed_leaves_the_other_for_later(desk: Desk) -> None:
    folder = desk.home.inbox / "mail"
    folder.mkdir()
    for name, content in FILES.items():
        (folder / name).write_text(str(content))
    collect(desk.home, desk.config, AS_OF)
    register(desk.con, desk.home, desk.config, feeds=BOTH)
    (first,) = load(desk.con, desk.home, desk.config, AS_OF, BOUNCES, feeds=BOTH)
    assert (first.feed, counts(desk.con)) == ("bounces", [(0, 1, 0, 1, 2)])
    (second,) = load(desk.con, desk.home, desk.config, AS_OF, feeds=BOTH)
    assert (second.feed, counts(desk.con)) == ("optouts", [(1, 1, 1, 2, 2)])


def test_refused_records_are_exported_for_people_only(desk: Desk) -> None:
    bounces, optouts = desk.deliver(BOTH, FILES)
    path = desk.home.quarantine / "mail" / f"{optouts.file_id}.jsonl"
    (line,) = path.read_text().splitlines()
    assert json.loads(line) | {"detail": ""} == {
        "record_no": 3,
        "reason": "too_many_fields",
        "detail": "",
        "record": "b@example.com,2",
    }
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == [path.name], "nothing for a file without refused records"
    assert bounces.quarantined == 0


def test_no_detail_or_reason_holds_what_the_record_holds(desk: Desk) -> None:
    secret = "ann.secret"
    objects = feed({"email": ["email"]}, reader="json", name="objects", files=("objects*",))
    desk.deliver(
        (*BOTH, objects),
        {
            "optouts_1.csv": f'email\n{secret}@example.com,2\n"{secret}\n"x"y\n',
            "bounces_1.csv": f"{secret},x\n",
            "objects.json": f'{{"{secret}":\n[1, "{secret}"]',
        },
    )
    said = desk.con.execute("select reason, detail from raw.quarantine").fetchall()
    said += desk.con.execute("select detail, encoding from raw.load_log").fetchall()
    assert len(said) > 4
    assert secret not in str(said)


def test_landed_bytes_that_changed_are_refused_and_read_again_once_they_are_back(desk: Desk) -> None:
    folder = desk.home.inbox / "mail"
    folder.mkdir()
    (folder / "optouts_1.csv").write_text("email\na@example.com\n")
    (folder / "bounces_1.csv").write_text("email\nb@example.com\n")
    collect(desk.home, desk.config, AS_OF)
    register(desk.con, desk.home, desk.config, feeds=BOTH)
    delivered = desk.con.execute("select sha256 from raw.landed_files where feed = 'optouts'").fetchall()[0][0]
    landed = landed_path(desk.home, delivered)
    content = landed.read_bytes()
    for damage in (b"email\nx@example.com\n", None):
        landed.unlink() if damage is None else landed.write_bytes(damage)
        files = {file.feed: file for file in load(desk.con, desk.home, desk.config, AS_OF, feeds=BOTH)}
        assert (files["optouts"].loaded, files["optouts"].quarantined) == (0, 1)
        assert [reason for _, reason, _ in desk.quarantine(files["optouts"])] == ["landing_altered"]
    assert counts(desk.con) == [(0, 1, 1, 2, 2)], "the other file was loaded, and the refusal is noted once"
    landed.write_bytes(content)
    register(desk.con, desk.home, desk.config, feeds=BOTH)
    (again,) = load(desk.con, desk.home, desk.config, AS_OF, feeds=BOTH)
    assert (again.loaded, again.quarantined) == (1, 0)
    assert counts(desk.con) == [(1, 1, 0, 2, 2)]
    assert not list((desk.home.quarantine / "mail").iterdir()), "nothing is left for people to look at"


def test_the_first_feed_whose_columns_are_there_takes_a_file_that_several_know(desk: Desk) -> None:
    messages = feed({"body": ["Body"]}, name="messages", files=("*",), requires=("body",), reader="auto")
    calls = feed({"dnis": ["DNIS"]}, name="calls", files=("*",), requires=("dnis",), reader="auto")
    files: dict[str, bytes | str] = {
        "1.csv": "DNIS\n2015550101\n",
        "2.csv": "Body\nSTOP\n",
        "3.json": '{"x":1}\n{"dnis":"2015550101"}',
        "4.csv": "neither\n1\n",
    }
    loaded = {file.file_id: file for file in desk.deliver((messages, calls), files)}
    names = dict(desk.con.execute("select name, file_id from raw.landed_files").fetchall())
    assert {name: loaded[file_id].feed for name, file_id in names.items()} == {
        "1.csv": "calls",
        "2.csv": "messages",
        "3.json": "calls",
        "4.csv": "messages",
    }
    assert [reason for _, reason, _ in desk.quarantine(loaded[names["4.csv"]])] == ["no_known_columns"]


def test_a_loaded_file_stays_what_it_was_loaded_as(desk: Desk) -> None:
    desk.deliver((OPT_OUTS,), {"optouts_1.csv": "email\na@example.com\n"})
    newcomer = feed({"email": ["email"]}, name="newcomer", files=("*",))
    register(desk.con, desk.home, desk.config, feeds=(newcomer, OPT_OUTS))
    assert desk.con.execute("select feed from raw.landed_files").fetchall() == [("optouts",)]
    assert load(desk.con, desk.home, desk.config, AS_OF, feeds=(newcomer, OPT_OUTS)) == []


def test_a_file_no_feed_knows_is_kept_and_loaded_once_a_feed_does(desk: Desk) -> None:
    assert desk.deliver((BOUNCES,), {"optouts_1.csv": "email\na@example.com\n"}) == []
    assert desk.con.execute("select vendor, feed, name from raw.landed_files").fetchall() == [(None, None, "optouts_1.csv")]
    register(desk.con, desk.home, desk.config, feeds=BOTH)
    (file,) = load(desk.con, desk.home, desk.config, AS_OF, feeds=BOTH)
    assert file.loaded == 1


def test_a_column_declared_later_is_null_in_what_was_loaded_before(desk: Desk) -> None:
    desk.deliver((OPT_OUTS,), {"optouts_1.csv": "email,note\na@example.com,x\n"})
    wider = feed({"email": ["email"], "note": ["note"]}, files=("optouts*",))
    (file,) = desk.deliver((wider,), {"optouts_2.csv": "email,note\nb@example.com,y\n"})
    assert desk.values(file) == [("b@example.com", "y")]
    assert desk.con.execute("select note, _extra from raw.acme__optouts order by email").fetchall() == [
        (None, '{"note":"x"}'),
        ("y", None),
    ]


_LOADER = """
import sys
from datetime import UTC, datetime
from orchestration.core.config import Config
from orchestration.core.home import Home
from orchestration.core.warehouse import warehouse
from orchestration.readers import load
from tests.readers.conftest import Desk
from tests.readers.test_readers_loading import BOTH
home = Home.at(sys.argv[1])
with warehouse(home) as con:
    print("ready", flush=True)
    load(con, home, Desk(home, con).config, datetime(2026, 4, 1, tzinfo=UTC), feeds=BOTH)
print("done", flush=True)
"""


@pytest.mark.parametrize("wait", [0.0, 0.05, 0.15])
def test_a_kill_while_loading_leaves_nothing_half(tmp_path: Path, wait: float) -> None:
    home = Home.at(tmp_path / "home").create()
    folder = home.inbox / "mail"
    folder.mkdir()
    for number in range(6):  # the odd ones go through the careful reader, which takes longer
        tail = "x@example.com,2\n\n" if number % 2 else ""
        lines = "".join(f"{number}.{index}@example.com\n" for index in range(8_000))
        (folder / f"optouts_{number}.csv").write_text("email\n" + lines + tail)
    with warehouse(home) as con:
        config = Desk(home, con).config
        collect(home, config, AS_OF)
        register(con, home, config, feeds=BOTH)
    process = subprocess.Popen(
        [sys.executable, "-c", _LOADER, str(home.root)], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    )
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(wait)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    with warehouse(home) as con:
        rows = "select _file_id, count(*) from raw.acme__optouts group by all order by 1"
        logged = "select file_id, loaded from raw.load_log order by 1"
        assert con.execute(rows).fetchall() == con.execute(logged).fetchall(), f"killed after {wait} s"
        load(con, home, config, AS_OF + timedelta(days=1), feeds=BOTH)
        assert counts(con) == [(48_000, 0, 3, 6, 6)], f"killed after {wait} s"
    assert len(list((home.quarantine / "mail").iterdir())) == 3
    unpacked = home.warehouse_folder / "unpacked"
    assert not list(unpacked.iterdir()), "what the killed process left unpacked is cleared away"


@pytest.mark.parametrize("first", ["orchestration.landing", "orchestration.readers", "orchestration.readers.recognise"])
def test_either_package_can_be_imported_first(first: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"import {first}"], capture_output=True, cwd=Path(__file__).parents[2], check=False
    )
    assert done.returncode == 0, done.stderr.decode()


def test_nothing_of_a_file_is_left_unpacked(desk: Desk) -> None:
    desk.deliver((OPT_OUTS,), {"optouts_1.csv": "email\né@example.com\n".encode("utf-16")})
    assert not list((desk.home.warehouse_folder / "unpacked").iterdir())
    assert (desk.home.warehouse_folder / "unpacked").is_dir()
