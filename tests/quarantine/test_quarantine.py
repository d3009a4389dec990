"""What waits for a person, and what becomes of what a person decides: in the tables, in the account, and in a rebuild.

The decisions of most kinds (the first of ``CASES``) are always rebuilt; what the other tests decide, in the long form.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from orchestration.audit.verify import verify
from orchestration.cli import main
from orchestration.core.config import Config, load_config
from orchestration.core.errors import Busy, ConfigError
from orchestration.core.home import Home
from orchestration.core.key import rotate_key
from orchestration.core.lock import run_lock
from orchestration.core.warehouse import warehouse
from orchestration.quarantine import records as quarantine
from orchestration.quarantine.decisions import record_decision, waiting_decisions
from orchestration.quarantine.records import Answer
from orchestration.rebuild import rebuild
from tests.homes import with_policy
from tests.reconcile.test_golden_oracle import reconcile

DAY = datetime(2026, 4, 1, tzinfo=UTC)
DECIDED = datetime(2026, 4, 2, 9, tzinfo=UTC)
CONFIG = """
[company]
name = "Acme"
default_region = "US"
scopes = ["acme", "acme/newsletter"]

[limits]
settle_seconds = 0

[sources.asks]
format = "requests"
scope = "acme"
timezone = "America/New_York"

[sources.forms]
format = "requests"

[sources.crm]
format = "contacts"
"""
ASKS = """\
request_key,requested_at,action,channels,email,phone,note
k1,2026-03-01T10:00:00Z,opt_out,pigeon,ann@example.com,,doubt
k2,2026-03-02T10:00:00Z,whatever,email,ben@example.com,,refused by its staging model
k3,2026-03-03T10:00:00Z,opt_out,voice,cleo@example.com,,unresolved
k4,,opt_in,email,dan@example.com,,an opt-in without a time
k5,2026-03-05T10:00:00Z,opt_out,email,eve@example.com,,good
"""
FORMS = (
    '{"request_key": "j1", "action": "opt_out", "email": "good@example.com", "requested_at": "2026-03-01"}\n'
    '{"request_key": "j2", broken fay@example.com\n'
    '{"request_key": "j3", "action": "opt_out", "email": "good2@example.com", "requested_at": "2026-03-01"}\n'
)
CRM = "customer_id,emails,phones\n,gil@example.com,\nc1,hal@example.com,\n"
WAITING = {
    ("doubt", "asks", "unknown_channel"),
    ("refused", "asks", "unknown_action"),
    ("refused", "asks", "opt_in_without_time"),
    ("refused", "forms", "not_json"),
    ("refused", "crm", "no_customer_id"),
    ("unresolved", "asks", "reaches_nobody"),
}


class Desk:
    """Somebody who works through the list."""

    rebuilds = False
    """Whether :meth:`equal` rebuilds, which costs as much as two days."""

    def __init__(self, root: Path) -> None:
        self.home = Home.at(root)
        self.config: Config = load_config(self.home)

    def list(self) -> quarantine.Waiting:
        return quarantine.waiting(self.home, self.config, DECIDED)

    def kinds(self) -> set[tuple[str, str, str]]:
        return {(item["kind"], item["source"], item["reason"]) for item in self.list().items}

    def id_of(self, reason: str) -> str:
        (found,) = [item["id"] for item in self.list().items if item["reason"] == reason]
        return str(found)

    def decide(self, record_id: str, hours: int = 0, why: str = "I read it", **answer: object) -> Path:
        at = DECIDED + timedelta(hours=hours)
        said = Answer(**answer)  # type: ignore[arg-type]
        return quarantine.decide(self.home, self.config, record_id, said, person="Ida Roe", reason=why, now=at).file

    def run(self, days: int) -> None:
        reconcile(self.home, self.config, DAY + timedelta(days=days))

    def rows(self, query: str) -> list[tuple[object, ...]]:
        with warehouse(self.home) as con:
            return con.execute(query).fetchall()

    def suppressed(self) -> set[tuple[object, ...]]:
        return set(
            self.rows("select channel, identifier, scope from golden.golden_suppression where channel in ('email', 'voice')")
        )

    def equal(self, *, always: bool = False) -> None:
        if not (always or self.rebuilds):
            return
        outcome = rebuild(self.home, self.config)
        assert outcome.equal, "\n".join(outcome.lines())

    def quietlist(self, *arguments: str) -> Result:
        return CliRunner().invoke(main, ["quarantine", *arguments, "--home", str(self.home.root)])


@pytest.fixture(scope="module")
def first_day(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home after its first run, with one record of each kind. Tests only read it."""
    home = with_policy(Home.at(tmp_path_factory.mktemp("desk") / "home"))
    home.config_file.write_text(CONFIG)
    for source, name, text in (("asks", "asks.csv", ASKS), ("forms", "forms.jsonl", FORMS), ("crm", "crm.csv", CRM)):
        (home.inbox / source).mkdir()
        (home.inbox / source / name).write_text(text)
    reconcile(home, load_config(home), DAY)
    return home


