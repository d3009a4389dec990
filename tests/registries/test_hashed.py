"""California's DROP: hashes meet whom the company knows, in whatever order both come, and what meets nobody is kept."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from orchestration.core.home import Home
from orchestration.core.warehouse import warehouse
from orchestration.registries import Updated
from tests.registries.house import START, copy_of, deliver, run, staged

# The platform's own examples: 4155559317 and +84(90)123 4567.
ITS_NUMBERS = {
    "+14155559317": "vGM7y5n+hBXRSEAklhHDPCbysyNgYTmXdMcagGUOY8E=",
    "+84901234567": "ptzVkgbv9DonwvPCHmXmJ2SEOaolSh37z3ZzY/Gmm+U=",
}
# sha256sum of the address, in Base64.
ANN, BEN, EVE = "ann@example.com", "ben+news@example.com", "eve@example.com"
HASHES = {
    ANN: "cdT1X3L6Eo37RooaOQFQfIBLdDFkiHRNdp1/SxZpZHY=",
    BEN: "ds3PvqIiCvNJEXHMOtruLRBsl8ypdj6RGrODKydnoRo=",
    EVE: "0FdMSWbSwyYZNiL+68ZJkcW1mAeuaPqCVbJsefS/kXo=",
}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return staged(tmp_path_factory.mktemp("hashed") / "home")


@pytest.fixture
def home(template: Home, tmp_path: Path) -> Home:
    return copy_of(template, tmp_path / "home")


def known(home: Home, *points: str) -> None:
    """As the normaliser keeps them, from whatever feed they came."""
    with warehouse(home) as con:
        for point in points:
            kind, column = ("email", "raw, email") if "@" in point else ("phone", "raw, region, e164")
            values = "?, ?" if kind == "email" else "?, 'US', ?"
            con.execute(
                f"insert into identifiers.{kind} ({column}, status, normaliser) values ({values}, 'ok', 'test')", [point, point]
            )


def listed(home: Home, name: str, *hashes: str) -> None:
    deliver(home, "drop", name, "ID,Hash\n" + "".join(f"{number},{one}\n" for number, one in enumerate(hashes)))


def day(home: Home, number: int) -> Updated:
    return run(home, START + timedelta(days=number))


def waiting(home: Home) -> list[dict[str, str | None]]:
    """What was found and lies in the source's folder."""
    return [json.loads(line) for path in sorted((home.inbox / "drop").glob("*.jsonl")) for line in path.read_text().splitlines()]


def test_the_platforms_own_examples_are_found(home: Home) -> None:
    known(home, *ITS_NUMBERS)
    listed(home, "20260801_4711_Phone.csv", *ITS_NUMBERS.values())
    assert day(home, 0).hashed.found_now == 2
    assert [row["phone"] for row in waiting(home)] == sorted(ITS_NUMBERS)


def test_whoever_is_known_first_or_last_is_found_once_and_nobody_is_lost(home: Home) -> None:
    listed(home, "20260801_4711_Email.csv", HASHES[ANN], HASHES[BEN], HASHES[EVE])
    hashed = day(home, 0).hashed
    assert (hashed.listed, hashed.matched, hashed.found_now) == (3, 0, 0), "nobody is known yet"
    known(home, ANN)
    hashed = day(home, 1).hashed
    assert (hashed.listed, hashed.matched, hashed.found_now) == (3, 1, 1)
    assert waiting(home) == [{"listed_at": "2026-03-01T00:00:00Z", "email": ANN, "phone": None}]
    (found,) = (home.inbox / "drop").glob("*.jsonl")
    before = found.read_bytes()
    known(home, "nobody@example.com")
    assert day(home, 2).hashed.found_now == 0 and not waiting(home), "it was taken, and is not found again"
    with warehouse(home) as con:
        assert con.execute("select email from raw.ca_drop__matched").fetchall() == [(ANN,)]
        con.execute("delete from raw.ca_drop__matched")  # as a warehouse that is made again
    known(home, BEN)
    hashed = day(home, 3).hashed
    assert (hashed.matched, hashed.found_now) == (2, 2)
    assert {row["email"] for row in waiting(home)} == {ANN, BEN}
    assert before.decode() in (next((home.inbox / "drop").glob("*.jsonl"))).read_text(), "the same words of the same person"


def test_a_hash_that_was_taken_off_finds_nobody_until_it_is_listed_again(home: Home) -> None:
    known(home, ANN)
    listed(home, "20260801_4711_Email.csv", HASHES[ANN], HASHES[BEN])
    assert day(home, 0).hashed.found_now == 1
    listed(home, "20260915_4711_Removed.csv", HASHES[ANN], HASHES[BEN])
    known(home, BEN)
    hashed = day(home, 1).hashed
    assert (hashed.listed, hashed.found_now) == (0, 0), "and who was found before it is in landing"
    with warehouse(home) as con:
        assert con.execute("select email from raw.ca_drop__matched").fetchall() == [(ANN,)]
    listed(home, "20261101_4711_Email.csv", HASHES[BEN])
    assert day(home, 2).hashed.found_now == 1 and [row["email"] for row in waiting(home)] == [BEN]


def test_an_interrupted_delivery_is_written_again_under_the_same_name(home: Home) -> None:
    known(home, ANN)
    listed(home, "20260801_4711_Email.csv", HASHES[ANN])
    day(home, 0)
    (found,) = (home.inbox / "drop").glob("*.jsonl")
    before = found.read_bytes()
    assert found.stat().st_mode & 0o077 == 0, "it holds addresses"
    found.unlink()
    day(home, 1)
    (again,) = (home.inbox / "drop").glob("*.jsonl")
    assert (again.name, again.read_bytes()) == (found.name, before)
