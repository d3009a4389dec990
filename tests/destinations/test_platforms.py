"""What is peculiar to one platform: jobs, errors between results, rows that are looked up, two hosts, a signature."""

from __future__ import annotations

from typing import Any

import pytest

from orchestration.core.config import parse_config
from orchestration.core.errors import ConfigError, PermanentError
from orchestration.destinations.contract import settings_problems
from orchestration.destinations.systems import activecampaign, klaviyo
from orchestration.http.client import CredentialsRefused
from tests.destinations.test_conformance import killed_at
from tests.sync.sync_doubles import at
from tests.vendors.house import Open
from tests.vendors.platforms import (
    ActiveCampaign,
    Braze,
    BrazeSms,
    CampaignMonitor,
    ConstantContact,
    CustomerIo,
    HubSpot,
    Iterable,
    Klaviyo,
    Ses,
    SesContacts,
)
from tests.vendors.server import Reply
from tests.vendors.vendor import Entry, Vendor


@pytest.mark.parametrize("kind", [Klaviyo, ActiveCampaign])
def test_a_job_in_the_queue_is_waited_for_over_days_and_its_rows_are_put_once(at_vendor: Open, kind: type[Vendor]) -> None:
    house = at_vendor(kind)
    vendor: Any = house.vendor
    vendor.jobs.waits = True
    house.publish("ann")
    result = house.push()
    assert result.missing == 0 and house.state("ann")[0] == "sent" and vendor.there("*") == set()
    house.push(0.5)
    jobs = len(vendor.jobs.known)
    assert jobs == len(vendor.lists), "none was begun a second time"
    vendor.jobs.work_off()
    house.push(0.9)
    assert house.state("ann")[0] == "verified" and len(vendor.jobs.known) == jobs


@pytest.mark.parametrize(("kind", "looks_before"), [(Klaviyo, 1), (ActiveCampaign, 5)])
def test_a_job_of_a_push_that_was_killed_is_asked_after_by_the_next_one(
    at_vendor: Open, kind: type[Vendor], looks_before: int
) -> None:
    """The process dies where it looks for what it has just put."""
    house = at_vendor(kind, scopes=["*"], lists={"*": kind.lists["*"]}, ignored_lists=["12"])
    vendor: Any = house.vendor
    vendor.jobs.waits = True
    house.publish("ann")
    assert killed_at(house, looks_before + 1, "kill_before", 0.01)
    assert [vendor.is_put(request) for request in vendor.requests] == [False] * looks_before + [True, False], "it was taken"
    before = len(vendor.requests)
    house.push(0.5)
    asked = [request for request in vendor.requests[before:] if "job-1" in request.path or "job-1" in request.query.values()]
    assert asked and list(vendor.jobs.known) == ["job-1"], "and is not begun again"
    assert house.state("ann")[0] == "sent"


@pytest.mark.parametrize("kind", [Klaviyo, ActiveCampaign])
def test_a_job_that_was_cancelled_is_told_of_and_put_again(at_vendor: Open, kind: type[Vendor]) -> None:
    house = at_vendor(kind)
    vendor: Any = house.vendor
    vendor.jobs.waits = True
    house.publish("ann")
    house.push()
    vendor.jobs.cancel()
    vendor.jobs.waits = False
    result = house.push(0.5)
    assert any("ended without being carried out" in alarm for alarm in result.alarms), result.alarms
    assert house.state("ann")[0] == "verified" and vendor.there("*") == house.names("ann")


def test_klaviyo_rows_that_a_job_skipped_are_counted_and_found_missing(at_vendor: Open) -> None:
    house = at_vendor(Klaviyo)
    house.vendor.forgets = house.names("ann")
    house.publish("ann", "bob")
    result = house.push()
    assert any("1 row was left out by jobs at klaviyo" in alarm for alarm in result.alarms), result.alarms
    assert result.missing == 1 and house.state("ann")[0] == "missing" and house.state("bob")[0] == "verified"


