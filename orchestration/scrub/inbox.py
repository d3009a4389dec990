"""Campaign files dropped into ``scrub/inbox/``: what waits, what each is to be scrubbed for, and where its results go.

Beside ``spring.csv`` may lie ``spring.csv.toml`` with ``channels``, ``scopes``, ``columns``, ``without`` (lists), ``region`` and
``hashed``, as the options of ``quietlist scrub`` are called. Results lie in ``scrub/out/spring.csv/``, and the file moves there
last, into ``campaign/``: a crash in between leaves it in the inbox, and its results are recognised by its hash.
"""

from __future__ import annotations

import json
import time
import tomllib
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from orchestration.core.config import Config
from orchestration.core.errors import ConfigError, PermanentError, QuietlistError, place_of
from orchestration.core.files import sha256_file, sha256_text, sync_folder
from orchestration.core.home import PRIVATE_FOLDER, Home
from orchestration.core.masks import mask_label, mask_text
from orchestration.core.wording import counted
from orchestration.scrub.certificate import CERTIFICATE
from orchestration.scrub.scrubbing import Request, scrub

_UNFINISHED = (".part", ".tmp", ".crdownload", ".filepart")
_KEPT = "campaign"  # a folder apart: a campaign file may be called allowed.csv
_LISTS = ("channels", "scopes", "columns", "without")
_TEXTS = ("region", "hashed")


@dataclass(frozen=True)
class Waiting:
    """The files that have come to rest. ``key`` is the same as long as they are the same."""

    files: tuple[Path, ...]
    key: str


@dataclass
class Done:
    """What became of the inbox."""

    scrubbed: list[dict[str, Any]] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        totals = {"files": len(self.scrubbed), "failed": len(self.failed)}
        totals["not_valid"] = sum(not certificate["valid"] for certificate in self.scrubbed)
        for certificate in self.scrubbed:
            for output in certificate["outputs"]:
                totals[output["kind"]] = totals.get(output["kind"], 0) + output["records"]
        return totals

    def sentences(self) -> list[str]:
        return [
            f"{counted(certificate['input']['records'], 'record')} scrubbed, valid until {certificate['valid_until']}: {warning}"
            for certificate in self.scrubbed
            for warning in (certificate["warnings"] or ["nothing to add"])
        ]

    def raise_failures(self) -> None:
        """After everything that could be scrubbed was.

        Raises:
            PermanentError: some could not.
        """
        if self.failed:
            raise PermanentError(
                "Scrubbing the campaign files that wait",
                seen=f"{len(self.failed)} could not be scrubbed: {' / '.join(self.failed)}",
                next_step="correct them in scrub/inbox; the others are done",
            )


def waiting(home: Home, settle_seconds: float) -> Waiting:
    """The campaign files that nobody writes to any more."""
    if not home.scrub_inbox.is_dir():
        return Waiting((), "")
    files, told = [], []
    for path in sorted(home.scrub_inbox.iterdir()):
        if path.name.startswith(".") or path.suffix in _UNFINISHED or not path.is_file():
            continue
        state = path.stat()
        # The clock only tells whether a file is still being written; nothing that is decided depends on it.
        if path.suffix != ".toml" and time.time() - state.st_mtime < settle_seconds:
            continue  # not in the key either: it would never start a run of its own once it has come to rest
        told.append(f"{path.name}/{state.st_size}/{state.st_mtime_ns}")
        if path.suffix != ".toml":
            files.append(path)
    return Waiting(tuple(files), sha256_text("\n".join(told)))


def scrub_inbox(home: Home, config: Config, as_of: datetime) -> Done:
    """Scrub every file that waits; one that can't be scrubbed spoils only itself."""
    done = Done()
    for file in waiting(home, config.limits.settle_seconds).files:
        try:
            done.scrubbed.append(_one(home, config, file, as_of))
        except duckdb.Error as error:  # a damaged page of a Parquet file, say; its text may quote a row
            done.failed.append(f"{mask_label(file.name)}: {place_of(error)}")
        except QuietlistError as error:
            done.failed.append(f"{mask_label(file.name)}: {mask_text(str(error))}")
    return done


def _one(home: Home, config: Config, file: Path, as_of: datetime) -> dict[str, Any]:
    digest = sha256_file(file)
    settings = file.with_name(f"{file.name}.toml")
    out, certificate = _place(home, file.name, digest, settings)
    if certificate is None:
        certificate = scrub(home, config, file, _request(settings), out, as_of).certificate
    kept = out / _KEPT
    kept.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
    for path in (settings, file):
        if path.is_file():
            path.rename(kept / path.name)
    sync_folder(kept)
    sync_folder(file.parent)
    return certificate


def _place(home: Home, name: str, digest: str, settings: Path) -> tuple[Path, dict[str, Any] | None]:
    """A folder of its own for each content; the certificate is there when an interrupted run got as far as that.

    Settings that were written since ask another question, which the certificate does not answer.
    """
    number = 1
    while True:
        out = home.scrub_out / (name if number == 1 else f"{name}.{number}")
        if not out.exists():
            return out, None
        path = out / CERTIFICATE
        certificate = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
        asked_since = bool(certificate) and settings.is_file() and settings.stat().st_mtime_ns > path.stat().st_mtime_ns
        if certificate and certificate["input"]["sha256"] == digest and not asked_since and not (out / _KEPT / name).exists():
            return out, dict(certificate)
        number += 1


def _request(settings: Path) -> Request:
    if not settings.is_file():
        return Request()
    try:
        told = tomllib.loads(settings.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _unusable(settings, ["not valid TOML"]) from error
    problems = [f"unknown key '{key}'" for key in told if key not in (*_LISTS, *_TEXTS)]
    problems += [
        f"{key} is not a list of texts"
        for key in _LISTS
        if key in told and not (isinstance(told[key], list) and all(isinstance(item, str) for item in told[key]))
    ]
    problems += [f"{key} is not a text" for key in _TEXTS if key in told and not isinstance(told[key], str)]
    if problems:
        raise _unusable(settings, problems)
    lists = {key: tuple(told.get(key, ())) for key in _LISTS}
    return Request(**lists, region=told.get("region"), hashed=told.get("hashed"))


def _unusable(settings: Path, problems: list[str]) -> ConfigError:
    return ConfigError(
        f"Reading {mask_text(settings.name)}", problems, allowed=", ".join((*_LISTS, *_TEXTS)), next_step="correct it"
    )