@pytest.fixture
def desk(first_day: Home, tmp_path: Path, in_long_form: bool) -> Iterator[Desk]:
    shutil.copytree(first_day.root, tmp_path / "home")
    desk = Desk(tmp_path / "home")
    desk.rebuilds = in_long_form
    yield desk


def test_each_kind_is_listed_with_its_source_reason_and_age_and_none_of_it_names_anybody(first_day: Home) -> None:
    desk = Desk(first_day.root)
    assert desk.kinds() == WAITING
    assert {group["kind"]: group["oldest"] for group in desk.list().groups} == dict.fromkeys(quarantine.KINDS, DAY)
    for arguments in ([], ["--json"]):
        said = desk.quietlist(*arguments, "--as-of", "2026-04-02T09:00:00Z").output
        assert "example.com" not in said and "@" not in said, said
        assert all(reason in said for _, _, reason in WAITING), said
    assert "the oldest for 33 h" in desk.quietlist("--as-of", "2026-04-02T09:00:00Z").output
    for option, value, expected in (("--source", "forms", 1), ("--reason", "reaches_nobody", 1), ("--kind", "refused", 4)):
        assert json.loads(desk.quietlist(option, value, "--json").output)["waiting"] == expected, (option, value)
    assert "and 6 more" in desk.quietlist("--limit", "0").output


def test_a_record_is_shown_with_its_file_and_number_masked_unless_revealed(first_day: Home) -> None:
    desk = Desk(first_day.root)
    for reason, record_no, hidden in (("unknown_action", 3, "ben@example.com"), ("not_json", 2, "fay@example.com")):
        record_id = desk.id_of(reason)
        masked, shown = desk.quietlist("show", record_id).output, desk.quietlist("show", record_id, "--reveal").output
        assert hidden not in masked and hidden in shown, reason
        assert f"record {record_no}" in masked and "sha-256" in masked and "quietlist quarantine decide" in masked, masked
    assert "whatever" in desk.quietlist("show", desk.id_of("unknown_action")).output, "a code is what it waits for"


def test_a_record_keeps_its_id_through_a_rebuild_and_a_new_key_and_says_nothing_of_the_person(desk: Desk) -> None:
    before = {item["reason"]: item["id"] for item in desk.list().items}
    desk.home.warehouse_file.unlink()
    desk.run(0)
    assert {item["reason"]: item["id"] for item in desk.list().items} == before
    rotate_key(desk.home, person="Ida", reason="yearly", now=DECIDED)
    assert {item["id"] for item in desk.list().items}.isdisjoint(before.values()), "it is not keyed"
    assert desk.quietlist("show", before["not_json"]).exit_code == 0, "an old ticket names a record that nobody finds"


# What is decided about each record, twice, and who is suppressed then and was not before.
CASES: list[dict[str, tuple[str, dict[str, object], set[tuple[object, ...]]]]] = [
    {
        "unknown_action": ("its corrected value", {"values": {"action": "opt_out"}}, {("email", "ben@example.com", "acme")}),
        "not_json": (
            "an opt-out of somebody",
            {"opt_out": "Fay@Example.com", "channels": ("email",), "scope": "acme/newsletter"},
            {("email", "fay@example.com", "acme/newsletter")},
        ),
        "reaches_nobody": (
            "whom an unresolved request concerns",
            {"opt_out": "(202) 555-0177"},
            {("voice", "+12025550177", "acme")},
        ),
        "opt_in_without_time": ("nothing", {"nothing": True}, set()),
    },
    {
        "not_json": (
            "an opt-out of what its source speaks for",
            {"opt_out": "fay@example.com"},
            {("email", "fay@example.com", "*")},
        ),
        "no_customer_id": (
            "an opt-out in a list of customers",
            {"opt_out": "gil@example.com"},
            {("email", "gil@example.com", "*")},
        ),
        "reaches_nobody": ("nobody whom an unresolved request concerns", {"nothing": True}, set()),
        "unknown_channel": ("a doubt that was meant so", {"confirm": True}, set()),
    },
]


