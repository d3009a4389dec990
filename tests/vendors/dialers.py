"""Text messages and dialers. As in ``esps``: what is only from memory is marked so in the facts."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

from tests.vendors.esps import basic
from tests.vendors.server import Reply, Request
from tests.vendors.vendor import KEY, Vendor

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
FIVE9 = "http://service.admin.ws.five9.com/"


class AwsSms(Vendor):
    tells = "age"
    system = "aws_sms"
    channel = "sms"
    lists = {"*": "Default", "acme/news": "news"}
    pages = True
    keeps_some = True
    gone = "gone"
    extra = {"region": "eu-west-1", "access_key_id_env": "TEST_VENDOR_KEY", "calls_per_second": 1000.0}

    def knows(self, request: Request) -> bool:
        """Every signature is made again with Amazon's own library, over the header that says what is asked for too."""
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials

        again = AWSRequest(request.method, f"{self.url}{request.path}", data=request.body)
        again.context["timestamp"] = request.headers.get("x-amz-date", "")
        for name in ("x-amz-content-sha256", "x-amz-date", "x-amz-target"):
            again.headers[name] = request.headers.get(name, "")
        signer = SigV4Auth(Credentials(KEY, KEY), "sms-voice", "eu-west-1")
        text = signer.string_to_sign(again, signer.canonical_request(again))
        right = f"Credential={signer.scope(again)}, SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-target, "
        return request.headers.get("authorization") == f"AWS4-HMAC-SHA256 {right}Signature={signer.signature(text, again)}"

    def answer(self, request: Request) -> Reply:
        if not self.knows(request):
            return self._error("InvalidSignatureException")
        return super().answer(request)

    def _asks(self, request: Request) -> str:
        return request.headers.get("x-amz-target", "").removeprefix("PinpointSMSVoiceV2.")

    def is_put(self, request: Request) -> bool:
        return self._asks(request) == "PutOptedOutNumber"

    def is_read(self, request: Request) -> bool:
        return self._asks(request) == "DescribeOptedOutNumbers"

    def route(self, request: Request) -> Reply | None:
        assert request.headers["content-type"] == "application/x-amz-json-1.0" and request.path == "/"
        asked, name = request.json, request.json.get("OptOutListName", "")
        if self._asks(request) == "DescribeOptOutLists":
            return Reply(
                200, {"OptOutLists": [{"OptOutListName": known, "CreatedTimestamp": 1.7e9} for known in sorted(self.rows)]}
            )
        if name not in self.rows:
            return self._error("ResourceNotFoundException")
        number = asked.get("OptedOutNumber", "")
        match self._asks(request):
            case "PutOptedOutNumber":
                if number in self.poison:
                    return self._error("ValidationException", f"{number} is not valid")
                self.keep(name, number)
                return Reply(200, {"OptOutListName": name, "OptedOutNumber": number, "EndUserOptedOut": False})
            case "DescribeOptedOutNumbers":
                first, size = int(asked.get("NextToken", "0")), min(asked["MaxResults"], self.page)
                self.looked += first == 0 and name == "Default"
                found = list(self.visible(name).items())
                rows = [
                    {"OptedOutNumber": to, "OptedOutTimestamp": entry.at.timestamp(), "EndUserOptedOut": not entry.by_api}
                    for to, entry in found[first : first + size]
                ]
                more = {"NextToken": str(first + size)} if first + size < len(found) else {}
                return Reply(200, {"OptOutListName": name, "OptedOutNumbers": rows, **more})
            case "DeleteOptedOutNumber":
                if number not in self.rows[name]:
                    return self._error("ResourceNotFoundException")
                if number in self.compliance:
                    return self._error("ConflictException", "once every 30 days")
                del self.rows[name][number]
                return Reply(200, {"OptOutListName": name, "OptedOutNumber": number})
        return None

    def _error(self, kind: str, message: str = "no") -> Reply:
        return Reply(400, {"__type": f"com.amazonaws.pinpointsmsvoicev2#{kind}", "Message": message})


class RingCentral(Vendor):
    system = "ringcentral"
    channel = "sms"
    lists = {"*": "+15555550190", "acme/news": "+15555550191"}
    pages = True
    extra = {"client_id": "an-app", "jwt_env": "TEST_VENDOR_KEY", "lifts": True, "calls_per_second": 1000.0}

    def knows(self, request: Request) -> bool:
        if request.path == "/restapi/oauth/token":
            asked = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": KEY}
            return basic(request) == f"an-app:{KEY}" and dict(request.form) == asked
        return request.headers.get("authorization") == "Bearer a-token"

    def is_put(self, request: Request) -> bool:
        return request.path.endswith("/bulk-assign") and "optOuts" in request.json

    def route(self, request: Request) -> Reply | None:
        match (request.method, request.parts[-1]):
            case ("POST", "token"):
                return Reply(200, {"access_token": "a-token", "token_type": "bearer", "expires_in": 3600})
            case ("POST", "bulk-assign"):
                asked = request.json
                assert len({"optOuts", "optIns"} & set(asked)) == 1, "never both"
                told: dict[str, Any] = {"optOuts": {"successful": [], "failed": []}, "optIns": {"successful": [], "failed": []}}
                for number in asked.get("optOuts", ()):
                    if number in self.poison:
                        told["optOuts"]["failed"].append({"to": number.lstrip("+"), "errorMessage": f"{number} is odd"})
                    else:
                        self.keep(asked["from"], number)
                        told["optOuts"]["successful"].append(number.lstrip("+"))
                for number in asked.get("optIns", ()):
                    self.rows[asked["from"]].pop(number, None)
                    told["optIns"]["successful"].append(number.lstrip("+"))
                return Reply(200, told)
            case ("GET", "opt-outs"):
                assert request.query["status"] == "OptOut"
                sender, first = request.query["from"], int(request.query.get("pageToken", "0"))
                self.looked += first == 0 and sender == self.lists["*"]
                found = list(self.visible(sender).items())
                rows = [
                    {
                        "from": sender.lstrip("+"),
                        "to": to.lstrip("+"),
                        "status": "OptOut",
                        "source": "Account" if entry.by_api else "Recipient",
                    }
                    for to, entry in found[first : first + self.page]
                ]
                more = first + self.page < len(found)
                return Reply(200, {"records": rows, "paging": {"nextPageToken": str(first + self.page) if more else None}})
        return None


