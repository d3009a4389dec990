"""A vendor that holds lists behind an interface, in each way of turning pages, and what of them came to a home."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from orchestration.core.home import Home
from orchestration.landing import read_manifest
from orchestration.landing.archives import landed_path
from tests.vendors.server import FastTimer, Reply, Request, Server

KEY = "swordfish-1234567-us7"
KEY_ID = "AKIAIOSFODNN7EXAMPLE"


class Shelf(Server):
    """Lists by path. How each is paged follows from the path, as the vendors' own descriptions say."""

    page = 3
    """Rows of a page, whatever was asked for: a vendor may always give fewer."""

    def __init__(self, lists: Mapping[str, list[dict[str, Any]]]) -> None:
        super().__init__()
        self.lists = {path: list(rows) for path, rows in lists.items()}

    def answer(self, request: Request) -> Reply:
        said = {value for name, value in request.headers.items() if name not in ("host", "user-agent")}
        if not any(KEY in value or value.startswith(("Basic ", f"AWS4-HMAC-SHA256 Credential={KEY_ID}/")) for value in said):
            return Reply(401, {"error": "who are you?"})
        if request.path == "/services/oauth2/token" and request.method == "POST":
            return Reply(200, {"access_token": f"{KEY}.token", "token_type": "Bearer"})
        what = next((f"?{name}={request.query[name]}" for name in ("metric", "dataTypeName") if name in request.query), "")
        rows = self.lists.get(request.path.partition("/01g")[0] + what)
        is_posted = request.path.endswith("/contacts/list") or request.path == "/v1/customers"
        if rows is None or request.method != ("POST" if is_posted else "GET"):
            return Reply(404, {"error": "not found"})
        return Reply(200, self.body(request, rows))

    def body(self, request: Request, rows: list[dict[str, Any]]) -> Any:
        query, path = request.query, request.path
        if path.startswith("/v3/suppression/"):
            return self._slice(rows, int(query["offset"]))
        if path.startswith("/v3/asm/"):
            return rows
        if path.startswith("/v2/email/"):
            first = int((request.json or query).get("NextToken", "at 0").removeprefix("at "))
            more = {"NextToken": f"at {first + self.page}"} if first + self.page < len(rows) else {}
            name = "Contacts" if path.endswith("/contacts/list") else "SuppressedDestinationSummaries"
            return {name: self._slice(rows, first), **more}
        if path.startswith("/services/data/"):
            assert "FROM Contact " in query.get("q", "FROM Contact ") and bool(query) != ("/01g" in path), request
            first = int(path.partition("/01g-")[2] or 0)
            more = {"nextRecordsUrl": f"/services/data/v61.0/query/01g-{first + self.page}"}
            done = first + self.page >= len(rows)
            return {"totalSize": len(rows), "done": done, "records": self._slice(rows, first), **({} if done else more)}
        if path.startswith("/email/"):
            assert query["start_date"] < query["end_date"] > "2026-03-21", "the vendor wants both, and today within them"
            found = [row for row in rows if (row.get("unsubscribed_at") or row["hard_bounced_at"])[:10] >= query["start_date"]]
            return {"emails": self._slice(found, int(query["offset"])), "message": "success"}
        if path.startswith("/message-streams/"):
            return {"Suppressions": rows}
        if path == "/v3/smtp/blockedContacts":
            return {"contacts": self._slice(rows, int(query["offset"])), "count": len(rows)}
        if path == "/v2/messaging_optouts":
            first = (int(query["page[number]"]) - 1) * self.page
            return {"data": self._slice(rows, first), "meta": {"total_results": len(rows)}}
        if path.startswith("/3.0/lists/"):
            found = [row for row in rows if row["last_changed"] >= query.get("since_last_changed", "")]
            return {"members": self._slice(found, int(query["offset"])), "total_items": len(found)}
        if path == "/api/profiles":
            assert query["additional-fields[profile]"] == "subscriptions" and query["page[size]"] == "100", request
            assert request.headers.get("revision"), "without it the vendor takes the oldest version that it still knows"
            first = int(query.get("page[cursor]", 0))
            same = "additional-fields%5Bprofile%5D=subscriptions&page%5Bsize%5D=100"
            more = f"{self.url}{path}?{same}&page%5Bcursor%5D={first + self.page}"
            return {
                "data": self._slice(rows, first),
                "links": {"self": path, "next": more if first + self.page < len(rows) else None},
            }
        if path == "/crm/v3/objects/contacts":
            assert "hs_email_optout" in query["properties"].split(",") and query["limit"] == "100", request
            first = int(query.get("after", 0))
            following = {
                "paging": {"next": {"after": str(first + self.page), "link": f"{self.url}{path}?after={first + self.page}"}}
            }
            return {"results": self._slice(rows, first), **(following if first + self.page < len(rows) else {})}
        if path.startswith("/v1/"):
            first = int(query.get("start", "at 0").removeprefix("at "))
            assert query["limit"] == "1000" and query.keys() <= {"limit", "start", "metric"}, request
            if path == "/v1/customers":
                assert request.json == {"filter": {"attribute": {"field": "unsubscribed", "operator": "eq", "value": "true"}}}
            name = {"/v1/customers": "identifiers", "/v1/messages": "messages", "/v1/optouts": "optouts"}[path]
            return {name: self._slice(rows, first), "next": f"at {first + self.page}" if first + self.page < len(rows) else ""}
        if path == "/api/export/data.json":
            found = [row for row in rows if query["startDateTime"] <= row["createdAt"][:19] < query["endDateTime"]]
            return b"".join(json.dumps(row).encode() + b"\n" for row in found)
        first = int(query.get("token", 0))
        following = f"{path}?token={first + self.page}"
        if path.endswith("/Messages.json"):
            found = [row for row in rows if row["date_sent"][:10] >= query.get("DateSent>", "")]
            kept = {name: value for name, value in query.items() if name == "DateSent>"}
            more = "".join(f"&DateSent%3E={value}" for value in kept.values())
            has_more = first + self.page < len(found)
            return {"messages": self._slice(found, first), "next_page_uri": following + more if has_more else None}
        if path == "/api/v1/suppression-list":
            links = [{"href": following, "rel": "next"}] if first + self.page < len(rows) else []
            return {"results": self._slice(rows, first), "links": [{"href": path, "rel": "first"}, *links]}
        return {"items": self._slice(rows, first), "paging": {"next": self.url + following, "previous": self.url + path}}

    def _slice(self, rows: list[dict[str, Any]], first: int) -> list[dict[str, Any]]:
        return rows[first : first + self.page]


