"""Each file and each folder of the inbox stands alone: what cannot be taken is told with its source, and stops no other."""

from __future__ import annotations

import errno
import gzip
import io
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestration.core.errors import OutOfRoom, TransientError
from orchestration.core.home import Home
from orchestration.landing import archives, collecting
from orchestration.landing.collecting import _UNREAD, Collected
from tests.landing.conftest import AS_OF, Inbox, config

GOOD = "email\nz@example.com\n"
NOBODY = 65534


def refusals(collected: Collected) -> list[tuple[str, str]]:
    return sorted((item.source, item.reason) for item in collected.unread)


def make_link(inbox: Inbox) -> None:
    (inbox.home.inbox / "crm" / "a.csv").symlink_to(inbox.home.root / "nowhere.csv")


def make_folder_link(inbox: Inbox) -> None:
    outside = inbox.home.root / "outside"
    outside.mkdir()
    (outside / "a.csv").write_text(GOOD)
    (inbox.home.inbox / "crm" / "more").symlink_to(outside)


def make_pipe(inbox: Inbox) -> None:
    os.mkfifo(inbox.home.inbox / "crm" / "a.csv")


def make_folder_for_file(inbox: Inbox) -> None:
    (inbox.home.inbox / "crm" / "a.CSV").mkdir()


def make_sparse(inbox: Inbox) -> None:
    path = inbox.put("crm/a.csv", "")
    os.truncate(path, 1 << 40)  # a tebibyte that takes no room where it lies


def make_large(inbox: Inbox) -> None:
    inbox.put("crm/a.csv", b"x" * 1_001)


SOURCES = {"crm": {"format": "acme"}, "mail": {"format": "acme"}}


@pytest.mark.parametrize(
    ("make", "reason", "limits"),
    [
        (make_link, "link", {}),
        (make_folder_link, "link", {}),
        (make_pipe, "not_a_file", {}),
        (make_folder_for_file, "folder_for_file", {}),
        (make_sparse, "too_large", {}),
        (make_sparse, "no_room", {"max_file": "100TB"}),
        (make_large, "too_large", {"max_file": "1KB"}),
    ],
)
def test_what_is_no_file_to_take_is_told_and_the_sources_behind_it_are_taken(
    inbox: Inbox, make: Callable[[Inbox], None], reason: str, limits: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    (inbox.home.inbox / "crm").mkdir()
    make(inbox)
    inbox.put("crm/z.csv", GOOD)
    inbox.put("mail/z.csv", "email\ny@example.com\n")
    opened = os.open
    monkeypatch.setattr(os, "open", lambda path, *rest, **keys: opened(_not_the_bad_one(path), *rest, **keys))
    collected = inbox.collect(settings=config(SOURCES, **limits))
    assert refusals(collected) == [("crm", reason)], make.__name__
    assert collected.taken == 2, make.__name__
    (sentence,) = collected.held()
    assert "source crm" in sentence and "Next step" in sentence and "a.csv" not in sentence, sentence
    again = inbox.collect(AS_OF + timedelta(days=1), config(SOURCES, **limits))
    assert refusals(again) == [("crm", reason)], "it is told until somebody does something about it"


def _not_the_bad_one(path: object) -> Any:
    assert not str(path).endswith("crm/a.csv"), "nothing is opened before it is known to be a file that there is room for"
    return path


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.EACCES, "not_allowed"),
        (errno.EPERM, "not_allowed"),
        (errno.ENOENT, "vanished"),
        (errno.EIO, "damaged"),
        (errno.ELOOP, "link"),
    ],
)
def test_a_file_that_cannot_be_opened_stops_no_other(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch, number: int, reason: str
) -> None:
    inbox.put("crm/a.csv")
    inbox.put("mail/z.csv", GOOD)
    opened = os.open

    def refuse(path: Any, *rest: Any, **keys: Any) -> int:
        if str(path).endswith("crm/a.csv"):
            raise OSError(number, os.strerror(number))
        return opened(path, *rest, **keys)

    monkeypatch.setattr(os, "open", refuse)
    collected = inbox.collect()
    assert (refusals(collected), collected.taken, inbox.waiting()) == ([("crm", reason)], 1, ["crm/a.csv"])


