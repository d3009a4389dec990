"""The safe harbour: an item is proven when every record has it, missing when one lacks it or nothing can show it."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from orchestration.cli import main
from orchestration.core.config import load_config
from orchestration.core.home import Home
from orchestration.core.warehouse import warehouse
from orchestration.report.matters import note
from orchestration.report.safe_harbour import Item, safe_harbour, write_page
from orchestration.report.statement import Matter
from tests.evidence.houses import AS_OF, CANARIES

CALLS = "delete from exposure.summary; delete from exposure.violations; "
CALL = """
    insert into exposure.summary values
        (date '2026-11-01', 's', 's', null, '{channel}', '{outcome}', {cause}, {count}, {inherited});
"""


def items(home: Home, statements: str = "") -> dict[int, Item]:
    with warehouse(home) as con:
        con.execute(statements or "select 1")
    return {item.number: item for item in safe_harbour(home, load_config(home), AS_OF).items}


def call(count: int, cause: str | None = None, *, channel: str = "voice", inherited: bool = False) -> str:
    outcome = (
        "clean" if cause is None else "not_judged" if cause in ("registry_no_copy", "identifier_unreadable") else "violation"
    )
    return CALL.format(
        channel=channel, outcome=outcome, cause=f"'{cause}'" if cause else "null", count=count, inherited=inherited
    )


def test_there_are_seventeen_each_with_a_law_and_what_was_asked_or_what_lacks(house: Home) -> None:
    found = items(house)
    assert list(found) == list(range(1, 18))
    for item in found.values():
        assert item.law and item.said and item.state in ("proven", "missing", "not applicable"), item
        assert item.query or item.state != "proven", f"{item.number} claims something and asked nothing"
    assert found[1].state == found[2].state == found[15].state == "missing", "no table holds them"


@pytest.mark.parametrize(
    ("case", "rows", "state", "said"),
    [
        ("no call", "", "missing", "nothing was delivered that could show it"),
        ("all screened", call(9), "proven", "9 of 9, 100 %"),
        ("one too old", call(9) + call(1, "registry_too_old"), "missing", "9 of 10, 90.0 %"),
        ("one without a number", call(9) + call(1, "identifier_unreadable"), "missing", "9 of 10, 90.0 %"),
        ("of one nobody knows", call(9) + call(1, "registry_no_copy"), "missing", "9 of 10, 90.0 %"),
        ("listed, so screened", call(9) + call(1, "registry_listed"), "proven", "10 of 10, 100 %"),
        ("an e-mail is no call", call(9) + call(1, "registry_too_old", channel="email"), "proven", "9 of 9, 100 %"),
        ("before the first day", call(9) + call(1, "registry_too_old", inherited=True), "proven", "9 of 9, 100 %"),
        ("no registry is held", call(9) + "delete from registries.area_versions;", "missing", "0 of 9, 0 %"),
    ],
)
def test_every_call_has_to_be_screened(own_house: Home, case: str, rows: str, state: str, said: str) -> None:
    item = items(own_house, CALLS + rows)[5]
    assert (item.state, item.said) == (state, said), case


def test_a_call_against_a_request_on_a_copy_too_old_counts_too(own_house: Home) -> None:
    beside = (
        "insert into exposure.violations by name select 'c' as contact_id, 'voice' as channel, 'request' as ground, "
        "'registry_too_old' as registry_finding, false as is_inherited;"
    )
    assert items(own_house, CALLS + call(9) + call(1, "not_pushed") + beside)[5].said == "9 of 10, 90.0 %"


def test_a_breach_needs_its_cause_and_without_one_there_is_nothing_to_excuse(own_house: Home) -> None:
    assert items(own_house)[8].state == "proven", "the house knows the cause of each"
    with_one = "update exposure.violations set root_cause = null where record_no = 1"
    assert items(own_house, with_one)[8].said == "44 of 45, 97.8 %"
    assert items(own_house, "delete from exposure.violations")[8].state == "not applicable"


def test_late_clocks_make_timeliness_missing_and_open_ones_do_not_count(own_house: Home) -> None:
    assert items(own_house)[4].state == "missing"
    met = "case when state in ('late', 'overdue') then 'on_time' else 'open' end"
    ended = items(own_house, f"update deadlines.clocks set state = {met}")[4]
    assert ended.state == "proven" and ended.said.endswith("100 %"), ended


def test_what_was_raised_has_to_be_answered_in_time(own_house: Home) -> None:
    assert items(own_house)[7].state == "missing", "nothing was ever raised: nobody was looking"
    matter = Matter("crm is late.", "sources", "Ask.", "source_late", 1, "crm")
    note(own_house, load_config(own_house), [matter], AS_OF)
    assert items(own_house)[7].state == "proven"
    config = load_config(own_house)
    late = {item.number: item for item in safe_harbour(own_house, config, AS_OF.replace(year=2027)).items}[7]
    assert late.state == "missing" and "1 past the due date" in late.said


def test_where_a_law_meets_nobody_it_is_not_applicable(own_house: Home) -> None:
    found = items(own_house, "update ledger.requests set region = 'GB'")
    assert found[16].state == found[17].state == "not applicable"
    assert items(own_house, "update ledger.requests set region = 'DE-BY'")[17].state == "missing"


def test_the_page_stands_alone_and_names_nobody(own_house: Home) -> None:
    found = safe_harbour(own_house, load_config(own_house), AS_OF)
    page = write_page(own_house, found).read_text(encoding="utf-8")
    assert page.count('class="item"') == 17 and "http" not in page.replace("http-equiv", "")
    assert not any(canary in page.lower() for canary in CANARIES)
    said = CliRunner().invoke(main, ["safe-harbour", "--home", str(own_house.root), "--as-of", AS_OF.isoformat(), "--json"])
    assert len(json.loads(said.output)["items"]) == 17, said.output
