"""Every row of policy/rules.csv has its case here: one request, and the deadline counted by hand.

16 December 2026 is a Wednesday before Christmas, so that every calendar has something to skip.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

import pytest

from orchestration.core.home import Home
from orchestration.core.warehouse import warehouse
from tests.deadlines import oracle
from tests.deadlines.house import judge, seen_later
from tests.deadlines.oracle import Asked

NOON = "2026-12-16 12:00"


@dataclass(frozen=True)
class Case:
    rule_id: str
    region: str
    channel: str
    due: str
    """A local day in ``zone``, whose end is the deadline; or, without a zone, the instant itself."""
    zone: str = ""
    at: str = NOON
    action: str = "opt_out"
    method: str = "letter"

    @property
    def asked(self) -> Asked:
        at = datetime.fromisoformat(self.at).replace(tzinfo=UTC)
        return Asked(self.rule_id, at, seen_later(at), self.region, (self.channel,), self.action, self.method)

    @property
    def deadline(self) -> datetime:
        if self.zone:
            return oracle.day_end(datetime.fromisoformat(self.due).date(), self.zone)
        return datetime.fromisoformat(self.due).replace(tzinfo=UTC)


CASES = [
    Case("COMPANY-PROMISE", "US", "email", "2026-12-17 12:00", action="undeliverable", method="bounce"),
    Case("MBX-GMAIL-YAHOO", "US", "email", "2026-12-18 12:00", method="one_click"),
    # 17 18 21 22 23 24 | 28 29 30 31: ten business days, Christmas is none
    Case("US-CANSPAM", "US", "email", "2026-12-31", "America/New_York"),
    Case("US-TCPA-REVOKE", "US", "sms", "2026-12-31", "America/New_York"),
    Case("US-TCPA-OTHERMEANS", "US", "voice", "2026-12-31", "America/New_York", method="email_reply"),
    # the waiver has ended; 15 February 2027 is Washington's Birthday
    Case("US-TCPA-REVOKEALL", "US", "sms", "2027-02-16", "America/New_York", at="2027-02-01 12:00"),
    # the last day of the old rule: thirty days, not ten business days
    Case("US-FCC-INTERNAL-2003", "US", "voice", "2025-05-10", "America/New_York", at="2025-04-10 12:00"),
    Case("US-FCC-INTERNAL", "US", "voice", "2026-12-31", "America/New_York"),
    Case("US-FCC-INTERNAL-TEXT", "US", "sms", "2026-12-31", "America/New_York"),
    Case("US-TSR-ENTITY", "US", "voice", NOON),
    Case("US-FAX", "US", "fax", "2027-01-15", "America/New_York"),
    Case("US-CTIA-STOP", "US", "sms", NOON, method="sms_keyword"),
    # five business days past New Year's Eve
    Case("US-CA-CCPA", "US-CA", "ads", "2027-01-08", "America/Los_Angeles"),
    Case("US-VA-SMS", "US-VA", "sms", NOON, method="sms_keyword"),
    Case("US-FL-FTSA", "US-FL", "sms", "2026-12-31", "America/New_York", method="sms_keyword"),
    # Boxing Day, observed on the 28th, and New Year's Day are federal holidays in Canada
    Case("CA-CASL", "CA", "email", "2027-01-04", "America/St_Johns"),
    Case("CA-INTERNAL-DNCL", "CA", "voice", "2026-12-30", "America/St_Johns"),
    Case("UK-OBJECT", "GB", "postal", NOON),
    # there is no 30 February
    Case("UK-GDPR-ERASURE", "GB", "email", "2027-02-28", "Europe/London", at="2027-01-30 12:00", action="erasure"),
    Case("UK-PECR-MESSAGES", "GB", "email", NOON),
    Case("UK-PECR-CALL-DIRECT", "GB-SCT", "voice", NOON),
    Case("EU-GDPR-21", "DE", "ads", NOON),
    Case("EU-GDPR-ERASURE", "FR", "postal", "2027-01-16", "Europe/Paris", action="erasure"),
    Case("AU-SPAM", "AU-NSW", "email", "2026-12-23", "Australia/Sydney"),
    # 23 24 | shut from the 25th to the 2nd, the 4th is observed | 5 6 7
    Case("NZ-UEM", "NZ", "email", "2027-01-07", "Pacific/Chatham", at="2026-12-22 03:00"),
    Case("SG-WITHDRAW-2014", "SG", "voice", "2021-03-02", "Asia/Singapore", at="2021-01-31 12:00"),
    Case("SG-WITHDRAW", "SG", "voice", "2021-02-22", "Asia/Singapore", at="2021-02-01 12:00"),
    Case("SG-SPAM", "SG", "email", "2026-12-31", "Asia/Singapore"),
    # Saturday the 19th counts; Saturday the 26th is the first weekday after Christmas Day
    Case("HK-UEMO", "HK", "sms", "2026-12-30", "Asia/Hong_Kong"),
    Case("IN-TCCCPR", "IN", "voice", "2026-12-17 12:00"),
    Case("JP-EMAIL", "JP", "email", NOON),
    Case("JP-CALL", "JP", "voice", NOON),
    Case("KR-AD", "KR", "sms", NOON),
    Case("BR-NMP", "BR-SP", "voice", "2027-01-15", "America/Noronha"),
    Case("CN-SMS", "CN", "sms", NOON),
    Case("TR-IYS", "TR", "email", "2026-12-21", "Europe/Istanbul"),
]

# Not a request's: they are the age of a registry's copy, or ask for consent before anything is sent.
NO_CLOCK = {rule_id for rule_id, rule in oracle.RULES.items() if rule["trigger"] in ("registry_listing", "statutory_default")}


@pytest.fixture(scope="module")
def judged(policy_home: Home) -> dict[tuple[str, str], list[oracle.Clock]]:
    return judge(policy_home, [case.asked for case in CASES])


def test_every_rule_has_a_case_or_sets_no_clock() -> None:
    missing = set(oracle.RULES) - NO_CLOCK - {case.rule_id for case in CASES}
    assert not missing, f"rules without a case in {__name__}.CASES: {sorted(missing)}"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule_id)
def test_the_deadline_of_each_rule(judged: dict[tuple[str, str], list[oracle.Clock]], case: Case) -> None:
    found = {clock.rule_id: clock.deadline for clock in judged[case.rule_id, case.channel]}
    assert found.get(case.rule_id) == case.deadline, f"{case}: the models say {found}"
    naive = {clock.rule_id: clock.deadline for clock in oracle.clocks(case.asked, case.channel)}
    assert found == naive, f"{case}: the oracle says otherwise"


def test_rules_that_are_not_a_requests_set_no_clock(judged: dict[tuple[str, str], list[oracle.Clock]]) -> None:
    assert len(NO_CLOCK) > 20, "the policy has lost its registry and consent rules"
    used = {clock.rule_id for clocks in judged.values() for clock in clocks}
    assert not used & NO_CLOCK


def test_figures_of_the_reference(policy_home: Home) -> None:
    """The check of reference/regulations.md, section 5: Wednesday 16 December 2026."""
    at = datetime(2026, 12, 16, 12, tzinfo=UTC)
    asked = [Asked(region, at, seen_later(at), region, ("email",)) for region in ("US", "CA", "AU-NSW")]
    found = judge(policy_home, asked)
    local = {
        region: found[region, "email"][0].deadline.astimezone(oracle.zone(name)).date().isoformat()
        for region, name in (("US", "America/New_York"), ("CA", "America/St_Johns"), ("AU-NSW", "Australia/Sydney"))
    }
    assert local == {"US": "2026-12-31", "CA": "2027-01-04", "AU-NSW": "2026-12-23"}
    with warehouse(policy_home, read_only=True) as con:
        litigation_proof = con.execute(
            "select weekends_only_at from deadlines.request_rules where request_id = 'US' and rule_id = 'US-CANSPAM'"
        ).fetchall()
    assert litigation_proof == [(oracle.day_end(date(2026, 12, 30), "America/New_York"),)]
