"""Marketing platforms, a CRM and Amazon's mail service. As in ``esps``: what is only from memory is marked so in the facts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from tests.vendors.esps import basic
from tests.vendors.server import Reply, Request
from tests.vendors.vendor import KEY, Entry, Vendor


class Jobs:
    """Jobs that a vendor took, carried out at once, or when a test lets them."""

    def __init__(self) -> None:
        self.waits = False
        """Whether jobs stay in the queue."""
        self.known: dict[str, dict[str, Any]] = {}
        self._work: dict[str, Callable[[], int]] = {}

    def take(self, rows: int, work: Callable[[], int]) -> str:
        """A new job's id. ``work`` carries it out and returns the rows that it skipped."""
        name = f"job-{len(self.known) + 1}"
        self.known[name] = {"status": "queued", "total_count": rows, "completed_count": 0, "skipped_count": 0}
        self._work[name] = work
        if not self.waits:
            self.work_off()
        return name

    def work_off(self) -> None:
        """Carry out all that waits."""
        for name, work in self._work.items():
            skipped = work()
            done = self.known[name]["total_count"] - skipped
            self.known[name] |= {"status": "complete", "completed_count": done, "skipped_count": skipped}
        self._work.clear()

    def cancel(self) -> None:
        """Drop all that waits, undone."""
        for name in self._work:
            self.known[name]["status"] = "cancelled"
        self._work.clear()


class Klaviyo(Vendor):
    tells = "age"
    system = "klaviyo"
    lists = {"*": "account"}
    pages = True
    keeps_some = True

    def __init__(self) -> None:
        super().__init__()
        self.jobs = Jobs()
        self.consents = {"reader@example.com": "SUBSCRIBED"}
        """Profiles that are not suppressed."""

    def knows(self, request: Request) -> bool:
        return request.headers.get("authorization") == f"Klaviyo-API-Key {KEY}"

    def is_put(self, request: Request) -> bool:
        return request.method == "POST" and request.path.endswith("create-jobs")

    def is_read(self, request: Request) -> bool:
        return request.path == "/api/profiles"

    def route(self, request: Request) -> Reply | None:
        if request.headers.get("revision") != "2026-07-15":
            return self._error(400, "invalid", "a revision header is required")
        match (request.method, request.parts):
            case ("POST", ["api", "profile-suppression-bulk-create-jobs"]):
                return self._take(request, "profile-suppression-bulk-create-job", self._suppress)
            case ("POST", ["api", "profile-suppression-bulk-delete-jobs"]):
                return self._take(request, "profile-suppression-bulk-delete-job", self._lift)
            case ("GET", ["api", "profile-suppression-bulk-create-jobs" | "profile-suppression-bulk-delete-jobs", name]):
                if name not in self.jobs.known:
                    return self._error(404, "not_found", "A job with that id does not exist")
                return Reply(200, {"data": {"type": "job", "id": name, "attributes": self.jobs.known[name]}})
            case ("GET", ["api", "profiles"]):
                return self._page(request)
        return None

    def _take(self, request: Request, kind: str, work: Callable[[list[str]], int]) -> Reply:
        data = request.json["data"]
        assert data["type"] == kind and "relationships" not in data, "a list in it suppresses all its members"
        assert request.headers["content-type"] == "application/vnd.api+json"
        addresses = [profile["attributes"]["email"] for profile in data["attributes"]["profiles"]["data"]]
        if not 1 <= len(addresses) <= 100 or self.poison & set(addresses):
            return self._error(400, "invalid", f"{addresses[0]} is not a valid address")
        name = self.jobs.take(len(addresses), lambda: work(addresses))
        return Reply(202, {"data": {"type": kind, "id": name, "attributes": self.jobs.known[name]}})

    def _suppress(self, addresses: list[str]) -> int:
        for address in addresses:
            self.keep("account", address)
        return len(self.forgets & set(addresses))

    def _lift(self, addresses: list[str]) -> int:
        skipped = 0
        for address in addresses:
            entry = self.rows["account"].get(address)
            if entry is None or address in self.compliance or not entry.by_api:
                skipped += 1
            else:
                del self.rows["account"][address]
        return skipped

    def _page(self, request: Request) -> Reply:
        wanted = "greater-than(subscriptions.email.marketing.suppression.timestamp,1970-01-01T00:00:00Z)"
        if request.query["filter"] != wanted or request.query["additional-fields[profile]"] != "subscriptions":
            return self._error(400, "invalid", "filter")
        size, first = min(int(request.query["page[size]"]), self.page), int(request.query.get("page[cursor]", "0"))
        self.looked += first == 0
        found = list(self.visible("account").items())
        more = first + size < len(found)
        query = urlencode({**request.query, "page[cursor]": first + size})
        following = f"http://{request.headers['host']}/api/profiles?{query}" if more else None
        rows = [self._row(*item) for item in found[first : first + size]]
        return Reply(200, {"data": rows, "links": {"self": "", "next": following, "prev": None}})

    def _row(self, address: str, entry: Entry) -> dict[str, Any]:
        reasons = entry.more.get("reasons", ["USER_SUPPRESSED" if entry.by_api else "UNSUBSCRIBE"])
        told = [{"reason": reason, "timestamp": entry.at.isoformat()} for reason in reasons]
        marketing = {"can_receive_email_marketing": False, "suppression": told, "list_suppressions": []}
        return {
            "type": "profile",
            "id": "01",
            "attributes": {"email": address, "subscriptions": {"email": {"marketing": marketing}}},
        }

    def _error(self, status: int, code: str, detail: str) -> Reply:
        return Reply(
            status, {"errors": [{"id": "1", "status": status, "code": code, "title": "Invalid input.", "detail": detail}]}
        )


