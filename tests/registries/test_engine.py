"""Files of registries through the real entry points: nothing lost, nothing twice, the same after a crash anywhere."""

from __future__ import annotations

import io
import json
import random
import shutil
import stat
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orchestration.core.errors import PermanentError
from orchestration.core.files import sha256_file
from orchestration.core.home import CHECKOUT, Home
from orchestration.core.warehouse import warehouse
from orchestration.landing.archives import landed_path
from orchestration.readers import loading
from orchestration.readers.number_lines import _picture
from orchestration.reconcile import stages
from orchestration.registries import latest_of, publish_withheld, published_registries, verify_registry
from tests.registries.house import CONFIG, LATER, START, copy_of, deliver, numbers_of, run, staged
from tests.seed import SEED

FULL = "202,5550101\n202,5550102\n202,5550102\n212,5550101\n202;5550104\n222,2222222\nrubbish\n\n"
CHANGES = "202,5550101,2026-03-02,D\n212,5550107,2026-03-02,A\n202,5550103,2026-03-02\n"
LISTED = [12025550101, 12025550102, 12025550104, 12125550101]
AFTER = [12025550102, 12025550104, 12125550101, 12125550107]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return staged(tmp_path_factory.mktemp("engine") / "home")


@pytest.fixture
def home(template: Home, tmp_path: Path) -> Home:
    return copy_of(template, tmp_path / "home")


def tree(home: Home) -> dict[str, str]:
    """Every published file and its hash."""
    files = (path for path in home.registries_published.rglob("*") if path.is_file())
    return {str(path.relative_to(home.registries_published)): sha256_file(path) for path in files}


def test_a_full_file_and_its_changes_become_two_versions_and_every_record_has_a_place(home: Home) -> None:
    deliver(home, "us", "full_2026-03-01.txt", FULL)
    run(home, START)
    assert numbers_of(home, "us_ftc") == LISTED
    deliver(home, "us", "change_2026-03-02.txt", CHANGES)
    updated = run(home, LATER)
    assert numbers_of(home, "us_ftc") == AFTER
    assert [version.manifest["registry"] for version in updated.published] == ["us_ftc"]
    version = latest_of(home, "us_ftc")
    assert version is not None
    kept = {name: version.manifest[name] for name in ("kind", "label", "source", "rows", "added", "removed", "area_codes")}
    assert kept == {
        "kind": "change",
        "label": "2026-03-02T00:00:00Z-change",
        "source": "us",
        "rows": 4,
        "added": 1,
        "removed": 1,
        "area_codes": ["202", "212"],
    }
    assert version.manifest["obtained_at"] == "2026-03-02T00:00:00+00:00"
    assert version.manifest["policy"]["max_age_days"] == "31"
    for path in home.registries_published.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path.name
    with warehouse(home) as con:
        accounts = con.execute(
            "select physical_records, loaded, quarantined, skipped from raw.load_log order by loaded_at"
        ).fetchall()
        assert accounts == [(8, 6, 1, 1), (3, 3, 0, 0)]
        # One digit all over is no number: with the normaliser's reason, as it stood.
        refused = con.execute("select record_no, reason, record_text from raw.quarantine").fetchall()
        assert refused == [(6, "unreadable_number", "222,2222222")]
        # What the staging models refuse stays in the raw tables, where the account of quarantine finds it; all else has left.
        left = con.execute(
            "select record_no, outcome, outcome_reason from staging.int_registry__unioned order by feed, record_no"
        ).fetchall()
        assert left == [(3, "quarantine", "unreadable_change"), (7, "quarantine", "unreadable_number")]
        assert con.execute("select sum(records) from registries.files").fetchall() == [(7,)]
    (exported,) = home.quarantine.rglob("*.jsonl")
    assert [json.loads(line)["record_no"] for line in exported.read_text().splitlines()] == [6]


def test_the_same_files_again_publish_nothing(home: Home) -> None:
    deliver(home, "us", "full_2026-03-01.txt", FULL)
    run(home, START)
    before = tree(home)
    deliver(home, "us", "full_2026-03-01.txt", FULL)
    assert run(home, LATER).published == []
    assert run(home, LATER, full_refresh=True).published == []
    assert tree(home) == before
    assert numbers_of(home, "us_ftc") == LISTED


def test_an_equal_list_of_a_later_day_is_a_newer_version_of_the_same_numbers(home: Home) -> None:
    deliver(home, "us", "full_2026-03-01.txt", FULL)
    run(home, START)
    deliver(home, "us", "full_2026-03-05.txt", FULL)
    (version,) = run(home, LATER).published
    assert (version.number, version.manifest["added"], version.manifest["removed"]) == (2, 0, 0)
    assert version.obtained_at == datetime(2026, 3, 5, tzinfo=UTC), "its age counts from the newer list"
    assert numbers_of(home, "us_ftc") == LISTED


