"""The vendor of the demo: a server on this machine that answers as Postmark does, for as long as one command runs.

``python -m tools.demo COMMAND...`` starts it, runs the command and ends with its status. What it answers is in ``data/demo``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from orchestration.core.home import CHECKOUT

DEMO = CHECKOUT / "data" / "demo"


def _settings() -> dict[str, str]:
    pull: dict[str, str] = tomllib.loads((DEMO / "quietlist.toml").read_text("utf-8"))["sources"]["webshop_mail"]["pull"]
    return pull


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        settings = _settings()
        if self.headers.get("X-Postmark-Server-Token") != os.environ.get(settings["api_key_env"]):
            self.send_error(401)
        elif urlsplit(self.path).path != f"/message-streams/{settings['stream']}/suppressions/dump":
            self.send_error(404)
        else:
            page = (DEMO / "webshop_mail" / "suppressions_dump.json").read_bytes()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

    def log_message(self, *_: object) -> None:
        """Nothing: the run says what it pulled."""


@contextmanager
def answering(port: int | None = None) -> Iterator[str | None]:
    """The server and its address, where its port is free; else nothing, and the pull says itself what it met.

    Args:
        port: another one than the demo's configuration has; 0 is any that is free.
    """
    address = urlsplit(_settings()["base_url"])
    try:
        server = ThreadingHTTPServer((str(address.hostname), (address.port or 0) if port is None else port), _Answers)
    except OSError:
        print(f"Port {address.port} is taken, so the demo's vendor cannot answer; stop what listens there and run again.")
        yield None
        return
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://{address.hostname}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def main(command: list[str]) -> int:
    with answering():
        return subprocess.run(command, check=False).returncode  # noqa: S603  the Makefile's own command


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
