"""A home with two people in it goes through everything, faults included, and nothing outside the list itself names them.

The gate that stops, the model that fails on a row and the reader that breaks are in ``tests/journeys/test_nothing_leaves``,
whose broken models they need; the search is the same.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import sqlite3
import tempfile
import zipfile
from pathlib import Path

import duckdb
import pyrage
import pytest
from click.testing import CliRunner

from orchestration import cli
from orchestration.answers import check as checking
from orchestration.core.home import Home
from orchestration.core.key import home_key
from orchestration.reconcile import dbt
from tests.journeys.home import AS_OF, CONFIG, make, version_folder
from tests.privacy.canaries import ADDRESS, BAD_EMAIL, EMAIL, NAME, PHONE, leaks, traces, watched_arguments

ASKS = f"""\
request_key,requested_at,action,method,channels,scope,email,phone,name,address,postal_code,country,region,customer_id,note
q1,2026-03-01T10:00:00Z,opt_out,web_form,email,acme/newsletter,{EMAIL},(202) 555-0187,{NAME},{ADDRESS},02139,US,US,,{NAME} rang
q2,2026-03-01T10:00:00Z,opt_out,web_form,email,{NAME},{BAD_EMAIL},202.555.0187,{NAME},,,,US,,
q3,2026-03-01 {NAME},opt_out,letter,all,*,,2025550187,{NAME},{ADDRESS},02139,US,US,,
q4,2026-03-02T10:00:00Z,{NAME},{EMAIL},all,*,{EMAIL},,,,,,US,,
q5,too,few,{EMAIL}
q6,2026-03-02T10:00:00Z,opt_out,web_form,email,*,"{EMAIL},never closed
"""
CALLS = f"""\
contact_key,contacted_at,channel,identifier,scope,campaign,system,agent,registry_version,outcome
k1,2026-03-20T15:00:00Z,email,{EMAIL},acme/newsletter,Spring for {NAME},mailer,{NAME},,delivered
k2,2026-03-20T15:00:00Z,voice,202 555 0187,*,{EMAIL},dialler,,,answered
"""
# A destination whose own words quote the row it refuses.
TALKATIVE = f"""
create trigger talkative before insert on suppression
begin select raise(abort, 'I will not take {EMAIL} of {NAME}'); end
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    before = os.umask(0)  # whatever it is: what a run makes is its owner's alone
    config = CONFIG + '\n[encryption]\nlanding = true\nkey_env = "LANDING_KEY"\n'
    home = Home.at(make(tmp_path / "home", config, empty=True))
    monkeypatch.setenv("LANDING_KEY", str(pyrage.x25519.Identity.generate()))
    monkeypatch.setenv("QUIETLIST_HOME", str(home.root))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", None)
    asks = home.inbox / "asks"
    (asks / f"{EMAIL} and {PHONE}.csv").write_text(ASKS)
    (asks / f"{NAME}.zip").write_bytes(b"PK\x03\x04 no archive, but somebody's name")
    with zipfile.ZipFile(asks / "packed.zip", "w") as archive:
        archive.writestr(f"../{EMAIL}.csv", ASKS)
        archive.writestr(f"{NAME}.csv", ASKS.replace("q1", "p1"))
    (home.inbox / "calls" / "more.csv").write_text(CALLS)
    for name in (EMAIL, NAME):
        (home.inbox / name).mkdir()
        (home.inbox / name / f"{PHONE}.csv").write_text(ASKS)
    (home.inbox / f"{NAME}.csv").write_text(ASKS)
    yield home
    os.umask(before)


class Mouth:
    """The command as a person uses it, and everything it ever said."""

    def __init__(self, home: Home) -> None:
        self.home, self.said = home, ""

    def __call__(self, *arguments: str, given: str | None = None) -> tuple[int, str]:
        result = CliRunner().invoke(cli.main, [*arguments, "--home", str(self.home.root)], input=given)
        self.said += result.output + repr(result.exception)
        return result.exit_code, result.output


