"""What is peculiar to one vendor: what it keeps of who wrote a row, what it blocks unasked, how it says no."""

from __future__ import annotations

from typing import Any

import pytest

from orchestration.audit.destinations import DestinationHealth, destination_health
from orchestration.audit.doctor import doctor
from orchestration.core.config import parse_config
from orchestration.core.errors import ConfigError, PermanentError, TransientError
from orchestration.core.warehouse import warehouse
from orchestration.destinations.contract import destination_for, settings_problems
from orchestration.sync import copy_state, take_over
from tests.sync.sync_doubles import at
from tests.vendors.esps import Brevo, Mailchimp, Mailgun, Postmark, SendGrid, SparkPost
from tests.vendors.house import House, Open
from tests.vendors.others import Receiver, Twilio
from tests.vendors.server import Reply
from tests.vendors.vendor import Entry, Vendor


@pytest.mark.parametrize(
    ("kind", "said", "unsaid"),
    [
        (Mailchimp, "it lifts nothing; it does not tell who wrote a row; 1 fact about it not verified (docs/", None),
        (SparkPost, "2 facts about it not verified (docs/reference/destinations/sparkpost.md)", "it lifts nothing"),
    ],
)
def test_who_asks_for_the_destinations_is_told_what_one_cannot_do_and_what_is_not_verified(
    at_vendor: Open, kind: type[Vendor], said: str, unsaid: str | None
) -> None:
    house = at_vendor(kind)
    house.publish("ann")
    house.push()
    told = destination_health(house.home, house.config, at())[0]
    assert said in told.sentence() and (unsaid is None or unsaid not in told.sentence())
    assert told.as_dict()["unverified_facts"]


def asked(house: House) -> tuple[str, str]:
    """What the doctor says of the destination when it may ask: level and sentence."""
    found = [one for one in doctor(house.home, house.config, online=True) if one.topic == "destinations"]
    return found[0].level, found[0].sentence()


def told_of(house: House) -> DestinationHealth:
    with warehouse(house.home) as con:
        copy_state(con, house.home)
    return destination_health(house.home, house.config, at())[0]


def test_lists_that_nobody_mapped_stand_with_the_destination_until_somebody_does(at_vendor: Open) -> None:
    house = at_vendor(SendGrid)
    house.publish("ann")
    house.push()
    assert told_of(house).unmapped_lists == () and told_of(house).lists_itself
    house.vendor.groups |= {str(number) for number in range(500, 507)}
    house.vendor.rows |= {str(number): {} for number in range(500, 507)}
    house.push(1)
    house.push(2)
    told = told_of(house)
    assert (len(told.unmapped_lists), told.unmapped_since) == (7, at(1))
    assert "7 lists in no scope, so nothing is suppressed there (500, 501, 502, 503, 504, ...)" in told.sentence()
    house.vendor.groups = {"123"}
    house.push(3)
    assert told_of(house).unmapped_lists == ()


def test_a_key_that_may_not_list_says_that_a_new_list_goes_unnoticed(at_vendor: Open) -> None:
    house = at_vendor(SendGrid)
    house.publish("ann")
    house.vendor.fail("answer", on=lambda request: request.path == "/v3/asm/groups", times=9, reply=Reply(403, {"errors": []}))
    result = house.push()
    assert result.accepted == 2, "what can be suppressed is"
    assert "the lists at sendgrid could not be listed: whether one is in no scope, nobody knows" in result.alarms
    told = told_of(house)
    assert not told.lists_itself and told.unmapped_lists == ()
    assert "it does not say which lists there are: a new one goes unnoticed" in told.sentence()


def test_sparkpost_has_the_list_of_marketing_mail_in_every_account(at_vendor: Open) -> None:
    house = at_vendor(SparkPost, scopes=["*"], lists={"*": "transactional"})
    house.publish("ann")
    assert any("in no scope of this destination" in alarm for alarm in house.push().alarms)
    assert told_of(house).unmapped_lists == ("non_transactional",)


