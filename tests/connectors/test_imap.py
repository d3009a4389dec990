"""A mailbox of a real IMAP server (Dovecot, from the system's packages): every mail once, and nothing there is changed."""

from __future__ import annotations

import base64
import grp
import imaplib
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestration.connectors import pulling
from orchestration.connectors.contract import pull_problems
from orchestration.landing import collect
from orchestration.readers.feeds import feeds_of_format
from orchestration.readers.mail.containers import raw_of
from orchestration.readers.recognise import recognise
from tests.connectors.conftest import NOON, House
from tests.connectors.shelf import contents
from tests.vendors.server import Reply, Request, Server

DOVECOT = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
pytestmark = pytest.mark.skipif(DOVECOT is None, reason="no Dovecot here (Debian: apt-get install dovecot-imapd)")
CONFIG = """
protocols = imap
listen = 127.0.0.1
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
ssl = no
disable_plaintext_auth = no
first_valid_uid = 1
{whose}
mail_location = maildir:{folder}/mail
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}
}}
auth_mechanisms = plain xoauth2
passdb {{
  driver = static
  mechanisms = plain
  args = password=swordfish
}}
passdb {{
  driver = oauth2
  mechanisms = xoauth2
  args = {folder}/oauth2.conf
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
}}
service anvil {{
  chroot =
}}
"""


@dataclass
class Mailbox:
    """The server, seen by somebody else who uses the mailbox."""

    port: int
    folder: Path

    def __enter__(self) -> imaplib.IMAP4:
        self._server = imaplib.IMAP4("127.0.0.1", self.port, timeout=20)
        self._server.login("support", "swordfish")
        return self._server

    def __exit__(self, *_: object) -> None:
        self._server.logout()

    def put(self, *mails: bytes, folder: str = "INBOX") -> None:
        with self as server:
            for mail in mails:
                assert server.append(folder, "", "", mail)[0] == "OK"

    def settings(self, **more: Any) -> dict[str, Any]:
        pull = {
            "kind": "imap",
            "host": "127.0.0.1",
            "port": self.port,
            "tls": "none",
            "user": "support",
            "password_env": "MAIL_PASS",
        }
        return {"format": "mail", "pull": {key: value for key, value in {**pull, **more}.items() if value is not None}}


class Provider(Server):
    """Who gives out tokens, and tells the mail server whose they are."""

    given = 0

    def answer(self, request: Request) -> Reply:
        if request.path == "/tokeninfo":
            right = request.query.get("access_token") == f"token-{self.given}"
            return Reply(200, {"email": "support"}) if right else Reply(400, {"error": "invalid_token"})
        asked = dict(request.form)
        if request.headers.get("authorization") != "Basic " + base64.b64encode(b"quietlist:swordfish").decode():
            return Reply(401, {"error": "invalid_client"})
        if asked["grant_type"] == "refresh_token" and asked["refresh_token"] != "swordfish":
            return Reply(400, {"error": "invalid_grant"})
        self.given += 1
        return Reply(200, {"access_token": f"token-{self.given}", "expires_in": 3600})


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as running:
        yield running


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch, provider: Provider) -> Iterator[Mailbox]:
    monkeypatch.setenv("MAIL_PASS", "swordfish")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # Outside the test's own folder, which only its owner may enter: started by root, Dovecot gives the mails to another user.
    folder = Path(tempfile.mkdtemp(prefix="quietlist-dovecot-"))
    owner = pwd.getpwnam("nobody") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
    group = grp.getgrgid(owner.pw_gid).gr_name
    whose = (
        ""
        if os.getuid() == 0
        else f"default_internal_user = {owner.pw_name}\ndefault_login_user = {owner.pw_name}\ndefault_internal_group = {group}"
    )
    os.chown(folder, owner.pw_uid, owner.pw_gid)
    folder.chmod(0o755)
    text = CONFIG.format(folder=folder, whose=whose, uid=owner.pw_uid, gid=owner.pw_gid, port=port)
    (folder / "dovecot.conf").write_text(text)
    asked = f"tokeninfo_url = {provider.url}/tokeninfo?access_token=\nusername_attribute = email\n"
    (folder / "oauth2.conf").write_text(asked)
    process = subprocess.Popen([str(DOVECOT), "-F", "-c", str(folder / "dovecot.conf")], stderr=subprocess.PIPE)
    try:
        for _ in range(200):
            if process.poll() is not None:
                pytest.skip(
                    f"Dovecot does not start for this user: {(process.stderr.read() if process.stderr else b'').decode()[:200]}"
                )
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=1):
                    break
            except OSError:
                time.sleep(0.05)
        yield Mailbox(port, folder)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)
        if process.stderr:
            process.stderr.close()
        shutil.rmtree(folder, ignore_errors=True)


