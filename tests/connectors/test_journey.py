"""A run that pulls: what vendors hold is in the table of the same run, a vendor that fails holds releases and nothing else."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from orchestration.audit.doctor import doctor
from orchestration.audit.sources import source_health
from orchestration.core.config import load_config
from orchestration.core.home import Home
from tests.connectors.far import PASSWORD, HttpFar
from tests.connectors.shelf import KEY, Shelf
from tests.homes import with_policy
from tests.journeys.home import quietlist, version_folder
from tests.vendors.server import Reply

LIST, DUMP = "/v3/suppression/unsubscribes", "/message-streams/broadcast/suppressions/dump"
CONFIG = """
[company]
name = "Acme"
default_region = "US"
scopes = ["acme", "acme/newsletter"]

[limits]
settle_seconds = 0

[sources.asks]
format = "requests"

[sources.esp]
format = "sendgrid"
scope = "acme"
pull = {{ api_key_env = "ESP_KEY", base_url = "{url}", feeds = ["unsubscribes"] }}

[sources.receipts]
format = "postmark"
scope = "acme/newsletter"
[sources.receipts.pull]
api_key_env = "RECEIPTS_KEY"
base_url = "{url}"
stream = "broadcast"

[destinations.mail_house]
system = "file_drop"
channels = ["email"]
"""


@pytest.fixture
def server() -> Iterator[Shelf]:
    lists = {
        LIST: [{"email": f"person{number}@example.com", "created": 1772326800} for number in range(7)],
        DUMP: [
            {
                "EmailAddress": "gone@example.com",
                "SuppressionReason": "ManualSuppression",
                "Origin": "Recipient",
                "CreatedAt": "2026-03-01T10:00:00Z",
            }
        ],
    }
    with Shelf(lists) as running:
        yield running


def suppressed(home: Path) -> set[tuple[str, str]]:
    with duckdb.connect() as con:
        found = con.execute(
            "select identifier, scope from read_parquet(?) where channel = 'email'", [str(version_folder(home) / "*.parquet")]
        ).fetchall()
    return set(found)


def test_what_a_vendor_holds_is_in_the_table_of_the_same_run(
    server: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, key = tmp_path / "home", {"ESP_KEY": KEY}
    with_policy(Home.at(home))
    (home / "inbox" / "asks").mkdir()
    (home / "inbox" / "asks" / "asks.csv").write_text("requested_at,action,email\n2026-03-01T10:00:00Z,opt_out,ann@example.com\n")
    (home / "quietlist.toml").write_text(CONFIG.format(url=server.url))
    everybody = {("ann@example.com", "*"), *((f"person{number}@example.com", "acme") for number in range(7))}

    # One key is missing: the run is made without that source, which is named, and holds releases.
    result = quietlist(home, "run", "--as-of", "2026-04-01T00:00:00Z", **key)
    said = result.stdout + result.stderr
    assert result.returncode == 1, said
    assert "receipts/suppressions: the last attempt to pull it" in said and "RECEIPTS_KEY is not set" in said
    assert said.count("not met (hold)") == 2 and KEY not in said and "person0" not in said
    assert suppressed(home) == everybody
    config = load_config(Home.at(home))
    health = {row.name: row.sentence() for row in source_health(Home.at(home), config, datetime.now(UTC))}
    assert "suppressions never pulled whole, FAILED at " in health["receipts"], health
    assert "unsubscribes pulled whole at " in health["esp"], health
    monkeypatch.delenv("RECEIPTS_KEY", raising=False)
    said = [finding.sentence() for finding in doctor(Home.at(home), config) if finding.is_broken]
    assert any("receipts needs the environment variable RECEIPTS_KEY" in sentence for sentence in said), said

    # It is set: its list comes too, the other rests, and nothing is held any more.
    key["RECEIPTS_KEY"] = KEY
    server.requests.clear()
    result = quietlist(home, "run", "--as-of", "2026-04-01T01:00:00Z", **key)
    assert result.returncode == 0, result.stdout + result.stderr
    assert suppressed(home) == {*everybody, ("gone@example.com", "acme/newsletter")}
    assert {request.path for request in server.requests} == {DUMP}, "a list that was read an hour ago is read again"

    # Asked for one page each, which is kept nowhere; and a wrong key is named.
    monkeypatch.setenv("ESP_KEY", KEY)
    monkeypatch.setenv("RECEIPTS_KEY", "of another account")
    waiting = sorted(path.name for path in (home / "inbox").rglob("*"))
    told = [(finding.level, finding.said) for finding in doctor(Home.at(home), config, online=True) if finding.topic == "sources"]
    assert told[0][0] == "broken" and "status 401" in told[0][1] and told[1] == ("ok", "esp/unsubscribes answers"), told
    assert sorted(path.name for path in (home / "inbox").rglob("*")) == waiting


def test_what_is_pulled_by_hand_waits_for_the_next_run(server: Shelf, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "quietlist.toml").write_text(CONFIG.format(url=server.url))
    result = quietlist(home, "pull", ESP_KEY=KEY, RECEIPTS_KEY=KEY)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.splitlines() == [
        "esp/unsubscribes: 7 records in 1 file, whole",
        "receipts/suppressions: 1 record in 1 file, whole",
    ]
    assert len([path for path in (home / "inbox").rglob("*") if path.is_file()]) == 2
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "quietlist.toml").write_text('[company]\nname = "Acme"\n')
    result = quietlist(empty, "pull")
    assert (result.returncode, result.stdout) == (0, "No source has a pull: see docs/pulling.md.\n"), result.stderr


def test_what_is_wrong_is_told_all_at_once_and_nothing_is_asked(server: Shelf, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    text = CONFIG.format(url=server.url).replace('"unsubscribes"', '"unsubscribers"').replace('stream = "broadcast"', "strem = 7")
    (home / "quietlist.toml").write_text(text)
    for command in ("pull", "run"):
        result = quietlist(home, command, ESP_KEY=KEY, RECEIPTS_KEY=KEY)
        assert result.returncode == 2, result.stdout + result.stderr
        assert "sources.esp.pull.feeds: unsubscribers: not one of group_suppressions, unsubscribes" in result.stderr
        assert "sources.receipts.pull: strem is not a text" in result.stderr
    (home / "quietlist.toml").write_text(text.replace("strem = 7", 'strem = "broadcast"'))
    said = quietlist(home, "pull", ESP_KEY=KEY, RECEIPTS_KEY=KEY).stderr
    assert "sources.receipts.pull.stream: is required: the id of the message stream" in said
    assert "sources.receipts.pull.strem: unknown key" in said and "did you mean stream?" in said
    (home / "quietlist.toml").write_text(CONFIG.format(url=server.url).replace("RECEIPTS_KEY", "server-token-17"))
    assert "names an environment variable" in quietlist(home, "pull").stderr
    assert server.requests == []


def test_two_pulls_never_go_on_at_once(server: Shelf, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "quietlist.toml").write_text(CONFIG.format(url=server.url))
    server.fail("silent", on=lambda request: request.path == LIST)
    results = []
    first = threading.Thread(target=lambda: results.append(quietlist(home, "pull", "esp", "--json", ESP_KEY=KEY)))
    first.start()
    while not server.requests:
        time.sleep(0.01)
    second = quietlist(home, "pull", "esp", ESP_KEY=KEY)
    assert second.returncode == 75 and "a run is in progress" in second.stderr, second.stderr
    server._released.set()
    first.join()
    assert json.loads(results[0].stdout)[0]["state"] == "whole", results[0].stderr
    server.fail("answer", times=99, reply=Reply(401, {}))
    assert quietlist(home, "pull", "esp", ESP_KEY=KEY).returncode == 3


FOLDERS = """
[company]
name = "Acme"
default_region = "US"
scopes = ["acme", "acme/newsletter"]

