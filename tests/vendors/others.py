"""Vendors of other kinds: text messages, and whoever receives a webhook."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

from tests.vendors.dialers import DIALERS
from tests.vendors.esps import EMAIL_VENDORS, basic
from tests.vendors.platforms import PLATFORMS
from tests.vendors.server import Reply, Request
from tests.vendors.vendor import KEY, Vendor

ACCOUNT = "AC" + "0" * 32


class Twilio(Vendor):
    system = "twilio"
    lists = {"*": "MG" + "a" * 32, "acme/news": "+15555550199"}
    channel = "sms"
    reads = False
    releases = False
    extra = {"account_sid": ACCOUNT}

    def knows(self, request: Request) -> bool:
        return basic(request) == f"{ACCOUNT}:{KEY}"

    def is_read(self, request: Request) -> bool:
        return False

    def route(self, request: Request) -> Reply | None:
        if (request.method, request.path) != ("POST", "/v1/Consents/Bulk"):
            return None
        items = [json.loads(value) for name, value in request.form if name == "Items"]
        if not 1 <= len(items) <= 25:
            return Reply(400, {"code": 20001, "message": "at most 25 items"})
        told = []
        for item in items:
            assert item["status"] == "opt-out" and len(item["correlation_id"]) == 32
            failed = item["contact_id"] in self.poison
            if not failed:
                self.keep(item["sender_id"], item["contact_id"])
            messages = ["INVALID_CONTACT_ID"] if failed else []
            told.append({"correlation_id": item["correlation_id"], "error_code": 30646 * failed, "error_messages": messages})
        return Reply(201, {"items": told})


class Receiver(Vendor):
    """Somebody's own service behind a webhook, written by the specification: it checks the signature first."""

    system = "webhook"
    keeps_some = True
    lists = {"*": "*", "acme/news": "acme/news"}
    reads = False

    def toml(self, name: str, **changes: Any) -> str:
        changes.pop("lists", None)
        text = super().toml(name, **changes)
        lines = [line for line in text.split("\n") if not line.startswith(("base_url", "lists", "api_key_env"))]
        return "\n".join([*lines, f'url = "{self.url}/hooks/suppressions"', 'secret_env = "TEST_VENDOR_KEY"'])

    def knows(self, request: Request) -> bool:
        signed = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + request.body
        right = base64.b64encode(hmac.new(KEY.encode(), signed, hashlib.sha256).digest()).decode()
        return hmac.compare_digest(request.headers["webhook-signature"], f"v1,{right}")

    def is_put(self, request: Request) -> bool:
        return request.method == "POST" and request.json["type"] == "suppression.put"

    def is_read(self, request: Request) -> bool:
        return False

    def route(self, request: Request) -> Reply | None:
        if (request.method, request.path) != ("POST", "/hooks/suppressions"):
            return None
        rejected = []
        for index, row in enumerate(request.json["data"]["rows"]):
            if row["identifier"] in self.poison | (self.compliance if not self.is_put(request) else set()):
                rejected.append({"index": index, "code": "no_such_person"})
            elif self.is_put(request):
                self.keep(row["scope"], row["identifier"])
            else:
                assert row["evidence_id"] and row["evidence_kind"] == "opt_in"
                self.rows[row["scope"]].pop(row["identifier"], None)
        return Reply(200, {"rejected": rejected}) if rejected else Reply(204)


VENDORS: tuple[type[Vendor], ...] = (*EMAIL_VENDORS, *PLATFORMS, *DIALERS, Twilio, Receiver)
