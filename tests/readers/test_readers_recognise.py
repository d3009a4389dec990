"""What a file is: its records decide, its name only where they do not, and what contradicts itself is held, never guessed."""

from __future__ import annotations

import pytest

from orchestration.readers.feeds import all_feeds
from orchestration.readers.recognise import Recognised, recognise, words_of
from orchestration.readers.register import register
from tests.readers.conftest import Desk, feed

TPS = "07700 900101\r\n07700 900102\r\n"
EVENTS = '[{"event": "delivered", "email": "a@example.com"}]'
LIST = '[{"email": "a@example.com", "created": 1}]'
BLOCKS = '[{"email": "a@example.com", "created": 1, "reason": "full"}]'
UNSUBSCRIBED = "Email Address,UNSUB_TIME\na@example.com,2026-01-01\n"
CLEANED = "Email Address,CLEAN_TIME\na@example.com,2026-01-01\n"
CHANGED = "Email Address,LAST_CHANGED\na@example.com,2026-01-01\n"
BARE = "Email Address\na@example.com\n"
CHANGES = "202,5550127,2026-03-14,A\n202,5550128,2026-03-14,D\n"
NUMBERS = "202,5550127\n202,5550128\n"
FROM_TO = "From,To,Body\n+12025550101,+12125550100,STOP\n"
MESSAGES = "From,To,Body,Direction\n+12025550101,+12125550100,STOP,inbound\n"
HELD = None


def seen(vendor: str, name: str, content: str) -> Recognised:
    feeds = [feed for feed in all_feeds() if feed.vendor == vendor]
    return recognise(name, content.encode(), feeds, whole=True)


@pytest.mark.parametrize(
    ("vendor", "name", "content", "wanted"),
    [
        # A list of numbers says nothing of itself.
        ("uk_tps", "tps_full_2026-03-20.txt", TPS, "numbers"),
        ("uk_tps", "tps_removals_2026-03-15.txt", TPS, "removals"),
        ("uk_tps", "Copy of TPS Removed 2026 (1).TXT", TPS, "removals"),
        ("uk_tps", "ctps_additions_2026-03-15 (1).txt.csv", TPS, "additions"),
        ("uk_tps", "address_book_tps.txt", TPS, "numbers"),
        ("uk_tps", "tps_2026-03-21_duplicates_removed.txt", TPS, HELD),
        ("uk_tps", "tps_full_removed.txt", TPS, HELD),
        ("uk_tps", "tps_additions_and_removals.txt", TPS, HELD),
        ("uk_tps", "tps_numbers_removed_from_dialler.txt", TPS, HELD),
        ("uk_tps", "tps_not_removed.txt", TPS, HELD),
        # A change list's lines say so.
        ("ftc_national_dnc", "national_dnc_2026-03-16.txt", CHANGES, "changes"),
        ("ftc_national_dnc", "dnc full, no changes.txt", CHANGES, "changes"),
        ("ftc_national_dnc", "national_dnc_2026-03-16.txt", NUMBERS, "numbers"),
        ("ftc_national_dnc", "dnc full, no changes.txt", NUMBERS, HELD),
        ("ftc_national_dnc", "dnc_changes.txt", NUMBERS, "changes"),  # whose lines are refused: never read as a full list
        # Mailchimp's states have columns of their own.
        ("mailchimp", "Copy of unsubscribed_email_audience_export_1.csv", BARE, "unsubscribed"),
        ("mailchimp", "Unsubscribed Contacts (2).csv", BARE, "unsubscribed"),
        ("mailchimp", "unsubscribed.csv.txt", BARE, "unsubscribed"),
        ("mailchimp", "UNSUBSCRIBE - Copy.CSV", BARE, "unsubscribed"),
        ("mailchimp", "UnsubscribedContacts.csv", BARE, "unsubscribed"),
        ("mailchimp", "un-subscribed.csv", BARE, "unsubscribed"),
        ("mailchimp", "subscribed_2026.csv", UNSUBSCRIBED, "unsubscribed"),
        ("mailchimp", "contacts.csv", UNSUBSCRIBED, "unsubscribed"),
        ("mailchimp", "unsubscribed.csv", CLEANED, "cleaned"),
        ("mailchimp", "subscribed.csv", CHANGED, "subscribed"),
        ("mailchimp", "nonsubscribed_x.csv", CHANGED, "nonsubscribed"),
        ("mailchimp", "subscribed.csv", BARE, HELD),
        ("mailchimp", "not_subscribed.csv", CHANGED, HELD),
        ("mailchimp", "subscribed_unsubscribed.csv", BARE, HELD),
        ("mailchimp", "contacts.csv", BARE, HELD),
        # SendGrid's events say that they are events.
        ("sendgrid", "webhook_blocks_2026-03.json", EVENTS, "events"),
        ("sendgrid", "events_without_bounces.json", EVENTS, "events"),
        ("sendgrid", "asm_groups_4100_suppressions.json", EVENTS, "events"),
        ("sendgrid", "page.json", EVENTS, "events"),
        ("sendgrid", "Suppression Unsubscribe (1).json", LIST, "unsubscribes"),
        ("sendgrid", "Group Unsubscribes.json", LIST, "group_suppressions"),
        ("sendgrid", "asm_groups_41_suppressions.json", '["a@example.com"]', "group_suppressions"),
        ("sendgrid", "spam report - Copy.json", LIST, "spam_reports"),
        ("sendgrid", "suppression_blocks.json", BLOCKS, "blocks"),
        ("sendgrid", "suppression_blocks.json", "[]", "blocks"),
        ("sendgrid", "suppression_blocks.json", LIST, HELD),
        ("sendgrid", "all_without_blocks.json", BLOCKS, HELD),
        ("sendgrid", "bounces_and_blocks.json", BLOCKS, HELD),
        ("sendgrid", "events_1.json", LIST, HELD),
        ("sendgrid", "blocklist.json", BLOCKS, HELD),
        # A direction makes it a log of messages.
        ("twilio", "sms_optouts_2026-03.csv", FROM_TO, "opt_outs"),
        ("twilio", "Opt Outs (1).csv", MESSAGES, "messages"),
        ("twilio", "sms-log.csv", MESSAGES, "messages"),
    ],
)
def test_the_records_decide_and_the_name_only_where_they_do_not(vendor: str, name: str, content: str, wanted: str | None) -> None:
    found = seen(vendor, name, content)
    assert (found.feed.feed if found.feed else None) == wanted, f"{name}: {found.detail}"