class HubSpot(Vendor):
    system = "hubspot"
    lists = {"*": "all", "acme/news": "123"}
    releases = False
    lists_all = False
    gone = "999"

    def is_put(self, request: Request) -> bool:
        return request.path.endswith(("/write", "/unsubscribe-all"))

    def is_read(self, request: Request) -> bool:
        return request.path.endswith("/unsubscribe-all/read")

    def route(self, request: Request) -> Reply | None:
        match (request.method, request.parts[:2], request.parts[2:]):
            case ("GET", ["communication-preferences", "v4"], ["definitions"]):
                types = [{"id": name, "name": "News", "isActive": True} for name in sorted(self.rows) if name != "all"]
                return Reply(200, {"status": "COMPLETE", "results": types})
            case ("POST", ["communication-preferences", "v4"], ["statuses", "batch", *what]):
                return self._batch(what, request)
        return None

    def _batch(self, what: list[str], request: Request) -> Reply | None:
        inputs = request.json["inputs"]
        if not 1 <= len(inputs) <= 100:
            return Reply(400, {"status": "error", "category": "VALIDATION_ERROR", "message": "at most 100 inputs"})
        match what:
            case ["unsubscribe-all"]:
                assert request.query == {"channel": "EMAIL", "verbose": "true"}
                return self._each(inputs, lambda one: self._set("all", one))
            case ["write"]:
                return self._each(inputs, self._write)
            case ["unsubscribe-all", "read"]:
                self.looked += 1
                return self._each(inputs, lambda one: {"subscriberIdString": one, "wideStatuses": self._wide(one)})
            case ["read"]:
                return self._each(inputs, lambda one: {"subscriberIdString": one, "statuses": self._statuses(one)})
        return None

    def _each(self, inputs: list[Any], carry_out: Callable[[Any], dict[str, Any]]) -> Reply:
        """200, or 207 when some of them failed: those are named in words alone."""
        results, errors = [], []
        for one in inputs:
            address = one if isinstance(one, str) else one["subscriberIdString"]
            if address in self.poison:
                errors.append({"status": "error", "category": "VALIDATION_ERROR", "message": f"{address} is not valid"})
            else:
                results.append(carry_out(one))
        told = {"status": "COMPLETE", "results": results}
        return Reply(207, {**told, "numErrors": len(errors), "errors": errors}) if errors else Reply(200, told)

    def _write(self, one: dict[str, Any]) -> dict[str, Any]:
        assert (one["channel"], one["statusState"]) == ("EMAIL", "UNSUBSCRIBED"), "nobody is subscribed"
        return self._set(str(one["subscriptionId"]), one["subscriberIdString"])

    def _set(self, name: str, address: str) -> dict[str, Any]:
        reason = "NO_STATUS_CHANGE" if address in self.rows[name] else "REQUESTED_CHANGE_OCCURRED"
        self.keep(name, address)
        return {"subscriberIdString": address, "statuses": [{"status": "UNSUBSCRIBED", "setStatusSuccessReason": reason}]}

    def _wide(self, address: str) -> list[dict[str, Any]]:
        if address not in self.visible("all"):
            return []
        return [{"status": "UNSUBSCRIBED", "wideStatusType": "PORTAL_WIDE", "timestamp": "2026-01-01T00:00:00Z"}]

    def _statuses(self, address: str) -> list[dict[str, Any]]:
        out = address in self.visible("123")
        return [{"subscriptionId": 123, "status": "UNSUBSCRIBED" if out else "NOT_SPECIFIED"}]


