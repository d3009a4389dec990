"""When memory, spill folder or disk run out: a sentence that says which, what to do and that nothing is lost, and it is true."""

from __future__ import annotations

import errno
import stat
from pathlib import Path

import duckdb
import pytest

from orchestration.core.config import Config, Limits
from orchestration.core.errors import ConfigError, OutOfRoom, QuietlistError, redacted_errors
from orchestration.core.home import Home
from orchestration.core.warehouse import in_room, shortage, warehouse
from orchestration.reconcile.dbt import DbtFailed, NodeResult, _without_values
from tests.reconcile.test_golden_oracle import golden_rows, make_home, reconcile

# Rows that no compression makes small, sorted: more than the memory below, and more than the spill.
_LARGE = "create or replace table large as select range as n, md5(range::varchar) as text from range(400000) order by text"


def limited(config: Config, **limits: str) -> Config:
    return config.model_copy(update={"limits": config.limits.model_copy(update=limits)})


@pytest.mark.parametrize(
    ("case", "limits", "said", "next_step"),
    [
        ("memory", Limits(memory="20MB", spill="1GB"), "used up its memory of 20MB", "raise limits.memory"),
        ("spill", Limits(memory="40MB", spill="1KB"), "spilled 1KB and needed more", "raise limits.spill"),
    ],
)
def test_the_error_names_the_limit_and_more_of_it_helps(
    tmp_path: Path, case: str, limits: Limits, said: str, next_step: str
) -> None:
    home = Home.at(tmp_path / "home").create()
    with pytest.raises(OutOfRoom) as caught, warehouse(home, limits=limits) as con:
        con.execute(_LARGE)
    assert said in caught.value.seen and next_step in caught.value.next_step, f"{case}: {caught.value}"
    assert "nothing is lost" in str(caught.value)
    with warehouse(home, limits=Limits(memory="500MB")) as con:
        con.execute(_LARGE)
        assert con.execute("select count(*) from large").fetchall() == [(400_000,)], case


def test_a_full_disk_is_named_and_other_trouble_is_not_taken_for_one() -> None:
    for text in ("IO Error: Could not write file: No space left on device", "database or disk is full", "Disk quota exceeded"):
        seen, next_step = shortage(text, Limits()) or ("", "")
        assert "disk" in seen and "full" in seen and "make room" in next_step, text
    assert shortage("Conversion Error: Could not convert string", Limits()) is None


def test_a_run_that_ran_out_of_memory_in_the_models_says_so_and_the_next_one_ends_well(tmp_path: Path) -> None:
    head = "request_key,requested_at,action,method,channels,scope,email\n"
    lines = "".join(f"k{n},2026-03-01T10:00:00Z,opt_out,web_form,email,acme,{n}@example.com\n" for n in range(2_000))
    home, config = make_home(tmp_path / "home")
    (home.inbox / "asks" / "a.csv").write_text(head + lines)
    with pytest.raises(QuietlistError) as caught:
        reconcile(home, limited(config, memory="24MB", spill="1MB"))
    assert "raise limits." in caught.value.next_step and "DuckDB" in caught.value.seen, str(caught.value)
    assert not list(home.spill_folder.iterdir()), "what was spilled is gone"
    reconcile(home, config)
    assert len(golden_rows(home)) == 2_000


def test_the_spill_folder_may_be_elsewhere_and_must_be_private(tmp_path: Path) -> None:
    home = Home.at(tmp_path / "home").create()
    elsewhere = tmp_path / "scratch"
    with warehouse(home, limits=Limits(memory="40MB", spill_folder=str(elsewhere))) as con:
        con.execute(_LARGE.replace("create or replace table", "create temp table"))
        assert list(elsewhere.rglob("*.tmp")), "nothing was spilled there"
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o700
    assert not list(elsewhere.rglob("*.tmp")), "what was spilled is gone"
    elsewhere.chmod(0o755)
    with pytest.raises(ConfigError, match="others may read"), warehouse(home, limits=Limits(spill_folder=str(elsewhere))):
        pytest.fail("opened")
    with pytest.raises(ConfigError, match=r"limits\.spill_folder"), warehouse(home, limits=Limits(spill_folder="/dev/null/x")):
        pytest.fail("opened")


def test_any_other_error_of_duckdb_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(duckdb.CatalogException), warehouse(Home.at(tmp_path / "home").create()) as con:
        con.execute("select * from nowhere")


def test_a_full_disk_is_told_with_its_folder_and_what_is_free_whatever_was_raised_last(tmp_path: Path) -> None:
    home = Home.at(tmp_path / "home").create()
    home.warehouse_file.write_bytes(b"x" * 3_000_000)
    place = home.warehouse_file.with_name("warehouse.duckdb.wal")
    said = f'IO Error: Could not write file "{place}": No space left on device'

    def of_python() -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(place))

    def of_duckdb() -> None:
        raise duckdb.IOException(said)

    def of_a_rollback() -> None:
        try:
            raise duckdb.IOException(said)
        except duckdb.Error:
            raise duckdb.TransactionException("cannot rollback - no transaction is active")  # noqa: B904

    def of_a_database_that_shut_itself() -> None:
        raise duckdb.FatalException(f'FATAL Error: database has been invalidated. Original error: "{said}"')

    for fails in (of_python, of_duckdb, of_a_rollback, of_a_database_that_shut_itself):
        with pytest.raises(OutOfRoom) as caught, redacted_errors("Running golden"):
            fails()
        assert f"the disk of {home.warehouse_folder} is full" in caught.value.seen, f"{fails.__name__}: {caught.value}"
        assert "are free" in caught.value.seen and "3.0 MB" in caught.value.seen, f"{fails.__name__}: {caught.value}"
        assert "make room" in caught.value.next_step, fails.__name__
        if fails is not of_python:
            with pytest.raises(OutOfRoom, match="is full"), in_room(Limits(), "Working"):
                fails()


def test_models_on_a_full_disk_blame_no_model() -> None:
    for text in (
        'Runtime Error in model requests: IO Error: Could not write file "/nowhere/w.duckdb.wal": No space left on device',
        'FATAL Error: Failed: database has been invalidated. Original error: "Could not write file "/nowhere/w.wal": No space"',
        "TransactionContext Error: Failed to commit: Could not write all bytes to file",
    ):
        result = NodeResult("model.x", "error", 0.1, None, _without_values(text))
        failed = DbtFailed("tag:golden", [result], "", Limits())
        assert "full" in failed.seen and "model" not in failed.seen, text
        assert "fix the model" not in failed.next_step, text
    personal = "Constraint Error: Duplicate key ann@example.com"
    assert "ann@" not in _without_values(personal) and "full" not in _without_values(personal)
