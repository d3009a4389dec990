"""The sensors that look after runs, on runs that really took place in an instance of Dagster's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

import orchestration.defs.watch as watching
from orchestration.core.config import load_config
from orchestration.core.errors import PermanentError, Throttled, TransientError
from orchestration.core.home import Home
from orchestration.definitions import build_defs
from orchestration.defs.execute import BY_COMMAND
from orchestration.defs.sync import NOTHING_HELD, NOTHING_MISSING, destination_key
from orchestration.defs.watch import push_again
from tests.vendors.server import Reply, Request, Server

CONFIG = """
[company]
name = "Acme"
[destinations.crm]
system = "sql_table"
channels = ["email"]
[destinations.mail_house]
system = "file_drop"
channels = ["postal"]
[alerts.webhook]
url_env = "ALERT_URL"
"""


class Chat(Server):
    def answer(self, request: Request) -> Reply:
        return Reply(200, b"ok")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    home = Home.at(tmp_path / "home").create()
    home.config_file.write_text(CONFIG)
    monkeypatch.setenv("QUIETLIST_HOME", str(home.root))
    return home


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def chat(monkeypatch: pytest.MonkeyPatch) -> Iterator[Chat]:
    with Chat() as server:
        monkeypatch.setenv("ALERT_URL", f"{server.url}/hook")
        yield server


def push(
    instance: dg.DagsterInstance, tags: dict[str, str] | None = None, job: str = "sync", **errors: Exception | None
) -> dg.DagsterRun:
    """A run in which each of these destinations fails so, or does not."""

    def asset(name: str, error: Exception | None) -> dg.AssetsDefinition:
        @dg.asset(key=destination_key(name))
        def destination() -> dg.MaterializeResult[None]:
            if error is not None:
                raise error
            counts = dict.fromkeys(("wanted", "seen_there", "not_provable"), 1)
            return dg.MaterializeResult(metadata={**counts, "attention": ["1 row is not there"], "kept_back": []})

        return destination

    made = dg.Definitions(
        assets=[asset(name, error) for name, error in errors.items()],
        jobs=[dg.define_asset_job(job, selection="*", executor_def=dg.in_process_executor)],
    )
    result = made.resolve_job_def(job).execute_in_process(instance=instance, raise_on_error=False, tags=tags or {})
    run = instance.get_run_by_id(result.run_id)
    assert run is not None
    return run


def asked_again(instance: dg.DagsterInstance, minutes: float, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which destinations are pushed to again so long after now."""

    class Later(datetime):
        @classmethod
        def now(cls, tz=None):  # type: ignore[no-untyped-def]
            return datetime.now(tz) + timedelta(minutes=minutes)

    monkeypatch.setattr(watching, "datetime", Later)
    found = push_again(dg.build_sensor_context(instance=instance))
    monkeypatch.setattr(watching, "datetime", datetime)
    if isinstance(found, dg.SkipReason):
        return []
    requests = list(found.run_requests or [])
    for request in requests:
        assert destination_key(request.tags["quietlist/again"]) in (request.asset_selection or [])
        assert "gate_allows_published" in {key.name for key in request.asset_check_keys or []}, "no push without its gate"
    assert len({request.run_key for request in requests}) == len(requests)
    return [request.tags["quietlist/again"] for request in requests]


