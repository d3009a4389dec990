"""One definition of a normal identifier: whatever a normaliser gives, the gate lets out; and DuckDB reads it as Python does."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

import duckdb
import phonenumbers
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from orchestration.identifiers import email_sql, normal_form, phone_sql, postal
from orchestration.identifiers.email_address import normalise_email
from orchestration.identifiers.normal_form import FORMS, is_normal
from orchestration.identifiers.phone import normalise_phone
from tests.fuzz.targets import corpus_of
from tests.identifiers import test_email_sql, test_phone_sql
from tests.identifiers.test_postal import KNOWN, random_text
from tests.seed import SEED

NORMAL = [
    ("email", "jane@example.com"),
    ("email", "a..b.@example.ne.jp"),
    ("email", "josé@xn--bcher-kva.example"),
    ("email", "jane@exam_ple.com"),
    ("email", '"jane(doe"@example.com'),
    ("phone", "+12025550123"),
    ("phone", "+493012345678901"),
    ("phone", "+298201234"),
    ("postal", "jane doe|1 main st|12345|US"),
    ("postal", "山田 太郎|千代田 1|1000001|"),
]
OTHER = [
    ("email", "cron@localhost", "no dot in the domain"),
    ("email", "Jane@example.com", "a capital"),
    ("email", "jane@bücher.example", "a domain that is not in its ASCII form"),
    ("email", "jane doe@example.com", "a space"),
    ("email", "jane\u200b@example.com", "a character that nobody sees"),
    ("email", "jane\u3164@example.com", "a filler"),
    ("email", "jane@doe@example.com", "two @"),
    ("email", "jane@example.com\n", "a line's end"),
    ("email", "jane@127.0.0.1", "a domain of digits"),
    ("phone", "12025550123", "no plus"),
    ("phone", "+02025550123", "no calling code begins with 0"),
    ("phone", "+4930123456789012", "sixteen digits"),
    ("phone", "+1 2025550123", "a space"),
    ("postal", "Jane Doe|1 main st|12345|US", "capitals"),
    ("postal", "jane doe|1 main st|12345", "no country's place"),
    ("postal", "jane  doe|1 main st|12345|US", "two spaces"),
    ("postal", " jane doe|1 main st|12345|US", "a space around it"),
    ("postal", "jane doe|1 main st|sw1a1aa|GB", "small letters in the code"),
    ("postal", "jane doe||12345|US", "no address"),
]

# Letters of every kind that a form cares for, and any other.
characters = st.one_of(
    st.sampled_from(
        "janeDOE019.@+-_ '\"<>;,/#xOl\n"
        "\u0130\u0131\u0307ßſ\u212a\ufb01ａＡ９＠．\u3002\u200b\u200d\u3164\u2800\ufe0f\U000e0041é中٣"
    ),
    st.characters(codec="utf-8"),
)
words = st.text(characters, max_size=24)
addresses = st.builds("{}@{}".format, st.text(characters, min_size=1, max_size=12), st.text(characters, min_size=1, max_size=20))
addresses |= st.builds(
    "{}@example{}".format, st.text(characters, min_size=1, max_size=12), st.sampled_from((".com", "", ".ne.jp", "．ｃｏｍ"))
)
numbers = st.builds(
    "{}{}{}".format,
    st.sampled_from(("", "+", "00", "+49", "0")),
    st.text("0123456789 -/()", max_size=20),
    st.text(characters, max_size=4),
)
regions = st.sampled_from(("", *sorted(phonenumbers.SUPPORTED_REGIONS)))
# Seeded, and without its own files beside the tests.
often = settings(max_examples=1500, deadline=None, database=None, suppress_health_check=list(HealthCheck))


def in_duckdb(identifier_type: str, identifiers: list[str]) -> list[bool]:
    with duckdb.connect() as con:
        con.register("given", pa.table({"identifier": pa.array(identifiers, pa.string())}))
        rows = con.execute("select regexp_matches(identifier, ?) from given", [FORMS[identifier_type]]).fetchall()
        return [bool(found) for (found,) in rows]


@pytest.mark.parametrize(("identifier_type", "identifier"), NORMAL)
def test_an_identifier_in_its_form_is_normal_in_both_engines(identifier_type: str, identifier: str) -> None:
    assert is_normal(identifier_type, identifier)
    assert in_duckdb(identifier_type, [identifier]) == [True]


@pytest.mark.parametrize(("identifier_type", "identifier", "why"), OTHER, ids=[case[2] for case in OTHER])
def test_an_identifier_in_another_spelling_is_not_normal_in_either_engine(
    identifier_type: str, identifier: str, why: str
) -> None:
    assert not is_normal(identifier_type, identifier), why
    assert in_duckdb(identifier_type, [identifier]) == [False], why


@pytest.mark.parametrize("identifier_type", sorted(FORMS))
def test_both_engines_read_the_form_alike_at_every_character(identifier_type: str) -> None:
    around = {"email": "ja{}ne@example.com", "phone": "+1202555{}0123", "postal": "ja{}ne|1 main st|12345|US"}[identifier_type]
    texts = [around.format(letter) for letter in KNOWN]
    found = in_duckdb(identifier_type, texts)
    different = [ascii(text) for text, normal in zip(texts, found, strict=True) if normal != is_normal(identifier_type, text)]
    assert not different, f"{len(different)} read differently: {different[:20]}"


@seed(SEED)
@often
@given(addresses | words)
def test_every_address_that_is_read_is_normal_and_read_as_itself(raw: str) -> None:
    email = normalise_email(raw).email
    assert email is None or is_normal("email", email), f"{raw!r} gives {email!r}"
    assert email is None or normalise_email(email).email == email, f"{raw!r} gives {email!r}, read again as another"


@seed(SEED)
@often
@given(numbers | words, regions)
def test_every_number_that_is_read_is_normal(raw: str, region: str) -> None:
    number = normalise_phone(raw, region).e164
    assert number is None or is_normal("phone", number), f"{raw!r} in {region!r} gives {number!r}"


@seed(SEED)
@often
@given(words, words, words, st.one_of(words, regions))
def test_every_postal_key_is_normal(name: str, address: str, code: str, country: str) -> None:
    key = postal.postal_key(name, address, code, country)
    assert key is None or is_normal("postal", key), f"{(name, address, code, country)!r} gives {key!r}"


def corpus_lines(name: str) -> Iterator[str]:
    for path in corpus_of(name):
        yield from path.read_bytes().decode("utf-8", "replace").split("\n")


def test_what_sql_reads_by_the_million_is_normal() -> None:
    """The corpus of the fuzzer, the texts that are made to part SQL from Python, and every character there is."""
    rnd = random.Random(SEED)
    emails = {*corpus_lines("email_addresses"), *test_email_sql.fuzz(rnd, 5_000)}
    emails |= {f"{letter}{rnd.choice(('', 'i', 'jane'))}@{rnd.choice(('', letter))}example.com" for letter in KNOWN}
    numbers = {*test_phone_sql.fuzz(rnd, 10_000), *test_phone_sql.soup(rnd, 5_000)}
    numbers |= {(line, rnd.choice(("US", "DE", ""))) for line in corpus_lines("phone_numbers")}
    keys = [tuple(random_text(rnd) or "x" for _ in range(4)) for _ in range(5_000)]
    keys += [(f"a{letter}b", f"1{letter}", f"{letter}1", f"{letter}U") for letter in KNOWN]
    with duckdb.connect() as con:
        con.register("emails", pa.table({"raw": pa.array(sorted(emails), pa.string())}))
        email_sql.normalise_emails(con, "emails", "read_emails")
        raw, region = zip(*sorted(numbers), strict=True)
        con.register("numbers", pa.table({"raw": pa.array(raw, pa.string()), "region": pa.array(region, pa.string())}))
        phone_sql.normalise_phones(con, "numbers", "read_numbers")
        con.register("keys", pa.table(dict(zip("abcd", map(list, zip(*keys, strict=True)), strict=True))))
        con.execute(f"create temp table read_keys as select *, {postal.macro('postal_key', 'a', 'b', 'c', 'd')} as key from keys")
        for identifier_type, column, table, least in (
            ("email", "email", "read_emails", 10_000),
            ("phone", "e164", "read_numbers", 3_000),
            ("postal", "key", "read_keys", 50_000),
        ):
            read, wrong = con.execute(
                f"select count({column}), count(*) filter (where not regexp_matches({column}, ?)) from {table}",
                [FORMS[identifier_type]],
            ).fetchall()[0]
            assert read >= least, f"only {read} {identifier_type} identifiers were made, seed {SEED}"
            assert wrong == 0, f"{wrong} {identifier_type} identifiers are not normal, seed {SEED}"


def test_the_longest_are_as_long_as_the_form_allows() -> None:
    assert is_normal("phone", "+" + "1" * normal_form.MAX_PHONE)
    assert not is_normal("phone", "+" + "1" * (normal_form.MAX_PHONE + 1))
    assert not re.search("[A-Z]", normal_form.class_of("0-1f"))  # an escape with a capital would let capitals in
