"""Lists of callers that people complained about are refused wherever they are dropped, and nothing else is."""

from __future__ import annotations

import json

import pytest

from orchestration.readers.callers import REASON, refuse_callers
from orchestration.readers.feeds import all_feeds
from orchestration.readers.outcome import UnreadableFile
from orchestration.readers.recognise import recognise
from tests.readers.conftest import Desk, feed

FTC = (
    "Company_Phone_Number,Created_Date,Violation_Date,Consumer_City,Consumer_State,Consumer_Area_Code,Subject,"
    "Recorded_Message_Or_Robocall\n2025550199,2026-05-14 00:00:16,2026-05-13 10:00:00,Springfield,Ohio,937,Other,Y\n"
)
FCC = (
    "id,ticket_created,date_created,issue_date,issue_time,issue_type,method,issue,caller_id_number,type_of_call_or_messge,"
    "advertiser_business_phone_number,city,state,zip\n1,2026,2026,2026,9,Phone,Wired,Unwanted,202-555-0199,Live,,X,OH,45501\n"
)
LISTS = {
    "the FTC's CSV": FTC,
    "with blanks in its labels": FTC.replace("_", " "),
    "the FTC's interface": json.dumps(
        {"data": [{"attributes": {"company-phone-number": "2025550199", "violation-date": "2026-05-13"}}]}
    ),
    "the FCC's CSV": FCC,
    "the FCC's pages": FCC.replace("caller_id_number", "Caller ID Number").replace(
        "type_of_call_or_messge", "Type of Call or Messge"
    ),
    "spelt as it should be": FCC.replace("messge", "message"),
    "the FCC's interface": json.dumps([{"caller_id_number": "202-555-0199", "type_of_call_or_messge": "Live Voice"}]),
}
# What shares a label with them and lists people, or nobody.
OTHERS = {
    "phone numbers of companies": "Company Phone Number,Company\n2025550199,Acme\n",
    "a call log": "Caller ID Number,Disposition\n2025550199,Do Not Call\n",
    "opt-outs": "email\na@example.com\n",
    "no text": "PK\x03\x04 Company_Phone_Number Violation_Date",
    "nothing": "",
}


@pytest.mark.parametrize("case", LISTS)
def test_a_list_of_callers_is_refused_with_what_it_is(case: str) -> None:
    with pytest.raises(UnreadableFile) as error:
        refuse_callers(LISTS[case].encode())
    assert error.value.reason == REASON
    assert "callers that people complained about" in error.value.detail


@pytest.mark.parametrize("case", OTHERS)
def test_no_other_file_is_refused(case: str) -> None:
    refuse_callers(OTHERS[case].encode())


@pytest.mark.parametrize("vendor", sorted({feed.vendor for feed in all_feeds()} - {"quietlist", "mail"}))
def test_every_format_refuses_it_whatever_it_is_called(vendor: str) -> None:
    feeds = [feed for feed in all_feeds() if feed.vendor == vendor]
    for name in ("DNC_Complaint_Numbers_2026-05-14.csv", "unsubscribed.csv", "changes.txt"):
        found = recognise(name, FTC.encode(), feeds, whole=True)
        assert (found.feed, found.reason) == (None, REASON), name


OPT_OUTS = feed({"phone": ["company_phone_number"]}, files=("*",))


@pytest.mark.parametrize(
    "feeds", [(OPT_OUTS,), (OPT_OUTS, feed({"email": ["email"]}, name="other", files=("other*",)))], ids=["one", "two"]
)
def test_nothing_of_it_is_loaded_and_somebody_sees_it(desk: Desk, feeds: tuple[object, ...]) -> None:
    desk.deliver(feeds, {"complaints.csv": FTC})
    assert desk.con.execute("select count(*) from raw.acme__optouts").fetchall() == [(0,)]
    ((reason, detail),) = desk.con.execute("select reason, detail from raw.quarantine").fetchall()
    assert reason == REASON
    assert "2025550199" not in detail
