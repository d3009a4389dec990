"""Dagster's events, a step's in one transaction: the same for whoever reads them, and no fewer when a process is killed."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy
from dagster._core.storage.event_log import SqliteEventLogStorage
from sqlalchemy.engine import Connection, Engine

from orchestration.core.home import Home
from orchestration.defs import execute
from orchestration.defs.event_log import StepEventLog
from orchestration.run import prepare_instance

KEYS = [dg.AssetKey(["some", f"asset_{number}"]) for number in range(50)]


@dg.multi_asset(specs=[dg.AssetSpec(key) for key in KEYS], check_specs=[dg.AssetCheckSpec("seen", asset=KEYS[0])])
def many() -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    for number, key in enumerate(KEYS):
        yield dg.MaterializeResult(asset_key=key, metadata={"number": number})
    yield dg.AssetCheckResult(asset_key=KEYS[0], check_name="seen", passed=False, metadata={"why": "so"})


@dg.asset(deps=KEYS[:1])
def after(context: dg.AssetExecutionContext) -> None:
    context.log.info("a message")
    if os.environ.get("DIE_IN_A_STEP"):
        os.kill(os.getpid(), signal.SIGKILL)


DEFINITIONS = dg.Definitions(assets=[many, after], jobs=[dg.define_asset_job("job")], executor=dg.in_process_executor)


@pytest.fixture
def ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    monkeypatch.setenv("DAGSTER_HOME", str(prepare_instance(Home.at(tmp_path / "home"))))
    with dg.DagsterInstance.get() as instance:
        assert isinstance(instance.event_log_storage, StepEventLog)
        yield instance


def run(instance: dg.DagsterInstance) -> str:
    return DEFINITIONS.resolve_job_def("job").execute_in_process(instance=instance).run_id


def told(storage: SqliteEventLogStorage, run_id: str) -> list[tuple[str, str | None, str]]:
    return [
        (
            str(entry.dagster_event_type),
            entry.step_key,
            str(entry.get_dagster_event().asset_key if entry.is_dagster_event else ""),
        )
        for entry in storage.get_logs_for_run(run_id)
    ]


def stock(home: Path) -> SqliteEventLogStorage:
    return SqliteEventLogStorage(str(home / "history" / "runs"))


def test_whoever_reads_finds_what_dagster_s_own_log_holds(
    ours: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = run(ours)
    (tmp_path / "plain").mkdir()
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "plain"))
    with dg.DagsterInstance.get() as theirs:
        other = run(theirs)
        assert type(theirs.event_log_storage) is SqliteEventLogStorage
        assert told(ours.event_log_storage, run_id) == told(theirs.event_log_storage, other), "in their order"
        for instance in (ours, theirs):
            for number, key in enumerate(KEYS):
                event = instance.get_latest_materialization_event(key)
                assert event is not None and event.asset_materialization is not None
                assert event.asset_materialization.metadata["number"].value == number, key
            checks = instance.event_log_storage.get_asset_check_execution_history(dg.AssetCheckKey(KEYS[0], "seen"), limit=5)
            assert [str(check.status) for check in checks] == ["AssetCheckExecutionRecordStatus.FAILED"]
            assert set(instance.all_asset_keys()) == {*KEYS, dg.AssetKey("after")}
    plain = stock(tmp_path / "home" / "warehouse" / "dagster")
    assert told(plain, run_id) == told(ours.event_log_storage, run_id), "Dagster's own log reads the same files"


def test_a_step_is_a_transaction_however_many_assets_it_tells_of(ours: dg.DagsterInstance) -> None:
    ended: list[str] = []

    def committed(con: Connection) -> None:
        ended.append(str(con.engine.url))

    sqlalchemy.event.listen(Engine, "commit", committed)
    try:
        run(ours)
    finally:
        sqlalchemy.event.remove(Engine, "commit", committed)
    assert 2 < len(ended) < 2 * len(KEYS), f"{len(ended)} transactions for {len(KEYS)} assets, each told of three times"


def open_files(instance: dg.DagsterInstance) -> list[str]:
    folder, names = instance.event_log_storage._base_dir, []  # type: ignore[attr-defined]
    for number in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the folder itself was open while it was listed
            names.append(str(number.readlink()))
    return sorted(Path(name).stem for name in names if name.startswith(str(folder)) and name.endswith(".db"))


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="asks Linux which files are open")
def test_of_many_runs_the_files_of_one_stay_open(ours: dg.DagsterInstance) -> None:
    runs = [run(ours) for _ in range(3)]
    for run_id in (*runs, runs[0]):
        assert told(ours.event_log_storage, run_id), run_id  # type: ignore[arg-type]
        assert set(open_files(ours)) == {"index", run_id}, "a server shows hundreds of runs"
    ours.event_log_storage.wipe()
    assert set(open_files(ours)) <= {"index"} and not ours.event_log_storage.get_logs_for_run(runs[0])
    assert told(ours.event_log_storage, run(ours)), "what was wiped is written again"  # type: ignore[arg-type]
    ours.event_log_storage.dispose()
    assert open_files(ours) == []


def test_who_reads_while_a_step_goes_on_reads_all_of_it(ours: dg.DagsterInstance) -> None:
    seen = []

    @dg.multi_asset(specs=[dg.AssetSpec("a"), dg.AssetSpec("b")])
    def two() -> Iterator[dg.MaterializeResult[None]]:
        yield dg.MaterializeResult(asset_key="a")
        seen.append(ours.get_latest_materialization_event(dg.AssetKey("a")))
        yield dg.MaterializeResult(asset_key="b")

    job = dg.Definitions(assets=[two], jobs=[dg.define_asset_job("job")]).resolve_job_def("job")
    assert job.execute_in_process(instance=ours).success
    assert seen[0] is not None, "what waits in memory is written before anybody reads"


def test_a_killed_run_has_told_every_step_that_ended_and_the_one_it_died_in(tmp_path: Path) -> None:
    home = prepare_instance(Home.at(tmp_path / "home"))
    script = "import dagster as dg\nfrom tests.defs.test_event_log import run\nrun(dg.DagsterInstance.get())"
    environment = {**os.environ, "DAGSTER_HOME": str(home), "DIE_IN_A_STEP": "yes"}
    killed = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, timeout=120, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    storage = stock(home)
    (run_id,) = storage.get_all_run_ids()
    events = told(storage, run_id)
    assert sum(kind.endswith(".ASSET_MATERIALIZATION") for kind, _, _ in events) == len(KEYS)
    assert ("DagsterEventType.STEP_SUCCESS", "many", "None") in events
    assert ("DagsterEventType.STEP_START", "after", "None") in events
    assert events[-1][0] == "None", "and its message"


def test_an_event_that_cannot_be_stored_takes_no_other_with_it(ours: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    store = SqliteEventLogStorage.store_event

    def refuse_one(self: SqliteEventLogStorage, event: dg.EventLogEntry) -> None:
        if event.is_dagster_event and event.get_dagster_event().asset_key == KEYS[7]:
            raise OSError("refused")
        store(self, event)

    monkeypatch.setattr(SqliteEventLogStorage, "store_event", refuse_one)
    with pytest.raises(OSError, match="refused"):
        run(ours)
    monkeypatch.undo()
    planned = {
        asset
        for storage in [ours.event_log_storage]
        for run_id in storage.get_all_run_ids()
        for kind, _, asset in told(storage, run_id)
        if kind.endswith("MATERIALIZATION_PLANNED")
    }
    assert planned == {str(key) for key in (*KEYS, dg.AssetKey("after")) if key != KEYS[7]}


def test_the_place_of_a_process_that_was_killed_in_a_step_is_free_again(ours: dg.DagsterInstance) -> None:
    storage = ours.event_log_storage
    storage.set_concurrency_slots("warehouse", 1)
    assert storage.claim_concurrency_slot("warehouse", "dead", "collect").is_claimed
    assert not storage.claim_concurrency_slot("warehouse", "next", "collect").is_claimed
    storage.free_concurrency_slots_for_run("next")
    execute._free_slots_of_the_dead(ours)
    assert storage.claim_concurrency_slot("warehouse", "next", "collect").is_claimed
