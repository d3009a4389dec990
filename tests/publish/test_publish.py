"""Publication: only what was allowed, once, whole, provable, and the same after a crash anywhere."""

from __future__ import annotations

import fcntl
import json
import shutil
import stat
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from orchestration.audit.verify import Verified, look
from orchestration.core.chain import record
from orchestration.core.config import load_config
from orchestration.core.errors import GateClosed, PermanentError, TransientError
from orchestration.core.files import sha256_file, sha256_text
from orchestration.core.home import CHECKOUT, Home
from orchestration.core.key import home_key, shown_id
from orchestration.core.pointer import pointer_text
from orchestration.core.warehouse import warehouse
from orchestration.gate.held_back import rows_to_hold_back
from orchestration.publish import (
    Candidate,
    diff,
    export_candidate,
    latest_version,
    publish,
    read_candidate,
    read_gated,
    read_published,
    rows_sha256,
    versions,
)
from orchestration.publish.candidate import BESIDE, COLUMNS, EVIDENCE_FILE, ROWS_FILE, RULES_FILE
from orchestration.publish.verdicts import Result, Verdict, override, read_verdict, store
from tests.gate.house import AS_OF, build_house, spoil

LATER = AS_OF + timedelta(days=1)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_house(tmp_path_factory.mktemp("publish") / "home").root


@pytest.fixture
def home(template: Path, tmp_path: Path) -> Home:
    return Home(shutil.copytree(template, tmp_path / "home"))


def beside(candidate: Candidate) -> dict[str, str]:
    """What a verdict says of the files that go out beside the rows."""
    return {name: sha256_file(candidate.folder / name) for name in BESIDE}


def export(home: Home, as_of: datetime = AS_OF, permit: str | None = "pass") -> Candidate:
    """Export the candidate and store verdicts of this level on it: what a gate says is tested beside the gate."""
    with warehouse(home) as con:
        candidate = export_candidate(con, home, as_of, rows_to_hold_back)
    if permit is not None:
        result = Result(
            "golden",
            "T",
            "Every row is right.",
            permit if permit != "pass" else "stop",
            "Because.",
            "expect",
            "",
            permit == "pass",
            True,
            {},
        )
        ledger = "c" * 64
        store(
            home,
            Verdict(
                "exit", permit, candidate.rows_sha256, as_of, (result,), entry_rows_sha256=ledger, beside_sha256=beside(candidate)
            ),
        )
        store(home, Verdict("entry", "pass", ledger, as_of, ()))
    return candidate


def walked(home: Home) -> Verified:
    return look(home, load_config(home))


def change(home: Home, number: int) -> None:
    spoil(home, f"update golden.golden_suppression set region = 'R{number}' where scope = 'acme'")


def tree(home: Home) -> dict[str, str]:
    """Every published file and its hash."""
    files = (path for path in home.golden_published.rglob("*") if path.is_file())
    return {str(path.relative_to(home.golden_published)): sha256_file(path) for path in files}


def test_a_version_holds_the_rows_their_number_and_their_evidence(home: Home) -> None:
    candidate = export(home)
    published = publish(home, AS_OF)
    assert (published.version, published.is_new, published.row_count) == (1, True, 4)
    snapshot = read_published(home)
    with duckdb.connect() as con:
        con.execute("set timezone = 'UTC'")
        relation = con.sql(f"select * from {snapshot.relation}")
        assert dict(zip(relation.columns, map(str, relation.types), strict=True)) == {
            name: kind.upper().replace("TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE") for name, kind in COLUMNS.items()
        }
        keys = relation.project("channel, identifier, scope, golden_version").fetchall()
        assert keys == sorted(keys)
        assert {key[3] for key in keys} == {1}
        assert rows_sha256(con, snapshot.relation) == candidate.rows_sha256
        # The contract says version=<n>/*.parquet: the evidence must not be among them.
        assert con.execute(f"select count(*) from read_parquet('{snapshot.folder}/*.parquet')").fetchall() == [(4,)]
        evidence = con.execute(f"select evidence_id, evidence_kind from read_parquet('{snapshot.evidence_file}') order by all")
        named = sorted((shown_id(home_key(home), request), "opt_in") for request in ("r4", "r6"))
        assert evidence.fetchall() == named, "by their keyed ids"


