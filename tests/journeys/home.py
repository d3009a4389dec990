"""A home that holds nothing but a quietlist.toml and canonical CSV files, and the command run as a user would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

AS_OF = "2026-04-01T00:00:00Z"
CONFIG = """
[company]
name = "Acme"
default_region = "US"
scopes = ["acme", "acme/newsletter", "acme/offers", "outlet"]

[limits]
settle_seconds = 0

[sources.asks]
format = "requests"
may_lift = ["preference_center", "web_form", "sms_keyword"]

[sources.crm]
format = "contacts"

[sources.calls]
format = "contacts_made"

[destinations.crm_table]
system = "sql_table"
channels = ["email", "voice", "sms", "fax", "postal", "ads"]

[destinations.mail_house]
system = "file_drop"
channels = ["email", "voice", "sms", "postal"]
"""
REQUESTS = """\
request_key,requested_at,action,method,channels,scope,email,phone,name,address,postal_code,country,region,customer_id,note
r1,2026-03-01T10:00:00Z,opt_out,web_form,email,acme/newsletter,Ann@Example.com,,,,,,US,,
r2,2026-03-02T10:00:00Z,opt_out,agent_note,voice,,ann@example.com,,Ann Doe,,,,US,,stop calling me
r3,2026-03-03T10:00:00Z,opt_out,sms_keyword,sms,acme,,(202) 555-0123,,,,,US,,
r4,2026-03-04T10:00:00Z,opt_in,sms_keyword,sms,acme,,+12025550123,,,,,US,,
r5,2026-03-05,erasure,letter,all,*,bob@example.org,,,,,,GB,,
r6,2026-03-06T10:00:00Z,opt_out,web_form,email,acme,carol@example.com,,,,,,US,,
r7,2026-03-07T10:00:00Z,opt_in,preference_center,email,acme/offers,carol@example.com,,,,,,US,,
r8,2026-03-08T10:00:00Z,opt_out,agent_note,voice,,,1.5551E+10,,,,,US,,irrecoverable
"""
CONTACTS = """\
customer_id,emails,phones,name,address,postal_code,country,region,updated_at
c1,ann@example.com,+1 212 555 0147,Ann Doe,1 Main St,02139,US,US-MA,2026-02-01
c2,bob@example.org,020 7946 0018,Bob Roe,2 High St,SW1A 1AA,GB,GB,2026-02-01
"""
CALLS = """\
contact_key,contacted_at,channel,identifier,scope,campaign,system,agent,registry_version,outcome
k1,2026-03-20T15:00:00Z,email,ann@example.com,acme/newsletter,Spring,mailer,,,delivered
k2,2026-02-20T15:00:00Z,email,ann@example.com,acme/newsletter,Winter,mailer,,,delivered
"""


def make(root: Path, config: str = CONFIG) -> Path:
    """A fresh home with the three canonical files waiting in its inbox."""
    root.mkdir(parents=True)
    (root / "quietlist.toml").write_text(config)
    for source, text in (("asks", REQUESTS), ("crm", CONTACTS), ("calls", CALLS)):
        (root / "inbox" / source).mkdir(parents=True)
        (root / "inbox" / source / f"{source}.csv").write_text(text)
    return root


def quietlist(home: Path, *arguments: str, seconds: int = 300, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "orchestration.cli", *arguments, "--home", str(home)],
        capture_output=True,
        text=True,
        timeout=seconds,
        env={**os.environ, **environment},
        check=False,
    )


def latest(home: Path) -> dict[str, object]:
    return dict(json.loads((home / "published" / "golden_suppression" / "latest.json").read_text()))


def version_folder(home: Path) -> Path:
    return home / "published" / "golden_suppression" / f"version={latest(home)['version']}"
