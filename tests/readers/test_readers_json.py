"""JSON in the shapes that vendors send it, exact to the digit, and broken in the ways that files break."""

from __future__ import annotations

import json
from urllib.parse import quote_plus

import pytest

from tests.readers.conftest import Desk, feed

EVENTS = feed({"email": ["email", "recipient"], "event": ["event"], "ts": ["timestamp"]}, reader="json")
ONE, TWO = (
    {"email": "a@example.com", "event": "unsubscribe", "timestamp": 1},
    {"email": "b@example.com", "event": "open", "timestamp": 2},
)
ROWS = [("a@example.com", "unsubscribe", "1"), ("b@example.com", "open", "2")]
LINES = f"{json.dumps(ONE)}\n{json.dumps(TWO)}\n"


@pytest.mark.parametrize(
    ("case", "content"),
    [
        ("lines", LINES),
        ("lines with blank ones and CRLF", "\r\n" + LINES.replace("\n", "\r\n\r\n")),
        ("lines with commas", LINES.replace("}\n", "},\n")),
        ("utf-8 mark", "\ufeff" + LINES),
        ("array", json.dumps([ONE, TWO])),
        ("array, printed for people", json.dumps([ONE, TWO], indent=2)),
        ("objects, printed for people", json.dumps(ONE, indent=4) + "\n" + json.dumps(TWO, indent=4)),
        ("one after another", json.dumps(ONE) + json.dumps(TWO)),
        ("an array per line", f"[{json.dumps(ONE)}]\n[{json.dumps(TWO)}]\n"),
        ("an array of arrays", json.dumps([[ONE], [TWO]])),
        ("encoded twice", json.dumps(json.dumps([ONE, TWO]))),
        ("each line encoded twice", f"{json.dumps(json.dumps(ONE))}\n{json.dumps(json.dumps(TWO))}\n"),
        ("record separators", "\x1e" + json.dumps(ONE) + "\n\x1e" + json.dumps(TWO) + "\n"),
        ("keys in other case", LINES.replace("email", " EMAIL ")),
        ("another label", LINES.replace("email", "recipient")),
    ],
)
def test_two_records_come_through(desk: Desk, case: str, content: str) -> None:
    file = desk.read(EVENTS, content, "events.json")
    assert desk.values(file) == ROWS, case
    assert [row["_record_no"] for row in desk.rows(file)] == [1, 2], case
    assert (file.physical, file.loaded, file.quarantined, file.skipped) == (2, 2, 0, 0), case


def test_utf_16_is_read_too(desk: Desk) -> None:
    assert desk.values(desk.read(EVENTS, LINES.encode("utf-16"), "events.json")) == ROWS


@pytest.mark.parametrize(
    "text",
    [
        "1586548800.123", "1377213791.421473", "1.10", "1e5", "1E5", "-0", "-0.00750", "0.000001", "9007199254740993",
        "12345678901234567890123", "18446744073709551616", "0.1234567890123456789", "1e400", "100000000000000000000.5", "1.0",
    ],
)  # fmt: skip
@pytest.mark.parametrize("shape", ["line", "array", "broken neighbour"])
def test_a_number_keeps_its_digits(desk: Desk, text: str, shape: str) -> None:
    record = f'{{"email":"a@example.com","timestamp":{text},"nested":[{text}]}}'
    content = {"line": record + "\n", "array": f"[{record}]", "broken neighbour": record + "\n{broken\n"}[shape]
    (row,) = desk.rows(desk.read(EVENTS, content, "events.json"))
    assert row["ts"] == text
    raw = desk.con.execute("select _extra from raw.acme__optouts").fetchall()[0][0]
    assert raw == f'{{"nested":[{text}]}}'


def test_values_become_text_and_null_stays_null(desk: Desk) -> None:
    kinds = feed({name: [name] for name in ("s", "e", "n", "t", "f", "o", "a", "missing")}, reader="json")
    record = '{"s":" x ","e":"","n":null,"t":true,"f":false,"o":{"k":[1,{"z":"é"}]},"a":["a","b"]}'
    expected = (" x ", "", None, "true", "false", '{"k":[1,{"z":"é"}]}', '["a","b"]', None)
    quick = desk.read(kinds, record + "\n", "events.json")
    careful = desk.read(kinds, record + "\n{", "careful.json")
    assert [desk.values(file) for file in (quick, careful)] == [[expected], [expected]]
    assert [quick.reader, careful.reader] == ["duckdb", "python"]


