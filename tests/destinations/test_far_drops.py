"""Drops on other machines, real servers: whole or not there, never written over, proved by what lies there."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from orchestration.core.config import parse_config
from orchestration.core.errors import ConfigError, PermanentError, QuietlistError, TransientError
from orchestration.core.home import Home
from orchestration.core.pace import Timer
from orchestration.destinations.contract import destination_for, settings_problems
from orchestration.http.client import CredentialsRefused
from tests.connectors.far import PASSWORD
from tests.destinations.stores import DropStore, store_of


@pytest.fixture(params=["sftp_drop", "s3_drop"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DropStore]:
    with store_of(request.param, tmp_path, request, monkeypatch) as made:
        yield made


@pytest.fixture
def sftp(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DropStore]:
    with store_of("sftp_drop", tmp_path, request, monkeypatch) as made:
        yield made


def opened(store: DropStore, home: Home, a_push: Any, **more: Any) -> Any:
    found: Any = destination_for("there", parse_config(store.toml(**more), home.config_file), home)
    found.shelf.timer = Timer(sleep=lambda seconds: None)
    found.open(a_push)
    return found


def read(drop: Any) -> set[str]:
    return {row["identifier"] for batch in drop.read() for row in batch.to_pylist()}


def test_a_put_drops_the_list_the_adds_their_hashes_and_last_the_control_file(store, home, a_push, stream) -> None:
    drop = opened(store, home, a_push)
    assert read(drop) == set()
    drop.put(stream({"identifier": "ann@example.com"}, {"identifier": "+bob@example.com", "region": None}))
    stem = "there_v000007_00000001"
    held = store.held()
    names = [f"{stem}_full.csv", f"{stem}_full.csv.sha256", f"{stem}_adds.csv", f"{stem}_adds.csv.sha256", f"{stem}.ctl.json"]
    assert set(held) == set(names), "nothing unfinished stays"
    put = [
        line.rpartition("/")[2].removesuffix(".part").removesuffix(" for writing").removesuffix(".part")
        for line in store.far.done
    ]
    written = [name for line in put for name in names if line.endswith(name)]
    assert written == names, "the control file came last"
    digest = hashlib.sha256(held[f"{stem}_full.csv"]).hexdigest()
    assert held[f"{stem}_full.csv.sha256"].decode() == f"{digest}  {stem}_full.csv\n"
    control = json.loads(held[f"{stem}.ctl.json"])
    assert control["files"][0] == {"kind": "full", "name": f"{stem}_full.csv", "sha256": digest, "rows": 2}
    assert read(drop) == {"ann@example.com", "+bob@example.com"} and {row["region"] for row in store.table()} == {"US", ""}
    drop.release(stream({"identifier": "ann@example.com"}))
    assert read(drop) == {"+bob@example.com"} and [row["evidence_id"] for row in store.table("releases")] == ["opt-in 1"]
    assert {name: held[name] for name in names} == {name: store.held()[name] for name in names}, "none is written over"
    drop.close()
    assert not (home.outbox / "there" / "under_way").exists(), "nothing of it stays on this machine"


@pytest.mark.parametrize("touch", ["changed", "shortened", "gone", "control"])
def test_a_drop_that_was_touched_counts_as_gone_and_is_dropped_anew(store, home, a_push, stream, touch) -> None:
    drop = opened(store, home, a_push)
    drop.put(stream({"identifier": "ann@example.com"}, {"identifier": "bob@example.com"}))
    held = store.held()
    full, control = (next(name for name in held if name.endswith(ending)) for ending in ("_full.csv", ".ctl.json"))
    if touch == "gone":
        store.far.remove(full)
    elif touch == "control":
        store.far.put(control, held[control][:40])
    else:
        store.far.put(full, held[full].replace(b"ann", b"amy") if touch == "changed" else held[full][:-20])
    assert read(drop) == set()
    with pytest.raises(PermanentError, match="no complete drop"):
        drop.release(stream({"identifier": "ann@example.com"}))
    drop.put(stream({"identifier": "ann@example.com"}, {"identifier": "bob@example.com"}))
    assert read(drop) == {"ann@example.com", "bob@example.com"} and "there_v000007_00000002_full.csv" in store.held()


def test_what_cannot_be_reached_is_not_taken_for_gone(store, home, a_push, stream) -> None:
    """A cut connection while a list is read must not look like an empty list, or everything would be put again."""
    drop = opened(store, home, a_push)
    drop.put(stream({"identifier": "ann@example.com"}))
    store.far.cuts = 99  # an S3 list is asked for several times
    with pytest.raises(TransientError):
        read(drop)
    store.far.cuts = 0
    assert read(drop) == {"ann@example.com"}, "the connection is made again"


def test_a_cut_in_the_middle_of_a_drop_leaves_the_one_before(store, home, a_push, stream) -> None:
    drop = opened(store, home, a_push)
    drop.put(stream({"identifier": "ann@example.com"}))
    if store.kind == "sftp_drop":
        store.far.cuts = 1
    else:
        store.far.full = True
    with pytest.raises(QuietlistError) as caught:
        drop.put(stream({"identifier": "bob@example.com"}))
    assert "bob" not in str(caught.value) and caught.value.next_step
    store.far.cuts, store.far.full = 0, False
    assert read(drop) == {"ann@example.com"}
    drop.put(stream({"identifier": "bob@example.com"}))
    assert read(drop) == {"ann@example.com", "bob@example.com"} and not [name for name in store.held() if name.endswith(".part")]


def test_a_name_that_is_taken_is_never_written_over(store, home, a_push, stream, monkeypatch) -> None:
    """Another writer takes the next number between our look and our put."""
    drop = opened(store, home, a_push)
    look = drop.shelf.names

    taken = "there_v000007_00000001_full.csv"

    def late() -> list[str]:
        seen = [name for name in look() if not name.startswith(taken)]
        store.far.put(taken, b"of somebody else")
        return seen

    with monkeypatch.context() as patch:
        patch.setattr(drop.shelf, "names", late)
        with pytest.raises(PermanentError, match="who else writes there"):
            drop.put(stream({"identifier": "ann@example.com"}))
    assert store.held()[taken] == b"of somebody else"
    drop.put(stream({"identifier": "ann@example.com"}))
    assert read(drop) == {"ann@example.com"}


def test_parquet_on_another_machine(store, home, a_push, stream) -> None:
    drop = opened(store, home, a_push, format="parquet")
    drop.put(stream({"identifier": "=ann@example.com"}))
    assert [row["identifier"] for row in store.table()] == ["=ann@example.com"] and read(drop) == {"=ann@example.com"}


def test_wrong_credentials_are_told_and_say_nothing(store, home, a_push, monkeypatch) -> None:
    monkeypatch.setenv("FAR_PASS", "of another")
    with pytest.raises(CredentialsRefused) as caught:
        drop = opened(store, home, a_push)
        read(drop)
    assert "of another" not in str(caught.value) and caught.value.allowed
    monkeypatch.delenv("FAR_PASS")
    with pytest.raises(ConfigError, match="FAR_PASS is not set"):
        opened(store, home, a_push)


def test_nobody_is_in_a_log(store, home, a_push, stream, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("", "httpx", "httpcore.http11", "asyncssh", "orchestration"):
        caplog.set_level(logging.DEBUG, logger=name)
    drop = opened(store, home, a_push)
    drop.put(stream({"identifier": "ann@example.com"}))
    drop.close()
    assert "ann" not in caplog.text and PASSWORD not in caplog.text


def test_another_server_gets_no_password_and_no_list(sftp, home, a_push) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    with pytest.raises(PermanentError, match="shows another key than those of host_keys: ssh-ed25519"):
        opened(sftp, home, a_push, host_keys=[other])
    assert sftp.far.logins == [] and sftp.held() == {}


def test_a_full_server_is_told_and_the_drop_before_is_whole(sftp, home, a_push, stream) -> None:
    drop = opened(sftp, home, a_push)
    drop.put(stream({"identifier": "ann@example.com"}))
    sftp.far.full = True
    with pytest.raises(PermanentError, match=r"refuses to write.*quota.*the drop before it is whole"):
        drop.put(stream({"identifier": "bob@example.com"}))
    assert read(drop) == {"ann@example.com"}


def test_an_account_that_may_only_write_is_told_that_nothing_can_be_proved(sftp, home, a_push, stream) -> None:
    drop = opened(sftp, home, a_push)
    drop.put(stream({"identifier": "ann@example.com"}))
    sftp.far.denied |= set(sftp.held())
    with pytest.raises(PermanentError, match=r"a file of ours that may not be read.*else nothing there can be proved"):
        read(drop)


def test_a_folder_that_is_not_there_is_told_before_anything_is_written(sftp, home, a_push) -> None:
    drop = opened(sftp, home, a_push, folder="nowhere")
    with pytest.raises(PermanentError, match=r"no such folder.*have the folder made"):
        read(drop)


@pytest.mark.parametrize(
    ("system", "keys", "said"),
    [
        ("sftp_drop", {"host_keys": ["ssh-ed25519 AAAA"]}, "without the host before it"),
        ("sftp_drop", {"password_env": None}, "needs exactly one of password_env and key_env"),
        ("sftp_drop", {"columns": ["identifier"]}, "is needed to read a row back"),
        ("s3_drop", {"endpoint": "http://storage.example.com"}, "is not encrypted"),
        ("s3_drop", {"bucket": "a/b"}, "is not the name of a bucket"),
        ("s3_drop", {"format": "xlsx"}, "'csv' or 'parquet'"),
        ("s3_drop", {"folder": "x"}, "unknown key"),
    ],
)
def test_what_is_configured_wrongly_is_told(home, system, keys, said) -> None:
    right = {
        "sftp_drop": {"host": "sftp.example.com", "user": "acme", "password_env": "P", "host_keys": [GOOD_KEY]},
        "s3_drop": {"bucket": "acme", "key_id_env": "I", "secret_key_env": "S"},
    }[system]
    lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in {**right, **keys}.items() if value is not None)
    text = f'[company]\nname = "Acme"\n[destinations.there]\nsystem = "{system}"\nchannels = ["email"]\n{lines}'
    problems = settings_problems(parse_config(text, home.config_file), home)
    assert len(problems) == 1 and said in problems[0], problems


GOOD_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"


def test_without_the_package_the_configuration_says_what_to_install(sftp, home, monkeypatch) -> None:
    from orchestration.remote import sftp as module

    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None)
    assert settings_problems(parse_config(sftp.toml(), home.config_file), home) == [
        "destinations.there.system: sftp_drop needs a package that is not installed: pip install 'quietlist[sftp]'"
    ]
