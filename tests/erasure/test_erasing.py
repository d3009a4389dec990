"""One person is erased, by the command as a user runs it: nothing names her any more, everything else is as it was, and she stays
left alone when she comes back.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from tests.journeys.cases import SECONDS
from tests.journeys.home import latest, make, quietlist, version_folder

pytestmark = pytest.mark.timeout(SECONDS)

CONFIG = """
[company]
name = "Acme"
default_region = "US"
scopes = ["acme", "acme/newsletter", "acme/offers", "outlet"]

[limits]
settle_seconds = 0

[sources.asks]
format = "requests"
may_lift = ["preference_center", "web_form", "sms_keyword"]

[sources.crm]
format = "contacts"

[sources.calls]
format = "contacts_made"

[destinations.crm_table]
system = "sql_table"
channels = ["email", "voice", "sms", "fax", "ads"]
"""
WHO = ("ann@example.com", "+1 212 555 0147")
PLAIN = (b"ann@example.com", b"12125550147", b"212 555 0147", b"Ann Doe", b"ann doe", b"1 Main St", b"1 main st")
BY = ("--by", "Dana", "--reason", "letter of 3 April")
MORE = [
    {"requested_at": "2026-03-09T10:00:00Z", "action": "opt_out", "channels": "voice", "phone": "12125550147", "name": "Ann Doe"},
    {"requested_at": "2026-03-09T11:00:00Z", "action": "opt_out", "channels": "email", "email": "dan@example.com", "name": "Dan"},
    {"requested_at": "who knows", "action": "opt_in", "channels": "email", "email": "ANN@example.com", "name": "Ann Doe"},
]


def _erase(home: Path, day: str, *who: str) -> dict[str, Any]:
    done = quietlist(home, "erase", *(who or ("--continue",)), *BY, "--as-of", day, "--json", seconds=SECONDS)
    assert done.returncode in (0, 1), done.stderr
    return {**json.loads(done.stdout), "exit_code": done.returncode}


def _run(home: Path, day: str) -> None:
    done = quietlist(home, "run", "--as-of", day, seconds=SECONDS)
    assert done.returncode in (0, 1), done.stdout + done.stderr


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The suppression of everything was asked for, published and pushed."""
    home = make(tmp_path_factory.mktemp("erasure") / "home", CONFIG)
    (home / "inbox" / "asks" / "more.jsonl").write_text("".join(json.dumps(line) + "\n" for line in MORE))
    _run(home, "2026-04-01T00:00:00Z")
    begun = _erase(home, "2026-04-02T00:00:00Z", *WHO)
    assert begun["state"] == "waiting" and begun["exit_code"] == 1, "nothing is erased before it is suppressed"
    assert any(name.encode() in _all_bytes(home) for name in WHO[:1])
    _run(home, "2026-04-03T00:00:00Z")
    return home