@pytest.mark.parametrize("cases", [CASES[0], pytest.param(CASES[1], marks=pytest.mark.slow)], ids=["first", "second"])
def test_what_a_person_decides_is_done_once_and_again_by_a_rebuild(
    desk: Desk, cases: dict[str, tuple[str, dict[str, object], set[tuple[object, ...]]]]
) -> None:
    before, left = desk.suppressed(), set(WAITING)
    ids = {reason: desk.id_of(reason) for reason in cases}
    for number, (reason, (what, answer, _)) in enumerate(cases.items(), 1):
        desk.decide(ids[reason], **answer)
        left -= {entry for entry in WAITING if entry[2] == reason}
        assert desk.kinds() == left and desk.list().undone == number, f"{what}: it waits for a run, and for no person"
    assert desk.suppressed() == before

    for day in (2, 3):
        desk.run(day)
        assert desk.kinds() == left and desk.list().undone == 0
        for what, _, more in cases.values():
            assert more <= desk.suppressed(), what
        assert desk.suppressed() == before.union(*(more for _, _, more in cases.values())), (
            "somebody was released, or one too many"
        )
    desk.equal(always=True)
    assert verify(desk.home, desk.config).whole
    decided = sum(reason not in ("reaches_nobody", "unknown_channel") for reason in cases)
    account = desk.rows("select sum(quarantined), sum(decided), sum(abs(difference)) from ledger.conservation")
    assert account == [(4, decided, 0)], "a decided record still ends in quarantine, and in one place"
    for reason, record_id in ids.items():
        said = desk.quietlist("show", record_id).output
        assert "decided 2 Apr 2026, 09:00 UTC by Ida Roe" in said and "I read it" in said, (reason, said)


def test_the_clock_of_a_decided_request_is_that_of_its_record(desk: Desk) -> None:
    desk.decide(desk.id_of("unknown_action"), values={"action": "opt_out"})
    desk.decide(desk.id_of("not_json"), opt_out="fay@example.com")
    desk.run(5)
    query = "select emails[1], at_earliest, at_latest, first_seen from ledger.requests where source = 'decisions'"
    found = {row[0]: row[1:] for row in desk.rows(query)}
    asked = datetime(2026, 3, 2, 10, tzinfo=UTC)
    assert found["ben@example.com"] == (asked, asked, DAY), "it was asked when the record says, and seen when that came"
    assert found["fay@example.com"] == (DAY, DAY, DAY), "a record without a time counts from its arrival"


def test_a_day_that_a_person_gives_is_the_whole_of_it_in_the_sources_zone(desk: Desk) -> None:
    desk.decide(desk.id_of("unknown_action"), values={"action": "erasure", "requested_at": "2026-03-02"})
    desk.run(2)
    assert desk.rows("select action, at_earliest, at_latest from ledger.requests where source = 'decisions'") == [
        ("erasure", datetime(2026, 3, 2, 5, tzinfo=UTC), datetime(2026, 3, 3, 4, 59, 59, 999999, tzinfo=UTC))
    ]


@pytest.mark.parametrize(
    "swapped", [pytest.param(False, marks=pytest.mark.slow), True], ids=["as they came", "the later one first"]
)
def test_of_two_decisions_the_later_counts_and_neither_takes_an_opt_out_back(desk: Desk, swapped: bool) -> None:
    record_id = desk.id_of("not_json")
    files = [desk.decide(record_id, 0, opt_out="fay@example.com"), desk.decide(record_id, 1, nothing=True, why="a test entry")]
    held = files[0].rename(desk.home.root / files[0].name) if swapped else None
    desk.run(2)
    if held:
        held.rename(files[0])
        desk.run(3)
    assert desk.rows("select decision, decided_why from ledger.decisions") == [("nothing", "a test entry")]
    assert ("email", "fay@example.com", "*") in desk.suppressed(), "the word of a person lifted a suppression"
    assert len(desk.rows("select * from staging.stg_quietlist__decided")) == 2, "an earlier decision is evidence too"
    said = desk.quietlist("show", record_id).output
    assert said.count("decided 2 Apr 2026") == 2 and "Next step: nothing" in said
    desk.equal()


