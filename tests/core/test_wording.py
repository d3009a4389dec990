"""Masks and words: what is hidden stays hidden, and figures read as people say them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from orchestration.core.masks import mask, mask_text
from orchestration.core.wording import age, ago, counted, figure, limit, listed, moment, percent, told


@pytest.mark.parametrize(
    ("kind", "identifier", "shown"),
    [
        ("email", "ada@example.com", "a***@example.com"),
        ("email", "a@example.com", "a***@example.com"),
        ("phone", "+12025550123", "+1******0123"),
        ("phone", "+447700900123", "+44******0123"),
        ("phone", "+2901234", "+29****"),
        ("postal", "ada lovelace|1 quiet lane|12345|US", "(postal address)"),
    ],
)
def test_a_mask_shows_enough_to_know_ones_own(kind: str, identifier: str, shown: str) -> None:
    assert mask(kind, identifier) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Spring sale", "Spring sale"),
        ("For ada@example.com only", "For [address] only"),
        ("<ada@example.com>, bob@example.org", "<[address]>, [address]"),
        ("Call (202) 555-0123 back", "Call [number] back"),
        ("Call +44 20 7946 0123", "Call [number]"),
        ("202.555.0123", "[number]"),
        ("unsubscribed_20260301.csv", "unsubscribed_20260301.csv"),
        ("2026-03-01 wave 3 of 12", "2026-03-01 wave 3 of 12"),
        ("20261332", "[number]"),
        ("Top 100 of 2026", "Top 100 of 2026"),
    ],
)
def test_free_text_loses_addresses_and_numbers_and_keeps_dates(text: str, shown: str) -> None:
    assert mask_text(text) == shown


def test_words() -> None:
    assert [counted(n, "clock") for n in (0, 1, 2, 1200)] == ["no clocks", "1 clock", "2 clocks", "1,200 clocks"]
    assert counted(2, "delivery", "deliveries") == "2 deliveries"
    assert [told(n, "One is.", "# are.") for n in (1, 1000)] == ["One is.", "1,000 are."]
    assert [listed(words) for words in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]
    assert moment(datetime(2026, 11, 3, 22, 5, tzinfo=UTC)) == "3 Nov 2026, 22:05 UTC" and moment(None) == "never"


@pytest.mark.parametrize(
    ("span", "said"),
    [
        (timedelta(minutes=40), "40 min"),
        (timedelta(hours=5), "5 h"),
        (timedelta(hours=71), "71 h"),
        (timedelta(days=4), "4 days"),
        (24.0, "24 h"),
    ],
)
def test_an_age_is_as_fine_as_somebody_acts_on_it(span: timedelta | float, said: str) -> None:
    assert age(span) == said


@pytest.mark.parametrize(
    ("part", "whole", "said"),
    [(0, 0, "–"), (0, 5, "0 %"), (5, 5, "100 %"), (99_999, 100_000, "> 99.9 %"), (1, 100_000, "< 0.1 %"), (1, 8, "12.5 %")],
)
def test_a_share_is_never_rounded_to_all_or_nothing(part: int, whole: int, said: str) -> None:
    assert percent(part, whole) == said


@pytest.mark.parametrize(("value", "said"), [(3, "3"), (3.0, "3"), (1234567, "1,234,567"), (0.0284090909, "0.0284"), (0, "0")])
def test_a_figure_has_the_digits_that_count(value: float, said: str) -> None:
    assert figure(value) == said


def test_what_was_a_moment_ago_is_now() -> None:
    assert [ago(span) for span in (None, timedelta(0), timedelta(hours=5))] == ["", "just now", "5 h ago"]


def test_a_limit_is_said_as_its_law_counts_it() -> None:
    assert limit(10, "business_day", "request_received") == "10 business days from receipt"
    assert limit(1, "calendar_month", "request_received") == "1 month from receipt"
    assert limit(0, "immediate", "request_made") == "at once"
    assert limit(None, None, None) == "no limit of its own"