class Ses(Vendor):
    tells = "age"
    system = "ses"
    lists = {"*": "account"}
    pages = True
    extra = {"region": "eu-west-1", "access_key_id_env": "TEST_VENDOR_KEY", "calls_per_second": 1000.0}

    def __init__(self) -> None:
        super().__init__()
        self.heeds = ["BOUNCE", "COMPLAINT"]

    def knows(self, request: Request) -> bool:
        """Every signature is made again with Amazon's own library, which is there for the tests alone."""
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials

        query = f"?{urlencode(request.query)}" if request.query else ""
        again = AWSRequest(request.method, f"{self.url}{request.path}{query}", data=request.body)
        again.context["timestamp"] = request.headers.get("x-amz-date", "")
        for name in ("x-amz-content-sha256", "x-amz-date"):
            again.headers[name] = request.headers.get(name, "")
        signer = SigV4Auth(Credentials(KEY, KEY), "ses", "eu-west-1")
        text = signer.string_to_sign(again, signer.canonical_request(again))
        right = f"Credential={signer.scope(again)}, SignedHeaders=host;x-amz-content-sha256;x-amz-date, "
        return request.headers.get("authorization") == f"AWS4-HMAC-SHA256 {right}Signature={signer.signature(text, again)}"

    def answer(self, request: Request) -> Reply:
        if not self.knows(request):
            return Reply(403, {"message": "The request signature we calculated does not match the signature you provided."})
        return super().answer(request)

    def is_put(self, request: Request) -> bool:
        return request.method == "PUT"

    def is_read(self, request: Request) -> bool:
        return request.method == "GET" and request.path.endswith("/addresses")

    def route(self, request: Request) -> Reply | None:
        match (request.method, request.parts):
            case ("GET", ["v2", "email", "account"]):
                return Reply(200, {"SendingEnabled": True, "SuppressionAttributes": {"SuppressedReasons": self.heeds}})
            case ("PUT", ["v2", "email", "suppression", "addresses"]):
                address = request.json["EmailAddress"]
                if address in self.poison or request.json["Reason"] not in ("BOUNCE", "COMPLAINT"):
                    return Reply(400, {"message": f"{address} is not valid"}, {"x-amzn-ErrorType": "BadRequestException"})
                self.keep("account", address, reason=request.json["Reason"])
                return Reply(200, {})
            case ("GET", ["v2", "email", "suppression", "addresses"]):
                size, first = min(int(request.query["PageSize"]), self.page), int(request.query.get("NextToken", "0/==")[:-3])
                self.looked += first == 0
                found = list(self.visible("account").items())
                more = {"NextToken": f"{first + size}/=="} if first + size < len(found) else {}
                return Reply(
                    200, {"SuppressedDestinationSummaries": [self._row(*item) for item in found[first : first + size]], **more}
                )
            case ("DELETE", ["v2", "email", "suppression", "addresses", address]):
                if self.rows["account"].pop(address, None) is None:
                    return Reply(404, {"message": "not there"}, {"x-amzn-ErrorType": "NotFoundException"})
                return Reply(200, {})
        return None

    def _row(self, address: str, entry: Entry) -> dict[str, Any]:
        reason = entry.more.get("reason", "COMPLAINT")
        return {"EmailAddress": address, "Reason": reason, "LastUpdateTime": entry.at.timestamp()}