class Five9(Vendor):
    """A domain that takes numbers at any hour, unless ``bound`` to those of the guide."""

    system = "five9"
    channel = "voice"
    lists = {"*": "domain"}
    lists_all = False
    releases = False
    extra = {"user": "admin@example.com", "calls_per_second": 1000.0}

    def __init__(self) -> None:
        super().__init__()
        self.bound = False

    def knows(self, request: Request) -> bool:
        return basic(request) == f"admin@example.com:{KEY}"

    def _asks(self, request: Request) -> ElementTree.Element:
        body = ElementTree.fromstring(request.body).find(f"{{{SOAP}}}Body")
        assert body is not None and len(body) == 1
        return body[0]

    def is_put(self, request: Request) -> bool:
        return self._asks(request).tag == f"{{{FIVE9}}}addNumbersToDnc"

    def is_read(self, request: Request) -> bool:
        return self._asks(request).tag == f"{{{FIVE9}}}checkDncForNumbers"

    def route(self, request: Request) -> Reply | None:
        if (request.method, request.path) != ("POST", "/wsadmin/v13/AdminWebService"):
            return None
        assert request.headers["content-type"].startswith("text/xml") and "soapaction" in request.headers
        asked = self._asks(request)
        action, numbers = asked.tag.rpartition("}")[2], [f"+1{item.text}" for item in asked.iterfind("numbers")]
        hour = self.now.astimezone(ZoneInfo("America/Los_Angeles")).hour
        if not numbers or any(len(number) != 12 for number in numbers) or self.poison & set(numbers):
            return self._fault("InvalidPhoneNumberFault")
        if self.bound and action != "checkDncForNumbers" and 6 <= hour < 23:
            return self._fault("ImportNotAllowedFault")
        before = set(self.rows["domain"])
        if action == "addNumbersToDnc":
            for number in numbers:
                self.keep("domain", number)
            return self._told(action, [str(len(set(self.rows["domain"]) - before))])
        self.looked += 1
        return self._told(action, [number.removeprefix("+1") for number in numbers if number in self.visible("domain")])

    def _told(self, action: str, values: list[str]) -> Reply:
        inner = "".join(f"<return>{value}</return>" for value in values)
        return self._envelope(200, f'<ns2:{action}Response xmlns:ns2="{FIVE9}">{inner}</ns2:{action}Response>')

    def _fault(self, kind: str) -> Reply:
        detail = f'<detail><ns2:{kind} xmlns:ns2="{FIVE9}"><message>{kind} of somebody</message></ns2:{kind}></detail>'
        fault = f"<env:Fault><faultcode>env:Server</faultcode><faultstring>{kind}</faultstring>{detail}</env:Fault>"
        return self._envelope(500, fault)

    def _envelope(self, status: int, inner: str) -> Reply:
        text = f'<env:Envelope xmlns:env="{SOAP}"><env:Header/><env:Body>{inner}</env:Body></env:Envelope>'
        return Reply(status, text.encode(), {"Content-Type": "text/xml;charset=UTF-8"})


class Vicidial(Vendor):
    system = "vicidial"
    channel = "voice"
    lists = {"*": "SYSTEM_INTERNAL", "acme/news": "NEWSCAMP"}
    reads = False
    releases = False
    extra = {"user": "6666"}

    def knows(self, request: Request) -> bool:
        return dict(request.form).get("user") == "6666" and dict(request.form).get("pass") == KEY

    def answer(self, request: Request) -> Reply:
        assert not request.query, "credentials and numbers in an address stand in the web server's log"
        if not self.knows(request):
            return self._line("ERROR: Invalid Username/Password: |6666|BAD|")
        return self.route(request) or Reply(404, b"<html>not found</html>", {"Content-Type": "text/html"})

    def is_put(self, request: Request) -> bool:
        return dict(request.form).get("function") == "add_dnc_phone"

    def is_read(self, request: Request) -> bool:
        return False

    def route(self, request: Request) -> Reply | None:
        if (request.method, request.path) != ("POST", "/vicidial/non_agent_api.php"):
            return None
        asked = dict(request.form)
        action, name, number = asked["function"], asked["campaign_id"], f"+1{asked['phone_number']}"
        if name not in self.rows or not 6 <= len(asked["phone_number"]) <= 20 or number in self.poison:
            return self._line(f"ERROR: {action} YOU MUST USE ALL REQUIRED FIELDS - 6666|{number}|{name}|1000")
        if action == "add_dnc_phone":
            if number in self.rows[name]:
                return self._line(f"ERROR: {action} DNC NUMBER ALREADY EXISTS - 6666|{number}")
            self.keep(name, number)
            return self._line(f"SUCCESS: {action} DNC NUMBER HAS BEEN ADDED - 6666|{number}|{name}")
        return None

    def _line(self, text: str) -> Reply:
        return Reply(200, f"{text}\n".encode(), {"Content-Type": "text/html; charset=utf-8"})


DIALERS: tuple[type[Vendor], ...] = (AwsSms, RingCentral, Five9, Vicidial)
