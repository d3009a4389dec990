"""Tamper evidence: whatever is altered, added or taken away, verify names it; a sound, a repeated and a killed house pass."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from orchestration.audit.doctor import doctor
from orchestration.audit.verify import Verified, look, verify
from orchestration.cli import main
from orchestration.core import chain
from orchestration.core.config import load_config
from orchestration.core.errors import ConfigError, TransientError
from orchestration.core.files import canonical_json, sha256_bytes, sha256_file, write_atomic
from orchestration.core.home import Home
from orchestration.core.pointer import pointer_text
from orchestration.core.warehouse import warehouse
from orchestration.landing.manifest import append, delivery_links, read_manifest, repair
from orchestration.publish.verdicts import Verdict, acknowledge, store
from orchestration.reconcile import batches
from orchestration.report.page import write_report
from orchestration.sync.receipts import write_receipt
from tests.evidence.houses import AS_OF, build_house, take_in


def test_a_version_made_of_deliveries_that_landing_does_not_hold_is_named(own: Home) -> None:
    """Every run after it refuses such a home, so verify must not call it whole."""
    folder = own.golden_published / "version=2"
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["inputs_sha256"], "the house has deliveries"
    chained = own.chain_file.read_bytes()
    before = sha256_file(folder / "manifest.json")
    (folder / "manifest.json").write_text(canonical_json({**manifest, "inputs_sha256": "0" * 64}) + "\n")
    after = sha256_file(folder / "manifest.json")
    _rewrite_chain(own, chained.replace(before.encode(), after.encode()))
    (own.golden_published / "latest.json").write_text(pointer_text(2, after))
    assert broken_at(own) == (
        "published/golden_suppression/version=2/manifest.json: it was made of deliveries that the landing manifest does not hold"
    )


def _rewrite_chain(home: Home, lines: bytes) -> None:
    """A chain with these lines' links, each following from the one before it."""
    home.chain_file.unlink()
    entries = [json.loads(line) for line in lines.split(b"\n")[:-1]]
    chain.record(home, *(chain.Link(entry["kind"], entry["subject"], entry["sha256"]) for entry in entries))