def test_klaviyo_sends_no_list_in_a_job_and_never_the_call_that_widens(at_vendor: Open) -> None:
    """The double asserts that no job names a list; a row of more than we wrote is nobody's to lift."""
    house = at_vendor(Klaviyo)
    house.publish("ann", "bob", "cy")
    house.push()
    rows = house.vendor.rows["account"]
    rows["ann@example.com"].more["reasons"] = ["USER_SUPPRESSED", "UNSUBSCRIBE"]  # she clicked as well
    rows["bob@example.com"].more["reasons"] = ["USER_SUPPRESSED", "HARD_BOUNCE"]  # his mailbox is gone as well
    house.publish("cy", lifted=("ann", "bob"))
    assert house.push(1).released == 1
    assert house.vendor.there("*") == house.names("ann", "cy")
    assert [row["email"] for row in house.brought_home()] == ["ann@example.com"], "her own word comes home"
    sent = {request.path for request in house.vendor.requests if request.writes}
    assert sent == {"/api/profile-suppression-bulk-create-jobs", "/api/profile-suppression-bulk-delete-jobs"}


def test_klaviyo_a_bounce_is_nobodys_opt_out_and_a_profile_without_an_address_is_no_row(at_vendor: Open) -> None:
    house = at_vendor(Klaviyo)
    rows = house.vendor.rows["account"]
    for name, reason in (("ann", "HARD_BOUNCE"), ("bob", "INVALID_EMAIL"), ("cy", "SPAM_COMPLAINT")):
        rows[house.identifier(name)] = Entry(False, {"reasons": [reason]})
    rows[""] = Entry(False)
    house.publish("zoe")
    result = house.push()
    assert [row["email"] for row in house.brought_home()] == ["cy@example.com"]
    assert not any("no sense" in alarm for alarm in result.alarms)


@pytest.mark.parametrize(
    ("body", "ended", "failed", "skipped"),
    [
        ({"status": "queued", "skipped_count": 0}, False, False, 0),
        ({"status": "processing", "skipped_count": None}, False, False, 0),
        ({"status": "complete", "skipped_count": 2}, True, False, 2),
        ({"status": "complete"}, True, False, 0),
        ({"status": "cancelled", "skipped_count": 0}, True, True, 0),
        ({"status": "a new word"}, True, True, 0),
    ],
)
def test_klaviyo_how_a_job_ends(body: Any, ended: bool, failed: bool, skipped: int) -> None:
    state = klaviyo._state({"data": {"attributes": body}})
    assert (state.ended, state.failed, state.skipped) == (ended, failed, skipped), body


@pytest.mark.parametrize(
    ("status", "ended", "failed"),
    [
        (False, False, False),
        ("waiting", False, False),
        ("claimed", False, False),
        ("active", False, False),
        ("completed", True, False),
        ("failed", True, True),
        ("interrupted", True, True),
    ],
)
def test_activecampaign_how_a_job_ends(status: Any, ended: bool, failed: bool) -> None:
    state = activecampaign._state({"status": status, "failure": ["a@example.com"] if status == "completed" else []})
    assert (state.ended, state.failed, state.skipped) == (ended, failed, int(status == "completed")), status


def test_hubspot_an_answer_of_207_refuses_the_rows_without_a_result_and_no_other(at_vendor: Open) -> None:
    house = at_vendor(HubSpot)
    house.vendor.poison = house.names("bob")
    house.publish("ann", "bob", "cy")
    result = house.push()
    assert (result.rejected, result.accepted) == (2, 4), "once on each list"
    assert house.state("bob")[3] == "validation_error" and house.vendor.there("*") == house.names("ann", "cy")


def test_hubspot_errors_that_are_only_counted_refuse_whoever_has_no_result(at_vendor: Open) -> None:
    house = at_vendor(HubSpot, scopes=["*"], lists={"*": "all"})
    told = {"status": "COMPLETE", "results": [{"subscriberIdString": "ANN@example.com", "statuses": []}], "numErrors": 1}
    house.vendor.fail("answer", on=house.vendor.is_put, reply=Reply(200, told))
    house.publish("ann", "bob")
    house.push()
    assert house.state("bob")[0] == "rejected" and house.state("ann")[0] == "missing", "what it said of her was not true"