@pytest.mark.parametrize("tail", ["", "{broken"])
def test_what_no_column_takes_is_kept(desk: Desk, tail: str) -> None:
    record = {"email": "a@example.com", "recipient": "b@example.com", "event": None, "more": None, "list": [1], "ü": "ü"}
    (row,) = desk.rows(desk.read(EVENTS, json.dumps(record) + "\n" + tail, "events.json"))
    assert (row["email"], row["event"]) == ("a@example.com", None)
    assert row["_extra"] == {"recipient": "b@example.com", "more": None, "list": [1], "ü": "ü"}
    other = {"email": None, "recipient": "b@example.com"}
    (file,) = desk.deliver((EVENTS,), {"other.json": json.dumps(other) + "\n" + tail})
    assert [(row["email"], row["_extra"]) for row in desk.rows(file)] == [("b@example.com", None)]


@pytest.mark.parametrize("tail", ["", "{broken"])
def test_a_dotted_label_leads_into_objects_arrays_and_texts_that_hold_json(desk: Desk, tail: str) -> None:
    notices = feed(
        {
            "email": ["data.Email", "bounce.bouncedRecipients.0.emailAddress", "Message.mail.to"],
            "flat": ["flat.key"],
            "kind": ["Message.type"],
        },
        reader="json",
    )
    records = [
        {"data": {"email": "a@example.com"}, "flat.key": "f"},
        {"bounce": {"bouncedRecipients": [{"emailAddress": "b@example.com"}]}, "flat": {"key": "g"}},
        {"data": {"email": None}, "data.x": 1},
    ]
    plain = desk.read(notices, "\n".join(map(json.dumps, records)) + "\n" + tail, "plain.json")
    assert desk.values(plain) == [("a@example.com", "f", None), ("b@example.com", "g", None), (None, None, None)]
    assert desk.rows(plain)[0]["_extra"] == {"data": {"email": "a@example.com"}}
    wrapped = {"Message": json.dumps({"type": "Bounce", "mail": {"to": "c@example.com"}})}
    (file,) = desk.deliver((notices,), {"wrapped.json": json.dumps(wrapped) + tail})
    assert desk.values(file) == [("c@example.com", None, "Bounce")]


@pytest.mark.parametrize("tail", ["", "{broken"])
def test_a_star_in_a_label_leads_into_each_item_of_an_array(desk: Desk, tail: str) -> None:
    """Who bounced is a list of objects: reading the first of them only would lose the others without a word."""
    notices = feed(
        {
            "emails": ["bounce.recipients.*.address", "Message.bounce.recipients.*.address", "to"],
            "codes": ["bounce.recipients.*.code"],
        },
        reader="json",
    )
    two = {"bounce": {"recipients": [{"address": "a@example.com", "code": 1}, {"address": "b@example.com"}]}}
    records = [
        two,
        {"Message": json.dumps(two)},
        {"bounce": {"recipients": []}, "to": "c@example.com"},
        {"bounce": {"recipients": [{}]}},
    ]
    file = desk.read(notices, "\n".join(map(json.dumps, records)) + "\n" + tail, "star.json")
    both = '["a@example.com","b@example.com"]'
    assert desk.values(file) == [(both, "[1]"), (both, None), ("c@example.com", None), (None, None)]


def test_a_form_that_a_webhook_posted_is_a_record(desk: Desk) -> None:
    hooks = feed({"email": ["data[email]"], "event": ["type"]}, reader="json")
    content = (
        "type=unsubscribe&fired_at=2026-03-01+10%3A00%3A00&data%5Bemail%5D=a%2Bb%40example.com\n"
        "type=subscribe&data[email]=b@example.com\r\n"
        '{"type": "cleaned", "data[email]": "c@example.com"}\n'
        "type=unsubscribe&data%5Bemail%5D=d%40example.com&data%5Bemail%5D=e%40example.com\n"
        "nothing at all=here & there\n"
        "one=1\n"
    )
    file = desk.read(hooks, content, "hooks.txt")
    assert desk.values(file)[0] == ("a+b@example.com", "unsubscribe")
    assert ("c@example.com", "cleaned") in desk.values(file)
    reasons = [reason for _, reason, _ in desk.quarantine(file)]
    assert "repeated_key" in reasons and reasons.count("not_json") >= 2, reasons


