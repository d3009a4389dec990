"""The real door: what was published and what the gates' own records say decide, for every way of starting a push."""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pytest

from orchestration.core.errors import GateClosed, PermanentError
from orchestration.destinations.contract import KEY
from orchestration.gate.verdicts import Result, Verdict, store
from orchestration.publish import export_candidate, publish
from orchestration.sync import sync
from tests.sync.sync_doubles import ARROW, COLUMNS, FullDouble, at, config_with, golden, opt_in


def judge(home, rows_sha256: str, level: str, day: float) -> None:
    """Store what both gates say of these rows."""
    entry = f"{1:064x}"
    result = Result("golden", "title", "Sentence.", level, "reason", "type", "{}", level == "pass", True, {})
    for gate, rows, results in (("exit", rows_sha256, (result,)), ("entry", entry, ())):
        verdict = Verdict(gate, level if results else "pass", rows, at(day), results, entry if gate == "exit" else None)
        store(home, verdict)


def as_table(entries, kinds) -> pa.Table:
    return pa.table({name: pa.array([entry.get(name) for entry in entries], ARROW[kind]) for name, kind in kinds.items()})


def publish_for_real(home, day: float, *rows, evidence=(), level: str = "pass") -> str:
    kinds = dict.fromkeys((*KEY, "evidence_id", "evidence_kind"), "varchar")
    with duckdb.connect() as con:
        con.execute("create schema golden")
        for name, entries in (("golden_suppression", as_table(rows, COLUMNS)), ("release_evidence", as_table(evidence, kinds))):
            con.register("entries", entries)
            con.execute(f"create table golden.{name} as select * from entries")
        candidate = export_candidate(con, home, at(day))
    judge(home, candidate.rows_sha256, level, day)
    publish(home, at(day), candidate)
    return candidate.rows_sha256


def push(home, crm, day: float, **keys):
    return sync(home, config_with("crm"), "crm", at(day), destination=crm, **keys)


def test_nothing_leaves_before_something_was_published(home) -> None:
    crm = FullDouble()
    with pytest.raises(PermanentError, match="nothing was published yet"):
        push(home, crm, 0)
    assert crm.opened == 0


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_published_version_whose_record_no_longer_allows_it_stays_here(home, dry_run) -> None:
    crm = FullDouble()
    rows = publish_for_real(home, 0, golden("ann@example.com"))
    judge(home, rows, "stop", 1)
    with pytest.raises(GateClosed):
        push(home, crm, 1, dry_run=dry_run)
    for verdict in home.gate_folder.glob("exit-*.json"):
        verdict.unlink()
    with pytest.raises(GateClosed, match="never judged exactly these rows"):
        push(home, crm, 1, dry_run=dry_run)
    assert crm.opened == 0 and crm.put_calls == []


def test_a_published_file_that_was_touched_stays_here(home) -> None:
    crm = FullDouble()
    publish_for_real(home, 0, golden("ann@example.com"))
    file = home.golden_published / "version=1" / "part-0.parquet"
    file.write_bytes(file.read_bytes() + b" ")
    with pytest.raises(PermanentError, match="not the file that was published"):
        push(home, crm, 0)
    assert crm.opened == 0


def test_hold_lets_new_suppressions_out_and_keeps_releases_until_the_rows_are_judged_again(home) -> None:
    crm = FullDouble()
    publish_for_real(home, 0, golden("ann@example.com"), golden("bob@example.com"))
    assert push(home, crm, 0).verified == 2
    rows = publish_for_real(
        home, 1, golden("bob@example.com"), golden("cat@example.com"), evidence=[opt_in("ann@example.com")], level="hold"
    )
    held = push(home, crm, 1)
    assert (held.puts, held.released, [entry.reason for entry in held.held]) == (1, 0, ["gate_hold"])
    assert crm.identifiers() == {"ann@example.com", "bob@example.com", "cat@example.com"}
    judge(home, rows, "alert", 2)
    assert push(home, crm, 2).released == 1, "what the gate says today counts, not what it said at publication"
