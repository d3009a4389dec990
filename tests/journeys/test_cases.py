"""Files as other people make them: nobody in them is lost, and nobody is suppressed who never asked."""

from __future__ import annotations

import pytest

from tests.journeys.cases import SECONDS, Case, Seen, deliver, make_home, run

pytestmark = pytest.mark.timeout(SECONDS)

ASKS = "requested_at,action,channels,email,phone\n"
AT = "2026-03-01T10:00:00Z,opt_out"
NUMBERS = "07700 900111\n07700 900112\n07700 900113\n"

CASES = (
    Case("one_odd_address", "requests", {"r.csv": f"{ASKS}{AT},email,ann@one.example.com,\n{AT},email,root@localhost,\n"},
         "S:email:ann@one.example.com asks=2"),
    Case("a_letter_in_a_number", "requests", {"r.csv": f"{ASKS}{AT},voice,,07700 900l11\n{AT},voice,,0207 946 O011\n"},
         "N:voice:+447700900 N:voice:+440207946 N:voice:+44207946 asks=2", region="GB"),
    Case("two_numbers_in_one", "requests", {"r.csv": f"{ASKS}{AT},voice,,030 1234567/68\n{AT},voice,,+11234567890-6#\n"},
         "N:voice:+4930123456768 N:voice:+112345678906 asks=2", region="DE"),
    Case("letters_of_turkey", "requests",
         {"r.csv": f"{ASKS}{AT},email,ALİ@TR.EXAMPLE.COM,\n{AT},email,VELİ@İZ.TR.EXAMPLE.COM,\n"},
         "S:email:ali@tr.example.com S:email:veli@iz.tr.example.com asks=2"),
    Case("signs_nobody_sees", "requests",
         {"r.csv": ASKS + "".join(f"{AT},email,a{n}{sign}@see.example.com,\n"
                                  for n, sign in enumerate("\ufe0f\u034f\u3164\u2800\u061c\u180e"))},
         "S:email:a0@see.example.com S:email:a4@see.example.com asks=6"),
    Case("wide_letters", "requests", {"r.csv": f"{ASKS}{AT},email,ｗｉｄｅ@wide.example.com,\n"},
         "S:email:wide@wide.example.com"),
    Case("dots_that_mail_takes", "requests",
         {"r.csv": f"{ASKS}{AT},email,a..b@dots.example.com,\n{AT},email,c.@dots.example.com,\n"},
         "S:email:a..b@dots.example.com S:email:c.@dots.example.com"),
    Case("two_columns_of_one_label", "requests",
         {"r.csv": "requested_at,action,channels,email,email,phone,phone\n"
                   "2026-03-01,opt_out,email;sms,q1@two.example.com,q2@two.example.com,2155550111,2155550112\n"},
         "S:email:q1@two.example.com S:email:q2@two.example.com S:sms:+12155550111 S:sms:+12155550112"),
    Case("other_labels", "requests", {"r.csv": "date,action,channel,mobile\n2026-03-01T10:00:00Z,opt_out,sms,2155550113\n"},
         "S:sms:+12155550113 asks=1"),
    Case("events_named_blocks", "sendgrid",
         {"webhook_blocks_2026-03.json": '[{"event":"unsubscribe","email":"e1@sg.example.com","timestamp":1769940000,'
                                         '"sg_event_id":"a"},{"event":"spamreport","email":"e2@sg.example.com",'
                                         '"timestamp":1769940000,"sg_event_id":"b"}]',
          "events_without_bounces.json": '[{"event":"delivered","email":"e3@sg.example.com","timestamp":1769940000,'
                                         '"sg_event_id":"c"},{"event":"unsubscribe","email":"e4@sg.example.com",'
                                         '"timestamp":1769940000,"sg_event_id":"d"}]'},
         "S:email:e1@sg.example.com S:email:e2@sg.example.com N:email:e3@sg.example.com S:email:e4@sg.example.com"),
    Case("opt_outs_with_from_and_to", "twilio",
         {"sms_optouts_2026-03.csv": "From,To,Body,SentDate\n+12175550111,+12125550119,STOP,2026-03-01T10:00:00Z\n"
                                     "+12175550112,+12125550119,Stop please,2026-03-01T11:00:00Z\n"},
         "S:sms:+12175550111 S:sms:+12175550112 N:sms:+12125550119"),
    Case("a_copy_s_name", "mailchimp",
         {"Copy of unsubscribed_email_audience_export_1a2b3c (2).csv.txt":
              "Email Address,First Name,Last Name,UNSUB_TIME,UNSUB_REASON,LEID,EUID\n"
              "m1@copy.example.com,,,2026-02-11 18:04:33,NORMAL,1,a\n"},
         "S:email:m1@copy.example.com"),
    Case("a_full_list_named_removed", "uk_tps", {"tps_full_2026-03-20.txt": NUMBERS},
         "R:+447700900111 R:+447700900112 R:+447700900113", region="GB",
         later={"tps_2026-03-21_duplicates_removed.txt": NUMBERS}),
    # Not of one registry with the list above: here everything goes.
    Case("a_removal_of_everything", "uk_tps", {"ctps_full_2026-03-20.txt": "02079460111\n02079460112\n"},
         "R:+442079460111 R:+442079460112", region="GB",
         later={"ctps_removals_2026-03-21.txt": "02079460111\n02079460112\n"}),
)  # fmt: skip


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """All cases in one home, run once with what they deliver first and once with what comes later."""
    root = make_home(tmp_path_factory.mktemp("cases") / "home", CASES)
    first = run(root)
    assert first.exit_code in (0, 1), first.output
    for case in CASES:
        deliver(root, case.name, case.later)
    return Seen(root, run(root, "2026-04-02T00:00:00Z"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_each_file_asks_for_is_so(seen: Seen, case: Case) -> None:
    assert seen.missing(case) == [], f"{case.name}\n{seen.told.output}"


def test_one_odd_record_keeps_nobody_s_opt_out_from_being_published(seen: Seen) -> None:
    assert seen.rows, f"nothing was published at all\n{seen.told.output}"
