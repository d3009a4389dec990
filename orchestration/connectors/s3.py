"""The objects below a prefix of a bucket that speaks S3: Amazon's own, or another's by its endpoint. Only what reads is asked.

An object is known by its key and its ETag, and it is read on the condition that it still has that one. It appears when it is
whole, so nothing waits for it to grow.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from urllib.parse import unquote_plus
from xml.etree import ElementTree

from pydantic import Field, field_validator, model_validator

from orchestration.connectors.contract import Part
from orchestration.connectors.folder import Folder, FolderSettings, NotTaken, Remote
from orchestration.core.config import Config
from orchestration.core.credentials import secret
from orchestration.core.errors import PermanentError
from orchestration.core.pace import Timer
from orchestration.http.auth import AwsSigned
from orchestration.http.calls import Call
from orchestration.http.client import Api, Client, CredentialsRefused, base_url_problem

_LIST, _GET = Call("GET", "/{bucket}"), Call("GET", "/{bucket}/{+key}")
_PERMISSION = "s3:ListBucket on the bucket and s3:GetObject on its objects, below the prefix"


class Settings(FolderSettings):
    """Keys of ``[sources.<name>.pull]`` with ``kind = "s3"``."""

    bucket: str
    """The bucket's name."""
    prefix: str = ""
    """How the keys begin that are taken, such as ``outgoing/``; their names are what stands behind its last ``/``."""
    region: str = Field(default="us-east-1", pattern=r"^[a-z0-9-]+$")
    """The bucket's region; other makers' servers often take any."""
    endpoint: str = ""
    """The server of another maker, such as ``https://storage.example.com``. Absent: Amazon's in the region."""
    key_id_env: str
    """Name of the environment variable that holds the id of the access key."""
    secret_key_env: str
    """Name of the environment variable that holds the secret access key."""
    session_token_env: str = ""
    """Name of the environment variable that holds the session token, with temporary keys."""
    allow_plain_http: bool = False
    """Must be true for an endpoint without TLS that is not this machine."""
    calls_per_second: float | None = Field(default=None, gt=0, le=1000)
    """The most that the server takes."""

    @field_validator("bucket")
    @classmethod
    def _check_bucket(cls, bucket: str) -> str:
        if not re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9._-]{1,253}", bucket):
            raise ValueError("is not the name of a bucket: what its keys begin with is prefix, and where it is, endpoint")
        return bucket

    @model_validator(mode="after")
    def _check_endpoint(self) -> Settings:
        if self.endpoint and (why := base_url_problem(self.endpoint, plain_allowed=self.allow_plain_http)):
            raise ValueError(f"endpoint {why}")
        return self


def parts(name: str, config: Config, settings: Settings, timer: Timer) -> Sequence[Part]:
    """One part: the prefix."""
    asks = [settings.endpoint, settings.bucket, settings.prefix]
    return [Folder(name, settings, config.limits, timer, lambda: _Bucket(name, settings, timer), asks=asks, settles=False)]


class _Bucket:
    """The bucket, asked by one key."""

    def __init__(self, source: str, settings: Settings, timer: Timer) -> None:
        section = f"[sources.{source}.pull]"
        self._settings = settings
        self._tried = f"Reading the bucket of source {source}"
        self._shown = settings.prefix[: settings.prefix.rfind("/") + 1]
        token = settings.session_token_env
        self._client = Client(
            Api(f"source {source}", (_LIST, _GET), headers={"Accept": "*/*"}, permission=_PERMISSION),
            settings.endpoint or f"https://s3.{settings.region}.amazonaws.com",
            AwsSigned(
                secret(settings.key_id_env, f"{section} key_id"),
                secret(settings.secret_key_env, f"{section} secret_key"),
                settings.region,
                "s3",
                secret(token, f"{section} session_token") if token else None,
            ),
            calls_per_second=settings.calls_per_second,
            timeout_seconds=settings.timeout_seconds,
            plain_allowed=settings.allow_plain_http,
            timer=timer,
        )

    def close(self) -> None:
        self._client.close()

    def listing(self) -> Iterator[Remote]:
        asked = {"list-type": "2", "encoding-type": "url"}
        if self._settings.prefix:
            asked["prefix"] = self._settings.prefix
        been: set[str] = set()
        token = ""
        while True:
            answer = self._client.ask_again(
                _LIST, {"bucket": self._settings.bucket}, parameters={**asked, **({"continuation-token": token} if token else {})}
            )
            page = self._page(answer.raw)
            for item in page.iterfind("Contents"):
                found = self._remote(item)
                if found is not None:
                    yield found
            if page.findtext("IsTruncated") != "true":
                return
            token = page.findtext("NextContinuationToken") or ""
            if not token or token in been:
                raise self._odd("a list that goes on and does not say where")
            been.add(token)

    def _page(self, content: bytes) -> ElementTree.Element:
        """The list in an answer. A proxy's page, or half a list, is no empty one."""
        try:
            # A list has no document type, and so no entities that could grow.
            page = None if b"<!DOCTYPE" in content else ElementTree.fromstring(content)  # noqa: S314
        except ElementTree.ParseError:
            page = None
        if page is None:
            raise self._odd("an answer that is no list of a bucket")
        for item in page.iter():
            item.tag = item.tag.rpartition("}")[2]  # makers differ in the name space
        if page.tag != "ListBucketResult" or page.findtext("IsTruncated") not in ("true", "false"):
            raise self._odd("an answer that is no list of a bucket")
        return page

    def _remote(self, item: ElementTree.Element) -> Remote | None:
        key, size = unquote_plus(item.findtext("Key") or ""), item.findtext("Size") or ""
        if not key or not size.isdigit():
            raise self._odd("an object without a key or a size")
        if key.endswith("/"):
            return Remote(key, trouble="not_to_be_named") if int(size) else None  # what stands for a folder in some consoles
        path = key.removeprefix(self._shown)
        if not all(step.strip(" .") for step in key.split("/")):
            return Remote(path, int(size), trouble="not_to_be_named")
        changed = item.findtext("LastModified") or ""
        try:
            modified_at = datetime.fromisoformat(changed)
        except ValueError:
            modified_at = None
        if modified_at is not None and modified_at.tzinfo is None:
            modified_at = None
        return Remote(path, int(size), item.findtext("ETag") or changed, modified_at)

    def read(self, file: Remote) -> Iterator[bytes]:
        # An ETag stands in quotation marks; a time in its place is none.
        condition = {"If-Match": file.version} if file.version.startswith('"') else {}
        count = 0
        try:
            for chunk in self._client.stream(
                _GET, {"bucket": self._settings.bucket, "key": self._shown + file.path}, headers=condition
            ):
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

    def _odd(self, seen: str) -> PermanentError:
        return PermanentError(self._tried, seen=seen, next_step="see that endpoint and bucket are right")