def _replace_evidence(path: Path) -> None:
    """Evidence that would let somebody be released at a destination who never opted in again."""
    with duckdb.connect() as con:
        con.execute(f"create table evidence as select * from read_parquet('{path}', hive_partitioning = false)")
        con.execute("insert into evidence values ('email', 'email', 'ada@example.com', '*', 'r9', 'opt_in')")
        con.execute(f"copy evidence to '{path}' (format parquet)")


def test_evidence_replaced_after_the_exit_gate_is_not_published(home: Home) -> None:
    candidate = export(home)
    _replace_evidence(candidate.folder / EVIDENCE_FILE)
    with pytest.raises(GateClosed, match=r"releases\.parquet of the candidate is not the file that the exit gate judged"):
        publish(home, AS_OF)
    assert latest_version(home) is None
    export(home)
    assert publish(home, AS_OF).version == 1, "exported and judged again"


def test_rules_replaced_after_the_exit_gate_are_not_published(home: Home) -> None:
    candidate = export(home)
    with duckdb.connect() as con:
        con.execute(f"create table rules as select * from read_parquet('{candidate.folder / RULES_FILE}')")
        con.execute("insert into rules (rule_id, jurisdiction, hours) values ('SLOW-LAW', 'US', 9000)")
        con.execute(f"copy rules to '{candidate.folder / RULES_FILE}' (format parquet)")
    with pytest.raises(GateClosed, match=r"policy/rules\.parquet of the candidate is not the file that the exit gate judged"):
        publish(home, AS_OF)
    assert latest_version(home) is None


def test_rows_whose_verdict_does_not_cover_the_evidence_are_not_published(home: Home) -> None:
    candidate = export(home)
    verdict = read_verdict(home, "exit", candidate.rows_sha256)
    assert verdict is not None
    store(home, replace(verdict, beside_sha256={}))
    with pytest.raises(GateClosed, match="is not the file that the exit gate judged"):
        publish(home, AS_OF)


def test_published_evidence_that_the_verdict_does_not_cover_is_neither_pushed_nor_proved(home: Home) -> None:
    export(home)
    publish(home, AS_OF)
    folder = home.golden_published / "version=1"
    _replace_evidence(folder / EVIDENCE_FILE)
    manifest = json.loads((folder / "manifest.json").read_text())
    for file in manifest["files"]:
        file |= {"sha256": sha256_file(folder / file["name"]), "bytes": (folder / file["name"]).stat().st_size}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    digest = sha256_file(folder / "manifest.json")
    (home.golden_published / "latest.json").write_text(pointer_text(1, digest))
    links = home.chain_file.read_bytes().split(b"\n")[:-1]
    assert b'"publication"' in links[-1]
    home.chain_file.write_bytes(b"".join(line + b"\n" for line in links[:-1]))
    record(home, versions.publication_link(home, 1))  # as somebody would who rewrites the chain as well
    with pytest.raises(PermanentError, match="is not the file that the exit gate judged"):
        read_gated(home)
    assert "is not the file that the exit gate judged" in walked(home).sentence()


def test_the_manifest_says_what_was_published_and_why_it_could_be(home: Home) -> None:
    home.manifest_file.write_text('{"file":"one"}\n{"file":"two"}\n')
    candidate = export(home)
    publish(home, AS_OF)
    manifest = json.loads((home.golden_published / "version=1" / "manifest.json").read_text())
    expected = {"version": 1, "as_of": AS_OF.isoformat(), "row_count": 4, "releases_held": False, "previous_sha256": None}
    assert {key: manifest[key] for key in expected} == expected
    assert manifest["rows_sha256"] == candidate.rows_sha256
    assert manifest["inputs_sha256"] == sha256_text('{"file":"two"}')
    assert manifest["gate"]["level"] == "pass"
    assert manifest["gate"]["verdict"] == f"exit-{candidate.rows_sha256}-1.json"
    assert manifest["gate"]["rows_sha256"] == candidate.rows_sha256
    for file in manifest["files"]:
        path = home.golden_published / "version=1" / file["name"]
        assert (file["sha256"], file["bytes"]) == (sha256_file(path), path.stat().st_size)
    latest = json.loads((home.golden_published / "latest.json").read_text())
    digest = sha256_file(home.golden_published / "version=1" / "manifest.json")
    assert latest == {"version": 1, "manifest_sha256": digest, "files": ["version=1/part-0.parquet"]}


