"""A real HTTP server in a thread, which keeps what it was asked and misbehaves as told. What it answers, a subclass says."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qsl, unquote, urlsplit


@dataclass
class Request:
    """One request as it arrived."""

    method: str
    path: str
    """Still percent-encoded."""
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def parts(self) -> list[str]:
        return [unquote(part) for part in self.path.strip("/").split("/")]

    @property
    def json(self) -> Any:
        return json.loads(self.body) if self.body else None

    @property
    def form(self) -> list[tuple[str, str]]:
        return parse_qsl(self.body.decode(), keep_blank_values=True)

    @property
    def writes(self) -> bool:
        return self.method not in ("GET", "HEAD")


@dataclass
class Reply:
    """An answer; ``body`` is sent as JSON unless it is bytes."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Fault:
    """Something that happens to the next requests that ``on`` picks.

    ``answer``: ``reply`` instead of doing it. ``lost``: done, and the connection is cut before the answer. ``cut``: cut before
    it is done. ``half``: done, and half of the answer arrives. ``silent``: done, and no answer comes for a long time.
    ``kill_before``, ``kill_after``: the process ``pid`` dies.
    """

    kind: Literal["answer", "lost", "cut", "half", "silent", "kill_before", "kill_after"]
    on: Callable[[Request], bool] = lambda request: True
    times: int = 1
    skip: int = 0
    reply: Reply = field(default_factory=lambda: Reply(503, {"error": "busy"}))
    pid: int = 0


class Server:
    """A server on a port of this machine, from ``with`` to its end."""

    def __init__(self) -> None:
        self.port = 0
        """Any that is free, unless it is set before it starts."""
        self.requests: list[Request] = []
        self.faults: list[Fault] = []
        self.done = 0
        self._lock = threading.RLock()
        self._released = threading.Event()

    def answer(self, request: Request) -> Reply:
        raise NotImplementedError

    def __enter__(self) -> Any:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *_: Any) -> None: ...

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except (ConnectionError, BrokenPipeError):
                    self.close_connection = True

            def _any(self) -> None:
                outer._serve(self)

            do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = _any

        self._http = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._released.set()
        self._http.shutdown()
        self._http.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def fail(self, kind: Any, **how: Any) -> Fault:
        fault = Fault(kind, **how)
        self.faults.append(fault)
        return fault

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        target = urlsplit(handler.path)
        length = int(handler.headers.get("Content-Length") or 0)
        request = Request(
            handler.command,
            target.path,
            dict(parse_qsl(target.query, keep_blank_values=True)),
            {name.lower(): value for name, value in handler.headers.items()},
            handler.rfile.read(length),
        )
        with self._lock:
            self.requests.append(request)
            fault = self._fault_for(request)
            kind = fault.kind if fault else ""
            if fault and kind == "kill_before":
                os.kill(fault.pid, signal.SIGKILL)
            if kind in ("cut", "kill_before"):
                reply = None
            elif fault and kind == "answer":
                reply = fault.reply
            else:
                reply = self.answer(request)
                self.done += 1
            if fault and kind == "kill_after":
                os.kill(fault.pid, signal.SIGKILL)
        if kind == "silent":
            self._released.wait(30)
        if reply is None or kind in ("lost", "silent", "kill_after"):
            handler.close_connection = True
            handler.connection.shutdown(socket.SHUT_RDWR)
            return
        body = reply.body if isinstance(reply.body, bytes) else b"" if reply.body is None else json.dumps(reply.body).encode()
        handler.send_response_only(reply.status)  # a date is the reply's own matter
        if "Content-Type" not in reply.headers and body:
            handler.send_header("Content-Type", "application/json")
        for name, value in reply.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if request.method == "HEAD":
            return
        if kind == "half":
            handler.wfile.write(body[: len(body) // 2])
            handler.wfile.flush()
            handler.close_connection = True
            handler.connection.shutdown(socket.SHUT_RDWR)
            return
        handler.wfile.write(body)

    def _fault_for(self, request: Request) -> Fault | None:
        for fault in self.faults:
            if fault.on(request):
                if fault.skip:
                    fault.skip -= 1
                    continue
                fault.times -= 1
                if fault.times <= 0:
                    self.faults.remove(fault)
                return fault
        return None


class FastTimer:
    """A clock that moves when somebody sleeps, so that pauses cost no time."""

    def __init__(self) -> None:
        self.ahead = 0.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.ahead += seconds
