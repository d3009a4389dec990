"""What is peculiar to the systems of texts and calls: RPC over one path, SOAP, lines of text, hours, national numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from orchestration.core.config import parse_config
from orchestration.core.errors import ConfigError, PermanentError, Throttled, TransientError
from orchestration.core.home import Home
from orchestration.core.pace import Timer
from orchestration.destinations.contract import BatchRejected, destination_for
from orchestration.destinations.systems.five9 import envelope
from orchestration.http.client import CredentialsRefused
from tests.vendors.dialers import FIVE9, SOAP, AwsSms, Five9, RingCentral, Vicidial
from tests.vendors.house import House
from tests.vendors.server import Reply
from tests.vendors.vendor import KEY, Vendor

PHONE = {"channel": "voice", "identifier_type": "phone"}
NIGHT, DAY = datetime(2026, 3, 1, 12, tzinfo=UTC), datetime(2026, 3, 1, 20, tzinfo=UTC)  # 4:00 and 12:00 Pacific time
Open = Callable[..., Any]


@pytest.fixture
def at_vendor(home: Home, a_push: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Opens the destination of a vendor, at a moment."""
    monkeypatch.setenv("TEST_VENDOR_KEY", KEY)

    def open_at(vendor: Vendor, *, now: datetime = NIGHT, **changes: Any) -> Any:
        found: Any = destination_for("there", parse_config(vendor.toml("there", **changes), home.config_file), home)
        found.timer = Timer(sleep=lambda seconds: None, now=lambda: now)
        vendor.now = now
        found.open(a_push)
        return found

    yield open_at


WSDL = f"""<?xml version="1.0"?>
<wsdl:definitions xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"
  xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:tns="{FIVE9}" targetNamespace="{FIVE9}">
 <wsdl:types><xs:schema targetNamespace="{FIVE9}" elementFormDefault="unqualified">
  <xs:element name="addNumbersToDnc" type="tns:numbers"/><xs:element name="checkDncForNumbers" type="tns:numbers"/>
  <xs:element name="addNumbersToDncResponse" type="tns:count"/><xs:element name="checkDncForNumbersResponse" type="tns:found"/>
  <xs:complexType name="numbers"><xs:sequence>
   <xs:element name="numbers" type="xs:string" minOccurs="0" maxOccurs="unbounded"/></xs:sequence></xs:complexType>
  <xs:complexType name="count"><xs:sequence><xs:element name="return" type="xs:int"/></xs:sequence></xs:complexType>
  <xs:complexType name="found"><xs:sequence>
   <xs:element name="return" type="xs:string" minOccurs="0" maxOccurs="unbounded"/></xs:sequence></xs:complexType>
 </xs:schema></wsdl:types>
 <wsdl:message name="add"><wsdl:part name="parameters" element="tns:addNumbersToDnc"/></wsdl:message>
 <wsdl:message name="added"><wsdl:part name="parameters" element="tns:addNumbersToDncResponse"/></wsdl:message>
 <wsdl:message name="check"><wsdl:part name="parameters" element="tns:checkDncForNumbers"/></wsdl:message>
 <wsdl:message name="checked"><wsdl:part name="parameters" element="tns:checkDncForNumbersResponse"/></wsdl:message>
 <wsdl:portType name="Admin">
  <wsdl:operation name="addNumbersToDnc"><wsdl:input message="tns:add"/><wsdl:output message="tns:added"/></wsdl:operation>
  <wsdl:operation name="checkDncForNumbers"><wsdl:input message="tns:check"/><wsdl:output message="tns:checked"/></wsdl:operation>
 </wsdl:portType>
 <wsdl:binding name="Binding" type="tns:Admin"><soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>
  <wsdl:operation name="addNumbersToDnc"><soap:operation soapAction=""/>
   <wsdl:input><soap:body use="literal"/></wsdl:input><wsdl:output><soap:body use="literal"/></wsdl:output></wsdl:operation>
  <wsdl:operation name="checkDncForNumbers"><soap:operation soapAction=""/>
   <wsdl:input><soap:body use="literal"/></wsdl:input><wsdl:output><soap:body use="literal"/></wsdl:output></wsdl:operation>
 </wsdl:binding>
 <wsdl:service name="Service"><wsdl:port name="Port" binding="tns:Binding"><soap:address location="http://127.0.0.1/"/></wsdl:port>
 </wsdl:service>
</wsdl:definitions>"""