def settings(format_name: str, server: Server, **more: Any) -> dict[str, Any]:
    """A source of the format that is pulled from the server."""
    needs = {
        "postmark": {"stream": "broadcast"},
        "mailgun": {"domain": "mg.example.com"},
        "twilio": {"account_sid": "AC0123456789abcdef0123456789abcdef"},
        "mailchimp": {"list": "a1b2c3d4e5"},
        "amazon_ses": {"access_key_id": KEY_ID, "region": "eu-west-1", "contact_list": "newsletter"},
        "braze": {"rest_host": "rest.iad-01.braze.com"},
        "salesforce": {"my_domain": "acme.my.salesforce.com", "client_id": "3MVG9example", "object": "Contact"},
    }.get(format_name, {})
    return {"format": format_name, "pull": {"api_key_env": "SHELF_KEY", "base_url": server.url, **needs, **more}}


def contents(home: Home, source: str) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of every file of the source: those in the inbox, and those that were taken from it."""
    for path in sorted((home.inbox / source).rglob("*")):
        if path.is_file() and not path.name.startswith("."):
            yield path.name, path.read_bytes()
    for entry in read_manifest(home):
        if entry.source == source:
            yield entry.name, landed_path(home, entry.sha256).read_bytes()


def records(home: Home, source: str) -> Counter[str]:
    """Every record that came, as canonical JSON, and how often."""
    found: Counter[str] = Counter()
    for _, content in contents(home, source):
        for line in content.splitlines():
            page = json.loads(line)
            rows = [page] if "createdAt" in page else page  # a record of an export is a line of its own
            rows = rows if isinstance(rows, list) else next(value for value in rows.values() if isinstance(value, list))
            found.update(json.dumps(row, sort_keys=True) for row in rows)
    return found


def keys(rows: list[dict[str, Any]]) -> set[str]:
    return {json.dumps(row, sort_keys=True) for row in rows}


__all__ = ["KEY", "KEY_ID", "FastTimer", "Shelf", "contents", "keys", "records", "settings"]
