"""The objects below a prefix of a bucket that speaks S3. Only what reads is asked.

An object is known by its key and its ETag, and it is read on the condition that it still has that one. It appears when it is
whole, so nothing waits for it to grow.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from xml.etree import ElementTree

from orchestration.connectors.contract import Part
from orchestration.connectors.folder import Folder, FolderSettings, NotTaken, Remote
from orchestration.core.config import Config
from orchestration.core.errors import PermanentError
from orchestration.core.pace import Timer
from orchestration.http.client import CredentialsRefused
from orchestration.remote.s3 import GET, LIST, Bucket, S3Account

_PERMISSION = "s3:ListBucket on the bucket and s3:GetObject on its objects, below the prefix"


class Settings(S3Account, FolderSettings):
    """Keys of ``[sources.<name>.pull]`` with ``kind = "s3"``."""


def parts(name: str, config: Config, settings: Settings, timer: Timer) -> Sequence[Part]:
    """One part: the prefix."""
    asks = [settings.endpoint, settings.bucket, settings.prefix]
    return [Folder(name, settings, config.limits, timer, lambda: _Objects(name, settings, timer), asks=asks, settles=False)]


class _Objects:
    """The objects below the prefix."""

    def __init__(self, source: str, settings: Settings, timer: Timer) -> None:
        self._shown = settings.prefix[: settings.prefix.rfind("/") + 1]
        self._bucket = Bucket(
            f"source {source}",
            f"Reading the bucket of source {source}",
            f"[sources.{source}.pull]",
            settings,
            timer,
            calls=(LIST, GET),
            permission=_PERMISSION,
            timeout_seconds=settings.timeout_seconds,
        )

    def close(self) -> None:
        self._bucket.close()

    def listing(self) -> Iterator[Remote]:
        for key, size, item in self._bucket.listing():
            found = self._remote(key, size, item)
            if found is not None:
                yield found

    def _remote(self, key: str, size: int, item: ElementTree.Element) -> Remote | None:
        if key.endswith("/"):
            return Remote(key, trouble="not_to_be_named") if size else None  # what stands for a folder in some consoles
        path = key.removeprefix(self._shown)
        if not all(step.strip(" .") for step in key.split("/")):
            return Remote(path, size, trouble="not_to_be_named")
        changed = item.findtext("LastModified") or ""
        try:
            modified_at = datetime.fromisoformat(changed)
        except ValueError:
            modified_at = None
        if modified_at is not None and modified_at.tzinfo is None:
            modified_at = None
        return Remote(path, size, item.findtext("ETag") or changed, modified_at)

    def read(self, file: Remote) -> Iterator[bytes]:
        # An ETag stands in quotation marks; a time in its place is none.
        condition = {"If-Match": file.version} if file.version.startswith('"') else {}
        count = 0
        try:
            for chunk in self._bucket.stream(self._shown + file.path, headers=condition):
                count += len(chunk)
                yield chunk
        except CredentialsRefused:
            raise NotTaken("not_allowed") from None  # listing was allowed; an archived object says so too
        except PermanentError as error:
            if "status 412" in error.seen:
                raise NotTaken from None
            if "status 404" in error.seen:
                raise NotTaken("vanished") from None
            raise
        if count != file.size:
            raise NotTaken