def test_the_same_rows_under_another_law_are_a_new_version_and_each_keeps_its_own(home: Home) -> None:
    export(home)
    first = publish(home, AS_OF)
    spoil(home, "insert into deadlines.binding_rules (rule_id, jurisdiction, hours) values ('NEW-LAW', 'US', 24)")
    export(home)
    second = publish(home, AS_OF)
    assert (second.version, second.is_new, second.rows_sha256) == (2, True, first.rows_sha256)
    for published, rules in ((first, []), (second, [("NEW-LAW", 24)])):
        file = read_published(home, published.version).rules_file
        assert duckdb.sql(f"select rule_id, hours from read_parquet('{file}')").fetchall() == rules
    export(home)
    assert not publish(home, AS_OF).is_new


def test_the_same_rows_twice_are_one_version(home: Home) -> None:
    export(home)
    publish(home, AS_OF)
    before = tree(home)
    again = publish(home, AS_OF)
    export(home, LATER)
    later = publish(home, LATER)
    assert [(result.version, result.is_new) for result in (again, later)] == [(1, False)] * 2
    assert tree(home) == before


def test_other_rows_are_the_next_version(home: Home) -> None:
    for number in (1, 2, 3):
        change(home, number)
        export(home)
        assert publish(home, AS_OF).version == number
    assert [read_published(home, version).version for version in (1, 2, 3)] == [1, 2, 3]
    assert read_published(home).version == latest_version(home) == 3
    verified = walked(home)
    assert (verified.first_break, verified.kinds["publication"], verified.unfinished) == (None, 3, ())


@pytest.mark.parametrize("why", ["nobody judged", "stopped", "judged other rows", "changed after the judgement"])
def test_what_the_gate_does_not_allow_is_not_published(home: Home, why: str) -> None:
    export(home, permit={"nobody judged": None, "stopped": "stop"}.get(why, "pass"))
    if why == "judged other rows":
        change(home, 1)
        export(home, permit=None)
    if why == "changed after the judgement":
        file = read_candidate(home).folder / "part-0.parquet"
        with duckdb.connect() as con:
            con.execute(f"create table rows as select * replace ('R' as region) from read_parquet('{file}')")
            con.execute(f"copy rows to '{file}'")
    with pytest.raises(GateClosed):
        publish(home, AS_OF)
    assert latest_version(home) is None
    assert tree(home) == {}, "nothing may be left behind"


def test_a_candidate_that_was_altered_with_its_record_is_not_published(home: Home) -> None:
    """Its record says that the rows are the judged ones; the gate has never seen these bytes."""
    candidate = export(home)
    rows = candidate.folder / ROWS_FILE
    with duckdb.connect() as con:
        con.execute(f"create table fewer as select * from read_parquet('{rows}') limit 3")
        con.execute(f"copy fewer to '{rows}' (format parquet)")
    record = candidate.folder / "candidate.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"file_sha256": sha256_file(rows)}))
    with pytest.raises(GateClosed, match="never judged exactly these rows"):
        publish(home, AS_OF)
    assert latest_version(home) is None


def test_a_stop_on_the_published_rows_blocks_pushes_again(home: Home) -> None:
    export(home)
    publish(home, AS_OF)
    export(home, permit="stop")
    with pytest.raises(GateClosed):
        publish(home, AS_OF)


def test_releases_are_held_when_the_gate_holds(home: Home) -> None:
    export(home, permit="hold")
    result = publish(home, AS_OF)
    assert result.permission.releases_held
    assert read_published(home).releases_held
    assert read_published(home).manifest["gate"]["level"] == "hold"
    export(home, permit="pass")  # the file that was missing arrived, and held nobody
    again = publish(home, AS_OF)
    assert (again.is_new, again.permission.releases_held) == (False, False), "what counts for a push is the newest verdict"


def test_an_overridden_stop_is_published_with_releases_held_and_shown(home: Home) -> None:
    candidate = export(home, permit="stop")
    until = datetime.now(UTC) + timedelta(days=1)
    override(home, candidate.rows_sha256, person="Jo Officer", reason="Ticket 12", until=until)
    publish(home, AS_OF)
    manifest = read_published(home).manifest
    assert (manifest["gate"]["level"], manifest["gate"]["judged_level"], manifest["releases_held"]) == ("hold", "stop", True)
    assert manifest["gate"]["override"]["reason"] == "Ticket 12"


