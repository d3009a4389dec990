"""A run of the whole job against vendors of whom one is well, one throttles, one refuses the key, one accepts and forgets, one
loses a list, and one shows nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.journeys.home import AS_OF, CONFIG, make, quietlist
from tests.vendors.esps import Brevo, Mailchimp, Mailgun, Postmark, SendGrid
from tests.vendors.others import Receiver
from tests.vendors.server import Reply
from tests.vendors.vendor import KEY, Vendor

KINDS = {
    "well": SendGrid,
    "throttles": Mailgun,
    "shut": Postmark,
    "forgets": Brevo,
    "loses": Mailchimp,
    "silent": Receiver,
}
SCOPES = ["acme/newsletter", "acme/offers"]


@pytest.fixture(scope="module")
def vendors() -> Iterator[dict[str, Vendor]]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(kind()) for name, kind in KINDS.items()}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, vendors: dict[str, Vendor]) -> Path:
    sections = []
    for name, vendor in vendors.items():
        lists = dict(zip(SCOPES, vendor.lists.values(), strict=False))
        vendor.rows |= {scope: {} for scope in lists if isinstance(vendor, Receiver)}  # it is told our own scopes
        text = vendor.toml(name, scopes=list(lists), lists=lists)
        sections.append(text[text.index("[destinations.") :])
    return make(tmp_path_factory.mktemp("vendors") / "home", "\n".join([CONFIG, *sections]))


def test_one_bad_vendor_holds_back_none_of_the_others_and_each_fault_is_named(home: Path, vendors: dict[str, Vendor]) -> None:
    vendors["throttles"].fail("answer", on=vendors["throttles"].is_put, reply=Reply(429, None, {"Retry-After": "1"}))
    vendors["shut"].fail("answer", times=10_000, reply=Reply(403, {"ErrorCode": 10, "Message": f"No account for {KEY}"}))
    vendors["forgets"].forgets = {"ann@example.com"}
    del vendors["loses"].rows["bbbb222222"]
    result = quietlist(home, "run", "--as-of", AS_OF, TEST_VENDOR_KEY=KEY)
    said = result.stdout + result.stderr
    assert result.returncode == 3, said
    newsletter = {"ann@example.com", "bob@example.org", "carol@example.com"}
    assert vendors["well"].there("*") == newsletter, "what the scope acme/newsletter means there"
    assert vendors["well"].there("acme/news") == {"bob@example.org"}, "carol wants the offers"
    assert vendors["throttles"].there("*") == newsletter
    assert vendors["forgets"].there("*") == newsletter - {"ann@example.com"}
    assert "Asking postmark for GET /message-streams/{list}. Seen: status 403, code_10" in said and "API Tokens" in said
    assert vendors["loses"].there("*") == newsletter, "the audience that is gone holds back its own rows only"
    assert "lists.acme/offers: mailchimp has no list bbbb222222" in said
    assert set(vendors["silent"].rows["acme/newsletter"]) == newsletter
    assert "silent: 4 wanted, 4 accepted, not provable" in said, "what shows nothing was not seen"
    assert "forgets: 3 wanted, 2 seen there, 1 missing" in said
    assert "forgets: 1 row was accepted by brevo and is not there: this person can still be contacted there" in said


def test_the_plan_says_what_would_happen_and_sends_nothing(home: Path, vendors: dict[str, Vendor]) -> None:
    vendors["well"].loses("*", "bob@example.org")
    before = sum(request.writes for vendor in vendors.values() for request in vendor.requests)
    result = quietlist(home, "sync", "--plan", "--as-of", AS_OF, TEST_VENDOR_KEY=KEY)
    assert "well (sendgrid): 4 wanted; put 1 (1 missing)" in result.stdout, result.stdout + result.stderr
    assert "throttles (mailgun): 4 wanted; nothing to do" in result.stdout
    assert "shut: no plan. Asking postmark" in result.stdout and result.returncode == 3
    assert sum(request.writes for vendor in vendors.values() for request in vendor.requests) == before


def test_one_destination_alone_is_put_right(home: Path, vendors: dict[str, Vendor]) -> None:
    before = len(vendors["forgets"].requests)
    result = quietlist(home, "sync", "--only", "well", "--as-of", AS_OF, TEST_VENDOR_KEY=KEY)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "bob@example.org" in vendors["well"].there("*") and len(vendors["forgets"].requests) == before
    unknown = quietlist(home, "sync", "--only", "nobody", "--as-of", AS_OF)
    assert unknown.returncode == 2 and "nobody is not configured" in unknown.stderr


def test_the_key_is_nowhere_in_the_home(home: Path) -> None:
    """Not in Dagster's log, not in a receipt, not in the ledger: what a vendor echoes is not kept either."""
    held = [path for path in home.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]
    assert held == []
    logs = [path for path in (home / "warehouse" / "dagster").rglob("*") if path.is_file()]
    assert logs and not [path for path in logs if b"ann@example.com" in path.read_bytes()]