@pytest.fixture(scope="module")
def erased(asked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("erased") / "home"
    shutil.copytree(asked, home)
    done = _erase(home, "2026-04-04T00:00:00Z")
    assert (done["state"], done["exit_code"]) == ("done", 0), done
    assert done["files_redacted"] == 5, "requests, more of them, contacts, calls, and the erasure's own request"
    return home


def _all_bytes(home: Path) -> bytes:
    return b"\n".join(path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file())


def _texts(home: Path) -> Iterator[tuple[str, bytes]]:
    """Each file's bytes, and each table's rows as text: a table packs them."""
    lists = home / "outbox" / "crm_table"
    for path in sorted(home.rglob("*")):
        if not path.is_file() or lists in path.parents:
            continue
        name = path.relative_to(home).as_posix()
        yield name, name.encode() + b"\n" + path.read_bytes()
        if path.suffix == ".parquet":
            yield name, str(pq.read_table(path).to_pylist()).encode()
        if path.suffix == ".duckdb":
            with duckdb.connect(str(path), read_only=True) as con:
                for schema, table in con.execute("select schema_name, table_name from duckdb_tables()").fetchall():
                    rows = con.execute(f'select * from "{schema}"."{table}"').fetchall()
                    yield f"{name} {schema}.{table}", repr(rows).encode()


def test_no_file_of_the_home_names_her(erased: Path) -> None:
    named = {(name, word) for name, text in _texts(erased) for word in PLAIN if word in text}
    assert not named


def test_the_search_of_this_test_would_find_her(asked: Path) -> None:
    named = {word for _, text in _texts(asked) for word in PLAIN if word in text}
    assert named == set(PLAIN)


def _rows(home: Path) -> list[dict[str, Any]]:
    said = ("identifier", "deciding_request_id", "golden_version")
    table = pq.read_table(version_folder(home) / "part-0.parquet", partitioning=None).to_pylist()
    rows = [{name: value for name, value in row.items() if name not in said} for row in table]
    return sorted(rows, key=lambda row: (row["channel"], row["identifier_hash"], row["scope"]))


def test_the_table_says_the_same_of_everybody_under_the_same_hash(asked: Path, erased: Path) -> None:
    before, after = _rows(asked), _rows(erased)
    postal = [row for row in before if row["identifier_type"] == "postal"]
    assert postal, "her street is among what was asked for"
    assert after == before


def test_the_chain_is_whole_and_names_any_other_change(erased: Path, tmp_path: Path) -> None:
    whole = quietlist(erased, "verify", "--json")
    assert whole.returncode == 0, whole.stdout
    journal = [json.loads(line) for line in (erased / "erasures" / "erasures.jsonl").read_bytes().splitlines()]
    redacted = [entry for entry in journal if entry["entry"] == "redacted"]
    assert {entry["entry"] for entry in journal} == {"asked", "redacted", "removed", "done"}
    for entry in redacted:
        after = erased / "landing" / entry["after"][:2] / entry["after"]
        assert hashlib.sha256(after.read_bytes()).hexdigest() == entry["after"]
        assert not (erased / "landing" / entry["before"][:2] / entry["before"]).exists()
        assert entry["size_after"] - entry["size_before"] == sum(new - (stop - start) for start, stop, new in entry["ranges"])
    for number, spoil in enumerate((_alter_redacted, _alter_journal, _bring_back_nothing_said)):
        home = tmp_path / str(number)
        shutil.copytree(erased, home)
        where = spoil(home, redacted[0])
        told = quietlist(home, "verify")
        assert told.returncode != 0 and where in told.stdout, (spoil.__name__, told.stdout)


def _alter_redacted(home: Path, entry: dict[str, Any]) -> str:
    path = home / "landing" / entry["after"][:2] / entry["after"]
    path.write_bytes(path.read_bytes().replace(b"opt_out", b"opt_on_", 1))
    return entry["after"][:12]


def _alter_journal(home: Path, _: dict[str, Any]) -> str:
    path = home / "erasures" / "erasures.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"entry":"redacted"', b'"entry":"REDACTED"', 1))
    return "erasures.jsonl"


def _bring_back_nothing_said(home: Path, entry: dict[str, Any]) -> str:
    path = home / "published" / "golden_suppression" / "version=3" / "part-0.parquet"
    path.unlink()
    return "version=3"


def test_a_rebuild_gives_the_same_tables(erased: Path) -> None:
    told = quietlist(erased, "rebuild", "--json", seconds=SECONDS)
    assert told.returncode == 0, told.stdout


def test_she_is_still_known_by_whoever_asks(erased: Path) -> None:
    for channel, identifier in (
        ("email", "Ann@Example.com"),
        ("voice", "(212) 555-0147"),
        ("postal", "ann doe|1 main st|02139|us"),
    ):
        answer = quietlist(erased, "check", "--channel", channel, "--identifier", identifier, "--json")
        assert answer.returncode == 4, (channel, answer.stdout)
    assert quietlist(erased, "check", "--channel", "email", "--identifier", "annie@example.com").returncode in (0, 5)
    story = quietlist(erased, "explain", "ann@example.com", "--json")
    assert story.returncode == 0 and "erasure" in story.stdout, story.stdout


def test_a_second_call_finds_nothing_to_do(erased: Path) -> None:
    before = _all_bytes(erased / "erasures"), latest(erased)
    again = _erase(erased, "2026-04-05T00:00:00Z", *WHO)
    assert (again["state"], again["exit_code"]) == ("nothing", 0), again
    assert (_all_bytes(erased / "erasures"), latest(erased)) == before


def test_who_comes_back_is_suppressed_in_plain_form_again(erased: Path, asked: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(erased, home)
    # One new file that names her, and the very bytes of one that was redacted.
    (home / "inbox" / "asks" / "again.csv").write_text(
        "requested_at,action,channels,email\n2026-04-05T10:00:00Z,opt_in,email,ANN@example.com\n"
    )
    entries = [json.loads(line) for line in (home / "landing" / "manifest.jsonl").read_bytes().splitlines()]
    (contacts,) = [entry for entry in entries if entry["source"] == "crm"]
    shutil.copy(asked / "landing" / contacts["sha256"][:2] / contacts["sha256"], home / "inbox" / "crm" / "crm.csv")
    _run(home, "2026-04-06T00:00:00Z")
    rows = pq.read_table(version_folder(home) / "part-0.parquet", partitioning=None).to_pylist()
    hers = [row for row in rows if row["identifier"] == "ann@example.com" and row["scope"] == "*"]
    assert {row["channel"] for row in hers} == {"email", "ads"} and {row["reason"] for row in hers} == {"erasure"}
    assert not [row for row in rows if row["identifier"].endswith("@erased.invalid")], "no row stands under the token"
    assert _rows(home) == _rows(erased), "the same rows, under the same hashes"
    told = quietlist(home, "rebuild", "--json", seconds=SECONDS)
    assert told.returncode == 0, told.stdout
    whole = quietlist(home, "verify")
    assert whole.returncode == 0, whole.stdout
