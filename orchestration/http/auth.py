"""How a request says who asks: a key in a header, a user and password, a token that is fetched, or a signature.

Each kind makes the headers of one request. What it holds is a ``SecretStr``, which shows itself to nobody by accident.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol
from urllib.parse import parse_qsl, quote, urlsplit

from pydantic import SecretStr

from orchestration.core.errors import ConfigError

Fetch = Callable[[str, Mapping[str, str], Mapping[str, str]], Mapping[str, object]]
"""Posts a form with headers to an address and returns the JSON object that comes back. The client lends it."""


@dataclass(frozen=True)
class Outgoing:
    """A request as it is about to leave: what a signature is made over."""

    method: str
    url: str
    body: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    """Those that were set already, by name in small letters."""
    digest: str = ""
    """SHA-256 of a body that is read while it is sent, and not in ``body``."""


_BY_ASSERTION = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_EARLY_SECONDS = 60.0  # a token is renewed so long before its end: what leaves with it must still arrive in time
_SHORTEST_SECONDS = 5.0  # and is used for at least so long, or an end given as 0 would fetch one per request


class Auth(Protocol):
    """One way of saying who asks."""

    def headers(self, request: Outgoing, fetch: Fetch) -> Mapping[str, str]:
        """The headers of one request."""

    def renew(self) -> bool:
        """The last headers were refused: whether new ones may do better."""


@dataclass(frozen=True)
class Nobody:
    """Nothing says who asks."""

    def headers(self, request: Outgoing, fetch: Fetch) -> Mapping[str, str]:
        return {}

    def renew(self) -> bool:
        return False


@dataclass(frozen=True)
class KeyHeader:
    """A key in a header of the vendor's choice; ``prefix`` is written before it (``"Bearer "``)."""

    key: SecretStr
    name: str = "Authorization"
    prefix: str = ""

    def headers(self, request: Outgoing, fetch: Fetch) -> Mapping[str, str]:
        return {self.name: self.prefix + self.key.get_secret_value()}

    def renew(self) -> bool:
        return False


@dataclass(frozen=True)
class Basic:
    """HTTP Basic: a user and a password, which many vendors fill with a fixed word and the key."""

    user: str
    password: SecretStr

    def headers(self, request: Outgoing, fetch: Fetch) -> Mapping[str, str]:
        pair = f"{self.user}:{self.password.get_secret_value()}"
        return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}

    def renew(self) -> bool:
        return False


@dataclass
class ClientCredentials:
    """OAuth 2 client credentials (RFC 6749, 4.4): a token that ends, and is fetched again when it ends or is refused.

    With a refresh token (6) or an assertion (RFC 7523, 4) it is fetched in the name of the person who gave that one.
    """

    token_url: str
    client_id: str
    client_secret: SecretStr
    scope: str = ""
    monotonic: Callable[[], float] = time.monotonic
    refresh_token: SecretStr | None = None
    assertion: SecretStr | None = None
    _token: SecretStr | None = field(default=None, init=False, repr=False)
    _ends: float = field(default=0.0, init=False, repr=False)

    def headers(self, request: Outgoing, fetch: Fetch) -> Mapping[str, str]:
        if self._token is None or self.monotonic() >= self._ends:
            form = {"grant_type": "client_credentials"} | ({"scope": self.scope} if self.scope else {})
            if self.refresh_token is not None:
                form |= {"grant_type": "refresh_token", "refresh_token": self.refresh_token.get_secret_value()}
            if self.assertion is not None:
                form |= {"grant_type": _BY_ASSERTION, "assertion": self.assertion.get_secret_value()}
            answer = fetch(self.token_url, form, Basic(self.client_id, self.client_secret).headers(request, fetch))
            token, seconds = answer.get("access_token"), answer.get("expires_in", 0)
            if not isinstance(token, str) or not token.isprintable() or not token.isascii():
                raise ConfigError(
                    "Fetching a token",
                    seen="an answer without access_token",
                    next_step="check the address the token is fetched from",
                )
            lasts = (
                float(seconds) if isinstance(seconds, int | float | str) and str(seconds).replace(".", "", 1).isdigit() else 0.0
            )
            self._token = SecretStr(token)
            self._ends = self.monotonic() + max(lasts - _EARLY_SECONDS, _SHORTEST_SECONDS)
        return {"Authorization": f"Bearer {self._token.get_secret_value()}"}

    def renew(self) -> bool:
        self._token = None
        return True