class SesContacts(Ses):
    tells = ""
    system = "ses_contacts"
    lists = {"*": "everybody", "acme/news": "news"}
    looks_first = True
    releases = False
    gone = "gone"

    def __init__(self) -> None:
        super().__init__()
        self.contacts: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in self.rows}
        """List -> address -> what else is kept of a contact, unsubscribed or not."""

    def is_put(self, request: Request) -> bool:
        return request.method in ("PUT", "POST") and not request.path.endswith("/contacts/list")

    def is_read(self, request: Request) -> bool:
        return request.path == "/v2/email/contact-lists/everybody/contacts/list"

    def route(self, request: Request) -> Reply | None:
        match (request.method, request.parts):
            case ("GET", ["v2", "email", "contact-lists"]):
                return Reply(200, {"ContactLists": [{"ContactListName": name} for name in sorted(self.rows)]})
            case (_, ["v2", "email", "contact-lists", name, *_]) if name not in self.rows:
                return Reply(404, {"message": "no such list"}, {"x-amzn-ErrorType": "NotFoundException"})
            case ("GET", ["v2", "email", "contact-lists", name]):
                return Reply(200, {"ContactListName": name, "Topics": []})
            case ("GET", ["v2", "email", "contact-lists", name, "contacts", address]):
                if address in self.poison:
                    return Reply(400, {"message": f"{address} is not valid"}, {"x-amzn-ErrorType": "BadRequestException"})
                if address not in self.contacts[name] and address not in self.rows[name]:
                    return Reply(404, {"message": f"no {address}"}, {"x-amzn-ErrorType": "NotFoundException"})
                return Reply(200, self._contact(name, address))
            case ("POST", ["v2", "email", "contact-lists", name, "contacts"]):
                assert request.json["UnsubscribeAll"] is True
                self._left(name, request.json["EmailAddress"], {})
                return Reply(200, {})
            case ("PUT", ["v2", "email", "contact-lists", name, "contacts", address]):
                assert request.json["UnsubscribeAll"] is True
                self._left(name, address, {key: request.json[key] for key in request.json if key != "UnsubscribeAll"})
                return Reply(200, {})
            case ("POST", ["v2", "email", "contact-lists", name, "contacts", "list"]):
                first = int(request.json.get("NextToken", "0/==")[:-3])
                self.looked += first == 0 and name == "everybody"
                found = sorted({*self.visible(name), *self.contacts[name]})
                more = {"NextToken": f"{first + self.page}/=="} if first + self.page < len(found) else {}
                return Reply(200, {"Contacts": [self._contact(name, one) for one in found[first : first + self.page]], **more})
        return None

    def _left(self, name: str, address: str, kept: dict[str, Any]) -> None:
        """What is not said again is gone, as the service has it."""
        self.contacts[name][address] = kept
        self.keep(name, address)

    def _contact(self, name: str, address: str) -> dict[str, Any]:
        told = {"EmailAddress": address, "UnsubscribeAll": address in self.visible(name), "LastUpdatedTimestamp": 1767225600.0}
        return {**told, **self.contacts[name].get(address, {})}