def test_everything_that_can_go_wrong_names_nobody(
    home: Home, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    quietlist = Mouth(home)
    given = {path for path in home.root.rglob("*") if "inbox" in path.parts} | {home.config_file}
    database = home.outbox / "crm_table" / "suppression.db"
    with watched_arguments() as in_arguments:
        # 1. Unreadable records, unreadable archives, files and folders named after people, and a destination that quotes.
        home.create()
        database.parent.mkdir(mode=0o700)
        prepare_table(database, TALKATIVE)
        code, said = quietlist("run", "--as-of", AS_OF)
        assert code in (0, 1) and "rejected" in said, said
        # 2. It takes them after all; and the key is another one from now on.
        prepare_table(database, "drop trigger talkative")
        old = published_hashes(home)
        assert quietlist("key", "rotate", "--person", "Sam\x1b[2J", "--reason", "<script>alert(1)</script>")[0] == 0
        assert quietlist("rebuild")[0] == 2, "not before a run has made the hashes again"
        code, said = quietlist("run", "--as-of", AS_OF)
        assert code in (0, 1), said
        new = published_hashes(home)
        assert old.keys() == new.keys() and not set(old.values()) & set(new.values()), "a new version, with other hashes"
        assert hashes_there(database).items() <= new.items() and EMAIL.lower() in hashes_there(database)
        # 3. Questions, asked rightly and wrongly.
        ask(quietlist, tmp_path, old[EMAIL.lower()])
        with monkeypatch.context() as patch:
            patch.setattr(checking, "check_many", breaks)
            code, said = quietlist("check", "--channel", "email", "--identifier", "-", given=EMAIL)
            assert code == 3 and "value error in test_nothing_leaks.py" in said
    out, err = capfd.readouterr()
    spoken = {"commands": quietlist.said, "standard output": out, "standard error": err, "arguments": " ".join(in_arguments)}
    assert {where: found for where, text in spoken.items() if (found := traces(text.encode()))} == {}
    assert not in_arguments
    assert "\x1b" not in quietlist.said, "no escape sequence reaches the terminal"
    assert leaks([home.root, tmp_path / "tmp", dbt.manifest_folder()], home.root) == {}
    assert traces(database.read_bytes()), "they did go all the way"
    open_to_others = {
        path.relative_to(home.root).as_posix(): oct(path.stat().st_mode & 0o777)
        for path in home.root.rglob("*")
        if path not in given and path.lstat().st_mode & 0o077
    }
    assert open_to_others == {}, "whatever a run makes is its owner's alone"
    held = b"".join(path.read_bytes() for path in home.landing.rglob("*.age"))
    assert len(list(home.landing.rglob("*.age"))) == 7 and not traces(held), "and landing is closed"


def prepare_table(database: Path, statement: str) -> None:
    import sqlalchemy as sa

    from orchestration.destinations.sql_table import layout

    engine = sa.create_engine(f"sqlite:///{database}")
    layout("suppression").create(engine, checkfirst=True)
    engine.dispose()
    with sqlite3.connect(database) as con:
        con.execute(statement)
    database.chmod(0o600)


def published_hashes(home: Home) -> dict[str, str]:
    with duckdb.connect() as con:
        rows = con.execute(
            "select identifier, identifier_hash from read_parquet(?)", [str(version_folder(home.root) / "*.parquet")]
        )
        return dict(rows.fetchall())


def hashes_there(database: Path) -> dict[str, str]:
    with sqlite3.connect(database) as con:
        return dict(con.execute("select identifier, identifier_hash from suppression where released_at is null"))


def breaks(*_: object, **__: object) -> None:
    raise ValueError(f"{EMAIL} {NAME}")


def ask(quietlist: Mouth, folder: Path, old_hash: str) -> None:
    """What people ask, and the ways in which they get it wrong."""
    questions = {
        "right": f"channel,identifier,scope\nemail,{EMAIL},acme/newsletter\nvoice,202-555-0187,*\nemail,{BAD_EMAIL},*\n",
        "no header": f"{EMAIL},{NAME}\n{EMAIL},{PHONE}\n",
        "swapped": f"channel,identifier,scope\n{EMAIL},email,{NAME}\n{NAME},voice,{PHONE}\n",
        "ragged": f"channel,identifier\nemail,{EMAIL},{NAME}\n",
        "quoted": f'channel,identifier\nemail,"{EMAIL}\n',
    }
    for name, text in questions.items():
        file = folder / f"{name}.csv"
        file.write_text(text)
        assert quietlist("check", "--file", str(file))[0] == {"right": 4, "quoted": 4}.get(name, 2), name
    (folder / "bytes.csv").write_bytes(b"channel,identifier\nemail,\xff\xfe" + EMAIL.encode())
    quietlist("check", "--file", str(folder / "bytes.csv"))
    code, said = quietlist("check", "--channel", "email", "--identifier", "-", "--scope", "acme/newsletter", given=EMAIL + "\n")
    assert code == 4 and said.startswith("May not be contacted"), said
    code, said = quietlist("check", "--channel", "email", "--identifier", NAME)
    assert code == 5 and said.startswith("Nobody knows"), said
    code, said = quietlist("explain", old_hash)
    assert code == 0 and "z***@example.com" in said, said
    for wrong in (
        ("check", EMAIL),
        ("check", "--channel", EMAIL, "--identifier", EMAIL),
        ("check", "--channel", "email", NAME),
        ("explain", NAME),
        ("explain", EMAIL, NAME),
        ("check", "--channel", "email", "--identifier", EMAIL, "--scope", NAME),
        ("run", "--as-of", "yesterday"),
        ("quarantine", EMAIL),
        ("quarantine", "show", EMAIL),
        ("quarantine", "show", NAME),
        ("quarantine", "--kind", NAME),
    ):
        assert quietlist(*wrong)[0] == 2, wrong[0]
    for command in ("sources", "destinations", "doctor", "report", "key show", "quarantine --limit 1000"):
        for extra in ((), ("--json",)):
            assert quietlist(*command.split(), *extra)[0] in (0, 3), command
    items = json.loads(quietlist("quarantine", "--json", "--limit", "1000")[1])["items"]
    assert items, "there is something to show"
    for item in items:
        assert quietlist("quarantine", "show", item["id"])[0] == 0, item["kind"]
        by = ("--by", "Sam", "--reason", "because")
        assert quietlist("quarantine", "decide", item["id"], "--value", f"email={NAME}", "--value", f"scope={EMAIL}", *by)[0] == 2
        assert quietlist("quarantine", "decide", item["id"], "--value", f"{EMAIL}={NAME}", *by)[0] == 2
        assert quietlist("quarantine", "decide", item["id"], "--opt-out", NAME, *by)[0] == 2


def test_the_search_finds_what_it_should() -> None:
    for text in (EMAIL, NAME.lower(), "zyxwv.canary%40example.com", "Quenby+Canarywitz", "call 202-555-0187 now"):
        assert traces(f"before {text} after".encode()), text
    for name in ("md5", "sha256"):
        assert traces(hashlib.new(name, PHONE.encode()).hexdigest().encode())
    for before in ("", "a", "ab", "abc"):
        assert traces(base64.b64encode(f"{before}{EMAIL}, and more".encode())), f"{len(before)} characters before it"
    assert not traces(b"somebody@example.com, +1 202 555 0123") and not traces(home_key.__doc__.encode())
