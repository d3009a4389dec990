"""The exported set: it says what the warehouse says, costs what changed, proves, and survives being killed anywhere."""

from __future__ import annotations

import json
import os
import shutil
import stat
from datetime import timedelta
from typing import Any

import duckdb
import pytest

from orchestration.answers.story import _published
from orchestration.audit.destinations import destinations_of
from orchestration.audit.verify import verify
from orchestration.core.config import Limits, load_config
from orchestration.core.errors import PermanentError
from orchestration.core.home import CHECKOUT, Home
from orchestration.core.key import rotate_key
from orchestration.core.stamps import create_stamps, note
from orchestration.core.warehouse import warehouse
from orchestration.evidence import exported
from orchestration.evidence.exported import EXPORTED, KEPT, Exported, export_evidence, latest_set, opened_set, set_folder
from orchestration.evidence.relations import RELATIONS, open_relations
from orchestration.sync.receipts import write_receipt
from tests.evidence.houses import AS_OF

LIMITS = Limits()


def export(home: Home, minutes: int = 0) -> Exported:
    found = export_evidence(home, LIMITS, AS_OF + timedelta(minutes=minutes))
    assert found is not None
    return found


def stamp(home: Home, **values: Any) -> None:
    """What the steps of a run note."""
    with warehouse(home) as con:
        create_stamps(con)
        note(con, **values)


def stamped(home: Home) -> Exported:
    stamp(home, reconciled="one", clocks="one", row_state="one", clock=AS_OF)
    return export(home)


def inodes(found: Exported) -> dict[str, int]:
    return {path.name: path.stat().st_ino for path in found.folder.glob("*.parquet")}


def rewritten(before: Exported, after: Exported) -> set[str]:
    was, now = inodes(before), inodes(after)
    return {name for name in now if was.get(name) != now[name]}


def contents(con: duckdb.DuckDBPyConnection) -> dict[str, list[Any]]:
    open_relations(con, EXPORTED)
    masked = {"raw.quarantine": "* replace (record_text is null as record_text)"}
    return {
        table: con.execute(f"select {masked.get(table, '*')} from {table.replace('.', '__')} order by all").fetchall()
        for table in EXPORTED
    }


def test_the_set_says_what_the_warehouse_says(own_house: Home) -> None:
    with opened_set(own_house, export(own_house), LIMITS) as con:
        theirs = contents(con)
    with warehouse(own_house, read_only=True) as con:
        ours = contents(con)
    for table in EXPORTED:
        assert theirs[table] == ours[table], table
    assert sum(map(len, ours.values())) > 1000, "a house that holds something"
    assert RELATIONS.keys() - EXPORTED.keys() == {
        "exposure.contacts_made",
        "ledger.open_records",
        "ledger.decisions",
        "staging.stg_quietlist__decided",
        "staging.int_requests__unioned",
    }, "what quietlist quarantine alone reads, which exports its own list, and the contacts made, of which it has the violations"


def test_the_tables_that_are_proved_are_those_whose_models_are_built_then() -> None:
    models = {path.stem for path in (CHECKOUT / "dbt_project" / "models" / "exposure").glob("*.sql")}
    assert {table for table in EXPORTED if table.partition(".")[2] in models} == exported._PROVED


