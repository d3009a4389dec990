"""A home in which mails were delivered, read and staged, and what became of each."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from orchestration.core.config import Config
from orchestration.core.home import Home
from orchestration.core.warehouse import warehouse
from orchestration.landing import collect
from orchestration.readers import load
from orchestration.readers.register import register
from orchestration.reconcile import dbt, stages
from tests.homes import with_policy
from tests.mail.letters import Letter

AS_OF = datetime(2026, 4, 1, tzinfo=UTC)
CONFIG = Config.model_validate(
    {
        "company": {"name": "Acme"},
        "limits": {"settle_seconds": 0},
        "sources": {"mail": {"format": "mail", "our_addresses": ["@acme.example.com"]}},
    }
)


def mbox(letters: Iterable[Letter]) -> bytes:
    """The mails as one mbox (mboxrd), each under its name as the envelope's sender."""
    parts = []
    for letter in letters:
        body = b"\n".join(b">" + line if line.lstrip(b">").startswith(b"From ") else line for line in letter.content.split(b"\n"))
        parts.append(f"From {letter.name}@envelope.example.com Tue Mar  3 09:15:31 2026\n".encode() + body + b"\n")
    return b"".join(parts)


def staged(root: Path, files: dict[str, bytes]) -> tuple[Home, list[tuple[str, int, str]]]:
    """Deliver files, and say of each record what it was read as: file, place, and ``<doubt> action address`` or the outcome."""
    home = with_policy(Home.at(root))
    folder = home.inbox / "mail"
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    collect(home, CONFIG, AS_OF)
    with warehouse(home) as con:
        stages.prepare(con, home)
        register(con, home, CONFIG)
        for file in load(con, home, CONFIG, AS_OF):
            assert file.physical == file.loaded + file.quarantined + file.skipped, file
    dbt.invoke(home, CONFIG, AS_OF, "run", "+stg_mail__messages")
    return home, said(home)


def said(home: Home) -> list[tuple[str, int, str]]:
    with warehouse(home) as con:
        rows = con.execute(
            "select landed_files.name, record_no, outcome, action, emails_raw, doubt "
            "from staging.stg_mail__messages join raw.landed_files using (file_id) "
            "union all select name, record_no, 'quarantine', null, [], null "
            "from raw.quarantine join raw.landed_files using (file_id) order by 1, 2"
        ).fetchall()
    outcomes = {"quarantine": "review", "not_a_request": "nothing"}
    return [
        (
            name,
            number,
            f"{'doubt ' if doubt else ''}{action} {';'.join(emails)}" if outcome == "request" else outcomes.get(outcome, outcome),
        )
        for name, number, outcome, action, emails, doubt in rows
    ]