PARTS = {"rows": "part-0.parquet", "evidence": "evidence/releases.parquet", "manifest": "manifest.json"}


def damage(home: Home, what: str) -> None:
    path = home.golden_published / "version=1" / PARTS[what]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("what", ["rows", "evidence", "manifest"])
def test_a_changed_byte_is_found_and_named(home: Home, what: str) -> None:
    export(home)
    publish(home, AS_OF)
    change(home, 1)
    export(home)
    publish(home, AS_OF)
    damage(home, what)
    assert read_published(home).version == 2, "the latest version itself is whole"
    assert f"version=1/{PARTS[what]}: " in walked(home).sentence()
    with pytest.raises(PermanentError, match=PARTS[what]):
        read_published(home, 1)


@pytest.mark.parametrize("what", ["rows", "manifest"])
def test_a_damaged_latest_version_is_neither_read_nor_built_upon(home: Home, what: str) -> None:
    export(home)
    publish(home, AS_OF)
    damage(home, what)
    with pytest.raises(PermanentError, match="is not the"):
        read_published(home)
    change(home, 1)
    export(home)
    with pytest.raises(PermanentError, match="is not the"):
        publish(home, AS_OF)


def test_what_is_missing_is_named(home: Home) -> None:
    with pytest.raises(PermanentError, match="nothing was published yet"):
        read_published(home)
    with pytest.raises(PermanentError, match="none was exported"):
        publish(home, AS_OF)
    export(home)
    publish(home, AS_OF)
    with pytest.raises(PermanentError, match="the latest is version 1"):
        read_published(home, 2)
    (home.golden_published / "version=1" / "part-0.parquet").unlink()
    with pytest.raises(PermanentError, match=r"part-0\.parquet of version 1 is gone"):
        read_published(home)
    (home.golden_published / "latest.json").write_text("{")
    with pytest.raises(PermanentError, match=r"latest\.json does not name a version"):
        read_published(home)


def test_a_crash_at_any_step_leaves_the_old_version_and_the_same_end(home: Home, tmp_path: Path) -> None:
    """Promise 8. One home per step; each is killed there, read, and published again."""
    export(home)
    publish(home, AS_OF)
    change(home, 1)
    export(home, LATER)
    clean = Home(shutil.copytree(home.root, tmp_path / "clean"))
    publish(clean, LATER)
    expected = tree(clean)
    homes = [Home(shutil.copytree(home.root, tmp_path / f"home{step}")) for step in range(1, 21)]
    run = subprocess.run(
        [sys.executable, "-m", "tests.publish.crasher", LATER.isoformat(), *(str(other.root) for other in homes)],
        capture_output=True,
        text=True,
        cwd=CHECKOUT,
        timeout=120,
        check=True,
    )
    ends = run.stdout.split()
    killed = ends.count("killed")
    assert ends == ["killed"] * killed + ["done"] * (len(homes) - killed), run.stderr
    assert 9 <= killed < len(homes), f"not every step of a publication was met, or too few: {ends}"
    for step, other in enumerate(homes, 1):
        visible = read_published(other).version
        assert visible == (1 if step < killed else 2), f"step {step}: a half version was visible"
        assert walked(other).whole, f"step {step}: {walked(other).lines()}"
        assert publish(other, LATER).version == 2, f"step {step}"
        assert tree(other) == expected, f"step {step}: another end than without the crash"
        verified = walked(other)
        assert (verified.whole, verified.unfinished, verified.kinds["publication"]) == (True, (), 2), f"step {step}"


def test_a_first_publication_that_was_killed_before_its_pointer_is_no_break(home: Home) -> None:
    export(home)
    publish(home, AS_OF)
    (home.golden_published / "latest.json").unlink()
    home.chain_file.write_bytes(b"".join(home.chain_file.read_bytes().splitlines(keepends=True)[:-1]))
    verified = walked(home)
    assert verified.whole and "version=1 was never finished" in " ".join(verified.unfinished), verified.lines()
    publish(home, AS_OF)
    assert walked(home).whole and walked(home).unfinished == ()