@dataclass(frozen=True)
class Signed:
    """A signature over id, time and body by HMAC-SHA-256, as the Standard Webhooks specification writes it.

    The id is made from the body, so a request that is sent again has the one it had, and the receiver can tell. The time lets it
    refuse what somebody recorded and plays again.
    """

    secret: SecretStr
    now: Callable[[], float] = time.time

    def headers(self, request: Outgoing, fetch: Fetch) -> Mapping[str, str]:
        body = request.body
        name, moment = f"msg_{hashlib.sha256(body).hexdigest()[:32]}", str(int(self.now()))
        digest = hmac.new(_webhook_key(self.secret), f"{name}.{moment}.".encode() + body, hashlib.sha256).digest()
        signature = f"v1,{base64.b64encode(digest).decode()}"
        return {"webhook-id": name, "webhook-timestamp": moment, "webhook-signature": signature}

    def renew(self) -> bool:
        return False


@dataclass(frozen=True)
class AwsSigned:
    """AWS Signature Version 4, as Amazon's services and those that speak S3 want it, over every request.

    A session token goes with temporary keys. Path and query are signed as they are sent: S3 takes the path as it is, the other
    services escape it once more.
    """

    key_id: SecretStr
    key: SecretStr
    region: str
    service: str
    session_token: SecretStr | None = None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def headers(self, request: Outgoing, fetch: Fetch) -> Mapping[str, str]:
        parts, moment = urlsplit(request.url), f"{self.now():%Y%m%dT%H%M%SZ}"
        host = parts.hostname or ""
        host = f"[{host}]" if ":" in host else host
        default = {"http": 80, "https": 443}[parts.scheme]
        digest = request.digest or hashlib.sha256(request.body).hexdigest()
        signed = {
            "host": host if parts.port in (None, default) else f"{host}:{parts.port}",
            "x-amz-content-sha256": digest,
            "x-amz-date": moment,
        }
        signed |= {name: value for name, value in request.headers.items() if name.startswith("x-amz-")}
        if self.session_token is not None:
            signed["x-amz-security-token"] = self.session_token.get_secret_value()
        path = parts.path or "/"
        pairs = sorted((_escaped(name), _escaped(value)) for name, value in parse_qsl(parts.query, keep_blank_values=True))
        canonical = "\n".join(
            (
                request.method,
                path if self.service == "s3" else quote(path, safe="/-_.~"),
                "&".join(f"{name}={value}" for name, value in pairs),
                *(f"{name}:{value}" for name, value in sorted(signed.items())),
                "",
                ";".join(sorted(signed)),
                digest,
            )
        )
        scope = f"{moment[:8]}/{self.region}/{self.service}/aws4_request"
        text = "\n".join(("AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(canonical.encode()).hexdigest()))
        key = f"AWS4{self.key.get_secret_value()}".encode()
        for part in scope.split("/"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        who, names = f"{self.key_id.get_secret_value()}/{scope}", ";".join(sorted(signed))
        said = f"Credential={who}, SignedHeaders={names}, Signature={signature}"
        return {**{name: value for name, value in signed.items() if name != "host"}, "Authorization": f"AWS4-HMAC-SHA256 {said}"}

    def renew(self) -> bool:
        return False


def _escaped(text: str) -> str:
    return quote(text, safe="-_.~")


def _webhook_key(secret: SecretStr) -> bytes:
    """``whsec_`` and base64, as the specification has it, or the bytes of any other text."""
    text = secret.get_secret_value()
    if not text.startswith("whsec_"):
        return text.encode()
    try:
        return base64.b64decode(text.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        raise ConfigError(
            "Reading a webhook's secret", seen="no base64 behind whsec_", next_step="copy the secret whole"
        ) from None