def test_a_form_may_wrap_json(desk: Desk) -> None:
    hooks = feed({"email": ["msg.email"], "event": ["event"]}, reader="json", records_path="mandrill_events")
    wrapped = "mandrill_events=" + quote_plus(
        json.dumps([{"event": "spam", "msg": {"email": "a@example.com"}}, {"event": "open"}])
    )
    file = desk.read(hooks, f"{wrapped}\n{wrapped}\n", "hooks.txt")
    assert desk.values(file) == [("a@example.com", "spam"), (None, "open")] * 2


def test_records_named_by_their_ids(desk: Desk) -> None:
    pages = feed({"email": ["email"]}, reader="json", records_path="contacts.*")
    content = "\n".join(
        json.dumps(page)
        for page in (
            {"contacts": {"12": {"email": "a@example.com"}, "13": {"email": "b@example.com"}}},
            {"contacts": [{"email": "c@example.com"}]},
            {"contacts": []},
            {"contacts": {}},
            {"error": "rate limit"},
        )
    )
    file = desk.read(pages, content, "pages.json")
    assert desk.values(file) == [("a@example.com",), ("b@example.com",), ("c@example.com",)]
    assert [reason for _, reason, _ in desk.quarantine(file)] == ["records_path_missing"]
    assert file.skipped == 2, "a page without records is no record"


def test_records_behind_a_path(desk: Desk) -> None:
    pages = feed({"email": ["email"]}, reader="json", records_path="data.items")
    content = "\n".join(
        json.dumps(page)
        for page in (
            {"data": {"items": [{"email": "a@example.com"}, {"email": "b@example.com"}]}, "next": 2},
            {"data": {"items": []}},
            {"data": {"items": None}},
            {"error": "rate limit"},
            {"data": {"items": {"email": "c@example.com"}}},
            {"DATA": {"Items": [{"email": "d@example.com"}, 7, None]}},
        )
    )
    file = desk.read(pages, content, "pages.json")
    assert [(row["_record_no"], row["email"]) for row in desk.rows(file)] == [
        (1, "a@example.com"),
        (2, "b@example.com"),
        (6, "c@example.com"),
        (7, "d@example.com"),
        (8, "7"),
    ]
    assert [(number, reason) for number, reason, _ in desk.quarantine(file)] == [
        (5, "records_path_missing"),
        (9, "not_an_object"),
    ]
    assert file.skipped == 2, "a page without records is no record"


def test_an_object_without_the_path_is_a_record_only_if_it_has_what_is_required(desk: Desk) -> None:
    messages = feed({"sid": ["sid"], "body": ["body"]}, reader="json", requires=("sid",), records_path="messages")
    content = '{"messages":[{"sid":"1"}]}\n{"sid":"2","body":"STOP"}\n{"error":"rate limit"}\n'
    file = desk.read(messages, content, "messages.json")
    assert desk.values(file) == [("1", None), ("2", "STOP")]
    assert [(number, reason) for number, reason, _ in desk.quarantine(file)] == [(3, "records_path_missing")]


def test_bare_values_are_records_of_the_first_column_or_of_value(desk: Desk) -> None:
    group = feed({"email": ["email"], "group": ["group"]}, reader="json")
    file = desk.read(group, '["a@example.com", "b@example.com", 2015550101]', "group.json")
    assert desk.values(file) == [("a@example.com", None), ("b@example.com", None), ("2015550101", None)]
    named = feed({"group": ["group"], "email": ["value"]}, reader="json", name="named")
    (file,) = desk.deliver((named,), {"named.json": '["a@example.com"]'})
    assert desk.values(file) == [(None, "a@example.com")]


OK_A, OK_B = '{"email":"a"}', '{"email":"b"}'


