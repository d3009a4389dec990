"""The SQL path gives the answers of ``email_address.normalise_email``, over texts made to part them."""

from __future__ import annotations

import random
from collections.abc import Iterator

import duckdb
import pyarrow as pa
import pytest

from orchestration.identifiers import email_address, email_sql
from tests.seed import SEED

LOCAL = (
    "jane",
    "JANE",
    "jane.doe",
    "j",
    "+tag",
    ".",
    "..",
    "-",
    "_",
    "'",
    "=",
    "%40",
    "%2B",
    "?",
    "/",
    "&",
    "o'brien",
    "é",
    "ß",
    "İ",
    "\u212a",
    '"',
    '"jane"',
    "{",
    "x" * 64,
    "x" * 140,
    " ",
    "<",
    "info",
    "\\",
    "e\u0301",
    "中",
    "\u200b",
    ":",
    "mailto:",
    "#",
    "\u0131",
    "\u0307",
    "\u017f",
    "\ufb01",
    "ｊ",
    "\u3164",
    "\u2800",
    "\u200d",
    "\U000e0041",
    "\u3002",
)
DOMAIN = (
    "example",
    "EXAMPLE",
    "com",
    "org",
    "co",
    "uk",
    ".",
    ".",
    ".",
    "..",
    "-",
    "--",
    "xn--",
    "xn--mnchen-3ya",
    "münchen",
    "straße",
    "1",
    "a",
    "test",
    "localhost",
    "local",
    "invalid",
    "_",
    " ",
    "[127.0.0.1]",
    "x" * 63,
    "x" * 64,
    "。",
    "．",
    "\u0130",
    "é",
    "٣",
    "K",
)
BEFORE = (
    " ",
    "\t",
    "'",
    '"',
    '="',
    "=",
    "<",
    "(",
    "mailto:",
    "MAILTO: ",
    "smtp:",
    "Jane <",
    '"Doe, J." <',
    "jane@example.com <",
    "\ufeff",
    "'mailto:",
    "Jane Doe ",
    "\u202a",
    "\x00",
    "Jané <",
    "a<b ",
    ";",
    ",",
)
AFTER = (
    " ",
    ";",
    ",",
    ".",
    ">",
    "> ",
    ">;",
    '">',
    "'",
    '"',
    ")",
    "?subject=stop",
    "\n",
    "\u202c",
    " x",
    ";;",
    ">.",
    ">'",
    "\x00",
    "\u00a0",
    "> >",
)
JUNK = (
    "",
    " ",
    "\n",
    "n/a",
    "none",
    "d41d8cd98f00b204e9800998ecf8427e",
    "D41D8CD98F00B204E9800998ECF8427E",
    "d41d8cd98f00b204e9800998ecf8427e.",
    " da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "unknown@",
    "@example.com",
    "@",
    "jane",
    "jane example",
    "a@b@example.com",
    ".",
    "é",
    "-- _/",
)


def fuzz(rnd: random.Random, count: int) -> Iterator[str]:
    """Addresses glued together from awkward pieces, and things that people put where an address is asked."""
    for _ in range(count):
        if rnd.random() < 0.02:
            yield rnd.choice(JUNK)
            continue
        local = "".join(rnd.choices(LOCAL, k=rnd.choice((1, 1, 2, 3)))) if rnd.random() < 0.6 else f"jane{rnd.random()}"
        domain = (
            "".join(rnd.choices(DOMAIN, k=rnd.randint(1, 6)))
            if rnd.random() < 0.5
            else rnd.choice(("example.com", "Mail.Example.ORG"))
        )
        at = "@" if rnd.random() < 0.97 else rnd.choice(("", "@@", " @ ", "＠", "%40"))
        before, after = (rnd.choice(ends) if rnd.random() < 0.4 else "" for ends in (BEFORE, AFTER))
        yield before + local + at + domain + after


def compare(texts: list[str | None], monkeypatch: pytest.MonkeyPatch) -> float:
    """Assert that both paths agree on every text; returns the share of them that SQL answered."""
    left = []

    def counted(rest: pa.Table) -> pa.Table:
        left.append(rest.num_rows)
        return original(rest)

    original = email_sql.read_rest
    monkeypatch.setattr(email_sql, "read_rest", counted)
    with duckdb.connect() as con:
        con.register("texts", pa.table({"raw": pa.array(texts, pa.string())}))
        email_sql.normalise_emails(con, "texts", "answers")
        answers = con.execute("select * from answers").fetchall()
    assert len(answers) == len(texts)
    for raw, *answer in answers:
        assert tuple(answer) == tuple(email_address.normalise_email(raw)), f"{raw!r}, seed {SEED}"
    return 1 - sum(left) / len(texts)


def test_sql_answers_like_python(monkeypatch: pytest.MonkeyPatch) -> None:
    print(f"seed {SEED}")
    share = compare([None, *sorted(set(fuzz(random.Random(SEED), 40_000)))], monkeypatch)
    assert share > 0.1, f"SQL answered only {share:.0%} of the texts, seed {SEED}"


@pytest.mark.slow
def test_sql_answers_like_python_on_half_a_million_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    print(f"seed {SEED}")
    assert compare(sorted(set(fuzz(random.Random(SEED), 500_000))), monkeypatch) > 0.1


def test_a_hyphen_before_the_last_letter_of_a_domain_is_read_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """No such domain is registered today. It is written as one is, so it suppresses, whichever of the two reads it."""
    compare(["ann@example.com-a", "Ann <ann@example.com-a>", "ann@example.com-", "ann@example.-a"], monkeypatch)
    for raw, email in {"ann@example.com-a": "ann@example.com-a", "ann@example.com-": None, "ann@example.-a": None}.items():
        assert email_address.normalise_email(raw).email == email, raw
