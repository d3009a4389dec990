"""Two people who exist nowhere else, every form in which they could leak, and a search for them in whatever was written."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

EMAIL = "Zyxwv.Canary@Example.com"
PHONE = "+12025550187"
NAME = "Quenby Canarywitz"
ADDRESS = "77 Canarygate Lane"
BAD_EMAIL = "zyxwv..broken@@example.com"
"""No address, so it is quarantined; somebody's all the same."""

SPELLINGS = (
    EMAIL, BAD_EMAIL, NAME, ADDRESS, PHONE,
    "2025550187", "202-555-0187", "(202) 555-0187", "202.555.0187", "202 555 0187", "555-0187", "5550187",
)  # fmt: skip

# Where the list itself lives: what is searched is everything else (docs/operations.md, Privacy).
DATA = ("inbox", "landing", "published", "quarantine", "scrub")
DATA_FILES = ("warehouse.duckdb", "sync_ledger.duckdb")


def forms() -> dict[bytes, str]:
    """Bytes to search for in lower-cased text -> what they are; and, of what case matters for, the bytes as they are."""
    found: dict[bytes, str] = {}
    for text in SPELLINGS:
        for written in {text, text.lower()}:
            for how, form in (
                ("as it is", written),
                ("url-encoded", quote(written)),
                ("url-encoded", quote_plus(written)),
                ("with an escaped at", written.replace("@", "\\u0040")),
            ):
                found[form.lower().encode()] = f"{text[:5]}… {how}"
            for name in ("md5", "sha1", "sha256"):
                found[hashlib.new(name, written.encode()).hexdigest().encode()] = f"{text[:5]}… as {name}"
    return found


def encoded() -> dict[bytes, str]:
    """Base64 of each spelling at each of the three offsets it may stand at, less the characters its neighbours touch."""
    found: dict[bytes, str] = {}
    for text in SPELLINGS:
        for written in {text, text.lower()}:
            for offset in range(3):
                core = base64.b64encode(b"x" * offset + written.encode())[4 if offset else 0 : -4]
                if len(core) > 8:
                    found[core] = f"{text[:5]}… in base64"
                    found[core.translate(bytes.maketrans(b"+/", b"-_"))] = f"{text[:5]}… in base64"
    return found


_FORMS, _ENCODED = forms(), encoded()


def traces(data: bytes) -> set[str]:
    """What of the canaries is in these bytes."""
    lowered = data.lower()
    return {what for form, what in _FORMS.items() if form in lowered} | {what for form, what in _ENCODED.items() if form in data}


def is_data(path: Path, home: Path) -> bool:
    """Whether a file of the home is part of the list itself."""
    inside = path.relative_to(home).parts
    drop = inside[0] == "outbox" and len(inside) > 2 and inside[2] != "receipts"
    candidate = inside[:2] == ("warehouse", "candidate")  # what the gate judges, before it is published
    return inside[0] in DATA or drop or candidate or path.name.startswith(DATA_FILES)


def leaks(folders: Iterable[Path], home: Path) -> dict[str, set[str]]:
    """Every file in the folders, but the list itself, that holds a trace, by content or by name."""
    found: dict[str, set[str]] = {}
    for folder in folders:
        for path in folder.rglob("*"):
            inside = path.relative_to(folder).as_posix()
            if path.is_relative_to(home / "inbox"):
                continue  # people name files there
            if seen := traces(inside.encode()):
                found[f"the name of {inside}"] = seen
            if path.is_file() and not (path.is_relative_to(home) and is_data(path, home)) and (seen := traces(path.read_bytes())):
                found[inside] = seen
    return found


@contextlib.contextmanager
def watched_arguments() -> Iterator[set[str]]:
    """Traces in the arguments of any process of this machine that was seen meanwhile."""
    found: set[str] = set()
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.1):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                with contextlib.suppress(OSError):
                    found.update(traces(path.read_bytes()))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        done.set()
        thread.join()
