"""Collecting: the bytes unchanged, one line each, nothing taken twice, nothing ignored silently."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import stat
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest

from orchestration.core.errors import ConfigError, PermanentError, TransientError
from orchestration.landing import collecting, waiting_batch
from orchestration.landing.collecting import _collecting_alone
from orchestration.landing.manifest import GENESIS
from tests.landing.conftest import AS_OF, Inbox, config

CONTENT = "email\r\na@example.com\r\n\x00\xff"


def test_a_file_is_kept_unchanged_under_its_hash_with_a_line_in_the_manifest(inbox: Inbox) -> None:
    content = CONTENT.encode("latin-1")
    inbox.put("mail/2026/April list.csv", content, modified_at=AS_OF - timedelta(days=1, microseconds=750_001))
    collected = inbox.collect(
        settings=config({"mail": {"format": "acme", "scope": "acme/newsletter", "timezone": "Europe/Paris", "region": "fr"}})
    )
    sha256 = hashlib.sha256(content).hexdigest()
    assert inbox.landed() == {f"{sha256[:2]}/{sha256}": content}
    assert (collected.taken, collected.bytes_taken, inbox.waiting()) == (1, len(content), [])
    (line,) = inbox.home.manifest_file.read_text().splitlines()
    written = json.loads(line)
    written.pop("hash")
    assert written == {
        "seq": 1,
        "sha256": sha256,
        "size": len(content),
        "source": "mail",
        "settings": {"format": "acme", "scope": "acme/newsletter", "timezone": "Europe/Paris", "region": "FR"},
        "name": "2026/April list.csv",
        "received_at": "2026-04-01T12:00:00+00:00",
        "modified_at": "2026-03-31T11:59:59.249999+00:00",
        "members": [{"name": "2026/April list.csv", "sha256": sha256, "size": len(content)}],
        "rejected": [],
        "prev": GENESIS,
    }


def test_landing_is_private(inbox: Inbox) -> None:
    inbox.put("mail/a.csv").chmod(0o644)
    inbox.collect()
    for path in inbox.home.landing.rglob("*"):
        wanted = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.stat().st_mode) == wanted, path.name


def test_every_delivery_has_its_line_and_its_bytes_are_kept_once(inbox: Inbox) -> None:
    inbox.put("mail/list_2026-04-01.csv")
    inbox.collect()
    landed = inbox.landed()
    names = ["list_2026-04-01.csv", "list_2026-04-02 (1).csv", "sub/list_20260403T101112.csv", "else.csv"]
    for name in names:
        inbox.put(f"mail/{name}")
        collected = inbox.collect(AS_OF + timedelta(days=1))
        assert (collected.taken, collected.delivered_again, inbox.waiting()) == (0, 1, []), name
    assert [entry.name for entry in inbox.entries()] == ["list_2026-04-01.csv", *names]
    assert inbox.landed() == landed


def test_what_a_killed_run_recorded_and_could_not_remove_is_no_new_delivery(inbox: Inbox) -> None:
    inbox.put("mail/b.csv")
    inbox.collect()
    line = inbox.home.manifest_file.read_bytes()
    inbox.put("mail/b.csv", modified_at=inbox.entries()[0].modified_at)
    inbox.put("mail/a.csv", "email\nelse@example.com\n")  # taken before it, in the order of names
    inbox.collect(AS_OF + timedelta(days=1))
    assert [entry.name for entry in inbox.entries()] == ["b.csv", "a.csv"]
    assert inbox.home.manifest_file.read_bytes().startswith(line)
    assert inbox.waiting() == []


def test_the_same_bytes_twice_in_one_run_are_kept_once(inbox: Inbox) -> None:
    inbox.put("mail/a.csv")
    inbox.put("mail/b.csv")
    collected = inbox.collect()
    assert (collected.taken, collected.delivered_again, inbox.waiting()) == (1, 1, [])
    assert len(inbox.landed()) == 1


def test_the_same_bytes_from_two_sources_are_two_deliveries_kept_once(inbox: Inbox) -> None:
    inbox.put("mail/a.csv")
    inbox.put("crm/a.csv")
    assert inbox.collect().taken == 2
    assert [entry.source for entry in inbox.entries()] == ["crm", "mail"]
    assert len(inbox.landed()) == 1


def test_a_repeated_delivery_repairs_a_landing_that_lost_its_bytes(inbox: Inbox) -> None:
    inbox.put("mail/a.csv")
    inbox.collect()
    (name,) = inbox.landed()
    (inbox.home.landing / name).write_bytes(b"damaged")
    inbox.put("mail/a.csv")
    inbox.collect()
    assert inbox.landed() == {name: b"email\na@example.com\n"}


@pytest.mark.parametrize(
    "name",
    ["a.csv.part", "a.csv.tmp", "a.CSV.CRDOWNLOAD", "a.csv.filepart", ".a.csv", ".rsync/a.csv", "a.csv~"],
)
def test_a_file_whose_name_says_that_it_is_being_written_is_left_alone(inbox: Inbox, name: str) -> None:
    inbox.put(f"mail/{name}")
    collected = inbox.collect()
    assert (collected.taken, collected.still_written, inbox.waiting()) == (0, 1, [f"mail/{name}"])


def test_young_files_are_waited_for_once_and_those_that_change_are_left_alone(inbox: Inbox) -> None:
    for number in range(5):
        inbox.put(f"mail/{number}.csv", f"email\n{number}@example.com\n")
    growing = inbox.put("mail/growing.csv")

    def grow() -> None:
        time.sleep(0.2)
        with growing.open("a") as stream:
            stream.write("b@example.com\n")

    writer = threading.Thread(target=grow)
    writer.start()
    started = time.monotonic()
    collected = inbox.collect(settings=config(settle_seconds=0.5))
    assert time.monotonic() - started < 2, "one wait for all of them"
    writer.join()
    assert (collected.taken, collected.still_written, inbox.waiting()) == (5, 1, ["mail/growing.csv"])


def test_old_files_need_no_waiting(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    path = inbox.put("mail/a.csv")
    os.utime(path, (time.time() - 60, time.time() - 60))
    monkeypatch.setattr(collecting.time, "sleep", lambda _: pytest.fail("waited for a file that is old"))
    assert inbox.collect(settings=config(settle_seconds=30)).taken == 1


def test_a_file_that_changes_while_it_is_copied_is_left_for_the_next_run(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    path = inbox.put("mail/a.csv")
    copy = collecting._Landing._copy

    def copy_and_append(self: object, item: object) -> object:
        done = copy(self, item)  # type: ignore[arg-type]
        with path.open("a") as stream:
            stream.write("late@example.com\n")
        return done

    monkeypatch.setattr(collecting._Landing, "_copy", copy_and_append)
    collected = inbox.collect()
    monkeypatch.undo()
    assert (collected.taken, collected.still_written, inbox.landed()) == (0, 1, {})
    assert inbox.collect().taken == 1
    assert b"late@example.com" in next(iter(inbox.landed().values()))


def test_a_file_put_in_the_place_of_a_taken_one_is_not_removed(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    path = inbox.put("mail/a.csv")
    record = collecting._Landing._record

    def record_and_replace(self: object, *arguments: object) -> None:
        record(self, *arguments)  # type: ignore[arg-type]
        path.unlink()
        path.write_text("email\nnew@example.com\n")

    monkeypatch.setattr(collecting._Landing, "_record", record_and_replace)
    inbox.collect()
    monkeypatch.undo()
    assert inbox.waiting() == ["mail/a.csv"]
    assert inbox.collect().taken == 1
    assert len(inbox.landed()) == 2


def test_what_belongs_to_no_source_is_left_in_place_and_counted(inbox: Inbox) -> None:
    for name in (
        "stray.csv",
        "unknown/a.csv",
        "unknown/sub/b.csv",
        "empty_but/.gitkeep",
        ".DS_Store",
        "mail/.gitkeep",
        "mail/Thumbs.db",
    ):
        inbox.put(name)
    before = inbox.waiting()
    collected = inbox.collect()
    assert (collected.taken, collected.still_written) == (0, 0)
    assert collected.unknown_folders == {"": 1, "unknown": 2}
    assert inbox.waiting() == before
    assert "inbox/unknown/" in " ".join(collected.sentences())
    assert collected.counts()["files_in_unknown_folders"] == 3


def test_links_and_sockets_are_left_in_place_and_told_with_their_source(inbox: Inbox) -> None:
    outside = inbox.home.root / "outside.csv"
    outside.write_text("email\n")
    (inbox.home.inbox / "mail").mkdir()
    (inbox.home.inbox / "mail" / "link.csv").symlink_to(outside)
    here = Path.cwd()
    os.chdir(inbox.home.inbox / "mail")  # a socket's path may have 107 letters, which those of tests exceed
    try:
        with socket.socket(socket.AF_UNIX) as opened:
            opened.bind("socket.csv")
            collected = inbox.collect()
    finally:
        os.chdir(here)
    assert collected.taken == 0
    assert sorted((item.source, item.reason) for item in collected.unread) == [("mail", "link"), ("mail", "not_a_file")]
    assert outside.exists()


def test_names_that_are_no_utf8_or_hold_line_ends_are_no_obstacle(inbox: Inbox) -> None:
    inbox.put("mail/line\nend.csv", "email\n1\n")
    (inbox.home.inbox / "mail" / os.fsdecode(b"caf\xe9.csv")).write_text("email\n2\n")
    assert inbox.collect().taken == 2
    assert sorted(entry.name for entry in inbox.entries()) == ["caf\ufffd.csv", "line end.csv"]


def test_an_earlier_moment_than_the_last_delivery_is_refused(inbox: Inbox) -> None:
    inbox.put("mail/a.csv")
    inbox.collect()
    inbox.put("mail/b.csv", "email\nb@example.com\n")
    with pytest.raises(ConfigError, match=r"order in which they arrived.*Next step"):
        inbox.collect(AS_OF - timedelta(seconds=1))
    assert inbox.waiting() == ["mail/b.csv"]
    assert inbox.collect(AS_OF).taken == 1, "the same moment is allowed"


def test_two_processes_never_collect_at_once(inbox: Inbox) -> None:
    with _collecting_alone(inbox.home), pytest.raises(TransientError, match="another process is collecting"):
        inbox.collect()


def test_a_full_disk_leaves_the_file_in_the_inbox(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox.put("mail/a.csv")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(collecting.os, "fsync", full)
    collected = inbox.collect()
    monkeypatch.undo()
    assert [(item.source, item.reason) for item in collected.unread] == [("mail", "no_room")]
    assert (inbox.waiting(), inbox.landed()) == (["mail/a.csv"], {})
    assert inbox.collect().taken == 1


def test_the_sensor_sees_a_batch_once_it_is_at_rest_and_a_new_key_when_it_changes(inbox: Inbox) -> None:
    young = config(settle_seconds=60)
    path = inbox.put("mail/a.csv")
    assert (waiting_batch(inbox.home, young).files, waiting_batch(inbox.home, young).still_written) == (0, 1)
    os.utime(path, (time.time() - 100, time.time() - 100))
    first = waiting_batch(inbox.home, young)
    assert (first.files, first.still_written, first.key) == (1, 0, waiting_batch(inbox.home, young).key)
    os.utime(inbox.put("mail/b.csv"), (time.time() - 100, time.time() - 100))
    second = waiting_batch(inbox.home, young)
    assert second.files == 2
    assert second.key != first.key
    assert inbox.waiting() == ["mail/a.csv", "mail/b.csv"], "looking takes nothing"


def filled(inbox: Inbox, files: int = 4) -> list[bytes]:
    for number in range(files):
        inbox.put(f"mail/{number}.csv", f"email\n{number}@example.com\n")
        inbox.collect(AS_OF + timedelta(minutes=number))
    return inbox.home.manifest_file.read_bytes().splitlines(keepends=True)


@pytest.mark.parametrize(
    ("case", "line"),
    [
        ("changed", 2),
        ("removed", 2),
        ("inserted", 3),
        ("swapped", 2),
        ("no JSON", 3),
        ("first removed", 1),
        ("hash made to fit", 2),
    ],
)
def test_a_broken_chain_names_the_line(inbox: Inbox, case: str, line: int) -> None:
    lines = filled(inbox)
    if case in ("changed", "hash made to fit"):
        data = json.loads(lines[1])
        data["received_at"] = "2020-01-01T00:00:00+00:00"
        if case == "hash made to fit":
            body = {key: value for key, value in data.items() if key != "hash"}
            text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            data["hash"] = hashlib.sha256(text.encode()).hexdigest()
            line = 3  # the line itself is consistent now, but the next one does not continue it
        lines[1] = (json.dumps(data) + "\n").encode()
    elif case == "inserted":
        lines.insert(2, lines[1])
    elif case == "swapped":
        lines[1], lines[2] = lines[2], lines[1]
    elif case == "no JSON":
        lines[2] = b"{}\n"
    else:
        del lines[line - 1]
    inbox.home.manifest_file.write_bytes(b"".join(lines))
    inbox.put("mail/more.csv", "email\nmore@example.com\n")
    with pytest.raises(PermanentError, match=rf"line {line}\b"):
        inbox.entries()
    with pytest.raises(PermanentError, match=rf"line {line}\b"):
        inbox.collect(AS_OF + timedelta(days=1))
    assert inbox.waiting() == ["mail/more.csv"]


def test_a_last_line_cut_off_anywhere_is_repaired_and_its_file_taken_again(inbox: Inbox) -> None:
    lines = filled(inbox, 3)
    whole = inbox.home.manifest_file.read_bytes()
    modified = inbox.entries()[2].modified_at
    head = b"".join(lines[:2])
    for cut in (1, len(lines[2]) // 2, len(lines[2]) - 1):
        inbox.home.manifest_file.write_bytes(head + lines[2][:cut])
        assert len(inbox.entries()) == 2, "an unfinished line is not there yet"
        # It was still in the inbox: it goes only after the line.
        inbox.put("mail/2.csv", "email\n2@example.com\n", modified_at=modified)
        inbox.collect(AS_OF + timedelta(minutes=2))
        assert inbox.home.manifest_file.read_bytes() == whole, f"cut after {cut} bytes"
