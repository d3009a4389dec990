"""Who was erased stays blocked: the published table has a token, and the keyed hash of what is asked for tells."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from benchmarks.published import publish_golden
from orchestration.answers.check import check, published_rows
from orchestration.core.config import load_config
from orchestration.core.home import Home
from orchestration.core.journal import erasures_log
from orchestration.core.key import rotate_key
from orchestration.core.sql import quoted
from orchestration.core.tombstones import Tombstone, new_tombstone
from orchestration.erasure.erasing import _digests
from orchestration.erasure.points import Point
from orchestration.identifiers.postal import postal_key
from orchestration.scrub.scrubbing import Request
from tests.scrub.test_scrub import rows, run
from tests.scrub.worlds import AS_OF, CONFIG

POINTS = (
    Point("email", "ann.doe@gmail.com"),
    Point("phone", "+12025550147", "US"),
    Point("postal", "ann doe|1 main st|02139|US"),
)
CHANNELS = {"email": ("email", "ads"), "phone": ("voice", "ads"), "postal": ("postal",)}


@pytest.fixture(params=["the same key", "another key since"])
def home(tmp_path: Path, request: pytest.FixtureRequest) -> Home:
    """A home in which Ann was erased and Bob opted out."""
    home = Home.at(tmp_path / "home").create()
    home.config_file.write_text(CONFIG)
    stones: list[Tombstone] = []
    for point in POINTS:
        token = postal_key(f"erased {'0' * 24}", f"erased {'a' * 24}", "02139", "US") or ""
        stones.append(
            new_tombstone(
                home,
                stones,
                point.identifier_type,
                point.identifier,
                region=point.region,
                digests=_digests(point) if point.identifier_type != "postal" else (),
                postal_token=token,
            )
        )
    home.erasures_folder.mkdir()
    log = erasures_log(home)
    with log.alone():
        log.add(home, {"entry": "asked", "id": "E1", "points": [stone.as_dict() for stone in stones]})
    if request.param != "the same key":
        rotate_key(home, person="Dana", reason="yearly", now=AS_OF)
    listed = [(channel, stone) for stone in stones for channel in CHANNELS[stone.identifier_type]]
    values = ", ".join(
        f"({quoted(channel)}, {quoted(stone.identifier_type)}, {quoted(stone.token)}, {quoted(stone.identifier_hash)})"
        for channel, stone in listed
    )
    golden = (
        "select channel, identifier_type, identifier, identifier_hash, '*' as scope, []::varchar[] as except_scopes, "
        "'erasure' as reason, 'direct' as basis, timestamptz '2026-03-01 00:00:00+00' as suppressed_since "
        f"from (values {values}, ('email', 'email', 'bob@example.org', '{'b' * 64}')) "
        "as rows (channel, identifier_type, identifier, identifier_hash)"
    )
    with duckdb.connect() as con:
        con.execute("set timezone = 'UTC'")
        publish_golden(con, home, golden, AS_OF - timedelta(hours=2))
    return home


@pytest.mark.parametrize(
    ("channel", "identifier"),
    [
        ("email", "Ann.Doe@Gmail.com"),
        ("ads", "ann.doe@gmail.com"),
        ("voice", "(202) 555-0147"),
        ("postal", "Ann Doe|1 Main St.|02139|US"),
    ],
)
def test_check_says_no(home: Home, channel: str, identifier: str) -> None:
    answer = check(home, channel, identifier, config=load_config(home))
    assert answer.exit_code == 4 and answer.deciding is not None and answer.deciding.reason == "erasure"


def test_check_says_nothing_of_others(home: Home) -> None:
    assert check(home, "email", "ann.doe+1@gmail.com", config=load_config(home)).rows == ()


def test_explain_finds_the_published_rows(home: Home) -> None:
    found = published_rows(home, "email", "ann.doe@gmail.com")
    assert found is not None and set(found[1]) == {"email", "ads"}


def test_a_campaign_is_blocked(home: Home, tmp_path: Path) -> None:
    text = "who,email,phone\nann,ANN.DOE@gmail.com,\nother,ann.doe@example.com,\nbob,bob@example.org,\n"
    blocked = rows(run(home, tmp_path, text, Request(channels=("email",))), "blocked")
    assert [row["who"] for row in blocked] == ["ann", "bob"]


def test_a_campaign_of_calls_is_blocked(home: Home, tmp_path: Path) -> None:
    result = run(home, tmp_path, "who,phone\nann,+1 202 555 0147\n", Request(channels=("voice",)))
    assert [row["who"] for row in rows(result, "blocked")] == ["ann"]


@pytest.mark.parametrize("form", ["ann.doe@gmail.com", "anndoe@gmail.com", "+12025550147", "12025550147"])
def test_a_campaign_of_digests_is_blocked_in_every_form_a_platform_hashes(home: Home, tmp_path: Path, form: str) -> None:
    digests = [hashlib.sha256(text.encode()).hexdigest() for text in (form, "other@example.com")]
    result = run(home, tmp_path, "hash\n" + "\n".join(digests) + "\n", Request(channels=("ads",), hashed="sha256"))
    assert [row["hash"] for row in rows(result, "blocked")] == digests[:1]