class Braze(Vendor):
    system = "braze"
    lists = {"*": "workspace"}
    pages = True
    releases = False

    def route(self, request: Request) -> Reply | None:
        match (request.method, request.parts):
            case ("POST", ["email", "status"]):
                addresses = request.json["email"]
                assert request.json["subscription_state"] == "unsubscribed"
                if len(addresses) > 50 or self.poison & set(addresses):
                    return Reply(400, {"message": f"'{addresses[0]}' is not a valid address"})
                for address in addresses:
                    self.keep("workspace", address)
                return Reply(201, {"message": "success"})
            case ("GET", ["email", "unsubscribes"]):
                return self._page(request)
        return None

    def _page(self, request: Request) -> Reply:
        first, limit = int(request.query["offset"]), int(request.query["limit"])
        start, end = request.query.get("start_date", ""), request.query.get("end_date", "")
        if limit > 500 or not start or not end:
            return Reply(400, {"message": "end_date and one of email and start_date are required"})
        self.looked += first == 0
        # The days go from one midnight to another, so that what came on the last day is not among them.
        rows = [item for item in self.visible("workspace").items() if start <= f"{item[1].at:%Y-%m-%d}" < end]
        found = sorted(rows, key=lambda item: (item[1].at, item[0]))[first : first + min(limit, self.page)]
        listed = [{"email": address, "unsubscribed_at": f"{entry.at:%Y-%m-%d %H:%M:%S} +0000"} for address, entry in found]
        return Reply(200, {"emails": listed, "message": "success"})


class BrazeSms(Vendor):
    system = "braze_sms"
    lists = {"*": "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0", "acme/news": "1f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"}
    channel = "sms"
    releases = False
    lists_all = False

    def route(self, request: Request) -> Reply | None:
        match (request.method, request.parts):
            case ("POST", ["v2", "subscription", "status", "set"]):
                (group,) = request.json["subscription_groups"]
                assert group["subscription_state"] == "unsubscribed"
                if len(group["phones"]) > 50 or self.poison & set(group["phones"]):
                    return Reply(400, {"message": f"'{group['phones'][0]}' is not a valid number"})
                for number in group["phones"]:
                    self.keep(group["subscription_group_id"], number)
                return Reply(201, {"message": "success"})
            case ("GET", ["subscription", "status", "get"]):
                name, number = request.query["subscription_group_id"], request.query["phone"]
                self.looked += 1
                status = "Unsubscribed" if number in self.visible(name) else "Unknown"
                return Reply(200, {"status": {number: status}, "message": "success"})
        return None


class CustomerIo(Vendor):
    system = "customer_io"
    lists = {"*": "workspace"}
    pages = True
    releases = False
    extra = {"site_id": "0123456789abcdef0123", "app_key_env": "TEST_VENDOR_KEY"}

    def __init__(self) -> None:
        super().__init__()
        self.people = {"reader@example.com"}
        """People without the mark."""

    def toml(self, name: str, **changes: Any) -> str:
        return super().toml(name, **{"app_url": self.url, **changes})

    def knows(self, request: Request) -> bool:
        if request.path.startswith("/api/v2/"):
            return basic(request) == f"{self.extra['site_id']}:{KEY}"
        return request.headers.get("authorization") == f"Bearer {KEY}"

    def is_put(self, request: Request) -> bool:
        return request.path == "/api/v2/batch"

    def is_read(self, request: Request) -> bool:
        return request.path == "/v1/customers"

    def route(self, request: Request) -> Reply | None:
        match (request.method, request.parts):
            case ("POST", ["api", "v2", "batch"]):
                return self._batch(request)
            case ("POST", ["v1", "customers"]):
                wanted = {"attribute": {"field": "unsubscribed", "operator": "eq", "value": "true"}}
                if request.json != {"filter": wanted} or int(request.query["limit"]) > 1000:
                    return Reply(400, {"errors": [{"detail": "filter", "status": "400"}]})
                first = int(request.query.get("start", "0"))
                self.looked += first == 0
                found = list(self.visible("workspace"))
                rows = [{"email": address, "id": "1", "cio_id": "a1"} for address in found[first : first + self.page]]
                following = str(first + self.page) if first + self.page < len(found) else ""
                return Reply(200, {"identifiers": rows, "ids": [], "next": following})
        return None

    def _batch(self, request: Request) -> Reply:
        if len(request.body) > 500_000:
            return Reply(400, {"errors": [{"reason": "invalid", "message": "the batch is too large"}]})
        errors = []
        for place, item in enumerate(request.json["batch"]):
            assert (item["type"], item["action"]) == ("person", "identify") and item["attributes"] == {"unsubscribed": True}
            address = item["identifiers"]["email"]
            if address in self.poison:
                said = {"field": "identifiers.email", "message": f"{address} is not valid"}
                errors.append({"batch_index": place, "reason": "invalid", **said})
            else:
                self.keep("workspace", address)
        return Reply(207, {"errors": errors}) if errors else Reply(200, {})


