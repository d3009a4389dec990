"""The objects below a prefix of a bucket that speaks S3: Amazon's own, or another's by its endpoint. Each request is signed."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote_plus
from xml.etree import ElementTree

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from orchestration.core.credentials import secret
from orchestration.core.errors import PermanentError
from orchestration.core.pace import Timer
from orchestration.http.auth import AwsSigned
from orchestration.http.calls import Call
from orchestration.http.client import Answer, Api, Client, base_url_problem

LIST, GET, PUT = Call("GET", "/{bucket}"), Call("GET", "/{bucket}/{+key}"), Call("PUT", "/{bucket}/{+key}")


class S3Account(BaseModel):
    """Keys by which a bucket is found, and by which it knows us."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bucket: str = Field(examples=["acme-suppressions"])
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
    def _check_endpoint(self) -> S3Account:
        if self.endpoint and (why := base_url_problem(self.endpoint, plain_allowed=self.allow_plain_http)):
            raise ValueError(f"endpoint {why}")
        return self


class Bucket:
    """The bucket, asked by one key."""

    def __init__(
        self,
        system: str,
        tried: str,
        section: str,
        account: S3Account,
        timer: Timer,
        *,
        calls: tuple[Call, ...],
        permission: str,
        timeout_seconds: float,
    ) -> None:
        """
        Args:
            system: whose requests these are, for the log.
            tried: what is being done, for errors.
            section: of the configuration, for errors about a secret.
            calls: what may be asked.
            permission: what the key must be allowed to do.
        """
        self._account, self._tried = account, tried
        token = account.session_token_env
        self._client = Client(
            Api(system, calls, headers={"Accept": "*/*"}, permission=permission),
            account.endpoint or f"https://s3.{account.region}.amazonaws.com",
            AwsSigned(
                secret(account.key_id_env, f"{section} key_id"),
                secret(account.secret_key_env, f"{section} secret_key"),
                account.region,
                "s3",
                secret(token, f"{section} session_token") if token else None,
            ),
            calls_per_second=account.calls_per_second,
            timeout_seconds=timeout_seconds,
            plain_allowed=account.allow_plain_http,
            timer=timer,
        )

    def close(self) -> None:
        self._client.close()

    def listing(self) -> Iterator[tuple[str, int, ElementTree.Element]]:
        """Every object below the prefix: its key, its size, and what else the list says of it."""
        asked = {"list-type": "2", "encoding-type": "url"}
        if self._account.prefix:
            asked["prefix"] = self._account.prefix
        been: set[str] = set()
        token = ""
        while True:
            answer = self._client.ask_again(
                LIST, {"bucket": self._account.bucket}, parameters={**asked, **({"continuation-token": token} if token else {})}
            )
            page = self._page(answer.raw)
            for item in page.iterfind("Contents"):
                key, size = unquote_plus(item.findtext("Key") or ""), item.findtext("Size") or ""
                if not key or not size.isdigit():
                    raise self._odd("an object without a key or a size")
                yield key, int(size), item
            if page.findtext("IsTruncated") != "true":
                return
            token = page.findtext("NextContinuationToken") or ""
            if not token or token in been:
                raise self._odd("a list that goes on and does not say where")
            been.add(token)

    def stream(self, key: str, *, headers: Mapping[str, str] | None = None) -> Iterator[bytes]:
        """An object's bytes."""
        return self._client.stream(GET, {"bucket": self._account.bucket, "key": key}, headers=headers)

    def put_file(self, key: str, file: Path, *, headers: Mapping[str, str], expected: Collection[int] = ()) -> Answer:
        """Make an object of a file, in one request: it is there as a whole, or not at all. What arrives is held against the
        signature, which is over the file's own hash.
        """
        parts = {"bucket": self._account.bucket, "key": key}
        return self._client.send_file(PUT, parts, file, headers=headers, expected=expected)

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

    def _odd(self, seen: str) -> PermanentError:
        return PermanentError(self._tried, seen=seen, next_step="see that endpoint and bucket are right")
