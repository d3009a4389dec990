"""ZIP and gzip deliveries: read one level deep, refused with a reason where they are dangerous or damaged, kept anyway."""

from __future__ import annotations

import gzip
import io
import os
import random
import stat
import tarfile
import zipfile
from datetime import timedelta

import pytest

from orchestration.core.errors import InputError
from orchestration.landing import Entry, Member, member_head, open_member
from orchestration.landing.archives import clear_unpacked, landed_path
from tests.landing.conftest import AS_OF, Inbox, config
from tests.workbooks import xlsx

SEED = int(os.environ.get("QUIETLIST_SEED", "20260401"))
A, B = b"email\na@example.com\n", b"email\nb@example.com\n"


def zipped(*members: tuple[str | zipfile.ZipInfo, bytes], packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", packing) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def link(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


def encrypted() -> bytes:
    """A ZIP whose entry says that it is encrypted (bit 0 of its flags, in both of its headers)."""
    data = bytearray(zipped(("a.csv", A)))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def tarball() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        info = tarfile.TarInfo("a.csv")
        info.size = len(A)
        archive.addfile(info, io.BytesIO(A))
    return buffer.getvalue()


def one(inbox: Inbox, name: str, content: bytes, **limits: object) -> Entry:
    inbox.put(f"mail/{name}", content)
    inbox.collect(AS_OF + timedelta(seconds=len(inbox.entries())), config(**limits))
    return inbox.entries()[-1]


def read(inbox: Inbox, entry: Entry, member: Member) -> bytes:
    with open_member(inbox.home, entry, member) as path:
        return path.read_bytes()


@pytest.mark.parametrize("packing", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_the_members_of_a_zip_are_read_from_the_delivered_bytes(inbox: Inbox, packing: int) -> None:
    content = zipped(("a.csv", A), ("sub\\b.csv", B), ("./x//c.csv", b""), ("folder/", b""), packing=packing)
    entry = one(inbox, "export.zip", content)
    assert [(member.name, read(inbox, entry, member)) for member in entry.members] == [
        ("a.csv", A),
        ("sub/b.csv", B),
        ("x/c.csv", b""),
    ]
    assert entry.rejected == ()
    assert list(inbox.landed().values()) == [content], "nothing is kept twice"


@pytest.mark.parametrize(("name", "inner"), [("list.csv.gz", "list.csv"), ("list.CSV.GZ", "list.CSV"), ("list.csv", "list.csv")])
def test_gzip_holds_one_member_whatever_the_file_is_called(inbox: Inbox, name: str, inner: str) -> None:
    entry = one(inbox, name, gzip.compress(A) + gzip.compress(B))
    (member,) = entry.members
    assert (member.name, member.size, read(inbox, entry, member)) == (inner, len(A + B), A + B)


def test_a_plain_file_is_its_own_only_member(inbox: Inbox) -> None:
    entry = one(inbox, "a.csv", A)
    assert entry.members == (Member("a.csv", entry.sha256, len(A)),)
    with open_member(inbox.home, entry, entry.members[0]) as path:
        assert path == landed_path(inbox.home, entry.sha256), "no copy is made"


def test_what_file_managers_leave_is_skipped_and_counted(inbox: Inbox) -> None:
    content = zipped(("a.csv", A), ("__MACOSX/._a.csv", b"x"), ("sub/.DS_Store", b"x"), ("Thumbs.db", b"x"))
    inbox.put("mail/a.zip", content)
    collected = inbox.collect()
    (entry,) = inbox.entries()
    assert ([member.name for member in entry.members], entry.rejected) == (["a.csv"], ())
    assert (collected.members, collected.skipped_members, collected.unreadable) == (1, 3, 0)


@pytest.mark.parametrize(
    ("case", "content", "reason"),
    [
        ("parent folder", zipped(("a.csv", A), ("../evil.csv", B)), "archive_unsafe_path"),
        ("parent folder within", zipped(("a.csv", A), ("x/../../evil.csv", B)), "archive_unsafe_path"),
        ("parent folder with backslashes", zipped(("a.csv", A), ("..\\evil.csv", B)), "archive_unsafe_path"),
        ("absolute", zipped(("a.csv", A), ("/etc/evil.csv", B)), "archive_unsafe_path"),
        ("drive letter", zipped(("a.csv", A), ("C:\\evil.csv", B)), "archive_unsafe_path"),
        ("symbolic link", zipped(("a.csv", A), (link("evil.csv"), b"/etc/passwd")), "archive_symbolic_link"),
        ("zip in zip", zipped(("a.csv", A), ("b.zip", zipped(("b.csv", B)))), "archive_in_archive"),
        ("gzip in zip", zipped(("a.csv", A), ("b.csv.gz", gzip.compress(B))), "archive_in_archive"),
        ("tar in zip", zipped(("a.csv", A), ("b.tar", tarball())), "archive_in_archive"),
    ],
)
def test_a_dangerous_member_is_refused_and_the_others_are_read(inbox: Inbox, case: str, content: bytes, reason: str) -> None:
    inbox.put("mail/a.zip", content)
    collected = inbox.collect()
    (entry,) = inbox.entries()
    assert [member.name for member in entry.members] == ["a.csv"], case
    assert [part.reason for part in entry.rejected] == [reason], case
    assert (collected.taken, collected.unreadable) == (1, 1), case
    assert not list(inbox.home.root.rglob("evil*")), case


@pytest.mark.parametrize(
    ("case", "name", "content", "reason", "limits"),
    [
        ("encrypted", "a.zip", encrypted(), "archive_encrypted", {}),
        ("cut off zip", "a.zip", zipped(("a.csv", A))[:-30], "archive_damaged", {}),
        ("empty of all but a mark", "a.zip", b"PK\x03\x04", "archive_damaged", {}),
        ("cut off gzip", "a.csv.gz", gzip.compress(A)[:-4], "archive_damaged", {}),
        ("gzip with a wrong check sum", "a.csv.gz", gzip.compress(A)[:-8] + b"\0" * 8, "archive_damaged", {}),
        ("tar in gzip", "a.tar.gz", gzip.compress(tarball()), "archive_in_archive", {}),
        ("zip in gzip", "a.zip.gz", gzip.compress(zipped(("a.csv", A))), "archive_in_archive", {}),
        ("tar", "a.tar", tarball(), "archive_kind_not_supported", {}),
        ("7z", "a.7z", b"7z\xbc\xaf\x27\x1c....", "archive_kind_not_supported", {}),
        (
            "too many members",
            "a.zip",
            zipped(*((f"{n}.csv", A) for n in range(4))),
            "archive_too_many_entries",
            {"max_archive_entries": 3},
        ),
        ("nothing in it", "a.zip", zipped(), "archive_empty", {}),
        ("a bomb", "a.zip", zipped(("a.csv", b"\n" * 5_000_000)), "archive_ratio", {}),
        ("a bomb in gzip", "a.csv.gz", gzip.compress(b"\n" * 5_000_000), "archive_ratio", {}),
        ("too large", "a.zip", zipped(("a.csv", b"x" * 3_000), ("b.csv", A)), "archive_too_large", {"max_file": "1KB"}),
        ("too large in gzip", "a.csv.gz", gzip.compress(b"x" * 3_000), "archive_too_large", {"max_file": "1KB"}),
    ],
)
def test_an_archive_that_cannot_be_used_is_kept_and_counted_and_the_run_goes_on(
    inbox: Inbox, case: str, name: str, content: bytes, reason: str, limits: dict[str, object]
) -> None:
    inbox.put(f"mail/0_{name}", content)
    inbox.put("mail/z.csv", B)
    collected = inbox.collect(settings=config(**limits))
    bad, good = inbox.entries()
    assert (bad.members, [part.reason for part in bad.rejected]) == ((), [reason]), case
    assert (collected.taken, collected.unreadable, len(good.members)) == (2, 1, 1), case
    assert content in inbox.landed().values(), case


def test_an_entry_without_a_name_is_refused_and_the_run_goes_on(inbox: Inbox) -> None:
    # Found by fuzzing: it stopped the run, and every run after it.
    content = zipped(("a.csv", A), ("x", B))
    central = content.rindex(b"PK\x01\x02")
    # The second entry's name gets length 0 in the list of contents; its letter becomes the first of a comment.
    nameless = bytearray(content)
    nameless[central + 28 : central + 30], nameless[central + 32 : central + 34] = b"\0\0", b"\1\0"
    inbox.put("mail/a.zip", bytes(nameless))
    inbox.put("mail/z.csv", B)
    assert inbox.collect().taken == 2
    bad, good = inbox.entries()
    assert ([member.name for member in bad.members], [part.reason for part in bad.rejected]) == (
        ["a.csv"],
        ["archive_unsafe_path"],
    )
    assert len(good.members) == 1


def test_text_that_packs_well_is_no_bomb(inbox: Inbox) -> None:
    entry = one(inbox, "a.zip", zipped(("a.csv", b"a@example.com\n" * 50_000)))
    assert [member.size for member in entry.members] == [700_000]


def test_a_document_is_one_file_not_an_archive(inbox: Inbox) -> None:
    entry = one(inbox, "a.docx", zipped(("[Content_Types].xml", b"<Types/>"), ("word/document.xml", b"<x/>")))
    assert [member.name for member in entry.members] == ["a.docx"]


def test_the_sheets_of_a_workbook_are_members_that_are_text_while_they_are_read(inbox: Inbox) -> None:
    book = xlsx({"One": [["email"], ["a@example.com"]], "Empty": [], "Two": [["email"], ["b@example.com"]]})
    for name, content, inside in (("a.xlsx", book, "a.xlsx"), ("a.zip", zipped(("in/b.xlsx", book)), "in/b.xlsx")):
        entry = one(inbox, name, content)
        assert [(member.title, member.size) for member in entry.members] == [
            (f"{inside}, sheet 1 'One'", len(book)),
            (f"{inside}, sheet 3 'Two'", len(book)),
        ], name
        assert [read(inbox, entry, member) for member in entry.members] == [A, B], name
        assert [member_head(inbox.home, entry, member, 5) for member in entry.members] == [b"email"] * 2, name
    assert len(inbox.landed()) == 2, "nothing is kept twice"
    assert not list((inbox.home.warehouse_folder / "unpacked").iterdir()), "nothing stays unpacked"


def test_a_sheet_of_altered_bytes_is_not_read(inbox: Inbox) -> None:
    entry = one(inbox, "a.xlsx", xlsx({"One": [["email"], ["a@example.com"]]}))
    landed_path(inbox.home, entry.sha256).write_bytes(xlsx({"One": [["email"], ["b@example.com"]]}))
    with pytest.raises(InputError, match="restore landing"), open_member(inbox.home, entry, entry.members[0]):
        pass


def test_a_line_of_before_workbooks_were_read_keeps_its_hash(inbox: Inbox) -> None:
    entry = one(inbox, "a.csv", A)
    assert '"sheet"' not in entry.line(), "its hash is what older lines were chained by"
    assert '"sheet":"One"' in one(inbox, "a.xlsx", xlsx({"One": [["email"]]})).line()


def test_members_of_one_name_are_told_apart(inbox: Inbox) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        content = zipped(("a.csv", A), ("a.csv", B))
    entry = one(inbox, "a.zip", content)
    assert sorted(read(inbox, entry, member) for member in entry.members) == [A, B]


def test_an_unpacked_member_is_private_and_gone_afterwards(inbox: Inbox) -> None:
    entry = one(inbox, "a.zip", zipped(("a.csv", A)))
    with open_member(inbox.home, entry, entry.members[0]) as path:
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        clear_unpacked(inbox.home)
        assert path.exists(), "what a living process reads is not cleared away"
    assert not path.parent.exists()
    stale = path.parent.parent / "999999999.abc"
    stale.mkdir()
    clear_unpacked(inbox.home)
    assert not stale.exists(), "what a dead process left is"


def test_the_start_of_a_member_is_read_without_unpacking_it(inbox: Inbox) -> None:
    for name, content in (("a.zip", zipped(("a.csv", A))), ("b.csv.gz", gzip.compress(A)), ("c.csv", A)):
        entry = one(inbox, name, content)
        assert member_head(inbox.home, entry, entry.members[0], 5) == b"email"
    assert not (inbox.home.warehouse_folder / "unpacked").exists()


@pytest.mark.parametrize("name", ["a.zip", "a.csv.gz", "a.csv"])
@pytest.mark.parametrize("damage", ["missing", "cut", "other"])
def test_bytes_that_changed_in_landing_are_never_handed_out(inbox: Inbox, name: str, damage: str) -> None:
    content = {"a.zip": zipped(("a.csv", A)), "a.csv.gz": gzip.compress(A), "a.csv": A}[name]
    other = {"a.zip": zipped(("a.csv", B)), "a.csv.gz": gzip.compress(B), "a.csv": B}[name]
    entry = one(inbox, name, content)
    path = landed_path(inbox.home, entry.sha256)
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(content[:-12] if damage == "cut" else other)
    with pytest.raises(InputError, match="restore landing from its backup"), open_member(inbox.home, entry, entry.members[0]):
        pytest.fail("handed out")


def test_random_damage_never_stops_a_run_and_never_yields_other_bytes(inbox: Inbox) -> None:
    print(f"seed {SEED}")
    rng = random.Random(SEED)
    whole = (zipped(("a.csv", A * 50), ("b.csv", B * 50)), gzip.compress(A * 50), zipped(("c.csv", A), packing=zipfile.ZIP_BZIP2))
    known = {A * 50, B * 50, A}
    for number in range(150):
        content = bytearray(rng.choice(whole))
        for _ in range(rng.randint(1, 4)):
            content[rng.randrange(4, len(content))] = rng.randrange(256)
        inbox.put(f"mail/{number}.bin", bytes(content))
    inbox.collect()
    read_well = 0
    for entry in inbox.entries():
        assert entry.members or entry.rejected, f"seed {SEED}, {entry.name}: nothing in it and no reason"
        for member in entry.members:
            assert read(inbox, entry, member) in known, f"seed {SEED}, {entry.name}"
            read_well += 1
    assert read_well > 10, "damage beside the data leaves the data readable"
