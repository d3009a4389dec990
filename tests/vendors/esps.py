"""E-mail vendors. Each behaves as its documentation says; what is only from memory there is marked so in its system's facts."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import urlencode

from tests.vendors.server import Reply, Request
from tests.vendors.vendor import KEY, Entry, Vendor


class SendGrid(Vendor):
    tells = "age"
    system = "sendgrid"
    lists = {"*": "global", "acme/news": "123"}
    pages = True
    gone = "999"

    def __init__(self) -> None:
        super().__init__()
        self.groups = {"123"}

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
                found = list(self.visible("global").items())[first : first + min(limit, self.page)]
                return Reply(200, [{"created": int(entry.at.timestamp()), "email": address} for address, entry in found])
            case ("GET", ["v3", "asm", "groups"]):
                return Reply(200, [self._group(group) for group in sorted(self.groups)])
            case ("GET", ["v3", "asm", "groups", group]):
                known = group in self.groups
                return Reply(200, self._group(group)) if known else Reply(404, {"errors": [{"message": "group not found"}]})
            case ("GET", ["v3", "asm", "suppressions"]):
                found = [(group, *item) for group in sorted(self.groups) for item in self.visible(group).items()]
                return Reply(200, [self._row(*row) for row in found])
            case ("DELETE", ["v3", "asm", "suppressions", "global", address]):
                self.rows["global"].pop(address, None)
                return Reply(204)
            case ("DELETE", ["v3", "asm", "groups", group, "suppressions", address]):
                self.rows[group].pop(address, None)
                return Reply(204)
        return None

    def _group(self, group: str) -> dict[str, Any]:
        return {"id": int(group), "name": "News", "description": "What is new", "is_default": False, "unsubscribes": 0}

    def _row(self, group: str, address: str, entry: Entry) -> dict[str, Any]:
        return {"email": address, "group_id": int(group), "group_name": "News", "created_at": int(entry.at.timestamp())}

    def _add(self, name: str, request: Request) -> Reply:
        addresses = request.json["recipient_emails"]
        if self.poison & set(addresses):
            return Reply(400, {"errors": [{"field": "recipient_emails", "message": f"{addresses[0]} is not an address"}]})
        for address in addresses:
            self.keep(name, address)
        return Reply(201, {"recipient_emails": addresses})


class Postmark(Vendor):
    tells = "age"
    system = "postmark"
    keeps_some = True
    lists = {"*": "broadcast", "acme/news": "news"}
    gone = "gone"

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
        return {"EmailAddress": address, "SuppressionReason": reason, "Origin": origin, "CreatedAt": entry.at.isoformat()}

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


class Mailgun(Vendor):
    tells = "age"
    system = "mailgun"
    lists = {"*": "mg.example.com", "acme/news": "news.example.com"}
    pages = True
    gone = "gone.example.com"

    def knows(self, request: Request) -> bool:
        return basic(request) == f"api:{KEY}"

    def is_read(self, request: Request) -> bool:
        return request.method == "GET" and request.path == "/v3/mg.example.com/unsubscribes"

    def route(self, request: Request) -> Reply | None:
        match (request.method, request.parts):
            case ("GET", ["v3", "domains"]):
                first = int(request.query["skip"])
                return Reply(200, {"items": [{"name": name} for name in sorted(self.rows)][first : first + 1]})
            case (_, ["v3", domain, "unsubscribes", *_]) if domain not in self.rows:
                return Reply(404, {"message": "Domain not found"})
            case ("POST", ["v3", domain, "unsubscribes"]):
                return self._add(domain, request.json)
            case ("GET", ["v3", domain, "unsubscribes"]):
                return self._page(domain, request)
            case ("DELETE", ["v3", domain, "unsubscribes", address]):
                if address not in self.rows[domain]:
                    return Reply(404, {"message": "Address not found in unsubscribers table"})
                entry = self.rows[domain][address]
                entry.more["tags"] = [tag for tag in entry.more.get("tags", ["*"]) if tag != request.query.get("tag", tag)]
                if not entry.more["tags"]:
                    del self.rows[domain][address]
                return Reply(200, {"message": "Unsubscribe event has been removed", "address": address})
            case ("DELETE", ["v3", domain, "unsubscribes"]):
                self.rows[domain].clear()
                return Reply(200, {"message": "Unsubscribe addresses for this domain have been removed"})
        return None

    def _add(self, domain: str, listed: Any) -> Reply:
        if len(listed) >= 1000:
            return Reply(400, {"message": "Batch size should be less than 1000"})
        if self.poison & {item["address"] for item in listed}:
            return Reply(400, {"message": f"{listed[0]['address']} is not a valid address"})
        for item in listed:
            self.keep(domain, item["address"])
            if item["address"] in self.rows[domain]:
                entry = self.rows[domain][item["address"]]
                entry.more["tags"] = sorted(item["tags"])  # replaced, which is the worse of what it may do
        return Reply(200, {"message": f"{len(listed)} addresses have been added to the unsubscribes table"})

    def _page(self, domain: str, request: Request) -> Reply:
        limit, after = min(int(request.query.get("limit", 100)), self.page), request.query.get("address", "")
        self.looked += not after and domain == "mg.example.com"
        found = {address: entry for address, entry in self.visible(domain).items() if address > after}
        items = [
            {"address": address, "tags": entry.more.get("tags", ["*"]), "created_at": f"{entry.at:%a, %d %b %Y %H:%M:%S} UTC"}
            for address, entry in list(found.items())[:limit]
        ]
        last = items[-1]["address"] if items else after
        link = f"http://{request.headers['host']}{request.path}?{urlencode({'page': 'next', 'address': last, 'limit': limit})}"
        return Reply(200, {"items": items, "paging": {"first": link, "next": link, "previous": link, "last": link}})


class SparkPost(Vendor):
    tells = "mark"
    system = "sparkpost"
    keeps_some = True
    lists = {"*": "non_transactional", "acme/news": "transactional"}
    pages = True
    times_read = 2  # both lists are in one

    def knows(self, request: Request) -> bool:
        return request.headers.get("authorization") == KEY

    def is_put(self, request: Request) -> bool:
        return request.method == "PUT"

    def route(self, request: Request) -> Reply | None:
        match (request.method, request.parts):
            case ("PUT", ["api", "v1", "suppression-list"]):
                listed = request.json["recipients"]
                if len(listed) > 10_000 or self.poison & {item["recipient"] for item in listed}:
                    return Reply(400, {"errors": [{"message": f"Failed to upsert {listed[0]['recipient']}", "code": "1902"}]})
                for item in listed:
                    self.keep(item["type"], item["recipient"], description=item["description"])
                return Reply(200, {"results": {"message": "Suppression List successfully updated"}})
            case ("GET", ["api", "v1", "suppression-list"]):
                return self._page(request)
            case ("DELETE", ["api", "v1", "suppression-list", address]):
                kind = request.json["type"]
                if address in self.compliance:
                    return Reply(403, {"errors": [{"message": "Recipient could not be removed"}]})
                found = self.rows[kind].pop(address, None)
                return Reply(204) if found else Reply(404, {"errors": [{"message": "Recipient could not be found"}]})
        return None

    def _page(self, request: Request) -> Reply:
        cursor, size = request.query["cursor"], min(int(request.query["per_page"]), self.page)
        first = 0 if cursor == "initial" else int(cursor)
        self.looked += first == 0
        found = [(address, kind, entry) for kind in sorted(self.rows) for address, entry in self.visible(kind).items()]
        more = first + size < len(found)
        href = f"/api/v1/suppression-list?cursor={first + size}&per_page={size}"
        return Reply(
            200,
            {
                "results": [self._row(*row) for row in found[first : first + size]],
                "links": [{"href": href, "rel": "next"}] if more else [],
                "total_count": len(found),
            },
        )

    def _row(self, address: str, kind: str, entry: Entry) -> dict[str, Any]:
        source = entry.more.get("source", "Manually Added" if entry.by_api else "List Unsubscribe")
        return {
            "recipient": address,
            "type": kind,
            "source": source,
            "description": entry.more.get("description", "by hand"),
            "created": entry.at.isoformat(),
            "updated": entry.at.isoformat(),
        }


class Brevo(Vendor):
    system = "brevo"
    lists = {"*": "account"}
    extra = {"lifts": True}
    pages = True

    def __init__(self) -> None:
        super().__init__()
        self.contacts = {"reader@example.com"}
        """Contacts without the mark."""

    def knows(self, request: Request) -> bool:
        return request.headers.get("api-key") == KEY

    def route(self, request: Request) -> Reply | None:
        match (request.method, request.parts):
            case ("POST", ["v3", "contacts"]):
                address, known = request.json["email"], request.json["email"] in {*self.contacts, *self.rows["account"]}
                if address in self.poison:
                    return Reply(400, {"code": "invalid_parameter", "message": f"{address} is not valid"})
                if known and not request.json.get("updateEnabled"):
                    return Reply(400, {"code": "duplicate_parameter", "message": "Contact already exist"})
                if request.json["emailBlacklisted"]:
                    self.keep("account", address)
                return Reply(204) if known else Reply(201, {"id": 7})
            case ("GET", ["v3", "contacts"]):
                first, limit = int(request.query["offset"]), int(request.query["limit"])
                if limit > 1000:
                    return Reply(400, {"code": "out_of_range", "message": "Limit exceeds max value"})
                self.looked += first == 0
                marked = self.visible("account")
                found = sorted({*marked, *self.contacts})[first : first + self.page]
                listed = [{"email": address, "emailBlacklisted": address in marked, "id": 7} for address in found]
                return Reply(200, {"contacts": listed, "count": len(self.contacts | set(marked))})
            case ("PUT", ["v3", "contacts", address]):
                if self.rows["account"].pop(address, None) is None and address not in self.contacts:
                    return Reply(404, {"code": "document_not_found", "message": "Contact does not exist"})
                self.contacts.add(address)
                return Reply(204)
        return None


class Mailchimp(Vendor):
    system = "mailchimp"
    lists = {"*": "aaaa111111", "acme/news": "bbbb222222"}
    pages = True
    releases = False
    gone = "cccc333333"

    def knows(self, request: Request) -> bool:
        return basic(request).endswith(f":{KEY}")

    def is_read(self, request: Request) -> bool:
        return request.path == "/3.0/lists/aaaa111111/members"

    def route(self, request: Request) -> Reply | None:
        match (request.method, request.parts):
            case ("GET", ["3.0", "lists"]):
                first = int(request.query["offset"])
                return Reply(200, {"lists": [{"id": name} for name in sorted(self.rows)][first:], "total_items": len(self.rows)})
            case (_, ["3.0", "lists", name, *_]) if name not in self.rows:
                return Reply(404, {"title": "Resource Not Found", "status": 404})
            case ("GET", ["3.0", "lists", name]):
                return Reply(200, {"id": name})
            case ("GET", ["3.0", "lists", name, "members"]):
                first, count = int(request.query["offset"]), min(int(request.query["count"]), self.page)
                self.looked += first == 0 and name == "aaaa111111"
                found = list(self.visible(name)) if request.query.get("status") == "unsubscribed" else []
                members = [{"email_address": one, "last_changed": "2026-01-01T00:00:00+00:00"} for one in found]
                return Reply(200, {"members": members[first : first + count], "total_items": len(found)})
            case ("POST", ["3.0", "lists", name]):
                return self._add(name, request)
        return None

    def _add(self, name: str, request: Request) -> Reply:
        members, errors = request.json["members"], []
        if len(members) > 500:
            return Reply(400, {"title": "Invalid Resource", "status": 400})
        assert request.json["update_existing"] and {member["status"] for member in members} == {"unsubscribed"}
        for member in members:
            address = member["email_address"]
            if address in self.poison:
                errors.append({"email_address": address, "error": f"{address} looks fake", "error_code": "ERROR_GENERIC"})
            else:
                self.keep(name, address)
        return Reply(200, {"new_members": [], "updated_members": [], "errors": errors, "error_count": len(errors)})


def basic(request: Request) -> str:
    """User and password of a request."""
    return base64.b64decode(request.headers.get("authorization", "").removeprefix("Basic ")).decode()


EMAIL_VENDORS: tuple[type[Vendor], ...] = (SendGrid, Postmark, Mailgun, SparkPost, Brevo, Mailchimp)
