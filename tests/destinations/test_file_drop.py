"""Drops: complete or not there, never written over, readable by a machine and harmless in a spreadsheet."""

from __future__ import annotations

import csv
import errno
import hashlib
import json
import os
from datetime import UTC, datetime

import pyarrow.parquet as pq
import pytest

from orchestration.core.config import parse_config
from orchestration.core.errors import ConfigError, OutOfRoom, PermanentError
from orchestration.core.home import Home
from orchestration.destinations import drops, file_drop
from orchestration.destinations.contract import destination_for
from orchestration.faults import children


def config(**keys):
    lines = [f"{key} = {json.dumps(value)}" for key, value in keys.items()]
    text = '[company]\nname = "Acme"\n[destinations.house]\nsystem = "file_drop"\nchannels = ["email", "voice"]\n' + "\n".join(
        lines
    )
    return parse_config(text, Home.at("/nowhere").config_file)


@pytest.fixture
def house(home, a_push):
    destination = destination_for("house", config(), home)
    destination.open(a_push)
    yield destination
    destination.close()


def read(destination) -> set[tuple[str, ...]]:
    return {tuple(row.values())[:4] for batch in destination.read() for row in batch.to_pylist()}


def names(destination) -> list[str]:
    return sorted(path.name for path in destination.folder.iterdir())