def test_a_decision_about_a_record_that_is_decided_counts_instead_of_the_last(desk: Desk) -> None:
    record_id = desk.id_of("not_json")
    desk.decide(record_id, 0, nothing=True)
    desk.run(2)
    desk.decide(record_id, 1, opt_out="fay@example.com")
    desk.run(3)
    assert desk.rows("select decision from ledger.decisions") == [("opt_out",)]
    assert ("email", "fay@example.com", "*") in desk.suppressed()
    desk.equal()


def test_a_record_that_is_delivered_again_in_the_same_bytes_is_decided_too(desk: Desk) -> None:
    desk.decide(desk.id_of("not_json"), nothing=True)
    (desk.home.inbox / "forms" / "again.jsonl").write_text(FORMS)
    desk.run(2)
    assert ("refused", "forms", "not_json") not in desk.kinds()
    desk.equal()


def test_nobody_is_released_by_a_decision(desk: Desk) -> None:
    before = desk.suppressed()
    for reason, answer, said in (
        ("unknown_channel", {"nothing": True}, "a suppression ends only by an opt-in of the person"),
        ("opt_in_without_time", {"values": {"action": "opt_in", "requested_at": "2026-03-30"}}, "action: 'opt_in' is not one of"),
        ("unknown_action", {"confirm": True}, "nothing to confirm"),
        ("no_customer_id", {"values": {"action": "opt_out", "email": "x@example.com"}}, "it is no request"),
    ):
        with pytest.raises(ConfigError, match=said):
            desk.decide(desk.id_of(reason), **answer)
    assert list(waiting_decisions(desk.home)) == []
    # Written by hand, as somebody who can write to the inbox might.
    line = {"action": "opt_in", "method": "preference_center", "channels": "email", "email": "eve@example.com", "scope": "*"}
    about = {**line, "requested_at": "2026-03-30T00:00:00+00:00"}
    record_decision(desk.home, "value", about, person="Ida", reason="she said so", now=DECIDED)
    desk.run(2)
    assert desk.suppressed() == before
    assert ("refused", "decisions", "opt_in_by_decision") in desk.kinds()


def test_everything_wrong_with_a_decision_is_said_at_once_and_nothing_recorded(desk: Desk) -> None:
    record_id = desk.id_of("not_json")
    wrong = [
        (["--nothing", "--confirm"], ["exactly one of"]),
        (["--nothing", "--channel", "email"], ["--channel and --scope go with --opt-out"]),
        (["--opt-out", "12"], ["phone: cannot be read"]),
        (["--opt-out", "a@example.com", "--scope", "acme/newsleter"], ["scope: 'acme/newsleter' is not one of *, acme"]),
        (
            ["--value", "emial=a@example.com", "--value", "requested_at=soon", "--value", "channels=fax;pigeon"],
            ["did you mean email?", "requested_at: is no time", "'pigeon' is not one of", "action: nobody knows", "names nobody"],
        ),
        (["--value", "requested_at=2031-01-01", "--value", "action=opt_out"], ["lies in the future"]),
        (["--value", "email"], ["is not COLUMN=TEXT"]),
    ]
    for arguments, expected in wrong:
        result = desk.quietlist("decide", record_id, *arguments, "--by", "Ida", "--reason", "because")
        assert result.exit_code == 2, (arguments, result.output)
        assert all(text in result.output for text in expected), (arguments, result.output)
    result = desk.quietlist("decide", record_id, "--nothing", "--by", " ", "--reason", "")
    assert result.exit_code == 2 and "--by: is required" in result.output and "--reason: is required" in result.output
    for unknown in ("ffffffffffff", "short", "../../etc"):
        assert desk.quietlist("decide", unknown, "--nothing", "--by", "I", "--reason", "b").exit_code == 2, unknown
    assert list(waiting_decisions(desk.home)) == []


def test_what_others_write_into_a_reason_ends_no_line_and_reaches_no_terminal(desk: Desk) -> None:
    hostile = "a\u2028b\u2029c\u0085d\x1b[2Je\r\nf\0g\udcff"
    record_id = desk.id_of("not_json")
    file = desk.decide(record_id, why=hostile, nothing=True)
    raw = file.read_bytes()
    assert raw.isascii() and raw.count(b"\n") == 1 and raw.endswith(b"\n")
    desk.run(2)
    desk.run(3)
    assert verify(desk.home, desk.config).whole
    assert ("refused", "forms", "not_json") not in desk.kinds()
    said = desk.quietlist("show", record_id).output
    assert "\x1b" not in said and "\u2028" not in said and "\\u2028" in said


