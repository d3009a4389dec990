"""Each vendor's block against a server that pages as the vendor says: all of it comes, unchanged, and is known for what it is."""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from orchestration.connectors.blocks import PullBlock, pulled_feeds
from orchestration.connectors.contract import pull_problems
from orchestration.core.config import known_formats, parse_config
from orchestration.readers.feeds import all_feeds, feeds_of_format
from orchestration.readers.recognise import HEAD_BYTES, recognise
from orchestration.setup.formats import format_named, page_of
from tests.connectors.conftest import House
from tests.connectors.shelf import KEY, KEY_ID, Shelf, contents, keys, records, settings

SID = "AC0123456789abcdef0123456789abcdef"


def people(row: dict[str, Any], name: str, count: int = 7) -> list[dict[str, Any]]:
    return [{**row, name: f"person{number}@example.com"} for number in range(count)]


def numbers(row: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [{**row, name: f"+1202555010{number}"} for number in range(7)]


SENDGRID = {"created": 1772326800}
TEXT = {
    "sid": "SM1",
    "to": "+12025550190",
    "body": "STOP",
    "direction": "inbound",
    "status": "received",
    "date_sent": "2026-03-19",
    "date_created": "2026-03-19",
}
LISTS: dict[str, dict[str, tuple[str, list[dict[str, Any]]]]] = {
    "sendgrid": {
        "/v3/asm/suppressions": (
            "group_suppressions",
            people({"group_id": 4100, "group_name": "News", "created_at": 1772326800}, "email"),
        ),
        "/v3/suppression/unsubscribes": ("unsubscribes", people(SENDGRID, "email")),
        "/v3/suppression/spam_reports": ("spam_reports", people({**SENDGRID, "ip": "192.0.2.1"}, "email")),
        "/v3/suppression/bounces": ("bounces", people({**SENDGRID, "reason": "550", "status": "5.1.1"}, "email")),
        "/v3/suppression/invalid_emails": ("invalid_emails", people({**SENDGRID, "reason": "no domain"}, "email")),
        "/v3/suppression/blocks": ("blocks", people({**SENDGRID, "reason": "busy", "status": "4.0.0"}, "email")),
    },
    "postmark": {
        "/message-streams/broadcast/suppressions/dump": (
            "suppressions",
            people(
                {"SuppressionReason": "HardBounce", "Origin": "Recipient", "CreatedAt": "2026-03-01T10:00:00Z"}, "EmailAddress"
            ),
        )
    },
    "mailgun": {
        "/v3/mg.example.com/unsubscribes": (
            "unsubscribes",
            people({"tags": ["*"], "created_at": "Fri, 06 Mar 2026 11:02:55 UTC"}, "address"),
        ),
        "/v3/mg.example.com/complaints": (
            "complaints",
            people({"count": 2, "created_at": "Fri, 06 Mar 2026 11:02:55 UTC"}, "address"),
        ),
        "/v3/mg.example.com/bounces": (
            "bounces",
            people({"code": "550", "error": "gone", "created_at": "Fri, 06 Mar 2026 11:02:55 UTC"}, "address"),
        ),
    },
    "sparkpost": {
        "/api/v1/suppression-list": (
            "suppression_list",
            people({"source": "Unsubscribe Link", "created": "2026-03-02T10:00:00+00:00"}, "recipient"),
        )
    },
    "amazon_ses": {
        "/v2/email/suppression/addresses": (
            "suppressed_destinations",
            people({"Reason": "BOUNCE", "LastUpdateTime": 1772326800.0}, "EmailAddress"),
        ),
        "/v2/email/contact-lists/newsletter/contacts/list": (
            "contacts",
            people({"UnsubscribeAll": True, "TopicPreferences": [], "LastUpdatedTimestamp": 1772326800.0}, "EmailAddress"),
        ),
    },
    "braze": {
        "/email/unsubscribes": ("email_unsubscribes", people({"unsubscribed_at": "2026-03-19 15:24:32 +0000"}, "email")),
        "/email/hard_bounces": ("email_hard_bounces", people({"hard_bounced_at": "2026-03-19 15:24:32 +0000"}, "email")),
    },
    "salesforce": {
        "/services/data/v61.0/query": (
            "people",
            people(
                {
                    "attributes": {"type": "Contact"},
                    "Id": "003",
                    "HasOptedOutOfEmail": True,
                    "DoNotCall": False,
                    "HasOptedOutOfFax": False,
                    "EmailBouncedDate": None,
                    "Phone": None,
                    "MobilePhone": None,
                    "Fax": None,
                },
                "Email",
            ),
        )
    },
    "brevo": {
        "/v3/smtp/blockedContacts": (
            "blocked_contacts",
            people({"reason": {"code": "hardBounce"}, "blockedAt": "2026-03-02T12:30:00.000Z"}, "email"),
        )
    },
    "mailchimp": {
        "/3.0/lists/a1b2c3d4e5/members": (
            "members",
            people({"status": "unsubscribed", "last_changed": "2026-03-19T10:00:00+00:00", "merge_fields": {}}, "email_address"),
        )
    },
    "telnyx": {
        "/v2/messaging_optouts": (
            "opt_outs",
            numbers({"from": "+12025550190", "keyword": "STOP", "created_at": "2026-03-03 12:00:38+00:00"}, "to"),
        )
    },
    "klaviyo": {
        "/api/profiles": (
            "api_profiles",
            [
                {
                    "type": "profile",
                    "id": f"01HQ{number}",
                    "attributes": {
                        "email": f"person{number}@example.com",
                        "subscriptions": {
                            "email": {"marketing": {"consent": "UNSUBSCRIBED", "suppression": [], "list_suppressions": []}}
                        },
                    },
                }
                for number in range(7)
            ],
        )
    },
    "hubspot": {
        "/crm/v3/objects/contacts": (
            "contacts",
            [
                {
                    "id": str(number),
                    "archived": False,
                    "properties": {
                        "email": f"person{number}@example.com",
                        "hs_email_optout": "true",
                        "hs_email_bad_address": None,
                    },
                }
                for number in range(7)
            ],
        )
    },
    "customer_io": {
        "/v1/customers": ("unsubscribed", people({"id": "c", "cio_id": "a"}, "email")),
        "/v1/messages?metric=unsubscribed": (
            "unsubscribed_messages",
            people({"customer_id": "c", "metrics": {"unsubscribed": 1772326800}}, "recipient"),
        ),
        "/v1/messages?metric=spammed": (
            "spammed_messages",
            people({"customer_id": "c", "metrics": {"spammed": 1772326800}}, "recipient"),
        ),
        "/v1/optouts": (
            "opt_outs",
            [{"customer_id": f"c{number}", "cio_id": "a", "optouts": [{"channel": "sms"}]} for number in range(7)],
        ),
    },
    "iterable": {
        "/api/export/data.json?dataTypeName=emailUnSubscribe": (
            "unsubscribes",
            people({"createdAt": "2026-03-05 23:34:15 +00:00", "channelIds": [], "messageTypeIds": [77]}, "email"),
        ),
        "/api/export/data.json?dataTypeName=emailComplaint": (
            "complaints",
            people({"createdAt": "2026-03-05 23:34:15 +00:00"}, "email"),
        ),
        "/api/export/data.json?dataTypeName=emailBounce": (
            "bounces",
            people({"createdAt": "2026-03-05 23:34:15 +00:00", "recipientState": "HardBounce"}, "email"),
        ),
    },
    "twilio": {f"/2010-04-01/Accounts/{SID}/Messages.json": ("messages", numbers(TEXT, "from"))},
}


def shelf(format_name: str) -> Shelf:
    return Shelf({path: rows for path, (_, rows) in LISTS[format_name].items()})


def test_every_vendor_that_is_pulled_is_tried_here() -> None:
    pulled = {name: {feed.feed for feed, _ in pulled_feeds(name)} for name in known_formats()}
    tried = {name: {feed for feed, _ in lists.values()} for name, lists in LISTS.items()}
    assert {name: feeds for name, feeds in pulled.items() if feeds} == tried


@pytest.mark.parametrize("format_name", sorted(LISTS))
def test_a_vendor_is_pulled_whole_and_its_files_are_known(house: House, format_name: str) -> None:
    with shelf(format_name) as server:
        house.sources = {"them": settings(format_name, server)}
        outcome = house.pull()
        asked = list(server.requests)
    assert [(item.part, item.state, item.records) for item in outcome] == [
        (feed, "whole", 7)
        for feed, _ in sorted(LISTS[format_name].values(), key=lambda it: [i.part for i in outcome].index(it[0]))
    ], [item.failure for item in outcome]
    rows = [row for _, rows in LISTS[format_name].values() for row in rows]
    found = records(house.home, "them")
    assert set(found) == keys(rows), f"{format_name}: not what the vendor holds"
    feeds = feeds_of_format(format_name)
    known = {recognise(name, content[:HEAD_BYTES], feeds, whole=True).feed for name, content in contents(house.home, "them")}
    assert {feed.feed for feed in known if feed} == {feed for feed, _ in LISTS[format_name].values()}, format_name
    posted = {request.path for request in asked if request.method != "GET"}
    assert posted <= {"/services/oauth2/token", "/v2/email/contact-lists/newsletter/contacts/list", "/v1/customers"}, posted


@pytest.mark.parametrize("format_name", sorted(LISTS))
def test_an_empty_list_is_a_delivery_of_its_feed_and_no_record(house: House, format_name: str) -> None:
    with shelf(format_name) as server:
        server.lists = {path: [] for path in server.lists}
        house.sources = {"them": settings(format_name, server)}
        outcome = house.pull()
    assert {(item.state, item.records, item.files) for item in outcome} == {("whole", 0, 1)}, format_name
    feeds = feeds_of_format(format_name)
    for name, content in contents(house.home, "them"):
        found = recognise(name, content, feeds, whole=True)
        assert found.feed is not None, f"{format_name}: {name} is held though it holds nobody: {found.detail}"


WHO_ASKS = {
    "sendgrid": {"authorization": f"Bearer {KEY}"},
    "postmark": {"x-postmark-server-token": KEY},
    "mailgun": {"authorization": "Basic " + base64.b64encode(f"api:{KEY}".encode()).decode()},
    "sparkpost": {"authorization": KEY},
    "brevo": {"api-key": KEY},
    "braze": {"authorization": f"Bearer {KEY}"},
    "salesforce": {"authorization": f"Bearer {KEY}.token"},
    "telnyx": {"authorization": f"Bearer {KEY}"},
    "klaviyo": {"authorization": f"Klaviyo-API-Key {KEY}"},
    "hubspot": {"authorization": f"Bearer {KEY}"},
    "customer_io": {"authorization": f"Bearer {KEY}"},
    "iterable": {"api-key": KEY},
    "twilio": {"authorization": "Basic " + base64.b64encode(f"{SID}:{KEY}".encode()).decode()},
    "mailchimp": {"authorization": "Basic " + base64.b64encode(f"quietlist:{KEY}".encode()).decode()},
}


@pytest.mark.parametrize("format_name", sorted(LISTS))
def test_each_vendor_is_told_who_asks_in_its_own_way(house: House, format_name: str) -> None:
    with shelf(format_name) as server:
        house.sources = {"them": settings(format_name, server)}
        house.pull()
        asked = list(server.requests)
    for request in asked:
        if request.path == "/services/oauth2/token":
            pair = base64.b64encode(f"3MVG9example:{KEY}".encode()).decode()
            assert request.headers["authorization"] == f"Basic {pair}" and request.form == [("grant_type", "client_credentials")]
        elif format_name == "amazon_ses":  # a signature over each request; that it is right, test_s3.py says
            said = request.headers["authorization"]
            assert said.startswith(f"AWS4-HMAC-SHA256 Credential={KEY_ID}/") and "/eu-west-1/ses/aws4_request, " in said
        else:
            assert WHO_ASKS[format_name].items() <= request.headers.items(), format_name
        assert KEY not in request.path + json.dumps(request.query), f"{format_name}: the key stands in an address"


@pytest.mark.parametrize("feed", [feed for feed in all_feeds() if feed.pull], ids=lambda feed: feed.table)
def test_a_block_says_where_its_facts_are_from(feed: Any) -> None:
    block = PullBlock.model_validate(feed.pull)
    assert block.verified, f"{feed.table}: the block names no source for its facts"
    assert block.permission, f"{feed.table}: what the key must be allowed to do is not said"
    base = block.base_for("0123456789abcdef0123456789abcdef-us7")
    assert base.startswith("https://"), f"{feed.table}: {base}"


@pytest.mark.parametrize(
    ("form", "value"), [("iso", "2026-03-20T11:30:00+00:00"), ("date", "2026-03-20"), ("epoch", "1774006200")]
)
def test_a_moment_is_written_as_the_vendor_wants_it(form: str, value: str) -> None:
    from orchestration.connectors.blocks import SinceBlock

    assert SinceBlock(parameter="since", form=form).value(datetime(2026, 3, 20, 11, 30, tzinfo=UTC)) == value


@pytest.mark.parametrize("format_name", sorted(LISTS))
def test_the_page_of_a_format_shows_a_pull_that_is_complete(format_name: str, tmp_path: Path) -> None:
    blocks = re.findall(r"```toml\n(.*?)```", page_of(format_named(format_name)), re.DOTALL)
    assert len(blocks) == len(LISTS[format_name])
    for block in blocks:
        config = parse_config('[company]\nname = "Acme"\n' + block, tmp_path / "quietlist.toml")
        assert pull_problems(config) == [], f"{format_name}: what the page shows is refused"


@pytest.mark.parametrize(
    "meaning", [meaning for name in LISTS for _, one in pulled_feeds(name) for meaning in one.needs.values()]
)
def test_what_a_vendor_needs_has_an_example(meaning: str) -> None:
    assert "such as " in meaning