[limits]
settle_seconds = 0

[sources.agency]
format = "requests"
scope = "acme"
[sources.agency.pull]
kind = "http"
url = "{url}/exports/"
user = "acme"
password_env = "FAR_PASS"

[sources.shop]
format = "requests"
scope = "acme/newsletter"
[sources.shop.pull]
kind = "sql"
url = "sqlite:///{database}"
table = "opt_outs"
cursor = "requested_at"
"""


def test_what_a_folder_and_a_table_hold_is_in_the_table_of_the_same_run(tmp_path: Path) -> None:
    home, database = tmp_path / "home", tmp_path / "shop.db"
    with_policy(Home.at(home))
    with sqlite3.connect(database) as con:
        con.execute("create table opt_outs (request_key integer primary key, requested_at datetime, action text, email text)")
        con.execute("insert into opt_outs values (1, '2026-03-01 10:00:00', 'opt_out', 'shop@example.com')")
        con.execute("insert into opt_outs values (2, null, 'opt_out', 'timeless@example.com')")
    with HttpFar(tmp_path) as far:
        far.put("2026/march.csv", b"requested_at,action,email\n2026-03-01T10:00:00Z,opt_out,agency@example.com\n")
        far.put("closed.csv", b"")
        far.denied.add("closed.csv")
        (home / "quietlist.toml").write_text(FOLDERS.format(url=far.url, database=database))
        result = quietlist(home, "run", "--as-of", "2026-04-01T00:00:00Z", FAR_PASS=PASSWORD)
        said = result.stdout + result.stderr
        assert result.returncode == 1 and "1 file may not be read" in said, said
        assert PASSWORD not in said and "closed.csv" not in said and "example.com" not in said
    assert suppressed(home) == {
        ("agency@example.com", "acme"),
        ("shop@example.com", "acme/newsletter"),
        ("timeless@example.com", "acme/newsletter"),
    }