def test_a_destination_is_pushed_to_again_only_where_its_fault_passes_and_after_a_pause(
    home: Home, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert asked_again(instance, 0, monkeypatch) == [], "nothing ever failed"
    push(instance, crm=TransientError("Asking crm"), mail_house=PermanentError("Writing to mail_house"))
    assert asked_again(instance, 14, monkeypatch) == [], "too early"
    assert asked_again(instance, 16, monkeypatch) == ["crm"], "what failed for good, a person must put right"
    push(instance, crm=Throttled("Asking crm"))
    assert asked_again(instance, 16, monkeypatch) == [], "the second pause is longer"
    assert asked_again(instance, 31, monkeypatch) == ["crm"]
    push(instance, crm=None)
    assert asked_again(instance, 300, monkeypatch) == [], "it is in line again"
    for _ in range(5):
        push(instance, job="quietlist", mail_house=TransientError("Writing to mail_house"))
    assert asked_again(instance, 1000, monkeypatch) == [], "after four attempts the next day's run is the next"


def test_a_destination_that_left_the_configuration_is_left_alone(
    home: Home, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    push(instance, gone=TransientError("Asking gone"), crm=TransientError("Asking crm"))
    home.config_file.write_text(CONFIG.replace('system = "sql_table"', 'system = "sql_table"\ndry_run = true'))
    assert asked_again(instance, 60, monkeypatch) == [], "crm sends nothing, gone is not there"


def ended(instance: dg.DagsterInstance, run: dg.DagsterRun, home: Home) -> None:
    """Dagster's daemon sees the end of a run."""
    name = "alert_ended" if run.is_success else "alert_failed"
    (sensor,) = [item for item in watching.sensors(load_config(home)) if item.name == name]
    kind = dg.DagsterEventType.RUN_SUCCESS if run.is_success else dg.DagsterEventType.RUN_FAILURE
    event = instance.all_logs(run.run_id, of_type=kind)[-1].dagster_event
    assert event is not None
    context = dg.build_run_status_sensor_context(
        sensor_name=name, dagster_event=event, dagster_instance=instance, dagster_run=run
    )
    sensor(context if run.is_success else context.for_run_failure())


def test_a_run_that_dagster_started_alerts_to_what_it_found_and_to_what_failed(
    home: Home, instance: dg.DagsterInstance, chat: Chat
) -> None:
    ended(instance, push(instance, crm=None), home)
    assert [item["said"] for item in chat.requests[0].json["findings"]] == ["crm: 1 row is not there"]
    failed = push(instance, crm=TransientError("Asking crm", seen="no answer"))
    ended(instance, failed, home)
    assert [item["level"] for item in chat.requests[1].json["findings"]] == ["failed"]
    assert "Asking crm. Seen: no answer." in chat.requests[1].json["text"]
    ended(instance, failed, home)
    assert len(chat.requests) == 2, "told already"


def test_a_channel_that_failed_fails_no_sensor_and_the_next_run_tells(
    home: Home, instance: dg.DagsterInstance, chat: Chat
) -> None:
    chat.fail("answer", reply=Reply(404))
    ended(instance, push(instance, crm=None), home)
    ended(instance, push(instance, crm=None), home)
    assert [len(request.json["findings"]) for request in chat.requests] == [1, 1], "refused, then told"


def test_a_run_that_fails_before_its_first_step_is_told(home: Home, instance: dg.DagsterInstance, chat: Chat) -> None:
    ahead = {"resources": {"quietlist": {"config": {"home": str(home.root), "as_of": "2099-01-01T00:00:00Z"}}}}
    job = build_defs(home).resolve_job_def("report")
    result = job.execute_in_process(instance=instance, run_config=ahead, raise_on_error=False)
    run = instance.get_run_by_id(result.run_id)
    assert run is not None and not run.is_success
    ended(instance, run, home)
    (finding,) = chat.requests[0].json["findings"]
    assert finding["level"] == "failed" and finding["said"].startswith("the run: Running as of 2099-01-01"), finding


def test_a_run_of_the_command_tells_of_itself_and_not_twice(home: Home, instance: dg.DagsterInstance, chat: Chat) -> None:
    ended(instance, push(instance, tags={BY_COMMAND: "true"}, crm=PermanentError("Asking crm")), home)
    assert chat.requests == []


def test_alerting_sensors_are_on_where_somebody_is_to_be_alerted(home: Home) -> None:
    for text, status in ((CONFIG, "RUNNING"), (CONFIG.partition("[alerts")[0], "STOPPED")):
        home.config_file.write_text(text)
        found = {sensor.name: sensor.default_status.value for sensor in build_defs(home).sensors or []}
        assert (found["alert_failed"], found["alert_ended"]) == (status, status)
        assert {found[name] for name in ("inbox", "campaigns", "push_again")} == {"STOPPED"}, "these are switched on by hand"


@pytest.mark.parametrize(
    ("hours", "passes"), [(1, True), (25, True), (27, False), (None, False)], ids=["young", "daily", "missed", "never"]
)
def test_the_age_of_the_last_push_is_judged_by_the_run_s_clock(
    home: Home, instance: dg.DagsterInstance, hours: int | None, passes: bool
) -> None:
    as_of = datetime(2026, 4, 2, 12, tzinfo=UTC)
    if hours is not None:
        pushed = (as_of - timedelta(hours=hours)).isoformat()
        instance.report_runless_asset_event(dg.AssetMaterialization(destination_key("crm"), metadata={"as_of": pushed}))
    job = (
        build_defs(home)
        .resolve_job_def("report")
        .get_subset(
            asset_check_selection={
                dg.AssetCheckKey(destination_key("crm"), "pushed_in_time"),
                dg.AssetCheckKey(destination_key("mail_house"), "pushed_in_time"),
            }
        )
    )
    result = job.execute_in_process(
        instance=instance,
        run_config={"resources": {"quietlist": {"config": {"home": str(home.root), "as_of": as_of.isoformat()}}}},
    )
    found = {item.asset_key.path[1]: item for item in result.get_asset_check_evaluations()}
    assert found["crm"].passed is passes and not found["mail_house"].passed
    assert {NOTHING_MISSING, NOTHING_HELD} & {item.check_name for item in found.values()} == set()
    if not passes:
        assert str(found["crm"].metadata["unmet"].value).startswith("['alert: crm: ")
