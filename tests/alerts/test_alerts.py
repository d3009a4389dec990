"""Alerts: a finding is told once while it lasts, by each channel, and no channel's failure fails a run or is silent."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from orchestration.alerts import tell
from orchestration.alerts.telling import findings_of
from orchestration.core.config import Config, parse_config
from orchestration.core.errors import ConfigError
from orchestration.core.home import Home
from orchestration.core.outcome import Outcome
from tests.alerts.servers import PASSWORD, USER, MailServer
from tests.vendors.server import Reply, Request, Server

NOW = dt.datetime(2026, 4, 1, 4, 0, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


class Chat(Server):
    def answer(self, request: Request) -> Reply:
        return Reply(200, b"ok")  # as chats answer: no JSON


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.at(tmp_path / "home").create()


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.fixture
def chat(monkeypatch: pytest.MonkeyPatch) -> Iterator[Chat]:
    with Chat() as server:
        monkeypatch.setenv("ALERT_URL", f"{server.url}/services/T0/s3cr%2Ft/?sig=also%20secret")
        yield server


def config_of(home: Home, *parts: str) -> Config:
    return parse_config("\n".join(['[company]\nname = "Acme"', *parts]), home.config_file)


def by_mail(server: MailServer, **more: str) -> str:
    lines = {
        "host": '"127.0.0.1"',
        "port": str(server.port),
        "security": '"none"',
        "sender": '"quietlist@example.com"',
        "recipients": '["privacy@example.com", "ops@example.org"]',
        **more,
    }
    return "[alerts.email]\n" + "\n".join(f"{key} = {value}" for key, value in lines.items())


WEBHOOK = '[alerts.webhook]\nurl_env = "ALERT_URL"'


def outcome(*unmet: str, errors: tuple[str, ...] = (), is_busy: bool = False) -> Outcome:
    return Outcome("quietlist", NOW, success=not errors, unmet=list(unmet), errors=list(errors), is_busy=is_busy)


def test_a_finding_reaches_every_recipient_and_the_webhook_in_the_words_of_the_run(
    home: Home, mail: MailServer, chat: Chat
) -> None:
    config = config_of(home, by_mail(mail), WEBHOOK)
    found = outcome("alert: 4 legal deadlines have passed without proof: crm: 4.", "hold: crm: 3 releases were held.")
    assert tell(home, config, found, NOW) == []
    (message,), (envelope,) = mail.messages, mail.envelopes
    assert envelope.rcpt_tos == ["privacy@example.com", "ops@example.org"]
    assert (
        message["Subject"] == "Quietlist, Acme: hold, 2 findings of quietlist" and message["Auto-Submitted"] == "auto-generated"
    )
    text = message.get_content()
    assert text.index("- hold: crm: 3 releases were held.") < text.index("- alert: 4 legal deadlines have passed"), (
        "most severe first"
    )
    (request,) = chat.requests
    assert (request.method, request.path, request.query) == ("POST", "/services/T0/s3cr%2Ft/", {"sig": "also secret"})
    assert request.json["level"] == "hold" and request.json["text"].startswith("Quietlist, Acme: hold")
    assert request.json["findings"][0] == {"level": "hold", "said": "crm: 3 releases were held."}


def test_a_finding_is_told_once_while_it_lasts_and_again_after_the_time_that_is_set(home: Home, chat: Chat) -> None:
    config = config_of(home, WEBHOOK)
    late = "alert: 4 legal deadlines have passed."
    for case, found, after, told in (
        ("the first run tells", [late], 0 * HOUR, 1),
        ("the next run says nothing new", [late], 1 * HOUR, 0),
        ("other figures are the same finding", ["alert: 1,005 legal deadlines have passed."], 2 * HOUR, 0),
        ("another finding is told, alone", [late, "alert: One registry copy is too old."], 3 * HOUR, 1),
        ("a graver level is another finding", ["stop: 4 legal deadlines have passed."], 4 * HOUR, 1),
        ("gone in between", [], 10 * HOUR, 0),
        ("still the same within the time", [late], 19 * HOUR, 0),
        ("a day later it is told again", [late], 24 * HOUR, 1),
    ):
        before = len(chat.requests)
        assert tell(home, config, outcome(*found), NOW + after) == [], case
        assert len(chat.requests) - before == told, case
    assert [len(request.json["findings"]) for request in chat.requests] == [1, 1, 1, 1]


def test_what_is_told_begins_at_the_level_that_is_set_and_a_failure_is_always_told(home: Home, chat: Chat) -> None:
    for at_least, told in (
        ("alert", ["failed", "stop", "hold", "alert"]),
        ("hold", ["failed", "stop", "hold"]),
        ("stop", ["failed", "stop"]),
    ):
        found = outcome("alert: a", "hold: b", "stop: c", errors=(f"collect: failed while {at_least}",))
        home.alerts_file.unlink(missing_ok=True)
        tell(home, config_of(home, f'[alerts]\nat_least = "{at_least}"', WEBHOOK), found, NOW)
        assert [item["level"] for item in chat.requests[-1].json["findings"]] == told, at_least
    assert findings_of(outcome(errors=("collect: another run",), is_busy=True)) == [], "another run does what this one would have"


def test_a_gate_that_stopped_is_not_called_a_failure(home: Home, chat: Chat) -> None:
    found = outcome("stop: The table is empty.", errors=("gates__exit: 1 blocking asset check failed",))
    for gate_level, level in (("pass", "failed"), ("stop", "stop")):
        found.gate_level = gate_level
        home.alerts_file.unlink(missing_ok=True)
        assert tell(home, config_of(home, WEBHOOK), found, NOW) == []
        assert chat.requests[-1].json["level"] == level, gate_level


def test_a_channel_that_failed_is_named_and_tried_again_and_does_not_hold_up_the_other(
    home: Home, mail: MailServer, chat: Chat
) -> None:
    config = config_of(home, by_mail(mail), WEBHOOK)
    late = outcome("alert: 4 legal deadlines have passed.")
    mail.answer = "451 quota of privacy@example.com is used up"
    (said,) = tell(home, config, late, NOW)
    assert "status 451" in said and "nothing to do" in said and "@" not in said, "the server's words name people"
    assert len(chat.requests) == 1 and mail.messages == []
    mail.answer = "250 taken"
    assert tell(home, config, late, NOW + HOUR) == []
    assert len(mail.messages) == 1 and len(chat.requests) == 1, "the one that was told is not told twice"


@pytest.mark.parametrize(
    ("case", "status", "said"),
    [("a wrong address", 404, "status 404"), ("a busy chat", 503, "status 503"), ("a refused post", 403, "status 403")],
)
def test_a_webhook_that_refuses_is_told_without_its_secret_address(
    home: Home, chat: Chat, case: str, status: int, said: str
) -> None:
    chat.fail("answer", reply=Reply(status, {"error": "no"}))
    (sentence,) = tell(home, config_of(home, WEBHOOK), outcome("alert: late"), NOW)
    assert said in sentence and "s3cr" not in sentence and "T0" not in sentence, f"{case}: {sentence}"


def test_a_signed_webhook_carries_the_signature_of_its_body(home: Home, chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALERT_SECRET", "whsec_" + "c2VjcmV0LW9mLXRoZS10ZXN0")
    assert tell(home, config_of(home, WEBHOOK, 'secret_env = "ALERT_SECRET"'), outcome("alert: late"), NOW) == []
    assert chat.requests[0].headers["webhook-signature"].startswith("v1,")


@pytest.mark.parametrize("channel", ["email", "webhook"])
def test_a_secret_that_is_not_set_or_a_server_that_is_not_there_is_named_and_fails_no_run(
    home: Home, mail: MailServer, monkeypatch: pytest.MonkeyPatch, channel: str
) -> None:
    if channel == "webhook":
        missing = config_of(home, WEBHOOK)
        (said,) = tell(home, missing, outcome("alert: late"), NOW)
        assert "the environment variable ALERT_URL is not set" in said
        monkeypatch.setenv("ALERT_URL", "http://127.0.0.1:9/hook")
    else:
        missing = config_of(home, by_mail(mail, user='"quietlist"', password_env='"NO_SUCH_PASSWORD"'))
        (said,) = tell(home, missing, outcome("alert: late"), NOW)
        assert "the environment variable NO_SUCH_PASSWORD is not set" in said
        missing = config_of(home, by_mail(mail, port="9"))
    (said,) = tell(home, missing, outcome("alert: late"), NOW)
    assert "Sending" in said or "Asking" in said or "Handing" in said
    assert not mail.messages and not home.alerts_file.exists(), "nothing was told, so nothing is remembered as told"


def test_mail_goes_encrypted_and_signed_in_and_not_to_a_server_that_proves_nothing(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = made_certificate(tmp_path)
    monkeypatch.setenv("SMTP_PASSWORD", PASSWORD)
    with MailServer((certificate, key)) as server:
        config = config_of(home, by_mail(server, security='"starttls"', user=f'"{USER}"', password_env='"SMTP_PASSWORD"'))
        (said,) = tell(home, config, outcome("alert: late"), NOW)
        assert "certificate" in said and server.signed_in == 0, "nobody vouches for it"
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert tell(home, config, outcome("alert: late"), NOW) == []
        assert len(server.messages) == 1 and server.signed_in == 1
        monkeypatch.setenv("SMTP_PASSWORD", "wrong")
        (said,) = tell(home, config, outcome("alert: something else"), NOW)
        assert "refuses the login" in said and "wrong" not in said


def made_certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    day = dt.datetime.now(dt.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(day - dt.timedelta(days=1))
        .not_valid_after(day + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "cert.pem", folder / "key.pem"
    certificate.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate, private


def test_no_address_and_no_number_leaves_in_an_alert(home: Home, mail: MailServer, chat: Chat) -> None:
    found = outcome("alert: ann@example.com and +1 202 555 0123 stand in a sentence that a bug wrote")
    assert tell(home, config_of(home, by_mail(mail), WEBHOOK), found, NOW) == []
    for text in (mail.messages[0].get_content(), chat.requests[0].body.decode()):
        assert "ann@" not in text and "0123" not in text and "[address] and [number]" in text


def test_without_a_channel_nobody_is_told_and_nothing_is_written(home: Home) -> None:
    assert tell(home, config_of(home), outcome("stop: all"), NOW) == []
    assert not home.alerts_file.exists()


@pytest.mark.parametrize("text", [b"{", b"[]", b'{"webhook": {"a": "no time"}}', b'{"webhook": 3}', b"\xff\xfe"])
def test_a_record_of_what_was_told_that_cannot_be_read_makes_everything_told_again(home: Home, chat: Chat, text: bytes) -> None:
    home.alerts_file.write_bytes(text)
    assert tell(home, config_of(home, WEBHOOK), outcome("alert: late"), NOW) == []
    assert len(chat.requests) == 1
    assert list(json.loads(home.alerts_file.read_text())) == ["webhook"]


def test_a_time_without_a_zone_in_it_fails_no_run(home: Home, chat: Chat) -> None:
    late = outcome("alert: late")
    key = findings_of(late)[0].key
    for text, told in ((NOW.replace(tzinfo=None).isoformat(), 0), ("2020-01-01T00:00:00", 1)):
        home.alerts_file.write_text(json.dumps({"webhook": {key: text}}))
        assert tell(home, config_of(home, WEBHOOK), late, NOW + HOUR) == [], text
        assert len(chat.requests) == told, text


def test_what_a_clock_ahead_of_time_has_told_silences_nothing(home: Home, chat: Chat) -> None:
    late = outcome("alert: late")
    tell(home, config_of(home, WEBHOOK), late, NOW + 24 * 365 * HOUR)
    tell(home, config_of(home, WEBHOOK), late, NOW)
    assert len(chat.requests) == 2, "a year long nobody would have been told"
    tell(home, config_of(home, WEBHOOK), late, NOW + HOUR)
    assert len(chat.requests) == 2


@pytest.mark.parametrize("where", ["alerts.lock", "alerts.json"])
def test_where_nothing_can_be_noted_people_are_told_all_the_same(home: Home, chat: Chat, where: str) -> None:
    home.alerts_file.with_name(where).mkdir()  # as on a disk that is full or may not be written to
    said = tell(home, config_of(home, WEBHOOK), outcome("alert: late"), NOW)
    assert [request.json["findings"] for request in chat.requests] == [[{"level": "alert", "said": "late"}]], where
    assert len(said) == (where == "alerts.json"), said


def test_what_is_wrong_in_alerts_is_told_all_at_once(home: Home) -> None:
    with pytest.raises(ConfigError) as error:
        config_of(
            home,
            '[alerts]\nat_least = "pass"\nevery = 3',
            '[alerts.email]\nhost = "smtp.example.com"\nsender = "nobody"\nrecipients = []\npasword_env = "X"',
            '[alerts.webhook]\nurl_env = "https://hooks.example.com/T0"',
        )
    said = str(error.value)
    for part in (
        "alerts.at_least: Input should be 'alert', 'hold' or 'stop'",
        "alerts.every: unknown key; allowed: at_least, email, repeat_hours, webhook",
        "alerts.email.sender: nobody: not an address",
        "alerts.email.recipients:",
        "alerts.email.pasword_env: unknown key",
        "did you mean password_env?",
        "alerts.webhook.url_env: names an environment variable",
    ):
        assert part in said, f"{part!r} is not in {said}"


@pytest.mark.parametrize(
    ("case", "keys", "said"),
    [
        ("a password in plain text", 'security = "none"\nuser = "q"\npassword_env = "P"', "in plain text"),
        ("a user without a password", 'user = "q"', "belong together"),
        ("a password in the file", 'user = "q"\npassword_env = "hunter2"', "never the password itself"),
    ],
)
def test_a_mail_server_is_signed_in_to_safely_or_not_at_all(home: Home, case: str, keys: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        config_of(
            home, f'[alerts.email]\nhost = "smtp.example.com"\nsender = "q@example.com"\nrecipients = ["p@example.com"]\n{keys}'
        )
    assert said in str(error.value), case