def test_a_decision_that_was_killed_while_it_was_written_is_none_and_is_cleared_away(desk: Desk) -> None:
    folder = desk.home.inbox / "decisions"
    folder.mkdir(exist_ok=True)
    left = folder / ".decision_0123456789abcdef.jsonl.x.tmp"
    left.write_text('{"decision": "nothing", "of_sou')
    assert desk.kinds() == WAITING and desk.list().undone == 0
    desk.run(2)
    assert desk.kinds() == WAITING
    desk.decide(desk.id_of("not_json"), nothing=True)
    assert left.exists(), "another process may be writing it at this moment"
    os.utime(left, (0, 0))
    desk.decide(desk.id_of("unknown_action"), nothing=True)
    assert not left.exists()


def test_while_a_run_holds_the_home_the_exported_list_answers_and_what_cannot_says_busy(desk: Desk) -> None:
    record_id = desk.id_of("not_json")
    with run_lock(desk.home):
        with pytest.raises(Busy):
            desk.list()
        assert desk.quietlist().exit_code == 75
    with warehouse(desk.home, read_only=True) as con:
        quarantine.export_open(con, desk.home)
    export = desk.home.quarantine / "open.parquet"
    assert export.stat().st_mode & 0o777 == 0o600
    with run_lock(desk.home):
        assert desk.kinds() == WAITING
        assert "A run is in progress: this is the list of" in desk.quietlist().output
        shown = desk.quietlist("show", record_id)
        assert shown.exit_code == 75 and "wait for the run to end" in shown.output
        desk.decide(record_id, opt_out="fay@example.com")
        assert ("refused", "forms", "not_json") not in desk.kinds()
    desk.run(2)
    assert ("email", "fay@example.com", "*") in desk.suppressed()


def test_a_file_that_could_not_be_read_as_a_whole_is_acknowledged_and_not_decided(desk: Desk) -> None:
    (desk.home.inbox / "forms" / "broken.zip").write_bytes(b"PK\x03\x04 no archive")
    desk.run(2)
    (item,) = [item for item in desk.list().items if item["is_whole_file"]]
    with pytest.raises(ConfigError, match="stands for a whole file") as caught:
        desk.decide(item["id"], nothing=True)
    assert f"quietlist acknowledge {item['file_id']}" in str(caught.value)
    from orchestration.publish.verdicts import acknowledge

    acknowledge(desk.home, item["file_id"], person="Ida", reason="came again")
    assert item["id"] not in {other["id"] for other in desk.list().items}


def test_nobody_configures_a_source_that_quietlist_fills_itself(tmp_path: Path) -> None:
    home = Home.at(tmp_path).create()
    home.config_file.write_text(CONFIG + '[sources.decisions]\nformat = "requests"\n')
    with pytest.raises(ConfigError, match=r"sources\.decisions: .* which Quietlist fills itself"):
        load_config(home)


def test_a_contact_point_is_cut_by_a_named_person_and_links_nobody_any_more(desk: Desk) -> None:
    (desk.home.inbox / "crm" / "crm_2.csv").write_text(
        "customer_id,emails,phones\nc2,office@example.com;ida@example.com,\nc3,office@example.com;jon@example.com,\n"
    )
    desk.run(1)
    shared = "select count(*) from identity.links where link_key = 'email:office@example.com'"
    assert desk.rows(shared) != [(0,)], "one mailbox made the two customers one person"
    missing = desk.quietlist("unlink", "office@example", "--by", "Ida Roe", "--reason", "a shared mailbox")
    assert missing.exit_code == 2 and "cannot be read" in missing.output and not list(waiting_decisions(desk.home))
    said = desk.quietlist("unlink", " Office@Example.com ", "--by", "Ida Roe", "--reason", "a shared mailbox")
    assert said.exit_code == 0 and "links nobody" in said.output and "office@" not in said.output, said.output
    desk.run(2)
    assert desk.rows(shared) == [(0,)]
    assert verify(desk.home, desk.config).whole
    desk.equal()
