"""What is read at a glance is what the authorities say, and columns are found by what they are called and hold."""

from __future__ import annotations

import random

import duckdb
import pyarrow as pa
import pytest

from orchestration.core.channels import CHANNELS, TYPES_OF_CHANNEL
from orchestration.core.errors import ConfigError
from orchestration.core.home import CHECKOUT
from orchestration.identifiers.email_address import normalise_email
from orchestration.identifiers.phone import normalise_phone
from orchestration.scrub.campaign import Campaign
from orchestration.scrub.contact_points import _email, _phone, find_columns, nanp_areas
from tests.seed import SEED


def at_a_glance(sql: str, texts: list[str], hints: list[str]) -> list[str | None]:
    with duckdb.connect() as con:
        con.register("texts", pa.table({"n": list(range(len(texts))), "text": texts, "hint": hints}))
        return [
            None if value is None else str(value) for (value,) in con.execute(f"select {sql} from texts order by n").fetchall()
        ]


def test_a_number_read_at_a_glance_is_the_one_the_authority_reads() -> None:
    seed = SEED
    luck = random.Random(seed)
    texts, hints = [], []
    for _ in range(20_000):
        area = luck.choice([*nanp_areas(), "555", "911", "222", "888", str(luck.randint(100, 999))])
        digits = area + luck.choice([f"{luck.randint(0, 9999999):07}", area * 2 + area[0], "5550123"])
        shape = luck.choice(
            ["{0}{1}{2}", "({0}) {1}-{2}", "({0}){1}{2}", "{0}-{1}-{2}", "{0}.{1}.{2}", "{0} {1} {2}", "{0} - {1} {2}"]
        )
        prefix = luck.choice(["", "", "+1", "1", "+1 ", "1-", "+", "001", "+1-", " "])
        texts.append(prefix + shape.format(digits[:3], digits[3:6], digits[6:]))
        hints.append(luck.choice(["US", "US", "CA", "GB", ""]))
    read = at_a_glance(_phone("text", "hint"), texts, hints)
    assert sum(value is not None for value in read) > 2_000, f"seed {seed}: the glance reads hardly anything"
    for text, hint, value in zip(texts, hints, read, strict=True):
        if value is not None:
            answer = normalise_phone(text, hint)
            assert answer.e164 == f"+{value}", f"seed {seed}: {text!r} in {hint!r}"
            assert answer.number_region == nanp_areas()[value[1:4]], f"seed {seed}: whose is {text!r} in {hint!r}"


def test_an_address_read_at_a_glance_is_the_one_the_authority_reads() -> None:
    seed = SEED
    luck = random.Random(seed)
    parts = [
        "a",
        "Bob",
        "x1",
        ".",
        "-",
        "--",
        "_",
        "+",
        "@",
        "@",
        "example",
        ".com",
        ".org",
        ".test",
        ".local",
        ".C",
        "xn--",
        "0",
        " ",
        "é",
    ]
    texts = ["".join(luck.choices(parts, k=luck.randint(2, 8))) for _ in range(20_000)]
    texts += [f"{'a' * luck.randint(1, 70)}@{'b' * luck.randint(1, 70)}.com" for _ in range(500)]
    read = at_a_glance(_email("text"), texts, [""] * len(texts))
    assert sum(value is not None for value in read) > 100, f"seed {seed}: the glance reads hardly anything"
    for text, value in zip(texts, read, strict=True):
        assert value is None or normalise_email(text).email == value, f"seed {seed}: {text!r}"


def columns_of(table: dict[str, list[str]], **asked: object) -> dict[str, tuple[str, tuple[str, ...]]]:
    options = {"named": (), "channels": (), "hashed": None, **asked}
    labels = tuple(table)
    with duckdb.connect() as con:
        con.register("campaign_rows", pa.table({f"c{n}": values for n, values in enumerate(table.values())}))
        campaign = Campaign("csv", labels, "(select row_number() over () as id, * from campaign_rows)", 1, 1, ",", "utf-8", True)
        found = find_columns(con, campaign, **options)
    return {point.label: (point.kind, point.channels) for point in found.points}


@pytest.mark.parametrize(
    ("case", "table", "asked", "expected"),
    [
        ("by header", {"E-Mail Address": ["a@example.com"], "Mobile Phone": ["2025550101"]}, {},
         {"E-Mail Address": ("email", ("email",)), "Mobile Phone": ("phone", ("voice", "sms"))}),
        ("by what is in it", {"contact": ["a@example.com", "b@example.com"], "reach": ["(202) 555-0101", "202-555-0102"]}, {},
         {"contact": ("email", ("email",)), "reach": ("phone", ("voice", "sms"))}),
        ("a header alone is not enough", {"email_opt_in": ["yes"], "email": ["a@example.com"]}, {},
         {"email": ("email", ("email",))}),
        ("customers' numbers are no telephone numbers", {"customer": ["2025550101"], "email": ["a@example.com"]}, {},
         {"email": ("email", ("email",))}),
        ("a fax", {"Fax": ["2025550101"]}, {}, {"Fax": ("phone", ("fax",))}),
        ("a fax is not called", {"fax": ["2025550101"], "phone": ["2025550102"]}, {"channels": ("voice", "fax")},
         {"fax": ("phone", ("fax",)), "phone": ("phone", ("voice", "fax"))}),
        ("only what the channel is reached by", {"email": ["a@example.com"], "phone": ["2025550101"]}, {"channels": ("voice",)},
         {"phone": ("phone", ("voice",))}),
        ("ads know both", {"email": ["a@example.com"], "phone": ["2025550101"]}, {"channels": ("ads",)},
         {"email": ("email", ("ads",)), "phone": ("phone", ("ads",))}),
        ("named", {"x": ["2025550101"], "phone": ["2025550102"]}, {"named": ("X=phone",), "channels": ("voice",)},
         {"x": ("phone", ("voice",))}),
        ("mail by post only where it is said",
         {"name": ["Ann"], "address": ["1 Main St"], "zip": ["02139"], "email": ["a@example.com"]}, {},
         {"email": ("email", ("email",))}),
        ("empty so far, but called so", {"email": [""], "phone": [""]}, {},
         {"email": ("email", ("email",)), "phone": ("phone", ("voice", "sms"))}),
    ],
)  # fmt: skip
def test_columns_are_recognised(
    case: str, table: dict[str, list[str]], asked: dict[str, object], expected: dict[str, tuple[str, tuple[str, ...]]]
) -> None:
    assert columns_of(table, **asked) == expected, case


def test_a_channel_without_a_column_is_refused() -> None:
    with pytest.raises(ConfigError, match="no column for voice"):
        columns_of({"email": ["a@example.com"]}, channels=("email", "voice"))


def test_the_channels_are_the_policys() -> None:
    text = (CHECKOUT / "dbt_project" / "seeds" / "policy" / "channels.csv").read_text().split()[1:]
    assert sorted(text) == sorted(f"{channel},{kind}" for channel in CHANNELS for kind in TYPES_OF_CHANNEL[channel])