@pytest.mark.parametrize("action", ["addNumbersToDnc", "checkDncForNumbers"])
@pytest.mark.parametrize("numbers", [["5555550100"], ["5555550100", "5555550101"], ["a<b&c>\"'"]])
def test_five9_is_sent_what_a_soap_library_makes_of_its_description(tmp_path: Path, action: str, numbers: list[str]) -> None:
    import zeep

    (tmp_path / "five9.wsdl").write_text(WSDL)
    client = zeep.Client(str(tmp_path / "five9.wsdl"))
    right = client.create_message(client.service, action, numbers=numbers)
    ours = etree.fromstring(envelope(action, numbers))
    for tree in (right, ours):
        etree.cleanup_namespaces(tree)
    told = [
        [(node.tag, node.text, dict(node.attrib)) for node in tree.iter() if node.tag != f"{{{SOAP}}}Header"]
        for tree in (right, ours)
    ]
    assert told[0] == told[1]


def test_five9_takes_numbers_of_north_america_and_no_others(at_vendor: Open, stream: Any) -> None:
    with Five9() as vendor:
        found = at_vendor(vendor)
        rows = [{"identifier": text, **PHONE} for text in ("+15555550100", "+447700900123", "+15555550101", "+1555555010")]
        outcome = found.put(stream(*rows))
        assert outcome.rejected == {1: "number_of_another_country", 3: "number_of_another_country"} and outcome.changed == 2
        assert found.put(stream(*rows)).changed == 0, "again, none is new"
        assert list(found.look_up(stream(*rows))) == [True, False, True, False]
        assert vendor.there("*") == {"+15555550100", "+15555550101"}
        only = found.put(stream(rows[1]))
        assert only.rejected == {0: "number_of_another_country"} and list(found.look_up(stream(rows[1]))) == [False]


def test_five9_at_a_wrong_hour_refuses_nobody_and_waits_for_the_night(at_vendor: Open, stream: Any) -> None:
    with Five9() as vendor:
        vendor.bound = True
        row = stream({"identifier": "+15555550100", **PHONE})
        with pytest.raises(Throttled, match=r"12:00 Pacific time.*run at night") as caught:
            at_vendor(vendor, now=DAY).put(row)
        assert caught.value.retry_after == 11 * 3600 and vendor.there("*") == set()
        assert at_vendor(vendor, now=NIGHT).put(stream({"identifier": "+15555550100", **PHONE})).changed == 1
        assert list(at_vendor(vendor, now=DAY).look_up(stream({"identifier": "+15555550100", **PHONE}))) == [True], (
            "looking is free"
        )


def test_five9_by_day_leaves_the_rows_wanted_and_the_next_night_puts_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_VENDOR_KEY", KEY)
    with Five9() as vendor:
        vendor.bound = True
        house = House(tmp_path / "home", vendor)
        house.publish("ann", "bob")
        with pytest.raises(TransientError):
            house.push(1 / 3)  # 12:00 Pacific time
        assert set(house.states().values()) == {("wanted", True, False, None)}, "nobody is refused, and nothing counts as tried"
        assert house.push(1).verified == 2 and vendor.there("*") == house.names("ann", "bob")


