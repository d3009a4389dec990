"""What people and agents write, from the inbox to the published table: who asked is on it, what nobody knows is named.

A long form of what tests/texts says of each wording and tests/faults/test_silence.py of a whole run with some.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import duckdb
import pytest

from tests.journeys.home import AS_OF, make, quietlist, version_folder

CONFIG = """
[company]
name = "Acme"
default_region = "US"
scopes = ["acme"]

[limits]
settle_seconds = 0

[sources.texts]
format = "twilio"
scope = "acme"

[sources.dialler]
format = "five9"
scope = "acme"

[sources.asks]
format = "requests"
scope = "acme"
"""
TEXTS = (
    "Unsub", "unsubscibe", "Delete my number", "remove this number", "Take my number out of your system", "Get me off this list",
    "Dont message me", "Cease all contact", "wrong #", "STOP2END", "Sotp", "ST0P", "S T O P please", "Arrêt SVP",
    "Baja por favor", "Bitte abmelden", "afmelden aub", "Parar por favor", "TD回复", "配信停止してください", "Désabonnez-moi",
    "Non voglio più messaggi", "Stop?",
)  # fmt: skip
HARMLESS = ("HELP", "I'll stop by at 5", "I can't stop smiling", "Don't stop", "did you stop?", "see you at the shop")
DISPOSITIONS = (
    "Do Not Call - Customer request", "Add to DNC", "DNC LIST", "Company DNC", "Remove from Calling List", "Asked to be removed",
    "DONT CALL", "Revoked consent", "Cease and Desist", "Not Interested - Do Not Call Again", "Bad Number", "Disconnected",
)  # fmt: skip
NOTHING = ("Not Interested", "No Answer", "Sale")


def write(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.mark.slow
def test_everybody_who_asked_in_words_is_suppressed_and_what_nobody_knows_is_named(tmp_path: Path) -> None:
    root = make(tmp_path / "home", CONFIG)
    numbers = iter(range(100, 200))
    asked: dict[str, str] = {}
    silent: dict[str, str] = {}

    def number_of(text: str, among: dict[str, str]) -> str:
        return among.setdefault(text, f"+1202555{next(numbers):04d}")

    texts = [(text, asked) for text in TEXTS] + [(text, silent) for text in HARMLESS]
    dispositions = [(text, asked) for text in DISPOSITIONS] + [(text, silent) for text in (*NOTHING, "Moved to Mars")]
    for source in ("texts", "dialler", "asks"):
        (root / "inbox" / source).mkdir(exist_ok=True)
    write(
        root / "inbox" / "texts" / "messages.csv",
        [
            {
                "Sid": f"SM{row}",
                "From": number_of(text, among),
                "To": "+12125550100",
                "Body": text,
                "Direction": "inbound",
                "Status": "received",
                "SentDate": "2026-03-20T10:00:00Z",
                "ErrorCode": "",
            }
            for row, (text, among) in enumerate(texts)
        ],
    )
    write(
        root / "inbox" / "dialler" / "calls.csv",
        [
            {
                "CALL ID": str(row),
                "TIMESTAMP": "Fri, 20 Mar 2026 10:00:00",
                "CALL TYPE": "Outbound",
                "DISPOSITION": text,
                "ANI": "2125550100",
                "DNIS": number_of(text, among),
            }
            for row, (text, among) in enumerate(dispositions)
        ],
    )
    write(
        root / "inbox" / "asks" / "asks.csv",
        [
            {"requested_at": "2026-03-20T10:00:00Z", "action": text, "channels": "sms", "phone": number_of(text, among)}
            for text, among in (("please stop all mail", asked), ("xyzzy", silent))
        ],
    )

    result = quietlist(root, "run", "--as-of", AS_OF)

    with duckdb.connect() as con:
        rows = con.execute("select identifier from read_parquet(?)", [str(version_folder(root) / "*.parquet")]).fetchall()
    suppressed = {identifier for (identifier,) in rows}
    assert [text for text, number in asked.items() if number not in suppressed] == [], "these asked, and are not on the list"
    assert [text for text, number in silent.items() if number in suppressed] == [], "these did not ask"
    assert result.returncode == 0, result.stdout + result.stderr
    assert "asks: unknown action 'xyzzy' (1 record)" in result.stdout
    assert "dialler: unknown disposition 'M*** t*** M***' (1 record)" in result.stdout
    assert json.loads((root / "published" / "golden_suppression" / "latest.json").read_text())["version"] == 1