class Iterable(Vendor):
    system = "iterable"
    lists = {"*": "channel:101", "acme/news": "channel:102"}
    releases = False
    lists_all = False
    gone = "channel:999"
    asked_per_put = 2  # the first is answered that nobody is called so

    def __init__(self) -> None:
        super().__init__()
        self.users = {"reader@example.com"}

    def knows(self, request: Request) -> bool:
        return request.headers.get("api-key") == KEY

    def is_put(self, request: Request) -> bool:
        return request.method == "DELETE"

    def is_read(self, request: Request) -> bool:
        return request.method == "GET" and request.path.startswith("/api/users/")

    def route(self, request: Request) -> Reply | None:
        match (request.method, request.parts):
            case ("GET", ["api", "channels"]):
                names = [{"id": int(name[8:]), "messageMedium": "Email", "channelType": "Marketing"} for name in self.rows]
                receipts = {"id": 1, "messageMedium": "Email", "channelType": "Transactional"}
                return Reply(200, {"channels": [receipts, *names]})
            case ("DELETE", ["api", "subscriptions", "messageChannel", number, "user", address]):
                if address in self.poison:
                    return Reply(400, {"code": "InvalidEmailAddressError", "msg": f"{address} is not valid"})
                if address not in self.users:
                    return Reply(404, {"code": "NotFound", "msg": f"{address} is nobody here"})
                self.keep(f"channel:{number}", address)
                return Reply(200, {"code": "Success", "msg": "User unsubscribed"})
            case ("POST", ["api", "users", "update"]):
                assert set(request.json) == {"email"}
                self.users.add(request.json["email"])
                return Reply(200, {"code": "Success", "msg": ""})
            case ("GET", ["api", "users", address]):
                self.looked += 1
                if address not in self.users:
                    return Reply(404, {"code": "NotFound", "msg": f"{address} is nobody here"})
                left = [int(name[8:]) for name in self.rows if address in self.visible(name)]
                return Reply(200, {"user": {"email": address, "dataFields": {"unsubscribedChannelIds": left}}})
        return None