def test_files_of_one_moment_are_one_version_in_one_archive_or_in_many_runs(home: Home) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for area in (212, 202, 312):
            file.writestr(f"{area}_2026-03-01.txt", f"{area},5550101\n{area},5550102\n")
    deliver(home, "us", "codes.zip", archive.getvalue())
    run(home, START)
    version = latest_of(home, "us_ftc")
    assert version is not None
    assert (version.number, version.rows, version.manifest["area_codes"]) == (1, 6, ["202", "212", "312"])
    # A straggler of the same day joins them; a later one speaks for its own area only, and makes no other copy younger.
    deliver(home, "us", "413_2026-03-01.txt", "413,5550101\n")
    run(home, START)
    deliver(home, "us", "202_2026-03-05.txt", "202,5550109\n")
    run(home, START + timedelta(days=9))
    numbers = [12025550109, 12125550101, 12125550102, 13125550101, 13125550102, 14135550101]
    assert numbers_of(home, "us_ftc") == numbers
    latest = latest_of(home, "us_ftc")
    assert latest is not None
    assert (latest.number, latest.manifest["label"], latest.manifest["kind"]) == (3, "2026-03-05T00:00:00Z-full", "full")
    assert latest.manifest["obtained_at"] == "2026-03-01T00:00:00+00:00"
    assert verify_registry(home, "us_ftc") == 3


def test_a_register_named_by_its_file_and_its_removals_keep_apart_from_the_other(home: Home) -> None:
    deliver(home, "uk", "TPS_20260301.txt", "0207 9460101\r\n07700 900101\r\n07700900102 \r\n")
    deliver(home, "uk", "CTPS_20260301.txt", "0207 9460101\r\n07700 900101\r\n")
    deliver(home, "uk", "CTPS_removals_20260302.txt", "07700 900101\r\n")
    run(home, LATER)
    assert published_registries(home) == ["uk_ctps", "uk_tps"]
    assert numbers_of(home, "uk_tps") == [442079460101, 447700900101, 447700900102]
    assert numbers_of(home, "uk_ctps") == [442079460101]


def test_a_number_that_becomes_known_later_has_the_history_of_one_known_from_the_start(home: Home, tmp_path: Path) -> None:
    contacts = "customer_id,phones\nc1,+1 202 555 0101\nc2,+1 212 555 0107\n"
    early = copy_of(home, tmp_path / "early")
    deliver(early, "crm", "contacts.csv", contacts)
    for place in (home, early):
        deliver(place, "us", "full_2026-03-01.txt", FULL)
        run(place, START)
        deliver(place, "us", "change_2026-03-02.txt", CHANGES)
        run(place, LATER)
    deliver(home, "crm", "contacts.csv", contacts)
    found = []
    for place in (home, early):
        with warehouse(place) as con:
            assert place != home or con.execute("select count(*) from registries.known_entries").fetchall() == [(0,)]
            # The staging models that say which numbers there are were built as views: what is loaded is seen at once.
            con.execute(
                "insert into identifiers.phone select 'x' || e, 'US', e, 'ok', null, 'US', 'test' from "
                "(values ('+12025550101'), ('+12125550107')) as points(e)"
            )
        run(place, LATER)
        with warehouse(place) as con:
            found.append(con.execute("select * from registries.known_entries order by all").fetchall())
    assert found[0] == found[1]
    assert [(row[3], row[4]) for row in found[0]].count(("+12025550101", False)) == 1
    assert len(found[0]) == 3


def test_what_was_taken_in_is_made_again_from_landing_when_it_is_gone(home: Home) -> None:
    deliver(home, "us", "full_2026-03-01.txt", FULL)
    deliver(home, "us", "change_2026-03-02.txt", CHANGES)
    run(home, LATER)
    before = tree(home)
    shutil.rmtree(home.registries_folder)
    assert run(home, LATER).published == []
    assert tree(home) == before
    shutil.rmtree(home.registries_published)
    assert len(run(home, LATER).published) == 1
    assert numbers_of(home, "us_ftc") == AFTER


def test_a_landed_file_that_is_gone_ends_no_listing(home: Home) -> None:
    deliver(home, "us", "full_2026-03-01.txt", FULL)
    run(home, START)
    before = tree(home)
    with warehouse(home) as con:
        ((sha256,),) = con.execute("select sha256 from raw.landed_files").fetchall()
    landed = landed_path(home, sha256)
    kept = landed.read_bytes()
    landed.unlink()
    for _ in range(2):
        with pytest.raises(PermanentError, match="missing or were altered"):
            run(home, LATER, full_refresh=True)
        assert tree(home) == before
        with warehouse(home) as con:
            assert con.execute("select count(*) from registries.files").fetchall() == [(1,)]
    landed.write_bytes(kept)
    assert run(home, LATER, full_refresh=True).published == []
    assert numbers_of(home, "us_ftc") == LISTED


