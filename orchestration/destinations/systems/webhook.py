"""A signed webhook to anything else: each batch is one POST, signed as the Standard Webhooks specification has it.

The body is JSON: ``type`` (``suppression.put`` or ``suppression.release``), ``data`` with ``home``, ``push``, ``version``,
``as_of`` and ``rows``. A row has ``channel``, ``identifier_type``, ``identifier``, ``scope``, ``reason`` and
``suppressed_since``; a release ``evidence_id`` and ``evidence_kind`` in place of the last two. The receiver checks
``webhook-signature`` (HMAC-SHA-256 over id, time and body), refuses what is older than five minutes, carries the batch out as a
whole, and answers 2xx; a batch that comes again must make no difference. It may refuse single rows:
``{"rejected": [{"index": 0, "code": "no_such_list"}]}``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
from pydantic import Field

from orchestration.core.config import CHANNELS
from orchestration.core.credentials import secret
from orchestration.core.errors import PermanentError
from orchestration.core.pace import Timer
from orchestration.destinations.contract import (
    IDENTIFIER_TYPES,
    KEY,
    BatchRejected,
    Danger,
    DestinationSettings,
    Facts,
    Outcome,
    Place,
    Push,
    ReadBack,
)
from orchestration.http.auth import Auth, Signed
from orchestration.http.calls import Call
from orchestration.http.client import Api, Client, Refused, base_url_problem

FACTS = Facts(
    system="webhook",
    channels=frozenset(CHANNELS),
    identifier_types=frozenset(IDENTIFIER_TYPES),
    read_back=ReadBack.RECEIPT,
    keeps_our_mark=False,
    batch_size=500,  # some 100 kB: what common receivers take without being asked
    calls=(Call("POST", "the path of the url"),),
    permission="the receiver must know the same secret, and allow POST at this path",
    by_hand=("Check the signature, the time and the id at the receiver; answer 2xx only when the batch is durable.",),
    unproved=("That the receiver kept what it said it took: nothing is read back.",),
    dangers=(Danger(Call("DELETE", "the path of the url"), "is no call of this contract"),),
)

_SAID = ("reason", "suppressed_since")
_EVIDENCE = ("evidence_id", "evidence_kind")


class Settings(DestinationSettings):
    """Keys of ``[destinations.<name>]`` beside the common ones."""

    url: str = Field(examples=["https://hooks.example.com/suppressions"])
    """Where batches are posted: https, without a secret in it."""
    secret_env: str
    """Name of the environment variable that holds the secret that both sides know: ``whsec_`` and base64, or any text."""
    allow_plain_http: bool = False
    """Must be true for an address without TLS that is not this machine."""
    batch_size: int = Field(default=500, ge=1, le=10_000)
    """Rows per call."""
    calls_per_second: float | None = Field(default=None, gt=0, le=1000)
    """The most that the receiver takes."""
    timeout_seconds: float = Field(default=30.0, ge=1, le=600)
    """How long one answer may take."""

    def problems(self, place: Place) -> list[tuple[str, str]]:
        wrong = base_url_problem(self.url, plain_allowed=self.allow_plain_http)
        if not wrong and ("{" in self.url or not urlsplit(self.url).path.strip("/")):
            wrong = "has no plain path behind the host"
        return [("url", wrong)] if wrong else []


def connect(place: Place, settings: Settings) -> Webhook:
    """The destination for one receiver."""
    return Webhook(settings, Signed(secret(settings.secret_env, f"[destinations.{place.name}] secret")))


class Webhook:
    """Posts batches to one receiver."""

    carries = _SAID

    def __init__(self, settings: Settings, auth: Auth) -> None:
        self.timer, self._settings, self._auth = Timer(), settings, auth
        parts = urlsplit(settings.url)
        self._base, self._call = f"{parts.scheme}://{parts.netloc}", Call("POST", parts.path)
        self.facts = replace(
            FACTS, batch_size=settings.batch_size, calls_per_second=settings.calls_per_second, calls=(self._call,)
        )
        self._client: Client | None = None
        self._push: Push | None = None

    def open(self, push: Push) -> None:
        self._client = Client(
            Api(FACTS.system, self.facts.calls, permission=FACTS.permission),
            self._base,
            self._auth,
            timer=self.timer,
            calls_per_second=self.facts.calls_per_second,
            timeout_seconds=self._settings.timeout_seconds,
            plain_allowed=self._settings.allow_plain_http,
        )
        self._push = push

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
        self._client = self._push = None

    def put(self, rows: pa.RecordBatchReader) -> Outcome:
        return self._post("suppression.put", rows, (*KEY, *_SAID))

    def release(self, rows: pa.RecordBatchReader) -> Outcome:
        return self._post("suppression.release", rows, (*KEY, *_EVIDENCE))

    def _post(self, kind: str, reader: pa.RecordBatchReader, names: Sequence[str]) -> Outcome:
        if self._client is None or self._push is None:
            raise PermanentError("Posting to a webhook", seen="the destination is not open", next_step="call open first")
        rows = [{name: _plain(row[name]) for name in names} for row in reader.read_all().to_pylist()]
        push = self._push
        data = {
            "home": push.home,
            "push": push.id,
            "version": push.version,
            "as_of": push.as_of.isoformat(),
            "rows": rows,
        }
        try:
            answer = self._client.ask(self._call, data={"type": kind, "data": data})
        except Refused as error:
            if len(rows) > 1:
                raise BatchRejected(error.tried, code=error.code) from None
            return Outcome({0: error.code})
        return Outcome(_rejected(answer.body, len(rows)))


def _rejected(body: Any, rows: int) -> Mapping[int, str]:
    """Rows that the receiver refuses inside an OK; a receiver that answers nothing refuses none."""
    listed = body.get("rejected", []) if isinstance(body, dict) else []
    try:
        found = {int(entry["index"]): str(entry.get("code", "")) for entry in listed}
    except (KeyError, TypeError, AttributeError, ValueError):
        found = {-1: ""}
    if any(not 0 <= index < rows for index in found):
        raise PermanentError(
            "Reading a webhook's answer",
            seen="rejected rows that are not named by their place in the batch",
            allowed='{"rejected": [{"index": 0, "code": "a_code"}]}',
            next_step="correct the receiver; the batch counts as unanswered",
        )
    return found


def _plain(value: Any) -> Any:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