def table(path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_put_drops_the_full_list_the_adds_their_hashes_and_the_control_file(house, stream) -> None:
    assert read(house) == set()
    house.put(stream({"identifier": "ann@example.com"}, {"identifier": "bob@example.com", "region": None}))
    stem = "house_v000007_00000001"
    assert names(house) == [
        f"{stem}.ctl.json",
        f"{stem}_adds.csv",
        f"{stem}_adds.csv.sha256",
        f"{stem}_full.csv",
        f"{stem}_full.csv.sha256",
    ]
    rows = table(house.folder / f"{stem}_full.csv")
    assert rows == table(house.folder / f"{stem}_adds.csv") and rows[0] == {
        "channel": "email",
        "identifier_type": "email",
        "identifier": "ann@example.com",
        "scope": "*",
        "reason": "opt_out",
        "suppressed_since": "2026-02-01T08:30:00Z",
        "region": "US",
    }
    control = json.loads((house.folder / f"{stem}.ctl.json").read_text())
    digest = hashlib.sha256((house.folder / f"{stem}_full.csv").read_bytes()).hexdigest()
    assert (control["version"], control["run"], control["sequence"]) == (7, 3, 1)
    assert control["files"][0] == {"kind": "full", "name": f"{stem}_full.csv", "sha256": digest, "rows": 2}
    assert (house.folder / f"{stem}_full.csv.sha256").read_text() == f"{digest}  {stem}_full.csv\n", "as sha256sum -c reads it"
    assert all(path.stat().st_mode & 0o077 == 0 for path in house.folder.iterdir())
    assert read(house) == {("email", "email", "ann@example.com", "*"), ("email", "email", "bob@example.com", "*")}


def test_each_change_is_a_new_drop_and_none_is_written_over(house, stream) -> None:
    house.put(stream({"identifier": "ann@example.com"}))
    before = {path: path.read_bytes() for path in house.folder.iterdir()}
    house.put(stream({"identifier": "bob@example.com"}, {"identifier": "ann@example.com", "reason": "complaint"}))
    house.release(stream({"identifier": "ann@example.com"}))
    assert all(path.read_bytes() == data for path, data in before.items())
    full = [table(path) for path in sorted(house.folder.glob("*_full.csv"))]
    assert [[(row["identifier"], row["reason"]) for row in rows] for rows in full] == [
        [("ann@example.com", "opt_out")],
        [("ann@example.com", "complaint"), ("bob@example.com", "opt_out")],
        [("bob@example.com", "opt_out")],
    ]
    (released,) = house.folder.glob("*_releases.csv")
    assert [(row["identifier"], row["evidence_id"], row["evidence_kind"]) for row in table(released)] == [
        ("ann@example.com", "opt-in 1", "opt_in")
    ]
    assert read(house) == {("email", "email", "bob@example.com", "*")}


RISKY = [
    "=cmd@example.com", "+cmd@example.com", "-cmd@example.com", "@cmd@example.com", "'cmd@example.com", "'=cmd@example.com",
    "''cmd@example.com", "\tcmd@example.com", "\rcmd@example.com", "＝cmd@example.com", 'say"hi"@example.com', "a,b@example.com",
    "two\nlines@example.com", " cmd@example.com",
]  # fmt: skip


def test_no_cell_runs_as_a_formula_and_every_value_comes_back_as_it_was(house, stream) -> None:
    phones = [{"identifier": "+15555550100", "identifier_type": "phone", "channel": "voice"}]
    odd = [{"identifier": "+cmd|' /C calc'!A0", "identifier_type": "phone", "channel": "voice"}]
    house.put(stream(*({"identifier": text, "reason": "=1+1"} for text in RISKY), *phones, *odd))
    (full,) = house.folder.glob("*_full.csv")
    cells = [cell for row in table(full) for cell in row.values()]
    running = [cell for cell in cells if cell[:1] in set("=+-@\t\r\n＝＋－＠")]
    assert running == ["+15555550100"], "a number, which every dialer needs as it is"
    assert {row[2] for row in read(house)} == {*RISKY, "+15555550100", "+cmd|' /C calc'!A0"}


@pytest.mark.parametrize("touch", ["changed", "shortened", "gone", "control"])
def test_a_drop_that_was_touched_counts_as_gone_and_is_dropped_anew(house, stream, touch) -> None:
    house.put(stream({"identifier": "ann@example.com"}, {"identifier": "bob@example.com"}))
    (full,) = house.folder.glob("*_full.csv")
    (control,) = house.folder.glob("*.ctl.json")
    if touch == "gone":
        full.unlink()
    elif touch == "control":
        control.write_text(control.read_text()[:40])
    else:
        text = full.read_text()
        full.write_text(text.replace("ann", "amy") if touch == "changed" else text[:-20])
    assert read(house) == set()
    with pytest.raises(PermanentError):
        house.release(stream({"identifier": "ann@example.com"}))
    house.put(stream({"identifier": "ann@example.com"}, {"identifier": "bob@example.com"}))
    assert len(read(house)) == 2 and len(list(house.folder.glob("*_00000002_full.csv"))) == 1


def test_what_a_dead_push_left_is_not_a_drop_and_keeps_its_number(house, stream) -> None:
    house.put(stream({"identifier": "ann@example.com"}))
    (house.folder / "house_v000007_00000002_full.csv").write_text("half")
    (house.folder / "house_v000007_00000002_adds.csv.part").write_text("hal")
    assert len(read(house)) == 1, "without its control file it does not count"
    house.put(stream({"identifier": "bob@example.com"}))
    assert len(read(house)) == 2
    assert (house.folder / "house_v000007_00000003.ctl.json").exists() and not list(house.folder.glob("*.part"))


class Died(BaseException):
    """Stands for a process that dies."""


def test_whatever_step_a_drop_dies_at_it_is_whole_or_not_there(home, a_push, stream, monkeypatch) -> None:
    def dying_at(last_step: int):
        taken = []

        def wrap(step):
            def run(*args, **keys):
                done = step(*args, **keys)
                taken.append(step)
                if len(taken) == last_step:
                    raise Died
                return done

            return run

        return wrap

    ann, bob = ({"identifier": f"{name}@example.com"} for name in ("ann", "bob"))
    for call, before, after in (("put", [ann], {"ann", "bob"}), ("release", [ann, bob], {"ann"})):
        for last_step in range(1, 20):
            case = f"{call} killed after step {last_step}"
            house = destination_for("house", config(folder=case.replace(" ", "_")), home)
            house.open(a_push)
            house.put(stream(*before))
            old = {row["identifier"].split("@")[0] for row in before}
            with monkeypatch.context() as patch:
                wrap = dying_at(last_step)
                for module, name in ((file_drop, "write_atomic"), (file_drop, "sync_folder"), (drops, "sha256_file")):
                    patch.setattr(module, name, wrap(getattr(module, name)))
                try:
                    getattr(house, call)(stream(bob))
                except Died:
                    pass
                else:
                    break
            assert {row[2].split("@")[0] for row in read(house)} in (old, after), case
            getattr(house, call)(stream(bob))
            assert {row[2].split("@")[0] for row in read(house)} == after, case
        assert last_step > 8, "every durable step was the last one once"


def test_drops_of_two_destinations_in_one_folder_do_not_mix(home, a_push, stream) -> None:
    text = '[company]\nname = "Acme"\n' + "".join(
        f'[destinations.{name}]\nsystem = "file_drop"\nchannels = ["email"]\nfolder = "outbox/shared"\n'
        for name in ("house", "house_two")
    )
    both = parse_config(text, home.config_file)
    one, two = (destination_for(name, both, home) for name in ("house", "house_two"))
    for destination, name in ((one, "ann@example.com"), (two, "bob@example.com")):
        destination.open(a_push)
        destination.put(stream({"identifier": name}))
    assert {row[2] for row in read(one)} == {"ann@example.com"} and {row[2] for row in read(two)} == {"bob@example.com"}


def test_other_columns_later_do_not_lose_the_rows_of_before(home, a_push, house, stream) -> None:
    house.put(stream({"identifier": "ann@example.com"}))
    columns = ["identifier", "basis", "channel", "identifier_type", "scope"]
    other = destination_for("house", config(columns=columns), home)
    other.open(a_push)
    assert other.carries == ("basis",), "so every row is put again with it"
    other.put(stream({"identifier": "bob@example.com"}))
    assert len(read(other)) == 2
    latest = sorted(other.folder.glob("*_full.csv"))[-1]
    assert list(table(latest)[0]) == columns


def test_a_parquet_drop_has_every_value_as_it_is_and_moments_as_such(home, a_push, stream) -> None:
    house = destination_for("house", config(format="parquet"), home)
    house.open(a_push)
    rows = [{"identifier": text, "reason": "=1+1"} for text in RISKY] + [
        {"identifier": "zoe@example.com", "suppressed_since": None}
    ]
    house.put(stream(*rows))
    (full,) = house.folder.glob("*_full.parquet")
    held = pq.read_table(full).to_pylist()
    assert {row["identifier"] for row in held} == {*RISKY, "zoe@example.com"}, "no guard: nothing runs a Parquet file"
    assert {row["suppressed_since"] for row in held} == {datetime(2026, 2, 1, 8, 30, tzinfo=UTC), None}
    assert {row[2] for row in read(house)} == {*RISKY, "zoe@example.com"}
    house.release(stream({"identifier": "zoe@example.com"}))
    (released,) = house.folder.glob("*_releases.parquet")
    assert [row["evidence_id"] for row in pq.read_table(released).to_pylist()] == ["opt-in 1"]
    control = json.loads(max(house.folder.glob("*.ctl.json")).read_text())
    assert (control["format"], control["text_guard"]) == ("parquet", "none")
    # A drop of the other form is read all the same, so that the form can be changed.
    other = destination_for("house", config(), home)
    other.open(a_push)
    assert {row[2] for row in read(other)} == set(RISKY)
    other.put(stream({"identifier": "bob@example.com"}))
    assert {row["identifier"].removeprefix("'") for row in table(max(other.folder.glob("*_full.csv")))} >= {"bob@example.com"}
    assert {row[2] for row in read(house)} == {*RISKY, "bob@example.com"}
    moments = {row["suppressed_since"] for row in table(max(other.folder.glob("*_full.csv")))}
    assert moments == {"2026-02-01T08:30:00Z"}


@pytest.mark.parametrize(("folder", "inside"), [("drops/here", True), ("../beside", False), ("/tmp/beside", False)])
def test_a_folder_outside_the_home_must_be_allowed(home, folder, inside) -> None:
    if inside:
        assert destination_for("house", config(folder=folder), home).folder == home.root / folder
        return
    with pytest.raises(ConfigError, match="outside the home"):
        destination_for("house", config(folder=folder), home)
    assert not destination_for("house", config(folder=folder, allow_outside_home=True), home).folder.is_relative_to(home.root)


def test_a_link_that_leads_outside_is_outside(home, tmp_path) -> None:
    (home.root / "door").symlink_to(tmp_path)
    with pytest.raises(ConfigError, match="outside the home"):
        destination_for("house", config(folder="door"), home)


@pytest.mark.parametrize(
    ("case", "name", "content"),
    [
        ("no JSON", "house_v000007_00000002.ctl.json", b"\xff\x00"),
        ("of another destination", "house_v000007_00000002.ctl.json", None),
        ("the highest number there is", "house_v000007_99999999.ctl.json", b"{}"),
        ("a folder", "house_v000007_00000002.ctl.json", ...),
        ("a folder for an unfinished file", "house_v000007_00000002_full.csv.part", ...),
        ("no file of ours", "notes\u2028.txt", b"x"),
    ],
)
def test_what_others_put_into_the_folder_stops_nobody(house, stream, case, name, content) -> None:
    house.put(stream({"identifier": "ann@example.com"}))
    path = house.folder / name
    if content is ...:
        path.mkdir()
    else:
        control = json.loads((house.folder / "house_v000007_00000001.ctl.json").read_text()) | {"destination": "other"}
        path.write_bytes(json.dumps(control).encode() if content is None else content)
    list(house.read())  # what is there is read or counts as gone; either way nothing is raised
    for who in ("ann@example.com", "bob@example.com"):
        house.put(stream({"identifier": who}))
    assert read(house) == {("email", "email", "ann@example.com", "*"), ("email", "email", "bob@example.com", "*")}, case


def test_a_full_list_that_may_not_be_opened_counts_as_gone(house, stream, monkeypatch) -> None:
    house.put(stream({"identifier": "ann@example.com"}))

    def refuse(_: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(drops, "sha256_file", refuse)
    assert list(house.read()) == []


@pytest.mark.parametrize(
    ("case", "number", "said"),
    [
        ("full", errno.ENOSPC, "is full"),
        ("no quota left", errno.EDQUOT, "is full"),
        ("read-only", errno.EROFS, "read-only file system"),
        ("of another user", errno.EACCES, "permission denied"),
        ("taken away", errno.ENOENT, "no such file or directory"),
    ],
)
def test_a_folder_that_takes_nothing_is_named_with_what_is_wrong(house, stream, monkeypatch, case, number, said) -> None:
    house.put(stream({"identifier": "ann@example.com"}))

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number), str(house.folder / "x"))

    monkeypatch.setattr(file_drop, "write_atomic", refuse)
    with pytest.raises((OutOfRoom, PermanentError)) as caught:
        house.put(stream({"identifier": "bob@example.com"}))
    assert str(house.folder) in str(caught.value) and said in caught.value.seen and caught.value.next_step, case
    assert "tests of that module" not in str(caught.value), case


def test_a_file_in_the_place_of_the_folder_is_named(house, stream) -> None:
    house.folder.parent.mkdir(parents=True, exist_ok=True)
    house.folder.touch()
    with pytest.raises(PermanentError, match=r"Writing a drop in .*file exists"):
        house.put(stream({"identifier": "ann@example.com"}))


def test_a_real_full_disk_under_the_folder_is_named_with_what_is_free(house, stream) -> None:
    if why := children.may_mount():
        pytest.skip(f"no small file system can be mounted here: {why}")
    house.put(stream({"identifier": "ann@example.com"}))
    with children.small_disk(house.folder, room=0):
        with pytest.raises(OutOfRoom, match=rf"the disk of {house.folder} is full: .* are free"):
            house.put(stream(*({"identifier": f"{number}@example.com"} for number in range(5_000))))
        assert read(house) == {("email", "email", "ann@example.com", "*")}, "the drop before it is whole"
    house.put(stream({"identifier": "bob@example.com"}))