@pytest.mark.parametrize(
    ("case", "wide"),
    [
        ("nothing", []),
        ("of one business unit", [{"status": "UNSUBSCRIBED", "wideStatusType": "BUSINESS_UNIT_WIDE", "businessUnitId": 7}]),
        ("subscribed again", [{"status": "SUBSCRIBED", "wideStatusType": "PORTAL_WIDE"}]),
    ],
)
def test_hubspot_less_than_an_opt_out_of_everything_proves_nothing(at_vendor: Open, case: str, wide: Any) -> None:
    house = at_vendor(HubSpot, scopes=["*"], lists={"*": "all"})
    told = {"status": "COMPLETE", "results": [{"subscriberIdString": "ann@example.com", "wideStatuses": wide}]}
    house.vendor.fail("answer", on=house.vendor.is_read, times=9, reply=Reply(200, told))
    house.publish("ann")
    house.push()
    assert house.state("ann")[0] == "missing", case


def test_hubspot_an_opt_out_of_another_type_proves_nothing(at_vendor: Open) -> None:
    house = at_vendor(HubSpot, scopes=["acme/news"], lists={"acme/news": "123"})
    statuses = [{"subscriptionId": 456, "status": "UNSUBSCRIBED"}, {"subscriptionId": 123, "status": "NOT_SPECIFIED"}]
    told = {"results": [{"subscriberIdString": "ann@example.com", "statuses": statuses}]}
    house.vendor.fail("answer", on=lambda request: request.path.endswith("batch/read"), times=9, reply=Reply(200, told))
    house.publish("ann")
    house.push()
    assert house.state("ann", "acme/news")[0] == "missing"


def test_hubspot_an_address_that_a_look_up_does_not_speak_of_is_not_proved(at_vendor: Open) -> None:
    house = at_vendor(HubSpot, scopes=["*"], lists={"*": "all"})
    house.vendor.fail("answer", on=house.vendor.is_read, times=9, reply=Reply(207, {"results": [], "numErrors": 1}))
    house.publish("ann")
    house.push()
    assert house.state("ann")[0] == "missing"


def test_hubspot_says_that_it_looks_rows_up_and_asks_for_an_old_one_once_a_month(at_vendor: Open) -> None:
    house = at_vendor(HubSpot, scopes=["*"], lists={"*": "all"})
    house.publish("ann")
    assert house.push().verify_class == "point"
    looked = house.vendor.looked
    for day in range(1, 32):
        house.push(day)
    assert 1 <= house.vendor.looked - looked <= 3, "not with every push, and not never"


def test_ses_a_list_that_the_account_does_not_heed_stops_the_push(at_vendor: Open) -> None:
    house = at_vendor(Ses)
    house.vendor.heeds = ["BOUNCE"]  # type: ignore[attr-defined]
    house.publish("ann")
    with pytest.raises(ConfigError, match="does not heed the reason COMPLAINT"):
        house.push()
    assert house.vendor.there("*") == set()


def test_ses_a_bounce_is_in_force_and_is_nobodys_opt_out(at_vendor: Open) -> None:
    house = at_vendor(Ses)
    for name, reason in (("ann", "BOUNCE"), ("bob", "BOUNCE"), ("cy", "COMPLAINT")):
        house.vendor.rows["account"][house.identifier(name)] = Entry(False, {"reason": reason})
    house.publish("ann")
    house.push()
    assert [row["email"] for row in house.brought_home()] == ["cy@example.com"]
    assert house.vendor.rows["account"]["ann@example.com"].more["reason"] == "BOUNCE", "its reason is not written over"


def test_ses_a_key_for_another_region_is_refused_and_says_what_it_must_be_allowed(at_vendor: Open) -> None:
    house = at_vendor(Ses, region="us-east-1")
    house.publish("ann")
    with pytest.raises(CredentialsRefused, match="ses:PutSuppressedDestination"):
        house.push()