def test_the_set_is_private_and_holds_no_refused_record(own_house: Home) -> None:
    found = export(own_house)
    for path in (own_house.evidence_published, *own_house.evidence_published.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path.name
    with opened_set(own_house, found, LIMITS) as con:
        texts = con.execute("select distinct record_text from raw.quarantine where record_text is not null").fetchall()
    assert texts == [("",)], "whether there is a text, and not what it says"


def test_a_run_that_changed_nothing_writes_no_file(own_house: Home) -> None:
    first = stamped(own_house)
    assert export(own_house, minutes=5).version == first.version, "the same by what the steps say: the set stays"
    stamp(own_house, clock=AS_OF + timedelta(days=1))
    second = export(own_house, minutes=10)
    assert second.version == first.version + 1 and second.as_of == AS_OF + timedelta(days=1)
    assert rewritten(first, second) == set(), "another clock, and every file is the one from before"
    stamp(own_house, clocks="two", row_state="two")
    assert rewritten(second, export(own_house)) == set(), "made again, and as they were"


@pytest.mark.parametrize(
    ("change", "stamps", "wanted"),
    [
        ("update deadlines.clocks set state = 'late'", {"clocks": "two"}, {"deadlines.clocks.parquet"}),
        ("delete from raw.sync__row_state where state = 'verified'", {"row_state": "two"}, {"raw.sync__row_state.parquet"}),
        ("update ledger.requests set scope = 'outlet'", {"reconciled": "two"}, {"ledger.requests.parquet"}),
        ("update ledger.requests set region = null", {"reconciled": ""}, {"ledger.requests.parquet"}),
        ("update raw.quarantine set reason = 'other'", {}, {"raw.quarantine.parquet"}),
    ],
)
def test_only_a_table_that_changed_is_written_again(
    own_house: Home, change: str, stamps: dict[str, str], wanted: set[str]
) -> None:
    first = stamped(own_house)
    with warehouse(own_house) as con:
        con.execute(change)
        if stamps.get("reconciled") == "":
            note(con, reconciled=None)  # a run that was stopped before its golden table
    stamp(own_house, **{name: value for name, value in stamps.items() if value})
    second = export(own_house)
    assert rewritten(first, second) == wanted, change
    with opened_set(own_house, second, LIMITS) as con, warehouse(own_house, read_only=True) as ours:
        assert contents(con) == contents(ours), change


def test_old_sets_leave_their_manifests_and_the_chain_holds(own_house: Home) -> None:
    for day in range(KEPT + 2):
        stamp(own_house, clock=(AS_OF + timedelta(days=day)).isoformat())
        last = export(own_house, minutes=day)
    assert last.version == KEPT + 2
    for number in range(1, last.version + 1):
        files = {path.name for path in set_folder(own_house, number).iterdir()}
        assert ("manifest.json" in files) and (len(files) > 1) is (number > last.version - KEPT), number
    verified = verify(own_house, load_config(own_house))
    assert verified.whole and verified.kinds["evidence"] == last.version, verified.lines()


@pytest.mark.parametrize(
    ("number", "name", "damage", "said"),
    [
        (3, "ledger.requests.parquet", "alter", "ledger.requests.parquet of version 3 is not the file that was published"),
        (3, "ledger.requests.parquet", "remove", "ledger.requests.parquet of version 3 is gone"),
        (2, "policy.rules.parquet", "remove", "policy.rules.parquet of version 2 is gone"),
        (1, "manifest.json", "alter", "the file is not the one that was recorded"),
        (1, "manifest.json", "remove", "the file is gone"),
        (1, "more.parquet", "alter", "nobody recorded this file"),
        (3, "more.parquet", "alter", "nobody recorded this file"),
        (0, "latest.json", "alter", "it does not name the last version that was recorded"),
        (0, "latest.json", "remove", "the file is gone"),
    ],
)
def test_what_is_altered_is_named(own_house: Home, number: int, name: str, damage: str, said: str) -> None:
    for day in range(3):
        stamp(own_house, clock=(AS_OF + timedelta(days=day)).isoformat(), reconciled=str(day))
        with warehouse(own_house) as con:
            con.execute("update ledger.requests set records = ?", [day])  # so that no two sets share the file
        export(own_house)
    path = (set_folder(own_house, number) if number else own_house.evidence_published) / name
    path.unlink() if damage == "remove" else path.write_bytes((path.read_bytes() if path.exists() else b"") + b"\n ")
    verified = verify(own_house, load_config(own_house))
    assert verified.first_break is not None and said in verified.sentence(), (verified.sentence(), said)


@pytest.mark.parametrize("error", [FileNotFoundError, PermissionError])
def test_where_no_link_can_be_made_the_file_is_written(
    own_house: Home, monkeypatch: pytest.MonkeyPatch, error: type[OSError]
) -> None:
    first = stamped(own_house)

    def no_link(*_: Any) -> None:
        raise error

    monkeypatch.setattr(os, "link", no_link)
    stamp(own_house, clock=AS_OF + timedelta(days=1))
    second = export(own_house)
    assert rewritten(first, second) == set(inodes(first)) and verify(own_house, load_config(own_house)).whole


@pytest.mark.parametrize("call", ["write_parquet", "write_atomic", "sync_folder", "record", "_remove_old"])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_killed_anywhere_the_next_export_ends_well(
    own_house: Home, monkeypatch: pytest.MonkeyPatch, call: str, count: int
) -> None:
    stamped(own_house)
    with warehouse(own_house) as con:
        con.execute("update ledger.requests set records = 7")
        con.execute("update deadlines.clocks set state = 'late'")
    stamp(own_house, reconciled="two", clocks="two")
    true, calls = getattr(exported, call), 0

    def dies(*given: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == count:
            raise KeyboardInterrupt
        return true(*given, **named)

    monkeypatch.setattr(exported, call, dies)
    try:
        export(own_house)
    except KeyboardInterrupt:
        pass
    else:
        assert calls < count, "it is called so often"
    before = verify(own_house, load_config(own_house))
    assert before.whole, (call, count, before.lines())
    found = latest_set(own_house)
    assert found is not None and found.version in (1, 2), "the set before or the new one, and never half of one"
    monkeypatch.undo()
    last = export(own_house)
    after = verify(own_house, load_config(own_house))
    assert after.whole and not after.unfinished and last.version == 2, (call, count, after.lines())
    with opened_set(own_house, last, LIMITS) as con:
        assert con.execute("select distinct records from ledger.requests").fetchall() == [(7,)]


def test_a_rotated_key_makes_another_set(own_house: Home) -> None:
    first = stamped(own_house)
    rotate_key(own_house, person="Alex Example", reason="test", now=AS_OF)
    assert export(own_house).manifest["key"] != first.manifest["key"], "its hashes are of the key before"


def test_a_set_of_an_older_release_is_refused_rather_than_called_empty(own_house: Home) -> None:
    found = export(own_house)
    tables = {table: facts for table, facts in found.manifest["tables"].items() if table != "golden.int_lifts"}
    older = Exported(found.folder, {**found.manifest, "tables": tables}, found.manifest_sha256)
    with pytest.raises(PermanentError, match=r"it has no golden\.int_lifts"), opened_set(own_house, older, LIMITS):
        pass


def test_a_table_that_no_run_made_is_empty_and_not_lacking(empty_home: Home) -> None:
    assert export_evidence(empty_home, LIMITS, AS_OF) is None, "no warehouse, no evidence"
    with warehouse(empty_home) as con:
        create_stamps(con)
    found = export(empty_home)
    assert found.manifest["files"] == [] and json.loads((found.folder / "manifest.json").read_text())["as_of"] is None
    with opened_set(empty_home, found, LIMITS) as con:
        assert all(rows == [] for rows in contents(con).values())


def test_a_published_version_that_is_gone_is_named_by_the_export_too(own_house: Home) -> None:
    shutil.rmtree(own_house.golden_published / "version=2")
    with pytest.raises(PermanentError, match=r"version 2 has no manifest\.json"):
        export(own_house)
    assert latest_set(own_house) is None, "nothing was left half exported"


def test_a_set_that_was_touched_answers_nobody(own_house: Home) -> None:
    found = export(own_house)
    (found.folder / "ledger.requests.parquet").write_bytes(b"PAR1")
    with pytest.raises(PermanentError, match=r"ledger\.requests\.parquet of version 1 is not the file"):
        latest_set(own_house)


def test_of_a_set_a_push_is_told_as_of_then(own_house: Home) -> None:
    found, config = export(own_house), load_config(own_house)
    name = next(iter(found.manifest["receipts"]))
    before = found.last_receipt(own_house, name)
    assert before is not None
    write_receipt(own_house, name, before.seq + 1, {**before.body, "version": 99, "alarms": ["of a run that goes on"]})

    def last(of: Exported | None) -> int | None:
        with warehouse(own_house, read_only=True) as con:
            open_relations(con)
            rows = destinations_of(con, own_house, config, AS_OF, of)
        return next(row.last_version for row in rows if row.name == name)

    assert (last(found), last(None)) == (before.body["version"], 99)


@pytest.mark.parametrize(
    ("early", "late", "said"),
    [
        ([], [], ["  Version 4 was published since, by the run that goes on."]),
        ([["email", "acme"]], [], ["In this evidence, and no longer suppressed by that version: email at acme"]),
        ([], [["sms", "*"]], ["SUPPRESSED by that version, and not in this evidence yet: sms at *"]),
    ],
)
def test_a_version_that_the_run_published_meanwhile_is_told_as_newer(
    early: list[list[str]], late: list[list[str]], said: list[str]
) -> None:
    fact = {"version": 4, "is_newer": True, "not_published_yet": early, "only_published": late}
    told = list(_published({"published": fact}))
    assert all(any(sentence in line for line in told) for sentence in said), told
    assert not any("NOT PUBLISHED YET" in line or "the next version lifts it" in line for line in told), "that is not so"