@pytest.mark.parametrize(
    ("case", "reply", "error"),
    [
        ("a fault at night is of a row", None, BatchRejected),
        ("a proxy's page", Reply(500, b"<html>busy</html>"), TransientError),
        ("no envelope", Reply(200, b"<html/>"), PermanentError),
        (
            "another answer",
            Reply(200, f'<e:Envelope xmlns:e="{SOAP}"><e:Body><x/></e:Body></e:Envelope>'.encode()),
            PermanentError,
        ),
        ("a document type", Reply(200, b"<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>"), PermanentError),
        ("half of one", Reply(200, b"<env:Envelope"), PermanentError),
        (
            "no number",
            Reply(
                200,
                f'<e:Envelope xmlns:e="{SOAP}"><e:Body><n:addNumbersToDncResponse xmlns:n="{FIVE9}"><return>all</return>'
                "</n:addNumbersToDncResponse></e:Body></e:Envelope>".encode(),
            ),
            PermanentError,
        ),
    ],
)
def test_five9_answers_that_are_none(
    at_vendor: Open, stream: Any, case: str, reply: Reply | None, error: type[Exception]
) -> None:
    with Five9() as vendor:
        found = at_vendor(vendor)
        if reply is None:
            vendor.poison = {"+15555550100"}
        else:
            vendor.fail("answer", reply=reply)
        with pytest.raises(error) as caught:
            found.put(stream({"identifier": "+15555550100", **PHONE}))
        assert "5550100" not in str(caught.value) and "somebody" not in str(caught.value), case


def test_vicidial_gets_national_numbers_in_the_body_and_never_in_an_address(at_vendor: Open, stream: Any) -> None:
    with Vicidial() as vendor:
        found = at_vendor(vendor)
        rows = [{"identifier": text, **PHONE} for text in ("+15555550100", "+447700900123")]
        assert found.put(stream(*rows)).rejected == {1: "number_of_another_country"}
        assert found.put(stream(rows[0])).rejected == {}, "an error that says that it is there already is none"
        (asked, _) = (dict(request.form) for request in vendor.requests)
        assert (asked["phone_number"], asked["campaign_id"]) == ("5555550100", "SYSTEM_INTERNAL")
        assert all(request.query == {} and "555" not in request.path for request in vendor.requests)
        british = at_vendor(vendor, country_code="44")
        vendor.requests.clear()
        assert british.put(stream(*rows)).rejected == {0: "number_of_another_country"}
        assert dict(vendor.requests[0].form)["phone_number"] == "7700900123"


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("ERROR: add_dnc_phone USER DOES NOT HAVE PERMISSION TO ADD DNC NUMBERS - 6666|0", CredentialsRefused),
        ("ERROR: auth USER DOES NOT HAVE PERMISSION TO USE THIS FUNCTION - 6666|add_dnc_phone", CredentialsRefused),
        ("ERROR: Invalid Username/Password: |6666|5555550100|", CredentialsRefused),
        ("<html>5555550100</html>", PermanentError),
        ("", PermanentError),
    ],
)
def test_vicidial_lines_that_are_no_row_matter(at_vendor: Open, stream: Any, line: str, error: type[Exception]) -> None:
    with Vicidial() as vendor:
        found = at_vendor(vendor)
        vendor.fail("answer", reply=Reply(200, line.encode()))
        with pytest.raises(error) as caught:
            found.put(stream({"identifier": "+15555550100", **PHONE}))
        assert "5550100" not in str(caught.value) and caught.value.next_step  # type: ignore[attr-defined]


def test_vicidial_refuses_a_row_by_a_code_that_names_nobody(at_vendor: Open, stream: Any) -> None:
    with Vicidial() as vendor:
        found = at_vendor(vendor)
        for line, code in (
            ("ERROR: add_dnc_phone YOU MUST USE ALL REQUIRED FIELDS - 6666|5555550100||1000", "required_fields"),
            ("ERROR: add_dnc_phone SOMETHING NEW ABOUT 5555550100", "error"),
        ):
            vendor.fail("answer", reply=Reply(200, line.encode()))
            assert found.put(stream({"identifier": "+15555550100", **PHONE})).rejected == {0: code}


TEXT = {"channel": "sms", "identifier_type": "phone"}