@pytest.mark.parametrize(("region", "base"), [("eu-west-1", "https://email.eu-west-1.amazonaws.com"), ("us-gov-west-1", None)])
def test_ses_one_region_is_one_list(at_vendor: Open, region: str, base: str | None) -> None:
    house = at_vendor(Ses)
    first = house.vendor.toml("first", base_url="")
    second = house.vendor.toml("second", base_url="", region=region)
    text = first + "\n" + second[second.index("[destinations.second]") :]
    problems = settings_problems(parse_config(text, house.home.config_file), house.home)
    assert len(problems) == (base is not None), problems


def test_braze_asks_up_to_the_day_after_today_so_that_todays_rows_are_among_them(at_vendor: Open) -> None:
    house = at_vendor(Braze)
    house.publish("ann")
    house.push(4000)  # far from today, as a clock that is wrong would be
    assert house.state("ann")[0] == "verified"
    asked = [request.query for request in house.vendor.requests if house.vendor.is_read(request)]
    assert all(query["start_date"] == "2011-01-01" and query["end_date"] > f"{at(4000):%Y-%m-%d}" for query in asked)


@pytest.mark.parametrize("kind", [Braze, BrazeSms])
def test_braze_an_answer_of_success_without_its_word_is_not_believed(at_vendor: Open, kind: type[Vendor]) -> None:
    house = at_vendor(kind)
    house.vendor.fail("answer", on=house.vendor.is_put, reply=Reply(201, {"message": "queued elsewhere"}))
    house.publish("ann")
    with pytest.raises(PermanentError, match="an answer that is not written as the vendor documents it"):
        house.push()
    assert house.state("ann")[0] == "wanted"


@pytest.mark.parametrize("kind", [Braze, BrazeSms, ActiveCampaign])
def test_an_address_that_nothing_tells_must_be_set(at_vendor: Open, kind: type[Vendor]) -> None:
    house = at_vendor(kind)
    for missing in ('base_url = ""', ""):
        lines = [missing if line.startswith("base_url") else line for line in house.vendor.toml("there").split("\n")]
        problems = settings_problems(parse_config("\n".join(lines), house.home.config_file), house.home)
        assert [problem.split(": ")[0] for problem in problems] == ["destinations.there.base_url"], problems


