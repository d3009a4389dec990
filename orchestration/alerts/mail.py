"""An alert as an e-mail, handed to a mail server of the company's. What it says, the caller decides."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable, Sequence
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Any

from pydantic import SecretStr

from orchestration.core.config import MailAlerts
from orchestration.core.credentials import secret
from orchestration.core.errors import ConfigError, PermanentError, TransientError, kind_of

_TEMPORARY = range(400, 500)  # RFC 5321, 4.2.1: try again later


def sender(settings: MailAlerts) -> Callable[[str, Sequence[str], dict[str, Any]], None]:
    """Sends one alert to every recipient, or raises."""

    def send(subject: str, lines: Sequence[str], body: dict[str, Any]) -> None:
        message = EmailMessage()
        message["Subject"], message["From"] = subject, settings.sender
        message["To"] = ", ".join(settings.recipients)
        message["Date"], message["Message-ID"] = formatdate(), make_msgid(domain=settings.sender.rpartition("@")[2])
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no absence notice answers it
        message.set_content("\n".join(lines) + "\n")
        _hand_over(settings, message)

    return send


def _hand_over(settings: MailAlerts, message: EmailMessage) -> None:
    tried = f"Handing an alert to the mail server {settings.host}:{settings.port}"
    password = secret(settings.password_env, "[alerts.email] password") if settings.password_env else None
    context = ssl.create_default_context()
    try:
        if settings.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                settings.host, settings.port, timeout=settings.timeout_seconds, context=context
            )
        else:
            server = smtplib.SMTP(settings.host, settings.port, timeout=settings.timeout_seconds)
        with server:
            if settings.security == "starttls":
                server.starttls(context=context)
            if password is not None:
                _sign_in(server, settings.user, password, tried)
            refused = server.send_message(message)
    except smtplib.SMTPRecipientsRefused as error:
        _refused(tried, min(code for code, _ in error.recipients.values()))
    except smtplib.SMTPResponseException as error:
        _refused(tried, error.smtp_code)
    except smtplib.SMTPNotSupportedError:
        raise ConfigError(
            tried,
            seen=f"it does not support {settings.security}, or no login",
            next_step="correct alerts.email.security and user",
        ) from None
    except ssl.SSLError:
        raise PermanentError(
            tried,
            seen="a certificate that could not be verified, or no TLS at this port",
            next_step="correct alerts.email.host, port and security; the message was not sent",
        ) from None
    except (OSError, smtplib.SMTPException) as error:  # its text may quote the message
        raise TransientError(tried, seen=kind_of(error), next_step="check that it can be reached from here") from None
    else:
        if refused:
            _refused(tried, min(code for code, _ in refused.values()))


def _sign_in(server: smtplib.SMTP, user: str, password: SecretStr, tried: str) -> None:
    try:
        server.login(user, password.get_secret_value())
    except (smtplib.SMTPAuthenticationError, smtplib.SMTPServerDisconnected):  # some servers hang up at a wrong password
        raise ConfigError(
            tried,
            seen="it refuses the login",
            next_step="see alerts.email.user, and that the environment variable holds its password",
        ) from None


def _refused(tried: str, status: int) -> None:
    """A server's own words may name the addresses, so its status alone is told."""
    seen = f"it refuses the message for at least one recipient (status {status})"
    if status in _TEMPORARY:
        raise TransientError(tried, seen=seen, next_step="nothing to do; the next run reports it again") from None
    raise PermanentError(tried, seen=seen, next_step="correct alerts.email.sender and recipients") from None