def test_aws_is_asked_for_one_thing_at_a_time_and_the_signature_covers_which(at_vendor: Open, stream: Any) -> None:
    with AwsSms() as vendor:
        found = at_vendor(vendor)
        found.put(stream({"identifier": "+15555550100", **TEXT}))
        targets = [request.headers["x-amz-target"].rpartition(".")[2] for request in vendor.requests]
        assert targets == ["DescribeOptOutLists", "DescribeOptOutLists", "PutOptedOutNumber"]
        assert all("x-amz-target" in request.headers["authorization"] for request in vendor.requests)


@pytest.mark.parametrize("kind", ["AccessDeniedException", "ExpiredTokenException", "UnrecognizedClientException"])
def test_aws_says_with_400_that_we_are_not_let_in(at_vendor: Open, stream: Any, kind: str) -> None:
    with AwsSms() as vendor:
        found = at_vendor(vendor)
        vendor.fail("answer", on=vendor.is_put, reply=Reply(400, {"__type": kind, "Message": "+15555550100"}))
        with pytest.raises(CredentialsRefused) as caught:
            found.put(stream({"identifier": "+15555550100", **TEXT}))
        assert "5550100" not in str(caught.value), "and no row is refused for it"


def test_aws_throttles_with_400(at_vendor: Open, stream: Any) -> None:
    with AwsSms() as vendor:
        found = at_vendor(vendor)
        vendor.fail("answer", on=vendor.is_put, reply=Reply(400, {"__type": "com.amazonaws#ThrottlingException"}))
        with pytest.raises(Throttled):
            found.put(stream({"identifier": "+15555550100", **TEXT}))


def test_aws_a_stop_of_the_person_is_never_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_VENDOR_KEY", KEY)
    with AwsSms() as vendor:
        house = House(tmp_path / "home", vendor)
        house.publish("ann", "bob")
        house.push(0)
        vendor.rows["Default"][house.identifier("ann")].by_api = False  # she texted STOP meanwhile, and the row is as old
        house.publish("bob", lifted=("ann",))
        assert house.push(1).released == 1 and vendor.there("*") == house.names("ann", "bob")
        assert [row["scope"] for row in house.brought_home()] == ["*"]


def test_ringcentral_lifts_nothing_until_the_configuration_says_that_one_home_alone_writes(at_vendor: Open) -> None:
    with RingCentral() as vendor:
        assert at_vendor(vendor, lifts=False).facts.can_release is False and at_vendor(vendor).facts.can_release is True


def test_ringcentral_is_asked_by_a_token_that_it_gave_for_an_assertion(at_vendor: Open, stream: Any) -> None:
    with RingCentral() as vendor:
        found = at_vendor(vendor)
        found.put(stream({"identifier": "+15555550100", **TEXT}))
        assert [request.path for request in vendor.requests] == [
            "/restapi/oauth/token",
            "/restapi/v1.0/account/~/a2p-sms/opt-outs/bulk-assign",
        ]
        assert vendor.requests[1].json == {"from": "+15555550190", "optOuts": ["+15555550100"]}, "no opt-in beside it"
        vendor.fail("answer", on=lambda request: request.path.endswith("/token"), reply=Reply(400, {"error": "invalid_grant"}))
        again = at_vendor(vendor)
        with pytest.raises(CredentialsRefused):
            again.put(stream({"identifier": "+15555550101", **TEXT}))


@pytest.mark.parametrize("kind", [AwsSms, RingCentral, Five9, Vicidial], ids=lambda kind: kind.system)
def test_settings_that_are_missing_are_told_before_anything_is_sent(
    kind: type[Vendor], home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_VENDOR_KEY", KEY)
    with kind() as vendor:
        text = "\n".join(line for line in vendor.toml("there").split("\n") if line.split(" =")[0] not in vendor.extra)
        with pytest.raises(ConfigError) as caught:
            destination_for("there", parse_config(text, home.config_file), home)
        assert "is required" in str(caught.value) and vendor.requests == []
