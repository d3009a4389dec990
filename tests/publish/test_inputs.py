"""A run goes on only from a landing manifest that holds everything the published version was made of."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestration.core.errors import PermanentError
from orchestration.core.files import sha256_bytes, sha256_file, sha256_text
from orchestration.core.home import Home
from orchestration.publish.publishing import _inputs_sha256
from orchestration.publish.versions import require_inputs

LINES = [f'{{"seq":{number},"name":"a\u2028b"}}' for number in (1, 2, 3)]


def published(root: Path, inputs_sha256: str | None) -> Home:
    home = Home.at(root).create()
    folder = home.golden_published / "version=1"
    folder.mkdir()
    (folder / "manifest.json").write_text(json.dumps({"version": 1, "inputs_sha256": inputs_sha256, "previous_sha256": None}))
    digest = sha256_file(folder / "manifest.json")
    (home.golden_published / "latest.json").write_text(json.dumps({"version": 1, "manifest_sha256": digest}))
    return home


@pytest.mark.parametrize(
    ("lines", "is_whole"),
    [(LINES, True), ([*LINES, '{"seq":4}'], True), (LINES[:2], False), ([], False), ([*LINES[:2], '{"seq":4}'], False)],
)
def test_a_manifest_that_lost_its_end_is_refused(tmp_path: Path, lines: list[str], is_whole: bool) -> None:
    home = published(tmp_path / "home", sha256_text(LINES[-1]))
    home.manifest_file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    if is_whole:
        require_inputs(home)
    else:
        with pytest.raises(PermanentError, match="it lacks deliveries that published version 1 was made of"):
            require_inputs(home)


LONG = json.dumps({"members": ["x" * 50] * 2_000, "name": "a\u2028b", "seq": 3}, ensure_ascii=False)


def test_a_line_of_any_length_is_recorded_whole_and_found_again(tmp_path: Path) -> None:
    home = Home.at(tmp_path / "home").create()
    home.manifest_file.write_text("".join(f"{line}\n" for line in (*LINES, LONG)), encoding="utf-8")
    assert _inputs_sha256(home) == sha256_text(LONG)
    home = published(tmp_path / "home", sha256_text(LONG))
    require_inputs(home)


def test_a_home_that_recorded_the_end_of_a_long_line_goes_on(tmp_path: Path) -> None:
    """What a publication wrote that read the last 64 KiB only: every run after it refused the home."""
    home = published(tmp_path / "home", sha256_bytes(f"{LONG}\n".encode()[-(1 << 16) :][:-1]))
    home.manifest_file.write_text("".join(f"{line}\n" for line in (*LINES, LONG)), encoding="utf-8")
    require_inputs(home)
    home.manifest_file.write_text("".join(f"{line}\n" for line in LINES), encoding="utf-8")
    with pytest.raises(PermanentError, match="it lacks deliveries"):
        require_inputs(home)


def test_before_the_first_delivery_or_version_nothing_is_asked(tmp_path: Path) -> None:
    require_inputs(Home.at(tmp_path / "new").create())
    require_inputs(published(tmp_path / "home", None))
