"""What one e-mail address means: every trap with its answer."""

from __future__ import annotations

import pytest

from orchestration.identifiers import email_address, normal_form

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
    ("Turkish capital I with its dot", "AL\u0130@\u0130ST.EXAMPLE.COM", "ali@ist.example.com"),
    ("the same lower-cased by another system", "ali\u0307@i\u0307st.example.com", "ali@ist.example.com"),
    ("dotless i among other Turkish letters is meant", "info@\u0131\u015f\u0131k.example", "info@xn--k-ekaa7p.example"),
    ("Arabic letter mark", "jane\u061c@example.com", "jane@example.com"),
    ("combining grapheme joiner", "ja\u034fne@example.com", "jane@example.com"),
    ("Hangul fillers", "ja\u3164\uffa0\u115fne@exam\u3164ple.com", "jane@example.com"),
    ("blank braille cell", "jane\u2800@example.com", "jane@example.com"),
    ("tag character", "jane\U000e0041@example.com", "jane@example.com"),
    ("Mongolian vowel separator", "jane\u180e@example.com", "jane@example.com"),
    ("variation selectors", "jane\ufe0f@example\U000e0100.com", "jane@example.com"),
    ("zero-width joiners among plain letters", "ja\u200dne@exa\u200cmple.com", "jane@example.com"),
    ("full-width letters", "ｊａｎｅ＠ｅｘａｍｐｌｅ．ｃｏｍ", "jane@example.com"),
    ("full-width capitals", "ＪＡＮＥ@example.com", "jane@example.com"),
    ("full-width brackets", "Jane ＜jane@example.com＞", "jane@example.com"),
    ("ligature", "o\ufb03ce@example.com", "office@example.com"),
    ("Kelvin sign", "\u212aim@\u212aelvin.example", "kim@kelvin.example"),
    ("long s", "jame\u017f@example.com", "james@example.com"),
    ("mathematical letters", "\U0001d423\U0001d41a\U0001d427\U0001d41e@example.com", "jane@example.com"),
    ("non-breaking spaces around it", "\u00a0jane@example.com\u202f", "jane@example.com"),
    ("two dots, as a Japanese carrier gave them away", "a..b@example.ne.jp", "a..b@example.ne.jp"),
    ("a dot before the @", "abc.@example.ne.jp", "abc.@example.ne.jp"),
    ("a dot at the beginning", ".abc@example.ne.jp", ".abc@example.ne.jp"),
    ("the same in the quotes that the standard asks for", '"a..b."@example.ne.jp', "a..b.@example.ne.jp"),
    ("an escape that is not needed", '"jane\\.doe"@example.com', "jane.doe@example.com"),
    ("quotes that are needed", '"jane(doe"@example.com', '"jane(doe"@example.com'),
    ("a local part of 65 characters", "j" * 65 + "@example.com", "j" * 65 + "@example.com"),
    ("underscore in the domain", "jane@exam_ple.com", "jane@exam_ple.com"),
    ("three hyphens in the domain", "jane@r3---sn.example.com", "jane@r3---sn.example.com"),
    ("a list's first separator", ";jane@example.com", "jane@example.com"),
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
    ("the machine itself", "root@localhost", "incomplete_domain"),
    ("a domain that is all dot", "jane@.", "incomplete_domain"),
    ("dotless i among plain letters", "\u0131rmak@example.com", "ambiguous_letter"),
    ("dotless i in a plain domain", "jane@\u0131st.example.com", "ambiguous_letter"),
    ("nothing before the at", "@example.com", "not_an_address"),
    ("nothing behind it", "jane@", "incomplete_domain"),
    ("dots alone before the @", "..@example.com", "not_an_address"),
    ("two dots in the domain", "jane@example..com", "not_an_address"),
    ("a hyphen at the end of a label", "jane@example-.com", "not_an_address"),
    ("a label of 64 characters", f"jane@{'x' * 64}.com", "not_an_address"),
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
    assert len(longest) == normal_form.MAX_EMAIL
    assert email_address.normalise_email(longest).email == longest


def test_every_reason_is_explained_and_met() -> None:
    assert {case[2] for case in REJECTED} == set(email_address.REASONS)