def test_history_is_never_published_over(home: Home) -> None:
    for number in (1, 2):
        change(home, number)
        export(home)
        publish(home, AS_OF)
    before = tree(home)
    change(home, 3)
    export(home)
    (home.golden_published / "latest.json").unlink()
    broken = "version 2 is there, but latest.json does not lead to it"
    with pytest.raises(PermanentError, match=broken):
        publish(home, AS_OF)
    assert "latest.json: the file is gone" in walked(home).sentence()
    assert tree(home) == {name: digest for name, digest in before.items() if name != "latest.json"}


def test_the_past_is_not_published_over_the_present(home: Home) -> None:
    export(home, LATER)
    publish(home, LATER)
    change(home, 1)
    export(home, AS_OF)
    with pytest.raises(PermanentError, match="replay the past in another home"):
        publish(home, AS_OF)
    assert latest_version(home) == 1


def test_two_do_not_publish_at_once(home: Home) -> None:
    export(home)
    with (home.published / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(TransientError, match="another process is publishing"):
            publish(home, AS_OF)
    assert publish(home, AS_OF).version == 1


def test_what_is_published_is_private(home: Home) -> None:
    export(home)
    publish(home, AS_OF)
    for path in home.published.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path.name


@pytest.mark.parametrize(
    ("change", "seen"),
    [("drop column region", "region is missing"), ("alter request_count type varchar", "request_count VARCHAR")],
)
def test_a_table_that_is_not_the_contract_is_not_exported_and_leaves_no_candidate(home: Home, change: str, seen: str) -> None:
    export(home)
    spoil(home, f"alter table golden.golden_suppression {change}")
    with warehouse(home) as con, pytest.raises(PermanentError, match=seen):
        export_candidate(con, home, AS_OF, rows_to_hold_back)
    with pytest.raises(PermanentError, match="its export was interrupted"):
        read_candidate(home)


def test_the_candidate_counts_rows_per_channel(home: Home) -> None:
    candidate = export(home)
    assert (candidate.row_count, candidate.counts) == (4, {"email": 2, "voice": 2})
    assert read_candidate(home) == candidate


def test_the_difference_between_versions_is_told_by_key(home: Home) -> None:
    export(home)
    publish(home, AS_OF)
    spoil(home, "delete from golden.golden_suppression where scope = 'acme'")
    spoil(home, "update golden.golden_suppression set except_scopes = ['acme'] where identifier = 'ada@example.com'")
    spoil(home, "update golden.golden_suppression set identifier = '+12025550103' where basis = 'registry'")
    export(home)
    publish(home, AS_OF)
    old, new = read_published(home, 1), read_published(home)
    with duckdb.connect() as con:
        assert diff(con, None, old).aggregate("change, count(*)").fetchall() == [("added", 4)]
        assert sorted(diff(con, old, new).fetchall()) == [
            ("added", "voice", "phone", "+12025550103", "*"),
            ("changed", "email", "email", "ada@example.com", "*"),
            ("removed", "voice", "phone", "+12025550101", "acme"),
            ("removed", "voice", "phone", "+12025550102", "*"),
        ]
        assert diff(con, new, new).fetchall() == []


def exported_of(home: Home, state: str | None, *, is_judged: bool = True) -> tuple[bool, Candidate]:
    """Export the golden table of that state, and judge the very file: whether its rows were written, and the candidate."""
    file = home.warehouse_folder / "candidate" / ROWS_FILE
    before = file.stat().st_mtime_ns if file.is_file() else None
    with warehouse(home) as con:
        candidate = export_candidate(con, home, LATER, rows_to_hold_back, state=state)
    if is_judged:
        ledger = "c" * 64
        store(
            home,
            Verdict(
                "exit",
                "pass",
                candidate.rows_sha256,
                LATER,
                (),
                entry_rows_sha256=ledger,
                file_sha256=sha256_file(file),
                beside_sha256=beside(candidate),
            ),
        )
        store(home, Verdict("entry", "pass", ledger, LATER, ()))
    return file.stat().st_mtime_ns != before, candidate


def test_a_candidate_of_the_same_state_is_kept_and_any_other_is_written_anew(home: Home) -> None:
    was_written, first = exported_of(home, "one")
    assert was_written, "the first candidate of a home"
    rows, evidence, record = (first.folder / name for name in (ROWS_FILE, "evidence/releases.parquet", "candidate.json"))

    def claim(**claims: object) -> None:
        record.write_text(json.dumps(json.loads(record.read_text()) | claims))

    for label, state, prepare, expected in (
        ("nothing has changed", "one", lambda: None, False),
        ("another state of the golden table", "two", lambda: None, True),
        ("a state that nobody names, as after a run that was cut off", None, lambda: None, True),
        ("a candidate that nobody named a state for", "two", lambda: None, True),
        ("rows altered since", "two", lambda: rows.write_bytes(b"x"), True),
        ("evidence altered since", "two", lambda: evidence.write_bytes(b"x"), True),
        ("a record that claims other rows than the gate judged", "two", lambda: claim(rows_sha256="a" * 64), True),
        (
            "rows altered, and the record with them",
            "two",
            lambda: (rows.write_bytes(b"x"), claim(file_sha256=sha256_file(rows))),
            True,
        ),
        ("a record that is damaged", "two", lambda: record.write_text("{"), True),
        ("a record that is none", "two", lambda: record.write_text("[]"), True),
        ("a verdict that was altered", "two", lambda: [path.write_text("{}") for path in home.gate_folder.glob("exit-*")], True),
    ):
        prepare()
        was_written, candidate = exported_of(home, state)
        assert was_written == expected, label
        assert (candidate.rows_sha256, candidate.as_of) == (first.rows_sha256, LATER), label


def test_a_candidate_that_no_gate_has_judged_is_written_anew(home: Home) -> None:
    exported_of(home, "one", is_judged=False)
    assert exported_of(home, "one")[0]
    assert not exported_of(home, "one")[0]


def test_a_candidate_is_kept_while_its_rows_are_the_latest_or_the_next_version(home: Home) -> None:
    exported_of(home, "one")
    assert publish(home, LATER).version == 1
    was_written, kept = exported_of(home, "one")
    assert (was_written, kept.version) == (False, 1), "its rows are those of the latest version"
    before = tree(home)
    assert not publish(home, LATER).is_new
    assert tree(home) == before
    change(home, 7)
    was_written, other = exported_of(home, "two")
    assert (was_written, other.version) == (True, 2)
    assert not exported_of(home, "two")[0], "not published yet, it is still the next version"
    assert publish(home, LATER).version == 2
    change(home, 1)
    exported_of(home, "three")
    record = other.folder / "candidate.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"version": 1}))
    was_written, again = exported_of(home, "three")
    assert (was_written, again.version) == (True, 3), "numbered otherwise, and not the latest: it can't be published as it is"


def test_the_file_that_the_gate_judged_is_not_looked_into_again_before_a_push(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    candidate = export(home, permit=None)
    result = Result("golden", "T", "Every row is right.", "stop", "Because.", "expect", "", True, True, {})
    ledger = "c" * 64
    kept = store(
        home,
        Verdict(
            "exit",
            "pass",
            candidate.rows_sha256,
            AS_OF,
            (result,),
            entry_rows_sha256=ledger,
            file_sha256=candidate.file_sha256,
            beside_sha256=beside(candidate),
        ),
    )
    store(home, Verdict("entry", "pass", ledger, AS_OF, ()))
    publish(home, AS_OF)
    hashed: list[str] = []
    monkeypatch.setattr(versions, "_rows_in", lambda *_: hashed.append("again") or "other rows")
    assert read_gated(home).version == 1
    assert hashed == []

    verdict = home.gate_folder / kept.file_name
    whole = verdict.read_bytes()
    for number, spoiled in enumerate((whole.replace(candidate.file_sha256.encode(), b"0" * 64), None), 1):
        verdict.unlink()
        if spoiled is not None:
            verdict.write_bytes(spoiled)
        with pytest.raises(PermanentError, match="the rows of version 1 are not those"):  # what the double above says
            read_gated(home)
        assert hashed == ["again"] * number, "a verdict that is altered, or gone, vouches for nothing"

    verdict.write_bytes(whole)
    rows = home.golden_published / "version=1" / ROWS_FILE
    rows.write_bytes(rows.read_bytes() + b"x")
    with pytest.raises(PermanentError, match="is not the file that was published"):
        read_gated(home)


def test_a_file_that_the_gate_did_not_judge_has_its_rows_hashed(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    export(home)  # these verdicts name no file
    publish(home, AS_OF)
    assert read_gated(home).version == 1
    monkeypatch.setattr(versions, "_rows_in", lambda *_: "other rows")
    with pytest.raises(PermanentError, match="are not those that its manifest"):
        read_gated(home)
