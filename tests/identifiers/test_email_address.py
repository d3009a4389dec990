"""What one e-mail address means: every trap with its answer."""

from __future__ import annotations

import pytest

from orchestration.identifiers import email_address

READ = [
    ("plain", "jane@example.com", "jane@example.com"),
    ("case", "Jane.DOE@Example.COM", "jane.doe@example.com"),
    ("white space", " \tjane@example.com\n", "jane@example.com"),
    ("byte order mark", "\ufeffjane@example.com", "jane@example.com"),
    ("angle brackets", "<jane@example.com>", "jane@example.com"),
    ("display name", "Jane Doe <jane@example.com>", "jane@example.com"),
    ("quoted display name with a comma", '"Doe, Jane" <jane@example.com>;', "jane@example.com"),
    ("display name that is the address", '"jane@example.com" <Jane@example.com>', "jane@example.com"),
    ("mailto:", "mailto:jane@example.com", "jane@example.com"),
    ("mailto: with a subject", "MAILTO:jane@example.com?subject=unsubscribe", "jane@example.com"),
    ("mailto: with an escaped plus", "mailto:jane%2Bshop@example.com", "jane+shop@example.com"),
    ("smtp:", "SMTP:jane@example.com", "jane@example.com"),
    ("trailing separators", "jane@example.com;,", "jane@example.com"),
    ("trailing dot of the domain", "jane@example.com.", "jane@example.com"),
    ("apostrophe", "'jane@example.com", "jane@example.com"),
    ("formula", '="jane@example.com"', "jane@example.com"),
    ("tag stays", "jane+shop@example.com", "jane+shop@example.com"),
    ("dots stay", "j.a.n.e@example.com", "j.a.n.e@example.com"),
    ("apostrophe inside", "o'brien@example.com", "o'brien@example.com"),
    ("bounce address", "bounce-123=jane=example.org@example.com", "bounce-123=jane=example.org@example.com"),
    ("needless quotes", '"jane.doe"@example.com', "jane.doe@example.com"),
    ("international domain", "jane@Bücher.example", "jane@xn--bcher-kva.example"),
    ("the same in ASCII", "jane@xn--bcher-kva.example", "jane@xn--bcher-kva.example"),
    ("sharp s is not ss in a domain", "jane@straße.example", "jane@xn--strae-oqa.example"),
    ("international local part", "JOSÉ@example.com", "josé@example.com"),
    ("the same decomposed", "jose\u0301@example.com", "josé@example.com"),
    ("ideographic dot and wide at", "jane＠example。com", "jane@example.com"),
    ("reserved for tests", "jane@shop.test", "jane@shop.test"),
    ("inside a company", "jane@mail.local", "jane@mail.local"),
    ("the machine itself", "root@localhost", "root@localhost"),
]

REJECTED = [
    ("null", None, "empty"),
    ("blank", " \u200b ", "empty"),
    ("no at", "n/a", "no_at"),
    ("MD5", "d41d8cd98f00b204e9800998ecf8427e", "hashed"),
    ("SHA-256", "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855", "hashed"),
    ("two at", "jane@doe@example.com", "several_addresses"),
    ("two addresses", "jane@example.com, john@example.com", "several_addresses"),
    ("two addresses with names", "Jane <jane@example.com>, John <john@example.com>", "several_addresses"),
    ("space", "jane doe@example.com", "space_inside"),
    ("space at the at", "jane @example.com", "space_inside"),
    ("255 characters", "j" * 243 + "@example.com", "too_long"),
    ("placeholder", "none@none", "incomplete_domain"),
    ("nothing before the at", "@example.com", "not_an_address"),
    ("nothing behind it", "jane@", "incomplete_domain"),
    ("two dots", "jane..doe@example.com", "not_an_address"),
    ("underscore in the domain", "jane@exam_ple.com", "not_an_address"),
    ("domain of digits", "jane@127.0.0.1", "not_an_address"),
    ("bracketed address of a machine", "jane@[127.0.0.1]", "not_an_address"),
    ("bracket never closed", "Jane <jane@example.com", "space_inside"),
]


@pytest.mark.parametrize(("why", "raw", "expected"), READ, ids=[case[0] for case in READ])
def test_address_is_read(why: str, raw: str, expected: str) -> None:
    assert email_address.normalise_email(raw) == (expected, "ok", None), why
    assert email_address.normalise_email(expected) == (expected, "ok", None), f"{why}: the normal form is not its own normal form"


@pytest.mark.parametrize(("why", "raw", "reason"), REJECTED, ids=[case[0] for case in REJECTED])
def test_text_is_rejected(why: str, raw: str | None, reason: str) -> None:
    assert email_address.normalise_email(raw) == (None, "rejected", reason), why


def test_254_characters_are_an_address() -> None:
    longest = "j" * 242 + "@example.com"
    assert len(longest) == email_address.MAX_LENGTH
    assert email_address.normalise_email(longest).email == longest


def test_every_reason_is_explained_and_met() -> None:
    assert {case[2] for case in REJECTED} == set(email_address.REASONS)