def test_a_picture_that_reads_a_line_otherwise_than_its_model_stops_everything(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = (_picture("NXX,XXXXXXX", "44"),)
    with monkeypatch.context() as context:
        context.setattr("orchestration.readers.number_lines.pictures_of", lambda feed: wrong)
        deliver(home, "us", "full_2026-03-01.txt", FULL)
        with pytest.raises(PermanentError, match="reads such a line otherwise") as caught:
            run(home, START)
    assert "5550101" not in str(caught.value)
    assert published_registries(home) == []
    assert loading.pictures_of is not None


def test_an_altered_version_is_refused_and_named(home: Home) -> None:
    deliver(home, "us", "full_2026-03-01.txt", FULL)
    run(home, START)
    version = latest_of(home, "us_ftc")
    assert version is not None
    with version.numbers_file.open("ab") as stream:
        stream.write(b"x")
    with pytest.raises(PermanentError, match=r"numbers\.parquet of version 1"):
        verify_registry(home, "us_ftc")
    deliver(home, "us", "change_2026-03-02.txt", CHANGES)
    with pytest.raises(PermanentError, match="not the file that was published"):
        run(home, LATER)
    assert latest_of(home, "us_ftc") == version


@pytest.fixture(scope="module")
def before_changes(template: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home with a version, where changes and another full file wait in the inbox."""
    home = copy_of(template, tmp_path_factory.mktemp("crash") / "home")
    deliver(home, "us", "full_2026-03-01.txt", FULL)
    run(home, START)
    deliver(home, "us", "change_2026-03-02.txt", CHANGES)
    deliver(home, "uk", "TPS_20260301.txt", "0207 9460101\r\n07700 900101\r\n")
    yield home


@pytest.mark.parametrize("stride", [7, pytest.param(1, marks=pytest.mark.slow)], ids=["some steps", "every step"])
def test_a_kill_at_any_durable_step_changes_nothing_of_the_end(before_changes: Home, tmp_path: Path, stride: int) -> None:
    whole = copy_of(before_changes, tmp_path / "whole")
    run(whole, LATER)
    step = random.Random(SEED).randint(1, stride)
    ends: list[str] = []
    while "done" not in ends:
        homes = {number: copy_of(before_changes, tmp_path / str(number)) for number in range(step, step + 4 * stride, stride)}
        arguments = [str(part) for number, home in homes.items() for part in (number, home.root)]
        finished = subprocess.run(
            [sys.executable, "-m", "tests.registries.crasher", *arguments],
            capture_output=True,
            text=True,
            timeout=300,
            cwd=CHECKOUT,
            check=True,
        )
        ends += finished.stdout.split()
        assert "failed" not in ends, finished.stderr
        for number, home in homes.items():
            # A consumer sees a whole version at any moment.
            for registry in published_registries(home):
                assert verify_registry(home, registry) >= 1, f"step {number}"
            assert numbers_of(home, "us_ftc") in (LISTED, AFTER), f"step {number}"
            run(home, LATER)
            assert tree(home) == tree(whole), f"step {number}"
            with warehouse(home) as con:
                found = con.execute("select count(*), sum(records) from registries.files").fetchall()
            assert found == [(3, 9)], f"step {number}"
            shutil.rmtree(home.root)
            step = number + stride
    # So many steps there are: fewer would mean that the crasher no longer finds them.
    assert ends.count("killed") >= 20 // stride, f"{ends.count('killed')} steps were met"


def test_the_account_adds_up_and_the_models_list_who_is_listed(home: Home) -> None:
    deliver(home, "us", "full_2026-03-01.txt", FULL)
    deliver(home, "us", "change_2026-03-02.txt", CHANGES)
    deliver(home, "crm", "contacts.csv", "customer_id,phones\nc1,+1 202 555 0101\nc2,+1 212 555 0107\nc3,+1 312 555 0101\n")
    run(home, LATER)
    stages.stage(home, CONFIG, LATER)
    stages.normalise(home, CONFIG)
    stages.registries(home, CONFIG, LATER)
    stages.ledger(home, CONFIG, LATER)
    with warehouse(home) as con:
        account = con.execute(
            "select records_read, not_requests, quarantined, difference from ledger.conservation order by source, file_name desc"
        ).fetchall()
        assert account == [(3, 3, 0, 0), (7, 5, 2, 0), (3, 2, 1, 0)]
        listings = con.execute("select identifier, listed_to is null from registries.listings order by all").fetchall()
        assert listings == [("+12025550101", False), ("+12125550107", True)]
        quarantined = con.execute("select stage, reason from ledger.quarantine order by all").fetchall()
        assert quarantined == [
            ("reader", "unreadable_number"),
            ("registry", "unreadable_change"),
            ("registry", "unreadable_number"),
        ]
        assert con.execute("select count(*) from identifiers.phone").fetchall() == [(3,)], "registries do not fill the cache"


def lines(*numbers: int, letter: str = "") -> str:
    return "".join(f"202,555{number:04}{letter and f',2026-03-08,{letter}'}\n" for number in numbers)


@pytest.mark.parametrize(
    ("why", "name", "content", "is_withheld"),
    [
        ("removals of a twentieth", "change_2026-03-08.txt", lines(*range(5), letter="D"), False),
        ("removals of a tenth, ten numbers or fewer", "change_2026-03-08.txt", lines(*range(10), letter="D"), False),
        ("removals of more than a tenth", "change_2026-03-08.txt", lines(*range(11), letter="D"), True),
        ("removals of everything", "change_2026-03-08.txt", lines(*range(100), letter="D"), True),
        ("removals of numbers that were never listed", "change_2026-03-08.txt", lines(*range(500, 600), letter="D"), False),
        ("a copy of half", "full_2026-03-08.txt", lines(*range(50)), True),
        ("as many numbers, but a fifth of them others", "full_2026-03-08.txt", lines(*range(20, 120)), True),
        ("a copy that lost a twentieth", "full_2026-03-08.txt", lines(*range(95)), False),
        ("another area alone", "full_2026-03-08.txt", "212,5550101\n", False),
    ],
)
def test_a_version_that_lost_a_tenth_is_held_back_until_somebody_allows_it(
    home: Home, why: str, name: str, content: str, is_withheld: bool
) -> None:
    deliver(home, "us", "full_2026-03-01.txt", lines(*range(100)))
    run(home, START)
    before = numbers_of(home, "us_ftc")
    deliver(home, "us", name, content)
    updated = run(home, LATER)
    version = latest_of(home, "us_ftc")
    assert version is not None
    assert [item.registry for item in updated.withheld] == ["us_ftc"] * is_withheld, why
    assert version.number == (1 if is_withheld else 2), why
    assert (numbers_of(home, "us_ftc") == before) is is_withheld or why.startswith("removals of numbers"), why
    with warehouse(home) as con:
        counted = con.execute("select count(*) from registries.withheld").fetchall()
    assert counted == [(int(is_withheld),)], why
    assert run(home, LATER).withheld == updated.withheld, "and each run says so again"
    with warehouse(home) as con:
        allowed = publish_withheld(con, home)
        assert publish_withheld(con, home) == [], "once"
    assert [item.number for item in allowed] == [2] * is_withheld, why
    later = latest_of(home, "us_ftc")
    assert later is not None and later.number == 2
    assert run(home, LATER).withheld == [], "what was allowed is what the next one is compared with"


def test_a_list_of_removals_in_the_first_delivery_is_measured_too(home: Home) -> None:
    deliver(home, "uk", "tps_full_2026-03-01.txt", "".join(f"07700 900{number:03}\r\n" for number in range(100, 112)))
    deliver(home, "uk", "tps_removals_2026-03-02.txt", "".join(f"07700 900{number:03}\r\n" for number in range(100, 112)))
    assert [(item.rows_before, item.rows_after) for item in run(home, START).withheld] == [(12, 0)]
    assert numbers_of(home, "uk_tps") == []


def test_three_numbers_are_a_registry_too_and_emptying_it_waits(home: Home) -> None:
    deliver(home, "uk", "tps_full_2026-03-01.txt", "07700 900101\r\n07700 900102\r\n07700 900103\r\n")
    run(home, START)
    deliver(home, "uk", "tps_removals_2026-03-02.txt", "07700 900101\r\n07700 900102\r\n07700 900103\r\n")
    assert [item.removed for item in run(home, LATER).withheld] == [3]
    assert len(numbers_of(home, "uk_tps")) == 3


def test_half_of_one_area_is_too_much_however_large_the_nation(home: Home) -> None:
    deliver(home, "us", "full_2026-03-01.txt", lines(*range(40)) + "".join(f"212,555{number:04}\n" for number in range(1000)))
    run(home, START)
    deliver(home, "us", "full_2026-03-08.txt", lines(*range(20)))
    assert [(item.rows_before, item.removed) for item in run(home, LATER).withheld] == [(40, 20)]


def test_two_copies_of_one_day_are_no_twice_as_long_copy(home: Home) -> None:
    for name in ("full_2026-03-01.txt", "full 2026-03-01 again.txt"):
        deliver(home, "us", name, lines(*range(100)) + f"212,555{len(name):04}\n")
    run(home, START)
    deliver(home, "us", "full_2026-03-08.txt", lines(*range(100)))
    assert run(home, LATER).withheld == []
