"""The vendors of the demo: servers on this machine that answer as the vendors do, for as long as one command runs.

``python -m tools.demo COMMAND...`` starts them, runs the command and ends with its status; without a command they answer until
somebody stops them. One is pulled from (what it answers is in ``data/demo``), four are pushed to: those are the vendors of the
destinations' own tests, with pages as long as the real ones have. What was pushed is kept in the home, so that the next run
finds it there.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from orchestration.core.home import CHECKOUT
from tests.vendors import esps, others
from tests.vendors.vendor import KEY, Entry, Vendor

DEMO = CHECKOUT / "data" / "demo"
KEPT = "demo_vendors.json"
"""In the home: the rows of each vendor's lists."""


class _SendGrid(esps.SendGrid):
    lists: ClassVar[dict[str, str]] = {"*": "global", "acme/newsletter": "4100"}
    page = 500

    def __init__(self) -> None:
        super().__init__()
        self.groups = {"4100"}


class _Mailchimp(esps.Mailchimp):
    lists: ClassVar[dict[str, str]] = {"acme/newsletter": "aaaa111111"}
    page = 1000


class _Postmark(esps.Postmark):
    lists: ClassVar[dict[str, str]] = {"acme/offers": "broadcast"}


class _Twilio(others.Twilio):
    lists: ClassVar[dict[str, str]] = {"acme": "MG" + "a" * 32}


VENDORS: dict[str, type[Vendor]] = {
    "campaign_mail": _SendGrid,
    "newsletter_audience": _Mailchimp,
    "offers_mail": _Postmark,
    "text_messages": _Twilio,
}
"""By the destination of ``data/demo/quietlist.toml`` that pushes to it."""


def _settings() -> dict[str, Any]:
    return tomllib.loads((DEMO / "quietlist.toml").read_text("utf-8"))


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        settings = _settings()["sources"]["webshop_mail"]["pull"]
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
    """The server that is pulled from and its address, where its port is free; else nothing, and the pull says itself what it met.

    Args:
        port: another one than the demo's configuration has; 0 is any that is free.
    """
    address = urlsplit(_settings()["sources"]["webshop_mail"]["pull"]["base_url"])
    try:
        server = ThreadingHTTPServer((str(address.hostname), (address.port or 0) if port is None else port), _Answers)
    except OSError:
        _say_taken(address.port)
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


@contextmanager
def pushed_to(home: Path, now: datetime, port: int | None = None) -> Iterator[dict[str, Vendor]]:
    """The vendors that are pushed to, by destination, where their ports are free. What was pushed to them before is there again.

    Args:
        home: the demo's home, which keeps their rows from one command to the next.
        now: the vendors' clock.
        port: another one than the demo's configuration has; 0 is any that is free.
    """
    kept = json.loads((home / KEPT).read_text("utf-8")) if (home / KEPT).is_file() else {}
    vendors: dict[str, Vendor] = {}
    with ExitStack() as servers:
        for name, kind in VENDORS.items():
            vendor = kind()
            vendor.now = now
            configured = urlsplit(_settings()["destinations"][name]["base_url"]).port or 0
            vendor.port = configured if port is None else port
            for listed, rows in kept.get(name, {}).items():
                vendor.rows[listed] = {
                    identifier: Entry(**{**row, "at": datetime.fromisoformat(row["at"])}) for identifier, row in rows.items()
                }
            try:
                servers.enter_context(vendor)
            except OSError:
                _say_taken(configured)
            else:
                vendors[name] = vendor
        try:
            yield vendors
        finally:
            _keep(home, kept, vendors)


def _keep(home: Path, before: dict[str, Any], vendors: dict[str, Vendor]) -> None:
    rows = {
        name: {
            listed: {identifier: {**asdict(entry), "at": entry.at.isoformat()} for identifier, entry in rows.items()}
            for listed, rows in vendor.rows.items()
        }
        for name, vendor in vendors.items()
    }
    if vendors and home.is_dir():
        part = home / f"{KEPT}.part"
        part.touch(mode=0o600)  # addresses: for the owner alone, as all of the home
        part.write_text(json.dumps({**before, **rows}), encoding="utf-8")
        part.replace(home / KEPT)


def _say_taken(port: int | None) -> None:
    print(
        f"Port {port} is taken. If `make demo-vendors` runs, its vendors answer there; else stop what listens and run again.",
        flush=True,
    )


def _option(command: Sequence[str], name: str, default: str) -> str:
    return command[command.index(name) + 1] if name in command else default


def main(arguments: list[str]) -> int:
    """``[--home FOLDER] [--as-of TIME] [COMMAND ...]``; the options of a command are its own, and are read here too."""
    home = Path(_option(arguments, "--home", os.environ.get("QUIETLIST_HOME") or str(CHECKOUT / "data" / "home")))
    now = datetime.fromisoformat(_option(arguments, "--as-of", datetime.now(UTC).isoformat()))
    key_env = _settings()["destinations"]["campaign_mail"]["api_key_env"]
    os.environ.setdefault(key_env, KEY)
    with answering(), pushed_to(home, now) as vendors:
        if arguments and not arguments[0].startswith("--"):
            try:
                return subprocess.run(arguments, check=False).returncode  # noqa: S603  the Makefile's own command
            except KeyboardInterrupt:  # the command had it too, and ends by itself
                return 130
        for name, vendor in vendors.items():
            print(f"{name}: {vendor.system} at {vendor.url}")
        print(f"In another terminal: export {key_env}={KEY}; quietlist run --home {home}. Ctrl-C stops them here.", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