def test_customer_io_reads_at_the_other_host_with_the_other_key(at_vendor: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    house = at_vendor(CustomerIo)
    house.publish("ann")
    house.push()
    ways = {(request.path, request.headers["authorization"].split(" ")[0]) for request in house.vendor.requests}
    assert ways == {("/api/v2/batch", "Basic"), ("/v1/customers", "Bearer")}
    monkeypatch.setenv("OTHER_KEY", "one-of-no-use")
    house.configure(app_key_env="OTHER_KEY")
    house.publish("ann", "bob")
    result = house.push(1)
    assert house.vendor.there("*") == house.names("ann", "bob"), "an opt-out goes out all the same"
    assert house.state("bob")[0] == "sent" and any(
        "could not be read back" in one or "read-back failed" in one for one in result.alarms
    )


def test_customer_io_an_answer_of_207_refuses_the_rows_that_it_names_by_their_place(at_vendor: Open) -> None:
    house = at_vendor(CustomerIo)
    house.vendor.poison = house.names("bob")
    house.publish("ann", "bob", "cy")
    assert house.push().rejected == 1
    assert house.state("bob")[3] == "invalid" and house.vendor.there("*") == house.names("ann", "cy")
    assert all(request.path != "/api/v1/customers" for request in house.vendor.requests)


def test_iterable_somebody_new_is_made_and_unsubscribed_and_nobody_else_is_touched(at_vendor: Open) -> None:
    house = at_vendor(Iterable, scopes=["*"], lists={"*": "channel:101"})
    vendor: Any = house.vendor
    vendor.users.add("ann@example.com")
    vendor.rows["channel:102"]["ann@example.com"] = Entry(False)  # her own choice on another channel
    house.publish("ann", "bob")
    house.push()
    assert house.vendor.there("*") == house.names("ann", "bob") and house.vendor.there("acme/news") == house.names("ann")
    made = [request.json["email"] for request in vendor.requests if request.path == "/api/users/update"]
    assert made == ["bob@example.com"], "who is known is not written to"


def test_iterable_a_channel_for_receipts_is_not_taken(at_vendor: Open) -> None:
    house = at_vendor(Iterable, scopes=["*"], lists={"*": "channel:1"})
    house.publish("ann")
    with pytest.raises(ConfigError, match="iterable has no list channel:1"):
        house.push()


def test_campaign_monitor_a_bounce_is_nobodys_opt_out(at_vendor: Open) -> None:
    house = at_vendor(CampaignMonitor)
    for name, reason in (("ann", "Bounced"), ("bob", "Unsubscribed"), ("cy", "Marked as spam")):
        house.vendor.rows["a" * 32][house.identifier(name)] = Entry(False, {"reason": reason})
    house.publish("zoe")
    house.push()
    assert sorted(row["email"] for row in house.brought_home()) == ["bob@example.com", "cy@example.com"]


def test_ses_contacts_keep_their_topics_and_an_opt_out_of_one_topic_is_told_of(at_vendor: Open) -> None:
    house = at_vendor(SesContacts, scopes=["*"], lists={"*": "everybody"}, ignored_lists=["news"])
    vendor: Any = house.vendor
    topics = {"TopicPreferences": [{"TopicName": "offers", "SubscriptionStatus": "OPT_OUT"}], "AttributesData": '{"size": 42}'}
    vendor.contacts["everybody"] |= {"ann@example.com": topics, "eve@example.com": topics}
    house.publish("ann", "bob")
    result = house.push()
    assert vendor.there("*") == house.names("ann", "bob") and vendor.contacts["everybody"]["ann@example.com"] == topics
    assert any("2 rows at ses_contacts opt out of a part of a list only" in alarm for alarm in result.alarms), result.alarms
    assert house.brought_home() == []


def test_ses_contacts_who_is_unsubscribed_already_is_not_written_to(at_vendor: Open) -> None:
    house = at_vendor(SesContacts, scopes=["*"], lists={"*": "everybody"}, ignored_lists=["news"])
    house.vendor.forgets = house.names("ann")
    house.publish("ann")
    house.push()
    house.vendor.rows["everybody"]["ann@example.com"] = Entry(False)  # her own click, between our look and our put
    before = len(house.vendor.requests)
    house.vendor.fail("answer", on=house.vendor.is_read, reply=Reply(200, {"Contacts": []}))
    house.push(1)
    assert not any(map(house.vendor.is_put, house.vendor.requests[before:]))


def test_constant_contact_a_contact_is_written_back_whole_but_for_its_permission(at_vendor: Open) -> None:
    house = at_vendor(ConstantContact)
    vendor: Any = house.vendor
    kept = {"first_name": "Ann", "list_memberships": ["1"], "custom_fields": [{"custom_field_id": "2", "value": "x"}]}
    vendor.contacts["ann@example.com"] = kept
    house.publish("ann", "bob")
    house.push()
    assert vendor.there("*") == house.names("ann", "bob") and vendor.contacts["ann@example.com"] == kept
    asked = [request.query["include"] for request in vendor.requests if "email" in request.query]
    assert all("list_memberships" in include and "custom_fields" in include for include in asked)


def test_constant_contact_an_answer_about_somebody_else_writes_nothing(at_vendor: Open) -> None:
    house = at_vendor(ConstantContact)
    other = {"contact_id": "7", "email_address": {"address": "eve@example.com", "permission_to_send": "implicit"}}
    house.vendor.fail("answer", on=lambda request: "email" in request.query, reply=Reply(200, {"contacts": [other]}))
    house.publish("ann")
    with pytest.raises(PermanentError, match="an answer about somebody else"):
        house.push()
    assert not any(map(house.vendor.is_put, house.vendor.requests))