def test_the_doctor_asks_a_destination_and_changes_nothing(at_vendor: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    house = at_vendor(Postmark)
    assert asked(house)[0] == "ok" and not any(request.writes for request in house.vendor.requests)
    assert not [one for one in doctor(house.home, house.config) if one.topic == "destinations"], "only when it is told to"
    house.configure(lists={"*": "broadcast", "acme/news": "gone"})
    level, said = asked(house)
    assert level == "broken" and "postmark has no list gone" in said
    house.configure()
    monkeypatch.setenv("TEST_VENDOR_KEY", "a-wrong-key")
    level, said = asked(house)
    assert level == "broken" and "status 401" in said and "a server's own token" in said and "a-wrong-key" not in said
    assert not any(request.writes for request in house.vendor.requests)


def test_sendgrid_a_group_that_is_gone_widens_nothing(at_vendor: Open) -> None:
    house = at_vendor(SendGrid)
    house.vendor.groups.clear()
    house.publish("ann", scope="acme/news")
    with pytest.raises(ConfigError) as caught:
        house.push()
    assert caught.value.problems[0] == "lists.acme/news: sendgrid has no list 123"
    assert house.vendor.there("*") == set(), "the vendor would have put her on the list of everything"
    assert house.state("ann", "acme/news")[0::3] == ("rejected", "no_such_list")


def test_postmark_a_bounce_is_in_force_and_is_nobodys_opt_out(at_vendor: Open) -> None:
    house = at_vendor(Postmark)
    for name, reason in (("ann", "HardBounce"), ("bob", "HardBounce"), ("cy", "SpamComplaint")):
        house.vendor.rows["broadcast"][house.identifier(name)] = Entry(False, {"reason": reason})
    house.publish("ann")
    result = house.push()
    assert [row["email"] for row in house.brought_home()] == ["cy@example.com"], "only who asked"
    assert result.missing == 0 and house.state("ann")[0] == "verified", "she is kept from, whoever put her there"
    house.publish("zoe", lifted=("ann", "cy"))
    house.push(1)
    house.push(2)
    assert house.vendor.there("*") == house.names("ann", "bob", "cy", "zoe")


def test_postmark_a_complaint_about_a_row_of_ours_is_not_lifted(at_vendor: Open) -> None:
    house = at_vendor(Postmark)
    house.publish("ann", "bob")
    house.push()
    house.vendor.rows["broadcast"][house.identifier("ann")] = Entry(False, {"reason": "SpamComplaint"})
    house.publish("bob", lifted=("ann",))
    house.push(1)
    house.push(2)
    assert house.identifier("ann") in house.vendor.there("*")
    assert "ann@example.com" in [row["email"] for row in house.brought_home()]


def test_mailgun_an_opt_out_of_one_tag_proves_nothing_and_is_told_of(at_vendor: Open) -> None:
    house = at_vendor(Mailgun)
    for name in ("ann", "eve"):
        house.vendor.rows["mg.example.com"][house.identifier(name)] = Entry(False, {"tags": ["offers"]})
    house.publish("ann")
    result = house.push()
    assert house.vendor.rows["mg.example.com"]["ann@example.com"].more["tags"] == ["*", "offers"]
    assert any("2 rows at mailgun opt out of a part of a list only" in alarm for alarm in result.alarms)
    house.publish("bob", lifted=("ann",))
    house.push(1)
    assert house.vendor.rows["mg.example.com"]["ann@example.com"].more["tags"] == ["offers"], "only our tag is lifted"


def test_mailgun_nobody_is_lifted_by_an_empty_address(at_vendor: Open, stream: Any, a_push: Any) -> None:
    house = at_vendor(Mailgun)
    house.publish("ann", "bob")
    house.push()
    destination: Any = destination_for("there", house.config, house.home)
    destination.open(a_push)
    with pytest.raises(PermanentError, match="no usable value for identifier"):
        destination.release(stream({"identifier": ""}))
    assert house.vendor.there("*") == house.names("ann", "bob")


def test_sparkpost_says_who_wrote_a_row_so_another_home_is_noticed_and_taken_over(at_vendor: Open) -> None:
    house = at_vendor(SparkPost)
    house.publish("ann", "bob")
    house.push(1)
    other = house.copied("other")
    other.publish("ann", "bob", "cy")
    assert other.push(2).accepted == 2
    house.publish("bob", lifted=("ann",))
    result = house.push(3)
    assert any("a copy or an earlier state of this home" in alarm for alarm in result.alarms)
    assert (result.released, result.found) == (0, 2) and house.identifier("ann") in house.vendor.there("*")
    assert take_over(house.home, house.config, "there", person="Ines", reason="the copy is gone", now=at(4)) == 1


def test_sparkpost_lifts_the_row_of_one_kind_of_mail_and_leaves_the_other(at_vendor: Open) -> None:
    house = at_vendor(SparkPost, scopes=["*"], lists={"*": "non_transactional"})
    house.vendor.rows["transactional"]["ann@example.com"] = Entry(False)
    house.publish("ann", "bob")
    house.push()
    assert house.brought_home() == [], "the other kind is in no scope"
    house.publish("bob", lifted=("ann",))
    assert house.push(1).released == 1
    assert (house.vendor.there("*"), house.vendor.there("acme/news")) == (house.names("bob"), house.names("ann"))


def test_brevo_somebody_who_is_a_contact_already_is_marked_and_the_others_are_left_alone(at_vendor: Open) -> None:
    house = at_vendor(Brevo)
    house.vendor.contacts |= {"ann@example.com", "eve@example.com"}
    house.publish("ann", "bob")
    house.push()
    assert house.vendor.there("*") == house.names("ann", "bob")
    assert all(request.json["emailBlacklisted"] for request in house.vendor.requests if request.method == "POST")


def test_brevo_lifts_nothing_until_the_configuration_says_that_one_home_alone_writes(at_vendor: Open) -> None:
    house = at_vendor(Brevo, lifts=False)
    house.publish("ann", "bob")
    house.push()
    house.publish("bob", lifted=("ann",))
    assert [held.reason for held in house.push(1).held] == ["cannot_release"]
    assert "it lifts nothing" in destination_health(house.home, house.config, at())[0].sentence()
    house.configure(lifts=True)
    assert "it lifts nothing" not in destination_health(house.home, house.config, at())[0].sentence()
    assert house.push(2).released == 1 and house.vendor.there("*") == house.names("bob")


def test_mailchimp_never_sends_a_status_but_unsubscribed_and_takes_its_bare_403_for_a_throttle(at_vendor: Open) -> None:
    house = at_vendor(Mailchimp)
    house.vendor.fail("answer", on=house.vendor.is_put, times=99, reply=Reply(403, b"<html>Access Denied</html>"))
    house.publish("ann")
    with pytest.raises(TransientError, match="asks for a pause"):
        house.push()
    house.vendor.faults.clear()
    house.push(1)
    house.publish("bob", lifted=("ann",))
    house.push(2)
    bodies = [member["status"] for request in house.vendor.requests if request.writes for member in request.json["members"]]
    assert set(bodies) == {"unsubscribed"} and {request.method for request in house.vendor.requests} == {"GET", "POST"}


@pytest.mark.parametrize(
    ("key", "base"),
    [
        ("0123456789abcdef-us21", "https://us21.api.mailchimp.com"),
        ("0123456789abcdef", None),
        ("0123456789abcdef-us21.evil.example.com/", None),
    ],
)
def test_mailchimp_reads_its_host_from_the_key_and_from_nothing_else(key: str, base: str | None) -> None:
    from orchestration.destinations.systems import mailchimp

    assert mailchimp._base(key) == base


def test_twilio_answers_once_and_what_it_took_is_never_called_proved(at_vendor: Open) -> None:
    house = at_vendor(Twilio)
    house.vendor.poison = house.names("bob")
    house.publish("ann", "bob")
    result = house.push()
    assert (result.verify_class, result.verified, result.accepted, result.rejected) == ("receipt", 0, 2, 2)
    assert house.state("ann")[0] == "sent" and house.state("bob")[3] == "invalid_contact_id"
    items = [dict(request.form) for request in house.vendor.requests]
    assert all('"status":"opt-out"' in item["Items"] for item in items)


def test_a_webhook_that_refuses_the_signature_or_answers_nonsense_is_not_believed(at_vendor: Open, monkeypatch: Any) -> None:
    house = at_vendor(Receiver)
    house.publish("ann")
    house.vendor.fail("answer", reply=Reply(200, {"rejected": [{"index": 9, "code": "x"}]}))
    with pytest.raises(PermanentError, match="not named by their place in the batch"):
        house.push()
    assert house.state("ann")[0] != "sent", "an answer that makes no sense is no answer"
    house.push(1)
    assert house.state("ann")[0] == "sent"
    row = house.vendor.requests[-1].json["data"]["rows"][0]
    assert set(row) == {"channel", "identifier_type", "identifier", "scope", "reason", "suppressed_since"}


@pytest.mark.parametrize(
    ("case", "url", "said"),
    [
        ("without TLS", "http://hooks.example.com/in", "is not encrypted"),
        ("a secret in it", "https://hooks.example.com/in?token=hidden", "holds more than a host and a path"),
        ("no path", "https://hooks.example.com", "has no plain path"),
        ("a template", "https://hooks.example.com/{list}", "has no plain path"),
        ("right", "https://hooks.example.com/in", None),
    ],
)
def test_the_address_of_a_webhook(at_vendor: Open, case: str, url: str, said: str | None) -> None:
    house = at_vendor(Receiver)
    text = house.vendor.toml("there").replace(f"{house.vendor.url}/hooks/suppressions", url)
    problems = settings_problems(parse_config(text, house.home.config_file), house.home)
    assert (problems == []) if said is None else (len(problems) == 1 and said in problems[0] and "hidden" not in problems[0]), (
        case
    )


@pytest.mark.parametrize(
    ("case", "scopes", "lists", "said"),
    [
        ("each has one", ["*", "acme/news"], {"*": "global", "acme/news": "123"}, None),
        ("a scope without a list", ["*", "acme/news"], {"*": "global"}, "no list for acme/news"),
        ("a list without a scope", ["*"], {"*": "global", "acme/news": "123"}, "acme/news is not in scopes"),
        ("not a list of this vendor", ["*"], {"*": "News letter"}, "the list of * is not"),
        ("one list for two scopes", ["acme", "outlet"], {"acme": "123", "outlet": "123"}, "123 stands for several scopes"),
        ("none at all", ["*"], {}, "no list for *"),
    ],
)
def test_scopes_and_lists_fit(at_vendor: Open, case: str, scopes: list[str], lists: dict[str, str], said: str | None) -> None:
    house = at_vendor(SendGrid)
    text = house.vendor.toml("there", scopes=scopes, lists=lists)
    problems = settings_problems(parse_config(text, house.home.config_file), house.home)
    assert (problems == []) if said is None else (len(problems) == 1 and said in problems[0]), f"{case}: {problems}"


def test_one_list_is_kept_by_one_destination(at_vendor: Open) -> None:
    house = at_vendor(SendGrid)
    first = house.vendor.toml("first", scopes=["acme"], lists={"acme": "123"})
    for name, lists, said in (
        ("the same list", {"outlet": "123"}, ["destinations.second: keeps 123, as [destinations.first] does"]),
        ("another", {"outlet": "124"}, []),
    ):
        second = house.vendor.toml("second", scopes=["outlet"], lists=lists)
        text = first + "\n" + second[second.index("[destinations.second]") :]
        problems = settings_problems(parse_config(text, house.home.config_file), house.home)
        assert [problem.split(";")[0] for problem in problems] == said, name


@pytest.mark.parametrize(
    ("case", "changes", "keys", "is_refused"),
    [
        ("two variables, one key", {}, ("one-key", "one-key"), True),
        ("two keys, which may be of two accounts", {}, ("one-key", "two-key"), False),
        ("one variable that is not set", {}, ("one-key", ""), False),
        ("the same variable, not set", {"api_key_env": "FIRST_KEY"}, ("", ""), True),
        ("the usual address in full", {"base_url": "https://api.sendgrid.com"}, ("one-key", "one-key"), True),
        ("in capitals, with port and slash", {"base_url": "https://API.sendgrid.com:443/"}, ("one-key", "one-key"), True),
        ("another host", {"base_url": "https://api.eu.sendgrid.com"}, ("one-key", "one-key"), False),
    ],
)
def test_one_list_is_one_list_however_it_is_written(
    at_vendor: Open, monkeypatch: Any, case: str, changes: dict[str, str], keys: tuple[str, str], is_refused: bool
) -> None:
    house = at_vendor(SendGrid)
    for variable, key in zip(("FIRST_KEY", "SECOND_KEY"), keys, strict=True):
        monkeypatch.setenv(variable, key)
    first = house.vendor.toml("first", scopes=["acme"], lists={"acme": "global"}, api_key_env="FIRST_KEY", base_url="")
    second = house.vendor.toml(
        "second", scopes=["outlet"], lists={"outlet": "global"}, **{"api_key_env": "SECOND_KEY", "base_url": "", **changes}
    )
    text = first + "\n" + second[second.index("[destinations.second]") :]
    problems = settings_problems(parse_config(text, house.home.config_file), house.home)
    assert len(problems) == is_refused, f"{case}: {problems}"
    assert not any("one-key" in problem for problem in problems)


def test_a_name_that_the_vendor_gives_once_is_one_list_under_two_keys(at_vendor: Open, monkeypatch: Any) -> None:
    for kind in (Mailgun, Mailchimp):
        house = at_vendor(kind)
        monkeypatch.setenv("SECOND_KEY", "another-key-of-the-account-us6")
        name = next(iter(house.vendor.lists.values()))
        first = house.vendor.toml("first", scopes=["acme"], lists={"acme": name})
        second = house.vendor.toml("second", scopes=["outlet"], lists={"outlet": name}, api_key_env="SECOND_KEY")
        text = first + "\n" + second[second.index("[destinations.second]") :]
        problems = settings_problems(parse_config(text, house.home.config_file), house.home)
        assert len(problems) == 1 and f"keeps {name}" in problems[0], kind


def test_the_one_list_of_a_system_needs_no_mapping_for_one_scope(at_vendor: Open) -> None:
    house = at_vendor(Brevo)
    text = "\n".join(line for line in house.vendor.toml("there").split("\n") if not line.startswith("lists"))
    assert settings_problems(parse_config(text, house.home.config_file), house.home) == []


def test_a_row_that_is_not_written_as_documented_ends_the_read_and_nothing_counts_as_lost(at_vendor: Open) -> None:
    house = at_vendor(SendGrid)
    house.publish("ann", "bob")
    house.push()
    for body in ([{"mail": "x"}], [7], [None]):
        house.vendor.fail("answer", on=house.vendor.is_read, times=99, reply=Reply(200, body))
        result = house.push(1)
        assert any("the read-back failed" in alarm for alarm in result.alarms) and result.missing == 0, body
        house.vendor.faults.clear()


def test_what_a_vendor_writes_in_its_own_way_is_one_address(at_vendor: Open) -> None:
    house = at_vendor(SendGrid)
    rows = house.vendor.rows["global"]
    for written in ("Ann@Example.COM", " bob@example.com", "nobody", "j\u00f6rg@xn--bcher-kva.example"):
        rows[written] = Entry(False)
    house.publish("ann", "bob")
    result = house.push()
    assert house.state("ann")[0] == house.state("bob")[0] == "verified"
    assert any("1 row there makes no sense" in alarm for alarm in result.alarms), "it is counted and left alone"
    assert len(rows) == 4
