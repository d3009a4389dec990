"""E-mail vendors. Each behaves as its documentation says; what is only from memory there is marked so in its system's facts."""

from __future__ import annotations

from typing import Any

from tests.vendors.server import Reply, Request
from tests.vendors.vendor import KEY, Entry, Vendor

SINCE = 1_767_225_600  # 1 January 2026


class SendGrid(Vendor):
    system = "sendgrid"
    lists = {"*": "global", "acme/news": "123"}
    pages = True

    def __init__(self) -> None:
        super().__init__()
        self.groups = {"123"}

    def knows(self, request: Request) -> bool:
        return request.headers.get("authorization") == f"Bearer {KEY}"

    def is_put(self, request: Request) -> bool:
        return request.method == "POST"

    def is_read(self, request: Request) -> bool:
        return request.path == "/v3/suppression/unsubscribes"

    def route(self, request: Request) -> Reply | None:
        match (request.method, request.parts):
            case ("POST", ["v3", "asm", "suppressions", "global"]):
                return self._add("global", request)
            case ("POST", ["v3", "asm", "groups", group, "suppressions"]):
                return self._add(group if group in self.groups else "global", request)  # as the description says
            case ("GET", ["v3", "suppression", "unsubscribes"]):
                first, limit = int(request.query["offset"]), int(request.query["limit"])
                if not 1 <= limit <= 500:
                    return Reply(400, {"errors": [{"field": "limit", "message": "limit must be 1 to 500"}]})
                self.looked += first == 0
                found = list(self.visible("global"))[first : first + min(limit, self.page)]
                return Reply(200, [{"created": SINCE, "email": address} for address in found])
            case ("GET", ["v3", "asm", "groups"]):
                return Reply(200, [{"id": int(group), "name": "x"} for group in sorted(self.groups)])
            case ("GET", ["v3", "asm", "groups", group]):
                known = group in self.groups
                return Reply(200, {"id": int(group)}) if known else Reply(404, {"errors": [{"message": "group not found"}]})
            case ("GET", ["v3", "asm", "groups", group, "suppressions"]):
                return Reply(200, list(self.visible(group)))
            case ("DELETE", ["v3", "asm", "suppressions", "global", address]):
                self.rows["global"].pop(address, None)
                return Reply(204)
            case ("DELETE", ["v3", "asm", "groups", group, "suppressions", address]):
                self.rows[group].pop(address, None)
                return Reply(204)
        return None

    def _add(self, name: str, request: Request) -> Reply:
        addresses = request.json["recipient_emails"]
        if self.poison & set(addresses):
            return Reply(400, {"errors": [{"field": "recipient_emails", "message": f"{addresses[0]} is not an address"}]})
        for address in addresses:
            self.keep(name, address)
        return Reply(201, {"recipient_emails": addresses})


class Postmark(Vendor):
    system = "postmark"
    lists = {"*": "broadcast", "acme/news": "news"}
    refuses_rows = "row"

    def knows(self, request: Request) -> bool:
        return request.headers.get("x-postmark-server-token") == KEY

    def is_put(self, request: Request) -> bool:
        return request.method == "POST" and request.path.endswith("/suppressions")

    def is_read(self, request: Request) -> bool:
        return request.path.endswith("/dump")

    def streams(self) -> list[dict[str, Any]]:
        return [{"ID": name, "MessageStreamType": "Broadcasts"} for name in self.rows] + [
            {"ID": "outbound", "MessageStreamType": "Transactional"}
        ]

    def route(self, request: Request) -> Reply | None:
        match (request.method, request.parts):
            case ("GET", ["message-streams"]):
                return Reply(200, {"MessageStreams": self.streams(), "TotalCount": len(self.streams())})
            case ("GET", ["message-streams", name]):
                found = [stream for stream in self.streams() if stream["ID"] == name]
                return Reply(200, found[0]) if found else Reply(404, {"ErrorCode": 1226, "Message": "no such stream"})
            case ("GET", ["message-streams", name, "suppressions", "dump"]):
                self.looked += name == "broadcast"
                return Reply(200, {"Suppressions": [self._row(*item) for item in self.visible(name).items()]})
            case ("POST", ["message-streams", name, "suppressions"]):
                return self._each(request, lambda address: self.keep(name, address), "Suppressed")
            case ("POST", ["message-streams", name, "suppressions", "delete"]):
                return self._each(request, lambda address: self.rows[name].pop(address, None), "Deleted")
        return None

    def _row(self, address: str, entry: Entry) -> dict[str, Any]:
        reason = entry.more.get("reason", "ManualSuppression")
        origin = "Customer" if entry.by_api and reason == "ManualSuppression" else "Recipient"
        return {"EmailAddress": address, "SuppressionReason": reason, "Origin": origin, "CreatedAt": "2026-01-01T00:00:00Z"}

    def _each(self, request: Request, carry_out: Any, said: str) -> Reply:
        addresses = [item["EmailAddress"] for item in request.json["Suppressions"]]
        if len(addresses) > 50:
            return Reply(422, {"ErrorCode": 1300, "Message": "at most 50"})
        told = []
        for address in addresses:
            failed = address in self.poison or (said == "Deleted" and address in self.compliance)
            if not failed:
                carry_out(address)
            told.append({"EmailAddress": address, "Status": "Failed" if failed else said, "Message": f"{address} was looked at"})
        return Reply(200, {"Suppressions": told})


VENDORS: tuple[type[Vendor], ...] = (SendGrid, Postmark)
