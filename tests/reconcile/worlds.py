"""Random small worlds of requests and contacts, as the oracle sees them and as the canonical CSV files state them.

Worlds share nothing with each other (own addresses, numbers, customers, names), so many fit into one home and one run.
"""

from __future__ import annotations

import csv
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.reconcile.oracle import EVERYTHING, TYPES_OF_CHANNEL, Contact, Request, Trust, World

SCOPES = ("*", "acme", "acme/newsletter", "acme/offers", "outlet", "outlet/news")
ACTIONS = ("opt_out", "opt_out", "opt_out", "complaint", "erasure", "deceased", "undeliverable", "opt_in", "opt_in", "opt_in")
METHODS = ("preference_center", "web_form", "written_consent", "sms_keyword", "esp_resubscribe", "import", "agent_note")
# Who said it: one source that is trusted with everything, one with two methods in its own part of the company, one with nothing.
TRUST = {**EVERYTHING, "shop": Trust(frozenset({"preference_center", "web_form"}), "outlet"), "plain": Trust(frozenset())}
# Few moments, so that ties are common; half of them dates without a time of day.
DAYS = tuple(datetime(2026, 3, day, tzinfo=UTC) for day in (1, 2, 3))
HOURS = (None, 0, 9, 15)
# Area codes in use; the fiction numbers 555-0100 to 555-0199 exist in each.
AREA_CODES = (201, 202, 203, 205, 206, 207, 208, 209, 210, 212, 213, 214, 215, 216, 217, 218, 219, 224, 225, 228, 229, 231)

REQUEST_COLUMNS = (
    "request_key", "requested_at", "action", "method", "channels", "scope", "email", "phone", "name", "address",
    "postal_code", "country", "region", "customer_id", "note",
)  # fmt: skip
CONTACT_COLUMNS = (
    "customer_id", "emails", "phones", "name", "address", "postal_code", "country", "region", "updated_at",
)  # fmt: skip


def make_world(number: int, rng: random.Random) -> World:
    """One world: up to five people's worth of contact points, mixed up the way real data is."""
    emails = [f"w{number}e{index}@example.com" for index in range(rng.randint(1, 4))]
    # Four numbers a world: 100 fiction numbers in each area code make room for 25 worlds a code.
    area, first = AREA_CODES[number // 25 % len(AREA_CODES)], (number % 25) * 4
    phones = [f"+1{area}55501{first + index:02d}" for index in range(rng.randint(1, 4))]
    names = [f"Ana{number} Díaz", f"ANA{number}  diaz", f"Ana{number}-Diaz", f"Bo{number} Li", ""]
    addresses = [(f"{number} Main St.", "02139", "US"), (f"{number} MAIN ST", "02139", "US"), ("", "", "")]

    def some(values: list[str], most: int) -> frozenset[str]:
        return frozenset(rng.sample(values, rng.randint(0, min(most, len(values)))))

    contacts = []
    for index in range(rng.randint(0, 6)):
        address, postal_code, country = rng.choice(addresses)
        contacts.append(
            Contact(
                customer_id=f"w{number}c{index}",
                emails=some(emails, 2),
                phones=some(phones, 2),
                name=rng.choice(names),
                address=address,
                postal_code=postal_code,
                country=country,
            )
        )
    requests = []
    for index in range(rng.randint(1, 8)):
        day, hour = rng.choice(DAYS), rng.choice(HOURS)
        earliest = day if hour is None else day + timedelta(hours=hour)
        latest = day + timedelta(days=1, microseconds=-1) if hour is None else earliest
        own_emails, own_phones = some(emails, 2), some(phones, 2)
        if not own_emails | own_phones:
            own_emails = frozenset({rng.choice(emails)})
        address, postal_code, country = rng.choice(addresses)
        channels = {"all"} if rng.random() < 0.35 else set(rng.sample(sorted(TYPES_OF_CHANNEL), rng.randint(1, 3)))
        requests.append(
            Request(
                key=f"w{number}r{index}",
                action=rng.choice(ACTIONS),
                method=rng.choice(METHODS),
                channels=frozenset(channels),
                scope=rng.choice(SCOPES),
                earliest=earliest,
                latest=latest,
                emails=own_emails,
                phones=own_phones,
                name=rng.choice(names),
                address=address,
                postal_code=postal_code,
                country=country,
                customer_id=rng.choice([c.customer_id for c in contacts]) if contacts and rng.random() < 0.1 else "",
                source=rng.choice(("asks", "asks", "asks", "shop", "plain")),
            )
        )
    return World(requests=requests, contacts=contacts, trust=TRUST)


def write_requests(path: Path, requests: list[Request]) -> None:
    """The canonical requests feed."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, REQUEST_COLUMNS, restval="")
        writer.writeheader()
        for request in requests:
            dated = request.earliest != request.latest
            writer.writerow(
                {
                    "request_key": request.key,
                    "requested_at": f"{request.earliest:%Y-%m-%d}" if dated else f"{request.earliest:%Y-%m-%dT%H:%M:%SZ}",
                    "action": request.action,
                    "method": request.method,
                    "channels": ";".join(sorted(request.channels)),
                    "scope": request.scope,
                    "email": ";".join(sorted(request.emails)),
                    "phone": ";".join(sorted(request.phones)),
                    "name": request.name,
                    "address": request.address,
                    "postal_code": request.postal_code,
                    "country": request.country,
                    "customer_id": request.customer_id,
                }
            )


def write_contacts(path: Path, contacts: list[Contact]) -> None:
    """The canonical contacts feed."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, CONTACT_COLUMNS, restval="")
        writer.writeheader()
        for contact in contacts:
            writer.writerow(
                {
                    "customer_id": contact.customer_id,
                    "emails": ";".join(sorted(contact.emails)),
                    "phones": ";".join(sorted(contact.phones)),
                    "name": contact.name,
                    "address": contact.address,
                    "postal_code": contact.postal_code,
                    "country": contact.country,
                }
            )
