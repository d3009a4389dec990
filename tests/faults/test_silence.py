"""Silence: a home with one record of every kind of loss. The run may end with "done" only if each is suppressed or listed, and
its own output names each source concerned.

A new way to lose an opt-out is a new row: what arrives, and whether it must be suppressed or named.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from pathlib import Path

import pytest

from tests.journeys.cases import SECONDS, Case, Seen, make_home, run

pytestmark = pytest.mark.timeout(SECONDS)

ASKS = "requested_at,action,channels,email,phone\n"
AT = "2026-03-01T10:00:00Z,opt_out"
CALLS = "CALL ID,TIMESTAMP,CAMPAIGN,CALL TYPE,DISPOSITION,ANI,CUSTOMER NAME,DNIS\n"
CONTACTED = "contact_key,contacted_at,channel,identifier,outcome\n"
TEXTS = "From,To,Body,Status,SentDate,Direction,Sid\n"


def call(number: int, disposition: str) -> str:
    return f'30000000003{number:04d},"Mon, 02 Mar 2026 10:30:00",Spring,Outbound,{disposition},2125550100,,2025550{number:03d}\n'


def text(number: int, body: str) -> str:
    return f'+1303555{number:04d},+12125550100,"{body}",received,2026-03-01T10:00:00Z,inbound,SM{number:032x}\n'


def suppressed(form: str, numbers: range) -> str:
    return " ".join(form.format(number) for number in numbers)


def zip_of(members: int) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for number in range(members):
            archive.writestr(f"{number}.csv", f"{ASKS}{AT},email,z{number}@zip.example.com,\n")
    return stream.getvalue()


def link_away(folder: Path) -> None:
    (folder / "r.csv").unlink()
    folder.rmdir()
    aside = folder.parent.parent / "aside"
    aside.mkdir()
    (aside / "r.csv").write_text(f"{ASKS}{AT},email,away@link.example.com,\n")
    folder.symlink_to(aside)


DISPOSITIONS = (
    "Do Not Call - Customer request", "Add to DNC", "DNC LIST", "Company DNC", "Remove from Calling List", "Asked to be removed",
    "DONT CALL", "Revoked consent", "Cease and Desist", "Not Interested - Do Not Call Again",
)  # fmt: skip
BODIES = (
    "Unsub", "unsubscibe", "Delete my number", "remove this number", "Take my number out of your system", "Get me off this list",
    "Dont message me", "Cease all contact", "STOP2END", "Sotp", "ST0P", "S T O P please", "Arrêt SVP", "Baja por favor",
    "Bitte abmelden", "afmelden aub", "Parar por favor", "TD回复", "配信停止してください", "Désabonnez-moi",
    "Non voglio più messaggi",
)  # fmt: skip

KINDS = (
    # Words that mean "leave me alone".
    Case("dispositions", "five9", {"call_log_2026-03-03.csv": CALLS + "".join(map(call, range(101, 111), DISPOSITIONS))},
         suppressed("S:voice:+12025550{}", range(101, 111)), settings='timezone = "America/New_York"'),
    Case("unknown_disposition", "five9", {"call_log_2026-03-04.csv": CALLS + call(120, "Zyx 7")}, "listed"),
    # What came of a contact that we made.
    Case("outcomes_of_contacts", "contacts_made", {"log.csv": CONTACTED
         + "k1,2026-03-01T10:00:00Z,voice,+12025550131,Do Not Call - Customer request\n"
         + "k2,2026-03-01T10:00:00Z,email,out@log.example.com,unsubscribed\nk3,,sms,+12025550132,DNC\n"
         + "k4,2026-03-01T10:00:00Z,email,fine@log.example.com,delivered\n"},
         "S:voice:+12025550131 S:sms:+12025550131 S:email:out@log.example.com S:voice:+12025550132 N:email:fine@log.example.com "
         "asks=3"),
    Case("unknown_outcome", "contacts_made",
         {"log.csv": f"{CONTACTED}k5,2026-03-01T10:00:00Z,voice,+12025550133,Zyx 8\n"}, "asks=1 listed"),
    Case("bodies", "twilio", {"sms-log-2026-03-01.csv": TEXTS + "".join(map(text, range(1, 22), BODIES))},
         suppressed("S:sms:+1303555{:04d}", range(1, 22))),
    Case("a_sentence_for_an_action", "requests",
         {"r.csv": "requested_at,action,email\n2026-03-01T10:00:00Z,please stop all mail,ann@act.example.com\n"},
         "S:email:ann@act.example.com asks=1"),
    # Columns.
    Case("a_column_nobody_reads", "requests",
         {"r.csv": "requested_at,action,email,kontakt2\n" + "".join(
             f"{AT},k{n}@col.example.com,other{n}@col.example.com\n" for n in range(5))}, "listed"),
    Case("an_unknown_envelope", "sendgrid",
         {"events_2026-03-02.json": json.dumps({"export": {"data": [
             {"event": "unsubscribe", "email": "deep@env.example.com", "timestamp": 1769940000, "sg_event_id": "x"}]}})},
         "listed"),
    # Another spelling of a label is read: so the number is known by which somebody is reached who asked by address.
    Case("a_crm_s_mobile", "contacts", {"contacts.csv": "customer_id,emails,mobile\nc1,crm@mob.example.com,2155550114\n"}, ""),
    Case("who_asked_by_mail", "requests",
         {"r.csv": "requested_at,action,channels,email\n2026-03-01T10:00:00Z,opt_out,voice,crm@mob.example.com\n"},
         "S:voice:+12155550114 asks=1"),
    Case("a_crm_s_second_handset", "contacts",
         {"contacts.csv": "customer_id,emails,handset_b\n" + "".join(
             f"d{n},h{n}@mob.example.com,215555012{n}\n" for n in range(5))}, "listed"),
    # Identifiers.
    Case("a_letter_in_a_number", "requests", {"r.csv": f"{ASKS}{AT},voice,,07700 900l21\n"},
         "N:voice:+447700900 asks=1", region="GB"),
    Case("two_addresses_in_a_row", "requests",
         {"r.csv": "requested_at,action,channels,email,email\n2026-03-01,opt_out,email,r1@row.example.com,r2@row.example.com\n"},
         "S:email:r1@row.example.com S:email:r2@row.example.com"),
    # Releases without a right: somebody opted out of everything, and another source says otherwise.
    Case("who_asked", "requests", {"r.csv": f"{ASKS}{AT},email,asked@right.example.com,\n"}, "S:email:asked@right.example.com",
         settings=""),
    Case("who_says_otherwise", "requests",
         {"r.csv": "requested_at,action,method,channels,scope,email\n"
                   "2026-03-20T10:00:00Z,opt_in,preference_center,all,*,asked@right.example.com\n"}, "listed"),
    Case("one_record_with_200_addresses", "requests",
         {"r.csv": "requested_at,action,method,channels,email\n2026-03-20T10:00:00Z,opt_in,import,all,"
                   + ";".join(f"l{n}@many.example.com" for n in range(200)) + "\n"
                   "2026-03-21T10:00:00Z,opt_out,web_form,voice,l7@many.example.com\n"}, "listed"),
    # What it cannot see.
    Case("a_folder_that_is_a_link", "requests", {"r.csv": ""}, "listed", prepare=link_away),
    Case("a_link_for_a_file", "requests", {"r.csv": f"{ASKS}{AT},email,seen@link.example.com,\n"},
         "S:email:seen@link.example.com listed",
         prepare=lambda folder: (folder / "l.csv").symlink_to(folder / "nowhere.csv")),
    Case("a_pipe_for_a_file", "requests", {}, "listed", prepare=lambda folder: os.mkfifo(folder / "p.csv")),
    Case("larger_than_allowed", "requests", {"r.csv": f"{ASKS}{AT},email,seen@large.example.com,\n"},
         "S:email:seen@large.example.com listed", prepare=lambda folder: _sparse(folder / "large.csv")),
    Case("a_zip_of_600", "requests", {"a.zip": zip_of(600)}, "S:email:z0@zip.example.com S:email:z599@zip.example.com asks=600"),
    Case("a_file_of_no_kind", "mailchimp", {"holiday\u2028photos\x85.csv": "a,b\n1,2\n"}, "listed"),
    Case("being_written", "requests", {"r.csv.part": f"{ASKS}{AT},email,part@example.com,\n"}, "listed"),
)  # fmt: skip


def _sparse(path: Path) -> None:
    path.touch()
    os.truncate(path, 1 << 40)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    root = make_home(tmp_path_factory.mktemp("silence") / "home", KINDS)
    return Seen(root, run(root))


@pytest.mark.parametrize("case", KINDS, ids=lambda case: case.name)
def test_a_record_of_every_kind_of_loss_is_suppressed_or_listed_by_its_source(seen: Seen, case: Case) -> None:
    assert seen.missing(case) == [], f"{case.name}\n{seen.told.output}"


def test_done_is_said_only_where_nothing_was_lost_in_silence(seen: Seen) -> None:
    lost = [case.name for case in KINDS if seen.missing(case)]
    assert seen.told.exit_code in (0, 1), seen.told.output
    assert seen.told.exit_code != 0 or not lost, f"the run ended with done, and these are lost in silence: {lost}"


def test_what_the_next_run_makes_of_the_same_home_is_the_same(seen: Seen, tmp_path: Path) -> None:
    """Nothing of it stops the runs after it: the ZIP's long line, the names with separators, what waits in the inbox."""
    again = Seen(seen.root, run(seen.root, "2026-04-02T00:00:00Z"))
    assert again.told.exit_code == seen.told.exit_code, again.told.output
    assert [row["identifier"] for row in again.rows] == [row["identifier"] for row in seen.rows]
    assert "a_folder_that_is_a_link" in again.told.output, "what is not put right is told again"
