"""The same drops as ``file_drop``, as objects of a bucket that speaks S3: Amazon's own, or another's by its endpoint.

Each file is one request over which its own hash is signed, so an object is whole or not there; the control file comes last. It
is put on the condition that nothing has its name yet, so nothing is ever written over, and nothing is ever deleted. What is
proved is what lies there: each push fetches the latest drop again and holds it against the hashes in its control file; no ETag
is taken for one. So leave the latest drop there. A drop that was touched counts as gone, and everything is dropped again.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from pydantic import Field

from orchestration.core.config import CHANNELS
from orchestration.core.errors import PermanentError
from orchestration.core.home import PRIVATE_FILE, PRIVATE_FOLDER
from orchestration.core.pace import Timer
from orchestration.destinations.contract import IDENTIFIER_TYPES, Facts, Place, ReadBack
from orchestration.destinations.drops import Drop, DropSettings, workspace_of
from orchestration.remote.s3 import GET, LIST, PUT, Bucket, S3Account

FACTS = Facts(
    system="s3_drop",
    channels=frozenset(CHANNELS),
    identifier_types=frozenset(IDENTIFIER_TYPES),
    read_back=ReadBack.FULL,
    batch_size=None,  # one drop tells of all changes of a push
    permission="s3:ListBucket on the bucket, s3:GetObject and s3:PutObject on its objects, below the prefix",
    by_hand=(
        "Let no rule of the bucket's life cycle take the latest drop away.",
        "Block public access: the list of people who want to be left alone is itself private.",
    ),
    unproved=("That the receiver took the drop: what lies in the bucket is proved, and what is done with it is not.",),
)

_LARGEST = 5 << 30  # bytes in one request; some fifty million rows
_TAKEN = 412  # the condition does not hold: something has the name


class Settings(S3Account, DropSettings):
    """Keys of ``[destinations.<name>]`` beside the common ones."""

    refuse_overwrite: bool = True
    """Put on the condition that nothing has the name. ``false`` for a maker's server that does not know it (it answers 501)."""
    timeout_seconds: float = Field(default=60.0, ge=1, le=600)
    """How long one answer may take."""


def connect(place: Place, settings: Settings) -> Drop:
    """The destination for one prefix of one bucket."""
    return Drop(FACTS, place, _Prefix(place, settings), settings)


class _Prefix:
    """The objects below the prefix."""

    def __init__(self, place: Place, settings: Settings) -> None:
        self.where = f"the bucket of {place.name}"
        self.disk = workspace_of(place)
        self.timer = Timer()
        self._name, self._settings = place.name, settings
        self._tried = f"Using {self.where}"
        self._bucket: Bucket | None = None

    def open(self) -> None:
        self._bucket = Bucket(
            FACTS.system,
            self._tried,
            f"[destinations.{self._name}]",
            self._settings,
            self.timer,
            calls=(LIST, GET, PUT),
            permission=FACTS.permission,
            timeout_seconds=self._settings.timeout_seconds,
        )

    def close(self) -> None:
        if self._bucket is not None:
            self._bucket.close()
        self._bucket = None
        shutil.rmtree(self.disk, ignore_errors=True)

    def names(self) -> Iterator[str]:
        start = self._settings.prefix
        for key, _, _ in self._opened().listing():
            yield key.removeprefix(start)

    def fetch(self, name: str) -> Path | None:
        self.disk.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        path = self.disk / name
        try:
            with open(path, "wb", opener=_private) as here:
                for chunk in self._opened().stream(self._settings.prefix + name):
                    here.write(chunk)
        except PermanentError as error:
            if "status 404" in error.seen:
                return None
            raise
        return path

    def draft(self, name: str) -> Path:
        return self.disk / name

    def keep(self, name: str, draft: Path) -> None:
        if draft.stat().st_size > _LARGEST:
            raise PermanentError(
                self._tried,
                seen="a list of more than 5 GiB, which no single request takes",
                next_step='set format = "parquet", which is a fraction of that, or fewer columns',
            )
        headers = {"If-None-Match": "*"} if self._settings.refuse_overwrite else {}
        answer = self._opened().put_file(self._settings.prefix + name, draft, headers=headers, expected=(_TAKEN,))
        if answer.status == _TAKEN:
            raise PermanentError(
                self._tried,
                seen="an object that has the name of the next drop",
                allowed="new names only",
                next_step="see who else writes there, and push again: the next number is taken",
            )

    def keep_text(self, name: str, text: str) -> None:
        draft = self.draft(name)
        with open(draft, "w", opener=_private, encoding="utf-8", newline="") as here:
            here.write(text)
        self.keep(name, draft)

    def discard(self, name: str) -> None:
        """There is nothing unfinished: an object appears when it is whole."""

    def _opened(self) -> Bucket:
        if self._bucket is None:
            raise PermanentError(self._tried, seen="the destination is not open", next_step="call open first")
        return self._bucket


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, PRIVATE_FILE)
