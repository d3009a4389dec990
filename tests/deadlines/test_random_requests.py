"""Random requests against the oracle, from all regions, around clock changes, month ends and changes of the law."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from orchestration.core.home import Home
from tests.deadlines import oracle
from tests.deadlines.house import judge, seen_later
from tests.deadlines.oracle import Asked

_METHODS = ("letter", "one_click", "esp_unsubscribe", "sms_keyword", "email_reply", "web_form", "import")
# Midnights that do not exist or fall twice, and the days on which rules change.
_ODD_MOMENTS = (
    "2018-11-04 02:30", "2019-02-17 01:30", "2023-10-29 00:30", "2024-03-31 00:30", "2025-04-10 23:30", "2025-04-11 04:30",
    "2026-08-10 22:30", "2024-01-31 12:00", "2023-12-31 10:30", "2014-12-19 12:00", "2008-06-30 23:59", "2021-01-31 16:30",
)  # fmt: skip


def _requests(seed: int, count: int) -> list[Asked]:
    chosen = random.Random(seed)
    places = sorted({rule["jurisdiction"] for rule in oracle.RULES.values()} - {"*", "EU"})
    places += ["US-FL", "US-HI", "US-AK", "US-ZZ", "AU-WA", "AU-QLD", "CA-BC", "GB-SCT", "GB-NIR", "PR", "UK", "GF", "AT", "PT"]
    places += ["KE", "CL", "XX"]  # the policy does not know them
    places += ["US"] * 10  # the most rules and zones, and the law that changed most
    thirty_years = 30 * 365 * 86_400
    found = []
    for number in range(count):
        if number % 4 == 0:
            odd = datetime.fromisoformat(chosen.choice(_ODD_MOMENTS)).replace(tzinfo=UTC)
            at = odd + timedelta(minutes=chosen.randint(-90, 90))
        else:
            moment = timedelta(seconds=chosen.randint(0, thirty_years), microseconds=chosen.randint(0, 999_999))
            at = datetime(1996, 1, 1, tzinfo=UTC) + moment
        found.append(
            Asked(
                key=f"r{number}",
                at=None if chosen.random() < 0.05 else at,
                # sometimes a clock that is fast: the record was there before its own time
                first_seen=at - timedelta(hours=3) if chosen.random() < 0.05 else seen_later(at),
                region=None if chosen.random() < 0.05 else chosen.choice(places),
                channels=("all",) if chosen.random() < 0.2 else tuple(chosen.sample(oracle.CHANNELS, chosen.randint(1, 3))),
                action=chosen.choice(sorted(set(oracle.TRIGGERS) - {"registry"})),
                method=chosen.choice(_METHODS),
            )
        )
    return found


@pytest.mark.parametrize("default_region", [None, "US"])
def test_the_models_and_the_oracle_agree(policy_home: Home, default_region: str | None) -> None:
    seed = random.SystemRandom().randint(0, 2**32)
    asked = _requests(seed, 600)
    found = judge(policy_home, asked, default_region=default_region)
    expected = {
        (one.key, channel): oracle.clocks(one, channel, default_region or "")
        for one in asked
        for channel in (oracle.CHANNELS if "all" in one.channels else one.channels)
    }
    by_key = {one.key: one for one in asked}
    assert found.keys() == expected.keys(), f"seed {seed}: requests without a clock, or clocks without a request"
    for (key, channel), clocks in expected.items():
        assert found[key, channel][0] == clocks[0], f"seed {seed}, {by_key[key]} on {channel}: another strictest rule"
        assert set(found[key, channel]) == set(clocks), f"seed {seed}, {by_key[key]} on {channel}"