class ActiveCampaign(Vendor):
    system = "activecampaign"
    lists = {"*": "11", "acme/news": "12"}
    pages = True
    releases = False
    gone = "99"

    def __init__(self) -> None:
        super().__init__()
        self.jobs = Jobs()

    def knows(self, request: Request) -> bool:
        return request.headers.get("api-token") == KEY

    def is_read(self, request: Request) -> bool:
        return request.path == "/api/3/contacts" and request.query["listid"] == "11"

    def route(self, request: Request) -> Reply | None:
        match (request.method, request.parts):
            case ("GET", ["api", "3", "lists"]):
                first = int(request.query["offset"])
                return Reply(200, {"lists": [{"id": name, "name": "News"} for name in sorted(self.rows)][first : first + 1]})
            case ("GET", ["api", "3", "lists", name]):
                return Reply(200, {"list": {"id": name}}) if name in self.rows else Reply(404, {"message": "No Result found"})
            case ("POST", ["api", "3", "import", "bulk_import"]):
                return self._take(request)
            case ("GET", ["api", "3", "import", "info"]):
                told = self.jobs.known.get(request.query["batchId"])
                if told is None:
                    return Reply(404, {"message": "No Result found"})
                status = {"queued": False, "complete": "completed", "cancelled": "failed"}[told["status"]]
                return Reply(
                    200, {"status": status, "success": ["1"], "failure": ["someone@example.com"] * told["skipped_count"]}
                )
            case ("GET", ["api", "3", "contacts"]):
                return self._page(request)
        return None

    def _take(self, request: Request) -> Reply:
        contacts = request.json["contacts"]
        if not 1 <= len(contacts) <= 250 or request.json["exclude_automations"] is not True:
            return Reply(400, {"success": 0, "message": "at most 250 contacts"})
        assert all(set(contact) == {"email", "unsubscribe"} for contact in contacts), "nobody is subscribed"
        if self.poison & {contact["email"] for contact in contacts}:
            return Reply(400, {"success": 0, "message": f"{contacts[0]['email']} is not valid"})
        name = self.jobs.take(len(contacts), lambda: self._import(contacts))
        return Reply(200, {"success": 1, "queued_contacts": len(contacts), "batchId": name, "message": "queued"})

    def _import(self, contacts: list[dict[str, Any]]) -> int:
        for contact in contacts:
            for left in contact["unsubscribe"]:
                self.keep(str(left["listid"]), contact["email"])
        return len(self.forgets & {contact["email"] for contact in contacts})

    def _page(self, request: Request) -> Reply:
        name, first = request.query["listid"], int(request.query["offset"])
        if request.query["status"] != "2" or int(request.query["limit"]) > 100:
            return Reply(422, {"errors": [{"title": "limit"}]})
        self.looked += first == 0 and name == "11"
        found = list(self.visible(name))
        return Reply(200, {"contacts": [{"id": "1", "email": one} for one in found[first : first + self.page]], "meta": {}})


