"""Any bytes as a delivery that may be an archive: nothing outside its folder, nothing past the limits, no other bytes."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path

from orchestration.core.config import Limits, size_in_bytes
from orchestration.core.files import sha256_file
from orchestration.core.home import Home
from orchestration.landing.archives import inspect, landed_path, member_head, open_member
from orchestration.landing.manifest import GENESIS, Entry, Settings

_LIMITS = Limits(max_file="3MB", max_archive_entries=5, max_archive_ratio=3)
_WHEN = datetime(2026, 4, 1, tzinfo=UTC)
_SCRATCH = tempfile.TemporaryDirectory(prefix="quietlist-fuzz.")
_ROOT = Path(_SCRATCH.name)
_HOME = Home.at(_ROOT / "home").create()


def check(data: bytes) -> None:
    """What is inspected can be opened and has the bytes that were promised; all else is refused with a reason."""
    path = _HOME.landing / "delivery"
    path.write_bytes(data)
    sha256 = sha256_file(path)
    landed = landed_path(_HOME, sha256)
    landed.parent.mkdir(exist_ok=True)
    path.replace(landed)
    before = _files()
    try:
        members, rejected, junk = inspect(landed, "delivery.zip", sha256, _LIMITS, _ROOT)
        assert members or rejected or junk, "nothing in it, and no reason"
        entry = Entry(
            seq=1,
            sha256=sha256,
            size=len(data),
            source="s",
            settings=Settings("f", "*", "UTC", None),
            name="d",
            received_at=_WHEN,
            modified_at=_WHEN,
            members=members,
            rejected=rejected,
            prev=GENESIS,
        )
        assert len(members) <= _LIMITS.max_archive_entries
        assert sum(member.size for member in members if member.sheet is None) <= size_in_bytes(_LIMITS.max_file)
        for member in members:
            assert ".." not in member.name.split("/") and not member.name.startswith("/"), (
                f"a name that leads out: {member.name!r}"
            )
            member_head(_HOME, entry, member, 10)
            with open_member(_HOME, entry, member) as opened:
                if member.sheet is None:  # a sheet is made text, and has no bytes to be promised
                    assert (opened.stat().st_size, sha256_file(opened)) == (member.size, member.sha256), "other bytes"
                assert opened == landed or opened.is_relative_to(_HOME.warehouse_folder), "unpacked elsewhere"
        assert _files() == before, "something was left on the disk"
    finally:
        landed.unlink()


def _files() -> set[Path]:
    return {path for path in _ROOT.rglob("*") if path.is_file()}
