"""An alert as JSON, posted to one address. What it says, the caller decides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from orchestration.core.config import WebhookAlerts
from orchestration.core.credentials import secret
from orchestration.core.errors import ConfigError
from orchestration.http.auth import Auth, Nobody, Signed
from orchestration.http.calls import Call
from orchestration.http.client import Api, Client, base_url_problem


def poster(settings: WebhookAlerts) -> Callable[[str, Sequence[str], dict[str, Any]], None]:
    """Posts one alert, or raises. ``text`` is what chats show; the other keys are for programs."""

    def post(subject: str, lines: Sequence[str], body: dict[str, Any]) -> None:
        url = secret(settings.url_env, "[alerts.webhook] address").get_secret_value()
        if problem := url_problem(settings, url):
            raise ConfigError("Posting an alert", [f"alerts.webhook.url_env: what {settings.url_env} holds {problem}"])
        address = urlsplit(url)
        # The path is a secret, so an error may only name its form.
        names = {f"part{number}": unquote(part) for number, part in enumerate(address.path.strip("/").split("/"), start=1)}
        call = Call("POST", "".join(f"/{{{name}}}" for name in names) + ("/" if address.path.endswith("/") else ""))
        # Without a signature the address itself is the secret.
        auth: Auth = Signed(secret(settings.secret_env, "[alerts.webhook] secret")) if settings.secret_env else Nobody()
        client = Client(
            Api("the alerts' webhook", (call,)),
            f"{address.scheme}://{address.netloc}",
            auth,
            timeout_seconds=settings.timeout_seconds,
            plain_allowed=settings.allow_plain_http,
        )
        try:
            client.ask(
                call, names, parameters=dict(parse_qsl(address.query)), data={"text": "\n".join([subject, *lines]), **body}
            )
        finally:
            client.close()

    return post


def url_problem(settings: WebhookAlerts, url: str) -> str | None:
    """What is wrong with the address, if anything. Itself it is a secret, with whatever stands behind its question mark."""
    plain = url.partition("?")[0]
    problem = base_url_problem(plain, plain_allowed=settings.allow_plain_http)
    return problem or (None if urlsplit(plain).path.strip("/") else "has no path behind the host")