class CampaignMonitor(Vendor):
    system = "campaign_monitor"
    lists = {"*": "a" * 32, "acme/news": "b" * 32}
    pages = True
    releases = False
    gone = "c" * 32

    def knows(self, request: Request) -> bool:
        return basic(request).startswith(f"{KEY}:")

    def is_read(self, request: Request) -> bool:
        return request.path == f"/api/v3.3/clients/{'a' * 32}/suppressionlist.json"

    def route(self, request: Request) -> Reply | None:
        match (request.method, request.parts):
            case ("GET", ["api", "v3.3", "clients.json"]):
                return Reply(200, [{"ClientID": name, "Name": "Acme"} for name in sorted(self.rows)])
            case (_, ["api", "v3.3", "clients", name, *_]) if name.removesuffix(".json") not in self.rows:
                return Reply(404, {"Code": 102, "Message": "Invalid ClientID"})
            case ("GET", ["api", "v3.3", "clients", _]):
                return Reply(200, {"BasicDetails": {"CompanyName": "Acme"}})
            case ("POST", ["api", "v3.3", "clients", name, "suppress.json"]):
                addresses = request.json["EmailAddresses"]
                if self.poison & set(addresses):
                    return Reply(400, {"Code": 1, "Message": f"{addresses[0]} is not a valid address"})
                for address in addresses:
                    self.keep(name, address)
                return Reply(200, None)
            case ("GET", ["api", "v3.3", "clients", name, "suppressionlist.json"]):
                return self._page(name, request)
        return None

    def _page(self, name: str, request: Request) -> Reply:
        number, size = int(request.query["page"]), min(int(request.query["pagesize"]), self.page)
        self.looked += number == 1 and name == "a" * 32
        found = list(self.visible(name).items())
        rows = [
            {
                "SuppressionReason": entry.more.get("reason", "Unsubscribed"),
                "EmailAddress": address,
                "Date": f"{entry.at:%Y-%m-%d %H:%M:%S}",
                "State": "Suppressed",
            }
            for address, entry in found[(number - 1) * size : number * size]
        ]
        pages = max(-(-len(found) // size), 1)
        return Reply(
            200,
            {"Results": rows, "ResultsOrderedBy": "email", "PageNumber": number, "PageSize": size, "NumberOfPages": pages},
        )


class ConstantContact(Vendor):
    system = "constant_contact"
    looks_first = True
    lists = {"*": "account"}
    pages = True
    releases = False
    extra = {"client_id": "an-application", "refresh_token_env": "TEST_VENDOR_KEY"}

    def __init__(self) -> None:
        super().__init__()
        self.contacts: dict[str, dict[str, Any]] = {}
        """Address -> what else is kept of a contact, unsubscribed or not."""

    def toml(self, name: str, **changes: Any) -> str:
        return super().toml(name, **{"token_url": f"{self.url}/oauth2/default/v1/token", **changes})

    def knows(self, request: Request) -> bool:
        if request.path.startswith("/oauth2/"):
            asked = {"grant_type": "refresh_token", "refresh_token": KEY}
            return basic(request) == f"an-application:{KEY}" and dict(request.form) == asked
        return request.headers.get("authorization") == "Bearer a-token"

    def is_put(self, request: Request) -> bool:
        return request.method in ("POST", "PUT") and request.path.startswith("/v3/")

    def is_read(self, request: Request) -> bool:
        return request.method == "GET" and "email" not in request.query

    def route(self, request: Request) -> Reply | None:
        match (request.method, request.parts):
            case ("POST", ["oauth2", "default", "v1", "token"]):
                return Reply(200, {"access_token": "a-token", "token_type": "Bearer", "expires_in": 86_400})
            case ("GET", ["v3", "contacts"]) if "email" in request.query:
                address = request.query["email"]
                known = address in self.contacts or address in self.rows["account"]
                return Reply(200, {"contacts": [self._contact(address)] if known else []})
            case ("GET", ["v3", "contacts"]):
                return self._page(request)
            case ("POST", ["v3", "contacts"]):
                told = request.json["email_address"]
                if told["address"] in self.contacts or told["address"] in self.rows["account"]:
                    return Reply(409, [{"error_key": "contacts.api.conflict", "error_message": "exists"}])
                return self._write(told["address"], request.json)
            case ("PUT", ["v3", "contacts", contact]):
                assert request.json["update_source"] == "Account"
                return self._write(contact.removeprefix("id-of-"), request.json)
        return None

    def _write(self, address: str, body: dict[str, Any]) -> Reply:
        """The contact is what it says and nothing else."""
        assert body["email_address"] == {"address": address, "permission_to_send": "unsubscribed"}
        if address in self.poison:
            return Reply(400, [{"error_key": "contacts.api.validation.error", "error_message": f"{address} is not valid"}])
        self.contacts[address] = {
            key: body[key] for key in body if key not in ("email_address", "update_source", "create_source")
        }
        self.keep("account", address)
        return Reply(200, self._contact(address))

    def _contact(self, address: str) -> dict[str, Any]:
        entry = self.visible("account").get(address)
        told = {"address": address, "permission_to_send": "unsubscribed" if entry else "implicit"}
        if entry:
            told |= {"opt_out_date": entry.at.isoformat(), "opt_out_source": "Account" if entry.by_api else "Contact"}
        return {"contact_id": f"id-of-{address}", "email_address": told, **self.contacts.get(address, {})}

    def _page(self, request: Request) -> Reply:
        first = int(request.query.get("cursor", "0"))
        self.looked += first == 0
        found = list(self.visible("account"))
        more = (
            {"_links": {"next": {"href": f"/v3/contacts?cursor={first + self.page}"}}} if first + self.page < len(found) else {}
        )
        return Reply(200, {"contacts": [self._contact(one) for one in found[first : first + self.page]], **more})


PLATFORMS: tuple[type[Vendor], ...] = (
    Klaviyo, HubSpot, Ses, SesContacts, Braze, BrazeSms, CustomerIo, Iterable, ActiveCampaign, CampaignMonitor, ConstantContact,
)  # fmt: skip
