"""Which column is which: other spellings, several columns of one label, what must be there, and what nobody reads."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestration.readers.feeds import Column, Feed, all_feeds
from orchestration.readers.layout import look_for_layout, normalised
from orchestration.readers.unread import note_unread
from tests.readers.conftest import Desk, feed

PEOPLE = replace(
    feed({}, reader="auto", name="people", requires=("at",)),
    columns=(
        Column("at", ("requested_at", "date")),
        Column("action", ("action", "request_type"), "one"),
        Column("email", ("email", "mail"), "join"),
        Column("phone", ("phone", "mobile", "phone value"), "join"),
    ),
    requires_any=(("email",), ("phone",)),
    ignored=("exported at",),
)
DAY = "2026-03-01"


def of(vendor: str, name: str) -> Feed:
    return next(feed for feed in all_feeds() if (feed.vendor, feed.feed) == (vendor, name))


@pytest.mark.parametrize(
    ("header", "column"),
    [
        ("date,action,mobile", "requested_at"),
        ("Opt-Out Date,action,mobile", "requested_at"),
        ("unsubscribedAt,action,mobile", "requested_at"),
        ("requested_at,request_type,mobile", "action"),
        ("requested_at,action,E-Mail", "email"),
        ("requested_at,action,Email Address *", "email"),
        ("requested_at,action,E-mail 2 - Value", "email"),
        ("requested_at,action,Adresse e-mail", "email"),
        ("requested_at,action,correo electrónico", "email"),
        ("requested_at,action,Mobile Phone", "phone"),
        ("requested_at,action,MSISDN", "phone"),
        ("requested_at,action,Handynummer", "phone"),
        ("requested_at,action,tel,channel", "channels"),
        ("requested_at,action,tel,first_name", "first_name"),
        ("requested_at,action,tel,Post Code", "postal_code"),
    ],
)
def test_other_spellings_of_a_label_are_known(header: str, column: str) -> None:
    requests = of("canonical", "requests")
    layout = look_for_layout(f"{header}\n", requests).layout
    assert column in layout.present(requests) and not requests.lacks(layout.present(requests)), header


@pytest.mark.parametrize(
    "label", ["mobile", "work_email", "Email 2", "E-mail 2 - Value", "Phone 1 - Value", "Home Phone 2", "first_name"]
)
def test_a_crm_has_many_labels_for_how_to_reach_somebody(label: str) -> None:
    contacts = of("canonical", "contacts")
    layout = look_for_layout(f"customer_id,name,{label}\n", contacts).layout
    assert not layout.extras, label


@pytest.mark.parametrize("label", ["AssistantPhone", "Assistant Phone", "Asst. Phone"])
def test_the_number_of_a_persons_assistant_is_not_that_persons(label: str) -> None:
    people = of("salesforce", "people")
    layout = look_for_layout(f"Email,{label},DoNotCall\n", people).layout
    assert layout.present(people) == {"email", "do_not_call"} and [name for _, name in layout.extras] == [label]
    assert normalised(label) in {normalised(ignored) for ignored in people.ignored}, (
        "nor is it told each day as one that nobody reads"
    )


@pytest.mark.parametrize(
    ("why", "content"),
    [
        ("one label twice", f"requested_at,action,email,email,phone\n{DAY},stop,a@example.com,b@example.com,1\n"),
        ("alias and label", f"requested_at,action,mail,email,phone\n{DAY},stop,b@example.com,a@example.com,1\n"),
        ("numbered", f"requested_at,action,email 1,email 2,phone\n{DAY},stop,a@example.com,b@example.com,1\n"),
        ("as json", f'{{"requested_at":"{DAY}","action":"stop","email":"a@example.com","mail":"b@example.com","phone":"1"}}\n'),
        ("a list in it", f'{{"date":"{DAY}","action":"stop","email":["a@example.com"],"mail":"b@example.com","phone":"1"}}\n'),
    ],
)
def test_every_column_of_addresses_counts(desk: Desk, why: str, content: str) -> None:
    file = desk.read(PEOPLE, content)
    assert desk.values(file) == [(DAY, "stop", "a@example.com;b@example.com", "1")], why


def test_the_first_of_several_times_that_is_not_empty_counts(desk: Desk) -> None:
    file = desk.read(PEOPLE, f"date,requested_at,email\n2026-01-01,{DAY},a@example.com\n2026-01-02,,b@example.com\n")
    assert [row[0] for row in desk.values(file)] == [DAY, "2026-01-02"]


@pytest.mark.parametrize(
    "content",
    [
        f"requested_at,action,action,email\n{DAY},stop,start,a@example.com\n{DAY},Stop,stop,b@example.com\n",
        f"requested_at,action,request_type,email\n{DAY},stop,start,a@example.com\n{DAY},,stop,b@example.com\n",
        f"requested_at,requested_at,action,email\n{DAY},2026-03-02,stop,a@example.com\n{DAY},,stop,b@example.com\n",
        f"requested_at,action,action,email\n{DAY},stop,start,a@example.com\n{DAY},stop,,b@example.com\nx\n",  # record by record
        f'{{"requested_at":"{DAY}","action":"stop","request_type":"start","email":"a@example.com"}}\n'
        f'{{"requested_at":"{DAY}","action":"stop","email":"b@example.com"}}\n',
    ],
)
def test_a_record_that_says_two_things_is_refused_whole_and_the_others_are_read(desk: Desk, content: str) -> None:
    file = desk.read(PEOPLE, content)
    assert [row[2] for row in desk.values(file)] == ["b@example.com"]
    (_, reason, text), *_ = desk.quarantine(file)
    assert reason == "conflicting_values" and text is not None and "a@example.com" in text


@pytest.mark.parametrize(
    ("content", "lacking"),
    [
        ("request day,action,email\n2026-03-01,stop,a@example.com\n", "at"),
        ("date,action\n2026-03-01,stop\n", "one of email, phone"),
        ('{"action":"stop","email":"a@example.com"}\n', "at"),
        ('{"action":"stop","email":"a@example.com","x":"\\u0041"}\n', "at"),
        ('{"action":"stop","email":"a@example.com","action":"stop"}\n{"action":"stop","email":"a@example.com"}\n', "at"),
    ],
)
def test_a_file_without_a_required_column_is_refused_and_says_what_it_has(desk: Desk, content: str, lacking: str) -> None:
    file = desk.read(PEOPLE, content)
    ((_, reason, _),) = desk.quarantine(file)
    assert (file.loaded, reason) == (0, "missing_columns")
    assert f"requires: {lacking}" in file.detail and "'action'" in file.detail and "a@example.com" not in file.detail


def unread(desk: Desk) -> list[tuple[str, str, str | None, bool]]:
    return desk.con.execute("select label, looks_like, nearest, is_canonical from raw.unread_columns order by label").fetchall()


@pytest.mark.parametrize(
    ("label", "value", "wanted"),
    [
        ("emial", "b@example.com", [("'emial'", "e-mail addresses", "email", False)]),
        ("reach", "+1 202 555 0101", [("'reach'", "telephone numbers", None, False)]),
        ("reach", "2025550101", [("'reach'", "telephone numbers", None, False)]),
        ("when", "2026-03-01T10:00:00Z", [("'when'", "times", None, False)]),
        ("exported_at", "2026-03-01", []),
        ("remark", "call b@example.com back", []),
        ("price", "0.0088", []),
        ("seen from", "192.0.2.105", []),
        ("42 Elm Street 2025550199", "2025550101", [("(hidden)", "telephone numbers", None, False)]),
    ],
)
@pytest.mark.parametrize("form", ["csv", "json"])
def test_a_column_nobody_reads_is_named_where_addresses_numbers_or_times_stand_in_it(
    desk: Desk, label: str, value: str, wanted: list[tuple[str, str, str | None, bool]], form: str
) -> None:
    csv = f"date,email,{label}\n{DAY},a@example.com,{value}\n"
    json = f'{{"date":"{DAY}","email":"a@example.com","{label}":"{value}"}}\n'
    assert desk.read(PEOPLE, csv if form == "csv" else json).loaded == 1
    assert unread(desk) == wanted, label


@pytest.mark.parametrize(
    ("label", "value", "of_vendors", "wanted"),
    [
        ("HasOptedOutOfEmail", "True", True, True),
        ("Do Not Call", "X", True, True),
        ("Email Opt Out", "1", True, True),
        ("Email_Opt_Out__c", "true", True, True),
        ("DNC", "Yes", True, True),
        ("Unsubscribed", "ja", True, True),
        ("UNSUB_CAMPAIGN_TITLE", "Spring news", False, True),
        ("Do Not Call", "False", False, False),
        ("Do Not Call", "0", False, False),
        ("marketing_consent", "withdrawn", False, True),
        ("marketing_consent", "yes", False, True),
        ("opted_in", "no", False, True),
        ("sms state", "Unsubscribed", True, True),
        ("sms state", " OPT_OUT ", True, True),
        ("sms state", "subscribed", False, False),
        ("sms state", "was unsubscribed by mistake", False, False),
        ("sms", '"{""consents"":[{""permission"":""unsubscribed""}]}"', True, True),
        ("sms", '"{""consents"":[{""permission"":""explicit""}]}"', False, False),
        ("woodncrafts", "yes", False, False),
        ("notes", "no", False, False),
    ],
)
def test_an_answer_about_being_contacted_is_named(desk: Desk, label: str, value: str, of_vendors: bool, wanted: bool) -> None:
    """Of a vendor only what is a refusal beyond doubt: what it says of consent it says in the list itself."""
    file = desk.read(PEOPLE, f"date,email,{label}\n{DAY},a@example.com,{value}\n")
    answers = "answers about being contacted"
    assert [(looks, ours) for _, looks, _, ours in unread(desk)] == [(answers, False)] * of_vendors, f"{label} of a vendor"
    desk.con.execute("delete from raw.unread_columns")
    desk.con.execute("create table raw.canonical__people as from raw.acme__people")
    note_unread(desk.con, replace(PEOPLE, vendor="canonical"), file.file_id)
    assert [(looks, ours) for _, looks, _, ours in unread(desk)] == [("answers about being contacted", True)] * wanted, label


def test_a_page_in_an_unknown_envelope_says_how_many_records_lie_deeper(desk: Desk) -> None:
    record = f'{{"date":"{DAY}","email":"a@example.com"}}'
    file = desk.read(PEOPLE, f'{{"status":"ok","result":{{"items":[{record},{record},{record}]}}}}', "page.json")
    assert [reason for _, reason, _ in desk.quarantine(file)] == ["unknown_envelope"]
    ((detail,),) = desk.con.execute("select detail from raw.quarantine").fetchall()
    assert "3 of them at 'result'.'items'" in detail


def kept(desk: Desk, name: str) -> list[tuple[str, bool, str | None, int, int, bool]]:
    return desk.con.execute(
        "select label, is_declared, nearest, records, of_records, has_header from raw.file_columns "
        "join raw.landed_files using (file_id) where name = ? order by label",
        [name],
    ).fetchall()


def test_the_columns_of_each_file_are_kept(desk: Desk) -> None:
    desk.read(PEOPLE, f"date,email,emial,empty\n{DAY},a@example.com,none,\n{DAY},b@example.com,,\n", "list.csv")
    assert kept(desk, "list.csv") == [
        ("'emial'", False, "email", 2, 2, True),
        ("'empty'", False, None, 2, 2, True),
        ("at", True, None, 2, 2, True),
        ("email", True, None, 2, 2, True),
    ], "a header names a column also where it is empty"
    desk.read(
        PEOPLE,
        f'{{"date":"{DAY}","email":"a@example.com","phone":null,"mood":1}}\n{{"date":"{DAY}","email":"b@example.com"}}\n',
        "list.json",
    )
    assert kept(desk, "list.json") == [
        ("'mood'", False, None, 1, 2, False),
        ("at", True, None, 2, 2, False),
        ("email", True, None, 2, 2, False),
    ]
    desk.read(PEOPLE, f"date,email,exported at,a@example.com\n{DAY},a@example.com,x,y\n", "person.csv")
    assert [label for label, *_ in kept(desk, "person.csv")] == ["(hidden)", "at", "email"], (
        "no address, and nothing that is ignored"
    )


def test_of_an_object_whose_keys_are_data_a_hundred_labels_are_kept(desk: Desk) -> None:
    keys = ",".join(f'"key {number:04}":1' for number in range(300))
    desk.read(PEOPLE, f'{{"date":"{DAY}","email":"a@example.com",{keys}}}\n', "wide.json")
    labels = [label for label, is_declared, *_ in kept(desk, "wide.json") if not is_declared]
    assert labels == [f"'key {number:04}'" for number in range(100)]


def test_a_file_that_is_refused_has_no_columns(desk: Desk) -> None:
    desk.read(PEOPLE, "request day,action,email\n2026-03-01,stop,a@example.com\n", "refused.csv")
    assert kept(desk, "refused.csv") == []