OAUTH = {
    "password_env": None,
    "token_url": "https://login.example.com/token",
    "client_id": "quietlist",
    "client_secret_env": "MAIL_PASS",
}


def mail(number: int, text: str = "STOP", size: int = 0) -> bytes:
    padding = b"x" * 70 + b"\r\n"
    return (
        f"From: person{number}@example.com\r\nTo: news@acme.example.com\r\nSubject: no more\r\n"
        f"Message-ID: <{number}@example.com>\r\nDate: Fri, 20 Mar 2026 10:00:00 +0000\r\n\r\n{text}\r\n"
    ).encode() + padding * (size // len(padding))


def mails(house: House) -> list[bytes]:
    """Every mail that came, as bytes."""
    found = []
    for name, content in contents(house.home, "post"):
        if name.endswith(".eml"):
            found.append(content)
        else:
            found += [base64.b64decode(json.loads(line)["raw"]) for line in content.splitlines()]
    return found


def test_every_mail_comes_once_and_byte_for_byte(house: House, mailbox: Mailbox) -> None:
    odd = b"From: a@example.com\r\nSubject: =?utf-8?q?=C3=A9?=\r\n\r\n\xff\xfe\r\nFrom the start\r\n)\r\n * 1 FETCH (UID 9)\r\n"
    mailbox.put(mail(1), odd, mail(2))
    house.sources = {"post": mailbox.settings()}
    (outcome,) = house.pull()
    assert (outcome.part, outcome.state, outcome.records, outcome.files) == ("INBOX", "whole", 3, 1), outcome.failure
    assert mails(house) == [mail(1), odd, mail(2)]
    ((_, content),) = contents(house.home, "post")
    read = [raw_of(json.loads(line)).content for line in content.splitlines()]
    assert read == [one.replace(b"\r\n", b"\n") for one in (mail(1), odd, mail(2))], "the reader of mails sees something else"
    collect(house.home, house.config, NOON)
    (outcome,) = house.pull()
    assert (outcome.state, outcome.records, outcome.files) == ("whole", 0, 0), "asked for what it had"
    mailbox.put(mail(3))
    house.later(days=1)
    assert house.pull()[0].records == 1
    assert mails(house) == [mail(3), mail(1), odd, mail(2)], "the inbox first, then what landed"
    name, content = next(contents(house.home, "post"))
    assert recognise(name, content, feeds_of_format("mail"), whole=True).feed is not None


def test_nothing_on_the_server_is_changed(house: House, mailbox: Mailbox) -> None:
    mailbox.put(mail(1), mail(2))
    house.sources = {"post": mailbox.settings()}
    house.pull()
    with mailbox as server:
        assert server.select("INBOX")[1] == [b"2"]
        assert server.search(None, "UNSEEN")[1] == [b"1 2"], "a mail was marked as read"


def test_what_was_deleted_before_is_gone_and_what_comes_behind_is_not(house: House, mailbox: Mailbox) -> None:
    mailbox.put(mail(1), mail(2), mail(3))
    house.sources = {"post": mailbox.settings()}
    house.pull()
    with mailbox as server:
        server.select("INBOX")
        server.store("2:3", "+FLAGS", "\\Deleted")
        server.expunge()
    mailbox.put(mail(4))
    (outcome,) = house.pull()
    assert (outcome.state, outcome.records) == ("whole", 1)
    assert mails(house)[-1] == mail(4) or mail(4) in mails(house)


def test_another_uidvalidity_is_another_folder(house: House, mailbox: Mailbox) -> None:
    mailbox.put(mail(1), mail(2))
    house.sources = {"post": mailbox.settings()}
    house.pull()
    shutil.rmtree(mailbox.folder / "mail")  # restored from a backup, say: the same mails with other numbers
    time.sleep(1.1)  # Dovecot takes the second for the new one
    mailbox.put(mail(2), mail(5))
    (outcome,) = house.pull()
    assert (outcome.state, outcome.records) == ("whole", 2), outcome.failure
    assert set(mails(house)) == {mail(1), mail(2), mail(5)}


def test_a_folder_made_anew_under_the_same_uidvalidity_is_read_whole(house: House, mailbox: Mailbox) -> None:
    mailbox.put(mail(1), mail(2))
    house.sources = {"post": mailbox.settings()}
    house.pull()
    notes = house.home.pulls / "post.json"
    known = json.loads(notes.read_text())
    assert known["INBOX"]["place"].endswith(":2")
    # As a server leaves it that gives every folder the UIDVALIDITY 1: the place lies behind all that there is.
    known["INBOX"]["place"] = known["INBOX"]["place"].partition(":")[0] + ":907"
    notes.write_text(json.dumps(known))
    house.later(days=1)
    assert house.pull()[0].records == 2, "the mails up to number 907 would never be asked for"
    mailbox.put(mail(3))
    assert house.pull()[0].records == 1


def test_a_mail_that_the_server_does_not_hand_over_is_told_of_and_costs_no_other_its_turn(
    house: House, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    from orchestration.connectors import imap

    mailbox.put(mail(1), mail(2), mail(3), mail(4))
    plain = imap._bodies

    def damaged(answered: list[Any]) -> Any:
        found = dict(plain(answered))
        with mailbox as other:  # somebody deletes the fourth before it is handed over; the second is there and damaged
            other.select("INBOX")
            other.uid("STORE", "4", "+FLAGS", "\\Deleted")
            other.expunge()
        return iter({uid: content for uid, content in found.items() if uid not in (2, 4)}.items())

    monkeypatch.setattr(imap, "_bodies", damaged)
    house.sources = {"post": mailbox.settings()}
    (outcome,) = house.pull()
    assert (outcome.state, outcome.records) == ("whole", 3), outcome.failure
    ((name, content),) = contents(house.home, "post")
    read = [raw_of(json.loads(line)) for line in content.splitlines()]
    assert [one.reason for one in read] == ["", "no_raw_message", ""], "quarantined, with its number"
    assert json.loads(content.splitlines()[1])["uid"] == 2
    assert recognise(name, content, feeds_of_format("mail"), whole=True).feed is not None


def test_folders_are_parts_and_one_that_is_not_there_is_named(house: House, mailbox: Mailbox) -> None:
    with mailbox as server:
        server.create('"Left us"')
    mailbox.put(mail(1))
    mailbox.put(mail(2), folder='"Left us"')
    house.sources = {"post": mailbox.settings(folders=["INBOX", "Left us", "Nowhere"])}
    outcome = {item.part: item for item in house.pull()}
    assert {part: item.state for part, item in outcome.items()} == {"INBOX": "whole", "Left us": "whole", "Nowhere": "failed"}
    assert "no such folder" in outcome["Nowhere"].failure
    assert sorted(mails(house)) == [mail(1), mail(2)]


def test_a_large_mail_is_a_file_of_its_own_and_keeps_its_place(
    house: House, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = mail(2, size=9 << 20)
    mailbox.put(mail(1), large, mail(3))
    house.sources = {"post": mailbox.settings()}
    (outcome,) = house.pull()
    assert (outcome.state, outcome.records, outcome.files) == ("whole", 3, 3), outcome.failure
    assert mails(house) == [mail(1), large, mail(3)]


def test_a_pull_that_breaks_off_goes_on_behind_the_last_mail(
    house: House, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulling, "_BUNDLE", 1)
    mailbox.put(*(mail(number) for number in range(5)))
    house.sources = {"post": mailbox.settings()}
    from orchestration.connectors import imap

    plain, given = imap._batch, []

    def breaks(content: bytes, place: str) -> Any:
        given.append(place)
        if len(given) == 3:
            raise OSError("the line was cut")
        return plain(content, place)

    monkeypatch.setattr(imap, "_batch", breaks)
    (outcome,) = house.pull()
    assert (outcome.state, outcome.records) == ("failed", 2), outcome.failure
    (outcome,) = house.pull()
    assert (outcome.state, outcome.records) == ("whole", 3), outcome.failure
    assert sorted(mails(house)) == sorted(mail(number) for number in range(5))


def test_a_first_pull_may_begin_later_and_no_later_one_leaves_a_gap(house: House, mailbox: Mailbox) -> None:
    with mailbox as server:
        for number, day in ((1, "01-Jan-2026 10:00:00 +0000"), (2, "20-Mar-2026 10:00:00 +0000")):
            server.append("INBOX", "", f'"{day}"', mail(number))
    house.sources = {"post": mailbox.settings()}
    house.pull(since=NOON - timedelta(days=10))
    assert mails(house) == [mail(2)]
    with mailbox as server:  # moved here by somebody, with the day of its arrival
        server.append("INBOX", "", '"02-Jan-2026 10:00:00 +0000"', mail(3))
    house.later(days=1)
    house.pull(since=house.now)
    assert set(mails(house)) == {mail(2), mail(3)}


@pytest.mark.parametrize(
    ("case", "change", "said"),
    [
        ("a wrong password", {"MAIL_PASS": "of another"}, "a login that was refused"),
        ("no password", {"MAIL_PASS": ""}, "MAIL_PASS is not set"),
        ("no server", {"port": 9}, "no whole answer"),
        ("a server without TLS", {"tls": "implicit", "timeout_seconds": 2}, "no whole answer"),
    ],
)
def test_what_stands_in_the_way_is_named(
    house: House, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch, case: str, change: dict[str, Any], said: str
) -> None:
    mailbox.put(mail(1))
    settings = {key: value for key, value in change.items() if key != "MAIL_PASS"}
    if "MAIL_PASS" in change:
        monkeypatch.setenv("MAIL_PASS", change["MAIL_PASS"])
    house.sources = {"post": mailbox.settings(**settings)}
    (outcome,) = house.pull()
    assert outcome.state == "failed" and said in outcome.failure, f"{case}: {outcome.failure}"
    assert "swordfish" not in outcome.failure and "of another" not in outcome.failure and mails(house) == [], case


@pytest.mark.parametrize(
    ("case", "change", "grant"),
    [
        ("for itself", {"oauth_scope": "https://mail.example.com/.default"}, "client_credentials"),
        ("for a person", {"refresh_token_env": "MAIL_PASS"}, "refresh_token"),
    ],
)
def test_a_provider_that_wants_oauth_gets_a_token(
    house: House, mailbox: Mailbox, provider: Provider, case: str, change: dict[str, Any], grant: str
) -> None:
    mailbox.put(mail(1))
    house.sources = {"post": mailbox.settings(**{**OAUTH, "token_url": f"{provider.url}/token"}, **change)}
    (outcome,) = house.pull()
    assert (outcome.state, outcome.records) == ("whole", 1), f"{case}: {outcome.failure}"
    asked = [dict(request.form) for request in provider.requests if request.path == "/token"]
    assert [form["grant_type"] for form in asked] == [grant] and asked[0].get("scope", "") == change.get("oauth_scope", "")
    house.pull()
    assert provider.given == 2, "a new connection has a token of its own"


@pytest.mark.parametrize(
    ("case", "status", "answer", "said"),
    [
        ("the application is not known", 401, {"error": "invalid_client"}, "status 401, invalid_client"),
        ("the person took the right back", 400, {"error": "invalid_grant"}, "status 401"),
        ("no token in the answer", 200, {"token": "x"}, "an answer without access_token"),
        ("a token of another mailbox", 200, {"access_token": "of-another"}, "a login that was refused"),
    ],
)
def test_a_token_that_does_not_open_the_mailbox_is_told(
    house: House, mailbox: Mailbox, provider: Provider, case: str, status: int, answer: dict[str, Any], said: str
) -> None:
    provider.fail("answer", on=lambda request: request.path == "/token", times=9, reply=Reply(status, answer))
    house.sources = {"post": mailbox.settings(**{**OAUTH, "token_url": f"{provider.url}/token"})}
    (outcome,) = house.pull()
    assert outcome.state == "failed" and said in outcome.failure, f"{case}: {outcome.failure}"
    assert "swordfish" not in outcome.failure and "of-another" not in outcome.failure, case


@pytest.mark.parametrize(
    ("case", "change", "said"),
    [
        ("another format", {"format": "requests"}, "a mailbox is read with format = mail or canary_mailbox"),
        ("no TLS to elsewhere", {"host": "mail.example.com"}, "pull.tls: without TLS anyone on the network path"),
        ("a folder in letters of its own", {"folders": ["Entwürfe"]}, "write a folder's name as IMAP does"),
        ("a folder twice", {"folders": ["INBOX", "INBOX"]}, "name each folder once"),
        ("an unknown key", {"fodlers": ["INBOX"]}, "did you mean folders?"),
        ("nothing that proves it", {"password_env": None}, "needs password_env, or token_url with"),
        (
            "half of OAuth",
            {"password_env": None, "client_id": "quietlist"},
            "token_url, client_id and client_secret_env together",
        ),
        ("a token sent in the open", {**OAUTH, "token_url": "http://login.example.com/token"}, "token_url is not encrypted"),
        ("two ways to log in", {**OAUTH, "password_env": "MAIL_PASS"}, "needs password_env, or token_url with"),
        ("no such kind", {"kind": "pop3"}, "'pop3' is not one of api, imap"),
    ],
)
def test_what_is_configured_wrongly_is_told(house: House, case: str, change: dict[str, Any], said: str) -> None:
    pull = {"kind": "imap", "host": "localhost", "tls": "none", "user": "support", "password_env": "MAIL_PASS", **change}
    pull = {key: value for key, value in pull.items() if value is not None}
    house.sources = {"post": {"format": pull.pop("format", "mail"), "pull": pull}}
    problems = pull_problems(house.config)
    assert len(problems) == 1 and said in problems[0], f"{case}: {problems}"