def test_a_file_on_a_failing_disk_stops_no_other(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox.put("crm/a.csv", "bad" * 10)
    inbox.put("mail/z.csv", GOOD)
    read = os.read

    def failing(handle: int, count: int) -> bytes:
        if (data := read(handle, count)).startswith(b"bad"):
            raise OSError(errno.EIO, "Input/output error")
        return data

    monkeypatch.setattr(collecting.os, "read", failing)
    collected = inbox.collect()
    assert (refusals(collected), collected.taken, inbox.waiting()) == ([("crm", "damaged")], 1, ["crm/a.csv"])
    assert not list(inbox.home.landing.glob(".incoming.*")), "no half copy is left"


def test_a_pipe_put_in_the_place_of_a_file_is_not_waited_for(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    path = inbox.put("crm/a.csv")
    ask = collecting._Landing._ask_for_room

    def ask_and_replace(self: Any, item: Any) -> None:
        ask(self, item)
        path.unlink()
        os.mkfifo(path)

    monkeypatch.setattr(collecting._Landing, "_ask_for_room", ask_and_replace)
    assert refusals(inbox.collect()) == [("crm", "not_a_file")]


def test_whatever_one_file_makes_a_parser_do_the_others_are_taken(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox.put("crm/a.zip", b"PK\x03\x04")
    inbox.put("mail/z.csv", GOOD)
    monkeypatch.setattr(archives, "_inspect_zip", lambda *_: 1 / 0)
    collected = inbox.collect()
    assert (refusals(collected), collected.taken, inbox.waiting()) == ([("crm", "not_understood")], 1, ["crm/a.zip"])


def test_a_smaller_file_is_taken_where_a_larger_one_finds_no_room(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox.put("crm/a.csv", b"x" * 2_000)
    inbox.put("mail/z.csv", GOOD)
    free = collecting._RESERVE + 1_000
    monkeypatch.setattr(collecting.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1 << 40, (1 << 40) - free, free))
    collected = inbox.collect()
    assert (refusals(collected), collected.taken) == ([("crm", "no_room")], 1)
    assert "needed" in collected.held()[0] and "free" in collected.held()[0], collected.held()


def test_a_disk_without_room_for_a_line_of_the_manifest_is_said_in_words(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox.put("crm/a.csv")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(collecting, "append", full)
    with pytest.raises(OutOfRoom, match=r"disk of .*landing is full.*make room"):
        inbox.collect()
    monkeypatch.undo()
    assert inbox.collect().taken == 1


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: path.symlink_to(path.parent.parent), "folder_is_link"),
        (lambda path: path.symlink_to(path.parent / "nowhere"), "folder_is_link"),
        (lambda path: path.write_text(GOOD), "folder_is_file"),
        (os.mkfifo, "folder_is_file"),
    ],
)
def test_a_source_whose_folder_is_no_folder_is_not_empty(inbox: Inbox, make: Callable[[Path], None], reason: str) -> None:
    make(inbox.home.inbox / "crm")
    inbox.put("mail/z.csv", GOOD)
    collected = inbox.collect()
    assert (refusals(collected), collected.taken) == ([("crm", reason)], 1)
    assert "inbox/crm/" in collected.held()[0]


@pytest.mark.parametrize("closed", ["crm", "crm/below"])
def test_a_folder_that_may_not_be_opened_is_not_empty(inbox: Inbox, monkeypatch: pytest.MonkeyPatch, closed: str) -> None:
    inbox.put(f"{closed}/a.csv")
    inbox.put("crm/b.csv", "email\nb@example.com\n") if closed != "crm" else None
    inbox.put("mail/z.csv", GOOD)
    scandir = os.scandir

    def refuse(path: Any) -> Any:
        if str(path).endswith(f"inbox/{closed}"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    collected = inbox.collect()
    assert refusals(collected) == [("crm", "folder_not_allowed")]
    assert collected.taken == (2 if closed != "crm" else 1)


def test_a_folder_of_no_source_that_may_not_be_opened_is_told_too(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox.put("stranger/a.csv")
    scandir = os.scandir

    def refuse(path: Any) -> Any:
        if str(path).endswith("/stranger"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    collected = inbox.collect()
    assert (collected.unread, collected.unknown_folders) == ((), {"stranger": 1})


def test_a_link_of_no_source_is_told_too(inbox: Inbox) -> None:
    (inbox.home.inbox / "stranger").symlink_to(inbox.home.landing)
    (inbox.home.inbox / "nowhere").symlink_to(inbox.home.root / "nowhere")
    assert inbox.collect().unknown_folders == {"": 1, "stranger": 1}


def test_an_inbox_that_may_not_be_opened_is_said_in_words(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Any) -> Any:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(TransientError, match=r"Reading .*inbox.*Permission denied.*Next step"):
        inbox.collect()


@contextmanager
def a_home_of_somebody_else() -> Iterator[Home]:
    """A home that nobody (the user) owns, below a folder that this user may enter."""
    folder = Path(tempfile.mkdtemp())
    try:
        folder.chmod(0o755)
        home = Home(folder / "home").create()
        for name in ("crm/a.csv", "locked/a.csv", "mail/z.csv", "kept/k.csv"):
            path = home.inbox / name
            path.parent.mkdir()
            path.write_text(f"email\n{path.parent.name}@example.com\n")
        for path in (folder, *folder.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
        (home.inbox / "crm" / "a.csv").chmod(0)
        (home.inbox / "locked").chmod(0)
        (home.inbox / "kept").chmod(0o500)
        yield home
    finally:
        shutil.rmtree(folder)


def _collect_as_nobody(root: Path, days: int) -> list[tuple[list[tuple[str, str]], int, int]]:
    """Collect in a process of the user nobody. Forked, for nobody may not open the interpreter of a root's machine either."""
    sources = {name: {"format": "acme"} for name in ("crm", "locked", "mail", "kept")}
    ear, mouth = os.pipe()
    if (child := os.fork()) == 0:
        with os.fdopen(mouth, "w") as stream:
            try:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
                runs = [collecting.collect(Home(root), config(sources), AS_OF + timedelta(days=day)) for day in range(days)]
                stream.write(json.dumps([(refusals(run), run.taken, run.delivered_again) for run in runs]))
            except BaseException as error:  # the child of a fork must not come back into the tests
                stream.write(json.dumps(repr(error)))
        os._exit(0)
    os.close(mouth)
    with os.fdopen(ear) as stream:
        said = json.loads(stream.read())
    os.waitpid(child, 0)
    assert isinstance(said, list), said
    return [([tuple(item) for item in unread], taken, again) for unread, taken, again in said]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can hand files to another user")
def test_permissions_that_bind_are_told_by_source_and_stop_nobody() -> None:
    """The tests run as root, whom no permission binds: so this collects as the user nobody."""
    with a_home_of_somebody_else() as home:
        unread = [("crm", "not_allowed"), ("kept", "not_removed"), ("locked", "folder_not_allowed")]
        # What cannot be removed is taken once, however often it is met.
        assert _collect_as_nobody(home.root, 2) == [(unread, 2, 0), (unread, 0, 0)]


def test_every_reason_has_its_sentence_and_its_next_step(inbox: Inbox) -> None:
    used = {reason for reason in _UNREAD if f'"{reason}"' in Path(collecting.__file__).read_text().partition("class Unread")[2]}
    assert used == set(_UNREAD), "a reason without a use, or a use without its sentence"


def test_a_zip_of_600_files_and_one_of_long_names_are_taken(inbox: Inbox) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for number in range(600):
            archive.writestr(f"{'deep/' * 20}{number}\u2028\u2029\x85.csv", f"email\n{number}@example.com\n")
    inbox.put("mail/a\u2028b.zip", stream.getvalue())
    inbox.put("mail/b.csv.gz", gzip.compress(GOOD.encode()))
    collected = inbox.collect()
    assert (collected.taken, collected.members, collected.unreadable) == (2, 601, 0)
    assert len(inbox.entries()[0].line()) > 1 << 16, "longer than what anything that reads a part of it would read"
    inbox.put("mail/c.csv", "email\nc@example.com\n")
    inbox.collect(AS_OF + timedelta(days=1))
    assert len(inbox.entries()) == 3
