"""Addresses packed into return paths, and those that stand for one that was taken out."""

from __future__ import annotations

import pytest

from orchestration.readers.mail.letters import addresses, decoded, header_addresses, header_text
from orchestration.readers.mail.reports import is_hidden, verp


@pytest.mark.parametrize(
    ("packed", "found"),
    [
        ("<bounce-17-ada=example.org@lists.example.com>", ("ada@example.org",)),
        ("bounces+ada=example.org@example.com", ("ada@example.org",)),
        ("bounce-ada=example.org@example.com", ("ada@example.org",)),
        ("<mailto:u-17-ada=example.org@example.com?subject=x>", ("ada@example.org",)),
        ("jean-paul=example.org@example.com", ("jean-paul@example.org",)),
        ("sg+8f3a1+ada.lovelace=mail.example.org@example.com", ("ada.lovelace@mail.example.org",)),
        ("https://example.com/u?e=ada%3Dexample.org@example.com", ("ada@example.org",)),
        ("bounce-17-jean-paul=example.org@example.com", ("jean-paul@example.org",)),
        ("msg-ada+tag=example.org@example.com", ("ada+tag@example.org", "tag@example.org")),
        ("bounce-17-ada-2-lee=example.org@example.com", ("ada-2-lee@example.org", "lee@example.org")),
        ("bounce-17-ada+2=example.org@example.com", ("ada+2@example.org", "2@example.org")),
        ("shop-ada+tag=example.org@example.com", ("shop-ada+tag@example.org", "tag@example.org")),
        ("bounce-17@example.com", ()),
        ("news@example.com", ()),
        ("a=b", ()),
    ],
)
def test_a_return_path_gives_its_address_back(packed: str, found: tuple[str, ...]) -> None:
    assert verp(packed) == found, packed


@pytest.mark.parametrize(
    ("address", "hidden"),
    [
        ("redacted@example.org", True),
        ("hashed@example.org", True),
        ("xxxxx@example.org", True),
        ("a***z@example.org", True),
        ("david...@example.org", True),
        ("0123456789abcdef0123456789abcdef@example.org", True),
        ("ada@redacted.example.org", True),
        ("ada@example.org", False),
        ("maxx@example.org", False),
        ("cafe123@example.org", False),
        ("undeletedfan@example.org", False),
    ],
)
def test_what_stands_for_an_address_is_none(address: str, hidden: bool) -> None:
    assert is_hidden(address) is hidden, address


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ('"boss@example.net" <ada@example.org>', ["ada@example.org"]),
        ("ada@example.org (Ada)", ["ada@example.org"]),
        ("a@example.org, B <b@example.org>, c@example.org", ["b@example.org", "a@example.org", "c@example.org"]),
        ("<ada@example.org", ["ada@example.org"]),
        ("mailto:ada@example.org", ["ada@example.org"]),
        ("SMTP:ada@example.org", ["ada@example.org"]),
        ("undisclosed-recipients:;", []),
        ("<>", []),
        ("nobody", []),
        ("=?utf-8?B?w4RkYQ==?= <ada@example.org>", ["ada@example.org"]),
        ("ada@example.org...User", ["ada@example.org"]),
        ("x" * 70 + "@example.org", []),
    ],
)
def test_a_header_names_these_addresses(header: str, found: list[str]) -> None:
    assert header_addresses(header) == found, header


@pytest.mark.parametrize(
    ("raw", "charset", "text"),
    [
        ("désabonner".encode("latin-1"), "iso-8859-1", "désabonner"),
        ("désabonner".encode("latin-1"), "utf-8", "désabonner"),
        ("désabonner".encode(), "us-ascii", "désabonner"),
        ("désabonner".encode(), "x-mars", "désabonner"),
        ("désabonner".encode(), 'uft-8"', "désabonner"),
        ("配信停止".encode("iso-2022-jp"), "us-ascii", "配信停止"),
        ("配信停止".encode("cp932"), "shift_jis", "配信停止"),
        ("退订".encode("gb18030"), "gb2312", "退订"),
        ("수신거부".encode("cp949"), "ks_c_5601-1987", "수신거부"),
        ("“stop”".encode("cp1252"), "iso-8859-1", "“stop”"),
        (b"stop", "hex", "stop"),
        (b"stop", "idna", "stop"),
        (b"stop", "\0", "stop"),
        (b"stop", None, "stop"),
    ],
)
def test_bytes_are_text_whatever_charset_they_claim(raw: bytes, charset: str | None, text: str) -> None:
    assert decoded(raw, charset) == text, charset


def test_encoded_words_are_joined_and_broken_ones_stay_readable() -> None:
    assert header_text("=?utf-8?Q?un?= =?utf-8?Q?subscribe?=") == "unsubscribe"
    assert header_text("=?utf-8?B?%%%?= x").endswith("x")
    assert header_text("=?x-mars?Q?stop?=") == "stop"


def test_addresses_in_words_lose_what_surrounds_them() -> None:
    assert addresses("Mail (ada@example.org), or 'bob@example.org'!") == ["ada@example.org", "bob@example.org"]