DEEDS = ("deliver", "ledger", "verdict", "override", "receipt")  # a killed publication: tests/publish


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A small house with everything that can be on a chain."""
    home = build_house(tmp_path_factory.mktemp("verify") / "home", people=20, days=8)
    now = datetime.now(UTC)
    for number in range(3):
        acknowledge(home, f"{number:032x}", person="Jo Officer", reason="A readme", now=now)
    for number in (2, 3):
        write_receipt(home, "mail_system", number, {"as_of": AS_OF.isoformat(), "version": 2})
    (home.published / ".lock").touch()
    return home


@pytest.fixture
def own(sound: Home, tmp_path: Path) -> Home:
    return Home.at(shutil.copytree(sound.root, tmp_path / "home"))


def walked(home: Home, **keys: str) -> Verified:
    return verify(home, load_config(home), **keys)


def broken_at(home: Home) -> str:
    """Where the first break is, and what is seen there; each also says what was expected and what to do."""
    verified = walked(home)
    assert verified.first_break is not None, "nothing was noticed"
    assert verified.first_break.allowed and verified.first_break.next_step, verified.lines()
    assert "canary" not in "\n".join(verified.lines()).lower(), "names of delivered files stay inside"
    return verified.sentence()


def test_a_sound_house_is_whole_and_looking_changes_nothing(own: Home) -> None:
    def state() -> dict[str, str]:
        return {str(path): sha256_file(path) for path in sorted(own.root.rglob("*")) if path.is_file()}

    before = state()
    for verified in (walked(own), look(own, load_config(own), rehash=False)):
        assert verified.whole and verified.unfinished == (), verified.lines()
        assert set(verified.kinds) == {"delivery", "ledger", "verdict", "override", "publication", "receipt"}
        assert verified.entries == sum(verified.kinds.values()) == own.chain_file.read_bytes().count(b"\n")
        assert verified.head == chain.head(own) == sha256_bytes(own.chain_file.read_bytes().splitlines()[-1])
    assert state() == before


def test_an_empty_home_is_whole(empty_home: Home) -> None:
    verified = walked(empty_home)
    assert verified.whole and (verified.entries, verified.head) == (0, chain.GENESIS)


def test_an_empty_pointer_where_nothing_was_published_is_named(empty_home: Home) -> None:
    empty_home.create()
    (empty_home.golden_published / "latest.json").touch()
    assert broken_at(empty_home).startswith("published/golden_suppression/latest.json: ")


def test_any_file_of_landing_and_published_with_one_byte_more_is_named(own: Home) -> None:
    paths = [path for folder in (own.landing, own.published) for path in sorted(folder.rglob("*")) if path.is_file()]
    assert {".lock", "manifest.jsonl", "latest.json", "manifest.json", "part-0.parquet", "releases.parquet"} < {
        p.name for p in paths
    }
    # Every kind of file, and the first and last of the many that are alike.
    landed = [path for path in paths if len(path.name) == 64]
    for path in [*(path for path in paths if path not in landed), *landed[:2], *landed[-2:]]:
        for addition in (b"x", b"\n"):
            whole = path.read_bytes()
            path.write_bytes(whole + addition)
            assert broken_at(own).startswith(f"{path.relative_to(own.root)}: "), f"{path.name} + {addition!r}"
            path.write_bytes(whole)
    assert walked(own).whole, "put back as it was, all is well again"


def test_any_file_of_landing_published_gate_and_receipts_that_is_gone_is_named(own: Home) -> None:
    folders = (own.landing, own.published, own.gate_folder, *own.outbox.glob("*/receipts"))
    paths = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file() and path.name != ".lock"]
    landed = [path for path in paths if len(path.name) == 64]
    for path in [*(path for path in paths if path not in landed), landed[0], landed[-1]]:
        aside = path.rename(own.root / "aside")
        assert broken_at(own).startswith(f"{path.relative_to(own.root)}: "), path.name
        aside.rename(path)


@pytest.mark.parametrize(
    "stray",
    [
        "landing/notes.txt",
        "landing/ab/" + "0" * 64,
        "landing/empty/nothing",
        "published/registry.parquet",
        "published/golden_suppression/version=1/part-1.parquet",
        "published/golden_suppression/version=2/evidence/more.parquet",
        "published/golden_suppression/version=3/part-0.parquet",
        "published/golden_suppression/version=9/manifest.json",
        "outbox/mail_system/receipts/3.json",
        "warehouse/gate/exit.json",
    ],
)
def test_a_file_that_nobody_wrote_is_named(own: Home, stray: str) -> None:
    path = own.root / stray
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    assert broken_at(own).startswith(f"{stray}: nobody recorded this file")


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_link_in_the_place_of_what_was_recorded_is_named(own: Home, what: str) -> None:
    version = own.golden_published / "version=1"
    path = version / "part-0.parquet" if what == "file" else version
    path.rename(own.root / "elsewhere")
    path.symlink_to(own.root / "elsewhere")
    assert "published/golden_suppression/version=1" in broken_at(own)


def lines_of(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def edit_manifest(home: Home) -> str:
    home.manifest_file.write_bytes(home.manifest_file.read_bytes().replace(b'"source":"shop"', b'"source":"shed"', 1))
    return "landing/manifest.jsonl: line "


def rewrite_manifest(home: Home) -> str:
    """Every line after the edited one chained again, as somebody would who knows how."""
    prev, lines = "0" * 64, []
    for line in lines_of(home.manifest_file):
        body = {**json.loads(line), "prev": prev, "received_at": "2026-01-01T00:00:00+00:00"}
        del body["hash"]
        prev = sha256_bytes(canonical_json(body).encode())
        lines.append(canonical_json({**body, "hash": prev}) + "\n")
    home.manifest_file.write_text("".join(lines))
    return "landing/manifest.jsonl: line 1 is not the one that was recorded"


def truncate_manifest(home: Home) -> str:
    lines = lines_of(home.manifest_file)
    home.manifest_file.write_bytes(b"".join(lines[:-2]))
    return f"landing/manifest.jsonl: line {len(lines) - 1} is gone: it ends after {len(lines) - 2} lines"


def cut_manifest_in_a_line(home: Home) -> str:
    home.manifest_file.write_bytes(home.manifest_file.read_bytes()[:-20])
    return "landing/manifest.jsonl: line "


def edit_override(home: Home) -> str:
    log = home.gate_folder / "overrides.jsonl"
    log.write_bytes(log.read_bytes().replace(b"A readme", b"A review", 1))
    return "warehouse/gate/overrides.jsonl: line 1 is not the one that was recorded"


def rewrite_overrides(home: Home) -> str:
    log = home.gate_folder / "overrides.jsonl"
    before, lines = None, []
    for line in lines_of(log):
        text = canonical_json({**json.loads(line), "person": "Somebody Else", "previous_sha256": before})
        before = sha256_bytes(text.encode())
        lines.append(text + "\n")
    log.write_text("".join(lines))
    return "warehouse/gate/overrides.jsonl: line 1 is not the one that was recorded"


def take_out_the_last_override(home: Home) -> str:
    log = home.gate_folder / "overrides.jsonl"
    log.write_bytes(b"".join(lines_of(log)[:-1]))
    return "warehouse/gate/overrides.jsonl: line 3 is gone: it ends after 2 lines"


def edit_receipt(home: Home) -> str:
    path = home.outbox / "mail_system" / "receipts" / "00000003.json"
    path.write_bytes(path.read_bytes().replace(b'"version":2', b'"version":3'))
    return "outbox/mail_system/receipts/00000003.json: the file is not the one that was recorded"


def edit_verdict(home: Home) -> str:
    path = sorted(home.gate_folder.glob("entry-*.json"))[0]
    path.write_bytes(
        path.read_bytes().replace(b'"success":false', b'"success":true').replace(b'"level":"hold"', b'"level":"pass"')
    )
    return f"warehouse/gate/{path.name}: the file is not the one that was recorded"


def replace_version_with_its_pointer(home: Home) -> str:
    """The last version with other evidence for releases, its manifest and latest.json made to fit."""
    folder = home.golden_published / "version=2"
    evidence = folder / "evidence" / "releases.parquet"
    evidence.write_bytes((home.golden_published / "version=1" / "evidence" / "releases.parquet").read_bytes() + b"\0")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][1] |= {"sha256": sha256_file(evidence), "bytes": evidence.stat().st_size}
    (folder / "manifest.json").write_text(canonical_json(manifest) + "\n")
    pointer = {"version": 2, "manifest_sha256": sha256_file(folder / "manifest.json")}
    (home.golden_published / "latest.json").write_text(canonical_json(pointer) + "\n")
    return "published/golden_suppression/version=2/manifest.json: the file is not the one that was recorded"


def lead_back_to_version_1(home: Home) -> str:
    pointer = {"version": 1, "manifest_sha256": sha256_file(home.golden_published / "version=1" / "manifest.json")}
    (home.golden_published / "latest.json").write_text(canonical_json(pointer) + "\n")
    return "published/golden_suppression/latest.json: it does not name the last version that was recorded"


def edit_ledger(home: Home) -> str:
    with warehouse(home) as con:
        con.execute(
            "update ledger.requests set at_latest = at_latest + interval 1 year where request_id = "
            "(select min(request_id) from ledger.requests)"
        )
    return "the ledger (ledger.requests), batch 1: its rows are not those that were recorded"


def edit_ledger_and_its_hash(home: Home) -> str:
    edit_ledger(home)
    with warehouse(home) as con:
        _, digest = batches.batch_rows(con, 1)
        con.execute("update raw.ledger_batches set rows_sha256 = ?", [digest])
        con.execute("insert into ledger.requests (request_id, file_id) values ('new', 'new')")
        take_in(con, home)
    return "the ledger (ledger.requests), batch 1: "


def take_out_a_ledger_batch(home: Home) -> str:
    with warehouse(home) as con:
        con.execute("insert into ledger.requests (request_id, file_id) values ('new', 'new')")
        take_in(con, home)
        con.execute("delete from raw.ledger_batches where batch = 2")
    return "the ledger (ledger.requests): no batch covers 1 file that it ingested"


def edit_chain_line(home: Home) -> str:
    home.chain_file.write_bytes(home.chain_file.read_bytes().replace(b'"kind":"delivery"', b'"kind":"delivered"', 1))
    return "chain.jsonl: line 2 does not follow from the line before it"


def take_out_a_chain_line(home: Home) -> str:
    lines = lines_of(home.chain_file)
    home.chain_file.write_bytes(b"".join([*lines[:9], *lines[10:]]))
    return "chain.jsonl: line 10 does not follow from the line before it"


def swap_chain_lines(home: Home) -> str:
    lines = lines_of(home.chain_file)
    home.chain_file.write_bytes(b"".join([*lines[:9], lines[10], lines[9], *lines[11:]]))
    return "chain.jsonl: line 10 does not follow from the line before it"


def write_on_the_chain(home: Home) -> str:
    home.chain_file.write_bytes(home.chain_file.read_bytes() + b"x\n")
    return "chain.jsonl: line " + str(home.chain_file.read_bytes().count(b"\n")) + " is not a line of a chain"


def write_half_a_line_on_the_chain(home: Home) -> str:
    home.chain_file.write_bytes(home.chain_file.read_bytes() + b"x")
    return "chain.jsonl: line " + str(home.chain_file.read_bytes().count(b"\n") + 1) + " is unfinished"


def cut_off_the_chain(home: Home) -> str:
    home.chain_file.write_bytes(b"".join(lines_of(home.chain_file)[:-2]))
    return "chain.jsonl: it ends too early: 2 entries about outbox/mail_system/receipts are not on it"


def delete_the_chain(home: Home) -> str:
    home.chain_file.unlink()
    return "chain.jsonl: it ends too early"


@pytest.mark.parametrize(
    "deed",
    [
        edit_manifest, rewrite_manifest, truncate_manifest, cut_manifest_in_a_line, edit_override, rewrite_overrides,
        take_out_the_last_override, edit_receipt, edit_verdict, replace_version_with_its_pointer, lead_back_to_version_1,
        edit_ledger, edit_ledger_and_its_hash, take_out_a_ledger_batch, edit_chain_line,
        take_out_a_chain_line, swap_chain_lines, write_on_the_chain,
        write_half_a_line_on_the_chain, cut_off_the_chain, delete_the_chain,
    ],
    ids=lambda deed: deed.__name__,
)  # fmt: skip
def test_each_deed_is_named_and_stays_named_when_work_goes_on(own: Home, deed: Callable[[Home], str]) -> None:
    expected = deed(own)
    assert broken_at(own).startswith(expected), broken_at(own)
    another(own, "verdict")
    if deed is not write_half_a_line_on_the_chain:  # which is repaired, as a power cut would leave it, and reported until then
        assert broken_at(own).startswith(expected.partition(": ")[0]), broken_at(own)


def test_a_file_restored_from_its_backup_is_whole_again_although_work_went_on(own: Home) -> None:
    path = own.outbox / "mail_system" / "receipts" / "00000003.json"
    honest = path.read_bytes()
    edit_receipt(own)
    write_receipt(own, "mail_system", 4, {"as_of": AS_OF.isoformat(), "version": 2})
    assert broken_at(own).startswith("outbox/mail_system/receipts/00000003.json: ")
    path.write_bytes(honest)
    assert walked(own).whole


def test_a_noted_head_is_part_of_the_chain_for_ever_and_not_of_a_rewritten_one(own: Home) -> None:
    noted = chain.head(own)
    acknowledge(own, "f" * 32, person="Jo Officer", reason="Ticket 12")
    verified = walked(own, noted_head=noted)
    assert verified.whole and verified.noted == verified.entries - 1
    # Rewritten as a whole, with the last override left out: nothing but the noted head can tell.
    links = [link for _, link in chain.walk(own)]
    own.chain_file.unlink()
    log = own.gate_folder / "overrides.jsonl"
    log.write_bytes(b"".join(lines_of(log)[:2]))
    chain.record(
        own, *(link for link in links if not link.subject.endswith(("overrides.jsonl line 3", "overrides.jsonl line 4")))
    )
    assert walked(own).whole
    verified = walked(own, noted_head=noted)
    assert verified.sentence() == "chain.jsonl: the noted head is not one of its lines"
    with pytest.raises(ConfigError, match="no hash of a line"):
        walked(own, noted_head="abc")


def test_a_shallow_look_hashes_everything_small_and_misses_only_what_keeps_its_size(own: Home) -> None:
    config = load_config(own)
    path = own.golden_published / "version=1" / "part-0.parquet"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert look(own, config, rehash=False).whole and "recorded size" in look(own, config, rehash=False).sentence()
    assert not look(own, config).whole
    edit_receipt(own)
    assert not look(own, config, rehash=False).whole


def test_the_command_says_it_by_its_exit_code_and_in_json(own: Home) -> None:
    def run(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(main, ["verify", "--home", str(own.root), *arguments])
        return result.exit_code, result.output

    code, output = run()
    assert code == 0 and output.startswith("Whole: ") and chain.head(own) in output
    assert run("--head", chain.head(own))[0] == 0 and run("--head", "1" * 64)[0] == 3 and run("--head", "abc")[0] == 2
    where = edit_receipt(own).partition(": ")[0]
    code, output = run()
    assert code == 3 and output.startswith(f"BROKEN at {where}: ") and "Next step: " in output
    code, output = run("--json")
    told = json.loads(output)
    assert code == 3 and told["whole"] is False and told["first_break"]["where"] == where


def test_the_doctor_and_the_report_say_what_verify_says(own: Home) -> None:
    config = load_config(own)
    report = write_report(own, config, AS_OF).read_text()
    assert "The chain of evidence is whole: " in report and chain.head(own) in report
    edit_receipt(own)
    sentence = broken_at(own)
    assert f"The chain of evidence is broken at {sentence}." in write_report(own, config, AS_OF).read_text()
    found = [finding for finding in doctor(own, config) if finding.topic == "evidence"]
    assert [(finding.level, finding.said) for finding in found] == [("broken", sentence)]


def test_what_looks_broken_while_a_run_goes_on_is_not_called_broken(own: Home) -> None:
    edit_receipt(own)
    with (own.warehouse_folder / "run.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(TransientError, match="a run was writing to it meanwhile"):
            walked(own)
    assert not walked(own).whole


def another(home: Home, deed: str) -> None:
    """One more piece of evidence of each kind, as the stages make it. What depends on the clock is given."""
    now = datetime(2026, 11, 24, tzinfo=UTC)
    if deed == "deliver":
        data = b"one more"
        digest = sha256_bytes(data)
        write_atomic(home.landing / digest[:2] / digest, data)
        repair(home)
        last = read_manifest(home)[-1]
        if last.sha256 != digest:
            append(home, replace(last, seq=last.seq + 1, sha256=digest, size=len(data), prev=last.hash, hash=""))
        chain.record(home, *delivery_links(home))
    elif deed == "ledger":
        with warehouse(home) as con:
            con.execute("delete from ledger.requests where request_id = 'new'")
            con.execute("insert into ledger.requests (request_id, file_id) values ('new', 'new')")
            take_in(con, home)
    elif deed == "verdict":
        store(home, Verdict("clocks", "pass", "a" * 64, now, ()))
    elif deed == "override":
        acknowledge(home, "e" * 32, person="Jo Officer", reason="A readme", now=now)
    else:
        receipts = home.outbox / "mail_system" / "receipts"
        if not (receipts / "00000004.json").exists():
            write_receipt(home, "mail_system", 4, {"as_of": AS_OF.isoformat(), "version": 2})


def killed_at(home: Home, deed: str, step: int) -> bool:
    """Do it in a child that is killed at so many durable steps of it. Returns whether it was."""
    child = os.fork()
    if child == 0:
        left = step

        def dying(function: Callable[..., object]) -> Callable[..., object]:
            def call(*args: object, **keys: object) -> object:
                nonlocal left
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return function(*args, **keys)

            return call

        os.fsync, os.replace, os.rename = dying(os.fsync), dying(os.replace), dying(os.rename)
        try:
            another(home, deed)
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("deed", DEEDS)
def test_a_house_killed_at_any_step_passes_before_and_after_the_next_run(own: Home, tmp_path: Path, deed: str) -> None:
    for step in range(1, 40):
        home = Home.at(shutil.copytree(own.root, tmp_path / f"{deed}{step}"))
        killed = killed_at(home, deed, step)
        verified = walked(home)
        assert verified.whole, f"{deed}, killed at step {step}: {verified.lines()}"
        another(home, deed)
        another(home, "verdict")  # the next run's gates, which catch up what no stage of its own does
        verified = walked(home)
        assert verified.whole, f"{deed}, killed at step {step}, run again: {verified.lines()}"
        shutil.rmtree(home.root)
        if not killed:
            assert step > 1, f"{deed}: no step of it was met"
            return
    raise AssertionError(f"{deed} has more steps than were tried")


def test_what_was_recorded_twice_is_there_once(own: Home) -> None:
    for deed in DEEDS:
        if deed != "override":  # two acts of a person are two
            another(own, deed)
            before = own.chain_file.read_bytes()
            another(own, deed)
            assert own.chain_file.read_bytes() == before, deed
    assert walked(own).whole


def test_two_who_record_at_once_make_one_chain(own: Home) -> None:
    children = []
    for child in range(4):
        if not (pid := os.fork()):
            for number in range(25):
                chain.record(own, chain.Link("verdict", f"child {child} number {number}", "0" * 64))
            os._exit(0)
        children.append(pid)
    assert [os.waitpid(pid, 0)[1] for pid in children] == [0] * 4
    subjects = [link.subject for _, link in chain.walk(own)]
    assert (
        sum(subject.startswith("child ") for subject in subjects) == 100 == len({s for s in subjects if s.startswith("child ")})
    )


def test_evidence_that_moves_to_a_file_of_the_same_moment_makes_one_batch_of_all(own: Home) -> None:
    with warehouse(own) as con:
        con.execute("insert into ledger.record_outcomes select file_id, request_id from ledger.requests")
        con.execute("insert into ledger.requests (request_id, file_id) values ('new', 'new')")
        take_in(con, own)
        assert con.execute("select count(*) from raw.ledger_batches").fetchall() == [(2,)]
        con.execute(
            "update ledger.requests set file_id = 'moved' where request_id = (select min(request_id) from ledger.requests)"
        )
        take_in(con, own)
        assert con.execute("select count(*) from raw.ledger_batches").fetchall() == [(1,)]
    assert walked(own).whole