@pytest.mark.parametrize(
    ("case", "content", "refused"),
    [
        ("a broken line", f'{OK_A}\n{{"email":\n{OK_B}\n', [(2, "not_json", '{"email":')]),
        (
            "two broken lines",
            f'{OK_A}\n{{"email":\n{{"email"\n{OK_B}',
            [(2, "not_json", '{"email":'), (3, "not_json", '{"email"')],
        ),
        ("an unclosed text", f'{OK_A}\n{{"email":"x}}\n{OK_B}\n', [(2, "not_json", '{"email":"x}')]),
        ("a remark between", f"{OK_A}\nError: time out\n{OK_B}\n", [(2, "not_json", "Error: time out")]),
        ("a bracket too many", f"{OK_A}}}\n{OK_B}\n", [(2, "not_json", "}")]),
        ("within an array", f'[{OK_A},{{"email":}},{OK_B}]', [(2, "not_json", '{"email":}')]),
        ("an unclosed text within an array", f'[{OK_A},{{"email":"x}},{OK_B}]', [(2, "not_json", '{"email":"x}')]),
        (
            "within a printed array",
            f'[\n  {OK_A},\n  {{\n    "email": ,\n  }},\n  {OK_B}\n]',
            [(2, "not_json", '{\n    "email": ,\n  }')],
        ),
        (
            "an array cut off within a record",
            f'[{OK_A},{OK_B},{{"ema',
            [(3, "truncated", '{"ema'), (4, "truncated", "")],
        ),
        ("an array cut off between records", f"[{OK_A},{OK_B},", [(3, "truncated", "")]),
        ("lines cut off", f'{OK_A}\n{OK_B}\n{{"em', [(3, "truncated", '{"em')]),
        (
            "no objects",
            f"[{OK_A}, null, true, [1], {OK_B}]",
            [(2, "not_an_object", "null"), (3, "not_an_object", "true"), (4, "not_an_object", "[1]")],
        ),
        ("a key twice", f'{OK_A}\n{{"email":"x","email":"y"}}\n{OK_B}', [(2, "repeated_key", '{"email":"x","email":"y"}')]),
        ("half a pair", f'{OK_A}\n{{"email":"\\ud83d"}}\n{OK_B}\n', [(2, "invalid_unicode", '{"email":"\\ud83d"}')]),
        (
            "a zero character",
            f'{{"email":"a\\u0000"}}\n{{"email":"x\\u0000y"}}\n{OK_B}\n',
            [(2, "nul_bytes", '{"email":"x\\u0000y"}')],
        ),
        (
            "a function call around it",
            f"callback([{OK_A},{OK_B}]);",
            [(1, "not_json", "callback("), (4, "not_json", ");")],
        ),
    ],
)
def test_what_is_broken_is_quarantined_and_the_rest_goes_on(
    desk: Desk, case: str, content: str, refused: list[tuple[int, str, str]]
) -> None:
    file = desk.read(EVENTS, content, "events.json")
    assert [row["email"] for row in desk.rows(file)] == ["a", "b"], case
    assert desk.quarantine(file) == refused, case


def test_a_line_end_within_a_text_is_part_of_it(desk: Desk) -> None:
    file = desk.read(EVENTS, f'{OK_A}\n{{"email":"b\n"}}\n', "events.json")
    assert [row["email"] for row in desk.rows(file)] == ["a", "b\n"]


@pytest.mark.parametrize("depth", [65, 5_000, 100_000])
def test_a_record_nested_too_deep_is_quarantined(desk: Desk, depth: int) -> None:
    deep = '{"email":"x","n":' + "[" * depth + "]" * depth + "}"
    file = desk.read(EVENTS, f'{{"email":"a"}}\n{deep}\n{{"email":"b"}}\n', "events.json")
    assert [row["email"] for row in desk.rows(file)] == ["a", "b"]
    assert [(number, reason) for number, reason, _ in desk.quarantine(file)] == [(2, "too_deep")]


@pytest.mark.parametrize(
    ("case", "content"), [("empty array", "[]"), ("empty arrays", "[]\n[ ]"), ("empty page", '{"data":{"items":[]}}')]
)
def test_no_records_is_no_error(desk: Desk, case: str, content: str) -> None:
    file = desk.read(feed({"email": ["email"]}, reader="json", records_path="data.items"), content, "none.json")
    assert (file.loaded, file.quarantined) == (0, 0), case


def test_an_object_that_has_none_of_the_columns_is_kept_whole(desk: Desk) -> None:
    (row,) = desk.rows(desk.read(EVENTS, '{"x": 1}\n', "events.json"))
    assert (row["email"], row["_extra"]) == (None, {"x": 1})
