"""Folders on other machines: real servers that a test starts, each with somebody who puts files there and takes them away."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import logging
import os
import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, unquote, urlsplit

import asyncssh
import boto3
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from orchestration.core.home import Home
from tests.connectors.shelf import contents
from tests.vendors.server import Reply, Request, Server

PASSWORD = "swordfish-1234567"


class Far(Protocol):
    """What the tests of every kind of folder need of its server."""

    kind: str
    denied: set[str]
    """Files that it lists and does not hand over."""
    cuts: int
    """So many of the next answers end in the middle."""
    asked: Counter[str]
    """How often each file was handed over."""

    def put(self, path: str, content: bytes) -> None: ...

    def remove(self, path: str) -> None: ...

    def held(self) -> dict[str, bytes]: ...

    def settings(self, **more: Any) -> dict[str, Any]: ...

    def changes(self) -> list[str]:
        """What a client did there beside reading."""


def came(home: Home, source: str = "far") -> Counter[tuple[str, bytes]]:
    """Name and bytes of every file that came, whether it lies in the inbox or was taken from it."""
    inbox = home.inbox / source
    found: Counter[tuple[str, bytes]] = Counter()
    for path in sorted(inbox.rglob("*")):
        if path.is_file() and not path.name.startswith("."):
            found[(path.relative_to(inbox).as_posix(), path.read_bytes())] += 1
    waiting = {(Path(name).name, content) for name, content in found}
    for name, content in contents(home, source):
        if (name, content) not in waiting:
            found[(name, content)] += 1
    return found


class SftpFar:
    """An SFTP server of asyncssh in a thread of its own."""

    kind = "sftp"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.denied: set[str] = set()
        self.cuts = 0
        self.asked: Counter[str] = Counter()
        self._clock = 0
        self.full = False
        """Nothing more is taken."""
        self.logins: list[str] = []
        self.done: list[str] = []
        self.host_key = asyncssh.generate_private_key("ssh-ed25519")
        self.user_key = asyncssh.generate_private_key("ssh-ed25519")
        self._loop = asyncio.new_event_loop()

    def __enter__(self) -> SftpFar:
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.port = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(20)
        return self

    def __exit__(self, *_: object) -> None:
        async def end() -> None:
            self._server.close()
            for task in asyncio.all_tasks():
                if task is not asyncio.current_task():
                    task.cancel()

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(20)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(20)
        self._loop.close()

    def put(self, path: str, content: bytes) -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        # A real clock moves on between a pull and the next delivery, for a pull waits; a test does not wait for it.
        self._clock = max(self._clock + 1, int(time.time()))
        os.utime(target, (self._clock, self._clock))

    def remove(self, path: str) -> None:
        (self.folder / path).unlink()

    def held(self) -> dict[str, bytes]:
        files = [path for path in self.folder.rglob("*") if path.is_file() and not path.is_symlink()]
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in files}

    def settings(self, **more: Any) -> dict[str, Any]:
        pull = {
            "kind": "sftp",
            "host": "127.0.0.1",
            "port": self.port,
            "user": "acme",
            "password_env": "FAR_PASS",
            "host_keys": [self.host_key.export_public_key().decode().strip()],
            "timeout_seconds": 10,
            **more,
        }
        return {"format": "requests", "pull": {key: value for key, value in pull.items() if value is not None}}

    def changes(self) -> list[str]:
        return self.done

    async def _listen(self) -> int:
        outer = self

        class Login(asyncssh.SSHServer):
            def begin_auth(self, username: str) -> bool:
                return True

            def password_auth_supported(self) -> bool:
                return True

            def validate_password(self, username: str, password: str) -> bool:
                outer.logins.append(password)
                return (username, password) == ("acme", PASSWORD)

            def public_key_auth_supported(self) -> bool:
                return True

            def validate_public_key(self, username: str, key: Any) -> bool:
                return username == "acme" and key == outer.user_key.convert_to_public()

        class Files(asyncssh.SFTPServer):
            def __init__(self, channel: Any) -> None:
                self._cut = channel.get_connection().abort
                super().__init__(channel, chroot=os.fsencode(outer.folder))

            def open(self, path: bytes, pflags: int, attrs: Any) -> Any:
                name = path.decode("utf-8", "surrogateescape").strip("/").removeprefix("./")
                if pflags & (asyncssh.FXF_WRITE | asyncssh.FXF_CREAT | asyncssh.FXF_TRUNC):
                    outer.done.append(f"open {name} for writing")
                if name in outer.denied:
                    raise asyncssh.SFTPPermissionDenied("no")
                outer.asked[name] += 1
                return super().open(path, pflags, attrs)

            def scandir(self, path: bytes) -> Any:
                if path.decode().strip("/").removeprefix("./") in outer.denied - {""}:
                    raise asyncssh.SFTPPermissionDenied("no")
                return super().scandir(path)

            def read(self, file_obj: Any, offset: int, size: int) -> Any:
                if outer.cuts:
                    outer.cuts -= 1
                    self._cut()
                return super().read(file_obj, offset, size)

            def write(self, file_obj: Any, offset: int, data: bytes) -> Any:
                if outer.full:
                    raise asyncssh.SFTPFailure("no space left on device")
                if outer.cuts:
                    outer.cuts -= 1
                    self._cut()
                return super().write(file_obj, offset, data)

            def remove(self, path: bytes) -> Any:
                outer.done.append("remove")
                return super().remove(path)

            def rename(self, oldpath: bytes, newpath: bytes) -> Any:
                outer.done.append("rename")
                return super().rename(oldpath, newpath)

            def setstat(self, path: bytes, attrs: Any, **more: Any) -> Any:
                outer.done.append("setstat")
                return super().setstat(path, attrs, **more)

        self._server = await asyncssh.listen(
            "127.0.0.1", 0, server_host_keys=[self.host_key], server_factory=Login, sftp_factory=Files, login_timeout=20
        )
        port: int = self._server.get_port()
        return port


class S3Far:
    """moto's S3 behind a door that checks every signature with Amazon's own library, and misbehaves as told."""

    kind = "s3"
    bucket, prefix, key_id = "acme-files", "outgoing/", "AKIAIOSFODNN7EXAMPLE"

    def __init__(self, folder: Path) -> None:
        self.denied: set[str] = set()
        self.cuts = 0
        self.asked: Counter[str] = Counter()
        self.done: list[str] = []
        self.lists = 0
        self.full = False
        """Nothing more is taken."""
        self.answers: list[tuple[int, bytes]] = []
        """Given instead of the next lists."""
        self._moto = DomainDispatcherApplication(create_backend_app)

    def __enter__(self) -> S3Far:
        logging.getLogger("werkzeug").disabled = True
        self._http = make_server("127.0.0.1", 0, self._door, threaded=True)
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        self.client = boto3.client(
            "s3", endpoint_url=self.url, aws_access_key_id="owner", aws_secret_access_key="owner", region_name="us-east-1"
        )
        self.client.create_bucket(Bucket=self.bucket)
        self.client.put_object(Bucket=self.bucket, Key="elsewhere/other.csv", Body=b"not below the prefix")
        return self

    def __exit__(self, *_: object) -> None:
        self.client.delete_object(Bucket=self.bucket, Key="elsewhere/other.csv")
        for path in self.held():
            self.remove(path)
        self.client.delete_bucket(Bucket=self.bucket)
        self._http.shutdown()
        self._http.server_close()

    def put(self, path: str, content: bytes) -> None:
        self.client.put_object(Bucket=self.bucket, Key=self.prefix + path, Body=content)

    def remove(self, path: str) -> None:
        self.client.delete_object(Bucket=self.bucket, Key=self.prefix + path)

    def held(self) -> dict[str, bytes]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.prefix)
        keys = [item["Key"] for page in pages for item in page.get("Contents", ())]
        return {key.removeprefix(self.prefix): self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read() for key in keys}

    def settings(self, **more: Any) -> dict[str, Any]:
        os.environ["FAR_KEY_ID"] = self.key_id
        pull = {
            "kind": "s3",
            "endpoint": self.url,
            "bucket": self.bucket,
            "prefix": self.prefix,
            "key_id_env": "FAR_KEY_ID",
            "secret_key_env": "FAR_PASS",
            **more,
        }
        return {"format": "requests", "pull": {key: value for key, value in pull.items() if value is not None}}

    def changes(self) -> list[str]:
        return self.done

    def _door(self, environ: dict[str, Any], start: Any) -> Any:
        if "quietlist" not in environ.get("HTTP_USER_AGENT", ""):
            return self._moto(environ, start)  # the owner
        method, target = environ["REQUEST_METHOD"], environ["REQUEST_URI"]
        if method not in ("GET", "HEAD"):
            self.done.append(f"{method} {target}")
        if not self._is_signed(method, target, environ):
            start("403 Forbidden", [("Content-Type", "application/xml")])
            return [b"<Error><Code>SignatureDoesNotMatch</Code></Error>"]
        if method == "PUT":
            body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
            if hashlib.sha256(body).hexdigest() != environ["HTTP_X_AMZ_CONTENT_SHA256"]:
                start("400 Bad Request", [("Content-Type", "application/xml")])
                return [b"<Error><Code>XAmzContentSHA256Mismatch</Code></Error>"]
            environ["wsgi.input"] = io.BytesIO(body)
            if self.full:
                start("507 Insufficient Storage", [("Content-Type", "application/xml")])
                return [b"<Error><Code>InsufficientStorage</Code></Error>"]
        path = unquote(urlsplit(target).path).removeprefix(f"/{self.bucket}").removeprefix(f"/{self.prefix}")
        if path.strip("/"):
            if path in self.denied:
                start("403 Forbidden", [("Content-Type", "application/xml")])
                return [b"<Error><Code>AccessDenied</Code></Error>"]
            self.asked[path] += 1
        else:
            self.lists += 1
            if self.answers:
                status, body = self.answers.pop(0)
                start(f"{status} So", [("Content-Length", str(len(body))), ("Retry-After", "3")])
                return [body]
            environ["QUERY_STRING"] += "&max-keys=2"  # a server may always give fewer than asked for
        answer = self._moto(environ, start)
        if not self.cuts:
            return answer
        self.cuts -= 1
        return self._half(b"".join(answer))

    @staticmethod
    def _half(content: bytes) -> Iterator[bytes]:
        yield content[: len(content) // 2]
        raise ConnectionResetError

    def _is_signed(self, method: str, target: str, environ: dict[str, Any]) -> bool:
        request = AWSRequest(method, f"http://{environ['HTTP_HOST']}{target}")
        for name in ("x-amz-date", "x-amz-content-sha256"):
            request.headers[name] = environ["HTTP_" + name.upper().replace("-", "_")]
        request.context["timestamp"] = environ["HTTP_X_AMZ_DATE"]
        signer = S3SigV4Auth(Credentials(self.key_id, PASSWORD), "s3", "us-east-1")
        text = signer.string_to_sign(request, signer.canonical_request(request))
        right = f"Credential={signer.scope(request)}, SignedHeaders=host;x-amz-content-sha256;x-amz-date, "
        right += f"Signature={signer.signature(text, request)}"
        return bool(environ["HTTP_AUTHORIZATION"] == f"AWS4-HMAC-SHA256 {right}")


class HttpFar(Server):
    """A web server that lists its files as nginx does."""

    kind = "http"

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.denied: set[str] = set()
        self.asked: Counter[str] = Counter()
        self.files: dict[str, tuple[bytes, int]] = {}
        self.tells = True
        """Whether it says of a file which version it is."""
        self.knows_head = True
        self._changed = int(time.time())

    @property
    def cuts(self) -> int:
        return sum(fault.times for fault in self.faults)

    @cuts.setter
    def cuts(self, times: int) -> None:
        self.faults.clear()
        if times:
            self.fail("half", times=times, on=lambda request: request.method == "GET" and not request.path.endswith("/"))

    def put(self, path: str, content: bytes) -> None:
        self._changed += 1
        self.files[path] = content, self._changed

    def remove(self, path: str) -> None:
        del self.files[path]

    def held(self) -> dict[str, bytes]:
        return {path: content for path, (content, _) in self.files.items()}

    def settings(self, **more: Any) -> dict[str, Any]:
        pull = {"kind": "http", "url": f"{self.url}/exports/", "user": "acme", "password_env": "FAR_PASS", **more}
        return {"format": "requests", "pull": {key: value for key, value in pull.items() if value is not None}}

    def changes(self) -> list[str]:
        return [f"{request.method} {request.path}" for request in self.requests if request.method not in ("GET", "HEAD")]

    def answer(self, request: Request) -> Reply:
        said = b"Basic " + base64.b64encode(f"acme:{PASSWORD}".encode())
        if request.headers.get("authorization", "").encode() != said:
            return Reply(401, {"error": "who are you?"})
        if not request.path.startswith("/exports/"):
            return Reply(404, {})
        path = unquote(request.path.removeprefix("/exports/"), errors="surrogateescape")
        if not path or path.endswith("/"):
            return Reply(200, self.index(path).encode(), {"Content-Type": "text/html"})
        if path in self.denied:
            return Reply(403, {})
        if path not in self.files:
            return Reply(404, {})
        if request.method == "HEAD" and not self.knows_head:
            return Reply(405, {})
        content, changed = self.files[path]
        tag = f'"{changed:x}-{len(content):x}"'
        version = {"ETag": tag, "Last-Modified": formatdate(changed, usegmt=True)} if self.tells else {}
        if request.method == "GET":
            self.asked[path] += 1
        return Reply(200, content, {**version, "Content-Type": "text/csv"})

    def index(self, folder: str) -> str:
        below = [path.removeprefix(folder) for path in sorted(self.files) if path.startswith(folder)]
        names = list(dict.fromkeys(path.split("/")[0] + ("/" if "/" in path else "") for path in below))
        links = "".join(f'<a href="{quote(name, errors="surrogateescape")}">{name}</a> 20-Mar-2026 10:00 17\n' for name in names)
        sorting = '<a href="?C=M;O=D">Last modified</a> <a href="https://other.example.com/x.csv">help</a> '
        return f'<html><body><h1>Index</h1><pre>{sorting}<a href="../">../</a>\n{links}</pre></body></html>'


@contextmanager
def far_of(kind: str, folder: Path) -> Iterator[Any]:
    """The server of one kind, and nothing of it afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with {"sftp": SftpFar, "s3": S3Far, "http": HttpFar}[kind](folder) as server:
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)
