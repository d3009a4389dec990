"""Matters: what a run finds is opened once, grows, goes and comes back; a person takes or closes one; all of it is evidence."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner, Result

from orchestration.audit.verify import verify
from orchestration.cli import main
from orchestration.core.config import Config, load_config
from orchestration.core.errors import ConfigError, PermanentError
from orchestration.core.home import Home
from orchestration.core.journal import matters_log
from orchestration.core.matters import KINDS
from orchestration.core.warehouse import warehouse
from orchestration.report.gather import gather
from orchestration.report.matters import Kept, assign, close, in_short, matters, note, owners_of
from orchestration.report.page import write_report
from orchestration.report.statement import Matter, state
from tests.evidence.houses import AS_OF, CONFIG

DAY = timedelta(days=1)
JO = {"person": "Jo", "reason": "asked the sender", "now": AS_OF}


def late(name: str = "crm", count: int = 1) -> Matter:
    return Matter(f"{name} is late: {count}.", "sources", "Ask the sender.", "source_late", count, name, AS_OF - 3 * DAY)


def noted(home: Home, *found: Matter, days: int = 0) -> tuple[Kept, ...]:
    return note(home, load_config(home), found, AS_OF + days * DAY)


def states(found: Sequence[Kept]) -> list[tuple[str, str]]:
    return [(matter.id, matter.state) for matter in found]


def test_every_matter_of_the_statement_has_a_kind_that_is_known(house: Home) -> None:
    found = state(gather(house, load_config(house), AS_OF)).matters
    assert len(found) > 10
    for matter in found:
        kind = KINDS[matter.kind]
        assert bool(kind.about) == bool(matter.about), matter
        assert matter.count > 0, matter
    assert len({(matter.kind, matter.about) for matter in found}) == len(found), "two of one key would be one matter"


def test_what_a_run_finds_again_is_the_same_matter_and_writes_nothing(empty_home: Home) -> None:
    first = noted(empty_home, late(), late("shop"))
    assert states(first) == [("M-1", "open"), ("M-2", "open")]
    assert first[0].since == AS_OF - 3 * DAY and first[0].due == AS_OF + timedelta(hours=KINDS["source_late"].due_hours)
    written = matters_log(empty_home).path.read_bytes()
    assert noted(empty_home, late(), late("shop"), days=1) == first
    assert matters_log(empty_home).path.read_bytes() == written


def test_one_that_changed_says_so_and_one_that_went_and_came_back_is_a_new_one(empty_home: Home) -> None:
    noted(empty_home, late())
    assert noted(empty_home, late(count=3), days=1)[0].said == "crm is late: 3."
    gone = noted(empty_home, days=2)
    assert states(gone) == [("M-1", "gone")] and gone[0].ended == AS_OF + 2 * DAY
    assert states(noted(empty_home, days=3)) == [("M-1", "gone")], "told once"
    back = noted(empty_home, late(), days=4)
    assert states(back) == [("M-1", "gone"), ("M-2", "open")] and back[1].due > gone[0].due


def test_one_that_a_person_closed_stays_closed_until_there_is_more_of_it(empty_home: Home) -> None:
    noted(empty_home, late(count=3))
    closed = close(empty_home, "m-1", **JO)
    assert (closed.state, closed.ended_by, closed.reason) == ("closed", "Jo", "asked the sender")
    assert states(noted(empty_home, late(count=2), days=1)) == [("M-1", "closed")], "less of it is not news"
    assert states(noted(empty_home, late(count=4), days=2)) == [("M-1", "closed"), ("M-2", "open")], "closing hides nothing new"


def test_one_that_was_closed_and_went_is_a_new_one_when_it_comes_back(empty_home: Home) -> None:
    noted(empty_home, late())
    close(empty_home, "M-1", **JO)
    gone = noted(empty_home, days=1)
    assert states(gone) == [("M-1", "closed")] and not gone[0].is_there
    assert states(noted(empty_home, late(), days=2)) == [("M-1", "closed"), ("M-2", "open")]


@pytest.mark.parametrize(
    ("what", "change", "said"),
    [
        ("no name", {"person": " "}, "person: is required"),
        ("no reason", {"reason": ""}, "reason: is required"),
        ("a book", {"reason": "x" * 2001}, "at most 2,000 are allowed"),
    ],
)
def test_nothing_is_closed_without_a_name_and_a_reason(empty_home: Home, what: str, change: dict[str, str], said: str) -> None:
    noted(empty_home, late())
    with pytest.raises(ConfigError, match=said):
        close(empty_home, "M-1", **(JO | change))
    assert states(matters(empty_home)) == [("M-1", "open")], what


def test_only_an_open_matter_is_closed_or_assigned_and_only_to_somebody(empty_home: Home) -> None:
    noted(empty_home, late())
    with pytest.raises(ConfigError, match="Allowed: M-1"):
        close(empty_home, "M-9", **JO)
    with pytest.raises(ConfigError, match="neither a team"):
        assign(empty_home, "M-1", ["somebody"], **JO)
    assert assign(empty_home, "M-1", ["team:shop"], **JO).owners == ("team:shop",)
    close(empty_home, "M-1", **JO)
    with pytest.raises(ConfigError, match="it is closed since"):
        assign(empty_home, "M-1", ["team:shop"], **JO)


def configured(home: Home, extra: str) -> Config:
    home.config_file.write_text(CONFIG.replace("[company]", '[company]\nowners = ["team:all"]') + extra, encoding="utf-8")
    return load_config(home)


def test_the_owner_is_of_the_kind_then_of_the_source_or_destination_then_of_the_company(empty_home: Home) -> None:
    text = CONFIG.replace("[sources.crm]", '[sources.crm]\nowners = ["team:crm"]').replace(
        "[company]", '[company]\nowners = ["team:all"]'
    )
    empty_home.config_file.write_text(text, encoding="utf-8")
    config = load_config(empty_home)
    assert owners_of(late("crm"), config) == ("team:crm",)
    assert owners_of(late("shop"), config) == ("team:all",)
    assert owners_of(late("a source that is gone"), config) == ("team:all",)
    empty_home.config_file.write_text(
        text + '\n[matters]\nowners = {source_late = ["ops@example.com"]}\ndue_hours = {source_late = 2}\n', encoding="utf-8"
    )
    config = load_config(empty_home)
    assert owners_of(late("crm"), config) == ("ops@example.com",)
    assert note(empty_home, config, [late("crm")], AS_OF)[0].due == AS_OF + timedelta(hours=2)


def test_a_kind_that_nobody_knows_is_refused_with_those_there_are(empty_home: Home) -> None:
    with pytest.raises(ConfigError, match="source_lat: not one of"):
        configured(empty_home, "\n[matters]\ndue_hours = {source_lat = 2}\n")


def test_each_line_is_evidence_and_one_that_was_changed_is_named(own_house: Home) -> None:
    config = load_config(own_house)
    note(own_house, config, [late(), late("shop")], AS_OF)
    close(own_house, "M-1", **JO)
    assert verify(own_house, config).kinds["matter"] == 3
    log = matters_log(own_house).path
    log.write_bytes(log.read_bytes().replace(b"asked the sender", b"asked nobody atall"[:16]))
    broken = verify(own_house, config).first_break
    assert broken is not None and "matters/matters.jsonl" in broken.tried and "line 3 is not the one" in broken.seen
    lines = log.read_bytes().split(b"\n")
    log.write_bytes(b"\n".join(lines[1:]))
    with pytest.raises(PermanentError, match=r"line 1 of matters\.jsonl does not follow"):
        matters(own_house)


def test_a_file_that_nobody_recorded_beside_the_journals_is_named(own_house: Home) -> None:
    config = load_config(own_house)
    note(own_house, config, [late()], AS_OF)
    (own_house.matters_folder / "other.jsonl").write_text("{}\n")
    broken = verify(own_house, config).first_break
    assert broken is not None and "matters/other.jsonl" in broken.tried and "nobody recorded this file" in broken.seen


def test_a_run_that_was_killed_between_the_journal_and_the_chain_broke_nothing(own_house: Home) -> None:
    config = load_config(own_house)
    note(own_house, config, [late()], AS_OF)
    chain = own_house.chain_file.read_bytes()
    note(own_house, config, [late("shop"), late("hotline")], AS_OF + DAY)
    own_house.chain_file.write_bytes(chain)
    verified = verify(own_house, config)
    assert verified.whole and any("the last 3 lines of matters/matters.jsonl" in said for said in verified.unfinished)
    note(own_house, config, [late("letters")], AS_OF + 2 * DAY)
    assert verify(own_house, config).whole and not verify(own_house, config).unfinished


def test_the_report_of_a_run_notes_them_and_tells_owner_due_date_and_who_closed_one(own_house: Home) -> None:
    config = load_config(own_house)
    page = write_report(own_house, config, AS_OF, notes=True).read_text(encoding="utf-8")
    found = matters(own_house)
    assert [matter.said for matter in found] == [matter.said for matter in state(gather(own_house, config, AS_OF)).matters]
    assert page.count('<span class="mark">new</span>') == len(found) and "team:data-platform" in page
    again = write_report(own_house, config, AS_OF, notes=True).read_text(encoding="utf-8")
    assert again == page, "made again from the same evidence it is the same page"
    close(own_house, found[0].id, person="Jo Doe", reason="told +1 201 555 0123 of it", now=datetime(2026, 11, 24, tzinfo=UTC))
    page = write_report(own_house, config, AS_OF + DAY, notes=True).read_text(encoding="utf-8")
    assert "by Jo Doe: told [number] of it" in page
    still = sum(matter.state == "open" for matter in matters(own_house))
    assert f"{still} matters need a person." in page and f'<span class="soft">({still})</span>' in page
    assert still < sum(matter.is_there for matter in matters(own_house)), "the one that was closed is still there"


def test_a_report_that_somebody_asks_for_notes_nothing(own_house: Home) -> None:
    write_report(own_house, load_config(own_house), AS_OF)
    assert matters(own_house) == () and not matters_log(own_house).path.exists()


def test_what_is_gone_from_the_house_is_gone_from_the_list(own_house: Home) -> None:
    config = load_config(own_house)
    write_report(own_house, config, AS_OF, notes=True)
    with warehouse(own_house) as con:
        con.execute("delete from golden.unmatched_echoes")
    write_report(own_house, config, AS_OF + DAY, notes=True)
    (echoes,) = (matter for matter in matters(own_house) if matter.kind == "unknown_echoes")
    assert echoes.state == "gone"


def test_a_run_says_what_is_new_overdue_and_closed_by_whom(empty_home: Home) -> None:
    assert in_short(empty_home, AS_OF) == ""
    noted(empty_home, late(), late("shop"))
    assert in_short(empty_home, AS_OF) == "2 open, 2 of them new and 0 overdue (quietlist matters)"
    close(empty_home, "M-1", **JO)
    noted(empty_home, late("shop"), late("hotline"), days=2)
    said = "2 open, 1 of them new and 1 overdue"
    assert in_short(empty_home, AS_OF + 2 * DAY) == f"{said} (quietlist matters)", "closed two days ago is no news"
    assert in_short(empty_home, AS_OF + DAY).endswith("; closed: M-1 by Jo (quietlist matters)")


def asked(home: Home, *words: str) -> Result:
    return CliRunner().invoke(main, [*words, "--home", str(home.root), "--as-of", "2026-11-25T22:00:00Z"])


def test_the_command_lists_shows_assigns_and_closes(empty_home: Home) -> None:
    assert "No run has written down a matter yet." in asked(empty_home, "matters").output
    noted(empty_home, late(), late("shop"))
    listed = asked(empty_home, "matters").output
    assert "2 matters open, 2 of them overdue; 2 found as of" in listed and "M-1  OVERDUE by 24 h, team:data-platform." in listed
    said = asked(empty_home, "matters", "assign", "M-1", "--to", "team:crm", "--by", "Jo", "--reason", "theirs")
    assert said.exit_code == 0 and "M-1 is with team:crm" in said.output, said.output
    assert json.loads(asked(empty_home, "matters", "--owner", "team:crm", "--json").output)[0]["id"] == "M-1"
    assert asked(empty_home, "matters", "close", "M-1", "--by", "Jo").exit_code == 2, "a reason is wanted"
    assert asked(empty_home, "matters", "close", "M-1", "--by", "Jo", "--reason", "they sent it").exit_code == 0
    shown = asked(empty_home, "matters", "show", "M-1").output
    for line in ("opened: crm is late", "assigned to team:crm by Jo: theirs", "closed by Jo: they sent it"):
        assert line in shown, shown
    assert "M-1" not in asked(empty_home, "matters").output
    assert "M-1  closed" in asked(empty_home, "matters", "--all").output
    assert "source_late: a source is late" in asked(empty_home, "matters", "--kinds").output
