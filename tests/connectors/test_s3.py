"""What is a bucket's own: signatures, pages, prefixes, and answers that are no list."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from pydantic import SecretStr

from orchestration.connectors.contract import pull_problems
from orchestration.http.auth import AwsSigned, Outgoing
from tests.connectors.conftest import House
from tests.connectors.far import PASSWORD, S3Far, came, far_of

NOON = datetime(2026, 3, 20, 12, tzinfo=UTC)


@pytest.fixture
def far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Far]:
    monkeypatch.setenv("FAR_PASS", PASSWORD)
    with far_of("s3", tmp_path / "far") as server:
        yield server


@pytest.mark.parametrize("service", ["s3", "ses"])
@pytest.mark.parametrize("token", ["", "a/session+token=="])
@pytest.mark.parametrize(
    ("method", "url", "body"),
    [
        ("GET", "https://s3.us-east-1.amazonaws.com/bucket?list-type=2&prefix=a%2Fb%20c&encoding-type=url", b""),
        ("GET", "https://s3.us-east-1.amazonaws.com/bucket/a/b%20c/gr%C3%B6%C3%9Fe%2B%281%29~.csv", b""),
        ("GET", "http://127.0.0.1:9000/bucket/key", b""),
        ("GET", "https://host.example.com:443/", b""),
        (
            "GET",
            "https://email.example.com/v2/email/suppression/addresses?PageSize=1000&NextToken=a%2Bb%2F%3D%3D",
            b"",
        ),
        ("POST", "https://email.example.com/v2/email/contact-lists/My%20list/contacts/list?b=&a=2&a=1", b'{"a":1}'),
    ],
)
def test_a_signature_is_what_amazons_own_library_makes(service: str, token: str, method: str, url: str, body: bytes) -> None:
    secret, session = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", SecretStr(token) if token else None
    auth = AwsSigned(SecretStr("AKIAIOSFODNN7EXAMPLE"), SecretStr(secret), "eu-west-1", service, session, lambda: NOON)
    ours = auth.headers(Outgoing(method, url, body), lambda *_: {})
    signer = (S3SigV4Auth if service == "s3" else SigV4Auth)(
        Credentials("AKIAIOSFODNN7EXAMPLE", secret, token or None), service, "eu-west-1"
    )
    request = AWSRequest(method, url, data=body)
    request.context["timestamp"] = "20260320T120000Z"
    for name, value in ours.items():
        if name != "Authorization":
            request.headers[name] = value
    text = signer.string_to_sign(request, signer.canonical_request(request))
    names = "host;x-amz-content-sha256;x-amz-date" + (";x-amz-security-token" if token else "")
    right = f"AWS4-HMAC-SHA256 Credential={signer.scope(request)}, SignedHeaders={names}, "
    assert ours["Authorization"] == f"{right}Signature={signer.signature(text, request)}"


def test_a_list_of_many_pages_comes_whole(house: House, far: S3Far) -> None:
    for number in range(7):
        far.put(f"{number}.csv", b"%d" % number)
    house.sources = {"far": far.settings()}
    (outcome,) = house.pull()
    assert (outcome.state, outcome.files, far.lists) == ("whole", 7, 4), outcome.failure


@pytest.mark.parametrize(
    ("case", "prefix", "names"),
    [
        ("a folder", "outgoing/", ["a.csv", "sub/b.csv"]),
        ("a folder below", "outgoing/sub/", ["b.csv"]),
        ("the beginning of a name", "outgoing/a", ["a.csv"]),
        ("the whole bucket", "", ["elsewhere/other.csv", "outgoing/a.csv", "outgoing/sub/b.csv"]),
        ("nothing below it", "nowhere/", []),
    ],
)
def test_the_names_are_what_stands_behind_the_prefix(house: House, far: S3Far, case: str, prefix: str, names: list[str]) -> None:
    far.put("a.csv", b"a")
    far.put("sub/b.csv", b"b")
    far.put("sub/", b"")  # what a console makes for a folder
    house.sources = {"far": far.settings(prefix=prefix)}
    (outcome,) = house.pull()
    assert (outcome.state, outcome.files) == ("whole", len(names)), f"{case}: {outcome.failure}"
    assert sorted(name for name, _ in came(house.home)) == names, case


def test_keys_of_every_kind_are_signed_as_they_are_sent(house: House, far: S3Far) -> None:
    odd = ["a b+c.csv", "größe/über.csv", "100%.csv", "a&b=c?d#e.csv", "q'(1)!*~.csv", "%2F.csv", "+.csv"]
    for name in odd:
        far.put(name, name.encode())
    house.sources = {"far": far.settings()}
    (outcome,) = house.pull()
    assert (outcome.state, outcome.files) == ("whole", len(odd)), outcome.failure
    assert set(came(house.home)) == {(name, name.encode()) for name in odd}


def test_a_key_that_no_address_can_carry_is_told_and_stops_no_other(house: House, far: S3Far) -> None:
    far.put("a.csv", b"a")
    listing = (
        b'<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IsTruncated>false</IsTruncated>'
        b"<Contents><Key>outgoing/a.csv</Key><Size>1</Size></Contents>"
        b"<Contents><Key>outgoing/../b.csv</Key><Size>1</Size></Contents>"
        b"<Contents><Key>outgoing//c.csv</Key><Size>1</Size></Contents></ListBucketResult>"
    )
    far.answers = [(200, listing)]
    house.sources = {"far": far.settings()}
    (outcome,) = house.pull()
    assert outcome.state == "failed" and outcome.files == 1 and "2 files have names that cannot be asked for" in outcome.failure


def test_an_object_of_another_size_than_listed_is_left_for_the_next_pull(house: House, far: S3Far) -> None:
    far.put("a.csv", b"a")
    listing = (
        b"<ListBucketResult><IsTruncated>false</IsTruncated>"
        b"<Contents><Key>outgoing/a.csv</Key><Size>3</Size></Contents></ListBucketResult>"
    )
    far.answers = [(200, listing)]
    house.sources = {"far": far.settings()}
    (outcome,) = house.pull()
    assert (outcome.state, outcome.files, outcome.attention) == ("whole", 0, "1 file there is still being written."), outcome
    assert house.pull()[0].files == 1


GOES_NOWHERE = b"<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>"
NO_LISTS = [
    ("a proxy's page", 200, b"<html><body>Welcome</body></html>", "no list of a bucket"),
    ("no XML at all", 200, b"{}", "no list of a bucket"),
    ("nothing", 200, b"", "no list of a bucket"),
    ("half a list", 200, b"<ListBucketResult><IsTruncated>false</IsTr", "no list of a bucket"),
    ("a list that does not say whether it ends", 200, b"<ListBucketResult></ListBucketResult>", "no list of a bucket"),
    ("entities that grow", 200, b"<!DOCTYPE x [<!ENTITY a 'aa'>]><ListBucketResult/>", "no list of a bucket"),
    ("a list that goes nowhere", 200, GOES_NOWHERE, "does not say where"),
    ("another region", 301, b"<Error/>", "status 301"),
    ("no such bucket", 404, b"<Error/>", "status 404"),
]


@pytest.mark.parametrize(("case", "status", "body", "said"), NO_LISTS)
def test_what_is_no_list_is_no_empty_list(house: House, far: S3Far, case: str, status: int, body: bytes, said: str) -> None:
    far.put("a.csv", b"a")
    house.sources = {"far": far.settings()}
    house.pull()
    far.answers = [(status, body)]
    (outcome,) = house.pull()
    assert outcome.state == "failed" and said in outcome.failure, f"{case}: {outcome}"
    assert house.pull()[0].files == 0, f"{case}: the place was forgotten"


def test_pages_that_go_round_end(house: House, far: S3Far) -> None:
    page = b"<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken></ListBucketResult>"
    far.answers = [(200, page)] * 3
    house.sources = {"far": far.settings()}
    assert "does not say where" in house.pull()[0].failure


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_server_is_waited_for(house: House, far: S3Far, status: int) -> None:
    far.put("a.csv", b"a")
    far.answers = [(status, b"<Error><Code>SlowDown</Code></Error>")] * 2
    house.sources = {"far": far.settings()}
    (outcome,) = house.pull()
    assert (outcome.state, outcome.files) == ("whole", 1), outcome.failure
    assert house.fast.slept.count(3.0) == 2, f"Retry-After was not heeded: {house.fast.slept}"


def test_an_object_that_changes_between_list_and_reading_waits(house: House, far: S3Far, monkeypatch: pytest.MonkeyPatch) -> None:
    from orchestration.connectors import s3

    far.put("a.csv", b"first")
    plain = s3._Objects.read

    def read(self: Any, file: Any) -> Iterator[bytes]:
        monkeypatch.setattr(s3._Objects, "read", plain)
        far.put("a.csv", b"newer")
        return plain(self, file)

    monkeypatch.setattr(s3._Objects, "read", read)
    house.sources = {"far": far.settings()}
    (outcome,) = house.pull()
    assert (outcome.state, outcome.files, outcome.attention) == ("whole", 0, "1 file there is still being written.")
    assert house.pull()[0].files == 1 and set(came(house.home)) == {("a.csv", b"newer")}


@pytest.mark.parametrize(
    ("case", "change", "said"),
    [
        ("a path in the bucket's name", {"bucket": "acme/outgoing"}, "what its keys begin with is prefix"),
        ("no TLS to elsewhere", {"endpoint": "http://storage.example.com"}, "endpoint is not encrypted"),
        ("no key", {"key_id_env": None}, "pull.key_id_env: is required"),
        ("an address for a region", {"region": "s3.amazonaws.com"}, "pull.region: "),
        ("an unknown key", {"prefx": "a"}, "did you mean prefix?"),
    ],
)
def test_what_is_configured_wrongly_is_told(house: House, far: S3Far, case: str, change: dict[str, Any], said: str) -> None:
    house.sources = {"far": far.settings(**change)}
    problems = pull_problems(house.config)
    assert len(problems) == 1 and said in problems[0], f"{case}: {problems}"
