"""Which bytes of a file an erasure replaces, and which it leaves alone."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from orchestration.core.config import load_config
from orchestration.core.home import Home
from orchestration.core.tombstones import Tombstone
from orchestration.erasure import landed
from orchestration.erasure.points import Point, pattern
from orchestration.landing.collecting import collect
from orchestration.landing.manifest import Entry, Member, Settings
from tests.erasure.home import AS_OF, bare_home

POINTS = (
    Point("email", "ann@example.com", None, ("Ann@Example.com",)),
    Point("phone", "+12125550147", "US", ("+1 212 555 0147", "2125550147", "(212) 555-0147 ext 9")),
)
EMAIL, PHONE = "h" * 8 + "@erased.invalid", "+999000000000001"
STONES = (Tombstone("email", EMAIL, "h", "k", None), Tombstone("phone", PHONE, "h", "k", "US"))
NAMES = landed.Names({"Ann Doe": "erased 12", "Ann": "erased", "Doe": "12", "1 Main St": "erased 34", "José Núñez": "erased 56"})

REPLACED = (
    ("an address in any case", "x,ANN@Example.COM,y", f"x,{EMAIL},y"),
    ("in brackets behind a name", '"Ann Doe" <ann@example.com>', f'"erased 12" <{EMAIL}>'),
    ("at the end of a sentence", "mail ann@example.com.", f"mail {EMAIL}."),
    ("in a URL", "https://e.example/u?e=ann%40example.com&x=1", f"https://e.example/u?e={EMAIL}&x=1"),
    ("escaped in JSON", '{"e":"ann\\u0040example.com"}', f'{{"e":"{EMAIL}"}}'),
    ("two in one cell", "ann@example.com;bob@example.org", f"{EMAIL};bob@example.org"),
    ("a number with its country code", "+1 (212) 555-0147", PHONE),
    ("with an international prefix", "x,0012125550147", f"x,{PHONE}"),
    ("without one", "12125550147,x", f"{PHONE},x"),
    ("as a number of JSON's, which has no plus", '{"p":12125550147}', f'{{"p":{PHONE[1:]}}}'),
    ("in a spelling that was read here", "a,212.555.0147,b", f"a,{PHONE},b"),
    ("columns apart by tabs stay apart", "1\t2125550147\t3", f"1\t{PHONE}\t3"),
    ("the name and the street beside it", "ann@example.com,Ann Doe,1 Main St", f"{EMAIL},erased 12,erased 34"),
    ("the name in two columns, which are the same together", "ann@example.com,Ann,Doe", f"{EMAIL},erased,12"),
    ("a name with accents", "ann@example.com,José Núñez", f"{EMAIL},erased 56"),
)
LEFT = (
    ("a longer address", "joann@example.com,ann@example.community,ann@example.com.au,x.ann@example.com,ann+1@example.com"),
    ("a longer number", "112125550147,121255501470"),
    ("the national number behind a plus: another country's", "+2125550147"),
    ("the name where nothing else of them is", "Ann Doe,1 Main St"),
)


def redacted(data: bytes) -> bytes:
    return landed._applied(data, landed.ranges_of(data, POINTS, STONES, NAMES))


@pytest.mark.parametrize(("case", "before", "after"), REPLACED, ids=[case[0] for case in REPLACED])
def test_what_names_them_is_replaced(case: str, before: str, after: str) -> None:
    assert redacted(before.encode()).decode() == after, case


@pytest.mark.parametrize(("case", "text"), LEFT, ids=[case[0] for case in LEFT])
def test_what_names_others_is_left_alone(case: str, text: str) -> None:
    assert redacted(text.encode()).decode() == text, case


def test_a_part_of_a_name_is_replaced_only_where_it_is_the_whole_cell() -> None:
    before = "ann@example.com,Ann,ann.doe@other.example,Doe & Sons,note by Ann"
    assert redacted(before.encode()).decode() == f"{EMAIL},erased,ann.doe@other.example,Doe & Sons,note by Ann"


def test_only_the_record_that_names_them_loses_its_name() -> None:
    csv = "email,name\nann@example.com,Ann Doe\nother@example.com,Ann Doe\n"
    assert redacted(csv.encode()).decode() == f"email,name\n{EMAIL},erased 12\nother@example.com,Ann Doe\n", "another line"
    page = {
        "records": [
            {"name": "Ann Doe", "to": [{"email": "ann@example.com"}], "more": {"name": "Ann Doe"}},
            {"name": "Ann Doe", "to": [{"email": "other@example.com"}]},
        ]
    }
    for written in (json.dumps(page), json.dumps(page, indent=2)):
        found = json.loads(redacted(written.encode()))
        assert found["records"][0] == {"name": "erased 12", "to": [{"email": EMAIL}], "more": {"name": "erased 12"}}, written
        assert found["records"][1] == page["records"][1], written


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
def test_other_encodings_stay_what_they_are(codec: str) -> None:
    text = "email,name\r\nann@example.com,José Núñez\r\nbob@example.org,Zoë\r\n"
    assert redacted(text.encode(codec)).decode(codec) == text.replace("ann@example.com", EMAIL).replace("José Núñez", "erased 56")


def test_all_other_bytes_stay_and_the_ranges_say_which_do_not() -> None:
    data = b"\xef\xbb\xbfa;\xff\xfe;ann@example.com\r\n\x00bob@example.org"
    (found,) = landed.ranges_of(data, POINTS, STONES, NAMES)
    assert data[found.start : found.stop] == b"ann@example.com"
    assert redacted(data) == data[: found.start] + EMAIL.encode() + data[found.stop :]


def test_nothing_is_found_again_where_it_was_replaced() -> None:
    once = redacted(b"ann@example.com,+12125550147,Ann Doe\n")
    assert redacted(once) == once
    assert pattern(POINTS).search(once) is None


MAIL = (
    ("base64", b"Content-Transfer-Encoding: base64\n\n" + base64.encodebytes(b"please forget ann@example.com, it is me") + b"\n"),
    ("quoted-printable", b"Content-Transfer-Encoding: quoted-printable\n\nplease forget ann=40exam=\nple.com, thanks\n"),
    ("a header", b"Subject: =?utf-8?B?" + base64.b64encode(b"from ann@example.com") + b"?=\n\nhello\n"),
)


@pytest.mark.parametrize(("case", "data"), MAIL, ids=[case[0] for case in MAIL])
def test_a_mail_that_names_them_in_an_encoding_is_found_and_refused(case: str, data: bytes, tmp_path: Path) -> None:
    home = bare_home(tmp_path / "home")
    _deliver(home, "letter.csv", b"Date: Thu, 1 Jan 2026 10:00:00 +0000\n" + data)
    (found,) = landed.find(home, POINTS, lambda entry: False)
    assert not found.can_redact and "encoding" in found.why_not, case


def test_a_mail_that_names_them_in_plain_letters_is_redacted_whole(tmp_path: Path) -> None:
    home = bare_home(tmp_path / "home")
    mail = b"From: Ann Doe <ann@example.com>\nContent-Transfer-Encoding: quoted-printable\n\nStop it, caf=C3=A9.\n\nAnn Doe\n"
    _deliver(home, "letter.csv", mail)
    (found,) = landed.find(home, POINTS, lambda entry: False)
    assert found.can_redact
    assert redacted(mail) == mail.replace(b"ann@example.com", EMAIL.encode()).replace(b"Ann Doe", b"erased 12")


def test_an_archive_that_names_them_is_found_and_refused(tmp_path: Path) -> None:
    import gzip

    home = bare_home(tmp_path / "home")
    _deliver(home, "list.csv.gz", gzip.compress(b"requested_at,action,email\n2026-03-01,opt_out,ann@example.com\n"))
    (found,) = landed.find(home, POINTS, lambda entry: False)
    assert not found.can_redact and "archive" in found.why_not


def test_a_registry_s_copy_is_left_as_it_is(tmp_path: Path) -> None:
    home = bare_home(tmp_path / "home")
    _deliver(home, "list.csv", b"+12125550147\n")
    assert landed.find(home, POINTS, lambda entry: True) == []


def _deliver(home: Home, name: str, data: bytes) -> None:
    (home.inbox / "asks" / name).write_bytes(data)
    collect(home, load_config(home), AS_OF)


def test_what_is_delivered_is_a_registry_s_by_its_format_alone() -> None:
    from orchestration.erasure.erasing import _of_registry

    def entry(format: str) -> Entry:
        return Entry(
            1, "0" * 64, 1, "s", Settings(format, "*", "UTC", None), "n", AS_OF, AS_OF, (Member("n", "0" * 64, 1),), (), ""
        )

    assert [_of_registry(entry(name)) for name in ("uk_tps", "requests", "contacts", "sendgrid")] == [True, False, False, False]
