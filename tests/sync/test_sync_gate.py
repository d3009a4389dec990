"""The real gate: what was published and what the gates' own records say decide, for every way of starting a push."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import duckdb
import pyarrow as pa
import pytest

from orchestration.core.errors import GateClosed, PermanentError
from orchestration.core.files import sha256_file
from orchestration.core.pointer import pointer_text
from orchestration.destinations.contract import KEY
from orchestration.gate.held_back import rows_to_hold_back
from orchestration.publish import export_candidate, publish, read_published
from orchestration.publish.candidate import BESIDE, RULES, RULES_COLUMNS, candidate_folder
from orchestration.publish.verdicts import Result, Verdict, allows, override, store
from orchestration.sync import sync
from tests.sync.sync_doubles import ARROW, COLUMNS, FullDouble, at, config_with, golden, opt_in


def judge(home, rows_sha256: str, level: str, day: float) -> None:
    """Store what both gates say of these rows, and of the files beside them."""
    beside = {name: sha256_file(candidate_folder(home) / name) for name in BESIDE}
    entry = f"{1:064x}"
    result = Result("golden", "title", "Sentence.", level, "reason", "type", "{}", level == "pass", True, {})
    for gate, rows, results in (("exit", rows_sha256, (result,)), ("entry", entry, ())):
        verdict = Verdict(
            gate,
            level if results else "pass",
            rows,
            at(day),
            results,
            entry if gate == "exit" else None,
            beside_sha256=beside if gate == "exit" else {},
        )
        store(home, verdict)


def as_table(entries, kinds) -> pa.Table:
    return pa.table({name: pa.array([entry.get(name) for entry in entries], ARROW[kind]) for name, kind in kinds.items()})


def publish_for_real(home, day: float, *rows, evidence=(), level: str = "pass", judged=lambda rows: None) -> str:
    kinds = dict.fromkeys((*KEY, "evidence_id", "evidence_kind"), "varchar")
    with duckdb.connect() as con:
        con.execute("create schema golden; create schema deadlines")
        con.execute(f"create table {RULES} ({', '.join(f'{name} {kind}' for name, kind in RULES_COLUMNS.items())})")
        con.execute(f"insert into {RULES} (rule_id) values ('LAW-{len(rows)}')")  # the same rows have the same law here
        for name, entries in (("golden_suppression", as_table(rows, COLUMNS)), ("release_evidence", as_table(evidence, kinds))):
            con.register("entries", entries)
            con.execute(f"create table golden.{name} as select * from entries")
        candidate = export_candidate(con, home, at(day), rows_to_hold_back)
    judge(home, candidate.rows_sha256, level, day)
    judged(candidate.rows_sha256)
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


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("part-0.parquet", "the rows of version 2 are not those that its manifest.json says were judged"),
        ("evidence/releases.parquet", "evidence/releases.parquet of version 2 is not the file that the exit gate judged"),
        ("policy/rules.parquet", "policy/rules.parquet of version 2 is not the file that the exit gate judged"),
    ],
)
def test_a_version_rewritten_with_its_manifest_and_its_pointer_stays_here(home, what, said) -> None:
    """Every hash fits, and the manifest still names the rows that were judged: only rows, verdict and chain tell."""
    crm = FullDouble()
    publish_for_real(home, 0, golden("ann@example.com"))
    publish_for_real(home, 0, golden("ann@example.com"), golden("bob@example.com"), evidence=[opt_in("cat@example.com")])
    folder = home.golden_published / "version=2"
    (folder / what).write_bytes((home.golden_published / "version=1" / what).read_bytes())
    manifest = json.loads((folder / "manifest.json").read_text())
    for file in manifest["files"]:
        path = folder / file["name"]
        file |= {"sha256": sha256_file(path), "bytes": path.stat().st_size}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (home.golden_published / "latest.json").write_text(pointer_text(2, sha256_file(folder / "manifest.json")))
    assert read_published(home).version == 2, "whoever trusts latest.json alone believes it"
    with pytest.raises(PermanentError, match=said):
        push(home, crm, 0)
    assert crm.opened == 0


def test_a_version_published_with_an_override_stays_here_once_the_override_has_ended(home) -> None:
    crm = FullDouble()
    until = datetime.now(UTC) + timedelta(days=1)

    def let_pass(rows: str) -> None:
        override(home, rows, person="Jo Officer", reason="Ticket 12", until=until)

    rows = publish_for_real(home, 0, golden("ann@example.com"), level="stop", judged=let_pass)
    assert push(home, crm, 0).verified == 1
    with pytest.raises(GateClosed, match="Sentence"):
        push(home, crm, 1, allows=lambda home, rows: allows(home, rows, now=until))
    publish_for_real(home, 1, golden("bob@example.com"), level="alert")
    assert rows != read_published(home).rows_sha256 and push(home, crm, 1).puts == 1, "other rows need no override of these"


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