def test_a_contradiction_names_both_sides_and_nothing_of_the_file() -> None:
    found = seen("sendgrid", "Ada Moss bounces and blocks.json", BLOCKS)
    assert found.reason == "name_contradicts_content"
    assert found.detail is not None
    assert "sendgrid/bounces and sendgrid/blocks" in found.detail and "Ada" not in found.detail
    assert "no column for reason" in str(seen("sendgrid", "blocks.json", LIST).detail)
    assert "'duplicates'" in str(seen("uk_tps", "tps_duplicates_removed.txt", TPS).detail)


def test_the_words_of_a_name_are_found_whatever_a_person_made_of_it() -> None:
    for name in ("Unsubscribed-Contacts(2).csv", "unsubscribed contacts 2.CSV", "UnsubscribedContacts_2.csv"):
        assert words_of(f"some/folder/{name}") == ("unsubscribed", "contacts", "2", "csv"), name


def test_a_file_that_contradicts_its_name_is_held_until_somebody_says_what_it_is(desk: Desk) -> None:
    stops = feed({"email": ["email"]}, name="stops", files=("*_stops_*",))
    others = feed({"email": ["email"], "reason": ["reason"]}, name="others", files=("*_others_*",), requires=("reason",))
    assert desk.deliver((stops, others), {"others_1.csv": "email\na@example.com\n", "stops_1.csv": "email\nb@example.com\n"})
    held = desk.con.execute("select reason, detail, record_text from raw.quarantine").fetchall()
    assert [(reason, text) for reason, _, text in held] == [("name_contradicts_content", None)]
    account = "select reader, physical_records, loaded, quarantined from raw.load_log order by reader"
    assert desk.con.execute(account).fetchall() == [("duckdb", 2, 1, 0), ("name", 1, 0, 1)]
    for _ in range(2):
        register(desk.con, desk.home, desk.config, feeds=(stops, others))
    assert desk.con.execute(account).fetchall() == [("duckdb", 2, 1, 0), ("name", 1, 0, 1)], "each run says it once"
    # Delivered under the right name it is read; the same bytes under the wrong one stay held.
    (file,) = desk.deliver((stops, others), {"stops_2.csv": "email\na@example.com\n"})
    assert (file.feed, file.loaded) == ("stops", 1)
